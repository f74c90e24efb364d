import Analysis
import Bytes
import Presentation

/// Findings as text or JSON.
struct CheckReport {
  let trace: String
  let findings: [Finding]

  func write(_ format: CheckRequest.Format, to sink: any ByteSink) throws(WriteError) {
    switch format {
    case .table: try sink.write(text)
    case .json:
      var json = JSONWriter(indentation: 1)
      json.object { json in
        json.member("schema", "ettools.check/1")
        json.member("trace", trace)
        for severity in Severity.allCases.reversed() { json.member(severity.rawValue + "s", count(severity)) }
        json.key("findings")
        json.array { json in for finding in findings { json.object { Self.append(finding, to: &$0) } } }
      }
      json.endLine()
      try sink.write(json.take())
    case .ndjson:
      var json = JSONWriter()
      for finding in findings {
        json.object { json in
          json.member("schema", "ettools.check/1")
          Self.append(finding, to: &json)
        }
        json.endLine()
      }
      try sink.write(json.take())
    }
  }

  private var text: String {
    var text = ""
    for finding in findings {
      let place = finding.place.parts.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
      text +=
        "\(finding.severity.rawValue) \(finding.rule.id) \(finding.rule.title)\(place.isEmpty ? "" : " (\(place))")"
      text += finding.count > 1 ? ", the first of \(NumberText.grouped(Int64(finding.count))):\n" : ":\n"
      text += "  \(TextTable.singleLine(finding.message))\n"
      if !finding.mend.isEmpty { text += "  → \(finding.mend)\n" }
    }
    let counts = Severity.allCases.reversed().map { severity in
      let count = count(severity)
      return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    return text + counts.joined(separator: ", ") + "\n"
  }

  private func count(_ severity: Severity) -> Int { findings.count { $0.severity == severity } }

  private static func append(_ finding: Finding, to json: inout JSONWriter) {
    json.member("rule", finding.rule.id)
    json.member("severity", finding.severity.rawValue)
    json.member("title", finding.rule.title)
    json.key("place")
    json.object { json in for part in finding.place.parts { json.member(part.name, part.value) } }
    json.member("count", finding.count)
    json.member("message", finding.message)
    json.member("mend", finding.mend)
  }

  // MARK: Rules

  static func writeRules(_ format: CheckRequest.Format, to sink: any ByteSink) throws(WriteError) {
    guard format != .table else {
      var text = ""
      for rule in Rule.all { text += "\(rule.id) \(rule.severity.rawValue): \(rule.title)\n  \(rule.meaning)\n" }
      return try sink.write(text)
    }
    var json = JSONWriter(indentation: format == .json ? 1 : nil)
    func append(_ rule: Rule, to json: inout JSONWriter) {
      json.object { json in
        json.member("rule", rule.id)
        json.member("severity", rule.severity.rawValue)
        json.member("title", rule.title)
        json.member("meaning", rule.meaning)
      }
    }
    if format == .json {
      json.object { json in
        json.member("schema", "ettools.check-rules/1")
        json.key("rules")
        json.array { json in for rule in Rule.all { append(rule, to: &json) } }
      }
      json.endLine()
    } else {
      for rule in Rule.all {
        append(rule, to: &json)
        json.endLine()
      }
    }
    try sink.write(json.take())
  }
}
