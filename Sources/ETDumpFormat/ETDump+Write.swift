public import Bytes
import ETCore

extension ETDump {
  /// The bytes of an ETDump file: size-prefixed and strictly aligned, as the runtime writes it.
  ///
  /// Fields that the model has are written, those that it lacks are not: reading the result gives equal records.
  /// Each name is written once.
  ///
  /// - Throws: Where the file would be larger than the 2 GiB that its offsets can span.
  public func encoded() throws(WriteError) -> [UInt8] {
    let sink = MemorySink()
    try encode(to: sink)
    return sink.bytes
  }

  /// Writes the same bytes, a piece at a time.
  ///
  /// - Complexity: O(events). Takes a quarter of a megabyte, and four bytes a name.
  public func encode(to sink: some ByteSink) throws(WriteError) {
    var plan = WritePlan(self)
    try plan.lay()
    var writer = ETDumpWriter(dump: self, plan: plan, sink: sink)
    try writer.write()
  }
}

/// The tables of an ETDump: which fields each has, in which order they lie.
private enum TableForm: Int {
  case root, run, allocator, event, profile, allocation, debug, value, number64, number32, number8, tensor, tensorList

  /// Slot, bytes, and the bit of a field that not every table of its kind has. 64-bit fields come first.
  var fields: [(slot: Int, size: Int, bit: Int?)] {
    switch self {
    case .root: [(0, 4, nil), (1, 4, nil)]
    case .run: [(1, 4, nil), (0, 4, 1), (2, 4, 2), (3, 4, 4)]
    case .allocator: [(0, 4, 1)]
    case .event: [(0, 4, 1), (1, 4, 2), (2, 4, 4)]
    case .profile: [(6, 8, nil), (7, 8, nil), (1, 4, nil), (2, 4, nil), (0, 4, 1), (3, 4, 2), (4, 4, 4), (5, 4, 8)]
    case .allocation: [(1, 8, nil), (0, 4, nil)]
    case .debug: [(0, 8, nil), (1, 4, nil), (2, 4, 1), (3, 4, 2), (4, 4, 4), (5, 4, 8)]
    case .value: [(0, 4, nil)] + (0..<7).map { ($0 + 1, 4, 1 << $0) }
    case .number64: [(0, 8, nil)]
    case .number32, .number8: [(0, 4, nil)]
    case .tensor: [(3, 8, nil), (0, 4, nil), (1, 4, 1), (2, 4, 2)]
    case .tensorList: [(0, 4, nil)]
    }
  }

  static let count = 13
  /// Of a table's bits.
  static let combinations = 128
}

/// Which fields a table has of those that not every one has.
extension ETDump.Event {
  @inline(__always)
  fileprivate var profileBits: Int {
    (name != Self.none ? 1 : 0) | (delegateDebugIDInt != -1 ? 2 : 0) | (delegateDebugIDString != Self.none ? 4 : 0)
      | (payload != Self.none ? 8 : 0)
  }

  fileprivate var debugBits: Int {
    (payload != Self.none ? 1 : 0) | (delegateDebugIDInt != -1 ? 2 : 0) | (delegateDebugIDString != Self.none ? 4 : 0)
      | (name != Self.none ? 8 : 0)
  }
}

extension ETDump.DebugValue {
  fileprivate var bits: Int {
    (tensor != nil ? 1 : 0) | (tensorList != nil ? 2 : 0) | (int != nil ? 4 : 0) | (float != nil ? 8 : 0)
      | (double != nil ? 16 : 0) | (bool != nil ? 32 : 0) | (isOutput != nil ? 64 : 0)
  }
}

extension ETDump.RunData {
  fileprivate var bits: Int {
    (name != ETDump.Event.none ? 1 : 0) | (!allocators.isEmpty ? 2 : 0) | (events != nil ? 4 : 0)
  }
}

