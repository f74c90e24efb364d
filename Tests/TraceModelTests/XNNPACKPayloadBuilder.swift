import Bytes
import ETFormats

/// Writes XNNPACK payloads for tests, well-formed as FlatBuffers whatever the graph is.
///
/// Slots are those of the schema (`backends/xnnpack/serialization/schema.fbs`).
struct XNNPACKPayloadBuilder {
  struct Value {
    var dims: [UInt32] = [1, 4]
    var type: Int16 = 1
    var isInput = false
    var isOutput = false
    var isConstant = false
    /// Scale and zero point of the whole tensor.
    var quantization: (Float, Int32)?
  }

  struct Node {
    var kind: UInt8
    var inputs: [UInt32]
    var outputs: [UInt32]
    var handle: UInt32
    var flags: UInt32 = 0
    var range: (Float, Float)?
    /// A permutation, a shape; paddings before and after.
    var numbers: [UInt32] = []
    var more: [UInt32] = []
    /// Heights, widths, channels of a window, in the schema's order.
    var window: [UInt32] = []
  }

  var values: [Value] = []
  var nodes: [Node] = []

  /// - Returns: The value's id.
  mutating func value(
    _ dims: [UInt32] = [1, 4], type: Int16 = 1, input: Bool = false, output: Bool = false, constant: Bool = false,
    quantization: (Float, Int32)? = nil
  ) -> UInt32 {
    values.append(
      Value(dims: dims, type: type, isInput: input, isOutput: output, isConstant: constant, quantization: quantization))
    return UInt32(values.count - 1)
  }

  /// Adds a node whose handle is its number from 1 on.
  mutating func node(
    _ kind: UInt8, _ inputs: [UInt32], _ outputs: [UInt32], handle: UInt32? = nil, flags: UInt32 = 0,
    range: (Float, Float)? = nil, numbers: [UInt32] = [], more: [UInt32] = [], window: [UInt32] = []
  ) {
    nodes.append(
      Node(
        kind: kind, inputs: inputs, outputs: outputs, handle: handle ?? UInt32(nodes.count + 1), flags: flags,
        range: range,
        numbers: numbers, more: more, window: window))
  }

  func payload() throws -> XNNPACKPayload {
    try bytes().withUnsafeBytes { try XNNPACKPayload(reading: $0) }
  }

  func bytes() -> [UInt8] {
    var builder = FlatBuilder()
    var externals: UInt32 = 0
    let values = self.values.enumerated().map { index, value in
      var external = UInt32.max
      if value.isInput || value.isOutput {
        external = externals
        externals += 1
      }
      return Self.write(value, id: UInt32(index), external: external, &builder)
    }
    let nodes = self.nodes.map { Self.write($0, &builder) }
    // Constant 0 belongs to no value, constant 1 to all that are constant.
    let constants = (0..<2).map { _ in
      builder.startTable(slots: 3)
      return builder.endTable()
    }
    let nodeList = builder.references(nodes)
    let valueList = builder.references(values)
    let constantList = builder.references(constants)
    builder.startTable(slots: 9)
    builder.add(nodeList, slot: 1)
    builder.add(valueList, slot: 2)
    builder.add(externals, slot: 3, default: 0)
    builder.add(constantList, slot: 8)
    let root = builder.endTable()
    let graph = try! builder.finish(root, identifier: "XN01", sizePrefixed: false)
    return Self.header(graph.count) + graph
  }

