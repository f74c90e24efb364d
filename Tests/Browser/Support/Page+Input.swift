/// Where to point.
public enum Spot: Sendable, ExpressibleByStringLiteral {
  /// The middle of the first element, which is scrolled into view and must not be covered.
  case element(String)
  /// In an element, from its upper left corner: a place on a canvas.
  case inside(String, x: Double, y: Double)
  /// In CSS pixels of the view.
  case point(x: Double, y: Double)
  /// The middle of what the accessibility tree shows.
  case node(AccessibilityTree.Node)

  public init(stringLiteral selector: String) { self = .element(selector) }
}

public struct Modifiers: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let alt = Modifiers(rawValue: 1)
  public static let control = Modifiers(rawValue: 2)
  public static let meta = Modifiers(rawValue: 4)
  public static let shift = Modifiers(rawValue: 8)
}

public enum MouseButton: String, Sendable { case left, middle, right }

extension Page {
  // MARK: Mouse

  public func hover(_ spot: Spot) throws(BrowserError) {
    let place = try place(of: spot)
    try move(to: place, [])
  }

  public func click(_ spot: Spot, button: MouseButton = .left, modifiers: Modifiers = []) throws(BrowserError) {
    try click(spot, button, modifiers, times: 1)
  }

  public func click(x: Double, y: Double) throws(BrowserError) { try click(.point(x: x, y: y)) }

  public func doubleClick(_ spot: Spot, modifiers: Modifiers = []) throws(BrowserError) {
    try click(spot, .left, modifiers, times: 2)
  }

  private func click(_ spot: Spot, _ button: MouseButton, _ modifiers: Modifiers, times: Int) throws(BrowserError) {
    let place = try place(of: spot)
    try move(to: place, modifiers)
    for count in 1...times {
      try mouse("mousePressed", place, modifiers, button, clicks: count)
      try mouse("mouseReleased", place, modifiers, button, clicks: count)
    }
  }

  /// Presses the button at one spot and releases it at another, moving there in steps.
  public func drag(from start: Spot, to end: Spot, steps: Int = 8, modifiers: Modifiers = []) throws(BrowserError) {
    let from = try place(of: start)
    try move(to: from, modifiers)
    try mouse("mousePressed", from, modifiers, .left, clicks: 1)
    // Where the end is may depend on what the press did; it is not scrolled there.
    let to = try place(of: end)
    for step in 1...steps {
      let part = Double(step) / Double(steps)
      try mouse(
        "mouseMoved", (from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part), modifiers, .left, clicks: 0)
    }
    try mouse("mouseReleased", to, modifiers, .left, clicks: 1)
  }

  /// Turns the wheel, in pixels; a trackpad's pinch is a wheel with `control`.
  public func wheel(_ spot: Spot, x: Double = 0, y: Double, modifiers: Modifiers = []) throws(BrowserError) {
    let place = try place(of: spot)
    try move(to: place, modifiers)
    try call(
      "Input.dispatchMouseEvent",
      [
        "type": "mouseWheel", "x": .number(place.x), "y": .number(place.y), "deltaX": .number(x), "deltaY": .number(y),
        "modifiers": .number(Double(modifiers.rawValue)),
      ])
  }

  private func move(to place: (x: Double, y: Double), _ modifiers: Modifiers) throws(BrowserError) {
    try mouse("mouseMoved", place, modifiers, nil, clicks: 0)
  }

  private func mouse(
    _ type: String, _ place: (x: Double, y: Double), _ modifiers: Modifiers, _ button: MouseButton?, clicks: Int
  ) throws(BrowserError) {
    let held: Double =
      switch type == "mouseReleased" ? nil : button {
      case .left: 1
      case .right: 2
      case .middle: 4
      case nil: 0
      }
    try call(
      "Input.dispatchMouseEvent",
      [
        "type": .string(type), "x": .number(place.x), "y": .number(place.y),
        "button": .string(button?.rawValue ?? "none"), "buttons": .number(held), "clickCount": .number(Double(clicks)),
        "modifiers": .number(Double(modifiers.rawValue)), "pointerType": "mouse",
      ])
  }

  // MARK: Places

