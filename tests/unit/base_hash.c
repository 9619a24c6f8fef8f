/* SPDX-License-Identifier: Apache-2.0 */
/* The state's hash has to be the same on every machine, so its values are pinned here. */
#include "test.h"

#include "base/hash.h"
#include "base/math.h"

/* SplitMix64's finaliser, worked out with Python's integers. */
TEST(known_values)
{
    CHECK(dr_hash_u64(0) == 0);
    CHECK(dr_hash_u64(1) == 0x5692161d100b05e5ull);
    CHECK(dr_hash_u64(UINT64_MAX) == 0xb4d055fcf2cbbd7bull);
    CHECK(dr_hash_fold(0, 0) == 0xe220a8397b1dcdafull);
    CHECK(dr_hash_fold(1, 2) == 0x3706970b052f16b1ull);
    CHECK(dr_hash_bytes(0, "", 0) == 0xe220a8397b1dcdafull);
    CHECK(dr_hash_bytes(0, "daero", 5) == 0x37917f0a13c9ad8cull);
    CHECK(dr_hash_bytes(0, "a road for all", 14) == 0x1092d7196ccf0975ull);
}

/* Bytes one by one in every split that a caller may think of give different hashes where the
 * content differs, also by zeros at the end. */
TEST(length_counts)
{
    const uint8_t zeros[16] = {0};

    for (size_t a = 0; a <= 16; a += 1) {
        for (size_t b = 0; b < a; b += 1)
            CHECK(dr_hash_bytes(0, zeros, a) != dr_hash_bytes(0, zeros, b));
    }
}

TEST(order_counts)
{
    CHECK(dr_hash_fold(dr_hash_fold(0, 1), 2) != dr_hash_fold(dr_hash_fold(0, 2), 1));
    CHECK(dr_hash_bytes(0, "ab", 2) != dr_hash_bytes(0, "ba", 2));
}

/* Each input bit moves about half of the output bits: 32 of 64, give or take. */
TEST(every_bit_moves_the_others)
{
    for (uint32_t bit = 0; bit < 64; bit += 1) {
        uint32_t moved = 0;

        for (uint64_t i = 1; i <= 256; i += 1)
            moved += dr_bit_count(dr_hash_u64(i * 0x9e3779b97f4a7c15ull) ^
                                  dr_hash_u64((i * 0x9e3779b97f4a7c15ull) ^ (UINT64_C(1) << bit)));
        CHECK(moved > 28 * 256 && moved < 36 * 256);
    }
}
