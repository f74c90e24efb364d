import CFlatBuffers
import TestSupport
import Testing

@Suite struct OracleAnswers {
  @Test(arguments: Fixtures.files(endingIn: ".pte"))
  func acceptsEveryProgram(_ path: String) throws {
    let text = try Fixtures.withBytes(path) { Oracle.text($0, as: CFB_PROGRAM) }
    #expect(text?.starts(with: "Program version=0 execution_plan=".utf8) == true)
  }

  @Test(arguments: Fixtures.files(endingIn: ".bpte"))
  func acceptsEveryBundledProgram(_ path: String) throws {
    let text = try Fixtures.withBytes(path) { Oracle.text($0, as: CFB_BUNDLED_PROGRAM) }
    #expect(text?.starts(with: "BundledProgram version=2 method_test_suites=".utf8) == true)
  }

  @Test func refusesOneFormatAsAnother() throws {
    try Fixtures.withBytes("native/wrap32.etdp") { bytes in
      #expect(Oracle.accepts(bytes, as: CFB_ETDUMP_SIZE_PREFIXED))
      for format in [CFB_ETDUMP, CFB_PROGRAM, CFB_BUNDLED_PROGRAM, CFB_FLAT_TENSOR, CFB_XNNPACK] {
        #expect(!Oracle.accepts(bytes, as: format))
      }
    }
  }

  @Test func refusesNoBytes() {
    for format in [CFB_ETDUMP, CFB_ETDUMP_SIZE_PREFIXED, CFB_PROGRAM, CFB_BUNDLED_PROGRAM, CFB_FLAT_TENSOR, CFB_XNNPACK] {
      #expect(!Oracle.accepts(UnsafeRawBufferPointer(start: nil, count: 0), as: format))
      #expect(Oracle.text(UnsafeRawBufferPointer(start: nil, count: 0), as: format) == nil)
    }
  }

  @Test func writesTheDocumentedText() throws {
    let text = try #require(
      try Fixtures.withBytes("native/huge-ticks.etdp") { Oracle.text($0, as: CFB_ETDUMP_SIZE_PREFIXED) })
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    #expect(lines[0] == "ETDump version=0 run_data=1")
    #expect(lines[1].hasPrefix("RunData name=\"Execute\" bundled_input_index=-1 allocators=0 events="))
    #expect(lines[2] == "Event profile_event=+ allocation_event=- debug_event=-")
    #expect(lines[3].hasPrefix("ProfileEvent name=\""))
    #expect(lines[3].contains(" delegate_debug_id_str=- delegate_debug_metadata=- start_time="))
  }
}
