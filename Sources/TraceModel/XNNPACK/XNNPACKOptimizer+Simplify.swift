import ETFormats

extension XNNPACKGraph {
  /// Rewrites common subgraphs until nothing changes (`src/subgraph.c`): products with itself,
  /// limits, clamps, mean squares, reshapes, transposes in front of matrix products.
  mutating func simplify() {
    for index in values.indices where values[index].isStatic { values[index].hasStaticShape = true }
    while !isExhausted {
      var changed = false
      for node in order where !nodes[node].isRemoved {
        if simplify(node) { changed = true }
      }
      if !changed { break }
      cleanUp()
    }
  }

  private mutating func simplify(_ node: Int) -> Bool {
    let inputs = nodes[node].inputs
    guard let first = inputs.first, let output = nodes[node].outputs.first else { return false }
    let operation = nodes[node].operation
    if operation.isUnary, values[first].hasStaticShape {
      values[output].dims = values[first].dims
      values[output].hasStaticShape = true
    }
    switch operation {
    case .binary(let function):
      if values[first].hasStaticShape && values[inputs[1]].hasStaticShape {
        values[output].dims = Self.broadcast(values[first].dims, values[inputs[1]].dims)
        values[output].hasStaticShape = true
      }
      return simplifyBinary(node, function)
    case .unary(.clamp): return simplifyClamp(node)
    case .mean: return squareMean(node)
    case .reshape: return simplifyReshape(node)
    case .fullyConnected, .batchMatrixMultiply: return foldTranspose(node)
    default: return false
    }
  }

  private static func broadcast(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    let rank = max(a.count, b.count)
    let x = [UInt32](repeating: 1, count: rank - a.count) + a
    let y = [UInt32](repeating: 1, count: rank - b.count) + b
    return zip(x, y).map { $0 == 1 ? $1 : $0 }
  }

  // MARK: Elementwise

  private mutating func simplifyBinary(_ node: Int, _ function: BinaryFunction) -> Bool {
    let (a, b) = (nodes[node].inputs[0], nodes[node].inputs[1])
    if function == .multiply && a == b {
      nodes[node].operation = .unary(.square)
      nodes[node].inputs = [a]
      return true
    }
    guard function == .minimum || function == .maximum else { return false }
    func isConstant(_ value: Int) -> Bool { values[value].isStatic && values[value].isScalar }
    let (tensor, limit) = isConstant(a) && !isConstant(b) ? (b, a) : (a, b)
    guard isConstant(limit), values[limit].dims.count <= values[tensor].dims.count else { return false }
    nodes[node].operation = .unary(.clamp)
    nodes[node].inputs = [tensor]
    nodes[node].range = .unknown
    return true
  }

  private mutating func simplifyClamp(_ node: Int) -> Bool {
    let input = nodes[node].inputs[0]
    let producer = values[input].producer
    if values[input].consumerCount <= 1, producer >= 0, producer != node, !nodes[producer].isRemoved,
      nodes[producer].operation.takesClamp
    {
      nodes[producer].outputs[0] = nodes[node].outputs[0]
      remove(node, .clampFolded, into: producer)
      return true
    }
    guard nodes[node].range == .none else { return false }
    if bypass(from: input, to: nodes[node].outputs[0]) {
      remove(node, .clampWithoutLimits, into: producer)
    } else {
      nodes[node].operation = .copy
    }
    return true
  }

  private mutating func squareMean(_ node: Int) -> Bool {
    let input = values[nodes[node].inputs[0]]
    guard input.datatype == .fp16 || input.datatype == .fp32, input.producer >= 0 else { return false }
    let producer = input.producer
    guard !nodes[producer].isRemoved, nodes[producer].operation == .unary(.square) else { return false }
    nodes[node].operation = .meanSquared
    setInput(0, of: node, to: nodes[producer].inputs[0])
    absorb(nodes[producer].source, .squareFolded, into: node)
    return true
  }

  // MARK: Shapes

