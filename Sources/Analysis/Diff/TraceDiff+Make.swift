import ETCore
import Statistics
public import TraceModel

extension TraceDiff {
  /// Compares two sets of traces, each trace a launch.
  public init(base: [AlignedTrace], new: [AlignedTrace], settings: Settings = Settings()) {
    self.init(base: base.map(TraceParts.init), new: new.map(TraceParts.init), settings: settings)
  }

  /// Compares traces whose parts are known already: for many comparisons of the same traces.
  public init(base: [TraceParts], new: [TraceParts], settings: Settings = Settings()) {
    self.settings = settings
    unit = base.count > 1 || new.count > 1 ? .launch : .run
    self.base = Input(base)
    self.new = Input(new)
    let joining = DiffSide.shouldJoin(base + new)
    let sides = (DiffSide(base, joining: joining), DiffSide(new, joining: joining))
    let unit = unit
    let statistics = DiffStatistics(settings: settings, unit: unit)
    var sections: [Section] = []
    var samples: [[DiffStatistics.Samples?]] = []
    for pair in SectionPairs(sides.0, sides.1).pairs {
      let made = SectionDiff(pair.base, sides.0, pair.new, sides.1, unit: unit, settings: settings).section
      sections.append(made.section)
      samples.append(made.samples)
    }
    var rows = sections.flatMap(\.rows)
    statistics.classify(&rows, samples.flatMap { $0 })
    var start = 0
    for index in sections.indices {
      let count = sections[index].rows.count
      sections[index].rows = Array(rows[start..<(start + count)])
      start += count
    }
    // Totals are tests of their own, one for each section.
    let compared = sections.indices.filter { sections[$0].total != nil }
    let adjusted = FalseDiscoveryRate.benjaminiHochberg(compared.map { sections[$0].total!.p })
    for (place, index) in compared.enumerated() {
      sections[index].total!.adjustedP = adjusted[place]
      sections[index].totalClass = statistics.classify(sections[index].total!, adjusted[place], step: 1)
    }
    self.sections = sections
  }
}

extension TraceDiff.Input {
  fileprivate init(_ traces: [TraceParts]) {
    self.init(
      traces: traces.count,
      hasRecord: traces.contains { $0.aligned.alignment.operatorSets.contains { !$0.nodes.isEmpty } })
  }
}

/// One section of a comparison in the making.
private struct SectionDiff {
  let base: DiffSide.Group?
  let new: DiffSide.Group?
  let sides: (base: DiffSide, new: DiffSide)
  let unit: TraceDiff.Unit
  let settings: TraceDiff.Settings

  init(
    _ base: DiffSide.Group?, _ baseSide: DiffSide, _ new: DiffSide.Group?, _ newSide: DiffSide, unit: TraceDiff.Unit,
    settings: TraceDiff.Settings
  ) {
    self.base = base
    self.new = new
    sides = (baseSide, newSide)
    self.unit = unit
    self.settings = settings
  }

  var section: (section: TraceDiff.Section, samples: [DiffStatistics.Samples?]) {
    let wholes = (whole(base), whole(new))
    var rows = pairs.map(row).sorted { $0.order < $1.order }.map(\.row)
    let statistics = DiffStatistics(settings: settings, unit: unit)
    var samples = [DiffStatistics.Samples?](repeating: nil, count: rows.count)
    var total: TraceDiff.Change?
    var launchWide: TraceDiff.LaunchWide?
    let totalClass = base == nil ? TraceDiff.Class.added : .removed
    if base != nil, new != nil {
      let prepared = statistics.prepare(&rows, wholes.0, wholes.1)
      launchWide = prepared.launchWide
      samples = prepared.samples
      total = statistics.change(wholes.0.samples, wholes.1.samples, wholes.0.median)
      total?.smallestDetectable = statistics.smallest(wholes.0.samples, wholes.1.samples, alpha: settings.alpha)
    }
    let key = (base ?? new)!.key
    let section = TraceDiff.Section(
      name: key.name, method: key.method ?? new?.key.method, phase: key.phase, bundledInput: Int(key.bundledInput),
      base: wholes.0, new: wholes.1, total: total, totalClass: totalClass, launchWide: launchWide, rows: rows)
    return (section, samples)
  }

  private var pairs: [PartMatching.Pair] {
    switch (base, new) {
    case (let base?, let new?):
      PartMatching(
        base, sides.base.traces[base.members[0].trace], new, sides.new.traces[new.members[0].trace]
      ).pairs
    case (let base?, nil):
      base.signature.places.indices.map { PartMatching.Pair(base: [$0], new: [], match: .none) }
    case (nil, let new?):
      new.signature.places.indices.map { PartMatching.Pair(base: [], new: [$0], match: .none) }
    default: []
    }
  }

