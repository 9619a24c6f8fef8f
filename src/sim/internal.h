/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h: a simulation, between run.c (the loop, jobs that come, opening) and site.c (attempts,
 * nodes that fail). */
#ifndef DR_SIM_INTERNAL_H
#define DR_SIM_INTERNAL_H

#include "base/events.h"
#include "sim/fold.h"
#include "sim/run.h"

/* What the site knows of a job and the core does not, by the core's row. */
struct dr_known {
    uint64_t row_job; /* as the trace has it */
    int64_t runtime_us;
    int64_t kept_us; /* work, at factor 1 */
    int64_t first_start_us;
    int64_t start_us; /* of the attempt that runs */
    int64_t alone_us; /* run time where it ran last, had it run once */
    uint32_t attempt; /* that runs; 0: none */
    uint8_t status;   /* enum dr_trace_status */
    struct dr_asked asked;
};

struct dr_sim {
    struct dr_sim_options options;
    struct dr_fold fold;
    struct dr_core *core; /* fold's */
    struct dr_trace *trace;
    struct dr_jobs *jobs;
    struct dr_measures *measures;
    struct dr_failures *failures; /* NULL: none */
    struct dr_measures_level level;
    struct dr_known *known; /* [jobs_max], touched as used */
    struct dr_arena arena;
    struct dr_events events;
    int64_t now_us;
    int64_t first_us;        /* the first submit */
    int64_t horizon_us;      /* DR_FOREVER_US: none */
    struct dr_trace_row row; /* the next that comes */
    int64_t row_us;
    int has_row;
    int follows; /* some row may depend on others */
    uint32_t ticks_left;
    uint64_t rows;
    uint64_t bad_rows;
    uint64_t ended;
    uint64_t held; /* that wait for somebody to release them: nobody does */
    uint64_t facts;
    uint64_t decisions;
    int interrupted;
    struct dr_buffer place; /* of the attempt that ends */
};

/* ---- the site (site.c) ---- */

int dr_sim_admit(struct dr_sim *sim, const struct dr_command *command, struct dr_answer *answer);

/* Carry out the effects of what was just admitted or decided, which admits more; count the facts
 * and write them down. */
void dr_sim_flush(struct dr_sim *sim);

/* What happens to attempts in this instant: checkpoints, ends. */
void dr_sim_happen(struct dr_sim *sim);

/* A node goes down, or comes up. */
void dr_sim_change_node(struct dr_sim *sim, const struct dr_failure *failure);
/* ... and what there is by that: it comes (sign 1) or goes (-1). */
void dr_sim_count_capacity(struct dr_sim *sim, const struct dr_node *node, int sign);

/* What is left when it ends: rows of those who run on, and of the rest none. */
void dr_sim_leave_off(struct dr_sim *sim);

#endif
