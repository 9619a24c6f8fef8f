/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of scenarios/korea as federations: what is written has no mistake, counts what the
 * tables count and grows only; a mistake in a table is said where it stands. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "fed_world.h"
#include "federation/file.h"
#include "scenario/tables.h"

#define TABLES_DIRECTORY "scenarios/korea"

static char said[16384];

static void say(void *context, const struct dr_error *error)
{
    char line[1400];
    size_t length = strlen(said);

    (void)context;
    snprintf(said + length, sizeof said - length, "%s\n", dr_error_line(error, line, sizeof line));
}

static struct dr_scenario *open_scenario(const char *directory)
{
    struct dr_csv_errors errors = {.say = say};
    struct dr_scenario *scenario;
    enum dr_status status;

    said[0] = '\0';
    status = dr_scenario_open(&scenario, directory, &errors);
    CHECK_EQ(status == DR_OK, errors.count == 0);
    return scenario;
}

static struct dr_scenario *korea(void)
{
    static struct dr_scenario *scenario;

    if (scenario == NULL)
        scenario = open_scenario(TABLES_DIRECTORY);
    if (scenario == NULL)
        fail_msg("%s", said);
    return scenario;
}

static struct dr_scenario_moment moment_of(const char *at)
{
    struct dr_scenario_moment moment;
    struct dr_error error;

    CHECK_EQ(dr_scenario_at(korea(), at, &moment, &error), DR_OK);
    return moment;
}

static void write_at(struct dr_buffer *yaml, const char *at)
{
    struct dr_scenario_moment moment = moment_of(at);
    struct dr_error error;

    dr_buffer_init(yaml, DR_SCENARIO_YAML_MAX);
    CHECK_EQ(dr_scenario_write(korea(), &moment, yaml, &error), DR_OK);
}

/* A file without a mistake and without a warning. */
static struct dr_federation *federation_at(const char *at)
{
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error_list warnings DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_federation *federation;
    char line[1400];

    write_at(&yaml, at);
    if (dr_federation_parse(&federation, at, dr_buffer_text(&yaml), yaml.length, &errors,
                            &warnings) != DR_OK)
        fail_msg("%s", dr_error_line(&errors.errors[0], line, sizeof line));
    if (warnings.count > 0)
        fail_msg("warning: %s", dr_error_line(&warnings.errors[0], line, sizeof line));
    return federation;
}

/* ---- a second reading of fleets.csv, which knows nothing of the first ---- */

/* Its first columns hold no comma. */
enum { SITE, POOL, CHIP, COUNT, MONTH, OWNER, ACCOUNT, CONSENT, WAVE, CELLS };

struct delivery {
    char cells[CELLS][64];
    long count;
};

static struct delivery deliveries[256];
static size_t deliveries_count;

static void read_deliveries(void)
{
    static char line[4096];
    FILE *file = fopen(TABLES_DIRECTORY "/fleets.csv", "r");

    CHECK(file != NULL);
    deliveries_count = 0;
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK(strncmp(line, "site,pool,chip,count,month,owner,account,consent,wave,", 54) == 0);
    while (fgets(line, sizeof line, file) != NULL) {
        struct delivery *delivery = &deliveries[deliveries_count];
        char *rest = line;

        CHECK(deliveries_count < DR_COUNT_OF(deliveries));
        for (size_t i = 0; i < CELLS; i += 1)
            snprintf(delivery->cells[i], sizeof delivery->cells[i], "%s", strsep(&rest, ","));
        delivery->count = strtol(delivery->cells[COUNT], NULL, 10);
        deliveries_count += 1;
    }
    fclose(file);
}

/* What is in place at the end of `month` ("2030-12"), where `cell` is `value` (NULL: anywhere). */
static long delivered(const char *waves, const char *month, size_t cell, const char *value)
{
    long sum = 0;

    for (size_t i = 0; i < deliveries_count; i += 1) {
        const struct delivery *delivery = &deliveries[i];

        if (strstr(waves, delivery->cells[WAVE]) != NULL &&
            strcmp(delivery->cells[MONTH], month) <= 0 &&
            (value == NULL || strcmp(delivery->cells[cell], value) == 0))
            sum += delivery->count;
    }
    return sum;
}

