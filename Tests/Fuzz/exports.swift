// modules: CZstd CZlib CSQLite Bytes Compression ETCore ETDumpFormat Statistics ETFormats TraceModel Analysis Presentation TraceExport
// seeds: .etdp
// Whatever the ETDump reader takes: runs pooled, events nested, and written in every format, in time and in cycles.
import Bytes
import ETCore
import ETDumpFormat
import TraceExport
import TraceModel

private final class Nowhere: ByteSink {
  func write(_ bytes: UnsafeRawBufferPointer) {}
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let dump = try? ETDump(reading: UnsafeRawBufferPointer(start: start, count: count)) else { return -1 }
  guard let aligned = try? AlignedTrace(Trace(dump), record: nil, program: nil) else { return 0 }
  let scales: [(TimeScale, TimeScale)] = [(.ns, .ns), (.cycles, .cycles), (.s, .ns)]
  let (source, target) = scales[count % 3]
  let conversion = try! TimeConversion(from: source, to: target, tickRatio: (UInt64(count), 3))
  let trace = ExportedTrace(aligned, clock: ExportClock(conversion))
  for format in TraceFormat.allCases where !format.needsFile { try! format.write(trace, to: Nowhere()) }
  try! TraceDatabase(trace).write(to: ":memory:")
  return 0
}
