import ArgumentParser
import Bytes
import Commands
import ETCore
import TraceModel

struct FlameCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "flame",
    abstract: "Draws a trace as one HTML page: flame graph, timeline, table, source, runs, memory.",
    discussion: """
      The page needs no other file and no network. With --base it compares: what became slower, faster, new or is gone.

      Examples:
        etdump flame trace.etdp --model model.etrecord --model model.pte -o report.html
        etdump flame new*.etdp --base old*.etdp --model model.etrecord -o report.html
      """)

  @Argument(help: "ETDumps, plain or zstd-compressed; - for standard input.")
  var traces: [String]
  @OptionGroup var models: ModelOptions
  @Option(parsing: .upToNextOption, help: ArgumentHelp("Earlier traces to compare with.", valueName: "trace"))
  var base: [String] = []
  @Option(
    help: ArgumentHelp(
      "The base's ETRecord or program, where its model is another. May be repeated.", valueName: "file"))
  var baseModel: [String] = []
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: ArgumentHelp("Executions to keep: 0, 1.., ..9, 2..5 or -5.. (from the end).", valueName: "spec"))
  var runs: RunSelection?
  @OptionGroup var ticks: TickOptions
  @Option(name: .shortAndLong, help: ArgumentHelp("The page to write; - for standard output.", valueName: "file"))
  var output: String

  func validate() throws {
    if base.isEmpty && !baseModel.isEmpty {
      throw ValidationError("--base-model says of what --base is: name a --base")
    }
    _ = try ticks.conversion(to: .ms)
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = FlameRequest(paths: models.paths(traces), conversion: try ticks.conversion(to: .ms), output: output)
    if !base.isEmpty {
      request.base = baseModel.isEmpty ? models.paths(base) : InputPaths(traces: base, models: baseModel)
    }
    request.method = method
    request.runs = runs ?? .all
    return try request.run(out: out, notes: notes)
  }
}
