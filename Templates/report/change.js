"use strict";
// The comparison with a base: which frames changed by more than noise.
//
// Operators and kernels have the verdict of `etdump diff`, which follows them through fusion and delegation. Frames around them,
// and everything when other runs are chosen, are judged here: the unit of the test is the file, by the median of its runs, where
// a side has several, else the run. A frame has changed where a rank test of its times, corrected for the number of frames
// (Benjamini and Hochberg), says so, and its medians differ by 5 % and by two steps of the clock: the defaults of `etdump diff`.

const changeLevel = 0.05;
const leastChange = 0.05;

function isGone(frame) { return Boolean(report.base) && frame.allCalls === 0 && frame.allBaseCalls > 0; }
function isNew(frame) { return Boolean(report.base) && frame.allBaseCalls === 0 && frame.allCalls > 0; }

/** A frame's whole time in the base, as if the base had as many runs. */
function scaledBase(frame) {
  const { runs, baseRuns } = runCounts(rootOf(frame));
  return baseRuns > 0 ? frame.baseTotal * runs / baseRuns : 0;
}

/** How many of the chosen runs of each side a root is made of. */
function runCounts(root) {
  if (!root.runCounts) {
    const blocks = blocksOf(root.allRows());
    const [runs, baseRuns] = chosenRuns().map((side) => side.filter((run) => blocks.has(run.block)).length);
    root.runCounts = { runs, baseRuns: baseRuns ?? 0 };
  }
  return root.runCounts;
}

function blocksOf(rows) {
  const blocks = new Set();
  for (const [side, row] of rows) blocks.add(side.blocks[side.row.block[row]]);
  return blocks;
}

/** `slower`, `faster`, `unchanged`, `new` or `gone`. */
function changeOf(frame) {
  if (isGone(frame)) return "gone";
  return verdictOf(frame.kind === "operator" || frame.kind === "kernel" ? frame.allRows() : [])
    ?? (isNew(frame) ? "new" : frame.change?.verdict ?? "unchanged");
}

/** What `etdump diff` says of all of some rows alike; nothing where it differs or was not about these runs. */
function verdictOf(rows) {
  if (state.runs !== kept.runs) return null;
  const found = new Set();
  for (const [side, row] of rows) {
    const kind = side.kind(row);
    if (side.number === 0 && kind !== "call" && kind !== "framework") found.add(side.verdict(row));
  }
  const [verdict] = found;
  if (found.size !== 1 || verdict === "") return null;
  return { added: "new", removed: "gone", moved: "unchanged" }[verdict] ?? verdict;
}

function changeMark(frame) {
  if (!report.base) return "";
  return { slower: " ▲", faster: " ▼", new: " ✚", gone: " ✖", unchanged: "" }[changeOf(frame)];
}

function changeText(frame) {
  if (!report.base) return "";
  const verdict = changeOf(frame);
  const change = frame.change;
  return `, ${verdict}` + (change ? ` ${signedPercent(change.relative)} (${timeText(change.base)} → ${timeText(change.now)} a run)` : "");
}

/** Judges all frames of some roots that both sides have. */
function judgeFrames(roots) {
  if (!report.base) return;
  const units = unitsOf();
  const both = [];
  const judge = (frame) => {
    const times = sampleOf(frame.rows, units, "self");
    const blocks = blocksOf(frame.rows);
    for (const child of frame.order) {
      const inner = judge(child);
      times.forEach((side, i) => side.forEach((_, j) => side[j] += inner.times[i][j]));
      for (const block of inner.blocks) blocks.add(block);
    }
    if (frame.allBaseCalls > 0 && frame.allCalls > 0) {
      frame.change = compare(times, units, gridOf(frame.rows), blocks);
      both.push(frame.change);
    }
    return { times, blocks };
  };
  roots.forEach(judge);
  correct(both);
}

/**
 * How the times of some rows differ, a run; `correct` gives the verdict.
 *
 * @param blocks Those that the rows are of: runs of others say nothing of them.
 */
function compare(times, units, grid, blocks) {
  const samples = units.sides.map((side, i) => side
    .map((unit) => unit.filter((place) => blocks.has(units.runs[i][place].block)))
    .filter((unit) => unit.length > 0)
    .map((unit) => summarize(unit.map((place) => times[i][place])).p50));
  const [now, base] = samples.map((sample) => summarize(sample).p50);
  const relative = base === 0 ? (now === 0 ? 0 : Infinity) : now / base - 1;
  return { now, base, relative, verdict: "unchanged", p: rankTest(...samples), grid };
}

/** Gives verdicts to all that was compared at once: the more there is, the smaller a probability must be (Benjamini, Hochberg). */
function correct(changes) {
  const sorted = changes.map((change) => change.p).sort(ascending);
  let limit = 0;
  sorted.forEach((p, i) => { if (p <= changeLevel * (i + 1) / sorted.length) limit = p; });
  for (const change of changes) {
    const difference = change.now - change.base;
    if (change.p > limit || Math.abs(change.relative) < leastChange || Math.abs(difference) < 2 * change.grid) continue;
    change.verdict = difference > 0 ? "slower" : "faster";
  }
}

