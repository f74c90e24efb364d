"use strict";
// Memory: what the program plans, and what was allocated while it ran.

const memoryView = {
  title: "Memory",

  build(panel) {
    this.box = element("div", {});
    panel.append(this.box);
  },

  render() {
    const side = report.side;
    const parts = [];
    if (side.planned.length > 0) {
      parts.push(plainTable("Planned by the program", ["Method", ["Buffers"], ["Planned"], ["Constants"]],
        side.planned.map((plan) => [plan.method, String(plan.buffers.length),
          bytesText(plan.buffers.reduce((sum, size) => sum + size, 0)), bytesText(plan.constants)])));
    }
    const runs = new Set(chosenRuns()[0]);
    const chosen = side.allocations.filter((allocation) => runs.has(allocation.run));
    if (chosen.length === 0) {
      parts.push(element("p", { class: "note" }, side.allocations.length === 0
        ? "The trace has no allocation events. A runtime records them where its allocators are given the event tracer."
        : "No allocations in the chosen runs."));
    } else {
      parts.push(this.allocatorTable(chosen), this.runTable(chosen));
      if (side.allocationsLeftOut > 0) {
        parts.push(element("p", { class: "note" }, `The page has the first ${side.allocations.length.toLocaleString("en")} allocations of the trace; ${side.allocationsLeftOut.toLocaleString("en")} more are not in these sums.`));
      }
    }
    if (parts.length === 1 && side.planned.length === 0) {
      parts.push(element("p", { class: "note" }, "What is planned ahead of time is in the program: give it with --program."));
    }
    this.box.replaceChildren(...parts);
  },

  allocatorTable(allocations) {
    const groups = [...groupBy(allocations, (allocation) => allocation.name)]
      .map(([name, mine]) => [name, mine, sumOf(mine, "size")]).sort((a, b) => b[2] - a[2]);
    const most = Math.max(1, ...groups.map((group) => group[2]));
    return plainTable("By allocator", ["Allocator", ["Allocations"], ["Bytes"], ["Largest"], ""], groups.map(([name, mine, sum]) => [
      name, mine.length.toLocaleString("en"), bytesText(sum), bytesText(mine.reduce((most, one) => Math.max(most, one.size), 0)),
      element("div", { class: "bar", style: `--share:${Math.max(0, sum / most)}` })]));
  },

  runTable(allocations) {
    return plainTable("By run, in order", ["Run", ["Allocations"], ["Bytes"], "In order"],
      [...groupBy(allocations, (allocation) => allocation.run)].map(([run, mine]) => [
        `${groupOfRun(run)}, run ${run.number}`, mine.length.toLocaleString("en"), bytesText(sumOf(mine, "size")),
        mine.slice(0, 12).map((one) => `${one.name} ${bytesText(one.size)}`).join(", ") + (mine.length > 12 ? ", …" : "")]));
  },

  key() { return false; },

  text() {
    return `run\tallocator\tbytes\tafter events\n${report.side.allocations.map((one) =>
      cells(one.run.number, one.name, one.size, one.event)).join("\n")}\n`;
  },
};
