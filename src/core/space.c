/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the spaces of pools. See space.h and place.h; read build_space(), then
 * dr_place_changed(). */
#include "core/power.h"
#include "core/breakage.h"
#include "core/seats.h"
#include "core/slack.h"
#include "core/space.h"
#include "core/vacancy.h"

#include "base/math.h"
#include "base/sort.h"

#define NONE DR_ROW_NONE

enum dr_status dr_place_open(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    struct dr_places *places = dr_arena_push(&core->tables, 1, sizeof *places);

    if (places == NULL)
        return DR_E_FULL;
    /* Worst: 4 levels of single-node domains, and 65 tiers; as it is, beside reservations, and once
     * more in a test. */
    if (dr_arena_init(&places->arena, 3 * ((size_t)limits->nodes_max *
                                               (sizeof(struct dr_room) + 512 + 4 * 65 * 5 +
                                                DR_ACCELERATORS_MAX * sizeof(struct dr_share_use)) +
                                           ((size_t)limits->pools_max << 15))) != DR_OK)
        return DR_E_FULL;
#define TABLE(field, count)                                                       \
    places->field = dr_arena_push(&core->tables, count, sizeof places->field[0]); \
    if (places->field == NULL)                                                    \
    return DR_E_FULL
    TABLE(spaces, limits->pools_max);
    TABLE(beside, limits->pools_max);
    TABLE(reserved, limits->nodes_max);
    TABLE(reserved_shares, limits->nodes_max);
    TABLE(reserved_count, limits->pools_max);
    TABLE(guards, limits->nodes_max);
    TABLE(draws, limits->nodes_max);
    TABLE(attempts, limits->pools_max);
    TABLE(next, limits->jobs_max);
    TABLE(previous, limits->jobs_max);
    TABLE(attempts_of, limits->accounts_max);
    TABLE(next_of, limits->jobs_max);
    TABLE(previous_of, limits->jobs_max);
    TABLE(leaving, limits->nodes_max);
    TABLE(leaving_place, limits->nodes_max);
    TABLE(touched, limits->pools_max);
    TABLE(freed_at, limits->pools_max);
    TABLE(opened_at, limits->pools_max);
    TABLE(left_at, limits->pools_max);
    TABLE(reserved_until_us, limits->pools_max);
    TABLE(refused, limits->accounts_max);
    TABLE(of_group, limits->groups_max);
    TABLE(group_chips, limits->groups_max);
    TABLE(unreserved, limits->pools_max);
    TABLE(held_count, limits->pools_max);
    TABLE(leaves_count, limits->pools_max);
    TABLE(tariff_sum, DR_SITES_MAX);
    TABLE(pool_of, limits->pools_max);
    TABLE(hour_micro, limits->pools_max);
    TABLE(of_site, DR_SITES_MAX);
    TABLE(memories, DR_PLACE_MEMORIES);
    TABLE(memory_words, (size_t)DR_PLACE_MEMORIES * DR_ALTERNATIVES_MAX * DR_POOL_WORDS);
#undef TABLE
    core->places = places;
    dr_place_index(core);
    return DR_OK;
}

void dr_place_close(struct dr_core *core)
{
    if (core->places != NULL)
        dr_arena_deinit(&core->places->arena);
}

void dr_place_index(struct dr_core *core)
{
    struct dr_places *places = core->places;

    places->built = 0;
    dr_place_touch_all(core);
    for (uint32_t i = 0; i < core->limits.pools_max; i += 1)
        places->attempts[i] = NONE;
    memset(places->held_count, 0, core->limits.pools_max * sizeof places->held_count[0]);
    memset(places->leaves_count, 0, core->limits.pools_max * sizeof places->leaves_count[0]);
    memset(places->reserved_count, 0, core->limits.pools_max * sizeof places->reserved_count[0]);
    for (uint32_t i = 0; i < core->limits.accounts_max; i += 1)
        places->attempts_of[i] = NONE;
    for (uint32_t i = 0; i < core->nodes_count; i += 1) {
        places->guards[i] = (struct dr_guard){0};
        if (places->reserved[i].shares > 0)
            memset(places->reserved_shares[i], 0, sizeof places->reserved_shares[i]);
        places->reserved[i] = (struct dr_node_reserved){0};
    }
}

int dr_place_touched(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->touched[pool.v - 1];
}

void dr_place_untouch(struct dr_core *core)
{
    core->places->untouched_at = core->seats->clock;
    memset(core->places->touched, 0, core->limits.pools_max);
    memset(core->places->unreserved, 0, core->limits.pools_max);
    memset(&core->places->touched_set, 0, sizeof core->places->touched_set);
    memset(&core->places->opened_set, 0, sizeof core->places->opened_set);
    memset(&core->places->unreserved_set, 0, sizeof core->places->unreserved_set);
    memset(&core->places->risen_set, 0, sizeof core->places->risen_set);
}

static void touch(struct dr_core *core, uint32_t pool_row)
{
    struct dr_places *places = core->places;

    places->touched[pool_row] = 1;
    places->freed_last = places->freed_at[pool_row] =
        dr_seats_stir(core, (dr_pool_id){pool_row + 1});
    places->opened_last = places->opened_at[pool_row] = places->freed_last;
    dr_pool_set_put(&places->touched_set, places->spaces[pool_row].rank, 1);
    dr_pool_set_put(&places->opened_set, places->spaces[pool_row].rank, 1);
}

