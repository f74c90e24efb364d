"use strict";
// The frames of a flame graph: self times of rows, gathered along paths. Each row's self time belongs to one frame, so that
// every level adds up to the one above, in ticks.

class Frame {
  constructor(name, kind, parent) {
    this.name = name;
    // method, module, line, operator, kernel, backend, call, framework, loading
    this.kind = kind;
    this.parent = parent;
    this.children = new Map();
    this.self = 0;
    this.total = 0;
    this.calls = 0;
    // With those inside, on both sides.
    this.allCalls = 0;
    this.allBaseCalls = 0;
    // Rows whose self time is the frame's own: [side, row].
    this.rows = [];
    // With a base: its own and whole time there.
    this.baseSelf = 0;
    this.baseTotal = 0;
    this.baseCalls = 0;
  }

  child(name, kind) {
    let child = this.children.get(name);
    if (!child) {
      child = new Frame(name, kind, this);
      this.children.set(name, child);
    }
    return child;
  }

  get path() {
    const path = [];
    for (let frame = this; frame; frame = frame.parent) path.unshift(frame.name);
    return path;
  }

  /** All rows of the frame and of those inside. */
  *allRows() {
    yield* this.rows;
    for (const child of this.children.values()) yield* child.allRows();
  }
}

const frameModes = {
  module: "modules", source: "source lines", op: "operators", backend: "backends",
};

/**
 * The roots of the flame graph: one for each method, one for loading, one for each clock of a backend's own.
 *
 * @param selection For each side of the report the runs to add up.
 */
function buildFrames(selection, mode) {
  const roots = new Map();
  const root = (name, kind) => {
    if (!roots.has(name)) roots.set(name, new Frame(name, kind, null));
    return roots.get(name);
  };
  selection.forEach((runs, number) => {
    const side = report.sides[number];
    for (const [block, blockRuns] of groupBy(runs, (run) => run.block)) addBlock(side, block, blockRuns, mode, root);
  });
  for (const frame of roots.values()) finish(frame);
  return [...roots.values()].filter((frame) => frame.total !== 0 || frame.baseTotal !== 0 || frame.children.size > 0)
    .sort((a, b) => (a.kind === "method" ? 0 : 1) - (b.kind === "method" ? 0 : 1) || b.total - a.total);
}

function groupBy(values, key) {
  const groups = new Map();
  for (const value of values) {
    const name = key(value);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(value);
  }
  return groups;
}

function addBlock(side, block, runs, mode, root) {
  for (let at = 0; at < block.rows; at++) {
    let self = 0, calls = 0, total = 0;
    for (const run of runs) {
      self += run.sums.self[at];
      total += run.sums.total[at];
      calls += run.sums.count[at];
    }
    if (calls === 0) continue;
    const row = block.firstRow + at;
    const isForeign = side.row.foreign[row] === 1;
    const frame = leaf(side, row, block, mode, root);
    if (!frame) continue;
    const time = isForeign ? total : self;
    if (side.number === 0) {
      frame.self += time;
      frame.calls += calls;
    } else {
      frame.baseSelf += time;
      frame.baseCalls += calls;
    }
    frame.rows.push([side, row]);
  }
}

/** The frame that a row's self time belongs to. */
function leaf(side, row, block, mode, root) {
  const kind = side.kind(row);
  const backend = side.backend(row);
  if (side.row.foreign[row] === 1) {
    return place(root(`${backend || "a delegate"}, on a clock of its own`, "foreign"), side, row, mode)
      .child(side.name(row), "kernel");
  }
  if (!block.isExecution) {
    const names = [];
    for (let at = row; at >= 0 && names.length < 100; at = side.row.parent[at]) names.unshift(side.name(at));
    return names.reduce((frame, name) => frame.child(name, "loading"), root(block.name, "loading"));
  }
  const method = root(methodOf(block), "method");
  switch (kind) {
    case "execution": return method;
    case "framework": return side.row.parent[row] < 0
      ? root(side.name(row), "loading") : method.child(side.name(row), "framework");
    case "control": return method.child("control flow, moves and frees", "framework").child(side.name(row), "framework");
    case "values": return null;
    case "kernel": return place(method, side, row, mode);
    case "call": return place(method, side, row, mode).child("calling the operator", "framework");
    case "delegate call":
      return place(method, side, row, mode).child("not accounted for by its kernels", "framework");
    default: return place(method, side, row, mode).child(side.name(row), "kernel");
  }
}

