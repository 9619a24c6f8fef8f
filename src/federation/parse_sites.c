/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of a file, with their pools and the quota groups that pools bring. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/reader.h"

/* ---- sites and pools ---- */

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

static void read_levels(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_pool_set *set)
{
    const struct dr_yaml_node *node = dr_yaml_get(map, "levels");
    struct dr_level *levels;
    uint32_t below = 1;
    size_t length;

    if (node == NULL || dr_yaml_null(node))
        return;
    if (node->kind != DR_YAML_MAP) {
        dr_fed_wrong(reader, node->line, "levels", dr_yaml_found(node),
                     "a map from the smallest level up to its nodes: {block: 4, rack: 16}");
        return;
    }
    levels = dr_fed_push(&reader->federation->arena, DR_LEVELS_MAX, sizeof levels[0]);
    if (levels == NULL) {
        dr_fed_wrong(reader, node->line, "levels", "", "a smaller file");
        return;
    }
    length = dr_fed_enter(reader, "levels");
    dr_fed_check_duplicates(reader, node);
    set->levels = levels;
    for (const struct dr_yaml_node *item = node->first; item != NULL; item = item->next) {
        int64_t nodes;

        if (set->levels_count == DR_LEVELS_MAX) {
            dr_fed_wrong(reader, item->key->line, item->key->text, item->key->text,
                         "at most %d levels between the node and the pool", DR_LEVELS_MAX);
            break;
        }
        if (!dr_name_valid(item->key->text) || strcmp(item->key->text, "node") == 0 ||
            strcmp(item->key->text, "pool") == 0) {
            dr_fed_wrong(reader, item->key->line, item->key->text, dr_yaml_found(item->key),
                         "a name other than node and pool: a-z, 0-9 and '-'");
            continue;
        }
        if (item->kind != DR_YAML_SCALAR ||
            !dr_parse_i64(item->text, 2, DR_FEDERATION_NODES_MAX, &nodes) || nodes % below != 0 ||
            nodes <= below) {
            if (below == 1)
                dr_fed_wrong(reader, item->line, item->key->text, dr_yaml_found(item),
                             "the nodes of one %s, 2 and more", item->key->text);
            else
                dr_fed_wrong(reader, item->line, item->key->text, dr_yaml_found(item),
                             "a multiple of the level below it: %" PRIu32 ", %" PRIu32 ", ...",
                             below * 2, below * 3);
            continue;
        }
        below = (uint32_t)nodes;
        levels[set->levels_count] = (struct dr_level){.nodes = below};
        dr_copy_name(levels[set->levels_count].name, item->key->text);
        set->levels_count += 1;
    }
    dr_fed_leave(reader, length);
}

/* The first node's name: "gpu001" gives prefix gpu, number 1, three digits. */
static void read_node_names(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                            const char *site, const char *pool, struct dr_fact_pool_set *set)
{
    static const char expected[] =
        "the first node's name, ending in its number: gpu001, then gpu002, gpu003, ...";
    const struct dr_yaml_node *node = dr_yaml_get(map, "node_names");
    const char *text;
    char prefix[2 * DR_NAME_BYTES + 2];
    size_t length;
    int64_t first;

    set->node_first = 0;
    set->node_digits = 1;
    if (node == NULL) {
        snprintf(prefix, sizeof prefix, "%s-%s-", site, pool);
        if (strlen(prefix) >= DR_NAME_BYTES - 10)
            dr_fed_wrong(reader, reader->line, "node_names", "nothing",
                         "%s (the default, '%s0', is longer than a name may be)", expected, prefix);
        else
            dr_copy_name(set->node_prefix, prefix);
        return;
    }
    text = node->kind == DR_YAML_SCALAR ? node->text : "";
    length = strlen(text);
    while (length > 0 && text[length - 1] >= '0' && text[length - 1] <= '9')
        length -= 1;
    if (length == 0 || text[length] == '\0' || strlen(text) > DR_NAME_BYTES - 10 ||
        !dr_name_valid(text) || !dr_parse_i64(text + length, 0, 100000000, &first)) {
        dr_fed_wrong(reader, node->line, "node_names", dr_yaml_found(node), "%s", expected);
        return;
    }
    memcpy(prefix, text, length);
    prefix[length] = '\0';
    dr_copy_name(set->node_prefix, prefix);
    set->node_first = (uint32_t)first;
    set->node_digits = (uint32_t)strlen(text + length);
}

