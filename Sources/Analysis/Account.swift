import ETCore
import ETDumpFormat
public import TraceModel

/// Where the time of all executions went, in ticks that add up to `Method::execute` exactly.
public struct Account: Sendable {
  /// A part of the whole.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public var ticks: Int64
    /// Calls in all runs.
    public var calls: Int
    /// Where most of it lies, for operators.
    public var module: String?
  }

  /// `Method::execute` over all runs.
  public private(set) var total: Int64 = 0
  /// Executions that ended.
  public private(set) var runs = 0
  /// What `total` is made of: operators that no backend took, each backend's kernels and the rest of its calls, the framework's
  /// part of calling operators, control flow, time between instructions. In this order.
  public private(set) var parts: [Entry] = []
  /// The operators that no backend took, most expensive first. A part of `parts`.
  public private(set) var undelegated: [Entry] = []
  /// Copies, layout changes and quantization beside a delegate call, and those that XNNPACK or its lowering put in. A part of `parts`.
  public private(set) var border: [Entry] = []
  /// Shares of `total` by backend: a backend's calls whole, and `no backend`.
  public private(set) var backends: [Entry] = []

  /// - Parameter selfTimes: For each block of the trace.
  public init(_ aligned: AlignedTrace, selfTimes: [SelfTimes]) {
    let trace = aligned.trace
    var native = Ledger()
    var inBackends = Ledger()
    var byBackend = Ledger()
    var atBorder = Ledger()
    var rest = Ledger()
    // Without a program a kernel's operator is told by its name alone: each name is made into text once.
    var names: [Int32: String] = [:]
    func kernelName(_ aligned: AlignedTrace, _ block: Int, _ row: Int) -> String {
      let event = trace.dump.events[trace.blocks[block].rows[row].event].name
      if aligned.program == nil, let name = names[event] { return name }
      let name = aligned.operatorName(block: block, row: row) ?? trace.name(of: trace.blocks[block].rows[row])
      names[event] = name
      return name
    }
    for (block, events) in trace.blocks.enumerated() {
      let inside = Self.rowsInsideExecute(trace, block)
      let border = Self.borderInstructions(aligned, block)
      for row in events.rows.indices where inside[row] {
        let ticks = selfTimes[block].total(row: row, runs: events.runs.indices)
        let calls = events.runs.indices.reduce(0) { $0 + events.count(row: row, run: $1) }
        switch trace.kinds[block][row] {
        case .methodExecute:
          if events.parents[row] < 0 {
            total += events.runs.indices.reduce(0) {
              $0 &+ Int64(truncatingIfNeeded: events.duration(row: row, run: $1))
            }
            runs += events.runs.count
          }
          rest.add("between instructions", ticks, calls)
        case .operatorCall:
          // An operator that logs no kernel of its own, as executorch_prim's do not, is all that its call holds.
          if Self.hasKernel(events, row) {
            rest.add("calling operators (framework)", ticks, calls)
          } else {
            let name = aligned.operatorName(block: block, row: row) ?? "OPERATOR_CALL without a kernel event"
            native.add(name, ticks, calls, module: aligned.module(block: block, row: row))
          }
        case .kernel:
          let name = kernelName(aligned, block, row)
          native.add(name, ticks, calls, module: aligned.module(block: block, row: row))
          if border.contains(Place(trace, events.rows[row])) { atBorder.add(name, ticks, calls) }
        case .delegateCall:
          let backend = aligned.backend(block: block, row: row) ?? "a delegate"
          inBackends.add("\(backend): not accounted for by its kernels", ticks, calls)
          let whole = events.runs.indices.reduce(Int64(0)) {
            $0 &+ Int64(truncatingIfNeeded: events.duration(row: row, run: $1))
          }
          byBackend.add(backend, whole, calls)
        case .delegated:
          guard !events.isForeign[row] else { continue }
          let backend = aligned.backend(block: block, row: row) ?? "a delegate"
          inBackends.add("\(backend): kernels", ticks, calls)
          if let kernel = aligned.program?.kernels[block][row], kernel.isInserted {
            let name = trace.name(of: events.rows[row]).split(separator: "#").first.map(String.init) ?? ""
            atBorder.add("\(backend): \(name)", ticks, calls)
          }
        case .control: rest.add("control flow, moves and frees", ticks, calls)
        case .framework: rest.add("other framework events", ticks, calls)
        case .values: break
        }
      }
    }
    undelegated = native.sorted()
    border = atBorder.sorted()
    backends = byBackend.sorted()
    let nativeTicks = undelegated.reduce(0) { $0 &+ $1.ticks }
    let overhead = rest.sorted()
    let delegated = backends.reduce(0) { $0 &+ $1.ticks }
    if total > 0 { backends.append(Entry(name: "no backend", ticks: total &- delegated, calls: 0)) }
    parts = inBackends.sorted()
    if !undelegated.isEmpty {
      parts.insert(
        Entry(
          name: "operators that no backend took", ticks: nativeTicks, calls: undelegated.reduce(0) { $0 + $1.calls }),
        at: 0)
    }
    parts += overhead
  }

  /// Whether the parts add up to the whole, as they must.
  public var isConserved: Bool { parts.reduce(0) { $0 &+ $1.ticks } == total }

  // MARK: Parts

  private struct Ledger {
    private var entries: [Entry] = []
    private var places: [String: Int] = [:]

    mutating func add(_ name: String, _ ticks: Int64, _ calls: Int, module: String? = nil) {
      let place = places[name] ?? entries.count
      if place == entries.count {
        entries.append(Entry(name: name, ticks: 0, calls: 0, module: module))
        places[name] = place
      }
      entries[place].ticks &+= ticks
      entries[place].calls += calls
      if entries[place].module != module {
        entries[place].module = entries[place].module.flatMap { a in module.map { Self.common(a, $0) } }
      }
    }

    /// The path that two module paths share.
    private static func common(_ a: String, _ b: String) -> String {
      zip(a.split(separator: "."), b.split(separator: ".")).prefix { $0 == $1 }.map { String($0.0) }.joined(
        separator: ".")
    }

    func sorted() -> [Entry] { entries.sorted { $0.ticks != $1.ticks ? $0.ticks > $1.ticks : $0.name < $1.name } }
  }

  private struct Place: Hashable {
    let chain: Int
    let instruction: Int32

    init(_ trace: Trace, _ row: EventBlock.Row) {
      chain = trace.chain(of: row)
      instruction = trace.instruction(of: row).value
    }

    init(chain: Int, instruction: Int32) {
      self.chain = chain
      self.instruction = instruction
    }
  }

  private static func rowsInsideExecute(_ trace: Trace, _ block: Int) -> [Bool] {
    let events = trace.blocks[block]
    var known = [Bool?](repeating: nil, count: events.rows.count)
    var path: [Int] = []
    for row in events.rows.indices {
      // Up to what is known, then all of the way at once.
      var (place, isInside) = (row, false)
      while true {
        if let answer = known[place] {
          isInside = answer
          break
        }
        path.append(place)
        if trace.kinds[block][place] == .methodExecute {
          isInside = true
          break
        }
        guard events.parents[place] >= 0 else { break }
        place = Int(events.parents[place])
      }
      for place in path { known[place] = isInside }
      path.removeAll(keepingCapacity: true)
    }
    return known.map { $0 == true }
  }

  private static func hasKernel(_ events: EventBlock, _ row: Int) -> Bool {
    // A call ends right behind its kernel, so the kernel's row stands before it, within the same instruction.
    row > 0 && events.parents[row - 1] == Int32(row)
  }

  /// Instructions that copy, change the layout or quantize, next to a delegate call or to another such instruction that is.
  private static func borderInstructions(_ aligned: AlignedTrace, _ block: Int) -> Set<Place> {
    let trace = aligned.trace
    guard trace.kinds[block].contains(.delegateCall) else { return [] }
    var movers: Set<Place> = []
    var border: Set<Place> = []
    var waiting: [Place] = []
    for row in trace.blocks[block].rows.indices {
      let place = Place(trace, trace.blocks[block].rows[row])
      switch trace.kinds[block][row] {
      case .delegateCall: waiting.append(place)
      case .kernel:
        let name = aligned.operatorName(block: block, row: row) ?? ""
        if moverMarks.contains(where: { name.containsBytes($0) }) { movers.insert(place) }
      default: break
      }
    }
    while let place = waiting.popLast() {
      for step in [Int32(-1), 1] {
        let next = Place(chain: place.chain, instruction: place.instruction &+ step)
        if movers.contains(next), border.insert(next).inserted { waiting.append(next) }
      }
    }
    return border
  }

  private static let moverMarks: [StaticString] = [
    "quantize_per", "dim_order_copy", "clone", "permute_copy", "transpose_copy", "copy_", "_to_copy",
  ]
}
