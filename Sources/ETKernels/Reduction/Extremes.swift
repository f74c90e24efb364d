import ETCore

extension KernelRegistry {
  mutating func registerExtremes() {
    register("aten::amax.out") { call throws(KernelError) in try call.extremes(greatest: true) }
    register("aten::amin.out") { call throws(KernelError) in try call.extremes(greatest: false) }
    register("aten::max.unary_out") { call throws(KernelError) in try call.extreme(greatest: true) }
    register("aten::min.unary_out") { call throws(KernelError) in try call.extreme(greatest: false) }
    register("aten::argmax.out") { call throws(KernelError) in try call.place(greatest: true) }
    register("aten::argmin.out") { call throws(KernelError) in try call.place(greatest: false) }
    register("aten::max.dim_max") { call throws(KernelError) in try call.extremeAndPlace(greatest: true) }
    register("aten::min.dim_min") { call throws(KernelError) in try call.extremeAndPlace(greatest: false) }
    register("aten::topk.values", largest)
  }
}

/// The greatest or least value so far, and where it was. The first of equals stays; NaN beats everything.
private struct Best<T: Computable> {
  var value: T?
  var place = 0

  @inline(__always)
  mutating func take(_ values: UnsafePointer<T>, _ first: Int, _ count: Int, greatest: Bool) {
    var i = 0
    var (best, place): (T, Int)
    if let value {
      (best, place) = (value, self.place)
    } else {
      guard count > 0 else { return }
      (best, place, i) = (values[0], first, 1)
    }
    while i < count {
      let x = values[i]
      if !best.isNotANumber && (x.isNotANumber || (greatest ? x > best : x < best)) { (best, place) = (x, first + i) }
      i += 1
    }
    (value, self.place) = (best, place)
  }
}

extension KernelCall {
  fileprivate func extremes(greatest: Bool) throws(KernelError) {
    let (input, dims, keeps, out) = (try tensor(0), try ints(1), try bool(2), try output(3))
    try require(input.type == out.type && input.type.isOrdinary, "\(input.type) and \(out.type)")
    let bits = try dimensions(dims, of: input)
    try require(input.count > 0, "the greatest of nothing")
    try requireSameDimOrder(input, out)
    try resize(out, reducing: input, bits, keeps: keeps)
    try find(input, bits, greatest: greatest, values: out, places: nil)
  }

  fileprivate func extreme(greatest: Bool) throws(KernelError) {
    let (input, out) = (try tensor(0), try output(1))
    try require(input.type.isOrdinary && canCast(input.type, to: out.type), "\(input.type) and \(out.type)")
    try out.resize(to: UnsafeBufferPointer(start: nil, count: 0))
    if input.count == 0 {
      // The reference leaves the type's own limits where there is nothing to compare.
      return try limit(out, lowest: greatest)
    }
    try find(input, dimensions(nil, of: input), greatest: greatest, values: out, places: nil)
  }

  private func limit(_ out: Tensor, lowest: Bool) throws(KernelError) {
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    let integer: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
    if out.type.isFloatingPoint {
      word.pointee = lowest ? -.infinity : .infinity
      store(word, out.data, out.type, 0, 1)
    } else {
      let bits = Int64(out.elementSize * 8)
      integer.pointee =
        switch out.type {
        case .bool: lowest ? 0 : 1
        case .byte: lowest ? 0 : 255
        case .long: lowest ? .min : .max
        default: lowest ? -(1 << (bits - 1)) : (1 << (bits - 1)) - 1
        }
      store(integer, out.data, out.type, 0, 1)
    }
  }

  fileprivate func place(greatest: Bool) throws(KernelError) {
    let (input, dim, keeps, out) = (try tensor(0), try optionalInt(1), try bool(2), try output(3))
    try require(out.type == .long && input.type.isOrdinary && input.type != .bool, "\(input.type) and \(out.type)")
    try requireSameDimOrder(input, out)
    let bits: UInt64
    if let dim {
      let d = try dimension(dim, of: input.rank)
      try require(input.rank == 0 || input.sizes[d] > 0, "the greatest of nothing")
      bits = input.rank == 0 ? 0 : 1 << UInt64(d)
    } else {
      try require(input.count > 0, "the greatest of nothing")
      bits = try dimensions(nil, of: input)
    }
    try resize(out, reducing: input, bits, keeps: keeps)
    try find(input, bits, greatest: greatest, values: nil, places: out)
  }

