/* SPDX-License-Identifier: Apache-2.0 */
/* What places break. See breakage.h; read dr_breakage_worth(), then fill(). */
#include "core/breakage.h"

#define COLUMNS (DR_BREAKAGE_CPUS + 1)

#define ROWS_MAX (DR_BREAKAGE_SHARES + 1) /* of a table; a node has fewer accelerators */

static const uint32_t zeros[COLUMNS];

static uint32_t *push(const struct dr_core *core, size_t count)
{
    uint32_t *rows = dr_arena_push(&core->places->arena, count, sizeof rows[0]);

    DR_ASSERT(rows != NULL); /* sized for the worst at open */
    return rows;
}

struct dr_breakage *dr_breakage_of(const struct dr_core *core, uint32_t pool_row)
{
    const struct dr_pool *pool = &core->pools[pool_row];
    struct dr_breakage like = {
        .chip = pool->chip,
        .accelerators = pool->accelerators,
        .cpus = pool->cpus,
        .block = pool->levels_count == 0 ? 0 : dr_min_u32(pool->levels[0].nodes, DR_BREAKAGE_BLOCK),
    };
    struct dr_breakage *breakage;

    if (pool->chip.v == 0 || pool->cpus == 0)
        return NULL;
    for (uint32_t row = 0; row < pool_row; row += 1) {
        struct dr_breakage *other = core->places->spaces[row].breakage;

        if (other != NULL && other->chip.v == like.chip.v &&
            other->accelerators == like.accelerators && other->cpus == like.cpus &&
            other->block == like.block)
            return other;
    }
    like.step = ((uint64_t)DR_BREAKAGE_CPUS << 48) / pool->cpus + 1;
    like.whole = push(core, (size_t)(like.accelerators + 1) * COLUMNS);
    like.shares = push(core, (size_t)(DR_BREAKAGE_SHARES + 1) * COLUMNS);
    like.blocks = push(core, like.block + 1);
    like.any_shares = 1; /* the memory may have been another's */
    breakage = dr_arena_push(&core->places->arena, 1, sizeof *breakage);
    DR_ASSERT(breakage != NULL);
    *breakage = like;
    return breakage;
}

/* A table while it is filled. In rows that no like stands in nothing has been written yet. */
struct filling {
    uint32_t *table;
    uint32_t rows;
    uint8_t has_likes[ROWS_MAX];
};

static void add(struct filling *filling, uint32_t row, uint32_t column, uint32_t p)
{
    uint32_t *cells = &filling->table[(size_t)row * COLUMNS];

    if (!filling->has_likes[row])
        memset(cells, 0, COLUMNS * sizeof cells[0]);
    filling->has_likes[row] = 1;
    cells[column] += p;
}

/* Each cell becomes the sum of all above and left of it, itself included. */
static void sum_up(const struct filling *filling)
{
    for (uint32_t row = 0; row < filling->rows; row += 1) {
        uint32_t *cells = &filling->table[(size_t)row * COLUMNS];
        const uint32_t *above = row == 0 ? zeros : cells - COLUMNS;
        uint32_t sum = 0;

        if (!filling->has_likes[row]) {
            memcpy(cells, above, COLUMNS * sizeof cells[0]);
            continue;
        }
        for (uint32_t column = 0; column < COLUMNS; column += 1) {
            sum += cells[column];
            cells[column] = sum + above[column];
        }
    }
}

/* How often each like comes, and how much more it weighs for having fewer accelerators to go to. */
static void weigh(const struct dr_core *core)
{
    const struct dr_mix *mix = core->mix;
    struct dr_mix_weights *weights = &core->places->weights;
    int64_t of_chip[DR_CHIPS_MAX] = {0};
    int64_t there = 0;

    weights->known = 1;
    weights->hold_s = dr_mul_div_floor(mix->hold_used, 60, weights->all);
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int64_t accelerators = (int64_t)pool->nodes_count * pool->accelerators;

        if (pool->removed || pool->chip.v == 0)
            continue;
        of_chip[pool->chip.v - 1] += accelerators;
        there += accelerators;
    }
    for (uint32_t i = 0; i < weights->count; i += 1) {
        int64_t open = 0;

        for (uint64_t rest = mix->rows[i].chips; rest != 0; rest &= rest - 1)
            open += of_chip[dr_bit_lowest(rest)];
        if (mix->rows[i].chips == 0)
            open = there;
        weights->of[i] =
            (uint32_t)dr_mul_div_floor(mix->rows[i].used, DR_BREAKAGE_ONE, weights->all);
        if (open > 0)
            weights->of[i] = (uint32_t)dr_mul_div_floor(
                weights->of[i], dr_min_i64(there, DR_BREAKAGE_SCARCE * open), open);
    }
}

