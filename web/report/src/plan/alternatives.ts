// SPDX-License-Identifier: Apache-2.0
// Plans that are nearly as good and differ most: what they cost, how far they differ, and what they do otherwise.
import { type Child, type Row, details, el, table } from "../dom";
import { counted, percent } from "../format";
import type { Plan } from "./document";
import type { Alternative, Alternatives, Hall, Shift } from "./studies";
import { count, hundredths, millions, share } from "./words";

const WHAT: Record<string, string> = { begun: "begins, and the plan does not", "not-begun": "does not begin", earlier: "begins earlier", later: "begins later" };

function siteName(plan: Plan, key: string): string {
  return plan.sites.find((site) => site.key === key)?.name ?? key;
}

/** With a sign, as it is beyond the plan's. */
function beyond(value: number): string {
  return value > 0 ? `+${count(value)}` : value < 0 ? `−${count(-value)}` : "0";
}

function costTable(plan: Plan, study: Alternatives): HTMLElement {
  const row = (one: Alternative): Row => ({
    head: `Alternative ${one.name}`,
    cells: [one.cost === undefined ? "–" : millions(one.cost), one.over === undefined ? "–" : hundredths(one.over), share(one.differs), share(one.differsFleet), share(one.differsHalls), share(one.nearest)],
  });
  return table(
    "What plans that are nearly as good cost, and how far they differ",
    [{ name: "plan" }, { name: `cost, M ${plan.currency}` }, { name: "over the plan" }, { name: "differs from it" }, { name: "in its chips" }, { name: "in its halls" }, { name: "from its nearest" }],
    [{ head: "the plan", cells: [study.cost === undefined ? "–" : millions(study.cost), "–", "–", "–", "–", "–"] }, ...study.all.map(row)],
    true,
  );
}

function hallRow(plan: Plan, hall: Hall, i: number, all: Hall[]): Row {
  const isFirst = i === 0 || all[i - 1]?.site !== hall.site;
  const span = all.filter((each) => each.site === hall.site).length;
  return { head: siteName(plan, hall.site), span: isFirst ? span : 0, className: isFirst ? "group" : "", cells: [`phase ${hall.phase}`, WHAT[hall.what] ?? hall.what, hall.quarter ?? "never", hall.planQuarter ?? "never"] };
}

function shiftTable(caption: string, kind: string, shifts: Shift[], nameOf: (key: string) => string): Child {
  if (shifts.length === 0) return undefined;
  return table(caption, [{ name: kind }, { name: "accelerators" }, { name: "the plan's" }, { name: "beyond" }], shifts.map((each) => ({ head: nameOf(each.name), cells: [count(each.count), count(each.plan), beyond(each.count - each.plan)] })));
}

function numbersOf(plan: Plan, one: Alternative): Child[] {
  const halls = [...one.halls].sort((a, b) => (a.site === b.site ? a.phase - b.phase : a.site < b.site ? -1 : 1));
  return [
    halls.length > 0 &&
      table(
        `Alternative ${one.name}: halls that are begun otherwise`,
        [{ name: "site" }, { name: "phase", isText: true }, { name: "what", isText: true }, { name: "begun" }, { name: "in the plan" }],
        halls.map((hall, i) => hallRow(plan, hall, i, halls)),
      ),
    shiftTable(`Alternative ${one.name}: accelerators at the end, by site`, "site", one.sites, (key) => siteName(plan, key)),
    shiftTable(`Alternative ${one.name}: accelerators at the end, by chip`, "chip", one.chips, (key) => key),
  ];
}

function differences(plan: Plan, one: Alternative): Child[] {
  const capital = (line: string): string => `${line.charAt(0).toUpperCase()}${line.slice(1)}`;
  return [
    el("h3", {}, `Alternative ${one.name}${one.over === undefined ? "" : `: ${one.over < 0 ? "cheaper" : "dearer"} by ${hundredths(Math.abs(one.over))}`}`),
    el("ul", { class: "binds" }, ...one.words.map((line) => el("li", {}, capital(line)))),
    one.halls.length + one.sites.length + one.chips.length > 0 && details("The numbers", () => numbersOf(plan, one)),
  ];
}

export function alternativeFigures(plan: Plan): Child[] {
  const study = plan.alternatives;
  if (study === undefined) return [];
  const within = study.within === undefined ? "little" : `at most ${percent(study.within)}`;
  const isOther = study.cost !== undefined && Math.abs(study.cost - plan.cost) > 1e-9 * Math.abs(plan.cost);
  return [
    el("p", { class: "note" }, `${study.all.length === 0 ? "No plan was found that costs" : `${counted(study.all.length, "plan")} that ${study.all.length === 1 ? "costs" : "cost"}`} ${within} more than the plan and ${study.all.length === 1 ? "differs" : "differ"} from it as far as was found: where there is a reason that no table states, one of these may be the better plan. Two plans differ by ${percent(0)} where they are the same, by ${percent(1)} where they have nothing in common.`),
    isOther && el("p", { class: "notice" }, `They were held against another plan for the same tables, of ${millions(study.cost ?? 0)} M ${plan.currency}; this page's costs ${millions(plan.cost)} M.`),
    costTable(plan, study),
    study.fewer !== "" && el("p", { class: "note" }, `${study.fewer}.`),
    ...study.all.flatMap((one) => differences(plan, one)),
  ];
}
