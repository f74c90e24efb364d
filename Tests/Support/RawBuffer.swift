/// Bytes laid out by hand, front to back, for FlatBuffers that no builder would make.
public struct RawBuffer {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// The next position.
  public var end: Int { bytes.count }

  @discardableResult
  public mutating func put<T: FixedWidthInteger>(_ values: T...) -> Int {
    let place = end
    for value in values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    return place
  }

  public mutating func repeating<T: FixedWidthInteger>(count: Int, _ value: (Int) -> T) {
    let (first, size) = (end, MemoryLayout<T>.size)
    bytes.append(contentsOf: repeatElement(0, count: count * size))
    bytes.withUnsafeMutableBytes { raw in
      for index in 0..<count {
        raw.storeBytes(of: value(index).littleEndian, toByteOffset: first + index * size, as: T.self)
      }
    }
  }

  public mutating func align(_ alignment: Int) {
    while end % alignment != 0 { bytes.append(0) }
  }

  /// Makes the offset at `place` lead to `target`.
  public mutating func link(_ place: Int, to target: Int) { set(UInt32(truncatingIfNeeded: target - place), at: place) }

  public mutating func set<T: FixedWidthInteger>(_ value: T, at place: Int) {
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: place, as: T.self) }
  }

  /// A vtable that puts slot i at `fields[i]` of a table of `size` bytes.
  public mutating func vtable(size: UInt16, _ fields: UInt16...) -> Int {
    align(2)
    let place = put(UInt16(4 + 2 * fields.count), size)
    for field in fields { put(field) }
    return place
  }

  /// A table's beginning: the way to its vtable. Its fields are put next.
  public mutating func table(_ vtable: Int) -> Int {
    align(4)
    let place = end
    put(Int32(truncatingIfNeeded: place - vtable))
    return place
  }

  /// The beginning of a file: where the root is (link it later), and the identifier.
  public mutating func head(_ identifier: String) -> Int {
    let root = put(UInt32(0))
    bytes.append(contentsOf: identifier.utf8)
    return root
  }
}
