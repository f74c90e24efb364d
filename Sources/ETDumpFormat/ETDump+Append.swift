import Bytes

extension ETDump {
  /// Adds the runs of another trace behind those of this one.
  public mutating func append(_ other: ETDump) {
    let renamed = (0..<Int32(other.names.count)).map { id in other.names.withBytes(of: id) { names.intern($0) } }
    func name(_ id: Int32) -> Int32 { id == Event.none ? id : renamed[Int(id)] }
    let (firstEvent, firstValue, firstTensor) = (events.count, debugValues.count, tensors.count)
    let (firstRange, firstByte, firstDimension) = (metadataRanges.count, metadata.count, dimensions.count)
    func shifted(_ range: Range<Int>?, by offset: Int) -> Range<Int>? {
      range.map { $0.lowerBound + offset..<$0.upperBound + offset }
    }
    metadata += other.metadata
    metadataRanges += other.metadataRanges.map { $0.lowerBound + firstByte..<$0.upperBound + firstByte }
    dimensions += other.dimensions
    tensors += other.tensors.map { tensor in
      Tensor(
        scalarType: tensor.scalarType, sizes: shifted(tensor.sizes, by: firstDimension),
        strides: shifted(tensor.strides, by: firstDimension), offset: tensor.offset)
    }
    debugValues += other.debugValues.map { value in
      var value = value
      value.tensor = value.tensor.map { $0 + firstTensor }
      value.tensorList = shifted(value.tensorList, by: firstTensor)
      return value
    }
    events += other.events.map { event in
      var event = event
      event.name = name(event.name)
      event.delegateDebugIDString = name(event.delegateDebugIDString)
      if event.payload != Event.none {
        switch event.kind {
        case .profile: event.payload += Int32(truncatingIfNeeded: firstRange)
        case .debug: event.payload += Int32(truncatingIfNeeded: firstValue)
        case .allocation, .empty: break
        }
      }
      return event
    }
    launches += other.launches.map { $0 + runs.count }
    runs += other.runs.map { run in
      RunData(
        name: name(run.name), bundledInputIndex: run.bundledInputIndex, allocators: run.allocators.map(name),
        events: shifted(run.events, by: firstEvent))
    }
  }

  /// Which of the files a run comes from.
  public func launch(ofRun run: Int) -> Int {
    // `launches` is sorted.
    var (low, high) = (0, launches.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if launches[middle] <= run { low = middle } else { high = middle }
    }
    return low
  }
}
