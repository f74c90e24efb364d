import ETCore

extension KernelRegistry {
  mutating func registerSums() {
    register("aten::sum.IntList_out", sum)
    register("aten::mean.out") { call throws(KernelError) in
      let dimensions = try call.dimensions(call.optionalInts(1), of: call.tensor(0))
      try call.mean(dimensions, keeps: call.bool(2), call.optionalType(3), call.output(4))
    }
    register("aten::mean.dtype_out") { call throws(KernelError) in
      try call.mean(nil, keeps: false, call.optionalType(1), call.output(2))
    }
    register("aten::prod.out") { call throws(KernelError) in
      let (input, type, out) = (try call.tensor(0), try call.optionalType(1), try call.output(2))
      let wanted = type ?? (input.type.isIntegral ? .long : input.type)
      try require(out.type == wanted, "a product of \(input.type) as \(out.type)")
      try call.product(input, nil, keeps: false, out)
    }
    register("aten::prod.int_out") { call throws(KernelError) in
      let (input, type, out) = (try call.tensor(0), try call.optionalType(3), try call.output(4))
      try require(type == nil || type == out.type, "a result of \(out.type)")
      let bit = try call.bit(call.int(1), of: input)
      if input.rank > 0 { try requireOrdinaryDimOrders(input, out) }
      try call.product(input, bit, keeps: call.bool(2), out)
    }
    register("aten::any.all_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try out.resize(to: UnsafeBufferPointer(start: nil, count: 0))
      try call.any(input, nil, out)
    }
    register("aten::any.dims_out") { call throws(KernelError) in
      let (input, list, out) = (try call.tensor(0), try call.optionalInts(1), try call.output(3))
      let dimensions = try call.dimensions(list, of: input)
      try requireOrdinaryDimOrders(input, out)
      if let list, list.isEmpty { return try call.isNotZero(input, out) }
      try call.resize(out, reducing: input, dimensions, keeps: call.bool(2))
      try call.any(input, dimensions, out)
    }
    register("aten::any.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      let bit = try call.bit(call.int(1), of: input)
      if input.rank > 0 { try requireOrdinaryDimOrders(input, out) }
      try call.resize(out, reducing: input, bit, keeps: call.bool(2))
      try call.any(input, bit, out)
    }
    register("aten::cumsum.out", cumulate)
  }
}

// MARK: Sums

/// `sum(self, dim, keepdim, dtype, out)`.
///
/// The reference sums one dimension in Float where input and output have the same type, be it of integers or Double.
@Sendable private func sum(_ call: KernelCall) throws(KernelError) {
  let (input, list, out) = (try call.tensor(0), try call.optionalInts(1), try call.output(4))
  let type = try call.optionalType(3)
  try require(type == nil || type == out.type, "a sum as \(out.type)")
  let dimensions = try call.dimensions(list, of: input)
  try call.resize(out, reducing: input, dimensions, keeps: call.bool(2))
  try requireSameDimOrder(input, out)
  try require(input.isContiguous, "a dim order that is not contiguous")
  guard input.count > 0 else {
    out.data.initializeMemory(as: UInt8.self, repeating: 0, count: out.byteCount)
    return
  }
  try require(input.type.isOrdinary && out.type.isOrdinary, "a sum of \(input.type) as \(out.type)")
  let reduction = try Reduction(call.context, input, dimensions)
  let inFloat = input.type == out.type && list?.count == 1
  // The reference asks for the size of the dimension in the list.
  try require(!inFloat || input.rank > 0, "a dimension of a tensor without dimensions")
  switch out.type {
  case _ where inFloat: try reduction.run(FloatSum(out: out, divisor: nil))
  case .float, .half, .bfloat16: try reduction.run(FloatSum(out: out, divisor: nil))
  case .double: try reduction.run(PlainSum<Double>(out: out, divisor: nil))
  case .bool: try call.any(input, dimensions, out)
  default: try reduction.run(PlainSum<Int64>(out: out, divisor: nil))
  }
}

