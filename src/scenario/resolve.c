/* SPDX-License-Identifier: Apache-2.0 */
/* What takes more than one cell of a scenario's tables to judge. Each mistake is said at the cell
 * that has to change; places are resolved on the way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenario/tables.h"

struct resolver {
    struct dr_scenario *scenario;
    struct dr_csv_errors *errors;
};

static void wrong(const struct resolver *resolver, enum table table, uint32_t row, uint32_t column,
                  const char *expected)
{
    dr_csv_wrong_cell(resolver->errors, &resolver->scenario->tables[table], row, column, "%s",
                      expected);
}

/* The row that a cell names; NO_ROW and a mistake where there is none. */
static uint32_t refer(const struct resolver *resolver, enum table table, uint32_t row,
                      uint32_t column, enum table to)
{
    return dr_csv_refer(resolver->errors, &resolver->scenario->tables[table], row, column,
                        &resolver->scenario->tables[to]);
}

static void check_claims(const struct resolver *resolver, enum table table)
{
    dr_csv_check_claims(resolver->errors, &resolver->scenario->tables[table],
                        &resolver->scenario->tables[TABLE_SOURCE]);
}

static void check_unique(const struct resolver *resolver, enum table table)
{
    dr_csv_check_unique(resolver->errors, &resolver->scenario->tables[table]);
}

/* ---- settings, waves, classes ---- */

static const char *setting(const struct resolver *resolver, const char *name, uint32_t *row)
{
    *row = dr_scenario_find(resolver->scenario, TABLE_SETTING, name);
    if (*row != NO_ROW)
        return text_of(resolver->scenario, TABLE_SETTING, *row, SETTING_value);
    dr_csv_wrong(resolver->errors, resolver->scenario->tables[TABLE_SETTING].file, 0, name,
                 "nothing", "a row with this setting");
    return NULL;
}

static int64_t whole_setting(const struct resolver *resolver, const char *name, int64_t max)
{
    uint32_t row;
    int64_t value = 1;
    const char *text = setting(resolver, name, &row);

    if (text != NULL && !dr_parse_i64(text, 0, max, &value))
        dr_csv_wrong_cell(resolver->errors, &resolver->scenario->tables[TABLE_SETTING], row,
                          SETTING_value, "a whole number from 0 to %" PRId64, max);
    return value;
}

static int64_t share_setting(const struct resolver *resolver, const char *name)
{
    uint32_t row;
    int64_t milli = 1000;
    const char *text = setting(resolver, name, &row);

    if (text != NULL && !dr_parse_milli(text, 0, 1000, &milli))
        wrong(resolver, TABLE_SETTING, row, SETTING_value,
              "a number from 0 to 1 with at most three decimals");
    return milli;
}

static int64_t month_setting(const struct resolver *resolver, const char *name)
{
    uint32_t row;
    int64_t value = 0;
    const char *text = setting(resolver, name, &row);

    if (text != NULL && !dr_parse_month(text, &value))
        wrong(resolver, TABLE_SETTING, row, SETTING_value, "a month: 2027-06");
    return value;
}

static void resolve_settings(const struct resolver *resolver)
{
    struct scenario_settings *settings = &resolver->scenario->settings;
    uint32_t row;
    const char *name = setting(resolver, "name", &row);

    if (name != NULL && !dr_name_valid(name))
        wrong(resolver, TABLE_SETTING, row, SETTING_value, "a name: a-z, 0-9 and '-' (not first)");
    else if (name != NULL)
        dr_copy_name(settings->name, name);
    settings->currency = setting(resolver, "currency", &row);
    settings->utc_offset = setting(resolver, "utc_offset", &row);
    settings->default_limit = setting(resolver, "default_limit", &row);
    settings->per_usd = whole_setting(resolver, "country_currency_per_usd", 1000000);
    settings->service_years = whole_setting(resolver, "service_years", 100);
    settings->span_price = whole_setting(resolver, "span_price", 1000000);
    settings->from = month_setting(resolver, "from");
    settings->to = month_setting(resolver, "to");
    settings->guaranteed_milli = share_setting(resolver, "guaranteed_share");
    if (settings->service_years == 0)
        dr_csv_wrong(resolver->errors, resolver->scenario->tables[TABLE_SETTING].file, 0,
                     "service_years", "0", "at least 1");
}

