/* SPDX-License-Identifier: Apache-2.0 */
/* See allocate.h. */
#include "core/allocate.h"

#include "base/math.h"
#include "core/admit.h"

static int64_t amount_in(const struct dr_allocation *allocation, dr_group_id group)
{
    for (uint32_t i = 0; i < allocation->amounts_count; i += 1)
        if (allocation->amounts[i].group.v == group.v)
            return allocation->amounts[i].amount;
    return 0;
}

int64_t dr_allocated(const struct dr_core *core, dr_account_id account, dr_group_id group)
{
    int64_t sum = 0;

    if (core->accounts[account.v - 1].parent.v == 0)
        return 0;
    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        const struct dr_allocation *allocation = &core->allocations[row];

        if (allocation->active && dr_account_within(core, allocation->account, account))
            sum += amount_in(allocation, group);
    }
    return sum;
}

int64_t dr_quota_stated(const struct dr_core *core, dr_account_id account, dr_group_id group)
{
    return dr_quota_at(core, account, group)->guarantee - dr_allocated(core, account, group);
}

int dr_allocation_live(const struct dr_core *core, const struct dr_allocation *allocation)
{
    return !allocation->removed && (allocation->active || allocation->until_us > core->time_us);
}

uint32_t dr_allocation_of(const struct dr_core *core, uint32_t account, uint32_t group)
{
    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        const struct dr_allocation *allocation = &core->allocations[row];
        int of = account != 0 && allocation->account.v == account;

        for (uint32_t i = 0; group != 0 && i < allocation->amounts_count; i += 1)
            of |= allocation->amounts[i].group.v == group;
        if (of && !allocation->removed)
            return row + 1;
    }
    return 0;
}

/* The sum over allocations that run at an instant; it rises at beginnings alone, so that the most
 * is found at one of them, or now. */
static int64_t allocated_at(const struct dr_core *core, dr_group_id group,
                            const struct dr_fact_allocation_set *with, int64_t time_us)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        const struct dr_allocation *allocation = &core->allocations[row];

        if (dr_allocation_live(core, allocation) && allocation->from_us <= time_us &&
            time_us < allocation->until_us && (with == NULL || with->allocation != row + 1))
            sum += amount_in(allocation, group);
    }
    for (uint32_t i = 0; with != NULL && i < with->amounts_count; i += 1)
        if (with->amounts[i].group.v == group.v && with->from_us <= time_us &&
            time_us < with->until_us)
            sum += with->amounts[i].guarantee;
    return sum;
}

int64_t dr_allocated_most(const struct dr_core *core, dr_group_id group,
                          const struct dr_fact_allocation_set *with)
{
    int64_t most = allocated_at(core, group, with, core->time_us);

    for (uint32_t row = 0; row < core->allocations_count; row += 1)
        if (dr_allocation_live(core, &core->allocations[row]) &&
            core->allocations[row].from_us > core->time_us &&
            amount_in(&core->allocations[row], group) != 0)
            most =
                dr_max_i64(most, allocated_at(core, group, with, core->allocations[row].from_us));
    if (with != NULL && with->from_us > core->time_us)
        most = dr_max_i64(most, allocated_at(core, group, with, with->from_us));
    return most;
}

void dr_settle_terms(struct dr_core *core, int64_t now_us, struct dr_batch *batch)
{
    for (uint32_t row = 0; row < core->allocations_count && dr_batch_room(batch, 0); row += 1) {
        const struct dr_allocation *allocation = &core->allocations[row];
        uint8_t runs =
            !allocation->removed && allocation->from_us <= now_us && now_us < allocation->until_us;
        struct dr_fact fact = dr_fact_of(NULL, DR_FACT_ALLOCATION_TERM, now_us);

        if (runs == allocation->active)
            continue;
        fact.reason = runs ? "its term begins" : "its term is over";
        fact.allocation_term.allocation = row + 1;
        fact.allocation_term.active = runs;
        dr_settle(core, &fact, batch);
    }
}
