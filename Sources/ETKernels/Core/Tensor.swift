public import ETCore

/// A tensor at run time: plain data, owned by the method that allocated it and changed in place.
@frozen
public struct TensorState: BitwiseCopyable {
  public enum Dynamism: UInt8, Sendable, BitwiseCopyable { case isStatic, dynamicBound, dynamicUnbound }

  /// The first element; nil where nothing is bound yet, or where there are no elements.
  public var data: UnsafeMutableRawPointer?
  /// The product of the sizes.
  public var count: Int
  /// `rank` of each. Strides are in elements and follow from sizes and dim order: tensors are dense.
  public let sizes: UnsafeMutablePointer<Int>
  public let strides: UnsafeMutablePointer<Int>
  /// Dimensions from the outermost in memory to the innermost.
  public let dimOrder: UnsafeMutablePointer<UInt8>
  public let rank: Int
  /// The most elements that it may be resized to.
  public let countBound: Int
  public let type: ScalarType
  public let dynamism: Dynamism
  /// Constants lie in the program's file: no kernel may write there.
  public var isConstant: Bool
  /// Bytes from `data` on that belong to the tensor.
  public var capacity: Int
  /// Bytes that all unbounded tensors of the method may still take; nil: no limit for them together.
  public var budget: UnsafeMutablePointer<Int>?
  /// Memory that an unbounded tensor took while it grew, the newest block first.
  @usableFromInline var grown: UnsafeMutablePointer<GrownBlock>?

  public init(
    type: ScalarType, rank: Int, sizes: UnsafeMutablePointer<Int>, strides: UnsafeMutablePointer<Int>,
    dimOrder: UnsafeMutablePointer<UInt8>, countBound: Int, dynamism: Dynamism, isConstant: Bool,
    data: UnsafeMutableRawPointer?, capacity: Int
  ) {
    self.type = type
    self.rank = rank
    self.sizes = sizes
    self.strides = strides
    self.dimOrder = dimOrder
    self.countBound = countBound
    self.dynamism = dynamism
    self.isConstant = isConstant
    self.data = data
    self.capacity = capacity
    count = countBound
  }
}

/// Memory of an unbounded tensor. Older blocks live as long as the method, because views may lie in them.
@usableFromInline
struct GrownBlock: BitwiseCopyable {
  var older: UnsafeMutablePointer<GrownBlock>?
  var memory: UnsafeMutableRawPointer
  var capacity: Int
}

/// Where a tensor's elements belong.
@frozen
public struct TensorHome: BitwiseCopyable {
  public var data: UnsafeMutableRawPointer?
  public var capacity: Int
  public var isConstant: Bool

  public init(data: UnsafeMutableRawPointer?, capacity: Int, isConstant: Bool) {
    self.data = data
    self.capacity = capacity
    self.isConstant = isConstant
  }
}

/// A tensor as a kernel sees it: one pointer, valid while its method lives.
///
/// Elements are dense in the order of `dimOrder`, so `strides` follow from the sizes. Its rank and type never change;
/// its sizes may, by `resize`.
@frozen
public struct Tensor {
  public let state: UnsafeMutablePointer<TensorState>

  @inlinable public init(_ state: UnsafeMutablePointer<TensorState>) { self.state = state }

  @inlinable public var type: ScalarType { state.pointee.type }
  @inlinable public var rank: Int { state.pointee.rank }
  @inlinable public var count: Int { state.pointee.count }
  @inlinable public var sizes: UnsafeBufferPointer<Int> { .init(start: state.pointee.sizes, count: rank) }
  /// In elements.
  @inlinable public var strides: UnsafeBufferPointer<Int> { .init(start: state.pointee.strides, count: rank) }
  @inlinable public var dimOrder: UnsafeBufferPointer<UInt8> { .init(start: state.pointee.dimOrder, count: rank) }
  /// Bytes an element; 0 for a type that has none, which no loaded tensor is of.
  @inlinable public var elementSize: Int { type.byteSize }
  @inlinable public var byteCount: Int { count &* elementSize }

