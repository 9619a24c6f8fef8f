/* SPDX-License-Identifier: Apache-2.0 */
/* Building the nation. Read nation_new() first. */
#include "nation_world.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "nation_ledger.h"

#define START_US      (1800000000 * DR_SECOND_US) /* a Tuesday in 2027 */
#define BATCH_BYTES   (64u << 20)                 /* as the live loop's */
#define DECIDE_BYTES  (4u << 20)
#define BATCH_EFFECTS (1u << 20)
#define SHAPES        (NATION_SIZES * NATION_SHAPES_EACH)
#define OWN_SHAPES    256 /* made by nation_shape() */
#define ROOT          1
#define USER          1

static const char *const CHIP_NAMES[NATION_CHIPS] = {"chip-a", "chip-b", "chip-c", "chip-d",
                                                     "chip-e", "chip-f", "chip-g", "chip-h"};

void nation_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("bench/nation: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *zeroed(size_t count, size_t bytes)
{
    void *made = calloc(count == 0 ? 1 : count, bytes);

    if (made == NULL)
        nation_fail("out of memory");
    return made;
}

/* ---- chance ---- */

uint64_t nation_random(struct nation *nation)
{
    nation->random += UINT64_C(0x9e3779b97f4a7c15);
    return dr_hash_u64(nation->random);
}

uint32_t nation_pick(struct nation *nation, uint32_t below)
{
    return (uint32_t)((nation_random(nation) >> 32) * below >> 32);
}

static double unit(struct nation *nation)
{
    return (double)(nation_random(nation) >> 11) / 9007199254740992.0;
}

static int chance(struct nation *nation, uint32_t percent)
{
    return nation_pick(nation, 100) < percent;
}

/* ---- driving ---- */

static uint64_t *grown(uint64_t *ids, uint32_t *max)
{
    *max = 2 * *max + 1024;
    ids = realloc(ids, *max * sizeof ids[0]);
    if (ids == NULL)
        nation_fail("out of memory");
    return ids;
}

void nation_drain(struct nation *nation)
{
    struct dr_batch *batch = &nation->batch;
    uint32_t at = 0;

    while (at < batch->bytes_count) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&nation->decoded, 0);
        if (dr_fact_decode(batch->bytes + at, batch->bytes_count - at, &nation->decoded, &fact,
                           &taken, &error) != DR_OK)
            nation_fail("a fact of the core does not decode: %s", error.field);
        nation->facts[fact.kind] += 1;
        if (nation->watch != NULL)
            nation->watch(nation, &fact, nation->watch_context);
        if (nation->ledger != NULL)
            ledger_fact(nation->ledger, &fact);
        if (fact.kind == DR_FACT_JOB_PLACED) {
            if (nation->launched_count == nation->launched_max)
                nation->launched = grown(nation->launched, &nation->launched_max);
            nation->launched[nation->launched_count] = fact.job_placed.job;
            nation->launched_count += 1;
        }
        if (fact.kind == DR_FACT_ATTEMPT_STOPPING) {
            if (nation->leaving_count == nation->leaving_max)
                nation->leaving = grown(nation->leaving, &nation->leaving_max);
            nation->leaving[nation->leaving_count] = fact.attempt_stopping.job;
            nation->leaving_count += 1;
        }
        at += taken;
    }
    dr_batch_clear(batch);
}

static struct dr_answer admit(struct nation *nation, struct dr_command *command)
{
    struct dr_answer answer;

    if (!dr_admit(nation->core, command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses: %s: %s", answer.field, answer.text);
    nation_drain(nation);
    return answer;
}

void nation_admit(struct nation *nation, const struct dr_command *command)
{
    struct dr_command copy = *command;

    admit(nation, &copy);
}

static uint32_t declare(struct nation *nation, struct dr_fact fact)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff, .body.declare = fact};

    return admit(nation, &command).id;
}

void nation_decide(struct nation *nation)
{
    int more;

    do {
        more = dr_decide(nation->core, nation->now_us, &nation->batch);
        nation_drain(nation);
    } while (more);
}

void nation_started(struct nation *nation)
{
    for (uint32_t i = 0; i < nation->launched_count; i += 1) {
        const struct ledger_job *job = &nation->ledger->jobs[nation->launched[i]];
        struct dr_command command = {.kind = DR_COMMAND_STARTED, .roles = 0xff};

        command.body.attempt.job.v = nation->launched[i];
        command.body.attempt.attempt = job->attempt;
        command.body.attempt.time_us = nation->now_us;
        admit(nation, &command);
    }
    nation->launched_count = 0;
}

void nation_left(struct nation *nation)
{
    for (uint32_t i = 0; i < nation->leaving_count; i += 1)
        if (nation->ledger->jobs[nation->leaving[i]].state == LEDGER_LEAVING) {
            struct dr_command command = nation_end_command(nation, nation->leaving[i]);

            admit(nation, &command);
        }
    nation->leaving_count = 0;
}

