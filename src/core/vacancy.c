/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes by when they are vacant. See vacancy.h. */
#include "core/vacancy.h"

#include "core/ends.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

enum dr_status dr_vacancy_open(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    struct dr_vacancies *all = dr_arena_push(&core->tables, 1, sizeof *all);

    if (all == NULL)
        return DR_E_FULL;
    all->nodes = dr_arena_push(&core->tables, limits->nodes_max, sizeof all->nodes[0]);
    all->first = dr_arena_push(&core->tables, limits->pools_max, sizeof all->first[0]);
    all->counts = dr_arena_push(&core->tables, limits->pools_max, sizeof all->counts[0]);
    all->reserved = dr_arena_push(&core->tables, limits->pools_max, sizeof all->reserved[0]);
    all->known = dr_arena_push(&core->tables, limits->pools_max, 1);
    if (all->nodes == NULL || all->first == NULL || all->counts == NULL || all->reserved == NULL ||
        all->known == NULL)
        return DR_E_FULL;
    core->vacancies = all;
    return DR_OK;
}

void dr_vacancy_changed(struct dr_core *core, dr_pool_id pool)
{
    core->vacancies->known[pool.v - 1] = 0;
}

/* Where a pool's nodes begin. */
static void lay_out(struct dr_core *core)
{
    struct dr_vacancies *all = core->vacancies;
    uint32_t first = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        all->first[row] = first;
        all->known[row] = 0;
        first += core->places->spaces[row].nodes;
    }
    DR_ASSERT(first <= core->limits.nodes_max);
    all->version = core->federation_version + 1;
}

static int is_reserved(const struct dr_core *core, uint32_t node_row)
{
    const struct dr_node_reserved *reserved = &core->places->reserved[node_row];

    return reserved->accelerators != 0 || reserved->shares != 0;
}

/* Nodes on which somebody holds accelerators whose end nobody knows. */
static void mark_endless(const struct dr_core *core, dr_pool_id pool, uint8_t *seen)
{
    for (uint32_t row = dr_place_attempts(core, pool); row != NONE;
         row = dr_place_attempts_next(core, row))
        for (uint32_t part = dr_job_run(core, &core->jobs[row])->extents;
             core->ends->ends[row].pool.v == 0 && part != NONE; part = core->extents[part].next)
            if (core->extents[part].extent.accelerators != 0)
                seen[core->nodes[core->extents[part].extent.node.v - 1].number] = 1;
}

/* The other nodes with anything on them, in order, into the end of `nodes` [all of the pool]: on
 * the way back through the ends, whoever is met first on a node is the last there. Returns where
 * they begin. */
static uint32_t list_held(struct dr_core *core, dr_pool_id pool, uint8_t *seen,
                          struct dr_vacancy *nodes)
{
    uint32_t at = core->places->spaces[pool.v - 1].nodes;
    uint32_t *rows =
        dr_arena_push(&core->scratch, dr_place_attempts_count(core, pool) + 1u, sizeof rows[0]);
    uint32_t count = 0;

    DR_ASSERT(rows != NULL);
    for (uint32_t row = dr_ends_first(core, pool); row != NONE; row = dr_ends_next(core, row))
        rows[count++] = row;
    while (count > 0) {
        uint32_t row = rows[--count];

        for (uint32_t part = dr_job_run(core, &core->jobs[row])->extents; part != NONE;
             part = core->extents[part].next) {
            uint32_t number = core->nodes[core->extents[part].extent.node.v - 1].number;

            if (core->extents[part].extent.accelerators == 0 || seen[number])
                continue;
            seen[number] = 1;
            nodes[--at] = (struct dr_vacancy){row, number};
        }
    }
    return at;
}

