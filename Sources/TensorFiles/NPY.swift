import Bytes
import ETCore

/// NumPy's file of one array. Format: `numpy.lib.format`, versions 1.0 to 3.0.
enum NPY {
  /// NumPy's code of each type, without its byte order. It has none for bfloat16.
  static let codes: [(code: String, dtype: ScalarType)] = [
    ("b1", .bool), ("i1", .char), ("i2", .short), ("i4", .int), ("i8", .long), ("u1", .byte), ("u2", .uint16),
    ("u4", .uint32), ("u8", .uint64), ("f2", .half), ("f4", .float), ("f8", .double),
  ]
  /// Dimensions that NumPy's arrays may have.
  static let greatestRank = 64

  // MARK: Reading

  /// - Parameter range: The file, or its entry in an archive. Places of errors count in `contents`.
  static func read(_ contents: FileContents, in range: Range<Int>) throws(ReadError) -> TensorData {
    let bytes = contents.bytes(in: range)
    func error(_ code: ReadError.Code, _ place: Int, _ detail: String) -> ReadError {
      ReadError(code, at: range.lowerBound + place, detail)
    }
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    guard bytes.prefix(6).elementsEqual(magic) else {
      guard bytes.count >= 6 || !magic.starts(with: bytes) else {
        throw error(.truncated, bytes.count, "truncated: an npy file ends in its first bytes")
      }
      throw error(.notThisFormat, 0, "not an npy file: it does not begin with \\x93NUMPY")
    }
    guard bytes.count >= 12 else { throw error(.truncated, bytes.count, "truncated: an npy file without a header") }
    guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
      throw error(.unsupported, 6, "npy version \(bytes[6]).\(bytes[7]): 1.0, 2.0 and 3.0 are read")
    }
    let start = bytes[6] == 1 ? 10 : 12
    let length =
      bytes[6] == 1
      ? Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
      : Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    guard length <= 1 << 16 else { throw error(.limit, 8, "an npy header of \(length) bytes") }
    guard length <= bytes.count - start else {
      throw error(.truncated, bytes.count, "truncated: the npy header has \(length) bytes")
    }
    var parser = NPYHeaderParser(
      UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]), origin: range.lowerBound + start)
    let header = try parser.parse()
    let data = (range.lowerBound + start + length)..<range.upperBound
    if !header.isSwapped && (!header.isFortranOrder || header.shape.count < 2) {
      return try TensorData(dtype: header.dtype, sizes: header.shape, contents: contents, range: data)
    }
    // Checks the size before memory is taken, and a bool's values; the bytes are then put in order.
    let asStored = try TensorData(dtype: header.dtype, sizes: header.shape, contents: contents, range: data)
    return try TensorData(dtype: header.dtype, sizes: header.shape) { out in
      asStored.withBytes { stored in
        let reordered = header.isFortranOrder && header.shape.count > 1
        if reordered {
          transpose(stored, to: out, sizes: header.shape, width: header.dtype.byteSize)
        } else {
          out.copyMemory(from: stored)
        }
        if header.isSwapped { swapBytes(out, width: header.dtype.byteSize) }
      }
    }
  }

  /// From the first dimension innermost to the last.
  private static func transpose(
    _ stored: UnsafeRawBufferPointer, to out: UnsafeMutableRawBufferPointer, sizes: [Int], width: Int
  ) {
    switch width {
    case 1: transpose(stored, to: out, sizes: sizes, as: UInt8.self)
    case 2: transpose(stored, to: out, sizes: sizes, as: UInt16.self)
    case 4: transpose(stored, to: out, sizes: sizes, as: UInt32.self)
    default: transpose(stored, to: out, sizes: sizes, as: UInt64.self)
    }
  }

  private static func transpose<T: FixedWidthInteger>(
    _ stored: UnsafeRawBufferPointer, to out: UnsafeMutableRawBufferPointer, sizes: [Int], as type: T.Type
  ) {
    let width = MemoryLayout<T>.size
    guard !out.isEmpty else { return }
    // Bytes from an element to its neighbour in each dimension. All products are at most out.count.
    var strides: [Int] = []
    var stride = width
    for size in sizes {
      strides.append(stride)
      stride *= size
    }
    var index = [Int](repeating: 0, count: sizes.count)
    let (lastSize, lastStride) = (sizes[sizes.count - 1], strides[sizes.count - 1])
    var (source, target) = (0, 0)
    while target < out.count {
      for step in 0..<lastSize {
        let value = stored.loadUnaligned(fromByteOffset: source + step * lastStride, as: T.self)
        out.storeBytes(of: value, toByteOffset: target, as: T.self)
        target += width
      }
      var dimension = sizes.count - 2
      while dimension >= 0 {
        index[dimension] += 1
        source += strides[dimension]
        if index[dimension] < sizes[dimension] { break }
        source -= strides[dimension] * sizes[dimension]
        index[dimension] = 0
        dimension -= 1
      }
    }
  }

  private static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, width: Int) {
    switch width {
    case 2: swapBytes(bytes, as: UInt16.self)
    case 4: swapBytes(bytes, as: UInt32.self)
    default: swapBytes(bytes, as: UInt64.self)
    }
  }

  private static func swapBytes<T: FixedWidthInteger>(_ bytes: UnsafeMutableRawBufferPointer, as type: T.Type) {
    for place in stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size) {
      bytes.storeBytes(of: bytes.load(fromByteOffset: place, as: T.self).byteSwapped, toByteOffset: place, as: T.self)
    }
  }

  // MARK: Writing

  /// What comes before the elements, byte by byte as `numpy.save` writes it.
  static func header(for tensor: TensorData) throws(WriteError) -> [UInt8] {
    guard let code = codes.first(where: { $0.dtype == tensor.dtype })?.code else {
      throw WriteError("npy has no type for \(tensor.dtype): write a .safetensors file")
    }
    guard tensor.sizes.count <= greatestRank else {
      throw WriteError("npy holds at most \(greatestRank) dimensions, not \(tensor.sizes.count)")
    }
    let order = tensor.dtype.byteSize == 1 ? "|" : "<"
    let shape = tensor.sizes.map(String.init).joined(separator: ", ") + (tensor.sizes.count == 1 ? "," : "")
    var text = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(shape)), }"
    // Room for the outermost size to grow to 21 digits, then up to a multiple of 64 with the line's end.
    if let first = tensor.sizes.first { text += String(repeating: " ", count: 21 - String(first).utf8.count) }
    text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
    let length = UInt16(text.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
  }
}

