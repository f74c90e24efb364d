import ETFormats
import TestSupport
import Testing
import TraceModel

/// Event lists that are damaged must not be matched wrongly: an event may have no match, but not a false one.
@Suite struct XNNPACKMutatedEvents {
  private enum Mutation: CaseIterable { case dropOne, dropTwo, repeatOne, foreign, swap }

  @Test(arguments: XNNPACKExpectation.all, [0x58_4E4E_5041_434B, 1])
  func neverHaveAWrongUniqueMatch(_ expected: XNNPACKExpectation, _ seed: UInt64) throws {
    let trace = try XNNPACKCalls(folder: expected.folder, trace: expected.trace, method: expected.method)
    let aligners = trace.aligners()
    var random = SeededGenerator(seed: seed)
    var distinct: Set<Range<Int>> = []
    let calls = trace.calls.filter { distinct.insert($0.delegate).inserted && $0.names.count >= 4 }
    guard !calls.isEmpty else { return }
    var (matched, all) = (0, 0)
    for _ in 0..<60 {
      let call = calls[random.below(calls.count)]
      var aligner = try aligners[call.delegate].required("an aligner")
      aligner.settle(on: [call.names])
      let right = aligner.match(call.names).map(\.nodes)
      var (names, origins) = (call.names, Array(call.names.indices).map(Optional.some))
      let mutation = Mutation.allCases[random.below(Mutation.allCases.count)]
      Self.apply(mutation, &names, &origins, &random)
      // A list that reads the same cannot be told from the undamaged one.
      let bare = names.map(Self.bare)
      if bare == call.names.map(Self.bare) { continue }
      all += names.count
      for (event, match) in aligner.match(names).enumerated() where match.isMatched {
        matched += 1
        let wrong = origins[event].map { right[$0] != match.nodes } ?? true
        if wrong { Issue.record("seed \(seed), \(mutation): event \(event) of \(names) is said to be \(match)") }
      }
    }
    // Most of what is undamaged keeps its match.
    #expect(matched * 2 > all)
  }

  private static func apply(
    _ mutation: Mutation, _ names: inout [String], _ origins: inout [Int?], _ random: inout SeededGenerator
  ) {
    switch mutation {
    case .dropOne, .dropTwo:
      for _ in 0..<(mutation == .dropOne ? 1 : 2) {
        let place = random.below(names.count)
        names.remove(at: place)
        origins.remove(at: place)
      }
    case .repeatOne:
      let name = names[random.below(names.count)]
      let place = random.below(names.count)
      names.insert(name, at: place)
      origins.insert(nil, at: place)
    case .foreign:
      let place = random.below(names.count + 1)
      names.insert("Pack LH (X32) #1", at: place)
      origins.insert(nil, at: place)
    case .swap:
      let place = random.below(names.count - 1)
      names.swapAt(place, place + 1)
      origins.swapAt(place, place + 1)
    }
  }

  private static func bare(_ name: String) -> String {
    String(name.prefix { $0 != "#" })
  }
}
