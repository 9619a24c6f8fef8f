/* SPDX-License-Identifier: Apache-2.0 */
/* The living federation as a file that a person would have written: what follows by itself is left
 * out.
 *
 * CPU and memory guarantees that are in proportion to the accelerators, and guarantees that are the
 * sum of those below, are not written, so that whoever edits the file changes one number and not
 * three. */
#include <inttypes.h>

#include "base/math.h"
#include "base/words.h"
#include "core/allocate.h"
#include "federation/file.h"

struct writer {
    const struct dr_core *core;
    struct dr_buffer *yaml;
    struct dr_fed_link *links; /* rows of groups */
    uint32_t links_count;
    uint32_t *links_to; /* [groups_count] the first link that leads there; DR_ROW_NONE: none */
    int64_t *declared;  /* [groups_count] over living nodes */
};

uint32_t dr_fed_living_nodes(const struct dr_core *core, const struct dr_pool *pool)
{
    uint32_t count = 0;

    for (uint32_t number = 0; number < pool->nodes_count; number += 1) {
        const struct dr_node *node = &core->nodes[dr_pool_node_row(pool, number)];

        count += !node->removed && !node->removing;
    }
    return count;
}

/* A text in double quotes. */
static void quoted(struct dr_buffer *yaml, const char *text)
{
    dr_buffer_append_text(yaml, "\"");
    for (const char *p = text; *p != '\0'; p += 1) {
        if (*p == '"' || *p == '\\')
            dr_buffer_printf(yaml, "\\%c", *p);
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            dr_buffer_printf(yaml, "\\x%02x", (unsigned char)*p);
        else
            dr_buffer_append(yaml, p, 1);
    }
    dr_buffer_append_text(yaml, "\"");
}

/* "KEY: TEXT" unless it is empty. */
static void text_line(struct dr_buffer *yaml, const char *indent, const char *key, const char *text)
{
    if (text[0] == '\0')
        return;
    dr_buffer_printf(yaml, "%s%s: ", indent, key);
    quoted(yaml, text);
    dr_buffer_append_text(yaml, "\n");
}

static void duration_line(struct dr_buffer *yaml, const char *indent, const char *key, int64_t us)
{
    char text[DR_AMOUNT_BYTES];

    dr_buffer_printf(yaml, "%s%s: %s\n", indent, key, dr_format_exact_duration(us, text));
}

static void names_line(struct dr_buffer *yaml, const char *indent, const char *key,
                       const struct dr_name *names, uint32_t count)
{
    if (count == 0)
        return;
    dr_buffer_printf(yaml, "%s%s: [", indent, key);
    for (uint32_t i = 0; i < count; i += 1) {
        if (i > 0)
            dr_buffer_append_text(yaml, ", ");
        quoted(yaml, names[i].text);
    }
    dr_buffer_append_text(yaml, "]\n");
}

