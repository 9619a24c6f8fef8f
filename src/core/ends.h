/* SPDX-License-Identifier: Apache-2.0 */
/* ends.h: when attempts are believed to end, per pool, in order, with sums of what they then give
 * back. For core's own files.
 *
 * An index (I8): a treap per pool of its attempts by believed end, then job id. Those at a site
 * that does not answer are believed to end never and are left out. An end that has passed is
 * believed to be now. */
#ifndef DR_CORE_ENDS_H
#define DR_CORE_ENDS_H

#include "core/state.h"

/* What attempts give back when they end. */
struct dr_gives {
    struct dr_amounts amounts; /* of claim: none, once warned */
    int64_t drawing;           /* accelerators that then draw no more, thousandths */
};

struct dr_end {
    int64_t end_us;
    struct dr_gives below; /* it and what hangs under it; its own is what is left of that */
    uint32_t left;
    uint32_t right;
    uint32_t parent;
    dr_pool_id pool; /* 0: not in a treap */
};

struct dr_ends {
    struct dr_end *ends; /* [jobs_max] by job row */
    uint32_t *roots;     /* [pools_max] */
};

DR_MUST_USE enum dr_status dr_ends_open(struct dr_core *core);
void dr_ends_clear(struct dr_core *core);

/* A job's state has changed: its believed end is looked at again. */
void dr_ends_update(struct dr_core *core, uint32_t job_row);

/* Accelerators of the pool have been promised, or are not any more: what those give back who leave
 * there. */
void dr_ends_promised(struct dr_core *core, dr_pool_id pool);

/* The first end in a pool, and the next one after a job's; DR_ROW_NONE: none. */
uint32_t dr_ends_first(const struct dr_core *core, dr_pool_id pool);
uint32_t dr_ends_next(const struct dr_core *core, uint32_t job_row);

/* What the attempt itself gives back; it is in the index. */
struct dr_gives dr_ends_gives(const struct dr_core *core, uint32_t job_row);

/* When a job that is in the index is believed to end, not before `now_us`. */
static inline int64_t dr_ends_of(const struct dr_core *core, uint32_t job_row, int64_t now_us);

/* What ends until `until_us`, that instant included, give back of claim in a pool. */
struct dr_amounts dr_ends_sum(const struct dr_core *core, dr_pool_id pool, int64_t until_us);

/* The sum of what ends in pools give back until an instant: of claim in one resource, or with
 * DR_ENDS_DRAWING of accelerators that draw. What a pool gives back counts times its weight;
 * `weights` [pools_count]. */
#define DR_ENDS_DRAWING DR_RESOURCE_COUNT
int64_t dr_ends_weighed(const struct dr_core *core, const int64_t *weights, uint32_t what,
                        int64_t until_us);

/* The first instant from `now_us` on at which so much is given back, by a sum that only grows with
 * time; `before_us` (DR_FOREVER_US: never) where that is not before then. */
int64_t dr_ends_first_instant(int64_t (*given_back)(const void *context, int64_t until_us),
                              const void *context, int64_t amount, int64_t now_us,
                              int64_t before_us);

/* For tests: order and sums. */
int dr_ends_consistent(const struct dr_core *core);

static inline int64_t dr_ends_of(const struct dr_core *core, uint32_t job_row, int64_t now_us)
{
    int64_t end_us = core->ends->ends[job_row].end_us;

    return end_us > now_us ? end_us : now_us;
}

#endif
