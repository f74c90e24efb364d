import ETCore
import ETDumpFormat
public import ETFormats
public import TraceModel

/// A trace as exporters see it: what each row is called and where it belongs, and every run's events with their times.
public struct ExportedTrace {
  public let aligned: AlignedTrace
  let clock: ExportClock
  /// The model's name, where it is known.
  let model: String?
  let tensors: TensorTypes
  /// Rows of equal labels share one: a trace of a million rows has few.
  let labels: [Label]
  /// By block, then by row: an index into `labels`.
  let labelOfRow: [[Int32]]
  private let hasExecutions: [Bool]

  /// What all events of some rows have in common.
  struct Label {
    let block: Int
    let name: String
    let kind: RowKind
    var operatorName: String?
    /// Where the nodes of the graph are that it goes back to.
    var source = AlignedTrace.Source.none
    /// The graph's operators that it goes back to.
    var operators: [String] = []
    var module: String?
    var sourceLine: String?
    var backend: String?
    var method: String?
    /// Of the elements of what it writes.
    var dtype: ScalarType?
    /// Timed by another clock than the run.
    let isForeign: Bool

    var isDelegated: Bool { kind == .delegated }
    /// `out` of `aten::add.out`.
    var overload: String? {
      guard let operatorName, let dot = operatorName.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
      return String(operatorName[operatorName.index(after: dot)...])
    }
    /// What the backend's events are gathered under.
    var track: String { backend ?? "delegate" }

    /// The line's file and number: a colon stands between them.
    var sourcePlace: (file: String, line: Int?)? {
      guard let sourceLine, let colon = sourceLine.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
      return (String(sourceLine[..<colon]), Int(sourceLine[sourceLine.index(after: colon)...]))
    }
  }

  /// One timed event of a run.
  struct Event {
    let row: Int
    /// An index into `labels`.
    let label: Int
    /// The event's place among its run's.
    let position: Int
    let start: Ticks
    /// Behind the start, also where a 32-bit clock wrapped; the start itself where the clock went backwards.
    let end: Ticks
    let recordedEnd: Ticks
    /// Of a backend's event: the delegate call around it.
    var call: ClosedRange<Ticks>?
    /// What is added to a foreign event's times to draw it inside its call; 0 for all others.
    var shift: Int64 = 0

    /// The times, moved to the call where the clock is another.
    var moved: (start: Ticks, end: Ticks) {
      (start &+ UInt64(bitPattern: shift), end &+ UInt64(bitPattern: shift))
    }

    /// The times, moved and within the call: a backend's clock may round them across the border.
    var drawn: (start: Ticks, end: Ticks) {
      guard let call else { return moved }
      let first = min(max(moved.start, call.lowerBound), call.upperBound)
      return (first, max(first, min(moved.end, call.upperBound)))
    }
  }

  /// - Parameters:
  ///   - program: For the types of tensors.
  ///   - model: The model's name.
  public init(_ aligned: AlignedTrace, clock: ExportClock, program: Program? = nil, model: String? = nil) {
    self.aligned = aligned
    self.clock = clock
    self.model = model
    tensors = TensorTypes(aligned, program)
    var table = LabelTable(aligned, tensors)
    labelOfRow = aligned.trace.blocks.indices.map { block in
      aligned.trace.blocks[block].rows.indices.map { table.label(block: block, row: $0) }
    }
    labels = table.labels
    hasExecutions = aligned.trace.kinds.map { $0.contains(.methodExecute) }
  }

  func label(block: Int, row: Int) -> Label { labels[Int(labelOfRow[block][row])] }

  /// Whether a block's rows lie under executions: their stacks are then told from their labels alone.
  func hasExecutions(block: Int) -> Bool { hasExecutions[block] }

  /// A run: its place in the trace, its block, and its place among the block's runs.
  struct Run {
    let index: Int
    let block: Int
    let iteration: Int
  }

