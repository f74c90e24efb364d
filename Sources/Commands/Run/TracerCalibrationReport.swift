public import Bytes
import ETTracing
import Presentation

/// `etrun calibrate-tracer`: what recording an event costs on this machine.
public struct TracerCalibrationReport {
  public static func write(_ format: RunRequest.Format, to out: any ByteSink) throws {
    let calibration: TracerCalibration
    do {
      calibration = try EventTracer.calibrate()
    } catch {
      throw Trouble("\(error)")
    }
    switch format {
    case .table: try out.write(table(calibration))
    case .json: try out.write(json(calibration))
    }
  }

  private static func table(_ calibration: TracerCalibration) -> String {
    var table = TextTable([
      .init("clock"), .init("a reading (ns)", isNumber: true), .init("an event (ns)", isNumber: true),
      .init("step (ns)", isNumber: true),
    ])
    func row(_ name: String, _ clock: TracerCalibration.Clock) {
      table.row([name] + [clock.reading, clock.event, clock.step].map { NumberText.fixed($0, 1) })
    }
    row("system", calibration.system)
    if let counter = calibration.counter { row("time-stamp counter", counter) }
    var text = table.text(width: Terminal.width)
    if let rate = calibration.counterTicksPerSecond, let drift = calibration.counterDrift {
      text +=
        "\ncounter: \(NumberText.fixed(rate / 1e6, 3)) MHz, at most \(NumberText.fixed(drift, 0)) ns from the system clock"
      text += " in between\n"
    } else {
      text += "\nno counter that runs at one rate: events are timed with the system clock\n"
    }
    return text
  }

  private static func json(_ calibration: TracerCalibration) -> [UInt8] {
    var json = JSONWriter()
    func member(_ name: String, _ clock: TracerCalibration.Clock, _ json: inout JSONWriter) {
      json.key(name)
      json.object { json in
        json.member("reading_ns", clock.reading)
        json.member("event_ns", clock.event)
        json.member("step_ns", clock.step)
      }
    }
    json.object { json in
      json.member("schema", "ettools.calibrate-tracer/1")
      member("system", calibration.system, &json)
      if let counter = calibration.counter { member("counter", counter, &json) }
      if let rate = calibration.counterTicksPerSecond { json.member("counter_ticks_per_second", rate) }
      if let drift = calibration.counterDrift { json.member("counter_drift_ns", drift) }
    }
    json.endLine()
    return json.take()
  }
}
