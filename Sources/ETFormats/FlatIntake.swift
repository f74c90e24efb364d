import Bytes

/// What the readers of FlatBuffers share: a budget that hostile files cannot exceed, and the names.
///
/// Every table that is read is counted and every stored byte is charged, so that tables, vectors or strings that
/// share bytes, as no writer makes them, end in an error of code `.limit` and not in memory or time.
struct FlatIntake {
  let buffer: FlatBuffer
  private(set) var names = Self.noNames
  /// Tables that may still be visited: the smallest takes four bytes.
  private var tables: Int
  /// Bytes that may still be stored or compared. A true file's records are stored in at most two or three times the bytes
  /// that they take in the file.
  private var storage: Int
  /// The names met last, by position, so that names that are shared in the file are looked up once.
  private var recent: [(position: Int, id: Int32)]

  /// Where a string is absent.
  static let noName: Int32 = -1
  /// A pool takes a kilobyte even when it is empty: all that are share this one.
  static let noNames = NamePool()

  /// - Parameter payload: Bytes of the buffer that hold no records of it, and give no budget.
  init(_ buffer: FlatBuffer, payload: Int = 0) {
    self.buffer = buffer
    // FlatBuffers are shorter than 2 GiB: nothing overflows.
    let count = min(buffer.count, Int(Int32.max)) - payload
    tables = count / 4
    storage = count * 4 + 65536
    recent = Array(repeating: (-1, -1), count: count > 1 << 14 ? 1024 : 64)
  }

  /// Counts a table. Call it once for each that is read.
  mutating func visit(_ table: FlatTable) throws(ReadError) {
    tables -= 1
    if tables < 0 { throw table.error(.limit, "more tables than a file of this size can hold: some are shared") }
  }

  /// Counts a table that a field leads to, where it is present.
  mutating func table(_ parent: FlatTable, _ slot: Int) throws(ReadError) -> FlatTable? {
    guard let table = try parent.table(slot) else { return nil }
    try visit(table)
    return table
  }

  /// A vector of tables, of which each element will be stored in `stride` bytes. Each is to be taken by `element`.
  mutating func tables(_ parent: FlatTable, _ slot: Int, stride: Int) throws(ReadError) -> FlatTables? {
    guard let tables = try parent.tables(slot) else { return nil }
    try charge(tables.count, times: 4 + stride, at: tables.position)
    return tables
  }

  mutating func element(_ tables: FlatTables, _ index: Int) throws(ReadError) -> FlatTable {
    let table = try tables.table(index)
    try visit(table)
    return table
  }

  /// A vector of integers. They are charged twice, since the columns that they are appended to grow by doubling.
  mutating func integers<T: FixedWidthInteger>(
    _ parent: FlatTable, _ slot: Int, as type: T.Type
  ) throws(ReadError) -> FlatIntegers<T>? {
    guard let values = try parent.integers(slot, as: type) else { return nil }
    try charge(values.count, times: 2 * MemoryLayout<T>.stride, at: values.position)
    return values
  }

  mutating func charge(_ count: Int, times stride: Int, at position: Int) throws(ReadError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: stride)
    if overflow || bytes > storage {
      throw buffer.error(.limit, at: position, "more records than a file of this size can hold: some are shared")
    }
    storage -= bytes
  }

  /// The number of a string field among the names, or `noName`.
  mutating func name(_ table: FlatTable, _ slot: Int) throws(ReadError) -> Int32 {
    guard let string = try table.string(slot) else { return Self.noName }
    let place = string.position >> 2 & (recent.count - 1)
    if recent[place].position == string.position { return recent[place].id }
    // A name costs its bytes and an entry in the pool.
    try charge(2 * string.count + 32, times: 1, at: string.position)
    let id = names.intern(string.bytes)
    recent[place] = (string.position, id)
    return id
  }

  /// The number of a name that is made from names of the file.
  mutating func intern(_ name: String, at position: Int) throws(ReadError) -> Int32 {
    try charge(name.utf8.count + 32, times: 1, at: position)
    return names.intern(name)
  }

  /// A string field as text, or nil where it is absent.
  mutating func text(_ table: FlatTable, _ slot: Int) throws(ReadError) -> String? {
    guard let string = try table.string(slot) else { return nil }
    try charge(string.count + 32, times: 1, at: string.position)
    return string.text
  }
}
