import Bytes
import ETCore
import ETFormats
import Testing

@Suite struct ProgramForms {
  private func load(_ name: String) throws -> Program { try Program.load(TestFiles.path(name)) }

  @Test func readsADelegateWhoseDataLieInTheFlatBuffer() throws {
    let program = try load("inline_delegate.pte")
    let plan = try #require(program.method(named: "forward"))
    let delegate = try #require(plan.delegates.first)
    #expect(delegate.location == .inline)
    #expect(delegate.data == program.backendDelegateData[0])
    #expect(delegate.data.upperBound <= program.header?.programSize ?? 0)
    let payload = try #require(try program.xnnpackPayload(ofDelegate: 0, in: plan))
    #expect(payload.identifier == .XN01)
    #expect(payload.nodes.map(\.kind.name) == ["XNNFullyConnected"])
    #expect(plan.backendID(at: InstructionID(0)) == "XnnpackBackend")
  }

  @Test func readsAProgramWithoutHeader() throws {
    let program = try load("headerless.pte")
    #expect(program.header == nil)
    #expect(program.segments.isEmpty)
    #expect(program.constantBuffer.count == 3)
    let constants = program.executionPlans[0].tensors.filter { $0.storage == .constant }
    #expect(constants.map(\.byteCount).sorted() == [8, 24])
    // A range of the right length inside its buffer, which may be padded.
    for constant in constants {
      let buffer = program.constantBuffer[Int(constant.dataBufferIndex)]
      #expect(constant.data?.lowerBound == buffer.lowerBound)
      #expect(constant.data?.count == constant.byteCount)
    }
  }

  @Test func readsTheHeaderOfOlderExporters() throws {
    // 24 bytes, and nothing that says how long the segments are.
    var bytes = try TestFiles.bytes("stacktrace.pte")
    bytes[12] = 24
    for index in 32..<40 { bytes[index] = 0 }
    let program = try Program(reading: FileContents(copying: bytes))
    #expect(program.header?.length == 24)
    #expect(program.header?.segmentDataSize == 0)
    #expect(program.segments.count == 1)
  }

  @Test func keepsTheSourceLinesOfInstructions() throws {
    let plan = try load("stacktrace.pte").executionPlans[0]
    let last = InstructionID(Int32(plan.instructions.count - 1))
    let frames = try #require(plan.stacktrace(at: last))
    #expect(frames.contains { plan.text($0.context).contains("self.linear(x).relu()") && $0.line > 0 })
    #expect(plan.stacktrace(at: InstructionID(last.value + 1)) == nil)
    #expect(plan.stacktrace(at: .none) == nil)
  }

  @Test func tellsWhereTensorsComeFrom() throws {
    let plan = try load("initialised.pte").executionPlans[0]
    let state = try #require(plan.tensors.first { $0.storage == .initialised })
    #expect(state.byteCount == 16)
    let value = try #require(plan.values.indices.first { plan.tensor($0) == state })
    #expect(plan.roles[value].contains(.mutable))
    #expect(!plan.roles[value].contains(.constant))
    let program = try load("initialised.pte")
    let floats = program.bytes(try #require(state.data)).bindMemory(to: UInt8.self)
    #expect(
      Array(floats) == [Float(0), 1, 2, 3].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
  }

  @Test func keepsTheNamesOfMutableBuffers() throws {
    let plan = try load("named_buffer.pte").executionPlans[0]
    let named = plan.values.indices.filter { plan.roles[$0].contains(.mutable) }
    #expect(named.compactMap { plan.tensor($0) }.map { plan.text($0.fullyQualifiedName) } == ["state"])
  }

  @Test func looksUpInstructionsByTheIdsOfATrace() throws {
    let plan = try load("headerless.pte").executionPlans[0]
    let names = (0..<3).map { plan.operatorName(at: InstructionID($0)) }
    #expect(names == ["aten::permute_copy.out", "aten::addmm.out", "aten::relu.out"])
    #expect(plan.operatorName(at: InstructionID(3)) == nil)
    #expect(plan.operatorName(at: .none) == nil)
    #expect(plan.operatorName(at: InstructionID(.max)) == nil)
    #expect(plan.operatorName(at: InstructionID(0), chain: 1) == nil)
    #expect(plan.operatorName(at: InstructionID(0), chain: -1) == nil)
    #expect(plan.backendID(at: InstructionID(0)) == nil)
    let addmm = try #require(plan.instruction(InstructionID(1)))
    // The result is given twice: once to be written, once as what the call returns.
    let tensors = plan.tensorArguments(of: addmm)
    #expect(tensors.map { Array(plan.sizes(of: $0.tensor)) } == [[2], [1, 3], [3, 2], [1, 2], [1, 2]])
    #expect(tensors.allSatisfy { $0.tensor.scalarType == .float })
    #expect(plan.roles[tensors[0].value] == .constant)
    #expect(plan.roles[tensors[1].value] == .input)
  }

  @Test func readsWeightsFromATensorFile() throws {
    let plan = try load("external.pte").executionPlans[0]
    let file = try FlatTensor.load(TestFiles.path("external.ptd"))
    let external = plan.tensors.filter { $0.storage == .external }
    #expect(external.map { plan.text($0.fullyQualifiedName) }.sorted() == ["linear.bias", "linear.weight"])
    for tensor in external {
      let name = plan.text(tensor.fullyQualifiedName)
      let entry = try #require(file.entry(named: name))
      #expect(entry.layout?.sizes == Array(plan.sizes(of: tensor)))
      #expect(entry.layout?.scalarType == tensor.scalarType)
      #expect(try #require(file.data(named: name)).count >= tensor.byteCount)
    }
    #expect(file.data(named: "linear.nothing") == nil)
  }
}
