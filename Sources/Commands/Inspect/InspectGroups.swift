import Analysis
import Bytes
import ETCore
import ETDumpFormat
import Presentation
import TraceModel

/// Time by operator, backend, module, source line, block or run. Except by run, groups share out self times, so they add up.
struct InspectGroups {
  let aligned: AlignedTrace
  let request: InspectRequest

  struct Group {
    let name: String
    var calls = 0
    /// In the runs of all executions, one after the other.
    var times: [Int64]
  }

  func write(to sink: any ByteSink) throws(WriteError) {
    var groups = request.group == .run ? byRun() : byKey()
    switch request.sort ?? (request.group == .run ? .order : .total) {
    case .order: break
    case .name: groups.sort { $0.name < $1.name }
    default: groups.sort { total($0) != total($1) ? total($0) > total($1) : $0.name < $1.name }
    }
    let whole = groups.reduce(0) { $0 + total($1) }
    if let top = request.top, top > 0 { groups = Array(groups.prefix(top)) }
    let rows = groups.map { ($0, PerfData(raw: $0.times.map { request.conversion.convert($0) })) }
    switch request.format {
    case .json, .ndjson: try writeJSON(rows, whole, to: sink)
    default: try writeTable(rows, whole, to: sink)
    }
  }

  private func total(_ group: Group) -> Int64 { group.times.reduce(0, &+) }

  // MARK: Groups

  /// Blocks that hold executions; others where none do.
  private var blocks: [Int] {
    let trace = aligned.trace
    let executions = trace.blocks.indices.filter { trace.kinds[$0].contains(.methodExecute) }
    return executions.isEmpty || request.group == .block ? Array(trace.blocks.indices) : executions
  }

  private func byRun() -> [Group] {
    let trace = aligned.trace
    var groups: [(run: Int, group: Group)] = []
    for block in blocks {
      guard let row = trace.kinds[block].firstIndex(of: .methodExecute) else { continue }
      for phase in aligned.phases[block] {
        for run in phase.runs {
          let label = phase.name == .all ? "" : " \(phase.name.rawValue)"
          let time = Int64(truncatingIfNeeded: trace.blocks[block].duration(row: row, run: run))
          groups.append(
            (trace.blocks[block].runs[run], Group(name: "\(trace.blocks[block].name)\(label)", calls: 1, times: [time]))
          )
        }
      }
    }
    return groups.sorted { $0.run < $1.run }.enumerated().map { index, entry in
      Group(name: "\(index) \(entry.group.name)", calls: 1, times: entry.group.times)
    }
  }

  private func byKey() -> [Group] {
    let trace = aligned.trace
    let runCount = blocks.reduce(0) { $0 + trace.blocks[$1].runs.count }
    var groups: [Group] = []
    var places: [String: Int] = [:]
    var firstRun = 0
    for block in blocks {
      let events = trace.blocks[block]
      let selfTimes = SelfTimes(events)
      for row in events.rows.indices where events.rows[row].hasProfile && !events.isForeign[row] {
        let name = key(block, row)
        let place = places[name] ?? groups.count
        if place == groups.count {
          groups.append(Group(name: name, times: Array(repeating: 0, count: runCount)))
          places[name] = place
        }
        for run in events.runs.indices {
          groups[place].times[firstRun + run] &+= selfTimes.ticks(row: row, run: run)
          groups[place].calls += events.count(row: row, run: run)
        }
      }
      firstRun += events.runs.count
    }
    return groups
  }

