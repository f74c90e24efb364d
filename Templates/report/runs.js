"use strict";
// The runs: how long each took, what changes from one to the next, and which stand out.

const runsView = {
  title: "Runs",

  build(panel) {
    this.note = element("p", { class: "note" });
    this.canvas = element("canvas", { role: "img", onclick: (event) => this.pick(event) });
    this.box = element("div", { class: "plot" }, this.canvas);
    this.tables = element("div", {});
    panel.append(this.note, this.box, this.tables);
    new ResizeObserver(() => this.runs && this.paint()).observe(this.box);
  },

  render() {
    this.runs = report.side.runs.filter((run) => run.block.isExecution);
    if (this.runs.length === 0) this.runs = [...report.side.runs];
    this.groups = [...groupBy(this.runs, groupOfRun)];
    this.medians = new Map(this.groups.map(([name, runs]) => [name, summarize(runs.map((run) => run.time)).p50]));
    const notes = this.groups.slice(0, 20).map(([name, runs]) => `${visible(name)}: ${this.notesOn(runs)}`);
    if (this.groups.length > 20) notes.push(`and ${this.groups.length - 20} groups more`);
    this.note.textContent = notes.join(". ");
    this.canvas.setAttribute("aria-label", `Time of each run. ${notes.join(". ")}`);
    this.paint();
    const slowest = [...this.runs].sort((a, b) => b.time - a.time).slice(0, 10);
    this.tables.replaceChildren(
      latencyTable(),
      plainTable("Slowest runs", ["Run", ["Time"], ["Against the median"], "Where it went"], slowest.map((run) => [
        element("button", { onclick: () => { state.event = [run.number, -1]; setState({ view: "timeline" }); } },
          `${visible(groupOfRun(run))}, run ${run.number}`),
        timeText(run.time), signedPercent(run.time / this.medians.get(groupOfRun(run)) - 1), this.whereItWent(run)])),
      report.side.files.length > 1 ? this.fileTable() : "");
  },

  /** The row that took longest above its own median. */
  whereItWent(run) {
    if (!run.hasEvents) return "events left out";
    const others = this.runs.filter((other) => other.block === run.block && other.hasEvents).slice(0, 50);
    if (others.length < 3) return "";
    let best = 0, name = "";
    for (let at = 0; at < Math.min(run.block.rows, 5000); at++) {
      const row = run.block.firstRow + at;
      if (report.side.row.foreign[row]) continue;
      const usual = summarize(others.map((other) => other.sums.self[at])).p50;
      if (run.sums.self[at] - usual > best) {
        best = run.sums.self[at] - usual;
        name = report.side.op(row) || report.side.name(row);
      }
    }
    return best > 0 ? `+${timeText(best)} ${name}` : "";
  },

  notesOn(runs) {
    const summary = summarize(runs.map((run) => run.time));
    const notes = [`median ${timeText(summary.p50)}`];
    const settled = runs.filter((run) => !run.warmUp).map((run) => run.time);
    const warm = runs.length - settled.length;
    if (warm > 0) notes.push(`warm-up: ${countText(warm, "run")}`);
    if (settled.length >= 8 && report.side.files.length === 1) {
      const half = settled.length >> 1;
      const drift = summarize(settled.slice(half)).p50 / summarize(settled.slice(0, half)).p50 - 1;
      if (Math.abs(drift) > 0.02) {
        notes.push(`${signedPercent(drift)} from the first half to the second${drift > 0.05 ? " (throttling?)" : ""}`);
      }
    }
    const outliers = outliersOf(summary);
    if (outliers > 0) notes.push(countText(outliers, "outlier"));
    if (runs[0].phaseName === "decode" && runs.length >= 3 && report.side.files.length === 1) {
      const slope = slopeOf(runs.map((run) => run.time));
      notes.push(`a token takes ${timeText(Math.abs(slope))} ${slope >= 0 ? "more" : "less"} than the one before`);
    }
    return notes.join(", ");
  },

  fileTable() {
    const files = [...groupBy(this.runs, (run) => run.file)];
    return plainTable("Files", ["File", ["Runs"], ["Median"], ["Least"], ["Most"]], files.map(([file, runs]) => {
      const summary = summarize(runs.map((run) => run.time));
      return [report.side.files[file], String(runs.length), timeText(summary.p50), timeText(summary.min), timeText(summary.max)];
    }));
  },

  place(run, at) {
    const width = this.box.clientWidth, height = 260;
    return [60 + (at + 0.5) / this.runs.length * (width - 70), height - 24 - run.time / this.most * (height - 40)];
  },

  paint() {
    const width = this.box.clientWidth, height = 260;
    const brush = brushFor(this.canvas, width, height);
    const colours = paintColours();
    this.most = Math.max(1, ...this.runs.slice(0, 50000).map((run) => run.time)) * 1.05;
    brush.fillStyle = colours.text;
    for (let i = 0; i <= 4; i++) {
      const y = height - 24 - i / 4 * (height - 40);
      brush.fillText(timeText(this.most * i / 4), 2, y + 4);
      brush.globalAlpha = 0.2;
      brush.fillRect(60, y, width - 70, 1);
      brush.globalAlpha = 1;
    }
    brush.fillText(`${countText(this.runs.length, "run")}, in order`, 60, height - 6);
    const places = new Map(this.runs.map((run, i) => [run, i]));
    this.groups.forEach(([name, runs], number) => {
      const style = `family-${number % 6}`;
      runs.slice(0, 50000).forEach((run) => {
        const [x, y] = this.place(run, places.get(run));
        brush.fillStyle = colours[style];
        brush.strokeStyle = colours[style];
        brush.beginPath();
        brush.arc(x, y, 3.5, 0, 7);
        // Warm-up is drawn hollow.
        if (run.warmUp) brush.stroke();
        else brush.fill();
      });
      if (number >= 20) return;
      const median = this.medians.get(name);
      const y = this.place({ time: median }, 0)[1];
      brush.fillStyle = colours[style];
      brush.fillRect(60, y, width - 70, 1);
      brush.fillText(`${visible(name)} ${timeText(median)}`, width - 200, y - 4 - number * 12);
    });
  },

  pick(event) {
    const at = Math.floor((event.offsetX - 60) / (this.box.clientWidth - 70) * this.runs.length);
    const run = this.runs[at];
    if (!run) return;
    state.event = [run.number, -1];
    showRun(run);
    setState({ runs: `run:${run.number}` });
  },

  key() { return false; },

  text() {
    return `run\tfile\tblock\tphase\tticks\n${report.side.runs.map((run) =>
      cells(run.number, report.side.files[run.file], groupOfRun(run), run.phaseName, run.time)).join("\n")}\n`;
  },
};

