"use strict";
// The report's data, unpacked. Everything else on the page is made from `report`.
//
// Times are whole ticks of the trace's clock. Columns are numbers in base-128 groups with the sign in the lowest bit, each
// the difference from the one before. Events are triples: row, start, duration; row and start again as differences.

/** Reads numbers one after the other. */
class NumberReader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
    // Whether all that was read fits a number: no sum of times may lose a tick.
    this.isExact = true;
  }

  next() {
    const bytes = this.bytes;
    let byte = bytes[this.at++];
    let low = byte & 127;
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[this.at++];
      low |= (byte & 127) << shift;
    }
    if (byte < 128) return (low >>> 1) ^ -(low & 1);
    let value = low;
    for (let scale = 2 ** 28; byte > 127; scale *= 128) {
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
    }
    if (value > Number.MAX_SAFE_INTEGER) this.isExact = false;
    return low & 1 ? -(value + 1) / 2 : value / 2;
  }

  /** The next number, whatever its size. */
  nextBig() {
    let value = 0n, shift = 0n, byte;
    do {
      byte = this.bytes[this.at++];
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
    } while (byte > 127);
    return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
  }
}

function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** What a block's runs executed, as far as it is known. */
const methodOf = (block) => block.method ?? block.name;

/** A run of a trace: one execution, or one loading. */
class Run {
  constructor(side, number, column) {
    this.side = side;
    this.number = number;
    for (const name of ["file", "phase", "warmUp", "start", "time"]) this[name] = column[name][number];
    this.block = side.blocks[column.block[number]];
    this.offset = column.offset[number];
    this.eventCount = column.events[number];
    this.phaseName = this.block.phases[this.phase] ?? "all";
  }

  /** Whether its events are on the page. */
  get hasEvents() { return this.offset >= 0; }

  /** The events in the order in which they ended: row, start behind the run's, duration. */
  get events() {
    if (!this.hasEvents) return { row: [], start: [], time: [] };
    if (this.unpacked) return this.unpacked;
    const count = this.eventCount;
    const events = { row: new Int32Array(count), start: new Float64Array(count), time: new Float64Array(count) };
    const reader = new NumberReader(this.side.eventBytes, this.offset);
    let row = this.block.firstRow, end = 0;
    for (let i = 0; i < count; i++) {
      row += reader.next();
      const start = end + reader.next();
      const time = reader.next();
      events.row[i] = row;
      events.start[i] = start;
      events.time[i] = time;
      end = start + time;
    }
    if (!reader.isExact) this.unpackBig(events);
    this.unpacked = events;
    return events;
  }

  /** The same where times are beyond what a number holds exactly: only those that are lose digits. */
  unpackBig(events) {
    const reader = new NumberReader(this.side.eventBytes, this.offset);
    let end = 0n;
    for (let i = 0; i < this.eventCount; i++) {
      reader.nextBig();
      const start = BigInt.asIntN(64, end + reader.nextBig());
      const time = reader.nextBig();
      events.start[i] = Number(start);
      events.time[i] = Number(time);
      end = BigInt.asIntN(64, start + time);
    }
  }

  /** By row of the block: how often it occurred, how long, and how long without what is inside it. */
  get sums() {
    if (this.summed) return this.summed;
    const { firstRow, rows } = this.block;
    const sums = { count: new Float64Array(rows), total: new Float64Array(rows), self: new Float64Array(rows) };
    const { row, time } = this.events;
    const { parent, foreign } = this.side.row;
    for (let i = 0; i < row.length; i++) {
      const at = row[i] - firstRow;
      sums.count[at] += 1;
      sums.total[at] += time[i];
      sums.self[at] += time[i];
      const outer = parent[row[i]];
      if (outer >= 0 && !foreign[row[i]]) sums.self[outer - firstRow] -= time[i];
    }
    return this.summed = sums;
  }
}

