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

  /// An output: after an execution, its result, valid until the next.
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
    let tensor = try resizedInput(index, type: type, sizes: sizes)
    guard elements.count == tensor.byteCount else {
      throw RuntimeError(
        .input, "input \(index) has \(elements.count) bytes where \(type) \(sizes) has \(tensor.byteCount)")
    }
    if tensor.state.pointee.data == nil, tensor.count > 0 {
      let bytes = max(tensor.byteCount, tensor.state.pointee.countBound * tensor.elementSize)
      let arena = try own(Int(plan.inputs[index]), bytes: bytes)
      tensor.state.pointee.data = arena.bytes.baseAddress
      tensor.state.pointee.capacity = arena.bytes.count
    }
    guard !tensor.state.pointee.isConstant else {
      throw RuntimeError(.malformed, "input \(index) is a constant of the program")
    }
    if let base = elements.baseAddress { tensor.data.copyMemory(from: base, byteCount: elements.count) }
    inputsSet[index] = true
  }

  /// Lets an input that is not planned lie in the caller's memory, which must outlive the method's use of it.
  ///
  /// - Throws: `input` where the input lies in planned memory.
  public func bindInput(
    _ index: Int, type: ScalarType, sizes: [Int], memory: UnsafeMutableRawBufferPointer
  ) throws(RuntimeError) {
    let tensor = try resizedInput(index, type: type, sizes: sizes)
    try bind(tensor, Int(plan.inputs[index]), memory, "input \(index)")
    inputsSet[index] = true
  }

  /// Lets an output that is not planned lie in the caller's memory, which must outlive the method's use of it.
  ///
  /// - Throws: `input` where the output lies in planned memory or does not fit.
  public func bindOutput(_ index: Int, memory: UnsafeMutableRawBufferPointer) throws(RuntimeError) {
    guard plan.outputs.indices.contains(index), let tensor = output(index).asTensor else {
      throw RuntimeError(.missing, "method \(plan.name) has no tensor as output \(index)")
    }
    try bind(tensor, Int(plan.outputs[index]), memory, "output \(index)")
  }

  private func bind(
    _ tensor: Tensor, _ value: Int, _ memory: UnsafeMutableRawBufferPointer, _ what: String
  ) throws(RuntimeError) {
    guard case .provided? = plan.tensor(value)?.storage else {
      throw RuntimeError(.input, "\(what) lies in the program's own memory")
    }
    guard memory.count >= tensor.byteCount, let base = memory.baseAddress,
      Int(bitPattern: base) % min(tensor.elementSize, 8) == 0
    else {
      throw RuntimeError(.input, "\(what) needs \(tensor.byteCount) bytes, aligned; there are \(memory.count)")
    }
    tensor.state.pointee.data = base
    tensor.state.pointee.capacity = memory.count
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

  private func resizedInput(_ index: Int, type: ScalarType, sizes: [Int]) throws(RuntimeError) -> Tensor {
    guard plan.inputs.indices.contains(index) else { throw noInput(index) }
    guard let tensor = input(index).asTensor else {
      throw RuntimeError(.input, "input \(index) is not a tensor but \(describe(input(index)))")
    }
    guard tensor.type == type else {
      throw RuntimeError(.input, "input \(index) is \(tensor.type), not \(type)")
    }
    do {
      try sizes.withUnsafeBufferPointer { sizes throws(KernelError) in try tensor.resize(to: sizes) }
    } catch {
      throw RuntimeError(.input, "input \(index): \(error.detail)")
    }
    return tensor
  }

  /// Memory for outputs that the program left to the caller and the caller to us.
  func provideOutputs() throws(RuntimeError) {
    guard needsOutputs else { return }
    for value in plan.outputs where !viewResults.contains(value) {
      guard let tensor = storage.values[Int(value)].asTensor, tensor.state.pointee.data == nil,
        tensor.state.pointee.dynamism != .dynamicUnbound, tensor.state.pointee.countBound > 0
      else { continue }
      let arena = try own(Int(value), bytes: tensor.state.pointee.countBound * tensor.elementSize)
      tensor.state.pointee.data = arena.bytes.baseAddress
      tensor.state.pointee.capacity = arena.bytes.count
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

  private func own(_ value: Int, bytes: Int) throws(RuntimeError) -> Arena {
    if let arena = ownedArenas[value]?.last, arena.bytes.count >= bytes { return arena }
    let planned = arenas.reduce(0) { $0 + $1.bytes.count }
    guard bytes <= options.memoryLimit - planned - ownedBytes else {
      throw RuntimeError(.memory, "\(bytes) bytes for value \(value) exceed the limit of \(options.memoryLimit)")
    }
    let arena = try Arena(byteCount: bytes, purpose: "value \(value)")
    ownedArenas[value, default: []].append(arena)
    ownedBytes += bytes
    return arena
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
