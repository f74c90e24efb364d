import ETFormats

extension XNNPACKGraph {
  /// Folds paddings into convolutions, copies into their neighbours and, in older versions, clamps into their producers.
  ///
  /// Goes by values: only one that has one reader can vanish between two nodes.
  mutating func fuseNeighbours(foldsClamps: Bool) {
    for value in values.indices {
      let (producer, consumer) = (values[value].producer, values[value].firstConsumer)
      guard values[value].consumerCount == 1, producer >= 0, consumer >= 0, producer != consumer else { continue }
      guard !nodes[producer].isRemoved, !nodes[consumer].isRemoved else { continue }
      foldPadding(producer, into: consumer, value)
      if foldsClamps, nodes[consumer].operation == .unary(.clamp), nodes[producer].operation.takesClamp, isInner(value)
      {
        moveOutput(of: consumer, to: producer, from: value, .clampFolded)
        continue
      }
      if nodes[consumer].operation == .copy, values[value].isAlive, isInner(value), !nodes[producer].isRemoved,
        isUntouched(nodes[consumer].outputs[0], between: producer, consumer)
      {
        moveOutput(of: consumer, to: producer, from: value, .copyFolded)
      }
      if nodes[producer].operation == .copy, values[value].isAlive, isInner(value), !nodes[consumer].isRemoved,
        let slot = nodes[consumer].inputs.firstIndex(of: nodes[producer].outputs[0]),
        isUntouched(nodes[producer].inputs[0], between: producer, consumer)
      {
        takeInput(of: producer, slot, consumer)
        remove(producer, .copyFolded, into: consumer)
        values[value].isAlive = false
      }
    }
  }

  private func isInner(_ value: Int) -> Bool { !values[value].isExternalInput && !values[value].isExternalOutput }

  private mutating func foldPadding(_ producer: Int, into consumer: Int, _ value: Int) {
    guard nodes[producer].operation == .pad, let padding = nodes[producer].padding else { return }
    switch nodes[consumer].operation {
    case .convolution, .depthwiseConvolution: break
    default: return
    }
    // Zeros around height and width, where the convolution does not choose its padding by itself.
    guard values[value].dims.count == 4, padding.before.count == 4, padding.after.count == 4,
      padding.before[0] | padding.after[0] | padding.before[3] | padding.after[3] == 0,
      isZero(padding.value, in: values[nodes[producer].outputs[0]]), nodes[consumer].flags & 4 == 0,
      nodes[consumer].inputs[0] == value
    else { return }
    takeInput(of: producer, 0, consumer)
    remove(producer, .paddingFolded, into: consumer)
    values[value].isAlive = false
  }

  /// Whether the padding is stored as the value's zero.
  private func isZero(_ padding: Float, in value: Value) -> Bool {
    switch value.datatype {
    case .fp32: padding.bitPattern == 0
    case .qint8, .quint8: value.scale > 0 && (padding / value.scale).rounded(.toNearestOrEven) == 0
    default: false
    }
  }

  /// Lets a node read what its producer reads.
  private mutating func takeInput(of producer: Int, _ slot: Int, _ consumer: Int) {
    let input = nodes[producer].inputs[0]
    setInput(slot, of: consumer, to: input)
    if values[input].firstConsumer == producer { values[input].firstConsumer = consumer }
  }

  /// Lets a producer write what its only reader writes, which goes.
  private mutating func moveOutput(of consumer: Int, to producer: Int, from value: Int, _ fate: PredictedKernel.Fate) {
    let output = nodes[consumer].outputs[0]
    values[output].producer = producer
    for slot in nodes[producer].outputs.indices where nodes[producer].outputs[slot] == value {
      nodes[producer].outputs[slot] = output
    }
    remove(consumer, fate, into: producer)
    values[value].isAlive = false
  }

  /// Whether nothing that runs between two nodes touches a value.
  private mutating func isUntouched(_ value: Int, between first: Int, _ last: Int) -> Bool {
    let (start, end) = (nodes[first].position + 1, nodes[last].position)
    guard start < end else { return true }
    stepsLeft -= end - start
    guard !isExhausted else { return false }
    return !order[start..<end].contains {
      !nodes[$0].isRemoved && (nodes[$0].inputs.contains(value) || nodes[$0].outputs.contains(value))
    }
  }

  // MARK: Lookup tables

  /// Makes chains of elementwise functions on 8-bit values into one table, which runs where the last of them stood.
  mutating func makeLookupTables() {
    for first in order where !nodes[first].isRemoved {
      guard let input = soleInput(of: first, among: []), values[input].datatype.bits == 8 else { continue }
      var chain = [first]
      var known = Set(nodes[first].inputs + nodes[first].outputs)
      while chain.count < 10 {
        let output = values[nodes[chain[chain.count - 1]].outputs[0]]
        guard output.consumerCount == 1, output.firstConsumer >= 0 else { break }
        let next = output.firstConsumer
        guard !nodes[next].isRemoved, !chain.contains(next), soleInput(of: next, among: known) != nil else { break }
        chain.append(next)
        known.formUnion(nodes[next].inputs)
        known.formUnion(nodes[next].outputs)
      }
      // A table ends with 8 bits, too.
      while chain.count > 1, values[nodes[chain[chain.count - 1]].outputs[0]].datatype.bits != 8 { chain.removeLast() }
      guard chain.count > 1, let last = chain.popLast() else { continue }
      for node in chain { remove(node, .tabulated, into: last) }
      nodes[last].operation = .lookupTable
      nodes[last].inputs = [input]
    }
  }

  /// The one value that a node is a function of, constants and values of the same chain aside.
  private func soleInput(of node: Int, among known: Set<Int>) -> Int? {
    let inputs = nodes[node].inputs
    switch nodes[node].operation {
    case .unary: return inputs.count == 1 ? inputs[0] : nil
    case .binary:
      func isConstant(_ value: Int) -> Bool {
        values[value].isStatic && !values[value].isExternalInput && values[value].producer < 0 && values[value].isScalar
      }
      if isConstant(inputs[0]) && !values[inputs[1]].isStatic { return inputs[1] }
      if isConstant(inputs[1]) && !values[inputs[0]].isStatic { return inputs[0] }
      return known.contains(inputs[0]) && known.contains(inputs[1]) ? inputs[0] : nil
    default: return nil
    }
  }
}
