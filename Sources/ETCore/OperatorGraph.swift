/// The operators of one exported method, in the order in which they run.
public struct OperatorGraph: Sendable {
  public var nodes: [Node]

  public init(nodes: [Node] = []) { self.nodes = nodes }

  /// One call of an operator.
  public struct Node: Sendable, Equatable {
    /// Unique in its graph: `aten_convolution_default_1`.
    public var name: String
    /// The exporter's full name of the operator: `executorch.exir.dialects.edge.ops.aten.convolution.default`.
    public var target: String
    /// `.unset` where the node has none.
    public var debugHandle: DebugHandle?
    /// The model's Python lines, outermost call first; nil where they were not recorded.
    public var stackTrace: String?
    /// The modules that enclose the call, outermost first.
    public var modules: [Module]
    /// Names of the tensors read and made.
    public var inputs: [String]
    public var outputs: [String]
    /// 0 in the method's own graph, more in the branches and bodies of its control flow.
    public var depth: Int

    public init(
      name: String, target: String, debugHandle: DebugHandle? = nil, stackTrace: String? = nil, modules: [Module] = [],
      inputs: [String] = [], outputs: [String] = [], depth: Int = 0
    ) {
      self.name = name
      self.target = target
      self.debugHandle = debugHandle
      self.stackTrace = stackTrace
      self.modules = modules
      self.inputs = inputs
      self.outputs = outputs
      self.depth = depth
    }

    /// The operator as Python names it: `aten.convolution.default`, `executorch_call_delegate`, `add`.
    public var op: String {
      for prefix in ["executorch.exir.dialects.edge.ops.", "executorch.exir.dialects.backend.ops."]
      where target.hasPrefix(prefix) {
        return String(target.dropFirst(prefix.count))
      }
      let utf8 = target.utf8
      let dots = utf8.indices.filter { utf8[$0] == UInt8(ascii: ".") }
      // An operator of PyTorch itself goes without its namespace there: torch.ops.aten.add.Tensor is add.Tensor.
      if dots.count == 4, target.hasPrefix("torch.ops.") { return String(target[utf8.index(after: dots[2])...]) }
      return dots.last.map { String(target[utf8.index(after: $0)...]) } ?? target
    }
  }

  /// A module that was being called: one step of `nn_module_stack`.
  public struct Module: Sendable, Equatable {
    /// Unique for the call: `L__self___blocks.0.norm`.
    public var key: String
    /// The attribute path from the model: `blocks.0.norm`; empty for the model itself.
    public var path: String
    /// The class: `torch.nn.modules.normalization.LayerNorm`.
    public var type: String

    public init(key: String, path: String, type: String) {
      self.key = key
      self.path = path
      self.type = type
    }
  }
}
