/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <sys/mman.h>

#include "base/assert.h"

enum dr_status dr_arena_init(struct dr_arena *arena, size_t capacity)
{
    void *base = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return DR_E_FULL;
    arena->base = base;
    arena->used = 0;
    arena->capacity = capacity;
    return DR_OK;
}

void dr_arena_deinit(struct dr_arena *arena)
{
    if (arena->base != NULL)
        munmap(arena->base, arena->capacity);
    *arena = (struct dr_arena){0};
}

void *dr_arena_push(struct dr_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    void *place;

    if (__builtin_mul_overflow(count, bytes, &total) || total > SIZE_MAX - 15)
        return NULL;
    total = (total + 15) & ~(size_t)15;
    if (total > arena->capacity - arena->used)
        return NULL;
    place = arena->base + arena->used;
    arena->used += total;
    return place;
}
