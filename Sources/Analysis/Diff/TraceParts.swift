import ETCore
import ETDumpFormat
public import TraceModel

/// What the time of one trace is made of, each tick once: the shape in which traces are compared.
///
/// An operator's call and its kernel are one part, a backend's kernel is one, what a delegate call does beside its kernels is one. The
/// framework's part of all calls is one, and so are control flow and the time between instructions.
public struct TraceParts: Sendable {
  public let aligned: AlignedTrace
  let sections: [Section]

  init(aligned: AlignedTrace, sections: [Section]) {
    self.aligned = aligned
    self.sections = sections
  }

  /// - Complexity: O(events).
  public init(_ aligned: AlignedTrace) {
    self.aligned = aligned
    sections = aligned.trace.blocks.indices.flatMap { Self.sections(aligned, block: $0) }
  }

  /// The runs of a block that are compared with each other: a phase without its warm-up.
  struct Section: Sendable {
    var key: Key
    let block: Int
    /// Of the block's.
    let runs: [Int]
    let warmUp: Int
    let cold: Int
    let parts: [Part]
    /// By run: `Method::execute`, or all roots where there is none.
    let total: [Int64]
    /// What the parts are, whatever their order in the trace.
    let signature: Signature

    init(
      key: Key, block: Int, runs: [Int], warmUp: Int, cold: Int, parts: [Part], total: [Int64],
      signature: Signature? = nil
    ) {
      self.key = key
      self.block = block
      self.runs = runs
      self.warmUp = warmUp
      self.cold = cold
      self.parts = parts
      self.total = total
      self.signature = signature ?? Signature(parts)
    }
  }

  /// The parts of a section in an order that does not depend on the trace's. Made once: sections are compared by it.
  struct Signature: Hashable, Sendable {
    let identities: [Identity]
    /// Where each stands among the section's parts.
    let places: [Int]
    private let fingerprint: Int

    init(_ parts: [Part]) {
      places = parts.indices.sorted { parts[$0].identity < parts[$1].identity }
      identities = places.map { parts[$0].identity }
      fingerprint = identities.hashValue
    }

    static func == (a: Signature, b: Signature) -> Bool {
      a.fingerprint == b.fingerprint && a.identities == b.identities
    }

    func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
  }

  struct Key: Hashable, Sendable {
    let name: String
    let method: String?
    let bundledInput: Int32
    var phase: Phase.Name
  }

  struct Part: Sendable {
    let identity: Identity
    let rows: [Int]
    /// By run that is kept.
    let ticks: [Int64]
    /// The step of its clock.
    let step: Ticks
    /// Timed by another clock: a part of no sum.
    let isForeign: Bool
    /// The delegate call that it belongs to, as a row.
    let call: Int
    /// Of `ticks`.
    let median: Double

    init(identity: Identity, rows: [Int], ticks: [Int64], step: Ticks, isForeign: Bool, call: Int) {
      self.identity = identity
      self.rows = rows
      self.ticks = ticks
      self.step = step
      self.isForeign = isForeign
      self.call = call
      median = DiffStatistics.median(ticks.map(Double.init))
    }
  }

  struct Identity: Hashable, Comparable, Sendable {
    let kind: TraceDiff.Kind
    let chain: Int
    let instruction: Int32
    let name: String

    static func < (x: Identity, y: Identity) -> Bool {
      if x.chain != y.chain { return x.chain < y.chain }
      if x.instruction != y.instruction { return x.instruction < y.instruction }
      return x.name != y.name ? x.name < y.name : x.kind.rawValue < y.kind.rawValue
    }
  }

  // MARK: Making

