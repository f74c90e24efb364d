import ETCore

extension KernelRegistry {
  mutating func registerExtremes() {
    register("aten::amax.out") { call throws(KernelError) in try call.extremes(Greatest.self) }
    register("aten::amin.out") { call throws(KernelError) in try call.extremes(Least.self) }
    register("aten::max.unary_out") { call throws(KernelError) in try call.extreme(Greatest.self) }
    register("aten::min.unary_out") { call throws(KernelError) in try call.extreme(Least.self) }
    register("aten::argmax.out") { call throws(KernelError) in try call.place(Greatest.self) }
    register("aten::argmin.out") { call throws(KernelError) in try call.place(Least.self) }
    register("aten::max.dim_max") { call throws(KernelError) in try call.extremesAndPlaces(Greatest.self) }
    register("aten::min.dim_min") { call throws(KernelError) in try call.extremesAndPlaces(Least.self) }
  }
}

/// Which of two numbers is wanted. NaN is wanted before any number.
private protocol Preference: SendableMetatype {
  static func isBetter<T: Comparable>(_ a: T, than b: T) -> Bool
  static func better(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float>
  /// Every number of the type is better, or as good.
  static func worst(_ type: ScalarType) -> Scalar
}

private enum Greatest: Preference {
  @inline(__always) static func isBetter<T: Comparable>(_ a: T, than b: T) -> Bool { a > b }
  @inline(__always) static func better(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
    b.replacing(with: a, where: a .> b)
  }
  static func worst(_ type: ScalarType) -> Scalar {
    switch type {
    case .bool, .byte: .int(0)
    case .char: .int(Int(Int8.min))
    case .short: .int(Int(Int16.min))
    case .int: .int(Int(Int32.min))
    case .long: .int(.min)
    default: .double(-.infinity)
    }
  }
}

private enum Least: Preference {
  @inline(__always) static func isBetter<T: Comparable>(_ a: T, than b: T) -> Bool { a < b }
  @inline(__always) static func better(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
    b.replacing(with: a, where: a .< b)
  }
  static func worst(_ type: ScalarType) -> Scalar {
    switch type {
    case .bool: .int(1)
    case .byte: .int(Int(UInt8.max))
    case .char: .int(Int(Int8.max))
    case .short: .int(Int(Int16.max))
    case .int: .int(Int(Int32.max))
    case .long: .int(.max)
    default: .double(.infinity)
    }
  }
}

extension KernelCall {
  /// `amax(self, dim, keepdim, out)`.
  fileprivate func extremes<P: Preference>(_: P.Type) throws(KernelError) {
    let (input, out) = (try tensor(0), try output(3))
    let dimensions = try dimensions(ints(1), of: input)
    try requireOrdinaryDimOrders(input, out)
    try require(input.type == out.type && input.type.isOrdinary, "the extremes of \(input.type) as \(out.type)")
    try resize(out, reducing: input, dimensions, keeps: bool(2))
    try requireSameDimOrder(input, out)
    try require(input.count > 0, "the extremes of nothing")
    try find(P.self, input, dimensions, values: out, places: nil)
  }

  /// `max(self, dim, keepdim, max, max_values)`: with their places.
  fileprivate func extremesAndPlaces<P: Preference>(_: P.Type) throws(KernelError) {
    let (input, values, places) = (try tensor(0), try output(3), try output(4))
    let bit = try bit(int(1), of: input)
    try requireNotEmpty(input, bit)
    if input.rank > 0 { try requireOrdinaryDimOrders(input, values) }
    try require(
      input.type == values.type && input.type.isOrdinary && places.type == .long,
      "the extremes of \(input.type) as \(values.type), their places as \(places.type)")
    try require(
      values.hasSizes(of: places) || values.count == 1 && places.count == 1,
      "results of \(describe(values.sizes)) and \(describe(places.sizes))")
    try resize(values, reducing: input, bit, keeps: bool(2))
    try places.resize(like: values)
    try requireSameDimOrder(input, values)
    try require(places.isContiguous && input.isContiguous, "a dim order that is not contiguous")
    try find(P.self, input, bit, values: values, places: places)
  }

  /// `argmax(self, dim, keepdim, out)`.
  fileprivate func place<P: Preference>(_: P.Type) throws(KernelError) {
    let (input, out) = (try tensor(0), try output(3))
    let bit = try bit(optionalInt(1), of: input)
    try requireNotEmpty(input, bit)
    if input.rank > 0 { try requireOrdinaryDimOrders(input, out) }
    try require(
      out.type == .long && TypeSet.realAndHalves.contains(input.type),
      "the place of the extreme of \(input.type) as \(out.type)")
    try resize(out, reducing: input, bit, keeps: bool(2))
    try requireSameDimOrder(input, out)
    try find(P.self, input, bit, values: nil, places: out)
  }

