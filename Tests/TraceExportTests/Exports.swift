import Analysis
import Bytes
import CZlib
import ETCore
import ETDumpFormat
import ETFormats
import Foundation
import TestSupport
import Testing
import TraceExport
import TraceModel

/// Every trace in every format: nothing is lost, times are whole nanoseconds, and the readers' rules hold.
@Suite struct Exports {
  static let traces = Golden.cases.filter {
    $0.error == nil && $0.etrecord != nil && $0.sourceTimeScale == nil && !$0.trace.contains("/runs_")
      && !$0.trace.contains("/values") && !$0.trace.contains("/llama/xnnpack") && !$0.trace.contains("/lstm/xnnpack")
  }

  static func aligned(_ answer: Golden.Case) throws -> AlignedTrace {
    let dump = try Fixtures.withBytes(answer.trace) { (bytes) in try ETDump(reading: bytes) }
    return try AlignedTrace(
      Trace(dump), record: try answer.etrecord.map { try ETRecord(reading: Fixtures.contents($0)) }, program: nil)
  }

  private static func written(_ aligned: AlignedTrace, _ format: TraceFormat, scale: TimeScale = .ns) throws -> [UInt8]
  {
    let conversion = try TimeConversion(from: scale, to: scale == .cycles ? .cycles : .ns)
    let sink = MemorySink()
    try format.write(ExportedTrace(aligned, clock: ExportClock(conversion)), to: sink)
    return Array(sink.bytes)
  }

