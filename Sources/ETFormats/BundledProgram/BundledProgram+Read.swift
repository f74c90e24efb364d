public import Bytes
import Compression
import ETCore

extension BundledProgram {
  /// Opens a bundled program, zstd-compressed or not; `-` is standard input.
  public static func load(_ path: String) throws(ReadError) -> BundledProgram {
    try BundledProgram(reading: FileContents.openDecompressed(path))
  }

  /// Reads a bundled program and the program in it, checking every field of both schemas.
  ///
  /// - Throws: `ReadError` with the byte of the file, also for what is wrong in the program.
  public init(reading contents: FileContents) throws(ReadError) {
    guard InputKind.recognise(contents.bytes) == .bundledProgram else {
      throw InputKind.mismatch(contents.bytes, wanted: .bundledProgram, identifier: "BP08")
    }
    guard contents.count <= Int(Int32.max) else {
      throw ReadError(.limit, at: 0, "the bundled program has more than 2 GiB")
    }
    do throws(ReadError) {
      try self.init(checking: contents)
    } catch  where error.code == .outOfBounds {
      // Nothing in the file says how long it should be.
      throw ReadError(error.code, at: error.offset, error.detail + ": the file is damaged or cut short")
    }
  }

  private init(checking contents: FileContents) throws(ReadError) {
    let flat = FlatBuffer(contents.bytes)
    let root = try flat.root(at: 0)
    guard let program = try root.bytes(2) else { throw root.error(.malformed, "the bundled program holds no program") }
    var intake = FlatIntake(flat, payload: program.count)
    try intake.visit(root)
    let place = program.position..<(program.position + program.count)
    self.init(contents: contents, program: try Program(reading: contents, at: place))
    version = try root.integer(0, default: 0)
    var reader = BundleReader(intake: intake)
    suites = try reader.suites(root)
  }
}

private struct BundleReader {
  var intake: FlatIntake

  mutating func suites(_ root: FlatTable) throws(ReadError) -> [BundledProgram.Suite] {
    // Each suite and each case owns arrays, which cost a header.
    guard let tables = try intake.tables(root, 1, stride: MemoryLayout<BundledProgram.Suite>.stride + 32) else {
      return []
    }
    var suites: [BundledProgram.Suite] = []
    for index in 0..<tables.count {
      let table = try intake.element(tables, index)
      guard let name = try intake.text(table, 0) else { throw table.error(.malformed, "a test suite names no method") }
      suites.append(BundledProgram.Suite(methodName: name, cases: try cases(table)))
    }
    return suites
  }

  private mutating func cases(_ suite: FlatTable) throws(ReadError) -> [BundledProgram.Case] {
    guard let tables = try intake.tables(suite, 1, stride: MemoryLayout<BundledProgram.Case>.stride + 64) else {
      return []
    }
    var cases: [BundledProgram.Case] = []
    for index in 0..<tables.count {
      let table = try intake.element(tables, index)
      cases.append(BundledProgram.Case(inputs: try values(table, 0), expectedOutputs: try values(table, 1)))
    }
    return cases
  }

  private mutating func values(_ parent: FlatTable, _ slot: Int) throws(ReadError) -> [BundledProgram.Value] {
    guard let tables = try intake.tables(parent, slot, stride: MemoryLayout<BundledProgram.Value>.stride) else {
      return []
    }
    var values: [BundledProgram.Value] = []
    values.reserveCapacity(tables.count)
    for index in 0..<tables.count { values.append(try value(try intake.element(tables, index))) }
    return values
  }

  private mutating func value(_ table: FlatTable) throws(ReadError) -> BundledProgram.Value {
    let kind: UInt8 = try table.integer(0, default: 0)
    guard kind > 0 else { throw table.error(.malformed, "a bundled value is of no kind") }
    guard kind <= 4 else { throw table.error(.unsupported, "a bundled value is of the unknown kind \(kind)") }
    guard let content = try intake.table(table, 1) else { throw table.error(.malformed, "a bundled value is empty") }
    switch kind {
    case 1: return .tensor(try tensor(content))
    case 2: return .int(try content.integer(0, default: 0))
    case 3: return .bool(try content.bool(0))
    default: return .double(try content.double(0))
    }
  }

  private mutating func tensor(_ table: FlatTable) throws(ReadError) -> BundledProgram.Tensor {
    let type = ScalarType(rawValue: try table.integer(0, default: 0))
    let shape = try intake.shape(table, sizes: 1, dimOrder: 3, type)
    let data = try table.bytes(2)
    let range = data.map { $0.position..<($0.position + $0.count) } ?? 0..<0
    guard range.count == shape.byteCount else {
      throw table.error(
        .malformed, "a bundled tensor of \(shape.sizes) \(type) needs \(shape.byteCount) bytes and has \(range.count)")
    }
    return BundledProgram.Tensor(scalarType: type, sizes: shape.sizes, dimOrder: shape.dimOrder, data: range)
  }
}
