import ETCore

/// How elements become a result, in two ways: one result at a time from its elements, or many results from rows that hold
/// an element of each.
protocol Fold {
  /// What elements are converted to.
  associatedtype Value: Computable
  /// A result that is being made from runs of its elements.
  associatedtype Run: BitwiseCopyable
  /// A result that is being made beside others.
  associatedtype State: BitwiseCopyable

  func begin(_ result: Int) -> Run
  /// Adds elements, of which the first is the result's `first`-th.
  func add(_ run: inout Run, _ values: UnsafePointer<Value>, _ first: Int, _ count: Int)
  func end(_ run: Run) -> State

  func begin(beside result: Int) -> State
  /// Adds one element to each of `count` results: its `place`-th.
  func add(beside states: UnsafeMutablePointer<State>, _ values: UnsafePointer<Value>, _ place: Int, _ count: Int)

  /// Writes `count` results.
  func finish(_ states: UnsafeMutablePointer<State>, _ first: Int, _ count: Int)
}

extension Fold where Run == State {
  @inline(__always) func end(_ run: Run) -> State { run }
  @inline(__always) func begin(beside result: Int) -> State { begin(result) }
  @inline(__always)
  func add(beside states: UnsafeMutablePointer<State>, _ values: UnsafePointer<Value>, _ place: Int, _ count: Int) {
    for i in 0..<count { add(&states[i], values + i, place, 1) }
  }
}

/// Which elements go into which result: a tensor's dimensions, kept or reduced, as few as their strides allow.
///
/// Results are numbered by the kept dimensions, the last the fastest, and so are a result's elements by the reduced ones,
/// whatever the layout: the reference's kernels write results in that order even to memory that is channels last.
struct Reduction {
  /// How many.
  let results: Int
  /// Elements of a result.
  let count: Int
  private let context: KernelContext
  private let data: UnsafeRawPointer
  private let type: ScalarType
  private let elementSize: Int
  /// Pairs of a size and a stride in bytes.
  private let kept: UnsafeMutablePointer<Int>
  private let keptRank: Int
  private let reduced: UnsafeMutablePointer<Int>
  private let reducedRank: Int

  /// - Parameter dimensions: A bit for each dimension that is reduced; nil for all of them, by place in memory.
  init(_ context: KernelContext, _ input: Tensor, _ dimensions: UInt64?) throws(KernelError) {
    self.context = context
    data = UnsafeRawPointer(input.data)
    type = input.type
    elementSize = input.elementSize
    let rank = input.rank
    kept = try context.scratch(count: 4 * rank + 4)
    reduced = kept + 2 * rank + 2
    var (keptRank, reducedRank, results, count) = (0, 0, 1, 1)
    if let dimensions {
      for d in 0..<rank {
        let (size, stride) = (input.sizes[d], input.strides[d] &* elementSize)
        if dimensions >> UInt64(d) & 1 == 0 {
          results &*= size
          Self.append(size, stride, to: kept, &keptRank)
        } else {
          count &*= size
          Self.append(size, stride, to: reduced, &reducedRank)
        }
      }
    } else {
      count = input.count
      Self.append(count, elementSize, to: reduced, &reducedRank)
    }
    if reducedRank == 0 {
      (reduced[0], reduced[1], reducedRank) = (1, elementSize, 1)
    }
    (self.keptRank, self.reducedRank, self.results, self.count) = (keptRank, reducedRank, results, count)
  }

  private static func append(_ size: Int, _ stride: Int, to list: UnsafeMutablePointer<Int>, _ rank: inout Int) {
    if size == 1 { return }
    if rank > 0, list[2 * rank - 1] == size &* stride {
      list[2 * rank - 2] &*= size
      list[2 * rank - 1] = stride
    } else {
      (list[2 * rank], list[2 * rank + 1]) = (size, stride)
      rank += 1
    }
  }

  /// Bytes from the first element of all to the one of this number, in `rank` dimensions.
  @inline(__always)
  private static func offset(_ number: Int, _ list: UnsafeMutablePointer<Int>, _ rank: Int) -> Int {
    if rank == 1 { return number &* list[1] }
    var (rest, offset) = (number, 0)
    var d = rank - 1
    while d >= 0 {
      let (quotient, place) = rest.quotientAndRemainder(dividingBy: list[2 * d])
      offset &+= place &* list[2 * d + 1]
      rest = quotient
      d -= 1
    }
    return offset
  }

  /// Elements that are converted at a time, and results that are made beside one another.
  private static var chunk: Int { 512 }
  /// Elements that one thread takes at a time.
  private static var piece: Int { 1 << 15 }

