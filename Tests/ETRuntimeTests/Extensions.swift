import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import ETKernels
import ETRuntime
import ETTracing
import Synchronization
import TestSupport
import Testing

/// Operators and backends that an app brings.
@Suite struct Extensions {
  private func floats(_ value: Value) throws -> [Float] {
    let tensor = try #require(value.asTensor)
    return Array(UnsafeBufferPointer(start: tensor.elements(Float.self), count: tensor.count))
  }

  private func give(_ elements: [Float], to method: Method, sizes: [Int]) throws {
    try elements.withUnsafeBytes { try method.setInput(0, type: .float, sizes: sizes, elements: $0) }
  }

  @Test func anOperatorOfOnesOwnIsCalledAndTraced() throws {
    var builder = ProgramBuilder()
    let input = builder.tensor([4], shape: .bounded, at: 0)
    let out = builder.tensor([4], shape: .bounded, at: 64)
    builder.inputs = [input]
    builder.outputs = [out]
    builder.instructions = [.kernel("my_ops::double.out", [input, out])]
    let program = try builder.program()
    #expect { _ = try Method(program) } throws: { "\($0)".contains("not registered: operators my_ops::double.out") }

    var options = Method.Options()
    options.kernels.register("my_ops::double.out", .init(arity: 2, outputs: 1..<2)) { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      guard input.type == .float, out.type == .float else { throw KernelError(.invalidArgument, "\(input.type)") }
      try out.resize(like: input)
      for i in 0..<input.count { out.elements(Float.self)[i] = 2 * input.elements(Float.self)[i] }
    }
    let tracer = try EventTracer()
    options.tracer = tracer
    let method = try Method(program, options: options)
    try give([1, 2, 3], to: method, sizes: [3])
    try method.execute()
    #expect(try floats(method.output(0)) == [2, 4, 6])
    let dump = try tracer.etdump()
    #expect(dump.events.contains { dump.text($0.name) == "native_call_double.out" })
  }

  /// Writes one number to its last tensor, and counts calls.
  private final class Filler: Backend {
    let calls = Mutex<[(bytes: Int, tensors: Int)]>([])

    func load(_ data: UnsafeRawBufferPointer, specs: [CompileSpec], context: BackendContext) throws -> any Delegate {
      guard context.methodName == "forward" else { throw KernelError(.invalidArgument, "\(context.methodName)") }
      return Delegated(self, data.count)
    }

    private final class Delegated: Delegate {
      let filler: Filler
      let bytes: Int

      init(_ filler: Filler, _ bytes: Int) { (self.filler, self.bytes) = (filler, bytes) }

      func execute(_ call: KernelCall) throws {
        let out = try call.output(call.count - 1)
        out.elements(Float.self).update(repeating: 7, count: out.count)
        filler.calls.withLock { $0.append((bytes, call.count)) }
      }
    }
  }

  @Test func aBackendOfOnesOwnRunsItsDelegates() throws {
    let program = try Program.load(Fixtures.root + "/../Tests/ETFormatsTests/Files/inline_delegate.pte")
    let filler = Filler()
    var options = Method.Options()
    options.backends["XnnpackBackend"] = filler
    let tracer = try EventTracer()
    options.tracer = tracer
    let method = try Method(program, options: options)
    let sizes = Array(method.input(0).asTensor!.sizes)
    try give([Float](repeating: 1, count: sizes.reduce(1, *)), to: method, sizes: sizes)
    try method.execute()
    #expect(try floats(method.output(0)).allSatisfy { $0 == 7 })
    let calls = filler.calls.withLock { $0 }
    #expect(calls.count == 1 && calls[0].bytes == program.executionPlans[0].delegates[0].data.count)
    let dump = try tracer.etdump()
    #expect(dump.events.contains { dump.text($0.name) == "DELEGATE_CALL" && $0.instructionID == 0 })
  }

  @Test func aBackendThatFailsEndsTheExecutionWithItsPlace() throws {
    struct Failing: Backend {
      final class Delegated: Delegate {
        func execute(_: KernelCall) throws { throw KernelError(.notSupported, "out of order") }
      }
      func load(_: UnsafeRawBufferPointer, specs _: [CompileSpec], context _: BackendContext) throws -> any Delegate {
        Delegated()
      }
    }
    let program = try Program.load(Fixtures.root + "/../Tests/ETFormatsTests/Files/inline_delegate.pte")
    var options = Method.Options()
    options.backends["XnnpackBackend"] = Failing()
    let tracer = try EventTracer()
    options.tracer = tracer
    let method = try Method(program, options: options)
    let sizes = Array(method.input(0).asTensor!.sizes)
    try give([Float](repeating: 1, count: sizes.reduce(1, *)), to: method, sizes: sizes)
    do throws(RuntimeError) {
      try method.execute()
      Issue.record("it ran")
    } catch {
      #expect(error.code == .delegate && error.place?.instruction == 0 && error.detail.contains("out of order"))
    }
    // Its events are closed all the same.
    let dump = try tracer.etdump()
    for name in ["Method::execute", "DELEGATE_CALL"] {
      #expect(dump.events.contains { dump.text($0.name) == name && $0.end >= $0.start }, "\(name)")
    }
  }
}
