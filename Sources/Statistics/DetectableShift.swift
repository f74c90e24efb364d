/// What a test could have found.
public enum DetectableShift {
  /// The smallest shift between two samples that the test of Mann and Whitney finds in four of five cases.
  ///
  /// `(t(1 − α/2) + t(0.8)) · σ · √(1/n + 1/m) · √(π/3)`, where σ is the spread within the samples, taken from the median absolute
  /// deviation from each sample's own median; the last factor is what ranks cost where the values are normal.
  ///
  /// - Parameter alpha: Of one test: divided by the number of tests where there are several.
  /// - Returns: nil where samples of these sizes can show nothing at this α, however large.
  public static func smallest(_ first: [Double], _ second: [Double], alpha: Double) -> Double? {
    guard MannWhitney.smallestP(first.count, second.count) <= alpha else { return nil }
    let (n, m) = (Double(first.count), Double(second.count))
    let deviations = (deviations(first) + deviations(second)).sorted()
    guard n + m > 2 else { return nil }
    // Few values lie nearer to their own median than to the true one (Croux and Rousseeuw, 1992).
    let each = (n + m) / 2
    let sigma = 1.482602218505602 * median(deviations) * each / max(1, each - 0.8)
    return (student(1 - alpha / 2, n + m - 2) + student(0.8, n + m - 2)) * sigma * (1 / n + 1 / m).squareRoot()
      * (Double.pi / 3).squareRoot()
  }

  /// Student's quantile, by the first terms of its expansion around the normal one: good to a few percent from four degrees on.
  private static func student(_ p: Double, _ degrees: Double) -> Double {
    let z = Normal.quantile(p)
    return z + (z * z * z + z) / (4 * degrees) + (5 * z * z * z * z * z + 16 * z * z * z + 3 * z)
      / (96 * degrees * degrees)
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
