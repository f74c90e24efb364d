import ETCore
import Presentation
import Statistics
import TraceModel

/// For a trace with a prefill and decode steps: first token, time per token, and which operators grow with the position.
struct TokenReport {
  let aligned: AlignedTrace
  let conversion: TimeConversion

  var text: String {
    let trace = aligned.trace
    var out = ""
    for block in trace.blocks.indices {
      let phases = aligned.phases[block]
      guard let prefill = phases.first(where: { $0.name == .prefill }),
        let decode = phases.first(where: { $0.name == .decode }),
        let whole = trace.kinds[block].firstIndex(of: .methodExecute), decode.runs.count >= 3
      else { continue }
      let unit = conversion.target.rawValue
      let first = time(block, whole, prefill.runs)
      let token = time(block, whole, decode.runs)
      out +=
        "tokens: first token after \(NumberText.short(first)) \(unit) (prefill), then \(NumberText.short(token)) \(unit) a token (median of \(decode.runs.count))\n"
      for growth in growing(block, decode.runs).prefix(8) {
        let micro = conversion.target == .cycles ? "cycles" : "µs"
        let scale = conversion.target == .cycles ? 1 : 1_000_000 / conversion.target.unitsPerSecond
        out +=
          "  \(growth.name) grows \(NumberText.short(growth.fit.slope * scale)) ± \(NumberText.short(growth.fit.slopeMargin * scale)) \(micro) a token\n"
      }
    }
    return out
  }

  private func time(_ block: Int, _ row: Int, _ runs: [Int]) -> Double {
    let times = runs.map { conversion.convert(aligned.trace.blocks[block].duration(row: row, run: $0)) }
    return PerfData(raw: times).p50
  }

  /// Operators whose time depends on the run's index: the slope's 95 % interval lies above 0, and the growth over all runs is
  /// a tenth of the operator's time or more. Calls of one operator are added up.
  private func growing(_ block: Int, _ runs: [Int]) -> [(name: String, fit: LinearFit)] {
    let events = aligned.trace.blocks[block]
    var series: [String: [Double]] = [:]
    for row in events.rows.indices {
      let name: String?
      switch aligned.trace.kinds[block][row] {
      case .kernel: name = aligned.operatorName(block: block, row: row)
      case .delegateCall: name = "DELEGATE_CALL \(aligned.trace.instruction(of: events.rows[row]))"
      default: name = nil
      }
      guard let name else { continue }
      let times = runs.map { conversion.convert(events.duration(row: row, run: $0)) }
      series[name] = series[name].map { zip($0, times).map(+) } ?? times
    }
    let x = runs.map { Double($0) }
    return series.compactMap { name, times -> (name: String, fit: LinearFit)? in
      guard let fit = LinearFit(x: x, y: times), fit.slope > fit.slopeMargin,
        fit.slope * Double(runs.count) > 0.1 * PerfData(raw: times).p50
      else { return nil }
      return (name, fit)
    }
    .sorted { $0.fit.slope != $1.fit.slope ? $0.fit.slope > $1.fit.slope : $0.name < $1.name }
  }
}
