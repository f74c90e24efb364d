/// Builds a FlatBuffer, strictly aligned, from the back to the front as the format wants it: what is referred to
/// is written before what refers to it.
///
/// ```
/// var builder = FlatBuilder()
/// let name = builder.string("add")
/// builder.startTable(slots: 2)
/// builder.add(name, slot: 0)
/// builder.add(7 as Int32, slot: 1, default: -1)
/// let event = builder.endTable()
/// let bytes = builder.finish(event, identifier: "ED00", sizePrefixed: true)
/// ```
/// Equal vtables are stored once. A position is counted from the end of the buffer, which is what stays put.
public struct FlatBuilder {
  /// Something already written, named by its distance from the end of the buffer.
  public struct Reference: Sendable, Hashable {
    fileprivate let distance: Int
  }

  private var memory: UnsafeMutableRawBufferPointer
  private var used = 0
  private var fields: [(slot: Int, distance: Int)] = []
  private var slots = 0
  private var tableStart = 0
  private var largestAlignment = 4
  private var vtables: [[UInt16]: Int] = [:]

  public init(capacity: Int = 1 << 16) {
    memory = .allocate(byteCount: max(capacity, 64), alignment: 16)
  }

  /// Frees the memory of a builder that will not be finished.
  public func discard() { memory.deallocate() }

  // MARK: Leaves

  public mutating func string(_ text: String) -> Reference {
    var text = text
    return text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
  }

  public mutating func string(_ utf8: UnsafeRawBufferPointer) -> Reference {
    align(4, before: utf8.count + 1)
    push(0 as UInt8)
    return vectorEnd(bytes: utf8)
  }

  public mutating func bytes(_ bytes: UnsafeRawBufferPointer, alignment: Int = 4) -> Reference {
    align(max(4, alignment), before: bytes.count)
    return vectorEnd(bytes: bytes)
  }

  private mutating func vectorEnd(bytes: UnsafeRawBufferPointer) -> Reference {
    reserve(bytes.count)
    used += bytes.count
    if !bytes.isEmpty { (memory.baseAddress! + (memory.count - used)).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count) }
    push(UInt32(truncatingIfNeeded: bytes.count))
    return Reference(distance: used)
  }

  public mutating func integers<T: FixedWidthInteger>(_ values: some BidirectionalCollection<T>) -> Reference {
    let size = MemoryLayout<T>.size
    align(max(4, size), before: values.count * size)
    for value in values.reversed() { push(value) }
    push(UInt32(truncatingIfNeeded: values.count))
    return Reference(distance: used)
  }

  public mutating func references(_ values: [Reference]) -> Reference {
    align(4, before: values.count * 4)
    for value in values.reversed() { push(offset(to: value)) }
    push(UInt32(truncatingIfNeeded: values.count))
    return Reference(distance: used)
  }

  // MARK: Tables

  public mutating func startTable(slots: Int) {
    self.slots = slots
    fields.removeAll(keepingCapacity: true)
    tableStart = used
  }

  public mutating func add<T: FixedWidthInteger>(_ value: T, slot: Int, default standard: T) {
    guard value != standard else { return }
    align(MemoryLayout<T>.size, before: 0)
    push(value)
    fields.append((slot, used))
  }

  public mutating func add(_ value: Bool, slot: Int) { add(value ? 1 : 0 as UInt8, slot: slot, default: 0) }
  public mutating func add(_ value: Double, slot: Int) { add(value.bitPattern, slot: slot, default: 0) }
  public mutating func add(_ value: Float, slot: Int) { add(value.bitPattern, slot: slot, default: 0) }

  public mutating func add(_ reference: Reference?, slot: Int) {
    guard let reference else { return }
    align(4, before: 0)
    push(offset(to: reference))
    fields.append((slot, used))
  }

  public mutating func endTable() -> Reference {
    align(4, before: 0)
    push(0 as Int32)  // the way to the vtable, set below
    let table = used
    var vtable = [UInt16](repeating: 0, count: slots)
    for field in fields { vtable[field.slot] = UInt16(truncatingIfNeeded: table - field.distance) }
    while vtable.last == 0 { vtable.removeLast() }
    vtable.append(UInt16(truncatingIfNeeded: table - tableStart))
    let place: Int
    if let known = vtables[vtable] {
      place = known
    } else {
      for entry in vtable.dropLast().reversed() { push(entry) }
      push(vtable.last!)
      push(UInt16(truncatingIfNeeded: 4 + 2 * (vtable.count - 1)))
      place = used
      vtables[vtable] = place
    }
    // The vtable stands at table − value; both distances count from the end.
    (memory.baseAddress! + (memory.count - table)).storeBytes(
      of: Int32(truncatingIfNeeded: place - table).littleEndian, as: Int32.self)
    return Reference(distance: table)
  }

  /// The finished buffer. The builder may not be used afterwards.
  public mutating func finish(_ root: Reference, identifier: StaticString, sizePrefixed: Bool) -> [UInt8] {
    precondition(identifier.utf8CodeUnitCount == 4)
    align(largestAlignment, before: sizePrefixed ? 12 : 8)
    for index in (0..<4).reversed() { push(identifier.utf8Start[index]) }
    push(offset(to: root))
    if sizePrefixed { push(UInt32(truncatingIfNeeded: used)) }
    defer { memory.deallocate() }
    return [UInt8](UnsafeRawBufferPointer(rebasing: memory[(memory.count - used)...]))
  }

  // MARK: Memory

  /// Pads so that after `before` more bytes the position is a multiple of `alignment`.
  private mutating func align(_ alignment: Int, before: Int) {
    largestAlignment = max(largestAlignment, alignment)
    let padding = -(used + before) & (alignment - 1)
    reserve(padding)
    for _ in 0..<padding { push(0 as UInt8) }
  }

  private mutating func push<T: FixedWidthInteger>(_ value: T) {
    let size = MemoryLayout<T>.size
    reserve(size)
    used += size
    (memory.baseAddress! + (memory.count - used)).storeBytes(of: value.littleEndian, as: T.self)
  }

  private func offset(to reference: Reference) -> UInt32 {
    // The offset counts from where it stands, four bytes before the end of what is written next.
    UInt32(truncatingIfNeeded: used + 4 - reference.distance)
  }

  private mutating func reserve(_ size: Int) {
    guard memory.count - used < size else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(memory.count * 2, used + size), alignment: 16)
    (larger.baseAddress! + (larger.count - used)).copyMemory(from: memory.baseAddress! + (memory.count - used), byteCount: used)
    memory.deallocate()
    memory = larger
  }
}
