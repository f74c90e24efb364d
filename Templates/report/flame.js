"use strict";
// The flame graph: widths are sums over the chosen runs.

const flameView = {
  title: "Flame graph",

  build(panel) {
    this.roots = element("select", { "aria-label": "Root", onchange: () => this.chooseRoot(this.roots.selectedIndex) });
    this.modes = element("select", { "aria-label": "Group frames by", onchange: () => setState({ mode: this.modes.value }) },
      Object.entries(frameModes).map(([mode, title]) => element("option", { value: mode }, title)));
    this.note = element("p", { class: "note" });
    this.box = element("div", { class: "flame" });
    this.trail = element("nav", { class: "trail", "aria-label": "Zoomed frames" });
    panel.append(
      element("div", { class: "tools" }, element("label", {}, "Root ", this.roots),
        element("label", {}, "By ", this.modes),
        element("button", { onclick: () => this.drawing.reset() }, "Reset zoom"),
        report.base ? element("label", {}, element("input", {
          type: "checkbox", onchange: (event) => setState({ showGone: event.target.checked }),
        }), " Show what is gone") : null, legend()),
      this.trail, this.box, this.note);
    this.drawing = new FlameDrawing(this.box, "Flame graph", {
      select: (frame) => selectFrame(frame),
      zoom: (frame, drawing) => drawing.zoomTo(frame),
      drawn: (drawing) => this.explain(drawing),
    });
  },

  render() {
    this.modes.value = state.mode;
    const frames = currentFrames();
    // What only marks frames leaves the place as it is.
    const shape = `${state.merge} ${state.showGone}`;
    if (this.drawing.root && frames[this.roots.selectedIndex] === this.drawing.root && this.shape === shape && !state.isFromLink) {
      this.drawing.draw();
      if (this.drawing.places.has(state.frame)) showDetails(state.frame);
      return;
    }
    this.shape = shape;
    this.roots.replaceChildren(...frames.map((frame) =>
      element("option", {}, `${visible(frame.name).slice(0, 80)} – ${timeText(frame.total)}`)));
    const wanted = state.framePath ? frames.findIndex((frame) => frame.name === state.framePath[0]) : 0;
    this.showRoot(Math.max(wanted, 0));
  },

  chooseRoot(index) {
    state.framePath = [currentFrames()[index].name];
    this.showRoot(index);
    saveState();
  },

  showRoot(index) {
    const root = currentFrames()[index];
    this.roots.selectedIndex = index;
    if (!root) {
      this.note.textContent = "No events in the chosen runs.";
      this.box.replaceChildren();
      this.drawing.root = null;
      return;
    }
    const wanted = state.framePath && findFrame(root, state.framePath);
    state.frame = wanted ?? root;
    this.drawing.show(root);
    if (wanted && wanted !== root) this.drawing.zoomTo(wanted);
    showDetails(state.frame);
  },

  explain(drawing) {
    const notes = [];
    if (drawing.narrow > 0) notes.push(`${countText(drawing.narrow, "frame")} too narrow to draw; zoom in to see`);
    if (report.side.gatheredRows > 0) {
      notes.push(`the ${countText(report.side.gatheredRows, "smallest row")} of the trace are gathered as “smaller events”`);
    }
    if (state.pattern) {
      const [count, time] = matched(drawing.root);
      notes.push(`${countText(count, "frame")} matched, ${percentText(time / drawing.root.total)} of ${timeText(drawing.root.total)}`);
    }
    this.note.textContent = notes.join("; ");
    const path = [];
    if (drawing.isZoomed) {
      for (let frame = state.frame; frame; frame = frame.parent) path.unshift(frame);
    }
    this.trail.replaceChildren(...path.map((frame) =>
      element("button", { onclick: () => { selectFrame(frame); drawing.zoomTo(frame); } }, nameElement(frame.name))));
  },

  key(event) {
    return drawingKey(this.drawing, event);
  },

  text() {
    const lines = [];
    const root = this.drawing.root;
    if (!root) return "";
    (function write(frame, depth) {
      lines.push(cells("  ".repeat(depth) + frame.name, frame.total, percentText(frame.total / root.total)));
      for (const child of frame.order) write(child, depth + 1);
    })(root, 0);
    return `frame\tticks\tshare\n${lines.join("\n")}\n`;
  },
};

/** How many frames match the search, and their time: that of a frame inside another that matches is not added again. */
function matched(root) {
  let count = 0, time = 0;
  (function look(frame, isInside) {
    const matches = state.pattern.test(frame.name);
    if (matches) {
      count += 1;
      if (!isInside) time += frame.total;
    }
    for (const child of frame.order) look(child, isInside || matches);
  })(root, false);
  return [count, time];
}

function findFrame(root, path) {
  if (root.name !== path[0]) return null;
  let frame = root;
  for (const name of path.slice(1)) {
    frame = frame.children.get(name);
    if (!frame) return null;
  }
  return frame;
}
