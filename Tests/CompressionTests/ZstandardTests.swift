import Bytes
import CZstd
import Compression
import TestSupport
import Testing

#if os(Linux)
  import Glibc
#endif

@Suite struct ZstandardTests {
  private func decompress(_ bytes: [UInt8], limit: Int = 1 << 26) throws -> [UInt8] {
    try bytes.withUnsafeBytes { raw in
      let contents = try Zstandard.decompress(raw, limit: limit)
      return withExtendedLifetime(contents) { Array(contents.bytes) }
    }
  }

  private static let sample = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }

  @Test(arguments: Fixtures.files.filter { $0.hasSuffix(".zst") })
  func everyFixtureSurvivesARoundTrip(_ path: String) throws {
    let compressed = try FileContents.open(Fixtures.root + "/" + path)
    let bytes = try withExtendedLifetime(compressed) { () throws -> [UInt8] in
      #expect(Zstandard.recognises(compressed.bytes))
      let contents = try Zstandard.decompress(
        compressed.bytes, limit: Zstandard.outputLimit(forInput: compressed.count))
      return withExtendedLifetime(contents) { Array(contents.bytes) }
    }
    #expect(try decompress(Frame(bytes, checksum: true).bytes, limit: 1 << 28) == bytes)
  }

  @Test func openDecompressedLooksAtTheContentAndNotAtTheName() throws {
    let folder = try TemporaryFolder()
    let compressed = try folder.write(Frame(Self.sample).bytes, to: "trace.etdp")
    let plain = try folder.write([1, 2, 3], to: "plain.zst")
    #expect(try FileContents.openDecompressed(compressed).elementsEqual(FileContents(copying: Self.sample)))
    #expect(try FileContents.openDecompressed(plain).elementsEqual(FileContents(copying: [1, 2, 3])))
  }

  @Test(arguments: [true, false], [true, false])
  func decompressesWithAndWithoutSizeAndChecksum(size: Bool, checksum: Bool) throws {
    #expect(try decompress(Frame(Self.sample, size: size, checksum: checksum).bytes) == Self.sample)
    #expect(try decompress(Frame([], size: size, checksum: checksum).bytes) == [])
  }

  @Test func decompressesSeveralFramesAndSkipsOthers() throws {
    let (first, second) = (Frame(Self.sample), Frame([7, 8, 9], size: false))
    let skippable: [UInt8] = [0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
    #expect(skippable.withUnsafeBytes(Zstandard.recognises))
    #expect(try decompress(first.bytes + second.bytes) == Self.sample + [7, 8, 9])
    #expect(try decompress(skippable + first.bytes + skippable + second.bytes + skippable) == Self.sample + [7, 8, 9])
    #expect(try decompress(skippable) == [])
  }

  @Test func refusesEveryPrefix() throws {
    let frame = Frame(Array(Self.sample.prefix(3000)), size: false).bytes
    for count in 0..<frame.count {
      let error = #expect(throws: ReadError.self, "\(count)") { try decompress(Array(frame[..<count])) }
      #expect(error?.code == .truncated && error?.offset == count, "\(count): \(error.map(\.description) ?? "")")
    }
    let announced = Frame(Self.sample).bytes
    #expect(#expect(throws: ReadError.self) { try decompress(announced.dropLast(1)) }?.code == .truncated)
  }

  @Test func findsEveryFlippedByteBehindTheHeaderByItsChecksum() throws {
    let whole = Array(Self.sample.prefix(2000))
    let frame = Frame(whole, checksum: true).bytes
    for place in frame.indices {
      var flipped = frame
      flipped[place] ^= 1 << UInt8(place % 8)
      // A few bits of the header change nothing; whatever is decompressed is the whole.
      if let result = try? decompress(flipped) { #expect(result == whole, "byte \(place)") }
    }
    var last = frame
    last[frame.count - 1] ^= 1
    #expect(#expect(throws: ReadError.self) { try decompress(last) }?.code == .checksum)
  }

  @Test func refusesWhatFollowsTheFrameAndIsNone() throws {
    let frame = Frame(Self.sample).bytes
    let error = #expect(throws: ReadError.self) { try decompress(frame + [1, 2, 3, 4, 5]) }
    #expect(error?.code == .malformed)
  }

  @Test func survivesRandomEdits() {
    let frames = [
      Frame(Array(Self.sample.prefix(5000))).bytes, Frame(Array(Self.sample.prefix(5000)), size: false).bytes,
    ]
    for seed in ByteEdits.seeds(2000) {
      _ = try? decompress(ByteEdits.random(frames[Int(seed) % 2], seed: seed), limit: 1 << 20)
    }
  }

  @Test(arguments: [true, false])
  func stopsABombAtTheLimit(size: Bool) throws {
    let bomb = Frame([UInt8](repeating: 0, count: 10_000_000), size: size).bytes
    #expect(bomb.count < 2000)
    let error = #expect(throws: ReadError.self) { try decompress(bomb, limit: 1_000_000) }
    #expect(error?.code == .limit)
    #expect(try decompress(bomb, limit: 20_000_000).count == 10_000_000)
  }

  @Test func refusesAWindowThatIsTooLarge() throws {
    // A frame header that asks for a window of 1 GiB, and a block.
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 20 << 3, 1, 0, 0]
    let error = #expect(throws: ReadError.self) { try decompress(frame) }
    #expect(error?.code == .limit)
  }

  @Test func recognisesOnlyItsOwn() {
    for bytes: [UInt8] in [[], [0x28, 0xB5, 0x2F], [0x50, 0x4B, 3, 4], [0x52, 0x2A, 0x4D, 0x19]] {
      #expect(!bytes.withUnsafeBytes(Zstandard.recognises))
    }
  }

  #if os(Linux)
    /// Eight times the compressed file and 64 MB.
    @Test(arguments: [true, false])
    func aBombTakesLittleMemory(size: Bool) async {
      await #expect(processExitsWith: .success) { [size] in
        // Half a gigabyte of zeros, with the largest window that is accepted.
        let bomb = Frame(zeros: 1 << 29, size: size, windowLog: 27).bytes
        let (error, growth) = PeakMemory.growth { () -> ReadError? in
          bomb.withUnsafeBytes { raw in
            do throws(ReadError) {
              _ = try Zstandard.decompress(raw, limit: Zstandard.outputLimit(forInput: raw.count))
              return nil
            } catch {
              return error
            }
          }
        }
        exit(error?.code == .limit && growth <= 8 * bomb.count + (64 << 20) ? EXIT_SUCCESS : EXIT_FAILURE)
      }
    }
  #endif
}

extension FileContents {
  fileprivate func elementsEqual(_ other: FileContents) -> Bool {
    withExtendedLifetime((self, other)) { bytes.elementsEqual(other.bytes) }
  }
}
