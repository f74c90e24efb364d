import ArgumentParser
import Bytes
import Commands
import ETCore
import TraceModel

struct DiffCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Says what changed between traces, and how sure that is.",
    discussion: """
      Record several launches of each side: with one, nothing is known of the next launch. The files of --etrecord, --program and \
      --model are of both sides unless the new side has its own. Exit status 1 only where --fail-on asks for it.

      Examples:
        etdump diff before/*.etdp --to after/*.etdp
        etdump diff before/*.etdp --to after/*.etdp --etrecord model.etrecord --fail-on slower
        etdump diff portable.etdp --to xnnpack.etdp --etrecord portable.etrecord --new-etrecord xnnpack.etrecord
        etdump diff before/*.etdp --to after/*.etdp --format markdown -o comment.md
      """)

  @Argument(help: "ETDumps of the base, plain or zstd-compressed; each is a launch.")
  var base: [String]
  @Option(
    name: .customLong("to"), parsing: .upToNextOption, help: ArgumentHelp("ETDumps of the new side.", valueName: "new"))
  var new: [String]
  @OptionGroup var models: ModelOptions
  @Option(help: ArgumentHelp("The new side's ETRecord, where it is another model's.", valueName: "file"))
  var newEtrecord: String?
  @Option(help: ArgumentHelp("The new side's program.", valueName: "file"))
  var newProgram: String?
  @Option(
    help: ArgumentHelp("The new side's ETRecord or program, told apart by content. May be repeated.", valueName: "file")
  )
  var newModel: [String] = []
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: ArgumentHelp("The method that the new side ran, where it is another.", valueName: "method"))
  var newMethod: String?
  @Option(help: ArgumentHelp("Executions to keep: 0, 1.., ..9, 2..5 or -5.. (from the end).", valueName: "spec"))
  var runs: RunSelection?
  @Option(help: ArgumentHelp("The least change that counts, in percent.", valueName: "pct"))
  var threshold = 5.0
  @Option(help: ArgumentHelp("The share of named changes that may be chance.", valueName: "a"))
  var alpha = 0.05
  @Option(help: "slower, faster or any: exit status 1 where there is such a change.")
  var failOn: DiffRequest.Failure?
  @OptionGroup var times: TimeOptions
  @Option(help: ArgumentHelp("Show the N largest changes; 0 shows all.", valueName: "n"))
  var top: Int?
  @Option(help: "table, json, ndjson, csv, tsv or markdown; else by the ending of the output's name.")
  var format: DiffRequest.Format?
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    if base.isEmpty || new.isEmpty { throw ValidationError("name traces on both sides: BASE… --to NEW…") }
    if (base + new).count(where: { $0 == "-" }) > 1 { throw ValidationError("only one trace can be standard input") }
    if !(threshold >= 0 && threshold.isFinite) { throw ValidationError("--threshold takes a percentage of 0 or more") }
    if !(alpha > 0 && alpha < 1) { throw ValidationError("--alpha takes a number between 0 and 1") }
    if let top, top < 0 { throw ValidationError("--top takes 0 or more") }
    _ = try times.conversion()
    _ = try chosenFormat()
  }

  private func chosenFormat() throws -> DiffRequest.Format {
    let endings = ["json": DiffRequest.Format.json, "ndjson": .ndjson, "csv": .csv, "tsv": .tsv, "md": .markdown]
    return try FormatChoice.chosen(format, output: output, endings: endings) ?? .table
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    var request = DiffRequest(
      base: models.paths(base),
      new: InputPaths(traces: new, record: newEtrecord, program: newProgram, models: newModel),
      conversion: try times.conversion())
    request.method = method
    request.newMethod = newMethod
    request.runs = runs ?? .all
    request.settings.threshold = threshold / 100
    request.settings.alpha = alpha
    request.failOn = failOn
    request.top = top
    request.format = try chosenFormat()
    request.output = output
    request.width = output == nil ? Terminal.width : nil
    return try request.run(out: out, notes: notes)
  }
}

extension DiffRequest.Format: ExpressibleByArgument {}
extension DiffRequest.Failure: ExpressibleByArgument {}