  fileprivate func extremeAndPlace(greatest: Bool) throws(KernelError) {
    let (input, keeps, values, places) = (try tensor(0), try bool(2), try output(3), try output(4))
    try require(input.type == values.type && places.type == .long, "\(values.type) and \(places.type)")
    try require(input.type.isOrdinary, "an element type of \(input.type)")
    let d = try dimension(int(1), of: input.rank)
    try require(input.rank == 0 || input.sizes[d] > 0, "the greatest of nothing")
    try requireSameDimOrder(input, values)
    let bits: UInt64 = input.rank == 0 ? 0 : 1 << UInt64(d)
    try resize(values, reducing: input, bits, keeps: keeps)
    try resize(places, reducing: input, bits, keeps: keeps)
    try find(input, bits, greatest: greatest, values: values, places: places)
  }

  private func find(
    _ input: Tensor, _ bits: UInt64, greatest: Bool, values: Tensor?, places: Tensor?
  ) throws(KernelError) {
    switch try input.type.compute() {
    case .int: try find(Int64.self, input, bits, greatest, values, places)
    case .float: try find(Float.self, input, bits, greatest, values, places)
    case .double: try find(Double.self, input, bits, greatest, values, places)
    }
  }

  private func find<T: Computable>(
    _: T.Type, _ input: Tensor, _ bits: UInt64, _ greatest: Bool, _ values: Tensor?, _ places: Tensor?
  ) throws(KernelError) {
    guard let shape = values ?? places else { return }
    let reduction = try Reduction(self, input, shape, reduces: bits)
    try require(reduction.count > 0 || reduction.results == 0, "the greatest of nothing")
    let word: UnsafeMutablePointer<T> = try context.scratch(count: 1)
    try reduction.fold(T.self, initial: Best<T>()) { best, values, first, count in
      best.take(values, first, count, greatest: greatest)
    } finish: { place, best in
      if let values {
        word.pointee = best.value ?? .zero
        store(word, values.data + place * values.elementSize, values.type, 0, 1)
      }
      places?.elements(Int64.self)[place] = Int64(best.place)
    }
  }
}

@Sendable private func largest(_ call: KernelCall) throws(KernelError) {
  let (input, k, greatest, sorted) = (try call.tensor(0), try call.int(1), try call.bool(3), try call.bool(4))
  let (values, places) = (try call.output(5), try call.output(6))
  try require(values.type == input.type && places.type == .long && input.type.isOrdinary && input.type != .bool, "\(values.type)")
  let dimension = try call.dimension(call.int(2), of: input.rank)
  let size = input.rank == 0 ? 1 : input.sizes[dimension]
  try require(k >= 0 && k <= size, "the \(k) greatest of \(size)")
  let shape = try call.sizes(input.rank) { $0 == dimension ? k : input.sizes[$0] }
  try values.resize(to: shape)
  try places.resize(to: shape)
  guard values.count > 0 else { return }
  switch try input.type.compute() {
  case .int: try largest(Int64.self, call, input, k, dimension, size, greatest, sorted, values, places)
  case .float: try largest(Float.self, call, input, k, dimension, size, greatest, sorted, values, places)
  case .double: try largest(Double.self, call, input, k, dimension, size, greatest, sorted, values, places)
  }
}

private func largest<T: Computable>(
  _: T.Type, _ call: KernelCall, _ input: Tensor, _ k: Int, _ dimension: Int, _ size: Int, _ greatest: Bool,
  _ sorted: Bool, _ values: Tensor, _ places: Tensor
) throws(KernelError) {
  let line: UnsafeMutablePointer<T> = try call.context.scratch(count: size)
  let order: UnsafeMutablePointer<Int> = try call.context.scratch(count: size)
  let lines = try Reduction(call, input, values, reduces: input.rank == 0 ? 0 : 1 << UInt64(dimension))
  let stride = input.rank == 0 ? 0 : input.strides[dimension] * input.elementSize
  let step = input.rank == 0 ? 0 : values.strides[dimension]
  /// Whether element a stands before element b: NaN is the greatest number.
  func before(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (line[a], line[b])
    if x.isNotANumber || y.isNotANumber {
      return greatest ? x.isNotANumber && !y.isNotANumber : !x.isNotANumber && y.isNotANumber
    }
    return greatest ? x > y : x < y
  }
  try lines.forEachResult { place, base in
    load(base, input.type, stride, size, into: line)
    for i in 0..<size { order[i] = i }
    var all = UnsafeMutableBufferPointer(start: order, count: size)
    all.sort { before($0, $1) || (!before($1, $0) && $0 < $1) }
    for i in 0..<k {
      let from = line + order[i]
      store(from, values.data + (place + i * step) * values.elementSize, values.type, 0, 1)
      places.elements(Int64.self)[place + i * step] = Int64(order[i])
    }
  }
}
