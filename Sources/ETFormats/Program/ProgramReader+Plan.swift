import Bytes
import ETCore

// A method: its columns are filled in the schema's order, and what refers forward is checked at the end.
extension ProgramReader {
  mutating func executionPlan(_ table: FlatTable) throws(ReadError) -> Program.ExecutionPlan {
    var plan = Program.ExecutionPlan()
    guard let name = try intake.text(table, 0) else { throw table.error(.malformed, "a method has no name") }
    plan.name = name
    if let containers = try intake.table(table, 1) {
      plan.inputEncoding = try intake.text(containers, 0)
      plan.outputEncoding = try intake.text(containers, 1)
    }
    if let sizes = try intake.integers(table, 8, as: Int64.self) {
      plan.nonConstBufferSizes = Array(sizes)
      for (index, size) in sizes.enumerated() where size < 0 {
        throw intake.buffer.error(.malformed, at: sizes.position + index * 8, "a planned buffer has \(size) bytes")
      }
    }
    try readDevices(table, into: &plan)
    try readValues(table, into: &plan)
    plan.inputs = try valueList(table, 3, "an input", in: plan)
    plan.outputs = try valueList(table, 4, "an output", in: plan)
    try readOperators(table, into: &plan)
    try readDelegates(table, into: &plan)
    if let chains = try intake.tables(table, 5, stride: MemoryLayout<Program.Chain>.stride) {
      for index in 0..<chains.count { try readChain(try intake.element(chains, index), into: &plan) }
    }
    assignRoles(&plan)
    return plan
  }

  private mutating func readDevices(_ table: FlatTable, into plan: inout Program.ExecutionPlan) throws(ReadError) {
    guard let devices = try intake.tables(table, 9, stride: MemoryLayout<Program.BufferDevice>.stride) else { return }
    for index in 0..<devices.count {
      let device = try intake.element(devices, index)
      let number: Int32 = try device.integer(0, default: 0)
      guard let buffer = self.index(number, in: plan.nonConstBufferSizes.count) else {
        throw device.error(.outOfBounds, "a device is given for buffer \(number) of \(plan.nonConstBufferSizes.count)")
      }
      plan.nonConstBufferDevices.append(
        Program.BufferDevice(
          buffer: buffer, deviceType: .init(number: try device.integer(1, default: 0)),
          deviceIndex: try device.integer(2, default: 0)))
    }
  }

  private mutating func readOperators(_ table: FlatTable, into plan: inout Program.ExecutionPlan) throws(ReadError) {
    guard let operators = try intake.tables(table, 6, stride: MemoryLayout<Program.Operator>.stride) else { return }
    for index in 0..<operators.count {
      let entry = try intake.element(operators, index)
      let name = try intake.name(entry, 0)
      let overload = try intake.name(entry, 1)
      guard name != FlatIntake.noName else { throw entry.error(.malformed, "operator \(index) has no name") }
      var qualified = name
      let suffix = overload == FlatIntake.noName ? "" : intake.names[overload]
      if !suffix.isEmpty {
        qualified = try intake.intern(intake.names[name] + "." + suffix, at: entry.position)
      }
      plan.operators.append(Program.Operator(name: name, overload: overload, qualifiedName: qualified))
    }
  }

  private mutating func readDelegates(_ table: FlatTable, into plan: inout Program.ExecutionPlan) throws(ReadError) {
    guard let delegates = try intake.tables(table, 7, stride: MemoryLayout<Program.Delegate>.stride) else { return }
    for index in 0..<delegates.count {
      let entry = try intake.element(delegates, index)
      let id = try intake.name(entry, 0)
      guard id != FlatIntake.noName else { throw entry.error(.malformed, "delegate \(index) names no backend") }
      guard let processed = try intake.table(entry, 1) else {
        throw entry.error(.malformed, "delegate \(index) has no data")
      }
      let number: Int8 = try processed.integer(0, default: 0)
      guard number == 0 || number == 1 else {
        throw processed.error(.malformed, "delegate \(index) keeps its data in the unknown location \(number)")
      }
      let isInline = number == 0
      let place: UInt32 = try processed.integer(1, default: 0)
      let ranges = isInline ? program.backendDelegateData : program.segments
      guard let position = self.index(place, in: ranges.count) else {
        throw processed.error(
          .outOfBounds,
          "delegate \(index) keeps its data in \(isInline ? "blob" : "segment") \(place), there are \(ranges.count)")
      }
      plan.delegates.append(
        Program.Delegate(
          id: id, location: isInline ? .inline : .segment, index: position, data: ranges[position],
          compileSpecs: try compileSpecs(entry)))
    }
  }

  private mutating func compileSpecs(_ table: FlatTable) throws(ReadError) -> [Program.CompileSpec] {
    // An array of its own costs a header.
    guard let specs = try intake.tables(table, 2, stride: MemoryLayout<Program.CompileSpec>.stride + 32) else {
      return []
    }
    var result: [Program.CompileSpec] = []
    for index in 0..<specs.count {
      let spec = try intake.element(specs, index)
      result.append(Program.CompileSpec(key: try intake.name(spec, 0), value: try range(spec, 1)))
    }
    return result
  }

  // MARK: Chains

