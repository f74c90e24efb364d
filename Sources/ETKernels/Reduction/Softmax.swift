import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerSoftmax() {
    register("aten::_softmax.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      let dimension = try call.checkSoftmax(input, out)
      try requireSameDimOrder(input, out)
      try call.softmax(input, out, dimension, across: input.rank == 0 ? 1 : input.strides[dimension], logarithm: false)
    }
    register("aten::_log_softmax.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      let dimension = try call.checkSoftmax(input, out)
      try require(input.type != .double, "logarithms of \(input.type)")
      // By place in memory: the reference takes channels last for contiguous here.
      var across = 1
      for d in min(dimension + 1, input.rank)..<input.rank { across = across &* input.sizes[d] }
      try call.softmax(input, out, dimension, across: across, logarithm: true)
    }
  }
}

extension KernelCall {
  /// Gives the output its shape and returns the dimension.
  fileprivate func checkSoftmax(_ input: Tensor, _ out: Tensor) throws(KernelError) -> Int {
    try require(try !bool(2), "a conversion of halves to floats")
    try require(
      input.type == out.type && input.type.isFloatingPoint, "the softmax of \(input.type) as \(out.type)")
    let dimension = try dimension(int(1), of: input.rank)
    try requireOrdinaryDimOrders(input, out)
    try out.resize(like: input)
    return dimension
  }

  fileprivate func softmax(
    _ input: Tensor, _ out: Tensor, _ dimension: Int, across: Int, logarithm: Bool
  ) throws(KernelError) {
    guard input.count > 0 else { return }
    if input.rank == 0, logarithm {
      var zero: Float = 0
      return store(&zero, out.data, out.type, 0, 1)
    }
    let size = input.rank == 0 ? 1 : input.sizes[dimension]
    if across > 1 {
      try softmaxAcross(input, out, size, across, logarithm)
    } else if input.type == .double {
      try softmaxDoubles(input, out, size)
    } else {
      // Over the last dimension the reference keeps a 16-bit type's sum and its logarithm in that type.
      try softmaxLines(input, out, size, logarithm, roundsSum: dimension == input.rank - 1)
    }
  }

  /// Of lines that lie in one piece, in Float.
  private func softmaxLines(
    _ input: Tensor, _ out: Tensor, _ size: Int, _ logarithm: Bool, roundsSum: Bool
  ) throws(KernelError) {
    let direct = input.type == .float
    let lines: UnsafeMutablePointer<Float> = try context.scratch(count: direct ? 0 : context.pool.threads * size)
    let width = input.elementSize
    context.parallel(input.count / size, grain: max((1 << 14) / size, 1)) { range, worker in
      for line in range {
        if direct {
          softmaxLine(
            input.elements(Float.self) + line * size, out.elements(Float.self) + line * size, size, logarithm, nil)
        } else {
          let values = lines + worker * size
          load(UnsafeRawPointer(input.data) + line * size * width, input.type, width, size, into: values)
          softmaxLine(values, values, size, logarithm, roundsSum ? input.type : nil)
          store(values, out.data + line * size * width, out.type, width, size)
        }
      }
    }
  }

  private func softmaxDoubles(_ input: Tensor, _ out: Tensor, _ size: Int) throws(KernelError) {
    let (from, to) = (input.elements(Double.self), out.elements(Double.self))
    context.parallel(input.count / size, grain: max((1 << 12) / size, 1)) { range in
      for line in range {
        let (values, results) = (from + line * size, to + line * size)
        var greatest = values[0]
        for i in 1..<size where !(values[i] <= greatest) { greatest = values[i] }
        var sum = 0.0
        for i in 0..<size {
          results[i] = exp(values[i] - greatest)
          sum += results[i]
        }
        for i in 0..<size { results[i] /= sum }
      }
    }
  }

