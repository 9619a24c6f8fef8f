/* SPDX-License-Identifier: Apache-2.0 */
/* The federation file of a moment. Everything comes in the order of the tables, so that the same
 * tables give the same bytes; behind each part stand its sources and what in it is assumed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/math.h"
#include "scenario/tables.h"

#define HOURS_PER_YEAR 8760

struct writer {
    const struct dr_scenario *scenario;
    const struct dr_scenario_moment *moment;
    struct dr_buffer *yaml;
    int64_t *amounts;   /* [groups][tenants] */
    int64_t *installed; /* [groups] */
    uint32_t tenants;
    char prices[1024]; /* the tariff's line */
};

/* ---- words ---- */

static const char *chip_name(const struct dr_scenario *scenario, uint32_t chip,
                             char name[DR_NAME_BYTES])
{
    dr_copy_name(name, text_of(scenario, TABLE_CHIP, chip, CHIP_chip));
    for (size_t i = 0; name[i] != '\0'; i += 1)
        name[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    return name;
}

/* As the federation file makes it from chip and owner. */
static const char *group_name(const struct dr_scenario *scenario, uint32_t group,
                              char name[2 * DR_NAME_BYTES + 8])
{
    char chip[DR_NAME_BYTES];

    snprintf(name, 2 * DR_NAME_BYTES + 8, "%s-of-%s",
             chip_name(scenario, scenario->groups[group].chip, chip),
             text_of(scenario, TABLE_TENANT, scenario->groups[group].account, TENANT_account));
    return name;
}

static const char *tenant_name(const struct writer *writer, uint32_t tenant)
{
    return text_of(writer->scenario, TABLE_TENANT, tenant, TENANT_account);
}

static void quoted(struct dr_buffer *yaml, const char *text)
{
    dr_buffer_append_text(yaml, "\"");
    for (; *text != '\0'; text += 1) {
        if (*text == '"' || *text == '\\')
            dr_buffer_append_text(yaml, "\\");
        dr_buffer_append(yaml, text, 1);
    }
    dr_buffer_append_text(yaml, "\"");
}

/* "K-R1; assumed: month;account": the last columns of every table but the sources' own. */
static void claim(const struct writer *writer, enum table table, uint32_t row)
{
    uint32_t columns = writer->scenario->tables[table].columns_count;
    const char *assumed = text_of(writer->scenario, table, row, columns - 3);

    dr_buffer_printf(writer->yaml, "%s%s%s", text_of(writer->scenario, table, row, columns - 2),
                     assumed[0] == '\0' ? "" : "; assumed: ", assumed);
}

/* A list parted by ';' as one of YAML's. */
static void list(struct dr_buffer *yaml, const char *parts)
{
    char part[DR_NAME_BYTES];
    const char *comma = "";

    dr_buffer_append_text(yaml, "[");
    for (const char *at = parts; dr_csv_part(&at, part); comma = ", ")
        dr_buffer_printf(yaml, "%s%s", comma, part);
    dr_buffer_append_text(yaml, "]");
}

/* ---- head, chips, classes ---- */

static void write_head(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;
    const struct scenario_settings *settings = &scenario->settings;
    struct dr_scenario_totals totals;
    char month[DR_MONTH_BYTES];

    dr_scenario_count(scenario, writer->moment, &totals);
    dr_buffer_printf(
        writer->yaml,
        "# %s at the end of %s: %" PRId64 " accelerators on %" PRId64 " nodes in %" PRIu32
        " pools at %" PRIu32 " sites;\n"
        "# %" PRId64 " MW with all of them busy, of %" PRId64 " MW.\n"
        "# Written by `daero scenario %s --at %s`. Behind each part stand the keys of its sources\n"
        "# (sources.csv) and the columns of its table that are assumed; the README beside the\n"
        "# tables says what was left out.\n"
        "\n"
        "federation:\n"
        "  name: %s\n"
        "  currency: ",
        settings->name, dr_format_month(writer->moment->month, month), totals.accelerators,
        totals.nodes, totals.pools, totals.sites, totals.load_w / 1000000, totals.cap_w / 1000000,
        settings->name, writer->moment->name, settings->name);
    quoted(writer->yaml, settings->currency);
    dr_buffer_printf(writer->yaml, "\n  default_limit: %s\n  span_price: %" PRId64 "\n",
                     settings->default_limit, settings->span_price);
}

static void write_chips(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;
    char name[DR_NAME_BYTES];

    dr_buffer_append_text(writer->yaml, "\nchips:\n");
    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CHIP); c += 1) {
        int64_t installed = 0;
        int64_t hours = scenario->settings.service_years * HOURS_PER_YEAR;
        int64_t price;

        for (uint32_t g = 0; g < scenario->groups_count; g += 1)
            installed += scenario->groups[g].chip == c ? writer->installed[g] : 0;
        if (installed == 0)
            continue;
        price = (value_of(scenario, TABLE_CHIP, c, CHIP_all_in_usd) * scenario->settings.per_usd +
                 hours / 2) /
                hours;
        dr_buffer_printf(writer->yaml, "  %s: # ", chip_name(scenario, c, name));
        claim(writer, TABLE_CHIP, c);
        dr_buffer_append_text(writer->yaml, "\n    vendor: ");
        quoted(writer->yaml, text_of(scenario, TABLE_CHIP, c, CHIP_vendor));
        dr_buffer_printf(writer->yaml,
                         "\n    country: %s\n"
                         "    memory: %" PRId64 "G\n"
                         "    idle_power: %" PRId64 "W\n"
                         "    busy_power: %" PRId64 "W\n"
                         "    price: %" PRId64 "\n"
                         "    stacks: [",
                         text_of(scenario, TABLE_CHIP, c, CHIP_country),
                         value_of(scenario, TABLE_CHIP, c, CHIP_memory_gb),
                         value_of(scenario, TABLE_CHIP, c, CHIP_idle_w),
                         value_of(scenario, TABLE_CHIP, c, CHIP_busy_w), price);
        quoted(writer->yaml, text_of(scenario, TABLE_CHIP, c, CHIP_stack));
        dr_buffer_append_text(writer->yaml, "]\n");
    }
}

