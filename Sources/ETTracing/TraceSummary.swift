package import ETDumpFormat

/// What a trace holds, what it lacks, and how well its clock went.
public struct TraceSummary: Sendable {
  /// Events of all kinds.
  public let recorded: Int
  /// Events that found no room.
  public let dropped: Int
  /// Values of which the elements found no room in the debug buffer.
  public let droppedValues: Int
  /// Values and allocations left out because ExecuTorch 1.5's Inspector refuses a file with them.
  public let unsupported: Int
  public let threads: Int
  /// Bytes of the debug buffer that are used.
  public let debugBufferBytes: Int
  /// Whether times are of the processor's counter.
  public let usesCounter: Bool
  /// The clock's rate, from both ends of the trace.
  public let ticksPerSecond: Double
  /// How far the counter was from the system clock at most, where both were read in between, in nanoseconds.
  public let drift: Double

  package init(_ report: TraceRecording.Report, debugBufferBytes: Int) {
    recorded = report.events
    dropped = report.droppedEvents
    droppedValues = report.droppedValues
    unsupported = report.unsupported
    threads = report.threads
    self.debugBufferBytes = debugBufferBytes
    usesCounter = report.usesCounter
    ticksPerSecond = report.ticksPerSecond
    drift = report.drift
  }
}
