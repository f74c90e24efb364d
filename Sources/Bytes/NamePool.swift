#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Distinct byte strings, each known by a small number: the names of a trace are stored and compared once.
public struct NamePool: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = [0]
  private var table: [Int32] = Array(repeating: -1, count: 256)
  private var hashes: [UInt64] = []
  // A key that changes from process to process, so that no input can be made to collide. It never shows in a result.
  private let key = UInt64.random(in: .min ... .max) | 1

  public init() {}

  public var count: Int { hashes.count }

  /// Bytes of all names together.
  public var byteCount: Int { bytes.count }

  /// The number of a name, given a new one where it is not known yet. Numbers count from 0 in order of first
  /// appearance.
  public mutating func intern(_ name: UnsafeRawBufferPointer) -> Int32 {
    let hash = Self.hash(name, key: key)
    let place = place(of: name, hash: hash)
    if table[place] >= 0 { return table[place] }
    let id = Int32(truncatingIfNeeded: hashes.count)
    table[place] = id
    hashes.append(hash)
    bytes.append(contentsOf: name)
    ends.append(bytes.count)
    if hashes.count * 2 > table.count { grow() }
    return id
  }

  public mutating func intern(_ name: String) -> Int32 {
    var name = name
    return name.withUTF8 { intern(UnsafeRawBufferPointer($0)) }
  }

  /// The number of a name that is known already.
  public func find(_ name: String) -> Int32? {
    var name = name
    return name.withUTF8 { utf8 in
      let raw = UnsafeRawBufferPointer(utf8)
      let id = table[place(of: raw, hash: Self.hash(raw, key: key))]
      return id >= 0 ? id : nil
    }
  }

  /// A name as text; what is not UTF-8 becomes U+FFFD.
  public subscript(id: Int32) -> String {
    withBytes(of: id) { String(decoding: $0, as: UTF8.self) }
  }

  public func withBytes<R>(of id: Int32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[ends[Int(id)]..<ends[Int(id) + 1]])) }
  }

  /// Where in `table` a name's number stands, or the free place where it would.
  private func place(of name: UnsafeRawBufferPointer, hash: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] >= 0 && !(hashes[Int(table[place])] == hash && equals(table[place], name)) {
      place = (place + 1) & (table.count - 1)
    }
    return place
  }

  private func equals(_ id: Int32, _ name: UnsafeRawBufferPointer) -> Bool {
    let start = ends[Int(id)]
    let length = ends[Int(id) + 1] - start
    guard length == name.count else { return false }
    guard length > 0 else { return true }
    return bytes.withUnsafeBytes { memcmp($0.baseAddress! + start, name.baseAddress!, length) == 0 }
  }

  private mutating func grow() {
    table = Array(repeating: -1, count: table.count * 2)
    for (id, hash) in hashes.enumerated() {
      var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
      while table[place] >= 0 { place = (place + 1) & (table.count - 1) }
      table[place] = Int32(truncatingIfNeeded: id)
    }
  }

  /// Sixteen bytes a step: both halves are multiplied, and the product's halves folded. The last step takes the last
  /// sixteen bytes, whether some were taken before or not.
  @inline(__always)
  private static func hash(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> UInt64 {
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func half(_ offset: Int) -> UInt64 {
      UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
    func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
      let product = a.multipliedFullWidth(by: b)
      return product.high ^ product.low
    }
    let count = bytes.count
    var state = key ^ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    let (a, b): (UInt64, UInt64)
    if count >= 16 {
      var offset = 0
      while offset < count - 16 {
        state = fold(word(offset) ^ state, word(offset + 8) ^ key)
        offset += 16
      }
      (a, b) = (word(count - 16), word(count - 8))
    } else if count >= 8 {
      (a, b) = (word(0), word(count - 8))
    } else if count >= 4 {
      (a, b) = (half(0), half(count - 4))
    } else if count > 0 {
      // First, middle and last: all bytes of a name of up to three.
      (a, b) = (UInt64(bytes[0]) << 16 | UInt64(bytes[count >> 1]) << 8 | UInt64(bytes[count - 1]), 0)
    } else {
      (a, b) = (0, 0)
    }
    return fold(fold(a ^ state, b ^ key) ^ 0xD6E8_FEB8_6659_FD93, state ^ 0x9E37_79B9_7F4A_7C15)
  }
}
