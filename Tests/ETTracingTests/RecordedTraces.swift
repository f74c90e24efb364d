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

  /// What was recorded, written, verified by the official library and read again.
  static func written(_ tracer: EventTracer) throws -> ETDump {
    let bytes = try tracer.etdump().encoded()
    return try bytes.withUnsafeBytes { raw in
      #expect(Oracle.accepts(raw, as: CFB_ETDUMP_SIZE_PREFIXED))
      return try ETDump(reading: raw)
    }
  }

  static func lines(_ dump: ETDump) -> [String] {
    dump.events.map { "\(dump.text($0.name)) \($0.chainIndex) \($0.instructionID)" }
  }

  /// The lines of `ettools.meta`.
  static func metadata(_ dump: ETDump) throws -> [String] {
    let run = try #require(dump.runs.last)
    #expect(dump.text(run.name) == "ettools.meta" && run.events == nil)
    return run.allocators.map { dump.text($0) }
  }

  @Test(arguments: [EventTracer.Configuration.Clock.system, .best])
  func haveTheOfficialOrderNamesAndIDs(_ clock: EventTracer.Configuration.Clock) throws {
    let tracer = try EventTracer(Self.configuration(clock))
    Self.runAsTheRuntimeDoes(tracer, tracer.thread())
    let dump = try Self.written(tracer)
    #expect(dump.runs.map { dump.text($0.name) } == ["Default", "Execute", "ettools.meta"])
    #expect(
      Self.lines(dump) == [
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

  @Test func haveTheFormOfAnOfficialTrace() throws {
    // What ETDumpGen wrote for a chain of one block, method scopes and operators: kinds, ids and order per run.
    let official = try Fixtures.withBytes("native/method-only.etdp") { try ETDump(reading: $0) }
    var configuration = Self.configuration()
    configuration.profilingLevel = .methodOnly
    let tracer = try EventTracer(configuration)
    Self.runAsTheRuntimeDoes(tracer, tracer.thread())
    let ours = try Self.written(tracer)
    let names = Set(official.events.map { "\(official.text($0.name)) \($0.chainIndex) \($0.instructionID)" })
    #expect(Set(Self.lines(ours)).subtracting(names) == [])
    #expect(ours.events.count == 3)
  }

  @Test func keepMetadataAndIDsOfDelegates() throws {
    let tracer = try EventTracer(Self.configuration(.system))
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    thread.enter(chain: 1, instruction: 4)
    let bytes = [UInt8](0..<100)
    bytes.withUnsafeBytes { thread.recordDelegate(tracer.delegate("conv #1"), start: 5, end: 9, metadata: $0) }
    thread.recordDelegate(tracer.delegate(0), start: 7, end: 8)
    let open = thread.startDelegate(tracer.delegate(3))
    bytes.withUnsafeBytes { thread.endDelegate(open, metadata: $0) }
    let dump = try Self.written(tracer)
    let events = dump.events
    #expect(events.map { dump.text($0.delegateDebugIDString) } == ["conv #1", "", ""])
    #expect(events.map(\.delegateDebugIDInt) == [-1, 0, 3])
    #expect(events.map { dump.metadata(of: $0)?.count } == [100, 0, 100])
    #expect(dump.metadata(of: events[0]).map(Array.init) == bytes)
    #expect(events.allSatisfy { $0.name == ETDump.Event.none && $0.chainIndex == 1 && $0.instructionID == 4 })
    #expect(events[0].start == 5 && events[0].end == 9)
  }

  @Test func leaveTimesOfAnotherClockAsTheyAre() throws {
    let tracer = try EventTracer(Self.configuration())
    let thread = tracer.thread()
    thread.recordDelegate(tracer.delegate("gpu"), start: 0, end: 12345, isForeign: true)
    let dump = try Self.written(tracer)
    #expect(dump.events[0].start == 0 && dump.events[0].end == 12345)
    #expect(dump.text(dump.runs[0].name) == "Default")
  }

  @Test func nameAllocatorsInTheRunsThatUseThem() throws {
    let tracer = try EventTracer(Self.configuration())
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Default"))
    let (method, planned) = (thread.trackAllocator("method"), thread.trackAllocator("planned"))
    #expect(method.number == 1 && planned.number == 2)
    thread.beginBlock(tracer.intern("Quiet"))
    thread.event(tracer.intern("OPERATOR_CALL")) {}
    thread.beginBlock(tracer.intern("Execute"))
    thread.trackAllocation(planned, bytes: 4096)
    let dump = try Self.written(tracer)
    #expect(
      dump.runs.dropLast().map { $0.allocators.map { dump.text($0) } } == [
        ["method", "planned"], [], ["method", "planned"],
      ])
    #expect(dump.events.last?.kind == .allocation && dump.events.last?.payload == 2)
    #expect(dump.events.last?.start == 4096)
  }

  @Test func carryTheBundledInputIndex() throws {
    let tracer = try EventTracer(Self.configuration())
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Default"))
    thread.bundledInputIndex = 3
    thread.beginBlock(tracer.intern("Execute"))
    #expect(try Self.written(tracer).runs.map(\.bundledInputIndex) == [-1, 3, -1])
  }

  @Test func endTheEventsOfAFunctionThatThrows() throws {
    struct Failure: Error {}
    let tracer = try EventTracer(Self.configuration())
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    func execute() throws {
      let event = thread.begin(tracer.intern("Method::execute"), kind: .method)
      defer { thread.end(event) }
      thread.enter(chain: 0, instruction: 7)
      defer { thread.leave() }
      try thread.event(tracer.intern("OPERATOR_CALL")) { throw Failure() }
    }
    #expect(throws: Failure.self) { try execute() }
    #expect(Self.lines(try Self.written(tracer)) == ["OPERATOR_CALL 0 7", "Method::execute -1 0"])
  }

  @Test func dropAndCountWhatDoesNotFit() throws {
    var configuration = Self.configuration()
    configuration.capacity = 10
    let tracer = try EventTracer(configuration)
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    for _ in 0..<25 { thread.event(tracer.intern("OPERATOR_CALL")) {} }
    let large = [UInt8](repeating: 1, count: 1000)
    large.withUnsafeBytes { thread.recordDelegate(tracer.delegate(1), start: 0, end: 0, metadata: $0) }
    let summary = try tracer.finish()
    #expect(summary.recorded == 9 && summary.dropped == 17)
    #expect(try Self.metadata(try Self.written(tracer)).contains("dropped_events=17"))
  }

  @Test func haveRunsOfTheirOwnForOtherThreads() async throws {
    let tracer = try EventTracer(Self.configuration())
    let main = tracer.thread(named: "main")
    main.beginBlock(tracer.intern("Execute"))
    await withTaskGroup(of: Void.self) { group in
      for number in 1...3 {
        group.addTask {
          let thread = tracer.thread(named: "worker \(number)")
          if number == 1 { thread.beginBlock(tracer.intern("Parallel")) }
          for _ in 0..<100 { thread.event(tracer.intern("chunk")) {} }
        }
      }
    }
    main.event(tracer.intern("OPERATOR_CALL")) {}
    let dump = try Self.written(tracer)
    #expect(dump.runs.count == 5 && dump.text(dump.runs[0].name) == "Execute")
    #expect(dump.runs[1..<4].allSatisfy { $0.events?.count == 100 })
    #expect(dump.runs[0].events?.count == 1)
    let metadata = try Self.metadata(dump)
    for run in 1...3 {
      let number = try #require(metadata.first { $0.hasPrefix("run.\(run).thread=") }?.split(separator: "=").last)
      let name = try #require(metadata.first { $0.hasPrefix("thread.\(number)=") }?.split(separator: "=").last)
      #expect(dump.text(dump.runs[run].name) == (name == "worker 1" ? "Parallel" : String(name)))
    }
  }

  @Test func sayWhatTheyAre() throws {
    var configuration = Self.configuration()
    configuration.metadata = [("device", "board 7")]
    let tracer = try EventTracer(configuration)
    tracer.addMetadata(key: "method", value: "forward")
    _ = tracer.thread()
    let metadata = try Self.metadata(try Self.written(tracer))
    for line in ["tick_ratio=1/1", "thread.0=main", "device=board 7", "method=forward"] {
      #expect(metadata.contains(line))
    }
  }

  @Test func countTimeAsTheSystemClockDoes() throws {
    let tracer = try EventTracer(Self.configuration(.best))
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    let clock = ContinuousClock()
    let took = clock.measure {
      thread.event(tracer.intern("wait")) {
        let start = clock.now
        while clock.now - start < .milliseconds(20) {}
      }
    }
    let event = try Self.written(tracer).events[0]
    let (inner, outer) = (Double(event.end - event.start), took / .nanoseconds(1))
    #expect(inner >= 20e6 && inner <= outer * 1.001)
    let summary = try tracer.finish()
    // Beside a clock that is read in between, and machines that pause a process there.
    #expect(summary.drift < 1e6)
  }
}
