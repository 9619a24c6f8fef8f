/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: does the index of every pool say what the nodes say? Read dr_place_consistent(). */
#include "core/space.h"

static int shares_agree(const struct dr_core *core, const struct dr_space *space, uint32_t number)
{
    const struct dr_device_share *shares = core->device_shares[space->rows[number]];

    for (uint32_t i = 0; i < space->accelerators; i += 1) {
        static const struct dr_share_use none;
        const struct dr_share_use *use =
            space->share_uses == NULL ? &none : dr_space_share_use(space, number, i);

        if (use->used != (uint32_t)shares[i].held + shares[i].promised ||
            use->guards != shares[i].guards || use->pledges != shares[i].pledges ||
            use->guard.v != shares[i].guard.v)
            return 0;
    }
    return 1;
}

/* The steps of usable nodes, and what is left in every domain. */
static int share_sums_agree(const struct dr_space *space)
{
    uint32_t counts[DR_SHARE_STEPS + 1] = {0};
    uint32_t most = 0;

    for (uint32_t number = 0; number < space->nodes; number += 1) {
        const struct dr_room *room = &space->rooms[number];
        uint32_t step = room->usable ? dr_space_share_step(room->share_most) : 0;

        counts[step] += step != 0;
        if (step > most)
            most = step;
        for (uint32_t i = 1; i <= DR_SHARE_STEPS; i += 1)
            if (((space->share_bits[(size_t)i * space->words + number / 64] >> (number % 64)) &
                 1) != (i == step))
                return 0;
    }
    if (memcmp(counts, space->share_counts, sizeof counts) != 0)
        return 0;
    for (uint32_t step = 1; step <= DR_SHARE_STEPS; step += 1)
        if (dr_pool_set_has(&space->sets->with_share[step], space->rank) != (step <= most))
            return 0;
    for (uint32_t level = 0; level <= space->levels; level += 1)
        for (uint32_t at = 0; at < space->domains[level]; at += 1) {
            uint32_t left = 0;

            for (uint32_t i = at * space->size[level]; i < dr_space_last_of(space, level, at);
                 i += 1)
                left += space->rooms[i].usable ? space->rooms[i].share_left : 0;
            if (left != space->shares[level][at])
                return 0;
        }
    return 1;
}

/* No node has more than is said of its tier. */
static int most_agrees(const struct dr_space *space)
{
    for (uint32_t number = 0; number < space->nodes; number += 1) {
        const struct dr_room *room = &space->rooms[number];

        if (space->tier[number] != DR_TIER_NONE &&
            (room->cpus > space->most[space->tier[number]].cpus ||
             room->memory_mb > space->most[space->tier[number]].memory_mb))
            return 0;
    }
    return 1;
}

static int sums_agree(const struct dr_space *space)
{
    const uint32_t *counts = space->counts[space->levels];
    uint32_t most = 0;

    for (uint32_t level = 0; level <= space->levels; level += 1)
        for (uint32_t at = 0; at < space->domains[level]; at += 1) {
            uint32_t units = 0;

            for (uint32_t tier = 0; tier < space->tiers; tier += 1)
                units += tier * space->counts[level][(size_t)at * space->tiers + tier];
            if (units != space->units[level][at] ||
                space->whole[level][at] !=
                    space->counts[level][(size_t)at * space->tiers + space->tiers - 1])
                return 0;
        }
    for (uint32_t tier = 1; tier < space->tiers; tier += 1)
        if (counts[tier] > 0)
            most = tier;
    for (uint32_t tier = 1; tier < space->tiers; tier += 1)
        if (dr_pool_set_has(&space->sets->with_unit[tier], space->rank) != (tier <= most))
            return 0;
    for (uint32_t k = 0; k < DR_POOL_LOGS; k += 1)
        if (dr_pool_set_has(&space->sets->with_units[k], space->rank) !=
            (space->units[space->levels][0] >> k > 0))
            return 0;
    return most_agrees(space);
}

