// SPDX-License-Identifier: Apache-2.0
// How the fleet grows: by chip, by site; and what is built, when.
import * as Plot from "@observablehq/plot";
import type { Child } from "../dom";
import { figure } from "../figure";
import { counted, listed } from "../format";
import { numbersOf } from "../timeplot";
import { type Phase, type Plan, type Site, horizon, sum } from "./document";
import { LETTER, type Part, count, keysOfStack, millions, power, quarterPlot, share, shortCount, stackOf } from "./words";

function stack(plan: Plan, title: string, note: string, kind: string, parts: Part[]): HTMLElement | undefined {
  const curves = stackOf(plan, parts);
  if (curves.length === 0) return undefined;
  const all = parts.filter((part) => sum(part.values) > 0).map((part) => ({ ...part, series: plan.series, colour: "", shape: "area" as const }));
  return figure({
    title,
    note,
    keys: keysOfStack(curves),
    draw: (width) => quarterPlot(plan, { curves, unit: "accelerators that are on", format: count, tickFormat: shortCount }, width),
    numbers: () => numbersOf(`Accelerators that are on, by ${kind}`, all, count),
  });
}

function byChip(plan: Plan): HTMLElement | undefined {
  const at = horizon(plan);
  const on = (chips: Plan["chips"]): number => sum(chips.map((chip) => chip.on[at] ?? 0));
  const all = on(plan.chips);
  const domestic = on(plan.chips.filter((chip) => chip.isDomestic));
  const now = plan.byQuarter("on")[0] ?? 0;
  return stack(
    plan,
    `The fleet grows from ${count(now)} accelerators to ${count(all)} in ${plan.quarters[at]}`,
    plan.chips.some((chip) => chip.isDomestic) && all > 0 ? `${share(domestic / all)} of those that are on then are domestic. What is switched off is not counted.` : "What is switched off is not counted.",
    "chip",
    plan.chips.map((chip) => ({ name: chip.isDomestic ? `${chip.key} (domestic)` : chip.key, values: chip.on })),
  );
}

function bySite(plan: Plan): HTMLElement | undefined {
  const at = horizon(plan);
  const sites = [...plan.sites].sort((a, b) => (b.on[at] ?? 0) - (a.on[at] ?? 0));
  const all = sum(sites.map((site) => site.on[at] ?? 0));
  const three = sites.slice(0, 3);
  const title =
    sites.length <= 3 || all === 0
      ? "Where the accelerators stand"
      : `${listed(three.map((site) => site.name))} hold ${share(sum(three.map((site) => site.on[at] ?? 0)) / all)} of them in ${plan.quarters[at]}`;
  return stack(plan, title, "By site.", "site", plan.sites.map((site) => ({ name: site.name, values: site.on })));
}

interface Bar {
  site: Site;
  phase: Phase;
  name: string;
  from: Date;
  until: Date;
  said: string;
}

function barsOf(plan: Plan): Bar[] {
  const [first] = plan.series.edges as [Date];
  const at = (quarter: number): Date => new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 3 * quarter));
  return plan.sites
    .flatMap((site) =>
      site.phases.flatMap((phase) => {
        if (phase.begin === undefined || phase.there === undefined) return [];
        const name = site.phases.length > 1 ? `${site.name} · ${phase.number}` : site.name;
        return [
          {
            site,
            phase,
            name,
            from: at(phase.begin),
            // Something that is there at once is still to be seen.
            until: at(Math.max(phase.there, phase.begin + 0.3)),
            said: `${name}\nbegun ${plan.quarters[phase.begin] ?? ""}, there ${nameOfQuarter(plan, phase.there)}\n${power(phase.power)}`,
          },
        ];
      }),
    )
    .sort((a, b) => a.from.getTime() - b.from.getTime() || a.until.getTime() - b.until.getTime());
}

/** Also of quarters behind the plan's last. */
export function nameOfQuarter(plan: Plan, quarter: number): string {
  const date = plan.series.edges[0] as Date;
  const number = date.getUTCFullYear() * 4 + date.getUTCMonth() / 3 + quarter;
  return `${Math.floor(number / 4)}-Q${(number % 4) + 1}`;
}

