public import ETCore
import ETDumpFormat

/// Runs that did the same things in the same order, pooled: one row for each distinct event, one duration for each run.
///
/// Rows stand in the reference Inspector's order: by the first event of their instruction, then as they ended. Where an
/// event occurs several times in a run (a loop), its row holds the sum and the count.
public struct EventBlock: Sendable {
  /// `Default` for loading, `Execute` for an execution.
  public let name: String
  /// −1 where none was set.
  public let bundledInputIndex: Int32
  /// The runs pooled here, as indices into `ETDump.runs`, in order.
  public internal(set) var runs: [Int] = []
  public let rows: [Row]
  /// By run, then by row: the time from start to end, all occurrences together.
  var durations: [Ticks] = []
  /// By run, then by row: the start of the first occurrence.
  var starts: [Ticks] = []
  /// Rows that occur more than once in some run, or whose clock went backwards.
  var irregular: [Int: [RunDetail]] = [:]
  /// By run, for each event of the run its row, or −1; the same array for all runs of one pattern.
  var layouts: [[Int32]] = []
  /// For each row the row that encloses it, or −1.
  public internal(set) var parents: [Int32] = []
  /// For each row whether it was timed by another clock than the run: it has no place among the others.
  public internal(set) var isForeign: [Bool] = []

  /// A distinct event.
  public struct Row: Sendable {
    /// One of its events, into `ETDump.events`: for names and ids. A profile event where there is one.
    public let event: Int
    public let hasProfile: Bool
    /// The first value recorded at the same instruction, into `ETDump.events`; −1 for none.
    public let firstDebugEvent: Int
  }

  /// What the sum hides, for rows of `irregular`, one for each run.
  public struct RunDetail: Sendable {
    /// How often the event occurred.
    public var count = 0
    public var lastStart: Ticks = 0
    public var lastEnd: Ticks = 0
    /// Occurrences that end before they start, and not by the wrap of a 32-bit clock. Their time counts as 0.
    public var backwards = 0
    /// Occurrences in which a 32-bit clock wrapped around.
    public var wraps = 0
  }

  init(name: String, bundledInputIndex: Int32, rows: [Row]) {
    self.name = name
    self.bundledInputIndex = bundledInputIndex
    self.rows = rows
  }

  /// - Parameter run: An index into `runs`.
  public func duration(row: Int, run: Int) -> Ticks { durations[run * rows.count + row] }

  /// When the event first started in a run.
  public func start(row: Int, run: Int) -> Ticks { starts[run * rows.count + row] }

  /// The row that an event belongs to; nil for values and what the reference's grouping leaves out.
  ///
  /// - Parameter position: The event's place among its run's.
  public func row(ofEvent position: Int, run: Int) -> Int? {
    let row = layouts[run][position]
    return row < 0 ? nil : Int(row)
  }

  /// How often the event occurred in a run.
  public func count(row: Int, run: Int) -> Int { irregular[row]?[run].count ?? 1 }

  /// What makes a row's times irregular, for each run; nil where each run has one plain occurrence.
  public func irregularities(row: Int) -> [RunDetail]? { irregular[row] }

  /// The time from `start` to `end`.
  ///
  /// A start behind the end means that a 32-bit clock wrapped, if both fit in 32 bits: the step from 2³² − 1 to 0 counts.
  /// Otherwise the clock went backwards, and there is no duration.
  public static func elapsed(from start: Ticks, to end: Ticks) -> Ticks? {
    if start <= end { return end - start }
    guard start <= Ticks(UInt32.max) else { return nil }
    return (1 << 32) - start + end
  }

  /// The names that the runtime gives its own events.
  public enum FrameworkEvent {
    public static let methodExecute = "Method::execute"
    public static let methodInit = "Method::init"
    public static let loadMethod = "Program::load_method"
    public static let operatorCall = "OPERATOR_CALL"
    public static let delegateCall = "DELEGATE_CALL"
    /// Prefix of the events around an operator's own code.
    public static let kernelPrefix = "native_call_"
  }
}
