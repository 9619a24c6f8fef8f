/* SPDX-License-Identifier: Apache-2.0 */
/* The tornado: the plan's first stage with one thing changed at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/futures/study.h"

#define MICRO         DR_PLAN_MICRO
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

static const char *const WORDS[DR_SWINGS_MAX] = {"demand", "price", "tariff", "late", "grid-late"};

const char *dr_future_result_words(enum dr_future_result result)
{
    switch (result) {
    case DR_FUTURE_PLAN:
        return "a plan";
    case DR_FUTURE_NONE:
        return "no plan keeps all rules";
    case DR_FUTURE_NOT_IN_TIME:
        return "no plan was found in time";
    case DR_FUTURE_NOT_WHOLE:
        return "no plan in whole lots was found";
    case DR_FUTURE_NOT_TRIED:
        break;
    }
    return "not tried, for want of time";
}

/* What a dimension is in a future: millionths, or quarters. */
static int64_t value_in(const struct dr_plan_future *future, uint32_t dimension)
{
    const int64_t values[DR_SWINGS_MAX] = {future->demand_micro, future->price_micro,
                                           future->tariff_micro, future->late_quarters,
                                           future->grid_late_quarters};

    return values[dimension];
}

static struct dr_plan_future changed(uint32_t dimension, int64_t value)
{
    struct dr_plan_future future = dr_plan_as_told();

    switch (dimension) {
    case 0:
        future.demand_micro = value;
        break;
    case 1:
        future.price_micro = value;
        break;
    case 2:
        future.tariff_micro = value;
        break;
    case 3:
        future.late_quarters = (uint32_t)value;
        break;
    case 4:
        future.grid_late_quarters = (uint32_t)value;
        break;
    default:
        break;
    }
    return future;
}

static void put_value(uint32_t dimension, int64_t value, char text[24])
{
    if (dimension < 3)
        snprintf(text, 24, "%g %%", (double)value / 1e4);
    else
        snprintf(text, 24, "%d quarter%s", (int)value, value == 1 ? "" : "s");
}

/* The least or most of a dimension over the futures; 0: that is what the tables say. */
static int extreme(const struct dr_futures *futures, uint32_t dimension, int high, int64_t *value)
{
    int64_t told = value_in(&(struct dr_plan_future){.demand_micro = MICRO,
                                                     .price_micro = MICRO,
                                                     .tariff_micro = MICRO},
                            dimension);

    *value = told;
    FOR(w, futures->worlds_count) {
        int64_t one = value_in(&futures->worlds[w].future, dimension);

        if (high ? one > *value : one < *value)
            *value = one;
    }
    return *value != told;
}

/* The future of the table that is the same world, and has no rules of its own. */
static uint32_t known(const struct dr_futures *futures, const struct dr_plan_future *future)
{
    FOR(w, futures->worlds_count) {
        uint32_t same = futures->worlds[w].relaxed_count == 0;

        FOR(d, DR_SWINGS_MAX)
            same &= value_in(&futures->worlds[w].future, d) == value_in(future, d);
        if (same)
            return w;
    }
    return futures->worlds_count;
}

uint32_t dr_swings_list(const struct dr_futures *futures,
                        struct swing_world worlds[SWING_WORLDS_MAX])
{
    uint32_t count = 0;

    for (uint32_t d = 0; d <= DR_SWINGS_MAX; d += 1) {
        for (int high = 0; high <= (d < DR_SWINGS_MAX); high += 1) {
            struct swing_world *world = &worlds[count];
            int64_t value = 0;
            char text[24];

            if (d < DR_SWINGS_MAX && !extreme(futures, d, high, &value))
                continue;
            *world =
                (struct swing_world){.future = changed(d, value), .dimension = d, .high = high};
            if (known(futures, &world->future) < futures->worlds_count)
                continue;
            if (d < DR_SWINGS_MAX) {
                put_value(d, value, text);
                snprintf(world->words, sizeof world->words, "%s %s", WORDS[d], text);
            } else {
                snprintf(world->words, sizeof world->words, "what the tables say");
            }
            count += 1;
        }
    }
    return count;
}

/* The cell of a world: of one that was planned for this, or of the future that it is. */
static struct dr_future_cell cell_of(const struct dr_futures *futures, uint32_t dimension,
                                     int64_t value, int high, const struct swing_world *worlds,
                                     const struct dr_future_cell *cells, uint32_t count)
{
    struct dr_plan_future future = changed(dimension, value);
    uint32_t world = known(futures, &future);

    if (world < futures->worlds_count)
        return futures->cells[futures->chosen][world];
    FOR(i, count) {
        if (worlds[i].dimension == dimension && worlds[i].high == high)
            return cells[i];
    }
    return (struct dr_future_cell){0};
}

static double width(const struct dr_swing *swing, double told)
{
    double low = swing->at_low.result == DR_FUTURE_PLAN ? swing->at_low.cost : told;
    double high = swing->at_high.result == DR_FUTURE_PLAN ? swing->at_high.cost : told;
    double least = fmin(told, fmin(low, high)), most = fmax(told, fmax(low, high));

    /* What leaves no plan at all is worse than any cost. */
    return swing->at_low.result == DR_FUTURE_NONE || swing->at_high.result == DR_FUTURE_NONE
               ? HUGE_VAL
               : most - least;
}

void dr_swings_sort(struct dr_futures *futures, const struct swing_world *worlds,
                    const struct dr_future_cell *cells, uint32_t count)
{
    double told;

    futures->as_told = cell_of(futures, DR_SWINGS_MAX, 0, 0, worlds, cells, count);
    told = futures->as_told.cost;
    FOR(d, DR_SWINGS_MAX) {
        struct dr_swing *swing = &futures->swings[futures->swings_count];
        int64_t low, high;
        int has_low = extreme(futures, d, 0, &low), has_high = extreme(futures, d, 1, &high);

        if (!has_low && !has_high)
            continue;
        memset(swing, 0, sizeof *swing);
        swing->word = WORDS[d];
        swing->at_low = swing->at_high = futures->as_told;
        if (has_low) {
            put_value(d, low, swing->low);
            swing->at_low = cell_of(futures, d, low, 0, worlds, cells, count);
        }
        if (has_high) {
            put_value(d, high, swing->high);
            swing->at_high = cell_of(futures, d, high, 1, worlds, cells, count);
        }
        futures->swings_count += 1;
    }
    /* The widest first; of five, and each is large. */
    FOR(i, futures->swings_count) {
        for (uint32_t j = i; j > 0; j -= 1) {
            struct dr_swing swing = futures->swings[j];

            if (width(&swing, told) <= width(&futures->swings[j - 1], told))
                break;
            futures->swings[j] = futures->swings[j - 1];
            futures->swings[j - 1] = swing;
        }
    }
}
