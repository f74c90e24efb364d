import Bytes
import CClock
import ETDumpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory taken from the system and written to once, so that its pages are there.
enum TouchedMemory {
  static func take(_ count: Int) -> UnsafeMutableRawBufferPointer? {
    guard count > 0, let size = Int.pageAligned(count),
      let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED
    else { return nil }
    let memory = UnsafeMutableRawBufferPointer(start: base, count: size)
    LargePages.prefer(UnsafeRawBufferPointer(memory))
    touch(memory)
    return memory
  }

  static func give(_ memory: UnsafeMutableRawBufferPointer) { munmap(memory.baseAddress, memory.count) }

  static func touch(_ memory: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
      // MADV_POPULATE_WRITE, of Linux 5.14: all pages at once.
      if madvise(memory.baseAddress, memory.count, 23) == 0 { return }
    #endif
    for offset in stride(from: 0, to: memory.count, by: 4096) {
      memory.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
    }
  }
}

extension Int {
  /// The next multiple of a page's size, 16 KiB so that it is one everywhere; nil beyond the largest number.
  static func pageAligned(_ count: Int) -> Int? {
    let (sum, overflow) = count.addingReportingOverflow((1 << 14) - 1)
    return overflow ? nil : sum & ~((1 << 14) - 1)
  }
}

/// The records of one thread: one piece of memory, or the pieces of a journal that are its.
final class RecordStream: @unchecked Sendable {
  let number: Int
  let name: String
  let state: UnsafeMutablePointer<ThreadState>
  private let journal: JournalFile?
  /// In memory: all that was taken. In a journal: the piece that is written at present.
  private var memory: UnsafeMutableRawBufferPointer?
  private var ordinal: UInt32 = 0

  init(
    number: Int, name: String, capacity: Int, journal: JournalFile?, usesCounter: Bool, isCompatibleWith15: Bool
  ) {
    self.number = number
    self.name = name
    self.journal = journal
    // Without memory: nothing fits, everything is dropped and counted.
    let nothing = UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    state = .allocate(capacity: 1)
    state.initialize(
      to: ThreadState(
        next: nothing, limit: nothing, usesCounter: usesCounter, isCompatibleWith15: isCompatibleWith15))
    if journal != nil {
      _ = extend(1)
    } else if let size = max(capacity, 1).checkedProduct(TraceRecord.size), let taken = TouchedMemory.take(size),
      let base = taken.baseAddress
    {
      memory = taken
      state.pointee.next = base
      state.pointee.limit = base + size
    }
  }

  deinit {
    if let memory {
      if let journal { journal.release(memory) } else { TouchedMemory.give(memory) }
    }
    state.deallocate()
  }

  /// Makes room for `size` bytes, or counts a dropped event.
  func more(_ size: Int) -> Bool {
    if extend(size) { return true }
    state.pointee.droppedEvents += 1
    publishCounts()
    return false
  }

  /// Goes on in a new piece of the journal.
  private func extend(_ size: Int) -> Bool {
    guard let journal, size <= JournalFile.chunkSize - JournalChunk.headerSize else { return false }
    guard
      let chunk = journal.chunk(
        JournalFile.chunkSize, stream: UInt32(truncatingIfNeeded: number) + 1, ordinal: ordinal),
      let base = chunk.baseAddress
    else { return false }
    ordinal += 1
    if let memory { journal.release(memory) }
    memory = chunk
    state.pointee.next = base + JournalChunk.headerSize
    state.pointee.limit = base + chunk.count
    publishCounts()
    return true
  }

  /// Records a moment on both clocks, where there is room for it.
  func append(_ anchor: ClockAnchor) {
    if state.pointee.limit - state.pointee.next < TraceRecord.size && !extend(TraceRecord.size) { return }
    let place = state.pointee.next
    place.assumingMemoryBound(to: TraceRecord.self).initialize(
      to: TraceRecord(name: -1, chain: -1, instruction: 0, start: anchor.counter, end: anchor.nanoseconds))
    cclock_publish(place.assumingMemoryBound(to: UInt32.self), TraceRecord.tag(.anchor))
    state.pointee.next = place + TraceRecord.size
  }

  /// Writes the counts of what was dropped where a reader of the journal finds them.
  func publishCounts() {
    guard journal != nil, let base = memory?.baseAddress else { return }
    JournalChunk.publish(
      droppedEvents: state.pointee.droppedEvents, droppedValues: state.pointee.droppedValues,
      unsupported: state.pointee.unsupported, in: base)
  }

  /// What is in memory.
  var recorded: TraceRecording.Thread {
    var thread = TraceRecording.Thread(name: name)
    thread.droppedEvents = state.pointee.droppedEvents
    thread.droppedValues = state.pointee.droppedValues
    thread.unsupported = state.pointee.unsupported
    if journal == nil, let base = memory?.baseAddress {
      thread.pieces = [.init(bytes: UnsafeRawBufferPointer(start: base, count: state.pointee.next - base), offset: 0)]
    }
    return thread
  }
}
