/* SPDX-License-Identifier: Apache-2.0 */
/* The map whose keys stand in a table, against a model that is too simple to be wrong. */
#include "test.h"

#include "base/hash.h"
#include "base/row_map.h"

/* A row is wider than its key. */
struct row {
    uint32_t before;
    uint32_t beside;
    uint64_t key;
};

static struct dr_arena arena;
static struct row table[101];

static struct dr_row_map new_map(uint32_t count_max)
{
    struct dr_row_map map;

    dr_arena_deinit(&arena);
    assert_int_equal(dr_arena_init(&arena, 1u << 20), DR_OK);
    assert_int_equal(dr_row_map_init(&map, &arena, count_max, &table[0].key, sizeof table[0].key,
                                     sizeof table[0]),
                     DR_OK);
    memset(table, 0xee, sizeof table);
    return map;
}

static void insert(struct dr_row_map *map, uint64_t key, uint32_t row)
{
    table[row].key = key;
    dr_row_map_insert(map, row);
}

TEST(an_empty_map_has_nothing)
{
    struct dr_row_map map = new_map(1);

    CHECK_EQ(dr_row_map_find(&map, 1), DR_MAP_NONE);
    CHECK_EQ(dr_row_map_find(&map, 0), DR_MAP_NONE);
    CHECK_EQ(map.count, 0);
}

/* Random inserts, removals and finds over few keys, so that runs of slots grow, wrap round the end
 * and have holes closed in them; after each step every key is looked up. */
TEST(random_operations_follow_the_model)
{
    enum { KEYS = 60, ROWS = 48, ROUNDS = 20000 };
    struct dr_row_map map = new_map(ROWS);
    uint32_t model[KEYS + 1];
    uint8_t used[ROWS] = {0};
    uint64_t random = 7;

    CHECK_EQ(map.mask, 63); /* so 48 of 64: as full as it gets */
    memset(model, 0xff, sizeof model);
    for (uint32_t round = 0; round < ROUNDS; round += 1) {
        uint64_t key;

        random = dr_hash_u64(random + round + 1);
        key = random % KEYS + 1;
        if (model[key] != DR_MAP_NONE) {
            dr_row_map_remove(&map, model[key]);
            used[model[key]] = 0;
            table[model[key]].key = 0;
            model[key] = DR_MAP_NONE;
        } else if (map.count < ROWS) {
            uint32_t row = (uint32_t)(random >> 32) % ROWS;

            while (used[row])
                row = (row + 1) % ROWS;
            insert(&map, key, row);
            used[row] = 1;
            model[key] = row;
        }
        for (uint64_t k = 1; k <= KEYS; k += 1) {
            if (dr_row_map_find(&map, k) != model[k])
                fail_msg("round %u, key %" PRIu64 ": %u instead of %u", round, k,
                         dr_row_map_find(&map, k), model[k]);
        }
    }
}

/* Keys that share one home slot: the worst run there is. */
TEST(colliding_keys)
{
    struct dr_row_map map = new_map(12);
    uint64_t keys[12];
    uint32_t found = 0;

    CHECK_EQ(map.mask, 15);
    for (uint64_t key = 1; found < 12; key += 1) {
        if ((dr_hash_u64(key) & map.mask) == 14) { /* near the end, so that the run wraps */
            keys[found] = key;
            found += 1;
        }
    }
    for (uint32_t i = 0; i < 12; i += 1)
        insert(&map, keys[i], i);
    for (uint32_t gone = 0; gone < 12; gone += 1) {
        uint32_t at = (gone * 5) % 12;

        dr_row_map_remove(&map, at);
        keys[at] = 0;
        for (uint32_t i = 0; i < 12; i += 1) {
            if (keys[i] != 0)
                CHECK_EQ(dr_row_map_find(&map, keys[i]), i);
        }
    }
    CHECK_EQ(map.count, 0);
    for (uint64_t i = 0; i <= map.mask; i += 1)
        CHECK_EQ(map.slots[i], 0);
}

TEST(clear)
{
    struct dr_row_map map = new_map(100);

    for (uint32_t row = 1; row <= 100; row += 1)
        insert(&map, (uint64_t)row << 40, row);
    dr_row_map_clear(&map);
    CHECK_EQ(map.count, 0);
    for (uint64_t row = 1; row <= 100; row += 1)
        CHECK_EQ(dr_row_map_find(&map, row << 40), DR_MAP_NONE);
    insert(&map, 5, 6);
    CHECK_EQ(dr_row_map_find(&map, 5), 6);
}

/* What stands beside a key of 32 bits is none of the map's business. */
TEST(narrow_keys)
{
    struct dr_row_map map;

    new_map(1);
    CHECK_EQ(dr_row_map_init(&map, &arena, 50, &table[0].before, sizeof table[0].before,
                             sizeof table[0]),
             DR_OK);
    for (uint32_t row = 0; row < 50; row += 1) {
        table[row].before = 7 * row + 1;
        dr_row_map_insert(&map, row);
        table[row].key = row;
    }
    for (uint32_t row = 0; row < 50; row += 2)
        dr_row_map_remove(&map, row);
    for (uint32_t row = 0; row < 50; row += 1)
        CHECK_EQ(dr_row_map_find(&map, 7 * row + 1), row % 2 == 0 ? DR_MAP_NONE : row);
}

TEST(no_room_in_the_arena)
{
    struct dr_arena small;
    struct dr_row_map map;

    CHECK_EQ(dr_arena_init(&small, 4096), DR_OK);
    CHECK_EQ(
        dr_row_map_init(&map, &small, 2000, &table[0].key, sizeof table[0].key, sizeof table[0]),
        DR_E_FULL);
    CHECK_EQ(small.used, 0);
    dr_arena_deinit(&small);
}
