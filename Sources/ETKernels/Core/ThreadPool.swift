internal import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A fixed number of threads that share the pieces of a loop: one loop at a time, and none within another.
public final class ThreadPool: Sendable {
  /// The calling thread included.
  public let threads: Int
  private let shared: Shared?

  /// - Parameter threads: At least 1: the calling thread alone.
  public init(threads: Int) {
    self.threads = max(threads, 1)
    shared = threads > 1 ? Shared(workers: threads - 1) : nil
  }

  deinit { shared?.stop() }

  /// Calls `body` with pieces of 0..<count, each `grain` long but the last, and returns when all are done.
  ///
  /// The second argument of `body` is the number of the thread, below `threads`.
  public func run(count: Int, grain: Int, _ body: (Range<Int>, Int) -> Void) {
    guard let shared else { return body(0..<count, 0) }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: LoopBody(run: body)) { shared.run(count: count, grain: max(grain, 1), $0) }
    }
  }
}

/// What the pieces of a loop are given to.
private struct LoopBody {
  let run: (Range<Int>, Int) -> Void
}

/// What the threads see of one another.
private final class Shared: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let workArrived: UnsafeMutablePointer<pthread_cond_t>
  private let workDone: UnsafeMutablePointer<pthread_cond_t>
  // Guarded by the mutex.
  private var generation = 0
  private var stopping = false
  private var count = 0
  private var grain = 1
  /// nil while there is no loop, and once its first thread has seen the last of its pieces taken.
  private var body: UnsafePointer<LoopBody>?
  /// Threads that came to the loop in time, and those of them that are done. Who comes late finds nothing to do, and
  /// nobody waits for him.
  private var (joined, finished) = (0, 0)
  private var started = 0
  // Not guarded.
  private let next = Atomic<Int>(0)
  /// `generation`, for threads that look out for the next loop a while before they sleep.
  private let announced = Atomic<Int>(0)

  init(workers: Int) {
    mutex = .allocate(capacity: 1)
    workArrived = .allocate(capacity: 1)
    workDone = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(workArrived, nil)
    pthread_cond_init(workDone, nil)
    for _ in 0..<workers {
      #if canImport(Darwin)
        var thread: pthread_t?
      #else
        var thread = pthread_t()
      #endif
      let box = Unmanaged.passRetained(self)
      let failed = pthread_create(
        &thread, nil,
        { argument in
          #if canImport(Darwin)
            let shared = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
          #else
            let shared = Unmanaged<Shared>.fromOpaque(argument!).takeRetainedValue()
          #endif
          shared.work()
          return nil
        }, box.toOpaque())
      if failed != 0 {
        // Fewer threads: the others take all pieces.
        box.release()
      } else {
        #if canImport(Darwin)
          if let thread { pthread_detach(thread) }
        #else
          pthread_detach(thread)
        #endif
      }
    }
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(workArrived)
    pthread_cond_destroy(workDone)
    mutex.deallocate()
    workArrived.deallocate()
    workDone.deallocate()
  }

  func stop() {
    pthread_mutex_lock(mutex)
    stopping = true
    pthread_cond_broadcast(workArrived)
    pthread_mutex_unlock(mutex)
  }

  func run(count: Int, grain: Int, _ body: UnsafePointer<LoopBody>) {
    pthread_mutex_lock(mutex)
    (self.count, self.grain, self.body) = (count, grain, body)
    (joined, finished) = (0, 0)
    next.store(0, ordering: .relaxed)
    generation += 1
    announced.store(generation, ordering: .relaxed)
    pthread_cond_broadcast(workArrived)
    pthread_mutex_unlock(mutex)
    takePieces(count, grain, 0, body)
    pthread_mutex_lock(mutex)
    self.body = nil
    while finished < joined { pthread_cond_wait(workDone, mutex) }
    pthread_mutex_unlock(mutex)
  }

  /// Never inlined: no thread may hold the closure when it says that it is done.
  @inline(never)
  private func takePieces(_ count: Int, _ grain: Int, _ worker: Int, _ body: UnsafePointer<LoopBody>) {
    while true {
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      let start = piece &* grain
      guard start < count else { return }
      body.pointee.run(start..<min(start &+ grain, count), worker)
    }
  }

  private func work() {
    var seen = 0
    pthread_mutex_lock(mutex)
    started += 1
    let worker = started
    while !stopping {
      guard generation != seen, let body else {
        seen = generation
        pthread_cond_wait(workArrived, mutex)
        continue
      }
      seen = generation
      joined += 1
      let (count, grain) = (count, grain)
      pthread_mutex_unlock(mutex)
      takePieces(count, grain, worker, body)
      pthread_mutex_lock(mutex)
      finished += 1
      if finished == joined { pthread_cond_signal(workDone) }
      pthread_mutex_unlock(mutex)
      // The next loop of a model is often near.
      var looks = 0
      while looks < 20_000, announced.load(ordering: .relaxed) == seen { looks += 1 }
      pthread_mutex_lock(mutex)
    }
    pthread_mutex_unlock(mutex)
  }
}
