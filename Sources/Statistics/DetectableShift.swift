/// What a test could have found.
public enum DetectableShift {
  /// The smallest shift between two samples that the test of Mann and Whitney finds in four of five cases.
  ///
  /// `(z(1 − α/2) + z(0.8)) · σ · √(1/n + 1/m) · √(π/3)`, where σ is the spread within the samples, taken from the median absolute
  /// deviation from each sample's own median; the last factor is what ranks cost where the values are normal.
  ///
  /// - Parameter alpha: Of one test: divided by the number of tests where there are several.
  /// - Returns: nil where samples of these sizes can show nothing at this α, however large.
  public static func smallest(_ first: [Double], _ second: [Double], alpha: Double) -> Double? {
    guard MannWhitney.smallestP(first.count, second.count) <= alpha else { return nil }
    let (n, m) = (Double(first.count), Double(second.count))
    let deviations = (deviations(first) + deviations(second)).sorted()
    guard n + m > 2 else { return nil }
    // Two medians were taken from the data.
    let sigma = 1.482602218505602 * median(deviations) * ((n + m) / (n + m - 2)).squareRoot()
    let z = -Normal.quantile(alpha / 2) + 0.8416212335729143
    return z * sigma * (1 / n + 1 / m).squareRoot() * (Double.pi / 3).squareRoot()
  }

  private static func deviations(_ values: [Double]) -> [Double] {
    let centre = median(values.sorted())
    return values.map { abs($0 - centre) }
  }

  private static func median(_ sorted: [Double]) -> Double {
    let count = sorted.count
    return count == 0 ? 0 : (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}
