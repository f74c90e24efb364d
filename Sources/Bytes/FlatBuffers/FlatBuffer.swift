/// The bytes of one FlatBuffer, read without a copy; every read is checked.
///
/// The checks are those of the official library's strict verifier (offsets and vtables in range and aligned, strings
/// terminated), made where a field is read: a reader that reads every field of its schema accepts no bytes
/// that the verifier refuses. Alignment counts from `base`, which is the first byte of the file even where a size
/// prefix stands in front, since that is where FlatBuffers' writers count from.
///
/// It borrows: keep the owner of the bytes alive. Format: https://flatbuffers.dev/internals/
@frozen
public struct FlatBuffer: @unchecked Sendable {
  @usableFromInline let base: UnsafeRawPointer
  /// Bytes from `base`.
  public let count: Int
  /// The position of `base` in the file, added to positions in errors.
  public let origin: Int

  /// - Parameters:
  ///   - bytes: The buffer, from the byte that its alignment counts from.
  ///   - origin: Where `bytes` begin in the file, for the places in errors.
  @inlinable
  public init(_ bytes: UnsafeRawBufferPointer, origin: Int = 0) {
    // An empty buffer has no base; nothing is read through it, since count is 0.
    base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
    count = bytes.count
    self.origin = origin
  }

  /// The four bytes of a file identifier, when `identifier` stands at `position`.
  public func hasIdentifier(_ identifier: StaticString, at position: Int) -> Bool {
    precondition(identifier.utf8CodeUnitCount == 4)
    guard position >= 0, count - position >= 4 else { return false }
    return (0..<4).allSatisfy { base.load(fromByteOffset: position + $0, as: UInt8.self) == identifier.utf8Start[$0] }
  }

  /// The table that the offset at `position` leads to.
  public func root(at position: Int) throws(ReadError) -> FlatTable {
    try table(at: try follow(position))
  }

  // MARK: Checked reads

  @inlinable
  func require(_ position: Int, _ size: Int) throws(ReadError) {
    guard position >= 0, position <= count &- size else { throw outOfBounds(position, "a value lies outside the buffer") }
  }

