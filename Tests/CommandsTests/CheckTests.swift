import Analysis
import Bytes
import Commands
import ETCore
import ETDumpFormat
import ETFormats
import TestSupport
import Testing
import TraceModel

@Suite struct CheckTests {
  /// A trace, the model files beside it or of another model, and what must be found.
  struct Case: CustomTestStringConvertible, Sendable {
    let trace: String
    var record: String?
    var program: String?
    let rules: [Rule]

    init(_ trace: String, record: String? = nil, program: String? = nil, _ rules: Rule...) {
      self.trace = trace
      self.record = record
      self.program = program
      self.rules = rules
    }

    var testDescription: String { trace + (record.map { " with \($0)" } ?? "") }

    func findings() throws -> [Finding] {
      try CheckRequest(
        paths: InputPaths(
          traces: [Fixtures.path(trace)], record: record.map(Fixtures.path), program: program.map(Fixtures.path))
      ).find()
    }
  }

  static let cases = [
    Case("native/empty-block.etdp", .noEvents),
    Case("native/empty-blocks.etdp", .noEvents),
    Case("native/empty-allocators.etdp", .noEvents),
    Case("native/empty-no-runs.etdp", .noEvents),
    Case("native/empty-no-runs-plain.etdp", .noEvents, .container),
    Case("native/failed.etdp", .failedRun),
    Case("models/failing_run/portable/time.etdp", .failedRun),
    Case("native/wrap32.etdp", .clockWrap, .disorder),
    Case("native/delegate-neutron.etdp", .clockWrap, .foreignClock),
    Case("native/backwards64.etdp", .clockBackwards),
    Case("native/loop.etdp", .repeatedSignature),
    Case("native/repeated.etdp", .repeatedSignature),
    Case("native/delegate-ethosu.etdp", .repeatedSignature),
    Case("models/control_flow/portable/time.etdp", record: "models/control_flow/portable/model.etrecord", .unmatched),
    Case("models/pnet/xnnpack/time.etdp", record: "models/rnet/xnnpack/model.etrecord", .otherModel),
    Case("models/pnet/portable/time.etdp", record: "models/rnet/portable/model.etrecord", .otherModel),
    Case("models/pnet/portable/time.etdp", record: "models/pnet/xnnpack/model.etrecord", .otherModel),
    Case("models/pnet/portable/time.etdp", program: "models/rnet/portable/model.pte", .otherModel),
    Case("models/mobilenet_v2/xnnpack/time.etdp", record: "models/silero_vad/xnnpack/model.etrecord", .otherModel),
    Case(
      "models/pnet/portable/time.etdp", record: "models/rnet/portable/model.etrecord",
      program: "models/pnet/portable/model.pte", .contradiction),
    Case(
      "models/pnet/xnnpack/time.etdp", record: "models/pnet/portable/model.etrecord",
      program: "models/pnet/xnnpack/model.pte", .contradiction),
    Case(
      "models/forward_backbone/portable/backbone.etdp", record: "models/forward_backbone/portable/model.etrecord",
      .ambiguousMethod),
    Case(
      "models/multi_method/portable/encode.etdp", record: "models/multi_method/portable/model.etrecord",
      .ambiguousMethod),
    Case("native/static-buffer-twice.etdp", .secondTrace, .singleRun),
    Case("native/delegate-vulkan.etdp", .foreignClock),
    Case("native/delegate-qnn.etdp", .foreignClock),
    Case("models/mobilenet_v2/xnnpack/time.etdp", .coarseGrid),
    Case("native/values.etdp", .valuesLogged),
    Case("native/allocations.etdp", .allocatorID, .allocations),
    Case("native/names-not-utf8.etdp", .notUTF8),
    Case("native/delegate-ends-late.etdp", .strayDelegateEvent, .foreignClock),
    Case("native/allocators.etdp", .singleRun),
    Case("models/pnet/xnnpack/time.etdp", program: "models/pnet/xnnpack-int8/model.pte", .payloadMismatch),
    Case("native/nested.etdp", .failedRun, .disorder),
    Case("native/scalars-not-finite.etdp", .notFinite),
  ]

