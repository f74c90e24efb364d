import ArgumentParser
import Bytes
import Commands

/// The one program behind every name: the name that it was called by chooses the tool.
@main
struct ETTools {
  static func main() {
    var arguments = CommandLine.arguments
    var name = arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
    if !Tool.names.contains(name), arguments.count > 1, Tool.names.contains(arguments[1]) {
      // `ettools etdump …` works as well.
      arguments.removeFirst()
      name = arguments[0]
    }
    let notes = StandardStream(descriptor: 2, name: "standard error")
    guard let tool = Tool(rawValue: name) else {
      try? notes.write(
        "usage: ettools TOOL …, or call it by a tool's name (make install makes the links)\ntools: "
          + Tool.names.joined(separator: " ") + "\n")
      try? notes.flush()
      exit(.usage)
    }
    switch tool {
    case .etdump: ETDumpTool.run(Array(arguments.dropFirst()))
    case .etrun: ETRunTool.run(Array(arguments.dropFirst()))
    case .etdiff, .etgraph, .etgate, .etpte:
      try? notes.write("\(name): this tool is not part of this version yet\n")
      try? notes.flush()
      exit(.usage)
    }
  }

  static func exit(_ status: ExitStatus) -> Never { ParsableStatus.exit(status) }
}

/// The names that the program answers to.
enum Tool: String, CaseIterable {
  case etdump, etrun, etdiff, etgraph, etgate, etpte

  static let names = allCases.map(\.rawValue)
}

/// Ends the process with one of our statuses.
enum ParsableStatus {
  static func exit(_ status: ExitStatus) -> Never { ETDumpTool.exit(withError: ExitCode(status.rawValue)) }
}