  private mutating func simplifyReshape(_ node: Int) -> Bool {
    let shape = nodes[node].numbers
    // A dimension of 0 stands for one that is known later.
    guard !shape.contains(0) else { return false }
    let output = nodes[node].outputs[0]
    values[output].dims = shape
    values[output].hasStaticShape = true
    var changed = false
    var input = nodes[node].inputs[0]
    let producer = values[input].producer
    if producer >= 0, producer != node, values[input].consumerCount == 1, !nodes[producer].isRemoved,
      nodes[producer].operation == .reshape
    {
      setInput(0, of: node, to: nodes[producer].inputs[0])
      remove(producer, .reshapesMerged, into: node)
      changed = true
    }
    input = nodes[node].inputs[0]
    guard values[input].hasStaticShape, values[input].consumerCount <= 1, !values[output].isExternalOutput else {
      return changed
    }
    if values[input].isStatic {
      values[input].dims = shape
    } else if values[input].dims != shape {
      return changed
    }
    let before = values[input].producer
    let redirected = bypass(from: input, to: output)
    remove(node, .reshapeWithoutEffect, into: before)
    return changed || redirected
  }

  /// A transpose of the last two dimensions in front of the right side of a product becomes a flag of the product.
  private mutating func foldTranspose(_ node: Int) -> Bool {
    let weight = nodes[node].inputs[1]
    let producer = values[weight].producer
    guard producer >= 0, nodes[producer].operation == .transpose, !nodes[producer].isRemoved,
      values[weight].consumerCount == 1
    else { return false }
    let permutation = nodes[producer].numbers
    let rank = permutation.count
    guard rank >= 2 else { return false }
    let isTransposed = nodes[node].flags & 1 != 0
    let isReversible = nodes[node].operation == .fullyConnected ? isTransposed : !isTransposed
    let swapsLastTwo =
      (0..<rank - 2).allSatisfy { permutation[$0] == UInt32($0) }
      && permutation[rank - 2] == UInt32(rank - 1) && permutation[rank - 1] == UInt32(rank - 2)
    guard isReversible || swapsLastTwo else { return false }
    if swapsLastTwo {
      setInput(1, of: node, to: nodes[producer].inputs[0])
      absorb(nodes[producer].source, .transposeFolded, into: node)
    } else {
      nodes[producer].numbers.swapAt(rank - 2, rank - 1)
    }
    nodes[node].flags ^= 1
    return true
  }

  /// Lets all readers of `output` read `input` instead; where the caller takes `output`, the producer of `input` writes it.
  ///
  /// - Returns: Whether something was redirected.
  private mutating func bypass(from input: Int, to output: Int) -> Bool {
    var (kept, dropped) = (input, output)
    var changed = false
    if values[output].isExternalOutput {
      let producer = values[input].producer
      guard !values[input].isExternalOutput, producer >= 0 else { return false }
      for slot in nodes[producer].outputs.indices where nodes[producer].outputs[slot] == input {
        nodes[producer].outputs[slot] = output
        changed = true
      }
      values[output].producer = producer
      (kept, dropped) = (output, input)
    }
    guard kept != dropped else { return changed }
    values[kept].consumerCount -= 1
    if consumers == nil { findConsumers() }
    guard let readers = consumers?[dropped] else { return changed }
    stepsLeft -= readers.count
    consumers?[dropped] = []
    for reader in readers where !nodes[reader].isRemoved {
      for slot in nodes[reader].inputs.indices where nodes[reader].inputs[slot] == dropped {
        if !nodes[reader].inputs[..<slot].contains(kept) { values[kept].consumerCount += 1 }
        setInput(slot, of: reader, to: kept)
        changed = true
      }
    }
    return changed
  }

  private mutating func findConsumers() {
    var found = [[Int]](repeating: [], count: values.count)
    stepsLeft -= order.count
    for node in order where !nodes[node].isRemoved {
      for value in nodes[node].inputs { found[value].append(node) }
    }
    consumers = found
  }
}
