public import CClock
public import ETDumpFormat

/// What recording touches: plain memory, so that no access is checked or counted.
@frozen
@usableFromInline
struct ThreadState {
  /// Where the next record goes, and the end of the memory taken.
  @usableFromInline var next: UnsafeMutableRawPointer
  @usableFromInline var limit: UnsafeMutableRawPointer
  /// Ticks spent on the tracer's own work, taken off every later reading of the clock.
  @usableFromInline var excluded: UInt64 = 0
  @usableFromInline var chain: Int32 = -1
  @usableFromInline var instruction: Int32 = 0
  @usableFromInline var debugHandle = 0
  @usableFromInline var bundledInputIndex: Int32 = -1
  @usableFromInline let usesCounter: Bool
  @usableFromInline let isCompatibleWith15: Bool
  @usableFromInline var droppedEvents: UInt64 = 0
  @usableFromInline var droppedValues: UInt64 = 0
  @usableFromInline var unsupported: UInt64 = 0

  init(
    next: UnsafeMutableRawPointer, limit: UnsafeMutableRawPointer, usesCounter: Bool,
    isCompatibleWith15: Bool
  ) {
    self.next = next
    self.limit = limit
    self.usesCounter = usesCounter
    self.isCompatibleWith15 = isCompatibleWith15
  }
}

/// Records the events of one thread, which alone may call it.
///
/// Recording an event is two readings of the clock and a record of 40 bytes in memory that was taken and touched
/// beforehand: no lock, no allocation, no system call. A journal goes on into a new piece of its file when one is full;
/// the time that takes is not charged to anybody.
public final class ThreadTracer {
  @usableFromInline let state: UnsafeMutablePointer<ThreadState>
  let stream: RecordStream
  let tracer: EventTracer

  init(stream: RecordStream, tracer: EventTracer) {
    self.stream = stream
    self.tracer = tracer
    state = stream.state
  }

  // MARK: Scopes

  /// The chain of the instruction that is executing; −1 outside of any. What is recorded from now on belongs to it.
  @inlinable public var chain: Int32 {
    get { state.pointee.chain }
    set { state.pointee.chain = newValue }
  }

  /// The index of the instruction in its chain; 0 outside of any, as the official runtime has it.
  @inlinable public var instruction: Int32 {
    get { state.pointee.instruction }
    set { state.pointee.instruction = newValue }
  }

  /// The debug handle of the instruction, for filters; 0 where it is not known.
  @inlinable public var debugHandle: Int {
    get { state.pointee.debugHandle }
    set { state.pointee.debugHandle = newValue }
  }

  /// Enters an instruction.
  @inlinable
  public func enter(chain: Int32, instruction: Int32, debugHandle: Int = 0) {
    state.pointee.chain = chain
    state.pointee.instruction = instruction
    state.pointee.debugHandle = debugHandle
  }

  /// Leaves the instruction.
  @inlinable
  public func leave() { enter(chain: -1, instruction: 0) }

  /// The index of the bundled input that the next event blocks run on; −1 for none.
  public var bundledInputIndex: Int32 {
    get { state.pointee.bundledInputIndex }
    set { state.pointee.bundledInputIndex = newValue }
  }

  /// Begins an event block: what is recorded from now on is its run data.
  public func beginBlock(_ name: NameID) {
    let anchor = ClockAnchor(usesCounter: state.pointee.usesCounter)
    append(
      TraceRecord.tag(.block), name: name.index, number: state.pointee.bundledInputIndex, start: anchor.counter,
      end: anchor.nanoseconds)
  }

  // MARK: The clock

  /// The time now, in the tracer's ticks, without the time that the tracer spent on its own work in this thread.
  ///
  /// What logging a value, beginning a block or growing a journal took is taken off every later reading, so that it is
  /// charged to no operator, and order and nesting stay as they are.
  @inlinable
  public func now() -> UInt64 { clock() &- state.pointee.excluded }

  @inlinable @inline(__always)
  func clock() -> UInt64 { state.pointee.usesCounter ? cclock_counter() : cclock_system() }

