public import Bytes
import ETCore

extension ETDump {
  /// The bytes of an ETDump file: size-prefixed and strictly aligned, as the runtime writes it.
  ///
  /// Fields that the model has are written, those that it lacks are not: reading the result gives equal records.
  /// Names are written once for each run that uses them.
  ///
  /// - Throws: Where the file would be larger than the 2 GiB that its offsets can span.
  public func encoded() throws(WriteError) -> [UInt8] {
    let builder = try build()
    return [UInt8](builder.bytes)
  }

  /// Writes the same bytes without a copy of them.
  public func encode(to sink: some ByteSink) throws(WriteError) {
    let builder = try build()
    try sink.write(builder.bytes)
  }

  private func build() throws(WriteError) -> FlatBuilder {
    var builder = FlatBuilder(capacity: 256 + events.count * 48 + metadata.count + dimensions.count * 8)
    var writer = ETDumpWriter(dump: self, builder: &builder)
    var runData: [FlatBuilder.Reference] = []
    for index in runs.indices { runData.append(writer.write(index, to: &builder)) }
    let vector = builder.references(runData)
    builder.startTable(slots: 2)
    builder.add(version, slot: 0, default: 0)
    builder.add(vector, slot: 1)
    let root = builder.endTable()
    try builder.close(root, identifier: "ED00", sizePrefixed: true)
    return builder
  }
}

private struct ETDumpWriter {
  let dump: ETDump
  /// Where each name was written last, and for which run.
  private var names: [(reference: FlatBuilder.Reference?, run: Int)]
  private var run = 0
  private var references: [FlatBuilder.Reference] = []

  private var shapes: (event: FlatBuilder.Shape, profiles: [FlatBuilder.Shape?])

  init(dump: ETDump, builder: inout FlatBuilder) {
    self.dump = dump
    shapes = (builder.shape([4], size: 8), Array(repeating: nil, count: 16))
    names = Array(repeating: (nil, -1), count: dump.names.count)
  }

  mutating func write(_ index: Int, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    run = index
    let run = dump.runs[index]
    var events: FlatBuilder.Reference?
    if let range = run.events {
      references.removeAll(keepingCapacity: true)
      references.reserveCapacity(range.count)
      for index in range { references.append(write(dump.events[index], to: &builder)) }
      events = builder.references(references)
    }
    var allocators: FlatBuilder.Reference?
    if !run.allocators.isEmpty {
      references.removeAll(keepingCapacity: true)
      for id in run.allocators {
        let name = self.name(id, in: &builder)
        builder.startTable(slots: 1)
        builder.add(name, slot: 0)
        references.append(builder.endTable())
      }
      allocators = builder.references(references)
    }
    let name = self.name(run.name, in: &builder)
    builder.startTable(slots: 4)
    builder.add(name, slot: 0)
    builder.add(run.bundledInputIndex, slot: 1, default: -1)
    builder.add(allocators, slot: 2)
    builder.add(events, slot: 3)
    return builder.endTable()
  }

  private mutating func write(_ event: ETDump.Event, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    var body: FlatBuilder.Reference?
    switch event.kind {
    case .profile: return writeProfile(event, to: &builder)
    case .allocation:
      builder.startTable(slots: 2)
      builder.add(event.start, slot: 1, default: 0)
      builder.add(event.payload, slot: 0, default: 0)
      body = builder.endTable()
    case .debug: body = writeDebug(event, to: &builder)
    case .empty: break
    }
    builder.startTable(slots: 3)
    builder.add(body, slot: event.kind == .allocation ? 1 : 2)
    return builder.endTable()
  }

  /// The fields that not every profile event has, in the order in which they follow those that each has.
  private struct ProfileFields: OptionSet {
    let rawValue: Int
    static let name = ProfileFields(rawValue: 1), delegateID = ProfileFields(rawValue: 2)
    static let delegateName = ProfileFields(rawValue: 4), metadata = ProfileFields(rawValue: 8)
  }

  /// A profile event and the event that leads to it, each in one piece: nearly all of a trace is these.
  @inline(__always)
  private mutating func writeProfile(_ event: ETDump.Event, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let name = self.name(event.name, in: &builder)
    let delegateName = self.name(event.delegateDebugIDString, in: &builder)
    let metadata = dump.metadata(of: event).map { slice in slice.withUnsafeBytes { builder.bytes($0) } }
    var fields: ProfileFields = []
    if name != nil { fields.insert(.name) }
    if event.delegateDebugIDInt != -1 { fields.insert(.delegateID) }
    if delegateName != nil { fields.insert(.delegateName) }
    if metadata != nil { fields.insert(.metadata) }
    let (profile, place) = builder.table(shape(fields, in: &builder))
    profile.storeBytes(of: event.start.littleEndian, toByteOffset: 4, as: UInt64.self)
    profile.storeBytes(of: event.end.littleEndian, toByteOffset: 12, as: UInt64.self)
    profile.storeBytes(of: event.chainIndex.littleEndian, toByteOffset: 20, as: Int32.self)
    profile.storeBytes(of: event.instructionID.littleEndian, toByteOffset: 24, as: Int32.self)
    var offset = 28
    func store(_ value: UInt32) {
      profile.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
      offset &+= 4
    }
    if let name { store(FlatBuilder.link(place, offset, to: name)) }
    if event.delegateDebugIDInt != -1 { store(UInt32(bitPattern: event.delegateDebugIDInt).littleEndian) }
    if let delegateName { store(FlatBuilder.link(place, offset, to: delegateName)) }
    if let metadata { store(FlatBuilder.link(place, offset, to: metadata)) }
    let (outer, reference) = builder.table(shapes.event)
    outer.storeBytes(of: FlatBuilder.link(reference, 4, to: place), toByteOffset: 4, as: UInt32.self)
    return reference
  }

