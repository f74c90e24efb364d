import Bytes
import CFlatBuffers
import ETDumpFormat
import TestSupport
import Testing

@Suite struct RealTraces {
  /// Nothing was recorded, or the generator gave up inside a record (it cannot log Half and BFloat16).
  static let unreadable = [
    "native/empty-no-bytes.etdp", "native/values-half.etdp", "models/half/portable/values.etdp",
    "models/bfloat16/portable/values.etdp",
  ]
  static let readable = Fixtures.traces.filter { !unreadable.contains($0) }

  @Test func areFound() {
    #expect(Self.readable.count >= 60)
  }

  @Test(arguments: readable)
  func haveTheRecordsThatTheOfficialLibraryReads(_ path: String) throws {
    switch try Fixtures.withBytes(path, ETDumpCheck.outcome) {
    case .equal: break
    case .refused(let error): Issue.record("\(path): \(error)")
    case .differs(let what): Issue.record("\(path): \(what)")
    }
  }

  @Test(arguments: readable)
  func readEqualAfterWriting(_ path: String) throws {
    let dump = try Fixtures.withBytes(path) { try ETDump(reading: $0) }
    let written = dump.encoded()
    try written.withUnsafeBytes { bytes in
      #expect(Oracle.accepts(bytes, as: CFB_ETDUMP_SIZE_PREFIXED))
      let again = try ETDump(reading: bytes)
      #expect(again.container.form == .sizePrefixed && again.container.trailingBytes == 0)
      #expect(Oracle.firstDifference(again.recordText, dump.recordText) == nil)
      #expect(again.encoded() == written)
    }
  }

  @Test(arguments: unreadable)
  func areRefusedWhereTheOfficialLibraryRefusesThem(_ path: String) throws {
    switch try Fixtures.withBytes(path, ETDumpCheck.outcome) {
    case .refused: break
    case .equal: Issue.record("\(path): read")
    case .differs(let what): Issue.record("\(path): \(what)")
    }
  }

  @Test func saysHowTracingIsSwitchedOnWhereNothingWasRecorded() throws {
    let error = #expect(throws: ReadError.self) {
      try Fixtures.withBytes("native/empty-no-bytes.etdp") { try ETDump(reading: $0) }
    }
    #expect(error?.code == .truncated)
    #expect(error?.description.contains("ET_EVENT_TRACER_ENABLED") == true)
  }
}