void dr_place_open_group(struct dr_core *core, dr_group_id group)
{
    struct dr_places *places = core->places;

    if (!places->built) /* all are opened then */
        return;
    places->opened_last = dr_seats_moment(core->seats);
    for (uint32_t word = 0; word < places->words; word += 1) {
        places->opened_set.words[word] |= places->of_group[group.v - 1].words[word];
        for (uint64_t rest = places->of_group[group.v - 1].words[word]; rest != 0; rest &= rest - 1)
            places->opened_at[places->pool_of[word * 64 + dr_bit_lowest(rest)]] =
                places->opened_last;
    }
}

void dr_place_risen(struct dr_core *core, dr_pool_id pool)
{
    dr_pool_set_put(&core->places->risen_set, core->places->spaces[pool.v - 1].rank, 1);
}

void dr_place_unreserved(struct dr_core *core, dr_pool_id pool)
{
    touch(core, pool.v - 1);
    core->places->unreserved[pool.v - 1] = 1;
    dr_pool_set_put(&core->places->unreserved_set, core->places->spaces[pool.v - 1].rank, 1);
}

void dr_place_touch_all(struct dr_core *core)
{
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        dr_place_unreserved(core, (dr_pool_id){row + 1});
        core->places->left_last = core->places->left_at[row] = core->places->freed_at[row];
        dr_seats_rise(core, (dr_pool_id){row + 1}, core->places->left_last);
        dr_place_risen(core, (dr_pool_id){row + 1});
    }
}

uint32_t dr_space_tasks_in(const struct dr_want *want, uint32_t accelerators, int64_t cpus,
                           int64_t memory_mb)
{
    int64_t tasks = want->tasks;

    if (want->tasks_per_node_max != 0)
        tasks = dr_min_i64(tasks, want->tasks_per_node_max);
    if (want->accelerators != 0)
        tasks = dr_min_i64(tasks, accelerators / want->accelerators);
    if (want->part != 0)
        tasks = dr_min_i64(tasks, (int64_t)accelerators * (1000 / want->part));
    if (want->cpus != 0)
        tasks = dr_min_i64(tasks, cpus / want->cpus);
    if (want->memory_mb != 0)
        tasks = dr_min_i64(tasks, memory_mb / want->memory_mb);
    return tasks < 0 ? 0 : (uint32_t)tasks;
}

uint32_t dr_space_tasks_empty(const struct dr_want *want, const struct dr_space *space)
{
    return dr_space_tasks_in(want, dr_bit_count(space->all), space->cpus, space->memory_mb);
}

int dr_space_level_named(const struct dr_pool *pool, const char *name)
{
    if (strcmp(name, "node") == 0)
        return DR_LEVEL_NODE;
    if (strcmp(name, "pool") == 0)
        return (int)pool->levels_count;
    for (uint32_t level = 0; level < pool->levels_count; level += 1)
        if (strcmp(pool->levels[level].name, name) == 0)
            return (int)level;
    return DR_LEVEL_MISSING;
}

uint8_t dr_space_share_of(const struct dr_core *core, const struct dr_shape *shape)
{
    uint8_t share = DR_SHARE_ACCELERATOR;

    if (shape->data_class.v != 0)
        share = core->classes[shape->data_class.v - 1].share;
    for (uint32_t i = 0; i < shape->datasets_count; i += 1) {
        dr_class_id class = core->datasets[shape->datasets[i] - 1].data_class;

        if (class.v != 0 && core->classes[class.v - 1].share > share)
            share = core->classes[class.v - 1].share;
    }
    return share;
}

uint32_t dr_space_last_of(const struct dr_space *space, uint32_t level, uint32_t domain)
{
    uint32_t end = (domain + 1) * space->size[level];

    return end < space->nodes ? end : space->nodes;
}

/* ---- keeping a space ---- */

uint8_t dr_space_tier_of(const struct dr_space *space, const struct dr_room *room)
{
    if (!room->usable)
        return DR_TIER_NONE;
    if (space->all != 0)
        return (uint8_t)dr_bit_count(room->free & ~room->blocked);
    if (room->cpus <= 0 || space->cpus == 0)
        return 0;
    return (uint8_t)((room->cpus * DR_CPU_TIERS + space->cpus - 1) / space->cpus);
}

/* A node of a tier: less than its share of CPUs or memory per free accelerator? Amounts alone don't
 * tell then. */
static int is_short(const struct dr_space *space, const struct dr_room *room, uint8_t tier)
{
    int64_t all = space->tiers - 1;

    return space->all != 0 && tier != DR_TIER_NONE &&
           (room->cpus * all < tier * space->cpus ||
            room->memory_mb * all < tier * space->memory_mb);
}

