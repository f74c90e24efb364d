import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import ETKernels
import ETRuntime
import ETTracing
import OperatorCorpus
import TestSupport
import Testing

/// The calls of whole models that the official runtime answered.
enum Sessions {
  static let corpus = Result { try Corpus(Fixtures.path("corpus/models.etcorpus.zst")) }

  /// Numbers of the sessions.
  static var all: [Int] { Array(((try? corpus.get())?.sessions ?? []).indices) }

  /// Those of which the official runtime left a trace with values that can be read.
  static var withValues: [Int] {
    all.filter {
      guard let session = try? corpus.get().sessions[$0], session.program == nil else { return false }
      return session.name.hasPrefix("values") && !["half/portable", "bfloat16/portable"].contains(session.model)
    }
  }

  static func program(of session: Corpus.Session) throws -> Program? {
    guard session.program == nil else { return nil }
    return try Program(reading: Fixtures.contents("models/\(session.model)/model.pte"))
  }
}

@Suite struct ReferenceSessions {
  @Test(arguments: Sessions.all)
  func answersAsTheOfficialRuntime(_ number: Int) throws {
    let corpus = try Sessions.corpus.get()
    let session = corpus.sessions[number]
    let difference = try corpus.run(session, program: Sessions.program(of: session))
    #expect(difference == nil, "\(session.model), \(session.name)")
  }

  @Test(arguments: Sessions.all.filter { $0 % 5 == 0 })
  func answersTheSameOnManyThreads(_ number: Int) throws {
    let corpus = try Sessions.corpus.get()
    let session = corpus.sessions[number]
    let program = try Sessions.program(of: session)
    var answers: [[[UInt8]]] = []
    for threads in [1, 3] {
      var options = Method.Options()
      options.threads = threads
      answers.append(try corpus.outputs(of: session, program: program, options: options))
    }
    #expect(answers[0] == answers[1], "\(session.model), \(session.name)")
  }

  /// The same blocks, events, names, ids, order and tensors; values as close as answers.
  @Test(arguments: Sessions.withValues)
  func leavesTheOfficialRuntimesTrace(_ number: Int) throws {
    let corpus = try Sessions.corpus.get()
    let session = corpus.sessions[number]
    var configuration = EventTracer.Configuration()
    configuration.debugLevel = .intermediates
    configuration.debugBuffer = .memory(capacity: 64 << 20)
    let tracer = try EventTracer(configuration)
    var options = Method.Options()
    options.tracer = tracer
    options.tracerThread = tracer.thread()
    _ = try corpus.run(session, program: Sessions.program(of: session), options: options)
    let ours = try tracer.etdump()
    let theirs = try Fixtures.withBytes("models/\(session.model)/\(session.name).etdp") { try ETDump(reading: $0) }
    let buffer = try Fixtures.bytes("models/\(session.model)/\(session.name).debug")
    let observed = TraceLines(ours, buffer: tracer.debugBufferBytes.map { [UInt8]($0) } ?? [])
    let expected = TraceLines(theirs, buffer: buffer)
    // An execution that fails has its event here, and not there.
    let isFailure = session.calls.contains { $0.outputs == nil }
    #expect(observed.runs == expected.runs)
    for (index, line) in expected.lines.enumerated() where index < observed.lines.count {
      #expect(observed.lines[index] == line, "\(session.model), \(session.name), event \(index)")
      if observed.lines[index] != line { return }
    }
    #expect(observed.lines.count == expected.lines.count + (isFailure ? 1 : 0))
    for (a, b) in zip(observed.tensors, expected.tensors) {
      // Deep in a network the rounding of all layers before adds up, the official runtime's as ours.
      var closeness = Closeness.standard(for: b.type, isReduction: true)
      if b.type == .float { (closeness.relative, closeness.ofGreatest) = (1e-4, 1e-5) }
      let difference = a.bytes.withUnsafeBytes { a in
        b.bytes.withUnsafeBytes { closeness.firstDifference(b.type, a, $0) }
      }
      #expect(difference == nil, "\(session.model), \(session.name), \(b.place)")
      if difference != nil { return }
    }
  }
}

/// A trace without its times.
private struct TraceLines {
  struct Logged {
    let place: String
    let type: ScalarType
    let bytes: [UInt8]
  }

  var runs: [String] = []
  var lines: [String] = []
  var tensors: [Logged] = []

  init(_ dump: ETDump, buffer: [UInt8]) {
    for run in dump.runs {
      guard let events = run.events else { continue }
      runs.append(dump.text(run.name))
      for event in dump.events[events] {
        var line = "\(event.kind) \(dump.text(event.name)) \(event.chainIndex):\(event.instructionID)"
        if event.kind == .debug, event.payload >= 0 {
          let value = dump.debugValues[Int(event.payload)]
          line += " \(value.kind) \(value.int ?? 0) \(value.double ?? 0) \(String(describing: value.bool))"
          line += " output \(String(describing: value.isOutput))"
          for index in value.tensorList ?? value.tensor.map({ $0..<$0 + 1 }) ?? 0..<0 {
            let tensor = dump.tensors[index]
            let sizes = tensor.sizes.map { dump.dimensions[$0] } ?? []
            line += " \(tensor.scalarType) \(Array(sizes)) \(Array(tensor.strides.map { dump.dimensions[$0] } ?? []))"
            let count = Int(sizes.reduce(1, *)) * tensor.scalarType.byteSize
            let start = Int(tensor.offset)
            guard count > 0, start >= 0, start + count <= buffer.count else { continue }
            tensors.append(
              Logged(place: line, type: tensor.scalarType, bytes: Array(buffer[start..<start + count])))
          }
        }
        lines.append(line)
      }
    }
  }
}
