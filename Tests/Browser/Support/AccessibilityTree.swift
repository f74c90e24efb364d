/// What a screen reader is told of a page: what is not ignored, in the document's order.
public struct AccessibilityTree: Sendable, CustomStringConvertible {
  public struct Node: Sendable, CustomStringConvertible {
    /// `button`, `tab`, `treeitem`, `StaticText`, … as in ARIA, Chromium's own with a capital.
    public let role: String
    public let name: String
    public let text: String
    /// What an input, a slider or a meter holds.
    public let value: String
    /// Such as `focused`, `expanded`, `selected`, `level`, `checked`, `pressed`, `disabled`, in Chromium's words.
    public let states: [String: JSONValue]
    /// How deep it lies among nodes that are not ignored.
    public let depth: Int
    let backendNode: Int

    /// Whether a state is there and true, be it as `true` or as a word like `"true"` or `"polite"`.
    public func has(_ state: String) -> Bool {
      switch states[state] {
      case nil, .null, false, "false", "": false
      default: true
      }
    }

    /// `button "Close" focused expanded=false`
    public var description: String {
      var line = role
      if !name.isEmpty { line += " \(JSONValue.string(name))" }
      if !text.isEmpty { line += " (\(text))" }
      if !value.isEmpty { line += " = \(value)" }
      for (state, value) in states.sorted(by: { $0.key < $1.key }) where state != "focusable" {
        line += value == true ? " \(state)" : " \(state)=\(value.string ?? value.description)"
      }
      return line
    }
  }

  public let nodes: [Node]

  public func all(_ role: String, name: String? = nil) -> [Node] {
    nodes.filter { $0.role == role && (name == nil || $0.name == name) }
  }

  public func first(_ role: String, name: String? = nil) -> Node? {
    nodes.first { $0.role == role && (name == nil || $0.name == name) }
  }

  /// What has the keyboard's focus, the document itself left out.
  public var focused: Node? { nodes.last { $0.has("focused") && $0.role != "RootWebArea" } }

  /// The nodes beneath one that `nodes` holds at an index, with all beneath them.
  public func descendants(of index: Int) -> ArraySlice<Node> {
    let end = nodes[(index + 1)...].firstIndex { $0.depth <= nodes[index].depth } ?? nodes.endIndex
    return nodes[index + 1..<end]
  }

  /// One line for each node, indented.
  public var description: String {
    nodes.map { String(repeating: "  ", count: $0.depth) + $0.description + "\n" }.joined()
  }

  /// Of `Accessibility.getFullAXTree`'s nodes.
  init(_ all: [JSONValue]) {
    var byID: [String: JSONValue] = [:]
    for node in all { byID[node["nodeId"].string ?? ""] = node }
    var nodes: [Node] = []
    var open = all.filter { $0["parentId"].isNull }.reversed().map { (node: $0, depth: 0) }
    while let (node, depth) = open.popLast() {
      let role = node["role"]["value"].string ?? ""
      // The pieces that a text is broken into.
      if role == "InlineTextBox" { continue }
      let isIgnored = node["ignored"].bool == true
      if !isIgnored {
        var states: [String: JSONValue] = [:]
        for property in node["properties"].array ?? [] {
          let value = property["value"]["value"]
          if let name = property["name"].string, !value.isNull { states[name] = value }
        }
        let value = node["value"]["value"]
        nodes.append(
          Node(
            role: role, name: node["name"]["value"].string ?? "", text: node["description"]["value"].string ?? "",
            value: value.string ?? (value.isNull ? "" : value.description), states: states, depth: depth,
            backendNode: node["backendDOMNodeId"].int ?? 0))
      }
      for child in (node["childIds"].array ?? []).reversed() {
        if let child = byID[child.string ?? ""] { open.append((child, isIgnored ? depth : depth + 1)) }
      }
    }
    self.nodes = nodes
  }
}

extension Page {
  public func accessibilityTree() throws(BrowserError) -> AccessibilityTree {
    try settle()
    return AccessibilityTree(try call("Accessibility.getFullAXTree")["nodes"].array ?? [])
  }
}