/** Runs that are told together: those of a method and a phase, or loading. */
function groupOfRun(run) {
  if (!run.block.isExecution) return `${run.block.name} (loading)`;
  const input = run.block.bundledInput === undefined ? "" : ` input ${run.block.bundledInput}`;
  const name = methodOf(run.block) + input;
  return run.phaseName === "all" ? name : `${name} ${run.phaseName}`;
}

/** How many values lie above the median by more than four median absolute deviations and a tenth. */
function outliersOf(summary) {
  const deviations = summarize(Array.from(summary.sorted, (value) => Math.abs(value - summary.p50)));
  const limit = summary.p50 + Math.max(4 * deviations.p50, 0.1 * summary.p50);
  return summary.count < 5 ? 0 : summary.sorted.filter((value) => value > limit).length;
}

/** The slope of the line of least squares through values at 0, 1, 2, … */
function slopeOf(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let products = 0, squares = 0;
  values.forEach((value, i) => {
    products += (i - middle) * (value - mean);
    squares += (i - middle) ** 2;
  });
  return squares === 0 ? 0 : products / squares;
}

/** Latency of each method and phase. */
function latencyTable() {
  const groups = report.sides.flatMap((side) =>
    [...groupBy(side.runs, groupOfRun)].map(([name, runs]) => [side.number === 0 ? name : `base: ${name}`, runs]));
  return plainTable("Latency", ["", ["Runs"], ["Least"], ["p10"], ["Median"], ["95 % interval"], ["p90"], ["p95"], ["p99"], ["Most"], ["Mean"], ["SD"]],
    groups.map(([name, runs]) => {
      const times = summarize(runs.map((run) => run.time));
      return [name, String(times.count), ...[times.min, times.p10, times.p50].map(timeText),
        times.interval ? timeRange(times.interval) : "–",
        ...[times.p90, times.p95, times.p99, times.max, times.mean, times.deviation].map(timeText)];
    }));
}
