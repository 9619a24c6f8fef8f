/* SPDX-License-Identifier: Apache-2.0 */
/* The map against a model that is too simple to be wrong. */
#include "test.h"

#include "base/hash.h"
#include "base/map.h"

static struct dr_arena arena;

static struct dr_map new_map(uint32_t count_max)
{
    struct dr_map map;

    dr_arena_deinit(&arena);
    assert_int_equal(dr_arena_init(&arena, 1u << 20), DR_OK);
    assert_int_equal(dr_map_init(&map, &arena, count_max), DR_OK);
    return map;
}

TEST(an_empty_map_has_nothing)
{
    struct dr_map map = new_map(1);

    CHECK_EQ(dr_map_find(&map, 1), DR_MAP_NONE);
    CHECK_EQ(dr_map_find(&map, 0), DR_MAP_NONE);
    CHECK_EQ(map.count, 0);
}

/* Random inserts, removals and finds over few keys, so that runs of slots grow, wrap round the end
 * and have holes closed in them; after each step every key is looked up. */
TEST(random_operations_follow_the_model)
{
    enum { KEYS = 60, ROUNDS = 20000 };
    struct dr_map map = new_map(48);
    uint32_t model[KEYS + 1];
    uint32_t count = 0;
    uint64_t random = 7;

    CHECK_EQ(map.mask, 63); /* so 48 of 64: as full as it gets */
    memset(model, 0xff, sizeof model);
    for (uint32_t round = 0; round < ROUNDS; round += 1) {
        uint64_t key;

        random = dr_hash_u64(random + round + 1);
        key = random % KEYS + 1;
        if (model[key] != DR_MAP_NONE) {
            dr_map_remove(&map, key);
            model[key] = DR_MAP_NONE;
            count -= 1;
        } else if (count < 48) {
            dr_map_insert(&map, key, round);
            model[key] = round;
            count += 1;
        }
        CHECK_EQ(map.count, count);
        for (uint64_t k = 1; k <= KEYS; k += 1) {
            if (dr_map_find(&map, k) != model[k])
                fail_msg("round %u, key %" PRIu64 ": %u instead of %u", round, k,
                         dr_map_find(&map, k), model[k]);
        }
    }
}

/* Keys that share one home slot: the worst run there is. */
TEST(colliding_keys)
{
    struct dr_map map = new_map(12);
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
        dr_map_insert(&map, keys[i], i);
    for (uint32_t gone = 0; gone < 12; gone += 1) {
        uint32_t at = (gone * 5) % 12;

        dr_map_remove(&map, keys[at]);
        keys[at] = 0;
        for (uint32_t i = 0; i < 12; i += 1) {
            if (keys[i] != 0)
                CHECK_EQ(dr_map_find(&map, keys[i]), i);
        }
    }
    CHECK_EQ(map.count, 0);
    for (uint64_t i = 0; i <= map.mask; i += 1)
        CHECK_EQ(map.slots[i].key, 0);
}

TEST(clear)
{
    struct dr_map map = new_map(100);

    for (uint64_t key = 1; key <= 100; key += 1)
        dr_map_insert(&map, key << 40, (uint32_t)key);
    dr_map_clear(&map);
    CHECK_EQ(map.count, 0);
    for (uint64_t key = 1; key <= 100; key += 1)
        CHECK_EQ(dr_map_find(&map, key << 40), DR_MAP_NONE);
    dr_map_insert(&map, 5, 6);
    CHECK_EQ(dr_map_find(&map, 5), 6);
}

TEST(no_room_in_the_arena)
{
    struct dr_arena small;
    struct dr_map map;

    CHECK_EQ(dr_arena_init(&small, 4096), DR_OK);
    CHECK_EQ(dr_map_init(&map, &small, 1000), DR_E_FULL);
    CHECK_EQ(small.used, 0);
    dr_arena_deinit(&small);
}
