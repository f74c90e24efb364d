public import Bytes
import Compression

extension Program {
  /// Opens a program or the one in a bundled program, zstd-compressed or not; `-` is standard input.
  public static func load(_ path: String) throws(ReadError) -> Program {
    try load(FileContents.openDecompressed(path))
  }

  /// Reads a program or the one in a bundled program.
  public static func load(_ contents: FileContents) throws(ReadError) -> Program {
    if InputKind.recognise(contents.bytes) == .bundledProgram {
      return try BundledProgram(reading: contents).program
    }
    return try Program(reading: contents)
  }

  /// Reads a program, checking every field of the schema.
  ///
  /// - Parameter place: The part of the contents that is the program; all of them where nil.
  /// - Throws: `ReadError` with the byte of the contents. Nothing that the official verifier refuses is accepted.
  public init(reading contents: FileContents, at place: Range<Int>? = nil) throws(ReadError) {
    let place = place ?? 0..<contents.count
    self = try ProgramReader.read(contents, at: place)
  }
}

/// Copies a program out of its bytes, checking each field as it goes. The parts of a method are in its extension.
struct ProgramReader {
  var program: Program
  var intake: FlatIntake

  static func read(_ contents: FileContents, at place: Range<Int>) throws(ReadError) -> Program {
    let bytes = contents.bytes(in: place)
    guard InputKind.recognise(bytes) == .program else {
      throw InputKind.mismatch(bytes, wanted: .program, identifier: "ET12", origin: place.lowerBound)
    }
    let header = try readHeader(bytes, origin: place.lowerBound)
    let size = header?.programSize ?? bytes.count
    guard size <= Int(Int32.max) else {
      throw ReadError(.limit, at: place.lowerBound, "the program's FlatBuffer has more than 2 GiB")
    }
    let flat = FlatBuffer(UnsafeRawBufferPointer(rebasing: bytes[..<size]), origin: place.lowerBound)
    var reader = ProgramReader(program: Program(contents: contents, place: place), intake: FlatIntake(flat))
    reader.program.header = header
    do throws(ReadError) {
      try reader.readRoot(try flat.root(at: 0))
    } catch  where error.code == .outOfBounds && header == nil {
      // Nothing in such a file says how long it should be.
      throw ReadError(error.code, at: error.offset, error.detail + ": the file is damaged or cut short")
    }
    reader.program.names = reader.intake.names
    for index in reader.program.executionPlans.indices {
      reader.program.executionPlans[index].names = reader.intake.names
    }
    return reader.program
  }

  // MARK: The header

