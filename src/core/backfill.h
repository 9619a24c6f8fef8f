/* SPDX-License-Identifier: Apache-2.0 */
/* backfill.h: reservations, and starting ahead of one's turn (POLICY, section 5; EASY: D. Lifka,
 * "The ANL/IBM SP scheduling system", JSSPP 1995, with a reservation per pool).
 *
 * The first blocked jobs in order, settings.reserve_depth per pool, hold a reservation: a pool,
 * nodes, accelerators, and the time at which these are believed to be free and the job's quotas to
 * allow it. Attempts are believed to end at start + limit, those told to leave at the end of their
 * grace. A later job starts iff it is believed to end before a reservation begins, or takes nothing
 * of it: no accelerator, no CPUs and memory that the reserved tasks need on a node, no quota
 * without which the reserved job could not start at its time.
 *
 * A reservation is kept until its job starts, ends, or is given an earlier one; it is dropped when
 * a node of it is lost, or when a job within its guarantee takes from a job that is not. Which
 * pools are looked at again: those in which something was freed since the last decision; all, on a
 * tick.
 *
 * A walk looks in vain for at most DR_PLANS_MAX times in pools, so that many jobs that no end would
 * let start cost no more than that; who finds none left is looked at again on the next tick at the
 * latest.
 *
 * What is promised to others counts as held until it runs. */
#ifndef DR_CORE_BACKFILL_H
#define DR_CORE_BACKFILL_H

#include "core/decide.h"

#define DR_PLANS_MAX 256

/* A reservation whose time has passed for so long, with its job still waiting, is given up: what it
 * counted on did not happen. A new one may be made at once. */
#define DR_RESERVATION_LATE_US (2 * DR_MINUTE_US)

struct dr_reserved {
    uint32_t row; /* of the job */
    dr_pool_id pool;
    int64_t start_us;
    dr_account_id branch;    /* its account's branch below the root; 0: it is the root's */
    uint8_t alive;           /* still held */
    uint8_t is_guaranteed;   /* as of the fact `guaranteed_seq` */
    uint64_t guaranteed_seq; /* 0: not known */
    uint32_t next;           /* of the same pool, in decision->reserved */
};

/* Before the walk: drop reservations that can't be kept, list the others. */
void dr_backfill_begin(struct dr_decision *decision);

/* After the walk: has a reservation lost its place within guarantee by what was started? Then it
 * may be displaced by jobs that were refused because of it. */
int dr_backfill_end(struct dr_decision *decision);

/* dr_place_find() for a job that starts now, delaying no reservation; `displace`: only those of
 * jobs within their guarantee count. Where `want` doesn't say which advance reservations keep nodes
 * from it, all that do. Returns the parts, or 0. */
uint32_t dr_backfill_find(struct dr_decision *decision, uint32_t job_row,
                          const struct dr_want *want, dr_pool_id pool, int displace,
                          struct dr_extent *extents);

/* Would the job, started now, meet every reservation in the pool? */
int dr_backfill_concerned(const struct dr_decision *decision, uint32_t job_row,
                          const struct dr_want *want, dr_pool_id pool, int displace);

/* Those who reserve there before a job that runs until `end_us` would end: could they start at
 * their time beside it, by quota? Not while thought changes sums. */
int dr_backfill_quota_leaves(struct dr_decision *decision, const struct dr_job *job,
                             const struct dr_want *want, dr_pool_id pool, int64_t end_us);

/* In thought: what they reserve in the pool is nobody's. Before attempts leave in thought there,
 * and undone after they have come back. */
void dr_backfill_block(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                       int64_t end_us);
void dr_backfill_unblock(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                         int64_t end_us);

/* Drop the reservations that a place cuts into; called for a job that has just been given it,
 * started or promised. */
void dr_backfill_displace(struct dr_decision *decision, uint32_t job_row, dr_pool_id pool,
                          const struct dr_extent *extents, uint32_t count, int64_t end_us);

/* The job has been placed, or its reservation dropped: take it off the decision's list. */
void dr_backfill_forget(struct dr_decision *decision, uint32_t job_row);

/* The job can't start now: give it a reservation, or an earlier one, where a pool has none to give
 * to those before it. */
void dr_backfill_reserve(struct dr_decision *decision, const struct dr_choice *choice);

/* For explanations: a place is free for the job in the pool, by amounts and nodes. Which
 * reservations keep it from starting there: a least set, such that without all of it the job could
 * start beside the others. `blockers` [max] job rows; returns how many there are (more than `max`:
 * the rest is not in the list), 0: none. `displace` as above. Costs searches in the pool by the
 * logarithm of how many reservations there are, for each one in the set. */
uint32_t dr_backfill_blockers(const struct dr_core *core, uint32_t job_row,
                              const struct dr_want *want, dr_pool_id pool, int64_t now_us,
                              int displace, uint32_t *blockers, uint32_t max);

/* For explanations: by how much less would have to be held back in the pool's group of a resource,
 * so that the job could start beside those whose reservations it meets; 0: what is held back there
 * does not stand in its way. `displace` as above. */
int64_t dr_backfill_kept(const struct dr_core *core, uint32_t job_row, const struct dr_want *want,
                         dr_pool_id pool, int64_t now_us, int displace, enum dr_resource resource);

/* ---- between backfill.c and backfill_plan.c ---- */

/* The job holds a reservation now: onto the decision's list. */
void dr_backfill_enlist(struct dr_decision *decision, uint32_t job_row);

/* What all on that list count on. */
struct dr_pledges *dr_backfill_pledges(struct dr_decision *decision);

/* Its reservation is given up, for a job; 0: for none. */
void dr_backfill_drop(struct dr_decision *decision, uint32_t job_row, uint64_t by);

/* In thought: what it has reserved is nobody's. Undone by dr_place_view_undo(). */
void dr_backfill_hide(struct dr_core *core, const struct dr_job *job);

#endif