/* Places of accounts plus one. */
static void read_consent(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                         struct dr_fact_pool_set *set)
{
    enum { CONSENT_MAX = DR_COUNT_OF(((struct dr_pool *)0)->consent) };
    const struct dr_yaml_node *single;
    const struct dr_yaml_node *list = dr_fed_take_list(reader, map, "consent", "accounts", &single);
    uint32_t *accounts;
    uint32_t item_number = 0;
    size_t length;

    if (list == NULL)
        return;
    accounts = dr_fed_push(&reader->federation->arena, CONSENT_MAX, sizeof accounts[0]);
    if (accounts == NULL) {
        dr_fed_wrong(reader, list->line, "consent", "", "a smaller file");
        return;
    }
    set->consent = accounts;
    length = dr_fed_enter(reader, "consent");
    for (const struct dr_yaml_node *item = dr_fed_first_item(list, single); item != NULL;
         item = dr_fed_next_item(item, single)) {
        size_t item_length = dr_fed_enter_item(reader, item_number);
        uint32_t account;
        uint32_t known = 0;

        item_number += 1;
        account =
            dr_fed_refer(reader, item, NULL, "an account", &reader->federation->account_names);
        while (known < set->consent_count && accounts[known] != account)
            known += 1;
        if (account != 0 && known < set->consent_count)
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "each account once");
        else if (account != 0 && set->consent_count == CONSENT_MAX)
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "at most %d accounts",
                         CONSENT_MAX);
        else if (account != 0) {
            accounts[set->consent_count] = account;
            set->consent_count += 1;
        }
        dr_fed_leave(reader, item_length);
    }
    dr_fed_leave(reader, length);
}

/* The place of the group `name`, which is made when it is new; DR_MAP_NONE and a mistake where it
 * counts another resource already. */
static uint32_t group_of(struct dr_fed_reader *reader, uint32_t line, const char *name,
                         uint8_t resource)
{
    static const char *const resources[] = {"accelerators", "CPUs", "memory"};
    struct dr_federation *federation = reader->federation;
    uint32_t place = dr_fed_names_find(&federation->group_names, name);
    struct dr_fed_group *group;

    if (place == DR_MAP_NONE) {
        place = federation->groups_count;
        group = &federation->groups[place];
        *group = (struct dr_fed_group){.set = {.resource = resource}};
        dr_copy_name(group->set.name, name);
        federation->groups_count += 1;
        dr_fed_names_add(&federation->group_names, group->set.name);
    }
    group = &federation->groups[place];
    if (group->set.resource == resource)
        return place;
    dr_fed_wrong(reader, line, "group", name, "a group of %s: this one, of another pool, counts %s",
                 resources[resource], resources[group->set.resource]);
    return DR_MAP_NONE;
}

/* The three groups of a pool: one name for all, or one for each, or by chip and owner. */
static void read_groups(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        struct dr_fact_pool_set *set)
{
    static const char *const suffixes[DR_RESOURCE_COUNT] = {"", "-cpus", "-memory"};
    static const char *const keys[DR_RESOURCE_COUNT] = {"accelerators", "cpus", "memory"};
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *node = dr_yaml_get(map, "group");
    char base[3 * DR_NAME_BYTES] = "";
    char names[DR_RESOURCE_COUNT][3 * DR_NAME_BYTES + 16];
    uint32_t line = node == NULL ? reader->line : node->line;
    uint32_t *groups = dr_fed_push(&federation->arena, DR_RESOURCE_COUNT, sizeof groups[0]);

    if (groups == NULL) {
        dr_fed_wrong(reader, line, "group", "", "a smaller file");
        return;
    }
    memset(groups, 0, DR_RESOURCE_COUNT * sizeof groups[0]);
    set->groups = groups;
    set->groups_count = DR_RESOURCE_COUNT;
    if (node != NULL && node->kind == DR_YAML_MAP) {
        size_t length = dr_fed_enter(reader, "group");

        dr_fed_check_map(reader, node, "group");
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
            char name[DR_NAME_BYTES] = "";

            dr_fed_read_name(reader, node, keys[i], DR_FED_NEEDED, name);
            snprintf(names[i], sizeof names[i], "%s", name);
        }
        dr_fed_leave(reader, length);
    } else {
        if (node != NULL) {
            char name[DR_NAME_BYTES] = "";

            dr_fed_read_name(reader, map, "group", DR_FED_OPTIONAL, name);
            snprintf(base, sizeof base, "%s", name);
            if (name[0] == '\0')
                return;
        } else {
            const char *chip = set->chip == 0 ? "plain" : federation->chips[set->chip - 1].set.name;

            if (set->owner > 1)
                snprintf(base, sizeof base, "%s-of-%s", chip,
                         federation->accounts[set->owner - 1].set.name);
            else
                snprintf(base, sizeof base, "%s", chip);
        }
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            snprintf(names[i], sizeof names[i], "%s%s", base, suffixes[i]);
        if (strlen(names[2]) >= DR_NAME_BYTES) {
            dr_fed_wrong(reader, line, "group", base,
                         "a name of at most 56 characters, since '-memory' is put behind it");
            return;
        }
    }
    for (uint8_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        uint32_t place;

        if (names[i][0] == '\0')
            continue;
        place = group_of(reader, line, names[i], i);
        if (place == DR_MAP_NONE)
            continue;
        groups[i] = place + 1;
    }
}

