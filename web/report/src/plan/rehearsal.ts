// SPDX-License-Identifier: Apache-2.0
// What `daero plan replay` saw, as the page sees it. docs/planning.md has the members of replay.json.
import { member, number, object, text } from "../json";

/** A sector in a year, over the quarters of it that were rehearsed; units as means of these. */
export interface Told {
  year: number;
  sector: string;
  demand: number;
  promised: number;
  done: number;
  /** Promised, less what was late. */
  kept: number;
  /** Accelerator-hours a day: what the plan keeps busy for it, as much of that as is in time, and what its jobs held. */
  promisedHours: number;
  achievedHours: number;
  heldHours: number;
  given: number;
  /** Shares, from 0 to 1. */
  busy: number;
  busyStated: number;
  lost: number;
  wait: number;
  longWait: number;
  jobs: number;
  isCoarse: boolean;
  isBroken: boolean;
}

export interface Quarter {
  name: string;
  accelerators: number;
  jobs: number;
  refused: number;
  hash: string;
  warmUp: number | undefined;
  horizon: number | undefined;
}

export interface Round {
  answer: string;
  cost: number | undefined;
  bound: number | undefined;
  isCut: boolean;
  /** The largest change of a factor that it asks for, as a share. */
  change: number | undefined;
  /** Of each sector: shares by year. */
  factors: Map<string, Map<string, number>>;
  years: Told[];
  quarters: Quarter[];
}

export interface Rehearsal {
  scale: number | undefined;
  days: number | undefined;
  warmUpDays: number | undefined;
  waitGoal: number | undefined;
  keptLeast: number | undefined;
  tolerance: number | undefined;
  /** settled, rounds, no plan, stopped. */
  end: string;
  rounds: Round[];
  /** The plan as it is, with all that is asked for. */
  withAll: Told[];
}

function list(of: unknown, name: string): unknown[] {
  const value = member(of, name);
  return Array.isArray(value) ? value : [];
}

function part(of: unknown, name: string): number | undefined {
  const value = number(of, name);
  return value === undefined ? undefined : value / 100;
}

function yearsOf(of: unknown, name: string): Told[] {
  return list(of, name).flatMap((each) => {
    const [year, sector] = [number(each, "year"), text(each, "sector")];
    const amount = (what: string): number => number(each, what) ?? 0;
    if (year === undefined || sector === undefined) return [];
    return [
      {
        year,
        sector,
        demand: amount("demand_units"),
        promised: amount("promised_units"),
        done: amount("done_units"),
        kept: amount("kept_units"),
        promisedHours: amount("promised_accelerator_hours_a_day"),
        achievedHours: amount("achieved_accelerator_hours_a_day"),
        heldHours: amount("held_accelerator_hours_a_day"),
        given: amount("given_accelerators"),
        busy: amount("busy_percent") / 100,
        busyStated: amount("stated_busy_percent") / 100,
        lost: amount("lost_percent") / 100,
        wait: amount("wait_mean_s"),
        longWait: amount("wait_p95_s"),
        jobs: amount("jobs"),
        isCoarse: member(each, "coarse") === true,
        isBroken: member(each, "broken") === true,
      },
    ];
  });
}

function factorsOf(of: unknown): Map<string, Map<string, number>> {
  const byYear = (each: unknown): Map<string, number> => new Map(Object.entries(object(each) ?? {}).flatMap(([year, value]) => (typeof value === "number" ? [[year, value / 100]] : [])));
  return new Map(Object.entries(object(of, "factors_percent") ?? {}).map(([sector, each]) => [sector, byYear(each)]));
}

function roundOf(of: unknown): Round {
  return {
    answer: text(of, "answer") ?? "",
    cost: number(of, "cost"),
    bound: number(of, "bound"),
    isCut: member(of, "cut_by_the_clock") === true,
    change: part(of, "largest_change_percent"),
    factors: factorsOf(of),
    years: yearsOf(of, "years"),
    quarters: list(of, "quarters").map((each) => ({
      name: text(each, "quarter") ?? "",
      accelerators: number(each, "accelerators") ?? 0,
      jobs: number(each, "jobs") ?? 0,
      refused: number(each, "refused") ?? 0,
      hash: text(each, "state_hash") ?? "",
      warmUp: number(each, "warm_up_s"),
      horizon: number(each, "horizon_s"),
    })),
  };
}

export function readRehearsal(of: unknown): Rehearsal | undefined {
  if (object(of) === undefined) return undefined;
  const options = object(of, "options");
  return {
    scale: number(options, "scale"),
    days: number(options, "days"),
    warmUpDays: number(options, "warm_up_days"),
    waitGoal: number(options, "wait_goal_s"),
    keptLeast: part(options, "kept_least_percent"),
    tolerance: part(options, "tolerance_percent"),
    end: text(of, "end") ?? "",
    rounds: list(of, "rounds").map(roundOf),
    withAll: yearsOf(of, "years_with_all"),
  };
}
