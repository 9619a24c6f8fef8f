/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet as a federation file. Everything comes in the order of the scenario's tables, so that the
 * same plan gives the same bytes. */
#include <inttypes.h>
#include <string.h>

#include "base/math.h"
#include "rehearsal/fleet.h"

#define FOR(i, count)     for (uint32_t i = 0; i < (count); i += 1)
#define HOURS_PER_QUARTER INT64_C(2190)
/* What a plan says nothing of and no job of a rehearsal is short of. */
#define MEMORY_GB_EACH 64
#define CPUS_EACH      8

struct writer {
    const struct dr_fleet *fleet;
    const struct dr_plan_inputs *inputs;
    struct dr_buffer *yaml;
};

static void quoted(struct dr_buffer *yaml, const char *text)
{
    dr_buffer_append_text(yaml, "\"");
    for (uint32_t bytes = 0; *text != '\0' && bytes < 60; text += 1, bytes += 1) {
        if (*text == '"' || *text == '\\')
            dr_buffer_append_text(yaml, "\\");
        dr_buffer_append(yaml, text, 1);
    }
    dr_buffer_append_text(yaml, "\"");
}

/* Names of sectors, as a list. */
static void put_sectors(const struct writer *writer, uint32_t sectors)
{
    const char *comma = "";

    dr_buffer_append_text(writer->yaml, "[");
    FOR(k, writer->inputs->sectors_count) {
        if (((sectors >> k) & 1) == 0)
            continue;
        dr_buffer_printf(writer->yaml, "%s%s", comma, writer->inputs->sectors[k].name);
        comma = ", ";
    }
    dr_buffer_append_text(writer->yaml, "]");
}

static void put_micro(struct dr_buffer *yaml, int64_t micro)
{
    dr_buffer_printf(yaml, "%" PRId64 ".%06" PRId64, micro / DR_PLAN_MICRO, micro % DR_PLAN_MICRO);
}

static void write_head(const struct writer *writer)
{
    const struct dr_fleet *fleet = writer->fleet;
    char quarter[DR_QUARTER_BYTES];
    char name[DR_NAME_BYTES];
    int64_t at = writer->inputs->begin + fleet->quarter;

    dr_format_quarter(at, quarter);
    dr_format(name, sizeof name, "%.40s-%" PRId64 "-q%" PRId64, writer->inputs->name, at / 4,
              at % 4 + 1);
    dr_buffer_printf(writer->yaml,
                     "# %s in %s, one accelerator for %" PRIu32 " of the plan: %" PRId64
                     " that are expected to be in order.\n"
                     "# Written by `daero plan replay`; docs/planning.md says what was made of "
                     "what.\n"
                     "\n"
                     "federation:\n"
                     "  name: %s\n"
                     "  currency: ",
                     writer->inputs->name, quarter, fleet->scale, fleet->accelerators, name);
    quoted(writer->yaml, writer->inputs->currency);
    dr_buffer_append_text(writer->yaml, "\n  default_limit: 1d\n");
}

static int has_pool(const struct dr_fleet *fleet, uint32_t site, uint32_t chip)
{
    FOR(p, fleet->pools_count) {
        if ((site == UINT32_MAX || fleet->pools[p].site == site) &&
            (chip == UINT32_MAX || fleet->pools[p].chip == chip))
            return 1;
    }
    return 0;
}

static void write_chips(const struct writer *writer)
{
    dr_buffer_append_text(writer->yaml, "\nchips:\n");
    FOR(c, writer->inputs->chips_count) {
        const struct dr_plan_chip *chip = &writer->inputs->chips[c];

        if (!has_pool(writer->fleet, UINT32_MAX, c))
            continue;
        dr_buffer_printf(writer->yaml, "  %s:\n    vendor: ", chip->name);
        quoted(writer->yaml, chip->vendor);
        dr_buffer_printf(writer->yaml,
                         "\n    memory: %dG\n    idle_power: %" PRId64 "W\n    busy_power: %" PRId64
                         "W\n    price: ",
                         MEMORY_GB_EACH, chip->idle_w, chip->busy_w);
        put_micro(writer->yaml,
                  dr_min_i64(INT64_C(1000000) * DR_PLAN_MICRO,
                             dr_mul_div_floor(chip->price[writer->fleet->quarter], DR_PLAN_MICRO,
                                              HOURS_PER_QUARTER * chip->life_quarters)));
        dr_buffer_append_text(writer->yaml, "\n");
    }
}

static void write_classes(const struct writer *writer)
{
    dr_buffer_append_text(writer->yaml, "\ndata_classes:\n");
    FOR(k, writer->inputs->sectors_count)
        dr_buffer_printf(writer->yaml, "  %s: {assurance: %" PRIu32 "}\n",
                         writer->inputs->sectors[k].name, writer->inputs->sectors[k].grade);
}

static void write_zones(const struct writer *writer)
{
    const struct dr_plan_inputs *inputs = writer->inputs;

    dr_buffer_append_text(writer->yaml, "\nzones:\n");
    FOR(z, inputs->zones_count) {
        int64_t cap_w = writer->fleet->zone_cap_w[z];

        if (cap_w == INT64_MAX)
            dr_buffer_printf(writer->yaml, "  %s: {}\n", inputs->zones[z].name);
        else
            dr_buffer_printf(writer->yaml, "  %s: {power_cap: %" PRId64 "W}\n",
                             inputs->zones[z].name, cap_w);
    }
}

