// SPDX-License-Identifier: Apache-2.0
// Figures as text, in the numbers and dates of the reader's own place. Times are UTC, as in the controller.

const places = [0, 1, 2].map((digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }));
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const instants = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const months = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" });
const clocks = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

export type Format = (value: number) => string;

/** Three figures that count, as far as a decimal point helps. */
export function amount(value: number): string {
  const size = Math.abs(value);
  return (places[size >= 100 ? 0 : size >= 10 ? 1 : 2] as Intl.NumberFormat).format(value);
}

export function whole(value: number): string {
  return (places[0] as Intl.NumberFormat).format(value);
}

/** For axes. */
export function short(value: number): string {
  return Math.abs(value) >= 10_000 ? compact.format(value) : amount(value);
}

export function percent(part: number): string {
  return percents.format(part);
}

type Unit = [size: number, name: string];

function scaled(value: number, units: Unit[]): string {
  const [size, name] = units.find(([least]) => Math.abs(value) >= least) ?? (units[units.length - 1] as Unit);
  return `${amount(value / size)} ${name}`;
}

export function duration(seconds: number): string {
  const units: Unit[] = [[86400, "days"], [3600, "h"], [60, "min"], [1, "s"]];
  const size = Math.abs(seconds);
  if (size === 86400) return `${amount(seconds / 86400)} day`;
  return scaled(seconds, units.filter(([unit]) => size === unit || size >= 1.5 * unit || unit === 1));
}

/** "started ...": at once, or within so long. */
export function within(seconds: number | undefined): string {
  return seconds === undefined ? "at some time" : seconds < 1 ? "at once" : `within ${duration(seconds)}`;
}

export function energy(joules: number): string {
  return scaled(joules, [[3.6e15, "TWh"], [3.6e12, "GWh"], [3.6e9, "MWh"], [3.6e6, "kWh"], [3600, "Wh"]]);
}

export function power(watts: number): string {
  return scaled(watts, [[1e9, "GW"], [1e6, "MW"], [1e3, "kW"], [1, "W"]]);
}

export function instant(date: Date): string {
  return instants.format(date);
}

/** Labels of a time axis that spans so many seconds. */
export function tick(date: Date, spanSeconds: number): string {
  if (spanSeconds > 300 * 86400) return months.format(date);
  if (spanSeconds > 3 * 86400) return days.format(date);
  const isMidnight = date.getTime() % 86_400_000 === 0;
  return isMidnight ? days.format(date) : clocks.format(date);
}

/** "1 job", "2 jobs". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

/** "a", "a and b", "a, b and c". */
export function listed(words: string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
