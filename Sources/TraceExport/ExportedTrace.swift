import ETCore
import ETDumpFormat
public import TraceModel

/// A trace as exporters see it: what each row is called and where it belongs, and every run's events with their times.
public struct ExportedTrace {
  public let aligned: AlignedTrace
  let clock: ExportClock
  /// By block, then by row.
  let labels: [[Label]]
  private let hasExecutions: [Bool]

  /// What all events of a row have in common.
  struct Label {
    let name: String
    let kind: RowKind
    var operatorName: String?
    /// The graph's operators that it goes back to.
    var operators: [String] = []
    var module: String?
    var sourceLine: String?
    var backend: String?
    var method: String?
    /// Timed by another clock than the run.
    let isForeign: Bool

    var isDelegated: Bool { kind == .delegated }
    /// What the backend's events are gathered under.
    var track: String { backend ?? "delegate" }
  }

  /// One timed event of a run.
  struct Event {
    let row: Int
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

  public init(_ aligned: AlignedTrace, clock: ExportClock) {
    self.aligned = aligned
    self.clock = clock
    let trace = aligned.trace
    labels = trace.blocks.indices.map { block in
      trace.blocks[block].rows.indices.map { row in
        var label = Label(
          name: trace.name(of: trace.blocks[block].rows[row]), kind: trace.kinds[block][row],
          isForeign: trace.blocks[block].isForeign[row])
        label.operatorName = aligned.operatorName(block: block, row: row)
        label.operators = aligned.nodes(block: block, row: row).map(\.op)
        label.module = aligned.module(block: block, row: row)
        label.sourceLine = aligned.sourceLine(block: block, row: row)
        label.backend = aligned.backend(block: block, row: row)
        label.method = aligned.methods.methods[block]
        return label
      }
    }
    hasExecutions = trace.kinds.map { $0.contains(.methodExecute) }
  }

  /// Where a row belongs, the outermost first: the method, the module's path, the backend, the operator or kernel; for
  /// loading, the events around it.
  func stack(block: Int, row: Int) -> [String] {
    let pooled = aligned.trace.blocks[block]
    let label = labels[block][row]
    var frames: [String] = []
    guard hasExecutions[block] else {
      var at = row
      while at >= 0 {
        frames.append(labels[block][at].name)
        at = Int(pooled.parents[at])
      }
      return [pooled.name] + frames.reversed()
    }
    frames.append(label.method ?? pooled.name)
    if let module = label.module, !module.isEmpty { frames += module.split(separator: ".").map(String.init) }
    if label.isDelegated { frames.append(label.track) }
    frames.append(label.operatorName ?? label.name)
    return frames
  }

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
  func forEachEvent<E: Error>(of run: Run, _ body: (Event) throws(E) -> Void) throws(E) {
    let (dump, block) = (aligned.trace.dump, aligned.trace.blocks[run.block])
    guard let events = dump.runs[run.index].events else { return }
    // A backend's events wait for their call, which says where they are drawn.
    var waiting: [Event] = []
    for index in events where dump.events[index].kind == .profile {
      let position = index - events.lowerBound
      guard let row = block.row(ofEvent: position, run: run.iteration) else { continue }
      let (start, recordedEnd) = (dump.events[index].start, dump.events[index].end)
      let event = Event(
        row: row, position: position, start: start,
        end: start &+ (EventBlock.elapsed(from: start, to: recordedEnd) ?? 0), recordedEnd: recordedEnd)
      if labels[run.block][row].isDelegated {
        waiting.append(event)
        continue
      }
      if !waiting.isEmpty, labels[run.block][row].kind == .delegateCall {
        try flush(&waiting, before: event, run.block, body)
      }
      try body(event)
    }
    try flush(&waiting, before: nil, run.block, body)
  }

  private func flush<E: Error>(
    _ waiting: inout [Event], before call: Event?, _ block: Int, _ body: (Event) throws(E) -> Void
  ) throws(E) {
    let first = waiting.lazy.filter { labels[block][$0.row].isForeign }.map(\.start).min() ?? 0
    for event in waiting {
      var event = event
      if let call, call.start <= call.end {
        event.call = call.start...call.end
        if labels[block][event.row].isForeign { event.shift = Int64(truncatingIfNeeded: call.start &- first) }
      }
      try body(event)
    }
    waiting.removeAll(keepingCapacity: true)
  }
}

/// Ticks as whole nanoseconds, rounded down, so that what lies within a time still does; cycles stay cycles.
public struct ExportClock: Sendable {
  public let isCycles: Bool
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
