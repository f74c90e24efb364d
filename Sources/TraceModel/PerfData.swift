public import ETCore
import Statistics

/// The durations of one row over the runs of its block, in the target time scale, with the reference's statistics.
public struct PerfData: Sendable, Equatable {
  /// One for each run.
  public let raw: [Double]
  public let p10: Double
  public let p50: Double
  public let p90: Double
  public let avg: Double
  public let min: Double
  public let max: Double
  /// Of a sample: n − 1 in the denominator. 0 for one run.
  public let standardDeviation: Double

  /// - Precondition: `raw` is not empty.
  public init(raw: [Double]) {
    self.raw = raw
    if raw.count == 1 {
      (p10, p50, p90, avg, min, max, standardDeviation) = (raw[0], raw[0], raw[0], raw[0], raw[0], raw[0], 0)
      return
    }
    let sorted = raw.sorted()
    (p10, p50, p90) = sorted.withUnsafeBufferPointer {
      (
        NumPyStatistics.percentile(10, ofSorted: $0), NumPyStatistics.percentile(50, ofSorted: $0),
        NumPyStatistics.percentile(90, ofSorted: $0)
      )
    }
    (avg, standardDeviation) = raw.withUnsafeBufferPointer {
      (NumPyStatistics.mean($0), NumPyStatistics.standardDeviation($0))
    }
    min = sorted[0]
    max = sorted[sorted.count - 1]
  }
}

/// From the unit of a trace's ticks to the unit of a report.
public struct TimeConversion: Sendable, Equatable {
  public let source: TimeScale
  public let target: TimeScale
  /// A tick is `numerator / denominator` source units: `et_pal_ticks_to_ns_multiplier`, which traces do not store.
  public let tickRatio: (numerator: UInt64, denominator: UInt64)

  /// - Throws: `InvalidTimeScales` for cycles on one side only: how long a cycle is, nobody knows.
  public init(
    from source: TimeScale = .ns, to target: TimeScale = .ms,
    tickRatio: (numerator: UInt64, denominator: UInt64) = (1, 1)
  ) throws(InvalidTimeScales) {
    guard (source == .cycles) == (target == .cycles) else { throw InvalidTimeScales() }
    self.source = source
    self.target = target
    self.tickRatio = tickRatio
  }

  /// What source units are divided by.
  public var factor: Double { source.factor(to: target) }

  /// Ticks in the target scale: the ratio first, as the device would have applied it, then the division.
  public func convert(_ ticks: Ticks) -> Double {
    if tickRatio == (1, 1) { return Double(ticks) / factor }
    return Double(ticks) * Double(tickRatio.numerator) / Double(tickRatio.denominator) / factor
  }

  /// A signed sum of ticks in the target scale.
  public func convert(_ ticks: Int64) -> Double {
    ticks < 0 ? -convert(Ticks(ticks.magnitude)) : convert(Ticks(ticks.magnitude))
  }

  public static func == (a: TimeConversion, b: TimeConversion) -> Bool {
    a.source == b.source && a.target == b.target && a.tickRatio == b.tickRatio
  }
}

/// Cycles cannot be converted to time, nor time to cycles.
public struct InvalidTimeScales: Error, CustomStringConvertible {
  public var description: String {
    "cycles have no length in time: give cycles both as --source-time-scale and as --target-time-scale, or as neither"
  }
}
