/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of a file; their pools are read in parse_pools.c. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/reader.h"

static int parse_hour(const char *text, size_t length, uint32_t *hour)
{
    if (length == 0 || length > 2)
        return 0;
    *hour = 0;
    for (size_t i = 0; i < length; i += 1) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        *hour = *hour * 10 + (uint32_t)(text[i] - '0');
    }
    return *hour <= DR_TARIFF_HOURS;
}

/* Bits of the hours from `from` on, before `to`. */
static uint32_t hours(uint32_t from, uint32_t to)
{
    return (uint32_t)((UINT64_C(1) << to) - (UINT64_C(1) << from));
}

/* "0-8: 90": hours from 0 on, before 8. */
static void read_tariff_hours(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                              int64_t prices[DR_TARIFF_HOURS])
{
    uint32_t covered = 0;
    uint32_t missing = 0;

    for (const struct dr_yaml_node *item = map->first; item != NULL; item = item->next) {
        const char *text = item->key->text;
        const char *dash = strchr(text, '-');
        uint32_t from;
        uint32_t to;
        int64_t micro;

        if (dash == NULL || !parse_hour(text, (size_t)(dash - text), &from) ||
            !parse_hour(dash + 1, strlen(dash + 1), &to) || from >= to) {
            dr_fed_wrong(reader, item->key->line, text, text,
                         "hours of the day, from and before: 0-8, 8-22, 22-24");
            continue;
        }
        if (item->kind != DR_YAML_SCALAR || !dr_fed_parse_money(item->text, &micro)) {
            dr_fed_wrong(reader, item->line, text, dr_yaml_found(item), "%s",
                         dr_fed_expected_money);
            continue;
        }
        if (covered & hours(from, to))
            dr_fed_wrong(reader, item->key->line, text, text,
                         "each hour of the day once; hour %" PRIu32 " has a price already",
                         dr_bit_lowest(covered & hours(from, to)));
        covered |= hours(from, to);
        for (uint32_t hour = from; hour < to; hour += 1)
            prices[hour] = micro;
    }
    while ((covered >> missing) & 1)
        missing += 1;
    if (missing < DR_TARIFF_HOURS)
        dr_fed_wrong(reader, map->line, NULL, "a gap",
                     "a price for each of the day's 24 hours; hour %" PRIu32 " has none", missing);
}

static void read_tariff(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_site_set *set)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, "tariff");
    int64_t *prices = dr_fed_push(&reader->federation->arena, DR_TARIFF_HOURS, sizeof prices[0]);
    size_t length;
    uint32_t hour = 0;
    int64_t micro;

    if (prices == NULL) {
        dr_fed_wrong(reader, reader->line, "tariff", "", "a smaller file");
        return;
    }
    set->tariff_micro = prices;
    set->tariff_micro_count = DR_TARIFF_HOURS;
    memset(prices, 0, DR_TARIFF_HOURS * sizeof prices[0]);
    if (node == NULL)
        return;
    length = dr_fed_enter(reader, "tariff");
    switch (node->kind) {
    case DR_YAML_SCALAR:
        if (!dr_fed_parse_money(node->text, &micro)) {
            dr_fed_wrong(reader, node->line, NULL, dr_yaml_found(node),
                         "a price per kWh, a list of 24, or a map from hours to prices");
            break;
        }
        for (hour = 0; hour < DR_TARIFF_HOURS; hour += 1)
            prices[hour] = micro;
        break;
    case DR_YAML_LIST:
        for (const struct dr_yaml_node *item = node->first; item != NULL; item = item->next) {
            if (item->kind != DR_YAML_SCALAR || !dr_fed_parse_money(item->text, &micro))
                dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "%s",
                             dr_fed_expected_money);
            else if (hour < DR_TARIFF_HOURS)
                prices[hour] = micro;
            hour += 1;
        }
        if (hour != DR_TARIFF_HOURS) {
            char found[40];

            snprintf(found, sizeof found, "%" PRIu32 " prices", hour);
            dr_fed_wrong(reader, node->line, NULL, found,
                         "24 prices, one for each hour of the day");
        }
        break;
    case DR_YAML_MAP:
        read_tariff_hours(reader, node, prices);
        break;
    }
    dr_fed_leave(reader, length);
}

/* "+09:00" */
static void read_offset(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        int32_t *minutes)
{
    static const char expected[] = "an offset from UTC from \"-12:00\" to \"+14:00\"";
    const struct dr_yaml_node *node =
        dr_fed_take(reader, map, "utc_offset", DR_FED_OPTIONAL, expected);
    const char *t;
    int value;

    if (node == NULL)
        return;
    t = node->text;
    if (strlen(t) == 6 && (t[0] == '+' || t[0] == '-') && t[1] >= '0' && t[1] <= '1' &&
        t[2] >= '0' && t[2] <= '9' && t[3] == ':' && t[4] >= '0' && t[4] <= '5' && t[5] >= '0' &&
        t[5] <= '9') {
        value = ((t[1] - '0') * 10 + (t[2] - '0')) * 60 + (t[4] - '0') * 10 + (t[5] - '0');
        value = t[0] == '-' ? -value : value;
        if (value >= -12 * 60 && value <= 14 * 60) {
            *minutes = value;
            return;
        }
    }
    dr_fed_wrong(reader, node->line, "utc_offset", dr_yaml_found(node), "%s", expected);
}

