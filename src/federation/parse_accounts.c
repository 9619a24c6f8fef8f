/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of a file: the tree first, since pools name owners; their guarantees when the pools
 * have said which quota groups there are. */
#include <inttypes.h>

#include "federation/reader.h"

/* ---- accounts, first pass: the tree ---- */

uint32_t dr_fed_count_accounts(const struct dr_yaml_node *section)
{
    uint32_t count = 0;

    if (section == NULL || section->kind != DR_YAML_MAP)
        return 0;
    for (const struct dr_yaml_node *part = section->first; part != NULL; part = part->next)
        count += 1 + dr_fed_count_accounts(dr_yaml_get(part, "accounts"));
    return count;
}

/* Accounts below `parent` (its place), with all below them. */
void dr_fed_read_account_tree(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                              uint32_t parent)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, map, "accounts", DR_FED_OPTIONAL, "account");
    uint32_t depth = federation->accounts[parent].depth + 1;
    size_t section_length;
    size_t length;

    if (section == NULL)
        return;
    section_length = dr_fed_enter(reader, "accounts");
    if (depth >= DR_DEPTH_MAX) {
        dr_fed_wrong(reader, section->key->line, NULL, "one more level",
                     "at most %d levels of accounts below the federation", DR_DEPTH_MAX - 1);
        dr_fed_leave(reader, section_length);
        return;
    }
    for (const struct dr_yaml_node *part = section->first; part != NULL; part = part->next) {
        uint32_t place = federation->accounts_count;
        uint32_t other = dr_fed_names_find(&federation->account_names, part->key->text);
        struct dr_fed_account *account;

        /* Within one map duplicates are noted already; here, those of other branches. */
        if (other != DR_MAP_NONE && federation->accounts[other].set.parent == parent + 1)
            continue;
        if (other != DR_MAP_NONE)
            dr_fed_wrong(reader, part->key->line, part->key->text, part->key->text,
                         "a name of its own: it is the %s on line %" PRIu32 " too",
                         other == 0 ? "federation" : "account", federation->accounts[other].line);
        /* What is below it is read all the same, so that nothing else seems to be missing. */
        length = dr_fed_enter(reader, part->key->text);
        reader->line = part->key->line;
        if (!dr_name_valid(part->key->text))
            dr_fed_wrong(reader, part->key->line, NULL, dr_yaml_found(part->key), "%s",
                         dr_fed_expected_name);
        dr_fed_names_add(&federation->account_names, part->key->text);
        account = &federation->accounts[place];
        federation->accounts_count += 1;
        federation->accounts[parent].children += 1;
        account->line = part->key->line;
        account->depth = depth;
        account->set.parent = parent + 1;
        account->set.weight = 1000;
        dr_copy_name(account->set.name, part->key->text);
        if (dr_fed_check_map(reader, part, "accounts")) {
            dr_fed_read_milli(reader, part, "weight", DR_FED_OPTIONAL, 1, 1000000000,
                              &account->set.weight);
            dr_fed_read_bool(reader, part, "preempt_below", &account->set.preempt_below);
            dr_fed_read_duration(reader, part, "default_limit", DR_FED_OPTIONAL, DR_SECOND_US,
                                 DR_FEDERATION_LIMIT_US_MAX, &account->set.default_limit_us);
            dr_fed_read_u32(reader, part, "jobs_max", DR_FED_OPTIONAL, 0, UINT32_MAX,
                            &account->set.jobs_max);
            account->guarantees = dr_yaml_get(part, "guarantees");
            dr_fed_read_account_tree(reader, part, place);
        }
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}

/* ---- accounts, second pass: guarantees ---- */

static int parse_amount(uint8_t resource, const char *text, int64_t *amount)
{
    int64_t value;

    if (resource == DR_RESOURCE_MEMORY ? !dr_parse_memory_mb(text, &value)
                                       : !dr_parse_milli(text, 0, INT64_MAX, &value))
        return 0;
    if (value > DR_FEDERATION_AMOUNT_MAX)
        return 0;
    *amount = value;
    return 1;
}

