import Analysis
import Bytes
import TraceModel

/// Folded stacks, `frame;frame;frame nanoseconds`, as flamegraph.pl, speedscope and pprof's tools read them: the method, the module's
/// path, the operator, the backend's kernel. Values are times of their own, sums over the chosen runs.
///
/// A delegate's kernels can add up to more than their call, where their clock rounds: the call then has no time of its own.
struct FoldedStacks {
  let trace: ExportedTrace

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    var stacks = RowStacks(trace, frame: Self.frame)
    /// By stack; nil for those that only lie around others.
    var totals: [UInt64?] = []
    var order: [Int] = []
    for (index, block) in trace.aligned.trace.blocks.enumerated() {
      let own = SelfTimes(block)
      let stackOfRow = stacks.stacks(ofBlock: index)
      totals += Array(repeating: nil, count: stacks.tree.count - totals.count)
      for row in block.rows.indices where block.rows[row].hasProfile {
        var ticks: Int64 = 0
        for run in block.runs.indices { ticks &+= own.ticks(row: row, run: run) }
        guard ticks > 0 else { continue }
        let stack = Int(stackOfRow[row])
        if totals[stack] == nil { order.append(stack) }
        totals[stack] = (totals[stack] ?? 0) &+ trace.clock.nanoseconds(UInt64(ticks))
      }
    }
    for stack in order {
      for (index, frame) in stacks.tree.frames(of: Int32(stack)).reversed().enumerated() {
        if index > 0 { text.put(";") }
        text.put(Array(frame.utf8))
      }
      text.put(" ")
      text.put(totals[stack] ?? 0)
      text.put("\n")
      try text.endRecord()
    }
    try text.flush()
  }

  /// A name without what separates frames and lines.
  private static func frame(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { scalar in
          switch scalar.value {
          case 0x3B: ":"
          // Control characters, and separators of lines and paragraphs.
          case 0..<32, 127..<160, 0x2028, 0x2029: " "
          default: scalar
          }
        }))
  }
}
