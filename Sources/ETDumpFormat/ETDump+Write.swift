import Bytes
import ETCore

extension ETDump {
  /// The bytes of an ETDump file: size-prefixed and strictly aligned, as the runtime writes it.
  ///
  /// Fields that the model has are written, those that it lacks are not: reading the result gives equal records.
  /// Names are written once for each run that uses them.
  public func encoded() -> [UInt8] {
    var builder = FlatBuilder(capacity: 256 + events.count * 80 + metadata.count + dimensions.count * 8)
    var writer = ETDumpWriter(dump: self)
    let runs = runs.map { writer.write($0, to: &builder) }
    let runData = builder.references(runs)
    builder.startTable(slots: 2)
    builder.add(version, slot: 0, default: 0)
    builder.add(runData, slot: 1)
    let root = builder.endTable()
    return builder.finish(root, identifier: "ED00", sizePrefixed: true)
  }
}

private struct ETDumpWriter {
  let dump: ETDump
  private var names: [Int32: FlatBuilder.Reference] = [:]

  init(dump: ETDump) { self.dump = dump }

  mutating func write(_ run: ETDump.RunData, to builder: inout FlatBuilder) -> FlatBuilder.Reference {
    names.removeAll(keepingCapacity: true)
    let events = run.events.map { range in
      let references = range.map { write(dump.events[$0], to: &builder) }
      return builder.references(references)
    }
    let allocators = run.allocators.map { id in
      let name = self.name(id, in: &builder)
      builder.startTable(slots: 1)
      builder.add(name, slot: 0)
      return builder.endTable()
    }
    let allocatorVector = allocators.isEmpty ? nil : builder.references(allocators)
    let name = self.name(run.name, in: &builder)
    builder.startTable(slots: 4)
    builder.add(name, slot: 0)
    builder.add(run.bundledInputIndex, slot: 1, default: -1)
    builder.add(allocatorVector, slot: 2)
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
    let list = value.tensorList.map { range in
      let tensors = range.map { write(dump.tensors[$0], to: &builder) }
      let vector = builder.references(tensors)
      builder.startTable(slots: 1)
      builder.add(vector, slot: 0)
      return builder.endTable()
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
    if let known = names[id] { return known }
    let reference = dump.names.withBytes(of: id) { builder.string($0) }
    names[id] = reference
    return reference
  }
}
