"use strict";
// The page: which view is open, what is chosen, keys, links, details.

const views = {
  summary: summaryView, flame: flameView, sandwich: sandwichView, timeline: timelineView, table: tableView,
  source: sourceView, runs: runsView, memory: memoryView,
};
/** As in speedscope: time order, left heavy, sandwich; then the others. */
const viewKeys = { 1: "timeline", 2: "flame", 3: "sandwich", 4: "table", 5: "source", 6: "runs", 7: "memory", 8: "summary" };

const state = {
  view: "flame", mode: "module", group: "event", sort: "self", descending: true, runs: "all", query: "", pattern: null,
  merge: false, showGone: false,
  // The frame that is looked at, and its names from the root on; the event that is looked at.
  frame: null, framePath: null, event: null,
};

/** What a link keeps, with what it is when the link does not say. A comparison begins without the warm-up. */
const kept = { view: "flame", mode: "module", group: "event", sort: "self", descending: true, runs: "all", query: "" };
if (report.base && hasWarmUp()) kept.runs = "warm";

const panels = {};
const find = (id) => document.getElementById(id);

function setState(changes) {
  Object.assign(state, changes);
  if ("query" in changes) state.pattern = patternOf(changes.query);
  if ("runs" in changes || "mode" in changes) currentFrames.known = null;
  saveState();
  renderView();
}

/** A regular expression; text that is none is looked for as it stands. */
function patternOf(query) {
  if (!query) return null;
  try {
    return new RegExp(query, "i");
  } catch {
    return new RegExp(escapePattern(query), "i");
  }
}

// MARK: Runs

/** The choices of runs: all, those after the warm-up, each phase, or one. */
function runChoices() {
  const choices = new Map([["all", "all runs"]]);
  const phases = new Set(report.side.runs.filter((run) => run.block.isExecution).map((run) => run.phaseName));
  if (hasWarmUp()) choices.set("warm", "without warm-up");
  const usual = phases.has("cold") ? "after the cold run" : "neither prefill nor decode";
  if (phases.size > 1) for (const phase of phases) choices.set(`phase:${phase}`, phase === "all" ? usual : phase);
  for (const run of report.side.runs.slice(0, 2000)) choices.set(`run:${run.number}`, runTitle(run));
  return choices;
}

const runTitle = (run) => `run ${run.number}: ${visible(groupOfRun(run)).slice(0, 40)}, ${timeText(run.time)}`;

/** The run that a choice names alone. */
function runOf(choice) {
  return /^run:\d+$/.test(choice) ? report.side.runs[Number(choice.slice(4))] : undefined;
}

/** Whether some run is warm-up, or stands apart because it was cold. */
function hasWarmUp() {
  return report.sides.some((side) => side.runs.some((run) => run.warmUp || run.phaseName === "cold"));
}

/**
 * For each side the runs that are chosen.
 *
 * @param withoutEvents Whether also those that have no events on the page.
 */
function chosenRuns(withoutEvents = false) {
  const [kind, value] = state.runs.split(":");
  return report.sides.map((side) => side.runs.filter((run) => {
    if (!run.hasEvents && !withoutEvents) return false;
    switch (kind) {
      case "warm": return !run.warmUp && run.phaseName !== "cold";
      case "phase": return run.phaseName === value || !run.block.isExecution;
      // The base has no such run: all of it stays to compare with.
      case "run": return side.number === 1 || run.number === Number(value);
      default: return true;
    }
  }));
}

/** The roots of the flame graph of the chosen runs. */
function currentFrames() {
  if (!currentFrames.known) {
    currentFrames.known = buildFrames(chosenRuns(), state.mode);
    judgeFrames(currentFrames.known);
  }
  return currentFrames.known;
}

// MARK: Details

function selectFrame(frame) {
  state.frame = frame;
  state.framePath = frame.path;
  flameView.drawing?.mark(frame);
  showDetails(frame);
  saveState();
}

function showDetails(frame) {
  const [runs] = chosenRuns();
  const root = frame.path.length > 1 ? rootOf(frame) : frame;
  const rows = [...frame.allRows()];
  const blocks = new Set(rows.filter(([side]) => side.number === 0).map(([side, row]) => side.row.block[row]));
  const times = summarize(timesByRun(frame, runs.filter((run) => blocks.has(run.block.index))));
  const facts = [["Total", `${timeText(frame.total)} (${percentText(frame.total / root.total)}), ${frame.total.toLocaleString("en")} ticks`],
    ["Self", timeText(frame.self)], ["Calls", frame.calls > 0 ? frame.calls.toLocaleString("en") : ""]];
  if (times.count > 0 && blocks.size > 0) {
    facts.push(["Median of a run", timeText(times.p50)], ["95 % interval", timeRange(times.interval)],
      ["Least and most", `${timeText(times.min)} … ${timeText(times.max)}`]);
  }
  if (report.base) facts.push(["Change", changeText(frame).slice(2)]);
  find("details").replaceChildren(
    element("h2", {}, nameElement(frame.name)),
    element("p", { class: "path" }, nameElement(frame.path.slice(0, -1).join(" › "))),
    factList(facts.concat(rowFacts(rows))),
    element("div", { class: "tools" },
      element("button", { onclick: () => setState({ view: "sandwich" }) }, "Callers and callees"),
      element("button", { onclick: () => setState({ view: "table", query: escapePattern(frame.name) }) }, "Find in the table")));
}