static void write_settings(const struct writer *writer)
{
    const struct dr_settings *settings = &writer->core->settings;
    static const char *const fair[] = {"off", "final-share"};
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];

    dr_buffer_append_text(yaml, "federation:\n");
    text_line(yaml, "  ", "name", settings->name);
    text_line(yaml, "  ", "currency", settings->currency);
    duration_line(yaml, "  ", "default_limit", settings->default_limit_us);
    duration_line(yaml, "  ", "default_grace", settings->default_grace_us);
    duration_line(yaml, "  ", "half_life", settings->half_life_us);
    duration_line(yaml, "  ", "minimum_run", settings->minimum_run_us);
    duration_line(yaml, "  ", "loss_cap", settings->loss_cap_us);
    duration_line(yaml, "  ", "preemption_credit", settings->preemption_credit_us);
    dr_buffer_printf(yaml, "  fair_preemption: %s\n", fair[settings->fair_preemption & 1]);
    duration_line(yaml, "  ", "fair_minimum_run", settings->fair_minimum_run_us);
    if (settings->ordering != DR_ORDERING_FAIR)
        dr_buffer_printf(yaml, "  order: %s\n", DR_FEDERATION_ORDERS[settings->ordering]);
    if (settings->placement != DR_PLACEMENT_DAERO)
        dr_buffer_printf(yaml, "  placement: %s\n", DR_FEDERATION_PLACEMENTS[settings->placement]);
    if (settings->no_backfill)
        dr_buffer_append_text(yaml, "  backfill: no\n");
    if (settings->no_preemption)
        dr_buffer_append_text(yaml, "  preemption: no\n");
    duration_line(yaml, "  ", "retain_ended", settings->retain_ended_us);
    dr_buffer_printf(yaml, "  requeue_limit: %" PRIu32 "\n  reserve_depth: %" PRIu32 "\n",
                     settings->requeue_limit, settings->reserve_depth);
    dr_buffer_printf(yaml, "  default_jobs_max: %" PRIu32 "\n", settings->default_jobs_max);
    dr_buffer_printf(yaml, "  span_price: %s\n",
                     dr_format_exact_money(settings->span_price_micro, text));
    dr_buffer_printf(yaml, "  job_user: %" PRIu32 "\n  job_gid: %" PRIu32 "\n", settings->job_uid,
                     settings->job_gid);
    if (writer->core->accounts_count > 0 && writer->core->accounts[0].preempt_below)
        dr_buffer_append_text(yaml, "  preempt_below: yes\n");
}

static void write_chips(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];

    dr_buffer_append_text(yaml, "\nchips:\n");
    for (uint32_t row = 0; row < core->chips_count; row += 1) {
        const struct dr_chip *chip = &core->chips[row];

        if (chip->removed || chip->leaving)
            continue;
        dr_buffer_printf(yaml, "  %s:\n", chip->name);
        text_line(yaml, "    ", "vendor", chip->vendor);
        text_line(yaml, "    ", "country", chip->country);
        dr_buffer_printf(yaml, "    memory: %s\n", dr_format_exact_memory(chip->memory_mb, text));
        dr_buffer_printf(yaml, "    idle_power: %" PRId64 "W\n    busy_power: %" PRId64 "W\n",
                         chip->idle_w, chip->busy_w);
        dr_buffer_printf(yaml, "    price: %s\n", dr_format_exact_money(chip->price_micro, text));
        if (chip->is_virtual)
            dr_buffer_append_text(yaml, "    virtual: yes\n");
        names_line(yaml, "    ", "stacks", chip->stacks, chip->stacks_count);
    }
}

static void write_classes(const struct writer *writer)
{
    static const char *const shares[] = {"accelerator", "node", "block", "none"};
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;

    dr_buffer_append_text(yaml, "\ndata_classes:\n");
    for (uint32_t row = 0; row < core->classes_count; row += 1) {
        const struct dr_data_class *class = &core->classes[row];

        if (class->removed)
            continue;
        dr_buffer_printf(yaml, "  %s:\n", class->name);
        names_line(yaml, "    ", "jurisdictions", class->jurisdictions, class->jurisdictions_count);
        if (class->assurance_min > 0)
            dr_buffer_printf(yaml, "    assurance: %" PRIu32 "\n", class->assurance_min);
        dr_buffer_printf(yaml, "    share: %s\n", shares[class->share & 3]);
    }
}