  // MARK: Profile events

  /// Records an event that is over. `start` and `end` are readings of `now()`.
  @inlinable
  public func record(_ name: NameID, start: UInt64, end: UInt64, kind: EventKind = .operator) {
    guard admits(name, kind) else { return }
    append(TraceRecord.tag(.profile), name: name.index, number: -1, start: start, end: end)
  }

  /// Begins an event in the present scope. It is recorded when it ends.
  @inlinable
  public func begin(_ name: NameID, kind: EventKind = .operator) -> OpenEvent {
    let isRecorded = admits(name, kind)
    return OpenEvent(
      name: name.index, delegateNumber: -2, chain: state.pointee.chain, instruction: state.pointee.instruction,
      start: isRecorded ? now() : 0, isRecorded: isRecorded)
  }

  /// Ends an event: it is recorded in the scope that it began in.
  @inlinable
  public func end(_ event: OpenEvent) {
    guard event.isRecorded else { return }
    let end = now()
    append(
      TraceRecord.tag(event.delegateNumber == -2 ? .profile : .delegate), name: event.name, chain: event.chain,
      instruction: event.instruction, number: max(event.delegateNumber, -1), start: event.start, end: end)
  }

  /// Records how long `body` takes, whether it returns or throws.
  @inlinable
  public func event<R, E: Error>(
    _ name: NameID, kind: EventKind = .operator, _ body: () throws(E) -> R
  ) throws(E) -> R {
    let event = begin(name, kind: kind)
    defer { end(event) }
    return try body()
  }

  // MARK: Delegates

  /// Records an event of a delegate that is over, live or long after the fact.
  ///
  /// - Parameters:
  ///   - start: A reading of `now()`, as is `end`; nanoseconds of another clock where `isForeign`.
  ///   - metadata: What the delegate has to say about it, copied.
  ///   - isForeign: Whether the times are another clock's, in nanoseconds. They are written as they are.
  @inlinable
  public func recordDelegate(
    _ id: DelegateID, start: UInt64, end: UInt64, metadata: UnsafeRawBufferPointer = .init(start: nil, count: 0),
    isForeign: Bool = false
  ) {
    guard admits(id.name, .delegate) else { return }
    append(
      TraceRecord.tag(.delegate, isForeign ? .nanoseconds : []), name: id.number == -1 ? id.name.index : -1,
      number: id.number, start: start, end: end, extra: metadata)
  }

  /// Begins an event of a delegate.
  @inlinable
  public func startDelegate(_ id: DelegateID) -> OpenEvent {
    let isRecorded = admits(id.name, .delegate)
    return OpenEvent(
      name: id.number == -1 ? id.name.index : -1, delegateNumber: id.number, chain: state.pointee.chain,
      instruction: state.pointee.instruction, start: isRecorded ? now() : 0, isRecorded: isRecorded)
  }

  /// Ends an event of a delegate.
  @inlinable
  public func endDelegate(_ event: OpenEvent, metadata: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
    guard event.isRecorded else { return }
    let end = now()
    append(
      TraceRecord.tag(.delegate), name: event.name, chain: event.chain, instruction: event.instruction,
      number: event.delegateNumber, start: event.start, end: end, extra: metadata)
  }

  // MARK: Memory

  /// Makes an allocator known. Takes a lock and memory: for the time of loading.
  public func trackAllocator(_ name: String) -> AllocatorID {
    let id = tracer.newAllocator(name)
    append(TraceRecord.tag(.allocator), name: id.name.index, number: id.number, start: 0, end: 0)
    return id
  }

  /// Records that an allocator gave memory away. A filter's expression is matched against the allocator's name.
  @inlinable
  public func trackAllocation(_ allocator: AllocatorID, bytes: Int) {
    guard admits(allocator.name, .allocation) else { return }
    guard !state.pointee.isCompatibleWith15 else {
      countUnsupported()
      return
    }
    append(
      TraceRecord.tag(.allocation), name: -1, number: allocator.number, start: UInt64(truncatingIfNeeded: bytes), end: 0
    )
  }

