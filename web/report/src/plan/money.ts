// SPDX-License-Identifier: Apache-2.0
// Money: what is spent each year, against the budget; what the cost is made of.
import * as Plot from "@observablehq/plot";
import type { Child } from "../dom";
import { type Key, figure } from "../figure";
import { type Plan, sum } from "./document";
import { LETTER, bandColour, millions, money, shortMoney, shorterMoney } from "./words";

interface Piece {
  year: string;
  part: string;
  low: number;
  high: number;
  colour: string;
  onColour: string;
  said: string;
}

function cut(words: string): string {
  return words.length <= 24 ? words : `${words.slice(0, 23)}…`;
}

function drawYears(plan: Plan, pieces: Piece[], budgets: { year: string; budget: number }[], width: number): Element {
  const top = Math.max(1, ...pieces.map((piece) => piece.high), ...budgets.map(({ budget }) => budget));
  const isNarrow = width < 500;
  const height = isNarrow ? 260 : 320;
  const say = isNarrow ? shorterMoney : shortMoney;
  const perPixel = top / (height - 60);
  /** Where a piece's amount is written: in its middle, or beside the line of the budget that goes through there. */
  const labels = pieces.flatMap((piece) => {
    const budget = budgets.find((each) => each.year === piece.year)?.budget;
    const parts = budget !== undefined && budget > piece.low && budget < piece.high ? [[piece.low, budget - 4 * perPixel], [budget + 4 * perPixel, piece.high]] : [[piece.low, piece.high]];
    const [low, high] = parts.sort((a, b) => (b[1] as number) - (b[0] as number) - ((a[1] as number) - (a[0] as number)))[0] as [number, number];
    return high - low >= 15 * perPixel ? [{ ...piece, at: (low + high) / 2 }] : [];
  });
  return Plot.plot({
    width,
    height,
    marginLeft: 54,
    marginRight: 14,
    marginTop: 26,
    marginBottom: 26,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "band", domain: plan.years.map(String), label: null, padding: 0.25, tickSize: 0 },
    y: { domain: [0, top * 1.06], label: cut(plan.currency), labelArrow: "none", grid: true, ticks: 5, tickFormat: shortMoney },
    marks: [
      Plot.barY(pieces, { x: "year", y1: "low", y2: "high", fill: { value: "colour", scale: null }, stroke: "var(--page)", strokeWidth: 0.75 }),
      Plot.text(labels, { x: "year", y: "at", text: (piece: Piece) => say(piece.high - piece.low), fill: { value: "onColour", scale: null } }),
      Plot.tickY(budgets, { x: "year", y: "budget", stroke: "var(--page)", strokeWidth: 6 }),
      Plot.tickY(budgets, { x: "year", y: "budget", stroke: "var(--bound)", strokeWidth: 2.5 }),
      Plot.ruleY([0], { stroke: "var(--muted)" }),
      Plot.tip(pieces, Plot.pointer({ x: "year", y1: "low", y2: "high", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
    ],
  });
}

function years(plan: Plan): HTMLElement {
  const [spent, orders, domestic] = [plan.byYear("spent"), plan.byYear("orders"), plan.byYear("domestic_orders")];
  const parts = [
    { name: "orders from abroad", values: orders.map((each, y) => each - (domestic[y] ?? 0)) },
    { name: "domestic orders", values: domestic },
    { name: "building", values: spent.map((each, y) => each - (orders[y] ?? 0)) },
  ].filter((part) => sum(part.values) > 0);
  const isHome = sum(domestic) > 0;
  for (const part of parts) if (part.name === "orders from abroad" && !isHome) part.name = "orders";
  const pieces = plan.years.flatMap((year, y) => {
    let base = 0;
    return parts.map((part, i): Piece => {
      const value = part.values[y] ?? 0;
      base += value;
      return { year: String(year), part: part.name, low: base - value, high: base, ...bandColour(i), said: `${year}\n${part.name}: ${money(plan)(value)}\nin all: ${money(plan)(spent[y] ?? 0)}` };
    });
  });
  const budgets = (plan.budget ?? []).flatMap((budget, y) => (budget === null ? [] : [{ year: String(plan.years[y]), budget }]));
  const keys: Key[] = [...parts.map((part, i): Key => ({ name: part.name, colour: bandColour(i).colour, shape: "area" })).reverse(), ...(budgets.length > 0 ? [{ name: "budget", colour: "var(--bound)", shape: "line" } as Key] : [])];
  const all = sum(spent);
  const of = sum(budgets.map(({ budget }) => budget));
  return figure({
    title: `${money(plan)(all)} are spent on orders and building${of > 0 ? `, of budgets of ${money(plan)(of)}` : ""}`,
    note: `In money of each year, not discounted. Energy and upkeep are paid beside it.${budgets.length > 0 ? " What a year leaves may in part be kept for the next, so that a year can spend more than its budget." : ""}`,
    keys,
    draw: (width) => drawYears(plan, pieces, budgets, width),
    numbers: () => ({
      caption: `Money by year, M ${plan.currency}`,
      columns: [{ name: "year" }, { name: "orders from abroad" }, { name: "domestic orders" }, { name: "building" }, { name: "spent" }, { name: "budget" }, { name: "energy" }, { name: "demand charges*" }, { name: "upkeep" }],
      rows: plan.years.map((year, y) => ({
        head: String(year),
        cells: [
          millions((orders[y] ?? 0) - (domestic[y] ?? 0)),
          millions(domestic[y] ?? 0),
          millions((spent[y] ?? 0) - (orders[y] ?? 0)),
          millions(spent[y] ?? 0),
          plan.budget?.[y] == null ? "–" : millions(plan.budget[y]),
          millions(plan.byYear("energy")[y] ?? 0),
          millions(plan.byYear("peaks")[y] ?? 0),
          millions(plan.byYear("upkeep")[y] ?? 0),
        ],
      })),
      note: "* discounted to the first quarter; all else is not.",
    }),
  });
}

function costs(plan: Plan): HTMLElement | undefined {
  const rows = plan.costs.filter((each) => Math.abs(each.amount) > 0).map((each) => ({ ...each, said: `${each.words}: ${money(plan)(each.amount)}` }));
  if (rows.length === 0) return undefined;
  const unserved = plan.costs.find((each) => each.part === "unserved")?.amount ?? 0;
  return figure({
    title: `All in all it costs ${money(plan)(plan.cost)}, discounted to the first quarter`,
    note: `This is what the plan makes as small as it can. ${unserved > 0 ? `${money(plan)(unserved)} of it is nobody's bill: what work that is not done is counted at. ` : ""}What orders and halls are still worth at the end is taken off.`,
    draw: (width) => {
      const isNarrow = width < 500;
      const low = Math.min(0, ...rows.map((row) => row.amount));
      const high = Math.max(0, ...rows.map((row) => row.amount));
      const left = 12 + (isNarrow ? 6.6 : LETTER) * Math.max(...rows.map((row) => cut(row.words).length));
      const room = (48 / Math.max(100, width - left - 110)) * (high - low); // of an amount beside its bar
      return Plot.plot({
        width,
        height: rows.length * 28 + 12,
        marginLeft: left,
        marginRight: 16,
        marginTop: 4,
        marginBottom: 8,
        style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
        x: { axis: null, domain: [low - (low < 0 ? room : 0), high + room] },
        y: { label: null, domain: rows.map((row) => row.words), padding: 0.25, tickSize: 0, tickFormat: cut },
        marks: [
          Plot.barX(rows, { x: "amount", y: "words", fill: (row: (typeof rows)[number]) => (row.amount < 0 ? "var(--band-3)" : "var(--band-1)"), title: "said" } as never),
          Plot.text(rows, { x: "amount", y: "words", text: (row: (typeof rows)[number]) => shortMoney(row.amount), textAnchor: "start", dx: 5, filter: (row: (typeof rows)[number]) => row.amount >= 0 }),
          Plot.text(rows, { x: "amount", y: "words", text: (row: (typeof rows)[number]) => shortMoney(row.amount), textAnchor: "end", dx: -5, filter: (row: (typeof rows)[number]) => row.amount < 0 }),
          Plot.ruleX([0], { stroke: "var(--muted)" }),
        ],
      });
    },
    numbers: () => ({
      caption: `What the cost is made of, M ${plan.currency}, discounted`,
      columns: [{ name: "part" }, { name: "cost" }],
      rows: [...rows.map((row) => ({ head: row.words, cells: [millions(row.amount)] })), { head: "all in all", cells: [millions(plan.cost)] }],
    }),
  });
}

export function moneyFigures(plan: Plan): Child[] {
  return [years(plan), costs(plan)];
}
