import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct FileContentsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ path: String, streamLimit: Int = 1 << 20) throws -> [UInt8] {
    let contents = try FileContents.open(path, streamLimit: streamLimit)
    return withExtendedLifetime(contents) { Array(contents.bytes) }
  }

  /// A descriptor's path: `/dev/fd/7`.
  private func filled(_ pipe: Pipe, _ bytes: [UInt8]) -> String {
    let writer = pipe.fileHandleForWriting
    Thread.detachNewThread {
      try? writer.write(contentsOf: Data(bytes))
      try? writer.close()
    }
    return "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
  }

  @Test func readsAFile() throws {
    #expect(try read(try folder.write([1, 2, 3], to: "a")) == [1, 2, 3])
  }

  @Test func readsAnEmptyFile() throws {
    let contents = try FileContents.open(try folder.write([], to: "empty"))
    #expect(contents.count == 0 && contents.bytes.isEmpty)
  }

  @Test func readsAPipeToItsEnd() throws {
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let pipe = Pipe()
    #expect(try read(filled(pipe, bytes)) == bytes)
  }

  @Test func readsAnEmptyPipe() throws {
    let pipe = Pipe()
    #expect(try read(filled(pipe, [])) == [])
  }

  @Test func stopsReadingAStreamAtTheLimit() throws {
    let error = #expect(throws: ReadError.self) { try read("/dev/zero", streamLimit: 100_000) }
    #expect(error?.code == .limit && error?.offset == 100_000)
  }

  #if os(Linux)
    @Test func readsAFileWhoseSizeIsSaidToBeZero() throws {
      #expect(try String(decoding: read("/proc/self/comm"), as: UTF8.self).isEmpty == false)
    }

    @Test func readsStandardInput() async throws {
      await #expect(processExitsWith: .success) {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("from a pipe".utf8))
        try pipe.fileHandleForWriting.close()
        dup2(pipe.fileHandleForReading.fileDescriptor, 0)
        let contents = try FileContents.open("-")
        withExtendedLifetime(contents) {
          precondition(String(decoding: contents.bytes, as: UTF8.self) == "from a pipe")
        }
        // It was a copy that was closed.
        precondition(fcntl(0, F_GETFD) >= 0)
      }
    }
  #endif

  @Test func refusesADirectory() throws {
    let error = #expect(throws: ReadError.self) { try read(folder.path) }
    #expect(error?.code == .unreadable && error?.description == "a directory, not a file")
  }

  @Test func saysThatAFileIsMissing() throws {
    let error = #expect(throws: ReadError.self) { try read(folder.file("missing")) }
    #expect(error?.code == .unreadable && error?.description == "No such file or directory")
  }

  @Test func keepsACopyOfBytesInMemory() {
    var bytes: [UInt8] = [1, 2, 3]
    let contents = FileContents(copying: bytes)
    bytes[0] = 9
    withExtendedLifetime(contents) { #expect(Array(contents.bytes) == [1, 2, 3]) }
    #expect(FileContents(copying: []).count == 0)
  }
}
