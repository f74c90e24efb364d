import Bytes
import ETCore
import ETFormats
import Foundation
import TestSupport
import Testing

/// Programs against what the reference's own deserializer says of them (`Files/make.py` writes it down).
@Suite struct ProgramFacts {
  struct Method: Decodable, Sendable {
    let method: String
    let inputs: [Int32]
    let outputs: [Int32]
    let values: [String: Int]
    let instructions: [String: Int]
    let operators: [String]
    let delegates: [String]
    let planned: [Int64]
    /// Elements of all tensors.
    let elements: Int
    /// How many tensors are constants, and the FNV-1a hash of their bytes in the order of the values.
    let constants: String
  }

  static let facts: [String: [Method]] = {
    do {
      return try JSONDecoder().decode([String: [Method]].self, from: Data(contentsOf: TestFiles.url("facts.json")))
    } catch {
      fatalError("facts.json: \(error)")
    }
  }()

  @Test(arguments: facts.keys.sorted())
  func agreeWithTheReference(_ path: String) throws {
    let program = try Program.load(path.contains("/") ? Fixtures.path(path) : TestFiles.path(path))
    let facts = try #require(Self.facts[path])
    #expect(program.methodNames == facts.map(\.method))
    for (plan, fact) in zip(program.executionPlans, facts) {
      #expect(plan.inputs == fact.inputs)
      #expect(plan.outputs == fact.outputs)
      #expect(counts(plan.values.map(name)) == fact.values)
      #expect(counts(plan.instructions.map(name)) == fact.instructions)
      #expect(plan.operators.map { plan.text($0.qualifiedName) } == fact.operators)
      #expect(plan.delegates.map { plan.text($0.id) } == fact.delegates)
      #expect(plan.nonConstBufferSizes == fact.planned)
      #expect(plan.tensors.reduce(0) { $0 + plan.sizes(of: $1).reduce(1) { $0 * Int($1) } } == fact.elements)
      #expect(constants(of: plan, in: program) == fact.constants)
    }
  }

  private func counts(_ names: [String]) -> [String: Int] {
    names.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  /// `tensorList` as the schema spells it.
  private func name(_ value: some Any) -> String {
    let text = "\(value)".prefix { $0 != "(" }
    return text.prefix(1).uppercased() + text.dropFirst()
  }

  private func constants(of plan: Program.ExecutionPlan, in program: Program) -> String {
    var count = 0
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for tensor in plan.tensors where tensor.storage == .constant {
      count += 1
      for byte in program.bytes(tensor.data!) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    let digits = String(hash, radix: 16)
    return "\(count):" + String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// The files of `Files/`: forms of programs that the models in `Fixtures/` do not have.
enum TestFiles {
  static func url(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Files/" + name)
  }

  static func path(_ name: String) -> String { url(name).path }

  static func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: url(name))) }
}