struct dr_command nation_end_command(const struct nation *nation, uint64_t id)
{
    const struct ledger_job *job = &nation->ledger->jobs[id];
    struct dr_command command = {.kind = DR_COMMAND_ENDED, .roles = 0xff};

    command.body.attempt.job.v = id;
    command.body.attempt.attempt = job->attempt;
    command.body.attempt.time_us = nation->now_us;
    command.body.attempt.outcome =
        job->state == LEDGER_LEAVING ? DR_OUTCOME_STOPPED : DR_OUTCOME_EXITED;
    return command;
}

void nation_tick(struct nation *nation)
{
    struct dr_command command = {.kind = DR_COMMAND_TICK, .roles = 0xff};

    admit(nation, &command);
}

void nation_declare_settings(struct nation *nation, uint32_t reserve_depth)
{
    struct dr_fact fact = {.kind = DR_FACT_SETTINGS_SET};

    dr_copy_name(fact.settings_set.name, "nation");
    dr_copy_name(fact.settings_set.currency, "krw");
    fact.settings_set.half_life_us = 7 * DR_DAY_US;
    fact.settings_set.minimum_run_us = 5 * DR_MINUTE_US;
    fact.settings_set.loss_cap_us = DR_HOUR_US;
    fact.settings_set.preemption_credit_us = 30 * DR_MINUTE_US;
    fact.settings_set.default_limit_us = DR_DAY_US;
    fact.settings_set.default_grace_us = 30 * DR_SECOND_US;
    fact.settings_set.retain_ended_us = DR_MINUTE_US;
    fact.settings_set.requeue_limit = 10;
    fact.settings_set.reserve_depth = reserve_depth;
    fact.settings_set.job_uid = 65534;
    fact.settings_set.job_gid = 65534;
    fact.settings_set.span_price_micro = nation->span_price_micro;
    declare(nation, fact);
}

/* ---- the machines ---- */

static uint32_t scaled(const struct nation *nation, uint32_t at_a_million, double power,
                       uint32_t least)
{
    double value = (double)at_a_million * pow((double)nation->accelerators / 1e6, power) + 0.5;

    return value < least ? least : (uint32_t)value;
}

static void choose_datasets(struct nation *nation)
{
    for (uint32_t d = 0; d < NATION_DATASETS; d += 1) {
        dr_site_set_add(&nation->datasets[d], 0);
        for (uint32_t s = 1; s < nation->sites_count; s += 1)
            if (chance(nation, 60))
                dr_site_set_add(&nation->datasets[d], s);
    }
}

/* Sizes fall with the rank to the power 0.8: at a million 121 to 3,900 nodes or so. */
static void size_pools(struct nation *nation)
{
    double sum = 0;
    uint32_t left = nation->nodes_count;

    for (uint32_t p = 0; p < nation->pools_count; p += 1)
        sum += pow(p + 6.0, -0.8);
    for (uint32_t p = nation->pools_count; p > 0; p -= 1) {
        uint32_t nodes = (uint32_t)(nation->nodes_count * pow(p + 5.0, -0.8) / sum);

        nation->pools[p - 1].nodes = p == 1 ? left : nodes < 1 ? 1 : nodes;
        left -= p == 1 ? 0 : nation->pools[p - 1].nodes;
    }
}

static void choose_sites(struct nation *nation)
{
    for (uint32_t s = 0; s < nation->sites_count; s += 1) {
        struct nation_site *site = &nation->sites[s];
        int64_t base = 80000 + nation_pick(nation, 60000);

        site->jurisdiction = s > 0 && chance(nation, 8);
        site->assurance = 1 + nation_pick(nation, 3);
        site->classes =
            3u | (s == 0 || chance(nation, 70) ? 4u : 0) | (s == 0 || chance(nation, 30) ? 8u : 0);
        site->pue_milli = 1080 + nation_pick(nation, 400);
        if (s == 0)
            site->assurance = 3;
        for (uint32_t h = 0; h < DR_TARIFF_HOURS; h += 1)
            site->tariff_micro[h] = base *
                                    (h >= 10 && h < 18  ? 16
                                     : h >= 22 || h < 6 ? 7
                                                        : 10) /
                                    10;
    }
}

