import CSQLite
import Testing

/// Asks a database through SQLite itself.
final class DatabaseReader {
  enum Value: Equatable {
    case null
    case number(Int64)
    case real(Double)
    case text([UInt8])

    var number: Int64? { if case .number(let number) = self { number } else { nil } }
    var string: String? { if case .text(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
    var real: Double? {
      switch self {
      case .real(let number): number
      case .number(let number): Double(number)
      default: nil
      }
    }
  }

  private var handle: OpaquePointer?

  init(_ path: String) throws {
    try #require(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK)
  }

  deinit { sqlite3_close_v2(handle) }

  func rows(_ query: String) throws -> [[Value]] {
    var statement: OpaquePointer?
    try #require(
      sqlite3_prepare_v2(handle, query, -1, &statement, nil) == SQLITE_OK,
      "\(query): \(String(cString: sqlite3_errmsg(handle)))")
    defer { sqlite3_finalize(statement) }
    var rows: [[Value]] = []
    while true {
      let status = sqlite3_step(statement)
      if status == SQLITE_DONE { return rows }
      try #require(status == SQLITE_ROW, "\(query): \(String(cString: sqlite3_errmsg(handle)))")
      rows.append((0..<sqlite3_column_count(statement)).map { value(statement, $0) })
    }
  }

  private func value(_ statement: OpaquePointer?, _ column: Int32) -> Value {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: return .number(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
    case SQLITE_NULL: return .null
    default:
      let start = sqlite3_column_blob(statement, column)
      return .text(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))))
    }
  }
}
