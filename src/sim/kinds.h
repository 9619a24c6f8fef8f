/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.h: the kinds of jobs that workloads are made up of, and what a job of a kind is like;
 * docs/simulator.md has them as a table.
 *
 * Each function draws from `chance` in a fixed way, so that who calls them in the same order gets
 * the same jobs. */
#ifndef DR_SIM_KINDS_H
#define DR_SIM_KINDS_H

#include "base/text.h"
#include "sim/chance.h"
#include "sim/trace.h"

enum dr_job_kind {
    DR_KIND_INTERACTIVE,
    DR_KIND_BATCH,
    DR_KIND_TUNING,
    DR_KIND_TRAINING,
    DR_KIND_COUNT
};

struct dr_kind {
    const char *name;
    uint32_t part;     /* of all jobs, millionths */
    uint32_t least;    /* accelerators */
    uint32_t most;     /* sizes are powers of two from the least; each is `thin` as often as the */
    uint32_t thin;     /* one before, millionths */
    int64_t median_us; /* run time */
    uint32_t sigma_milli; /* of its logarithm */
    int64_t checkpoint_us;
    uint8_t preemptible;
    uint8_t level;  /* kept within a block, if there is room in one */
    uint8_t by_day; /* follows the day and the week; the others come at all hours alike */
};

extern const struct dr_kind DR_KINDS[DR_KIND_COUNT];

/* No job runs longer, and none shorter. */
#define DR_KIND_RUNTIME_MAX_US (20 * DR_DAY_US)
#define DR_KIND_RUNTIME_MIN_US (10 * DR_SECOND_US)

/* Accelerators, at most `most`. */
uint32_t dr_kind_size(struct dr_chance *chance, const struct dr_kind *kind, uint32_t most);
/* How long it runs where it is at home, in whole seconds. */
int64_t dr_kind_runtime_us(struct dr_chance *chance, const struct dr_kind *kind);
/* A limit as people state it: more than it takes, in quarters of an hour; three of a hundred state
 * less. */
int64_t dr_kind_limit_us(struct dr_chance *chance, int64_t runtime_us);
/* Four of a hundred fail, after an eighth of their time: 1, and `*runtime_us` is that. */
int dr_kind_fails(struct dr_chance *chance, int64_t *runtime_us);

/* How many come at a moment over the mean, millionths; time 0 is a Monday at midnight, and not
 * negative. */
int64_t dr_kind_rate(const struct dr_kind *kind, int64_t time_us);
#define DR_KIND_RATE_MAX 2100000 /* none is above */

#endif