  /// Where an element is in the view, after it was scrolled there.
  func box(of selector: String, scroll: Bool = true) throws(BrowserError) -> (
    x: Double, y: Double, width: Double, height: Double
  ) {
    let box = try evaluate(
      """
      (() => {
        const element = document.querySelector(\(JSONValue.string(selector)));
        if (!element) return null;
        if (\(scroll)) element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
        const box = element.getBoundingClientRect();
        return [box.x, box.y, box.width, box.height];
      })()
      """)
    guard let x = box[0].number, let y = box[1].number, let width = box[2].number, let height = box[3].number else {
      throw BrowserError(.notFound, "no element is \(selector)")
    }
    guard width > 0, height > 0 else { throw BrowserError(.notFound, "\(selector) takes no space") }
    return (x, y, width, height)
  }

  private func place(of spot: Spot) throws(BrowserError) -> (x: Double, y: Double) {
    switch spot {
    case .point(let x, let y): return (x, y)
    case .inside(let selector, let x, let y):
      let box = try box(of: selector)
      return (box.x + x, box.y + y)
    case .element(let selector):
      let box = try box(of: selector)
      let (x, y) = (box.x + box.width / 2, box.y + box.height / 2)
      let hit = try evaluate(
        """
        (() => {
          const element = document.querySelector(\(JSONValue.string(selector)));
          const hit = document.elementFromPoint(\(x), \(y));
          if (element.contains(hit) || hit?.closest("label")?.control === element) return null;
          return hit ? hit.cloneNode(false).outerHTML : "what is outside the view";
        })()
        """)
      if let other = hit.string { throw BrowserError(.notFound, "\(selector) is covered by \(other.prefix(200))") }
      return (x, y)
    case .node(let node):
      let id: JSONValue = ["backendNodeId": .number(Double(node.backendNode))]
      try call("DOM.scrollIntoViewIfNeeded", id)
      let quad = try call("DOM.getContentQuads", id)["quads"][0].array?.compactMap(\.number) ?? []
      guard quad.count == 8 else { throw BrowserError(.notFound, "\(node) takes no space") }
      return ((quad[0] + quad[4]) / 2, (quad[1] + quad[5]) / 2)
    }
  }

  // MARK: Keyboard

  /// Presses and releases a key, with modifiers before it: `Escape`, `ArrowLeft`, `a`, `?`, `Shift+Tab`, `Control+f`.
  ///
  /// Named as in `KeyboardEvent.key`, the space bar `Space`; the keyboard is American.
  public func press(_ name: String) throws(BrowserError) {
    var parts = name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    if name.hasSuffix("+") { parts = Array(parts.dropLast(2)) + ["+"] }
    var modifiers: Modifiers = []
    var held: [Key] = []
    for part in parts.dropLast() {
      guard let modifier = Key.modifiers[part], let key = Key(part) else {
        throw BrowserError(.notFound, "no modifier is \(part)")
      }
      modifiers.insert(modifier)
      held.append(key)
      try send(key, down: true, modifiers)
    }
    guard let key = parts.last.flatMap({ Key($0) }) else { throw BrowserError(.notFound, "no key is \(name)") }
    // A capital or `?` is typed with Shift, as on a keyboard.
    let all = key.isShifted ? modifiers.union(.shift) : modifiers
    try send(key, down: true, all)
    try send(key, down: false, all)
    for key in held.reversed() {
      if let modifier = Key.modifiers[key.key] { modifiers.remove(modifier) }
      try send(key, down: false, modifiers)
    }
  }

  /// Types a text where the focus is, key by key; what no key stands for is inserted.
  public func type(_ text: String) throws(BrowserError) {
    for character in text {
      switch character {
      case "\n": try press("Enter")
      case "\t": try press("Tab")
      case _ where Key(String(character)) != nil: try press(String(character))
      default: try call("Input.insertText", ["text": .string(String(character))])
      }
    }
  }

  private func send(_ key: Key, down: Bool, _ modifiers: Modifiers) throws(BrowserError) {
    var parameters: [String: JSONValue] = [
      "key": .string(key.key), "code": .string(key.code), "windowsVirtualKeyCode": .number(Double(key.number)),
      "modifiers": .number(Double(modifiers.rawValue)), "type": down ? "rawKeyDown" : "keyUp",
    ]
    // With Control and its like a key types nothing.
    if down, let text = key.text, modifiers.isDisjoint(with: [.control, .alt, .meta]) {
      parameters["type"] = "keyDown"
      parameters["text"] = .string(text)
    }
    try call("Input.dispatchKeyEvent", .object(parameters))
  }
}
