/* SPDX-License-Identifier: Apache-2.0 */
/* The core's arithmetic against the compiler's 128-bit division, which the core itself may not
 * call. */
#include "test.h"

#include "base/hash.h"
#include "base/math.h"

static void check_against_int128(int64_t a, int64_t b, int64_t c)
{
    __int128 product = (__int128)a * b;
    __int128 floored = product / c;
    __int128 raised = floored;

    if (product % c != 0 && product < 0)
        floored -= 1;
    if (product % c != 0 && product > 0)
        raised += 1;
    /* The functions promise an answer only where it fits. */
    if (floored >= -INT64_MAX && floored <= INT64_MAX && dr_mul_div_floor(a, b, c) != floored)
        fail_msg("floor of %" PRId64 " * %" PRId64 " / %" PRId64 ": %" PRId64, a, b, c,
                 dr_mul_div_floor(a, b, c));
    if (raised >= -INT64_MAX && raised <= INT64_MAX && dr_mul_div_ceil(a, b, c) != raised)
        fail_msg("ceil of %" PRId64 " * %" PRId64 " / %" PRId64 ": %" PRId64, a, b, c,
                 dr_mul_div_ceil(a, b, c));
}

TEST(rounding)
{
    CHECK_EQ(dr_mul_div_floor(7, 1, 2), 3);
    CHECK_EQ(dr_mul_div_ceil(7, 1, 2), 4);
    CHECK_EQ(dr_mul_div_floor(-7, 1, 2), -4);
    CHECK_EQ(dr_mul_div_ceil(-7, 1, 2), -3);
    CHECK_EQ(dr_mul_div_floor(-7, -1, 2), 3);
    CHECK_EQ(dr_mul_div_floor(0, -5, 3), 0);
    CHECK_EQ(dr_mul_div_ceil(0, -5, 3), 0);
    CHECK_EQ(dr_mul_div_floor(6, 2, 3), 4);
    CHECK_EQ(dr_mul_div_ceil(6, 2, 3), 4);
}

/* Worked out with Python's integers: ten gigawatts for a day, in microseconds, and the like. */
TEST(products_beyond_64_bits)
{
    CHECK_EQ(dr_mul_div_floor(10000000000, 86400000000, 3600000000), 240000000000);
    CHECK_EQ(dr_mul_div_floor(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
    CHECK_EQ(dr_mul_div_ceil(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
    CHECK_EQ(dr_mul_div_floor(INT64_MAX, 1000003, 1000004), INT64_C(9223362813519632292));
    CHECK_EQ(dr_mul_div_ceil(INT64_MAX, 1000003, 1000004), INT64_C(9223362813519632293));
    CHECK_EQ(dr_mul_div_floor(-INT64_MAX, 1000003, 1000004), -INT64_C(9223362813519632293));
    CHECK_EQ(dr_mul_div_floor(INT64_MIN, 1, 2), INT64_MIN / 2);
}

TEST(random_values_against_int128)
{
    uint64_t random = 1;

    for (int i = 0; i < 200000; i += 1) {
        int64_t v[3];

        for (int k = 0; k < 3; k += 1) {
            random = dr_hash_u64(random + 0x9e3779b97f4a7c15ull);
            v[k] = (int64_t)(dr_hash_u64(random) >> (random % 64)); /* all lengths alike */
            if ((random >> 60) % 2 == 1)
                v[k] = -(int64_t)((uint64_t)v[k] >> 1);
        }
        if (v[2] == INT64_MIN || v[2] == 0)
            v[2] = 1;
        check_against_int128(v[0], v[1], v[2] < 0 ? -v[2] : v[2]);
    }
}

TEST(edges_against_int128)
{
    static const int64_t edges[] = {
        INT64_MIN, INT64_MIN + 1, -4294967297, -4294967296,   -2,       -1, 0, 1,
        2,         4294967295,    4294967296,  INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof edges / sizeof edges[0];

    for (size_t a = 0; a < count; a += 1) {
        for (size_t b = 0; b < count; b += 1) {
            for (size_t c = 0; c < count; c += 1) {
                if (edges[c] > 0)
                    check_against_int128(edges[a], edges[b], edges[c]);
            }
        }
    }
}

TEST(small_helpers)
{
    CHECK_EQ(dr_min_i64(-1, 1), -1);
    CHECK_EQ(dr_max_i64(-1, 1), 1);
    CHECK_EQ(dr_bit_count(0), 0);
    CHECK_EQ(dr_bit_count(UINT64_MAX), 64);
    for (uint32_t i = 0; i < 64; i += 1) {
        CHECK_EQ(dr_bit_count(UINT64_C(1) << i), 1);
        CHECK_EQ(dr_bit_count(UINT64_MAX >> i), 64 - i);
        CHECK_EQ(dr_bit_lowest(UINT64_MAX << i), i);
        CHECK_EQ(dr_bit_count(dr_hash_u64(i)), (uint32_t)__builtin_popcountll(dr_hash_u64(i)));
    }
}
