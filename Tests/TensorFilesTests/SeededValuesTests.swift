import ETCore
import TensorFiles
import Testing

@Suite struct SeededValuesTests {
  /// The bits are a promise: inputs made with a seed stay the same. Worked out from the description with Python's integers.
  @Test(
    arguments: [
      (.float, "339844bf0c08983f4ea889bf525a983e"),
      (.double, "2e6608690693e8bf8bd58f860101f33fff8d94c80935f1bf74132c3e4a0bd33f"),
      (.half, "25bac03c4dbcc334"),
      (.bfloat16, "45bf983f8abf983e"),
      (.long, "0700000000000000010000000000000002000000000000000300000000000000"),
      (.byte, "07010203"),
      (.bool, "01000000"),
    ] as [(ScalarType, String)])
  func aSeedGivesTheSameValuesEverywhere(_ dtype: ScalarType, _ expected: String) throws {
    #expect(try SeededValues.fill(dtype: dtype, sizes: [4], seed: 42).hexadecimal == expected)
  }

  @Test func floatsHaveMeanZeroAndVarianceOne() throws {
    let count = 100_000
    let values = try SeededValues.fill(dtype: .double, sizes: [count], seed: 1).withBytes {
      Array($0.bindMemory(to: Double.self))
    }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + $1 * $1 } / Double(count)
    // Five times the standard errors, 1/√n and √(2/n) at most.
    #expect(abs(mean) < 0.016 && abs(variance - 1) < 0.023)
    #expect(values.allSatisfy { abs($0) < 3.465 })
    #expect(Set(values).count > count / 2)
  }

  @Test(arguments: TensorData.supportedTypes.filter { ![.float, .double, .half, .bfloat16].contains($0) })
  func integersAreSmall(_ dtype: ScalarType) throws {
    let tensor = try SeededValues.fill(dtype: dtype, sizes: [1000], seed: 3)
    let values = tensor.withBytes { bytes in
      (0..<1000).map { place in
        (0..<dtype.byteSize).reduce(0) { $0 | Int(bytes[place * dtype.byteSize + $1]) << (8 * $1) }
      }
    }
    #expect(Set(values) == Set(dtype == .bool ? 0...1 : 0...9))
  }

  @Test func anotherSeedGivesOtherValues() throws {
    let (a, b) = (
      try SeededValues.fill(dtype: .float, sizes: [8], seed: 0),
      try SeededValues.fill(dtype: .float, sizes: [8], seed: 1)
    )
    #expect(a.hexadecimal != b.hexadecimal)
  }
}
