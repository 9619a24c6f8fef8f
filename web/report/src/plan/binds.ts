// SPDX-License-Identifier: Apache-2.0
// What binds, with prices in words; and what is not begun, and why.
import { type Child, details, el, table } from "../dom";
import { counted } from "../format";
import { number } from "../json";
import type { Bind, Plan } from "./document";
import { millions, money, power } from "./words";

/** Of each kind of rule; the numbers have all. */
const SHOWN = 5;

function placeOf(plan: Plan, bind: Bind): string {
  const names = bind.where.split(", ").map((key) => plan.sites.find((site) => site.key === key)?.name ?? plan.sectors.find((sector) => sector.key === key)?.name ?? key);
  if (bind.row === "DOMESTIC") return capital(bind.where.replace("-", " "));
  return bind.where === "" ? "All of it" : names.join(", ");
}

/** "in 2028", "in each of 8 quarters from 2027-Q3 to 2031-Q4". */
function whenOf(bind: Bind): string {
  const [first] = bind.times;
  const last = bind.times[bind.times.length - 1];
  if (first === undefined || last === undefined || first === "") return "";
  if (bind.times.length === 1) return ` in ${first}`;
  return ` in each of ${counted(bind.times.length, first.includes("Q") ? "quarter" : "year")} from ${first} to ${last}`;
}

/** "one more MW", "1,000 million KRW more of budget". */
function oneMore(plan: Plan, bind: Bind): string {
  const budget = /^(1,000 )?M of budget$/.exec(bind.unit);
  return budget === null ? `one more ${bind.unit}` : `${budget[1] ?? "one "}million ${plan.currency} more of budget`;
}

/** What one more is worth, or costs, as a sentence. */
function sentenceOf(plan: Plan, bind: Bind): string {
  return `: ${oneMore(plan, bind)}${whenOf(bind)} would ${bind.isAsked ? "cost" : "save"} ${money(plan)(bind.worth)}.`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** All of one kind: the dearest as sentences, every place as numbers. */
function kind(plan: Plan, rule: string): Child[] {
  const binds = plan.binds.filter((bind) => bind.rule === rule).sort((a, b) => b.worth - a.worth);
  const rest = binds.length - SHOWN;
  const isAsked = binds.some((bind) => bind.isAsked);
  return [
    el("h3", {}, capital(rule)),
    el("ul", { class: "binds" }, ...binds.slice(0, SHOWN).map((bind) => el("li", {}, el("strong", {}, placeOf(plan, bind)), sentenceOf(plan, bind)))),
    details(rest > 0 ? `The numbers, and ${counted(rest, "further place")}` : "The numbers", () => [
      table(
        `${capital(rule)}: what one more ${isAsked ? "costs" : "is worth"}, M ${plan.currency}`,
        [{ name: "where" }, { name: "binds in", isText: true }, { name: "one more", isText: true }, { name: `${isAsked ? "costs" : "is worth"}, M ${plan.currency}` }],
        binds.map((bind) => ({ head: placeOf(plan, bind), cells: [bind.times.filter((time) => time !== "").join(", ") || "always", bind.unit, millions(bind.worth)] })),
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
      "What one more would save of what a rule allows, or cost of what is asked of the plan: found by solving again with a little more of it, at all of its times, with what is begun and what is ordered at all held where the plan has it. In money of the first quarter, true for small changes of this plan. The rules with the most at stake come first; those of which one more changes nothing are left out.",
    ),
    ...rules.flatMap((rule) => kind(plan, rule)),
    ...notBegun(plan),
  ];
}
