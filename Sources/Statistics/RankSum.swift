/// The null distribution of the rank sum: how two samples would interleave if they came from one source.
///
/// Every choice of `first` of all ranks is as likely as any other. Ranks of equal values are their mean, so they are kept doubled, as
/// whole numbers. (Streitberg and Röhmel's shift algorithm.)
struct RankSumDistribution {
  /// For each doubled rank sum from the smallest on, the share of choices with at most it.
  private let cumulative: [Double]
  private let smallest: Int

  /// - Parameters:
  ///   - doubled: Doubled ranks of all values, ascending.
  ///   - limit: The largest doubled sum that will be asked for.
  /// - Complexity: O(*n* · `first` · rank sum); some 60,000 additions for ten values on each side.
  init(doubled: [Int], first: Int, upTo limit: Int = .max) {
    // Ranks above the least possible one of their place: small numbers, so that the table is small.
    let base = doubled.first ?? 0
    let largest = doubled.suffix(first).reduce(0) { $0 + $1 - base }
    let width = max(0, min(largest, limit - first * base)) + 1
    var ways = [Double](repeating: 0, count: (first + 1) * width)
    ways[0] = 1
    var total = 1.0
    ways.withUnsafeMutableBufferPointer { table in
      let ways = table.baseAddress!
      for (index, rank) in doubled.enumerated() {
        let step = rank - base
        var chosen = min(index + 1, first)
        while chosen >= 1 {
          let (to, from) = (chosen * width, (chosen - 1) * width)
          var sum = step
          while sum < width {
            ways[to &+ sum] += ways[from &+ sum &- step]
            sum &+= 1
          }
          chosen -= 1
        }
      }
    }
    for index in 0..<first { total = total * Double(doubled.count - index) / Double(index + 1) }
    var cumulative = Array(ways[(first * width)...])
    var sum = 0.0
    for index in cumulative.indices {
      sum += cumulative[index]
      cumulative[index] = min(1, sum / total)
    }
    self.cumulative = cumulative
    smallest = first * base
  }

  /// The share of choices whose doubled rank sum is at most `sum`.
  func atMost(_ sum: Int) -> Double {
    let place = min(sum - smallest, cumulative.count - 1)
    return place < 0 ? 0 : cumulative[place]
  }
}

/// Whether one of two samples tends to have larger values: the test of Mann, Whitney and Wilcoxon.
public struct MannWhitney: Sendable, Equatable {
  /// How many pairs have the larger value in the second sample; a tie is half a pair.
  public let u: Double
  /// Two-sided.
  public let p: Double
  public let isExact: Bool

  /// Up to how many values in all the distribution is counted out; beyond, it is taken for normal, with the correction for ties and for
  /// continuity.
  public static let exactLimit = 40

  /// - Precondition: Neither sample is empty, and no value is a NaN.
  public init(_ first: [Double], _ second: [Double]) {
    precondition(!first.isEmpty && !second.isEmpty)
    let all = (first.map { ($0, false) } + second.map { ($0, true) }).sorted { $0.0 < $1.0 }
    var doubled: [Int] = []
    doubled.reserveCapacity(all.count)
    var sum = 0
    var ties = 0.0
    var start = 0
    while start < all.count {
      var end = start + 1
      while end < all.count, all[end].0 == all[start].0 { end += 1 }
      let rank = start + 1 + end
      let count = Double(end - start)
      ties += count * count * count - count
      for index in start..<end {
        doubled.append(rank)
        if all[index].1 { sum += rank }
      }
      start = end
    }
    let (n, m) = (Double(first.count), Double(second.count))
    u = Double(sum) / 2 - m * (m + 1) / 2
    isExact = all.count <= Self.exactLimit
    if isExact {
      // The sample with fewer values gives the smaller table, and the tail that is nearer the shorter one.
      let fewer = min(first.count, second.count)
      var own = second.count == fewer ? sum : doubled.reduce(0, +) - sum
      if own > fewer * (all.count + 1) {
        let mirror = 2 * (all.count + 1)
        own = fewer * mirror - own
        doubled = doubled.reversed().map { mirror - $0 }
      }
      let distribution = RankSumCache.distribution(doubled, fewer, hasTies: ties > 0, upTo: own)
      p = min(1, 2 * distribution.atMost(own))
    } else {
      let count = n + m
      let variance = n * m / 12 * (count + 1 - ties / (count * (count - 1)))
      let distance = max(0, abs(u - n * m / 2) - 0.5)
      p = variance > 0 ? min(1, 2 * Normal.upperTail(distance / variance.squareRoot())) : 1
    }
  }

  /// The smallest two-sided p that samples of such sizes can have.
  public static func smallestP(_ first: Int, _ second: Int) -> Double {
    guard first > 0 && second > 0 else { return 1 }
    if first + second <= exactLimit {
      let fewer = min(first, second)
      var ways = 1.0
      for index in 0..<fewer { ways = ways * Double(first + second - index) / Double(index + 1) }
      return min(1, 2 / ways)
    }
    let (n, m) = (Double(first), Double(second))
    return 2 * Normal.upperTail((n * m / 2 - 0.5) / (n * m * (n + m + 1) / 12).squareRoot())
  }
}
