/// Reads JSON where it lies, value by value, and knows the byte of every error.
///
/// Nothing is built that is not asked for: `skipValue()` passes over what a caller does not need. Containers may
/// nest 512 deep. Format: RFC 8259; the names `NaN`, `Infinity` and `-Infinity`, which Python writes, are read too.
///
/// ```
/// try json.object { key, json in
///   switch key { case "nodes": try json.array { json in … }; default: try json.skipValue() }
/// }
/// ```
public struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  /// The next byte to read.
  public private(set) var position = 0
  private var depth = 0

  /// The bytes are borrowed: keep their owner alive.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  // MARK: Containers

  /// Reads an object: `member` is given each key and must read or skip its value.
  public mutating func object(
    _ member: (_ key: String, _ json: inout JSONReader) throws(ReadError) -> Void
  ) throws(ReadError) {
    try enter("{")
    if take("}") { return leave() }
    repeat {
      let key = try string()
      guard take(":") else { throw error("':' expected after the key \"\(key.prefix(80))\"") }
      try member(key, &self)
    } while take(",")
    guard take("}") else { throw error("',' or '}' expected") }
    leave()
  }

  /// Reads an array: `element` must read or skip each element.
  public mutating func array(_ element: (_ json: inout JSONReader) throws(ReadError) -> Void) throws(ReadError) {
    try enter("[")
    if take("]") { return leave() }
    repeat { try element(&self) } while take(",")
    guard take("]") else { throw error("',' or ']' expected") }
    leave()
  }

  /// Passes over one value of any kind, checking its syntax.
  public mutating func skipValue() throws(ReadError) {
    switch peek() {
    case UInt8(ascii: "{"): try object { (_, json) throws(ReadError) in try json.skipValue() }
    case UInt8(ascii: "["): try array { (json) throws(ReadError) in try json.skipValue() }
    case UInt8(ascii: "\""): _ = try rawString()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: _ = try number()
    }
  }

  /// Whether another value follows where the whole text should have ended: an error, if so.
  public mutating func end() throws(ReadError) {
    if peek() != nil { throw error("more text behind the value") }
  }

  // MARK: Values

  /// What kind of value comes next, told by its first byte: `{ [ " t f n` or a digit; nil at the end.
  public mutating func peek() -> UInt8? {
    while position < bytes.count {
      let byte = bytes[position]
      if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return byte }
      position += 1
    }
    return nil
  }

  /// Consumes `null` where it comes next.
  public mutating func null() throws(ReadError) -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  public mutating func bool() throws(ReadError) -> Bool {
    if peek() == UInt8(ascii: "t") {
      try literal("true")
      return true
    }
    try literal("false")
    return false
  }

  public mutating func integer() throws(ReadError) -> Int {
    let start = position
    let text = try numberText()
    guard let value = Int(text) else { throw error("an integer expected", at: start) }
    return value
  }

  public mutating func number() throws(ReadError) -> Double {
    if take("N") {
      try literal("aN")
      return .nan
    }
    if take("I") {
      try literal("nfinity")
      return .infinity
    }
    let start = position
    let text = try numberText()
    if text == "-", position < bytes.count, bytes[position] == UInt8(ascii: "I") {
      try literal("Infinity")
      return -.infinity
    }
    guard let value = Double(text) else { throw error("a value expected", at: start) }
    return value
  }

  public mutating func string() throws(ReadError) -> String {
    let raw = try rawString()
    return raw.isPlain ? String(decoding: raw.bytes, as: UTF8.self) : try raw.decoded()
  }

  /// The bytes between a string's quotes, and whether they hold no escape.
  public mutating func rawString() throws(ReadError) -> RawString {
    guard take("\"") else { throw error("a string expected") }
    let start = position
    var isPlain = true
    while true {
      position = JSONReader.endOfPlainRun(bytes, from: position)
      guard position < bytes.count else { throw error("the string does not end", at: start - 1) }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        defer { position += 1 }
        return RawString(
          bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), position: start, isPlain: isPlain)
      case UInt8(ascii: "\\"):
        isPlain = false
        position += 2
      default:
        throw error("a control character in a string")
      }
    }
  }

  /// A string as it stands in the text, escapes and all.
  public struct RawString {
    public let bytes: UnsafeRawBufferPointer
    /// Of the first byte behind the quote.
    public let position: Int
    public let isPlain: Bool

    /// The string's own bytes: what the escapes stand for.
    public func decodedBytes() throws(ReadError) -> [UInt8] {
      var out: [UInt8] = []
      out.reserveCapacity(bytes.count)
      var index = 0
      while index < bytes.count {
        let next = JSONReader.endOfPlainRun(bytes, from: index)
        out.append(contentsOf: bytes[index..<next])
        index = next
        guard index < bytes.count else { break }
        index += 1
        guard index < bytes.count else { throw error(index) }
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(bytes[index])
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"): index = try appendCodePoint(at: index, to: &out)
        default: throw error(index)
        }
        index += 1
      }
      return out
    }

    public func decoded() throws(ReadError) -> String { String(decoding: try decodedBytes(), as: UTF8.self) }

    /// Appends the character of `uXXXX` (a surrogate pair together) and returns the place of its last digit.
    private func appendCodePoint(at start: Int, to out: inout [UInt8]) throws(ReadError) -> Int {
      var value = try hex(start + 1)
      var last = start + 4
      if value & 0xFC00 == 0xD800, last + 6 < bytes.count + 0, bytes[last + 1] == UInt8(ascii: "\\"),
        bytes[last + 2] == UInt8(ascii: "u")
      {
        let low = try hex(last + 3)
        if low & 0xFC00 == 0xDC00 {
          value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
          last += 6
        }
      }
      out.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
      return last
    }

    private func hex(_ start: Int) throws(ReadError) -> UInt32 {
      guard start + 4 <= bytes.count else { throw error(start) }
      var value: UInt32 = 0
      for index in start..<start + 4 {
        guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else { throw error(index) }
        value = value << 4 | UInt32(digit)
      }
      return value
    }

    private func error(_ index: Int) -> ReadError {
      ReadError(.malformed, at: position + index, "not JSON: a faulty escape in a string")
    }
  }

  // MARK: Bytes

  /// The first quote, backslash or control character from `start` on, eight bytes a step.
  fileprivate static func endOfPlainRun(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var index = start
    while index + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      // A byte of `found` has its high bit set where the word's byte is a quote, a backslash or below 0x20
      // (or stands above such a byte: only the lowest set bit is used).
      let found = ((quote &- ones) & ~quote | (slash &- ones) & ~slash | (word &- ones &* 0x20) & ~word) & highs
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
      index += 1
    }
    return min(index, bytes.count)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func enter(_ bracket: Unicode.Scalar) throws(ReadError) {
    guard take(bracket) else { throw error("'\(bracket)' expected") }
    depth += 1
    guard depth <= 512 else { throw ReadError(.limit, at: position, "JSON nested more than 512 deep") }
  }

  private mutating func leave() { depth -= 1 }

  private mutating func literal(_ text: StaticString) throws(ReadError) {
    _ = peek()
    let start = position
    for index in 0..<text.utf8CodeUnitCount {
      guard start + index < bytes.count, bytes[start + index] == text.utf8Start[index] else {
        throw error("a value expected", at: start)
      }
    }
    position = start + text.utf8CodeUnitCount
  }

  private mutating func numberText() throws(ReadError) -> String {
    _ = peek()
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        position += 1
      default:
        guard position > start else { throw error("a value expected") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
    }
    guard position > start else { throw error("a value expected") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A syntax error at the next byte, or at `place`.
  public func error(_ detail: String, at place: Int? = nil) -> ReadError {
    let place = min(place ?? position, bytes.count)
    let ended = place >= bytes.count
    return ReadError(
      ended ? .truncated : .malformed, at: place, "not JSON: " + (ended ? "the text ends early" : detail))
  }
}
