/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in settings, chips, data classes and sites, and their removal. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/changes.h"

static int names_differ(const struct dr_name *a, uint32_t a_count, const struct dr_name *b,
                        uint32_t b_count)
{
    if (a_count != b_count)
        return 1;
    for (uint32_t i = 0; i < a_count; i += 1) {
        if (strcmp(a[i].text, b[i].text) != 0)
            return 1;
    }
    return 0;
}

void dr_declare_settings(struct dr_differ *differ)
{
    const struct dr_fact_settings_set *to = &differ->federation->settings;
    const struct dr_settings *from = &differ->core->settings;
    static const char *const fair[] = {"off", "final-share"};
    struct dr_change *change = dr_change_add(differ, "settings", to->name, DR_FACT_SETTINGS_SET);

    change->declare.settings_set = *to;
    if (from->name[0] == '\0') {
        dr_say(change, "new");
        return;
    }
    dr_say_text(change, "name", from->name, to->name);
    dr_say_text(change, "currency", from->currency, to->currency);
    dr_say_duration(change, "half_life", from->half_life_us, to->half_life_us);
    dr_say_duration(change, "minimum_run", from->minimum_run_us, to->minimum_run_us);
    dr_say_duration(change, "loss_cap", from->loss_cap_us, to->loss_cap_us);
    dr_say_duration(change, "preemption_credit", from->preemption_credit_us,
                    to->preemption_credit_us);
    dr_say_text(change, "fair_preemption", fair[from->fair_preemption & 1],
                fair[to->fair_preemption & 1]);
    dr_say_duration(change, "fair_minimum_run", from->fair_minimum_run_us, to->fair_minimum_run_us);
    dr_say_text(change, "order", DR_FEDERATION_ORDERS[from->ordering],
                DR_FEDERATION_ORDERS[to->ordering]);
    dr_say_text(change, "placement", DR_FEDERATION_PLACEMENTS[from->placement],
                DR_FEDERATION_PLACEMENTS[to->placement]);
    dr_say_text(change, "backfill", from->no_backfill ? "no" : "yes",
                to->no_backfill ? "no" : "yes");
    dr_say_text(change, "preemption", from->no_preemption ? "no" : "yes",
                to->no_preemption ? "no" : "yes");
    dr_say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
    dr_say_duration(change, "default_grace", from->default_grace_us, to->default_grace_us);
    dr_say_duration(change, "retain_ended", from->retain_ended_us, to->retain_ended_us);
    dr_say_number(change, "requeue_limit", "", from->requeue_limit, to->requeue_limit);
    dr_say_number(change, "reserve_depth", "", from->reserve_depth, to->reserve_depth);
    dr_say_number(change, "default_jobs_max", "", from->default_jobs_max, to->default_jobs_max);
    dr_say_money(change, "span_price", from->span_price_micro, to->span_price_micro);
    dr_say_uid(change, "job_user", from->job_uid, to->job_uid);
    dr_say_uid(change, "job_gid", from->job_gid, to->job_gid);
    dr_change_keep(differ, change);
}

void dr_declare_chips(struct dr_differ *differ)
{
    for (uint32_t place = 0; place < differ->federation->chips_count; place += 1) {
        const struct dr_fact_chip_set *to = &differ->federation->chips[place].set;
        struct dr_change *change = dr_change_add(differ, "chip", to->name, DR_FACT_CHIP_SET);
        uint32_t id = differ->chips[place];
        const struct dr_chip *from;

        change->declare.chip_set = *to;
        change->declare.chip_set.chip = id;
        if (id > differ->core->chips_count) {
            dr_say(change, "new%s", to->is_virtual ? ", virtual" : "");
            continue;
        }
        from = &differ->core->chips[id - 1];
        if (from->leaving)
            dr_say(change, "stays");
        dr_say_text(change, "vendor", from->vendor, to->vendor);
        dr_say_text(change, "country", from->country, to->country);
        dr_say_memory(change, "memory", from->memory_mb, to->memory_mb);
        dr_say_number(change, "idle_power", "W", from->idle_w, to->idle_w);
        dr_say_number(change, "busy_power", "W", from->busy_w, to->busy_w);
        dr_say_money(change, "price", from->price_micro, to->price_micro);
        dr_say_flag(change, "virtual", from->is_virtual, to->is_virtual);
        if (names_differ(from->stacks, from->stacks_count, to->stacks, to->stacks_count))
            dr_say(change, "stacks: %" PRIu32 " -> %" PRIu32 " named", from->stacks_count,
                   to->stacks_count);
        dr_change_keep(differ, change);
    }
}

void dr_declare_classes(struct dr_differ *differ)
{
    static const char *const shares[] = {"accelerator", "node", "block", "none"};

    for (uint32_t place = 0; place < differ->federation->classes_count; place += 1) {
        const struct dr_fact_data_class_set *to = &differ->federation->classes[place].set;
        struct dr_change *change =
            dr_change_add(differ, "data class", to->name, DR_FACT_DATA_CLASS_SET);
        uint32_t id = differ->classes[place];
        const struct dr_data_class *from;

        change->declare.data_class_set = *to;
        change->declare.data_class_set.data_class = id;
        if (id > differ->core->classes_count) {
            dr_say(change, "new");
            continue;
        }
        from = &differ->core->classes[id - 1];
        if (names_differ(from->jurisdictions, from->jurisdictions_count, to->jurisdictions,
                         to->jurisdictions_count))
            dr_say(change, "jurisdictions: %" PRIu32 " -> %" PRIu32 " named",
                   from->jurisdictions_count, to->jurisdictions_count);
        dr_say_number(change, "assurance", "", from->assurance_min, to->assurance_min);
        dr_say_text(change, "share", shares[from->share & 3], shares[to->share & 3]);
        dr_change_keep(differ, change);
    }
}

