import Bytes
import CFlatBuffers
import ETCore
import ETDumpFormat
import ETTracing
import TestSupport
import Testing

/// What is recorded is what the ETDump holds.
@Suite struct RecordedTraces {
  static func configuration(_ clock: EventTracer.Configuration.Clock = .best) -> EventTracer.Configuration {
    var configuration = EventTracer.Configuration()
    configuration.capacity = 1000
    configuration.clock = clock
    return configuration
  }

  /// The calls of the official runtime for a program of two operators, loaded and executed.
  static func runAsTheRuntimeDoes(_ tracer: EventTracer, _ thread: ThreadTracer) {
    thread.beginBlock(tracer.intern("Default"))
    let load = thread.begin(tracer.intern("Program::load_method"), kind: .method)
    thread.event(tracer.intern("Method::init"), kind: .method) {}
    thread.end(load)
    thread.beginBlock(tracer.intern("Execute"))
    let execute = thread.begin(tracer.intern("Method::execute"), kind: .method)
    for instruction in 0..<2 as Range<Int32> {
      thread.enter(chain: 0, instruction: instruction)
      thread.event(tracer.intern("OPERATOR_CALL")) {
        thread.event(tracer.intern(instruction == 0 ? "native_call_add.out" : "native_call_mul.out")) {}
      }
      thread.leave()
    }
    thread.end(execute)
  }

  static func written(_ tracer: EventTracer) throws -> ETDump {
    let bytes = try tracer.etdump().encoded()
    return try bytes.withUnsafeBytes { raw in
      #expect(Oracle.accepts(raw, as: CFB_ETDUMP_SIZE_PREFIXED))
      return try ETDump(reading: raw)
    }
  }

  @Test(arguments: [EventTracer.Configuration.Clock.system, .best])
  func hasTheOfficialOrderNamesAndIDs(_ clock: EventTracer.Configuration.Clock) throws {
    let tracer = try EventTracer(Self.configuration(clock))
    Self.runAsTheRuntimeDoes(tracer, tracer.thread())
    let dump = try Self.written(tracer)
    #expect(dump.runs.map { dump.text($0.name) } == ["Default", "Execute", "ettools.meta"])
    #expect(dump.runs[2].events == nil)
    let events = dump.events.map { "\(dump.text($0.name)) \($0.chainIndex) \($0.instructionID)" }
    #expect(
      events == [
        "Method::init -1 0", "Program::load_method -1 0", "native_call_add.out 0 0", "OPERATOR_CALL 0 0",
        "native_call_mul.out 0 1", "OPERATOR_CALL 0 1", "Method::execute -1 0",
      ])
    #expect(dump.events.allSatisfy { $0.start <= $0.end && $0.delegateDebugIDInt == -1 })
    // Each inner event lies within its outer one.
    for (inner, outer) in [(0, 1), (2, 3), (3, 6), (4, 5), (5, 6)] {
      #expect(dump.events[outer].start <= dump.events[inner].start)
      #expect(dump.events[inner].end <= dump.events[outer].end)
    }
  }
}
