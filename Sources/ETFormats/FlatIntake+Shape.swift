import Bytes
import ETCore

extension FlatIntake {
  /// The most dimensions that ExecuTorch's tensors have.
  static let rankLimit = 16

  /// Sizes and dim order of a dense tensor, checked to fit each other, and the bytes of its elements.
  mutating func shape(
    _ table: FlatTable, sizes sizesSlot: Int, dimOrder orderSlot: Int, _ type: ScalarType
  ) throws(ReadError) -> (sizes: [Int32], dimOrder: [UInt8], byteCount: Int) {
    let (sizes, order) = try dimensions(table, sizes: sizesSlot, dimOrder: orderSlot)
    guard let elementSize = type.size else {
      throw table.error(.malformed, "a tensor has the unknown type \(type.rawValue)")
    }
    guard let byteCount = Self.byteCount(sizes, elementSize) else {
      throw table.error(.malformed, "a tensor has more bytes than can be counted, or a negative size")
    }
    // Two arrays of their own cost two headers.
    try charge(64, times: 1, at: table.position)
    return (Array(sizes), Array(order), byteCount)
  }

  mutating func dimensions(
    _ table: FlatTable, sizes sizesSlot: Int, dimOrder orderSlot: Int
  ) throws(ReadError) -> (sizes: FlatIntegers<Int32>, dimOrder: FlatIntegers<UInt8>) {
    let sizes = try integers(table, sizesSlot, as: Int32.self)
    let order = try integers(table, orderSlot, as: UInt8.self)
    guard let sizes, let order else { throw table.error(.malformed, "a tensor has no sizes or no dim order") }
    guard sizes.count == order.count else {
      throw table.error(.malformed, "a tensor has \(sizes.count) sizes and a dim order of \(order.count)")
    }
    guard sizes.count <= Self.rankLimit else {
      throw table.error(.limit, "a tensor has \(sizes.count) dimensions, more than \(Self.rankLimit)")
    }
    var seen = 0
    for dimension in order where Int(dimension) < sizes.count { seen |= 1 << Int(dimension) }
    guard seen == (1 << sizes.count) - 1 else {
      throw buffer.error(.malformed, at: order.position, "a dim order is no permutation")
    }
    return (sizes, order)
  }

  /// Bytes of all elements, or nil where a size is negative or they are too many to count.
  static func byteCount(_ sizes: some Sequence<Int32>, _ elementSize: Int) -> Int? {
    var count: Int? = elementSize
    for size in sizes {
      guard size >= 0 else { return nil }
      count = count?.checkedProduct(size)
    }
    return count
  }
}