static void write_classes(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;

    dr_buffer_append_text(writer->yaml, "\ndata_classes:\n");
    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CLASS); c += 1) {
        const char *jurisdictions = text_of(scenario, TABLE_CLASS, c, CLASS_jurisdictions);
        const char *policy = text_of(scenario, TABLE_CLASS, c, CLASS_policy);

        dr_buffer_printf(writer->yaml, "  %s: {", text_of(scenario, TABLE_CLASS, c, CLASS_class));
        if (jurisdictions[0] != '\0') {
            dr_buffer_append_text(writer->yaml, "jurisdictions: ");
            list(writer->yaml, jurisdictions);
            dr_buffer_append_text(writer->yaml, ", ");
        }
        dr_buffer_printf(writer->yaml, "assurance: %" PRId64 ", share: %s} # %s%s",
                         value_of(scenario, TABLE_CLASS, c, CLASS_assurance),
                         text_of(scenario, TABLE_CLASS, c, CLASS_share), policy,
                         policy[0] == '\0' ? "" : "; ");
        claim(writer, TABLE_CLASS, c);
        dr_buffer_append_text(writer->yaml, "\n");
    }
}

/* ---- sites and pools ---- */

/* "{0-8: 145.4232, 8-15: ...}": hours of one price together. */
static void write_prices(char *text, size_t bytes, const int64_t prices[24])
{
    size_t at = (size_t)snprintf(text, bytes, "{");

    for (uint32_t from = 0, to; from < 24; from = to) {
        for (to = from; to < 24 && prices[to] == prices[from];)
            to += 1;
        at += (size_t)snprintf(
            text + at, bytes - at, "%s%" PRIu32 "-%" PRIu32 ": %" PRId64 ".%06" PRId64,
            from == 0 ? "" : ", ", from, to, prices[from] / MICRO, prices[from] % MICRO);
        while (text[at - 1] == '0' && text[at - 2] != '.')
            at -= 1;
    }
    snprintf(text + at, bytes - at, "}");
}

/* `accelerators` of a node that has all, or, of the one that is left, fewer: the rest of the node
 * in proportion. */
