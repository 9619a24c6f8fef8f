/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the shapes that wait would fit somewhere now. See fits.h; read dr_fits_since() first. */
#include "core/fits.h"

#include "base/math.h"
#include "core/lent.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/seats.h"
#include "core/slack.h"

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

void dr_fits_wait(struct dr_core *core, uint32_t shape_row, int64_t limit_us, int sign)
{
    struct dr_fits *fits = core->fits;
    struct dr_fit_shape *fit = &fits->shapes[shape_row];

    if (sign > 0 && fit->waiting == 0) {
        *fit = (struct dr_fit_shape){.place = fits->waiting_count,
                                     .room = dr_seats_room_of(core, shape_row),
                                     .least_us = limit_us};
        fits->waiting[fits->waiting_count] = shape_row;
        fits->waiting_count += 1;
    }
    fit->waiting += (uint32_t)sign;
    fit->least_us = dr_min_i64(fit->least_us, limit_us);
    if (fit->waiting > 0)
        return;
    fits->waiting_count -= 1;
    fits->waiting[fit->place] = fits->waiting[fits->waiting_count];
    fits->shapes[fits->waiting[fit->place]].place = fit->place;
}

/* ---- one pool ---- */

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

/* Has the root room for it there? Where nothing is kept back it refuses nobody who finds a place.
 */
static int is_room_at_root(const struct dr_core *core, const struct dr_want *want, dr_pool_id pool)
{
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1) {
        dr_group_id group = core->pools[pool.v - 1].groups[resource];
        const struct dr_quota *root = dr_quota_at(core, (dr_account_id){1}, group);

        if (want->amounts.of[resource] != 0 && root->kept > 0 &&
            root->occupied + want->amounts.of[resource] > core->groups[group.v - 1].capacity)
            return 0;
    }
    return 1;
}

/* When it has to be over, if it starts there now, by what others have reserved; INT64_MAX: at any
 * time. */
static int64_t over_by_us(struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                          enum dr_fit_kind kind)
{
    int64_t until_us = INT64_MAX;

    if (kind == DR_FITS_ROOM || kind == DR_FITS_TAKE)
        return INT64_MAX;
    for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
        if (want->amounts.of[resource] != 0)
            until_us = dr_min_i64(
                until_us, dr_slack_until_us(core, core->pools[pool.v - 1].groups[resource],
                                            want->amounts.of[resource], kind == DR_FITS_WITHIN));
    if (until_us != INT64_MAX)
        dr_slack_watch(core, pool);
    if (kind != DR_FITS_WITHIN && want->share < DR_SHARE_BLOCK &&
        core->places->reserved_count[pool.v - 1] > 0 &&
        dr_place_room_beside(core, want, pool) < want->tasks)
        until_us = dr_min_i64(until_us, core->places->reserved_until_us[pool.v - 1]);
    return until_us;
}

/* When a job has to be over that could start there now, by what others have reserved, and by caps
 * too; at or before now: none could. */
struct over {
    int64_t reserved_us;
    int64_t powered_us;
};

static struct over over_there(struct dr_core *core, const struct dr_want *want, dr_pool_id pool,
                              enum dr_fit_kind kind)
{
    struct over over = {0, 0};
    int64_t now_us = core->lent->now_us;

    if (dr_place_room(core, want, pool) < want->tasks ||
        dr_place_power_lacks(core, want, pool, now_us, now_us) ||
        ((kind == DR_FITS_START || kind == DR_FITS_TAKE) &&
         is_room_at_root(core, want, pool) != (kind == DR_FITS_START)))
        return over;
    over.reserved_us = over_by_us(core, want, pool, kind);
    over.powered_us = dr_min_i64(over.reserved_us, dr_place_powered_us(core, want, pool, now_us));
    return over;
}

/* It fits in `groups` for jobs that are over by then. */
static void span(struct dr_fit_span *span, uint32_t groups, int64_t over_us, int64_t now_us,
                 uint32_t factor)
{
    if (over_us == INT64_MAX) {
        span->ever |= groups;
    } else if (over_us > now_us) {
        span->some |= groups;
        span->longest_us =
            dr_max_i64(span->longest_us,
                       dr_mul_div_floor(over_us - now_us, 1000, factor == 0 ? 1000 : factor));
    }
}

/* ---- all pools of a shape ---- */

/* Of the pools in one word those that were opened since, and that the look has to do with. */
static uint64_t pools_in(struct dr_core *core, const struct dr_want *want, uint32_t word,
                         uint64_t opened, enum dr_fit_kind kind)
{
    const struct dr_places *places = core->places;
    uint64_t pools = dr_place_pools(core, want)[word] & opened;

    if (pools == 0)
        return 0;
    if (kind == DR_FITS_RESERVE)
        return pools & (dr_place_enough(core, want, word) | places->unreserved_set.words[word]);
    return pools & dr_place_enough(core, want, word) &
           (want->accelerators > 0 ? powered(core)->words[word] : UINT64_MAX);
}

