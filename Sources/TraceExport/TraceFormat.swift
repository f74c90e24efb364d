public import Bytes

/// The formats of other tools that a trace can be written in.
public enum TraceFormat: String, CaseIterable, Sendable {
  case chrome, perfetto, speedscope, pprof, folded, csv, ndjson, sqlite

  /// Whether it is made in a file, back and forth, and cannot go to a stream: `TraceDatabase` writes it.
  public var needsFile: Bool { self == .sqlite }

  public func write(_ trace: ExportedTrace, to sink: any ByteSink) throws(WriteError) {
    switch self {
    case .chrome: try ChromeTrace(trace: trace).write(to: sink)
    case .perfetto: try PerfettoTrace(trace: trace).write(to: sink)
    case .speedscope: try Speedscope(trace: trace).write(to: sink)
    case .pprof: try PprofProfile(trace: trace).write(to: sink)
    case .folded: try FoldedStacks(trace: trace).write(to: sink)
    case .csv: try EventTable(trace: trace, isCSV: true).write(to: sink)
    case .ndjson: try EventTable(trace: trace, isCSV: false).write(to: sink)
    case .sqlite: throw WriteError("a database is written to a file, not to a stream")
    }
  }
}
