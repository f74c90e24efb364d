import Bytes
import Commands
import ETCore
import Foundation
import TestSupport
import Testing
import TraceModel

/// The reference Inspector's recorded answers, cell by cell.
@Suite struct ReferenceAnswers {
  /// Traces on which we are right and the reference is wrong, with the fault (see Fixtures/README.md, "Named faults").
  static let faults: [String: String] = [
    "models/control_flow": "repeated", "models/wrong_results": "repeated", "native/loop": "repeated",
    "native/repeated": "repeated",
    "native/step": "repeated", "native/delegate-ethosu": "repeated", "native/chains": "chains", "native/wrap32": "wrap",
    "native/delegate-neutron": "wrap",
  ]

  /// Traces that are no ETDump: the runtime that recorded them spoiled the file.
  static let unreadable = [
    "half/portable/values", "bfloat16/portable/values", "native/empty-no-bytes", "native/values-half",
  ]

  static func fault(of trace: String) -> String? { faults.first { trace.hasPrefix($0.key) }?.value }

  static let answered = Golden.cases.filter { $0.tsv != nil }
  static let refused = Golden.cases.filter { $0.tsv == nil }

  @Test func thereAreAnswers() {
    #expect(Self.answered.count >= 190)
    #expect(Self.refused.count >= 30)
  }

  @Test(arguments: answered)
  func tableEqualsTheReference(_ answer: Golden.Case) throws {
    let expected = try Self.text(answer.tsv!)
    let ours = try Self.inspect(answer, format: .tsv)
    if Self.fault(of: answer.trace) == nil {
      #expect(Self.firstDifference(ours, expected) == nil)
    } else {
      // The fault shows, and only in cells of numbers: names and order stay but for rows that the reference lost.
      #expect(ours != expected)
    }
  }

  @Test(arguments: answered)
  func withItsFaultsTheTableEqualsTheReferenceEverywhere(_ answer: Golden.Case) throws {
    let expected = try Self.text(answer.tsv!)
    let ours = try Self.inspect(answer, format: .tsv, referenceFaults: true)
    #expect(Self.firstDifference(ours, expected) == nil)
  }