/* Of the pools in one word those in which something has changed since, for the kind. */
static uint64_t opened_in(const struct dr_places *places, uint32_t word, uint64_t since,
                          enum dr_fit_kind kind)
{
    uint64_t opened = kind == DR_FITS_RESERVE ? places->reservable.words[word] : UINT64_MAX;

    if (since == 0) /* what was opened before this decision helps nobody else */
        return opened;
    return opened & (kind == DR_FITS_RESERVE ? places->touched_set.words[word]
                                             : places->opened_set.words[word]);
}

/* In which pools, opened after `since`, does it fit, one way or another? */
static struct dr_fit look(struct dr_core *core, uint32_t shape_row, uint64_t since,
                          enum dr_fit_kind kind)
{
    const struct dr_places *places = core->places;
    const struct dr_shape *shape = &core->shapes[shape_row];
    const struct dr_pool_set *pools = &core->fits->shapes[shape_row].pools;
    const struct dr_job alike = {.shape = shape_row};
    const uint64_t *when = kind == DR_FITS_RESERVE ? places->freed_at : places->opened_at;
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    struct dr_fit fit = {.fits_since = since, .fits_seq = core->seq};
    uint32_t count = 0;

    if (kind == DR_FITS_RESERVE)
        memset(&core->fits->shapes[shape_row].reserves, 0, sizeof *pools);
    for (uint32_t word = 0; word < places->words; word += 1) {
        uint64_t opened = pools->words[word] & opened_in(places, word, since, kind);

        for (uint32_t i = 0; opened != 0 && i < shape->alternatives_count; i += 1) {
            struct dr_want want = dr_place_want(core, &alike, i);

            for (uint64_t rest = pools_in(core, &want, word, opened, kind); rest != 0;
                 rest &= rest - 1) {
                uint32_t row = places->pool_of[word * 64 + dr_bit_lowest(rest)];
                struct over over = {INT64_MAX, INT64_MAX};
                uint32_t group;

                if (when[row] <= since)
                    continue;
                if (kind != DR_FITS_RESERVE)
                    over = over_there(core, &want, (dr_pool_id){row + 1}, kind);
                if (over.reserved_us <= core->lent->now_us)
                    continue;
                if (kind == DR_FITS_RESERVE)
                    dr_pool_set_put(&core->fits->shapes[shape_row].reserves,
                                    word * 64 + dr_bit_lowest(rest), 1);
                if (count == 0)
                    count = dr_place_groups_of_shape(core, shape_row, groups);
                group = dr_place_group_of(core, groups, count, (dr_pool_id){row + 1}, i);
                group = group == DR_ROW_NONE || !dr_place_groups_tell(core, count)
                            ? UINT32_MAX
                            : UINT32_C(1) << group;
                span(&fit.spans[0], group, over.powered_us, core->lent->now_us,
                     shape->alternatives[i].factor);
                span(&fit.spans[1], group, over.reserved_us, core->lent->now_us,
                     shape->alternatives[i].factor);
                if (fit.fits_at < when[row])
                    fit.fits_at = when[row];
            }
        }
    }
    return fit;
}

/* The federation is another one. */
static void know_pools(struct dr_core *core, uint32_t shape_row)
{
    struct dr_fit_shape *shape = &core->fits->shapes[shape_row];
    const struct dr_job alike = {.shape = shape_row};

    memset(shape->of, 0, sizeof shape->of);
    memset(&shape->pools, 0, sizeof shape->pools);
    shape->unit = UINT32_MAX;
    shape->log = UINT32_MAX;
    for (uint32_t i = 0; i < core->shapes[shape_row].alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, &alike, i);

        for (uint32_t word = 0; word < core->places->words; word += 1)
            shape->pools.words[word] |= dr_place_pools(core, &want)[word];
        shape->unit = dr_min_u32(shape->unit, want.accelerators);
        shape->log = want.accelerators == 0
                         ? 0
                         : dr_min_u32(shape->log, dr_bit_log(want.accelerators * want.tasks) - 1);
    }
    shape->log = dr_min_u32(shape->log, DR_POOL_LOGS - 1);
    shape->version = core->federation_version + 1;
}

uint32_t dr_fits_since(struct dr_core *core, uint32_t shape_row, int64_t limit_us, int is_flexible,
                       uint64_t since, enum dr_fit_kind kind)
{
    const struct dr_places *places = core->places;
    struct dr_fit_shape *shape = &core->fits->shapes[shape_row];
    struct dr_fit *fit = &shape->of[kind];
    const struct dr_fit_span *span;
    uint64_t opened_last;

    dr_place_prepare(core);
    opened_last = places->opened_last; /* a look may find that slacks have risen */
    if (shape->version != core->federation_version + 1)
        know_pools(core, shape_row);
    if (fit->none_until != 0 && fit->none_until >= opened_last && fit->none_since <= since)
        return 0;
    if (fit->fits_at == 0 || fit->fits_seq != core->seq || fit->fits_since > since) {
        *fit = look(core, shape_row, since, kind);
        if (fit->fits_at == 0)
            *fit = (struct dr_fit){.none_since = since, .none_until = opened_last};
    }
    span = &fit->spans[is_flexible];
    return fit->fits_at <= since ? 0 : span->ever | (limit_us <= span->longest_us ? span->some : 0);
}

