public import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import TraceModel

/// A trace as an SQLite database: `DatabaseSchema` says what is in it.
///
/// Times above 2⁶³ − 1, which SQLite's integers do not reach, become that.
public struct TraceDatabase {
  private let trace: ExportedTrace

  public init(_ trace: ExportedTrace) { self.trace = trace }

  /// - Parameter path: An empty file or none; `:memory:` to write it nowhere.
  public func write(to path: String) throws(WriteError) {
    let database = try SQLiteDatabase(path: path)
    // Whoever reads the file never sees it unfinished, so that nothing has to be undone. What an index is sorted in
    // goes to temporary files beyond the cache.
    try database.execute(
      """
      PRAGMA page_size = 16384;
      PRAGMA journal_mode = OFF;
      PRAGMA synchronous = OFF;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA cache_size = -32768;
      PRAGMA application_id = \(DatabaseSchema.applicationID);
      PRAGMA user_version = \(DatabaseSchema.version);
      BEGIN
      """)
    try database.execute(DatabaseSchema.tables(unit: trace.clock.unit))
    try writeFacts(to: database)
    try writeBlocks(to: database)
    try writeOperations(to: database)
    try writeRows(to: database)
    try writeRuns(events: try writeEvents(to: database), to: database)
    try writeAllocations(to: database)
    try database.execute(DatabaseSchema.indices(unit: trace.clock.unit))
    try database.execute(DatabaseSchema.views(unit: trace.clock.unit))
    try database.execute("COMMIT")
  }

  private func writeFacts(to database: SQLiteDatabase) throws(WriteError) {
    var facts: [[SQLiteDatabase.Value]] = [
      [.text("schema"), .text("\(DatabaseSchema.name)/\(DatabaseSchema.version)")],
      [.text("unit"), .text(trace.clock.unit)], [.text("tick"), .text(trace.clock.tick)],
      [.text("runs"), .number(Int64(trace.runs.count))],
    ]
    if let model = trace.model { facts.append([.text("model"), .text(model)]) }
    try database.insert(into: "meta", facts)
  }

  private func writeBlocks(to database: SQLiteDatabase) throws(WriteError) {
    let blocks = trace.aligned.trace.blocks
    try database.insert(
      into: "block",
      blocks.indices.lazy.map { index in
        [
          .init(index + 1), .text(blocks[index].name), .init(trace.aligned.methods.methods[index]),
          .init(blocks[index].bundledInputIndex < 0 ? nil : Int(blocks[index].bundledInputIndex)),
          .init(trace.hasExecutions(block: index) ? 1 : 0),
        ]
      })
  }

  /// - Parameter events: How many events each run has.
  private func writeRuns(events: [Int64], to database: SQLiteDatabase) throws(WriteError) {
    var phases = trace.aligned.trace.blocks.map { [String](repeating: "all", count: $0.runs.count) }
    for (block, found) in trace.aligned.phases.enumerated() {
      for phase in found {
        for run in phase.runs { phases[block][run] = phase.name.rawValue }
      }
    }
    var first: Int64 = 1
    var rows: [[SQLiteDatabase.Value]] = []
    for (run, count) in zip(trace.runs, events) {
      rows.append([
        .init(run.index), .init(run.block + 1), .init(run.iteration), .text(phases[run.block][run.iteration]),
        .number(first), .number(count),
      ])
      first += count
    }
    try database.insert(into: "run", rows)
    try database.insert(into: "meta", [[.text("events"), .number(first - 1)]])
  }

  // MARK: Rows

