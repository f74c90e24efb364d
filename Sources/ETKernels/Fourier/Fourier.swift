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
    guard out.count > 0, input.count > 0 else { return }
    let last = dims[dims.count - 1]
    let values = try call.rowMajor(input, as: Double.self)
    let work: UnsafeMutablePointer<Double> = try call.context.scratch(count: 2 * out.count)
    let n = input.sizes[last]
    try alongLines(out.sizes, last) { (start, stride) throws(KernelError) in
      // The same line of the input, which is longer.
      let inner = stride
      let outer = start / (inner * out.sizes[last])
      let from = outer * inner * n + start % inner
      let line = try complexLine(n)
      for i in 0..<n { (line[2 * i], line[2 * i + 1]) = (values[from + i * inner], 0) }
      let result = try transformed(line, n, inverse: false)
      for i in 0..<out.sizes[last] {
        work[2 * (start + i * stride)] = result[2 * i]
        work[2 * (start + i * stride) + 1] = result[2 * i + 1]
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
    try alongLines(out.sizes, last) { (start, stride) throws(KernelError) in
      let from = start / (stride * size) * stride * given + start % stride
      let line = try complexLine(size)
      for i in 0..<size {
        // The other half is the conjugate.
        let place = i <= size / 2 ? i : size - i
        let sign: Double = i <= size / 2 ? 1 : -1
        line[2 * i] = work[2 * (from + place * stride)]
        line[2 * i + 1] = sign * work[2 * (from + place * stride) + 1]
      }
      line[1] = 0
      if size % 2 == 0 { line[2 * (size / 2) + 1] = 0 }
      let result = try transformed(line, size, inverse: true)
      for i in 0..<size { results[start + i * stride] = result[2 * i] * factor }
    }
    store(results, out.data, out.type, out.elementSize, out.count)
  }

  private func complexLine(_ n: Int) throws(KernelError) -> UnsafeMutablePointer<Double> {
    try call.context.scratch(count: 2 * max(n, 1))
  }

  /// Calls `body` with the first element and the stride of every line of a dimension of row-major elements.
  private func alongLines(
    _ sizes: UnsafeBufferPointer<Int>, _ dim: Int, _ body: (Int, Int) throws(KernelError) -> Void
  ) throws(KernelError) {
    var stride = 1
    for d in dim + 1..<max(sizes.count, dim + 1) { stride *= sizes[d] }
    let total = sizes.reduce(1, *)
    let length = stride * sizes[dim]
    for block in 0..<total / max(length, 1) {
      for offset in 0..<stride { try body(block * length + offset, stride) }
    }
  }

  private func transformInPlace(
    _ work: UnsafeMutablePointer<Double>, _ sizes: UnsafeBufferPointer<Int>, _ dim: Int, inverse: Bool
  ) throws(KernelError) {
    let n = sizes[dim]
    try alongLines(sizes, dim) { (start, stride) throws(KernelError) in
      let line = try complexLine(n)
      for i in 0..<n {
        (line[2 * i], line[2 * i + 1]) = (work[2 * (start + i * stride)], work[2 * (start + i * stride) + 1])
      }
      let result = try transformed(line, n, inverse: inverse)
      for i in 0..<n {
        (work[2 * (start + i * stride)], work[2 * (start + i * stride) + 1]) = (result[2 * i], result[2 * i + 1])
      }
    }
  }

  /// Cooley and Tukey's algorithm for any factors; what has a large prime factor p costs n·p.
  private func transformed(
    _ line: UnsafeMutablePointer<Double>, _ n: Int, inverse: Bool
  ) throws(KernelError) -> UnsafeMutablePointer<Double> {
    let (result, roots) = (try complexLine(n), try complexLine(n))
    let sign: Double = inverse ? 1 : -1
    for k in 0..<n {
      let angle = sign * 2 * Double.pi * Double(k) / Double(n)
      (roots[2 * k], roots[2 * k + 1]) = (cos(angle), sin(angle))
    }
    let scratch = try complexLine(n)
    split(UnsafePointer(line), 1, n, result, scratch, UnsafePointer(roots), n)
    return result
  }

  /// The transform of n elements, `step` apart, to `result`.
  private func split(
    _ line: UnsafePointer<Double>, _ step: Int, _ n: Int, _ result: UnsafeMutablePointer<Double>,
    _ scratch: UnsafeMutablePointer<Double>, _ roots: UnsafePointer<Double>, _ total: Int
  ) {
    if n == 1 {
      (result[0], result[1]) = (line[0], line[1])
      return
    }
    var p = 2
    while n % p != 0 { p = p == 2 ? 3 : p * p > n ? n : p + 2 }
    let m = n / p
    for r in 0..<p { split(line + 2 * r * step, step * p, m, result + 2 * r * m, scratch, roots, total) }
    for i in 0..<2 * n { scratch[i] = result[i] }
    for k in 0..<n {
      var (real, imaginary) = (0.0, 0.0)
      for r in 0..<p {
        let from = scratch + 2 * (r * m + k % m)
        let root = roots + 2 * (r * k % n * (total / n))
        real += from[0] * root[0] - from[1] * root[1]
        imaginary += from[0] * root[1] + from[1] * root[0]
      }
      (result[2 * k], result[2 * k + 1]) = (real, imaginary)
    }
  }
}
