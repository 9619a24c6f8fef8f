/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/assert.h"
#include "base/hash.h"

enum dr_status dr_map_init(struct dr_map *map, struct dr_arena *arena, uint32_t count_max)
{
    uint64_t slots = 16;

    while (slots * 3 / 4 < count_max)
        slots *= 2;
    map->slots = dr_arena_push(arena, slots, sizeof map->slots[0]);
    if (map->slots == NULL)
        return DR_E_FULL;
    map->mask = slots - 1;
    map->count = 0;
    map->count_max = count_max;
    return DR_OK;
}

static uint64_t home(const struct dr_map *map, uint64_t key)
{
    return dr_hash_u64(key) & map->mask;
}

static uint64_t find_slot(const struct dr_map *map, uint64_t key)
{
    uint64_t i = home(map, key);

    while (map->slots[i].key != 0 && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return i;
}

uint32_t dr_map_find(const struct dr_map *map, uint64_t key)
{
    const struct dr_map_slot *slot;

    if (key == 0)
        return DR_MAP_NONE;
    slot = &map->slots[find_slot(map, key)];
    return slot->key == key ? slot->row : DR_MAP_NONE;
}

void dr_map_insert(struct dr_map *map, uint64_t key, uint32_t row)
{
    struct dr_map_slot *slot;

    DR_ASSERT(key != 0);
    DR_ASSERT(map->count < map->count_max);
    slot = &map->slots[find_slot(map, key)];
    DR_ASSERT(slot->key == 0);
    slot->key = key;
    slot->row = row;
    map->count += 1;
}

void dr_map_remove(struct dr_map *map, uint64_t key)
{
    uint64_t hole;
    uint64_t i;

    DR_ASSERT(key != 0);
    hole = find_slot(map, key);
    DR_ASSERT(map->slots[hole].key == key);
    map->slots[hole].key = 0;
    map->count -= 1;
    /* Whoever probed past the hole moves back, unless the hole lies before its home. */
    for (i = (hole + 1) & map->mask; map->slots[i].key != 0; i = (i + 1) & map->mask) {
        uint64_t wanted = home(map, map->slots[i].key);

        if (((i - wanted) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            map->slots[i].key = 0;
            hole = i;
        }
    }
}

void dr_map_clear(struct dr_map *map)
{
    memset(map->slots, 0, (map->mask + 1) * sizeof map->slots[0]);
    map->count = 0;
}
