/* SPDX-License-Identifier: Apache-2.0 */
/* measures.h: what a run comes to. Every figure is defined, with its source, in docs/measures.md.
 *
 * Fed by the loop (sim/run.c): what is held and waits, whenever that changes; each attempt that
 * ends; each job that ends. Waits and turnarounds are kept one by one, so that percentiles are
 * exact: 40 bytes a job. */
#ifndef DR_SIM_MEASURES_H
#define DR_SIM_MEASURES_H

#include <stdio.h>

#include "base/buffer.h"
#include "core/core.h"
#include "sim/schedule.h"

struct dr_measures;

struct dr_measures *dr_measures_open(int64_t from_us);
/* Accepts NULL. */
void dr_measures_close(struct dr_measures *measures);

/* What holds from `now_us` on, until the next call. */
struct dr_measures_level {
    int64_t capacity_milli; /* accelerators on nodes that are up */
    int64_t held_milli;     /* of these, by attempts */
    int64_t cpus_capacity;  /* thousandths */
    int64_t cpus_held;
    uint64_t pending;
    uint64_t running;
};
void dr_measures_level(struct dr_measures *measures, int64_t now_us,
                       const struct dr_measures_level *level);

/* An attempt is over. Accelerator-time in thousandths of an accelerator times microseconds is kept
 * in seconds. */
struct dr_measures_attempt {
    enum dr_schedule_outcome outcome;
    int64_t accelerators_milli;
    int64_t ran_us;
    int64_t lost_us; /* of that, work that is not kept, or nobody has any use for */
};
void dr_measures_attempt(struct dr_measures *measures, const struct dr_measures_attempt *attempt);

/* A job is over, or was never let in. Those submitted before the warm-up's end count nowhere. */
struct dr_measures_job {
    enum dr_schedule_outcome outcome;
    uint32_t account; /* id */
    int64_t accelerators_milli;
    int64_t submit_us;
    int64_t first_start_us; /* INT64_MIN: never */
    int64_t end_us;
    int64_t alone_us;    /* its run time, had nothing been in the way, where it ran */
    int64_t deadline_us; /* INT64_MIN: none */
};
void dr_measures_job(struct dr_measures *measures, const struct dr_measures_job *job);
void dr_measures_refused(struct dr_measures *measures);

/* What the loop itself says of the run. */
struct dr_measures_about {
    int64_t from_us; /* after the warm-up */
    int64_t until_us;
    int64_t cpu_us;
    uint64_t jobs; /* read from the trace */
    uint64_t facts;
    uint64_t decisions;
    uint64_t state_hash;
    uint64_t bad_rows;
    int interrupted;
};

/* All of it as JSON: one object. `core` says the accounts' names, energy and cost. */
void dr_measures_json(struct dr_measures *measures, const struct dr_core *core,
                      const struct dr_measures_about *about, struct dr_buffer *out);

#endif