  /// Of lines that lie beside one another: a block of columns at a time.
  private func softmaxAcross(
    _ input: Tensor, _ out: Tensor, _ size: Int, _ across: Int, _ logarithm: Bool
  ) throws(KernelError) {
    let wide = min(across, max(min(1 << 14 / size, 512), 8))
    let tiles = (across + wide - 1) / wide
    let outer = input.count / (size * across)
    let grain = max((1 << 14) / (wide * size), 1)
    let width = input.elementSize
    if input.type == .double {
      let blocks: UnsafeMutablePointer<Double> = try context.scratch(count: context.pool.threads * (size + 3) * wide)
      context.parallel(outer * tiles, grain: grain) { pieces, worker in
        let block = blocks + worker * (size + 3) * wide
        for piece in pieces {
          let (line, tile) = piece.quotientAndRemainder(dividingBy: tiles)
          let columns = min(wide, across - tile * wide)
          let first = (line * size * across + tile * wide) * width
          for i in 0..<size {
            load(
              UnsafeRawPointer(input.data) + first + i * across * width, input.type, width, columns,
              into: block + i * columns)
          }
          softmaxColumns(block, size, columns) { values, count in for i in 0..<count { values[i] = exp(values[i]) } }
          for i in 0..<size {
            store(block + i * columns, out.data + first + i * across * width, out.type, width, columns)
          }
        }
      }
      return
    }
    let blocks: UnsafeMutablePointer<Float> = try context.scratch(count: context.pool.threads * (size + 3) * wide)
    context.parallel(outer * tiles, grain: grain) { pieces, worker in
      let block = blocks + worker * (size + 3) * wide
      for piece in pieces {
        let (line, tile) = piece.quotientAndRemainder(dividingBy: tiles)
        let columns = min(wide, across - tile * wide)
        let first = (line * size * across + tile * wide) * width
        for i in 0..<size {
          load(
            UnsafeRawPointer(input.data) + first + i * across * width, input.type, width, columns,
            into: block + i * columns)
        }
        if logarithm {
          logSoftmaxColumns(block, size, columns)
        } else {
          softmaxColumns(block, size, columns) { values, count in exponentials(values, values, count) }
        }
        for i in 0..<size {
          let to = out.data + first + i * across * width
          if out.type == .float {
            to.assumingMemoryBound(to: Float.self).update(from: block + i * columns, count: columns)
          } else {
            store(block + i * columns, to, out.type, width, columns)
          }
        }
      }
    }
  }
}

/// Softmax of each column, in place; behind the block is room for three more rows.
private func softmaxColumns<T: BinaryFloatingPoint>(
  _ block: UnsafeMutablePointer<T>, _ size: Int, _ columns: Int, exp: (UnsafeMutablePointer<T>, Int) -> Void
) {
  let greatest = block + size * columns
  let sums = greatest + columns
  greatestOfColumns(block, size, columns, greatest)
  for i in 0..<size {
    let row = block + i * columns
    for j in 0..<columns { row[j] -= greatest[j] }
  }
  exp(block, size * columns)
  sums.update(repeating: 0, count: columns)
  for i in 0..<size {
    let row = block + i * columns
    for j in 0..<columns { sums[j] += row[j] }
  }
  for i in 0..<size {
    let row = block + i * columns
    for j in 0..<columns { row[j] /= sums[j] }
  }
}

private func logSoftmaxColumns(_ block: UnsafeMutablePointer<Float>, _ size: Int, _ columns: Int) {
  let greatest = block + size * columns
  let (sums, powers) = (greatest + columns, greatest + 2 * columns)
  greatestOfColumns(block, size, columns, greatest)
  sums.update(repeating: 0, count: columns)
  for i in 0..<size {
    let row = block + i * columns
    for j in 0..<columns { powers[j] = row[j] - greatest[j] }
    exponentials(powers, powers, columns)
    for j in 0..<columns { sums[j] += powers[j] }
  }
  for j in 0..<columns { sums[j] = logf(sums[j]) }
  for i in 0..<size {
    let row = block + i * columns
    for j in 0..<columns { row[j] = row[j] - greatest[j] - sums[j] }
  }
}

