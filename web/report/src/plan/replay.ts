// SPDX-License-Identifier: Apache-2.0
// Would people get their compute? What the controller's own code did with the plan, held against what the plan promises, and
// the plan made anew until its promises hold.
import * as Plot from "@observablehq/plot";
import { type Child, type Row, details, el, table } from "../dom";
import { type Key, figure, legend, smallPlots } from "../figure";
import { amount, counted, duration, listed, percent } from "../format";
import { type Plan, sum } from "./document";
import type { Rehearsal, Round, Told } from "./rehearsal";
import { count, hundredths, millions, share, shortCount } from "./words";

const ACHIEVED: Key = { name: "achieved", colour: "var(--run-3)", shape: "area" };
const PROMISED: Key = { name: "promised", colour: "var(--bound)", shape: "line" };

function sectorName(plan: Plan, key: string): string {
  return plan.sectors.find((sector) => sector.key === key)?.name ?? key;
}

function of(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}

/** Promises to a sector in a year that were judged, and how many of them were kept. */
export function promisesOf(round: Round): { kept: number; judged: number; coarse: number } {
  const made = round.years.filter((told) => told.promised > 0);
  const judged = made.filter((told) => !told.isCoarse);
  return { kept: judged.filter((told) => !told.isBroken).length, judged: judged.length, coarse: made.length - judged.length };
}

/** How it was found, and what counts as kept. */
function howTold(found: Rehearsal, round: Round): string {
  const jobs = sum(round.quarters.map((quarter) => quarter.jobs));
  const days = found.days === undefined ? "" : ` ${amount(found.days)} days of each are measured${found.warmUpDays === undefined ? "" : `, behind ${amount(found.warmUpDays)} of warm-up`}.`;
  const scale = found.scale === undefined || found.scale === 1 ? "" : ` One accelerator stands for ${count(found.scale)} of the plan.`;
  const kept = found.keptLeast === undefined || found.waitGoal === undefined ? "" : ` A promise to a sector in a year is kept where at least ${percent(found.keptLeast)} of its work is done in time and a job waits ${duration(found.waitGoal)} or less on average.`;
  return `${counted(round.quarters.length, "quarter")} of the plan as federations, and the work that it promises as ${counted(jobs, "job")} of many sizes, went through the code that decides in the controller.${days}${scale}${kept}`;
}

// ---- hours ----

interface Bar {
  year: string;
  promised: number;
  achieved: number;
}

function barsOf(years: Told[]): Bar[] {
  const names = [...new Set(years.map((told) => told.year))];
  return names
    .map((year): Bar => {
      const told = years.filter((each) => each.year === year);
      return { year: String(year), promised: sum(told.map((each) => each.promisedHours)), achieved: sum(told.map((each) => each.achievedHours)) };
    })
    .filter((bar) => bar.promised > 0 || bar.achieved > 0);
}

function drawHours(bars: Bar[], width: number, isSmall: boolean): Element {
  const most = Math.max(0, ...bars.map((bar) => Math.max(bar.promised, bar.achieved))) || 1;
  const room = (width - 60) / Math.max(1, bars.length);
  return Plot.plot({
    width,
    height: isSmall ? 130 : 220,
    marginLeft: 48,
    marginRight: 8,
    marginTop: 18,
    marginBottom: 24,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "band", domain: bars.map((bar) => bar.year), label: null, padding: 0.25, tickSize: 0, tickFormat: (year: string) => (room < 32 ? `’${year.slice(-2)}` : year) },
    y: { domain: [0, most * 1.1], label: null, grid: true, ticks: isSmall ? 3 : 4, tickFormat: shortCount },
    marks: [
      Plot.barY(bars, { x: "year", y: "achieved", fill: ACHIEVED.colour, fillOpacity: 0.55 }),
      Plot.tickY(bars, { x: "year", y: "promised", stroke: "var(--page)", strokeWidth: 5 }),
      Plot.tickY(bars, { x: "year", y: "promised", stroke: PROMISED.colour, strokeWidth: 2 }),
      ...(room < 44 ? [] : [Plot.text(bars, { x: "year", y: (bar: Bar) => Math.max(bar.promised, bar.achieved), text: (bar: Bar) => share(of(bar.achieved, bar.promised)), dy: -8, fill: "var(--text)", stroke: "var(--page)", strokeWidth: 3 })]),
      Plot.ruleY([0], { stroke: "var(--muted)" }),
    ],
  });
}

