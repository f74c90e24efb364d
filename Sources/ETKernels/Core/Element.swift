public import ETCore

/// A type of tensor elements that kernels compute with.
public protocol Element: BitwiseCopyable, Sendable {
  static var scalarType: ScalarType { get }
  static var isFloatingPoint: Bool { get }
  /// The nearest value; integers keep their low bits, as C's conversions do.
  init(converting value: Int)
  /// Rounded to the nearest; integers are cut towards zero. What does not fit is what C's conversion gives on x86-64:
  /// the least int64 or int32, narrower types taking the low bits of the int32.
  init(converting value: Double)
  init(converting value: Float)
  var asInt: Int { get }
  var asDouble: Double { get }
  var asFloat: Float { get }
}

extension Element where Self: FixedWidthInteger {
  @inlinable public static var isFloatingPoint: Bool { false }
  @inlinable public init(converting value: Int) { self.init(truncatingIfNeeded: value) }
  @inlinable public init(converting value: Double) {
    let bound = Self.bitWidth64 ? 0x1p63 : 0x1p31
    let fits = value >= -bound && value < bound
    self.init(truncatingIfNeeded: fits ? Int(value) : Self.bitWidth64 ? .min : Int(Int32.min))
  }
  @inlinable public init(converting value: Float) { self.init(converting: Double(value)) }
  @inlinable static var bitWidth64: Bool { Self.bitWidth == 64 }
  @inlinable public var asInt: Int { Int(truncatingIfNeeded: self) }
  @inlinable public var asDouble: Double { Double(self) }
  @inlinable public var asFloat: Float { Float(self) }
}

extension UInt8: Element { @inlinable public static var scalarType: ScalarType { .byte } }
extension Int8: Element { @inlinable public static var scalarType: ScalarType { .char } }
extension Int16: Element { @inlinable public static var scalarType: ScalarType { .short } }
extension Int32: Element { @inlinable public static var scalarType: ScalarType { .int } }
extension Int64: Element { @inlinable public static var scalarType: ScalarType { .long } }
extension UInt16: Element { @inlinable public static var scalarType: ScalarType { .uint16 } }
extension UInt32: Element { @inlinable public static var scalarType: ScalarType { .uint32 } }
extension UInt64: Element { @inlinable public static var scalarType: ScalarType { .uint64 } }

extension Float: Element {
  @inlinable public static var scalarType: ScalarType { .float }
  @inlinable public static var isFloatingPoint: Bool { true }
  @inlinable public init(converting value: Int) { self.init(value) }
  @inlinable public init(converting value: Double) { self.init(value) }
  @inlinable public init(converting value: Float) { self = value }
  @inlinable public var asInt: Int { saturating(Double(self)) }
  @inlinable public var asDouble: Double { Double(self) }
  @inlinable public var asFloat: Float { self }
}

extension Double: Element {
  @inlinable public static var scalarType: ScalarType { .double }
  @inlinable public static var isFloatingPoint: Bool { true }
  @inlinable public init(converting value: Int) { self.init(value) }
  @inlinable public init(converting value: Double) { self = value }
  @inlinable public init(converting value: Float) { self.init(value) }
  @inlinable public var asInt: Int { saturating(self) }
  @inlinable public var asDouble: Double { self }
  @inlinable public var asFloat: Float { Float(self) }
}

extension Half: Element {
  @inlinable public static var scalarType: ScalarType { .half }
  @inlinable public static var isFloatingPoint: Bool { true }
  @inlinable public init(converting value: Int) { self.init(Float(value)) }
  @inlinable public init(converting value: Double) { self.init(Float(value)) }
  @inlinable public init(converting value: Float) { self.init(value) }
  @inlinable public var asInt: Int { saturating(Double(Float(self))) }
  @inlinable public var asDouble: Double { Double(Float(self)) }
  @inlinable public var asFloat: Float { Float(self) }
}

extension BFloat16: Element {
  @inlinable public static var scalarType: ScalarType { .bfloat16 }
  @inlinable public static var isFloatingPoint: Bool { true }
  @inlinable public init(converting value: Int) { self.init(Float(value)) }
  @inlinable public init(converting value: Double) { self.init(Float(value)) }
  @inlinable public init(converting value: Float) { self.init(value) }
  @inlinable public var asInt: Int { saturating(Double(Float(self))) }
  @inlinable public var asDouble: Double { Double(Float(self)) }
  @inlinable public var asFloat: Float { Float(self) }
}

/// A boolean as tensors hold it: a byte, of which any value but 0 is true. A Swift `Bool` may only be 0 or 1.
@frozen
public struct Boolean: Element {
  public let byte: UInt8

  @inlinable public init(_ value: Bool) { byte = value ? 1 : 0 }
  @inlinable public static var scalarType: ScalarType { .bool }
  @inlinable public static var isFloatingPoint: Bool { false }
  @inlinable public init(converting value: Int) { self.init(value != 0) }
  @inlinable public init(converting value: Double) { self.init(value != 0) }
  @inlinable public init(converting value: Float) { self.init(value != 0) }
  @inlinable public var isTrue: Bool { byte != 0 }
  @inlinable public var asInt: Int { isTrue ? 1 : 0 }
  @inlinable public var asDouble: Double { isTrue ? 1 : 0 }
  @inlinable public var asFloat: Float { isTrue ? 1 : 0 }
}

/// Work that is done for one element type, chosen at run time: what a generic closure would be.
public protocol ForElement {
  func run<T: Element>(_: T.Type) throws(KernelError)
}

/// Sets of scalar types, as operators name them.
public enum TypeSet: Sendable {
  /// uint8, int8, int16, int32, int64, float32, float64.
  case real
  /// `real` and bool.
  case realAndBool
  /// `real`, float16, bfloat16.
  case realAndHalves
  /// `real`, bool, float16, bfloat16.
  case realBoolAndHalves
  /// float32, float64.
  case floats
  /// float32, float64, float16, bfloat16.
  case floatsAndHalves
  /// uint8, int8, int16, int32, int64.
  case integers
  /// `integers` and bool.
  case integersAndBool

  public func contains(_ type: ScalarType) -> Bool {
    switch type {
    case .byte, .char, .short, .int, .long: self != .floats && self != .floatsAndHalves
    case .float, .double: self != .integers && self != .integersAndBool
    case .half, .bfloat16: self == .realAndHalves || self == .realBoolAndHalves || self == .floatsAndHalves
    case .bool: self == .realAndBool || self == .realBoolAndHalves || self == .integersAndBool
    default: false
    }
  }
}

extension ScalarType {
  /// Does `body` for this type.
  ///
  /// - Throws: `invalidArgument` where the type is not in the set.
  public func dispatch(_ types: TypeSet, _ body: some ForElement) throws(KernelError) {
    try require(types.contains(self), "an element type of \(self)")
    switch self {
    case .byte: try body.run(UInt8.self)
    case .char: try body.run(Int8.self)
    case .short: try body.run(Int16.self)
    case .int: try body.run(Int32.self)
    case .long: try body.run(Int64.self)
    case .float: try body.run(Float.self)
    case .double: try body.run(Double.self)
    case .half: try body.run(Half.self)
    case .bfloat16: try body.run(BFloat16.self)
    default: try body.run(Boolean.self)
    }
  }

  @inlinable public var isFloatingPoint: Bool {
    self == .float || self == .double || self == .half || self == .bfloat16
  }

  /// uint8 to int64, without bool.
  @inlinable public var isInteger: Bool {
    (0...4).contains(rawValue) || (27...29).contains(rawValue)
  }
}
