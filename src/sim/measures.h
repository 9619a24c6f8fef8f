/* SPDX-License-Identifier: Apache-2.0 */
/* measures.h: what a run comes to. Every figure is defined, with its source, in docs/measures.md.
 *
 * Fed by the loop (sim/run.c): what is held and waits, whenever that changes; each job that comes,
 * starts or stops; each attempt that ends; each job that ends. Waits and turnarounds are kept one
 * by one, so that percentiles are exact: 32 bytes a job. What goes on over time is kept in bins
 * (series.h). */
#ifndef DR_SIM_MEASURES_H
#define DR_SIM_MEASURES_H

#include <stdio.h>

#include "base/buffer.h"
#include "core/core.h"
#include "sim/guarantees.h"
#include "sim/schedule.h"

struct dr_measures;

/* `core`, which has the federation, is borrowed; it says names, energy and cost. */
struct dr_measures *dr_measures_open(const struct dr_core *core, int64_t from_us);
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
    uint64_t nodes_changed; /* how often one has gone down or come up */
};
void dr_measures_level(struct dr_measures *measures, int64_t now_us,
                       const struct dr_measures_level *level);

/* A job was submitted and waits. What is returned is given back in the calls about it below. */
struct dr_asked dr_measures_submitted(struct dr_measures *measures, int64_t now_us,
                                      uint32_t job_row);
/* It waits again (sign 1), or does so no more (-1). */
void dr_measures_waits(struct dr_measures *measures, int64_t now_us, uint32_t job_row,
                       struct dr_asked asked, int sign);
/* Its attempt has come to hold its place (sign 1), or is about to give it back (-1). */
void dr_measures_holds(struct dr_measures *measures, int64_t now_us, uint32_t job_row, int sign);

/* An attempt is over. Accelerator-time in thousandths of an accelerator times microseconds is kept
 * in seconds. */
struct dr_measures_attempt {
    enum dr_schedule_outcome outcome;
    int64_t end_us;
    int64_t accelerators_milli;
    int64_t ran_us;
    int64_t lost_us; /* the end of that: work that is not kept, or nobody has any use for */
};
void dr_measures_attempt(struct dr_measures *measures, const struct dr_measures_attempt *attempt);

/* What policy treats apart; a job is of the first that it is. */
#define DR_JOB_CLASS_LIST(X)                                                             \
    X(firm, "it can't be taken back (`preemptible`: no)")                                \
    X(flexible, "it may be taken before a lower power cap, and waits for cheaper hours") \
    X(deadline, "it has a deadline")                                                     \
    X(elastic, "it has several sizes")                                                   \
    X(gang, "it has several tasks, which start together")                                \
    X(single, "all others")

enum dr_job_class {
#define DR_ENUM(name, text) DR_JOB_CLASS_##name,
    DR_JOB_CLASS_LIST(DR_ENUM)
#undef DR_ENUM
        DR_JOB_CLASSES
};

extern const char *const DR_JOB_CLASS_NAMES[DR_JOB_CLASSES];
enum dr_job_class dr_job_class_of(const struct dr_core *core, uint32_t job_row);

/* A job is over, or was never let in. Those submitted before the warm-up's end count nowhere. */
struct dr_measures_job {
    enum dr_schedule_outcome outcome;
    uint32_t account; /* id */
    enum dr_job_class job_class;
    int asked_within; /* struct dr_asked */
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
    const char *policy; /* JSON: an object, as dr_sim_policy_json() writes it */
    int64_t base_us;    /* what 0 of the trace's clock is */
    int64_t from_us;    /* after the warm-up */
    int64_t until_us;
    uint64_t jobs; /* read from the trace */
    uint64_t facts;
    uint64_t decisions;
    uint64_t state_hash;
    uint64_t bad_rows;
    int interrupted;
};

/* All of it as JSON, one object; as a table with a row for each figure; and what goes on over time
 * as a table with a row for each bin. */
void dr_measures_json(struct dr_measures *measures, const struct dr_measures_about *about,
                      struct dr_buffer *out);
void dr_measures_csv(struct dr_measures *measures, const struct dr_measures_about *about,
                     struct dr_buffer *out);
void dr_measures_series_csv(struct dr_measures *measures, const struct dr_measures_about *about,
                            struct dr_buffer *out);

#endif
