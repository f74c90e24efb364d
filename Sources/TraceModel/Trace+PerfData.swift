public import ETCore

extension Trace {
  /// The durations of a row with their statistics; nil for a row of values alone.
  ///
  /// A backend's events are converted end and start apart and then subtracted, as the reference does it: the last digits differ
  /// from those of a converted difference.
  ///
  /// - Parameter reference: Whether to repeat the reference's faults: a repeated event has its last duration, a clock that wraps
  ///   loses a tick.
  public func perfData(
    block: Int, row: Int, in conversion: TimeConversion, runs: [Int]? = nil, reference: Bool = false
  ) -> PerfData? {
    let events = blocks[block]
    guard events.rows[row].hasProfile else { return nil }
    let isDelegated = kinds[block][row] == .delegated
    let details = events.irregularities(row: row)
    func raw(_ run: Int) -> Double {
      let start = events.start(row: row, run: run)
      let duration = events.duration(row: row, run: run)
      if let detail = details?[run] {
        if reference { return Self.referenceDuration(detail, isDelegated: isDelegated, conversion) }
        return conversion.convert(duration)
      }
      return isDelegated
        ? conversion.convert(start &+ duration) - conversion.convert(start) : conversion.convert(duration)
    }
    let values = runs.map { $0.map(raw) } ?? events.runs.indices.map(raw)
    return values.isEmpty ? nil : PerfData(raw: values)
  }

  /// When a row's event started in each run, in ticks; nil for a row of values alone.
  public func starts(block: Int, row: Int, reference: Bool = false) -> [Ticks]? {
    let events = blocks[block]
    guard events.rows[row].hasProfile else { return nil }
    return events.runs.indices.map { run in
      if reference, let detail = events.irregularities(row: row)?[run] { return detail.lastStart }
      return events.start(row: row, run: run)
    }
  }

  private static func referenceDuration(
    _ detail: EventBlock.RunDetail, isDelegated: Bool, _ conversion: TimeConversion
  ) -> Double {
    let largest = UInt64(UInt32.max)
    if isDelegated {
      let (start, end) = (conversion.convert(detail.lastStart), conversion.convert(detail.lastEnd))
      return start > end ? (Double(largest) - start) + end : end - start
    }
    let wraps = detail.lastStart > detail.lastEnd
    return conversion.convert(wraps ? largest - detail.lastStart + detail.lastEnd : detail.lastEnd - detail.lastStart)
  }
}
