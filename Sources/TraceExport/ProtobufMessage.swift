/// A protobuf message as its bytes (protobuf.dev/programming-guides/encoding): fields in the order in which they are added.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, _ number: UInt64) {
    varint(UInt64(field) << 3)
    varint(number)
  }

  mutating func add(_ field: Int, _ number: Int) { add(field, UInt64(bitPattern: Int64(number))) }

  mutating func add(_ field: Int, _ flag: Bool) { add(field, flag ? 1 : 0) }

  mutating func add(_ field: Int, _ text: String) {
    var text = text
    text.withUTF8 { add(field, $0) }
  }

  mutating func add(_ field: Int, _ message: ProtobufMessage) { add(field, message.bytes) }

  mutating func add(_ field: Int, _ content: some Collection<UInt8>) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  /// Content in two parts.
  mutating func add(_ field: Int, _ first: [UInt8], _ second: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(first.count + second.count))
    bytes.append(contentsOf: first)
    bytes.append(contentsOf: second)
  }

  /// Fields that were made before.
  mutating func append(_ fields: [UInt8]) { bytes.append(contentsOf: fields) }

  mutating func clear() { bytes.removeAll(keepingCapacity: true) }

  private mutating func varint(_ number: UInt64) {
    var rest = number
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}

extension TextBuffer {
  /// A message that is a field of the outermost one.
  mutating func put(_ field: Int, _ message: ProtobufMessage) {
    put(varint: UInt64(field) << 3 | 2)
    put(varint: UInt64(message.bytes.count))
    put(message.bytes)
  }
}
