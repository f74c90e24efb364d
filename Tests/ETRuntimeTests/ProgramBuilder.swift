import Bytes
import ETFormats

/// Writes small programs of one method for tests, well-formed as FlatBuffers whatever they do.
///
/// Slots are those of the schema (`schema/program.fbs`). All tensors are float32.
struct ProgramBuilder {
  enum Contents {
    case none
    case constant([Float])
    /// Of a planned tensor.
    case initial([Float])
  }

  enum Shape: Int8 { case fixed, bounded, unbounded }

  enum Value {
    case int(Int64)
    /// Values by index.
    case ints([Int64])
    case tensor(sizes: [Int32], shape: Shape, offset: UInt32?, Contents)
  }

  enum Instruction {
    case kernel(String, [Int32])
    case move(Int32, to: Int32)
    case free(Int32)
  }

  var values: [Value] = []
  var instructions: [Instruction] = []
  var inputs: [Int32] = []
  var outputs: [Int32] = []
  var plannedBytes: Int64 = 1024

  mutating func int(_ value: Int64) -> Int32 { add(.int(value)) }

  mutating func ints(_ numbers: [Int64]) -> Int32 { add(.ints(numbers.map { Int64(int($0)) })) }

  /// - Parameter offset: In planned memory; nil for a constant or the caller's memory.
  mutating func tensor(
    _ sizes: [Int32], shape: Shape = .fixed, at offset: UInt32? = nil, _ contents: Contents = .none
  ) -> Int32 { add(.tensor(sizes: sizes, shape: shape, offset: offset, contents)) }

  private mutating func add(_ value: Value) -> Int32 {
    values.append(value)
    return Int32(values.count - 1)
  }

  func program() throws -> Program { try Program(reading: FileContents(copying: bytes())) }

  func bytes() -> [UInt8] {
    var builder = FlatBuilder()
    var (constants, initial): ([[Float]], [[Float]]) = ([[]], [[]])
    let values = self.values.map { Self.write($0, &constants, &initial, &builder) }
    let names = operatorNames
    let operators = names.map { name in
      let parts = name.split(separator: ".", maxSplits: 1).map { builder.string(String($0)) }
      return Self.table(&builder, 2) {
        $0.add(parts[0], slot: 0)
        $0.add(parts.count > 1 ? parts[1] : nil, slot: 1)
      }
    }
    let instructions = self.instructions.map { Self.write($0, names, &builder) }
    let instructionList = builder.references(instructions)
    let chain = Self.table(&builder, 4) { $0.add(instructionList, slot: 2) }
    let (name, valueList, chains) = (builder.string("forward"), builder.references(values), builder.references([chain]))
    let (inputs, outputs) = (builder.integers(self.inputs), builder.integers(self.outputs))
    let (operatorList, sizes) = (builder.references(operators), builder.integers([0, plannedBytes]))
    let plan = Self.table(&builder, 10) {
      for (slot, reference) in [
        (0, name), (2, valueList), (3, inputs), (4, outputs), (5, chains), (6, operatorList), (8, sizes),
      ] {
        $0.add(reference, slot: slot)
      }
    }
    let buffers = constants.map { elements in
      let storage = elements.withUnsafeBytes { builder.bytes($0, alignment: 16) }
      return Self.table(&builder, 1) { $0.add(storage, slot: 0) }
    }
    let segment = initial.flatMap { $0 }
    var offsets: [UInt64] = []
    for elements in initial { offsets.append((offsets.last ?? 0) + UInt64(4 * elements.count)) }
    offsets = [0] + offsets.dropLast()
    let segments = [
      Self.table(&builder, 2) { $0.add(UInt64(4 * segment.count), slot: 1, default: 0) }
    ]
    let offsetList = builder.integers(offsets)
    let mutable = [Self.table(&builder, 2) { $0.add(offsetList, slot: 1) }]
    let (plans, bufferList) = (builder.references([plan]), builder.references(buffers))
    let (segmentList, mutableList) = (builder.references(segments), builder.references(mutable))
    let root = Self.table(&builder, 8) {
      for (slot, reference) in [(1, plans), (2, bufferList), (4, segmentList), (6, mutableList)] {
        $0.add(reference, slot: slot)
      }
    }
    let graph = try! builder.finish(root, identifier: "ET12", sizePrefixed: false)
    return Self.withHeader(graph, segment.flatMap { Self.little(UInt64($0.bitPattern), 4) })
  }

