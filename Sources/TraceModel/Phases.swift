import ETCore

/// Runs of one block that did work of one size: a prompt, or the tokens after it.
public struct Phase: Sendable, Equatable {
  public enum Name: String, Sendable {
    /// All runs alike.
    case all
    /// A larger step before smaller ones: the prompt of a language model.
    case prefill
    /// The smaller steps that follow.
    case decode
    /// A first run that took several times as long, where nothing says that it had more to do: caches and pages were cold.
    case cold
  }

  public let name: Name
  /// Indices into `EventBlock.runs`.
  public let runs: [Int]
}

extension Trace {
  /// Splits a block's runs where most operators took over three times as long, or under a third.
  ///
  /// Two fifths of the operators must differ so from their median. That is a step of another size, not warm-up:
  /// warming up slows the first run without changing most operators threefold, except where all are tiny. The times cannot tell
  /// a prompt from such a cold first run, so `isStateful` must.
  ///
  /// - Parameter isStateful: Whether the model is known to take inputs of several sizes or to keep a state.
  public func phases(block: Int, isStateful: Bool) -> [Phase] {
    let events = blocks[block]
    let all = Array(events.runs.indices)
    guard all.count >= 3 else { return [Phase(name: .all, runs: all)] }
    let rows = events.rows.indices.filter {
      [.kernel, .delegateCall].contains(kinds[block][$0]) && !events.isForeign[$0]
    }
    let medians = rows.map { row in all.map { events.duration(row: row, run: $0) }.sorted()[all.count / 2] }
    let deviating = all.filter { run in
      let count = zip(rows, medians).count { row, median in
        let time = events.duration(row: row, run: run)
        return median > 0 && (time > 3 * median || time < median / 3)
      }
      return !rows.isEmpty && count * 5 >= rows.count * 2
    }
    guard !deviating.isEmpty, deviating.count < all.count else { return [Phase(name: .all, runs: all)] }
    let others = all.filter { !deviating.contains($0) }
    func longer(_ a: [Int], than b: [Int]) -> Bool {
      guard let row = kinds[block].firstIndex(of: .methodExecute) else { return true }
      func median(_ runs: [Int]) -> Ticks { runs.map { events.duration(row: row, run: $0) }.sorted()[runs.count / 2] }
      return median(a) > median(b)
    }
    if isStateful {
      return longer(deviating, than: others)
        ? [Phase(name: .prefill, runs: deviating), Phase(name: .decode, runs: others)]
        : [Phase(name: .prefill, runs: others), Phase(name: .decode, runs: deviating)]
    }
    guard deviating == Array(all.prefix(deviating.count)), deviating.count <= 2, longer(deviating, than: others) else {
      return [Phase(name: .prefill, runs: deviating), Phase(name: .decode, runs: others)]
    }
    return [Phase(name: .cold, runs: deviating), Phase(name: .all, runs: others)]
  }

  /// How many runs at the start of a phase are slower than all that follow are on the whole: above the median by more than
  /// four median absolute deviations and 10 %.
  public func warmUpCount(block: Int, runs: [Int]) -> Int {
    guard let row = kinds[block].firstIndex(of: .methodExecute), runs.count >= 5 else { return 0 }
    let times = runs.map { Double(blocks[block].duration(row: row, run: $0)) }
    let median = times.sorted()[times.count / 2]
    let spread = times.map { abs($0 - median) }.sorted()[times.count / 2]
    let limit = median + max(4 * spread, 0.1 * median)
    return min(times.prefix { $0 > limit }.count, times.count / 2)
  }
}
