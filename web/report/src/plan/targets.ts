// SPDX-License-Identifier: Apache-2.0
// Targets, and whether each is met; the domestic share of each year's orders against what is asked.
import * as Plot from "@observablehq/plot";
import { type Child, type Row, el, table } from "../dom";
import { type Key, figure } from "../figure";
import { amount, counted, listed } from "../format";
import type { Domestic, Plan, Target } from "./document";
import { count, share } from "./words";

const MEASURES: Record<string, string> = { value: "by value (what is paid)", units: "by units (accelerators)", compute: "by compute" };

function verdict(isMet: boolean): HTMLElement {
  return el("span", { class: isMet ? "met" : "missed" }, isMet ? "✓ met" : "✗ missed");
}

/** A plan is found within what solvers can tell apart. */
function isReached(found: number | null | undefined, asked: number): boolean {
  return found == null || found >= asked - 1e-9;
}

function targetsTable(plan: Plan): HTMLElement | undefined {
  const number = (target: Target, value: number): string => (target.of === "compute" ? amount(value) : count(value));
  const rows = [
    ...plan.targets.map((target) => ({
      head: target.of === "compute" ? "Compute that is on" : "Accelerators that are on",
      cells: [target.quarter, number(target, target.asked), el("span", {}, number(target, target.found), verdict(target.isMet))],
    })),
    ...plan.domestic.flatMap((rule) => {
      const years = plan.years.map((_, y) => y).filter((y) => rule.asked[y] != null);
      return years.map((y, i): Row => {
        const [asked, found] = [rule.asked[y] ?? 0, rule.found[y]];
        return {
          head: `Domestic share of the year's orders, ${MEASURES[rule.measure] ?? rule.measure}`,
          span: i === 0 ? years.length : 0,
          cells: [String(plan.years[y]), share(asked), el("span", {}, found == null ? "no orders" : share(found), verdict(isReached(found, asked)))],
        };
      });
    }),
  ];
  if (rows.length === 0) return undefined;
  return el("div", { class: "compact" }, table("Targets, and what the plan comes to", [{ name: "target" }, { name: "by" }, { name: "asked" }, { name: "in the plan" }], rows, true));
}

function drawShares(plan: Plan, rules: Domestic[], width: number): Element {
  const rows = rules.flatMap((rule) =>
    plan.years.map((year, y) => ({ year: String(year), measure: rule.measure, found: rule.found[y] ?? null, asked: rule.asked[y] ?? null })),
  );
  const isNarrow = width < 500;
  return Plot.plot({
    width,
    height: isNarrow ? 96 + 130 * rules.length : 220,
    marginLeft: 46,
    marginRight: isNarrow ? 14 : 8,
    marginTop: 40,
    marginBottom: 28,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    ...(isNarrow ? { fy: { label: null, domain: rules.map((rule) => rule.measure), axis: null, padding: 0.35 } } : { fx: { label: null, domain: rules.map((rule) => rule.measure), axis: null, padding: 0.12 } }),
    x: { type: "band", domain: plan.years.map(String), label: null, padding: 0.25, tickSize: 0 },
    y: { domain: [0, Math.max(0.1, ...rows.map((row) => Math.max(row.found ?? 0, row.asked ?? 0))) * 1.15], label: null, grid: true, ticks: 4, tickFormat: (value: number) => share(value) },
    marks: [
      Plot.barY(rows, { x: "year", y: "found", [isNarrow ? "fy" : "fx"]: "measure", fill: "var(--band-1)" } as never),
      Plot.text(rows.filter((row) => row.found !== null), { x: "year", y: "found", [isNarrow ? "fy" : "fx"]: "measure", text: (row: (typeof rows)[number]) => `${Math.round(100 * (row.found ?? 0))}`, dy: -7, fill: "var(--text)", stroke: "var(--page)", strokeWidth: 3 } as never),
      Plot.tickY(rows.filter((row) => row.asked !== null), { x: "year", y: "asked", [isNarrow ? "fy" : "fx"]: "measure", stroke: "var(--page)", strokeWidth: 6 } as never),
      Plot.tickY(rows.filter((row) => row.asked !== null), { x: "year", y: "asked", [isNarrow ? "fy" : "fx"]: "measure", stroke: "var(--bound)", strokeWidth: 2.5 } as never),
      Plot.text(rules, { [isNarrow ? "fy" : "fx"]: "measure", frameAnchor: "top-left", dy: -22, dx: -6, fontWeight: 600, text: (rule: Domestic) => `${MEASURES[rule.measure] ?? rule.measure}${rule.isAsked ? "" : "; nothing asked"}`, fill: "var(--text)" } as never),
      Plot.ruleY([0], { stroke: "var(--muted)" }),
    ],
  });
}

function domesticFigure(plan: Plan): HTMLElement | undefined {
  if (plan.domestic.every((rule) => rule.found.every((found) => found === null || found === 0) && !rule.isAsked)) return undefined;
  const asked = plan.domestic.filter((rule) => rule.isAsked);
  const last = plan.years.length - 1;
  const said = asked.flatMap((rule) => {
    const years = plan.years.map((_, y) => y).filter((y) => rule.asked[y] != null);
    const short = years.filter((y) => !isReached(rule.found[y], rule.asked[y] ?? 0));
    return [`${MEASURES[rule.measure] ?? rule.measure}: ${short.length === 0 ? "as asked in every year" : `too little in ${listed(short.map((y) => String(plan.years[y])))}`}`];
  });
  const keys: Key[] = [{ name: "in the plan, %", colour: "var(--band-1)", shape: "area" }, { name: "asked", colour: "var(--bound)", shape: "line" }];
  return figure({
    title: said.length > 0 ? `Domestic share of orders ${said.join("; ")}` : "Domestic share of each year's orders",
    note: "The same orders, measured in three ways.",
    alt: `Domestic share of each year's orders: ${plan.domestic.map((rule) => `${MEASURES[rule.measure] ?? rule.measure} ${plan.years.map((year, y) => `${year} ${share(rule.found[y])}`).join(", ")}`).join("; ")}.`,
    keys: last >= 0 && asked.length > 0 ? keys : [],
    draw: (width) => drawShares(plan, plan.domestic, width),
    numbers: () => ({
      caption: "Domestic share of each year's orders",
      columns: [{ name: "measure" }, { name: "share", isText: true }, ...plan.years.map((year) => ({ name: String(year) }))],
      rows: plan.domestic.flatMap((rule) => [
        { head: MEASURES[rule.measure] ?? rule.measure, span: 2, className: "group", cells: ["in the plan", ...rule.found.map(share)] },
        { head: "", span: 0, cells: ["asked", ...rule.asked.map(share)] },
      ]),
    }),
  });
}

export function targetFigures(plan: Plan): Child[] {
  const missed = plan.targets.filter((target) => !target.isMet).length;
  const asked = plan.targets.length;
  const made = targetsTable(plan);
  const rules = plan.domestic.filter((rule) => rule.isAsked);
  const hasShares = rules.length > 0 && rules.every((rule) => rule.asked.every((each, y) => each === null || isReached(rule.found[y], each)));
  return [asked > 0 && el("p", {}, missed === 0 ? `${asked === 1 ? "The target is" : "All targets are"} met${hasShares ? ", and so is what is asked of each year's orders" : ""}.` : `${missed} of ${counted(asked, "target")} ${missed === 1 ? "is" : "are"} missed.`), made, domesticFigure(plan)];
}
