// SPDX-License-Identifier: Apache-2.0
// Work that is asked for and work that is done: in all, then sector by sector.
import { type Child, el } from "../dom";
import { type Key, figure, legend } from "../figure";
import { amount } from "../format";
import { type Curve, numbersOf } from "../timeplot";
import { type Plan, type Sector, horizon, sum } from "./document";
import { count, quarterPlot, share, shortCount } from "./words";

const DONE: Key = { name: "done", colour: "var(--run-3)", shape: "area" };
const ASKED: Key = { name: "asked for", colour: "var(--bound)", shape: "line", dash: "5 3" };

function curvesOf(plan: Plan, done: number[], asked: number[]): Curve[] {
  return [
    { name: DONE.name, colour: DONE.colour, shape: "area", series: plan.series, values: done },
    { name: ASKED.name, colour: ASKED.colour, shape: "line", dash: "5 3", series: plan.series, values: asked },
  ];
}

function part(done: number, asked: number): number | undefined {
  return asked > 0 ? done / asked : undefined;
}

function together(plan: Plan, which: "demand" | "served"): number[] {
  return plan.quarters.map((_, t) => sum(plan.sectors.map((sector) => sector[which][t] ?? 0)));
}

function total(plan: Plan): HTMLElement {
  const [done, asked] = [together(plan, "served"), together(plan, "demand")];
  const at = horizon(plan);
  const curves = curvesOf(plan, done, asked);
  return figure({
    title: `${share(part(sum(done), sum(asked)))} of the work that is asked for is done; in ${plan.quarters[at]} ${share(part(done[at] ?? 0, asked[at] ?? 0))}`,
    note: "In units of work, as the scenario counts them. Work whose place, chip or price the plan has not waits, what is worth least first.",
    keys: [DONE, ASKED],
    draw: (width) => quarterPlot(plan, { curves, unit: "units of work", format: count, tickFormat: shortCount }, width),
    numbers: () => numbersOf("Work of all sectors, units", curves, count),
  });
}

function sectorFigure(plan: Plan, sector: Sector): HTMLElement {
  const curves = curvesOf(plan, sector.served, sector.demand);
  const all = part(sum(sector.served), sum(sector.demand));
  const at = horizon(plan);
  const note = `${share(all)} done in all, ${share(part(sector.served[at] ?? 0, sector.demand[at] ?? 0))} in ${plan.quarters[at]}; at least ${share(sector.least)} promised${sector.isCritical ? "; critical" : ""}`;
  return figure({
    title: sector.name,
    note,
    alt: `Work of ${sector.name} over time: ${note}.`,
    level: 4,
    draw: (width) => quarterPlot(plan, { curves, unit: "units", format: count, tickFormat: shortCount, isSmall: true }, width),
    numbers: () => numbersOf(`Work of ${sector.name}, units`, curves, (value) => (value >= 100 ? count(value) : amount(value))),
  });
}

export function workFigures(plan: Plan): Child[] {
  return [
    total(plan),
    el("h3", {}, "Each sector"),
    legend([DONE, ASKED]),
    el("div", { class: "small-plots" }, ...plan.sectors.map((sector) => sectorFigure(plan, sector))),
  ];
}
