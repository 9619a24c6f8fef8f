/* SPDX-License-Identifier: Apache-2.0 */
/* pledges.h: what jobs that have reserved count on in the sums of accounts (core/quota.h), added up
 * per account and group, so that it can be charged for a moment and taken back again for much less
 * than each of them by itself. For core/backfill_plan.c. */
#ifndef DR_CORE_PLEDGES_H
#define DR_CORE_PLEDGES_H

#include "core/state.h"

struct dr_pledge {
    uint32_t account_row;
    uint32_t group_row;
    uint32_t next; /* of the same depth in the account tree; DR_ROW_NONE: the last */
    int64_t amount;
    int64_t firm; /* of it: jobs that can't be taken */
};

struct dr_pledges {
    struct dr_pledge *rows; /* [accounts_count * groups_count] */
    uint32_t *row_of;       /* [accounts_count * groups_count] row + 1; 0: none */
    uint32_t count;
    uint32_t first[DR_DEPTH_MAX];
    uint8_t known; /* all that is reserved has been added */
};

/* From scratch, not known; to be cleared before anything is added. */
struct dr_pledges *dr_pledges_new(struct dr_core *core);
void dr_pledges_clear(const struct dr_core *core, struct dr_pledges *pledges);

/* A job's reservation counts (sign 1), or does not any more (-1). */
void dr_pledges_add(struct dr_core *core, struct dr_pledges *pledges, const struct dr_job *job,
                    int sign);

/* Charge them all (sign 1), or take them back (-1) before anybody asks for keys, slacks or what is
 * lent. */
void dr_pledges_charge(struct dr_core *core, const struct dr_pledges *pledges, int sign);

#endif