/* The pool's tiers as sets of pools, and its free units, after these have come to what they are. */
static void count_summary(struct dr_space *space, uint32_t units_before)
{
    const uint32_t *counts = space->counts[space->levels];
    uint32_t units = space->units[space->levels][0];
    uint32_t most = space->tiers - 1;

    while (most > 0 && counts[most] == 0)
        most -= 1;
    for (; space->tier_most < most; space->tier_most += 1)
        dr_pool_set_put(&space->sets->with_unit[space->tier_most + 1], space->rank, 1);
    for (; space->tier_most > most; space->tier_most -= 1)
        dr_pool_set_put(&space->sets->with_unit[space->tier_most], space->rank, 0);
    for (uint32_t k = dr_bit_log(units_before); k < dr_bit_log(units); k += 1)
        dr_pool_set_put(&space->sets->with_units[k], space->rank, 1);
    for (uint32_t k = dr_bit_log(units); k < dr_bit_log(units_before); k += 1)
        dr_pool_set_put(&space->sets->with_units[k], space->rank, 0);
}

/* The same for the steps of what is left of shared accelerators. */
static void count_share(struct dr_space *space, uint32_t number, const struct dr_room *old,
                        const struct dr_room *room)
{
    uint32_t before = old->usable ? dr_space_share_step(old->share_most) : 0;
    uint32_t after = room->usable ? dr_space_share_step(room->share_most) : 0;
    uint32_t more = (room->usable ? room->share_left : 0) - (old->usable ? old->share_left : 0);
    uint64_t bit = UINT64_C(1) << (number % 64);
    uint32_t most = DR_SHARE_STEPS;

    for (uint32_t level = 0; more != 0 && level <= space->levels; level += 1)
        space->shares[level][number / space->size[level]] += more;
    if (before == after)
        return;
    if (before != 0)
        space->share_bits[(size_t)before * space->words + number / 64] &= ~bit;
    if (after != 0)
        space->share_bits[(size_t)after * space->words + number / 64] |= bit;
    space->share_counts[before] -= before != 0;
    space->share_counts[after] += after != 0;
    while (most > 0 && space->share_counts[most] == 0)
        most -= 1;
    for (; space->step_most < most; space->step_most += 1)
        dr_pool_set_put(&space->sets->with_share[space->step_most + 1], space->rank, 1);
    for (; space->step_most > most; space->step_most -= 1)
        dr_pool_set_put(&space->sets->with_share[space->step_most], space->rank, 0);
}

static void count_tier(struct dr_space *space, uint32_t number, uint8_t tier, int sign)
{
    uint64_t *word = &space->bits[(size_t)tier * space->words + number / 64];

    *word ^= UINT64_C(1) << (number % 64);
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        uint32_t at = number / space->size[level];

        space->counts[level][(size_t)at * space->tiers + tier] += (uint32_t)sign;
        space->units[level][at] += (uint32_t)(sign * tier);
        if (tier == space->tiers - 1)
            space->whole[level][at] += (uint32_t)sign;
    }
}

/* What else the domains of a node sum up: what is in `room` comes, what was in `old` goes. */
static void count_about(struct dr_space *space, uint32_t number, uint8_t before,
                        const struct dr_room *old, uint8_t after, const struct dr_room *room)
{
    int lacks = is_short(space, room, after) - is_short(space, old, before);
    int busy = old->empty - room->empty;
    int guards = room->guards_of_block - old->guards_of_block;
    int pledges = room->pledges_of_block - old->pledges_of_block;
    int promises = room->promises - old->promises;

    if ((lacks | busy | guards | pledges | promises) == 0 && room->guards_of_block == 0)
        return;
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        struct dr_domain *domain = &space->about[level][number / space->size[level]];

        domain->shorts += (uint32_t)lacks;
        domain->busy += (uint32_t)busy;
        domain->guards += (uint32_t)guards;
        domain->pledges += (uint32_t)pledges;
        domain->promises += (uint32_t)promises;
        if (room->guards_of_block > 0)
            domain->guard = room->guard;
    }
}

/* What was in `old` is no longer there, and what is in `room` is. */
static void count_most(struct dr_space *space, uint8_t before, const struct dr_room *old,
                       uint8_t after, const struct dr_room *room)
{
    if (before != DR_TIER_NONE) {
        struct dr_most *most = &space->most[before];

        if (old->cpus >= most->cpus || old->memory_mb >= most->memory_mb)
            most->stale = 1;
    }
    if (after != DR_TIER_NONE) {
        struct dr_most *most = &space->most[after];

        most->cpus = dr_max_i64(most->cpus, room->cpus);
        most->memory_mb = dr_max_i64(most->memory_mb, room->memory_mb);
    }
}

/* Look at the nodes of a tier, until one is met that has all that a node can have. */
static void look_for_most(const struct dr_space *space, uint32_t tier)
{
    struct dr_most *most = &space->most[tier];

    *most = (struct dr_most){.cpus = INT64_MIN, .memory_mb = INT64_MIN};
    for (uint32_t word = 0; word < space->words; word += 1)
        for (uint64_t rest = space->bits[(size_t)tier * space->words + word]; rest != 0;
             rest &= rest - 1) {
            const struct dr_room *room = &space->rooms[word * 64 + dr_bit_lowest(rest)];

            most->cpus = dr_max_i64(most->cpus, room->cpus);
            most->memory_mb = dr_max_i64(most->memory_mb, room->memory_mb);
            if (most->cpus >= space->cpus && most->memory_mb >= space->memory_mb)
                return;
        }
}

