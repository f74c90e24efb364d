"use strict";
// A tree of frames, drawn as elements that a keyboard and a screen reader find their way in. Views that show trees use it.

/** Draws a tree of frames, the root on top, or at the bottom. */
class FlameDrawing {
  static rowHeight = 20;
  static leastWidth = 1;

  /**
   * @param actions `select(frame)` on focus and click, `zoom(frame)` on click and Enter.
   */
  constructor(box, label, actions, isInverted = false) {
    this.box = box;
    this.actions = actions;
    this.isInverted = isInverted;
    this.elements = new Map();
    box.setAttribute("role", "tree");
    box.setAttribute("aria-label", label);
    box.addEventListener("keydown", (event) => this.move(event));
    box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const at = (event.clientX - box.getBoundingClientRect().left) / box.clientWidth;
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, at);
    }, { passive: false });
    new ResizeObserver(() => this.root && this.draw()).observe(box);
  }

  show(root) {
    this.root = root;
    this.places = new Map();
    this.depth = 0;
    this.lay(root, root, 0, 0);
    this.full = [0, Math.max(this.places.get(root).width, 1)];
    this.range = this.full;
    this.draw();
  }

  /**
   * Where each frame lies, in ticks from the left. A frame is at least as wide as what is inside it: XNNPACK rounds each
   * kernel to whole microseconds, so that kernels can add up to more than their call.
   *
   * @param first The first of a chain of frames that are drawn as one, or the frame itself.
   */
  lay(first, frame, start, depth) {
    this.depth = Math.max(this.depth, depth);
    let inside = 0;
    for (const child of frame.order) inside += this.lay(child, this.merged(child), start + inside, depth + 1);
    const own = isGone(frame) && frame.order.length === 0 ? (state.showGone ? scaledBase(frame) : 0) : frame.total;
    const width = Math.max(own, inside);
    const names = [frame.name];
    for (let above = frame; above !== first; above = above.parent) names.unshift(above.parent.name);
    const place = { start, width, depth, label: names.join(" › ") };
    for (let above = frame; ; above = above.parent) {
      this.places.set(above, place);
      if (above === first) return width;
    }
  }

  /** The last of the frames that have nothing beside them, where such chains are drawn as one. */
  merged(frame) {
    while (state.merge && frame.self === 0 && frame.order.length === 1 && !isGone(frame)) frame = frame.order[0];
    return frame;
  }

  zoomTo(frame) {
    const { start, width } = this.places.get(frame);
    this.range = width > 0 ? [start, start + width] : this.full;
    this.draw();
  }

  reset() {
    this.range = this.full;
    this.draw();
  }

  get isZoomed() { return this.range[0] > this.full[0] || this.range[1] < this.full[1]; }

  /** @param at The place that stays, as a share of the width. */
  zoomBy(factor, at = 0.5) {
    const [start, end] = this.range;
    const length = Math.max(Math.min((end - start) / factor, this.full[1]), 1);
    this.moveTo(start + (end - start) * at - length * at, length);
  }

  pan(share) {
    const [start, end] = this.range;
    this.moveTo(start + (end - start) * share, end - start);
  }

  moveTo(start, length) {
    start = Math.min(Math.max(start, 0), this.full[1] - length);
    this.range = [start, start + length];
    this.draw();
  }

  draw() {
    const width = this.box.clientWidth;
    const [from, to] = this.range;
    const scale = width / (to - from);
    this.elements.clear();
    this.narrow = 0;
    const drawn = [];
    const visit = (frame) => {
      const { start, width: length, depth } = this.places.get(frame);
      if (length <= 0 || start >= to || start + length <= from) return;
      if (length * scale < FlameDrawing.leastWidth) {
        this.narrow += 1;
        return;
      }
      const left = Math.max(start, from), right = Math.min(start + length, to);
      drawn.push(this.frameElement(frame, (left - from) * scale, (right - left) * scale, depth));
      for (const child of frame.order) visit(this.merged(child));
    };
    visit(this.root);
    this.box.style.height = `${(this.depth + 1) * FlameDrawing.rowHeight}px`;
    this.box.replaceChildren(...drawn);
    const current = this.elements.get(state.frame) ?? this.elements.get(this.root);
    current?.setAttribute("tabindex", "0");
    this.actions.drawn?.(this);
  }

  frameElement(frame, left, width, depth) {
    const { label } = this.places.get(frame);
    const row = this.isInverted ? this.depth - depth : depth;
    const share = frame.total / this.root.total;
    const siblings = frame.parent?.order ?? [frame];
    const made = element("div", {
      class: `frame ${frameClass(frame)}`, role: "treeitem", tabindex: "-1", "aria-level": depth + 1,
      "aria-setsize": siblings.length, "aria-posinset": siblings.indexOf(frame) + 1,
      "aria-expanded": frame.order.length > 0 ? "true" : null, "aria-selected": frame === state.frame ? "true" : "false",
      "aria-label": `${visible(label)}, ${timeText(frame.total)}, ${percentText(share)}${changeText(frame)}`,
      style: `left:${left}px;width:${Math.max(width - 0.5, 0.5)}px;top:${row * FlameDrawing.rowHeight}px`,
    });
    if (width > 24) made.append(nameElement(label + changeMark(frame)));
    if (state.pattern) made.classList.add(state.pattern.test(frame.name) ? "match" : "other");
    made.title = `${visible(frame.name).slice(0, 500)}\n${timeText(frame.total)} (${percentText(share)})${changeText(frame)}`;
    made.addEventListener("click", () => {
      this.actions.select(frame);
      this.actions.zoom(frame, this);
    });
    made.addEventListener("focus", () => this.actions.select(frame));
    this.elements.set(frame, made);
    return made;
  }

  mark(frame) {
    for (const [other, made] of this.elements) {
      made.setAttribute("aria-selected", other === frame ? "true" : "false");
      made.setAttribute("tabindex", other === frame ? "0" : "-1");
    }
  }

  /** As in any tree: arrows go to the parent, the children and the siblings; Enter opens. */
  move(event) {
    const frame = state.frame;
    if (!frame || !this.elements.has(frame) || event.ctrlKey || event.metaKey || event.altKey) return;
    const siblings = (frame.parent?.order ?? [frame]).filter((sibling) => this.elements.has(sibling));
    const at = siblings.indexOf(frame);
    const down = this.isInverted ? "ArrowUp" : "ArrowDown", up = this.isInverted ? "ArrowDown" : "ArrowUp";
    const target = {
      [up]: frame.parent, [down]: frame.order.find((child) => this.elements.has(child)), ArrowLeft: siblings[at - 1],
      ArrowRight: siblings[at + 1], Home: this.root,
    }[event.key];
    if (event.key === "Enter") this.actions.zoom(frame, this);
    else if (!target) return;
    event.preventDefault();
    event.stopPropagation();
    if (target && !this.elements.has(target)) this.actions.zoom(target, this);
    this.elements.get(target ?? frame)?.focus();
  }
}

