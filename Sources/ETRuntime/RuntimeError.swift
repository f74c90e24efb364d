/// Why a program could not be loaded or run.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is. New codes may be added: switch with a default.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ name: String) { description = name }

    /// The program has no such method, input or output.
    public static let missing = Code("missing")
    /// Operators or backends that nobody registered.
    public static let notRegistered = Code("not registered")
    /// The program contradicts itself.
    public static let malformed = Code("malformed")
    /// Valid, but nothing that this runtime does.
    public static let unsupported = Code("unsupported")
    /// An input does not fit the method.
    public static let input = Code("input")
    /// A kernel refused its arguments.
    public static let kernel = Code("kernel")
    /// A delegate failed.
    public static let delegate = Code("delegate")
    /// There is no memory, or more than allowed would be taken.
    public static let memory = Code("memory")
    /// More instructions than the limit.
    public static let stepLimit = Code("step limit")
    /// The caller asked to stop.
    public static let cancelled = Code("cancelled")
  }

  /// Where in a method.
  public struct Place: Sendable, Equatable, CustomStringConvertible {
    public let method: String
    public let chain: Int
    /// The instruction's index in its chain: the id that traces hold.
    public let instruction: Int
    /// The operator's or backend's name.
    public let operatorName: String?

    public var description: String {
      "method \(method), instruction \(chain == 0 ? "" : "\(chain):")\(instruction)"
        + (operatorName.map { ", \($0)" } ?? "")
    }
  }

  public let code: Code
  public let detail: String
  public let place: Place?

  public init(_ code: Code, _ detail: String, at place: Place? = nil) {
    self.code = code
    self.detail = detail
    self.place = place
  }

  public var description: String { place.map { "\(detail) (at \($0))" } ?? detail }
}
