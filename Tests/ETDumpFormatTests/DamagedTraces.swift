import Bytes
import ETDumpFormat
import TestSupport
import Testing

/// Whatever was done to a trace: the reader refuses it, or reads what the official library reads. It never traps.
@Suite struct DamagedTraces {
  static let small = Fixtures.traces.filter { path in
    !RealTraces.unreadable.contains(path) && (try? Fixtures.contents(path).count <= 3000) ?? false
  }

  @Test(arguments: Fixtures.fuzzCorpus("etdump"))
  func wereFoundByFuzzing(_ path: String) throws {
    let contents = try FileContents.open(path)
    withExtendedLifetime(contents) { #expect(ETDumpCheck.fault(in: contents.bytes) == nil) }
  }

  @Test(arguments: small)
  func areTruncatedAtEveryByte(_ path: String) throws {
    let whole = try Fixtures.bytes(path)
    ByteEdits.forEachPrefix(of: whole) { prefix, count in
      do throws(ReadError) {
        let dump = try ETDump(reading: prefix)
        // The second of two traces in one file may be cut off: it is not read.
        #expect(
          dump.container.form == .sizePrefixed && path.hasSuffix("static-buffer-twice.etdp"), "\(path) cut at \(count)")
      } catch {
        #expect(
          error.code == .truncated || error.code == .notThisFormat || error.code == .outOfBounds,
          "\(path) cut at \(count): \(error)")
        #expect(error.offset != nil)
      }
    }
  }

  @Test(arguments: small)
  func areTruncatedAtEveryByteAndSaySo(_ path: String) throws {
    // The size prefix made right again, so that the end is missed where it is needed.
    let whole = try Fixtures.bytes(path)
    for count in stride(from: 12, to: whole.count, by: 1) {
      var prefix = Array(whole[..<count])
      withUnsafeBytes(of: UInt32(count - 4).littleEndian) { prefix.replaceSubrange(0..<4, with: $0) }
      let fault = prefix.withUnsafeBytes(ETDumpCheck.fault)
      #expect(fault == nil, "\(path) cut at \(count)")
    }
  }

  @Test(arguments: ["native/allocations.etdp", "native/outputs-only.etdp", "native/delegate-ids.etdp"])
  func haveOneByteChanged(_ path: String) throws {
    var outcomes = (refused: 0, equal: 0)
    try ByteEdits.forEachByteEdit(of: Fixtures.bytes(path)) { bytes, edit in
      switch ETDumpCheck.outcome(of: bytes) {
      case .refused: outcomes.refused += 1
      case .equal: outcomes.equal += 1
      case .differs(let fault): Issue.record("\(path), \(edit): \(fault)")
      }
    }
    #expect(outcomes.refused > 100 && outcomes.equal > 100)
  }

  static let seeds = ByteEdits.seeds(6000)

  @Test(arguments: 0..<4)
  func haveRandomEdits(_ part: Int) throws {
    let wholes = try Self.small.map { try Fixtures.bytes($0) }
    try #require(!wholes.isEmpty)
    for seed in Self.seeds where seed % 4 == part {
      let edited = ByteEdits.random(wholes[Int(seed) / 4 % wholes.count], seed: seed)
      if let fault = edited.withUnsafeBytes(ETDumpCheck.fault) {
        Issue.record("ET_SEED=\(seed) swift test --filter DamagedTraces.haveRandomEdits: \(fault)")
      }
    }
  }
}
