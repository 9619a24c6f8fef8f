// SPDX-License-Identifier: Apache-2.0
// Elements. Whatever comes from a run becomes text, never markup.

export type Child = Node | string | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  made.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return made;
}

let ids = 0;

/** An id that no other element has. */
export function freshId(): string {
  ids += 1;
  return `part-${ids}`;
}

/** A section with its heading; undefined where nothing is in it. */
export function section(title: string, ...children: Child[]): HTMLElement | undefined {
  const inside = children.filter((child) => child !== undefined && child !== false);
  if (inside.length === 0) return undefined;
  const id = freshId();
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...inside);
}

export interface Column {
  name: string;
  /** Numbers stand right. */
  isText?: boolean;
}

export interface Row {
  head: Child;
  cells: Child[];
  /** How many rows the head stands for; 0: the head of the row above does. */
  span?: number;
  className?: string;
}

/** A table in a box of its own, which scrolls where the page is too narrow for it. `isTitled`: a heading says
 * already what it is, so that the caption is for who can't see that. */
export function table(caption: string, columns: Column[], rows: Row[], isTitled = false): HTMLElement {
  const head = el(
    "tr",
    {},
    ...columns.map((column, i) => el("th", { scope: "col", class: i === 0 || column.isText ? "text" : undefined }, column.name)),
  );
  const body = rows.map((row) =>
    el(
      "tr",
      { class: row.className },
      row.span !== 0 && el("th", { scope: "row", rowspan: row.span !== undefined && row.span > 1 ? row.span : undefined }, row.head),
      ...row.cells.map((cell, i) => el("td", { class: columns[i + 1]?.isText ? "text" : undefined }, cell)),
    ),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: isTitled ? "unseen" : undefined }, caption), el("thead", {}, head), el("tbody", {}, ...body)),
  );
}

/** Details whose inside is made when they are opened for the first time. */
export function details(summary: string, make: () => Child[]): HTMLDetailsElement {
  const made = el("details", {}, el("summary", {}, summary));
  let isMade = false;
  const fill = (): void => {
    if (isMade) return;
    isMade = true;
    made.append(...make().filter((child): child is Node | string => child !== undefined && child !== false));
  };
  made.addEventListener("toggle", fill);
  return made;
}
