import Bytes
import ETDumpFormat
import TestSupport
import Testing

/// How the FlatBuffer lies in its file.
@Suite struct Framing {
  /// As `serialize.py` of the reference writes it: aligned from its own first byte.
  private static func plain() throws -> [UInt8] {
    var builder = FlatBuilder()
    let name = builder.string("add")
    builder.startTable(slots: 8)
    builder.add(1_000_000_000_007 as UInt64, slot: 6, default: 0)
    builder.add(1_000_000_000_009 as UInt64, slot: 7, default: 0)
    builder.add(name, slot: 0)
    let profile = builder.endTable()
    builder.startTable(slots: 3)
    builder.add(profile, slot: 0)
    let event = builder.endTable()
    let events = builder.references([event])
    builder.startTable(slots: 4)
    builder.add(events, slot: 3)
    let run = builder.endTable()
    let runs = builder.references([run])
    builder.startTable(slots: 2)
    builder.add(runs, slot: 1)
    let root = builder.endTable()
    return try builder.finish(root, identifier: "ED00", sizePrefixed: false)
  }

  private func read(_ bytes: [UInt8]) throws -> ETDump {
    try bytes.withUnsafeBytes { bytes in
      if let fault = ETDumpCheck.fault(in: bytes) { Issue.record("\(fault)") }
      return try ETDump(reading: bytes)
    }
  }

  private func prefixed(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) + bytes }
  }

  @Test func readsASizePrefixedTrace() throws {
    let dump = try read(try Fixtures.bytes("native/wrap32.etdp"))
    #expect(dump.container.form == .sizePrefixed)
    #expect(dump.container.trailingBytes == 0)
  }

  @Test func readsAPlainTrace() throws {
    let dump = try read(try Self.plain())
    #expect(dump.container.form == .plain)
    #expect(dump.events.map(\.start) == [1_000_000_000_007])
    #expect(dump.text(dump.events[0].name) == "add")
  }

  @Test func readsAPlainTraceBehindAPrefixThatWasGluedOn() throws {
    // The values that are aligned from the buffer's first byte are not from the file's.
    let dump = try read(prefixed(try Self.plain()))
    #expect(dump.container.form == .prefixedPlain)
    #expect(dump.events.map(\.end) == [1_000_000_000_009])
  }

  @Test func countsBytesBehindTheTrace() throws {
    let whole = try Fixtures.bytes("native/wrap32.etdp")
    let dump = try read(whole + [1, 2, 3])
    #expect(dump.container.trailingBytes == 3)
    #expect(try read(prefixed(try Self.plain()) + [0]).container.trailingBytes == 1)
    #expect(try read(try Fixtures.bytes("native/static-buffer-twice.etdp")).container.trailingBytes > 0)
  }

  @Test func saysHowManyBytesAreMissing() throws {
    let whole = try Fixtures.bytes("native/wrap32.etdp")
    let error = #expect(throws: ReadError.self) { try read(Array(whole.dropLast(5))) }
    #expect(error?.code == .truncated)
    #expect(error?.offset == whole.count - 5)
  }

  @Test func namesTheFormatThatTheBytesAreOf() throws {
    for (path, name) in [("native/README.md", "ED00")] {
      let error = try #require(
        #expect(throws: ReadError.self) { try Fixtures.withBytes(path) { try ETDump(reading: $0) } })
      #expect(error.code == .notThisFormat && error.offset == 4)
      #expect(error.description.contains(name))
    }
    let others: [(String, String)] = [
      ("....ET12....", "a program"), ("....BP08....", "a bundled program"), ("....FT01....", "a tensor file"),
      ("PK\u{3}\u{4}........", "a zip archive"),
    ]
    for (bytes, name) in others {
      let error = #expect(throws: ReadError.self) { try read(Array(bytes.utf8)) }
      #expect(error?.code == .notThisFormat)
      #expect(error?.description.contains(name) == true)
    }
  }
}
