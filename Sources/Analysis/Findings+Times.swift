import ETCore
import ETDumpFormat
import TraceModel

// What can be said of the times of a block.
extension Findings {
  static func place(_ trace: Trace, _ block: Int, _ row: Int, run: Int = 0) -> Finding.Place {
    let events = trace.blocks[block]
    let event = events.rows[row]
    let instruction = Int(trace.instruction(of: event).value)
    return .init(
      block: block, run: events.runs.indices.contains(run) ? events.runs[run] : nil,
      instruction: trace.chain(of: event) < 0 || instruction < 0 ? nil : instruction)
  }

  static func checkTimes(_ trace: Trace, _ block: Int, _ list: inout FindingList) {
    let events = trace.blocks[block]
    for row in events.rows.indices {
      guard let details = events.irregularities(row: row) else { continue }
      for (run, detail) in details.enumerated() {
        lazy var name = trace.name(of: events.rows[row])
        if detail.backwards > 0 {
          list.add(
            .clockBackwards, place(trace, block, row, run: run),
            "\(name) starts at \(detail.lastStart) and ends at \(detail.lastEnd)",
            mend: "use a monotonic clock for et_pal_current_ticks")
        }
        if detail.wraps > 0 {
          list.add(
            .clockWrap, place(trace, block, row, run: run),
            "the 32-bit clock wrapped during \(name); one lap of 2^32 ticks was added",
            mend: "give the platform a 64-bit et_pal_current_ticks if events can last longer than a lap")
        }
      }
      if let run = details.firstIndex(where: { $0.count > 1 }) {
        list.add(
          .repeatedSignature, place(trace, block, row, run: run),
          "\(trace.name(of: events.rows[row])) occurs \(details[run].count) times in a run: its times are added up, the reference keeps the last",
          mend: "nothing, where it is a loop; else give events names of their own")
      }
    }
  }

  static func checkDelegates(_ aligned: AlignedTrace, _ block: Int, _ list: inout FindingList) {
    let trace = aligned.trace
    let events = trace.blocks[block]
    var onTheClock: [Int] = []
    for row in events.rows.indices where trace.kinds[block][row] == .delegated {
      if events.isForeign[row] {
        let backend = aligned.backend(block: block, row: row) ?? "a backend"
        list.add(
          .foreignClock, place(trace, block, row), group: backend,
          "\(backend) times “\(trace.name(of: events.rows[row]))” by another clock than the run's: its times do not lie within its call",
          mend: "read them on their own; the backend's documentation names the unit")
      } else {
        onTheClock.append(row)
      }
      if events.name != "Default", !isInsideCall(row, trace, block) {
        list.add(
          .strayDelegateEvent, place(trace, block, row),
          "“\(trace.name(of: events.rows[row]))” is a delegate's event and no DELEGATE_CALL of its instruction follows",
          mend: "end or log it before the delegate's execute returns")
      }
    }
    guard onTheClock.count >= 3, let grid = Clock.grid(of: onTheClock, in: events), grid > 1 else { return }
    let below = onTheClock.count { row in
      let times = events.runs.indices.map { events.duration(row: row, run: $0) }.sorted()
      return times[times.count / 2] < grid
    }
    if below * 5 >= onTheClock.count {
      list.add(
        .coarseGrid, .init(block: block), group: "\(block)",
        "the backend's clock counts in steps of \(grid) ticks, and \(below) of \(onTheClock.count) kernels are shorter in most runs",
        mend: "judge these kernels by averages over a hundred runs or more")
    }
  }

  private static func isInsideCall(_ row: Int, _ trace: Trace, _ block: Int) -> Bool {
    var row = Int(trace.blocks[block].parents[row])
    while row >= 0 {
      if trace.kinds[block][row] == .delegateCall { return true }
      row = Int(trace.blocks[block].parents[row])
    }
    return false
  }

  /// Rows that lie outside what encloses them, and parts that add up to more than the whole. A backend rounds each of its times:
  /// a step of its clock for each part is no finding.
  static func checkNesting(_ trace: Trace, _ block: Int, _ list: inout FindingList) {
    let events = trace.blocks[block]
    let delegated = events.rows.indices.filter { trace.kinds[block][$0] == .delegated && !events.isForeign[$0] }
    let grid = max(Clock.grid(of: delegated, in: events) ?? 1, 1)
    // A few equal durations have a divisor as large as they are: no clock that is worth reading has steps of over a million.
    let step = Int64(min(grid, 1_000_000))
    var parts = [Int64](repeating: 0, count: events.rows.count)
    var isSummed = [Bool](repeating: true, count: events.rows.count)
    for row in events.rows.indices where events.parents[row] >= 0 && !events.isForeign[row] {
      parts[Int(events.parents[row])] += trace.kinds[block][row] == .delegated ? step : 0
      // A repeated event may have parts that are repeated less often, and the reverse.
      if events.irregularities(row: row) != nil { isSummed[Int(events.parents[row])] = false }
    }
    let own = SelfTimes(events)
    for row in events.rows.indices {
      // A repeated event has one sum for several places in time.
      guard events.irregularities(row: row) == nil else { continue }
      for run in events.runs.indices
      where isSummed[row] && own.ticks(row: row, run: run) < -parts[row]
        && events.duration(row: row, run: run) <= Ticks(Int64.max)
      {
        list.add(
          .outsideParent, place(trace, block, row, run: run), group: "sum",
          "what is inside \(trace.name(of: events.rows[row])) takes \(own.ticks(row: row, run: run).magnitude) ticks more than it does itself",
          mend: "events of several threads, or of a clock with another unit: read their times on their own")
      }
      let parent = Int(events.parents[row])
      guard parent >= 0, !events.isForeign[row], events.irregularities(row: parent) == nil else { continue }
      let slack = trace.kinds[block][row] == .delegated ? 2 * Ticks(step) : 0
      for run in events.runs.indices {
        let (start, outer) = (events.start(row: row, run: run), events.start(row: parent, run: run))
        let end = start &+ events.duration(row: row, run: run)
        let outerEnd = outer &+ events.duration(row: parent, run: run)
        if start &+ slack < outer || end > outerEnd &+ slack {
          list.add(
            .outsideParent, place(trace, block, row, run: run), group: "place",
            "\(trace.name(of: events.rows[row])) lies within \(trace.name(of: events.rows[parent])) in the first run of its block, and outside in run \(events.runs[run])",
            mend: "events of several threads, or a clock that drifts: read their times on their own")
        }
      }
    }
  }
}
