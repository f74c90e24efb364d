#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// What pointwise operators compute from one element of each input. `p` and `q` are an operator's scalar arguments.

protocol UnaryOperation: SendableMetatype {
  static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T
}

protocol BinaryOperation: SendableMetatype {
  static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T
}

extension UnaryOperation {
  @inline(__always)
  static func run<T: Computable>(
    _ p: T, _ q: T, _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let x = inputs[0]
    for i in 0..<count { out[i] = apply(x[i], p, q) }
  }
}

extension BinaryOperation {
  @inline(__always)
  static func run<T: Computable>(
    _ p: T, _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let (a, b) = (inputs[0], inputs[1])
    for i in 0..<count { out[i] = apply(a[i], b[i], p) }
  }
}

enum Add: BinaryOperation {
  @inline(__always) static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T { T.add(a, T.multiply(p, b)) }
}

enum Subtract: BinaryOperation {
  @inline(__always) static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T { T.subtract(a, T.multiply(p, b)) }
}

enum Multiply: BinaryOperation {
  @inline(__always) static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T { T.multiply(a, b) }
}

/// NaN where either is, as PyTorch's `maximum`.
enum Maximum: BinaryOperation {
  @inline(__always) static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T {
    a.isNotANumber ? a : b.isNotANumber ? b : a > b ? a : b
  }
}

enum Minimum: BinaryOperation {
  @inline(__always) static func apply<T: Computable>(_ a: T, _ b: T, _ p: T) -> T {
    a.isNotANumber ? a : b.isNotANumber ? b : a < b ? a : b
  }
}

enum AddScalar: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { T.add(x, p) }
}

enum SubtractScalar: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { T.subtract(x, p) }
}

/// p − q·x
enum ReverseSubtract: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { T.subtract(p, T.multiply(q, x)) }
}

enum MultiplyScalar: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { T.multiply(x, p) }
}

/// At least p, at most q; NaN stays, and bounds that are NaN win.
enum Clamp: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T {
    let low = x < p ? p : x
    return low > q ? q : low
  }
}

enum AtLeast: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { x < p ? p : x }
}

enum AtMost: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { x > p ? p : x }
}

enum Absolute: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T {
    x < .zero ? T.subtract(.zero, x) : x
  }
}

/// Of floating-point numbers the sign is turned round, of a zero and of NaN too.
enum Negate: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T {
    T.isFloatingPoint ? T.multiply(x, p) : T.subtract(.zero, x)
  }
}

enum Sign: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T {
    x > .zero ? .one : x < .zero ? T.subtract(.zero, .one) : x.isNotANumber ? x : .zero
  }
}

/// x where it is not negative, else p·x.
enum LeakyRectify: UnaryOperation {
  @inline(__always) static func apply<T: Computable>(_ x: T, _ p: T, _ q: T) -> T { x >= .zero ? x : T.multiply(x, p) }
}

// MARK: Conditions: 1 or 0

protocol Comparison: SendableMetatype {
  static func holds<T: Computable>(_ a: T, _ b: T) -> Bool
}

extension Comparison {
  @inline(__always)
  static func run<T: Computable>(
    with scalar: T?, _ inputs: UnsafeMutablePointer<UnsafePointer<T>>, _ out: UnsafeMutablePointer<T>, _ count: Int
  ) {
    let a = inputs[0]
    if let scalar {
      for i in 0..<count { out[i] = holds(a[i], scalar) ? .one : .zero }
    } else {
      let b = inputs[1]
      for i in 0..<count { out[i] = holds(a[i], b[i]) ? .one : .zero }
    }
  }
}

enum Equal: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a == b }
}

enum NotEqual: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a != b }
}

enum Less: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a < b }
}

enum LessOrEqual: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a <= b }
}

enum Greater: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a > b }
}

enum GreaterOrEqual: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a >= b }
}

enum And: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a != .zero && b != .zero }
}

enum Or: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { a != .zero || b != .zero }
}

enum ExclusiveOr: Comparison {
  @inline(__always) static func holds<T: Computable>(_ a: T, _ b: T) -> Bool { (a != .zero) != (b != .zero) }
}
