/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h: a sector's work as jobs that people could have submitted.
 *
 * Kinds, sizes, run times and limits are those of made-up workloads (sim/kinds.h), but that what
 * would run longer than clusters let it comes in more jobs. A job is at home
 * on the chip for which it was drawn, as often as the plan has the sector's work done there, and
 * runs as long as it was drawn there; on other chips by the sector's speeds. It names those of its
 * home's vendor, and some jobs (`portable_milli`) those of all, on which it takes at most
 * DR_JOBS_SLOWER times as long.
 *
 * What a sector's jobs come to in the window that is measured is exactly the work that is asked
 * for, and so it is before it, from DR_JOBS_BEFORE_US before the trace's 0 on: jobs are drawn until
 * there is so much, and the last one is cut. When they come is then drawn by the hours of their
 * kind. Those that would run at 0 had they begun at once are there at 0, with what is left of them;
 * so the fleet begins as full as it is going to be.
 */
#ifndef DR_REHEARSAL_JOBS_H
#define DR_REHEARSAL_JOBS_H

#include <stdio.h>

#include "rehearsal/fleet.h"
#include "sim/kinds.h"

#define DR_JOBS_BEFORE_US DR_KIND_RUNTIME_MAX_US
#define DR_JOBS_SLOWER    3
#define DR_JOBS_GANG_MAX                                                     \
    4096 /* accelerators of the plan: a scaled fleet's gangs are smaller too \
          */

struct dr_drawn_job {
    int64_t submit_us; /* 0 or later */
    int64_t runtime_us, limit_us;
    uint32_t number; /* as it was drawn */
    uint32_t tasks, per_task;
    uint32_t chips; /* bits */
    uint8_t sector, home, kind;
    uint8_t fails, preemptible;
};

struct dr_drawn {
    struct dr_drawn_job *jobs; /* [count], as they come; job_id in a trace is the place plus 1 */
    uint32_t count;
    /* Units of each sector that can be done nowhere in this fleet, scaled, in millionths. */
    int64_t placeless_micro[DR_PLAN_SECTORS_MAX];
};

struct dr_draw_options {
    int all;            /* 1: whatever is asked for; 0: what the plan says gets done */
    int64_t warmup_us;  /* from 0 to the window */
    int64_t span_us;    /* from 0 to its end */
    int64_t longest_us; /* no job runs longer: at most DR_KIND_RUNTIME_MAX_US */
    uint32_t portable_milli;
    uint64_t seed;
};

void dr_drawn_init(struct dr_drawn *drawn, const struct dr_fleet *fleet,
                   const struct dr_draw_options *options);
void dr_drawn_deinit(struct dr_drawn *drawn);

/* Work of a job in units times microseconds, in millionths; of all that it does before its limit.
 */
__int128 dr_drawn_work(const struct dr_fleet *fleet, const struct dr_drawn_job *job);

/* As a trace (docs/formats/trace.md). */
void dr_drawn_write(const struct dr_drawn *drawn, const struct dr_fleet *fleet, FILE *trace);

#endif
