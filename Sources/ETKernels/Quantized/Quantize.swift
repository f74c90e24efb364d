import ETCore

// Between floating point and integers, by scale and zero point: value = (q − zero point) · scale.

extension KernelRegistry {
  mutating func registerQuantization() {
    register("quantized_decomposed::quantize_per_tensor.out") { call throws(KernelError) in
      let (input, scale, zero, out) = (try call.tensor(0), try call.double(1), try call.int(2), try call.output(6))
      try call.quantize(input, .one(scale, zero), try call.int(3), try call.int(4), call.optionalType(5), out)
    }
    register("quantized_decomposed::quantize_per_tensor.Tensor_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(6))
      let (scale, zero) = (try call.one(1), try call.oneInteger(2))
      try call.quantize(input, .one(scale, zero), try call.int(3), try call.int(4), call.optionalType(5), out)
    }
    register("quantized_decomposed::quantize_per_channel.out") { call throws(KernelError) in
      let (input, scales, zeros, out) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(7))
      let axis = try call.dimension(call.int(3), of: input.rank)
      try require(scales.type == .double && zeros.type == .long, "scales of \(scales.type)")
      let parameters = try Parameters.channels(call, input, axis, scales, zeros)
      try call.quantize(input, parameters, try call.int(4), try call.int(5), call.optionalType(6), out)
    }
    register("quantized_decomposed::quantize_per_token.out") { call throws(KernelError) in
      let (input, scales, zeros, out) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(6))
      try require(scales.type == .double && zeros.type == .long, "scales of \(scales.type)")
      let parameters = try Parameters.tokens(call, input, scales, zeros)
      try call.quantize(input, parameters, try call.int(3), try call.int(4), call.optionalType(5), out)
    }
    register("quantized_decomposed::dequantize_per_tensor.out") { call throws(KernelError) in
      let (input, scale, zero, out) = (try call.tensor(0), try call.double(1), try call.int(2), try call.output(7))
      try call.dequantize(
        input, .one(scale, zero), try call.int(3), try call.int(4), call.optionalType(5), out,
        wanted: call.optionalType(6))
    }
    register("quantized_decomposed::dequantize_per_tensor.Tensor_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(7))
      let (scale, zero) = (try call.one(1), try call.oneInteger(2))
      try call.dequantize(
        input, .one(scale, zero), try call.int(3), try call.int(4), call.optionalType(5), out,
        wanted: call.optionalType(6))
    }
    register("quantized_decomposed::dequantize_per_channel.out") { call throws(KernelError) in
      let (input, scales, out) = (try call.tensor(0), try call.tensor(1), try call.output(8))
      let zeros = try call.optionalTensor(2)
      let axis = try call.dimension(call.int(3), of: input.rank)
      let parameters = try Parameters.channels(call, input, axis, scales, zeros)
      try call.dequantize(
        input, parameters, try call.int(4), try call.int(5), call.optionalType(6), out, wanted: call.optionalType(7))
    }
    register("quantized_decomposed::dequantize_per_token.out") { call throws(KernelError) in
      let (input, scales, zeros, out) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(7))
      let parameters = try Parameters.tokens(call, input, scales, zeros)
      try require(scales.type == .double || scales.type == .float, "scales of \(scales.type)")
      try require(zeros.type == .long, "zero points of \(zeros.type)")
      try call.dequantize(
        input, parameters, try call.int(3), try call.int(4), call.optionalType(5), out, wanted: call.optionalType(6))
    }
  }
}

/// Scales and zero points: one for all elements, or one for each place of an axis.
private enum Parameters {
  case one(Double, Int)
  /// Of an element in memory order: (place / `run`) % `count`.
  case many(scales: UnsafePointer<Double>, zeros: UnsafePointer<Int64>?, run: Int, count: Int)

  static func channels(
    _ call: KernelCall, _ input: Tensor, _ axis: Int, _ scales: Tensor, _ zeros: Tensor?
  ) throws(KernelError) -> Parameters {
    try require(input.rank > 0, "channels of a tensor of rank 0")
    let count = input.sizes[axis]
    try require(scales.type == .double || scales.type == .float, "scales of \(scales.type)")
    try require(scales.count == count, "\(scales.count) scales for \(count) channels")
    if let zeros {
      try require(zeros.type == .long || zeros.type == .int, "zero points of \(zeros.type)")
      try require(zeros.count == count, "\(zeros.count) zero points")
    }
    try require(input.isContiguous || input.strides[axis] >= 0, "a dim order that is not contiguous")
    return .many(
      scales: try call.rowMajor(scales, as: Double.self),
      zeros: try zeros.map { (zeros) throws(KernelError) in try call.rowMajor(zeros, as: Int64.self) },
      run: max(input.strides[axis], 1), count: max(count, 1))
  }

  static func tokens(_ call: KernelCall, _ input: Tensor, _ scales: Tensor, _ zeros: Tensor) throws(KernelError)
    -> Parameters
  {
    try require(input.rank > 0, "tokens of a tensor of rank 0")
    var tokens = 1
    for d in 0..<input.rank - 1 { tokens *= input.sizes[d] }
    try require(scales.type.isFloatingPoint && zeros.type.isInteger, "scales of \(scales.type)")
    try require(scales.count == tokens && zeros.count == tokens, "\(scales.count) scales for \(tokens) tokens")
    return .many(
      scales: try call.rowMajor(scales, as: Double.self), zeros: try call.rowMajor(zeros, as: Int64.self),
      run: max(input.sizes[input.rank - 1], 1), count: max(tokens, 1))
  }
}

