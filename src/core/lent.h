/* SPDX-License-Identifier: Apache-2.0 */
/* lent.h: what might be taken back, and where. For core's own files.
 *
 * An index (I8) that lets a job be refused a hunt (core/reclaim.h) without looking at attempts. An
 * attempt is *ripe* once time lets it be taken: it runs, is preemptible, has not been warned, and
 * has run for minimum_run. It is *lent* where it is ripe and its account is above its own guarantee
 * in a resource that it holds: the least that reclaim asks of a victim (POLICY, section 3). Per
 * pool the units (core/reclaim.h) of all lent attempts are summed up, and a pool in which they grow
 * is remembered until the decision that looks at it is over. What attempts hold that leave anyway
 * is summed up beside that, but for what is promised already to whom they leave for.
 *
 * Whether an attempt is ripe depends on time: on the last dr_lent_advance(). Sums of accounts
 * change often, so those of their attempts are looked at again when somebody asks. */
#ifndef DR_CORE_LENT_H
#define DR_CORE_LENT_H

#include "core/state.h"

/* What is known of an attempt. */
#define DR_LENT_YOUNG \
    1u /* it may be taken, or also by fair share, once it is old enough: in the heap */
#define DR_LENT_RIPE   2u
#define DR_LENT_LENT   4u /* its units are in the sum of its pool */
#define DR_LENT_LEAVES 8u /* ... of those that leave */

struct dr_ripening {
    int64_t when_us;
    uint32_t row;
};

/* What is lent in one pool, per account: of its attempts and those of accounts below it from which
 * up to it everybody is above his guarantee, in one resource that the attempt holds. */
struct dr_lent_reach {
    uint32_t pool;  /* row + 1; 0: of none */
    uint64_t at;    /* when it was summed up, by the seats' clock */
    uint64_t used;  /* when it was asked for last, by dr_lent.asked */
    int64_t *units; /* [accounts_max] */
};

#define DR_LENT_REACHES 16

struct dr_lent {
    int64_t now_us;           /* of the last dr_lent_advance() */
    uint8_t *flags;           /* [jobs_max] DR_LENT_* of an attempt */
    struct dr_ripening *heap; /* [jobs_max] attempts that will be ripe, by time, then row */
    uint32_t *place; /* [jobs_max] 0: in neither, else place + 1, in the heap or `leaves` */
    uint32_t heap_count;
    uint32_t *leaves; /* [jobs_max] attempts that have been told to leave, in no order */
    uint32_t leaves_count;
    uint64_t *above; /* [accounts_max][words] groups in which an account is above its guarantee */
    uint64_t *newly; /* [words] ... where the one that is looked at was not */
    uint32_t words;
    uint8_t *stale; /* [accounts_max] its sums have changed since */
    uint32_t *stale_rows;
    uint32_t stale_count;
    int64_t *units;   /* [pools_max] of lent attempts */
    int64_t *leaving; /* [pools_max] of attempts that have been told to leave */
    int64_t *left;    /* [pools_max] ... but for what is promised, while `left_known` */
    uint8_t *left_known;
    uint64_t *rose_at;  /* [pools_max] the last time, by the seats' clock (core/seats.h) */
    uint64_t rose_last; /* the greatest of these */
    uint64_t rises;     /* how often, ever */
    int64_t units_all;  /* over all pools */
    int64_t leaving_all;
    struct dr_lent_reach reaches[DR_LENT_REACHES]; /* of the pools that were asked about last */
    uint64_t asked;
};

DR_MUST_USE enum dr_status dr_lent_open(struct dr_core *core);

/* Forget all attempts; they are added again by dr_lent_update(). */
void dr_lent_clear(struct dr_core *core);

/* A job's state has changed. */
void dr_lent_update(struct dr_core *core, uint32_t job_row);

/* The sums of an account have changed. */
void dr_lent_stale(struct dr_core *core, uint32_t account_row);

/* Time has come to `now_us`: attempts get ripe. */
void dr_lent_advance(struct dr_core *core, int64_t now_us);

/* Look at the attempts of accounts whose sums have changed. Not while thought changes sums. */
void dr_lent_refresh(struct dr_core *core);

/* Something is promised in a pool, or no longer (`less`). */
void dr_lent_promised(struct dr_core *core, dr_pool_id pool, int less);

/* What attempts that leave hold in a pool and is promised to nobody yet. */
int64_t dr_lent_left(const struct dr_core *core, uint32_t pool_row);

/* What of the lent units in a pool who asks for `amounts` may take back, at most: of attempts
 * outside `guarantor`, the lowest account on his path within whose guarantee he is. Priority aside.
 */
int64_t dr_lent_to(struct dr_core *core, dr_pool_id pool, dr_account_id guarantor,
                   const struct dr_amounts *amounts);

/* Time lets the attempt be taken. */
static inline int dr_lent_ripe(const struct dr_core *core, uint32_t job_row)
{
    return (core->lent->flags[job_row] & DR_LENT_RIPE) != 0;
}

/* For tests. */
int dr_lent_consistent(struct dr_core *core);

#endif
