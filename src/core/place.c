/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a place. See place.h for the rule; read dr_place_find() first. */
#include "core/place_search.h"

#include "base/sort.h"
#include "core/breakage.h"

#define NONE DR_ROW_NONE

/* ---- several nodes: domains, and the parts that they have ---- */

/* Fill nodes of [from, end), which hold them together: one that takes the rest, or the one with
 * most free, and again. */
static void fill_nodes(struct dr_search *search, uint32_t from, uint32_t end, uint64_t tasks)
{
    const struct dr_space *space = search->space;
    uint32_t tier = space->tiers - 1;
    uint32_t at = from;

    while (tasks > 0) {
        uint32_t taken;

        if (tasks <= search->tasks_empty) {
            uint32_t best = dr_search_best_node(search, from, end, tasks, tier, at);

            if (best != NONE) {
                dr_search_push(search, best, (uint32_t)tasks);
                return;
            }
        }
        for (;;) {
            at = dr_search_next_of_tier(space, tier, at, end);
            if (at < end)
                break;
            DR_ASSERT(tier > 0);
            tier -= 1;
            at = from;
        }
        taken = dr_search_tasks_on(search, at);
        if (taken > tasks)
            taken = (uint32_t)tasks;
        if (taken > 0)
            dr_search_push(search, at, taken);
        tasks -= taken;
        at += 1;
    }
}

struct part {
    uint64_t tasks;
    uint32_t domain;
};

static int compare_parts(const void *a, const void *b, const void *context)
{
    const struct part *x = a;
    const struct part *y = b;

    (void)context;
    if (x->tasks != y->tasks)
        return x->tasks > y->tasks ? -1 : 1;
    return x->domain < y->domain ? -1 : 1;
}

/* The domains of the level below that lie in one domain and take something, largest first. */
static struct part *parts_of(const struct dr_search *search, uint32_t level, uint32_t domain,
                             uint32_t *count)
{
    const struct dr_space *space = search->space;
    uint32_t end = dr_space_last_of(space, level, domain);
    uint32_t first = domain * space->size[level] / space->size[level - 1];
    uint32_t last = (end - 1) / space->size[level - 1];
    struct part *parts = dr_arena_push((struct dr_arena *)&search->core->scratch, last - first + 1u,
                                       sizeof parts[0]);

    DR_ASSERT(parts != NULL);
    *count = 0;
    for (uint32_t at = first; at <= last; at += 1) {
        uint64_t tasks = dr_search_tasks_in(search, level - 1, at);

        if (tasks > 0) {
            parts[*count] = (struct part){tasks, at};
            *count += 1;
        }
    }
    dr_sort(parts, *count, sizeof parts[0], compare_parts, NULL);
    return parts;
}

/* From `from` on: the part that takes `tasks` with least left over, and the lowest number. */
static uint32_t best_part(const struct part *parts, uint32_t from, uint32_t count, uint64_t tasks)
{
    uint32_t best = NONE;

    for (uint32_t i = from; i < count && parts[i].tasks >= tasks; i += 1)
        if (best == NONE || parts[i].tasks < parts[best].tasks)
            best = i;
    return best;
}

static uint32_t parts_needed(const struct part *parts, uint32_t count, uint64_t tasks)
{
    uint32_t needed = 0;

    while (tasks > 0) {
        DR_ASSERT(needed < count);
        tasks -= parts[needed].tasks < tasks ? parts[needed].tasks : tasks;
        needed += 1;
    }
    return needed;
}

/* Levels are few: the recursion is no deeper than DR_LEVELS_MAX + 1. */
static void fill(struct dr_search *search, uint32_t level, uint32_t domain, uint64_t tasks)
{
    const struct dr_space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    size_t mark = scratch->used;
    struct part *parts;
    uint32_t count;

    if (level == 0) {
        fill_nodes(search, domain * space->size[0], dr_space_last_of(space, 0, domain), tasks);
        return;
    }
    parts = parts_of(search, level, domain, &count);
    for (uint32_t i = 0; tasks > 0; i += 1) {
        uint32_t best = best_part(parts, i, count, tasks);
        uint64_t taken;

        if (best != NONE) {
            fill(search, level - 1, parts[best].domain, tasks);
            break;
        }
        DR_ASSERT(i < count);
        taken = parts[i].tasks;
        fill(search, level - 1, parts[i].domain, taken);
        tasks -= taken;
    }
    dr_arena_reset(scratch, mark);
}

/* ---- the place ---- */

