/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job goes in a pool: the rule of core/place.h by trying, and how far a place is spread.
 * Read oracle_place() first. */
#include "oracle_parts.h"

#include <stdlib.h>
#include <string.h>

#define NONE DR_ROW_NONE

struct placing {
    const struct oracle *look;
    const struct dr_job *job;
    uint32_t index;
    uint32_t pool;
    uint32_t *tasks; /* the answer */
};

static uint32_t fits_on(const struct placing *placing, uint32_t row)
{
    return oracle_tasks_on(placing->look, placing->job, placing->index, row);
}

/* Of the accelerators that a share could go to, what is left of the fullest; 1000: none is shared.
 */
static uint32_t least_left(const struct placing *placing, uint32_t row)
{
    const struct dr_core *core = placing->look->core;
    uint32_t part = oracle_way(core, placing->job, placing->index)->accelerators_per_task;
    uint32_t least = 1000;

    for (uint32_t i = 0; i < core->pools[placing->pool - 1].accelerators; i += 1) {
        uint32_t left = oracle_left_beside(placing->look, placing->job, row, i);

        if (part % 1000 != 0 && left >= part && left < least)
            least = left;
    }
    return least;
}

/* Does `a` come before `b`, of two nodes that take all the rest? */
static int node_before(const struct placing *placing, uint32_t a, uint32_t b)
{
    if (least_left(placing, a) != least_left(placing, b))
        return least_left(placing, a) < least_left(placing, b);
    if (least_left(placing, a) < 1000)
        return 0; /* lowest number */
    return oracle_free_units(placing->look, a) < oracle_free_units(placing->look, b);
}

/* The node of a domain that is not used yet and comes first: with `whole`, the one that takes all
 * of `tasks` and has least free; without, the one with most free. */
static uint32_t pick_node(const struct placing *placing, uint32_t size, uint32_t domain,
                          uint64_t tasks, int whole)
{
    const struct dr_core *core = placing->look->core;
    uint32_t best = NONE;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        int64_t units = oracle_free_units(placing->look, row);

        if (core->nodes[row].pool.v != placing->pool || core->nodes[row].number / size != domain ||
            placing->tasks[row] > 0 || fits_on(placing, row) == 0)
            continue;
        if (whole && fits_on(placing, row) < tasks)
            continue;
        if (best == NONE || (whole ? node_before(placing, row, best)
                                   : units > oracle_free_units(placing->look, best)))
            best = row;
    }
    return best;
}

static uint64_t parts_tasks(const struct placing *placing, uint32_t size, uint32_t domain)
{
    return oracle_tasks_in(placing->look, placing->job, placing->index, placing->pool, size,
                           domain);
}

static uint32_t level_size(const struct dr_pool *pool, uint32_t level)
{
    uint32_t size = level < pool->levels_count ? pool->levels[level].nodes : pool->nodes_count;

    return size == 0 ? 1 : size;
}

/* The largest domain of a level inside a domain above that is not in `used`; with `whole` the
 * smallest that takes all of `tasks`. */
static uint32_t pick_part(const struct placing *placing, uint32_t level, uint32_t domain,
                          const uint8_t *used, uint64_t tasks, int whole)
{
    const struct dr_pool *pool = &placing->look->core->pools[placing->pool - 1];
    uint32_t size = level_size(pool, level - 1);
    uint32_t above = level_size(pool, level);
    uint32_t best = NONE;
    uint64_t best_tasks = 0;

    for (uint32_t part = 0; part <= (pool->nodes_count - 1) / size; part += 1) {
        uint64_t here = parts_tasks(placing, size, part);

        if (part * size / above != domain || used[part] || here == 0 || (whole && here < tasks))
            continue;
        if (best == NONE || (whole ? here < best_tasks : here > best_tasks)) {
            best = part;
            best_tasks = here;
        }
    }
    return best;
}

static void fill(struct placing *placing, uint32_t level, uint32_t domain, uint64_t tasks)
{
    const struct dr_pool *pool = &placing->look->core->pools[placing->pool - 1];
    uint32_t size = level_size(pool, level);
    uint8_t used[ORACLE_NODES] = {0};

    while (tasks > 0 && level == 0) {
        uint32_t row = pick_node(placing, size, domain, tasks, 1);
        uint64_t here;

        if (row == NONE)
            row = pick_node(placing, size, domain, tasks, 0);
        if (row == NONE)
            abort();
        here = fits_on(placing, row) < tasks ? fits_on(placing, row) : tasks;
        placing->tasks[row] = (uint32_t)here;
        tasks -= here;
    }
    while (tasks > 0) {
        uint32_t part = pick_part(placing, level, domain, used, tasks, 1);
        uint64_t here = tasks;

        if (part == NONE) {
            part = pick_part(placing, level, domain, used, tasks, 0);
            if (part == NONE)
                abort();
            here = parts_tasks(placing, level_size(pool, level - 1), part);
        }
        used[part] = 1;
        fill(placing, level - 1, part, here);
        tasks -= here;
    }
}

