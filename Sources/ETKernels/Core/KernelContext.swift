/// What a method lends to its kernels: memory for intermediate results, threads, random numbers.
///
/// One thread uses it at a time.
public final class KernelContext {
  /// The threads that `parallel` divides loops over.
  public let pool: ThreadPool
  /// Where `rand`, `randn` and dropout draw from.
  public var random: RandomStream
  /// How often intermediate results did not fit the memory taken so far. It stops growing after the first execution.
  public private(set) var allocations = 0

  private var arena: UnsafeMutableRawBufferPointer
  private var used = 0
  private var wanted = 0
  private var overflow: [UnsafeMutableRawPointer] = []
  private let scratchLimit: Int

  /// - Parameter scratchLimit: The most bytes that one kernel may take for intermediate results.
  public init(pool: ThreadPool = ThreadPool(threads: 1), seed: UInt64 = 0, scratchLimit: Int = 4 << 30) {
    self.pool = pool
    random = RandomStream(seed: seed)
    self.scratchLimit = scratchLimit
    arena = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    takeArena(1 << 16)
  }

  deinit {
    for block in overflow { SystemMemory.give(block) }
    if let base = arena.baseAddress { SystemMemory.give(base) }
  }

  /// Uninitialised memory for `count` elements, valid until the kernel returns.
  public func scratch<T: BitwiseCopyable>(
    _: T.Type = T.self, count: Int
  ) throws(KernelError) -> UnsafeMutablePointer<T> {
    let (bytes, overflowed) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
    guard count >= 0, !overflowed, bytes <= scratchLimit - wanted else {
      throw KernelError(.outOfMemory, "intermediate results of more than \(scratchLimit) bytes")
    }
    let size = (bytes + 63) & ~63
    wanted += size
    if used + size <= arena.count {
      let start = (arena.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped) + used
      used += size
      return start.assumingMemoryBound(to: T.self)
    }
    allocations += 1
    guard let block = SystemMemory.take(size) else {
      throw KernelError(.outOfMemory, "no memory for \(size) bytes of intermediate results")
    }
    overflow.append(block)
    return block.assumingMemoryBound(to: T.self)
  }

  /// Takes back all intermediate memory. The runtime calls it behind every kernel.
  @inlinable public func reset() {
    if hasScratch { resetScratch() }
  }

  @usableFromInline var hasScratch: Bool { wanted != 0 }

  @usableFromInline func resetScratch() {
    if !overflow.isEmpty {
      for block in overflow { SystemMemory.give(block) }
      overflow.removeAll()
      takeArena(wanted)
    }
    used = 0
    wanted = 0
  }

  /// Takes another arena; without memory there is none, and the next kernel asks for each of its blocks again.
  private func takeArena(_ size: Int) {
    if let base = arena.baseAddress { SystemMemory.give(base) }
    let base = SystemMemory.take(size)
    arena = UnsafeMutableRawBufferPointer(start: base, count: base == nil ? 0 : size)
  }

  /// Runs `body` over all of 0..<count, in pieces of `grain` that any thread may take.
  ///
  /// The pieces do not depend on how many threads there are: what is computed from a piece alone is the same on one
  /// thread and on many.
  @inlinable public func parallel(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    parallel(count, grain: grain) { range, _ in body(range) }
  }

  /// As `parallel(_:grain:_:)`, telling the number of the thread, below `pool.threads`, for memory of its own.
  @inlinable public func parallel(_ count: Int, grain: Int, _ body: (Range<Int>, _ worker: Int) -> Void) {
    if count <= grain || pool.threads == 1 {
      var start = 0
      while start < count {
        let end = min(start &+ grain, count)
        body(start..<end, 0)
        start = end
      }
    } else {
      pool.run(count: count, grain: grain, body)
    }
  }
}

/// Random numbers from a seed: the same on every machine (SplitMix64, Steele, Lea and Flood 2014).
public struct RandomStream: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1), a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
