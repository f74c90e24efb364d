/// What a tool says when it ends. Scripts depend on the numbers.
public enum ExitStatus: Int32, Sendable {
  case fine = 0
  /// The check found something.
  case found = 1
  /// Input that cannot be read or does not fit together, output that cannot be written.
  case trouble = 2
  /// `etgate check`: nothing to compare with.
  case nothingToCompare = 3
  /// Options that make no sense.
  case usage = 64
}

/// Trouble, with the sentence for the user. The tool adds its name.
public struct Trouble: Error, CustomStringConvertible {
  public let status: ExitStatus
  public let description: String

  public init(_ description: String, status: ExitStatus = .trouble) {
    self.description = description
    self.status = status
  }
}
