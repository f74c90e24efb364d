import Bytes
import ETDumpFormat
import Foundation
import TestSupport
import Testing

/// A journal holds every event that its process had recorded, whenever it was killed.
@Suite struct KilledProcesses {
  /// `ET_KILLS` sets how many processes are killed.
  static let count = Environment.value("ET_KILLS").flatMap { Int($0) } ?? 20

  private static var executable: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("TracerStream")
  }

  @Test func losesNothing() throws {
    var generator = SeededGenerator(seed: 7)
    for kill in 0..<Self.count {
      let folder = try TemporaryFolder()
      let progress = try folder.write([UInt8](repeating: 0, count: 4096), to: "progress")
      let path = folder.file("run.etj")
      let child = Process()
      child.executableURL = Self.executable
      child.arguments = [path, progress]
      try child.run()
      usleep(UInt32(5000 + generator.below(300_000)))
      #expect(child.isRunning)
      _ = Foundation.kill(child.processIdentifier, SIGKILL)
      child.waitUntilExit()

      let counters = try Array(Data(contentsOf: URL(fileURLWithPath: progress))).withUnsafeBytes { bytes in
        (0..<2).map { Int(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
      }
      // Killed before the journal had its name: then nothing had been recorded.
      guard FileManager.default.fileExists(atPath: path) else {
        #expect(counters == [0, 0])
        continue
      }
      let contents = try FileContents.open(path)
      let dump = try withExtendedLifetime(contents) { try ETDump(reading: contents.bytes) }
      var recorded = ["thread 0": 0, "thread 1": 0]
      var names: [Int: String] = [:]
      var threads: [Int: Int] = [:]
      for line in (dump.runs.last?.allocators ?? []).map({ dump.text($0) }) {
        let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
        if parts[0].hasPrefix("thread."), let number = Int(parts[0].dropFirst(7)) { names[number] = parts[1] }
        if parts[0].hasPrefix("run."), parts[0].hasSuffix(".thread") {
          threads[Int(parts[0].dropFirst(4).dropLast(7)) ?? -1] = Int(parts[1])
        }
      }
      for (index, run) in dump.runs.enumerated() {
        guard let events = run.events, let name = names[threads[index] ?? 0] else { continue }
        recorded[name, default: 0] += events.count
      }
      // At most the event that was recorded and not counted yet is beyond the count.
      for number in 0..<2 {
        let there = recorded["thread \(number)"] ?? 0
        #expect(
          there == counters[number] || there == counters[number] + 1,
          "kill \(kill), thread \(number): \(there) events, \(counters[number]) counted")
      }
    }
  }
}
