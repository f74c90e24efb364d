import ETCore
import ETDumpFormat

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
        let (limit, isBeyond) = median.multipliedReportingOverflow(by: 3)
        return median > 0 && (!isBeyond && time > limit || time < median / 3)
      }
      return !rows.isEmpty && count * 5 >= rows.count * 2
    }
    guard !deviating.isEmpty, deviating.count < all.count else { return [Phase(name: .all, runs: all)] }
    let isDeviating = Set(deviating)
    let others = all.filter { !isDeviating.contains($0) }
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
    guard longer(deviating, than: others), areFirst(deviating, block: block, limit: 2) else {
      return [Phase(name: .prefill, runs: deviating), Phase(name: .decode, runs: others)]
    }
    return [Phase(name: .cold, runs: deviating), Phase(name: .all, runs: others)]
  }

  /// Whether some runs are the first of their launches, at most so many of each.
  private func areFirst(_ runs: [Int], block: Int, limit: Int) -> Bool {
    let runs = Set(runs)
    return launches(of: Array(blocks[block].runs.indices), block: block).allSatisfy { launch in
      let count = launch.count { runs.contains($0) }
      return count <= limit && launch.prefix(count).allSatisfy { runs.contains($0) }
    }
  }

  /// A block's runs by the file that they come from.
  private func launches(of runs: [Int], block: Int) -> [[Int]] {
    let files = Dictionary(grouping: runs) { dump.launch(ofRun: blocks[block].runs[$0]) }
    return files.keys.sorted().map { files[$0]! }
  }

  /// The runs at the start of each launch that are slower than all that follow are on the whole: above the median by more than
  /// four median absolute deviations and 10 %.
  ///
  /// - Parameter runs: Those of one phase.
  public func warmUp(block: Int, runs: [Int]) -> [Int] {
    guard let row = kinds[block].firstIndex(of: .methodExecute) else { return [] }
    return launches(of: runs, block: block).flatMap { runs -> ArraySlice<Int> in
      guard runs.count >= 5 else { return [] }
      let times = runs.map { Double(blocks[block].duration(row: row, run: $0)) }
      let median = times.sorted()[times.count / 2]
      let spread = times.map { abs($0 - median) }.sorted()[times.count / 2]
      let limit = median + max(4 * spread, 0.1 * median)
      return runs.prefix(min(times.prefix { $0 > limit }.count, times.count / 2))
    }
  }
}
