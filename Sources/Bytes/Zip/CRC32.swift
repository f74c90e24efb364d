/// The checksum of zip (polynomial 0xEDB88320, reflected), eight bytes a step.
public enum CRC32 {
  // Entry k * 256 + b: the checksum of byte b followed by k zero bytes.
  private static let table: [UInt32] = {
    var table = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : 0xEDB8_8320 ^ (value >> 1) }
      table[byte] = value
    }
    for index in 256..<table.count {
      let last = table[index - 256]
      table[index] = table[Int(last & 255)] ^ (last >> 8)
    }
    return table
  }()

  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 { extend(0, by: bytes) }

  /// The checksum of bytes whose beginning has the checksum `before`, and of which these are the rest.
  public static func extend(_ before: UInt32, by bytes: UnsafeRawBufferPointer) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      var value = ~before
      var index = 0
      while index + 8 <= bytes.count {
        let low = value ^ UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
        let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self))
        value = table[7 * 256 + Int(low & 255)] ^ table[6 * 256 + Int(low >> 8 & 255)]
        value ^= table[5 * 256 + Int(low >> 16 & 255)] ^ table[4 * 256 + Int(low >> 24)]
        value ^= table[3 * 256 + Int(high & 255)] ^ table[2 * 256 + Int(high >> 8 & 255)]
        value ^= table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
        index += 8
      }
      while index < bytes.count {
        value = table[Int((value ^ UInt32(bytes[index])) & 255)] ^ (value >> 8)
        index += 1
      }
      return ~value
    }
  }
}