static void choose_pools(struct nation *nation)
{
    size_pools(nation);
    for (uint32_t p = 0, row = 0; p < nation->pools_count; p += 1) {
        struct nation_pool *pool = &nation->pools[p];

        pool->site = p < nation->sites_count ? p : nation_pick(nation, nation->sites_count);
        pool->chip = p < NATION_CHIPS ? p : nation_pick(nation, NATION_CHIPS);
        /* A chip's first pool is the nation's; of four chips others have some as well. */
        pool->group =
            pool->chip < NATION_GROUPS - NATION_CHIPS && p >= NATION_CHIPS && chance(nation, 30)
                ? NATION_CHIPS + pool->chip
                : pool->chip;
        pool->node_first = row;
        row += pool->nodes;
        nation->group_accelerators[pool->group] += (int64_t)pool->nodes * NATION_PER_NODE;
        if (p >= NATION_CHIPS && chance(nation, 5)) {
            pool->consent[0] = 2 + nation_pick(nation, nation->sectors_count);
            pool->consent[1] = 2 + nation_pick(nation, nation->sectors_count);
        }
    }
    /* Every fifth site has a cap that binds: what it draws with 96 % of its accelerators busy. */
    for (uint32_t s = 0; s < nation->sites_count; s += 1) {
        int64_t idle = 0;
        int64_t busy = 0;

        for (uint32_t p = 0; p < nation->pools_count; p += 1) {
            const struct nation_pool *pool = &nation->pools[p];

            if (pool->site != s)
                continue;
            idle += pool->nodes *
                    (nation->node_idle_w + NATION_PER_NODE * nation->chip_idle_w[pool->chip]);
            busy += (int64_t)pool->nodes * NATION_PER_NODE *
                    (nation->chip_busy_w[pool->chip] - nation->chip_idle_w[pool->chip]);
        }
        nation->sites[s].power_cap_w =
            (idle + (s % 5 == 4 ? busy * 96 / 100 : busy)) * nation->sites[s].pue_milli / 1000 + 1;
    }
}

static void declare_machines(struct nation *nation)
{
    for (uint32_t c = 0; c < NATION_CHIPS; c += 1) {
        struct dr_fact fact = {.kind = DR_FACT_CHIP_SET};

        dr_copy_name(fact.chip_set.name, CHIP_NAMES[c]);
        dr_copy_name(fact.chip_set.vendor, c < 5 ? "one" : "two");
        dr_copy_name(fact.chip_set.country, c < 5 ? "us" : "kr");
        fact.chip_set.memory_mb = 65536 + 32768 * (int64_t)c;
        fact.chip_set.idle_w = nation->chip_idle_w[c];
        fact.chip_set.busy_w = nation->chip_busy_w[c];
        fact.chip_set.price_micro = nation->chip_price_micro[c];
        declare(nation, fact);
    }
    for (uint32_t k = 0; k < NATION_CLASSES; k += 1) {
        static const char *const names[NATION_CLASSES] = {"public", "internal", "medical",
                                                          "defence"};
        static const uint8_t shares[NATION_CLASSES] = {DR_SHARE_ACCELERATOR, DR_SHARE_NODE,
                                                       DR_SHARE_NODE, DR_SHARE_BLOCK};
        struct dr_fact fact = {.kind = DR_FACT_DATA_CLASS_SET};
        struct dr_name kr = {"kr"};

        dr_copy_name(fact.data_class_set.name, names[k]);
        fact.data_class_set.jurisdictions = &kr;
        fact.data_class_set.jurisdictions_count = k >= 2;
        fact.data_class_set.assurance_min = k < 2 ? 0 : k;
        fact.data_class_set.share = shares[k];
        declare(nation, fact);
    }
    for (uint32_t s = 0; s < nation->sites_count; s += 1) {
        const struct nation_site *site = &nation->sites[s];
        struct dr_fact fact = {.kind = DR_FACT_SITE_SET};

        dr_format(fact.site_set.name, DR_NAME_BYTES, "site%u", s + 1);
        dr_copy_name(fact.site_set.jurisdiction, site->jurisdiction == 0 ? "kr" : "jp");
        fact.site_set.assurance = site->assurance;
        fact.site_set.power_cap_w = site->power_cap_w;
        fact.site_set.pue_milli = site->pue_milli;
        fact.site_set.tariff_micro = site->tariff_micro;
        fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
        fact.site_set.utc_offset_min = 540;
        fact.site_set.classes = site->classes;
        fact.site_set.engine = DR_ENGINE_SIMULATED;
        declare(nation, fact);
    }
    for (uint32_t d = 0; d < NATION_DATASETS; d += 1) {
        struct dr_fact fact = {.kind = DR_FACT_DATASET_SET};

        dr_format(fact.dataset_set.name, DR_NAME_BYTES, "data%u", d + 1);
        fact.dataset_set.bytes = (INT64_C(1) << 30) * (1 + nation_pick(nation, 4096));
        fact.dataset_set.sites = nation->datasets[d];
        declare(nation, fact);
    }
    for (uint32_t p = 0; p < nation->pools_count; p += 1) {
        const struct nation_pool *pool = &nation->pools[p];
        struct dr_fact fact = {.kind = DR_FACT_POOL_SET};
        struct dr_fact nodes = {.kind = DR_FACT_NODES_ADDED};
        struct dr_level levels[2] = {{"block", NATION_BLOCK}, {"rack", NATION_RACK}};
        uint32_t groups[DR_RESOURCE_COUNT] = {1 + 3 * pool->group, 2 + 3 * pool->group,
                                              3 + 3 * pool->group};

        fact.pool_set.site = pool->site + 1;
        fact.pool_set.chip = pool->chip + 1;
        dr_format(fact.pool_set.name, DR_NAME_BYTES, "pool%u", p + 1);
        dr_format(fact.pool_set.node_prefix, DR_NAME_BYTES, "p%un", p + 1);
        fact.pool_set.owner = pool->group < NATION_CHIPS ? ROOT : 2;
        fact.pool_set.accelerators = NATION_PER_NODE;
        fact.pool_set.cpus = NATION_CPUS * 1000;
        fact.pool_set.memory_mb = NATION_MEMORY_MB;
        fact.pool_set.node_idle_w = nation->node_idle_w;
        fact.pool_set.node_digits = 4;
        fact.pool_set.levels = levels;
        fact.pool_set.levels_count = 2;
        fact.pool_set.groups = groups;
        fact.pool_set.groups_count = DR_RESOURCE_COUNT;
        fact.pool_set.consent = pool->consent;
        fact.pool_set.consent_count = pool->consent[0] == 0 ? 0 : 2;
        nodes.nodes_added.pool = declare(nation, fact);
        nodes.nodes_added.count = pool->nodes;
        declare(nation, nodes);
    }
}

