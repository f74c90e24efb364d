/// A straight line through points, fitted by least squares.
public struct LinearFit: Sendable, Equatable {
  public let slope: Double
  public let intercept: Double
  /// Half the width of the 95 % confidence interval of the slope; infinite for fewer than three points.
  public let slopeMargin: Double

  /// Fits `y = intercept + slope · x`.
  ///
  /// The interval is Student's: t(0.975, n − 2) times the slope's standard error, for errors that are independent, normal and of equal size.
  ///
  /// - Returns: nil for fewer than two points or when all x are equal.
  public init?(x: [Double], y: [Double]) {
    precondition(x.count == y.count)
    let count = Double(x.count)
    guard x.count >= 2 else { return nil }
    let meanX = x.reduce(0, +) / count
    let meanY = y.reduce(0, +) / count
    var xx = 0.0
    var xy = 0.0
    for (a, b) in zip(x, y) {
      xx += (a - meanX) * (a - meanX)
      xy += (a - meanX) * (b - meanY)
    }
    guard xx > 0 else { return nil }
    slope = xy / xx
    intercept = meanY - slope * meanX
    guard x.count >= 3 else {
      slopeMargin = .infinity
      return
    }
    var residual = 0.0
    for (a, b) in zip(x, y) {
      let error = b - (intercept + slope * a)
      residual += error * error
    }
    slopeMargin = StudentT.quantile975(degrees: x.count - 2) * (residual / (count - 2) / xx).squareRoot()
  }
}

/// Student's t distribution.
public enum StudentT {
  /// The 97.5 % quantile, for two-sided 95 % intervals.
  ///
  /// Tabulated up to 30 degrees of freedom; beyond, the Cornish–Fisher expansion around the normal quantile
  /// (Abramowitz and Stegun 26.7.5), which is good to five digits there.
  public static func quantile975(degrees: Int) -> Double {
    precondition(degrees >= 1)
    if degrees <= table.count { return table[degrees - 1] }
    let z = 1.959963984540054
    let n = Double(degrees)
    let g1 = (z * z * z + z) / 4
    let g2 = (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / 96
    return z + g1 / n + g2 / (n * n)
  }

  private static let table = [
    12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814, 2.20099, 2.17881,
    2.16037,
    2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596, 2.07961, 2.07387, 2.06866, 2.06390, 2.05954, 2.05553,
    2.05183, 2.04841, 2.04523, 2.04227,
  ]
}
