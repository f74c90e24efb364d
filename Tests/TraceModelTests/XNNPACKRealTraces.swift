import ETCore
import ETFormats
import TestSupport
import Testing
import TraceModel

/// Counts are those of an independent prototype in Python, which the marker and duration experiments were made with.
struct XNNPACKExpectation: CustomTestStringConvertible {
  let folder: String
  var trace = "time.etdp"
  var method: String?
  let delegates: Int
  let kernels: Int
  /// Kernels that have a source group of their own.
  let own: Int
  /// Kernels that the lowering inserted, which have their owner's.
  let inserted: Int

  var testDescription: String { folder + " " + trace }

  init(_ folder: String, _ delegates: Int, _ kernels: Int, own: Int, inserted: Int) {
    (self.folder, self.delegates, self.kernels) = ("models/" + folder, delegates, kernels)
    (self.own, self.inserted) = (own, inserted)
  }

  func of(_ method: String) -> XNNPACKExpectation {
    var copy = self
    (copy.trace, copy.method) = (method + ".etdp", method)
    return copy
  }

  static let all: [XNNPACKExpectation] = [
    .init("crepe_tiny/xnnpack", 1, 650, own: 600, inserted: 50),
    .init("crepe_tiny/xnnpack-int8", 1, 1125, own: 1075, inserted: 50),
    .init("dynamic_shapes/xnnpack", 3, 168, own: 168, inserted: 0),
    .init("llama/xnnpack", 15, 3526, own: 3526, inserted: 0),
    .init("llama/xnnpack-int8", 17, 3526, own: 3526, inserted: 0),
    .init("lstm/xnnpack", 19, 5175, own: 5175, inserted: 0),
    .init("lstm/xnnpack-int8", 19, 5225, own: 5225, inserted: 0),
    .init("mixed_delegates/xnnpack", 5, 275, own: 175, inserted: 100),
    .init("mixed_delegates/xnnpack-int8", 5, 550, own: 400, inserted: 150),
    .init("mobilenet_v2/xnnpack", 1, 1700, own: 1650, inserted: 50),
    .init("mobilenet_v2/xnnpack-int8", 1, 1750, own: 1700, inserted: 50),
    .init("multi_method/xnnpack", 3, 50, own: 50, inserted: 0).of("encode"),
    .init("multi_method/xnnpack", 1, 40, own: 40, inserted: 0).of("decode"),
    .init("pnet/xnnpack", 1, 300, own: 225, inserted: 75),
    .init("pnet/xnnpack-int8", 1, 525, own: 400, inserted: 125),
    .init("rnet/xnnpack", 2, 450, own: 400, inserted: 50),
    .init("rnet/xnnpack-int8", 2, 725, own: 675, inserted: 50),
    .init("runs_xnnpack/xnnpack", 1, 1440, own: 1080, inserted: 360),
    .init("silero_vad/xnnpack", 3, 1225, own: 725, inserted: 500),
    .init("silero_vad/xnnpack-int8", 3, 1400, own: 875, inserted: 525),
  ]
}

@Suite struct XNNPACKRealTraces {
  @Test func coverEveryModelWithXNNPACK() {
    let folders = Fixtures.files(endingIn: "/model.pte").compactMap { path -> String? in
      let parts = path.split(separator: "/").dropLast()
      return parts.last?.hasPrefix("xnnpack") == true ? parts.joined(separator: "/") : nil
    }
    #expect(Set(folders) == Set(XNNPACKExpectation.all.map(\.folder)))
  }

  @Test func ofMostKernelsHaveASourceGroupOfTheirOwn() {
    let kernels = XNNPACKExpectation.all.map(\.kernels).reduce(0, +)
    let own = XNNPACKExpectation.all.map(\.own).reduce(0, +)
    #expect(own * 10 >= kernels * 9)
  }

