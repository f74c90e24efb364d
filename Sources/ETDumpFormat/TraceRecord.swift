/// What a tracer writes for one event, 40 bytes, in memory as in a journal.
///
/// A value, a delegate's metadata or a text follows its record in as many further places of 40 bytes as it needs. The
/// tag is written last, so that a record is there as a whole or not at all.
///
/// | Kind | name | chain, instruction | number | start, end | behind it |
/// |---|---|---|---|---|---|
/// | profile | name | of the event | – | ticks | – |
/// | delegate | delegate id as a string, or −1 | of the event | delegate id, or −1 | ticks | metadata |
/// | value | delegate id as a string, or −1 | of the event | delegate id, or −1 | scalar's bits; `ValueKind` | content |
/// | allocation | – | – | allocator id from 1 | bytes; – | – |
/// | block | name | – | bundled-input index, or −1 | anchor | – |
/// | allocator | name | – | allocator id from 1 | – | – |
/// | anchor | – | – | – | counter, nanoseconds at one moment | – |
/// | name | its number: 0, 1, … | – | – | – | UTF-8 |
/// | metadata | – | – | – | – | `key=value` in UTF-8 |
/// | thread | – | – | thread's number: 0, 1, … | – | its name in UTF-8 |
///
/// All numbers are little-endian. `start` and `end` of a block are an anchor as well.
@frozen
public struct TraceRecord: Sendable {
  /// What kind of record it is; zero is no record.
  public enum Kind: UInt8, Sendable {
    case profile = 1
    case delegate, value, allocation, block, allocator, anchor, name, metadata, thread
  }

  /// What a value record holds. Those from `none` on have no place in an ETDump's `Value`.
  public enum ValueKind: UInt8, Sendable {
    case int = 1
    case bool, double, tensor, tensorList, none, string, intList, boolList, doubleList, optionalTensorList
  }

  /// The marks of a record, beside its kind.
  @frozen
  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// A value that is one of the method's outputs.
    public static let output = Flags(rawValue: 1)
    /// Times of another clock, in nanoseconds already: not to be converted.
    public static let nanoseconds = Flags(rawValue: 2)
  }

  /// The kind in the lowest byte, the flags in the second, `mark` in the upper half.
  public var tag: UInt32
  public var name: Int32
  public var chain: Int32
  public var instruction: Int32
  public var number: Int32
  /// Bytes behind the record.
  public var extra: UInt32
  public var start: UInt64
  public var end: UInt64

  @inlinable
  public init(
    tag: UInt32 = 0, name: Int32, chain: Int32, instruction: Int32, number: Int32 = -1, extra: UInt32 = 0,
    start: UInt64, end: UInt64
  ) {
    self.tag = tag
    self.name = name
    self.chain = chain
    self.instruction = instruction
    self.number = number
    self.extra = extra
    self.start = start
    self.end = end
  }

  /// Bytes of a place.
  @inlinable public static var size: Int { 40 }

  /// The upper half of a record's tag.
  @inlinable public static var mark: UInt32 { 0xE7D0_0000 }

  @inlinable
  public static func tag(_ kind: Kind, _ flags: Flags = []) -> UInt32 {
    mark | UInt32(truncatingIfNeeded: flags.rawValue) << 8 | UInt32(truncatingIfNeeded: kind.rawValue)
  }

  /// The places that a record with this many bytes behind it takes.
  @inlinable
  public static func places(extra: Int) -> Int { 1 + (extra + size - 1) / size }
}