static void resolve_waves(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;
    char part[DR_NAME_BYTES];

    for (uint32_t f = 0; f < rows_of(scenario, TABLE_FLEET); f += 1) {
        const char *wave = text_of(scenario, TABLE_FLEET, f, FLEET_wave);
        uint32_t w = 0;

        while (w < scenario->waves_count && strcmp(scenario->waves[w], wave) != 0)
            w += 1;
        if (w == DR_WAVES_MAX) {
            wrong(resolver, TABLE_FLEET, f, FLEET_wave, "at most 16 different waves");
            continue;
        }
        if (w == scenario->waves_count) {
            scenario->waves[w] = wave;
            scenario->waves_count += 1;
        }
        scenario->fleet_wave[f] = 1u << w;
    }
    for (uint32_t s = 0; s < rows_of(scenario, TABLE_STAGE); s += 1) {
        const char *at = text_of(scenario, TABLE_STAGE, s, STAGE_waves);
        int64_t month = value_of(scenario, TABLE_STAGE, s, STAGE_month);

        if (month < scenario->settings.from || month > scenario->settings.to)
            wrong(resolver, TABLE_STAGE, s, STAGE_month,
                  "a month between the settings from and to");
        if (strcmp(at, "all") == 0)
            continue;
        while (dr_csv_part(&at, part)) {
            uint32_t w = 0;

            while (w < scenario->waves_count && strcmp(scenario->waves[w], part) != 0)
                w += 1;
            if (w == scenario->waves_count)
                dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_STAGE], s, STAGE_waves,
                                  "'all', or waves of fleets.csv, parted by ';': '%s' is none",
                                  part);
        }
    }
}

static void check_classes(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;
    char part[DR_NAME_BYTES];

    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CLASS); c += 1) {
        const char *at = text_of(scenario, TABLE_CLASS, c, CLASS_policy);

        while (dr_csv_part(&at, part)) {
            if (dr_scenario_find(scenario, TABLE_POLICY, part) == NO_ROW)
                dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_CLASS], c, CLASS_policy,
                                  "rules of policy.csv, parted by ';': '%s' is none", part);
        }
        at = text_of(scenario, TABLE_CLASS, c, CLASS_jurisdictions);
        while (dr_csv_part(&at, part)) {
            if (!dr_name_valid(part))
                wrong(resolver, TABLE_CLASS, c, CLASS_jurisdictions, "names, parted by ';'");
        }
    }
}

/* ---- chips, sites ---- */

static int is_delivered(const struct dr_scenario *scenario, const char *chip)
{
    uint32_t f = 0;

    while (f < rows_of(scenario, TABLE_FLEET) &&
           strcmp(text_of(scenario, TABLE_FLEET, f, FLEET_chip), chip) != 0)
        f += 1;
    return f < rows_of(scenario, TABLE_FLEET);
}

static void check_chips(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;

    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CHIP); c += 1) {
        const char *name = text_of(scenario, TABLE_CHIP, c, CHIP_chip);
        int64_t busy_w = value_of(scenario, TABLE_CHIP, c, CHIP_busy_w);

        for (size_t i = 0; name[i] != '\0'; i += 1) {
            char small[2] = {(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]), 0};

            if (!dr_name_valid(small) && !(small[0] == '-' && i > 0)) {
                wrong(resolver, TABLE_CHIP, c, CHIP_chip, "letters, digits and '-' (not first)");
                break;
            }
        }
        if (value_of(scenario, TABLE_CHIP, c, CHIP_all_in_usd) == DR_CSV_EMPTY &&
            is_delivered(scenario, name))
            wrong(resolver, TABLE_CHIP, c, CHIP_all_in_usd,
                  "a price: fleets.csv has machines with this chip");
        if (value_of(scenario, TABLE_CHIP, c, CHIP_idle_w) > busy_w)
            dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_CHIP], c, CHIP_idle_w,
                              "at most busy_w, %" PRId64, busy_w);
        if (value_of(scenario, TABLE_CHIP, c, CHIP_it_w) < busy_w)
            dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_CHIP], c, CHIP_it_w,
                              "at least busy_w, %" PRId64, busy_w);
    }
}

