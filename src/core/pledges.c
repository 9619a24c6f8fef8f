/* SPDX-License-Identifier: Apache-2.0 */
/* See pledges.h. */
#include "core/pledges.h"

#include "core/quota.h"

#define NONE DR_ROW_NONE

struct dr_pledges *dr_pledges_new(struct dr_core *core)
{
    size_t cells = (size_t)core->accounts_count * core->groups_count + 1;
    struct dr_pledges *pledges = dr_arena_push(&core->scratch, 1, sizeof *pledges);

    DR_ASSERT(pledges != NULL);
    pledges->rows = dr_arena_push(&core->scratch, cells, sizeof pledges->rows[0]);
    pledges->row_of = dr_arena_push(&core->scratch, cells, sizeof pledges->row_of[0]);
    DR_ASSERT(pledges->rows != NULL && pledges->row_of != NULL);
    pledges->known = 0;
    return pledges;
}

void dr_pledges_clear(const struct dr_core *core, struct dr_pledges *pledges)
{
    memset(pledges->row_of, 0,
           (size_t)core->accounts_count * core->groups_count * sizeof pledges->row_of[0]);
    pledges->count = 0;
    for (uint32_t depth = 0; depth < DR_DEPTH_MAX; depth += 1)
        pledges->first[depth] = NONE;
}

static struct dr_pledge *pledge_at(const struct dr_core *core, struct dr_pledges *pledges,
                                   dr_account_id account, dr_group_id group)
{
    uint32_t *row = &pledges->row_of[(size_t)(account.v - 1) * core->groups_count + (group.v - 1)];
    uint32_t *first = &pledges->first[core->accounts[account.v - 1].depth];

    if (*row == 0) {
        pledges->rows[pledges->count] = (struct dr_pledge){
            .account_row = account.v - 1, .group_row = group.v - 1, .next = *first};
        *first = pledges->count;
        pledges->count += 1;
        *row = pledges->count;
    }
    return &pledges->rows[*row - 1];
}

void dr_pledges_add(struct dr_core *core, struct dr_pledges *pledges, const struct dr_job *job,
                    int sign)
{
    const struct dr_pool *pool = &core->pools[dr_job_run(core, job)->reservation_pool.v - 1];
    struct dr_amounts amounts = dr_job_reserved(core, job);

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        for (dr_account_id at = job->account; at.v != 0 && amounts.of[resource] != 0;
             at = core->accounts[at.v - 1].parent) {
            struct dr_pledge *pledge = pledge_at(core, pledges, at, pool->groups[resource]);

            pledge->amount += sign * amounts.of[resource];
            if (!dr_job_terms(core, job)->preemptible)
                pledge->firm += sign * amounts.of[resource];
        }
}

void dr_pledges_charge(struct dr_core *core, const struct dr_pledges *pledges, int sign)
{
    /* Whoever has more below it comes after what is below. */
    for (uint32_t depth = DR_DEPTH_MAX; depth-- > 0;)
        for (uint32_t row = pledges->first[depth]; row != NONE; row = pledges->rows[row].next) {
            const struct dr_pledge *pledge = &pledges->rows[row];

            dr_quota_charge_one(core, (dr_account_id){pledge->account_row + 1},
                                (dr_group_id){pledge->group_row + 1}, sign * pledge->amount,
                                sign * pledge->firm);
        }
}