/* What is kept beside reservations, against the reservations themselves. */
static int beside_agrees(struct dr_core *core, uint32_t pool_row)
{
    struct dr_places *places = core->places;
    struct dr_space *space = &places->beside[pool_row];
    struct dr_space built;
    struct dr_pool_sets *sets = &places->trial_sets;
    size_t mark = places->arena.used;
    int agrees = 1;

    if (space->nodes == 0)
        return places->reserved_count[pool_row] == 0;
    memset(sets, 0, sizeof *sets);
    dr_space_lay_out(core, pool_row, &built, sets);
    for (uint32_t number = 0; number < built.nodes; number += 1) {
        struct dr_room room;
        const struct dr_room *kept = &space->rooms[number];

        dr_space_true_shares(core, &built, built.rows[number]);
        room = dr_space_true_room(core, built.rows[number]);
        dr_space_take_reserved(core, &built, built.rows[number], &room);
        dr_space_set_room(&built, number, &room);
        agrees &= built.tier[number] == space->tier[number] &&
                  built.rooms[number].free == kept->free &&
                  built.rooms[number].open == kept->open &&
                  built.rooms[number].blocked == kept->blocked &&
                  built.rooms[number].cpus == kept->cpus &&
                  built.rooms[number].memory_mb == kept->memory_mb &&
                  built.rooms[number].share_left == kept->share_left &&
                  built.rooms[number].empty == kept->empty &&
                  built.rooms[number].guards_of_block == kept->guards_of_block;
    }
    for (uint32_t level = 0; level <= built.levels; level += 1)
        agrees &= memcmp(built.counts[level], space->counts[level],
                         (size_t)built.domains[level] * built.tiers * sizeof(uint32_t)) == 0;
    dr_arena_reset(&places->arena, mark);
    return agrees && sums_agree(space) && share_sums_agree(space);
}

int dr_place_consistent(const struct dr_core *core)
{
    struct dr_places *places = core->places;

    dr_place_prepare(core);
    for (uint32_t pool = 0; pool < core->pools_count; pool += 1) {
        struct dr_space *space = &places->spaces[pool];
        uint32_t counted = 0;

        for (uint32_t number = 0; number < space->nodes; number += 1) {
            struct dr_room room = dr_space_true_room(core, space->rows[number]);
            struct dr_node_draw draw = dr_space_draw_of(core, space->rows[number]);
            const struct dr_room *kept = &space->rooms[number];
            uint8_t tier = dr_space_tier_of(space, &room);

            dr_space_sum_shares(space, number, &room);
            if (room.free != kept->free || room.open != kept->open ||
                room.share_most != kept->share_most || room.share_left != kept->share_left ||
                !shares_agree(core, space, number) || room.cpus != kept->cpus ||
                room.memory_mb != kept->memory_mb || room.usable != kept->usable ||
                room.empty != kept->empty || room.guard.v != kept->guard.v ||
                room.guards_of_node != kept->guards_of_node ||
                room.guards_of_block != kept->guards_of_block || tier != space->tier[number] ||
                places->draws[space->rows[number]].milliwatts != draw.milliwatts ||
                places->draws[space->rows[number]].idle_w != draw.idle_w)
                return 0;
            if (tier == DR_TIER_NONE)
                continue;
            counted += 1;
            if (((space->bits[(size_t)tier * space->words + number / 64] >> (number % 64)) & 1) ==
                0)
                return 0;
        }
        for (uint32_t level = 0; level <= space->levels; level += 1) {
            uint32_t sum = 0;

            for (size_t i = 0; i < (size_t)space->domains[level] * space->tiers; i += 1)
                sum += space->counts[level][i];
            if (sum != counted)
                return 0;
        }
        if (!sums_agree(space) || !share_sums_agree(space) ||
            !beside_agrees((struct dr_core *)core, pool))
            return 0;
    }
    return 1;
}
