/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h: pending jobs that nothing but capacity, quota or policy holds, in the order of their
 * account.
 *
 * An index over the primary state: apply.c adds and removes; decide.c walks. Jobs of an account
 * that are alike in everything a decision looks at form a class, judged once per decision; within a
 * class the order is submit time, then id. A class is a treap whose priorities are hashes of job
 * ids, so that its form, too, is a function of the state.
 *
 * Three kinds of job stand aside from the accounts' classes: those whose begin time lies ahead
 * (DR_QUEUE_LATER), those that have been promised a place (DR_QUEUE_PROMISED), and, in a class of
 * one each, those that hold a reservation. */
#ifndef DR_CORE_QUEUE_H
#define DR_CORE_QUEUE_H

#include "core/state.h"

/* Class rows that are always there. */
#define DR_QUEUE_LATER    0 /* by begin time, then id */
#define DR_QUEUE_PROMISED 1 /* by id */

/* What a class waits for, as bits: core/seats.h. */
struct dr_wants {
    uint64_t room;  /* DR_WANTS_* */
    uint64_t sums;  /* the gang's amounts per resource, as powers of two */
    uint64_t hunts; /* what attempts would have to give back for it: DR_WANTS_OWN and others */
};

/* A job that has been preempted so often takes nobody by priority any more: two accounts whose jobs
 * take back and outrank in turn would go on for ever (docs/policy.md, section 3). */
#define DR_OUTRANKS_PREEMPTIONS_MAX 3

static inline int dr_queue_outranks(const struct dr_core *core, const struct dr_job *job)
{
    return dr_job_run(core, job)->preemptions < DR_OUTRANKS_PREEMPTIONS_MAX;
}

/* What quotas said of a class when it was refused (core/judged.c), a bit per group that it may run
 * in: in the order of dr_place_groups(). */
struct dr_standing {
    uint32_t starts; /* those below the root let it start */
    uint32_t stated; /* it is within some guarantee on its path */
};

struct dr_queue_class {
    /* what its jobs have in common, with what core/queue.c reads from the first of them */
    uint32_t shape; /* row */
    int32_t priority;
    uint8_t again;          /* preempted before: ahead of new ones */
    uint8_t alone;          /* it is of one job, which holds a reservation */
    uint8_t within;         /* the account below the root was within its guarantee, in some group */
    uint8_t doubtful : 1;   /* fresh, but for nothing that time alone may change (core/seats.h) */
    uint8_t is_untold : 1;  /* its groups do not tell of every pool that it may run in */
    uint8_t is_typical : 1; /* they are those of its shape */
    uint8_t is_flexible : 1;
    uint32_t hash;  /* 0: the row is free */
    uint32_t chain; /* of the same hash, or free */
    /* the treap of its jobs */
    uint32_t root;
    uint32_t first;
    /* its place in its account's seat (core/seats.h) */
    uint32_t line_parent;
    int64_t first_submit_us;
    int64_t limit_us;   /* of an attempt, of a factor of 1 */
    uint64_t judged_at; /* when it was refused last, by the seats' clock; 0: not yet */
    struct dr_standing standing;
    /* what a walk down a seat looks at, together in memory */
    uint32_t line_left;
    uint32_t line_right;
    struct dr_wants wants;
    struct dr_wants wants_below; /* of it and what hangs under it there */
};

/* The shape of a class's jobs. */
static inline const struct dr_shape *dr_queue_shape(const struct dr_core *core,
                                                    const struct dr_queue_class *class)
{
    return &core->shapes[class->shape];
}

static inline dr_account_id dr_queue_account(const struct dr_core *core,
                                             const struct dr_queue_class *class)
{
    return core->jobs[class->first].account;
}

struct dr_queue {
    struct dr_queue_class *classes; /* [jobs_max + 2] */
    uint32_t classes_high;
    uint32_t classes_free;        /* through `chain` */
    struct dr_row_map class_rows; /* by hash: the first of a chain */
    int64_t advanced_us;          /* of the last dr_queue_advance() */
    uint32_t reserved_first;      /* job rows that hold a reservation, in no order */
    uint32_t *below;              /* [jobs_max] jobs in the treap at and under a job */
};

/* Tables for core->limits.jobs_max jobs, from core->tables. */
DR_MUST_USE enum dr_status dr_queue_init(struct dr_core *core);

/* Forget everything; dr_core_index() then adds the jobs again. */
void dr_queue_clear(struct dr_core *core);

/* A job is PENDING, not held, and has no dependency left. Its begin time may lie in the future: the
 * queue holds it aside until dr_queue_advance() passes it. Also after its promise or reservation
 * has changed, which has to be done between dr_queue_remove() and this. */
void dr_queue_add(struct dr_core *core, dr_job_row row);

/* It was added before, and is to be placed, promised, reserved, held, or ended. Called before its
 * state changes. */
void dr_queue_remove(struct dr_core *core, dr_job_row row);

/* Time has come to `now_us`: jobs whose begin time has passed join. Returns how many did. */
uint32_t dr_queue_advance(struct dr_core *core, int64_t now_us);

/* The earliest begin time still to come; DR_FOREVER_US: none. */
int64_t dr_queue_next_time_us(const struct dr_core *core);

/* The first job of a class, and the next one after a job; DR_ROW_NONE: none. */
uint32_t dr_queue_first(const struct dr_core *core, uint32_t class_row);
uint32_t dr_queue_next(const struct dr_core *core, uint32_t job_row);

/* Jobs of a class. */
static inline uint32_t dr_queue_count(const struct dr_core *core, uint32_t class_row)
{
    uint32_t root = core->queue->classes[class_row].root;

    return root == DR_ROW_NONE ? 0 : core->queue->below[root];
}

/* Those that hold a reservation, in no order; DR_ROW_NONE: no more. */
static inline uint32_t dr_queue_reserved_first(const struct dr_core *core)
{
    return core->queue->reserved_first;
}

static inline uint32_t dr_queue_reserved_next(const struct dr_core *core, uint32_t job_row)
{
    return dr_job_run(core, &core->jobs[job_row])->list_next;
}

/* How many jobs of the account come before this one, which is in one of its classes. Costs the
 * account's classes times the depth of a treap. */
uint32_t dr_queue_before(const struct dr_core *core, dr_job_row row);

/* Which of two classes' first jobs comes first within an account: < 0 `a`, > 0 `b`. Total. */
int dr_queue_compare(const struct dr_core *core, uint32_t a, uint32_t b);

/* The limit of the job's next attempt: all of it, or with limit_total what is left, 1 s at least.
 */
int64_t dr_queue_limit_us(const struct dr_core *core, const struct dr_job *job);

/* For tests: is the class's row what its first job says? */
int dr_queue_class_agrees(const struct dr_core *core, uint32_t class_row);

/* Where its saved work lies; 0: it has none. */
dr_site_id dr_queue_kept_at(const struct dr_core *core, const struct dr_job *job);

#endif
