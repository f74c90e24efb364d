import ETCore

/// The part of a method's edge graph that one delegate runs: the operators whose handles are in its call's list.
struct EdgeGraph {
  /// Handles of operators that have a node in the payload. Searches end at them.
  var anchors: Set<DebugHandle> = []
  /// The delegate's operators in the graph's order, with their index.
  private(set) var members: [(index: Int, operation: Operation)] = []

  private let handles: [DebugHandle?]
  private let isInside: [Bool]
  private let producers: [[Int]]
  private let users: [[Int]]
  private var bounded: BoundedSearch

  struct Operation {
    var handle: DebugHandle
    var isBatchNorm: Bool
    var isDequantization: Bool
    var isQuantization: Bool
    /// `choose_qparams`.
    var choosesParameters: Bool
    /// Whether it does anything but to quantise.
    var isComputation: Bool { !isDequantization && !isQuantization && !choosesParameters }

    init(_ handle: DebugHandle, _ target: String) {
      self.handle = handle
      isBatchNorm = target.contains("batch_norm")
      isDequantization = target.contains("dequantize")
      isQuantization = target.contains("quantize") && !isDequantization
      choosesParameters = target.contains("choose_qparams")
    }
  }

  init(_ graph: OperatorGraph, _ list: [DebugHandle]) {
    var inside = Set(list)
    inside.remove(.unset)
    var makers: [String: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs { makers[output] = index }
    }
    var producers: [[Int]] = []
    var users = [[Int]](repeating: [], count: graph.nodes.count)
    producers.reserveCapacity(graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      let made = node.inputs.compactMap { makers[$0] }
      for producer in made { users[producer].append(index) }
      producers.append(made)
      if let handle = node.debugHandle, inside.contains(handle) {
        members.append((index, Operation(handle, node.target)))
      }
    }
    handles = graph.nodes.map(\.debugHandle)
    isInside = graph.nodes.map { $0.debugHandle.map { inside.contains($0) } ?? false }
    self.producers = producers
    self.users = users
    bounded = BoundedSearch(nodes: graph.nodes.count)
  }

  var isExhausted: Bool { bounded.isExhausted }

  /// Whether some operator of the delegate makes one of its inputs.
  func hasProducerInside(_ index: Int) -> Bool { producers[index].contains { isInside[$0] } }

  /// The nearest handles of `anchors` before an operator, its own aside, through operators of the same delegate.
  mutating func anchorsBefore(_ index: Int) -> [DebugHandle] { anchors(of: index, producers) }

  mutating func anchorsAfter(_ index: Int) -> [DebugHandle] { anchors(of: index, users) }

  private mutating func anchors(of index: Int, _ neighbours: [[Int]]) -> [DebugHandle] {
    let (anchors, handles, isInside) = (anchors, handles, isInside)
    let own = handles[index]
    return bounded.search(
      from: index, neighbours: { [neighbours[$0]] },
      meeting: { node in
        guard let handle = handles[node] else { return .turnBack }
        if handle != own && anchors.contains(handle) { return .found }
        return isInside[node] ? .passThrough : .turnBack
      }
    ).compactMap { handles[$0] }
  }
}
