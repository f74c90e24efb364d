import Bytes
import ETCore
import ETDumpFormat
import TraceModel

/// Finds the labels of rows: worked out once for all rows that are the same event elsewhere in the program.
struct LabelTable {
  private(set) var labels: [ExportedTrace.Label] = []
  private let aligned: AlignedTrace
  private let tensors: TensorTypes
  private var numbers: [Key: Int32] = [:]
  /// The key of each label.
  private var keys: [Key] = []
  /// The last label that an event of this name had, or −1: mostly the next one has it too.
  private var lastByName: [Int32]

  /// All that a label is made of.
  private struct Key: Hashable {
    let block: Int
    let name: Name
    /// Of the value recorded with it, which can have another name.
    let valueName: Name
    let kind: RowKind
    let isForeign: Bool
    var source = AlignedTrace.Source.none
    var operatorName: String?
    var backend: String?
    var dtype: ScalarType?
  }

  private struct Name: Hashable {
    var text = ETDump.Event.none
    var delegateInt: Int32 = -1
    var delegateText = ETDump.Event.none

    init() {}

    init(_ event: ETDump.Event) {
      text = event.name
      delegateInt = event.delegateDebugIDInt
      delegateText = event.delegateDebugIDString
    }
  }

  init(_ aligned: AlignedTrace, _ tensors: TensorTypes) {
    self.aligned = aligned
    self.tensors = tensors
    lastByName = Array(repeating: -1, count: aligned.trace.dump.names.count + 1)
  }

  mutating func label(block: Int, row: Int) -> Int32 {
    let key = key(block: block, row: row)
    let place = Int(key.name.text) + 1
    let last = Int(lastByName[place])
    if last >= 0 && keys[last] == key { return Int32(last) }
    let number = numbers[key] ?? add(key, block: block, row: row)
    lastByName[place] = number
    return number
  }

  private func key(block: Int, row: Int) -> Key {
    let trace = aligned.trace
    let pooled = trace.blocks[block].rows[row]
    let events = trace.dump.events
    var key = Key(
      block: block, name: Name(events[pooled.event]),
      valueName: pooled.firstDebugEvent < 0 ? Name() : Name(events[pooled.firstDebugEvent]),
      kind: trace.kinds[block][row], isForeign: trace.blocks[block].isForeign[row])
    guard aligned.methods.methods[block] != nil else { return key }
    key.source = aligned.source(block: block, row: row)
    key.operatorName = aligned.program?.operators[block][row]
    key.backend = aligned.backend(block: block, row: row)
    key.dtype = tensors.written(block: block, row: row)
    return key
  }

  private mutating func add(_ key: Key, block: Int, row: Int) -> Int32 {
    let number = Int32(truncatingIfNeeded: labels.count)
    numbers[key] = number
    keys.append(key)
    labels.append(
      ExportedTrace.Label(
        block: block, name: aligned.trace.name(of: aligned.trace.blocks[block].rows[row]), kind: key.kind,
        operatorName: aligned.operatorName(block: block, row: row), source: key.source,
        operators: aligned.nodes(in: key.source).map(\.op), module: aligned.module(block: block, row: row),
        sourceLine: aligned.sourceLine(block: block, row: row), backend: key.backend,
        method: aligned.methods.methods[block], dtype: key.dtype, isForeign: key.isForeign))
    return number
  }
}
