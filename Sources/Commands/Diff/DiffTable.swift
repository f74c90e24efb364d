import Analysis
import Bytes
import ETCore
import Presentation
import Statistics
import TraceModel

/// The comparison for people: what came of it in a sentence, then what changed, most first, then how it was found.
struct DiffTable {
  let diff: TraceDiff
  let request: DiffRequest
  private let words: DiffWords
  private static let usualTop = 40

  init(diff: TraceDiff, request: DiffRequest) {
    self.diff = diff
    self.request = request
    words = DiffWords(conversion: request.conversion)
  }

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = ""
    // Executions first: they are what is asked for; loading is told behind.
    let executions = diff.sections.filter { $0.name != "Default" }
    for section in executions + diff.sections.filter({ $0.name == "Default" }) {
      if !text.isEmpty { text += "\n" }
      text += self.text(section)
    }
    if diff.sections.isEmpty { text += "nothing to compare: no side has events\n" }
    text += "\n" + method
    try sink.write(text)
  }

  // MARK: A section

  private func text(_ section: TraceDiff.Section) -> String {
    var text = escaped(verdict(section)) + "\n"
    let changed = section.rows.filter {
      $0.classification != .unchanged && ($0.contribution != 0 || $0.classification == .moved)
    }.sorted(by: isLarger)
    let fused = section.rows.filter { $0.classification == .unchanged && words.sentence($0) != nil }
    let limit = request.top.map { $0 == 0 ? Int.max : $0 } ?? Self.usualTop
    let shown = changed.prefix(limit)
    let isOneSided = section.total == nil
    if !shown.isEmpty && !isOneSided {
      var table = TextTable([
        .init("change"), .init("what", canShrink: true), .init("base", isNumber: true), .init("new", isNumber: true),
        .init("difference", isNumber: true), .init("", isNumber: true), .init("\(confidence) interval", isNumber: true),
        .init("p", isNumber: true), .init("module", canShrink: true),
      ])
      for row in shown { table.row(cells(row)) }
      text += request.format == .markdown ? "\n" + table.markdown() + "\n" : table.text(width: request.width)
      if shown.count < changed.count {
        text += "… the \(shown.count) largest of \(changed.count) changes; --top 0 shows all\n"
      }
    }
    for row in (shown + fused.sorted(by: isLarger).prefix(max(0, limit - shown.count))) where !isOneSided {
      guard let sentence = words.sentence(row) else { continue }
      let place = (row.new?.items.first?.module).flatMap { $0.isEmpty ? nil : " (\(DiffWords.inert($0)))" } ?? ""
      let isJudged = row.classification != .unchanged || row.change?.smallestDetectable != nil
      let result = isJudged ? row.classification.rawValue : "too few samples to tell from chance"
      text += escaped("\(sentence)\(place): \(result)") + lineEnd
    }
    text += "rows: " + counts(section) + lineEnd
    if let line = leftOut(section) { text += line + lineEnd }
    if let line = detectable(section) { text += line + lineEnd }
    return text
  }

  private func cells(_ row: TraceDiff.Row) -> [String] {
    var what = words.title(row)
    if row.isMoved && row.classification != .moved { what += " (moved)" }
    if row.isForeign { what += " (other clock)" }
    let change = row.change
    let difference = change?.shift ?? row.contribution
    return [
      row.classification.rawValue, escaped(what), row.base.map { words.time($0.median) } ?? "",
      row.new.map { words.time($0.median) } ?? "", words.signed(difference),
      change?.relative.map(DiffWords.percent) ?? "", words.interval(change?.interval),
      change.map { DiffWords.p($0.adjustedP) } ?? "",
      escaped(DiffWords.inert(row.new?.items.first?.module ?? row.base?.items.first?.module ?? "")),
    ]
  }

  private func isLarger(_ a: TraceDiff.Row, _ b: TraceDiff.Row) -> Bool {
    let (x, y) = (abs(a.change?.shift ?? a.contribution), abs(b.change?.shift ?? b.contribution))
    return x != y ? x > y : words.title(a) < words.title(b)
  }

  // MARK: Sentences

  private func name(_ section: TraceDiff.Section) -> String {
    var name = section.name == "Default" ? "loading" : DiffWords.inert(section.name)
    if let method = section.method, section.name != "Default" { name += " of \(DiffWords.inert(method))" }
    if section.bundledInput >= 0 { name += ", bundled input \(section.bundledInput)" }
    if section.phase != .all { name += ", \(section.phase.rawValue)" }
    return name
  }

  private func verdict(_ section: TraceDiff.Section) -> String {
    let name = name(section)
    guard let total = section.total else {
      return section.base.traces.isEmpty
        ? "\(name): only the new side has it, \(words.time(section.new.median)) a run"
        : "\(name): only the base has it, \(words.time(section.base.median)) a run"
    }
    let times = "\(words.time(section.base.median)) → \(words.time(section.new.median)) a run"
    let relative = total.relative.map { " (\(DiffWords.percent($0)))" } ?? ""
    let interval = total.interval.map { ", \(confidence) interval \(words.interval($0))" } ?? ""
    let change = "\(words.signed(total.shift))\(relative)\(interval), p \(DiffWords.p(total.adjustedP))"
    if section.totalClass == .unchanged && total.smallestDetectable == nil {
      return "\(name): too few samples to tell a change from chance: \(times), \(words.signed(total.shift))\(relative)"
    }
    var text =
      section.totalClass == .unchanged
      ? "\(name): no change of the whole was found: \(times), \(change)"
      : "\(name) is \(section.totalClass.rawValue): \(times), \(change)"
    if let launchWide = section.launchWide, launchWide.isChange {
      text +=
        ". All operators have \(DiffWords.percent(launchWide.relative)) in common: look at the machine, the clock or the build "
        + "before the operators"
    }
    let explained = explanation(section)
    if !explained.isEmpty { text += ". " + explained }
    return text
  }

  private func explanation(_ section: TraceDiff.Section) -> String {
    let changed = section.rows.filter {
      $0.classification != .unchanged && $0.classification != .moved && !$0.isForeign
    }
    .sorted(by: isLarger)
    guard let first = changed.first else { return "" }
    if section.totalClass == .unchanged {
      let others = changed.count > 1 ? " and \(changed.count - 1) more" : ""
      return
        "Parts of it changed: \(words.title(first)), \(words.signed(first.change?.shift ?? first.contribution))\(others)"
    }
    let sum = changed.reduce(0) { $0 + $1.contribution }
    let whole = section.new.median - section.base.median
    let title = words.sentence(first) ?? words.title(first)
    var text = "Most of it: \(title), \(words.signed(first.contribution))"
    if changed.count > 1 { text += "; all \(changed.count) rows that changed, \(words.signed(sum))" }
    if whole != 0 { text += " of \(words.signed(whole))" }
    return text
  }

  private func counts(_ section: TraceDiff.Section) -> String {
    let parts = TraceDiff.Class.allCases.compactMap { kind -> String? in
      let rows = section.rows.filter { $0.classification == kind }
      guard !rows.isEmpty else { return nil }
      let sum = rows.filter { !$0.isForeign }.reduce(0) { $0 + $1.contribution }
      return "\(rows.count) \(kind.rawValue) (\(words.signed(sum)))"
    }
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }

  private func leftOut(_ section: TraceDiff.Section) -> String? {
    func side(_ side: TraceDiff.SectionSide, _ name: String) -> String? {
      var parts: [String] = []
      if side.warmUp > 0 { parts.append("\(side.warmUp) of warm-up") }
      if side.cold > 0 { parts.append("\(side.cold) cold") }
      return parts.isEmpty ? nil : "\(name) \(parts.joined(separator: " and "))"
    }
    let parts = [side(section.base, "base"), side(section.new, "new")].compactMap { $0 }
    guard !parts.isEmpty else { return nil }
    return "runs left out: \(parts.joined(separator: "; ")); kept: \(section.base.runs) and \(section.new.runs)"
  }

  /// What this much data would have shown.
  private func detectable(_ section: TraceDiff.Section) -> String? {
    guard let total = section.total else { return nil }
    var parts: [String] = []
    if let least = total.smallestDetectable, section.base.median > 0 {
      parts.append("of the whole \(NumberText.percent(max(least / section.base.median, diff.settings.threshold)))")
    }
    let large = section.rows.filter {
      ($0.base?.median ?? 0) >= 0.01 * section.base.median && $0.change != nil && !$0.isForeign
    }
    let found = large.compactMap { row in row.change?.smallestDetectable.map { $0 / row.base!.median } }.sorted()
    if large.count > found.count {
      parts.append("of \(large.count - found.count) of the \(large.count) largest rows none at all: \(advice(section))")
    }
    if !found.isEmpty {
      parts.append(
        "of a row with at least 1% of the time \(NumberText.percent(found[found.count / 2])) (the middle one; "
          + "\(NumberText.percent(found[0])) to \(NumberText.percent(found[found.count - 1])))")
    }
    return parts.isEmpty
      ? nil : "smallest change that would have been found, 4 times in 5: " + parts.joined(separator: ", ")
  }

  /// How many samples it takes for one row among so many.
  private func advice(_ section: TraceDiff.Section) -> String {
    let rows = max(1, diff.sections.reduce(0) { $0 + $1.rows.count { $0.change != nil } })
    let needed = (2...40).first { MannWhitney.smallestP($0, $0) <= diff.settings.alpha / Double(rows) } ?? 40
    return "record at least \(needed) \(diff.unit == .launch ? "launches" : "runs") a side"
  }

  private var method: String {
    let counts = (diff.base.traces, diff.new.traces)
    var text: String
    if diff.unit == .launch {
      text =
        "compared: \(counts.0) with \(counts.1) launches; a launch is one sample, the median of its runs"
      if min(counts.0, counts.1) < 2 {
        text += ". One launch on a side: nothing can be told from chance; record more of them"
      }
    } else {
      text =
        "compared: the runs of one launch with those of one other. This knows nothing of the next launch, which can differ by itself; "
        + "record several of each and name them all"
    }
    text += lineEnd
    text +=
      "a change: Mann–Whitney p at most \(DiffWords.plain(diff.settings.alpha)) after Benjamini–Hochberg over all rows, at least "
      + "\(DiffWords.plain(diff.settings.threshold * 100))%, and two steps of the clock"
    text += ". Differences are Hodges–Lehmann's" + lineEnd
    if diff.sections.contains(where: { $0.launchWide?.isChange == false }) {
      text +=
        "what a launch did to all its operators alike is taken out of rows before they are judged, not out of the whole"
        + lineEnd
    }
    if diff.sections.contains(where: { $0.phase == .prefill || $0.phase == .decode }) {
      text += "prefill and decode are compared each with itself" + lineEnd
    }
    let lacking = [("base", diff.base.hasRecord), ("new", diff.new.hasRecord)].filter { !$0.1 }.map(\.0)
    if !lacking.isEmpty, diff.sections.contains(where: { $0.rows.contains { $0.match == .none } && $0.total != nil }) {
      text +=
        "no ETRecord of the \(lacking.joined(separator: " and ")): operators that were fused or delegated cannot be followed; give "
        + (lacking.contains("base") ? "--etrecord" : "--new-etrecord") + lineEnd
    }
    return text
  }

  private var confidence: String { DiffWords.plain(diff.settings.confidence * 100) + "%" }
  private var lineEnd: String { request.format == .markdown ? "  \n" : "\n" }

  private func escaped(_ text: String) -> String {
    let inert = DiffWords.inert(text, limit: 4000)
    return request.format == .markdown ? DiffWords.markdown(inert) : inert
  }
}
