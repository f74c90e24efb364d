import ETCore
import ETFormats
import ETKernels
import ETRuntime
import TestSupport
import Testing

/// The same model in every form that exporters write: constants in segments, in the FlatBuffer, in a tensor file.
@Suite struct ProgramForms {
  private func path(_ name: String) -> String { Fixtures.root + "/../Tests/ETFormatsTests/Files/" + name }

  private func run(_ method: Method, _ input: [Float]) throws -> [Float] {
    try input.withUnsafeBytes {
      try method.setInput(0, type: .float, sizes: Array(method.input(0).asTensor!.sizes), elements: $0)
    }
    try method.execute()
    let tensor = try #require(method.output(0).asTensor)
    return Array(UnsafeBufferPointer(start: tensor.elements(Float.self), count: tensor.count))
  }

  /// The output that PyTorch made of the first bundled case, and its input.
  private func bundledCase() throws -> (input: [Float], output: [Float]) {
    let bundled = try BundledProgram.load(path("bundled.bpte"))
    func floats(_ value: BundledProgram.Value?) -> [Float] {
      guard case .tensor(let tensor)? = value else { return [] }
      return bundled.bytes(tensor.data).withMemoryRebound(to: Float.self) { Array($0) }
    }
    let one = bundled.suites[0].cases[0]
    return (floats(one.inputs.first), floats(one.expectedOutputs.first))
  }

  @Test(arguments: ["stacktrace.pte", "headerless.pte", "external.pte"])
  func computesTheSame(_ name: String) throws {
    let (input, expected) = try bundledCase()
    #expect(expected.count > 0)
    var options = Method.Options()
    if name == "external.pte" { options.data = [try FlatTensor.load(path("external.ptd"))] }
    let method = try Method(Program.load(path(name)), options: options)
    for (a, b) in zip(try run(method, input), expected) { #expect((a - b).magnitude <= 1e-6) }
  }

  @Test func asksForATensorFileThatIsMissing() throws {
    let program = try Program.load(path("external.pte"))
    #expect { _ = try Method(program) } throws: { error in
      guard let error = error as? RuntimeError else { return false }
      return error.code == .missing && error.detail.contains("--data")
    }
  }

  @Test(arguments: ["initialised.pte", "named_buffer.pte"])
  func keepsItsStateUntilItIsReset(_ name: String) throws {
    let method = try Method(Program.load(path(name)))
    let input = [Float](repeating: 1, count: method.input(0).asTensor!.count)
    var sequences: [[[Float]]] = []
    for _ in 0..<2 {
      sequences.append(try (0..<3).map { _ in try run(method, input) })
      method.resetState()
    }
    #expect(sequences[0] == sequences[1])
    #expect(sequences[0][0] != sequences[0][1] && sequences[0][1] != sequences[0][2])
  }
}