static struct dr_search search_of(const struct dr_core *core, const struct dr_want *want,
                                  dr_pool_id pool, const struct dr_space *space)
{
    const struct dr_pool *where = &core->pools[pool.v - 1];
    struct dr_search search;
    int64_t all = dr_bit_count(space->all);
    int64_t wanted = want->accelerators;

    search.core = core;
    search.want = want;
    search.pool = where;
    search.space = space;
    search.extents = NULL;
    search.extents_count = 0;
    memset(search.tasks_of, 0, sizeof search.tasks_of);
    search.tasks_empty = dr_space_tasks_empty(want, space);
    /* A task that asks no more than its accelerators' share of CPUs and memory fits wherever they
     * are free, unless a node is short. */
    search.per_accelerator = want->part == 0 ? 0 : 1000 / want->part;
    search.exact = wanted == 0 || want->barred != NULL || space->guards > 0 ||
                   want->share >= DR_SHARE_BLOCK || want->cpus * all > wanted * space->cpus ||
                   want->memory_mb * all > wanted * space->memory_mb;
    search.whole = wanted > 0 && wanted == all && search.tasks_empty == 1;
    if (wanted > 0) {
        /* Tiers count accelerators: one task more each `wanted` tiers. */
        uint32_t tasks = 0;
        uint32_t next = (uint32_t)wanted;

        for (uint32_t tier = 0; tier < space->tiers; tier += 1) {
            if (tier == next && tasks < search.tasks_empty) {
                tasks += 1;
                next += (uint32_t)wanted;
            }
            search.of_tier[tier] = tasks;
        }
    } else if (want->part != 0) {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = dr_min_u32(search.tasks_empty, tier * search.per_accelerator);
    } else if (space->all != 0) {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = search.tasks_empty;
    } else {
        for (uint32_t tier = 0; tier < space->tiers; tier += 1)
            search.of_tier[tier] = dr_space_tasks_in(
                want, 0, (int64_t)tier * space->cpus / DR_CPU_TIERS, space->memory_mb);
    }
    return search;
}

static struct dr_search search_in(const struct dr_core *core, const struct dr_want *want,
                                  dr_pool_id pool)
{
    return search_of(core, want, pool, &core->places->spaces[pool.v - 1]);
}

static int compare_extents(const void *a, const void *b, const void *context)
{
    const struct dr_core *core = context;
    uint32_t x = core->nodes[((const struct dr_extent *)a)->node.v - 1].number;
    uint32_t y = core->nodes[((const struct dr_extent *)b)->node.v - 1].number;
    uint64_t i = ((const struct dr_extent *)a)->accelerators;
    uint64_t j = ((const struct dr_extent *)b)->accelerators;

    if (x != y)
        return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

uint32_t dr_place_parts_max(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    return want->part != 0 ? want->tasks
                           : dr_min_u32(want->tasks, core->pools[pool.v - 1].nodes_count);
}

/* The best domain of one level; NONE. */
static uint32_t best_domain(const struct dr_search *search, uint32_t level)
{
    const struct dr_space *space = search->space;
    struct dr_arena *scratch = (struct dr_arena *)&search->core->scratch;
    uint32_t best = NONE;
    uint32_t best_needed = 0;
    uint64_t best_left = 0;

    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint32_t needed = 0;
        uint64_t left;

        if (dr_search_tasks_in(search, level, domain) < search->want->tasks)
            continue;
        if (level > 0 && level < space->levels) {
            size_t mark = scratch->used;
            uint32_t count;
            struct part *parts = parts_of(search, level, domain, &count);

            needed = parts_needed(parts, count, search->want->tasks);
            dr_arena_reset(scratch, mark);
        }
        left = space->units[level][domain];
        if (best == NONE || needed < best_needed || (needed == best_needed && left < best_left)) {
            best = domain;
            best_needed = needed;
            best_left = left;
        }
    }
    return best;
}

static int level_required(const struct dr_core *core, const struct dr_want *want,
                          const struct dr_pool *pool)
{
    const struct dr_shape *shape = &core->shapes[want->shape];

    return shape->level_kind == 2 ? dr_space_level_named(pool, shape->level)
                                  : (int)pool->levels_count;
}

/* The place on several nodes: in the smallest level that has a domain for it, to `highest`. */
static void fill_levels(struct dr_search *search, int highest)
{
    for (int level = 0; level <= highest && search->extents_count == 0; level += 1) {
        uint32_t domain = best_domain(search, (uint32_t)level);

        if (domain != NONE)
            fill(search, (uint32_t)level, domain, search->want->tasks);
    }
}

