import ETFormats

extension XNNPACKGraph {
  /// Where the right side of a float product of batches was just dequantised from int8, the product takes the int8 values
  /// itself. They are made channelwise by a new node, which is sorted in anew.
  mutating func rewriteDequantizedProducts() {
    analyze()
    var changed = false
    for node in order where nodes[node].operation == .batchMatrixMultiply && !nodes[node].isRemoved {
      let (a, b, output) = (nodes[node].inputs[0], nodes[node].inputs[1], nodes[node].outputs[0])
      guard [a, b, output].allSatisfy({ values[$0].datatype == .fp32 }) else { continue }
      let producer = values[b].producer
      guard producer >= 0, nodes[producer].operation == .unary(.convert), values[b].consumerCount == 1,
        values[b].firstConsumer == node
      else { continue }
      let quantized = nodes[producer].inputs[0]
      guard values[quantized].datatype == .qint8, values[quantized].dims.count >= 2, values[quantized].zeroPoint == 0,
        values[a].dims.count >= 2
      else { continue }
      var channelwise = values[quantized].successor
      channelwise.datatype = .qcint8
      let value = addValue(channelwise)
      var convert = Node(operation: .convert, inputs: [quantized], outputs: [value], source: nodes[producer].source)
      convert.role = .rewrittenDequantize
      nodes.append(convert)
      order.append(nodes.count - 1)
      setInput(1, of: node, to: value)
      changed = true
    }
    if changed { cleanUp() }
  }

  /// Matrix products quantise their input by themselves: the conversion in front of them goes, if nothing else reads it.
  mutating func inlineQuantization() {
    analyze()
    var changed = false
    for node in order where !nodes[node].isRemoved {
      guard nodes[node].operation == .fullyConnected || nodes[node].operation == .batchMatrixMultiply else { continue }
      let input = nodes[node].inputs[0]
      let producer = values[input].producer
      guard values[input].datatype == .qdint8, producer >= 0, nodes[producer].operation == .convert,
        !nodes[producer].isRemoved
      else { continue }
      nodes[node].quantizesInput = true
      setInput(0, of: node, to: nodes[producer].inputs[0])
      absorb(nodes[producer].source, .quantizationInlined, into: node)
      values[input].consumerCount -= 1
      if values[input].consumerCount == 0 { remove(producer) }
      changed = true
    }
    if changed { cleanUp() }
  }
}
