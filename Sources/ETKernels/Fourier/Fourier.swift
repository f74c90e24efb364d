import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerFourier() {
    register("aten::_fft_r2c.out") { call throws(KernelError) in
      let (input, dims, mode, onesided, out) = (
        try call.tensor(0), try call.ints(1), try call.int(2), try call.bool(3), try call.output(4)
      )
      try require(onesided && !dims.isEmpty, "a transform of both sides")
      try require(
        input.type == .float && out.type == .complexFloat || input.type == .double && out.type == .complexDouble,
        "\(input.type) and \(out.type)")
      let transform = try FourierTransform(call, input, dims, mode)
      let last = dims[dims.count - 1]
      try out.resize(to: call.sizes(input.rank) { $0 == last ? input.sizes[$0] / 2 + 1 : input.sizes[$0] })
      try require(out.isContiguous, "a dim order that is not contiguous")
      try transform.realToComplex(input, out)
    }
    register("aten::_fft_c2r.out") { call throws(KernelError) in
      let (input, dims, mode, size, out) = (
        try call.tensor(0), try call.ints(1), try call.int(2), try call.int(3), try call.output(4)
      )
      try require(size >= 1 && !dims.isEmpty, "a last dimension of \(size)")
      try require(
        out.type == .float && input.type == .complexFloat || out.type == .double && input.type == .complexDouble,
        "\(input.type) and \(out.type)")
      let last = dims[dims.count - 1]
      try require(last >= 0 && last < input.rank, "dimension \(last)")
      try out.resize(to: call.sizes(input.rank) { $0 == last ? size : input.sizes[$0] })
      let transform = try FourierTransform(call, out, dims, mode)
      try transform.complexToReal(input, out, size)
    }
  }
}

/// Discrete Fourier transforms along some dimensions, in Double.
private struct FourierTransform {
  let call: KernelCall
  let dims: UnsafeBufferPointer<Int>
  let factor: Double

  /// - Parameter mode: 0 as it comes, 1 divided by √n, 2 by n, n being all transformed elements of `real`.
  init(_ call: KernelCall, _ real: Tensor, _ dims: UnsafeBufferPointer<Int>, _ mode: Int) throws(KernelError) {
    self.call = call
    self.dims = dims
    var seen: UInt64 = 0
    var count = 1.0
    for dim in dims {
      try require(dim >= 0 && dim < real.rank && seen >> UInt64(dim) & 1 == 0, "dimension \(dim)")
      seen |= 1 << UInt64(dim)
      count *= Double(real.sizes[dim])
    }
    try require((0...2).contains(mode), "a normalization of \(mode)")
    try require(real.isContiguous, "a dim order that is not contiguous")
    factor = mode == 0 ? 1 : mode == 1 ? 1 / count.squareRoot() : 1 / count
  }

  func realToComplex(_ input: Tensor, _ out: Tensor) throws(KernelError) {
    guard out.count > 0 else { return }
    let last = dims[dims.count - 1]
    let n = input.sizes[last]
    try require(n > 0, "a transform of no elements")
    let values = try call.rowMajor(input, as: Double.self)
    let work: UnsafeMutablePointer<Double> = try call.context.scratch(count: 2 * out.count)
    let line = try LineTransform(call, n, inverse: false)
    alongLines(out.sizes, last) { start, stride in
      // The same line of the input, which is longer.
      let from = start / (stride * out.sizes[last]) * stride * n + start % stride
      for i in 0..<n { (line.values[2 * i], line.values[2 * i + 1]) = (values[from + i * stride], 0) }
      line.run()
      for i in 0..<out.sizes[last] {
        work[2 * (start + i * stride)] = line.result[2 * i]
        work[2 * (start + i * stride) + 1] = line.result[2 * i + 1]
      }
    }
    for dim in dims.dropLast() { try transformInPlace(work, out.sizes, dim, inverse: false) }
    for i in 0..<2 * out.count { work[i] *= factor }
    store(work, out.data, out.type == .complexFloat ? .float : .double, out.elementSize / 2, 2 * out.count)
  }

