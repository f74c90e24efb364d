/// Decompression of a deflate stream whose size is known, as zip stores it. Format: RFC 1951.
public enum Inflate {
  /// The decompressed bytes.
  ///
  /// Nothing is allocated for a size that the stream cannot reach: a byte of it becomes 1,032 at most.
  ///
  /// - Parameter size: What the stream must decompress to, no more and no less.
  public static func contents(of compressed: UnsafeRawBufferPointer, size: Int) throws(ReadError) -> FileContents {
    guard size >= 0, size / 1032 <= compressed.count else {
      throw ReadError(.malformed, at: 0, "\(compressed.count) deflated bytes cannot become \(size)")
    }
    return try FileContents.filled(byteCount: size) { (output) throws(ReadError) in
      var stream = InflateStream(input: compressed, output: output)
      try stream.run()
    }
  }
}

private struct InflateStream {
  let input: UnsafeRawBufferPointer
  let output: UnsafeMutableRawBufferPointer
  /// The next byte to take into `bits`.
  var position = 0
  /// Bits not yet used, the next one lowest.
  var bits: UInt64 = 0
  var bitCount = 0
  var written = 0

  init(input: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer) {
    self.input = input
    self.output = output
  }

  mutating func run() throws(ReadError) {
    var isLast = false
    repeat {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try stored()
      case 1: try compressed(literals: .fixedLiterals, distances: .fixedDistances)
      case 2:
        let (literals, distances) = try readCodes()
        try compressed(literals: literals, distances: distances)
      default: throw error("a deflate block of the reserved kind")
      }
    } while !isLast
    guard written == output.count else {
      throw error("the deflate stream ends after \(written) bytes of \(output.count)")
    }
    guard place == input.count else { throw error("\(input.count - place) bytes behind the end of the deflate stream") }
  }

  // MARK: Blocks

  private mutating func stored() throws(ReadError) {
    bits >>= UInt64(bitCount % 8)
    bitCount -= bitCount % 8
    let length = try take(16)
    guard try take(16) == length ^ 0xFFFF else { throw error("a stored block whose two lengths disagree") }
    let start = place
    guard length <= input.count - start else { throw truncated }
    guard length <= output.count - written else { throw tooMuch }
    UnsafeMutableRawBufferPointer(rebasing: output[written..<written + length])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[start..<start + length]))
    written += length
    (position, bits, bitCount) = (start + length, 0, 0)
  }

  private mutating func compressed(literals: HuffmanCode, distances: HuffmanCode) throws(ReadError) {
    while true {
      let symbol = try next(literals)
      if symbol < 256 {
        guard written < output.count else { throw tooMuch }
        output[written] = UInt8(truncatingIfNeeded: symbol)
        written += 1
        continue
      }
      if symbol == 256 { return }
      guard symbol <= 285 else { throw error("a length symbol that deflate does not have") }
      let (lengthBase, lengthBits) = Self.lengths[symbol - 257]
      let length = lengthBase + (try take(lengthBits))
      let distanceSymbol = try next(distances)
      guard distanceSymbol < 30 else { throw error("a distance symbol that deflate does not have") }
      let (distanceBase, distanceBits) = Self.distances[distanceSymbol]
      let distance = distanceBase + (try take(distanceBits))
      guard distance <= written else { throw error("a distance that reaches back before the first byte") }
      guard length <= output.count - written else { throw tooMuch }
      // Byte by byte: the piece may overlap what it is copied to.
      for index in written..<written + length { output[index] = output[index - distance] }
      written += length
    }
  }

  /// Section 3.2.5: the first length or distance of each symbol, and how many bits follow.
  private static let lengths: [(Int, Int)] = {
    var table: [(Int, Int)] = []
    var base = 3
    for symbol in 0..<28 {
      let extra = symbol < 8 ? 0 : symbol / 4 - 1
      table.append((base, extra))
      base += 1 << extra
    }
    return table + [(258, 0)]
  }()

  private static let distances: [(Int, Int)] = {
    var table: [(Int, Int)] = []
    var base = 1
    for symbol in 0..<30 {
      let extra = symbol < 4 ? 0 : symbol / 2 - 1
      table.append((base, extra))
      base += 1 << extra
    }
    return table
  }()

  /// Section 3.2.7: the code lengths of both codes, themselves coded.
  private mutating func readCodes() throws(ReadError) -> (HuffmanCode, HuffmanCode) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let lengthCount = try take(4) + 4
    guard literalCount <= 286 else { throw error("more length symbols than deflate has") }
    var lengths = [UInt8](repeating: 0, count: 19)
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    for symbol in order.prefix(lengthCount) { lengths[symbol] = UInt8(try take(3)) }
    guard let lengthCode = HuffmanCode(lengths: lengths) else { throw error("an impossible code of code lengths") }
    var all: [UInt8] = []
    all.reserveCapacity(literalCount + distanceCount)
    while all.count < literalCount + distanceCount {
      let symbol = try next(lengthCode)
      let (value, count): (UInt8, Int)
      switch symbol {
      case 16:
        guard let last = all.last else { throw error("a repeated code length with none before it") }
        (value, count) = (last, 3 + (try take(2)))
      case 17: (value, count) = (0, 3 + (try take(3)))
      case 18: (value, count) = (0, 11 + (try take(7)))
      default: (value, count) = (UInt8(symbol), 1)
      }
      guard count <= literalCount + distanceCount - all.count else { throw error("more code lengths than announced") }
      all.append(contentsOf: repeatElement(value, count: count))
    }
    guard let literals = HuffmanCode(lengths: Array(all[..<literalCount])),
      let distances = HuffmanCode(lengths: Array(all[literalCount...]))
    else { throw error("an impossible Huffman code") }
    return (literals, distances)
  }

  // MARK: Bits

  private mutating func refill() {
    while bitCount <= 56, position < input.count {
      bits |= UInt64(input[position]) << UInt64(bitCount)
      position += 1
      bitCount += 8
    }
  }

  private mutating func take(_ count: Int) throws(ReadError) -> Int {
    if bitCount < count {
      refill()
      guard bitCount >= count else { throw truncated }
    }
    let value = bits & (1 << UInt64(count) - 1)
    bits >>= UInt64(count)
    bitCount -= count
    return Int(value)
  }

  private mutating func next(_ code: HuffmanCode) throws(ReadError) -> Int {
    if bitCount < HuffmanCode.longest { refill() }
    guard let (symbol, length) = code.decode(bits) else {
      throw bitCount < HuffmanCode.longest ? truncated : error("bits that are no symbol of the block's code")
    }
    guard length <= bitCount else { throw truncated }
    bits >>= UInt64(length)
    bitCount -= length
    return symbol
  }

  // MARK: Errors

  /// The first byte of which no bit is used yet.
  private var place: Int { position - bitCount / 8 }
  private var truncated: ReadError {
    ReadError(.truncated, at: input.count, "truncated: the deflate stream does not end")
  }
  private var tooMuch: ReadError { error("more than the announced \(output.count) bytes") }
  private func error(_ detail: String) -> ReadError { ReadError(.malformed, at: place, detail) }
}

