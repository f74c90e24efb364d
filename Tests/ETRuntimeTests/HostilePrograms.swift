import Bytes
import ETCore
import ETFormats
import ETKernels
import ETRuntime
import OperatorCorpus
import TestSupport
import Testing

/// Programs with wrong bytes: they are refused with an error, or run within their own memory.
@Suite struct HostilePrograms {
  /// Edits a program's bytes, loads it if it still can be, and runs it twice.
  private func run(_ bytes: [UInt8]) -> Bool {
    guard let program = try? Program(reading: FileContents(copying: bytes)) else { return false }
    for name in program.methodNames {
      var options = Method.Options()
      options.memoryLimit = 32 << 20
      options.stepLimit = 200
      guard let method = try? Method(program, name: name, options: options) else { continue }
      for _ in 0..<2 {
        try? giveZeros(to: method)
        try? method.execute()
        method.resetState()
      }
    }
    return true
  }

  private func giveZeros(to method: Method) throws {
    for index in 0..<method.inputCount {
      let input = method.input(index)
      guard let tensor = input.asTensor else {
        try method.setInput(index, input)
        continue
      }
      let zeros = [UInt8](repeating: 0, count: min(tensor.byteCount, 1 << 20))
      try zeros.withUnsafeBytes {
        try method.setInput(index, type: tensor.type, sizes: Array(tensor.sizes), elements: $0)
      }
    }
  }

  @Test(arguments: ["pointwise", "reduce", "neural", "movement", "prim"])
  func ofOneOperatorAreRefusedOrRunInTheirMemory(_ pack: String) throws {
    let corpus = try Corpus(Fixtures.path("corpus/\(pack).etcorpus.zst"))
    let seed: UInt64 = 20_261_121
    var random = SeededGenerator(seed: seed)
    var seen: Set<String> = []
    var (loaded, tried) = (0, 0)
    for one in corpus.cases where seen.insert(one.op).inserted {
      let bytes = [UInt8](corpus.bytes(one.program))
      for _ in 0..<60 {
        var edited = bytes
        for _ in 0..<1 + Int.random(in: 0..<3, using: &random) {
          let place = Int.random(in: 0..<edited.count, using: &random)
          edited[place] =
            [0, 1, 255, 127, edited[place] &+ 1, edited[place] ^ 16][Int.random(in: 0..<6, using: &random)]
        }
        tried += 1
        if run(edited) { loaded += 1 }
      }
    }
    #expect(loaded > tried / 4, "\(loaded) of \(tried) programs got past the reader (seed \(seed))")
  }

  @Test func ofAWholeModelAreRefusedOrRunInTheirMemory() throws {
    let bytes = try Fixtures.bytes("models/control_flow/portable/model.pte")
    var random = SeededGenerator(seed: 7)
    var loaded = 0
    for _ in 0..<400 {
      var edited = bytes
      edited[Int.random(in: 0..<edited.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      if run(edited) { loaded += 1 }
    }
    #expect(loaded > 100 && loaded < 400, "\(loaded) of 400 programs got past the reader")
  }

  @Test func anEndlessLoopEndsAtTheStepLimit() throws {
    let program = try Program(reading: Fixtures.contents("models/control_flow/portable/model.pte"))
    var options = Method.Options()
    options.stepLimit = 10
    let method = try Method(program, options: options)
    try giveZeros(to: method)
    do throws(RuntimeError) {
      try method.execute()
      Issue.record("ten instructions were enough")
    } catch {
      #expect(error.code == .stepLimit)
      #expect(error.place?.instruction != nil)
    }
  }

  @Test func memoryIsLimited() throws {
    let program = try Program(reading: Fixtures.contents("models/mobilenet_v2/portable/model.pte"))
    var options = Method.Options()
    options.memoryLimit = 1000
    #expect { _ = try Method(program, options: options) } throws: { ($0 as? RuntimeError)?.code == .memory }
  }

  @Test func whatIsMissingIsNamedInOneError() throws {
    let program = try Program(reading: Fixtures.contents("models/mixed_delegates/xnnpack/model.pte"))
    var options = Method.Options()
    options.kernels = KernelRegistry()
    #expect { _ = try Method(program, options: options) } throws: { error in
      guard let error = error as? RuntimeError else { return false }
      return error.code == .notRegistered && error.detail.contains("XnnpackBackend") && error.detail.contains("aten::")
    }
  }

  @Test func aCancelledExecutionEndsAndMayBeRunAgain() throws {
    let program = try Program(reading: Fixtures.contents("models/runs_137/portable/model.pte"))
    let method = try Method(program)
    try giveZeros(to: method)
    method.cancellation.cancel()
    #expect { try method.execute() } throws: { ($0 as? RuntimeError)?.code == .cancelled }
    #expect { try method.execute() } throws: { ($0 as? RuntimeError)?.code == .input }
    try giveZeros(to: method)
    try method.execute()
  }

  @Test func nothingIsAllocatedInSteadyState() throws {
    let program = try Program(reading: Fixtures.contents("models/mobilenet_v2/portable/model.pte"))
    let method = try Method(program)
    func execute() throws {
      try giveZeros(to: method)
      try method.execute()
    }
    for _ in 0..<2 { try execute() }
    let before = method.context.allocations
    for _ in 0..<5 { try execute() }
    #expect(method.context.allocations == before)
  }
}
