/// What an event is, for filters and levels.
@frozen
public enum EventKind: UInt8, CaseIterable, Sendable {
  /// Loading a program, initializing and executing a method.
  case method
  /// An instruction (`OPERATOR_CALL`, `DELEGATE_CALL`, …) and the kernel inside it (`native_call_add.out`).
  case `operator`
  /// Something that a delegate reports.
  case delegate
  /// A value that an operator, a delegate or the method produced.
  case value
  /// Memory taken from an allocator.
  case allocation
}

/// Which events are recorded: those that one of `include` matches, or all where it is empty, but for those that one of
/// `exclude` matches.
public struct EventFilter: Sendable {
  /// Matches an event that fits all that is given; what is nil fits every event.
  public struct Criterion: Sendable {
    /// A regular expression that must match somewhere in the event's name: `^` and `$` tie it to its ends. A value has
    /// the name of what produced it, a delegate's event its id, as a decimal where that is a number.
    public var name: String?
    /// The instruction's debug handle as the caller set it, or the id of a delegate's event that is a number.
    public var debugHandles: Range<Int>?
    public var kinds: Set<EventKind>?

    public init(name: String? = nil, debugHandles: Range<Int>? = nil, kinds: Set<EventKind>? = nil) {
      self.name = name
      self.debugHandles = debugHandles
      self.kinds = kinds
    }
  }

  public var include: [Criterion]
  public var exclude: [Criterion]

  /// - Note: At most 16 criteria together.
  public init(include: [Criterion] = [], exclude: [Criterion] = []) {
    self.include = include
    self.exclude = exclude
  }
}

/// A filter's answer for one name, found when the name is interned.
enum Verdict: UInt16 {
  case no, yes
  /// It depends on the debug handle.
  case ask
}

/// A filter with its expressions compiled, together with what the levels leave out.
struct CompiledFilter {
  struct Criterion {
    let includes: Bool
    let kinds: Set<EventKind>
    let handles: Range<Int>?
    let name: Regex<AnyRegexOutput>?
  }

  let criteria: [Criterion]
  let kinds: Set<EventKind>
  let hasIncludes: Bool

  init(_ filter: EventFilter?, kinds: Set<EventKind>) throws(TracerError) {
    var criteria: [Criterion] = []
    for (includes, list) in [(true, filter?.include ?? []), (false, filter?.exclude ?? [])] {
      for criterion in list {
        var name: Regex<AnyRegexOutput>?
        if let pattern = criterion.name {
          do {
            name = try Regex(pattern)
          } catch {
            throw TracerError(.filter, "filter: not a regular expression: \(pattern): \(error)")
          }
        }
        criteria.append(
          Criterion(
            includes: includes, kinds: criterion.kinds ?? Set(EventKind.allCases), handles: criterion.debugHandles,
            name: name))
      }
    }
    guard criteria.count <= 16 else {
      throw TracerError(.filter, "filter: \(criteria.count) criteria; at most 16 fit")
    }
    self.criteria = criteria
    self.kinds = kinds
    hasIncludes = !(filter?.include ?? []).isEmpty
  }

  /// The verdicts of a name, two bits for each kind of event, and the criteria whose expression it matches.
  func verdicts(of name: String, handle: Int? = nil) -> (verdicts: UInt16, matches: UInt16) {
    var matches: UInt16 = 0
    for (index, criterion) in criteria.enumerated() where criterion.name.map({ name.contains($0) }) ?? true {
      matches |= 1 << UInt16(index)
    }
    var verdicts: UInt16 = 0
    for kind in EventKind.allCases {
      verdicts |= verdict(kind, matches: matches, handle: handle).rawValue << (2 * UInt16(kind.rawValue))
    }
    return (verdicts, matches)
  }

  private func verdict(_ kind: EventKind, matches: UInt16, handle: Int?) -> Verdict {
    guard kinds.contains(kind) else { return .no }
    var (included, excluded) = (hasIncludes ? Verdict.no : .yes, Verdict.no)
    for (index, criterion) in criteria.enumerated() {
      guard matches >> UInt16(index) & 1 == 1, criterion.kinds.contains(kind) else { continue }
      let answer: Verdict
      if let handles = criterion.handles {
        answer = handle.map { handles.contains($0) ? .yes : .no } ?? .ask
      } else {
        answer = .yes
      }
      if answer == .no { continue }
      if criterion.includes {
        if included != .yes { included = answer }
      } else {
        if excluded != .yes { excluded = answer }
      }
    }
    if included == .no || excluded == .yes { return .no }
    return included == .yes && excluded == .no ? .yes : .ask
  }

  /// The answer where it depends on the handle.
  func admits(_ kind: EventKind, matches: UInt16, handle: Int) -> Bool {
    verdict(kind, matches: matches, handle: handle) == .yes
  }
}
