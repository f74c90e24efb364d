import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerDistances() {
    register("aten::_pdist_forward.out", distancesWithin)
    register("aten::_cdist_forward.out", distancesBetween)
  }
}

/// `_pdist_forward(self, p, out)`: between all pairs of rows.
@Sendable private func distancesWithin(_ call: KernelCall) throws(KernelError) {
  let (input, p, out) = (try call.tensor(0), try call.double(1), try call.output(2))
  try require(
    input.rank == 2 && input.type == out.type && input.type.isFloatingPoint,
    "distances within \(describe(input.sizes)) of \(input.type) as \(out.type)")
  try require(p >= 0, "a norm of \(p)")
  try requireSameDimOrder(input, out)
  try require(input.isContiguous, "a dim order that is not contiguous")
  let (n, m) = (input.sizes[0], input.sizes[1])
  let (pairs, overflow) = n.multipliedReportingOverflow(by: max(n - 1, 0))
  try require(!overflow, "distances between \(n) rows")
  try require(input.state != out.state, "a result that is its own input")
  try out.resize(to: call.sizes(1) { _ in pairs / 2 })
  let norm = Norm(input.type, p)
  // Where the distances from row i begin.
  func first(_ i: Int) -> Int { i * n - i * (i + 1) / 2 }
  call.context.parallel(max(n - 1, 0), grain: max((1 << 14) / max(n &* m, 1), 1)) { rows in
    for i in rows {
      for j in i + 1..<n { norm.distance(input, i * m, input, j * m, m, out, first(i) + j - i - 1) }
    }
  }
}

/// `_cdist_forward(x1, x2, p, compute_mode, out)`: between rows of two matrices, by broadcast batches.
@Sendable private func distancesBetween(_ call: KernelCall) throws(KernelError) {
  let (a, b, p) = (try call.tensor(0), try call.tensor(1), try call.double(2))
  let (mode, out) = (try call.optionalInt(3), try call.output(4))
  try require(
    a.isContiguous && b.isContiguous && out.isContiguous, "a dim order that is not contiguous")
  try require(
    a.type == b.type && a.type == out.type && a.type.isFloatingPoint,
    "distances between \(a.type) and \(b.type) as \(out.type)")
  try require(
    a.rank >= 2 && b.rank >= 2 && a.sizes[a.rank - 1] == b.sizes[b.rank - 1],
    "distances between \(describe(a.sizes)) and \(describe(b.sizes))")
  try require(p >= 0, "a norm of \(p)")
  try require(mode == nil || (0...2).contains(mode ?? 0), "a mode of \(mode ?? 0)")
  try require(a.state != out.state && b.state != out.state, "a result that is its own input")
  let rank = max(a.rank, b.rank)
  func batchSize(_ tensor: Tensor, _ d: Int) -> Int {
    let own = d - (rank - tensor.rank)
    return own < 0 ? 1 : tensor.sizes[own]
  }
  for d in 0..<rank - 2 {
    let (x, y) = (batchSize(a, d), batchSize(b, d))
    try require(x == y || x == 1 || y == 1, "batches of \(describe(a.sizes)) and \(describe(b.sizes))")
  }
  let (rows, columns, m) = (a.sizes[a.rank - 2], b.sizes[b.rank - 2], a.sizes[a.rank - 1])
  try out.resize(
    to: call.sizes(rank) {
      if $0 == rank - 2 { return rows }
      if $0 == rank - 1 { return columns }
      return batchSize(a, $0) == 1 ? batchSize(b, $0) : batchSize(a, $0)
    })
  guard out.count > 0 else { return }
  let norm = Norm(a.type, p)
  func base(_ tensor: Tensor, _ batch: Int) -> Int {
    var (rest, offset) = (batch, 0)
    for d in Swift.stride(from: rank - 3, through: 0, by: -1) {
      let (quotient, place) = rest.quotientAndRemainder(dividingBy: out.sizes[d])
      if batchSize(tensor, d) > 1 { offset += place * tensor.strides[d - (rank - tensor.rank)] }
      rest = quotient
    }
    return offset
  }
  call.context.parallel(out.count / columns, grain: max((1 << 14) / max(columns &* m, 1), 1)) { lines in
    for line in lines {
      let (batch, i) = line.quotientAndRemainder(dividingBy: rows)
      let (left, right) = (base(a, batch) + i * m, base(b, batch))
      for j in 0..<columns { norm.distance(a, left, b, right + j * m, m, out, line * columns + j) }
    }
  }
}

/// The p-norm in one element type; 16-bit types are rounded at every step, as the reference's are.
private struct Norm {
  let type: ScalarType
  let p: Double

  init(_ type: ScalarType, _ p: Double) {
    self.type = type
    self.p = p
  }

  /// Writes the distance between two rows of `count` elements.
  func distance(_ a: Tensor, _ i: Int, _ b: Tensor, _ j: Int, _ count: Int, _ out: Tensor, _ place: Int) {
    switch type {
    case .float: distance(Float.self, Float.self, a, i, b, j, count, out, place, powf)
    case .half: distance(Float.self, Half.self, a, i, b, j, count, out, place, powf)
    case .bfloat16: distance(Float.self, BFloat16.self, a, i, b, j, count, out, place, powf)
    default: distance(Double.self, Double.self, a, i, b, j, count, out, place, pow)
    }
  }

  @inline(__always)
  private func distance<T: Computable & BinaryFloatingPoint, Step: Element>(
    _: T.Type, _: Step.Type, _ a: Tensor, _ i: Int, _ b: Tensor, _ j: Int, _ count: Int, _ out: Tensor, _ place: Int,
    _ power: (T, T) -> T
  ) {
    let (x, y) = (a.elements(Step.self) + i, b.elements(Step.self) + j)
    let p = rounded(T(converting: self.p), to: Step.self)
    func number(_ element: Step) -> T {
      T.self == Double.self ? T(converting: element.asDouble) : T(converting: element.asFloat)
    }
    func difference(_ k: Int) -> T { rounded(number(x[k]) - number(y[k]), to: Step.self).magnitude }
    var sum = T.zero
    switch self.p {
    case 0:
      for k in 0..<count { sum = rounded(sum + (difference(k) == 0 ? 0 : 1), to: Step.self) }
    case 1:
      for k in 0..<count { sum = rounded(sum + difference(k), to: Step.self) }
    case 2:
      for k in 0..<count {
        let distance = difference(k)
        sum = rounded(sum + rounded(distance * distance, to: Step.self), to: Step.self)
      }
      sum = sum.squareRoot()
    case .infinity:
      for k in 0..<count {
        let distance = difference(k)
        if sum < distance { sum = distance }
      }
    default:
      for k in 0..<count {
        sum = rounded(sum + rounded(power(difference(k), p), to: Step.self), to: Step.self)
      }
      sum = T(converting: pow(sum.asDouble, 1 / p.asDouble))
    }
    store(&sum, out.data + place * out.elementSize, out.type, 0, 1)
  }
}