function frameClass(frame) {
  if (report.base) return `change ${changeOf(frame)}`;
  if (frame.kind === "operator" || frame.kind === "kernel") return `family-${familyOf(frame.name)}`;
  return frame.kind;
}

/** Keys that a flame graph has for itself, as in speedscope. */
function drawingKey(drawing, event) {
  if (!drawing.root) return false;
  switch (event.key) {
    case "0": drawing.reset(); break;
    case "+": case "=": case "w": drawing.zoomBy(1.5); break;
    case "-": case "_": case "s": drawing.zoomBy(1 / 1.5); break;
    case "a": case "ArrowLeft": drawing.pan(-0.15); break;
    case "d": case "ArrowRight": drawing.pan(0.15); break;
    case "Escape":
      if (!drawing.isZoomed) return false;
      drawing.reset();
      break;
    default: return false;
  }
  return true;
}

function legend() {
  const names = report.base ? ["slower", "faster", "unchanged", "new", "gone"].map((name) => [`change ${name}`, name])
    : families.map(([name], i) => [`family-${i}`, name]).concat([["module", "modules and lines"], ["framework", "framework"]]);
  return element("ul", { class: "legend", "aria-label": "Colours" },
    names.map(([style, name]) => element("li", {}, element("span", { class: `swatch ${style}` }), name)));
}
