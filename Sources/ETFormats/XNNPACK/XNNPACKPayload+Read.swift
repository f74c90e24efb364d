public import Bytes

extension XNNPACKPayload {
  /// The name of XNNPACK's backend in programs.
  public static let backendID = "XnnpackBackend"

  /// Reads a delegate's data, with or without a header, checking every field of the schema.
  ///
  /// - Throws: `ReadError` with the byte of the payload.
  public init(reading bytes: UnsafeRawBufferPointer) throws(ReadError) {
    guard InputKind.recognise(bytes) == .xnnpackPayload else {
      throw InputKind.mismatch(bytes, wanted: .xnnpackPayload, identifier: "XH00, XN00 or XN01")
    }
    let header = try XNNPACKReader.readHeader(bytes)
    let part = header?.flatBuffer ?? 0..<bytes.count
    guard part.count <= Int(Int32.max) else { throw ReadError(.limit, at: 0, "the payload has more than 2 GiB") }
    let flat = FlatBuffer(UnsafeRawBufferPointer(rebasing: bytes[part]), origin: part.lowerBound)
    let isFirst = flat.hasIdentifier("XN00", at: 4)
    guard isFirst || flat.hasIdentifier("XN01", at: 4) else {
      throw flat.error(.notThisFormat, at: 4, "not an XNNPACK payload: the identifier is not XN00 or XN01")
    }
    var reader = XNNPACKReader(payload: XNNPACKPayload(identifier: isFirst ? .XN00 : .XN01), intake: FlatIntake(flat))
    reader.payload.header = header
    try reader.readRoot(try flat.root(at: 0))
    reader.payload.names = reader.intake.names
    self = reader.payload
  }

  private init(identifier: Identifier) {
    self.identifier = identifier
  }
}

extension Program {
  /// The payload of one of a method's delegates, or nil where the delegate is not XNNPACK's.
  ///
  /// - Throws: `ReadError` with the byte of the payload, in the entry `delegate` and its index.
  /// - Precondition: `index` is one of `plan.delegates`' indices, and the plan one of this program's.
  public func xnnpackPayload(
    ofDelegate index: Int, in plan: ExecutionPlan
  ) throws(ReadError) -> XNNPACKPayload? {
    let delegate = plan.delegates[index]
    guard plan.text(delegate.id) == XNNPACKPayload.backendID else { return nil }
    do throws(ReadError) {
      return try XNNPACKPayload(reading: bytes(delegate.data))
    } catch {
      throw error.inside("delegate \(index)")
    }
  }

  /// The payloads of all methods' XNNPACK delegates by the range of their data, each read once.
  ///
  /// Ranges that overlap without being equal, as no exporter makes them, fail with `.limit` once more bytes are asked for
  /// than the file has.
  public func xnnpackPayloads() -> [Range<Int>: Result<XNNPACKPayload, ReadError>] {
    var payloads: [Range<Int>: Result<XNNPACKPayload, ReadError>] = [:]
    var bytesLeft = contents.count
    for plan in executionPlans {
      for (index, delegate) in plan.delegates.enumerated()
      where payloads[delegate.data] == nil && plan.text(delegate.id) == XNNPACKPayload.backendID {
        bytesLeft -= delegate.data.count
        if bytesLeft < 0 {
          let error = ReadError(.limit, at: delegate.data.lowerBound, "delegates' data overlap")
          payloads[delegate.data] = .failure(error.inside("delegate \(index)"))
          continue
        }
        do throws(ReadError) {
          payloads[delegate.data] = .success(try XNNPACKPayload(reading: bytes(delegate.data)))
        } catch {
          payloads[delegate.data] = .failure(error.inside("delegate \(index)"))
        }
      }
    }
    return payloads
  }
}

/// Copies a payload out of its bytes, checking each field as it goes. Nodes are in its extension.
struct XNNPACKReader {
  var payload: XNNPACKPayload
  var intake: FlatIntake

