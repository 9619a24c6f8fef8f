/* SPDX-License-Identifier: Apache-2.0 */
/* reclaim.h: taking back (POLICY, section 3): capacity for a job within its guarantee from those
 * who borrow it, and for a job of higher priority from its own account or below a common one that
 * says preempt_below.
 *
 * The rule of choice is the page's procedure, per pool and way to run the job: candidates in the
 * order of loss per accelerator; three sets, (a) only those no larger than what is missing, (b) the
 * single one of least loss, (c) all sizes; after each, what is not needed is given back, dearest
 * first, and every condition is checked again on what is left. Over all sets: no branch pushed
 * under its guarantee, least loss, least overshoot, fewest gangs, lowest pool, way and set.
 *
 * The same machinery, with another rule of who may be taken, serves fair preemption: core/fair.h.
 *
 * What the page leaves open: a job without accelerators counts its CPUs, eight to one. `missing` is
 * what the job asks less what is free in amounts; once that is nothing and it still does not fit,
 * set (a) goes on with attempts no larger than the job. Attempts that leave anyway and are promised
 * to nobody count as gone: they cost nothing. Where nodes are free and only the root's quota is
 * not, candidates come from all pools of the group. */
#ifndef DR_CORE_RECLAIM_H
#define DR_CORE_RECLAIM_H

#include "core/decide.h"

/* Before the walks of a decision. */
void dr_reclaim_begin(struct dr_decision *decision);

/* Find what the job may take, warn it and promise the place. Returns 1 if the job has been promised
 * a place; 0: nothing may be taken with which it fits (or decision->full). */
int dr_reclaim(struct dr_decision *decision, const struct dr_choice *choice);

/* Could that take anything from anybody, by sums? Too often yes, never too often no. */
int dr_reclaim_may(struct dr_core *core, const struct dr_job *job);

/* The same by fair share: core/fair.h has the rule, and who asks. */
int dr_reclaim_fairly(struct dr_decision *decision, const struct dr_choice *choice);

/* Is every account from the victim's up to `top` above its guarantee, in one resource of the pool's
 * groups that it and the amounts use? */
int dr_reclaim_borrows(const struct dr_core *core, dr_pool_id pool,
                       const struct dr_amounts *amounts, const struct dr_job *victim,
                       dr_account_id top);

#endif
