import CClock

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the elements of tensors go, of all threads: each at a multiple of 64 bytes, as in the official `BufferDataSink`.
final class DebugBuffer: @unchecked Sendable {
  /// Nil where it is a file.
  private let memory: UnsafeMutableRawBufferPointer?
  private let descriptor: Int32
  private let limit: UInt64
  /// Where the next free byte is: taken from by all threads.
  private let next: UnsafeMutablePointer<UInt64>

  init?(_ configuration: EventTracer.Configuration.DebugBuffer) throws(TracerError) {
    switch configuration {
    case .none: return nil
    case .memory(let capacity):
      guard let touched = TouchedMemory.take(max(capacity, 64)) else {
        throw TracerError(.memory, "debug buffer: no memory for \(capacity) bytes")
      }
      memory = touched
      descriptor = -1
      limit = UInt64(max(capacity, 0))
    case .file(let path, let limit):
      memory = nil
      descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw TracerError(.file, "\(path): \(String(cString: strerror(errno)))") }
      self.limit = UInt64(max(limit, 0))
    }
    next = .allocate(capacity: 1)
    next.initialize(to: 0)
  }

  deinit {
    if let memory { TouchedMemory.give(memory) }
    if descriptor >= 0 { close(descriptor) }
    next.deallocate()
  }

  /// Bytes used.
  var used: Int { Int(min(next.pointee, limit)) }

  var bytes: UnsafeRawBufferPointer? {
    memory.map { UnsafeRawBufferPointer(rebasing: $0[..<used]) }
  }

  /// Copies elements; where they begin, or nil where there is no room.
  func store(_ elements: UnsafeRawBufferPointer) -> UInt64? {
    let size = UInt64(elements.count + 63) & ~63
    let offset = cclock_take(next, size, UInt64(elements.count), limit)
    guard offset != .max else { return nil }
    guard let base = elements.baseAddress else { return offset }
    if let memory {
      memory.baseAddress?.advanced(by: Int(offset)).copyMemory(from: base, byteCount: elements.count)
      return offset
    }
    var written = 0
    while written < elements.count {
      let count = pwrite(descriptor, base + written, elements.count - written, off_t(offset) + off_t(written))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      written += count
    }
    return offset
  }
}
