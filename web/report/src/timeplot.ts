// SPDX-License-Identifier: Apache-2.0
// Lines over time. A value is a mean over its bin, so it is drawn as a step as wide as the bin.
import * as Plot from "@observablehq/plot";
import type { Column, Row } from "./dom";
import type { Key } from "./figure";
import { type Format, instant, short, tick } from "./format";
import type { Line, Series } from "./run";

export interface Curve {
  name: string;
  series: Series;
  values: Line;
  colour: string;
  shape: "area" | "line";
  dash?: string;
  /** Thin and pale: what surrounds the others. */
  isFaint?: boolean;
  /** Where an area stands on others: their sum. It is then filled, and named where it is thick enough. */
  base?: number[];
  /** What is written on it. */
  onColour?: string;
  /** Looked at now and then: between two looks it is as it was at the first. */
  isSampled?: boolean;
}

interface Point {
  at: Date;
  value: number | null;
  base: number;
}

function nameOf(series: Series, bin: number): string {
  return series.names?.[bin] ?? instant(series.edges[bin] as Date);
}

function topOf(curve: Curve, bin: number): number {
  return (curve.base?.[bin] ?? 0) + (curve.values[bin] ?? 0);
}

function points(curve: Curve): Point[] {
  const { edges, count } = curve.series;
  const all = edges.map((at, i) => {
    const bin = Math.min(i, count - 1);
    return { at, value: curve.values[bin] ?? null, base: curve.base?.[bin] ?? 0 };
  });
  if (!curve.isSampled) return all;
  const looks = all.filter(({ value }) => value !== null);
  const last = looks[looks.length - 1];
  return last === undefined ? [] : [...looks, { at: edges[count] as Date, value: last.value, base: last.base }];
}

/** A band of a stack, parted from its neighbours by a line in the colour of the page. */
function band(data: Point[], curve: Curve): Plot.Markish[] {
  const top = (point: Point): number => point.base + (point.value ?? 0);
  return [Plot.areaY(data, { x: "at", y1: "base", y2: top, fill: curve.colour, stroke: "var(--page)", strokeWidth: 0.75, curve: "step-after" })];
}

/** The names of the bands of a stack, each where it is thickest, if it is thick and the plot wide enough there. */
function bandNames(curves: Curve[], most: number, height: number, width: number): Plot.Markish[] {
  const perLetter = 7.2;
  const names = curves.flatMap((curve) => {
    const { edges, count } = curve.series;
    if (curve.base === undefined || most <= 0) return [];
    const room = Math.ceil((curve.name.length * perLetter + 8) / (width / count)); // bins that the name covers
    let best: { from: number; low: number; high: number } | undefined;
    for (let from = 0; from + room <= count; from += 1) {
      const bins = Array.from({ length: room }, (_, i) => from + i);
      const low = Math.max(...bins.map((bin) => curve.base?.[bin] ?? 0));
      const high = Math.min(...bins.map((bin) => topOf(curve, bin)));
      if (best === undefined || high - low > best.high - best.low) best = { from, low, high };
    }
    if (best === undefined || ((best.high - best.low) / most) * height < 15) return [];
    const begin = (edges[best.from] as Date).getTime();
    const end = (edges[best.from + room] as Date).getTime();
    return [{ at: new Date((begin + end) / 2), y: (best.low + best.high) / 2, name: curve.name, fill: curve.onColour ?? "var(--page)" }];
  });
  return [Plot.text(names, { x: "at", y: "y", text: "name", fill: { value: (each: (typeof names)[number]) => each.fill, scale: null } as never })];
}

function marks(curve: Curve): Plot.Markish[] {
  const data = points(curve);
  if (curve.base !== undefined) return band(data, curve);
  const line = Plot.lineY(data, {
    x: "at",
    y: "value",
    stroke: curve.colour,
    strokeWidth: curve.isFaint ? 1 : 1.75,
    strokeDasharray: curve.dash ?? "none",
    strokeOpacity: curve.isFaint ? 0.75 : 1,
    curve: "step-after",
    clip: true,
  });
  if (curve.shape === "line") return [line];
  return [Plot.areaY(data, { x: "at", y: "value", fill: curve.colour, fillOpacity: 0.22, curve: "step-after" }), line];
}