/* Put a pool's nodes in order. */
static void know(struct dr_core *core, dr_pool_id pool)
{
    struct dr_vacancies *all = core->vacancies;
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    struct dr_vacancy *nodes = &all->nodes[all->first[pool.v - 1]];
    size_t mark = core->scratch.used;
    uint8_t *seen = dr_arena_push(&core->scratch, space->nodes + 1u, 1);
    struct dr_vacancy *sorted = dr_arena_push(&core->scratch, space->nodes + 1u, sizeof sorted[0]);
    uint32_t held;
    uint32_t free = 0;

    DR_ASSERT(seen != NULL && sorted != NULL);
    memset(seen, 0, space->nodes);
    mark_endless(core, pool, seen);
    held = list_held(core, pool, seen, sorted);
    /* Those that are vacant now come first. */
    for (uint32_t number = 0; number < space->nodes; number += 1)
        if (!seen[number])
            sorted[free++] = (struct dr_vacancy){NONE, number};
    memmove(&sorted[free], &sorted[held], (space->nodes - held) * sizeof sorted[0]);
    free += space->nodes - held;
    all->counts[pool.v - 1] = 0;
    for (uint32_t i = 0; i < free; i += 1)
        if (!is_reserved(core, space->rows[sorted[i].number]))
            nodes[all->counts[pool.v - 1]++] = sorted[i];
    all->reserved[pool.v - 1] = 0;
    for (uint32_t i = 0; i < free; i += 1)
        if (is_reserved(core, space->rows[sorted[i].number]))
            nodes[all->counts[pool.v - 1] + all->reserved[pool.v - 1]++] = sorted[i];
    all->known[pool.v - 1] = 1;
    dr_arena_reset(&core->scratch, mark);
}

/* A pool's nodes in order. */
static const struct dr_vacancy *list(struct dr_core *core, dr_pool_id pool)
{
    if (core->vacancies->version != core->federation_version + 1)
        lay_out(core);
    if (!core->vacancies->known[pool.v - 1])
        know(core, pool);
    return &core->vacancies->nodes[core->vacancies->first[pool.v - 1]];
}

static int64_t us_of(const struct dr_core *core, const struct dr_vacancy *vacancy)
{
    return vacancy->last == NONE ? 0 : core->ends->ends[vacancy->last].end_us;
}

int64_t dr_vacancy_soonest_us(struct dr_core *core, dr_pool_id pool, uint32_t nodes,
                              uint32_t own_extent)
{
    const struct dr_vacancy *vacancies = list(core, pool);

    for (uint32_t at = own_extent; at != NONE && nodes > 0; at = core->extents[at].next)
        nodes -= 1;
    if (nodes == 0)
        return 0;
    return nodes > core->vacancies->counts[pool.v - 1] ? DR_FOREVER_US
                                                       : us_of(core, &vacancies[nodes - 1]);
}

static int is_usable(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];

    return dr_node_up(core, node) && !node->removing && node->promised == 0;
}

/* The nodes of a reservation, by number; NULL: there are none. In scratch. */
static uint8_t *nodes_of(struct dr_core *core, dr_pool_id pool, uint32_t extent_row)
{
    uint32_t nodes = core->places->spaces[pool.v - 1].nodes;
    uint8_t *own;

    if (extent_row == NONE)
        return NULL;
    own = dr_arena_push(&core->scratch, nodes + 1u, 1);
    DR_ASSERT(own != NULL);
    memset(own, 0, nodes);
    for (; extent_row != NONE; extent_row = core->extents[extent_row].next) {
        const struct dr_node *node = &core->nodes[core->extents[extent_row].extent.node.v - 1];

        if (node->pool.v == pool.v)
            own[node->number] = 1;
    }
    return own;
}

/* The next one of those that nobody has reserved, or of a job's own. */
static const struct dr_vacancy *next_of(struct dr_core *core, dr_pool_id pool, const uint8_t *own,
                                        uint32_t *free, uint32_t *reserved)
{
    const struct dr_vacancy *vacancies = list(core, pool);
    uint32_t count = core->vacancies->counts[pool.v - 1];
    const struct dr_vacancy *others = vacancies + count;
    uint32_t end = own == NULL ? 0 : core->vacancies->reserved[pool.v - 1];

    while (*reserved < end && !own[others[*reserved].number])
        *reserved += 1;
    if (*reserved < end &&
        (*free == count || us_of(core, &others[*reserved]) < us_of(core, &vacancies[*free])))
        return &others[(*reserved)++];
    return *free == count ? NULL : &vacancies[(*free)++];
}

