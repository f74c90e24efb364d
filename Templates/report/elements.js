"use strict";
// Elements made from text. Nothing of a trace ever becomes markup.

/**
 * An element with attributes and children. `on…` attributes are listeners; children are elements or texts.
 */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** What cannot be seen, or turns the direction of what follows, as a visible mark. */
function visible(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (mark) => mark === "\n" ? "↵" : `⟨${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** A name of a trace's: of its own direction, and no longer than a line. */
function nameElement(text) {
  const shown = visible(text);
  return element("bdi", shown.length > 300 ? { title: shown.slice(0, 2000) } : {},
    shown.length > 300 ? `${shown.slice(0, 300)}…` : shown);
}

/** Clears a canvas and gives it a size, in the screen's own pixels. */
function brushFor(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const brush = canvas.getContext("2d");
  brush.scale(ratio, ratio);
  brush.font = "12px system-ui, sans-serif";
  return brush;
}

/** A line of text to paste into a spreadsheet. */
function cells(...values) { return values.map((value) => String(value ?? "").replace(/[\t\n\r]/g, " ")).join("\t"); }

/**
 * A table of a few rows. Of more than a page should show it has the first, and says so.
 *
 * @param columns Each a title, or `[title]` for numbers.
 */
function plainTable(caption, columns, rows) {
  const isNumber = columns.map(Array.isArray);
  const limit = 200;
  if (rows.length > limit) caption += ` – the first ${limit} of ${rows.length.toLocaleString("en")}`;
  return element("table", {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, columns.map((title, i) =>
      element("th", { scope: "col", class: isNumber[i] ? "number" : null }, isNumber[i] ? title[0] : title)))),
    element("tbody", {}, rows.slice(0, limit).map((cells) => element("tr", {}, cells.map((cell, i) =>
      element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: isNumber[i] ? "number" : null },
        typeof cell === "string" ? nameElement(cell) : cell))))));
}
