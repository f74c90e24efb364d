public import Bytes
public import ETCore

/// What the exporter left behind: graphs, debug handles and delegate maps of every method.
///
/// The maps are read when the record is opened; a graph is read when it is asked for; weights are never touched.
public struct ETRecord: Sendable {
  public let archive: ZipArchive
  /// Methods by name, in the order of the debug handle map, those with only a graph behind.
  public let methods: [Method]
  /// Entries that hold a graph: `exported_program`, `edge_dialect_exported_program/forward`, and what was added.
  public let graphEntries: [String]

  /// The maps of one method.
  public struct Method: Sendable {
    public let name: String
    /// By instruction: the handles of the operators that it runs.
    public internal(set) var debugHandles: [Int: Handles] = [:]
    /// By instruction: what a delegate call hands over.
    public internal(set) var delegates: [Int: Delegate] = [:]
    /// By instruction: values that a delegate call returns.
    public internal(set) var outputCounts: [Int: Int] = [:]
    /// The archive entry of the edge dialect program, where there is one.
    public internal(set) var edgeGraphEntry: String?
  }

  /// One handle, or the list of a delegate call.
  public enum Handles: Sendable, Equatable {
    case one(DebugHandle)
    case list([DebugHandle])

    public var all: [DebugHandle] {
      switch self {
      case .one(let handle): [handle]
      case .list(let handles): handles
      }
    }
  }

  public struct Delegate: Sendable {
    /// `XnnpackBackend`; empty where the map names none.
    public let backend: String
    /// From the backend's own event ids to handles, in the file's order. XNNPACK's is empty.
    public let handlesByEvent: [(event: String, handles: Handles?)]
  }

  public static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool { ZipArchive.recognises(bytes) }

  public init(reading contents: FileContents) throws(ReadError) {
    guard ZipArchive.recognises(contents.bytes) else {
      throw ReadError(
        .notThisFormat, at: 0,
        contents.count == 0 ? "empty, not an ETRecord" : "not an ETRecord: it does not begin as a zip archive does")
    }
    archive = try ZipArchive(reading: contents)
    guard archive.entry("ETRECORD_V0") != nil else {
      throw ReadError(.notThisFormat, at: nil, "not an ETRecord: the archive has no entry ETRECORD_V0")
    }
    var graphs: [String] = []
    var seen: Set<String> = []
    var methods = MethodTable()
    for entry in archive.entries where Self.isGraph(entry.name) && seen.insert(entry.name).inserted {
      graphs.append(entry.name)
    }
    try Self.readMap("debug_handle_map", of: archive, into: &methods) { (json, instruction, method) throws(ReadError) in
      method.debugHandles[instruction] = try Self.readHandles(&json)
    }
    try Self.readMap("delegate_map", of: archive, into: &methods) { (json, instruction, method) throws(ReadError) in
      method.delegates[instruction] = try Self.readDelegate(&json)
    }
    try Self.readMap("instruction_id_to_num_outs_map", of: archive, into: &methods) {
      (json, instruction, method) throws(ReadError) in
      method.outputCounts[instruction] = try json.integer()
    }
    let edge = "edge_dialect_exported_program"
    for entry in graphs {
      if entry.hasPrefix(edge + "/") {
        try methods.change(String(entry.dropFirst(edge.count + 1))) { $0.edgeGraphEntry = entry }
      } else if entry == edge {
        // The older form, which has one method only.
        let only = methods.all.count == 1 ? methods.all[0].name : "forward"
        try methods.change(only) { $0.edgeGraphEntry = entry }
      }
    }
    graphEntries = graphs
    self.methods = methods.all
  }

  public func method(_ name: String) -> Method? { methods.first { $0.name == name } }

  /// Reads a graph: one of `graphEntries`.
  public func graph(_ entry: String) throws(ReadError) -> OperatorGraph {
    guard let found = archive.entry(entry) else {
      throw ReadError(.missing, at: nil, "no entry '\(entry)' in the record")
    }
    let bytes = try archive.bytes(of: found)
    do throws(ReadError) {
      return try ExportedProgramReader.readGraph(bytes)
    } catch {
      throw error.inside(entry)
    }
  }

  private static func isGraph(_ name: String) -> Bool {
    if name == "exported_program" || name == "edge_dialect_exported_program" { return true }
    guard name.contains("/"), !name.hasSuffix("/") else { return false }
    return !["_state_dict", "_constants", "_example_inputs"].contains { name.hasSuffix($0) }
  }

  // MARK: Maps

  /// Methods in order of appearance.
  private struct MethodTable {
    private(set) var all: [Method] = []
    private var places: [String: Int] = [:]

    /// Changes a method where it stands; a new name makes a new method.
    mutating func change(_ name: String, _ body: (inout Method) throws(ReadError) -> Void) throws(ReadError) {
      let place = places[name] ?? all.count
      if place == all.count {
        all.append(Method(name: name))
        places[name] = place
      }
      try body(&all[place])
    }
  }

  /// Reads `{"method": {"instruction": value}}`; an absent entry or `null` leaves all as it is.
  private static func readMap(
    _ entry: String, of archive: ZipArchive, into methods: inout MethodTable,
    value: (inout JSONReader, Int, inout Method) throws(ReadError) -> Void
  ) throws(ReadError) {
    guard let found = archive.entry(entry) else { return }
    let bytes = try archive.bytes(of: found)
    var json = JSONReader(bytes)
    do throws(ReadError) {
      guard try !json.null() else { return }
      try json.object { (name, json) throws(ReadError) in
        try methods.change(name) { (method) throws(ReadError) in
          try json.object { (key, json) throws(ReadError) in
            guard let instruction = Int(key) else {
              throw json.error("the key \"\(key.prefix(80))\" is no instruction id")
            }
            try value(&json, instruction, &method)
          }
        }
      }
      try json.end()
    } catch {
      throw error.inside(entry)
    }
  }

  private static func readHandles(_ json: inout JSONReader) throws(ReadError) -> Handles? {
    switch json.peek() {
    case UInt8(ascii: "n"):
      _ = try json.null()
      return nil
    case UInt8(ascii: "["):
      var handles: [DebugHandle] = []
      try json.array { (json) throws(ReadError) in handles.append(DebugHandle(try json.integer())) }
      return .list(handles)
    default: return .one(DebugHandle(try json.integer()))
    }
  }

  private static func readDelegate(_ json: inout JSONReader) throws(ReadError) -> Delegate {
    var backend = ""
    var map: [(event: String, handles: Handles?)] = []
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "name": backend = try json.null() ? "" : try json.string()
      case "delegate_map":
        guard try !json.null() else { return }
        try json.object { (event, json) throws(ReadError) in map.append((event, try readHandles(&json))) }
      default: try json.skipValue()
      }
    }
    return Delegate(backend: backend, handlesByEvent: map)
  }
}
