import ETCore

// Parameters from the data, and operators on quantized elements.

extension KernelRegistry {
  mutating func registerQuantizedOperators() {
    register("quantized_decomposed::choose_qparams.Tensor_out") { call throws(KernelError) in
      let (input, low, high) = (try call.tensor(0), try call.int(1), try call.int(2))
      let (scale, zero) = (try call.output(5), try call.output(6))
      try require(low < high && low >= Int32.min && high <= Int32.max, "a range from \(low) to \(high)")
      try require(input.type == .float && scale.type == .double && zero.type == .long, "\(input.type)")
      try require(scale.count == 1 && zero.count == 1, "\(scale.count) scales")
      try require(input.count > 0, "parameters of nothing")
      let chosen = choose(input.elements(Float.self), input.count, low, high)
      try require(chosen.scale > 0, "a range too wide for its scale")
      scale.elements(Double.self).pointee = chosen.scale
      zero.elements(Int64.self).pointee = Int64(chosen.zero)
    }
    register("quantized_decomposed::choose_qparams_per_token_asymmetric.out") { call throws(KernelError) in
      let (input, scales, zeros) = (try call.tensor(0), try call.output(2), try call.output(3))
      try require(input.type == .float && scales.type == .double && zeros.type == .long, "\(input.type)")
      try require(input.rank > 0, "tokens of a tensor of rank 0")
      let shape = try call.sizes(input.rank) { $0 == input.rank - 1 ? 1 : input.sizes[$0] }
      try scales.resize(to: shape)
      try zeros.resize(to: shape)
      let length = input.sizes[input.rank - 1]
      try require(length > 0 || scales.count == 0, "parameters of nothing")
      for token in 0..<scales.count {
        let chosen = choose(input.elements(Float.self) + token * length, length, -128, 127)
        scales.elements(Double.self)[token] = chosen.scale
        zeros.elements(Int64.self)[token] = Int64(chosen.zero)
      }
    }
    register("quantized_decomposed::add.out", addQuantized)
    registerPackedEmbedding("embedding_byte", bits: 8)
    registerPackedEmbedding("embedding_4bit", bits: 4)
    registerPackedEmbedding("embedding_2bit", bits: 2)
    register("quantized_decomposed::mixed_mm.out") { call throws(KernelError) in
      let (input, weight, scales, out) = (
        try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(4)
      )
      try require(call.value(3).tag == .none, "zero points")
      try require(
        input.rank == 2 && weight.rank == 2 && scales.rank == 1 && input.sizes[1] == weight.sizes[0]
          && scales.sizes[0] == weight.sizes[0], "\(describe(input.sizes)) × \(describe(weight.sizes))")
      try require(
        input.type == scales.type && input.type == out.type && weight.type == .char
          && (input.type == .float || input.type == .half), "\(input.type) and \(weight.type)")
      try out.resize(to: call.sizes(2) { $0 == 0 ? input.sizes[0] : weight.sizes[1] })
      try call.mixedProduct(input, weight, scales, out, n: weight.sizes[1], k: weight.sizes[0], group: 0) {
        row, column in
        (row * weight.sizes[1] + column, row)
      }
    }
    register("quantized_decomposed::mixed_linear.out") { call throws(KernelError) in
      let (input, weight, scales) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
      let (type, out) = (try call.optionalType(4), try call.output(5))
      try require(call.value(3).tag == .none, "zero points")
      try require(
        input.rank == 2 && weight.rank == 2 && (scales.rank == 1 || scales.rank == 2) && out.rank == 2
          && input.sizes[1] == weight.sizes[1] && scales.sizes[0] == weight.sizes[0],
        "\(describe(input.sizes)) × \(describe(weight.sizes))ᵀ")
      try require(
        input.type == scales.type && weight.type == .char && (input.type == .float || input.type == .half),
        "\(input.type) and \(weight.type)")
      try require(type == nil || type == out.type && (type == .float || type == .half), "a result of \(out.type)")
      try require(out.type.isFloatingPoint && out.type != .bfloat16, "a result of \(out.type)")
      let (n, k) = (weight.sizes[0], weight.sizes[1])
      let groups = scales.rank == 2 ? scales.sizes[1] : 1
      try require(groups > 0, "no groups")
      let group = max((k + groups - 1) / groups, 1)
      try out.resize(to: call.sizes(2) { $0 == 0 ? input.sizes[0] : n })
      try call.mixedProduct(input, weight, scales, out, n: n, k: k, group: group) { row, column in
        (column * k + row, column * groups + row / group)
      }
    }
  }