  private func key(_ block: Int, _ row: Int) -> String {
    let trace = aligned.trace
    let kind = trace.kinds[block][row]
    let framework = "(framework)"
    switch request.group {
    case .op:
      if let name = aligned.operatorName(block: block, row: row), kind == .kernel { return name }
      if kind == .operatorCall, !calls(block, row) {
        return aligned.operatorName(block: block, row: row) ?? "OPERATOR_CALL"
      }
      if kind == .delegated {
        let nodes = aligned.nodes(block: block, row: row)
        if let op = nodes.first?.op { return op }
        return trace.name(of: trace.blocks[block].rows[row]).split(separator: "#").first.map {
          String($0.dropLast($0.last == " " ? 1 : 0))
        } ?? ""
      }
      return kind == .delegateCall
        ? "(\(aligned.backend(block: block, row: row) ?? "delegate"), not accounted for)" : framework
    case .backend:
      if let backend = aligned.backend(block: block, row: row), kind == .delegateCall || kind == .delegated {
        return backend
      }
      return kind == .delegateCall || kind == .delegated ? "a delegate" : kind == .kernel ? "no backend" : framework
    case .module:
      guard let path = aligned.module(block: block, row: row), kind != .framework, kind != .methodExecute else {
        return kind == .kernel || kind == .delegated ? "(unknown)" : framework
      }
      guard let depth = request.moduleDepth else { return path.isEmpty ? "(model)" : path }
      let cut = path.split(separator: ".").prefix(depth).joined(separator: ".")
      return cut.isEmpty ? "(model)" : cut
    case .source:
      return aligned.sourceLine(block: block, row: row)
        ?? (kind == .kernel || kind == .delegated ? "(unknown)" : kind == .delegateCall ? "(delegate call)" : framework)
    case .block: return trace.blocks[block].name
    case .event, .run: return trace.name(of: trace.blocks[block].rows[row])
    }
  }

  private func calls(_ block: Int, _ row: Int) -> Bool {
    row > 0 && aligned.trace.blocks[block].parents[row - 1] == Int32(row)
  }

  // MARK: Formats

  private func writeTable(_ rows: [(Group, PerfData)], _ whole: Int64, to sink: any ByteSink) throws(WriteError) {
    let unit = " (\(request.conversion.target.rawValue))"
    if request.format == .csv || request.format == .tsv {
      var writer = DelimitedWriter(separator: request.format == .tsv ? "\t" : ",")
      writer.row([
        request.group.rawValue, "calls", "total_ticks", "share", "p10" + unit, "p50" + unit, "p90" + unit, "avg" + unit,
        "min" + unit, "max" + unit,
      ])
      for (group, perf) in rows {
        writer.row(
          [
            group.name, String(group.calls), String(total(group)),
            PythonText.float(Double(total(group)) / Double(max(1, whole))),
          ]
            + [perf.p10, perf.p50, perf.p90, perf.avg, perf.min, perf.max].map(PythonText.float))
      }
      return try sink.write(writer.bytes)
    }
    var table = TextTable([
      .init(request.group.rawValue, canShrink: true), .init("calls", isNumber: true),
      .init("p50" + unit, isNumber: true),
      .init("p90", isNumber: true), .init("avg", isNumber: true), .init("sd", isNumber: true),
      .init("share", isNumber: true),
      .init("cum", isNumber: true),
    ])
    var cumulative: Int64 = 0
    for (group, perf) in rows {
      cumulative += total(group)
      table.row([
        group.name, NumberText.grouped(Int64(group.calls)), NumberText.short(perf.p50), NumberText.short(perf.p90),
        NumberText.short(perf.avg), NumberText.short(perf.standardDeviation),
        NumberText.percent(Double(total(group)) / Double(max(1, whole))),
        NumberText.percent(Double(cumulative) / Double(max(1, whole))),
      ])
    }
    try sink.write(request.format == .markdown ? table.markdown() : table.text(width: request.width))
  }

  private func writeJSON(_ rows: [(Group, PerfData)], _ whole: Int64, to sink: any ByteSink) throws(WriteError) {
    var json = JSONWriter(indentation: request.format == .json ? 1 : nil)
    func fields(_ group: Group, _ perf: PerfData, _ json: inout JSONWriter) {
      json.member(request.group.rawValue, group.name)
      json.member("calls", group.calls)
      json.member("total_ticks", total(group))
      json.member("share", Double(total(group)) / Double(max(1, whole)))
      for (name, value) in [
        ("p10", perf.p10), ("p50", perf.p50), ("p90", perf.p90), ("avg", perf.avg), ("min", perf.min),
        ("max", perf.max),
      ] {
        json.member(name, value)
      }
    }
    if request.format == .ndjson {
      for (group, perf) in rows {
        json.object { json in
          json.member("schema", "ettools.inspect.groups/1")
          fields(group, perf, &json)
        }
        json.endLine()
      }
    } else {
      json.object { json in
        json.member("schema", "ettools.inspect.groups/1")
        json.member("group", request.group.rawValue)
        json.member("total_ticks", whole)
        json.member("target_time_scale", request.conversion.target.rawValue)
        json.key("rows")
        json.array { json in for (group, perf) in rows { json.object { json in fields(group, perf, &json) } } }
      }
      json.endLine()
    }
    try sink.write(json.take())
  }
}
