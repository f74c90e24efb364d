import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerArithmetic() {
    register("aten::add.out") { call throws(KernelError) in try call.addOrSubtract(Add.self) }
    register("aten::sub.out") { call throws(KernelError) in try call.addOrSubtract(Subtract.self) }
    register("aten::mul.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      if try call.denseFloats(Multiply.self, a, b, out, .int(1)) { return }
      let common = try promote(a.type, b.type)
      try call.requireCast(common, out)
      try call.binary(Multiply.self, a, b, out, common: common)
    }
    register("aten::add.Scalar_out") { call throws(KernelError) in try call.addOrSubtractScalar(AddScalar.self) }
    register("aten::sub.Scalar_out") { call throws(KernelError) in try call.addOrSubtractScalar(SubtractScalar.self) }
    register("aten::mul.Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      let common = try promote(a.type, with: b)
      try require(common == out.type, "a result of \(common) for a tensor of \(out.type)")
      try call.unary(MultiplyScalar.self, a, out, common: common, b, b)
    }
    register("aten::rsub.Scalar_out") { call throws(KernelError) in
      let (a, b, alpha, out) = (try call.tensor(0), try call.scalar(1), try call.scalar(2), try call.output(3))
      let common = try promote(a.type, with: b)
      try require(
        !alpha.isBool && common == out.type && common != .bool && a.type != .bool && canCast(alpha.type, to: common),
        "types that cannot be subtracted: \(a.type)")
      try call.unary(ReverseSubtract.self, a, out, common: common, b, alpha)
    }
    register("aten::maximum.out") { call throws(KernelError) in try call.promoted(Maximum.self) }
    register("aten::minimum.out") { call throws(KernelError) in try call.promoted(Minimum.self) }
    registerDivision()
    registerClamps()
  }

  private mutating func registerClamps() {
    register("aten::clamp.out") { call throws(KernelError) in
      let (input, low, high) = (try call.tensor(0), try call.optionalScalar(1), try call.optionalScalar(2))
      let out = try call.output(3)
      try require(low != nil || high != nil, "neither a least nor a greatest value")
      var common = input.type
      if let low { common = try promote(common, with: low) }
      if let high { common = try promote(common, with: high) }
      try require(common == out.type, "a result of \(common) for a tensor of \(out.type)")
      for bound in [low, high] { if let bound { try requireFits(bound, out.type, wraps: false) } }
      switch (low, high) {
      case (let low?, let high?): try call.clamp(input, low, high, out, common)
      case (let low?, nil): try call.unary(AtLeast.self, input, out, common: common, low, low)
      case (nil, let high?): try call.unary(AtMost.self, input, out, common: common, high, high)
      case (nil, nil): break
      }
    }
    register("aten::hardtanh.out") { call throws(KernelError) in
      let (input, low, high, out) = (try call.tensor(0), try call.scalar(1), try call.scalar(2), try call.output(3))
      try require(input.type == out.type && input.type != .bool, "\(input.type) and \(out.type)")
      for bound in [low, high] { try requireFits(bound, out.type) }
      try call.clamp(input, low, high, out, input.type)
    }
    register("aten::clamp.Tensor_out") { call throws(KernelError) in
      let (input, low, high) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
      let out = try call.output(3)
      try require(low != nil || high != nil, "neither a least nor a greatest value")
      var common = input.type
      if let low { common = try promote(common, low.type) }
      if let high { common = try promote(common, high.type) }
      try call.requireCast(common, out)
      let operands = Operands(input, low ?? high, low == nil ? nil : high)
      try requireSameDimOrder(input, operands[1], out)
      if let third = operands.third { try requireSameDimOrder(input, third, out) }
      try call.resize(out, toBroadcast: operands)
      let (hasLow, hasHigh) = (low != nil, high != nil)
      try call.compute(operands, out, common: common, ClampBetween(hasLow: hasLow, hasHigh: hasHigh))
    }
  }

  private mutating func registerDivision() {
    register("aten::div.out") { call throws(KernelError) in
      try call.divide(try call.tensor(0), try call.tensor(1), try call.output(2))
    }
    register("aten::div.out_mode") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(3))
      guard let floors = try call.roundingMode(2) else { return try call.divide(a, b, out) }
      try call.divideRounded(a, b, out, floors: floors)
    }
    register("aten::floor_divide.out") { call throws(KernelError) in
      try call.divideRounded(try call.tensor(0), try call.tensor(1), try call.output(2), floors: true)
    }
    register("aten::div.Scalar_out") { call throws(KernelError) in
      try call.divideByScalar(try call.tensor(0), try call.scalar(1), try call.output(2))
    }
    register("aten::div.Scalar_mode_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(3))
      guard let floors = try call.roundingMode(2) else { return try call.divideByScalar(a, b, out) }
      let common = try promote(a.type, with: b)
      try call.requireCast(common, out)
      try require(common != .bool, "booleans cannot be divided with rounding")
      try require(!common.isIntegral || b.asDouble != 0, "integer division by zero")
      try requireSameDimOrder(a, out)
      try out.resize(like: a)
      try call.compute(Operands(a), out, common: common, RoundedQuotient(floors: floors, scalar: b, flag: nil))
    }
    register("aten::remainder.Tensor_out") { call throws(KernelError) in try call.remainderOfTensors(Remainder.self) }
    register("aten::remainder.Scalar_out") { call throws(KernelError) in
      try call.remainderByScalar(Remainder.self, inFloatingPoint: false)
    }
    register("aten::fmod.Tensor_out") { call throws(KernelError) in try call.remainderOfTensors(TruncatedRemainder.self)
    }
    register("aten::fmod.Scalar_out") { call throws(KernelError) in
      try call.remainderByScalar(TruncatedRemainder.self, inFloatingPoint: true)
    }
    register("aten::pow.Tensor_Tensor_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try call.power(Operands(a, b), out, common: promote(a.type, b.type), base: nil, exponent: nil)
    }
    register("aten::pow.Tensor_Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      try call.power(Operands(a), out, common: promote(a.type, with: b), base: nil, exponent: b)
    }
    register("aten::pow.Scalar_out") { call throws(KernelError) in
      let (a, b, out) = (try call.scalar(0), try call.tensor(1), try call.output(2))
      try call.power(Operands(b), out, common: promote(b.type, with: a), base: a, exponent: nil)
    }
    register("aten::atan2.out") { call throws(KernelError) in
      let (a, b, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(out.type.isFloatingPoint, "a result of \(out.type)")
      try requireSameDimOrder(a, b, out)
      try call.resize(out, toBroadcast: Operands(a, b))
      try call.floating(Operands(a, b), out, common: quotientType(a.type, b.type)) {
        atan2f($0, $1)
      } double: {
        atan2($0, $1)
      }
    }
  }
}

