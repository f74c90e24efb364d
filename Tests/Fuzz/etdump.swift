// modules: Bytes ETCore ETDumpFormat CFlatBuffers
// sources: Tests/Support/Oracle.swift Tests/Support/RecordText.swift Tests/Support/ETDump+RecordText.swift
// sources: Tests/Support/ETDumpCheck.swift
// seeds: .etdp
// The ETDump reader: it refuses the bytes, or reads what the official library reads; and what it read can be written
// and read again.
import Bytes
import CFlatBuffers
import ETDumpFormat

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  switch ETDumpCheck.outcome(of: bytes) {
  case .refused: break
  case .differs(let what): fatalError(what)
  case .equal(let dump):
    guard let written = try? dump.encoded() else { fatalError("cannot be written") }
    written.withUnsafeBytes { bytes in
      guard Oracle.accepts(bytes, as: CFB_ETDUMP_SIZE_PREFIXED) else {
        fatalError("the verifier refuses what was written")
      }
      guard let again = try? ETDump(reading: bytes) else { fatalError("cannot be read again") }
      if let what = Oracle.firstDifference(again.recordText, dump.recordText) { fatalError(what) }
    }
  }
  return 0
}
