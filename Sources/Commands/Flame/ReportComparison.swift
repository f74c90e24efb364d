import Analysis
import Bytes
import ETDumpFormat
import Presentation
import TraceModel

/// What `etdump diff` says of the two sides of a report, led back to the page's rows.
struct ReportComparison {
  /// As `etdump diff` prints it.
  let lines: [String]
  private let diff: TraceDiff
  private let base: [AlignedTrace]
  private let new: [AlignedTrace]

  /// What a row can be, by number; the page has the same list.
  static let verdicts = [""] + TraceDiff.Class.allCases.map(\.rawValue)

  init(_ request: DiffRequest, notes: any ByteSink) throws {
    (base, new) = try request.load(notes: notes)
    diff = TraceDiff(base: base, new: new, settings: request.settings)
    let text = MemorySink()
    try DiffTable(diff: diff, request: request).write(to: text)
    lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }

  /// For each of a side's rows on the page its number in `verdicts`; 0 where nothing is said of it.
  ///
  /// - Parameter pooled: The side's traces as one, of which the page's rows are.
  func verdicts(isBase: Bool, pooled: Trace, rows: ReportRows) -> [Int] {
    var verdicts = [Int](repeating: 0, count: rows.ranges.last?.upperBound ?? 0)
    var blockOfRun: [Int: Int] = [:]
    for (block, events) in pooled.blocks.enumerated() { for run in events.runs { blockOfRun[run] = block } }
    let traces = isBase ? base : new
    for row in diff.sections.flatMap(\.rows) {
      let number = Self.verdicts.firstIndex(of: row.classification.rawValue) ?? 0
      for place in (isBase ? row.base : row.new)?.references ?? [] {
        // The runs of a file stand in the pooled trace behind those of the files before it.
        let events = traces[place.trace].trace.blocks[place.block]
        guard let run = events.runs.first, let block = blockOfRun[pooled.dump.launches[place.trace] + run],
          pooled.blocks[block].rows.count == events.rows.count
        else { continue }
        let target = Int(rows.rows[block][place.row])
        if target >= 0 && rows.columns[.gathered]![target] == 0 { verdicts[target] = number }
      }
    }
    return verdicts
  }
}
