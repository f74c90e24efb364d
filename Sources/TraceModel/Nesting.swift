import ETCore
import ETDumpFormat

/// Finds what encloses what in a block, on its first run.
///
/// Events stand in the order in which they ended, so an event encloses those before it that lie within its time and are not
/// enclosed yet. A backend's events are different: many are written after the fact, on a clock of their own. They belong to the
/// `DELEGATE_CALL` of their instruction that comes next in the stream, wherever their times lie.
enum Nesting {
  static func find(in block: inout EventBlock, of dump: ETDump, kinds: [RowKind]) {
    let width = block.rows.count
    var parents = [Int32](repeating: -1, count: width)
    var foreign = [Bool](repeating: false, count: width)
    guard let run = block.runs.first, let events = dump.runs[run].events else {
      block.parents = parents
      block.isForeign = foreign
      return
    }
    // Rows in the order in which their first occurrence ended.
    let order = firstOccurrences(events, block, dump)
    var open: [(row: Int, start: Ticks, end: Ticks)] = []
    var delegated: [Place: [Int]] = [:]
    let all = dump.events
    for row in order {
      let event = all[block.rows[row].event]
      if kinds[row] == .delegated {
        delegated[Place(event), default: []].append(row)
        continue
      }
      if kinds[row] == .delegateCall || event.chainIndex < 0 {
        if let mine = delegated.removeValue(forKey: Place(event)) {
          adopt(mine, by: row, &parents, &foreign, block, dump)
        }
      }
      while let last = open.last, last.start >= event.start, last.end <= event.end {
        parents[last.row] = Int32(row)
        open.removeLast()
      }
      open.append((row, event.start, event.end))
    }
    block.parents = parents
    block.isForeign = foreign
  }

  /// Where in the program an event happened.
  private struct Place: Hashable {
    let instruction: Int32
    let chain: Int32

    init(_ event: ETDump.Event) {
      instruction = event.instructionID
      chain = event.chainIndex
    }
  }

  private static func firstOccurrences(_ events: Range<Int>, _ block: EventBlock, _ dump: ETDump) -> [Int] {
    // A row remembers its first event; those of the first run lie in `events`.
    var rowOfEvent = [Int32](repeating: -1, count: events.count)
    for (index, row) in block.rows.enumerated() where row.hasProfile && events.contains(row.event) {
      rowOfEvent[row.event - events.lowerBound] = Int32(truncatingIfNeeded: index)
    }
    return rowOfEvent.lazy.filter { $0 >= 0 }.map { Int($0) }
  }

  /// Gives a call its backend's events: those on its clock nested by time, the others marked.
  private static func adopt(
    _ rows: [Int], by call: Int, _ parents: inout [Int32], _ foreign: inout [Bool], _ block: EventBlock, _ dump: ETDump
  ) {
    let grid = Clock.grid(of: rows, in: block)
    for row in rows {
      parents[row] = Int32(call)
      foreign[row] = !liesWithin(row, call, block, slack: 2 * max(grid ?? 1, 1))
    }
    // Events of no length have no inside, and at a border no outside: they stay where the stream puts them.
    let timed = rows.filter {
      !foreign[$0] && dump.events[block.rows[$0].event].end > dump.events[block.rows[$0].event].start
    }
    .sorted { a, b in
      let (x, y) = (dump.events[block.rows[a].event], dump.events[block.rows[b].event])
      return x.start != y.start ? x.start < y.start : x.end > y.end
    }
    var open: [Int] = []
    for row in timed {
      let event = dump.events[block.rows[row].event]
      while let last = open.last {
        let other = dump.events[block.rows[last].event]
        if event.end <= other.end && event.end - event.start < other.end - other.start { break }
        open.removeLast()
      }
      if let last = open.last { parents[row] = Int32(last) }
      open.append(row)
    }
  }

  /// Whether a backend's event lies in its call in most runs. One that does not was timed by another clock.
  private static func liesWithin(_ row: Int, _ call: Int, _ block: EventBlock, slack: Ticks) -> Bool {
    var inside = 0
    for run in block.runs.indices {
      let (start, length) = (block.start(row: row, run: run), block.duration(row: row, run: run))
      let (callStart, callLength) = (block.start(row: call, run: run), block.duration(row: call, run: run))
      let (end, callEnd) = (start &+ length, callStart &+ callLength)
      if start &+ slack >= callStart && end <= callEnd &+ slack { inside += 1 }
    }
    return inside * 2 > block.runs.count
  }
}
