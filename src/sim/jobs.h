/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h: from a row of a trace to the command that submits the job.
 *
 * Names are looked up in the federation as it was when this was opened. What a job may not ask for
 * is refused by the core, with its own sentence; what does not exist is refused here. */
#ifndef DR_SIM_JOBS_H
#define DR_SIM_JOBS_H

#include "core/core.h"
#include "sim/trace.h"

/* How the core is told how long a job will run. */
enum dr_estimates {
    DR_ESTIMATES_LIMIT, /* as the trace says: its limit, or the default */
    DR_ESTIMATES_EXACT, /* the run time itself, rounded up */
    DR_ESTIMATES_ERROR, /* the run time times a factor drawn per job, evenly from 1 to 1 + error */
};

struct dr_jobs_options {
    int64_t base_us; /* what 0 of the trace's clock is */
    enum dr_estimates estimates;
    uint32_t error_milli; /* 5000: up to six times the run time */
    uint64_t seed;
    uint32_t
        arrival_milli; /* submit times are multiplied by this, from the first on; 1000: as is */
};

struct dr_jobs;

/* `core` has the federation; its first user who is an admin everywhere submits for everybody.
 * DR_E_INPUT: there is none. */
DR_MUST_USE enum dr_status dr_jobs_open(struct dr_jobs **jobs, const struct dr_core *core,
                                        const struct dr_jobs_options *options,
                                        struct dr_error *error);
/* Accepts NULL. */
void dr_jobs_close(struct dr_jobs *jobs);

/* When a row's job comes, on the federation's clock. */
int64_t dr_jobs_submit_us(struct dr_jobs *jobs, const struct dr_trace_row *row);

/* The command; its lists lie in `jobs` and in the row until the next call. DR_E_INPUT: the row
 * names what the federation does not have; `error->field` and the rest say what. */
DR_MUST_USE enum dr_status dr_jobs_command(struct dr_jobs *jobs, const struct dr_trace_row *row,
                                           struct dr_command *command, struct dr_error *error);

/* Only where rows depend on others: a row's job was accepted; it has ended. */
void dr_jobs_accepted(struct dr_jobs *jobs, uint64_t row_job, dr_job_id job);
void dr_jobs_ended(struct dr_jobs *jobs, uint64_t row_job, enum dr_job_state state);

#endif