/* Whose pool of the federation it is, by the deliveries; "gh200-kisti-part-2" is of gh200-kisti. */
static const struct delivery *delivery_of(const char *site, const char *pool)
{
    for (size_t i = 0; i < deliveries_count; i += 1) {
        size_t length = strlen(deliveries[i].cells[POOL]);

        if (strcmp(deliveries[i].cells[SITE], site) == 0 &&
            strncmp(deliveries[i].cells[POOL], pool, length) == 0 &&
            (pool[length] == '\0' || strncmp(pool + length, "-part-", 6) == 0))
            return &deliveries[i];
    }
    fail_msg("nothing was delivered to %s/%s", site, pool);
    return NULL;
}

/* Accelerators of a federation, of those pools whose delivery has `value` in `cell`. */
static long counted(const struct dr_federation *federation, size_t cell, const char *value)
{
    long sum = 0;

    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fed_pool *pool = &federation->pools[p];
        const struct delivery *delivery =
            delivery_of(federation->sites[pool->set.site - 1].set.name, pool->set.name);

        if (value == NULL || strcmp(delivery->cells[cell], value) == 0)
            sum += (long)pool->nodes * pool->set.accelerators;
    }
    return sum;
}

/* ---- counts ---- */

/* Every site, owner, chip, account and pool has at each moment what fleets.csv delivered. */
TEST(counts_are_the_deliveries)
{
    static const struct {
        const char *at;
        const char *month;
        const char *waves;
    } moments[] = {{"first-wave", "2029-09", "1"},
                   {"million", "2030-12", "1 2"},
                   {"nation", "2030-12", "0 1 2 npu alt"},
                   {"2025-12", "2025-12", "0 1 2 npu alt"},
                   {"2028-06", "2028-06", "0 1 2 npu alt"}};

    read_deliveries();
    for (size_t m = 0; m < DR_COUNT_OF(moments); m += 1) {
        struct dr_federation *federation = federation_at(moments[m].at);

        CHECK_EQ(counted(federation, 0, NULL),
                 delivered(moments[m].waves, moments[m].month, 0, NULL));
        for (size_t i = 0; i < deliveries_count; i += 1) {
            for (size_t cell = 0; cell < CELLS; cell += 1) {
                const char *value = deliveries[i].cells[cell];
                /* a pool's name is its site's alone; counts and waves are not of a pool */
                if (cell != SITE && cell != CHIP && cell != OWNER && cell != ACCOUNT)
                    continue;
                if (counted(federation, cell, value) !=
                    delivered(moments[m].waves, moments[m].month, cell, value))
                    fail_msg("%s: %s has %ld, and %ld were delivered", moments[m].at, value,
                             counted(federation, cell, value),
                             delivered(moments[m].waves, moments[m].month, cell, value));
            }
        }
        dr_federation_close(federation);
    }
}

/* What was announced: 260,000, by owner, and more than a million in 2030. */
TEST(totals_that_were_announced)
{
    static const struct {
        const char *owner;
        long count;
    } owners[] = {{"nipa", 26504}, {"kisti", 8496},    {"naisc", 15000}, {"samsung", 50000},
                  {"sk", 50000},   {"hyundai", 50000}, {"naver", 60000}};
    static const struct {
        const char *month;
        long count;
    } years[] = {{"2025-12", 3056},   {"2026-12", 65016},  {"2027-12", 163976},
                 {"2028-12", 262160}, {"2029-12", 542240}, {"2030-12", 1016216}};
    struct dr_federation *federation = federation_at("first-wave");

    read_deliveries();
    CHECK_EQ(counted(federation, 0, NULL), 260000);
    for (size_t i = 0; i < DR_COUNT_OF(owners); i += 1)
        CHECK_EQ(counted(federation, OWNER, owners[i].owner), owners[i].count);
    dr_federation_close(federation);
    federation = federation_at("million");
    CHECK_EQ(counted(federation, 0, NULL), 1016216);
    dr_federation_close(federation);
    federation = federation_at("nation");
    CHECK_EQ(counted(federation, 0, NULL), 65000 + 260000 + 756216 + 28904 + 1024);
    dr_federation_close(federation);
    for (size_t i = 0; i < DR_COUNT_OF(years); i += 1)
        CHECK_EQ(delivered("1 2", years[i].month, 0, NULL), years[i].count);
}

