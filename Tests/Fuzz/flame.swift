// modules: CZstd CSQLite CZlib CFlatBuffers CClock Bytes Compression ETCore ETDumpFormat Statistics ETTracing ETFormats TensorFiles ETKernels ETRuntime TraceModel Analysis Presentation TraceExport Commands
// seeds: .etdp
// Whatever the ETDump reader takes makes a page, alone and beside another trace, and has an answer to what changed.
import Bytes
import Commands
import TraceModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private final class Nowhere: ByteSink {
  func write(_ bytes: UnsafeRawBufferPointer) {}
}

private let folder = "/tmp/fuzz-flame-\(getpid())"
private let isReady = {
  atexit {
    for name in ["trace.etdp", "other.etdp"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }
  return mkdir(folder, 0o700) == 0
}()

private func write(_ bytes: UnsafeRawBufferPointer, to path: String) {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  _ = Glibc.write(file, bytes.baseAddress, bytes.count)
  close(file)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard isReady else { fatalError("no folder for the traces") }
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  // The trace, and the same with one byte changed: two sides that are alike.
  let (trace, other) = ("\(folder)/trace.etdp", "\(folder)/other.etdp")
  write(bytes, to: trace)
  var copy = Array(bytes)
  if count > 64 { copy[count / 2] ^= 4 }
  copy.withUnsafeBytes { write($0, to: other) }
  let conversion = try! TimeConversion()
  var request = FlameRequest(paths: InputPaths(traces: [trace]), conversion: conversion, output: "-")
  guard (try? request.run(out: Nowhere(), notes: Nowhere())) != nil else { return -1 }
  request.base = InputPaths(traces: [other, trace])
  _ = try? request.run(out: Nowhere(), notes: Nowhere())
  return 0
}
