import Foundation
import TestSupport
import Testing

@Suite struct GeneratedHeaders {
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources/CFlatBuffers").standardized

  /// flatc 2.0.8 writes the committed headers: they refuse to compile with another version of the library.
  private static let flatc: String? = {
    let folders = (Environment.value("PATH") ?? "").split(separator: ":")
    let found = folders.map { "\($0)/flatc" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    guard let found, let version = try? run(found, ["--version"]), version.contains("2.0.8") else { return nil }
    return found
  }()

  @Test(.enabled(if: flatc != nil, "needs flatc 2.0.8 (flatbuffers-compiler)"))
  func areWhatTheSchemasGenerate() throws {
    let schemas = try Self.files("schema", endingIn: ".fbs")
    let fresh = FileManager.default.temporaryDirectory.appendingPathComponent("cflatbuffers-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: fresh) }
    _ = try Self.run(Self.flatc!, ["--cpp", "--scoped-enums", "-o", fresh.path] + schemas.map(\.path))
    let committed = try Self.files("generated", endingIn: ".h")
    #expect(committed.count == schemas.count)
    for header in committed {
      let again = try Data(contentsOf: fresh.appendingPathComponent(header.lastPathComponent))
      #expect(try Data(contentsOf: header) == again, "\(header.lastPathComponent): run `make generate`")
    }
  }

  private static func files(_ folder: String, endingIn suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }.sorted { $0.path < $1.path }
  }

  private static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " "))")
    return String(decoding: text, as: UTF8.self)
  }
}
