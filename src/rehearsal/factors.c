/* SPDX-License-Identifier: Apache-2.0 */
#include "rehearsal/factors.h"

#include <math.h>

#define LATE_LEAST  0.005 /* less is the noise of a window's ends */
#define WAY         0.8
#define CHANGE_MOST 0.2

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct dr_seen dr_seen_of(const struct dr_plan_inputs *inputs, const struct dr_quarter *quarters,
                          uint32_t count, uint32_t sector, uint32_t year)
{
    struct dr_seen seen = {0};
    double given = 0, waits = 0;

    FOR(i, count) {
        const struct dr_measured *measured = &quarters[i].sectors[sector];

        if (measured->coarse || dr_plan_year(inputs, quarters[i].quarter) != year)
            continue;
        seen.offered += measured->offered;
        seen.late += measured->late * measured->offered;
        seen.jobs += measured->jobs;
        waits += measured->wait_mean_s * measured->jobs;
        given += measured->given;
        seen.busy += measured->busy * measured->given;
    }
    if (seen.offered > 0)
        seen.late /= seen.offered;
    if (seen.jobs > 0)
        seen.wait_s = waits / (double)seen.jobs;
    if (given > 0)
        seen.busy /= given;
    return seen;
}

/* By how much the utilisation has to change for the wait to be the goal. */
static double for_wait(const struct dr_seen *seen, double wait_goal_s)
{
    double busy = fmin(fmax(seen->busy, 0.05), 0.98);
    double free = (1 - busy) / busy * fmax(seen->wait_s, 1) / wait_goal_s;

    return 1 / (1 + free) / busy;
}

static uint32_t within(double factor)
{
    return (uint32_t)fmin(DR_FACTOR_ONE, fmax(DR_FACTOR_LEAST, round(factor)));
}

uint32_t dr_factor_next(uint32_t factor, const struct dr_seen *seen, double wait_goal_s)
{
    double change = 1;

    if (seen->jobs == 0)
        return factor;
    if (seen->wait_s > wait_goal_s)
        change = for_wait(seen, wait_goal_s);
    else if (seen->wait_s < wait_goal_s / 4 && seen->late < LATE_LEAST)
        change = for_wait(seen, wait_goal_s);
    if (seen->late >= LATE_LEAST)
        change = fmin(change, 1 - seen->late);
    change = 1 + (change - 1) * WAY;
    change = fmin(fmax(change, 1 - CHANGE_MOST), 1 + CHANGE_MOST);
    return within(factor * change);
}

/* The nearest year of which something is known; `years` where there is none. */
static uint32_t nearest(const int *known, uint32_t years, uint32_t year)
{
    FOR(distance, years) {
        if (year + distance < years && known[year + distance])
            return year + distance;
        if (distance <= year && known[year - distance])
            return year - distance;
    }
    return years;
}

void dr_factors_next(struct dr_factors *next, const struct dr_factors *factors,
                     const struct dr_plan_inputs *inputs, const struct dr_quarter *quarters,
                     uint32_t count, double wait_goal_s)
{
    *next = *factors;
    FOR(k, inputs->sectors_count) {
        const uint32_t *from = factors->of[k];
        int known[DR_PLAN_YEARS_MAX];

        FOR(y, inputs->years_count) {
            struct dr_seen seen = dr_seen_of(inputs, quarters, count, k, y);

            known[y] = seen.jobs > 0;
            next->of[k][y] = dr_factor_next(from[y], &seen, wait_goal_s);
        }
        FOR(y, inputs->years_count) {
            uint32_t like = nearest(known, inputs->years_count, y);

            if (like < inputs->years_count && like != y)
                next->of[k][y] = within((double)from[y] * next->of[k][like] / from[like]);
        }
    }
}

double dr_factors_change(const struct dr_plan_inputs *inputs, const struct dr_factors *from,
                         const struct dr_factors *to)
{
    double largest = 0;

    FOR(k, inputs->sectors_count) {
        FOR(y, inputs->years_count)
            largest = fmax(largest, fabs((double)to->of[k][y] / from->of[k][y] - 1));
    }
    return largest;
}
