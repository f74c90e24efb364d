/// What a rule found.
public struct Finding: Sendable, Equatable {
  public let rule: Rule
  public let place: Place
  public let message: String
  /// What to do about it; empty where there is nothing to do.
  public let mend: String
  /// How often it was found; place and message are the first one's.
  public internal(set) var count = 1

  public var severity: Severity { rule.severity }

  /// Where: what is known of it. All count from 0, as the records of `etdump cat` do.
  public struct Place: Sendable, Hashable {
    /// Of the trace's event blocks.
    public var block: Int?
    /// Of `ETDump.runs`.
    public var run: Int?
    /// Within its run.
    public var event: Int?
    public var instruction: Int?
    /// From the start of the file.
    public var byte: Int?

    public init(block: Int? = nil, run: Int? = nil, event: Int? = nil, instruction: Int? = nil, byte: Int? = nil) {
      self.block = block
      self.run = run
      self.event = event
      self.instruction = instruction
      self.byte = byte
    }

    /// The parts that are known, with their names.
    public var parts: [(name: String, value: Int)] {
      [("byte", byte), ("block", block), ("run", run), ("event", event), ("instruction", instruction)]
        .compactMap { name, value in value.map { (name, $0) } }
    }

    fileprivate var order: [Int] { [byte, block, run, event, instruction].map { $0 ?? -1 } }
  }
}

/// Takes findings and folds those of a kind into one.
struct FindingList {
  private var findings: [Finding] = []
  private var places: [Key: Int] = [:]

  private struct Key: Hashable {
    let rule: Rule
    let group: String
  }

  /// - Parameter group: Findings of a rule and a group become one. The message is only made for the first.
  mutating func add(
    _ rule: Rule, _ place: @autoclosure () -> Finding.Place, group: String = "", _ message: @autoclosure () -> String,
    mend: @autoclosure () -> String = ""
  ) {
    let key = Key(rule: rule, group: group)
    if let known = places[key] {
      findings[known].count += 1
      return
    }
    places[key] = findings.count
    findings.append(Finding(rule: rule, place: place(), message: message(), mend: mend()))
  }

  /// The worst first, then by rule, then by place.
  var sorted: [Finding] {
    findings.enumerated().sorted { a, b in
      if a.element.severity != b.element.severity { return a.element.severity > b.element.severity }
      if a.element.rule.number != b.element.rule.number { return a.element.rule.number < b.element.rule.number }
      let (x, y) = (a.element.place.order, b.element.place.order)
      return x == y ? a.offset < b.offset : x.lexicographicallyPrecedes(y)
    }.map(\.element)
  }
}
