/* SPDX-License-Identifier: Apache-2.0 */
/* slack.h: by how much a start may add to a group without taking from jobs with reservations the
 * capacity that they count on (POLICY, section 5, "quota on the path": at the root). For core's own
 * files.
 *
 * A reserved job counts on what ends give back until its reservation begins, and on what others who
 * are reserved until then do not ask. What is left beside that at the root of the account tree is
 * its *slack* in each group that it asks of. Who starts now and is believed to end after that
 * instant may add no more. Slacks are summed up per group when they are first asked for after a
 * fact, in the order of instants, with the least of those before. */
#ifndef DR_CORE_SLACK_H
#define DR_CORE_SLACK_H

#include "core/state.h"

#define DR_SLACK_MAX 16384 /* reservations in all groups together of which slacks are kept */

struct dr_slack_at {
    int64_t start_us; /* of a reservation */
    int64_t needs;
    int64_t least; /* slack of it and of all that begin before it; INT64_MAX: any amount */
};

struct dr_slack_group {
    uint64_t seq; /* core->seq for which it is true; UINT64_MAX: none */
    uint32_t first;
    uint32_t count;
};

struct dr_slack {
    uint64_t seq;                  /* of the groups that lie in `at` */
    struct dr_slack_group *groups; /* [groups_max] */
    struct dr_slack_at *at;        /* [DR_SLACK_MAX], groups one after another */
    uint32_t count;
};

DR_MUST_USE enum dr_status dr_slack_open(struct dr_core *core);

/* The state is another one. */
void dr_slack_clear(struct dr_core *core);

/* What a job that ends at `end_us` may add to a group at the root; INT64_MAX: any amount. For a job
 * without a reservation of its own, all reservations counting. Returns 0 where there are too many
 * to tell. */
int dr_slack_least(struct dr_core *core, dr_group_id group, int64_t end_us, int64_t *least);

#endif