int dr_space_may_take(const struct dr_space *space, const struct dr_want *want)
{
    for (uint32_t tier = want->part != 0 ? 0 : want->accelerators; tier < space->tiers; tier += 1) {
        const struct dr_most *most = &space->most[tier];

        if (space->counts[space->levels][tier] == 0 || most->cpus < want->cpus ||
            most->memory_mb < want->memory_mb)
            continue;
        if (most->stale)
            look_for_most(space, tier);
        if (most->cpus >= want->cpus && most->memory_mb >= want->memory_mb)
            return 1;
    }
    return 0;
}

static uint32_t guards_in(const struct dr_room *room)
{
    return (uint32_t)room->guards_of_node + room->guards_of_block + room->pledges_of_node +
           room->pledges_of_block;
}

/* What is left of the accelerators in `open`. */
void dr_space_sum_shares(const struct dr_space *space, uint32_t number, struct dr_room *room)
{
    room->share_most = 0;
    room->share_left = 0;
    for (uint64_t rest = room->open & ~room->blocked; rest != 0; rest &= rest - 1) {
        uint32_t left = dr_space_share_left(space, number, dr_bit_lowest(rest));

        room->share_left += left;
        if (left > room->share_most)
            room->share_most = (uint16_t)left;
    }
}

void dr_space_set_room(struct dr_space *space, uint32_t number, const struct dr_room *now)
{
    struct dr_room *kept = &space->rooms[number];
    struct dr_room summed = *now;
    const struct dr_room *room = &summed;
    uint8_t before = space->tier[number];
    uint8_t after = dr_space_tier_of(space, room);

    dr_space_sum_shares(space, number, &summed);
    space->guards += guards_in(room) - guards_in(kept);
    count_about(space, number, before, kept, after, room);
    if ((room->open | kept->open) != 0)
        count_share(space, number, kept, room);
    count_most(space, before, kept, after, room);
    *kept = *room;
    if (before == after)
        return;
    space->tier[number] = after;
    uint32_t units = space->units[space->levels][0];

    if (before != DR_TIER_NONE)
        count_tier(space, number, before, -1);
    if (after != DR_TIER_NONE)
        count_tier(space, number, after, 1);
    count_summary(space, units);
}

/* Accelerators of a node that are held or promised as a whole. */
static uint64_t whole_of(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    uint64_t whole = (node->busy | node->promised) & ~node->shared;

    for (uint64_t rest = node->shared; rest != 0; rest &= rest - 1) {
        const struct dr_device_share *share = &core->device_shares[row][dr_bit_lowest(rest)];
        uint64_t bit = rest & -rest;

        if (((node->busy & bit) != 0 && share->held == 0) ||
            ((node->promised & bit) != 0 && share->promised == 0))
            whole |= bit;
    }
    return whole;
}

/* Those that are promised as a whole: nobody's shares come free there. */
uint64_t dr_space_whole_promised(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    uint64_t whole = node->promised;

    for (uint64_t rest = node->shared & node->promised; rest != 0; rest &= rest - 1)
        if (core->device_shares[row][dr_bit_lowest(rest)].promised != 0)
            whole &= ~(rest & -rest);
    return whole;
}

struct dr_room dr_space_true_room(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];
    const struct dr_guard *guard = &core->places->guards[row];
    uint64_t all = core->places->spaces[node->pool.v - 1].all;

    return (struct dr_room){
        .free = all & ~(node->busy | node->promised),
        .open = node->shared == 0 ? 0 : node->shared & ~whole_of(core, row),
        .cpus = (int64_t)pool->cpus - node->cpus_used,
        .memory_mb = pool->memory_mb - node->memory_mb_used,
        .usable = dr_node_up(core, node) && !node->removing && !pool->removed,
        .empty = (node->busy | node->promised) == 0 && node->tasks == 0 && node->cpus_used == 0 &&
                 node->memory_mb_used == 0,
        .guard = guard->account,
        .guards_of_node = guard->of_node,
        .guards_of_block = guard->of_block,
        .pledges_of_node = guard->pledges_of_node,
        .pledges_of_block = guard->pledges_of_block,
        .promises = node->promises,
    };
}

/* What a share of an accelerator adds to the draw, milliwatts. */
int64_t dr_space_share_mw(const struct dr_core *core, const struct dr_pool *pool,
                          int64_t thousandths)
{
    const struct dr_chip *chip = &core->chips[pool->chip.v - 1];

    return thousandths * (chip->busy_w - chip->idle_w);
}

/* What a held part is then drawn less by, in thousandths of accelerators. */
int64_t dr_space_drawn_less(const struct dr_core *core, const struct dr_extent *extent,
                            uint32_t share)
{
    uint32_t row = extent->node.v - 1;
    const struct dr_node *node = &core->nodes[row];
    uint64_t promised = extent->accelerators & node->promised;
    int64_t milli = (int64_t)dr_bit_count(extent->accelerators) * 1000;

    if (promised != 0 && share != 0 && (dr_space_whole_promised(core, row) & promised) != 0)
        return 0;
    if (share != 0)
        return (int64_t)extent->tasks * share;
    for (uint64_t rest = promised; rest != 0; rest &= rest - 1)
        milli -= (dr_space_whole_promised(core, row) & rest & -rest) != 0
                     ? 1000
                     : core->device_shares[row][dr_bit_lowest(rest)].promised;
    return milli;
}