/* How many domains of the level below hold the gang, largest first. */
static uint32_t parts_needed(const struct placing *placing, uint32_t level, uint32_t domain)
{
    uint8_t used[ORACLE_NODES] = {0};
    int64_t missing = oracle_way(placing->look->core, placing->job, placing->index)->tasks;
    uint32_t needed = 0;

    while (missing > 0) {
        uint32_t part = pick_part(placing, level, domain, used, 1, 0);

        used[part] = 1;
        missing -= (int64_t)parts_tasks(
            placing, level_size(&placing->look->core->pools[placing->pool - 1], level - 1), part);
        needed += 1;
    }
    return needed;
}

static int64_t units_in(const struct placing *placing, uint32_t size, uint32_t domain)
{
    const struct dr_core *core = placing->look->core;
    int64_t units = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (core->nodes[row].pool.v == placing->pool && core->nodes[row].number / size == domain &&
            oracle_free_units(placing->look, row) > 0)
            units += oracle_free_units(placing->look, row);
    return units;
}

static double breaks(const struct placing *placing, uint32_t row)
{
    return oracle_breaks(placing->look, placing->job, placing->index, placing->pool, row);
}

/* The one that takes all and breaks least. */
static uint32_t least_broken(const struct placing *placing)
{
    const struct dr_core *core = placing->look->core;
    uint32_t best = NONE;

    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        double more;

        if (core->nodes[row].pool.v != placing->pool ||
            fits_on(placing, row) < oracle_way(core, placing->job, placing->index)->tasks)
            continue;
        more = best == NONE ? -1 : breaks(placing, row) - breaks(placing, best);
        if (more < -1e-7 || (more < 1e-7 && node_before(placing, row, best)))
            best = row;
    }
    return best;
}

int oracle_place(const struct oracle *look, const struct dr_job *job, uint32_t index,
                 uint32_t pool_id, uint32_t *tasks)
{
    struct placing placing = {look, job, index, pool_id, tasks};
    const struct dr_pool *pool = &look->core->pools[pool_id - 1];
    uint64_t wanted = oracle_way(look->core, job, index)->tasks;
    uint32_t required = oracle_required_size(look->core, job, pool_id);
    uint32_t node;

    memset(tasks, 0, ORACLE_NODES * sizeof tasks[0]);
    if (pool->nodes_count == 0 || required == 0)
        return 0;
    node = oracle_is_mixed(look->core, pool) ? least_broken(&placing)
                                             : pick_node(&placing, pool->nodes_count, 0, wanted, 1);
    if (node != NONE) {
        tasks[node] = (uint32_t)wanted;
        return 1;
    }
    if (required == 1)
        return 0;
    for (uint32_t level = 0; level <= pool->levels_count; level += 1) {
        uint32_t size = level_size(pool, level);
        uint32_t best = NONE, best_needed = 0;
        int64_t best_left = 0;

        if (size > required)
            return 0;
        for (uint32_t domain = 0; domain <= (pool->nodes_count - 1) / size; domain += 1) {
            uint32_t needed;
            int64_t left;

            if (parts_tasks(&placing, size, domain) < wanted)
                continue;
            needed =
                level > 0 && level < pool->levels_count ? parts_needed(&placing, level, domain) : 0;
            left = units_in(&placing, size, domain);
            if (best == NONE || needed < best_needed ||
                (needed == best_needed && left < best_left)) {
                best = domain;
                best_needed = needed;
                best_left = left;
            }
        }
        if (best != NONE) {
            fill(&placing, level, best, wanted);
            return 1;
        }
    }
    return 0;
}

uint32_t oracle_span(const struct oracle *look, uint32_t pool, uint32_t size, const uint32_t *tasks)
{
    const struct dr_core *core = look->core;
    uint8_t used[ORACLE_NODES] = {0};
    uint32_t span = 0;

    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        if (core->nodes[row].pool.v == pool && tasks[row] > 0 &&
            !used[core->nodes[row].number / size]) {
            used[core->nodes[row].number / size] = 1;
            span += 1;
        }
    return span;
}

static int compare_down(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x > y ? -1 : x < y;
}

uint32_t oracle_span_least(const struct oracle *look, const struct dr_job *job, uint32_t index,
                           uint32_t pool_id, uint32_t size)
{
    const struct dr_pool *pool = &look->core->pools[pool_id - 1];
    uint64_t wanted = oracle_way(look->core, job, index)->tasks;
    uint32_t required = oracle_required_size(look->core, job, pool_id);
    uint32_t best = NONE;

    if (required > pool->nodes_count)
        required = pool->nodes_count;
    /* Of each domain that may be used alone: the largest parts are the fewest. */
    for (uint32_t domain = 0; domain <= (pool->nodes_count - 1) / required; domain += 1) {
        uint64_t parts[ORACLE_NODES];
        uint64_t sum = 0;
        uint32_t count = 0, needed = 0;

        for (uint32_t part = 0; part <= (pool->nodes_count - 1) / size; part += 1)
            if (part * size / required == domain)
                parts[count++] = oracle_tasks_in(look, job, index, pool_id, size, part);
        qsort(parts, count, sizeof parts[0], compare_down);
        while (needed < count && sum < wanted)
            sum += parts[needed++];
        if (sum >= wanted && needed < best)
            best = needed;
    }
    return best;
}
