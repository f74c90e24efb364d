public import Bytes
import ETCore

extension ETDump {
  /// Reads an ETDump, with or without its size prefix, checking every field of the schema; or a journal as the ETDump that
  /// it becomes.
  ///
  /// - Throws: `ReadError` with the byte of the file. Nothing that the official verifier refuses is accepted.
  public init(reading bytes: UnsafeRawBufferPointer) throws(ReadError) {
    if Journal.recognises(bytes) {
      self = try Journal.read(bytes)
      container = Container(form: .journal)
      return
    }
    let whole = FlatBuffer(bytes)
    if whole.hasIdentifier("ED00", at: 8) {
      // Real prefixes count alignment from themselves. A prefix glued to a plain buffer shows as misaligned.
      let size = Int(bytes.loadUnaligned(as: UInt32.self).littleEndian)
      guard size <= bytes.count - 4 else {
        throw ReadError(
          .truncated, at: bytes.count,
          "truncated: the size prefix announces \(size) bytes, \(bytes.count - 4) follow it")
      }
      let framed = UnsafeRawBufferPointer(rebasing: bytes[..<(4 + size)])
      do throws(ReadError) {
        self = try ETDumpReader.read(FlatBuffer(framed), rootAt: 4)
        container = Container(form: .sizePrefixed, trailingBytes: bytes.count - framed.count)
        return
      } catch {
        guard error.code == .misaligned else { throw error }
        let plain = FlatBuffer(UnsafeRawBufferPointer(rebasing: framed[4...]), origin: 4)
        guard let dump = try? ETDumpReader.read(plain, rootAt: 0) else { throw error }
        self = dump
        container = Container(form: .prefixedPlain, trailingBytes: bytes.count - framed.count)
      }
    } else if whole.hasIdentifier("ED00", at: 4) {
      self = try ETDumpReader.read(whole, rootAt: 0)
      container = Container(form: .plain, trailingBytes: 0)
    } else {
      throw Self.notAnETDump(bytes)
    }
  }

  private static func notAnETDump(_ bytes: UnsafeRawBufferPointer) -> ReadError {
    if bytes.isEmpty {
      return ReadError(
        .truncated, at: 0,
        "empty: nothing was recorded. Build the runtime with the event tracer (ET_EVENT_TRACER_ENABLED), give the "
          + "module an ETDumpGen, and write its data after the runs")
    }
    if bytes.count < 12 {
      return ReadError(.truncated, at: bytes.count, "truncated: an ETDump has at least 12 bytes")
    }
    let others: [(place: Int, identifier: StaticString, name: String)] = [
      (4, "ET12", "a program (.pte)"), (4, "BP08", "a bundled program (.bpte)"), (4, "FT01", "a tensor file (.ptd)"),
      (0, "PK\u{3}\u{4}", "a zip archive (an ETRecord?)"),
    ]
    let other = others.first { FlatBuffer(bytes).hasIdentifier($0.identifier, at: $0.place) }
    return ReadError(
      .notThisFormat, at: 4,
      "not an ETDump: " + (other.map { "this is \($0.name)" } ?? "the identifier is not ED00"))
  }
}

/// Copies an ETDump out of its bytes, checking each field as it goes.
///
/// What is copied is paid for from a budget of as many bytes as the file has: a table costs 8, itself and the offset
/// that leads to it, a string or a vector what it takes in the file. A file in which nothing is shared can always pay,
/// and names may be shared at will. Tables and vectors that overlap, as no writer makes them, end in an error of code
/// `.limit` and not in memory: no record takes more than eight times what was paid for it.
private struct ETDumpReader {
  var dump = ETDump()
  private let buffer: FlatBuffer
  private var budget: Int
  /// The names met last, by position, so that names that are shared in the file are looked up once.
  private var recentNames = [Recent](repeating: Recent(), count: 4096)
  /// The same for names too long to be compared each time they are met, all of them.
  private var longNames: [Int: Int32] = [:]
  private var recentDimensions = [Recent](repeating: Recent(), count: 256)

  private struct Recent {
    var position: Int32 = -1
    var value: Int32 = -1
  }

  private init(_ buffer: FlatBuffer) {
    self.buffer = buffer
    budget = buffer.count + 4096
  }

