import Bytes
import ETCore
import ETKernels
import OperatorCorpus
import TestSupport
import Testing

/// Every operator of the reference on inputs of many types and shapes, beside the official runtime's answers.
@Suite struct OperatorAnswers {
  static let packs = ["pointwise", "reduce", "neural", "movement", "prim"]

  @Test(arguments: packs)
  func areTheOfficialRuntimes(_ pack: String) throws {
    let corpus = try Corpus(Fixtures.path("corpus/\(pack).etcorpus.zst"))
    let exceptions = try Self.exceptions()
    var table: [String: [String: Int]] = [:]
    var differences = 0
    for one in corpus.cases {
      table[one.op, default: [:]][one.dtype, default: 0] += 1
      let exception = exceptions.line(for: one)
      if let exception, exception.tolerance == nil { continue }
      let closeness = exception?.tolerance.map { Closeness(relative: $0, ofGreatest: $0, lastPlaces: 2) }
      guard let difference = corpus.run(one, closeness: closeness) else { continue }
      differences += 1
      if differences <= 20 { Issue.record("\(one.op): \(one.name): \(difference)") }
    }
    print("\(pack): \(corpus.cases.count) cases of \(table.count) operators, \(differences) differ")
    for (op, types) in table.sorted(by: { $0.key < $1.key }) {
      let columns = types.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      print("  \(op): \(columns.joined(separator: ", "))")
    }
  }

  @Test func doNotDependOnTheNumberOfThreads() throws {
    for pack in Self.packs {
      let corpus = try Corpus(Fixtures.path("corpus/\(pack).etcorpus.zst"))
      let exceptions = try Self.exceptions()
      for (number, one) in corpus.cases.enumerated() where number % 37 == 0 && exceptions.line(for: one) == nil {
        #expect(corpus.run(one, threads: 3) == nil, "\(one.op): \(one.name)")
      }
    }
  }

  @Test func exceptionsAreFewAndNamed() throws {
    let exceptions = try Self.exceptions()
    let operators = Set(exceptions.lines.map(\.op))
    print("exceptions: \(exceptions.lines.count) lines for \(operators.count) of 259 operators")
    #expect(operators.count * 50 <= 259, "more than one in fifty")
    for op in operators { #expect(KernelRegistry.standard[op] != nil, "\(op)") }
  }

  private static func exceptions() throws -> CorpusExceptions {
    try CorpusExceptions(String(decoding: Fixtures.bytes("corpus/exceptions.txt"), as: UTF8.self))
  }
}
