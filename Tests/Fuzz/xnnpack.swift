// modules: CZstd Bytes Compression ETCore ETDumpFormat Statistics ETFormats TraceModel
// seeds: .pte
// XNNPACK's payload: of a seed that is a program, the first payload inside; and the kernels that a payload predicts.
import Bytes
import ETFormats
import TraceModel

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  if let payload = try? XNNPACKPayload(reading: bytes) { predict(payload) }
  let contents = FileContents(copying: UnsafeBufferPointer(start: start, count: count))
  guard let program = try? Program.load(contents) else { return 0 }
  for payload in program.xnnpackPayloads().values {
    if case .success(let payload) = payload { predict(payload) }
  }
  return 0
}

/// Its own kernels, and a list that does not fit.
private func predict(_ payload: XNNPACKPayload) {
  let names = (XNNPACKKernels.predict(payload) ?? []).prefix(64).map { "\($0)" }
  _ = XNNPACKKernels.align(eventNames: names + ["Clamp (NC, F32) #1"], payload: payload, handles: nil, graph: nil)
}
