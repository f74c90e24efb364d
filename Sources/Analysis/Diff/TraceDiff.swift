public import TraceModel

/// What changed between two sets of traces, part by part, and how sure that is.
///
/// The stages, in order: `TraceParts` divides each trace's time, `DiffSide` pools the traces of a side, `PartMatching` finds
/// what of one side is what of the other, `DiffStatistics` says which of them changed.
public struct TraceDiff: Sendable {
  public let settings: Settings
  /// What a sample is: a launch where there are several files on a side, else a run.
  public let unit: Unit
  public let base: Input
  public let new: Input
  /// Executions before loading, and in the order of the base.
  public let sections: [Section]

  public struct Settings: Sendable, Equatable {
    /// Relative changes below this are none.
    public var threshold = 0.05
    /// How many of the changes that are named may be wrong, as a share.
    public var alpha = 0.05
    /// Of intervals.
    public var confidence = 0.95

    public init() {}
  }

  public enum Unit: String, Sendable { case launch, run }

  /// What was given for one side.
  public struct Input: Sendable, Equatable {
    public let traces: Int
    /// Whether an ETRecord said which operators and modules the events are.
    public let hasRecord: Bool
  }

  public enum Class: String, Sendable, CaseIterable { case slower, faster, added, removed, moved, unchanged }

  /// How it was found that a row's two sides are the same thing.
  public enum Match: String, Sendable, CaseIterable {
    /// Equal instruction and name.
    case instruction
    /// Equal name, in equal order.
    case order
    /// The same operators of the model, by debug handles.
    case handles
    /// Equal module and kind of operator.
    case module
    /// Only one side has it.
    case none
  }

  /// What a part of the time is.
  public enum Kind: String, Sendable, CaseIterable {
    case `operator`
    case delegateKernel = "delegate_kernel"
    /// What a delegate call did beside its kernels.
    case delegateRest = "delegate_rest"
    /// A delegate call whose backend logged no kernels.
    case delegateCall = "delegate_call"
    /// The framework's part of calling operators.
    case calling
    case control
    /// Between instructions.
    case between
    case framework
  }

  /// Where a row comes from: a row of a block of one of the side's traces, as in `Trace.blocks`.
  public struct Reference: Sendable, Hashable {
    public let trace: Int
    public let block: Int
    public let row: Int
  }

  /// One side of a row.
  public struct Side: Sendable {
    /// What it is made of, in the order in which it ran; several where it was matched as a whole.
    public let items: [Item]
    public let references: [Reference]
    /// In ticks: for each launch its median over runs, or each run; in the order of traces and runs.
    public let samples: [Double]
    /// Of the samples; 0 where this side does not have the part.
    public let median: Double
    /// Ticks of all runs that were kept.
    public let total: Double
  }

  public struct Item: Sendable, Equatable {
    public let kind: Kind
    /// As recorded.
    public let name: String
    /// `aten::add.out`, or nil.
    public let operatorName: String?
    public let backend: String?
    public let module: String?
    public let sourceLine: String?
    public let instruction: Int
  }

  /// A difference between samples. Times are ticks.
  public struct Change: Sendable, Equatable {
    /// Hodges and Lehmann's: the median of all differences.
    public let shift: Double
    public let interval: ClosedRange<Double>?
    /// `shift` as a share of the base's median; nil where that is not above 0.
    public let relative: Double?
    /// Mann and Whitney's, two-sided.
    public let p: Double
    /// Raised for the number of rows, or of sections for a total.
    public internal(set) var adjustedP: Double
    /// The smallest shift that this much data would probably have shown; nil if none, however large.
    public internal(set) var smallestDetectable: Double?
  }

  public struct Row: Sendable {
    public internal(set) var change: Change?
    public internal(set) var classification: Class
    public let match: Match
    /// Whether it runs at another place among the others; it can be slower or faster as well.
    public let isMoved: Bool
    /// nil for what was added.
    public let base: Side?
    /// nil for what was removed.
    public let new: Side?
    /// Timed by a backend's own clock: a part of no sum.
    public let isForeign: Bool
    /// The clock's step, in ticks: changes below two of them are none.
    public let step: Double

    /// By how much it changes a run: the difference of the medians, in ticks.
    public var contribution: Double { (new?.median ?? 0) - (base?.median ?? 0) }
  }

  /// Runs of one method and phase, compared with each other.
  public struct Section: Sendable {
    /// `Execute`, `Default`.
    public let name: String
    public let method: String?
    public let phase: Phase.Name
    public let bundledInput: Int
    public let base: SectionSide
    public let new: SectionSide
    /// Of `Method::execute`; of all events where there is none.
    public internal(set) var total: Change?
    public internal(set) var totalClass: Class
    /// What every operator has in common: the typical ratio of new to base, less 1. nil where there are too few operators to tell.
    public let launchWide: LaunchWide?
    /// In the order of the new side, what was removed where it was.
    public internal(set) var rows: [Row]
  }

  public struct SectionSide: Sendable {
    public let traces: [Int]
    public let runs: Int
    public let warmUp: Int
    public let cold: Int
    /// Of a whole run, as `Side.samples`.
    public let samples: [Double]
    public let median: Double
  }

  /// A change that all operators share: of the machine, the build, the clock.
  public struct LaunchWide: Sendable, Equatable {
    public let relative: Double
    public let interval: ClosedRange<Double>?
    public let p: Double
    /// Whether it is large and sure enough that rows are judged with it; else it is taken out of the samples before rows are tested.
    public let isChange: Bool
  }
}
