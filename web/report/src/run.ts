// SPDX-License-Identifier: Apache-2.0
// A run as the page sees it. docs/measures.md says what the members of its measures are.
import { type Json, member, number, numbers, object, text } from "./json";

export type Line = (number | null)[];

/** What a run was like over time: equal bins. */
export interface Series {
  /** [count + 1]: where bins begin, and where the last ends. */
  edges: Date[];
  count: number;
  stepSeconds: number;
  /** What bins are called, where that is not by the instant at which they begin. */
  names?: string[];
  line(name: string): Line | undefined;
  sites: Part[];
  accounts: Part[];
}

/** A site or an account. */
export interface Part {
  name: string;
  line(name: string): Line | undefined;
}

export interface Run {
  name: string;
  measures: Json;
  series: Series | undefined;
  /** CSS: its colour in comparisons. */
  colour: string;
  dash: string;
}

const DASHES = ["none", "7 3", "2 3", "9 3 2 3", "none", "7 3", "2 3", "9 3 2 3"];

function parts(of: Json | undefined, count: number): Part[] {
  return Object.keys(of ?? {}).map((name) => ({
    name,
    line: (which) => numbers(object(of, name), which, count),
  }));
}

/** `beginMs`: where to put the first bin; by what it says itself where undefined. */
function readSeries(measures: Json, beginMs: number | undefined): Series | undefined {
  const series = object(measures, "series");
  const step = number(series, "step_s");
  const count = number(series, "count");
  const from = Date.parse(text(series, "from") ?? text(measures, "from") ?? "");
  if (step === undefined || count === undefined || !(step > 0) || !(count >= 1) || count > 100_000) return undefined;
  const begin = beginMs ?? (Number.isNaN(from) ? 0 : from);
  return {
    edges: Array.from({ length: count + 1 }, (_, i) => new Date(begin + i * step * 1000)),
    count,
    stepSeconds: step,
    line: (name) => numbers(series, name, count),
    sites: parts(object(series, "sites"), count),
    accounts: parts(object(series, "accounts"), count),
  };
}

/** The runs of the page. All are shown from the first one's begin on. */
export function readRuns(list: unknown): Run[] {
  if (!Array.isArray(list)) return [];
  let beginMs: number | undefined;
  return list.map((each, i) => {
    const measures = object(each, "measures") ?? {};
    const series = readSeries(measures, beginMs);
    beginMs ??= series?.edges[0]?.getTime();
    return {
      name: text(each, "name") ?? `run ${i + 1}`,
      measures,
      series,
      colour: `var(--run-${(i % 8) + 1})`,
      dash: DASHES[i % 8] ?? "none",
    };
  });
}

/** The mean of the numbers in a line. */
export function mean(line: Line): number {
  const known = line.filter((each) => each !== null);
  return known.length === 0 ? 0 : known.reduce((sum, each) => sum + each, 0) / known.length;
}

/** The largest, and in which bin. */
export function most(line: Line): { value: number; at: number } {
  let at = 0;
  line.forEach((each, i) => {
    if ((each ?? -Infinity) > (line[at] ?? -Infinity)) at = i;
  });
  return { value: line[at] ?? 0, at };
}

/** Names in the order in which they first come, over all runs. */
export function namesOf(runs: Run[], which: (run: Run) => string[]): string[] {
  return [...new Set(runs.flatMap(which))];
}

/** Members of an object in each run: by_size, by_account, by_class. */
export function membersOf(runs: Run[], ...path: string[]): string[] {
  return namesOf(runs, (run) => Object.keys(object(run.measures, ...path) ?? {}));
}

export function has(run: Run, ...path: string[]): boolean {
  return member(run.measures, ...path) !== undefined;
}
