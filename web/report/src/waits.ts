// SPDX-License-Identifier: Apache-2.0
// Waits as a distribution: how many jobs waited how long; in comparisons, which part had started after how long.
import * as Plot from "@observablehq/plot";
import { figure } from "./figure";
import { duration, percent, whole, within } from "./format";
import { member, number, numbers, object } from "./json";
import type { Run } from "./run";

interface Waits {
  run: Run;
  /** [jobs.length]: where bins begin, in seconds. */
  edges: number[];
  jobs: number[];
  total: number;
}

function readWaits(run: Run): Waits[] {
  const about = object(run.measures, "wait_distribution");
  const all = member(about, "jobs");
  const count = Array.isArray(all) ? all.length : 0;
  const jobs = numbers(about, "jobs", count)?.map((each) => each ?? 0);
  const listed = member(about, "edges_s");
  if (jobs === undefined || !Array.isArray(listed)) return [];
  const edges = numbers(about, "edges_s", listed.length)?.map((each) => each ?? 0);
  const total = jobs.reduce((sum, each) => sum + each, 0);
  if (edges === undefined || edges.length < count || total === 0) return [];
  return [{ run, edges, jobs, total }];
}

function bin(waits: Waits, i: number): string {
  const from = waits.edges[i] as number;
  const until = waits.edges[i + 1];
  if (until === undefined || i === waits.jobs.length - 1) return `${duration(from)} or more`;
  return i === 0 && from === 0 ? `under ${duration(until)}` : `${duration(from)} to ${duration(until)}`;
}

/** The part of jobs that had started before the end of each bin. */
function startedBy(waits: Waits): number[] {
  let sum = 0;
  return waits.jobs.map((jobs) => {
    sum += jobs;
    return sum / waits.total;
  });
}

function titleOf(list: Waits[]): string {
  const half = ({ run }: Waits): string => within(number(run.measures, "wait_s", "p50"));
  const most = ({ run }: Waits): string => within(number(run.measures, "wait_s", "p95"));
  const [first] = list as [Waits];
  if (list.length === 1) return `Half of the jobs started ${half(first)}, 95 of 100 ${most(first)}`;
  return `95 of 100 jobs started: ${list.map((waits) => `${waits.run.name} ${most(waits)}`).join(", ")}`;
}

const STYLE = { fontSize: "12px", fontFamily: "inherit", overflow: "visible" };
const TIP = { fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 };

function bars(waits: Waits, width: number): Element {
  const names = waits.jobs.map((_, i) => bin(waits, i));
  const rows = waits.jobs.map((jobs, i) => ({
    name: names[i],
    part: jobs / waits.total,
    said: `${names[i]}: ${whole(jobs)} jobs, ${percent(jobs / waits.total)}`,
    label: jobs === 0 ? "" : percent(jobs / waits.total),
  }));
  return Plot.plot({
    width,
    height: rows.length * 24 + 30,
    marginLeft: 124,
    marginRight: 56,
    marginTop: 6,
    marginBottom: 24,
    style: STYLE,
    x: { label: null, tickFormat: percent, ticks: width < 500 ? 3 : 6, grid: true },
    y: { label: null, domain: names, padding: 0.22, tickSize: 0 },
    marks: [
      Plot.barX(rows, { x: "part", y: "name", fill: waits.run.colour }),
      Plot.text(rows, { x: "part", y: "name", text: "label", textAnchor: "start", dx: 6, fill: "var(--text)" }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
      Plot.tip(rows, Plot.pointerY({ x: "part", y: "name", title: "said", ...TIP })),
    ],
  });
}

/** Seconds on an axis that begins at 0 and is logarithmic further on. */
function curves(list: Waits[], width: number): Element {
  const last = Math.max(...list.map((waits) => waits.edges[waits.jobs.length - 1] ?? 1));
  const rows = list.flatMap((waits) =>
    startedBy(waits)
      .slice(0, -1)
      .map((part, i) => ({
        run: waits.run.name,
        colour: waits.run.colour,
        after: waits.edges[i + 1] as number,
        part,
        said: `${waits.run.name}: ${percent(part)} had started after ${duration(waits.edges[i + 1] as number)}`,
      })),
  );
  return Plot.plot({
    width,
    height: width < 500 ? 240 : 300,
    marginLeft: 54,
    marginRight: 20,
    marginTop: 26,
    marginBottom: 40,
    style: STYLE,
    x: {
      type: "symlog",
      constant: 10,
      domain: [0, last],
      ticks: [0, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400].filter((at, i) => at <= last && (width >= 500 || i % 2 === 0)),
      tickFormat: duration,
      label: "waited",
      labelArrow: "none",
      grid: true,
    },
    y: { domain: [0, 1], tickFormat: percent, label: "of the jobs had started", labelArrow: "none", grid: true },
    marks: [
      Plot.ruleY([0], { stroke: "var(--muted)" }),
      ...list.map((waits) =>
        Plot.lineY(
          rows.filter((row) => row.run === waits.run.name),
          { x: "after", y: "part", stroke: waits.run.colour, strokeWidth: 2, strokeDasharray: waits.run.dash },
        ),
      ),
      Plot.tip(rows, Plot.pointer({ x: "after", y: "part", title: "said", ...TIP })),
    ],
  });
}

export function waitFigure(runs: Run[]): HTMLElement | undefined {
  const list = runs.flatMap(readWaits);
  const [first] = list;
  if (first === undefined) return undefined;
  const isOne = runs.length === 1;
  const title = titleOf(list);
  return figure({
    title,
    note: isOne ? "How long jobs waited from their submit to their first start." : "Further up and further left: more jobs started sooner.",
    alt: `${title}. The table below has the number of jobs for each length of wait.`,
    keys: isOne ? [] : list.map(({ run }) => ({ name: run.name, colour: run.colour, shape: "line", dash: run.dash })),
    draw: (width) => (isOne ? bars(first, width) : curves(list, width)),
    numbers: () => ({
      caption: "Jobs by how long they waited for their first start",
      columns: [{ name: "waited" }, ...list.map(({ run }) => ({ name: isOne ? "jobs" : run.name }))],
      rows: first.jobs.map((_, i) => ({
        head: bin(first, i),
        cells: list.map((waits) => {
          const jobs = waits.jobs[i] ?? 0;
          return `${whole(jobs)} (${percent(jobs / waits.total)})`;
        }),
      })),
    }),
  });
}
