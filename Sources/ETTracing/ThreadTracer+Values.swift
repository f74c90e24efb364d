public import ETCore
import ETDumpFormat

/// A tensor to log: borrowed for the call.
@frozen
public struct LoggedTensor {
  public var data: UnsafeRawPointer?
  public var byteCount: Int
  public var scalarType: ScalarType
  /// `rank` of each; strides are in elements.
  public var sizes: UnsafePointer<Int>?
  public var strides: UnsafePointer<Int>?
  public var rank: Int

  @inlinable
  public init(
    data: UnsafeRawPointer?, byteCount: Int, scalarType: ScalarType, sizes: UnsafePointer<Int>?,
    strides: UnsafePointer<Int>?, rank: Int
  ) {
    self.data = data
    self.byteCount = byteCount
    self.scalarType = scalarType
    self.sizes = sizes
    self.strides = strides
    self.rank = rank
  }
}

// Values. What a call takes is charged to no operator. A value without room, here or in the debug buffer, is dropped and
// counted.
extension ThreadTracer {
  /// Whether values of this source are recorded: ask before a value is gathered at some cost.
  public func logs(_ source: ValueSource, isOutput: Bool = false) -> Bool {
    (isOutput || tracer.logsIntermediates) && admits(source.name, .value)
  }

  public func logTensor(_ tensor: LoggedTensor, from source: ValueSource, isOutput: Bool = false) {
    log(source, isOutput) {
      guard isSupported(tensor), let offset = store(tensor) else { return }
      let size = Self.size(of: tensor)
      guard let place = reserve(extra: size) else { return }
      Self.write(tensor, offset: offset, to: place + TraceRecord.size)
      commit(place, .tensor, source, isOutput, extra: size)
    }
  }

  public func logTensorList(
    _ tensors: UnsafeBufferPointer<LoggedTensor>, from source: ValueSource, isOutput: Bool = false
  ) {
    log(source, isOutput) {
      var size = 0
      for tensor in tensors {
        guard isSupported(tensor) else { return }
        size += Self.size(of: tensor)
      }
      guard let place = reserve(extra: size) else { return }
      var end = place + TraceRecord.size
      for tensor in tensors {
        guard let offset = store(tensor) else { return clear(place, end) }
        Self.write(tensor, offset: offset, to: end)
        end += Self.size(of: tensor)
      }
      commit(place, .tensorList, source, isOutput, extra: size)
    }
  }

  /// Logs a list in which tensors may be absent. An ETDump has no place for it: its content stands in the metadata run.
  public func logOptionalTensorList(
    _ tensors: UnsafeBufferPointer<LoggedTensor?>, from source: ValueSource, isOutput: Bool = false
  ) {
    log(source, isOutput) {
      var size = 0
      for tensor in tensors {
        if let tensor {
          guard isSupported(tensor) else { return }
          size += Self.size(of: tensor)
        } else {
          size += 16
        }
      }
      guard let place = reserve(extra: size) else { return }
      var end = place + TraceRecord.size
      for tensor in tensors {
        if let tensor {
          guard let offset = store(tensor) else { return clear(place, end) }
          Self.write(tensor, offset: offset, to: end)
          end += Self.size(of: tensor)
        } else {
          // A rank that no tensor has.
          end.storeBytes(of: 0, as: Int64.self)
          end.storeBytes(of: 0, toByteOffset: 8, as: Int32.self)
          end.storeBytes(of: -1, toByteOffset: 12, as: Int32.self)
          end += 16
        }
      }
      commit(place, .optionalTensorList, source, isOutput, extra: size)
    }
  }

  /// Zeroes what was written behind a place that nothing is recorded in after all: the next record ends there, and what
  /// follows is read as no record only if it is zero.
  private func clear(_ place: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer) {
    let first = place + TraceRecord.size
    first.initializeMemory(as: UInt8.self, repeating: 0, count: end - first)
  }

  public func logInt(_ value: Int64, from source: ValueSource, isOutput: Bool = false) {
    logBits(UInt64(bitPattern: value), .int, source, isOutput)
  }

  public func logBool(_ value: Bool, from source: ValueSource, isOutput: Bool = false) {
    logBits(value ? 1 : 0, .bool, source, isOutput)
  }

  public func logDouble(_ value: Double, from source: ValueSource, isOutput: Bool = false) {
    guard value.isFinite || !state.pointee.isCompatibleWith15 else {
      if logs(source, isOutput: isOutput) { countUnsupported() }
      return
    }
    logBits(value.bitPattern, .double, source, isOutput)
  }

  /// Logs a None.
  public func logNull(from source: ValueSource, isOutput: Bool = false) { logBits(0, .none, source, isOutput) }

