import ETCore
import ETFormats
import TestSupport
import Testing
import TraceModel

/// Graphs that no exporter makes: whatever a payload says, there is an answer, and soon.
@Suite(.timeLimit(.minutes(2))) struct XNNPACKHostilePayloads {
  @Test(arguments: 0..<8 as Range<UInt64>)
  func withRandomGraphsNeverTrap(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<150 {
      let builder = Self.randomGraph(&random)
      let payload = try builder.payload()
      let kernels = try XNNPACKKernels.predict(payload).required("a replay")
      #expect(kernels.flatMap(\.nodes).allSatisfy { payload.nodes.indices.contains($0) })
      var names = kernels.map(\.name)
      if !names.isEmpty { names.swapAt(random.below(names.count), random.below(names.count)) }
      if random.below(2) == 0 { names += ["", " #", "#1", "Convert (NC", "(", ") (", "é (NC) #1"] }
      let graph = Self.randomOperators(&random)
      let alignments = XNNPACKKernels.align(
        eventNames: names, payload: payload, handles: (0..<12).map { DebugHandle($0 - 1) }, graph: graph)
      #expect(alignments.count == names.count)
      for alignment in alignments where alignment.primary == nil && alignment.confidence == .unmatched {
        #expect(!alignment.why.isEmpty)
      }
    }
  }

  /// Values and nodes with no regard for what belongs together: cycles, several writers, missing values, any shape.
  private static func randomGraph(_ random: inout SeededGenerator) -> XNNPACKPayloadBuilder {
    var builder = XNNPACKPayloadBuilder()
    let count = 1 + random.below(30)
    let kinds: [UInt8] = [1, 2, 5, 6, 7, 10, 13, 15, 18, 19, 20, 21, 26, 28, 32, 35, 36, 37, 39, 46]
    for _ in 0..<count {
      _ = builder.value(
        (0..<random.below(6)).map { _ in UInt32(random.below(4)) }, type: Int16(random.below(18) - 1),
        input: random.below(6) == 0, output: random.below(4) == 0, constant: random.below(5) == 0,
        quantization: random.below(3) == 0 ? (Float(random.below(3)) - 1, Int32(random.below(3))) : nil)
    }
    func id(_ random: inout SeededGenerator) -> UInt32 { random.below(12) == 0 ? .max : UInt32(random.below(count)) }
    for _ in 0..<random.below(40) {
      let kind = random.below(5) == 0 ? UInt8(1 + random.below(60)) : kinds[random.below(kinds.count)]
      let numbers = (0..<random.below(10)).map { _ in UInt32(random.below(5)) }
      // The reader wants as many sizes of a slice as offsets.
      let more = (0..<(kind == 35 ? numbers.count : random.below(5))).map { _ in .max - UInt32(random.below(2)) }
      builder.node(
        kind, (0..<random.below(6)).map { _ in id(&random) }, (0..<random.below(3)).map { _ in id(&random) },
        handle: [0, 65535, UInt32(1 + random.below(9)), .max][random.below(4)], flags: UInt32(random.below(256)),
        range: random.below(3) == 0 ? (.nan, .infinity) : random.below(3) == 0 ? (-.infinity, .infinity) : nil,
        numbers: numbers, more: more,
        window: kind == 7 || kind == 13 || kind == 39 ? (0..<13).map { _ in UInt32(random.below(3)) &- 1 } : [])
    }
    return builder
  }

  private static func randomOperators(_ random: inout SeededGenerator) -> OperatorGraph {
    let targets = [
      "aten.relu", "quantized_decomposed.quantize", "quantized_decomposed.dequantize", "batch_norm", "choose_qparams",
    ]
    return OperatorGraph(
      nodes: (0..<random.below(30)).map { index in
        OperatorGraph.Node(
          name: "n\(index)", target: targets[random.below(targets.count)],
          debugHandle: random.below(5) == 0 ? nil : DebugHandle(random.below(14) - 2),
          inputs: (0..<random.below(3)).map { _ in "v\(random.below(30))" }, outputs: ["v\(random.below(30))"])
      })
  }

  enum Shape: CaseIterable {
    case clamps, reshapes, copies, products, transposes, backwards, oneValue, quantized

    /// Nodes. Something quadratic would show with fewer as well, and the others take long without optimisation.
    var size: Int { self == .backwards || self == .quantized ? 100_000 : 20_000 }
  }

  @Test(arguments: Shape.allCases)
  func ofGreatSizeHaveAnAnswer(_ shape: Shape) throws {
    var builder = XNNPACKPayloadBuilder()
    let size = shape.size
    let type: Int16 = shape == .quantized ? 3 : 1
    let shared = builder.value([4, 4], type: type, input: true)
    let ids = (0...size).map { builder.value([4, 4], type: type, output: $0 == size) }
    for index in 0..<size {
      let (from, to) = (ids[index], ids[index + 1])
      switch shape {
      case .clamps: builder.node(6, [from], [to], handle: 65535)
      case .reshapes: builder.node(20, [from], [to], handle: 65535, numbers: index % 3 == 0 ? [16] : [4, 4])
      case .copies: builder.node(46, [from], [to], handle: 65535)
      case .products: builder.node(15, [from, from], [to], handle: 65535)
      case .transposes: builder.node(5, [from], [to], handle: 65535, numbers: [0, 2, 3, 1])
      case .backwards: builder.node(4, [ids[size - index - 1]], [ids[size - index]])
      case .oneValue: builder.node(1, [shared, shared], [shared], handle: 65535)
      case .quantized: builder.node(4, [from], [to], handle: 65535)
      }
    }
    let payload = try builder.payload()
    let names = [String](repeating: "Sigmoid (NC) #1", count: size)
    let graph = OperatorGraph(
      nodes: (0..<2000).map {
        OperatorGraph.Node(
          name: "n\($0)", target: "aten.relu", debugHandle: DebugHandle($0 % 3 + 1), inputs: ["v\($0)"],
          outputs: ["v\($0 + 1)"])
      })
    let handles = (1..<size).map { DebugHandle($0) }
    let alignments = XNNPACKKernels.align(eventNames: names, payload: payload, handles: handles, graph: graph)
    #expect(alignments.count == size)
    if shape == .backwards { #expect(alignments.allSatisfy { $0.confidence == .exact }) }
  }

  @Test func withLongListsOfEventsHaveAnAnswer() throws {
    var builder = XNNPACKPayloadBuilder()
    var from = builder.value(input: true)
    for index in 0..<3000 {
      let to = builder.value(output: index == 2999)
      builder.node(index % 2 == 0 ? 4 : 30, [from], [to])
      from = to
    }
    let payload = try builder.payload()
    let backwards = (0..<3000).map {
      $0 % 7 == 0 ? "Exp (NC) #\($0)" : $0 % 2 == 0 ? "Abs (NC) #\($0)" : "Sigmoid (NC) #\($0)"
    }
    for alignment in XNNPACKKernels.align(eventNames: backwards, payload: payload, handles: nil, graph: nil) {
      #expect(alignment.confidence != .exact && !alignment.why.isEmpty)
    }
    // One more event at the beginning of a long call does not spoil the rest.
    let plain = (0..<3000).map { $0 % 2 == 0 ? "Sigmoid (NC) #\($0)" : "Abs (NC) #\($0)" }
    let alignments = XNNPACKKernels.align(
      eventNames: ["Pack LH (X32) #1"] + plain, payload: payload, handles: nil, graph: nil)
    #expect(alignments.dropFirst().allSatisfy { $0.confidence == .aligned })
  }
}
