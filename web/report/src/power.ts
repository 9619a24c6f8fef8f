// SPDX-License-Identifier: Apache-2.0
// What was drawn, against the caps: the federation as a whole, then each site.
import { type Child, el } from "./dom";
import { type Key, figure, legend, smallPlots } from "./figure";
import { duration, listed, power } from "./format";
import { number, object } from "./json";
import { boundOf, curvesOf, perRun } from "./overtime";
import { type Line, type Part, type Run, mean, most, namesOf } from "./run";
import { numbersOf, timePlot } from "./timeplot";

function siteOf(run: Run, name: string): Part | undefined {
  return run.series?.sites.find((part) => part.name === name);
}

/** "no site went above its cap", or which did, and for how long. */
function overCaps(run: Run): string | undefined {
  const sites = object(run.measures, "power", "sites");
  if (sites === undefined) return undefined;
  const capped = Object.keys(sites).filter((name) => number(sites, name, "cap_w") !== undefined);
  if (capped.length === 0) return "no site has a cap";
  const over = capped.filter((name) => (number(sites, name, "over_cap_s") ?? 0) > 0);
  if (over.length === 0) return "no site went above its cap";
  return `above its cap: ${listed(over.map((name) => `${name} for ${duration(number(sites, name, "over_cap_s") ?? 0)}`))}`;
}

function total(runs: Run[]): HTMLElement | undefined {
  const isOne = runs.length === 1;
  const curves = curvesOf(runs, (run) => run.series?.line("power_w"), "drawn, mean", "area");
  if (curves.length === 0) return undefined;
  const extras = isOne ? curvesOf(runs, (run) => run.series?.line("power_most_w"), "drawn, at most") : [];
  for (const curve of extras) Object.assign(curve, { isFaint: true, colour: "var(--muted)", dash: "1 2" });
  const peak = (run: Run): number => number(run.measures, "power", "peak_w") ?? most(run.series?.line("power_most_w") ?? [0]).value;
  const [first] = runs as [Run];
  const title = isOne
    ? `At most ${power(peak(first))} were drawn; ${overCaps(first) ?? `${power(mean(curves[0]?.values ?? []))} on average`}`
    : `Power drawn, on average: ${perRun(curves, (curve) => power(mean(curve.values)))}`;
  const said = runs.map((run) => `${run.name}: at most ${power(peak(run))}; ${overCaps(run) ?? "caps are not known"}`);
  const all = [...curves, ...extras];
  return figure({
    title,
    ...(isOne ? {} : { note: `${said.join(". ")}.` }),
    keys: all.map(({ name, colour, shape, dash }): Key => ({ name, colour, shape, ...(dash === undefined ? {} : { dash }) })),
    draw: (width) => timePlot({ curves: all, unit: "power", format: power, tickFormat: power }, width),
    numbers: () => numbersOf("Power drawn by all sites", all, power),
  });
}

function site(runs: Run[], name: string): HTMLElement {
  const line = (which: string) => (run: Run): Line | undefined => siteOf(run, name)?.line(which);
  const curves = curvesOf(runs, (run) => line("power_most_w")(run) ?? line("power_w")(run), "drawn, at most", "area");
  const bounds = boundOf(runs, line("cap_w"), "cap");
  const all = [...curves, ...bounds];
  const top = curves.map((curve) => `${runs.length > 1 ? `${curve.name} ` : ""}${power(most(curve.values).value)}`).join(", ");
  const cap = bounds[0] === undefined ? "no cap" : `cap ${power(Math.min(...bounds[0].values.filter((each) => each !== null)))}`;
  return figure({
    title: name,
    note: `at most ${top}; ${cap}`,
    alt: `Power of ${name} over time: at most ${top}; ${cap}.`,
    level: 4,
    draw: (width) => timePlot({ curves: all, unit: "power", format: power, tickFormat: power, isSmall: true }, width),
    numbers: () => numbersOf(`Power of ${name}`, all, power),
  });
}

/** The largest part of its cap that a site drew in any run; 0 without a cap. */
function nearness(runs: Run[], name: string): number {
  return Math.max(
    ...runs.map((run) => {
      const drawn = siteOf(run, name)?.line("power_most_w");
      const caps = siteOf(run, name)?.line("cap_w");
      return Math.max(0, ...(drawn ?? []).map((each, i) => ((caps?.[i] ?? 0) > 0 ? (each ?? 0) / (caps?.[i] as number) : 0)));
    }),
  );
}

export function powerFigures(runs: Run[]): Child[] {
  const all = namesOf(runs, (run) => run.series?.sites.map((part) => part.name) ?? []);
  const nearnesses = new Map(all.map((name) => [name, nearness(runs, name)]));
  const names = all
    .filter((name) => runs.some((run) => siteOf(run, name)?.line("power_w") !== undefined || siteOf(run, name)?.line("power_most_w") !== undefined))
    .sort((a, b) => (nearnesses.get(b) ?? 0) - (nearnesses.get(a) ?? 0));
  const whole = total(runs);
  if (names.length === 0) return [whole];
  const keys: Key[] = [
    ...(runs.length === 1
      ? ([{ name: "drawn, at most", colour: runs[0]?.colour ?? "", shape: "area" }] as Key[])
      : runs.map((run): Key => ({ name: run.name, colour: run.colour, shape: "line", dash: run.dash }))),
    { name: "cap", colour: "var(--bound)", shape: "line", dash: "5 3" },
  ];
  return [
    whole,
    el("h3", {}, "Each site against its cap"),
    el("p", { class: "note" }, "Those nearest to their cap come first; each plot has its own height."),
    legend(keys),
    ...smallPlots(names, "site", (name) => site(runs, name)),
  ];
}