extension KernelCall {
  fileprivate func mean(
    _ dimensions: UInt64?, keeps: Bool, _ type: ScalarType?, _ out: Tensor
  ) throws(KernelError) {
    let input = try tensor(0)
    try require(
      (type == nil || type == out.type) && out.type.isFloatingPoint && input.type.isOrdinary
        && (type != nil || input.type.isFloatingPoint),
      "a mean of \(input.type) as \(out.type)")
    try requireSameDimOrder(input, out)
    try require(input.isContiguous, "a dim order that is not contiguous")
    try resize(out, reducing: input, dimensions, keeps: keeps)
    let reduction = try Reduction(context, input, dimensions)
    if out.type == .double {
      try reduction.run(PlainSum<Double>(out: out, divisor: Double(reduction.count)))
    } else {
      try reduction.run(FloatSum(out: out, divisor: Float(reduction.count)))
    }
  }
}

/// Sums in Float: each run in eight strands, as the reference, or results beside one another in order.
private struct FloatSum: Fold {
  typealias Value = Float
  let out: Tensor
  /// What sums are divided by.
  let divisor: Float?

  struct Run: BitwiseCopyable {
    var strands = SIMD8<Float>()
    /// What does not fill the strands, added last.
    var tail = SIMD8<Float>()
    var tailCount = 0
    /// Of earlier runs whose length was no multiple of 8.
    var rest: Float = 0
  }

  @inline(__always) func begin(_ result: Int) -> Run { Run() }
  @inline(__always)
  func add(_ run: inout Run, _ values: UnsafePointer<Float>, _ first: Int, _ count: Int) {
    if run.tailCount > 0 { addTail(&run) }
    var strands = run.strands
    var i = 0
    while i + 8 <= count {
      strands += UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
      i += 8
    }
    run.strands = strands
    while i < count {
      run.tail[run.tailCount] = values[i]
      run.tailCount += 1
      i += 1
    }
  }
  private func addTail(_ run: inout Run) {
    for i in 0..<run.tailCount { run.rest += run.tail[i] }
    run.tailCount = 0
  }
  @inline(__always) func end(_ run: Run) -> Float {
    var sum = run.strands[0]
    for i in 1..<8 { sum += run.strands[i] }
    for i in 0..<run.tailCount { sum += run.tail[i] }
    return sum + run.rest
  }

  @inline(__always) func begin(beside result: Int) -> Float { 0 }
  @inline(__always)
  func add(beside states: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>, _ place: Int, _ count: Int) {
    for i in 0..<count { states[i] += values[i] }
  }

  func finish(_ sums: UnsafeMutablePointer<Float>, _ first: Int, _ count: Int) {
    if let divisor { for i in 0..<count { sums[i] /= divisor } }
    let width = out.elementSize
    if out.type.isInteger { for i in 0..<count { sums[i] = converted(sums[i]) } }
    store(sums, out.data + first * width, out.type, width, count)
  }

  /// As x86's conversion to integers does it: what does not fit is the least integer.
  private func converted(_ sum: Float) -> Float {
    switch out.type {
    case .long: sum.magnitude < 0x1p63 ? sum : -0x1p63
    default: sum.magnitude < 0x1p31 ? sum : -0x1p31
    }
  }
}

/// Sums of integers, which wrap, or in Double, in four strands.
private struct PlainSum<Value: Computable>: Fold {
  let out: Tensor
  let divisor: Double?

  @inline(__always) func begin(_ result: Int) -> Value { .zero }
  @inline(__always)
  func add(_ run: inout Value, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    var (a, b, c, d) = (Value.zero, Value.zero, Value.zero, Value.zero)
    var i = 0
    while i + 4 <= count {
      a = Value.add(a, values[i])
      b = Value.add(b, values[i + 1])
      c = Value.add(c, values[i + 2])
      d = Value.add(d, values[i + 3])
      i += 4
    }
    while i < count {
      a = Value.add(a, values[i])
      i += 1
    }
    run = Value.add(run, Value.add(Value.add(a, b), Value.add(c, d)))
  }
  @inline(__always)
  func add(beside states: UnsafeMutablePointer<Value>, _ values: UnsafePointer<Value>, _ place: Int, _ count: Int) {
    for i in 0..<count { states[i] = Value.add(states[i], values[i]) }
  }
  func finish(_ sums: UnsafeMutablePointer<Value>, _ first: Int, _ count: Int) {
    if let divisor { for i in 0..<count { sums[i] = Value(converting: sums[i].asDouble / divisor) } }
    let width = out.elementSize
    store(sums, out.data + first * width, out.type, width, count)
  }
}

