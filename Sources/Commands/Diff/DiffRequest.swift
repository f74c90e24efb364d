public import Analysis
public import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import Presentation
public import TraceModel

/// `etdump diff`: what changed between two sets of traces, and how sure that is.
public struct DiffRequest: Sendable {
  public enum Format: String, CaseIterable, Sendable { case table, json, ndjson, csv, tsv, markdown }
  public enum Failure: String, CaseIterable, Sendable { case slower, faster, any }

  public var base: InputPaths
  /// Where it names no files of the exporter, the base's hold for it too.
  public var new: InputPaths
  public var conversion: TimeConversion
  public var method: String?
  public var newMethod: String?
  public var runs = RunSelection.all
  public var settings = TraceDiff.Settings()
  public var failOn: Failure?
  /// Rows to keep, those that changed most; nil for the format's own choice, 0 for all.
  public var top: Int?
  public var format = Format.table
  public var output: String?
  /// Characters to a line, where a terminal sets a limit.
  public var width: Int?

  public init(base: InputPaths, new: InputPaths, conversion: TimeConversion) {
    self.base = base
    self.new = new
    self.conversion = conversion
  }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    let diff = try compare(notes: notes)
    try Output.write(to: output, standard: out) { sink in
      switch format {
      case .table, .markdown: try DiffTable(diff: diff, request: self).write(to: sink)
      case .json, .ndjson: try DiffJSON(diff: diff, request: self).write(lines: format == .ndjson, to: sink)
      case .csv, .tsv: try DiffRows(diff: diff, request: self).write(to: sink)
      }
    }
    guard let failOn else { return .fine }
    return diff.has(failOn) ? .found : .fine
  }

  public func compare(notes: any ByteSink) throws -> TraceDiff {
    let (base, new) = try load(notes: notes)
    return TraceDiff(base: base, new: new, settings: settings)
  }

  /// The traces of both sides, one for each file.
  func load(notes: any ByteSink) throws -> (base: [AlignedTrace], new: [AlignedTrace]) {
    let from = try Self.load(base, method, runs, side: "base", notes)
    var paths = new
    if paths.record == nil && paths.program == nil && paths.models.isEmpty {
      (paths.record, paths.program, paths.models) = (base.record, base.program, base.models)
    }
    return (from, try Self.load(paths, newMethod ?? method, runs, side: "new", notes))
  }

  private static func load(
    _ paths: InputPaths, _ method: String?, _ runs: RunSelection, side: String, _ notes: any ByteSink
  ) throws -> [AlignedTrace] {
    // The exporter's files are read once, with the first trace.
    var first = paths
    first.traces = Array(paths.traces.prefix(1))
    let inputs = try Inputs(first)
    var aligned: [AlignedTrace] = []
    for (index, path) in paths.traces.enumerated() {
      let dump =
        index == 0
        ? inputs.dump : try Inputs.reading(path) { (path) throws(ReadError) in try Inputs.readTrace(path) }
      aligned.append(
        try Inputs.reading(inputs.names.record ?? inputs.names.program ?? path) { (_) throws(ReadError) in
          try AlignedTrace(
            Trace(dump, runs: runs), record: inputs.record, program: inputs.program, method: method)
        })
      if aligned[index].trace.blocks.allSatisfy({ $0.rows.isEmpty }) {
        try notes.write("etdump: note: no events in \(path)\n")
      }
    }
    if aligned.contains(where: { !$0.methods.unfitting.isEmpty }) {
      let option = side == "new" ? "--new-etrecord or --new-program" : "--etrecord or --program"
      try notes.write(
        "etdump: warning: the instructions that the \(side) recorded do not fit the given record or program; "
          + "name the right one with \(option)\n")
    }
    if aligned.contains(where: { !$0.methods.ambiguous.isEmpty }) {
      try notes.write(
        "etdump: note: several methods fit what the \(side) recorded: say which with --\(side == "new" ? "new-" : "")method\n"
      )
    }
    return aligned
  }
}

extension TraceDiff {
  /// Whether there is what a gate is asked to stop: a total, all operators together, or a row.
  func has(_ failure: DiffRequest.Failure) -> Bool {
    sections.contains { section in
      let classes = section.rows.map(\.classification) + [section.totalClass]
      let all = section.launchWide.flatMap { $0.isChange ? ($0.relative > 0 ? Class.slower : .faster) : nil }
      switch failure {
      case .slower: return classes.contains(.slower) || all == .slower
      case .faster: return classes.contains(.faster) || all == .faster
      case .any: return classes.contains { $0 != .unchanged } || all != nil
      }
    }
  }
}