private func greatestOfColumns<T: BinaryFloatingPoint>(
  _ block: UnsafeMutablePointer<T>, _ size: Int, _ columns: Int, _ greatest: UnsafeMutablePointer<T>
) {
  greatest.update(from: block, count: columns)
  for i in 1..<max(size, 1) {
    let row = block + i * columns
    for j in 0..<columns { greatest[j] = row[j] <= greatest[j] ? greatest[j] : row[j] }
  }
}

/// Softmax of one line or its logarithm; NaN anywhere makes all NaN.
///
/// - Parameter sumType: The type to which the sum under the logarithm is rounded.
private func softmaxLine(
  _ values: UnsafePointer<Float>, _ results: UnsafeMutablePointer<Float>, _ count: Int, _ logarithm: Bool,
  _ sumType: ScalarType?
) {
  var greatest = values[0]
  var i = 0
  if count >= 8 {
    var lanes = UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Float>.self)
    i = 8
    while i + 8 <= count {
      let next = UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
      lanes.replace(with: next, where: next .> lanes)
      i += 8
    }
    for lane in 0..<8 where lanes[lane] > greatest { greatest = lanes[lane] }
  }
  while i < count {
    if values[i] > greatest { greatest = values[i] }
    i += 1
  }
  guard logarithm else {
    exponentials(values, results, count, from: greatest)
    let sum = sumInLanes(results, count)
    for i in 0..<count { results[i] /= sum }
    return
  }
  var sum: Float = 0
  withUnsafeTemporaryAllocation(of: Float.self, capacity: 128) { block in
    let powers = block.baseAddress.unsafelyUnwrapped
    for first in stride(from: 0, to: count, by: 128) {
      let size = min(128, count - first)
      exponentials(values + first, powers, size, from: greatest)
      sum += sumInLanes(powers, size)
    }
  }
  var total = logf(sum)
  if sumType == .half { total = rounded(logf(rounded(sum, to: Half.self)), to: Half.self) }
  if sumType == .bfloat16 { total = rounded(logf(rounded(sum, to: BFloat16.self)), to: BFloat16.self) }
  for i in 0..<count { results[i] = values[i] - greatest - total }
}

/// Powers of e of the distances from `origin`; input and output may be the same memory.
@inline(never)
func exponentials(
  _ values: UnsafePointer<Float>, _ results: UnsafeMutablePointer<Float>, _ count: Int, from origin: Float = 0
) {
  if values == UnsafePointer(results) {
    // Through one pointer: what is known to be the same memory can be done for several numbers at once.
    for i in 0..<count { results[i] = exponential(results[i] - origin) }
  } else {
    for i in 0..<count { results[i] = exponential(values[i] - origin) }
  }
}

/// A power of e within 2 units in the last place, in steps that compilers can do for several numbers at once.
///
/// eˣ = 2ⁿ·eʳ, where n is x·log₂e rounded and ln 2 is taken in two parts; eʳ is Cephes' polynomial (Moshier, expf.c).
@inline(__always)
private func exponential(_ x: Float) -> Float {
  // NaN stays.
  let x = x > 89 ? 89 : x < -104 ? -104 : x
  // Adding 1.5·2²³ rounds to an integer, which the low bits then hold.
  let magic: Float = 12_582_912
  let shifted = x * 1.442_695_04 + magic
  let n = shifted - magic
  let r = (x - n * 0.693_359_375) - n * -2.121_944_4e-4
  var power = r * 1.987_569_15e-4 + 1.398_199_95e-3
  power = power * r + 8.333_452e-3
  power = power * r + 4.166_579_6e-2
  power = power * r + 1.666_666_5e-1
  power = power * r + 0.5
  power = power * (r * r) + (r + 1)
  // In two factors, so that neither is beyond what a Float's exponent holds.
  let exponent = Int32(bitPattern: shifted.bitPattern) &- Int32(bitPattern: magic.bitPattern)
  let half = exponent &>> 1
  return power * powerOfTwo(half) * powerOfTwo(exponent &- half)
}

@inline(__always)
private func powerOfTwo(_ exponent: Int32) -> Float { Float(bitPattern: UInt32(bitPattern: (exponent &+ 127) &<< 23)) }
