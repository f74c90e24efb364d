import Analysis
import ETCore
import ETDumpFormat
import ETFormats
import Presentation
import TraceModel

/// One side of a report: what a page shows of some traces of one model.
struct ReportTrace {
  private let inputs: Inputs
  private let aligned: AlignedTrace
  private let conversion: TimeConversion
  private let rows: ReportRows
  private let events: ReportEvents

  /// Rows of their own; what more there are is gathered.
  private static let rowLimit = 20_000
  /// Bytes for the events: in base64 a quarter of what they take in an ETDump, at least 44 bytes each, and never more than the
  /// largest page has room for.
  private static func eventLimit(_ dump: ETDump) -> Int { min(dump.events.count * 44 * 3 / 16 + 65_536, 11 << 20) }
  /// Allocations that are told one by one.
  private static let allocationLimit = 20_000

  init(_ inputs: Inputs, _ aligned: AlignedTrace, _ conversion: TimeConversion, _ places: inout ReportPlaces) {
    self.inputs = inputs
    self.aligned = aligned
    self.conversion = conversion
    rows = ReportRows(aligned, program: inputs.program, limit: Self.rowLimit, &places)
    events = ReportEvents(aligned.trace, rows: rows, limit: Self.eventLimit(inputs.dump))
  }

  /// For each row its number in `ReportComparison.verdicts`.
  func verdicts(_ comparison: ReportComparison, isBase: Bool) -> [Int] {
    comparison.verdicts(isBase: isBase, pooled: aligned.trace, rows: rows)
  }

  func write(_ json: inout JSONWriter, _ columns: inout ColumnData, prefix: String, _ texts: inout ReportTexts) {
    let trace = aligned.trace
    let account = Account(aligned, selfTimes: trace.blocks.map(SelfTimes.init))
    json.object { json in
      json.member("prefix", prefix)
      json.strings("files", inputs.names.traces)
      json.strings("models", [inputs.names.record, inputs.names.program].compactMap { $0 })
      json.strings("facts", facts)
      json.strings("trust", trust(account))
      json.key("blocks")
      json.array { json in for block in trace.blocks.indices { write(block: block, &json) } }
      json.key("account")
      write(account, &json)
      json.key("findings")
      json.array { json in
        for finding in Findings.find(aligned, record: inputs.record, program: inputs.program) { write(finding, &json) }
      }
      json.key("planned")
      json.array { json in for plan in inputs.program?.executionPlans ?? [] { write(plan, &json) } }
      json.member("events", inputs.dump.events.count)
      json.member("gatheredRows", rows.gathered)
      json.member("allocationsLeftOut", addColumns(&columns, prefix, &texts))
    }
  }

  /// What the trace says of itself: `device=…`, `model=…`.
  private var facts: [String] {
    let dump = inputs.dump
    var facts: [String] = []
    for run in dump.runs where dump.text(run.name) == "ettools.meta" {
      for fact in run.allocators.map({ dump.text($0) }) where !facts.contains(fact) && facts.count < 100 {
        facts.append(fact)
      }
    }
    return facts
  }

  private func trust(_ account: Account) -> [String] {
    let text =
      TrustLines(aligned: aligned, inputs: inputs, account: account, conversion: conversion).text
      + TokenReport(aligned: aligned, conversion: conversion).text
    return text.split(separator: "\n").map(String.init)
  }

  private func write(block: Int, _ json: inout JSONWriter) {
    let (trace, pooled) = (aligned.trace, aligned.trace.blocks[block])
    json.object { json in
      json.member("name", pooled.name)
      if let method = aligned.methods.methods[block] { json.member("method", method) }
      if pooled.bundledInputIndex >= 0 { json.member("bundledInput", pooled.bundledInputIndex) }
      json.member("isExecution", trace.kinds[block].contains(.methodExecute))
      json.member("firstRow", rows.ranges[block].lowerBound)
      json.member("rows", rows.ranges[block].count)
      json.key("phases")
      json.array { json in
        for phase in aligned.phases[block] {
          json.value(phase.name.rawValue)
        }
      }
    }
  }

