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
  /** Looked at now and then: between two looks it is as it was at the first. */
  isSampled?: boolean;
}

interface Point {
  at: Date;
  value: number | null;
}

function points(curve: Curve): Point[] {
  const { edges, count } = curve.series;
  const all = edges.map((at, i) => ({ at, value: curve.values[Math.min(i, count - 1)] ?? null }));
  if (!curve.isSampled) return all;
  const looks = all.filter(({ value }) => value !== null);
  const last = looks[looks.length - 1];
  return last === undefined ? [] : [...looks, { at: edges[count] as Date, value: last.value }];
}

function marks(curve: Curve): Plot.Markish[] {
  const data = points(curve);
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
    const from = (edges[i] as Date).getTime();
    return {
      at: new Date((from + (edges[i + 1] as Date).getTime()) / 2),
      value: Math.min(most, Math.max(0, ...values.map((value) => value ?? 0))),
      title: [instant(new Date(from)), ...lines].join("\n"),
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
}

export function timePlot(about: TimePlot, width: number): Element {
  const { curves, format } = about;
  const first = curves[0] as Curve;
  const ends = curves.map((curve) => (curve.series.edges[curve.series.count] as Date).getTime());
  const begin = first.series.edges[0] as Date;
  const end = new Date(Math.max(...ends));
  const span = (end.getTime() - begin.getTime()) / 1000;
  const highest = Math.max(0, ...curves.flatMap((curve) => curve.values.map((value) => value ?? 0)));
  const most = Math.min(highest, about.until ?? highest);
  return Plot.plot({
    width,
    height: about.isSmall ? 130 : width < 500 ? 220 : 280,
    marginLeft: about.tickFormat !== undefined ? 60 : about.isSmall ? 46 : 54,
    marginRight: 14,
    marginTop: about.isSmall ? 12 : 26,
    marginBottom: 26,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { type: "utc", domain: [begin, end], label: null, ticks: Math.max(2, Math.floor(width / (about.isSmall ? 110 : 120))), tickFormat: (date: Date) => tick(date, span) },
    y: {
      domain: [0, most > 0 ? most * 1.04 : 1],
      label: about.isSmall ? null : about.unit,
      labelArrow: "none",
      ticks: about.isSmall ? 3 : 5,
      grid: true,
      tickFormat: about.tickFormat ?? short,
    },
    marks: [Plot.ruleY([0], { stroke: "var(--muted)" }), ...curves.flatMap(marks), ...pointed(curves, format, most)],
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
    columns: [{ name: "From (UTC)" }, ...curves.map(({ name }) => ({ name }))],
    rows: Array.from({ length: longest.series.count }, (_, i) => ({
      head: instant(longest.series.edges[i] as Date),
      cells: curves.map((curve) => {
        const value = curve.values[i];
        return value == null ? "–" : format(value);
      }),
    })),
  };
}
