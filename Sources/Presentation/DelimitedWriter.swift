/// Rows of text, separated by commas or tabs, quoted where a field needs it (RFC 4180; the quoting of Python's `csv`).
public struct DelimitedWriter {
  private let separator: UInt8
  public private(set) var bytes: [UInt8] = []

  public init(separator: Unicode.Scalar) { self.separator = UInt8(ascii: separator) }

  public mutating func row(_ fields: [String]) {
    for (index, field) in fields.enumerated() {
      if index > 0 { bytes.append(separator) }
      append(field)
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func append(_ field: String) {
    let quote = UInt8(ascii: "\"")
    // Python's writer leaves a carriage return bare in tab-separated text; commas are read by spreadsheets, which do not.
    let bare: UInt8 = separator == UInt8(ascii: "\t") ? 10 : 13
    let needsQuotes = field.utf8.contains { $0 == separator || $0 == quote || $0 == 10 || $0 == bare }
    guard needsQuotes else { return bytes.append(contentsOf: field.utf8) }
    bytes.append(quote)
    for byte in field.utf8 {
      if byte == quote { bytes.append(quote) }
      bytes.append(byte)
    }
    bytes.append(quote)
  }
}