/* What the node draws, its accelerators included. */
struct dr_node_draw dr_space_draw_of(const struct dr_core *core, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];
    const struct dr_pool *pool = &core->pools[node->pool.v - 1];
    uint64_t whole = node->shared == 0 ? node->busy | node->promised : whole_of(core, row);
    int64_t thousandths = (int64_t)dr_bit_count(whole) * 1000;
    int64_t idle_w = pool->node_idle_w;
    int64_t busy_mw = 0;

    if (node->down || node->removed || node->off)
        return (struct dr_node_draw){0, 0};
    for (uint64_t rest = node->shared & ~whole; rest != 0; rest &= rest - 1) {
        const struct dr_device_share *share = &core->device_shares[row][dr_bit_lowest(rest)];

        thousandths += share->held + share->promised;
    }
    if (pool->chip.v != 0) {
        idle_w += (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w;
        busy_mw = dr_space_share_mw(core, pool, thousandths);
    }
    return (struct dr_node_draw){idle_w * 1000 + busy_mw, idle_w};
}

static void count_watts(const struct dr_core *core, uint32_t row)
{
    struct dr_node_draw *known = &core->places->draws[row];
    struct dr_node_draw draw = dr_space_draw_of(core, row);

    dr_power_draw(core, core->pools[core->nodes[row].pool.v - 1].site,
                  draw.milliwatts - known->milliwatts, draw.idle_w - known->idle_w);
    if (draw.milliwatts < known->milliwatts)
        dr_power_ease(core);
    *known = draw;
}

static void count_leaving(const struct dr_core *core, uint32_t row)
{
    struct dr_places *places = core->places;
    const struct dr_node *node = &core->nodes[row];
    int leaves = node->removing && !node->removed;
    uint32_t place = places->leaving_place[row];

    if (leaves && place == 0) {
        places->leaving[places->leaving_count] = row;
        places->leaving_count += 1;
        places->leaving_place[row] = places->leaving_count;
    } else if (!leaves && place != 0) {
        uint32_t last = places->leaving[places->leaving_count - 1];

        places->leaving[place - 1] = last;
        places->leaving_place[last] = place;
        places->leaving_place[row] = 0;
        places->leaving_count -= 1;
    }
}

static void *take(struct dr_places *places, size_t count, size_t bytes)
{
    void *rows = dr_arena_push(&places->arena, count, bytes);

    DR_ASSERT(rows != NULL); /* sized for the worst at open */
    memset(rows, 0, count * bytes);
    return rows;
}

/* The space's table of shares; made when it is first needed. */
void dr_space_need_shares(struct dr_space *space)
{
    if (space->share_uses == NULL)
        space->share_uses = take(space->places, (size_t)space->nodes * space->accelerators + 1,
                                 sizeof space->share_uses[0]);
}

/* What a node's accelerators give in shares, as it is in truth. */
void dr_space_true_shares(const struct dr_core *core, struct dr_space *space, uint32_t row)
{
    const struct dr_node *node = &core->nodes[row];

    if (node->shared == 0 && space->share_uses == NULL)
        return;
    dr_space_need_shares(space);
    for (uint32_t i = 0; i < space->accelerators; i += 1) {
        const struct dr_device_share *share = &core->device_shares[row][i];

        *dr_space_share_use(space, node->number, i) = (struct dr_share_use){
            .used = (uint32_t)share->held + share->promised,
            .guards = share->guards,
            .pledges = share->pledges,
            .guard = share->guard,
            .promised = share->promised,
        };
    }
}

/* What is left of a node's room beside what jobs have reserved there. */
void dr_space_take_reserved(const struct dr_core *core, struct dr_space *space, uint32_t row,
                            struct dr_room *room)
{
    const struct dr_node_reserved *reserved = &core->places->reserved[row];

    if (reserved->parts == 0)
        return;
    room->blocked = reserved->accelerators;
    room->cpus -= reserved->cpus;
    room->memory_mb -= reserved->memory_mb;
    room->empty = 0;
    if (reserved->shares == 0)
        return;
    dr_space_need_shares(space);
    for (uint32_t i = 0; i < space->accelerators; i += 1) {
        uint64_t bit = UINT64_C(1) << i;

        if (core->places->reserved_shares[row][i] == 0)
            continue;
        dr_space_share_use(space, core->nodes[row].number, i)->used +=
            core->places->reserved_shares[row][i];
        if (room->free & bit) {
            room->free &= ~bit;
            room->open |= bit;
        }
    }
}

static void set_beside(const struct dr_core *core, struct dr_space *space, uint32_t row)
{
    struct dr_room room;

    dr_space_true_shares(core, space, row);
    room = dr_space_true_room(core, row);
    dr_space_take_reserved(core, space, row, &room);
    dr_space_set_room(space, core->nodes[row].number, &room);
}

