import Foundation

/// A `golden.json`: what the reference answers about the traces beside it.
///
/// File names are paths from `Fixtures.root`.
public struct Golden: Sendable {
  /// The folder, from `Fixtures.root`.
  public let folder: String
  public let program: String?
  public let cases: [Case]
  public let numericGaps: [NumericGap]

  /// One trace, read one way.
  public struct Case: Sendable, CustomStringConvertible {
    public let trace: String
    public let etrecord: String?
    public let debugBuffer: String?
    /// `save_data_to_tsv`'s file and every column of every event as JSON; nil where the reference fails.
    public let tsv: String?
    public let json: String?
    public let error: String?
    /// Where it fails: while opening or later. Only native fixtures say.
    public let errorAt: String?
    public let sourceTimeScale: String?
    public let targetTimeScale: String?

    public var description: String {
      trace + (etrecord == nil ? "" : " with its ETRecord") + (sourceTimeScale.map { " in " + $0 } ?? "")
    }
  }

  /// `calculate_numeric_gap` for one trace and metric.
  public struct NumericGap: Sendable {
    public let trace: String?
    public let metric: String
    public let json: String?
    public let error: String?
  }

  /// All of them, sorted by folder.
  public static let all: [Golden] = Fixtures.files.filter { $0.hasSuffix("/golden.json") }.map { path in
    do {
      return try Golden(path)
    } catch {
      fatalError("\(path): \(error)")
    }
  }

  public static var cases: [Case] { all.flatMap(\.cases) }

  public init(_ path: String) throws {
    struct File: Decodable {
      struct Program: Decodable { let file: String? }
      struct Case: Decodable {
        let trace: String
        let etrecord, debug_buffer, tsv, json, error, error_at, source_time_scale, target_time_scale: String?
      }
      struct Gap: Decodable {
        let trace: String?
        let metric: String
        let json, error: String?
      }
      let program: Program?
      let cases: [Case]
      let numeric_gap: [Gap]?
    }
    let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.root + "/" + path)))
    let folder = String(path.dropLast("/golden.json".count))
    func placed(_ name: String?) -> String? { name.map { folder + "/" + $0 } }
    self.folder = folder
    program = placed(file.program?.file)
    cases = file.cases.map {
      Case(
        trace: folder + "/" + $0.trace, etrecord: placed($0.etrecord), debugBuffer: placed($0.debug_buffer),
        tsv: placed($0.tsv), json: placed($0.json), error: $0.error, errorAt: $0.error_at,
        sourceTimeScale: $0.source_time_scale, targetTimeScale: $0.target_time_scale)
    }
    numericGaps = (file.numeric_gap ?? []).map {
      NumericGap(trace: placed($0.trace), metric: $0.metric, json: placed($0.json), error: $0.error)
    }
  }
}
