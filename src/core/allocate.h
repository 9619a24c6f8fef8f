/* SPDX-License-Identifier: Apache-2.0 */
/* allocate.h: guarantees with a term (POLICY, section 1).
 *
 * An allocation adds to the guarantee of its account, and of those above it but the root, from one
 * instant until another. A quota's `guarantee` holds what counts now, with what is allocated in it;
 * ACCOUNT_SET says what is stated, without. A term begins and ends by a fact, ALLOCATION_TERM,
 * which follows a tick: within a minute of its instant, and at the same point in a replay. */
#ifndef DR_CORE_ALLOCATE_H
#define DR_CORE_ALLOCATE_H

#include "core/state.h"

/* What allocations that run add to an account's guarantee: its own, and those below it. */
int64_t dr_allocated(const struct dr_core *core, dr_account_id account, dr_group_id group);
/* The guarantee that the account was given, without. */
int64_t dr_quota_stated(const struct dr_core *core, dr_account_id account, dr_group_id group);

/* Is it still to run, or does it run? By the time of the last fact. */
int dr_allocation_live(const struct dr_core *core, const struct dr_allocation *allocation);
/* An allocation, over or not, of the account or in the group (0: not asked about); id 0: there is
 * none. */
uint32_t dr_allocation_of(const struct dr_core *core, uint32_t account, uint32_t group);

/* The most that is allocated in a group at one time, from the last fact on. `with`: as if this were
 * declared, instead of what has its id; NULL: as it is. */
int64_t dr_allocated_most(const struct dr_core *core, dr_group_id group,
                          const struct dr_fact_allocation_set *with);

/* Begin and end what is due at `now_us`. What finds no room in the batch waits for the next tick.
 */
void dr_settle_terms(struct dr_core *core, int64_t now_us, struct dr_batch *batch);

#endif