static int is_stale(const struct dr_core *core)
{
    return !core->places->built || core->places->version != core->federation_version;
}

void dr_space_restore(struct dr_core *core, uint32_t node_row)
{
    const struct dr_node *node = &core->nodes[node_row];
    struct dr_space *space = &core->places->spaces[node->pool.v - 1];
    struct dr_room room;

    dr_space_true_shares(core, space, node_row);
    room = dr_space_true_room(core, node_row);
    dr_space_set_room(space, node->number, &room);
}

void dr_place_changed(struct dr_core *core, uint32_t node_row)
{
    struct dr_places *places = core->places;
    const struct dr_node *node = &core->nodes[node_row];

    if (is_stale(core))
        return; /* all of it is built again when next asked */
    dr_space_restore(core, node_row);
    if (places->beside[node->pool.v - 1].nodes > 0)
        set_beside(core, &places->beside[node->pool.v - 1], node_row);
    count_watts(core, node_row);
    count_leaving(core, node_row);
}

/* A space with no node in it yet. */
void dr_space_lay_out(const struct dr_core *core, uint32_t pool_row, struct dr_space *space,
                      struct dr_pool_sets *sets)
{
    struct dr_places *places = core->places;
    const struct dr_pool *pool = &core->pools[pool_row];
    uint32_t rank = places->spaces[pool_row].rank;
    uint32_t number = 0;

    *space = (struct dr_space){.places = places,
                               .sets = sets,
                               .rank = rank,
                               .nodes = pool->nodes_count,
                               .words = pool->nodes_count / 64 + 1,
                               .tiers = pool->accelerators == 0 ? DR_CPU_TIERS + 1
                                                                : pool->accelerators + 1,
                               .levels = pool->levels_count,
                               .cpus = pool->cpus,
                               .memory_mb = pool->memory_mb};
    if (pool->accelerators > 0)
        space->all = UINT64_MAX >> (64 - pool->accelerators);
    space->accelerators = pool->accelerators;
    space->breakage = dr_breakage_of(core, pool_row);
    for (uint32_t level = 0; level <= space->levels; level += 1) {
        space->size[level] = level < space->levels ? pool->levels[level].nodes : pool->nodes_count;
        if (space->size[level] == 0)
            space->size[level] = 1;
        space->domains[level] = pool->nodes_count / space->size[level] + 1;
        space->counts[level] =
            take(places, (size_t)space->domains[level] * space->tiers, sizeof(uint32_t));
        space->whole[level] = take(places, space->domains[level], sizeof(uint32_t));
        space->units[level] = take(places, space->domains[level], sizeof(uint32_t));
        space->shares[level] = take(places, space->domains[level], sizeof(uint32_t));
        space->about[level] = take(places, space->domains[level], sizeof(struct dr_domain));
    }
    space->bits = take(places, (size_t)space->tiers * space->words, sizeof(uint64_t));
    space->most = take(places, space->tiers, sizeof space->most[0]);
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        space->most[tier] = (struct dr_most){.cpus = INT64_MIN, .memory_mb = INT64_MIN};
    space->share_bits = take(places, (size_t)(DR_SHARE_STEPS + 1) * space->words, sizeof(uint64_t));
    space->tier = take(places, space->nodes + 1u, 1);
    space->rooms = take(places, space->nodes + 1u, sizeof(struct dr_room));
    space->rows = take(places, space->nodes + 1u, sizeof(uint32_t));
    for (uint32_t i = 0; i < pool->ranges_count; i += 1)
        for (uint32_t k = 0; k < pool->ranges[i].count; k += 1, number += 1) {
            uint32_t row = pool->ranges[i].row + k;

            DR_ASSERT(core->nodes[row].number == number);
            space->rows[number] = row;
            space->rooms[number] = (struct dr_room){.empty = 1};
            space->tier[number] = DR_TIER_NONE;
        }
    DR_ASSERT(number == space->nodes);
}

static void note_reserved(const struct dr_core *core, uint32_t pool_row)
{
    struct dr_places *places = core->places;
    uint32_t rank = places->spaces[pool_row].rank;

    dr_pool_set_put(&places->with_reserved, rank, places->reserved_count[pool_row] > 0);
    dr_pool_set_put(&places->reservable, rank,
                    places->reserved_count[pool_row] < core->settings.reserve_depth);
}

static void build_beside(const struct dr_core *core, uint32_t pool_row)
{
    struct dr_space *space = &core->places->beside[pool_row];

    dr_space_lay_out(core, pool_row, space, &core->places->beside_sets);
    for (uint32_t number = 0; number < space->nodes; number += 1)
        set_beside(core, space, space->rows[number]);
}

