/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h: runs of several variants on the same seeds, held against each other.
 *
 * A variant's run and the first variant's run of the same seed are a pair: they had the same jobs
 * and the same bad luck, so what differs between them comes from what the variants differ in. The
 * interval is Student's t over the paired differences (Student, The probable error of a mean,
 * Biometrika 6, 1908; Law, Simulation modeling and analysis, 5th ed. 2015, section 10.2.1):
 *
 *     mean of d  +-  t(0.975, n - 1) * sqrt(sum (d - mean)^2 / (n - 1) / n),  d = variant - base
 *
 * One in twenty of such intervals does not hold the true difference, so of twenty measures of two
 * equal variants one is marked on average. */
#ifndef DR_SIM_COMPARE_H
#define DR_SIM_COMPARE_H

#include <stdint.h>

enum dr_compare_sense { DR_COMPARE_NEITHER, DR_COMPARE_LOWER, DR_COMPARE_HIGHER };
enum dr_compare_unit {
    DR_COMPARE_SECONDS,
    DR_COMPARE_PART, /* of a whole, 0 to 1 */
    DR_COMPARE_NUMBER,
    DR_COMPARE_JOULES,
};

/* name (members of the measures' JSON, parted by dots), as people read it, unit, which is better.
 */
#define DR_COMPARE_MEASURES(X)                                                                   \
    X("allocated", "accelerators given out", DR_COMPARE_PART, DR_COMPARE_HIGHER)                 \
    X("goodput", "work that was kept", DR_COMPARE_PART, DR_COMPARE_HIGHER)                       \
    X("wait_s.mean", "wait, mean", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)                         \
    X("wait_s.p95", "wait, 95 %", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)                          \
    X("turnaround_s.mean", "turnaround, mean", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)             \
    X("turnaround_s.p95", "turnaround, 95 %", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)              \
    X("bounded_slowdown.mean", "bounded slowdown, mean", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)    \
    X("bounded_slowdown.p95", "bounded slowdown, 95 %", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)     \
    X("makespan_s", "first submit to last end", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)            \
    X("pending_mean", "waiting jobs, mean", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)                 \
    X("outcomes.completed", "jobs completed", DR_COMPARE_NUMBER, DR_COMPARE_HIGHER)              \
    X("outcomes.unfinished", "jobs unfinished", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)             \
    X("refused", "jobs refused", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)                            \
    X("deadlines_missed", "deadlines missed", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)               \
    X("fairness.largest_deviation", "largest unfairness", DR_COMPARE_PART, DR_COMPARE_LOWER)     \
    X("guarantee_delay_s.mean", "delay within guarantees", DR_COMPARE_SECONDS, DR_COMPARE_LOWER) \
    X("preemptions", "preemptions", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)                         \
    X("node_losses", "attempts lost with a node", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)           \
    X("accelerator_hours", "accelerator-hours", DR_COMPARE_NUMBER, DR_COMPARE_NEITHER)           \
    X("lost_accelerator_hours", "of them lost", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)             \
    X("power.peak_w", "peak power, W", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)                      \
    X("power.over_cap_s", "time above a cap", DR_COMPARE_SECONDS, DR_COMPARE_LOWER)              \
    X("energy_j", "energy", DR_COMPARE_JOULES, DR_COMPARE_LOWER)                                 \
    X("energy_cost", "cost of energy", DR_COMPARE_NUMBER, DR_COMPARE_LOWER)

#define DR_COMPARE_ONE(name, label, unit, sense) +1
enum { DR_COMPARE_COUNT = DR_COMPARE_MEASURES(DR_COMPARE_ONE) };
#undef DR_COMPARE_ONE

struct dr_compare_measure {
    const char *name;
    const char *label;
    enum dr_compare_unit unit;
    enum dr_compare_sense sense;
};
extern const struct dr_compare_measure DR_COMPARE_MEASURE[DR_COMPARE_COUNT];

struct dr_compare_run {
    int is_done; /* 0: it failed, or was not run */
    double values[DR_COMPARE_COUNT];
};

struct dr_compare {
    uint32_t variants;
    uint32_t seeds;
    struct dr_compare_run *runs; /* [variants * seeds], a variant's runs in a row */
    const uint8_t *by_chance;    /* [variants]; 0: its runs are one run, written down for each seed
                                  */
};

/* The mean over a variant's runs that are done; how many these are. */
uint32_t dr_compare_mean(const struct dr_compare *compare, uint32_t variant, uint32_t measure,
                         double *mean);

struct dr_compare_difference {
    uint32_t pairs; /* seeds of which both runs are done; 0: nothing is known */
    double mean;
    double half;      /* the interval is from mean - half to mean + half */
    int has_interval; /* 0: one pair is too few, or chance has no part in it */
    int is_apart;     /* the interval excludes 0; without chance: the mean is not 0 */
    enum { DR_COMPARE_SAME, DR_COMPARE_DIFFERS, DR_COMPARE_BETTER, DR_COMPARE_WORSE } verdict;
};
/* A variant less the first one. */
struct dr_compare_difference dr_compare_difference(const struct dr_compare *compare,
                                                   uint32_t variant, uint32_t measure);

/* The 97.5th percentile of Student's t with so many degrees of freedom, from 1 on. */
double dr_compare_student(uint32_t degrees);

#endif