  /// The elements, of which there are `count`. Aligned for the type; not nil, even where there are none.
  @inlinable public var data: UnsafeMutableRawPointer {
    state.pointee.data ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
  }

  /// Lets the tensor share another's elements, as a view does.
  ///
  /// - Precondition: `other` has at least `count` elements of the same type.
  public func share(_ other: Tensor) {
    precondition(other.type == type && other.count >= count)
    state.pointee.data = other.state.pointee.data
    state.pointee.capacity = other.byteCount
    state.pointee.isConstant = other.state.pointee.isConstant
  }

  /// The elements as a Swift type of the same size. The caller has looked at `type`.
  @inlinable public func elements<T>(_: T.Type = T.self) -> UnsafeMutablePointer<T> {
    data.assumingMemoryBound(to: T.self)
  }

  /// Whether memory order is the order of dimensions, `dimOrder` = 0, 1, 2…
  @inlinable public var isContiguous: Bool {
    for i in 0..<rank where Int(state.pointee.dimOrder[i]) != i { return false }
    return true
  }

  /// Whether memory order is channels last: 0, 2, 3, 1 of four dimensions, or 0, 2, 3, 4, 1 of five.
  @inlinable public var isChannelsLast: Bool {
    guard rank == 4 || rank == 5, state.pointee.dimOrder[0] == 0, state.pointee.dimOrder[rank - 1] == 1 else {
      return false
    }
    for i in 1..<rank - 1 where Int(state.pointee.dimOrder[i]) != i + 1 { return false }
    return true
  }

  @inlinable public func hasSizes(_ other: UnsafeBufferPointer<Int>) -> Bool {
    guard rank == other.count else { return false }
    for i in 0..<rank where state.pointee.sizes[i] != other[i] { return false }
    return true
  }

  @inlinable public func hasSizes(of other: Tensor) -> Bool { hasSizes(other.sizes) }

  @inlinable public func hasDimOrder(of other: Tensor) -> Bool {
    guard rank == other.rank else { return false }
    for i in 0..<rank where state.pointee.dimOrder[i] != other.state.pointee.dimOrder[i] { return false }
    return true
  }

  /// Gives the tensor other sizes and the strides that follow; the elements stay where they are.
  ///
  /// An unbounded tensor takes memory as it grows.
  ///
  /// - Throws: `doesNotFit` when the rank differs, when a static shape would change, or when there would be more
  ///   elements than planned.
  @inlinable public func resize(to new: UnsafeBufferPointer<Int>) throws(KernelError) {
    if hasSizes(new) { return }
    try change(to: new)
  }

  @usableFromInline @inline(never)
  func change(to new: UnsafeBufferPointer<Int>) throws(KernelError) {
    guard new.count == rank else {
      throw KernelError(.doesNotFit, "a result of rank \(new.count) for a tensor of rank \(rank)")
    }
    guard state.pointee.dynamism != .isStatic else {
      throw KernelError(.doesNotFit, "a result of \(describe(new)) for a tensor of static shape \(describe(sizes))")
    }
    var total = 1
    var reach = 1
    for size in new {
      let (product, overflow) = total.multipliedReportingOverflow(by: size)
      // Strides count a size of 0 as 1: they stay far from overflow, in bytes too.
      let (span, overflow2) = reach.multipliedReportingOverflow(by: max(size, 1))
      guard size >= 0, size <= Int32.max, !overflow, !overflow2, span <= Self.spanLimit else {
        throw KernelError(.doesNotFit, "sizes \(describe(new)) are not those of a tensor")
      }
      total = product
      reach = span
    }
    if state.pointee.dynamism == .dynamicUnbound {
      try grow(to: total)
    }
    let room = state.pointee.data == nil ? state.pointee.countBound : state.pointee.capacity / max(elementSize, 1)
    guard total <= state.pointee.countBound || state.pointee.dynamism == .dynamicUnbound, total <= room else {
      throw KernelError(
        .doesNotFit,
        "a result of \(describe(new)) for a tensor of at most \(min(room, state.pointee.countBound)) elements")
    }
    for i in 0..<rank { state.pointee.sizes[i] = new[i] }
    state.pointee.count = total
    updateStrides()
  }

