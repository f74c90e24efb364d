import Analysis
import Bytes
import Commands
import ETCore
import ETDumpFormat
import Foundation
import TestSupport
import Testing
import TraceModel

/// What `etdump diff` prints, and what it answers.
@Suite struct DiffReportTests {
  static func launches(_ model: String, _ range: Range<Int>) -> InputPaths {
    InputPaths(traces: Fixtures.launches(model)[range].map(Fixtures.path))
  }

  static func same() throws -> DiffRequest {
    DiffRequest(
      base: launches("crepe_tiny-portable", 10..<16), new: launches("crepe_tiny-portable", 16..<22),
      conversion: try TimeConversion())
  }

  @Test func failsOnlyWhenAsked() throws {
    var faster = try MatchingTests.request("pnet/portable", "pnet/xnnpack")
    func status(_ request: DiffRequest) throws -> Commands.ExitStatus {
      try request.run(out: MemorySink(), notes: MemorySink())
    }
    #expect(try status(faster) == .fine)
    faster.failOn = .slower
    #expect(try status(try MatchingTests.request("pnet/portable", "pnet/xnnpack")) == .fine)
    faster.failOn = .faster
    #expect(try status(faster) == .found)
    faster.failOn = .any
    #expect(try status(faster) == .found)
    var slower = try MatchingTests.request("pnet/xnnpack", "pnet/portable")
    slower.failOn = .slower
    #expect(try status(slower) == .found)
    var none = try MatchingTests.request("pnet/xnnpack", "pnet/xnnpack")
    none.failOn = .any
    #expect(try status(none) == .fine)
  }

  @Test func tellsWhatIsNotThere() throws {
    var request = try MatchingTests.request("pnet/portable", "pnet/xnnpack")
    request.new.traces = ["/nowhere/trace.etdp"]
    #expect {
      try request.run(out: MemorySink(), notes: MemorySink())
    } throws: { error in
      (error as? Trouble)?.status == .trouble && "\(error)".hasPrefix("/nowhere/trace.etdp: ")
    }
  }

  @Test func saysWhatASampleIs() throws {
    let several = try MatchingTests.text(Self.same())
    #expect(several.contains("compared: 6 with 6 launches; a launch is one sample"))
    let one = try MatchingTests.text(MatchingTests.request("pnet/xnnpack", "pnet/xnnpack"))
    #expect(one.contains("This knows nothing of the next launch"))
    var few = try Self.same()
    few.base = Self.launches("crepe_tiny-portable", 0..<3)
    few.new = Self.launches("crepe_tiny-portable", 3..<6)
    #expect(try MatchingTests.text(few).contains("record at least "))
  }

  @Test func everyFormatIsTheSameTwice() throws {
    for format in DiffRequest.Format.allCases {
      var request = try MatchingTests.request("pnet/portable", "pnet/xnnpack-int8")
      request.format = format
      let text = try MatchingTests.text(request)
      #expect(!text.isEmpty)
      #expect(try MatchingTests.text(request) == text, "\(format)")
    }
  }

  @Test func jsonHasEveryRow() throws {
    var request = try Self.same()
    request.format = .json
    let diff = try request.compare(notes: MemorySink())
    let root = try #require(
      try JSONSerialization.jsonObject(with: Data(MatchingTests.text(request).utf8)) as? [String: Any])
    #expect(root["schema"] as? String == "ettools.diff/1")
    #expect(root["unit"] as? String == "launch")
    let sections = try #require(root["sections"] as? [[String: Any]])
    #expect(sections.map { ($0["rows"] as? [Any])?.count } == diff.sections.map(\.rows.count))
    let rows = try #require(sections[sections.count - 1]["rows"] as? [[String: Any]])
    #expect(((rows[0]["base"] as? [String: Any])?["samples"] as? [Any])?.count == 6)
    request.format = .ndjson
    let lines = try MatchingTests.text(request).split(separator: "\n")
    #expect(lines.count == diff.sections.reduce(0) { $0 + 1 + $1.rows.count })
    request.format = .csv
    #expect(try MatchingTests.text(request).split(separator: "\n").count == lines.count + 1)
  }

  /// Names that would act on a terminal, a page or a spreadsheet are shown, not obeyed.
  @Test func hostileNamesAreInert() throws {
    let hostile = [
      "\u{1B}[2J\u{202E}<script>alert(1)</script>", "=HYPERLINK(\"http://x\")", "![x](http://x) | `a` @all",
      "a\nb\r\n,\"c\"\t\0",
    ]
    let folder = try TemporaryFolder()
    var dump = try Fixtures.withBytes("models/pnet/portable/time.etdp") { try ETDump(reading: $0) }
    let base = folder.path + "/base.etdp"
    try Data(dump.encoded()).write(to: URL(fileURLWithPath: base))
    var place = 0
    for index in dump.events.indices where dump.text(dump.events[index].name).hasPrefix("native_call_") {
      dump.events[index].name = dump.names.intern(hostile[place % hostile.count])
      dump.events[index].end += 1_000_000
      place += 1
    }
    let new = folder.path + "/new.etdp"
    try Data(dump.encoded()).write(to: URL(fileURLWithPath: new))
    for format in DiffRequest.Format.allCases {
      var request = DiffRequest(
        base: InputPaths(traces: [base]), new: InputPaths(traces: [new]), conversion: try TimeConversion())
      request.format = format
      request.top = 0
      let text = try MatchingTests.text(request)
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\t" || $0.value == 0x7F })
      switch format {
      case .markdown:
        #expect(!text.contains("<script>") && !text.contains("![x](") && !text.contains("http://"))
      case .table: #expect(!text.contains("\u{202E}"))
      case .csv, .tsv: #expect(!text.contains(",=HYPER") && !text.contains("\t=HYPER"))
      case .json, .ndjson: break
      }
    }
  }

  /// Damaged traces are compared or refused, and that is all.
  @Test func hostileTracesDoNotCrash() throws {
    var random = SeededGenerator(seed: 11)
    let bytes = try Fixtures.bytes("models/mixed_delegates/xnnpack/time.etdp")
    let sound = try bytes.withUnsafeBytes { try ETDump(reading: $0) }
    let base = try AlignedTrace(Trace(sound), record: nil, program: nil)
    for _ in 0..<150 {
      var edited = sound
      for _ in 0..<(1 + random.below(40)) {
        let index = random.below(edited.events.count)
        switch random.below(6) {
        case 0: edited.events[index].start = random.next()
        case 1: edited.events[index].end = random.next()
        case 2: edited.events[index].instructionID = Int32(truncatingIfNeeded: random.next())
        case 3: edited.events[index].name = Int32(random.below(edited.names.count))
        case 4: edited.events[index].chainIndex = Int32(truncatingIfNeeded: random.next())
        default: edited.events[index].delegateDebugIDInt = Int32(truncatingIfNeeded: random.next())
        }
      }
      let new = try AlignedTrace(Trace(edited), record: nil, program: nil)
      let diff = TraceDiff(base: [base, new], new: [new, base])
      #expect(diff.sections.flatMap(\.rows).allSatisfy { $0.base != nil || $0.new != nil })
    }
  }
}
