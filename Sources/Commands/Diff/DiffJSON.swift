import Analysis
import Bytes
import ETCore
import Presentation
import TraceModel

/// The schema `ettools.diff/1`: every row with its samples, times in the target scale.
struct DiffJSON {
  let diff: TraceDiff
  let request: DiffRequest
  private let words: DiffWords

  init(diff: TraceDiff, request: DiffRequest) {
    self.diff = diff
    self.request = request
    words = DiffWords(conversion: request.conversion)
  }

  /// - Parameter lines: One row a line (NDJSON), each section's total first, instead of one document.
  func write(lines: Bool, to sink: any ByteSink) throws(WriteError) {
    var json = JSONWriter(indentation: lines ? nil : 1)
    if lines {
      for (index, section) in diff.sections.enumerated() {
        json.object { json in
          json.member("schema", "ettools.diff/1")
          json.member("section", index)
          json.member("row", "total")
          head(section, &json)
        }
        json.endLine()
        for row in section.rows {
          json.object { json in
            json.member("schema", "ettools.diff/1")
            json.member("section", index)
            fields(row, &json)
          }
          json.endLine()
        }
        try sink.write(json.take())
      }
      return
    }
    json.object { json in
      json.member("schema", "ettools.diff/1")
      json.member("source_time_scale", request.conversion.source.rawValue)
      json.member("target_time_scale", request.conversion.target.rawValue)
      json.member("unit", diff.unit.rawValue)
      json.key("settings")
      json.object { json in
        json.member("threshold", diff.settings.threshold)
        json.member("alpha", diff.settings.alpha)
        json.member("confidence", diff.settings.confidence)
      }
      for (name, input, paths) in [("base", diff.base, request.base), ("new", diff.new, request.new)] {
        json.key(name)
        json.object { json in
          json.key("traces")
          json.array { json in for path in paths.traces { json.value(path) } }
          json.member("has_etrecord", input.hasRecord)
        }
      }
      json.key("sections")
      json.array { json in
        for section in diff.sections {
          json.object { json in
            head(section, &json)
            json.key("rows")
            json.array { json in for row in section.rows { json.object { json in fields(row, &json) } } }
          }
        }
      }
    }
    json.endLine()
    try sink.write(json.take())
  }

  private func head(_ section: TraceDiff.Section, _ json: inout JSONWriter) {
    json.member("name", section.name)
    text("method", section.method, &json)
    json.member("phase", section.phase.rawValue)
    json.member("bundled_input_index", section.bundledInput)
    json.member("class", section.totalClass.rawValue)
    for (name, side) in [("base", section.base), ("new", section.new)] {
      json.key(name)
      json.object { json in
        json.member("runs", side.runs)
        json.member("warm_up_left_out", side.warmUp)
        json.member("cold_left_out", side.cold)
        json.member("median", words.converted(side.median))
        json.key("samples")
        json.array { json in for sample in side.samples { json.value(words.converted(sample)) } }
      }
    }
    change(section.total, &json)
    json.key("launch_wide")
    guard let all = section.launchWide else { return json.null() }
    json.object { json in
      json.member("relative", all.relative)
      json.key("interval")
      if let interval = all.interval {
        json.array { json in
          json.value(interval.lowerBound)
          json.value(interval.upperBound)
        }
      } else {
        json.null()
      }
      json.member("p", all.p)
      json.member("is_change", all.isChange)
    }
  }

  private func fields(_ row: TraceDiff.Row, _ json: inout JSONWriter) {
    json.member("class", row.classification.rawValue)
    json.member("match", row.match.rawValue)
    json.member("moved", row.isMoved)
    json.member("other_clock", row.isForeign)
    json.member("clock_step", words.converted(row.step))
    for (name, side) in [("base", row.base), ("new", row.new)] {
      json.key(name)
      guard let side else {
        json.null()
        continue
      }
      json.object { json in
        json.member("median", words.converted(side.median))
        json.member("total", words.converted(side.total))
        json.key("samples")
        json.array { json in for sample in side.samples { json.value(words.converted(sample)) } }
        json.key("items")
        json.array { json in for item in side.items { json.object { json in fields(item, &json) } } }
      }
    }
    change(row.change, &json)
  }

  private func fields(_ item: TraceDiff.Item, _ json: inout JSONWriter) {
    json.member("kind", item.kind.rawValue)
    json.member("name", item.name)
    json.member("instruction_id", item.instruction)
    text("operator", item.operatorName, &json)
    text("backend", item.backend, &json)
    text("module", item.module, &json)
    text("source", item.sourceLine, &json)
  }

  private func change(_ change: TraceDiff.Change?, _ json: inout JSONWriter) {
    json.key("change")
    guard let change else { return json.null() }
    json.object { json in
      json.member("shift", words.converted(change.shift))
      number("low", change.interval.map { words.converted($0.lowerBound) }, &json)
      number("high", change.interval.map { words.converted($0.upperBound) }, &json)
      number("relative", change.relative, &json)
      json.member("p", change.p)
      json.member("adjusted_p", change.adjustedP)
      number("smallest_detectable", change.smallestDetectable.map(words.converted), &json)
    }
  }

  private func text(_ name: String, _ value: String?, _ json: inout JSONWriter) {
    json.key(name)
    if let value { json.value(value) } else { json.null() }
  }

  private func number(_ name: String, _ value: Double?, _ json: inout JSONWriter) {
    json.key(name)
    if let value { json.value(value) } else { json.null() }
  }
}
