// SPDX-License-Identifier: Apache-2.0
// The page of a plan, from top to bottom: first what a minister asks, then what an engineer checks.
import { bindFigures } from "./binds";
import { alternativeFigures } from "./alternatives";
import { courseFigures } from "./courses";
import { type Child, el, section } from "../dom";
import { buildingFigures, fleetFigures } from "./fleet";
import { counted, percent } from "../format";
import { futureFigures } from "./futures";
import { member, number, text } from "../json";
import { placeFigures } from "./map";
import { moneyFigures } from "./money";
import { powerFigures } from "./power";
import { promisesOf, replayFigures } from "./replay";
import { most } from "../run";
import { certificateTable, siteTables } from "./tables";
import { targetFigures } from "./targets";
import { type Plan, horizon, readPlan, sum } from "./document";
import { count, gap, money, power, share, shortMoney } from "./words";
import { workFigures } from "./work";

/** What is built and bought, by when, for how much. */
function sentenceOf(plan: Plan): string {
  const phases = plan.sites.flatMap((site) => site.phases.filter((phase) => phase.begin !== undefined));
  const ordered = sum(plan.byQuarter("ordered"));
  const at = horizon(plan);
  const sites = plan.sites.filter((site) => (site.on[at] ?? 0) > 0).length;
  const spent = sum(plan.byYear("spent"));
  const built = phases.length === 0 ? "nothing is built" : `${counted(phases.length, "phase")} of building with ${power(sum(phases.map((phase) => phase.power)))} ${phases.length === 1 ? "is" : "are"} begun`;
  const last = plan.quarters[plan.quarters.length - 1] ?? "";
  const bought = ordered === 0 ? "nothing is ordered" : `${counted(ordered, "accelerator")} are ordered`;
  return `From ${plan.quarters[0] ?? ""} to ${last} ${bought} and ${built}, for ${money(plan)(spent)}; in ${plan.quarters[at] ?? ""} ${counted(Math.round(plan.byQuarter("on")[at] ?? 0), "accelerator")} work at ${counted(sites, "site")}.`;
}

/** How sure that is. */
function sureOf(plan: Plan): string {
  const part = (number(plan.certificate, "gap_percent") ?? 0) / 100;
  if (part <= 1e-7) return "It is proven to be the best plan there is for these tables.";
  return `It is proven that no plan for these tables is cheaper by more than ${gap(part)}. Every rule was checked anew, in whole numbers, by code that knows nothing of how the plan was found.`;
}

function header(plan: Plan): HTMLElement {
  const isCut = member(plan.certificate, "run") !== undefined && member(member(plan.certificate, "run"), "cut_by_the_clock") === true;
  return el(
    "header",
    {},
    el("p", { class: "kicker" }, "Daero plan: what to build, where, when and with what"),
    el("h1", {}, `The plan for ${plan.name}`),
    el("p", { class: "lead" }, sentenceOf(plan)),
    el("p", { class: "lead" }, sureOf(plan)),
    isCut && el("p", { class: "notice" }, "The clock cut a step of the search: another run may find another plan, with a gap of its own."),
  );
}

function card(name: string, figure: string, means: string, extra?: string): HTMLElement {
  return el("div", { class: "card" }, el("dt", {}, name), el("dd", {}, el("strong", {}, figure), el("span", {}, means), extra !== undefined && el("span", { class: "extra" }, extra)));
}

/** What real scheduling makes of the plan, where that was tried. */
function promiseCards(plan: Plan): HTMLElement[] {
  const [round] = plan.rehearsal?.rounds ?? [];
  if (round === undefined) return [];
  const { kept, judged } = promisesOf(round);
  return judged === 0 ? [] : [card("Promises kept", `${kept} of ${judged}`, "to a sector in a year, when jobs run through the real core")];
}

function cards(plan: Plan): HTMLElement {
  const at = horizon(plan);
  const quarter = plan.quarters[at] ?? "";
  const met = plan.targets.filter((target) => target.isMet).length;
  const [asked, done] = ["demand", "served"].map((which) => sum(plan.sectors.map((sector) => (which === "demand" ? sector.demand : sector.served)[at] ?? 0))) as [number, number];
  const peak = most(plan.byQuarter("draw_w"));
  const domestic = sum(plan.byYear("domestic_orders"));
  const orders = sum(plan.byYear("orders"));
  const part = (number(plan.certificate, "gap_percent") ?? 0) / 100;
  return el(
    "dl",
    { class: "cards" },
    card("Accelerators", count(plan.byQuarter("on")[at] ?? 0), `are on in ${quarter}`, `${count(plan.byQuarter("on")[0] ?? 0)} at the beginning`),
    ...(plan.targets.length > 0 ? [card("Targets", `${met} of ${plan.targets.length}`, plan.targets.length === 1 ? "is met" : "are met")] : []),
    card("Spending", `${shortMoney(sum(plan.byYear("spent")))} ${plan.currency}`, "on orders and building, not discounted"),
    card("Cost", `${shortMoney(plan.cost)} ${plan.currency}`, "discounted, with energy, upkeep and work not done, less what is left"),
    card("Work done", asked > 0 ? percent(done / asked) : "–", `of what is asked for in ${quarter}`),
    ...promiseCards(plan),
    ...(domestic > 0 ? [card("Domestic", share(orders > 0 ? domestic / orders : null), "of what is paid for accelerators")] : []),
    card("Highest draw", power(peak.value), `in ${plan.quarters[peak.at] ?? ""}, cooling included`),
    card("How sure", gap(part), "or less is what a better plan could save", text(plan.certificate, "program", "bound_by") === undefined ? undefined : `proven by ${text(plan.certificate, "program", "bound_by")}`),
  );
}

function page(plan: Plan): Child[] {
  if (plan.quarters.length === 0) return [el("h1", {}, "Daero plan"), el("p", { class: "notice" }, "There is no plan in this file.")];
  return [
    header(plan),
    section("At a glance", cards(plan)),
    section("Targets, and whether they are met", ...targetFigures(plan)),
    section("Where", ...placeFigures(plan)),
    section("How the fleet grows", ...fleetFigures(plan)),
    section("What is built, and when", ...buildingFigures(plan)),
    section("Power", ...powerFigures(plan)),
    section("Money", ...moneyFigures(plan)),
    section("Work that gets done", ...workFigures(plan)),
    section("Would people get their compute?", ...replayFigures(plan)),
    section("What binds", ...bindFigures(plan)),
    section("Beside other courses", ...courseFigures(plan)),
    section("Plans that are nearly as good", ...alternativeFigures(plan)),
    section("If the future differs", ...futureFigures(plan)),
    section("Sites and chips", ...siteTables(plan)),
    section("Certificate", ...certificateTable(plan)),
  ];
}

function show(): void {
  const plan = readPlan(JSON.parse(document.getElementById("data")?.textContent ?? "{}"));
  const place = document.getElementById("page");
  if (plan.name !== "") document.title = `The plan for ${plan.name} – Daero`;
  place?.append(...page(plan).filter((child): child is Node | string => child !== undefined && child !== false));
}

show();