  private func writeOperations(to database: SQLiteDatabase) throws(WriteError) {
    try database.insert(
      into: "operation",
      trace.labels.enumerated().lazy.map { index, label in
        let place = label.sourcePlace
        return [
          .init(index + 1), .init(label.block + 1), .text(label.name), .text("\(label.kind)"),
          .init(label.operatorName),
          .init(label.overload), .init(label.operators.isEmpty ? nil : label.operators.joined(separator: " ")),
          .init(label.backend), .init(label.module), .init(place?.file), .init(place?.line),
          .init(label.dtype?.description), .init(label.isForeign ? 1 : 0),
        ]
      })
    // A node's name is unique in its method's graph.
    var numbers: [String: Int] = [:]
    for (index, label) in trace.labels.enumerated() {
      var links: Set<Int> = []
      for node in trace.aligned.nodes(in: label.source) {
        let method = label.method ?? ""
        let key = "\(method)\u{0}\(node.name)"
        let number = numbers[key] ?? numbers.count + 1
        if numbers.updateValue(number, forKey: key) == nil {
          try database.insert(
            into: "node",
            [
              [
                .init(number), .text(method), .text(node.name), .text(node.op), .init(node.modules.last?.path),
                .init(node.modules.last?.type), .init(node.stackTrace),
              ]
            ])
        }
        links.insert(number)
      }
      try database.insert(into: "operation_node", links.sorted().map { [.init(index + 1), .init($0)] })
    }
  }

  /// The id of each block's first row: they are numbered through all blocks.
  private var firstRows: [Int] {
    var rows: [Int] = []
    var first = 1
    for block in trace.aligned.trace.blocks {
      rows.append(first)
      first += block.rows.count
    }
    return rows
  }

  private func writeRows(to database: SQLiteDatabase) throws(WriteError) {
    let events = trace.aligned.trace.dump.events
    var insert = try BulkInsert(into: "row", columns: 7, database)
    var signatures: [String: Int64] = [:]
    for (index, first) in firstRows.enumerated() {
      let block = trace.aligned.trace.blocks[index]
      for row in block.rows.indices {
        // The next id, which SQLite gives faster than it takes one.
        insert.put(nil)
        insert.put(Int64(index + 1))
        insert.put(Int64(trace.labelOfRow[index][row]) + 1)
        let event = events[block.rows[row].event]
        insert.put(Int64(event.chainIndex))
        insert.put(Int64(event.instructionID))
        let parent = Int(block.parents[row])
        insert.put(parent < 0 ? nil : Int64(first + parent))
        let signature = try trace.tensors.shapes(block: index, row: row).map { (shapes) throws(WriteError) in
          if let known = signatures[shapes] { return known }
          let number = Int64(signatures.count + 1)
          signatures[shapes] = number
          try database.insert(into: "signature", [[.number(number), .text(shapes)]])
          return number
        }
        insert.put(signature)
        try insert.endRow()
      }
    }
    try insert.finish()
  }

  // MARK: Events

  /// - Returns: How many each run has.
  private func writeEvents(to database: SQLiteDatabase) throws(WriteError) -> [Int64] {
    var insert = try BulkInsert(into: "event", columns: 6, database)
    let firstRows = self.firstRows
    var counts: [Int64] = []
    var count: Int64 = 0
    for run in trace.runs {
      let (first, before) = (firstRows[run.block], count)
      try trace.forEachEvent(of: run) { (event) throws(WriteError) in
        let (start, end) = (trace.clock.nanoseconds(event.start), trace.clock.nanoseconds(event.end))
        insert.put(nil)
        insert.put(Int64(run.index))
        insert.put(Int64(event.position))
        insert.put(Int64(first + event.row))
        insert.put(Int64(clamping: start))
        insert.put(Int64(clamping: end - start))
        try insert.endRow()
        count += 1
      }
      counts.append(count - before)
    }
    try insert.finish()
    return counts
  }

  private func writeAllocations(to database: SQLiteDatabase) throws(WriteError) {
    let dump = trace.aligned.trace.dump
    try database.insert(
      into: "allocation",
      trace.runs.lazy.flatMap { run in
        let (events, allocators) = (dump.runs[run.index].events ?? 0..<0, dump.runs[run.index].allocators)
        return events.lazy.filter { dump.events[$0].kind == .allocation }.map { index -> [SQLiteDatabase.Value] in
          let event = dump.events[index]
          // Ids count from 1.
          let place = Int(event.payload) - 1
          return [
            .init(run.index), .init(index - events.lowerBound),
            .init(allocators.indices.contains(place) ? dump.text(allocators[place]) : nil),
            .number(Int64(clamping: event.start)),
          ]
        }
      })
  }
}