static void check_sites(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;

    for (uint32_t s = 0; s < rows_of(scenario, TABLE_SITE); s += 1) {
        refer(resolver, TABLE_SITE, s, SITE_grade, TABLE_GRADE);
        if (strlen(text_of(scenario, TABLE_SITE, s, SITE_operator)) >= DR_NAME_BYTES)
            wrong(resolver, TABLE_SITE, s, SITE_operator, "at most 63 bytes");
    }
    for (uint32_t p = 0; p < rows_of(scenario, TABLE_POWER); p += 1)
        refer(resolver, TABLE_POWER, p, POWER_site, TABLE_SITE);
}

/* ---- tenants ---- */

static void check_guarantee(const struct resolver *resolver, uint32_t tenant)
{
    struct dr_scenario *scenario = resolver->scenario;
    int64_t type = value_of(scenario, TABLE_TENANT, tenant, TENANT_guarantee_type);
    int64_t amount = value_of(scenario, TABLE_TENANT, tenant, TENANT_guarantee);
    uint32_t parent = scenario->tenant_parent[tenant];
    int64_t above = parent == NO_ROW
                        ? GUARANTEE_NONE
                        : value_of(scenario, TABLE_TENANT, parent, TENANT_guarantee_type);

    if ((type == GUARANTEE_NONE || type == GUARANTEE_FLEET) && amount != DR_CSV_EMPTY)
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee, "nothing, with this type");
    if ((type == GUARANTEE_GPUS || type == GUARANTEE_SHARE) &&
        (amount == DR_CSV_EMPTY || amount == 0))
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee,
              "an amount above 0, with this type");
    if (type == GUARANTEE_SHARE && amount > MICRO)
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee, "a share from 0 to 1");
    if (type == GUARANTEE_GPUS && amount % MICRO != 0)
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee, "a whole number of accelerators");
    if (type == GUARANTEE_GPUS && (above == GUARANTEE_SHARE || above == GUARANTEE_FLEET))
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee_type,
              "share: its parent states no number of accelerators");
    if (type == GUARANTEE_SHARE && above == GUARANTEE_NONE)
        wrong(resolver, TABLE_TENANT, tenant, TENANT_guarantee_type,
              "gpus, fleet or none: its parent has nothing to share");
}

/* What is below an account may not come to more than it has. */
static void check_sums(const struct resolver *resolver, uint32_t parent)
{
    struct dr_scenario *scenario = resolver->scenario;
    int64_t stated = value_of(scenario, TABLE_TENANT, parent, TENANT_guarantee);
    int64_t counts = 0;
    int64_t shares = 0;

    for (uint32_t t = 0; t < rows_of(scenario, TABLE_TENANT); t += 1) {
        int64_t type = value_of(scenario, TABLE_TENANT, t, TENANT_guarantee_type);

        if (scenario->tenant_parent[t] != parent)
            continue;
        if (type == GUARANTEE_GPUS)
            counts += value_of(scenario, TABLE_TENANT, t, TENANT_guarantee);
        else if (type == GUARANTEE_SHARE &&
                 value_of(scenario, TABLE_TENANT, t, TENANT_guarantee) <= MICRO)
            shares += value_of(scenario, TABLE_TENANT, t, TENANT_guarantee);
    }
    for (uint32_t p = 0; p < rows_of(scenario, TABLE_PROJECT); p += 1) {
        if (scenario->project_parent[p] == parent)
            counts += value_of(scenario, TABLE_PROJECT, p, PROJECT_count) *
                      value_of(scenario, TABLE_PROJECT, p, PROJECT_accelerators) * MICRO;
    }
    if (value_of(scenario, TABLE_TENANT, parent, TENANT_guarantee_type) == GUARANTEE_GPUS &&
        counts > stated)
        dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_TENANT], parent,
                          TENANT_guarantee,
                          "at least %" PRId64 ", which the accounts below it have", counts / MICRO);
    if (shares > MICRO)
        wrong(resolver, TABLE_TENANT, parent, TENANT_account,
              "shares below it that come to at most 1");
}

