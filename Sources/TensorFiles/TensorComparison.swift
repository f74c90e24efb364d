public import ETCore

/// How far two values may lie apart: |actual − expected| ≤ absolute + relative · |expected|.
public struct Tolerance: Sendable, Equatable {
  public var relative: Double
  public var absolute: Double

  public init(relative: Double, absolute: Double) {
    self.relative = relative
    self.absolute = absolute
  }

  public static let exact = Tolerance(relative: 0, absolute: 0)

  /// The table of `torch.testing.assert_close`: integers and bools must be equal.
  public static func standard(for dtype: ScalarType) -> Tolerance {
    switch dtype {
    case .half: Tolerance(relative: 1e-3, absolute: 1e-5)
    case .bfloat16: Tolerance(relative: 1.6e-2, absolute: 1e-5)
    case .float: Tolerance(relative: 1.3e-6, absolute: 1e-5)
    case .double: Tolerance(relative: 1e-7, absolute: 1e-7)
    default: .exact
    }
  }
}

/// Why a tensor is not the expected one, with the semantics and numbers of `torch.testing.assert_close`.
///
/// Shapes are compared first, then types, then elements. Equal elements match; NaNs do only where that is asked for;
/// others match where their difference is finite and within the tolerance. With both tolerances 0 only equal ones do.
/// Half types compute in `Float` and round each result to their own type; integers with a tolerance compute in `Float`,
/// `double` in `Double`.
public enum TensorMismatch: Sendable, Equatable {
  case shapes(actual: [Int], expected: [Int])
  case types(actual: ScalarType, expected: ScalarType)
  case elements(ElementMismatch)

  /// nil where the tensors match.
  ///
  /// - Parameter tolerance: nil for the standard one of the type.
  public init?(
    of actual: TensorData, expected: TensorData, tolerance: Tolerance? = nil, equalNaN: Bool = false
  ) {
    if actual.sizes != expected.sizes {
      self = .shapes(actual: actual.sizes, expected: expected.sizes)
      return
    }
    if actual.dtype != expected.dtype {
      self = .types(actual: actual.dtype, expected: expected.dtype)
      return
    }
    let tolerance = tolerance ?? .standard(for: actual.dtype)
    let found = actual.withBytes { a in
      expected.withBytes { e in
        let pair = ElementPairs(
          actual: a, expected: e, sizes: actual.sizes, dtype: actual.dtype, tolerance: tolerance, equalNaN: equalNaN)
        return pair.mismatch()
      }
    }
    guard let found else { return nil }
    self = .elements(found)
  }
}

/// The elements of two tensors that do not match.
public struct ElementMismatch: Sendable, Equatable {
  /// The greatest difference among the elements that do not match, and the first place where it is.
  public struct Difference: Sendable, Equatable {
    /// A NaN counts as greater than any number. In the precision of the elements; for integers the nearest `Double`.
    public var value: Double
    /// One number a dimension; empty for a scalar.
    public var index: [Int]

    public static func == (a: Difference, b: Difference) -> Bool {
      a.index == b.index && (a.value == b.value || a.value.isNaN && b.value.isNaN)
    }
  }

  public var dtype: ScalarType
  public var sizes: [Int]
  public var count: Int
  /// Of all elements.
  public var total: Int
  public var greatestAbsolute: Difference
  /// Of the expected value; infinite where that is 0.
  public var greatestRelative: Difference
  public var tolerance: Tolerance
}

// MARK: Text

extension TensorMismatch: CustomStringConvertible {
  /// One line, or three for elements.
  public var description: String {
    switch self {
    case .shapes(let actual, let expected): "the shape is \(actual), not \(expected)"
    case .types(let actual, let expected): "the type is \(actual), not \(expected)"
    case .elements(let mismatch): mismatch.description
    }
  }
}

extension ElementMismatch: CustomStringConvertible {
  public var description: String {
    let exact = tolerance == .exact
    func line(_ name: String, _ difference: Difference, _ allowed: Double) -> String {
      let place = sizes.isEmpty ? "" : " at index (\(difference.index.map(String.init).joined(separator: ", ")))"
      return "greatest \(name) difference: \(difference.value)\(place)" + (exact ? "" : ", allowed: \(allowed)")
    }
    let tenths = Int((Double(count) / Double(total) * 1000).rounded(.toNearestOrEven))
    return """
      \(count) of \(total) elements (\(tenths / 10).\(tenths % 10) %) \(exact ? "are not equal" : "are not close")
      \(line("absolute", greatestAbsolute, tolerance.absolute))
      \(line("relative", greatestRelative, tolerance.relative))
      """
  }
}

// MARK: Elements

/// Two tensors of one shape and type.
private struct ElementPairs {
  let actual: UnsafeRawBufferPointer
  let expected: UnsafeRawBufferPointer
  let sizes: [Int]
  let dtype: ScalarType
  let tolerance: Tolerance
  let equalNaN: Bool

