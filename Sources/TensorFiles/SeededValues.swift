public import Bytes
public import ETCore

/// Made-up elements that a seed repeats on every machine, for inputs of which only the shape matters.
///
/// - Floating-point types: mean 0, variance 1, bell-shaped, between −3.465 and 3.465, much like `torch.randn`. The sum of
///   four uniform numbers: no function of a system's library takes part, so that the bits are the same everywhere.
/// - Integers: 0 to 9, which most vocabularies and index ranges have.
/// - `bool`: 0 or 1.
///
/// Each element takes one number of SplitMix64 (Steele, Lea and Flood 2014), in row-major order.
public enum SeededValues {
  /// - Throws: `.limit` where there is no memory for them; `.unsupported` for a type without values.
  public static func fill(dtype: ScalarType, sizes: [Int], seed: UInt64) throws(ReadError) -> TensorData {
    try TensorData(dtype: dtype, sizes: sizes) { out in
      switch dtype {
      case .float: store(out, seed) { Float(normal($0)) }
      case .double: store(out, seed) { normal($0) }
      case .half: store(out, seed) { Half(Float(normal($0))) }
      case .bfloat16: store(out, seed) { BFloat16(Float(normal($0))) }
      case .bool: store(out, seed) { UInt8(below(2, $0)) }
      default:
        switch dtype.byteSize {
        case 1: store(out, seed) { UInt8(below(10, $0)) }
        case 2: store(out, seed) { UInt16(below(10, $0)) }
        case 4: store(out, seed) { UInt32(below(10, $0)) }
        default: store(out, seed) { below(10, $0) }
        }
      }
    }
  }

  /// Elements that are all 0 or all 1.
  public static func fill(dtype: ScalarType, sizes: [Int], ones: Bool) throws(ReadError) -> TensorData {
    try TensorData(dtype: dtype, sizes: sizes) { out in
      guard ones else { return }
      switch dtype {
      case .float: store(out, 0) { _ in 1 as Float }
      case .double: store(out, 0) { _ in 1 as Double }
      case .half: store(out, 0) { _ in Half(1) }
      case .bfloat16: store(out, 0) { _ in BFloat16(1) }
      default:
        switch dtype.byteSize {
        case 1: store(out, 0) { _ in 1 as UInt8 }
        case 2: store(out, 0) { _ in 1 as UInt16 }
        case 4: store(out, 0) { _ in 1 as UInt32 }
        default: store(out, 0) { _ in 1 as UInt64 }
        }
      }
    }
  }

  /// The sum of the word's four 16-bit numbers, moved to mean 0 and scaled to variance 1: each has the variance
  /// (2³² − 1) / 12.
  private static func normal(_ word: UInt64) -> Double {
    let sum = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48)
    return (Double(sum) - 131_070) * 2.6428997921303014e-05
  }

  private static func below(_ bound: UInt64, _ word: UInt64) -> UInt64 { word.multipliedFullWidth(by: bound).high }

  private static func store<T: BitwiseCopyable>(
    _ out: UnsafeMutableRawBufferPointer, _ seed: UInt64, _ value: (UInt64) -> T
  ) {
    var state = seed
    for place in stride(from: 0, to: out.count, by: MemoryLayout<T>.size) {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
      out.storeBytes(of: value(word ^ word >> 31), toByteOffset: place, as: T.self)
    }
  }
}