extension KernelCall {
  /// The only element of a tensor.
  func one(_ position: Int) throws(KernelError) -> Double {
    let tensor = try tensor(position)
    try require(tensor.count == 1 && (tensor.type == .double || tensor.type == .float), "a scale of \(tensor.type)")
    return tensor.type == .double ? tensor.elements(Double.self)[0] : Double(tensor.elements(Float.self)[0])
  }

  func oneInteger(_ position: Int) throws(KernelError) -> Int {
    let tensor = try tensor(position)
    try require(tensor.count == 1 && (tensor.type == .long || tensor.type == .int), "a zero point of \(tensor.type)")
    return try integer(tensor, 0)
  }

  /// The range of an element type, which the wanted one must lie in.
  fileprivate func checkRange(_ type: ScalarType, _ low: Int, _ high: Int) throws(KernelError) {
    let bounds: (Int, Int)? =
      switch type {
      case .byte: (0, 255)
      case .char: (-128, 127)
      case .short, .bits16: (-32768, 32767)
      case .uint16: (0, 65535)
      case .int: (Int(Int32.min), Int(Int32.max))
      default: nil
      }
    guard let bounds else { throw KernelError(.invalidArgument, "quantized elements of \(type)") }
    try require(low >= bounds.0 && high <= bounds.1, "a range from \(low) to \(high) for \(type)")
  }

  /// q = clamp(round(x / scale) + zero point): rounded to even, with the quotient taken as a product with the inverse.
  fileprivate func quantize(
    _ input: Tensor, _ parameters: Parameters, _ low: Int, _ high: Int, _ type: ScalarType?, _ out: Tensor
  ) throws(KernelError) {
    try require(input.type.isFloatingPoint && input.type != .bfloat16, "an input of \(input.type)")
    try require(type == nil || type == out.type, "a result of \(out.type)")
    try checkRange(out.type, low, high)
    try require(low <= high, "a range from \(low) to \(high)")
    try out.resize(like: input)
    try require(input.hasDimOrder(of: out), "tensors of different dim orders")
    let buffer: UnsafeMutablePointer<Double> = try context.scratch(count: 512)
    let results: UnsafeMutablePointer<Int64> = try context.scratch(count: 512)
    let isDouble = input.type == .double
    var done = 0
    while done < input.count {
      let count = min(512, input.count - done)
      load(UnsafeRawPointer(input.data) + done * input.elementSize, input.type, input.elementSize, count, into: buffer)
      for i in 0..<count {
        let (scale, zero) = parameters.at(done + i)
        let steps: Double
        if isDouble {
          steps = Double(Float(1 / Float(scale))) * buffer[i]
        } else {
          steps = Double(Float(buffer[i]) * (1 / Float(scale)))
        }
        let q = saturating(steps.rounded(.toNearestOrEven)).addingReportingOverflow(zero).partialValue
        results[i] = Int64(min(max(q, low), high))
      }
      store(results, out.data + done * out.elementSize, out.type == .bits16 ? .short : out.type, out.elementSize, count)
      done += count
    }
  }

  fileprivate func dequantize(
    _ input: Tensor, _ parameters: Parameters, _ low: Int, _ high: Int, _ type: ScalarType?, _ out: Tensor,
    wanted: ScalarType?
  ) throws(KernelError) {
    try checkRange(input.type, low, high)
    try require(low <= high, "a range from \(low) to \(high)")
    try require(type == nil || type == input.type, "an input of \(input.type)")
    try require(wanted == nil || wanted == out.type, "a result of \(out.type)")
    try require(out.type.isFloatingPoint && out.type != .bfloat16, "a result of \(out.type)")
    try out.resize(like: input)
    try require(input.hasDimOrder(of: out), "tensors of different dim orders")
    let buffer: UnsafeMutablePointer<Int64> = try context.scratch(count: 512)
    let results: UnsafeMutablePointer<Float> = try context.scratch(count: 512)
    var done = 0
    let from: ScalarType = input.type == .bits16 ? .short : input.type
    while done < input.count {
      let count = min(512, input.count - done)
      load(UnsafeRawPointer(input.data) + done * input.elementSize, from, input.elementSize, count, into: buffer)
      if case .one(let scale, let zero) = parameters {
        let factor = Float(scale)
        // Differences of int32 wrap, as in the reference.
        for i in 0..<count { results[i] = Float(Int32(truncatingIfNeeded: buffer[i] &- Int64(zero))) * factor }
      } else {
        for i in 0..<count {
          let (scale, zero) = parameters.at(done + i)
          results[i] = Float(Int32(truncatingIfNeeded: buffer[i] &- Int64(zero))) * Float(scale)
        }
      }
      store(results, out.data + done * out.elementSize, out.type, out.elementSize, count)
      done += count
    }
  }
}

extension Parameters {
  @inline(__always)
  func at(_ place: Int) -> (Double, Int) {
    switch self {
    case .one(let scale, let zero): (scale, zero)
    case .many(let scales, let zeros, let run, let count):
      (scales[place / run % count], Int(zeros?[place / run % count] ?? 0))
    }
  }
}
