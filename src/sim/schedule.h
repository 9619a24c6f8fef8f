/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.h: what was run where and when, a row for each attempt (docs/formats/schedule.md), and
 * the fleet it ran on (docs/formats/pools.md): with the trace all that a judge needs who knows
 * nothing of Daero. */
#ifndef DR_SIM_SCHEDULE_H
#define DR_SIM_SCHEDULE_H

#include <stdio.h>

#include "base/buffer.h"
#include "core/core.h"

/* What became of an attempt. */
#define DR_SCHEDULE_OUTCOMES(X) \
    X(completed)                \
    X(preempted)                \
    X(failed)                   \
    X(timeout)                  \
    X(cancelled)                \
    X(node_fail)                \
    X(unfinished)

enum dr_schedule_outcome {
#define DR_ENUM(name) DR_SCHEDULE_##name,
    DR_SCHEDULE_OUTCOMES(DR_ENUM)
#undef DR_ENUM
};

const char *dr_schedule_outcome_name(enum dr_schedule_outcome outcome);

/* Of an attempt that has ended: what became of its job by that, PENDING where it goes on with
 * another one; and why the attempt had been told to leave. Who goes on without having been told to
 * has lost a node. */
enum dr_schedule_outcome dr_schedule_outcome_of(enum dr_job_state state,
                                                enum dr_stop_cause stopping);

void dr_schedule_header(FILE *file);

/* Where an attempt runs, as the last three columns have it: to be asked while it holds its place.
 * Replaces what is in `out`. */
void dr_schedule_place(struct dr_buffer *out, const struct dr_core *core, uint32_t job_row);

/* An attempt; what became of it. Times are microseconds on the trace's clock; `end_us` INT64_MIN:
 * it goes on. */
struct dr_schedule_row {
    uint64_t job; /* as the trace has it */
    int64_t submit_us;
    int64_t start_us;
    int64_t end_us;
    enum dr_schedule_outcome outcome;
};
void dr_schedule_write(FILE *file, const struct dr_core *core, uint32_t job_row,
                       const struct dr_schedule_row *row, const char *place);

/* A job that never started. */
void dr_schedule_write_unstarted(FILE *file, const struct dr_core *core, dr_account_id account,
                                 const struct dr_schedule_row *row);

/* The fleet as JSON. */
void dr_schedule_pools(FILE *file, const struct dr_core *core);

#endif
