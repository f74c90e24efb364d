import Statistics

/// Which rows changed.
///
/// A slow launch slows every operator, so first the launch's own factor is found: the median over operators of their time against
/// their typical time, without regard to the side. Where the factors of the two sides do not differ, each sample is divided by its
/// launch's, which leaves what a row did beside all others. Where they do differ, everything changed, and rows are judged as they are.
struct DiffStatistics {
  let settings: TraceDiff.Settings
  let unit: TraceDiff.Unit

  /// Fewer operators than this have no common factor to tell from their own.
  private static let fewestForFactor = 8

  /// The samples of a row that are compared.
  struct Samples {
    let base: [Double]
    let new: [Double]
    /// The row's part of the allowance for false findings, against the others'.
    var weight = 1.0
  }

  /// Finds what a section's rows have in common, and the samples to judge each row by: nil for rows of one side.
  func prepare(
    _ rows: inout [TraceDiff.Row], _ base: TraceDiff.SectionSide, _ new: TraceDiff.SectionSide
  ) -> (launchWide: TraceDiff.LaunchWide?, samples: [Samples?]) {
    let factors = self.factors(rows, base.samples.count, new.samples.count)
    let launchWide: TraceDiff.LaunchWide? = factors.map { self.launchWide($0.base, $0.new) }
    var samples = [Samples?](repeating: nil, count: rows.count)
    for index in rows.indices {
      guard let from = rows[index].base, let to = rows[index].new, !from.samples.isEmpty, !to.samples.isEmpty else {
        continue
      }
      var (a, b) = (from.samples, to.samples)
      if let factors, launchWide?.isChange == false {
        a = zip(a, factors.base).map { $0 / $1 }
        b = zip(b, factors.new).map { $0 / $1 }
      }
      samples[index] = Samples(base: a, new: b)
      rows[index].change = change(a, b, from.median)
    }
    // A row has as much of its section's allowance as of its time, and some in any case.
    let judged = rows.indices.filter { samples[$0] != nil }
    let times = judged.map { max(0, rows[$0].base!.median) + max(0, rows[$0].new!.median) }
    let mean = times.reduce(0, +) / Double(max(1, times.count))
    for (index, time) in zip(judged, times) where mean > 0 { samples[index]!.weight = 0.25 + 0.75 * time / mean }
    return (launchWide, samples)
  }

  /// Sets the classes of all rows of all sections, which share one allowance for false findings.
  func classify(_ rows: inout [TraceDiff.Row], _ samples: [Samples?]) {
    let judged = rows.indices.filter { rows[$0].change != nil }
    let weights = judged.map { samples[$0]?.weight ?? 1 }
    let adjusted = FalseDiscoveryRate.benjaminiHochberg(judged.map { rows[$0].change!.p }, weights: weights)
    let sum = weights.reduce(0, +)
    for (place, index) in judged.enumerated() {
      rows[index].change!.adjustedP = adjusted[place]
      rows[index].change!.smallestDetectable = samples[index].flatMap {
        smallest($0.base, $0.new, alpha: settings.alpha * weights[place] / sum)
      }.map { max($0, settings.threshold * max(0, rows[index].base!.median), 2 * rows[index].step) }
      let found = classify(rows[index].change!, adjusted[place], step: rows[index].step)
      rows[index].classification = found == .unchanged && rows[index].isMoved ? .moved : found
    }
  }

  func change(_ base: [Double], _ new: [Double], _ median: Double) -> TraceDiff.Change? {
    guard !base.isEmpty, !new.isEmpty else { return nil }
    let shift = HodgesLehmann(base, new, confidence: settings.confidence)
    let p = MannWhitney(base, new).p
    return TraceDiff.Change(
      shift: shift.shift, interval: shift.interval, relative: median > 0 ? shift.shift / median : nil, p: p,
      adjustedP: p, smallestDetectable: nil)
  }

  func smallest(_ base: [Double], _ new: [Double], alpha: Double) -> Double? {
    guard !base.isEmpty, !new.isEmpty, alpha > 0 else { return nil }
    return DetectableShift.smallest(base, new, alpha: min(alpha, 1))
  }

  /// A change is one that is sure, large enough to matter, and above two steps of the clock.
  func classify(_ change: TraceDiff.Change, _ p: Double, step: Double) -> TraceDiff.Class {
    guard p <= settings.alpha, abs(change.shift) >= 2 * step, change.shift != 0 else { return .unchanged }
    if let relative = change.relative, abs(relative) < settings.threshold { return .unchanged }
    return change.shift > 0 ? .slower : .faster
  }

  // MARK: What all have in common

  private func factors(_ rows: [TraceDiff.Row], _ base: Int, _ new: Int) -> (base: [Double], new: [Double])? {
    guard base + new >= 6 else { return nil }
    let ratios = rows.compactMap { row -> [Double]? in
      guard let a = row.base, let b = row.new, a.samples.count == base, b.samples.count == new, !row.isForeign,
        // What became something else says nothing of the launch.
        row.match == .instruction || row.match == .order,
        [.operator, .delegateKernel, .delegateCall].contains(a.items[0].kind)
      else { return nil }
      let both = a.samples + b.samples
      // Below, a clock's rounding is a part of the ratio.
      let typical = Self.median(both)
      guard typical >= 20 * max(row.step, 1), both.allSatisfy({ $0 > 0 }) else { return nil }
      return both.map { $0 / typical }
    }
    guard ratios.count >= Self.fewestForFactor else { return nil }
    let factors = (0..<(base + new)).map { place in Self.median(ratios.map { $0[place] }) }
    return (Array(factors[..<base]), Array(factors[base...]))
  }

  private func launchWide(_ base: [Double], _ new: [Double]) -> TraceDiff.LaunchWide {
    let shift = HodgesLehmann(base, new, confidence: settings.confidence)
    let typical = Self.median(base)
    let p = MannWhitney(base, new).p
    return TraceDiff.LaunchWide(
      relative: shift.shift / typical,
      interval: shift.interval.map { $0.lowerBound / typical...$0.upperBound / typical },
      p: p, isChange: p <= settings.alpha && abs(shift.shift / typical) >= settings.threshold)
  }

  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