// MARK: Products

extension KernelCall {
  /// Each element is converted to the output's type first; 16-bit types are rounded at every step.
  fileprivate func product(
    _ input: Tensor, _ dimensions: UInt64?, keeps: Bool, _ out: Tensor
  ) throws(KernelError) {
    try resize(out, reducing: input, dimensions, keeps: keeps)
    try require(input.type.isOrdinary && out.type.isOrdinary, "a product of \(input.type) as \(out.type)")
    let reduction = try Reduction(context, input, dimensions)
    switch out.type {
    case .float: try reduction.run(ProductFold<Float, Float>(out: out))
    case .half: try reduction.run(ProductFold<Float, Half>(out: out))
    case .bfloat16: try reduction.run(ProductFold<Float, BFloat16>(out: out))
    case .double: try reduction.run(ProductFold<Double, Double>(out: out))
    case .bool: try reduction.run(ProductFold<Double, Boolean>(out: out))
    default: try reduction.run(ProductFold<Int64, Int64>(out: out))
    }
  }
}

/// In order, each step rounded to `Step`.
private struct ProductFold<Value: Computable, Step: Element>: Fold {
  let out: Tensor

  @inline(__always) func begin(_ result: Int) -> Value { .one }
  @inline(__always)
  func add(_ run: inout Value, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    for i in 0..<count { run = rounded(Value.multiply(run, rounded(values[i], to: Step.self)), to: Step.self) }
  }
  func finish(_ products: UnsafeMutablePointer<Value>, _ first: Int, _ count: Int) {
    let width = out.elementSize
    store(products, out.data + first * width, out.type, width, count)
  }
}

/// A number as `Step` holds it.
@inline(__always)
func rounded<Value: Computable, Step: Element>(_ value: Value, to _: Step.Type) -> Value {
  if Step.self == Value.self { return value }
  if Value.self == Float.self { return Value(converting: Step(converting: value.asFloat).asFloat) }
  return Value(converting: Step(converting: value.asDouble).asDouble)
}

// MARK: Any

extension KernelCall {
  /// Whether any element is not 0. The output has its shape.
  fileprivate func any(_ input: Tensor, _ dimensions: UInt64?, _ out: Tensor) throws(KernelError) {
    try requireSameDimOrder(input, out)
    try require(
      input.type.isOrdinary && (out.type == .bool || out.type == .byte), "any of \(input.type) as \(out.type)")
    let reduction = try Reduction(context, input, dimensions)
    switch try input.type.compute() {
    case .int: try reduction.run(AnyFold<Int64>(out: out))
    case .float: try reduction.run(AnyFold<Float>(out: out))
    case .double: try reduction.run(AnyFold<Double>(out: out))
    }
  }
}

extension KernelCall {
  /// Of each element whether it is not 0: `any` over no dimension.
  fileprivate func isNotZero(_ input: Tensor, _ out: Tensor) throws(KernelError) {
    try out.resize(like: input)
    try requireSameDimOrder(input, out)
    try require(out.type == .bool || out.type == .byte, "any of \(input.type) as \(out.type)")
    switch try input.type.compute() {
    case .int: try isNotZero(Int64.self, input, out)
    case .float: try isNotZero(Float.self, input, out)
    case .double: try isNotZero(Double.self, input, out)
    }
  }

  private func isNotZero<T: Computable>(_: T.Type, _ input: Tensor, _ out: Tensor) throws(KernelError) {
    try elementwise(T.self, self, Operands(input), out) { inputs, results, count in
      let values = inputs[0]
      for i in 0..<count { results[i] = values[i] != .zero ? .one : .zero }
    }
  }
}

private struct AnyFold<Value: Computable>: Fold {
  let out: Tensor

