import ETKernels
import TestSupport
import Testing

@Suite struct RegisteredOperators {
  /// `operators.txt` is what the wheel registers, `executorch.kernels.quantized` imported.
  @Test func areThoseOfTheReference() throws {
    let names = try String(decoding: Fixtures.bytes("corpus/operators.txt"), as: UTF8.self).split(separator: "\n").map(
      String.init)
    #expect(names.count == 259)
    #expect(KernelRegistry.standard.names == names.sorted())
  }
}