  private static func header(_ count: Int) -> [UInt8] {
    func little(_ number: UInt64, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
    return [0, 0, 0, 0] + Array("XH00".utf8) + little(30, 2) + little(32, 4) + little(UInt64(count), 4)
      + little(UInt64(32 + count), 4) + little(0, 8) + [0, 0]
  }

  private static func write(
    _ value: Value, id: UInt32, external: UInt32, _ builder: inout FlatBuilder
  ) -> FlatBuilder.Reference {
    let dims = builder.integers(value.dims)
    builder.startTable(slots: 8)
    builder.add(value.type, slot: 0, default: 0)
    builder.add(UInt32(value.dims.count), slot: 1, default: 0)
    builder.add(dims, slot: 2)
    builder.add(value.isConstant ? 1 : 0 as UInt32, slot: 3, default: 0)
    builder.add(external, slot: 4, default: 0)
    builder.add((value.isInput ? 1 : 0) | (value.isOutput ? 2 : 0) as UInt32, slot: 5, default: 0)
    builder.add(id, slot: 6, default: 0)
    var content = builder.endTable()
    if let (scale, zeroPoint) = value.quantization {
      builder.startTable(slots: 2)
      builder.add(scale, slot: 0)
      builder.add(zeroPoint, slot: 1, default: 0)
      let parameters = builder.endTable()
      builder.startTable(slots: 3)
      builder.add(content, slot: 0)
      builder.add(2 as UInt8, slot: 1, default: 0)
      builder.add(parameters, slot: 2)
      content = builder.endTable()
    }
    builder.startTable(slots: 2)
    builder.add(value.quantization == nil ? 1 : 2 as UInt8, slot: 0, default: 0)
    builder.add(content, slot: 1)
    return builder.endTable()
  }

  private static func write(_ node: Node, _ builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let (inputs, outputs, flags) = slots(node.kind)
    let numbers = builder.integers(node.numbers)
    let more = builder.integers(node.more)
    builder.startTable(slots: 20)
    switch node.kind {
    case 5, 20:
      builder.add(UInt32(node.numbers.count), slot: 0, default: 0)
      builder.add(numbers, slot: 1)
    case 10:
      builder.add(numbers, slot: 0)
      builder.add(more, slot: 1)
    case 35:
      builder.add(UInt32(node.numbers.count), slot: 0, default: 0)
      builder.add(numbers, slot: 1)
      builder.add(more, slot: 2)
    default:
      for (slot, number) in node.window.enumerated() { builder.add(number, slot: slot, default: 0) }
    }
    for (place, slot) in inputs.enumerated() {
      builder.add(place < node.inputs.count ? node.inputs[place] : .max, slot: slot, default: 0)
    }
    for (place, slot) in outputs.enumerated() {
      builder.add(place < node.outputs.count ? node.outputs[place] : .max, slot: slot, default: 0)
    }
    builder.add(node.flags, slot: flags, default: 0)
    let content = builder.endTable()
    var range: FlatBuilder.Reference?
    if let (low, high) = node.range {
      builder.startTable(slots: 2)
      builder.add(low, slot: 0)
      builder.add(high, slot: 1)
      range = builder.endTable()
    }
    builder.startTable(slots: 4)
    builder.add(node.kind, slot: 0, default: 0)
    builder.add(content, slot: 1)
    builder.add(node.handle, slot: 2, default: 0)
    builder.add(range, slot: 3)
    return builder.endTable()
  }

  private static func slots(_ kind: UInt8) -> (inputs: [Int], outputs: [Int], flags: Int) {
    switch kind {
    case 1, 8, 12, 15, 16, 26, 31, 37: ([0, 1], [2], 3)
    case 2: ([0, 1, 2], [3], 4)
    case 5, 9, 20: ([2], [3], 4)
    case 7, 13, 39: ([15, 16, 17], [18], 19)
    case 10, 35: ([3], [4], 5)
    case 11, 14: ([10], [11], 12)
    case 21: ([6], [7, 8], 9)
    case 25, 29: ([1], [2], 3)
    case 32: ([1, 2], [5], 6)
    case 33: ([1, 2, 3], [5], 6)
    case 34: ([1, 2, 3, 4], [5], 6)
    case 38: ([1, 2, 3, 4, 7], [5], 6)
    case 36: ([0, 1, 2, 3, 4], [5], 6)
    default: ([0], [1], 2)
    }
  }
}
