/* SPDX-License-Identifier: Apache-2.0 */
/* Differences in quota groups and accounts. Guarantees go down first, from the leaves up; what
 * pools need comes next; the rest goes up from the root down. */
#include <inttypes.h>

#include "base/math.h"
#include "core/allocate.h"
#include "federation/changes.h"

void dr_declare_groups(struct dr_differ *differ)
{
    static const char *const resources[] = {"accelerators", "CPUs", "memory"};

    for (uint32_t place = 0; place < differ->federation->groups_count; place += 1) {
        const struct dr_fact_group_set *to = &differ->federation->groups[place].set;
        uint32_t id = differ->groups[place];
        struct dr_change *change;

        if (id <= differ->core->groups_count) {
            const struct dr_group *from = &differ->core->groups[id - 1];

            if (from->resource != to->resource)
                dr_change_refuse(differ, 0, "group", to->name,
                                 "a name of its own: there is a group of %s of this name already",
                                 resources[from->resource % DR_RESOURCE_COUNT]);
            if (!from->leaving)
                continue;
        }
        change = dr_change_add(differ, "group", to->name, DR_FACT_GROUP_SET);
        change->declare.group_set = *to;
        change->declare.group_set.group = id;
        if (id <= differ->core->groups_count)
            dr_say(change, "stays");
        else
            dr_say(change, "new, of %s", resources[to->resource]);
    }
}

/* What a file's account, or one that is not in the file (place 0, else place plus one), has in a
 * group of the core. */
static struct dr_quota_limits limits_in_file(const struct dr_differ *differ, uint32_t account_place,
                                             uint32_t group_id)
{
    struct dr_quota_limits limits = {
        .group = {group_id}, .borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
    uint32_t place = differ->group_places[group_id - 1];

    if (account_place != 0 && place != 0) {
        const struct dr_fed_limit *limit =
            &differ->federation->accounts[account_place - 1].limits[place - 1];

        limits.guarantee = limit->guarantee;
        limits.borrow = limit->borrow;
        limits.lend = limit->lend;
    }
    return limits;
}

void dr_lower_guarantees(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;
    struct dr_arena *arena = &differ->federation->arena;

    for (uint32_t row = core->accounts_count; row > 0; row -= 1) {
        const struct dr_account *account = &core->accounts[row - 1];
        uint32_t place = differ->account_places[row - 1];
        struct dr_quota_limits *limits;
        struct dr_change *change = NULL;
        uint32_t count = 0;

        if (account->removed)
            continue;
        for (uint32_t g = 1; g <= core->groups_count; g += 1) {
            const struct dr_quota *from = dr_quota_at(core, (dr_account_id){row}, (dr_group_id){g});
            struct dr_quota_limits to = limits_in_file(differ, place, g);
            int64_t stated;

            if (to.guarantee >= from->guarantee)
                continue;
            stated = dr_quota_stated(core, (dr_account_id){row}, (dr_group_id){g});
            if (to.guarantee >= stated)
                continue;
            if (change == NULL)
                change = dr_change_add(differ, "account", account->name, DR_FACT_ACCOUNT_SET);
            dr_say_amount(change, "guarantee", core->groups[g - 1].resource,
                          core->groups[g - 1].name, "", stated, to.guarantee);
        }
        if (change == NULL)
            continue;
        limits = dr_fed_push(arena, core->groups_count, sizeof limits[0]);
        if (limits == NULL) {
            dr_change_refuse(differ, 0, "accounts", "too many at once", "a smaller change");
            return;
        }
        for (uint32_t g = 1; g <= core->groups_count; g += 1) {
            const struct dr_quota *from = dr_quota_at(core, (dr_account_id){row}, (dr_group_id){g});
            int64_t to = limits_in_file(differ, place, g).guarantee;
            int64_t stated = dr_quota_stated(core, (dr_account_id){row}, (dr_group_id){g});

            limits[count] = (struct dr_quota_limits){.group = {g},
                                                     .guarantee = dr_min_i64(stated, to),
                                                     .borrow = from->borrow,
                                                     .lend = from->lend};
            if (limits[count].guarantee != 0 || limits[count].borrow != DR_FOREVER_US ||
                limits[count].lend != DR_FOREVER_US)
                count += 1;
        }
        change->declare.account_set =
            (struct dr_fact_account_set){.account = row,
                                         .parent = account->parent.v,
                                         .weight = account->weight,
                                         .preempt_below = account->preempt_below,
                                         .default_limit_us = account->default_limit_us,
                                         .jobs_max = account->jobs_max,
                                         .limits = limits,
                                         .limits_count = count};
        dr_copy_name(change->declare.account_set.name, account->name);
    }
}

/* The fact of a file's account with the core's ids. */
static void fill_account(struct dr_differ *differ, uint32_t place, struct dr_fact_account_set *fact)
{
    const struct dr_fact_account_set *set = &differ->federation->accounts[place].set;

    *fact = *set;
    fact->account = differ->accounts[place];
    fact->parent = set->parent == 0 ? 0 : differ->accounts[set->parent - 1];
    fact->limits = NULL;
    fact->limits_count = 0;
}

void dr_declare_needed_accounts(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;

    for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
        struct dr_change *change;

        if (!differ->account_made[place])
            continue;
        change = dr_change_add(differ, "account", federation->accounts[place].set.name,
                               DR_FACT_ACCOUNT_SET);
        fill_account(differ, place, &change->declare.account_set);
        dr_say(change, "%s",
               differ->accounts[place] <= differ->core->accounts_count ? "stays"
               : place == 0                                            ? "new, the root"
                                                                       : "new");
    }
}

