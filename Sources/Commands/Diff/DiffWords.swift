import Analysis
import ETCore
import Presentation
import TraceModel

/// The words of a comparison that several formats share.
struct DiffWords {
  let conversion: TimeConversion

  /// A time in the unit of `time` for people: three digits.
  func time(_ ticks: Double) -> String {
    guard conversion.source != .cycles else { return NumberText.short(ticks) + " cycles" }
    let nanoseconds = converted(ticks) * 1e9 / conversion.target.unitsPerSecond
    let size = abs(nanoseconds)
    let (unit, divisor) =
      size >= 1e9 ? ("s", 1e9) : size >= 1e6 ? ("ms", 1e6) : size >= 1e3 ? ("µs", 1e3) : ("ns", 1)
    return NumberText.short(nanoseconds / divisor) + " " + unit
  }

  func signed(_ ticks: Double) -> String { (ticks >= 0 ? "+" : "−") + time(abs(ticks)) }

  func converted(_ ticks: Double) -> Double {
    ticks * Double(conversion.tickRatio.numerator) / Double(max(1, conversion.tickRatio.denominator))
      / conversion.factor
  }

  static func percent(_ share: Double) -> String {
    guard share.isFinite else { return "" }
    return (share < 0 ? "−" : "+") + NumberText.percent(abs(share))
  }

  /// A setting, with no more digits than it has.
  static func plain(_ value: Double) -> String {
    var text = NumberText.fixed(value, 4)
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  static func p(_ p: Double) -> String {
    p < 0.0001 ? "< 0.0001" : NumberText.fixed(p, p < 0.01 ? 4 : 3)
  }

  func interval(_ interval: ClosedRange<Double>?) -> String {
    interval.map { "\(signed($0.lowerBound)) … \(signed($0.upperBound))" } ?? ""
  }

  // MARK: Names

  static func title(_ item: TraceDiff.Item) -> String {
    switch item.kind {
    case .calling: return "calling operators (framework)"
    case .control: return "control flow, moves and frees"
    case .between: return "between instructions"
    case .delegateRest: return "\(item.backend ?? "delegate") \(item.instruction): not accounted for by kernels"
    case .delegateCall: return "\(item.backend ?? "delegate") call \(item.instruction)"
    case .delegateKernel, .framework: return inert(item.name)
    case .operator: return inert(item.operatorName ?? item.name)
    }
  }

  /// What a row is about: an event, or what became what.
  func title(_ row: TraceDiff.Row) -> String {
    guard let base = row.base, let new = row.new else {
      return Self.several((row.base ?? row.new)?.items ?? [])
    }
    if base.items.count == 1 && new.items.count == 1 {
      let (a, b) = (Self.title(base.items[0]), Self.title(new.items[0]))
      return a == b || Self.unnumbered(a) == Self.unnumbered(b) ? b : "\(a) → \(b)"
    }
    return "\(Self.several(base.items)) → \(Self.several(new.items))"
  }

  /// As a sentence: `3 operators, 312 µs, became one XNNPACK call, 250 µs`.
  func sentence(_ row: TraceDiff.Row) -> String? {
    guard let base = row.base, let new = row.new, base.items.count > 1 || new.items.count > 1 else { return nil }
    return "\(Self.counted(base.items)), \(time(base.median)), became \(Self.counted(new.items)), \(time(new.median))"
  }

  static func several(_ items: [TraceDiff.Item]) -> String {
    guard items.count > 1 else { return items.first.map(title) ?? "" }
    if items.contains(where: { $0.kind == .delegateKernel || $0.kind == .delegateCall }) { return counted(items) }
    var names: [String] = []
    for item in items where !names.contains(title(item)) { names.append(title(item)) }
    let shown = names.prefix(3).joined(separator: ", ")
    return "\(items.count) × " + shown + (names.count > 3 ? ", …" : "")
  }

  static func counted(_ items: [TraceDiff.Item]) -> String {
    let kernels = items.count { $0.kind == .delegateKernel }
    let rest = items.count { $0.kind == .delegateRest || $0.kind == .delegateCall }
    let operators = items.count - kernels - rest
    let backend = items.first { $0.kind != .operator && $0.backend != nil }?.backend.map(short) ?? "delegate"
    var parts: [String] = []
    func number(_ count: Int, _ noun: String) -> String { count == 1 ? "one \(noun)" : "\(count) \(noun)s" }
    if operators > 0 { parts.append(number(operators, "operator")) }
    if rest > 0 {
      parts.append(number(rest, "\(backend) call") + (kernels > 0 ? " of \(number(kernels, "kernel"))" : ""))
    } else if kernels > 0 {
      parts.append(number(kernels, "\(backend) kernel"))
    }
    return parts.joined(separator: " and ")
  }

  private static func short(_ backend: String) -> String {
    backend == "XnnpackBackend" ? "XNNPACK" : inert(backend)
  }

  private static func unnumbered(_ text: String) -> String {
    String(text.split(separator: "#").first ?? "")
  }

  /// A name from a file without what could do something where it is shown.
  static func inert(_ text: String, limit: Int = 400) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(limit) {
      let value = scalar.value
      let isActive =
        value < 0x20 || (0x7F..<0xA0).contains(value) || (0x200E...0x200F).contains(value)
        || (0x2028...0x202E).contains(value) || (0x2066...0x2069).contains(value)
      scalars.append(isActive ? "\u{FFFD}" : scalar)
    }
    return String(scalars)
  }

  /// … in Markdown, where marks, tags and links would be obeyed. A table escapes its own bars.
  static func markdown(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "&": out += "&amp;"
      case "\\", "`", "*", "[", "]", "!", "#", "~": out += "\\" + String(character)
      case "@": out += "&#64;"
      default: out.unicodeScalars.append(character)
      }
    }
    // An address would be made a link.
    return out.split(separator: "://", omittingEmptySubsequences: false).joined(separator: ":&#47;&#47;")
  }

  /// … in a table that a spreadsheet opens, where it could be taken for a formula.
  static func cell(_ text: String) -> String {
    let text = inert(text)
    guard let first = text.unicodeScalars.first, "=+-@\u{FFFD}".unicodeScalars.contains(first) else { return text }
    return "'" + text
  }
}