  @inline(__always)
  private mutating func shape(_ fields: ProfileFields, in builder: inout FlatBuilder) -> FlatBuilder.Shape {
    shapes.profiles[fields.rawValue] ?? makeShape(fields, in: &builder)
  }

  @inline(never)
  private mutating func makeShape(_ fields: ProfileFields, in builder: inout FlatBuilder) -> FlatBuilder.Shape {
    var (offsets, size) = ([0, 20, 24, 0, 0, 0, 4, 12], 28)
    for (field, slot) in [(ProfileFields.name, 0), (.delegateID, 3), (.delegateName, 4), (.metadata, 5)]
    where fields.contains(field) {
      offsets[slot] = size
      size += 4
    }
    let shape = builder.shape(offsets, size: size)
    shapes.profiles[fields.rawValue] = shape
    return shape
  }

  private mutating func writeDebug(_ event: ETDump.Event, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let name = self.name(event.name, in: &builder)
    let delegateName = self.name(event.delegateDebugIDString, in: &builder)
    let value = event.payload == ETDump.Event.none ? nil : write(dump.debugValues[Int(event.payload)], to: &builder)
    builder.startTable(slots: 6)
    builder.add(event.start, slot: 0, default: 0)
    builder.add(event.instructionID, slot: 1, default: -1)
    builder.add(value, slot: 2)
    builder.add(event.delegateDebugIDInt, slot: 3, default: -1)
    builder.add(delegateName, slot: 4)
    builder.add(name, slot: 5)
    return builder.endTable()
  }

  private func write(_ value: ETDump.DebugValue, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let tensor = value.tensor.map { write(dump.tensors[$0], to: &builder) }
    var list: FlatBuilder.Reference?
    if let range = value.tensorList {
      var tensors: [FlatBuilder.Reference] = []
      for index in range { tensors.append(write(dump.tensors[index], to: &builder)) }
      let vector = builder.references(tensors)
      list = box(&builder) { $0.add(vector, slot: 0) }
    }
    let int = value.int.map { number in box(&builder) { $0.add(number, slot: 0, default: 0) } }
    let float = value.float.map { number in box(&builder) { $0.add(number, slot: 0) } }
    let double = value.double.map { number in box(&builder) { $0.add(number, slot: 0) } }
    let bool = value.bool.map { flag in box(&builder) { $0.add(flag, slot: 0) } }
    let output = value.isOutput.map { flag in box(&builder) { $0.add(flag, slot: 0) } }
    builder.startTable(slots: 8)
    builder.add(tensor, slot: 1)
    builder.add(list, slot: 2)
    builder.add(int, slot: 3)
    builder.add(float, slot: 4)
    builder.add(double, slot: 5)
    builder.add(bool, slot: 6)
    builder.add(output, slot: 7)
    builder.add(value.kind.rawValue, slot: 0, default: 0)
    return builder.endTable()
  }

  private func box(_ builder: inout FlatBuilder, _ fill: (inout FlatBuilder) -> Void) -> FlatBuilder.Reference {
    builder.startTable(slots: 1)
    fill(&builder)
    return builder.endTable()
  }

  private func write(_ tensor: ETDump.Tensor, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let sizes = tensor.sizes.map { builder.integers(dump.dimensions[$0]) }
    let strides = tensor.strides.map { builder.integers(dump.dimensions[$0]) }
    builder.startTable(slots: 4)
    builder.add(tensor.offset, slot: 3, default: 0)
    builder.add(sizes, slot: 1)
    builder.add(strides, slot: 2)
    builder.add(tensor.scalarType.rawValue, slot: 0, default: 0)
    return builder.endTable()
  }

  private mutating func name(_ id: Int32, in builder: inout FlatBuilder) -> FlatBuilder.Reference? {
    guard id != ETDump.Event.none else { return nil }
    let known = names[Int(id)]
    if known.run == run { return known.reference }
    let reference = dump.names.withBytes(of: id) { builder.string($0) }
    names[Int(id)] = (reference, run)
    return reference
  }
}
