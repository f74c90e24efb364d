import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// The runs of a trace with their events' times, packed for a page.
struct ReportEvents {
  /// In the trace's order.
  private(set) var runs: [Run] = []
  /// Of the runs that are whole on the page, one after the other; for each event its row, its start and its duration.
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0

  struct Run {
    let index: Int
    let block: Int
    let iteration: Int
    let file: Int
    /// In ticks; the first event's.
    var start: Ticks = 0
    /// In ticks: `Method::execute`, or from the first start to the last end.
    var time: Int64 = 0
    /// Where its events begin in `bytes`; −1 where they are left out.
    var offset = -1
    var events = 0
  }

  /// - Parameters:
  ///   - limit: Bytes for all events. Where they do not suffice, runs are left out: the first, the last, the fastest, the
  ///     slowest and the middle one are kept, then as many as fit, evenly.
  init(_ trace: Trace, rows: ReportRows, limit: Int) {
    for (block, pooled) in trace.blocks.enumerated() {
      for (iteration, index) in pooled.runs.enumerated() {
        runs.append(
          Run(index: index, block: block, iteration: iteration, file: trace.dump.launch(ofRun: index)))
      }
    }
    runs.sort { $0.index < $1.index }
    for place in runs.indices { (runs[place].start, runs[place].time) = Self.times(of: runs[place], trace) }
    for place in order(trace) {
      let before = bytes.count
      pack(place, trace, rows)
      if bytes.count > limit && before > 0 {
        bytes.removeSubrange(before...)
        runs[place].offset = -1
        break
      }
      count += runs[place].events
    }
  }

  /// When a run started, and how long it took.
  private static func times(of run: Run, _ trace: Trace) -> (start: Ticks, time: Int64) {
    guard let range = trace.dump.runs[run.index].events else { return (0, 0) }
    let block = trace.blocks[run.block]
    var (first, last) = (Ticks.max, Ticks.min)
    for event in trace.dump.events[range] where event.kind == .profile && !event.isDelegated {
      first = min(first, event.start)
      last = max(last, event.start &+ (EventBlock.elapsed(from: event.start, to: event.end) ?? 0))
    }
    if first == .max {
      for event in trace.dump.events[range] where event.kind == .profile { first = min(first, event.start) }
      if first == .max { first = 0 }
      last = first
    }
    guard let row = trace.kinds[run.block].firstIndex(of: .methodExecute) else {
      return (first, Int64(truncatingIfNeeded: last &- first))
    }
    return (first, Int64(truncatingIfNeeded: block.duration(row: row, run: run.iteration)))
  }

  /// The runs, those first that a reader needs most.
  private func order(_ trace: Trace) -> [Int] {
    var chosen: [Int] = []
    var isChosen = [Bool](repeating: false, count: runs.count)
    func choose(_ place: Int) {
      if !isChosen[place] {
        isChosen[place] = true
        chosen.append(place)
      }
    }
    for mine in Dictionary(grouping: runs.indices, by: { runs[$0].block }).sorted(by: { $0.key < $1.key }).map(\.value)
    {
      guard let first = mine.first, let last = mine.last else { continue }
      let byTime = mine.sorted { (runs[$0].time, $0) < (runs[$1].time, $1) }
      for place in [first, byTime[byTime.count / 2], byTime[0], byTime[byTime.count - 1], last] { choose(place) }
    }
    // Halving the steps: whatever fits lies evenly.
    var step = 1
    while step < runs.count { step *= 2 }
    while step >= 1 {
      for place in stride(from: 0, to: runs.count, by: step) { choose(place) }
      step /= 2
    }
    return chosen
  }

  private mutating func pack(_ place: Int, _ trace: Trace, _ rows: ReportRows) {
    let run = runs[place]
    runs[place].offset = bytes.count
    guard let range = trace.dump.runs[run.index].events else { return }
    let block = trace.blocks[run.block]
    let map = rows.rows[run.block]
    let base = rows.ranges[run.block].lowerBound
    var (lastRow, lastEnd, count) = (Int64(base), run.start, 0)
    trace.dump.events.withUnsafeBufferPointer { events in
      for index in range where events[index].kind == .profile {
        guard let row = block.row(ofEvent: index - range.lowerBound, run: run.iteration), map[row] >= 0 else {
          continue
        }
        let (start, end) = (events[index].start, events[index].end)
        let time = EventBlock.elapsed(from: start, to: end) ?? 0
        ColumnData.put(Int64(map[row]) - lastRow, in: &bytes)
        ColumnData.put(Int64(bitPattern: start &- lastEnd), in: &bytes)
        ColumnData.put(Int64(truncatingIfNeeded: time), in: &bytes)
        lastRow = Int64(map[row])
        lastEnd = start &+ time
        count += 1
      }
    }
    runs[place].events = count
  }
}
