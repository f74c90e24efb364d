public import Analysis
public import Bytes
import CFlatBuffers
import Compression
import ETDumpFormat
import Presentation
import TraceModel

/// `etdump check`: is the trace sound, and does it fit the model?
public struct CheckRequest: Sendable {
  public enum Format: String, CaseIterable, Sendable { case table, json, ndjson }

  public var paths: InputPaths
  public var method: String?
  public var failOn = Severity.error
  public var format = Format.table
  public var output: String?

  public init(paths: InputPaths) { self.paths = paths }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    let findings = try find()
    try Output.write(to: output, standard: out) { sink in
      try CheckReport(trace: paths.traces.first ?? "", findings: findings).write(format, to: sink)
    }
    return findings.contains { $0.severity >= failOn } ? .found : .fine
  }

  public func find() throws -> [Finding] {
    var file = Findings.File()
    let inputs = try Inputs(paths) { (path) throws(ReadError) in
      let contents = try FileContents.openDecompressed(path)
      defer { withExtendedLifetime(contents) {} }
      let dump = try ETDump(reading: contents.bytes)
      file = Self.look(at: contents.bytes, dump.container)
      return dump
    }
    let aligned = try Inputs.reading(inputs.names.record ?? inputs.names.program ?? inputs.names.traces[0]) {
      (_) throws(ReadError) in
      try AlignedTrace(Trace(inputs.dump), record: inputs.record, program: inputs.program, method: method)
    }
    return Findings.find(aligned, file: file, record: inputs.record, program: inputs.program)
  }

  private static func look(at bytes: UnsafeRawBufferPointer, _ container: ETDump.Container) -> Findings.File {
    var file = Findings.File()
    file.end = bytes.count - container.trailingBytes
    // No FlatBuffer: nothing to verify, nothing behind it.
    if container.form == .journal { return file }
    let own = UnsafeRawBufferPointer(rebasing: bytes[..<file.end])
    let format = container.form == .plain ? CFB_ETDUMP : CFB_ETDUMP_SIZE_PREFIXED
    file.isStrictlyValid = cfb_verify(format, own.bindMemory(to: UInt8.self).baseAddress, own.count) == 1
    let rest = UnsafeRawBufferPointer(rebasing: bytes[file.end...])
    file.trailingIsZero = rest.allSatisfy { $0 == 0 }
    file.secondTrace = traceStart(in: rest).map { file.end + $0 }
    return file
  }

  /// Where an ETDump begins, by its identifier: eight bytes before, or four where it has no size.
  private static func traceStart(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 12 else { return nil }
    for place in 4..<bytes.count - 3 where bytes[place] == UInt8(ascii: "E") && bytes[place + 1] == UInt8(ascii: "D") {
      guard bytes[place + 2] == UInt8(ascii: "0"), bytes[place + 3] == UInt8(ascii: "0") else { continue }
      return place >= 8 ? place - 8 : place - 4
    }
    return nil
  }

  /// Writes what every rule means.
  public static func listRules(_ format: Format, output: String?, out: any ByteSink) throws {
    try Output.write(to: output, standard: out) { sink in try CheckReport.writeRules(format, to: sink) }
  }
}