static void build_space(const struct dr_core *core, uint32_t pool_row)
{
    struct dr_places *places = core->places;
    struct dr_space *space = &places->spaces[pool_row];

    dr_space_lay_out(core, pool_row, space, &places->sets);
    for (uint32_t number = 0; number < space->nodes; number += 1) {
        uint32_t row = space->rows[number];
        struct dr_room room;

        dr_space_true_shares(core, space, row);
        room = dr_space_true_room(core, row);
        dr_space_set_room(space, number, &room);
        places->draws[row] = (struct dr_node_draw){0, 0};
        count_watts(core, row);
        count_leaving(core, row);
    }
    for (uint32_t level = 0; level <= space->levels; level += 1)
        for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
            uint32_t live = 0;

            for (uint32_t i = domain * space->size[level];
                 i < space->nodes && i < (domain + 1) * space->size[level]; i += 1)
                live +=
                    !core->nodes[space->rows[i]].removed && !core->nodes[space->rows[i]].removing;
            if (live > space->live_most[level])
                space->live_most[level] = live;
        }
    places->beside[pool_row] = (struct dr_space){0};
    note_reserved(core, pool_row);
    if (places->reserved_count[pool_row] > 0)
        build_beside(core, pool_row);
}

/* The least that an hour of one accelerator can cost in a pool, before the job's CPUs. */
static int64_t least_hour_micro(const struct dr_core *core, const struct dr_pool *pool)
{
    const struct dr_site *site = &core->sites[pool->site.v - 1];
    int64_t least = site->tariff_micro[0];
    const struct dr_chip *chip;

    if (pool->chip.v == 0)
        return 0;
    chip = &core->chips[pool->chip.v - 1];
    for (uint32_t hour = 1; hour < DR_TARIFF_HOURS; hour += 1)
        least = dr_min_i64(least, site->tariff_micro[hour]);
    return chip->price_micro +
           dr_mul_div_floor(least, dr_mul_div_floor(chip->busy_w, site->pue_milli, 1), 1000000);
}

static int compare_hours(const void *a, const void *b, const void *context)
{
    const int64_t *hours = context;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    if (hours[x] != hours[y])
        return hours[x] < hours[y] ? -1 : 1;
    return x < y ? -1 : x > y;
}

static uint8_t groups_agree(const struct dr_pool *a, const struct dr_pool *b)
{
    uint32_t alike = 0;

    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        alike += a->groups[resource].v == b->groups[resource].v;
    return alike == 0 || alike == DR_RESOURCE_COUNT;
}

/* Ranks, and the sets that follow from the federation alone. */
static void rank_pools(const struct dr_core *core)
{
    struct dr_places *places = core->places;
    int64_t *hours = take(places, core->pools_count + 1u, sizeof hours[0]);

    places->words = (core->pools_count + 63) / 64;
    places->slack_micro = 1;
    memset(&places->asks_consent, 0, sizeof places->asks_consent);
    memset(places->of_chip, 0, sizeof places->of_chip);
    memset(places->of_site, 0, DR_SITES_MAX * sizeof places->of_site[0]);
    memset(places->of_group, 0, core->limits.groups_max * sizeof places->of_group[0]);
    memset(places->group_chips, 0, core->limits.groups_max * sizeof places->group_chips[0]);
    memset(&places->sets, 0, sizeof places->sets);
    memset(&places->beside_sets, 0, sizeof places->beside_sets);
    memset(&places->with_reserved, 0, sizeof places->with_reserved);
    memset(&places->reservable, 0, sizeof places->reservable);
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        hours[row] = least_hour_micro(core, pool);
        places->pool_of[row] = row;
        /* Energy is rounded down in up to 26 steps of a tariff hour, each by less than one
         * micro-unit per kW. */
        if (pool->chip.v != 0)
            places->slack_micro =
                dr_max_i64(places->slack_micro,
                           2 + dr_mul_div_ceil(26 * core->chips[pool->chip.v - 1].busy_w,
                                               core->sites[pool->site.v - 1].pue_milli, 1000000));
    }
    places->groups_alike = 1;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        for (uint32_t other = 0; other < row && places->groups_alike; other += 1)
            places->groups_alike = groups_agree(&core->pools[row], &core->pools[other]);
    dr_sort(places->pool_of, core->pools_count, sizeof places->pool_of[0], compare_hours, hours);
    for (uint32_t rank = 0; rank < core->pools_count; rank += 1) {
        uint32_t row = places->pool_of[rank];
        const struct dr_pool *pool = &core->pools[row];

        places->spaces[row].rank = rank;
        places->hour_micro[rank] = hours[row];
        dr_pool_set_put(&places->of_site[pool->site.v - 1], rank, 1);
        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            if (pool->groups[resource].v != 0) {
                dr_pool_set_put(&places->of_group[pool->groups[resource].v - 1], rank, 1);
                places->group_chips[pool->groups[resource].v - 1] |= dr_seats_chip_of(pool);
            }
        if (!pool->removed && !core->sites[pool->site.v - 1].removed)
            dr_pool_set_put(&places->of_chip[pool->chip.v], rank, 1);
        if (pool->consent_count > 0)
            dr_pool_set_put(&places->asks_consent, rank, 1);
    }
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        for (uint32_t hour = 0; hour < DR_TARIFF_HOURS; hour += 1)
            places->tariff_sum[row][hour + 1] =
                places->tariff_sum[row][hour] + core->sites[row].tariff_micro[hour];
}

