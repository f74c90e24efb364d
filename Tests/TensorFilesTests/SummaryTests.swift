import Statistics
import Testing

@Suite struct SummaryTests {
  /// Worked by hand: places 0.5 · 4, 0.9 · 4 and 0.99 · 4 of the sorted values.
  @Test func givesPercentilesAndMean() throws {
    let summary = try #require(Summary(of: [5, 1, 4, 2, 13]))
    #expect(summary.count == 5 && summary.min == 1 && summary.max == 13 && summary.mean == 5 && summary.p50 == 4)
    #expect(abs(summary.p90 - 9.8) < 1e-12 && abs(summary.p99 - 12.68) < 1e-12)
  }

  @Test func oneValueIsAllOfThem() {
    let summary = Summary(of: [3])
    #expect(summary?.p50 == 3 && summary?.p99 == 3 && summary?.mean == 3)
    #expect(Summary(of: []) == nil)
  }
}
