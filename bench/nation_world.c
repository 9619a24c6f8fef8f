/* SPDX-License-Identifier: Apache-2.0 */
/* Building the nation. Read nation_new() first, at the end. */
#include "nation_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nation_ledger.h"

#define START_US      (1800000000 * DR_SECOND_US) /* a Tuesday in 2027 */
#define BATCH_BYTES   (64u << 20)                 /* as the live loop's */
#define DECIDE_BYTES  (4u << 20)
#define BATCH_EFFECTS (1u << 20)
#define SHAPES        (NATION_SIZES * NATION_SHAPES_EACH)
#define OWN_SHAPES    256 /* made by nation_shape() */
#define ROOT          1

static const char *const CHIP_NAMES[NATION_CHIPS] = {"chip-a", "chip-b", "chip-c", "chip-d",
                                                     "chip-e", "chip-f", "chip-g", "chip-h"};

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
            if (nation_chance(nation, 60))
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

        site->jurisdiction = s > 0 && nation_chance(nation, 8);
        site->assurance = 1 + nation_pick(nation, 3);
        site->classes = 3u | (s == 0 || nation_chance(nation, 70) ? 4u : 0) |
                        (s == 0 || nation_chance(nation, 30) ? 8u : 0);
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
        pool->group = pool->chip < NATION_GROUPS - NATION_CHIPS && p >= NATION_CHIPS &&
                              nation_chance(nation, 30)
                          ? NATION_CHIPS + pool->chip
                          : pool->chip;
        pool->node_first = row;
        row += pool->nodes;
        nation->group_accelerators[pool->group] += (int64_t)pool->nodes * NATION_PER_NODE;
        if (p >= NATION_CHIPS && nation_chance(nation, 5)) {
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
        nation_declare(nation, fact);
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
        nation_declare(nation, fact);
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
        nation_declare(nation, fact);
    }
    for (uint32_t d = 0; d < NATION_DATASETS; d += 1) {
        struct dr_fact fact = {.kind = DR_FACT_DATASET_SET};

        dr_format(fact.dataset_set.name, DR_NAME_BYTES, "data%u", d + 1);
        fact.dataset_set.bytes = (INT64_C(1) << 30) * (1 + nation_pick(nation, 4096));
        fact.dataset_set.sites = nation->datasets[d];
        nation_declare(nation, fact);
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
        nodes.nodes_added.pool = nation_declare(nation, fact);
        nodes.nodes_added.count = pool->nodes;
        nation_declare(nation, nodes);
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
    nation->accounts = nation_zeroed(nation->accounts_count, sizeof nation->accounts[0]);
    weights = nation_zeroed(nation->leaves_count, sizeof weights[0]);
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
        if (nation_chance(nation, 30))
            nation->accounts[leaf].borrow[home] = guarantee / 2 + 8;
        if (nation_chance(nation, 20))
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
    nation_declare(nation, fact);
}

/* ---- the shapes of jobs ---- */

/* `from` to `to`, as many between 16 and 32 as between 32 and 64; a multiple of `step`. */
static uint32_t between(struct nation *nation, uint32_t from, uint32_t to, uint32_t step)
{
    uint32_t value = (uint32_t)(from * pow((double)to / from, nation_unit(nation)));

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

    if (nation_chance(nation, 25))
        return 0;
    for (uint32_t i = 0; i < count; i += 1)
        chips |= UINT64_C(1) << nation_pick(nation, NATION_CHIPS);
    return chips;
}

static struct dr_alternative way_of(struct nation *nation, uint32_t size)
{
    uint32_t each = size < 8 ? size : 8;
    uint32_t hungry = each <= 4 && nation_chance(nation, 10);
    uint32_t lean = nation_pick(nation, 3);
    struct dr_alternative way = {.factor = 1000};

    if (size > 8 && nation_chance(nation, 10))
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
        if (size > 8 && size <= NATION_BLOCK * NATION_PER_NODE && nation_chance(nation, 25))
            shape->level_kind = 2;
        else if (size > 8 && nation_chance(nation, 50))
            shape->level_kind = 1;
        if (shape->level_kind != 0) {
            int block = shape->level_kind == 2 || size <= NATION_BLOCK * NATION_PER_NODE;

            shape->level = block ? "block" : "rack";
            shape->level_nodes = block ? NATION_BLOCK : NATION_RACK;
        }
        if (nation_chance(nation, 10))
            for (uint32_t s = 0; s < nation->sites_count; s += 1)
                if (nation_chance(nation, 50))
                    dr_site_set_add(&shape->sites, s);
        if (nation_chance(nation, 15))
            shape->data_class = 1 + nation_pick(nation, NATION_CLASSES - 1);
        else if (size >= 8 && nation_chance(nation, 2))
            shape->data_class = NATION_CLASSES;
        if (nation_chance(nation, 10))
            shape->dataset = 1 + nation_pick(nation, NATION_DATASETS);
        if (nation_chance(nation, 20)) {
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
    struct nation *nation = nation_zeroed(1, sizeof *nation);
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
    nation->sites = nation_zeroed(nation->sites_count, sizeof nation->sites[0]);
    nation->pools = nation_zeroed(nation->pools_count, sizeof nation->pools[0]);
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
    nation->shapes = nation_zeroed(SHAPES + OWN_SHAPES, sizeof nation->shapes[0]);
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
    nation->batch =
        (struct dr_batch){.bytes = malloc(BATCH_BYTES),
                          .bytes_max = DECIDE_BYTES,
                          .effects = nation_zeroed(BATCH_EFFECTS, sizeof(struct dr_effect)),
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
        nation_declare(nation, fact);
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
    nation_declare(nation, user);
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