  static func read(_ buffer: FlatBuffer, rootAt start: Int) throws(ReadError) -> ETDump {
    let root = try buffer.root(at: start)
    var reader = ETDumpReader(buffer)
    try reader.readRoot(root)
    return reader.dump
  }

  private mutating func readRoot(_ root: FlatTable) throws(ReadError) {
    try pay(root)
    dump.version = try root.integer(0, default: 0)
    guard let runs = try root.tables(1) else { return }
    // Reserved once, for all runs: arrays that grew to each run's size would be copied for each run.
    let most = budget / 8
    var announced = 0
    for index in 0..<runs.count where announced < most {
      announced += try runs.table(index).tables(3)?.count ?? 0
    }
    dump.events.reserveCapacity(min(announced, most))
    let size = dump.events.capacity * MemoryLayout<ETDump.Event>.stride
    dump.events.withUnsafeBufferPointer {
      LargePages.prefer(UnsafeRawBufferPointer(start: $0.baseAddress, count: size))
    }
    dump.runs.reserveCapacity(min(runs.count, most))
    for index in 0..<runs.count { try readRun(try runs.table(index)) }
  }

  private mutating func readRun(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    var run = ETDump.RunData(name: try name(table, 0), events: nil)
    run.bundledInputIndex = try table.integer(1, default: -1)
    if let allocators = try table.tables(2) {
      for index in 0..<allocators.count {
        let allocator = try allocators.table(index)
        try pay(allocator)
        run.allocators.append(try name(allocator, 0))
      }
    }
    if let events = try table.tables(3) {
      let first = dump.events.count
      for index in 0..<events.count { try readEvent(try events.table(index)) }
      run.events = first..<dump.events.count
    }
    dump.runs.append(run)
  }

  @inline(__always)
  private mutating func readEvent(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    // The schema says that exactly one is set. Readers take the first; all are checked.
    let profile = try table.table(0)
    let allocation = try table.table(1)
    let debug = try table.table(2)
    if let profile { try readProfileEvent(profile) }
    if let allocation { try readAllocationEvent(allocation) }
    if let debug { try readDebugEvent(debug) }
    let read = (profile != nil ? 1 : 0) + (allocation != nil ? 1 : 0) + (debug != nil ? 1 : 0)
    if read == 0 { dump.events.append(ETDump.Event(kind: .empty)) }
    if read > 1 { throw table.error(.malformed, "an event is of \(read) kinds at once") }
  }

  @inline(__always)
  private mutating func readProfileEvent(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    var event = ETDump.Event(kind: .profile)
    event.name = try name(table, 0)
    event.chainIndex = try table.integer(1, default: 0)
    event.instructionID = try table.integer(2, default: -1)
    event.delegateDebugIDInt = try table.integer(3, default: -1)
    event.delegateDebugIDString = try name(table, 4)
    if let bytes = try table.bytes(5) {
      try pay(bytes.count, at: bytes.position)
      event.payload = Int32(truncatingIfNeeded: dump.metadataRanges.count)
      let first = dump.metadata.count
      dump.metadata.append(contentsOf: bytes.bytes)
      dump.metadataRanges.append(first..<dump.metadata.count)
    }
    event.start = try table.integer(6, default: 0)
    event.end = try table.integer(7, default: 0)
    dump.events.append(event)
  }

  private mutating func readAllocationEvent(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    var event = ETDump.Event(kind: .allocation)
    event.payload = try table.integer(0, default: 0)
    event.start = try table.integer(1, default: 0)
    dump.events.append(event)
  }

  private mutating func readDebugEvent(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    var event = ETDump.Event(kind: .debug)
    event.start = try table.integer(0, default: 0)
    event.chainIndex = Int32(truncatingIfNeeded: event.start)
    event.instructionID = try table.integer(1, default: -1)
    if let value = try table.table(2) {
      event.payload = Int32(truncatingIfNeeded: dump.debugValues.count)
      dump.debugValues.append(try readValue(value))
    }
    event.delegateDebugIDInt = try table.integer(3, default: -1)
    event.delegateDebugIDString = try name(table, 4)
    event.name = try name(table, 5)
    dump.events.append(event)
  }

