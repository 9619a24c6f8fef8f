/* SPDX-License-Identifier: Apache-2.0 */
/* What a place breaks: by how much a node is worth less to the recent mix of jobs, and what that
 * costs. Read oracle_breaks() first. */
#include "oracle_parts.h"

#include <math.h>

#include "core/mix.h"

#define NONE DR_ROW_NONE

/* How much a like of the recent mix counts: how often it comes, more if few accelerators are of
 * chips that it takes. */
static double like_counts(const struct dr_core *core, const struct dr_mix_row *like)
{
    double all = 0, there = 0, its = 0;

    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += (double)core->mix->rows[i].used;
    for (uint32_t i = 0; i < core->pools_count; i += 1) {
        const struct dr_pool *pool = &core->pools[i];
        double here = (double)pool->nodes_count * pool->accelerators;

        if (pool->removed || pool->chip.v == 0)
            continue;
        there += here;
        its += like->chips == 0 || ((like->chips >> (pool->chip.v - 1)) & 1) ? here : 0;
    }
    return (double)like->used / all * (its == 0 ? 1 : fmin(16, there / its));
}

static int like_fits(const struct dr_mix_row *like, const struct dr_pool *pool)
{
    return like->accelerators <= pool->accelerators * 1000 && like->cpus <= pool->cpus &&
           (like->chips == 0 || ((like->chips >> (pool->chip.v - 1)) & 1));
}

/* Accelerators of a node that are of use to the mix, given what is used of each (thousandths). */
static double worth_of(const struct dr_core *core, const struct dr_pool *pool, const uint32_t *used,
                       int64_t cpus)
{
    double worth = 0;
    uint32_t free = 0;

    for (uint32_t i = 0; i < pool->accelerators; i += 1)
        free += used[i] == 0;
    for (uint32_t m = 0; m < core->mix->count; m += 1) {
        const struct dr_mix_row *like = &core->mix->rows[m];
        double use = 0;

        if (!like_fits(like, pool) || (like->cpus * 256ull + pool->cpus - 1) / pool->cpus >
                                          (cpus < 1 ? 0 : (uint64_t)(cpus - 1) * 256 / pool->cpus))
            continue;
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            if (like->accelerators < 1000 ? used[i] <= 1000 && 1000 - used[i] >= like->accelerators
                                          : used[i] == 0 && free * 1000 >= like->accelerators)
                use += 1 - used[i] / 1000.0;
        worth += like_counts(core, like) * use;
    }
    return worth;
}

/* What whole nodes, in one block or in the pool, are worth to gangs of several. */
static double worth_to_gangs(const struct dr_core *core, const struct dr_pool *pool, int of_block,
                             uint32_t whole)
{
    uint32_t block = pool->levels_count == 0      ? 0
                     : pool->levels[0].nodes > 64 ? 64
                                                  : pool->levels[0].nodes;
    double worth = 0;

    for (uint32_t m = 0; m < core->mix->count; m += 1) {
        const struct dr_mix_row *like = &core->mix->rows[m];
        double nodes =
            ceil((double)like->tasks * like->accelerators / 1000 / (double)pool->accelerators);

        if (!like_fits(like, pool) || nodes < 2 || (nodes <= block) != of_block)
            continue;
        if (!of_block)
            nodes = exp2(ceil(log2(nodes)));
        if (nodes <= whole)
            worth += like_counts(core, like) * (double)pool->accelerators * whole;
    }
    return worth;
}

static uint32_t whole_nodes(const struct oracle *look, uint32_t pool_id, uint32_t size,
                            uint32_t domain)
{
    const struct dr_core *core = look->core;
    uint32_t whole = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        whole += core->nodes[row].pool.v == pool_id && core->nodes[row].number / size == domain &&
                 oracle_free_units(look, row) == core->pools[pool_id - 1].accelerators;
    return whole;
}

double oracle_breaks(const struct oracle *look, const struct dr_job *job, uint32_t index,
                     uint32_t pool_id, uint32_t row)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    const struct dr_alternative *way = oracle_way(core, job, index);
    uint32_t each = way->accelerators_per_task;
    uint32_t used[DR_ACCELERATORS_MAX], free = 0;
    double loss;

    for (uint32_t i = 0; i < pool->accelerators; i += 1) {
        used[i] = (look->whole[row] >> i) & 1 ? 1001 : look->shares[row][i];
        free += used[i] == 0;
    }
    loss = worth_of(core, pool, used, look->cpus[row]);
    for (uint32_t k = 0; k < way->tasks && each % 1000 != 0; k += 1) {
        uint32_t best = NONE;

        /* The first task on an accelerator stays with it as long as another fits. */
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            if (used[i] > 0 && used[i] + each <= 1000 &&
                (look->shares[row][i] == 0 || oracle_left_beside(look, job, row, i) > 0) &&
                (best == NONE || used[i] > used[best]))
                best = i;
        for (uint32_t i = 0; best == NONE && i < pool->accelerators; i += 1)
            if (used[i] == 0)
                best = i;
        used[best] += each;
    }
    for (uint32_t i = 0, left = way->tasks * each / 1000; each % 1000 == 0 && left > 0; i += 1)
        if (used[i] == 0) {
            used[i] = 1001;
            left -= 1;
        }
    loss -= worth_of(core, pool, used, look->cpus[row] - (int64_t)way->tasks * way->cpus_per_task);
    if (free == pool->accelerators && each > 0) {
        uint32_t whole = whole_nodes(look, pool_id, pool->nodes_count, 0);

        loss += worth_to_gangs(core, pool, 0, whole) - worth_to_gangs(core, pool, 0, whole - 1);
        if (pool->levels_count > 0) {
            uint32_t size = pool->levels[0].nodes;

            whole = whole_nodes(look, pool_id, size, core->nodes[row].number / size);
            loss += worth_to_gangs(core, pool, 1, whole) - worth_to_gangs(core, pool, 1, whole - 1);
        }
    }
    return loss - (double)way->tasks * each / 1000;
}

int oracle_is_mixed(const struct dr_core *core, const struct dr_pool *pool)
{
    int64_t all = 0;

    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += core->mix->rows[i].used;
    return all > 0 && pool->chip.v != 0;
}

double oracle_breakage_cost(const struct oracle *look, const struct dr_job *job, uint32_t index,
                            uint32_t pool_id, const uint32_t *tasks)
{
    const struct dr_core *core = look->core;
    const struct dr_pool *pool = &core->pools[pool_id - 1];
    int64_t all = 0;

    if (!oracle_is_mixed(core, pool))
        return 0;
    for (uint32_t i = 0; i < core->mix->count; i += 1)
        all += core->mix->rows[i].used;
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (tasks[row] == oracle_way(core, job, index)->tasks)
            return fmax(0, oracle_breaks(look, job, index, pool_id, row)) *
                   (double)core->chips[pool->chip.v - 1].price_micro *
                   floor((double)core->mix->hold_used * 60 / (double)all) / 3600;
    return 0;
}