/** Some traces of one model: those that the report is about, or those that they are compared with. */
class Side {
  constructor(json, number, column, texts) {
    Object.assign(this, json);
    this.number = number;
    const name = (key) => `${json.prefix}.${key}`;
    this.row = {};
    for (const key of ["block", "parent", "kind", "name", "op", "backend", "module", "line", "instruction", "chain",
      "foreign", "grid", "shapes", "operators", "gathered"]) this.row[key] = column(name(`row.${key}`));
    if (column.has(name("row.verdict"))) this.row.verdict = column(name("row.verdict"));
    this.eventBytes = column.bytes(name("events"));
    const runs = {};
    for (const key of ["block", "file", "phase", "warmUp", "start", "time", "offset", "events"]) {
      runs[key] = column(name(`run.${key}`));
    }
    const ordinals = new Map();
    this.blocks.forEach((block, index) => {
      const method = `${block.name} ${methodOf(block)} ${block.bundledInput ?? ""}`;
      const ordinal = ordinals.get(method) ?? 0;
      ordinals.set(method, ordinal + 1);
      // `key` is the same for the blocks of two sides that stand for each other.
      Object.assign(block, { index, key: `${method} ${ordinal}` });
    });
    this.runs = Array.from(runs.block, (_, index) => new Run(this, index, runs));
    this.runsWithoutEvents = this.runs.filter((run) => !run.hasEvents).length;
    const allocations = ["run", "name", "size", "event"].map((key) => column(name(`allocation.${key}`)));
    this.allocations = Array.from(allocations[0], (run, i) => ({
      run: this.runs[run], name: texts[allocations[1][i]], size: allocations[2][i], event: allocations[3][i],
    }));
  }

  /** What `etdump diff` says of a row: `slower`, `faster`, …; nothing without a base. */
  verdict(row) { return this.row.verdict ? report.verdicts[this.row.verdict[row]] : ""; }
  kind(row) { return report.kinds[this.row.kind[row]]; }
  name(row) { return report.texts[this.row.name[row]]; }
  /** The operator; of a call without one, that of its kernel. */
  op(row) {
    if (this.row.op[row] > 0 || this.kind(row) !== "call") return report.texts[this.row.op[row]];
    if (!this.kernels) {
      this.kernels = new Map();
      this.row.parent.forEach((parent, kernel) => {
        if (parent >= 0 && this.kind(kernel) === "kernel" && this.row.op[kernel] > 0) this.kernels.set(parent, kernel);
      });
    }
    return this.kernels.has(row) ? report.texts[this.row.op[this.kernels.get(row)]] : "";
  }
  backend(row) { return report.texts[this.row.backend[row]]; }
  shapes(row) { return report.texts[this.row.shapes[row]]; }
  operators(row) { return report.texts[this.row.operators[row]]; }
  /** The entries of the modules around a row, outermost first. */
  modules(row) { return report.modules.path(this.row.module[row]); }
  /** The same as the model names it: `stages.0.conv`. */
  modulePath(row) { return this.modules(row).map((entry) => report.modules.names[entry]).join("."); }
  /** The entries of the model's lines that lead to a row, outermost first. */
  lines(row) { return report.lines.path(this.row.line[row]); }
}

/** Paths that begin alike: entries with what stands before each. */
class PathTree {
  constructor(parents) {
    this.parents = parents;
    this.paths = new Map([[-1, []]]);
  }

  /** The entries that lead to one, itself included. */
  path(entry) {
    let path = this.paths.get(entry);
    if (!path) {
      path = [...this.path(this.parents[entry]), entry];
      this.paths.set(entry, path);
    }
    return path;
  }
}

const report = (() => {
  const json = JSON.parse(document.getElementById("data").textContent);
  const bytes = decodeBase64(document.getElementById("columns").textContent);
  const column = (name) => {
    const [offset, count] = json.columns[name];
    const reader = new NumberReader(bytes, offset);
    const values = new Float64Array(count);
    let value = 0;
    for (let i = 0; i < count; i++) values[i] = value += reader.next();
    if (reader.isExact && values.every(Number.isSafeInteger)) return values;
    const big = new NumberReader(bytes, offset);
    let exact = 0n;
    for (let i = 0; i < count; i++) values[i] = Number(exact = BigInt.asIntN(64, exact + big.nextBig()));
    return values;
  };
  column.has = (name) => Object.hasOwn(json.columns, name);
  column.bytes = (name) => bytes.subarray(json.columns[name][0]);

  const modules = new PathTree(column("module.parent"));
  modules.names = Array.from(column("module.name"), (text) => json.texts[text]);
  const lines = new PathTree(column("line.parent"));
  const [file, func, code] = ["file", "function", "code"].map((key) => column(`line.${key}`));
  lines.entries = Array.from(column("line.line"), (line, i) => (
    { line, file: json.texts[file[i]], function: json.texts[func[i]], code: json.texts[code[i]] }));
  const sides = json.sides.map((side, number) => new Side(side, number, column, json.texts));
  return { ...json, modules, lines, sides, side: sides[0], base: sides[1] };
})();
