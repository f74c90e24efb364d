import Analysis
import ETCore
import ETDumpFormat
import ETFormats
import Presentation
import TraceModel

/// The texts of a report, each once: what is repeated is a number.
struct ReportTexts {
  private(set) var all: [String] = [""]
  private var places: [String: Int] = ["": 0]
  /// The longest text that a page shows whole; of a longer one it has the beginning and the length.
  private static let longest = 2000

  mutating func number(_ text: String) -> Int {
    if let place = places[text] { return place }
    let place = all.count
    places[text] = place
    let bytes = text.utf8.count
    all.append(
      bytes <= Self.longest ? text : String(text.unicodeScalars.prefix(Self.longest / 4)) + "… (\(bytes) bytes)")
    return place
  }

  mutating func number(_ text: String?) -> Int { text.map { number($0) } ?? 0 }
}

/// Paths that begin alike, as a tree: `parents[i]` is an entry before `i`, or −1.
struct PathTree<Step: Hashable> {
  private struct Key: Hashable {
    let parent: Int
    let step: Step
  }

  private(set) var parents: [Int] = []
  private(set) var steps: [Step] = []
  private var places: [Key: Int] = [:]

  /// - Returns: The entry of the last step; −1 for no steps.
  mutating func entry(_ path: some Sequence<Step>) -> Int {
    var entry = -1
    for step in path {
      let key = Key(parent: entry, step: step)
      if let known = places[key] {
        entry = known
      } else {
        entry = parents.count
        parents.append(key.parent)
        steps.append(step)
        places[key] = entry
      }
    }
    return entry
  }
}

/// What the rows of all traces of a report share.
struct ReportPlaces {
  var texts = ReportTexts()
  var modules = PathTree<String>()
  var lines = PathTree<StackTrace.Frame>()
  private var traces: [String: [StackTrace.Frame]] = [:]

  /// The model's own lines of some nodes, outermost first, as far as they agree.
  mutating func commonFrames(_ nodes: [OperatorGraph.Node]) -> [StackTrace.Frame] {
    var common: ArraySlice<StackTrace.Frame>?
    for node in nodes {
      guard let text = node.stackTrace else { continue }
      let frames = frames(text)
      common = common.map { $0.prefix(zip($0, frames).prefix { $0 == $1 }.count) } ?? frames[...]
    }
    return Array(common ?? [])
  }

  private mutating func frames(_ text: String) -> [StackTrace.Frame] {
    if let known = traces[text] { return known }
    let all = StackTrace.frames(text)
    let own = all.filter(\.isOwn)
    traces[text] = own.isEmpty ? all : own
    return traces[text]!
  }
}

/// The rows of a trace as a page has them: the most expensive ones, and the others gathered by kind.
struct ReportRows {
  /// For each block of the trace the page's row of each of its rows.
  private(set) var rows: [[Int32]] = []
  /// For each block its first row on the page, and how many it has.
  private(set) var ranges: [Range<Int>] = []
  /// How many rows of the trace have no row of their own.
  private(set) var gathered = 0
  private(set) var columns: [Column: [Int]] = [:]

  enum Column: String, CaseIterable {
    case block, parent, kind, name, op, backend, module, line, instruction, chain, foreign, grid, shapes, operators,
      gathered
  }

  /// Modules or lines around a row that a page draws: deeper ones are left out.
  private static let depthLimit = 100

  static let kinds: [(RowKind, String)] = [
    (.methodExecute, "execution"), (.framework, "framework"), (.operatorCall, "call"), (.kernel, "kernel"),
    (.delegateCall, "delegate call"), (.delegated, "delegated"), (.control, "control"), (.values, "values"),
  ]

  /// - Parameter limit: Rows of their own.
  init(_ aligned: AlignedTrace, program: Program?, limit: Int, _ places: inout ReportPlaces) {
    let trace = aligned.trace
    for column in Column.allCases { columns[column] = [] }
    var least = Least(trace, limit: limit)
    let shapes = ReportShapes(aligned, program: program)
    for block in trace.blocks.indices {
      let first = columns[.block]!.count
      rows.append(add(block, of: aligned, shapes, &least, &places))
      ranges.append(first..<columns[.block]!.count)
    }
  }

  /// What a row must have to be one of the most expensive: its self time in all runs, and a place among its equals.
  private struct Least {
    private var time = Int64.min
    private var equals = Int.max
    let isNeeded: Bool

    init(_ trace: Trace, limit: Int) {
      isNeeded = trace.blocks.reduce(0) { $0 + $1.rows.count } > limit
      guard isNeeded else { return }
      var times: [Int64] = []
      for events in trace.blocks {
        let selfTimes = SelfTimes(events)
        for row in events.rows.indices { times.append(selfTimes.total(row: row, runs: events.runs.indices)) }
      }
      times.sort(by: >)
      time = times[limit - 1]
      equals = limit - (times.firstIndex(of: time) ?? 0)
    }

    mutating func isKept(_ time: Int64) -> Bool {
      if time == self.time { equals -= 1 }
      return time > self.time || time == self.time && equals >= 0
    }
  }

