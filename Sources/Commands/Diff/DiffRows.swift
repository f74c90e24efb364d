import Analysis
import Bytes
import ETCore
import Presentation
import TraceModel

/// The comparison as comma- or tab-separated rows, times in the target scale.
struct DiffRows {
  let diff: TraceDiff
  let request: DiffRequest

  func write(to sink: any ByteSink) throws(WriteError) {
    let words = DiffWords(conversion: request.conversion)
    let unit = " (\(request.conversion.target.rawValue))"
    var writer = DelimitedWriter(separator: request.format == .tsv ? "\t" : ",")
    writer.row([
      "section", "method", "phase", "kind", "class", "match", "moved", "base_name", "new_name", "base_items",
      "new_items", "module", "source", "base_median" + unit, "new_median" + unit, "shift" + unit, "low" + unit,
      "high" + unit, "relative", "p", "adjusted_p", "smallest_detectable" + unit, "base_samples", "new_samples",
    ])
    func number(_ ticks: Double?) -> String { ticks.map { PythonText.float(words.converted($0)) } ?? "" }
    for section in diff.sections {
      func row(
        _ kind: String, _ classification: TraceDiff.Class, _ row: TraceDiff.Row?, _ change: TraceDiff.Change?,
        _ medians: (Double?, Double?), _ samples: (Int, Int)
      ) {
        var names = [section.name, section.method ?? "", section.phase.rawValue].map(DiffWords.cell)
        names += [kind, classification.rawValue, row?.match.rawValue ?? ""]
        names.append(row.map { $0.isMoved ? "1" : "0" } ?? "")
        for side in [row?.base, row?.new] {
          names.append(side.map { DiffWords.cell(DiffWords.several($0.items)) } ?? "")
        }
        for side in [row?.base, row?.new] { names.append(side.map { String($0.items.count) } ?? "") }
        let item = row?.new?.items.first ?? row?.base?.items.first
        names += [item?.module ?? "", item?.sourceLine ?? ""].map(DiffWords.cell)
        var numbers: [String] = [number(medians.0), number(medians.1), number(change?.shift)]
        numbers += [number(change?.interval?.lowerBound), number(change?.interval?.upperBound)]
        for value in [change?.relative, change?.p, change?.adjustedP] {
          numbers.append(value.map(PythonText.float) ?? "")
        }
        numbers += [number(change?.smallestDetectable), String(samples.0), String(samples.1)]
        writer.row(names + numbers)
      }
      row(
        "total", section.totalClass, nil, section.total, (section.base.median, section.new.median),
        (section.base.samples.count, section.new.samples.count))
      for part in section.rows {
        row(
          (part.new ?? part.base)?.items.first?.kind.rawValue ?? "", part.classification, part, part.change,
          (part.base?.median, part.new?.median), (part.base?.samples.count ?? 0, part.new?.samples.count ?? 0))
      }
    }
    try sink.write(writer.bytes)
  }
}