static void resolve_tenants(const struct resolver *resolver)
{
    static const char *const taken[] = {"admin", "operator", "auditor"};
    struct dr_scenario *scenario = resolver->scenario;
    uint32_t tenants = rows_of(scenario, TABLE_TENANT);

    for (uint32_t t = 0; t < tenants; t += 1) {
        const char *name = text_of(scenario, TABLE_TENANT, t, TENANT_account);
        const char *parent = text_of(scenario, TABLE_TENANT, t, TENANT_parent);

        scenario->tenant_parent[t] =
            t == 0 ? NO_ROW : dr_scenario_find(scenario, TABLE_TENANT, parent);
        if (t == 0 ? parent[0] != '\0' : scenario->tenant_parent[t] >= t) {
            wrong(resolver, TABLE_TENANT, t, TENANT_parent,
                  t == 0 ? "nothing: the first account is the nation"
                         : "an account on a line above");
            scenario->tenant_parent[t] = t == 0 ? NO_ROW : 0; /* still a tree */
        }
        for (size_t i = 0; i < DR_COUNT_OF(taken); i += 1) {
            if (strcmp(name, taken[i]) == 0)
                wrong(resolver, TABLE_TENANT, t, TENANT_account,
                      "a name other than admin, operator and auditor, who are users");
        }
        refer(resolver, TABLE_TENANT, t, TENANT_data_class, TABLE_CLASS);
    }
    if (tenants == 0)
        dr_csv_wrong(resolver->errors, scenario->tables[TABLE_TENANT].file, 0, "account", "nothing",
                     "at least the nation");
}

static void resolve_projects(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;
    const struct dr_csv_table *table = &scenario->tables[TABLE_PROJECT];

    for (uint32_t p = 0; p < table->rows_count; p += 1) {
        const char *at = text_of(scenario, TABLE_PROJECT, p, PROJECT_caps);
        uint32_t parent = refer(resolver, TABLE_PROJECT, p, PROJECT_parent, TABLE_TENANT);
        char part[DR_NAME_BYTES];

        scenario->project_parent[p] = parent;
        if (parent != NO_ROW &&
            value_of(scenario, TABLE_TENANT, parent, TENANT_guarantee_type) != GUARANTEE_GPUS)
            wrong(resolver, TABLE_PROJECT, p, PROJECT_parent,
                  "an account that states a number of accelerators");
        while (dr_csv_part(&at, part)) {
            char *colon = strchr(part, ':');
            int64_t most;

            if (colon != NULL)
                *colon = '\0';
            if (colon == NULL || !dr_parse_i64(colon + 1, 0, 1000000, &most) ||
                dr_scenario_find(scenario, TABLE_CHIP, part) == NO_ROW)
                wrong(resolver, TABLE_PROJECT, p, PROJECT_caps,
                      "CHIP:NUMBER of chips.csv, parted by ';'");
        }
    }
}

/* ---- deliveries ---- */

static void resolve_group(const struct resolver *resolver, struct scenario_pool *pool)
{
    struct dr_scenario *scenario = resolver->scenario;
    struct scenario_group *group;
    uint32_t g = 0;

    while (g < scenario->groups_count &&
           (scenario->groups[g].chip != pool->chip || scenario->groups[g].account != pool->account))
        g += 1;
    pool->group = g;
    if (g < scenario->groups_count)
        return;
    group = &scenario->groups[g];
    *group = (struct scenario_group){
        .chip = pool->chip, .account = pool->account, .holder = pool->account};
    scenario->groups_count += 1;
    while (group->holder != NO_ROW &&
           value_of(scenario, TABLE_TENANT, group->holder, TENANT_guarantee_type) == GUARANTEE_NONE)
        group->holder = scenario->tenant_parent[group->holder];
    if (group->holder == NO_ROW)
        wrong(resolver, TABLE_FLEET, pool->fleet, FLEET_account,
              "an account with a guarantee, or below one");
}

