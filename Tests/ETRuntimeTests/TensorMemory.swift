import ETCore
import ETKernels
import ETRuntime
import TestSupport
import Testing

/// Where tensors' elements lie: what an execution does to them ends with it.
@Suite struct TensorMemory {
  private static let view = "executorch_prim::et_view.default"
  private static let add = "aten::add.Scalar_out"

  private func give(_ elements: [Float], to method: Method, _ index: Int = 0) throws {
    try elements.withUnsafeBytes {
      try method.setInput(index, type: .float, sizes: [elements.count], elements: $0)
    }
  }

  private func floats(_ value: Value) throws -> [Float] {
    let tensor = try #require(value.asTensor)
    return Array(UnsafeBufferPointer(start: tensor.elements(Float.self), count: tensor.count))
  }

  /// out = state + 1, then state = a view of something else.
  private func redirected(_ elsewhere: (inout ProgramBuilder) -> Int32) throws -> Method {
    var builder = ProgramBuilder()
    let state = builder.tensor([4], at: 0, .initial([1, 2, 3, 4]))
    let out = builder.tensor([4], at: 64)
    let (one, four) = (builder.int(1), builder.ints([4]))
    let other = elsewhere(&builder)
    builder.outputs = [out]
    builder.instructions = [.kernel(Self.add, [state, one, one, out]), .kernel(Self.view, [other, four, state])]
    return try Method(builder.program())
  }

  @Test func aStateThatAViewTookToAConstantIsReset() throws {
    let method = try redirected { $0.tensor([4], .constant([9, 9, 9, 9])) }
    for _ in 0..<3 {
      try method.execute()
      #expect(try floats(method.output(0)) == [2, 3, 4, 5])
      method.resetState()
    }
  }

  @Test func aStateThatAViewTookElsewhereIsBackAtTheNextExecution() throws {
    let method = try redirected { $0.tensor([4], at: 512) }
    for _ in 0..<3 {
      try method.execute()
      #expect(try floats(method.output(0)) == [2, 3, 4, 5])
    }
  }

  @Test func aViewOfTheCallersMemoryEndsWithTheExecution() throws {
    var builder = ProgramBuilder()
    let input = builder.tensor([4])
    let view = builder.tensor([4], at: 0)
    let out = builder.tensor([4], at: 64)
    let (one, four) = (builder.int(1), builder.ints([4]))
    builder.inputs = [input]
    builder.outputs = [out]
    // The first instruction reads the view of the execution before.
    builder.instructions = [.kernel(Self.add, [view, one, one, out]), .kernel(Self.view, [input, four, view])]
    let method = try Method(builder.program())
    for round in 0..<2 {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
      defer { memory.deallocate() }
      memory.initializeMemory(as: UInt8.self, repeating: 65)
      try method.bindInput(0, type: .float, sizes: [4], memory: memory)
      try method.execute()
      #expect(try floats(method.output(0)) == [1, 1, 1, 1], "execution \(round)")
    }
  }

  @Test func freedTensorsHaveTheirPlaceAgain() throws {
    for shape in [ProgramBuilder.Shape.fixed, .unbounded] {
      var builder = ProgramBuilder()
      let input = builder.tensor([4], at: 0)
      let middle = builder.tensor([4], shape: shape, at: shape == .unbounded ? nil : 128)
      let out = builder.tensor([4], at: 64)
      let one = builder.int(1)
      builder.inputs = [input]
      builder.outputs = [out]
      builder.instructions = [
        .kernel(Self.add, [input, one, one, middle]), .kernel(Self.add, [middle, one, one, out]), .free(middle),
      ]
      let method = try Method(builder.program())
      for _ in 0..<3 {
        try give([1, 2, 3, 4], to: method)
        try method.execute()
        #expect(try floats(method.output(0)) == [3, 4, 5, 6])
      }
    }
  }

