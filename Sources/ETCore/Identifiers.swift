// The names that ETDump, ETRecord and programs share. Each id has its own type, so that a row number cannot
// pass for a debug handle.

/// A number that the exporter gave an operator; 0 means unset. Several operators may share one.
public struct DebugHandle: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int

  public init(_ value: Int) { self.value = value }

  public static let unset = DebugHandle(0)
  public var description: String { String(value) }
  public static func < (a: DebugHandle, b: DebugHandle) -> Bool { a.value < b.value }
}

/// The index of an instruction in its chain; −1 where an event belongs to none.
public struct InstructionID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: Int32

  public init(_ value: Int32) { self.value = value }

  public static let none = InstructionID(-1)
  public var description: String { String(value) }
  public static func < (a: InstructionID, b: InstructionID) -> Bool { a.value < b.value }
}

/// Time as the device counted it. The file does not say in what unit: a `TimeScale` does.
public typealias Ticks = UInt64

/// The unit of a trace's ticks or of printed times.
public enum TimeScale: String, CaseIterable, Sendable {
  case ns, us, ms, s, cycles

  /// Units in a second, as the reference's table has them (1 for cycles, which have no length).
  public var unitsPerSecond: Double {
    switch self {
    case .ns: 1_000_000_000
    case .us: 1_000_000
    case .ms: 1000
    case .s, .cycles: 1
    }
  }

  /// What ticks in `self` are divided by to be in `target`.
  public func factor(to target: TimeScale) -> Double { unitsPerSecond / target.unitsPerSecond }
}
