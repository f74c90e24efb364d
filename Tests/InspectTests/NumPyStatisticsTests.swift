import Statistics
import Testing

/// Against values that NumPy 2.4.6 printed: `np.percentile` and `np.mean` of the same series.
@Suite struct NumPyStatisticsTests {
  @Test func interpolatesFromTheNearerValue() {
    let values = [1.0, 2, 3, 4]
    values.withUnsafeBufferPointer {
      #expect(NumPyStatistics.percentile(10, ofSorted: $0) == 1.3)
      #expect(NumPyStatistics.percentile(50, ofSorted: $0) == 2.5)
      #expect(NumPyStatistics.percentile(90, ofSorted: $0) == 3.7)
    }
  }

  @Test func sumsInPairs() {
    // 0.1 added up: from left to right 1,000 of them give 99.9999999999986.
    let values = Array(repeating: 0.1, count: 1000)
    let sum = values.withUnsafeBufferPointer { NumPyStatistics.pairwiseSum($0) }
    #expect(sum == 100.00000000000001)
    #expect(values.reduce(0, +) != sum)
  }

  @Test func fitsALineWithItsInterval() throws {
    let fit = try #require(LinearFit(x: [0, 1, 2, 3], y: [1, 3, 5, 7]))
    #expect(fit.slope == 2)
    #expect(fit.intercept == 1)
    #expect(fit.slopeMargin == 0)
    #expect(LinearFit(x: [1, 1], y: [0, 2]) == nil)
    // Residuals ±0.1 around a slope of 0: standard error 0.1·√(4/2/5) = 0.0632…, t(0.975, 2) = 4.30265.
    let flat = try #require(LinearFit(x: [0, 1, 2, 3], y: [0.1, -0.1, -0.1, 0.1]))
    #expect(abs(flat.slope) < 1e-12)
    #expect(abs(flat.slopeMargin - 4.30265 * (0.04 / 2 / 5).squareRoot()) < 1e-9)
  }
}
