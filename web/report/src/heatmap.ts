// SPDX-License-Identifier: Apache-2.0
// Sites over time: which part of each site's accelerators was in use. One map for each run.
import * as Plot from "@observablehq/plot";
import { type Child, el } from "./dom";
import { figure } from "./figure";
import { instant, percent, tick } from "./format";
import { type Line, type Run, type Series, mean } from "./run";

const CELL_WIDTH = 4;

interface Cell {
  site: string;
  from: Date;
  until: Date;
  /** null: no accelerator was there. */
  part: number | null;
  said: string;
}

interface Site {
  name: string;
  held: Line;
  had: Line;
}

function sitesOf(series: Series): Site[] {
  return series.sites.flatMap((part) => {
    const held = part.line("allocated");
    const had = part.line("capacity");
    return held === undefined || had === undefined ? [] : [{ name: part.name, held, had }];
  });
}

function partOf(site: Site, from: number, until: number): number | null {
  const had = mean(site.had.slice(from, until));
  return had > 0 ? Math.min(1, mean(site.held.slice(from, until)) / had) : null;
}

/** `merge`: so many bins make a cell. */
function cellsOf(series: Series, sites: Site[], merge: number): Cell[] {
  const begins = Array.from({ length: Math.ceil(series.count / merge) }, (_, i) => i * merge);
  return sites.flatMap((site) =>
    begins.map((begin) => {
      const end = Math.min(series.count, begin + merge);
      const from = series.edges[begin] as Date;
      const part = partOf(site, begin, end);
      return {
        site: site.name,
        from,
        until: series.edges[end] as Date,
        part,
        said: `${site.name}\n${instant(from)}\n${part === null ? "nothing there" : `${percent(part)} in use`}`,
      };
    }),
  );
}

function cut(name: string, width: number): string {
  const letters = width < 500 ? 12 : 26;
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
}

function draw(series: Series, sites: Site[], width: number): Element {
  const left = 14 + 7.2 * Math.max(4, ...sites.map(({ name }) => cut(name, width).length));
  const cells = cellsOf(series, sites, Math.max(1, Math.ceil((series.count * CELL_WIDTH) / (width - left))));
  const span = series.count * series.stepSeconds;
  return Plot.plot({
    width,
    height: sites.length * 26 + 34,
    marginLeft: left,
    marginRight: 14,
    marginTop: 4,
    marginBottom: 26,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "utc", label: null, ticks: Math.max(2, Math.floor(width / 120)), tickFormat: (date: Date) => tick(date, span) },
    y: { type: "band", label: null, domain: sites.map(({ name }) => name), padding: 0.12, tickSize: 0, tickFormat: (name: string) => cut(name, width) },
    marks: [
      Plot.barX(cells, { x1: "from", x2: "until", y: "site", fill: "var(--empty)" }),
      Plot.barX(
        cells.filter(({ part }) => part !== null),
        { x1: "from", x2: "until", y: "site", fill: "var(--heat)", fillOpacity: { value: (cell: Cell) => cell.part, scale: null }, shapeRendering: "crispEdges" },
      ),
      Plot.tip(
        cells,
        Plot.pointer({ x1: "from", x2: "until", y: "site", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 }),
      ),
    ],
  });
}

function scale(): HTMLElement {
  return el("p", { class: "heat-scale" }, percent(0), el("span", { class: "ramp", "aria-hidden": "true" }), `${percent(1)} in use`);
}

function mapOf(run: Run, series: Series, sites: Site[], isOne: boolean): HTMLElement {
  const parts = sites.map((site) => ({ name: site.name, part: partOf(site, 0, series.count) ?? 0 })).sort((a, b) => b.part - a.part);
  const [fullest] = parts as [{ name: string; part: number }];
  const emptiest = parts[parts.length - 1] as { name: string; part: number };
  const said =
    parts.length === 1
      ? `${fullest.name} was ${percent(fullest.part)} full`
      : `${fullest.name} was the fullest (${percent(fullest.part)}), ${emptiest.name} the emptiest (${percent(emptiest.part)})`;
  return figure({
    title: isOne ? said : `${run.name}: ${said}`,
    alt: `Map of sites over time, by the part of their accelerators in use. ${parts.map(({ name, part }) => `${name} ${percent(part)}`).join(", ")}.`,
    draw: (width) => draw(series, sites, width),
    numbers: () => ({
      caption: `Part of accelerators in use by site${isOne ? "" : `, ${run.name}`}`,
      columns: [{ name: "From (UTC)" }, ...sites.map(({ name }) => ({ name }))],
      rows: Array.from({ length: series.count }, (_, i) => ({
        head: instant(series.edges[i] as Date),
        cells: sites.map((site) => {
          const part = partOf(site, i, i + 1);
          return part === null ? "–" : percent(part);
        }),
      })),
    }),
  });
}

export function siteMaps(runs: Run[]): Child[] {
  const maps = runs.flatMap((run) => {
    const sites = run.series === undefined ? [] : sitesOf(run.series);
    return run.series === undefined || sites.length === 0 ? [] : [mapOf(run, run.series, sites, runs.length === 1)];
  });
  return maps.length === 0 ? [] : [scale(), ...maps];
}
