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
  /// Where the runs of each file begin: one place, or more after `append`.
  public internal(set) var launches = [0]
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

  /// A value that an operator produced, 40 bytes.
  public struct DebugValue: Sendable, Equatable {
    public enum Kind: Int8, Sendable { case null, int, bool, float, double, tensor, tensorList, string }

    private struct Fields: OptionSet, Equatable {
      let rawValue: UInt8
      static let int = Fields(rawValue: 1), float = Fields(rawValue: 2), double = Fields(rawValue: 4)
      static let bool = Fields(rawValue: 8), boolValue = Fields(rawValue: 16)
      static let output = Fields(rawValue: 32), outputValue = Fields(rawValue: 64)
    }

    public var kind: Kind
    private var fields = Fields()
    private var floatBits: UInt32 = 0
    private var tensorIndex: Int32 = -1
    private var listStart: Int32 = -1
    private var listCount: Int32 = 0
    private var intBits: Int64 = 0
    private var doubleBits: UInt64 = 0

    public init(kind: Kind) { self.kind = kind }

    public var int: Int64? {
      get { fields.contains(.int) ? intBits : nil }
      set {
        set(.int, newValue != nil)
        intBits = newValue ?? 0
      }
    }

    public var float: Float? {
      get { fields.contains(.float) ? Float(bitPattern: floatBits) : nil }
      set {
        set(.float, newValue != nil)
        floatBits = newValue?.bitPattern ?? 0
      }
    }

    public var double: Double? {
      get { fields.contains(.double) ? Double(bitPattern: doubleBits) : nil }
      set {
        set(.double, newValue != nil)
        doubleBits = newValue?.bitPattern ?? 0
      }
    }

    public var bool: Bool? {
      get { fields.contains(.bool) ? fields.contains(.boolValue) : nil }
      set {
        set(.bool, newValue != nil)
        set(.boolValue, newValue == true)
      }
    }

    /// Whether the value is one of the method's outputs; nil where the field is absent.
    public var isOutput: Bool? {
      get { fields.contains(.output) ? fields.contains(.outputValue) : nil }
      set {
        set(.output, newValue != nil)
        set(.outputValue, newValue == true)
      }
    }

    /// Of `ETDump.tensors`: none or one.
    public var tensor: Int? {
      get { tensorIndex < 0 ? nil : Int(tensorIndex) }
      set { tensorIndex = newValue.map(Int32.init) ?? -1 }
    }

    /// Of `ETDump.tensors`.
    public var tensorList: Range<Int>? {
      get { listStart < 0 ? nil : Int(listStart)..<Int(listStart) + Int(listCount) }
      set {
        listStart = newValue.map { Int32($0.lowerBound) } ?? -1
        listCount = newValue.map { Int32($0.count) } ?? 0
      }
    }

    private mutating func set(_ field: Fields, _ on: Bool) {
      if on { fields.insert(field) } else { fields.remove(field) }
    }
  }

  /// A tensor that was logged, 32 bytes.
  public struct Tensor: Sendable, Equatable {
    public var scalarType: ScalarType
    private var sizesStart: Int32
    private var sizesCount: Int32
    private var stridesStart: Int32
    private var stridesCount: Int32
    /// Where the elements begin in the debug buffer, in bytes; −1 for an empty tensor.
    public var offset: Int64

    public init(scalarType: ScalarType, sizes: Range<Int>?, strides: Range<Int>?, offset: Int64) {
      self.scalarType = scalarType
      sizesStart = sizes.map { Int32($0.lowerBound) } ?? -1
      sizesCount = sizes.map { Int32($0.count) } ?? 0
      stridesStart = strides.map { Int32($0.lowerBound) } ?? -1
      stridesCount = strides.map { Int32($0.count) } ?? 0
      self.offset = offset
    }

    /// Of `ETDump.dimensions`; nil where the field is absent.
    public var sizes: Range<Int>? { sizesStart < 0 ? nil : Int(sizesStart)..<Int(sizesStart) + Int(sizesCount) }
    /// Of `ETDump.dimensions`; nil where the field is absent.
    public var strides: Range<Int>? {
      stridesStart < 0 ? nil : Int(stridesStart)..<Int(stridesStart) + Int(stridesCount)
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
      /// No FlatBuffer: a tracer's journal (see `Journal`).
      case journal
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
