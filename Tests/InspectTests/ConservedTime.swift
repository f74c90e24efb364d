import Analysis
import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import TestSupport
import Testing
import TraceModel

/// Time is neither lost nor counted twice.
@Suite struct ConservedTime {
  static let traces = Golden.cases.filter { $0.error == nil && $0.etrecord != nil }

  static func aligned(_ trace: String, record: String? = nil, program: String? = nil) throws -> AlignedTrace {
    let dump = try Fixtures.withBytes(trace) { (bytes) in try ETDump(reading: bytes) }
    return try AlignedTrace(
      Trace(dump), record: try record.map { try ETRecord(reading: Fixtures.contents($0)) },
      program: try program.map { try Program.load(Fixtures.contents($0)) })
  }

  @Test(arguments: traces)
  func partsOfTheAccountAddUpToTheTick(_ answer: Golden.Case) throws {
    let aligned = try Self.aligned(answer.trace, record: answer.etrecord)
    let account = Account(aligned, selfTimes: aligned.trace.blocks.map(SelfTimes.init))
    #expect(account.isConserved)
    #expect(account.total > 0)
    #expect(account.backends.reduce(0) { $0 + $1.ticks } == account.total)
  }

  @Test func theAccountOfAWholeDelegateKnowsItsKernels() throws {
    let folder = "models/mobilenet_v2/xnnpack/"
    let aligned = try Self.aligned(
      folder + "time.etdp", record: folder + "model.etrecord", program: folder + "model.pte")
    let account = Account(aligned, selfTimes: aligned.trace.blocks.map(SelfTimes.init))
    #expect(account.backends.first?.name == "XnnpackBackend")
    #expect(account.undelegated.isEmpty)
    // Two transposes that lowering put in.
    #expect(account.border.reduce(0) { $0 + $1.calls } == 2 * account.runs)
  }

  @Test func aBackendsOwnClockIsInNoSum() throws {
    let aligned = try Self.aligned("native/delegate-vulkan.etdp")
    let foreign = aligned.trace.blocks.flatMap(\.isForeign).count { $0 }
    #expect(foreign > 0)
    #expect(Account(aligned, selfTimes: aligned.trace.blocks.map(SelfTimes.init)).isConserved)
  }

  @Test func aRepeatedEventCountsEachTime() throws {
    let dump = try Fixtures.withBytes("native/repeated.etdp") { try ETDump(reading: $0) }
    let trace = Trace(dump)
    let conversion = try TimeConversion()
    let reference = try Trace.asReference(dump, in: conversion)
    let repeated = trace.blocks.indices.flatMap { block in
      trace.blocks[block].rows.indices.filter { trace.blocks[block].count(row: $0, run: 0) > 1 }.map { (block, $0) }
    }
    #expect(!repeated.isEmpty)
    for (block, row) in repeated {
      let ours = try #require(trace.perfData(block: block, row: row, in: conversion))
      let theirs = try #require(reference.perfData(block: block, row: row, in: conversion, reference: true))
      #expect(ours.raw[0] > theirs.raw[0])
    }
  }

  @Test func aWrappedClockLosesNoTick() throws {
    #expect(EventBlock.elapsed(from: UInt64(UInt32.max), to: 0) == 1)
    #expect(EventBlock.elapsed(from: 1 << 33, to: 5) == nil)
    let dump = try Fixtures.withBytes("native/wrap32.etdp") { try ETDump(reading: $0) }
    let conversion = try TimeConversion(to: .ns)
    let (ours, theirs) = (Trace(dump), try Trace.asReference(dump, in: conversion))
    var wrapped = 0
    for block in ours.blocks.indices {
      for row in ours.blocks[block].rows.indices {
        let details = ours.blocks[block].irregularities(row: row) ?? []
        for run in details.indices where details[run].wraps > 0 {
          let exact = ours.perfData(block: block, row: row, in: conversion)!.raw[run]
          #expect(theirs.perfData(block: block, row: row, in: conversion, reference: true)!.raw[run] == exact - 1)
          wrapped += 1
        }
      }
    }
    #expect(wrapped > 0)
  }

  @Test func aPromptIsAPhaseOfItsOwn() throws {
    let folder = "models/llama/portable/"
    let aligned = try Self.aligned(folder + "time.etdp", program: folder + "model.pte")
    let block = try #require(aligned.trace.blocks.firstIndex { $0.name == "Execute" })
    let phases = aligned.phases[block]
    #expect(phases.map(\.name) == [.prefill, .decode])
    #expect(phases[0].runs == [0])
    #expect(phases[1].runs.count == 40)
  }

  @Test func ordinaryRunsAreOnePhase() throws {
    let aligned = try Self.aligned("models/mobilenet_v2/xnnpack/time.etdp")
    #expect(aligned.phases.allSatisfy { $0.map(\.name) == [.all] })
  }
}
