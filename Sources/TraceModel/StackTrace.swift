import Bytes
import ETCore

/// A Python stack trace, as text: `File "models.py", line 130, in forward`, then the line itself.
public enum StackTrace {
  /// A line of the model that was being executed.
  public struct Frame: Sendable, Hashable {
    public let file: Substring
    public let line: Int
    /// The function around the line; empty where it is not given.
    public let function: Substring
    /// The line itself, as Python has it; empty where it is not given.
    public let code: Substring

    /// Whether it is the model's own, not one of an installed package's or PyTorch's.
    public var isOwn: Bool { !file.containsBytes("site-packages") && !file.containsBytes("/torch/") }
  }

  /// The frames, outermost first.
  public static func frames(_ text: String) -> [Frame] {
    var frames: [Frame] = []
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"))
    for (index, line) in lines.enumerated() {
      // File "…", line …, in …
      let parts = line.split(separator: UInt8(ascii: "\""), maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[0].suffix(5).elementsEqual("File ".utf8), parts[2].starts(with: ", line ".utf8)
      else { continue }
      let rest = Substring(parts[2].dropFirst(7))
      let number = rest.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      let behind = rest.utf8[number.endIndex...]
      let next = lines.indices.contains(index + 1) ? Substring(lines[index + 1]).drop { $0 == " " } : ""
      frames.append(
        Frame(
          file: Substring(parts[1]), line: Int(Substring(number)) ?? 0,
          function: behind.starts(with: ", in ".utf8) ? Substring(behind.dropFirst(5)) : "",
          code: next.hasPrefix("File \"") ? "" : next))
    }
    return frames
  }

  /// The innermost line that is not in an installed package, or the innermost of all.
  public static func modelLine(_ text: String) -> String? {
    let frames = frames(text)
    return (frames.last { $0.isOwn } ?? frames.last).map { "\($0.file):\($0.line)" }
  }
}