/* ---- the tenants ---- */

static void choose_accounts(struct nation *nation)
{
    double power = 1.0 / 6;
    uint32_t sectors = scaled(nation, 10, power, 2);
    uint32_t orgs = scaled(nation, 20, power, 2);
    uint32_t leaves = scaled(nation, 25, power, 4);
    double sums[NATION_GROUPS] = {0};
    uint32_t ranks[NATION_GROUPS] = {0};
    double *weights;
    uint32_t row = 1;

    nation->sectors_count = sectors;
    nation->leaves_count = sectors * orgs * leaves;
    nation->leaf_first = 1 + sectors + sectors * orgs;
    nation->accounts_count = nation->leaf_first + nation->leaves_count;
    nation->accounts = zeroed(nation->accounts_count, sizeof nation->accounts[0]);
    weights = zeroed(nation->leaves_count, sizeof weights[0]);
    nation->accounts[0].parent = UINT32_MAX;
    for (uint32_t i = 0; i < sectors; i += 1, row += 1)
        nation->accounts[row] = (struct nation_account){.parent = 0, .depth = 1};
    for (uint32_t i = 0; i < sectors * orgs; i += 1, row += 1)
        nation->accounts[row] = (struct nation_account){.parent = 1 + i / orgs, .depth = 2};
    for (uint32_t i = 0; i < nation->leaves_count; i += 1, row += 1) {
        uint32_t home = nation_pick(nation, NATION_GROUPS);

        nation->accounts[row] =
            (struct nation_account){.parent = 1 + sectors + i / leaves, .depth = 3, .home = home};
        weights[i] = pow(ranks[home] + 1.0, -0.7);
        ranks[home] += 1;
        sums[home] += weights[i];
    }
    for (uint32_t a = 0; a < nation->accounts_count; a += 1) {
        struct nation_account *account = &nation->accounts[a];

        account->weight = a == 0 ? 1000 : 500u << nation_pick(nation, 4);
        for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
            account->borrow[g] = -1;
    }
    /* 85 % of each group is guaranteed, all of it to leaves. */
    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        uint32_t leaf = nation->leaf_first + i;
        uint32_t home = nation->accounts[leaf].home;
        int64_t guarantee =
            (int64_t)((double)nation->group_accelerators[home] * 0.85 * weights[i] / sums[home]);

        for (uint32_t at = leaf; at != 0; at = nation->accounts[at].parent)
            nation->accounts[at].guarantee[home] += guarantee;
        if (chance(nation, 30))
            nation->accounts[leaf].borrow[home] = guarantee / 2 + 8;
        if (chance(nation, 20))
            nation->accounts[leaf].keep[home] = guarantee - guarantee / 2;
    }
    for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
        nation->accounts[0].guarantee[g] = nation->group_accelerators[g];
    free(weights);
}

static void declare_account(struct nation *nation, uint32_t row)
{
    static const int64_t each[DR_RESOURCE_COUNT] = {1000, NATION_CPUS * 1000 / NATION_PER_NODE,
                                                    NATION_MEMORY_MB / NATION_PER_NODE};
    const struct nation_account *account = &nation->accounts[row];
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};
    struct dr_quota_limits limits[NATION_GROUPS * DR_RESOURCE_COUNT];
    uint32_t count = 0;

    for (uint32_t g = 0; g < NATION_GROUPS; g += 1)
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1) {
            if (account->guarantee[g] == 0 && account->borrow[g] < 0)
                continue;
            limits[count] = (struct dr_quota_limits){
                {1 + 3 * g + r},
                account->guarantee[g] * each[r],
                account->borrow[g] < 0 ? DR_FOREVER_US : account->borrow[g] * each[r],
                account->keep[g] == 0 ? DR_FOREVER_US
                                      : (account->guarantee[g] - account->keep[g]) * each[r]};
            count += 1;
        }
    fact.account_set.account = row + 1;
    fact.account_set.parent = row == 0 ? 0 : account->parent + 1;
    dr_format(fact.account_set.name, DR_NAME_BYTES, row == 0 ? "nation" : "account%u", row);
    fact.account_set.weight = account->weight;
    fact.account_set.limits = limits;
    fact.account_set.limits_count = count;
    declare(nation, fact);
}

