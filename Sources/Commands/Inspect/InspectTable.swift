import Analysis
import Bytes
import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// The table for people: what is known of the trace, its events nested, and the account of its time.
struct InspectTable {
  let aligned: AlignedTrace
  let request: InspectRequest
  let inputs: Inputs

  /// A line of the table.
  struct Line {
    let row: Int
    let depth: Int
    /// The part of a delegate call that its kernels do not account for.
    var isRemainder = false
  }

  /// Rows of a block shown unless `--top` says otherwise: a longer table is not read.
  private static let usualTop = 60

  func write(to sink: any ByteSink) throws(WriteError) {
    let trace = aligned.trace
    let selfTimes = trace.blocks.map(SelfTimes.init)
    let account = Account(aligned, selfTimes: selfTimes)
    try sink.write(TrustLines(aligned: aligned, inputs: inputs, account: account, conversion: request.conversion).text)
    for block in trace.blocks.indices where !trace.blocks[block].rows.isEmpty {
      let phases = aligned.phases[block]
      for phase in phases { try sink.write("\n" + section(block, phase, selfTimes[block], several: phases.count > 1)) }
    }
    let tokens = TokenReport(aligned: aligned, conversion: request.conversion).text
    if !tokens.isEmpty { try sink.write("\n" + tokens) }
    if account.total > 0 { try sink.write("\n" + AccountText(account: account, request: request).text) }
  }

  private func section(_ block: Int, _ phase: Phase, _ selfTimes: SelfTimes, several: Bool) -> String {
    let trace = aligned.trace
    let events = trace.blocks[block]
    var heading = events.name
    if let method = aligned.methods.methods[block], events.name != "Default" { heading += " of \(method)" }
    if events.bundledInputIndex >= 0 { heading += ", bundled input \(events.bundledInputIndex)" }
    if several && phase.name != .all { heading += " · \(phase.name.rawValue)" }
    heading += " · \(phase.runs.count) run\(phase.runs.count == 1 ? "" : "s")"
    let whole = Double(wholeTicks(block, phase.runs))
    var lines = visibleLines(block)
    let total = lines.count
    let limit = request.top.map { $0 == 0 ? Int.max : $0 } ?? Self.usualTop
    if lines.count > limit { lines = largest(lines, limit, block, phase.runs, selfTimes) }
    lines = sorted(lines, block, phase.runs, selfTimes)
    var table = TextTable([
      .init("event", canShrink: true), .init("calls", isNumber: true), .init("p50", isNumber: true),
      .init("p90", isNumber: true),
      .init("avg", isNumber: true), .init("sd", isNumber: true), .init("share", isNumber: true),
      .init("cum", isNumber: true),
      .init("self", isNumber: true), .init("operator", canShrink: true), .init("module", canShrink: true),
      .init("source", canShrink: true),
    ])
    var cumulative = 0.0
    // A call's own time counts once: in the line of its remainder, where there is one.
    let remainders = Set(lines.filter(\.isRemainder).map(\.row))
    for line in lines {
      let perf = line.isRemainder ? remainder(line.row, phase.runs, selfTimes) : perf(block, line.row, phase.runs)
      let isForeign = events.isForeign[line.row]
      let own = Double(selfTimes.total(row: line.row, runs: phase.runs))
      let ticks = line.isRemainder ? own : Double(wholeTicks(block, line.row, phase.runs))
      if !isForeign && (line.isRemainder || !remainders.contains(line.row)) { cumulative += own }
      let calls = phase.runs.reduce(0) { $0 + events.count(row: line.row, run: $1) }
      table.row([
        String(repeating: "  ", count: line.depth) + title(block, line) + (isForeign ? " (other clock)" : ""),
        line.isRemainder ? "" : callText(calls, phase.runs.count),
        perf.map { NumberText.short($0.p50) } ?? "", perf.map { NumberText.short($0.p90) } ?? "",
        perf.map { NumberText.short($0.avg) } ?? "", perf.map { NumberText.short($0.standardDeviation) } ?? "",
        isForeign || whole == 0 ? "" : NumberText.percent(ticks / whole),
        isForeign || whole == 0 ? "" : NumberText.percent(cumulative / whole),
        isForeign ? "" : NumberText.short(request.conversion.convert(Int64(own)) / Double(phase.runs.count)),
        line.isRemainder ? "" : operatorText(block, line.row),
        line.isRemainder ? "" : aligned.module(block: block, row: line.row) ?? "",
        line.isRemainder ? "" : aligned.sourceLine(block: block, row: line.row) ?? "",
      ])
    }
    let unit = request.conversion.target.rawValue
    var text = "\(heading), times in \(unit)\n"
    text += request.format == .markdown ? "\n" + table.markdown() : table.text(width: request.width)
    if lines.count < total { text += "… the \(lines.count) largest of \(total) rows; --top 0 shows all\n" }
    return text
  }

  // MARK: Lines

