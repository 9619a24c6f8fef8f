/* SPDX-License-Identifier: Apache-2.0 */
/* Places by simple orders, for comparison: nodes one after another, each filled with what it takes.
 * See place_search.h. */
#include "core/place_search.h"

#define NONE DR_ROW_NONE

/* Nodes of [from, end) by number. */
static void fill_by_number(struct dr_search *search, uint32_t from, uint32_t end, uint32_t tasks)
{
    for (uint32_t at = from; at < end && tasks > 0; at += 1) {
        uint32_t taken = dr_min_u32(dr_search_tasks_on(search, at), tasks);

        if (taken > 0)
            dr_search_push(search, at, taken);
        tasks -= taken;
    }
    DR_ASSERT(tasks == 0);
}

/* Those with the least accelerators free first; of these by number. */
static void fill_fullest(struct dr_search *search, uint32_t from, uint32_t end, uint32_t tasks)
{
    const struct dr_space *space = search->space;

    for (uint32_t tier = 0; tier < space->tiers && tasks > 0; tier += 1)
        for (uint32_t at = dr_search_next_of_tier(space, tier, from, end); at < end && tasks > 0;
             at = dr_search_next_of_tier(space, tier, at + 1, end)) {
            uint32_t taken = dr_min_u32(dr_search_tasks_on(search, at), tasks);

            if (taken > 0)
                dr_search_push(search, at, taken);
            tasks -= taken;
        }
    DR_ASSERT(tasks == 0);
}

/* The domain of a level that holds them all: the first, or that with the least units free. */
static uint32_t domain_of(const struct dr_search *search, uint32_t level, int first)
{
    const struct dr_space *space = search->space;
    uint32_t best = NONE;

    for (uint32_t domain = 0; domain < space->domains[level]; domain += 1) {
        if (dr_search_tasks_in(search, level, domain) < search->want->tasks)
            continue;
        if (best == NONE || space->units[level][domain] < space->units[level][best])
            best = domain;
        if (first)
            break;
    }
    return best;
}

/* One node for all of them. */
static void fill_one(struct dr_search *search, int first)
{
    uint32_t nodes = search->space->nodes;
    uint32_t tasks = search->want->tasks;
    uint32_t at = 0;

    if (!first)
        at = dr_search_best_node(search, 0, nodes, tasks, search->space->tiers - 1, 0);
    while (first && at < nodes && dr_search_tasks_on(search, at) < tasks)
        at += 1;
    if (at < nodes)
        dr_search_push(search, at, tasks);
}

void dr_search_fill_in_order(struct dr_search *search, int highest)
{
    const struct dr_space *space = search->space;
    int first = search->core->settings.placement == DR_PLACEMENT_FIRST_FIT;
    uint32_t domain;

    if (highest == DR_LEVEL_NODE || search->want->tasks == 1) {
        fill_one(search, first);
        return;
    }
    domain = domain_of(search, (uint32_t)highest, first);
    if (domain == NONE)
        return;
    if (first)
        fill_by_number(search, domain * space->size[highest],
                       dr_space_last_of(space, (uint32_t)highest, domain), search->want->tasks);
    else
        fill_fullest(search, domain * space->size[highest],
                     dr_space_last_of(space, (uint32_t)highest, domain), search->want->tasks);
}
