/// The type of a tensor's elements, numbered as in ETDump and in programs (c10's numbering).
@frozen
public struct ScalarType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Int8

  @inlinable public init(rawValue: Int8) { self.rawValue = rawValue }

  @inlinable public static var byte: ScalarType { ScalarType(rawValue: 0) }
  @inlinable public static var char: ScalarType { ScalarType(rawValue: 1) }
  @inlinable public static var short: ScalarType { ScalarType(rawValue: 2) }
  @inlinable public static var int: ScalarType { ScalarType(rawValue: 3) }
  @inlinable public static var long: ScalarType { ScalarType(rawValue: 4) }
  @inlinable public static var half: ScalarType { ScalarType(rawValue: 5) }
  @inlinable public static var float: ScalarType { ScalarType(rawValue: 6) }
  @inlinable public static var double: ScalarType { ScalarType(rawValue: 7) }
  @inlinable public static var bool: ScalarType { ScalarType(rawValue: 11) }
  @inlinable public static var bfloat16: ScalarType { ScalarType(rawValue: 15) }
  @inlinable public static var complexHalf: ScalarType { ScalarType(rawValue: 8) }
  @inlinable public static var complexFloat: ScalarType { ScalarType(rawValue: 9) }
  @inlinable public static var complexDouble: ScalarType { ScalarType(rawValue: 10) }
  @inlinable public static var bits16: ScalarType { ScalarType(rawValue: 22) }
  @inlinable public static var uint16: ScalarType { ScalarType(rawValue: 27) }
  @inlinable public static var uint32: ScalarType { ScalarType(rawValue: 28) }
  @inlinable public static var uint64: ScalarType { ScalarType(rawValue: 29) }

  /// PyTorch's name of the type. From `scalar_type.fbs` and c10's list.
  private static let names: [Int8: String] = [
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16",
    6: "float32", 7: "float64", 8: "complex32", 9: "complex64", 10: "complex128",
    11: "bool", 12: "qint8", 13: "quint8", 14: "qint32", 15: "bfloat16",
    16: "quint4x2", 17: "quint2x4", 18: "bits1x8", 19: "bits2x4", 20: "bits4x2",
    21: "bits8", 22: "bits16", 23: "float8_e5m2", 24: "float8_e4m3fn",
    25: "float8_e5m2fnuz", 26: "float8_e4m3fnuz", 27: "uint16", 28: "uint32", 29: "uint64",
  ]

  /// Bytes an element, or nil for a number that no known type has.
  public var size: Int? { byteSize == 0 ? nil : byteSize }

  /// Bytes an element without looking anything up; 0 for a number that no known type has.
  @inlinable public var byteSize: Int {
    switch rawValue {
    case 0, 1, 11, 12, 13, 16...21, 23...26: 1
    case 2, 5, 15, 22, 27: 2
    case 3, 6, 8, 14, 28: 4
    case 4, 7, 9, 29: 8
    case 10: 16
    default: 0
    }
  }

  public var description: String { Self.names[rawValue] ?? "scalar type \(rawValue)" }
}
