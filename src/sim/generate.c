/* SPDX-License-Identifier: Apache-2.0 */
/* See generate.h; read dr_generate() at the end first. */
#include "sim/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/fold.h"
#include "sim/import.h"
#include "sim/jobs.h"
#include "sim/kinds.h"

#define SAMPLES   20000 /* drawn before, for the mean demand of a job */
#define TRIES_MAX 16    /* until a job could run somewhere */
#define GANG_MAX  4096
#define MILLION   1000000u
#define YEAR_US   (365 * DR_DAY_US)
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_limit_s | \
     1u << DR_TRACE_account | 1u << DR_TRACE_cpus_per_task | 1u << DR_TRACE_chips |         \
     1u << DR_TRACE_preemptible | 1u << DR_TRACE_checkpoint_s | 1u << DR_TRACE_restart_s |  \
     1u << DR_TRACE_level | 1u << DR_TRACE_tasks_min | 1u << DR_TRACE_flexible |            \
     1u << DR_TRACE_alternatives | 1u << DR_TRACE_name | 1u << DR_TRACE_status)

/* ---- the federation ---- */

struct account {
    uint32_t row;
    uint64_t until; /* of the sum of weights */
    uint32_t sector;
};

struct home {
    uint32_t chip; /* row */
    uint32_t per_node;
    uint32_t widest; /* accelerators of its largest pool */
    uint64_t until;  /* of the sum of accelerators */
    uint8_t blocks;  /* some pool has that level */
};

struct making {
    struct dr_generate *generate;
    struct dr_core *core;
    struct dr_jobs *jobs;
    struct dr_chance chance;
    struct account *accounts;
    uint32_t accounts_count;
    struct home homes[DR_CHIPS_MAX];
    uint32_t homes_count;
    int64_t capacity; /* accelerators */
    uint32_t gang_max;
};

/* Leaves, each as likely as it has guarantees, and a little more; shares of its parent's where it
 * has none. */
static void list_accounts(struct making *making)
{
    const struct dr_core *core = making->core;
    uint64_t sum = 0;

    making->accounts = calloc(core->accounts_count + 1u, sizeof making->accounts[0]);
    DR_ASSERT(making->accounts != NULL);
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        const struct dr_account *account = &core->accounts[row];
        uint64_t weight = account->weight;

        if (account->removed || account->first_child != DR_ROW_NONE)
            continue;
        for (uint32_t group = 1; group <= core->groups_count; group += 1)
            if (core->groups[group - 1].resource == DR_RESOURCE_ACCELERATORS)
                weight +=
                    (uint64_t)dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){group})
                        ->guarantee;
        sum += weight;
        making->accounts[making->accounts_count] = (struct account){
            .row = row,
            .until = sum,
            .sector = dr_account_branch(core, (dr_account_id){row + 1}).v,
        };
        making->accounts_count += 1;
    }
}

static void list_homes(struct making *making)
{
    const struct dr_core *core = making->core;

    for (uint32_t chip = 0; chip < core->chips_count; chip += 1) {
        struct home home = {.chip = chip};
        int64_t sum = 0;

        for (uint32_t row = 0; row < core->pools_count; row += 1) {
            const struct dr_pool *pool = &core->pools[row];
            uint32_t all = pool->nodes_count * pool->accelerators;

            if (pool->removed || pool->chip.v != chip + 1 || all == 0)
                continue;
            sum += all;
            if (all <= home.widest)
                continue;
            home.widest = all;
            home.per_node = pool->accelerators;
            home.blocks = pool->levels_count > 0 && strcmp(pool->levels[0].name, "block") == 0;
        }
        if (sum == 0)
            continue;
        making->capacity += sum;
        home.until = (uint64_t)making->capacity;
        making->homes[making->homes_count] = home;
        making->homes_count += 1;
    }
    making->gang_max = making->generate->gang_max;
    for (uint32_t i = 0; making->generate->gang_max == 0 && i < making->homes_count; i += 1)
        if (making->homes[i].widest / 2 > making->gang_max)
            making->gang_max = making->homes[i].widest / 2;
    if (making->gang_max > GANG_MAX)
        making->gang_max = GANG_MAX;
}

static const struct account *pick_account(struct making *making)
{
    uint64_t at =
        dr_chance_below(&making->chance, making->accounts[making->accounts_count - 1].until);
    uint32_t low = 0;
    uint32_t high = making->accounts_count - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (making->accounts[middle].until > at)
            high = middle;
        else
            low = middle + 1;
    }
    return &making->accounts[low];
}

static const struct home *pick_home(struct making *making)
{
    uint64_t at = dr_chance_below(&making->chance, (uint64_t)making->capacity);
    uint32_t i = 0;

    while (making->homes[i].until <= at)
        i += 1;
    return &making->homes[i];
}

