/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kinds.h"

#include "base/math.h"
#include "base/text.h"

#define MILLION 1000000u

const struct dr_kind DR_KINDS[DR_KIND_COUNT] = {
    [DR_KIND_INTERACTIVE] = {"interactive", 300000, 1, 4, 300000, 40 * DR_MINUTE_US, 1000, 0, 0, 0,
                             1},
    [DR_KIND_BATCH] = {"batch", 350000, 1, 8, 500000, 30 * DR_MINUTE_US, 1200, 0, 1, 0, 0},
    [DR_KIND_TUNING] = {"tuning", 270000, 4, 64, 450000, 3 * DR_HOUR_US, 1100, 30 * DR_MINUTE_US, 1,
                        1, 1},
    [DR_KIND_TRAINING] = {"training", 80000, 32, 4096, 550000, 16 * DR_HOUR_US, 1200, DR_HOUR_US, 1,
                          1, 0},
};

/* Arrivals by the hour of the day, millionths of the mean: the mean of them is a million. */
static const uint32_t BY_HOUR[24] = {500000,  400000,  350000,  300000,  300000,  350000,
                                     450000,  650000,  950000,  1350000, 1600000, 1650000,
                                     1400000, 1500000, 1700000, 1700000, 1650000, 1550000,
                                     1350000, 1100000, 950000,  850000,  750000,  650000};
/* ... and by the day of the week, from Monday. */
static const uint32_t BY_DAY[7] = {1200000, 1200000, 1200000, 1200000, 1150000, 550000, 500000};

uint32_t dr_kind_size(struct dr_chance *chance, const struct dr_kind *kind, uint32_t most)
{
    uint32_t size = kind->least;

    most = dr_min_u32(most, kind->most);
    while (size * 2 <= most && dr_chance_millionths(chance, kind->thin))
        size *= 2;
    return size > most ? most : size;
}

int64_t dr_kind_runtime_us(struct dr_chance *chance, const struct dr_kind *kind)
{
    int64_t runtime_us = dr_chance_lognormal(chance, kind->median_us, kind->sigma_milli) /
                         DR_SECOND_US * DR_SECOND_US;

    return dr_min_i64(dr_max_i64(DR_KIND_RUNTIME_MIN_US, runtime_us), DR_KIND_RUNTIME_MAX_US);
}

int64_t dr_kind_limit_us(struct dr_chance *chance, int64_t runtime_us)
{
    uint64_t milli = dr_chance_millionths(chance, 30000) ? 500 + dr_chance_below(chance, 500)
                                                         : 1100 + dr_chance_below(chance, 2900);
    int64_t limit_us = dr_mul_div_floor(runtime_us, (int64_t)milli, 1000);

    return (limit_us / (15 * DR_MINUTE_US) + 1) * 15 * DR_MINUTE_US;
}

int dr_kind_fails(struct dr_chance *chance, int64_t *runtime_us)
{
    if (!dr_chance_millionths(chance, 40000))
        return 0;
    *runtime_us = dr_max_i64(DR_KIND_RUNTIME_MIN_US, *runtime_us / 8 / DR_SECOND_US * DR_SECOND_US);
    return 1;
}

int64_t dr_kind_rate(const struct dr_kind *kind, int64_t time_us)
{
    if (!kind->by_day)
        return MILLION;
    return dr_mul_div_floor(BY_HOUR[time_us % DR_DAY_US / DR_HOUR_US],
                            BY_DAY[time_us / DR_DAY_US % 7], MILLION);
}
