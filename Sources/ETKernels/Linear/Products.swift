import ETCore

extension KernelRegistry {
  mutating func registerProducts() {
    register("aten::mm.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(a.rank == 2 && b.rank == 2 && a.sizes[1] == b.sizes[0], "\(describe(a.sizes)) × \(describe(b.sizes))")
      try call.checkProduct(a, b, out)
      try out.resize(to: call.sizes(2) { $0 == 0 ? a.sizes[0] : b.sizes[1] })
      try call.multiply(batches: 1, m: a.sizes[0], n: b.sizes[1], k: a.sizes[1], a, b, transposeB: false, out)
    }
    register("aten::bmm.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(
        a.rank == 3 && b.rank == 3 && a.sizes[0] == b.sizes[0] && a.sizes[2] == b.sizes[1],
        "\(describe(a.sizes)) × \(describe(b.sizes))")
      try call.checkProduct(a, b, out)
      try out.resize(to: call.sizes(3) { $0 == 2 ? b.sizes[2] : a.sizes[$0] })
      try call.multiply(
        batches: a.sizes[0], m: a.sizes[1], n: b.sizes[2], k: a.sizes[2], a, b, transposeB: false, out)
    }
    register("aten::addmm.out") { call throws(KernelError) in
      let (added, a, b) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
      let (beta, alpha, out) = (try call.scalar(3), try call.scalar(4), try call.output(5))
      try require(a.rank == 2 && b.rank == 2 && a.sizes[1] == b.sizes[0], "\(describe(a.sizes)) × \(describe(b.sizes))")
      try require(added.type == out.type && out.rank == 2, "\(added.type) and \(out.type)")
      try call.checkProduct(a, b, out)
      try require(added.isContiguous, "a dim order that is not contiguous")
      try out.resize(to: call.sizes(2) { $0 == 0 ? a.sizes[0] : b.sizes[1] })
      try require(added.rank <= 2, "a summand of rank \(added.rank)")
      for d in 0..<added.rank {
        try require(added.sizes[d] == 1 || added.sizes[d] == out.sizes[d + 2 - added.rank], "a summand of another shape")
      }
      try call.multiply(
        batches: 1, m: a.sizes[0], n: b.sizes[1], k: a.sizes[1], a, b, transposeB: false, out, alpha: alpha, beta: beta,
        adding: added)
    }
    register("aten::linear.out") { call throws(KernelError) in
      let (input, weight, bias) = (try call.tensor(0), try call.tensor(1), try call.optionalTensor(2))
      let out = try call.output(3)
      try require(
        input.rank >= 2 && weight.rank == 2 && input.sizes[input.rank - 1] == weight.sizes[1],
        "\(describe(input.sizes)) × \(describe(weight.sizes))ᵀ")
      try call.checkProduct(input, weight, out)
      let (n, k) = (weight.sizes[0], weight.sizes[1])
      if let bias {
        try require(bias.type == out.type && bias.rank == 1 && bias.sizes[0] == n, "a bias of \(describe(bias.sizes))")
      }
      try out.resize(to: call.sizes(input.rank) { $0 == input.rank - 1 ? n : input.sizes[$0] })
      var m = 1
      for d in 0..<input.rank - 1 { m *= input.sizes[d] }
      try call.multiply(batches: 1, m: m, n: n, k: k, input, weight, transposeB: true, out, adding: bias)
    }
  }
}

extension KernelCall {
  fileprivate func checkProduct(_ a: Tensor, _ b: Tensor, _ out: Tensor) throws(KernelError) {
    try require(a.type == b.type && a.type == out.type && a.type.isOrdinary && a.type != .bool, "\(a.type), \(b.type) and \(out.type)")
    try require(a.isContiguous && b.isContiguous && out.isContiguous, "a dim order that is not contiguous")
  }

  /// out = alpha·a·b + beta·summand, for each batch; `b` may be transposed. Rows are divided over threads in fixed pieces.
  fileprivate func multiply(
    batches: Int, m: Int, n: Int, k: Int, _ a: Tensor, _ b: Tensor, transposeB: Bool, _ out: Tensor,
    alpha: Scalar = .int(1), beta: Scalar = .int(1), adding summand: Tensor? = nil
  ) throws(KernelError) {
    guard out.count > 0 else { return }
    try require(m < Int32.max && n < Int32.max && k < Int32.max, "a product of more than 2³¹ rows")
    switch out.type {
    case .float:
      try multiplyFloating(Float.self, batches, m, n, k, a, b, transposeB, out, Float(alpha), Float(beta), summand) {
        BLAS.multiply(
          m: $0, n: n, k: k, alpha: Float(alpha), $1, lda: k, $2, ldb: transposeB ? k : n, transposeB: transposeB,
          beta: $4, $3, ldc: n)
      }
    case .double:
      try multiplyFloating(Double.self, batches, m, n, k, a, b, transposeB, out, Double(alpha), Double(beta), summand) {
        BLAS.multiply(
          m: $0, n: n, k: k, alpha: Double(alpha), $1, lda: k, $2, ldb: transposeB ? k : n, transposeB: transposeB,
          beta: $4, $3, ldc: n)
      }
    case .half where summand != nil && !transposeB, .bfloat16 where summand != nil && !transposeB:
      try multiplyRounding(m, n, k, a, b, out, alpha.asDouble, beta.asDouble, summand.unsafelyUnwrapped)
    case .half, .bfloat16:
      try multiplyElements(Float.self, batches, m, n, k, a, b, transposeB, out, Float(alpha), Float(beta), summand)
    default:
      try multiplyElements(
        Int64.self, batches, m, n, k, a, b, transposeB, out, Int64(alpha.asInt), Int64(beta.asInt), summand)
    }
  }

