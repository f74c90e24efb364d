public import Bytes
import Compression
import Foundation

/// The committed files of `Fixtures/`, found from this source file, so that tests run from any directory.
public enum Fixtures {
  /// The folder, without a `/` at its end.
  public static let root: String = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return package.appendingPathComponent("Fixtures").resolvingSymlinksInPath().path
  }()

  /// All files, as paths from `root`, sorted; what makes them (`generate/`), large ones that are not committed and `launches/`, where
  /// one is as another, left out.
  public static let files: [String] = {
    let all = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return all.filter { path in !["generate/", "large/", "launches/"].contains { path.hasPrefix($0) } }.sorted()
  }()

  /// The forty launches of an unchanged model, as paths from `root`.
  public static func launches(_ model: String) -> [String] {
    (0..<40).map { "launches/\(model)/\($0 < 10 ? "0" : "")\($0).etdp" }
  }

  /// The files whose names, without `.zst`, end in `suffix`.
  public static func files(endingIn suffix: String) -> [String] {
    files.filter { ($0.hasSuffix(".zst") ? String($0.dropLast(4)) : $0).hasSuffix(suffix) }
  }

  /// Every recorded trace.
  public static var traces: [String] { files(endingIn: ".etdp") }

  /// The traces of at most `limit` bytes, decompressed, for tests that read one many times.
  public static func traces(upTo limit: Int) throws -> [String] {
    try traces.filter { try contents($0).count <= limit }
  }

  /// The path of a file, with or without its `.zst`, from `root`.
  public static func path(_ name: String) -> String {
    let plain = root + "/" + name
    return FileManager.default.fileExists(atPath: plain) ? plain : plain + ".zst"
  }

  /// A file, decompressed where its name ends in `.zst`, with or without that ending in `name`.
  public static func contents(_ name: String) throws -> FileContents {
    try FileContents.openDecompressed(path(name))
  }

  /// Calls `body` with a file's bytes, which live for the call.
  public static func withBytes<R>(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let contents = try contents(name)
    return try withExtendedLifetime(contents) { try body(contents.bytes) }
  }

  /// A file's bytes, copied.
  public static func bytes(_ name: String) throws -> [UInt8] { try withBytes(name) { [UInt8]($0) } }

  /// What a fuzz target found once, and hand-made inputs of its kind: full paths.
  public static func fuzzCorpus(_ target: String) -> [String] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fuzz/corpus/" + target).path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().map { folder + "/" + $0 }
  }
}