/** The operator's frame, within what the mode puts around it. */
function place(frame, side, row, mode) {
  const kind = side.kind(row);
  const backend = side.backend(row);
  if (mode === "backend") frame = frame.child(backend || "no backend", "backend");
  if (mode === "module") {
    for (const entry of side.modules(row)) frame = frame.child(report.modules.names[entry], "module");
  }
  if (mode === "source") {
    for (const entry of side.lines(row)) {
      const line = report.lines.entries[entry];
      frame = frame.child(`${line.file.split("/").pop()}:${line.line} ${line.function}`, "line");
    }
  }
  if (kind === "delegate call") {
    frame = frame.child(`${backend || "delegate"} call @${side.row.instruction[row]}`, "call");
  } else {
    const operator = side.op(row) || operatorOfKernel(side.name(row), kind);
    frame = frame.child(report.base ? comparableName(operator) : operator, "operator");
    // Where nothing tells calls of an operator apart, their place in the program does.
    if (side.row.module[row] < 0 && side.row.line[row] < 0 && side.row.instruction[row] >= 0) {
      frame = frame.child(`at ${side.row.chain[row]}:${side.row.instruction[row]}`, "operator");
    }
  }
  if (mode === "op" && kind !== "delegate call") {
    const modules = side.modulePath(row);
    if (modules) frame = frame.child(modules, "module");
  }
  return frame;
}

/** A kernel's name without what tells it from others of its kind: `Convolution (NHWC, F32) IGEMM #3` is a Convolution. */
function operatorOfKernel(name, kind) {
  if (kind !== "delegated") return name;
  return name.replace(/ #\d+$/, "").replace(/ \(.*$/, "") || name;
}

/** An operator's name without what lowering changes of it: `aten::add.out` and `aten.add.Tensor` are both `add`. */
function comparableName(name) {
  const parts = name.split("::").pop().split(".");
  return parts.length > 2 ? parts[parts.length - 2] : parts[0];
}

/** Adds up totals from the leaves; children stand by size, then by name. */
function finish(frame) {
  frame.total = frame.self;
  frame.baseTotal = frame.baseSelf;
  frame.allCalls = frame.calls;
  frame.allBaseCalls = frame.baseCalls;
  frame.depth = frame.parent ? frame.parent.depth + 1 : 0;
  for (const child of frame.children.values()) {
    finish(child);
    frame.total += child.total;
    frame.baseTotal += child.baseTotal;
    frame.allCalls += child.allCalls;
    frame.allBaseCalls += child.allBaseCalls;
  }
  frame.order = [...frame.children.values()].sort((a, b) =>
    Math.max(b.total, b.baseTotal) - Math.max(a.total, a.baseTotal) || (a.name < b.name ? -1 : 1));
}

/** Frames of a name, without those inside others of them: their times may be added. */
function outermost(root, name) {
  const found = [];
  (function look(frame) {
    if (frame.name === name) found.push(frame);
    else for (const child of frame.order) look(child);
  })(root);
  return found;
}

/** What the frames of a name call, and what calls them, each as one tree. */
function sandwich(root, name) {
  const callees = new Frame(name, "operator", null);
  const callers = new Frame(name, "operator", null);
  const merge = (into, frame) => {
    into.kind = frame.kind;
    into.self += frame.self;
    into.baseSelf += frame.baseSelf;
    into.calls += frame.calls;
    into.baseCalls += frame.baseCalls;
    into.rows.push(...frame.rows);
    for (const child of frame.children.values()) merge(into.child(child.name, child.kind), child);
  };
  for (const frame of outermost(root, name)) {
    merge(callees, frame);
    let at = callers;
    for (let caller = frame.parent; caller; caller = caller.parent) at = at.child(caller.name, caller.kind);
    at.self += frame.total;
    at.baseSelf += frame.baseTotal;
    at.calls += frame.allCalls;
    at.baseCalls += frame.allBaseCalls;
    at.rows.push(...frame.allRows());
  }
  callers.kind = callees.kind;
  finish(callees);
  finish(callers);
  return { callers, callees };
}

/** A frame's time in each of some runs. */
function timesByRun(frame, runs) {
  const rows = [...frame.allRows()];
  return runs.map((run) => {
    let time = 0;
    for (const [side, row] of rows) {
      if (side !== run.side || side.row.block[row] !== run.block.index) continue;
      const at = row - run.block.firstRow;
      time += side.row.foreign[row] === 1 ? run.sums.total[at] : run.sums.self[at];
    }
    return time;
  });
}

/** What an operator does, for its colour. */
const families = [
  ["convolution", /conv/i],
  ["matrix products", /(^|[^a-z])(mm|bmm|addmm|linear|matmul|gemm|igemm|fully.?connected|sdpa|attention|lstm|gru)/i],
  ["pooling and reduction", /pool|mean|sum|argmax|argmin|amax|amin|norm|softmax|cumsum|any\b|reduce/i],
  ["data movement", /copy|clone|permute|transpose|reshape|view|cat|slice|select|split|expand|embedding|gather|index|pad|convert|stack|repeat|unsqueeze|squeeze|full|arange/i],
  ["quantization", /quant|choose_qparams/i],
  ["elementwise", /./],
];

function familyOf(name) { return families.findIndex(([, pattern]) => pattern.test(name)); }
