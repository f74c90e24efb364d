"use strict";
// The timeline: every run in time order, events below what encloses them, other clocks on lanes of their own.

const timelineView = {
  title: "Timeline",
  laneHeight: 18,

  build(panel) {
    this.note = element("p", { class: "note", role: "status" });
    this.canvas = element("canvas", { tabindex: "0", role: "application",
      "aria-label": "Timeline. Left and right go to the next event, up and down to what encloses it and what is inside, Enter zooms." });
    this.box = element("div", { class: "timeline" }, this.canvas);
    panel.append(element("div", { class: "tools" },
      element("button", { onclick: () => this.stepRun(-1) }, "Previous run"),
      element("button", { onclick: () => this.stepRun(1) }, "Next run"),
      element("button", { onclick: () => this.reset() }, "All runs"), legend()), this.note, this.box);
    this.canvas.addEventListener("keydown", (event) => this.move(event));
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = event.offsetX / this.canvas.clientWidth;
      if (event.ctrlKey || event.metaKey || Math.abs(event.deltaY) > Math.abs(event.deltaX)) {
        this.zoomBy(Math.exp(-event.deltaY / 300), at);
      } else {
        this.pan(event.deltaX / this.canvas.clientWidth);
      }
    }, { passive: false });
    new ResizeObserver(() => this.spans && this.draw()).observe(this.box);
  },

  /** Places the runs one behind the other: by their clock within a file, files in order, with a gap that is not to scale. */
  render() {
    if (this.spans && this.shown === state.runs && !state.isFromLink) return this.draw();
    this.shown = state.runs;
    const runs = chosenRuns(true)[0];
    this.spans = [];
    let offset = 0, end = 0, origin = 0, file = null;
    for (const run of runs) {
      if (run.file !== file || run.start < origin) {
        offset = end > 0 ? end * 1.01 : 0;
        origin = run.start;
        file = run.file;
      }
      const start = offset + (run.start - origin);
      this.spans.push({ run, start, length: Math.max(run.time, 1) });
      end = Math.max(end, start + run.time);
    }
    this.spans.sort((a, b) => a.start - b.start);
    this.full = [0, Math.max(end, 1)];
    this.lanes = this.laneNames(runs);
    this.selected = null;
    this.range = this.full;
    if (state.event) {
      const span = this.spans.find((span) => span.run.number === state.event[0]);
      if (span) {
        const isThere = state.event[1] >= 0 && state.event[1] < span.run.events.row.length;
        this.select(span, isThere ? state.event[1] : -1);
        this.range = [span.start, span.start + span.length];
      }
    }
    this.draw();
  },

  /** The backends whose events are on clocks of their own: each has a lane. */
  laneNames(runs) {
    const names = new Set();
    this.depth = 1;
    for (const block of new Set(runs.map((run) => run.block))) {
      const side = report.side;
      const depths = [];
      for (let row = block.firstRow; row < block.firstRow + block.rows; row++) {
        if (side.row.foreign[row]) names.add(side.backend(row) || "a delegate");
        else this.depth = Math.max(this.depth, depthOf(side, row, depths) + 2);
      }
    }
    return [...names];
  },

  /** The events of a run by lane, each lane in order of start. Made when a run is first drawn. */
  lanesOf(run) {
    if (run.lanes && run.lanes.depth === this.depth) return run.lanes;
    const side = report.side, { row, start, time } = run.events;
    const depths = [];
    const laneOf = new Int32Array(row.length), at = Float64Array.from(start);
    const counts = new Int32Array(this.depth + this.lanes.length + 1);
    const put = (i, lane) => {
      laneOf[i] = lane;
      counts[lane] += 1;
    };
    // A backend's events come before their call; those on another clock are moved so that the first begins with it.
    let waiting = [];
    const flush = (call) => {
      let first = Infinity;
      for (const i of waiting) first = Math.min(first, start[i]);
      for (const i of waiting) {
        if (call !== null) at[i] = start[i] - first + start[call];
        put(i, this.depth + this.lanes.indexOf(side.backend(row[i]) || "a delegate"));
      }
      waiting = [];
    };
    for (let i = 0; i < row.length; i++) {
      if (side.row.foreign[row[i]]) {
        waiting.push(i);
        continue;
      }
      if (waiting.length > 0 && side.kind(row[i]) === "delegate call") flush(i);
      put(i, depthOf(side, row[i], depths) + 1);
    }
    flush(null);
    const lanes = Array.from(counts, (count) => count === 0 ? undefined
      : { event: new Int32Array(count), start: new Float64Array(count), end: new Float64Array(count) });
    counts.fill(0);
    for (let i = 0; i < row.length; i++) lanes[laneOf[i]].event[counts[laneOf[i]]++] = i;
    for (const lane of lanes) {
      if (!lane) continue;
      const isSorted = lane.event.every((event, i) => i === 0 || at[lane.event[i - 1]] <= at[event]);
      if (!isSorted) lane.event.sort((a, b) => at[a] - at[b] || a - b);
      lane.event.forEach((event, i) => {
        lane.start[i] = at[event];
        lane.end[i] = at[event] + time[event];
      });
    }
    // Foreign lanes lie below the deepest of the chosen runs'.
    return run.lanes = Object.assign(lanes, { depth: this.depth });
  },

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      this.paint();
    });
  },

  paint() {
    const width = this.box.clientWidth;
    // A canvas has a largest size; no real trace comes near it.
    const height = Math.min((this.depth + this.lanes.length) * this.laneHeight + 24, 8000);
    const brush = brushFor(this.canvas, width, height);
    brush.textBaseline = "middle";
    const colours = paintColours();
    const [from, to] = this.range;
    const scale = width / (to - from);
    this.paintAxis(brush, colours, width);
    const deadline = performance.now() + 40;
    let isComplete = true;
    for (const span of this.spans) {
      const left = (span.start - from) * scale, length = span.length * scale;
      if (left + length < 0 || left > width) continue;
      this.paintBox(brush, colours, "method", left, length, 0, `${methodOf(span.run.block)}, run ${span.run.number}`);
      if (length < 3 || !span.run.hasEvents) continue;
      if (!span.run.lanes && performance.now() > deadline) {
        isComplete = false;
        continue;
      }
      this.lanesOf(span.run).forEach((lane, number) => this.paintLane(brush, colours, span, lane, number, from, scale, width));
    }
    brush.fillStyle = colours.text;
    this.lanes.forEach((name, i) => brush.fillText(`${visible(name)}: a clock of its own`, 4, (this.depth + i) * this.laneHeight + 33));
    this.note.textContent = `${countText(this.spans.length, "run")}, ${timeText(to - from)} shown`
      + (this.selected ? `. ${this.describe(this.selected)}` : "");
    if (!isComplete) this.draw();
  },

  paintAxis(brush, colours, width) {
    const [from, to] = this.range;
    let step = 10 ** Math.floor(Math.log10((to - from) / 4));
    if ((to - from) / step > 20) step *= 5;
    else if ((to - from) / step > 8) step *= 2;
    brush.fillStyle = colours.text;
    for (let tick = Math.ceil(from / step) * step, i = 0; tick <= to && i < 50; tick += step, i++) {
      const x = (tick - from) / (to - from) * width;
      brush.fillRect(x, 16, 1, 6);
      brush.fillText(timeText(tick), x + 3, 8);
    }
  },

  /** Events that share a pixel are drawn once: a million take as long as those that can be told apart. */
  paintLane(brush, colours, span, lane, number, from, scale, width) {
    if (!lane) return;
    const side = report.side, rows = span.run.events.row;
    const offset = span.start - from;
    let i = firstEndingBehind(lane.end, -offset);
    while (i < lane.start.length) {
      const left = (lane.start[i] + offset) * scale;
      if (left > width) break;
      const length = (lane.end[i] - lane.start[i]) * scale;
      const row = rows[lane.event[i]];
      const isSelected = this.selected && this.selected.span === span && this.selected.event === lane.event[i];
      this.paintBox(brush, colours, isSelected ? "selected" : styleOf(side, row), left, length, number,
        length > 30 ? side.op(row) || side.name(row) : "", state.pattern && !state.pattern.test(`${side.name(row)}\n${side.op(row)}`));
      if (length >= 1) i += 1;
      else i = Math.max(i + 1, firstStartingAt(lane.start, (Math.floor(left) + 1) / scale - offset));
    }
  },

  paintBox(brush, colours, style, left, length, lane, label, isFaint = false) {
    const top = 24 + lane * this.laneHeight;
    const x = Math.max(left, -1), right = Math.min(left + Math.max(length, 0.6), this.box.clientWidth + 1);
    brush.globalAlpha = isFaint ? 0.25 : 1;
    brush.fillStyle = colours[style] ?? colours.framework;
    brush.fillRect(x, top, right - x - (length > 3 ? 0.5 : 0), this.laneHeight - 1);
    if (label && right - x > 30) {
      brush.save();
      brush.beginPath();
      brush.rect(x, top, right - x - 2, this.laneHeight);
      brush.clip();
      brush.fillStyle = colours.onFrame;
      brush.fillText(visible(label).slice(0, 200), x + 3, top + this.laneHeight / 2);
      brush.restore();
    }
    brush.globalAlpha = 1;
  },

  /** The event under a place of the canvas. */
  find(x, y) {
    const lane = Math.floor((y - 24) / this.laneHeight);
    const time = this.range[0] + x / this.canvas.clientWidth * (this.range[1] - this.range[0]);
    const slack = (this.range[1] - this.range[0]) / this.canvas.clientWidth;
    for (const span of this.spans) {
      if (time < span.start - slack || time > span.start + span.length + slack) continue;
      if (lane === 0) return { span, event: -1 };
      const events = span.run.hasEvents ? this.lanesOf(span.run)[lane] : null;
      if (!events) continue;
      const i = firstEndingBehind(events.end, time - span.start - slack);
      if (i < events.start.length && events.start[i] <= time - span.start + slack) return { span, event: events.event[i], lane, place: i };
    }
    return null;
  },

  press(event) {
    const start = event.offsetX, range = this.range;
    let moved = false;
    const move = (next) => {
      if (Math.abs(next.offsetX - start) > 3) moved = true;
      if (moved) this.moveTo(range[0] - (next.offsetX - start) / this.canvas.clientWidth * (range[1] - range[0]), range[1] - range[0]);
    };
    const release = (next) => {
      this.canvas.removeEventListener("pointermove", move);
      if (moved) return;
      const found = this.find(next.offsetX, next.offsetY);
      if (found) this.select(found.span, found.event);
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", release, { once: true });
    this.canvas.addEventListener("pointercancel", () => this.canvas.removeEventListener("pointermove", move), { once: true });
  },

  point(event) {
    const found = this.find(event.offsetX, event.offsetY);
    this.canvas.title = found ? this.describe(found) : "";
  },

  describe({ span, event }) {
    const run = span.run;
    if (event < 0) return `${visible(methodOf(run.block))}, run ${run.number}: ${timeText(run.time)}`;
    const { row, start, time } = run.events;
    return `${visible(report.side.name(row[event]))}: ${timeText(time[event])}, from ${timeText(start[event])} on, run ${run.number}`;
  },

  select(span, event) {
    this.selected = { span, event };
    state.event = [span.run.number, event];
    if (event >= 0) showEvent(span.run, event);
    else showRun(span.run);
    this.draw();
    saveState();
  },

  stepRun(step) {
    if (this.spans.length === 0) return;
    const middle = (this.range[0] + this.range[1]) / 2;
    let at = this.selected ? this.spans.indexOf(this.selected.span) : this.spans.findIndex((span) => span.start + span.length >= middle) - (step > 0 ? 1 : 0);
    at = Math.min(Math.max(at + step, 0), this.spans.length - 1);
    const span = this.spans[at];
    this.select(span, -1);
    this.moveTo(span.start - span.length * 0.01, span.length * 1.02);
  },

  reset() {
    this.range = this.full;
    this.draw();
  },

  zoomBy(factor, at = 0.5) {
    const [start, end] = this.range;
    const length = Math.max((end - start) / factor, 4);
    this.moveTo(start + (end - start) * at - length * at, length);
  },

  pan(share) { this.moveTo(this.range[0] + share * (this.range[1] - this.range[0]), this.range[1] - this.range[0]); },

  moveTo(start, length) {
    length = Math.min(length, this.full[1] * 1.05);
    start = Math.min(Math.max(start, -length / 2), this.full[1] - length / 2);
    this.range = [start, start + length];
    this.draw();
  },

  /** Keys of the canvas itself: from event to event. */
  move(event) {
    if (!event.key.startsWith("Arrow") && event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.selected) {
      if (this.spans.length > 0) this.select(this.spans[0], -1);
      return;
    }
    const { span } = this.selected;
    const lanes = this.lanesOf(span.run);
    let lane = 0, place = -1;
    if (this.selected.event >= 0) {
      lane = lanes.findIndex((events) => (place = events?.event.indexOf(this.selected.event) ?? -1) >= 0);
    }
    const start = place >= 0 ? lanes[lane].start[place] : 0, end = place >= 0 ? lanes[lane].end[place] : span.length;
    if (event.key === "Enter") {
      this.moveTo(span.start + start - (end - start) * 0.05, (end - start) * 1.1 + 4);
    } else if (event.key === "ArrowUp") {
      if (lane <= 1) return this.select(span, -1);
      const above = lanes[lane - 1];
      const i = above ? firstEndingBehind(above.end, start) : 0;
      if (above && i < above.start.length) this.select(span, above.event[i]);
    } else if (event.key === "ArrowDown") {
      const below = lanes[lane + 1];
      const i = below ? firstStartingAt(below.start, start) : 0;
      if (below && i < below.start.length && below.start[i] <= end) this.select(span, below.event[i]);
    } else {
      const step = event.key === "ArrowRight" ? 1 : -1;
      if (lane > 0 && lanes[lane].event[place + step] !== undefined) return this.select(span, lanes[lane].event[place + step]);
      const next = this.spans[this.spans.indexOf(span) + step];
      if (!next) return;
      const events = lane > 0 ? this.lanesOf(next.run)[lane] : null;
      this.select(next, events?.event.at(step > 0 ? 0 : -1) ?? -1);
    }
  },

  key(event) {
    switch (event.key) {
      case "0": this.reset(); break;
      case "+": case "=": case "w": this.zoomBy(1.5); break;
      case "-": case "_": case "s": this.zoomBy(1 / 1.5); break;
      case "a": case "ArrowLeft": this.pan(-0.15); break;
      case "d": case "ArrowRight": this.pan(0.15); break;
      case "n": this.stepRun(1); break;
      case "p": this.stepRun(-1); break;
      case "Escape":
        if (this.range[0] === this.full[0] && this.range[1] === this.full[1]) return false;
        this.reset();
        break;
      default: return false;
    }
    return true;
  },

  text() {
    const lines = ["run\tevent\tstart\tticks"];
    const [from, to] = this.range;
    for (const span of this.spans) {
      const { row, start, time } = span.run.events;
      for (let i = 0; i < row.length && lines.length < 100000; i++) {
        const at = span.start + start[i];
        if (at + time[i] >= from && at <= to) lines.push(cells(span.run.number, report.side.name(row[i]), start[i], time[i]));
      }
    }
    return `${lines.join("\n")}\n`;
  },
};

/** How many rows enclose a row, up to a hundred. */
function depthOf(side, row, known) {
  if (known[row] !== undefined) return known[row];
  let depth = 0;
  for (let at = side.row.parent[row]; at >= 0 && depth < 100; at = side.row.parent[at]) depth += 1;
  return known[row] = depth;
}

/** The style of an event, by what it does. */
function styleOf(side, row) {
  const kind = side.kind(row);
  if (kind === "kernel" || kind === "delegated") return `family-${familyOf(side.op(row) || side.name(row))}`;
  return kind === "delegate call" ? "call" : kind === "execution" ? "method" : "framework";
}

/** Of sorted values the place of the first that is at least a limit. */
function firstStartingAt(values, limit) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

const firstEndingBehind = firstStartingAt;
