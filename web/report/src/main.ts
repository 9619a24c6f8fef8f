// SPDX-License-Identifier: Apache-2.0
// The page, from top to bottom. What a run lacks leaves its section out.
import { accountFigures } from "./accounts";
import { type Child, el, section } from "./dom";
import { headline } from "./figures";
import { counted, duration, instant, listed, percent, whole } from "./format";
import { siteMaps } from "./heatmap";
import { member, number, object, text } from "./json";
import { queueOverTime, useOverTime } from "./overtime";
import { powerFigures } from "./power";
import { type Run, most, readRuns } from "./run";
import { aboutSection, headlineTable, measuresSection, partsSection } from "./tables";
import { waitFigure } from "./waits";

function titleOf(runs: Run[]): string {
  if (runs.length > 1) return `${listed(runs.map(({ name }) => name))}, compared`;
  const [run] = runs as [Run];
  const trace = text(run.measures, "run", "trace");
  const federation = text(run.measures, "run", "federation");
  return trace !== undefined && federation !== undefined ? `${trace} on ${federation}` : run.name;
}

/** What was run, as a sentence. */
function sentenceOf(run: Run): string {
  const jobs = number(run.measures, "jobs");
  const from = new Date(text(run.measures, "from") ?? "");
  const until = new Date(text(run.measures, "until") ?? "");
  const span = number(run.measures, "span_s");
  const capacity = run.series?.line("capacity");
  const sites = run.series?.sites.length ?? 0;
  const parts = [
    jobs === undefined ? "Jobs" : counted(jobs, "job"),
    Number.isNaN(from.getTime()) || Number.isNaN(until.getTime()) ? "" : `from ${instant(from)} to ${instant(until)} UTC`,
    span === undefined ? "" : `(${duration(span)})`,
    capacity === undefined ? "" : `on ${counted(most(capacity).value, "accelerator")}`,
    sites === 0 ? "" : `at ${counted(sites, "site")}`,
  ];
  return `${parts.filter((part) => part !== "").join(" ")}.`;
}

/** By rates per chip, or as a list says. */
function fails(about: unknown): boolean {
  const rates = member(about, "failures");
  return (Array.isArray(rates) && rates.length > 0) || !!text(about, "failure_list");
}

function policyOf(run: Run): string {
  const about = object(run.measures, "run");
  const order = text(about, "order");
  const backfill = text(about, "backfill");
  const preemption = member(about, "preemption");
  const estimates = text(about, "estimates");
  const placement = text(about, "placement");
  const parts = [
    order && `order ${order}`,
    backfill && `backfill ${backfill}`,
    typeof preemption === "boolean" && `preemption ${preemption ? "on" : "off"}`,
    placement && placement !== "daero" && `placement ${placement}`,
    fails(about) && "nodes fail",
    estimates && `run times known by ${estimates === "limit" ? "their limits" : estimates}`,
  ].filter((part) => typeof part === "string");
  return parts.length === 0 ? "" : `Policy: ${parts.join(", ")}.`;
}

/** What a reader must know before believing the figures. */
function noticesOf(run: Run): string[] {
  const refused = number(run.measures, "refused") ?? 0;
  const bad = number(run.measures, "bad_rows") ?? 0;
  const unfinished = number(run.measures, "outcomes", "unfinished") ?? 0;
  return [
    ...(member(run.measures, "interrupted") === true ? ["This run was interrupted: the rest of its trace was not run."] : []),
    ...(refused > 0 ? [`${counted(refused, "job")} ${refused === 1 ? "was" : "were"} refused and ${refused === 1 ? "counts" : "count"} in no wait.`] : []),
    ...(bad > 0 ? [`${counted(bad, "row")} of the trace could not be read.`] : []),
    ...(unfinished > 0 ? [`${counted(unfinished, "job")} had not ended when the run did.`] : []),
  ];
}

function header(runs: Run[]): HTMLElement {
  const isOne = runs.length === 1;
  const [first] = runs as [Run];
  const lines = isOne
    ? [el("p", { class: "lead" }, sentenceOf(first)), el("p", {}, policyOf(first))]
    : [el("ul", { class: "runs" }, ...runs.map((run) => {
        const mark = el("span", { class: "swatch area", "aria-hidden": "true" });
        mark.style.setProperty("--colour", run.colour);
        return el("li", {}, mark, el("strong", {}, run.name), ` ${sentenceOf(run)} ${policyOf(run)}`);
      }))];
  const notices = runs.flatMap((run) => {
    const notes = noticesOf(run).join(" ");
    return notes === "" ? [] : [el("li", {}, isOne ? notes : `${run.name}: ${notes}`)];
  });
  return el(
    "header",
    {},
    el("p", { class: "kicker" }, isOne ? "Daero simulation report" : "Daero simulation report: a comparison"),
    el("h1", {}, titleOf(runs)),
    ...lines,
    notices.length > 0 && el("ul", { class: "notice" }, ...notices),
  );
}

/** A second line under the figure, where there is more to say. */
function more(name: string, run: Run): string | undefined {
  const longWait = number(run.measures, "wait_s", "p95");
  const lost = number(run.measures, "lost_accelerator_hours");
  const who = text(run.measures, "fairness", "account");
  const cost = number(run.measures, "energy_cost");
  const busiest = number(run.measures, "allocated_most");
  if (name === "Accelerators in use" && busiest !== undefined) return `at most ${percent(busiest)}`;
  if (name === "Typical wait" && longWait !== undefined) return `95 of 100 waited ${duration(longWait)} or less`;
  if (name === "Work kept" && lost !== undefined) return `${whole(lost)} accelerator-hours were lost`;
  if (name === "Furthest from a fair share") return who;
  if (name === "Energy" && cost !== undefined) return `cost ${whole(cost)} by the tariffs`;
  return undefined;
}

function cards(run: Run): HTMLElement {
  return el(
    "dl",
    { class: "cards" },
    ...headline([run]).map((measure) => {
      const extra = more(measure.name, run);
      return el(
        "div",
        { class: "card" },
        el("dt", {}, measure.name),
        el("dd", {}, el("strong", {}, measure.format(measure.of(run) as number)), el("span", {}, measure.means), extra !== undefined && el("span", { class: "extra" }, extra)),
      );
    }),
  );
}

function page(runs: Run[]): Child[] {
  if (runs.length === 0) return [el("h1", {}, "Daero simulation report"), el("p", { class: "notice" }, "There is no run in this file.")];
  const [first] = runs as [Run];
  return [
    header(runs),
    section("At a glance", runs.length === 1 ? cards(first) : headlineTable(runs)),
    section("How much was in use", ...useOverTime(runs)),
    section("Where it was in use", ...siteMaps(runs)),
    section("Who waited, and how long", ...queueOverTime(runs), waitFigure(runs)),
    section("Who got what was guaranteed", ...accountFigures(runs)),
    section("What it drew", ...powerFigures(runs)),
    measuresSection(runs),
    partsSection(runs),
    aboutSection(runs),
  ];
}

function show(): void {
  const runs = readRuns(JSON.parse(document.getElementById("data")?.textContent ?? "[]"));
  const place = document.getElementById("page");
  if (runs.length > 0) document.title = `${titleOf(runs)} – Daero`;
  place?.append(...page(runs).filter((child): child is Node | string => child !== undefined && child !== false));
}

show();
