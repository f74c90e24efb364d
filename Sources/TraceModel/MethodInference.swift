import ETCore
public import ETFormats

/// Tells which method each block ran, from the instructions that it recorded.
public struct MethodInference: Sendable {
  /// For each block the method, or nil.
  public private(set) var methods: [String?]
  /// Blocks for which several methods fit: a user must say which.
  public private(set) var ambiguous: [Int] = []
  /// Blocks whose instructions fit no method: the record or the program is of another model.
  public private(set) var unfitting: [Int] = []

  /// - Parameter chosen: What the user said; it holds for every block.
  public init(_ trace: Trace, record: ETRecord?, program: Program?, chosen: String?) {
    methods = trace.blocks.map { _ in nil }
    let names = Self.candidates(record, program)
    guard !names.isEmpty else {
      if let chosen { methods = methods.map { _ in chosen } }
      return
    }
    for index in trace.blocks.indices where trace.blocks[index].name != "Default" {
      let steps = Self.steps(trace, index)
      let fitting = names.filter { Self.fits($0, steps, record, program) }
      if let chosen {
        methods[index] = chosen
        if !fitting.contains(chosen) { unfitting.append(index) }
      } else if fitting.count == 1 || names.count == 1 {
        methods[index] = fitting.first ?? names.first
        if fitting.isEmpty { unfitting.append(index) }
      } else if fitting.count > 1 {
        ambiguous.append(index)
      } else if !names.isEmpty {
        unfitting.append(index)
      }
    }
    // Loading has no instructions of its own: it stands for the method that ran, if only one did.
    let ran = Set(methods.compactMap { $0 })
    let only = chosen ?? (ran.count == 1 ? ran.first : names.count == 1 ? names[0] : nil)
    for index in trace.blocks.indices where trace.blocks[index].name == "Default" { methods[index] = only }
  }

  private static func candidates(_ record: ETRecord?, _ program: Program?) -> [String] {
    var names = program?.methodNames ?? []
    for method in record?.methods ?? [] where !names.contains(method.name) && !method.debugHandles.isEmpty {
      names.append(method.name)
    }
    return names
  }

  /// What a block did at an instruction.
  private struct Step {
    let instruction: InstructionID
    let chain: Int
    let kind: RowKind
    let name: String
  }

  private static func steps(_ trace: Trace, _ block: Int) -> [Step] {
    trace.blocks[block].rows.indices.compactMap { row in
      let kind = trace.kinds[block][row]
      guard [.operatorCall, .delegateCall, .kernel, .control].contains(kind) else { return nil }
      let event = trace.blocks[block].rows[row]
      return Step(
        instruction: trace.instruction(of: event), chain: max(0, trace.chain(of: event)), kind: kind,
        name: trace.name(of: event))
    }
  }

  private static func fits(_ method: String, _ steps: [Step], _ record: ETRecord?, _ program: Program?) -> Bool {
    if let plan = program?.method(named: method) {
      return steps.allSatisfy { fits($0, plan) }
    }
    guard let maps = record?.method(method) else { return false }
    return steps.allSatisfy { step in
      guard step.kind == .delegateCall || step.kind == .operatorCall else { return true }
      let instruction = Int(step.instruction.value)
      return maps.debugHandles[instruction] == nil
        ? step.kind == .operatorCall : (maps.delegates[instruction] != nil) == (step.kind == .delegateCall)
    }
  }

  private static func fits(_ step: Step, _ plan: Program.ExecutionPlan) -> Bool {
    guard let instruction = plan.instruction(step.instruction, chain: step.chain) else { return false }
    switch (step.kind, instruction) {
    case (.delegateCall, .delegateCall), (.operatorCall, .kernelCall): return true
    case (.kernel, .kernelCall):
      guard step.name.hasPrefix(EventBlock.FrameworkEvent.kernelPrefix) else { return true }
      let name = step.name.dropFirst(EventBlock.FrameworkEvent.kernelPrefix.count)
      // The program has the namespace, the event only the operator and its overload.
      return plan.operatorName(of: instruction).map { $0.split(separator: ":").last.map { $0 == name } ?? false }
        ?? false
    case (.kernel, .delegateCall): return true
    case (.control, .kernelCall), (.control, .delegateCall): return false
    case (.control, _): return true
    default: return false
    }
  }
}
