public import ETCore

/// What pointwise operators compute in: integers of every width and booleans as Int64, 16-bit floats as Float.
enum ComputeType { case int, float, double }

extension ScalarType {
  /// What to compute in where this is the operands' common type.
  func compute() throws(KernelError) -> ComputeType {
    switch self {
    case .double: .double
    case .float, .half, .bfloat16: .float
    case .byte, .char, .short, .int, .long, .bool: .int
    default: throw KernelError(.notSupported, "an element type of \(self)")
    }
  }
}

/// A type that pointwise operators compute in.
protocol Computable: Element, Comparable {
  static func add(_ a: Self, _ b: Self) -> Self
  static func subtract(_ a: Self, _ b: Self) -> Self
  static func multiply(_ a: Self, _ b: Self) -> Self
  static var zero: Self { get }
  static var one: Self { get }
  var isNotANumber: Bool { get }
  init(_ scalar: Scalar)
}

extension Int64: Computable {
  @inline(__always) static func add(_ a: Int64, _ b: Int64) -> Int64 { a &+ b }
  @inline(__always) static func subtract(_ a: Int64, _ b: Int64) -> Int64 { a &- b }
  @inline(__always) static func multiply(_ a: Int64, _ b: Int64) -> Int64 { a &* b }
  static var one: Int64 { 1 }
  @inline(__always) var isNotANumber: Bool { false }
  init(_ scalar: Scalar) { self = Int64(scalar.asInt) }
}

extension Float: Computable {
  @inline(__always) static func add(_ a: Float, _ b: Float) -> Float { a + b }
  @inline(__always) static func subtract(_ a: Float, _ b: Float) -> Float { a - b }
  @inline(__always) static func multiply(_ a: Float, _ b: Float) -> Float { a * b }
  static var one: Float { 1 }
  @inline(__always) var isNotANumber: Bool { self != self }
  init(_ scalar: Scalar) {
    if case .int(let value) = scalar { self = Float(value) } else { self = Float(scalar.asDouble) }
  }
}

extension Double: Computable {
  @inline(__always) static func add(_ a: Double, _ b: Double) -> Double { a + b }
  @inline(__always) static func subtract(_ a: Double, _ b: Double) -> Double { a - b }
  @inline(__always) static func multiply(_ a: Double, _ b: Double) -> Double { a * b }
  static var one: Double { 1 }
  @inline(__always) var isNotANumber: Bool { self != self }
  init(_ scalar: Scalar) { self = scalar.asDouble }
}

/// 16-bit floats that are rounded at every step, for operators in which the reference does so.
extension Half: Computable {
  @inline(__always) static func add(_ a: Half, _ b: Half) -> Half { Half(Float(a) + Float(b)) }
  @inline(__always) static func subtract(_ a: Half, _ b: Half) -> Half { Half(Float(a) - Float(b)) }
  @inline(__always) static func multiply(_ a: Half, _ b: Half) -> Half { Half(Float(a) * Float(b)) }
  static var zero: Half { Half(0) }
  static var one: Half { Half(1) }
  var isNotANumber: Bool { Float(self).isNaN }
  init(_ scalar: Scalar) { self = Half(Float(scalar)) }
  public static func < (a: Half, b: Half) -> Bool { Float(a) < Float(b) }
}

extension BFloat16: Computable {
  @inline(__always) static func add(_ a: BFloat16, _ b: BFloat16) -> BFloat16 { BFloat16(Float(a) + Float(b)) }
  @inline(__always) static func subtract(_ a: BFloat16, _ b: BFloat16) -> BFloat16 { BFloat16(Float(a) - Float(b)) }
  @inline(__always) static func multiply(_ a: BFloat16, _ b: BFloat16) -> BFloat16 { BFloat16(Float(a) * Float(b)) }
  static var zero: BFloat16 { BFloat16(0) }
  static var one: BFloat16 { BFloat16(1) }
  var isNotANumber: Bool { Float(self).isNaN }
  init(_ scalar: Scalar) { self = BFloat16(Float(scalar)) }
  public static func < (a: BFloat16, b: BFloat16) -> Bool { Float(a) < Float(b) }
}

/// Up to three inputs of a pointwise operator.
struct Operands {
  let first: Tensor
  var second: Tensor?
  var third: Tensor?

  init(_ first: Tensor, _ second: Tensor? = nil, _ third: Tensor? = nil) {
    self.first = first
    self.second = second
    self.third = third
  }

  var count: Int { third != nil ? 3 : second != nil ? 2 : 1 }

  subscript(index: Int) -> Tensor {
    index == 0 ? first : index == 1 ? second.unsafelyUnwrapped : third.unsafelyUnwrapped
  }

  func allSatisfy(_ condition: (Tensor) -> Bool) -> Bool {
    condition(first) && (second.map(condition) ?? true) && (third.map(condition) ?? true)
  }
}