  private func write(_ account: Account, _ json: inout JSONWriter) {
    json.object { json in
      json.member("ticks", account.total)
      json.member("runs", account.runs)
      json.key("parts")
      json.array { json in
        for part in account.parts {
          json.object { json in
            json.member("name", part.name)
            json.member("ticks", part.ticks)
            json.member("calls", part.calls)
          }
        }
      }
    }
  }

  private func write(_ finding: Finding, _ json: inout JSONWriter) {
    json.object { json in
      json.member("rule", finding.rule.id)
      json.member("severity", finding.severity.rawValue)
      json.member("message", finding.message)
      json.member("mend", finding.mend)
      json.member("count", finding.count)
    }
  }

  private func write(_ plan: Program.ExecutionPlan, _ json: inout JSONWriter) {
    json.object { json in
      json.member("method", plan.name)
      json.key("buffers")
      // Number 0 is reserved for constants.
      json.array { json in for size in plan.nonConstBufferSizes.dropFirst() { json.value(size) } }
      json.member(
        "constants",
        plan.tensors.reduce(Int64(0)) { $1.storage == .constant ? $0 &+ Int64($1.byteCount) : $0 })
    }
  }

  // MARK: Columns

  /// - Returns: How many allocations have no room.
  private func addColumns(_ columns: inout ColumnData, _ prefix: String, _ texts: inout ReportTexts) -> Int {
    for column in ReportRows.Column.allCases { columns.add("\(prefix).row.\(column)", rows.columns[column]!) }
    let runs = events.runs
    let phaseOf = aligned.phases.map { phases in
      Dictionary(
        uniqueKeysWithValues: phases.enumerated().flatMap { phase in phase.element.runs.map { ($0, phase.offset) } })
    }
    columns.add("\(prefix).run.block", runs.map(\.block))
    columns.add("\(prefix).run.file", runs.map(\.file))
    columns.add("\(prefix).run.phase", runs.map { phaseOf[$0.block][$0.iteration] ?? 0 })
    let warmUp = aligned.phases.enumerated().map { block, phases in
      Set(phases.flatMap { aligned.trace.warmUp(block: block, runs: $0.runs) })
    }
    columns.add("\(prefix).run.warmUp", runs.map { warmUp[$0.block].contains($0.iteration) ? 1 : 0 })
    columns.add("\(prefix).run.start", runs.map { Int64(bitPattern: $0.start) })
    columns.add("\(prefix).run.time", runs.map(\.time))
    columns.add("\(prefix).run.offset", runs.map(\.offset))
    columns.add("\(prefix).run.events", runs.map(\.events))
    columns.add("\(prefix).events", encoded: events.bytes, count: events.count)
    return addAllocations(&columns, prefix, &texts)
  }

  private func addAllocations(_ columns: inout ColumnData, _ prefix: String, _ texts: inout ReportTexts) -> Int {
    let dump = inputs.dump
    var (runs, names, sizes, places): ([Int], [Int], [Int64], [Int]) = ([], [], [], [])
    var leftOut = 0
    for (number, run) in events.runs.enumerated() {
      guard let range = dump.runs[run.index].events else { continue }
      let allocators = dump.runs[run.index].allocators
      var timed = 0
      for event in dump.events[range] {
        if event.kind == .profile { timed += 1 }
        guard event.kind == .allocation else { continue }
        if runs.count == Self.allocationLimit {
          leftOut += 1
          continue
        }
        let allocator = Int(event.payload) - 1
        let name =
          allocators.indices.contains(allocator) ? dump.text(allocators[allocator]) : "allocator \(event.payload)"
        runs.append(number)
        names.append(texts.number(name))
        sizes.append(Int64(bitPattern: event.start))
        places.append(timed)
      }
    }
    columns.add("\(prefix).allocation.run", runs)
    columns.add("\(prefix).allocation.name", names)
    columns.add("\(prefix).allocation.size", sizes)
    columns.add("\(prefix).allocation.event", places)
    return leftOut
  }
}

extension JSONWriter {
  mutating func strings(_ key: String, _ values: some Sequence<String>) {
    self.key(key)
    array { json in for value in values { json.value(value) } }
  }
}
