import ETCore

/// Which elements go into which result: the input's dimensions divided into kept and reduced ones.
struct Reduction {
  let call: KernelCall
  let input: Tensor
  /// Over kept dimensions: the output, the input.
  private let outer: StridedLoop
  /// Over reduced dimensions: the input.
  private let inner: StridedLoop
  /// Elements that go into one result.
  let count: Int
  /// Results.
  let results: Int
  private let outerSizes: UnsafeBufferPointer<Int>

  /// - Parameter reduces: Of each dimension of the input, whether it is reduced.
  /// - Precondition: The output has been resized with `resize`.
  init(_ call: KernelCall, _ input: Tensor, _ out: Tensor, reduces: UInt64) throws(KernelError) {
    self.call = call
    self.input = input
    let context = call.context
    let rank = input.rank
    let kept: UnsafeMutablePointer<Int> = try context.scratch(count: 2 * rank + 2)
    let reduced = kept + rank + 1
    var (keptCount, reducedCount) = (0, 0)
    for d in 0..<rank {
      if reduces >> UInt64(d) & 1 == 1 {
        reduced[reducedCount] = d
        reducedCount += 1
      } else {
        kept[keptCount] = d
        keptCount += 1
      }
    }
    let order: UnsafeMutablePointer<UInt8> = try context.scratch(count: rank + 1)
    for i in 0..<rank + 1 { order[i] = UInt8(i) }
    let keepsDimensions = out.rank == rank
    outerSizes = try call.sizes(keptCount) { input.sizes[kept[$0]] }
    let innerSizes = try call.sizes(reducedCount) { input.sizes[reduced[$0]] }
    outer = try StridedLoop(
      sizes: outerSizes, order: UnsafeBufferPointer(start: order, count: keptCount), operands: 2, context: context
    ) { operand, d in
      operand == 0 ? out.strides[keepsDimensions ? kept[d] : d] : input.strides[kept[d]] * input.elementSize
    }
    inner = try StridedLoop(
      sizes: innerSizes, order: UnsafeBufferPointer(start: order, count: reducedCount), operands: 1, context: context
    ) { _, d in input.strides[reduced[d]] * input.elementSize }
    count = innerSizes.reduce(1) { $0 &* $1 }
    results = outerSizes.reduce(1) { $0 &* $1 }
  }

  /// Calls `body` for each result with its place in the output, in elements, and the input's first element.
  func forEachResult(_ body: (Int, UnsafeRawPointer) -> Void) throws(KernelError) {
    let offsets: UnsafeMutablePointer<Int> = try call.context.scratch(count: outer.offsetCount)
    outer.forEachRun(0..<outer.outerCount, offsets) { offsets in
      for i in 0..<outer.innerCount {
        body(
          offsets[0] + i * outer.innerStride(0), UnsafeRawPointer(input.data) + offsets[1] + i * outer.innerStride(1))
      }
    }
  }

  /// Calls `body` for each result with its elements, converted, in runs: which run, the first element's number, how many.
  func fold<T: Computable, R>(
    _: T.Type, initial: R, _ body: (inout R, UnsafePointer<T>, _ first: Int, _ count: Int) -> Void,
    finish: (Int, R) -> Void
  ) throws(KernelError) {
    let buffer: UnsafeMutablePointer<T> = try call.context.scratch(count: 512)
    let offsets: UnsafeMutablePointer<Int> = try call.context.scratch(count: inner.offsetCount)
    let (stride, direct) = (inner.innerStride(0), input.type == T.scalarType)
    try forEachResult { place, base in
      var result = initial
      var first = 0
      if count > 0 {
        inner.forEachRun(0..<inner.outerCount, offsets) { offsets in
          if direct && stride == MemoryLayout<T>.stride {
            body(&result, (base + offsets[0]).assumingMemoryBound(to: T.self), first, inner.innerCount)
            first += inner.innerCount
            return
          }
          var done = 0
          while done < inner.innerCount {
            let count = min(512, inner.innerCount - done)
            load(base + offsets[0] + done * stride, input.type, stride, count, into: buffer)
            body(&result, buffer, first, count)
            first += count
            done += count
          }
        }
      }
      finish(place, result)
    }
  }
}

extension KernelCall {
  /// The dimensions in a list, as bits; all where the list is absent or empty.
  func dimensions(_ list: UnsafeBufferPointer<Int>?, of tensor: Tensor) throws(KernelError) -> UInt64 {
    let all = (UInt64(1) << UInt64(tensor.rank)) - 1
    guard let list, !list.isEmpty else { return all }
    var bits: UInt64 = 0
    for dim in list {
      let bit = UInt64(1) << UInt64(try dimension(dim, of: tensor.rank))
      try require(bits & bit == 0, "a dimension that is named twice")
      bits |= bit
    }
    return bits & all
  }

  /// Gives `out` the shape that reducing leaves.
  func resize(_ out: Tensor, reducing input: Tensor, _ bits: UInt64, keeps: Bool) throws(KernelError) {
    let sizes: UnsafeMutablePointer<Int> = try context.scratch(count: input.rank)
    var count = 0
    for d in 0..<input.rank {
      if bits >> UInt64(d) & 1 == 0 {
        sizes[count] = input.sizes[d]
      } else if keeps {
        sizes[count] = 1
      } else {
        continue
      }
      count += 1
    }
    try out.resize(to: UnsafeBufferPointer(start: sizes, count: count))
  }

  /// The bits of one dimension; none of a tensor of rank 0.
  func bit(_ dimension: Int, of tensor: Tensor) throws(KernelError) -> UInt64 {
    let d = try self.dimension(dimension, of: tensor.rank)
    return tensor.rank == 0 ? 0 : 1 << UInt64(d)
  }
}