/* The pool's groups, unless they are those of its chip and owner. */
static void write_groups(const struct writer *writer, const struct dr_pool *pool)
{
    static const char *const suffixes[DR_RESOURCE_COUNT] = {"", "-cpus", "-memory"};
    static const char *const keys[DR_RESOURCE_COUNT] = {"accelerators", "cpus", "memory"};
    const struct dr_core *core = writer->core;
    const char *chip = pool->chip.v == 0 ? "plain" : core->chips[pool->chip.v - 1].name;
    const char *base = core->groups[pool->groups[0].v - 1].name;
    char usual[3 * DR_NAME_BYTES];
    int in_step = 1;

    for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1) {
        char name[2 * DR_NAME_BYTES];

        snprintf(name, sizeof name, "%s%s", base, suffixes[r]);
        in_step = in_step && strcmp(core->groups[pool->groups[r].v - 1].name, name) == 0;
    }
    if (!in_step) {
        dr_buffer_append_text(writer->yaml, "        group: {");
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1)
            dr_buffer_printf(writer->yaml, "%s%s: %s", r == 0 ? "" : ", ", keys[r],
                             core->groups[pool->groups[r].v - 1].name);
        dr_buffer_append_text(writer->yaml, "}\n");
        return;
    }
    if (pool->owner.v > 1)
        snprintf(usual, sizeof usual, "%s-of-%s", chip, core->accounts[pool->owner.v - 1].name);
    else
        snprintf(usual, sizeof usual, "%s", chip);
    if (strcmp(usual, base) != 0)
        dr_buffer_printf(writer->yaml, "        group: %s\n", base);
}

static void write_pool(const struct writer *writer, const struct dr_pool *pool)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];

    dr_buffer_printf(yaml, "      %s:\n", pool->name);
    if (pool->chip.v != 0)
        dr_buffer_printf(yaml, "        chip: \"%s\"\n", core->chips[pool->chip.v - 1].name);
    dr_buffer_printf(yaml, "        nodes: %" PRIu32 "\n", dr_fed_living_nodes(core, pool));
    if (pool->accelerators > 0)
        dr_buffer_printf(yaml, "        accelerators: %" PRIu32 "\n", pool->accelerators);
    dr_buffer_printf(yaml, "        cpus: %s\n", dr_format_milli(pool->cpus, text));
    dr_buffer_printf(yaml, "        memory: %s\n", dr_format_exact_memory(pool->memory_mb, text));
    if (pool->node_idle_w > 0)
        dr_buffer_printf(yaml, "        node_power: %" PRId64 "W\n", pool->node_idle_w);
    if (pool->levels_count > 0) {
        dr_buffer_append_text(yaml, "        levels: {");
        for (uint32_t i = 0; i < pool->levels_count; i += 1)
            dr_buffer_printf(yaml, "%s%s: %" PRIu32, i == 0 ? "" : ", ", pool->levels[i].name,
                             pool->levels[i].nodes);
        dr_buffer_append_text(yaml, "}\n");
    }
    dr_buffer_printf(yaml, "        node_names: \"%s%0*" PRIu32 "\"\n", pool->node_prefix,
                     (int)pool->node_digits, pool->node_first);
    if (pool->owner.v > 1)
        dr_buffer_printf(yaml, "        owner: \"%s\"\n", core->accounts[pool->owner.v - 1].name);
    write_groups(writer, pool);
    if (pool->consent_count > 0) {
        dr_buffer_append_text(yaml, "        consent: [");
        for (uint32_t i = 0; i < pool->consent_count; i += 1)
            dr_buffer_printf(yaml, "%s\"%s\"", i == 0 ? "" : ", ",
                             core->accounts[pool->consent[i] - 1].name);
        dr_buffer_append_text(yaml, "]\n");
    }
    text_line(yaml, "        ", "partition", pool->partition);
    text_line(yaml, "        ", "gres", pool->gres);
    if (pool->default_memory_per_cpu_mb > 0)
        dr_buffer_printf(yaml, "        default_memory_per_cpu: %s\n",
                         dr_format_exact_memory(pool->default_memory_per_cpu_mb, text));
    if (pool->default_memory_per_accelerator_mb > 0)
        dr_buffer_printf(yaml, "        default_memory_per_accelerator: %s\n",
                         dr_format_exact_memory(pool->default_memory_per_accelerator_mb, text));
    if (pool->default_limit_us > 0)
        duration_line(yaml, "        ", "default_limit", pool->default_limit_us);
}

