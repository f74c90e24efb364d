// Streams a trace until it is killed. A mapped file says at every moment how many events each thread has recorded:
// eight bytes a thread, written behind each event.
//
//     TracerStream JOURNAL PROGRESS
import ETCore
import ETTracing
import Foundation

let arguments = CommandLine.arguments
var configuration = EventTracer.Configuration()
configuration.storage = .journal(path: arguments[1])
configuration.debugLevel = .intermediates
// Large enough that no value is dropped: a dropped one is counted here and is not in the file.
configuration.debugBuffer = .file(path: arguments[1] + ".values", limit: 1 << 28)
let tracer = try EventTracer(configuration)

let descriptor = open(arguments[2], O_RDWR)
guard descriptor >= 0, let progress = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
  progress != MAP_FAILED
else { fatalError("no progress file") }
nonisolated(unsafe) let counters = progress.assumingMemoryBound(to: UInt64.self)

@Sendable func record(_ number: Int) {
  let thread = tracer.thread(named: "thread \(number)")
  let call = tracer.intern("OPERATOR_CALL")
  let source = ValueSource.named(call)
  let sizes = UnsafeMutableBufferPointer<Int>.allocate(capacity: 2)
  _ = sizes.initialize(from: [2, 3])
  let place = UnsafePointer(sizes.baseAddress!)
  let elements = [Float](repeating: 1, count: 6)
  var done: UInt64 = 0
  func finished() {
    done += 1
    counters[number] = done
  }
  while true {
    thread.beginBlock(tracer.intern("Execute"))
    for instruction in 0..<Int32(1000) {
      thread.enter(chain: 0, instruction: instruction)
      thread.event(call) {}
      finished()
      if instruction % 10 == 0 {
        thread.recordDelegate(
          tracer.delegate("kernel \(instruction)"), start: thread.now(), end: thread.now(),
          metadata: UnsafeRawBufferPointer(sizes))
        finished()
        elements.withUnsafeBytes { elements in
          thread.logTensor(
            LoggedTensor(
              data: elements.baseAddress, byteCount: 24, scalarType: .float, sizes: place, strides: place, rank: 2),
            from: source)
        }
        finished()
      }
    }
    // A name for each run: texts grow while events do. And a pause, so that minutes of this fit on a disk.
    thread.record(tracer.intern("run \(done)"), start: thread.now(), end: thread.now())
    finished()
    usleep(2000)
  }
}

let other = Thread { record(1) }
other.start()
record(0)