  private mutating func readValue(_ table: FlatTable) throws(ReadError) -> ETDump.DebugValue {
    try pay(table)
    let number: Int8 = try table.integer(0, default: 0)
    guard let kind = ETDump.DebugValue.Kind(rawValue: number) else {
      throw table.error(.malformed, "a value is of the unknown kind \(number)")
    }
    var value = ETDump.DebugValue(kind: kind)
    if let tensor = try table.table(1) {
      value.tensor = dump.tensors.count
      try readTensor(tensor)
    }
    if let list = try table.table(2) {
      try pay(list)
      let first = dump.tensors.count
      if let tensors = try list.tables(0) {
        // A list longer than all before it would be copied on its way there.
        if tensors.count > first { dump.tensors.reserveCapacity(first + min(tensors.count, budget / 8)) }
        for index in 0..<tensors.count { try readTensor(try tensors.table(index)) }
      }
      value.tensorList = first..<dump.tensors.count
    }
    if let box = try boxed(table, 3) { value.int = try box.integer(0, default: 0) }
    if let box = try boxed(table, 4) { value.float = try box.float(0) }
    if let box = try boxed(table, 5) { value.double = try box.double(0) }
    if let box = try boxed(table, 6) { value.bool = try box.bool(0) }
    if let box = try boxed(table, 7) { value.isOutput = try box.bool(0) }
    return value
  }

  private mutating func boxed(_ table: FlatTable, _ slot: Int) throws(ReadError) -> FlatTable? {
    guard let box = try table.table(slot) else { return nil }
    try pay(box)
    return box
  }

  private mutating func readTensor(_ table: FlatTable) throws(ReadError) {
    try pay(table)
    let type: Int8 = try table.integer(0, default: 0)
    let sizes = try dimensions(table, 1)
    let strides = try dimensions(table, 2)
    dump.tensors.append(
      ETDump.Tensor(
        scalarType: ScalarType(rawValue: type), sizes: sizes, strides: strides,
        offset: try table.integer(3, default: 0)))
  }

  private mutating func dimensions(_ table: FlatTable, _ slot: Int) throws(ReadError) -> Range<Int>? {
    guard let values = try table.integers(slot, as: Int64.self) else { return nil }
    let place = values.position >> 2 & 255
    if Int(recentDimensions[place].position) == values.position {
      let first = Int(recentDimensions[place].value)
      return first..<first + values.count
    }
    try pay(values.count * 8, at: values.position)
    let first = dump.dimensions.count
    dump.dimensions.append(contentsOf: values)
    recentDimensions[place] = Recent(
      position: Int32(truncatingIfNeeded: values.position), value: Int32(truncatingIfNeeded: first))
    return first..<dump.dimensions.count
  }

  @inline(__always)
  private mutating func name(_ table: FlatTable, _ slot: Int) throws(ReadError) -> Int32 {
    guard let string = try table.string(slot) else { return ETDump.Event.none }
    let place = string.position >> 2 & 4095
    if Int(recentNames[place].position) == string.position { return recentNames[place].value }
    let id = try intern(string)
    recentNames[place] = Recent(position: Int32(truncatingIfNeeded: string.position), value: id)
    return id
  }

  @inline(never)
  private mutating func intern(_ string: FlatBytes) throws(ReadError) -> Int32 {
    let isLong = string.count > 256
    if isLong {
      if let known = longNames[string.position] { return known }
      try pay(string.count, at: string.position)
    }
    let known = dump.names.count
    let id = dump.names.intern(string.bytes)
    // A name takes its count, its bytes, its end and an offset to it.
    if Int(id) == known { try pay(9 + (isLong ? 0 : string.count), at: string.position) }
    if isLong { longNames[string.position] = id }
    return id
  }

  @inline(__always)
  private mutating func pay(_ table: FlatTable) throws(ReadError) { try pay(8, at: table.position) }

  @inline(__always)
  private mutating func pay(_ bytes: Int, at position: Int) throws(ReadError) {
    budget &-= bytes
    if budget < 0 { throw overspent(position) }
  }

  @inline(never)
  private func overspent(_ position: Int) -> ReadError {
    buffer.error(.limit, at: position, "more records than a file of this size can hold: its tables or vectors overlap")
  }
}
