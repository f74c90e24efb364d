public import Bytes

/// Cases that need not answer as the official runtime, and why: `Fixtures/corpus/exceptions.txt`.
///
/// A line is `operator | text in the case's name | what is allowed | reason`; allowed is a tolerance relative to the
/// tensor's greatest value, at most 1e-3, or `apart`: the official answer is no answer to agree with.
public struct CorpusExceptions: Sendable {
  public struct Line: Sendable {
    public let op: String
    public let text: String
    /// nil: the case is set apart.
    public let tolerance: Double?
    public let reason: String
  }

  public let lines: [Line]

  public init(_ text: String) throws(ReadError) {
    var lines: [Line] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      let fields = line.split(separator: "|", omittingEmptySubsequences: false).map { Self.trimmed($0) }
      guard fields.count == 4, !fields[3].isEmpty else {
        throw ReadError(.malformed, at: nil, "line \(number + 1) has not four fields")
      }
      let tolerance = Double(fields[2])
      guard fields[2] == "apart" || (tolerance.map { $0 <= 1e-3 } ?? false) else {
        throw ReadError(.malformed, at: nil, "line \(number + 1): '\(fields[2])' is not allowed")
      }
      lines.append(Line(op: fields[0], text: fields[1], tolerance: tolerance, reason: fields[3]))
    }
    self.lines = lines
  }

  public func line(for one: Corpus.Case) -> Line? {
    lines.first { $0.op == one.op && ($0.text.isEmpty || one.name.contains($0.text)) }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
