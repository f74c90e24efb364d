import ETCore

extension KernelRegistry {
  mutating func registerConditions() {
    registerComparison("eq", Equal.self)
    registerComparison("ne", NotEqual.self)
    registerComparison("lt", Less.self)
    registerComparison("le", LessOrEqual.self)
    registerComparison("gt", Greater.self)
    registerComparison("ge", GreaterOrEqual.self)
    register("aten::logical_and.out") { call throws(KernelError) in try call.logical(And.self) }
    register("aten::logical_or.out") { call throws(KernelError) in try call.logical(Or.self) }
    register("aten::logical_xor.out") { call throws(KernelError) in try call.logical(ExclusiveOr.self) }
    register("aten::logical_not.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      try elementwise(Double.self, call, Operands(input), out) { inputs, out, count in
        for i in 0..<count { out[i] = inputs[0][i] == 0 ? 1 : 0 }
      }
    }
    register("aten::isnan.out") { call throws(KernelError) in try call.test { $0 != $0 } }
    register("aten::isinf.out") { call throws(KernelError) in try call.test { $0.magnitude == .infinity } }
    registerBitwise("and", { $0 & $1 })
    registerBitwise("or", { $0 | $1 })
    registerBitwise("xor", { $0 ^ $1 })
    register("aten::bitwise_not.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(
        input.type == out.type && TypeSet.integersAndBool.contains(input.type), "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      let isBool = input.type == .bool
      try elementwise(Int64.self, call, Operands(input), out) { inputs, out, count in
        for i in 0..<count { out[i] = isBool ? (inputs[0][i] == 0 ? 1 : 0) : ~inputs[0][i] }
      }
    }
    registerShift("left")
    registerShift("right")
    registerSelection()
  }

  private mutating func registerComparison<Op: Comparison>(_ name: String, _: Op.Type) {
    register("aten::\(name).Tensor_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      var common = try promote(a.type, b.type)
      if common.isFloatingPoint && a.type != b.type { common = .float }
      try call.compare(Op.self, Operands(a, b), out, common, nil)
    }
    register("aten::\(name).Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      try call.compare(Op.self, Operands(a), out, promote(a.type, with: b), b)
    }
  }

  private mutating func registerBitwise(_ name: String, _ operation: @escaping @Sendable (Int64, Int64) -> Int64) {
    register("aten::bitwise_\(name).Tensor_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try call.bitwise(Operands(a, b), out, promote(a.type, b.type), nil, operation)
    }
    register("aten::bitwise_\(name).Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      try call.bitwise(Operands(a), out, promote(a.type, with: b), b, operation)
    }
  }

  private mutating func registerShift(_ direction: String) {
    register("aten::bitwise_\(direction)_shift.Tensor_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      let common = try promote(a.type, b.type)
      try call.bitwise(Operands(a, b), out, common, nil) { shift($0, $1, left: direction == "left", common) }
    }
    register("aten::bitwise_\(direction)_shift.Tensor_Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      let common = try promote(a.type, with: b)
      try call.bitwise(Operands(a), out, common, b) { shift($0, $1, left: direction == "left", common) }
    }
  }

  private mutating func registerSelection() {
    register("aten::where.self_out") { call throws(KernelError) in
      let (condition, a, b, out) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(3))
      let common = try promote(a.type, b.type)
      try require(common == out.type, "a result of \(common) for a tensor of \(out.type)")
      try require(condition.type == .bool || condition.type == .byte, "a condition of \(condition.type)")
      try requireSameDimOrder(a, b, out)
      try requireSameDimOrder(condition, out)
      let operands = Operands(a, b, condition)
      try call.resize(out, toBroadcast: operands)
      try call.compute(operands, out, common: common, Selection())
    }
    register("aten::masked_fill.Scalar_out") { call throws(KernelError) in
      let (input, mask, value, out) = (try call.tensor(0), try call.tensor(1), try call.scalar(2), try call.output(3))
      try require(mask.type == .bool, "a mask of \(mask.type)")
      try require(input.type == out.type && input.type.isOrdinary, "\(input.type) and \(out.type)")
      try call.resize(out, toBroadcast: Operands(input, mask))
      try requireSameDimOrder(input, mask, out)
      try call.compute(Operands(input, mask), out, common: input.type, MaskedFill(value: value, type: input.type))
    }
  }
}