static void resolve_consent(const struct resolver *resolver, struct scenario_pool *pool)
{
    const char *at = text_of(resolver->scenario, TABLE_FLEET, pool->fleet, FLEET_consent);
    char part[DR_NAME_BYTES];

    while (dr_csv_part(&at, part)) {
        uint32_t tenant = dr_scenario_find(resolver->scenario, TABLE_TENANT, part);

        if (tenant == NO_ROW || tenant == 0 || pool->consent_count == CONSENT_MAX) {
            wrong(resolver, TABLE_FLEET, pool->fleet, FLEET_consent,
                  "at most 16 accounts of tenants.csv below the nation, parted by ';'");
            return;
        }
        pool->consent[pool->consent_count] = tenant;
        pool->consent_count += 1;
    }
}

static void resolve_fleets(const struct resolver *resolver)
{
    static const uint32_t common[] = {FLEET_chip, FLEET_owner, FLEET_account, FLEET_consent};
    struct dr_scenario *scenario = resolver->scenario;

    for (uint32_t f = 0; f < rows_of(scenario, TABLE_FLEET); f += 1) {
        struct scenario_pool pool = {.fleet = f};
        uint32_t p = 0;

        pool.site = refer(resolver, TABLE_FLEET, f, FLEET_site, TABLE_SITE);
        pool.chip = refer(resolver, TABLE_FLEET, f, FLEET_chip, TABLE_CHIP);
        pool.account = refer(resolver, TABLE_FLEET, f, FLEET_account, TABLE_TENANT);
        if (pool.site == NO_ROW || pool.chip == NO_ROW || pool.account == NO_ROW)
            continue;
        if (dr_scenario_cap_w(scenario, pool.site,
                              value_of(scenario, TABLE_FLEET, f, FLEET_month)) == 0)
            wrong(resolver, TABLE_FLEET, f, FLEET_month,
                  "a month in which the site has power (site_power.csv)");
        while (p < scenario->pools_count &&
               (scenario->pools[p].site != pool.site ||
                strcmp(text_of(scenario, TABLE_FLEET, scenario->pools[p].fleet, FLEET_pool),
                       text_of(scenario, TABLE_FLEET, f, FLEET_pool)) != 0))
            p += 1;
        scenario->fleet_pool[f] = p;
        if (p == scenario->pools_count) {
            resolve_consent(resolver, &pool);
            resolve_group(resolver, &pool);
            scenario->pools[p] = pool;
            scenario->pools_count += 1;
            continue;
        }
        for (size_t i = 0; i < DR_COUNT_OF(common); i += 1) {
            uint32_t first = scenario->pools[p].fleet;

            if (strcmp(text_of(scenario, TABLE_FLEET, first, common[i]),
                       text_of(scenario, TABLE_FLEET, f, common[i])) != 0)
                dr_csv_wrong_cell(resolver->errors, &scenario->tables[TABLE_FLEET], f, common[i],
                                  "'%s', as the pool's first delivery has on line %" PRIu32,
                                  text_of(scenario, TABLE_FLEET, first, common[i]),
                                  scenario->tables[TABLE_FLEET].lines[first]);
        }
    }
}

/* ---- tariffs ---- */