/* ---- the shapes of jobs ---- */

/* `from` to `to`, as many between 16 and 32 as between 32 and 64; a multiple of `step`. */
static uint32_t between(struct nation *nation, uint32_t from, uint32_t to, uint32_t step)
{
    uint32_t value = (uint32_t)(from * pow((double)to / from, unit(nation)));

    value = (value + step / 2) / step * step;
    return value < from ? from : value > to ? to : value;
}

static uint32_t size_of_class(struct nation *nation, uint32_t class)
{
    static const uint32_t to_eight[20] = {1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                          2, 2, 4, 4, 4, 3, 6, 8, 8, 8};
    static const uint32_t to_four[20] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2,
                                         2, 2, 2, 2, 3, 4, 4, 4, 4, 4};
    uint32_t most = nation->pools[0].nodes * NATION_PER_NODE;
    uint32_t size = 8;

    if (class == 0)
        size = to_eight[nation_pick(nation, 20)];
    if (class == 1)
        size = between(nation, 16, 64, 8);
    if (class == 2)
        size = between(nation, 128, 512, 8);
    if (class == 3)
        size = between(nation, 1024, 4096, 64);
    if (class == 4)
        size = to_four[nation_pick(nation, 20)];
    if (class == 6)
        size = between(nation, 16, 512, 8);
    return size > most ? most : size;
}

static uint64_t some_chips(struct nation *nation)
{
    uint64_t chips = 0;
    uint32_t count = 1 + nation_pick(nation, 4);

    if (chance(nation, 25))
        return 0;
    for (uint32_t i = 0; i < count; i += 1)
        chips |= UINT64_C(1) << nation_pick(nation, NATION_CHIPS);
    return chips;
}

static struct dr_alternative way_of(struct nation *nation, uint32_t size)
{
    uint32_t each = size < 8 ? size : 8;
    uint32_t hungry = each <= 4 && chance(nation, 10);
    uint32_t lean = nation_pick(nation, 3);
    struct dr_alternative way = {.factor = 1000};

    if (size > 8 && chance(nation, 10))
        each = 4;
    way.tasks = size / each;
    way.accelerators_per_task = each * 1000;
    way.cpus_per_task = each * (hungry ? 24000 : 8000 + 4000 * lean);
    way.memory_mb_per_task = each * (hungry ? 393216u : 65536u << lean);
    if (each == 8 || size > 8)
        way.cpus_per_task = each * (8000 + 4000 * lean);
    if (size > 8)
        way.memory_mb_per_task = each * (65536u << lean);
    way.chips = some_chips(nation);
    return way;
}

static int law_allows(const struct nation *nation, const struct nation_shape *shape, uint32_t s)
{
    const struct nation_site *site = &nation->sites[s];
    uint32_t k = shape->data_class;

    if (!dr_site_set_empty(&shape->sites) && !dr_site_set_has(&shape->sites, s))
        return 0;
    if (k == 0)
        return 1;
    return (site->classes >> (k - 1) & 1) && site->assurance >= (k <= 2 ? 0 : k - 1) &&
           (k <= 2 || site->jurisdiction == 0);
}

/* Fills in where each way is feasible. Returns whether the first one is somewhere, consent aside.
 */
static int judge(struct nation *nation, struct nation_shape *shape)
{
    int somewhere = 0;

    memset(shape->feasible, 0, sizeof shape->feasible);
    memset(shape->near, 0, sizeof shape->near);
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        const struct dr_alternative *way = &shape->alternatives[i];
        uint32_t per_node = NATION_PER_NODE / (way->accelerators_per_task / 1000);
        uint32_t nodes = (way->tasks + per_node - 1) / per_node;

        for (uint32_t p = 0; p < nation->pools_count; p += 1) {
            const struct nation_pool *pool = &nation->pools[p];

            if ((way->chips != 0 && (way->chips >> pool->chip & 1) == 0) || nodes > pool->nodes ||
                (shape->level_kind == 2 && nodes > shape->level_nodes) ||
                !law_allows(nation, shape, pool->site))
                continue;
            shape->feasible[i][p / 64] |= UINT64_C(1) << (p % 64);
            if (shape->dataset != 0 &&
                !dr_site_set_has(&nation->datasets[shape->dataset - 1], pool->site))
                continue;
            shape->near[i][p / 64] |= UINT64_C(1) << (p % 64);
            somewhere |= i == 0 && pool->consent[0] == 0;
        }
    }
    return somewhere;
}