function saidOf(bars: Bar[]): string {
  return bars.map((bar) => `${bar.year}: ${count(bar.achieved)} of ${count(bar.promised)}`).join("; ");
}

function rowsOf(plan: Plan, round: Round, withAll: Told[]): Row[] {
  const years = [...new Set(round.years.map((told) => told.year))];
  return years.flatMap((year) => {
    const made = round.years.filter((told) => told.year === year && told.demand > 0);
    return made.map((told, i): Row => {
      const all = withAll.find((each) => each.year === year && each.sector === told.sector);
      return {
        head: String(year),
        span: i === 0 ? made.length : 0,
        cells: [
          `${sectorName(plan, told.sector)}${told.isCoarse ? " ~" : ""}`,
          count(told.demand),
          share(of(told.promised, told.demand)),
          share(of(told.kept, told.demand)),
          all === undefined ? "–" : share(of(all.done, told.demand)),
          count(told.given),
          count(told.promisedHours),
          count(told.achievedHours),
          count(told.heldHours),
          percent(told.busyStated),
          percent(told.busy),
          percent(told.lost),
          waited(told.wait),
          waited(told.longWait),
          count(told.jobs),
        ],
      };
    });
  });
}

const COLUMNS = ["asked for, units", "promised", "in time", "done if all came", "given, accelerators", "promised, hours a day", "achieved, hours a day", "held, hours a day", "busy by the plan", "busy", "lost of that", "mean wait", "wait, 95 of 100", "jobs"];

function hoursFigure(plan: Plan, found: Rehearsal, round: Round): HTMLElement | undefined {
  const bars = barsOf(round.years);
  const last = bars[bars.length - 1];
  if (last === undefined) return undefined;
  return figure({
    title: `In ${last.year} the plan promises ${count(last.promised)} accelerator-hours of work a day; ${count(last.achieved)} of them are done in time`,
    note: "Promised: of the accelerators that the plan gives to sectors, the part of each hour that it keeps busy. Achieved: as much of it as the work that is not late comes to.",
    alt: `Accelerator-hours a day, achieved of promised. ${saidOf(bars)}.`,
    keys: [ACHIEVED, PROMISED],
    draw: (width) => drawHours(bars, width, false),
    numbers: () => ({
      caption: "What the plan promises to each sector in each year, and what came of it",
      columns: [{ name: "year" }, { name: "sector", isText: true }, ...COLUMNS.map((name) => ({ name }))],
      rows: rowsOf(plan, round, found.withAll),
      note: "Shares of work are of what is asked for, in units of work. Waits of 95 of 100 jobs are of the year's worst quarter. “Done if all came”: the same fleet, with all that is asked for instead of what is promised. Held: what jobs had and did not lose; more than promised where they borrowed what others left idle, or ran longer on slower chips.",
    }),
  });
}

function sectorFigure(plan: Plan, round: Round, sector: string): HTMLElement {
  const years = round.years.filter((told) => told.sector === sector && told.promised > 0);
  const bars = barsOf(years);
  const judged = years.filter((told) => !told.isCoarse);
  const broken = judged.filter((told) => told.isBroken).map((told) => String(told.year));
  const note = judged.length === 0 ? "too few accelerators at this scale to tell" : broken.length === 0 ? "each year's promise is kept" : broken.length > 1 && broken.length === judged.length ? "not kept in any year" : `not kept in ${listed(broken)}`;
  return figure({
    title: sectorName(plan, sector),
    note,
    alt: `${sectorName(plan, sector)}, accelerator-hours a day, achieved of promised: ${saidOf(bars)}; ${note}.`,
    level: 4,
    draw: (width) => drawHours(bars, width, true),
  });
}

// ---- waits ----

