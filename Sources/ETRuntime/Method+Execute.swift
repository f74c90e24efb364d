import ETCore
import ETFormats
import ETKernels

extension Method {
  /// Runs the method once, on the inputs given before.
  ///
  /// Outputs are `output(_:)` until the next execution.
  ///
  /// - Throws: `RuntimeError` with the instruction. The method may be run again.
  public func execute() throws(RuntimeError) {
    if let missing = inputsSet.firstIndex(of: false) {
      throw RuntimeError(.input, "input \(missing) of method \(plan.name) was not given")
    }
    try provideOutputs()
    var budget = options.stepLimit
    for (number, chain) in plan.chains.enumerated() {
      try run(chain.instructions, chain: number, &budget)
    }
  }

  private func run(_ range: Range<Int>, chain: Int, _ budget: inout Int) throws(RuntimeError) {
    let steps = UnsafeMutableBufferPointer(rebasing: steps[range])
    let values = storage.values.baseAddress!
    var index = 0
    while index < steps.count {
      guard budget > 0 else {
        throw RuntimeError(
          .stepLimit, "more than \(options.stepLimit) instructions in one execution", at: place(chain, index))
      }
      guard !cancellation.isCancelled else {
        cancellation.clear()
        throw RuntimeError(.cancelled, "cancelled", at: place(chain, index))
      }
      budget &-= 1
      let next = try perform(steps.baseAddress! + index, values, chain, index)
      index = next
    }
  }

  /// Does one instruction.
  ///
  /// - Returns: The next one.
  @inline(__always)
  private func perform(
    _ step: UnsafeMutablePointer<Step>, _ values: UnsafeMutablePointer<Value>, _ chain: Int, _ index: Int
  ) throws(RuntimeError) -> Int {
    switch step.pointee.kind {
    case .kernel:
      do {
        try step.pointee.kernel.unsafelyUnwrapped(
          KernelCall(
            values: values, arguments: step.pointee.arguments, count: step.pointee.argumentCount, context: context))
      } catch {
        context.reset()
        throw RuntimeError(.kernel, error.detail, at: place(chain, index))
      }
      context.reset()
    case .delegate:
      do {
        try delegates[step.pointee.first].execute(
          KernelCall(
            values: values, arguments: step.pointee.arguments, count: step.pointee.argumentCount, context: context))
      } catch {
        context.reset()
        throw RuntimeError(.delegate, "\(error)", at: place(chain, index))
      }
      context.reset()
    case .move:
      values[step.pointee.second] = values[step.pointee.first]
    case .jumpFalse:
      if try !isTrue(values[step.pointee.first], chain, index) { return step.pointee.second }
    case .free:
      guard let tensor = values[step.pointee.first].asTensor else {
        throw RuntimeError(.malformed, "only tensors can be freed", at: place(chain, index))
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
