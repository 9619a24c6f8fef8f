// SPDX-License-Identifier: Apache-2.0
// The plan beside other courses; plans that are nearly as good; what to do if the future differs.
import { type Child, type Row, el, table } from "../dom";
import { amount, percent, whole } from "../format";
import { number, object } from "../json";
import type { Course, Plan } from "./document";
import { gap, megawatts, millions } from "./words";

interface Line {
  name: string;
  of: (course: Course) => string | undefined;
}

function line(name: string, path: string[], format: (value: number) => string): Line {
  return {
    name,
    of: (course) => {
      const value = number(course.figures, ...path);
      return value === undefined ? undefined : format(value);
    },
  };
}

function linesOf(plan: Plan): Line[] {
  return [
    line(`cost, discounted, M ${plan.currency}`, ["cost"], millions),
    line(`spent on orders and building, M ${plan.currency}`, ["spent"], millions),
    line("work not done", ["unmet"], percent),
    ...plan.sectors.map((sector) => line(`… of ${sector.name}`, ["unmet_of", sector.key], percent)),
    ...plan.years.map((year) => line(`… in ${year}`, ["unmet_in", String(year)], percent)),
    line("domestic in orders, by value", ["domestic"], percent),
    line("highest draw, MW", ["peak_w"], megawatts),
    line("accelerator-quarters given to nobody", ["idle_accelerator_quarters"], whole),
    line("mean age at the end, quarters", ["age_quarters"], amount),
    line("largest swing of a year's spending, of the mean year", ["swing"], percent),
    line("regret", ["regret"], millions),
    line("furthest from its best", ["gap"], gap),
  ];
}

function coursesTable(plan: Plan, caption: string, courses: Course[]): HTMLElement {
  const lines = linesOf(plan).filter((each) => courses.some((course) => each.of(course) !== undefined));
  const rows = lines.map((each): Row => ({ head: each.name, cells: courses.map((course) => (course.found ? (each.of(course) ?? "–") : "no plan")) }));
  return table(caption, [{ name: "what" }, ...courses.map((course) => ({ name: course.name }))], rows, true);
}

function words(courses: Course[]): Child {
  const said = courses.filter((course) => course.words !== "");
  return said.length > 0 && el("dl", { class: "said" }, ...said.flatMap((course) => [el("dt", {}, course.name), el("dd", {}, course.words)]));
}

/** The plan of this page, as the others are told. */
function self(plan: Plan): Course {
  const part = number(object(plan.certificate), "gap_percent");
  return { name: "this plan", words: "", found: true, figures: { ...plan.figures, ...(part === undefined ? {} : { gap: part / 100 }) } };
}

export function courseFigures(plan: Plan): Child[] {
  const others = plan.courses.filter((course) => course.name !== "plan");
  if (others.length === 0) return [];
  return [words(others), coursesTable(plan, "The plan beside other courses", [self(plan), ...others])];
}

export function alternativeFigures(plan: Plan): Child[] {
  if (plan.alternatives.length === 0) return [];
  return [words(plan.alternatives), coursesTable(plan, "The plan beside plans that are nearly as good", [self(plan), ...plan.alternatives])];
}

export function futureFigures(plan: Plan): Child[] {
  if (plan.futures.length === 0) return [];
  return [words(plan.futures), coursesTable(plan, "The plan in other futures", [self(plan), ...plan.futures])];
}