int dr_fits_reserves(struct dr_core *core, const struct dr_queue_class *class, uint64_t since)
{
    const struct dr_pool_set *reserves = &core->fits->shapes[class->shape].reserves;
    uint64_t any = 0;

    if (dr_fits_since(core, class->shape, 0, 1, since, DR_FITS_RESERVE) == 0)
        return 0;
    for (uint32_t i = 0; i < dr_queue_shape(core, class)->alternatives_count; i += 1) {
        struct dr_want want = dr_place_want(core, &core->jobs[class->first], i);
        struct dr_pool_set allowed;

        dr_place_allowed(core, &want, &allowed);
        for (uint32_t word = 0; word < core->places->words; word += 1)
            any |= reserves->words[word] & allowed.words[word];
    }
    return any != 0;
}

/* Pools that were opened after a moment, in this decision. Returns 0 if there are none. */
static int opened_since(const struct dr_core *core, uint64_t since, struct dr_pool_set *recent)
{
    const struct dr_places *places = core->places;
    uint64_t any = 0;

    *recent = places->opened_set;
    for (uint32_t word = 0; word < places->words; word += 1) {
        for (uint64_t rest = recent->words[word]; rest != 0; rest &= rest - 1) {
            uint32_t rank = word * 64 + dr_bit_lowest(rest);

            if (rank >= core->pools_count || places->opened_at[places->pool_of[rank]] <= since)
                dr_pool_set_put(recent, rank, 0);
        }
        any |= recent->words[word];
    }
    return any != 0;
}

/* May the shape fit in some of these pools, by what is free there alone, or have a reservation? */
static int may_fit(struct dr_core *core, const struct dr_fit_shape *shape,
                   const struct dr_pool_set *recent)
{
    const struct dr_places *places = core->places;
    const struct dr_pool_set *with_unit = &places->sets.with_unit[shape->unit];
    const struct dr_pool_set *with_units = &places->sets.with_units[shape->log];
    uint64_t any = 0;

    for (uint32_t word = 0; word < places->words; word += 1) {
        uint64_t pools = shape->pools.words[word] & recent->words[word];
        uint64_t enough =
            shape->unit == 0 ? UINT64_MAX : with_unit->words[word] & with_units->words[word];

        any |= pools & enough & (shape->unit == 0 ? UINT64_MAX : powered(core)->words[word]);
        any |= pools & places->reservable.words[word] & places->touched_set.words[word] &
               (enough | places->unreserved_set.words[word]);
    }
    return any != 0;
}

struct dr_fits_offers dr_fits_offer(struct dr_core *core, uint64_t since)
{
    const struct dr_fits *fits = core->fits;
    struct dr_fits_offers offers = {0, 0};
    struct dr_pool_set recent;

    core->fits->vain = 0;
    dr_place_prepare(core);
    if (!opened_since(core, since, &recent))
        return offers;
    for (uint32_t i = 0; i < fits->waiting_count; i += 1) {
        uint32_t row = fits->waiting[i];

        if (fits->shapes[row].version != core->federation_version + 1 ||
            may_fit(core, &fits->shapes[row], &recent))
            offers.room |= fits->shapes[row].room;
    }
    offers.lenient = offers.room;
    return offers;
}

struct dr_fits_offers dr_fits_refine(struct dr_core *core, uint64_t since, int reserves)
{
    struct dr_fits *fits = core->fits;
    struct dr_fits_offers offers = {0, 0};
    struct dr_pool_set recent;

    fits->vain = 0;
    dr_place_prepare(core);
    if (!opened_since(core, since, &recent))
        return offers;
    for (uint32_t i = 0; i < fits->waiting_count; i += 1) {
        uint32_t row = fits->waiting[i];
        int64_t least_us = fits->shapes[row].least_us;
        int is_reserved;

        if (fits->shapes[row].version == core->federation_version + 1 &&
            !may_fit(core, &fits->shapes[row], &recent))
            continue;
        is_reserved = reserves && dr_fits_since(core, row, 0, 1, since, DR_FITS_RESERVE) != 0;
        if (!is_reserved && dr_fits_since(core, row, least_us, 1, since, DR_FITS_ROOM) == 0)
            continue;
        offers.lenient |= fits->shapes[row].room;
        if (is_reserved || dr_fits_since(core, row, least_us, 1, since, DR_FITS_START) != 0)
            offers.room |= fits->shapes[row].room;
    }
    return offers;
}
