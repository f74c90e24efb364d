/// A key of an American keyboard, as `KeyboardEvent` describes it.
struct Key {
  let key: String
  let code: String
  /// `keyCode`, which outlived its deprecation.
  let number: Int
  /// What it types.
  let text: String?
  let isShifted: Bool

  static let modifiers: [String: Modifiers] = ["Alt": .alt, "Control": .control, "Meta": .meta, "Shift": .shift]

  private static let named: [String: (code: String, number: Int, text: String?)] = {
    var named: [String: (String, Int, String?)] = [
      "Backspace": ("Backspace", 8, nil), "Tab": ("Tab", 9, nil), "Enter": ("Enter", 13, "\r"),
      "Shift": ("ShiftLeft", 16, nil), "Control": ("ControlLeft", 17, nil), "Alt": ("AltLeft", 18, nil),
      "Escape": ("Escape", 27, nil), "PageUp": ("PageUp", 33, nil), "PageDown": ("PageDown", 34, nil),
      "End": ("End", 35, nil), "Home": ("Home", 36, nil), "ArrowLeft": ("ArrowLeft", 37, nil),
      "ArrowUp": ("ArrowUp", 38, nil), "ArrowRight": ("ArrowRight", 39, nil), "ArrowDown": ("ArrowDown", 40, nil),
      "Insert": ("Insert", 45, nil), "Delete": ("Delete", 46, nil), "Meta": ("MetaLeft", 91, nil),
      "ContextMenu": ("ContextMenu", 93, nil),
    ]
    for number in 1...12 { named["F\(number)"] = ("F\(number)", 111 + number, nil) }
    return named
  }()

  /// Each key's two characters.
  private static let marks: [(plain: Character, shifted: Character, code: String, number: Int)] = [
    (";", ":", "Semicolon", 186), ("=", "+", "Equal", 187), (",", "<", "Comma", 188), ("-", "_", "Minus", 189),
    (".", ">", "Period", 190), ("/", "?", "Slash", 191), ("`", "~", "Backquote", 192), ("[", "{", "BracketLeft", 219),
    ("\\", "|", "Backslash", 220), ("]", "}", "BracketRight", 221), ("'", "\"", "Quote", 222),
    ("0", ")", "Digit0", 48), ("1", "!", "Digit1", 49), ("2", "@", "Digit2", 50), ("3", "#", "Digit3", 51),
    ("4", "$", "Digit4", 52), ("5", "%", "Digit5", 53), ("6", "^", "Digit6", 54), ("7", "&", "Digit7", 55),
    ("8", "*", "Digit8", 56), ("9", "(", "Digit9", 57),
  ]

  /// By its name or by the character that it types; nil if no key does.
  init?(_ name: String) {
    if name == "Space" || name == " " {
      (key, code, number, text, isShifted) = (" ", "Space", 32, " ", false)
    } else if let known = Key.named[name] {
      (key, code, number, text, isShifted) = (name, known.code, known.number, known.text, false)
    } else if name.utf8.count == 1, let letter = name.first, letter.isLetter {
      let capital = letter.uppercased()
      (key, code, number, text) = (name, "Key" + capital, Int(capital.utf8.first ?? 0), name)
      isShifted = letter.isUppercase
    } else if name.count == 1, let mark = Key.marks.first(where: { [$0.plain, $0.shifted].contains(name.first) }) {
      (key, code, number, text) = (name, mark.code, mark.number, name)
      isShifted = name.first == mark.shifted
    } else {
      return nil
    }
  }
}
