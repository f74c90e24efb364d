// modules: CZstd Bytes Compression ETCore ETFormats
// seeds: .pte .bpte
// Programs and bundled programs, with the payloads of their delegates.
import Bytes
import ETFormats

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let contents = FileContents(copying: UnsafeBufferPointer(start: start, count: count))
  guard let program = try? Program.load(contents) else { return 0 }
  _ = program.xnnpackPayloads()
  return 0
}