/// Elements that are converted at a time: what three operands take fits the first-level cache.
private let chunk = 512
/// Elements that one thread takes at a time.
private let piece = 1 << 15

/// Applies `body` to all elements: inputs broadcast to the output's shape and converted to `T`, results converted to the
/// output's type.
///
/// - Parameters:
///   - narrow: An integer type that results are cut to before they are converted, where the output's is wider.
///   - body: Computes `n` results from `n` elements of each input; output and inputs may be the same memory.
@inline(never)
func elementwise<T: Computable>(
  _: T.Type, _ call: KernelCall, _ inputs: Operands, _ out: Tensor, narrow: ScalarType? = nil,
  _ body: (UnsafeMutablePointer<UnsafePointer<T>>, UnsafeMutablePointer<T>, Int) -> Void
) throws(KernelError) {
  guard out.count > 0 else { return }
  if out.type == T.scalarType, narrow == nil,
    inputs.allSatisfy({ $0.type == T.scalarType && $0.hasSizes(of: out) && $0.hasDimOrder(of: out) })
  {
    let result = out.elements(T.self)
    call.context.parallel(out.count, grain: piece) { range in
      withUnsafeTemporaryAllocation(of: UnsafePointer<T>.self, capacity: 3) { pointers in
        for i in 0..<inputs.count {
          pointers[i] = UnsafePointer(inputs[i].elements(T.self)) + range.lowerBound
        }
        body(pointers.baseAddress.unsafelyUnwrapped, result + range.lowerBound, range.count)
      }
    }
    return
  }
  let loop = try StridedLoop(
    sizes: out.sizes, order: out.dimOrder, operands: inputs.count + 1, context: call.context
  ) { operand, dimension in
    operand == 0 ? out.strides[dimension] * out.elementSize : inputs[operand - 1].broadcastStride(dimension, of: out)
  }
  let runs = max(piece / max(loop.innerCount, 1), 1)
  let workers = call.context.pool.threads
  let allOffsets: UnsafeMutablePointer<Int> = try call.context.scratch(count: workers * loop.offsetCount)
  let allBuffers: UnsafeMutablePointer<T> = try call.context.scratch(count: workers * 4 * chunk)
  call.context.parallel(loop.outerCount, grain: runs) { range, worker in
    let buffer = allBuffers + worker * 4 * chunk
    withUnsafeTemporaryAllocation(of: UnsafePointer<T>.self, capacity: 3) { pointers in
      loop.forEachRun(range, allOffsets + worker * loop.offsetCount) { offsets in
        var done = 0
        while done < loop.innerCount {
          let count = min(chunk, loop.innerCount - done)
          for i in 0..<inputs.count {
            let tensor = inputs[i]
            let stride = loop.innerStride(i + 1)
            let start = UnsafeRawPointer(tensor.data) + offsets[i + 1] + done * stride
            if tensor.type == T.scalarType && stride == MemoryLayout<T>.stride {
              pointers[i] = start.assumingMemoryBound(to: T.self)
            } else {
              load(start, tensor.type, stride, count, into: buffer + i * chunk)
              pointers[i] = UnsafePointer(buffer + i * chunk)
            }
          }
          let stride = loop.innerStride(0)
          let start = out.data + offsets[0] + done * stride
          if out.type == T.scalarType && stride == MemoryLayout<T>.stride && narrow == nil {
            body(pointers.baseAddress.unsafelyUnwrapped, start.assumingMemoryBound(to: T.self), count)
          } else {
            let results = buffer + 3 * chunk
            body(pointers.baseAddress.unsafelyUnwrapped, results, count)
            if let narrow { cut(results, narrow, count) }
            store(results, start, out.type, stride, count)
          }
          done += count
        }
      }
    }
  }
}

extension Tensor {
  /// The stride in bytes in a dimension of a shape that this one broadcasts to.
  func broadcastStride(_ dimension: Int, of out: Tensor) -> Int {
    let own = dimension - (out.rank - rank)
    return own < 0 || sizes[own] == 1 ? 0 : strides[own] * elementSize
  }
}

// MARK: Conversion

@inline(__always)
private func load<S: Element, T: Element>(
  _: S.Type, _ start: UnsafeRawPointer, _ stride: Int, _ count: Int, _ to: UnsafeMutablePointer<T>,
  _ convert: (S) -> T
) {
  if stride == MemoryLayout<S>.stride {
    let from = start.assumingMemoryBound(to: S.self)
    for i in 0..<count { to[i] = convert(from[i]) }
  } else if stride == 0 {
    let value = convert(start.assumingMemoryBound(to: S.self).pointee)
    for i in 0..<count { to[i] = value }
  } else {
    var from = start
    for i in 0..<count {
      to[i] = convert(from.assumingMemoryBound(to: S.self).pointee)
      from += stride
    }
  }
}

