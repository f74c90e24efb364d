import ETDumpFormat
import ETTracing
import Testing

@Suite struct Filters {
  private func names(_ filter: EventFilter?, _ change: (inout EventTracer.Configuration) -> Void = { _ in }) throws
    -> [String]
  {
    var configuration = RecordedTraces.configuration()
    configuration.filter = filter
    change(&configuration)
    let tracer = try EventTracer(configuration)
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    let execute = thread.begin(tracer.intern("Method::execute"), kind: .method)
    for handle in 1...3 {
      thread.enter(chain: 0, instruction: Int32(handle), debugHandle: handle)
      thread.event(tracer.intern("native_call_op\(handle).out")) {
        thread.logInt(5, from: .named(tracer.intern("native_call_op\(handle).out")))
      }
      thread.recordDelegate(tracer.delegate(Int32(handle * 10)), start: 1, end: 2)
    }
    thread.leave()
    thread.end(execute)
    thread.trackAllocation(thread.trackAllocator("arena"), bytes: 1)
    let dump = try RecordedTraces.written(tracer)
    return dump.events.map { event in
      switch event.kind {
      case .profile: event.isDelegated ? String(event.delegateDebugIDInt) : dump.text(event.name)
      case .debug: "value \(event.instructionID)"
      case .allocation: "allocation"
      case .empty: "empty"
      }
    }
  }

  private static let all = [
    "native_call_op1.out", "10", "native_call_op2.out", "20", "native_call_op3.out", "30", "Method::execute",
    "allocation",
  ]

  @Test func recordEverythingWhereNothingIsGiven() throws {
    #expect(try names(nil) == Self.all)
    #expect(try names(EventFilter()) == Self.all)
  }

  @Test func includeByName() throws {
    #expect(try names(.init(include: [.init(name: "op[12]")])) == ["native_call_op1.out", "native_call_op2.out"])
    #expect(try names(.init(include: [.init(name: "^op")])) == [])
    #expect(try names(.init(include: [.init(name: "^20$"), .init(name: "arena")])) == ["20", "allocation"])
  }

  @Test func excludeWhatIsIncluded() throws {
    #expect(
      try names(.init(include: [.init(name: "op")], exclude: [.init(name: "2")])) == [
        "native_call_op1.out", "native_call_op3.out",
      ])
  }

  @Test func chooseByKind() throws {
    #expect(try names(.init(include: [.init(kinds: [.delegate, .method])])) == ["10", "20", "30", "Method::execute"])
    #expect(try names(.init(exclude: [.init(kinds: [.operator, .delegate, .allocation])])) == ["Method::execute"])
  }

  @Test func chooseByDebugHandle() throws {
    // A delegate's number is its handle.
    #expect(
      try names(.init(include: [.init(debugHandles: 2..<11)])) == [
        "10", "native_call_op2.out", "native_call_op3.out",
      ])
    #expect(
      try names(.init(include: [.init(kinds: [.operator])], exclude: [.init(debugHandles: 2..<3)])) == [
        "native_call_op1.out", "native_call_op3.out",
      ])
    // All parts of a criterion must fit.
    #expect(
      try names(.init(include: [.init(name: "op[12]", debugHandles: 2..<9)])) == ["native_call_op2.out"])
  }

  @Test func holdForValues() throws {
    let values = try names(.init(include: [.init(name: "op3", kinds: [.value])])) { $0.debugLevel = .intermediates }
    #expect(values == ["value 3"])
  }

  @Test func leaveTheLevelsAsTheyAre() throws {
    #expect(try names(nil) { $0.profilingLevel = .methodOnly } == ["10", "20", "30", "Method::execute", "allocation"])
    #expect(try names(nil) { $0.debugLevel = .outputs }.contains { $0.hasPrefix("value") } == false)
    #expect(try names(nil) { $0.debugLevel = .intermediates }.filter { $0.hasPrefix("value") }.count == 3)
  }

  @Test func refuseWhatIsNoExpression() {
    let error = #expect(throws: TracerError.self) { try names(.init(include: [.init(name: "(")])) }
    #expect(error?.code == .filter)
    let many = Array(repeating: EventFilter.Criterion(name: "a"), count: 17)
    #expect(#expect(throws: TracerError.self) { try names(.init(exclude: many)) }?.code == .filter)
  }
}
