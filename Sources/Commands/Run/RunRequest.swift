public import Bytes
import Compression
import ETCore
import ETFormats
import ETKernels
import ETRuntime
import ETTracing

/// `etrun`: runs a method of a program, and records it where a trace is wanted.
public struct RunRequest: Sendable {
  public enum Format: String, CaseIterable, Sendable { case table, json }
  public enum Log: String, CaseIterable, Sendable { case none, outputs, intermediates }

  public var model: String
  /// Tensor files (`.ptd`).
  public var data: [String] = []
  /// nil: the only one, or `forward`.
  public var method: String?
  /// What `InputSpec` reads, one for each input or one file for all.
  public var inputs: [String] = []
  /// A bundled case, counted from 0.
  public var bundledCase: Int?
  /// A file with the inputs of several calls.
  public var steps: String?
  public var iterations = 1
  public var warmup = 0
  public var trace: String?
  /// Whether the trace is a journal, which can be opened at every moment.
  public var streams = false
  public var debugBuffer: String?
  public var log = Log.none
  /// Of events' names.
  public var filter: String?
  public var isCompatibleWith15 = false
  public var saveOutputs: String?
  public var verifies = false
  public var relativeTolerance: Double?
  public var absoluteTolerance: Double?
  public var threads = 1
  public var seed: UInt64 = 0
  public var format = Format.table
  public var output: String?

  public init(model: String) { self.model = model }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    let model = try LoadedModel(path: model)
    let plan = try chosenPlan(of: model.program)
    let calls = try RunInputs(self, model: model, plan: plan).calls()
    let recorder = try RunRecorder(
      self, model: model, plan: plan,
      executions: iterations > .max / max(calls.count, 1) ? .max : iterations * calls.count)
    var options = Method.Options()
    options.data = try data.map { path in
      try Inputs.reading(path) { (path) throws(ReadError) in try FlatTensor.load(path) }
    }
    options.threads = threads
    options.seed = seed
    options.tracer = recorder?.tracer
    options.tracerThread = recorder?.thread
    let method: Method
    do {
      method = try Method(model.program, name: plan.name, options: options)
    } catch {
      throw Trouble("\(self.model): \(error)")
    }
    var report = RunReport(model: self.model, method: plan.name, steps: calls.count)
    report.plannedBytes = method.plannedBytes
    do {
      try execute(method, calls, recorder, &report)
    } catch let error as RuntimeError {
      // What happened until then is worth keeping.
      try recorder?.write(notes: notes)
      throw Trouble("\(self.model): \(error)")
    }
    try recorder?.write(notes: notes)
    report.peakBytes = PeakMemory.bytes
    let outputs = try RunOutputs(method)
    report.outputs = outputs.values
    if let saveOutputs { try outputs.save(to: saveOutputs) }
    var mismatches: [String] = []
    if verifies { mismatches = try verify(outputs, model: model, plan: plan) }
    report.verification = verifies ? mismatches : nil
    try Output.write(to: output, standard: out) { try report.write(format, to: $0) }
    return mismatches.isEmpty ? .fine : .found
  }

  private func chosenPlan(of program: Program) throws -> Program.ExecutionPlan {
    let names = program.methodNames
    if let method {
      if let plan = program.method(named: method) { return plan }
      throw Trouble("\(model): no method \(method); there are \(names.joined(separator: ", "))", status: .usage)
    }
    if let plan = names.count == 1 ? program.executionPlans.first : program.method(named: "forward") { return plan }
    throw Trouble(
      names.isEmpty
        ? "\(model): the program has no method"
        : "\(model): which method? --method \(names.joined(separator: " or --method "))",
      status: names.isEmpty ? .trouble : .usage)
  }

  private func execute(
    _ method: Method, _ calls: [RunCall], _ recorder: RunRecorder?, _ report: inout RunReport
  ) throws {
    method.isTraced = false
    for _ in 0..<warmup {
      method.resetState()
      for call in calls { report.warmup.append(try time(method, call, recorder)) }
    }
    method.isTraced = true
    for _ in 0..<iterations {
      // Each iteration is the same sequence from the same state.
      method.resetState()
      for call in calls { report.times.append(try time(method, call, recorder)) }
    }
  }

  /// Nanoseconds of one execution, giving the inputs left out.
  private func time(_ method: Method, _ call: RunCall, _ recorder: RunRecorder?) throws -> UInt64 {
    try call.give(to: method)
    recorder?.thread.bundledInputIndex = Int32(clamping: bundledCase ?? -1)
    let clock = ContinuousClock()
    let start = clock.now
    try method.execute()
    let duration = clock.now - start
    return UInt64(duration.components.seconds) * 1_000_000_000 + UInt64(duration.components.attoseconds / 1_000_000_000)
  }
}

/// A program, and the cases bundled with it.
struct LoadedModel {
  let program: Program
  let bundled: BundledProgram?

  init(path: String) throws {
    (program, bundled) = try Inputs.reading(path) { (path) throws(ReadError) in
      let contents = try FileContents.openDecompressed(path)
      guard InputKind.recognise(contents.bytes) == .bundledProgram else {
        return (try Program(reading: contents), nil)
      }
      let bundled = try BundledProgram(reading: contents)
      return (bundled.program, bundled)
    }
  }

  /// - Throws: `Trouble` where there is no such case.
  func bundledCase(_ number: Int, method: String, path: String) throws -> BundledProgram.Case {
    guard let bundled else {
      throw Trouble("\(path): not a bundled program (.bpte): it has no cases; give --input", status: .usage)
    }
    let cases = bundled.suite(forMethod: method)?.cases ?? []
    guard cases.indices.contains(number) else {
      throw Trouble("\(path): \(cases.count) cases for method \(method), no case \(number)", status: .usage)
    }
    return cases[number]
  }
}