/* No site's load is above its power in any month, and the sums are those of the sources' study. */
TEST(load_stays_below_power)
{
    static const struct {
        const char *month;
        int64_t load_mw;
    } years[] = {
        {"2026-12", 284}, {"2027-12", 549}, {"2028-12", 909}, {"2029-12", 1922}, {"2030-12", 3657}};
    uint32_t count;
    const struct dr_scenario_moment *moments = dr_scenario_moments(korea(), &count);

    for (uint32_t m = 0; m < count; m += 1) {
        struct dr_federation *federation = federation_at(moments[m].name);
        struct dr_scenario_totals totals;
        int64_t sum_w = 0;
        uint32_t nodes = 0;

        for (uint32_t s = 0; s < federation->sites_count; s += 1) {
            const struct dr_fact_site_set *site = &federation->sites[s].set;
            int64_t it_w = 0;

            for (uint32_t p = 0; p < federation->pools_count; p += 1) {
                const struct dr_fed_pool *pool = &federation->pools[p];

                if (pool->set.site != s + 1)
                    continue;
                it_w += pool->nodes *
                        (pool->set.node_idle_w +
                         pool->set.accelerators * federation->chips[pool->set.chip - 1].set.busy_w);
                nodes += pool->nodes;
            }
            CHECK(site->power_cap_w > 0);
            CHECK(site->zone >= 1 && site->zone <= federation->zones_count);
            if (strcmp(site->name, "sk-ulsan") == 0)
                CHECK_TEXT(federation->zones[site->zone - 1].set.name, "yeongnam");
            if (it_w * site->pue_milli / 1000 > site->power_cap_w)
                fail_msg("%s: %s draws %" PRId64 " W of %" PRId64 " W", moments[m].name, site->name,
                         it_w * site->pue_milli / 1000, site->power_cap_w);
            sum_w += it_w * site->pue_milli / 1000;
        }
        dr_scenario_count(korea(), &moments[m], &totals);
        CHECK_EQ(totals.load_w, sum_w);
        CHECK_EQ(totals.nodes, nodes);
        CHECK_EQ(totals.sites, federation->sites_count);
        CHECK_EQ(totals.pools, federation->pools_count);
        for (size_t y = 0; y < DR_COUNT_OF(years); y += 1) {
            if (strcmp(years[y].month, moments[m].name) == 0)
                CHECK_EQ((sum_w + 500000) / 1000000, years[y].load_mw);
        }
        dr_federation_close(federation);
    }
}

/* ---- time ---- */

/* From month to month pools keep their names and shape, and only gain nodes. */
TEST(pools_only_grow)
{
    struct dr_federation *before = NULL;
    uint32_t count;
    const struct dr_scenario_moment *moments = dr_scenario_moments(korea(), &count);

    for (uint32_t m = rows_of(korea(), TABLE_STAGE); m < count; m += 1) {
        struct dr_federation *now = federation_at(moments[m].name);

        for (uint32_t p = 0; before != NULL && p < before->pools_count; p += 1) {
            const struct dr_fed_pool *old = &before->pools[p];
            char name[2 * DR_NAME_BYTES];
            const struct dr_fed_pool *new;
            uint32_t place;

            snprintf(name, sizeof name, "%s/%s", before->sites[old->set.site - 1].set.name,
                     old->set.name);
            place = dr_fed_names_find(&now->pool_names, name);
            if (place == DR_MAP_NONE)
                fail_msg("%s: %s is gone", moments[m].name, name);
            new = &now->pools[place];
            CHECK(new->nodes >= old->nodes);
            CHECK_EQ(new->set.accelerators, old->set.accelerators);
            CHECK_TEXT(now->chips[new->set.chip - 1].set.name,
                       before->chips[old->set.chip - 1].set.name);
            CHECK_TEXT(now->accounts[new->set.owner - 1].set.name,
                       before->accounts[old->set.owner - 1].set.name);
        }
        dr_federation_close(before);
        before = now;
    }
    dr_federation_close(before);
}

/* A living federation grows over the years by apply: the nation of 2030 has room in a controller as
 * it comes, and what came in between is new or more, never less. */
TEST(a_living_federation_grows_into_it)
{
    static const char *const years[] = {"2026-12", "2028-12", "2030-12"};
    struct dr_core *core;

    CHECK_EQ(dr_core_open(&core, &DR_LIMITS_DEFAULT), DR_OK);
    for (size_t y = 0; y < DR_COUNT_OF(years); y += 1) {
        struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
        struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

        write_at(&yaml, years[y]);
        dr_buffer_init(&text, 1 << 20);
        CHECK(fed_apply(core, dr_buffer_text(&yaml), &text) > 0);
        CHECK(strstr(dr_buffer_text(&text), "removed") == NULL);
        CHECK(strstr(dr_buffer_text(&text), "leave") == NULL);
        fed_check_nothing(core, dr_buffer_text(&yaml));
    }
    dr_core_close(core);
}

