/// An IEEE 754 half-precision number (binary16) as its bits. Arithmetic is done in `Float`.
///
/// Two are equal where their bits are: compare values as `Float`. Swift's `Float16` is missing on Intel Macs.
@frozen
public struct Half: BitwiseCopyable, Sendable, Equatable {
  public var bits: UInt16

  @inlinable
  public init(bits: UInt16) { self.bits = bits }

  /// The nearest half, ties to even; beyond 65,519 an infinity. A NaN becomes the quiet one of its sign (0x7E00), as in
  /// PyTorch's conversion.
  ///
  /// All three cases are computed and one is selected, so that a loop over many can be vectorised.
  @inlinable
  public init(_ value: Float) {
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    // Exponent from bias 127 to 15; half of the last kept place is added, less one bit where that place is even.
    let normal = (magnitude &- 112 << 23 &+ 0xFFF &+ (magnitude &>> 13 & 1)) &>> 13
    // From 0.5 on the last place of a Float is 2⁻²⁴, a subnormal half's: the addition rounds.
    let subnormal = (Float(bitPattern: magnitude) + 0.5).bitPattern &- (0.5 as Float).bitPattern
    let special: UInt32 = magnitude > 0x7F80_0000 ? 0x7E00 : 0x7C00
    let finite = magnitude < (0x1p-14 as Float).bitPattern ? subnormal : normal
    let result = magnitude < (65536 as Float).bitPattern ? finite : special
    bits = UInt16(truncatingIfNeeded: result | (value.bitPattern &>> 16 & 0x8000))
  }
}

/// The upper half of a `Float` (bfloat16) as its bits. Arithmetic is done in `Float`.
@frozen
public struct BFloat16: BitwiseCopyable, Sendable, Equatable {
  public var bits: UInt16

  @inlinable
  public init(bits: UInt16) { self.bits = bits }

  /// The nearest bfloat16, ties to even. A NaN becomes 0x7FC0, as in PyTorch's conversion.
  @inlinable
  public init(_ value: Float) {
    let pattern = value.bitPattern
    let rounded = (pattern &+ 0x7FFF &+ (pattern &>> 16 & 1)) &>> 16
    bits = UInt16(truncatingIfNeeded: value.isNaN ? 0x7FC0 : rounded)
  }
}

extension Float {
  /// The same value; a NaN keeps its sign and payload and becomes quiet.
  @inlinable
  public init(_ half: Half) {
    let magnitude = UInt32(half.bits & 0x7FFF) &<< 13
    let normal = magnitude &+ 112 << 23
    let quiet: UInt32 = magnitude > 0x7C00 << 13 ? 0x40_0000 : 0
    let special = magnitude | 0xFF << 23 | quiet
    // Between 2⁻¹⁴ and 2⁻¹³ the last ten places that a half has are those of a subnormal one.
    let subnormal = (Float(bitPattern: magnitude &+ 113 << 23) - 0x1p-14).bitPattern
    let finite = magnitude < 0x400 << 13 ? subnormal : normal
    let result = magnitude < 0x7C00 << 13 ? finite : special
    self.init(bitPattern: result | UInt32(half.bits & 0x8000) &<< 16)
  }

  /// The same value, NaNs bit by bit.
  @inlinable
  public init(_ value: BFloat16) { self.init(bitPattern: UInt32(value.bits) &<< 16) }
}
