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

  /// The number of a name, given a new one where it is not known yet. Numbers count from 0 in order of first appearance.
  public mutating func intern(_ name: UnsafeRawBufferPointer) -> Int32 {
    let hash = Self.hash(name, key: key)
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] >= 0 {
      let candidate = table[place]
      if hashes[Int(candidate)] == hash && equals(candidate, name) { return candidate }
      place = (place + 1) & (table.count - 1)
    }
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
      let hash = Self.hash(raw, key: key)
      var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
      while table[place] >= 0 {
        let candidate = table[place]
        if hashes[Int(candidate)] == hash && equals(candidate, raw) { return candidate }
        place = (place + 1) & (table.count - 1)
      }
      return nil
    }
  }

  /// A name as text; what is not UTF-8 becomes U+FFFD.
  public subscript(id: Int32) -> String {
    withBytes(of: id) { String(decoding: $0, as: UTF8.self) }
  }

  public func withBytes<R>(of id: Int32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[ends[Int(id)]..<ends[Int(id) + 1]])) }
  }

  private func equals(_ id: Int32, _ name: UnsafeRawBufferPointer) -> Bool {
    let start = ends[Int(id)]
    let length = ends[Int(id) + 1] - start
    guard length == name.count else { return false }
    guard length > 0 else { return true }
    return bytes.withUnsafeBytes { memcmp($0.baseAddress! + start, name.baseAddress!, length) == 0 }
  }

  private mutating func grow() {
    table = Array(repeating: -1, count: table.count * 4)
    for (id, hash) in hashes.enumerated() {
      var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
      while table[place] >= 0 { place = (place + 1) & (table.count - 1) }
      table[place] = Int32(truncatingIfNeeded: id)
    }
  }

  /// Eight bytes a step: multiply, fold the high half into the low.
  private static func hash(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> UInt64 {
    var state = key ^ UInt64(truncatingIfNeeded: bytes.count)
    var index = 0
    while index < bytes.count {
      var word: UInt64 = 0
      if bytes.count - index >= 8 {
        word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      } else {
        for byte in bytes[index...].reversed() { word = word << 8 | UInt64(byte) }
      }
      let product = (state ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (key << 1 | 1))
      state = product.high ^ product.low ^ word.byteSwapped
      index += 8
    }
    state ^= state >> 32
    return state &* 0xD6E8_FEB8_6659_FD93
  }
}