static void choose_shape(struct nation *nation, uint32_t class, struct nation_shape *shape)
{
    uint32_t size = size_of_class(nation, class);

    for (uint32_t tries = 0; tries < 1000; tries += 1) {
        *shape = (struct nation_shape){.size = size, .alternatives_count = 1};
        shape->alternatives[0] = way_of(nation, size);
        if (size > 8 && size <= NATION_BLOCK * NATION_PER_NODE && chance(nation, 25))
            shape->level_kind = 2;
        else if (size > 8 && chance(nation, 50))
            shape->level_kind = 1;
        if (shape->level_kind != 0) {
            int block = shape->level_kind == 2 || size <= NATION_BLOCK * NATION_PER_NODE;

            shape->level = block ? "block" : "rack";
            shape->level_nodes = block ? NATION_BLOCK : NATION_RACK;
        }
        if (chance(nation, 10))
            for (uint32_t s = 0; s < nation->sites_count; s += 1)
                if (chance(nation, 50))
                    dr_site_set_add(&shape->sites, s);
        if (chance(nation, 15))
            shape->data_class = 1 + nation_pick(nation, NATION_CLASSES - 1);
        else if (size >= 8 && chance(nation, 2))
            shape->data_class = NATION_CLASSES;
        if (chance(nation, 10))
            shape->dataset = 1 + nation_pick(nation, NATION_DATASETS);
        if (chance(nation, 20)) {
            struct dr_alternative *other = &shape->alternatives[1];

            *other = shape->alternatives[0];
            other->chips = some_chips(nation);
            if (size > 8 && size <= 1024 && shape->level_kind != 2)
                other->tasks *= 2;
            other->factor = 700 + 100 * nation_pick(nation, 10);
            shape->alternatives_count = 2;
        }
        if (judge(nation, shape))
            return;
    }
    nation_fail("no pool holds a gang of %u", size);
}

uint32_t nation_shape(struct nation *nation, uint32_t tasks, uint32_t each, uint64_t chips)
{
    struct nation_shape *shape = &nation->shapes[nation->shapes_count];

    if (nation->shapes_count == SHAPES + OWN_SHAPES)
        nation_fail("more shapes of its own than the bench has room for");
    *shape = (struct nation_shape){.size = tasks * each, .alternatives_count = 1};
    shape->alternatives[0] = (struct dr_alternative){.tasks = tasks,
                                                     .accelerators_per_task = each * 1000,
                                                     .cpus_per_task = each * 8000,
                                                     .memory_mb_per_task = each * 65536,
                                                     .chips = chips,
                                                     .factor = 1000};
    judge(nation, shape);
    nation->shapes_count += 1;
    return nation->shapes_count - 1;
}

/* ---- all of it ---- */

struct nation *nation_new(uint32_t accelerators, uint64_t seed, uint32_t jobs_max)
{
    struct nation *nation = zeroed(1, sizeof *nation);
    struct dr_command lead = {.kind = DR_COMMAND_LEAD, .roles = 0xff, .body.lead.program = "bench"};
    struct dr_fact user = {.kind = DR_FACT_USER_SET};
    struct dr_membership membership = {{ROOT}, DR_ROLE_ACCOUNT_ADMIN};

    nation->accelerators = accelerators;
    nation->random = seed;
    nation->nodes_count = accelerators / NATION_PER_NODE;
    nation->pools_count = scaled(nation, 300, 0.5, NATION_CHIPS);
    nation->sites_count = scaled(nation, 50, 0.5, 2);
    nation->node_idle_w = 900;
    nation->span_price_micro = 500000;
    nation->sites = zeroed(nation->sites_count, sizeof nation->sites[0]);
    nation->pools = zeroed(nation->pools_count, sizeof nation->pools[0]);
    for (uint32_t c = 0; c < NATION_CHIPS; c += 1) {
        nation->chip_idle_w[c] = 80 + 10 * (int64_t)c;
        nation->chip_busy_w[c] = 450 + 110 * (int64_t)c;
        nation->chip_price_micro[c] = 1200000 + 420000 * (int64_t)c;
    }
    nation->sectors_count = scaled(nation, 10, 1.0 / 6, 2);
    choose_sites(nation);
    choose_datasets(nation);
    choose_pools(nation);
    choose_accounts(nation);
    nation->shapes = zeroed(SHAPES + OWN_SHAPES, sizeof nation->shapes[0]);
    nation->shapes_count = SHAPES;
    for (uint32_t i = 0; i < SHAPES; i += 1)
        choose_shape(nation, i / NATION_SHAPES_EACH, &nation->shapes[i]);

