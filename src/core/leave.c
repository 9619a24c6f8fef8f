/* SPDX-License-Identifier: Apache-2.0 */
/* See leave.h. */
#include "core/leave.h"

#include "core/admit.h"

int dr_pool_unused(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_pool *about = &core->pools[pool.v - 1];

    for (uint32_t number = 0; number < about->nodes_count; number += 1)
        if (!core->nodes[dr_pool_node_row(about, number)].removed)
            return 0;
    return 1;
}

int dr_account_unused(const struct dr_core *core, dr_account_id account)
{
    const struct dr_account *about = &core->accounts[account.v - 1];

    return about->jobs_live == 0 && about->first_child == DR_ROW_NONE &&
           dr_pool_on(core, 0, 0, 0, account.v, 0).v == 0;
}

dr_pool_id dr_pool_on(const struct dr_core *core, uint32_t site, uint32_t chip, uint32_t group,
                      uint32_t owner, int staying)
{
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int on = (site != 0 && pool->site.v == site) || (chip != 0 && pool->chip.v == chip) ||
                 (owner != 0 && pool->owner.v == owner);

        for (uint32_t r = 0; group != 0 && r < DR_RESOURCE_COUNT; r += 1)
            on |= pool->groups[r].v == group;
        if (on && !pool->removed && !(staying && pool->leaving))
            return (dr_pool_id){row + 1};
    }
    return (dr_pool_id){0};
}

static int settle(struct dr_core *core, struct dr_fact *fact, int64_t now_us,
                  struct dr_batch *batch)
{
    if (!dr_batch_room(batch, 0))
        return 0;
    fact->time_us = now_us;
    fact->reason = "it was to leave and nothing uses it any more";
    dr_settle(core, fact, batch);
    return 1;
}

int dr_settle_leaving(struct dr_core *core, int64_t now_us, struct dr_batch *batch)
{
    struct dr_fact fact;

    if (core->leaving_count == 0)
        return 1;
#define SETTLE(KIND, member, field, row)                 \
    do {                                                 \
        fact = dr_fact_of(NULL, DR_FACT_##KIND, now_us); \
        fact.member.field = (row) + 1;                   \
        if (!settle(core, &fact, now_us, batch))         \
            return 0;                                    \
    } while (0)
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (core->pools[row].leaving && dr_pool_unused(core, (dr_pool_id){row + 1}))
            SETTLE(POOL_REMOVED, pool_removed, pool, row);
    /* Children have higher rows than their parents: the last first. */
    for (uint32_t row = core->accounts_count; row > 0; row -= 1)
        if (core->accounts[row - 1].leaving && dr_account_unused(core, (dr_account_id){row}))
            SETTLE(ACCOUNT_REMOVED, account_removed, account, row - 1);
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        if (core->groups[row].leaving && dr_pool_on(core, 0, 0, row + 1, 0, 0).v == 0)
            SETTLE(GROUP_REMOVED, group_removed, group, row);
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        if (core->sites[row].leaving && dr_pool_on(core, row + 1, 0, 0, 0, 0).v == 0)
            SETTLE(SITE_REMOVED, site_removed, site, row);
    for (uint32_t row = 0; row < core->chips_count; row += 1)
        if (core->chips[row].leaving && dr_pool_on(core, 0, row + 1, 0, 0, 0).v == 0)
            SETTLE(CHIP_REMOVED, chip_removed, chip, row);
#undef SETTLE
    return 1;
}
