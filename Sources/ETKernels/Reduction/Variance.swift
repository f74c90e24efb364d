import ETCore

extension KernelRegistry {
  mutating func registerVariances() {
    register("aten::var.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(4))
      try require(input.type.isFloatingPoint && out.type.isFloatingPoint, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try require(input.isContiguous, "a dim order that is not contiguous")
      try call.variance(correction: call.bool(2) ? 1 : 0, out, mean: nil)
    }
    register("aten::var.correction_out") { call throws(KernelError) in
      try call.variance(correction: call.optionalScalar(2)?.asDouble ?? 1, call.output(4), mean: nil)
    }
    register("aten::var_mean.correction_out") { call throws(KernelError) in
      try call.variance(correction: call.optionalScalar(2)?.asDouble ?? 1, call.output(4), mean: call.output(5))
    }
  }
}

extension KernelCall {
  /// Two passes in the output's type: means, then squares of the distances from them.
  fileprivate func variance(correction: Double, _ out: Tensor, mean: Tensor?) throws(KernelError) {
    let (input, list, keeps) = (try tensor(0), try optionalInts(1), try bool(3))
    let dimensions = try dimensions(list, of: input)
    try requireOrdinaryDimOrders(input, out)
    try resize(out, reducing: input, dimensions, keeps: keeps)
    if let mean {
      try requireOrdinaryDimOrders(input, mean)
      // The reference writes the mean in the variance's type, whatever its own.
      try require(
        mean.elementSize >= out.elementSize, "a mean of \(mean.type) beside a variance of \(out.type)")
      try resize(mean, reducing: input, dimensions, keeps: keeps)
    }
    try require(
      input.type.isFloatingPoint && out.type.isFloatingPoint, "a variance of \(input.type) as \(out.type)")
    let reduction = try Reduction(context, input, dimensions)
    let divisor = Double(reduction.count) - correction
    guard reduction.count > 0, divisor > 0 else {
      let nan: UnsafeMutablePointer<Float> = try context.scratch(count: 1)
      nan.pointee = .nan
      for i in 0..<out.count { store(nan, out.data + i * out.elementSize, out.type, 0, 1) }
      if let mean {
        for i in 0..<mean.count { store(nan, mean.data + i * out.elementSize, out.type, 0, 1) }
      }
      return
    }
    // In this one case the reference's kernel rounds the divisor to the type.
    let inLastDimension = list?.count == 1 && dimensions == 1 << UInt64(max(input.rank - 1, 0))
    let roundsDivisor = mean != nil && inLastDimension && input.type == out.type && input.isContiguous
    switch out.type {
    case .float: try variance(Float.self, Float.self, reduction, divisor, roundsDivisor, out, mean)
    case .half: try variance(Float.self, Half.self, reduction, divisor, roundsDivisor, out, mean)
    case .bfloat16: try variance(Float.self, BFloat16.self, reduction, divisor, roundsDivisor, out, mean)
    default: try variance(Double.self, Double.self, reduction, divisor, roundsDivisor, out, mean)
    }
  }

  private func variance<T: Computable & BinaryFloatingPoint, Step: Element>(
    _: T.Type, _: Step.Type, _ reduction: Reduction, _ divisor: Double, _ roundsDivisor: Bool, _ out: Tensor,
    _ mean: Tensor?
  ) throws(KernelError) {
    let means: UnsafeMutablePointer<T> = try context.scratch(count: reduction.results)
    let count = rounded(T(reduction.count), to: Step.self)
    try reduction.run(MeanFold<T, Step>(means: means, count: count, type: out.type, out: mean))
    let divisor = roundsDivisor ? rounded(T(divisor), to: Step.self).asDouble : divisor
    try reduction.run(VarianceFold<T, Step>(means: means, divisor: divisor, out: out))
  }
}

private struct MeanFold<Value: Computable & BinaryFloatingPoint, Step: Element>: Fold {
  let means: UnsafeMutablePointer<Value>
  let count: Value
  let type: ScalarType
  let out: Tensor?

  @inline(__always) func begin(_ result: Int) -> Value { 0 }
  @inline(__always)
  func add(_ run: inout Value, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    if Step.self == Value.self {
      run += sumInStrands(count) { values[$0] }
    } else {
      for i in 0..<count { run = rounded(run + rounded(values[i], to: Step.self), to: Step.self) }
    }
  }
  func finish(_ sums: UnsafeMutablePointer<Value>, _ first: Int, _ count: Int) {
    for i in 0..<count { means[first + i] = rounded(sums[i] / self.count, to: Step.self) }
    if let out {
      store(means + first, out.data + first * type.byteSize, type, type.byteSize, count)
    }
  }
}

private struct VarianceFold<Value: Computable & BinaryFloatingPoint, Step: Element>: Fold {
  let means: UnsafeMutablePointer<Value>
  let divisor: Double
  let out: Tensor

  struct Run: BitwiseCopyable {
    var sum: Value
    let mean: Value
  }

  @inline(__always) func begin(_ result: Int) -> Run { Run(sum: 0, mean: means[result]) }
  @inline(__always)
  func add(_ run: inout Run, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    let mean = run.mean
    if Step.self == Value.self {
      run.sum += sumInStrands(count) { (values[$0] - mean) * (values[$0] - mean) }
    } else {
      for i in 0..<count {
        let distance = rounded(rounded(values[i], to: Step.self) - mean, to: Step.self)
        run.sum = rounded(run.sum + rounded(distance * distance, to: Step.self), to: Step.self)
      }
    }
  }
  func finish(_ runs: UnsafeMutablePointer<Run>, _ first: Int, _ count: Int) {
    let width = out.elementSize
    for i in 0..<count {
      var variance = Value(converting: runs[i].sum.asDouble / divisor)
      store(&variance, out.data + (first + i) * width, out.type, width, 1)
    }
  }
}

/// The sum of `count` terms, in four strands.
@inline(__always)
func sumInStrands<T: BinaryFloatingPoint>(_ count: Int, _ term: (Int) -> T) -> T {
  var (a, b, c, d): (T, T, T, T) = (0, 0, 0, 0)
  var i = 0
  while i + 4 <= count {
    a += term(i)
    b += term(i + 1)
    c += term(i + 2)
    d += term(i + 3)
    i += 4
  }
  while i < count {
    a += term(i)
    i += 1
  }
  return (a + b) + (c + d)
}