/* It is new, or was to leave. */
static int to_be_made(const struct dr_differ *differ, uint32_t place)
{
    uint32_t id = differ->accounts[place];

    return id > differ->core->accounts_count || differ->core->accounts[id - 1].leaving;
}

static void need_account(struct dr_differ *differ, uint32_t place)
{
    while (!differ->account_made[place] && to_be_made(differ, place)) {
        differ->account_made[place] = 1;
        if (place == 0)
            return;
        place = differ->federation->accounts[place].set.parent - 1;
    }
}

void dr_find_needed_accounts(struct dr_differ *differ)
{
    const struct dr_federation *federation = differ->federation;

    need_account(differ, 0);
    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[p].set;

        need_account(differ, set->owner - 1);
        for (uint32_t i = 0; i < set->consent_count; i += 1)
            need_account(differ, set->consent[i] - 1);
    }
}

/* Say what differs in the limits; accelerators first, since CPUs and memory mostly follow from
 * them. */
static void say_limits(struct dr_differ *differ, struct dr_change *change, uint32_t place)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t id = differ->accounts[place];
    int exists = id <= core->accounts_count && !differ->account_made[place];

    for (int accelerators = 1; accelerators >= 0; accelerators -= 1) {
        for (uint32_t g = 0; g < federation->groups_count; g += 1) {
            const struct dr_fed_limit *to = &federation->accounts[place].limits[g];
            const struct dr_fact_group_set *group = &federation->groups[g].set;
            struct dr_quota from = {.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};

            if ((group->resource == DR_RESOURCE_ACCELERATORS) != accelerators)
                continue;
            if (exists && differ->groups[g] <= core->groups_count) {
                from = *dr_quota_at(core, (dr_account_id){id}, (dr_group_id){differ->groups[g]});
                from.guarantee =
                    dr_quota_stated(core, (dr_account_id){id}, (dr_group_id){differ->groups[g]});
            }
            /* What went down has been said and done. */
            from.guarantee = dr_min_i64(from.guarantee, to->guarantee);
            dr_say_amount(change, "guarantee", group->resource, group->name, "", from.guarantee,
                          to->guarantee);
            dr_say_amount(change, "borrow", group->resource, group->name, "unlimited", from.borrow,
                          to->borrow);
            dr_say_amount(change, "lend", group->resource, group->name, "all", from.lend, to->lend);
        }
    }
}

