/// What many tests at once are worth.
public enum FalseDiscoveryRate {
  /// The p of each test, raised for there being so many: calling those up to α significant keeps the expected share of false ones
  /// among them at α (Benjamini and Hochberg), and where there is nothing to find, the chance of finding anything.
  ///
  /// - Parameters:
  ///   - p: In any order; the answer is in the same.
  ///   - weights: How much of the allowance for false findings each test gets, in proportion; all the same where nil. They must not
  ///     come from what is tested (Genovese, Roeder and Wasserman, 2006).
  public static func benjaminiHochberg(_ p: [Double], weights: [Double]? = nil) -> [Double] {
    var weighted = p
    if let weights {
      let sum = weights.reduce(0, +)
      for index in p.indices { weighted[index] = min(1, p[index] * sum / (weights[index] * Double(p.count))) }
    }
    var adjusted = weighted
    var least = 1.0
    let order = p.indices.sorted { weighted[$0] != weighted[$1] ? weighted[$0] > weighted[$1] : $0 > $1 }
    for (place, index) in order.enumerated() {
      least = min(least, weighted[index] * Double(p.count) / Double(p.count - place))
      adjusted[index] = least
    }
    return adjusted
  }
}
