internal import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// Operators on the method's own values: symbolic sizes, loop counters, conditions, views.

extension KernelRegistry {
  mutating func registerPrimitives() {
    registerNumbers()
    registerComparisons()
    registerConversions()
    registerShapes()
  }

  private mutating func registerNumbers() {
    register("executorch_prim::add.Scalar") { call throws(KernelError) in
      try call.arithmetic({ $0 &+ $1 }, { $0 + $1 })
    }
    register("executorch_prim::sub.Scalar") { call throws(KernelError) in
      try call.arithmetic({ $0 &- $1 }, { $0 - $1 })
    }
    register("executorch_prim::mul.Scalar") { call throws(KernelError) in
      try call.arithmetic({ $0 &* $1 }, { $0 * $1 })
    }
    register("executorch_prim::truediv.Scalar") { call throws(KernelError) in
      let (a, b) = try call.numbers()
      try call.set(2, .double(a.asDouble / b.asDouble))
    }
    register("executorch_prim::floordiv.Scalar") { call throws(KernelError) in
      switch try call.numbers() {
      case (.int(let a), .int(let b)): try call.set(2, .int(quotient(a, b, floored: true)))
      case (let a, let b): try call.set(2, .double(floorDivide(a.asDouble, b.asDouble)))
      }
    }
    register("executorch_prim::floordiv.int") { call throws(KernelError) in
      try call.requireCount(3)
      try call.set(2, .int(quotient(call.int(0), call.int(1), floored: false)))
    }
    register("executorch_prim::mod.int") { call throws(KernelError) in
      try call.requireCount(3)
      try call.set(2, .int(remainder(call.int(0), call.int(1))))
    }
    register("executorch_prim::mod.Scalar") { call throws(KernelError) in
      try call.requireCount(3)
      try call.set(2, .int(remainder(call.int(0), call.int(1))))
    }
    register("executorch_prim::sym_max.Scalar") { call throws(KernelError) in
      try call.requireCount(3)
      try call.set(2, .int(max(call.int(0), call.int(1))))
    }
    register("executorch_prim::sym_min.Scalar") { call throws(KernelError) in
      try call.requireCount(3)
      try call.set(2, .int(min(call.int(0), call.int(1))))
    }
    register("executorch_prim::neg.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      switch try call.scalar(0) {
      case .int(let value): try call.set(1, .int(0 &- value))
      case .double(let value): try call.set(1, .double(-value))
      case .bool: throw KernelError(.invalidArgument, "argument 0 is a boolean")
      }
    }
  }

  private mutating func registerComparisons() {
    register("executorch_prim::eq.Scalar") { call throws(KernelError) in
      try call.compare({ $0 == $1 }, { $0 == $1 })
    }
    register("executorch_prim::gt.Scalar") { call throws(KernelError) in
      try call.compare({ $0 > $1 }, { $0 > $1 })
    }
    register("executorch_prim::lt.Scalar") { call throws(KernelError) in
      try call.compare({ $0 < $1 }, { $0 < $1 })
    }
    register("executorch_prim::ge.Scalar") { call throws(KernelError) in
      try call.compare({ $0 >= $1 }, { $0 >= $1 })
    }
    register("executorch_prim::le.Scalar") { call throws(KernelError) in
      try call.compare({ $0 <= $1 }, { $0 <= $1 })
    }
    register("executorch_prim::sym_not.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .bool(!call.bool(0)))
    }
    register("executorch_prim::sym_ite.Scalar") { call throws(KernelError) in
      try call.requireCount(4)
      let selected = try call.bool(0) ? 1 : 2
      _ = try call.scalar(selected)
      try call.set(3, call.value(selected))
    }
  }

  private mutating func registerConversions() {
    register("executorch_prim::sym_float.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .double(call.scalar(0).asDouble))
    }
    register("executorch_prim::sym_int.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .int(call.scalar(0).asInt))
    }
    register("executorch_prim::ceil.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .int(saturating(call.double(0).rounded(.up))))
    }
    register("executorch_prim::round.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .int(saturating(call.double(0).rounded(.toNearestOrEven))))
    }
    register("executorch_prim::trunc.Scalar") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .int(saturating(call.double(0))))
    }
    register("aten::_local_scalar_dense") { call throws(KernelError) in
      try call.requireCount(2)
      let tensor = try call.tensor(0)
      try require(tensor.count >= 1, "a tensor without elements has no value")
      switch tensor.type {
      case .bool: try call.set(1, .bool(tensor.elements(Boolean.self).pointee.isTrue))
      case .float: try call.set(1, .double(Double(tensor.elements(Float.self).pointee)))
      case .double: try call.set(1, .double(tensor.elements(Double.self).pointee))
      case .byte: try call.set(1, .int(tensor.elements(UInt8.self).pointee.asInt))
      case .char: try call.set(1, .int(tensor.elements(Int8.self).pointee.asInt))
      case .short: try call.set(1, .int(tensor.elements(Int16.self).pointee.asInt))
      case .int: try call.set(1, .int(tensor.elements(Int32.self).pointee.asInt))
      case .long: try call.set(1, .int(tensor.elements(Int64.self).pointee.asInt))
      default: throw KernelError(.invalidArgument, "an element type of \(tensor.type)")
      }
    }
  }

  private mutating func registerShapes() {
    register("aten::sym_size.int") { call throws(KernelError) in
      try call.requireCount(3)
      let (tensor, dimension) = (try call.tensor(0), try call.int(1))
      try require((0..<tensor.rank).contains(dimension), "dimension \(dimension) of a tensor of rank \(tensor.rank)")
      try call.set(2, .int(tensor.sizes[dimension]))
    }
    register("aten::sym_numel") { call throws(KernelError) in
      try call.requireCount(2)
      try call.set(1, .int(call.tensor(0).count))
    }
    register("executorch_prim::et_view.default", viewInPlace)
    register("executorch_prim::et_copy_index.tensor", copyIndex)
  }
}

