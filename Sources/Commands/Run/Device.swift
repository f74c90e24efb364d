import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The machine that this process runs on.
enum Device {
  /// System, architecture and processor: `Linux x86_64, Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz`.
  static var description: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "unknown" }
    func text<T>(_ field: T) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    let system = "\(text(name.sysname)) \(text(name.machine))"
    return processor.map { "\(system), \($0)" } ?? system
  }

  private static var processor: String? {
    #if canImport(Darwin)
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else { return nil }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      // `model name	: …`, which is not there on every architecture.
      guard let file = try? FileContents.open("/proc/cpuinfo") else { return nil }
      let text = withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
      let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
      return line?.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == " " }) }
    #endif
  }
}
