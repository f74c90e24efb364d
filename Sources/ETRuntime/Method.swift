public import ETFormats
public import ETKernels
public import ETTracing
internal import Synchronization

/// A loaded method of a program: its memory, its values, and its instructions ready to run.
///
/// Mutable buffers keep their contents from one execution to the next. One thread uses it at a time; only
/// `cancellation` may be used from others.
public final class Method {
  /// How methods are loaded and run.
  public struct Options {
    /// The operators that programs may call.
    public var kernels = KernelRegistry.standard
    /// The backends that delegates may name.
    public var backends: [String: any Backend] = [:]
    /// Tensor files that tensors outside the program come from, the first that has the name.
    public var data: [FlatTensor] = []
    public var threads = 1
    /// Where random operators begin.
    public var seed: UInt64 = 0
    /// The most bytes that planned memory, inputs, outputs and tensors without a bound may take together, and the most
    /// that a kernel may take for intermediate results.
    public var memoryLimit = 16 << 30
    /// The most instructions in one execution, so that jumps cannot go on forever.
    public var stepLimit = 10_000_000
    /// Where loading and every execution are recorded.
    public var tracer: EventTracer?
    /// The tracer's thread that the method runs in, where several methods share one; else one is made.
    public var tracerThread: ThreadTracer?

    public init() {}
  }

  public let program: Program
  public let plan: Program.ExecutionPlan
  public let options: Options
  /// Stops an execution between two instructions.
  public let cancellation = Cancellation()
  /// Memory, threads and random numbers of the kernels.
  public let context: KernelContext
  /// Bytes of each planned buffer; entry 0 is not one.
  public var plannedBytes: [Int] { arenas.map(\.bytes.count) }

  let arenas: [Arena]
  let storage: MethodStorage
  private(set) var delegates: [any Delegate]
  /// Of all chains, one after the other.
  let steps: UnsafeMutableBufferPointer<Step>
  let tracer: MethodTracer?
  /// Whether executions are recorded, where there is a tracer: off while a program warms up.
  public var isTraced = true
  /// Which inputs have been given.
  var inputsSet: [Bool]
  /// Memory of inputs and outputs that are not planned and that the caller did not give.
  /// By value, the newest last: views may still lie in an older one.
  var ownedArenas: [Int: [Arena]] = [:]
  /// Inputs and outputs that lie in the caller's memory, by value.
  var callersValues: Set<Int> = []

  /// Prepares a method.
  ///
  /// - Parameter name: nil where the program has one method, or one called `forward`.
  /// - Throws: `RuntimeError`; `notRegistered` names everything that is missing.
  public init(_ program: Program, name: String? = nil, options: Options = Options()) throws {
    let loading = LoadTracer(options)
    defer { loading?.end() }
    let plan = try Self.plan(of: program, name: name)
    self.program = program
    self.plan = plan
    self.options = options
    context = KernelContext(
      pool: ThreadPool(threads: options.threads), seed: options.seed, scratchLimit: min(options.memoryLimit, 4 << 30))
    let loader = MethodLoader(program: program, plan: plan, options: options)
    try loader.checkRegistered()
    arenas = try loader.planMemory()
    storage = try loader.makeValues(arenas)
    delegates = try loader.loadDelegates()
    steps = try loader.makeSteps(storage)
    let steps = steps
    tracer = loading.map { MethodTracer($0.tracer, $0.thread, plan: plan, steps: steps) }
    // Nobody can give a list or a string: they are as the program has them.
    inputsSet = plan.inputs.map { [storage] in storage.values[Int($0)].asList != nil }
    // Memory is zero at first.
    for state in storage.initialStates where state.contents != nil { Self.begin(state) }
  }

  deinit {
    // They may refer to the program until they are gone.
    delegates = []
    steps.deinitialize()
    steps.deallocate()
  }

  private static func plan(of program: Program, name: String?) throws(RuntimeError) -> Program.ExecutionPlan {
    let names = program.methodNames
    let wanted = name ?? (names.count == 1 ? names[0] : "forward")
    guard let plan = program.method(named: wanted) else {
      throw RuntimeError(
        .missing,
        "the program has no method \(wanted); it has \(names.isEmpty ? "none" : names.joined(separator: ", "))")
    }
    return plan
  }

  /// Gives mutable buffers their initial contents again: what the program says, zeros where it says nothing.
  public func resetState() {
    for state in storage.initialStates { Self.begin(state) }
  }

  private static func begin(_ state: (place: UnsafeMutableRawPointer, count: Int, contents: UnsafeRawPointer?)) {
    if let contents = state.contents {
      state.place.copyMemory(from: contents, byteCount: state.count)
    } else {
      state.place.initializeMemory(as: UInt8.self, repeating: 0, count: state.count)
    }
  }
}

/// Stops executions from another thread.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  /// The execution under way, or else the next, ends with an error before its next instruction.
  public func cancel() { flag.store(true, ordering: .relaxed) }

  var isCancelled: Bool { flag.load(ordering: .relaxed) }

  func clear() { flag.store(false, ordering: .relaxed) }
}

/// One instruction, ready to run.
struct Step {
  enum Kind { case kernel, delegate, move, jumpFalse, free }

  let kind: Kind
  /// Does nothing where the instruction is no kernel's. Not optional: a call through an optional function allocates.
  let kernel: Kernel
  let arguments: UnsafePointer<Int32>
  let argumentCount: Int
  /// Move: from, to. Jump: condition, destination. Free: the value. Delegate: its index.
  let first: Int
  let second: Int
  /// Positions of arguments that the kernel writes.
  let outputs: Range<Int>
}