  @Test func unboundedTensorsShareTheMethodsLimit() throws {
    var builder = ProgramBuilder()
    let one = builder.int(1)
    let size = builder.ints([1 << 20])
    let full = "aten::full.out"
    for _ in 0..<8 {
      let out = builder.tensor([0], shape: .unbounded)
      builder.outputs.append(out)
      builder.instructions.append(.kernel(full, [size, one, out]))
    }
    var options = Method.Options()
    options.memoryLimit = 16 << 20
    let method = try Method(builder.program(), options: options)
    do throws(RuntimeError) {
      try method.execute()
      Issue.record("eight times 4 MiB fit into 16")
    } catch {
      #expect(error.code == .kernel && error.place?.instruction == 3, "\(error)")
    }
  }

  @Test func slicesOfAGrowingTensorStay() throws {
    var builder = ProgramBuilder()
    let slice = builder.tensor([], at: 0, .initial([7]))
    let all = builder.tensor([0], shape: .unbounded)
    builder.outputs = [all]
    for index in 0..<40 {
      let number = builder.int(Int64(index))
      builder.instructions.append(.kernel("executorch_prim::et_copy_index.tensor", [all, slice, number]))
    }
    let method = try Method(builder.program())
    for _ in 0..<2 {
      try method.execute()
      #expect(try floats(method.output(0)) == Array(repeating: 7, count: 40))
    }
  }

  @Test func anInputCanBeBoundToLargerMemory() throws {
    var builder = ProgramBuilder()
    let input = builder.tensor([8], shape: .bounded)
    let out = builder.tensor([8], shape: .bounded, at: 0)
    let one = builder.int(1)
    builder.inputs = [input]
    builder.outputs = [out]
    builder.instructions = [.kernel(Self.add, [input, one, one, out])]
    let method = try Method(builder.program())
    for count in [2, 4, 8] {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * count, alignment: 16)
      defer { memory.deallocate() }
      memory.bindMemory(to: Float.self).initialize(repeating: Float(count))
      try method.bindInput(0, type: .float, sizes: [count], memory: memory)
      try method.execute()
      #expect(try floats(method.output(0)) == Array(repeating: Float(count + 1), count: count))
    }
    // Now in the method's own memory, not in the caller's that is gone.
    try give([5, 6], to: method)
    try method.execute()
    #expect(try floats(method.output(0)) == [6, 7])
  }

  @Test func anOutputLiesWhereTheCallerWantsIt() throws {
    var builder = ProgramBuilder()
    let input = builder.tensor([4], at: 0)
    let out = builder.tensor([4])
    let one = builder.int(1)
    builder.inputs = [input]
    builder.outputs = [out]
    builder.instructions = [.kernel(Self.add, [input, one, one, out])]
    let method = try Method(builder.program())
    // First in the method's own memory, then in two places of the caller's.
    try give([1, 2, 3, 4], to: method)
    try method.execute()
    #expect(try floats(method.output(0)) == [2, 3, 4, 5])
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 16)
    defer { memory.deallocate() }
    for start in [0, 16] {
      let place = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + 16])
      try method.bindOutput(0, memory: place)
      try give([1, 2, 3, Float(start)], to: method)
      try method.execute()
      #expect(Array(place.bindMemory(to: Float.self)) == [2, 3, 4, Float(start + 1)])
    }
    let small = UnsafeMutableRawBufferPointer(rebasing: memory[..<12])
    #expect { try method.bindOutput(0, memory: small) } throws: { ($0 as? RuntimeError)?.code == .input }
  }

  @Test func anInputThatIsRefusedChangesNothing() throws {
    var builder = ProgramBuilder()
    let input = builder.tensor([8], shape: .bounded)
    builder.inputs = [input]
    builder.outputs = [input]
    let method = try Method(builder.program())
    try give([1, 2], to: method)
    #expect(throws: RuntimeError.self) {
      try [UInt8](repeating: 0, count: 4).withUnsafeBytes {
        try method.setInput(0, type: .float, sizes: [4], elements: $0)
      }
    }
    try method.execute()
    #expect(try floats(method.output(0)) == [1, 2])
  }
}
