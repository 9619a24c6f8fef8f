// SPDX-License-Identifier: Apache-2.0
// The plan beside other courses.
import * as Plot from "@observablehq/plot";
import { type Child, type Row, el, table } from "../dom";
import { figure } from "../figure";
import { amount, percent, whole } from "../format";
import { number, object } from "../json";
import type { Course, Plan } from "./document";
import { LETTER, gap, megawatts, millions, money, shortMoney } from "./words";

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
    line("furthest from its best", ["gap"], gap),
  ];
}

function coursesTable(plan: Plan, caption: string, courses: Course[]): HTMLElement {
  const lines = linesOf(plan).filter((each) => courses.some((course) => each.of(course) !== undefined));
  const rows = lines.map((each): Row => ({ head: each.name, cells: courses.map((course) => course.why ?? each.of(course) ?? "–") }));
  return table(caption, [{ name: "what" }, ...courses.map((course) => ({ name: course.name }))], rows, true);
}

/** One figure of each course, as bars. */
function bars(title: string, name: string, courses: Course[], format: (value: number) => string, short: (value: number) => string): HTMLElement | undefined {
  const rows = courses.map((course) => ({ name: course.name, why: course.why ?? "–", value: course.why === undefined ? number(course.figures, name) : undefined }));
  const known = rows.flatMap((row) => (row.value === undefined ? [] : [{ ...row, value: row.value }]));
  if (known.length < 2) return undefined;
  const letters = 16;
  const cut = (text: string): string => (text.length <= letters ? text : `${text.slice(0, letters - 1)}…`);
  const said = rows.map((row) => `${row.name} ${row.value === undefined ? row.why : format(row.value)}`).join(", ");
  return figure({
    title,
    alt: `${title}: ${said}.`,
    draw: (width) =>
      Plot.plot({
        width,
        height: rows.length * 24 + 8,
        marginLeft: 10 + LETTER * Math.max(...rows.map((row) => cut(row.name).length)),
        marginRight: 56,
        marginTop: 4,
        marginBottom: 4,
        style: { fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
        x: { axis: null, domain: [0, Math.max(...known.map((row) => row.value)) || 1] },
        y: { label: null, domain: rows.map((row) => row.name), padding: 0.22, tickSize: 0, tickFormat: cut },
        marks: [
          Plot.barX(known, { x: "value", y: "name", fill: (row: (typeof known)[number]) => (row.name === rows[0]?.name ? "var(--band-1)" : "var(--band-8)") }),
          Plot.text(rows, { x: (row: (typeof rows)[number]) => row.value ?? 0, y: "name", text: (row: (typeof rows)[number]) => (row.value === undefined ? row.why : short(row.value)), textAnchor: "start", dx: 5, fill: "var(--text)" }),
          Plot.ruleX([0], { stroke: "var(--muted)" }),
        ],
      }),
  });
}

function allBars(plan: Plan, courses: Course[]): Child {
  const made = [
    bars("Cost, discounted", "cost", courses, money(plan), shortMoney),
    bars("Spent on orders and building", "spent", courses, money(plan), shortMoney),
    bars("Work not done", "unmet", courses, percent, percent),
  ];
  return el("div", { class: "small-plots" }, ...made);
}

function words(courses: Course[]): Child {
  const said = courses.filter((course) => course.words !== "");
  return said.length > 0 && el("dl", { class: "said" }, ...said.flatMap((course) => [el("dt", {}, course.name), el("dd", {}, course.words)]));
}

/** The plan of this page, as the others are told. */
function self(plan: Plan): Course {
  const part = number(object(plan.certificate), "gap_percent");
  return { name: "this plan", words: "", why: undefined, figures: { ...plan.figures, ...(part === undefined ? {} : { gap: part / 100 }) } };
}

export function courseFigures(plan: Plan): Child[] {
  const others = plan.courses.filter((course) => course.name !== "plan");
  if (others.length === 0) return [];
  const all = [self(plan), ...others];
  return [words(others), allBars(plan, all), coursesTable(plan, "The plan beside other courses", all)];
}
