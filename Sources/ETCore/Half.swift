@frozen public struct Half: BitwiseCopyable, Sendable, Equatable {
  public var bits: UInt16
  @inlinable public init(bits: UInt16) { self.bits = bits }
  @inlinable public init(_ value: Float) {
    let x = value.bitPattern; let sign = UInt16((x >> 16) & 0x8000); let mag = x & 0x7fff_ffff
    if mag > 0x7f80_0000 { bits = sign | 0x7e00 } else if mag >= 0x477f_f000 { bits = sign | 0x7c00 }
    else if mag < 0x3880_0000 { let f = Float(bitPattern: mag) + 0.5; bits = sign | UInt16(truncatingIfNeeded: f.bitPattern &- Float(0.5).bitPattern) }
    else { let r = mag &+ 0xc800_0fff &+ ((mag >> 13) & 1); bits = sign | UInt16(truncatingIfNeeded: r >> 13) }
  }
}
@frozen public struct BFloat16: BitwiseCopyable, Sendable, Equatable {
  public var bits: UInt16
  @inlinable public init(bits: UInt16) { self.bits = bits }
  @inlinable public init(_ value: Float) {
    let x = value.bitPattern
    bits = value.isNaN ? 0x7fc0 | UInt16(truncatingIfNeeded: x >> 16) & 0x8000 : UInt16(truncatingIfNeeded: (x &+ 0x7fff &+ ((x >> 16) & 1)) >> 16)
  }
}
extension Float {
  @inlinable public init(_ h: Half) {
    let mag = UInt32(h.bits & 0x7fff) << 13; let sign = UInt32(h.bits & 0x8000) << 16
    let e = mag & 0x0f80_0000
    let f: UInt32
    if e == 0x0f80_0000 { f = mag &+ 0x7000_0000 } else if e == 0 { f = (Float(bitPattern: mag &+ 0x3880_0000) - Float(bitPattern: 0x3880_0000)).bitPattern } else { f = mag &+ 0x3800_0000 }
    self.init(bitPattern: f | sign)
  }
  @inlinable public init(_ h: BFloat16) { self.init(bitPattern: UInt32(h.bits) << 16) }
}