/// Converts `count` elements, `stride` bytes apart.
@inline(never)
func load<T: Computable>(
  _ start: UnsafeRawPointer, _ type: ScalarType, _ stride: Int, _ count: Int, into to: UnsafeMutablePointer<T>
) {
  switch type {
  case .byte: load(UInt8.self, start, stride, count, to) { T(converting: $0.asInt) }
  case .char: load(Int8.self, start, stride, count, to) { T(converting: $0.asInt) }
  case .short: load(Int16.self, start, stride, count, to) { T(converting: $0.asInt) }
  case .int: load(Int32.self, start, stride, count, to) { T(converting: $0.asInt) }
  case .long: load(Int64.self, start, stride, count, to) { T(converting: $0.asInt) }
  case .float: load(Float.self, start, stride, count, to) { T(converting: $0) }
  case .double: load(Double.self, start, stride, count, to) { T(converting: $0) }
  case .half: load(Half.self, start, stride, count, to) { T(converting: $0.asFloat) }
  case .bfloat16: load(BFloat16.self, start, stride, count, to) { T(converting: $0.asFloat) }
  case .uint16: load(UInt16.self, start, stride, count, to) { T(converting: $0.asInt) }
  default: load(Boolean.self, start, stride, count, to) { T(converting: $0.asInt) }
  }
}

@inline(__always)
private func store<S: Element, T: Element>(
  _: S.Type, _ from: UnsafePointer<T>, _ start: UnsafeMutableRawPointer, _ stride: Int, _ count: Int,
  _ convert: (T) -> S
) {
  var to = start
  for i in 0..<count {
    to.assumingMemoryBound(to: S.self).pointee = convert(from[i])
    to += stride
  }
}

@inline(__always)
private func storeInteger<S: Element, T: Computable>(
  _: S.Type, _ from: UnsafePointer<T>, _ start: UnsafeMutableRawPointer, _ stride: Int, _ count: Int
) {
  store(S.self, from, start, stride, count) {
    T.isFloatingPoint ? S(converting: $0.asDouble) : S(converting: $0.asInt)
  }
}

/// Converts `count` results to elements `stride` bytes apart.
@inline(never)
func store<T: Computable>(
  _ from: UnsafePointer<T>, _ start: UnsafeMutableRawPointer, _ type: ScalarType, _ stride: Int, _ count: Int
) {
  switch type {
  case .byte: storeInteger(UInt8.self, from, start, stride, count)
  case .char: storeInteger(Int8.self, from, start, stride, count)
  case .short: storeInteger(Int16.self, from, start, stride, count)
  case .int: storeInteger(Int32.self, from, start, stride, count)
  case .long: storeInteger(Int64.self, from, start, stride, count)
  case .float: store(Float.self, from, start, stride, count) { $0.asFloat }
  case .double: store(Double.self, from, start, stride, count) { $0.asDouble }
  case .half: store(Half.self, from, start, stride, count) { Half($0.asFloat) }
  case .bfloat16: store(BFloat16.self, from, start, stride, count) { BFloat16($0.asFloat) }
  case .uint16: storeInteger(UInt16.self, from, start, stride, count)
  default: store(Boolean.self, from, start, stride, count) { Boolean($0 != .zero) }
  }
}

/// Cuts results to the range of an integer type, as computing in that type would.
private func cut<T: Computable>(_ values: UnsafeMutablePointer<T>, _ type: ScalarType, _ count: Int) {
  for i in 0..<count { values[i] = T(converting: narrowed(values[i].asInt, type)) }
}

/// A number as an element type holds it, for computing as the reference does with 16-bit floats: rounded at every step.
struct Rounding {
  let type: ScalarType

  @inline(__always)
  func callAsFunction(_ value: Double) -> Double {
    switch type {
    case .half: Double(Float(Half(Float(value))))
    case .bfloat16: Double(Float(BFloat16(Float(value))))
    case .float: Double(Float(value))
    case .byte: Double(UInt8(converting: value))
    case .char: Double(Int8(converting: value))
    case .short: Double(Int16(converting: value))
    case .int: Double(Int32(converting: value))
    case .long: Double(Int64(converting: value))
    default: value
    }
  }
}

/// An integer as a narrower type holds it.
func narrowed(_ value: Int, _ type: ScalarType) -> Int {
  switch type {
  case .byte: Int(UInt8(truncatingIfNeeded: value))
  case .char: Int(Int8(truncatingIfNeeded: value))
  case .short: Int(Int16(truncatingIfNeeded: value))
  case .int: Int(Int32(truncatingIfNeeded: value))
  case .bool: value == 0 ? 0 : 1
  default: value
  }
}
