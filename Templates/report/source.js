"use strict";
// The model's own Python lines, as the exporter recorded them, with the time of what they became.

const sourceView = {
  title: "Source",

  build(panel) {
    this.note = element("p", { class: "note" });
    this.box = element("div", {});
    panel.append(this.note, this.box);
  },

  render() {
    const side = report.side, [runs] = chosenRuns();
    this.lines = new Map();
    let whole = 0, placed = 0;
    for (const [block, blockRuns] of groupBy(runs, (run) => run.block)) {
      if (!block.isExecution) continue;
      for (let at = 0; at < block.rows; at++) {
        const row = block.firstRow + at;
        if (side.row.foreign[row] === 1) continue;
        let self = 0;
        for (const run of blockRuns) self += run.sums.self[at];
        whole += self;
        const entries = side.lines(row);
        if (entries.length > 0) placed += self;
        const seen = new Set();
        entries.forEach((entry, i) => {
          const line = this.lineOf(report.lines.entries[entry]);
          if (i === entries.length - 1) line.self += self;
          if (!seen.has(line)) line.total += self;
          seen.add(line);
          line.operators.add(side.op(row) || operatorOfKernel(side.name(row), side.kind(row)));
        });
      }
    }
    this.whole = whole;
    this.note.textContent = this.lines.size === 0
      ? "No source lines: give the ETRecord of the export with --etrecord."
      : `${percentText(placed / whole)} of the time goes back to ${countText(this.lines.size, "line")}. Own: what the line became; with calls: what it called, too.`;
    const files = groupBy([...this.lines.values()], (line) => line.file);
    const sorted = [...files].sort((a, b) => sumOf(b[1], "self") - sumOf(a[1], "self"));
    this.box.replaceChildren(...sorted.map(([file, lines]) => this.fileElement(file, lines)));
  },

  lineOf(entry) {
    const key = `${entry.file}:${entry.line}`;
    if (!this.lines.has(key)) this.lines.set(key, { ...entry, self: 0, total: 0, operators: new Set() });
    return this.lines.get(key);
  },

  fileElement(file, lines) {
    lines.sort((a, b) => a.line - b.line);
    const rows = lines.slice(0, 5000).map((line) => {
      const operators = [...line.operators];
      const shown = operators.slice(0, 4).join(", ") + (operators.length > 4 ? `, … ${operators.length} in all` : "");
      const isMatch = state.pattern?.test(`${line.code} ${line.function} ${shown}`);
      return element("tr", { class: isMatch ? "match" : state.pattern ? "other" : null },
        element("th", { scope: "row", class: "number" }, String(line.line)),
        element("td", { class: "number", style: `--share:${Math.max(0, line.self / this.whole)}` },
          line.self ? timeText(line.self) : "", " ", line.self ? percentText(line.self / this.whole) : ""),
        element("td", { class: "number" }, percentText(line.total / this.whole)),
        element("td", {}, element("code", {}, nameElement(line.code || `in ${line.function}`))),
        element("td", { class: "text" }, nameElement(shown)));
    });
    return element("table", { class: "source" },
      element("caption", {}, nameElement(file), ` – ${timeText(sumOf(lines, "self"))}`,
        lines.length > 5000 ? `, the first 5,000 of ${lines.length.toLocaleString("en")} lines` : ""),
      element("thead", {}, element("tr", {}, ["Line", "Own", "With calls", "Code", "Operators"].map((title) =>
        element("th", { scope: "col" }, title)))),
      element("tbody", {}, rows));
  },

  key() { return false; },

  text() {
    return `file\tline\tself ticks\ttotal ticks\tcode\n${[...this.lines.values()].map((line) =>
      cells(line.file, line.line, line.self, line.total, line.code)).join("\n")}\n`;
  },
};

function sumOf(values, key) { return values.reduce((sum, value) => sum + value[key], 0); }