  @Test(arguments: cases) func findsWhatIsOdd(_ item: Case) throws {
    let found = Set(try item.findings().map(\.rule))
    for rule in item.rules { #expect(found.contains(rule), "\(rule.id) \(rule.title)") }
  }

  /// Repeated, coarse or single is no fault of a trace's.
  static let sound = [
    Case("native/bundled-input.etdp"), Case("native/chains.etdp"), Case("native/control-flow.etdp"),
    Case("native/cycles.etdp"), Case("native/delegate-coreml.etdp"), Case("native/delegate-ethosu.etdp"),
    Case("native/delegate-ids.etdp"), Case("native/delegate-vgf.etdp"), Case("native/loop.etdp"),
    Case("native/many-runs.etdp"), Case("native/method-only.etdp"), Case("native/repeated.etdp"),
    Case("native/reused.etdp"), Case("native/static-buffer.etdp"), Case("native/static-buffer-heap.etdp"),
    Case("native/step.etdp"), Case("native/two-methods.etdp"),
  ]

  @Test(arguments: sound) func findsNoFaultInASoundTrace(_ item: Case) throws {
    #expect(try item.findings().filter { $0.severity > .note } == [])
  }

  @Test(arguments: [
    "crepe_tiny/portable", "crepe_tiny/xnnpack-int8", "dynamic_shapes/xnnpack", "llama/portable", "llama/xnnpack",
    "llama/xnnpack-int8", "lstm/portable-int8", "lstm/xnnpack", "mixed_delegates/xnnpack",
    "mixed_delegates/xnnpack-int8",
    "mobilenet_v2/portable", "mobilenet_v2/xnnpack", "mobilenet_v2/xnnpack-int8",
    "number_types/portable", "pnet/portable", "pnet/portable-int8", "pnet/xnnpack-int8", "rnet/xnnpack",
    "silero_vad/portable", "silero_vad/xnnpack",
  ])
  func findsNoFaultInATraceWithItsOwnModel(_ model: String) throws {
    let folder = "models/" + model + "/"
    for program in [nil, folder + "model.pte"] {
      let item = Case(folder + "time.etdp", record: folder + "model.etrecord", program: program)
      #expect(try item.findings().filter { $0.severity > .note } == [])
    }
  }

  // MARK: Traces that no fixture has

  private func findings(_ bytes: [UInt8], program: String? = nil, record: String? = nil) throws -> [Finding] {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "trace.etdp")
    return try CheckRequest(paths: InputPaths(traces: [path], record: record, program: program)).find()
  }

  private func dump(_ events: [(name: String, start: UInt64, end: UInt64)], runs: Int = 1) -> ETDump {
    var dump = ETDump()
    for _ in 0..<runs {
      let first = dump.events.count
      for event in events {
        var record = ETDump.Event(kind: .profile)
        record.name = dump.names.intern(event.name)
        record.instructionID = 0
        (record.start, record.end) = (event.start, event.end)
        dump.events.append(record)
      }
      dump.runs.append(.init(name: dump.names.intern("Execute"), events: first..<dump.events.count))
    }
    return dump
  }

  @Test func findsBytesBehindTheTrace() throws {
    let bytes = try Fixtures.bytes("native/static-buffer-heap.etdp")
    let found = try findings(bytes + [UInt8](repeating: 0, count: 100))
    let trailing = try #require(found.first { $0.rule == .trailingBytes })
    #expect(trailing.place.byte == bytes.count)
    #expect(found.allSatisfy { $0.rule != .secondTrace })
  }

  @Test func findsAnotherTraceBehindTheTrace() throws {
    let bytes = try Fixtures.bytes("native/static-buffer-heap.etdp")
    let found = try findings(bytes + [UInt8](repeating: 0, count: 100) + bytes)
    #expect(found.first { $0.rule == .secondTrace }?.place.byte == bytes.count + 100)
  }

  @Test func findsAPrefixThatWasPutInFrontLater() throws {
    var builder = FlatBuilder()
    builder.startTable(slots: 8)
    builder.add(1_000_000_000_007 as UInt64, slot: 6, default: 0)
    let profile = builder.endTable()
    builder.startTable(slots: 3)
    builder.add(profile, slot: 0)
    let event = builder.endTable()
    let events = builder.references([event])
    builder.startTable(slots: 4)
    builder.add(events, slot: 3)
    let run = builder.endTable()
    let runs = builder.references([run])
    builder.startTable(slots: 2)
    builder.add(runs, slot: 1)
    let plain = try builder.finish(builder.endTable(), identifier: "ED00", sizePrefixed: false)
    let found = try findings(withUnsafeBytes(of: UInt32(plain.count).littleEndian) { Array($0) } + plain).map(\.rule)
    #expect(found.contains(.container))
    #expect(found.contains(.notStrict))
  }

  @Test func findsAnUnknownVersion() throws {
    var dump = dump([("Method::execute", 0, 10)])
    dump.version = 3
    #expect(try findings(dump.encoded()).map(\.rule).contains(.version))
  }

  @Test func findsATensorThatTheReferenceRefuses() throws {
    for (type, isRefused) in [(ScalarType.bfloat16, true), (.half, false)] {
      var dump = dump([("Method::execute", 0, 10)])
      dump.tensors = [ETDump.Tensor(scalarType: type, sizes: nil, strides: nil, offset: 0)]
      var value = ETDump.DebugValue(kind: .tensor)
      value.tensor = 0
      dump.debugValues = [value]
      var event = ETDump.Event(kind: .debug)
      event.payload = 0
      dump.events.append(event)
      dump.runs[0].events = 0..<2
      #expect(try findings(dump.encoded()).map(\.rule).contains(.unsupportedType) == isRefused)
    }
  }

