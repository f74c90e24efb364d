import ETDumpFormat

/// Which executions to look at: `0`, `1..`, `..9`, `2..5`, `-5..`. Numbers count from 0, negative
/// ones from the end; both ends are included. Of several files each has its own numbers.
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

  /// For each run of the trace whether it is chosen. Runs are numbered among those of the same name in the same file; loading
  /// (`Default`) is always chosen.
  func chosen(in dump: ETDump) -> [Bool] {
    if self == .all { return dump.runs.map { _ in true } }
    var (totals, seen) = ([Place: Int](), [Place: Int]())
    let places = dump.runs.enumerated().map { Place(launch: dump.launch(ofRun: $0), name: $1.name) }
    for place in places { totals[place, default: 0] += 1 }
    return places.map { place in
      guard dump.text(place.name) != "Default" else { return true }
      let number = seen[place, default: 0]
      seen[place] = number + 1
      let total = totals[place] ?? 0
      func fromStart(_ value: Int) -> Int { value < 0 ? total + value : value }
      return (first.map { number >= fromStart($0) } ?? true) && (last.map { number <= fromStart($0) } ?? true)
    }
  }

  /// What runs are numbered within.
  private struct Place: Hashable {
    let launch: Int
    let name: Int32
  }
}
