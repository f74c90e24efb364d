/// Little-endian numbers at given places, each read checked.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var count: Int { bytes.count }

  func uint16(_ position: Int) throws(ReadError) -> UInt16 { try load(position) }
  func uint32(_ position: Int) throws(ReadError) -> UInt32 { try load(position) }

  /// A 64-bit size or offset. One that no file reaches is an error, so that sums of two cannot overflow.
  func size(_ position: Int) throws(ReadError) -> Int {
    let value: UInt64 = try load(position)
    guard value < 1 << 61 else { throw ReadError(.malformed, at: position, "a size of \(value) bytes") }
    return Int(value)
  }

  private func load<T: FixedWidthInteger>(_ position: Int) throws(ReadError) -> T {
    guard position >= 0, position <= bytes.count - MemoryLayout<T>.size else {
      throw ReadError(.truncated, at: min(max(position, 0), bytes.count), "truncated: a number lies beyond the end")
    }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }
}