function cut(name: string, letters: number): string {
  return name.length <= letters ? name : `${name.slice(0, letters - 8)}…${name.slice(-7)}`;
}

function drawBars(plan: Plan, bars: Bar[], width: number): Element {
  const isNarrow = width < 500;
  const letters = isNarrow ? 18 : 44;
  const begin = plan.series.edges[0] as Date;
  const last = plan.series.edges[plan.series.count] as Date;
  const end = new Date(Math.max(last.getTime(), ...bars.map((bar) => bar.until.getTime())));
  const years = plan.series.edges.filter((edge) => edge.getUTCMonth() === 0);
  const left = 12 + LETTER * Math.max(...bars.map((bar) => cut(bar.name, letters).length));
  const room = (end.getTime() - begin.getTime()) / (width - left - 60);
  return Plot.plot({
    width,
    height: bars.length * 22 + 40,
    marginLeft: left,
    marginRight: 60,
    marginTop: 24,
    marginBottom: 8,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "utc", domain: [begin, end], axis: "top", label: null, grid: true, ticks: years.filter((_, i) => !isNarrow || i % 2 === 0) as never, tickFormat: (date: Date) => String(date.getUTCFullYear()) },
    y: { label: null, domain: bars.map((bar) => bar.name), padding: 0.25, tickSize: 0, tickFormat: (name: string) => cut(name, letters) },
    marks: [
      Plot.barX(bars, { x1: "from", x2: "until", y: "name", fill: "var(--band-1)", rx: 2 }),
      Plot.text(bars, { x: (bar: Bar) => new Date(bar.until.getTime() + 5 * room), y: "name", text: (bar: Bar) => power(bar.phase.power), textAnchor: "start", fill: "var(--text)" }),
      last < end ? Plot.ruleX([last], { stroke: "var(--bound)", strokeDasharray: "5 3" }) : undefined,
      Plot.tip(bars, Plot.pointer({ x1: "from", x2: "until", y: "name", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
    ],
  });
}

function timeline(plan: Plan): HTMLElement | undefined {
  const bars = barsOf(plan);
  const before = plan.sites.flatMap((site) => site.phases.filter((phase) => phase.begunBefore).map((phase) => ({ site, phase })));
  const earlier = before.length === 0 ? "" : ` ${counted(before.length, "phase")} with ${power(sum(before.map(({ phase }) => phase.power)))} ${before.length === 1 ? "was" : "were"} begun before the plan and ${before.length === 1 ? "comes" : "come"} whatever it says; the numbers have them.`;
  if (bars.length === 0) return undefined;
  const sites = new Set(bars.map((bar) => bar.site)).size;
  const title = `${counted(bars.length, "phase")} with ${power(sum(bars.map((bar) => bar.phase.power)))} ${bars.length === 1 ? "is" : "are"} begun at ${counted(sites, "site")}`;
  return figure({
    title,
    note: `Each bar is the time of building; behind it the power that it adds.${earlier}`,
    draw: (width) => drawBars(plan, bars, width),
    numbers: () => ({
      caption: "Phases of building",
      columns: [{ name: "site" }, { name: "phase" }, { name: "begun" }, { name: "there" }, { name: "power" }, { name: `cost, M ${plan.currency}` }],
      rows: [...bars.map(({ site, phase }) => ({ site, phase })), ...before].map(({ site, phase }) => ({
        head: site.key,
        cells: [
          String(phase.number),
          phase.begunBefore ? "before" : nameOfQuarter(plan, phase.begin ?? 0),
          phase.there === undefined ? "–" : nameOfQuarter(plan, phase.there),
          power(phase.power),
          millions(phase.cost),
        ],
      })),
    }),
  });
}

export function fleetFigures(plan: Plan): Child[] {
  return [byChip(plan), bySite(plan)];
}

export function buildingFigures(plan: Plan): Child[] {
  return [timeline(plan)];
}
