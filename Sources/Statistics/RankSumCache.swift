import Synchronization

/// Distributions of samples without ties depend on the sizes alone, and a comparison asks for the same ones row after row.
enum RankSumCache {
  private struct Sizes: Hashable {
    let all: Int
    let first: Int
  }

  private static let known = Mutex<[Sizes: RankSumDistribution]>([:])

  static func distribution(
    _ doubled: [Int], _ first: Int, hasTies: Bool, upTo limit: Int = .max
  ) -> RankSumDistribution {
    guard !hasTies else { return RankSumDistribution(doubled: doubled, first: first, upTo: limit) }
    let sizes = Sizes(all: doubled.count, first: first)
    return known.withLock { known in
      if let distribution = known[sizes] { return distribution }
      let distribution = RankSumDistribution(doubled: doubled, first: first)
      known[sizes] = distribution
      return distribution
    }
  }
}
