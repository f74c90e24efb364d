#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
internal import Synchronization

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
    withoutActuallyEscaping(body) { body in shared.run(count: count, grain: max(grain, 1), body) }
  }
}

/// What the threads see of one another.
private final class Shared: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let workArrived: UnsafeMutablePointer<pthread_cond_t>
  private let workDone: UnsafeMutablePointer<pthread_cond_t>
  // Guarded by the mutex.
  private var generation = 0
  private var idle = 0
  private var stopping = false
  private var count = 0
  private var grain = 1
  private var body: ((Range<Int>, Int) -> Void)?
  private let next = Atomic<Int>(0)
  private let workers: Int

  init(workers: Int) {
    self.workers = workers
    mutex = .allocate(capacity: 1)
    workArrived = .allocate(capacity: 1)
    workDone = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(workArrived, nil)
    pthread_cond_init(workDone, nil)
    idle = workers
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
        idle -= 1
        missing += 1
      } else {
        #if canImport(Darwin)
          if let thread { pthread_detach(thread) }
        #else
          pthread_detach(thread)
        #endif
      }
    }
  }

  /// Threads that the system did not give.
  private var missing = 0
  private var started = 0

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

  func run(count: Int, grain: Int, _ body: @escaping (Range<Int>, Int) -> Void) {
    pthread_mutex_lock(mutex)
    self.count = count
    self.grain = grain
    self.body = body
    next.store(0, ordering: .relaxed)
    idle = 0
    generation += 1
    pthread_cond_broadcast(workArrived)
    pthread_mutex_unlock(mutex)
    takePieces(count, grain, 0, body)
    pthread_mutex_lock(mutex)
    while idle < workers - missing { pthread_cond_wait(workDone, mutex) }
    self.body = nil
    pthread_mutex_unlock(mutex)
  }

  private func takePieces(_ count: Int, _ grain: Int, _ worker: Int, _ body: (Range<Int>, Int) -> Void) {
    while true {
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      let start = piece &* grain
      guard start < count else { return }
      body(start..<min(start &+ grain, count), worker)
    }
  }

  private func work() {
    var seen = 0
    pthread_mutex_lock(mutex)
    started += 1
    let worker = started
    while true {
      while generation == seen && !stopping { pthread_cond_wait(workArrived, mutex) }
      if stopping { break }
      seen = generation
      let (count, grain, body) = (count, grain, body)
      pthread_mutex_unlock(mutex)
      if let body { takePieces(count, grain, worker, body) }
      pthread_mutex_lock(mutex)
      idle += 1
      if idle == workers - missing { pthread_cond_signal(workDone) }
    }
    pthread_mutex_unlock(mutex)
  }
}