  @Test func findsAnAllocatorIDOfZero() throws {
    var dump = dump([("Method::execute", 0, 10)])
    dump.runs[0].allocators = [dump.names.intern("pool")]
    for (id, isFound) in [(0, true), (1, false), (2, true)] as [(Int32, Bool)] {
      var allocation = ETDump.Event(kind: .allocation)
      allocation.payload = id
      dump.events = [dump.events[0], allocation]
      dump.runs[0].events = 0..<2
      #expect(try findings(dump.encoded()).map(\.rule).contains(.allocatorID) == isFound)
    }
  }

  @Test func findsAnEventOutsideWhatEnclosesIt() throws {
    var dump = dump([("kernel", 2, 8), ("Method::execute", 0, 10)])
    let second = self.dump([("kernel", 92, 108), ("Method::execute", 100, 110)])
    dump.append(second)
    let found = try #require(try findings(dump.encoded()).first { $0.rule == .outsideParent })
    #expect(found.place.run == 1)
  }

  @Test func findsADelegateWhosePayloadCannotBeRead() throws {
    var program = try Fixtures.bytes("models/pnet/xnnpack/model.pte")
    let identifiers = program.indices.dropLast(3).filter { Array(program[$0..<$0 + 3]) == Array("XN0".utf8) }
    for place in identifiers { program[place] = UInt8(ascii: "?") }
    let folder = try TemporaryFolder()
    let path = try folder.write(program, to: "model.pte")
    let found = try findings(try Fixtures.bytes("models/pnet/xnnpack/time.etdp"), program: path)
    #expect(found.map(\.rule).contains(.unreadablePayload))
  }

  // MARK: What is said

  @Test func foldsFindingsOfAKind() throws {
    let found = try Case("native/allocations.etdp").findings()
    #expect(found.first { $0.rule == .allocations }?.count == 11)
    #expect(found.count { $0.rule == .allocations } == 1)
  }

  @Test func namesTheWorstFirst() throws {
    let severities = try Case("native/wrap32-delegate.etdp").findings().map(\.severity)
    #expect(severities == severities.sorted(by: >))
    #expect(Set(severities).count == 3)
  }

  private func status(_ trace: String, _ failOn: Severity) throws -> Commands.ExitStatus {
    var request = CheckRequest(paths: InputPaths(traces: [Fixtures.path(trace)]))
    request.failOn = failOn
    return try request.run(out: MemorySink(), notes: MemorySink())
  }

  @Test func failsFromTheGivenSeverityUp() throws {
    let worst: [(String, Severity?)] = [
      ("many-runs", nil), ("loop", .note), ("delegate-vulkan", .warning), ("failed", .error),
    ]
    for (trace, worst) in worst {
      for severity in Severity.allCases {
        let isFound = worst.map { $0 >= severity } ?? false
        #expect(try status("native/\(trace).etdp", severity) == (isFound ? .found : .fine), "\(trace) \(severity)")
      }
    }
  }

  @Test func aTraceThatCannotBeReadIsTroubleAndNamesTheByte() throws {
    let folder = try TemporaryFolder()
    let bytes = try Fixtures.bytes("native/loop.etdp")
    let path = try folder.write(Array(bytes.dropLast(5)), to: "cut.etdp")
    let trouble = #expect(throws: Trouble.self) { try CheckRequest(paths: InputPaths(traces: [path])).find() }
    #expect(trouble?.status == .trouble)
    #expect(trouble?.description.contains("at byte \(bytes.count - 5)") == true)
    #expect(throws: Trouble.self) {
      try CheckRequest(paths: InputPaths(traces: [Fixtures.path("native/empty-no-bytes.etdp")])).find()
    }
    #expect(throws: Trouble.self) {
      try CheckRequest(paths: InputPaths(traces: [Fixtures.path("native/values-half.etdp")])).find()
    }
  }

  @Test func writesEachFormat() throws {
    for format in CheckRequest.Format.allCases {
      var request = CheckRequest(paths: InputPaths(traces: [Fixtures.path("native/failed.etdp")]))
      request.format = format
      let (out, again) = (MemorySink(), MemorySink())
      _ = try request.run(out: out, notes: MemorySink())
      _ = try request.run(out: again, notes: MemorySink())
      #expect(out.bytes == again.bytes)
      #expect(out.text.contains("ETD002"))
      #expect(out.text.contains("ettools.check/1") == (format != .table))
    }
  }

  @Test func listsEveryRuleUnderItsNumber() throws {
    #expect(Rule.all.map(\.number) == Array(1...Rule.all.count))
    let out = MemorySink()
    try CheckRequest.listRules(.table, output: nil, out: out)
    for rule in Rule.all { #expect(out.text.contains("\(rule.id) \(rule.severity.rawValue): \(rule.title)\n")) }
  }
}