  private static func sections(_ aligned: AlignedTrace, block: Int) -> [Section] {
    let trace = aligned.trace
    let events = trace.blocks[block]
    guard !events.rows.isEmpty, !events.runs.isEmpty else { return [] }
    let selfTimes = SelfTimes(events)
    let outline = outline(aligned, block)
    let phases = aligned.phases[block]
    let cold = phases.filter { $0.name == .cold }.reduce(0) { $0 + $1.runs.count }
    return phases.filter { $0.name != .cold }.map { phase in
      let warmUp = Set(phase.name == .prefill ? [] : trace.warmUp(block: block, runs: phase.runs))
      let runs = phase.runs.filter { !warmUp.contains($0) }
      let parts = outline.map { part in
        Part(
          identity: part.identity, rows: part.rows,
          ticks: runs.map { run in
            part.rows.reduce(Int64(0)) { $0 &+ selfTimes.ticks(row: $1, run: run) }
          }, step: part.step, isForeign: part.isForeign, call: part.call)
      }
      let executes = events.rows.indices.filter { trace.kinds[block][$0] == .methodExecute && events.parents[$0] < 0 }
      let roots = executes.isEmpty ? events.rows.indices.filter { events.parents[$0] < 0 } : executes
      let total = runs.map { run in
        roots.reduce(Int64(0)) { $0 &+ Int64(truncatingIfNeeded: events.duration(row: $1, run: run)) }
      }
      return Section(
        key: Key(
          name: events.name, method: aligned.methods.methods[block], bundledInput: events.bundledInputIndex,
          phase: phase.name),
        block: block, runs: runs, warmUp: warmUp.count, cold: cold, parts: parts, total: total)
    }
  }

  private struct Outline {
    let identity: Identity
    var rows: [Int]
    let step: Ticks
    let isForeign: Bool
    var call = -1
  }

  private static func outline(_ aligned: AlignedTrace, _ block: Int) -> [Outline] {
    let trace = aligned.trace
    let events = trace.blocks[block]
    let delegated = events.rows.indices.filter { trace.kinds[block][$0] == .delegated && !events.isForeign[$0] }
    let step = Clock.grid(of: delegated, in: events) ?? 1
    var parts: [Outline] = []
    var pooled: [TraceDiff.Kind: Int] = [:]
    let callsWithKernels = Set(delegated.map { call(of: $0, trace, block) })
    for row in events.rows.indices {
      let event = events.rows[row]
      func one(_ kind: TraceDiff.Kind, step: Ticks = 1, call: Int = -1) {
        parts.append(
          Outline(
            identity: Identity(
              kind: kind, chain: trace.chain(of: event), instruction: trace.instruction(of: event).value,
              name: trace.name(of: event)), rows: [row], step: step, isForeign: events.isForeign[row], call: call))
      }
      func pool(_ kind: TraceDiff.Kind) {
        if let place = pooled[kind] { return parts[place].rows.append(row) }
        pooled[kind] = parts.count
        parts.append(
          Outline(
            identity: Identity(kind: kind, chain: 0, instruction: -1, name: ""), rows: [row], step: 1, isForeign: false)
        )
      }
      switch trace.kinds[block][row] {
      case .values: break
      case .kernel: one(.operator)
      case .operatorCall:
        // A call ends right behind its kernel, whose row therefore stands before it.
        // One without a kernel of its own is an operator, if only something says which.
        let hasKernel = row > 0 && events.parents[row - 1] == Int32(row)
        if hasKernel || aligned.operatorName(block: block, row: row) == nil { pool(.calling) } else { one(.operator) }
      case .delegateCall:
        let hasKernels = callsWithKernels.contains(row)
        one(hasKernels ? .delegateRest : .delegateCall, step: hasKernels ? step : 1, call: row)
      case .delegated: one(.delegateKernel, step: step, call: call(of: row, trace, block))
      case .control: pool(.control)
      case .methodExecute: pool(.between)
      case .framework: one(.framework)
      }
    }
    return parts
  }

  private static func call(of row: Int, _ trace: Trace, _ block: Int) -> Int {
    var row = row
    while row >= 0 && trace.kinds[block][row] != .delegateCall { row = Int(trace.blocks[block].parents[row]) }
    return row
  }
}
