/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/hash.h"
#include "base/sort.h"

struct item {
    uint32_t key;
    uint32_t id;
    uint8_t load[29]; /* an odd size, so that elements are not words */
};

static int by_key_then_id(const void *a, const void *b, const void *context)
{
    const struct item *x = a;
    const struct item *y = b;
    int sign = context == NULL ? 1 : *(const int *)context;

    if (x->key != y->key)
        return x->key < y->key ? -sign : sign;
    return x->id < y->id ? -1 : (x->id > y->id ? 1 : 0);
}

/* Every count from none to many, with many equal keys: sorted, and each element still there and
 * whole. */
TEST(sorts_and_keeps_every_element)
{
    static struct item items[300];
    int descending = -1;

    for (uint32_t count = 0; count <= 300; count += count < 20 ? 1 : 35) {
        for (int pass = 0; pass < 2; pass += 1) {
            const int *context = pass == 0 ? NULL : &descending;
            uint64_t seen[5] = {0};

            for (uint32_t i = 0; i < count; i += 1) {
                items[i].key = (uint32_t)(dr_hash_u64(i + 1 + count) % 7);
                items[i].id = i;
                memset(items[i].load, (int)(i % 251), sizeof items[i].load);
            }
            dr_sort(items, count, sizeof items[0], by_key_then_id, context);
            for (uint32_t i = 0; i < count; i += 1) {
                if (i > 0)
                    CHECK(by_key_then_id(&items[i - 1], &items[i], context) < 0);
                CHECK_EQ(items[i].key, (uint32_t)(dr_hash_u64(items[i].id + 1 + count) % 7));
                CHECK_EQ(items[i].load[0], items[i].id % 251);
                CHECK_EQ(items[i].load[28], items[i].id % 251);
                seen[items[i].id / 64] |= UINT64_C(1) << (items[i].id % 64);
            }
            for (uint32_t i = 0; i < count; i += 1)
                CHECK((seen[i / 64] >> (i % 64)) & 1);
        }
    }
}

static int by_number(const void *a, const void *b, const void *context)
{
    const uint32_t *x = a;
    const uint32_t *y = b;

    (void)context;
    return *x < *y ? -1 : (*x > *y ? 1 : 0);
}

/* Sorted, reversed, and rotated inputs are where hand-made sorts go wrong. */
TEST(orders_that_are_almost_right)
{
    uint32_t numbers[64];

    for (uint32_t shift = 0; shift < 64; shift += 1) {
        for (uint32_t reverse = 0; reverse < 2; reverse += 1) {
            for (uint32_t i = 0; i < 64; i += 1)
                numbers[i] = ((reverse ? 63 - i : i) + shift) % 64;
            dr_sort(numbers, 64, sizeof numbers[0], by_number, NULL);
            for (uint32_t i = 0; i < 64; i += 1)
                CHECK_EQ(numbers[i], i);
        }
    }
}