  @inlinable
  func load<T: FixedWidthInteger>(_ position: Int, as type: T.Type) throws(ReadError) -> T {
    guard position & (MemoryLayout<T>.size &- 1) == 0 else { throw misaligned(position) }
    try require(position, MemoryLayout<T>.size)
    return T(littleEndian: base.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  /// The target of the offset at `position`. An offset of 0 is an error: it would point to itself.
  @inlinable
  func follow(_ position: Int) throws(ReadError) -> Int {
    let offset = Int(try load(position, as: UInt32.self))
    guard offset != 0, offset <= Int(Int32.max), position &+ offset < count else {
      throw outOfBounds(position, "an offset points outside the buffer")
    }
    return position &+ offset
  }

  /// Checks a table's place and its vtable.
  @inlinable
  func table(at position: Int) throws(ReadError) -> FlatTable {
    let distance = Int(Int32(bitPattern: try load(position, as: UInt32.self)))
    let vtable = position &- distance
    guard vtable >= 0 else { throw outOfBounds(position, "a table's vtable lies outside the buffer") }
    let size = Int(try load(vtable, as: UInt16.self))
    guard size >= 4, size & 1 == 0 else { throw malformed(vtable, "a vtable's size is \(size)") }
    try require(vtable, size)
    return FlatTable(buffer: self, position: position, vtable: vtable, vtableSize: size)
  }

  /// A vector's element count and the position of its first element.
  @inlinable
  func vector(at position: Int, stride: Int) throws(ReadError) -> (first: Int, count: Int) {
    let elements = Int(try load(position, as: UInt32.self))
    let first = position &+ 4
    // UInt32 × stride cannot overflow: strides are at most 8.
    guard elements &* stride <= count &- first else {
      throw outOfBounds(position, "a vector of \(elements) elements reaches beyond the buffer")
    }
    return (first, elements)
  }

  // MARK: Errors, kept out of line

  @usableFromInline @inline(never)
  func outOfBounds(_ position: Int, _ detail: String) -> ReadError {
    ReadError(.outOfBounds, at: origin + position, detail)
  }

  @usableFromInline @inline(never)
  func misaligned(_ position: Int) -> ReadError {
    ReadError(.misaligned, at: origin + position, "a value is not aligned")
  }

  @usableFromInline @inline(never)
  func malformed(_ position: Int, _ detail: String) -> ReadError {
    ReadError(.malformed, at: origin + position, detail)
  }

  /// An error about a position of this buffer, for rules that a format adds.
  public func error(_ code: ReadError.Code, at position: Int, _ detail: String) -> ReadError {
    ReadError(code, at: origin + position, detail)
  }
}

/// A table of a FlatBuffer. Fields are named by slot: the place of the field in its schema, a union counting two.
@frozen
public struct FlatTable {
  public let buffer: FlatBuffer
  /// The table's position in its buffer: two fields that lead to one table have the same.
  public let position: Int
  @usableFromInline let vtable: Int
  @usableFromInline let vtableSize: Int

  @inlinable
  init(buffer: FlatBuffer, position: Int, vtable: Int, vtableSize: Int) {
    self.buffer = buffer
    self.position = position
    self.vtable = vtable
    self.vtableSize = vtableSize
  }

  /// The position of a field's value, or nil where the field is absent.
  @inlinable
  func field(_ slot: Int) -> Int? {
    let entry = 4 &+ 2 &* slot
    guard entry < vtableSize else { return nil }
    // In range: the whole vtable was checked, its size is even, and so is `entry`.
    let offset = buffer.base.loadUnaligned(fromByteOffset: vtable &+ entry, as: UInt16.self).littleEndian
    return offset == 0 ? nil : position &+ Int(offset)
  }

  @inlinable
  public func has(_ slot: Int) -> Bool { field(slot) != nil }

  /// An integer field, or its default where absent.
  @inlinable
  public func integer<T: FixedWidthInteger>(_ slot: Int, default value: T) throws(ReadError) -> T {
    guard let position = field(slot) else { return value }
    return try buffer.load(position, as: T.self)
  }

  @inlinable
  public func bool(_ slot: Int, default value: Bool = false) throws(ReadError) -> Bool {
    try integer(slot, default: value ? 1 : 0 as UInt8) != 0
  }

  @inlinable
  public func double(_ slot: Int, default value: Double = 0) throws(ReadError) -> Double {
    Double(bitPattern: try integer(slot, default: value.bitPattern))
  }

  @inlinable
  public func float(_ slot: Int, default value: Float = 0) throws(ReadError) -> Float {
    Float(bitPattern: try integer(slot, default: value.bitPattern))
  }

  @inlinable
  public func table(_ slot: Int) throws(ReadError) -> FlatTable? {
    guard let position = field(slot) else { return nil }
    let target = try buffer.follow(position)
    return try buffer.table(at: target)
  }

  /// Checks that a field leads into the buffer, and nothing that it leads to: for members of unions that are not known.
  public func checkOffset(_ slot: Int) throws(ReadError) {
    guard let position = field(slot) else { return }
    _ = try buffer.follow(position)
  }

  /// A string's bytes, without its terminator, which is checked.
  @inlinable
  public func string(_ slot: Int) throws(ReadError) -> FlatBytes? {
    guard let position = field(slot) else { return nil }
    let target = try buffer.follow(position)
    return try buffer.string(at: target)
  }

  /// A vector of bytes.
  @inlinable
  public func bytes(_ slot: Int) throws(ReadError) -> FlatBytes? {
    guard let position = field(slot) else { return nil }
    let target = try buffer.follow(position)
    let (first, count) = try buffer.vector(at: target, stride: 1)
    return FlatBytes(buffer: buffer, position: first, count: count)
  }

  /// A vector of integers. Copies nothing.
  @inlinable
  public func integers<T: FixedWidthInteger>(_ slot: Int, as type: T.Type) throws(ReadError) -> FlatIntegers<T>? {
    guard let position = field(slot) else { return nil }
    let target = try buffer.follow(position)
    let (first, count) = try buffer.vector(at: target, stride: MemoryLayout<T>.size)
    return FlatIntegers(buffer: buffer, position: first, count: count)
  }

  /// A vector of tables. Each is checked when it is taken.
  @inlinable
  public func tables(_ slot: Int) throws(ReadError) -> FlatTables? {
    guard let position = field(slot) else { return nil }
    let target = try buffer.follow(position)
    let (first, count) = try buffer.vector(at: target, stride: 4)
    return FlatTables(buffer: buffer, position: first, count: count)
  }

  /// An error at this table.
  public func error(_ code: ReadError.Code, _ detail: String) -> ReadError {
    buffer.error(code, at: position, detail)
  }
}

extension FlatBuffer {
  @inlinable
  func string(at position: Int) throws(ReadError) -> FlatBytes {
    let (first, length) = try vector(at: position, stride: 1)
    guard first &+ length < count, base.load(fromByteOffset: first &+ length, as: UInt8.self) == 0 else {
      throw malformed(position, "a string is not terminated")
    }
    return FlatBytes(buffer: self, position: first, count: length)
  }
}

/// A run of bytes in a FlatBuffer, checked to lie in it.
@frozen
public struct FlatBytes {
  public let buffer: FlatBuffer
  public let position: Int
  public let count: Int

  @inlinable
  init(buffer: FlatBuffer, position: Int, count: Int) {
    self.buffer = buffer
    self.position = position
    self.count = count
  }

  /// Borrowed: valid as long as the buffer's owner.
  @inlinable
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: buffer.base + position, count: count)
  }

  /// The bytes as text; what is not UTF-8 becomes U+FFFD.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A vector of integers in a FlatBuffer, checked to lie in it.
@frozen
public struct FlatIntegers<Element: FixedWidthInteger>: RandomAccessCollection {
  @usableFromInline let buffer: FlatBuffer
  public let position: Int
  public let count: Int

  @inlinable
  init(buffer: FlatBuffer, position: Int, count: Int) {
    self.buffer = buffer
    self.position = position
    self.count = count
  }

  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { count }

  @inlinable
  public subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count)
    let place = position &+ index &* MemoryLayout<Element>.size
    return Element(littleEndian: buffer.base.loadUnaligned(fromByteOffset: place, as: Element.self))
  }
}

/// A vector of tables in a FlatBuffer.
@frozen
public struct FlatTables {
  public let buffer: FlatBuffer
  public let position: Int
  public let count: Int

  @inlinable
  init(buffer: FlatBuffer, position: Int, count: Int) {
    self.buffer = buffer
    self.position = position
    self.count = count
  }

  /// - Precondition: `index` is in `0..<count`.
  @inlinable
  public func table(_ index: Int) throws(ReadError) -> FlatTable {
    precondition(index >= 0 && index < count)
    return try buffer.table(at: try buffer.follow(position &+ 4 &* index))
  }

  /// The string that element `index` leads to, for a vector of strings.
  @inlinable
  public func string(_ index: Int) throws(ReadError) -> FlatBytes {
    precondition(index >= 0 && index < count)
    return try buffer.string(at: try buffer.follow(position &+ 4 &* index))
  }
}
