/* SPDX-License-Identifier: Apache-2.0 */
/* run.h: the live loop under a virtual clock.
 *
 * The very dr_admit(), dr_decide() and dr_apply() of the controller; what differs is where time
 * comes from (the next event), where jobs come from (a trace), and who runs them (a site that does
 * what the trace says). A launch takes no time; an attempt ends when its work is done or its limit
 * is over; one that is told to leave runs on until its grace is over. Same input: same facts, same
 * schedule, same state hash.
 *
 * In an instant: ends and checkpoints, nodes that fail or are repaired, then submits, a tick if one
 * is due, then the decision. Ticks come once a minute, as in the live loop, while somebody waits
 * whom a tick alone may help (with preemption); otherwise twice after an event, which is when the
 * last plans are made anew. Those that would change nothing but past use (core/rest.h) are left
 * out. */
#ifndef DR_SIM_RUN_H
#define DR_SIM_RUN_H

#include <stdio.h>

#include "federation/federation.h"
#include "sim/failures.h"
#include "sim/jobs.h"
#include "sim/measures.h"

enum dr_sim_backfill {
    DR_SIM_BACKFILL_AS_IS, /* as the federation says */
    DR_SIM_BACKFILL_NONE,
    DR_SIM_BACKFILL_GREEDY,       /* whoever fits; nobody holds a reservation */
    DR_SIM_BACKFILL_EASY,         /* the first that waits in each pool holds a reservation */
    DR_SIM_BACKFILL_CONSERVATIVE, /* so do the first thousand */
};

/* An attempt that is over, or that runs on at the end. Times are on the trace's clock. */
struct dr_sim_ran {
    uint64_t job; /* as the trace has it */
    int64_t start_us;
    int64_t end_us;  /* where it runs on: the end of the run */
    int64_t lost_us; /* the end of that: work that is not kept; or restarting */
    int64_t accelerators_milli;
    dr_pool_id pool;
    enum dr_schedule_outcome outcome; /* unfinished: it runs on */
    int waits_again;                  /* its job goes on with another one */
};

struct dr_sim_options {
    const char *federation; /* path, for the measures alone; NULL: not from a file */
    const char *trace;      /* path; "-": standard input */
    const char *trace_name; /* what the measures call it; NULL: by its file */
    int ordering;           /* enum dr_ordering; -1: as the federation says, here and below */
    enum dr_sim_backfill backfill;
    int placement;  /* enum dr_placement; -1 */
    int preemption; /* 1, 0 or -1 */
    struct dr_jobs_options jobs;
    struct dr_failures_options failures;
    int64_t tick_us;
    int64_t warmup_us;      /* jobs submitted so early count in no measure */
    int64_t horizon_us;     /* the end, from the first submit on; 0: when the last job has ended */
    uint32_t bad_row_milli; /* more wrong rows than this part of all end the run */
    FILE *schedule;         /* NULL: none */
    FILE *facts;            /* the records as docs/formats/facts.md has them; NULL: none */
    /* Hears of each attempt; NULL: nobody does. */
    void (*ran)(void *context, const struct dr_sim_ran *ran);
    /* Hears of each row that is wrong or refused. */
    void (*say)(void *context, const struct dr_error *error);
    /* Asked every now and then; 0: end here, with what is done so far. */
    int (*go_on)(void *context);
    void *context;
};

struct dr_sim;

/* A federation into a fresh core, the trace's header and first row read. DR_E_INPUT, DR_E_MISSING,
 * DR_E_IO: `error` says why. The federation stays the caller's. */
DR_MUST_USE enum dr_status dr_sim_open(struct dr_sim **sim, struct dr_federation *federation,
                                       const struct dr_sim_options *options,
                                       struct dr_error *error);
/* Accepts NULL. */
void dr_sim_close(struct dr_sim *sim);

/* All of it. DR_E_INPUT: too many rows are wrong, the last as `error` says; DR_E_IO: a file. */
DR_MUST_USE enum dr_status dr_sim_run(struct dr_sim *sim, struct dr_error *error);

/* How far it is, for progress. */
struct dr_sim_progress {
    int64_t now_us;
    int64_t first_us; /* the first submit */
    uint64_t jobs;    /* read */
    uint64_t ended;
    uint64_t pending;
    uint64_t running;
    double read_part; /* of the trace; 0 where its length is not known */
};
struct dr_sim_progress dr_sim_progress(const struct dr_sim *sim);

const struct dr_core *dr_sim_core(const struct dr_sim *sim);

/* Measures of all that was run (sim/measures.h): as one JSON object, as a table of figures, and
 * over time. After dr_sim_run(). */
void dr_sim_json(struct dr_sim *sim, struct dr_buffer *out);
void dr_sim_measures_csv(struct dr_sim *sim, struct dr_buffer *out);
void dr_sim_series_csv(struct dr_sim *sim, struct dr_buffer *out);

#endif