/* Hours of one price together. */
static void write_tariff(struct dr_buffer *yaml, const int64_t prices[DR_TARIFF_HOURS])
{
    char text[DR_AMOUNT_BYTES];
    uint32_t from = 0;

    for (uint32_t hour = 1; hour <= DR_TARIFF_HOURS; hour += 1) {
        if (hour < DR_TARIFF_HOURS && prices[hour] == prices[from])
            continue;
        if (from == 0 && hour == DR_TARIFF_HOURS) {
            dr_buffer_printf(yaml, "    tariff: %s\n", dr_format_exact_money(prices[0], text));
            return;
        }
        dr_buffer_printf(yaml, "%s%" PRIu32 "-%" PRIu32 ": %s", from == 0 ? "    tariff: {" : ", ",
                         from, hour, dr_format_exact_money(prices[from], text));
        from = hour;
    }
    dr_buffer_append_text(yaml, "}\n");
}

/* "log_command: [...]": one of an older form, which was a line and never run, is left out. */
static void log_command_line(struct dr_buffer *yaml, const char *text)
{
    char room[DR_NOTE_BYTES];
    char *words[DR_NOTE_BYTES / 2];
    uint32_t count = dr_words_split(text, room, sizeof room, words, (uint32_t)DR_COUNT_OF(words));

    if (count == 0 || strstr(text, "%p") == NULL)
        return;
    dr_buffer_append_text(yaml, "      log_command: [");
    for (uint32_t i = 0; i < count; i += 1) {
        dr_buffer_append_text(yaml, i == 0 ? "" : ", ");
        quoted(yaml, words[i]);
    }
    dr_buffer_append_text(yaml, "]\n");
}

static void write_slurm(struct dr_buffer *yaml, const struct dr_site_slurm *slurm)
{
    dr_buffer_append_text(yaml, "    slurm:\n");
    text_line(yaml, "      ", "url", slurm->url);
    text_line(yaml, "      ", "key", slurm->key);
    text_line(yaml, "      ", "user", slurm->user);
    text_line(yaml, "      ", "conf", slurm->conf);
    dr_buffer_printf(yaml, "      placement: %s\n", slurm->count_placement ? "count" : "exact");
    log_command_line(yaml, slurm->log_command);
}

static void write_sites(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];

    dr_buffer_append_text(yaml, "\nsites:\n");
    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        const struct dr_site *site = &core->sites[row];
        int32_t offset = site->utc_offset_min < 0 ? -site->utc_offset_min : site->utc_offset_min;
        int any = 0;

        if (site->removed || site->leaving)
            continue;
        dr_buffer_printf(yaml, "  %s:\n", site->name);
        text_line(yaml, "    ", "operator", site->operator_name);
        text_line(yaml, "    ", "region", site->region);
        text_line(yaml, "    ", "jurisdiction", site->jurisdiction);
        dr_buffer_printf(yaml, "    assurance: %" PRIu32 "\n", site->assurance);
        if (site->zone.v != 0)
            dr_buffer_printf(yaml, "    zone: \"%s\"\n", core->zones[site->zone.v - 1].name);
        if (site->power_cap_w > 0)
            dr_buffer_printf(yaml, "    power_cap: %" PRId64 "W\n", site->power_cap_w);
        dr_buffer_printf(yaml, "    pue: %s\n", dr_format_milli(site->pue_milli, text));
        write_tariff(yaml, site->tariff_micro);
        dr_buffer_printf(yaml, "    utc_offset: \"%c%02" PRId32 ":%02" PRId32 "\"\n",
                         site->utc_offset_min < 0 ? '-' : '+', offset / 60, offset % 60);
        for (uint32_t c = 0; c < core->classes_count; c += 1) {
            if (!((site->classes >> c) & 1) || core->classes[c].removed)
                continue;
            dr_buffer_printf(yaml, "%s\"%s\"", any ? ", " : "    data_classes: [",
                             core->classes[c].name);
            any = 1;
        }
        dr_buffer_append_text(yaml, any ? "]\n" : "");
        dr_buffer_printf(yaml, "    engine: %s\n", DR_FEDERATION_ENGINES[site->engine]);
        if (site->engine == DR_ENGINE_SLURM)
            write_slurm(yaml, &core->site_slurm[row]);
        if (site->isolated_network)
            dr_buffer_append_text(yaml, "    isolated_network: yes\n");
        if (site->power_down)
            dr_buffer_append_text(yaml, "    power_down: yes\n");
        dr_buffer_append_text(yaml, "    pools:\n");
        for (uint32_t p = 0; p < core->pools_count; p += 1) {
            if (!core->pools[p].removed && !core->pools[p].leaving &&
                core->pools[p].site.v == row + 1)
                write_pool(writer, &core->pools[p]);
        }
    }
}

