import Bytes
import ETCore
import ETFormats
import TestSupport
import Testing

@Suite struct RealPrograms {
  @Test(arguments: Fixtures.files(endingIn: ".pte"))
  func haveTheOfficialLibrarysRecords(_ path: String) throws {
    let fault = try Fixtures.withBytes(path) { ReaderChecks.program($0) }
    #expect(fault == nil)
  }

  @Test(arguments: Fixtures.files(endingIn: ".bpte"))
  func inBundlesHaveTheOfficialLibrarysRecords(_ path: String) throws {
    let fault = try Fixtures.withBytes(path) { ReaderChecks.bundledProgram($0) }
    #expect(fault == nil)
  }

  @Test(arguments: Fixtures.files(endingIn: ".pte"))
  func haveReadableXNNPACKPayloads(_ path: String) throws {
    let program = try Program.load(Fixtures.contents(path))
    let payloads = program.xnnpackPayloads()
    #expect(payloads.isEmpty == !path.contains("xnnpack"))
    for (range, result) in payloads {
      let payload = try result.get()
      #expect(!payload.nodes.isEmpty)
      #expect(ReaderChecks.xnnpackPayload(program.bytes(range)) == nil)
      let unknown = payload.nodes.filter { !$0.kind.isKnown }.count
      #expect(unknown == 0)
      for case .named(let key) in payload.constants {
        #expect(program.data(named: payload.names[key]) != nil)
      }
    }
  }
}
