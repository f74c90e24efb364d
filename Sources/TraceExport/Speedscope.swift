import Bytes
import ETCore
import Presentation
import TraceModel

/// speedscope's file format, an evented profile for each run (speedscope.app/file-format-schema.json).
///
/// Its frames must nest: a backend's events lie within their call, and one that ends after what encloses it ends with it.
struct Speedscope {
  let trace: ExportedTrace

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    text.put(
      "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"ettools\",\"shared\":{\"frames\":["
    )
    // A frame for each label, under its number.
    for (index, label) in trace.labels.enumerated() {
      if index > 0 { text.put(",\n") }
      text.put(frame(label))
      try text.endRecord()
    }
    text.put("]},\"profiles\":[")
    for (index, run) in trace.runs.enumerated() {
      text.put(index == 0 ? "\n" : ",\n")
      try write(run, to: &text)
    }
    text.put("\n]}\n")
    try text.flush()
  }

  private func write(_ run: ExportedTrace.Run, to text: inout TextBuffer) throws(WriteError) {
    var nested = NestedSlices()
    trace.forEachEvent(of: run) { (event) throws(Never) in
      let (start, end) = event.drawn
      nested.add(event, from: trace.clock.nanoseconds(start), to: trace.clock.nanoseconds(end))
    }
    let (first, last) = (nested.slices.map(\.start).min() ?? 0, nested.slices.map(\.end).max() ?? 0)
    var json = JSONWriter()
    json.object { json in
      json.member("type", "evented")
      json.member("name", "\(trace.aligned.trace.blocks[run.block].name) \(run.iteration), run \(run.index)")
      json.member("unit", trace.clock.isCycles ? "none" : "nanoseconds")
      json.member("startValue", 0)
      json.member("endValue", last - first)
    }
    text.put(json.take().dropLast())
    text.put(",\"events\":[")
    var isFirst = true
    func put(_ type: StaticString, _ label: Int, _ time: UInt64, _ text: inout TextBuffer) throws(WriteError) {
      text.put(isFirst ? "" : ",")
      isFirst = false
      text.put("{\"type\":\"")
      text.put(type)
      text.put("\",\"frame\":")
      text.put(UInt64(label))
      text.put(",\"at\":")
      text.put(time - first)
      text.put("}")
      try text.endRecord()
    }
    try nested.walk { (label, time) throws(WriteError) in
      try put("O", label, time, &text)
    } close: { (label, time) throws(WriteError) in
      try put("C", label, time, &text)
    }
    text.put("]}")
  }

  private func frame(_ label: ExportedTrace.Label) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      let name = label.operatorName.map { $0 == label.name ? $0 : "\(label.name) · \($0)" } ?? label.name
      json.member("name", label.module.map { $0.isEmpty ? name : "\(name) · \($0)" } ?? name)
      guard let place = label.sourcePlace else { return }
      json.member("file", place.file)
      if let line = place.line { json.member("line", line) }
    }
    return json.take()
  }
}
