// modules: CZstd Bytes Compression
// seeds: .zst
// zstd streams: decompressed within the bound, or refused.
import Bytes
import Compression

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  let limit = 1 << 20
  if let contents = try? Zstandard.decompress(bytes, limit: limit) {
    precondition(contents.count <= limit)
    // Every byte is there to be read.
    withExtendedLifetime(contents) { _ = contents.bytes.reduce(0, &+) as UInt8 }
  }
  return 0
}
