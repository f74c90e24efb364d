#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Builds a FlatBuffer, strictly aligned, from the back to the front as the format wants it: what is referred to
/// is written before what refers to it.
///
/// ```
/// var builder = FlatBuilder()
/// let name = builder.string("add")
/// builder.startTable(slots: 2)
/// builder.add(name, slot: 0)
/// builder.add(7 as Int32, slot: 1, default: -1)
/// let event = builder.endTable()
/// try builder.close(event, identifier: "ED00", sizePrefixed: true)
/// try file.write(builder.bytes)
/// ```
/// Equal vtables are stored once. A position is counted from the end of the buffer, which is what stays put.
public struct FlatBuilder: ~Copyable {
  /// Something already written, named by its distance from the end of the buffer.
  @frozen
  public struct Reference: Sendable, Hashable {
    @usableFromInline let distance: Int

    @inlinable
    init(distance: Int) { self.distance = distance }
  }

  // All zero before it is written, so that padding is skipped and not stored.
  @usableFromInline var memory: UnsafeMutableRawPointer
  @usableFromInline var capacity: Int
  @usableFromInline var used = 0
  @usableFromInline var largestAlignment = 4

  // The open table: the distance of each field's value, 0 where it has none.
  @usableFromInline var fields: UnsafeMutablePointer<Int>
  @usableFromInline var slots = 0
  @usableFromInline var tableStart = 0

  // Distances of the vtables so far, by their hash; 0 where free.
  private var vtables = [Int](repeating: 0, count: 64)
  private var vtableCount = 0

  /// Most fields of a table.
  @usableFromInline static let maximumSlots = 256

  public init(capacity: Int = 1 << 16) {
    self.capacity = Self.aligned(max(capacity, 64), to: 16)
    memory = Self.zeroed(self.capacity)
    fields = .allocate(capacity: Self.maximumSlots)
  }

  deinit {
    free(memory)
    fields.deallocate()
  }

  // MARK: Leaves

  public mutating func string(_ text: String) -> Reference {
    var text = text
    return text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
  }

  public mutating func string(_ utf8: UnsafeRawBufferPointer) -> Reference {
    let ends = Self.aligned(used + 1 + utf8.count, to: 4)
    return vector(utf8, distance: ends, count: utf8.count)
  }

  public mutating func bytes(_ bytes: UnsafeRawBufferPointer, alignment: Int = 4) -> Reference {
    largestAlignment = max(largestAlignment, alignment)
    let ends = Self.aligned(used + bytes.count, to: max(4, alignment))
    return vector(bytes, distance: ends, count: bytes.count)
  }

  /// A vector's bytes, beginning `distance` before the end, and its count.
  private mutating func vector(_ bytes: UnsafeRawBufferPointer, distance: Int, count: Int) -> Reference {
    reserve(upTo: distance + 4)
    if let source = bytes.baseAddress { place(distance).copyMemory(from: source, byteCount: bytes.count) }
    used = distance
    store(UInt32(truncatingIfNeeded: count))
    return Reference(distance: used)
  }

  @inlinable
  public mutating func integers<T: FixedWidthInteger>(_ values: some BidirectionalCollection<T>) -> Reference {
    let size = MemoryLayout<T>.size
    let (count, alignment) = (values.count, max(4, size))
    largestAlignment = max(largestAlignment, alignment)
    let first = Self.aligned(used + count * size, to: alignment)
    reserve(upTo: first + 4)
    var place = place(first)
    for value in values {
      place.storeBytes(of: value.littleEndian, as: T.self)
      place += size
    }
    used = first
    store(UInt32(truncatingIfNeeded: count))
    return Reference(distance: used)
  }

  @inlinable
  public mutating func references(_ values: some BidirectionalCollection<Reference>) -> Reference {
    let count = values.count
    let first = Self.aligned(used + count * 4, to: 4)
    reserve(upTo: first + 4)
    var (place, distance) = (place(first), first)
    for value in values {
      place.storeBytes(of: UInt32(truncatingIfNeeded: distance &- value.distance).littleEndian, as: UInt32.self)
      place += 4
      distance &-= 4
    }
    used = first
    store(UInt32(truncatingIfNeeded: count))
    return Reference(distance: used)
  }

  // MARK: Tables

  /// - Parameter slots: How many the schema has; a union counts two.
  @inlinable
  public mutating func startTable(slots: Int) {
    precondition(slots <= Self.maximumSlots)
    self.slots = slots
    fields.initialize(repeating: 0, count: slots)
    tableStart = used
  }

  @inlinable
  public mutating func add<T: FixedWidthInteger>(_ value: T, slot: Int, default standard: T) {
    guard value != standard else { return }
    if MemoryLayout<T>.size > largestAlignment { largestAlignment = MemoryLayout<T>.size }
    store(value)
    setField(slot)
  }

  @inlinable
  public mutating func add(_ value: Bool, slot: Int) { add(value ? 1 : 0 as UInt8, slot: slot, default: 0) }
  @inlinable
  public mutating func add(_ value: Double, slot: Int) { add(value.bitPattern, slot: slot, default: 0) }
  @inlinable
  public mutating func add(_ value: Float, slot: Int) { add(value.bitPattern, slot: slot, default: 0) }

  @inlinable
  public mutating func add(_ reference: Reference?, slot: Int) {
    guard let reference else { return }
    let place = Self.aligned(used + 4, to: 4)
    store(UInt32(truncatingIfNeeded: place &- reference.distance))
    setField(slot)
  }

