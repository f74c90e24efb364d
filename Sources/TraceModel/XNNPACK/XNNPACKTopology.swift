import ETFormats

/// Who makes and who reads each value of a payload, by index instead of id.
struct XNNPACKTopology {
  /// By node, the values that it reads and writes; missing ones are left out.
  let inputs: [[Int]]
  let outputs: [[Int]]
  /// By value, the node that writes it; −1 for none. Of several, the last.
  let producers: [Int]
  /// By value, in the nodes' order.
  let consumers: [[Int]]

  init(_ payload: XNNPACKPayload) {
    var indices: [UInt32: Int] = [:]
    indices.reserveCapacity(payload.values.count)
    for (index, value) in payload.values.enumerated() { indices[value.id] = index }
    var producers = [Int](repeating: -1, count: payload.values.count)
    var consumers = [[Int]](repeating: [], count: payload.values.count)
    var inputs: [[Int]] = []
    var outputs: [[Int]] = []
    inputs.reserveCapacity(payload.nodes.count)
    outputs.reserveCapacity(payload.nodes.count)
    for (index, node) in payload.nodes.enumerated() {
      let reads = payload.inputs(of: node).compactMap { $0 == XNNPACKPayload.noID ? nil : indices[$0] }
      let writes = payload.outputs(of: node).compactMap { $0 == XNNPACKPayload.noID ? nil : indices[$0] }
      for value in reads { consumers[value].append(index) }
      for value in writes { producers[value] = index }
      inputs.append(reads)
      outputs.append(writes)
    }
    self.inputs = inputs
    self.outputs = outputs
    self.producers = producers
    self.consumers = consumers
  }

  enum Direction { case toProducers, toConsumers }

  /// The nodes that feed a node, or that it feeds, in lists that are shared, not copied.
  func neighbours(_ direction: Direction, of node: Int) -> [[Int]] {
    switch direction {
    case .toProducers: [inputs[node].map { producers[$0] }.filter { $0 >= 0 }]
    case .toConsumers: outputs[node].map { consumers[$0] }
    }
  }
}

/// Breadth-first searches of one graph, which together take a bounded number of steps.
struct BoundedSearch {
  /// What a search does with a node that it meets.
  enum Meeting { case found, passThrough, turnBack }

  private var stamps: [Int32]
  private var generation: Int32 = 0
  private var stepsLeft: Int
  /// One search that goes further than this has lost its way: it finds nothing.
  private let limit: Int
  /// Whether some search was given up.
  private(set) var isExhausted = false

  init(nodes: Int, steps: Int = 4_000_000, limit: Int = 4000) {
    stamps = [Int32](repeating: 0, count: nodes)
    stepsLeft = steps
    self.limit = limit
  }

  /// The nodes found, nearest first, the start itself only if a cycle leads back to it.
  mutating func search(from start: Int, neighbours: (Int) -> [[Int]], meeting: (Int) -> Meeting) -> [Int] {
    guard stepsLeft > 0, generation < .max else {
      isExhausted = true
      return []
    }
    generation += 1
    var found: [Int] = []
    var open = [start]
    var next = 0
    var steps = 0
    defer { stepsLeft -= steps + 1 }
    while next < open.count {
      for list in neighbours(open[next]) {
        for other in list {
          steps += 1
          guard steps <= limit else {
            isExhausted = true
            return []
          }
          guard stamps[other] != generation else { continue }
          stamps[other] = generation
          switch meeting(other) {
          case .found: found.append(other)
          case .passThrough: open.append(other)
          case .turnBack: break
          }
        }
      }
      next += 1
    }
    return found
  }
}
