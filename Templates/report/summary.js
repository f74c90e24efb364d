"use strict";
// What a reader should know first: which model, how fast, how far the numbers can be trusted, where the time went.

const summaryView = {
  title: "Summary",

  build(panel) {
    this.box = element("div", { class: "summary" });
    panel.append(this.box);
  },

  render() {
    const parts = report.base ? [changeSummary()] : [];
    parts.push(this.facts(), latencyTable());
    for (const side of report.sides) parts.push(...this.sideParts(side));
    this.box.replaceChildren(...parts);
  },

  facts() {
    const rows = [];
    for (const side of report.sides) {
      const of = side.number === 0 ? "" : " of the base";
      rows.push([`Traces${of}`, side.files.slice(0, 20).join(", ") + (side.files.length > 20 ? `, … ${side.files.length} in all` : "")]);
      if (side.models.length > 0) rows.push([`Model${of}`, side.models.join(", ")]);
      for (const fact of side.facts) {
        const [name, ...value] = fact.split("=");
        rows.push([name + of, value.join("=")]);
      }
      rows.push([`Runs${of}`, `${countText(side.runs.length, "run")}, ${countText(side.events, "event")}`]);
    }
    return plainTable("About", ["", ""], rows);
  },

  sideParts(side) {
    const of = side.number === 0 ? "" : " (base)";
    const parts = [element("section", {}, element("h3", {}, `Can it be trusted?${of}`),
      element("ul", {}, side.trust.map((line) => element("li", {}, nameElement(line)))))];
    const { ticks, runs, parts: account } = side.account;
    if (ticks > 0) {
      parts.push(plainTable(`Where the time went${of}`, ["", ["Ticks"], ["A run"], ["Share"], ["Calls"], ""], account.map((part) => [
        part.name, part.ticks.toLocaleString("en"), timeText(part.ticks / runs), percentText(part.ticks / ticks),
        part.calls.toLocaleString("en"), element("div", { class: "bar", style: `--share:${Math.max(0, part.ticks / ticks)}` }),
      ]).concat([["= Method::execute", ticks.toLocaleString("en"), timeText(ticks / runs), "100.0 %", "", ""]])));
    }
    parts.push(element("section", {}, element("h3", {},
      `Findings of the check${of}${side.findings.length > 100 ? `: the worst 100 of ${side.findings.length}` : ""}`), side.findings.length === 0
      ? element("p", {}, "None.")
      : element("ul", { class: "findings" }, side.findings.slice(0, 100).map((finding) => element("li", { class: finding.severity },
        element("strong", {}, `${finding.severity} ${finding.rule}`), " ", nameElement(finding.message),
        finding.count > 1 ? ` (${finding.count.toLocaleString("en")} times)` : "", finding.mend ? element("p", {}, "→ ", nameElement(finding.mend)) : null)))));
    return parts;
  },

  key() { return false; },
  text() { return `${this.box.innerText}\n`; },
};
