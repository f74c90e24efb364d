/// By how much a second sample lies above a first: the median of all differences between a value of one and a value of the other.
///
/// It belongs to the test of Mann and Whitney: what the interval holds are the shifts that the test would not refuse.
public struct HodgesLehmann: Sendable, Equatable {
  public let shift: Double
  /// Where the shift lies with the asked confidence; nil where so few values cannot say.
  public let interval: ClosedRange<Double>?

  /// Up to 40 values in all the interval's ends are those of the exact distribution, beyond of the normal one.
  ///
  /// - Precondition: Neither sample is empty, and all values are finite.
  /// - Complexity: O(*n*·*m*·log) for up to 4,096 differences; beyond, O((*n*+*m*)·64) time, and never more memory than the samples'.
  public init(_ first: [Double], _ second: [Double], confidence: Double = 0.95) {
    precondition(!first.isEmpty && !second.isEmpty)
    let differences = Differences(first, second)
    let count = differences.count
    shift = (differences.sorted((count - 1) / 2) + differences.sorted(count / 2)) / 2
    let outside = Self.outside(first.count, second.count, (1 - confidence) / 2)
    interval = outside > 0 ? differences.sorted(outside - 1)...differences.sorted(count - outside) : nil
  }

  /// How many differences at each end reach the first that is inside; 0 where not even the outermost may be left out.
  private static func outside(_ first: Int, _ second: Int, _ tail: Double) -> Int {
    let (n, m) = (Double(first), Double(second))
    if first + second > MannWhitney.exactLimit {
      let half = -Normal.quantile(tail) * (n * m * (n + m + 1) / 12).squareRoot()
      return max(0, Int((n * m / 2 - half).rounded(.down)))
    }
    let fewer = min(first, second)
    let distribution = RankSumCache.distribution(
      Array(stride(from: 2, through: 2 * (first + second), by: 2)), fewer, hasTies: false)
    let least = fewer * (fewer + 1)
    var count = 0
    while distribution.atMost(least + 2 * count) <= tail { count += 1 }
    return count
  }
}

/// All differences of two samples in order, without having them.
private struct Differences {
  let count: Int
  private let first: [Double]
  private let second: [Double]
  private let all: [Double]?

  init(_ first: [Double], _ second: [Double]) {
    count = first.count * second.count
    self.first = first.sorted()
    self.second = second.sorted()
    all = count <= 4096 ? Self.pairs(first, second) : nil
  }

  private static func pairs(_ first: [Double], _ second: [Double]) -> [Double] {
    var differences: [Double] = []
    differences.reserveCapacity(first.count * second.count)
    for value in second { for subtrahend in first { differences.append(value - subtrahend) } }
    differences.sort()
    return differences
  }

  /// The value that `place` differences lie before.
  func sorted(_ place: Int) -> Double {
    if let all { return all[place] }
    // Doubles are in the order of their bits, so the answer is found by halving: the least value with enough differences up to it.
    var low = Self.ordinal(second[0] - first[first.count - 1])
    var high = Self.ordinal(second[second.count - 1] - first[0])
    while low < high {
      let middle = low + Int64(bitPattern: UInt64(bitPattern: high &- low) / 2)
      if countUp(to: Self.value(middle)) > place { high = middle } else { low = middle + 1 }
    }
    return Self.value(low)
  }

  private func countUp(to limit: Double) -> Int {
    var (total, end) = (0, 0)
    // A larger subtrahend lets more of the second sample in.
    for subtrahend in first {
      while end < second.count, second[end] - subtrahend <= limit { end += 1 }
      total += end
    }
    return total
  }

  private static func ordinal(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: (value + 0).bitPattern)
    return bits >= 0 ? bits : Int64.min &- bits
  }

  private static func value(_ ordinal: Int64) -> Double {
    Double(bitPattern: UInt64(bitPattern: ordinal >= 0 ? ordinal : Int64.min &- ordinal))
  }
}