static void check_tariffs(const struct resolver *resolver)
{
    struct dr_scenario *scenario = resolver->scenario;
    uint64_t bits;
    int64_t value;

    for (uint32_t t = 0; t < rows_of(scenario, TABLE_TARIFF); t += 1) {
        if (!dr_scenario_ranges(text_of(scenario, TABLE_TARIFF, t, TARIFF_months), 1, 12, 0, &bits))
            wrong(resolver, TABLE_TARIFF, t, TARIFF_months, "months: 6-8, 3-5;9-10, 11-2");
        if (!dr_scenario_ranges(text_of(scenario, TABLE_TARIFF, t, TARIFF_hours), 0, 24, 1, &bits))
            wrong(resolver, TABLE_TARIFF, t, TARIFF_hours, "hours: 08-15;21-22, 22-08");
    }
    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CHARGE); c += 1) {
        const char *unit = text_of(scenario, TABLE_CHARGE, c, CHARGE_unit);
        const char *per = strchr(unit, '/');

        if (value_of(scenario, TABLE_CHARGE, c, CHARGE_in_tariff) != 1)
            continue;
        if (!dr_parse_milli(text_of(scenario, TABLE_CHARGE, c, CHARGE_value), 0,
                            INT64_C(1000000000), &value))
            wrong(resolver, TABLE_CHARGE, c, CHARGE_value,
                  "a number with at most three decimals: it is part of the tariff");
        if (strcmp(unit, "fraction of bill") != 0 && (per == NULL || strcmp(per, "/kWh") != 0))
            wrong(resolver, TABLE_CHARGE, c, CHARGE_unit,
                  "money per kWh, or 'fraction of bill': it is part of the tariff");
    }
}

void dr_scenario_resolve(struct dr_scenario *scenario, struct dr_csv_errors *errors)
{
    static const enum table keyed[] = {TABLE_SOURCE, TABLE_SETTING, TABLE_STAGE,
                                       TABLE_GRADE,  TABLE_POLICY,  TABLE_CLASS,
                                       TABLE_CHIP,   TABLE_SITE,    TABLE_TENANT};
    struct resolver resolver = {.scenario = scenario, .errors = errors};
    struct dr_arena *arena = &scenario->arena;
    uint32_t fleets = rows_of(scenario, TABLE_FLEET);
    uint32_t tenants = rows_of(scenario, TABLE_TENANT);
    uint32_t before = errors->count;

    scenario->fleet_pool = dr_arena_push(arena, fleets, sizeof scenario->fleet_pool[0]);
    scenario->fleet_wave = dr_arena_push(arena, fleets, sizeof scenario->fleet_wave[0]);
    scenario->pools = dr_arena_push(arena, fleets, sizeof scenario->pools[0]);
    scenario->groups = dr_arena_push(arena, fleets, sizeof scenario->groups[0]);
    scenario->tenant_parent = dr_arena_push(arena, tenants, sizeof scenario->tenant_parent[0]);
    scenario->project_parent =
        dr_arena_push(arena, rows_of(scenario, TABLE_PROJECT), sizeof scenario->project_parent[0]);
    if (scenario->fleet_pool == NULL || scenario->fleet_wave == NULL || scenario->pools == NULL ||
        scenario->groups == NULL || scenario->tenant_parent == NULL ||
        scenario->project_parent == NULL) {
        dr_csv_wrong(errors, scenario->tables[TABLE_FLEET].file, 0, "", "", "smaller tables");
        return;
    }
    for (uint32_t t = 0; t < TABLE_COUNT; t += 1) {
        if (t != TABLE_SOURCE)
            check_claims(&resolver, (enum table)t);
    }
    for (size_t i = 0; i < DR_COUNT_OF(keyed); i += 1)
        check_unique(&resolver, keyed[i]);
    resolve_settings(&resolver);
    resolve_waves(&resolver);
    check_classes(&resolver);
    check_chips(&resolver);
    check_sites(&resolver);
    resolve_tenants(&resolver);
    resolve_projects(&resolver);
    check_tariffs(&resolver);
    for (uint32_t t = 0; t < tenants; t += 1) {
        check_guarantee(&resolver, t);
        check_sums(&resolver, t);
    }
    /* One wrong name would be said again by each delivery that refers to it. */
    if (errors->count == before)
        resolve_fleets(&resolver);
}
