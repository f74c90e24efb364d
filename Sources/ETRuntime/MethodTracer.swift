import ETCore
import ETFormats
import ETKernels
import ETTracing

/// Records what a method does, under the official runtime's names and in its order: an event when it is over, values
/// before the kernel that produced them.
struct MethodTracer {
  let thread: ThreadTracer
  private let execute: NameID
  private let executeBlock: NameID
  private let operatorCall: NameID
  private let delegateCall: NameID
  private let moveCall: NameID
  private let jumpFalseCall: NameID
  private let freeCall: NameID
  /// Of each step: the kernel's event, nil for operators on the method's own values and other instructions.
  private let kernels: [NameID?]

  init(
    _ tracer: EventTracer, _ thread: ThreadTracer, plan: Program.ExecutionPlan, steps: UnsafeMutableBufferPointer<Step>
  ) {
    self.thread = thread
    execute = tracer.intern("Method::execute")
    executeBlock = tracer.intern("Execute")
    operatorCall = tracer.intern("OPERATOR_CALL")
    delegateCall = tracer.intern("DELEGATE_CALL")
    moveCall = tracer.intern("MOVE_CALL")
    jumpFalseCall = tracer.intern("JF_CALL")
    freeCall = tracer.intern("FREE_CALL")
    var kernels = [NameID?](repeating: nil, count: steps.count)
    var index = 0
    for chain in plan.chains {
      for place in chain.instructions {
        if !steps[index].outputs.isEmpty, let name = plan.operatorName(of: plan.instructions[place]) {
          kernels[index] = tracer.intern("native_call_" + Self.withoutNamespace(name))
        }
        index += 1
      }
    }
    self.kernels = kernels
  }

  private static func withoutNamespace(_ name: String) -> Substring {
    guard let colon = name.lastIndex(of: ":") else { return name[...] }
    return name[name.index(after: colon)...]
  }

  /// Records a whole execution, whether it ends well or not.
  @inline(__always)
  func execution<E: Error>(_ body: () throws(E) -> Void) throws(E) {
    thread.leave()
    thread.beginBlock(executeBlock)
    let event = thread.begin(execute, kind: .method)
    do {
      try body()
      thread.leave()
      thread.end(event)
    } catch {
      thread.leave()
      thread.end(event)
      throw error
    }
  }

  /// Records an instruction of any kind.
  @inline(__always)
  func instruction<R, E: Error>(
    _ kind: Step.Kind, chain: Int, index: Int, _ body: () throws(E) -> R
  ) throws(E) -> R {
    thread.enter(chain: Int32(truncatingIfNeeded: chain), instruction: Int32(truncatingIfNeeded: index))
    let name =
      switch kind {
      case .kernel: operatorCall
      case .delegate: delegateCall
      case .move: moveCall
      case .jumpFalse: jumpFalseCall
      case .free: freeCall
      }
    let start = thread.now()
    defer { thread.record(name, start: start, end: thread.now()) }
    return try body()
  }

  /// Records a kernel, and before it the values that it produced.
  @inline(__always)
  func kernel<E: Error>(
    _ step: Int, _ call: KernelCall, outputs: Range<Int>, _ body: () throws(E) -> Void
  ) throws(E) {
    guard let name = kernels[step] else { return try body() }
    let start = thread.now()
    var failure: E?
    do throws(E) {
      try body()
    } catch {
      failure = error
    }
    let end = thread.now()
    // The official runtime logs what stands in the results of a kernel that failed, too.
    let source = ValueSource.named(name)
    if thread.logs(source) {
      for position in outputs { log(call.value(position), call, source, isOutput: false) }
    }
    thread.record(name, start: start, end: end)
    if let failure { throw failure }
  }

  /// Logs a delegate's arguments: which of them are results, a program does not say.
  func delegateValues(_ call: KernelCall) {
    let source = ValueSource.named(delegateCall)
    guard thread.logs(source) else { return }
    for position in 0..<call.count { log(call.value(position), call, source, isOutput: false) }
  }