static void write_pool(const struct writer *writer, uint32_t p, const char *name, int64_t nodes,
                       int64_t accelerators)
{
    const struct dr_scenario *scenario = writer->scenario;
    const struct scenario_pool *pool = &scenario->pools[p];
    int64_t whole = value_of(scenario, TABLE_CHIP, pool->chip, CHIP_node_accelerators);
    int64_t widest =
        dr_max_i64(value_of(scenario, TABLE_CHIP, pool->chip, CHIP_scaleup_accelerators),
                   value_of(scenario, TABLE_CHIP, pool->chip, CHIP_rack_accelerators));
    int64_t block = widest / whole;
    int64_t spine = value_of(scenario, TABLE_CHIP, pool->chip, CHIP_spine_nodes);
    int64_t other_w = value_of(scenario, TABLE_CHIP, pool->chip, CHIP_it_w) -
                      value_of(scenario, TABLE_CHIP, pool->chip, CHIP_busy_w);
    const char *consent = text_of(scenario, TABLE_FLEET, pool->fleet, FLEET_consent);
    char chip[DR_NAME_BYTES];

    dr_buffer_printf(writer->yaml, "      %s: # owner %s, ", name,
                     text_of(scenario, TABLE_FLEET, pool->fleet, FLEET_owner));
    quoted(writer->yaml, text_of(scenario, TABLE_FLEET, pool->fleet, FLEET_use));
    dr_buffer_append_text(writer->yaml, "\n");
    for (uint32_t f = 0; f < rows_of(scenario, TABLE_FLEET); f += 1) {
        if (scenario->fleet_pool[f] != p ||
            (scenario->fleet_wave[f] & writer->moment->waves) == 0 ||
            value_of(scenario, TABLE_FLEET, f, FLEET_month) > writer->moment->month)
            continue;
        dr_buffer_printf(writer->yaml, "        # %s: %s of wave %s; ",
                         text_of(scenario, TABLE_FLEET, f, FLEET_month),
                         text_of(scenario, TABLE_FLEET, f, FLEET_count),
                         text_of(scenario, TABLE_FLEET, f, FLEET_wave));
        claim(writer, TABLE_FLEET, f);
        dr_buffer_append_text(writer->yaml, "\n");
    }
    dr_buffer_printf(
        writer->yaml,
        "        chip: %s\n"
        "        nodes: %" PRId64 "\n"
        "        accelerators: %" PRId64 "\n"
        "        cpus: %" PRId64 "\n"
        "        memory: %" PRId64 "G\n"
        "        node_power: %" PRId64 "W\n",
        chip_name(scenario, pool->chip, chip), nodes, accelerators,
        value_of(scenario, TABLE_CHIP, pool->chip, CHIP_node_cpus) * accelerators / whole,
        value_of(scenario, TABLE_CHIP, pool->chip, CHIP_node_memory_gb) * accelerators / whole,
        other_w * accelerators);
    if (block > 1 && accelerators == whole) {
        dr_buffer_printf(writer->yaml, "        levels: {block: %" PRId64, block);
        if (spine > block && spine % block == 0)
            dr_buffer_printf(writer->yaml, ", spine: %" PRId64, spine);
        dr_buffer_append_text(writer->yaml, "}\n");
    }
    dr_buffer_printf(writer->yaml, "        owner: %s\n", tenant_name(writer, pool->account));
    if (consent[0] != '\0') {
        dr_buffer_append_text(writer->yaml, "        consent: ");
        list(writer->yaml, consent);
        dr_buffer_append_text(writer->yaml, "\n");
    }
}

static void write_pools(const struct writer *writer, uint32_t site)
{
    const struct dr_scenario *scenario = writer->scenario;

    for (uint32_t p = 0; p < scenario->pools_count; p += 1) {
        const struct scenario_pool *pool = &scenario->pools[p];
        const char *name = text_of(scenario, TABLE_FLEET, pool->fleet, FLEET_pool);
        int64_t whole = value_of(scenario, TABLE_CHIP, pool->chip, CHIP_node_accelerators);
        int64_t count = dr_scenario_pool_count(scenario, p, writer->moment);
        char part[2 * DR_NAME_BYTES];

        if (pool->site != site || count == 0)
            continue;
        if (count >= whole)
            write_pool(writer, p, name, count / whole, whole);
        if (count % whole == 0)
            continue;
        /* A pool's accelerators per node never change, so the number is part of the name. */
        snprintf(part, sizeof part, "%s-part-%" PRId64, name, count % whole);
        write_pool(writer, p, part, 1, count % whole);
    }
}

/* The classes that a site's grade and law allow. */
static void write_site_classes(const struct writer *writer, uint32_t site, int64_t assurance)
{
    const struct dr_scenario *scenario = writer->scenario;
    const char *jurisdiction = text_of(scenario, TABLE_SITE, site, SITE_jurisdiction);
    const char *comma = "";

    dr_buffer_append_text(writer->yaml, "    data_classes: [");
    for (uint32_t c = 0; c < rows_of(scenario, TABLE_CLASS); c += 1) {
        const char *at = text_of(scenario, TABLE_CLASS, c, CLASS_jurisdictions);
        char part[DR_NAME_BYTES];
        int may = at[0] == '\0';

        while (!may && dr_csv_part(&at, part))
            may = strcmp(part, jurisdiction) == 0;
        if (!may || value_of(scenario, TABLE_CLASS, c, CLASS_assurance) > assurance)
            continue;
        dr_buffer_printf(writer->yaml, "%s%s", comma,
                         text_of(scenario, TABLE_CLASS, c, CLASS_class));
        comma = ", ";
    }
    dr_buffer_append_text(writer->yaml, "]\n");
}

