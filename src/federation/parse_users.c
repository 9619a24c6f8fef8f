/* SPDX-License-Identifier: Apache-2.0 */
/* The datasets and the users of a file. */
#include <inttypes.h>

#include "federation/reader.h"

/* ---- datasets ---- */

/* "512" bytes, "4T": steps of 1024. */
static int parse_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "KMGTPE";
    const char *rest;
    int64_t value;
    int64_t scale = 1;

    if (!dr_fed_parse_decimal(text, 3, INT64_MAX, &value, &rest))
        return 0;
    if (*rest == ' ' && rest[1] != '\0')
        rest += 1;
    for (size_t i = 0; units[i] != '\0' && *rest != '\0'; i += 1) {
        scale *= 1024;
        if (*rest == units[i]) {
            rest += 1;
            if (strcmp(rest, "B") == 0 || strcmp(rest, "iB") == 0)
                rest += strlen(rest);
            if (*rest != '\0' || __builtin_mul_overflow(value, scale, &value))
                return 0;
            *bytes = value / 1000;
            return 1;
        }
    }
    *bytes = value / 1000;
    return *rest == '\0' || strcmp(rest, "B") == 0;
}

void dr_fed_read_datasets(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    static const char expected_size[] = "a size (500M, 64G, 4T, 1.5P; without a unit bytes)";
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "datasets", DR_FED_OPTIONAL, "dataset");
    size_t section_length = dr_fed_enter(reader, "datasets");
    size_t length;

    federation->datasets =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), UINT32_MAX,
                            sizeof federation->datasets[0], &federation->dataset_names);
    for (const struct dr_yaml_node *part =
             federation->datasets == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_dataset *dataset = &federation->datasets[federation->datasets_count];
        const struct dr_yaml_node *node;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        uint32_t item_number = 0;
        size_t list_length;

        if (!dr_fed_enter_part(reader, part, &federation->dataset_names, part->key->text, &length))
            continue;
        federation->datasets_count += 1;
        dataset->line = part->key->line;
        dr_copy_name(dataset->set.name, part->key->text);
        if (dr_fed_check_map(reader, part, "datasets")) {
            node = dr_fed_take(reader, part, "size", DR_FED_NEEDED, expected_size);
            if (node != NULL && !parse_bytes(node->text, &dataset->set.bytes))
                dr_fed_wrong(reader, node->line, "size", dr_yaml_found(node), "%s", expected_size);
            dataset->set.data_class = dr_fed_read_reference(
                reader, part, "data_class", "a data class", &federation->class_names);
            list = dr_fed_take_list(reader, part, "sites", "sites", &single);
            list_length = dr_fed_enter(reader, "sites");
            if (list == NULL || (single == NULL && list->count == 0))
                dr_fed_wrong(reader, list == NULL ? dataset->line : list->line, NULL, "nothing",
                             "the sites that have it");
            for (const struct dr_yaml_node *item = dr_fed_first_item(list, single); item != NULL;
                 item = dr_fed_next_item(item, single)) {
                size_t item_length = dr_fed_enter_item(reader, item_number);
                uint32_t site = dr_fed_refer(reader, item, NULL, "a site", &federation->site_names);

                if (site > DR_SITES_MAX)
                    site = 0;
                if (site != 0 && dr_site_set_has(&dataset->set.sites, site - 1))
                    dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "each site once");
                if (site != 0)
                    dr_site_set_add(&dataset->set.sites, site - 1);
                item_number += 1;
                dr_fed_leave(reader, item_length);
            }
            dr_fed_leave(reader, list_length);
        }
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}

/* ---- users ---- */

static const char *const role_names[DR_ROLE_COUNT] = {"user", "account-admin", "auditor",
                                                      "operator", "admin"};

static int read_role(struct dr_fed_reader *reader, const struct dr_yaml_node *item,
                     enum dr_role *role)
{
    char text[300];

    for (uint32_t i = 0; item->kind == DR_YAML_SCALAR && i < DR_ROLE_COUNT; i += 1) {
        if (strcmp(item->text, role_names[i]) == 0) {
            *role = (enum dr_role)i;
            return 1;
        }
    }
    dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "one of the roles%s",
                 dr_fed_hint(text, item->kind == DR_YAML_SCALAR ? item->text : "", role_names,
                             DR_ROLE_COUNT));
    return 0;
}

/* One account of a user with its roles; `roles` NULL: role user. */
static void read_membership(struct dr_fed_reader *reader, struct dr_fact_user_set *set,
                            struct dr_membership *memberships, uint32_t account,
                            const struct dr_yaml_node *roles, uint32_t line)
{
    const struct dr_yaml_node *single = NULL;
    enum dr_role role = DR_ROLE_USER;

    if (roles != NULL && roles->kind == DR_YAML_MAP) {
        dr_fed_wrong(reader, roles->line, NULL, "a map", "a role, or a list of roles");
        return;
    }
    if (roles != NULL && roles->kind == DR_YAML_SCALAR)
        single = roles;
    for (const struct dr_yaml_node *item = dr_fed_first_item(roles, single);
         roles == NULL || item != NULL;
         item = roles == NULL ? NULL : dr_fed_next_item(item, single)) {
        uint32_t known = 0;

        if (roles != NULL && !read_role(reader, item, &role))
            continue;
        while (known < set->memberships_count &&
               (memberships[known].account.v != account || memberships[known].role != role))
            known += 1;
        if (known < set->memberships_count) {
            dr_fed_wrong(reader, item == NULL ? line : item->line, NULL, role_names[role],
                         "each role in an account once");
        } else if (set->memberships_count == DR_ROLES_MAX) {
            dr_fed_wrong(reader, line, NULL, "one more", "at most %d roles in accounts",
                         DR_ROLES_MAX);
        } else {
            memberships[set->memberships_count] =
                (struct dr_membership){.account = {account}, .role = role};
            set->memberships_count += 1;
        }
        if (roles == NULL)
            break;
    }
}

