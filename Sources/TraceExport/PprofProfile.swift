import Analysis
import Bytes
import ETCore
import TraceModel

/// pprof's `profile.proto` (github.com/google/pprof/proto/profile.proto), in gzip's frame: a sample for each row of each run with how
/// often it occurred and its own time. Functions have the model's own file and line, so that `pprof -list` annotates it.
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
    let gzip = GzipFrame(around: sink)
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
    for (index, block) in trace.aligned.trace.blocks.enumerated() {
      let own = SelfTimes(block)
      for row in block.rows.indices where block.rows[row].hasProfile {
        let common = fields(block: index, row: row, &told)
        for run in block.runs.indices {
          var values = ProtobufMessage()
          values.add(Field.values, block.count(row: row, run: run))
          values.add(
            Field.values, Int(clamping: trace.clock.nanoseconds(UInt64(max(own.ticks(row: row, run: run), 0)))))
          var label = ProtobufMessage()
          label.add(Field.key, runKey)
          label.add(Field.number, block.runs[run])
          var sample = ProtobufMessage()
          sample.append(common)
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

  /// Of all samples of a row: its locations, the innermost first, and its labels.
  private func fields(block: Int, row: Int, _ told: inout Told) -> [UInt8] {
    let label = trace.labels[block][row]
    var (file, line) = ("", 0)
    if let source = label.sourceLine, let colon = source.lastIndex(of: ":") {
      (file, line) = (String(source[..<colon]), Int(source[source.index(after: colon)...]) ?? 0)
    }
    var fields = ProtobufMessage()
    for (depth, frame) in trace.stack(block: block, row: row).reversed().enumerated() {
      // The model's line belongs to the operator; modules around it have none.
      fields.add(Field.locations, told.location(frame, file: depth == 0 ? file : "", line: depth == 0 ? line : 0))
    }
    let labels = [
      ("event_block", trace.aligned.trace.blocks[block].name), ("method", label.method ?? ""),
      ("backend", label.backend ?? ""), ("kind", "\(label.kind)"),
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

/// gzip's frame (RFC 1952) around blocks that are stored as they are.
private final class GzipFrame: ByteSink {
  private let sink: any ByteSink
  private var checksum: UInt32 = 0
  private var hasBegun = false
  private var count: UInt32 = 0

  init(around sink: any ByteSink) { self.sink = sink }

  func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    try begin()
    checksum = CRC32.extend(checksum, by: bytes)
    count &+= UInt32(truncatingIfNeeded: bytes.count)
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(65_535)
      rest = rest.dropFirst(piece.count)
      try put(piece.count, isLast: false)
      try sink.write(UnsafeRawBufferPointer(rebasing: piece))
    }
  }

  func finish() throws(WriteError) {
    try begin()
    try put(0, isLast: true)
    try sink.write(Self.little(checksum, 4) + Self.little(count, 4))
  }

  private func begin() throws(WriteError) {
    guard !hasBegun else { return }
    hasBegun = true
    try sink.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
  }

  private func put(_ length: Int, isLast: Bool) throws(WriteError) {
    let number = UInt32(length)
    try sink.write([isLast ? 1 : 0] + Self.little(number, 2) + Self.little(~number, 2))
  }

  private static func little(_ number: UInt32, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
  }
}
