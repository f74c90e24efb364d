import Bytes
import ETCore
import ETFormats
import TestSupport
import Testing

/// An ETRecord of hostile bytes opens or is refused with a place; it never traps, hangs or fills the memory.
@Suite struct DamagedRecords {
  /// Reads everything: maps, and every graph.
  static func read(_ bytes: some Collection<UInt8>) throws(ReadError) {
    let record = try ETRecord(reading: FileContents(copying: bytes))
    for entry in record.graphEntries { _ = try record.graph(entry) }
  }

  static func refuses(
    _ bytes: some Collection<UInt8>, _ code: ReadError.Code, _ location: SourceLocation = #_sourceLocation
  ) {
    do throws(ReadError) {
      try read(bytes)
      Issue.record("read without an error", sourceLocation: location)
    } catch {
      #expect(error.code == code, "\(error)", sourceLocation: location)
    }
  }

  static let small = "models/runs_137/portable/model.etrecord"

  @Test func everyRecordOpensWithItsGraphs() throws {
    var opened = 0
    for name in Fixtures.files where name.hasSuffix("model.etrecord") || name.hasSuffix("model.etrecord.zst") {
      let record = try ETRecord(reading: Fixtures.contents(name.hasSuffix(".zst") ? String(name.dropLast(4)) : name))
      #expect(!record.methods.isEmpty)
      for entry in record.graphEntries { #expect(!(try record.graph(entry).nodes.isEmpty)) }
      opened += 1
    }
    #expect(opened >= 40)
  }

  @Test func everyPrefixIsTruncated() throws {
    let bytes = try Fixtures.bytes(Self.small)
    for count in stride(from: 0, to: bytes.count, by: 37) {
      #expect(throws: ReadError.self) { try Self.read(bytes[..<count]) }
    }
  }

  @Test func everyChangedByteOfAnEntryIsReadOrRefused() throws {
    // A small graph and map; the archive is made anew for each change, so that checksums are right.
    let graph = """
      {"graph_module": {"graph": {"nodes": [{"name": "add", "target": "torch.ops.aten.add.Tensor", "inputs": [{"name": "x", \
      "arg": {"as_tensor": {"name": "x"}}}], "outputs": [{"as_tensor": {"name": "add"}}], "metadata": {"debug_handle": "1", \
      "stack_trace": "File \\"m.py\\", line 1, in f\\n\\u00e4", "nn_module_stack": "L,,m.M;L__a,a,m.A"}}]}}}
      """
    let maps = Array(#"{"forward": {"0": 1, "1": [1, 2], "2": {"name": "X", "delegate_map": {"k": [1]}}}}"#.utf8)
    var outcomes = (read: 0, refused: 0)
    for (name, text) in [
      ("edge_dialect_exported_program/forward", Array(graph.utf8)), ("debug_handle_map", maps), ("delegate_map", maps),
    ] {
      ByteEdits.forEachByteEdit(of: text) { (edited, _) in
        do throws(ReadError) {
          try Self.read(StoredZip.bytes([("ETRECORD_V0", []), (name, Array(edited))]))
          outcomes.read += 1
        } catch {
          outcomes.refused += 1
        }
      }
    }
    #expect(outcomes.read > 100)
    #expect(outcomes.refused > 100)
  }

  @Test(arguments: ByteEdits.seeds(40))
  func randomEditsOfARealRecordAreReadOrRefused(_ seed: UInt64) throws {
    let bytes = try Fixtures.bytes(Self.small)
    for offset in 0..<25 as Range<UInt64> {
      let edited = ByteEdits.random(bytes, seed: seed &+ offset)
      do throws(ReadError) { try Self.read(edited) } catch { #expect(!error.detail.isEmpty) }
    }
  }

  @Test func refusesWhatAnExporterDoesNotWrite() {
    Self.refuses([], .notThisFormat)
    Self.refuses(StoredZip.bytes([("a", [1])]), .notThisFormat)
    var wrong = StoredZip.bytes([("ETRECORD_V0", []), ("debug_handle_map", Array("{}".utf8))])
    let place = wrong.lastIndex(of: UInt8(ascii: "}"))!
    wrong[place] = UInt8(ascii: "]")
    Self.refuses(wrong, .checksum)
    Self.refuses(
      StoredZip.bytes([("ETRECORD_V0", []), ("debug_handle_map", Array("{\"forward\": {\"x\": 1}}".utf8))]), .malformed)
  }

  @Test func deepJSONIsRefused() {
    let deep = Array(repeating: UInt8(ascii: "["), count: 100_000)
    Self.refuses(StoredZip.bytes([("ETRECORD_V0", []), ("x/forward", Array("{\"a\": ".utf8) + deep)]), .limit)
  }

  @Test(.timeLimit(.minutes(1)))
  func manyMethodsAndGraphsTakeLinearTime() throws {
    let count = 60_000
    let methods = "{" + (0..<count).map { "\"m\($0)\": {}" }.joined(separator: ",") + "}"
    let repeated = "{" + (0..<count).map { "\"m\": {\"\($0)\": 1}" }.joined(separator: ",") + "}"
    try Self.read(StoredZip.bytes([("ETRECORD_V0", []), ("debug_handle_map", Array(methods.utf8))]))
    try Self.read(StoredZip.bytes([("ETRECORD_V0", []), ("debug_handle_map", Array(repeated.utf8))]))
    let stack = (0..<count).map { "k\($0),p,t" }.joined(separator: ";")
    let graph =
      "{\"graph_module\": {\"graph\": {\"nodes\": [{\"name\": \"a\", \"target\": \"t\", \"metadata\": {\"nn_module_stack\": \"\(stack)\"}}]}}}"
    try Self.read(StoredZip.bytes([("ETRECORD_V0", []), ("x/forward", Array(graph.utf8))]))
  }
}
