// modules: Bytes
// seeds: .etrecord
// Zip archives: the directory, and every entry that can be read.
import Bytes

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let contents = FileContents(copying: UnsafeBufferPointer(start: start, count: count))
  guard let archive = try? ZipArchive(reading: contents) else { return 0 }
  for entry in archive.entries.prefix(1000) {
    guard let bytes = try? archive.bytes(of: entry, verifyingChecksum: false) else { continue }
    precondition(bytes.count == entry.size)
    withExtendedLifetime(contents) { _ = bytes.reduce(0, &+) as UInt8 }
  }
  return 0
}