/// How large everything is, and so where it will stand, found before the first byte is written: an offset leads forward
/// only, to what comes later.
///
/// In the file stand its head, the vtables, the root, the runs (each with its allocators, its events and what belongs to
/// them), and at last the names. Every table, vector and string begins four bytes behind a multiple of eight and takes a
/// multiple of eight, so that 64-bit fields, which come first in a table, and elements, which follow a count, are
/// aligned.
private struct WritePlan {
  private let dump: ETDump
  /// Where each name stands; 0 for those that nothing uses.
  private(set) var names: [UInt32]
  /// Where the vtable of each form with its bits stands; 0 for those that nothing uses.
  private(set) var vtables = [Int32](repeating: 0, count: TableForm.count * TableForm.combinations)
  /// Bytes of each run.
  private(set) var runs: [Int] = []
  private(set) var total = 0

  static let head = 12
  static let root = 16

  init(_ dump: ETDump) {
    self.dump = dump
    names = Array(repeating: 0, count: dump.names.count)
  }

  static func padded(_ size: Int) -> Int { (size + 7) & ~7 }
  static func vector(_ count: Int, of size: Int) -> Int { padded(4 + count * size) }

  mutating func lay() throws(WriteError) {
    use(.root)
    for run in dump.runs { runs.append(measure(run)) }
    total = Self.head + layVTables() + Self.root + Self.vector(runs.count, of: 4) + runs.reduce(0, +)
    for index in names.indices where names[index] != 0 {
      names[index] = UInt32(truncatingIfNeeded: total)
      total += Self.padded(5 + dump.names.withBytes(of: Int32(truncatingIfNeeded: index)) { $0.count })
    }
    guard total < Int(Int32.max) else { throw WriteError.tooLargeForOffsets(total) }
  }

  // Looked at before it is set: of a million events, few bring something new.
  @inline(__always)
  private mutating func use(_ form: TableForm, _ bits: Int = 0) {
    let index = form.rawValue &* TableForm.combinations &+ bits
    if vtables[index] == 0 { vtables[index] = 1 }
  }

  @inline(__always)
  private mutating func use(name: Int32) {
    if name != ETDump.Event.none && names[Int(name)] == 0 { names[Int(name)] = 1 }
  }

  /// Gives the vtables that are used their places; the bytes they take.
  private mutating func layVTables() -> Int {
    var size = 0
    for index in vtables.indices where vtables[index] != 0 {
      vtables[index] = Int32(truncatingIfNeeded: Self.head + size)
      size += Self.entries(index).count * 2
    }
    return Self.padded(size)
  }

  /// A vtable: its size, the table's, and the place of each slot in the table.
  static func entries(_ index: Int) -> [UInt16] {
    guard let form = TableForm(rawValue: index / TableForm.combinations) else { return [] }
    var slots = [UInt16](repeating: 0, count: (form.fields.map(\.slot).max() ?? 0) + 1)
    var offset: UInt16 = 4
    for field in form.fields where field.bit.map({ index % TableForm.combinations & $0 != 0 }) ?? true {
      slots[field.slot] = offset
      offset += UInt16(field.size)
    }
    return [UInt16(4 + 2 * slots.count), offset] + slots
  }

  // MARK: Sizes

  private mutating func measure(_ run: ETDump.RunData) -> Int {
    use(.run, run.bits)
    use(name: run.name)
    var size = Self.run(run)
    if !run.allocators.isEmpty {
      size += Self.vector(run.allocators.count, of: 4) + 8 * run.allocators.count
      for name in run.allocators {
        use(name: name)
        use(.allocator, name != ETDump.Event.none ? 1 : 0)
      }
    }
    guard let events = run.events else { return size }
    size += Self.vector(events.count, of: 4)
    dump.events.withUnsafeBufferPointer { all in
      for index in events { size += measure(all[index]) }
    }
    return size
  }

  static func run(_ run: ETDump.RunData) -> Int { padded(8 + 4 * run.bits.nonzeroBitCount) }

  /// Bytes of an event, and that what it uses is used.
  @inline(__always)
  private mutating func measure(_ event: ETDump.Event) -> Int {
    switch event.kind {
    case .profile:
      use(.event, 1)
      use(.profile, event.profileBits)
      use(name: event.name)
      use(name: event.delegateDebugIDString)
    case .allocation:
      use(.event, 2)
      use(.allocation)
    case .debug:
      use(.event, 4)
      use(.debug, event.debugBits)
      use(name: event.name)
      use(name: event.delegateDebugIDString)
      if event.payload != ETDump.Event.none { use(dump.debugValues[Int(event.payload)]) }
    case .empty: use(.event)
    }
    return size(event)
  }