extension KernelCall {
  fileprivate func requireCount(_ wanted: Int) throws(KernelError) {
    try require(count == wanted, "\(count) arguments instead of \(wanted)")
  }

  /// Two integers or floating-point numbers.
  fileprivate func numbers() throws(KernelError) -> (Scalar, Scalar) {
    try requireCount(3)
    let (a, b) = (try scalar(0), try scalar(1))
    try require(!a.isBool && !b.isBool, "a boolean where a number is wanted")
    return (a, b)
  }

  fileprivate func arithmetic(
    _ int: (Int, Int) -> Int, _ double: (Double, Double) -> Double
  ) throws(KernelError) {
    switch try numbers() {
    case (.int(let a), .int(let b)): try set(2, .int(int(a, b)))
    case (let a, let b): try set(2, .double(double(a.asDouble, b.asDouble)))
    }
  }

  fileprivate func compare(_ int: (Int, Int) -> Bool, _ double: (Double, Double) -> Bool) throws(KernelError) {
    try requireCount(3)
    switch (try scalar(0), try scalar(1)) {
    case (.int(let a), .int(let b)): try set(2, .bool(int(a, b)))
    case (.bool(let a), .bool(let b)): try set(2, .bool(int(a ? 1 : 0, b ? 1 : 0)))
    case (let a, let b):
      try require(!a.isBool && !b.isBool, "a boolean beside a number")
      try set(2, .bool(double(a.asDouble, b.asDouble)))
    }
  }
}

/// Cut towards zero, or rounded down as Python's `//`.
private func quotient(_ a: Int, _ b: Int, floored: Bool) throws(KernelError) -> Int {
  try require(b != 0, "division by zero")
  let quotient = a.dividedReportingOverflow(by: b).partialValue
  guard floored, (a < 0) != (b < 0), remainderWrapping(a, b) != 0 else { return quotient }
  return quotient &- 1
}

private func remainder(_ a: Int, _ b: Int) throws(KernelError) -> Int {
  try require(b != 0, "division by zero")
  return remainderWrapping(a, b)
}

