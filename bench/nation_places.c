/* SPDX-License-Identifier: Apache-2.0 */
/* What is free where, by the books of nation_ledger.h. */
#include "nation_ledger.h"

static uint32_t free_besides(const struct ledger_node *node, uint8_t also)
{
    return NATION_PER_NODE - (uint32_t)__builtin_popcount(node->busy | node->promised | also);
}

/* Tasks of the way that the node takes besides what it holds. */
static uint32_t node_takes(const struct nation_ledger *ledger, const struct nation_shape *shape,
                           const struct dr_alternative *way, uint32_t row, uint32_t account)
{
    const struct ledger_node *node = &ledger->nodes[row];
    uint32_t takes = (ledger->look_until_us > node->reserved_us && node->reservations > 0
                          ? free_besides(node, node->reserved)
                          : ledger_free_of(node)) /
                     (way->accelerators_per_task / 1000);
    int64_t cpus = (NATION_CPUS * 1000 - (int64_t)node->cpus_milli) / way->cpus_per_task;
    int64_t memory =
        ((int64_t)NATION_MEMORY_MB - (int64_t)node->memory_mb) / (int64_t)way->memory_mb_per_task;

    if (node->guard != 0 && node->guard != account + 1)
        return 0;
    if (ledger_guarded(shape) && node->tasks > 0 && node->guard != account + 1)
        return 0;
    if (cpus < takes)
        takes = (uint32_t)cpus;
    if (memory < takes)
        takes = (uint32_t)memory;
    return takes;
}

static struct dr_extent part(const struct nation_ledger *ledger, uint32_t row, uint32_t tasks,
                             uint32_t each)
{
    const struct ledger_node *node = &ledger->nodes[row];
    uint32_t left = tasks * each;
    struct dr_extent extent = {.node = {row + 1}, .tasks = tasks};

    for (uint32_t i = 0; i < NATION_PER_NODE && left > 0; i += 1)
        if (((node->busy | node->promised) >> i & 1) == 0) {
            extent.accelerators |= UINT64_C(1) << i;
            left -= 1;
        }
    return extent;
}

static uint32_t block_free(const struct ledger_pool *pool, uint32_t block)
{
    return (uint32_t)(pool->with[NATION_PER_NODE][block / 2] >> (block % 2 * NATION_BLOCK));
}

uint32_t ledger_find(const struct nation_ledger *ledger, const struct nation_shape *shape,
                     uint32_t alternative, uint32_t p, uint32_t account, struct dr_extent *extents)
{
    const struct dr_alternative *way = &shape->alternatives[alternative];
    const struct nation_pool *about = &ledger->nation->pools[p];
    const struct ledger_pool *pool = &ledger->pools[p];
    uint32_t each = way->accelerators_per_task / 1000;
    uint32_t per_node = NATION_PER_NODE / each;
    uint32_t nodes = (way->tasks + per_node - 1) / per_node;
    uint32_t blocks = (about->nodes + NATION_BLOCK - 1) / NATION_BLOCK;
    uint32_t best = UINT32_MAX;
    uint32_t count = 0;
    uint32_t left = way->tasks;

    if (pool->free < (int64_t)each * way->tasks)
        return 0;
    if (way->tasks == 1 && each < NATION_PER_NODE) {
        for (uint32_t f = each; f <= NATION_PER_NODE; f += 1)
            for (uint32_t w = 0; w < pool->words; w += 1)
                for (uint64_t bits = pool->with[f][w]; bits != 0; bits &= bits - 1) {
                    uint32_t row = about->node_first + w * 64 + (uint32_t)__builtin_ctzll(bits);

                    if (node_takes(ledger, shape, way, row, account) >= 1) {
                        extents[0] = part(ledger, row, 1, each);
                        return 1;
                    }
                }
        return 0;
    }
    /* Whole nodes: the block that has least left over, or the first ones of the pool. */
    for (uint32_t b = 0, least = UINT32_MAX; b < blocks && nodes <= NATION_BLOCK; b += 1) {
        uint32_t has = (uint32_t)__builtin_popcount(block_free(pool, b));

        if (has >= nodes && has < least) {
            least = has;
            best = b;
        }
    }
    if (best == UINT32_MAX && shape->level_kind == 2)
        return 0;
    for (uint32_t w = 0; w < pool->words && left > 0; w += 1) {
        uint64_t bits = pool->with[NATION_PER_NODE][w];

        if (best != UINT32_MAX)
            bits =
                w == best / 2 ? (uint64_t)block_free(pool, best) << (best % 2 * NATION_BLOCK) : 0;
        for (; bits != 0 && left > 0; bits &= bits - 1) {
            uint32_t row = about->node_first + w * 64 + (uint32_t)__builtin_ctzll(bits);
            uint32_t takes = left < per_node ? left : per_node;

            if (node_takes(ledger, shape, way, row, account) < takes)
                continue;
            extents[count] = part(ledger, row, takes, each);
            count += 1;
            left -= takes;
        }
    }
    return left == 0 ? count : 0;
}

static int has_room(const struct nation_ledger *ledger, const struct nation_shape *shape,
                    uint32_t alternative, uint32_t p, uint32_t account)
{
    const struct dr_alternative *way = &shape->alternatives[alternative];
    const struct nation_pool *about = &ledger->nation->pools[p];
    const struct ledger_pool *pool = &ledger->pools[p];
    uint32_t each = way->accelerators_per_task / 1000;
    uint64_t takes = 0;
    uint32_t domain = UINT32_MAX;

    if (pool->free < (int64_t)each * way->tasks)
        return 0;
    for (uint32_t w = 0; w < pool->words; w += 1) {
        uint64_t bits = 0;

        for (uint32_t f = each; f <= NATION_PER_NODE; f += 1)
            bits |= pool->with[f][w];
        for (; bits != 0; bits &= bits - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);

            if (shape->level_kind == 2 && i / shape->level_nodes != domain) {
                domain = i / shape->level_nodes;
                takes = 0;
            }
            takes += node_takes(ledger, shape, way, about->node_first + i, account);
            if (takes >= way->tasks)
                return 1;
        }
    }
    return 0;
}

int ledger_room(struct nation_ledger *ledger, const struct nation_shape *shape,
                uint32_t alternative, uint32_t p, uint32_t account, int64_t until_us)
{
    int has;

    ledger->look_until_us = until_us;
    has = has_room(ledger, shape, alternative, p, account);
    ledger->look_until_us = 0;
    return has;
}

uint32_t ledger_least_domains(const struct nation_ledger *ledger, uint32_t p, uint32_t domain,
                              uint32_t nodes)
{
    const struct nation_pool *about = &ledger->nation->pools[p];
    const struct ledger_pool *pool = &ledger->pools[p];
    uint32_t counts[NATION_RACK + 1] = {0};
    uint32_t least = 0;
    uint32_t has = 0;

    for (uint32_t b = 0; b * NATION_BLOCK < about->nodes; b += 1) {
        has += (uint32_t)__builtin_popcount(block_free(pool, b));
        if ((b + 1) * NATION_BLOCK % domain == 0 || (b + 1) * NATION_BLOCK >= about->nodes) {
            counts[has] += 1;
            has = 0;
        }
    }
    for (uint32_t f = domain; f > 0 && nodes > 0; f -= 1)
        for (uint32_t i = 0; i < counts[f] && nodes > 0; i += 1) {
            least += 1;
            nodes -= nodes < f ? nodes : f;
        }
    return nodes > 0 ? 0 : least;
}
