/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations: guarantees with a term. */
#include <inttypes.h>

#include "federation/reader.h"

static void read_amounts(struct dr_fed_reader *reader, const struct dr_yaml_node *part,
                         struct dr_fact_allocation_set *set)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *map = dr_yaml_get(part, "amounts");
    struct dr_quota_limits *amounts;
    size_t length;
    char text[300];

    if (map == NULL || map->kind != DR_YAML_MAP || map->first == NULL) {
        dr_fed_wrong(reader, map == NULL ? reader->line : map->line, "amounts",
                     map == NULL ? "nothing" : dr_yaml_found(map),
                     "a map from groups to amounts: {h200: 16}");
        return;
    }
    amounts = dr_fed_push(&federation->arena, DR_ALLOCATION_GROUPS, sizeof amounts[0]);
    if (amounts == NULL) {
        dr_fed_wrong(reader, map->line, "amounts", "", "a smaller file");
        return;
    }
    set->amounts = amounts;
    length = dr_fed_enter(reader, "amounts");
    dr_fed_check_duplicates(reader, map);
    for (const struct dr_yaml_node *item = map->first; item != NULL; item = item->next) {
        uint32_t place = dr_fed_names_find(&federation->group_names, item->key->text);

        if (place == DR_MAP_NONE && reader->groups_unsure)
            continue; /* it may be the group of a pool that could not be read */
        if (place == DR_MAP_NONE) {
            dr_fed_wrong(reader, item->key->line, item->key->text, item->key->text,
                         "a quota group of this file's pools%s",
                         dr_fed_hint(text, item->key->text, federation->group_names.names,
                                     federation->group_names.count));
            continue;
        }
        if (set->amounts_count == DR_ALLOCATION_GROUPS) {
            dr_fed_wrong(reader, item->key->line, NULL, item->key->text, "at most %d groups",
                         DR_ALLOCATION_GROUPS);
            break;
        }
        amounts[set->amounts_count] = (struct dr_quota_limits){
            .group = {place + 1}, .borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
        dr_fed_read_amount(reader, item, item->key->text, federation->groups[place].set.resource,
                           NULL, &amounts[set->amounts_count].guarantee);
        set->amounts_count += 1;
    }
    dr_fed_leave(reader, length);
}

void dr_fed_read_allocations(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "allocations", DR_FED_OPTIONAL, "allocation");
    size_t section_length = dr_fed_enter(reader, "allocations");
    size_t length;

    federation->allocations =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_ALLOCATIONS_MAX,
                            sizeof federation->allocations[0], &federation->allocation_names);
    for (const struct dr_yaml_node *part =
             federation->allocations == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_allocation *allocation =
            &federation->allocations[federation->allocations_count];
        struct dr_fact_allocation_set *set = &allocation->set;

        if (!dr_fed_enter_part(reader, part, &federation->allocation_names, part->key->text,
                               &length))
            continue;
        federation->allocations_count += 1;
        allocation->line = part->key->line;
        set->until_us = DR_FOREVER_US;
        dr_copy_name(set->name, part->key->text);
        if (dr_fed_check_map(reader, part, "allocations")) {
            const struct dr_yaml_node *account = dr_fed_take(reader, part, "account", DR_FED_NEEDED,
                                                             "an account below the federation");

            if (account != NULL)
                set->account = dr_fed_read_reference(reader, part, "account", "an account",
                                                     &federation->account_names);
            if (set->account == 1)
                dr_fed_wrong(reader, account->line, "account", account->text,
                             "an account below the federation, which has all there is");
            read_amounts(reader, part, set);
            dr_fed_read_instant(reader, part, "from", &set->from_us);
            dr_fed_read_instant(reader, part, "until", &set->until_us);
            if (set->from_us >= set->until_us)
                dr_fed_wrong(reader, dr_yaml_get(part, "until")->line, "until",
                             dr_yaml_found(dr_yaml_get(part, "until")), "an instant after `from`");
        }
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}
