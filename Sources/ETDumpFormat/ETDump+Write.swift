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
    var builder = FlatBuilder(capacity: 256 + events.count * 80 + metadata.count + dimensions.count * 8)
    var writer = ETDumpWriter(dump: self)
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

  init(dump: ETDump) {
    self.dump = dump
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
    case .profile: body = writeProfile(event, to: &builder)
    case .allocation:
      builder.startTable(slots: 2)
      builder.add(event.start, slot: 1, default: 0)
      builder.add(event.payload, slot: 0, default: 0)
      body = builder.endTable()
    case .debug: body = writeDebug(event, to: &builder)
    case .empty: break
    }
    builder.startTable(slots: 3)
    builder.add(body, slot: event.kind == .profile ? 0 : event.kind == .allocation ? 1 : 2)
    return builder.endTable()
  }

  private mutating func writeProfile(_ event: ETDump.Event, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    let name = self.name(event.name, in: &builder)
    let delegateName = self.name(event.delegateDebugIDString, in: &builder)
    let metadata = dump.metadata(of: event).map { slice in slice.withUnsafeBytes { builder.bytes($0) } }
    builder.startTable(slots: 8)
    builder.add(event.start, slot: 6, default: 0)
    builder.add(event.end, slot: 7, default: 0)
    builder.add(name, slot: 0)
    builder.add(event.chainIndex, slot: 1, default: 0)
    builder.add(event.instructionID, slot: 2, default: -1)
    builder.add(event.delegateDebugIDInt, slot: 3, default: -1)
    builder.add(delegateName, slot: 4)
    builder.add(metadata, slot: 5)
    return builder.endTable()
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
