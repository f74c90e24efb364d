#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory that begins as zeros and goes back when this object does. Pages are taken as they are touched.
final class Arena {
  let bytes: UnsafeMutableRawBufferPointer

  /// - Throws: `memory` when the system has none.
  init(byteCount: Int, purpose: String) throws(RuntimeError) {
    guard byteCount > 0 else {
      bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    #if canImport(Darwin)
      let flags = MAP_PRIVATE | MAP_ANON
    #else
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
    #endif
    guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
      throw RuntimeError(.memory, "no memory for \(byteCount) bytes of \(purpose)")
    }
    #if !canImport(Darwin)
      // Large tensors are read and written end to end: fewer, larger pages.
      if byteCount >= 4 << 20 { madvise(base, byteCount, 14) }
    #endif
    bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
  }

  deinit {
    if let base = bytes.baseAddress { munmap(base, bytes.count) }
  }
}