/** What the reader points at: one text for all curves there. */
function pointed(curves: Curve[], format: Format, most: number): Plot.Markish[] {
  const longest = curves.reduce((one, other) => (other.series.count > one.series.count ? other : one));
  const { edges, count } = longest.series;
  const rows = Array.from({ length: count }, (_, i) => {
    const values = curves.map((curve) => curve.values[i] ?? null);
    const lines = curves.map((curve, k) => `${curve.name}: ${values[k] == null ? "none" : format(values[k] as number)}`);
    if (curves.some((curve) => curve.base !== undefined)) lines.reverse(); // as they stand on each other
    const from = (edges[i] as Date).getTime();
    return {
      at: new Date((from + (edges[i + 1] as Date).getTime()) / 2),
      value: Math.min(most, Math.max(0, ...curves.map((curve) => topOf(curve, i)))),
      title: [nameOf(longest.series, i), ...lines].join("\n"),
    };
  });
  return [
    Plot.ruleX(rows, Plot.pointerX({ x: "at", stroke: "var(--muted)", strokeDasharray: "2 2" })),
    Plot.tip(rows, Plot.pointerX({ x: "at", y: "value", title: "title", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
  ];
}

export interface TimePlot {
  curves: Curve[];
  /** What the vertical axis counts. */
  unit: string;
  format: Format;
  /** Of the axis; short() unless given. */
  tickFormat?: Format;
  /** Where the vertical axis ends; at the highest value unless given. */
  until?: number;
  isSmall?: boolean;
  /** Of the horizontal axis. */
  ticks?: Date[];
  timeFormat?: (date: Date) => string;
}

export function timePlot(about: TimePlot, width: number): Element {
  const { curves, format } = about;
  const first = curves[0] as Curve;
  const ends = curves.map((curve) => (curve.series.edges[curve.series.count] as Date).getTime());
  const begin = first.series.edges[0] as Date;
  const end = new Date(Math.max(...ends));
  const span = (end.getTime() - begin.getTime()) / 1000;
  const highest = Math.max(0, ...curves.flatMap((curve) => curve.values.map((_, i) => topOf(curve, i))));
  const most = Math.min(highest, about.until ?? highest);
  const isStack = curves.some((curve) => curve.base !== undefined);
  const height = about.isSmall ? 130 : width < 500 ? (isStack ? 280 : 220) : isStack ? 340 : 280;
  const marginLeft = about.tickFormat !== undefined ? 60 : about.isSmall ? 46 : 54;
  return Plot.plot({
    width,
    height,
    marginLeft,
    marginRight: 14,
    marginTop: about.isSmall ? 12 : 26,
    marginBottom: 26,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "utc", domain: [begin, end], label: null, ticks: (about.ticks ?? Math.max(2, Math.floor(width / (about.isSmall ? 110 : 120)))) as number, tickFormat: about.timeFormat ?? ((date: Date) => tick(date, span)) },
    y: {
      domain: [0, most > 0 ? most * 1.04 : 1],
      label: about.isSmall ? null : about.unit,
      labelArrow: "none",
      ticks: about.isSmall ? 3 : 5,
      grid: true,
      tickFormat: about.tickFormat ?? short,
    },
    marks: [Plot.ruleY([0], { stroke: "var(--muted)" }), ...curves.flatMap(marks), ...bandNames(curves, most, height - 52, width - marginLeft - 14), ...pointed(curves, format, most)],
  });
}

export function keysOf(curves: Curve[]): Key[] {
  return curves.map((curve) => ({
    name: curve.name,
    colour: curve.colour,
    shape: curve.shape,
    ...(curve.dash === undefined ? {} : { dash: curve.dash }),
  }));
}

/** The table behind a plot: one row for each bin. */
export function numbersOf(caption: string, curves: Curve[], format: Format): { caption: string; columns: Column[]; rows: Row[] } {
  const longest = curves.reduce((one, other) => (other.series.count > one.series.count ? other : one));
  return {
    caption,
    columns: [{ name: longest.series.names === undefined ? "From (UTC)" : "quarter" }, ...curves.map(({ name }) => ({ name }))],
    rows: Array.from({ length: longest.series.count }, (_, i) => ({
      head: nameOf(longest.series, i),
      cells: curves.map((curve) => {
        const value = curve.values[i];
        return value == null ? "–" : format(value);
      }),
    })),
  };
}
