/// The directory of a zip archive whose entries are stored uncompressed, as `torch.save` and ETRecord write them, or
/// deflated.
///
/// Only the directory is read here; an entry's bytes are touched when they are asked for. Zip64 included.
/// Format: APPNOTE.TXT 6.3.10, sections 4.3.6 to 4.5.3.
public struct ZipArchive: Sendable {
  public struct Entry: Sendable, Equatable {
    public let name: String
    /// Bytes of the entry, uncompressed.
    public let size: Int
    /// 0 is stored, 8 is deflated.
    public let method: UInt16
    public let checksum: UInt32
    /// Of the entry's local header, from the start of the archive.
    public let headerOffset: Int
    let compressedSize: Int
    let isEncrypted: Bool
  }

  /// In the directory's order. Where a name occurs twice, the later entry is the one that counts.
  public let entries: [Entry]
  private let byName: [String: Int]
  private let contents: FileContents

  /// Whether the bytes begin as a zip archive does.
  public static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let start = FlatBuffer(bytes)
    return start.hasIdentifier("PK\u{3}\u{4}", at: 0) || start.hasIdentifier("PK\u{5}\u{6}", at: 0)
  }

  public init(reading contents: FileContents) throws(ReadError) {
    self.contents = contents
    let cursor = ByteReader(contents.bytes)
    let end = try Self.findEnd(cursor)
    var entries: [Entry] = []
    // A directory entry takes at least 46 bytes.
    guard end.count <= end.size / 46 else {
      throw ReadError(
        .malformed, at: end.offset, "the zip directory announces \(end.count) entries in \(end.size) bytes")
    }
    entries.reserveCapacity(end.count)
    var position = end.offset
    for _ in 0..<end.count { entries.append(try Self.readEntry(cursor, &position, limit: end.offset + end.size)) }
    var byName: [String: Int] = [:]
    for (index, entry) in entries.enumerated() { byName[entry.name] = index }
    self.entries = entries
    self.byName = byName
  }

  public func entry(_ name: String) -> Entry? { byName[name].map { entries[$0] } }

  /// The bytes of an entry, checked against its CRC-32 unless that is declined.
  ///
  /// They are borrowed from the archive: keep it alive.
  public func bytes(of entry: Entry, verifyingChecksum: Bool = true) throws(ReadError) -> UnsafeRawBufferPointer {
    guard entry.method == 0, entry.size == entry.compressedSize else {
      throw ReadError(
        .unsupported, at: entry.headerOffset,
        "the entry '\(entry.name)' is compressed (method \(entry.method)): store it, as the exporter does (zip -0)")
    }
    let range = try place(of: entry)
    let bytes = contents.bytes(in: range)
    if verifyingChecksum { try check(bytes, against: entry, at: range.lowerBound) }
    return bytes
  }

  /// The bytes of an entry, decompressed where they are deflated, checked against its CRC-32.
  ///
  /// - Parameter limit: The most bytes that a deflated entry may become.
  /// - Returns: Where the bytes are: a part of the archive, or memory of their own.
  public func contents(
    of entry: Entry, limit: Int = 4 << 30
  ) throws(ReadError) -> (contents: FileContents, range: Range<Int>) {
    let range = try place(of: entry)
    switch entry.method {
    case 0:
      guard entry.size == entry.compressedSize else {
        throw ReadError(
          .malformed, at: entry.headerOffset, "the entry '\(entry.name)' is stored, but has two different sizes")
      }
      try check(contents.bytes(in: range), against: entry, at: range.lowerBound)
      return (contents, range)
    case 8:
      guard entry.size <= limit else {
        throw ReadError(
          .limit, at: range.lowerBound, "the entry '\(entry.name)' has \(entry.size) bytes, more than \(limit)")
      }
      let inflated: FileContents
      do {
        inflated = try Inflate.contents(of: contents.bytes(in: range), size: entry.size)
      } catch {
        throw ReadError(
          error.code, at: error.offset.map { range.lowerBound + $0 }, "the entry '\(entry.name)': \(error.detail)")
      }
      try check(inflated.bytes, against: entry, at: range.lowerBound)
      return (inflated, 0..<inflated.count)
    default:
      throw ReadError(
        .unsupported, at: entry.headerOffset,
        "the entry '\(entry.name)' is compressed by method \(entry.method): only stored and deflated ones are read")
    }
  }

  /// Where an entry's bytes lie in the archive, as they are stored.
  private func place(of entry: Entry) throws(ReadError) -> Range<Int> {
    let cursor = ByteReader(contents.bytes)
    let header = entry.headerOffset
    guard try cursor.uint32(header) == 0x0403_4B50 else {
      throw ReadError(.malformed, at: header, "no local header where the directory puts the one of '\(entry.name)'")
    }
    guard !entry.isEncrypted else {
      throw ReadError(.unsupported, at: header, "the entry '\(entry.name)' is encrypted")
    }
    let start = header + 30 + Int(try cursor.uint16(header + 26)) + Int(try cursor.uint16(header + 28))
    guard start <= cursor.count, entry.compressedSize <= cursor.count - start else {
      throw ReadError(.truncated, at: start, "the entry '\(entry.name)' reaches beyond the archive's end")
    }
    return start..<start + entry.compressedSize
  }

  private func check(_ bytes: UnsafeRawBufferPointer, against entry: Entry, at place: Int) throws(ReadError) {
    guard CRC32.of(bytes) == entry.checksum else {
      throw ReadError(.checksum, at: place, "the checksum of the entry '\(entry.name)' does not match its bytes")
    }
  }

  // MARK: The directory

  /// Where the directory lies, from the record at the archive's end and its 64-bit form.
  private static func findEnd(_ bytes: ByteReader) throws(ReadError) -> (offset: Int, size: Int, count: Int) {
    // The record is 22 bytes and a comment of at most 65,535.
    guard bytes.count >= 22 else { throw ReadError(.truncated, at: bytes.count, "truncated: no zip directory") }
    var place = bytes.count - 22
    let lowest = max(0, place - 65535)
    while try bytes.uint32(place) != 0x0605_4B50 {
      guard place > lowest else {
        throw ReadError(.truncated, at: bytes.count, "truncated: the zip archive has no directory at its end")
      }
      place -= 1
    }
    var count = Int(try bytes.uint16(place + 10))
    var size = Int(try bytes.uint32(place + 12))
    var offset = Int(try bytes.uint32(place + 16))
    if place >= 20, try bytes.uint32(place - 20) == 0x0706_4B50 {
      let record = try bytes.size(place - 12)
      guard try bytes.uint32(record) == 0x0606_4B50 else {
        throw ReadError(.malformed, at: record, "no zip64 record where its locator points")
      }
      count = try bytes.size(record + 32)
      size = try bytes.size(record + 40)
      offset = try bytes.size(record + 48)
    }
    guard offset <= bytes.count, size <= bytes.count - offset else {
      throw ReadError(.outOfBounds, at: place, "the zip directory lies outside the archive")
    }
    return (offset, size, count)
  }

  private static func readEntry(_ bytes: ByteReader, _ position: inout Int, limit: Int) throws(ReadError) -> Entry {
    let start = position
    guard limit - start >= 46, try bytes.uint32(start) == 0x0201_4B50 else {
      throw ReadError(.malformed, at: start, "the zip directory ends early")
    }
    let flags = try bytes.uint16(start + 8)
    let method = try bytes.uint16(start + 10)
    let checksum = try bytes.uint32(start + 16)
    var compressed = Int(try bytes.uint32(start + 20))
    var size = Int(try bytes.uint32(start + 24))
    let nameLength = Int(try bytes.uint16(start + 28))
    let extraLength = Int(try bytes.uint16(start + 30))
    let commentLength = Int(try bytes.uint16(start + 32))
    var header = Int(try bytes.uint32(start + 42))
    let nameStart = start + 46
    let extraStart = nameStart + nameLength
    position = extraStart + extraLength + commentLength
    guard position <= limit else {
      throw ReadError(.malformed, at: start, "a zip directory entry reaches beyond the directory")
    }
    // The 64-bit extra field holds those of the three that are all ones above, in this order.
    var extra = extraStart
    while extra + 4 <= extraStart + extraLength {
      let kind = try bytes.uint16(extra)
      let length = Int(try bytes.uint16(extra + 2))
      if kind == 1 {
        var field = extra + 4
        let fieldEnd = min(field + length, extraStart + extraLength)
        func next() throws(ReadError) -> Int {
          guard field + 8 <= fieldEnd else { throw ReadError(.malformed, at: extra, "a zip64 field is too short") }
          defer { field += 8 }
          return try bytes.size(field)
        }
        if size == 0xFFFF_FFFF { size = try next() }
        if compressed == 0xFFFF_FFFF { compressed = try next() }
        if header == 0xFFFF_FFFF { header = try next() }
      }
      extra += 4 + length
    }
    guard header <= bytes.count else {
      throw ReadError(.outOfBounds, at: start, "a zip entry lies outside the archive")
    }
    return Entry(
      name: String(decoding: bytes.bytes[nameStart..<extraStart], as: UTF8.self), size: size, method: method,
      checksum: checksum, headerOffset: header, compressedSize: compressed, isEncrypted: flags & 1 != 0)
  }
}
