/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between a file and the living federation, as declarations in an order in which
 * each is valid. Read dr_federation_changes() at the end first: it is that order.
 *
 * Parts are the same when their names are. The `set` facts of the file refer to places in the file;
 * here they are copied and given the core's ids, those of new parts predicted. */
#include <inttypes.h>

#include "federation/changes.h"

/* The living parts of one kind by name. */
struct known {
    struct dr_fed_names names;
    uint32_t *rows; /* [names.count] */
};

/* ---- who is who ---- */

/* Match the parts of one kind, by name: ids[place] and places[row]. `names` has the living rows.
 * Returns how many are new. */
static uint32_t match(uint32_t *ids, uint32_t *places, uint32_t count, uint32_t rows_count,
                      const struct known *known,
                      const char *(*name_of)(const struct dr_federation *, uint32_t),
                      const struct dr_federation *federation)
{
    uint32_t fresh = 0;

    for (uint32_t place = 0; place < count; place += 1) {
        uint32_t at = dr_fed_names_find(&known->names, name_of(federation, place));

        if (at == DR_MAP_NONE) {
            fresh += 1;
            ids[place] = rows_count + fresh;
        } else {
            ids[place] = known->rows[at] + 1;
            places[known->rows[at]] = place + 1;
        }
    }
    return fresh;
}

#define NAME_OF(function, table)                                                        \
    static const char *function(const struct dr_federation *federation, uint32_t place) \
    {                                                                                   \
        return federation->table[place].set.name;                                       \
    }
NAME_OF(chip_name, chips)
NAME_OF(class_name, classes)
NAME_OF(zone_name, zones)
NAME_OF(site_name, sites)
NAME_OF(group_name, groups)
NAME_OF(account_name, accounts)
NAME_OF(allocation_name, allocations)
NAME_OF(dataset_name, datasets)
NAME_OF(user_name, users)

