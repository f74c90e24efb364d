import ETKernels
import Testing

@Suite struct ThreadPoolTests {
  /// Loops so short that threads come late to most of them, and so many that each order of events is met.
  @Test(arguments: [1, 2, 4, 9]) func givesEveryPieceToOneThread(threads: Int) {
    let pool = ThreadPool(threads: threads)
    let seen = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 300)
    defer { seen.deallocate() }
    for round in 0..<5000 {
      let (count, grain) = (round % 300, 1 + round % 7)
      seen.initialize(repeating: 0)
      pool.run(count: count, grain: grain) { range, worker in
        precondition(worker < threads && range.count <= max(grain, threads == 1 ? count : 0))
        for i in range { seen[i] += 1 }
      }
      guard (0..<300).allSatisfy({ seen[$0] == ($0 < count ? 1 : 0) }) else {
        Issue.record("round \(round)")
        return
      }
    }
  }
}
