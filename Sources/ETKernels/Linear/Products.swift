import ETCore

extension KernelRegistry {
  mutating func registerProducts() {
    register("aten::mm.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(a.rank == 2 && b.rank == 2 && out.rank == 2 && a.sizes[1] == b.sizes[0], describeProduct(a, b))
      try requireNumbers(a, b, out)
      try out.resize(to: call.sizes(2) { $0 == 0 ? a.sizes[0] : b.sizes[1] })
      try call.multiply(Product(m: a.sizes[0], n: b.sizes[1], k: a.sizes[1]), a, b, out)
    }
    register("aten::bmm.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(
        a.rank == 3 && b.rank == 3 && out.rank == 3 && a.sizes[0] == b.sizes[0] && a.sizes[2] == b.sizes[1],
        describeProduct(a, b))
      try requireNumbers(a, b, out)
      try out.resize(to: call.sizes(3) { $0 == 2 ? b.sizes[2] : a.sizes[$0] })
      try call.multiply(Product(batches: a.sizes[0], m: a.sizes[1], n: b.sizes[2], k: a.sizes[2]), a, b, out)
    }
    register("aten::linear.out") { call throws(KernelError) in
      let (input, weight, bias) = (try call.tensor(0), try call.tensor(1), try call.optionalTensor(2))
      let out = try call.output(3)
      let last = input.rank - 1
      try require(
        input.rank >= 2 && input.rank == out.rank && weight.rank == 2 && input.sizes[last] == weight.sizes[1],
        describeProduct(input, weight))
      try requireNumbers(input, weight, out)
      try out.resize(to: call.sizes(input.rank) { $0 == last ? weight.sizes[0] : input.sizes[$0] })
      guard out.count > 0 else { return }
      if let bias {
        try require(
          bias.type == out.type && bias.rank == 1 && (bias.sizes[0] == weight.sizes[0] || bias.sizes[0] == 1),
          "a bias of \(describe(bias.sizes)), \(bias.type)")
      }
      let product = Product(
        m: out.count / weight.sizes[0], n: weight.sizes[0], k: weight.sizes[1], transposesB: true)
      try call.multiply(product, input, weight, out, bias: bias)
    }
    register("aten::addmm.out", addProduct)
  }
}

private func describeProduct(_ a: Tensor, _ b: Tensor) -> String {
  "a product of \(describe(a.sizes)) and \(describe(b.sizes))"
}

/// One type for all, of numbers.
private func requireNumbers(_ a: Tensor, _ b: Tensor, _ out: Tensor) throws(KernelError) {
  try require(
    a.type == b.type && a.type == out.type && TypeSet.realAndHalves.contains(a.type),
    "a product of \(a.type) and \(b.type) as \(out.type)")
}

/// The shape of m×k by k×n products.
private struct Product {
  var batches = 1
  let m: Int
  let n: Int
  let k: Int
  var transposesB = false
}

/// `addmm(self, mat1, mat2, *, beta, alpha, out)`: beta·self + alpha·mat1·mat2.
///
/// In 16-bit types each step of each sum is rounded, as in the reference.
@Sendable private func addProduct(_ call: KernelCall) throws(KernelError) {
  let (added, a, b) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
  let (beta, alpha) = (try call.scalar(3), try call.scalar(4))
  let out = try call.output(5)
  try require(a.rank == 2 && b.rank == 2 && out.rank == 2 && a.sizes[1] == b.sizes[0], describeProduct(a, b))
  try requireNumbers(a, b, out)
  try require(added.type == out.type, "a summand of \(added.type) for \(out.type)")
  try out.resize(to: call.sizes(2) { $0 == 0 ? a.sizes[0] : b.sizes[1] })
  try require(added.rank <= 2, "a summand of rank \(added.rank)")
  for d in 0..<added.rank {
    let size = out.sizes[d + 2 - added.rank]
    try require(added.sizes[d] == 1 || added.sizes[d] == size, "a summand of \(describe(added.sizes))")
  }
  try require(
    added.isContiguous && a.isContiguous && b.isContiguous && out.isContiguous, "a dim order that is not contiguous")
  guard out.count > 0 else { return }
  let product = Product(m: a.sizes[0], n: b.sizes[1], k: a.sizes[1])
  switch out.type {
  case .half: try call.addProductInSteps(product, added, a, b, beta, alpha, out, Half.self)
  case .bfloat16: try call.addProductInSteps(product, added, a, b, beta, alpha, out, BFloat16.self)
  default:
    try call.multiply(product, a, b, out)
    switch try out.type.compute() {
    case .int: try call.add(Int64(alpha.asInt), out, Int64(beta.asInt), added)
    case .float: try call.add(Float(alpha), out, Float(beta), added)
    case .double: try call.add(Double(alpha), out, Double(beta), added)
    }
  }
}

