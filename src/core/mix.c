/* SPDX-License-Identifier: Apache-2.0 */
/* The recent mix of shapes. See mix.h. */
#include "core/mix.h"

#include "base/math.h"
#include "base/sort.h"

#define TASK      16384   /* what one task adds */
#define KEEP      1048071 /* of 2^20: half after DR_MIX_HALF_TICKS */
#define KEEP_ONE  (1 << 20)
#define LIMIT_MAX (366 * DR_DAY_US)

enum dr_status dr_mix_open(struct dr_core *core)
{
    core->mix = dr_arena_push(&core->tables, 1, sizeof *core->mix);
    return core->mix == NULL ? DR_E_FULL : DR_OK;
}

/* The number's highest `bits` bits, rounded up. */
static uint32_t roughly(uint32_t value, uint32_t bits)
{
    uint32_t log = dr_bit_log(value);
    uint32_t drop = log > bits ? log - bits : 0;

    return ((value + (1u << drop) - 1) >> drop) << drop;
}

void dr_mix_add(struct dr_core *core, const struct dr_alternative *way, int64_t limit_us)
{
    struct dr_mix *mix = core->mix;
    uint32_t share = dr_alternative_share(way);
    struct dr_mix_row like = {
        .chips = way->chips,
        .accelerators =
            share == 0 ? way->accelerators_per_task
                       : (share + DR_MIX_SHARE_STEP - 1) / DR_MIX_SHARE_STEP * DR_MIX_SHARE_STEP,
        .cpus = roughly(way->cpus_per_task, 7),
        .tasks = roughly(way->tasks, 2),
    };
    int64_t weight = (int64_t)way->tasks * TASK;
    uint32_t at = 0;

    if (like.accelerators == 0)
        return;
    while (at < mix->count &&
           (mix->rows[at].accelerators != like.accelerators || mix->rows[at].cpus != like.cpus ||
            mix->rows[at].tasks != like.tasks || mix->rows[at].chips != like.chips))
        at += 1;
    if (at == DR_MIX_MAX)
        return;
    if (at == mix->count) {
        mix->rows[at] = like;
        mix->count += 1;
    }
    mix->rows[at].recent += weight;
    mix->hold_recent += dr_mul_div_floor(weight, dr_min_i64(limit_us, LIMIT_MAX), DR_MINUTE_US);
}

static int compare_rows(const void *a, const void *b, const void *context)
{
    const struct dr_mix_row *x = a;
    const struct dr_mix_row *y = b;

    (void)context;
    if (x->recent != y->recent)
        return x->recent > y->recent ? -1 : 1;
    if (x->chips != y->chips)
        return x->chips < y->chips ? -1 : 1;
    if (x->accelerators != y->accelerators)
        return x->accelerators < y->accelerators ? -1 : 1;
    if (x->cpus != y->cpus)
        return x->cpus < y->cpus ? -1 : 1;
    return x->tasks < y->tasks ? -1 : x->tasks > y->tasks;
}

/* The lightest quarter makes room for who comes next, and takes its part of the time along. */
static void make_room(struct dr_mix *mix)
{
    int64_t all = 0;
    int64_t kept = 0;

    dr_sort(mix->rows, mix->count, sizeof mix->rows[0], compare_rows, NULL);
    for (uint32_t i = 0; i < mix->count; i += 1) {
        all += mix->rows[i].recent;
        kept += i < DR_MIX_MAX / 4 * 3 ? mix->rows[i].recent : 0;
    }
    mix->hold_recent = dr_mul_div_floor(mix->hold_recent, kept, all);
    mix->count = DR_MIX_MAX / 4 * 3;
}

void dr_mix_tick(struct dr_core *core)
{
    struct dr_mix *mix = core->mix;
    uint32_t kept = 0;

    if (mix->count == 0)
        return;
    if (mix->count == DR_MIX_MAX)
        make_room(mix);
    mix->hold_recent = dr_mul_div_floor(mix->hold_recent, KEEP, KEEP_ONE);
    mix->hold_used = mix->hold_recent;
    for (uint32_t i = 0; i < mix->count; i += 1) {
        struct dr_mix_row *row = &mix->rows[i];

        row->recent = row->recent < INT64_MAX / KEEP
                          ? row->recent * KEEP / KEEP_ONE
                          : dr_mul_div_floor(row->recent, KEEP, KEEP_ONE);
        row->used = row->recent;
        if (row->recent == 0)
            continue;
        mix->rows[kept] = *row;
        kept += 1;
    }
    mix->count = kept;
    if (kept == 0)
        mix->hold_recent = mix->hold_used = 0;
    mix->version += 1;
}
