import Bytes
import Commands
import ETDumpFormat
import Foundation
import Presentation
import TestSupport
import Testing
import TraceModel

/// The page that `etdump flame` writes, as a file. What it does in a browser is `ReportInBrowser`'s.
@Suite struct FlamePage {
  static let traces = Golden.cases.filter { $0.error == nil && $0.sourceTimeScale == nil }

  private static func page(
    _ traces: [String], models: [String] = [], base: [String] = []
  ) throws -> [UInt8] {
    var request = FlameRequest(
      paths: InputPaths(traces: traces, models: models), conversion: try TimeConversion(), output: "-")
    if !base.isEmpty { request.base = InputPaths(traces: base, models: models) }
    let (out, notes) = (MemorySink(), MemorySink())
    #expect(try request.run(out: out, notes: notes) == .fine)
    return Array(out.bytes)
  }

  private static func page(_ dump: ETDump) throws -> String {
    let folder = try TemporaryFolder()
    let trace = try folder.write(try dump.encoded(), to: "trace.etdp")
    return String(decoding: try page([trace]), as: UTF8.self)
  }

  /// The data of a page: all in it that is not the page itself.
  private static func dataSize(_ page: String) throws -> Int {
    try ["<script type=\"application/json\" id=\"data\">", "<script type=\"application/octet-stream\" id=\"columns\">"]
      .reduce(0) { sum, tag in
        let start = try #require(page.range(of: tag)).upperBound
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)).lowerBound
        return sum + page.utf8.distance(from: start, to: end)
      }
  }

  @Test(arguments: traces) func isSmall(_ answer: Golden.Case) throws {
    let bytes = try Self.page(
      [Fixtures.path(answer.trace)], models: answer.etrecord.map { [Fixtures.path($0)] } ?? [])
    let page = String(decoding: bytes, as: UTF8.self)
    let data = try Self.dataSize(page)
    #expect(bytes.count - data < 300_000)
    let size = try Fixtures.withBytes(answer.trace) { $0.count }
    #expect(data <= size / 4 + 300_000)
  }

  @Test func isTheSameForTheSameInput() throws {
    let trace = Fixtures.path("models/mobilenet_v2/xnnpack/time.etdp.zst")
    #expect(try Self.page([trace], base: [trace]) == Self.page([trace], base: [trace]))
  }

  /// Nothing that a browser would fetch: the page works from a disk without a network.
  @Test func namesNothingElse() throws {
    let page = String(decoding: try Self.page([Fixtures.path("models/pnet/portable/time.etdp")]), as: UTF8.self)
    for reference in ["src=", "@import", "url(", "http://", "https://", "<link", "<iframe"] {
      #expect(!page.contains(reference), "\(reference)")
    }
    #expect(page.contains("default-src 'none'"))
  }

  static let hostileNames = [
    "</script><script>document.title='owned'</script>", "<!--<script>", "\"quoted\" 'too' \\ back `tick` ${title}",
    "line\nbreak\r\u{0}\u{1B}[31m", "\u{202E}txt.exe\u{2066}", "<img src=x onerror=alert(1)>", "&lt;amp&gt;",
    "__proto__",
    "constructor", String(repeating: "long", count: 250_000), "\u{2028}\u{2029}\u{FEFF}",
  ]

  /// A run whose every event has such a name.
  static func hostileDump() -> ETDump {
    var dump = ETDump()
    dump.runs = [ETDump.RunData(name: dump.names.intern("</title><b>Execute"), events: 0..<hostileNames.count + 1)]
    for (index, name) in (hostileNames + ["Method::execute"]).enumerated() {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern(name)
      event.instructionID = Int32(index)
      (event.start, event.end) = (UInt64(1000 * index), UInt64(1000 * index + 900))
      if index == hostileNames.count { (event.chainIndex, event.start) = (-1, 0) }
      dump.events.append(event)
    }
    return dump
  }

  @Test func hostileNamesAreNoMarkup() throws {
    let page = try Self.page(Self.hostileDump())
    let plain = String(decoding: try Self.page([Fixtures.path("native/loop.etdp")]), as: UTF8.self)
    func count(_ tag: String, _ page: String) -> Int { page.components(separatedBy: tag).count }
    for tag in ["<script", "</script", "<!--", "<title", "<img", "<b>"] {
      #expect(count(tag, page) == count(tag, plain), "\(tag)")
    }
    #expect(try Self.dataSize(page) < 50_000)
  }

  /// Whatever the reader takes makes a page.
  @Test func damagedTracesMakeAPageOrAnError() throws {
    let folder = try TemporaryFolder()
    for name in ["native/delegate-qnn.etdp", "native/loop.etdp", "native/values.etdp"] {
      let original = try Fixtures.withBytes(name) { Array($0) }
      for seed in ByteEdits.seeds(300) {
        let trace = try folder.write(ByteEdits.random(original, seed: seed), to: "trace.etdp")
        do {
          let page = try Self.page([trace], base: seed % 7 == 0 ? [Fixtures.path(name)] : [])
          #expect(page.suffix(8).elementsEqual("</html>\n".utf8), "\(name) seed \(seed)")
        } catch let trouble as Trouble {
          #expect(trouble.status == .trouble)
        }
      }
    }
  }

  /// Times at both ends of 64 bits, a run inside itself, and nesting far deeper than a stack.
  @Test func extremesMakeAPage() throws {
    var dump = ETDump()
    let depth = 30_000
    for index in 0..<depth {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern("event \(index % 7)")
      event.instructionID = Int32(index)
      (event.start, event.end) = (UInt64(depth - index), UInt64(depth + index))
      dump.events.append(event)
    }
    dump.runs = [ETDump.RunData(name: dump.names.intern("Execute"), events: 0..<depth)]
    for (start, end) in [(0, UInt64.max), (UInt64.max, UInt64.max), (UInt64.max / 2, 3)] {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern("Method::execute")
      event.chainIndex = -1
      (event.start, event.end) = (start, end)
      dump.events.append(event)
      dump.runs.append(
        ETDump.RunData(name: dump.names.intern("Execute"), events: dump.events.count - 1..<dump.events.count))
    }
    #expect(try Self.page(dump).hasSuffix("</html>\n"))
    // Runs whose times sum to more than 64 bits hold, or are more than thrice another.
    for times in [[UInt64](repeating: 1 << 62, count: 5), [1, 1 << 63, 5, 7, 1 << 63]] {
      var dump = ETDump()
      for time in times {
        let first = dump.events.count
        for kernel in 0..<3 {
          var event = ETDump.Event(kind: .profile)
          event.name = dump.names.intern("native_call_add.out")
          event.instructionID = Int32(kernel)
          (event.start, event.end) = (0, time)
          dump.events.append(event)
        }
        dump.runs.append(ETDump.RunData(name: dump.names.intern("Execute"), events: first..<dump.events.count))
      }
      #expect(try Self.page(dump).hasSuffix("</html>\n"))
    }
  }

  /// Time and memory in proportion to the trace: many runs, many blocks.
  @Test func manyRunsAndBlocksMakeAPage() throws {
    var dump = ETDump()
    for run in 0..<20_000 {
      var event = ETDump.Event(kind: .profile)
      event.name = dump.names.intern("native_call_add.out")
      (event.start, event.end) = (UInt64(run) * 10, UInt64(run) * 10 + 5)
      dump.events.append(event)
      dump.runs.append(ETDump.RunData(name: dump.names.intern("Execute \(run % 5_000)"), events: run..<run + 1))
    }
    #expect(try Self.page(dump).hasSuffix("</html>\n"))
  }

  @Test func columnsComeBack() throws {
    let numbers: [Int64] = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, .max, .min, .max, 0, 1 << 53, -(1 << 53)]
    var columns = ColumnData()
    columns.add("a", numbers)
    let data = try #require(Data(base64Encoded: Data(columns.base64())))
    var (place, last, found) = (0, Int64(0), [Int64]())
    while place < data.count {
      var (value, shift) = (UInt64(0), UInt64(0))
      repeat {
        value |= UInt64(data[place] & 127) << shift
        shift += 7
        place += 1
      } while data[place - 1] > 127
      last = last &+ (Int64(value >> 1) ^ -Int64(value & 1))
      found.append(last)
    }
    #expect(found == numbers)
  }
}