/**
 * What the test compares: of each side the chosen runs, and its units as their places among them. A unit's value is the median
 * of its runs.
 */
function unitsOf() {
  const runs = chosenRuns();
  const byFile = runs.map((side) => [...groupBy(side.map((_, place) => place), (place) => side[place].file).values()]);
  const isByFile = byFile.some((side) => side.length > 1);
  return { isByFile, runs, sides: isByFile ? byFile : runs.map((side) => side.map((_, place) => [place])) };
}

/**
 * The time of some rows in each run of both sides.
 *
 * @param kind `self` or `total`; rows on another clock have no self time.
 */
function sampleOf(rows, units, kind) {
  return units.runs.map((runs, number) => {
    const times = new Float64Array(runs.length);
    for (const [side, row] of rows) {
      if (side.number !== number) continue;
      const block = side.blocks[side.row.block[row]];
      const key = side.row.foreign[row] === 1 ? "total" : kind;
      runs.forEach((run, place) => {
        if (run.block === block) times[place] += run.sums[key][row - block.firstRow];
      });
    }
    return times;
  });
}

/** The coarsest clock step of some rows. A row's own step may be large by chance: more than a microsecond is not believed. */
function gridOf(rows) {
  let grid = 1;
  for (const [side, row] of rows) grid = Math.max(grid, Math.min(side.row.grid[row], 1000 / nanosecondsPerTick));
  return grid;
}

/**
 * The two-sided probability that samples of one distribution differ in rank as much as these, by Mann and Whitney: exact for
 * small samples without ties, else by the normal approximation with ties and continuity corrected.
 */
function rankTest(a, b) {
  const [m, n] = [a.length, b.length];
  if (m === 0 || n === 0) return 1;
  const all = [...a.map((value) => [value, 0]), ...b.map((value) => [value, 1])].sort((x, y) => x[0] - y[0]);
  let rankSum = 0, ties = 0;
  for (let i = 0; i < all.length;) {
    let j = i;
    while (j < all.length && all[j][0] === all[i][0]) j++;
    for (let k = i; k < j; k++) if (all[k][1] === 0) rankSum += (i + j + 1) / 2;
    ties += (j - i) ** 3 - (j - i);
    i = j;
  }
  const u = rankSum - m * (m + 1) / 2;
  if (ties === 0 && m * n <= 400) return exactRankTest(Math.min(u, m * n - u), m, n);
  const count = m + n;
  const variance = m * n / 12 * (count + 1 - ties / (count * (count - 1)));
  if (!(variance > 0)) return 1;
  return Math.min(1, 2 * upperTail((Math.abs(u - m * n / 2) - 0.5) / Math.sqrt(variance)));
}

/** From the number of ways in which m values and n others can be ordered with a statistic of u or less. */
function exactRankTest(u, m, n) {
  // ways[i] after k values of the first sample: the coefficients of Gauss's binomial.
  let ways = new Float64Array(m * n + 1);
  ways[0] = 1;
  for (let k = 1; k <= m; k++) {
    const next = Float64Array.from(ways);
    for (let i = next.length - 1; i >= n + k; i--) next[i] -= next[i - n - k];
    for (let i = k; i < next.length; i++) next[i] += next[i - k];
    ways = next;
  }
  let below = 0, whole = 0;
  ways.forEach((count, i) => {
    whole += count;
    if (i <= u) below += count;
  });
  return Math.min(1, 2 * below / whole);
}

/** The share of the normal distribution above z. Abramowitz and Stegun 7.1.26 for the error function: wrong by at most 1.5e−7. */
function upperTail(z) {
  if (z < 0) return 1 - upperTail(-z);
  const x = z / Math.SQRT2, t = 1 / (1 + 0.3275911 * x);
  const polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return polynomial * Math.exp(-x * x) / 2;
}

/** The first part of the summary: what `etdump diff` says, and the time of all operators by what became of them. */
function changeSummary() {
  const totals = new Map(["slower", "faster", "unchanged", "new", "gone"].map((name) => [name, { count: 0, now: 0, base: 0 }]));
  for (const root of currentFrames().filter((frame) => frame.kind === "method")) {
    const { runs, baseRuns } = runCounts(root);
    (function gather(frame) {
      if (frame.order.length > 0 && frame.kind !== "operator") return frame.order.forEach(gather);
      const total = totals.get(changeOf(frame));
      total.count += 1;
      total.now += frame.total / Math.max(1, runs);
      total.base += frame.baseTotal / Math.max(1, baseRuns);
    })(root);
  }
  return element("section", { class: "changes" }, element("h3", {}, "What changed"),
    element("pre", { tabindex: "0", "aria-label": "What etdump diff says" }, visibleLines(report.comparison)),
    plainTable("By class", ["Class", ["Operators"], ["Base, a run"], ["New, a run"], ["Change"]], [...totals].map(([name, total]) => [
      name, String(total.count), timeText(total.base), timeText(total.now), timeText(total.now - total.base)])));
}

const visibleLines = (lines) => lines.map(visible).join("\n");
