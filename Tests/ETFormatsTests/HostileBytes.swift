import Bytes
import ETFormats
import TestSupport
import Testing

/// Damaged copies of small real files: a reader throws, or reads what the official library reads from the same bytes.
@Suite struct HostileBytes {
  struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let check: ReaderChecks.Check
    var testDescription: String { name }
  }

  /// Programs with and without header, with a delegate inside and with source lines; a bundle, a payload, a tensor file.
  static let samples: [Sample] = {
    do {
      func file(_ name: String, _ check: @escaping ReaderChecks.Check) throws -> Sample {
        Sample(name: name, bytes: try TestFiles.bytes(name), check: check)
      }
      let inline = try Program.load(TestFiles.path("inline_delegate.pte"))
      let payload = Array(inline.bytes(inline.backendDelegateData[0]))
      return [
        try file("initialised.pte", ReaderChecks.program),
        try file("headerless.pte", ReaderChecks.program),
        try file("inline_delegate.pte", ReaderChecks.program),
        try file("stacktrace.pte", ReaderChecks.program),
        try file("bundled.bpte", ReaderChecks.bundledProgram),
        try file("external.ptd", ReaderChecks.flatTensor),
        Sample(name: "payload of inline_delegate.pte", bytes: payload, check: ReaderChecks.xnnpackPayload),
      ]
    } catch {
      fatalError("\(error)")
    }
  }()

  @Test(arguments: samples)
  func everyPrefixIsRefusedOrReadAsTheOfficialLibraryReadsIt(_ sample: Sample) {
    ByteEdits.forEachPrefix(of: sample.bytes) { bytes, count in
      if let fault = sample.check(bytes) { Issue.record("\(count) bytes: \(fault)") }
    }
  }

  /// Headers say how long a file should be, so that one that was cut off is said to be cut off.
  @Test func everyPrefixOfAProgramIsTruncated() throws {
    for name in ["stacktrace.pte", "inline_delegate.pte", "external.ptd"] {
      let bytes = try TestFiles.bytes(name)
      for count in 0..<bytes.count {
        let contents = FileContents(copying: bytes[..<count])
        do throws(ReadError) {
          if name.hasSuffix("d") { _ = try FlatTensor(reading: contents) } else { _ = try Program(reading: contents) }
          Issue.record("\(name): \(count) of \(bytes.count) bytes were read")
        } catch {
          #expect(error.code == .truncated)
          #expect(error.offset == count)
        }
      }
    }
  }

  @Test func aProgramWithoutHeaderIsDamagedOrCutShort() throws {
    let bytes = try TestFiles.bytes("headerless.pte")
    let half = FileContents(copying: bytes[..<(bytes.count / 2)])
    let error = #expect(throws: ReadError.self) { try Program(reading: half) }
    #expect(error?.code == .outOfBounds)
    #expect(error?.description.contains("the file is damaged or cut short") == true)
  }

  @Test(arguments: samples)
  func everyEditedByteIsRefusedOrReadAsTheOfficialLibraryReadsIt(_ sample: Sample) {
    ByteEdits.forEachByteEdit(of: sample.bytes) { bytes, description in
      if let fault = sample.check(bytes) { Issue.record("\(description): \(fault)") }
    }
  }

  @Test(arguments: samples)
  func randomEditsAreRefusedOrReadAsTheOfficialLibraryReadsThem(_ sample: Sample) {
    for seed in ByteEdits.seeds(3000) {
      let bytes = ByteEdits.random(sample.bytes, seed: seed)
      if let fault = bytes.withUnsafeBytes(sample.check) { Issue.record("ET_SEED=\(seed): \(fault)") }
    }
  }
}
