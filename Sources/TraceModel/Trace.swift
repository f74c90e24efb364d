import Bytes
public import ETCore
public import ETDumpFormat

/// A trace made ready for questions: runs pooled into blocks, their events nested, clocks and phases told apart.
///
/// The stages, in order: `BlockBuilder` pools runs and makes rows, `Nesting` finds what encloses what,
/// `Clock` measures grids, `PhaseFinder` tells prefill from decode and warm-up from the rest.
public struct Trace: Sendable {
  public let dump: ETDump
  public internal(set) var blocks: [EventBlock]
  /// For each row of each block what it is, told from its name and ids.
  public internal(set) var kinds: [[RowKind]]

  /// - Parameter selection: The executions to keep; loading is kept always.
  public init(_ dump: ETDump, runs selection: RunSelection = .all) {
    self.init(dump, selection, grouping: .exact)
  }

  /// The trace as the reference Inspector groups it, faults included: a repeated event keeps its last time, chains are
  /// not told apart.
  ///
  /// - Throws: `ReferenceRefusal` where it would refuse the trace.
  public static func asReference(
    _ dump: ETDump, runs selection: RunSelection = .all, in conversion: TimeConversion
  ) throws(ReferenceRefusal) -> Trace {
    for run in dump.runs {
      for event in dump.events[run.events ?? 0..<0] {
        if event.kind == .allocation || event.kind == .empty {
          throw ReferenceRefusal(detail: "ValueError: Unable to find populated event")
        }
        // A backend's times are compared in the target scale, all others in ticks.
        let start = event.isDelegated ? conversion.convert(event.start) : Double(event.start)
        if event.kind == .profile, event.start > event.end, start > Double(UInt32.max) {
          throw ReferenceRefusal(
            detail:
              "ValueError: Expected start_time (\(event.start)) and end_time (\(event.end)) to be less than 4294967295 "
              + "for cases where there is wrap-around of time values.")
        }
      }
    }
    return Trace(dump, selection, grouping: .reference)
  }

  private init(_ dump: ETDump, _ selection: RunSelection, grouping: Grouping) {
    self.dump = dump
    var builder = BlockBuilder(dump, grouping: grouping)
    let chosen = selection.chosen(in: dump)
    for index in dump.runs.indices where chosen[index] { builder.add(run: index) }
    blocks = builder.blocks
    kinds = []
    var known = [RowKind?](repeating: nil, count: dump.names.count)
    for index in blocks.indices {
      let kinds = RowKind.all(of: blocks[index].rows, in: dump, &known)
      self.kinds.append(kinds)
      Nesting.find(in: &blocks[index], of: dump, kinds: kinds)
    }
  }

  // MARK: Rows

  /// The event's name: a delegate's id where it has one, else the name that the runtime gave.
  public func name(of row: EventBlock.Row) -> String {
    var name = ""
    if row.hasProfile { name = Self.name(of: dump.events[row.event], in: dump) }
    if row.firstDebugEvent >= 0 {
      let other = Self.name(of: dump.events[row.firstDebugEvent], in: dump)
      if !other.isEmpty { name = other }
    }
    return name
  }

  private static func name(of event: ETDump.Event, in dump: ETDump) -> String {
    if event.delegateDebugIDInt != -1 { return String(event.delegateDebugIDInt) }
    let delegate = dump.text(event.delegateDebugIDString)
    return delegate.isEmpty ? dump.text(event.name) : delegate
  }

  public func instruction(of row: EventBlock.Row) -> InstructionID {
    InstructionID(dump.events[row.event].instructionID)
  }

  public func chain(of row: EventBlock.Row) -> Int { Int(dump.events[row.event].chainIndex) }

  /// The backend's own id of a delegated event.
  public func delegateIdentifier(of row: EventBlock.Row) -> DelegateIdentifier? {
    let event = dump.events[row.event]
    if event.delegateDebugIDInt != -1 { return .int(event.delegateDebugIDInt) }
    let text = dump.text(event.delegateDebugIDString)
    return text.isEmpty ? nil : .string(text)
  }

  public enum DelegateIdentifier: Hashable, Sendable, CustomStringConvertible {
    case int(Int32)
    case string(String)

    public var description: String {
      switch self {
      case .int(let number): String(number)
      case .string(let text): text
      }
    }
  }
}

/// The reference would not open this trace, and why.
public struct ReferenceRefusal: Error, CustomStringConvertible {
  public let detail: String
  public var description: String { "the reference refuses this trace: \(detail)" }
}

/// What a row times.
public enum RowKind: Sendable, Equatable {
  case methodExecute
  /// `Method::init`, `Program::load_method`, `Method::step`.
  case framework
  /// An operator with the runtime's part of calling it.
  case operatorCall
  /// An operator's own code: `native_call_…`, or a custom operator's full name.
  case kernel
  case delegateCall
  /// An event of a backend.
  case delegated
  /// `JF_CALL`, `MOVE_CALL`, `FREE_CALL`.
  case control
  /// Values without a time.
  case values

  /// The kind of each row.
  ///
  /// - Parameter known: The kinds that names were found to have, by their number.
  static func all(of rows: [EventBlock.Row], in dump: ETDump, _ known: inout [RowKind?]) -> [RowKind] {
    let empty = dump.names.find("") ?? ETDump.Event.none
    return dump.events.withUnsafeBufferPointer { events in
      rows.map { row in
        guard row.hasProfile else { return .values }
        let event = events[row.event]
        let delegate = event.delegateDebugIDString
        guard event.delegateDebugIDInt == -1, delegate == ETDump.Event.none || delegate == empty else {
          return .delegated
        }
        var named = event.name == ETDump.Event.none ? RowKind.kernel : known[Int(event.name)]
        if named == nil {
          named = Self.named(dump.text(event.name))
          known[Int(event.name)] = named
        }
        // What is inside no instruction belongs to the framework: its chain index is −1.
        return named == .kernel && event.chainIndex < 0 ? .framework : named ?? .kernel
      }
    }
  }

  private static func named(_ name: String) -> RowKind {
    switch name {
    case EventBlock.FrameworkEvent.methodExecute: .methodExecute
    case EventBlock.FrameworkEvent.operatorCall: .operatorCall
    case EventBlock.FrameworkEvent.delegateCall: .delegateCall
    case "JF_CALL", "MOVE_CALL", "FREE_CALL": .control
    default: .kernel
    }
  }
}
