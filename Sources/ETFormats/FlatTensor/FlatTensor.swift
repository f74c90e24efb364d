public import Bytes
import Compression
public import ETCore

/// Tensors and blobs by name (`.ptd`, identifier `FT01`): what programs whose weights lie in other files look up.
public struct FlatTensor: Sendable {
  /// The owner of the bytes that all ranges are of.
  public let contents: FileContents
  /// Where the FlatBuffer ends: it begins with the file.
  public let flatBufferSize: Int
  /// Where the segments lie.
  public let segmentData: Range<Int>
  /// The schema's version field.
  public let version: UInt32
  public let segments: [Range<Int>]
  /// `named_data`.
  public let entries: [Entry]
  private let entriesByKey: [String: Int]

  public struct Entry: Sendable, Equatable {
    public let key: String
    /// Of `segments`. Several keys may share one.
    public let segment: Int
    /// nil where the data are no tensor.
    public let layout: Layout?
  }

  public struct Layout: Sendable, Equatable {
    public let scalarType: ScalarType
    public let sizes: [Int32]
    /// Dimensions from the outermost in memory to the innermost.
    public let dimOrder: [UInt8]
  }

  /// The data with this key: a tensor's elements, or a blob.
  public func data(named key: String) -> Range<Int>? {
    entriesByKey[key].map { segments[entries[$0].segment] }
  }

  /// The entry with this key.
  public func entry(named key: String) -> Entry? { entriesByKey[key].map { entries[$0] } }

  /// Bytes of a range of this file's. Valid while `contents` lives.
  public func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { contents.bytes(in: range) }

  /// Opens a tensor file, zstd-compressed or not; `-` is standard input.
  public static func load(_ path: String) throws(ReadError) -> FlatTensor {
    try FlatTensor(reading: FileContents.openDecompressed(path))
  }

  /// Reads a tensor file, checking every field of the schema.
  ///
  /// - Throws: `ReadError` with the byte of the file.
  public init(reading contents: FileContents) throws(ReadError) {
    let bytes = contents.bytes
    guard InputKind.recognise(bytes) == .flatTensor else {
      throw InputKind.mismatch(bytes, wanted: .flatTensor, identifier: "FT01")
    }
    let (size, data) = try FlatTensorReader.readHeader(bytes)
    let flat = FlatBuffer(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
    var reader = FlatTensorReader(intake: FlatIntake(flat), data: data)
    try reader.readRoot(try flat.root(at: 0))
    self.contents = contents
    flatBufferSize = size
    segmentData = data
    version = reader.version
    segments = reader.segments
    entries = reader.entries
    entriesByKey = Dictionary(reader.entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

private struct FlatTensorReader {
  var intake: FlatIntake
  /// Where the segments lie.
  let data: Range<Int>
  var version: UInt32 = 0
  var segments: [Range<Int>] = []
  var entries: [FlatTensor.Entry] = []

  init(intake: FlatIntake, data: Range<Int>) {
    self.intake = intake
    self.data = data
  }

  /// The end of the FlatBuffer, and where the segments lie.
  static func readHeader(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> (Int, Range<Int>) {
    guard bytes.count >= 48 else {
      throw ReadError(.truncated, at: bytes.count, "truncated: a tensor file has at least 48 bytes")
    }
    guard FlatBuffer(bytes).hasIdentifier("FH01", at: 8) else {
      throw ReadError(.malformed, at: 8, "the tensor file has no header FH01")
    }
    func number(_ position: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
    let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    guard length >= 40 else {
      throw ReadError(.malformed, at: 12, "the header has \(length) bytes, not at least 40")
    }
    let whole = 0..<bytes.count
    guard let flatBuffer = Range(offset: number(16), count: number(24), of: whole) else {
      throw ReadError(
        .truncated, at: bytes.count,
        "truncated: the FlatBuffer has \(number(24)) bytes from byte \(number(16)) on, the file \(bytes.count)")
    }
    guard flatBuffer.upperBound <= Int(Int32.max) else {
      throw ReadError(.limit, at: 24, "the FlatBuffer has more than 2 GiB")
    }
    guard let data = Range(offset: number(32), count: number(40), of: whole) else {
      throw ReadError(
        .truncated, at: bytes.count,
        "truncated: the segments have \(number(40)) bytes from byte \(number(32)) on, the file \(bytes.count)")
    }
    return (flatBuffer.upperBound, data)
  }

  mutating func readRoot(_ root: FlatTable) throws(ReadError) {
    try intake.visit(root)
    version = try root.integer(0, default: 0)
    if let tables = try intake.tables(root, 1, stride: MemoryLayout<Range<Int>>.stride) {
      for index in 0..<tables.count {
        let table = try intake.element(tables, index)
        let offset: UInt64 = try table.integer(0, default: 0)
        let size: UInt64 = try table.integer(1, default: 0)
        guard let range = Range(offset: offset, count: size, of: data) else {
          throw table.error(.outOfBounds, "segment \(index) has \(size) bytes from byte \(offset) of \(data.count)")
        }
        segments.append(range)
      }
    }
    // The key is kept twice, in the entry and in the dictionary.
    guard let named = try intake.tables(root, 2, stride: MemoryLayout<FlatTensor.Entry>.stride + 48) else { return }
    for index in 0..<named.count { try readEntry(try intake.element(named, index)) }
  }

  private mutating func readEntry(_ table: FlatTable) throws(ReadError) {
    guard let key = try intake.text(table, 0) else { throw table.error(.malformed, "named data have no key") }
    let segment: UInt32 = try table.integer(1, default: 0)
    guard segment < segments.count else {
      throw table.error(.outOfBounds, "\(key) lies in segment \(segment), the file has \(segments.count)")
    }
    var layout: FlatTensor.Layout?
    if let tensor = try intake.table(table, 2) {
      let type = ScalarType(rawValue: try tensor.integer(0, default: 0))
      let shape = try intake.shape(tensor, sizes: 1, dimOrder: 2, type)
      // Segments may be padded, never short.
      guard segments[Int(segment)].count >= shape.byteCount else {
        throw tensor.error(
          .outOfBounds, "\(key) needs \(shape.byteCount) bytes, its segment has \(segments[Int(segment)].count)")
      }
      layout = FlatTensor.Layout(scalarType: type, sizes: shape.sizes, dimOrder: shape.dimOrder)
    }
    entries.append(FlatTensor.Entry(key: key, segment: Int(segment), layout: layout))
  }
}
