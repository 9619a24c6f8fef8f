/* SPDX-License-Identifier: Apache-2.0 */
/* A space changed in thought: attempts leave and come back, places are taken, parts are kept from
 * everybody. See place.h, "views"; the way out is dr_space_restore(). */
#include "core/power.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

/* Whole accelerators come back to a room (sign 1) or leave it, in thought. Returns the thousandths
 * by which the node then draws less, or more. */
static int64_t move_whole(const struct dr_core *core, const struct dr_space *space,
                          const struct dr_extent *extent, struct dr_room *room, int sign)
{
    uint32_t row = extent->node.v - 1;
    const struct dr_node *node = &core->nodes[row];
    uint64_t shared = extent->accelerators & node->shared;
    uint64_t moved = extent->accelerators & ~node->promised;
    int64_t milli = (int64_t)dr_bit_count(moved) * 1000;

    if (sign > 0)
        room->free |= moved;
    else
        room->free &= ~extent->accelerators;
    /* Shares of it are promised. */
    for (uint64_t rest = shared & ~dr_space_whole_promised(core, row); rest != 0; rest &= rest - 1)
        milli += 1000 - core->device_shares[row][dr_bit_lowest(rest)].promised;
    shared &= ~dr_space_whole_promised(core, row);
    room->open = sign > 0 ? room->open | shared : room->open & ~extent->accelerators;
    if (space->share_uses == NULL)
        return milli;
    for (uint64_t rest = room->free & extent->accelerators; rest != 0; rest &= rest - 1)
        if (dr_space_share_use(space, node->number, dr_bit_lowest(rest))->used != 0) {
            room->open |= rest & -rest; /* shares of it are reserved */
            room->free &= ~(rest & -rest);
        }
    return milli;
}

/* The same for tasks that share one accelerator. */
static int64_t move_share(const struct dr_core *core, struct dr_space *space,
                          const struct dr_extent *extent, struct dr_room *room, int64_t milli,
                          int sign)
{
    uint32_t row = extent->node.v - 1;
    struct dr_share_use *use =
        dr_space_share_use(space, core->nodes[row].number, dr_bit_lowest(extent->accelerators));

    use->used = (uint32_t)(use->used - sign * milli);
    if ((dr_space_whole_promised(core, row) & extent->accelerators) != 0)
        return 0;
    if (use->used == 0) {
        room->open &= ~extent->accelerators;
        room->free |= extent->accelerators;
    } else {
        room->open |= extent->accelerators;
        room->free &= ~extent->accelerators;
    }
    return milli;
}

static void release_or_retake(struct dr_core *core, uint32_t job_row, int sign)
{
    struct dr_places *places = core->places;
    const struct dr_job *job = &core->jobs[job_row];
    const struct dr_run *run = dr_job_run(core, job);
    const struct dr_shape *shape = &core->shapes[job->shape];
    const struct dr_alternative *way = &shape->alternatives[run->alternative];
    uint8_t share = dr_space_share_of(core, shape);
    uint32_t part = dr_alternative_share(way);

    dr_power_view(core, job_row, -sign);
    for (uint32_t at = run->extents; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        const struct dr_node *node = &core->nodes[extent->node.v - 1];
        struct dr_space *space = &places->spaces[node->pool.v - 1];
        struct dr_room room = space->rooms[node->number];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];

        int64_t milli;

        if (part != 0)
            milli = move_share(core, space, extent, &room, (int64_t)extent->tasks * part, sign);
        else
            milli = move_whole(core, space, extent, &room, sign);
        if (part != 0 && share >= DR_SHARE_NODE) {
            struct dr_share_use *use =
                dr_space_share_use(space, node->number, dr_bit_lowest(extent->accelerators));

            use->guards = (uint16_t)(use->guards - sign);
            use->guard.v = use->guards == 0 ? 0 : job->account.v;
        }
        if (pool->chip.v != 0 && !node->down)
            dr_power_draw(core, pool->site, -sign * dr_space_share_mw(core, pool, milli), 0);
        room.cpus += sign * (int64_t)extent->tasks * way->cpus_per_task;
        room.memory_mb += sign * (int64_t)extent->tasks * way->memory_mb_per_task;
        if (share == DR_SHARE_BLOCK)
            room.guards_of_node = (uint16_t)(room.guards_of_node - sign);
        if (share == DR_SHARE_NONE)
            room.guards_of_block = (uint16_t)(room.guards_of_block - sign);
        room.empty = room.free == space->all && room.cpus == space->cpus &&
                     room.memory_mb == space->memory_mb;
        dr_space_set_room(space, node->number, &room);
    }
}

void dr_place_view_release(struct dr_core *core, uint32_t job_row)
{
    release_or_retake(core, job_row, 1);
}

void dr_place_view_retake(struct dr_core *core, uint32_t job_row)
{
    release_or_retake(core, job_row, -1);
}

/* Shares of an accelerator are kept from others, in thought. */
static void block_share(struct dr_space *space, const struct dr_extent *extent, uint32_t number,
                        struct dr_room *room, int64_t milli)
{
    dr_space_need_shares(space);
    dr_space_share_use(space, number, dr_bit_lowest(extent->accelerators))->used += (uint32_t)milli;
    if ((room->free & extent->accelerators) != 0) {
        room->free &= ~extent->accelerators;
        room->open |= extent->accelerators;
    }
}

void dr_place_view_take(struct dr_core *core, const struct dr_want *want,
                        const struct dr_extent *extents, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 1) {
        const struct dr_node *node = &core->nodes[extents[i].node.v - 1];
        struct dr_space *space = &core->places->spaces[node->pool.v - 1];
        struct dr_room room = space->rooms[node->number];

        if (want->part != 0)
            block_share(space, &extents[i], node->number, &room,
                        (int64_t)extents[i].tasks * want->part);
        else
            room.free &= ~extents[i].accelerators;
        room.cpus -= extents[i].tasks * want->cpus;
        room.memory_mb -= extents[i].tasks * want->memory_mb;
        room.empty = 0;
        dr_space_set_room(space, node->number, &room);
    }
}

void dr_place_view_block(struct dr_core *core, const struct dr_alternative *alternative,
                         uint32_t first_extent_row)
{
    for (uint32_t at = first_extent_row; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        const struct dr_node *node = &core->nodes[extent->node.v - 1];
        struct dr_space *space = &core->places->spaces[node->pool.v - 1];
        struct dr_room room = space->rooms[node->number];

        if (dr_alternative_share(alternative) != 0)
            block_share(space, extent, node->number, &room,
                        (int64_t)extent->tasks * dr_alternative_share(alternative));
        else
            room.blocked |= extent->accelerators;
        room.cpus -= (int64_t)extent->tasks * alternative->cpus_per_task;
        room.memory_mb -= (int64_t)extent->tasks * alternative->memory_mb_per_task;
        room.empty = 0;
        dr_space_set_room(space, node->number, &room);
    }
}

void dr_place_view_undo(struct dr_core *core, uint32_t first_extent_row)
{
    for (uint32_t at = first_extent_row; at != NONE; at = core->extents[at].next)
        dr_space_restore(core, core->extents[at].extent.node.v - 1);
}