  /// Rows in the order in which they happened, each below what encloses it. A call of an operator is one line with its kernel
  /// unless all events are wanted.
  private func visibleLines(_ block: Int) -> [Line] {
    let trace = aligned.trace
    let events = trace.blocks[block]
    // Rows by what encloses them: those of row r lie in inside[starts[r] ..< starts[r + 1]], those of none behind all.
    let count = events.rows.count
    var starts = [Int](repeating: 0, count: count + 2)
    for parent in events.parents { starts[(parent < 0 ? count : Int(parent)) + 1] += 1 }
    for row in 1..<starts.count { starts[row] += starts[row - 1] }
    var next = starts
    var inside = [Int](repeating: 0, count: count)
    for row in events.rows.indices {
      let parent = events.parents[row] < 0 ? count : Int(events.parents[row])
      inside[next[parent]] = row
      next[parent] += 1
    }
    // The stream has ends in order; people read starts. Another clock's times say nothing about order.
    func isBefore(_ a: Int, _ b: Int) -> Bool {
      if events.isForeign[a] || events.isForeign[b] { return a < b }
      let (x, y) = (events.start(row: a, run: 0), events.start(row: b, run: 0))
      return x != y ? x < y : a < b
    }
    func children(_ row: Int) -> [Int] {
      let rows = Array(inside[starts[row]..<starts[row + 1]])
      return zip(rows, rows.dropFirst()).allSatisfy(isBefore) ? rows : rows.sorted(by: isBefore)
    }
    var lines: [Line] = []
    var stack = children(count).reversed().map { Line(row: $0, depth: 0) }
    while let line = stack.popLast() {
      if line.isRemainder {
        lines.append(line)
        continue
      }
      if starts[line.row] == starts[line.row + 1] {
        lines.append(line)
        continue
      }
      let inner = children(line.row)
      let isWrapper =
        !request.allEvents && trace.kinds[block][line.row] == .operatorCall
        && inner.contains { trace.kinds[block][$0] == .kernel }
      if !isWrapper { lines.append(line) }
      let depth = isWrapper ? line.depth : line.depth + 1
      if trace.kinds[block][line.row] == .delegateCall {
        stack.append(Line(row: line.row, depth: depth, isRemainder: true))
      }
      for row in inner.reversed() { stack.append(Line(row: row, depth: depth)) }
    }
    return lines
  }

  private func title(_ block: Int, _ line: Line) -> String {
    if line.isRemainder { return "(not accounted for by kernels)" }
    let row = line.row
    let name = aligned.trace.name(of: aligned.trace.blocks[block].rows[row])
    switch aligned.trace.kinds[block][row] {
    case .delegateCall:
      return "\(name) \(aligned.trace.instruction(of: aligned.trace.blocks[block].rows[row])) "
        + (aligned.backend(block: block, row: row) ?? "")
    case .delegated:
      return name + (aligned.program?.kernels[block][row]?.isInserted == true ? " (inserted)" : "")
    default: return name
    }
  }

  private func operatorText(_ block: Int, _ row: Int) -> String {
    if let name = aligned.operatorName(block: block, row: row) { return name }
    guard aligned.trace.kinds[block][row] == .delegated else { return "" }
    var names: [String] = []
    for node in aligned.nodes(block: block, row: row) where !names.contains(node.op) { names.append(node.op) }
    return names.joined(separator: ", ")
  }

  private func callText(_ calls: Int, _ runs: Int) -> String {
    calls % runs == 0 ? String(calls / runs) : NumberText.short(Double(calls) / Double(runs))
  }

  // MARK: Times

  private func perf(_ block: Int, _ row: Int, _ runs: [Int]) -> PerfData? {
    aligned.trace.perfData(
      block: block, row: row, in: request.conversion, runs: runs, reference: request.referenceFaults)
  }

  private func remainder(_ row: Int, _ runs: [Int], _ selfTimes: SelfTimes) -> PerfData? {
    PerfData(raw: runs.map { request.conversion.convert(selfTimes.ticks(row: row, run: $0)) })
  }

  /// What shares are of: `Method::execute`, or the longest root where there is none.
  private func wholeTicks(_ block: Int, _ runs: [Int]) -> Int64 {
    let kinds = aligned.trace.kinds[block]
    if let row = kinds.firstIndex(of: .methodExecute) { return wholeTicks(block, row, runs) }
    let roots = kinds.indices.filter { aligned.trace.blocks[block].parents[$0] < 0 }
    return roots.map { wholeTicks(block, $0, runs) }.max() ?? 0
  }

  private func wholeTicks(_ block: Int, _ row: Int, _ runs: [Int]) -> Int64 {
    runs.reduce(0) { $0 &+ Int64(truncatingIfNeeded: aligned.trace.blocks[block].duration(row: row, run: $1)) }
  }

  private func largest(_ lines: [Line], _ count: Int, _ block: Int, _ runs: [Int], _ selfTimes: SelfTimes) -> [Line] {
    // The few largest of many: a sorted list of those seen so far.
    var kept: [(cost: Int64, index: Int)] = []
    for (index, line) in lines.enumerated() {
      let cost = line.isRemainder ? selfTimes.total(row: line.row, runs: runs) : wholeTicks(block, line.row, runs)
      if kept.count == count, let last = kept.last, last.cost >= cost { continue }
      let place = kept.firstIndex { $0.cost < cost } ?? kept.count
      kept.insert((cost, index), at: place)
      if kept.count > count { kept.removeLast() }
    }
    return kept.map(\.index).sorted().map { lines[$0] }
  }

  private func sorted(_ lines: [Line], _ block: Int, _ runs: [Int], _ selfTimes: SelfTimes) -> [Line] {
    guard let key = request.sort, key != .order else { return lines }
    if key == .name {
      let titles = lines.map { title(block, $0) }
      return lines.indices.sorted { (titles[$0], $0) < (titles[$1], $1) }.map { lines[$0] }
    }
    let values = lines.map { line -> Double in
      if key == .self || line.isRemainder { return Double(selfTimes.total(row: line.row, runs: runs)) }
      if key == .total { return Double(wholeTicks(block, line.row, runs)) }
      guard let perf = perf(block, line.row, runs) else { return -1 }
      return key == .p50 ? perf.p50 : key == .avg ? perf.avg : perf.max
    }
    return lines.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }.map { lines[$0] }
  }
}
