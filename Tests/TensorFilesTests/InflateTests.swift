import Bytes
import TestSupport
import Testing

@Suite struct InflateTests {
  struct Stream: Decodable, Sendable {
    var stream: String
    var size: Int
    var crc: UInt32
    var bytes: [UInt8] { [UInt8](hexadecimal: stream) }
  }

  static let streams: [Stream] = {
    do {
      return try Files.decoded([Stream].self, "deflate.json")
    } catch {
      fatalError("deflate.json: \(error)")
    }
  }()

  @Test func decompressesEveryKindOfBlock() throws {
    for stream in Self.streams {
      let contents = try inflate(stream.bytes, stream.size)
      #expect(contents.count == stream.size && CRC32.of(contents.bytes) == stream.crc)
    }
  }

  @Test func refusesAnotherSize() {
    for stream in Self.streams {
      for size in [stream.size - 1, stream.size + 1] where size >= 0 {
        #expect(code { _ = try inflate(stream.bytes, size) } == .malformed)
      }
      #expect(code { _ = try inflate(stream.bytes + [0], stream.size) } == .malformed)
      #expect(code { _ = try inflate(stream.bytes, 1 << 60) } == .malformed)
    }
  }

  @Test func refusesEveryPrefix() {
    for stream in Self.streams where stream.stream.utf8.count < 4000 {
      ByteEdits.forEachPrefix(of: stream.bytes) { bytes, count in
        #expect(failure { _ = try Inflate.contents(of: bytes, size: stream.size) } != nil, "\(count) bytes")
      }
    }
  }

  @Test func survivesEveryByteEdit() {
    for stream in Self.streams where stream.stream.utf8.count < 2000 {
      ByteEdits.forEachByteEdit(of: stream.bytes) { bytes, _ in
        var count = stream.size
        _ = failure { count = try Inflate.contents(of: bytes, size: stream.size).count }
        if count != stream.size { Issue.record("\(count) bytes instead of \(stream.size)") }
      }
    }
  }

  private func inflate(_ bytes: [UInt8], _ size: Int) throws -> FileContents {
    try bytes.withUnsafeBytes { try Inflate.contents(of: $0, size: size) }
  }
}