/// The type of a true quotient: floating point.
private func quotientType(_ a: ScalarType, _ b: ScalarType) throws(KernelError) -> ScalarType {
  let common = try promote(a, b)
  return common.isFloatingPoint ? common : .float
}

/// Throws where a finite number does not fit a type.
///
/// - Parameter wraps: Whether an unsigned type takes negative numbers, which become their complement.
func requireFits(_ scalar: Scalar, _ type: ScalarType, wraps: Bool = true) throws(KernelError) {
  let fits: Bool
  let isUnsigned = type == .byte && wraps
  if type.isInteger {
    switch scalar {
    case .int(let value): fits = narrowed(value, type) == value || isUnsigned && (-255...255).contains(value)
    case .bool: fits = true
    case .double(let value):
      fits =
        value.isFinite
        && (narrowed(saturating(value), type) == saturating(value) || isUnsigned && value.magnitude <= 255)
    }
  } else {
    let value = scalar.asDouble.magnitude
    switch type {
    case .half: fits = !value.isFinite || value <= 65504
    case .float, .bfloat16: fits = !value.isFinite || value <= 3.4028234663852886e38
    default: fits = true
    }
  }
  try require(fits, "a bound that \(type) does not hold")
}

/// A computation on operands that keeps something of its own: a rounding mode, a scalar, a flag.
protocol Computation {
  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int)
}

private struct ClampBetween: Computation {
  let hasLow: Bool
  let hasHigh: Bool

  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    for i in 0..<count {
      var value = inputs[0][i]
      if hasLow { value = Maximum.apply(value, inputs[1][i], .zero) }
      if hasHigh { value = Minimum.apply(value, inputs[hasLow ? 2 : 1][i], .zero) }
      out[i] = value
    }
  }
}

/// Set where an integer was divided by zero. Threads only ever set it.
private typealias ZeroFlag = UnsafeMutablePointer<Bool>