extension KernelCall {
  /// out = alpha·out + beta·summand, broadcast.
  fileprivate func add<T: Computable>(
    _ alpha: T, _ out: Tensor, _ beta: T, _ summand: Tensor
  ) throws(KernelError) {
    try elementwise(T.self, self, Operands(out, summand), out) { inputs, results, count in
      let (products, summands) = (inputs[0], inputs[1])
      for i in 0..<count {
        results[i] = T.add(T.multiply(products[i], alpha), T.multiply(summands[i], beta))
      }
    }
  }

  fileprivate func addProductInSteps<E: Element>(
    _ product: Product, _ added: Tensor, _ a: Tensor, _ b: Tensor, _ beta: Scalar, _ alpha: Scalar, _ out: Tensor,
    _: E.Type
  ) throws(KernelError) {
    func rounded(_ value: Float) -> Float { E(converting: value).asFloat }
    let (left, right, result) = (a.elements(E.self), b.elements(E.self), out.elements(E.self))
    let summands = added.elements(E.self)
    let (alpha, beta) = (rounded(Float(alpha)), rounded(Float(beta)))
    let columnStride = added.rank > 0 && added.sizes[added.rank - 1] > 1 ? 1 : 0
    let rowStride = added.rank == 2 && added.sizes[0] > 1 ? added.strides[0] : 0
    let (n, k) = (product.n, product.k)
    let sums: UnsafeMutablePointer<Float> = try context.scratch(count: context.pool.threads * n)
    context.parallel(product.m, grain: max((1 << 15) / max(n &* k, 1), 1)) { rows, worker in
      let row = sums + worker * n
      for i in rows {
        row.update(repeating: 0, count: n)
        for p in 0..<k {
          let (factor, line) = (left[i * k + p].asFloat, right + p * n)
          for j in 0..<n { row[j] = rounded(row[j] + rounded(factor * line[j].asFloat)) }
        }
        for j in 0..<n {
          let summand = summands[i * rowStride + j * columnStride].asFloat
          result[i * n + j] = E(converting: rounded(row[j] * alpha) + rounded(summand * beta))
        }
      }
    }
  }

  /// out = a·b, or a·b + bias, for each batch. Memory is taken as row-major whatever the dim order says, as the reference
  /// does.
  fileprivate func multiply(
    _ product: Product, _ a: Tensor, _ b: Tensor, _ out: Tensor, bias: Tensor? = nil
  ) throws(KernelError) {
    guard out.count > 0 else { return }
    switch out.type {
    case .float: multiplyFloats(product, a, b, out, bias)
    case .double: multiplyDoubles(product, a, b, out, bias)
    case .half, .bfloat16: try multiplyConverted(Float.self, product, a, b, out, bias)
    default: try multiplyConverted(Int64.self, product, a, b, out, bias)
    }
  }

  private func multiplyFloats(_ product: Product, _ a: Tensor, _ b: Tensor, _ out: Tensor, _ bias: Tensor?) {
    let (left, right, result) = (a.elements(Float.self), b.elements(Float.self), out.elements(Float.self))
    let (m, n, k) = (product.m, product.n, product.k)
    forEachPiece(product) { batch, rows, columns in
      let to = result + (batch * m + rows.lowerBound) * n + columns.lowerBound
      fill(to, rows.count, columns, n, bias)
      BLAS.multiply(
        m: rows.count, n: columns.count, k: k, left + (batch * m + rows.lowerBound) * k, lda: k,
        right + batch * k * n + columns.lowerBound * (product.transposesB ? k : 1), ldb: product.transposesB ? k : n,
        transposeB: product.transposesB, beta: bias == nil ? 0 : 1, to, ldc: n)
    }
  }

