/* SPDX-License-Identifier: Apache-2.0 */
/* Grid zones, and caps of zones and sites for a time. */
#include "federation/reader.h"

void dr_fed_read_zones(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "zones", DR_FED_OPTIONAL, "zone");
    size_t section_length = dr_fed_enter(reader, "zones");
    size_t length;

    federation->zones =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_ZONES_MAX,
                            sizeof federation->zones[0], &federation->zone_names);
    for (const struct dr_yaml_node *part =
             federation->zones == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_zone *zone = &federation->zones[federation->zones_count];

        if (!dr_fed_enter_part(reader, part, &federation->zone_names, part->key->text, &length))
            continue;
        federation->zones_count += 1;
        zone->line = part->key->line;
        dr_copy_name(zone->set.name, part->key->text);
        if (dr_fed_check_map(reader, part, "zones"))
            dr_fed_read_watts(reader, part, "power_cap", &zone->set.power_cap_w);
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}

static void read_cap(struct dr_fed_reader *reader, const struct dr_yaml_node *part,
                     struct dr_fact_grid_cap_set *set)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *zone = dr_yaml_get(part, "zone");
    const struct dr_yaml_node *site = dr_yaml_get(part, "site");
    const struct dr_yaml_node *watts =
        dr_fed_take(reader, part, "power_cap", DR_FED_NEEDED, "power (700, 1.2kW, 3MW, 0.4GW)");

    if ((zone == NULL) == (site == NULL))
        dr_fed_wrong(reader, part->key->line, "zone", zone == NULL ? "nothing" : "a site as well",
                     "one zone, or one site");
    set->zone = dr_fed_read_reference(reader, part, "zone", "a zone", &federation->zone_names);
    set->site = dr_fed_read_reference(reader, part, "site", "a site", &federation->site_names);
    if (watts != NULL) {
        dr_fed_read_watts(reader, part, "power_cap", &set->power_cap_w);
        if (set->power_cap_w == 0)
            dr_fed_wrong(reader, watts->line, "power_cap", dr_yaml_found(watts), "1 W at least");
    }
    dr_fed_read_instant(reader, part, "from", &set->from_us);
    dr_fed_read_instant(reader, part, "until", &set->until_us);
    if (set->from_us >= set->until_us)
        dr_fed_wrong(reader, dr_yaml_get(part, "until")->line, "until",
                     dr_yaml_found(dr_yaml_get(part, "until")), "an instant after `from`");
}

void dr_fed_read_caps(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "caps", DR_FED_OPTIONAL, "cap");
    size_t section_length = dr_fed_enter(reader, "caps");
    size_t length;

    federation->caps =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_GRID_CAPS_MAX,
                            sizeof federation->caps[0], &federation->cap_names);
    for (const struct dr_yaml_node *part =
             federation->caps == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_cap *cap = &federation->caps[federation->caps_count];

        if (!dr_fed_enter_part(reader, part, &federation->cap_names, part->key->text, &length))
            continue;
        federation->caps_count += 1;
        cap->line = part->key->line;
        cap->set.declared = 1;
        cap->set.until_us = DR_FOREVER_US;
        dr_copy_name(cap->set.name, part->key->text);
        if (dr_fed_check_map(reader, part, "caps"))
            read_cap(reader, part, &cap->set);
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}
