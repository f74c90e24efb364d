import Bytes
import Compression
import ETCore
import ETFormats
import Foundation
import Testing

@Suite struct ProgramTests {
  @Test func readsARealProgram() throws {
    let root = "/work/main/Fixtures/models"
    for case let file as String in FileManager.default.enumerator(atPath: root)! where file.contains("model.pte") || file.contains("model.bpte") {
      do {
        let start = ContinuousClock.now
        let program = try Program.load(root + "/" + file)
        let plan = program.executionPlans[0]
        print(file, program.contents.count, program.header!.programSize, program.header!.length, program.methodNames, "values", plan.values.count, "tensors", plan.tensors.count, "instr", plan.instructions.count, "ops", plan.operators.count, "del", plan.delegates.count, "seg", program.segments.count, "named", program.namedData.count, "const", program.constantSegment?.offsets.count ?? -1, "mut", program.mutableDataSegments.map { $0.offsets.count }, plan.nonConstBufferSizes, ContinuousClock.now - start)
      } catch { print(file, error) }
    }
  }
}
