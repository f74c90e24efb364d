import Bytes
import ETCore

/// Reads the operators of a program that was serialized as JSON (`exir.serde`, schema version 5.x and 8.x).
enum ExportedProgramReader {
  static func readGraph(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> OperatorGraph {
    var graph = OperatorGraph()
    var json = JSONReader(bytes)
    try json.object { (key, json) throws(ReadError) in
      guard key == "graph_module" else { return try json.skipValue() }
      try json.object { (key, json) throws(ReadError) in
        guard key == "graph" else { return try json.skipValue() }
        try readNodes(&json, depth: 0, into: &graph)
      }
    }
    try json.end()
    return graph
  }

  private static func readNodes(_ json: inout JSONReader, depth: Int, into graph: inout OperatorGraph) throws(ReadError)
  {
    guard depth < 64 else { throw ReadError(.limit, at: json.position, "graphs nested more than 64 deep") }
    try json.object { (key, json) throws(ReadError) in
      guard key == "nodes" else { return try json.skipValue() }
      try json.array { (json) throws(ReadError) in try readNode(&json, depth: depth, into: &graph) }
    }
  }

  private static func readNode(_ json: inout JSONReader, depth: Int, into graph: inout OperatorGraph) throws(ReadError)
  {
    var node = OperatorGraph.Node(name: "", target: "", depth: depth)
    let start = json.position
    // The nodes of a branch or a body stand behind the node that runs it.
    var nested = OperatorGraph()
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "name": node.name = try json.null() ? "" : try json.string()
      case "target": node.target = try json.string()
      case "inputs":
        try json.array { (json) throws(ReadError) in
          try json.object { (key, json) throws(ReadError) in
            guard key == "arg" else { return try json.skipValue() }
            try readArgument(&json, names: &node.inputs, depth: depth, nested: &nested)
          }
        }
      case "outputs":
        try json.array { (json) throws(ReadError) in
          try readArgument(&json, names: &node.outputs, depth: depth, nested: &nested)
        }
      case "metadata": try readMetadata(&json, into: &node)
      default: try json.skipValue()
      }
    }
    // A node of an exporter has a name, a target, arguments and metadata: an array of empty ones would fill the memory.
    guard json.position - start >= 64 else {
      throw ReadError(.malformed, at: start, "a node without its members")
    }
    // Older records name a node by what it makes.
    if node.name.isEmpty { node.name = node.outputs.first ?? "" }
    graph.nodes.append(node)
    graph.nodes.append(contentsOf: nested.nodes)
  }

  /// Collects the names of tensors in an argument: `{"as_tensor": {"name": …}}`, lists of them, and nested graphs.
  private static func readArgument(
    _ json: inout JSONReader, names: inout [String], depth: Int, nested: inout OperatorGraph
  ) throws(ReadError) {
    guard json.peek() == UInt8(ascii: "{") else { return try json.skipValue() }
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "as_tensor": try readName(&json, into: &names)
      case "as_tensors": try json.array { (json) throws(ReadError) in try readName(&json, into: &names) }
      case "as_optional_tensor": try readArgument(&json, names: &names, depth: depth, nested: &nested)
      case "as_optional_tensors":
        try json.array { (json) throws(ReadError) in
          try readArgument(&json, names: &names, depth: depth, nested: &nested)
        }
      case "as_graph":
        try json.object { (key, json) throws(ReadError) in
          guard key == "graph" else { return try json.skipValue() }
          try readNodes(&json, depth: depth + 1, into: &nested)
        }
      default: try json.skipValue()
      }
    }
  }

  private static func readName(_ json: inout JSONReader, into names: inout [String]) throws(ReadError) {
    try json.object { (key, json) throws(ReadError) in
      if key == "name" { names.append(try json.string()) } else { try json.skipValue() }
    }
  }

  private static func readMetadata(_ json: inout JSONReader, into node: inout OperatorGraph.Node) throws(ReadError) {
    guard try !json.null() else { return }
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "debug_handle":
        let text = try json.string()
        guard let value = Int(text) else { throw json.error("the debug handle \"\(text.prefix(80))\" is no number") }
        node.debugHandle = DebugHandle(value)
      case "stack_trace":
        let text = try json.string()
        node.stackTrace = text.isEmpty ? nil : text
      case "nn_module_stack": node.modules = modules(try json.string())
      default: try json.skipValue()
      }
    }
  }

  /// Splits `key,path,type;key,path,type`. Commas inside brackets belong to a part.
  static func modules(_ text: String) -> [OperatorGraph.Module] {
    var modules: [OperatorGraph.Module] = []
    var places: [String: Int] = [:]
    for item in text.utf8.split(separator: UInt8(ascii: ";")) {
      var parts: [String] = []
      var start = item.startIndex
      var depth = 0
      for index in item.indices {
        switch item[index] {
        case UInt8(ascii: "["), UInt8(ascii: "("): depth += 1
        case UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1
        case UInt8(ascii: ",") where depth == 0:
          parts.append(trimmed(item[start..<index]))
          start = item.index(after: index)
        default: break
        }
      }
      parts.append(trimmed(item[start...]))
      guard parts.count == 3 else { continue }
      let module = OperatorGraph.Module(key: parts[0], path: parts[1], type: parts[2])
      // A repeated key replaces what stood there, as in a dictionary.
      // Stacks are a few modules deep: a table pays only for a text that pretends otherwise.
      let known = modules.count < 32 ? modules.firstIndex { $0.key == module.key } : places[module.key]
      if modules.count == 31 { places = Dictionary(zip(modules.map(\.key), 0...)) { first, _ in first } }
      if let known {
        modules[known] = module
      } else {
        if modules.count >= 31 { places[module.key] = modules.count }
        modules.append(module)
      }
    }
    return modules
  }

  private static func trimmed(_ text: Substring.UTF8View) -> String {
    let space = UInt8(ascii: " ")
    var text = text
    while text.first == space { text = text.dropFirst() }
    while text.last == space { text = text.dropLast() }
    return String(Substring(text))
  }
}
