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

/// The SQLite database of every trace, asked through SQLite itself.
@Suite struct Databases {
  /// Writes a trace's database, and opens it.
  private static func database(
    _ aligned: AlignedTrace, program: Program? = nil, scale: TimeScale = .ns, _ body: (DatabaseReader) throws -> Void
  ) throws {
    let path = NSTemporaryDirectory() + "ettools-\(UUID().uuidString).db"
    defer { unlink(path) }
    let conversion = try TimeConversion(from: scale, to: scale == .cycles ? .cycles : .ns)
    let trace = ExportedTrace(aligned, clock: ExportClock(conversion), program: program, model: "model.pte")
    try TraceDatabase(trace).write(to: path)
    let reader = try DatabaseReader(path)
    #expect(try reader.rows("PRAGMA integrity_check") == [[.text(Array("ok".utf8))]])
    #expect(try reader.rows("PRAGMA foreign_key_check").isEmpty)
    for name in try reader.rows("SELECT name FROM sqlite_schema WHERE type = 'view'") {
      _ = try reader.rows("SELECT * FROM \(name[0].string ?? "") LIMIT 3")
    }
    try body(reader)
  }

  private static func model(_ folder: String) throws -> (AlignedTrace, Program) {
    let dump = try Fixtures.withBytes(folder + "/time.etdp") { (bytes) in try ETDump(reading: bytes) }
    let program = try Program.load(Fixtures.contents(folder + "/model.pte"))
    let record = try ETRecord(reading: Fixtures.contents(folder + "/model.etrecord"))
    return (try AlignedTrace(Trace(dump), record: record, program: program), program)
  }

  @Test(arguments: Exports.traces) func hasEveryEventToTheNanosecond(_ answer: Golden.Case) throws {
    let aligned = try Exports.aligned(answer)
    try Self.database(aligned) { database in
      let found = try database.rows("SELECT start_ns, duration_ns FROM event").map { $0.compactMap(\.number) }
      let times = Exports.times(aligned).map { [Int64($0[0]), Int64(EventBlock.elapsed(from: $0[0], to: $0[1]) ?? 0)] }
      #expect(found.sorted { $0.lexicographicallyPrecedes($1) } == times)
      #expect(try database.rows("SELECT value FROM meta WHERE key = 'events'")[0][0].number == Int64(times.count))
      // A run's events are those that it says.
      let strays = """
        SELECT count(*) FROM event JOIN run ON run.id = run_id
        WHERE event.id < first_event OR event.id >= first_event + events
        """
      #expect(try database.rows(strays)[0][0].number == 0)
      #expect(try database.rows("SELECT sum(events) FROM run")[0][0].number == Int64(times.count))
    }
  }

  @Test(arguments: Exports.traces) func rowsHaveTheirTimes(_ answer: Golden.Case) throws {
    let aligned = try Exports.aligned(answer)
    try Self.database(aligned) { database in
      var (wanted, medians): ([[Int64]], [Int64: Double]) = ([], [:])
      var first = 1
      for block in aligned.trace.blocks {
        let own = SelfTimes(block)
        for row in block.rows.indices where block.rows[row].hasProfile {
          let runs = block.runs.indices
          wanted.append([
            Int64(first + row), Int64(runs.reduce(0) { $0 + block.count(row: row, run: $1) }),
            Int64(runs.reduce(0) { $0 + block.duration(row: row, run: $1) }), own.total(row: row, runs: runs),
          ])
          if runs.allSatisfy({ block.count(row: row, run: $0) == 1 }) {
            medians[Int64(first + row)] =
              PerfData(raw: runs.map { Double(block.duration(row: row, run: $0)) }).p50
          }
        }
        first += block.rows.count
      }
      let found = try database.rows("SELECT row_id, events, total_ns, self_ns FROM row_time ORDER BY row_id")
      #expect(found.map { $0.compactMap(\.number) } == wanted)
      for row in try database.rows("SELECT row_id, p50_ns FROM row_percentile") {
        guard let number = row[0].number, let median = medians[number] else { continue }
        let found = try #require(row[1].real)
        // Sums of products with weights; the median is one interpolation.
        #expect(abs(found - median) <= 1e-9 * max(1, median), "row \(number)")
      }
    }
  }

