public import Bytes

/// A page of `Templates/` as one file that needs no other: styles, scripts and data inside.
///
/// A template is a folder with an `index.html` that names its other files as any page does: its `<link rel="stylesheet">` and
/// `<script src>` lines are replaced by what they name, and `<!-- data -->` by the data. Nothing of the data is markup: it is
/// JSON in which no `<` is left, and base64.
public struct HTMLPage {
  private let folder: String

  /// - Precondition: `Templates/` has the folder.
  public init(template folder: String) { self.folder = folder }

  /// - Parameters:
  ///   - title: Plain text.
  ///   - data: JSON. The page finds it as the element `data`.
  ///   - columns: What the page finds, in base64, as the element `columns`.
  public func write(title: String, data: [UInt8], columns: ColumnData, to sink: any ByteSink) throws(WriteError) {
    for line in Self.text("\(folder)/index.html").split(separator: "\n") {
      let code = line.drop { $0 == " " }
      if code.hasPrefix("<title>") {
        try sink.write("<title>\(Self.escaped(title))</title>\n")
      } else if let name = Self.quoted(code, behind: "<link rel=\"stylesheet\" href=") {
        try sink.write("<style>\n\(Self.text("\(folder)/\(name)"))</style>\n")
      } else if let name = Self.quoted(code, behind: "<script src=") {
        try sink.write("<script>\n\(Self.text("\(folder)/\(name)"))</script>\n")
      } else if code.hasPrefix("<!-- data -->") {
        try sink.write("<script type=\"application/json\" id=\"data\">")
        try sink.write(Self.inert(data))
        try sink.write("</script>\n<script type=\"application/octet-stream\" id=\"columns\">")
        try sink.write(columns.base64())
        try sink.write("</script>\n")
      } else {
        try sink.write(line + "\n")
      }
    }
  }

  private static func text(_ path: String) -> String {
    guard let text = Templates.files[path] else { preconditionFailure("Templates has no \(path)") }
    return text.description
  }

  /// What stands in quotes behind a beginning.
  private static func quoted(_ line: Substring, behind beginning: String) -> Substring? {
    guard line.hasPrefix(beginning) else { return nil }
    return line.dropFirst(beginning.count + 1).prefix { $0 != "\"" }
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "<": out += "&lt;"
      case "&": out += "&amp;"
      default: out.append(character)
      }
    }
  }

  /// JSON in which nothing can end the element around it: `<` stands in strings alone, where it has another spelling.
  private static func inert(_ json: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(json.count + json.count / 64)
    for byte in json {
      if byte == UInt8(ascii: "<") { out += Array("\\u003c".utf8) } else { out.append(byte) }
    }
    return out
  }
}
