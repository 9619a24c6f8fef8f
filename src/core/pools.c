/* SPDX-License-Identifier: Apache-2.0 */
/* The pools that may hold a job now, by what is free in them, and those that may take a
 * reservation; cheap ones first. See place.h; read dr_place_walk() first. */
#include "core/space.h"

#include "base/math.h"

static uint64_t with_enough(const struct dr_pool_sets *sets, const struct dr_want *want,
                            uint32_t word)
{
    if (want->accelerators > 0) {
        uint32_t log = dr_bit_log(want->accelerators * want->tasks) - 1;

        return sets->with_units[dr_min_u32(log, DR_POOL_LOGS - 1)].words[word] &
               sets->with_unit[want->accelerators].words[word];
    }
    if (want->part != 0)
        return sets->with_share[dr_space_share_step(want->part)].words[word] |
               sets->with_unit[1].words[word];
    return UINT64_MAX;
}

uint64_t dr_place_enough(const struct dr_core *core, const struct dr_want *want, uint32_t word)
{
    return with_enough(&core->places->sets, want, word);
}

void dr_place_could(const struct dr_core *core, const struct dr_want *want,
                    struct dr_pool_set *could, struct dr_pool_set *beside)
{
    const struct dr_places *places = core->places;

    dr_place_allowed(core, want, could);
    for (uint32_t word = 0; word < places->words; word += 1) {
        uint64_t allowed = could->words[word];
        uint64_t reserved = places->with_reserved.words[word];

        could->words[word] &= with_enough(&places->sets, want, word);
        if (beside != NULL)
            beside->words[word] =
                (could->words[word] & ~reserved) |
                (allowed & reserved & with_enough(&places->beside_sets, want, word));
    }
}

void dr_place_walk(const struct dr_core *core, const struct dr_want *want, int64_t limit_us,
                   int opened, struct dr_place_walk *walk)
{
    const struct dr_places *places = core->places;
    struct dr_pool_set set;
    struct dr_pool_set beside;

    dr_place_prepare(core);
    walk->core = core;
    walk->words = places->words;
    walk->word = 0;
    walk->span_us = dr_place_span_us(core, want, limit_us);
    walk->accelerators = want->amounts.of[DR_RESOURCE_ACCELERATORS];
    dr_place_could(core, want, &set, &beside);
    for (uint32_t word = 0; word < places->words; word += 1)
        walk->left[word] = set.words[word] & (opened ? places->opened_set.words[word] : UINT64_MAX);
    memcpy(walk->beside, beside.words, places->words * sizeof walk->beside[0]);
}

int dr_place_walk_beside(const struct dr_place_walk *walk, dr_pool_id pool)
{
    uint32_t rank = walk->core->places->spaces[pool.v - 1].rank;

    return (walk->beside[rank / 64] >> (rank % 64)) & 1;
}

int dr_place_walk_next(struct dr_place_walk *walk, dr_pool_id *pool, int64_t *bound_micro)
{
    const struct dr_places *places = walk->core->places;

    for (; walk->word < walk->words; walk->word += 1)
        if (walk->left[walk->word] != 0) {
            uint32_t rank = walk->word * 64 + dr_bit_lowest(walk->left[walk->word]);

            walk->left[walk->word] &= walk->left[walk->word] - 1;
            pool->v = places->pool_of[rank] + 1;
            /* Of shares, run and energy are rounded down apart. */
            *bound_micro = dr_mul_div_floor(dr_mul_div_floor(walk->accelerators,
                                                             places->hour_micro[rank], 1000) -
                                                (walk->accelerators % 1000 != 0),
                                            walk->span_us, DR_HOUR_US) -
                           ((walk->accelerators + 999) / 1000 + 1) * places->slack_micro;
            return 1;
        }
    return 0;
}

int dr_place_reservable(const struct dr_core *core, const struct dr_want *want)
{
    const struct dr_places *places = core->places;
    struct dr_pool_set allowed;
    uint64_t any = 0;

    dr_place_prepare(core);
    dr_place_allowed(core, want, &allowed);
    for (uint32_t word = 0; word < places->words; word += 1)
        any |= allowed.words[word] & places->reservable.words[word];
    return any != 0;
}

uint32_t dr_place_reserved_count(const struct dr_core *core, dr_pool_id pool)
{
    return core->places->reserved_count[pool.v - 1];
}
