import CClock
import ETDumpFormat

/// One moment on both clocks.
struct ClockAnchor {
  let counter: UInt64
  let nanoseconds: UInt64

  /// Read once: the counter may be behind by what a reading of the system clock takes.
  init(usesCounter: Bool) {
    nanoseconds = cclock_system()
    counter = usesCounter ? cclock_counter() : nanoseconds
  }

  private init(counter: UInt64, nanoseconds: UInt64) {
    self.counter = counter
    self.nanoseconds = nanoseconds
  }

  /// The best of several readings: the one whose two readings of the counter lie closest together.
  static func measured(usesCounter: Bool) -> ClockAnchor {
    guard usesCounter else { return ClockAnchor(usesCounter: false) }
    var best = ClockAnchor(counter: 0, nanoseconds: 0)
    var narrowest = UInt64.max
    for _ in 0..<32 {
      let before = cclock_counter()
      let nanoseconds = cclock_system()
      let width = cclock_counter() &- before
      if width < narrowest {
        narrowest = width
        best = ClockAnchor(counter: before &+ width / 2, nanoseconds: nanoseconds)
      }
    }
    return best
  }

  var pair: TraceRecording.Anchor { TraceRecording.Anchor(counter: counter, nanoseconds: nanoseconds) }
}

enum CounterClock {
  static let isInvariant = cclock_counter_is_invariant() != 0

  /// Measured once, over two milliseconds: good to some parts in a hundred thousand, and replaced by what the ends of a
  /// trace give where they are farther apart.
  static let ticksPerSecond: Double = {
    let first = ClockAnchor.measured(usesCounter: true)
    while cclock_system() &- first.nanoseconds < 2_000_000 {}
    let last = ClockAnchor.measured(usesCounter: true)
    return Double(last.counter &- first.counter) / Double(last.nanoseconds &- first.nanoseconds) * 1e9
  }()
}
