/* SPDX-License-Identifier: Apache-2.0 */
/* See series.h. */
#include "sim/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/sort.h"
#include "core/unusable.h"
#include "sim/measures.h"

/* Looking for what is unusable may take about one instruction in a hundred of the run: so many per
 * step, more where a step itself takes longer; and so many saved up. */
#define EFFORT_STEP  400
#define EFFORT_NODES 8 /* one more for so many nodes */
#define EFFORT_MOST  8000000
#define EFFORT_POOL  400000 /* and for each pool: its tables may have to be filled */

static int64_t guarantee_of(const struct dr_core *core, uint32_t account_row)
{
    int64_t sum = 0;

    for (uint32_t row = 0; row < core->groups_count; row += 1)
        if (core->groups[row].resource == DR_RESOURCE_ACCELERATORS && !core->groups[row].removed)
            sum += dr_quota_at(core, (dr_account_id){account_row + 1}, (dr_group_id){row + 1})
                       ->guarantee;
    return sum;
}

static struct dr_series_account *account_at(struct dr_series *series, uint32_t row)
{
    struct dr_series_account *account;

    DR_ASSERT(row < series->accounts_count);
    if (series->accounts[row] != NULL)
        return series->accounts[row];
    account = malloc(sizeof *account);
    DR_ASSERT(account != NULL);
    dr_line_init(&account->held, series->from_us, 0);
    dr_line_init(&account->asked, series->from_us, 0);
    account->guarantee = guarantee_of(series->core, row);
    account->guarantees = NULL;
    series->accounts[row] = account;
    return account;
}

void dr_series_init(struct dr_series *series, const struct dr_core *core, int64_t from_us)
{
    struct dr_line *lines[] = {&series->capacity,  &series->held,    &series->cpus_capacity,
                               &series->cpus_held, &series->pending, &series->running};

    *series = (struct dr_series){.core = core, .from_us = from_us};
    series->effort_most = EFFORT_MOST + (int64_t)EFFORT_POOL * core->pools_count;
    series->effort = series->effort_most;
    for (uint32_t i = 0; i < DR_COUNT_OF(lines); i += 1)
        dr_line_init(lines[i], from_us, lines[i] == &series->pending);
    series->sites_count = core->sites_count;
    series->sites = calloc(core->sites_count + 1, sizeof series->sites[0]);
    series->accounts_count = core->accounts_count;
    series->accounts = calloc(core->accounts_count + 1, sizeof series->accounts[0]);
    DR_ASSERT(series->sites != NULL && series->accounts != NULL);
    for (uint32_t row = 0; row < series->sites_count; row += 1) {
        dr_line_init(&series->sites[row].capacity, from_us, 0);
        dr_line_init(&series->sites[row].held, from_us, 0);
    }
    dr_draws_init(&series->draws, core, from_us);
    dr_samples_init(&series->unusable, from_us);
    series->nodes_changed = UINT64_MAX;
}

void dr_series_deinit(struct dr_series *series)
{
    dr_line_deinit(&series->pending);
    dr_draws_deinit(&series->draws);
    for (uint32_t row = 0; row < series->accounts_count; row += 1) {
        if (series->accounts[row] != NULL)
            free(series->accounts[row]->guarantees);
        free(series->accounts[row]);
    }
    free(series->accounts);
    free(series->sites);
}

/* ---- what changes ---- */

static void read_capacities(struct dr_series *series, int64_t now_us)
{
    const struct dr_core *core = series->core;

    for (uint32_t row = 0; row < series->sites_count; row += 1)
        series->sites[row].capacity_milli = 0;
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        if (!pool->removed)
            series->sites[pool->site.v - 1].capacity_milli +=
                INT64_C(1000) * pool->nodes_up * pool->accelerators;
    }
    for (uint32_t row = 0; row < series->sites_count; row += 1)
        dr_line_set(&series->sites[row].capacity, now_us, series->sites[row].capacity_milli);
}

/* Which allocations run, as a number that another set hardly has. */
static uint64_t terms_of(const struct dr_core *core)
{
    uint64_t terms = 0;

    for (uint32_t row = 0; row < core->allocations_count; row += 1)
        terms = terms * 31 + core->allocations[row].active;
    return terms;
}

static void read_guarantees(struct dr_series *series, int64_t now_us)
{
    int is_first = series->version == 0; /* nothing has changed on the way */

    for (uint32_t row = 0; row < series->accounts_count; row += 1) {
        int64_t guarantee = guarantee_of(series->core, row);
        struct dr_series_account *account = series->accounts[row];

        if (account == NULL) {
            if (guarantee == 0)
                continue;
            account = account_at(series, row);
            account->guarantee = is_first ? guarantee : 0;
        }
        if (guarantee == account->guarantee)
            continue;
        if (account->guarantees == NULL) {
            account->guarantees = malloc(sizeof *account->guarantees);
            DR_ASSERT(account->guarantees != NULL);
            dr_line_init(account->guarantees, series->from_us, 0);
            account->guarantees->level = account->guarantee;
        }
        dr_line_set(account->guarantees, now_us, guarantee);
        account->guarantee = guarantee;
    }
}

static void look_for_unusable(struct dr_series *series, int64_t now_us)
{
    int64_t milli;
    int64_t effort;

    series->effort = dr_min_i64(series->effort_most, series->effort + EFFORT_STEP +
                                                         series->core->nodes_count / EFFORT_NODES);
    if (now_us < series->unusable.next_us || series->effort < 0)
        return;
    effort = series->effort;
    if (dr_unusable(series->core, &milli, &effort))
        dr_samples_put(&series->unusable, now_us, milli);
    series->effort -= effort;
}

