// SPDX-License-Identifier: Apache-2.0
// What to decide now when several futures may come: the first stage, what it costs in each future, and what had to give.
import { type Child, type Row, details, el, table } from "../dom";
import { counted, percent } from "../format";
import type { Plan } from "./document";
import type { Cell, Future, Futures, Stage } from "./studies";
import { tornado } from "./tornado";
import { count, gap, millions, money, power } from "./words";

const RESULTS: Record<string, string> = { none: "no plan", "not-in-time": "not done in time", "not-whole": "not found in whole lots", "not-tried": "not tried" };

function siteName(plan: Plan, key: string): string {
  return plan.sites.find((site) => site.key === key)?.name ?? key;
}

function stageName(study: Futures, key: string): string {
  const future = study.all.find((each) => each.key === key);
  if (future !== undefined) return `best for ${future.key}`;
  return { mean: "best for the mean", hedge: "hedge", all: "all futures at once", whole: "all futures at once, all of it whole" }[key] ?? key;
}

function lead(plan: Plan, study: Futures): Child[] {
  if (study.chosen === undefined || study.expected === undefined) return [el("p", { class: "notice" }, "No common first decision was found that leaves a plan in every future.")];
  const sure = study.bound === undefined || study.gap === undefined ? "In the time there was no bound for one of the futures, so the gap is not known." : `No plan with a common beginning is cheaper by more than ${gap(study.gap)} (proven by ${study.boundBy}).`;
  const worst = study.worst === undefined ? "" : ` In the worst of the futures it costs ${money(plan)(study.worst)} more than the least there.`;
  const knowing = study.valueOfKnowing === undefined ? "" : ` To know the future now would be worth at most ${money(plan)(Math.max(0, study.valueOfKnowing))}.`;
  return [
    el("p", {}, `Up to ${study.until} the same is done in every future; behind that each goes on as is best there. All in all that costs ${money(plan)(study.expected)}, as the futures are weighted.${worst}${knowing}`),
    el("p", { class: "note" }, sure),
  ];
}

function phaseTable(plan: Plan, study: Futures): Child {
  if (study.phases.length === 0) return undefined;
  return table(
    "What is begun now, in every future",
    [{ name: "begin" }, { name: "site", isText: true }, { name: "phase" }, { name: "adds" }],
    study.phases.map((each) => {
      const adds = plan.sites.find((site) => site.key === each.site)?.phases[each.phase - 1]?.power;
      return { head: each.quarter, cells: [siteName(plan, each.site), String(each.phase), adds === undefined ? "–" : power(adds)] };
    }),
  );
}

/** By quarter and chip. */
function orderRows(study: Futures): Row[] {
  const sums = new Map<string, { quarter: string; chip: string; count: number; sites: number }>();
  for (const each of study.orders) {
    const key = `${each.quarter} ${each.chip}`;
    const sum = sums.get(key) ?? { quarter: each.quarter, chip: each.chip, count: 0, sites: 0 };
    sums.set(key, { ...sum, count: sum.count + each.count, sites: sum.sites + 1 });
  }
  return [...sums.values()].sort((a, b) => (a.quarter < b.quarter ? -1 : a.quarter > b.quarter ? 1 : 0)).map((sum) => ({ head: sum.quarter, cells: [sum.chip, count(sum.count), count(sum.sites)] }));
}

function orderTable(plan: Plan, study: Futures): Child[] {
  if (study.orders.length === 0) return [];
  return [
    table("What is ordered now, in every future", [{ name: "order" }, { name: "chip", isText: true }, { name: "accelerators" }, { name: "sites" }], orderRows(study)),
    details("For which sites", () => [
      table(
        "What is ordered now, for each site",
        [{ name: "order" }, { name: "site", isText: true }, { name: "chip", isText: true }, { name: "accelerators" }],
        study.orders.map((each) => ({ head: each.quarter, cells: [siteName(plan, each.site), each.chip, count(each.count)] })),
      ),
    ]),
  ];
}

