import Analysis
import Bytes
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

  private static func aligned(_ answer: Golden.Case) throws -> AlignedTrace {
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
  private static func times(_ aligned: AlignedTrace) -> [[UInt64]] {
    let dump = aligned.trace.dump
    return aligned.trace.blocks.flatMap(\.runs).sorted().flatMap { run in
      dump.events[dump.runs[run].events ?? 0..<0].filter { $0.kind == .profile }.map { [$0.start, $0.end] }
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test(arguments: traces) func chromeHasEveryEventToTheNanosecond(_ answer: Golden.Case) throws {
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

  /// A protobuf message's fields that have a length.
  private static func fields(_ bytes: [UInt8]) throws -> [(number: Int, content: ArraySlice<UInt8>)] {
    var fields: [(Int, ArraySlice<UInt8>)] = []
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
      let length = try varint()
      if tag & 7 == 0 { continue }
      try #require(tag & 7 == 2 && length <= rest.count)
      fields.append((tag >> 3, rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return fields
  }

  /// The packets of a Perfetto trace.
  private static func packets(_ bytes: [UInt8]) throws -> [ArraySlice<UInt8>] {
    let fields = try fields(bytes)
    #expect(fields.allSatisfy { $0.number == 1 })
    return fields.map(\.content)
  }

  /// What a gzip file of stored blocks holds.
  private static func unframed(_ bytes: [UInt8]) throws -> [UInt8] {
    try #require(bytes.count > 18 && bytes[0] == 0x1F && bytes[1] == 0x8B)
    var (content, at, isLast) = ([UInt8](), 10, false)
    while !isLast {
      isLast = bytes[at] == 1
      let length = Int(bytes[at + 1]) | Int(bytes[at + 2]) << 8
      #expect(Int(~bytes[at + 3]) | Int(~bytes[at + 4]) << 8 == length)
      content += bytes[at + 5..<at + 5 + length]
      at += 5 + length
    }
    #expect(
      content.withUnsafeBytes { CRC32.of($0) } == bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    return content
  }

  /// `Tests/Reference/pprof_schema.py` reads it with pprof's own schema.
  @Test(arguments: traces) func pprofHasASampleForEachRowOfEachRun(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer)
    let samples = try Self.fields(Self.unframed(Self.written(aligned, .pprof))).filter { $0.number == 2 }
    #expect(
      samples.count
        == aligned.trace.blocks.reduce(0) { $0 + $1.rows.filter(\.hasProfile).count * $1.runs.count })
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

  @Test(arguments: TraceFormat.allCases) func hostileNamesAreInert(_ format: TraceFormat) throws {
    let names = [
      "</script><script>alert(1)</script>", "\"quoted\" \\ back", "line\nbreak\r\u{0}\u{1B}[31m", "semi;colon",
      "=1+1,2",
      "\u{202E}txt.exe", String(repeating: "long", count: 250_000),
    ]
    var dump = ETDump()
    dump.runs = [ETDump.RunData(name: dump.names.intern("Execute"), events: 0..<names.count)]
    for (index, name) in names.enumerated() {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern(name)
      event.instructionID = Int32(index)
      (event.start, event.end) = (UInt64(10 * index), UInt64(10 * index + 5))
      dump.events.append(event)
    }
    let aligned = try AlignedTrace(Trace(dump), record: nil, program: nil)
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
      #expect(try Self.fields(Self.unframed(bytes)).filter { $0.number == 2 }.count == names.count)
    case .folded:
      #expect(bytes.split(separator: UInt8(ascii: "\n")).count == names.count)
      #expect(!bytes.contains { $0 < 32 && $0 != 10 })
    case .ndjson:
      let lines = bytes.split(separator: UInt8(ascii: "\n"))
      #expect(try lines.map { try Self.json(Array($0))["name"] as? String } == names)
    case .csv:
      #expect(String(decoding: bytes, as: UTF8.self).contains("\"\"\"quoted\"\" \\ back\""))
    }
  }
}
