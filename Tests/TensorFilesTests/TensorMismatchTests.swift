import ETCore
import Foundation
import TensorFiles
import TestSupport
import Testing

/// Against what `torch.testing.assert_close` said of seeded random pairs.
@Suite struct TensorMismatchTests {
  struct Case: Decodable, Sendable {
    struct Difference: Decodable {
      var value: String
      var index: [Int]
    }
    struct Verdict: Decodable {
      var count: Int
      var percent: String
      var absolute, relative: Difference
    }
    var dtype: String
    var sizes: [Int]
    var actual, expected: String
    var equalNaN: Bool
    var rtol, atol: Double?
    var verdict: Verdict?

    enum CodingKeys: String, CodingKey {
      case dtype, sizes, actual, expected, rtol, atol, verdict
      case equalNaN = "equal_nan"
    }

    func mismatch() throws -> TensorMismatch? {
      TensorMismatch(
        of: try .known(dtype, sizes, actual), expected: try .known(dtype, sizes, expected),
        tolerance: rtol.map { Tolerance(relative: $0, absolute: atol ?? 0) }, equalNaN: equalNaN)
    }
  }

  @Test func findsWhatPyTorchFinds() throws {
    for (number, one) in try Files.decoded([Case].self, "close.json").enumerated() {
      let found = try one.mismatch()
      guard let verdict = one.verdict else {
        #expect(found == nil, "case \(number)")
        continue
      }
      guard case .elements(let mismatch) = found else {
        Issue.record("case \(number): \(String(describing: found))")
        continue
      }
      #expect(mismatch.count == verdict.count && mismatch.total == one.sizes.reduce(1, *), "case \(number)")
      for (ours, theirs) in [
        (mismatch.greatestAbsolute, verdict.absolute), (mismatch.greatestRelative, verdict.relative),
      ] {
        let value = try #require(Double(theirs.value))
        #expect(
          ours.index == theirs.index && (ours.value == value || ours.value.isNaN && value.isNaN),
          "case \(number): \(one.dtype) \(one.sizes): \(ours) \(theirs)")
      }
      #expect(mismatch.description.contains("(\(verdict.percent) %)"), "case \(number): \(mismatch)")
    }
  }

  @Test func comparesShapesThenTypes() throws {
    let a = try SeededValues.fill(dtype: .float, sizes: [2, 3], seed: 1)
    let b = try SeededValues.fill(dtype: .double, sizes: [3, 2], seed: 1)
    let c = try SeededValues.fill(dtype: .double, sizes: [2, 3], seed: 1)
    #expect(TensorMismatch(of: a, expected: b) == .shapes(actual: [2, 3], expected: [3, 2]))
    #expect(TensorMismatch(of: a, expected: c) == .types(actual: .float, expected: .double))
    #expect(TensorMismatch(of: a, expected: a) == nil)
    #expect(TensorMismatch(of: a, expected: b)?.description == "the shape is [2, 3], not [3, 2]")
    #expect(TensorMismatch(of: a, expected: c)?.description == "the type is float32, not float64")
  }

  @Test func explainsTheElements() throws {
    let a = try TensorData.known("float32", [2, 2], "0000803f000000400000404000008040")
    let b = try TensorData.known("float32", [2, 2], "0000803f00000040000000400000a040")
    #expect(
      TensorMismatch(of: a, expected: b)?.description == """
        2 of 4 elements (50.0 %) are not close
        greatest absolute difference: 1.0 at index (1, 0), allowed: 1e-05
        greatest relative difference: 0.5 at index (1, 0), allowed: 1.3e-06
        """)
    #expect(TensorMismatch(of: a, expected: b, tolerance: Tolerance(relative: 0.5, absolute: 0)) == nil)
  }

  /// PyTorch's differences wrap around there; ours are the true ones.
  @Test func integersFarApartDoNotWrap() throws {
    let a = try TensorData.known("int64", [1], "ffffffffffffff7f")
    let b = try TensorData.known("int64", [1], "0000000000000080")
    guard case .elements(let mismatch) = TensorMismatch(of: a, expected: b) else {
      Issue.record("no mismatch")
      return
    }
    #expect(mismatch.greatestAbsolute.value == 0x1p64 && mismatch.greatestRelative.value == 2)
  }
}