private func remainderWrapping(_ a: Int, _ b: Int) -> Int { a.remainderReportingOverflow(dividingBy: b).partialValue }

/// Python's `//` on floating-point numbers: (a − a mod b) / b, so that a = (a // b)·b + a mod b.
private func floorDivide(_ a: Double, _ b: Double) -> Double {
  if b == 0 { return a.sign == .minus ? -.infinity : .infinity }
  let remainder = fmod(a, b)
  let quotient = (a - remainder) / b
  return remainder != 0 && (b.sign != remainder.sign) ? quotient - 1 : quotient
}

/// `et_view(self, size, out)`: `out` becomes a tensor of another shape on the elements of `self`.
@Sendable private func viewInPlace(_ call: KernelCall) throws(KernelError) {
  try call.requireCount(3)
  let (tensor, size) = (try call.tensor(0), try call.ints(1))
  guard let out = call.value(2).asTensor else { throw KernelError(.invalidArgument, "argument 2 is not a tensor") }
  try require(tensor.type == out.type, "a view of \(tensor.type) as \(out.type)")
  try require(size.count == out.rank, "a view of rank \(size.count) for a tensor of rank \(out.rank)")
  let sizes: UnsafeMutablePointer<Int> = try call.context.scratch(count: size.count)
  try inferSizes(size, count: tensor.count, into: sizes)
  var total = 1
  for i in 0..<size.count {
    let (product, overflow) = total.multipliedReportingOverflow(by: sizes[i])
    try require(!overflow, "a view whose sizes overflow")
    total = product
  }
  try require(total == tensor.count, "a view of \(tensor.count) elements as \(describe(size))")
  // Sizes change before the elements are shared, so room for them is the new elements' and not the old ones'.
  out.state.pointee.data = nil
  try out.resize(to: UnsafeBufferPointer(start: sizes, count: size.count))
  out.share(tensor)
}

/// Copies `size`, of which one may be −1: as many as make `count` elements.
package func inferSizes(
  _ size: UnsafeBufferPointer<Int>, count: Int, into sizes: UnsafeMutablePointer<Int>
) throws(KernelError) {
  var (inferred, known) = (-1, 1)
  for i in 0..<size.count {
    if size[i] == -1 {
      try require(inferred < 0, "a shape with more than one −1")
      inferred = i
    } else {
      try require(size[i] >= 0, "a shape with a negative size, \(size[i])")
      known = known.multipliedReportingOverflow(by: size[i]).partialValue
    }
    sizes[i] = size[i]
  }
  if inferred >= 0 {
    try require(known > 0, "a size of −1 beside a size of 0")
    sizes[inferred] = count / known
  }
}

/// `et_copy_index(copy_to, copy_from, index)`: grows `copy_to` to `index` + 1 slices and writes the last.
@Sendable private func copyIndex(_ call: KernelCall) throws(KernelError) {
  try call.requireCount(3)
  let (to, from, index) = (try call.output(0), try call.tensor(1), try call.int(2))
  try require(index >= 0 && index < Int32.max, "index \(index)")
  try require(to.rank == from.rank + 1, "a slice of rank \(from.rank) for a tensor of rank \(to.rank)")
  try require(to.type == from.type, "a slice of \(from.type) for a tensor of \(to.type)")
  let sizes: UnsafeMutablePointer<Int> = try call.context.scratch(count: to.rank)
  try require(to.state.pointee.dynamism != .dynamicUnbound || index <= to.sizes[0], "slice \(index) of \(to.sizes[0])")
  sizes[0] = index + 1
  for i in 0..<from.rank {
    try require(to.sizes[i + 1] == from.sizes[i], "a slice of \(describe(from.sizes)) for \(describe(to.sizes))")
    sizes[i + 1] = from.sizes[i]
  }
  try to.resize(to: UnsafeBufferPointer(start: sizes, count: to.rank))
  let bytes = from.byteCount
  memmove(to.data + index * bytes, from.data, bytes)
}
