import Bytes
import ETCore

/// The safetensors format: eight bytes of length, a JSON header, the tensors' bytes.
///
/// Format: the README of github.com/huggingface/safetensors, "Format".
enum SafeTensors {
  static let codes: [(code: String, dtype: ScalarType)] = [
    ("F64", .double), ("F32", .float), ("F16", .half), ("BF16", .bfloat16), ("I64", .long), ("I32", .int),
    ("I16", .short), ("I8", .char), ("U8", .byte), ("BOOL", .bool), ("U16", .uint16), ("U32", .uint32),
    ("U64", .uint64),
  ]
  /// The format's own bound of the header.
  static let longestHeader = 100_000_000

  // MARK: Reading

  /// All tensors by name, `input_2` before `input_10`.
  ///
  /// As the format asks, names are unique and the tensors cover all bytes behind the header: no overlap, no hole.
  static func read(_ contents: FileContents) throws(ReadError) -> [NamedTensor] {
    let bytes = contents.bytes
    guard bytes.count >= 8 else { throw ReadError(.truncated, at: bytes.count, "truncated: no safetensors header") }
    let announced = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard announced <= UInt64(longestHeader) else {
      throw ReadError(
        .notThisFormat, at: 0, "not a safetensors file: a header of \(announced) bytes, more than \(longestHeader)")
    }
    let length = Int(announced)
    guard length <= bytes.count - 8 else {
      throw ReadError(.truncated, at: bytes.count, "truncated: the safetensors header has \(length) bytes")
    }
    guard length > 0, bytes[8] == UInt8(ascii: "{") else {
      throw ReadError(.notThisFormat, at: 8, "not a safetensors file: its header does not begin with {")
    }
    let headers: [Header]
    do {
      headers = try readHeaders(UnsafeRawBufferPointer(rebasing: bytes[8..<8 + length]))
    } catch {
      throw ReadError(error.code, at: error.offset.map { $0 + 8 }, "the safetensors header: \(error.detail)")
    }
    let data = (8 + length)..<bytes.count
    var end = 0
    for header in headers.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard header.begin == end, header.end >= end else {
        throw ReadError(
          .malformed, at: 8 + header.place, in: nil,
          "the bytes of '\(header.name)' begin at \(header.begin), where those before it end at \(end)")
      }
      end = header.end
    }
    guard end <= data.count else {
      throw ReadError(.truncated, at: bytes.count, "truncated: the tensors take \(end) bytes, not \(data.count)")
    }
    guard end == data.count else {
      throw ReadError(.malformed, at: data.lowerBound + end, "\(data.count - end) bytes that belong to no tensor")
    }
    var tensors: [NamedTensor] = []
    tensors.reserveCapacity(headers.count)
    for header in headers.sorted(by: { NaturalOrder.precedes($0.name, $1.name) }) {
      let range = (data.lowerBound + header.begin)..<(data.lowerBound + header.end)
      do {
        let tensor = try TensorData(dtype: header.dtype, sizes: header.sizes, contents: contents, range: range)
        tensors.append(NamedTensor(name: header.name, tensor: tensor))
      } catch {
        throw ReadError(error.code, at: error.offset, "'\(header.name)': \(error.detail)")
      }
    }
    return tensors
  }

  private struct Header {
    var name: String
    var dtype: ScalarType
    var sizes: [Int]
    var begin: Int
    var end: Int
    /// Where the header's entry ends, for errors.
    var place: Int
  }

  private static func readHeaders(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> [Header] {
    var headers: [Header] = []
    var names: Set<String> = []
    var json = JSONReader(bytes)
    try json.object { (name, json) throws(ReadError) in
      guard names.insert(name).inserted else { throw json.error("the name '\(name)' is given twice") }
      if name == "__metadata__" {
        try json.object { (_, json) throws(ReadError) in _ = try json.rawString() }
      } else {
        headers.append(try readHeader(of: name, &json))
      }
    }
    try json.end()
    return headers
  }

  private static func readHeader(of name: String, _ json: inout JSONReader) throws(ReadError) -> Header {
    var dtype: ScalarType?
    var sizes: [Int]?
    var offsets: [Int]?
    func size(_ json: inout JSONReader) throws(ReadError) -> Int {
      let place = json.position
      let value = try json.integer()
      guard value >= 0 else { throw json.error("a size of \(value)", at: place) }
      return value
    }
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "dtype" where dtype == nil:
        let place = json.position
        let code = try json.string()
        guard let known = codes.first(where: { $0.code == code })?.dtype else {
          throw ReadError(.unsupported, at: place, "elements of type \(code) ('\(name)')")
        }
        dtype = known
      case "shape" where sizes == nil:
        var list: [Int] = []
        try json.array { (json) throws(ReadError) in list.append(try size(&json)) }
        sizes = list
      case "data_offsets" where offsets == nil:
        var list: [Int] = []
        try json.array { (json) throws(ReadError) in list.append(try size(&json)) }
        guard list.count == 2 else { throw json.error("two offsets expected") }
        offsets = list
      default: throw json.error("the key '\(key)' of '\(name)' is unknown or given twice")
      }
    }
    guard let dtype, let sizes, let offsets else {
      throw json.error("'\(name)' lacks dtype, shape or data_offsets")
    }
    return Header(
      name: name, dtype: dtype, sizes: sizes, begin: offsets[0], end: offsets[1], place: json.position)
  }

  // MARK: Writing

  /// The bytes before the tensors', which follow in the order given.
  static func header(for tensors: [NamedTensor]) throws(WriteError) -> [UInt8] {
    var entries: [String] = []
    var offset = 0
    for named in tensors {
      guard named.name != "__metadata__", let code = codes.first(where: { $0.dtype == named.tensor.dtype })?.code else {
        throw WriteError("safetensors cannot hold '\(named.name)' of type \(named.tensor.dtype)")
      }
      let end = offset + named.tensor.byteCount
      entries.append(
        "\(quoted(named.name)):{\"dtype\":\"\(code)\","
          + "\"shape\":[\(named.tensor.sizes.map(String.init).joined(separator: ","))],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(entries.joined(separator: ","))}".utf8)
    // Spaces, so that the tensors begin at a multiple of 8.
    while text.count % 8 != 0 { text.append(0x20) }
    guard text.count <= longestHeader else { throw WriteError("a safetensors header of \(text.count) bytes") }
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
  }

  private static func quoted(_ name: String) -> String {
    var text = "\""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\" + String(scalar)
      case "\u{0}"..<"\u{20}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

/// The order of names in which `input_2` comes before `input_10`.
enum NaturalOrder {
  static func precedes(_ a: String, _ b: String) -> Bool {
    let (x, y) = (Array(a.utf8), Array(b.utf8))
    var (i, j) = (0, 0)
    while i < x.count, j < y.count {
      let (m, n) = (digits(x, i), digits(y, j))
      if !m.isEmpty, !n.isEmpty {
        // Without leading zeros, the longer number is the greater.
        let (p, q) = (m.drop { $0 == UInt8(ascii: "0") }, n.drop { $0 == UInt8(ascii: "0") })
        if p.count != q.count { return p.count < q.count }
        if !p.elementsEqual(q) { return p.lexicographicallyPrecedes(q) }
        (i, j) = (m.endIndex, n.endIndex)
      } else {
        if x[i] != y[j] { return x[i] < y[j] }
        (i, j) = (i + 1, j + 1)
      }
    }
    if x.count - i != y.count - j { return x.count - i < y.count - j }
    return x.lexicographicallyPrecedes(y)
  }

  private static func digits(_ text: [UInt8], _ start: Int) -> ArraySlice<UInt8> {
    text[start...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