    nation->limits = (struct dr_limits){.jobs_max = jobs_max,
                                        .nodes_max = nation->nodes_count,
                                        .pools_max = nation->pools_count,
                                        .accounts_max = nation->accounts_count,
                                        .users_max = 64,
                                        .tokens_max = 64,
                                        .groups_max = NATION_GROUPS * DR_RESOURCE_COUNT,
                                        .datasets_max = NATION_DATASETS,
                                        .extents_max = 4 * accelerators + 65536};
    if (dr_core_open(&nation->core, &nation->limits) != DR_OK ||
        dr_arena_init(&nation->decoded, 64u << 20) != DR_OK)
        nation_fail("no address space");
    nation->batch = (struct dr_batch){.bytes = malloc(BATCH_BYTES),
                                      .bytes_max = DECIDE_BYTES,
                                      .effects = zeroed(BATCH_EFFECTS, sizeof(struct dr_effect)),
                                      .effects_max = BATCH_EFFECTS};
    if (nation->batch.bytes == NULL)
        nation_fail("out of memory");
    nation->now_us = START_US;
    nation_admit(nation, &lead);
    nation_declare_settings(nation, 1);
    for (uint32_t i = 0; i < NATION_GROUPS * DR_RESOURCE_COUNT; i += 1) {
        static const char *const suffix[DR_RESOURCE_COUNT] = {"", "-cpu", "-memory"};
        struct dr_fact fact = {.kind = DR_FACT_GROUP_SET};

        dr_format(fact.group_set.name, DR_NAME_BYTES, "group%u%s", i / 3 + 1, suffix[i % 3]);
        fact.group_set.resource = (uint8_t)(i % 3);
        declare(nation, fact);
    }
    for (uint32_t row = 0; row < 1 + nation->sectors_count; row += 1)
        declare_account(nation, row);
    declare_machines(nation);
    for (uint32_t row = 1 + nation->sectors_count; row < nation->accounts_count; row += 1)
        declare_account(nation, row);
    dr_copy_name(user.user_set.name, "somebody");
    user.user_set.uid = 1000;
    user.user_set.gid = 1000;
    user.user_set.memberships = &membership;
    user.user_set.memberships_count = 1;
    declare(nation, user);
    nation->ledger = ledger_new(nation, jobs_max);
    return nation;
}

void nation_free(struct nation *nation)
{
    if (nation == NULL)
        return;
    ledger_free(nation->ledger);
    dr_core_close(nation->core);
    dr_arena_deinit(&nation->decoded);
    free(nation->batch.bytes);
    free(nation->batch.effects);
    free(nation->sites);
    free(nation->pools);
    free(nation->accounts);
    free(nation->shapes);
    free(nation->launched);
    free(nation->leaving);
    free(nation);
}

/* ---- jobs ---- */

static uint32_t class_of(struct nation *nation, enum nation_mix mix)
{
    uint32_t at = nation_pick(nation, 1000);

    if (mix == NATION_MIX_A)
        return at < 700 ? 0 : at < 900 ? 1 : at < 990 ? 2 : 3;
    return at < 900 ? 4 : at < 985 ? 5 : 6;
}

struct nation_job nation_draw(struct nation *nation, enum nation_mix mix, uint32_t size_max)
{
    static const int64_t hours[8] = {1, 2, 4, 8, 12, 24, 24, 48};
    struct nation_job job = {0};

    do {
        double at = unit(nation);

        /* Some shapes are much more frequent than others. */
        job.shape =
            class_of(nation, mix) * NATION_SHAPES_EACH + (uint32_t)(at * at * NATION_SHAPES_EACH);
        job.size = nation->shapes[job.shape].size;
    } while (size_max != 0 && job.size > size_max);
    job.limit_us = hours[nation_pick(nation, 8)] * DR_HOUR_US;
    job.priority = chance(nation, 80) ? 0 : chance(nation, 70) ? 10 : 100;
    return job;
}

uint32_t nation_leaf(struct nation *nation)
{
    return nation->leaf_first + nation_pick(nation, nation->leaves_count);
}

void nation_command(const struct nation *nation, const struct nation_job *job,
                    struct nation_submit *store)
{
    const struct nation_shape *shape = &nation->shapes[job->shape];
    struct dr_fact_job_accepted *submit = &store->command.body.submit;

    memset(store, 0, sizeof *store);
    store->command.kind = DR_COMMAND_SUBMIT;
    store->command.user.v = USER;
    store->command.roles = 0xff;
    submit->account = job->account + 1;
    submit->job_user = USER;
    submit->priority = job->priority;
    submit->alternatives = shape->alternatives;
    submit->alternatives_count = shape->alternatives_count;
    submit->level_kind = (uint8_t)shape->level_kind;
    if (shape->level_kind != 0)
        dr_copy_name(submit->level, shape->level);
    submit->sites = shape->sites;
    submit->data_class = shape->data_class;
    if (shape->dataset != 0) {
        store->dataset = shape->dataset;
        submit->datasets = &store->dataset;
        submit->datasets_count = 1;
    }
    submit->limit_us = job->limit_us;
    submit->preemptible = !job->firm;
    submit->requeue = 1;
    submit->checkpoint_us = 30 * DR_MINUTE_US;
    submit->restart_us = 5 * DR_MINUTE_US;
    submit->grace_us = 30 * DR_SECOND_US;
}

uint64_t nation_submit(struct nation *nation, const struct nation_job *job)
{
    struct nation_submit store;
    struct dr_answer answer;

    nation_command(nation, job, &store);
    if (!dr_admit(nation->core, &store.command, nation->now_us, &nation->batch, &answer))
        nation_fail("the core refuses a job of %u: %s: %s", job->size, answer.field, answer.text);
    nation->jobs_count = answer.job.v;
    ledger_accept(nation->ledger, answer.job.v, job);
    nation_drain(nation);
    return answer.job.v;
}

/* ---- full, without a decision ---- */