static void read_memberships(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                             struct dr_fact_user_set *set)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *node = dr_yaml_get(map, "accounts");
    const struct dr_yaml_node *single = NULL;
    struct dr_membership *memberships;
    uint32_t item_number = 0;
    size_t length;

    if (node == NULL || dr_yaml_null(node))
        return;
    memberships = dr_fed_push(&federation->arena, DR_ROLES_MAX, sizeof memberships[0]);
    if (memberships == NULL) {
        dr_fed_wrong(reader, node->line, "accounts", "", "a smaller file");
        return;
    }
    set->memberships = memberships;
    length = dr_fed_enter(reader, "accounts");
    if (node->kind == DR_YAML_MAP)
        dr_fed_check_duplicates(reader, node);
    if (node->kind == DR_YAML_SCALAR)
        single = node;
    for (const struct dr_yaml_node *item = dr_fed_first_item(node, single); item != NULL;
         item = dr_fed_next_item(item, single)) {
        const struct dr_yaml_node *name = node->kind == DR_YAML_MAP ? item->key : item;
        size_t item_length = node->kind == DR_YAML_MAP ? dr_fed_enter(reader, name->text)
                                                       : dr_fed_enter_item(reader, item_number);
        uint32_t account =
            dr_fed_refer(reader, name, NULL, "an account", &federation->account_names);

        item_number += 1;
        if (account != 0)
            read_membership(reader, set, memberships, account,
                            node->kind == DR_YAML_MAP && !dr_yaml_null(item) ? item : NULL,
                            item->line);
        dr_fed_leave(reader, item_length);
    }
    dr_fed_leave(reader, length);
}

uint32_t dr_fed_only_account(const struct dr_membership *memberships, uint32_t count)
{
    for (uint32_t i = 1; i < count; i += 1) {
        if (memberships[i].account.v != memberships[0].account.v)
            return 0;
    }
    return count == 0 ? 0 : memberships[0].account.v;
}

void dr_fed_read_users(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    static const char expected_uid[] = "a Unix account of this machine, or a uid";
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "users", DR_FED_NEEDED, "user");
    size_t section_length = dr_fed_enter(reader, "users");
    size_t length;

    federation->users_line = section == NULL ? 0 : section->key->line;
    federation->users = dr_fed_section_room(reader, NULL, dr_fed_section_count(section), UINT32_MAX,
                                            sizeof federation->users[0], &federation->user_names);
    for (const struct dr_yaml_node *part =
             federation->users == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_user *user = &federation->users[federation->users_count];
        struct dr_fact_user_set *set = &user->set;
        const struct dr_yaml_node *node;
        const struct dr_yaml_node *single;
        const struct dr_yaml_node *list;
        uint32_t item_number = 0;
        uint32_t errors_before;
        size_t list_length;

        if (!dr_fed_enter_part(reader, part, &federation->user_names, part->key->text, &length))
            continue;
        federation->users_count += 1;
        user->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        set->uid = DR_NO_UID;
        set->gid = DR_NO_UID;
        if (!dr_fed_check_map(reader, part, "users")) {
            dr_fed_leave(reader, length);
            continue;
        }
        node = dr_fed_take(reader, part, "uid", DR_FED_OPTIONAL, expected_uid);
        if (node != NULL && !dr_fed_unix_account(node->text, &set->uid, &set->gid))
            dr_fed_wrong(reader, node->line, "uid", dr_yaml_found(node), "%s", expected_uid);
        node = dr_yaml_get(part, "gid");
        dr_fed_read_u32(reader, part, "gid", DR_FED_OPTIONAL, 0, DR_NO_UID - 1, &set->gid);
        if (node != NULL && dr_yaml_get(part, "uid") == NULL)
            dr_fed_wrong(reader, node->line, "gid", dr_yaml_found(node), "a uid beside it");
        list = dr_fed_take_list(reader, part, "roles", "roles", &single);
        list_length = dr_fed_enter(reader, "roles");
        for (const struct dr_yaml_node *item = dr_fed_first_item(list, single); item != NULL;
             item = dr_fed_next_item(item, single)) {
            size_t item_length = dr_fed_enter_item(reader, item_number);
            enum dr_role role;

            if (read_role(reader, item, &role))
                set->roles |= (uint8_t)(1u << role);
            item_number += 1;
            dr_fed_leave(reader, item_length);
        }
        dr_fed_leave(reader, list_length);
        errors_before = reader->errors->count;
        read_memberships(reader, part, set);
        user->accounts_unsure = reader->errors->count > errors_before;
        node = dr_yaml_get(part, "default_account");
        if (node != NULL && !dr_yaml_null(node))
            set->default_account = dr_fed_refer(reader, node, "default_account", "an account",
                                                &federation->account_names);
        else if (node == NULL)
            set->default_account = dr_fed_only_account(set->memberships, set->memberships_count);
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}