static void write_zones(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    int any = 0;

    for (uint32_t row = 0; row < core->zones_count; row += 1) {
        const struct dr_zone *zone = &core->zones[row];

        if (zone->removed)
            continue;
        dr_buffer_printf(writer->yaml, "%s  %s: {", any ? "" : "\nzones:\n", zone->name);
        if (zone->power_cap_w > 0)
            dr_buffer_printf(writer->yaml, "power_cap: %" PRId64 "W", zone->power_cap_w);
        dr_buffer_append_text(writer->yaml, "}\n");
        any = 1;
    }
}

/* Those of the file; what is over is left out. */
static void write_caps(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    char from[DR_TEXT_BYTES];
    char until[DR_TEXT_BYTES];
    int any = 0;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];
        int of_zone = cap->zone.v != 0;

        if (!cap->declared || cap->until_us <= core->time_us ||
            (of_zone
                 ? core->zones[cap->zone.v - 1].removed
                 : core->sites[cap->site.v - 1].removed || core->sites[cap->site.v - 1].leaving))
            continue;
        dr_buffer_printf(
            writer->yaml,
            "%s  %s: {%s: \"%s\", power_cap: %" PRId64 "W, from: \"%s\", until: \"%s\"}\n",
            any ? "" : "\ncaps:\n", cap->name, of_zone ? "zone" : "site",
            of_zone ? core->zones[cap->zone.v - 1].name : core->sites[cap->site.v - 1].name,
            cap->power_cap_w, dr_format_instant(cap->from_us, from),
            dr_format_instant(cap->until_us, until));
        any = 1;
    }
}

static void write_datasets(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;

    dr_buffer_append_text(yaml, "\ndatasets:\n");
    for (uint32_t row = 0; row < core->datasets_count; row += 1) {
        static const char units[] = "KMGTPE";
        const struct dr_dataset *dataset = &core->datasets[row];
        int64_t size = dataset->bytes;
        size_t unit = 0;
        int any = 0;

        if (dataset->removed)
            continue;
        while (size != 0 && size % 1024 == 0 && unit < sizeof units - 1) {
            size /= 1024;
            unit += 1;
        }
        dr_buffer_printf(yaml, "  %s:\n    size: %" PRId64 "%.*s\n    sites: [", dataset->name,
                         size, unit == 0 ? 0 : 1, unit == 0 ? "" : units + unit - 1);
        for (uint32_t s = 0; s < core->sites_count; s += 1) {
            if (!dr_site_set_has(&dataset->sites, s) || core->sites[s].removed ||
                core->sites[s].leaving)
                continue;
            dr_buffer_printf(yaml, "%s\"%s\"", any ? ", " : "", core->sites[s].name);
            any = 1;
        }
        dr_buffer_append_text(yaml, "]\n");
        if (dataset->data_class.v != 0)
            dr_buffer_printf(yaml, "    data_class: \"%s\"\n",
                             core->classes[dataset->data_class.v - 1].name);
    }
}

/* ---- accounts ---- */

