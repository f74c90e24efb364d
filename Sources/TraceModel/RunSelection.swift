import ETDumpFormat

/// Which executions to look at: `0`, `1..`, `..9`, `2..5`, `-5..`. Numbers count from 0, negative ones from the end; both ends are included.
public struct RunSelection: Sendable, Equatable {
  private let first: Int?
  private let last: Int?

  public static let all = RunSelection(first: nil, last: nil)

  private init(first: Int?, last: Int?) {
    self.first = first
    self.last = last
  }

  /// - Returns: nil for a text of another form.
  public init?(_ text: String) {
    if let number = Int(text) {
      self.init(first: number, last: number)
      return
    }
    guard let dots = text.firstRange(of: "..") else { return nil }
    let (head, tail) = (text[..<dots.lowerBound], text[dots.upperBound...])
    let first = head.isEmpty ? nil : Int(head)
    let last = tail.isEmpty ? nil : Int(tail)
    guard (head.isEmpty || first != nil) && (tail.isEmpty || last != nil) else { return nil }
    self.init(first: first, last: last)
  }

  /// For each run of the trace whether it is chosen. Runs are numbered among those of the same name; loading (`Default`) is
  /// always chosen.
  func chosen(in dump: ETDump) -> [Bool] {
    if self == .all { return dump.runs.map { _ in true } }
    var totals: [Int32: Int] = [:]
    for run in dump.runs { totals[run.name, default: 0] += 1 }
    var seen: [Int32: Int] = [:]
    return dump.runs.map { run in
      guard dump.text(run.name) != "Default" else { return true }
      let number = seen[run.name, default: 0]
      seen[run.name] = number + 1
      let total = totals[run.name] ?? 0
      func fromStart(_ value: Int) -> Int { value < 0 ? total + value : value }
      return (first.map { number >= fromStart($0) } ?? true) && (last.map { number <= fromStart($0) } ?? true)
    }
  }
}
