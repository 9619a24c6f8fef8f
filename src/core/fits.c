/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the shapes that wait would fit somewhere now. See fits.h; read dr_fits_since() first. */
#include "core/fits.h"

#include "base/math.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/seats.h"

enum dr_status dr_fits_open(struct dr_core *core)
{
    struct dr_fits *fits = dr_arena_push(&core->tables, 1, sizeof *fits);

    if (fits == NULL)
        return DR_E_FULL;
    fits->shapes = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof fits->shapes[0]);
    fits->waiting = dr_arena_push(&core->tables, core->limits.jobs_max, sizeof fits->waiting[0]);
    if (fits->shapes == NULL || fits->waiting == NULL)
        return DR_E_FULL;
    core->fits = fits;
    return DR_OK;
}

void dr_fits_clear(struct dr_core *core)
{
    struct dr_fits *fits = core->fits;

    for (uint32_t i = 0; i < fits->waiting_count; i += 1)
        fits->shapes[fits->waiting[i]].waiting = 0;
    fits->waiting_count = 0;
    fits->powered_seq = 0;
}

void dr_fits_wait(struct dr_core *core, uint32_t shape_row, int sign)
{
    struct dr_fits *fits = core->fits;
    struct dr_fit_shape *fit = &fits->shapes[shape_row];

    if (sign > 0 && fit->waiting == 0) {
        *fit = (struct dr_fit_shape){.place = fits->waiting_count};
        fits->waiting[fits->waiting_count] = shape_row;
        fits->waiting_count += 1;
    }
    fit->waiting += (uint32_t)sign;
    if (fit->waiting > 0)
        return;
    fits->waiting_count -= 1;
    fits->waiting[fit->place] = fits->waiting[fits->waiting_count];
    fits->shapes[fits->waiting[fit->place]].place = fit->place;
}

/* ---- one pool ---- */

/* For so many whole accelerators; shares may join others that draw already. */
static int is_powered(const struct dr_core *core, const struct dr_want *want, uint32_t pool_row)
{
    const struct dr_pool *pool = &core->pools[pool_row];

    return want->accelerators == 0 || want->part != 0 ||
           dr_power_room_milli(core, pool->site, pool->chip, core->lent->now_us) >=
               want->amounts.of[DR_RESOURCE_ACCELERATORS];
}

static const struct dr_pool_set *powered(struct dr_core *core)
{
    struct dr_fits *fits = core->fits;

    if (fits->powered_seq == core->seq + 1 && fits->powered_us == core->lent->now_us)
        return &fits->powered;
    for (uint32_t rank = 0; rank < core->pools_count; rank += 1) {
        const struct dr_pool *pool = &core->pools[core->places->pool_of[rank]];

        dr_pool_set_put(&fits->powered, rank,
                        pool->chip.v != 0 && dr_power_room_milli(core, pool->site, pool->chip,
                                                                 core->lent->now_us) >= 1000);
    }
    fits->powered_seq = core->seq + 1;
    fits->powered_us = core->lent->now_us;
    return &fits->powered;
}

/* ---- all pools of a shape ---- */

/* Of the pools in one word those in which it might have a reservation, where sums alone say that it
 * `could` start. */
static uint64_t may_reserve(const struct dr_places *places, uint32_t word, uint64_t could,
                            enum dr_fit_kind kind)
{
    if (kind != DR_FITS_RESERVE)
        return 0;
    return places->reservable.words[word] & (could | places->unreserved_set.words[word]);
}

/* A moment after `since` at which something came free in a pool where it fits, one way or another;
 * 0: there is none. */
static uint64_t look(struct dr_core *core, uint32_t shape_row, uint64_t since,
                     enum dr_fit_kind kind)
{
    const struct dr_places *places = core->places;
    const struct dr_job alike = {.shape = shape_row};

    for (uint32_t i = 0; i < core->shapes[shape_row].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, &alike, i);

        for (uint32_t word = 0; word < places->words; word += 1) {
            uint64_t could = dr_place_enough(core, &want, word);
            uint64_t reserves = may_reserve(places, word, could, kind);
            uint64_t starts = want.accelerators > 0 ? could & powered(core)->words[word] : could;
            uint64_t rest = (starts | reserves) & dr_place_pools(core, &want)[word];

            if (since >= places->untouched_at)
                rest &= places->touched_set.words[word];
            for (; rest != 0; rest &= rest - 1) {
                uint32_t row = places->pool_of[word * 64 + dr_bit_lowest(rest)];

                if (places->freed_at[row] > since &&
                    ((reserves & rest & -rest) != 0 ||
                     (dr_place_room(core, &want, (dr_pool_id){row + 1}) >= want.tasks &&
                      is_powered(core, &want, row))))
                    return places->freed_at[row];
            }
        }
    }
    return 0;
}

int dr_fits_since(struct dr_core *core, uint32_t shape_row, uint64_t since, enum dr_fit_kind kind)
{
    const struct dr_places *places = core->places;
    struct dr_fit_shape *shape = &core->fits->shapes[shape_row];
    struct dr_fit *fit = &shape->of[kind];
    uint64_t fits_at;

    dr_place_prepare(core);
    if (shape->version != core->federation_version + 1)
        memset(shape->of, 0, sizeof shape->of);
    shape->version = core->federation_version + 1;
    if (fit->none_until != 0 && fit->none_until >= places->freed_last && fit->none_since <= since)
        return 0;
    if (fit->fits_seq == core->seq && fit->fits_at > since)
        return 1;
    fits_at = look(core, shape_row, since, kind);
    if (fits_at != 0)
        *fit = (struct dr_fit){.fits_at = fits_at, .fits_seq = core->seq};
    else
        *fit = (struct dr_fit){.none_since = since, .none_until = places->freed_last};
    return fits_at != 0;
}

uint64_t dr_fits_offer(struct dr_core *core, uint64_t since, uint64_t *anywhere)
{
    struct dr_fits *fits = core->fits;
    uint64_t room = 0;

    memset(anywhere, 0, DR_FITS_KINDS * sizeof anywhere[0]);
    for (uint32_t i = 0; i < fits->waiting_count; i += 1) {
        uint32_t row = fits->waiting[i];
        uint64_t wants = dr_seats_room_of(&core->shapes[row]);

        if (dr_fits_since(core, row, 0, DR_FITS_START))
            anywhere[DR_FITS_START] |= wants;
        if (!dr_fits_since(core, row, 0, DR_FITS_RESERVE))
            continue;
        anywhere[DR_FITS_RESERVE] |= wants;
        if (dr_fits_since(core, row, since, DR_FITS_RESERVE))
            room |= wants;
    }
    fits->vain = 0;
    return room;
}