  /// Rows of a table of packed integers, dequantized: `bits` each, by row or by groups in a row.
  private mutating func registerPackedEmbedding(_ name: String, bits: Int) {
    for (overload, hasType) in [("out", false), ("dtype_out", true)] {
      register("quantized_decomposed::\(name).\(overload)") { call throws(KernelError) in
        let (weight, scales, zeros) = (try call.tensor(0), try call.tensor(1), try call.optionalTensor(2))
        let (low, high, indices) = (try call.int(3), try call.int(4), try call.tensor(5))
        let type = hasType ? try call.optionalType(6) : nil
        let out = try call.output(hasType ? 7 : 6)
        try require(type == nil || type == out.type, "a result of \(out.type)")
        try require(weight.rank == 2 && low <= high, "a weight of rank \(weight.rank)")
        try require(scales.rank == 1 || scales.rank == 2, "scales of rank \(scales.rank)")
        try require(scales.sizes[0] == weight.sizes[0], "\(scales.sizes[0]) scales for \(weight.sizes[0]) rows")
        try require(weight.type == .byte || (bits == 8 && weight.type == .char), "a weight of \(weight.type)")
        try require(out.type.isFloatingPoint && out.type != .double, "a result of \(out.type)")
        try require(scales.type.isFloatingPoint && scales.type != .double, "scales of \(scales.type)")
        try require(indices.type == .long || (bits < 8 && indices.type == .int), "indices of \(indices.type)")
        if let zeros {
          try require(zeros.type == out.type && zeros.hasSizes(of: scales), "zero points of \(zeros.type)")
        }
        let (length, overflow) = weight.sizes[1].multipliedReportingOverflow(by: 8 / bits)
        let groups = scales.rank == 2 ? scales.sizes[1] : 1
        try require(!overflow && groups > 0 && length % groups == 0, "\(groups) groups in \(length) elements")
        try require(out.rank == indices.rank + 1 || indices.rank == 0 && out.rank == 1, "a result of rank \(out.rank)")
        try out.resize(to: call.sizes(out.rank) { $0 == out.rank - 1 ? length : indices.sizes[$0] })
        // Without a type the reference reads scales as if they were of the result's, whatever they are.
        let factors: UnsafePointer<Float>
        if hasType || scales.type == out.type {
          factors = try call.rowMajor(scales, as: Float.self)
        } else {
          try require(out.elementSize <= scales.elementSize, "scales of \(scales.type) for \(out.type)")
          let read: UnsafeMutablePointer<Float> = try call.context.scratch(count: max(scales.count, 1))
          load(UnsafeRawPointer(scales.data), out.type, out.elementSize, scales.count, into: read)
          factors = UnsafePointer(read)
        }
        let offsets = try zeros.map { (zeros) throws(KernelError) in try call.rowMajor(zeros, as: Float.self) }
        let row: UnsafeMutablePointer<Float> = try call.context.scratch(count: indices.count == 0 ? 0 : length)
        let packed = weight.elements(UInt8.self)
        let group = max(length / groups, 1)
        for i in 0..<indices.count {
          let index = try call.integer(indices, i)
          try require(index >= 0 && index < weight.sizes[0], "index \(index) of \(weight.sizes[0])")
          let line = packed + index * weight.sizes[1]
          for j in 0..<length {
            let value = unpacked(line, j, bits, isSigned: weight.type == .char)
            let parameter = index * groups + j / group
            row[j] = (Float(value) - (offsets?[parameter] ?? 0)) * factors[parameter]
          }
          store(row, out.data + i * length * out.elementSize, out.type, out.elementSize, length)
        }
      }
    }
  }
}

/// An element of a packed row: 4 bits with the first in the upper half, 2 bits with the first in the lowest.
private func unpacked(_ line: UnsafePointer<UInt8>, _ index: Int, _ bits: Int, isSigned: Bool) -> Int {
  switch bits {
  case 2: Int(line[index >> 2] >> UInt8(2 * (index & 3)) & 3) - 2
  case 4: Int(index & 1 == 1 ? line[index >> 1] & 15 : line[index >> 1] >> 4) - 8
  default: isSigned ? Int(Int8(bitPattern: line[index])) : Int(line[index])
  }
}

