/// The numbers by which a series of measurements is reported: percentiles and mean as NumPy computes them.
public struct Summary: Sendable, Equatable {
  public let count: Int
  public let min: Double
  public let mean: Double
  public let p50: Double
  public let p90: Double
  public let p99: Double
  public let max: Double

  /// - Parameter values: In any order; none may be a NaN.
  /// - Returns: nil for no values.
  public init?(of values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    count = sorted.count
    (min, max) = (sorted[0], sorted[sorted.count - 1])
    mean = values.withUnsafeBufferPointer { NumPyStatistics.mean($0) }
    (p50, p90, p99) = sorted.withUnsafeBufferPointer {
      (
        NumPyStatistics.percentile(50, ofSorted: $0), NumPyStatistics.percentile(90, ofSorted: $0),
        NumPyStatistics.percentile(99, ofSorted: $0)
      )
    }
  }
}
