import ArgumentParser
import Bytes
import Commands

struct CatCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Prints every record of a trace, or writes the trace anew.",
    discussion:
      "NDJSON has one line for the file, one for each run and one for each event, with the names of ETDump's schema.")

  @Argument(help: "An ETDump, plain or zstd-compressed; - for standard input.")
  var trace: String
  @Option(help: ArgumentHelp("ndjson, or etdp for a clean, size-prefixed ETDump.", valueName: "format"))
  var to: CatRequest.Format = .ndjson
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String?

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    try CatRequest(trace: trace, format: to, output: output).run(out: out, notes: notes)
  }
}

extension CatRequest.Format: ExpressibleByArgument {}