  private static func json(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  /// Start and end of every timed event of the runs that are exported.
  static func times(_ aligned: AlignedTrace) -> [[UInt64]] {
    let dump = aligned.trace.dump
    return aligned.trace.blocks.flatMap(\.runs).sorted().flatMap { run in
      dump.events[dump.runs[run].events ?? 0..<0].filter { $0.kind == .profile }.map { [$0.start, $0.end] }
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test(arguments: traces) func chromeHasEveryEventToTheNanosecondAndNests(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let bytes = try Self.written(aligned, .chrome)
    let events = try #require(try Self.json(bytes)["traceEvents"] as? [[String: Any]])
    var found: [[UInt64]] = []
    for event in events where event["ph"] as? String == "X" {
      let arguments = try #require(event["args"] as? [String: Any])
      for key in ["event_block", "iteration", "is_delegated_op", "op_types"] { #expect(arguments[key] != nil) }
      let start = try #require(arguments["start_ns"] as? NSNumber).uint64Value
      // Three digits behind the point: the nearest Double knows them all.
      let length = try #require(event["dur"] as? Double) * 1000
      #expect((length - length.rounded()).magnitude < 1e-3)
      found.append([start, start + UInt64(length.rounded())])
    }
    let times = Self.times(aligned).map { [$0[0], $0[0] + (EventBlock.elapsed(from: $0[0], to: $0[1]) ?? 0)] }
    #expect(found.sorted { $0.lexicographicallyPrecedes($1) } == times)
    try Self.expectNested(events)
  }

  /// Slices of a thread lie in one another or apart: viewers drop or cut what overlaps.
  private static func expectNested(_ events: [[String: Any]]) throws {
    var threads: [[Int]: [(start: Int, end: Int)]] = [:]
    var named: Set<[Int]> = []
    for event in events {
      let thread = [try #require(event["pid"] as? Int), try #require(event["tid"] as? Int)]
      if event["ph"] as? String != "X" {
        if event["name"] as? String == "thread_name" { named.insert(thread) }
        continue
      }
      // Whole nanoseconds, in microseconds.
      let start = Int((try #require(event["ts"] as? Double) * 1000).rounded())
      threads[thread, default: []].append(
        (start, start + Int((try #require(event["dur"] as? Double) * 1000).rounded())))
    }
    #expect(named.isSuperset(of: threads.keys))
    for (thread, slices) in threads {
      var open: [Int] = []
      for slice in slices.sorted(by: { $0.start != $1.start ? $0.start < $1.start : $0.end > $1.end }) {
        while let end = open.last, end <= slice.start { open.removeLast() }
        #expect(slice.end <= open.last ?? .max, "\(slice) on \(thread)")
        open.append(slice.end)
      }
    }
  }

  @Test(arguments: traces) func speedscopeNests(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let file = try Self.json(try Self.written(aligned, .speedscope))
    let frames = try #require((file["shared"] as? [String: Any])?["frames"] as? [[String: Any]])
    let profiles = try #require(file["profiles"] as? [[String: Any]])
    #expect(profiles.count == aligned.trace.blocks.reduce(0) { $0 + $1.runs.count })
    var opened = 0
    for profile in profiles {
      var stack: [Int] = []
      var time = 0
      for event in try #require(profile["events"] as? [[String: Any]]) {
        let (frame, at) = (try #require(event["frame"] as? Int), try #require(event["at"] as? Int))
        #expect(at >= time && frame < frames.count)
        time = at
        if event["type"] as? String == "O" {
          stack.append(frame)
          opened += 1
        } else {
          #expect(stack.popLast() == frame)
        }
      }
      #expect(stack.isEmpty && time <= (profile["endValue"] as? Int ?? -1))
    }
    #expect(opened == Self.times(aligned).count)
  }

  @Test(arguments: traces) func foldedStacksAddUp(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let text = String(decoding: try Self.written(aligned, .folded), as: UTF8.self)
    var sum: UInt64 = 0
    for line in text.split(separator: "\n") {
      let space = try #require(line.lastIndex(of: " "))
      sum += try #require(UInt64(line[line.index(after: space)...]))
    }
    // All self times that are not below zero: without rounding clocks, the time of whole executions and of loading.
    var whole: UInt64 = 0
    var overlaps = false
    for block in aligned.trace.blocks {
      let own = SelfTimes(block)
      for row in block.rows.indices where block.rows[row].hasProfile {
        let total = own.total(row: row, runs: block.runs.indices)
        whole += UInt64(max(total, 0))
        overlaps = overlaps || total < 0 || block.isForeign[row]
      }
    }
    #expect(sum == whole)
    guard !overlaps else { return }
    let roots = aligned.trace.blocks.reduce(UInt64(0)) { sum, block in
      block.rows.indices.filter { block.parents[$0] < 0 }.reduce(sum) { sum, row in
        block.runs.indices.reduce(sum) { $0 + block.duration(row: row, run: $1) }
      }
    }
    #expect(sum == roots)
  }

  @Test(arguments: traces) func tablesHaveALineForEachEvent(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let times = Self.times(aligned)
    var found: [[UInt64]] = []
    for line in try Self.written(aligned, .ndjson).split(separator: UInt8(ascii: "\n")) {
      let row = try Self.json(Array(line))
      found.append([
        try #require(row["start_ticks"] as? NSNumber).uint64Value,
        try #require(row["end_ticks"] as? NSNumber).uint64Value,
      ])
    }
    #expect(found.sorted { $0.lexicographicallyPrecedes($1) } == times)
    let csv = String(decoding: try Self.written(aligned, .csv), as: UTF8.self)
    #expect(csv.split(separator: "\n").count == times.count + 1)
  }

  private struct Field {
    let number: Int
    /// Of a number; of others their length.
    let value: Int
    /// nil of a number.
    var content: ArraySlice<UInt8>?
  }

  private static func allFields(_ bytes: [UInt8]) throws -> [Field] {
    var fields: [Field] = []
    var rest = bytes[...]
    func varint() throws -> Int {
      var (number, shift) = (0, 0)
      while true {
        guard let byte = rest.popFirst() else { throw ReadError(.truncated, at: nil, "a number") }
        number |= Int(byte & 127) << shift
        shift += 7
        if byte < 128 { return number }
      }
    }
    while !rest.isEmpty {
      let tag = try varint()
      var field = Field(number: tag >> 3, value: try varint())
      if tag & 7 != 0 {
        try #require(tag & 7 == 2 && field.value <= rest.count)
        field.content = rest.prefix(field.value)
        rest = rest.dropFirst(field.value)
      }
      fields.append(field)
    }
    return fields
  }

  /// A protobuf message's fields that have a length.
  private static func fields(_ bytes: [UInt8]) throws -> [(number: Int, content: ArraySlice<UInt8>)] {
    try allFields(bytes).compactMap { field in field.content.map { (field.number, $0) } }
  }

  /// Its fields that are numbers.
  private static func numbers(_ bytes: [UInt8]) throws -> [(number: Int, value: Int)] {
    try allFields(bytes).filter { $0.content == nil }.map { ($0.number, $0.value) }
  }

  /// The packets of a Perfetto trace.
  private static func packets(_ bytes: [UInt8]) throws -> [ArraySlice<UInt8>] {
    let fields = try fields(bytes)
    #expect(fields.allSatisfy { $0.number == 1 })
    return fields.map(\.content)
  }

  /// What a gzip file holds.
  private static func unzipped(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    // 16 more than the window's bits: gzip's frame, checksum and length included.
    try #require(inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { inflateEnd(&stream) }
    var (input, content) = (bytes, [UInt8]())
    let status = input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let status = piece.withUnsafeMutableBufferPointer { piece in
          stream.next_out = piece.baseAddress
          stream.avail_out = UInt32(piece.count)
          return inflate(&stream, Z_NO_FLUSH)
        }
        content += piece.prefix(piece.count - Int(stream.avail_out))
        if status != Z_OK { return status }
      }
    }
    try #require(status == Z_STREAM_END && stream.avail_in == 0)
    return content
  }

  /// `Tests/Reference/pprof_schema.py` reads it with pprof's own schema.
  @Test(arguments: traces) func pprofCountsEveryEvent(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let samples = try Self.fields(Self.unzipped(Self.written(aligned, .pprof))).filter { $0.number == 2 }
    var (count, time) = (0, 0)
    for sample in samples {
      let values = try Self.numbers(Array(sample.content)).filter { $0.number == 2 }.map(\.value)
      try #require(values.count == 2)
      count += values[0]
      time += values[1]
    }
    #expect(count == Self.times(aligned).count)
    // Own times that are not below zero.
    let whole = aligned.trace.blocks.reduce(0) { sum, block in
      let own = SelfTimes(block)
      return block.rows.indices.filter { block.rows[$0].hasProfile }.reduce(sum) { sum, row in
        block.runs.indices.reduce(sum) { $0 + Int(max(own.ticks(row: row, run: $1), 0)) }
      }
    }
    #expect(time == whole)
  }

  /// `Tests/Reference/perfetto_schema.py` reads it with Perfetto's own schema.
  @Test(arguments: traces) func perfettoHasAPacketForEachBorder(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    // Packets with a time are events'; the timestamp comes first.
    let events = try Self.packets(try Self.written(aligned, .perfetto)).filter { $0.first == 8 << 3 }
    #expect(events.count == 2 * Self.times(aligned).count)
  }

  @Test func cyclesAreNoTime() throws {
    let answer = try #require(Self.traces.first)
    let aligned = try Self.aligned(answer)
    let chrome = String(decoding: try Self.written(aligned, .chrome, scale: .cycles), as: UTF8.self)
    #expect(chrome.contains("\"unit\":\"cycles\"") && chrome.contains("(cycles, not time)"))
    #expect(!chrome.contains("displayTimeUnit"))
    let speedscope = String(decoding: try Self.written(aligned, .speedscope, scale: .cycles), as: UTF8.self)
    #expect(speedscope.contains("\"unit\":\"none\""))
  }

  static let hostileNames = [
    "</script><script>alert(1)</script>", "\"quoted\" \\ back", "line\nbreak\r\u{0}\u{1B}[31m", "semi;colon",
    "=1+1,2", "\u{202E}txt.exe", "'); DROP TABLE event; --", String(repeating: "long", count: 250_000),
  ]

  /// An execution of events with hostile names.
  static let hostile: AlignedTrace? = {
    var dump = ETDump()
    dump.runs = [ETDump.RunData(name: dump.names.intern("Execute"), events: 0..<hostileNames.count)]
    for (index, name) in hostileNames.enumerated() {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern(name)
      event.instructionID = Int32(index)
      (event.start, event.end) = (UInt64(10 * index), UInt64(10 * index + 5))
      dump.events.append(event)
    }
    return try? AlignedTrace(Trace(dump), record: nil, program: nil)
  }()

  @Test(arguments: TraceFormat.allCases) func hostileNamesAreInert(_ format: TraceFormat) throws {
    let (names, aligned) = (Self.hostileNames, try #require(Self.hostile))
    guard !format.needsFile else { return }
    let bytes = try Self.written(aligned, format)
    switch format {
    case .chrome:
      let events = try #require(try Self.json(bytes)["traceEvents"] as? [[String: Any]])
      #expect(Set(events.compactMap { $0["name"] as? String }).isSuperset(of: names))
    case .speedscope:
      #expect(try Self.json(bytes)["profiles"] != nil)
    case .perfetto:
      #expect(try Self.packets(bytes).count > 2 * names.count)
    case .pprof:
      #expect(try Self.fields(Self.unzipped(bytes)).filter { $0.number == 2 }.count == names.count)
    case .folded:
      #expect(bytes.split(separator: UInt8(ascii: "\n")).count == names.count)
      #expect(!bytes.contains { $0 < 32 && $0 != 10 })
    case .ndjson:
      let lines = bytes.split(separator: UInt8(ascii: "\n"))
      #expect(try lines.map { try Self.json(Array($0))["name"] as? String } == names)
    case .csv:
      #expect(String(decoding: bytes, as: UTF8.self).contains("\"\"\"quoted\"\" \\ back\""))
    case .sqlite: break
    }
  }
}