  private mutating func use(_ value: ETDump.DebugValue) {
    use(.value, value.bits)
    if let tensor = value.tensor { use(dump.tensors[tensor]) }
    if let list = value.tensorList {
      use(.tensorList)
      for tensor in list { use(dump.tensors[tensor]) }
    }
    if value.int != nil || value.double != nil { use(.number64) }
    if value.float != nil { use(.number32) }
    if value.bool != nil || value.isOutput != nil { use(.number8) }
  }

  private mutating func use(_ tensor: ETDump.Tensor) {
    use(.tensor, (tensor.sizes != nil ? 1 : 0) | (tensor.strides != nil ? 2 : 0))
  }

  @inline(__always)
  func size(_ event: ETDump.Event) -> Int {
    switch event.kind {
    case .profile:
      let table = 8 &+ Self.padded(28 &+ 4 &* event.profileBits.nonzeroBitCount)
      return event.payload == ETDump.Event.none
        ? table : table &+ Self.vector(dump.metadataRanges[Int(event.payload)].count, of: 1)
    case .allocation: return 24
    case .debug:
      let table = 8 + Self.padded(16 + 4 * event.debugBits.nonzeroBitCount)
      return event.payload == ETDump.Event.none ? table : table + size(dump.debugValues[Int(event.payload)])
    case .empty: return 8
    }
  }

  func size(_ value: ETDump.DebugValue) -> Int {
    var size = Self.value(value)
    if let tensor = value.tensor { size += self.size(dump.tensors[tensor]) }
    if let list = value.tensorList { size += self.size(list) }
    size += (value.int != nil ? 16 : 0) + (value.double != nil ? 16 : 0)
    return size + (value.float != nil ? 8 : 0) + (value.bool != nil ? 8 : 0) + (value.isOutput != nil ? 8 : 0)
  }

  static func value(_ value: ETDump.DebugValue) -> Int { padded(8 + 4 * value.bits.nonzeroBitCount) }

  func size(_ list: Range<Int>) -> Int {
    list.reduce(8 + Self.vector(list.count, of: 4)) { $0 + size(dump.tensors[$1]) }
  }

  func size(_ tensor: ETDump.Tensor) -> Int {
    let vectors = [tensor.sizes, tensor.strides].compactMap { $0 }
    return vectors.reduce(Self.padded(16 + 4 * vectors.count)) { $0 + Self.vector($1.count, of: 8) }
  }
}

