import ETCore

extension KernelRegistry {
  mutating func registerSums() {
    register("aten::sum.IntList_out") { call throws(KernelError) in
      let (input, keeps, type, out) = (
        try call.tensor(0), try call.bool(2), try call.optionalType(3), try call.output(4)
      )
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try require(type == nil || type == out.type, "a result of \(out.type)")
      try call.resize(out, reducing: input, bits, keeps: keeps)
      try call.sum(input, out, bits, divides: false)
    }
    register("aten::mean.out") { call throws(KernelError) in
      let (input, keeps, type, out) = (
        try call.tensor(0), try call.bool(2), try call.optionalType(3), try call.output(4)
      )
      let bits = try call.dimensions(call.optionalInts(1), of: input)
      try call.checkMean(input, type, out)
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
      try out.resize(like: input)
      switch try out.type.compute() {
      case .int: try call.cumulate(Int64.self, input, out, dimension)
      case .float: try call.cumulate(out.type == .float ? Float.self : Float.self, input, out, dimension)
      case .double: try call.cumulate(Double.self, input, out, dimension)
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
    if !divides, out.type.isIntegral, input.type.isIntegral {
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

  fileprivate func product(
    _ input: Tensor, _ type: ScalarType?, _ out: Tensor, _ bits: UInt64, keeps: Bool
  ) throws(KernelError) {
    try require(type == nil || type == out.type, "a result of \(out.type)")
    try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
    try resize(out, reducing: input, bits, keeps: keeps)
    let reduction = try Reduction(self, input, out, reduces: bits)
    let width = out.elementSize
    if out.type.isIntegral, input.type.isIntegral {
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
    let (from, to) = (input.strides[dimension] * input.elementSize, out.strides[dimension] * out.elementSize)
    // `out` has the input's rank, so places count its strides; both have one layout of dimensions.
    try starts.forEachResult { place, base in
      load(base, input.type, from, size, into: line)
      var sum = T.zero
      for i in 0..<size {
        sum = T.add(sum, line[i])
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
    if let meanOut { try require(meanOut.type.isFloatingPoint, "a mean of \(meanOut.type)") }
    try resize(out, reducing: input, bits, keeps: keeps)
    if let meanOut { try resize(meanOut, reducing: input, bits, keeps: keeps) }
    let reduction = try Reduction(self, input, out, reduces: bits)
    let means: UnsafeMutablePointer<Double> = try context.scratch(count: max(reduction.results, 1))
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    let count = Double(reduction.count)
    var number = 0
    try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
      for i in 0..<count { sum += values[i] }
    } finish: { place, sum in
      means[number] = sum / count
      number += 1
      if let meanOut {
        word.pointee = sum / count
        store(word, meanOut.data + place * meanOut.elementSize, meanOut.type, 0, 1)
      }
    }
    number = 0
    let divisor = count - correction
    try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
      let mean = means[number]
      for i in 0..<count { sum += (values[i] - mean) * (values[i] - mean) }
    } finish: { place, sum in
      number += 1
      word.pointee = divisor > 0 && count > 0 ? sum / divisor : count > 0 && sum != 0 ? .infinity : .nan
      store(word, out.data + place * out.elementSize, out.type, 0, 1)
    }
  }

  fileprivate func any(_ input: Tensor, _ out: Tensor, _ bits: UInt64, keeps: Bool) throws(KernelError) {
    try require(input.type.isOrdinary && (out.type == .bool || out.type == .byte), "\(input.type) and \(out.type)")
    try resize(out, reducing: input, bits, keeps: keeps)
    let reduction = try Reduction(self, input, out, reduces: bits)
    let results = out.elements(UInt8.self)
    try reduction.fold(Double.self, initial: false) { found, values, _, count in
      for i in 0..<count where values[i] != 0 { found = true }
    } finish: { place, found in results[place] = found ? 1 : 0 }
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
