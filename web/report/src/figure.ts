// SPDX-License-Identifier: Apache-2.0
// A figure: a sentence that says what one sees, a legend, a plot that is drawn anew when its width
// changes, and the numbers behind it as a table for who does not see it, or wants to check.
import { type Child, details, el, freshId, table } from "./dom";
import type { Column, Row } from "./dom";
import { counted } from "./format";

export interface Key {
  name: string;
  colour: string;
  /** How it is drawn: an area, a line with these dashes, a mark across. */
  shape: "area" | "line" | "tick";
  dash?: string;
}

export interface Figure {
  /** What one sees, as a sentence. */
  title: string;
  note?: string;
  /** For who does not see it; the title where this says no more. */
  alt?: string | (() => string);
  keys?: Key[];
  draw(width: number): Element;
  numbers?: () => { caption: string; columns: Column[]; rows: Row[]; note?: string };
  /** The heading's level: 4 inside another figure. */
  level?: 3 | 4;
}

const drawn = new Map<Element, { draw: (width: number) => Element; alt: string | (() => string); width: number }>();

function redraw(place: Element, width: number, anew = false): void {
  const about = drawn.get(place);
  if (about === undefined || width < 40 || (!anew && Math.abs(width - about.width) < 1)) return;
  about.width = width;
  const svg = about.draw(width);
  // A plot is one picture with one text. Plot names its groups for who looks at the markup; readers aloud stumble over it.
  for (const group of svg.querySelectorAll("[aria-label]")) {
    group.setAttribute("data-mark", group.getAttribute("aria-label") ?? "");
    group.removeAttribute("aria-label");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", typeof about.alt === "string" ? about.alt : about.alt());
  place.replaceChildren(svg);
}

/** Draw the plots in an element again: what they show has changed. */
export function refresh(within: Element): void {
  for (const place of within.querySelectorAll(".plot")) redraw(place, drawn.get(place)?.width ?? 0, true);
}

const watcher = new ResizeObserver((entries) => {
  for (const entry of entries) redraw(entry.target, Math.floor(entry.contentRect.width));
});

function swatch(key: Key): HTMLElement {
  const made = el("span", { class: `swatch ${key.shape}`, "aria-hidden": "true" });
  made.style.setProperty("--colour", key.colour);
  if (key.dash !== undefined && key.dash !== "none") made.classList.add("dashed");
  return made;
}

export function legend(keys: Key[]): HTMLElement {
  return el("ul", { class: "legend" }, ...keys.map((key) => el("li", {}, swatch(key), key.name)));
}

const SHOWN = 12;

/** A small figure for each name; beyond the first dozen behind a line to open. */
export function smallPlots(names: string[], kind: string, make: (name: string) => HTMLElement): Child[] {
  const grid = (some: string[]): HTMLElement => el("div", { class: "small-plots" }, ...some.map(make));
  const rest = names.slice(SHOWN);
  return [grid(names.slice(0, SHOWN)), rest.length > 0 && details(counted(rest.length, `further ${kind}`), () => [grid(rest)])];
}

export function figure(about: Figure): HTMLElement {
  const id = freshId();
  const place = el("div", { class: "plot" });
  drawn.set(place, { draw: about.draw, alt: about.alt ?? about.title, width: 0 });
  watcher.observe(place);
  const numbers = about.numbers;
  const parts: Child[] = [
    el(about.level === 4 ? "h4" : "h3", { id }, about.title),
    about.note !== undefined && el("p", { class: "note" }, about.note),
    about.keys !== undefined && about.keys.length > 1 && legend(about.keys),
    place,
    numbers !== undefined &&
      details("The numbers", () => {
        const { caption, columns, rows, note } = numbers();
        return [table(caption, columns, rows), note !== undefined && el("p", { class: "note" }, note)];
      }),
  ];
  return el("figure", { "aria-labelledby": id }, ...parts.filter((part) => part !== undefined));
}