/** Seconds say nothing where people wait. */
function waited(seconds: number): string {
  return seconds < 60 ? "< 1 min" : duration(seconds);
}

function waitCell(told: Told | undefined): Child {
  if (told === undefined || told.promised <= 0) return "–";
  const kept = told.isCoarse ? undefined : el("span", { class: told.isBroken ? "broken" : "kept" }, told.isBroken ? "✗" : "✓");
  return el("span", {}, el("span", {}, told.jobs > 0 ? waited(told.wait) : "–"), told.isCoarse ? " ~" : " ", kept, told.jobs > 0 && el("small", {}, told.longWait < 60 ? "≤ 1 min" : `≤ ${duration(told.longWait)}`), !told.isCoarse && told.promised - told.kept > 0.005 * told.promised && el("small", {}, `late: ${percent(1 - told.kept / told.promised)}`));
}

function waitTable(plan: Plan, found: Rehearsal, round: Round): Child[] {
  const years = [...new Set(round.years.map((told) => told.year))];
  const sectors = [...new Set(round.years.map((told) => told.sector))];
  const rows = sectors.map((sector): Row => ({ head: sectorName(plan, sector), cells: years.map((year) => waitCell(round.years.find((told) => told.year === year && told.sector === sector))) }));
  if (rows.length === 0) return [];
  const goal = found.waitGoal === undefined ? "" : ` ✓: at most ${duration(found.waitGoal)}, and nearly all work in time; ✗: not so.`;
  const coarse = promisesOf(round).coarse > 0 ? " ~: too few accelerators at this scale to tell." : "";
  return [
    el("h3", {}, "How long people wait"),
    el("p", { class: "note" }, `Mean time from submitting a job to its start; below it (≤) the time within which 95 of 100 jobs start, in the year's worst quarter, and the part of the year's work that comes late.${goal}${coarse}`),
    el("div", { class: "compact" }, table("Waits by sector and year", [{ name: "sector" }, ...years.map((year) => ({ name: String(year) }))], rows, true)),
  ];
}

// ---- rounds ----

/** "92 % to 100 %", of a sector's years. */
function rangeOf(round: Round, sector: string): string {
  const values = [...(round.factors.get(sector)?.values() ?? [])];
  if (values.length === 0) return "–";
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? percent(least) : `${percent(least)} to ${percent(most)}`;
}

function endOf(found: Rehearsal): string {
  const last = found.rounds[found.rounds.length - 1];
  const rounds = counted(found.rounds.length, "round");
  const change = last?.change === undefined ? "" : ` a factor would still change by ${percent(last.change)}`;
  switch (found.end) {
    case "settled":
      return `After ${rounds} no factor changes by ${found.tolerance === undefined ? "what counts" : percent(found.tolerance)} or more: they have settled.`;
    case "no plan":
      return `Under the factors that round ${found.rounds.length} asks for no plan was found that keeps all rules.`;
    case "stopped":
      return `It was interrupted after ${rounds}${change === "" ? "" : `;${change}`}.`;
    default:
      return `After ${rounds}, as many as were asked for,${change === "" ? " it ended" : change}: they have not settled.`;
  }
}

function priceOf(first: Round, last: Round): string {
  const part = (now: number | undefined, before: number | undefined): string | undefined => (now === undefined || before === undefined || before === 0 ? undefined : hundredths(now / before - 1));
  const cost = part(last.cost, first.cost);
  const bound = part(last.bound, first.bound);
  if (cost === undefined) return "";
  return `A plan that reckons with it costs ${cost} more${bound === undefined ? "" : ` (${bound} by what is proven of both)`}: that is the price of real scheduling.${last.isCut ? " The clock cut its search: another run may find another plan." : ""}`;
}

