public import Bytes

/// Where a command's result goes: a file that appears whole or not at all, or a stream.
public struct Output {
  /// - Parameter path: nil or `-` for `standard`.
  public static func write(to path: String?, standard: any ByteSink, _ body: (any ByteSink) throws -> Void) throws {
    guard let path, path != "-" else { return try body(standard) }
    let file = try AtomicFile(path: path)
    try body(file)
    try file.commit()
  }
}