  private var operatorNames: [String] {
    var names: [String] = []
    for case .kernel(let name, _) in instructions where !names.contains(name) { names.append(name) }
    return names
  }

  /// The graph with the extended header behind its identifier, and the segment behind it.
  private static func withHeader(_ graph: [UInt8], _ segment: [UInt8]) -> [UInt8] {
    let length = 32
    let root = graph.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    let program = graph.count + length
    let base = (program + 15) & ~15
    let header =
      Array("eh00".utf8) + little(UInt64(length), 4) + little(UInt64(program), 8) + little(UInt64(base), 8)
      + little(UInt64(segment.count), 8)
    let body = little(UInt64(root) + UInt64(length), 4) + graph[4..<8] + header + graph[8...]
    return body + [UInt8](repeating: 0, count: base - program) + segment
  }

  private static func little(_ number: UInt64, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func table(
    _ builder: inout FlatBuilder, _ slots: Int, _ body: (inout FlatBuilder) -> Void
  ) -> FlatBuilder.Reference {
    builder.startTable(slots: slots)
    body(&builder)
    return builder.endTable()
  }

  /// A member of a union, and which it is.
  private static func member(
    _ builder: inout FlatBuilder, _ type: UInt8, _ content: FlatBuilder.Reference
  ) -> FlatBuilder.Reference {
    table(&builder, 2) {
      $0.add(type, slot: 0, default: 0)
      $0.add(content, slot: 1)
    }
  }

  private static func write(
    _ value: Value, _ constants: inout [[Float]], _ initial: inout [[Float]], _ builder: inout FlatBuilder
  ) -> FlatBuilder.Reference {
    switch value {
    case .int(let number):
      return member(&builder, 2, table(&builder, 1) { $0.add(number, slot: 0, default: 0) })
    case .ints(let items):
      let list = builder.integers(items)
      return member(&builder, 7, table(&builder, 1) { $0.add(list, slot: 0) })
    case .tensor(let sizes, let shape, let offset, let contents):
      var buffer = 0
      switch contents {
      case .none: break
      case .constant(let elements):
        buffer = constants.count
        constants.append(elements)
      case .initial(let elements):
        buffer = initial.count
        initial.append(elements)
      }
      let (dims, order) = (builder.integers(sizes), builder.integers((0..<sizes.count).map { UInt8($0) }))
      let place = offset.map { offset in
        table(&builder, 3) {
          $0.add(1 as UInt32, slot: 0, default: 0)
          $0.add(offset, slot: 1, default: 0)
        }
      }
      let tensor = table(&builder, 10) {
        $0.add(6 as Int8, slot: 0, default: 0)
        $0.add(dims, slot: 2)
        $0.add(order, slot: 3)
        $0.add(UInt32(buffer), slot: 5, default: 0)
        $0.add(place, slot: 6)
        $0.add(shape.rawValue, slot: 8, default: 0)
      }
      return member(&builder, 5, tensor)
    }
  }

  private static func write(
    _ instruction: Instruction, _ names: [String], _ builder: inout FlatBuilder
  ) -> FlatBuilder.Reference {
    switch instruction {
    case .kernel(let name, let args):
      let list = builder.integers(args)
      let call = table(&builder, 2) {
        $0.add(Int32(names.firstIndex(of: name) ?? 0), slot: 0, default: 0)
        $0.add(list, slot: 1)
      }
      return member(&builder, 1, call)
    case .move(let from, let to):
      let move = table(&builder, 2) {
        $0.add(from, slot: 0, default: 0)
        $0.add(to, slot: 1, default: 0)
      }
      return member(&builder, 3, move)
    case .free(let value):
      return member(&builder, 5, table(&builder, 1) { $0.add(value, slot: 0, default: 0) })
    }
  }
}