/* ---- sites ---- */

static void write_nodes(const struct writer *writer, const struct dr_fleet_pool *pool,
                        const char *name, int64_t nodes, int64_t accelerators)
{
    const struct dr_plan_inputs *inputs = writer->inputs;
    const struct dr_fleet_group *group = &writer->fleet->groups[pool->group];

    dr_buffer_printf(writer->yaml,
                     "      %s:\n"
                     "        chip: %s\n"
                     "        nodes: %" PRId64 "\n"
                     "        accelerators: %" PRId64 "\n"
                     "        cpus: %" PRId64 "\n"
                     "        memory: %" PRId64 "G\n"
                     "        group: {accelerators: %s, cpus: cpus, memory: memory}\n"
                     "        consent: ",
                     name, inputs->chips[pool->chip].name, nodes, accelerators,
                     accelerators * CPUS_EACH, accelerators * MEMORY_GB_EACH, group->name);
    put_sectors(writer, group->sectors);
    dr_buffer_append_text(writer->yaml, "\n");
    if (strlen(inputs->sites[pool->site].name) + strlen(name) + 2 >= DR_NAME_BYTES - 10)
        dr_buffer_printf(writer->yaml, "        node_names: s%" PRIu32 "-c%" PRIu32 "-%s-0\n",
                         pool->site, pool->chip, accelerators == pool->count ? "part" : "node");
}

static void write_pool(const struct writer *writer, const struct dr_fleet_pool *pool)
{
    const struct dr_plan_chip *chip = &writer->inputs->chips[pool->chip];
    int64_t node = dr_fleet_node(chip);
    char part[DR_NAME_BYTES];

    if (pool->count >= node)
        write_nodes(writer, pool, chip->name, pool->count / node, node);
    if (pool->count % node == 0)
        return;
    dr_format(part, sizeof part, "%.54s-part", chip->name);
    write_nodes(writer, pool, part, 1, pool->count % node);
}

static void write_sites(const struct writer *writer)
{
    const struct dr_plan_inputs *inputs = writer->inputs;

    dr_buffer_append_text(writer->yaml, "\nsites:\n");
    FOR(s, inputs->sites_count) {
        const struct dr_plan_site *site = &inputs->sites[s];
        char text[DR_TEXT_BYTES];
        uint32_t allowed = 0;

        if (!has_pool(writer->fleet, s, UINT32_MAX))
            continue;
        FOR(k, inputs->sectors_count) {
            if (dr_plan_allowed(inputs, k, s))
                allowed |= 1u << k;
        }
        dr_buffer_printf(writer->yaml,
                         "  %s:\n"
                         "    assurance: %" PRIu32 "\n"
                         "    zone: %s\n"
                         "    power_cap: %" PRId64 "W\n"
                         "    pue: ",
                         site->name, site->grade, inputs->zones[site->zone].name,
                         writer->fleet->site_cap_w[s]);
        /* Down to thousandths: at most what the plan reckons with. */
        dr_buffer_append_text(writer->yaml, dr_format_milli(site->pue_micro / 1000, text));
        dr_buffer_append_text(writer->yaml, "\n    tariff: ");
        put_micro(writer->yaml, inputs->tariffs[site->tariff]
                                    .energy_micro[(inputs->begin + writer->fleet->quarter) % 4]);
        dr_buffer_append_text(writer->yaml, "\n    data_classes: ");
        put_sectors(writer, allowed);
        dr_buffer_append_text(writer->yaml, "\n    engine: simulated\n    pools:\n");
        FOR(p, writer->fleet->pools_count) {
            if (writer->fleet->pools[p].site == s)
                write_pool(writer, &writer->fleet->pools[p]);
        }
    }
}

/* ---- accounts ---- */

static void write_accounts(const struct writer *writer)
{
    char text[DR_TEXT_BYTES];

    dr_buffer_append_text(writer->yaml, "\naccounts:\n");
    FOR(k, writer->inputs->sectors_count) {
        int some = 0;

        dr_buffer_printf(writer->yaml, "  %s:\n", writer->inputs->sectors[k].name);
        FOR(g, writer->fleet->groups_count) {
            const struct dr_fleet_group *group = &writer->fleet->groups[g];

            if (group->guarantee_milli[k] == 0)
                continue;
            if (!some)
                dr_buffer_append_text(writer->yaml, "    guarantees:\n");
            some = 1;
            dr_buffer_printf(writer->yaml, "      %s: %s\n", group->name,
                             dr_format_milli(group->guarantee_milli[k], text));
        }
        if (!some)
            dr_buffer_append_text(writer->yaml, "    weight: 1\n");
    }
    dr_buffer_append_text(writer->yaml, "\nusers:\n  planner:\n    roles: [admin]\n");
}

void dr_fleet_write(const struct dr_fleet *fleet, struct dr_buffer *yaml)
{
    struct writer writer = {.fleet = fleet, .inputs = fleet->inputs, .yaml = yaml};

    write_head(&writer);
    write_chips(&writer);
    write_classes(&writer);
    write_zones(&writer);
    write_sites(&writer);
    write_accounts(&writer);
}
