/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h: the sums of POLICY section 1, kept up to date along the account's path, and its two
 * rules. */
#ifndef DR_CORE_QUOTA_H
#define DR_CORE_QUOTA_H

#include "core/state.h"

/* Which of an account's sums an amount goes into. */
enum dr_charge {
    DR_CHARGE_USE = 1,
    DR_CHARGE_CLAIM = 2,
    DR_CHARGE_THOUGHT = 8, /* it is taken back before anybody asks for slacks (core/slack.h) */
    DR_CHARGE_FIRM = 4,    /* with CLAIM: a job that can't be taken */
    DR_CHARGE_PASSING =
        16, /* with THOUGHT: and before anybody asks for keys, or for what is lent */
};

/* Add `amounts` (or take them away: sign -1) in the groups of `pool`, for the account and all above
 * it; occupied follows. */
void dr_quota_charge(struct dr_core *core, dr_account_id account, dr_pool_id pool,
                     const struct dr_amounts *amounts, unsigned charges, int sign);

/* The same for one account alone, in use and claim, of which `firm` can't be taken: those above it
 * only hear of what it occupies. To be taken back before anybody asks for keys, slacks or what is
 * lent. */
void dr_quota_charge_one(struct dr_core *core, dr_account_id account, dr_group_id group,
                         int64_t amount, int64_t firm);

/* What one start is stopped by. */
struct dr_quota_verdict {
    enum dr_reason reason; /* NONE: it may start; QUOTA (on the path), KEPT (held back at the root
                              by others' lending limits) or CAPACITY (claimed at the root) */
    dr_account_id account; /* where */
    dr_group_id group;
    int64_t has;   /* claim, or occupied at the root */
    int64_t needs; /* with the job */
    int64_t limit;
    uint8_t firm; /* dr_quota_obstacles(): the guarantee, within which alone the job may start */
};

/* May `account` add `amounts` in the pool's groups? Q1 for use and claim on the path, Q2 at the
 * root; `firm`: within the guarantee of its own account besides. `held` (NULL: none) is taken off
 * claim first: what the job has been promised already. */
struct dr_quota_verdict dr_quota_check(const struct dr_core *core, dr_account_id account,
                                       dr_pool_id pool, const struct dr_amounts *amounts, int firm,
                                       const struct dr_amounts *held);

/* The same on the path alone, the root aside: do quotas there let it start? */
int dr_quota_path_allows(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                         const struct dr_amounts *amounts, int firm);

/* Everything that dr_quota_check() could stop at, for explanations: QUOTA for each account on
 * the path and group (`firm`: once for each of the two limits that it takes), KEPT once for each
 * group in which claims leave room at the root but lending limits hold it back. `given_back` (NULL:
 * none) is taken off what the root has in those groups first: as if so much claimed had gone
 * elsewhere. `full`: claims alone leave too little at the root in some group (CAPACITY; not in the
 * list). Returns how many; `verdicts` [DR_QUOTA_VERDICTS_MAX]. */
#define DR_QUOTA_VERDICTS_MAX (DR_RESOURCE_COUNT * (DR_DEPTH_MAX + 2))
uint32_t dr_quota_obstacles(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                            const struct dr_amounts *amounts, int firm,
                            const struct dr_amounts *given_back, struct dr_quota_verdict *verdicts,
                            int *full);

/* Could the account ever add `amounts` by its limits, if nobody claimed anything? */
int dr_quota_ever(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                  const struct dr_amounts *amounts, int firm);

/* Would `occupied(account) + amounts` stay within the account's guarantee, in every group of the
 * pool that the job uses? The guarantee is the one in force: shrunk in proportion where what is up
 * falls below the sum of guarantees. */
int dr_quota_within_guarantee(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                              const struct dr_amounts *amounts);

/* Is the branch of the account below the root within its guarantee so? Not, for the root's own. */
int dr_quota_branch_within(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                           const struct dr_amounts *amounts);

/* The guarantee in force (section 1: shrinks with what is up). */
int64_t dr_quota_guarantee(const struct dr_core *core, dr_account_id account, dr_group_id group);

/* keep(a) = max(0, G - L) */
int64_t dr_quota_keep(const struct dr_quota *quota);

/* Recompute occupied on the path of `account` after a change of its limits. */
void dr_quota_refresh(struct dr_core *core, dr_account_id account);

/* Bring `past` of every account and group up to `now_us` and decay it by `decay` / 2^32. */
void dr_quota_tick(struct dr_core *core, int64_t now_us, uint32_t decay);

/* Clear and recompute all sums from accounts' limits; the caller charges jobs again after it. */
void dr_quota_index(struct dr_core *core);

/* Would the quotas of the account and those above it, the root aside, refuse the amounts even if
 * nothing were claimed? */
int dr_quota_never(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                   const struct dr_amounts *amounts, int firm);

/* The lowest account on the path, below the root, that would stay within its guarantee as declared;
 * id 0: none. */
dr_account_id dr_quota_guarantor(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                                 const struct dr_amounts *amounts);

/* occupied + n <= G in every group that the amounts need, by the guarantee as declared: nobody
 * loses his claim to it because nodes are down. */
int dr_quota_within_stated(const struct dr_core *core, dr_account_id account, dr_pool_id pool,
                           const struct dr_amounts *amounts);

#endif