function roundsTable(plan: Plan, found: Rehearsal): Child {
  const sectors = [...new Set(found.rounds.flatMap((round) => [...round.factors.keys()]))];
  return table(
    "The rounds",
    [{ name: "round" }, { name: "promises kept" }, { name: "work in time" }, { name: "longest mean wait" }, { name: `cost, M ${plan.currency}` }, { name: "none below" }, { name: "largest change asked" }, ...sectors.map((sector) => ({ name: `factor: ${sectorName(plan, sector)}` }))],
    found.rounds.map((round, i): Row => {
      const judged = round.years.filter((told) => !told.isCoarse && told.promised > 0);
      const { kept, judged: all } = promisesOf(round);
      return {
        head: i === 0 ? "1: the plan" : String(i + 1),
        cells: [
          `${kept} of ${all}`,
          share(of(sum(judged.map((told) => told.kept)), sum(judged.map((told) => told.promised)))),
          judged.length === 0 ? "–" : waited(Math.max(...judged.map((told) => told.wait))),
          round.cost === undefined ? "–" : millions(round.cost),
          round.bound === undefined ? "–" : millions(round.bound),
          share(round.change),
          ...sectors.map((sector) => rangeOf(round, sector)),
        ],
      };
    }),
    true,
  );
}

function factorTable(plan: Plan, round: Round, title: string): Child {
  const years = [...new Set([...round.factors.values()].flatMap((each) => [...each.keys()]))].sort();
  return table(
    title,
    [{ name: "sector" }, ...years.map((year) => ({ name: year }))],
    [...round.factors].map(([sector, each]): Row => ({ head: sectorName(plan, sector), cells: years.map((year) => share(each.get(year))) })),
  );
}

function roundParts(plan: Plan, found: Rehearsal): Child[] {
  const [first, last] = [found.rounds[0], found.rounds[found.rounds.length - 1]];
  if (first === undefined || last === undefined) return [];
  const isOne = found.rounds.length === 1;
  return [
    el("h3", {}, isOne ? "What a plan would have to reckon with" : "The plan made anew, until its promises hold"),
    el("p", {}, `What comes late or waits too long becomes a capacity factor of its sector in that year: the part of its busy time that it really reaches. ${isOne ? "" : "The plan is made with the factors, rehearsed again, and so on. "}${endOf(found)}`),
    !isOne && el("p", {}, priceOf(first, last)),
    !isOne && last.answer !== "" && el("p", {}, `Under it: ${last.answer}`),
    el("div", { class: "compact" }, roundsTable(plan, found)),
    !isOne && details("The factors of each round, by sector and year", () => found.rounds.map((round, i) => factorTable(plan, round, `Round ${i + 1}`))),
  ];
}

/** What an engineer needs to see it with own eyes. */
function againParts(round: Round): Child {
  const seconds = (value: number | undefined): string => (value === undefined ? "–" : `${value} s`);
  return details("Each quarter, to be run again", () => [
    el("p", { class: "note" }, "In the folder that `daero plan replay -o` wrote, each quarter comes to this state again:"),
    el("pre", { class: "command" }, "daero sim run --federation QUARTER/federation.yaml --trace QUARTER/jobs.csv --warm-up WARM-UP --horizon HORIZON"),
    table(
      "The plan's quarters",
      [{ name: "quarter" }, { name: "accelerators" }, { name: "jobs" }, { name: "refused" }, { name: "warm-up" }, { name: "horizon" }, { name: "state hash" }],
      round.quarters.map((quarter) => ({ head: quarter.name, cells: [count(quarter.accelerators), count(quarter.jobs), count(quarter.refused), seconds(quarter.warmUp), seconds(quarter.horizon), quarter.hash] })),
    ),
  ]);
}

export function replayFigures(plan: Plan): Child[] {
  const found = plan.rehearsal;
  const round = found?.rounds[0];
  if (found === undefined || round === undefined) return [];
  const sectors = [...new Set(round.years.filter((told) => told.promised > 0).map((told) => told.sector))];
  return [
    round.answer !== "" && el("p", { class: "lead" }, round.answer),
    el("p", { class: "note" }, howTold(found, round)),
    hoursFigure(plan, found, round),
    ...(sectors.length > 1 ? [el("h3", {}, "Each sector, accelerator-hours a day"), legend([ACHIEVED, PROMISED]), ...smallPlots(sectors, "sectors", (sector) => sectorFigure(plan, round, sector))] : []),
    ...waitTable(plan, found, round),
    ...roundParts(plan, found),
    againParts(round),
  ];
}
