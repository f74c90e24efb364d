/// An event's name taken apart: `Fully Connected (NC, QD8, F32, QC8W) GEMM #3` is the operator `Fully Connected`, the layout
/// `NC`, the types `QD8, F32, QC8W` and the micro-kernel `GEMM`.
///
/// XNNPACK's `runtime.c` puts the name together. The number counts the operators of the same name in one call.
struct XNNPACKKernelName: Hashable {
  let base: Substring
  /// Empty where the name has no parentheses.
  let layout: Substring
  let types: Substring
  let suffix: Substring

  init(_ event: String) {
    let name = Self.withoutNumber(event)
    guard let open = name.firstIndex(of: "("), let close = name[open...].firstIndex(of: ")"), open > name.startIndex,
      name[name.index(before: open)] == " "
    else {
      (base, layout, types, suffix) = (name, "", "", "")
      return
    }
    base = name[..<name.index(before: open)]
    let inside = name[name.index(after: open)..<close]
    if let comma = inside.firstIndex(of: ",") {
      layout = inside[..<comma]
      types = inside[inside.index(after: comma)...].drop { $0 == " " }
    } else {
      (layout, types) = (inside, "")
    }
    suffix = name[name.index(after: close)...].drop { $0 == " " }
  }

  /// The name up to ` #` and digits.
  static func withoutNumber(_ event: String) -> Substring {
    var event = event
    event.makeContiguousUTF8()
    let utf8 = event.utf8
    var end = utf8.endIndex
    while end > utf8.startIndex, (48...57).contains(utf8[utf8.index(before: end)]) { end = utf8.index(before: end) }
    guard end < utf8.endIndex, event[..<end].hasSuffix(" #") else { return event[...] }
    return event[..<utf8.index(end, offsetBy: -2)]
  }
}

/// The names that one operator may have, by data type, version and processor.
struct XNNPACKNamePattern: Hashable {
  enum Words: Hashable {
    case any
    case among([String])
    case beginning(String)

    static let none = Words.among([""])

    func allows(_ text: Substring) -> Bool {
      switch self {
      case .any: true
      case .among(let all): all.contains { text == $0 }
      case .beginning(let start): text.hasPrefix(start)
      }
    }

    /// One of them, for people.
    var example: String {
      switch self {
      case .any: "…"
      case .among(let all): all.first ?? ""
      case .beginning(let start): start
      }
    }
  }

  struct Alternative: Hashable {
    var bases: [String]
    var layouts: Words
    var types = Words.none
    var suffixes = Words.none
  }

  var alternatives: [Alternative]

  init(_ base: String, _ layout: String, types: Words = .none, suffixes: Words = .none) {
    self.init([base], .among([layout]), types: types, suffixes: suffixes)
  }

  init(_ bases: [String], _ layouts: Words, types: Words = .none, suffixes: Words = .none) {
    alternatives = [Alternative(bases: bases, layouts: layouts, types: types, suffixes: suffixes)]
  }

  func or(_ other: XNNPACKNamePattern) -> XNNPACKNamePattern {
    var both = self
    both.alternatives += other.alternatives
    return both
  }

  static let anything = XNNPACKNamePattern([], .any, types: .any, suffixes: .any)

  func matches(_ name: XNNPACKKernelName) -> Bool {
    alternatives.contains {
      ($0.bases.isEmpty || $0.bases.contains { name.base == $0 }) && $0.layouts.allows(name.layout)
        && $0.types.allows(name.types) && $0.suffixes.allows(name.suffix)
    }
  }

  /// The likeliest name: `Convolution (NHWC, F32) IGEMM`.
  var example: String {
    guard let first = alternatives.first, let base = first.bases.first else { return "an unknown operator" }
    let inside = [first.layouts.example, first.types.example].filter { !$0.isEmpty }.joined(separator: ", ")
    let suffix = first.suffixes.example
    return base + (inside.isEmpty ? "" : " (\(inside))") + (suffix.isEmpty || suffix == "…" ? "" : " " + suffix)
  }
}
