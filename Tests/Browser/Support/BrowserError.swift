/// Why the browser did not do what a test asked.
public struct BrowserError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// No Chromium on this machine.
    case missing
    /// Chromium did not start, or ended before it answered.
    case notStarted
    /// The deadline passed: the page hangs, or what was waited for did not happen.
    case timedOut
    /// The page's process died.
    case crashed
    /// The browser or the page is gone.
    case closed
    /// Chromium refused a command.
    case refused
    /// The expression threw.
    case exception
    /// No element, or not one that can be clicked.
    case notFound
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