  /// The extended header, or nil where the file has none.
  private static func readHeader(
    _ bytes: UnsafeRawBufferPointer, origin: Int
  ) throws(ReadError) -> Program.ExtendedHeader? {
    // The runtime asks for as much before it looks further.
    guard bytes.count >= 64 else {
      throw ReadError(
        .truncated, at: origin + bytes.count, "truncated: a program has at least 64 bytes, this one \(bytes.count)")
    }
    guard FlatBuffer(bytes).hasIdentifier("eh00", at: 8) else { return nil }
    func number(_ position: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
    let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    guard length >= 24 else {
      throw ReadError(.malformed, at: origin + 12, "the extended header has \(length) bytes, not at least 24")
    }
    func size(_ position: Int, _ what: String, after base: Int = 0) throws(ReadError) -> Int {
      guard let range = Range(offset: UInt64(base), count: number(position), of: 0..<bytes.count) else {
        throw ReadError(
          .truncated, at: origin + bytes.count,
          "truncated: \(what) at byte \(sum(base, number(position))), the file at byte \(bytes.count)")
      }
      return range.count
    }
    let programSize = try size(16, "the header says that the program ends")
    let base = try size(24, "the header says that the segments begin")
    // Older headers end before the segments' size. Without segments it says nothing.
    let data = length >= 32 && base > 0 ? try size(32, "the header says that the segments end", after: base) : 0
    guard programSize >= 8 else {
      throw ReadError(.malformed, at: origin + 16, "the header says that the program has \(programSize) bytes")
    }
    return Program.ExtendedHeader(
      length: length, programSize: programSize, segmentBaseOffset: base, segmentDataSize: data)
  }

  /// A sum for a sentence, which cannot overflow.
  static func sum(_ a: Int, _ b: UInt64) -> UInt64 { UInt64(a).addingReportingOverflow(b).partialValue }

  // MARK: The root

  private mutating func readRoot(_ root: FlatTable) throws(ReadError) {
    try intake.visit(root)
    program.version = try root.integer(0, default: 0)
    // Data come first: what the methods refer to is checked against them.
    if let buffers = try intake.tables(root, 2, stride: MemoryLayout<Range<Int>>.stride) {
      for index in 0..<buffers.count {
        program.constantBuffer.append(try range(try intake.element(buffers, index), 0))
      }
    }
    if let blobs = try intake.tables(root, 3, stride: MemoryLayout<Range<Int>>.stride) {
      for index in 0..<blobs.count {
        program.backendDelegateData.append(try range(try intake.element(blobs, index), 0))
      }
    }
    try readSegments(root)
    if let constants = try intake.table(root, 5) {
      program.constantSegment = try subsegments(constants)
      if program.constantSegment?.segment != nil && !program.constantBuffer.isEmpty {
        throw constants.error(.malformed, "the program has constants both in a segment and in its FlatBuffer")
      }
    }
    if let lists = try intake.tables(root, 6, stride: MemoryLayout<Program.SubsegmentOffsets>.stride) {
      for index in 0..<lists.count {
        program.mutableDataSegments.append(try subsegments(try intake.element(lists, index)))
      }
    }
    if let named = try intake.tables(root, 7, stride: MemoryLayout<Program.NamedData>.stride + 32) {
      for index in 0..<named.count { try readNamedData(try intake.element(named, index)) }
    }
    guard let plans = try intake.tables(root, 1, stride: MemoryLayout<Program.ExecutionPlan>.stride) else {
      throw root.error(.malformed, "the program has no list of methods")
    }
    for index in 0..<plans.count {
      program.executionPlans.append(try executionPlan(try intake.element(plans, index)))
    }
  }

  /// A vector of bytes, as a range of the contents; empty where it is absent.
  func range(_ table: FlatTable, _ slot: Int) throws(ReadError) -> Range<Int> {
    guard let bytes = try table.bytes(slot) else { return program.place.lowerBound..<program.place.lowerBound }
    let start = program.place.lowerBound + bytes.position
    return start..<(start + bytes.count)
  }

  private mutating func readSegments(_ root: FlatTable) throws(ReadError) {
    guard let tables = try intake.tables(root, 4, stride: MemoryLayout<Range<Int>>.stride) else { return }
    let base = program.header?.segmentBaseOffset ?? 0
    for index in 0..<tables.count {
      let table = try intake.element(tables, index)
      let offset: UInt64 = try table.integer(0, default: 0)
      let size: UInt64 = try table.integer(1, default: 0)
      if base == 0 && size == 0 && offset == 0 {
        // Early exporters wrote an empty segment and no header.
        program.segments.append(program.place.lowerBound..<program.place.lowerBound)
        continue
      }
      guard base > 0 else {
        throw table.error(.malformed, "the program has segments, but its header does not say where they begin")
      }
      // The base lies in the place: the header was checked.
      let whole = (program.place.lowerBound + base)..<program.place.upperBound
      guard let range = Range(offset: offset, count: size, of: whole) else {
        // One that begins in the file was cut off with it; one that does not was never there.
        let begins = offset < UInt64(whole.count)
        throw ReadError(
          begins ? .truncated : .outOfBounds, at: begins ? whole.upperBound : intake.buffer.origin + table.position,
          (begins ? "truncated: " : "") + "segment \(index) has \(size) bytes from byte "
            + "\(Self.sum(whole.lowerBound, offset)) on, the file ends at byte \(whole.upperBound)")
      }
      program.segments.append(range)
    }
  }

  private mutating func subsegments(_ table: FlatTable) throws(ReadError) -> Program.SubsegmentOffsets {
    let index: UInt32 = try table.integer(0, default: 0)
    let offsets = try intake.integers(table, 1, as: UInt64.self)
    // Entry 0 is reserved: without another there are no data, and the index is not used.
    guard let offsets, offsets.count > 1 else {
      return Program.SubsegmentOffsets(
        segment: nil, offsets: offsets.map { Array(repeating: 0, count: $0.count) } ?? [])
    }
    guard let segment = self.index(index, in: program.segments.count) else {
      throw table.error(.outOfBounds, "segment \(index) is named, the program has \(program.segments.count)")
    }
    let size = UInt64(program.segments[segment].count)
    var places: [Int] = []
    places.reserveCapacity(offsets.count)
    for (place, offset) in offsets.enumerated() {
      guard offset <= size else {
        throw intake.buffer.error(
          .outOfBounds, at: offsets.position + place * 8, "constant \(place) lies outside its segment")
      }
      places.append(Int(offset))
    }
    return Program.SubsegmentOffsets(segment: segment, offsets: places)
  }

  private mutating func readNamedData(_ table: FlatTable) throws(ReadError) {
    let key = try intake.name(table, 0)
    let index: UInt32 = try table.integer(1, default: 0)
    guard let segment = self.index(index, in: program.segments.count) else {
      throw table.error(.outOfBounds, "named data lie in segment \(index), the program has \(program.segments.count)")
    }
    guard key != FlatIntake.noName else { throw table.error(.malformed, "named data have no key") }
    if program.namedDataByKey[key] == nil { program.namedDataByKey[key] = program.namedData.count }
    program.namedData.append(Program.NamedData(key: key, segment: segment))
  }

  /// A number from the file as an index, or nil where it is none of `count`.
  func index(_ number: some FixedWidthInteger, in count: Int) -> Int? {
    guard let index = Int(exactly: number), index >= 0, index < count else { return nil }
    return index
  }
}