/* ---- one job ---- */

/* Sectors differ: each asks for some kinds up to half more often, and for others less. */
static uint32_t part_of(const struct account *account, uint32_t kind)
{
    uint32_t tilt = (uint32_t)(dr_hash_u64(account->sector * 16u + kind) >> 44) % 1000;

    return (uint32_t)((uint64_t)DR_KINDS[kind].part * (500 + tilt) / 1000);
}

static enum dr_job_kind pick_kind(struct making *making, const struct account *account)
{
    uint64_t sum = 0;
    uint64_t at;
    uint32_t kind = 0;

    for (uint32_t i = 0; i < DR_KIND_COUNT; i += 1)
        sum += part_of(account, i);
    at = dr_chance_below(&making->chance, sum);
    while (at >= part_of(account, kind)) {
        at -= part_of(account, kind);
        kind += 1;
    }
    return (enum dr_job_kind)kind;
}

/* Another chip on which it runs too, from two thirds to twice as long. */
static void add_chip(struct making *making, struct dr_trace_row *row)
{
    const struct home *other = pick_home(making);
    uint32_t factor = 667 + (uint32_t)dr_chance_below(&making->chance, 1333);

    if (strcmp(making->core->chips[other->chip].name, row->chips[0].name) == 0)
        return;
    row->chips[1] = (struct dr_trace_chip){making->core->chips[other->chip].name, factor};
    row->chips_count = 2;
}

/* Who can't be taken starts within the account's guarantee alone: has it one for so much there? */
static int is_guaranteed(const struct making *making, const struct account *account,
                         const struct home *home, uint32_t size)
{
    const struct dr_core *core = making->core;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        if (!pool->removed && pool->chip.v == home->chip + 1 &&
            dr_quota_at(core, (dr_account_id){account->row + 1},
                        pool->groups[DR_RESOURCE_ACCELERATORS])
                    ->guarantee >= (int64_t)size * 1000)
            return 1;
    }
    return 0;
}

static void draw(struct making *making, struct dr_trace_row *row)
{
    const struct dr_generate *generate = making->generate;
    const struct account *account = pick_account(making);
    const struct dr_kind *kind = &DR_KINDS[pick_kind(making, account)];
    const struct home *home = pick_home(making);
    uint32_t size = dr_kind_size(&making->chance, kind, dr_min_u32(making->gang_max, home->widest));
    uint32_t per_task = size < home->per_node ? size : home->per_node;

    *row = (struct dr_trace_row){.account = making->core->accounts[account->row].name,
                                 .user = "",
                                 .level = "",
                                 .data_class = "",
                                 .name = kind->name,
                                 .requeue = 1,
                                 .begin_us = INT64_MIN,
                                 .deadline_us = INT64_MIN};
    row->tasks = (size + per_task - 1) / per_task;
    row->accelerators_milli = per_task * 1000;
    row->cpus_milli = per_task * 2000;
    row->runtime_us = dr_kind_runtime_us(&making->chance, kind);
    row->limit_us = dr_kind_limit_us(&making->chance, row->runtime_us);
    row->chips[0] = (struct dr_trace_chip){making->core->chips[home->chip].name, 1000};
    row->chips_count = 1;
    if (dr_chance_millionths(&making->chance, generate->alternatives_milli * 1000))
        add_chip(making, row);
    row->preemptible = kind->preemptible || !is_guaranteed(making, account, home, size);
    row->checkpoint_us = kind->checkpoint_us;
    row->restart_us = kind->checkpoint_us > 0 ? 3 * DR_MINUTE_US : 0;
    if (kind->level && home->blocks && row->tasks > 1) {
        row->level_kind = 1;
        row->level = "block";
    }
    if (kind->preemptible && dr_chance_millionths(&making->chance, generate->flexible_milli * 1000))
        row->flexible = 1;
    if (kind == &DR_KINDS[DR_KIND_TRAINING] && row->tasks >= 4 &&
        dr_chance_millionths(&making->chance, generate->elastic_milli * 1000))
        row->tasks_min = row->tasks / 4;
    if (dr_kind_fails(&making->chance, &row->runtime_us))
        row->status = DR_TRACE_FAILED;
}

/* A job that the federation lets in. 0: none was found. */
static int draw_good(struct making *making, struct dr_trace_row *row)
{
    for (int i = 0; i < TRIES_MAX; i += 1) {
        struct dr_command command;
        struct dr_answer answer = {0};
        struct dr_error error;

        draw(making, row);
        if (dr_jobs_command(making->jobs, row, &command, &error) != DR_OK)
            continue;
        command.body.submit.begin_us = 0;
        if (dr_admit_check(making->core, &command, making->core->time_us, &answer))
            return 1;
    }
    return 0;
}

/* ---- when they come ---- */

