import Analysis
import Bytes
import Commands
import ETCore
import ETDumpFormat
import ETTracing
import Foundation
import TestSupport
import Testing

@Suite struct Journals {
  private func tracer(_ path: String, limit: Int = .max) throws -> EventTracer {
    var configuration = RecordedTraces.configuration()
    configuration.storage = .journal(path: path, limit: limit)
    configuration.debugLevel = .intermediates
    configuration.metadata = [("device", "bench 3")]
    return try EventTracer(configuration)
  }

  private func bytes(_ path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: path))) }

  private func read(_ bytes: [UInt8]) throws -> ETDump { try bytes.withUnsafeBytes { try ETDump(reading: $0) } }

  /// Everything that a journal can hold, the zeros behind it left out.
  private func small() throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let tracer = try tracer(folder.file("run.etj"))
    let thread = tracer.thread()
    RecordedTraces.runAsTheRuntimeDoes(tracer, thread)
    let source = ValueSource.delegate(tracer.delegate("relu"))
    let (sizes, strides) = ([2, 3], [3, 1])
    let tensor = sizes.withUnsafeBufferPointer { sizes in
      strides.withUnsafeBufferPointer { strides in
        let tensor = LoggedTensor(
          data: nil, byteCount: 0, scalarType: .float, sizes: sizes.baseAddress, strides: strides.baseAddress, rank: 2)
        thread.logTensor(tensor, from: source, isOutput: true)
        [tensor, nil].withUnsafeBufferPointer { thread.logOptionalTensorList($0, from: source) }
        return tensor.rank
      }
    }
    #expect(tensor == 2)
    thread.logInt(5, from: source)
    [1, 2].withUnsafeBufferPointer { thread.logIntList($0, from: source) }
    thread.trackAllocation(thread.trackAllocator("arena"), bytes: 64)
    "metadata".utf8.withContiguousStorageIfAvailable {
      thread.recordDelegate(tracer.delegate(1), start: 1, end: 2, metadata: UnsafeRawBufferPointer($0))
    }
    let all = try bytes(folder.file("run.etj"))
    let end = try #require(all.lastIndex { $0 != 0 })
    return Array(all[...end])
  }

  @Test func becomeTheETDumpThatMemoryBecomes() throws {
    let folder = try TemporaryFolder()
    let streaming = try tracer(folder.file("run.etj"))
    RecordedTraces.runAsTheRuntimeDoes(streaming, streaming.thread())
    let inMemory = try EventTracer(RecordedTraces.configuration())
    RecordedTraces.runAsTheRuntimeDoes(inMemory, inMemory.thread())
    let dump = try read(try bytes(folder.file("run.etj")))
    #expect(dump.container.form == .journal)
    #expect(RecordedTraces.lines(dump) == RecordedTraces.lines(try RecordedTraces.written(inMemory)))
    #expect(RecordedTraces.lines(dump) == RecordedTraces.lines(try RecordedTraces.written(streaming)))
    #expect(try RecordedTraces.metadata(dump).contains("device=bench 3"))
  }

  @Test func areOpenedByTheCommandsAndWrittenAsAnETDump() throws {
    let folder = try TemporaryFolder()
    let streaming = try tracer(folder.file("run.etj"))
    RecordedTraces.runAsTheRuntimeDoes(streaming, streaming.thread())
    let (out, notes) = (MemorySink(), MemorySink())
    let cat = CatRequest(trace: folder.file("run.etj"), format: .etdp, output: folder.file("run.etdp"))
    #expect(try cat.run(out: out, notes: notes) == .fine)
    let dump = try read(try bytes(folder.file("run.etdp")))
    #expect(dump.container.form == .sizePrefixed)
    #expect(RecordedTraces.lines(dump) == RecordedTraces.lines(try streaming.etdump()))
    // It is a journal, and it has a single run.
    let findings = try CheckRequest(paths: InputPaths(traces: [folder.file("run.etj")])).find()
    #expect(findings.map(\.rule.number) == [12, 23])
    let lines = CatRequest(trace: folder.file("run.etj"), format: .ndjson, output: nil)
    #expect(try lines.run(out: out, notes: notes) == .fine)
    #expect(out.text.contains(#""container":"journal""#))
  }

  @Test func goOnInNewPieces() throws {
    let folder = try TemporaryFolder()
    let streaming = try tracer(folder.file("run.etj"))
    let thread = streaming.thread()
    let name = streaming.intern("OPERATOR_CALL")
    for _ in 0..<100_000 { thread.record(name, start: 1, end: 2) }
    #expect(try read(try bytes(folder.file("run.etj"))).events.count == 100_000)
    let summary = try streaming.finish()
    #expect(summary.recorded == 100_000 && summary.dropped == 0)
  }

  @Test func dropAndCountBeyondTheirLimit() throws {
    let folder = try TemporaryFolder()
    let streaming = try tracer(folder.file("run.etj"), limit: 3 << 20)
    let thread = streaming.thread()
    let name = streaming.intern("OPERATOR_CALL")
    for _ in 0..<100_000 { thread.record(name, start: 1, end: 2) }
    // Later names find no room either.
    for index in 0..<100_000 { _ = streaming.intern("name \(index)") }
    thread.record(streaming.intern("late"), start: 1, end: 2)
    let path = folder.file("run.etj")
    #expect(try bytes(path).count <= 3 << 20)
    let dump = try read(try bytes(path))
    let summary = try streaming.finish()
    #expect(summary.recorded == dump.events.count && summary.recorded + summary.dropped == 100_001)
    #expect(try RecordedTraces.metadata(dump).contains("dropped_events=\(summary.dropped)"))
  }

  /// A list of tensors of which one finds no room in the debug buffer leaves nothing behind that is no record.
  @Test func stayWholeWhereAListIsGivenUp() throws {
    let folder = try TemporaryFolder()
    var configuration = RecordedTraces.configuration()
    configuration.storage = .journal(path: folder.file("run.etj"))
    configuration.debugLevel = .intermediates
    configuration.debugBuffer = .memory(capacity: 128)
    let streaming = try EventTracer(configuration)
    let thread = streaming.thread()
    thread.beginBlock(streaming.intern("Execute"))
    let source = ValueSource.named(streaming.intern("native_call_split.out"))
    let (sizes, strides, elements) = ([4], [1], [Float](repeating: 1, count: 4))
    sizes.withUnsafeBufferPointer { sizes in
      strides.withUnsafeBufferPointer { strides in
        elements.withUnsafeBytes { elements in
          let tensor = LoggedTensor(
            data: elements.baseAddress, byteCount: 16, scalarType: .float, sizes: sizes.baseAddress,
            strides: strides.baseAddress, rank: 1)
          // Two of the three fit.
          [tensor, tensor, tensor].withUnsafeBufferPointer { thread.logTensorList($0, from: source) }
          [tensor, nil, tensor].withUnsafeBufferPointer { thread.logOptionalTensorList($0, from: source) }
        }
      }
    }
    thread.event(streaming.intern("OPERATOR_CALL")) {}
    #expect(try streaming.finish().droppedValues == 2)
    let dump = try read(try bytes(folder.file("run.etj")))
    #expect(dump.runs.first?.events?.count == 1)
  }

  @Test func readEqualAtEveryPrefix() throws {
    let whole = try small()
    let all = try read(whole).events.count
    var most = 0
    ByteEdits.forEachPrefix(of: whole) { prefix, count in
      guard let dump = try? ETDump(reading: prefix) else {
        // Only a cut header is an error.
        #expect(count < 64)
        return
      }
      #expect(dump.events.count >= most)
      most = dump.events.count
    }
    #expect(all > 10 && most >= all - 1)
  }

  @Test func surviveEveryDamagedByte() throws {
    let whole = try small()
    // Where something stands, and the place behind it; not the rest of each piece.
    let last = whole.indices.map { whole[max($0 - 48, 0)...$0].contains { $0 != 0 } }
    let used = whole.indices.filter { last[$0] }
    var copy = whole
    for place in used {
      for value in [0, 255, whole[place] ^ 1 << UInt8(place % 8)] as [UInt8] where value != whole[place] {
        copy[place] = value
        if let dump = try? read(copy) {
          #expect(dump.events.count <= whole.count / 40)
          // What was read can be written.
          _ = try dump.encoded()
        }
      }
      copy[place] = whole[place]
    }
  }

  @Test func surviveRandomDamage() throws {
    let whole = try small()
    // The header and the last quarter, where the records are, near each other.
    for seed in ByteEdits.seeds(2000) {
      let edited = Array(whole[..<(1 << 14)]) + ByteEdits.random(Array(whole[(1 << 14)...]), seed: seed)
      guard let dump = try? read(edited) else { continue }
      let again = try read(try dump.encoded())
      #expect(again.events.count == dump.events.count, "seed \(seed)")
    }
  }
}
