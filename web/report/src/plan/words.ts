// SPDX-License-Identifier: Apache-2.0
// Amounts of a plan as text, and what its plots over quarters share.
import { type Key } from "../figure";
import { type Format, percent } from "../format";
import { type Curve, type TimePlot, timePlot } from "../timeplot";
import type { Plan } from "./document";

const long = new Intl.NumberFormat(undefined, { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const compacter = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 2 });
const digits = [0, 1, 3].map((each) => new Intl.NumberFormat(undefined, { minimumFractionDigits: each, maximumFractionDigits: each }));
const counts = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const close = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });
const fine = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 2 });

/** "169 trillion KRW". */
export function money(plan: Plan): Format {
  return (value) => `${long.format(value)} ${plan.currency}`;
}

/** For axes and bars. */
export function shortMoney(value: number): string {
  return compact.format(value);
}

/** Where there is next to no room. */
export function shorterMoney(value: number): string {
  return compacter.format(value);
}

/** How wide letters of plots are, about. */
export const LETTER = 7.2;

/** For tables: millions of the currency, in full. */
export function millions(value: number): string {
  return value === 0 ? "0" : (digits[Math.abs(value) < 1e9 ? 2 : 0] as Intl.NumberFormat).format(value / 1e6);
}

/** For tables: megawatts, in full. */
export function megawatts(watts: number): string {
  return watts === 0 ? "0" : (digits[Math.abs(watts) < 10e6 ? 2 : 1] as Intl.NumberFormat).format(watts / 1e6);
}

/** "41 MW", "0.25 MW". */
export function power(watts: number): string {
  return watts >= 1e9 ? `${new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 }).format(watts / 1e9)} GW` : `${new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 }).format(watts / 1e6)} MW`;
}

/** Whole accelerators; what is on for a part of a quarter is rounded. */
export function count(value: number): string {
  return counts.format(value);
}

export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? counts.format(value) : compact.format(value);
}

/** A gap: two figures that count. */
export function gap(part: number): string {
  return part > 0 && part < 1e-6 ? `less than ${fine.format(1e-6)}` : fine.format(part);
}

/** To a hundredth of a percent. */
export function hundredths(part: number): string {
  return close.format(part);
}

export function share(part: number | null | undefined): string {
  return part == null ? "–" : percent(part);
}

const BANDS = 8;

/** Colours of a stack of so many: neighbours differ in lightness too. The last of eight is what is left over. */
export function bandColour(place: number): { colour: string; onColour: string } {
  return { colour: `var(--band-${(place % BANDS) + 1})`, onColour: `var(--on-band-${(place % BANDS) + 1})` };
}

export interface Part {
  name: string;
  values: number[];
}

/** Parts that stand on each other, the largest at the bottom; beyond seven the rest as one. */
export function stackOf(plan: Plan, parts: Part[]): Curve[] {
  const size = (part: Part): number => part.values.reduce((all, each) => all + each, 0);
  const sorted = parts.filter((part) => size(part) > 0).sort((a, b) => size(b) - size(a));
  const shown = sorted.length <= BANDS ? sorted : sorted.slice(0, BANDS - 1);
  const rest = sorted.slice(shown.length);
  const base = plan.quarters.map(() => 0);
  const all = rest.length === 0 ? shown : [...shown, { name: `${rest.length} others`, values: base.map((_, t) => rest.reduce((total, part) => total + (part.values[t] ?? 0), 0)) }];
  return all.map((part, i) => {
    const under = [...base];
    part.values.forEach((each, t) => (base[t] = (base[t] ?? 0) + each));
    return { name: part.name, series: plan.series, values: part.values, base: under, shape: "area", ...bandColour(rest.length > 0 && i === all.length - 1 ? BANDS - 1 : i) };
  });
}

/** A legend in the order in which bands are seen, from the top. */
export function keysOfStack(curves: Curve[]): Key[] {
  return curves.map(({ name, colour, shape, dash }): Key => ({ name, colour, shape, ...(dash === undefined ? {} : { dash }) })).reverse();
}

/** Over quarters, with a mark at each new year. */
export function quarterPlot(plan: Plan, about: TimePlot, width: number): Element {
  const years = plan.series.edges.slice(0, -1).filter((edge) => edge.getUTCMonth() === 0);
  const room = about.isSmall ? 40 : 46;
  const every = Math.max(1, Math.ceil((years.length * room) / Math.max(1, width - 70)));
  return timePlot({ ...about, ticks: years.filter((_, i) => i % every === 0), timeFormat: (date) => String(date.getUTCFullYear()) }, width);
}