  func mismatch() -> ElementMismatch? {
    switch dtype {
    case .double: floats(Double.self, as: Double.self, value: { $0 }, rounded: { $0 })
    case .float: floats(Float.self, as: Float.self, value: { $0 }, rounded: { $0 })
    case .half: floats(Half.self, as: Float.self, value: { Float($0) }, rounded: { Float(Half($0)) })
    case .bfloat16: floats(BFloat16.self, as: Float.self, value: { Float($0) }, rounded: { Float(BFloat16($0)) })
    case .long: integers(Int64.self)
    case .int: integers(Int32.self)
    case .short: integers(Int16.self)
    case .char: integers(Int8.self)
    case .uint16: integers(UInt16.self)
    case .uint32: integers(UInt32.self)
    case .uint64: integers(UInt64.self)
    default: integers(UInt8.self)
    }
  }

  /// - Parameters:
  ///   - value: An element as it is computed with.
  ///   - rounded: What an element can hold of a result.
  @inline(__always)
  private func floats<Element: BitwiseCopyable, Value: BinaryFloatingPoint>(
    _ element: Element.Type, as type: Value.Type, value: (Element) -> Value, rounded: (Value) -> Value
  ) -> ElementMismatch? {
    // As PyTorch computes it: the absolute tolerance, the product and the sum are rounded, the relative tolerance is not.
    let (relative, absolute) = (Value(tolerance.relative), rounded(Value(tolerance.absolute)))
    var greatest = Greatest()
    for place in 0..<actual.count / MemoryLayout<Element>.size {
      let offset = place * MemoryLayout<Element>.size
      let a = value(actual.loadUnaligned(fromByteOffset: offset, as: Element.self))
      let e = value(expected.loadUnaligned(fromByteOffset: offset, as: Element.self))
      if a == e { continue }
      let difference = rounded(abs(a - e))
      let allowed = rounded(absolute + abs(rounded(relative * e)))
      if difference.isFinite && difference <= allowed { continue }
      if equalNaN && a.isNaN && e.isNaN { continue }
      // A scalar's numbers are computed in Python, in double precision.
      let isScalar = sizes.isEmpty
      let shown = isScalar ? abs(Double(a) - Double(e)) : Double(difference)
      let ratio = isScalar ? (e == 0 ? .infinity : shown / abs(Double(e))) : Double(rounded(difference / abs(e)))
      greatest.add(absolute: shown, relative: ratio, at: place)
    }
    return result(greatest)
  }

  @inline(__always)
  private func integers<Element: FixedWidthInteger & BitwiseCopyable>(_ element: Element.Type) -> ElementMismatch? {
    let (relative, absolute) = (Float(tolerance.relative), Float(tolerance.absolute))
    let isExact = tolerance == .exact
    var greatest = Greatest()
    for place in 0..<actual.count / MemoryLayout<Element>.size {
      let offset = place * MemoryLayout<Element>.size
      let a = actual.loadUnaligned(fromByteOffset: offset, as: Element.self)
      let e = expected.loadUnaligned(fromByteOffset: offset, as: Element.self)
      if a == e { continue }
      if !isExact && abs(Float(a) - Float(e)) <= absolute + abs(relative * Float(e)) { continue }
      // The distance of any two integers of a type fits its unsigned type.
      let distance = UInt64(a > e ? Element.Magnitude(truncatingIfNeeded: a &- e) : .init(truncatingIfNeeded: e &- a))
      let magnitude = UInt64(e.magnitude)
      let ratio =
        sizes.isEmpty
        ? (e == 0 ? .infinity : Double(distance) / Double(magnitude)) : Double(Float(distance) / Float(magnitude))
      greatest.add(absolute: Double(distance), relative: ratio, at: place)
    }
    return result(greatest)
  }

  /// The first of the greatest values seen.
  private struct Greatest {
    var count = 0
    var absolute = (value: 0.0, place: 0)
    var relative = (value: 0.0, place: 0)

    mutating func add(absolute newAbsolute: Double, relative newRelative: Double, at place: Int) {
      count += 1
      Self.replace(&absolute, newAbsolute, place)
      Self.replace(&relative, newRelative, place)
    }

    private static func replace(_ old: inout (value: Double, place: Int), _ value: Double, _ place: Int) {
      if value > old.value || value.isNaN && !old.value.isNaN { old = (value, place) }
    }
  }

  private func result(_ greatest: Greatest) -> ElementMismatch? {
    guard greatest.count > 0 else { return nil }
    return ElementMismatch(
      dtype: dtype, sizes: sizes, count: greatest.count, total: sizes.reduce(1, *),
      greatestAbsolute: .init(value: greatest.absolute.value, index: index(of: greatest.absolute.place)),
      greatestRelative: .init(value: greatest.relative.value, index: index(of: greatest.relative.place)),
      tolerance: tolerance)
  }

  private func index(of place: Int) -> [Int] {
    var rest = place
    var index: [Int] = []
    for size in sizes.reversed() {
      index.append(rest % size)
      rest /= size
    }
    return index.reversed()
  }
}
