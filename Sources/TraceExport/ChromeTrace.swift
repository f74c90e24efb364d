import Bytes
import ETCore
import Presentation
import TraceModel

/// Chrome's trace format, complete events (`ph` `X`), as `chrome://tracing` and Perfetto open it
/// (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
///
/// `args` has the names of ExecuTorch's `etdump_to_chrome_trace.py`: `event_block`, `iteration`, `is_delegated_op`,
/// `delegate_backend_name`, `op_types`; and `module`, `source`, `operator`, `dtype`, `start_ns` (as recorded). A backend's events have a
/// track of their own, because their clock may round them across their call's border; on a clock that is not the run's they
/// begin with their call, and what overlaps has a track of its own. Times are in microseconds with three digits: whole nanoseconds. Where ticks are cycles the file says
/// so, and its numbers are cycles.
struct ChromeTrace {
  let trace: ExportedTrace

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    text.put(trace.clock.isCycles ? "{\"otherData\":{\"unit\":\"cycles\"}" : "{\"displayTimeUnit\":\"ns\"")
    text.put(",\"traceEvents\":[\n")
    let lanes = self.lanes
    writeNames(lanes, to: &text)
    let fragments = Fragments(trace.labels.count) { fragment(trace.labels[$0]) }
    let startName = Array(",\"start_\(trace.clock.unit)\":".utf8)
    let threads = trace.labels.map { thread(of: $0, in: lanes) }
    /// Threads of lanes that were named.
    var overlapping: Set<UInt64> = []
    var drawn: [UInt64: NestedSlices.Lanes] = [:]
    for run in trace.runs {
      try trace.forEachEvent(of: run, enclosingFirst: true) { (event) throws(WriteError) in
        let start = Int64(clamping: trace.clock.nanoseconds(event.start))
        let end = Int64(clamping: trace.clock.nanoseconds(event.end))
        let shifted = start &+ (event.shift == 0 ? 0 : self.shifted(event))
        var thread = threads[event.label]
        // Threads of backends; the runtime's own events nest.
        let lane =
          thread == 1
          ? 0
          : drawn[thread, default: NestedSlices.Lanes(limit: 16)].place(
            from: UInt64(max(shifted, 0)), to: UInt64(max(shifted, 0)) &+ UInt64(max(end &- start, 0)))
        thread += UInt64(lane * lanes.count)
        if lane > 0, overlapping.insert(thread).inserted {
          text.put(",\n")
          text.put(
            name("thread_name", Int(thread), "\(trace.labels[event.label].track), overlapping (\(lane + 1))"))
        }
        text.put(",\n")
        text.put(fragments[event.label])
        text.put(",\"iteration\":")
        text.put(UInt64(run.iteration))
        text.put(startName)
        text.put(start)
        text.put("},\"pid\":1,\"tid\":")
        text.put(thread)
        text.put(",\"ts\":")
        write(shifted, to: &text)
        text.put(",\"dur\":")
        write(max(end &- start, 0), to: &text)
        text.put("}")
        try text.endRecord()
      }
    }
    text.put("\n]}\n")
    try text.flush()
  }

  /// How far a foreign event is moved, in nanoseconds.
  private func shifted(_ event: ExportedTrace.Event) -> Int64 {
    let magnitude = Int64(clamping: trace.clock.nanoseconds(event.shift.magnitude))
    return event.shift < 0 ? -magnitude : magnitude
  }

  private func write(_ time: Int64, to text: inout TextBuffer) {
    if trace.clock.isCycles { text.put(time) } else { text.putMicroseconds(time) }
  }

  // MARK: Tracks

  /// The backends whose events have a track of their own.
  private var lanes: [String] {
    var names: Set<String> = []
    for label in trace.labels where label.isDelegated { names.insert(label.track) }
    return names.sorted()
  }

  private func thread(of label: ExportedTrace.Label, in lanes: [String]) -> UInt64 {
    guard label.isDelegated else { return 1 }
    return UInt64(2 + (lanes.firstIndex(of: label.track) ?? 0))
  }

  private func writeNames(_ lanes: [String], to text: inout TextBuffer) {
    let method = trace.aligned.methods.methods.compactMap(\.self).first ?? "ExecuTorch"
    let unit = trace.clock.isCycles ? " (cycles, not time)" : ""
    var names = [("process_name", 0, method), ("thread_name", 1, "runtime" + unit)]
    for (index, lane) in lanes.enumerated() {
      let foreign = trace.labels.contains { $0.isForeign && $0.track == lane }
      names.append(
        ("thread_name", 2 + index, lane + (foreign ? " (its own clock, drawn inside its calls)" : "") + unit))
    }
    for (index, (kind, thread, name)) in names.enumerated() {
      if index > 0 { text.put(",\n") }
      text.put(self.name(kind, thread, name))
    }
  }

  private func name(_ kind: String, _ thread: Int, _ name: String) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("name", kind)
      json.member("ph", "M")
      json.member("pid", 1)
      json.member("tid", thread)
      json.key("args")
      json.object { $0.member("name", name) }
    }
    return json.take()
  }

  // MARK: Fragments

  /// What is the same for every event of a row, up to the members of `args` that are not.
  private func fragment(_ label: ExportedTrace.Label) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("name", label.name)
      json.member("cat", "\(label.kind)")
      json.member("ph", "X")
      json.key("args")
      json.object { json in
        json.member("event_block", trace.aligned.trace.blocks[label.block].name)
        json.member("is_delegated_op", label.isDelegated)
        if let backend = label.backend { json.member("delegate_backend_name", backend) }
        json.key("op_types")
        json.array { json in for op in label.operators { json.value(op) } }
        if let name = label.operatorName { json.member("operator", name) }
        if let module = label.module { json.member("module", module) }
        if let line = label.sourceLine { json.member("source", line) }
        if let dtype = label.dtype { json.member("dtype", dtype.description) }
      }
    }
    // Both objects go on.
    return json.take().dropLast(2)
  }
}
