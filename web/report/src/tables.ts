// SPDX-License-Identifier: Apache-2.0
// The tables: all measures, of one run or side by side, and what they are by account, size and class.
import { type Child, type Column, type Row, el, section, table } from "./dom";
import { MEASURES, type Measure, headline, known } from "./figures";
import { amount, duration, energy, type Format, percent, power, whole } from "./format";
import { number, object } from "./json";
import { type Run, has, membersOf } from "./run";

const NONE = "–";

/** The difference to the first run, and whether it is better; undefined where it can't be said. */
function difference(measure: Measure, run: Run, first: Run): HTMLElement | undefined {
  const value = measure.of(run);
  const was = measure.of(first);
  if (run === first || value === undefined || was === undefined) return undefined;
  const more = value - was;
  if (measure.format(value) === measure.format(was)) return el("span", { class: "difference" }, more === 0 ? "same" : "about the same");
  const sign = more > 0 ? "+" : "−";
  const part = was === 0 ? "" : ` (${sign}${percent(Math.abs(more / was))})`;
  const isPart = measure.format === percent;
  const size = isPart ? `${amount(Math.abs(more) * 100)} points` : `${measure.format(Math.abs(more))}${part}`;
  const judged = measure.better === undefined ? undefined : (more > 0) === (measure.better === "more") ? "better" : "worse";
  return el("span", { class: `difference ${judged ?? ""}` }, `${sign}${size}`, judged !== undefined && ` ${judged}`);
}

function rowsOf(measures: Measure[], runs: Run[]): Row[] {
  const [first] = runs as [Run];
  return measures
    .filter((measure) => runs.some((run) => measure.of(run) !== undefined))
    .map((measure) => ({
      head: el("span", {}, measure.name, el("small", {}, measure.means)),
      cells: runs.map((run) => {
        const value = measure.of(run);
        return el("span", {}, value === undefined ? NONE : measure.format(value), difference(measure, run, first));
      }),
    }));
}

/** Headline figures of several runs, beside each other. */
export function headlineTable(runs: Run[]): HTMLElement {
  const columns: Column[] = [{ name: "figure" }, ...runs.map(({ name }) => ({ name }))];
  return table(`The figures that matter, with differences to ${runs[0]?.name}`, columns, rowsOf(headline(runs), runs));
}

export function measuresSection(runs: Run[]): HTMLElement | undefined {
  const columns: Column[] = [{ name: "measure" }, ...runs.map(({ name }) => ({ name: runs.length === 1 ? "value" : name }))];
  const groups = MEASURES.map(([group, measures]) => ({ group, rows: rowsOf(measures, runs) })).filter(({ rows }) => rows.length > 0);
  return section(
    runs.length === 1 ? "All measures" : "All measures, side by side",
    groups.length > 0 &&
      el(
        "div",
        { class: runs.length === 1 ? "groups" : undefined },
        ...groups.map(({ group, rows }) => el("div", {}, el("h3", {}, group), table(`${group}: measures`, columns, rows, true))),
      ),
  );
}

interface Part {
  name: string;
  format: Format;
  path: string[];
}

const TIMES: Part[] = [
  { name: "jobs started", format: whole, path: ["wait_s", "count"] },
  { name: "wait, mean", format: duration, path: ["wait_s", "mean"] },
  { name: "wait, median", format: duration, path: ["wait_s", "p50"] },
  { name: "wait, 95 of 100", format: duration, path: ["wait_s", "p95"] },
  { name: "wait, longest", format: duration, path: ["wait_s", "max"] },
  { name: "turnaround, mean", format: duration, path: ["turnaround_s", "mean"] },
  { name: "turnaround, 95 of 100", format: duration, path: ["turnaround_s", "p95"] },
  { name: "slowdown, mean", format: amount, path: ["bounded_slowdown", "mean"] },
];
const OF_ACCOUNTS: Part[] = [
  { name: "accelerator-hours", format: amount, path: ["accelerator_hours"] },
  ...TIMES,
  { name: "energy", format: energy, path: ["energy_j"] },
  { name: "cost of energy", format: amount, path: ["energy_cost"] },
];
const OF_SITES: Part[] = [
  { name: "peak", format: power, path: ["peak_w"] },
  { name: "cap", format: power, path: ["cap_w"] },
  { name: "part of the cap", format: percent, path: ["part_of_cap"] },
  { name: "time above the cap", format: duration, path: ["over_cap_s"] },
];

