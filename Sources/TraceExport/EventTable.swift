import Bytes
import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// A line for each event of each run: CSV with a header, or NDJSON.
struct EventTable {
  let trace: ExportedTrace
  let isCSV: Bool

  /// Of whole numbers; what follows them is the row's.
  private var columns: [String] {
    [
      "run", "event", "iteration", "start_ticks", "end_ticks", "start_\(trace.clock.unit)",
      "duration_\(trace.clock.unit)",
    ]
  }

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    // Of a row, what stands before its chain and instruction and what behind; and what stands before each number.
    let heads = Fragments(trace.labels.count) { isCSV ? csvHead(trace.labels[$0]) : jsonHead(trace.labels[$0]) }
    let tails = Fragments(trace.labels.count) { isCSV ? csvTail(trace.labels[$0]) : jsonTail(trace.labels[$0]) }
    let columns = self.columns
    let names = (columns + ["chain", "instruction"]).enumerated().map { index, name in
      Array((isCSV ? index == 0 ? "" : "," : (index == 0 ? "{" : ",") + "\"\(name)\":").utf8)
    }
    if isCSV {
      let others = [
        "event_block", "name", "kind", "chain", "instruction", "method", "operator", "op_types", "module", "source",
        "backend", "own_clock", "dtype",
      ]
      text.put(Array(((columns + others).joined(separator: ",") + "\n").utf8))
    }
    let events = trace.aligned.trace.dump.events
    for run in trace.runs {
      let rows = trace.aligned.trace.blocks[run.block].rows
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
        text.put(heads[event.label])
        let first = events[rows[event.row].event]
        text.put(names[7])
        text.put(Int64(first.chainIndex))
        text.put(names[8])
        text.put(Int64(first.instructionID))
        text.put(",")
        text.put(tails[event.label])
        text.put("\n")
        try text.endRecord()
      }
    }
    try text.flush()
  }

  // MARK: CSV

  private func csvHead(_ label: ExportedTrace.Label) -> [UInt8] {
    csv([trace.aligned.trace.blocks[label.block].name, label.name, "\(label.kind)"])
  }

  private func csvTail(_ label: ExportedTrace.Label) -> [UInt8] {
    csv([
      label.method ?? "", label.operatorName ?? "", label.operators.joined(separator: " "), label.module ?? "",
      label.sourceLine ?? "", label.backend ?? "", label.isForeign ? "1" : "0", label.dtype?.description ?? "",
    ])
  }

  private func csv(_ fields: [String]) -> [UInt8] {
    var line = DelimitedWriter(separator: ",")
    line.row(fields)
    return line.bytes.dropLast()
  }

  // MARK: JSON

  private func jsonHead(_ label: ExportedTrace.Label) -> [UInt8] {
    members { json in
      json.member("event_block", trace.aligned.trace.blocks[label.block].name)
      json.member("name", label.name)
      json.member("kind", "\(label.kind)")
    }.dropLast()
  }

  private func jsonTail(_ label: ExportedTrace.Label) -> [UInt8] {
    members { json in
      for (key, value) in [
        ("method", label.method), ("operator", label.operatorName), ("module", label.module),
        ("source", label.sourceLine), ("backend", label.backend),
      ] {
        if let value { json.member(key, value) }
      }
      json.key("op_types")
      json.array { json in for op in label.operators { json.value(op) } }
      json.member("own_clock", label.isForeign)
      if let dtype = label.dtype { json.member("dtype", dtype.description) }
    }
  }

  /// An object that goes on from others: without what opens it.
  private func members(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    json.object { body(&$0) }
    return Array(json.take().dropFirst())
  }
}
