// Sums and products of numbers that come from files, in forms that do not trap.

extension Range<Int> {
  /// The `count` bytes at `offset` of `whole`, or nil where they do not lie in it.
  @inlinable
  public init?(offset: UInt64, count: UInt64, of whole: Range<Int>) {
    let size = UInt64(whole.count)
    guard offset <= size, count <= size - offset else { return nil }
    // Both are at most whole.count.
    let start = whole.lowerBound + Int(offset)
    self = start..<(start + Int(count))
  }
}

extension Int {
  /// The product, or nil where it is negative or beyond `Int.max`.
  @inlinable
  public func checkedProduct(_ other: some FixedWidthInteger) -> Int? {
    guard let factor = Int(exactly: other) else { return nil }
    let (product, overflow) = multipliedReportingOverflow(by: factor)
    return overflow || product < 0 ? nil : product
  }
}

extension FileContents {
  /// Some of the bytes. Valid while this object lives.
  ///
  /// - Precondition: `range` lies in the contents.
  public func bytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }
}
