import Bytes

extension XNNPACKReader {
  /// Where a kind's table keeps its values and its flags. Parameters are read by kind.
  private struct Layout {
    var inputs: [Int]
    var outputs: [Int]
    var flags: Int
    /// Slots that hold something else than ids: they are checked even where they are of no use.
    var others: [Int] = []
  }

  private static func layout(_ kind: UInt8) -> Layout? {
    switch kind {
    // Two inputs: Add, Div, Minimum, Multiply, Subtract, Maximum, PReLU, BatchMatrixMultiply.
    case 1, 8, 12, 15, 16, 26, 31, 37: Layout(inputs: [0, 1], outputs: [2], flags: 3)
    // FullyConnected: input, filter, bias.
    case 2: Layout(inputs: [0, 1, 2], outputs: [3], flags: 4)
    // StaticTranspose, StaticReshape.
    case 5, 20: Layout(inputs: [2], outputs: [3], flags: 4)
    // Conv2d, DepthwiseConv2d, ConvTranspose2d: input, filter, bias.
    case 7, 13, 39: Layout(inputs: [15, 16, 17], outputs: [18], flags: 19)
    // StaticResizeBilinear2D.
    case 9: Layout(inputs: [2], outputs: [3], flags: 4)
    // StaticConstantPad.
    case 10: Layout(inputs: [3], outputs: [4], flags: 5)
    // AvgPooling2d, MaxPooling2d.
    case 11, 14: Layout(inputs: [10], outputs: [11], flags: 12)
    // ArgMaxPooling2d: values, then indices.
    case 21: Layout(inputs: [6], outputs: [7, 8], flags: 9)
    // LeakyReLU, ELU.
    case 25, 29: Layout(inputs: [1], outputs: [2], flags: 3)
    // Concatenate2 to 5. The fifth input was added behind the flags.
    case 32: Layout(inputs: [1, 2], outputs: [5], flags: 6, others: [3, 4, 7])
    case 33: Layout(inputs: [1, 2, 3], outputs: [5], flags: 6, others: [4, 7])
    case 34: Layout(inputs: [1, 2, 3, 4], outputs: [5], flags: 6, others: [7])
    case 38: Layout(inputs: [1, 2, 3, 4, 7], outputs: [5], flags: 6)
    // StaticSlice.
    case 35: Layout(inputs: [3], outputs: [4], flags: 5)
    // ScaledDotProductAttention: query, key, value, scale, mask.
    case 36: Layout(inputs: [0, 1, 2, 3, 4], outputs: [5], flags: 6)
    // One input.
    case 3, 4, 6, 17...19, 22...24, 27, 28, 30, 40...47: Layout(inputs: [0], outputs: [1], flags: 2)
    default: nil
    }
  }

  mutating func readNode(_ table: FlatTable, _ index: Int) throws(ReadError) {
    let kind = XNNPACKPayload.Kind(rawValue: try table.integer(0, default: 0))
    let handle: UInt32 = try table.integer(2, default: 0)
    var range: XNNPACKPayload.OutputRange?
    if let limits = try intake.table(table, 3) {
      range = XNNPACKPayload.OutputRange(min: try limits.float(0), max: try limits.float(1))
    }
    guard let layout = Self.layout(kind.rawValue) else {
      if kind.rawValue == 0 { throw table.error(.malformed, "node \(index) is of no kind") }
      try table.checkOffset(1)
      let end = payload.numbers.count
      payload.nodes.append(
        XNNPACKPayload.Node(
          kind: kind, debugHandle: handle, flags: 0, inputs: end..<end, outputs: end..<end, outputRange: range,
          parameters: .none))
      return
    }
    guard let content = try intake.table(table, 1) else { throw table.error(.malformed, "node \(index) is empty") }
    for slot in layout.others { _ = try content.integer(slot, default: 0 as UInt32) }
    payload.nodes.append(
      XNNPACKPayload.Node(
        kind: kind, debugHandle: handle, flags: try content.integer(layout.flags, default: 0),
        inputs: try ids(content, layout.inputs, index), outputs: try ids(content, layout.outputs, index),
        outputRange: range, parameters: try parameters(content, kind.rawValue)))
  }

  /// The ids in some slots, each that of a value or `noID`.
  private mutating func ids(_ table: FlatTable, _ slots: [Int], _ node: Int) throws(ReadError) -> Range<Int> {
    let first = payload.numbers.count
    try intake.charge(slots.count, times: 8, at: table.position)
    for slot in slots {
      let id: UInt32 = try table.integer(slot, default: 0)
      guard id == XNNPACKPayload.noID || payload.valuesByID[id] != nil else {
        throw table.error(.outOfBounds, "node \(node) names value \(id), which there is not")
      }
      payload.numbers.append(id)
    }
    return first..<payload.numbers.count
  }

  private mutating func parameters(_ table: FlatTable, _ kind: UInt8) throws(ReadError) -> XNNPACKPayload.Parameters {
    switch kind {
    case 5: return .transpose(permutation: try numbers(table, 1, countedBy: 0))
    case 20: return .reshape(shape: try numbers(table, 1, countedBy: 0))
    case 35:
      return .slice(offsets: try numbers(table, 1, countedBy: 0), sizes: try numbers(table, 2, countedBy: 0))
    case 10:
      return .pad(before: try numbers(table, 0), after: try numbers(table, 1), value: try table.float(2))
    case 9: return .resize(height: try table.integer(0, default: 0), width: try table.integer(1, default: 0))
    case 25, 29: return .slope(try table.float(0))
    case 32, 33, 34, 38: return .concatenate(axis: try table.integer(0, default: 0))
    case 7, 13, 39: return try window(table, fields: 15)
    case 11, 14: return try window(table, fields: 10)
    case 21: return try window(table, fields: 6)
    default: return .none
    }
  }

  /// The first slots of convolutions and poolings, which mean the same in the same order.
  private mutating func window(_ table: FlatTable, fields: Int) throws(ReadError) -> XNNPACKPayload.Parameters {
    let order: [WritableKeyPath<XNNPACKPayload.Window, UInt32>] = [
      \.paddingTop, \.paddingRight, \.paddingBottom, \.paddingLeft, \.height, \.width, \.strideHeight, \.strideWidth,
      \.dilationHeight, \.dilationWidth, \.groupInputChannels, \.groupOutputChannels, \.groups, \.adjustmentHeight,
      \.adjustmentWidth,
    ]
    try intake.charge(1, times: MemoryLayout<XNNPACKPayload.Window>.stride, at: table.position)
    var window = XNNPACKPayload.Window()
    for slot in 0..<fields { window[keyPath: order[slot]] = try table.integer(slot, default: 0) }
    payload.windows.append(window)
    return .window(payload.windows.count - 1)
  }
}