function decided(plan: Plan, study: Futures): Child[] {
  if (study.chosen === undefined) return [];
  return [
    el("h3", {}, `What is decided now, from ${plan.quarters[0] ?? ""} to ${study.until}`),
    study.phases.length === 0 && el("p", {}, "Nothing is begun."),
    study.orders.length === 0 && el("p", {}, "Nothing is ordered."),
    el("div", { class: "compact" }, phaseTable(plan, study), ...orderTable(plan, study)),
  ];
}

function futureTable(plan: Plan, study: Futures): Child {
  const part = (value: number | undefined): string => (value === undefined ? "–" : percent(value));
  const late = (value: number): string => (value === 0 ? "–" : counted(value, "quarter"));
  const row = (each: Future): Row => ({
    head: `${each.key}: ${each.name}`,
    cells: [part(each.weight), part(each.demand), part(each.price), part(each.tariff), late(each.late), late(each.gridLate), each.best === undefined ? "–" : millions(each.best)],
  });
  return table("What may come", [{ name: "future" }, { name: "weight" }, { name: "demand" }, { name: "prices" }, { name: "tariffs" }, { name: "chips late" }, { name: "grid late" }, { name: `least cost, M ${plan.currency}` }], study.all.map(row), true);
}

/** Regret, or why there is none. */
function cellOf(cell: Cell): Child {
  if (cell.result === "plan") return cell.regret === undefined ? "–" : millions(Math.max(0, cell.regret));
  const short = RESULTS[cell.result] ?? "–";
  return cell.result === "none" ? el("span", { class: "missed" }, short) : short;
}

function regretTable(plan: Plan, study: Futures): Child {
  const worth = (value: number | undefined): string => (value === undefined ? "–" : millions(value));
  const head = (stage: Stage): string => `${stageName(study, stage.key)}${stage.sameAs !== stage.key && stage.sameAs !== "" ? ` (as ${stageName(study, stage.sameAs)})` : ""}`;
  return table(
    `What each decision costs above the future's least, M ${plan.currency}`,
    [{ name: "decided now" }, ...study.all.map((each) => ({ name: each.key })), { name: "worst" }, { name: "expected cost" }],
    [
      ...study.stages.map((stage): Row => {
        const isChosen = stage.key === study.chosen;
        return { head: isChosen ? el("strong", {}, `${head(stage)}: the plan`) : head(stage), cells: [...stage.cells.map(cellOf), worth(stage.worst), worth(stage.expected)] };
      }),
    ],
    true,
  );
}

function gives(study: Futures): Child[] {
  const relaxed = study.all.filter((each) => each.relaxed.length > 0);
  const broken = study.stages
    .filter((stage) => stage.sameAs === stage.key)
    .flatMap((stage) => stage.cells.flatMap((cell, w) => (cell.result === "none" ? [{ stage, future: study.all[w]?.key ?? "", cell }] : [])));
  return [
    relaxed.length > 0 && el("h3", {}, "What has to give in some futures"),
    ...relaxed.flatMap((each) => [el("p", {}, `No plan keeps all rules in ${each.key} (${each.name}). There these hold instead, for every plan:`), el("ul", { class: "binds" }, ...each.relaxed.map((line) => el("li", {}, line)))]),
    broken.length > 0 && el("h3", {}, "Where a decision leaves no plan"),
    broken.length > 0 &&
      el(
        "ul",
        { class: "binds" },
        ...broken.map(({ stage, future, cell }) => el("li", {}, el("strong", {}, `${stageName(study, stage.key)}, in ${future}`), cell.gives === "" ? ": nothing that may be relaxed would mend it." : `: it would take ${cell.gives}.`)),
      ),
  ];
}

export function futureFigures(plan: Plan): Child[] {
  const study = plan.futures;
  if (study === undefined) return [];
  return [
    ...lead(plan, study),
    ...decided(plan, study),
    study.all.length > 0 && el("h3", {}, "What may come"),
    futureTable(plan, study),
    el("h3", {}, "What it costs to be wrong"),
    el("p", { class: "note" }, `A row is a decision for the first ${counted(study.commonQuarters, "quarter")}, a column a future that comes then: by how much that costs more than the least found there, in M ${plan.currency}. No plan: in that future the decision leaves none that keeps all rules.`),
    regretTable(plan, study),
    ...gives(study),
    tornado(plan, study),
  ];
}
