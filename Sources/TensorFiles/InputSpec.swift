public import Bytes
public import ETCore

/// What a user writes for an input, and how it becomes tensors.
///
/// ```
/// input = FILE ".npy"                               the array
///       | FILE ".npz" [":" NAME]                    that array, or all in the archive's order
///       | FILE ".safetensors" [":" NAME]            that tensor, or all by name, input_2 before input_10
///       | FILE (".raw" | ".bin") ":" shape ":" dtype    little-endian elements, row-major, nothing else
///       | "shape:" shape [":" dtype] [":" fill]     no file: made-up values
/// shape = "scalar" | size *("x" size)               1x3x224x224
/// dtype = PyTorch's name: float32, bfloat16, int64, bool, …
/// fill  = "zeros" | "ones" | SEED                   a whole number, for the values of `SeededValues`
/// ```
///
/// A file's name may hold colons: the first ending followed by a colon or by nothing counts. Standard input (`-`) carries
/// no input: formats are told by the name.
public enum InputSpec: Sendable, Equatable {
  case file(path: String, TensorFile, member: String?)
  case raw(path: String, sizes: [Int], dtype: ScalarType)
  /// Without a type, the one that the method expects; without a fill, seeded values.
  case made(sizes: [Int], dtype: ScalarType?, Fill?)

  public enum Fill: Sendable, Equatable {
    case zeros, ones
    case seeded(UInt64)
  }

  /// - Throws: `.malformed` with the place in the text.
  public init(_ text: String) throws(ReadError) {
    if text == "-" { throw ReadError(.malformed, at: 0, "standard input is not read for inputs: name a file") }
    let parts = SpecParts(text)
    if let rest = parts.after("shape:") {
      self = try Self.made(parts, from: rest)
      return
    }
    for kind in TensorFile.allCases {
      guard let (path, rest) = parts.file(endingIn: "." + kind.rawValue) else { continue }
      guard let rest else {
        self = .file(path: path, kind, member: nil)
        return
      }
      let member = parts.text(from: rest)
      guard kind != .npy else { throw parts.error(at: rest, "an .npy file holds one array, without a name") }
      guard !member.isEmpty else { throw parts.error(at: rest, "the name of a tensor expected") }
      self = .file(path: path, kind, member: member)
      return
    }
    for ending in [".raw", ".bin"] {
      guard let (path, rest) = parts.file(endingIn: ending) else { continue }
      guard let rest else {
        throw parts.error(at: text.utf8.count, "a \(ending) file needs its shape and type: \(path):1x3:float32")
      }
      let fields = parts.fields(from: rest)
      guard fields.count == 2 else { throw parts.error(at: rest, "a shape and a type expected, as in 1x3:float32") }
      self = .raw(
        path: path, sizes: try parts.shape(fields[0]), dtype: try parts.dtype(fields[1]))
      return
    }
    throw ReadError(
      .malformed, at: 0,
      "an input is FILE.npy, FILE.npz[:NAME], FILE.safetensors[:NAME], FILE.raw:SHAPE:TYPE or shape:SHAPE[:TYPE][:SEED]"
    )
  }

  private static func made(_ parts: SpecParts, from start: Int) throws(ReadError) -> InputSpec {
    let fields = parts.fields(from: start)
    let sizes = try parts.shape(fields[0])
    var rest = fields.dropFirst()
    var dtype: ScalarType?
    if let field = rest.first, let known = parts.knownType(field) {
      dtype = known
      rest = rest.dropFirst()
    }
    guard let field = rest.first else { return .made(sizes: sizes, dtype: dtype, nil) }
    let fill: Fill
    switch parts.text(of: field) {
    case "zeros": fill = .zeros
    case "ones": fill = .ones
    case let text:
      guard let seed = UInt64(text) else {
        let expected = dtype == nil ? "a type, zeros, ones or a seed" : "zeros, ones or a seed"
        throw parts.error(at: field.lowerBound, "\(expected) expected, not '\(text)'")
      }
      fill = .seeded(seed)
    }
    guard rest.count == 1 else {
      throw parts.error(at: field.upperBound, "nothing expected behind '\(parts.text(of: field))'")
    }
    return .made(sizes: sizes, dtype: dtype, fill)
  }

