import Bytes
import ETCore
import Presentation
import TraceModel

/// A line for each event of each run: CSV with a header, or NDJSON.
struct EventTable {
  let trace: ExportedTrace
  let isCSV: Bool

  private static let columns = [
    "run", "event", "iteration", "start_ticks", "end_ticks", "start_ns", "duration_ns", "event_block", "name", "kind",
    "chain",
    "instruction", "method", "operator", "op_types", "module", "source", "backend", "own_clock",
  ]

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    let fragments = trace.labels.indices.map { block in
      trace.labels[block].indices.map { isCSV ? csv(block: block, row: $0) : json(block: block, row: $0) }
    }
    // What stands before each number.
    let names = Self.columns.prefix(7).enumerated().map { index, name in
      Array((isCSV ? index == 0 ? "" : "," : (index == 0 ? "{" : ",") + "\"\(name)\":").utf8)
    }
    if isCSV { text.put(Array((Self.columns.joined(separator: ",") + "\n").utf8)) }
    for run in trace.runs {
      try trace.forEachEvent(of: run) { (event) throws(WriteError) in
        let (start, end) = (trace.clock.nanoseconds(event.start), trace.clock.nanoseconds(event.end))
        func put(_ column: Int, _ number: UInt64) {
          text.put(names[column])
          text.put(number)
        }
        put(0, UInt64(run.index))
        put(1, UInt64(event.position))
        put(2, UInt64(run.iteration))
        put(3, event.start)
        put(4, event.recordedEnd)
        put(5, start)
        put(6, end - start)
        text.put(",")
        text.put(fragments[run.block][event.row])
        text.put("\n")
        try text.endRecord()
      }
    }
    try text.flush()
  }

  private func csv(block: Int, row: Int) -> [UInt8] {
    let (label, pooled) = (trace.labels[block][row], trace.aligned.trace.blocks[block])
    var line = DelimitedWriter(separator: ",")
    line.row([
      pooled.name, label.name, "\(label.kind)", "\(trace.aligned.trace.chain(of: pooled.rows[row]))",
      "\(trace.aligned.trace.instruction(of: pooled.rows[row]).value)", label.method ?? "", label.operatorName ?? "",
      label.operators.joined(separator: " "), label.module ?? "", label.sourceLine ?? "", label.backend ?? "",
      label.isForeign ? "1" : "0",
    ])
    return line.bytes.dropLast()
  }

  private func json(block: Int, row: Int) -> [UInt8] {
    let (label, pooled) = (trace.labels[block][row], trace.aligned.trace.blocks[block])
    var json = JSONWriter()
    json.object { json in
      json.member("event_block", pooled.name)
      json.member("name", label.name)
      json.member("kind", "\(label.kind)")
      json.member("chain", trace.aligned.trace.chain(of: pooled.rows[row]))
      json.member("instruction", trace.aligned.trace.instruction(of: pooled.rows[row]).value)
      for (key, value) in [
        ("method", label.method), ("operator", label.operatorName), ("module", label.module),
        ("source", label.sourceLine),
        ("backend", label.backend),
      ] {
        if let value { json.member(key, value) }
      }
      json.key("op_types")
      json.array { json in for op in label.operators { json.value(op) } }
      json.member("own_clock", label.isForeign)
    }
    return Array(json.take().dropFirst())
  }
}
