/* SPDX-License-Identifier: Apache-2.0 */
/* Which attempts hold places in a pool, and whom they keep away. See place.h. */
#include "core/seats.h"
#include "core/space.h"

#define NONE DR_ROW_NONE

static void join(uint32_t *first, uint32_t *next, uint32_t *previous, uint32_t row)
{
    next[row] = *first;
    previous[row] = NONE;
    if (*first != NONE)
        previous[*first] = row;
    *first = row;
}

static void leave(uint32_t *first, uint32_t *next, uint32_t *previous, uint32_t row)
{
    if (previous[row] == NONE)
        *first = next[row];
    else
        next[previous[row]] = next[row];
    if (next[row] != NONE)
        previous[next[row]] = previous[row];
}

/* The accelerator that a part of a job has a share of, where its data class lets no other account
 * near; NULL. */
static struct dr_device_share *guarded_device(const struct dr_core *core, const struct dr_job *job,
                                              uint32_t alternative, uint8_t class_shares,
                                              uint32_t extent_row)
{
    const struct dr_extent *extent = &core->extents[extent_row].extent;

    if (class_shares < DR_SHARE_NODE ||
        dr_alternative_share(&core->shapes[job->shape].alternatives[alternative]) == 0)
        return NULL;
    return &core->device_shares[extent->node.v - 1][dr_bit_lowest(extent->accelerators)];
}

void dr_place_attempt(struct dr_core *core, dr_job_row row, int sign)
{
    struct dr_places *places = core->places;
    const struct dr_job *job = dr_job_at(core, row);
    const struct dr_run *run = dr_job_run(core, job);
    uint32_t *first = &places->attempts[run->pool.v - 1];
    uint32_t *of_account = &places->attempts_of[job->account.v - 1];
    uint8_t share = dr_space_share_of(core, &core->shapes[job->shape]);

    dr_seats_stir(core, run->pool);
    if (sign > 0) {
        places->held_count[run->pool.v - 1] += 1;
        places->leaves_count[run->pool.v - 1] += run->stopping != DR_STOP_NONE;
        join(first, places->next, places->previous, row.v);
        join(of_account, places->next_of, places->previous_of, row.v);
    } else {
        dr_place_touch(core, run->pool);
        places->held_count[run->pool.v - 1] -= 1;
        places->leaves_count[run->pool.v - 1] -= run->stopping != DR_STOP_NONE;
        leave(first, places->next, places->previous, row.v);
        leave(of_account, places->next_of, places->previous_of, row.v);
    }
    for (uint32_t at = run->extents; at != NONE; at = core->extents[at].next) {
        uint32_t node = core->extents[at].extent.node.v - 1;
        struct dr_guard *guard = &places->guards[node];
        struct dr_device_share *device = guarded_device(core, job, run->alternative, share, at);

        if (device != NULL) {
            device->guards = (uint16_t)(device->guards + sign);
            device->guard.v = device->guards == 0 ? 0 : job->account.v;
        }

        if (share == DR_SHARE_BLOCK)
            guard->of_node = (uint16_t)(guard->of_node + sign);
        if (share == DR_SHARE_NONE)
            guard->of_block = (uint16_t)(guard->of_block + sign);
        if (guard->of_node + guard->of_block == 0)
            guard->account.v = 0;
        else if (share >= DR_SHARE_BLOCK && sign > 0)
            guard->account = job->account;
        if (share >= DR_SHARE_BLOCK || device != NULL)
            dr_place_changed(core, node);
    }
}

void dr_place_promise(struct dr_core *core, dr_job_row row, int sign)
{
    const struct dr_job *job = dr_job_at(core, row);
    const struct dr_run *run = dr_job_run(core, job);
    uint8_t share = dr_space_share_of(core, &core->shapes[job->shape]);

    dr_seats_stir(core, run->promise_pool);
    for (uint32_t at = run->promise; at != NONE; at = core->extents[at].next) {
        uint32_t node = core->extents[at].extent.node.v - 1;
        struct dr_guard *guard = &core->places->guards[node];
        struct dr_device_share *device =
            guarded_device(core, job, run->promise_alternative, share, at);

        if (device != NULL)
            device->pledges = (uint16_t)(device->pledges + sign);
        core->nodes[node].promises = (uint16_t)(core->nodes[node].promises + sign);
        if (share == DR_SHARE_BLOCK)
            guard->pledges_of_node = (uint16_t)(guard->pledges_of_node + sign);
        if (share == DR_SHARE_NONE)
            guard->pledges_of_block = (uint16_t)(guard->pledges_of_block + sign);
        dr_place_changed(core, node);
    }
}

uint32_t dr_place_attempts_count(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->held_count[pool.v - 1];
}

uint32_t dr_place_leaving_count(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->leaves_count[pool.v - 1];
}

void dr_place_leaves(struct dr_core *core, dr_pool_id pool)
{
    core->places->leaves_count[pool.v - 1] += 1;
}

uint32_t dr_place_attempts(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->attempts[pool.v - 1];
}

uint32_t dr_place_attempts_next(const struct dr_core *core, uint32_t job_row)
{
    return core->places->next[job_row];
}

uint32_t dr_place_attempts_of(const struct dr_core *core, dr_account_id account)
{
    return core->places->attempts_of[account.v - 1];
}

uint32_t dr_place_attempts_of_next(const struct dr_core *core, uint32_t job_row)
{
    return core->places->next_of[job_row];
}

uint32_t dr_place_emptied(const struct dr_core *core)
{
    const struct dr_places *places = core->places;
    uint32_t found = NONE;

    for (uint32_t i = 0; i < places->leaving_count; i += 1) {
        const struct dr_node *node = &core->nodes[places->leaving[i]];

        if (node->busy == 0 && node->promised == 0 && node->tasks == 0 &&
            places->leaving[i] < found)
            found = places->leaving[i];
    }
    return found;
}