  /// Logs a text in UTF-8. An ETDump has no place for it: its content stands in the metadata run, as that of a list does.
  public func logString(_ utf8: UnsafeRawBufferPointer, from source: ValueSource, isOutput: Bool = false) {
    logBytes(utf8, .string, source, isOutput)
  }

  public func logIntList(_ values: UnsafeBufferPointer<Int64>, from source: ValueSource, isOutput: Bool = false) {
    logBytes(UnsafeRawBufferPointer(values), .intList, source, isOutput)
  }

  public func logBoolList(_ values: UnsafeBufferPointer<Bool>, from source: ValueSource, isOutput: Bool = false) {
    logBytes(UnsafeRawBufferPointer(values), .boolList, source, isOutput)
  }

  public func logDoubleList(_ values: UnsafeBufferPointer<Double>, from source: ValueSource, isOutput: Bool = false) {
    logBytes(UnsafeRawBufferPointer(values), .doubleList, source, isOutput)
  }

  // MARK: Records

  private func log(_ source: ValueSource, _ isOutput: Bool, _ body: () -> Void) {
    guard logs(source, isOutput: isOutput) else { return }
    let start = clock()
    let excluded = state.pointee.excluded
    body()
    // What a new piece of a journal took is in it already.
    state.pointee.excluded = excluded &+ (clock() &- start)
  }

  private func logBits(_ bits: UInt64, _ kind: TraceRecord.ValueKind, _ source: ValueSource, _ isOutput: Bool) {
    log(source, isOutput) {
      guard let place = reserve(extra: 0) else { return }
      commit(place, kind, source, isOutput, extra: 0, bits: bits)
    }
  }

  private func logBytes(
    _ bytes: UnsafeRawBufferPointer, _ kind: TraceRecord.ValueKind, _ source: ValueSource, _ isOutput: Bool
  ) {
    log(source, isOutput) {
      guard let place = reserve(extra: bytes.count) else { return }
      if let base = bytes.baseAddress { (place + TraceRecord.size).copyMemory(from: base, byteCount: bytes.count) }
      commit(place, kind, source, isOutput, extra: bytes.count)
    }
  }

  private func commit(
    _ place: UnsafeMutableRawPointer, _ kind: TraceRecord.ValueKind, _ source: ValueSource, _ isOutput: Bool,
    extra: Int, bits: UInt64 = 0
  ) {
    commit(
      place, TraceRecord.tag(.value, isOutput ? .output : []),
      TraceRecord(
        name: source.delegateName, chain: state.pointee.chain, instruction: state.pointee.instruction,
        number: source.delegateNumber, extra: UInt32(truncatingIfNeeded: extra), start: bits,
        end: UInt64(kind.rawValue)))
  }

  /// What the Inspector of 1.5 opens, tried one by one with files of this tracer. It refuses a trace with an element
  /// type beyond these, with a double that is not finite, and with an allocation.
  private static let typesOf15: Set<ScalarType> = [
    .byte, .char, .short, .int, .long, .half, .float, .double, .bool, .bits16, .uint16,
  ]

  private func isSupported(_ tensor: LoggedTensor) -> Bool {
    guard state.pointee.isCompatibleWith15, !Self.typesOf15.contains(tensor.scalarType) else { return true }
    countUnsupported()
    return false
  }

  /// Where the elements lie in the debug buffer; −1 where there are none or no buffer.
  private func store(_ tensor: LoggedTensor) -> Int64? {
    guard tensor.byteCount > 0, let data = tensor.data, let buffer = tracer.debugBuffer else { return -1 }
    if let offset = buffer.store(UnsafeRawBufferPointer(start: data, count: tensor.byteCount)) {
      return Int64(truncatingIfNeeded: offset)
    }
    state.pointee.droppedValues += 1
    stream.publishCounts()
    return nil
  }

  /// Offset, scalar type, rank, sizes, strides.
  private static func size(of tensor: LoggedTensor) -> Int { 16 + 16 * tensor.rank }

  private static func write(_ tensor: LoggedTensor, offset: Int64, to place: UnsafeMutableRawPointer) {
    place.storeBytes(of: offset, as: Int64.self)
    place.storeBytes(of: Int32(tensor.scalarType.rawValue), toByteOffset: 8, as: Int32.self)
    place.storeBytes(of: Int32(truncatingIfNeeded: tensor.rank), toByteOffset: 12, as: Int32.self)
    let (sizes, strides) = (place + 16, place + 16 + 8 * tensor.rank)
    for index in 0..<tensor.rank {
      sizes.storeBytes(of: Int64(tensor.sizes?[index] ?? 0), toByteOffset: 8 * index, as: Int64.self)
      strides.storeBytes(of: Int64(tensor.strides?[index] ?? 0), toByteOffset: 8 * index, as: Int64.self)
    }
  }
}