/// Scale and zero point that map the values' range, 0 included, to `low` … `high` with 0 exact.
private func choose(
  _ values: UnsafePointer<Float>, _ count: Int, _ low: Int, _ high: Int
) -> (scale: Double, zero: Int) {
  var (least, greatest) = (values[0], values[0])
  for i in 1..<max(count, 1) {
    if values[i] < least { least = values[i] }
    if values[i] > greatest { greatest = values[i] }
  }
  (least, greatest) = (Swift.min(least, 0), Swift.max(greatest, 0))
  // The range's width is an int32 in the reference.
  let width = Int(Int32(truncatingIfNeeded: high - low))
  var scale = (Double(greatest) - Double(least)) / Double(width)
  if Float(scale) == 0 || (1 / Float(scale)).isInfinite { scale = 0.1 }
  let threshold: Float = 6.1e-5
  if scale < Double(threshold) {
    let original = Float(scale)
    scale = Double(threshold)
    if least == 0 {
      greatest = threshold * Float(width)
    } else if greatest == 0 {
      least = -threshold * Float(width)
    } else {
      least *= threshold / original
      greatest *= threshold / original
    }
  }
  let fromLeast = Double(low) - Double(least) / scale
  let fromGreatest = Double(high) - Double(greatest) / scale
  let leastError = Double(low.magnitude) - (Double(least) / scale).magnitude
  let greatestError = Double(high.magnitude) - (Double(greatest) / scale).magnitude
  let zero = leastError < greatestError ? fromLeast : fromGreatest
  if zero < Double(low) { return (scale, low) }
  if zero > Double(high) { return (scale, high) }
  return (scale, saturating(Double(Float(zero).rounded(.toNearestOrEven))))
}

@Sendable private func addQuantized(_ call: KernelCall) throws(KernelError) {
  let (a, b, out) = (try call.tensor(0), try call.tensor(5), try call.output(14))
  try require(a.type == b.type && a.type == out.type && TypeSet.integers.contains(a.type), "\(a.type) and \(b.type)")
  try require(a.hasSizes(of: b) && a.hasSizes(of: out), "tensors of different shapes")
  for position in [3, 8, 12] {
    let (low, high) = (try call.int(position), try call.int(position + 1))
    try require(low >= 0 && high <= 255 && low <= high, "a range from \(low) to \(high)")
  }
  let (aScale, bScale, outScale) = (
    Float(try call.double(1)), Float(try call.double(6)), Float(try call.double(10))
  )
  let (aZero, bZero, outZero) = (
    Int(Int32(truncatingIfNeeded: try call.int(2))), Int(Int32(truncatingIfNeeded: try call.int(7))),
    Int(Int32(truncatingIfNeeded: try call.int(11)))
  )
  let (low, high) = (Int64(try call.int(12)), Int64(try call.int(13)))
  let inverse = 1 / outScale
  try elementwise(Int64.self, call, Operands(a, b), out) { inputs, out, count in
    for i in 0..<count {
      let sum =
        Float(Double(inputs[0][i] &- Int64(aZero)) * Double(aScale))
        + Float(Double(inputs[1][i] &- Int64(bZero)) * Double(bScale))
      let q = Int64(saturating(Double((inverse * sum).rounded(.toNearestOrEven)))) &+ Int64(outZero)
      out[i] = min(max(q, low), high)
    }
  }
}

extension KernelCall {
  /// A product with int8 weights, each scaled.
  ///
  /// - Parameters:
  ///   - group: How many products share a scale, which their sum is multiplied with; 0 where each has one of its own.
  ///   - place: Of a row and column of the weight: where it lies, and its scale's place.
  fileprivate func mixedProduct(
    _ input: Tensor, _ weight: Tensor, _ scales: Tensor, _ out: Tensor, n: Int, k: Int, group: Int,
    place: (Int, Int) -> (Int, Int)
  ) throws(KernelError) {
    guard out.count > 0 else { return }
    let (x, factors) = (try rowMajor(input, as: Float.self), try rowMajor(scales, as: Float.self))
    let weights = weight.elements(Int8.self)
    let row: UnsafeMutablePointer<Float> = try context.scratch(count: n)
    // 16-bit floats are rounded at every step, as in the reference.
    let own = Rounding(type: input.type == .half ? .half : .double)
    let round = Rounding(type: out.type == .half ? .half : .double)
    for i in 0..<input.sizes[0] {
      for j in 0..<n {
        var (sum, part) = (0.0, 0.0)
        for p in 0..<k {
          let (at, scale) = place(p, j)
          let product = own(Double(x[i * k + p]) * Double(weights[at]))
          if group == 0 {
            sum = round(sum + own(product * Double(factors[scale])))
          } else {
            part = round(part + round(product))
            if p % group == group - 1 || p == k - 1 {
              sum = round(sum + round(part * Double(factors[scale])))
              part = 0
            }
          }
        }
        row[j] = Float(sum)
      }
      store(row, out.data + i * n * out.elementSize, out.type, out.elementSize, n)
    }
  }
}
