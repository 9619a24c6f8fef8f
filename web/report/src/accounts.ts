// SPDX-License-Identifier: Apache-2.0
// What accounts used, against what is guaranteed to them: means side by side, then each over time.
import * as Plot from "@observablehq/plot";
import { type Child, el } from "./dom";
import { type Key, figure, legend, smallPlots } from "./figure";
import { known } from "./figures";
import { amount, counted, within } from "./format";
import { boundOf, curvesOf } from "./overtime";
import { type Line, type Part, type Run, mean, most, namesOf } from "./run";
import { type Curve, numbersOf, timePlot } from "./timeplot";

const BARS = 24;
/** What an account wants is drawn up to so many times what it had, or is guaranteed. */
const WANTED_SHOWN = 2;

function partOf(run: Run, name: string): Part | undefined {
  return run.series?.accounts.find((part) => part.name === name);
}

function meanOf(run: Run, name: string, line: string): number | undefined {
  const values = partOf(run, name)?.line(line);
  return values === undefined ? undefined : mean(values);
}

function cut(name: string, letters: number): string {
  return name.length <= letters ? name : `…${name.slice(name.length - letters + 1)}`;
}

function meansPlot(runs: Run[], names: string[], width: number): Element {
  const isOne = runs.length === 1;
  const letters = width < 500 ? 16 : 32;
  const rows = names.flatMap((name) =>
    runs.flatMap((run) => {
      const held = meanOf(run, name, "allocated");
      return held === undefined ? [] : [{ name, run, held, said: `${name}\n${isOne ? "in use" : run.name}: ${amount(held)}` }];
    }),
  );
  const bounds = names.flatMap((name) => {
    const guarantee = runs.map((run) => meanOf(run, name, "guarantee")).find((each) => each !== undefined);
    return guarantee === undefined ? [] : [{ name, guarantee, said: `${name}\nguaranteed: ${amount(guarantee)}` }];
  });
  const tipped = [
    ...rows.map(({ name, held, said }) => ({ name, at: held, said })),
    ...bounds.map(({ name, guarantee, said }) => ({ name, at: guarantee, said })),
  ];
  return Plot.plot({
    width,
    height: names.length * 26 + 44,
    marginLeft: Math.min(width * 0.4, 12 + 7.2 * Math.max(6, ...names.map((name) => cut(name, letters).length))),
    marginRight: 16,
    marginTop: 26,
    marginBottom: 8,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { axis: "top", label: null, grid: true, ticks: width < 500 ? 3 : 6, domain: [0, Math.max(1, ...tipped.map(({ at }) => at)) * 1.04] },
    y: { label: null, domain: names, padding: 0.3, tickSize: 0, tickFormat: (name: string) => cut(name, letters) },
    marks: [
      isOne
        ? Plot.barX(rows, { x: "held", y: "name", fill: runs[0]?.colour ?? "currentColor" })
        : runs.map((run, i) =>
            Plot.dot(
              rows.filter((row) => row.run === run),
              { x: "held", y: "name", r: 4.5, fill: run.colour, stroke: "var(--page)", dy: (i - (runs.length - 1) / 2) * Math.min(5, 18 / runs.length) },
            ),
          ),
      Plot.tickX(bounds, { x: "guarantee", y: "name", stroke: "var(--page)", strokeWidth: 7 }),
      Plot.tickX(bounds, { x: "guarantee", y: "name", stroke: "var(--text)", strokeWidth: 3 }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
      Plot.tip(tipped, Plot.pointer({ x: "at", y: "name", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
    ],
  });
}

/** How long jobs waited that their accounts' guarantees had room for. */
function delayOf(run: Run): string | undefined {
  const jobs = known(run.measures, "guarantee_delay_s", "count");
  const half = known(run.measures, "guarantee_delay_s", "p50");
  const nearlyAll = known(run.measures, "guarantee_delay_s", "p99");
  if (jobs === undefined || half === undefined || nearlyAll === undefined) return undefined;
  return `Of ${counted(jobs, "job")} within a guarantee half started ${within(half)}, 99 of 100 ${within(nearlyAll)}.`;
}

function means(runs: Run[], names: string[]): HTMLElement {
  const shown = names.slice(0, BARS);
  const isOne = runs.length === 1;
  const title = "What each account had in use, on average, against its guarantee";
  const keys: Key[] = isOne
    ? [{ name: "in use", colour: runs[0]?.colour ?? "", shape: "area" }]
    : runs.map((run) => ({ name: run.name, colour: run.colour, shape: "area" }));
  const delays = runs.flatMap((run) => {
    const said = delayOf(run);
    return said === undefined ? [] : [isOne ? said : `${run.name}: ${said}`];
  });
  return figure({
    title,
    note: ["In accelerators.", ...delays].join(" "),
    alt: `${title}. ${delays.join(" ")} The table below has the figures.`,
    keys: [...keys, { name: "guaranteed", colour: "var(--text)", shape: "tick" }],
    draw: (width) => meansPlot(runs, shown, width),
    numbers: () => ({
      caption: "Accelerators by account, means over time",
      columns: [
        { name: "account" },
        { name: "guaranteed" },
        ...runs.flatMap((run) => {
          const of = isOne ? "" : `${run.name}: `;
          return [{ name: `${of}in use` }, { name: `${of}wanted` }];
        }),
      ],
      rows: names.map((name) => {
        const guarantee = runs.map((run) => meanOf(run, name, "guarantee")).find((each) => each !== undefined);
        const said = (value: number | undefined): string => (value === undefined ? "–" : amount(value));
        return {
          head: name,
          cells: [
            said(guarantee),
            ...runs.flatMap((run) => [
              said(meanOf(run, name, "allocated")),
              said(meanOf(run, name, "wanted")),
            ]),
          ],
        };
      }),
    }),
  });
}

function overTime(runs: Run[], name: string): HTMLElement {
  const line = (which: string) => (run: Run): Line | undefined => partOf(run, name)?.line(which);
  const curves: Curve[] = curvesOf(runs, line("allocated"), "in use", "area");
  const bounds = boundOf(runs, line("guarantee"), "guaranteed");
  const wanted = runs.length > 1 ? [] : curvesOf(runs, line("wanted"), "wanted");
  for (const curve of wanted) Object.assign(curve, { isFaint: true, colour: "var(--muted)", dash: "1 2" });
  const all = [...wanted, ...curves, ...bounds];
  const until = WANTED_SHOWN * Math.max(...[...curves, ...bounds].map((curve) => most(curve.values).value));
  const guarantee = bounds[0] === undefined ? "without a guarantee" : `${amount(mean(bounds[0].values))} guaranteed`;
  const had = curves.map((curve) => `${runs.length > 1 ? `${curve.name} ` : ""}${amount(mean(curve.values))}`).join(", ");
  return figure({
    title: name,
    note: `${had} in use on average, ${guarantee}`,
    alt: `${name} over time: ${had} accelerators in use on average, ${guarantee}.`,
    level: 4,
    draw: (width) => timePlot({ curves: all, unit: "accelerators", format: amount, until, isSmall: true }, width),
    numbers: () => numbersOf(`${name}, accelerators`, all, amount),
  });
}

export function accountFigures(runs: Run[]): Child[] {
  const all = namesOf(runs, (run) => run.series?.accounts.map((part) => part.name) ?? []);
  const size = (name: string): number => Math.max(...runs.flatMap((run) => [meanOf(run, name, "allocated") ?? 0, meanOf(run, name, "guarantee") ?? 0]));
  const sizes = new Map(all.map((name) => [name, size(name)]));
  const names = all
    .filter((name) => runs.some((run) => partOf(run, name)?.line("allocated") !== undefined))
    .sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0));
  if (names.length === 0) return [];
  const isOne = runs.length === 1;
  const keys: Key[] = [
    ...(isOne
      ? ([
          { name: "in use", colour: runs[0]?.colour ?? "", shape: "area" },
          { name: "wanted: in use, and asked for by jobs that wait", colour: "var(--muted)", shape: "line", dash: "1 2" },
        ] as Key[])
      : runs.map((run): Key => ({ name: run.name, colour: run.colour, shape: "line", dash: run.dash }))),
    { name: "guaranteed", colour: "var(--bound)", shape: "line", dash: "5 3" },
  ];
  return [
    means(runs, names),
    el("h3", {}, "Each account over time"),
    el(
      "p",
      { class: "note" },
      `In accelerators; each plot has its own height.${isOne ? " What is wanted leaves it at the top where it is more than twice what was in use or is guaranteed." : ""}`,
    ),
    legend(keys),
    ...smallPlots(names, "account", (name) => overTime(runs, name)),
  ];
}
