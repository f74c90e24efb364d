import ETCore

// Kernels over pictures work on row-major elements of one type; other layouts and types are converted on the way.

extension KernelCall {
  /// A tensor's elements, row-major, as `T`: the tensor's own where they are that already, else a converted copy.
  func rowMajor<T: Computable>(_ tensor: Tensor, as _: T.Type) throws(KernelError) -> UnsafePointer<T> {
    if tensor.type == T.scalarType && tensor.isContiguous { return UnsafePointer(tensor.elements(T.self)) }
    let copy: UnsafeMutablePointer<T> = try context.scratch(count: max(tensor.count, 1))
    guard tensor.count > 0 else { return UnsafePointer(copy) }
    let loop = try rowMajorLoop(tensor)
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: loop.offsetCount)
    var place = 0
    loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
      load(
        UnsafeRawPointer(tensor.data) + offsets[0], tensor.type, loop.innerStride(0), loop.innerCount,
        into: copy + place)
      place += loop.innerCount
    }
    return UnsafePointer(copy)
  }

  /// Where to write a tensor's elements row-major as `T`; `finish` brings them to the tensor.
  func rowMajorResult<T: Computable>(_ tensor: Tensor, as _: T.Type) throws(KernelError) -> UnsafeMutablePointer<T> {
    if tensor.type == T.scalarType && tensor.isContiguous { return tensor.elements(T.self) }
    return try context.scratch(count: max(tensor.count, 1))
  }

  /// Converts results that were written beside their tensor.
  func finish<T: Computable>(_ result: UnsafeMutablePointer<T>, _ tensor: Tensor) throws(KernelError) {
    guard tensor.count > 0, UnsafeMutableRawPointer(result) != tensor.data else { return }
    let loop = try rowMajorLoop(tensor)
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: loop.offsetCount)
    var place = 0
    loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
      store(result + place, tensor.data + offsets[0], tensor.type, loop.innerStride(0), loop.innerCount)
      place += loop.innerCount
    }
  }

  private func rowMajorLoop(_ tensor: Tensor) throws(KernelError) -> StridedLoop {
    let order: UnsafeMutablePointer<UInt8> = try context.scratch(count: tensor.rank + 1)
    for i in 0..<tensor.rank { order[i] = UInt8(i) }
    return try StridedLoop(
      sizes: tensor.sizes, order: UnsafeBufferPointer(start: order, count: tensor.rank), operands: 1, context: context
    ) { _, d in tensor.strides[d] * tensor.elementSize }
  }

  /// Does `body` in the type that elements of `type` are computed in.
  func inComputeType(_ type: ScalarType, _ body: some InComputeType) throws(KernelError) {
    switch try type.compute() {
    case .int: try body.run(Int64.self)
    case .float: try body.run(Float.self)
    case .double: try body.run(Double.self)
    }
  }
}

extension KernelCall {
  /// Does `body` in the element type itself where that is a 16-bit float, else in its compute type.
  func inOwnType(_ type: ScalarType, _ body: some InComputeType) throws(KernelError) {
    switch type {
    case .half: try body.run(Half.self)
    case .bfloat16: try body.run(BFloat16.self)
    default: try inComputeType(type, body)
    }
  }
}

extension KernelCall {
  /// A tensor as if its elements were row-major, whatever its dim order: as some kernels of the reference take it.
  func ignoringDimOrder(_ tensor: Tensor) throws(KernelError) -> Tensor {
    if tensor.isContiguous { return tensor }
    let order: UnsafeMutablePointer<UInt8> = try context.scratch(count: tensor.rank)
    for d in 0..<tensor.rank { order[d] = UInt8(d) }
    return try with(tensor, order)
  }

  /// A tensor as if its elements lay in another's dim order, which has the same rank.
  func inDimOrder(of other: Tensor, _ tensor: Tensor) throws(KernelError) -> Tensor {
    try tensor.hasDimOrder(of: other) ? tensor : with(tensor, other.state.pointee.dimOrder)
  }

  private func with(_ tensor: Tensor, _ order: UnsafeMutablePointer<UInt8>) throws(KernelError) -> Tensor {
    let original = tensor.state.pointee
    let state: UnsafeMutablePointer<TensorState> = try context.scratch(count: 1)
    state.initialize(
      to: TensorState(
        type: original.type, rank: original.rank, sizes: original.sizes,
        strides: try context.scratch(count: original.rank), dimOrder: order, countBound: original.countBound,
        dynamism: original.dynamism, isConstant: original.isConstant, data: original.data, capacity: original.capacity))
    state.pointee.count = original.count
    Tensor(state).updateStrides()
    return Tensor(state)
  }
}

/// Work that is done in one of the compute types, chosen at run time.
protocol InComputeType {
  func run<T: Computable>(_: T.Type) throws(KernelError)
}
