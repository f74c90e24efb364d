#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The terminal behind standard output.
public enum Terminal {
  /// Characters to a line, or nil where standard output is no terminal: a piped table is not cut.
  public static var width: Int? {
    guard isatty(1) == 1 else { return nil }
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 40 else { return nil }
    return Int(size.ws_col)
  }
}
