package import Bytes
import ETCore

/// What a tracer left behind, in memory or in a journal: records of several threads, and what is needed to make an
/// ETDump of them.
package struct TraceRecording {
  /// One moment on the tracer's clock and on the system clock.
  package struct Anchor: Sendable {
    package var counter: UInt64
    package var nanoseconds: UInt64

    package init(counter: UInt64, nanoseconds: UInt64) {
      self.counter = counter
      self.nanoseconds = nanoseconds
    }
  }

  /// Records one behind the other. Borrowed.
  package struct Piece {
    package var bytes: UnsafeRawBufferPointer
    /// Where they begin in their file.
    package var offset: Int

    package init(bytes: UnsafeRawBufferPointer, offset: Int) {
      self.bytes = bytes
      self.offset = offset
    }
  }

  package struct Thread {
    package var name: String
    package var pieces: [Piece] = []
    package var droppedEvents: UInt64 = 0
    package var droppedValues: UInt64 = 0
    package var unsupported: UInt64 = 0

    package init(name: String) { self.name = name }
  }

  /// What became of it.
  package struct Report: Sendable {
    package var events = 0
    package var droppedEvents = 0
    package var droppedValues = 0
    package var unsupported = 0
    package var threads = 0
    package var usesCounter = false
    package var ticksPerSecond = 1e9
    package var drift = 0.0
  }

  package var usesCounter: Bool
  package var ticksPerSecond: Double
  package var begun: Anchor
  package var ended: Anchor?
  package var names = NamePool()
  /// The names of a journal by their number: as many as the pool has where no two are equal.
  package var nameIDs: [Int32]?
  /// `key=value`
  package var metadata: [String] = []
  package var threads: [Thread] = []

  package init(usesCounter: Bool, ticksPerSecond: Double, begun: Anchor) {
    self.usesCounter = usesCounter
    self.ticksPerSecond = ticksPerSecond
    self.begun = begun
  }

  /// Makes an ETDump: the runs of the first thread in their order, then those of the others, then `ettools.meta`.
  ///
  /// - Throws: `ReadError` with the byte of the file where a record contradicts the format.
  package func etdump() throws(ReadError) -> (dump: ETDump, report: Report) {
    var assembler = TraceAssembler(self)
    try assembler.assemble()
    return (assembler.dump, assembler.report)
  }

  /// Takes the texts of a journal.
  mutating func readTexts(_ piece: Piece) throws(ReadError) {
    var cursor = RecordCursor(piece)
    while let (record, extra, offset) = try cursor.next() {
      switch record.kind {
      case .name:
        var ids = nameIDs ?? []
        nameIDs = nil
        guard Int(record.name) == ids.count else {
          throw ReadError(.malformed, at: offset, "name \(record.name) out of its order")
        }
        ids.append(names.intern(extra))
        nameIDs = ids
      case .metadata: metadata.append(String(decoding: extra, as: UTF8.self))
      case .thread:
        guard Int(record.number) == threads.count else {
          throw ReadError(.malformed, at: offset, "thread \(record.number) out of its order")
        }
        threads.append(Thread(name: String(decoding: extra, as: UTF8.self)))
      default: throw ReadError(.malformed, at: offset, "a \(record.kind) record among texts")
      }
    }
  }
}

/// Reads the records of a piece, each checked for its form.
struct RecordCursor {
  struct Record {
    let kind: TraceRecord.Kind
    let flags: TraceRecord.Flags
    let name: Int32
    let chain: Int32
    let instruction: Int32
    let number: Int32
    let start: UInt64
    let end: UInt64
  }

  private let piece: TraceRecording.Piece
  private var place = 0

  init(_ piece: TraceRecording.Piece) { self.piece = piece }

