public import ETCore
import ETFormats
public import ETKernels

// Inputs and outputs.
extension Method {
  public var inputCount: Int { plan.inputs.count }
  public var outputCount: Int { plan.outputs.count }

  /// An input as the program describes it, sizes being upper bounds where they are dynamic.
  ///
  /// - Precondition: `index` is below `inputCount`.
  public func input(_ index: Int) -> Value { storage.values[Int(plan.inputs[index])] }

  /// An output: after an execution, its result, valid until the next and while the method lives.
  ///
  /// - Precondition: `index` is below `outputCount`.
  public func output(_ index: Int) -> Value { storage.values[Int(plan.outputs[index])] }

  /// Gives a tensor, whose elements are copied.
  ///
  /// - Parameters:
  ///   - sizes: At most the planned sizes where the shape is dynamic, else exactly those.
  ///   - elements: In the dim order that the program has for this input.
  public func setInput(
    _ index: Int, type: ScalarType, sizes: [Int], elements: UnsafeRawBufferPointer
  ) throws(RuntimeError) {
    let (tensor, value) = try inputTensor(index, type: type, sizes: sizes, byteCount: elements.count)
    if callersValues.remove(value) != nil {
      storage.settle(tensor, in: TensorHome(data: nil, capacity: 0, isConstant: false))
    }
    try resize(tensor, to: sizes, input: index)
    if tensor.state.pointee.data == nil, tensor.count > 0 {
      try lend(tensor, value, bytes: max(tensor.byteCount, tensor.state.pointee.countBound * tensor.elementSize))
    }
    if let base = elements.baseAddress { tensor.data.copyMemory(from: base, byteCount: elements.count) }
    inputsSet[index] = true
  }

  /// Lets an input that is not planned lie in the caller's memory, which must last until another is bound or the method
  /// is gone.
  ///
  /// - Throws: `input` where the input lies in planned memory.
  public func bindInput(
    _ index: Int, type: ScalarType, sizes: [Int], memory: UnsafeMutableRawBufferPointer
  ) throws(RuntimeError) {
    let (tensor, value) = try inputTensor(index, type: type, sizes: sizes, byteCount: nil)
    let bytes = sizes.reduce(tensor.elementSize) { $0.multipliedReportingOverflow(by: $1).partialValue }
    try bind(tensor, value, memory, bytes: bytes, "input \(index)")
    try resize(tensor, to: sizes, input: index)
    inputsSet[index] = true
  }

  /// Lets an output that is not planned lie in the caller's memory, which must last until another is bound or the method
  /// is gone.
  ///
  /// - Throws: `input` where the output lies in planned memory or does not fit, at its largest.
  public func bindOutput(_ index: Int, memory: UnsafeMutableRawBufferPointer) throws(RuntimeError) {
    guard plan.outputs.indices.contains(index), let tensor = ownTensor(of: Int(plan.outputs[index])) else {
      throw RuntimeError(.missing, "method \(plan.name) has no tensor as output \(index)")
    }
    let bytes = tensor.state.pointee.countBound * tensor.elementSize
    try bind(tensor, Int(plan.outputs[index]), memory, bytes: bytes, "output \(index)")
  }

  private func bind(
    _ tensor: Tensor, _ value: Int, _ memory: UnsafeMutableRawBufferPointer, bytes: Int, _ what: String
  ) throws(RuntimeError) {
    guard case .provided? = plan.tensor(value)?.storage else {
      throw RuntimeError(.input, "\(what) lies in the program's own memory")
    }
    guard memory.count >= bytes, let base = memory.baseAddress, Int(bitPattern: base) % min(tensor.elementSize, 8) == 0
    else {
      throw RuntimeError(.input, "\(what) needs \(bytes) bytes, aligned; there are \(memory.count)")
    }
    callersValues.insert(value)
    storage.settle(tensor, in: TensorHome(data: base, capacity: memory.count, isConstant: false))
  }

  /// The tensor that the program has for a value, also where an instruction has moved another there.
  private func ownTensor(of value: Int) -> Tensor? {
    guard case .tensor(let index) = plan.values[value] else { return nil }
    storage.values[value] = .tensor(storage.tensor(index))
    return storage.tensor(index)
  }

  /// Gives a number, which must be the one that the program was exported with.
  public func setInput(_ index: Int, _ value: Value) throws(RuntimeError) {
    guard plan.inputs.indices.contains(index) else { throw noInput(index) }
    let expected = input(index)
    let fits =
      switch (expected.tag, value.tag) {
      case (.none, .none): true
      case (.int, .int): expected.asInt == value.asInt
      case (.bool, .bool): expected.asBool == value.asBool
      case (.double, .double): isClose(value.asDouble ?? .nan, expected.asDouble ?? .nan)
      default: false
      }
    guard fits else {
      throw RuntimeError(.input, "input \(index) must be \(describe(expected)), as when the program was exported")
    }
    inputsSet[index] = true
  }

