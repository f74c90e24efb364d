import Bytes
import ETCore
public import ETDumpFormat
import Synchronization

/// Records what a runtime does, as an ETDump.
///
/// ```swift
/// let tracer = try EventTracer()
/// let (execute, call) = (tracer.intern("Execute"), tracer.intern("OPERATOR_CALL"))
/// let main = tracer.thread(named: "main")
/// main.beginBlock(execute)
/// main.enter(chain: 0, instruction: 3)
/// main.event(call) { add(a, b) }
/// main.leave()
/// try tracer.write(to: "run.etdp")
/// ```
/// Names are interned and threads made known while a program loads; recording then takes no lock and no memory. Each
/// thread has a `ThreadTracer` of its own. What does not fit is dropped and counted, never an error.
public final class EventTracer: @unchecked Sendable {
  /// What a tracer records, and where to.
  public struct Configuration: Sendable {
    public enum Clock: Sendable {
      /// CLOCK_MONOTONIC, in nanoseconds.
      case system
      /// The processor's time-stamp counter, calibrated against the system clock at both ends of a trace and turned into
      /// nanoseconds when it is written. An error where it does not run at one rate.
      case counter
      /// The counter where it runs at one rate, else the system clock.
      case best
    }

    public enum Storage: Sendable {
      /// Memory that is taken beforehand: `capacity` events a thread.
      case memory
      /// A file that can be opened at every moment and outlives the process, of at most `limit` bytes.
      case journal(path: String, limit: Int = .max)
    }

    public enum DebugBuffer: Sendable {
      /// Tensors are recorded without their elements.
      case none
      /// Memory of so many bytes, taken beforehand.
      case memory(capacity: Int)
      /// A file of at most `limit` bytes.
      case file(path: String, limit: Int = .max)
    }

    /// As the official runtime's `EventTracerProfilingLevel`. Events of delegates are recorded at every level.
    public enum ProfilingLevel: Sendable { case methodOnly, allEvents }

    /// As the official runtime's `EventTracerDebugLogLevel`.
    public enum DebugLevel: Sendable { case none, outputs, intermediates }

    /// Events a thread, where they are kept in memory. A delegate's metadata and a tensor's shape take the room of one
    /// or more events besides.
    public var capacity = 1 << 16
    public var clock = Clock.best
    public var storage = Storage.memory
    public var debugBuffer = DebugBuffer.none
    public var profilingLevel = ProfilingLevel.allEvents
    public var debugLevel = DebugLevel.none
    public var filter: EventFilter?
    /// What the trace says about itself in its run `ettools.meta`: device, method, model hash, …
    public var metadata: [(key: String, value: String)] = []
    /// Whether to leave out, and count, what the Inspector of ExecuTorch 1.5 refuses to open a file with: tensors of
    /// types other than uint8, int8 to int64, float16, float32, float64, bool, bits16 and uint16; doubles that are not
    /// finite; allocations.
    public var isCompatibleWith15 = false

    public init() {}
  }

  let configuration: Configuration
  let filter: CompiledFilter
  let debugBuffer: DebugBuffer?
  private let journal: JournalFile?
  private let usesCounter: Bool
  private let begun: ClockAnchor
  let ticksPerSecond: Double
  private let shared = Mutex(Shared())

  private struct Shared {
    var names = NamePool()
    var metadata: [String] = []
    var ids: [NameID] = []
    var streams: [RecordStream] = []
    var text: JournalText?
    var allocators: Int32 = 0
  }

  public init(_ configuration: Configuration = Configuration()) throws(TracerError) {
    self.configuration = configuration
    switch configuration.clock {
    case .system: usesCounter = false
    case .counter:
      guard CounterClock.isInvariant else {
        throw TracerError(.clock, "clock: this processor's counter does not run at one rate")
      }
      usesCounter = true
    case .best: usesCounter = CounterClock.isInvariant
    }
    var kinds = Set(EventKind.allCases)
    if configuration.profilingLevel == .methodOnly { kinds.remove(.operator) }
    if configuration.debugLevel == .none { kinds.remove(.value) }
    filter = try CompiledFilter(configuration.filter, kinds: kinds)
    debugBuffer = try DebugBuffer(configuration.debugBuffer)
    ticksPerSecond = usesCounter ? CounterClock.ticksPerSecond : 1e9
    begun = ClockAnchor.measured(usesCounter: usesCounter)
    guard case .journal(let path, let limit) = configuration.storage else {
      journal = nil
      for (key, value) in configuration.metadata { addMetadata(key: key, value: value) }
      return
    }
    let journal = try JournalFile(
      path: path, limit: limit, usesCounter: usesCounter, ticksPerSecond: ticksPerSecond, begun: begun)
    self.journal = journal
    let text = JournalText(journal: journal)
    shared.withLock { $0.text = text }
    for (key, value) in configuration.metadata { addMetadata(key: key, value: value) }
  }

  // MARK: Names

