// SPDX-License-Identifier: Apache-2.0
// The plots over time that are of the whole federation: what was in use, who waited, how broken up it was.
import { type Child } from "./dom";
import { type Figure, figure } from "./figure";
import { amount, counted, instant, percent, whole } from "./format";
import { type Line, type Run, mean, most } from "./run";
import { type Curve, keysOf, numbersOf, timePlot } from "./timeplot";

/** A line of each run that has it. */
export function curvesOf(runs: Run[], lineOf: (run: Run) => Line | undefined, name = "", shape: Curve["shape"] = "line"): Curve[] {
  return runs.flatMap((run) => {
    const values = lineOf(run);
    if (run.series === undefined || values === undefined) return [];
    const isOne = runs.length === 1;
    return [
      {
        name: isOne ? name : run.name,
        series: run.series,
        values,
        colour: run.colour,
        shape: isOne ? shape : "line",
        dash: run.dash,
      },
    ];
  });
}

/** The same line of all runs once, where it is a bound and the runs agree on it; of the first otherwise. */
export function boundOf(runs: Run[], lineOf: (run: Run) => Line | undefined, name: string): Curve[] {
  const run = runs.find((each) => each.series !== undefined && lineOf(each) !== undefined);
  if (run?.series === undefined) return [];
  return [{ name, series: run.series, values: lineOf(run) as Line, colour: "var(--bound)", shape: "line", dash: "5 3" }];
}

function plot(curves: Curve[], unit: string, about: Pick<Figure, "title"> & Partial<Figure>, format = amount): HTMLElement {
  return figure({
    keys: keysOf(curves),
    draw: (width) => timePlot({ curves, unit, format }, width),
    numbers: () => numbersOf(about.title, curves, format),
    ...about,
  });
}

/** "fair 83 %, fifo 71 %". */
export function perRun(curves: Curve[], say: (curve: Curve) => string): string {
  return curves.map((curve) => `${curve.name} ${say(curve)}`).join(", ");
}

function used(curve: Curve, capacity: Line): string {
  const of = mean(capacity);
  return of > 0 ? percent(mean(curve.values) / of) : whole(0);
}

function whereMost(curve: Curve): string {
  const top = most(curve.values);
  return `${amount(top.value)} from ${instant(curve.series.edges[top.at] as Date)}`;
}

function occupancy(runs: Run[], held: string, had: string, what: string): HTMLElement | undefined {
  const curves = curvesOf(runs, (run) => run.series?.line(held), "in use", "area");
  const bounds = boundOf(runs, (run) => run.series?.line(had), "there");
  const capacity = bounds[0]?.values;
  if (curves.length === 0 || capacity === undefined || most(capacity).value === 0) return undefined;
  const [first] = curves as [Curve];
  const title =
    runs.length === 1
      ? `On average ${used(first, capacity)} of the ${what} were in use`
      : `${what[0]?.toUpperCase()}${what.slice(1)} in use, on average: ${perRun(curves, (curve) => used(curve, capacity))}`;
  const alt = `${title}. There were ${amount(mean(capacity))} on average; the most in use: ${curves.map(whereMost).join("; ")}.`;
  return plot([...curves, ...bounds], what, { title, alt });
}

function queue(runs: Run[]): HTMLElement | undefined {
  const curves = curvesOf(runs, (run) => run.series?.line("pending"), "waiting, mean", "area");
  if (curves.length === 0) return undefined;
  const [first] = curves as [Curve];
  const said = (curve: Curve): string => counted(Math.round(mean(curve.values)), "job");
  const title =
    runs.length === 1
      ? `On average ${said(first)} waited for a place`
      : `Jobs that waited for a place, on average: ${perRun(curves, (curve) => amount(mean(curve.values)))}`;
  const extras: Curve[] = runs.length > 1 ? [] : curvesOf(runs, (run) => run.series?.line("pending_most"), "waiting, at most");
  for (const curve of extras) Object.assign(curve, { isFaint: true, colour: "var(--muted)", dash: "1 2" });
  return plot([...curves, ...extras], "jobs", { title, alt: `${title}. The most at a time: ${curves.map(whereMost).join("; ")}.` });
}

function running(runs: Run[]): HTMLElement | undefined {
  const curves = curvesOf(runs, (run) => run.series?.line("running"), "running", "area");
  if (curves.length === 0) return undefined;
  const [first] = curves as [Curve];
  const title =
    runs.length === 1
      ? `On average ${counted(Math.round(mean(first.values)), "job")} ran at a time`
      : `Jobs that ran at a time, on average: ${perRun(curves, (curve) => amount(mean(curve.values)))}`;
  return plot(curves, "jobs", { title });
}

function fragmentation(runs: Run[]): HTMLElement | undefined {
  const curves = curvesOf(runs, (run) => run.series?.line("fragmentation"), "in pieces too small");
  if (curves.length === 0) return undefined;
  for (const curve of curves) curve.isSampled = true;
  const [first] = curves as [Curve];
  const title =
    runs.length === 1
      ? `On average ${amount(mean(first.values))} accelerators were free, but in pieces too small`
      : `Accelerators free, but in pieces too small, on average: ${perRun(curves, (curve) => amount(mean(curve.values)))}`;
  return plot(curves, "accelerators", {
    title,
    note: "What the free accelerators would lose, on average, to a job like those that were asked for lately: they are free, but not together where it needs them. Looked at now and then.",
  });
}

export function useOverTime(runs: Run[]): Child[] {
  return [
    occupancy(runs, "allocated", "capacity", "accelerators"),
    fragmentation(runs),
    occupancy(runs, "cpus_allocated", "cpus_capacity", "CPUs"),
  ];
}

export function queueOverTime(runs: Run[]): Child[] {
  return [queue(runs), running(runs)];
}
