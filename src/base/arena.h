/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h: memory that is given out in a row and given back all at once.
 *
 * An arena reserves address space for its maximum at the start and touches pages as they are used,
 * so a large maximum costs nothing until it is needed. We free lifetimes, not objects. */
#ifndef DR_BASE_ARENA_H
#define DR_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct dr_arena {
    uint8_t *base;
    size_t used;
    size_t capacity;
};

/* Reserve `capacity` bytes, zeroed when first touched. DR_E_FULL: the system refuses so much. */
DR_MUST_USE enum dr_status dr_arena_init(struct dr_arena *arena, size_t capacity);

void dr_arena_deinit(struct dr_arena *arena);

/* `count` elements of `bytes` each, aligned to 16; NULL when the arena has no room. Zeroed the
 * first time a byte is given out; after dr_arena_reset() it holds what was there. */
void *dr_arena_push(struct dr_arena *arena, size_t count, size_t bytes);

/* Give everything back that was pushed since `used` was `mark`. */
static inline void dr_arena_reset(struct dr_arena *arena, size_t mark)
{
    arena->used = mark;
}

#endif
