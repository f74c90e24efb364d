import Bytes
import CSQLite

/// A new SQLite database that is written once, from end to end: without a journal, because a file that is not finished is thrown away.
final class SQLiteDatabase {
  private let path: String
  private let handle: OpaquePointer

  /// - Parameter path: An empty file or none; `:memory:` for none at all.
  init(path: String) throws(WriteError) {
    self.path = path
    var handle: OpaquePointer?
    // One thread has it.
    let status = sqlite3_open_v2(
      path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
    guard let handle else { throw WriteError("\(path): SQLite has no memory") }
    self.handle = handle
    if status != SQLITE_OK { throw error }
  }

  deinit { sqlite3_close_v2(handle) }

  var error: WriteError { WriteError("\(path): \(String(cString: sqlite3_errmsg(handle)))") }

  /// Runs statements that ask for nothing.
  func execute(_ statements: String) throws(WriteError) {
    guard sqlite3_exec(handle, statements, nil, nil, nil) == SQLITE_OK else { throw error }
  }

  func prepare(_ statement: String) throws(WriteError) -> Statement {
    var prepared: OpaquePointer?
    guard sqlite3_prepare_v3(handle, statement, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK,
      let prepared
    else { throw error }
    return Statement(self, prepared)
  }

  /// A statement with places for values.
  final class Statement {
    private let database: SQLiteDatabase
    private let handle: OpaquePointer

    fileprivate init(_ database: SQLiteDatabase, _ handle: OpaquePointer) {
      self.database = database
      self.handle = handle
    }

    deinit { sqlite3_finalize(handle) }

    /// - Parameter place: Counted from 1.
    func bind(_ number: Int64?, at place: Int) {
      if let number {
        sqlite3_bind_int64(handle, Int32(truncatingIfNeeded: place), number)
      } else {
        sqlite3_bind_null(handle, Int32(truncatingIfNeeded: place))
      }
    }

    /// Binds text by its length, so that a NUL in it ends nothing.
    func bind(_ text: String?, at place: Int) {
      guard var text else { return bind(nil as Int64?, at: place) }
      // SQLITE_TRANSIENT: it makes a copy.
      let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
      text.withUTF8 { utf8 in
        utf8.withMemoryRebound(to: CChar.self) { chars in
          _ = sqlite3_bind_text64(
            handle, Int32(truncatingIfNeeded: place), chars.baseAddress, UInt64(chars.count), copies, UInt8(SQLITE_UTF8)
          )
        }
      }
    }

    /// Runs the statement to its end; its values stay.
    func run() throws(WriteError) {
      let status = sqlite3_step(handle)
      guard status == SQLITE_DONE else { throw database.error }
      sqlite3_reset(handle)
    }
  }

  /// A value of a row that is inserted.
  enum Value {
    case null
    case number(Int64)
    case text(String)

    init(_ number: Int?) { self = number.map { .number(Int64($0)) } ?? .null }
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
  }

  /// Inserts a row of a small table.
  func insert(into table: String, _ rows: some Sequence<[Value]>) throws(WriteError) {
    var statement: Statement?
    for row in rows {
      if statement == nil {
        statement = try prepare(
          "INSERT INTO \(table) VALUES (\(row.map { _ in "?" }.joined(separator: ", ")))")
      }
      for (index, value) in row.enumerated() {
        switch value {
        case .null: statement?.bind(nil as Int64?, at: index + 1)
        case .number(let number): statement?.bind(number, at: index + 1)
        case .text(let text): statement?.bind(text, at: index + 1)
        }
      }
      try statement?.run()
    }
  }
}

/// Many rows of numbers on their way into a table, fifty with each statement: that is nearly twice as fast as one.
struct BulkInsert {
  private let database: SQLiteDatabase
  private let table: String
  private let columns: Int
  private let statement: SQLiteDatabase.Statement
  private let limit: Int
  private var values: [Int64?] = []

  init(into table: String, columns: Int, _ database: SQLiteDatabase) throws(WriteError) {
    self.database = database
    self.table = table
    self.columns = columns
    limit = 50 * columns
    statement = try database.prepare(Self.statement(table, columns, rows: 50))
    values.reserveCapacity(limit)
  }

  private static func statement(_ table: String, _ columns: Int, rows: Int) -> String {
    let row = "(" + Array(repeating: "?", count: columns).joined(separator: ",") + ")"
    return "INSERT INTO \(table) VALUES " + Array(repeating: row, count: rows).joined(separator: ",")
  }

  /// The next value, row by row.
  mutating func put(_ value: Int64?) { values.append(value) }

  /// Ends a row.
  mutating func endRow() throws(WriteError) {
    if values.count == limit { try insert(with: statement) }
  }

  /// Inserts what is left.
  mutating func finish() throws(WriteError) {
    guard !values.isEmpty else { return }
    try insert(with: try database.prepare(Self.statement(table, columns, rows: values.count / columns)))
  }

  private mutating func insert(with statement: SQLiteDatabase.Statement) throws(WriteError) {
    for (index, value) in values.enumerated() { statement.bind(value, at: index + 1) }
    try statement.run()
    values.removeAll(keepingCapacity: true)
  }
}
