import Bytes
import TestSupport
import Testing

@Suite struct FlatBufferTests {
  /// A table: nothing, an Int32, a string, a vector of UInt16, of tables, a Double, a Float, a Bool, nothing.
  private static func sample() throws -> [UInt8] {
    var builder = FlatBuilder()
    let string = builder.string("text")
    let integers = builder.integers([1, 2, 65535] as [UInt16])
    builder.startTable(slots: 1)
    builder.add(9 as UInt8, slot: 0, default: 0)
    let child = builder.endTable()
    let children = builder.references([child, child])
    let strings = builder.references([string])
    builder.startTable(slots: 12)
    builder.add(-2.5 as Double, slot: 5)
    builder.add(-5 as Int32, slot: 1, default: 0)
    builder.add(string, slot: 2)
    builder.add(integers, slot: 3)
    builder.add(children, slot: 4)
    builder.add(0.5 as Float, slot: 6)
    builder.add(true, slot: 7)
    builder.add(strings, slot: 9)
    builder.add(child, slot: 10)
    let root = builder.endTable()
    return try builder.finish(root, identifier: "TEST", sizePrefixed: false)
  }

  private func withRoot(_ bytes: [UInt8], _ body: (FlatTable) throws -> Void) throws {
    try bytes.withUnsafeBytes { try body(try FlatBuffer($0, origin: 1000).root(at: 0)) }
  }

  @Test func readsWhatTheBuilderWrote() throws {
    try withRoot(try Self.sample()) { root throws in
      #expect(try root.integer(1, default: 7 as Int32) == -5)
      #expect(try root.string(2)?.text == "text")
      #expect(try root.integers(3, as: UInt16.self).map(Array.init) == [1, 2, 65535])
      let children = try #require(try root.tables(4))
      #expect(children.count == 2)
      #expect(try children.table(1).integer(0, default: 0 as UInt8) == 9)
      #expect(try children.table(0).position == children.table(1).position)
      #expect(try root.double(5) == -2.5)
      #expect(try root.float(6) == 0.5)
      #expect(try root.bool(7))
      #expect(try root.tables(9)?.string(0).text == "text")
      #expect(try root.table(10)?.has(0) == true)
      #expect(try root.bytes(3).map { Array($0.bytes) } == [1, 0, 2])
    }
  }

  @Test func readsDefaultsOfAbsentFields() throws {
    try withRoot(try Self.sample()) { root throws in
      for slot in [0, 8, 11, 12, 1000] {
        #expect(!root.has(slot))
        #expect(try root.integer(slot, default: -1 as Int64) == -1)
        #expect(try root.bool(slot, default: true))
        #expect(try root.double(slot, default: 2) == 2)
        #expect(try root.float(slot, default: 2) == 2)
        #expect(try root.string(slot) == nil)
        #expect(try root.bytes(slot) == nil)
        #expect(try root.integers(slot, as: Int64.self) == nil)
        #expect(try root.tables(slot) == nil)
        #expect(try root.table(slot) == nil)
      }
    }
  }

  @Test func placesErrorsInTheFile() throws {
    try withRoot(try Self.sample()) { root throws in
      // The Int32 −5 read as an offset.
      let error = #expect(throws: ReadError.self) { try root.table(1) }
      #expect(error?.code == .outOfBounds)
      #expect(try #require(error?.offset) > 1000)
      // The string's bytes read as eight-byte integers.
      #expect(#expect(throws: ReadError.self) { try root.integers(2, as: UInt64.self) }?.code == .outOfBounds)
    }
  }

  @Test func refusesAValueThatIsNotAligned() throws {
    try withRoot(try Self.sample()) { root throws in
      #expect(#expect(throws: ReadError.self) { try root.integer(7, default: 0 as UInt32) }?.code == .misaligned)
    }
  }

  @Test func recognisesAnIdentifier() throws {
    try Self.sample().withUnsafeBytes { bytes in
      let buffer = FlatBuffer(bytes)
      #expect(buffer.hasIdentifier("TEST", at: 4))
      #expect(!buffer.hasIdentifier("TEST", at: 5))
      #expect(!buffer.hasIdentifier("TEST", at: bytes.count - 3))
      #expect(!buffer.hasIdentifier("TEST", at: -1))
      #expect(!FlatBuffer(UnsafeRawBufferPointer(start: nil, count: 0)).hasIdentifier("TEST", at: 4))
    }
  }

  @Test func refusesWhatIsTooShortForARoot() {
    for count in 0..<8 {
      [UInt8](repeating: 1, count: count).withUnsafeBytes { bytes in
        _ = #expect(throws: ReadError.self) { try FlatBuffer(bytes).root(at: 0) }
      }
    }
  }

  @Test func neverTrapsOnDamagedBytes() throws {
    func walk(_ table: FlatTable) throws {
      for slot in 0..<13 {
        _ = try? table.integer(slot, default: 0 as Int64)
        _ = try? table.double(slot)
        _ = try? table.string(slot)?.text
        _ = try? table.integers(slot, as: Int64.self).map { $0.reduce(0, &+) }
        _ = try? table.integers(slot, as: UInt8.self).map { $0.reduce(0, &+) }
        if let tables = try? table.tables(slot) {
          for index in 0..<min(tables.count, 10) {
            _ = try? tables.table(index).integer(0, default: 0 as UInt16)
            _ = try? tables.string(index).bytes.count
          }
        }
        _ = try? table.table(slot)?.integer(1, default: 0 as UInt32)
      }
    }
    let sample = try Self.sample()
    for seed in ByteEdits.seeds(2000) {
      ByteEdits.random(sample, seed: seed).withUnsafeBytes { bytes in
        if let root = try? FlatBuffer(bytes).root(at: 0) { try? walk(root) }
      }
    }
  }
}
