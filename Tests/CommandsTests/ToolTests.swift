import Foundation
import TestSupport
import Testing

/// The installed program, called by the names of its tools.
@Suite struct ToolTests {
  private func run(_ arguments: String...) throws -> (status: Int32, out: String, error: String) { try run(arguments) }

  private func run(_ arguments: [String]) throws -> (status: Int32, out: String, error: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("ettools")
    process.arguments = arguments
    let (out, error) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (out, error)
    try process.run()
    let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text, complaint)
  }

  @Test func calibrateTheTracer() throws {
    let (status, out, _) = try run("etrun", "calibrate-tracer", "--format", "json")
    #expect(status == 0)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(out.utf8)) as? [String: Any])
    #expect(!report.isEmpty)
  }

  @Test func exitWithTheirStatus() throws {
    let model = Fixtures.path("models/pnet/portable/model.bpte")
    #expect(try run("etrun", model, "--verify").status == 0)
    #expect(try run("etrun", model, "--verify", "--rtol", "0", "--atol", "0").status == 1)
    let missing = try run("etrun", "nothing.pte")
    #expect(missing.status == 2 && missing.error == "etrun: nothing.pte: No such file or directory\n")
    #expect(try run("etrun", model, "--iterations", "0").status == 64)
    #expect(try run("etrun").status == 64)
    #expect(try run("etdiff").status == 64)
    #expect(try run("etdump", "inspect", Fixtures.path("models/pnet/portable/time.etdp")).status == 0)
  }

  @Test func databasesGoToFiles() throws {
    let trace = Fixtures.path("models/pnet/portable/time.etdp")
    let folder = NSTemporaryDirectory() + "ettools-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // The name's ending says the format, and nothing stays beside the file.
    #expect(try run("etdump", "export", trace, "-o", folder + "/trace.db").status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["trace.db"])
    let header = try #require(FileManager.default.contents(atPath: folder + "/trace.db")).prefix(15)
    #expect(header == Data("SQLite format 3".utf8))
    for arguments in [
      ["--to", "sqlite"], ["--to", "sqlite", "-o", "-"], ["--to", "csv", "-o", "x.db"], ["-o", "x.y"], [],
    ] {
      #expect(try run(["etdump", "export", trace] + arguments).status == 64, "\(arguments)")
    }
    let device = try run("etdump", "export", trace, "--to", "sqlite", "-o", "/dev/null")
    #expect(device.status == 64 && device.error == "etdump: /dev/null: not a regular file, which a database needs\n")
    #expect(try run("etdump", "export", trace, "--to", "sqlite", "-o", folder + "/no/trace").status == 2)
  }

  @Test func diffAnswersWithItsStatus() throws {
    let (slow, fast) = (
      Fixtures.path("models/pnet/portable/time.etdp"), Fixtures.path("models/pnet/xnnpack/time.etdp")
    )
    let plain = try run("etdump", "diff", fast, "--to", slow)
    #expect(plain.status == 0 && plain.out.hasPrefix("Execute is slower: ") && plain.error == "")
    #expect(try run("etdump", "diff", fast, "--to", slow, "--fail-on", "slower").status == 1)
    #expect(try run("etdump", "diff", slow, "--to", fast, "--fail-on", "slower").status == 0)
    #expect(try run("etdump", "diff", fast, fast, "--to", slow, slow, "--format", "csv").status == 0)
    #expect(try run("etdump", "diff", fast, "--to", "nothing.etdp").status == 2)
    for wrong in [
      [fast], [fast, "--to"], [fast, "--to", slow, "--alpha", "2"], [fast, "--to", slow, "--threshold", "-1"],
      [fast, "--to", slow, "--fail-on", "red"], [fast, "--to", slow, "--format", "csv", "-o", "x.json"],
      ["-", "--to", "-"],
    ] {
      #expect(try run(["etdump", "diff"] + wrong).status == 64, "\(wrong)")
    }
  }

  @Test func explainThemselves() throws {
    let help = try run("etrun", "--help")
    #expect(help.status == 0)
    for part in ["A first session", "--iterations", "calibrate-tracer"] { #expect(help.out.contains(part), "\(part)") }
    #expect(try run("etrun", "--version").out.hasPrefix("etrun (ettools) "))
  }
}
