public import Bytes
public import ETCore
public import ETDumpFormat
public import ETFormats

/// A trace with all that the exporter's files say of it: what analyses start from.
public struct AlignedTrace: Sendable {
  public let trace: Trace
  public let alignment: Alignment
  public let program: ProgramAlignment?
  public let methods: MethodInference
  /// Whether the model keeps a state or takes inputs of several sizes, as far as is known.
  public let isStateful: Bool

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
    if let program {
      self.program = try ProgramAlignment(trace, with: program, methods: methods.methods, record: record)
    } else {
      self.program = nil
    }
    isStateful =
      program?.executionPlans.contains { plan in
        plan.roles.contains { $0.contains(.mutable) } || plan.tensors.contains(where: { $0.shapeDynamism != .isStatic })
      } ?? Self.looksStateful(trace)
  }

  /// Without a program, the names of operators that language models run for their cache.
  private static func looksStateful(_ trace: Trace) -> Bool {
    let marks = ["index_put", "update_cache", "sdpa", "kv_cache", "index_copy"]
    return trace.blocks.contains { block in
      block.rows.contains { row in
        let name = trace.name(of: row)
        return marks.contains { name.contains($0) }
      }
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
  public func nodes(block: Int, row: Int) -> [OperatorGraph.Node] {
    if let kernel = program?.kernels[block][row] {
      guard let handle = kernel.primary else { return [] }
      let call = callRow(block: block, row: row)
      return alignment.operators(block: block, row: call).nodes.filter { $0.debugHandle == handle }
    }
    return alignment.operators(block: block, row: row).nodes
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
  public func module(block: Int, row: Int) -> String? {
    let stacks = nodes(block: block, row: row).map(\.modules).filter { !$0.isEmpty }
    guard var common = stacks.first else { return nil }
    for stack in stacks.dropFirst() {
      let shared = zip(common, stack).prefix { $0 == $1 }.count
      common.removeLast(common.count - shared)
    }
    return common.last?.path
  }

  /// The model's own line: the innermost one outside installed packages, as `models.py:130`; nil if unknown or if the nodes
  /// of the row come from several.
  public func sourceLine(block: Int, row: Int) -> String? {
    let lines = Set(nodes(block: block, row: row).compactMap { $0.stackTrace.flatMap(StackTrace.modelLine) })
    return lines.count == 1 ? lines.first : nil
  }
}

/// A Python stack trace, as text: `File "models.py", line 130, in forward`.
public enum StackTrace {
  /// The innermost line that is not in an installed package, or the innermost of all.
  public static func modelLine(_ text: String) -> String? {
    var last: String?
    var lastOwn: String?
    for line in text.split(separator: "\n") {
      guard let start = line.firstRange(of: "File \""), let end = line[start.upperBound...].firstRange(of: "\", line ") else {
        continue
      }
      let file = line[start.upperBound..<end.lowerBound]
      let number = line[end.upperBound...].prefix { $0.isNumber }
      let place = "\(file):\(number)"
      last = place
      if !file.contains("site-packages") && !file.contains("/torch/") { lastOwn = place }
    }
    return lastOwn ?? last
  }
}