static void write_site(const struct writer *writer, uint32_t site)
{
    const struct dr_scenario *scenario = writer->scenario;
    uint32_t grade =
        dr_scenario_find(scenario, TABLE_GRADE, text_of(scenario, TABLE_SITE, site, SITE_grade));
    int64_t assurance = value_of(scenario, TABLE_GRADE, grade, GRADE_assurance);
    uint32_t power = dr_scenario_power_row(scenario, site, writer->moment->month);

    dr_buffer_printf(writer->yaml, "  %s: # ", text_of(scenario, TABLE_SITE, site, SITE_site));
    quoted(writer->yaml, text_of(scenario, TABLE_SITE, site, SITE_name));
    dr_buffer_append_text(writer->yaml, "; ");
    claim(writer, TABLE_SITE, site);
    dr_buffer_append_text(writer->yaml, "\n    operator: ");
    quoted(writer->yaml, text_of(scenario, TABLE_SITE, site, SITE_operator));
    dr_buffer_printf(writer->yaml,
                     "\n    region: %s\n"
                     "    jurisdiction: %s\n"
                     "    assurance: %" PRId64 "\n"
                     "    zone: %s\n"
                     "    power_cap: %sMW # ",
                     text_of(scenario, TABLE_SITE, site, SITE_region),
                     text_of(scenario, TABLE_SITE, site, SITE_jurisdiction), assurance,
                     text_of(scenario, TABLE_SITE, site, SITE_grid_zone),
                     text_of(scenario, TABLE_POWER, power, POWER_power_mw));
    claim(writer, TABLE_POWER, power);
    dr_buffer_printf(writer->yaml,
                     "\n    pue: %s\n"
                     "    tariff: %s\n"
                     "    utc_offset: \"%s\"\n",
                     text_of(scenario, TABLE_SITE, site, SITE_pue), writer->prices,
                     scenario->settings.utc_offset);
    write_site_classes(writer, site, assurance);
    dr_buffer_append_text(writer->yaml, "    engine: simulated\n");
    if (value_of(scenario, TABLE_SITE, site, SITE_isolated_network) == 1)
        dr_buffer_append_text(writer->yaml, "    isolated_network: yes\n");
    dr_buffer_append_text(writer->yaml, "    pools:\n");
    write_pools(writer, site);
}

/* All of the tables, also those without machines yet. */
static void write_zones(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;

    dr_buffer_append_text(writer->yaml, "\nzones:\n");
    for (uint32_t s = 0; s < rows_of(scenario, TABLE_SITE); s += 1) {
        const char *zone = text_of(scenario, TABLE_SITE, s, SITE_grid_zone);
        int is_first = 1;

        for (uint32_t before = 0; before < s; before += 1)
            is_first &= strcmp(text_of(scenario, TABLE_SITE, before, SITE_grid_zone), zone) != 0;
        if (is_first)
            dr_buffer_printf(writer->yaml, "  %s: {}\n", zone);
    }
}

static void write_sites(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;

    dr_buffer_append_text(writer->yaml, "\nsites:\n");
    for (uint32_t s = 0; s < rows_of(scenario, TABLE_SITE); s += 1) {
        int64_t count = 0;

        for (uint32_t p = 0; p < scenario->pools_count; p += 1)
            count += scenario->pools[p].site == s
                         ? dr_scenario_pool_count(scenario, p, writer->moment)
                         : 0;
        if (count > 0)
            write_site(writer, s);
    }
}

/* ---- accounts and users ---- */

static int is_leaf(const struct writer *writer, uint32_t tenant)
{
    for (uint32_t t = 0; t < writer->tenants; t += 1) {
        if (writer->scenario->tenant_parent[t] == tenant)
            return 0;
    }
    for (uint32_t p = 0; p < rows_of(writer->scenario, TABLE_PROJECT); p += 1) {
        if (writer->scenario->project_parent[p] == tenant)
            return 0;
    }
    return 1;
}