/* What the file would give this account in this group if it said nothing about the group. */
static struct dr_quota_limits by_itself(const struct writer *writer, dr_account_id account,
                                        uint32_t group_row)
{
    const struct dr_core *core = writer->core;
    struct dr_quota_limits limits = {.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
    int64_t below = 0;
    int first = 1;

    for (uint32_t i = writer->links_to[group_row]; i != DR_ROW_NONE; i = writer->links[i].next) {
        const struct dr_fed_link *link = &writer->links[i];
        const struct dr_quota *from;
        int64_t borrow;
        int64_t lend;

        from = dr_quota_at(core, account, (dr_group_id){link->from + 1});
        limits.guarantee +=
            dr_fed_proportion(dr_quota_stated(core, account, (dr_group_id){link->from + 1}),
                              link->amount, writer->declared[link->from]);
        borrow = dr_fed_proportion(from->borrow, link->amount, writer->declared[link->from]);
        lend = dr_fed_proportion(from->lend, link->amount, writer->declared[link->from]);
        limits.borrow = first ? borrow
                        : borrow == DR_FOREVER_US || limits.borrow == DR_FOREVER_US
                            ? DR_FOREVER_US
                            : limits.borrow + borrow;
        limits.lend = first                                                   ? lend
                      : lend == DR_FOREVER_US || limits.lend == DR_FOREVER_US ? DR_FOREVER_US
                                                                              : limits.lend + lend;
        first = 0;
    }
    for (uint32_t row = core->accounts[account.v - 1].first_child; row != DR_ROW_NONE;
         row = core->accounts[row].next_sibling)
        below += dr_quota_stated(core, (dr_account_id){row + 1}, (dr_group_id){group_row + 1});
    limits.guarantee = dr_max_i64(limits.guarantee, below);
    return limits;
}

static void write_guarantees(const struct writer *writer, uint32_t row, const char *indent)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];
    int any = 0;

    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        const struct dr_quota *quota =
            dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){g + 1});
        const struct dr_group *group = &core->groups[g];
        struct dr_quota_limits without = by_itself(writer, (dr_account_id){row + 1}, g);

        int64_t stated;

        if (writer->declared[g] < 0) /* no pool of the file has it */
            continue;
        stated = dr_quota_stated(core, (dr_account_id){row + 1}, (dr_group_id){g + 1});
        if (stated == without.guarantee && quota->borrow == without.borrow &&
            quota->lend == without.lend)
            continue;
        if (!any)
            dr_buffer_printf(yaml, "%sguarantees:\n", indent);
        any = 1;
        dr_buffer_printf(yaml, "%s  %s: ", indent, group->name);
        if (quota->borrow == DR_FOREVER_US && quota->lend == DR_FOREVER_US) {
            dr_buffer_printf(yaml, "%s\n", dr_format_amount(group->resource, stated, text));
            continue;
        }
        dr_buffer_printf(yaml, "{guarantee: %s", dr_format_amount(group->resource, stated, text));
        if (quota->borrow != DR_FOREVER_US)
            dr_buffer_printf(yaml, ", borrow: %s",
                             dr_format_amount(group->resource, quota->borrow, text));
        if (quota->lend != DR_FOREVER_US)
            dr_buffer_printf(yaml, ", lend: %s",
                             dr_format_amount(group->resource, quota->lend, text));
        dr_buffer_append_text(yaml, "}\n");
    }
}

