import Bytes
import CFlatBuffers
import ETCore
import ETDumpFormat
import ETTracing
import TestSupport
import Testing

@Suite struct Journals {
  private func tracer(_ path: String) throws -> EventTracer {
    var configuration = RecordedTraces.configuration()
    configuration.storage = .journal(path: path)
    configuration.metadata = [("device", "bench 3")]
    return try EventTracer(configuration)
  }

  private func lines(_ dump: ETDump) -> [String] {
    dump.events.map { "\(dump.text($0.name)) \($0.chainIndex) \($0.instructionID)" }
  }

  @Test func becomesTheETDumpThatMemoryBecomes() throws {
    let folder = try TemporaryFolder()
    let streaming = try tracer(folder.file("run.etj"))
    RecordedTraces.runAsTheRuntimeDoes(streaming, streaming.thread())
    let inMemory = try EventTracer(RecordedTraces.configuration())
    RecordedTraces.runAsTheRuntimeDoes(inMemory, inMemory.thread())
    let contents = try FileContents.open(folder.file("run.etj"))
    let dump = try ETDump(reading: contents.bytes)
    #expect(dump.container.form == .journal)
    #expect(lines(dump) == lines(try RecordedTraces.written(inMemory)))
    #expect(lines(dump) == lines(try RecordedTraces.written(streaming)))
    let meta = try #require(dump.runs.last)
    #expect(meta.allocators.map { dump.text($0) }.contains("device=bench 3"))
    withExtendedLifetime(contents) {}
  }
}
