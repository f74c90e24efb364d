import Bytes
import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// The reference Inspector's `save_data_to_tsv`: its columns, its order, its text of every value.
struct InspectTSV {
  let trace: Trace
  let alignment: Alignment
  let conversion: TimeConversion
  let allEvents: Bool
  let reference: Bool

  /// - Parameter separator: A tab for the reference's form, a comma for the same as CSV.
  func write(separator: Unicode.Scalar, to out: any ByteSink) throws(WriteError) {
    var writer = DelimitedWriter(separator: separator)
    let unit = " (\(conversion.target.rawValue))"
    writer.row(
      ["", "event_block_name", "event_name"] + ["p10", "p50", "p90", "avg", "min", "max"].map { $0 + unit }
        + ["op_types", "is_delegated_op", "delegate_backend_name", "start_time"])
    var index = 0
    for (block, events) in trace.blocks.enumerated() {
      for row in events.rows.indices {
        let name = trace.name(of: events.rows[row])
        if !allEvents && name.contains(EventBlock.FrameworkEvent.operatorCall) { continue }
        writer.row([String(index), events.name, name] + cells(block, row))
        index += 1
      }
    }
    try out.write(writer.bytes)
  }

  private func cells(_ block: Int, _ row: Int) -> [String] {
    let association = alignment[block, row]
    let perf = trace.perfData(block: block, row: row, in: conversion, reference: reference)
    let times = perf.map { [$0.p10, $0.p50, $0.p90, $0.avg, $0.min, $0.max].map(PythonText.float) }
    let starts = trace.starts(block: block, row: row, reference: reference).map {
      PythonText.list($0.map { String($0) })
    }
    return (times ?? Array(repeating: "", count: 6)) + [
      Self.operatorCell(alignment.operators(block: block, row: row).operators),
      PythonText.bool(
        trace.kinds[block][row] == .delegated || trace.delegateIdentifier(of: trace.blocks[block].rows[row]) != nil),
      association.backend ?? "", starts ?? "",
    ]
  }

  /// A list of fewer than five is printed whole.
  static func operatorCell(_ operators: [String]) -> String {
    guard operators.count >= 5 else { return PythonText.list(operators.map(PythonText.quoted)) }
    return "['\(operators[0])', '\(operators[1])' ... '\(operators[operators.count - 1])'] (\(operators.count) total)"
  }
}
