/* SPDX-License-Identifier: Apache-2.0 */
#include "base/row_map.h"

#include "base/assert.h"
#include "base/hash.h"

enum dr_status dr_row_map_init(struct dr_row_map *map, struct dr_arena *arena, uint32_t count_max,
                               const void *first_key, size_t key_bytes, size_t row_bytes)
{
    uint64_t slots = 16;

    DR_ASSERT(key_bytes == sizeof(uint32_t) || key_bytes == sizeof(uint64_t));
    while (slots * 3 / 4 < count_max)
        slots *= 2;
    map->slots = dr_arena_push(arena, slots, sizeof map->slots[0]);
    if (map->slots == NULL)
        return DR_E_FULL;
    map->mask = slots - 1;
    map->keys = first_key;
    map->key_bytes = key_bytes;
    map->row_bytes = row_bytes;
    map->count = 0;
    map->count_max = count_max;
    return DR_OK;
}

static uint64_t key_of(const struct dr_row_map *map, uint32_t row)
{
    const uint8_t *at = map->keys + row * map->row_bytes;
    uint32_t narrow;
    uint64_t key;

    if (map->key_bytes == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&key, at, sizeof key);
    return key;
}

static uint64_t home(const struct dr_row_map *map, uint64_t key)
{
    return dr_hash_u64(key) & map->mask;
}

/* The slot of a key, or the empty one where it would be. */
static uint64_t find_slot(const struct dr_row_map *map, uint64_t key)
{
    uint64_t i = home(map, key);

    while (map->slots[i] != 0 && key_of(map, map->slots[i] - 1) != key)
        i = (i + 1) & map->mask;
    return i;
}

uint32_t dr_row_map_find(const struct dr_row_map *map, uint64_t key)
{
    uint32_t slot;

    if (key == 0)
        return DR_MAP_NONE;
    slot = map->slots[find_slot(map, key)];
    return slot == 0 ? DR_MAP_NONE : slot - 1;
}

void dr_row_map_insert(struct dr_row_map *map, uint32_t row)
{
    uint64_t key = key_of(map, row);
    uint64_t i = find_slot(map, key);

    DR_ASSERT(key != 0);
    DR_ASSERT(map->count < map->count_max);
    DR_ASSERT(map->slots[i] == 0);
    map->slots[i] = row + 1;
    map->count += 1;
}

void dr_row_map_remove(struct dr_row_map *map, uint32_t row)
{
    uint64_t hole = find_slot(map, key_of(map, row));
    uint64_t i;

    DR_ASSERT(map->slots[hole] == row + 1);
    map->slots[hole] = 0;
    map->count -= 1;
    /* Whoever probed past the hole moves back, unless the hole lies before its home. */
    for (i = (hole + 1) & map->mask; map->slots[i] != 0; i = (i + 1) & map->mask) {
        uint64_t wanted = home(map, key_of(map, map->slots[i] - 1));

        if (((i - wanted) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            map->slots[i] = 0;
            hole = i;
        }
    }
}

void dr_row_map_clear(struct dr_row_map *map)
{
    /* What was never written to stays so: it takes no memory. */
    for (uint64_t i = 0; i <= map->mask && map->count > 0; i += 1)
        if (map->slots[i] != 0) {
            map->slots[i] = 0;
            map->count -= 1;
        }
}
