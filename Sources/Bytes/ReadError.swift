/// Why bytes could not be read: what was wrong, and where.
///
/// Every reader of every format throws this one type, so that a tool can print any of them the same way:
/// `run7.etdp: not an ETDump: the identifier is not ED00 (at byte 4)`.
public struct ReadError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is. New codes may be added: switch with a default.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ name: String) { description = name }

    /// The file cannot be opened or read.
    public static let unreadable = Code("unreadable")
    /// The bytes are of another format than the one asked for.
    public static let notThisFormat = Code("not this format")
    /// The file ends before what it announces.
    public static let truncated = Code("truncated")
    /// An offset or a length points outside the bytes.
    public static let outOfBounds = Code("out of bounds")
    /// A value does not lie where its alignment puts it.
    public static let misaligned = Code("misaligned")
    /// The bytes contradict the format's rules.
    public static let malformed = Code("malformed")
    /// A checksum does not match.
    public static let checksum = Code("checksum")
    /// Valid, but beyond a limit that keeps hostile input from using up memory or time.
    public static let limit = Code("limit")
    /// Valid, but of a kind that is not read here.
    public static let unsupported = Code("unsupported")
    /// Something that the caller asked for is not there.
    public static let missing = Code("missing")
  }

  // One pointer wide, so that throwing functions in hot loops return nothing large.
  private final class Storage: Sendable {
    let code: Code
    let offset: Int?
    let entry: String?
    let detail: String

    init(code: Code, offset: Int?, entry: String?, detail: String) {
      self.code = code
      self.offset = offset
      self.entry = entry
      self.detail = detail
    }
  }

  private let storage: Storage

  /// - Parameters:
  ///   - offset: Bytes from the start of the file, or of `entry` where that is given.
  ///   - entry: The archive entry or nested part that `offset` counts in.
  public init(_ code: Code, at offset: Int?, in entry: String? = nil, _ detail: String) {
    storage = Storage(code: code, offset: offset, entry: entry, detail: detail)
  }

  public var code: Code { storage.code }
  public var offset: Int? { storage.offset }
  public var entry: String? { storage.entry }
  /// The sentence without the place.
  public var detail: String { storage.detail }

  /// The same error, placed in an entry of an archive (outermost first: `a/b` for entry b of archive a).
  public func inside(_ entry: String) -> ReadError {
    ReadError(code, at: offset, in: self.entry.map { entry + "/" + $0 } ?? entry, detail)
  }

  public var description: String {
    switch (offset, entry) {
    case (let offset?, let entry?): "\(detail) (at byte \(offset) of \(entry))"
    case (let offset?, nil): "\(detail) (at byte \(offset))"
    case (nil, let entry?): "\(detail) (in \(entry))"
    case (nil, nil): detail
    }
  }
}