function rootOf(frame) {
  while (frame.parent) frame = frame.parent;
  return frame;
}

function escapePattern(text) { return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"); }

/** What the rows of a frame have in common, or the first few of what they have. */
function rowFacts(rows) {
  const texts = (value) => {
    const found = new Set();
    for (const [side, row] of rows.slice(0, 500)) {
      const text = value(side, row);
      if (text) found.add(text);
    }
    return [...found].slice(0, 6).join("\n") + (found.size > 6 ? `\n… ${found.size} in all` : "");
  };
  return [
    ["Operators", texts((side, row) => side.op(row))],
    ["Shapes", texts((side, row) => side.shapes(row))],
    ["Of the graph", rows.length > 20 ? "" : texts((side, row) => side.operators(row))],
    ["Module", texts((side, row) => side.modulePath(row))],
    ["Source", texts((side, row) => {
      const entry = side.row.line[row];
      if (entry < 0) return "";
      const line = report.lines.entries[entry];
      return `${line.file}:${line.line} ${line.code}`;
    })],
    ["Backend", texts((side, row) => side.backend(row))],
    ["Events", texts((side, row) => side.name(row))],
    ["Instruction", texts((side, row) => side.row.instruction[row] >= 0 ? `${side.row.chain[row]}:${side.row.instruction[row]}` : "")],
  ];
}

function factList(facts) {
  return element("dl", {}, facts.filter(([, text]) => text).flatMap(([name, text]) =>
    [element("dt", {}, name), element("dd", {}, String(text).split("\n").map((line) => element("div", {}, nameElement(line))))]));
}

function showEvent(run, event) {
  const { row, start, time } = run.events;
  const side = report.side;
  find("details").replaceChildren(
    element("h2", {}, nameElement(side.name(row[event]))),
    element("p", { class: "path" }, nameElement(`${groupOfRun(run)}, run ${run.number}`)),
    factList([["Time", timeText(time[event])], ["Begins", `${timeText(start[event])} behind the run's beginning`],
      ["Kind", side.kind(row[event])], ...rowFacts([[side, row[event]]])]));
}

function showRun(run) {
  find("details").replaceChildren(
    element("h2", {}, nameElement(`Run ${run.number}`)),
    factList([["Of", groupOfRun(run)], ["Time", timeText(run.time)], ["File", report.side.files[run.file]],
      ["Events", run.hasEvents ? run.eventCount.toLocaleString("en") : "left out of the page"]]),
    element("div", { class: "tools" }, element("button", { onclick: () => setState({ runs: `run:${run.number}` }) }, "Only this run"),
      element("button", { onclick: () => setState({ runs: "all" }) }, "All runs")));
}

function showLine(line) {
  const { interval, p50, min, max } = line.summary(tableView.runs);
  find("details").replaceChildren(
    element("h2", {}, nameElement(line.name)),
    factList([["Total", timeText(line.total)], ["Self", timeText(line.self)], ["Calls", line.calls.toLocaleString("en")],
      ["Median of a run", timeText(p50)], ["95 % interval", timeRange(interval)],
      ["Least and most", `${timeText(min)} … ${timeText(max)}`], ...rowFacts(line.rows)]));
}

// MARK: Links

function saveState() {
  const link = new URLSearchParams();
  for (const [key, usual] of Object.entries(kept)) if (state[key] !== usual) link.set(key, state[key]);
  const isFirstRoot = state.framePath?.length === 1 && state.framePath[0] === currentFrames()[0]?.name;
  if (state.framePath && !isFirstRoot) link.set("frame", JSON.stringify(state.framePath));
  if (state.event && state.view === "timeline") link.set("event", state.event.join(","));
  const hash = link.toString();
  if (location.hash.slice(1) === hash) return;
  try {
    history.replaceState(null, "", `#${hash}`);
  } catch {
    // Some browsers allow so many a minute; the view matters more than the link.
  }
}

function loadState() {
  const link = new URLSearchParams(location.hash.slice(1));
  for (const [key, usual] of Object.entries(kept)) state[key] = link.get(key) ?? usual;
  state.descending = String(state.descending) === "true";
  if (!Object.hasOwn(views, state.view)) state.view = kept.view;
  if (!Object.hasOwn(frameModes, state.mode)) state.mode = kept.mode;
  if (!Object.hasOwn(tableView.groups, state.group)) state.group = kept.group;
  if (!runOf(state.runs) && !runChoices().has(state.runs)) state.runs = kept.runs;
  state.pattern = patternOf(state.query);
  try {
    const path = JSON.parse(link.get("frame") ?? "null");
    state.framePath = Array.isArray(path) ? path : null;
  } catch {
    state.framePath = null;
  }
  const event = (link.get("event") ?? "").split(",").map(Number);
  state.event = event.length === 2 && event.every(Number.isInteger) ? event : null;
  currentFrames.known = null;
  // Views open where the link says, not where they were.
  state.isFromLink = true;
}

// MARK: The page

function renderView() {
  for (const [id, view] of Object.entries(views)) {
    const isOpen = id === state.view;
    const tab = find(`tab-${id}`);
    tab.setAttribute("aria-selected", isOpen ? "true" : "false");
    tab.tabIndex = isOpen ? 0 : -1;
    panels[id].hidden = !isOpen;
    if (isOpen && !view.isBuilt) {
      view.build(panels[id]);
      view.isBuilt = true;
    }
  }
  const run = runOf(state.runs);
  if (run && !find("runs").querySelector(`[value="${state.runs}"]`)) {
    find("runs").append(element("option", { value: state.runs }, runTitle(run)));
  }
  find("runs").value = state.runs;
  if (find("search").value !== state.query) find("search").value = state.query;
  views[state.view].render();
  state.isFromLink = false;
}

function say(text) { find("said").textContent = text; }

async function copyText() {
  const text = views[state.view].text();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from disk may have no clipboard of its own.
    const area = element("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`${views[state.view].title} copied as text`);
}

function toggleTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  paintColours.known = null;
  renderView();
}

/** The colours of the style sheet, for canvases. */
function paintColours() {
  if (!paintColours.known) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["text", "method", "call", "framework", "selected", ...families.map((_, i) => `family-${i}`)];
    paintColours.known = Object.fromEntries(names.map((name) => [name, colour(name)]));
    paintColours.known.onFrame = colour("on-frame");
  }
  return paintColours.known;
}

