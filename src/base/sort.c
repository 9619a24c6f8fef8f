/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"

#include <stdint.h>

#include "base/assert.h"

static void swap(uint8_t *a, uint8_t *b, size_t bytes)
{
    uint8_t kept[256];

    memcpy(kept, a, bytes);
    memcpy(a, b, bytes);
    memcpy(b, kept, bytes);
}

static void sift_down(uint8_t *base, size_t root, size_t count, size_t bytes, dr_compare *compare,
                      const void *context)
{
    for (;;) {
        size_t child = 2 * root + 1;

        if (child >= count)
            return;
        if (child + 1 < count &&
            compare(base + child * bytes, base + (child + 1) * bytes, context) < 0)
            child += 1;
        if (compare(base + root * bytes, base + child * bytes, context) >= 0)
            return;
        swap(base + root * bytes, base + child * bytes, bytes);
        root = child;
    }
}

void dr_sort(void *elements, size_t count, size_t bytes, dr_compare *compare, const void *context)
{
    uint8_t *base = elements;

    DR_ASSERT(bytes <= 256);
    for (size_t i = count / 2; i > 0; i -= 1)
        sift_down(base, i - 1, count, bytes, compare, context);
    for (size_t end = count; end > 1; end -= 1) {
        swap(base, base + (end - 1) * bytes, bytes);
        sift_down(base, 0, end - 1, bytes, compare, context);
    }
}
