import ETCore

// How operators choose and check element types and shapes, as PyTorch and the reference's portable kernels do.

extension ScalarType {
  /// Of booleans, integers and floating-point numbers: what pointwise operators take (`REALHBBF16`).
  var isOrdinary: Bool {
    switch self {
    case .byte, .char, .short, .int, .long, .half, .float, .double, .bool, .bfloat16: true
    default: false
    }
  }

  /// Boolean or integer.
  var isIntegral: Bool { isInteger || self == .bool }
}

/// The type that values of both types become together (c10's `promoteTypes`).
func promote(_ a: ScalarType, _ b: ScalarType) throws(KernelError) -> ScalarType {
  guard a.isOrdinary, b.isOrdinary else { throw KernelError(.notSupported, "element types \(a) and \(b)") }
  if a == b { return a }
  switch (a.isFloatingPoint, b.isFloatingPoint) {
  case (true, false): return a
  case (false, true): return b
  case (true, true):
    if a == .double || b == .double { return .double }
    // Neither 16-bit type holds the other.
    return .float
  case (false, false):
    if a == .bool { return b }
    if b == .bool { return a }
    if a == .byte || b == .byte {
      let other = a == .byte ? b : a
      return other == .char ? .short : other
    }
    return a.rawValue > b.rawValue ? a : b
  }
}

/// The type of a tensor's elements together with a number, whose width does not count.
func promote(_ type: ScalarType, with scalar: Scalar) throws(KernelError) -> ScalarType {
  guard type.isOrdinary else { throw KernelError(.notSupported, "an element type of \(type)") }
  switch scalar {
  case .bool: return type
  case .int: return type == .bool ? .long : type
  case .double: return type.isFloatingPoint ? type : .float
  }
}

/// Whether results of one type may be stored as another: no fraction and no number is lost to a narrower kind.
func canCast(_ from: ScalarType, to: ScalarType) -> Bool {
  guard from.isOrdinary, to.isOrdinary else { return false }
  if from.isFloatingPoint && !to.isFloatingPoint { return false }
  return from == .bool || to != .bool
}

/// All contiguous, or all channels last.
func requireSameDimOrder(_ tensors: Tensor...) throws(KernelError) {
  try requireSameDimOrder(tensors)
}

private func requireSameDimOrder(_ tensors: [Tensor]) throws(KernelError) {
  if tensors.allSatisfy({ $0.isContiguous }) || tensors.allSatisfy({ $0.isChannelsLast }) { return }
  throw KernelError(.invalidArgument, "tensors of different dim orders")
}

@inline(__always)
func requireSameDimOrder(_ a: Tensor, _ b: Tensor) throws(KernelError) {
  if a.isContiguous && b.isContiguous { return }
  try requireSameDimOrder([a, b])
}

@inline(__always)
func requireSameDimOrder(_ a: Tensor, _ b: Tensor, _ c: Tensor) throws(KernelError) {
  if a.isContiguous && b.isContiguous && c.isContiguous { return }
  try requireSameDimOrder([a, b, c])
}

extension KernelCall {
  /// Gives `out` the shape that all operands broadcast to.
  func resize(_ out: Tensor, toBroadcast operands: Operands) throws(KernelError) {
    if operands.allSatisfy({ $0.hasSizes(of: operands.first) }) {
      return try out.resize(like: operands.first)
    }
    var rank = 0
    for i in 0..<operands.count { rank = max(rank, operands[i].rank) }
    let sizes: UnsafeMutablePointer<Int> = try context.scratch(count: rank)
    for dimension in 0..<rank {
      var size = 1
      for i in 0..<operands.count {
        let own = dimension - (rank - operands[i].rank)
        let other = own < 0 ? 1 : operands[i].sizes[own]
        if other == 1 { continue }
        guard size == 1 || size == other else {
          throw KernelError(
            .invalidArgument, "shapes that do not broadcast: \(size) and \(other) in dimension \(dimension)")
        }
        size = other
      }
      sizes[dimension] = size
    }
    try out.resize(to: UnsafeBufferPointer(start: sizes, count: rank))
  }

  /// A dimension, counted from the end where it is negative.
  func dimension(_ dimension: Int, of rank: Int) throws(KernelError) -> Int {
    let bound = max(rank, 1)
    guard dimension >= -bound, dimension < bound else {
      throw KernelError(.invalidArgument, "dimension \(dimension) of a tensor of rank \(rank)")
    }
    return dimension < 0 ? dimension + bound : dimension
  }
}
