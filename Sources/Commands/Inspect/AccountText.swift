import Analysis
import ETCore
import Presentation
import TraceModel

/// The account at the end of the table: every tick of `Method::execute`, once.
struct AccountText {
  let account: Account
  let request: InspectRequest

  var text: String {
    var out =
      "account: \(ticks(account.total)) in \(account.runs) execution\(account.runs == 1 ? "" : "s"), by backend: "
    out += account.backends.map { "\($0.name) \(share($0.ticks))" }.joined(separator: ", ") + "\n"
    out += table(account.parts, withModule: false, total: true)
    if !account.undelegated.isEmpty {
      out +=
        "\noperators that no backend took\n"
        + table(Array(account.undelegated.prefix(12)), withModule: true, total: false)
      if account.undelegated.count > 12 { out += "… and \(account.undelegated.count - 12) more\n" }
    }
    if !account.border.isEmpty {
      let sum = account.border.reduce(0) { $0 + $1.ticks }
      out +=
        "\ncopies, layout changes and quantization at delegate borders: \(share(sum))\n"
        + table(account.border, withModule: false, total: false)
    }
    return out
  }

  private func table(_ entries: [Account.Entry], withModule: Bool, total: Bool) -> String {
    var table = TextTable(
      [
        .init("", canShrink: true), .init("ticks", isNumber: true),
        .init(request.conversion.target.rawValue + "/run", isNumber: true),
        .init("share", isNumber: true), .init("calls", isNumber: true),
      ] + (withModule ? [.init("module", canShrink: true)] : []))
    for entry in entries {
      table.row(
        [
          "  " + entry.name, NumberText.grouped(entry.ticks), perRun(entry.ticks), share(entry.ticks),
          entry.calls == 0 ? "" : NumberText.grouped(Int64(entry.calls)),
        ] + (withModule ? [entry.module ?? ""] : []))
    }
    if total {
      table.row(
        [
          "  = Method::execute", NumberText.grouped(account.total), perRun(account.total), share(account.total),
          NumberText.grouped(Int64(account.runs)),
        ])
    }
    return request.format == .markdown ? "\n" + table.markdown() : table.text(width: request.width)
  }

  private func ticks(_ ticks: Int64) -> String {
    NumberText.short(request.conversion.convert(ticks)) + " " + request.conversion.target.rawValue
  }

  private func perRun(_ ticks: Int64) -> String {
    NumberText.short(request.conversion.convert(ticks) / Double(max(1, account.runs)))
  }

  private func share(_ ticks: Int64) -> String { NumberText.percent(Double(ticks) / Double(account.total)) }
}
