"use strict";
// The sandwich: who calls a frame, and what it calls, wherever it is.

const sandwichView = {
  title: "Sandwich",

  build(panel) {
    this.chooser = element("select", { "aria-label": "Frame", onchange: () => this.showName(this.chooser.value) });
    this.heading = element("p", { class: "note" });
    this.callersBox = element("div", { class: "flame" });
    this.calleesBox = element("div", { class: "flame" });
    panel.append(element("div", { class: "tools" }, element("label", {}, "Frame ", this.chooser)), this.heading,
      element("h3", {}, "Callers"), this.callersBox, element("h3", {}, "Callees"), this.calleesBox);
    const actions = {
      select: (frame) => { state.frame = frame; this.callers.mark(frame); this.callees.mark(frame); showDetails(frame); },
      zoom: (frame) => this.showName(frame.name),
    };
    this.callers = new FlameDrawing(this.callersBox, "Callers", actions, true);
    this.callees = new FlameDrawing(this.calleesBox, "Callees", actions);
  },

  render() {
    const roots = currentFrames();
    const root = roots.find((frame) => frame.name === state.framePath?.[0]) ?? roots[0];
    if (!root) {
      this.heading.textContent = "No events in the chosen runs.";
      return;
    }
    const names = new Map();
    (function gather(frame) {
      names.set(frame.name, (names.get(frame.name) ?? 0) + frame.self);
      for (const child of frame.order) gather(child);
    })(root);
    const sorted = [...names].sort((a, b) => b[1] - a[1]).slice(0, 2000);
    const wanted = state.frame && names.has(state.frame.name) ? state.frame.name : sorted[0][0];
    if (!sorted.some(([name]) => name === wanted)) sorted.unshift([wanted, names.get(wanted)]);
    this.root = root;
    this.chooser.replaceChildren(...sorted.map(([name, self]) =>
      element("option", { value: name }, `${visible(name).slice(0, 80)} – self ${timeText(self)}`)));
    this.showName(wanted);
  },

  showName(name) {
    this.chooser.value = name;
    const { callers, callees } = sandwich(this.root, name);
    judgeFrames([callers]);
    judgeFrames([callees]);
    state.frame = callees;
    this.callers.show(callers);
    this.callees.show(callees);
    const count = outermost(this.root, name).length;
    this.heading.replaceChildren(nameElement(name),
      `: ${countText(count, "place")}, ${timeText(callees.total)}, ${percentText(callees.total / this.root.total)} of `,
      nameElement(this.root.name));
    showDetails(callees);
  },

  key(event) { return drawingKey(this.callees, event); },
  text() { return `${this.heading.textContent}\n`; },
};