/* The accounts below `parent`, in the order in which they were made. */
static void write_accounts(const struct writer *writer, uint32_t parent, uint32_t depth)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char indent[4 * DR_DEPTH_MAX + 8];
    char text[DR_AMOUNT_BYTES];

    snprintf(indent, sizeof indent, "%*s", (int)(4 * depth), "");
    if (parent == 0 || core->accounts[parent].first_child != DR_ROW_NONE)
        dr_buffer_printf(yaml, "%saccounts:\n", parent == 0 ? "\n" : indent);
    if (core->accounts[parent].first_child == DR_ROW_NONE)
        return;
    for (uint32_t row = parent + 1; row < core->accounts_count; row += 1) {
        const struct dr_account *account = &core->accounts[row];

        if (account->removed || account->leaving || account->parent.v != parent + 1)
            continue;
        dr_buffer_printf(yaml, "%s  %s:\n", indent, account->name);
        dr_buffer_printf(yaml, "%s    weight: %s\n", indent,
                         dr_format_milli(account->weight, text));
        if (account->preempt_below)
            dr_buffer_printf(yaml, "%s    preempt_below: yes\n", indent);
        if (account->default_limit_us > 0)
            dr_buffer_printf(yaml, "%s    default_limit: %s\n", indent,
                             dr_format_exact_duration(account->default_limit_us, text));
        if (account->jobs_max > 0)
            dr_buffer_printf(yaml, "%s    jobs_max: %" PRIu32 "\n", indent, account->jobs_max);
        snprintf(indent, sizeof indent, "%*s", (int)(4 * depth + 4), "");
        write_guarantees(writer, row, indent);
        snprintf(indent, sizeof indent, "%*s", (int)(4 * depth), "");
        write_accounts(writer, row, depth + 1);
    }
}

/* All amounts, so that none has to follow from another. */
static void write_allocations(const struct writer *writer)
{
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;
    char text[DR_AMOUNT_BYTES];
    char instant[DR_TEXT_BYTES];

    dr_buffer_append_text(yaml, "\nallocations:\n");
    for (uint32_t row = 0; row < core->allocations_count; row += 1) {
        const struct dr_allocation *allocation = &core->allocations[row];

        if (allocation->removed || core->accounts[allocation->account.v - 1].removed)
            continue;
        dr_buffer_printf(yaml, "  %s:\n    account: \"%s\"\n    amounts: {", allocation->name,
                         core->accounts[allocation->account.v - 1].name);
        for (uint32_t i = 0; i < allocation->amounts_count; i += 1) {
            const struct dr_group *group = &core->groups[allocation->amounts[i].group.v - 1];

            dr_buffer_printf(
                yaml, "%s%s: %s", i == 0 ? "" : ", ", group->name,
                dr_format_amount(group->resource, allocation->amounts[i].amount, text));
        }
        dr_buffer_printf(yaml, "}\n    from: \"%s\"\n",
                         dr_format_instant(allocation->from_us, instant));
        dr_buffer_printf(yaml, "    until: \"%s\"\n",
                         dr_format_instant(allocation->until_us, instant));
    }
}

static void write_users(const struct writer *writer)
{
    static const char *const roles[DR_ROLE_COUNT] = {"user", "account-admin", "auditor", "operator",
                                                     "admin"};
    const struct dr_core *core = writer->core;
    struct dr_buffer *yaml = writer->yaml;

    dr_buffer_append_text(yaml, "\nusers:\n");
    for (uint32_t row = 0; row < core->users_count; row += 1) {
        const struct dr_user *user = &core->users[row];
        int any = 0;

        if (user->removed)
            continue;
        dr_buffer_printf(yaml, "  %s:\n", user->name);
        if (user->uid != DR_NO_UID)
            dr_buffer_printf(yaml, "    uid: %" PRIu32 "\n", user->uid);
        if (user->uid != DR_NO_UID && user->gid != DR_NO_UID)
            dr_buffer_printf(yaml, "    gid: %" PRIu32 "\n", user->gid);
        for (uint32_t r = 0; r < DR_ROLE_COUNT; r += 1) {
            if (!((user->roles >> r) & 1))
                continue;
            dr_buffer_printf(yaml, "%s%s", any ? ", " : "    roles: [", roles[r]);
            any = 1;
        }
        dr_buffer_append_text(yaml, any ? "]\n" : "");
        if (user->memberships_count > 0)
            dr_buffer_append_text(yaml, "    accounts:\n");
        for (uint32_t i = 0; i < user->memberships_count; i += 1) {
            const struct dr_membership *membership = &user->memberships[i];
            int first = 1;

            /* All roles in one account on one line, at its first. */
            for (uint32_t k = 0; k < i; k += 1)
                first = first && user->memberships[k].account.v != membership->account.v;
            if (!first)
                continue;
            dr_buffer_printf(yaml, "      %s: [", core->accounts[membership->account.v - 1].name);
            for (uint32_t k = i; k < user->memberships_count; k += 1) {
                if (user->memberships[k].account.v == membership->account.v)
                    dr_buffer_printf(yaml, "%s%s", k == i ? "" : ", ",
                                     roles[user->memberships[k].role % DR_ROLE_COUNT]);
            }
            dr_buffer_append_text(yaml, "]\n");
        }
        if (user->default_account.v != 0 &&
            user->default_account.v !=
                dr_fed_only_account(user->memberships, user->memberships_count))
            dr_buffer_printf(yaml, "    default_account: \"%s\"\n",
                             core->accounts[user->default_account.v - 1].name);
        else if (user->default_account.v == 0 &&
                 dr_fed_only_account(user->memberships, user->memberships_count) != 0)
            dr_buffer_append_text(yaml, "    default_account: ~\n");
    }
}

