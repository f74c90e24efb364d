// What an event costs: recorded, and made into a file.
import Bytes
import ETDumpFormat
import ETTracing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

final class Nothing: ByteSink {
  func write(_ bytes: UnsafeRawBufferPointer) {}
}

let count = 1_000_000
let folder = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "/tmp"

/// Nanoseconds of this thread's processor time, the system's work for it included.
func processor(_ body: () throws -> Void) rethrows -> Double {
  func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
  let start = now()
  try body()
  return now() - start
}

func bench(_ name: String, _ clock: EventTracer.Configuration.Clock, journal: Bool = false) throws {
  var configuration = EventTracer.Configuration()
  configuration.clock = clock
  configuration.capacity = count + 10
  if journal { configuration.storage = .journal(path: folder + "/bench.etjournal") }
  var (fastest, median): (Double, [Double]) = (.infinity, [])
  var (convert, encode, build) = (Double.infinity, Double.infinity, Double.infinity)
  for _ in 0..<7 {
    let tracer = try EventTracer(configuration)
    let (block, call) = (tracer.intern("Execute"), tracer.intern("OPERATOR_CALL"))
    let thread = tracer.thread()
    let system = ContinuousClock()
    thread.beginBlock(block)
    let took = system.measure {
      for index in 0..<Int32(count) {
        thread.enter(chain: 0, instruction: index & 1023)
        let start = thread.now()
        thread.record(call, start: start, end: thread.now())
      }
    }
    let each = took / .nanoseconds(count)
    fastest = min(fastest, each)
    median.append(each)
    var dump: ETDump?
    let converted = try processor { dump = try tracer.etdump() }
    let encoded = try processor { try dump?.encode(to: Nothing()) }
    convert = min(convert, converted / Double(count))
    encode = min(encode, encoded / Double(count))
    let wrote = try processor { try tracer.write(to: folder + "/bench.etdp") }
    build = min(build, wrote / Double(count))
  }
  median.sort()
  print(name, "record", fastest, "median", median[3], "convert", convert, "encode", encode, "write", build)
}

try bench("system", .system)
try bench("counter", .counter)
try bench("counter, journal", .counter, journal: true)