/* Bits of classes from places to the core's rows. */
static uint64_t class_bits(const struct dr_differ *differ, uint64_t places)
{
    uint64_t bits = 0;

    for (; places != 0; places &= places - 1)
        bits |= UINT64_C(1) << ((differ->classes[dr_bit_lowest(places)] - 1) % 64);
    return bits;
}

static void say_slurm(struct dr_change *change, const struct dr_site_slurm *from,
                      const struct dr_fact_site_set *to)
{
    static const char *const placements[] = {"exact", "count"};
    const struct {
        const char *field;
        const char *from;
        const char *to;
    } texts[] = {
        {"slurm.url", from->url, to->slurm_url},
        {"slurm.key", from->key, to->slurm_key},
        {"slurm.user", from->user, to->slurm_user},
        {"slurm.conf", from->conf, to->slurm_conf},
        {"slurm.log_command", from->log_command, to->slurm_log_command},
        {"slurm.placement", placements[from->count_placement & 1],
         placements[to->slurm_count_placement & 1]},
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(texts); i += 1)
        dr_say_text(change, texts[i].field, texts[i].from, texts[i].to == NULL ? "" : texts[i].to);
}

void dr_declare_sites(struct dr_differ *differ)
{
    for (uint32_t place = 0; place < differ->federation->sites_count; place += 1) {
        const struct dr_fact_site_set *to = &differ->federation->sites[place].set;
        struct dr_change *change = dr_change_add(differ, "site", to->name, DR_FACT_SITE_SET);
        uint64_t classes = class_bits(differ, to->classes);
        uint32_t id = differ->sites[place];
        const struct dr_site *from;

        change->declare.site_set = *to;
        change->declare.site_set.site = id;
        change->declare.site_set.classes = classes;
        change->declare.site_set.zone = to->zone == 0 ? 0 : differ->zones[to->zone - 1];
        if (id > differ->core->sites_count) {
            dr_say(change, "new, engine %s", DR_FEDERATION_ENGINES[to->engine]);
            continue;
        }
        from = &differ->core->sites[id - 1];
        if (from->leaving)
            dr_say(change, "stays");
        dr_say_text(change, "operator", from->operator_name, to->operator_name);
        dr_say_text(change, "region", from->region, to->region);
        dr_say_text(change, "jurisdiction", from->jurisdiction, to->jurisdiction);
        dr_say_number(change, "assurance", "", from->assurance, to->assurance);
        dr_say_text(change, "zone",
                    from->zone.v == 0 ? "" : differ->core->zones[from->zone.v - 1].name,
                    to->zone == 0 ? "" : differ->federation->zones[to->zone - 1].set.name);
        dr_say_number(change, "power_cap", "W", from->power_cap_w, to->power_cap_w);
        dr_say_milli(change, "pue", from->pue_milli, to->pue_milli);
        for (uint32_t hour = 0; hour < DR_TARIFF_HOURS; hour += 1) {
            char a[DR_AMOUNT_BYTES];
            char b[DR_AMOUNT_BYTES];

            if (from->tariff_micro[hour] == to->tariff_micro[hour])
                continue;
            dr_say(change, "tariff: from hour %" PRIu32 " %s -> %s", hour,
                   dr_format_exact_money(from->tariff_micro[hour], a),
                   dr_format_exact_money(to->tariff_micro[hour], b));
            break;
        }
        dr_say_number(change, "utc_offset", " min", from->utc_offset_min, to->utc_offset_min);
        if (from->classes != classes)
            dr_say(change, "data_classes: %" PRIu32 " -> %" PRIu32, dr_bit_count(from->classes),
                   dr_bit_count(classes));
        dr_say_text(change, "engine", DR_FEDERATION_ENGINES[from->engine],
                    DR_FEDERATION_ENGINES[to->engine]);
        say_slurm(change, &differ->core->site_slurm[id - 1], to);
        dr_say_flag(change, "isolated_network", from->isolated_network, to->isolated_network);
        dr_say_flag(change, "power_down", from->power_down, to->power_down);
        dr_change_keep(differ, change);
    }
}

void dr_remove_places(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;
    struct dr_change *change;

    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        if (core->sites[row].removed || differ->site_places[row] != 0)
            continue;
        if (dr_pool_stands(differ, row + 1, 0, 0, 0)) {
            if (!core->sites[row].leaving)
                dr_change_leaves(differ, "site", core->sites[row].name, "its last pool")->site =
                    row + 1;
            continue;
        }
        change = dr_change_add(differ, "site", core->sites[row].name, DR_FACT_SITE_REMOVED);
        change->declare.site_removed.site = row + 1;
        dr_say(change, "removed");
    }
    for (uint32_t row = 0; row < core->chips_count; row += 1) {
        if (core->chips[row].removed || differ->chip_places[row] != 0)
            continue;
        if (dr_pool_stands(differ, 0, row + 1, 0, 0)) {
            if (!core->chips[row].leaving)
                dr_change_leaves(differ, "chip", core->chips[row].name, "its last pool")->chip =
                    row + 1;
            continue;
        }
        change = dr_change_add(differ, "chip", core->chips[row].name, DR_FACT_CHIP_REMOVED);
        change->declare.chip_removed.chip = row + 1;
        dr_say(change, "removed");
    }
    for (uint32_t row = 0; row < core->classes_count; row += 1) {
        if (core->classes[row].removed || differ->class_places[row] != 0)
            continue;
        change = dr_change_add(differ, "data class", core->classes[row].name,
                               DR_FACT_DATA_CLASS_REMOVED);
        change->declare.data_class_removed.data_class = row + 1;
        dr_say(change, "removed");
    }
}