/* Fill differ->TABLE and differ->PLACES; 0: the arena is full. */
#define MATCH(TABLE, PLACES, NAME, IS_REMOVED, MAX, WHAT)                                          \
    do {                                                                                           \
        struct known known;                                                                        \
        uint32_t fresh;                                                                            \
                                                                                                   \
        differ->TABLE = dr_fed_push(arena, federation->TABLE##_count, sizeof(uint32_t));           \
        differ->PLACES = dr_fed_push(arena, core->TABLE##_count, sizeof(uint32_t));                \
        known.rows = dr_fed_push(arena, core->TABLE##_count, sizeof(uint32_t));                    \
        if (differ->TABLE == NULL || differ->PLACES == NULL || known.rows == NULL ||               \
            !dr_fed_names_init(&known.names, arena, core->TABLE##_count))                          \
            return 0;                                                                              \
        for (uint32_t row = 0; row < core->TABLE##_count; row += 1) {                              \
            if (IS_REMOVED)                                                                        \
                continue;                                                                          \
            known.rows[known.names.count] = row;                                                   \
            dr_fed_names_add(&known.names, core->TABLE[row].name);                                 \
        }                                                                                          \
        fresh = match(differ->TABLE, differ->PLACES, federation->TABLE##_count,                    \
                      core->TABLE##_count, &known, NAME, federation);                              \
        if (fresh > (MAX)-core->TABLE##_count)                                                     \
            dr_change_refuse(differ, 0, #TABLE, "more than there is room for",                     \
                             "at most %" PRIu32 " new " WHAT " (of %" PRIu32                       \
                             " in this controller, %" PRIu32 " are used, those removed included)", \
                             (uint32_t)(MAX)-core->TABLE##_count, (uint32_t)(MAX),                 \
                             core->TABLE##_count);                                                 \
    } while (0)

static int match_all(struct dr_differ *differ)
{
    struct dr_federation *federation = differ->federation;
    struct dr_arena *arena = &federation->arena;
    const struct dr_core *core = differ->core;
    uint32_t new_pools = 0;

    MATCH(chips, chip_places, chip_name, core->chips[row].removed, DR_CHIPS_MAX, "chips");
    MATCH(classes, class_places, class_name, core->classes[row].removed, DR_DATA_CLASSES_MAX,
          "data classes");
    MATCH(zones, zone_places, zone_name, core->zones[row].removed, DR_ZONES_MAX, "zones");
    MATCH(sites, site_places, site_name, core->sites[row].removed, DR_SITES_MAX, "sites");
    MATCH(groups, group_places, group_name, core->groups[row].removed, core->limits.groups_max,
          "quota groups");
    MATCH(allocations, allocation_places, allocation_name, core->allocations[row].removed,
          DR_ALLOCATIONS_MAX, "allocations");
    MATCH(datasets, dataset_places, dataset_name, core->datasets[row].removed,
          core->limits.datasets_max, "datasets");
    MATCH(users, user_places, user_name, core->users[row].removed, core->limits.users_max, "users");
    MATCH(accounts, account_places, account_name, core->accounts[row].removed,
          core->limits.accounts_max, "accounts");

    /* Pools by site and name. */
    differ->pools = dr_fed_push(arena, federation->pools_count, sizeof(uint32_t));
    differ->pool_places = dr_fed_push(arena, core->pools_count, sizeof(uint32_t));
    differ->account_made = dr_fed_push(arena, federation->accounts_count, 1);
    if (differ->pools == NULL || differ->pool_places == NULL || differ->account_made == NULL)
        return 0;
    for (uint32_t place = 0; place < federation->pools_count; place += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[place].set;
        uint32_t site = differ->sites[set->site - 1];
        uint32_t id =
            site > core->sites_count ? 0 : dr_pool_named(core, (dr_site_id){site}, set->name).v;

        if (id == 0) {
            new_pools += 1;
            id = core->pools_count + new_pools;
        } else {
            differ->pool_places[id - 1] = place + 1;
        }
        differ->pools[place] = id;
    }
    if (new_pools > core->limits.pools_max - core->pools_count)
        dr_change_refuse(differ, 0, "pools", "more than there is room for",
                         "at most %" PRIu32 " new pools (those removed keep their place)",
                         core->limits.pools_max - core->pools_count);
    return 1;
}

/* The root is the root, whatever the federation is called. */
static void match_root(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t namesake;

    if (core->accounts_count == 0)
        return;
    namesake = differ->account_places[0];
    if (namesake > 1)
        dr_change_refuse(differ, federation->accounts[namesake - 1].line,
                         federation->accounts[namesake - 1].set.name,
                         federation->accounts[namesake - 1].set.name,
                         "a name other than the one that the federation had");
    if (differ->accounts[0] > 1 && differ->accounts[0] <= core->accounts_count)
        dr_change_refuse(differ, federation->line, "federation.name", federation->settings.name,
                         "a name other than an account's, until that has been removed");
    differ->accounts[0] = 1;
    differ->account_places[0] = 1;
}

/* Ids of new accounts are given out in the order in which dr_declare_needed_accounts() and then
 * dr_declare_account() make them. */
static void number_accounts(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t next = core->accounts_count;

    for (uint32_t pass = 0; pass < 2; pass += 1) {
        for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
            if (differ->accounts[place] <= core->accounts_count ||
                differ->account_made[place] != (pass == 0))
                continue;
            next += 1;
            differ->accounts[place] = next;
        }
    }
}
/* ---- the order ---- */

enum dr_status dr_federation_changes(struct dr_federation *federation, const struct dr_core *core,
                                     struct dr_change **changes, uint32_t *count,
                                     struct dr_error_list *errors)
{
    struct dr_differ differ = {.federation = federation, .core = core, .errors = errors};
    uint32_t errors_before = errors->count;

    *changes = NULL;
    *count = 0;
    dr_arena_reset(&federation->arena, federation->changes_mark);
    /* The most there can be: each part set twice or removed, each node taken out. */
    differ.count_max = 16 + federation->chips_count + core->chips_count +
                       federation->classes_count + core->classes_count + federation->sites_count +
                       core->sites_count + federation->groups_count + core->groups_count +
                       2 * federation->pools_count + core->pools_count + core->nodes_count +
                       2 * federation->accounts_count + 2 * core->accounts_count +
                       2 * federation->allocations_count + core->allocations_count +
                       federation->datasets_count + core->datasets_count + federation->users_count +
                       federation->zones_count + core->zones_count + federation->caps_count +
                       core->grid_caps_count + 2 * core->users_count;
    differ.changes = dr_arena_push(&federation->arena, differ.count_max, sizeof differ.changes[0]);
    if (differ.changes == NULL || !match_all(&differ)) {
        dr_change_refuse(&differ, 0, "", "too much at once", "a smaller federation");
        return DR_E_INPUT;
    }
    match_root(&differ);
    dr_find_needed_accounts(&differ);
    number_accounts(&differ);
    if (errors->count > errors_before)
        return DR_E_INPUT;

    dr_declare_settings(&differ);
    dr_declare_chips(&differ);
    dr_declare_classes(&differ);
    dr_declare_zones(&differ);
    dr_declare_sites(&differ);
    dr_lower_caps(&differ);
    dr_declare_caps(&differ);
    dr_declare_groups(&differ);
    dr_lower_allocations(&differ);
    dr_lower_guarantees(&differ);
    dr_declare_needed_accounts(&differ);
    dr_declare_pools(&differ);
    dr_remove_pools(&differ);
    for (uint32_t place = 0; place < federation->accounts_count; place += 1)
        dr_declare_account(&differ, place);
    dr_declare_allocations(&differ);
    dr_declare_datasets(&differ);
    dr_remove_users(&differ);
    if (!dr_free_uids(&differ))
        dr_change_refuse(&differ, 0, "users", "too much at once", "a smaller federation");
    dr_declare_users(&differ);
    dr_remove_accounts(&differ);
    dr_remove_groups(&differ);
    dr_remove_places(&differ);
    dr_remove_zones(&differ);
    if (errors->count > errors_before) {
        dr_error_list_sort(errors);
        return DR_E_INPUT;
    }
    *changes = differ.changes;
    *count = differ.count;
    return DR_OK;
}
