import Bytes

/// Text on its way to a sink: written in pieces, so that memory does not grow with the trace.
struct TextBuffer {
  private var bytes: [UInt8] = []
  private let sink: any ByteSink

  init(_ sink: any ByteSink) {
    self.sink = sink
    bytes.reserveCapacity(1 << 17)
  }

  mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ other: [UInt8]) { bytes.append(contentsOf: other) }

  mutating func put(_ other: ArraySlice<UInt8>) { bytes.append(contentsOf: other) }

  mutating func put(_ number: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var (rest, place) = (number, 20)
      repeat {
        place -= 1
        digits[place] = UInt8(truncatingIfNeeded: 48 + rest % 10)
        rest /= 10
      } while rest > 0
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[place..<20]))
    }
  }

  mutating func put(_ number: Int64) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    put(number.magnitude)
  }

  /// Seven bits a byte, the lowest first.
  mutating func put(varint number: UInt64) {
    var rest = number
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Nanoseconds as microseconds, exactly: three digits behind the point.
  mutating func putMicroseconds(_ nanoseconds: Int64) {
    if nanoseconds < 0 { bytes.append(UInt8(ascii: "-")) }
    put(nanoseconds.magnitude / 1000)
    let rest = UInt8(truncatingIfNeeded: nanoseconds.magnitude % 1000 / 10)
    let last = UInt8(truncatingIfNeeded: nanoseconds.magnitude % 10)
    bytes.append(contentsOf: [UInt8(ascii: "."), 48 + rest / 10, 48 + rest % 10, 48 + last])
  }

  /// Ends a record: the place where what was written may leave.
  mutating func endRecord() throws(WriteError) {
    if bytes.count >= 1 << 16 { try flush() }
  }

  mutating func flush() throws(WriteError) {
    try sink.write(bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}