static void write_guarantees(const struct writer *writer, uint32_t tenant, int indent)
{
    const struct dr_scenario *scenario = writer->scenario;
    int64_t borrow = value_of(scenario, TABLE_TENANT, tenant, TENANT_borrow);
    int64_t lend = value_of(scenario, TABLE_TENANT, tenant, TENANT_lend);
    char name[2 * DR_NAME_BYTES + 8];
    int any = 0;

    for (uint32_t g = 0; g < scenario->groups_count; g += 1) {
        int64_t amount = writer->amounts[(size_t)g * writer->tenants + tenant];

        if (amount == 0)
            continue;
        if (!any)
            dr_buffer_printf(writer->yaml, "%*sguarantees:\n", indent, "");
        any = 1;
        dr_buffer_printf(writer->yaml, "%*s%s: ", indent + 2, "", group_name(scenario, g, name));
        if (borrow == DR_CSV_EMPTY && lend == DR_CSV_EMPTY) {
            dr_buffer_printf(writer->yaml, "%" PRId64 "\n", amount);
            continue;
        }
        dr_buffer_printf(writer->yaml, "{guarantee: %" PRId64, amount);
        if (borrow != DR_CSV_EMPTY)
            dr_buffer_printf(writer->yaml, ", borrow: %" PRId64,
                             dr_mul_div_floor(amount, borrow, MICRO));
        if (lend != DR_CSV_EMPTY)
            dr_buffer_printf(writer->yaml, ", lend: %" PRId64,
                             dr_mul_div_floor(amount, lend, MICRO));
        dr_buffer_append_text(writer->yaml, "}\n");
    }
}

/* The most that a project may have of a chip; -1: no cap is stated. */
static int64_t project_cap(const struct dr_scenario *scenario, uint32_t project, uint32_t chip)
{
    const char *at = text_of(scenario, TABLE_PROJECT, project, PROJECT_caps);
    char part[DR_NAME_BYTES];
    int64_t most = -1;

    while (dr_csv_part(&at, part)) {
        char *colon = strchr(part, ':');

        *colon = '\0';
        if (strcmp(part, text_of(scenario, TABLE_CHIP, chip, CHIP_chip)) == 0 &&
            dr_parse_i64(colon + 1, 0, 1000000, &most))
            return most;
    }
    return -1;
}

static const char *project_name(const struct dr_scenario *scenario, uint32_t project, int64_t i,
                                char name[2 * DR_NAME_BYTES])
{
    snprintf(name, 2 * DR_NAME_BYTES, "%s-%03" PRId64,
             text_of(scenario, TABLE_PROJECT, project, PROJECT_prefix), i + 1);
    return name;
}

/* Projects of one kind are alike: each has its part of what the account above it has, and borrows
 * up to its cap. */
static void write_projects(const struct writer *writer, uint32_t project, int indent)
{
    const struct dr_scenario *scenario = writer->scenario;
    uint32_t parent = scenario->project_parent[project];
    int64_t accelerators = value_of(scenario, TABLE_PROJECT, project, PROJECT_accelerators) * MICRO;
    int64_t of = value_of(scenario, TABLE_TENANT, parent, TENANT_guarantee);
    char name[2 * DR_NAME_BYTES + 8];

    dr_buffer_printf(writer->yaml, "%*s# ", indent, "");
    claim(writer, TABLE_PROJECT, project);
    dr_buffer_append_text(writer->yaml, "\n");
    for (int64_t i = 0; i < value_of(scenario, TABLE_PROJECT, project, PROJECT_count); i += 1) {
        const char *comma = "";

        dr_buffer_printf(writer->yaml, "%*s%s: {guarantees: {", indent, "",
                         project_name(scenario, project, i, name));
        for (uint32_t g = 0; g < scenario->groups_count; g += 1) {
            int64_t above = writer->amounts[(size_t)g * writer->tenants + parent];
            int64_t amount = dr_mul_div_floor(above, accelerators, of);
            int64_t cap = project_cap(scenario, project, scenario->groups[g].chip);

            if (above == 0)
                continue;
            dr_buffer_printf(writer->yaml, "%s%s: {guarantee: %" PRId64, comma,
                             group_name(scenario, g, name), amount);
            if (cap >= 0)
                dr_buffer_printf(writer->yaml, ", borrow: %" PRId64, dr_max_i64(0, cap - amount));
            dr_buffer_append_text(writer->yaml, "}");
            comma = ", ";
        }
        dr_buffer_append_text(writer->yaml, "}}\n");
    }
}

