/* SPDX-License-Identifier: Apache-2.0 */
/* slack.h: by how much a start may add to a group without taking from jobs with reservations the
 * capacity that they count on (POLICY, section 5, "quota on the path": at the root). For core's own
 * files.
 *
 * A reserved job counts on what ends give back until its reservation begins, and on what others who
 * are reserved until then do not ask. What is left beside that at the root of the account tree is
 * its *slack* in each group that it asks of. Who starts now and is believed to end after that
 * that instant may add no more. Slacks are summed up per group when they are asked for after a
 * change in it, in the order of instants, with the least of those before.
 *
 * Who was refused by them (core/judged.c) can only be helped once some have risen: whenever they
 * are summed up anew they are compared with what they were. */
#ifndef DR_CORE_SLACK_H
#define DR_CORE_SLACK_H

#include "core/state.h"

#define DR_SLACK_MAX 16384 /* reservations in all groups together of which slacks are kept */

struct dr_slack_at {
    int64_t start_us; /* of a reservation */
    int64_t needs;
    int64_t claim;            /* at the root, once all that ends until then has ended */
    int64_t held;             /* by those that begin until then */
    int64_t own;              /* slack of those that begin then; INT64_MAX: any amount */
    int64_t least;            /* ... and of all that begin before it */
    int64_t least_guaranteed; /* the same over those of jobs within their guarantee alone */
    uint8_t is_guaranteed;
};

struct dr_slack_group {
    uint64_t known; /* the version for which its slacks are those of the state; 0: for none */
    uint32_t first;
    uint32_t count;
    uint32_t room;      /* from `first` on, that nobody else has */
    int64_t needs;      /* of all reservations in it */
    int64_t beside;     /* what may be added beside all of them, when slacks were summed up last */
    uint64_t opened_at; /* by the seats' clock (core/seats.h): when more could be added, last */
    uint64_t rose_at;   /* ... or the slack of any reservation has risen, or one is another */
    uint8_t is_watched; /* somebody was refused by them */
};

struct dr_slack {
    struct dr_slack_group *groups; /* [groups_max] */
    struct dr_slack_at *at;        /* [DR_SLACK_MAX], the room of groups, one after another */
    uint32_t count;
    uint64_t version;   /* grows when all is forgotten; starts at 1 */
    uint64_t rose_last; /* the greatest of rose_at */
};

DR_MUST_USE enum dr_status dr_slack_open(struct dr_core *core);

/* The state is another one, or limits and capacities are. */
void dr_slack_clear(struct dr_core *core);

/* ... and there are no reservations. */
void dr_slack_forget(struct dr_core *core);

/* An end in a pool of the group has changed. */
static inline void dr_slack_changed(struct dr_core *core, dr_group_id group);

/* Something has been charged in a pool: sums at the root, and who is within his guarantee. */
void dr_slack_charged(struct dr_core *core, dr_pool_id pool);

/* What may be added beside a reservation that begins then, with `held` for it and those before it,
 * before anybody is delayed; INT64_MAX: any amount. */
int64_t dr_slack_of(const struct dr_core *core, dr_group_id group, int64_t start_us, int64_t held);

/* A waiting job has reserved a place in a pool (sign 1), or gives it up. */
void dr_slack_reserve(struct dr_core *core, dr_pool_id pool, const struct dr_amounts *amounts,
                      int sign);

/* May a job that ends at `end_us` add so much to a group at the root? `displace`: only the
 * reservations of jobs within their guarantee count; its own never does. `can_tell`: 0 where there
 * are too many. */
int dr_slack_leaves(struct dr_core *core, const struct dr_job *job, dr_group_id group,
                    int64_t amount, int64_t end_us, int displace, int *can_tell);

/* When a job that adds so much to a group now has to be over, as it would be asked above;
 * INT64_MAX: at any time, or that can't be told. */
int64_t dr_slack_until_us(struct dr_core *core, dr_group_id group, int64_t amount, int displace);

/* Somebody is refused for what reservations in a pool count on: from now on it is known when that
 * has become less. Not while thought changes sums. */
void dr_slack_watch(struct dr_core *core, dr_pool_id pool);

/* Sum up anew where somebody was refused and something has changed since. */
void dr_slack_refresh(struct dr_core *core);

/* When more could be added in a group of the pool, or a slack there was another, last. */
uint64_t dr_slack_rose_at(const struct dr_core *core, dr_pool_id pool);

/* ---- inline ---- */

static inline void dr_slack_changed(struct dr_core *core, dr_group_id group)
{
    core->slack->groups[group.v - 1].known = 0;
}

#endif
