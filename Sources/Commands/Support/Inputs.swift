public import Bytes
import Compression
import ETCore
public import ETDumpFormat
public import ETFormats

/// The files that a command works on, read once.
public struct Inputs: Sendable {
  /// All traces, one behind the other.
  public let dump: ETDump
  public let record: ETRecord?
  public let program: Program?
  public let names: Names
  /// The files' names, for messages.
  public struct Names: Sendable {
    public var traces: [String]
    public var record: String?
    public var program: String?
  }

  /// - Parameter readTrace: Reads a trace's file, for those who want more of it than its records.
  public init(
    _ paths: InputPaths, readTrace: (String) throws(ReadError) -> ETDump = Inputs.readTrace
  ) throws {
    var (record, program) = (paths.record, paths.program)
    for model in paths.models {
      let isRecord = try Self.reading(model) { (path) throws(ReadError) in
        let contents = try FileContents.openDecompressed(path)
        return withExtendedLifetime(contents) { ETRecord.recognises(contents.bytes) }
      }
      if isRecord { record = model } else { program = model }
    }
    names = Names(traces: paths.traces, record: record, program: program)
    var dump: ETDump?
    for path in paths.traces {
      let next = try Self.reading(path) { (path) throws(ReadError) in try readTrace(path) }
      if dump == nil { dump = next } else { dump?.append(next) }
    }
    guard let dump else { throw Trouble("no trace was given", status: .usage) }
    self.dump = dump
    self.record = try record.map { path in
      try Self.reading(path) { (path) throws(ReadError) in
        try ETRecord(reading: try FileContents.openDecompressed(path))
      }
    }
    self.program = try program.map { path in
      try Self.reading(path) { (path) throws(ReadError) in try Program.load(path) }
    }
  }

  public static func readTrace(_ path: String) throws(ReadError) -> ETDump {
    let contents = try FileContents.openDecompressed(path)
    defer { withExtendedLifetime(contents) {} }
    return try ETDump(reading: contents.bytes)
  }

  /// Reads a file; an error is told with the file's name.
  public static func reading<T>(_ path: String, _ body: (String) throws(ReadError) -> T) throws -> T {
    do throws(ReadError) {
      return try body(path)
    } catch {
      throw Trouble("\(path == "-" ? "standard input" : path): \(error)")
    }
  }
}

/// The files that a user names.
public struct InputPaths: Sendable {
  public var traces: [String]
  public var record: String?
  public var program: String?
  /// Records or programs, told apart by content.
  public var models: [String]

  public init(traces: [String], record: String? = nil, program: String? = nil, models: [String] = []) {
    self.traces = traces
    self.record = record
    self.program = program
    self.models = models
  }
}
