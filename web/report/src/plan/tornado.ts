// SPDX-License-Identifier: Apache-2.0
// What the cost hangs on: one thing changed at a time, the widest first.
import * as Plot from "@observablehq/plot";
import { figure } from "../figure";
import type { Plan } from "./document";
import type { End, Futures, Swing } from "./studies";
import { LETTER, millions, money, shortMoney } from "./words";

const WHAT: Record<string, string> = { demand: "demand", price: "chips' prices", tariff: "tariffs", late: "chips late", "grid-late": "grid late" };

function cut(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}

function nameOf(swing: Swing): string {
  return cut(WHAT[swing.what] ?? swing.what, 16);
}

interface Bar {
  name: string;
  side: "low" | "high";
  value: string;
  cost: number;
  from: number;
  isPlan: boolean;
}

/** An end that no plan reaches has no bar, but is told beside where it would begin. */
function barsOf(swings: Swing[], told: number): Bar[] {
  return swings.flatMap((swing) =>
    (["low", "high"] as const).flatMap((side): Bar[] => {
      const end = swing[side];
      return end.value === undefined ? [] : [{ name: nameOf(swing), side, value: end.value, cost: end.cost ?? told, from: told, isPlan: end.cost !== undefined }];
    }),
  );
}

function told(end: End): string {
  return end.cost !== undefined ? millions(end.cost) : end.result === "none" ? "no plan" : "not known";
}

/** "1.2B at 130 %". */
function said(plan: Plan, end: End): string | undefined {
  if (end.value === undefined) return undefined;
  return `${end.cost !== undefined ? money(plan)(end.cost) : told(end)} at ${end.value}`;
}

function draw(swings: Swing[], asTold: number, width: number): Element {
  const isNarrow = width < 560;
  const names = swings.map(nameOf);
  const bars = barsOf(swings, asTold);
  const costs = [asTold, ...bars.map((bar) => bar.cost)];
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const span = most - least || Math.abs(asTold) || 1;
  const inFull = (bar: Bar): string => `${bar.value}${bar.isPlan ? "" : ": no plan"}`;
  const isLeft = (bar: Bar): boolean => (bar.cost === asTold ? bar.side === "low" : bar.cost < asTold);
  const margin = isNarrow ? 0 : 14 + LETTER * Math.max(...names.map((name) => name.length));
  // Both sides together leave 80 px to the bars.
  const letters = Math.floor((width - margin - 2 * 14 - 80) / LETTER);
  const wanted = (isOfLeft: boolean): number => Math.max(0, ...bars.filter((bar) => isLeft(bar) === isOfLeft).map((bar) => inFull(bar).length));
  const given = (isOfLeft: boolean): number => Math.max(1, Math.min(wanted(isOfLeft), Math.max(letters - wanted(!isOfLeft), Math.floor(letters / 2))));
  const text = (bar: Bar): string => cut(inFull(bar), given(isLeft(bar)));
  const left = 14 + LETTER * given(true);
  const row = isNarrow ? 50 : 32;
  // Where there is no room beside the bars, names stand above them.
  const above = row * 0.42;
  return Plot.plot({
    width,
    height: swings.length * row + 34,
    marginLeft: margin + left,
    marginRight: 14 + LETTER * given(false),
    marginTop: isNarrow ? 14 : 6,
    marginBottom: 28,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { domain: [least - span * 0.02, most + span * 0.02], ticks: isNarrow ? 3 : 6, tickFormat: shortMoney, label: null, grid: true },
    y: { axis: null, domain: names, padding: isNarrow ? 0.6 : 0.25 },
    marks: [
      Plot.barX([...bars].sort((a, b) => Math.abs(b.cost - asTold) - Math.abs(a.cost - asTold)), { x1: "from", x2: "cost", y: "name", fill: (bar: Bar) => (bar.side === "low" ? "var(--band-1)" : "var(--band-2)") }),
      Plot.ruleX([asTold], { stroke: "var(--bound)", strokeWidth: 1.5 }),
      Plot.text(bars.filter(isLeft), { x: "cost", y: "name", text, textAnchor: "end", dx: -5, fill: "var(--text)" }),
      Plot.text(bars.filter((bar) => !isLeft(bar)), { x: "cost", y: "name", text, textAnchor: "start", dx: 5, fill: "var(--text)" }),
      isNarrow
        ? Plot.text(names, { y: (name: string) => name, text: (name: string) => name, frameAnchor: "left", textAnchor: "start", dx: -left + 2, dy: -above, fontWeight: 600, fill: "var(--text)", stroke: "var(--page)", strokeWidth: 3 })
        : Plot.text(names, { y: (name: string) => name, text: (name: string) => name, frameAnchor: "left", textAnchor: "start", dx: -margin - left + 2, fontWeight: 600, fill: "var(--text)" }),
    ],
  });
}

export function tornado(plan: Plan, study: Futures): HTMLElement | undefined {
  const { swings, asTold } = study;
  const [first] = swings;
  if (first === undefined || asTold === undefined) return undefined;
  const both = (swing: Swing): string => [said(plan, swing.low), said(plan, swing.high)].filter((each) => each !== undefined).join(", ");
  return figure({
    title: `What the cost hangs on most: ${nameOf(first)} (${both(first)})`,
    note: `What is decided now, with one thing changed at a time to its least and most over the futures, all else as the tables say; if these come true it costs ${money(plan)(asTold)}. The widest first.`,
    alt: `Cost if the tables come true: ${money(plan)(asTold)}. ${swings.map((swing) => `${nameOf(swing)}: ${both(swing)}`).join("; ")}.`,
    keys: [
      { name: "at its least", colour: "var(--band-1)", shape: "area" },
      { name: "at its most", colour: "var(--band-2)", shape: "area" },
      { name: "as the tables say", colour: "var(--bound)", shape: "line" },
    ],
    draw: (width) => draw(swings, asTold, width),
    numbers: () => ({
      caption: `One thing changed at a time: the cost, M ${plan.currency}`,
      columns: [{ name: "what" }, { name: "at its least" }, { name: "cost" }, { name: "at its most" }, { name: "cost" }],
      rows: [
        { head: "as the tables say", cells: ["", millions(asTold), "", millions(asTold)] },
        ...swings.map((swing) => ({ head: nameOf(swing), cells: [swing.low.value ?? "as told", swing.low.value === undefined ? millions(asTold) : told(swing.low), swing.high.value ?? "as told", swing.high.value === undefined ? millions(asTold) : told(swing.high)] })),
      ],
    }),
  });
}