  /// The number of a name, to record events under. Any thread may call it; it takes a lock and memory, so call it while
  /// a program loads.
  public func intern(_ name: String) -> NameID {
    shared.withLock { shared in
      let index = shared.names.intern(name)
      if Int(index) < shared.ids.count { return shared.ids[Int(index)] }
      let (verdicts, matches) = filter.verdicts(of: name)
      let id = NameID(index: index, verdicts: verdicts, matches: matches)
      shared.ids.append(id)
      shared.text?.append(.name, name, name: index)
      return id
    }
  }

  /// The id of a delegate's event that is a name.
  public func delegate(_ name: String) -> DelegateID { DelegateID(number: -1, name: intern(name)) }

  /// The id of a delegate's event that is a number, 0 or more.
  public func delegate(_ number: Int32) -> DelegateID {
    let (verdicts, matches) = filter.verdicts(of: String(number), handle: Int(number))
    return DelegateID(number: max(number, 0), name: NameID(index: -1, verdicts: verdicts, matches: matches))
  }

  // MARK: Threads

  /// Makes a thread known and takes its memory. The first is the main thread.
  ///
  /// Where there is no memory for it, all its events are dropped and counted.
  public func thread(named name: String? = nil) -> ThreadTracer {
    let stream = shared.withLock { shared in
      let number = shared.streams.count
      let name = name ?? (number == 0 ? "main" : "thread \(number)")
      // Known in the journal before its first piece is; without room for that there is none for events.
      let isKnown = shared.text?.append(.thread, name, number: Int32(truncatingIfNeeded: number)) ?? true
      let stream = RecordStream(
        number: number, name: name, capacity: isKnown ? configuration.capacity : 0, journal: isKnown ? journal : nil,
        usesCounter: usesCounter, isCompatibleWith15: configuration.isCompatibleWith15)
      shared.streams.append(stream)
      return stream
    }
    return ThreadTracer(stream: stream, tracer: self)
  }

  func newAllocator(_ name: String) -> AllocatorID {
    let name = intern(name)
    return shared.withLock { shared in
      shared.allocators += 1
      return AllocatorID(number: shared.allocators, name: name)
    }
  }

  /// Says something more about the trace in its run `ettools.meta`.
  public func addMetadata(key: String, value: String) {
    shared.withLock { shared in
      shared.metadata.append(key + "=" + value)
      shared.text?.append(.metadata, key + "=" + value)
    }
  }

  // MARK: Values

  var logsIntermediates: Bool { configuration.debugLevel == .intermediates }

  /// The elements of all tensors so far, in memory: what goes into the debug buffer's file. Nil where there is none in
  /// memory. Valid while the tracer lives.
  public var debugBufferBytes: UnsafeRawBufferPointer? { debugBuffer?.bytes }

  /// Writes the elements of all tensors so far, where they are in memory, as the file that goes with the ETDump.
  public func writeDebugBuffer(to path: String) throws(TracerError) {
    guard let bytes = debugBufferBytes else { return }
    try Self.write(to: path) { (file) throws(WriteError) in try file.write(bytes) }
  }

  // MARK: The trace

  /// What was recorded so far. No thread may be recording.
  public func etdump() throws(TracerError) -> ETDump { try trace().dump }

  /// Ends the trace: nothing may be recorded afterwards.
  @discardableResult
  public func finish() throws(TracerError) -> TraceSummary { try trace(ending: true).summary }

  /// Writes what was recorded so far as an ETDump, which appears under its name whole or not at all.
  public func write(to path: String) throws(TracerError) {
    let dump = try etdump()
    try Self.write(to: path) { (file) throws(WriteError) in try dump.encode(to: file) }
  }

  private static func write(to path: String, _ body: (AtomicFile) throws(WriteError) -> Void) throws(TracerError) {
    do throws(WriteError) {
      let file = try AtomicFile(path: path)
      try body(file)
      try file.commit()
    } catch {
      throw TracerError(.file, "\(error)")
    }
  }

  private func trace(ending: Bool = false) throws(TracerError) -> (dump: ETDump, summary: TraceSummary) {
    let now = ClockAnchor.measured(usesCounter: usesCounter)
    let result: Result<(ETDump, TraceSummary), ReadError> = shared.withLock { shared in
      do throws(ReadError) {
        if ending {
          for stream in shared.streams { stream.append(now) }
        }
        if let journal {
          // The file is the trace: what it says is what its readers will see.
          let contents = try FileContents.open(journal.path)
          defer { withExtendedLifetime(contents) {} }
          var recording = try Journal.recording(contents.bytes)
          recording.ended = now.pair
          return .success(try summarised(recording))
        }
        var recording = TraceRecording(
          usesCounter: usesCounter, ticksPerSecond: ticksPerSecond, begun: begun.pair)
        recording.ended = now.pair
        recording.names = shared.names
        recording.metadata = shared.metadata
        recording.threads = shared.streams.map(\.recorded)
        return .success(try summarised(recording))
      } catch {
        return .failure(error)
      }
    }
    do {
      return try result.get()
    } catch {
      throw TracerError(.trace, "\(error)")
    }
  }

  private func summarised(_ recording: TraceRecording) throws(ReadError) -> (ETDump, TraceSummary) {
    let (dump, report) = try recording.etdump()
    return (dump, TraceSummary(report, debugBufferBytes: debugBuffer?.used ?? 0))
  }
}
