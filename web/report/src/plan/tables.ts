// SPDX-License-Identifier: Apache-2.0
// The tables: sites, chips, and the certificate with what checks it.
import { type Child, el, table, details } from "../dom";
import { amount, duration, whole } from "../format";
import { type Json, member, number, object, text } from "../json";
import { type Plan, horizon, sum } from "./document";
import { count, gap, megawatts, millions } from "./words";

export function siteTables(plan: Plan): Child[] {
  const at = horizon(plan);
  const quarter = plan.quarters[at] ?? "";
  const sites = [...plan.sites].sort((a, b) => (b.on[at] ?? 0) - (a.on[at] ?? 0));
  const chips = plan.chips.filter((chip) => chip.on.some((on) => on > 0) || chip.ordered.some((ordered) => ordered > 0));
  return [
    el("div", { class: "sites" }, table(
      `Sites in ${quarter}`,
      [{ name: "site" }, { name: "zone", isText: true }, { name: "accelerators on" }, { name: "power, MW" }, { name: "drawn, MW" }, { name: "ordered, all quarters" }, { name: "phases begun" }, { name: "building, M " + plan.currency }, { name: "grade" }, { name: "PUE" }],
      sites.map((site) => {
        const begun = site.phases.filter((phase) => phase.begin !== undefined);
        return {
          head: el("span", {}, site.name, el("small", {}, site.key)),
          cells: [
            site.zone,
            count(site.on[at] ?? 0),
            megawatts(site.power[at] ?? 0),
            megawatts(site.draw[at] ?? 0),
            count(sum(site.ordered)),
            String(begun.length),
            millions(sum(begun.map((phase) => phase.cost))),
            String(site.grade),
            amount(site.pue),
          ],
        };
      }),
    )),
    details(`What is on at each site in ${quarter}, by chip`, () => [
      table(
        `Accelerators that are on in ${quarter}`,
        [{ name: "site" }, ...chips.map((chip) => ({ name: chip.key }))],
        sites.map((site) => ({
          head: site.name,
          cells: chips.map((chip) => {
            const on = site.chips.find((each) => each.chip === chip.key)?.on[at] ?? 0;
            return on > 0 ? count(on) : "–";
          }),
        })),
      ),
    ]),
    el("h3", {}, "Chips"),
    table(
      "Chips",
      [{ name: "chip" }, { name: "vendor", isText: true }, { name: "domestic", isText: true }, { name: "compute of one" }, ...plan.years.map((year) => ({ name: `ordered in ${year}` })), { name: `on in ${quarter}` }],
      chips.map((chip) => ({
        head: chip.key,
        cells: [chip.vendor, chip.isDomestic ? "yes" : "no", amount(chip.compute), ...plan.years.map((_, y) => count(sum(chip.ordered.filter((_each, t) => plan.yearOf[t] === y)))), count(chip.on[at] ?? 0)],
      })),
      true,
    ),
  ];
}

function value(of: Json, name: string): string {
  const found = member(of, name);
  if (typeof found === "boolean") return found ? "yes" : "no";
  return typeof found === "string" || typeof found === "number" ? String(found) : "–";
}

export function certificateTable(plan: Plan): Child[] {
  const { certificate } = plan;
  const program = object(certificate, "program") ?? {};
  const run = object(certificate, "run") ?? {};
  const cost = number(certificate, "cost") ?? 0;
  const bound = number(certificate, "bound") ?? 0;
  const part = (number(certificate, "gap_percent") ?? 0) / 100;
  const rows: [string, Child, string][] = [
    [`cost, M ${plan.currency}`, millions(cost), "of the plan, discounted to the first quarter"],
    [`bound, M ${plan.currency}`, millions(bound), "no plan of these tables costs less"],
    ["gap", gap(part), "of the cost: the most by which the plan can be dearer than the best there is"],
    ["the bound is", text(program, "bound_by") ?? "–", "by what it was proven"],
    ["rules checked", whole(number(certificate, "rules_checked") ?? 0), "in whole numbers of 128 bits, by code that shares nothing with the search"],
    ["rules broken", whole(number(certificate, "rules_broken") ?? 0), ""],
    ["SHA-256 of the scenario", el("code", { class: "hash" }, value(certificate, "inputs_sha256")), "plan.yaml and its tables"],
    ["SHA-256 of the plan", el("code", { class: "hash" }, value(certificate, "plan_sha256")), "orders.csv, phases.csv, fleet.csv, work.csv"],
    ["solvers", value(program, "solvers"), ""],
    ["daero", value(program, "daero"), "version"],
    ["seed", value(program, "seed"), ""],
    ["rows, columns, binaries", `${whole(number(program, "rows") ?? 0)}, ${whole(number(program, "columns") ?? 0)}, ${whole(number(program, "binaries") ?? 0)}`, "of the program"],
    ["time", duration(number(run, "seconds") ?? 0), `by the clock; ${duration(number(run, "solver_cpu_seconds") ?? 0)} of a processor, first plan after ${duration(number(run, "first_plan_seconds") ?? 0)}`],
    ["cut by the clock", value(run, "cut_by_the_clock"), "yes: another run may find another plan"],
  ];
  return [
    plan.verify === undefined
      ? el("p", {}, "This plan was not written to a folder (", el("code", {}, "-o"), "), so that it can't be checked again from its files.")
      : el("p", {}, "Check it again, from the scenario's tables and the plan's:"),
    plan.verify !== undefined && el("pre", { class: "command" }, el("code", {}, plan.verify)),
    table(
      "The certificate",
      [{ name: "what" }, { name: "value", isText: true }],
      rows.map(([head, found, means]) => ({ head, cells: [el("span", {}, found, means !== "" && el("small", {}, means))] })),
      true,
    ),
  ];
}
