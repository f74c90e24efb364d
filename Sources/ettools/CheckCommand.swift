import Analysis
import ArgumentParser
import Bytes
import Commands

struct CheckCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says whether a trace is sound and fits the model.",
    discussion: """
      Exit status 1 where something of the severity of --fail-on or above was found, 2 where a file cannot be read.
      --list-rules says what each rule means.

      Examples:
        etdump check trace.etdp --model model.etrecord --model model.pte
        etdump check trace.etdp --fail-on warning --format json
      """)

  @Argument(help: "An ETDump, plain or zstd-compressed; - for standard input.")
  var trace: String?
  @OptionGroup var models: ModelOptions
  @Option(help: "The method that ran, where several fit.")
  var method: String?
  @Option(help: "The least severity that makes the check fail: error, warning or note.")
  var failOn: Severity = .error
  @Flag(help: "Print the rules, with numbers, severities and meanings, and check nothing.")
  var listRules = false
  @Option(help: "table, json or ndjson; else by the ending of the output's name.")
  var format: CheckRequest.Format?
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    if trace == nil && !listRules { throw ValidationError("name a trace to check") }
    _ = try chosenFormat()
  }

  private func chosenFormat() throws -> CheckRequest.Format {
    try FormatChoice.chosen(format, output: output, endings: ["json": .json, "ndjson": .ndjson]) ?? .table
  }

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    if listRules {
      try CheckRequest.listRules(try chosenFormat(), output: output, out: out)
      return .fine
    }
    var request = CheckRequest(paths: models.paths(trace.map { [$0] } ?? []))
    request.method = method
    request.failOn = failOn
    request.format = try chosenFormat()
    request.output = output
    return try request.run(out: out, notes: notes)
  }
}

extension CheckRequest.Format: ExpressibleByArgument {}
extension Severity: ExpressibleByArgument {}
