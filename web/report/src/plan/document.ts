// SPDX-License-Identifier: Apache-2.0
// The plan as the page sees it. docs/planning.md says what the members of the document are.
import { type Json, member, number, object, text } from "../json";
import type { Series } from "../run";
import { type Rehearsal, readRehearsal } from "./rehearsal";
import { type Alternatives, type Futures, readAlternatives, readFutures } from "./studies";

export interface Phase {
  number: number;
  power: number;
  cost: number;
  buildQuarters: number;
  begunBefore: boolean;
  /** Places of quarters; they may lie outside the plan. Undefined: it is not begun, or was before. */
  begin: number | undefined;
  there: number | undefined;
}

export interface Site {
  key: string;
  name: string;
  zone: string;
  grade: number;
  pue: number;
  place: { latitude: number; longitude: number; isAssumed: boolean } | undefined;
  on: number[];
  there: number[];
  ordered: number[];
  draw: number[];
  power: number[];
  phases: Phase[];
  chips: { chip: string; on: number[] }[];
}

export interface Chip {
  key: string;
  vendor: string;
  isDomestic: boolean;
  compute: number;
  on: number[];
  there: number[];
  ordered: number[];
}

export interface Zone {
  key: string;
  draw: number[];
  power: number[];
  grid: (number | null)[] | undefined;
}

export interface Sector {
  key: string;
  name: string;
  least: number;
  isCritical: boolean;
  unservedCost: number;
  demand: number[];
  served: number[];
}

export interface Target {
  quarter: string;
  of: string;
  asked: number;
  found: number;
  isMet: boolean;
}

export interface Domestic {
  measure: string;
  isAsked: boolean;
  asked: (number | null)[];
  found: (number | null)[];
}

export interface Bind {
  row: string;
  rule: string;
  where: string;
  unit: string;
  /** The rule asks for so much, and one more costs; else it allows so much, and one more saves. */
  isAsked: boolean;
  /** Of one more at all of its times. */
  worth: number;
  times: string[];
}

export interface NotBegun {
  site: string;
  phase: number;
  power: number;
  cost: number;
  quarter: string;
  dearer: number;
}

/** A course: figures by their names. */
export interface Course {
  name: string;
  words: string;
  /** Why there are no figures of it; undefined: there are. */
  why: string | undefined;
  figures: Json;
}

export interface Plan {
  name: string;
  currency: string;
  quarters: string[];
  /** The quarters as bins of time, for plots. */
  series: Series;
  years: number[];
  yearOf: number[];
  discount: number;
  cost: number;
  costs: { part: string; words: string; amount: number }[];
  figures: Json;
  targets: Target[];
  domestic: Domestic[];
  byQuarter(name: string): number[];
  byYear(name: string): number[];
  budget: (number | null)[] | undefined;
  sites: Site[];
  zones: Zone[];
  chips: Chip[];
  sectors: Sector[];
  binds: Bind[];
  notBegun: NotBegun[];
  certificate: Json;
  verify: string | undefined;
  courses: Course[];
  alternatives: Alternatives | undefined;
  futures: Futures | undefined;
  rehearsal: Rehearsal | undefined;
}

function list(of: unknown, ...path: string[]): unknown[] {
  const value = member(of, ...path);
  return Array.isArray(value) ? value : [];
}

function numbersOf(of: unknown, name: string, count: number): number[] {
  const values = list(of, name);
  return Array.from({ length: count }, (_, i) => (typeof values[i] === "number" ? values[i] : 0));
}

/** With null where there is no limit; undefined where there is none at all. */
function limitsOf(of: unknown, name: string, count: number): (number | null)[] | undefined {
  const values = list(of, name);
  if (values.every((each) => typeof each !== "number")) return undefined;
  return Array.from({ length: count }, (_, i) => (typeof values[i] === "number" ? values[i] : null));
}

function said(of: unknown, name: string): string {
  return text(of, name) ?? "";
}

/** "2027-Q3" as quarters since year 0; NaN where it is none. */
function quarterNumber(name: string | undefined): number {
  const parts = /^(\d{4})-Q([1-4])$/.exec(name ?? "");
  return parts === null ? NaN : Number(parts[1]) * 4 + Number(parts[2]) - 1;
}

function seriesOf(quarters: string[]): Series {
  const begin = quarterNumber(quarters[0]);
  const first = Number.isNaN(begin) ? 0 : begin;
  return {
    edges: Array.from({ length: quarters.length + 1 }, (_, i) => new Date(Date.UTC(Math.floor((first + i) / 4), ((first + i) % 4) * 3))),
    count: quarters.length,
    stepSeconds: 91 * 86400,
    names: quarters,
    line: () => undefined,
    sites: [],
    accounts: [],
  };
}

function coursesOf(of: unknown): Course[] {
  const course = (name: string, about: unknown): Course => ({ name, words: said(about, "words"), why: member(about, "found") === false ? (text(about, "why") ?? "no plan") : undefined, figures: object(about) ?? {} });
  return Object.entries(object(of) ?? {}).map(([name, about]) => course(name, about));
}

