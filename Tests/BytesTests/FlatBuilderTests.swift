import Bytes
import CFlatBuffers
import TestSupport
import Testing

/// What the builder writes, the official library accepts and reads back. The schema is that of ETDump or of a program.
@Suite struct FlatBuilderTests {
  private func text(_ bytes: [UInt8], as format: cfb_format) -> [Substring]? {
    bytes.withUnsafeBytes { Oracle.text($0, as: format) }.map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
  }

  @Test(arguments: [true, false])
  func writesEveryKindOfField(sizePrefixed: Bool) throws {
    var builder = FlatBuilder(capacity: 1)
    let string = builder.string("a\"ü")
    builder.startTable(slots: 1)
    builder.add(-0.0 as Double, slot: 0)
    let double = builder.endTable()
    builder.startTable(slots: 1)
    builder.add(1.5 as Float, slot: 0)
    let float = builder.endTable()
    builder.startTable(slots: 1)
    builder.add(Int64.min, slot: 0, default: 0)
    let int = builder.endTable()
    builder.startTable(slots: 1)
    builder.add(true, slot: 0)
    let bool = builder.endTable()
    let sizes = builder.integers([1, -2, 3] as [Int64])
    let strides = builder.integers([] as [Int64])
    builder.startTable(slots: 4)
    builder.add(6 as Int8, slot: 0, default: 0)
    builder.add(sizes, slot: 1)
    builder.add(strides, slot: 2)
    builder.add(-1 as Int64, slot: 3, default: 0)
    let tensor = builder.endTable()
    builder.startTable(slots: 8)
    builder.add(5 as Int8, slot: 0, default: 0)
    builder.add(tensor, slot: 1)
    builder.add(int, slot: 3)
    builder.add(float, slot: 4)
    builder.add(double, slot: 5)
    builder.add(bool, slot: 6)
    let value = builder.endTable()
    builder.startTable(slots: 6)
    builder.add(UInt64.max, slot: 0, default: 0)
    builder.add(-1 as Int32, slot: 1, default: -1)
    builder.add(value, slot: 2)
    builder.add(string, slot: 5)
    let debug = builder.endTable()
    builder.startTable(slots: 3)
    builder.add(debug, slot: 2)
    let event = builder.endTable()
    let events = builder.references([event])
    builder.startTable(slots: 4)
    builder.add(events, slot: 3)
    let run = builder.endTable()
    let runs = builder.references([run])
    builder.startTable(slots: 2)
    builder.add(runs, slot: 1)
    let root = builder.endTable()
    let bytes = try builder.finish(root, identifier: "ED00", sizePrefixed: sizePrefixed)
    let lines = try #require(text(bytes, as: sizePrefixed ? CFB_ETDUMP_SIZE_PREFIXED : CFB_ETDUMP))
    #expect(
      lines.dropFirst(3) == [
        "DebugEvent chain_index=18446744073709551615 instruction_id=-1 debug_entry=+ delegate_debug_id_int=-1"
          + " delegate_debug_id_str=- name=\"a\\22\\c3\\bc\"",
        "Value val=5 tensor=+ tensor_list=- int_value=-9223372036854775808 float_value=0x3fc00000"
          + " double_value=0x8000000000000000 bool_value=1 output=-",
        "Tensor scalar_type=6 sizes=[1,-2,3] strides=[] offset=-1",
      ])
  }

  /// A program of one buffer of constants, in front of whose root `head` bytes of strings lie.
  private func program(constants: [UInt8], alignment: Int) throws -> [UInt8] {
    var builder = FlatBuilder()
    let storage = constants.withUnsafeBytes { builder.bytes($0, alignment: alignment) }
    builder.startTable(slots: 1)
    builder.add(storage, slot: 0)
    let buffer = builder.endTable()
    let buffers = builder.references([buffer])
    builder.startTable(slots: 8)
    builder.add(buffers, slot: 2)
    let root = builder.endTable()
    return try builder.finish(root, identifier: "ET12", sizePrefixed: false)
  }

  @Test(arguments: [1, 4, 16, 32])
  func alignsBytesFromTheBeginningOfTheFile(_ alignment: Int) throws {
    for count in 0..<40 {
      let constants = (0..<count).map { UInt8($0 + 100) }
      let bytes = try program(constants: constants, alignment: alignment)
      #expect(text(bytes, as: CFB_PROGRAM) != nil)
      #expect(bytes.count % max(4, alignment) == 0)
      guard count >= 4 else { continue }
      let place = (0...bytes.count - count).first { Array(bytes[$0..<$0 + count]) == constants }
      #expect(try #require(place) % max(4, alignment) == 0)
    }
  }

  @Test func storesEqualVtablesOnce() throws {
    func size(tables: Int) throws -> Int {
      var builder = FlatBuilder()
      var names: [FlatBuilder.Reference] = []
      for index in 0..<tables {
        builder.startTable(slots: 2)
        builder.add(UInt64(index + 1), slot: 0, default: 0)
        builder.add(UInt64(index + 1), slot: 1, default: 0)
        names.append(builder.endTable())
      }
      let vector = builder.references(names)
      builder.startTable(slots: 8)
      builder.add(vector, slot: 4)
      let root = builder.endTable()
      let bytes = try builder.finish(root, identifier: "ET12", sizePrefixed: false)
      #expect(text(bytes, as: CFB_PROGRAM)?.count == tables + 1)
      return bytes.count
    }
    // A segment: its offset in the vector, 4 to the vtable, two values of 8, padding. At the end, up to 8 of padding.
    #expect(try abs(size(tables: 101) - size(tables: 1) - 100 * (4 + 24)) <= 8)
  }

  @Test func survivesMoreShapesOfTablesThanItRemembers() throws {
    var builder = FlatBuilder()
    var values: [FlatBuilder.Reference] = []
    for shape in 0..<512 {
      // Which of nine fields of a tensor are there.
      builder.startTable(slots: 10)
      for slot in [1, 5, 0, 4, 7, 8] as [Int] where shape >> slot & 1 == 1 {
        if slot == 1 || slot == 5 {
          builder.add(7 as Int32, slot: slot, default: 0)
        } else {
          builder.add(1 as Int8, slot: slot, default: 0)
        }
      }
      let tensor = builder.endTable()
      builder.startTable(slots: 2)
      builder.add(5 as UInt8, slot: 0, default: 0)
      builder.add(tensor, slot: 1)
      values.append(builder.endTable())
    }
    let vector = builder.references(values)
    builder.startTable(slots: 10)
    builder.add(vector, slot: 2)
    let plan = builder.endTable()
    let plans = builder.references([plan])
    builder.startTable(slots: 8)
    builder.add(plans, slot: 1)
    let root = builder.endTable()
    let bytes = try builder.finish(root, identifier: "ET12", sizePrefixed: false)
    let lines = try #require(text(bytes, as: CFB_PROGRAM))
    #expect(lines.count == 2 + 2 * 512)
    for shape in 0..<512 {
      let line = lines[3 + 2 * shape]
      #expect(line.contains(" storage_offset=\(shape >> 1 & 1 == 1 ? 7 : 0) "))
      #expect(line.contains(" data_buffer_idx=\(shape >> 5 & 1 == 1 ? 7 : 0) "))
      #expect(line.contains(" shape_dynamism=\(shape >> 8 & 1 == 1 ? 1 : 0) "))
    }
  }

  @Test func leavesOutWhatIsTheDefault() throws {
    var builder = FlatBuilder()
    builder.startTable(slots: 8)
    builder.add(0 as UInt32, slot: 0, default: 0)
    builder.add(nil as FlatBuilder.Reference?, slot: 1)
    builder.add(false, slot: 2)
    builder.add(0 as Double, slot: 3)
    let root = builder.endTable()
    // The root's offset, the identifier, a vtable of no fields, a table of nothing but the way to it.
    let bytes = try builder.finish(root, identifier: "ET12", sizePrefixed: false)
    #expect(bytes.count == 16)
    #expect(text(bytes, as: CFB_PROGRAM)?.count == 1)
  }

  @Test func writesTheSameBytesEveryTime() throws {
    #expect(try program(constants: [1, 2, 3], alignment: 16) == program(constants: [1, 2, 3], alignment: 16))
  }
}
