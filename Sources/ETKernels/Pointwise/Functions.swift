import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  /// Functions of one number, and activations.
  mutating func registerFunctions() {
    registerFloating("acos", { acosf($0) }, { acos($0) })
    registerFloating("acosh", { acoshf($0) }, { acosh($0) })
    registerFloating("asin", { asinf($0) }, { asin($0) })
    registerFloating("asinh", { asinhf($0) }, { asinh($0) })
    registerFloating("atan", { atanf($0) }, { atan($0) })
    registerFloating("atanh", { atanhf($0) }, { atanh($0) })
    registerFloating("cos", { cosf($0) }, { cos($0) })
    registerFloating("cosh", { coshf($0) }, { cosh($0) })
    registerFloating("erf", { erff($0) }, { erf($0) })
    registerFloating("exp", { expf($0) }, { exp($0) })
    registerFloating("expm1", { expm1f($0) }, { expm1($0) })
    registerFloating("log", { logf($0) }, { log($0) })
    registerFloating("log10", { log10f($0) }, { log10($0) })
    registerFloating("log1p", { log1pf($0) }, { log1p($0) })
    registerFloating("log2", { log2f($0) }, { log2($0) })
    registerFloating("reciprocal", { 1 / $0 }, { 1 / $0 })
    registerFloating("rsqrt", { 1 / $0.squareRoot() }, { 1 / $0.squareRoot() })
    registerFloating("sin", { sinf($0) }, { sin($0) })
    registerFloating("sinh", { sinhf($0) }, { sinh($0) })
    registerFloating("sqrt", { $0.squareRoot() }, { $0.squareRoot() })
    registerFloating("tan", { tanf($0) }, { tan($0) })
    registerFloating("tanh", { tanhf($0) }, { tanh($0) })
    registerFloating("sigmoid", { 1 / (1 + expf(-$0)) }, { 1 / (1 + exp(-$0)) })
    registerRounding("ceil", .up)
    registerRounding("floor", .down)
    registerRounding("trunc", .towardZero)
    registerRounding("round", .toNearestOrEven)
    registerSame("abs", Absolute.self, booleans: false, .int(0))
    registerSame("neg", Negate.self, booleans: false, .int(-1))
    registerSame("sign", Sign.self, booleans: true, .int(0))
    registerSame("relu", AtLeast.self, booleans: false, .int(0))
    registerActivations()
    register("aten::_conj_physical.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try out.resize(like: input)
      try require(input.type == out.type, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      switch input.type {
      case .complexHalf: conjugate(input, out, UInt16.self, sign: 0x8000)
      case .complexFloat: conjugate(input, out, UInt32.self, sign: 0x8000_0000)
      case .complexDouble: conjugate(input, out, UInt64.self, sign: 1 << 63)
      default: throw KernelError(.invalidArgument, "an element type of \(input.type)")
      }
    }
  }

  /// Any ordinary type in, a floating-point type out; computed in Double where the input is, else in Float.
  private mutating func registerFloating(
    _ name: String, _ float: @escaping @Sendable (Float) -> Float, _ double: @escaping @Sendable (Double) -> Double
  ) {
    register("aten::\(name).out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(out.type.isFloatingPoint && input.type.isOrdinary, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      try call.map(input, out, float, double)
    }
  }

  /// The same type in and out; integers go through Float, as in the reference, but for `round`.
  private mutating func registerRounding(_ name: String, _ rule: FloatingPointRoundingRule) {
    register("aten::\(name).out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(
        input.type == out.type && input.type.isOrdinary && input.type != .bool, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      if rule == .toNearestOrEven && input.type.isInteger {
        memmove(out.data, input.data, input.byteCount)
      } else {
        try call.map(input, out, { $0.rounded(rule) }, { $0.rounded(rule) })
      }
    }
  }

  private mutating func registerSame<Op: UnaryOperation>(_ name: String, _: Op.Type, booleans: Bool, _ p: Scalar) {
    register("aten::\(name).out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(
        input.type == out.type && input.type.isOrdinary && (booleans || input.type != .bool),
        "\(input.type) and \(out.type)")
      try call.unary(Op.self, input, out, common: input.type, p, p)
    }
  }

  private mutating func registerActivations() {
    register("aten::leaky_relu.out") { call throws(KernelError) in
      let (input, slope, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      try require(input.type == out.type && input.type.isFloatingPoint, "\(input.type) and \(out.type)")
      try requireFits(slope, out.type)
      try call.unary(LeakyRectify.self, input, out, common: input.type, slope, slope)
    }
    register("aten::elu.out") { call throws(KernelError) in
      let (input, alpha, scale) = (try call.tensor(0), try call.scalar(1), try call.scalar(2))
      let (inputScale, out) = (try call.scalar(3), try call.output(4))
      try require(input.type == out.type && input.type.isFloatingPoint, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      let (a, s, i) = (Float(alpha) * Float(scale), Float(scale), Float(inputScale))
      let (a2, s2, i2) = (alpha.asDouble * scale.asDouble, scale.asDouble, inputScale.asDouble)
      try call.map(
        input, out, { $0 <= 0 ? expm1f($0 * i) * a : $0 * s }, { $0 <= 0 ? expm1($0 * i2) * a2 : $0 * s2 })
    }
    register("aten::gelu.out") { call throws(KernelError) in
      let (input, mode, out) = (try call.tensor(0), try call.string(1), try call.output(2))
      try require(input.type == out.type && input.type.isFloatingPoint, "\(input.type) and \(out.type)")
      let tanhs = mode.elementsEqual("tanh".utf8)
      try require(tanhs || mode.elementsEqual("none".utf8), "an approximation that is neither none nor tanh")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      if tanhs {
        try call.map(input, out, { gelu($0, tanhf) }, { gelu($0, tanh) })
      } else {
        try call.map(
          input, out, { 0.5 * $0 * (1 + erff($0 * Float(0.5).squareRoot())) },
          { 0.5 * $0 * (1 + erf($0 * 0.5.squareRoot())) })
      }
    }
    register("aten::logit.out") { call throws(KernelError) in
      let (input, eps, out) = (try call.tensor(0), try call.optionalDouble(1), try call.output(2))
      try require(
        (out.type == .float || out.type == .double) && input.type.isOrdinary, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      func inside(_ x: Double) -> Double {
        guard let eps else { return x }
        return x < eps ? eps : x > 1 - eps ? 1 - eps : x
      }
      if out.type == .double {
        try elementwise(Double.self, call, Operands(input), out) { inputs, out, count in
          for i in 0..<count {
            let x = inside(inputs[0][i])
            out[i] = log(x / (1 - x))
          }
        }
      } else {
        try elementwise(Float.self, call, Operands(input), out) { inputs, out, count in
          for i in 0..<count {
            let x = Float(inside(Double(inputs[0][i])))
            out[i] = logf(x / (1 - x))
          }
        }
      }
    }
    register("aten::glu.out", gatedLinearUnit)
    register("aten::native_dropout.out") { call throws(KernelError) in
      let (input, probability) = (try call.tensor(0), try call.double(1))
      let trains = call.value(2).tag == .none ? true : try call.bool(2)
      let (out, mask) = (try call.output(3), try call.output(4))
      try require(input.type == out.type && mask.type == .bool, "\(input.type), \(out.type) and \(mask.type)")
      try requireSameDimOrder(input, out, mask)
      try require(probability >= 0 && probability <= 1, "a probability of \(probability)")
      try out.resize(like: input)
      try mask.resize(like: input)
      let kept = mask.elements(UInt8.self)
      if trains && probability != 0 {
        try require(input.type.isFloatingPoint, "an element type of \(input.type)")
        for i in 0..<mask.count { kept[i] = call.context.random.uniform() >= probability ? 1 : 0 }
        let width = input.elementSize
        for i in 0..<input.count {
          if kept[i] != 0 {
            memmove(out.data + i * width, input.data + i * width, width)
          } else {
            memset(out.data + i * width, 0, width)
          }
        }
      } else {
        memmove(out.data, input.data, input.byteCount)
        memset(kept, 1, mask.count)
      }
    }
  }
}

/// ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), Hendrycks and Gimpel 2016.
private func gelu<F: BinaryFloatingPoint>(_ x: F, _ tanh: (F) -> F) -> F {
  let inner = F(0.7978845608028654) * (x + F(Float(0.044715)) * (x * x * x))
  return F(0.5) * x * (1 + tanh(inner))
}

private func conjugate<Bits: FixedWidthInteger>(_ input: Tensor, _ out: Tensor, _: Bits.Type, sign: Bits) {
  let (from, to) = (input.elements(Bits.self), out.elements(Bits.self))
  for i in 0..<input.count {
    to[2 * i] = from[2 * i]
    to[2 * i + 1] = from[2 * i + 1] ^ sign
  }
}

/// First half times the sigmoid of the second half of a dimension.
@Sendable private func gatedLinearUnit(_ call: KernelCall) throws(KernelError) {
  let input = try call.tensor(0)
  var out = try call.output(2)
  let dimension = try call.dimension(call.int(1), of: input.rank)
  try require(input.rank > 0 && input.sizes[dimension] % 2 == 0, "an odd size to be halved")
  try require(input.type.isFloatingPoint && out.type.isFloatingPoint, "\(input.type) and \(out.type)")
  let sizes: UnsafeMutablePointer<Int> = try call.context.scratch(count: input.rank)
  for i in 0..<input.rank { sizes[i] = input.sizes[i] / (i == dimension ? 2 : 1) }
  try out.resize(to: UnsafeBufferPointer(start: sizes, count: input.rank))
  try requireSameDimOrder(input, out)
  // The reference writes the result row-major, whatever its dim order.
  out = try call.ignoringDimOrder(out)
  let width = input.elementSize
  let half = input.strides[dimension] * sizes[dimension] * width
  let loop = try StridedLoop(sizes: out.sizes, order: out.dimOrder, operands: 2, context: call.context) {
    operand, d in operand == 0 ? out.strides[d] * out.elementSize : input.strides[d] * width
  }
  let offsets: UnsafeMutablePointer<Int> = try call.context.scratch(count: loop.offsetCount)
  let buffer: UnsafeMutablePointer<Double> = try call.context.scratch(count: 2)
  let inDouble = input.type == .double
  let round = Rounding(type: input.type)
  loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
    for i in 0..<loop.innerCount {
      let from = UnsafeRawPointer(input.data) + offsets[1] + i * loop.innerStride(1)
      load(from, input.type, 0, 1, into: buffer)
      load(from + half, input.type, 0, 1, into: buffer + 1)
      let power = inDouble ? exp(-buffer[1]) : Double(expf(-Float(buffer[1])))
      buffer[0] = round(buffer[0] * round(1 / round(1 + round(power))))
      store(buffer, out.data + offsets[0] + i * loop.innerStride(0), out.type, 0, 1)
    }
  }
}

extension KernelCall {
  /// Applies a function in Double where the input is, else in Float.
  func map(
    _ input: Tensor, _ out: Tensor, _ float: (Float) -> Float, _ double: (Double) -> Double
  ) throws(KernelError) {
    if input.type == .double {
      try elementwise(Double.self, self, Operands(input), out) { inputs, out, count in
        for i in 0..<count { out[i] = double(inputs[0][i]) }
      }
    } else {
      try elementwise(Float.self, self, Operands(input), out) { inputs, out, count in
        for i in 0..<count { out[i] = float(inputs[0][i]) }
      }
    }
  }
}