  private func noInput(_ index: Int) -> RuntimeError {
    RuntimeError(.missing, "method \(plan.name) has \(inputCount) inputs, no input \(index)")
  }

  /// An input that is to be given, where all that can be known beforehand is as it must be.
  private func inputTensor(
    _ index: Int, type: ScalarType, sizes: [Int], byteCount: Int?
  ) throws(RuntimeError) -> (Tensor, value: Int) {
    guard plan.inputs.indices.contains(index) else { throw noInput(index) }
    let value = Int(plan.inputs[index])
    guard let tensor = ownTensor(of: value) else {
      throw RuntimeError(.input, "input \(index) is not a tensor but \(describe(input(index)))")
    }
    guard tensor.type == type else {
      throw RuntimeError(.input, "input \(index) is \(tensor.type), not \(type)")
    }
    var bytes: Int? = tensor.elementSize
    for size in sizes {
      let (product, overflow) = (bytes ?? 0).multipliedReportingOverflow(by: size)
      bytes = overflow || size < 0 || bytes == nil ? nil : product
    }
    guard let bytes, bytes == byteCount ?? bytes else {
      throw RuntimeError(
        .input,
        "input \(index) has \(byteCount ?? 0) bytes where \(type) \(sizes) has \(bytes.map(String.init) ?? "no size")")
    }
    inputsSet[index] = false
    storage.settleTensors()
    guard !tensor.state.pointee.isConstant else {
      throw RuntimeError(.malformed, "input \(index) is a constant of the program")
    }
    return (tensor, value)
  }

  private func resize(_ tensor: Tensor, to sizes: [Int], input index: Int) throws(RuntimeError) {
    do {
      try sizes.withUnsafeBufferPointer { sizes throws(KernelError) in try tensor.resize(to: sizes) }
    } catch {
      throw RuntimeError(.input, "input \(index): \(error.detail)")
    }
  }

  /// Memory for outputs that the program left to the caller and the caller to us.
  func provideOutputs() throws(RuntimeError) {
    guard needsOutputs else { return }
    for value in plan.outputs where !viewResults.contains(value) {
      guard let tensor = storage.values[Int(value)].asTensor, tensor.state.pointee.data == nil,
        tensor.state.pointee.dynamism != .dynamicUnbound, tensor.state.pointee.countBound > 0
      else { continue }
      try lend(tensor, Int(value), bytes: tensor.state.pointee.countBound * tensor.elementSize)
    }
  }

  private var needsOutputs: Bool {
    for value in plan.outputs {
      if let tensor = storage.values[Int(value)].asTensor, tensor.state.pointee.data == nil { return true }
    }
    return false
  }

  /// Values that get their memory from another tensor while the method runs.
  private var viewResults: Set<Int32> {
    var results: Set<Int32> = []
    for instruction in plan.instructions {
      guard case .kernelCall(_, let args) = instruction, args.count > 2,
        plan.operatorName(of: instruction) == "executorch_prim::et_view.default"
      else { continue }
      results.insert(plan.valueIndices[args.lowerBound + 2])
    }
    return results
  }

  /// Gives a tensor memory of the method's, the same again where it is enough.
  private func lend(_ tensor: Tensor, _ value: Int, bytes: Int) throws(RuntimeError) {
    let arena: Arena
    if let known = ownedArenas[value]?.last, known.bytes.count >= bytes {
      arena = known
    } else {
      guard bytes <= storage.memoryLeft.pointee else {
        throw RuntimeError(.memory, "\(bytes) bytes for value \(value) exceed the limit of \(options.memoryLimit)")
      }
      arena = try Arena(byteCount: bytes, purpose: "value \(value)")
      ownedArenas[value, default: []].append(arena)
      storage.memoryLeft.pointee -= bytes
    }
    storage.settle(
      tensor, in: TensorHome(data: arena.bytes.baseAddress, capacity: arena.bytes.count, isConstant: false))
  }
}

/// As the reference compares numbers that a program was specialised for.
private func isClose(_ a: Double, _ b: Double) -> Bool {
  if a.isNaN && b.isNaN { return true }
  if a.isInfinite || b.isInfinite { return a == b }
  return (a - b).magnitude <= 1e-4 + (1e-5 * b).magnitude
}

/// A value's kind, and the number that it is.
func describe(_ value: Value) -> String {
  switch value.tag {
  case .none: "none"
  case .int: "the integer \(value.asInt ?? 0)"
  case .double: "the number \(value.asDouble ?? 0)"
  case .bool: "\(value.asBool ?? false)"
  case .tensor: "a tensor"
  default: "a list or string"
  }
}
