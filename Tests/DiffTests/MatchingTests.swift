import Analysis
import Bytes
import Commands
import ETCore
import ETDumpFormat
import TestSupport
import Testing
import TraceModel

/// What of one trace is what of another.
@Suite struct MatchingTests {
  /// - Parameter program: Whether to give the programs too: they tell XNNPACK's kernels apart.
  static func diff(
    _ base: String, _ new: String, trace: String = "time", program: Bool = true, record: Bool = true
  ) throws -> TraceDiff {
    try request(base, new, trace: trace, program: program, record: record).compare(notes: MemorySink())
  }

  static func request(
    _ base: String, _ new: String, trace: String = "time", program: Bool = true, record: Bool = true
  ) throws -> DiffRequest {
    func paths(_ folder: String) -> InputPaths {
      InputPaths(
        traces: [Fixtures.path("models/\(folder)/\(trace).etdp")],
        record: record ? Fixtures.path("models/\(folder)/model.etrecord") : nil,
        program: program ? Fixtures.path("models/\(folder)/model.pte") : nil)
    }
    return DiffRequest(base: paths(base), new: paths(new), conversion: try TimeConversion())
  }

  static func execution(_ diff: TraceDiff) throws -> TraceDiff.Section {
    try #require(diff.sections.first { $0.name == "Execute" })
  }

  static func text(_ request: DiffRequest) throws -> String {
    let out = MemorySink()
    _ = try request.run(out: out, notes: MemorySink())
    return String(decoding: out.bytes, as: UTF8.self)
  }

  static let models = ["pnet", "mobilenet_v2", "lstm", "crepe_tiny", "silero_vad", "rnet"]

  /// Every part of either side is in one row, once, and the totals are those of the executions.
  @Test(arguments: models) func losesNoTime(_ model: String) throws {
    for program in [true, false] {
      let section = try Self.execution(Self.diff("\(model)/portable", "\(model)/xnnpack", program: program))
      for (sides, whole) in [
        (section.rows.compactMap(\.base), section.base), (section.rows.compactMap(\.new), section.new),
      ] {
        let references = sides.flatMap(\.references)
        #expect(Set(references).count == references.count)
        let sum = sides.reduce(0) { $0 + $1.total }
        #expect(sum == whole.samples.reduce(0, +))
      }
    }
  }

  @Test func followsOperatorsIntoKernels() throws {
    let request = try Self.request("pnet/portable", "pnet/xnnpack")
    let section = try Self.execution(request.compare(notes: MemorySink()))
    let convolutions = section.rows.filter { $0.base?.items[0].operatorName == "aten::convolution.out" }
    #expect(convolutions.count == 5)
    #expect(convolutions.allSatisfy { $0.match == .handles && $0.new?.items[0].kind == .delegateKernel })
    #expect(convolutions.allSatisfy { $0.base?.items[0].module == $0.new?.items[0].module })
    #expect(section.rows.allSatisfy { $0.classification != .removed })
    let prelu = try #require(section.rows.first { $0.base?.items.count == 3 })
    #expect(prelu.base?.items.map(\.operatorName) == ["aten::gt.Scalar_out", "aten::mul.out", "aten::where.self_out"])
    #expect(try Self.text(request).contains("3 operators, "))
    #expect(try Self.text(request).contains(", became one XNNPACK kernel, "))
  }

  /// Without a program nothing is known of single kernels: the call stands for all of them.
  @Test func followsOperatorsIntoACall() throws {
    let request = try Self.request("mobilenet_v2/portable", "mobilenet_v2/xnnpack", program: false)
    let section = try Self.execution(request.compare(notes: MemorySink()))
    let rows = section.rows.filter { ($0.base?.items.count ?? 0) > 100 }
    #expect(rows.count == 1)
    #expect(rows.first?.match == .handles)
    #expect(rows.first?.classification == .faster)
    let text = try Self.text(request)
    #expect(text.contains(" operators, ") && text.contains(", became one XNNPACK call of 68 kernels, "))
    #expect(text.hasPrefix("Execute of forward is faster: "))
  }

  /// Another export numbers its operators anew: modules tell what is what.
  @Test func matchesAQuantizedModelByModule() throws {
    let section = try Self.execution(Self.diff("pnet/xnnpack", "pnet/xnnpack-int8"))
    let convolutions = section.rows.filter { row in
      row.base?.items.contains { $0.name.hasPrefix("Convolution") || $0.name.hasPrefix("Fully Connected") } ?? false
    }
    #expect(convolutions.count == 5)
    for row in convolutions {
      #expect(row.match == .module || row.match == .handles)
      #expect(row.new?.items.contains { $0.module == row.base?.items[0].module } == true)
    }
    #expect(section.rows.contains { $0.classification == .added })
  }

  @Test func sameTraceHasNoChange() throws {
    for model in Self.models {
      let diff = try Self.diff("\(model)/xnnpack", "\(model)/xnnpack")
      #expect(diff.sections.allSatisfy { $0.totalClass == .unchanged })
      #expect(diff.sections.flatMap(\.rows).allSatisfy { $0.classification == .unchanged && $0.match == .instruction })
    }
  }

  @Test func methodsOfOneSideStandAlone() throws {
    func paths(_ name: String) -> InputPaths {
      InputPaths(
        traces: [Fixtures.path("models/multi_method/portable/\(name).etdp")],
        program: Fixtures.path("models/multi_method/portable/model.pte"))
    }
    let diff = try DiffRequest(base: paths("encode"), new: paths("decode"), conversion: TimeConversion())
      .compare(notes: MemorySink())
    let executions = diff.sections.filter { $0.name == "Execute" }
    #expect(Set(executions.map(\.method)) == ["encode", "decode"])
    #expect(Set(executions.map(\.totalClass)) == [.removed, .added])
  }

  @Test func prefillAndDecodeAreApart() throws {
    let diff = try Self.diff("llama/portable", "llama/xnnpack")
    let phases = diff.sections.filter { $0.name == "Execute" }.map(\.phase)
    #expect(Set(phases) == [.prefill, .decode])
    #expect(diff.sections.filter { $0.name == "Execute" }.allSatisfy { $0.total != nil })
  }

  /// A trace whose instructions moved: names in their order say what is what.
  @Test func followsShiftedInstructions() throws {
    var dump = try Fixtures.withBytes("models/pnet/portable/time.etdp") { try ETDump(reading: $0) }
    let base = try AlignedTrace(Trace(dump), record: nil, program: nil)
    for index in dump.events.indices where dump.events[index].instructionID >= 3 {
      dump.events[index].instructionID += 2
    }
    let new = try AlignedTrace(Trace(dump), record: nil, program: nil)
    let section = try Self.execution(TraceDiff(base: [base], new: [new]))
    #expect(section.rows.allSatisfy { $0.match == .instruction || $0.match == .order })
    #expect(section.rows.contains { $0.match == .order })
    #expect(section.rows.allSatisfy { $0.classification == .unchanged })
  }
}
