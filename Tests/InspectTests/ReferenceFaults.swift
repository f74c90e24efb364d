import Bytes
import Commands
import ETCore
import ETDumpFormat
import ETFormats
import Foundation
import TestSupport
import Testing
import TraceModel

/// Where the reference is wrong: its value and the right one, side by side.
@Suite struct ReferenceFaults {
  @Test func aDelegatesIDMatchesExactly() throws {
    // Two events of a backend, 1 and 21; the map knows both. The reference gives 21 the handles of whatever key is contained in it.
    var dump = ETDump()
    for identifier: Int32 in [1, 21] {
      var event = ETDump.Event(kind: .profile)
      event.instructionID = 0
      event.delegateDebugIDInt = identifier
      event.end = 5
      dump.events.append(event)
    }
    dump.runs.append(ETDump.RunData(name: dump.names.intern("Execute"), events: 0..<2))
    let record = try ETRecord(
      reading: FileContents(
        copying: StoredZip.bytes([
          ("ETRECORD_V0", []), ("debug_handle_map", Array(#"{"forward": {"0": [1, 2]}}"#.utf8)),
          ("delegate_map", Array(#"{"forward": {"0": {"name": "B", "delegate_map": {"21": [2], "1": [1]}}}}"#.utf8)),
        ])))
    let trace = Trace(dump)
    let right = try Alignment(trace, with: record, methods: ["forward"])
    let wrong = try Alignment(trace, with: record, methods: ["forward"], reference: true)
    #expect(right[0, 0].handles == .list([DebugHandle(1)]))
    #expect(right[0, 1].handles == .list([DebugHandle(2)]))
    #expect(wrong[0, 1].handles == .list([DebugHandle(1)]))
  }

  @Test func chainsAreToldApart() throws {
    let dump = try Fixtures.withBytes("native/chains.etdp") { try ETDump(reading: $0) }
    let right = Trace(dump).blocks.map(\.rows.count).reduce(0, +)
    let wrong = try Trace.asReference(dump, in: TimeConversion()).blocks.map(\.rows.count).reduce(0, +)
    #expect(right > wrong)
  }

  @Test func everyMethodIsAligned() throws {
    // The reference knows `forward` alone: it refuses this record.
    let golden = try #require(Golden.all.first { $0.folder == "models/multi_method/portable" })
    #expect(golden.cases.contains { $0.etrecord != nil && $0.error?.hasPrefix("KeyError: 'forward'") == true })
    let answer = try #require(golden.cases.first { $0.etrecord != nil && $0.trace.contains("encode") })
    let dump = try Fixtures.withBytes(answer.trace) { try ETDump(reading: $0) }
    let record = try ETRecord(reading: Fixtures.contents(answer.etrecord!))
    let aligned = try AlignedTrace(Trace(dump), record: record, program: nil, method: "encode")
    let block = try #require(aligned.trace.blocks.firstIndex { $0.name == "Execute" })
    #expect(aligned.trace.blocks[block].rows.indices.contains { !aligned.nodes(block: block, row: $0).isEmpty })
  }

  @Test(arguments: ["native/allocations.etdp", "native/backwards64.etdp"])
  func whatTheReferenceRefusesIsSaid(_ trace: String) throws {
    let dump = try Fixtures.withBytes(trace) { try ETDump(reading: $0) }
    #expect(throws: ReferenceRefusal.self) { try Trace.asReference(dump, in: TimeConversion()) }
    #expect(!Trace(dump).blocks.isEmpty)
  }

  @Test(arguments: [InspectRequest.Group.op, .backend, .module, .source])
  func groupsAddUpToMethodExecute(_ group: InspectRequest.Group) throws {
    let folder = Fixtures.root + "/models/llama/xnnpack/"
    func stored(_ name: String) -> String {
      FileManager.default.fileExists(atPath: folder + name) ? folder + name : folder + name + ".zst"
    }
    var request = InspectRequest(
      paths: InputPaths(traces: [stored("time.etdp")], record: stored("model.etrecord"), program: stored("model.pte")),
      conversion: try TimeConversion())
    request.group = group
    request.format = .json
    let out = MemorySink()
    #expect(try request.run(out: out, notes: MemorySink()) == .fine)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(out.bytes)) as? [String: Any])
    let dump = try Inputs.readTrace(stored("time.etdp"))
    let whole = dump.events.filter { dump.text($0.name) == "Method::execute" }.reduce(0) { $0 + ($1.end - $1.start) }
    #expect(report["total_ticks"] as? UInt64 == whole)
    #expect((report["rows"] as? [Any])?.isEmpty == false)
  }
}
