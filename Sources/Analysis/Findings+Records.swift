import Bytes
import ETCore
import ETDumpFormat
import TraceModel

// What can be said of the records as they stand, before they are pooled.
extension Findings {
  static func checkRuns(_ dump: ETDump, _ list: inout FindingList) {
    guard !dump.events.isEmpty else {
      let tracer =
        "build the runtime with the event tracer (EXECUTORCH_BUILD_DEVTOOLS, ET_EVENT_TRACER_ENABLED) and give the module an ETDumpGen"
      if dump.runs.isEmpty {
        list.add(
          .noEvents, .init(),
          "no run was recorded: the ETDumpGen was not given to the module, or its data was taken before a run",
          mend: tracer)
      } else {
        list.add(
          .noEvents, .init(run: 0),
          "\(dump.runs.count) \(dump.runs.count == 1 ? "event block" : "event blocks"), none with an event: the runtime was built without the event tracer, or the method was not given it",
          mend: tracer)
      }
      return
    }
    let names = KnownNames(dump)
    var executions = 0
    for (index, run) in dump.runs.enumerated() where dump.text(run.name) == "Execute" {
      let events = run.events ?? 0..<0
      if dump.events[events].contains(where: { $0.kind == .profile && $0.name == names.execute }) {
        executions += 1
        continue
      }
      guard !dump.events[events].contains(where: { $0.kind == .profile && $0.name == names.step }) else { continue }
      if let last = dump.events[events].last {
        list.add(
          .failedRun, .init(run: index, instruction: last.instructionID >= 0 ? Int(last.instructionID) : nil),
          "run \(index) has no Method::execute: it stopped at or after instruction \(last.instructionID)",
          mend: "see the device's log for the error, and leave such runs out of averages")
      } else {
        list.add(
          .failedRun, .init(run: index), "run \(index) has no event: it stopped before its first instruction",
          mend: "see the device's log for the error")
      }
    }
    if executions == 1 {
      list.add(
        .singleRun, .init(), "one execution was recorded",
        mend: "record ten or more for a spread, and one before them to warm up")
    }
  }

  static func checkRecords(_ dump: ETDump, _ list: inout FindingList) {
    for (index, run) in dump.runs.enumerated() {
      let events = run.events ?? 0..<0
      for event in events where dump.events[event].kind != .profile {
        let record = dump.events[event]
        let place = Finding.Place(run: index, event: event - events.lowerBound)
        switch record.kind {
        case .allocation:
          list.add(
            .allocations, place, "allocation events: the reference Inspector refuses the whole trace",
            mend: "ettools reads them; for the reference, record without them")
          if record.payload < 1 || Int(record.payload) > run.allocators.count {
            list.add(
              .allocatorID, place,
              "allocator id \(UInt32(bitPattern: record.payload)) in a run with \(run.allocators.count) \(run.allocators.count == 1 ? "allocator" : "allocators")",
              mend: "use the id that track_allocator returned in the same event block")
          }
        case .empty:
          list.add(
            .allocations, place, group: "empty", "an event of no kind: the reference Inspector refuses the whole trace")
        case .debug where record.payload != ETDump.Event.none:
          checkValue(dump.debugValues[Int(record.payload)], dump, place, &list)
        default: break
        }
      }
    }
    if let first = dump.events.firstIndex(where: { $0.kind == .debug }), !dump.debugValues.isEmpty {
      let run = dump.runs.firstIndex { $0.events?.contains(first) ?? false }
      list.add(
        .valuesLogged, .init(run: run),
        "\(dump.debugValues.count) values were logged: the times include copying them",
        mend: "record times without a debug buffer, and values in a trace of their own")
    }
  }

  private static func checkValue(
    _ value: ETDump.DebugValue, _ dump: ETDump, _ place: Finding.Place, _ list: inout FindingList
  ) {
    let tensors = (value.tensor.map { [$0] } ?? []) + (value.tensorList.map { Array($0) } ?? [])
    for tensor in tensors {
      let type = dump.tensors[tensor].scalarType
      guard !typesThatTheReferenceReads.contains(type) else { continue }
      list.add(
        .unsupportedType, place, group: "\(type)",
        "a tensor of \(type) was logged: the reference Inspector refuses the whole trace",
        mend: "etdiff reads it")
    }
    let scalars = [value.float.map(Double.init), value.double].compactMap { $0 }
    if scalars.contains(where: { !$0.isFinite }) {
      list.add(
        .notFinite, place, "a scalar that is not finite was logged: the reference Inspector refuses the whole trace",
        mend: "etdiff reads it")
    }
  }

  private static let typesThatTheReferenceReads: Set<ScalarType> = [
    .byte, .char, .bool, .bits16, .uint16, .short, .half, .int, .float, .double, .long,
  ]

  static func checkNames(_ dump: ETDump, _ list: inout FindingList) {
    for id in 0..<Int32(truncatingIfNeeded: dump.names.count) {
      let isValid = dump.names.withBytes(of: id) { String(validating: $0, as: UTF8.self) != nil }
      if !isValid {
        list.add(
          .notUTF8, .init(),
          "the name “\(dump.names[id])” is not UTF-8: the reference Inspector refuses the whole trace",
          mend: "name kernels and delegate ids in UTF-8")
      }
    }
  }

  /// The runtime's own events end one after the other; each run follows the one before it. A step back by more than half of
  /// 2³² is the wrap of a 32-bit clock.
  static func checkOrder(_ dump: ETDump, _ list: inout FindingList) {
    var runEnd: Ticks?
    for (index, run) in dump.runs.enumerated() {
      var last: Ticks?
      var first: Ticks?
      let events = run.events ?? 0..<0
      for event in events {
        let record = dump.events[event]
        guard record.kind == .profile, !record.isDelegated else { continue }
        if let last, isBefore(record.end, last) {
          list.add(
            .disorder, .init(run: index, event: event - events.lowerBound), group: "event",
            "an event ends at \(record.end), before the one that was recorded before it (\(last))",
            mend: "use one monotonic clock for et_pal_current_ticks on all cores")
        }
        last = record.end
        if record.start <= record.end { first = min(first ?? record.start, record.start) }
      }
      if let first, let runEnd, isBefore(first, runEnd) {
        list.add(
          .disorder, .init(run: index), group: "run",
          "run \(index) begins at \(first), before the run before it ended (\(runEnd))",
          mend: "give each thread, and each method inside another, an ETDumpGen of its own")
      }
      runEnd = last ?? runEnd
    }
  }

  private static func isBefore(_ time: Ticks, _ other: Ticks) -> Bool {
    time < other && !(other <= Ticks(UInt32.max) && other - time > 1 << 31)
  }

  /// The numbers of names that rules look for; −2 where the trace does not have one.
  private struct KnownNames {
    let execute, step: Int32

    init(_ dump: ETDump) {
      execute = dump.names.find(EventBlock.FrameworkEvent.methodExecute) ?? -2
      step = dump.names.find("Method::step") ?? -2
    }
  }
}
