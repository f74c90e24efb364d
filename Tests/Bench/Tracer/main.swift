// What an event costs: recorded, and made into a file; nanoseconds, the median and the fastest of seven times.
import ETDumpFormat
import ETTracing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

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
  if journal { configuration.storage = .journal(path: folder + "/bench.etj") }
  var (recorded, written): ([Double], [Double]) = ([], [])
  for _ in 0..<7 {
    let tracer = try EventTracer(configuration)
    let (block, call) = (tracer.intern("Execute"), tracer.intern("OPERATOR_CALL"))
    let thread = tracer.thread()
    thread.beginBlock(block)
    let took = ContinuousClock().measure {
      for index in 0..<Int32(count) {
        thread.enter(chain: 0, instruction: index & 1023)
        let start = thread.now()
        thread.record(call, start: start, end: thread.now())
      }
    }
    recorded.append(took / .nanoseconds(count))
    let wrote = try processor { try tracer.write(to: folder + "/bench.etdp") }
    written.append(wrote / Double(count))
  }
  recorded.sort()
  written.sort()
  let text = [recorded[3], recorded[0], written[3], written[0]].map { "\(($0 * 10).rounded() / 10)" }
  print(
    "  \(name): recorded in \(text[0]) ns (fastest \(text[1])), written in \(text[2]) (fastest \(text[3])),",
    "\(TraceRecord.size) B of memory")
}

print("an event of a million (asked: 60 ns with the system clock, 35 with the counter, 40 to write it, 64 B)")
try bench("system clock", .system)
try bench("counter", .counter)
try bench("counter, streamed to a file", .counter, journal: true)
