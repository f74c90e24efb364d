import Analysis
public import Bytes
import ETCore
import ETDumpFormat
import Presentation
public import TraceModel

/// `etdump flame`: a trace, or two sets of traces, as one HTML page.
public struct FlameRequest: Sendable {
  public var paths: InputPaths
  /// What to compare with: earlier traces, with the files of their own model where it is another.
  public var base: InputPaths?
  public var conversion: TimeConversion
  public var method: String?
  public var runs = RunSelection.all
  /// The file to write; `-` for the standard output.
  public var output: String

  public init(paths: InputPaths, conversion: TimeConversion, output: String) {
    self.paths = paths
    self.conversion = conversion
    self.output = output
  }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var places = ReportPlaces()
    let new = try side(paths, &places)
    let base = try base.map { try side($0, &places) }
    let comparison = try self.base.map { base in
      var request = DiffRequest(base: base, new: paths, conversion: conversion)
      request.method = method
      request.runs = runs
      (request.width, request.top) = (130, 20)
      return try ReportComparison(request, notes: notes)
    }
    var columns = ColumnData()
    var json = JSONWriter()
    json.object { json in
      json.member("schema", "ettools.report/1")
      json.member("version", Version.current)
      json.member("title", title)
      json.member("scale", conversion.source.rawValue)
      // How many nanoseconds, or cycles, a tick has.
      json.key("tick")
      json.array { json in
        json.value(conversion.tickRatio.numerator)
        json.value(conversion.tickRatio.denominator)
      }
      json.strings("kinds", ReportRows.kinds.map(\.1))
      if let comparison {
        json.strings("verdicts", ReportComparison.verdicts)
        json.strings("comparison", comparison.lines)
        columns.add("0.row.verdict", new.verdicts(comparison, isBase: false))
        columns.add("1.row.verdict", base?.verdicts(comparison, isBase: true) ?? [])
      }
      json.key("sides")
      json.array { json in
        new.write(&json, &columns, prefix: "0", &places.texts)
        base?.write(&json, &columns, prefix: "1", &places.texts)
      }
      columns.add("module.parent", places.modules.parents)
      columns.add("line.parent", places.lines.parents)
      columns.add("line.line", places.lines.steps.map(\.line))
      for (name, text) in [
        ("module.name", places.modules.steps), ("line.file", places.lines.steps.map { String($0.file) }),
        ("line.function", places.lines.steps.map { String($0.function) }),
        ("line.code", places.lines.steps.map { String($0.code) }),
      ] {
        columns.add(name, text.map { places.texts.number($0) })
      }
      json.strings("texts", places.texts.all)
      json.key("columns")
      columns.writePlaces(&json)
    }
    try Output.write(to: output, standard: out) { sink in
      try HTMLPage(template: "report").write(title: title, data: json.take(), columns: columns, to: sink)
    }
    return .fine
  }

  private var title: String {
    let names = paths.traces.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    return names.count == 1 ? names[0] : "\(names[0]) and \(names.count - 1) more"
  }

  private func side(_ paths: InputPaths, _ places: inout ReportPlaces) throws -> ReportTrace {
    let inputs = try Inputs(paths)
    let aligned = try Inputs.reading(inputs.names.record ?? inputs.names.program ?? paths.traces[0]) {
      (_) throws(ReadError) in
      try AlignedTrace(
        Trace(inputs.dump, runs: runs), record: inputs.record, program: inputs.program, method: method)
    }
    return ReportTrace(inputs, aligned, conversion, &places)
  }
}
