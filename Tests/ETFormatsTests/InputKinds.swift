import Bytes
import ETFormats
import Testing

@Suite struct InputKinds {
  private func kind(_ name: String) throws -> InputKind? {
    try TestFiles.bytes(name).withUnsafeBytes { InputKind.recognise($0) }
  }

  private func kind(_ bytes: some Sequence<UInt8>) -> InputKind? {
    Array(bytes).withUnsafeBytes { InputKind.recognise($0) }
  }

  @Test func areRecognisedByContent() throws {
    #expect(try kind("headerless.pte") == .program)
    #expect(try kind("bundled.bpte") == .bundledProgram)
    #expect(try kind("external.ptd") == .flatTensor)
    #expect(kind([12, 0, 0, 0, 8, 0, 0, 0] + Array("ED00".utf8)) == .etdump)
    #expect(kind([8, 0, 0, 0] + Array("ED00".utf8)) == .etdump)
    #expect(kind([0x50, 0x4B, 3, 4, 0, 0, 0, 0]) == .zip)
    #expect(kind([0x28, 0xB5, 0x2F, 0xFD]) == .zstd)
    #expect(kind("    XH00".utf8) == .xnnpackPayload)
    #expect(kind("hello, this is text".utf8) == nil)
    #expect(kind([]) == nil)
  }

  @Test func areNamedWhereAnotherWasWanted() throws {
    let trace = FileContents(copying: [12, 0, 0, 0, 8, 0, 0, 0] + Array("ED00".utf8))
    let error = #expect(throws: ReadError.self) { try Program.load(trace) }
    #expect(error?.code == .notThisFormat)
    #expect(error?.offset == 4)
    #expect(error?.description == "not a program (.pte): this is a trace (ETDump) (at byte 4)")
    let program = try FileContents.open(TestFiles.path("stacktrace.pte"))
    #expect(throws: ReadError.self) { try BundledProgram(reading: program) }
    #expect(throws: ReadError.self) { try FlatTensor(reading: program) }
    #expect(throws: ReadError.self) { try XNNPACKPayload(reading: program.bytes) }
  }

  @Test func ofBundlesGiveTheirProgram() throws {
    let program = try Program.load(TestFiles.path("bundled.bpte"))
    #expect(program.place.lowerBound > 0)
    let alone = try Program(reading: FileContents(copying: program.bytes(program.place)))
    #expect(alone.recordText == program.recordText)
  }

  @Test func ofBundlesGiveTheirTestCases() throws {
    let bundle = try BundledProgram.load(TestFiles.path("bundled.bpte"))
    #expect(bundle.version == 2)
    #expect(bundle.suites.map(\.cases.count) == [2])
    let suite = try #require(bundle.suite(forMethod: "forward"))
    let plan = try #require(bundle.program.method(named: suite.methodName))
    #expect(suite.cases.map(\.expectedOutputs.count) == [1, 0])
    for test in suite.cases {
      #expect(test.inputs.count == plan.inputs.count)
      for (value, index) in zip(test.inputs, plan.inputs) {
        guard case .tensor(let given) = value, let wanted = plan.tensor(Int(index)) else { continue }
        #expect(given.sizes == Array(plan.sizes(of: wanted)))
        #expect(given.data.count == wanted.byteCount)
      }
    }
  }
}