static int64_t demand_of(const struct dr_trace_row *row)
{
    return dr_mul_div_floor((int64_t)row->tasks * row->accelerators_milli,
                            dr_min_i64(row->runtime_us, row->limit_us), 1000);
}

/* The mean time between two submits, so that the load is what is asked for. 0: no job was found. */
static int64_t mean_gap_us(struct making *making)
{
    __int128 sum = 0;
    uint32_t found = 0;

    for (uint32_t i = 0; i < SAMPLES; i += 1) {
        struct dr_trace_row row;

        if (!draw_good(making, &row))
            continue;
        sum += demand_of(&row);
        found += 1;
    }
    return found == 0
               ? 0
               : (int64_t)(sum * 1000 /
                           ((__int128)found * making->capacity * making->generate->load_milli)) +
                     1;
}

/* What arrivals have grown to, millionths of what they were at first. */
static int64_t growth_at(const struct dr_generate *generate, int64_t time_us)
{
    return MILLION + dr_mul_div_floor((int64_t)generate->growth_milli * 1000, time_us, YEAR_US);
}

static const struct dr_kind *kind_of(const struct dr_trace_row *row)
{
    uint32_t kind = 0;

    while (strcmp(DR_KINDS[kind].name, row->name) != 0)
        kind += 1;
    return &DR_KINDS[kind];
}

/* Arrivals are a Poisson process of the highest rate, of which each is kept with the part that its
 * kind comes at that moment (thinning: Lewis and Shedler, 1979). */
static enum dr_status write_rows(struct making *making, int64_t gap_us, FILE *trace,
                                 struct dr_error *error)
{
    struct dr_generate *generate = making->generate;
    int64_t peak = DR_KIND_RATE_MAX;
    int64_t time_us = 0;
    uint64_t written = 0;
    uint32_t vain = 0;

    dr_trace_write_header(trace, WRITTEN);
    while (written < generate->jobs) {
        int64_t growth = growth_at(generate, time_us);
        struct dr_trace_row row;

        time_us += dr_chance_exponential(
            &making->chance,
            dr_max_i64(1,
                       dr_mul_div_floor(gap_us, MILLION, dr_mul_div_floor(peak, growth, MILLION))));
        if (!draw_good(making, &row)) {
            vain += 1;
            if (vain < 1000)
                continue;
            dr_error_set(error, NULL, 0, "", "no job that could run",
                         "pools with accelerators that some leaf account may use");
            return DR_E_INPUT;
        }
        vain = 0;
        if (dr_chance_below(&making->chance, (uint64_t)peak) >=
            (uint64_t)dr_mul_div_floor(
                dr_mul_div_floor(dr_kind_rate(kind_of(&row), time_us), growth, MILLION), MILLION,
                growth))
            continue;
        row.job = written + 1;
        row.submit_us = time_us / 1000 * 1000;
        dr_trace_write(trace, WRITTEN, &row);
        written += 1;
    }
    generate->span_us = time_us;
    if (ferror(trace)) {
        dr_error_set(error, NULL, 0, "", "a trace that can't be written", "room on the disk");
        return DR_E_IO;
    }
    return DR_OK;
}

static enum dr_status make(struct making *making, FILE *trace, struct dr_error *error)
{
    int64_t gap_us;

    list_accounts(making);
    list_homes(making);
    if (making->accounts_count == 0 || making->homes_count == 0) {
        dr_error_set(error, NULL, 0, making->homes_count == 0 ? "sites" : "accounts", "none",
                     making->homes_count == 0 ? "a pool with accelerators" : "a leaf account");
        return DR_E_INPUT;
    }
    gap_us = mean_gap_us(making);
    if (gap_us == 0) {
        dr_error_set(error, NULL, 0, "", "no job that could run",
                     "pools with accelerators that some leaf account may use");
        return DR_E_INPUT;
    }
    making->chance = dr_chance_of(making->generate->seed);
    return write_rows(making, gap_us, trace, error);
}

enum dr_status dr_generate(struct dr_generate *generate, struct dr_federation *federation,
                           FILE *trace, struct dr_error *error)
{
    struct dr_fold fold = {.now_us = 1800000000 * DR_SECOND_US};
    struct making making = {.generate = generate, .chance = dr_chance_of(~generate->seed)};
    struct dr_jobs_options options = {.base_us = fold.now_us, .arrival_milli = 1000};
    enum dr_status status = dr_fold_open(&fold, error);

    if (status == DR_OK)
        status = dr_fold_federation(&fold, federation, error);
    making.core = fold.core;
    if (status == DR_OK)
        status = dr_jobs_open(&making.jobs, fold.core, &options, error);
    if (status == DR_OK)
        status = make(&making, trace, error);
    free(making.accounts);
    dr_jobs_close(making.jobs);
    dr_fold_close(&fold);
    return status;
}
