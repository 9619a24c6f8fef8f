/* SPDX-License-Identifier: Apache-2.0 */
/* victim_sets.h: which attempts of a pool make room for a job, as a set: who may be taken, the sets
 * that are tried, and which is best (POLICY, section 3). For core/reclaim.c, which hunts in pools
 * and promises. Attempts leave and come back in thought alone (dr_decision_think()). */
#ifndef DR_CORE_VICTIM_SETS_H
#define DR_CORE_VICTIM_SETS_H

#include "core/decide.h"
#include "core/fair.h"
#include "core/victims.h"
#include "core/window.h"

/* One attempt to make room: this job, this way, this pool. */
struct dr_hunt {
    struct dr_decision *decision;
    struct dr_core *core;
    const struct dr_job *job;
    struct dr_want want;
    dr_pool_id pool;
    int64_t units; /* of the job, thousandths */
    struct dr_victim *victims;
    uint32_t count;
    uint32_t *leaving; /* attempts that leave anyway */
    uint32_t leaving_count;
    struct dr_extent *extents;
    uint32_t extents_count;
    int outranks;  /* its own account runs attempts of lower priority that may be taken one day */
    int far_below; /* an account above it lets priority reach over those below */
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    dr_account_id within[DR_PLACE_GROUPS_MAX]; /* whose guarantee it is within there; 0: nobody's */
    uint32_t groups_count;                     /* 0: not known by groups */
    struct dr_window_set barred;
    struct dr_fair *fair; /* it takes by fair share; NULL: it takes back, or by priority */
};

/* The best set so far. */
struct dr_hunt_plan {
    struct dr_found found;
    struct dr_victim *victims;
    uint32_t count;
    int under;  /* it pushes a branch under its guarantee */
    int evicts; /* it has one that does not come back smaller */
    int64_t loss_us;
    int64_t units;
    int64_t until_us;
};

/* May this attempt be taken for the job, with the sums as they are in thought now? */
enum dr_stop_cause dr_hunt_may_take(const struct dr_hunt *hunt, const struct dr_job *victim);

/* Do quotas let the job start in the pool now, in thought? */
int dr_hunt_quota_allows(const struct dr_hunt *hunt);

/* Does the job fit there now, in thought? Its place is in hunt->extents then. */
int dr_hunt_fits(struct dr_hunt *hunt);

/* Keep the chosen set if it is better than the best so far. Returns 1 if it was. */
int dr_hunt_keep(struct dr_hunt *hunt, struct dr_hunt_plan *plan);

/* The three sets that are tried, of hunt->victims. Returns 1 if the plan is one of them now. */
int dr_hunt_try_sets(struct dr_hunt *hunt, struct dr_hunt_plan *plan);

#endif