  private func multiplyFloating<T: Computable>(
    _: T.Type, _ batches: Int, _ m: Int, _ n: Int, _ k: Int, _ a: Tensor, _ b: Tensor, _ transposeB: Bool,
    _ out: Tensor, _ alpha: T, _ beta: T, _ summand: Tensor?,
    _ product: (Int, UnsafePointer<T>, UnsafePointer<T>, UnsafeMutablePointer<T>, T) -> Void
  ) throws(KernelError) {
    let (left, right, result) = (a.elements(T.self), b.elements(T.self), out.elements(T.self))
    let keeps = summand != nil && beta != .zero
    // Rows a piece: 2 million multiplications.
    let rows = max((2 << 20) / max(n * k, 1), 1)
    let pieces = (m + rows - 1) / rows
    context.parallel(batches * pieces, grain: 1) { range in
      for piece in range {
        let (batch, first) = (piece / pieces, piece % pieces * rows)
        let count = min(rows, m - first)
        let to = result + (batch * m + first) * n
        if keeps, let summand {
          let from = summand.elements(T.self)
          let columnStride = summand.rank > 0 && summand.sizes[summand.rank - 1] == n && n > 1 ? 1 : 0
          let rowStride = summand.rank == 2 && summand.sizes[0] > 1 ? summand.strides[0] : 0
          for i in 0..<count {
            let row = from + (first + i) * rowStride
            if columnStride == 1 {
              (to + i * n).update(from: row, count: n)
            } else {
              (to + i * n).update(repeating: row[0], count: n)
            }
          }
        }
        product(
          count, UnsafePointer(left + (batch * m + first) * k),
          UnsafePointer(right + batch * k * n), to, keeps ? beta : .zero)
      }
    }
  }

  /// 16-bit floats with a summand: rounded at every step, as in the reference.
  private func multiplyRounding(
    _ m: Int, _ n: Int, _ k: Int, _ a: Tensor, _ b: Tensor, _ out: Tensor, _ alpha: Double, _ beta: Double,
    _ summand: Tensor
  ) throws(KernelError) {
    let round = Rounding(type: out.type)
    let (left, right) = (try rowMajor(a, as: Double.self), try rowMajor(b, as: Double.self))
    let added = try rowMajor(summand, as: Double.self)
    let results = try rowMajorResult(out, as: Double.self)
    let columnStride = summand.rank > 0 && summand.sizes[summand.rank - 1] > 1 ? 1 : 0
    let rowStride = summand.rank == 2 && summand.sizes[0] > 1 ? summand.strides[0] : 0
    let (alpha, beta) = (round(alpha), round(beta))
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for p in 0..<k { sum = round(sum + round(left[i * k + p] * right[p * n + j])) }
        results[i * n + j] = round(
          round(sum * alpha) + round(added[i * rowStride + j * columnStride] * beta))
      }
    }
    try finish(results, out)
  }

  /// For types that no library multiplies: accumulated in `T` and rounded once.
  private func multiplyElements<T: Computable>(
    _: T.Type, _ batches: Int, _ m: Int, _ n: Int, _ k: Int, _ a: Tensor, _ b: Tensor, _ transposeB: Bool,
    _ out: Tensor, _ alpha: T, _ beta: T, _ summand: Tensor?
  ) throws(KernelError) {
    let right: UnsafeMutablePointer<T> = try context.scratch(count: n * k)
    let left: UnsafeMutablePointer<T> = try context.scratch(count: k + 1)
    let row: UnsafeMutablePointer<T> = try context.scratch(count: n)
    let width = out.elementSize
    for batch in 0..<batches {
      load(UnsafeRawPointer(b.data) + batch * n * k * width, b.type, width, n * k, into: right)
      for i in 0..<m {
        load(UnsafeRawPointer(a.data) + (batch * m + i) * k * width, a.type, width, k, into: left)
        for j in 0..<n { row[j] = .zero }
        if transposeB {
          for j in 0..<n {
            var sum = T.zero
            for p in 0..<k { sum = T.add(sum, T.multiply(left[p], right[j * k + p])) }
            row[j] = sum
          }
        } else {
          for p in 0..<k {
            let (factor, other) = (left[p], right + p * n)
            for j in 0..<n { row[j] = T.add(row[j], T.multiply(factor, other[j])) }
          }
        }
        for j in 0..<n { row[j] = T.multiply(alpha, row[j]) }
        if let summand {
          let own = left
          for j in 0..<n {
            let columnStride = summand.rank > 0 && summand.sizes[summand.rank - 1] > 1 ? 1 : 0
            let rowStride = summand.rank == 2 && summand.sizes[0] > 1 ? summand.strides[0] : 0
            load(
              UnsafeRawPointer(summand.data) + (i * rowStride + j * columnStride) * width, summand.type, 0, min(1, k + 1),
              into: own)
            row[j] = T.add(row[j], T.multiply(beta, own[0]))
          }
        }
        store(row, out.data + (batch * m + i) * n * width, out.type, width, n)
      }
    }
  }
}