  /// The most elements that a tensor may span, sizes of 0 counted as 1.
  public static var spanLimit: Int { 1 << 56 }

  /// The most bytes that an unbounded tensor may take.
  private static var unboundedLimit: Int { 1 << 32 }

  private func grow(to total: Int) throws(KernelError) {
    let (bytes, overflow) = total.multipliedReportingOverflow(by: elementSize)
    guard !overflow, bytes <= Self.unboundedLimit else {
      throw KernelError(.outOfMemory, "a result of more than \(Self.unboundedLimit) bytes")
    }
    if state.pointee.data != nil, bytes <= state.pointee.capacity { return }
    if state.pointee.grown.map({ $0.pointee.capacity < bytes }) ?? true {
      let wanted = max(bytes, 2 * (state.pointee.grown?.pointee.capacity ?? 32))
      let capacity = min(wanted, max(bytes, state.pointee.budget?.pointee ?? wanted))
      guard capacity <= state.pointee.budget?.pointee ?? capacity, let memory = SystemMemory.zeros(capacity) else {
        throw KernelError(.outOfMemory, "no memory for a result of \(bytes) bytes")
      }
      state.pointee.budget?.pointee -= capacity
      let block = UnsafeMutablePointer<GrownBlock>.allocate(capacity: 1)
      block.initialize(to: GrownBlock(older: state.pointee.grown, memory: memory, capacity: capacity))
      if let old = state.pointee.data { memory.copyMemory(from: old, byteCount: min(byteCount, capacity)) }
      state.pointee.grown = block
    }
    state.pointee.data = state.pointee.grown?.pointee.memory
    state.pointee.capacity = state.pointee.grown?.pointee.capacity ?? 0
    state.pointee.isConstant = false
  }

  /// Puts the elements back where they belong, after a view or an instruction took them elsewhere: to where they lay
  /// at first, or to the memory that an unbounded tensor took.
  @inlinable public func settle(in home: TensorHome) {
    if state.pointee.data != home.data || state.pointee.dynamism == .dynamicUnbound { change(to: home) }
  }

  @usableFromInline func change(to home: TensorHome) {
    let grown = home.data == nil ? state.pointee.grown : nil
    state.pointee.data = grown?.pointee.memory ?? home.data
    state.pointee.capacity = grown?.pointee.capacity ?? home.capacity
    state.pointee.isConstant = home.isConstant
    guard state.pointee.data == nil, state.pointee.dynamism == .dynamicUnbound else { return }
    for i in 0..<rank { state.pointee.sizes[i] = 0 }
    state.pointee.count = rank == 0 ? 1 : 0
    updateStrides()
  }

  /// Frees what the tensor took while it grew. Its method calls it at the end of its life.
  public func releaseGrown() {
    while let block = state.pointee.grown {
      state.pointee.grown = block.pointee.older
      SystemMemory.give(block.pointee.memory)
      block.deallocate()
    }
  }

  @inlinable public func resize(like other: Tensor) throws(KernelError) { try resize(to: other.sizes) }

  /// Computes the strides from sizes and dim order. A size of 0 counts as 1, as in the reference.
  public func updateStrides() {
    var stride = 1
    for position in Swift.stride(from: rank - 1, through: 0, by: -1) {
      let dimension = Int(state.pointee.dimOrder[position])
      state.pointee.strides[dimension] = stride
      stride = stride &* max(state.pointee.sizes[dimension], 1)
    }
  }
}

/// Sizes for an error's sentence: `[2, 3]`.
public func describe(_ sizes: UnsafeBufferPointer<Int>) -> String {
  "[" + sizes.map(String.init).joined(separator: ", ") + "]"
}