  func complexToReal(_ input: Tensor, _ out: Tensor, _ size: Int) throws(KernelError) {
    guard out.count > 0 else { return }
    let last = dims[dims.count - 1]
    try require(input.isContiguous, "a dim order that is not contiguous")
    try require(input.sizes[last] >= size / 2 + 1, "\(input.sizes[last]) frequencies for \(size) values")
    let work: UnsafeMutablePointer<Double> = try call.context.scratch(count: 2 * input.count)
    load(
      UnsafeRawPointer(input.data), input.type == .complexFloat ? .float : .double, input.elementSize / 2,
      2 * input.count, into: work)
    for dim in dims.dropLast() { try transformInPlace(work, input.sizes, dim, inverse: true) }
    let results: UnsafeMutablePointer<Double> = try call.context.scratch(count: out.count)
    let given = input.sizes[last]
    let line = try LineTransform(call, size, inverse: true)
    alongLines(out.sizes, last) { start, stride in
      let from = start / (stride * size) * stride * given + start % stride
      for i in 0..<size {
        // The other half is the conjugate.
        let place = i <= size / 2 ? i : size - i
        let sign: Double = i <= size / 2 ? 1 : -1
        line.values[2 * i] = work[2 * (from + place * stride)]
        line.values[2 * i + 1] = sign * work[2 * (from + place * stride) + 1]
      }
      line.values[1] = 0
      if size % 2 == 0 { line.values[2 * (size / 2) + 1] = 0 }
      line.run()
      for i in 0..<size { results[start + i * stride] = line.result[2 * i] * factor }
    }
    store(results, out.data, out.type, out.elementSize, out.count)
  }

  private func transformInPlace(
    _ work: UnsafeMutablePointer<Double>, _ sizes: UnsafeBufferPointer<Int>, _ dim: Int, inverse: Bool
  ) throws(KernelError) {
    let n = sizes[dim]
    let line = try LineTransform(call, n, inverse: inverse)
    alongLines(sizes, dim) { start, stride in
      for i in 0..<n {
        let from = work + 2 * (start + i * stride)
        (line.values[2 * i], line.values[2 * i + 1]) = (from[0], from[1])
      }
      line.run()
      for i in 0..<n {
        let to = work + 2 * (start + i * stride)
        (to[0], to[1]) = (line.result[2 * i], line.result[2 * i + 1])
      }
    }
  }

  /// Calls `body` with the first element and the stride of every line of a dimension of row-major elements.
  private func alongLines(_ sizes: UnsafeBufferPointer<Int>, _ dim: Int, _ body: (Int, Int) -> Void) {
    var stride = 1
    for d in dim + 1..<max(sizes.count, dim + 1) { stride *= sizes[d] }
    let total = sizes.reduce(1, *)
    let length = stride * sizes[dim]
    for block in 0..<total / max(length, 1) {
      for offset in 0..<stride { body(block * length + offset, stride) }
    }
  }
}

/// The transform of one line of n complex numbers, real and imaginary parts in turn, from `values` to `result`.
///
/// Where n has a large prime factor, Bluestein's algorithm makes it a convolution, and that transforms of a power of two:
/// with w(k) = exp(∓iπk²/n), the result is w(k) · Σ values(j) w(j) w̄(k − j).
private struct LineTransform {
  let values: UnsafeMutablePointer<Double>
  let result: UnsafeMutablePointer<Double>
  private let n: Int
  private let plain: FactorTransform
  private let chirp: Chirp?

  private struct Chirp {
    let factors: UnsafeMutablePointer<Double>
    let spectrum: UnsafeMutablePointer<Double>
    let products: UnsafeMutablePointer<Double>
    let transformed: UnsafeMutablePointer<Double>
  }

  init(_ call: KernelCall, _ n: Int, inverse: Bool) throws(KernelError) {
    func line(_ count: Int) throws(KernelError) -> UnsafeMutablePointer<Double> {
      try call.context.scratch(count: 2 * count)
    }
    self.n = n
    (values, result) = (try line(n), try line(n))
    let sign: Double = inverse ? 1 : -1
    if FactorTransform.largestFactor(n) <= 64 {
      plain = FactorTransform(n, sign: sign, roots: try line(n), scratch: try line(n))
      chirp = nil
      return
    }
    var m = 1
    while m < 2 * n - 1 { m *= 2 }
    plain = FactorTransform(m, sign: -1, roots: try line(m), scratch: try line(m))
    let chirp = Chirp(factors: try line(n), spectrum: try line(m), products: try line(m), transformed: try line(m))
    chirp.products.update(repeating: 0, count: 2 * m)
    var square = 0  // k² modulo 2n, for an angle that keeps its digits
    for k in 0..<n {
      let angle = sign * Double.pi * Double(square) / Double(n)
      (chirp.factors[2 * k], chirp.factors[2 * k + 1]) = (cos(angle), sin(angle))
      for place in [k, (m - k) % m] {
        (chirp.products[2 * place], chirp.products[2 * place + 1]) = (cos(angle), -sin(angle))
      }
      square = (square + 2 * k + 1) % (2 * n)
    }
    plain.run(chirp.products, chirp.spectrum)
    self.chirp = chirp
  }

