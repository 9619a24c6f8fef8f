/* SPDX-License-Identifier: Apache-2.0 */
/* place_search.h: one search for a place in one pool (core/place.h). For the files of placement
 * alone: place_node.c says what a node takes and which one is the best; place.c goes by levels, and
 * place_order.c by the simple orders that stand beside for comparison. */
#ifndef DR_CORE_PLACE_SEARCH_H
#define DR_CORE_PLACE_SEARCH_H

#include "core/space.h"

#include "base/math.h"

struct dr_search {
    const struct dr_core *core;
    const struct dr_want *want;
    const struct dr_pool *pool;
    const struct dr_space *space;
    uint32_t tasks_empty;     /* of an empty node */
    int exact;                /* amounts per tier don't tell all: look at nodes */
    uint32_t per_accelerator; /* shares that one that is wholly free takes */
    int whole;                /* a task takes a whole node: the top tier's counts tell all */
    uint32_t of_tier[DR_ACCELERATORS_MAX + 1]; /* most tasks that a node of a tier can take */
    uint32_t *tasks_of[DR_LEVELS_MAX + 1];     /* by domain, where nodes were looked at */
    struct dr_extent *extents;
    uint32_t extents_count;
};

/* ---- what a node takes (place_node.c) ---- */

/* Do advance reservations keep the node from it? */
int dr_search_is_barred(const struct dr_search *search, uint32_t number);

/* ... or data classes, the job's and those of attempts near it? */
int dr_search_may_enter(const struct dr_search *search, uint32_t number);

/* What is free there, whoever may enter. */
uint32_t dr_search_tasks_by_room(const struct dr_search *search, uint32_t number);

/* Tasks that it takes. */
uint32_t dr_search_tasks_on(const struct dr_search *search, uint32_t number);

/* Where amounts per tier don't tell: what every node that may take some takes, summed up by level,
 * in scratch. Nodes with too little free are not looked at. */
void dr_search_count_nodes(struct dr_search *search);

/* Take so many tasks' parts of a node: into search->extents. */
void dr_search_push(struct dr_search *search, uint32_t number, uint32_t tasks);

/* ---- the best node (place_node.c) ---- */

/* The node in [from, end) that takes `tasks` and has least left over; DR_ROW_NONE. Nodes of tiers
 * above `above`, and of that tier before number `before`, are taken already. */
uint32_t dr_search_best_node(const struct dr_search *search, uint32_t from, uint32_t end,
                             uint64_t tasks, uint32_t above, uint32_t before);

/* Is there a mix, whose tables are then those of it, and something to break? */
int dr_search_breaks(const struct dr_core *core, const struct dr_space *space);

/* What the parts of a place on one node break, what they take included. */
int64_t dr_search_loss(const struct dr_space *space, const struct dr_want *want, uint32_t number,
                       const struct dr_extent *parts, uint32_t count);

/* The node that takes them all and breaks least, of the first so many in each tier and step. Ties:
 * accelerators that are shared already, the one with least left over, the lowest number. */
uint32_t dr_search_least_broken(struct dr_search *search, uint32_t tasks);

/* ---- simple orders (place_order.c) ---- */

/* A place by the order of settings.placement, FIRST_FIT or BEST_FIT, within a domain of the level
 * `highest`. Tasks are counted. */
void dr_search_fill_in_order(struct dr_search *search, int highest);

/* ---- what domains take ---- */

/* Upper bound of the tasks that a domain takes. */
static inline uint64_t dr_search_tasks_bound(const struct dr_search *search, uint32_t level,
                                             uint32_t domain)
{
    const struct dr_space *space = search->space;
    const uint32_t *counts = &space->counts[level][(size_t)domain * space->tiers];
    uint64_t tasks = 0;

    if (search->whole)
        return space->whole[level][domain];
    for (uint32_t tier = 0; tier < space->tiers; tier += 1)
        tasks += (uint64_t)counts[tier] * search->of_tier[tier];
    if (search->want->part != 0)
        tasks += space->shares[level][domain] / search->want->part;
    return tasks;
}

/* The next node of a set from `from` on, before `end`; `end`: none. */
static inline uint32_t dr_search_next_in(const uint64_t *bits, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint64_t word = bits[from / 64] >> (from % 64);

        if (word != 0) {
            from += dr_bit_lowest(word);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* The next usable node of a tier. */
static inline uint32_t dr_search_next_of_tier(const struct dr_space *space, uint32_t tier,
                                              uint32_t from, uint32_t end)
{
    return dr_search_next_in(&space->bits[(size_t)tier * space->words], from, end);
}

/* Tasks that a domain takes. */
static inline uint64_t dr_search_tasks_in(const struct dr_search *search, uint32_t level,
                                          uint32_t domain)
{
    return search->tasks_of[level] != NULL ? search->tasks_of[level][domain]
                                           : dr_search_tasks_bound(search, level, domain);
}

#endif
