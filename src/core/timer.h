/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h: when time alone gives dr_decide() something to do about a job.
 *
 * An index: a heap of jobs by that time, then id. A pending job whose deadline ends it: the
 * deadline. An attempt that has not been told to leave: its deadline, or when it is overdue,
 * whichever comes first. One whose site does not answer, where the job says how long that may last
 * (POLICY, section 8): the end of that too. Begin times are the queue's (core/queue.h). */
#ifndef DR_CORE_TIMER_H
#define DR_CORE_TIMER_H

#include "core/state.h"

/* A site ends its attempts at their limit by itself. One that has not said so this long after limit
 * and grace is told to. */
#define DR_OVERDUE_US (30 * DR_SECOND_US)

/* The least time that a job may state after which its attempt at a silent site is given up; and for
 * how long a controller that has begun to lead listens before it gives one up. A site that answers
 * is heard well within it (engine/slurm.c asks a silent one every 16 s at least). */
#define DR_UNREACHABLE_LEAST_US DR_MINUTE_US

struct dr_timers {
    uint32_t *heap;  /* [jobs_max] job rows */
    uint32_t *place; /* [jobs_max] 0: not in the heap, else place + 1 */
    uint32_t count;
};

DR_MUST_USE enum dr_status dr_timer_open(struct dr_core *core);
void dr_timer_clear(struct dr_core *core);

/* A job's state has changed: its time is looked at again. */
void dr_timer_update(struct dr_core *core, uint32_t job_row);

/* The job whose time comes first, or DR_ROW_NONE; and that time, DR_FOREVER_US: never. */
uint32_t dr_timer_first(const struct dr_core *core);
int64_t dr_timer_of(const struct dr_core *core, const struct dr_job *job);

#endif
