public import ETCore

/// One value of a method at run time (an EValue): plain data.
@frozen
public struct Value {
  public enum Tag: UInt8, Sendable {
    case none, tensor, int, double, bool, string, intList, doubleList, boolList, tensorList, optionalTensorList
  }

  public let tag: Tag
  /// The number's bits, or a pointer to the tensor's or list's state.
  @usableFromInline let bits: UInt

  @inlinable init(tag: Tag, bits: UInt) {
    self.tag = tag
    self.bits = bits
  }

  @inlinable public static var none: Value { Value(tag: .none, bits: 0) }
  @inlinable public static func int(_ value: Int) -> Value { Value(tag: .int, bits: UInt(bitPattern: value)) }
  @inlinable public static func double(_ value: Double) -> Value {
    Value(tag: .double, bits: UInt(value.bitPattern))
  }
  @inlinable public static func bool(_ value: Bool) -> Value { Value(tag: .bool, bits: value ? 1 : 0) }
  @inlinable public static func tensor(_ tensor: Tensor) -> Value {
    Value(tag: .tensor, bits: UInt(bitPattern: tensor.state))
  }
  /// A list or a string, by its state, which must outlive the value.
  @inlinable public static func list(_ tag: Tag, _ state: UnsafeMutablePointer<ListState>) -> Value {
    Value(tag: tag, bits: UInt(bitPattern: state))
  }

  // Each is right only where the tag says so.
  @inlinable var unsafeInt: Int { Int(bitPattern: bits) }
  @inlinable var unsafeDouble: Double { Double(bitPattern: UInt64(bits)) }
  @inlinable var unsafeBool: Bool { bits != 0 }
  @inlinable var unsafeTensor: Tensor { Tensor(UnsafeMutablePointer(bitPattern: bits).unsafelyUnwrapped) }
  @inlinable var unsafeList: UnsafeMutablePointer<ListState> {
    UnsafeMutablePointer(bitPattern: bits).unsafelyUnwrapped
  }

  @inlinable public var asInt: Int? { tag == .int ? unsafeInt : nil }
  @inlinable public var asDouble: Double? { tag == .double ? unsafeDouble : nil }
  @inlinable public var asBool: Bool? { tag == .bool ? unsafeBool : nil }
  @inlinable public var asTensor: Tensor? { tag == .tensor ? unsafeTensor : nil }
  @inlinable public var asList: UnsafeMutablePointer<ListState>? {
    tag.rawValue >= Tag.string.rawValue ? unsafeList : nil
  }
}

/// The members of a list value.
///
/// Integers and tensors of a list are values of the method by index, because they may change from step to step;
/// `items` is room for them once looked up. Doubles, booleans (a byte each) and a string's UTF-8 lie in `items` for good.
@frozen
public struct ListState {
  /// Indices of values, −1 for none; nil for lists that hold their items themselves.
  public let members: UnsafePointer<Int32>?
  public let items: UnsafeMutableRawPointer
  public let count: Int

  public init(members: UnsafePointer<Int32>?, items: UnsafeMutableRawPointer, count: Int) {
    self.members = members
    self.items = items
    self.count = count
  }
}

/// A number of any kind, as operators take it (`Scalar`).
@frozen
public enum Scalar: Sendable {
  case int(Int)
  case double(Double)
  case bool(Bool)

  @inlinable public var asDouble: Double {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .bool(let value): value ? 1 : 0
    }
  }

  /// Floating-point numbers are cut towards zero; what does not fit is the nearest that does, NaN is 0.
  @inlinable public var asInt: Int {
    switch self {
    case .int(let value): value
    case .double(let value): saturating(value)
    case .bool(let value): value ? 1 : 0
    }
  }

  @inlinable public var asBool: Bool {
    switch self {
    case .int(let value): value != 0
    case .double(let value): value != 0
    case .bool(let value): value
    }
  }

  @inlinable public var isFloatingPoint: Bool { if case .double = self { true } else { false } }
  @inlinable public var isBool: Bool { if case .bool = self { true } else { false } }

  /// The type that a tensor of this number has: bool, int64 or float64.
  @inlinable public var type: ScalarType {
    switch self {
    case .int: .long
    case .double: .double
    case .bool: .bool
    }
  }
}

/// A floating-point number as an integer, cut towards zero; what does not fit is the nearest that does, NaN is 0.
@inlinable public func saturating(_ value: Double) -> Int {
  if value >= 0x1p63 { return .max }
  if value <= -0x1p63 { return .min }
  return value.isNaN ? 0 : Int(value)
}
