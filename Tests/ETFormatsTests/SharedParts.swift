import Bytes
import ETFormats
import Testing

/// Files whose tables and vectors share bytes, as no writer makes them: a few bytes may not become much memory or time.
@Suite struct SharedParts {
  private typealias Reference = FlatBuilder.Reference

  private static func table(_ builder: inout FlatBuilder, slots: Int, _ fill: (inout FlatBuilder) -> Void) -> Reference
  {
    builder.startTable(slots: slots)
    fill(&builder)
    return builder.endTable()
  }

  /// A program without header whose methods are `plans`.
  private static func program(_ builder: consuming FlatBuilder, plans: [Reference]) -> FileContents {
    let list = builder.references(plans)
    let root = table(&builder, slots: 8) { $0.add(list, slot: 1) }
    return FileContents(copying: try! builder.finish(root, identifier: "ET12", sizePrefixed: false))
  }

  private static func plan(_ builder: inout FlatBuilder, values: [Reference], chains: [Reference] = []) -> Reference {
    let name = builder.string("forward")
    let values = builder.references(values)
    let chains = builder.references(chains)
    return table(&builder, slots: 10) {
      $0.add(name, slot: 0)
      $0.add(values, slot: 2)
      $0.add(chains, slot: 5)
    }
  }

  private static func integer(_ builder: inout FlatBuilder) -> Reference {
    let box = table(&builder, slots: 1) { $0.add(7 as Int64, slot: 0, default: 0) }
    return table(&builder, slots: 2) {
      $0.add(2 as UInt8, slot: 0, default: 0)
      $0.add(box, slot: 1)
    }
  }

