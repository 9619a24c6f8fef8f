/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in datasets and users. */
#include <inttypes.h>

#include "base/math.h"
#include "federation/changes.h"

void dr_declare_datasets(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;

    for (uint32_t place = 0; place < federation->datasets_count; place += 1) {
        const struct dr_fact_dataset_set *to = &federation->datasets[place].set;
        struct dr_change *change = dr_change_add(differ, "dataset", to->name, DR_FACT_DATASET_SET);
        struct dr_fact_dataset_set *fact = &change->declare.dataset_set;
        uint32_t id = differ->datasets[place];
        const struct dr_dataset *from;

        *fact = *to;
        fact->dataset = id;
        fact->data_class = to->data_class == 0 ? 0 : differ->classes[to->data_class - 1];
        memset(&fact->sites, 0, sizeof fact->sites);
        for (uint32_t s = 0; s < federation->sites_count && s < DR_SITES_MAX; s += 1) {
            if (dr_site_set_has(&to->sites, s) && differ->sites[s] <= DR_SITES_MAX)
                dr_site_set_add(&fact->sites, differ->sites[s] - 1);
        }
        if (id > core->datasets_count) {
            dr_say(change, "new");
            continue;
        }
        from = &core->datasets[id - 1];
        dr_say_number(change, "size", "", from->bytes, to->bytes);
        if (memcmp(&from->sites, &fact->sites, sizeof fact->sites) != 0)
            dr_say(change, "sites: others than before");
        if (from->data_class.v != fact->data_class)
            dr_say_text(change, "data_class",
                        from->data_class.v == 0 ? "" : core->classes[from->data_class.v - 1].name,
                        to->data_class == 0 ? ""
                                            : federation->classes[to->data_class - 1].set.name);
        dr_change_keep(differ, change);
    }
    for (uint32_t row = 0; row < core->datasets_count; row += 1) {
        struct dr_change *change;

        if (core->datasets[row].removed || differ->dataset_places[row] != 0)
            continue;
        change =
            dr_change_add(differ, "dataset", core->datasets[row].name, DR_FACT_DATASET_REMOVED);
        change->declare.dataset_removed.dataset = row + 1;
        dr_say(change, "removed");
    }
}

void dr_remove_users(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->users_count; row += 1) {
        struct dr_change *change;

        if (core->users[row].removed || differ->user_places[row] != 0)
            continue;
        change = dr_change_add(differ, "user", core->users[row].name, DR_FACT_USER_REMOVED);
        change->declare.user_removed.user = row + 1;
        dr_say(change, "removed");
    }
}

int dr_free_uids(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    struct dr_map wanted;

    if (dr_map_init(&wanted, &differ->federation->arena, federation->users_count) != DR_OK)
        return 0;
    dr_map_clear(&wanted);
    for (uint32_t place = 0; place < federation->users_count; place += 1) {
        if (federation->users[place].set.uid != DR_NO_UID)
            dr_map_insert(&wanted, (uint64_t)federation->users[place].set.uid + 1, place);
    }
    for (uint32_t row = 0; row < core->users_count; row += 1) {
        const struct dr_user *user = &core->users[row];
        uint32_t place = differ->user_places[row];
        uint32_t by;
        struct dr_change *change;

        if (user->removed || place == 0 || user->uid == DR_NO_UID ||
            federation->users[place - 1].set.uid == user->uid)
            continue;
        by = dr_map_find(&wanted, (uint64_t)user->uid + 1);
        if (by == DR_MAP_NONE)
            continue;
        change = dr_change_add(differ, "user", user->name, DR_FACT_USER_SET);
        change->declare.user_set =
            (struct dr_fact_user_set){.user = row + 1,
                                      .uid = DR_NO_UID,
                                      .gid = user->gid,
                                      .roles = user->roles,
                                      .memberships = user->memberships,
                                      .memberships_count = user->memberships_count,
                                      .default_account = user->default_account.v};
        dr_copy_name(change->declare.user_set.name, user->name);
        dr_say(change, "uid: %" PRIu32 " -> none, since %s gets it", user->uid,
               federation->users[by].set.name);
    }
    return 1;
}

void dr_declare_users(struct dr_differ *differ)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;

    for (uint32_t place = 0; place < federation->users_count; place += 1) {
        const struct dr_fact_user_set *to = &federation->users[place].set;
        struct dr_change *change = dr_change_add(differ, "user", to->name, DR_FACT_USER_SET);
        struct dr_fact_user_set *fact = &change->declare.user_set;
        struct dr_membership *memberships =
            dr_fed_push(&federation->arena, to->memberships_count, sizeof memberships[0]);
        uint32_t id = differ->users[place];
        const struct dr_user *from;
        int same;

        if (memberships == NULL) {
            dr_change_refuse(differ, 0, "users", "too much at once", "a smaller change");
            differ->count -= 1;
            return;
        }
        *fact = *to;
        fact->user = id;
        fact->memberships = memberships;
        for (uint32_t i = 0; i < to->memberships_count; i += 1) {
            memberships[i] = to->memberships[i];
            memberships[i].account.v = differ->accounts[to->memberships[i].account.v - 1];
        }
        fact->default_account =
            to->default_account == 0 ? 0 : differ->accounts[to->default_account - 1];
        if (id > core->users_count) {
            dr_say(change, "new");
            continue;
        }
        from = &core->users[id - 1];
        same = from->memberships_count == to->memberships_count;
        for (uint32_t i = 0; same && i < to->memberships_count; i += 1)
            same = from->memberships[i].account.v == memberships[i].account.v &&
                   from->memberships[i].role == memberships[i].role;
        dr_say_uid(change, "uid", from->uid, to->uid);
        dr_say_uid(change, "gid", from->gid, to->gid);
        if (from->roles != to->roles)
            dr_say(change, "roles: %" PRIu32 " -> %" PRIu32, dr_bit_count(from->roles),
                   dr_bit_count(to->roles));
        if (!same)
            dr_say(change, "accounts: %" PRIu32 " -> %" PRIu32 " roles in accounts",
                   from->memberships_count, to->memberships_count);
        if (from->default_account.v != fact->default_account)
            dr_say_text(
                change, "default_account",
                from->default_account.v == 0 ? ""
                                             : core->accounts[from->default_account.v - 1].name,
                to->default_account == 0 ? ""
                                         : federation->accounts[to->default_account - 1].set.name);
        dr_change_keep(differ, change);
    }
}
