public import Bytes
import ETCore
public import ETFormats

/// What the program says of a trace: which operator an instruction runs, which backend a call goes to, and what each of XNNPACK's
/// kernels computes.
public struct ProgramAlignment: Sendable {
  /// By block, then by row: `aten::add.out`; nil where the program does not say.
  public private(set) var operators: [[String?]]
  /// By block, then by row: a delegate call's backend.
  public private(set) var backends: [[String?]]
  /// By block, then by row: where a backend's kernel comes from.
  public private(set) var kernels: [[Int: KernelAlignment]]
  /// Payloads that could not be read, each with its reason.
  public private(set) var faults: [ReadError] = []

  /// - Parameters:
  ///   - methods: For each block the method that it ran.
  ///   - record: For the operators that a kernel covers beside its own.
  public init(_ trace: Trace, with program: Program, methods: [String?], record: ETRecord?) throws(ReadError) {
    operators = trace.blocks.map { $0.rows.map { _ in nil } }
    backends = operators
    kernels = trace.blocks.map { _ in [:] }
    var aligners = Aligners(program: program, record: record)
    for (block, events) in trace.blocks.enumerated() {
      guard let method = methods[block], let plan = program.method(named: method) else { continue }
      var delegated: [Int: [Int]] = [:]
      for row in events.rows.indices {
        let event = events.rows[row]
        let (instruction, chain) = (trace.instruction(of: event), max(0, trace.chain(of: event)))
        switch trace.kinds[block][row] {
        case .operatorCall, .kernel: operators[block][row] = plan.operatorName(at: instruction, chain: chain)
        case .delegateCall: backends[block][row] = plan.backendID(at: instruction, chain: chain)
        case .delegated:
          backends[block][row] = plan.backendID(at: instruction, chain: chain)
          if let call = Self.call(of: row, trace, block) { delegated[call, default: []].append(row) }
        default: break
        }
      }
      for (call, rows) in delegated.sorted(by: { $0.key < $1.key }) {
        // In the stream's order, which is the order in which they ran.
        let ordered = rows.sorted { events.rows[$0].event < events.rows[$1].event }
        let names = ordered.map { trace.name(of: events.rows[$0]) }
        do throws(ReadError) {
          let event = events.rows[call]
          let answers = try aligners.align(
            names, at: trace.instruction(of: event), chain: max(0, trace.chain(of: event)), method: method, plan)
          for (row, answer) in zip(ordered, answers) { kernels[block][row] = answer }
        } catch {
          faults.append(error)
        }
      }
    }
  }

  /// The delegate call that a backend's event belongs to, through whatever encloses it.
  private static func call(of row: Int, _ trace: Trace, _ block: Int) -> Int? {
    var row = Int(trace.blocks[block].parents[row])
    while row >= 0 && trace.kinds[block][row] == .delegated { row = Int(trace.blocks[block].parents[row]) }
    return row >= 0 && trace.kinds[block][row] == .delegateCall ? row : nil
  }
}

/// One aligner for each delegate call of the program: calls of several blocks share it.
private struct Aligners {
  let program: Program
  let record: ETRecord?
  private var known: [String: XNNPACKAligner] = [:]
  private var graphs: [String: OperatorGraph] = [:]

  init(program: Program, record: ETRecord?) {
    self.program = program
    self.record = record
  }

  /// - Returns: An answer for each name; none where the call goes to another backend.
  mutating func align(
    _ names: [String], at instruction: InstructionID, chain: Int, method: String, _ plan: Program.ExecutionPlan
  ) throws(ReadError) -> [KernelAlignment] {
    guard plan.backendID(at: instruction, chain: chain) == "XnnpackBackend",
      case .delegateCall(let index, _)? = plan.instruction(instruction, chain: chain)
    else { return [] }
    let key = "\(method) \(chain) \(instruction)"
    if known[key] == nil {
      guard let payload = try program.xnnpackPayload(ofDelegate: index, in: plan) else { return [] }
      let maps = record?.method(method)
      if graphs[method] == nil, let entry = maps?.edgeGraphEntry { graphs[method] = try record?.graph(entry) }
      var aligner = XNNPACKAligner(
        payload, handles: maps?.debugHandles[Int(instruction.value)]?.all, graph: graphs[method])
      aligner.settle(on: [names])
      known[key] = aligner
    }
    return known[key]!.align(names)
  }
}