  /// The next record, what is behind it, and its byte in the file; nil at the end.
  @inline(__always)
  mutating func next() throws(ReadError) -> (record: Record, extra: UnsafeRawBufferPointer, offset: Int)? {
    let left = piece.bytes.count - place
    guard left >= TraceRecord.size, let base = piece.bytes.baseAddress else { return nil }
    let raw = (base + place).loadUnaligned(as: TraceRecord.self)
    let tag = UInt32(littleEndian: raw.tag)
    if tag == 0 { return nil }
    let offset = piece.offset + place
    guard tag & 0xFFFF_0000 == TraceRecord.mark, let kind = TraceRecord.Kind(rawValue: UInt8(truncatingIfNeeded: tag))
    else { throw ReadError(.malformed, at: offset, "not a record of a journal") }
    let count = Int(UInt32(littleEndian: raw.extra))
    let size = count == 0 ? TraceRecord.size : TraceRecord.places(extra: count) * TraceRecord.size
    // A file that was cut in the middle of a record ends before it.
    guard size <= left else { return nil }
    place += size
    let record = Record(
      kind: kind, flags: TraceRecord.Flags(rawValue: UInt8(truncatingIfNeeded: tag >> 8)), name: raw.name,
      chain: raw.chain, instruction: raw.instruction, number: raw.number, start: raw.start, end: raw.end)
    return (record, UnsafeRawBufferPointer(start: base + (place - size) + TraceRecord.size, count: count), offset)
  }
}

/// The tracer's ticks as nanoseconds: one straight line, so that order and nesting stay.
struct ClockLine {
  private let begun: TraceRecording.Anchor
  /// Nanoseconds a tick, times 2^40; nil where ticks are nanoseconds.
  private let factor: UInt64?
  let ticksPerSecond: Double

  /// Through both ends where they are a millisecond apart or more, else at the rate that was measured at first.
  init(_ recording: TraceRecording, ended: TraceRecording.Anchor) {
    begun = recording.begun
    guard recording.usesCounter else {
      (factor, ticksPerSecond) = (nil, 1e9)
      return
    }
    var rate = recording.ticksPerSecond
    if ended.counter > begun.counter, ended.nanoseconds > begun.nanoseconds,
      ended.nanoseconds - begun.nanoseconds >= 1_000_000
    {
      let measured = Double(ended.counter - begun.counter) / Double(ended.nanoseconds - begun.nanoseconds) * 1e9
      // An anchor that is out of all proportion is damaged.
      if measured >= 1, measured <= 1e12 { rate = measured }
    }
    ticksPerSecond = rate
    // 1e9 · 2^40 / 1 is the largest, and below 2^70: at least 1e3 ticks a second are needed to fit.
    factor = UInt64(min(1e9 / rate * 0x1p40, 0x1p62))
  }

  @inline(__always)
  func nanoseconds(_ ticks: UInt64) -> UInt64 {
    guard let factor else { return ticks }
    if ticks >= begun.counter {
      let (sum, overflow) = begun.nanoseconds.addingReportingOverflow(Self.scaled(ticks - begun.counter, factor))
      return overflow ? .max : sum
    }
    let (difference, overflow) = begun.nanoseconds.subtractingReportingOverflow(
      Self.scaled(begun.counter - ticks, factor))
    return overflow ? 0 : difference
  }

  @inline(__always)
  private static func scaled(_ ticks: UInt64, _ factor: UInt64) -> UInt64 {
    let product = ticks.multipliedFullWidth(by: factor)
    return product.high >> 40 != 0 ? .max : product.high << 24 | product.low >> 40
  }

  /// How far an anchor is from the line, in nanoseconds.
  func distance(_ anchor: TraceRecording.Anchor) -> Double {
    guard factor != nil else { return 0 }
    let (line, system) = (nanoseconds(anchor.counter), anchor.nanoseconds)
    return Double(line > system ? line - system : system - line)
  }
}

/// Makes an ETDump of records.
private struct TraceAssembler {
  private let recording: TraceRecording
  private let line: ClockLine
  private let nameCount: Int
  var dump = ETDump()
  var report = TraceRecording.Report()
  /// Lines of the metadata run that belong to runs and values.
  private var details: [String] = []
  private var allocators: [Int32: Int32] = [:]
  /// Every run names all of them.
  private static let mostAllocators = 4096
  /// The runs that name allocators.
  private var runsWithAllocators: [Int] = []

