/// The type of a tensor's elements, numbered as in ETDump and in programs (c10's numbering).
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
  public static let bits16 = ScalarType(rawValue: 22)
  public static let uint16 = ScalarType(rawValue: 27)

  /// PyTorch's name of the type, and bytes an element. From `scalar_type.fbs` and c10's list.
  private static let known: [Int8: (name: String, size: Int)] = [
    0: ("uint8", 1), 1: ("int8", 1), 2: ("int16", 2), 3: ("int32", 4), 4: ("int64", 8), 5: ("float16", 2),
    6: ("float32", 4), 7: ("float64", 8), 8: ("complex32", 4), 9: ("complex64", 8), 10: ("complex128", 16),
    11: ("bool", 1), 12: ("qint8", 1), 13: ("quint8", 1), 14: ("qint32", 4), 15: ("bfloat16", 2),
    16: ("quint4x2", 1), 17: ("quint2x4", 1), 18: ("bits1x8", 1), 19: ("bits2x4", 1), 20: ("bits4x2", 1),
    21: ("bits8", 1), 22: ("bits16", 2), 23: ("float8_e5m2", 1), 24: ("float8_e4m3fn", 1),
    25: ("float8_e5m2fnuz", 1), 26: ("float8_e4m3fnuz", 1), 27: ("uint16", 2), 28: ("uint32", 4), 29: ("uint64", 8),
  ]

  /// Bytes an element, or nil for a number that no known type has.
  public var size: Int? { Self.known[rawValue]?.size }
  public var description: String { Self.known[rawValue]?.name ?? "scalar type \(rawValue)" }
}
