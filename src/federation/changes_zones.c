/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in grid zones, and in caps for a time. Caps that were announced by a command are not
 * the file's business, unless it names one: then it is the file's. */
#include <inttypes.h>

#include "federation/changes.h"

void dr_declare_zones(struct dr_differ *differ)
{
    for (uint32_t place = 0; place < differ->federation->zones_count; place += 1) {
        const struct dr_fact_zone_set *to = &differ->federation->zones[place].set;
        struct dr_change *change = dr_change_add(differ, "zone", to->name, DR_FACT_ZONE_SET);
        uint32_t id = differ->zones[place];

        change->declare.zone_set = *to;
        change->declare.zone_set.zone = id;
        if (id > differ->core->zones_count) {
            dr_say(change, "new");
            continue;
        }
        dr_say_number(change, "power_cap", "W", differ->core->zones[id - 1].power_cap_w,
                      to->power_cap_w);
        dr_change_keep(differ, change);
    }
}

void dr_remove_zones(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->zones_count; row += 1) {
        struct dr_change *change;

        if (core->zones[row].removed || differ->zone_places[row] != 0)
            continue;
        change = dr_change_add(differ, "zone", core->zones[row].name, DR_FACT_ZONE_REMOVED);
        change->declare.zone_removed.zone = row + 1;
        dr_say(change, "removed");
    }
}

/* What is over may stay in the file, and be forgotten by the federation. */
static int is_over(const struct dr_core *core, int64_t until_us)
{
    return until_us <= core->time_us;
}

void dr_lower_caps(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1) {
        const struct dr_grid_cap *cap = &core->grid_caps[i];
        struct dr_change *change;

        if (!cap->declared || is_over(core, cap->until_us) ||
            dr_fed_names_find(&differ->federation->cap_names, cap->name) != DR_MAP_NONE)
            continue;
        change = dr_change_add(differ, "cap", cap->name, DR_FACT_GRID_CAP_REMOVED);
        change->declare.grid_cap_removed.cap = cap->id;
        dr_say(change, "removed");
    }
}

static void say_instant(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_TEXT_BYTES];
    char b[DR_TEXT_BYTES];

    dr_say_text(change, field, dr_format_instant(from, a), dr_format_instant(to, b));
}

void dr_declare_caps(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t fresh = 0;

    for (uint32_t place = 0; place < federation->caps_count; place += 1) {
        const struct dr_fact_grid_cap_set *to = &federation->caps[place].set;
        const struct dr_grid_cap *from = dr_grid_cap_named(core, to->name);
        uint32_t zone = to->zone == 0 ? 0 : differ->zones[to->zone - 1];
        uint32_t site = to->site == 0 ? 0 : differ->sites[to->site - 1];
        struct dr_change *change;
        char a[DR_TEXT_BYTES];
        char b[DR_TEXT_BYTES];

        if (is_over(core, to->until_us) && (from == NULL || is_over(core, from->until_us)))
            continue;
        if (from != NULL && (from->zone.v != zone || from->site.v != site)) {
            dr_change_refuse(differ, federation->caps[place].line, to->name,
                             to->zone != 0 ? federation->zones[to->zone - 1].set.name
                                           : federation->sites[to->site - 1].set.name,
                             "its zone or site as before: give it another name to make a new one");
            continue;
        }
        change = dr_change_add(differ, "cap", to->name, DR_FACT_GRID_CAP_SET);
        change->declare.grid_cap_set = *to;
        change->declare.grid_cap_set.zone = zone;
        change->declare.grid_cap_set.site = site;
        if (from == NULL) {
            fresh += 1;
            change->declare.grid_cap_set.cap = core->grid_cap_id_last + fresh;
            dr_say(change, "new, %" PRId64 " W at %s from %s until %s", to->power_cap_w,
                   to->zone != 0 ? federation->zones[to->zone - 1].set.name
                                 : federation->sites[to->site - 1].set.name,
                   dr_format_instant(to->from_us, a), dr_format_instant(to->until_us, b));
            continue;
        }
        change->declare.grid_cap_set.cap = from->id;
        dr_say_flag(change, "of the file", from->declared, 1);
        dr_say_number(change, "power_cap", "W", from->power_cap_w, to->power_cap_w);
        say_instant(change, "from", from->from_us, to->from_us);
        say_instant(change, "until", from->until_us, to->until_us);
        dr_change_keep(differ, change);
    }
    if (fresh > DR_GRID_CAPS_MAX - core->grid_caps_count)
        dr_change_refuse(differ, 0, "caps", "more than there is room for",
                         "at most %" PRIu32 " new caps", DR_GRID_CAPS_MAX - core->grid_caps_count);
}