  private mutating func add(
    _ block: Int, of aligned: AlignedTrace, _ shapes: ReportShapes, _ least: inout Least, _ places: inout ReportPlaces
  ) -> [Int32] {
    let (trace, events) = (aligned.trace, aligned.trace.blocks[block])
    let kinds = trace.kinds[block]
    var isKept = [Bool](repeating: true, count: events.rows.count)
    if least.isNeeded {
      let selfTimes = SelfTimes(events)
      for row in events.rows.indices {
        isKept[row] =
          least.isKept(selfTimes.total(row: row, runs: events.runs.indices)) || kinds[row] == .methodExecute
      }
      // What encloses a row of the page is one, too.
      for row in events.rows.indices where isKept[row] {
        var parent = Int(events.parents[row])
        while parent >= 0, !isKept[parent] {
          isKept[parent] = true
          parent = Int(events.parents[parent])
        }
      }
    }
    let first = columns[.block]!.count
    var mapped = [Int32](repeating: -1, count: events.rows.count)
    var next = first
    for row in events.rows.indices where isKept[row] {
      mapped[row] = Int32(next)
      next += 1
    }
    for row in events.rows.indices where isKept[row] {
      append(row, block, of: aligned, shapes, parent: Int(events.parents[row]), mapped, &places)
    }
    var gatherings: [Gathering: Int32] = [:]
    /// The page's row of a row: its own, or that of its kind inside the same.
    func place(_ row: Int) -> Int32 {
      var path: [Int] = []
      var at = row
      while mapped[at] < 0 {
        path.append(at)
        guard events.parents[at] >= 0 else { break }
        at = Int(events.parents[at])
      }
      for row in path.reversed() {
        let parent = events.parents[row] < 0 ? -1 : mapped[Int(events.parents[row])]
        let gathering = Gathering(kind: kinds[row], parent: parent, isForeign: events.isForeign[row])
        if let known = gatherings[gathering] {
          mapped[row] = known
        } else {
          mapped[row] = Int32(columns[.block]!.count)
          gatherings[gathering] = mapped[row]
          appendGathering(gathering, block, &places)
        }
        columns[.gathered]![Int(mapped[row])] += 1
        gathered += 1
      }
      return mapped[row]
    }
    for row in events.rows.indices where mapped[row] < 0 { _ = place(row) }
    return mapped
  }

  /// Rows without a row of their own that are told as one.
  private struct Gathering: Hashable {
    let kind: RowKind
    let parent: Int32
    let isForeign: Bool
  }

  private mutating func set(_ column: Column, _ value: Int) { columns[column]!.append(value) }

  private mutating func appendGathering(_ gathering: Gathering, _ block: Int, _ places: inout ReportPlaces) {
    for column in Column.allCases {
      let value =
        switch column {
        case .block: block
        case .parent: Int(gathering.parent)
        case .kind: Self.number(of: gathering.kind)
        case .name: places.texts.number("smaller events")
        case .module, .line, .instruction, .chain: -1
        case .foreign: gathering.isForeign ? 1 : 0
        case .grid: 1
        case .op, .backend, .shapes, .operators, .gathered: 0
        }
      set(column, value)
    }
  }

  private static func number(of kind: RowKind) -> Int { kinds.firstIndex { $0.0 == kind } ?? 0 }

  private mutating func append(
    _ row: Int, _ block: Int, of aligned: AlignedTrace, _ shapes: ReportShapes, parent: Int, _ mapped: [Int32],
    _ places: inout ReportPlaces
  ) {
    let (trace, events) = (aligned.trace, aligned.trace.blocks[block])
    let kind = trace.kinds[block][row]
    let nodes = aligned.nodes(block: block, row: row)
    let isInside = kind != .methodExecute && kind != .framework
    set(.block, block)
    set(.parent, parent < 0 ? -1 : Int(mapped[parent]))
    set(.kind, Self.number(of: kind))
    set(.name, places.texts.number(trace.name(of: events.rows[row])))
    set(.op, places.texts.number(operatorName(aligned, block, row, nodes)))
    set(.backend, places.texts.number(aligned.backend(block: block, row: row)))
    let module = isInside ? aligned.module(block: block, row: row) : nil
    set(.module, places.modules.entry((module ?? "").split(separator: ".").prefix(Self.depthLimit).map(String.init)))
    set(.line, isInside ? places.lines.entry(places.commonFrames(nodes).prefix(Self.depthLimit)) : -1)
    set(.instruction, Int(trace.instruction(of: events.rows[row]).value))
    set(.chain, trace.chain(of: events.rows[row]))
    set(.foreign, events.isForeign[row] ? 1 : 0)
    set(.grid, Int(clamping: Clock.grid(of: CollectionOfOne(row), in: events) ?? 1))
    set(.shapes, places.texts.number(shapes.text(block: block, row: row)))
    let operators = nodes.prefix(20).map(\.op).joined(separator: ", ")
    set(
      .operators, places.texts.number(nodes.count > 20 ? operators + ", … \(nodes.count) in all" : operators))
    set(.gathered, 0)
  }

  /// What a row computes: for a backend's kernel its node's operator; the name itself where nothing says more.
  private func operatorName(
    _ aligned: AlignedTrace, _ block: Int, _ row: Int, _ nodes: [OperatorGraph.Node]
  ) -> String? {
    if let name = aligned.operatorName(block: block, row: row) { return name }
    return aligned.trace.kinds[block][row] == .delegated ? nodes.first?.op : nil
  }
}
