/* SPDX-License-Identifier: Apache-2.0 */
/* decide.h: what the parts of one decision share. For core's own files. */
#ifndef DR_CORE_DECIDE_H
#define DR_CORE_DECIDE_H

#include "core/order.h"
#include "core/place.h"

struct dr_reserved; /* core/backfill.h */
struct dr_pledges;  /* core/pledges.h */
struct dr_victim;   /* core/reclaim.h */
struct dr_fair;     /* core/fair.h */

struct dr_decision {
    struct dr_core *core;
    struct dr_batch *batch;
    int64_t now_us;
    struct dr_order order;
    uint64_t looked_at; /* by the seats' clock, when the last walk's offers were looked for */
    int in_part;        /* the next walk looks at those alone whom something new may help */
    int asks_fresh;     /* ... and at whoever is fresh */
    struct dr_reserved *reserved; /* of jobs that wait for a time and a place */
    uint32_t reserved_count;
    uint32_t reserved_max;
    uint32_t *reserved_of;         /* [pools_count] first in `reserved` */
    struct dr_pledges *pledges;    /* what those count on; NULL: nobody plans, it is a view */
    struct dr_victims *victims_of; /* [pools_count] */
    struct dr_victims *lent_of;    /* [pools_count] */
    struct dr_victim *victims;     /* where these lie: twice as many as attempts run */
    uint32_t victims_count;
    uint32_t victims_max; /* attempts that ran when it began */
    size_t kept;          /* scratch that all walks share */
    uint32_t hunts;       /* times that victims were chosen among */
    uint32_t plans;       /* times that were looked for in this decision */
    uint32_t passes;      /* walks so far */
    int freed;            /* this walk gave something free that was judged as taken before */
    int64_t *own_units;   /* [pools_count] scratch of reclaim */
    unsigned hunted;      /* DR_HUNTED_*: what victims were looked for in vain for this job */
    int near;          /* what others have reserved refuses it places, by the quota of an account on
                          its path */
    int blocked;       /* a place was refused to the job for a reservation */
    int quota_refused; /* a place that is free was refused to the job by a quota alone */
    uint64_t since;    /* the job is judged by what has come free after this moment; 0: by all */
    int open;          /* the judgement of this job may change without anything being freed */
    int doubtful;      /* ... or may by anything that starts, ends or comes free */
    uint8_t *closed; /* [pools_count] settings.no_backfill: nobody starts there any more; or NULL */
    int in_thought;  /* sums are not those of the state, or not all reservations count */
    struct dr_fair *fair; /* who asks what to take; NULL: it isn't judged now */
    int full;             /* the batch (or a table) has no more room: stop and be called again */
};

/* A place for a job: found, priced, not yet settled. */
struct dr_found {
    dr_pool_id pool;
    uint32_t alternative;
    int64_t cost_micro;
    struct dr_extent *extents; /* in core->scratch */
    int64_t breaks;            /* dr_place_breakage() */
    uint32_t count;
};

/* Room for one more fact with so many parts, in the batch and in the tables? Otherwise marks the
 * decision full. */
int dr_decision_room(struct dr_decision *decision, uint32_t extents);

/* The job that is being judged is refused here for something else than lack of room, so that it has
 * to be judged again in the next decision. */
static inline void dr_decision_open(struct dr_decision *decision)
{
    decision->open = 1;
}

/* ... and for a reason that a later start in this decision may take away. */
void dr_decision_doubt(struct dr_decision *decision);

/* ... or for one that only what others on its path reserve, or start, can take away. */
void dr_decision_near(struct dr_decision *decision);

/* A fact of the system, now. */
struct dr_fact dr_decision_fact(const struct dr_decision *decision, enum dr_fact_kind kind);

/* Start the job there. */
void dr_decision_place(struct dr_decision *decision, uint32_t job_row, const struct dr_found *found,
                       enum dr_rule rule, const struct dr_choice *choice);

/* When an attempt is believed to end, now at the earliest: start + limit, or the end of its grace;
 * never, while its site does not answer.
 */
int64_t dr_decision_end_us(const struct dr_decision *decision, const struct dr_job *job);

/* In thought: an attempt leaves (sign 1) with what it holds and its sums, or comes back (-1). */
void dr_decision_think(struct dr_core *core, uint32_t job_row, int sign);

/* Scratch for the parts of the largest placement of a job in a pool. */
struct dr_extent *dr_decision_extents(struct dr_core *core, const struct dr_want *want,
                                      dr_pool_id pool);

#endif