TEST(the_same_bytes_every_time)
{
    struct dr_buffer first DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_buffer second DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_scenario *again = open_scenario(TABLES_DIRECTORY);
    struct dr_scenario_moment moment = moment_of("2030-12");
    struct dr_error error;

    CHECK(again != NULL);
    write_at(&first, "2030-12");
    dr_buffer_init(&second, DR_SCENARIO_YAML_MAX);
    CHECK_EQ(dr_scenario_write(again, &moment, &second, &error), DR_OK);
    CHECK_TEXT(dr_buffer_text(&first), dr_buffer_text(&second));
    dr_scenario_close(again);
}

/* Version 2 of the tariff begins within April 2026; surcharges and the fund are part of it. */
TEST(tariffs_by_season_and_version)
{
    int64_t prices[24];
    struct dr_error error;
    int64_t month;

    CHECK_EQ(dr_parse_month("2026-03", &month), 1);
    CHECK_EQ(dr_scenario_tariff(korea(), month, prices, &error), 1);
    CHECK_EQ(prices[0], (122500000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(prices[11], (175100000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(dr_scenario_tariff(korea(), month + 1, prices, &error), 1);
    CHECK_EQ(prices[7], (127600000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(prices[8], (144800000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(prices[15], (161900000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(dr_parse_month("2030-12", &month), 1);
    CHECK_EQ(dr_scenario_tariff(korea(), month, prices, &error), 1);
    CHECK_EQ(prices[18], (214100000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(prices[22], (134600000 + 14000000) * INT64_C(1027) / 1000);
    CHECK_EQ(dr_parse_month("2024-01", &month), 1);
    CHECK_EQ(dr_scenario_tariff(korea(), month, prices, &error), 0);
    CHECK_TEXT(error.expected, "a price for each hour of a working day of 2024-01");
}

TEST(ranges)
{
    uint64_t bits;

    CHECK_EQ(dr_scenario_ranges("6-8", 1, 12, 0, &bits), 1);
    CHECK_EQ(bits, 0xe0);
    CHECK_EQ(dr_scenario_ranges("11-2", 1, 12, 0, &bits), 1);
    CHECK_EQ(bits, 0xc03);
    CHECK_EQ(dr_scenario_ranges("22-08", 0, 24, 1, &bits), 1);
    CHECK_EQ(bits, 0xc000ff);
    CHECK_EQ(dr_scenario_ranges("00-24", 0, 24, 1, &bits), 1);
    CHECK_EQ(bits, 0xffffff);
    CHECK_EQ(dr_scenario_ranges("21-24;00-01", 0, 24, 1, &bits), 1);
    CHECK_EQ(bits, 0xe00001);
    CHECK_EQ(dr_scenario_ranges("8-8", 0, 24, 1, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("8-25", 0, 24, 1, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("0-3", 1, 12, 0, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("1-", 1, 12, 0, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("1-2;", 1, 12, 0, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("", 1, 12, 0, &bits), 0);
    CHECK_EQ(dr_scenario_ranges("1-+2", 1, 12, 0, &bits), 0);
}

/* ---- tenants and law ---- */

/* What tenants are stated to have is what the first wave (or, for those outside it, the installed
 * base) delivers to their account, so that a guarantee is never of machines that don't come. */
TEST(stated_guarantees_are_the_deliveries)
{
    read_deliveries();
    for (uint32_t t = 0; t < rows_of(korea(), TABLE_TENANT); t += 1) {
        const char *account = text_of(korea(), TABLE_TENANT, t, TENANT_account);
        long wave1 = delivered("1", "2030-12", ACCOUNT, account);
        long wave0 = delivered("0", "2030-12", ACCOUNT, account);

        if (value_of(korea(), TABLE_TENANT, t, TENANT_guarantee_type) == GUARANTEE_GPUS &&
            wave1 + wave0 > 0)
            CHECK_EQ(wave1 > 0 ? wave1 : wave0,
                     value_of(korea(), TABLE_TENANT, t, TENANT_guarantee) / MICRO);
    }
}

/* Each account with a guarantee finds a place among its own that may host its data. */
TEST(data_may_lie_where_its_account_is_guaranteed)
{
    struct dr_federation *federation = federation_at("nation");

    for (uint32_t t = 1; t < rows_of(korea(), TABLE_TENANT); t += 1) {
        uint32_t place = dr_fed_names_find(&federation->account_names,
                                           text_of(korea(), TABLE_TENANT, t, TENANT_account));
        uint32_t class = dr_fed_names_find(&federation->class_names,
                                           text_of(korea(), TABLE_TENANT, t, TENANT_data_class));
        int guaranteed = 0;
        int hosted = 0;

        CHECK(place != DR_MAP_NONE && class != DR_MAP_NONE);
        for (uint32_t p = 0; p < federation->pools_count; p += 1) {
            const struct dr_fact_pool_set *pool = &federation->pools[p].set;

            if (federation->accounts[place].limits[pool->groups[0] - 1].guarantee == 0)
                continue;
            guaranteed = 1;
            hosted |= (int)(federation->sites[pool->site - 1].set.classes >> class & 1);
        }
        if (guaranteed && !hosted)
            fail_msg("%s has no place for its data",
                     text_of(korea(), TABLE_TENANT, t, TENANT_account));
    }
    /* what must not leave a country, or lie with others, does not */
    for (uint32_t s = 0; s < federation->sites_count; s += 1) {
        uint32_t class = dr_fed_names_find(&federation->class_names, "classified");

        CHECK_EQ(federation->sites[s].set.classes >> class & 1,
                 strcmp(federation->sites[s].set.name, "mnd-gyeryong") == 0);
    }
    /* an owner that shares with nobody: its own consent, and nothing lent */
    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fact_pool_set *pool = &federation->pools[p].set;
        const struct dr_fed_account *owner = &federation->accounts[pool->owner - 1];

        CHECK(pool->consent_count > 0);
        if (strcmp(owner->set.name, "mnd") != 0)
            continue;
        CHECK_EQ(pool->consent_count, 1);
        CHECK_EQ(pool->consent[0], pool->owner);
        CHECK_EQ(owner->limits[pool->groups[0] - 1].lend, 0);
        CHECK_EQ(federation->sites[pool->site - 1].set.isolated_network, 1);
    }
    dr_federation_close(federation);
}

/* A project may have 256 H200 or 128 B200 and no more, whatever its guarantee. */
TEST(projects_are_capped)
{
    struct dr_federation *federation = federation_at("2026-12");
    uint32_t place = dr_fed_names_find(&federation->account_names, "univ-001");
    uint32_t h200 = dr_fed_names_find(&federation->group_names, "h200-sxm-of-pub-r1");
    uint32_t b200 = dr_fed_names_find(&federation->group_names, "b200-sxm-of-pub-r1");
    const struct dr_fed_limit *limits;

    CHECK(place != DR_MAP_NONE && h200 != DR_MAP_NONE && b200 != DR_MAP_NONE);
    limits = federation->accounts[place].limits;
    CHECK_EQ(limits[h200].guarantee + limits[h200].borrow, 256000);
    CHECK_EQ(limits[b200].guarantee + limits[b200].borrow, 128000);
    dr_federation_close(federation);
}

/* ---- mistakes ---- */

static void copy_file(const char *from, const char *to, const char *old, const char *new)
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    FILE *file = fopen(to, "w");
    const char *at;

    CHECK(file != NULL);
    dr_buffer_init(&text, 1 << 20);
    CHECK_EQ(dr_buffer_read_file(&text, from), DR_OK);
    at = old == NULL ? NULL : strstr(dr_buffer_text(&text), old);
    if (old != NULL && at == NULL)
        fail_msg("%s has no '%s'", from, old);
    if (at != NULL)
        fprintf(file, "%.*s%s%s", (int)(at - dr_buffer_text(&text)), dr_buffer_text(&text), new,
                at + strlen(old));
    else
        fputs(dr_buffer_text(&text), file);
    CHECK_EQ(fclose(file), 0);
}

/* One edit of one table; the whole of what is said, behind the directory. */
static const struct {
    const char *file;
    const char *old;
    const char *new;
    const char *said;
} MISTAKES[] = {
    {"chips.csv", "NVIDIA,us,gpu,989,1979,80,", "NVIDIA,us,gpu,989,1979,80GB,",
     "chips.csv:2: memory_gb: found '80GB', expected a whole number from 1 to 65536\n"},
    {"chips.csv", ",70,700,1350,", ",70,700,650,",
     "chips.csv:2: it_w: found '650', expected at least busy_w, 700\n"},
    {"chips.csv", ",70,700,1350,", ",701,700,1350,",
     "chips.csv:2: idle_w: found '701', expected at most busy_w, 700\n"},
    {"chips.csv", "30000,50000,CUDA", "30000,,CUDA",
     "chips.csv:2: all_in_usd: found 'nothing', expected a price: fleets.csv has machines with "
     "this chip\n"},
    {"chips.csv", "H100-SXM,", "H100 SXM,",
     "chips.csv:2: chip: found 'H100 SXM', expected letters, digits and '-' (not first)\n"},
    {"sites.csv", "medium,no,pue;", "middle,no,pue;",
     "sites.csv:2: grade: found 'middle', expected a grade of grades.csv\n"},
    {"sites.csv", "pue;isolated_network,K-NAVER", "pueh;isolated_network,K-NAVER",
     "sites.csv:2: assumed: found 'pueh;isolated_network', expected nothing, 'all', or columns of "
     "this table, parted by ';': 'pueh' is none\n"},
    {"sites.csv", "pue;isolated_network,K-NAVER", "pue;isolated_network,K-NAVR",
     "sites.csv:2: source: found 'K-NAVR', expected keys of sources.csv, parted by ';': 'K-NAVR' "
     "is none\n"},
    {"sites.csv", "naver-chuncheon,GAK", "naver-sejong,GAK",
     "sites.csv:3: site: found 'naver-sejong', expected each once; it stands on line 2 already\n"
     "site_power.csv:8: site: found 'naver-chuncheon', expected a site of sites.csv\n"},
    {"site_power.csv", "naver-sejong,2023-11,40", "naver-sejong,2023-13,40",
     "site_power.csv:2: month: found '2023-13', expected a month: 2027-06\n"},
    {"site_power.csv", "etri-daejeon,2024-01", "etri-daejeon,2025-01",
     "fleets.csv:4: month: found '2024-06', expected a month in which the site has power "
     "(site_power.csv)\n"},
    {"fleets.csv", "naver-sejong,h100-naver,H100-SXM", "naver-sejon,h100-naver,H100-SXM",
     "fleets.csv:2: site: found 'naver-sejon', expected a site of sites.csv\n"},
    {"fleets.csv", "H100-SXM,2048,", "H100,2048,",
     "fleets.csv:2: chip: found 'H100', expected a chip of chips.csv\n"},
    {"fleets.csv", "H100-SXM,2048,", "H100-SXM,2.048,",
     "fleets.csv:2: count: found '2.048', expected a whole number from 1 to 10000000\n"},
    {"fleets.csv", "GB300-NVL72,18720,2027-05,naver,naver,naver,",
     "GB300-NVL72,18720,2027-05,naver,naver,pub,",
     "fleets.csv:19: consent: found 'pub', expected 'naver', as the pool's first delivery has on "
     "line 17\n"},
    {"fleets.csv", "2048,2024-06,naver,naver,naver,", "2048,2024-06,naver,naver,navel,",
     "fleets.csv:2: consent: found 'navel', expected at most 16 accounts of tenants.csv below the "
     "nation, parted by ';'\n"},
    {"tenants.csv", "academia,pub-r1,", "academia,pub-r9,",
     "tenants.csv:5: parent: found 'pub-r9', expected an account on a line above\n"},
    {"tenants.csv", "reviewed projects,gpus,3424,", "reviewed projects,gpus,2000,",
     "tenants.csv:5: guarantee: found '2000', expected at least 2574, which the accounts below it "
     "have\n"},
    {"tenants.csv", "reviewed projects,gpus,3424,", "reviewed projects,share,3424,",
     "projects.csv:2: parent: found 'academia', expected an account that states a number of "
     "accelerators\n"
     "tenants.csv:5: guarantee: found '3424', expected a share from 0 to 1\n"},
    {"tenants.csv", "share,0.3,,,,sensitive", "share,0.8,,,,sensitive",
     "tenants.csv:14: account: found 'pub-r2', expected shares below it that come to at most 1\n"},
    {"classes.csv", ",csap-low,", ",csap-lo,",
     "classes.csv:4: policy: found 'csap-lo', expected rules of policy.csv, parted by ';': "
     "'csap-lo' is none\n"},
    {"classes.csv", "open,,0,accelerator", "open,,0,shared",
     "classes.csv:2: share: found 'shared', expected one of these: accelerator node block none\n"},
    {"projects.csv", "H200-SXM:256", "H200:256",
     "projects.csv:2: caps: found 'H200:256;B200-SXM:128', expected CHIP:NUMBER of chips.csv, "
     "parted by ';'\n"},
    {"tariff.csv", "light,22-08,", "light,22-25,",
     "tariff.csv:2: hours: found '22-25', expected hours: 08-15;21-22, 22-08\n"},
    {"tariff_fixed.csv", "climate_environment_charge,9.0", "climate_environment_charge,nine",
     "tariff_fixed.csv:4: value: found 'nine', expected a number with at most three decimals: it "
     "is part of the tariff\n"},
    {"stages.csv", "first-wave,2029-09,1,", "first-wave,2029-09,first,",
     "stages.csv:2: waves: found 'first', expected 'all', or waves of fleets.csv, parted by ';': "
     "'first' is none\n"},
    {"stages.csv", "first-wave,2029-09,1,", "first-wave,2039-09,1,",
     "stages.csv:2: month: found '2039-09', expected a month between the settings from and to\n"},
    {"settings.csv", "service_years,5,", "service_years,0,",
     "settings.csv: service_years: found '0', expected at least 1\n"},
    {"settings.csv", "utc_offset,", "utc_ofset,",
     "settings.csv: utc_offset: found 'nothing', expected a row with this setting\n"},
    {"policy.csv", "aiba-flops,AI Basic Act,", "aiba-flops,,",
     "policy.csv:2: scope: found 'nothing', expected a value\n"},
    {"programmes.csv", ",budget,909,", ",budget,about 909,",
     "programmes.csv:2: value: found 'about 909', expected a number from 0 to 1000000000 with at "
     "most six decimals\n"},
};

TEST(mistakes_are_said_where_they_stand)
{
    static const char *const files[] = {
        "sources.csv",    "settings.csv",     "stages.csv",     "grades.csv",
        "policy.csv",     "classes.csv",      "chips.csv",      "sites.csv",
        "site_power.csv", "fleets.csv",       "tenants.csv",    "projects.csv",
        "tariff.csv",     "tariff_fixed.csv", "programmes.csv", "runs.csv"};
    char directory[300];
    char from[600];
    char to[600];

    snprintf(directory, sizeof directory, "%s", test_directory());
    for (size_t i = 0; i < DR_COUNT_OF(files); i += 1) {
        snprintf(from, sizeof from, TABLES_DIRECTORY "/%s", files[i]);
        snprintf(to, sizeof to, "%s/%s", directory, files[i]);
        copy_file(from, to, NULL, NULL);
    }
    for (size_t m = 0; m < DR_COUNT_OF(MISTAKES); m += 1) {
        char expected[4096];
        size_t length = 0;

        snprintf(from, sizeof from, TABLES_DIRECTORY "/%s", MISTAKES[m].file);
        snprintf(to, sizeof to, "%s/%s", directory, MISTAKES[m].file);
        copy_file(from, to, MISTAKES[m].old, MISTAKES[m].new);
        CHECK(open_scenario(directory) == NULL);
        for (const char *line = MISTAKES[m].said; *line != '\0';) {
            size_t bytes = strcspn(line, "\n") + 1;

            length += (size_t)snprintf(expected + length, sizeof expected - length, "%s/%.*s",
                                       directory, (int)bytes, line);
            line += bytes;
        }
        CHECK_TEXT(said, expected);
        copy_file(from, to, NULL, NULL);
    }
    dr_scenario_close(open_scenario(directory));
    CHECK_TEXT(said, "");
}

TEST(moments_that_are_none)
{
    static const char *const bad[] = {"2025-11", "2031-01", "2030", "milion", ""};

    for (size_t i = 0; i < DR_COUNT_OF(bad); i += 1) {
        struct dr_scenario_moment moment;
        struct dr_error error;

        CHECK_EQ(dr_scenario_at(korea(), bad[i], &moment, &error), DR_E_INPUT);
        CHECK_TEXT(error.expected, "a month from 2025-12 to 2030-12, or a stage: first-wave, "
                                   "first-wave-2026, million, nation");
    }
}
