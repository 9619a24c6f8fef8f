/* SPDX-License-Identifier: Apache-2.0 */
/* A look: the state in thought, laid out per node, account and site. Read oracle_look() first: it
 * walks all jobs, and take() enters one place of one of them. */
#include "oracle_parts.h"

#include <stdlib.h>
#include <string.h>

#define NONE DR_ROW_NONE

static void add(const struct dr_core *core, int64_t sums[ORACLE_ACCOUNTS][ORACLE_GROUPS],
                const struct dr_job *job, uint32_t pool, uint32_t index)
{
    int64_t amounts[3];

    oracle_amounts(core, job, index, amounts);
    for (uint32_t at = job->account.v; at != 0; at = core->accounts[at - 1].parent.v)
        for (uint32_t i = 0; i < 3; i += 1)
            sums[at - 1][core->pools[pool - 1].groups[i].v - 1] += amounts[i];
}

enum held { ATTEMPT, PROMISE, RESERVATION };

static void take(struct oracle *look, const struct dr_job *job, uint32_t first, uint32_t index,
                 enum held kind)
{
    const struct dr_core *core = look->core;
    const struct dr_alternative *way = oracle_way(core, job, index);
    uint8_t share = oracle_share(core, job);

    for (uint32_t at = first; at != NONE; at = core->extents[at].next) {
        const struct dr_extent *extent = &core->extents[at].extent;
        uint32_t row = extent->node.v - 1;
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];
        int device = __builtin_ctzll(extent->accelerators | (UINT64_C(1) << 63));
        uint32_t part = way->accelerators_per_task % 1000;

        if (part == 0) {
            look->whole[row] |= extent->accelerators;
            look->drawing[row] |= kind == RESERVATION ? 0 : extent->accelerators;
        } else {
            look->shares[row][device] =
                (uint16_t)(look->shares[row][device] + extent->tasks * part);
            if (kind != RESERVATION)
                look->drawing_shares[row][device] =
                    (uint16_t)(look->drawing_shares[row][device] + extent->tasks * part);
            if (share >= DR_SHARE_NODE && kind == ATTEMPT)
                look->share_guard[row][device] = job->account.v;
            if (share >= DR_SHARE_NODE && kind == PROMISE)
                look->share_pledged[row] |= extent->accelerators;
            if (kind == PROMISE)
                look->share_promised[row] |= extent->accelerators;
        }
        look->cpus[row] -= (int64_t)extent->tasks * way->cpus_per_task;
        look->memory_mb[row] -= (int64_t)extent->tasks * way->memory_mb_per_task;
        look->touched[row] = 1;
        look->node_promised[row] |= kind == PROMISE;
        for (uint32_t near = 0; kind == PROMISE && near < core->nodes_count; near += 1)
            look->block_promised[near] |= core->nodes[near].pool.v == core->nodes[row].pool.v &&
                                          core->nodes[near].number / oracle_block_size(pool) ==
                                              core->nodes[row].number / oracle_block_size(pool);
        if (kind == RESERVATION || share < DR_SHARE_BLOCK)
            continue;
        if (share == DR_SHARE_BLOCK && kind == ATTEMPT)
            look->node_guard[row] = job->account.v;
        if (share == DR_SHARE_BLOCK && kind == PROMISE)
            look->node_pledged[row] = 1;
        for (uint32_t near = 0; share == DR_SHARE_NONE && near < core->nodes_count; near += 1)
            if (core->nodes[near].pool.v == core->nodes[row].pool.v &&
                core->nodes[near].number / oracle_block_size(pool) ==
                    core->nodes[row].number / oracle_block_size(pool)) {
                if (kind == ATTEMPT)
                    look->block_guard[near] = job->account.v;
                else
                    look->block_pledged[near] = 1;
            }
    }
}

static void sum_occupied(struct oracle *look)
{
    const struct dr_core *core = look->core;
    struct oracle_sums *sums = &look->sums;

    for (uint32_t group = 1; group <= core->groups_count; group += 1)
        for (uint32_t account = core->accounts_count; account > 0; account -= 1) {
            int64_t keep = oracle_keep(oracle_quota(core, account, group));
            int64_t below = 0;
            int children = 0;

            for (uint32_t child = 0; child < core->accounts_count; child += 1)
                if (core->accounts[child].parent.v == account && !core->accounts[child].removed) {
                    below += sums->occupied[child][group - 1];
                    children += 1;
                }
            if (children == 0)
                below = sums->claim[account - 1][group - 1];
            sums->occupied[account - 1][group - 1] = below > keep ? below : keep;
        }
}

