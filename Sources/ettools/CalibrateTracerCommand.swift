import ArgumentParser
import Bytes
import Commands

struct CalibrateTracerCommand: ParsableCommand, Work {
  static let configuration = CommandConfiguration(
    commandName: "calibrate-tracer", abstract: "Measures what recording an event costs on this machine.")

  @Option(help: "table or json.")
  var format: RunRequest.Format = .table

  func perform(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    try TracerCalibrationReport.write(format, to: out)
    return .fine
  }
}
