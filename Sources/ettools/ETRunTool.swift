import ArgumentParser
import Bytes
import Commands

struct ETRunTool: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "etrun",
    abstract: "Runs ExecuTorch programs, and records what they do.",
    discussion: """
      A first session:
        etrun model.pte --iterations 20                          how long it takes
        etrun model.pte --iterations 20 --trace run.etdp         … operator by operator
        etdump inspect run.etdp --model model.pte                where the time goes

      Inputs: x.npy, x.npz[:name], x.safetensors[:name], x.raw:1x3x224x224:float32, shape:1x3x224x224[:float32][:seed]
      (random), int:5, float:0.5, bool:true, none. Without --input, --case or --steps every input is random, of the
      largest shape that the program was exported for.

      Exit status 1 where an output is not as expected (--verify), 2 where something cannot be read, loaded or run.
      """,
    version: "etrun (ettools) \(Version.current)",
    subcommands: [CalibrateTracerCommand.self])

  @Argument(help: "A program (.pte) or bundled program (.bpte), plain or zstd-compressed.")
  var model: String
  @Option(
    help: ArgumentHelp("A tensor file (.ptd) of weights outside the program. May be repeated.", valueName: "file"))
  var data: [String] = []
  @Option(help: "The method to run, where there are several.")
  var method: String?
  @Option(help: ArgumentHelp("An input, or a file with several, in order. May be repeated.", valueName: "input"))
  var input: [String] = []
  @Option(name: .customLong("case"), help: ArgumentHelp("The inputs of a bundled case, from 0.", valueName: "n"))
  var bundledCase: Int?
  @Option(
    help: ArgumentHelp(
      "Inputs of a sequence of calls on one state: .npz or .safetensors with members STEP.INPUT.", valueName: "file"))
  var steps: String?
  @Option(help: ArgumentHelp("How often to run, each time from the same state.", valueName: "n"))
  var iterations = 1
  @Option(help: ArgumentHelp("How often to run before that, neither measured nor recorded.", valueName: "n"))
  var warmup = 0
  @Option(help: ArgumentHelp("Record an ETDump in this file.", valueName: "file"))
  var trace: String?
  @Flag(help: "Let the trace be a journal, which can be opened at every moment and survives a crash.")
  var stream = false
  @Option(help: ArgumentHelp("Record the elements of logged tensors in this file.", valueName: "file"))
  var debugBuffer: String?
  @Option(help: "Which values to log: none, outputs or intermediates.")
  var log: RunRequest.Log = .none
  @Option(help: ArgumentHelp("Record only events whose names match, and the method's.", valueName: "regex"))
  var filter: String?
  @Option(help: ArgumentHelp("1.5: leave out values that ExecuTorch 1.5's Inspector refuses.", valueName: "version"))
  var traceCompat: String?
  @Option(help: ArgumentHelp("Save the outputs: .npy, .npz or .safetensors.", valueName: "file"))
  var saveOutputs: String?
  @Flag(help: "Compare the outputs with the bundled case's expected ones.")
  var verify = false
  @Option(help: "Relative tolerance of --verify; by the type where neither is given.")
  var rtol: Double?
  @Option(help: "Absolute tolerance of --verify.")
  var atol: Double?
  @Option(help: ArgumentHelp("Threads that share an operator's work; results do not depend on it.", valueName: "n"))
  var threads = 1
  @Option(help: ArgumentHelp("Where random inputs and random operators begin.", valueName: "n"))
  var seed: UInt64 = 0
  @Option(help: "table or json.")
  var format: RunRequest.Format?
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where to write the report; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    if iterations < 1 { throw ValidationError("--iterations must be at least 1") }
    if warmup < 0 { throw ValidationError("--warmup must not be negative") }
    if threads < 1 || threads > 1024 { throw ValidationError("--threads must be from 1 to 1024") }
    if (rtol == nil) != (atol == nil) { throw ValidationError("--rtol and --atol go together") }
    if let traceCompat, traceCompat != "1.5" { throw ValidationError("--trace-compat knows 1.5 alone") }
    if stream && trace == nil { throw ValidationError("--stream needs --trace") }
    if let implied, let format, format != implied {
      throw ValidationError("--format \(format.rawValue) contradicts the name of the output")
    }
  }

  private var implied: RunRequest.Format? { output.flatMap { $0.hasSuffix(".json") ? .json : nil } }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = RunRequest(model: model)
    request.data = data
    request.method = method
    request.inputs = input
    request.bundledCase = bundledCase ?? (verify && input.isEmpty && steps == nil ? 0 : nil)
    request.steps = steps
    request.iterations = iterations
    request.warmup = warmup
    request.trace = trace
    request.streams = stream
    request.debugBuffer = debugBuffer
    request.log = log
    request.filter = filter
    request.isCompatibleWith15 = traceCompat != nil
    request.saveOutputs = saveOutputs
    request.verifies = verify
    request.relativeTolerance = rtol
    request.absoluteTolerance = atol
    request.threads = threads
    request.seed = seed
    request.format = format ?? implied ?? .table
    request.output = output
    return try request.run(out: out, notes: notes)
  }
}

extension RunRequest.Format: ExpressibleByArgument {}
extension RunRequest.Log: ExpressibleByArgument {}