/// The literal of a Python dictionary that an npy header is: exactly `descr`, `fortran_order` and `shape`.
struct NPYHeaderParser {
  struct Header {
    var dtype: ScalarType
    var isSwapped: Bool
    var isFortranOrder: Bool
    var shape: [Int]
  }

  private let bytes: UnsafeRawBufferPointer
  private let origin: Int
  private var position = 0

  /// - Parameter origin: Where the bytes lie, for the places of errors.
  init(_ bytes: UnsafeRawBufferPointer, origin: Int) {
    self.bytes = bytes
    self.origin = origin
  }

  mutating func parse() throws(ReadError) -> Header {
    var type: (dtype: ScalarType, isSwapped: Bool)?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !take("}") {
      let start = position
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try descriptor()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try bool()
      case "shape" where shape == nil: shape = try tuple()
      default: throw error("the key '\(key)' is unknown or given twice", at: start)
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    guard let type, let isFortranOrder, let shape else {
      throw error("one of the keys descr, fortran_order and shape is missing")
    }
    skipSpace()
    guard position == bytes.count else { throw error("text behind the dictionary") }
    return Header(dtype: type.dtype, isSwapped: type.isSwapped, isFortranOrder: isFortranOrder, shape: shape)
  }

  private mutating func descriptor() throws(ReadError) -> (ScalarType, Bool) {
    skipSpace()
    let start = position
    if position < bytes.count, bytes[position] == UInt8(ascii: "[") {
      throw error("an array of records", at: start, code: .unsupported)
    }
    let text = try string()
    let code = String(text.dropFirst())
    guard let dtype = NPY.codes.first(where: { $0.code == code })?.dtype,
      let order = text.first, dtype.byteSize == 1 ? "|<>".contains(order) : "<>".contains(order)
    else {
      let hint = code.hasPrefix("O") ? ": Python objects are not read" : code.hasPrefix("V") ? ": use .safetensors" : ""
      throw error("elements of type '\(text)'\(hint)", at: start, code: .unsupported)
    }
    return (dtype, order == ">" && dtype.byteSize > 1)
  }

  private mutating func tuple() throws(ReadError) -> [Int] {
    try expect("(")
    var sizes: [Int] = []
    while !take(")") {
      guard sizes.count < NPY.greatestRank else {
        throw error("more than \(NPY.greatestRank) dimensions", code: .limit)
      }
      sizes.append(try integer())
      if take(",") { continue }
      guard sizes.count > 1 else { throw error("',' expected: a tuple of one has a comma") }
      try expect(")")
      break
    }
    return sizes
  }

  private mutating func integer() throws(ReadError) -> Int {
    skipSpace()
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw error("a size expected", at: start)
    }
    return value
  }

  private mutating func bool() throws(ReadError) -> Bool {
    skipSpace()
    for (text, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: text.utf8) {
      position += text.utf8.count
      return value
    }
    throw error("True or False expected")
  }

  private mutating func string() throws(ReadError) -> String {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\"") else {
      throw error("a string expected")
    }
    let quote = bytes[position]
    let start = position + 1
    guard let end = bytes[start...].firstIndex(where: { $0 == quote || $0 == UInt8(ascii: "\\") }), bytes[end] == quote
    else { throw error("a string that does not end, or has an escape", at: position) }
    position = end + 1
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(ReadError) {
    guard take(character) else { throw error("'\(character)' expected") }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
  }

  private func error(_ detail: String, at place: Int? = nil, code: ReadError.Code = .malformed) -> ReadError {
    ReadError(code, at: origin + (place ?? position), "the npy header: " + detail)
  }
}