  private func row(_ pair: PartMatching.Pair) -> (row: TraceDiff.Row, order: Int) {
    let from = base.flatMap { side($0, pair.base, sides.base) }
    let to = new.flatMap { side($0, pair.new, sides.new) }
    let parts = (base.map { ($0, pair.base) }, new.map { ($0, pair.new) })
    let all = [parts.0, parts.1].compactMap { $0 }.flatMap { group, places in
      places.map { place in group.members.map { $0.section.parts[$0.places[place]] } }
    }
    // A clock's step is the least that any trace shows.
    let step = all.compactMap { $0.map(\.step).min() }.max() ?? 1
    let order =
      pair.new.first.flatMap { place in new.map { $0.members[0].places[place] * 2 + 1 } }
      ?? pair.base.first.flatMap { place in base.map { $0.members[0].places[place] * 2 } } ?? 0
    let classification: TraceDiff.Class = from == nil ? .added : to == nil ? .removed : .unchanged
    return (
      TraceDiff.Row(
        change: nil, classification: classification, match: pair.match, isMoved: pair.isMoved, base: from, new: to,
        isForeign: all.contains { $0[0].isForeign }, step: Double(step)), order
    )
  }

  private func side(_ group: DiffSide.Group, _ places: [Int], _ side: DiffSide) -> TraceDiff.Side? {
    guard !places.isEmpty else { return nil }
    var references: [TraceDiff.Reference] = []
    var samples: [Double] = []
    var total = 0.0
    for member in group.members {
      let parts = places.map { member.section.parts[member.places[$0]] }
      total += parts.reduce(0.0) { $1.ticks.reduce($0) { $0 + Double($1) } }
      if parts.count == 1 && unit == .launch && !member.section.runs.isEmpty {
        samples.append(parts[0].median)
      } else {
        samples += self.samples(
          member.section.runs.indices.map { run in parts.reduce(0.0) { $0 + Double($1.ticks[run]) } })
      }
      for part in parts {
        references += part.rows.map { .init(trace: member.trace, block: member.section.block, row: $0) }
      }
    }
    let first = group.members[0]
    let items = places.map {
      item(first.section.parts[first.places[$0]], first.section.block, side.traces[first.trace].aligned)
    }
    return TraceDiff.Side(
      items: items, references: references, samples: samples, median: DiffStatistics.median(samples), total: total)
  }

  /// A launch is one sample, the median of its runs; else every run is one.
  private func samples(_ runs: [Double]) -> [Double] {
    unit == .run ? runs : runs.isEmpty ? [] : [DiffStatistics.median(runs)]
  }

  private func item(_ part: TraceParts.Part, _ block: Int, _ aligned: AlignedTrace) -> TraceDiff.Item {
    let row = part.rows[0]
    let isOne = ![.calling, .control, .between].contains(part.identity.kind)
    var operatorName = isOne ? aligned.operatorName(block: block, row: row) : nil
    var module = isOne ? aligned.module(block: block, row: row) : nil
    if part.identity.kind == .delegateKernel {
      // Quantizing around an operator has no module, and is not what the kernel is for.
      let nodes = aligned.nodes(block: block, row: row)
      let plain = nodes.filter { !$0.op.containsBytes("quantize_per") }
      var names: [String] = []
      for node in (plain.isEmpty ? nodes : plain).prefix(8) where !names.contains(node.op) { names.append(node.op) }
      operatorName = names.isEmpty ? nil : names.joined(separator: ", ")
      let modules = Set(plain.compactMap { $0.modules.last?.path })
      if module == nil, modules.count == 1 { module = modules.first }
    }
    return TraceDiff.Item(
      kind: part.identity.kind, name: part.identity.name, operatorName: operatorName,
      backend: isOne ? aligned.backend(block: block, row: row) : nil,
      module: module,
      sourceLine: isOne ? aligned.sourceLine(block: block, row: row) : nil, instruction: Int(part.identity.instruction))
  }

  private func whole(_ group: DiffSide.Group?) -> TraceDiff.SectionSide {
    let members = group?.members ?? []
    let samples = members.flatMap { self.samples($0.section.total.map(Double.init)) }
    return TraceDiff.SectionSide(
      traces: members.map(\.trace), runs: members.reduce(0) { $0 + $1.section.runs.count },
      warmUp: members.reduce(0) { $0 + $1.section.warmUp }, cold: members.reduce(0) { $0 + $1.section.cold },
      samples: samples, median: DiffStatistics.median(samples))
  }
}
