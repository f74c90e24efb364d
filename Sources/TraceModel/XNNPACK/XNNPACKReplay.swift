import ETFormats

/// The kernels of one version of XNNPACK.
struct XNNPACKReplay {
  let kernels: [PredictedKernel]

  /// - Returns: nil for a graph that takes too many steps.
  init?(_ payload: XNNPACKPayload, _ topology: XNNPACKTopology, options: XNNPACKOptions) {
    var graph = XNNPACKGraph(payload, topology, options: options)
    graph.optimize(options)
    guard !graph.isExhausted else { return nil }
    var steps = 5_000_000
    kernels = graph.order.filter { !graph.nodes[$0].isRemoved }.map { index in
      let node = graph.nodes[index]
      let pattern = graph.namePattern(of: node, options)
      return PredictedKernel(
        name: pattern.example, node: node.source, absorbed: graph.flattened(index, steps: &steps), role: node.role,
        pattern: pattern)
    }
    guard steps >= 0 else { return nil }
  }
}