  private func multiplyDoubles(_ product: Product, _ a: Tensor, _ b: Tensor, _ out: Tensor, _ bias: Tensor?) {
    let (left, right, result) = (a.elements(Double.self), b.elements(Double.self), out.elements(Double.self))
    let (m, n, k) = (product.m, product.n, product.k)
    forEachPiece(product) { batch, rows, columns in
      let to = result + (batch * m + rows.lowerBound) * n + columns.lowerBound
      fill(to, rows.count, columns, n, bias)
      BLAS.multiply(
        m: rows.count, n: columns.count, k: k, left + (batch * m + rows.lowerBound) * k, lda: k,
        right + batch * k * n + columns.lowerBound * (product.transposesB ? k : 1), ldb: product.transposesB ? k : n,
        transposeB: product.transposesB, beta: bias == nil ? 0 : 1, to, ldc: n)
    }
  }

  private func fill<T: Element>(
    _ to: UnsafeMutablePointer<T>, _ rows: Int, _ columns: Range<Int>, _ n: Int, _ bias: Tensor?
  ) {
    guard let bias else { return }
    let from = bias.elements(T.self)
    for i in 0..<rows {
      if bias.count == 1 {
        (to + i * n).update(repeating: from[0], count: columns.count)
      } else {
        (to + i * n).update(from: from + columns.lowerBound, count: columns.count)
      }
    }
  }

  /// Divides a product into pieces of about 8 million multiplications, of whole rows where there are enough.
  private func forEachPiece(_ product: Product, _ body: (_ batch: Int, _ rows: Range<Int>, Range<Int>) -> Void) {
    let (m, n, k) = (product.m, product.n, product.k)
    let work = 1 << 23
    var (rows, columns) = (m, n)
    if m &* n &* k > work {
      // A piece of few rows would read all of `b` for little: at least 64, or else fewer columns.
      rows = min(m, max(work / max(n &* k, 1), 64))
      columns = min(n, max(work / max(rows &* k, 1), 64))
    }
    let (down, across) = ((m + rows - 1) / rows, (n + columns - 1) / columns)
    let grain = max((1 << 18) / max(rows &* columns &* max(k, 1), 1), 1)
    context.parallel(product.batches * down * across, grain: grain) { pieces in
      for piece in pieces {
        let (batch, place) = piece.quotientAndRemainder(dividingBy: down * across)
        let (row, column) = (place / across * rows, place % across * columns)
        body(batch, row..<min(row + rows, m), column..<min(column + columns, n))
      }
    }
  }

  /// For types that libraries do not multiply: converted to `T` by blocks, summed in it and rounded once.
  private func multiplyConverted<T: Computable>(
    _: T.Type, _ product: Product, _ a: Tensor, _ b: Tensor, _ out: Tensor, _ bias: Tensor?
  ) throws(KernelError) {
    let (m, n, k, width) = (product.m, product.n, product.k, out.elementSize)
    let (rows, columns, depth) = (min(m, 64), min(n, 256), min(max(k, 1), 128))
    let (down, across) = ((m + rows - 1) / rows, (n + columns - 1) / columns)
    let size = depth * columns + depth * rows + rows * columns
    let memory: UnsafeMutablePointer<T> = try context.scratch(count: context.pool.threads * size)
    context.parallel(product.batches * down * across, grain: 1) { pieces, worker in
      let right = memory + worker * size
      let (left, sums) = (right + depth * columns, right + depth * (columns + rows))
      for piece in pieces {
        let (batch, place) = piece.quotientAndRemainder(dividingBy: down * across)
        let (row, column) = (place / across * rows, place % across * columns)
        let (height, breadth) = (min(rows, m - row), min(columns, n - column))
        if let bias {
          let step = bias.count == 1 ? 0 : width
          for i in 0..<height {
            load(UnsafeRawPointer(bias.data) + column * step, bias.type, step, breadth, into: sums + i * breadth)
          }
        } else {
          sums.update(repeating: .zero, count: height * breadth)
        }
        for p in stride(from: 0, to: k, by: depth) {
          let lines = min(depth, k - p)
          for q in 0..<lines {
            let (first, step) =
              product.transposesB ? (column * k + p + q, k * width) : ((p + q) * n + column, width)
            load(
              UnsafeRawPointer(b.data) + (batch * k * n + first) * width, b.type, step, breadth,
              into: right + q * breadth)
          }
          for i in 0..<height {
            load(
              UnsafeRawPointer(a.data) + ((batch * m + row + i) * k + p) * width, a.type, width, lines,
              into: left + i * lines)
          }
          for i in 0..<height {
            accumulateRow(sums + i * breadth, left + i * lines, right, lines, breadth)
          }
        }
        for i in 0..<height {
          store(
            sums + i * breadth, out.data + ((batch * m + row + i) * n + column) * width, out.type, width, breadth)
        }
      }
    }
  }
}