  func run() {
    guard let chirp else { return plain.run(values, result) }
    let m = plain.n
    for k in 0..<n { Self.multiply(values, chirp.factors, k, to: chirp.products) }
    (chirp.products + 2 * n).update(repeating: 0, count: 2 * (m - n))
    plain.run(chirp.products, chirp.transformed)
    for k in 0..<m {
      Self.multiply(chirp.transformed, chirp.spectrum, k, to: chirp.products)
      // The inverse transform is the conjugate of the conjugate's.
      chirp.products[2 * k + 1].negate()
    }
    plain.run(chirp.products, chirp.transformed)
    for k in 0..<n {
      chirp.transformed[2 * k] /= Double(m)
      chirp.transformed[2 * k + 1] /= -Double(m)
      Self.multiply(chirp.transformed, chirp.factors, k, to: result)
    }
  }

  @inline(__always)
  private static func multiply(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ k: Int, to: UnsafeMutablePointer<Double>
  ) {
    let (x, y, u, v) = (a[2 * k], a[2 * k + 1], b[2 * k], b[2 * k + 1])
    (to[2 * k], to[2 * k + 1]) = (x * u - y * v, x * v + y * u)
  }
}

/// Cooley and Tukey's algorithm for any factors; a prime factor p costs n·p.
private struct FactorTransform {
  let n: Int
  private let roots: UnsafeMutablePointer<Double>
  private let scratch: UnsafeMutablePointer<Double>

  /// - Parameter sign: Of the exponent: −1 forwards.
  init(_ n: Int, sign: Double, roots: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>) {
    (self.n, self.roots, self.scratch) = (n, roots, scratch)
    for k in 0..<n {
      let angle = sign * 2 * Double.pi * Double(k) / Double(n)
      (roots[2 * k], roots[2 * k + 1]) = (cos(angle), sin(angle))
    }
  }

  static func largestFactor(_ n: Int) -> Int {
    var (rest, largest, p) = (n, 1, 2)
    while p * p <= rest {
      if rest % p == 0 {
        (rest, largest) = (rest / p, p)
      } else {
        p += 1
      }
    }
    return max(largest, rest)
  }

  func run(_ line: UnsafePointer<Double>, _ result: UnsafeMutablePointer<Double>) { split(line, 1, n, result) }

  /// The transform of `count` elements, `step` apart.
  private func split(_ line: UnsafePointer<Double>, _ step: Int, _ count: Int, _ result: UnsafeMutablePointer<Double>) {
    guard count > 1 else {
      if count == 1 { (result[0], result[1]) = (line[0], line[1]) }
      return
    }
    var p = 2
    while count % p != 0 { p += 1 }
    let m = count / p
    for r in 0..<p { split(line + 2 * r * step, step * p, m, result + 2 * r * m) }
    let distance = n / count
    if p == 2 {
      for k in 0..<m {
        let (low, high) = (result + 2 * k, result + 2 * (k + m))
        let root = roots + 2 * k * distance
        let (real, imaginary) = (high[0] * root[0] - high[1] * root[1], high[0] * root[1] + high[1] * root[0])
        (high[0], high[1]) = (low[0] - real, low[1] - imaginary)
        (low[0], low[1]) = (low[0] + real, low[1] + imaginary)
      }
      return
    }
    scratch.update(from: result, count: 2 * count)
    for k in 0..<count {
      var (real, imaginary, at, part) = (0.0, 0.0, 0, k % m)
      for _ in 0..<p {
        let (from, root) = (scratch + 2 * part, roots + 2 * at * distance)
        real += from[0] * root[0] - from[1] * root[1]
        imaginary += from[0] * root[1] + from[1] * root[0]
        part += m
        at += k
        if at >= count { at -= count }
      }
      (result[2 * k], result[2 * k + 1]) = (real, imaginary)
    }
  }
}
