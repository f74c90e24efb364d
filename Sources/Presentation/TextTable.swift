/// A table for people: columns as wide as they need to be, numbers to the right, headings once.
public struct TextTable: Sendable {
  public struct Column: Sendable {
    public let title: String
    public let isNumber: Bool
    /// Shortened first where the table is wider than the terminal.
    public let canShrink: Bool

    public init(_ title: String, isNumber: Bool = false, canShrink: Bool = false) {
      self.title = title
      self.isNumber = isNumber
      self.canShrink = canShrink
    }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  public mutating func row(_ cells: [String]) {
    precondition(cells.count == columns.count)
    rows.append(cells.map(Self.singleLine))
  }

  /// - Parameter width: Characters to a line; nil where lines may be of any length.
  public func text(width: Int? = nil) -> String {
    var widths = columns.map(\.title.count)
    for row in rows { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) } }
    if let width {
      var excess = widths.reduce(0, +) + 2 * (columns.count - 1) - width
      for index in columns.indices.reversed() where columns[index].canShrink && excess > 0 {
        let cut = min(excess, max(0, widths[index] - 12))
        widths[index] -= cut
        excess -= cut
      }
    }
    var out = ""
    line(columns.map(\.title), widths, to: &out)
    for row in rows { line(row, widths, to: &out) }
    return out
  }

  public func markdown() -> String {
    func escaped(_ cell: String) -> String {
      cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
    var out = "| " + columns.map(\.title).joined(separator: " | ") + " |\n"
    out += "|" + columns.map { $0.isNumber ? " ---: |" : " --- |" }.joined() + "\n"
    for row in rows { out += "| " + row.map(escaped).joined(separator: " | ") + " |\n" }
    return out
  }

  private func line(_ cells: [String], _ widths: [Int], to out: inout String) {
    var text = ""
    for (index, cell) in cells.enumerated() {
      if index > 0 { text += "  " }
      let fitted = cell.count > widths[index] ? Self.shortened(cell, to: widths[index]) : cell
      let padding = String(repeating: " ", count: widths[index] - fitted.count)
      text += columns[index].isNumber ? padding + fitted : fitted + padding
    }
    while text.last == " " { text.removeLast() }
    out += text + "\n"
  }

  /// Keeps the beginning and the end: names of operators differ there.
  private static func shortened(_ text: String, to width: Int) -> String {
    guard width > 3 else { return String(text.prefix(width)) }
    let head = (width - 1) * 2 / 3
    return text.prefix(head) + "…" + text.suffix(width - 1 - head)
  }

  /// Control characters of hostile names must not reach a terminal.
  package static func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }) else {
      return text
    }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) ? "\u{FFFD}" : $0 }))
  }
}

/// Numbers for people.
public enum NumberText {
  /// Three significant digits, without an exponent where that is readable: `0.138`, `12.4`, `1,240`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let size = abs(value)
    if size == 0 { return "0" }
    if size >= 1000 { return grouped(Int64(value.rounded())) }
    let digits =
      size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : size >= 0.01 ? 4 : size >= 0.001 ? 5 : 6
    return fixed(value, digits)
  }

  public static func percent(_ share: Double) -> String { share.isFinite ? fixed(share * 100, 1) + "%" : "" }

  /// A number with so many digits behind the point, rounded half away from zero.
  public static func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value * scale).rounded()
    guard abs(scaled) < 9e15 else { return value.description }
    let whole = Int64(abs(scaled))
    let sign = scaled < 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    let text = String(whole)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
  }

  public static func grouped(_ value: Int64) -> String {
    var digits = String(value.magnitude)
    var out = ""
    while digits.count > 3 {
      out = "," + digits.suffix(3) + out
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + digits + out
  }
}