  private mutating func readChain(_ table: FlatTable, into plan: inout Program.ExecutionPlan) throws(ReadError) {
    let inputs = try indices(table, 0, "an input of a chain", into: &plan)
    let outputs = try indices(table, 1, "an output of a chain", into: &plan)
    let first = plan.instructions.count
    if let instructions = try intake.tables(table, 2, stride: MemoryLayout<Program.Instruction>.stride) {
      plan.instructions.reserveCapacity(first + instructions.count)
      for index in 0..<instructions.count {
        let entry = try intake.element(instructions, index)
        plan.instructions.append(try instruction(entry, chainLength: instructions.count, into: &plan))
      }
    }
    var stacktraces: [Range<Int>] = []
    if let lists = try intake.tables(table, 3, stride: MemoryLayout<Range<Int>>.stride) {
      for index in 0..<lists.count {
        stacktraces.append(try frames(try intake.element(lists, index), into: &plan))
      }
    }
    plan.chains.append(
      Program.Chain(
        inputs: inputs, outputs: outputs, instructions: first..<plan.instructions.count, stacktraces: stacktraces))
  }

  private mutating func frames(
    _ table: FlatTable, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Range<Int> {
    let first = plan.frames.count
    if let frames = try intake.tables(table, 0, stride: MemoryLayout<Program.Frame>.stride) {
      for index in 0..<frames.count {
        let frame = try intake.element(frames, index)
        plan.frames.append(
          Program.Frame(
            filename: try intake.name(frame, 0), line: try frame.integer(1, default: 0),
            name: try intake.name(frame, 2), context: try intake.name(frame, 3)))
      }
    }
    return first..<plan.frames.count
  }

  private mutating func instruction(
    _ table: FlatTable, chainLength: Int, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Program.Instruction {
    let kind: UInt8 = try table.integer(0, default: 0)
    guard kind > 0 else { throw table.error(.malformed, "an instruction is of no kind") }
    guard kind <= 5 else { throw table.error(.unsupported, "an instruction is of the unknown kind \(kind)") }
    guard let call = try intake.table(table, 1) else { throw table.error(.malformed, "an instruction is empty") }
    let values = plan.values.count
    switch kind {
    case 1:
      let index = try member(call, 0, of: plan.operators.count, "operator")
      return .kernelCall(operator: index, args: try indices(call, 1, "an argument", into: &plan))
    case 2:
      let index = try member(call, 0, of: plan.delegates.count, "delegate")
      return .delegateCall(delegate: index, args: try indices(call, 1, "an argument", into: &plan))
    case 3:
      return .moveCall(from: try member(call, 0, of: values, "value"), to: try member(call, 1, of: values, "value"))
    case 4:
      let condition = try member(call, 0, of: values, "value")
      // A jump to the end leaves the chain.
      return .jumpFalseCall(
        condition: condition, destination: try member(call, 1, of: chainLength + 1, "instruction"))
    default:
      return .freeCall(value: try member(call, 0, of: values, "value"))
    }
  }

  /// A field that is an index into a list of `count`.
  private func member(_ table: FlatTable, _ slot: Int, of count: Int, _ what: String) throws(ReadError) -> Int {
    let number: Int32 = try table.integer(slot, default: 0)
    guard let index = self.index(number, in: count) else {
      throw table.error(.outOfBounds, "\(what) \(number) is named, there are \(count)")
    }
    return index
  }

  // MARK: Lists of value indices

  /// A vector of value indices, appended to the plan's; empty where it is absent.
  private mutating func indices(
    _ table: FlatTable, _ slot: Int, _ what: String, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Range<Int> {
    let first = plan.valueIndices.count
    plan.valueIndices.append(contentsOf: try valueList(table, slot, what, in: plan))
    return first..<plan.valueIndices.count
  }

  private mutating func valueList(
    _ table: FlatTable, _ slot: Int, _ what: String, in plan: Program.ExecutionPlan
  ) throws(ReadError) -> [Int32] {
    guard let indices = try intake.integers(table, slot, as: Int32.self) else { return [] }
    let count = plan.values.count
    for (place, index) in indices.enumerated() where index < 0 || Int(index) >= count {
      throw intake.buffer.error(
        .outOfBounds, at: indices.position + place * 4, "\(what) is value \(index), there are \(count)")
    }
    return Array(indices)
  }

  // MARK: Roles

  private func assignRoles(_ plan: inout Program.ExecutionPlan) {
    plan.roles = Array(repeating: [], count: plan.values.count)
    for index in plan.inputs { plan.roles[Int(index)].insert(.input) }
    for index in plan.outputs { plan.roles[Int(index)].insert(.output) }
    for (index, value) in plan.values.enumerated() {
      guard case .tensor(let number) = value else { continue }
      let tensor = plan.tensors[number]
      switch tensor.storage {
      case .constant: plan.roles[index].insert(.constant)
      case .initialised: plan.roles[index].insert(.mutable)
      case .external: plan.roles[index].insert(tensor.allocation == nil ? .constant : .mutable)
      case .planned where tensor.fullyQualifiedName != FlatIntake.noName: plan.roles[index].insert(.mutable)
      case .planned, .provided: break
      }
    }
  }
}
