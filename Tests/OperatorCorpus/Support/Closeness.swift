public import ETCore

/// How far two tensors of the same type and shape may differ.
public struct Closeness: Sendable {
  /// Times the expected value.
  public var relative: Double
  /// Times the greatest expected value of the tensor.
  public var ofGreatest: Double
  /// For 16-bit floats: steps between neighbouring numbers.
  public var lastPlaces: Int

  public init(relative: Double, ofGreatest: Double, lastPlaces: Int) {
    self.relative = relative
    self.ofGreatest = ofGreatest
    self.lastPlaces = lastPlaces
  }

  /// What is asked of every operator: integers exactly, float32 within 1e-5·|b| + 1e-6·max|b|, 16-bit floats within
  /// one step, two where many elements are accumulated. Of float64 the official kernels compute parts in float32, so that
  /// no more can be asked of it.
  public static func standard(for type: ScalarType, isReduction: Bool) -> Closeness {
    switch type {
    case .float, .double, .complexFloat, .complexDouble: Closeness(relative: 1e-5, ofGreatest: 1e-6, lastPlaces: 0)
    case .half, .bfloat16: Closeness(relative: 0, ofGreatest: 0, lastPlaces: isReduction ? 2 : 1)
    default: Closeness(relative: 0, ofGreatest: 0, lastPlaces: 0)
    }
  }

  /// The first element that differs too much, and how.
  ///
  /// NaN is equal to NaN, an infinity to itself alone.
  public func firstDifference(
    _ type: ScalarType, _ observed: UnsafeRawBufferPointer, _ expected: UnsafeRawBufferPointer
  ) -> String? {
    let count = expected.count / max(type.byteSize, 1)
    guard observed.count == expected.count else { return "\(observed.count) bytes instead of \(expected.count)" }
    if type == .complexFloat || type == .complexDouble {
      return firstDifference(type == .complexFloat ? .float : .double, observed, expected)
    }
    guard type == .float || type == .double || type == .half || type == .bfloat16 else {
      return (0..<expected.count).first { observed[$0] != expected[$0] }.map {
        "byte \($0): \(observed[$0]) instead of \(expected[$0])"
      }
    }
    let greatest = (0..<count).reduce(0.0) {
      let value = Self.value(type, expected, $1).magnitude
      return value.isFinite ? max($0, value) : $0
    }
    for index in 0..<count {
      let (a, b) = (Self.value(type, observed, index), Self.value(type, expected, index))
      if a == b || (a.isNaN && b.isNaN) { continue }
      if a.isFinite, b.isFinite {
        if lastPlaces > 0 {
          if abs(Self.order(observed, index) - Self.order(expected, index)) <= lastPlaces { continue }
        }
        if (a - b).magnitude <= relative * b.magnitude + ofGreatest * greatest { continue }
      }
      return "element \(index): \(a) instead of \(b)"
    }
    return nil
  }

  public static func value(_ type: ScalarType, _ bytes: UnsafeRawBufferPointer, _ index: Int) -> Double {
    switch type {
    case .float: Double(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
    case .double: bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self)
    case .half: Double(Float(Half(bits: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))))
    default: Double(Float(BFloat16(bits: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))))
    }
  }

  /// A 16-bit float's place among all, so that neighbours differ by 1.
  private static func order(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int {
    let bits = Int(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    return bits & 0x8000 == 0 ? bits : -(bits & 0x7FFF)
  }
}