private struct RoundedQuotient: Computation {
  let floors: Bool
  let scalar: Scalar?
  let flag: ZeroFlag?

  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let divisor = scalar.map { T($0) }
    for i in 0..<count {
      let b = divisor ?? inputs[1][i]
      if !T.isFloatingPoint && b == .zero { flag?.pointee = true }
      out[i] = quotient(inputs[0][i], b, floors)
    }
  }
}

/// a / b rounded down or towards zero; 0 where an integer is divided by zero.
private func quotient<T: Computable>(_ a: T, _ b: T, _ floors: Bool) -> T {
  if let x = a as? Int64, let y = b as? Int64 {
    guard y != 0 else { return .zero }
    let (quotient, overflow) = x.dividedReportingOverflow(by: y)
    // The reference truncates the quotient once more, as a Double.
    guard floors else { return T(converting: saturating(Double(quotient))) }
    guard !overflow, (x < 0) != (y < 0), quotient &* y != x else { return T(converting: Int(quotient)) }
    return T(converting: Int(quotient &- 1))
  }
  if let x = a as? Float, let y = b as? Float { return T(converting: Float(roundedQuotient(x, y, floors))) }
  return T(converting: roundedQuotient(a.asDouble, b.asDouble, floors))
}

/// As Python's `//` where it floors.
private func roundedQuotient<F: BinaryFloatingPoint>(_ a: F, _ b: F, _ floors: Bool) -> F {
  guard floors else { return (a / b).rounded(.towardZero) }
  if b == 0 { return a.sign == .minus ? -.infinity : .infinity }
  let remainder = a.truncatingRemainder(dividingBy: b)
  var quotient = (a - remainder) / b
  if remainder != 0 && (b < 0) != (remainder < 0) { quotient -= 1 }
  if quotient == 0 { return F(signOf: a / b, magnitudeOf: 0) }
  let floor = quotient.rounded(.down)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

protocol RemainderOperation {
  static func integer(_ a: Int64, _ b: Int64) -> Int64
  static func float(_ a: Float, _ b: Float) -> Float
  static func double(_ a: Double, _ b: Double) -> Double
}

/// With the divisor's sign, as Python's `%`, for floating-point numbers.
private enum Remainder: RemainderOperation {
  /// The reference keeps C's sign for integers.
  static func integer(_ a: Int64, _ b: Int64) -> Int64 { a.remainderReportingOverflow(dividingBy: b).partialValue }

  static func float(_ a: Float, _ b: Float) -> Float {
    let remainder = fmodf(a, b)
    return remainder != 0 && (b < 0) != (remainder < 0) ? remainder + b : remainder
  }

  /// The reference keeps it in Float on the way.
  static func double(_ a: Double, _ b: Double) -> Double {
    let remainder = Float(fmod(a, b))
    return Double(remainder != 0 && (a < 0) != (b < 0) ? Float(Double(remainder) + b) : remainder)
  }
}

/// With the dividend's sign, as C's `fmod`.
private enum TruncatedRemainder: RemainderOperation {
  static func integer(_ a: Int64, _ b: Int64) -> Int64 { a.remainderReportingOverflow(dividingBy: b).partialValue }
  static func float(_ a: Float, _ b: Float) -> Float { fmodf(a, b) }
  static func double(_ a: Double, _ b: Double) -> Double { fmod(a, b) }
}

private struct RemainderOf<Op: RemainderOperation>: Computation {
  let scalar: Scalar?
  let flag: ZeroFlag?

  func run<T: Computable>(
    _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let divisor = scalar.map { T($0) }
    for i in 0..<count {
      let (a, b) = (inputs[0][i], divisor ?? inputs[1][i])
      if let x = a as? Int64, let y = b as? Int64 {
        if y == 0 {
          flag?.pointee = true
          out[i] = .zero
        } else {
          out[i] = T(converting: Int(Op.integer(x, y)))
        }
      } else if let x = a as? Float, let y = b as? Float {
        out[i] = T(converting: Op.float(x, y))
      } else {
        out[i] = T(converting: Op.double(a.asDouble, b.asDouble))
      }
    }
  }
}

extension KernelCall {
  func requireCast(_ type: ScalarType, _ out: Tensor) throws(KernelError) {
    try require(canCast(type, to: out.type), "a result of \(type) for a tensor of \(out.type)")
  }

  // MARK: Running

  func unary<Op: UnaryOperation>(
    _: Op.Type, _ input: Tensor, _ out: Tensor, common: ScalarType, _ p: Scalar = .int(0), _ q: Scalar = .int(0)
  ) throws(KernelError) {
    try requireSameDimOrder(input, out)
    try out.resize(like: input)
    switch try common.compute() {
    case .int:
      let (p, q) = (Int64(narrowed(p.asInt, common)), Int64(narrowed(q.asInt, common)))
      try elementwise(Int64.self, self, Operands(input), out, narrow: narrowing(common, out)) {
        Op.run(p, q, $0, $1, $2)
      }
    case .float:
      let (p, q) = (Float(p), Float(q))
      try elementwise(Float.self, self, Operands(input), out) { Op.run(p, q, $0, $1, $2) }
    case .double:
      let (p, q) = (Double(p), Double(q))
      try elementwise(Double.self, self, Operands(input), out) { Op.run(p, q, $0, $1, $2) }
    }
  }

  func binary<Op: BinaryOperation>(
    _: Op.Type, _ a: Tensor, _ b: Tensor, _ out: Tensor, common: ScalarType, _ p: Scalar = .int(1)
  ) throws(KernelError) {
    try requireSameDimOrder(a, b, out)
    let operands = Operands(a, b)
    try resize(out, toBroadcast: operands)
    switch try common.compute() {
    case .int:
      let p = Int64(narrowed(p.asInt, common))
      try elementwise(Int64.self, self, operands, out, narrow: narrowing(common, out)) { Op.run(p, $0, $1, $2) }
    case .float:
      let p = Float(p)
      try elementwise(Float.self, self, operands, out) { Op.run(p, $0, $1, $2) }
    case .double:
      let p = Double(p)
      try elementwise(Double.self, self, operands, out) { Op.run(p, $0, $1, $2) }
    }
  }

  /// Computes in the common type, where shapes and dim orders are settled.
  func compute(
    _ operands: Operands, _ out: Tensor, common: ScalarType, _ computation: some Computation
  ) throws(KernelError) {
    switch try common.compute() {
    case .int:
      try elementwise(
        Int64.self, self, operands, out, narrow: narrowing(common, out)
      ) { computation.run($0, $1, $2) }
    case .float: try elementwise(Float.self, self, operands, out) { computation.run($0, $1, $2) }
    case .double: try elementwise(Double.self, self, operands, out) { computation.run($0, $1, $2) }
    }
  }

  /// Computes in floating point with a function of two numbers.
  func floating(
    _ operands: Operands, _ out: Tensor, common: ScalarType, _ float: (Float, Float) -> Float,
    double: (Double, Double) -> Double
  ) throws(KernelError) {
    if try common.compute() == .double {
      try elementwise(Double.self, self, operands, out) { inputs, out, count in
        for i in 0..<count { out[i] = double(inputs[0][i], inputs[1][i]) }
      }
    } else {
      try elementwise(Float.self, self, operands, out) { inputs, out, count in
        for i in 0..<count { out[i] = float(inputs[0][i], inputs[1][i]) }
      }
    }
  }

  /// The type to cut integers to before they become a wider type, where there is one.
  private func narrowing(_ common: ScalarType, _ out: Tensor) -> ScalarType? {
    common == out.type || common == .long ? nil : common
  }

  /// The usual case without detours: few float32 elements of equal shape and layout.
  ///
  /// - Returns: Whether it was one.
  @inline(__always)
  fileprivate func denseFloats<Op: BinaryOperation>(
    _: Op.Type, _ a: Tensor, _ b: Tensor, _ out: Tensor, _ p: Scalar
  ) throws(KernelError) -> Bool {
    guard a.type == .float, b.type == .float, out.type == .float, a.count <= 4096, a.hasSizes(of: b), !p.isBool,
      a.isContiguous, b.isContiguous, out.isContiguous
    else { return false }
    try out.resize(like: a)
    let (x, y, z, factor) = (a.elements(Float.self), b.elements(Float.self), out.elements(Float.self), Float(p))
    for i in 0..<a.count { z[i] = Op.apply(x[i], y[i], factor) }
    return true
  }

  // MARK: Families

  fileprivate func addOrSubtract<Op: BinaryOperation>(_: Op.Type) throws(KernelError) {
    let (a, b, alpha, out) = (try tensor(0), try tensor(1), try scalar(2), try output(3))
    if try denseFloats(Op.self, a, b, out, alpha) { return }
    let common = try promote(a.type, b.type)
    try requireCast(common, out)
    try requireFactor(alpha, common)
    try require(
      Op.self != Subtract.self || common != .bool && !alpha.isBool, "booleans cannot be subtracted")
    try binary(Op.self, a, b, out, common: common, alpha)
  }

  fileprivate func addOrSubtractScalar<Op: UnaryOperation>(_: Op.Type) throws(KernelError) {
    let (a, b, alpha, out) = (try tensor(0), try scalar(1), try scalar(2), try output(3))
    let common = try promote(a.type, with: b)
    if Op.self == AddScalar.self {
      // As the reference's optimized kernel: other floating-point results, but for float64.
      let isOther = common.isFloatingPoint && out.type.isFloatingPoint && common != .double && out.type != .double
      try require(common == a.type && (common == out.type || isOther), "\(common) for \(a.type) and \(out.type)")
    } else {
      try require(common == out.type, "a result of \(common) for a tensor of \(out.type)")
    }
    try requireFactor(alpha, common)
    try require(
      Op.self != SubtractScalar.self || a.type != .bool && !alpha.isBool, "booleans cannot be subtracted")
    let term: Scalar =
      switch try common.compute() {
      case .int: .int(alpha.asInt &* narrowed(b.asInt, common))
      case .float: .double(Double(Float(alpha) * Float(b)))
      case .double: .double(alpha.asDouble * b.asDouble)
      }
    try unary(Op.self, a, out, common: common, term, term)
  }

  /// The factor of an addition is no fraction for integers, and a boolean for booleans alone.
  private func requireFactor(_ alpha: Scalar, _ common: ScalarType) throws(KernelError) {
    try require(
      common.isFloatingPoint ? !alpha.isBool : !alpha.isFloatingPoint && (common == .bool || !alpha.isBool),
      "a factor of \(alpha.type) for \(common)")
    if common != .bool { try requireFits(alpha, common, wraps: false) }
  }

  fileprivate func promoted<Op: BinaryOperation>(_: Op.Type) throws(KernelError) {
    let (a, b, out) = (try tensor(0), try tensor(1), try output(2))
    let common = try promote(a.type, b.type)
    try requireCast(common, out)
    try binary(Op.self, a, b, out, common: common)
  }

  fileprivate func clamp(
    _ input: Tensor, _ low: Scalar, _ high: Scalar, _ out: Tensor, _ common: ScalarType
  ) throws(KernelError) {
    if low.asDouble.isNaN || high.asDouble.isNaN {
      let bound: Scalar = low.asDouble.isNaN ? low : high
      try unary(FillWith.self, input, out, common: common, bound, bound)
    } else {
      try unary(Clamp.self, input, out, common: common, low, high)
    }
  }

  // MARK: Division

  fileprivate func roundingMode(_ position: Int) throws(KernelError) -> Bool? {
    guard value(position).tag != .none else { return nil }
    let mode = try string(position)
    if mode.elementsEqual("floor".utf8) { return true }
    try require(mode.elementsEqual("trunc".utf8), "a rounding mode that is neither floor nor trunc")
    return false
  }

  fileprivate func divide(_ a: Tensor, _ b: Tensor, _ out: Tensor) throws(KernelError) {
    let common = try quotientType(a.type, b.type)
    try require(out.type.isFloatingPoint, "a quotient for a tensor of \(out.type)")
    try requireSameDimOrder(a, b, out)
    let operands = Operands(a, b)
    try resize(out, toBroadcast: operands)
    try floating(operands, out, common: common) {
      $0 / $1
    } double: {
      $0 / $1
    }
  }

  fileprivate func divideByScalar(_ a: Tensor, _ b: Scalar, _ out: Tensor) throws(KernelError) {
    let common = a.type.isFloatingPoint ? a.type : ScalarType.float
    try require(common == out.type && a.type.isOrdinary, "a quotient of \(common) for a tensor of \(out.type)")
    try requireSameDimOrder(a, out)
    try out.resize(like: a)
    if common == .double {
      let divisor = Double(b)
      try elementwise(Double.self, self, Operands(a), out) { inputs, out, count in
        for i in 0..<count { out[i] = inputs[0][i] / divisor }
      }
    } else {
      let divisor = Float(b)
      try elementwise(Float.self, self, Operands(a), out) { inputs, out, count in
        for i in 0..<count { out[i] = inputs[0][i] / divisor }
      }
    }
  }

  fileprivate func divideRounded(_ a: Tensor, _ b: Tensor, _ out: Tensor, floors: Bool) throws(KernelError) {
    try checkingZero(a, b, out) { (flag, common, operands) throws(KernelError) in
      try compute(operands, out, common: common, RoundedQuotient(floors: floors, scalar: nil, flag: flag))
    }
  }

  fileprivate func remainderOfTensors<Op: RemainderOperation>(_: Op.Type) throws(KernelError) {
    let (a, b, out) = (try tensor(0), try tensor(1), try output(2))
    try checkingZero(a, b, out) { (flag, common, operands) throws(KernelError) in
      // The reference's fmod computes in floating point whatever the type, so that it never divides an integer by zero.
      let inDouble = Op.self == TruncatedRemainder.self && common.isIntegral
      try compute(
        operands, out, common: inDouble ? .double : common, RemainderOf<Op>(scalar: nil, flag: inDouble ? nil : flag))
    }
  }

  private func checkingZero(
    _ a: Tensor, _ b: Tensor, _ out: Tensor,
    _ body: (ZeroFlag, ScalarType, Operands) throws(KernelError) -> Void
  ) throws(KernelError) {
    let common = try promote(a.type, b.type)
    try requireCast(common, out)
    try require(common != .bool, "booleans cannot be divided")
    try requireSameDimOrder(a, b, out)
    let operands = Operands(a, b)
    try resize(out, toBroadcast: operands)
    let flag: ZeroFlag = try context.scratch(count: 1)
    flag.initialize(to: false)
    try body(flag, common, operands)
    try require(!flag.pointee, "integer division by zero")
  }

  fileprivate func remainderByScalar<Op: RemainderOperation>(
    _: Op.Type, inFloatingPoint: Bool
  ) throws(KernelError) {
    let (a, b, out) = (try tensor(0), try scalar(1), try output(2))
    let common = try promote(a.type, with: b)
    try requireCast(common, out)
    try require(common != .bool, "booleans cannot be divided")
    try require(!common.isIntegral || b.asDouble != 0, "integer division by zero")
    try requireSameDimOrder(a, out)
    try out.resize(like: a)
    let inDouble = inFloatingPoint && common.isIntegral
    let scalar: Scalar = common.isIntegral && !inDouble ? .int(narrowed(b.asInt, common)) : b
    try require(!common.isIntegral || scalar.asDouble != 0, "integer division by zero")
    try compute(
      Operands(a), out, common: inDouble ? .double : common, RemainderOf<Op>(scalar: scalar, flag: nil))
  }

  /// Integers are raised in Double, as the reference does it.
  fileprivate func power(
    _ operands: Operands, _ out: Tensor, common: ScalarType, base: Scalar?, exponent: Scalar?
  ) throws(KernelError) {
    try requireCast(common, out)
    try require(common != .bool, "booleans have no powers")
    try requireSameDimOrder(operands.first, operands.second ?? out, out)
    try resize(out, toBroadcast: operands)
    if try common.compute() == .float {
      let (base, exponent) = (base.map { Float($0) }, exponent.map { Float($0) })
      try elementwise(Float.self, self, operands, out) { inputs, out, count in
        let x = inputs[0]
        if exponent == 2 {
          for i in 0..<count { out[i] = x[i] * x[i] }
        } else if let exponent {
          for i in 0..<count { out[i] = powf(x[i], exponent) }
        } else if let base {
          for i in 0..<count { out[i] = powf(base, x[i]) }
        } else {
          for i in 0..<count { out[i] = powf(x[i], inputs[1][i]) }
        }
      }
    } else {
      let (base, exponent) = (base.map { Double($0) }, exponent.map { Double($0) })
      try elementwise(Double.self, self, operands, out) { inputs, out, count in
        let x = inputs[0]
        for i in 0..<count {
          out[i] = exponent.map { pow(x[i], $0) } ?? base.map { pow($0, x[i]) } ?? pow(x[i], inputs[1][i])
        }
      }
    }
  }
}

/// p, whatever the input.
private enum FillWith: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { p }
}
