import ETCore

extension KernelRegistry {
  mutating func registerSums() {
    register("aten::sum.IntList_out") { call throws(KernelError) in
      let (input, keeps, type, out) = (
        try call.tensor(0), try call.bool(2), try call.optionalType(3), try call.output(4)
      )
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try require(type == nil || type == out.type, "a result of \(out.type)")
      try requireSameDimOrder(input, out)
      if let dims = try call.optionalInts(1), !dims.isEmpty {
        try require(input.rank > 0 || !input.type.isFloatingPoint, "dimensions of a tensor of rank 0")
      }
      try call.resize(out, reducing: input, bits, keeps: keeps)
      try call.sum(input, out, bits, divides: false)
    }
    register("aten::mean.out") { call throws(KernelError) in
      let (input, keeps, type, out) = (
        try call.tensor(0), try call.bool(2), try call.optionalType(3), try call.output(4)
      )
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try call.checkMean(input, type, out)
      try requireSameDimOrder(input, out)
      try call.resize(out, reducing: input, bits, keeps: keeps)
      try call.sum(input, out, bits, divides: true)
    }
    register("aten::mean.dtype_out") { call throws(KernelError) in
      let (input, type, out) = (try call.tensor(0), try call.optionalType(1), try call.output(2))
      let bits = try call.dimensions(nil, of: input)
      try call.checkMean(input, type, out)
      try call.resize(out, reducing: input, bits, keeps: false)
      try call.sum(input, out, bits, divides: true)
    }
    register("aten::prod.out") { call throws(KernelError) in
      let (input, type, out) = (try call.tensor(0), try call.optionalType(1), try call.output(2))
      try require((type ?? input.type) == out.type || type == nil && input.type.isIntegral && out.type == .long, "a result of \(out.type)")
      try call.product(input, type, out, try call.dimensions(nil, of: input), keeps: false)
    }
    register("aten::prod.int_out") { call throws(KernelError) in
      let (input, keeps, type, out) = (
        try call.tensor(0), try call.bool(2), try call.optionalType(3), try call.output(4)
      )
      try call.product(input, type, out, try call.bit(call.int(1), of: input), keeps: keeps)
    }
    register("aten::cumsum.out") { call throws(KernelError) in
      let (input, type, out) = (try call.tensor(0), try call.optionalType(2), try call.output(3))
      let dimension = try call.dimension(call.int(1), of: input.rank)
      try require(type == nil || type == out.type, "a result of \(out.type)")
      try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
      try require(input.rank > 0, "a running sum of a tensor of rank 0")
      try out.resize(like: input)
      if out.type.isIntegral && input.type.isIntegral {
        try call.cumulate(Int64.self, input, out, dimension)
      } else {
        try call.cumulate(Double.self, input, out, dimension)
      }
    }
    registerVariances()
    registerBooleans()
  }

  private mutating func registerVariances() {
    register("aten::var.out") { call throws(KernelError) in
      let (input, unbiased, keeps, out) = (try call.tensor(0), try call.bool(2), try call.bool(3), try call.output(4))
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try call.variance(input, bits, correction: unbiased ? 1 : 0, keeps: keeps, out, mean: nil)
    }
    register("aten::var.correction_out") { call throws(KernelError) in
      let (input, correction, keeps, out) = (
        try call.tensor(0), try call.optionalScalar(2), try call.bool(3), try call.output(4)
      )
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try call.variance(input, bits, correction: correction?.asDouble ?? 1, keeps: keeps, out, mean: nil)
    }
    register("aten::var_mean.correction_out") { call throws(KernelError) in
      let (input, correction, keeps) = (try call.tensor(0), try call.optionalScalar(2), try call.bool(3))
      let (out, mean) = (try call.output(4), try call.output(5))
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try call.variance(input, bits, correction: correction?.asDouble ?? 1, keeps: keeps, out, mean: mean)
    }
  }

  private mutating func registerBooleans() {
    register("aten::any.all_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try call.any(input, out, try call.dimensions(nil, of: input), keeps: false)
    }
    register("aten::any.dims_out") { call throws(KernelError) in
      let (input, keeps, out) = (try call.tensor(0), try call.bool(2), try call.output(3))
      let dims = try call.optionalInts(1)
      // An empty list reduces nothing here.
      let bits = dims?.isEmpty == true ? 0 : try call.dimensions(dims, of: input)
      try call.any(input, out, bits, keeps: keeps)
    }
    register("aten::any.out") { call throws(KernelError) in
      let (input, keeps, out) = (try call.tensor(0), try call.bool(2), try call.output(3))
      try call.any(input, out, try call.bit(call.int(1), of: input), keeps: keeps)
    }
  }
}