/* One node for all tasks. Returns 0 when more may do. */
static int fill_one(struct dr_search *search)
{
    const struct dr_want *want = search->want;
    const struct dr_space *space = search->space;
    uint32_t node = NONE;

    if (want->tasks > search->tasks_empty)
        return 0;
    if (dr_search_breaks(search->core, space)) {
        node = dr_search_least_broken(search, want->tasks);
        if (node == NONE && want->tasks > 1 && want->barred == NULL)
            return 0;
    }
    if (node == NONE) /* not weighed, but there */
        node = dr_search_best_node(search, 0, space->nodes, want->tasks, space->tiers - 1, 0);
    if (node != NONE)
        dr_search_push(search, node, want->tasks);
    return node != NONE || want->tasks == 1;
}

static uint32_t find_in(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                        const struct dr_space *space, struct dr_extent *extents)
{
    size_t mark = core->scratch.used;
    struct dr_search search = search_of(core, want, pool, space);
    int in_order = core->settings.placement == DR_PLACEMENT_FIRST_FIT ||
                   core->settings.placement == DR_PLACEMENT_BEST_FIT;
    int highest;

    search.extents = extents;
    highest = level_required(core, want, search.pool);
    if (highest == DR_LEVEL_MISSING || space->nodes == 0 ||
        dr_search_tasks_bound(&search, space->levels, 0) < want->tasks)
        return 0;
    if (in_order || !fill_one(&search)) {
        dr_search_count_nodes(&search);
        if (dr_search_tasks_in(&search, space->levels, 0) >= want->tasks) {
            if (in_order)
                dr_search_fill_in_order(&search, highest);
            else
                fill_levels(&search, highest);
        }
        dr_arena_reset((struct dr_arena *)&core->scratch, mark);
    }
    dr_sort(extents, search.extents_count, sizeof extents[0], compare_extents, core);
    return search.extents_count;
}

uint32_t dr_place_find(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       struct dr_extent *extents)
{
    dr_place_prepare(core);
    return find_in(core, want, pool, &core->places->spaces[pool.v - 1], extents);
}

uint32_t dr_place_find_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool, struct dr_extent *extents)
{
    dr_place_prepare(core);
    return find_in(core, want, pool, &core->places->beside[pool.v - 1], extents);
}

/* ---- what stands at a place ---- */

/* Does nobody hold a share of the accelerator who, by his class or the job's, may not be there? */
static int share_may_stay(const struct dr_core *core, const struct dr_want *want,
                          const struct dr_extent *extent)
{
    const struct dr_device_share *device =
        &core->device_shares[extent->node.v - 1][dr_bit_lowest(extent->accelerators)];

    if (device->guards > 0)
        return device->guard.v == want->account.v;
    return want->share < DR_SHARE_NODE || device->held == 0;
}

int dr_place_mixed(const struct dr_core *core)
{
    return core->places->mixed;
}

int64_t dr_place_breakage(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                          const struct dr_extent *extents, uint32_t count)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];

    if (count == 0 || extents[count - 1].node.v != extents[0].node.v ||
        !dr_search_breaks(core, space))
        return 0;
    return dr_search_loss(space, want, core->nodes[extents[0].node.v - 1].number, extents, count) -
           want->amounts.of[DR_RESOURCE_ACCELERATORS] * DR_BREAKAGE_ONE;
}

int64_t dr_place_breakage_cost(const struct dr_core *core, dr_pool_id pool, int64_t rise)
{
    struct dr_breakage *breakage = core->places->spaces[pool.v - 1].breakage;

    if (rise <= 0)
        return 0;
    dr_breakage_fill(core, breakage);
    return dr_mul_div_floor(rise, breakage->price_micro, INT64_C(1000) * DR_BREAKAGE_ONE);
}

int dr_place_may_share(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                       const struct dr_extent *extents, uint32_t count)
{
    const struct dr_space *space;

    dr_place_prepare(core);
    space = &core->places->spaces[pool.v - 1];
    for (uint32_t i = 0; i < count; i += 1) {
        uint32_t number = core->nodes[extents[i].node.v - 1].number;
        uint32_t block = number / space->size[0];
        /* Of the block where that matters, else of the node alone. */
        uint32_t from = want->share == DR_SHARE_NONE ? block * space->size[0] : number;
        uint32_t end =
            want->share == DR_SHARE_NONE ? dr_space_last_of(space, 0, block) : number + 1;

        if (want->part != 0 && !share_may_stay(core, want, &extents[i]))
            return 0;
        if (space->rooms[number].guards_of_node > 0 &&
            space->rooms[number].guard.v != want->account.v)
            return 0;
        if (space->about[0][block].guards > 0 && space->about[0][block].guard.v != want->account.v)
            return 0;
        for (; want->share >= DR_SHARE_BLOCK && from < end; from += 1)
            if (core->nodes[space->rows[from]].tasks > 0 &&
                space->rooms[from].guard.v != want->account.v)
                return 0;
    }
    return 1;
}

