/// Steps through the elements of several tensors at once, in the order of an output's memory where it can.
///
/// Dimensions that lie one behind the other in every operand are joined, so that dense tensors of equal layout are one
/// run, and the innermost loop is as long as the layouts allow.
public struct StridedLoop {
  /// Joined dimensions, the outermost first; `innerCount` is not among them.
  public let outerRank: Int
  /// Elements of the innermost run.
  public let innerCount: Int
  /// How many innermost runs there are.
  public let outerCount: Int
  private let operands: Int
  private let sizes: UnsafeMutablePointer<Int>
  /// `operands` strides a dimension, in bytes; the innermost dimension's are the last.
  private let strides: UnsafeMutablePointer<Int>

  /// Bytes from one element to the next in the innermost run.
  public func innerStride(_ operand: Int) -> Int { strides[outerRank * operands + operand] }

  /// Of a copy from operand 1 to operand 0: the innermost dimension but one, where the source is dense in it and the
  /// target in the innermost, as when a matrix is transposed; nil else.
  func transposedRows(width: Int) -> (count: Int, toStride: Int)? {
    guard operands == 2, outerRank > 0, innerStride(0) == width, innerStride(1) != width else { return nil }
    let last = outerRank - 1
    guard strides[2 * last + 1] == width, sizes[last] >= 8, innerCount >= 8 else { return nil }
    return (sizes[last], strides[2 * last])
  }

  /// - Parameters:
  ///   - sizes: The shape that is stepped through.
  ///   - order: Its dimensions from the outermost in memory to the innermost: the first operand's dim order.
  ///   - operands: How many tensors.
  ///   - stride: The stride in bytes of an operand in a dimension of `sizes`; 0 where it is broadcast.
  public init(
    sizes shape: UnsafeBufferPointer<Int>, order: UnsafeBufferPointer<UInt8>, operands: Int, context: KernelContext,
    stride: (_ operand: Int, _ dimension: Int) -> Int
  ) throws(KernelError) {
    self.operands = operands
    sizes = try context.scratch(count: shape.count + 1)
    strides = try context.scratch(count: (shape.count + 1) * operands)
    var used = 0
    var total = 1
    for position in 0..<shape.count {
      let dimension = Int(order[position])
      let size = shape[dimension]
      total &*= size
      if size == 1 { continue }
      var joins = used > 0
      if joins {
        for operand in 0..<operands
        where strides[(used - 1) * operands + operand] != stride(operand, dimension) &* size {
          joins = false
          break
        }
      }
      if joins {
        sizes[used - 1] &*= size
        used -= 1
      } else {
        sizes[used] = size
      }
      for operand in 0..<operands { strides[used * operands + operand] = stride(operand, dimension) }
      used += 1
    }
    if used == 0 {
      sizes[0] = 1
      for operand in 0..<operands { strides[operand] = 0 }
      used = 1
    }
    outerRank = used - 1
    innerCount = total == 0 ? 0 : sizes[used - 1]
    outerCount = total == 0 ? 0 : total / sizes[used - 1]
  }

  /// Calls `body` for the innermost runs in `runs` with the byte offset of each operand's first element.
  ///
  /// - Parameter offsets: Room for `operands` + `outerRank` numbers, not shared between threads.
  @inlinable public func forEachRun(
    _ runs: Range<Int>, _ offsets: UnsafeMutablePointer<Int>, _ body: (UnsafeMutablePointer<Int>) -> Void
  ) {
    guard !runs.isEmpty else { return }
    start(at: runs.lowerBound, offsets)
    body(offsets)
    var run = runs.lowerBound &+ 1
    while run < runs.upperBound {
      advance(offsets)
      body(offsets)
      run &+= 1
    }
  }

  /// Numbers that `offsets` must have room for.
  public var offsetCount: Int { operands + outerRank }

  @usableFromInline func start(at run: Int, _ offsets: UnsafeMutablePointer<Int>) {
    for operand in 0..<operands { offsets[operand] = 0 }
    var rest = run
    for dimension in Swift.stride(from: outerRank - 1, through: 0, by: -1) {
      let place = rest % sizes[dimension]
      rest /= sizes[dimension]
      offsets[operands + dimension] = place
      for operand in 0..<operands { offsets[operand] &+= place &* strides[dimension &* operands &+ operand] }
    }
  }

  @usableFromInline func advance(_ offsets: UnsafeMutablePointer<Int>) {
    var dimension = outerRank &- 1
    while dimension >= 0 {
      offsets[operands &+ dimension] &+= 1
      let strides = strides + dimension &* operands
      if offsets[operands &+ dimension] < sizes[dimension] {
        for operand in 0..<operands { offsets[operand] &+= strides[operand] }
        return
      }
      let back = sizes[dimension] &- 1
      for operand in 0..<operands { offsets[operand] &-= back &* strides[operand] }
      offsets[operands &+ dimension] = 0
      dimension &-= 1
    }
  }
}
