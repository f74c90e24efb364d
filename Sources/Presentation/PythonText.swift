/// Values as Python's `str` and `repr` print them, for tables that are compared with a Python tool's as text.
public enum PythonText {
  /// `repr` of a string: single quotes unless only they occur inside.
  public static func quoted(_ text: String) -> String {
    let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
    var out = String(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case quote: out += "\\" + String(quote)
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where isPrintable(scalar): out.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        out += "\\" + mark + String(repeating: "0", count: width - digits.count) + digits
      }
    }
    out.unicodeScalars.append(quote)
    return out
  }

  /// `repr` of a list, its elements given as they print.
  public static func list(_ elements: some Sequence<String>) -> String { "[" + elements.joined(separator: ", ") + "]" }

  public static func bool(_ flag: Bool) -> String { flag ? "True" : "False" }

  /// `repr` of a float.
  public static func float(_ number: Double) -> String {
    number.isFinite ? number.description : number.isNaN ? "nan" : number < 0 ? "-inf" : "inf"
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }
}
