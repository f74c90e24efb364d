import Statistics
import Testing

/// Against SciPy 1.17.1: `mannwhitneyu`, `false_discovery_control`, `norm`; where it has no answer, all choices of ranks counted in
/// NumPy (`itertools.combinations`), which is what exact means.
@Suite struct RankStatisticsTests {
  static let a = [12.1, 11.7, 12.9, 13.4, 12.0, 11.9, 12.6]
  static let b = [13.0, 13.9, 12.8, 14.4, 13.3, 13.1]
  static let longA = (0..<30).map { Double(($0 * 37) % 101) }
  static let longB = (0..<25).map { Double(($0 * 53) % 101 + 7) }

  private func isClose(_ x: Double, _ y: Double, _ tolerance: Double = 1e-12) -> Bool {
    abs(x - y) <= tolerance * max(1, abs(y))
  }

  @Test func countsOutSmallSamples() {
    let test = MannWhitney(Self.a, Self.b)
    #expect(test.u == 37)
    #expect(test.isExact)
    #expect(isClose(test.p, 0.022144522144522144))
    #expect(isClose(MannWhitney(Self.b, Self.a).p, test.p))
    #expect(isClose(MannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).p, 0.007936507936507936))
    #expect(isClose(MannWhitney.smallestP(5, 5), 0.007936507936507936))
  }

  @Test func countsOutTies() {
    let test = MannWhitney([100, 101, 101, 102, 103, 103, 104, 100], [102, 103, 103, 104, 105, 106, 104])
    #expect(test.u == 47.5)
    #expect(isClose(test.p, 0.024553224553224555))
    #expect(MannWhitney([3, 3, 3], [3, 3]).p == 1)
  }

  @Test func takesLargeSamplesForNormal() {
    let test = MannWhitney(Self.longA, Self.longB)
    #expect(test.u == 409)
    #expect(!test.isExact)
    #expect(isClose(test.p, 0.571166018447812))
    #expect(MannWhitney(Array(repeating: 1, count: 60), Array(repeating: 1, count: 60)).p == 1)
  }

  @Test func shiftsWithIntervals() throws {
    let small = HodgesLehmann(Self.a, Self.b)
    #expect(isClose(small.shift, 1.05))
    let interval = try #require(small.interval)
    #expect(isClose(interval.lowerBound, 0.2) && isClose(interval.upperBound, 1.9))
    let long = HodgesLehmann(Self.longA, Self.longB)
    #expect(long.shift == 5)
    #expect(long.interval == -13...22)
    #expect(HodgesLehmann([1, 2, 3], [2, 3, 4]).interval == nil)
  }

  /// 18,000 differences are not made but searched.
  @Test func shiftsOfManyValues() throws {
    let first = (0..<150).map { Double(($0 * 7919) % 10007) / 10 }
    let second = (0..<120).map { Double(($0 * 6271) % 10007) / 10 + 3 }
    let result = HodgesLehmann(first, second)
    #expect(isClose(result.shift, -4.399999999999977))
    let interval = try #require(result.interval)
    #expect(isClose(interval.lowerBound, -76.39999999999998) && isClose(interval.upperBound, 68.10000000000002))
  }

  @Test func raisesForManyTests() {
    let p = [0.01, 0.04, 0.03, 0.005, 0.2, 0.9, 0.04]
    let wanted = [
      0.035, 0.055999999999999994, 0.055999999999999994, 0.035, 0.23333333333333336, 0.9, 0.055999999999999994,
    ]
    let adjusted = FalseDiscoveryRate.benjaminiHochberg(p)
    for (x, y) in zip(adjusted, wanted) { #expect(isClose(x, y)) }
    for (x, y) in zip(FalseDiscoveryRate.benjaminiHochberg(p, weights: p.map { _ in 3 }), wanted) {
      #expect(isClose(x, y))
    }
    #expect(FalseDiscoveryRate.benjaminiHochberg([]) == [])
    // A test with all of the weight is alone.
    let weighted = FalseDiscoveryRate.benjaminiHochberg([0.02, 0.5], weights: [1, 1e-9])
    #expect(isClose(weighted[0], 0.02, 1e-6))
  }

  @Test func knowsTheNormalDistribution() {
    let wanted = [
      (1e-10, -6.361340902404056), (0.001, -3.090232306167813), (0.025, -1.9599639845400545),
      (0.3, -0.5244005127080409), (0.975, 1.959963984540054),
    ]
    for (p, z) in wanted { #expect(isClose(Normal.quantile(p), z, 1e-9)) }
    #expect(isClose(Normal.upperTail(3.5), 0.00023262907903552502))
  }

  /// What is called detectable is found in about four of five cases.
  @Test func detectableShiftsAreDetected() throws {
    var state: UInt64 = 7
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Double(state >> 11) + 0.5) / 9_007_199_254_740_992
    }
    func normal() -> Double { Normal.quantile(uniform()) }
    var found = 0
    for _ in 0..<400 {
      let (x, y) = ((0..<12).map { _ in normal() }, (0..<12).map { _ in normal() })
      let shift = try #require(DetectableShift.smallest(x, y, alpha: 0.01))
      if MannWhitney((0..<12).map { _ in normal() }, (0..<12).map { _ in normal() + shift }).p <= 0.01 { found += 1 }
    }
    #expect((0.7...0.9).contains(Double(found) / 400), "\(found)")
    #expect(DetectableShift.smallest([1, 2, 3], [1, 2, 3], alpha: 0.05) == nil)
  }
}