  @Test(arguments: XNNPACKExpectation.all)
  func haveThePredictedKernelsAndOneSourceGroupForEach(_ expected: XNNPACKExpectation) throws {
    let trace = try XNNPACKCalls(folder: expected.folder, trace: expected.trace, method: expected.method)
    #expect(trace.faults.isEmpty)
    #expect(trace.delegates.count == expected.delegates)
    var aligners = trace.aligners()
    var (kernels, own, inserted) = (0, 0, 0)
    var notExact: [KernelAlignment] = []
    var withoutGroup: [KernelAlignment] = []
    for call in trace.calls {
      let alignments = aligners[call.delegate]?.align(call.names) ?? []
      #expect(alignments.count == call.names.count)
      kernels += alignments.count
      own += alignments.count { !$0.isInserted && $0.primary != nil }
      inserted += alignments.count { $0.isInserted }
      notExact += alignments.filter { $0.confidence != .exact }
      withoutGroup += alignments.filter { $0.primary == nil }
    }
    #expect(notExact.isEmpty)
    #expect(withoutGroup.isEmpty)
    #expect(kernels == expected.kernels)
    #expect(own == expected.own)
    #expect(inserted == expected.inserted)
    for aligner in aligners.values { #expect(aligner.unplacedHandles.isEmpty) }
  }

  @Test(arguments: XNNPACKExpectation.all)
  func arePredictedFromThePayloadAlone(_ expected: XNNPACKExpectation) throws {
    let trace = try XNNPACKCalls(folder: expected.folder, trace: expected.trace, method: expected.method)
    let counts = try trace.delegates.mapValues { try XNNPACKKernels.predict($0.payload).required("a replay").count }
    for call in trace.calls { #expect(counts[call.delegate] == call.names.count) }
  }

  @Test(arguments: XNNPACKExpectation.all)
  func haveAllTheirHandlesCovered(_ expected: XNNPACKExpectation) throws {
    let trace = try XNNPACKCalls(folder: expected.folder, trace: expected.trace, method: expected.method)
    var aligners = trace.aligners()
    var covered: [Range<Int>: Set<DebugHandle>] = [:]
    var firstNames: [Range<Int>: [String]] = [:]
    for call in trace.calls where firstNames[call.delegate] == nil { firstNames[call.delegate] = call.names }
    for (delegate, names) in firstNames {
      for alignment in aligners[delegate]?.align(names) ?? [] {
        if let primary = alignment.primary { covered[delegate, default: []].insert(primary) }
        covered[delegate, default: []].formUnion(alignment.covered)
        // Every handle is one of the call's own.
        let all = Set(trace.delegates[delegate]?.handles ?? [])
        #expect(all.isSuperset(of: alignment.covered))
        #expect(alignment.primary.map(all.contains) != false)
        #expect(
          alignment.covered == alignment.covered.sorted() && !alignment.covered.contains { $0 == alignment.primary })
      }
    }
    for (delegate, handles) in covered {
      #expect(Set(trace.delegates[delegate]?.handles ?? []).subtracting(handles) == [])
    }
  }

  @Test func sayThatARewrittenOperatorNeedsTheETRecord() throws {
    let trace = try XNNPACKCalls(folder: "models/crepe_tiny/xnnpack")
    let call = try trace.calls.first.required("a call")
    let payload = try trace.delegates[call.delegate].required("a payload").payload
    let alone = XNNPACKKernels.align(eventNames: call.names, payload: payload, handles: nil, graph: nil)
    let lost = alone.filter { $0.primary == nil }
    // CREPE's batch norms stand behind ReLUs, and became depthwise convolutions.
    #expect(lost.count == 6)
    #expect(lost.allSatisfy { $0.why.contains("handle was lost") })
    #expect(lost.allSatisfy { payload.nodes[$0.nodes[0]].kind.name == "XNNDepthwiseConv2d" })
    #expect(alone.allSatisfy { $0.confidence == .exact })
  }

  @Test func sayWhenPayloadAndEventsDoNotBelongTogether() throws {
    let some = try XNNPACKCalls(folder: "models/lstm/xnnpack")
    let others = try XNNPACKCalls(folder: "models/mobilenet_v2/xnnpack")
    let (call, other) = (try some.calls.first.required("a call"), try others.calls.first.required("a call"))
    let payload = try others.delegates[other.delegate].required("a payload").payload
    let matches = XNNPACKKernels.match(eventNames: call.names, payload)
    #expect(!matches.isEmpty)
    for match in matches {
      #expect(!match.isMatched && match.nodes.isEmpty)
      #expect(match.why.contains("fit no known XNNPACK") || match.why.contains("too different"))
    }
  }
}