  init(_ recording: TraceRecording) {
    self.recording = recording
    line = ClockLine(recording, ended: recording.ended ?? Self.lastAnchor(recording))
    nameCount = recording.names.count
    dump.names = recording.names
    report.usesCounter = recording.usesCounter
    report.ticksPerSecond = line.ticksPerSecond
    report.threads = recording.threads.count
  }

  /// Of a journal: the anchor that was read last.
  private static func lastAnchor(_ recording: TraceRecording) -> TraceRecording.Anchor {
    var last = recording.begun
    for thread in recording.threads {
      for piece in thread.pieces {
        var cursor = RecordCursor(piece)
        while let (record, _, _) = try? cursor.next() {
          guard record.kind == .block || record.kind == .anchor, record.end > last.nanoseconds else { continue }
          last = TraceRecording.Anchor(counter: record.start, nanoseconds: record.end)
        }
      }
    }
    return last
  }

  mutating func assemble() throws(ReadError) {
    var most = 0
    for thread in recording.threads {
      for piece in thread.pieces { most += piece.bytes.count / TraceRecord.size }
    }
    dump.events.reserveCapacity(most)
    let size = dump.events.capacity * MemoryLayout<ETDump.Event>.stride
    dump.events.withUnsafeBufferPointer {
      LargePages.prefer(UnsafeRawBufferPointer(start: $0.baseAddress, count: size))
    }
    for (number, thread) in recording.threads.enumerated() {
      let first = dump.runs.count
      try read(thread, number: number)
      if number > 0 {
        for run in first..<dump.runs.count { details.append("run.\(run).thread=\(number)") }
      }
      report.droppedEvents = Self.sum(report.droppedEvents, thread.droppedEvents)
      report.droppedValues = Self.sum(report.droppedValues, thread.droppedValues)
      report.unsupported = Self.sum(report.unsupported, thread.unsupported)
    }
    let names = (1..<Int32(allocators.count + 1)).map { allocators[$0] ?? ETDump.Event.none }
    for run in runsWithAllocators { dump.runs[run].allocators = names }
    report.events = dump.events.count
    describe()
  }