static void fill(const struct dr_core *core, struct dr_breakage *breakage)
{
    const struct dr_mix *mix = core->mix;
    const struct dr_mix_weights *weights = &core->places->weights;
    struct filling whole = {breakage->whole, breakage->accelerators + 1, {0}};
    struct filling shares = {breakage->shares, DR_BREAKAGE_SHARES + 1, {0}};
    int had_shares = breakage->any_shares;

    breakage->any_shares = 0;
    memset(breakage->blocks, 0, (breakage->block + 1) * sizeof breakage->blocks[0]);
    memset(breakage->pools, 0, sizeof breakage->pools);
    breakage->price_micro =
        dr_mul_div_floor(core->chips[breakage->chip.v - 1].price_micro, weights->hold_s, 3600);
    for (uint32_t i = 0; i < weights->count; i += 1) {
        const struct dr_mix_row *row = &mix->rows[i];
        uint32_t p = weights->of[i];
        uint32_t column;
        uint64_t nodes;

        if (row->accelerators > breakage->accelerators * 1000 || row->cpus > breakage->cpus ||
            (row->chips != 0 && ((row->chips >> (breakage->chip.v - 1)) & 1) == 0))
            continue;
        column = (uint32_t)(((uint64_t)row->cpus * DR_BREAKAGE_CPUS + breakage->cpus - 1) /
                            breakage->cpus);
        if (row->accelerators < 1000) {
            add(&shares, row->accelerators / DR_MIX_SHARE_STEP, column, p);
            breakage->any_shares = 1;
        } else {
            add(&whole, row->accelerators / 1000, column, p);
        }
        nodes = ((uint64_t)row->tasks * row->accelerators + breakage->accelerators * 1000 - 1) /
                (breakage->accelerators * 1000);
        if (nodes >= 2 && nodes <= breakage->block)
            breakage->blocks[nodes] += p;
        else if (nodes >= 2)
            breakage->pools[dr_bit_log((uint32_t)nodes - 1)] += p;
    }
    sum_up(&whole);
    if (breakage->any_shares)
        sum_up(&shares);
    else if (had_shares)
        memset(breakage->shares, 0,
               (DR_BREAKAGE_SHARES + 1) * COLUMNS * sizeof breakage->shares[0]);
    for (uint32_t nodes = 1; nodes <= breakage->block; nodes += 1)
        breakage->blocks[nodes] += breakage->blocks[nodes - 1];
    for (uint32_t log = 1; log <= DR_POOL_LOGS; log += 1)
        breakage->pools[log] += breakage->pools[log - 1];
}

void dr_breakage_turn(const struct dr_core *core)
{
    struct dr_places *places = core->places;
    const struct dr_mix *mix = core->mix;
    int64_t all = 0;

    for (uint32_t i = 0; i < mix->count; i += 1)
        all += mix->rows[i].used;
    places->weights.all = all;
    places->weights.count = mix->count;
    places->weights.known = 0;
    places->mixed = all > 0;
    places->mix_version = mix->version;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (places->spaces[row].breakage != NULL)
            places->spaces[row].breakage->filled = 0;
}

void dr_breakage_fill(const struct dr_core *core, struct dr_breakage *breakage)
{
    if (breakage->filled)
        return;
    if (!core->places->weights.known)
        weigh(core);
    fill(core, breakage);
    breakage->filled = 1;
}

static uint32_t column_of(const struct dr_breakage *breakage, int64_t cpus)
{
    return cpus <= 1 ? 0 : (uint32_t)(((uint64_t)(cpus - 1) * breakage->step) >> 48);
}

static int64_t of_free(const struct dr_breakage *breakage, uint32_t free, uint32_t column)
{
    return (int64_t)free * 1000 *
           ((int64_t)breakage->whole[free * COLUMNS + column] +
            breakage->shares[DR_BREAKAGE_SHARES * COLUMNS + column]);
}

static int64_t of_left(const struct dr_breakage *breakage, uint32_t left, uint32_t column)
{
    return (int64_t)left * breakage->shares[left / DR_MIX_SHARE_STEP * COLUMNS + column];
}

int64_t dr_breakage_worth(const struct dr_breakage *breakage, const struct dr_node_left *left)
{
    uint32_t column = column_of(breakage, left->cpus);
    int64_t worth = of_free(breakage, left->free, column);

    for (uint32_t i = 0; i < left->open; i += 1)
        worth += of_left(breakage, left->left[i], column);
    return worth;
}

/* What `whole` whole nodes are worth to gangs. */
static int64_t of_block(const struct dr_breakage *breakage, uint32_t whole)
{
    return (int64_t)whole * breakage->blocks[dr_min_u32(whole, breakage->block)];
}

static int64_t of_pool(const struct dr_breakage *breakage, uint32_t whole)
{
    return whole == 0 ? 0 : (int64_t)whole * breakage->pools[dr_bit_log(whole) - 1];
}

int64_t dr_breakage_of_node(const struct dr_breakage *breakage, uint32_t block_whole,
                            uint32_t pool_whole)
{
    int64_t nodes = of_pool(breakage, pool_whole) - of_pool(breakage, pool_whole - 1);

    DR_ASSERT(block_whole > 0 && pool_whole > 0);
    if (breakage->block > 0)
        nodes += of_block(breakage, block_whole) - of_block(breakage, block_whole - 1);
    return nodes * breakage->accelerators * 1000;
}
