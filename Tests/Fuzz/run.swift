// modules: CZstd CClock Bytes Compression ETCore ETDumpFormat ETTracing ETFormats ETKernels ETRuntime
// seeds: operators .pte .bpte
// Programs, loaded and run: on small memory, few instructions, every input ones.
//
// Most edits make a program that no reader takes, so the mutator edits numbers until one is taken again: what is fuzzed is
// what lies behind the reader.
import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import ETKernels
import ETRuntime
import ETTracing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

nonisolated(unsafe) private var (runs, loadedRuns) = (0, 0)

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutablePointer<CInt>?, _: UnsafeMutableRawPointer?) -> CInt {
  atexit { print("Done: \(loadedRuns) of \(runs) inputs were loaded and run") }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let contents = FileContents(copying: UnsafeBufferPointer(start: start, count: count))
  runs += 1
  let bundled = try? BundledProgram(reading: contents)
  guard let program = try? bundled?.program ?? Program(reading: contents) else { return -1 }
  var isLoaded = false
  defer { if isLoaded { loadedRuns += 1 } }
  var options = Method.Options()
  options.memoryLimit = 64 << 20
  options.stepLimit = 256
  options.backends = ["XnnpackBackend": Zeros()]
  if let file = tensorFile(in: contents) { options.data = [file] }
  // Half of the inputs are recorded, with every value.
  if count % 2 == 0 {
    var configuration = EventTracer.Configuration()
    configuration.capacity = 4096
    configuration.debugLevel = .intermediates
    configuration.debugBuffer = .memory(capacity: 1 << 16)
    options.tracer = try? EventTracer(configuration)
  }
  for name in program.methodNames.prefix(4) {
    let method: Method
    do {
      method = try Method(program, name: name, options: options)
    } catch {
      _ = "\(error)"
      continue
    }
    isLoaded = true
    describe(method.plan)
    for turn in 0..<2 {
      let given = bundled?.suite(forMethod: name)?.cases
      for index in 0..<method.inputCount {
        if let bundled, let given, !given.isEmpty, index < given[turn % given.count].inputs.count {
          try? give(method, index, given[turn % given.count].inputs[index], of: bundled)
        } else {
          try? give(method, index)
        }
      }
      do {
        try method.execute()
      } catch {
        _ = "\(error)"
      }
      method.resetState()
    }
  }
  if let tracer = options.tracer { _ = try! tracer.etdump() }
  return 0
}

/// Asks for everything that a plan says about its instructions.
private func describe(_ plan: Program.ExecutionPlan) {
  for (chain, list) in plan.chains.enumerated() {
    for index in list.instructions.prefix(64).indices {
      let id = InstructionID(Int32(truncatingIfNeeded: index))
      _ = (plan.operatorName(at: id, chain: chain), plan.backendID(at: id, chain: chain))
      _ = (plan.delegate(at: id, chain: chain), plan.stacktrace(at: id, chain: chain))
      guard let instruction = plan.instruction(id, chain: chain) else { continue }
      _ = (plan.arguments(of: instruction), plan.tensorArguments(of: instruction))
    }
  }
}

/// A tensor file behind the program: it begins four bytes before its mark.
private func tensorFile(in contents: FileContents) -> FlatTensor? {
  let (bytes, mark) = (contents.bytes, Array("FT01".utf8))
  guard bytes.count >= 8 else { return nil }
  for place in 4..<bytes.count - 3 where bytes[place] == mark[0] && bytes[place..<place + 4].elementsEqual(mark) {
    let tail = UnsafeRawBufferPointer(rebasing: bytes[(place - 4)...])
    return try? FlatTensor(reading: FileContents(copying: tail.bindMemory(to: UInt8.self)))
  }
  return nil
}

/// A backend that computes nothing: it reads its data and writes zeros to every tensor that may be written.
private struct Zeros: Backend {
  func load(_ data: UnsafeRawBufferPointer, specs: [CompileSpec], context: BackendContext) throws -> any Delegate {
    _ = (data.reduce(0) { $0 &+ $1 }, context.data(named: "weight"))
    return Delegated()
  }

  final class Delegated: Delegate {
    func execute(_ call: KernelCall) throws {
      for position in 0..<call.count {
        guard let tensor = try? call.output(position) else { continue }
        tensor.data.initializeMemory(as: UInt8.self, repeating: 0, count: tensor.byteCount)
      }
    }
  }
}

private func give(_ method: Method, _ index: Int) throws {
  let input = method.input(index)
  guard let tensor = input.asTensor else { return try method.setInput(index, input) }
  let ones = [UInt8](repeating: 1, count: min(tensor.byteCount, 1 << 20))
  try ones.withUnsafeBytes {
    if index % 3 == 2 {
      let memory = UnsafeMutableRawBufferPointer(mutating: $0)
      try? method.bindInput(index, type: tensor.type, sizes: Array(tensor.sizes), memory: memory)
    }
    try method.setInput(index, type: tensor.type, sizes: Array(tensor.sizes), elements: $0)
  }
}

private func give(_ method: Method, _ index: Int, _ value: BundledProgram.Value, of bundled: BundledProgram) throws {
  switch value {
  case .int(let int): try method.setInput(index, .int(Int(int)))
  case .double(let double): try method.setInput(index, .double(double))
  case .bool(let bool): try method.setInput(index, .bool(bool))
  case .tensor(let tensor):
    try method.setInput(
      index, type: tensor.scalarType, sizes: tensor.sizes.map(Int.init), elements: bundled.bytes(tensor.data))
  }
}

private func loads(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
  let contents = FileContents(copying: UnsafeBufferPointer(start: bytes, count: count))
  return (try? BundledProgram(reading: contents)) != nil || (try? Program(reading: contents)) != nil
}

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ room: Int, _ seed: UInt32) -> Int {
  guard count >= 8 else { return count }
  var random = RandomStream(seed: UInt64(seed))
  let edits = 1 + Int(random.next() % 3)
  for _ in 0..<edits {
    for _ in 0..<12 {
      let width = [1, 2, 4, 8][Int(random.next() % 4)]
      let place = Int(random.next() % UInt64(count - 7))
      let old = UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self)
      let value: UInt64 =
        switch random.next() % 8 {
        case 0: 0
        case 1: .max
        case 2: old &+ 1
        case 3: old &- 1
        case 4: random.next() % 64
        case 5: 1 << (random.next() % 64)
        case 6: UInt64(bitPattern: -Int64(random.next() % 64))
        default: random.next()
        }
      withUnsafeBytes(of: value) {
        (bytes + place).update(from: $0.bindMemory(to: UInt8.self).baseAddress!, count: width)
      }
      if loads(bytes, count) { break }
      withUnsafeBytes(of: old) {
        (bytes + place).update(from: $0.bindMemory(to: UInt8.self).baseAddress!, count: width)
      }
    }
  }
  return count
}