  private func expectLimit(_ contents: FileContents, _ read: (FileContents) throws -> Void) {
    let start = ContinuousClock.now
    let error = #expect(throws: ReadError.self) { try read(contents) }
    #expect(error?.code == .limit)
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test func readsAProgramThatSharesLittle() throws {
    var builder = FlatBuilder()
    let value = Self.integer(&builder)
    let plan = Self.plan(&builder, values: [value, value, value])
    let program = try Program(reading: Self.program(builder, plans: [plan]))
    #expect(program.executionPlans[0].values == [.int(7), .int(7), .int(7)])
  }

  @Test func refusesOneValueThatIsAMillion() {
    var builder = FlatBuilder()
    let value = Self.integer(&builder)
    let plan = Self.plan(&builder, values: Array(repeating: value, count: 1_000_000))
    expectLimit(Self.program(builder, plans: [plan])) { _ = try Program(reading: $0) }
  }

  @Test func refusesOneMethodThatIsManyTimes() {
    var builder = FlatBuilder()
    let value = Self.integer(&builder)
    let plan = Self.plan(&builder, values: Array(repeating: value, count: 1000))
    expectLimit(Self.program(builder, plans: Array(repeating: plan, count: 100_000))) { _ = try Program(reading: $0) }
  }

  @Test func refusesOneArgumentListOfManyInstructions() {
    var builder = FlatBuilder()
    let value = Self.integer(&builder)
    let args = builder.integers([Int32](repeating: 0, count: 10_000))
    let name = builder.string("aten::add")
    let entry = Self.table(&builder, slots: 2) { $0.add(name, slot: 0) }
    let kernel = Self.table(&builder, slots: 2) { $0.add(args, slot: 1) }
    let instruction = Self.table(&builder, slots: 2) {
      $0.add(1 as UInt8, slot: 0, default: 0)
      $0.add(kernel, slot: 1)
    }
    let list = builder.references(Array(repeating: instruction, count: 10_000))
    let chain = Self.table(&builder, slots: 4) { $0.add(list, slot: 2) }
    let forward = builder.string("forward")
    let values = builder.references([value])
    let chains = builder.references([chain])
    let operators = builder.references([entry])
    let plan = Self.table(&builder, slots: 10) {
      $0.add(forward, slot: 0)
      $0.add(values, slot: 2)
      $0.add(chains, slot: 5)
      $0.add(operators, slot: 6)
    }
    expectLimit(Self.program(builder, plans: [plan])) { _ = try Program(reading: $0) }
  }

  @Test func refusesOneNodeThatIsAMillion() {
    var builder = FlatBuilder()
    let content = Self.table(&builder, slots: 3) { $0.add(4_294_967_295 as UInt32, slot: 0, default: 0) }
    let node = Self.table(&builder, slots: 4) {
      $0.add(200 as UInt8, slot: 0, default: 0)
      $0.add(content, slot: 1)
    }
    let nodes = builder.references(Array(repeating: node, count: 1_000_000))
    let root = Self.table(&builder, slots: 9) { $0.add(nodes, slot: 1) }
    let contents = FileContents(copying: try! builder.finish(root, identifier: "XN01", sizePrefixed: false))
    expectLimit(contents) { _ = try XNNPACKPayload(reading: $0.bytes) }
  }

  @Test func refusesOneBundledInputThatIsAMillion() throws {
    let program = try TestFiles.bytes("headerless.pte")
    var builder = FlatBuilder()
    let box = Self.table(&builder, slots: 1) { $0.add(7 as Int64, slot: 0, default: 0) }
    let value = Self.table(&builder, slots: 2) {
      $0.add(2 as UInt8, slot: 0, default: 0)
      $0.add(box, slot: 1)
    }
    let values = builder.references(Array(repeating: value, count: 1_000_000))
    let test = Self.table(&builder, slots: 2) { $0.add(values, slot: 0) }
    let tests = builder.references([test])
    let name = builder.string("forward")
    let suite = Self.table(&builder, slots: 2) {
      $0.add(name, slot: 0)
      $0.add(tests, slot: 1)
    }
    let suites = builder.references([suite])
    let data = program.withUnsafeBytes { builder.bytes($0, alignment: 32) }
    let root = Self.table(&builder, slots: 3) {
      $0.add(suites, slot: 1)
      $0.add(data, slot: 2)
    }
    let contents = FileContents(copying: try! builder.finish(root, identifier: "BP08", sizePrefixed: false))
    expectLimit(contents) { _ = try BundledProgram(reading: $0) }
  }

  @Test func readsOverlappingPayloadsOnlyAsLongAsTheyFitTheFile() throws {
    // The first delegate of a real program, a thousand times, each with a segment a byte shorter than the one before.
    let real = try Program.load(TestFiles.path("inline_delegate.pte"))
    let payload = Array(real.bytes(real.backendDelegateData[0])) + [UInt8](repeating: 0, count: 1000)
    var builder = FlatBuilder()
    let backend = builder.string("XnnpackBackend")
    var delegates: [Reference] = []
    var segments: [Reference] = []
    for index in 0..<1000 {
      let data = Self.table(&builder, slots: 2) {
        $0.add(1 as Int8, slot: 0, default: 0)
        $0.add(UInt32(index), slot: 1, default: 0)
      }
      delegates.append(
        Self.table(&builder, slots: 3) {
          $0.add(backend, slot: 0)
          $0.add(data, slot: 1)
        })
      segments.append(Self.table(&builder, slots: 2) { $0.add(UInt64(payload.count - index), slot: 1, default: 0) })
    }
    let name = builder.string("forward")
    let values = builder.references([])
    let delegateList = builder.references(delegates)
    let plan = Self.table(&builder, slots: 10) {
      $0.add(name, slot: 0)
      $0.add(values, slot: 2)
      $0.add(delegateList, slot: 7)
    }
    let plans = builder.references([plan])
    let segmentList = builder.references(segments)
    let root = Self.table(&builder, slots: 8) {
      $0.add(plans, slot: 1)
      $0.add(segmentList, slot: 4)
    }
    let contents = FileContents(
      copying: Self.withHeader(try! builder.finish(root, identifier: "ET12", sizePrefixed: false), segments: payload))
    let payloads = try Program(reading: contents).xnnpackPayloads()
    #expect(payloads.count == 1000)
    let read = payloads.values.filter { (try? $0.get()) != nil }.count
    #expect(read > 0 && read * payload.count < contents.count)
  }

  /// A program behind an extended header, as the exporter inserts it: the root's offset moves by the header's 56 bytes.
  private static func withHeader(_ flat: [UInt8], segments: [UInt8]) -> [UInt8] {
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    let root = flat[0..<4].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) } + 56
    let size = flat.count + 56
    let base = (size + 15) / 16 * 16
    var file = bytes(root) + flat[4..<8] + Array("eh00".utf8) + bytes(32 as UInt32) + bytes(UInt64(size))
    file += bytes(UInt64(base)) + bytes(UInt64(segments.count)) + [UInt8](repeating: 0, count: 24) + flat[8...]
    return file + [UInt8](repeating: 0, count: base - size) + segments
  }
}