void dr_declare_account(struct dr_differ *differ, uint32_t place)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    const struct dr_fact_account_set *to = &federation->accounts[place].set;
    struct dr_change *change = dr_change_add(differ, "account", to->name, DR_FACT_ACCOUNT_SET);
    struct dr_fact_account_set *fact = &change->declare.account_set;
    uint32_t id = differ->accounts[place];
    struct dr_quota_limits *limits;

    fill_account(differ, place, fact);
    if (id <= core->accounts_count) {
        const struct dr_account *from = &core->accounts[id - 1];

        if (from->parent.v != fact->parent) {
            dr_change_refuse(
                differ, federation->accounts[place].line, to->name,
                fact->parent == 0 || fact->parent > core->accounts_count
                    ? "another parent"
                    : core->accounts[fact->parent - 1].name,
                "its parent %s, as before: the parent of an account never changes; give it "
                "another name to make a new one",
                from->parent.v == 0 ? "" : core->accounts[from->parent.v - 1].name);
            differ->count -= 1;
            return;
        }
        if (from->leaving && !differ->account_made[place])
            dr_say(change, "stays");
        dr_say_text(change, "name", from->name, to->name);
        dr_say_milli(change, "weight", from->weight, to->weight);
        dr_say_flag(change, "preempt_below", from->preempt_below, to->preempt_below);
        dr_say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
        dr_say_number(change, "jobs_max", "", from->jobs_max, to->jobs_max);
    } else if (!differ->account_made[place]) {
        dr_say(change, "new");
    }
    say_limits(differ, change, place);
    if (change->text[0] == '\0') {
        differ->count -= 1;
        return;
    }
    limits = dr_fed_push(&federation->arena, to->limits_count, sizeof limits[0]);
    if (limits == NULL) {
        dr_change_refuse(differ, 0, "accounts", "too many at once", "a smaller change");
        differ->count -= 1;
        return;
    }
    for (uint32_t i = 0; i < to->limits_count; i += 1) {
        limits[i] = to->limits[i];
        limits[i].group.v = differ->groups[to->limits[i].group.v - 1];
    }
    fact->limits = limits;
    fact->limits_count = to->limits_count;
}

/* Groups that are not in the file, once no pool counts in them; what accounts had in them goes with
 * them. */
void dr_remove_groups(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->groups_count; row += 1) {
        const struct dr_group *group = &core->groups[row];
        struct dr_change *change;

        if (group->removed || differ->group_places[row] != 0)
            continue;
        if (dr_pool_stands(differ, 0, 0, row + 1, 0)) {
            if (!group->leaving)
                dr_change_leaves(differ, "group", group->name, "its last pool")->group = row + 1;
            continue;
        }
        change = dr_change_add(differ, "group", group->name, DR_FACT_GROUP_REMOVED);
        change->declare.group_removed.group = row + 1;
        dr_say(change, "removed");
    }
}

/* Accounts that are not in the file; those that have jobs, that a pool belongs to that still
 * drains, or that are above such a one, leave later. The last first: children before their parents.
 */
void dr_remove_accounts(struct dr_differ *differ)
{
    const struct dr_core *core = differ->core;
    uint8_t *stays = dr_fed_push(&differ->federation->arena, core->accounts_count, 1);

    if (stays == NULL) {
        dr_change_refuse(differ, 0, "accounts", "too many at once", "a smaller change");
        return;
    }
    for (uint32_t row = core->accounts_count; row > 1; row -= 1) {
        const struct dr_account *account = &core->accounts[row - 1];
        struct dr_change *change;

        if (account->removed || differ->account_places[row - 1] != 0)
            continue;
        if (account->jobs_live > 0 || stays[row - 1] || dr_pool_stands(differ, 0, 0, 0, row)) {
            stays[account->parent.v - 1] = 1;
            if (!account->leaving)
                dr_change_leaves(differ, "account", account->name,
                                 account->jobs_live > 0 ? "its last job" : "its last pool")
                    ->account = row;
            continue;
        }
        change = dr_change_add(differ, "account", account->name, DR_FACT_ACCOUNT_REMOVED);
        change->declare.account_removed.account = row;
        dr_say(change, "removed");
    }
}