  @inline(__always) func begin(_ result: Int) -> Bool { false }
  @inline(__always)
  func add(_ run: inout Bool, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    for i in 0..<count where values[i] != .zero {
      run = true
      return
    }
  }
  func finish(_ found: UnsafeMutablePointer<Bool>, _ first: Int, _ count: Int) {
    let results = out.elements(UInt8.self)
    for i in 0..<count { results[first + i] = found[i] ? 1 : 0 }
  }
}

// MARK: Running sums

/// `cumsum(self, dim, dtype, out)`: in the output's type, each step rounded to it.
@Sendable private func cumulate(_ call: KernelCall) throws(KernelError) {
  let (input, type, out) = (try call.tensor(0), try call.optionalType(2), try call.output(3))
  try require(input.rank > 0, "a running sum of a tensor without dimensions")
  let dimension = try call.dimension(call.int(1), of: input.rank)
  try require(type == nil || type == out.type, "a sum as \(out.type)")
  try requireSameDimOrder(input, out)
  try out.resize(like: input)
  try require(input.type.isOrdinary && out.type.isOrdinary, "sums of \(input.type) as \(out.type)")
  guard input.count > 0 else { return }
  switch out.type {
  case .float: try call.cumulate(Float.self, Float.self, input, out, dimension)
  case .half: try call.cumulate(Float.self, Half.self, input, out, dimension)
  case .bfloat16: try call.cumulate(Float.self, BFloat16.self, input, out, dimension)
  case .double: try call.cumulate(Double.self, Double.self, input, out, dimension)
  case .bool: try call.cumulate(Double.self, Boolean.self, input, out, dimension)
  default: try call.cumulate(Int64.self, Int64.self, input, out, dimension)
  }
}

extension KernelCall {
  /// By place in memory: channels last counts as contiguous, as in the reference.
  fileprivate func cumulate<T: Computable, Step: Element>(
    _: T.Type, _: Step.Type, _ input: Tensor, _ out: Tensor, _ dimension: Int
  ) throws(KernelError) {
    let size = input.sizes[dimension]
    var across = 1
    for d in dimension + 1..<max(input.rank, dimension + 1) { across *= input.sizes[d] }
    let chunk = 512
    let (from, to) = (input.elementSize, out.elementSize)
    let threads = context.pool.threads
    let memory: UnsafeMutablePointer<T> = try context.scratch(count: threads * 2 * chunk)
    if across == 1 {
      context.parallel(input.count / size, grain: max((1 << 15) / size, 1)) { lines, worker in
        let values = memory + worker * 2 * chunk
        for line in lines {
          var sum = T.zero
          for first in stride(from: 0, to: size, by: chunk) {
            let count = min(chunk, size - first)
            load(UnsafeRawPointer(input.data) + (line * size + first) * from, input.type, from, count, into: values)
            for i in 0..<count {
              let value = rounded(values[i], to: Step.self)
              sum = first + i == 0 ? value : rounded(T.add(value, sum), to: Step.self)
              values[i] = sum
            }
            store(values, out.data + (line * size + first) * to, out.type, to, count)
          }
        }
      }
      return
    }
    let wide = min(across, chunk)
    let tiles = (across + wide - 1) / wide
    let outer = input.count / (size * across)
    context.parallel(outer * tiles, grain: max((1 << 15) / (wide * size), 1)) { pieces, worker in
      let values = memory + worker * 2 * chunk
      let sums = values + chunk
      for piece in pieces {
        let (line, tile) = piece.quotientAndRemainder(dividingBy: tiles)
        let count = min(wide, across - tile * wide)
        for step in 0..<size {
          let place = (line * size + step) * across + tile * wide
          load(UnsafeRawPointer(input.data) + place * from, input.type, from, count, into: values)
          if step == 0 {
            for i in 0..<count { sums[i] = rounded(values[i], to: Step.self) }
          } else {
            for i in 0..<count {
              sums[i] = rounded(T.add(rounded(values[i], to: Step.self), sums[i]), to: Step.self)
            }
          }
          store(sums, out.data + place * to, out.type, to, count)
        }
      }
    }
  }
}