  /// Makes all results.
  @inline(never)
  func run<F: Fold>(_ fold: F) throws(KernelError) {
    guard results > 0 else { return }
    let threads = context.pool.threads
    let buffers: UnsafeMutablePointer<F.Value> = try context.scratch(count: threads * Self.chunk)
    let allStates: UnsafeMutablePointer<F.State> = try context.scratch(count: threads * Self.chunk)
    let across = keptRank > 0 && kept[2 * keptRank - 1] == elementSize ? kept[2 * keptRank - 2] : 1
    let inner = (size: reduced[2 * reducedRank - 2], stride: reduced[2 * reducedRank - 1])
    if across >= 4 && (inner.stride != elementSize || inner.size == 1) {
      let wide = min(across, Self.chunk)
      let tiles = (across + wide - 1) / wide
      context.parallel(results / across * tiles, grain: max(Self.piece / max(wide &* count, 1), 1)) { range, worker in
        let (buffer, states) = (buffers + worker * Self.chunk, allStates + worker * Self.chunk)
        for tile in range {
          let first = tile / tiles * across + tile % tiles * wide
          let width = min(wide, across - tile % tiles * wide)
          besides(fold, first, width, buffer, states)
        }
      }
    } else {
      // Small work is not worth a division.
      let grain = results &* count <= Self.piece ? results : max(Self.piece / max(count, 1), 1)
      context.parallel(results, grain: grain) { range, worker in
        let (buffer, states) = (buffers + worker * Self.chunk, allStates + worker * Self.chunk)
        var first = range.lowerBound
        while first < range.upperBound {
          let width = min(Self.chunk, range.upperBound - first)
          for i in 0..<width { states[i] = one(fold, first + i, inner.size, inner.stride, buffer) }
          fold.finish(states, first, width)
          first += width
        }
      }
    }
  }

  /// Makes `width` results whose elements lie beside one another.
  @inline(__always)
  private func besides<F: Fold>(
    _ fold: F, _ first: Int, _ width: Int, _ buffer: UnsafeMutablePointer<F.Value>,
    _ states: UnsafeMutablePointer<F.State>
  ) {
    let base = data + Self.offset(first, kept, keptRank)
    for i in 0..<width { states[i] = fold.begin(beside: first + i) }
    for place in 0..<count {
      let row = base + Self.offset(place, reduced, reducedRank)
      if type == F.Value.scalarType {
        fold.add(beside: states, row.assumingMemoryBound(to: F.Value.self), place, width)
      } else {
        load(row, type, elementSize, width, into: buffer)
        fold.add(beside: states, buffer, place, width)
      }
    }
    fold.finish(states, first, width)
  }

  /// Makes one result, from runs in its last reduced dimension.
  @inline(__always)
  private func one<F: Fold>(
    _ fold: F, _ result: Int, _ size: Int, _ stride: Int, _ buffer: UnsafeMutablePointer<F.Value>
  ) -> F.State {
    let base = data + (keptRank == 0 ? 0 : Self.offset(result, kept, keptRank))
    var run = fold.begin(result)
    var first = 0
    while first < count {
      let start = base + (reducedRank == 1 ? 0 : Self.offset(first, reduced, reducedRank))
      if type == F.Value.scalarType && stride == elementSize {
        fold.add(&run, start.assumingMemoryBound(to: F.Value.self), first, size)
      } else {
        var done = 0
        while done < size {
          let part = min(Self.chunk, size - done)
          load(start + done * stride, type, stride, part, into: buffer)
          fold.add(&run, buffer, first + done, part)
          done += part
        }
      }
      first += size
    }
    return fold.end(run)
  }
}

extension KernelCall {
  /// The dimensions in a list, as bits; nil where the list is absent or empty, or the tensor has none.
  func dimensions(_ list: UnsafeBufferPointer<Int>?, of tensor: Tensor) throws(KernelError) -> UInt64? {
    guard let list, !list.isEmpty else { return nil }
    try require(tensor.rank <= 64, "a tensor of rank \(tensor.rank)")
    var bits: UInt64 = 0
    for dim in list {
      let bit = UInt64(1) << UInt64(try dimension(dim, of: tensor.rank))
      try require(bits & bit == 0, "a dimension that is named twice")
      bits |= bit
    }
    return tensor.rank == 0 ? nil : bits
  }

  /// The bit of one dimension; nil for none, or where the tensor has none.
  func bit(_ dim: Int?, of tensor: Tensor) throws(KernelError) -> UInt64? {
    guard let dim else { return nil }
    let d = try dimension(dim, of: tensor.rank)
    try require(tensor.rank <= 64, "a tensor of rank \(tensor.rank)")
    return tensor.rank == 0 ? nil : 1 << UInt64(d)
  }

  /// Gives `out` the shape that reducing leaves.
  func resize(_ out: Tensor, reducing input: Tensor, _ dimensions: UInt64?, keeps: Bool) throws(KernelError) {
    let sizes: UnsafeMutablePointer<Int> = try context.scratch(count: input.rank)
    var count = 0
    for d in 0..<input.rank {
      if let dimensions, dimensions >> UInt64(d) & 1 == 0 {
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
}

/// Contiguous or channels last, both.
func requireOrdinaryDimOrders(_ a: Tensor, _ b: Tensor) throws(KernelError) {
  try require(
    (a.isContiguous || a.isChannelsLast) && (b.isContiguous || b.isChannelsLast),
    "a dim order that is neither contiguous nor channels last")
}
