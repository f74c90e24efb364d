import Bytes
import Testing

@Suite struct ReadErrorTests {
  @Test func saysWhatAndWhere() {
    #expect(ReadError(.malformed, at: 7, "odd").description == "odd (at byte 7)")
    #expect(ReadError(.malformed, at: nil, "odd").description == "odd")
    #expect(ReadError(.malformed, at: nil, in: "data.pkl", "odd").description == "odd (in data.pkl)")
    #expect(ReadError(.malformed, at: 7, in: "data.pkl", "odd").description == "odd (at byte 7 of data.pkl)")
  }

  @Test func isPlacedInEntriesFromTheInsideOut() {
    let error = ReadError(.checksum, at: 7, "odd").inside("data.pkl").inside("forward_state_dict")
    #expect(error.code == .checksum && error.offset == 7 && error.detail == "odd")
    #expect(error.entry == "forward_state_dict/data.pkl")
    #expect(error.description == "odd (at byte 7 of forward_state_dict/data.pkl)")
  }

  @Test func codesAreEqualByName() {
    #expect(ReadError.Code("truncated") == .truncated)
    #expect(ReadError.Code.truncated != .limit)
  }

  @Test func isOnePointerWide() {
    #expect(MemoryLayout<ReadError>.size == MemoryLayout<UnsafeRawPointer>.size)
  }
}
