public import Bytes

/// What XNNPACK's delegate was given: a graph of nodes over values (identifiers `XN00` and `XN01`).
///
/// Field names are the schema's (`backends/xnnpack/serialization/schema.fbs`). Each node carries the debug handle of the
/// operator that it was lowered from, which is how XNNPACK's kernels are led back to source. All ranges are of columns
/// of this payload, but those of constants, which are of the payload's bytes.
public struct XNNPACKPayload: Sendable {
  /// nil in files from before the header, which are one FlatBuffer.
  public internal(set) var header: Header?
  public internal(set) var identifier: Identifier
  /// The schema's version field.
  public internal(set) var version = ""
  /// In the order in which they were lowered. XNNPACK runs what it makes of them in this order, but for its rewrites.
  public internal(set) var nodes: [Node] = []
  public internal(set) var values: [Value] = []
  /// `num_externs`: values that the caller hands in and takes out.
  public internal(set) var externalCount: UInt32 = 0
  /// External ids of the inputs, and of the outputs.
  public internal(set) var inputIDs: [UInt32] = []
  public internal(set) var outputIDs: [UInt32] = []
  /// Entry 0 belongs to no value.
  public internal(set) var constants: [Constant] = []

  /// Ids of values and other numbers: what nodes' ranges lead to.
  public internal(set) var numbers: [UInt32] = []
  /// Parameters of convolutions and poolings.
  public internal(set) var windows: [Window] = []
  public internal(set) var scales: [Float] = []
  public internal(set) var names = FlatIntake.noNames
  var valuesByID: [UInt32: Int] = [:]

  public enum Identifier: String, Sendable { case XN00, XN01 }

  /// Where a node has no such value: a missing bias.
  public static let noID = UInt32.max
  /// The debug handle of nodes that the lowering inserted or made anew.
  public static let noDebugHandle: UInt32 = 65535

  /// `XH00`: bytes from the payload's beginning.
  public struct Header: Sendable, Equatable {
    public let length: UInt16
    public let flatBuffer: Range<Int>
    public let constantData: Range<Int>
  }

  /// `XNodeUnion`'s members by number. One that this version does not know has no inputs and no outputs.
  public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    static let known =
      """
      NONE XNNAdd XNNFullyConnected XNNSoftmax XNNSigmoid XNNStaticTranspose XNNClamp XNNConv2d XNNDiv \
      XNNStaticResizeBilinear2D XNNStaticConstantPad XNNAvgPooling2d XNNMinimum XNNDepthwiseConv2d XNNMaxPooling2d \
      XNNMultiply XNNSubtract XNNFloor XNNConvert XNNGlobalAvgPooling2d XNNStaticReshape XNNArgMaxPooling2d \
      XNNSquareRoot XNNCeiling XNNHardswish XNNLeakyReLU XNNMaximum XNNNegate XNNSquare XNNELU XNNAbs XNNPReLU \
      XNNConcatenate2 XNNConcatenate3 XNNConcatenate4 XNNStaticSlice XNNScaledDotProductAttention \
      XNNBatchMatrixMultiply XNNConcatenate5 XNNConvTranspose2d XNNReciprocalSquareRoot XNNLog XNNGelu XNNTanh XNNExp \
      XNNSin XNNCopy XNNCos
      """.split(separator: " ").map(String.init)

