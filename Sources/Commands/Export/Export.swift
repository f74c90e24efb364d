public import Bytes
public import TraceExport
public import TraceModel

/// `etdump export`: a trace in the formats of other tools.
public struct ExportRequest: Sendable {
  public var paths: InputPaths
  public var format: TraceFormat
  public var conversion: TimeConversion
  public var method: String?
  public var runs = RunSelection.all
  public var output: String?

  public init(paths: InputPaths, format: TraceFormat, conversion: TimeConversion) {
    self.paths = paths
    self.format = format
    self.conversion = conversion
  }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    if format.needsFile, output ?? "-" == "-" {
      throw Trouble("a database needs a file to be written to: -o trace.db", status: .usage)
    }
    let inputs = try Inputs(paths)
    let trace = Trace(inputs.dump, runs: runs)
    let aligned = try Inputs.reading(inputs.names.record ?? inputs.names.program ?? paths.traces[0]) {
      (_) throws(ReadError) in
      try AlignedTrace(trace, record: inputs.record, program: inputs.program, method: method)
    }
    let model = (inputs.names.program ?? inputs.names.record)?.split(separator: "/").last.map(String.init)
    let exported = ExportedTrace(
      aligned, clock: ExportClock(conversion), program: inputs.program, model: model == "-" ? nil : model)
    if format.needsFile, let output {
      try write(exported, toFile: output)
    } else {
      try Output.write(to: output, standard: out) { try format.write(exported, to: $0) }
    }
    return .fine
  }

  private func write(_ trace: ExportedTrace, toFile path: String) throws {
    let file = try AtomicFile(path: path)
    guard let temporary = file.temporary else {
      throw Trouble("\(path): not a regular file, which a database needs", status: .usage)
    }
    try TraceDatabase(trace).write(to: temporary)
    try file.commit()
  }
}
