import ArgumentParser
import Bytes
import Commands
import ETCore
import TraceModel

struct InspectCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says where the time of a trace went.",
    discussion: """
      Examples:
        etdump inspect trace.etdp
        etdump inspect trace.etdp --model model.etrecord --model model.pte
        etdump inspect trace.etdp --model model.etrecord --group module --top 20
        etdump inspect trace.etdp --runs 1.. --format tsv -o table.tsv
      """)

  @Argument(help: "ETDumps, plain or zstd-compressed; - for standard input. The runs of all are pooled.")
  var traces: [String]
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The debug buffer that belongs to the trace.", valueName: "file"))
  var debugBuffer: String?
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: ArgumentHelp("Executions to keep: 0, 1.., ..9, 2..5 or -5.. (from the end).", valueName: "spec"))
  var runs: RunSelection?
  @Option(help: "event, op, backend, module, source, block or run.")
  var group: InspectRequest.Group = .event
  @Option(help: ArgumentHelp("With --group module: steps of the module path to keep.", valueName: "n"))
  var moduleDepth: Int?
  @Flag(help: "Show the framework's calls around operators too.")
  var allEvents = false
  @Flag(help: "Repeat the faults of the reference Inspector, to compare with its answers.")
  var referenceFaults = false
  @OptionGroup var times: TimeOptions
  @Option(help: "order, total, p50, avg, max, self or name.")
  var sort: InspectRequest.SortKey?
  @Option(help: ArgumentHelp("Keep the N most expensive rows; 0 keeps all.", valueName: "n"))
  var top: Int?
  @Option(help: "table, json, ndjson, csv, tsv or markdown; else by the ending of the output's name.")
  var format: InspectRequest.Format?
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    if let top, top < 0 { throw ValidationError("--top takes 0 or more") }
    if let moduleDepth, moduleDepth < 1 { throw ValidationError("--module-depth takes 1 or more") }
    _ = try times.conversion()
    _ = try chosenFormat()
  }

  private func chosenFormat() throws -> InspectRequest.Format {
    let endings = ["json": InspectRequest.Format.json, "ndjson": .ndjson, "csv": .csv, "tsv": .tsv, "md": .markdown]
    return try FormatChoice.chosen(format, output: output, endings: endings) ?? .table
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = InspectRequest(paths: models.paths(traces), conversion: try times.conversion())
    request.debugBuffer = debugBuffer
    request.method = method
    request.runs = runs ?? .all
    request.group = group
    request.moduleDepth = moduleDepth
    request.allEvents = allEvents
    request.referenceFaults = referenceFaults
    request.sort = sort
    request.top = top
    request.format = try chosenFormat()
    request.output = output
    request.width = output == nil ? Terminal.width : nil
    return try request.run(out: out, notes: notes)
  }
}

extension InspectRequest.Format: ExpressibleByArgument {}
extension InspectRequest.Group: ExpressibleByArgument {}
extension InspectRequest.SortKey: ExpressibleByArgument {}
