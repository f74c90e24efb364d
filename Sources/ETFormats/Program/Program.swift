public import Bytes
public import ETCore

/// A program (`.pte`): methods as chains of instructions over values, and the data that they need.
///
/// Field names are the schema's (`program.fbs`, identifier `ET12`). The structure is copied out of the file while it is
/// checked: every index into another list is in range, every byte range lies in the file. Constants, delegates' data
/// and segments stay where they are, as ranges of `contents`.
public struct Program: Sendable {
  /// The owner of the bytes that all ranges are of.
  public let contents: FileContents
  /// Where the program lies in `contents`: everywhere, or inside a bundled program.
  public let place: Range<Int>
  /// nil in files from before segments, which are one FlatBuffer from end to end.
  public internal(set) var header: ExtendedHeader?
  /// The schema's version field; 0 in every file that exists.
  public internal(set) var version: UInt32 = 0
  /// The methods.
  public internal(set) var executionPlans: [ExecutionPlan] = []
  /// Pieces of data behind the FlatBuffer.
  public internal(set) var segments: [Range<Int>] = []
  /// Delegates' data inside the FlatBuffer.
  public internal(set) var backendDelegateData: [Range<Int>] = []
  /// Constants inside the FlatBuffer, as files from before September 2024 have them. Entry 0 belongs to no tensor.
  public internal(set) var constantBuffer: [Range<Int>] = []
  /// Where constants begin in their segment, by `Tensor.dataBufferIndex`. Entry 0 belongs to no tensor.
  public internal(set) var constantSegment: SubsegmentOffsets?
  /// Where the initial states of mutable tensors begin.
  public internal(set) var mutableDataSegments: [SubsegmentOffsets] = []
  /// Blobs that delegates look up by name: XNNPACK's weights.
  public internal(set) var namedData: [NamedData] = []
  /// The first of `namedData` with each key.
  var namedDataByKey: [Int32: Int] = [:]
  /// Every name in the program: `Operator.name` and the like are numbers in it.
  public internal(set) var names = FlatIntake.noNames

  init(contents: FileContents, place: Range<Int>) {
    self.contents = contents
    self.place = place
  }

  /// What stands behind the file identifier of a program with segments.
  public struct ExtendedHeader: Sendable, Equatable {
    /// Bytes of the header; 24 in files from before ExecuTorch 1.0, which do not say how long their segments are.
    public let length: UInt32
    /// Bytes of the FlatBuffer, this header included.
    public let programSize: Int
    /// Where the segments begin, in bytes from the program's; 0 where there are none.
    public let segmentBaseOffset: Int
    /// Bytes of all segments; 0 in older files.
    public let segmentDataSize: Int
  }

  /// Places in a segment.
  public struct SubsegmentOffsets: Sendable, Equatable {
    /// nil where there are no data, which some writers state with an index that leads nowhere.
    public let segment: Int?
    /// Bytes from the segment's beginning, each in the segment.
    public let offsets: [Int]
  }

  public struct NamedData: Sendable, Equatable {
    public let key: Int32
    /// Of `segments`. Several keys may share one.
    public let segment: Int
  }

  // MARK: Looking up

  public var methodNames: [String] { executionPlans.map(\.name) }

  public func method(named name: String) -> ExecutionPlan? {
    executionPlans.first { $0.name == name }
  }

  /// A name, or the empty string where it is absent.
  public func text(_ name: Int32) -> String { name < 0 ? "" : names[name] }

  /// The blob with this key.
  public func data(named key: String) -> Range<Int>? {
    guard let name = names.find(key), let index = namedDataByKey[name] else { return nil }
    return segments[namedData[index].segment]
  }

  /// Bytes of a range of this program's. Valid while `contents` lives.
  public func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { contents.bytes(in: range) }
}

extension Program {
  public struct Operator: Sendable, Equatable {
    public let name: Int32
    /// The empty name or none where there is no overload.
    public let overload: Int32
    /// Name and overload as in the registry: `aten::add.out`.
    public let qualifiedName: Int32
  }

  /// A part of a method that a backend runs.
  public struct Delegate: Sendable, Equatable {
    public enum Location: Sendable { case inline, segment }

    /// The backend's name.
    public let id: Int32
    public let location: Location
    /// Of `backendDelegateData` or `segments`.
    public let index: Int
    /// What the backend made ahead of time. Delegates with equal data may share a range.
    public let data: Range<Int>
    public let compileSpecs: [CompileSpec]
  }

  public struct CompileSpec: Sendable, Equatable {
    public let key: Int32
    public let value: Range<Int>
  }

