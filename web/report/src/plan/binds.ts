// SPDX-License-Identifier: Apache-2.0
// What binds, with prices in words; and what is not begun, and why.
import { type Child, details, el, table } from "../dom";
import { counted } from "../format";
import { number } from "../json";
import type { Bind, Plan } from "./document";
import { millions, money, power } from "./words";

/** Of each kind of rule; the numbers have all. */
const SHOWN = 5;

/** Rules that ask for something: there one less is what saves. */
const ASKS = new Set(["TARGET", "TARGET_COMPUTE", "LEAST", "DOMESTIC", "ORDER_MIN"]);

function placeOf(plan: Plan, bind: Bind): string {
  const names = bind.where.split(", ").map((key) => plan.sites.find((site) => site.key === key)?.name ?? plan.sectors.find((sector) => sector.key === key)?.name ?? key);
  if (bind.row === "DOMESTIC") return capital(bind.where.replace("-", " "));
  return bind.where === "" ? "All of it" : names.join(", ");
}

/** "in 2028", "in each of 8 quarters from 2027-Q3 to 2031-Q4". */
function whenOf(bind: Bind): string {
  const [first] = bind.times;
  const last = bind.times[bind.times.length - 1];
  if (first === undefined || last === undefined || first.when === "") return "";
  if (bind.times.length === 1) return ` in ${first.when}`;
  return ` in each of ${counted(bind.times.length, first.when.includes("Q") ? "quarter" : "year")} from ${first.when} to ${last.when}`;
}

/** What one more is worth, as a sentence. */
function sentenceOf(plan: Plan, bind: Bind): string {
  const unit = bind.unit.replace(/^M /, `million ${plan.currency} `);
  const one = ASKS.has(bind.row) ? `one ${unit} less to be asked for` : `one more ${unit}`;
  return `: ${one}${whenOf(bind)} would save ${money(plan)(bind.worth)}.`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** All of one kind: the dearest as sentences, every quarter as numbers. */
function kind(plan: Plan, rule: string): Child[] {
  const binds = plan.binds.filter((bind) => bind.rule === rule).sort((a, b) => b.worth - a.worth);
  const rest = binds.length - SHOWN;
  return [
    el("h3", {}, capital(rule)),
    el("ul", { class: "binds" }, ...binds.slice(0, SHOWN).map((bind) => el("li", {}, el("strong", {}, placeOf(plan, bind)), sentenceOf(plan, bind)))),
    details(rest > 0 ? `The numbers, and ${counted(rest, "further place")}` : "The numbers", () => [
      table(
        `${capital(rule)}: what one more is worth, M ${plan.currency}`,
        [{ name: "where" }, { name: "when", isText: true }, { name: "of one", isText: true }, { name: `worth, M ${plan.currency}` }],
        binds.flatMap((bind) =>
          bind.times.map((time, i) => ({ head: placeOf(plan, bind), span: i === 0 ? bind.times.length : 0, className: i === 0 ? "group" : "", cells: [time.when === "" ? "always" : time.when, bind.unit, millions(time.worth)] })),
        ),
        true,
      ),
    ]),
  ];
}

function notBegun(plan: Plan): Child[] {
  if (plan.notBegun.length === 0) return [];
  const sorted = [...plan.notBegun].sort((a, b) => a.dearer - b.dearer);
  const name = (key: string): string => plan.sites.find((site) => site.key === key)?.name ?? key;
  const most = Math.max(0, plan.cost - (number(plan.certificate, "bound") ?? plan.cost));
  const isShort = sorted.some((each) => each.dearer < 0);
  return [
    el("h3", {}, "What is not begun, and why"),
    el(
      "p",
      { class: "note" },
      `The next phase of each site that the plan leaves: when beginning would cost least, and how much dearer the whole plan would be, at the margin.${isShort ? ` Below 0: its first megawatts would save something; all in all no plan saves more than ${money(plan)(most)}, which is the gap.` : ""}`,
    ),
    table(
      "What is not begun, and how much dearer the plan would be if it were",
      [{ name: "site" }, { name: "phase" }, { name: "adds" }, { name: `costs, M ${plan.currency}` }, { name: "best begun" }, { name: `dearer, M ${plan.currency}` }],
      sorted.map((each) => ({ head: name(each.site), cells: [String(each.phase), power(each.power), millions(each.cost), each.quarter, millions(each.dearer)] })),
      true,
    ),
  ];
}

export function bindFigures(plan: Plan): Child[] {
  const rules = [...new Set(plan.binds.map((bind) => bind.rule))];
  if (rules.length === 0 && plan.notBegun.length === 0) return [];
  return [
    el(
      "p",
      { class: "note" },
      "What the last unit of each rule is worth, in money of the first quarter, with what is begun and ordered held where the plan has it. True for small changes of this plan. The rules that hold it back most come first.",
    ),
    ...rules.flatMap((rule) => kind(plan, rule)),
    ...notBegun(plan),
  ];
}
