/// Why a tracer could not be made, or its trace not be written. Recording itself never fails: it drops and counts.
public struct TracerError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is. New codes may be added: switch with a default.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ name: String) { description = name }

    /// The processor has no counter that runs at one rate.
    public static let clock = Code("clock")
    /// A filter's expression cannot be compiled, or there are too many.
    public static let filter = Code("filter")
    /// There is no memory for the buffers that were asked for.
    public static let memory = Code("memory")
    /// A file cannot be made or written.
    public static let file = Code("file")
    /// What was recorded cannot be put into an ETDump.
    public static let trace = Code("trace")
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
