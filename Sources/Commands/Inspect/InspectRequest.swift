import Analysis
public import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import Presentation
public import TraceModel

/// `etdump inspect`: where the time of a trace went.
public struct InspectRequest: Sendable {
  public enum Format: String, CaseIterable, Sendable { case table, json, ndjson, csv, tsv, markdown }
  public enum Group: String, CaseIterable, Sendable { case event, op, backend, module, source, block, run }
  public enum SortKey: String, CaseIterable, Sendable { case order, total, p50, avg, max, `self`, name }

  public var paths: InputPaths
  public var conversion: TimeConversion
  public var method: String?
  public var runs = RunSelection.all
  public var group = Group.event
  /// How many steps of the module path to keep; nil for all.
  public var moduleDepth: Int?
  public var allEvents = false
  public var referenceFaults = false
  public var sort: SortKey?
  /// Rows to keep, the most expensive ones; nil for the format's own choice, 0 for all.
  public var top: Int?
  public var format = Format.table
  public var output: String?
  /// Characters to a line, where a terminal sets a limit.
  public var width: Int?
  public var debugBuffer: String?

  public init(paths: InputPaths, conversion: TimeConversion) {
    self.paths = paths
    self.conversion = conversion
  }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    if let debugBuffer {
      _ = try Inputs.reading(debugBuffer) { (path) throws(ReadError) in try FileContents.open(path) }
    }
    let inputs = try Inputs(paths)
    let trace: Trace
    if referenceFaults {
      do {
        trace = try Trace.asReference(inputs.dump, runs: runs, in: conversion)
      } catch {
        throw Trouble("\(paths.traces[0]): \(error)")
      }
    } else {
      trace = Trace(inputs.dump, runs: runs)
    }
    let aligned = try Inputs.reading(inputs.names.record ?? inputs.names.program ?? paths.traces[0]) {
      (_) throws(ReadError) in
      try AlignedTrace(
        trace, record: inputs.record, program: inputs.program, method: method, reference: referenceFaults)
    }
    try explain(aligned, notes: notes)
    try Output.write(to: output, standard: out) { sink in
      switch (format, group) {
      case (.tsv, .event), (.csv, .event):
        try InspectTSV(
          trace: trace, alignment: aligned.alignment, conversion: conversion, allEvents: allEvents,
          reference: referenceFaults
        ).write(separator: format == .tsv ? "\t" : ",", to: sink)
      case (.json, .event), (.ndjson, .event):
        try InspectJSON(aligned: aligned, conversion: conversion, reference: referenceFaults)
          .write(lines: format == .ndjson, to: sink)
      case (.table, .event), (.markdown, .event):
        try InspectTable(aligned: aligned, request: self, inputs: inputs).write(to: sink)
      default:
        try InspectGroups(aligned: aligned, request: self).write(to: sink)
      }
    }
    return .fine
  }

  /// Says what a reader of the table must know and would not see in it.
  private func explain(_ aligned: AlignedTrace, notes: any ByteSink) throws(WriteError) {
    let trace = aligned.trace
    if trace.blocks.allSatisfy({ $0.rows.isEmpty }) {
      try notes.write(
        "etdump: note: no events in \(paths.traces.joined(separator: ", ")). Events are recorded when the runtime is built with "
          + "the event tracer (ET_EVENT_TRACER_ENABLED) and the module is given an ETDumpGen\n")
    }
    if !aligned.methods.ambiguous.isEmpty {
      try notes.write("etdump: note: several methods fit the recorded instructions: say which with --method\n")
    }
    if !aligned.methods.unfitting.isEmpty {
      try notes.write(
        "etdump: warning: the recorded instructions do not fit the given record or program: is it of another model? See etdump check\n"
      )
    }
    for fault in aligned.program?.faults ?? [] {
      try notes.write("etdump: warning: a delegate's payload cannot be read: \(fault)\n")
    }
  }
}
