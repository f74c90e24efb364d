import ETCore
import ETFormats

/// For each node of a payload the operators of the model that it stands for.
///
/// Stages: a node's own debug handle; handles that were lost when an operator was rewritten, found by their neighbours in
/// the edge graph; handles that no node carries, given to the nodes that do their work; owners of what was inserted.
struct XNNPACKSourceGroups {
  /// By node.
  private(set) var groups: [Group]
  /// Handles of the call that no node could be given.
  private(set) var unplaced: [DebugHandle] = []

  struct Group {
    /// The operator that the node was lowered from.
    var primary: DebugHandle?
    /// Operators that were fused into it.
    var covered: [DebugHandle] = []
    /// Whether the lowering inserted it: it moves data, and no operator asked for it.
    var isInserted = false
    /// The node that an inserted one serves.
    var owner: Int?
    var why = ""
  }

  /// - Parameters:
  ///   - handles: Of the delegate's call, as the ETRecord lists them.
  ///   - graph: The edge graph of the method. Without both, each node has its own handle and no other.
  init(_ payload: XNNPACKPayload, _ topology: XNNPACKTopology, handles: [DebugHandle]?, graph: OperatorGraph?) {
    groups = payload.nodes.map { node in
      let isLost = node.debugHandle == 0 || node.debugHandle == XNNPACKPayload.noDebugHandle
      return Group(
        primary: isLost ? nil : DebugHandle(Int(node.debugHandle)), isInserted: isLost && node.kind.movesData)
    }
    var builder = Builder(payload: payload, topology: topology, groups: groups)
    builder.findSplitConcatenations()
    if let handles, let graph {
      var edge = EdgeGraph(graph, handles)
      builder.recoverLostHandles(&edge)
      builder.placeFusedHandles(&edge)
    }
    builder.explainLostHandles(hasGraph: handles != nil && graph != nil)
    builder.findOwners()
    groups = builder.groups
    unplaced = builder.unplaced
  }

