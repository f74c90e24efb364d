import Analysis
import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// What a reader must know before believing a number: runs, clocks, logging, drift, what is unattributed.
struct TrustLines {
  let aligned: AlignedTrace
  let inputs: Inputs
  let account: Account
  let conversion: TimeConversion

  var text: String {
    let trace = aligned.trace
    var lines = "trace: \(inputs.names.traces.joined(separator: ", "))"
    lines += ", \(count(account.runs, "execution")), \(count(inputs.dump.events.count, "event"))\n"
    lines += "trust: " + ([clocks] + [logging, warmUp, unattributed].compactMap { $0 }).joined(separator: "; ") + "\n"
    if let alignmentLine { lines += "alignment: \(alignmentLine)\n" }
    if trace.blocks.contains(where: { $0.isForeign.contains(true) }) {
      lines += "clocks: events marked (other clock) were timed by a clock of their backend's; they are in no sum\n"
    }
    return lines
  }

  private func count(_ number: Int, _ noun: String) -> String {
    NumberText.grouped(Int64(number)) + " " + noun + (number == 1 ? "" : "s")
  }

  private func time(_ ticks: Int64) -> String {
    NumberText.short(conversion.convert(ticks)) + " " + conversion.target.rawValue
  }

  /// The steps of the clocks, and how many of the events on each are shorter than a step.
  private var clocks: String {
    let trace = aligned.trace
    var parts: [String] = []
    for (label, isDelegated) in [("the run's clock", false), ("the backends' clock", true)] {
      var grids: [Ticks] = []
      var below = 0
      var total = 0
      for (block, events) in trace.blocks.enumerated() {
        let rows = events.rows.indices.filter {
          events.rows[$0].hasProfile && (trace.kinds[block][$0] == .delegated) == isDelegated && !events.isForeign[$0]
        }
        guard let grid = Clock.grid(of: rows, in: events) else { continue }
        grids.append(grid)
        guard isDelegated else { continue }
        total += rows.count
        below += rows.count { row in
          let times = events.runs.indices.map { events.duration(row: row, run: $0) }.sorted()
          return times[times.count / 2] < grid
        }
      }
      guard let grid = grids.min() else { continue }
      var part = "\(label) counts in steps of \(grid) \(conversion.source.rawValue)"
      if total > 0 { part += ", \(below) of \(total) kernels lie below one" }
      parts.append(part)
    }
    return parts.isEmpty ? "too few times to tell a clock's step" : parts.joined(separator: "; ")
  }

  private var logging: String? {
    let tensors = inputs.dump.tensors
    guard !inputs.dump.debugValues.isEmpty else { return "no values logged" }
    let bytes = tensors.reduce(Int64(0)) { sum, tensor in
      let sizes = tensor.sizes.map { inputs.dump.dimensions[$0] } ?? []
      return sum &+ sizes.reduce(Int64(tensor.scalarType.size ?? 0)) { $0 &* $1 }
    }
    return
      "VALUES LOGGED (\(count(inputs.dump.debugValues.count, "value")), \(NumberText.grouped(bytes)) bytes copied): the times include the copies"
  }

  private var warmUp: String? {
    let trace = aligned.trace
    var parts: [String] = []
    for block in trace.blocks.indices where trace.kinds[block].contains(.methodExecute) {
      guard let row = trace.kinds[block].firstIndex(of: .methodExecute) else { continue }
      for phase in aligned.phases[block] {
        if phase.name == .cold {
          parts.append(
            phase.runs.count == 1
              ? "run \(phase.runs[0]) was cold and stands apart"
              : "\(phase.runs.count) first runs were cold and stand apart")
          continue
        }
        let times = phase.runs.map { Double(trace.blocks[block].duration(row: row, run: $0)) }
        let warmUp = Set(trace.warmUp(block: block, runs: phase.runs))
        let warm = warmUp.count
        let isOneLaunch = trace.dump.launches.count == 1
        if warm > 0 && !isOneLaunch {
          parts.append("warm-up: \(count(warm, "run")) at the beginning of their launches")
        }
        if warm > 0 && isOneLaunch {
          let median = times.sorted()[times.count / 2]
          let first = NumberText.fixed(times[0] / median, 1)
          parts.append(
            "warm-up: the first \(warm == 1 ? "run" : "\(warm) runs") (\(first)× the median); --runs \(warm).. leaves it out"
          )
        }
        let settled = zip(phase.runs, times).filter { !warmUp.contains($0.0) }.map(\.1)
        if settled.count >= 8 && isOneLaunch {
          let half = settled.count / 2
          let (a, b) = (settled.prefix(half).sorted()[half / 2], settled.suffix(half).sorted()[half / 2])
          let drift = b / a - 1
          if abs(drift) > 0.02 {
            parts.append("drift \(drift > 0 ? "+" : "")\(NumberText.percent(drift)) from the first half to the second")
          }
        }
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private var unattributed: String? {
    guard account.total > 0 else { return nil }
    let open = account.parts.filter {
      $0.name.hasSuffix("not accounted for by its kernels") || $0.name == "between instructions"
    }
    .reduce(0) { $0 + max(0, $1.ticks) }
    return "\(NumberText.percent(Double(open) / Double(account.total))) unattributed"
  }

  private var alignmentLine: String? {
    guard let program = aligned.program else { return nil }
    let kernels = program.kernels.flatMap(\.values)
    guard !kernels.isEmpty else { return nil }
    let placed = kernels.count { $0.primary != nil }
    let inserted = kernels.count { $0.isInserted }
    var line =
      "\(placed) of \(kernels.count) XNNPACK kernels have one source group (delegate time is divided: each kernel once)"
    if inserted > 0 { line += ", \(inserted) of them inserted by lowering" }
    let reasons = Set(kernels.filter { $0.primary == nil }.map(\.why)).sorted()
    if !reasons.isEmpty { line += "; the rest: " + reasons.prefix(3).joined(separator: "; ") }
    return line
  }
}