void dr_series_level(struct dr_series *series, int64_t now_us,
                     const struct dr_measures_level *level)
{
    const struct dr_core *core = series->core;

    dr_line_set(&series->capacity, now_us, level->capacity_milli);
    dr_line_set(&series->held, now_us, level->held_milli);
    dr_line_set(&series->cpus_capacity, now_us, level->cpus_capacity);
    dr_line_set(&series->cpus_held, now_us, level->cpus_held);
    dr_line_set(&series->pending, now_us, (int64_t)level->pending);
    dr_line_set(&series->running, now_us, (int64_t)level->running);
    if (level->nodes_changed != series->nodes_changed ||
        core->federation_version != series->version) {
        read_capacities(series, now_us);
        series->nodes_changed = level->nodes_changed;
    }
    if (core->federation_version != series->version ||
        (core->allocations_count > 0 && terms_of(core) != series->terms)) {
        read_guarantees(series, now_us);
        series->terms = terms_of(core);
        series->version = core->federation_version;
    }
    dr_draws_level(&series->draws, core, now_us);
    look_for_unusable(series, now_us);
}

void dr_series_move(struct dr_series *series, int64_t now_us, uint32_t account_row,
                    uint32_t site_row, int64_t held, int64_t asked)
{
    struct dr_series_account *account = account_at(series, account_row);

    dr_line_add(&account->held, now_us, held);
    dr_line_add(&account->asked, now_us, asked);
    if (site_row != DR_ROW_NONE)
        dr_line_add(&series->sites[site_row].held, now_us, held);
}

/* ---- the end ---- */

static void reach_account(struct dr_series_account *account, int64_t until_us)
{
    dr_line_reach(&account->held, until_us);
    dr_line_reach(&account->asked, until_us);
    if (account->guarantees != NULL)
        dr_line_reach(account->guarantees, until_us);
}

/* Parents have lower ids than those below them, so that sums go up in one pass from the last. */
static void add_up(struct dr_series *series)
{
    for (uint32_t row = series->accounts_count; row > 1; row -= 1) {
        uint32_t parent = series->core->accounts[row - 1].parent.v;
        struct dr_series_account *account = series->accounts[row - 1];
        struct dr_series_account *above;

        if (account == NULL || parent == 0)
            continue;
        DR_ASSERT(parent < row);
        above = account_at(series, parent - 1);
        reach_account(above, series->until_us);
        dr_line_merge(&above->held, &account->held);
        dr_line_merge(&above->asked, &account->asked);
    }
}

void dr_series_close_bins(struct dr_series *series, int64_t until_us)
{
    struct dr_line *lines[] = {&series->capacity,  &series->held,    &series->cpus_capacity,
                               &series->cpus_held, &series->pending, &series->running};

    series->until_us = dr_max_i64(until_us, series->from_us);
    for (uint32_t i = 0; i < DR_COUNT_OF(lines); i += 1)
        dr_line_reach(lines[i], until_us);
    for (uint32_t row = 0; row < series->sites_count; row += 1) {
        dr_line_reach(&series->sites[row].capacity, until_us);
        dr_line_reach(&series->sites[row].held, until_us);
    }
    dr_draws_reach(&series->draws, until_us);
    dr_samples_reach(&series->unusable, until_us);
    for (uint32_t row = 0; row < series->accounts_count; row += 1)
        if (series->accounts[row] != NULL)
            reach_account(series->accounts[row], until_us);
    add_up(series);
}

__int128 dr_series_guaranteed(const struct dr_series *series, uint32_t account_row, uint32_t bin)
{
    const struct dr_series_account *account = series->accounts[account_row];

    if (account == NULL)
        return 0;
    if (account->guarantees != NULL)
        return account->guarantees->sums[bin];
    return (__int128)account->guarantee * dr_line_width_us(&account->held, bin, series->until_us);
}

struct shown {
    uint32_t row;
    uint32_t rank; /* 0 and 1: the upper levels; 2: below */
    __int128 held;
};

static int compare_shown(const void *a, const void *b, const void *context)
{
    const struct shown *x = a;
    const struct shown *y = b;

    (void)context;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->held != y->held)
        return x->held > y->held ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static int compare_rows(const void *a, const void *b, const void *context)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    (void)context;
    return x < y ? -1 : x > y;
}

uint32_t dr_series_shown(const struct dr_series *series, uint32_t rows[DR_SERIES_ACCOUNTS])
{
    struct shown *list = calloc(series->accounts_count + 1, sizeof list[0]);
    uint32_t count = 0;

    DR_ASSERT(list != NULL);
    for (uint32_t row = 0; row < series->accounts_count; row += 1) {
        const struct dr_account *about = &series->core->accounts[row];

        if (series->accounts[row] == NULL || about->removed || about->depth == 0)
            continue;
        list[count] = (struct shown){row, dr_min_u32(about->depth - 1u, 2),
                                     dr_line_sum(&series->accounts[row]->held)};
        count += 1;
    }
    dr_sort(list, count, sizeof list[0], compare_shown, NULL);
    count = dr_min_u32(count, DR_SERIES_ACCOUNTS);
    for (uint32_t i = 0; i < count; i += 1)
        rows[i] = list[i].row;
    dr_sort(rows, count, sizeof rows[0], compare_rows, NULL);
    free(list);
    return count;
}