/** A table of what stands in `path` by name: a row for each name, and in comparisons for each run. */
function partsTable(runs: Run[], caption: string, kind: string, path: string[], parts: Part[]): HTMLElement | undefined {
  const names = membersOf(runs, ...path);
  const shown = parts.filter((part) => runs.some((run) => names.some((name) => known(run.measures, ...path, name, ...part.path) !== undefined)));
  if (shown.length === 0) return undefined;
  const isOne = runs.length === 1;
  const columns: Column[] = [{ name: kind }, ...(isOne ? [] : [{ name: "run", isText: true }]), ...shown.map(({ name }) => ({ name }))];
  const rows = names.flatMap((name) =>
    runs.map((run, i): Row => {
      const cells = shown.map((part) => {
        const value = known(run.measures, ...path, name, ...part.path);
        return value === undefined ? NONE : part.format(value);
      });
      return { head: name, cells: isOne ? cells : [run.name, ...cells], span: i === 0 ? runs.length : 0, className: i === 0 ? "group" : "" };
    }),
  );
  return table(caption, columns, rows, true);
}

function outcomes(runs: Run[]): HTMLElement | undefined {
  const names = membersOf(runs, "outcomes");
  if (names.length === 0) return undefined;
  const columns: Column[] = [{ name: "last outcome" }, ...runs.map(({ name }) => ({ name: runs.length === 1 ? "jobs" : name }))];
  return table(
    "Jobs by how they ended",
    columns,
    names.map((name) => ({ head: name, cells: runs.map((run) => whole(number(run.measures, "outcomes", name) ?? 0)) })),
    true,
  );
}

export function partsSection(runs: Run[]): HTMLElement | undefined {
  const titled = (title: string, made: HTMLElement | undefined): Child[] => (made === undefined ? [] : [el("h3", {}, title), made]);
  return section(
    "In parts",
    ...titled("By account", partsTable(runs, "Measures by account", "account", ["by_account"], OF_ACCOUNTS)),
    ...titled("By size of the gang", partsTable(runs, "Measures by accelerators of the job", "accelerators", ["by_size"], TIMES)),
    ...titled("By class", partsTable(runs, "Measures by class of the job", "class", ["by_class"], TIMES)),
    ...titled("By site: power", partsTable(runs, "Peak power by site", "site", ["power", "sites"], OF_SITES)),
    ...titled("By grid zone: power", partsTable(runs, "Peak power by grid zone", "zone", ["power", "zones"], OF_SITES)),
    ...titled("By outcome", outcomes(runs)),
  );
}

/** Policy and input as they stand in `run`, then what shows that two runs are the same. */
export function aboutSection(runs: Run[]): HTMLElement | undefined {
  const said = (value: unknown): string => {
    if (value === true) return "on";
    if (value === false) return "off";
    return typeof value === "string" || typeof value === "number" ? String(value) : value == null ? NONE : JSON.stringify(value);
  };
  const names = membersOf(runs, "run");
  const rest = ["from", "until", "facts", "decisions", "state_hash", "version"].filter((name) => runs.some((run) => has(run, name)));
  const rows: Row[] = [
    ...names.map((name) => ({ head: name.replaceAll("_", " "), cells: runs.map((run) => said(object(run.measures, "run")?.[name])) })),
    ...rest.map((name) => ({ head: name.replaceAll("_", " "), cells: runs.map((run) => said(run.measures[name])) })),
  ];
  if (rows.length === 0) return undefined;
  const columns: Column[] = [{ name: "what" }, ...runs.map(({ name }) => ({ name: runs.length === 1 ? "value" : name, isText: true }))];
  return section(
    "How it was run",
    el("p", {}, "The same federation, trace and options give the same state hash on every machine, so that anyone can run it again and compare."),
    table("Input, policy and state", columns, rows, true),
  );
}
