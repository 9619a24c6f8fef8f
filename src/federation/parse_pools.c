/* SPDX-License-Identifier: Apache-2.0 */
/* The pools of a site, and the quota groups that pools bring. */
#include <inttypes.h>

#include "federation/reader.h"

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

/* At most what a node has; without `memory` that can't be judged, and is a mistake already. */
static void read_default_memory(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                                const char *key, int64_t most_mb, int64_t *memory_mb)
{
    char most[DR_AMOUNT_BYTES];

    dr_fed_read_memory(reader, map, key, DR_FED_OPTIONAL, memory_mb);
    if (*memory_mb <= most_mb || most_mb == 0)
        return;
    dr_fed_wrong(reader, dr_yaml_get(map, key)->line, key, dr_yaml_found(dr_yaml_get(map, key)),
                 "at most the memory of a node, %s", dr_format_exact_memory(most_mb, most));
    *memory_mb = 0;
}

void dr_fed_read_pool(struct dr_fed_reader *reader, const struct dr_yaml_node *part, uint32_t site)
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
        read_default_memory(reader, part, "default_memory_per_cpu", set->memory_mb,
                            &set->default_memory_per_cpu_mb);
        read_default_memory(reader, part, "default_memory_per_accelerator", set->memory_mb,
                            &set->default_memory_per_accelerator_mb);
        read_levels(reader, part, set);
        read_node_names(reader, part, site_name, set->name, set);
        owner =
            dr_fed_read_reference(reader, part, "owner", "an account", &federation->account_names);
        if (owner != 0)
            set->owner = owner;
        read_consent(reader, part, set);
        dr_fed_read_slurm_pool(reader, part, &federation->sites[site].set, set);
    }
    errors_before = reader->errors->count;
    read_groups(reader, part, set);
    if (reader->errors->count > errors_before ||
        (dr_yaml_get(part, "chip") != NULL && set->chip == 0) ||
        (dr_yaml_get(part, "owner") != NULL && owner == 0))
        reader->groups_unsure = 1;
    dr_fed_leave(reader, length);
}