  /// Logs the method's outputs.
  func outputs(of method: Method) {
    let source = ValueSource.named(execute)
    guard thread.logs(source, isOutput: true) else { return }
    let call = KernelCall(
      values: method.storage.values.baseAddress!, arguments: method.storage.indices.baseAddress!, count: 0,
      context: method.context)
    for index in 0..<method.outputCount { log(method.output(index), call, source, isOutput: true) }
  }

  private func log(_ value: Value, _ call: KernelCall, _ source: ValueSource, isOutput: Bool) {
    switch value.tag {
    case .none: thread.logNull(from: source, isOutput: isOutput)
    case .tensor:
      if let tensor = value.asTensor { thread.logTensor(LoggedTensor(tensor), from: source, isOutput: isOutput) }
    case .int: thread.logInt(Int64(value.asInt ?? 0), from: source, isOutput: isOutput)
    case .double: thread.logDouble(value.asDouble ?? 0, from: source, isOutput: isOutput)
    case .bool: thread.logBool(value.asBool ?? false, from: source, isOutput: isOutput)
    default: logList(value, call, source, isOutput: isOutput)
    }
  }

  /// Lists are gathered in arrays: only where values are logged at all.
  private func logList(_ value: Value, _ call: KernelCall, _ source: ValueSource, isOutput: Bool) {
    guard let list = value.asList else { return }
    let count = list.pointee.count
    let items = list.pointee.items
    switch value.tag {
    case .tensorList, .optionalTensorList:
      let tensors = (0..<count).map { call.member($0, of: list)?.asTensor.map { LoggedTensor($0) } }
      if value.tag == .tensorList, !tensors.contains(where: { $0 == nil }) {
        tensors.compactMap { $0 }.withUnsafeBufferPointer { thread.logTensorList($0, from: source, isOutput: isOutput) }
      } else {
        tensors.withUnsafeBufferPointer { thread.logOptionalTensorList($0, from: source, isOutput: isOutput) }
      }
    case .intList:
      let ints = (0..<count).map { Int64(call.member($0, of: list)?.asInt ?? 0) }
      ints.withUnsafeBufferPointer { thread.logIntList($0, from: source, isOutput: isOutput) }
    case .doubleList:
      let doubles = UnsafeBufferPointer(start: items.assumingMemoryBound(to: Double.self), count: count)
      thread.logDoubleList(doubles, from: source, isOutput: isOutput)
    case .boolList:
      let bools = (0..<count).map { items.load(fromByteOffset: $0, as: UInt8.self) != 0 }
      bools.withUnsafeBufferPointer { thread.logBoolList($0, from: source, isOutput: isOutput) }
    default:
      thread.logString(UnsafeRawBufferPointer(start: items, count: count), from: source, isOutput: isOutput)
    }
  }
}

/// Records the loading of a method: the block `Default`, in it `Method::init`, then `Program::load_method`.
struct LoadTracer {
  let tracer: EventTracer
  let thread: ThreadTracer
  private let load: OpenEvent
  private let initialise: OpenEvent

  init?(_ options: Method.Options) {
    guard let tracer = options.tracer else { return nil }
    self.tracer = tracer
    thread = options.tracerThread ?? tracer.thread()
    thread.leave()
    thread.beginBlock(tracer.intern("Default"))
    load = thread.begin(tracer.intern("Program::load_method"), kind: .method)
    initialise = thread.begin(tracer.intern("Method::init"), kind: .method)
  }

  func end() {
    thread.end(initialise)
    thread.end(load)
  }
}

extension LoggedTensor {
  init(_ tensor: Tensor) {
    self.init(
      data: tensor.state.pointee.data.map { UnsafeRawPointer($0) },
      byteCount: tensor.state.pointee.data == nil ? 0 : tensor.byteCount, scalarType: tensor.type,
      sizes: UnsafePointer(tensor.state.pointee.sizes), strides: UnsafePointer(tensor.state.pointee.strides),
      rank: tensor.rank)
  }
}
