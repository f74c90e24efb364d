public import Bytes
public import ETCore

extension Program {
  /// One method: its values, and the instructions that compute them.
  public struct ExecutionPlan: Sendable {
    public internal(set) var name = ""
    /// How inputs and outputs were flattened, in PyTorch's encoding.
    public internal(set) var inputEncoding: String?
    public internal(set) var outputEncoding: String?
    public internal(set) var values: [EValue] = []
    /// One for each value.
    public internal(set) var roles: [ValueRole] = []
    public internal(set) var tensors: [Tensor] = []
    /// Indices of values.
    public internal(set) var inputs: [Int32] = []
    public internal(set) var outputs: [Int32] = []
    public internal(set) var chains: [Chain] = []
    /// Of all chains, one after the other.
    public internal(set) var instructions: [Instruction] = []
    public internal(set) var operators: [Operator] = []
    public internal(set) var delegates: [Delegate] = []
    /// Bytes of each planned buffer; entry 0 is not one.
    public internal(set) var nonConstBufferSizes: [Int64] = []
    /// Empty where every buffer lies on the CPU.
    public internal(set) var nonConstBufferDevices: [BufferDevice] = []

    // Columns that ranges lead to.

    /// Arguments of instructions, inputs and outputs of chains, members of lists: indices of values, −1 for none.
    public internal(set) var valueIndices: [Int32] = []
    public internal(set) var doubles: [Double] = []
    public internal(set) var bools: [Bool] = []
    public internal(set) var sizes: [Int32] = []
    /// Dimensions from the outermost in memory to the innermost.
    public internal(set) var dimOrders: [UInt8] = []
    public internal(set) var frames: [Frame] = []
    /// The program's names.
    public internal(set) var names = FlatIntake.noNames

    public func text(_ name: Int32) -> String { name < 0 ? "" : names[name] }
  }

  /// A tensor among an instruction's arguments.
  public struct TensorArgument: Sendable {
    /// Of the plan's `values`.
    public let value: Int
    public let tensor: Tensor
  }
}

// Instructions by the ids that a trace gives: an id that the chain does not have is nil and no error.
extension Program.ExecutionPlan {
  public func instruction(_ id: InstructionID, chain: Int = 0) -> Program.Instruction? {
    guard chains.indices.contains(chain) else { return nil }
    let range = chains[chain].instructions
    guard id.value >= 0, Int(id.value) < range.count else { return nil }
    return instructions[range.lowerBound + Int(id.value)]
  }

  /// The operator's name and overload, `aten::add.out`, where the instruction calls a kernel.
  public func operatorName(at id: InstructionID, chain: Int = 0) -> String? {
    instruction(id, chain: chain).flatMap { operatorName(of: $0) }
  }

  public func operatorName(of instruction: Program.Instruction) -> String? {
    guard case .kernelCall(let index, _) = instruction else { return nil }
    return text(operators[index].qualifiedName)
  }

  public func delegate(at id: InstructionID, chain: Int = 0) -> Program.Delegate? {
    instruction(id, chain: chain).flatMap { delegate(of: $0) }
  }

  public func delegate(of instruction: Program.Instruction) -> Program.Delegate? {
    guard case .delegateCall(let index, _) = instruction else { return nil }
    return delegates[index]
  }

  /// The backend's name, `XnnpackBackend`, where the instruction calls a delegate.
  public func backendID(at id: InstructionID, chain: Int = 0) -> String? {
    delegate(at: id, chain: chain).map { text($0.id) }
  }

  /// The frames of the source that the instruction comes from, outermost first.
  public func stacktrace(at id: InstructionID, chain: Int = 0) -> ArraySlice<Program.Frame>? {
    guard chains.indices.contains(chain), id.value >= 0 else { return nil }
    let traces = chains[chain].stacktraces
    guard Int(id.value) < traces.count else { return nil }
    return frames[traces[Int(id.value)]]
  }

  /// The values that an instruction reads and writes.
  public func arguments(of instruction: Program.Instruction) -> [Int32] {
    switch instruction {
    case .kernelCall(_, let args), .delegateCall(_, let args): Array(valueIndices[args])
    case .moveCall(let from, let to): [Int32(from), Int32(to)]
    case .jumpFalseCall(let condition, _): [Int32(condition)]
    case .freeCall(let value): [Int32(value)]
    }
  }

  /// The tensors among an instruction's arguments, those inside lists included, in order.
  public func tensorArguments(of instruction: Program.Instruction) -> [Program.TensorArgument] {
    arguments(of: instruction).flatMap { index -> [Program.TensorArgument] in
      guard index >= 0 else { return [] }
      switch values[Int(index)] {
      case .tensorList(let members), .optionalTensorList(let members):
        return valueIndices[members].compactMap { tensorArgument($0) }
      default:
        return tensorArgument(index).map { [$0] } ?? []
      }
    }
  }

  private func tensorArgument(_ value: Int32) -> Program.TensorArgument? {
    guard value >= 0, case .tensor(let tensor) = values[Int(value)] else { return nil }
    return Program.TensorArgument(value: Int(value), tensor: tensors[tensor])
  }

  /// The tensor that a value is, if it is one.
  ///
  /// - Precondition: `value` is one of `values`' indices.
  public func tensor(_ value: Int) -> Program.Tensor? {
    guard case .tensor(let tensor) = values[value] else { return nil }
    return tensors[tensor]
  }

  public func sizes(of tensor: Program.Tensor) -> ArraySlice<Int32> { sizes[tensor.dimensions] }

  public func dimOrder(of tensor: Program.Tensor) -> ArraySlice<UInt8> { dimOrders[tensor.dimensions] }
}
