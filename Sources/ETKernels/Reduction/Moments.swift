import ETCore

/// Sums of elements and of their squares, of each of `rows` lines of `length` elements: in Float and in order, as the
/// reference's kernels sum, whose rounding shows where variances are small. Four lines at a time.
func sumsInOrder<E: Element>(
  _ values: UnsafePointer<E>, rows: Int, length: Int, _ sums: UnsafeMutablePointer<Float>,
  _ squares: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row + 4 <= rows {
    let a = values + row * length
    let (b, c, d) = (a + length, a + 2 * length, a + 3 * length)
    var (s0, s1, s2, s3): (Float, Float, Float, Float) = (0, 0, 0, 0)
    var (q0, q1, q2, q3): (Float, Float, Float, Float) = (0, 0, 0, 0)
    for i in 0..<length {
      step(a[i], &s0, &q0)
      step(b[i], &s1, &q1)
      step(c[i], &s2, &q2)
      step(d[i], &s3, &q3)
    }
    (sums[row], sums[row + 1], sums[row + 2], sums[row + 3]) = (s0, s1, s2, s3)
    (squares[row], squares[row + 1], squares[row + 2], squares[row + 3]) = (q0, q1, q2, q3)
    row += 4
  }
  while row < rows {
    let line = values + row * length
    var (sum, square): (Float, Float) = (0, 0)
    for i in 0..<length { step(line[i], &sum, &square) }
    (sums[row], squares[row]) = (sum, square)
    row += 1
  }
}

@inline(__always)
private func step<E: Element>(_ value: E, _ sum: inout Float, _ square: inout Float) {
  if E.self == Double.self {
    let x = value.asDouble
    sum = Float(Double(sum) + x)
    square = Float(Double(square) + Double(Float(x)) * x)
  } else {
    let x = value.asFloat
    sum += x
    square += x * x
  }
}

/// The sum in eight strands.
func sumInLanes(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
  var sums = SIMD8<Float>()
  var i = 0
  while i + 8 <= count {
    sums += UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
    i += 8
  }
  var sum = sums.sum()
  while i < count {
    sum += values[i]
    i += 1
  }
  return sum
}

/// The mean, and the mean square of the distances from it, in two passes of eight strands.
func meanAndVariance(_ values: UnsafePointer<Float>, _ count: Int) -> (mean: Float, variance: Float) {
  let mean = sumInLanes(values, count) / Float(count)
  var sums = SIMD8<Float>()
  var i = 0
  while i + 8 <= count {
    let distances = UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self) - mean
    sums += distances * distances
    i += 8
  }
  var sum = sums.sum()
  while i < count {
    sum += (values[i] - mean) * (values[i] - mean)
    i += 1
  }
  return (mean, sum / Float(count))
}

func meanAndVariance(_ values: UnsafePointer<Double>, _ count: Int) -> (mean: Double, variance: Double) {
  let mean = sumInStrands(count) { values[$0] } / Double(count)
  let squares = sumInStrands(count) { (values[$0] - mean) * (values[$0] - mean) }
  return (mean, squares / Double(count))
}
