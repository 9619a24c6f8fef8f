// SPDX-License-Identifier: Apache-2.0
// Where: a map of the sites that say where they lie, and a list of all of them, at a quarter that the reader picks. No
// outline of a country: degrees, zones as hulls, sites as circles whose numbers are those of the list.
import * as Plot from "@observablehq/plot";
import { type Child, el, freshId } from "../dom";
import { type Key, figure, legend, refresh } from "../figure";
import { counted, listed } from "../format";
import { type Plan, type Site, horizon, lastQuarters, sum } from "./document";
import { LETTER, bandColour, count, megawatts, power, shortCount } from "./words";

interface Measure {
  key: string;
  name: string;
  of: (site: Site) => number[];
  format: (value: number) => string;
  short: (value: number) => string;
}

const MEASURES: [Measure, Measure] = [
  { key: "on", name: "accelerators that are on", of: (site) => site.on, format: count, short: shortCount },
  { key: "power", name: "power of the site", of: (site) => site.power, format: power, short: power },
];

/** What the reader has picked. */
interface Choice {
  at: number;
  measure: Measure;
}

interface Ranked {
  site: Site;
  rank: number;
  label: string;
}

function zoneColour(plan: Plan, zone: string): { colour: string; onColour: string } {
  return bandColour(plan.zones.findIndex((each) => each.key === zone));
}

interface Spot {
  ranked: Ranked;
  x: number;
  y: number;
  value: number;
  r: number;
  colour: string;
  onColour: string;
  said: string;
}

const HEIGHT_MOST = 680;

/** A degree of longitude is shorter than one of latitude, by the cosine of the latitude. */
function frameOf(sites: Site[], width: number): { x: [number, number]; y: [number, number]; height: number; side: number } {
  const longitudes = sites.map((site) => site.place?.longitude ?? 0);
  const latitudes = sites.map((site) => site.place?.latitude ?? 0);
  const ends = (values: number[], least: number): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const more = Math.max((high - low) * 0.09, (least - (high - low)) / 2);
    return [low - more, high + more];
  };
  const x = ends(longitudes, 0.2);
  const y = ends(latitudes, 0.2);
  const ratio = (y[1] - y[0]) / ((x[1] - x[0]) * Math.cos(((y[0] + y[1]) / 2) * (Math.PI / 180)));
  const height = Math.min(HEIGHT_MOST, (width - 54) * ratio);
  return { x, y, height, side: Math.max(0, (width - 54 - height / ratio) / 2) };
}

/** Numbers of circles that would stand on another's are left out, the smaller one's. */
function numbered(spots: Spot[], toX: (x: number) => number, toY: (y: number) => number): Spot[] {
  const kept: Spot[] = [];
  for (const spot of [...spots].sort((a, b) => b.r - a.r)) {
    const isFree = kept.every((other) => Math.abs(toX(spot.x) - toX(other.x)) > 15 || Math.abs(toY(spot.y) - toY(other.y)) > 12);
    if (spot.r >= 4 && isFree) kept.push(spot);
  }
  return kept;
}

