public import ETCore
public import ETFormats

/// Leads the events of an XNNPACK delegate back to the nodes of its payload and to the model's source.
///
/// XNNPACK optimises the graph before it runs it: an event's place among the events is not its node's place among the nodes.
/// So its passes are replayed (`XNNPACKGraph`), the list of kernels that come out is laid beside the events
/// (`XNNPACKMatcher`), and each kernel's nodes say by their debug handles where it comes from (`XNNPACKSourceGroups`).
public enum XNNPACKKernels {
  /// The kernels that the newest known XNNPACK runs for a payload, in their order.
  ///
  /// - Returns: nil for a graph that takes unreasonably long, as no exporter makes it.
  public static func predict(_ payload: XNNPACKPayload) -> [PredictedKernel]? {
    XNNPACKReplay(payload, XNNPACKTopology(payload), options: [])?.kernels
  }

  /// The nodes behind each event of one call.
  ///
  /// - Parameter eventNames: As recorded, in the order of the trace: `Convolution (NHWC, F32) IGEMM #3`.
  public static func match(eventNames: [String], _ payload: XNNPACKPayload) -> [KernelMatch] {
    var aligner = XNNPACKAligner(payload, handles: nil, graph: nil)
    return aligner.match(eventNames)
  }

  /// The source group of each event of one call. For many calls of one delegate, keep an `XNNPACKAligner`.
  ///
  /// - Parameters:
  ///   - handles: The ETRecord's handles of the call's instruction.
  ///   - graph: The ETRecord's edge graph of the method. With both, handles that were fused away are placed as well.
  public static func align(
    eventNames: [String], payload: XNNPACKPayload, handles: [DebugHandle]?, graph: OperatorGraph?
  ) -> [KernelAlignment] {
    var aligner = XNNPACKAligner(payload, handles: handles, graph: graph)
    return aligner.align(eventNames)
  }
}

/// One operator that XNNPACK makes of a payload, with what it took over.
public struct PredictedKernel: Sendable, Equatable {
  /// The name that its event has, the likeliest of several: `Convolution (NHWC, F32) IGEMM`.
  public let name: String
  /// Of the payload's nodes.
  public let node: Int
  public let absorbed: [Absorbed]
  public let role: Role
  let pattern: XNNPACKNamePattern

  /// The node itself, then what it took over.
  public var nodes: [Int] { [node] + absorbed.map(\.node) }

  /// A node that has no kernel of its own.
  public struct Absorbed: Sendable, Equatable {
    public let node: Int
    public let fate: Fate
  }

  /// Why a kernel stands for its node.
  public enum Role: String, Sendable {
    case node = "the node's own kernel"
    case foldedActivation = "the activation that was folded into the node, which has a kernel of its own"
    case bfloat16Output = "the conversion of the node's result to bfloat16"
    case rewrittenDequantize = "the dequantisation, made a conversion to channelwise int8"
  }

  /// Why a node has no kernel of its own.
  public enum Fate: String, Sendable {
    case paddingFolded = "padding done by the convolution"
    case clampFolded = "clamp done by the operator before it"
    case clampWithoutLimits = "clamp without limits left out"
    case copyFolded = "copy left out"
    case tabulated = "done by the same lookup table"
    case squareFolded = "square done by the mean"
    case reshapesMerged = "two reshapes made one"
    case reshapeWithoutEffect = "reshape without effect left out"
    case transposeFolded = "transpose done by the matrix product"
    case quantizationInlined = "dynamic quantisation done by the matrix product"
  }
}

/// What an event is.
public struct KernelMatch: Sendable, Equatable {
  public enum Status: Sendable, Equatable {
    /// The whole call has the predicted names.
    case exact
    /// The call has other events as well, or lacks some, but this one has one place in every best alignment.
    case aligned
    /// It could be several, and why.
    case ambiguous(String)
    /// It is none, and why.
    case unmatched(String)
  }

  public let status: Status
  /// Of the payload's nodes: the kernel's own, then those that it took over. Empty where there is no match.
  public let nodes: [Int]
  /// Whether the lowering or XNNPACK inserted it: a change of layout, shape or type that the model does not have.
  public let isInserted: Bool
  /// For one that the lowering inserted, the node that it serves.
  public let owner: Int?
  /// What is worth saying; empty for a plain match.
  public let why: String

  public var isMatched: Bool { status == .exact || status == .aligned }
}

/// Where an event comes from.
public struct KernelAlignment: Sendable, Equatable {
  public enum Confidence: Sendable, Equatable { case exact, aligned, ambiguous, unmatched }

  /// The one source group that its time belongs to: for an inserted kernel, its owner's. nil where there is none, and `why`
  /// says why.
  public let primary: DebugHandle?
  /// Other operators whose work its kernel did, sorted.
  public let covered: [DebugHandle]
  public let isInserted: Bool
  public let nodes: [Int]
  public let confidence: Confidence
  /// What is worth saying; empty for a plain match.
  public let why: String
}