static void settle(struct nation *nation, struct dr_fact *fact)
{
    fact->seq = dr_core_seq(nation->core) + 1;
    fact->time_us = nation->now_us;
    dr_apply(nation->core, fact, NULL);
    ledger_fact(nation->ledger, fact);
}

/* Submit it and put it somewhere in the group (NATION_GROUPS: in any). Returns 0 when there is no
 * place: then it has not been submitted. */
static int put(struct nation *nation, struct nation_job *job, uint32_t group)
{
    static struct dr_extent extents[DR_TASKS_MAX];
    const struct nation_shape *shape = &nation->shapes[job->shape];
    uint32_t first = nation_pick(nation, nation->pools_count);

    for (uint32_t i = 0; i < nation->pools_count; i += 1) {
        uint32_t p = (first + i) % nation->pools_count;

        if (group < NATION_GROUPS && nation->pools[p].group != group)
            continue;
        for (uint32_t way = 0; way < shape->alternatives_count; way += 1) {
            struct dr_fact placed = {.kind = DR_FACT_JOB_PLACED};
            struct dr_fact started = {.kind = DR_FACT_ATTEMPT_STARTED};
            int64_t limit_us = nation_limit_us(job->limit_us, &shape->alternatives[way]);
            uint32_t count;

            /* A guarantee is filled to the accelerator: no way that takes more. */
            if ((shape->near[way][p / 64] >> (p % 64) & 1) == 0 ||
                (way > 0 && group < NATION_GROUPS) ||
                !ledger_allows(nation->ledger, job->account, p, &shape->alternatives[way],
                               job->firm))
                continue;
            count = ledger_find(nation->ledger, shape, way, p, job->account, extents);
            if (count == 0)
                continue;
            placed.job_placed.job = nation_submit(nation, job);
            placed.job_placed.attempt = 1;
            placed.job_placed.pool = p + 1;
            placed.job_placed.alternative = way;
            placed.job_placed.rule = DR_RULE_SHARE;
            placed.job_placed.tier = 2;
            placed.job_placed.limit_us = limit_us;
            placed.job_placed.factor = shape->alternatives[way].factor;
            placed.job_placed.extents = extents;
            placed.job_placed.extents_count = count;
            settle(nation, &placed);
            started.attempt_started.job = placed.job_placed.job;
            started.attempt_started.attempt = 1;
            started.attempt_started.start_us =
                nation->now_us - limit_us / 1000 * (100 + nation_pick(nation, 800));
            settle(nation, &started);
            return 1;
        }
    }
    return 0;
}

static int compare_leaves(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return x[0] != y[0] ? (x[0] > y[0] ? -1 : 1) : (x[1] > y[1]) - (x[1] < y[1]);
}

void nation_fill(struct nation *nation, enum nation_mix mix, const uint8_t *skip)
{
    int64_t(*leaves)[2] = zeroed(nation->leaves_count, sizeof leaves[0]);
    uint32_t failed = 0;

    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        const struct nation_account *leaf = &nation->accounts[nation->leaf_first + i];

        leaves[i][0] = leaf->guarantee[leaf->home];
        leaves[i][1] = i;
    }
    qsort(leaves, nation->leaves_count, sizeof leaves[0], compare_leaves);
    for (uint32_t i = 0; i < nation->leaves_count; i += 1) {
        uint32_t leaf = nation->leaf_first + (uint32_t)leaves[i][1];
        uint32_t home = nation->accounts[leaf].home;

        if (skip != NULL && skip[leaves[i][1]])
            continue;
        for (uint32_t tries = 0; tries < 400; tries += 1) {
            int64_t left = leaves[i][0] - ledger_claim(nation->ledger, leaf, home);
            struct nation_job job;

            if (left <= 0)
                break;
            job = nation_draw(nation, mix, left > 65536 ? 65536 : (uint32_t)left);
            job.account = leaf;
            job.firm = (uint8_t)chance(nation, 5);
            job.priority = chance(nation, 70) ? 10 : 100;
            if (put(nation, &job, home))
                tries = 0;
        }
    }
    free(leaves);
    while (failed < 3000) {
        struct nation_job job = nation_draw(nation, mix, failed > 1000 ? 8 : 0);

        job.account = nation_leaf(nation);
        job.priority = chance(nation, 70) ? 10 : 100;
        if ((skip != NULL && skip[job.account - nation->leaf_first]) ||
            !put(nation, &job, NATION_GROUPS))
            failed += 1;
        else
            failed = failed > 1000 ? failed : 0;
    }
    ledger_check(nation->ledger);
}

void nation_pend(struct nation *nation, enum nation_mix mix, uint32_t count, uint32_t size_max,
                 const uint8_t *skip)
{
    for (uint32_t i = 0; i < count; i += 1) {
        struct nation_job job = nation_draw(nation, mix, size_max);

        do
            job.account = nation_leaf(nation);
        while (skip != NULL && skip[job.account - nation->leaf_first]);
        job.priority = chance(nation, 80) ? 0 : -10;
        nation_submit(nation, &job);
    }
}
