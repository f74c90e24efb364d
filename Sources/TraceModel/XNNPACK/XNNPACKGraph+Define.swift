import ETFormats

extension XNNPACKGraph {
  /// The graph that the delegate defines from a payload: one node for each of its own, but for activations that need a
  /// kernel of their own and convolutions that are matrix products.
  ///
  /// After `XNNCompiler.cpp` and XNNPACK's `src/subgraph/*.c`.
  init(_ payload: XNNPACKPayload, _ topology: XNNPACKTopology, options: XNNPACKOptions) {
    let places = addValues(of: payload)
    for (index, node) in payload.nodes.enumerated() {
      define(
        node, index, inputs: topology.inputs[index].map { places[$0] },
        outputs: topology.outputs[index].map { places[$0] },
        payload, options)
    }
    order = Array(nodes.indices)
  }

  /// - Returns: For each of the payload's values its place here.
  private mutating func addValues(of payload: XNNPACKPayload) -> [Int] {
    // Ids at run time: external ones are given, the others are counted from there on.
    var next = UInt64(payload.externalCount)
    let ids = payload.values.map { value -> UInt64 in
      if value.externalID != XNNPACKPayload.noID { return UInt64(value.externalID) }
      defer { next += 1 }
      return next
    }
    let sorted = payload.values.indices.sorted { (ids[$0], $0) < (ids[$1], $1) }
    var places = [Int](repeating: 0, count: sorted.count)
    values.reserveCapacity(sorted.count)
    for (place, index) in sorted.enumerated() {
      let value = payload.values[index]
      places[index] = place
      // XNNPACK refuses more than six dimensions; what lies behind the first eight is of no consequence.
      var new = Value(datatype: value.datatype, dims: Array(payload.dims(of: value).prefix(8)))
      new.isExternalInput = value.isExternalInput
      new.isExternalOutput = value.isExternalOutput
      new.isStatic = value.constantBufferIndex != 0
      if case .perTensor(let scale, let zeroPoint) = value.quantization {
        new.scale = scale
        new.zeroPoint = zeroPoint
      }
      values.append(new)
    }
    return places
  }

  private mutating func define(
    _ source: XNNPACKPayload.Node, _ index: Int, inputs: [Int], outputs: [Int], _ payload: XNNPACKPayload,
    _ options: XNNPACKOptions
  ) {
    let limits = source.outputRange.map { Limits(min: $0.min, max: $0.max) } ?? .none
    var node = Node(operation: .other, inputs: inputs, outputs: outputs, source: index, flags: source.flags)
    defer { nodes.append(node) }
    let operation = Self.operation(of: source.kind)
    guard outputs.count >= 1, inputs.count >= Self.inputCount(operation) else { return }
    node.operation = operation
    node.window = payload.window(of: source)
    switch source.parameters {
    case .transpose(let permutation): node.numbers = Array(payload.numbers[permutation].prefix(8))
    case .reshape(let shape): node.numbers = Array(payload.numbers[shape].prefix(8))
    case .pad(let before, let after, let value):
      node.padding = Padding(
        before: Array(payload.numbers[before].prefix(8)), after: Array(payload.numbers[after].prefix(8)), value: value)
    default: break
    }
    switch operation {
    case .unary(.clamp): node.range = limits
    case .unary(.convert):
      let (from, to) = (values[inputs[0]].datatype, values[outputs[0]].datatype)
      if to == .qdint8 || (from == .qint8 && to == .qcint8) { node.operation = .convert }
    case .binary(.add), .binary(.subtract), .binary(.multiply), .binary(.divide), .mean:
      if limits != .none { appendActivation(behind: &node, limits, role: .foldedActivation) }
    case .fullyConnected:
      node.range = limits
      if (inputs.prefix(2) + outputs).allSatisfy({ values[$0].datatype == .bf16 }) {
        appendActivation(behind: &node, nil, role: .bfloat16Output)
      }
    case .convolution:
      node.range = limits
      if let window = node.window, window.isPointwise, node.flags & 4 == 0,
        !options.contains(.keepsPointwiseConvolutions)
      {
        node.operation = .fullyConnected
        node.flags = 0
      }
    case .depthwiseConvolution, .deconvolution, .averagePooling, .maxPooling: node.range = limits
    default: break
    }
  }

  /// Appends a node whose output goes to a new value, and makes a second one that goes on from there: a clamp, or the way
  /// back to bfloat16.
  private mutating func appendActivation(behind node: inout Node, _ limits: Limits?, role: PredictedKernel.Role) {
    var between = values[node.outputs[0]].successor
    if limits == nil { between.datatype = .fp32 }
    let value = addValue(between)
    var second = Node(
      operation: .unary(limits == nil ? .convert : .clamp), inputs: [value], outputs: node.outputs, source: node.source)
    second.role = role
    second.range = limits ?? .none
    node.outputs = [value]
    nodes.append(node)
    node = second
  }

  /// By `XNodeUnion`'s number.
  private static func operation(of kind: XNNPACKPayload.Kind) -> Operation {
    switch kind.rawValue {
    case 1: .binary(.add)
    case 2: .fullyConnected
    case 3: .softmax
    case 4: .unary(.sigmoid)
    case 5: .transpose
    case 6: .unary(.clamp)
    case 7: .convolution
    case 8: .binary(.divide)
    case 9: .resize
    case 10: .pad
    case 11: .averagePooling
    case 12: .binary(.minimum)
    case 13: .depthwiseConvolution
    case 14: .maxPooling
    case 15: .binary(.multiply)
    case 16: .binary(.subtract)
    case 17: .unary(.floor)
    case 18: .unary(.convert)
    case 19: .mean
    case 20: .reshape
    case 21: .argMaxPooling
    case 22: .unary(.squareRoot)
    case 23: .unary(.ceiling)
    case 24: .unary(.hardSwish)
    case 25: .unary(.leakyReLU)
    case 26: .binary(.maximum)
    case 27: .unary(.negate)
    case 28: .unary(.square)
    case 29: .unary(.elu)
    case 30: .unary(.abs)
    case 31: .binary(.prelu)
    case 32, 33, 34, 38: .concatenate
    case 35: .slice
    case 37: .batchMatrixMultiply
    case 39: .deconvolution
    case 40: .unary(.reciprocalSquareRoot)
    case 41: .unary(.log)
    case 42: .unary(.gelu)
    case 43: .unary(.tanh)
    case 44: .unary(.exp)
    case 45: .unary(.sine)
    case 46: .copy
    case 47: .unary(.cosine)
    // 36 is scaled dot product attention, which the runtime refuses.
    default: .other
    }
  }

  private static func inputCount(_ operation: Operation) -> Int {
    switch operation {
    case .binary, .fullyConnected, .batchMatrixMultiply, .convolution, .depthwiseConvolution, .deconvolution: 2
    default: 1
    }
  }
}

extension XNNPACKPayload.Window {
  /// Whether a convolution with it is a product of matrices.
  fileprivate var isPointwise: Bool {
    groups == 1 && height == 1 && width == 1 && strideHeight | strideWidth == 1
      && paddingTop | paddingRight | paddingBottom | paddingLeft == 0
      && UInt64(groupInputChannels) + UInt64(groupOutputChannels) > 2
  }

  /// Whether each group has one channel in and one out.
  var isDepthwise: Bool { groupInputChannels == 1 && groupOutputChannels == 1 }
}