  /// The chosen runs in the trace's order.
  var runs: [Run] {
    var runs: [Run] = []
    for (block, pooled) in aligned.trace.blocks.enumerated() {
      for (iteration, index) in pooled.runs.enumerated() {
        runs.append(Run(index: index, block: block, iteration: iteration))
      }
    }
    return runs.sorted { $0.index < $1.index }
  }

  /// Calls `body` with every timed event of a run, in the order in which they ended; a backend's own events before their
  /// call, as they stand in the trace.
  ///
  /// - Parameter enclosingFirst: Whether the events of a call come by their start, who encloses first.
  func forEachEvent<E: Error>(of run: Run, enclosingFirst: Bool = false, _ body: (Event) throws(E) -> Void) throws(E) {
    let (dump, block) = (aligned.trace.dump, aligned.trace.blocks[run.block])
    let (kinds, labels) = (aligned.trace.kinds[run.block], labelOfRow[run.block])
    guard let events = dump.runs[run.index].events else { return }
    // A backend's events wait for their call, which says where they are drawn.
    var waiting: [Event] = []
    for index in events where dump.events[index].kind == .profile {
      let position = index - events.lowerBound
      guard let row = block.row(ofEvent: position, run: run.iteration) else { continue }
      let (start, recordedEnd) = (dump.events[index].start, dump.events[index].end)
      let event = Event(
        row: row, label: Int(labels[row]), position: position, start: start,
        end: start &+ (EventBlock.elapsed(from: start, to: recordedEnd) ?? 0), recordedEnd: recordedEnd)
      if kinds[row] == .delegated {
        waiting.append(event)
        continue
      }
      if !waiting.isEmpty, kinds[row] == .delegateCall {
        if enclosingFirst {
          waiting.sort {
            $0.start != $1.start ? $0.start < $1.start : $0.end != $1.end ? $0.end > $1.end : $0.position > $1.position
          }
        }
        try flush(&waiting, before: event, block, body)
      }
      try body(event)
    }
    try flush(&waiting, before: nil, block, body)
  }

  private func flush<E: Error>(
    _ waiting: inout [Event], before call: Event?, _ block: EventBlock, _ body: (Event) throws(E) -> Void
  ) throws(E) {
    let first = waiting.lazy.filter { block.isForeign[$0.row] }.map(\.start).min() ?? 0
    for event in waiting {
      var event = event
      if let call, call.start <= call.end {
        event.call = call.start...call.end
        if block.isForeign[event.row] { event.shift = Int64(truncatingIfNeeded: call.start &- first) }
      }
      try body(event)
    }
    waiting.removeAll(keepingCapacity: true)
  }
}

/// Ticks as whole nanoseconds, rounded down, so that what lies within a time still does; cycles stay cycles.
public struct ExportClock: Sendable {
  public let isCycles: Bool
  /// As it ends the names of columns: cycles are not passed off as time.
  var unit: String { isCycles ? "cycles" : "ns" }
  /// How many of the unit a tick is.
  var tick: String { "\(numerator)/\(denominator)" }
  private let numerator: UInt64
  private let denominator: UInt64

  public init(_ conversion: TimeConversion) {
    isCycles = conversion.source == .cycles
    let unit: UInt64 =
      switch conversion.source {
      case .ns, .cycles: 1
      case .us: 1000
      case .ms: 1_000_000
      case .s: 1_000_000_000
      }
    // What does not fit is a ratio that no clock has.
    numerator = conversion.tickRatio.numerator.multipliedReportingOverflow(by: unit).partialValue
    denominator = max(conversion.tickRatio.denominator, 1)
  }

  func nanoseconds(_ ticks: Ticks) -> UInt64 {
    if numerator == 1 && denominator == 1 { return ticks }
    let product = ticks.multipliedFullWidth(by: numerator)
    if product.high >= denominator { return .max }
    return denominator.dividingFullWidth(product).quotient
  }
}
