/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: the decoder refuses them or gives a fact that is written to the same bytes again (a
 * record that ended early excepted: it grows by its zeros). */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "core/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dr_arena arena;
    static uint8_t again[1u << 20];
    struct dr_fact fact;
    struct dr_fact back;
    struct dr_error error;
    uint32_t taken;
    uint32_t bytes;

    if (arena.base == NULL && dr_arena_init(&arena, 64u << 20) != DR_OK)
        abort();
    if (size > 65536)
        return 0;
    dr_arena_reset(&arena, 0);
    if (dr_fact_decode(data, (uint32_t)size, &arena, &fact, &taken, &error) != DR_OK)
        return 0;
    DR_ASSERT(taken <= size);
    bytes = dr_fact_encode(&fact, again, sizeof again);
    DR_ASSERT(bytes > 0);
    DR_ASSERT(dr_fact_decode(again, bytes, &arena, &back, &taken, &error) == DR_OK);
    DR_ASSERT(taken == bytes);
    return 0;
}
