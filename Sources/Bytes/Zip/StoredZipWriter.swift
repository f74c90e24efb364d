/// Writes a zip archive of stored entries front to back. Without zip64: entries and archive stay below 4 GiB.
///
/// The time of every entry is the format's earliest, 1980-01-01, so that equal entries give equal archives.
/// Format: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16.
public struct StoredZipWriter {
  private let sink: any ByteSink
  private var directory: [UInt8] = []
  private var count = 0
  private var position = 0

  public init(_ sink: any ByteSink) { self.sink = sink }

  /// Adds an entry whose contents are `header` and then `bytes`.
  public mutating func add(_ name: String, header: [UInt8] = [], bytes: UnsafeRawBufferPointer) throws(WriteError) {
    let size = header.count + bytes.count
    let name = Array(name.utf8)
    guard size < 0xFFFF_FFFF, position < 0xFFFF_FFFF, count < 0xFFFF, name.count <= 0xFFFF else {
      throw WriteError("a zip archive of more than 4 GiB or 65,534 entries")
    }
    let checksum = CRC32.extend(header.withUnsafeBytes(CRC32.of), by: bytes)
    // Version 2.0, names in UTF-8, stored, the first of January 1980.
    var shared = little(20, 2) + little(0x800, 2) + little(0, 2) + little(0, 2) + little(0x21, 2)
    shared += little(Int(checksum), 4) + little(size, 4) + little(size, 4) + little(name.count, 2) + little(0, 2)
    directory += little(0x0201_4B50, 4) + little(20, 2) + shared + little(0, 10) + little(position, 4) + name
    let local = little(0x0403_4B50, 4) + shared + name
    try sink.write(local)
    try sink.write(header)
    try sink.write(bytes)
    position += local.count + size
    count += 1
  }

  /// Writes the directory. Nothing can be added afterwards.
  public func finish() throws(WriteError) {
    guard position < 0xFFFF_FFFF else { throw WriteError("a zip archive of more than 4 GiB") }
    try sink.write(directory)
    try sink.write(
      little(0x0605_4B50, 4) + little(0, 4) + little(count, 2) + little(count, 2) + little(directory.count, 4)
        + little(position, 4) + little(0, 2))
  }

  private func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
  }
}
