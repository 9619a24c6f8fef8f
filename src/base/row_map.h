/* SPDX-License-Identifier: Apache-2.0 */
/* row_map.h: from a key that the rows of a table hold to the row, in four bytes a slot.
 *
 * As base/map.h, but the keys, of 32 or 64 bits, stay where they are: a row's key has to stand in
 * the table before the row is put in, and may change only when it is out. The key 0 is never put
 * in. */
#ifndef DR_BASE_ROW_MAP_H
#define DR_BASE_ROW_MAP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"

struct dr_row_map {
    uint32_t *slots; /* row + 1; 0: empty */
    uint64_t mask;   /* slots - 1, a power of two less one */
    const uint8_t *keys;
    size_t key_bytes;
    size_t row_bytes;
    uint32_t count;
    uint32_t count_max;
};

/* Room for `count_max` rows of a table. DR_E_FULL: the arena has no room.
 *
 * first_key  the key in the table's first row
 * key_bytes  4 or 8
 * row_bytes  from one row's key to the next's */
DR_MUST_USE enum dr_status dr_row_map_init(struct dr_row_map *map, struct dr_arena *arena,
                                           uint32_t count_max, const void *first_key,
                                           size_t key_bytes, size_t row_bytes);

/* The row that has the key, or DR_MAP_NONE. */
uint32_t dr_row_map_find(const struct dr_row_map *map, uint64_t key);

/* Put a row in; no other with its key is there. The caller has made sure of room. */
void dr_row_map_insert(struct dr_row_map *map, uint32_t row);

/* Take out a row that is there. */
void dr_row_map_remove(struct dr_row_map *map, uint32_t row);

void dr_row_map_clear(struct dr_row_map *map);

#endif