static void sum_draws(struct oracle *look)
{
    const struct dr_core *core = look->core;

    memcpy(look->draw_mw, look->idle_mw, sizeof look->draw_mw);
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_pool *pool = &core->pools[core->nodes[row].pool.v - 1];

        if (pool->chip.v == 0 || core->nodes[row].down || core->nodes[row].removed)
            continue;
        for (uint32_t i = 0; i < pool->accelerators; i += 1)
            look->draw_mw[pool->site.v - 1] +=
                ((look->drawing[row] >> i) & 1 ? 1000 : look->drawing_shares[row][i]) *
                (core->chips[pool->chip.v - 1].busy_w - core->chips[pool->chip.v - 1].idle_w);
    }
}

/* Nothing known of any node that there is. */
static void clear(struct oracle *look, uint32_t nodes)
{
    memset(&look->sums, 0, sizeof look->sums);
    memset(look->whole, 0, nodes * sizeof look->whole[0]);
    memset(look->shares, 0, nodes * sizeof look->shares[0]);
    memset(look->drawing, 0, nodes * sizeof look->drawing[0]);
    memset(look->drawing_shares, 0, nodes * sizeof look->drawing_shares[0]);
    memset(look->share_guard, 0, nodes * sizeof look->share_guard[0]);
    memset(look->share_pledged, 0, nodes * sizeof look->share_pledged[0]);
    memset(look->touched, 0, nodes * sizeof look->touched[0]);
    memset(look->node_guard, 0, nodes * sizeof look->node_guard[0]);
    memset(look->node_pledged, 0, nodes * sizeof look->node_pledged[0]);
    memset(look->block_guard, 0, sizeof look->block_guard);
    memset(look->block_pledged, 0, sizeof look->block_pledged);
    memset(look->node_promised, 0, sizeof look->node_promised);
    memset(look->block_promised, 0, sizeof look->block_promised);
    memset(look->share_promised, 0, sizeof look->share_promised);
    memset(look->draw_mw, 0, sizeof look->draw_mw);
    memset(look->idle_mw, 0, sizeof look->idle_mw);
}

void oracle_look(struct oracle *look, const struct dr_core *core, struct oracle_thought thought)
{
    if (core->nodes_count > ORACLE_NODES || core->sites_count > ORACLE_SITES)
        abort();
    clear(look, core->nodes_count);
    look->core = core;
    look->thought = thought;
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[node->pool.v - 1];

        look->cpus[row] = pool->cpus;
        look->memory_mb[row] = pool->memory_mb;
        if (node->down || node->removed || node->off)
            continue;
        look->idle_mw[pool->site.v - 1] += pool->node_idle_w * 1000;
        if (pool->chip.v != 0)
            look->idle_mw[pool->site.v - 1] +=
                (int64_t)pool->accelerators * core->chips[pool->chip.v - 1].idle_w * 1000;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        const struct dr_run *run = dr_job_run(core, job);
        const struct dr_terms *terms = dr_job_terms(core, job);
        int counts = oracle_holds(job) && (thought.gone == NULL || !thought.gone[row]);

        if (job->id.v != 0 && run->promise != NONE && job != thought.apart) {
            take(look, job, run->promise, run->promise_alternative, PROMISE);
            add(core, look->sums.claim, job, run->promise_pool.v, run->promise_alternative);
            if (!terms->preemptible)
                add(core, look->sums.firm, job, run->promise_pool.v, run->promise_alternative);
        }
        if (job->id.v != 0 && run->reservation != NONE && thought.reserved &&
            (thought.reserved_until_us == 0 || run->reservation_us <= thought.reserved_until_us) &&
            job != thought.apart) {
            take(look, job, run->reservation, run->reservation_alternative, RESERVATION);
            add(core, look->sums.use, job, run->reservation_pool.v, run->reservation_alternative);
            add(core, look->sums.claim, job, run->reservation_pool.v, run->reservation_alternative);
            if (!terms->preemptible)
                add(core, look->sums.firm, job, run->reservation_pool.v,
                    run->reservation_alternative);
        }
        if (!counts)
            continue;
        take(look, job, run->extents, run->alternative, ATTEMPT);
        add(core, look->sums.use, job, run->pool.v, run->alternative);
        if (!oracle_claims(core, job) && job != thought.also &&
            (thought.stays == NULL || !thought.stays[row]))
            continue;
        add(core, look->sums.claim, job, run->pool.v, run->alternative);
        if (!terms->preemptible)
            add(core, look->sums.firm, job, run->pool.v, run->alternative);
    }
    sum_occupied(look);
    sum_draws(look);
}