static void rebuild(const struct dr_core *core)
{
    struct dr_places *places = core->places;

    memset(places->touched, 1, core->limits.pools_max);
    memset(places->unreserved, 1, core->limits.pools_max);
    memset(&places->touched_set, 0xff, sizeof places->touched_set);
    memset(&places->opened_set, 0xff, sizeof places->opened_set);
    memset(&places->risen_set, 0xff, sizeof places->risen_set);
    for (uint32_t row = 0; row < core->limits.pools_max; row += 1)
        places->opened_last = places->left_last = places->freed_last = places->opened_at[row] =
            places->left_at[row] = places->freed_at[row] = dr_seats_moment(core->seats);
    dr_seats_wake_all(core->seats);
    dr_arena_reset(&places->arena, 0);
    dr_power_build(core);
    for (uint32_t i = 0; i < core->nodes_count; i += 1)
        places->leaving_place[i] = 0;
    places->leaving_count = 0;
    places->version = core->federation_version;
    rank_pools(core);
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        dr_pool_set_put(&places->unreserved_set, places->spaces[row].rank, places->unreserved[row]);
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        build_space(core, row);
    dr_breakage_turn(core);
    places->built = 1;
}

/* Asked at every step of a search. */
void dr_place_prepare(const struct dr_core *core)
{
    const struct dr_places *places = core->places;

    if (!places->built || places->version != core->federation_version)
        rebuild(core);
    else if (places->mix_version != core->mix->version)
        dr_breakage_turn(core);
}

/* ---- what comes free, and what is reserved ---- */

void dr_place_touch_site(struct dr_core *core, dr_site_id site)
{
    const struct dr_power_domain *domains = core->power->domains;
    uint32_t zone = domains[site.v - 1].zone;
    int together = zone != NONE && domains[zone].limited;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (core->pools[row].site.v == site.v ||
            (together && domains[core->pools[row].site.v - 1].zone == zone)) {
            touch(core, row);
            core->places->left_last = core->places->left_at[row] = core->places->freed_at[row];
        }
}

void dr_place_touch(struct dr_core *core, dr_pool_id pool)
{
    dr_site_id site = core->pools[pool.v - 1].site;

    touch(core, pool.v - 1);
    core->places->left_last = core->places->left_at[pool.v - 1] =
        core->places->freed_at[pool.v - 1];
    dr_seats_rise(core, pool, core->places->left_last);
    dr_place_risen(core, pool);
    if (core->power->domains[site.v - 1].limited)
        dr_place_touch_site(core, site);
}

void dr_place_depth(struct dr_core *core)
{
    for (uint32_t row = 0; !is_stale(core) && row < core->pools_count; row += 1)
        note_reserved(core, row);
}

void dr_place_reserve(struct dr_core *core, dr_job_row row, int sign)
{
    struct dr_places *places = core->places;
    const struct dr_job *job = dr_job_at(core, row);
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_alternative *way =
        &core->shapes[job->shape].alternatives[run->reservation_alternative];
    uint32_t share = dr_alternative_share(way);
    uint32_t pool_row = run->reservation_pool.v - 1;
    struct dr_amounts amounts = dr_alternative_amounts(way);

    dr_vacancy_changed(core, run->reservation_pool);
    dr_slack_reserve(core, (dr_pool_id){pool_row + 1}, &amounts, sign);
    places->reserved_count[pool_row] += (uint32_t)sign;
    if (places->reserved_count[pool_row] == (sign > 0))
        places->reserved_until_us[pool_row] = INT64_MIN;
    if (sign > 0 && places->reserved_until_us[pool_row] < run->reservation_us)
        places->reserved_until_us[pool_row] = run->reservation_us;
    for (uint32_t at = run->reservation; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        struct dr_node_reserved *reserved = &places->reserved[extent->node.v - 1];
        uint16_t *shares = places->reserved_shares[extent->node.v - 1];

        reserved->parts += (uint32_t)sign;
        reserved->cpus += sign * (int64_t)extent->tasks * way->cpus_per_task;
        reserved->memory_mb += sign * (int64_t)extent->tasks * way->memory_mb_per_task;
        if (share != 0) {
            uint32_t accelerator = dr_bit_lowest(extent->accelerators);

            reserved->shares += (uint32_t)sign;
            shares[accelerator] =
                (uint16_t)(shares[accelerator] + sign * (int)(extent->tasks * share));
        } else {
            DR_ASSERT(sign < 0 || (reserved->accelerators & extent->accelerators) == 0);
            reserved->accelerators ^= extent->accelerators;
        }
    }
    if (is_stale(core))
        return;
    note_reserved(core, pool_row);
    if (places->beside[pool_row].nodes == 0) {
        build_beside(core, pool_row);
        return;
    }
    for (uint32_t at = run->reservation; at != NONE; at = core->extents[at].next)
        set_beside(core, &places->beside[pool_row], core->extents[at].extent.node.v - 1);
}

int64_t dr_place_free(const struct dr_core *core, dr_pool_id pool)
{
    const struct dr_space *space;
    int64_t free = 0;

    dr_place_prepare(core);
    space = &core->places->spaces[pool.v - 1];
    for (uint32_t tier = 1; space->all != 0 && tier < space->tiers; tier += 1)
        free += (int64_t)space->counts[space->levels][tier] * tier;
    return free;
}
