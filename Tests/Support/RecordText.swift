/// Writes records in the text form of `CFlatBuffers.h`, so that what a reader of ours found can be compared with what the
/// official library finds in the same bytes.
public struct RecordText {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func begin(_ table: StaticString) { append(table) }

  public mutating func end() { bytes.append(UInt8(ascii: "\n")) }

  public mutating func number(_ name: StaticString, _ value: some BinaryInteger) {
    key(name)
    append(value)
  }

  /// A number, or `-`.
  public mutating func number(_ name: StaticString, ifPresent value: (some BinaryInteger)?) {
    key(name)
    if let value { append(value) } else { absent() }
  }

  public mutating func flag(_ name: StaticString, _ value: Bool) { number(name, value ? 1 : 0) }

  public mutating func bits(_ name: StaticString, _ value: Float?) {
    key(name)
    guard let value else { return absent() }
    real(UInt64(value.bitPattern), digits: 8)
  }

  public mutating func bits(_ name: StaticString, _ value: Double?) {
    key(name)
    guard let value else { return absent() }
    real(value.bitPattern, digits: 16)
  }

  public mutating func string(_ name: StaticString, _ value: UnsafeRawBufferPointer?) {
    key(name)
    guard let value else { return absent() }
    bytes.append(UInt8(ascii: "\""))
    for byte in value {
      if byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        bytes.append(UInt8(ascii: "\\"))
        hex(UInt64(byte), digits: 2)
      } else {
        bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  public mutating func string(_ name: StaticString, _ value: String?) {
    guard var value else { return string(name, nil as UnsafeRawBufferPointer?) }
    value.withUTF8 { string(name, UnsafeRawBufferPointer($0)) }
  }

  public mutating func blob(_ name: StaticString, _ value: UnsafeRawBufferPointer?) {
    key(name)
    guard let value else { return absent() }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in value { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    append(value.count)
    bytes.append(UInt8(ascii: ":"))
    hex(hash, digits: 16)
  }

  public mutating func numbers(_ name: StaticString, _ values: (some Sequence<some BinaryInteger>)?) {
    key(name)
    guard let values else { return absent() }
    list(values) { $0.append($1) }
  }

  public mutating func bits(_ name: StaticString, _ values: (some Sequence<Float>)?) {
    key(name)
    guard let values else { return absent() }
    list(values) { $0.real(UInt64($1.bitPattern), digits: 8) }
  }

  public mutating func bits(_ name: StaticString, _ values: (some Sequence<Double>)?) {
    key(name)
    guard let values else { return absent() }
    list(values) { $0.real($1.bitPattern, digits: 16) }
  }

  public mutating func table(_ name: StaticString, present: Bool) {
    key(name)
    bytes.append(UInt8(ascii: present ? "+" : "-"))
  }

  private mutating func list<S: Sequence>(_ values: S, _ write: (inout RecordText, S.Element) -> Void) {
    bytes.append(UInt8(ascii: "["))
    var first = true
    for value in values {
      if !first { bytes.append(UInt8(ascii: ",")) }
      first = false
      write(&self, value)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func key(_ name: StaticString) {
    bytes.append(UInt8(ascii: " "))
    append(name)
    bytes.append(UInt8(ascii: "="))
  }

  private mutating func append(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

  private mutating func absent() { bytes.append(UInt8(ascii: "-")) }

  private mutating func real(_ pattern: UInt64, digits: Int) {
    bytes.append(UInt8(ascii: "0"))
    bytes.append(UInt8(ascii: "x"))
    hex(pattern, digits: digits)
  }

  private mutating func hex(_ value: UInt64, digits: Int) {
    for digit in (0..<digits).reversed() {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * digit)) & 15
      bytes.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }
  }
}