private struct Selection: Computation {
  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let (a, b, condition) = (inputs[0], inputs[1], inputs[2])
    for i in 0..<count { out[i] = condition[i] != .zero ? a[i] : b[i] }
  }
}

private struct MaskedFill: Computation {
  let value: Scalar
  let type: ScalarType

  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let value = T.isFloatingPoint || type == .bool ? T(value) : T(converting: narrowed(value.asInt, type))
    let (x, mask) = (inputs[0], inputs[1])
    for i in 0..<count { out[i] = mask[i] != .zero ? value : x[i] }
  }
}

/// As x86-64 shifts 64 or, for narrower types, 32 bits: by the low bits of the count.
private func shift(_ a: Int64, _ b: Int64, left: Bool, _ type: ScalarType) -> Int64 {
  if type == .long { return left ? a &<< b : a &>> b }
  let (value, count) = (Int32(truncatingIfNeeded: a), Int32(truncatingIfNeeded: b))
  return Int64(left ? value &<< count : value &>> count)
}

extension KernelCall {
  fileprivate func compare<Op: Comparison>(
    _: Op.Type, _ operands: Operands, _ out: Tensor, _ common: ScalarType, _ scalar: Scalar?
  ) throws(KernelError) {
    try require(out.type.isOrdinary, "a result of \(out.type)")
    try requireSameDimOrder(operands.first, operands.second ?? out, out)
    try resize(out, toBroadcast: operands)
    switch try common.compute() {
    case .int:
      let scalar = scalar.map { Int64(narrowed($0.asInt, common)) }
      try elementwise(Int64.self, self, operands, out) { Op.run(with: scalar, $0, $1, $2) }
    case .float:
      let scalar = scalar.map { Float($0) }
      try elementwise(Float.self, self, operands, out) { Op.run(with: scalar, $0, $1, $2) }
    case .double:
      let scalar = scalar.map { Double($0) }
      try elementwise(Double.self, self, operands, out) { Op.run(with: scalar, $0, $1, $2) }
    }
  }

  fileprivate func logical<Op: Comparison>(_: Op.Type) throws(KernelError) {
    let (a, b, out) = (try tensor(0), try tensor(1), try output(2))
    try require(a.type.isOrdinary && b.type.isOrdinary && out.type.isOrdinary, "\(a.type), \(b.type)")
    try requireSameDimOrder(a, b, out)
    try resize(out, toBroadcast: Operands(a, b))
    // Whether a number is zero does not change on the way to Double.
    try elementwise(Double.self, self, Operands(a, b), out) { Op.run(with: nil, $0, $1, $2) }
  }

  fileprivate func test(_ holds: (Double) -> Bool) throws(KernelError) {
    let (input, out) = (try tensor(0), try output(1))
    try require(out.type == .bool && input.type.isOrdinary, "a result of \(out.type)")
    try requireSameDimOrder(input, out)
    try out.resize(like: input)
    try elementwise(Double.self, self, Operands(input), out) { inputs, out, count in
      for i in 0..<count { out[i] = holds(inputs[0][i]) ? 1 : 0 }
    }
  }

  fileprivate func bitwise(
    _ operands: Operands, _ out: Tensor, _ common: ScalarType, _ scalar: Scalar?, _ operation: (Int64, Int64) -> Int64
  ) throws(KernelError) {
    try require(common.isIntegral, "bits of \(common)")
    try requireCast(common, out)
    try requireSameDimOrder(operands.first, operands.second ?? out, out)
    try resize(out, toBroadcast: operands)
    let scalar = scalar.map { Int64(narrowed($0.asInt, common)) }
    try elementwise(
      Int64.self, self, operands, out, narrow: common == out.type || common == .long ? nil : common
    ) { inputs, out, count in
      for i in 0..<count { out[i] = operation(inputs[0][i], scalar ?? inputs[1][i]) }
    }
  }
}