void dr_fed_read_sites(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "sites", DR_FED_NEEDED, "site");
    struct dr_arena *arena = &federation->arena;
    size_t section_length = dr_fed_enter(reader, "sites");
    size_t length;
    uint32_t pools = 0;
    size_t nothing = 0;

    federation->sites =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_SITES_MAX,
                            sizeof federation->sites[0], &federation->site_names);
    for (const struct dr_yaml_node *part = section == NULL ? NULL : section->first; part != NULL;
         part = part->next) {
        const struct dr_yaml_node *map = dr_yaml_get(part, "pools");

        pools += map == NULL ? 0 : map->count;
    }
    federation->pools = dr_fed_section_room(reader, "*.pools", pools, DR_POOLS_MAX,
                                            sizeof federation->pools[0], &federation->pool_names);
    federation->groups =
        dr_fed_push(arena, pools * DR_RESOURCE_COUNT, sizeof federation->groups[0]);
    if (federation->groups == NULL ||
        !dr_fed_names_init(&federation->group_names, arena, pools * DR_RESOURCE_COUNT)) {
        dr_fed_wrong(reader, 0, NULL, "", "a smaller file");
        section = NULL;
    }
    for (const struct dr_yaml_node *part = federation->sites == NULL || federation->pools == NULL ||
                                                   section == NULL
                                               ? NULL
                                               : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_site *site = &federation->sites[federation->sites_count];
        struct dr_fact_site_set *set = &site->set;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        const struct dr_yaml_node *pool_section;
        uint32_t item_number = 0;

        if (!dr_fed_enter_part(reader, part, &federation->site_names, part->key->text, &length))
            continue;
        federation->sites_count += 1;
        site->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        set->pue_milli = 1000;
        if (!dr_fed_check_map(reader, part, "sites")) {
            read_tariff(reader, NULL, set);
            dr_fed_leave(reader, length);
            continue;
        }
        dr_fed_read_label(reader, part, "operator", set->operator_name);
        dr_fed_read_name(reader, part, "region", DR_FED_OPTIONAL, set->region);
        dr_fed_read_name(reader, part, "jurisdiction", DR_FED_OPTIONAL, set->jurisdiction);
        dr_fed_read_u32(reader, part, "assurance", DR_FED_OPTIONAL, 0, 1000, &set->assurance);
        set->zone = dr_fed_read_reference(reader, part, "zone", "a zone", &federation->zone_names);
        dr_fed_read_watts(reader, part, "power_cap", &set->power_cap_w);
        dr_fed_read_milli(reader, part, "pue", DR_FED_OPTIONAL, 1000, 10000, &set->pue_milli);
        read_tariff(reader, part, set);
        read_offset(reader, part, &set->utc_offset_min);
        dr_fed_read_choice(reader, part, "engine", DR_FEDERATION_ENGINES,
                           DR_FEDERATION_ENGINES_COUNT, &set->engine);
        dr_fed_read_bool(reader, part, "isolated_network", &set->isolated_network);
        dr_fed_read_bool(reader, part, "power_down", &set->power_down);
        if (set->power_down && set->engine == DR_ENGINE_LOCAL)
            dr_fed_wrong(reader, dr_yaml_get(part, "power_down")->line, "power_down", "yes",
                         "another engine than local, which can't switch this machine off and on");
        if (set->power_down && set->engine == DR_ENGINE_SLURM)
            dr_fed_wrong(reader, dr_yaml_get(part, "power_down")->line, "power_down", "yes",
                         "another engine than slurm: a cluster switches its nodes off and on by "
                         "its own rules");
        dr_fed_read_slurm(reader, part, set);
        list = dr_fed_take_list(reader, part, "data_classes", "data classes", &single);
        site->classes_node = list;
        nothing = dr_fed_enter(reader, "data_classes");
        for (const struct dr_yaml_node *item = dr_fed_first_item(list, single); item != NULL;
             item = dr_fed_next_item(item, single)) {
            size_t item_length = dr_fed_enter_item(reader, item_number);
            uint32_t class =
                dr_fed_refer(reader, item, NULL, "a data class", &federation->class_names);

            if (class == 0)
                site->classes_unsure = 1;
            if (class > DR_DATA_CLASSES_MAX)
                class = 0; /* that there are too many has been said */
            if (class != 0 && (set->classes >> (class - 1)) & 1)
                dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "each data class once");
            if (class != 0)
                set->classes |= UINT64_C(1) << (class - 1);
            item_number += 1;
            dr_fed_leave(reader, item_length);
        }
        dr_fed_leave(reader, nothing);
        pool_section = dr_fed_section_of(reader, part, "pools", DR_FED_OPTIONAL, "pool");
        nothing = dr_fed_enter(reader, "pools");
        for (const struct dr_yaml_node *pool = pool_section == NULL ? NULL : pool_section->first;
             pool != NULL; pool = pool->next)
            dr_fed_read_pool(reader, pool, federation->sites_count - 1);
        dr_fed_leave(reader, nothing);
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}
