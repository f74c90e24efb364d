import ETCore
import ETFormats
import TraceModel

/// What the program says of the tensors that rows read and write.
struct TensorTypes {
  private let trace: Trace
  /// By block: the method that ran, where the program has it.
  private let plans: [Program.ExecutionPlan?]

  init(_ aligned: AlignedTrace, _ program: Program?) {
    trace = aligned.trace
    plans = aligned.methods.methods.map { name in name.flatMap { program?.method(named: $0) } }
  }

  /// The type of the elements that an operator or a delegate call writes: its last tensor's, which `out` is.
  func written(block: Int, row: Int) -> ScalarType? { arguments(block: block, row: row).last?.tensor.scalarType }

  /// All tensors of the row's instruction, those it reads before those it writes: `float32[1,3,224,224] float32[1,1000]`.
  func shapes(block: Int, row: Int) -> String? {
    guard let plan = plans[block] else { return nil }
    let arguments = arguments(block: block, row: row)
    guard !arguments.isEmpty else { return nil }
    return arguments.map { argument in
      "\(argument.tensor.scalarType)[\(plan.sizes(of: argument.tensor).map(String.init).joined(separator: ","))]"
    }.joined(separator: " ")
  }

  /// Each value once: an operator returns its `out`, and names it a second time.
  private func arguments(block: Int, row: Int) -> [Program.TensorArgument] {
    guard let plan = plans[block], [.operatorCall, .kernel, .delegateCall].contains(trace.kinds[block][row]),
      let instruction = plan.instruction(
        trace.instruction(of: trace.blocks[block].rows[row]),
        chain: max(0, trace.chain(of: trace.blocks[block].rows[row])))
    else { return [] }
    var seen: Set<Int> = []
    return plan.tensorArguments(of: instruction).filter { seen.insert($0.value).inserted }
  }
}