  /// The file that is read, if any: for messages.
  public var path: String? {
    switch self {
    case .file(let path, _, _), .raw(let path, _, _): path
    case .made: nil
    }
  }

  /// Reads or makes the tensors: one, except of a file of several where none is named.
  ///
  /// - Parameters:
  ///   - defaultType: The type of made values where the text names none.
  ///   - defaultSeed: The seed of made values where the text names none.
  public func load(defaultType: ScalarType = .float, defaultSeed: UInt64 = 0) throws(ReadError) -> [NamedTensor] {
    switch self {
    case .file(let path, let kind, let member):
      return try kind.read(try FileContents.open(path), member: member)
    case .raw(let path, let sizes, let dtype):
      let contents = try FileContents.open(path)
      return [NamedTensor(name: "", tensor: try TensorData(dtype: dtype, sizes: sizes, contents: contents))]
    case .made(let sizes, let dtype, let fill):
      let type = dtype ?? defaultType
      let tensor =
        switch fill ?? .seeded(defaultSeed) {
        case .zeros: try SeededValues.fill(dtype: type, sizes: sizes, ones: false)
        case .ones: try SeededValues.fill(dtype: type, sizes: sizes, ones: true)
        case .seeded(let seed): try SeededValues.fill(dtype: type, sizes: sizes, seed: seed)
        }
      return [NamedTensor(name: "", tensor: tensor)]
    }
  }
}

/// The text of an input and its parts, by their places in bytes.
private struct SpecParts {
  private let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  func after(_ prefix: String) -> Int? { bytes.starts(with: prefix.utf8) ? prefix.utf8.count : nil }

  /// The path up to the first such ending that a colon or nothing follows, and where the text goes on behind the colon.
  func file(endingIn ending: String) -> (path: String, rest: Int?)? {
    let ending = Array(ending.utf8)
    var start = 1  // An ending alone names no file.
    while start + ending.count <= bytes.count {
      let end = start + ending.count
      if bytes[start..<end].elementsEqual(ending), end == bytes.count || bytes[end] == UInt8(ascii: ":") {
        return (text(of: 0..<end), end == bytes.count ? nil : end + 1)
      }
      start += 1
    }
    return nil
  }

  func text(from start: Int) -> String { text(of: start..<bytes.count) }
  func text(of range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// What the colons separate, at least one.
  func fields(from start: Int) -> [Range<Int>] { pieces(of: start..<bytes.count, separator: ":") }

  private func pieces(of range: Range<Int>, separator: Unicode.Scalar) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = range.lowerBound
    for index in range where bytes[index] == UInt8(ascii: separator) {
      pieces.append(start..<index)
      start = index + 1
    }
    return pieces + [start..<range.upperBound]
  }

  func shape(_ field: Range<Int>) throws(ReadError) -> [Int] {
    if text(of: field) == "scalar" { return [] }
    var sizes: [Int] = []
    for piece in pieces(of: field, separator: "x") {
      guard bytes[piece].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let size = Int(text(of: piece))
      else { throw error(at: piece.lowerBound, "a size expected, as in 1x3x224x224, not '\(text(of: piece))'") }
      sizes.append(size)
    }
    return sizes
  }

  func knownType(_ field: Range<Int>) -> ScalarType? {
    let name = text(of: field)
    return TensorData.supportedTypes.first { $0.description == name }
  }

  func dtype(_ field: Range<Int>) throws(ReadError) -> ScalarType {
    guard let type = knownType(field) else {
      let names = TensorData.supportedTypes.map(\.description).joined(separator: ", ")
      throw error(at: field.lowerBound, "a type expected (\(names)), not '\(text(of: field))'")
    }
    return type
  }

  func error(at place: Int, _ detail: String) -> ReadError { ReadError(.malformed, at: place, detail) }
}
