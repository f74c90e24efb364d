#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory aligned to 64 bytes, as long as the system has some: a hostile program's wishes are no reason to trap.
enum SystemMemory {
  static func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    var memory: UnsafeMutableRawPointer?
    return posix_memalign(&memory, 64, max(byteCount, 64)) == 0 ? memory : nil
  }

  static func zeros(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let memory = take(byteCount)
    if let memory { memset(memory, 0, byteCount) }
    return memory
  }

  static func give(_ memory: UnsafeMutableRawPointer) { free(memory) }
}
