import Bytes
import Commands
import ETCore
import ETDumpFormat
import Foundation
import TensorFiles
import TestSupport
import Testing

/// `etrun`, as the command line calls it.
@Suite struct RunTests {
  private func request(_ model: String) -> RunRequest { RunRequest(model: Fixtures.path("models/\(model)")) }

  /// What a run prints, and how it ends.
  private func run(_ request: RunRequest) throws -> (text: String, status: Commands.ExitStatus, notes: String) {
    let (out, notes) = (MemorySink(), MemorySink())
    let status = try request.run(out: out, notes: notes)
    return (String(decoding: out.bytes, as: UTF8.self), status, String(decoding: notes.bytes, as: UTF8.self))
  }

  private func json(_ request: RunRequest) throws -> [String: Any] {
    var request = request
    request.format = .json
    return try #require(
      try JSONSerialization.jsonObject(with: Data(try run(request).text.utf8)) as? [String: Any])
  }

  private func dump(_ path: String) throws -> ETDump {
    let contents = try FileContents.open(path)
    return try withExtendedLifetime(contents) { try ETDump(reading: contents.bytes) }
  }

  private func executions(_ dump: ETDump) -> Int {
    dump.runs.filter { dump.text($0.name) == "Execute" }.count
  }

  @Test func printsATableOfLatencies() throws {
    var request = request("pnet/portable/model.pte")
    (request.iterations, request.warmup) = (5, 2)
    let text = try run(request).text
    #expect(text.contains("method forward: 5 executions after 2 to warm up"))
    #expect(text.contains("p50") && text.contains("first") && text.contains("memory: arena 1"))
    let report = try json(request)
    #expect(report["iterations"] as? Int == 5)
    #expect((report["times_ns"] as? [Int])?.count == 5)
  }

  @Test(arguments: ["llama", "pnet", "number_types", "runs_137", "rnet"])
  func verifiesBundledCases(_ model: String) throws {
    var request = request("\(model)/portable/model.bpte")
    request.bundledCase = 0
    request.verifies = true
    let (text, status, _) = try run(request)
    #expect(status == .fine, "\(text)")
  }

  @Test func explainsEveryMismatch() throws {
    var request = request("pnet/portable/model.bpte")
    (request.bundledCase, request.verifies) = (0, true)
    (request.relativeTolerance, request.absoluteTolerance) = (0, 0)
    let (text, status, _) = try run(request)
    #expect(status == .found)
    for part in ["output 0: ", "elements", "greatest absolute difference", "at index", "output 1: "] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func recordsEveryCallOfASequence() throws {
    let folder = try TemporaryFolder()
    var members: [NamedTensor] = []
    for step in 0..<40 {
      // A token and its position.
      for (input, (number, sizes)) in [(step % 7, [1, 1]), (step, [1])].enumerated() {
        let tensor = try withUnsafeBytes(of: Int64(number)) {
          try TensorData(dtype: .long, sizes: sizes, copying: $0)
        }
        members.append(NamedTensor(name: "\(step).\(input)", tensor: tensor))
      }
    }
    try TensorFile.write(members, to: folder.file("steps.npz"))
    var request = request("llama/portable/model.pte")
    request.steps = folder.file("steps.npz")
    (request.iterations, request.warmup) = (5, 1)
    request.trace = folder.file("run.etdp")
    let (text, _, notes) = try run(request)
    #expect(text.contains("40 steps an iteration") && text.contains("tokens"))
    #expect(notes.isEmpty, "\(notes)")
    #expect(executions(try dump(folder.file("run.etdp"))) == 200)
  }

  @Test func streamsAJournalThatOpens() throws {
    let folder = try TemporaryFolder()
    var request = request("mobilenet_v2/portable/model.pte")
    (request.iterations, request.streams, request.trace) = (3, true, folder.file("run.etj"))
    _ = try run(request)
    let dump = try dump(folder.file("run.etj"))
    #expect(executions(dump) == 3)
    let meta = (dump.runs.last?.allocators ?? []).map { dump.text($0) }
    for key in ["producer=etrun", "device=", "method=forward", "model_crc32=", "thread.0=main"] {
      #expect(meta.contains { $0.hasPrefix(key) }, "\(key)")
    }
  }

  @Test(arguments: ["outputs.npz", "outputs.safetensors"]) func savesItsOutputs(_ name: String) throws {
    let folder = try TemporaryFolder()
    var request = request("rnet/portable/model.pte")
    request.saveOutputs = folder.file(name)
    _ = try run(request)
    let kind = try #require(TensorFile(path: name))
    let saved = try kind.read(try FileContents.open(folder.file(name)))
    #expect(saved.map(\.name) == ["output_0", "output_1"])
    #expect(saved.allSatisfy { $0.tensor.dtype == .float })
  }

  @Test func theSameSeedGivesTheSameRun() throws {
    let folder = try TemporaryFolder()
    func outputs(_ seed: UInt64) throws -> Data {
      var request = request("rnet/portable/model.pte")
      (request.seed, request.saveOutputs) = (seed, folder.file("outputs.safetensors"))
      _ = try run(request)
      return try Data(contentsOf: URL(fileURLWithPath: folder.file("outputs.safetensors")))
    }
    #expect(try outputs(3) == outputs(3))
    #expect(try outputs(3) != outputs(4))
  }

  @Test func namesWhatItCannotDo() throws {
    func trouble(_ model: String, _ change: (inout RunRequest) -> Void = { _ in }) -> String {
      var request = request(model)
      change(&request)
      do {
        _ = try run(request)
        return "nothing"
      } catch {
        return "\(error)"
      }
    }
    #expect(trouble("pnet/xnnpack/model.pte").contains("not registered: backends XnnpackBackend"))
    #expect(trouble("pnet/portable/model.pte") { $0.method = "other" }.contains("no method other"))
    #expect(trouble("pnet/portable/model.pte") { $0.bundledCase = 0 }.contains("not a bundled program"))
    #expect(trouble("pnet/portable/model.bpte") { $0.bundledCase = 900 }.contains("no case 900"))
    #expect(trouble("pnet/portable/model.pte") { $0.inputs = ["shape:1x2"] }.contains("input 0"))
    #expect(trouble("pnet/portable/model.pte") { $0.inputs = ["int:x"] }.contains("not a value"))
    #expect(trouble("pnet/portable/nothing.pte").contains("nothing.pte"))
    #expect(trouble("pnet/portable/model.pte") { $0.log = .outputs }.contains("--trace"))
  }
}
