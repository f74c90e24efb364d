/// Statistics that agree with NumPy to the last bit, so that tables of the reference tool can be compared as text.
public enum NumPyStatistics {
  /// The `percent`-th percentile of sorted values, as `numpy.percentile` computes it (method `linear`, type 7 of
  /// Hyndman and Fan).
  ///
  /// The place is `percent / 100 · (n − 1)`. Between two values NumPy counts from the nearer one, which rounds differently
  /// from the textbook's formula in about one series of forty.
  ///
  /// - Precondition: `sorted` is not empty and ascends.
  public static func percentile(_ percent: Double, ofSorted sorted: UnsafeBufferPointer<Double>) -> Double {
    let place = Double(sorted.count - 1) * (percent / 100)
    let lower = place.rounded(.down)
    guard place < Double(sorted.count - 1) else { return sorted[sorted.count - 1] }
    let (a, b) = (sorted[Int(lower)], sorted[Int(lower) + 1])
    let weight = place - lower
    let difference = b - a
    return weight >= 0.5 ? b - difference * (1 - weight) : a + difference * weight
  }

  /// The arithmetic mean, as `numpy.mean` computes it for a contiguous array of doubles.
  ///
  /// - Precondition: `values` is not empty.
  public static func mean(_ values: UnsafeBufferPointer<Double>) -> Double {
    pairwiseSum(values) / Double(values.count)
  }

  /// A sum in NumPy's order: eight accumulators over blocks of at most 128, larger series halved at a multiple of 8.
  public static func pairwiseSum(_ values: UnsafeBufferPointer<Double>) -> Double {
    let count = values.count
    if count < 8 { return values.reduce(0, +) }
    if count > 128 {
      let half = count / 2 / 8 * 8
      return pairwiseSum(UnsafeBufferPointer(rebasing: values[..<half]))
        + pairwiseSum(UnsafeBufferPointer(rebasing: values[half...]))
    }
    var lanes = (values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7])
    var index = 8
    while index + 8 <= count {
      lanes.0 += values[index]
      lanes.1 += values[index + 1]
      lanes.2 += values[index + 2]
      lanes.3 += values[index + 3]
      lanes.4 += values[index + 4]
      lanes.5 += values[index + 5]
      lanes.6 += values[index + 6]
      lanes.7 += values[index + 7]
      index += 8
    }
    var sum = ((lanes.0 + lanes.1) + (lanes.2 + lanes.3)) + ((lanes.4 + lanes.5) + (lanes.6 + lanes.7))
    while index < count {
      sum += values[index]
      index += 1
    }
    return sum
  }

  /// The standard deviation of a sample (n − 1 in the denominator), or 0 for fewer than two values.
  public static func standardDeviation(_ values: UnsafeBufferPointer<Double>) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }
}
