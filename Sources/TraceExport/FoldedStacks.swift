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
    var order: [String] = []
    var totals: [String: UInt64] = [:]
    for (index, block) in trace.aligned.trace.blocks.enumerated() {
      let own = SelfTimes(block)
      for row in block.rows.indices where block.rows[row].hasProfile {
        let ticks = own.total(row: row, runs: block.runs.indices)
        guard ticks > 0 else { continue }
        let stack = trace.stack(block: index, row: row).map(Self.frame).joined(separator: ";")
        if totals[stack] == nil { order.append(stack) }
        totals[stack, default: 0] &+= trace.clock.nanoseconds(UInt64(ticks))
      }
    }
    for stack in order {
      text.put(Array(stack.utf8))
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
        name.unicodeScalars.map { $0 == ";" ? ":" : $0.value < 32 || $0.value == 127 ? " " : $0 }))
  }
}