static void read_pool(struct dr_fed_reader *reader, const struct dr_yaml_node *part, uint32_t site)
{
    struct dr_federation *federation = reader->federation;
    const char *site_name = federation->sites[site].set.name;
    struct dr_fed_pool *pool = &federation->pools[federation->pools_count];
    struct dr_fact_pool_set *set = &pool->set;
    size_t name_bytes = strlen(site_name) + 1 + strlen(part->key->text) + 1;
    char *full_name = dr_fed_push(&federation->arena, name_bytes, 1);
    const struct dr_yaml_node *nodes;
    uint32_t errors_before;
    uint32_t owner = 0;
    size_t length;

    if (full_name == NULL) {
        dr_fed_wrong(reader, part->line, NULL, "", "a smaller file");
        return;
    }
    snprintf(full_name, name_bytes, "%s/%s", site_name, part->key->text);
    if (!dr_fed_enter_part(reader, part, &federation->pool_names, full_name, &length))
        return;
    federation->pools_count += 1;
    *pool = (struct dr_fed_pool){.line = part->key->line, .nodes_line = part->key->line};
    set->site = site + 1;
    set->owner = 1;
    dr_copy_name(set->name, part->key->text);
    if (dr_fed_check_map(reader, part, "pools")) {
        set->chip = dr_fed_read_reference(reader, part, "chip", "a chip", &federation->chip_names);
        nodes = dr_yaml_get(part, "nodes");
        if (nodes != NULL)
            pool->nodes_line = nodes->line;
        dr_fed_read_u32(reader, part, "nodes", DR_FED_NEEDED, 0, DR_FEDERATION_NODES_MAX,
                        &pool->nodes);
        dr_fed_read_u32(reader, part, "accelerators",
                        set->chip != 0 ? DR_FED_NEEDED : DR_FED_OPTIONAL, set->chip != 0 ? 1 : 0,
                        DR_ACCELERATORS_MAX, &set->accelerators);
        if (dr_yaml_get(part, "chip") == NULL && set->accelerators > 0)
            dr_fed_wrong(reader, reader->line, "chip", "nothing",
                         "the chip of its accelerators, a chip of this file");
        dr_fed_read_milli(reader, part, "cpus", DR_FED_NEEDED, 1, DR_FEDERATION_CPUS_MAX,
                          &set->cpus);
        dr_fed_read_memory(reader, part, "memory", DR_FED_NEEDED, &set->memory_mb);
        dr_fed_read_watts(reader, part, "node_power", &set->node_idle_w);
        dr_fed_read_duration(reader, part, "default_limit", DR_FED_OPTIONAL, DR_SECOND_US,
                             DR_FEDERATION_LIMIT_US_MAX, &set->default_limit_us);
        read_levels(reader, part, set);
        read_node_names(reader, part, site_name, set->name, set);
        owner =
            dr_fed_read_reference(reader, part, "owner", "an account", &federation->account_names);
        if (owner != 0)
            set->owner = owner;
        read_consent(reader, part, set);
    }
    errors_before = reader->errors->count;
    read_groups(reader, part, set);
    if (reader->errors->count > errors_before ||
        (dr_yaml_get(part, "chip") != NULL && set->chip == 0) ||
        (dr_yaml_get(part, "owner") != NULL && owner == 0))
        reader->groups_unsure = 1;
    dr_fed_leave(reader, length);
}

void dr_fed_read_sites(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    static const char *const engines[] = {"local", "simulated"};
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
        dr_fed_read_watts(reader, part, "power_cap", &set->power_cap_w);
        dr_fed_read_milli(reader, part, "pue", DR_FED_OPTIONAL, 1000, 10000, &set->pue_milli);
        read_tariff(reader, part, set);
        read_offset(reader, part, &set->utc_offset_min);
        dr_fed_read_choice(reader, part, "engine", engines, DR_COUNT_OF(engines), &set->engine);
        dr_fed_read_bool(reader, part, "isolated_network", &set->isolated_network);
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
            read_pool(reader, pool, federation->sites_count - 1);
        dr_fed_leave(reader, nothing);
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}