  private func requireNotEmpty(_ input: Tensor, _ bit: UInt64?) throws(KernelError) {
    if let bit {
      try require(input.sizes[bit.trailingZeroBitCount] > 0, "the extremes of nothing")
    } else {
      try require(input.count > 0, "the extremes of nothing")
    }
  }

  private func find<P: Preference>(
    _: P.Type, _ input: Tensor, _ dimensions: UInt64?, values: Tensor?, places: Tensor?
  ) throws(KernelError) {
    let reduction = try Reduction(context, input, dimensions)
    switch try input.type.compute() {
    case .int: try reduction.run(ExtremeFold<P, Int64>(values: values, places: places))
    case .float: try reduction.run(ExtremeFold<P, Float>(values: values, places: places))
    case .double: try reduction.run(ExtremeFold<P, Double>(values: values, places: places))
    }
  }

  /// `max(self, out)`: of all elements, each converted to the output's type before.
  fileprivate func extreme<P: Preference>(_: P.Type) throws(KernelError) {
    let (input, out) = (try tensor(0), try output(1))
    try out.resize(to: UnsafeBufferPointer(start: nil, count: 0))
    try requireSameDimOrder(input, out)
    try require(canCast(input.type, to: out.type), "the extreme of \(input.type) as \(out.type)")
    if input.count > 0, input.type == out.type || out.type.isFloatingPoint {
      return try find(P.self, input, nil, values: out, places: nil)
    }
    // Integers of another type, which conversion may wrap.
    let worst = P.worst(out.type)
    let values: UnsafeMutablePointer<Int64> = try context.scratch(count: 512)
    var best = Int64(worst.asInt)
    for first in stride(from: 0, to: input.count, by: 512) {
      let count = min(512, input.count - first)
      load(
        UnsafeRawPointer(input.data) + first * input.elementSize, input.type, input.elementSize, count, into: values)
      for i in 0..<count {
        let value = Int64(narrowed(Int(values[i]), out.type))
        if P.isBetter(value, than: best) { best = value }
      }
    }
    if out.type.isFloatingPoint {
      var limit = worst.asDouble
      store(&limit, out.data, out.type, 0, 1)
    } else {
      store(&best, out.data, out.type, 0, 1)
    }
  }
}

/// The first of the best elements, or the first NaN, and its place.
private struct ExtremeFold<P: Preference, Value: Computable>: Fold {
  let values: Tensor?
  let places: Tensor?

  struct Run: BitwiseCopyable {
    var value = Value.zero
    /// −1 before the first element.
    var place = -1
  }

  @inline(__always) func begin(_ result: Int) -> Run { Run() }

  @inline(__always)
  func add(_ run: inout Run, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int) {
    if Value.self == Float.self, count >= 32 {
      let best = UnsafeRawPointer(values).assumingMemoryBound(to: Float.self)
      let place = places == nil ? -1 : 0
      let (value, index) = firstBest(best, count, wantsPlace: place == 0)
      consider(&run, Value(converting: value), first + index)
    } else {
      for i in 0..<count { consider(&run, values[i], first + i) }
    }
  }

  @inline(__always)
  private func consider(_ run: inout Run, _ value: Value, _ place: Int) {
    if run.place < 0 || !run.value.isNotANumber && (value.isNotANumber || P.isBetter(value, than: run.value)) {
      (run.value, run.place) = (value, place)
    }
  }

  @inline(never)
  private func firstBest(_ values: UnsafePointer<Float>, _ count: Int, wantsPlace: Bool) -> (Float, Int) {
    var best = UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Float>.self)
    // NaN once it meets one.
    var poison = best - best
    var i = 8
    while i + 8 <= count {
      let next = UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
      best = P.better(next, best)
      poison += next - next
      i += 8
    }
    let last = UnsafeRawPointer(values + count - 8).loadUnaligned(as: SIMD8<Float>.self)
    best = P.better(last, best)
    poison += last - last
    // Infinities poison too.
    let mayHoldNaN = poison.sum().isNaN
    var result = best[0]
    for lane in 1..<8 where P.isBetter(best[lane], than: result) { result = best[lane] }
    if mayHoldNaN {
      for i in 0..<count where values[i].isNaN { return (values[i], i) }
      result = values[0]
      for i in 1..<count where P.isBetter(values[i], than: result) { result = values[i] }
    }
    guard wantsPlace else { return (result, 0) }
    var place = 0
    while place < count - 1, values[place] != result { place += 1 }
    return (values[place], place)
  }

  func finish(_ runs: UnsafeMutablePointer<Run>, _ first: Int, _ count: Int) {
    for i in 0..<count {
      if let values {
        let width = values.elementSize
        store(&runs[i].value, values.data + (first + i) * width, values.type, width, 1)
      }
      places?.elements(Int64.self)[first + i] = Int64(runs[i].place)
    }
  }
}
