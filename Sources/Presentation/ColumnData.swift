/// Columns of whole numbers for a page, a few bits to a number: each as its difference from the one before, in base-128 groups
/// with the sign in the lowest bit (ZigZag, as in Protocol Buffers).
public struct ColumnData {
  private var bytes: [UInt8] = []
  /// Where each column lies.
  private var places: [(name: String, offset: Int, count: Int)] = []

  public init() {}

  /// Adds a column. What does not fit in 63 bits and a sign wraps around.
  public mutating func add(_ name: String, _ values: some Sequence<Int64>) {
    let offset = bytes.count
    var (last, count): (Int64, Int) = (0, 0)
    for value in values {
      Self.put(value &- last, in: &bytes)
      last = value
      count += 1
    }
    places.append((name, offset, count))
  }

  public mutating func add(_ name: String, _ values: some Sequence<Int>) { add(name, values.lazy.map { Int64($0) }) }

  /// Adds numbers that were put together elsewhere, by `put`.
  public mutating func add(_ name: String, encoded: [UInt8], count: Int) {
    places.append((name, bytes.count, count))
    bytes += encoded
  }

  /// Appends one number to a buffer.
  @inline(__always)
  public static func put(_ value: Int64, in bytes: inout [UInt8]) {
    var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// The places of the columns, by name: `[offset, count]`.
  public func writePlaces(_ json: inout JSONWriter) {
    json.object { json in
      for place in places {
        json.key(place.name)
        json.array { json in
          json.value(place.offset)
          json.value(place.count)
        }
      }
    }
  }

  public func base64() -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    return [UInt8](unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { out, count in
      bytes.withUnsafeBufferPointer { bytes in
        digits.withUnsafeBufferPointer { digits in
          var read = 0
          while read < bytes.count {
            let left = bytes.count - read
            let group =
              UInt32(bytes[read]) << 16 | (left > 1 ? UInt32(bytes[read + 1]) << 8 : 0)
              | (left > 2 ? UInt32(bytes[read + 2]) : 0)
            out[count] = digits[Int(group >> 18)]
            out[count + 1] = digits[Int(group >> 12 & 63)]
            out[count + 2] = left > 1 ? digits[Int(group >> 6 & 63)] : UInt8(ascii: "=")
            out[count + 3] = left > 2 ? digits[Int(group & 63)] : UInt8(ascii: "=")
            count += 4
            read += 3
          }
        }
      }
    }
  }
}
