public import Bytes
public import ETCore
public import ETFormats

/// What the exporter knows of each row of a trace: debug handles, operators, stack traces, modules, backends.
///
/// This is the association that the reference Inspector makes, with its faults mended: every method has its maps, a delegate's
/// id matches exactly, and a record without some map is read all the same.
public struct Alignment: Sendable {
  /// By block, then by row; empty for a block of which nothing is known.
  private var rows: [[Association]]
  /// For each block, the method that it ran; nil where that is not known.
  public internal(set) var methods: [String?]
  /// Operators, shared between rows of equal handles: `Association.operators` is an index.
  public internal(set) var operatorSets: [OperatorSet] = [.empty]

  /// What one row goes back to.
  public struct Association: Sendable, Equatable {
    public var handles: ETRecord.Handles?
    /// An index into `operatorSets`.
    public var operators = 0
    public var backend: String?
    /// Values that a delegate call returns.
    public var outputCount = 1
  }

  /// The operators of some debug handles, in the order of the handles and of the graph.
  public struct OperatorSet: Sendable {
    /// An operator for each node of each handle: a handle named twice counts twice, as in the reference.
    public var operators: [String]
    /// Each node once.
    public var nodes: [OperatorGraph.Node]

    static let empty = OperatorSet(operators: [], nodes: [])
  }

  public subscript(block: Int, row: Int) -> Association { rows[block].isEmpty ? Association() : rows[block][row] }

  public func operators(block: Int, row: Int) -> OperatorSet { operatorSets[self[block, row].operators] }

  /// No exporter's file: every row stands for itself.
  public init(unaligned trace: Trace) {
    rows = trace.blocks.map { _ in [] }
    methods = trace.blocks.map { _ in nil }
  }

  /// Aligns a trace with a record.
  ///
  /// - Parameters:
  ///   - methods: For each block the method that it ran.
  ///   - reference: Whether to repeat the reference's faults: any key of a delegate map that is contained in an id matches it,
  ///     the last one wins.
  public init(_ trace: Trace, with record: ETRecord, methods: [String?], reference: Bool = false) throws(ReadError) {
    self.methods = methods
    rows = []
    var linkers: [String: Linker] = [:]
    var sets: [OperatorSet] = [.empty]
    for (index, block) in trace.blocks.enumerated() {
      guard let name = methods[index], let method = record.method(name) else {
        rows.append([])
        continue
      }
      var linker: Linker
      if let known = linkers[name] { linker = known } else { linker = try Linker(record: record, method: method) }
      rows.append(
        block.rows.indices.map { row in
          linker.associate(trace, block.rows[row], kind: trace.kinds[index][row], reference: reference, into: &sets)
        })
      linkers[name] = linker
    }
    operatorSets = sets
  }
}

/// Looks up what belongs to a row in one method's maps and graph.
private struct Linker {
  let method: ETRecord.Method
  let graph: OperatorGraph
  /// Of each node, by its place in the graph.
  private var operators: [String]
  private var nodesByHandle: [DebugHandle: [Int]] = [:]
  private var setsByHandles: [[DebugHandle]: Int] = [:]

  init(record: ETRecord, method: ETRecord.Method) throws(ReadError) {
    self.method = method
    if let entry = method.edgeGraphEntry { graph = try record.graph(entry) } else { graph = OperatorGraph() }
    operators = graph.nodes.map(\.op)
    for (index, node) in graph.nodes.enumerated() {
      // Only the method's own graph, and no access to a tuple's part: the reference knows no others.
      guard let handle = node.debugHandle, node.depth == 0, !node.target.hasSuffix("getitem") else { continue }
      nodesByHandle[handle, default: []].append(index)
    }
  }

  mutating func associate(
    _ trace: Trace, _ row: EventBlock.Row, kind: RowKind, reference: Bool, into sets: inout [Alignment.OperatorSet]
  ) -> Alignment.Association {
    var association = Alignment.Association()
    let instruction = Int(trace.instruction(of: row).value)
    guard let own = method.debugHandles[instruction] else { return association }
    association.outputCount = method.outputCounts[instruction] ?? 1
    let name = trace.name(of: row)
    if let identifier = trace.delegateIdentifier(of: row) {
      if let delegate = method.delegates[instruction] {
        association.backend = delegate.backend
        association.handles = Self.handles(of: identifier.description, in: delegate, reference: reference)
      } else {
        association.handles = own
      }
    } else {
      association.handles = own
      if name == EventBlock.FrameworkEvent.delegateCall { association.backend = method.delegates[instruction]?.backend }
    }
    // The framework's own events carry instruction 0 without being about it.
    let reserved = [
      EventBlock.FrameworkEvent.methodInit, EventBlock.FrameworkEvent.loadMethod,
      EventBlock.FrameworkEvent.methodExecute,
    ]
    if let handles = association.handles, !reserved.contains(name) {
      association.operators = operatorSet(of: handles.all, into: &sets)
    }
    return association
  }

  private static func handles(
    of identifier: String, in delegate: ETRecord.Delegate, reference: Bool
  ) -> ETRecord.Handles? {
    if reference {
      let contained = delegate.handlesByEvent.last { $0.event.isEmpty || identifier.contains($0.event) }
      if let contained { return contained.handles }
    }
    return delegate.handlesByEvent.last { $0.event == identifier }?.handles
  }

  /// The operators of some handles; equal lists of handles share one set.
  private mutating func operatorSet(of handles: [DebugHandle], into sets: inout [Alignment.OperatorSet]) -> Int {
    if let known = setsByHandles[handles] { return known }
    var set = Alignment.OperatorSet(operators: [], nodes: [])
    var seen: Set<Int> = []
    for handle in handles {
      for index in nodesByHandle[handle] ?? [] {
        let node = graph.nodes[index]
        set.operators.append(operators[index])
        if seen.insert(index).inserted { set.nodes.append(node) }
      }
    }
    sets.append(set)
    setsByHandles[handles] = sets.count - 1
    return sets.count - 1
  }
}
