// SPDX-License-Identifier: Apache-2.0
// The figures that are single numbers: which there are, what they are called, and which way is better.
import { amount, duration, energy, type Format, percent, power, whole } from "./format";
import { number } from "./json";
import type { Run } from "./run";

export interface Measure {
  name: string;
  /** In plain words. */
  means: string;
  of(run: Run): number | undefined;
  format: Format;
  better?: "less" | "more";
}

/** A number; undefined also where it is a mean, or the like, of nothing. */
export function known(of: unknown, ...path: string[]): number | undefined {
  const isOfNothing = path[path.length - 1] !== "count" && number(of, ...path.slice(0, -1), "count") === 0;
  return isOfNothing ? undefined : number(of, ...path);
}

function at(...path: string[]): (run: Run) => number | undefined {
  return (run) => known(run.measures, ...path);
}

function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole === 0 ? undefined : part / whole;
}

/** Kept, of the accelerator-hours that attempts held. */
function kept(run: Run): number | undefined {
  const lost = ratio(number(run.measures, "lost_accelerator_hours"), number(run.measures, "accelerator_hours"));
  return lost === undefined ? undefined : 1 - lost;
}

function completed(run: Run): number | undefined {
  return ratio(number(run.measures, "outcomes", "completed") ?? 0, number(run.measures, "jobs"));
}

const IN_USE: Measure = { name: "Accelerators in use", means: "of all accelerator-time was given to jobs", of: at("allocated"), format: percent, better: "more" };
const HALF_WAIT: Measure = { name: "Typical wait", means: "or less is what half of the jobs waited", of: at("wait_s", "p50"), format: duration, better: "less" };
const LONG_WAIT: Measure = { name: "Wait, 95 of 100 jobs", means: "was passed by five jobs of a hundred", of: at("wait_s", "p95"), format: duration, better: "less" };
const MEAN_WAIT: Measure = { name: "Wait, mean", means: "from submit to first start", of: at("wait_s", "mean"), format: duration, better: "less" };
const KEPT: Measure = { name: "Work kept", means: "of the time on accelerators was not lost to stops, faults or limits", of: kept, format: percent, better: "more" };
const FAIR: Measure = { name: "Furthest from a fair share", means: "is the largest distance of an account from its weighted share", of: at("fairness", "largest_deviation"), format: percent, better: "less" };
const DONE: Measure = { name: "Jobs completed", means: "of the jobs ended as they were meant to", of: completed, format: percent, better: "more" };
const ENERGY: Measure = { name: "Energy", means: "was drawn for jobs, cooling included", of: at("energy_j"), format: energy, better: "less" };
const PEAK: Measure = { name: "Peak power", means: "was the most drawn at a time", of: at("power", "peak_w"), format: power, better: "less" };

/** The five that matter; where a run lacks one, the next takes its place. */
export function headline(runs: Run[]): Measure[] {
  const isThere = (measure: Measure): boolean => runs.some((run) => measure.of(run) !== undefined);
  return [IN_USE, HALF_WAIT, KEPT, FAIR, ENERGY, DONE, LONG_WAIT].filter(isThere).slice(0, 5);
}

export const MEASURES: [group: string, measures: Measure[]][] = [
  [
    "Use",
    [
      IN_USE,
      { name: "At most in use", means: "of what there was, at any time", of: at("allocated_most"), format: percent, better: "more" },
      { name: "CPUs in use", means: "of all CPU-time was given to jobs", of: at("allocated_cpus"), format: percent, better: "more" },
      { name: "Goodput", means: "of all accelerator-time became work that was kept", of: at("goodput"), format: percent, better: "more" },
      { name: "Accelerator-hours", means: "held by jobs", of: at("accelerator_hours"), format: amount },
      { name: "Accelerator-hours lost", means: "to stops, lost nodes, limits and failures", of: at("lost_accelerator_hours"), format: amount, better: "less" },
      KEPT,
      { name: "Fragmentation", means: "accelerators that are free, but in pieces too small", of: at("fragmentation"), format: amount, better: "less" },
      { name: "Makespan", means: "from the first submit to the last end", of: at("makespan_s"), format: duration, better: "less" },
    ],
  ],
  [
    "Waiting",
    [
      MEAN_WAIT,
      { ...HALF_WAIT, name: "Wait, median" },
      LONG_WAIT,
      { name: "Wait, longest", means: "of all jobs that started", of: at("wait_s", "max"), format: duration, better: "less" },
      { name: "Turnaround, mean", means: "from submit to end", of: at("turnaround_s", "mean"), format: duration, better: "less" },
      { name: "Turnaround, 95 of 100", means: "passed by five jobs of a hundred", of: at("turnaround_s", "p95"), format: duration, better: "less" },
      { name: "Bounded slowdown, mean", means: "turnaround over run time, of completed jobs", of: at("bounded_slowdown", "mean"), format: amount, better: "less" },
      { name: "Jobs waiting, mean", means: "over time", of: at("pending_mean"), format: amount, better: "less" },
      { name: "Jobs waiting, most", means: "at any time", of: at("pending_most"), format: whole, better: "less" },
    ],
  ],
  [
    "Fairness",
    [
      FAIR,
      { name: "Jain's index", means: "1: all have the same part of their share", of: at("fairness", "jain"), format: amount, better: "more" },
      { name: "Guarantees, mean delay", means: "until a job within its account's guarantee started", of: at("guarantee_delay_s", "mean"), format: duration, better: "less" },
      { name: "Guarantees, 95 of 100", means: "passed by five of a hundred of these", of: at("guarantee_delay_s", "p95"), format: duration, better: "less" },
      { name: "Guarantees, longest delay", means: "of all of these", of: at("guarantee_delay_s", "max"), format: duration, better: "less" },
    ],
  ],
  [
    "Jobs",
    [
      { name: "Jobs", means: "rows of the trace", of: at("jobs"), format: whole },
      DONE,
      { name: "Refused", means: "jobs that were not let in", of: at("refused"), format: whole, better: "less" },
      { name: "Attempts", means: "starts of a job", of: at("attempts"), format: whole },
      { name: "Preemptions", means: "attempts told to leave for others, or for power", of: at("preemptions"), format: whole, better: "less" },
      { name: "Lost with a node", means: "attempts", of: at("node_losses"), format: whole, better: "less" },
      { name: "Deadlines", means: "jobs with one", of: at("deadlines"), format: whole },
      { name: "Deadlines missed", means: "not completed by then", of: at("deadlines_missed"), format: whole, better: "less" },
    ],
  ],
  [
    "Energy",
    [
      ENERGY,
      { name: "Cost of energy", means: "by the tariff of each hour, in the federation's currency", of: at("energy_cost"), format: amount, better: "less" },
      PEAK,
    ],
  ],
];
