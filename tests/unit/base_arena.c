/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"

TEST(pushes_are_aligned_zeroed_and_apart)
{
    struct dr_arena arena;
    uint8_t *last = NULL;

    CHECK_EQ(dr_arena_init(&arena, 1u << 16), DR_OK);
    for (size_t bytes = 1; bytes < 100; bytes += 7) {
        uint8_t *place = dr_arena_push(&arena, 3, bytes);

        CHECK(place != NULL);
        CHECK_EQ((uintptr_t)place % 16, 0);
        CHECK(last == NULL || place > last);
        for (size_t i = 0; i < 3 * bytes; i += 1)
            CHECK_EQ(place[i], 0);
        memset(place, 0xee, 3 * bytes);
        last = place + 3 * bytes - 1;
    }
    dr_arena_deinit(&arena);
}

TEST(says_no_when_it_is_full)
{
    struct dr_arena arena;
    size_t used;

    CHECK_EQ(dr_arena_init(&arena, 64), DR_OK);
    CHECK(dr_arena_push(&arena, 1, 48) != NULL);
    used = arena.used;
    CHECK(dr_arena_push(&arena, 1, 17) == NULL);
    CHECK_EQ(arena.used, used); /* a refusal takes nothing */
    CHECK(dr_arena_push(&arena, 1, 16) != NULL);
    CHECK(dr_arena_push(&arena, 1, 1) == NULL);
    CHECK(dr_arena_push(&arena, 0, 8) != NULL); /* nothing fits always */
    dr_arena_deinit(&arena);
}

/* Counts from a file can't make the product wrap round to something small. */
TEST(sizes_that_overflow)
{
    struct dr_arena arena;

    CHECK_EQ(dr_arena_init(&arena, 4096), DR_OK);
    CHECK(dr_arena_push(&arena, SIZE_MAX / 2, 4) == NULL);
    CHECK(dr_arena_push(&arena, SIZE_MAX, 1) == NULL);
    CHECK(dr_arena_push(&arena, SIZE_MAX / 16, 16) == NULL);
    CHECK_EQ(arena.used, 0);
    dr_arena_deinit(&arena);
}

TEST(reset_gives_back_all_since_the_mark)
{
    struct dr_arena arena;
    size_t mark;
    void *first;

    CHECK_EQ(dr_arena_init(&arena, 4096), DR_OK);
    CHECK(dr_arena_push(&arena, 1, 100) != NULL);
    mark = arena.used;
    first = dr_arena_push(&arena, 1, 2000);
    dr_arena_reset(&arena, mark);
    CHECK(dr_arena_push(&arena, 1, 3000) == first);
    dr_arena_deinit(&arena);
    dr_arena_deinit(&arena); /* twice is fine */
    CHECK(arena.base == NULL);
}

/* Address space is not memory: far more than the machine has is no problem until it is touched. */
TEST(reserving_is_cheap)
{
    struct dr_arena arena;

    CHECK_EQ(dr_arena_init(&arena, (size_t)1 << 38), DR_OK);
    CHECK(dr_arena_push(&arena, (size_t)1 << 30, 128) != NULL);
    dr_arena_deinit(&arena);
    CHECK_EQ(dr_arena_init(&arena, SIZE_MAX / 2), DR_E_FULL);
}
