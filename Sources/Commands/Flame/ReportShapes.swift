import Bytes
import ETCore
import ETFormats
import TraceModel

/// The tensors that rows read and write, as the program has them: `float32 [1, 3, 64, 64] · float32 [8] → float32 [1, 8, 32, 32]`.
struct ReportShapes {
  private let aligned: AlignedTrace
  private let program: Program?
  private let payloads: [Range<Int>: Result<XNNPACKPayload, ReadError>]
  /// Tensors of one row that are told.
  private static let limit = 12

  init(_ aligned: AlignedTrace, program: Program?) {
    self.aligned = aligned
    self.program = program
    payloads = program?.xnnpackPayloads() ?? [:]
  }

  /// - Returns: nil where the program does not say.
  func text(block: Int, row: Int) -> String? {
    let trace = aligned.trace
    guard let method = aligned.methods.methods[block], let plan = program?.method(named: method) else { return nil }
    let event = trace.blocks[block].rows[row]
    guard let instruction = plan.instruction(trace.instruction(of: event), chain: max(0, trace.chain(of: event)))
    else { return nil }
    switch trace.kinds[block][row] {
    case .kernel, .operatorCall, .delegateCall: return text(instruction, plan)
    case .delegated:
      guard let kernel = aligned.program?.kernels[block][row], let delegate = plan.delegate(of: instruction),
        case .success(let payload)? = payloads[delegate.data]
      else { return nil }
      return text(kernel.nodes, payload)
    default: return nil
    }
  }

  private func text(_ instruction: Program.Instruction, _ plan: Program.ExecutionPlan) -> String? {
    var tensors: [(value: Int, text: String)] = []
    for argument in plan.tensorArguments(of: instruction) where tensors.allSatisfy({ $0.value != argument.value }) {
      tensors.append(
        (argument.value, Self.text("\(argument.tensor.scalarType)", plan.sizes(of: argument.tensor))))
      if tensors.count == Self.limit { break }
    }
    // The last argument of an operator's out variant is what it writes.
    guard case .kernelCall = instruction, tensors.count > 1, let result = tensors.last else {
      return tensors.isEmpty ? nil : tensors.map(\.text).joined(separator: " · ")
    }
    return tensors.dropLast().map(\.text).joined(separator: " · ") + " → " + result.text
  }

  /// What the nodes read that none of them writes, and what they write that none of them reads.
  private func text(_ nodes: [Int], _ payload: XNNPACKPayload) -> String? {
    let nodes = nodes.prefix(Self.limit).filter(payload.nodes.indices.contains).map { payload.nodes[$0] }
    let (read, written) = (nodes.flatMap { payload.inputs(of: $0) }, nodes.flatMap { payload.outputs(of: $0) })
    func texts(_ ids: [UInt32], without others: [UInt32]) -> String {
      ids.filter { !others.contains($0) }.prefix(Self.limit).compactMap { payload.value(id: $0) }
        .map { Self.text("\($0.datatype)", payload.dims(of: $0)) }.joined(separator: " · ")
    }
    let (inputs, outputs) = (texts(read, without: written), texts(written, without: read))
    return inputs.isEmpty && outputs.isEmpty ? nil : "\(inputs) → \(outputs)"
  }

  private static func text(_ type: String, _ sizes: ArraySlice<some BinaryInteger>) -> String {
    "\(type) [\(sizes.map { String($0) }.joined(separator: ", "))]"
  }
}
