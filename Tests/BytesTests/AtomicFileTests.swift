import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func mode(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
  }

  @Test func appearsOnlyWhenCommitted() throws {
    let path = folder.file("report.json")
    let file = try AtomicFile(path: path)
    try file.write("half")
    #expect(!FileManager.default.fileExists(atPath: path))
    try file.write([UInt8](" whole".utf8))
    try file.commit()
    #expect(try text(path) == "half whole")
    #expect(folder.names == ["report.json"])
  }

  @Test func leavesTheOldFileUntilTheNewOneIsWhole() throws {
    let path = try folder.write("old", to: "report.json")
    let file = try AtomicFile(path: path)
    try file.write("new")
    #expect(try text(path) == "old")
    try file.commit()
    #expect(try text(path) == "new")
  }

  @Test func removesWhatWasWrittenWhenDropped() throws {
    let path = try folder.write("old", to: "report.json")
    do {
      let file = try AtomicFile(path: path)
      try file.write("new")
      #expect(folder.names.count == 2)
    }
    #expect(folder.names == ["report.json"])
    #expect(try text(path) == "old")
  }

  @Test func removesWhatWasWrittenWhenItCannotBeRenamed() throws {
    let path = folder.file("taken")
    let file = try AtomicFile(path: path)
    try file.write("new")
    // A folder that came in between: rename(2) does not replace it.
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let error = #expect(throws: WriteError.self) { try file.commit() }
    #expect(error?.path == path)
    #expect(folder.names == ["taken"])
  }

  @Test func keepsTheModeOfTheFileThatItReplaces() throws {
    let path = try folder.write("old", to: "report.json")
    for wanted in [0o600, 0o664, 0o755] {
      try FileManager.default.setAttributes([.posixPermissions: wanted], ofItemAtPath: path)
      let file = try AtomicFile(path: path)
      try file.commit()
      #expect(try mode(path) == wanted)
    }
  }

  @Test func givesANewFileTheModeThatOpenWould() throws {
    let path = folder.file("new")
    let file = try AtomicFile(path: path)
    try file.commit()
    let mask = umask(0)
    umask(mask)
    #expect(try mode(path) == 0o666 & ~Int(mask))
  }

  @Test func replacesWhatASymbolicLinkLeadsTo() throws {
    let target = try folder.write("old", to: "target")
    let link = folder.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target")
    let file = try AtomicFile(path: link)
    try file.write("new")
    try file.commit()
    #expect(try text(target) == "new")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target")
  }

  @Test func writesDevicesInPlace() throws {
    let file = try AtomicFile(path: "/dev/null")
    try file.write("gone")
    try file.commit()
    #expect(
      (try? FileManager.default.attributesOfItem(atPath: "/dev/null"))?[.type] as? FileAttributeType
        == .typeCharacterSpecial)
  }

  @Test func saysWhyItCannotBeWritten() throws {
    let missing = folder.file("no/such/folder")
    #expect(
      #expect(throws: WriteError.self) { try AtomicFile(path: missing) }?.description
        == "\(missing): No such file or directory")
    #expect(
      #expect(throws: WriteError.self) { try AtomicFile(path: folder.path) }?.description
        == "\(folder.path): Is a directory")
  }

  #if os(Linux)
    @Test func saysThatTheDeviceIsFull() throws {
      let file = try AtomicFile(path: "/dev/full")
      #expect(
        #expect(throws: WriteError.self) { try file.write("x") }?.description == "/dev/full: No space left on device")
    }
  #endif

  @Test func aStreamWhoseReaderLeftIsNoError() throws {
    let pipe = Pipe()
    let stream = StandardStream(descriptor: pipe.fileHandleForWriting.fileDescriptor, name: "standard output")
    try stream.write("before")
    try stream.flush()
    try pipe.fileHandleForReading.close()
    try stream.write("after")
    try stream.flush()
    try stream.write("long after")
    try stream.flush()
  }

  @Test func aStreamThatIsClosedIsAnError() throws {
    let stream = StandardStream(descriptor: 9999, name: "standard output")
    try stream.write("x")
    let error = #expect(throws: WriteError.self) { try stream.flush() }
    #expect(error?.description == "standard output: Bad file descriptor")
  }
}
