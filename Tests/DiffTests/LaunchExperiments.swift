import Bytes
import ETCore
import ETDumpFormat
import TestSupport
import Testing
import TraceModel

@testable import Analysis

/// Forty launches of a model that did not change.
struct Launches: Sendable {
  let parts: [TraceParts]
  /// The operators and kernels that take at least 1 % of an execution.
  let large: [TraceParts.Identity]

  static let portable = Result { try Launches("crepe_tiny-portable") }
  static let xnnpack = Result { try Launches("mobilenet_v2-xnnpack") }

  init(_ model: String) throws {
    parts = try Fixtures.launches(model).map { try Self.parts(Self.read($0)) }
    let whole = TraceDiff(base: Array(parts[..<20]), new: Array(parts[20...]))
    let execution = try #require(whole.sections.first { $0.name == "Execute" })
    large = execution.rows.compactMap { row in
      guard let base = row.base, let new = row.new, [.operator, .delegateKernel].contains(base.items[0].kind),
        base.median + new.median >= 0.01 * (execution.base.median + execution.new.median)
      else { return nil }
      return TraceParts.Identity(
        kind: base.items[0].kind, chain: 0, instruction: Int32(base.items[0].instruction), name: base.items[0].name)
    }
  }

  static func read(_ path: String) throws -> ETDump { try Fixtures.withBytes(path) { try ETDump(reading: $0) } }

  static func parts(_ dump: ETDump) throws -> TraceParts {
    TraceParts(try AlignedTrace(Trace(dump), record: nil, program: nil))
  }
}

extension TraceParts {
  /// The trace as it would be if an operator took longer, by whole steps of its clock.
  func slowed(_ identity: Identity, by share: Double) -> TraceParts {
    TraceParts(
      aligned: aligned,
      sections: sections.map { section in
        guard let place = section.parts.firstIndex(where: { $0.identity == identity }) else { return section }
        let part = section.parts[place]
        let step = Int64(part.step)
        let added = part.ticks.map { ticks in Int64((Double(ticks) * share / Double(step)).rounded()) * step }
        var parts = section.parts
        parts[place] = Part(
          identity: identity, rows: part.rows, ticks: zip(part.ticks, added).map { $0 + $1 }, step: part.step,
          isForeign: part.isForeign, call: part.call)
        return Section(
          key: section.key, block: section.block, runs: section.runs, warmUp: section.warmUp, cold: section.cold,
          parts: parts, total: zip(section.total, added).map { $0 + $1 }, signature: section.signature)
      })
  }
}

extension ETDump {
  /// The same in the trace itself: the event ends later, and so does all that encloses or follows it.
  func slowed(_ identity: TraceParts.Identity, by share: Double, step: Int64) -> ETDump {
    var dump = self
    for run in runs {
      guard let range = run.events else { continue }
      for index in range {
        let event = dump.events[index]
        let name = event.isDelegated ? text(event.delegateDebugIDString) : text(event.name)
        guard event.kind == .profile, event.instructionID == identity.instruction, name == identity.name else {
          continue
        }
        let added = UInt64(Int64((Double(event.end - event.start) * share / Double(step)).rounded()) * step)
        for other in range where dump.events[other].kind == .profile {
          if dump.events[other].start >= event.end { dump.events[other].start += added }
          if dump.events[other].end >= event.end { dump.events[other].end += added }
        }
      }
    }
    return dump
  }
}

/// How often a comparison of ten launches with ten is wrong or misses something, at the default settings.
@Suite struct LaunchExperiments {
  static let resamples = 200

  struct Outcome {
    /// Shares of comparisons in which the slowed operator was named, another row was, the total was.
    var named = 0.0
    var others = 0.0
    var total = 0.0
  }

