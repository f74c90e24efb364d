import ArgumentParser
import Bytes
import Commands
import ETCore
import TraceModel

struct ETDumpTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "etdump",
    abstract: "Reads traces of ExecuTorch programs (ETDump).",
    discussion: """
      First steps:
        etdump inspect trace.etdp                          where the time goes
        etdump inspect trace.etdp --model model.etrecord   … by operator, module and source line
        etdump flame trace.etdp --model model.etrecord -o report.html   as a page to look at
        etdump diff before.etdp --to after.etdp            what changed, and how sure that is
        etdump check trace.etdp --model model.etrecord     is the trace sound, and does it fit the model?
      """,
    version: "etdump (ettools) \(Version.current)",
    subcommands: [
      InspectCommand.self, FlameCommand.self, DiffCommand.self, ExportCommand.self, CheckCommand.self, CatCommand.self,
    ])
}

extension ParsableCommand {
  /// Parses, runs, and ends the process with the right status. The tool's name begins every message.
  static func run(_ arguments: [String]) -> Never {
    let name = configuration.commandName ?? ""
    let notes = StandardStream(descriptor: 2, name: "standard error")
    let out = StandardStream(descriptor: 1, name: "standard output")
    do {
      let command = try parsed(arguments)
      guard let work = command as? any Work else {
        var command = command
        try command.run()
        exit()
      }
      let status = try work.perform(out: out, notes: notes)
      try out.flush()
      try notes.flush()
      exit(withError: ExitCode(status.rawValue))
    } catch let trouble as Trouble {
      try? out.flush()
      try? notes.write("\(name): \(trouble)\n")
      try? notes.flush()
      exit(withError: ExitCode(trouble.status.rawValue))
    } catch let error as WriteError {
      try? notes.write("\(name): \(error)\n")
      try? notes.flush()
      exit(withError: ExitCode(ExitStatus.trouble.rawValue))
    } catch {
      exit(withError: error)
    }
  }
}

extension ParsableCommand {
  /// The parser takes a subcommand's name for the argument of a tool that has arguments of its own.
  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    let subcommand = configuration.subcommands.first { $0.configuration.commandName == arguments.first }
    guard let subcommand, self is any Work.Type else { return try parseAsRoot(arguments) }
    return try subcommand.parseAsRoot(Array(arguments.dropFirst()))
  }
}

/// A subcommand that does its work with two streams.
protocol Work {
  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus
}

struct ModelOptions: ParsableArguments {
  @Option(help: "The ETRecord of the export: operators, modules and source lines.")
  var etrecord: String?
  @Option(help: "The program (.pte or .bpte): operators, shapes, backends, XNNPACK's kernels.")
  var program: String?
  @Option(help: ArgumentHelp("An ETRecord or a program, told apart by content. May be repeated.", valueName: "file"))
  var model: [String] = []

  func paths(_ traces: [String]) -> InputPaths {
    InputPaths(traces: traces, record: etrecord, program: program, models: model)
  }
}

/// What a trace's ticks are.
struct TickOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The unit of the trace's ticks: ns, us, ms, s or cycles.", valueName: "unit"))
  var sourceTimeScale: TimeScale = .ns
  @Option(
    help: ArgumentHelp("A tick is N/D source units (the device's et_pal_ticks_to_ns_multiplier).", valueName: "N/D"))
  var tickRatio: String?

  /// - Parameter target: The unit of times; ticks that are cycles stay cycles.
  func conversion(to target: TimeScale) throws -> TimeConversion {
    try TimeOptions.conversion(
      from: sourceTimeScale, to: sourceTimeScale == .cycles ? .cycles : target, tickRatio: tickRatio)
  }
}

struct TimeOptions: ParsableArguments {
  @OptionGroup var ticks: TickOptions
  @Option(help: ArgumentHelp("The unit of printed times.", valueName: "unit"))
  var targetTimeScale: TimeScale = .ms

  func conversion() throws -> TimeConversion {
    try Self.conversion(from: ticks.sourceTimeScale, to: targetTimeScale, tickRatio: ticks.tickRatio)
  }

  static func conversion(from source: TimeScale, to target: TimeScale, tickRatio: String?) throws -> TimeConversion {
    var ratio: (UInt64, UInt64) = (1, 1)
    if let tickRatio {
      let parts = tickRatio.split(separator: "/").map { UInt64($0) }
      guard parts.count <= 2, let first = parts.first, let numerator = first, numerator > 0,
        let denominator = parts.count == 2 ? parts[1] : 1, denominator > 0
      else { throw ValidationError("--tick-ratio: '\(tickRatio)' is not of the form N/D, such as 125/3") }
      ratio = (numerator, denominator)
    }
    do {
      return try TimeConversion(from: source, to: target, tickRatio: ratio)
    } catch {
      throw ValidationError(error.description)
    }
  }
}

enum FormatChoice {
  /// The format that was asked for, else the one that the output's name ends for; nil where neither says.
  ///
  /// - Throws: `ValidationError` where the two contradict each other.
  static func chosen<Format: RawRepresentable & Equatable>(
    _ format: Format?, output: String?, endings: [String: Format]
  ) throws -> Format? where Format.RawValue == String {
    let implied = output.flatMap { path in path.split(separator: ".").last.flatMap { endings[String($0)] } }
    if let format, let implied, format != implied {
      throw ValidationError(
        "--format \(format.rawValue) contradicts the name of the output, which ends for \(implied.rawValue)")
    }
    return format ?? implied
  }
}

extension TimeScale: ExpressibleByArgument {}

extension RunSelection: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