  /// A line of the source that an instruction comes from. Only in programs exported with `emit_stacktrace`.
  public struct Frame: Sendable, Equatable {
    public let filename: Int32
    public let line: Int32
    public let name: Int32
    public let context: Int32
  }

  public enum DeviceType: Sendable, Equatable {
    case cpu, cuda
    case other(Int8)

    init(number: Int8) {
      self =
        switch number {
        case 0: .cpu
        case 1: .cuda
        default: .other(number)
        }
    }
  }

  /// The device that a planned buffer lies on.
  public struct BufferDevice: Sendable, Equatable {
    /// Of `nonConstBufferSizes`.
    public let buffer: Int
    public let deviceType: DeviceType
    public let deviceIndex: Int8
  }

  /// One step of a chain.
  public enum Instruction: Sendable, Equatable {
    /// `args` is a range of the plan's `valueIndices`.
    case kernelCall(operator: Int, args: Range<Int>)
    case delegateCall(delegate: Int, args: Range<Int>)
    case moveCall(from: Int, to: Int)
    /// The destination may be the chain's end.
    case jumpFalseCall(condition: Int, destination: Int)
    case freeCall(value: Int)
  }

  public struct Chain: Sendable, Equatable {
    /// Ranges of the plan's `valueIndices`.
    public let inputs: Range<Int>
    public let outputs: Range<Int>
    /// Of the plan's `instructions`.
    public let instructions: Range<Int>
    /// Ranges of the plan's `frames`, one for each instruction; empty where the program has none.
    public let stacktraces: [Range<Int>]
  }

  /// A value of a method. Ranges are of the plan's columns.
  public enum EValue: Sendable, Equatable {
    case null
    case int(Int64)
    case bool(Bool)
    case double(Double)
    /// An index into `tensors`.
    case tensor(Int)
    /// A number among the names.
    case string(Int32)
    /// Of `valueIndices`: the integers are values themselves.
    case intList(Range<Int>)
    /// Of `doubles`.
    case doubleList(Range<Int>)
    /// Of `bools`.
    case boolList(Range<Int>)
    /// Of `valueIndices`, each a tensor.
    case tensorList(Range<Int>)
    /// Of `valueIndices`, each a tensor or null, or −1 for none.
    case optionalTensorList(Range<Int>)
  }

  public struct Tensor: Sendable, Equatable {
    public enum ShapeDynamism: Int8, Sendable { case isStatic, dynamicBound, dynamicUnbound }
    public enum Location: Int8, Sendable { case segment, external }

    /// Where the elements come from, as the runtime decides it.
    public enum Storage: Sendable {
      /// Bytes of the file, never written.
      case constant
      /// Planned memory that begins as bytes of the file.
      case initialised
      /// Planned memory.
      case planned
      /// Given by the caller or while the method runs.
      case provided
      /// A blob outside the file, by fully qualified name.
      case external
    }

    public let scalarType: ScalarType
    public let shapeDynamism: ShapeDynamism
    public let requiresGrad: Bool
    public let layout: Int8
    /// Of the plan's `sizes` and `dimOrders` alike. Sizes are upper bounds where the shape is dynamic.
    public let dimensions: Range<Int>
    public let dataBufferIndex: UInt32
    public let allocation: AllocationDetails?
    /// Bytes of all elements.
    public let byteCount: Int
    /// The constant's bytes or the initial state, `byteCount` long.
    public let data: Range<Int>?
    public let location: Location
    /// A parameter's name, where the exporter kept it.
    public let fullyQualifiedName: Int32
    public let deviceType: DeviceType
    public let deviceIndex: Int8

    public var rank: Int { dimensions.count }

    public var storage: Storage {
      if location == .external { return .external }
      if data != nil { return allocation == nil ? .constant : .initialised }
      return allocation == nil ? .provided : .planned
    }
  }

  public struct AllocationDetails: Sendable, Equatable {
    /// Which of the plan's `nonConstBufferSizes`: at least 1.
    public let memoryID: Int
    /// Bytes from the buffer's beginning; the tensor ends inside the buffer.
    public let offset: Int
  }

  /// What a value is to its method.
  public struct ValueRole: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let input = ValueRole(rawValue: 1)
    public static let output = ValueRole(rawValue: 2)
    /// A tensor that is never written.
    public static let constant = ValueRole(rawValue: 4)
    /// A tensor that the program keeps from one execution to the next: one with an initial state, or a named buffer.
    public static let mutable = ValueRole(rawValue: 8)
  }
}
