/// Damaged copies of a file, for tests that a reader survives them.
public enum ByteEdits {
  /// Calls `body` with every proper prefix, shortest first.
  public static func forEachPrefix(of bytes: [UInt8], _ body: (UnsafeRawBufferPointer, Int) throws -> Void) rethrows {
    for count in 0..<bytes.count {
      // A copy of its own, so that a read beyond the end is one beyond an allocation.
      let prefix = Array(bytes[..<count])
      try prefix.withUnsafeBytes { try body($0, count) }
    }
  }

  /// Calls `body` with every byte set to 0, set to 255, and with one of its bits flipped (another bit for each place).
  public static func forEachByteEdit(
    of bytes: [UInt8], _ body: (UnsafeRawBufferPointer, _ description: String) throws -> Void
  ) rethrows {
    var copy = bytes
    for place in bytes.indices {
      let flipped = bytes[place] ^ 1 << UInt8(place % 8)
      for (value, what) in [(0, "0"), (255, "255"), (flipped, "flipped")] where value != bytes[place] {
        copy[place] = value
        try copy.withUnsafeBytes { try body($0, "byte \(place) \(what)") }
      }
      copy[place] = bytes[place]
    }
  }

  /// The file with one to eight random edits: values that offsets and counts are sensitive to, bytes, bits, pieces moved
  /// about, and sometimes an end cut off.
  public static func random(_ bytes: [UInt8], seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var copy = bytes
    for _ in 0...generator.below(8) where !copy.isEmpty {
      switch generator.below(8) {
      case 0: copy[generator.below(copy.count)] = UInt8(generator.below(256))
      case 1: copy[generator.below(copy.count)] ^= 1 << UInt8(generator.below(8))
      case 2, 3: store(interesting(&generator, copy.count), width: 4, &copy, &generator)
      case 4: store(UInt64(generator.below(64)), width: 2, &copy, &generator)
      case 5: store(generator.next(), width: 8, &copy, &generator)
      case 6:  // one aligned word takes another's value: an offset that leads elsewhere
        guard copy.count >= 8 else { continue }
        let (from, to) = (generator.below(copy.count / 4) * 4, generator.below(copy.count / 4) * 4)
        for index in 0..<4 { copy[to + index] = copy[from + index] }
      default:
        if generator.below(8) == 0 { copy.removeLast(generator.below(copy.count)) }
      }
    }
    return copy
  }

  /// The seeds of a test's random edits: `count` from a fixed start, or the one named by `ET_SEED`, to repeat a failure.
  public static func seeds(_ count: Int) -> [UInt64] {
    if let one = Environment.value("ET_SEED").flatMap({ UInt64($0) }) { return [one] }
    return Array(0..<UInt64(count))
  }

  private static func interesting(_ generator: inout SeededGenerator, _ count: Int) -> UInt64 {
    let choices: [UInt64] = [
      0, 1, 2, 3, 4, 8, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFC, 0x4000_0000, 0x2000_0000, UInt64(count),
      UInt64(count) - 1, UInt64(max(count, 4) - 4), UInt64(generator.below(count)),
    ]
    return choices[generator.below(choices.count)]
  }

  private static func store(_ value: UInt64, width: Int, _ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    guard bytes.count >= width else { return }
    let aligned = generator.below(4) > 0
    let place = aligned ? generator.below(bytes.count / width) * width : generator.below(bytes.count - width + 1)
    for index in 0..<width { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
  }
}
