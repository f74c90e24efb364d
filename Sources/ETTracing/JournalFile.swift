import CClock
import ETDumpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes a journal: gives its pieces out, mapped, one at a time.
final class JournalFile: @unchecked Sendable {
  /// Bytes of a piece of events: 26,000 of them.
  static let chunkSize = 1 << 20

  let path: String
  private let descriptor: Int32
  private let limit: Int
  private var size = JournalHeader.size
  private let lock: UnsafeMutablePointer<pthread_mutex_t>

  /// Makes the file, which appears under its name with its header in it.
  init(
    path: String, limit: Int, usesCounter: Bool, ticksPerSecond: Double, begun: ClockAnchor
  ) throws(TracerError) {
    self.path = path
    self.limit = limit
    var template = Array((path + ".XXXXXX").utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw Self.error(path) }
    let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, 0o666 & ~mask)
    let header = JournalHeader(usesCounter: usesCounter, ticksPerSecond: ticksPerSecond, begun: begun.pair).encoded()
    guard pwrite(descriptor, header, header.count, 0) == header.count, rename(temporary, path) == 0 else {
      let error = Self.error(path)
      unlink(temporary)
      close(descriptor)
      throw error
    }
    lock = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
  }

  deinit {
    close(descriptor)
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  private static func error(_ path: String) -> TracerError {
    TracerError(.file, "\(path): \(String(cString: strerror(errno)))")
  }

  /// A new piece at the end of the file, its header written; nil where the disk or the limit has no room for it.
  func chunk(_ count: Int, stream: UInt32, ordinal: UInt32) -> UnsafeMutableRawBufferPointer? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    // The blocks are taken now: a full disk shows here, and not in a signal when a record is written.
    guard count <= limit - size, allocate(size, count) else { return nil }
    guard let base = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(size)), base != MAP_FAILED
    else { return nil }
    let chunk = UnsafeMutableRawBufferPointer(start: base, count: count)
    TouchedMemory.touch(chunk)
    JournalChunk.begin(stream: stream, size: UInt32(count), ordinal: ordinal, in: base)
    cclock_publish(base.assumingMemoryBound(to: UInt32.self), JournalChunk.mark)
    size += count
    return chunk
  }

  private func allocate(_ offset: Int, _ count: Int) -> Bool {
    #if os(Linux)
      return posix_fallocate(descriptor, off_t(offset), off_t(count)) == 0
    #else
      var store = fstore_t(
        fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0, fst_length: off_t(count),
        fst_bytesalloc: 0)
      return fcntl(descriptor, F_PREALLOCATE, &store) == 0 && ftruncate(descriptor, off_t(offset + count)) == 0
    #endif
  }

  /// A piece that is not written any more.
  func release(_ chunk: UnsafeMutableRawBufferPointer) { munmap(chunk.baseAddress, chunk.count) }
}

/// The journal's texts: names, threads, metadata. The tracer's lock is held.
final class JournalText: @unchecked Sendable {
  private let journal: JournalFile
  private var chunk: UnsafeMutableRawBufferPointer?
  private var used = 0
  private var ordinal: UInt32 = 0
  private var isFull = false

  init(journal: JournalFile) { self.journal = journal }

  deinit { if let chunk { journal.release(chunk) } }

  /// Whether there was room for it. Once there was none, nothing more is written, so that numbers have no gaps.
  @discardableResult
  func append(_ kind: TraceRecord.Kind, _ text: String, name: Int32 = -1, number: Int32 = -1) -> Bool {
    var text = text
    return text.withUTF8 { utf8 in
      let size = TraceRecord.places(extra: utf8.count) * TraceRecord.size
      guard !isFull, let place = room(size) else {
        isFull = true
        return false
      }
      if let text = utf8.baseAddress {
        (place + TraceRecord.size).copyMemory(from: text, byteCount: utf8.count)
      }
      place.assumingMemoryBound(to: TraceRecord.self).initialize(
        to: TraceRecord(
          name: name, chain: -1, instruction: 0, number: number, extra: UInt32(truncatingIfNeeded: utf8.count),
          start: 0, end: 0))
      cclock_publish(place.assumingMemoryBound(to: UInt32.self), TraceRecord.tag(kind))
      used += size
      return true
    }
  }

  private func room(_ size: Int) -> UnsafeMutableRawPointer? {
    if let chunk, used + size <= chunk.count { return chunk.baseAddress.map { $0 + used } }
    guard let count = Int.pageAligned(max(size + JournalChunk.headerSize, 1 << 14)),
      let next = journal.chunk(count, stream: 0, ordinal: ordinal)
    else { return nil }
    if let chunk { journal.release(chunk) }
    chunk = next
    used = JournalChunk.headerSize
    ordinal += 1
    return next.baseAddress.map { $0 + used }
  }
}
