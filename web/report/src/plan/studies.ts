// SPDX-License-Identifier: Apache-2.0
// What `daero plan alternatives` and `daero plan futures` found, as the page sees it. docs/planning.md has the members.
import { member, number, object, text } from "../json";

export interface Hall {
  site: string;
  phase: number;
  /** begun, not-begun, earlier, later. */
  what: string;
  /** Undefined: never. */
  quarter: string | undefined;
  planQuarter: string | undefined;
}

export interface Shift {
  name: string;
  count: number;
  plan: number;
}

export interface Alternative {
  name: string;
  cost: number | undefined;
  /** Shares of the plan's; from 0 to 1. */
  over: number | undefined;
  differs: number | undefined;
  differsFleet: number | undefined;
  differsHalls: number | undefined;
  nearest: number | undefined;
  words: string[];
  halls: Hall[];
  sites: Shift[];
  chips: Shift[];
}

export interface Alternatives {
  /** Of the plan that they were held against. */
  cost: number | undefined;
  within: number | undefined;
  /** Why there are fewer than asked for. */
  fewer: string;
  all: Alternative[];
}

export interface Future {
  key: string;
  name: string;
  weight: number | undefined;
  /** Shares of what the tables say. */
  demand: number | undefined;
  price: number | undefined;
  tariff: number | undefined;
  late: number;
  gridLate: number;
  best: number | undefined;
  relaxed: string[];
}

export interface Cell {
  result: string;
  cost: number | undefined;
  regret: number | undefined;
  gives: string;
}

export interface Stage {
  key: string;
  sameAs: string;
  expected: number | undefined;
  worst: number | undefined;
  /** Of each future. */
  cells: Cell[];
}

export interface End {
  /** Undefined: it does not go there. */
  value: string | undefined;
  result: string;
  cost: number | undefined;
}

export interface Swing {
  what: string;
  low: End;
  high: End;
}

export interface Futures {
  until: string;
  commonQuarters: number;
  chosen: string | undefined;
  expected: number | undefined;
  worst: number | undefined;
  valueOfKnowing: number | undefined;
  bound: number | undefined;
  gap: number | undefined;
  boundBy: string;
  orders: { quarter: string; site: string; chip: string; count: number }[];
  phases: { quarter: string; site: string; phase: number }[];
  all: Future[];
  stages: Stage[];
  asTold: number | undefined;
  swings: Swing[];
}

function list(of: unknown, ...path: string[]): unknown[] {
  const value = member(of, ...path);
  return Array.isArray(value) ? value : [];
}

function said(of: unknown, name: string): string {
  return text(of, name) ?? "";
}

function part(of: unknown, name: string): number | undefined {
  const value = number(of, name);
  return value === undefined ? undefined : value / 100;
}

function shiftsOf(of: unknown, name: string, key: string): Shift[] {
  return list(of, name).map((each) => ({ name: said(each, key), count: number(each, "accelerators") ?? 0, plan: number(each, "plan") ?? 0 }));
}

export function readAlternatives(of: unknown): Alternatives | undefined {
  if (object(of) === undefined) return undefined;
  return {
    cost: number(of, "cost"),
    within: part(of, "within_percent"),
    fewer: said(of, "fewer"),
    all: list(of, "alternatives").map((each, i) => ({
      name: `${i + 1}`,
      cost: number(each, "cost"),
      over: part(each, "over_percent"),
      differs: number(each, "differs"),
      differsFleet: number(each, "differs_fleet"),
      differsHalls: number(each, "differs_halls"),
      nearest: number(each, "nearest"),
      words: said(each, "words").split("\n").filter((line) => line !== ""),
      halls: list(each, "halls").map((hall) => ({ site: said(hall, "site"), phase: number(hall, "phase") ?? 0, what: said(hall, "what"), quarter: text(hall, "quarter"), planQuarter: text(hall, "plan_quarter") })),
      sites: shiftsOf(each, "sites", "site"),
      chips: shiftsOf(each, "chips", "chip"),
    })),
  };
}

function endOf(of: unknown, which: string): End {
  return { value: text(of, which), result: said(of, `at_${which}`), cost: number(of, `cost_${which}`) };
}

export function readFutures(of: unknown): Futures | undefined {
  if (object(of) === undefined) return undefined;
  const all = list(of, "futures").map((each): Future => ({
    key: said(each, "future"),
    name: said(each, "name"),
    weight: number(each, "weight"),
    demand: part(each, "demand_percent"),
    price: part(each, "price_percent"),
    tariff: part(each, "tariff_percent"),
    late: number(each, "late_quarters") ?? 0,
    gridLate: number(each, "grid_late_quarters") ?? 0,
    best: number(each, "best"),
    relaxed: list(each, "relaxed").map((one) => said(one, "words")),
  }));
  return {
    until: said(of, "common_until"),
    commonQuarters: number(of, "common_quarters") ?? 0,
    chosen: text(of, "chosen"),
    expected: number(of, "expected"),
    worst: number(of, "regret_max"),
    valueOfKnowing: number(of, "value_of_knowing"),
    bound: number(of, "bound"),
    gap: part(of, "gap_percent"),
    boundBy: said(of, "bound_by"),
    orders: list(of, "first_stage", "orders").map((each) => ({ quarter: said(each, "quarter"), site: said(each, "site"), chip: said(each, "chip"), count: number(each, "count") ?? 0 })),
    phases: list(of, "first_stage", "phases").map((each) => ({ quarter: said(each, "quarter"), site: said(each, "site"), phase: number(each, "phase") ?? 0 })),
    all,
    stages: list(of, "stages").map((each) => ({
      key: said(each, "stage"),
      sameAs: said(each, "same_as"),
      expected: number(each, "expected"),
      worst: number(each, "regret_max"),
      cells: all.map((_, w) => {
        const cell = list(each, "in")[w];
        return { result: said(cell, "result"), cost: number(cell, "cost"), regret: number(cell, "regret"), gives: said(cell, "gives") };
      }),
    })),
    asTold: number(of, "tornado", "cost_as_told"),
    swings: list(of, "tornado", "swings").map((each) => ({ what: said(each, "what"), low: endOf(each, "low"), high: endOf(each, "high") })),
  };
}
