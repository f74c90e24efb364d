import ArgumentParser
import Bytes
import Commands
import ETCore
import TraceExport
import TraceModel

struct ExportCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a trace in the format of another tool.",
    discussion: """
      chrome      for chrome://tracing and ui.perfetto.dev
      perfetto    for ui.perfetto.dev, in its own format: smaller, a track for each backend
      speedscope  for speedscope.app: a profile for each run
      pprof       for pprof: samples with the model's source lines, by run, method and backend
      folded      stacks for flamegraph.pl and others: method, module, operator, kernel; nanoseconds
      csv         a line for each event of each run; ndjson the same as JSON

      Example:
        etdump export trace.etdp --model model.etrecord --to chrome -o trace.json
      """)

  @Argument(help: "ETDumps, plain or zstd-compressed; - for standard input.")
  var traces: [String]
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("chrome, perfetto, speedscope, pprof, folded, csv or ndjson.", valueName: "format"))
  var to: TraceFormat
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: ArgumentHelp("Executions to keep: 0, 1.., ..9, 2..5 or -5.. (from the end).", valueName: "spec"))
  var runs: RunSelection?
  @Option(help: ArgumentHelp("The unit of the trace's ticks: ns, us, ms, s or cycles.", valueName: "unit"))
  var sourceTimeScale: TimeScale = .ns
  @Option(
    help: ArgumentHelp("A tick is N/D source units (the device's et_pal_ticks_to_ns_multiplier).", valueName: "N/D"))
  var tickRatio: String?
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws { _ = try conversion() }

  private func conversion() throws -> TimeConversion {
    try TimeOptions.conversion(
      from: sourceTimeScale, to: sourceTimeScale == .cycles ? .cycles : .ns, tickRatio: tickRatio)
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = ExportRequest(paths: models.paths(traces), format: to, conversion: try conversion())
    request.method = method
    request.runs = runs ?? .all
    request.output = output
    return try request.run(out: out, notes: notes)
  }
}

extension TraceFormat: ExpressibleByArgument {}
