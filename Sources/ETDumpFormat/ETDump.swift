public import Bytes
public import ETCore

/// An ETDump: the runs that a device recorded and their events, in the order in which they ended.
///
/// Field names are the schema's (`etdump_schema_flatcc.fbs`, identifier `ED00`). Everything is copied out of the file
/// but the tensors, which lie in the debug buffer.
public struct ETDump: Sendable {
  /// The schema's version field; 0 in every file that exists.
  public var version: UInt32 = 0
  public var runs: [RunData] = []
  /// All events of all runs: `runs[i].events` is a range of these.
  public var events: [Event] = []
  /// Names, delegate ids and allocators' names: `Event.name` and the like are numbers in it.
  public var names = NamePool()
  /// Delegate metadata of all events, one after the other.
  public var metadata: [UInt8] = []
  public var debugValues: [DebugValue] = []
  public var tensors: [Tensor] = []
  /// Sizes and strides of all tensors, one after the other.
  public var dimensions: [Int64] = []
  /// How the file was framed, and what lies behind it.
  public var container = Container()

  public init() {}

  /// One execution: what happened between the creation of one event block and the next.
  public struct RunData: Sendable, Equatable {
    /// A number in `names`, or `Event.none`.
    public var name: Int32
    public var bundledInputIndex: Int32
    /// Names of the allocators; an allocation event's id counts from 1 into them.
    public var allocators: [Int32]
    /// nil where the run has no `events` field at all, which the reference skips.
    public var events: Range<Int>?

    public init(name: Int32, bundledInputIndex: Int32 = -1, allocators: [Int32] = [], events: Range<Int>?) {
      self.name = name
      self.bundledInputIndex = bundledInputIndex
      self.allocators = allocators
      self.events = events
    }
  }

  /// One event of any kind, 48 bytes.
  public struct Event: Sendable, Equatable {
    public enum Kind: UInt8, Sendable { case profile, allocation, debug, empty }

    /// Where a name, a delegate id string, a metadata vector or a value is absent.
    public static let none: Int32 = -1

    public var kind: Kind
    public var name = Event.none
    public var chainIndex: Int32 = 0
    public var instructionID: Int32 = -1
    public var delegateDebugIDInt: Int32 = -1
    public var delegateDebugIDString = Event.none
    /// Profile: an index into the metadata ranges. Debug: an index into `debugValues`. Allocation: the allocator's id.
    public var payload = Event.none
    /// Profile: start, in ticks. Allocation: bytes. Debug: the whole 64-bit chain index.
    public var start: UInt64 = 0
    /// Profile: end, in ticks.
    public var end: UInt64 = 0

    public init(kind: Kind) { self.kind = kind }

    public var isDelegated: Bool { delegateDebugIDInt != -1 || delegateDebugIDString != Event.none }
  }

  /// Ranges of `metadata`, one for each profile event that has the field.
  public var metadataRanges: [Range<Int>] = []

  /// A value that an operator produced.
  public struct DebugValue: Sendable, Equatable {
    public enum Kind: Int8, Sendable { case null, int, bool, float, double, tensor, tensorList, string }

    public var kind: Kind
    public var int: Int64?
    public var float: Float?
    public var double: Double?
    public var bool: Bool?
    /// Of `ETDump.tensors`: none or one.
    public var tensor: Int?
    /// Of `ETDump.tensors`.
    public var tensorList: Range<Int>?
    /// Whether the value is one of the method's outputs; nil where the field is absent.
    public var isOutput: Bool?

    public init(kind: Kind) { self.kind = kind }
  }

  public struct Tensor: Sendable, Equatable {
    public var scalarType: ScalarType
    /// Of `ETDump.dimensions`; nil where the field is absent.
    public var sizes: Range<Int>?
    public var strides: Range<Int>?
    /// Where the elements begin in the debug buffer, in bytes; −1 for an empty tensor.
    public var offset: Int64

    public init(scalarType: ScalarType, sizes: Range<Int>?, strides: Range<Int>?, offset: Int64) {
      self.scalarType = scalarType
      self.sizes = sizes
      self.strides = strides
      self.offset = offset
    }
  }

  /// How the FlatBuffer lies in its file.
  public struct Container: Sendable, Equatable {
    public enum Form: Sendable {
      /// A size, then the buffer, aligned from the size on: what the runtime writes.
      case sizePrefixed
      /// The buffer alone: what the reference's serializer writes.
      case plain
      /// A plain buffer with four bytes glued in front, aligned from behind them.
      case prefixedPlain
    }

    public var form = Form.sizePrefixed
    /// Bytes behind the end that the size prefix names.
    public var trailingBytes = 0
  }

  /// A name, or the empty string where it is absent.
  public func text(_ name: Int32) -> String { name == Event.none ? "" : names[name] }

  /// The delegate metadata of an event, or nil where the field is absent.
  public func metadata(of event: Event) -> ArraySlice<UInt8>? {
    guard event.kind == .profile, event.payload != Event.none else { return nil }
    return metadata[metadataRanges[Int(event.payload)]]
  }
}