static void write_accounts(const struct writer *writer, uint32_t parent, int indent)
{
    const struct dr_scenario *scenario = writer->scenario;

    for (uint32_t t = 0; t < writer->tenants; t += 1) {
        const char *weight;
        size_t length;

        if (scenario->tenant_parent[t] != parent)
            continue;
        weight = text_of(scenario, TABLE_TENANT, t, TENANT_weight);
        dr_buffer_printf(writer->yaml, "%*s%s: # ", indent, "", tenant_name(writer, t));
        quoted(writer->yaml, text_of(scenario, TABLE_TENANT, t, TENANT_name));
        dr_buffer_append_text(writer->yaml, "; ");
        claim(writer, TABLE_TENANT, t);
        dr_buffer_append_text(writer->yaml, "\n");
        length = writer->yaml->length;
        if (weight[0] != '\0')
            dr_buffer_printf(writer->yaml, "%*sweight: %s\n", indent + 2, "", weight);
        write_guarantees(writer, t, indent + 2);
        if (!is_leaf(writer, t)) {
            dr_buffer_printf(writer->yaml, "%*saccounts:\n", indent + 2, "");
            write_accounts(writer, t, indent + 4);
            for (uint32_t p = 0; p < rows_of(scenario, TABLE_PROJECT); p += 1) {
                if (scenario->project_parent[p] == t)
                    write_projects(writer, p, indent + 4);
            }
        }
        if (writer->yaml->length == length)
            dr_buffer_printf(writer->yaml, "%*s{}\n", indent + 2, "");
    }
}

/* One user for each account to which jobs belong, called like it, and one who looks after each
 * account of the first level; no person is meant. */
static void write_users(const struct writer *writer)
{
    const struct dr_scenario *scenario = writer->scenario;
    char name[2 * DR_NAME_BYTES];

    dr_buffer_append_text(writer->yaml, "\nusers:\n"
                                        "  admin: {roles: [admin]}\n"
                                        "  operator: {roles: [operator]}\n"
                                        "  auditor: {roles: [auditor]}\n");
    for (uint32_t t = 1; t < writer->tenants; t += 1) {
        int first = scenario->tenant_parent[t] == 0;
        int leaf = is_leaf(writer, t);

        if (first || leaf)
            dr_buffer_printf(writer->yaml, "  %s: {accounts: {%s: [%s%s%s]}}\n",
                             tenant_name(writer, t), tenant_name(writer, t), leaf ? "user" : "",
                             first && leaf ? ", " : "", first ? "account-admin" : "");
    }
    for (uint32_t p = 0; p < rows_of(scenario, TABLE_PROJECT); p += 1) {
        for (int64_t i = 0; i < value_of(scenario, TABLE_PROJECT, p, PROJECT_count); i += 1) {
            project_name(scenario, p, i, name);
            dr_buffer_printf(writer->yaml, "  %s: {accounts: [%s]}\n", name, name);
        }
    }
}

enum dr_status dr_scenario_write(const struct dr_scenario *scenario,
                                 const struct dr_scenario_moment *moment, struct dr_buffer *yaml,
                                 struct dr_error *error)
{
    struct dr_arena scratch DR_CLEANUP(dr_arena_deinit) = {0};
    struct writer writer = {.scenario = scenario,
                            .moment = moment,
                            .yaml = yaml,
                            .tenants = rows_of(scenario, TABLE_TENANT)};
    int64_t prices[24];

    if (!dr_scenario_tariff(scenario, moment->month, prices, error))
        return DR_E_INPUT;
    write_prices(writer.prices, sizeof writer.prices, prices);
    if (dr_arena_init(&scratch, (size_t)64 << 20) != DR_OK)
        return DR_E_FULL;
    writer.installed = dr_arena_push(&scratch, scenario->groups_count, sizeof writer.installed[0]);
    writer.amounts = dr_arena_push(&scratch, (size_t)scenario->groups_count * writer.tenants,
                                   sizeof writer.amounts[0]);
    if (writer.installed == NULL || writer.amounts == NULL)
        return DR_E_FULL;
    dr_scenario_guarantees(scenario, moment, writer.amounts, writer.installed);
    write_head(&writer);
    write_chips(&writer);
    write_classes(&writer);
    write_zones(&writer);
    write_sites(&writer);
    dr_buffer_append_text(yaml, "\naccounts:\n");
    write_accounts(&writer, 0, 2);
    write_users(&writer);
    return yaml->full ? DR_E_FULL : DR_OK;
}
