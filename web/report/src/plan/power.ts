// SPDX-License-Identifier: Apache-2.0
// Power drawn, power that sites have, and what the grid gives: in all, then zone by zone.
import { type Child, el } from "../dom";
import { type Key, figure, legend } from "../figure";
import { type Curve, numbersOf } from "../timeplot";
import { most } from "../run";
import type { Plan, Zone } from "./document";
import { megawatts, power, quarterPlot } from "./words";

const DRAWN: Key = { name: "drawn", colour: "var(--run-1)", shape: "area" };
const THERE: Key = { name: "power of the sites", colour: "var(--run-2)", shape: "line" };
const GRID: Key = { name: "what the grid gives", colour: "var(--bound)", shape: "line", dash: "5 3" };

function curve(plan: Plan, key: Key, values: (number | null)[]): Curve {
  return { name: key.name, colour: key.colour, series: plan.series, values, shape: key.shape === "area" ? "area" : "line", ...(key.dash === undefined ? {} : { dash: key.dash }) };
}

function total(plan: Plan): HTMLElement {
  const drawn = plan.byQuarter("draw_w");
  const there = plan.byQuarter("power_w");
  const top = most(drawn);
  const curves = [curve(plan, DRAWN, drawn), curve(plan, THERE, there)];
  const of = there[top.at] ?? 0;
  return figure({
    title: `At most ${power(top.value)} are drawn, in ${plan.quarters[top.at]}, of ${power(of)} that the sites have then`,
    note: "Cooling included. A site has to be able to run with everything busy; what is drawn is less, since work does not keep all of it busy.",
    keys: [DRAWN, THERE],
    draw: (width) => quarterPlot(plan, { curves, unit: "power", format: power, tickFormat: power }, width),
    numbers: () => numbersOf("Power of all sites, MW", curves, megawatts),
  });
}

function zone(plan: Plan, about: Zone): HTMLElement {
  const top = most(about.draw);
  const last = plan.quarters.length - 1;
  const curves = [curve(plan, DRAWN, about.draw), curve(plan, THERE, about.power)];
  const limit = about.grid;
  const least = limit === undefined ? undefined : Math.min(...limit.filter((each) => each !== null));
  if (limit !== undefined) curves.push(curve(plan, GRID, limit));
  const highest = Math.max(top.value, most(about.power).value);
  const isFar = least !== undefined && least > 2 * highest;
  const grid = limit === undefined ? "no limit of the grid is stated" : `the grid gives ${power(limit[last] ?? limit[0] ?? 0)}${isFar ? ", far above this plot" : ""}`;
  return figure({
    title: about.key,
    note: `at most ${power(top.value)} drawn; ${grid}`,
    alt: `Power in zone ${about.key} over time: at most ${power(top.value)} drawn, in ${plan.quarters[top.at]}; sites have ${power(about.power[last] ?? 0)} at the end; ${grid}.`,
    level: 4,
    draw: (width) => quarterPlot(plan, { curves, unit: "power", format: power, tickFormat: power, isSmall: true, ...(isFar ? { until: highest } : {}) }, width),
    numbers: () => numbersOf(`Power in zone ${about.key}, MW`, curves, megawatts),
  });
}

export function powerFigures(plan: Plan): Child[] {
  const zones = plan.zones.filter((each) => most(each.power).value > 0);
  return [
    total(plan),
    zones.length > 0 && el("h3", {}, "Each zone of the grid"),
    zones.length > 0 && legend([DRAWN, THERE, GRID]),
    zones.length > 0 && el("div", { class: "small-plots" }, ...zones.map((each) => zone(plan, each))),
  ];
}