extension KernelCall {
  fileprivate func checkMean(_ input: Tensor, _ type: ScalarType?, _ out: Tensor) throws(KernelError) {
    try require(type == nil || type == out.type, "a result of \(out.type)")
    try require(
      out.type.isFloatingPoint && input.type.isOrdinary && (type != nil || input.type.isFloatingPoint),
      "a mean of \(input.type) as \(out.type)")
  }

  /// Sums floating-point numbers in Double and rounds once; integers wrap.
  fileprivate func sum(_ input: Tensor, _ out: Tensor, _ bits: UInt64, divides: Bool) throws(KernelError) {
    try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
    let reduction = try Reduction(self, input, out, reduces: bits)
    let width = out.elementSize
    if !divides, out.type.isIntegral {
      if input.type.isFloatingPoint { return try sumOfIntegers(reduction, out) }
      let word: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
      try reduction.fold(Int64.self, initial: Int64(0)) { sum, values, _, count in
        for i in 0..<count { sum &+= values[i] }
      } finish: { place, sum in
        word.pointee = sum
        store(word, out.data + place * width, out.type, 0, 1)
      }
      return
    }
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    func finish(_ place: Int, _ sum: Double) {
      word.pointee = divides ? sum / Double(reduction.count) : sum
      store(word, out.data + place * width, out.type, 0, 1)
    }
    if input.type == .float {
      try reduction.fold(Float.self, initial: 0.0) { sum, values, _, count in
        sum += doubleSum(values, count)
      } finish: { finish($0, $1) }
    } else {
      try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
        for i in 0..<count { sum += values[i] }
      } finish: { finish($0, $1) }
    }
  }

  /// Each number is cut to an integer before it is added.
  private func sumOfIntegers(_ reduction: Reduction, _ out: Tensor) throws(KernelError) {
    let word: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
    let type = out.type
    try reduction.fold(Double.self, initial: Int64(0)) { sum, values, _, count in
      for i in 0..<count { sum &+= asElement(values[i], type) }
    } finish: { place, sum in
      word.pointee = sum
      store(word, out.data + place * out.elementSize, out.type, 0, 1)
    }
  }

  fileprivate func product(
    _ input: Tensor, _ type: ScalarType?, _ out: Tensor, _ bits: UInt64, keeps: Bool
  ) throws(KernelError) {
    try require(type == nil || type == out.type, "a result of \(out.type)")
    try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
    try resize(out, reducing: input, bits, keeps: keeps)
    let reduction = try Reduction(self, input, out, reduces: bits)
    let width = out.elementSize
    if out.type.isIntegral, input.type.isFloatingPoint {
      let word: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
      let type = out.type
      try reduction.fold(Double.self, initial: Int64(1)) { product, values, _, count in
        for i in 0..<count { product &*= asElement(values[i], type) }
      } finish: { place, product in
        word.pointee = product
        store(word, out.data + place * width, out.type, 0, 1)
      }
    } else if out.type.isIntegral {
      let word: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
      try reduction.fold(Int64.self, initial: Int64(1)) { product, values, _, count in
        for i in 0..<count { product &*= values[i] }
      } finish: { place, product in
        word.pointee = product
        store(word, out.data + place * width, out.type, 0, 1)
      }
    } else {
      let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
      try reduction.fold(Double.self, initial: 1.0) { product, values, _, count in
        for i in 0..<count { product *= values[i] }
      } finish: { place, product in
        word.pointee = product
        store(word, out.data + place * width, out.type, 0, 1)
      }
    }
  }

  fileprivate func cumulate<T: Computable>(
    _: T.Type, _ input: Tensor, _ out: Tensor, _ dimension: Int
  ) throws(KernelError) {
    guard input.count > 0 else { return }
    if input.rank == 0 { return try convert(input, to: out) }
    let bits = UInt64(1) << UInt64(dimension)
    // The places where the running sums begin: a reduction without its reduced dimension.
    let starts = try Reduction(self, input, out, reduces: bits)
    let size = input.sizes[dimension]
    let line: UnsafeMutablePointer<T> = try context.scratch(count: size)
    let (round, type) = (Rounding(type: out.type), out.type)
    let (from, to) = (input.strides[dimension] * input.elementSize, out.strides[dimension] * out.elementSize)
    // `out` has the input's rank, so places count its strides; both have one layout of dimensions.
    try starts.forEachResult { place, base in
      load(base, input.type, from, size, into: line)
      var sum = T.zero
      for i in 0..<size {
        // As the reference adds: in the result's type, which a number is converted to first.
        if T.isFloatingPoint {
          let number = line[i].asDouble
          sum = T(converting: round(sum.asDouble + (type == .bool ? (number == 0 ? 0 : 1) : round(number))))
        } else {
          if type == .bool && line[i] != .zero { line[i] = .one }
          sum = T.add(sum, line[i])
        }
        line[i] = sum
      }
      store(line, out.data + place * out.elementSize, out.type, to, size)
    }
  }

  /// Two passes in Double.
  fileprivate func variance(
    _ input: Tensor, _ bits: UInt64, correction: Double, keeps: Bool, _ out: Tensor, mean meanOut: Tensor?
  ) throws(KernelError) {
    try require(input.type.isFloatingPoint && out.type.isFloatingPoint, "\(input.type) and \(out.type)")
    if let meanOut { try require(meanOut.type.isOrdinary, "a mean of \(meanOut.type)") }
    try resize(out, reducing: input, bits, keeps: keeps)
    if let meanOut { try resize(meanOut, reducing: input, bits, keeps: keeps) }
    let reduction = try Reduction(self, input, out, reduces: bits)
    let means: UnsafeMutablePointer<Double> = try context.scratch(count: max(reduction.results, 1))
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    let count = Double(reduction.count)
    let divisor = count - correction
    // 16-bit results are computed step by step in their own type, as in the reference.
    let round = Rounding(type: out.type == .half || out.type == .bfloat16 ? out.type : .double)
    let meanRound = Rounding(type: meanOut?.type == .half || meanOut?.type == .bfloat16 ? meanOut!.type : .double)
    var number = 0
    try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
      for i in 0..<count { sum = round(sum + round(values[i])) }
    } finish: { place, sum in
      means[number] = round(sum / round(count))
      number += 1
      if let meanOut {
        word.pointee = divisor > 0 ? meanRound(sum / round(count)) : .nan
        store(word, meanOut.data + place * meanOut.elementSize, meanOut.type, 0, 1)
      }
    }
    number = 0
    try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
      let mean = means[number]
      for i in 0..<count {
        let gap = round(round(values[i]) - mean)
        sum = round(sum + round(gap * gap))
      }
    } finish: { place, sum in
      number += 1
      word.pointee = divisor > 0 && count > 0 ? sum / divisor : .nan
      store(word, out.data + place * out.elementSize, out.type, 0, 1)
    }
  }

  fileprivate func any(_ input: Tensor, _ out: Tensor, _ bits: UInt64, keeps: Bool) throws(KernelError) {
    try requireSameDimOrder(input, out)
    try require(input.type.isOrdinary && (out.type == .bool || out.type == .byte), "\(input.type) and \(out.type)")
    try resize(out, reducing: input, bits, keeps: keeps)
    let reduction = try Reduction(self, input, out, reduces: bits)
    let results = out.elements(UInt8.self)
    try reduction.fold(Double.self, initial: false) { found, values, _, count in
      for i in 0..<count where values[i] != 0 { found = true }
    } finish: { place, found in results[place] = found ? 1 : 0 }
  }
}

/// A floating-point number as an integer type holds it; 1 for what is true.
private func asElement(_ value: Double, _ type: ScalarType) -> Int64 {
  switch type {
  case .byte: Int64(UInt8(converting: value))
  case .char: Int64(Int8(converting: value))
  case .short: Int64(Int16(converting: value))
  case .int: Int64(Int32(converting: value))
  case .bool: value == 0 ? 0 : 1
  default: Int64(converting: value)
  }
}

/// The sum of floats in Double, in four strands.
func doubleSum(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
  var sums = SIMD4<Double>()
  var i = 0
  while i + 4 <= count {
    sums += SIMD4<Double>(UnsafeRawPointer(values + i).loadUnaligned(as: SIMD4<Float>.self))
    i += 4
  }
  var sum = sums.sum()
  while i < count {
    sum += Double(values[i])
    i += 1
  }
  return sum
}
