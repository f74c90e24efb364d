/// The type of a tensor's elements, numbered as in ETDump and in programs (c10's numbering).
@frozen
public struct ScalarType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Int8

  public init(rawValue: Int8) { self.rawValue = rawValue }

  public static let byte = ScalarType(rawValue: 0)
  public static let char = ScalarType(rawValue: 1)
  public static let short = ScalarType(rawValue: 2)
  public static let int = ScalarType(rawValue: 3)
  public static let long = ScalarType(rawValue: 4)
  public static let half = ScalarType(rawValue: 5)
  public static let float = ScalarType(rawValue: 6)
  public static let double = ScalarType(rawValue: 7)
  public static let bool = ScalarType(rawValue: 11)
  public static let bfloat16 = ScalarType(rawValue: 15)
  public static let complexHalf = ScalarType(rawValue: 8)
  public static let complexFloat = ScalarType(rawValue: 9)
  public static let complexDouble = ScalarType(rawValue: 10)
  public static let bits16 = ScalarType(rawValue: 22)
  public static let uint16 = ScalarType(rawValue: 27)
  public static let uint32 = ScalarType(rawValue: 28)
  public static let uint64 = ScalarType(rawValue: 29)

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