  static func run(_ launches: Launches, slowedBy share: Double?, seed: UInt64, resamples: Int = resamples) -> Outcome {
    var random = SeededGenerator(seed: seed)
    var outcome = Outcome()
    for _ in 0..<resamples {
      var order = Array(0..<40)
      for place in 0..<20 { order.swapAt(place, place + random.below(40 - place)) }
      let slow = launches.large[random.below(launches.large.count)]
      let base = order[..<10].map { launches.parts[$0] }
      var new = order[10..<20].map { launches.parts[$0] }
      if let share { new = new.map { $0.slowed(slow, by: share) } }
      let diff = TraceDiff(base: base, new: new)
      var (named, others) = (false, false)
      for section in diff.sections {
        if section.totalClass != .unchanged { outcome.total += 1 / Double(resamples) }
        for row in section.rows where row.classification != .unchanged {
          let item = row.new?.items[0] ?? row.base!.items[0]
          let isSlow =
            share != nil && section.name == "Execute" && Int32(item.instruction) == slow.instruction
            && item.name == slow.name && item.kind == slow.kind
          if isSlow && row.classification == .slower { named = true } else { others = true }
        }
      }
      if named { outcome.named += 1 / Double(resamples) }
      if others { outcome.others += 1 / Double(resamples) }
    }
    return outcome
  }

  @Test(arguments: ["crepe_tiny-portable", "mobilenet_v2-xnnpack"])
  func namesWhatWasSlowedAndLittleElse(_ model: String) throws {
    let launches = try (model == "crepe_tiny-portable" ? Launches.portable : Launches.xnnpack).get()
    let same = Self.run(launches, slowedBy: nil, seed: 1)
    #expect(same.others <= 0.05)
    #expect(same.total <= 0.05)
    let tenth = Self.run(launches, slowedBy: 0.1, seed: 2)
    #expect(tenth.named >= 0.80)
    #expect(tenth.others <= 0.05)
    let fifth = Self.run(launches, slowedBy: 0.2, seed: 3)
    #expect(fifth.named >= 0.95)
    #expect(fifth.others <= 0.05)
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    print(
      "\(model): unchanged, a row named in \(percent(same.others)), the whole in \(percent(same.total)); "
        + "+10 % named in \(percent(tenth.named)), another in \(percent(tenth.others)); "
        + "+20 % named in \(percent(fifth.named)), another in \(percent(fifth.others))")
  }

  /// What the experiment does to the parts of a trace is what a slower operator does to the trace.
  @Test(arguments: ["crepe_tiny-portable", "mobilenet_v2-xnnpack"])
  func slowingPartsIsSlowingTheTrace(_ model: String) throws {
    let launches = try (model == "crepe_tiny-portable" ? Launches.portable : Launches.xnnpack).get()
    let dump = try Launches.read("launches/\(model)/07.etdp")
    let plain = try Launches.parts(dump)
    for identity in launches.large {
      let step = try #require(plain.sections.flatMap(\.parts).first { $0.identity == identity }?.step)
      let edited = try Launches.parts(dump.slowed(identity, by: 0.2, step: Int64(step)))
      let scaled = plain.slowed(identity, by: 0.2)
      for (a, b) in zip(edited.sections, scaled.sections) {
        #expect(a.signature == b.signature && a.runs == b.runs && a.total == b.total)
        #expect(a.parts.map(\.ticks) == b.parts.map(\.ticks), "\(identity)")
      }
    }
  }

  /// A machine that is slower for all operators is seen in the whole and said to be that.
  @Test func seesALaunchWideSlowdown() throws {
    let launches = try Launches.xnnpack.get()
    let new = launches.parts[20..<30].map { launch in
      launch.sections.flatMap(\.parts).map(\.identity).reduce(launch) { $0.slowed($1, by: 0.3) }
    }
    let diff = TraceDiff(base: Array(launches.parts[10..<20]), new: new)
    let execution = try #require(diff.sections.first { $0.name == "Execute" })
    #expect(execution.totalClass == .slower)
    #expect(execution.launchWide?.isChange == true)
    #expect(execution.rows.count { $0.classification == .slower } > 30)
  }
}