function drawMap(plan: Plan, ranked: Ranked[], choice: Choice, width: number): Element {
  const placed = ranked.filter(({ site }) => site.place !== undefined);
  const frame = frameOf(placed.map(({ site }) => site), width);
  const biggest = Math.max(1, ...placed.flatMap(({ site }) => choice.measure.of(site)));
  const reach = width < 500 ? 26 : 34;
  const spots = placed.map((each): Spot => {
    const value = choice.measure.of(each.site)[choice.at] ?? 0;
    return {
      ranked: each,
      x: each.site.place?.longitude ?? 0,
      y: each.site.place?.latitude ?? 0,
      value,
      r: value > 0 ? Math.max(2.5, reach * Math.sqrt(value / biggest)) : 2.5,
      ...zoneColour(plan, each.site.zone),
      said: `${each.rank} ${each.site.name}\nzone ${each.site.zone}\n${count(each.site.on[choice.at] ?? 0)} accelerators on\n${power(each.site.power[choice.at] ?? 0)} there`,
    };
  });
  const inner = { width: width - 54 - 2 * frame.side, height: frame.height };
  const toX = (x: number): number => ((x - frame.x[0]) / (frame.x[1] - frame.x[0])) * inner.width;
  const toY = (y: number): number => ((frame.y[1] - y) / (frame.y[1] - frame.y[0])) * inner.height;
  const zones = plan.zones.flatMap((zone) => {
    const own = spots.filter((spot) => spot.ranked.site.zone === zone.key);
    if (own.length === 0) return [];
    const low = Math.min(...own.map((spot) => spot.y - (spot.r / inner.height) * (frame.y[1] - frame.y[0])));
    return [{ name: cut(zone.key, 18), x: sum(own.map((spot) => spot.x)) / own.length, y: low }];
  });
  const sorted = [...spots].sort((a, b) => b.r - a.r);
  const some = (spot: Spot): boolean => spot.value > 0;
  return Plot.plot({
    width,
    height: frame.height + 34,
    marginLeft: 46 + frame.side,
    marginRight: 8 + frame.side,
    marginTop: 8,
    marginBottom: 26,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "hidden" },
    x: { domain: frame.x, label: null, grid: true, ticks: width < 500 ? 4 : 5, tickFormat: (value: number) => `${value}°` },
    y: { domain: frame.y, label: null, grid: true, ticks: 6, tickFormat: (value: number) => `${value}°` },
    r: { type: "identity" },
    marks: [
      Plot.hull(spots, { x: "x", y: "y", z: (spot: Spot) => spot.ranked.site.zone, fill: { value: "colour", scale: null }, fillOpacity: 0.12, stroke: { value: "colour", scale: null }, strokeWidth: 1, strokeLinejoin: "round" } as never),
      Plot.dot(sorted.filter(some), { x: "x", y: "y", r: "r", fill: { value: "colour", scale: null }, fillOpacity: 0.85, stroke: "var(--page)", strokeWidth: 1 }),
      Plot.dot(sorted.filter((spot) => !some(spot)), { x: "x", y: "y", r: "r", fill: "var(--page)", stroke: { value: "colour", scale: null }, strokeWidth: 1.25 }),
      Plot.text(numbered(spots.filter(some), toX, toY), {
        x: "x",
        y: "y",
        text: (spot: Spot) => String(spot.ranked.rank),
        dy: 0,
        fontWeight: 600,
        fill: { value: (spot: Spot) => (spot.r >= 8 ? spot.onColour : "var(--text)"), scale: null },
        dx: 0,
        filter: (spot: Spot) => spot.r >= 8,
      }),
      Plot.text(numbered(spots.filter(some), toX, toY), {
        x: "x",
        y: "y",
        text: (spot: Spot) => String(spot.ranked.rank),
        fontWeight: 600,
        fill: "var(--text)",
        stroke: "var(--page)",
        strokeWidth: 3,
        textAnchor: "start",
        dx: 8,
        filter: (spot: Spot) => spot.r < 8,
      }),
      Plot.text(zones, { x: "x", y: "y", text: "name", dy: 12, fontStyle: "italic", fontSize: 13, fill: "var(--text)", stroke: "var(--page)", strokeWidth: 4 }),
      Plot.tip(spots, Plot.pointer({ x: "x", y: "y", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
    ],
  });
}

function cut(name: string, letters: number): string {
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
}

function drawList(plan: Plan, ranked: Ranked[], choice: Choice, width: number): Element {
  const letters = Math.floor((0.46 * width) / LETTER);
  const rows = ranked.map(({ site, label }) => ({
    site,
    label,
    value: choice.measure.of(site)[choice.at] ?? 0,
    said: `${label}\n${count(site.on[choice.at] ?? 0)} accelerators on\n${power(site.power[choice.at] ?? 0)} there`,
    ...zoneColour(plan, site.zone),
  }));
  const most = Math.max(1, ...ranked.flatMap(({ site }) => choice.measure.of(site)));
  const left = 10 + LETTER * Math.max(...rows.map((row) => cut(row.label, letters).length));
  return Plot.plot({
    width,
    height: rows.length * 20 + 8,
    marginLeft: left,
    marginRight: 58,
    marginTop: 4,
    marginBottom: 4,
    style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
    x: { axis: null, domain: [0, most] },
    y: { label: null, domain: rows.map((row) => row.label), padding: 0.2, tickSize: 0, tickFormat: (name: string) => cut(name, letters) },
    marks: [
      Plot.barX(rows, { x: "value", y: "label", fill: { value: "colour", scale: null } }),
      Plot.text(rows, { x: "value", y: "label", text: (row: (typeof rows)[number]) => (row.value > 0 ? choice.measure.short(row.value) : "–"), textAnchor: "start", dx: 5, fill: "var(--text)" }),
      Plot.tip(rows, Plot.pointerY({ x: "value", y: "label", title: "said", fill: "var(--raised)", stroke: "var(--rule)", textPadding: 7 })),
    ],
  });
}

/** The quarter, and what is shown of it. */
function controls(plan: Plan, choice: Choice, changed: () => void): HTMLElement {
  const id = freshId();
  const shown = el("output", { for: id }, plan.quarters[choice.at] ?? "");
  const slider = el("input", { id, type: "range", min: 0, max: plan.quarters.length - 1, step: 1, value: choice.at, "aria-valuetext": plan.quarters[choice.at] ?? "" });
  slider.addEventListener("input", () => {
    choice.at = Number(slider.value);
    const quarter = plan.quarters[choice.at] ?? "";
    shown.textContent = quarter;
    slider.setAttribute("aria-valuetext", quarter);
    changed();
  });
  const name = freshId();
  const radios = MEASURES.map((measure) => {
    const radio = el("input", { type: "radio", name, value: measure.key, checked: measure === choice.measure });
    radio.addEventListener("change", () => {
      choice.measure = measure;
      changed();
    });
    return el("label", {}, radio, ` ${measure.name}`);
  });
  return el(
    "div",
    { class: "controls" },
    el("div", { class: "quarter" }, el("label", { for: id }, "At the end of "), shown, slider),
    el("fieldset", {}, el("legend", { class: "unseen" }, "What is shown"), ...radios),
  );
}

export function placeFigures(plan: Plan): Child[] {
  const at = horizon(plan);
  const choice: Choice = { at, measure: MEASURES[0] };
  const ranked = [...plan.sites]
    .sort((a, b) => (b.on[at] ?? 0) - (a.on[at] ?? 0) || (b.power[at] ?? 0) - (a.power[at] ?? 0))
    .map((site, i): Ranked => ({ site, rank: i + 1, label: `${i + 1} ${site.name}` }));
  const placed = ranked.filter(({ site }) => site.place !== undefined);
  const lost = ranked.filter(({ site }) => site.place === undefined);
  const isAssumed = placed.some(({ site }) => site.place?.isAssumed);
  const hasMap = placed.length > 1;
  const keys: Key[] = plan.zones.map((zone) => ({ name: `zone ${zone.key}`, colour: zoneColour(plan, zone.key).colour, shape: "area" }));
  const figures = el("div", { class: hasMap ? "map-and-list" : undefined });
  const notes = [
    "Numbers are those of the list.",
    isAssumed ? "Places are about right, not exact." : "",
    lost.length > 0 ? `Not on the map, since nobody said where they lie: ${listed(lost.map(({ rank, site }) => `${rank} ${site.name}`))}.` : "",
  ];
  const sites = ranked.filter(({ site }) => (site.on[at] ?? 0) === 0).length;
  const working = ranked.filter(({ site }) => (site.on[at] ?? 0) > 0).length;
  if (hasMap)
    figures.append(
      figure({
        title: "The map",
        note: notes.filter((note) => note !== "").join(" "),
        alt: () => `Map of ${counted(placed.length, "site")} in ${plan.quarters[choice.at]}, by ${choice.measure.name}: ${listed([...placed].sort((a, b) => (choice.measure.of(b.site)[choice.at] ?? 0) - (choice.measure.of(a.site)[choice.at] ?? 0)).slice(0, 5).map(({ site }) => `${site.name} ${choice.measure.format(choice.measure.of(site)[choice.at] ?? 0)}`))} and others.`,
        draw: (width) => drawMap(plan, ranked, choice, width),
      }),
    );
  const ends = lastQuarters(plan);
  figures.append(
    figure({
      title: "All sites",
      ...(hasMap ? {} : { note: "The scenario does not say where its sites lie; this is all of them." }),
      alt: () => `All sites in ${plan.quarters[choice.at]}, by ${choice.measure.name}: ${ranked.map(({ site }) => `${site.name} ${choice.measure.format(choice.measure.of(site)[choice.at] ?? 0)}`).join(", ")}.`,
      draw: (width) => drawList(plan, ranked, choice, width),
      numbers: () => ({
        caption: "Sites at the end of each year: accelerators that are on, power in MW",
        columns: [{ name: "site" }, { name: "zone", isText: true }, ...ends.flatMap((t) => [{ name: `on, ${plan.quarters[t]}` }, { name: `MW, ${plan.quarters[t]}` }])],
        rows: ranked.map(({ site, label }) => ({ head: label, cells: [site.zone, ...ends.flatMap((t) => [count(site.on[t] ?? 0), megawatts(site.power[t] ?? 0)])] })),
      }),
    }),
  );
  const said = `In ${plan.quarters[at]} accelerators work at ${counted(working, "site")}${sites > 0 ? `; ${counted(sites, "further site")} ${sites === 1 ? "has" : "have"} none then` : ""}. Pick another quarter, or the power of the sites, to see how it comes about.`;
  return [el("p", {}, said), controls(plan, choice, () => refresh(figures)), keys.length > 1 && legend(keys), figures];
}