/// A canonical Huffman code (section 3.2.2) with codes of up to 15 bits.
private struct HuffmanCode {
  static let longest = 15
  /// Codes of so many bits are found in one step.
  private static let shortBits = 10

  /// By the next bits: symbol · 16 + length, or 0 where the code is longer or there is none.
  private var short = [UInt16](repeating: 0, count: 1 << HuffmanCode.shortBits)
  /// Codes of each length, and all symbols in the order of their codes.
  private var counts = [Int](repeating: 0, count: HuffmanCode.longest + 1)
  private var symbols: [UInt16] = []

  /// nil where more codes are asked for than the lengths have room for. An incomplete code is taken: a stream that uses
  /// what it lacks is refused there.
  init?(lengths: [UInt8]) {
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var first = [Int](repeating: 0, count: Self.longest + 2)
    var room = 1
    for length in 1...Self.longest {
      room = room * 2 - counts[length]
      guard room >= 0 else { return nil }
      first[length + 1] = (first[length] + counts[length]) * 2
    }
    for length in 1...Self.longest where counts[length] > 0 {
      for (symbol, itsLength) in lengths.enumerated() where Int(itsLength) == length {
        symbols.append(UInt16(symbol))
        guard length <= Self.shortBits else { continue }
        // A code is sent from its highest bit on, and bits are taken from the lowest.
        var (reversed, code) = (0, first[length])
        for _ in 0..<length {
          reversed = reversed << 1 | code & 1
          code >>= 1
        }
        first[length] += 1
        for entry in stride(from: reversed, to: short.count, by: 1 << length) {
          short[entry] = UInt16(symbol << 4 | length)
        }
      }
    }
  }

  static let fixedLiterals = HuffmanCode(
    lengths: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })!
  static let fixedDistances = HuffmanCode(lengths: Array(repeating: 5, count: 30))!

  /// The symbol that the bits begin with and its length, or nil where they begin with no code.
  func decode(_ bits: UInt64) -> (symbol: Int, length: Int)? {
    let entry = short[Int(bits & UInt64(short.count - 1))]
    if entry != 0 { return (Int(entry >> 4), Int(entry & 15)) }
    var (code, first, index) = (0, 0, 0)
    var rest = bits
    for length in 1...Self.longest {
      code |= Int(rest & 1)
      rest >>= 1
      let count = counts[length]
      if code - first < count { return (Int(symbols[index + code - first]), length) }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return nil
  }
}
