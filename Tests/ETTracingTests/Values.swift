import Bytes
import ETCore
import ETDumpFormat
import ETTracing
import Foundation
import TestSupport
import Testing

/// Values that operators produce, and the debug buffer.
@Suite struct Values {
  private func tracer(
    _ buffer: EventTracer.Configuration.DebugBuffer = .memory(capacity: 1 << 16), isCompatible: Bool = false
  ) throws -> (EventTracer, ThreadTracer, ValueSource) {
    var configuration = RecordedTraces.configuration()
    configuration.debugLevel = .intermediates
    configuration.debugBuffer = buffer
    configuration.isCompatibleWith15 = isCompatible
    let tracer = try EventTracer(configuration)
    let thread = tracer.thread()
    thread.beginBlock(tracer.intern("Execute"))
    thread.enter(chain: 0, instruction: 1)
    return (tracer, thread, .named(tracer.intern("native_call_add.out")))
  }

  private func log(
    _ thread: ThreadTracer, _ source: ValueSource, _ type: ScalarType, _ sizes: [Int], isOutput: Bool = false
  ) {
    withTensor(type, sizes) { thread.logTensor($0, from: source, isOutput: isOutput) }
  }

  private func withTensor(_ type: ScalarType, _ sizes: [Int], _ body: (LoggedTensor) -> Void) {
    let count = sizes.reduce(1, *) * (type.size ?? 1)
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) }
    var strides = [Int](repeating: 1, count: sizes.count)
    for index in sizes.indices.dropLast().reversed() { strides[index] = strides[index + 1] * sizes[index + 1] }
    bytes.withUnsafeBytes { bytes in
      sizes.withUnsafeBufferPointer { sizes in
        strides.withUnsafeBufferPointer { strides in
          body(
            LoggedTensor(
              data: bytes.baseAddress, byteCount: count, scalarType: type, sizes: sizes.baseAddress,
              strides: strides.baseAddress, rank: sizes.count))
        }
      }
    }
  }

  @Test func haveASlotWhereTheSchemaHasOne() throws {
    let (tracer, thread, source) = try tracer()
    log(thread, source, .float, [2, 3], isOutput: true)
    withTensor(.bfloat16, [4]) { a in
      withTensor(.long, []) { b in
        [a, b].withUnsafeBufferPointer { thread.logTensorList($0, from: source) }
      }
    }
    thread.logInt(-7, from: .delegate(tracer.delegate(2)))
    thread.logBool(true, from: .delegate(tracer.delegate("relu")))
    thread.logDouble(0.5, from: source)
    let dump = try RecordedTraces.written(tracer)
    let values = dump.debugValues
    #expect(values.map(\.kind) == [.tensor, .tensorList, .int, .bool, .double])
    #expect(values[0].isOutput == true && values[1].isOutput == nil)
    #expect(values[2].int == -7 && values[3].bool == true && values[4].double == 0.5)
    #expect(dump.tensors.map(\.offset) == [0, 64, 128])
    #expect(dump.tensors.map(\.scalarType) == [.float, .bfloat16, .long])
    #expect(dump.tensors[0].sizes.map { Array(dump.dimensions[$0]) } == [2, 3])
    #expect(dump.tensors[0].strides.map { Array(dump.dimensions[$0]) } == [3, 1])
    #expect(dump.tensors[2].sizes?.isEmpty == true)
    #expect(dump.events.allSatisfy { $0.kind == .debug && $0.chainIndex == 0 && $0.instructionID == 1 })
    #expect(dump.events[2].delegateDebugIDInt == 2)
    #expect(dump.text(dump.events[3].delegateDebugIDString) == "relu")
    let buffer = try #require(tracer.debugBufferBytes)
    #expect(Array(buffer[0..<24]) == Array(1...24) && Array(buffer[24..<64]) == Array(repeating: 0, count: 40))
    #expect(Array(buffer[64..<72]) == Array(1...8) && buffer.count == 192)
  }

  @Test func standInTheMetadataWhereItHasNone() throws {
    let (tracer, thread, source) = try tracer()
    thread.event(tracer.intern("native_call_split.out")) {}
    thread.logNull(from: source)
    [1, -2].withUnsafeBufferPointer { thread.logIntList($0, from: source, isOutput: true) }
    [true, false].withUnsafeBufferPointer { thread.logBoolList($0, from: source) }
    [0.5, .infinity].withUnsafeBufferPointer { thread.logDoubleList($0, from: source) }
    Array("mean".utf8).withUnsafeBytes { thread.logString($0, from: source) }
    withTensor(.float, [2, 2]) { tensor in
      [tensor, nil].withUnsafeBufferPointer { thread.logOptionalTensorList($0, from: source) }
    }
    let dump = try RecordedTraces.written(tracer)
    #expect(dump.debugValues.map(\.kind) == Array(repeating: .null, count: 6))
    let metadata = try RecordedTraces.metadata(dump).filter { $0.hasPrefix("value.") }
    #expect(
      metadata == [
        "value.0.1=None", "value.0.2.output=int [1, -2]", "value.0.3=bool [true, false]",
        "value.0.4=double [0.5, inf]", "value.0.5=string mean", "value.0.6=tensor? [float32[2, 2]@0, None]",
      ])
  }

  @Test func areDroppedWhereTheDebugBufferIsFull() throws {
    let (tracer, thread, source) = try tracer(.memory(capacity: 100))
    log(thread, source, .float, [16])
    log(thread, source, .float, [16])
    log(thread, source, .float, [0, 2])
    log(thread, source, .float, [9])
    let summary = try tracer.finish()
    #expect(summary.droppedValues == 1 && summary.recorded == 3 && summary.debugBufferBytes == 100)
    #expect(try RecordedTraces.written(tracer).tensors.map(\.offset) == [0, -1, 64])
  }

  @Test func goIntoAFileAsIntoMemory() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("values.bin")
    let (inFile, first, _) = try tracer(.file(path: path))
    let (inMemory, second, _) = try tracer()
    for (tracer, thread) in [(inFile, first), (inMemory, second)] {
      for size in [1, 7, 32] { log(thread, .named(tracer.intern("a")), .double, [size]) }
    }
    #expect(try RecordedTraces.written(inFile).tensors.map(\.offset) == [0, 64, 128])
    let memory = try #require(inMemory.debugBufferBytes)
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == Array(memory))
    try inMemory.writeDebugBuffer(to: folder.file("copy.bin"))
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: folder.file("copy.bin")))) == Array(memory))
  }

  @Test func areLeftOutAndCountedWhereTheReferenceRefusesThem() throws {
    let (tracer, thread, source) = try tracer(isCompatible: true)
    for type in (0..<30 as Range<Int8>) { log(thread, source, ScalarType(rawValue: type), [2]) }
    thread.logDouble(.nan, from: source)
    thread.logDouble(1, from: source)
    thread.logNull(from: source)
    thread.trackAllocation(thread.trackAllocator("arena"), bytes: 8)
    let dump = try RecordedTraces.written(tracer)
    #expect(Set(dump.tensors.map(\.scalarType.rawValue)) == [0, 1, 2, 3, 4, 5, 6, 7, 11, 22, 27])
    #expect(dump.events.count == 13)
    #expect(try tracer.finish().unsupported == 21)
    #expect(try RecordedTraces.metadata(dump).contains("unsupported=21"))
  }

  @Test func takeNoTimeOfTheOperator() throws {
    let (tracer, thread, source) = try tracer(.memory(capacity: 1 << 24))
    var took: [Duration] = []
    withTensor(.float, [1 << 14]) { tensor in
      for _ in 0..<10 {
        thread.event(tracer.intern("native_call_add.out")) {
          took.append(ContinuousClock().measure { for _ in 0..<20 { thread.logTensor(tensor, from: source) } })
        }
      }
    }
    let dump = try RecordedTraces.written(tracer)
    let events = dump.events.filter { $0.kind == .profile }
    #expect(zip(events, events.dropFirst()).allSatisfy { $0.start <= $0.end && $0.end <= $1.start })
    // What is left are the calls themselves: less than half of the time, but where other processes came between.
    let left = zip(events, took).map { Double($0.end - $0.start) / ($1 / .nanoseconds(1)) }
    #expect(left.contains { $0 < 0.5 })
  }
}
