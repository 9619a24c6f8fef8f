/* SPDX-License-Identifier: Apache-2.0 */
/* See fairness.h; read judge() first. */
#include "sim/fairness.h"

#include <stdlib.h>

#include "base/assert.h"
#include "sim/figures.h"

/* One account among those of its parent, in one bin; thousandths of accelerators x microseconds. */
struct sibling {
    uint32_t row;
    __int128 held;
    __int128 wanted;
    __int128 due;
    int64_t guarantee; /* mean, thousandths */
    /* for share_out() */
    __int128 most;
    int64_t weight;
    int is_full;
};

struct judged {
    __int128 deviation;
    __int128 held;
    __int128 due;
};

/* Adds `total` to their dues by weight, to none more than its `most`; who has its most leaves what
 * it would have had beyond to the others. */
static void share_out(struct sibling *list, uint32_t count, __int128 total)
{
    __int128 left = total;
    int goes_on = 1;

    for (uint32_t i = 0; i < count; i += 1)
        list[i].is_full = list[i].most <= 0 || list[i].weight == 0;
    while (goes_on) {
        __int128 begun = left;
        __int128 weights = 0;

        for (uint32_t i = 0; i < count; i += 1)
            weights += list[i].is_full ? 0 : list[i].weight;
        goes_on = 0;
        for (uint32_t i = 0; i < count; i += 1) {
            if (list[i].is_full || begun * list[i].weight < list[i].most * weights)
                continue;
            list[i].is_full = 1;
            list[i].due += list[i].most;
            left -= list[i].most;
            goes_on = 1;
        }
        for (uint32_t i = 0; i < count && !goes_on; i += 1)
            if (!list[i].is_full)
                list[i].due += left * list[i].weight / weights;
    }
}

static __int128 least(__int128 a, __int128 b)
{
    return a < b ? a : b;
}

/* What is each one's due of what they hold together. */
static void find_dues(const struct dr_series *series, struct sibling *list, uint32_t count)
{
    __int128 held = 0;
    __int128 within = 0;

    for (uint32_t i = 0; i < count; i += 1) {
        list[i].due = 0;
        list[i].weight = list[i].guarantee;
        list[i].most = least(list[i].wanted, list[i].most);
        held += list[i].held;
        within += list[i].most;
    }
    within = least(held, within);
    share_out(list, count, within);
    for (uint32_t i = 0; i < count; i += 1) {
        list[i].weight = series->core->accounts[list[i].row].weight;
        list[i].most = list[i].wanted - list[i].due;
    }
    share_out(list, count, held - within);
}

/* The accounts right below one, in one bin. */
static uint32_t gather(const struct dr_series *series, uint32_t parent_row, uint32_t bin,
                       struct sibling *list)
{
    uint32_t count = 0;

    for (uint32_t row = series->core->accounts[parent_row].first_child; row != DR_ROW_NONE;
         row = series->core->accounts[row].next_sibling) {
        const struct dr_series_account *account = series->accounts[row];
        int64_t width_us;

        if (account == NULL)
            continue;
        width_us = dr_line_width_us(&account->held, bin, series->until_us);
        list[count].row = row;
        list[count].held = account->held.sums[bin];
        list[count].wanted = account->held.sums[bin] + account->asked.sums[bin];
        list[count].most = dr_series_guaranteed(series, row, bin);
        list[count].guarantee = (int64_t)(list[count].most / width_us);
        count += 1;
    }
    return count;
}

static void judge(const struct dr_series *series, uint32_t parent_row, struct sibling *list,
                  struct judged *judged)
{
    uint32_t bins = dr_line_count(series->from_us, series->until_us);

    for (uint32_t bin = 0; bin < bins; bin += 1) {
        uint32_t count = gather(series, parent_row, bin, list);

        find_dues(series, list, count);
        for (uint32_t i = 0; i < count; i += 1) {
            struct judged *of = &judged[list[i].row];

            if (list[i].wanted <= list[i].held)
                continue;
            of->deviation += list[i].held - list[i].due;
            of->held += list[i].held;
            of->due += list[i].due;
        }
    }
}

static int64_t hours_of(__int128 milli_us)
{
    return (int64_t)(milli_us / 3600000);
}

static struct dr_fairness sum_up(const struct dr_series *series, const struct judged *judged)
{
    struct dr_fairness fairness = {.account_row = DR_ROW_NONE, .jain = 1000000};
    __int128 largest = 0;
    __int128 sum = 0;
    __int128 squares = 0;

    for (uint32_t row = 0; row < series->accounts_count; row += 1) {
        const struct judged *of = &judged[row];
        __int128 size = of->deviation < 0 ? -of->deviation : of->deviation;
        __int128 part;

        if (of->due == 0)
            continue;
        if (size > largest) {
            largest = size;
            fairness.account_row = row;
            fairness.hours = hours_of(of->deviation);
        }
        part = dr_millionths(of->held, of->due);
        sum += part;
        squares += part * part;
        fairness.judged_count += 1;
    }
    if (fairness.judged_count == 0)
        return fairness;
    fairness.deviation = dr_millionths(largest, dr_line_sum(&series->capacity));
    if (fairness.deviation == 0) { /* a rest of rounding is nobody's */
        fairness.account_row = DR_ROW_NONE;
        fairness.hours = 0;
    }
    if (squares > 0)
        fairness.jain = dr_millionths(sum * sum, squares * fairness.judged_count);
    return fairness;
}

struct dr_fairness dr_fairness_of(const struct dr_series *series)
{
    struct sibling *list = calloc(series->accounts_count + 1, sizeof list[0]);
    struct judged *judged = calloc(series->accounts_count + 1, sizeof judged[0]);
    struct dr_fairness fairness;

    DR_ASSERT(list != NULL && judged != NULL);
    for (uint32_t row = 0; row < series->accounts_count; row += 1)
        if (series->core->accounts[row].first_child != DR_ROW_NONE)
            judge(series, row, list, judged);
    fairness = sum_up(series, judged);
    free(list);
    free(judged);
    return fairness;
}
