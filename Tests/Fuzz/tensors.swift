// modules: ETCore Bytes TensorFiles
// Tensor files of every kind: what is read is written and read back; and inputs as users write them.
import Bytes
import TensorFiles

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let contents = FileContents(copying: UnsafeBufferPointer(start: start, count: count))
  for kind in TensorFile.allCases {
    guard let tensors = try? kind.read(contents) else { continue }
    let sink = MemorySink()
    guard (try? kind.write(tensors, to: sink)) != nil else { continue }
    let back = try! kind.read(FileContents(copying: sink.bytes))
    precondition(back.count == tensors.count)
    for (a, b) in zip(back, tensors) where kind != .safetensors || a.name == b.name {
      precondition(a.tensor.dtype == b.tensor.dtype && a.tensor.sizes == b.tensor.sizes)
      precondition(TensorMismatch(of: a.tensor, expected: b.tensor, tolerance: .exact, equalNaN: true) == nil)
    }
  }
  if count < 100 { _ = try? InputSpec(String(decoding: contents.bytes, as: UTF8.self)) }
  return 0
}
