/* SPDX-License-Identifier: Apache-2.0 */
/* leave.h: parts that leave the federation once nothing uses them any more.
 *
 * A removal drains first. What is still in use is marked by a fact, PART_LEAVING: its nodes take
 * nothing new, an account takes no new jobs. When the last attempt or job has ended, a decision
 * makes the facts of removal by itself, from what stands on others down: pools, accounts, groups,
 * sites, chips. Declaring the part again (CHIP_SET, SITE_SET, ...) before that makes it stay. */
#ifndef DR_CORE_LEAVE_H
#define DR_CORE_LEAVE_H

#include "core/state.h"

/* Is nothing left that uses it? Ids of parts that are not removed. */
int dr_pool_unused(const struct dr_core *core, dr_pool_id pool);
int dr_account_unused(const struct dr_core *core, dr_account_id account);
/* A pool that is not removed, nor leaving with `staying`, and that stands on the site, on the chip,
 * counts in the group, or belongs to the account; 0 for those not asked about. Id 0: there is none.
 */
dr_pool_id dr_pool_on(const struct dr_core *core, uint32_t site, uint32_t chip, uint32_t group,
                      uint32_t owner, int staying);

/* Remove what was to leave and is unused. 0: the batch is full, and something is left to do. */
int dr_settle_leaving(struct dr_core *core, int64_t now_us, struct dr_batch *batch);

#endif