void dr_fed_read_amount(struct dr_fed_reader *reader, const struct dr_yaml_node *node,
                        const char *part, uint8_t resource, const char *without, int64_t *amount)
{
    if (node->kind == DR_YAML_SCALAR && without != NULL && strcmp(node->text, without) == 0) {
        *amount = DR_FOREVER_US;
        return;
    }
    if (node->kind == DR_YAML_SCALAR && parse_amount(resource, node->text, amount))
        return;
    dr_fed_wrong(reader, node->line, part, dr_yaml_found(node), "%s%s%s%s",
                 resource == DR_RESOURCE_MEMORY         ? "memory (512M, 64G, 2T)"
                 : resource == DR_RESOURCE_ACCELERATORS ? "a number of accelerators, 0 and more"
                                                        : "a number of CPUs, 0 and more",
                 without == NULL ? "" : ", or '", without == NULL ? "" : without,
                 without == NULL ? "" : "'");
}

static void read_guarantees(struct dr_fed_reader *reader, struct dr_fed_account *account)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *map = account->guarantees;
    size_t length;

    if (map == NULL || dr_yaml_null(map))
        return;
    if (map->kind != DR_YAML_MAP) {
        dr_fed_wrong(reader, map->line, "guarantees", dr_yaml_found(map),
                     "a map from groups to amounts: {h200: 16}");
        return;
    }
    length = dr_fed_enter(reader, "guarantees");
    dr_fed_check_duplicates(reader, map);
    for (const struct dr_yaml_node *item = map->first; item != NULL; item = item->next) {
        uint32_t place = dr_fed_names_find(&federation->group_names, item->key->text);
        struct dr_fed_limit *limit;
        uint8_t resource;
        char text[300];

        if (place == DR_MAP_NONE && reader->groups_unsure)
            continue; /* it may be the group of a pool that could not be read */
        if (place == DR_MAP_NONE) {
            dr_fed_wrong(reader, item->key->line, item->key->text, item->key->text,
                         "a quota group of this file's pools%s",
                         dr_fed_hint(text, item->key->text, federation->group_names.names,
                                     federation->group_names.count));
            continue;
        }
        limit = &account->limits[place];
        resource = federation->groups[place].set.resource;
        limit->line = item->key->line;
        if (item->kind == DR_YAML_MAP) {
            size_t item_length = dr_fed_enter(reader, item->key->text);
            const struct dr_yaml_node *node;

            dr_fed_check_map(reader, item, "guarantees");
            node = dr_yaml_get(item, "guarantee");
            if (node != NULL) {
                dr_fed_read_amount(reader, node, "guarantee", resource, NULL, &limit->guarantee);
                limit->stated = 1;
            }
            node = dr_yaml_get(item, "borrow");
            if (node != NULL)
                dr_fed_read_amount(reader, node, "borrow", resource, "unlimited", &limit->borrow);
            node = dr_yaml_get(item, "lend");
            if (node != NULL)
                dr_fed_read_amount(reader, node, "lend", resource, "all", &limit->lend);
            dr_fed_leave(reader, item_length);
        } else {
            dr_fed_read_amount(reader, item, item->key->text, resource, NULL, &limit->guarantee);
            limit->stated = 1;
        }
    }
    dr_fed_leave(reader, length);
}

/* "accounts.industry.accounts.hanbit" */
static void enter_account(struct dr_fed_reader *reader, uint32_t place)
{
    const struct dr_federation *federation = reader->federation;

    if (place == 0)
        return;
    enter_account(reader, federation->accounts[place].set.parent - 1);
    dr_fed_enter(reader, "accounts");
    dr_fed_enter(reader, federation->accounts[place].set.name);
}

/* 0: there is no room for them. */
int dr_fed_read_all_guarantees(struct dr_fed_reader *reader)
{
    struct dr_federation *federation = reader->federation;

    if ((uint64_t)federation->accounts_count * federation->groups_count >
        DR_FEDERATION_LIMITS_MAX) {
        dr_fed_wrong(reader, federation->accounts_line, "accounts", "too many",
                     "at most %" PRIu64 " accounts times quota groups", DR_FEDERATION_LIMITS_MAX);
        return 0;
    }
    for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
        struct dr_fed_account *account = &federation->accounts[place];

        account->limits =
            dr_fed_push(&federation->arena, federation->groups_count, sizeof account->limits[0]);
        if (account->limits == NULL) {
            dr_fed_wrong(reader, account->line, NULL, "", "fewer accounts or groups");
            return 0;
        }
        for (uint32_t g = 0; g < federation->groups_count; g += 1)
            account->limits[g] =
                (struct dr_fed_limit){.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
        enter_account(reader, place);
        reader->line = account->line;
        read_guarantees(reader, account);
        dr_fed_leave(reader, 0);
    }
    return 1;
}