  /// The header, or nil where the payload is a FlatBuffer from its first byte on.
  static func readHeader(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> XNNPACKPayload.Header? {
    guard FlatBuffer(bytes).hasIdentifier("XH00", at: 4) else { return nil }
    guard bytes.count >= 30 else {
      throw ReadError(.truncated, at: bytes.count, "truncated: the header has 30 bytes, the payload \(bytes.count)")
    }
    func number<T: FixedWidthInteger>(_ position: Int, as type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }
    let whole = 0..<bytes.count
    let offset = UInt64(number(10, as: UInt32.self))
    let size = UInt64(number(14, as: UInt32.self))
    guard let flatBuffer = Range(offset: offset, count: size, of: whole) else {
      throw ReadError(
        .truncated, at: bytes.count,
        "truncated: the graph has \(size) bytes from byte \(offset) on, the payload \(bytes.count)")
    }
    guard size >= 8 else { throw ReadError(.malformed, at: 14, "the graph has \(size) bytes") }
    let dataOffset = UInt64(number(18, as: UInt32.self))
    let dataSize = number(22, as: UInt64.self)
    guard let constantData = Range(offset: dataOffset, count: dataSize, of: whole) else {
      throw ReadError(
        .truncated, at: bytes.count,
        "truncated: the constants have \(dataSize) bytes from byte \(dataOffset) on, the payload \(bytes.count)")
    }
    guard constantData.lowerBound >= flatBuffer.upperBound else {
      throw ReadError(.malformed, at: 18, "the constants begin inside the graph")
    }
    return XNNPACKPayload.Header(
      length: number(8, as: UInt16.self), flatBuffer: flatBuffer, constantData: constantData)
  }

  mutating func readRoot(_ root: FlatTable) throws(ReadError) {
    try intake.visit(root)
    payload.version = try intake.text(root, 0) ?? ""
    payload.externalCount = try root.integer(3, default: 0)
    guard payload.externalCount <= 4096 else {
      throw root.error(.limit, "the graph has \(payload.externalCount) external values, more than 4096")
    }
    if let ids = try intake.integers(root, 4, as: UInt32.self) { payload.inputIDs = Array(ids) }
    if let ids = try intake.integers(root, 5, as: UInt32.self) { payload.outputIDs = Array(ids) }
    // Sizes of memory buffers are of no use to anyone; they are checked all the same.
    _ = try intake.integers(root, 7, as: UInt32.self)
    try readConstants(root)
    // A value has an entry in the dictionary as well.
    if let values = try intake.tables(root, 2, stride: MemoryLayout<XNNPACKPayload.Value>.stride + 24) {
      payload.values.reserveCapacity(values.count)
      for index in 0..<values.count { try readValue(try intake.element(values, index)) }
    }
    if let nodes = try intake.tables(root, 1, stride: MemoryLayout<XNNPACKPayload.Node>.stride) {
      payload.nodes.reserveCapacity(nodes.count)
      for index in 0..<nodes.count { try readNode(try intake.element(nodes, index), index) }
    }
  }

  // MARK: Constants

  private mutating func readConstants(_ root: FlatTable) throws(ReadError) {
    let start = payload.header?.flatBuffer.lowerBound ?? 0
    let stride = MemoryLayout<XNNPACKPayload.Constant>.stride
    if let buffers = try intake.tables(root, 6, stride: stride) {
      for index in 0..<buffers.count {
        let bytes = try intake.element(buffers, index).bytes(0)
        let first = start + (bytes?.position ?? 0)
        payload.constants.append(.bytes(first..<(first + (bytes?.count ?? 0))))
      }
    }
    let entries = try intake.tables(root, 8, stride: stride)
    let count = entries?.count ?? 0
    guard payload.header != nil || count <= 1 else {
      throw root.error(.malformed, "the graph has constants behind a header, which the payload does not have")
    }
    // With a header, constants are those that it leads to: the runtime looks no further.
    if payload.header != nil { payload.constants = [] }
    guard let entries else { return }
    for index in 0..<count {
      let constant = try constant(try intake.element(entries, index), index)
      if payload.header != nil { payload.constants.append(constant) }
    }
  }

  private mutating func constant(_ table: FlatTable, _ index: Int) throws(ReadError) -> XNNPACKPayload.Constant {
    let offset: UInt64 = try table.integer(0, default: 0)
    let size: UInt64 = try table.integer(1, default: 0)
    let key = try intake.name(table, 2)
    if key != FlatIntake.noName && !intake.names[key].isEmpty { return .named(key) }
    // Entry 0 is reserved and may say anything.
    guard let header = payload.header, index > 0 else { return .bytes(0..<0) }
    guard let range = Range(offset: offset, count: size, of: header.constantData) else {
      throw table.error(
        .outOfBounds, "constant \(index) has \(size) bytes from byte \(offset) of \(header.constantData.count)")
    }
    return .bytes(range)
  }

  /// An index into the constants, 0 meaning none.
  private func constantIndex(_ table: FlatTable, _ slot: Int) throws(ReadError) -> Int {
    let number: UInt32 = try table.integer(slot, default: 0)
    guard number == 0 || number < payload.constants.count else {
      throw table.error(.outOfBounds, "constant \(number) is named, there are \(payload.constants.count)")
    }
    return Int(number)
  }

  // MARK: Values

  private mutating func readValue(_ table: FlatTable) throws(ReadError) {
    let kind: UInt8 = try table.integer(0, default: 0)
    guard kind > 0 else { throw table.error(.malformed, "a value is of no kind") }
    guard kind <= 2 else { throw table.error(.unsupported, "a value is of the unknown kind \(kind)") }
    guard let content = try intake.table(table, 1) else { throw table.error(.malformed, "a value is empty") }
    var quantization = XNNPACKPayload.Quantization.none
    var inner: FlatTable? = content
    if kind == 2 {
      inner = try intake.table(content, 0)
      let number: UInt8 = try content.integer(1, default: 0)
      if number > 4 {
        try content.checkOffset(2)
        quantization = .other(number)
      } else if let parameters = try intake.table(content, 2) {
        quantization = try self.quantization(parameters, number)
      }
    }
    guard let tensor = inner else { throw content.error(.malformed, "a quantized value has no tensor") }
    let dims = try numbers(tensor, 2, countedBy: 1)
    let id: UInt32 = try tensor.integer(6, default: 0)
    if payload.valuesByID[id] == nil { payload.valuesByID[id] = payload.values.count }
    payload.values.append(
      XNNPACKPayload.Value(
        id: id, datatype: .init(rawValue: try tensor.integer(0, default: 0)),
        dynamicDatatype: .init(rawValue: try tensor.integer(7, default: 0)), dims: dims,
        constantBufferIndex: try constantIndex(tensor, 3), externalID: try tensor.integer(4, default: 0),
        flags: try tensor.integer(5, default: 0), quantization: quantization))
  }

  private mutating func quantization(
    _ table: FlatTable, _ kind: UInt8
  ) throws(ReadError) -> XNNPACKPayload.Quantization {
    switch kind {
    case 1: return .perChannel(try perChannel(table, groupSize: nil, buffer: 2, count: 3))
    case 2: return .perTensor(scale: try table.float(0), zeroPoint: try table.integer(1, default: 0))
    case 3: return .perToken(nonBatchDims: try table.integer(0, default: 0))
    case 4: return .perChannel(try perChannel(table, groupSize: try table.integer(2, default: 0), buffer: 4, count: 5))
    default: return .none
    }
  }

  private mutating func perChannel(
    _ table: FlatTable, groupSize: Int32?, buffer: Int, count: Int
  ) throws(ReadError) -> XNNPACKPayload.PerChannel {
    let first = payload.scales.count
    if let scales = try intake.integers(table, 0, as: UInt32.self) {
      payload.scales.append(contentsOf: scales.lazy.map { Float(bitPattern: $0) })
    }
    return XNNPACKPayload.PerChannel(
      scales: first..<payload.scales.count, channelDim: try table.integer(1, default: 0), groupSize: groupSize,
      scaleBufferIndex: try constantIndex(table, buffer), scaleCount: try table.integer(count, default: 0))
  }

  /// A vector of numbers, appended to the payload's; empty where it is absent.
  ///
  /// - Parameter counter: The slot that says how many there are, on which the runtime relies.
  mutating func numbers(_ table: FlatTable, _ slot: Int, countedBy counter: Int? = nil) throws(ReadError) -> Range<Int>
  {
    let first = payload.numbers.count
    if let values = try intake.integers(table, slot, as: UInt32.self) { payload.numbers.append(contentsOf: values) }
    let range = first..<payload.numbers.count
    if let counter {
      let count: UInt32 = try table.integer(counter, default: 0)
      guard range.count == Int(count) else {
        throw table.error(.malformed, "\(count) dimensions are announced, \(range.count) given")
      }
    }
    return range
  }
}
