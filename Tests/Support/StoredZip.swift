import Bytes

/// Zip archives made in a test.
public enum StoredZip {
  /// An archive with stored entries and right checksums.
  public static func bytes(_ entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var out: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in entries {
      let checksum = Int(bytes.withUnsafeBytes(CRC32.of))
      let shared =
        little(0, 2) + little(0, 2) + little(0, 4) + little(checksum, 4) + little(bytes.count, 4)
        + little(bytes.count, 4)
        + little(name.utf8.count, 2) + little(0, 2)
      directory +=
        little(0x0201_4B50, 4) + little(20, 2) + little(20, 2) + shared + little(0, 6) + little(0, 4)
        + little(out.count, 4)
        + Array(name.utf8)
      out += little(0x0403_4B50, 4) + little(20, 2) + shared + Array(name.utf8) + bytes
    }
    return out + directory + little(0x0605_4B50, 4) + little(0, 4) + little(entries.count, 2) + little(entries.count, 2)
      + little(directory.count, 4) + little(out.count, 4) + little(0, 2)
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
