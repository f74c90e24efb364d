public import ETCore

/// What can be told of a clock from the times that it gave.
public enum Clock {
  /// The step in which the durations of some rows come, in ticks: 1,000 for a clock of whole microseconds in a trace of nanoseconds.
  ///
  /// It is the greatest common divisor of all durations, so it can be larger than the clock's true step when few were seen.
  ///
  /// - Returns: nil for fewer than three durations above 0: they could agree by chance.
  public static func grid(of rows: some Sequence<Int>, in block: EventBlock) -> Ticks? {
    var divisor: Ticks = 0
    var seen = 0
    for row in rows {
      for run in block.runs.indices {
        let duration = block.duration(row: row, run: run)
        guard duration > 0 else { continue }
        seen += 1
        divisor = greatestCommonDivisor(divisor, duration)
        if divisor == 1 && seen >= 3 { return 1 }
      }
    }
    return seen >= 3 ? divisor : nil
  }

  private static func greatestCommonDivisor(_ a: Ticks, _ b: Ticks) -> Ticks {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}