  @Test(arguments: answered.filter { $0.json != nil && fault(of: $0.trace) == nil })
  func eventsEqualTheReference(_ answer: Golden.Case) throws {
    let expected = try #require(
      try JSONSerialization.jsonObject(with: Data(try Self.text(answer.json!).utf8)) as? [String: Any])
    let ours = try #require(
      try JSONSerialization.jsonObject(with: Data(try Self.inspect(answer, format: .json).utf8)) as? [String: Any])
    // Answers about models keep what many events share in pools.
    let pools = expected["pools"] as? [String: [Any]] ?? [:]
    let theirs = try #require(expected["event_blocks"] as? [[String: Any]])
    let blocks = try #require(ours["event_blocks"] as? [[String: Any]])
    #expect(blocks.map { $0["name"] as? String } == theirs.map { ($0["name"] ?? $0["event_block_name"]) as? String })
    for (block, other) in zip(blocks, theirs) {
      let events = try #require(block["events"] as? [[String: Any]])
      let others = try #require(other["events"] as? [[String: Any]])
      #expect(events.count == others.count)
      for (event, other) in zip(events, others) {
        if let difference = Self.difference(event, other, pools) {
          Issue.record("\(answer): \(event["name"] ?? ""): \(difference)")
          return
        }
      }
    }
  }

  @Test(arguments: refused)
  func opensWhatTheReferenceRefuses(_ answer: Golden.Case) throws {
    let isUnreadable = Self.unreadable.contains { answer.trace.contains($0) }
    if isUnreadable {
      #expect(throws: Trouble.self) { try Self.inspect(answer, format: .tsv) }
    } else {
      let table = try Self.inspect(answer, format: .tsv)
      #expect(table.hasPrefix("\tevent_block_name\tevent_name"))
    }
  }

  // MARK: Comparing

  private static func difference(_ ours: [String: Any], _ theirs: [String: Any], _ pools: [String: [Any]]) -> String? {
    func plain(_ value: Any?) -> NSObject { (value as? NSObject) ?? NSNull() }
    func pooled(_ name: String) -> NSObject {
      guard let index = theirs[name] as? Int else { return plain(theirs[name]) }
      return plain(pools[name]?[index])
    }
    let pairs: [(String, NSObject, NSObject)] = [
      ("name", plain(ours["name"]), plain(theirs["event_name"])),
      ("raw", plain(ours["raw"]), plain(theirs["raw"])),
      ("p10", plain(ours["p10"]), plain(theirs["p10"])), ("p50", plain(ours["p50"]), plain(theirs["p50"])),
      ("p90", plain(ours["p90"]), plain(theirs["p90"])), ("avg", plain(ours["avg"]), plain(theirs["avg"])),
      ("min", plain(ours["min"]), plain(theirs["min"])), ("max", plain(ours["max"]), plain(theirs["max"])),
      ("op_types", plain(ours["op_types"]), pooled("op_types")),
      ("stack_traces", plain(ours["stack_traces"]), pooled("stack_traces")),
      ("module_hierarchy", plain(ours["module_hierarchy"]), pooled("module_hierarchy")),
      ("debug_handles", plain(ours["debug_handles"]), plain(theirs["debug_handles"])),
      ("instruction_id", plain(ours["instruction_id"]), plain(theirs["instruction_id"] ?? theirs["_instruction_id"])),
      ("num_outputs", plain(ours["num_outputs"]), plain(theirs["num_outputs"])),
      ("start_time", plain(ours["start_time"]), plain(theirs["start_time"])),
      ("delegate_backend_name", plain(ours["delegate_backend_name"]), plain(theirs["delegate_backend_name"])),
      (
        "delegate_debug_identifier", plain(ours["delegate_debug_identifier"]),
        plain(theirs["delegate_debug_identifier"])
      ),
    ]
    for (name, a, b) in pairs where !a.isEqual(b) {
      return "\(name): ours \(String(describing: a).prefix(300)), the reference's \(String(describing: b).prefix(300))"
    }
    return nil
  }

  private static func firstDifference(_ ours: String, _ theirs: String) -> String? {
    guard ours != theirs else { return nil }
    let (a, b) = (
      ours.split(separator: "\n", omittingEmptySubsequences: false),
      theirs.split(separator: "\n", omittingEmptySubsequences: false)
    )
    for (index, (x, y)) in zip(a, b).enumerated() where x != y {
      for (cell, other) in zip(x.split(separator: "\t"), y.split(separator: "\t")) where cell != other {
        return "line \(index + 1): ours \(cell.prefix(100)), the reference's \(other.prefix(100))"
      }
      return "line \(index + 1)"
    }
    return "\(a.count) lines, the reference has \(b.count)"
  }

  static func inspect(_ answer: Golden.Case, format: InspectRequest.Format, referenceFaults: Bool = false) throws
    -> String
  {
    let conversion = try TimeConversion(
      from: answer.sourceTimeScale.flatMap(TimeScale.init) ?? .ns,
      to: answer.targetTimeScale.flatMap(TimeScale.init) ?? .ms)
    var request = InspectRequest(
      paths: InputPaths(
        traces: [Fixtures.root + "/" + answer.trace], record: answer.etrecord.map { Fixtures.root + "/" + $0 }),
      conversion: conversion)
    request.format = format
    request.referenceFaults = referenceFaults
    let out = MemorySink()
    #expect(try request.run(out: out, notes: MemorySink()) == .fine)
    return out.text
  }

  static func text(_ path: String) throws -> String {
    try Fixtures.withBytes(path) { String(decoding: $0, as: UTF8.self) }
  }
}