  private static func sum(_ a: Int, _ b: UInt64) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(Int(clamping: b))
    return overflow ? .max : sum
  }

  private mutating func read(_ thread: TraceRecording.Thread, number: Int) throws(ReadError) {
    var isInRun = false
    for piece in thread.pieces {
      var cursor = RecordCursor(piece)
      while let (record, extra, offset) = try cursor.next() {
        if isInRun && record.kind == .profile {
          addProfile(record, extra)
          continue
        }
        switch record.kind {
        case .block:
          endRun(isInRun)
          beginRun(name(record.name), bundledInputIndex: record.number)
          isInRun = true
          report.drift = max(report.drift, line.distance(.init(counter: record.start, nanoseconds: record.end)))
          continue
        case .anchor:
          report.drift = max(report.drift, line.distance(.init(counter: record.start, nanoseconds: record.end)))
          continue
        case .name, .metadata, .thread: throw ReadError(.malformed, at: offset, "a text among a thread's records")
        default: break
        }
        if !isInRun {
          beginRun(dump.names.intern(number == 0 ? "Default" : thread.name))
          isInRun = true
        }
        switch record.kind {
        case .profile, .delegate: addProfile(record, extra)
        case .allocation: addAllocation(record)
        case .allocator:
          allocators[record.number] = name(record.name)
          guard allocators.count <= Self.mostAllocators else {
            throw ReadError(.limit, at: offset, "more than \(Self.mostAllocators) allocators")
          }
          needsAllocators()
        case .value: try addValue(record, extra, at: offset)
        default: break
        }
      }
    }
    endRun(isInRun)
  }

  private mutating func beginRun(_ name: Int32, bundledInputIndex: Int32 = -1) {
    dump.runs.append(
      ETDump.RunData(
        name: name, bundledInputIndex: bundledInputIndex, events: dump.events.count..<dump.events.count))
  }

  private mutating func endRun(_ isInRun: Bool) {
    guard isInRun, let first = dump.runs.last?.events?.lowerBound else { return }
    dump.runs[dump.runs.count - 1].events = first..<dump.events.count
  }

  @inline(__always)
  private func name(_ number: Int32) -> Int32 {
    let index = Int(number)
    guard index >= 0 else { return ETDump.Event.none }
    // A name can be missing where a disk was full.
    guard let ids = recording.nameIDs else { return index < nameCount ? number : ETDump.Event.none }
    return index < ids.count ? ids[index] : ETDump.Event.none
  }

  @inline(__always)
  private mutating func addProfile(_ record: RecordCursor.Record, _ extra: UnsafeRawBufferPointer) {
    var event = ETDump.Event(kind: .profile)
    event.chainIndex = record.chain
    event.instructionID = record.instruction
    if record.kind == .delegate {
      event.delegateDebugIDInt = record.number
      event.delegateDebugIDString = name(record.name)
      event.payload = Int32(truncatingIfNeeded: dump.metadataRanges.count)
      let first = dump.metadata.count
      dump.metadata.append(contentsOf: extra)
      dump.metadataRanges.append(first..<dump.metadata.count)
    } else {
      event.name = name(record.name)
    }
    let isForeign = record.flags.contains(.nanoseconds)
    event.start = isForeign ? record.start : line.nanoseconds(record.start)
    event.end = isForeign ? record.end : line.nanoseconds(record.end)
    dump.events.append(event)
  }

  private mutating func addAllocation(_ record: RecordCursor.Record) {
    var event = ETDump.Event(kind: .allocation)
    event.payload = record.number
    event.start = record.start
    dump.events.append(event)
    needsAllocators()
  }

  private mutating func needsAllocators() {
    if runsWithAllocators.last != dump.runs.count - 1 { runsWithAllocators.append(dump.runs.count - 1) }
  }

  // MARK: Values

  private mutating func addValue(
    _ record: RecordCursor.Record, _ extra: UnsafeRawBufferPointer, at offset: Int
  ) throws(ReadError) {
    guard let kind = TraceRecord.ValueKind(rawValue: UInt8(truncatingIfNeeded: record.end)) else {
      throw ReadError(.malformed, at: offset + 32, "a value of the unknown kind \(record.end)")
    }
    let isOutput = record.flags.contains(.output)
    var value: ETDump.DebugValue
    switch kind {
    case .int:
      value = ETDump.DebugValue(kind: .int)
      value.int = Int64(bitPattern: record.start)
    case .bool:
      value = ETDump.DebugValue(kind: .bool)
      value.bool = record.start & 1 == 1
    case .double:
      value = ETDump.DebugValue(kind: .double)
      value.double = Double(bitPattern: record.start)
    case .tensor, .tensorList:
      value = ETDump.DebugValue(kind: kind == .tensor ? .tensor : .tensorList)
      let first = dump.tensors.count
      var rest = extra[...]
      while !rest.isEmpty { try addTensor(&rest, at: offset) }
      if kind == .tensor {
        guard dump.tensors.count == first + 1 else {
          throw ReadError(.malformed, at: offset, "\(dump.tensors.count - first) tensors where one belongs")
        }
        value.tensor = first
      } else {
        value.tensorList = first..<dump.tensors.count
      }
      // The official runtime marks tensors and lists of them, and nothing else.
      if isOutput { value.isOutput = true }
    case .none, .string, .intList, .boolList, .doubleList, .optionalTensorList:
      value = ETDump.DebugValue(kind: .null)
      let run = dump.runs.count - 1
      let number = dump.events.count - (dump.runs[run].events?.lowerBound ?? 0)
      let content = try Self.content(kind, extra, at: offset)
      details.append("value.\(run).\(number)\(isOutput ? ".output" : "")=\(content)")
    }
    var event = ETDump.Event(kind: .debug)
    event.chainIndex = record.chain
    event.start = UInt64(bitPattern: Int64(record.chain))
    event.instructionID = record.instruction
    event.delegateDebugIDInt = record.number
    event.delegateDebugIDString = name(record.name)
    event.payload = Int32(truncatingIfNeeded: dump.debugValues.count)
    dump.debugValues.append(value)
    dump.events.append(event)
  }

  /// Offset, type, rank, sizes, strides of the tensor that `rest` begins with; the rank is −1 where it is absent.
  private static func tensor(
    _ rest: inout Slice<UnsafeRawBufferPointer>, at offset: Int
  ) throws(ReadError) -> (place: Int64, type: ScalarType, dimensions: [Int64])? {
    let raw = UnsafeRawBufferPointer(rebasing: rest)
    guard raw.count >= 16 else { throw ReadError(.malformed, at: offset, "a tensor of \(raw.count) bytes") }
    let place = Int64(littleEndian: raw.loadUnaligned(as: Int64.self))
    let type = Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    let rank = Int(Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 12, as: Int32.self)))
    if rank == -1 {
      rest = rest.dropFirst(16)
      return nil
    }
    guard rank >= 0, rank <= (raw.count - 16) / 16 else {
      throw ReadError(.malformed, at: offset, "a tensor of rank \(rank) in \(raw.count) bytes")
    }
    let dimensions = (0..<2 * rank).map {
      Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 16 + 8 * $0, as: Int64.self))
    }
    rest = rest.dropFirst(16 + 16 * rank)
    return (place, ScalarType(rawValue: Int8(truncatingIfNeeded: type)), dimensions)
  }

  private mutating func addTensor(
    _ rest: inout Slice<UnsafeRawBufferPointer>, at offset: Int
  ) throws(ReadError) {
    guard let (place, type, dimensions) = try Self.tensor(&rest, at: offset) else {
      throw ReadError(.malformed, at: offset, "an absent tensor among others")
    }
    let (first, rank) = (dump.dimensions.count, dimensions.count / 2)
    dump.dimensions += dimensions
    dump.tensors.append(
      ETDump.Tensor(
        scalarType: type, sizes: first..<first + rank, strides: first + rank..<first + 2 * rank, offset: place))
  }

  /// A value that an ETDump has no place for, as text.
  private static func content(
    _ kind: TraceRecord.ValueKind, _ extra: UnsafeRawBufferPointer, at offset: Int
  ) throws(ReadError) -> String {
    func list<T>(_ type: String, _ size: Int, _ element: (Int) -> T) -> String {
      var text = type + " ["
      for index in 0..<extra.count / size {
        if index > 0 { text += ", " }
        text += "\(element(index * size))"
      }
      return text + "]"
    }
    switch kind {
    case .string: return "string " + String(decoding: extra, as: UTF8.self)
    case .intList:
      return list("int", 8) { Int64(littleEndian: extra.loadUnaligned(fromByteOffset: $0, as: Int64.self)) }
    case .boolList: return list("bool", 1) { extra[$0] != 0 }
    case .doubleList:
      return list("double", 8) {
        Double(bitPattern: UInt64(littleEndian: extra.loadUnaligned(fromByteOffset: $0, as: UInt64.self)))
      }
    case .optionalTensorList:
      var (text, rest) = ("tensor? [", extra[...])
      while !rest.isEmpty {
        if rest.count < extra.count { text += ", " }
        guard let (place, type, dimensions) = try tensor(&rest, at: offset) else {
          text += "None"
          continue
        }
        let sizes = dimensions[..<(dimensions.count / 2)].map(String.init).joined(separator: ", ")
        text += "\(type)[\(sizes)]@\(place)"
      }
      return text + "]"
    default: return "None"
    }
  }

  // MARK: The metadata run

  private mutating func describe() {
    var lines = ["format=ettools/1", "clock=\(recording.usesCounter ? "counter" : "system")", "tick_ratio=1/1"]
    if recording.usesCounter {
      lines.append("counter_ticks_per_second=\(line.ticksPerSecond)")
      lines.append("counter_drift_ns=\(report.drift)")
    }
    for (number, thread) in recording.threads.enumerated() { lines.append("thread.\(number)=\(thread.name)") }
    for (key, count) in [
      ("dropped_events", report.droppedEvents), ("dropped_values", report.droppedValues),
      ("unsupported", report.unsupported),
    ] where count > 0 {
      lines.append("\(key)=\(count)")
    }
    lines += recording.metadata
    lines += details
    let allocators = lines.map { dump.names.intern($0) }
    dump.runs.append(
      ETDump.RunData(name: dump.names.intern("ettools.meta"), allocators: allocators, events: nil))
  }
}
