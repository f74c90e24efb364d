import ETFormats

/// A payload's graph as XNNPACK holds it while it is optimised: who reads what, without any data.
///
/// A symbolic stand-in for `xnn_subgraph` (`src/subgraph.c`). Nodes keep their index for good; `order` is the order in
/// which they would run. Every pass counts its steps: a graph that takes too many is given up, not waited for.
struct XNNPACKGraph {
  /// By runtime id: the caller's values first, then the others as the payload lists them.
  var values: [Value] = []
  var nodes: [Node] = []
  var order: [Int] = []
  /// Nodes and values that the passes may still look at.
  var stepsLeft = 30_000_000
  /// Readers of each value, made when a pass first asks for them. Some may have stopped reading it.
  var consumers: [[Int]]?

  var isExhausted: Bool { stepsLeft < 0 }

  struct Value {
    var datatype: XNNPACKPayload.Datatype
    var dims: [UInt32]
    var isExternalInput = false
    var isExternalOutput = false
    /// A constant of the payload.
    var isStatic = false
    var zeroPoint: Int32 = 0
    var scale: Float = 0
    /// Whether the shape is known before the runtime gets its inputs.
    var hasStaticShape = false
    /// False once nothing reads it and its producer is gone.
    var isAlive = true
    /// Nodes, or −1.
    var producer = -1
    var firstConsumer = -1
    /// Nodes that read it, and one more if the caller does.
    var consumerCount = 0

    /// Whether it has one element.
    var isScalar: Bool { dims.allSatisfy { $0 == 1 } }

    /// A new value of this type and shape, which neither the caller nor a constant knows.
    var successor: Value { Value(datatype: datatype, dims: dims, zeroPoint: zeroPoint) }
  }

  struct Node {
    var operation: Operation
    var inputs: [Int]
    var outputs: [Int]
    /// The payload's node.
    var source: Int
    var role = PredictedKernel.Role.node
    var flags: UInt32 = 0
    var range = Limits.none
    /// A permutation, or a shape.
    var numbers: [UInt32] = []
    var padding: Padding?
    var window: XNNPACKPayload.Window?
    /// What runs inside its kernel too.
    var absorbed: [Absorbed] = []
    /// Whether it quantises its first input itself.
    var quantizesInput = false
    var isRemoved = false
    /// In `order`.
    var position = 0
  }

  /// What a kernel took over: a node of the graph with all that it had taken over itself, or one of the payload alone.
  struct Absorbed {
    var node: Int
    var isSource: Bool
    var fate: PredictedKernel.Fate
  }

  struct Padding {
    var before: [UInt32]
    var after: [UInt32]
    var value: Float
  }

  struct Limits: Equatable {
    var min: Float
    var max: Float

    static let none = Limits(min: -.infinity, max: .infinity)
    /// Of a constant whose bytes are not at hand.
    static let unknown = Limits(min: -1e30, max: 1e30)
  }

  enum Operation: Hashable {
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    /// Several unary functions on 8-bit values, made into one table.
    case lookupTable
    /// A conversion that is no elementwise function: dynamic quantisation, or int8 to channelwise int8.
    case convert
    case fullyConnected, batchMatrixMultiply
    case convolution, depthwiseConvolution, deconvolution
    case mean, meanSquared, averagePooling, maxPooling, argMaxPooling
    case softmax, transpose, resize, pad, reshape, slice, concatenate, copy
    /// Of a kind that this version does not know, or without the values that its kind needs.
    case other

    /// Whether XNNPACK can give the operator's own kernel the limits of a clamp behind it.
    var takesClamp: Bool {
      switch self {
      case .averagePooling, .convolution, .deconvolution, .depthwiseConvolution, .fullyConnected, .maxPooling,
        .unary(.clamp):
        true
      default: false
      }
    }

    var isUnary: Bool {
      switch self {
      case .unary, .lookupTable: true
      default: false
      }
    }
  }

  /// Raw values are XNNPACK's names of the operators (`src/xnnpack/operator-type-defs.inc`).
  enum UnaryFunction: String {
    case sigmoid = "Sigmoid"
    case clamp = "Clamp"
    case floor = "Floor"
    case squareRoot = "Square Root"
    case ceiling = "Ceiling"
    case hardSwish = "HardSwish"
    case leakyReLU = "LeakyReLU"
    case negate = "Negate"
    case square = "Square"
    case elu = "ELU"
    case abs = "Abs"
    case reciprocalSquareRoot = "Reciprocal Square Root"
    case log = "Log"
    case gelu = "GELU"
    case tanh = "TanH"
    case exp = "Exp"
    case sine = "Sine"
    case cosine = "Cosine"
    case convert = "Convert"
  }

  enum BinaryFunction: String {
    case add = "Add"
    case divide = "Divide"
    case minimum = "Minimum"
    case multiply = "Multiply"
    case subtract = "Subtract"
    case maximum = "Maximum"
    case prelu = "PReLU"
  }

  // MARK: Changing

  mutating func addValue(_ value: Value) -> Int {
    values.append(value)
    return values.count - 1
  }

  /// Takes a node out, its work done by another or not at all.
  mutating func remove(_ node: Int, _ fate: PredictedKernel.Fate? = nil, into other: Int = -1) {
    if let fate, other >= 0, other != node {
      nodes[other].absorbed.append(Absorbed(node: node, isSource: false, fate: fate))
    }
    nodes[node].isRemoved = true
  }

  /// Notes that a node's kernel does the work of a payload's node, which may be done elsewhere too.
  mutating func absorb(_ source: Int, _ fate: PredictedKernel.Fate, into node: Int) {
    nodes[node].absorbed.append(Absorbed(node: source, isSource: true, fate: fate))
  }

  mutating func setInput(_ slot: Int, of node: Int, to value: Int) {
    nodes[node].inputs[slot] = value
    consumers?[value].append(node)
  }

  /// What a node took over, each of the payload's nodes once and without the node's own.
  func flattened(_ node: Int, steps: inout Int) -> [PredictedKernel.Absorbed] {
    var seen: Set<Int> = [nodes[node].source]
    var result: [PredictedKernel.Absorbed] = []
    var open = Array(nodes[node].absorbed.reversed())
    while let next = open.popLast() {
      steps -= 1
      if steps < 0 { break }
      let source = next.isSource ? next.node : nodes[next.node].source
      if seen.insert(source).inserted { result.append(.init(node: source, fate: next.fate)) }
      if !next.isSource { open += nodes[next.node].absorbed.reversed() }
    }
    return result
  }
}

extension XNNPACKPayload.Datatype {
  static let fp32 = Self(rawValue: 1)
  static let fp16 = Self(rawValue: 2)
  static let qint8 = Self(rawValue: 3)
  static let quint8 = Self(rawValue: 4)
  static let qint32 = Self(rawValue: 5)
  static let qcint8 = Self(rawValue: 6)
  static let qcint32 = Self(rawValue: 7)
  static let qcint4 = Self(rawValue: 8)
  static let qdint8 = Self(rawValue: 9)
  static let qbint4 = Self(rawValue: 10)
  static let qpint8 = Self(rawValue: 11)
  static let int32 = Self(rawValue: 12)
  static let pfp32 = Self(rawValue: 13)
  static let bf16 = Self(rawValue: 14)

  /// Bits of an element; 0 where the type is not known.
  var bits: Int {
    switch self {
    case .fp32, .qint32, .qcint32, .int32, .pfp32: 32
    case .fp16, .bf16: 16
    case .qint8, .quint8, .qcint8, .qdint8, .qpint8: 8
    case .qcint4, .qbint4: 4
    default: 0
    }
  }
}
