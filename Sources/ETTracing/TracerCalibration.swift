import CClock

/// What tracing costs on this machine, and how good its clocks are.
public struct TracerCalibration: Sendable {
  /// Of one clock.
  public struct Clock: Sendable {
    /// Nanoseconds of one reading.
    public let reading: Double
    /// Nanoseconds of one event: two readings and its record.
    public let event: Double
    /// The smallest difference that two readings in a row had, but for none, in nanoseconds.
    public let step: Double
  }

  public let system: Clock
  /// Nil where the counter does not run at one rate.
  public let counter: Clock?
  /// Of the counter, measured against the system clock.
  public let counterTicksPerSecond: Double?
  /// How far the counter was from the system clock at most, halfway through the measurement, in nanoseconds.
  public let counterDrift: Double?
}

extension EventTracer {
  /// Measures what an event costs here: the fastest of several rounds, in about a tenth of a second.
  public static func calibrate() throws(TracerError) -> TracerCalibration {
    let (system, _) = try measure(.system)
    guard CounterClock.isInvariant else {
      return TracerCalibration(system: system, counter: nil, counterTicksPerSecond: nil, counterDrift: nil)
    }
    let (counter, summary) = try measure(.counter)
    return TracerCalibration(
      system: system, counter: counter, counterTicksPerSecond: summary.ticksPerSecond, counterDrift: summary.drift)
  }

  private static func measure(
    _ clock: Configuration.Clock
  ) throws(TracerError) -> (TracerCalibration.Clock, TraceSummary) {
    let (rounds, events) = (20, 20_000)
    var configuration = Configuration()
    configuration.clock = clock
    configuration.capacity = rounds * (events + 1)
    let tracer = try EventTracer(configuration)
    let (block, name) = (tracer.intern("calibration"), tracer.intern("event"))
    let thread = tracer.thread()
    let perTick = 1e9 / tracer.ticksPerSecond
    var (reading, event, step) = (Double.infinity, Double.infinity, UInt64.max)
    for _ in 0..<rounds {
      var (last, least) = (thread.now(), UInt64.max)
      let begun = cclock_system()
      for _ in 0..<events {
        let now = thread.now()
        if now != last { least = min(least, now &- last) }
        last = now
      }
      let between = cclock_system()
      thread.beginBlock(block)
      for _ in 0..<events {
        let start = thread.now()
        thread.record(name, start: start, end: thread.now())
      }
      let ended = cclock_system()
      reading = min(reading, Double(between &- begun) / Double(events))
      event = min(event, Double(ended &- between) / Double(events))
      step = min(step, least)
    }
    let summary = try tracer.finish()
    return (TracerCalibration.Clock(reading: reading, event: event, step: Double(step) * perTick), summary)
  }
}
