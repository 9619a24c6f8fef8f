/* SPDX-License-Identifier: Apache-2.0 */
/* See unusable.h. */
#include "core/unusable.h"

#include "core/breakage.h"

/* Instructions, for `effort`. */
#define EFFORT_FILL 400000
#define EFFORT_NODE 3
#define EFFORT_LOOK 40
#define COLUMNS     (DR_BREAKAGE_CPUS + 1)

/* All of the mix that an empty node takes. */
static int64_t all_weight(const struct dr_breakage *breakage)
{
    return (int64_t)breakage->whole[(breakage->accelerators + 1) * COLUMNS - 1] +
           breakage->shares[(DR_BREAKAGE_SHARES + 1) * COLUMNS - 1];
}

/* Returns the thousandths that are free there. */
static int64_t left_of(const struct dr_space *space, uint32_t number, struct dr_node_left *left)
{
    const struct dr_room *room = &space->rooms[number];
    int64_t free_milli;

    left->free = dr_bit_count(room->free);
    left->open = 0;
    /* dr_breakage_worth() takes a task that leaves no CPU for one that does not fit; in what is
     * measured an exact fit is one. */
    left->cpus = room->cpus + 1;
    free_milli = INT64_C(1000) * left->free;
    for (uint64_t rest = room->open; rest != 0; rest &= rest - 1) {
        left->left[left->open] = (uint16_t)dr_space_share_left(space, number, dr_bit_lowest(rest));
        free_milli += left->left[left->open];
        left->open += 1;
    }
    return free_milli;
}

static int64_t of_space(const struct dr_space *space, int64_t *effort)
{
    int64_t weight = all_weight(space->breakage);
    int64_t lost = 0; /* at most a million accelerators x 1000 x 2^24: 1.7e16 */

    if (weight == 0)
        return 0;
    *effort += (int64_t)space->nodes * EFFORT_NODE;
    for (uint32_t number = 0; number < space->nodes; number += 1) {
        struct dr_node_left left;
        int64_t free_milli;

        if (space->tier[number] == DR_TIER_NONE ||
            (space->tier[number] == 0 && space->share_uses == NULL))
            continue;
        free_milli = left_of(space, number, &left);
        lost += free_milli * weight - dr_breakage_worth(space->breakage, &left);
        *effort += EFFORT_LOOK;
    }
    return lost / weight;
}

static int has_breakage(const struct dr_core *core, uint32_t pool_row)
{
    return !core->pools[pool_row].removed && core->places->spaces[pool_row].breakage != NULL;
}

/* Not more than that: tables that several pools share are counted for each. */
static int64_t effort_of_fills(const struct dr_core *core)
{
    int64_t effort = 0;

    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (has_breakage(core, row) && !core->places->spaces[row].breakage->filled)
            effort += EFFORT_FILL;
    return effort;
}

int dr_unusable(const struct dr_core *core, int64_t *milli, int64_t *effort)
{
    int64_t effort_most = *effort;

    dr_place_prepare(core);
    *milli = 0;
    *effort = 0;
    if (!core->places->mixed || effort_of_fills(core) > effort_most)
        return 0;
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        if (!has_breakage(core, row))
            continue;
        *effort += core->places->spaces[row].breakage->filled ? 0 : EFFORT_FILL;
        dr_breakage_fill(core, core->places->spaces[row].breakage);
        *milli += of_space(&core->places->spaces[row], effort);
    }
    return 1;
}
