import Bytes
import ETCore
import Presentation
import Statistics
import TensorFiles

/// What `etrun` says about a run.
struct RunReport {
  let model: String
  let method: String
  /// Executions in one iteration.
  let steps: Int
  /// Nanoseconds of each execution after the warm-up.
  var times: [UInt64] = []
  var warmup: [UInt64] = []
  var plannedBytes: [Int] = []
  var peakBytes: Int?
  var outputs: [RunValue] = []
  /// Mismatches, where outputs were compared with expected ones.
  var verification: [String]?

  init(model: String, method: String, steps: Int) {
    self.model = model
    self.method = method
    self.steps = steps
  }

  func write(_ format: RunRequest.Format, to out: any ByteSink) throws {
    switch format {
    case .table: try writeTable(to: out)
    case .json: try writeJSON(to: out)
    }
  }

  // MARK: For people

  private func writeTable(to out: any ByteSink) throws {
    var text = "\(lastComponent(model)), method \(method): \(times.count) executions"
    if !warmup.isEmpty { text += " after \(warmup.count) to warm up" }
    text += "\n\n"
    if let summary = Summary(of: times.map { Double($0) }) {
      var table = TextTable(
        [.init("latency (ms)")]
          + ["p50", "p90", "p99", "mean", "min", "max", "first"].map { .init($0, isNumber: true) })
      let first = Double((warmup + times)[0])
      let row = [summary.p50, summary.p90, summary.p99, summary.mean, summary.min, summary.max, first]
      table.row(["Method::execute"] + row.map(milliseconds))
      text += table.text(width: Terminal.width) + "\n"
    }
    if steps > 1, let rate = tokensPerSecond {
      text += "\(steps) steps an iteration: first \(milliseconds(Double(times[0]))) ms, then "
      text += "\(NumberText.fixed(rate, 1)) steps (tokens) per second\n"
    }
    text += memoryText + "\n"
    for (index, output) in outputs.enumerated() { text += "output \(index): \(describe(output))\n" }
    if let verification {
      text += verification.isEmpty ? "\nverified: every output is as expected\n" : "\nnot as expected:\n"
      for mismatch in verification { text += mismatch + "\n" }
    }
    try out.write(text)
  }

  /// Of the steps behind the first of each iteration.
  private var tokensPerSecond: Double? {
    let later = times.indices.filter { $0 % steps != 0 }.map { Double(times[$0]) }
    let total = later.reduce(0, +)
    return total > 0 ? Double(later.count) * 1e9 / total : nil
  }

  private var memoryText: String {
    var parts = plannedBytes.enumerated().filter { $0.offset > 0 }.map { "arena \($0.offset) \(bytes($0.element))" }
    if let peakBytes { parts.append("peak of the process \(bytes(peakBytes))") }
    return "memory: " + parts.joined(separator: ", ")
  }

  private func milliseconds(_ nanoseconds: Double) -> String { NumberText.fixed(nanoseconds / 1e6, 3) }

  private func bytes(_ count: Int) -> String {
    count < 10_000 ? "\(count) B" : count < 10_000_000 ? "\(count / 1000) kB" : "\(count / 1_000_000) MB"
  }

  private func describe(_ value: RunValue) -> String {
    switch value {
    case .tensor(let tensor): "\(tensor.dtype) \(tensor.sizes)"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .none: "none"
    }
  }

  // MARK: For scripts

  private func writeJSON(to out: any ByteSink) throws {
    var json = JSONWriter()
    json.object { json in
      json.member("schema", "ettools.run/1")
      json.member("method", method)
      json.member("iterations", steps > 0 ? times.count / steps : 0)
      json.member("steps", steps)
      if let summary = Summary(of: times.map { Double($0) }) {
        json.member("median_ns", summary.p50)
        json.member("p90_ns", summary.p90)
        json.member("p99_ns", summary.p99)
        json.member("min_ns", summary.min)
        json.member("max_ns", summary.max)
        json.member("mean_ns", summary.mean)
        json.member("first_ns", (warmup + times)[0])
      }
      if steps > 1, let rate = tokensPerSecond { json.member("steps_per_second", rate) }
      json.key("times_ns")
      json.array { json in for time in times { json.value(time) } }
      json.key("planned_bytes")
      json.array { json in for count in plannedBytes.dropFirst() { json.value(count) } }
      if let peakBytes { json.member("peak_bytes", peakBytes) }
      json.key("outputs")
      json.array { json in for output in outputs { write(output, to: &json) } }
      if let verification {
        json.key("verification")
        json.object { json in
          json.member("as_expected", verification.isEmpty)
          json.key("mismatches")
          json.array { json in for mismatch in verification { json.value(mismatch) } }
        }
      }
    }
    json.endLine()
    try out.write(json.take())
  }

  private func write(_ output: RunValue, to json: inout JSONWriter) {
    switch output {
    case .tensor(let tensor):
      json.object { json in
        json.member("dtype", tensor.dtype.description)
        json.key("sizes")
        json.array { json in for size in tensor.sizes { json.value(size) } }
      }
    case .int(let value): json.value(value)
    case .double(let value): json.value(value)
    case .bool(let value): json.value(value)
    case .none: json.null()
    }
  }
}