static uint64_t room_in(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                        const struct dr_space *space)
{
    struct dr_search search;

    if (space->nodes == 0 || !dr_space_may_take(space, want))
        return 0;
    if (want->tasks == 1)
        return 1;
    search = search_of(core, want, pool, space);
    return dr_search_tasks_bound(&search, space->levels, 0);
}

uint64_t dr_place_room(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    dr_place_prepare(core);
    return room_in(core, want, pool, &core->places->spaces[pool.v - 1]);
}

uint64_t dr_place_room_beside(const struct dr_core *core, const struct dr_want *want,
                              dr_pool_id pool)
{
    dr_place_prepare(core);
    return room_in(core, want, pool,
                   core->places->reserved_count[pool.v - 1] == 0
                       ? &core->places->spaces[pool.v - 1]
                       : &core->places->beside[pool.v - 1]);
}

/* ---- how many tasks there could be ---- */

uint64_t dr_place_largest(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    size_t mark = core->scratch.used;
    struct dr_search search;
    const struct dr_space *space;
    uint64_t largest = 0;
    int level;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    level = level_required(core, want, search.pool);
    if (level == DR_LEVEL_NODE) {
        for (uint32_t number = 0; number < space->nodes; number += 1)
            if (dr_search_tasks_on(&search, number) > largest)
                largest = dr_search_tasks_on(&search, number);
        return largest;
    }
    if (level == DR_LEVEL_MISSING || space->nodes == 0)
        return 0;
    dr_search_count_nodes(&search);
    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        uint64_t tasks = dr_search_tasks_in(&search, (uint32_t)level, domain);

        if (tasks > largest)
            largest = tasks;
    }
    dr_arena_reset((struct dr_arena *)&core->scratch, mark);
    return largest;
}

/* Tasks that a node would take, were things as `conditions` say. */
static uint32_t tasks_if(const struct dr_search *search, uint32_t number, unsigned conditions)
{
    const struct dr_node *node = &search->core->nodes[search->space->rows[number]];

    if (node->removed || node->removing ||
        (!(conditions & DR_PLACE_IF_UP) && !dr_node_up(search->core, node)) ||
        dr_search_is_barred(search, number))
        return 0;
    if (conditions & DR_PLACE_IF_EMPTY)
        return search->tasks_empty;
    if (!(conditions & DR_PLACE_IF_OPEN) && !dr_search_may_enter(search, number))
        return 0;
    return dr_search_tasks_by_room(search, number);
}

uint64_t dr_place_largest_if(const struct dr_core *core, const struct dr_want *want,
                             dr_pool_id pool, unsigned conditions)
{
    struct dr_search search;
    const struct dr_space *space;
    uint64_t largest = 0;
    uint64_t tasks = 0;
    uint32_t size;
    int level;

    dr_place_prepare(core);
    search = search_in(core, want, pool);
    space = search.space;
    level = level_required(core, want, search.pool);
    if (conditions & DR_PLACE_IF_ANYWHERE)
        level = (int)space->levels;
    if (level == DR_LEVEL_MISSING)
        return 0;
    size = level == DR_LEVEL_NODE ? 1 : space->size[level];
    for (uint32_t number = 0; number < space->nodes; number += 1) {
        if (number % size == 0)
            tasks = 0;
        tasks += tasks_if(&search, number, conditions);
        if (tasks > largest)
            largest = tasks;
    }
    return largest;
}

int dr_place_all_up(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_space *space = &core->places->spaces[pool.v - 1];

    dr_place_prepare(core);
    return core->pools[pool.v - 1].nodes_up >= space->live_most[space->levels];
}

uint32_t dr_place_tasks_per_node(const struct dr_core *core, const struct dr_want *want,
                                 dr_pool_id pool)
{
    dr_place_prepare(core);
    return dr_space_tasks_empty(want, &core->places->spaces[pool.v - 1]);
}
