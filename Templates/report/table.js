"use strict";
// The table: events, or groups of them, with their statistics over the chosen runs.

/** Bars and numbers of one line: a row of the trace, or all rows of a group. */
class TableLine {
  constructor(name, key, isEvent) {
    this.name = name;
    this.isEvent = isEvent;
    this.key = key;
    // [side, row]
    this.rows = [];
    // The same of the base.
    this.baseRows = [];
    this.calls = 0;
    this.total = 0;
    this.self = 0;
    // The part of `self` that belongs to executions: what shares are of.
    this.own = 0;
  }

  /** Times of the runs, whole for an event, self for a group: groups add up. */
  summary(runs) {
    if (this.summarized) return this.summarized;
    const times = [];
    for (const run of runs) {
      let time = 0, seen = false;
      for (const [side, row] of this.rows) {
        if (side.row.block[row] !== run.block.index) continue;
        const at = row - run.block.firstRow;
        seen = true;
        time += this.isEvent || side.row.foreign[row] === 1 ? run.sums.total[at] : run.sums.self[at];
      }
      if (seen) times.push(time);
    }
    return this.summarized = summarize(times.length > 0 ? times : [0]);
  }
}

const tableView = {
  title: "Table",
  groups: {
    event: "event", op: "operator", module: "module", source: "source line", backend: "backend", kind: "kind",
  },
  /** What a table of events and one of groups have; the comparison, where there is a base; what only events have. */
  allColumns: [
    { id: "order", title: "#", value: (line) => line.order, text: (line) => String(line.order) },
    { id: "name", title: "Name", isText: true, value: (line) => line.name },
    { id: "class", title: "Class", isText: true, needsBase: true, value: (line) => line.class },
    { id: "change", title: "Change", needsBase: true, value: (line) => line.change?.relative ?? NaN, text: (line) => signedPercent(line.change?.relative ?? NaN) },
    { id: "base", title: "Base", needsBase: true, value: (line) => line.change?.base ?? NaN, text: (line) => timeText(line.change?.base ?? NaN) },
    { id: "p50", title: "Median", value: (line, runs) => line.summary(runs).p50, text: (line, runs) => timeText(line.summary(runs).p50) },
    { id: "interval", title: "95 % interval", value: (line, runs) => line.summary(runs).interval?.[1] ?? NaN,
      text: (line, runs) => { const range = line.summary(runs).interval; return range ? timeRange(range) : "–"; } },
    { id: "p90", title: "p90", value: (line, runs) => line.summary(runs).p90, text: (line, runs) => timeText(line.summary(runs).p90) },
    { id: "mean", title: "Mean", value: (line, runs) => line.summary(runs).mean, text: (line, runs) => timeText(line.summary(runs).mean) },
    { id: "deviation", title: "SD", value: (line, runs) => line.summary(runs).deviation, text: (line, runs) => timeText(line.summary(runs).deviation) },
    { id: "total", title: "Total", value: (line) => line.total, text: (line) => timeText(line.total) },
    { id: "self", title: "Self", value: (line) => line.self, text: (line) => timeText(line.self) },
    { id: "share", title: "Share", value: (line) => line.own, text: (line) => percentText(line.own / tableView.whole) },
    { id: "cumulative", title: "Cum.", value: (line) => line.cumulative, text: (line) => percentText(line.cumulative / tableView.whole) },
    { id: "calls", title: "Calls", value: (line) => line.calls, text: (line) => line.calls.toLocaleString("en") },
    { id: "op", title: "Operator", isText: true, needsEvent: true, value: (line) => line.op },
    { id: "module", title: "Module", isText: true, needsEvent: true, value: (line) => line.module },
    { id: "source", title: "Source", isText: true, needsEvent: true, value: (line) => line.source },
  ],
  rowHeight: 24,

  build(panel) {
    this.chooser = element("select", { "aria-label": "Group by", onchange: () => setState({ group: this.chooser.value }) },
      Object.entries(this.groups).map(([id, title]) => element("option", { value: id }, title)));
    this.note = element("p", { class: "note", "aria-live": "polite" });
    this.head = element("tr", { role: "row", "aria-rowindex": 1 });
    this.body = element("tbody", { role: "rowgroup" });
    this.spaceAbove = element("tbody", { "aria-hidden": "true" }, element("tr", {}, element("td", { colspan: this.allColumns.length })));
    this.spaceBelow = this.spaceAbove.cloneNode(true);
    this.table = element("table", { class: "events", role: "table" },
      element("caption", { class: "unseen" }, "Events with their statistics over the chosen runs"),
      element("thead", { role: "rowgroup" }, this.head), this.spaceAbove, this.body, this.spaceBelow);
    this.scroller = element("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Table of events",
      onscroll: () => this.drawVisible() }, this.table);
    panel.append(element("div", { class: "tools" }, element("label", {}, "Group by ", this.chooser)), this.note, this.scroller);
    new ResizeObserver(() => this.lines && this.drawVisible()).observe(this.scroller);
  },

  render() {
    this.chooser.value = state.group;
    this.runs = chosenRuns()[0];
    this.columns = this.allColumns.filter((column) =>
      (!column.needsBase || report.base) && (!column.needsEvent || state.group === "event"));
    this.head.replaceChildren(...this.columns.map((column) => element("th", {
      scope: "col", role: "columnheader", class: `column-${column.id}${column.isText ? "" : " number"}`,
    }, element("button", { onclick: () => this.sortBy(column.id) }, column.title))));
    this.all = this.gather(state.group);
    if (report.base) this.judge();
    this.arrange();
  },

  /** Lines that both sides have are compared, by their whole time for an event, by self time for a group. */
  judge() {
    const units = unitsOf();
    const isEvent = state.group === "event";
    const byKey = new Map(this.all.map((line) => [isEvent ? eventKey(...line.rows[0]) : line.key, line]));
    for (const block of report.base.blocks) {
      for (let row = block.firstRow; row < block.firstRow + block.rows; row++) {
        if (!isEvent && report.base.row.foreign[row] === 1) continue;
        byKey.get(isEvent ? eventKey(report.base, row) : this.keyOf(report.base, row, block, state.group))?.baseRows.push([report.base, row]);
      }
    }
    const compared = [];
    for (const line of this.all) {
      line.class = "new";
      if (line.baseRows.length === 0) continue;
      const rows = [...line.rows, ...line.baseRows];
      line.change = compare(sampleOf(rows, units, isEvent ? "total" : "self"), units, gridOf(line.rows), blocksOf(rows));
      compared.push(line.change);
    }
    correct(compared);
    for (const line of this.all) {
      if (line.change) line.class = line.change.verdict;
      if (line.isEvent) line.class = verdictOf(line.rows) ?? line.class;
    }
  },

  gather(group) {
    const side = report.side;
    const lines = new Map();
    this.whole = 0;
    for (const [block, runs] of groupBy(this.runs, (run) => run.block)) {
      for (let at = 0; at < block.rows; at++) {
        const row = block.firstRow + at;
        let calls = 0, total = 0, self = 0;
        for (const run of runs) {
          calls += run.sums.count[at];
          total += run.sums.total[at];
          self += run.sums.self[at];
        }
        const isForeign = side.row.foreign[row] === 1;
        if (calls === 0 || (isForeign && group !== "event")) continue;
        const key = group === "event" ? row : this.keyOf(side, row, block, group);
        if (!lines.has(key)) lines.set(key, this.newLine(side, row, block, group, key));
        const line = lines.get(key);
        line.rows.push([side, row]);
        line.calls += calls;
        line.total += group === "event" ? total : self;
        line.self += isForeign ? 0 : self;
        if (isForeign || !block.isExecution) continue;
        line.own += self;
        this.whole += self;
      }
    }
    return [...lines.values()].map((line, order) => Object.assign(line, { order }));
  },

  keyOf(side, row, block, group) {
    const kind = side.kind(row);
    const isWork = kind === "kernel" || kind === "delegated";
    switch (group) {
      case "op": return isWork ? comparable(side.op(row) || operatorOfKernel(side.name(row), kind))
        : kind === "delegate call" ? `${side.backend(row) || "a delegate"}: not accounted for by its kernels`
        : block.isExecution ? "framework" : "loading";
      case "module": return side.modulePath(row)
        || (isWork ? "(model or unknown)" : "framework");
      case "source": return sourceOf(side, row) || (isWork ? "(unknown)" : "framework");
      case "backend": return side.backend(row) || (isWork ? "no backend" : "framework");
      default: return kind;
    }
  },

  newLine(side, row, block, group, key) {
    const isEvent = group === "event";
    const line = new TableLine(isEvent ? side.name(row) : key, key, isEvent);
    line.op = isEvent ? side.op(row) : "";
    line.module = isEvent ? side.modulePath(row) : "";
    line.source = isEvent ? sourceOf(side, row) : "";
    return line;
  },

  sortBy(id) {
    const isText = this.columns.find((column) => column.id === id).isText || id === "order";
    const isSame = state.sort === id;
    setState({ sort: id, descending: isSame ? !state.descending : !isText });
  },

  arrange() {
    const column = this.columns.find((column) => column.id === state.sort) ?? this.columns.find((column) => column.id === "self");
    const sign = state.descending ? -1 : 1;
    const text = (line) => [line.name, line.op, line.module, line.source].join("\n");
    this.lines = state.pattern ? this.all.filter((line) => state.pattern.test(text(line))) : [...this.all];
    const keys = new Map(this.lines.map((line) => [line, column.value(line, this.runs)]));
    this.lines.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return a.order - b.order;
      if (Number.isNaN(x)) return 1;
      if (Number.isNaN(y)) return -1;
      return (x < y ? -1 : 1) * sign;
    });
    let cumulative = 0;
    for (const line of this.lines) line.cumulative = cumulative += line.own;
    [...this.head.children].forEach((cell, i) => {
      const isSorted = this.columns[i].id === column.id;
      cell.setAttribute("aria-sort", isSorted ? (state.descending ? "descending" : "ascending") : "none");
    });
    this.table.setAttribute("aria-rowcount", this.lines.length + 1);
    const share = percentText(this.lines.reduce((sum, line) => sum + line.own, 0) / this.whole);
    this.note.textContent = `${countText(this.lines.length, "row")}${state.pattern ? ` of ${this.all.length.toLocaleString("en")} matched` : ""}, `
      + `${share} of the time of executions, ${countText(this.runs.length, "run")}`
      + (report.side.gatheredRows > 0 ? `; the ${countText(report.side.gatheredRows, "smallest row")} of the trace are gathered` : "");
    this.scroller.scrollTop = 0;
    this.drawVisible();
  },

  /** Only what can be seen is in the document: a trace may have twenty thousand rows. On paper all are, up to two thousand. */
  drawVisible() {
    const isPrinted = document.documentElement.classList.contains("printing");
    const height = this.scroller.clientHeight || 600;
    const first = isPrinted ? 0 : Math.max(0, Math.floor(this.scroller.scrollTop / this.rowHeight) - 10);
    const count = isPrinted ? 2000 : Math.ceil(height / this.rowHeight) + 20;
    const last = Math.min(this.lines.length, first + count);
    const focused = this.body.contains(document.activeElement) ? document.activeElement.getAttribute("aria-rowindex") : null;
    this.body.replaceChildren(...this.lines.slice(first, last).map((line, i) => this.lineElement(line, first + i)));
    if (focused) this.body.querySelector(`[aria-rowindex="${focused}"]`)?.focus({ preventScroll: true });
    this.spaceAbove.firstChild.firstChild.style.height = `${first * this.rowHeight}px`;
    this.spaceBelow.firstChild.firstChild.style.height = `${isPrinted ? 0 : (this.lines.length - last) * this.rowHeight}px`;
  },

  lineElement(line, index) {
    return element("tr", { role: "row", "aria-rowindex": index + 2, tabindex: "0", onclick: () => showLine(line),
      onkeydown: (event) => { if (event.key === "Enter") showLine(line); } },
    this.columns.map((column) => element("td", {
      role: "cell", class: column.isText ? null : "number",
      style: column.id === "share" ? `--share:${Math.max(0, line.own / this.whole)}` : null,
    }, column.isText ? nameElement(line[column.id]) : column.text(line, this.runs))));
  },

  key() { return false; },

  text() {
    const head = this.columns.map((column) => column.title).join("\t");
    const values = (line) => this.columns.map((column) => column.value(line, this.runs));
    return `${head}\n${this.lines.map((line) => cells(...values(line))).join("\n")}\n`;
  },
};

/** What an event of the other side must have in common with one to be the same: block, place in the program, name. */
function eventKey(side, row) {
  return [side.blocks[side.row.block[row]].key, side.row.chain[row], side.row.instruction[row], side.name(row)].join("\u0000");
}

const comparable = (name) => report.base ? comparableName(name) : name;

/** The innermost of the model's lines that lead to a row: `models.py:130`. */
function sourceOf(side, row) {
  const entry = side.row.line[row];
  if (entry < 0) return "";
  const line = report.lines.entries[entry];
  return `${line.file}:${line.line}`;
}