  /// Counts an event that the reference would refuse the file for.
  @usableFromInline
  func countUnsupported() {
    state.pointee.unsupported += 1
    stream.publishCounts()
  }

  // MARK: Records

  @inlinable @inline(__always)
  func admits(_ name: NameID, _ kind: EventKind) -> Bool {
    let verdict = name.verdicts >> (2 &* UInt16(truncatingIfNeeded: kind.rawValue)) & 3
    return verdict == 1 || (verdict == 2 && ask(name, kind))
  }

  @usableFromInline @inline(never)
  func ask(_ name: NameID, _ kind: EventKind) -> Bool {
    tracer.filter.admits(kind, matches: name.matches, handle: state.pointee.debugHandle)
  }

  /// Writes a record in the present scope.
  @inlinable @inline(__always)
  func append(_ tag: UInt32, name: Int32, number: Int32, start: UInt64, end: UInt64) {
    append(
      tag, name: name, chain: state.pointee.chain, instruction: state.pointee.instruction, number: number, start: start,
      end: end)
  }

  @inlinable @inline(__always)
  func append(
    _ tag: UInt32, name: Int32, number: Int32, start: UInt64, end: UInt64, extra: UnsafeRawBufferPointer
  ) {
    append(
      tag, name: name, chain: state.pointee.chain, instruction: state.pointee.instruction, number: number, start: start,
      end: end, extra: extra)
  }

  @inlinable @inline(__always)
  func append(
    _ tag: UInt32, name: Int32, chain: Int32, instruction: Int32, number: Int32, start: UInt64, end: UInt64
  ) {
    if state.pointee.limit - state.pointee.next < TraceRecord.size {
      guard more(TraceRecord.size) else { return }
    }
    let place = state.pointee.next
    place.assumingMemoryBound(to: TraceRecord.self).initialize(
      to: TraceRecord(name: name, chain: chain, instruction: instruction, number: number, start: start, end: end))
    cclock_publish(place.assumingMemoryBound(to: UInt32.self), tag)
    state.pointee.next = place + TraceRecord.size
  }

  /// Writes a record with bytes behind it.
  @inlinable
  func append(
    _ tag: UInt32, name: Int32, chain: Int32, instruction: Int32, number: Int32, start: UInt64, end: UInt64,
    extra: UnsafeRawBufferPointer
  ) {
    guard let base = extra.baseAddress, extra.count > 0 else {
      append(tag, name: name, chain: chain, instruction: instruction, number: number, start: start, end: end)
      return
    }
    guard let place = reserve(extra: extra.count) else { return }
    (place + TraceRecord.size).copyMemory(from: base, byteCount: extra.count)
    commit(
      place, tag,
      TraceRecord(
        name: name, chain: chain, instruction: instruction, number: number,
        extra: UInt32(truncatingIfNeeded: extra.count), start: start, end: end))
  }

  /// Room for a record and bytes behind it, nil where there is none: the event is dropped and counted.
  @inlinable
  func reserve(extra: Int) -> UnsafeMutableRawPointer? {
    let size = TraceRecord.places(extra: extra) &* TraceRecord.size
    if state.pointee.limit - state.pointee.next < size {
      guard more(size) else { return nil }
    }
    return state.pointee.next
  }

  /// Makes a record valid whose bytes behind it are written.
  @inlinable
  func commit(_ place: UnsafeMutableRawPointer, _ tag: UInt32, _ record: TraceRecord) {
    place.assumingMemoryBound(to: TraceRecord.self).initialize(to: record)
    cclock_publish(place.assumingMemoryBound(to: UInt32.self), tag)
    state.pointee.next = place + TraceRecord.places(extra: Int(record.extra)) &* TraceRecord.size
  }

  /// Goes on in new memory, or counts a dropped event.
  @usableFromInline @inline(never)
  func more(_ size: Int) -> Bool {
    let start = clock()
    defer { state.pointee.excluded &+= clock() &- start }
    return stream.more(size)
  }
}