/// Writes an ETDump from its front to its end as it was planned.
private struct ETDumpWriter<Sink: ByteSink>: ~Copyable {
  private let dump: ETDump
  private let plan: WritePlan
  private let sink: Sink
  private let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.capacity, alignment: 16)
  private var used = 0
  /// Bytes that the sink has.
  private var written = 0

  private static var capacity: Int { 1 << 20 }

  init(dump: ETDump, plan: WritePlan, sink: Sink) {
    self.dump = dump
    self.plan = plan
    self.sink = sink
  }

  deinit { memory.deallocate() }

  // MARK: Bytes

  /// Where in the file the next byte stands.
  private var position: Int { written &+ used }

  /// Makes room for so many bytes, less than the memory has.
  @inline(__always)
  private mutating func reserve(_ count: Int) throws(WriteError) {
    if used &+ count > Self.capacity { try flush() }
  }

  @inline(never)
  private mutating func flush() throws(WriteError) {
    try sink.write(UnsafeRawBufferPointer(start: memory, count: used))
    written += used
    used = 0
  }

  @inline(__always)
  private mutating func put<T: FixedWidthInteger>(_ value: T) {
    (memory + used).storeBytes(of: value.littleEndian, as: T.self)
    used &+= MemoryLayout<T>.size
  }

  /// Begins a table: reserves room for it, and says where its vtable is.
  @inline(__always)
  private mutating func begin(_ form: TableForm, _ bits: Int = 0) throws(WriteError) {
    try reserve(64)
    let vtable = plan.vtables[form.rawValue &* TableForm.combinations &+ bits]
    put(Int32(truncatingIfNeeded: position) &- vtable)
  }

  /// The way from here to something later.
  @inline(__always)
  private mutating func link(_ target: Int) { put(UInt32(truncatingIfNeeded: target &- position)) }

  @inline(__always)
  private mutating func link(name: Int32) {
    if name != ETDump.Event.none { link(Int(plan.names[Int(name)])) }
  }

  /// Ends a table or a vector: objects begin four bytes behind a multiple of eight.
  @inline(__always)
  private mutating func pad() {
    while position & 7 != 4 { put(0 as UInt8) }
  }

  private mutating func vector(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    try reserve(4)
    put(UInt32(truncatingIfNeeded: bytes.count))
    try append(bytes)
    try reserve(8)
    pad()
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      try reserve(1)
      let count = min(bytes.count - done, Self.capacity - used)
      (memory + used).copyMemory(from: base + done, byteCount: count)
      used += count
      done += count
    }
  }

  private mutating func vector(_ range: Range<Int>) throws(WriteError) {
    try reserve(8)
    put(UInt32(truncatingIfNeeded: range.count))
    for index in range {
      try reserve(16)
      put(dump.dimensions[index])
    }
    pad()
  }

  // MARK: The file

  mutating func write() throws(WriteError) {
    put(UInt32(truncatingIfNeeded: plan.total - 4))
    let vtables = plan.vtables.indices.filter { plan.vtables[$0] != 0 }
    let size = vtables.reduce(0) { $0 + 2 * WritePlan.entries($1).count }
    link(WritePlan.head + WritePlan.padded(size))
    for byte in "ED00".utf8 { put(byte) }
    for index in vtables {
      let entries = WritePlan.entries(index)
      try reserve(2 * entries.count + 8)
      for entry in entries { put(entry) }
    }
    pad()
    try begin(.root)
    put(dump.version)
    link(position + 8)
    pad()
    try references(plan.runs.count) { plan, _, index in plan.runs[index] }
    for run in dump.runs { try write(run) }
    for index in plan.names.indices where plan.names[index] != 0 {
      try write(name: Int32(truncatingIfNeeded: index))
    }
    try flush()
  }

  /// A vector of offsets to objects that follow it, one behind the other.
  @inline(__always)
  private mutating func references(
    _ count: Int, size: (borrowing WritePlan, borrowing ETDump, Int) -> Int
  ) throws(WriteError) {
    try reserve(8)
    var target = position &+ WritePlan.vector(count, of: 4)
    put(UInt32(truncatingIfNeeded: count))
    for index in 0..<count {
      try reserve(16)
      link(target)
      target &+= size(plan, dump, index)
    }
    pad()
  }

  private mutating func write(name: Int32) throws(WriteError) {
    let result: Result<Void, WriteError> = dump.names.withBytes(of: name) { bytes in
      do throws(WriteError) {
        try reserve(4)
        put(UInt32(truncatingIfNeeded: bytes.count))
        try append(bytes)
        try reserve(16)
        put(0 as UInt8)
        pad()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private mutating func write(_ run: ETDump.RunData) throws(WriteError) {
    var place = position + WritePlan.run(run)
    try begin(.run, run.bits)
    put(run.bundledInputIndex)
    link(name: run.name)
    if !run.allocators.isEmpty {
      link(place)
      place += WritePlan.vector(run.allocators.count, of: 4) + 8 * run.allocators.count
    }
    if run.events != nil { link(place) }
    pad()
    if !run.allocators.isEmpty {
      try references(run.allocators.count) { _, _, _ in 8 }
      for name in run.allocators {
        try begin(.allocator, name != ETDump.Event.none ? 1 : 0)
        link(name: name)
        pad()
      }
    }
    guard let events = run.events else { return }
    try references(events.count) { plan, dump, index in plan.size(dump.events[events.lowerBound &+ index]) }
    for index in events { try write(dump.events[index]) }
  }

  // MARK: Events

  @inline(__always)
  private mutating func write(_ event: ETDump.Event) throws(WriteError) {
    switch event.kind {
    case .profile: try writeProfile(event)
    case .allocation:
      try begin(.event, 2)
      put(4 as UInt32)
      try begin(.allocation)
      put(event.start)
      put(event.payload)
    case .debug:
      try begin(.event, 4)
      put(4 as UInt32)
      try writeDebug(event)
    case .empty:
      try begin(.event)
      pad()
    }
  }

  @inline(__always)
  private mutating func writeProfile(_ event: ETDump.Event) throws(WriteError) {
    let bits = event.profileBits
    try reserve(64)
    try begin(.event, 1)
    put(4 as UInt32)
    let metadata = position &+ WritePlan.padded(28 &+ 4 &* bits.nonzeroBitCount)
    try begin(.profile, bits)
    put(event.start)
    put(event.end)
    put(event.chainIndex)
    put(event.instructionID)
    link(name: event.name)
    if event.delegateDebugIDInt != -1 { put(event.delegateDebugIDInt) }
    link(name: event.delegateDebugIDString)
    guard event.payload != ETDump.Event.none else {
      pad()
      return
    }
    link(metadata)
    pad()
    try writeMetadata(event)
  }

  private mutating func writeMetadata(_ event: ETDump.Event) throws(WriteError) {
    let result: Result<Void, WriteError> = dump.metadata.withUnsafeBytes { bytes in
      do throws(WriteError) {
        let range = dump.metadataRanges[Int(event.payload)]
        return .success(try vector(UnsafeRawBufferPointer(rebasing: bytes[range])))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private mutating func writeDebug(_ event: ETDump.Event) throws(WriteError) {
    let value = position + WritePlan.padded(16 + 4 * event.debugBits.nonzeroBitCount)
    try begin(.debug, event.debugBits)
    put(event.start)
    put(event.instructionID)
    if event.payload != ETDump.Event.none { link(value) }
    if event.delegateDebugIDInt != -1 { put(event.delegateDebugIDInt) }
    link(name: event.delegateDebugIDString)
    link(name: event.name)
    pad()
    if event.payload != ETDump.Event.none { try write(dump.debugValues[Int(event.payload)]) }
  }

  // MARK: Values

  private mutating func write(_ value: ETDump.DebugValue) throws(WriteError) {
    var place = position + WritePlan.value(value)
    try begin(.value, value.bits)
    put(UInt32(UInt8(bitPattern: value.kind.rawValue)))
    if let tensor = value.tensor { link(&place, plan.size(dump.tensors[tensor])) }
    if let list = value.tensorList { link(&place, plan.size(list)) }
    if value.int != nil { link(&place, 16) }
    if value.float != nil { link(&place, 8) }
    if value.double != nil { link(&place, 16) }
    if value.bool != nil { link(&place, 8) }
    if value.isOutput != nil { link(&place, 8) }
    pad()
    if let tensor = value.tensor { try write(dump.tensors[tensor]) }
    if let list = value.tensorList {
      try begin(.tensorList)
      put(4 as UInt32)
      try references(list.count) { plan, dump, index in plan.size(dump.tensors[list.lowerBound + index]) }
      for tensor in list { try write(dump.tensors[tensor]) }
    }
    if let int = value.int { try number(.number64, int) }
    if let float = value.float { try number(.number32, float.bitPattern) }
    if let double = value.double { try number(.number64, double.bitPattern) }
    if let bool = value.bool { try number(.number8, bool ? 1 : 0 as UInt8) }
    if let output = value.isOutput { try number(.number8, output ? 1 : 0 as UInt8) }
  }

  private mutating func link(_ place: inout Int, _ size: Int) {
    link(place)
    place += size
  }

  private mutating func number(_ form: TableForm, _ number: some FixedWidthInteger) throws(WriteError) {
    try begin(form)
    put(number)
    pad()
  }

  private mutating func write(_ tensor: ETDump.Tensor) throws(WriteError) {
    let vectors = (tensor.sizes != nil ? 1 : 0) + (tensor.strides != nil ? 1 : 0)
    var place = position + WritePlan.padded(16 + 4 * vectors)
    try begin(.tensor, (tensor.sizes != nil ? 1 : 0) | (tensor.strides != nil ? 2 : 0))
    put(tensor.offset)
    put(Int32(tensor.scalarType.rawValue) & 255)
    if let sizes = tensor.sizes { link(&place, WritePlan.vector(sizes.count, of: 8)) }
    if let strides = tensor.strides { link(&place, WritePlan.vector(strides.count, of: 8)) }
    pad()
    if let sizes = tensor.sizes { try vector(sizes) }
    if let strides = tensor.strides { try vector(strides) }
  }
}
