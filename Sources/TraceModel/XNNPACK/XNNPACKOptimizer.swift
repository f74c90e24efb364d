import ETFormats

/// Replays XNNPACK's passes over a graph, in their order (`src/subgraph.c: xnn_subgraph_optimize`).
///
/// Stages: `cleanUp` removes what nothing reads and sorts; `fuseNeighbours` and `makeLookupTables`; `simplify`, to a fixed
/// point; `rewriteDequantizedProducts`; `inlineQuantization`. ExecuTorch asks for none of the others (sparse inference,
/// FP16).
extension XNNPACKGraph {
  mutating func optimize(_ options: XNNPACKOptions) {
    cleanUp()
    if !options.contains(.fusesNothing) {
      fuseNeighbours(foldsClamps: options.contains(.foldsClampsEarly))
      if !options.contains(.hasNoLookupTables) { makeLookupTables() }
    }
    if !options.contains(.keepsCommonSubgraphs) { simplify() }
    if !options.contains(.keepsDequantizedProducts) { rewriteDequantizedProducts() }
    if !options.contains(.keepsDynamicQuantization) { inlineQuantization() }
  }

  /// Finds each value's producer and readers.
  mutating func analyze() {
    stepsLeft -= order.count + values.count
    consumers = nil
    for index in values.indices {
      values[index].producer = -1
      values[index].firstConsumer = -1
      values[index].consumerCount = 0
    }
    for (position, node) in order.enumerated() {
      nodes[node].position = position
      if nodes[node].isRemoved { continue }
      let inputs = nodes[node].inputs
      for (slot, value) in inputs.enumerated() where !inputs[..<slot].contains(value) {
        if values[value].consumerCount == 0 { values[value].firstConsumer = node }
        values[value].consumerCount += 1
      }
      for value in nodes[node].outputs { values[value].producer = node }
    }
    for index in values.indices where values[index].isExternalOutput { values[index].consumerCount += 1 }
  }

  /// Removes what nothing reads, then sorts the rest so that all producers come first.
  mutating func cleanUp() {
    var changed = true
    while changed && !isExhausted {
      analyze()
      changed = false
      for index in values.indices where values[index].isAlive {
        guard !values[index].isExternalInput, values[index].consumerCount == 0 else { continue }
        let producer = values[index].producer
        if producer >= 0, !nodes[producer].isRemoved, nodes[producer].outputs.count == 1 {
          changed = true
          removeDead(producer)
        }
        values[index].isAlive = false
      }
    }
    sort()
    analyze()
  }

  /// Removes a node, and what fed nothing else.
  private mutating func removeDead(_ first: Int) {
    var open = [first]
    while let node = open.popLast() {
      guard !nodes[node].isRemoved else { continue }
      remove(node)
      let inputs = nodes[node].inputs
      for (slot, value) in inputs.enumerated() where !inputs[..<slot].contains(value) && !values[value].isExternalInput
      {
        values[value].consumerCount -= 1
        let producer = values[value].producer
        if values[value].consumerCount == 0, producer >= 0, nodes[producer].outputs.count == 1 { open.append(producer) }
      }
    }
  }

  /// The order of repeated scans from left to right, each of which takes every node whose inputs are there. What waits for
  /// itself comes last, as it stood.
  private mutating func sort() {
    order.removeAll { nodes[$0].isRemoved }
    var isReady = values.map { $0.producer < 0 || $0.isExternalInput }
    var sorted: [Int] = []
    sorted.reserveCapacity(order.count)
    var rest: [Int] = []
    for node in order {
      if nodes[node].inputs.allSatisfy({ isReady[$0] }) {
        sorted.append(node)
        for value in nodes[node].outputs { isReady[value] = true }
      } else {
        rest.append(node)
      }
    }
    if !rest.isEmpty {
      stepsLeft -= rest.count * 4
      sorted += scans(of: rest, &isReady)
    }
    order = sorted
  }

  /// All further scans at once: a node is taken in the scan in which the last of its inputs appears, or in the next one if
  /// that input's producer stands behind it.
  private func scans(of rest: [Int], _ isReady: inout [Bool]) -> [Int] {
    var missing = [Int](repeating: 0, count: rest.count)
    var waiting: [Int: [Int]] = [:]
    var queue = SmallestFirst()
    for (place, node) in rest.enumerated() {
      for value in Set(nodes[node].inputs) where !isReady[value] {
        missing[place] += 1
        waiting[value, default: []].append(place)
      }
      if missing[place] == 0 { queue.push(place) }
    }
    var sorted: [Int] = []
    var isTaken = [Bool](repeating: false, count: rest.count)
    // A key is the scan's number, then the place.
    while let key = queue.pop() {
      let place = key & 0xFFFF_FFFF
      sorted.append(rest[place])
      isTaken[place] = true
      for value in nodes[rest[place]].outputs where !isReady[value] {
        isReady[value] = true
        for other in waiting[value] ?? [] {
          missing[other] -= 1
          if missing[other] == 0 { queue.push((key & ~0xFFFF_FFFF) + (other > place ? 0 : 1 << 32) + other) }
        }
      }
    }
    return sorted + rest.indices.filter { !isTaken[$0] }.map { rest[$0] }
  }
}

/// A heap of numbers.
private struct SmallestFirst {
  private var heap: [Int] = []

  mutating func push(_ key: Int) {
    heap.append(key)
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2] > heap[child] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Int? {
    guard let last = heap.popLast() else { return nil }
    guard let first = heap.first else { return last }
    heap[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < heap[parent] else { break }
      heap.swapAt(parent, child)
      parent = child
    }
    return first
  }
}
