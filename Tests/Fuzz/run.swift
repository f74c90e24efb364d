// modules: CZstd CClock Bytes Compression ETCore ETDumpFormat ETTracing ETFormats ETKernels ETRuntime
// seeds: operators .pte
// Programs, loaded and run: on small memory, few instructions, every input ones.
//
// Most edits make a program that no reader takes, so the mutator edits numbers until one is taken again: what is fuzzed is
// what lies behind the reader.
import Bytes
import ETCore
import ETFormats
import ETKernels
import ETRuntime

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
  guard let program = try? Program(reading: contents) else { return -1 }
  var isLoaded = false
  defer { if isLoaded { loadedRuns += 1 } }
  for name in program.methodNames.prefix(4) {
    var options = Method.Options()
    options.memoryLimit = 64 << 20
    options.stepLimit = 256
    guard let method = try? Method(program, name: name, options: options) else { continue }
    isLoaded = true
    for _ in 0..<2 {
      for index in 0..<method.inputCount { try? give(method, index) }
      try? method.execute()
      method.resetState()
    }
  }
  return 0
}

private func give(_ method: Method, _ index: Int) throws {
  let input = method.input(index)
  guard let tensor = input.asTensor else { return try method.setInput(index, input) }
  let ones = [UInt8](repeating: 1, count: min(tensor.byteCount, 1 << 20))
  try ones.withUnsafeBytes {
    try method.setInput(index, type: tensor.type, sizes: Array(tensor.sizes), elements: $0)
  }
}

private func loads(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
  let contents = FileContents(copying: UnsafeBufferPointer(start: bytes, count: count))
  return (try? Program(reading: contents)) != nil
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
      withUnsafeBytes(of: value) { (bytes + place).update(from: $0.bindMemory(to: UInt8.self).baseAddress!, count: width) }
      if loads(bytes, count) { break }
      withUnsafeBytes(of: old) { (bytes + place).update(from: $0.bindMemory(to: UInt8.self).baseAddress!, count: width) }
    }
  }
  return count
}
