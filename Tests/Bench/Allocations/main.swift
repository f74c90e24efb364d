// Prints how often 100 executions of a program ask the system for memory once they have settled, untraced and traced;
// 100; and how many instructions the program has. Only an optimised build tells: others allocate closures.
//
//     AllocationCount PROGRAM
import CAllocations
import ETFormats
import ETKernels
import ETRuntime
import ETTracing

let program = try Program.load(CommandLine.arguments[1])
let executions = 100

func count(_ tracer: EventTracer?) throws -> Int {
  var options = Method.Options()
  options.tracer = tracer
  let method = try Method(program, options: options)
  let zeros = [UInt8](repeating: 0, count: method.input(0).asTensor?.byteCount ?? 0)
  let (type, sizes) = (method.input(0).asTensor!.type, Array(method.input(0).asTensor!.sizes))
  func execute() throws {
    try zeros.withUnsafeBytes { try method.setInput(0, type: type, sizes: sizes, elements: $0) }
    try method.execute()
  }
  for _ in 0..<3 { try execute() }
  let before = callocations_count()
  for _ in 0..<executions { try execute() }
  return callocations_count() - before
}

let tracer = try EventTracer()
print(try count(nil), try count(tracer), executions, program.executionPlans[0].instructions.count)
