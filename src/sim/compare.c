/* SPDX-License-Identifier: Apache-2.0 */
/* See compare.h. */
#include "sim/compare.h"

#include <math.h>

#include "base/assert.h"

const struct dr_compare_measure DR_COMPARE_MEASURE[DR_COMPARE_COUNT] = {
#define DR_ROW(name, label, unit, sense) {name, label, unit, sense},
    DR_COMPARE_MEASURES(DR_ROW)
#undef DR_ROW
};

double dr_compare_student(uint32_t degrees)
{
    static const double table[] = {12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912,
                                   2.364624,  2.306004, 2.262157, 2.228139, 2.200985, 2.178813,
                                   2.160369,  2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
                                   2.093024,  2.085963, 2.079614, 2.073873, 2.068658, 2.063899,
                                   2.059539,  2.055529, 2.051831, 2.048407, 2.045230, 2.042272};
    const double z = 1.959963984540054; /* the normal's */
    double n = degrees;

    DR_ASSERT(degrees > 0);
    if (degrees <= DR_COUNT_OF(table))
        return table[degrees - 1];
    /* Abramowitz and Stegun, Handbook of mathematical functions, 1964, 26.7.5: exact to 2e-6. */
    return z + (z * z * z + z) / (4 * n) +
           (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / (96 * n * n) +
           (3 * z * z * z * z * z * z * z + 19 * z * z * z * z * z + 17 * z * z * z - 15 * z) /
               (384 * n * n * n);
}

static const struct dr_compare_run *run_at(const struct dr_compare *compare, uint32_t variant,
                                           uint32_t seed)
{
    return &compare->runs[(uint64_t)variant * compare->seeds + seed];
}

uint32_t dr_compare_mean(const struct dr_compare *compare, uint32_t variant, uint32_t measure,
                         double *mean)
{
    double sum = 0;
    uint32_t count = 0;

    for (uint32_t seed = 0; seed < compare->seeds; seed += 1) {
        const struct dr_compare_run *run = run_at(compare, variant, seed);

        if (!run->is_done)
            continue;
        sum += run->values[measure];
        count += 1;
    }
    *mean = count == 0 ? 0 : sum / count;
    return count;
}

/* Sum over the pairs of (difference - less) to the power of 1 or 2. */
static double sum_pairs(const struct dr_compare *compare, uint32_t variant, uint32_t measure,
                        double less, int power, uint32_t *pairs)
{
    double sum = 0;

    *pairs = 0;
    for (uint32_t seed = 0; seed < compare->seeds; seed += 1) {
        const struct dr_compare_run *base = run_at(compare, 0, seed);
        const struct dr_compare_run *run = run_at(compare, variant, seed);
        double apart;

        if (!base->is_done || !run->is_done)
            continue;
        apart = run->values[measure] - base->values[measure] - less;
        sum += power == 2 ? apart * apart : apart;
        *pairs += 1;
    }
    return sum;
}

struct dr_compare_difference dr_compare_difference(const struct dr_compare *compare,
                                                   uint32_t variant, uint32_t measure)
{
    struct dr_compare_difference difference = {0};
    enum dr_compare_sense sense = DR_COMPARE_MEASURE[measure].sense;
    int by_chance = compare->by_chance[0] || compare->by_chance[variant];
    uint32_t pairs;
    double sum = sum_pairs(compare, variant, measure, 0, 1, &pairs);

    difference.pairs = pairs;
    if (pairs == 0)
        return difference;
    difference.mean = sum / pairs;
    if (by_chance && pairs > 1) {
        double squares = sum_pairs(compare, variant, measure, difference.mean, 2, &pairs);

        difference.half =
            dr_compare_student(pairs - 1) * sqrt(squares / ((double)(pairs - 1) * pairs));
        difference.has_interval = 1;
    }
    difference.is_apart =
        (difference.has_interval || !by_chance) && fabs(difference.mean) > difference.half;
    if (!difference.is_apart)
        difference.verdict = DR_COMPARE_SAME;
    else if (sense == DR_COMPARE_NEITHER)
        difference.verdict = DR_COMPARE_DIFFERS;
    else
        difference.verdict = (difference.mean > 0) == (sense == DR_COMPARE_HIGHER)
                                 ? DR_COMPARE_BETTER
                                 : DR_COMPARE_WORSE;
    return difference;
}
