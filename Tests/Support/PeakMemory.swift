#if os(Linux)
  import Glibc

  /// How much memory a piece of work takes at most. For a process that does nothing else meanwhile: an exit test's.
  public enum PeakMemory {
    /// Bytes by which the process's resident memory grew beyond what it was, at the worst moment of `body`.
    public static func growth<R>(during body: () throws -> R) rethrows -> (result: R, bytes: Int) {
      // 5 resets the peak to the present size.
      if let file = fopen("/proc/self/clear_refs", "w") {
        fputs("5", file)
        fclose(file)
      }
      let before = resident("VmRSS:")
      let result = try body()
      return (result, resident("VmHWM:") - before)
    }

    private static func resident(_ field: String) -> Int {
      guard let file = fopen("/proc/self/status", "r") else { return 0 }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix(field) else { continue }
        return (text.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
      }
      return 0
    }
  }
#endif