int64_t dr_vacancy_when_us(struct dr_core *core, dr_pool_id pool, uint32_t nodes, uint32_t level,
                           uint32_t own_extent, int64_t before_us)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];
    size_t mark = core->scratch.used;
    uint32_t *in_domain = dr_arena_push(&core->scratch, space->domains[level], sizeof in_domain[0]);
    const uint8_t *own = nodes_of(core, pool, own_extent);
    const struct dr_vacancy *vacancy;
    int64_t when_us = DR_FOREVER_US;
    uint32_t free = 0;
    uint32_t reserved = 0;

    DR_ASSERT(in_domain != NULL);
    memset(in_domain, 0, space->domains[level] * sizeof in_domain[0]);
    while (when_us == DR_FOREVER_US &&
           (vacancy = next_of(core, pool, own, &free, &reserved)) != NULL &&
           us_of(core, vacancy) < before_us)
        if (is_usable(core, space->rows[vacancy->number])) {
            uint32_t *count = &in_domain[vacancy->number / space->size[level]];

            *count += 1;
            if (*count == nodes)
                when_us = us_of(core, vacancy);
        }
    dr_arena_reset(&core->scratch, mark);
    return when_us;
}

/* Does it hold anything on one of these nodes? */
static int holds_any(const struct dr_core *core, uint32_t row, const uint8_t *nodes)
{
    for (uint32_t part = dr_job_run(core, &core->jobs[row])->extents; part != NONE;
         part = core->extents[part].next)
        if (nodes[core->nodes[core->extents[part].extent.node.v - 1].number])
            return 1;
    return 0;
}

uint32_t dr_vacancy_leavers(struct dr_core *core, dr_pool_id pool, int64_t by_us, uint32_t *rows)
{
    const struct dr_vacancy *vacancies = list(core, pool);
    size_t mark = core->scratch.used;
    uint32_t nodes = core->places->spaces[pool.v - 1].nodes;
    uint32_t all = core->vacancies->counts[pool.v - 1] + core->vacancies->reserved[pool.v - 1];
    uint8_t *vacant = dr_arena_push(&core->scratch, nodes + 1u, 1);
    uint32_t count = 0;

    DR_ASSERT(vacant != NULL);
    memset(vacant, 0, nodes);
    for (uint32_t i = 0; i < all; i += 1)
        vacant[vacancies[i].number] = us_of(core, &vacancies[i]) <= by_us;
    for (uint32_t row = dr_ends_first(core, pool);
         row != NONE && core->ends->ends[row].end_us <= by_us; row = dr_ends_next(core, row))
        if (holds_any(core, row, vacant))
            rows[count++] = row;
    dr_arena_reset(&core->scratch, mark);
    return count;
}

int dr_vacancy_consistent(struct dr_core *core)
{
    struct dr_vacancies *all = core->vacancies;

    for (uint32_t pool = 0; pool < core->pools_count; pool += 1) {
        size_t mark = core->scratch.used;
        const struct dr_vacancy *vacancies;
        struct dr_vacancy *were;
        uint32_t count;
        int same;

        if (all->version != core->federation_version + 1 || !all->known[pool])
            continue;
        count = all->counts[pool] + all->reserved[pool];
        were = dr_arena_push(&core->scratch, count + 1u, sizeof were[0]);
        DR_ASSERT(were != NULL);
        memcpy(were, &all->nodes[all->first[pool]], count * sizeof were[0]);
        all->known[pool] = 0;
        vacancies = list(core, (dr_pool_id){pool + 1});
        same = count == all->counts[pool] + all->reserved[pool] &&
               memcmp(were, vacancies, count * sizeof were[0]) == 0;
        dr_arena_reset(&core->scratch, mark);
        if (!same)
            return 0;
    }
    return 1;
}