    /// The schema's name.
    public var name: String { isKnown ? Self.known[Int(rawValue)] : "XNode kind \(rawValue)" }
    public var isKnown: Bool { rawValue > 0 && Int(rawValue) < Self.known.count }
    public var description: String { name }
  }

  /// `XNNDatatype` by number.
  public struct Datatype: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int16

    public init(rawValue: Int16) { self.rawValue = rawValue }

    private static let known = [
      "invalid", "fp32", "fp16", "qint8", "quint8", "qint32", "qcint8", "qcint32", "qcint4", "qdint8", "qbint4",
      "qpint8",
      "int32", "pfp32", "bf16",
    ]

    /// The schema's name without its prefix.
    public var description: String {
      Self.known.indices.contains(Int(rawValue)) ? Self.known[Int(rawValue)] : "datatype \(rawValue)"
    }
  }

  public struct Node: Sendable {
    public let kind: Kind
    /// Of the operator that it was lowered from; 0 where unset, `noDebugHandle` where there is none.
    public let debugHandle: UInt32
    /// XNNPACK's flags of the node.
    public let flags: UInt32
    /// Ids of values, a range of `numbers`. Missing ones (`noID`) keep their place.
    public let inputs: Range<Int>
    public let outputs: Range<Int>
    /// Set where a clamp or ReLU was folded in.
    public let outputRange: OutputRange?
    public let parameters: Parameters
  }

  /// `OutputMinMax`.
  public struct OutputRange: Sendable, Equatable {
    public let min: Float
    public let max: Float
  }

  /// What a node's kind adds. Ranges are of `numbers`.
  public enum Parameters: Sendable, Equatable {
    case none
    /// Convolutions and poolings: an index into `windows`.
    case window(Int)
    case transpose(permutation: Range<Int>)
    case reshape(shape: Range<Int>)
    case slice(offsets: Range<Int>, sizes: Range<Int>)
    case pad(before: Range<Int>, after: Range<Int>, value: Float)
    case resize(height: UInt32, width: UInt32)
    case concatenate(axis: UInt32)
    /// ELU's alpha, LeakyReLU's negative slope.
    case slope(Float)
  }

  /// Heights and widths of a convolution or a pooling.
  public struct Window: Sendable, Equatable {
    public internal(set) var paddingTop: UInt32 = 0
    public internal(set) var paddingRight: UInt32 = 0
    public internal(set) var paddingBottom: UInt32 = 0
    public internal(set) var paddingLeft: UInt32 = 0
    public internal(set) var height: UInt32 = 0
    public internal(set) var width: UInt32 = 0
    /// Subsampling of a convolution, stride of a pooling.
    public internal(set) var strideHeight: UInt32 = 0
    public internal(set) var strideWidth: UInt32 = 0
    public internal(set) var dilationHeight: UInt32 = 0
    public internal(set) var dilationWidth: UInt32 = 0
    /// Of convolutions alone.
    public internal(set) var groupInputChannels: UInt32 = 0
    public internal(set) var groupOutputChannels: UInt32 = 0
    public internal(set) var groups: UInt32 = 0
    public internal(set) var adjustmentHeight: UInt32 = 0
    public internal(set) var adjustmentWidth: UInt32 = 0
  }

  public struct Value: Sendable {
    /// `id_out`, by which nodes name it.
    public let id: UInt32
    public let datatype: Datatype
    /// The type that it is quantized to at run time; `invalid` where it is not.
    public let dynamicDatatype: Datatype
    /// A range of `numbers`. As XNNPACK sees it: around convolutions and poolings NHWC.
    public let dims: Range<Int>
    /// Of `constants`; 0 where it is none.
    public let constantBufferIndex: Int
    /// The place among the DelegateCall's arguments; `noID` where it is none of them.
    public let externalID: UInt32
    public let flags: UInt32
    public let quantization: Quantization

    public var isExternalInput: Bool { flags & 1 != 0 }
    public var isExternalOutput: Bool { flags & 2 != 0 }
  }

  public enum Quantization: Sendable, Equatable {
    case none
    case perTensor(scale: Float, zeroPoint: Int32)
    case perToken(nonBatchDims: Int32)
    case perChannel(PerChannel)
    /// A kind that this version does not know.
    case other(UInt8)
  }

  public struct PerChannel: Sendable, Equatable {
    /// Of the payload's `scales`; empty where they are a constant.
    public let scales: Range<Int>
    public let channelDim: Int32
    /// nil where every channel is one group.
    public let groupSize: Int32?
    /// Of `constants`; 0 where the scales are in the graph.
    public let scaleBufferIndex: Int
    public let scaleCount: UInt32
  }

  public enum Constant: Sendable, Equatable {
    /// Of the payload's bytes.
    case bytes(Range<Int>)
    /// The program's named data with this key, a number in `names`.
    case named(Int32)
  }

  // MARK: Looking up

  /// The value that nodes name by this id.
  public func value(id: UInt32) -> Value? { valuesByID[id].map { values[$0] } }

  /// Ids of the values that a node reads.
  public func inputs(of node: Node) -> ArraySlice<UInt32> { numbers[node.inputs] }

  /// Ids of the values that a node writes.
  public func outputs(of node: Node) -> ArraySlice<UInt32> { numbers[node.outputs] }

  public func dims(of value: Value) -> ArraySlice<UInt32> { numbers[value.dims] }

  public func window(of node: Node) -> Window? {
    guard case .window(let index) = node.parameters else { return nil }
    return windows[index]
  }
}
