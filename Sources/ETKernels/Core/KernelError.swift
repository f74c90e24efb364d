/// Why a kernel refused its arguments or could not compute.
public struct KernelError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is. New codes may be added: switch with a default.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ name: String) { description = name }

    /// An argument has a value, a type or a shape that the operator does not take.
    public static let invalidArgument = Code("invalid argument")
    /// Valid for the operator, but not provided for.
    public static let notSupported = Code("not supported")
    /// The result does not fit the memory that the program planned for it.
    public static let doesNotFit = Code("does not fit")
    /// There is no memory for intermediate results.
    public static let outOfMemory = Code("out of memory")
    /// The caller asked to stop.
    public static let cancelled = Code("cancelled")
  }

  // One pointer wide, so that throwing functions in hot loops return nothing large.
  private final class Storage: Sendable {
    let code: Code
    let detail: String

    init(code: Code, detail: String) {
      self.code = code
      self.detail = detail
    }
  }

  private let storage: Storage

  public init(_ code: Code, _ detail: String) { storage = Storage(code: code, detail: detail) }

  public var code: Code { storage.code }
  public var detail: String { storage.detail }
  public var description: String { storage.detail }
}

/// Throws an `invalidArgument` unless the condition holds.
@inlinable @inline(__always)
public func require(_ condition: Bool, _ detail: @autoclosure () -> String) throws(KernelError) {
  if !condition { throw KernelError(.invalidArgument, detail()) }
}
