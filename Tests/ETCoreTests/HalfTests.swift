import ETCore
import Testing

/// Every pattern, against values worked out from the formats' definitions in `Double`, which holds them exactly.
@Suite struct HalfTests {
  /// A 16-bit format by its widths.
  struct Format: Sendable {
    let name: String
    let fractionBits: Int
    let bias: Int
    let toFloat: @Sendable (UInt16) -> Float
    let toBits: @Sendable (Float) -> UInt16

    var infinity: UInt16 { 0x7FFF & ~(1 << UInt16(fractionBits) - 1) }

    /// (1 + fraction) · 2^(exponent − bias), or fraction · 2^(1 − bias) for exponent 0.
    func value(_ bits: UInt16) -> Double {
      let exponent = Int(bits & 0x7FFF) >> fractionBits
      let fraction = Double(Int(bits) & (1 << fractionBits - 1)) * power(-fractionBits)
      let magnitude = exponent == 0 ? fraction * power(1 - bias) : (1 + fraction) * power(exponent - bias)
      return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    private func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
  }

  static let half = Format(
    name: "half", fractionBits: 10, bias: 15, toFloat: { Float(Half(bits: $0)) }, toBits: { Half($0).bits })
  static let bfloat16 = Format(
    name: "bfloat16", fractionBits: 7, bias: 127, toFloat: { Float(BFloat16(bits: $0)) },
    toBits: { BFloat16($0).bits })
  static let formats = [half, bfloat16]

  @Test(arguments: formats) func everyPatternHasItsValue(_ format: Format) {
    var wrong: [UInt16] = []
    for bits in UInt16.min ... .max {
      let float = format.toFloat(bits)
      let magnitude = bits & 0x7FFF
      let sign: FloatingPointSign = bits & 0x8000 == 0 ? .plus : .minus
      let expected =
        magnitude > format.infinity
        ? float.isNaN : magnitude == format.infinity ? float.isInfinite : Double(float) == format.value(bits)
      if !expected || float.sign != sign { wrong.append(bits) }
    }
    #expect(wrong.prefix(5) == [])
  }

  @Test(arguments: formats) func everyNumberReturnsToItsPattern(_ format: Format) {
    let wrong = (UInt16.min ... .max).filter { bits in
      bits & 0x7FFF <= format.infinity && format.toBits(format.toFloat(bits)) != bits
    }
    #expect(wrong.prefix(5) == [])
  }

  /// The middle between two neighbours goes to the even one, and the floats beside it to the nearer one. Behind the
  /// greatest finite number comes the place where the next one would be.
  @Test(arguments: formats) func roundsToTheNearestTiesToEven(_ format: Format) {
    var wrong: [UInt16] = []
    for lower in 0..<format.infinity {
      let upper = lower + 1
      let above = upper == format.infinity ? 2 * format.value(lower) - format.value(lower - 1) : format.value(upper)
      // Between bfloat16's least numbers, too, the middle is a Float.
      let middle = Float((format.value(lower) + above) / 2)
      let even = lower & 1 == 0 ? lower : upper
      for sign: UInt16 in [0, 0x8000] {
        let signed = sign == 0 ? middle : -middle
        let (out, back) = sign == 0 ? (signed.nextUp, signed.nextDown) : (signed.nextDown, signed.nextUp)
        if format.toBits(signed) != even | sign || format.toBits(out) != upper | sign
          || format.toBits(back) != lower | sign
        {
          wrong.append(lower | sign)
        }
      }
    }
    #expect(wrong.prefix(5) == [])
  }

  @Test func roundsHugeAndTinyFloats() {
    #expect(Half(65519.996).bits == 0x7BFF && Half(65520).bits == 0x7C00)
    #expect(Half(.greatestFiniteMagnitude).bits == 0x7C00 && Half(-.infinity).bits == 0xFC00)
    #expect(Half(.leastNonzeroMagnitude).bits == 0 && Half(-.leastNormalMagnitude).bits == 0x8000)
    #expect(BFloat16(.greatestFiniteMagnitude).bits == 0x7F80 && BFloat16(-.infinity).bits == 0xFF80)
    #expect(BFloat16(.leastNonzeroMagnitude).bits == 0 && BFloat16(-0.0).bits == 0x8000)
  }

  @Test func everyNaNStaysOne() {
    for fraction: UInt32 in [1, 0x1000, 0x2000, 0x40_0000, 0x7F_FFFF] {
      #expect(Half(Float(bitPattern: 0x7F80_0000 | fraction)).bits == 0x7E00)
      #expect(Half(Float(bitPattern: 0xFF80_0000 | fraction)).bits == 0xFE00)
      #expect(BFloat16(Float(bitPattern: 0x7F80_0000 | fraction)).bits == 0x7FC0)
      #expect(BFloat16(Float(bitPattern: 0xFF80_0000 | fraction)).bits == 0x7FC0)
    }
    #expect(Float(Half(bits: 0x7C01)).bitPattern == 0x7FC0_2000)
  }
}
