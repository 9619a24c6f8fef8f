/* SPDX-License-Identifier: Apache-2.0 */
/* map.h: from a 64-bit key to a 32-bit row, in memory that the caller sized.
 *
 * Open addressing with linear probing and backward-shift deletion; at most three quarters full. The
 * key 0 is never stored: ids start at 1. Walk rows in their own tables, never a map: its order is
 * chance. */
#ifndef DR_BASE_MAP_H
#define DR_BASE_MAP_H

#include <stdint.h>

#include "base/arena.h"

#define DR_MAP_NONE UINT32_MAX

struct dr_map_slot {
    uint64_t key; /* 0: empty */
    uint32_t row;
    uint32_t unused;
};

struct dr_map {
    struct dr_map_slot *slots;
    uint64_t mask; /* slots - 1, a power of two less one */
    uint32_t count;
    uint32_t count_max;
};

/* Room for `count_max` keys. DR_E_FULL: the arena has no room. */
DR_MUST_USE enum dr_status dr_map_init(struct dr_map *map, struct dr_arena *arena,
                                       uint32_t count_max);

/* The row of a key, or DR_MAP_NONE. */
uint32_t dr_map_find(const struct dr_map *map, uint64_t key);

/* Store a key that is not there yet. The caller has made sure of room (count < count_max). */
void dr_map_insert(struct dr_map *map, uint64_t key, uint32_t row);

/* Remove a key that is there. */
void dr_map_remove(struct dr_map *map, uint64_t key);

void dr_map_clear(struct dr_map *map);

#endif