function onKey(event) {
  if (event.defaultPrevented || event.altKey || find("help").open) return;
  if (event.key === "f" && (event.ctrlKey || event.metaKey) && document.activeElement !== find("search")) {
    event.preventDefault();
    find("search").focus();
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  const isTyping = event.target.matches?.("input:not([type=checkbox]), select, textarea");
  if (isTyping) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (views[state.view].key(event)) {
    event.preventDefault();
    return;
  }
  if (viewKeys[event.key]) setState({ view: viewKeys[event.key] });
  else if (event.key === "/") find("search").focus();
  else if (event.key === "?") find("help").showModal();
  else if (event.key === "r") setState({ merge: !state.merge });
  else if (event.key === "c") copyText();
  else if (event.key === "t") find("runs").focus();
  else if (event.key === "n" || event.key === "p") stepChoice(event.key === "n" ? 1 : -1);
  else if (event.key === "Escape" && state.query) setState({ query: "" });
  else return;
  event.preventDefault();
}

/** The next or the previous run alone. */
function stepChoice(step) {
  const number = state.runs.startsWith("run:") ? Number(state.runs.slice(4)) + step : step > 0 ? 0 : report.side.runs.length - 1;
  if (report.side.runs[number]) setState({ runs: `run:${number}` });
}

function start() {
  document.title = visible(report.title);
  find("title").append(nameElement(report.title));
  for (const [id, view] of Object.entries(views)) {
    find("tabs").append(element("button", { id: `tab-${id}`, role: "tab", "aria-controls": `panel-${id}`,
      onclick: () => setState({ view: id }) }, view.title));
    panels[id] = element("section", { id: `panel-${id}`, role: "tabpanel", "aria-labelledby": `tab-${id}`, hidden: true });
    find("views").append(panels[id]);
  }
  find("tabs").addEventListener("keydown", (event) => {
    const ids = Object.keys(views), step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setState({ view: ids[(ids.indexOf(state.view) + step + ids.length) % ids.length] });
    find(`tab-${state.view}`).focus();
  });
  find("skip").addEventListener("click", (event) => { event.preventDefault(); find("views").focus(); });
  find("notice").textContent = report.sides.filter((side) => side.runsWithoutEvents > 0).map((side) =>
    `The page has the events of ${(side.runs.length - side.runsWithoutEvents).toLocaleString("en")} of ${countText(side.runs.length, "run")}`
    + `${side.number === 0 ? "" : " of the base"}, and of the others their lengths: sums and statistics of events are of those.`).join(" ");
  find("runs").append(...[...runChoices()].map(([value, title]) => element("option", { value }, title)));
  find("runs").addEventListener("change", () => setState({ runs: find("runs").value }));
  find("search").addEventListener("input", () => setState({ query: find("search").value }));
  find("copy").addEventListener("click", copyText);
  find("theme").addEventListener("click", toggleTheme);
  find("ask").addEventListener("click", () => find("help").showModal());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paintColours.known = null; renderView(); });
  addEventListener("keydown", onKey);
  addEventListener("hashchange", () => { loadState(); renderView(); });
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); renderView(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); renderView(); });
  loadState();
  renderView();
}

start();