  @Test(arguments: ["mobilenet_v2/portable", "mobilenet_v2/xnnpack", "lstm/portable"])
  func groupsAddUp(_ model: String) throws {
    let (aligned, program) = try Self.model("models/" + model)
    try Self.database(aligned, program: program) { database in
      var modules: [String?: Int64] = [:]
      var whole: Int64 = 0
      for (index, block) in aligned.trace.blocks.enumerated() where aligned.trace.kinds[index].contains(.methodExecute)
      {
        let own = SelfTimes(block)
        for row in block.rows.indices where block.rows[row].hasProfile && !block.isForeign[row] {
          let time = own.total(row: row, runs: block.runs.indices)
          modules[aligned.module(block: index, row: row), default: 0] += time
          whole += time
        }
      }
      var found: [String?: Int64] = [:]
      for row in try database.rows("SELECT module, self_ns FROM module_time") { found[row[0].string] = row[1].number }
      #expect(found == modules)
      for view in ["op_time", "source_time", "backend_time"] {
        #expect(try database.rows("SELECT sum(self_ns) FROM \(view)")[0][0].number == whole, "\(view)")
      }
      // Executions have nothing around them: latencies are their times.
      let latencies = try database.rows("SELECT sum(latency_ns) FROM run_latency WHERE block = 'Execute'")[0][0].number
      #expect(latencies == whole)
      #expect(try database.rows("SELECT count(*) FROM operation_node")[0][0].number ?? 0 > 0)
      // What the program knows: shapes and types of what an operator or a call writes.
      let known = "kind IN ('operatorCall', 'delegateCall')"
      #expect(
        try database.rows("SELECT count(*) FROM event_list WHERE \(known) AND (shapes IS NULL OR dtype IS NULL)")[0][0]
          .number == 0)
      #expect(try database.rows("SELECT value FROM meta WHERE key = 'model'")[0][0].string == "model.pte")
    }
  }

  @Test func allocationsAreKept() throws {
    let dump = try Fixtures.withBytes("native/allocations.etdp") { (bytes) in try ETDump(reading: bytes) }
    let aligned = try AlignedTrace(Trace(dump), record: nil, program: nil)
    let wanted = dump.runs.flatMap { run in
      dump.events[run.events ?? 0..<0].filter { $0.kind == .allocation }.map { Int64($0.start) }
    }
    #expect(!wanted.isEmpty)
    try Self.database(aligned) { database in
      let found = try database.rows("SELECT bytes FROM allocation ORDER BY run_id, position").compactMap(
        \.first?.number)
      #expect(found == wanted)
    }
  }

  @Test func cyclesAreNoTime() throws {
    let aligned = try Exports.aligned(try #require(Exports.traces.first))
    try Self.database(aligned, scale: .cycles) { database in
      let columns = try database.rows(
        "SELECT c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type IN ('table', 'view')"
      ).compactMap(\.first?.string)
      #expect(columns.contains("start_cycles") && !columns.contains { $0.hasSuffix("_ns") })
      #expect(try database.rows("SELECT value FROM meta WHERE key = 'unit'")[0][0].string == "cycles")
    }
  }

  @Test func namesComeBackByteForByte() throws {
    let aligned = try #require(Exports.hostile)
    try Self.database(aligned) { database in
      let found = try database.rows("SELECT name FROM event_list ORDER BY id").map { $0[0] }
      #expect(found == Exports.hostileNames.map { .text(Array($0.utf8)) })
    }
  }

  /// The man page and the file say what every table, view and column is.
  @Test func everythingIsDocumented() throws {
    let page = try String(contentsOfFile: Fixtures.root + "/../man/etdump.1", encoding: .utf8)
    let aligned = try Exports.aligned(try #require(Exports.traces.first))
    try Self.database(aligned) { database in
      #expect(try database.rows("PRAGMA user_version")[0][0].number == 1)
      for row in try database.rows("SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'view')") {
        let (name, sql) = (try #require(row[0].string), try #require(row[1].string))
        #expect(sql.contains("-- "), "\(name)")
        #expect(page.contains(".It Li \(name)\n") || page.contains(".It Li \(name) "), "\(name)")
        for column in try database.rows("SELECT name FROM pragma_table_info('\(name)')") {
          #expect(page.contains(try #require(column[0].string)), "\(name)")
        }
      }
    }
  }
}
