public import Bytes
public import ETCore
import ETDumpFormat
public import ETFormats

/// A trace with all that the exporter's files say of it: what analyses start from.
public struct AlignedTrace: Sendable {
  public let trace: Trace
  public let alignment: Alignment
  public let program: ProgramAlignment?
  public let methods: MethodInference
  /// Whether the model keeps a state or takes inputs of several sizes, as far as is known.
  public let isStateful: Bool
  /// For each block, its runs by the size of their work.
  public let phases: [[Phase]]
  /// The place in the model of each of the alignment's operator sets.
  private let places: [Place]

  /// Where some nodes stand in the model.
  private struct Place {
    /// The innermost module around all of them.
    var module: String?
    /// The model's line, where all come from one.
    var line: String?

    init(_ nodes: [OperatorGraph.Node], _ lines: inout [String: String?]) {
      var common: ArraySlice<OperatorGraph.Module>?
      var found: Set<String> = []
      for node in nodes {
        if !node.modules.isEmpty {
          common = common.map { $0.prefix(zip($0, node.modules).prefix { $0 == $1 }.count) } ?? node.modules[...]
        }
        guard let trace = node.stackTrace else { continue }
        let line = lines[trace] ?? StackTrace.modelLine(trace)
        lines[trace] = line
        if let line { found.insert(line) }
      }
      module = common?.last?.path
      line = found.count == 1 ? found.first : nil
    }
  }

  /// - Parameter method: The method that ran, where a user says so.
  public init(
    _ trace: Trace, record: ETRecord?, program: Program?, method: String? = nil, reference: Bool = false
  ) throws(ReadError) {
    self.trace = trace
    methods = MethodInference(trace, record: record, program: program, chosen: method)
    if let record {
      alignment = try Alignment(trace, with: record, methods: methods.methods, reference: reference)
    } else {
      alignment = Alignment(unaligned: trace)
    }
    var lines: [String: String?] = [:]
    places = alignment.operatorSets.map { Place($0.nodes, &lines) }
    if let program {
      self.program = try ProgramAlignment(trace, with: program, methods: methods.methods, record: record)
    } else {
      self.program = nil
    }
    let isStateful =
      program?.executionPlans.contains { plan in
        plan.roles.contains { $0.contains(.mutable) } || plan.tensors.contains(where: { $0.shapeDynamism != .isStatic })
      } ?? Self.looksStateful(trace)
    self.isStateful = isStateful
    phases = trace.blocks.indices.map { trace.phases(block: $0, isStateful: isStateful) }
  }

  /// Without a program, the names of operators that language models run for their cache.
  private static func looksStateful(_ trace: Trace) -> Bool {
    let marks: [StaticString] = ["index_put", "update_cache", "sdpa", "kv_cache", "index_copy"]
    return (0..<Int32(min(trace.dump.names.count, 10_000))).contains { name in
      let text = trace.dump.names[name]
      return marks.contains { text.containsBytes($0) }
    }
  }

  /// The operator that a row ran: `aten::add.out` from the program, `add.out` from the event, or nil.
  public func operatorName(block: Int, row: Int) -> String? {
    if let name = program?.operators[block][row] { return name }
    let name = trace.name(of: trace.blocks[block].rows[row])
    switch trace.kinds[block][row] {
    case .kernel:
      let prefix = EventBlock.FrameworkEvent.kernelPrefix
      return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    default: return nil
    }
  }

  /// The backend of a delegate call or of an event inside one.
  public func backend(block: Int, row: Int) -> String? {
    alignment[block, row].backend ?? program?.backends[block][row]
  }

  /// The nodes that a row goes back to: for one of XNNPACK's kernels its own, else those of its handles.
  public func nodes(block: Int, row: Int) -> [OperatorGraph.Node] { nodes(in: source(block: block, row: row)) }

  /// Which nodes a row goes back to, without them: rows with equal sources share nodes, module and line.
  public struct Source: Hashable, Sendable {
    /// An index into the alignment's operator sets.
    public let operators: Int
    /// Of these, only nodes with this handle.
    let handle: DebugHandle?

    public static let none = Source(operators: 0, handle: nil)
  }

  public func source(block: Int, row: Int) -> Source {
    guard let kernel = program?.kernels[block][row] else {
      return Source(operators: alignment[block, row].operators, handle: nil)
    }
    guard let handle = kernel.primary else { return .none }
    return Source(operators: alignment[block, callRow(block: block, row: row)].operators, handle: handle)
  }

  public func nodes(in source: Source) -> [OperatorGraph.Node] {
    let nodes = alignment.operatorSets[source.operators].nodes
    guard let handle = source.handle else { return nodes }
    return nodes.filter { $0.debugHandle == handle }
  }

  /// The delegate call around a row, or the row itself.
  private func callRow(block: Int, row: Int) -> Int {
    var row = row
    while trace.kinds[block][row] == .delegated, trace.blocks[block].parents[row] >= 0 {
      row = Int(trace.blocks[block].parents[row])
    }
    return row
  }

  /// The innermost module that encloses all nodes of a row: `stages.0.conv`; empty for the model itself, nil if unknown.
  public func module(block: Int, row: Int) -> String? { place(block: block, row: row).module }

  /// The model's own line: the innermost one outside installed packages, as `models.py:130`; nil if unknown or if the nodes
  /// of the row come from several.
  public func sourceLine(block: Int, row: Int) -> String? { place(block: block, row: row).line }

  private func place(block: Int, row: Int) -> Place {
    guard program?.kernels[block][row] != nil else { return places[alignment[block, row].operators] }
    var lines: [String: String?] = [:]
    return Place(nodes(block: block, row: row), &lines)
  }
}