export function readPlan(document: unknown): Plan {
  const scenario = object(document, "scenario") ?? {};
  const quarters = list(scenario, "quarters").map(String);
  const count = quarters.length;
  const begin = quarterNumber(quarters[0]);
  const years = list(scenario, "years").map(Number);
  const placeOf = (of: unknown, name: string): number | undefined => {
    const at = quarterNumber(text(of, name)) - begin;
    return Number.isNaN(at) ? undefined : at;
  };
  const sites = list(document, "sites").map((site): Site => {
    const latitude = number(site, "latitude");
    const longitude = number(site, "longitude");
    return {
      key: said(site, "site"),
      name: said(site, "name"),
      zone: said(site, "zone"),
      grade: number(site, "grade") ?? 0,
      pue: number(site, "pue") ?? 0,
      place: latitude === undefined || longitude === undefined ? undefined : { latitude, longitude, isAssumed: member(site, "location_assumed") === true },
      on: numbersOf(site, "on", count),
      there: numbersOf(site, "there", count),
      ordered: numbersOf(site, "ordered", count),
      draw: numbersOf(site, "draw_w", count),
      power: numbersOf(site, "power_w", count),
      phases: list(site, "phases").map((phase, i): Phase => ({
        number: i + 1,
        power: number(phase, "power_w") ?? 0,
        cost: number(phase, "cost") ?? 0,
        buildQuarters: number(phase, "build_quarters") ?? 0,
        begunBefore: member(phase, "begun_before") === true,
        begin: placeOf(phase, "begin"),
        there: placeOf(phase, "there"),
      })),
      chips: list(site, "chips").map((chip) => ({ chip: said(chip, "chip"), on: numbersOf(chip, "on", count) })),
    };
  });
  return {
    name: said(scenario, "name"),
    currency: said(scenario, "currency"),
    quarters,
    series: seriesOf(quarters),
    years,
    yearOf: numbersOf(scenario, "year_of_quarter", count),
    discount: number(scenario, "discount") ?? 0,
    cost: number(document, "cost") ?? 0,
    costs: list(document, "costs").map((each) => ({ part: said(each, "part"), words: said(each, "words"), amount: number(each, "amount") ?? 0 })),
    figures: object(document, "figures") ?? {},
    targets: list(document, "targets").map((each) => ({
      quarter: said(each, "quarter"),
      of: said(each, "of"),
      asked: number(each, "asked") ?? 0,
      found: number(each, "found") ?? 0,
      isMet: member(each, "met") === true,
    })),
    domestic: list(document, "domestic").map((each) => ({
      measure: said(each, "measure"),
      isAsked: member(each, "is_asked") === true,
      asked: limitsOf(each, "asked", years.length) ?? years.map(() => null),
      found: limitsOf(each, "found", years.length) ?? years.map(() => null),
    })),
    byQuarter: (name) => numbersOf(object(document, "quarters"), name, count),
    byYear: (name) => numbersOf(object(document, "years"), name, years.length),
    budget: limitsOf(object(document, "years"), "budget", years.length),
    sites,
    zones: list(document, "zones").map((zone) => ({
      key: said(zone, "zone"),
      draw: numbersOf(zone, "draw_w", count),
      power: numbersOf(zone, "power_w", count),
      grid: limitsOf(zone, "grid_w", count),
    })),
    chips: list(document, "chips").map((chip) => ({
      key: said(chip, "chip"),
      vendor: said(chip, "vendor"),
      isDomestic: member(chip, "domestic") === true,
      compute: number(chip, "compute") ?? 0,
      on: numbersOf(chip, "on", count),
      there: numbersOf(chip, "there", count),
      ordered: numbersOf(chip, "ordered", count),
    })),
    sectors: list(document, "sectors").map((sector) => ({
      key: said(sector, "sector"),
      name: said(sector, "name"),
      least: number(sector, "least") ?? 0,
      isCritical: member(sector, "critical") === true,
      unservedCost: number(sector, "unserved_cost") ?? 0,
      demand: numbersOf(sector, "demand", count),
      served: numbersOf(sector, "served", count),
    })),
    binds: list(document, "binds").map((each) => ({
      row: said(each, "row"),
      rule: said(each, "rule"),
      where: said(each, "where"),
      unit: said(each, "unit"),
      isAsked: member(each, "asked") === true,
      worth: number(each, "worth") ?? 0,
      times: list(each, "times").map((time) => (typeof time === "string" ? time : "")),
    })),
    notBegun: list(document, "not_begun").map((each) => ({
      site: said(each, "site"),
      phase: number(each, "phase") ?? 0,
      power: number(each, "power_w") ?? 0,
      cost: number(each, "cost") ?? 0,
      quarter: said(each, "quarter"),
      dearer: number(each, "dearer") ?? 0,
    })),
    certificate: object(document, "certificate") ?? {},
    verify: text(document, "verify"),
    courses: coursesOf(member(document, "courses")),
    alternatives: readAlternatives(member(document, "alternatives")),
    futures: readFutures(member(document, "futures")),
    rehearsal: readRehearsal(member(document, "replay")),
  };
}

export function sum(values: number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

/** Sums of a line over quarters, for each year. */
export function perYear(plan: Plan, values: number[]): number[] {
  const years = plan.years.map(() => 0);
  values.forEach((each, t) => (years[plan.yearOf[t] ?? 0] = (years[plan.yearOf[t] ?? 0] ?? 0) + each));
  return years;
}

/** The last quarter of each year. */
export function lastQuarters(plan: Plan): number[] {
  return plan.years.map((_, y) => plan.yearOf.lastIndexOf(y)).filter((t) => t >= 0);
}

/** The quarter by which plans are told: the last target's, else the last one. */
export function horizon(plan: Plan): number {
  const places = plan.targets.map((target) => plan.quarters.indexOf(target.quarter));
  const last = Math.max(-1, ...places);
  return last >= 0 ? last : Math.max(0, plan.quarters.length - 1);
}
