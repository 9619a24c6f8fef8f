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
#include "sim/chance.h"
#include "sim/fold.h"
#include "sim/import.h"
#include "sim/jobs.h"

#define SAMPLES     20000 /* drawn before, for the mean demand of a job */
#define TRIES_MAX   16    /* until a job could run somewhere */
#define GANG_MAX    4096
#define MILLION     1000000u
#define YEAR_US     (365 * DR_DAY_US)
#define RUNTIME_MIN (10 * DR_SECOND_US)
#define WRITTEN                                                                             \
    (1u << DR_TRACE_job_id | 1u << DR_TRACE_submit_s | 1u << DR_TRACE_runtime_s |           \
     1u << DR_TRACE_tasks | 1u << DR_TRACE_accelerators_per_task | 1u << DR_TRACE_limit_s | \
     1u << DR_TRACE_account | 1u << DR_TRACE_cpus_per_task | 1u << DR_TRACE_chips |         \
     1u << DR_TRACE_preemptible | 1u << DR_TRACE_checkpoint_s | 1u << DR_TRACE_restart_s |  \
     1u << DR_TRACE_level | 1u << DR_TRACE_tasks_min | 1u << DR_TRACE_flexible |            \
     1u << DR_TRACE_alternatives | 1u << DR_TRACE_name | 1u << DR_TRACE_status)

/* ---- the mix ---- */

enum kind_of { INTERACTIVE, BATCH, TUNING, TRAINING, KINDS };

static const struct kind {
    const char *name;
    uint32_t part;     /* of all jobs, millionths */
    uint32_t least;    /* accelerators */
    uint32_t most;     /* sizes are powers of two from the least; each is `thin` as often as the */
    uint32_t thin;     /* one before, millionths */
    int64_t median_us; /* run time */
    uint32_t sigma_milli; /* of its logarithm */
    int64_t checkpoint_us;
    uint8_t preemptible;
    uint8_t level;  /* kept within a block, if there is room in one */
    uint8_t by_day; /* follows the day and the week; the others come at all hours alike */
} MIX[KINDS] = {
    [INTERACTIVE] = {"interactive", 300000, 1, 4, 300000, 40 * DR_MINUTE_US, 1000, 0, 0, 0, 1},
    [BATCH] = {"batch", 350000, 1, 8, 500000, 30 * DR_MINUTE_US, 1200, 0, 1, 0, 0},
    [TUNING] = {"tuning", 270000, 4, 64, 450000, 3 * DR_HOUR_US, 1100, 30 * DR_MINUTE_US, 1, 1, 1},
    [TRAINING] = {"training", 80000, 32, 4096, 550000, 16 * DR_HOUR_US, 1200, DR_HOUR_US, 1, 1, 0},
};

/* Arrivals by the hour of the day, millionths of the mean: the mean of them is a million. */
static const uint32_t BY_HOUR[24] = {500000,  400000,  350000,  300000,  300000,  350000,
                                     450000,  650000,  950000,  1350000, 1600000, 1650000,
                                     1400000, 1500000, 1700000, 1700000, 1650000, 1550000,
                                     1350000, 1100000, 950000,  850000,  750000,  650000};
/* ... and by the day of the week, from Monday. */
static const uint32_t BY_DAY[7] = {1200000, 1200000, 1200000, 1200000, 1150000, 550000, 500000};

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

    return (uint32_t)((uint64_t)MIX[kind].part * (500 + tilt) / 1000);
}

static enum kind_of pick_kind(struct making *making, const struct account *account)
{
    uint64_t sum = 0;
    uint64_t at;
    uint32_t kind = 0;

    for (uint32_t i = 0; i < KINDS; i += 1)
        sum += part_of(account, i);
    at = dr_chance_below(&making->chance, sum);
    while (at >= part_of(account, kind)) {
        at -= part_of(account, kind);
        kind += 1;
    }
    return (enum kind_of)kind;
}

static uint32_t pick_size(struct making *making, const struct kind *kind, const struct home *home)
{
    uint32_t most = kind->most < making->gang_max ? kind->most : making->gang_max;
    uint32_t size = kind->least;

    if (most > home->widest)
        most = home->widest;
    while (size * 2 <= most && dr_chance_millionths(&making->chance, kind->thin))
        size *= 2;
    return size > most ? most : size;
}

/* A limit as people state it: more than it takes, in quarters of an hour; three of a hundred state
 * less. */
static int64_t pick_limit_us(struct making *making, int64_t runtime_us)
{
    uint64_t milli = dr_chance_millionths(&making->chance, 30000)
                         ? 500 + dr_chance_below(&making->chance, 500)
                         : 1100 + dr_chance_below(&making->chance, 2900);
    int64_t limit_us = dr_mul_div_floor(runtime_us, (int64_t)milli, 1000);

    return (limit_us / (15 * DR_MINUTE_US) + 1) * 15 * DR_MINUTE_US;
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
    const struct kind *kind = &MIX[pick_kind(making, account)];
    const struct home *home = pick_home(making);
    uint32_t size = pick_size(making, kind, home);
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
    row->runtime_us = dr_max_i64(
        RUNTIME_MIN, dr_chance_lognormal(&making->chance, kind->median_us, kind->sigma_milli) /
                         DR_SECOND_US * DR_SECOND_US);
    row->runtime_us = dr_min_i64(row->runtime_us, 20 * DR_DAY_US);
    row->limit_us = pick_limit_us(making, row->runtime_us);
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
    if (kind == &MIX[TRAINING] && row->tasks >= 4 &&
        dr_chance_millionths(&making->chance, generate->elastic_milli * 1000))
        row->tasks_min = row->tasks / 4;
    if (dr_chance_millionths(&making->chance, 40000)) {
        row->status = DR_TRACE_FAILED;
        row->runtime_us =
            dr_max_i64(RUNTIME_MIN, row->runtime_us / 8 / DR_SECOND_US * DR_SECOND_US);
    }
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

/* How many come at a moment over the mean, millionths. The trace begins on a Monday at midnight. */
static int64_t rate_at(const struct dr_generate *generate, int64_t time_us, int by_day)
{
    int64_t growth =
        MILLION + dr_mul_div_floor((int64_t)generate->growth_milli * 1000, time_us, YEAR_US);
    int64_t rate = MILLION;

    if (by_day) {
        rate = BY_HOUR[time_us % DR_DAY_US / DR_HOUR_US];
        rate = dr_mul_div_floor(rate, BY_DAY[time_us / DR_DAY_US % 7], MILLION);
    }
    return dr_mul_div_floor(rate, growth, MILLION);
}

static int is_by_day(const struct dr_trace_row *row)
{
    for (uint32_t kind = 0; kind < KINDS; kind += 1)
        if (strcmp(MIX[kind].name, row->name) == 0)
            return MIX[kind].by_day;
    return 0;
}

/* Arrivals are a Poisson process of the highest rate, of which each is kept with the part that its
 * kind comes at that moment (thinning: Lewis and Shedler, 1979). */
static enum dr_status write_rows(struct making *making, int64_t gap_us, FILE *trace,
                                 struct dr_error *error)
{
    struct dr_generate *generate = making->generate;
    int64_t peak = 2100000; /* no rate without growth is above */
    int64_t time_us = 0;
    uint64_t written = 0;
    uint32_t vain = 0;

    dr_trace_write_header(trace, WRITTEN);
    while (written < generate->jobs) {
        int64_t growth = rate_at(generate, time_us, 0);
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
            (uint64_t)dr_mul_div_floor(rate_at(generate, time_us, is_by_day(&row)), MILLION,
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
