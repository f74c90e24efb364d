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
      sqlite      a database of runs, rows and events, with views that answer questions

      Examples:
        etdump export trace.etdp --model model.etrecord --to chrome -o trace.json
        etdump export trace.etdp --model model.etrecord --model model.pte -o trace.db
        sqlite3 trace.db 'SELECT * FROM op_time LIMIT 10'
      """)

  @Argument(help: "ETDumps, plain or zstd-compressed; - for standard input.")
  var traces: [String]
  @OptionGroup var models: ModelOptions
  @Option(
    help: ArgumentHelp(
      "chrome, perfetto, speedscope, pprof, folded, csv, ndjson or sqlite; else by the ending of the output's name.",
      valueName: "format"))
  var to: TraceFormat?
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: ArgumentHelp("Executions to keep: 0, 1.., ..9, 2..5 or -5.. (from the end).", valueName: "spec"))
  var runs: RunSelection?
  @OptionGroup var ticks: TickOptions
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    _ = try ticks.conversion(to: .ns)
    if try chosenFormat().needsFile, output ?? "-" == "-" {
      throw ValidationError("a database cannot go to standard output: name a file with -o, such as -o trace.db")
    }
  }

  /// By the ending of the output's name. Endings of several formats, as `.json`, stand for none, and contradict none.
  private static let endings: [(ending: String, format: TraceFormat)] = [
    (".db", .sqlite), (".sqlite", .sqlite), (".sqlite3", .sqlite), (".csv", .csv), (".ndjson", .ndjson),
    (".speedscope.json", .speedscope), (".pftrace", .perfetto), (".perfetto-trace", .perfetto), (".pb.gz", .pprof),
    (".pprof", .pprof), (".folded", .folded), (".collapsed", .folded),
  ]

  private func chosenFormat() throws -> TraceFormat {
    let implied = output.flatMap { path in Self.endings.first { path.hasSuffix($0.ending) }?.format }
    if let to, let implied, to != implied {
      throw ValidationError(
        "--to \(to.rawValue) contradicts the name of the output, which ends for \(implied.rawValue)")
    }
    guard let format = to ?? implied else {
      throw ValidationError("--to which format? The name of the output does not say")
    }
    return format
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = ExportRequest(
      paths: models.paths(traces), format: try chosenFormat(), conversion: try ticks.conversion(to: .ns))
    request.method = method
    request.runs = runs ?? .all
    request.output = output
    return try request.run(out: out, notes: notes)
  }
}

extension TraceFormat: ExpressibleByArgument {}
