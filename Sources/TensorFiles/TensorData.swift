public import Bytes
public import ETCore

/// A tensor's type, sizes and elements: row-major, little-endian, without gaps.
///
/// The elements lie where they were read, often in a mapped file, and may be unaligned. Every byte of a `bool` tensor
/// is 0 or 1.
public struct TensorData: Sendable {
  public let dtype: ScalarType
  /// From the outermost dimension to the innermost; empty for a scalar.
  public let sizes: [Int]
  private let contents: FileContents
  private let range: Range<Int>

  /// - Parameter range: Of the elements in `contents`; all of it by default.
  /// - Throws: `.malformed` where the bytes are not as many as the sizes ask for or a bool is neither 0 nor 1, with the
  ///   place in `contents`; `.unsupported` for a type that `supportedTypes` does not have.
  public init(
    dtype: ScalarType, sizes: [Int], contents: FileContents, range: Range<Int>? = nil
  ) throws(ReadError) {
    let range = range ?? 0..<contents.count
    guard let needed = try Self.byteCount(dtype: dtype, sizes: sizes) else {
      throw ReadError(.malformed, at: range.lowerBound, "a tensor of impossible size \(Self.text(of: sizes))")
    }
    guard needed == range.count else {
      throw ReadError(
        needed > range.count ? .truncated : .malformed,
        at: needed > range.count ? range.upperBound : range.lowerBound + needed,
        "\(dtype) \(Self.text(of: sizes)) takes \(needed) bytes, not \(range.count)")
    }
    if dtype == .bool, let odd = contents.bytes(in: range).firstIndex(where: { $0 > 1 }) {
      let place = range.lowerBound + odd
      throw ReadError(.malformed, at: place, "a bool that is \(contents.bytes[place]), neither 0 nor 1")
    }
    self.dtype = dtype
    self.sizes = sizes
    self.contents = contents
    self.range = range
  }

  /// Elements that `fill` writes into memory of the right size, which is zero before and aligned to 16 bytes.
  ///
  /// - Throws: `.limit` where there is no memory for them, `.unsupported` and `.malformed` as above.
  public init(
    dtype: ScalarType, sizes: [Int], filling fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(ReadError) {
    guard let count = try Self.byteCount(dtype: dtype, sizes: sizes) else {
      throw ReadError(.malformed, at: nil, "a tensor of impossible size \(Self.text(of: sizes))")
    }
    let contents = try FileContents.filled(byteCount: count) { (memory) throws(ReadError) in fill(memory) }
    try self.init(dtype: dtype, sizes: sizes, contents: contents)
  }

  /// Elements copied from elsewhere, row-major.
  public init(dtype: ScalarType, sizes: [Int], copying bytes: UnsafeRawBufferPointer) throws(ReadError) {
    try self.init(dtype: dtype, sizes: sizes, contents: FileContents(copying: bytes))
  }

  public var byteCount: Int { range.count }
  /// Elements.
  public var count: Int { range.count / dtype.byteSize }

  /// Calls `body` with the elements, which live for the call.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(contents) {} }
    return try body(contents.bytes(in: range))
  }

  /// The types that tensors here may have: those of which a value is known, not complex, quantized or packed.
  public static let supportedTypes: [ScalarType] = [
    .float, .half, .bfloat16, .double, .long, .int, .short, .char, .byte, .bool, .uint16, .uint32, .uint64,
  ]

  /// Bytes that a tensor takes, or nil where a size is negative or memory does not reach.
  static func byteCount(dtype: ScalarType, sizes: [Int]) throws(ReadError) -> Int? {
    guard supportedTypes.contains(dtype) else {
      throw ReadError(.unsupported, at: nil, "tensors of type \(dtype) are not read or written")
    }
    guard sizes.allSatisfy({ $0 >= 0 }) else { return nil }
    if sizes.contains(0) { return 0 }
    return sizes.reduce(Optional(dtype.byteSize)) { $0?.checkedProduct($1) }
  }

  /// Sizes as users write them: `2x3`, `scalar`.
  static func text(of sizes: [Int]) -> String {
    sizes.isEmpty ? "scalar" : sizes.map(String.init).joined(separator: "x")
  }
}

/// A tensor of a file, by its name there.
public struct NamedTensor: Sendable {
  /// Empty where the format has no names.
  public var name: String
  public var tensor: TensorData

  public init(name: String, tensor: TensorData) {
    self.name = name
    self.tensor = tensor
  }
}