  fileprivate struct Builder {
    let payload: XNNPACKPayload
    let topology: XNNPACKTopology
    var groups: [Group]
    var unplaced: [DebugHandle] = []
    var candidates: [Int: Int] = [:]
    var search: BoundedSearch

    init(payload: XNNPACKPayload, topology: XNNPACKTopology, groups: [Group]) {
      self.payload = payload
      self.topology = topology
      self.groups = groups
      search = BoundedSearch(nodes: groups.count)
    }

    /// The nearest nodes with a handle.
    mutating func nearest(_ direction: XNNPACKTopology.Direction, of node: Int) -> [Int] {
      let (topology, groups) = (topology, groups)
      return search.search(
        from: node, neighbours: { topology.neighbours(direction, of: $0) },
        meeting: { groups[$0].primary == nil ? .passThrough : .found })
    }

    // MARK: Lost handles

    /// A concatenation of many tensors is split, and its first part keeps the handle.
    mutating func findSplitConcatenations() {
      for node in groups.indices where groups[node].primary == nil && payload.nodes[node].kind.isConcatenation {
        guard let input = topology.inputs[node].first, topology.producers[input] >= 0 else { continue }
        let producer = topology.producers[input]
        guard producer != node, payload.nodes[producer].kind.isConcatenation, let handle = groups[producer].primary
        else {
          continue
        }
        groups[node].primary = handle
        groups[node].why = "a later part of a concatenation that was split"
      }
    }

    /// An operator that was rewritten, as a batch norm that became a convolution, lost its handle. The call's list still has
    /// it: it is the one whose neighbours in the edge graph are the node's neighbours in the payload.
    mutating func recoverLostHandles(_ edge: inout EdgeGraph) {
      edge.anchors = Set(groups.compactMap(\.primary))
      var open = edge.members.filter { !edge.anchors.contains($0.operation.handle) }
      var comparisons = 2_000_000
      for node in groups.indices where groups[node].primary == nil && !groups[node].isInserted {
        comparisons -= open.count
        guard comparisons >= 0, !edge.isExhausted, !search.isExhausted else { return }
        let before = Set(nearest(.toProducers, of: node).compactMap { groups[$0].primary })
        let after = Set(nearest(.toConsumers, of: node).compactMap { groups[$0].primary })
        let isDepthwise = payload.nodes[node].kind.rawValue == 13
        var found: Set<DebugHandle> = []
        for (index, operation) in open {
          if isDepthwise && !operation.isBatchNorm { continue }
          if found.contains(operation.handle) { continue }
          if !before.isEmpty && before.isDisjoint(with: edge.anchorsBefore(index)) { continue }
          if !after.isEmpty && after.isDisjoint(with: edge.anchorsAfter(index)) { continue }
          found.insert(operation.handle)
        }
        candidates[node] = found.count
        guard found.count == 1, let handle = found.first, !edge.isExhausted else { continue }
        groups[node].primary = handle
        groups[node].why = "the handle was lost when the operator was rewritten, and found again by its neighbours"
        edge.anchors.insert(handle)
        open.removeAll { $0.operation.handle == handle }
      }
    }

    mutating func explainLostHandles(hasGraph: Bool) {
      for node in groups.indices where groups[node].primary == nil && !groups[node].isInserted {
        let reason =
          if !hasGraph { "an ETRecord may find it" } else {
            switch candidates[node] {
            case nil: "the graph is too large to look for it"
            case 0?: "no operator of the record has its neighbours"
            case let count?: "\(count) operators of the record have its neighbours"
            }
          }
        groups[node].why = "the handle was lost when the operator was rewritten; \(reason)"
      }
    }

    // MARK: Fused handles

    /// Gives handles that no node carries to the nodes that do their work: dequantisations and what belongs to weights to
    /// the next operators, all others to those before them.
    mutating func placeFusedHandles(_ edge: inout EdgeGraph) {
      edge.anchors = Set(groups.compactMap(\.primary))
      // Where a handle has several nodes, the first that computes stands for it.
      var places: [DebugHandle: Int] = [:]
      var computes: [DebugHandle: Bool] = [:]
      var converts: [DebugHandle: Bool] = [:]
      for node in groups.indices {
        guard let handle = groups[node].primary else { continue }
        let kind = payload.nodes[node].kind
        if places[handle] == nil || (computes[handle] == false && !kind.movesData) { places[handle] = node }
        computes[handle] = computes[handle] == true || !kind.movesData
        converts[handle] = converts[handle] != false && kind.isConversion
      }
      var targets: [DebugHandle: Set<DebugHandle>] = [:]
      for (index, operation) in edge.members where !edge.anchors.contains(operation.handle) {
        var found: [DebugHandle]
        if operation.isDequantization || operation.choosesParameters || !edge.hasProducerInside(index) {
          found = edge.anchorsAfter(index)
          if found.isEmpty { found = edge.anchorsBefore(index) }
        } else {
          found = edge.anchorsBefore(index)
          if found.isEmpty { found = edge.anchorsAfter(index) }
        }
        targets[operation.handle, default: []].formUnion(found)
      }
      for (handle, found) in targets {
        if found.isEmpty { unplaced.append(handle) }
        for target in found { cover(handle, places[target]) }
      }
      unplaced.sort()
      // ReLU, its quantisation and the dequantisation behind it share a handle. Where the only kernels of a handle convert,
      // what else it names ran inside the kernel before.
      for (index, operation) in edge.members where converts[operation.handle] == true && operation.isComputation {
        for target in edge.anchorsBefore(index) where target != operation.handle && computes[target] == true {
          cover(operation.handle, places[target])
        }
      }
      for node in groups.indices where groups[node].covered.count > 1 {
        groups[node].covered = Set(groups[node].covered).sorted()
      }
    }

    private mutating func cover(_ handle: DebugHandle, _ node: Int?) {
      guard let node, groups[node].primary != handle else { return }
      groups[node].covered.append(handle)
    }

    // MARK: Owners

    /// What was inserted serves one node: a change to channels-last, a reshape to a higher rank and a quantisation the
    /// nearest one behind, all others the nearest one before.
    mutating func findOwners() {
      for node in groups.indices where groups[node].isInserted {
        let kind = payload.nodes[node].kind
        let (input, output) = (topology.inputs[node].first, topology.outputs[node].first)
        let servesConsumer =
          switch payload.nodes[node].parameters {
          case .transpose(let permutation): payload.numbers[permutation].elementsEqual([0, 2, 3, 1])
          case .reshape: (rank(output) ?? 0) > (rank(input) ?? 0)
          default: kind.isConversion && output.map { payload.values[$0].datatype != .fp32 } ?? false
          }
        let (first, second): (XNNPACKTopology.Direction, XNNPACKTopology.Direction) =
          servesConsumer ? (.toConsumers, .toProducers) : (.toProducers, .toConsumers)
        let nearer = nearest(first, of: node).first
        let owner = nearer ?? nearest(second, of: node).first
        groups[node].owner = owner
        let what = kind.isConversion ? "type" : kind.rawValue == 5 ? "layout" : kind.rawValue == 20 ? "shape" : "place"
        let isBefore = (nearer != nil) == servesConsumer
        let whose = owner.map { " \(isBefore ? "before" : "behind") \(payload.nodes[$0].kind)" } ?? ""
        groups[node].why = "change of \(what)\(whose), inserted when the model was lowered"
      }
    }

    private func rank(_ value: Int?) -> Int? { value.map { payload.values[$0].dims.count } }
  }
}

extension XNNPACKPayload.Kind {
  /// Convert.
  var isConversion: Bool { rawValue == 18 }

  var isConcatenation: Bool { (32...34).contains(rawValue) || rawValue == 38 }

  /// Transpose, reshape, convert, copy: what the lowering inserts.
  var movesData: Bool { rawValue == 5 || rawValue == 20 || rawValue == 46 || isConversion }

  /// How little a node says about its kernel, compared with the others that the kernel stands for.
  var sourceRank: Int { isConversion ? 2 : movesData || rawValue == 6 ? 1 : 0 }
}
