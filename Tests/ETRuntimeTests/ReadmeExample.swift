import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import ETKernels
import ETRuntime
import ETTracing
import TestSupport
import Testing

/// The README's example for apps, as it stands there.
@Suite struct ReadmeExample {
  @Test func runsAndLeavesATrace() throws {
    let folder = try TemporaryFolder()
    let model = Fixtures.path("models/runs_137/portable/model.pte")
    try run(model, trace: folder.file("run.etdp"))
    let contents = try FileContents.open(folder.file("run.etdp"))
    let dump = try withExtendedLifetime(contents) { try ETDump(reading: contents.bytes) }
    #expect(dump.runs.filter { dump.text($0.name) == "Execute" }.count == 10)
    let text = try text(of: Fixtures.root + "/../README.md")
    let source = try self.text(of: #filePath)
    let example = source.split(separator: "// example\n")[1]
    for line in example.split(separator: "\n") {
      #expect(text.contains(line.drop { $0 == " " }), "README.md lacks: \(line)")
    }
  }

  private func text(of path: String) throws -> String {
    let contents = try FileContents.open(path)
    return withExtendedLifetime(contents) { String(decoding: contents.bytes, as: UTF8.self) }
  }

  // example
  func run(_ model: String, trace: String) throws {
    let tracer = try EventTracer()
    var options = Method.Options()
    options.tracer = tracer
    options.threads = 2

    let program = try Program.load(model)
    let method = try Method(program, name: "forward", options: options)
    let input: [Float] = [1, 2, 3, 4, 5, 6]
    for _ in 0..<10 {
      try input.withUnsafeBytes {
        try method.setInput(0, type: .float, sizes: [1, 6], elements: $0)
      }
      try method.execute()
      if let output = method.output(0).asTensor {
        print(Array(output.sizes), output.elements(Float.self)[0])
      }
    }
    try tracer.write(to: trace)
  }
  // example
}
