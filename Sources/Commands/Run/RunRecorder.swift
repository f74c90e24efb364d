import Bytes
import ETCore
import ETFormats
import ETTracing

/// The tracer of a run, and the files that it leaves.
struct RunRecorder {
  let tracer: EventTracer
  let thread: ThreadTracer
  private let trace: String
  private let debugBuffer: String?
  private let streams: Bool

  /// Nil where no trace is wanted.
  ///
  /// - Parameter executions: How many are recorded.
  init?(_ request: RunRequest, model: LoadedModel, plan: Program.ExecutionPlan, executions: Int) throws {
    guard let trace = request.trace else {
      guard request.debugBuffer == nil, request.log == .none, request.filter == nil else {
        throw Trouble("--debug-buffer, --log and --filter need --trace", status: .usage)
      }
      return nil
    }
    guard request.debugBuffer == nil || request.log != .none else {
      throw Trouble("--debug-buffer holds values: say which with --log outputs or --log intermediates", status: .usage)
    }
    var configuration = EventTracer.Configuration()
    let instructions = plan.instructions.count
    let perRun = min(max(instructions, 1) * (request.log == .intermediates ? 10 : 3) + 16, 1 << 20)
    let most = 1 << 24
    configuration.capacity = executions > most / perRun ? most : perRun * executions + 1024
    if request.streams { configuration.storage = .journal(path: trace) }
    if let path = request.debugBuffer { configuration.debugBuffer = .file(path: path) }
    configuration.debugLevel =
      switch request.log {
      case .none: .none
      case .outputs: .outputs
      case .intermediates: .intermediates
      }
    configuration.filter = request.filter.map { EventFilter(include: [.init(name: $0), .init(kinds: [.method])]) }
    configuration.isCompatibleWith15 = request.isCompatibleWith15
    configuration.metadata = [
      ("producer", "etrun \(Version.current)"), ("device", Device.description), ("method", plan.name),
      ("model", lastComponent(request.model)),
      ("model_crc32", String(CRC32.of(model.program.bytes(model.program.place)), radix: 16)),
      ("threads", String(request.threads)),
    ]
    do {
      tracer = try EventTracer(configuration)
    } catch {
      throw Trouble("\(trace): \(error)")
    }
    thread = tracer.thread(named: "main")
    self.trace = trace
    debugBuffer = request.debugBuffer
    streams = request.streams
  }

  /// Writes the trace, and says what it lacks.
  func write(notes: any ByteSink) throws {
    do {
      if !streams { try tracer.write(to: trace) }
      let summary = try tracer.finish()
      if summary.dropped > 0 { try notes.write("etrun: \(summary.dropped) events had no room and were dropped\n") }
      if summary.droppedValues > 0 {
        try notes.write("etrun: \(summary.droppedValues) values had no room in the debug buffer and were dropped\n")
      }
      if summary.unsupported > 0 {
        try notes.write("etrun: \(summary.unsupported) values and allocations that 1.5 refuses were left out\n")
      }
    } catch let error as TracerError {
      throw Trouble("\(trace): \(error)")
    }
  }
}

func lastComponent(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
