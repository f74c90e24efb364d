import Analysis
import Bytes
import ETCore
import TraceModel

/// pprof's `profile.proto` (github.com/google/pprof/proto/profile.proto), compressed with gzip: for each run a sample for
/// each stack with the same labels, how often it occurred and its own time. Functions have the model's own file and line, so that `pprof -list` annotates it.
struct PprofProfile {
  let trace: ExportedTrace

  /// Fields of the messages of the schema.
  private enum Field {
    static let sampleType = 1, sample = 2, location = 4, function = 5, string = 6, defaultSampleType = 14  // Profile
    static let type = 1, unit = 2  // ValueType
    static let locations = 1, values = 2, label = 3  // Sample
    static let key = 1, text = 2, number = 3  // Label
    static let id = 1, line = 4  // Location
    static let functionID = 1, lineNumber = 2  // Line
    static let name = 2, systemName = 3, file = 4  // Function
  }

  /// What has been told, and under which number.
  private struct Told {
    /// The table's first string is empty.
    var strings: [String: Int] = ["": 0]
    var functions: [String: Int] = [:]
    var locations: [String: Int] = [:]
    /// Fields of the profile that are to be written before the next sample.
    var news = ProtobufMessage()

    mutating func string(_ text: String) -> Int {
      if let known = strings[text] { return known }
      let number = strings.count
      strings[text] = number
      news.add(Field.string, text)
      return number
    }

    /// A function at a line; both have one location.
    mutating func location(_ name: String, file: String, line: Int) -> Int {
      let key = "\(name)\u{0}\(file)\u{0}\(line)"
      if let known = locations[key] { return known }
      let number = locations.count + 1
      locations[key] = number
      var at = ProtobufMessage()
      at.add(Field.functionID, function(name, file: file))
      at.add(Field.lineNumber, line)
      var location = ProtobufMessage()
      location.add(Field.id, number)
      location.add(Field.line, at)
      news.add(Field.location, location)
      return number
    }

    private mutating func function(_ name: String, file: String) -> Int {
      let key = "\(name)\u{0}\(file)"
      if let known = functions[key] { return known }
      let number = functions.count + 1
      functions[key] = number
      var function = ProtobufMessage()
      function.add(Field.id, number)
      function.add(Field.name, string(name))
      function.add(Field.systemName, string(name))
      function.add(Field.file, string(file))
      news.add(Field.function, function)
      return number
    }
  }

  func write(to sink: any ByteSink) throws(WriteError) {
    let gzip = try GzipStream(to: sink)
    var text = TextBuffer(gzip)
    var told = Told()
    told.news.add(Field.string, "")
    for (type, unit) in [("count", "count"), ("time", trace.clock.isCycles ? "cycles" : "nanoseconds")] {
      var value = ProtobufMessage()
      value.add(Field.type, told.string(type))
      value.add(Field.unit, told.string(unit))
      told.news.add(Field.sampleType, value)
    }
    told.news.add(Field.defaultSampleType, told.string("time"))
    let runKey = told.string("run")
    var stacks = RowStacks(trace)
    for (index, block) in trace.aligned.trace.blocks.enumerated() {
      let own = SelfTimes(block)
      let groups = groups(block: index, &stacks, &told)
      for run in block.runs.indices {
        var counts = [Int](repeating: 0, count: groups.fields.count)
        var times = [UInt64](repeating: 0, count: groups.fields.count)
        for row in block.rows.indices where groups.ofRow[row] >= 0 {
          let group = Int(groups.ofRow[row])
          counts[group] += block.count(row: row, run: run)
          times[group] &+= trace.clock.nanoseconds(UInt64(max(own.ticks(row: row, run: run), 0)))
        }
        var label = ProtobufMessage()
        label.add(Field.key, runKey)
        label.add(Field.number, block.runs[run])
        for group in groups.fields.indices {
          var values = ProtobufMessage()
          values.add(Field.values, counts[group])
          values.add(Field.values, Int(clamping: times[group]))
          var sample = ProtobufMessage()
          sample.append(groups.fields[group])
          sample.append(values.bytes)
          sample.add(Field.label, label)
          told.news.add(Field.sample, sample)
          text.put(told.news.bytes)
          told.news.clear()
          try text.endRecord()
        }
      }
    }
    text.put(told.news.bytes)
    try text.flush()
    try gzip.finish()
  }

  /// Rows whose samples have the same stack and labels.
  private struct Groups {
    /// −1 for a row without times.
    var ofRow: [Int32] = []
    /// Of all samples of a group: its locations and its labels.
    var fields: [[UInt8]] = []
  }

  private struct Key: Hashable {
    let label: Int32
    let stack: Int32
  }

  private func groups(block: Int, _ stacks: inout RowStacks, _ told: inout Told) -> Groups {
    let rows = trace.aligned.trace.blocks[block].rows
    let stackOfRow = stacks.stacks(ofBlock: block)
    var groups = Groups()
    var numbers: [Key: Int32] = [:]
    groups.ofRow = rows.indices.map { row in
      guard rows[row].hasProfile else { return -1 }
      let key = Key(label: trace.labelOfRow[block][row], stack: stackOfRow[row])
      if let known = numbers[key] { return known }
      let number = Int32(truncatingIfNeeded: groups.fields.count)
      numbers[key] = number
      groups.fields.append(fields(trace.labels[Int(key.label)], stacks.tree.frames(of: key.stack), &told))
      return number
    }
    return groups
  }

  /// - Parameter frames: The innermost first.
  private func fields(_ label: ExportedTrace.Label, _ frames: [String], _ told: inout Told) -> [UInt8] {
    let place = label.sourcePlace
    var fields = ProtobufMessage()
    for (depth, frame) in frames.enumerated() {
      // The model's line belongs to the operator; modules around it have none.
      let (file, line) = depth == 0 ? (place?.file ?? "", place?.line ?? 0) : ("", 0)
      fields.add(Field.locations, told.location(frame, file: file, line: line))
    }
    let labels = [
      ("model", trace.model ?? ""), ("method", label.method ?? ""),
      ("event_block", trace.aligned.trace.blocks[label.block].name), ("kind", "\(label.kind)"),
      ("backend", label.backend ?? ""), ("dtype", label.dtype?.description ?? ""),
    ]
    for (key, text) in labels where !text.isEmpty {
      var label = ProtobufMessage()
      label.add(Field.key, told.string(key))
      label.add(Field.text, told.string(text))
      fields.add(Field.label, label)
    }
    return fields.bytes
  }
}
