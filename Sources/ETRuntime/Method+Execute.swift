import ETCore
import ETFormats
import ETKernels

extension Method {
  /// Runs the method once, on the inputs given before.
  ///
  /// Outputs are `output(_:)` until the next execution. Inputs in planned memory are to be given anew each time.
  ///
  /// - Throws: `RuntimeError` with the instruction. The method may be run again.
  public func execute() throws(RuntimeError) {
    if let missing = inputsSet.firstIndex(of: false) {
      throw RuntimeError(.input, "input \(missing) of method \(plan.name) was not given")
    }
    storage.settleTensors()
    try provideOutputs()
    defer {
      // Other values may lie by now where the planned inputs were.
      for (index, value) in plan.inputs.enumerated() where plan.tensor(Int(value))?.allocation != nil {
        inputsSet[index] = false
      }
    }
    guard isTraced, let tracer else { return try runChains(NoTrace()) }
    try tracer.execution { () throws(RuntimeError) in try runChains(Traced(tracer: tracer)) }
    tracer.outputs(of: self)
  }

  private func runChains(_ trace: some InstructionTrace) throws(RuntimeError) {
    var budget = options.stepLimit
    var first = 0
    for (number, chain) in plan.chains.enumerated() {
      try run(first..<first + chain.instructions.count, chain: number, &budget, trace)
      first += chain.instructions.count
    }
  }

  private func run(
    _ range: Range<Int>, chain: Int, _ budget: inout Int, _ trace: some InstructionTrace
  ) throws(RuntimeError) {
    let values = storage.values.baseAddress!
    var index = range.lowerBound
    while index < range.upperBound {
      guard budget > 0 else {
        throw RuntimeError(
          .stepLimit, "more than \(options.stepLimit) instructions in one execution",
          at: place(chain, index - range.lowerBound))
      }
      guard !cancellation.isCancelled else {
        cancellation.clear()
        throw RuntimeError(.cancelled, "cancelled", at: place(chain, index - range.lowerBound))
      }
      budget &-= 1
      let step = steps.baseAddress! + index
      let next = try trace.instruction(step.pointee.kind, chain: chain, index: index &- range.lowerBound) {
        () throws(RuntimeError) in
        try perform(step, index, values, chain, range.lowerBound, trace)
      }
      index = next
    }
  }

  /// Does one instruction.
  ///
  /// - Returns: The next step.
  @inline(__always)
  private func perform(
    _ step: UnsafeMutablePointer<Step>, _ index: Int, _ values: UnsafeMutablePointer<Value>, _ chain: Int, _ first: Int,
    _ trace: some InstructionTrace
  ) throws(RuntimeError) -> Int {
    switch step.pointee.kind {
    case .kernel:
      let call = KernelCall(
        values: values, arguments: step.pointee.arguments, count: step.pointee.argumentCount, context: context)
      do {
        try trace.kernel(index, call, outputs: step.pointee.outputs) { () throws(KernelError) in
          try step.pointee.kernel(call)
        }
      } catch {
        context.reset()
        throw RuntimeError(.kernel, error.detail, at: place(chain, index - first))
      }
      context.reset()
    case .delegate:
      let call = KernelCall(
        values: values, arguments: step.pointee.arguments, count: step.pointee.argumentCount, context: context)
      do {
        try delegates[step.pointee.first].execute(call)
      } catch {
        context.reset()
        throw RuntimeError(.delegate, "\(error)", at: place(chain, index - first))
      }
      trace.delegateValues(call)
      context.reset()
    case .move:
      values[step.pointee.second] = values[step.pointee.first]
    case .jumpFalse:
      if try !isTrue(values[step.pointee.first], chain, index - first) { return first &+ step.pointee.second }
    case .free:
      guard let tensor = values[step.pointee.first].asTensor else {
        throw RuntimeError(.malformed, "only tensors can be freed", at: place(chain, index - first))
      }
      tensor.state.pointee.data = nil
    }
    return index &+ 1
  }

  /// A condition: a boolean, or a tensor of booleans that are all true.
  private func isTrue(_ value: Value, _ chain: Int, _ index: Int) throws(RuntimeError) -> Bool {
    if let bool = value.asBool { return bool }
    guard let tensor = value.asTensor, tensor.type == .bool, tensor.count == 0 || tensor.state.pointee.data != nil
    else { throw RuntimeError(.malformed, "a condition that is no boolean", at: place(chain, index)) }
    let elements = tensor.elements(UInt8.self)
    for i in 0..<tensor.count where elements[i] == 0 { return false }
    return true
  }

  func place(_ chain: Int, _ index: Int) -> RuntimeError.Place {
    let instruction = plan.instruction(InstructionID(Int32(index)), chain: chain)
    return RuntimeError.Place(
      method: plan.name, chain: chain, instruction: index,
      operatorName: instruction.flatMap { instruction in
        plan.operatorName(of: instruction) ?? plan.delegate(of: instruction).map { plan.text($0.id) }
      })
  }
}

/// What an execution tells about itself on the way: nothing, or everything to a tracer. The loop over instructions is
/// compiled for each.
private protocol InstructionTrace {
  func instruction(
    _ kind: Step.Kind, chain: Int, index: Int, _ body: () throws(RuntimeError) -> Int
  ) throws(RuntimeError) -> Int
  func kernel(
    _ step: Int, _ call: KernelCall, outputs: Range<Int>, _ body: () throws(KernelError) -> Void
  ) throws(KernelError)
  func delegateValues(_ call: KernelCall)
}

private struct NoTrace: InstructionTrace {
  @inline(__always)
  func instruction(
    _: Step.Kind, chain _: Int, index _: Int, _ body: () throws(RuntimeError) -> Int
  ) throws(RuntimeError) -> Int { try body() }

  @inline(__always)
  func kernel(
    _: Int, _: KernelCall, outputs _: Range<Int>, _ body: () throws(KernelError) -> Void
  ) throws(KernelError) { try body() }

  func delegateValues(_: KernelCall) {}
}

private struct Traced: InstructionTrace {
  let tracer: MethodTracer

  @inline(__always)
  func instruction(
    _ kind: Step.Kind, chain: Int, index: Int, _ body: () throws(RuntimeError) -> Int
  ) throws(RuntimeError) -> Int { try tracer.instruction(kind, chain: chain, index: index, body) }

  @inline(__always)
  func kernel(
    _ step: Int, _ call: KernelCall, outputs: Range<Int>, _ body: () throws(KernelError) -> Void
  ) throws(KernelError) { try tracer.kernel(step, call, outputs: outputs, body) }

  func delegateValues(_ call: KernelCall) { tracer.delegateValues(call) }
}
