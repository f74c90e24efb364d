import ETCore
public import TraceModel

/// What each row of a block spent itself: its time less that of the rows directly inside, in ticks.
///
/// Under one `Method::execute` self times add up to it exactly. One can be below zero: XNNPACK rounds each kernel to whole
/// microseconds, so kernels can add up to more than their call.
public struct SelfTimes: Sendable {
  private let width: Int
  private let times: [Int64]

  public init(_ block: EventBlock) {
    let width = block.rows.count
    var times = [Int64](repeating: 0, count: width * block.runs.count)
    for run in block.runs.indices {
      let base = run * width
      for row in 0..<width {
        let duration = Int64(truncatingIfNeeded: block.duration(row: row, run: run))
        times[base + row] &+= duration
        let parent = Int(block.parents[row])
        if parent >= 0 && !block.isForeign[row] { times[base + parent] &-= duration }
      }
    }
    self.width = width
    self.times = times
  }

  public func ticks(row: Int, run: Int) -> Int64 { times[run * width + row] }

  public func total(row: Int, runs: some Sequence<Int>) -> Int64 { runs.reduce(0) { $0 &+ ticks(row: row, run: $1) } }
}
