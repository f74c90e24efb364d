/// Lays the events of one call beside predicted kernels.
///
/// Where the lists are not equal, it takes the alignments that leave the fewest events and kernels without a partner, and
/// believes only what all of these have in common.
struct XNNPACKMatcher {
  enum Place: Equatable {
    /// An index into the kernels.
    case kernel(Int)
    case several(Int)
    /// In every best alignment it is no kernel.
    case nothing
  }

  enum Outcome {
    case exact
    /// Events and kernels without a partner, and each event's place.
    case aligned(cost: Int, [Place])
    case tooDifferent
  }

  /// Cells of the two tables that an alignment may take.
  static let cellLimit = 4_000_000

  private let eventClasses: [Int]
  private let distinctNames: [XNNPACKKernelName]

  init(_ eventNames: [String]) {
    var known: [XNNPACKKernelName: Int] = [:]
    var names: [XNNPACKKernelName] = []
    eventClasses = eventNames.map { event in
      let name = XNNPACKKernelName(event)
      if let index = known[name] { return index }
      known[name] = names.count
      names.append(name)
      return names.count - 1
    }
    distinctNames = names
  }

  /// Whether each event has the name of the kernel at its place.
  func isExact(_ kernels: [PredictedKernel]) -> Bool {
    eventClasses.count == kernels.count
      && zip(eventClasses, kernels).allSatisfy { $1.pattern.matches(distinctNames[$0]) }
  }

  func compare(with kernels: [PredictedKernel]) -> Outcome {
    if isExact(kernels) { return .exact }
    var known: [XNNPACKNamePattern: Int] = [:]
    var patterns: [XNNPACKNamePattern] = []
    let kernelClasses = kernels.map { kernel in
      if let index = known[kernel.pattern] { return index }
      known[kernel.pattern] = patterns.count
      patterns.append(kernel.pattern)
      return patterns.count - 1
    }
    let (cells, overflow) = patterns.count.multipliedReportingOverflow(by: distinctNames.count)
    guard !overflow, cells <= Self.cellLimit else { return .tooDifferent }
    let fits = Fits(
      table: patterns.flatMap { pattern in distinctNames.map { pattern.matches($0) } }, width: distinctNames.count,
      events: eventClasses, kernels: kernelClasses)
    return align(fits)
  }

  private struct Fits {
    let table: [Bool]
    let width: Int
    let events: [Int]
    let kernels: [Int]

    subscript(event: Int, kernel: Int) -> Bool { table[kernels[kernel] * width + events[event]] }

    /// Events that fit no kernel, and kernels that fit no event.
    var countWithoutPartner: Int {
      let usedPatterns = Set(kernels)
      let usedNames = Set(events)
      let lostNames = usedNames.filter { name in !usedPatterns.contains { table[$0 * width + name] } }
      let lostPatterns = usedPatterns.filter { pattern in !usedNames.contains { table[pattern * width + $0] } }
      return events.count { lostNames.contains($0) } + kernels.count { lostPatterns.contains($0) }
    }
  }

  /// Costs of the best ways from a corner to each pair of positions not further than `reach` from the diagonal: a way of
  /// cost *c* never strays further than *c*.
  private struct Band {
    let reach: Int
    let kernels: Int
    private var cells: [Int32]

    init(events: Int, kernels: Int, reach: Int) {
      self.reach = reach
      self.kernels = kernels
      cells = [Int32](repeating: .max / 4, count: (events + 1) * (2 * reach + 1))
    }

    subscript(event: Int, kernel: Int) -> Int32 {
      get {
        guard kernel >= 0, kernel <= kernels, abs(kernel - event) <= reach else { return .max / 4 }
        return cells[event * (2 * reach + 1) + kernel - event + reach]
      }
      set { cells[event * (2 * reach + 1) + kernel - event + reach] = newValue }
    }

    func columns(_ event: Int) -> ClosedRange<Int>? {
      let (low, high) = (max(0, event - reach), min(kernels, event + reach))
      return low <= high ? low...high : nil
    }
  }

  private func align(_ fits: Fits) -> Outcome {
    let (events, kernels) = (fits.events.count, fits.kernels.count)
    var reach = abs(events - kernels) + 8
    // Whatever fits nothing at all has no partner in any alignment.
    let least = fits.countWithoutPartner
    while reach < least && reach < max(events, kernels) { reach *= 2 }
    while true {
      let (cells, overflow) = (events + 1).multipliedReportingOverflow(by: 2 * reach + 1)
      guard !overflow, cells <= Self.cellLimit else { return .tooDifferent }
      let forward = costs(fits, reach)
      let best = forward[events, kernels]
      if best <= reach || reach >= max(events, kernels) {
        return .aligned(cost: Int(best), places(fits, forward, costsBackward(fits, reach), best))
      }
      reach *= 2
    }
  }

  private func costs(_ fits: Fits, _ reach: Int) -> Band {
    let (events, kernels) = (fits.events.count, fits.kernels.count)
    var band = Band(events: events, kernels: kernels, reach: reach)
    for event in 0...events {
      for kernel in band.columns(event) ?? 0...0 {
        var best: Int32 = event == 0 && kernel == 0 ? 0 : .max / 4
        if event > 0, kernel > 0, fits[event - 1, kernel - 1] { best = band[event - 1, kernel - 1] }
        if event > 0 { best = min(best, band[event - 1, kernel] + 1) }
        if kernel > 0 { best = min(best, band[event, kernel - 1] + 1) }
        if abs(kernel - event) <= reach { band[event, kernel] = best }
      }
    }
    return band
  }

  private func costsBackward(_ fits: Fits, _ reach: Int) -> Band {
    let (events, kernels) = (fits.events.count, fits.kernels.count)
    var band = Band(events: events, kernels: kernels, reach: reach)
    for event in (0...events).reversed() {
      for kernel in (band.columns(event) ?? 0...0).reversed() {
        var best: Int32 = event == events && kernel == kernels ? 0 : .max / 4
        if event < events, kernel < kernels, fits[event, kernel] { best = band[event + 1, kernel + 1] }
        if event < events { best = min(best, band[event + 1, kernel] + 1) }
        if kernel < kernels { best = min(best, band[event, kernel + 1] + 1) }
        if abs(kernel - event) <= reach { band[event, kernel] = best }
      }
    }
    return band
  }

  private func places(_ fits: Fits, _ forward: Band, _ backward: Band, _ best: Int32) -> [Place] {
    fits.events.indices.map { event in
      var candidates = 0
      var last = 0
      var mayBeNothing = false
      for kernel in forward.columns(event) ?? 0...0 {
        let sofar = forward[event, kernel]
        if kernel < fits.kernels.count, fits[event, kernel], sofar + backward[event + 1, kernel + 1] == best {
          candidates += 1
          last = kernel
        }
        if sofar + 1 + backward[event + 1, kernel] == best { mayBeNothing = true }
      }
      if candidates == 0 { return .nothing }
      return candidates == 1 && !mayBeNothing ? .kernel(last) : .several(candidates + (mayBeNothing ? 1 : 0))
    }
  }
}