  @inlinable
  func setField(_ slot: Int) {
    precondition(slot >= 0 && slot < slots)
    fields[slot] = used
  }

  public mutating func endTable() -> Reference {
    store(0 as Int32)  // the way to the vtable, set below
    let table = used
    var count = slots
    while count > 0 && fields[count - 1] == 0 { count -= 1 }
    // What a vtable holds, in its order: its size, the table's, and where the fields are in the table.
    let size = 4 + 2 * count
    var hash = UInt64(truncatingIfNeeded: size) << 16 | UInt64(truncatingIfNeeded: table - tableStart)
    for slot in 0..<count {
      let entry = fields[slot] == 0 ? 0 : table - fields[slot]
      hash = (hash ^ UInt64(truncatingIfNeeded: entry)) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    var index = Int(truncatingIfNeeded: hash) & (vtables.count - 1)
    while vtables[index] != 0 && !isVtable(at: vtables[index], count: count, of: table) {
      index = (index + 1) & (vtables.count - 1)
    }
    if vtables[index] == 0 {
      writeVtable(count: count, of: table)
      vtables[index] = used
      vtableCount += 1
      if vtableCount * 2 > vtables.count { forgetVtables() }
      place(table).storeBytes(of: Int32(truncatingIfNeeded: used - table).littleEndian, as: Int32.self)
    } else {
      // The vtable stands at table − value; both distances count from the end.
      place(table).storeBytes(of: Int32(truncatingIfNeeded: vtables[index] - table).littleEndian, as: Int32.self)
    }
    return Reference(distance: table)
  }

  private func isVtable(at distance: Int, count: Int, of table: Int) -> Bool {
    let vtable = place(distance)
    func entry(_ index: Int) -> Int {
      Int(UInt16(littleEndian: vtable.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)))
    }
    guard entry(0) == 4 + 2 * count, entry(1) == table - tableStart else { return false }
    for slot in 0..<count where entry(2 + slot) != (fields[slot] == 0 ? 0 : table - fields[slot]) { return false }
    return true
  }

  private mutating func writeVtable(count: Int, of table: Int) {
    for slot in (0..<count).reversed() {
      store(UInt16(truncatingIfNeeded: fields[slot] == 0 ? 0 : table - fields[slot]))
    }
    store(UInt16(truncatingIfNeeded: table - tableStart))
    store(UInt16(truncatingIfNeeded: 4 + 2 * count))
  }

  /// Begins again with no known vtables: a schema with this many shapes of tables repeats few of them.
  private mutating func forgetVtables() {
    vtables = [Int](repeating: 0, count: vtables.count)
    vtableCount = 0
  }

  // MARK: The end

  /// Ends the buffer: `bytes` are a whole file from then on, and nothing may be added.
  ///
  /// - Throws: Where the buffer became larger than the 2 GiB that its offsets can span.
  public mutating func close(
    _ root: Reference, identifier: StaticString, sizePrefixed: Bool
  ) throws(WriteError) {
    precondition(identifier.utf8CodeUnitCount == 4)
    let head = sizePrefixed ? 12 : 8
    let total = Self.aligned(used + head, to: largestAlignment)
    guard total < Int(Int32.max) else {
      throw .tooLargeForOffsets(total)
    }
    reserve(upTo: total)
    used = total - head
    for index in (0..<4).reversed() { store(identifier.utf8Start[index]) }
    add(root)
    if sizePrefixed { store(UInt32(truncatingIfNeeded: used)) }
  }

  private mutating func add(_ root: Reference) { store(UInt32(truncatingIfNeeded: used + 4 - root.distance)) }

  /// What is written so far. Borrowed: valid until the builder changes or ends.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: place(used), count: used) }

  /// `close`, and a copy of the bytes.
  public consuming func finish(
    _ root: Reference, identifier: StaticString, sizePrefixed: Bool
  ) throws(WriteError) -> [UInt8] {
    try close(root, identifier: identifier, sizePrefixed: sizePrefixed)
    return [UInt8](bytes)
  }

  // MARK: Memory

  @inlinable
  static func aligned(_ distance: Int, to alignment: Int) -> Int { (distance &+ alignment &- 1) & ~(alignment &- 1) }

  /// Where the byte is that lies `distance` before the end.
  @inlinable
  func place(_ distance: Int) -> UnsafeMutableRawPointer { memory + (capacity &- distance) }

  /// Pads to the value's alignment and writes it.
  @inlinable @inline(__always)
  mutating func store<T: FixedWidthInteger>(_ value: T) {
    let end = Self.aligned(used &+ MemoryLayout<T>.size, to: MemoryLayout<T>.size)
    reserve(upTo: end)
    used = end
    place(end).storeBytes(of: value.littleEndian, as: T.self)
  }

  @inlinable @inline(__always)
  mutating func reserve(upTo distance: Int) {
    if distance > capacity { grow(upTo: distance) }
  }

  @usableFromInline @inline(never)
  mutating func grow(upTo distance: Int) {
    let larger = Self.aligned(max(capacity * 2, distance), to: 16)
    let moved = Self.zeroed(larger)
    (moved + (larger - used)).copyMemory(from: place(used), byteCount: used)
    free(memory)
    memory = moved
    capacity = larger
  }

  private static func zeroed(_ count: Int) -> UnsafeMutableRawPointer {
    guard let memory = calloc(count, 1) else { fatalError("out of memory: \(count) bytes") }
    LargePages.prefer(UnsafeRawBufferPointer(start: memory, count: count))
    return memory
  }
}