/* Sums over living nodes, as check_quotas.c makes them over those of a file. */
static int sum_capacity(struct writer *writer, struct dr_arena *arena)
{
    const struct dr_core *core = writer->core;

    writer->declared = dr_fed_push(arena, core->groups_count, sizeof writer->declared[0]);
    writer->links = dr_fed_push(arena, (size_t)core->pools_count * 2, sizeof writer->links[0]);
    writer->links_to = dr_fed_push(arena, core->groups_count, sizeof writer->links_to[0]);
    if (writer->declared == NULL || writer->links == NULL || writer->links_to == NULL)
        return 0;
    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        writer->declared[g] = -1;
        writer->links_to[g] = DR_ROW_NONE;
    }
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        int64_t nodes = dr_fed_living_nodes(core, pool);
        int64_t amounts[DR_RESOURCE_COUNT] = {pool->accelerators * INT64_C(1000) * nodes,
                                              pool->cpus * nodes, pool->memory_mb * nodes};

        if (pool->removed || pool->leaving)
            continue;
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1) {
            int64_t *declared = &writer->declared[pool->groups[r].v - 1];

            *declared = amounts[r] + dr_max_i64(*declared, 0);
        }
        if (pool->accelerators == 0)
            continue;
        for (uint32_t r = DR_RESOURCE_CPUS; r < DR_RESOURCE_COUNT; r += 1) {
            uint32_t i = 0;

            while (i < writer->links_count && (writer->links[i].from != pool->groups[0].v - 1 ||
                                               writer->links[i].to != pool->groups[r].v - 1))
                i += 1;
            if (i == writer->links_count) {
                writer->links_count += 1;
                writer->links[i] =
                    (struct dr_fed_link){.from = pool->groups[0].v - 1,
                                         .to = pool->groups[r].v - 1,
                                         .next = writer->links_to[pool->groups[r].v - 1]};
                writer->links_to[pool->groups[r].v - 1] = i;
            }
            writer->links[i].amount += amounts[r];
        }
    }
    return 1;
}

void dr_federation_write(const struct dr_core *core, struct dr_buffer *yaml)
{
    struct writer writer = {.core = core, .yaml = yaml};
    struct dr_arena arena;

    if (dr_arena_init(&arena, (size_t)1 << 28) != DR_OK || !sum_capacity(&writer, &arena)) {
        yaml->full = 1;
        return;
    }
    write_settings(&writer);
    write_chips(&writer);
    write_classes(&writer);
    write_zones(&writer);
    write_sites(&writer);
    write_datasets(&writer);
    if (core->accounts_count > 0)
        write_accounts(&writer, 0, 0);
    write_allocations(&writer);
    write_caps(&writer);
    write_users(&writer);
    dr_arena_deinit(&arena);
}
