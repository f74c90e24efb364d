import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Elements that are copied one by one: only their size counts.
private struct Bytes16: BitwiseCopyable {
  let low: UInt64
  let high: UInt64
}

/// Bytes that one thread moves at a time.
private let piece = 1 << 17

extension KernelCall {
  /// Copies a box of elements from one layout to another.
  ///
  /// - Parameters:
  ///   - sizes: The box.
  ///   - order: Its dimensions from the outermost in the target's memory to the innermost.
  ///   - width: Bytes an element.
  ///   - toStride, fromStride: Bytes from one element to the next in a dimension; may be negative for the source.
  func copyBox(
    sizes: UnsafeBufferPointer<Int>, order: UnsafeBufferPointer<UInt8>, width: Int, to: UnsafeMutableRawPointer,
    toStride: (Int) -> Int, from: UnsafeRawPointer, fromStride: (Int) -> Int
  ) throws(KernelError) {
    let loop = try StridedLoop(sizes: sizes, order: order, operands: 2, context: context) { operand, dimension in
      operand == 0 ? toStride(dimension) : fromStride(dimension)
    }
    let (count, a, b) = (loop.innerCount, loop.innerStride(0), loop.innerStride(1))
    guard count > 0 else { return }
    let allOffsets: UnsafeMutablePointer<Int> = try context.scratch(count: context.pool.threads * loop.offsetCount)
    if loop.outerCount == 1, a == width, b == width {
      context.parallel(count * width, grain: piece) { memmove(to + $0.lowerBound, from + $0.lowerBound, $0.count) }
      return
    }
    if let rows = loop.transposedRows(width: width) {
      // Tiles, so that every line of the cache is used up while it is there.
      let (tile, strips) = (32, (rows.count + 31) / 32)
      context.parallel(
        loop.outerCount / rows.count * strips, grain: max(piece / (count * width * tile), 1)
      ) { range, worker in
        let offsets = allOffsets + worker * loop.offsetCount
        for strip in range {
          let first = strip % strips * tile
          loop.start(at: strip / strips * rows.count + first, offsets)
          let height = min(tile, rows.count - first)
          for column in Swift.stride(from: 0, to: count, by: tile) {
            let (target, source) = (to + (offsets[0] + column * a), from + (offsets[1] + column * b))
            let length = min(tile, count - column)
            for row in 0..<height {
              copyRun(target + row * rows.toStride, a, source + row * width, b, length, width)
            }
          }
        }
      }
      return
    }
    context.parallel(loop.outerCount, grain: max(piece / (count * width), 1)) { range, worker in
      loop.forEachRun(range, allOffsets + worker * loop.offsetCount) { offsets in
        copyRun(to + offsets[0], a, from + offsets[1], b, count, width)
      }
    }
  }

  /// Copies elements of `input` to all of `out`, taking for each dimension of `out` a stride of the input.
  func copyView(
    _ input: Tensor, offset: Int = 0, to out: Tensor, stride: (Int) -> Int
  ) throws(KernelError) {
    try copyBox(
      sizes: out.sizes, order: out.dimOrder, width: input.elementSize, to: out.data,
      toStride: { out.strides[$0] * out.elementSize }, from: UnsafeRawPointer(input.data) + offset, fromStride: stride)
  }

  /// Copies and converts, broadcasting; where the types are equal, only copies.
  func convert(_ input: Tensor, to out: Tensor) throws(KernelError) {
    if input.type == out.type {
      if input.hasSizes(of: out) && input.hasDimOrder(of: out) {
        if input.count > 0 { memmove(out.data, input.data, input.byteCount) }
        return
      }
      return try copyView(input, to: out) { input.broadcastStride($0, of: out) }
    }
    switch try input.type.compute() {
    case .int: try elementwise(Int64.self, self, Operands(input), out) { $1.update(from: $0[0], count: $2) }
    case .float: try elementwise(Float.self, self, Operands(input), out) { $1.update(from: $0[0], count: $2) }
    case .double: try elementwise(Double.self, self, Operands(input), out) { $1.update(from: $0[0], count: $2) }
    }
  }

  /// The strides that a shape has in row-major order, in elements.
  func rowMajorStrides(_ shape: UnsafeBufferPointer<Int>) throws(KernelError) -> UnsafeMutablePointer<Int> {
    let strides: UnsafeMutablePointer<Int> = try context.scratch(count: shape.count + 1)
    var stride = 1
    for d in Swift.stride(from: shape.count - 1, through: 0, by: -1) {
      strides[d] = stride
      stride = stride &* shape[d]
    }
    return strides
  }

  /// Sizes in scratch memory.
  func sizes(_ count: Int, _ size: (Int) -> Int) throws(KernelError) -> UnsafeBufferPointer<Int> {
    let sizes: UnsafeMutablePointer<Int> = try context.scratch(count: count)
    for i in 0..<count { sizes[i] = size(i) }
    return UnsafeBufferPointer(start: sizes, count: count)
  }
}

@inline(__always)
private func copyElements<T: BitwiseCopyable>(
  _: T.Type, _ to: UnsafeMutableRawPointer, _ a: Int, _ from: UnsafeRawPointer, _ b: Int, _ count: Int
) {
  if b == 0 {
    let value = from.assumingMemoryBound(to: T.self).pointee
    if a == MemoryLayout<T>.stride {
      let to = to.assumingMemoryBound(to: T.self)
      for i in 0..<count { to[i] = value }
      return
    }
  }
  var (to, from) = (to, from)
  for _ in 0..<count {
    to.assumingMemoryBound(to: T.self).pointee = from.assumingMemoryBound(to: T.self).pointee
    to += a
    from += b
  }
}

/// Copies `count` elements of `width` bytes from every `b` bytes to every `a` bytes.
private func copyRun(
  _ to: UnsafeMutableRawPointer, _ a: Int, _ from: UnsafeRawPointer, _ b: Int, _ count: Int, _ width: Int
) {
  if a == width && b == width {
    memmove(to, from, count * width)
    return
  }
  switch width {
  case 1: copyElements(UInt8.self, to, a, from, b, count)
  case 2: copyElements(UInt16.self, to, a, from, b, count)
  case 4: copyElements(UInt32.self, to, a, from, b, count)
  case 8: copyElements(UInt64.self, to, a, from, b, count)
  default: copyElements(Bytes16.self, to, a, from, b, count)
  }
}
