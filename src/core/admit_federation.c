/* SPDX-License-Identifier: Apache-2.0 */
/* DECLARE and TOKEN: the federation's parts, one declaration at a time. The file as a whole is
 * checked by the federation room; here each part is judged against the state that it meets. */
#include "core/admit.h"
#include "core/allocate.h"
#include "core/leave.h"
#include "core/window.h"

/* ---- helpers ---- */

/* The id that a declaration is about: its own, or the next one for 0. Refused when it is neither
 * there nor the next, or the table is full. */
static int check_id(uint32_t *id, uint32_t count, uint32_t count_max, const char *what,
                    struct dr_answer *answer)
{
    if (*id == 0)
        *id = count + 1;
    if (*id > count + 1)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, what, "there is no %s with id %u", what, *id);
    if (*id > count_max)
        return dr_refuse(answer, DR_REFUSAL_FULL, what, "the table of %ss is full (%u)", what,
                         count_max);
    answer->id = *id;
    return 1;
}

/* Not of a part that was removed: an id is never used again. */
#define check_stays(id, table, what, answer)                                                   \
    ((id) > core->table##_count || !core->table[(id)-1].removed ||                             \
     dr_refuse(answer, DR_REFUSAL_STATE, what, "%s %u was removed; an id is never used again", \
               what, (unsigned)(id)))

static int check_known(uint32_t id, uint32_t count, const char *what, struct dr_answer *answer)
{
    if (id >= 1 && id <= count) {
        answer->id = id;
        return 1;
    }
    return dr_refuse(answer, DR_REFUSAL_UNKNOWN, what, "there is no %s with id %u", what, id);
}

static int check_name(const char *name, uint32_t named, uint32_t id, const char *what,
                      struct dr_answer *answer)
{
    if (!dr_name_valid(name))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "name",
                         "found '%s', expected a name of a %s: a-z, 0-9 and -, at most 63 "
                         "characters",
                         name, what);
    if (named != 0 && named != id)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "name", "another %s is called %s", what, name);
    return 1;
}

static int check_amount(int64_t value, int64_t max, const char *field, struct dr_answer *answer)
{
    if (value >= 0 && value <= max)
        return 1;
    return dr_refuse(answer, DR_REFUSAL_INVALID, field, "found %lld, expected 0 to %lld",
                     (long long)value, (long long)max);
}

#define AMOUNT_MAX   (INT64_C(1) << 50) /* thousandths or MB: a nation fits */
#define POWER_MAX_W  (INT64_C(1) << 40)
#define PRICE_MAX    (INT64_C(1) << 50)
#define DURATION_MAX (3660 * DR_DAY_US)

/* ---- one function per part ---- */

static int check_settings(const struct dr_fact_settings_set *settings, struct dr_answer *answer)
{
    return check_name(settings->name, 0, 0, "federation", answer) &&
           check_amount(settings->half_life_us, DURATION_MAX, "half_life", answer) &&
           check_amount(settings->minimum_run_us, DURATION_MAX, "minimum_run", answer) &&
           check_amount(settings->loss_cap_us, DURATION_MAX, "loss_cap", answer) &&
           check_amount(settings->preemption_credit_us, DURATION_MAX, "preemption_credit",
                        answer) &&
           check_amount(settings->default_limit_us, DURATION_MAX, "default_limit", answer) &&
           check_amount(settings->default_grace_us, DR_DAY_US, "default_grace", answer) &&
           check_amount(settings->retain_ended_us, DURATION_MAX, "retain_ended", answer) &&
           check_amount(settings->span_price_micro, PRICE_MAX, "span_price", answer) &&
           check_amount(settings->fair_minimum_run_us, DURATION_MAX, "fair_minimum_run", answer) &&
           (settings->fair_preemption <= DR_FAIR_PREEMPTION_FINAL_SHARE ||
            dr_refuse(answer, DR_REFUSAL_INVALID, "fair_preemption", "there is no such kind")) &&
           (settings->ordering <= DR_ORDERING_LAS ||
            dr_refuse(answer, DR_REFUSAL_INVALID, "order", "there is no such order")) &&
           (settings->placement <= DR_PLACEMENT_PACK ||
            dr_refuse(answer, DR_REFUSAL_INVALID, "placement", "there is no such placement")) &&
           (settings->job_uid != 0 ||
            dr_refuse(answer, DR_REFUSAL_INVALID, "job_user", "no job runs as uid 0"));
}

static int check_chip(const struct dr_core *core, struct dr_fact_chip_set *chip,
                      struct dr_answer *answer)
{
    return check_id(&chip->chip, core->chips_count, DR_CHIPS_MAX, "chip", answer) &&
           check_stays(chip->chip, chips, "chip", answer) &&
           check_name(chip->name, dr_chip_named(core, chip->name).v, chip->chip, "chip", answer) &&
           check_amount(chip->memory_mb, AMOUNT_MAX, "memory", answer) &&
           check_amount(chip->idle_w, POWER_MAX_W, "idle_w", answer) &&
           check_amount(chip->busy_w, POWER_MAX_W, "busy_w", answer) &&
           check_amount(chip->price_micro, PRICE_MAX, "price", answer);
}

static int check_note(const char *note, const char *field, struct dr_answer *answer)
{
    return note == NULL || strlen(note) < DR_NOTE_BYTES ||
           dr_refuse(answer, DR_REFUSAL_INVALID, field, "found %zu bytes, expected at most %d",
                     strlen(note), DR_NOTE_BYTES - 1);
}

/* What is needed to reach a Slurm cluster is there for one, and for nothing else. */
static int check_slurm(const struct dr_fact_site_set *site, struct dr_answer *answer)
{
    int is_slurm = site->engine == DR_ENGINE_SLURM;

    if ((site->slurm_url != NULL && site->slurm_url[0] != '\0') != is_slurm)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "slurm.url",
                         is_slurm ? "found none, expected the url of the site's slurmrestd"
                                  : "the site's engine is another one than slurm");
    if ((site->slurm_key != NULL && site->slurm_key[0] != '\0') != is_slurm)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "slurm.key",
                         is_slurm ? "found none, expected the path of the key's file"
                                  : "the site's engine is another one than slurm");
    return check_note(site->slurm_url, "slurm.url", answer) &&
           check_note(site->slurm_key, "slurm.key", answer) &&
           check_note(site->slurm_user, "slurm.user", answer) &&
           check_note(site->slurm_conf, "slurm.conf", answer) &&
           check_note(site->slurm_log_command, "slurm.log_command", answer);
}

/* Another engine would know nothing of the attempts that the one before was given. */
static int check_engine_stays(const struct dr_core *core, const struct dr_fact_site_set *site,
                              struct dr_answer *answer)
{
    const struct dr_site *known;

    if (site->site > core->sites_count)
        return 1;
    known = &core->sites[site->site - 1];
    if (known->engine == site->engine)
        return 1;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row))
        if (core->pools[dr_job_run(core, &core->jobs[row])->pool.v - 1].site.v == site->site)
            return dr_refuse(answer, DR_REFUSAL_STATE, "engine",
                             "job %llu is at site %s, whose engine can't be another one before "
                             "its last attempt has ended",
                             (unsigned long long)core->jobs[row].id.v, known->name);
    return 1;
}

static int check_site(const struct dr_core *core, struct dr_fact_site_set *site,
                      struct dr_answer *answer)
{
    if (!check_id(&site->site, core->sites_count, DR_SITES_MAX, "site", answer) ||
        !check_stays(site->site, sites, "site", answer) ||
        !check_name(site->name, dr_site_named(core, site->name).v, site->site, "site", answer) ||
        !check_amount(site->power_cap_w, POWER_MAX_W, "power_cap", answer))
        return 0;
    if (site->pue_milli < 1000 || site->pue_milli > 10000)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "pue",
                         "found %u thousandths, expected 1 to 10", site->pue_milli);
    if (site->tariff_micro_count != DR_TARIFF_HOURS)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "tariff", "found %u prices, expected %d",
                         site->tariff_micro_count, DR_TARIFF_HOURS);
    for (uint32_t i = 0; i < DR_TARIFF_HOURS; i += 1)
        if (!check_amount(site->tariff_micro[i], PRICE_MAX, "tariff", answer))
            return 0;
    if (site->utc_offset_min < -1440 || site->utc_offset_min > 1440)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "utc_offset",
                         "found %d minutes, expected at most a day", site->utc_offset_min);
    if (site->zone > core->zones_count || (site->zone != 0 && core->zones[site->zone - 1].removed))
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "zone", "there is no such zone");
    if (site->power_down && site->engine == DR_ENGINE_LOCAL)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "power_down",
                         "the local engine can't switch this machine off and on");
    if (site->power_down && site->engine == DR_ENGINE_SLURM)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "power_down",
                         "the nodes of a Slurm cluster are switched off and on by its own rules");
    if (site->engine > DR_ENGINE_SLURM)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "engine", "there is no such engine");
    return check_slurm(site, answer) && check_engine_stays(core, site, answer);
}

static int check_group(const struct dr_core *core, struct dr_fact_group_set *group,
                       struct dr_answer *answer)
{
    if (!check_id(&group->group, core->groups_count, core->limits.groups_max, "group", answer) ||
        !check_stays(group->group, groups, "group", answer) ||
        !check_name(group->name, dr_group_named(core, group->name).v, group->group, "group",
                    answer))
        return 0;
    if (group->resource >= DR_RESOURCE_COUNT)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "resource", "there is no such resource");
    if (group->group > core->groups_count)
        return 1;
    if (core->groups[group->group - 1].resource != group->resource)
        return dr_refuse(answer, DR_REFUSAL_STATE, "resource",
                         "the resource of group %s never changes",
                         core->groups[group->group - 1].name);
    return 1;
}

static int check_nothing_guaranteed(const struct dr_core *core, uint32_t group,
                                    struct dr_answer *answer)
{
    uint32_t allocation = dr_allocation_of(core, 0, group);

    if (allocation != 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "group", "allocation %s is in group %s",
                         core->allocations[allocation - 1].name, core->groups[group - 1].name);
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        if (dr_quota_at(core, (dr_account_id){row + 1}, (dr_group_id){group})->guarantee != 0)
            return dr_refuse(answer, DR_REFUSAL_STATE, "group",
                             "account %s is still guaranteed something in group %s",
                             core->accounts[row].name, core->groups[group - 1].name);
    return 1;
}

/* No pool may count in a group that goes, and no account be guaranteed anything in it. */
static int check_group_removed(const struct dr_core *core,
                               const struct dr_fact_group_removed *removed,
                               struct dr_answer *answer)
{
    const struct dr_group *group;
    dr_pool_id pool;

    if (!check_known(removed->group, core->groups_count, "group", answer))
        return 0;
    group = &core->groups[removed->group - 1];
    answer->unchanged = group->removed;
    pool = dr_pool_on(core, 0, 0, removed->group, 0, 0);
    if (pool.v != 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "group", "pool %s still counts in group %s",
                         core->pools[pool.v - 1].name, group->name);
    return check_nothing_guaranteed(core, removed->group, answer);
}

static int check_pool(const struct dr_core *core, struct dr_fact_pool_set *pool,
                      struct dr_answer *answer)
{
    uint32_t below = 1;

    if (!check_id(&pool->pool, core->pools_count, core->limits.pools_max, "pool", answer) ||
        !check_stays(pool->pool, pools, "pool", answer) ||
        !check_known(pool->site, core->sites_count, "site", answer) ||
        !check_name(pool->name, dr_pool_named(core, (dr_site_id){pool->site}, pool->name).v,
                    pool->pool, "pool", answer))
        return 0;
    if (core->sites[pool->site - 1].removed || core->sites[pool->site - 1].leaving)
        return dr_refuse(answer, DR_REFUSAL_STATE, "site", "site %s has left or is leaving",
                         core->sites[pool->site - 1].name);
    if (pool->chip > core->chips_count)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "chip", "there is no such chip");
    if (pool->chip != 0 &&
        (core->chips[pool->chip - 1].removed || core->chips[pool->chip - 1].leaving))
        return dr_refuse(answer, DR_REFUSAL_STATE, "chip", "chip %s has left or is leaving",
                         core->chips[pool->chip - 1].name);
    if (pool->accelerators > DR_ACCELERATORS_MAX || (pool->chip == 0) != (pool->accelerators == 0))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "accelerators",
                         "found %u per node, expected 1 to %u with a chip and 0 without one",
                         pool->accelerators, DR_ACCELERATORS_MAX);
    if (!check_known(pool->owner, core->accounts_count, "owner", answer) ||
        !check_amount(pool->memory_mb, AMOUNT_MAX, "memory", answer) ||
        !check_amount(pool->node_idle_w, POWER_MAX_W, "node_idle_w", answer) ||
        !check_amount(pool->default_limit_us, DURATION_MAX, "default_limit", answer) ||
        !check_amount(pool->default_memory_per_cpu_mb, pool->memory_mb, "default_memory_per_cpu",
                      answer) ||
        !check_amount(pool->default_memory_per_accelerator_mb, pool->memory_mb,
                      "default_memory_per_accelerator", answer))
        return 0;
    if (core->accounts[pool->owner - 1].removed || core->accounts[pool->owner - 1].leaving)
        return dr_refuse(answer, DR_REFUSAL_STATE, "owner", "account %s has left or is leaving",
                         core->accounts[pool->owner - 1].name);
    if (pool->cpus == 0)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "cpus", "a node has CPUs");
    if (pool->levels_count > DR_LEVELS_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "levels", "found %u, expected at most %u",
                         pool->levels_count, DR_LEVELS_MAX);
    for (uint32_t i = 0; i < pool->levels_count; i += 1) {
        if (!dr_name_valid(pool->levels[i].name))
            return dr_refuse(answer, DR_REFUSAL_INVALID, "levels",
                             "found '%s', expected the name of a level", pool->levels[i].name);
        if (pool->levels[i].nodes < below || pool->levels[i].nodes % below != 0)
            return dr_refuse(answer, DR_REFUSAL_INVALID, "levels",
                             "level %s has %u nodes, expected a multiple of %u",
                             pool->levels[i].name, pool->levels[i].nodes, below);
        below = pool->levels[i].nodes;
    }
    if (pool->groups_count != DR_RESOURCE_COUNT)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "groups", "expected one group per resource");
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
        if (pool->groups[i] == 0 || pool->groups[i] > core->groups_count ||
            core->groups[pool->groups[i] - 1].removed ||
            core->groups[pool->groups[i] - 1].resource != i)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "groups", "there is no such group for %s",
                             dr_resource_name((enum dr_resource)i));
    if (pool->consent_count > DR_COUNT_OF(core->pools[0].consent))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "consent",
                         "found %u accounts, expected at "
                         "most %zu",
                         pool->consent_count, DR_COUNT_OF(core->pools[0].consent));
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        if (pool->consent[i] == 0 || pool->consent[i] > core->accounts_count)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "consent", "there is no such account");
    if (pool->pool <= core->pools_count) {
        const struct dr_pool *known = &core->pools[pool->pool - 1];

        if (known->site.v != pool->site || known->chip.v != pool->chip ||
            known->accelerators != pool->accelerators)
            return dr_refuse(answer, DR_REFUSAL_STATE, "pool",
                             "the site, chip and accelerators per node of pool %s never change; "
                             "declare another pool and remove this one",
                             known->name);
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            if (known->groups[i].v != pool->groups[i])
                return dr_refuse(answer, DR_REFUSAL_STATE, "groups",
                                 "the quota groups of pool %s never change", known->name);
    }
    answer->id = pool->pool;
    return 1;
}

static int check_nodes_added(const struct dr_core *core, struct dr_fact_nodes_added *nodes,
                             struct dr_answer *answer)
{
    const struct dr_pool *pool;

    if (!check_known(nodes->pool, core->pools_count, "pool", answer))
        return 0;
    pool = &core->pools[nodes->pool - 1];
    if (pool->removed || pool->leaving)
        return dr_refuse(answer, DR_REFUSAL_STATE, "pool", "pool %s %s", pool->name,
                         pool->removed ? "was removed" : "is leaving");
    if (nodes->node == 0)
        nodes->node = core->nodes_count + 1;
    if (nodes->node != core->nodes_count + 1)
        return dr_refuse(answer, DR_REFUSAL_STATE, "node", "found first id %u, expected %u",
                         nodes->node, core->nodes_count + 1);
    if (nodes->count == 0 || nodes->count > core->limits.nodes_max - core->nodes_count)
        return dr_refuse(answer, DR_REFUSAL_FULL, "nodes", "found %u, expected 1 to %u",
                         nodes->count, core->limits.nodes_max - core->nodes_count);
    if (pool->ranges_count == DR_POOL_RANGES_MAX)
        return dr_refuse(answer, DR_REFUSAL_FULL, "nodes",
                         "pool %s has grown %u times already; declare another pool", pool->name,
                         DR_POOL_RANGES_MAX);
    answer->id = nodes->node;
    return 1;
}

/* The accounts below one may not be guaranteed more than it is, in groups that it does not name
 * either. */
static int check_children(const struct dr_core *core, const struct dr_fact_account_set *account,
                          struct dr_answer *answer)
{
    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        int64_t guarantee = 0;
        int64_t children = 0;

        for (uint32_t i = 0; i < account->limits_count; i += 1)
            if (account->limits[i].group.v == g + 1)
                guarantee = account->limits[i].guarantee;
        for (uint32_t row = core->accounts[account->account - 1].first_child; row != DR_ROW_NONE;
             row = core->accounts[row].next_sibling)
            children += dr_quota_stated(core, (dr_account_id){row + 1}, (dr_group_id){g + 1});
        if (account->parent == 0) /* it has what there is, whatever is allocated of it */
            children += dr_allocated_most(core, (dr_group_id){g + 1}, NULL);
        if (children > guarantee)
            return dr_refuse(answer, DR_REFUSAL_LIMIT, "guarantees",
                             "guarantee of %lld in group %s is less than the %lld of the accounts "
                             "below it",
                             (long long)guarantee, core->groups[g].name, (long long)children);
    }
    return 1;
}

static int check_account(const struct dr_core *core, struct dr_fact_account_set *account,
                         struct dr_answer *answer)
{
    int is_new;

    if (!check_id(&account->account, core->accounts_count, core->limits.accounts_max, "account",
                  answer) ||
        !check_stays(account->account, accounts, "account", answer))
        return 0;
    is_new = account->account == core->accounts_count + 1;
    if (!check_name(account->name, dr_account_named(core, account->name).v, account->account,
                    "account", answer))
        return 0;
    if ((account->account == 1) != (account->parent == 0))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "parent",
                         "the first account is the root and has no parent; every other one has");
    if (account->parent >= account->account ||
        (account->parent != 0 && (core->accounts[account->parent - 1].removed ||
                                  core->accounts[account->parent - 1].leaving)))
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "parent", "there is no such account");
    if (account->weight == 0 || account->weight > 1000000000)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "weight",
                         "found %u thousandths, expected 0.001 to 1000000", account->weight);
    if (!check_amount(account->default_limit_us, DURATION_MAX, "default_limit", answer))
        return 0;
    if (!is_new && core->accounts[account->account - 1].parent.v != account->parent)
        return dr_refuse(answer, DR_REFUSAL_STATE, "parent",
                         "the parent of an account never "
                         "changes");
    if (is_new && account->parent != 0) {
        const struct dr_account *parent = &core->accounts[account->parent - 1];

        if (parent->depth + 1 >= DR_DEPTH_MAX)
            return dr_refuse(answer, DR_REFUSAL_INVALID, "parent",
                             "the tree would be deeper than %u accounts", DR_DEPTH_MAX);
        if (parent->first_child == DR_ROW_NONE && parent->jobs_live > 0)
            return dr_refuse(answer, DR_REFUSAL_STATE, "parent",
                             "account %s has %u live jobs of its own; jobs belong to leaves",
                             parent->name, parent->jobs_live);
    }
    for (uint32_t i = 0; i < account->limits_count; i += 1) {
        const struct dr_quota_limits *limits = &account->limits[i];
        const char *group;
        int64_t siblings = 0;
        int64_t above;

        if (limits->group.v == 0 || limits->group.v > core->groups_count ||
            core->groups[limits->group.v - 1].removed ||
            (core->groups[limits->group.v - 1].leaving && limits->guarantee != 0))
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "guarantees", "there is no such group");
        group = core->groups[limits->group.v - 1].name;
        if (!check_amount(limits->guarantee, AMOUNT_MAX, group, answer) ||
            (limits->borrow != DR_FOREVER_US &&
             !check_amount(limits->borrow, AMOUNT_MAX, group, answer)) ||
            (limits->lend != DR_FOREVER_US &&
             !check_amount(limits->lend, AMOUNT_MAX, group, answer)))
            return 0;
        if (account->parent == 0)
            continue;
        for (uint32_t row = core->accounts[account->parent - 1].first_child; row != DR_ROW_NONE;
             row = core->accounts[row].next_sibling)
            if (row != account->account - 1)
                siblings += dr_quota_stated(core, (dr_account_id){row + 1}, limits->group);
        above = dr_quota_stated(core, (dr_account_id){account->parent}, limits->group);
        if (account->parent == 1) /* the root has what there is, whatever is allocated of it */
            siblings += dr_allocated_most(core, limits->group, NULL);
        if (siblings + limits->guarantee > above)
            return dr_refuse(
                answer, DR_REFUSAL_LIMIT, "guarantees",
                "guarantee of %lld in group %s: with %lld for its siblings that is more than the "
                "%lld of %s",
                (long long)limits->guarantee, group, (long long)siblings, (long long)above,
                core->accounts[account->parent - 1].name);
    }
    return is_new || check_children(core, account, answer);
}

static int check_no_window(const struct dr_core *core, uint32_t account, struct dr_answer *answer)
{
    const struct dr_window *window =
        dr_window_of(core, dr_window_of_account(core, (dr_account_id){account}));

    return window == NULL || dr_refuse(answer, DR_REFUSAL_STATE, "account",
                                       "advance reservation %s is for account %s", window->name,
                                       core->accounts[account - 1].name);
}

static int check_account_removed(const struct dr_core *core,
                                 const struct dr_fact_account_removed *removed,
                                 struct dr_answer *answer)
{
    const struct dr_account *account;

    if (!check_known(removed->account, core->accounts_count, "account", answer))
        return 0;
    account = &core->accounts[removed->account - 1];
    if (account->parent.v == 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account", "the root account stays");
    if (account->first_child != DR_ROW_NONE)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account", "account %s has accounts below it",
                         account->name);
    if (account->jobs_live > 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account",
                         "account %s has %u live jobs; let them end or cancel them first",
                         account->name, account->jobs_live);
    if (dr_allocation_of(core, removed->account, 0) != 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account", "allocation %s is account %s's",
                         core->allocations[dr_allocation_of(core, removed->account, 0) - 1].name,
                         account->name);
    if (!check_no_window(core, removed->account, answer))
        return 0;
    if (!account->removed && !dr_account_unused(core, (dr_account_id){removed->account}))
        return dr_refuse(answer, DR_REFUSAL_STATE, "account", "a pool still belongs to account %s",
                         account->name);
    answer->unchanged = account->removed;
    return 1;
}

static int check_allocation(const struct dr_core *core, struct dr_fact_allocation_set *allocation,
                            struct dr_answer *answer)
{
    if (!check_id(&allocation->allocation, core->allocations_count, DR_ALLOCATIONS_MAX,
                  "allocation", answer) ||
        !check_stays(allocation->allocation, allocations, "allocation", answer) ||
        !check_name(allocation->name, dr_allocation_named(core, allocation->name),
                    allocation->allocation, "allocation", answer))
        return 0;
    if (allocation->account < 2 || allocation->account > core->accounts_count ||
        core->accounts[allocation->account - 1].removed ||
        core->accounts[allocation->account - 1].leaving)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "account",
                         "there is no such account below the root");
    if (allocation->allocation <= core->allocations_count &&
        core->allocations[allocation->allocation - 1].account.v != allocation->account)
        return dr_refuse(answer, DR_REFUSAL_STATE, "account",
                         "the account of an allocation never changes");
    if (allocation->from_us < 0 || allocation->from_us >= allocation->until_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "until", "it ends before it begins");
    if (allocation->amounts_count < 1 || allocation->amounts_count > DR_ALLOCATION_GROUPS)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "amounts", "found %u groups, expected 1 to %d",
                         allocation->amounts_count, DR_ALLOCATION_GROUPS);
    for (uint32_t i = 0; i < allocation->amounts_count; i += 1) {
        const struct dr_quota_limits *amount = &allocation->amounts[i];
        int64_t sum;

        if (amount->group.v == 0 || amount->group.v > core->groups_count ||
            core->groups[amount->group.v - 1].removed || core->groups[amount->group.v - 1].leaving)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "amounts", "there is no such group");
        for (uint32_t k = 0; k < i; k += 1)
            if (allocation->amounts[k].group.v == amount->group.v)
                return dr_refuse(answer, DR_REFUSAL_INVALID, "amounts", "group %s stands twice",
                                 core->groups[amount->group.v - 1].name);
        if (!check_amount(amount->guarantee, AMOUNT_MAX, core->groups[amount->group.v - 1].name,
                          answer))
            return 0;
        sum = dr_allocated_most(core, amount->group, allocation);
        for (uint32_t row = core->accounts[0].first_child; row != DR_ROW_NONE;
             row = core->accounts[row].next_sibling)
            sum += dr_quota_stated(core, (dr_account_id){row + 1}, amount->group);
        if (sum > dr_quota_at(core, (dr_account_id){1}, amount->group)->guarantee)
            return dr_refuse(
                answer, DR_REFUSAL_LIMIT, "amounts",
                "%lld in group %s would be guaranteed at one time, more than the %lld there are",
                (long long)sum, core->groups[amount->group.v - 1].name,
                (long long)dr_quota_at(core, (dr_account_id){1}, amount->group)->guarantee);
    }
    return 1;
}

static int check_zone(const struct dr_core *core, struct dr_fact_zone_set *zone,
                      struct dr_answer *answer)
{
    return check_id(&zone->zone, core->zones_count, DR_ZONES_MAX, "zone", answer) &&
           check_stays(zone->zone, zones, "zone", answer) &&
           check_name(zone->name, dr_zone_named(core, zone->name).v, zone->zone, "zone", answer) &&
           check_amount(zone->power_cap_w, POWER_MAX_W, "power_cap", answer);
}

/* No site may lie in a zone that goes, and no cap be announced for it. */
static int check_zone_removed(const struct dr_core *core,
                              const struct dr_fact_zone_removed *removed, struct dr_answer *answer)
{
    if (!check_known(removed->zone, core->zones_count, "zone", answer))
        return 0;
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        if (!core->sites[row].removed && core->sites[row].zone.v == removed->zone)
            return dr_refuse(answer, DR_REFUSAL_STATE, "zone", "site %s still lies in zone %s",
                             core->sites[row].name, core->zones[removed->zone - 1].name);
    answer->unchanged = core->zones[removed->zone - 1].removed;
    return 1;
}

static int check_grid_cap(const struct dr_core *core, struct dr_fact_grid_cap_set *cap,
                          int64_t now_us, struct dr_answer *answer)
{
    const struct dr_grid_cap *known = dr_grid_cap_of(core, cap->cap);
    const struct dr_grid_cap *namesake;

    if (cap->cap == 0)
        cap->cap = core->grid_cap_id_last + 1;
    else if (known == NULL && cap->cap != core->grid_cap_id_last + 1)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "cap", "there is no cap with id %u", cap->cap);
    if (known == NULL && core->grid_caps_count == DR_GRID_CAPS_MAX)
        return dr_refuse(answer, DR_REFUSAL_FULL, "cap", "the table of announced caps is full (%d)",
                         DR_GRID_CAPS_MAX);
    if (cap->name[0] == '\0')
        dr_format(cap->name, sizeof cap->name, "cap-%u", cap->cap);
    namesake = dr_grid_cap_named(core, cap->name);
    if (!check_name(cap->name, namesake == NULL ? 0 : namesake->id, cap->cap, "cap", answer))
        return 0;
    if ((cap->zone == 0) == (cap->site == 0))
        return dr_refuse(answer, DR_REFUSAL_INVALID, "zone",
                         "a cap is of one zone, or of one site");
    if (cap->zone > core->zones_count || (cap->zone != 0 && core->zones[cap->zone - 1].removed))
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "zone", "there is no such zone");
    if (cap->site > core->sites_count || (cap->site != 0 && core->sites[cap->site - 1].removed))
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "site", "there is no such site");
    if (known != NULL && (known->zone.v != cap->zone || known->site.v != cap->site))
        return dr_refuse(answer, DR_REFUSAL_STATE, "zone",
                         "the zone or site of an announced cap never changes");
    if (cap->power_cap_w < 1 || cap->power_cap_w > POWER_MAX_W)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "power_cap",
                         "found %lld W, expected 1 W to %lld W", (long long)cap->power_cap_w,
                         (long long)POWER_MAX_W);
    if (cap->from_us < 0 || cap->from_us >= cap->until_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "until", "it ends before it begins");
    if (cap->until_us <= now_us)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "until", "it is over already");
    cap->declared = cap->declared != 0;
    answer->id = cap->cap;
    return 1;
}

static int check_user(const struct dr_core *core, struct dr_fact_user_set *user,
                      struct dr_answer *answer)
{
    uint32_t same;

    if (!check_id(&user->user, core->users_count, core->limits.users_max, "user", answer) ||
        !check_stays(user->user, users, "user", answer) ||
        !check_name(user->name, dr_user_named(core, user->name).v, user->user, "user", answer))
        return 0;
    same = dr_user_of_uid(core, user->uid).v;
    if (same != 0 && same != user->user)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "uid", "user %s has uid %u already",
                         core->users[same - 1].name, user->uid);
    if (user->memberships_count > DR_ROLES_MAX)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "accounts", "found %u, expected at most %u",
                         user->memberships_count, DR_ROLES_MAX);
    for (uint32_t i = 0; i < user->memberships_count; i += 1) {
        uint32_t account = user->memberships[i].account.v;

        if (account == 0 || account > core->accounts_count || core->accounts[account - 1].removed ||
            user->memberships[i].role >= DR_ROLE_COUNT)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "accounts", "there is no such account");
    }
    if (user->default_account > core->accounts_count)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "default_account", "there is no such account");
    return 1;
}

static int check_class(const struct dr_core *core, struct dr_fact_data_class_set *class,
                       struct dr_answer *answer)
{
    if (!check_id(&class->data_class, core->classes_count, DR_DATA_CLASSES_MAX, "data class",
                  answer) ||
        !check_stays(class->data_class, classes, "data class", answer) ||
        !check_name(class->name, dr_class_named(core, class->name).v, class->data_class,
                    "data class", answer))
        return 0;
    if (class->share > DR_SHARE_NONE)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "share", "there is no such way to share");
    return 1;
}

static int check_dataset(const struct dr_core *core, struct dr_fact_dataset_set *dataset,
                         struct dr_answer *answer)
{
    if (!check_id(&dataset->dataset, core->datasets_count, core->limits.datasets_max, "dataset",
                  answer) ||
        !check_stays(dataset->dataset, datasets, "dataset", answer) ||
        !check_name(dataset->name, dr_dataset_named(core, dataset->name).v, dataset->dataset,
                    "dataset", answer) ||
        !check_amount(dataset->bytes, INT64_MAX, "bytes", answer))
        return 0;
    if (dataset->data_class > core->classes_count)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "data_class", "there is no such data class");
    for (uint32_t row = core->sites_count; row < DR_SITES_MAX; row += 1)
        if (dr_site_set_has(&dataset->sites, row))
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "sites", "there is no such site");
    return 1;
}

/* Nothing may still refer to a part that goes. */
static int check_unused(const struct dr_core *core, const struct dr_fact *fact,
                        struct dr_answer *answer)
{
    uint32_t id = 0;
    dr_pool_id pool;

    if (fact->kind == DR_FACT_CHIP_REMOVED) {
        id = fact->chip_removed.chip;
        if (!check_known(id, core->chips_count, "chip", answer))
            return 0;
        answer->unchanged = core->chips[id - 1].removed;
    } else if (fact->kind == DR_FACT_SITE_REMOVED) {
        id = fact->site_removed.site;
        if (!check_known(id, core->sites_count, "site", answer))
            return 0;
        answer->unchanged = core->sites[id - 1].removed;
    } else {
        id = fact->pool_removed.pool;
        if (!check_known(id, core->pools_count, "pool", answer))
            return 0;
        answer->unchanged = core->pools[id - 1].removed;
        return dr_pool_unused(core, (dr_pool_id){id}) ||
               dr_refuse(answer, DR_REFUSAL_STATE, "pool",
                         "pool %s still has nodes; they leave once they are empty",
                         core->pools[id - 1].name);
    }
    pool = fact->kind == DR_FACT_CHIP_REMOVED ? dr_pool_on(core, 0, id, 0, 0, 0)
                                              : dr_pool_on(core, id, 0, 0, 0, 0);
    return pool.v == 0 || dr_refuse(answer, DR_REFUSAL_STATE, "", "pool %s still refers to it",
                                    core->pools[pool.v - 1].name);
}

/* What leaves later is marked only when all that uses it is on its way out: a pool's nodes drain, a
 * site's pools leave. So a part that is marked gets no new users and is gone in the end. */
static int check_leaving(const struct dr_core *core, const struct dr_fact_part_leaving *part,
                         struct dr_answer *answer)
{
    dr_pool_id pool;

    if ((part->pool != 0) + (part->site != 0) + (part->chip != 0) + (part->group != 0) +
            (part->account != 0) !=
        1)
        return dr_refuse(answer, DR_REFUSAL_INVALID, "", "expected one part");
    if (part->pool != 0) {
        if (!check_known(part->pool, core->pools_count, "pool", answer) ||
            !check_stays(part->pool, pools, "pool", answer))
            return 0;
        for (uint32_t i = 0; i < core->pools[part->pool - 1].nodes_count; i += 1) {
            uint32_t row = dr_pool_node_row(&core->pools[part->pool - 1], i);

            if (!core->nodes[row].removing && !core->nodes[row].removed)
                return dr_refuse(answer, DR_REFUSAL_STATE, "pool",
                                 "pool %s has nodes that stay; they are to leave first",
                                 core->pools[part->pool - 1].name);
        }
        answer->unchanged = core->pools[part->pool - 1].leaving;
        return 1;
    }
    if (part->site != 0) {
        if (!check_known(part->site, core->sites_count, "site", answer) ||
            !check_stays(part->site, sites, "site", answer))
            return 0;
        answer->unchanged = core->sites[part->site - 1].leaving;
    } else if (part->chip != 0) {
        if (!check_known(part->chip, core->chips_count, "chip", answer) ||
            !check_stays(part->chip, chips, "chip", answer))
            return 0;
        answer->unchanged = core->chips[part->chip - 1].leaving;
    } else if (part->group != 0) {
        if (!check_known(part->group, core->groups_count, "group", answer) ||
            !check_stays(part->group, groups, "group", answer) ||
            !check_nothing_guaranteed(core, part->group, answer))
            return 0;
        answer->unchanged = core->groups[part->group - 1].leaving;
    } else {
        if (!check_known(part->account, core->accounts_count, "account", answer) ||
            !check_stays(part->account, accounts, "account", answer))
            return 0;
        if (core->accounts[part->account - 1].parent.v == 0)
            return dr_refuse(answer, DR_REFUSAL_STATE, "account", "the root account stays");
        for (uint32_t row = core->accounts[part->account - 1].first_child; row != DR_ROW_NONE;
             row = core->accounts[row].next_sibling)
            if (!core->accounts[row].leaving)
                return dr_refuse(answer, DR_REFUSAL_STATE, "account",
                                 "account %s below it stays; it is to leave first",
                                 core->accounts[row].name);
        if (dr_allocation_of(core, part->account, 0) != 0)
            return dr_refuse(answer, DR_REFUSAL_STATE, "account", "allocation %s is its",
                             core->allocations[dr_allocation_of(core, part->account, 0) - 1].name);
        if (!check_no_window(core, part->account, answer))
            return 0;
        answer->unchanged = core->accounts[part->account - 1].leaving;
    }
    pool = dr_pool_on(core, part->site, part->chip, part->group, part->account, 1);
    return pool.v == 0 ||
           dr_refuse(answer, DR_REFUSAL_STATE, "", "pool %s, which stays, still refers to it",
                     core->pools[pool.v - 1].name);
}

static int check_leaving_node(const struct dr_core *core, struct dr_fact_node_flags *flags,
                              struct dr_answer *answer)
{
    if (!check_known(flags->node, core->nodes_count, "node", answer))
        return 0;
    if (flags->removed && core->nodes[flags->node - 1].tasks > 0)
        return dr_refuse(answer, DR_REFUSAL_STATE, "node", "the node still has attempts");
    flags->drained = 1;
    flags->removing = 1;
    flags->down = core->nodes[flags->node - 1].down;
    return 1;
}

static int check_token(const struct dr_core *core, const struct dr_command *command,
                       struct dr_fact *fact, struct dr_answer *answer)
{
    uint8_t roles = dr_command_roles(core, command, (dr_account_id){0});
    uint32_t user;

    if (fact->kind == DR_FACT_TOKEN_ISSUED) {
        user = fact->token_issued.token_user;
        if (!check_id(&fact->token_issued.token, core->tokens_count, core->limits.tokens_max,
                      "token", answer))
            return 0;
        if (answer->id != core->tokens_count + 1)
            return dr_refuse(answer, DR_REFUSAL_STATE, "token", "a token's id is used once");
        if (user == 0 || user > core->users_count || core->users[user - 1].removed)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "user", "there is no such user");
    } else {
        if (!check_known(fact->token_revoked.token, core->tokens_count, "token", answer))
            return 0;
        user = core->tokens[fact->token_revoked.token - 1].user.v;
        answer->unchanged = core->tokens[fact->token_revoked.token - 1].revoked;
    }
    if (!(roles & DR_ROLE_BIT(ADMIN)) && user != command->user.v)
        return dr_refuse(answer, DR_REFUSAL_DENIED, "user",
                         "only admins deal with other users' tokens");
    return 1;
}

int dr_check_declare(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                     struct dr_fact *settled, struct dr_answer *answer)
{
    const struct dr_window *window;
    uint8_t roles;

    *settled = command->body.declare;
    settled->user = command->user;
    settled->token = command->token;
    settled->source = command->source;
    settled->reason = command->reason;
    if (command->kind == DR_COMMAND_TOKEN) {
        if (settled->kind != DR_FACT_TOKEN_ISSUED && settled->kind != DR_FACT_TOKEN_REVOKED)
            return dr_refuse(answer, DR_REFUSAL_INVALID, "", "this is no token command");
        return check_token(core, command, settled, answer);
    }
    if (command->kind == DR_COMMAND_ERASE) {
        if (settled->kind != DR_FACT_TEXT_ERASED || settled->text_erased.text == 0)
            return dr_refuse(answer, DR_REFUSAL_INVALID, "", "this erases nothing");
        return 1;
    }
    roles = dr_command_roles(core, command, (dr_account_id){0});
    /* What the grid asks for is for operators, until it stands in the federation's file. */
    if (settled->kind == DR_FACT_GRID_CAP_SET || settled->kind == DR_FACT_GRID_CAP_REMOVED) {
        const struct dr_grid_cap *known = dr_grid_cap_of(core, settled->kind == DR_FACT_GRID_CAP_SET
                                                                   ? settled->grid_cap_set.cap
                                                                   : settled->grid_cap_removed.cap);
        int declared = (known != NULL && known->declared) ||
                       (settled->kind == DR_FACT_GRID_CAP_SET && settled->grid_cap_set.declared);

        if (!(roles & DR_ROLE_BIT(ADMIN)) && (declared || !(roles & DR_ROLE_BIT(OPERATOR))))
            return dr_refuse(answer, DR_REFUSAL_DENIED, "",
                             declared ? "only admins change caps of the federation's file"
                                      : "only operators and admins announce caps");
        if (settled->kind == DR_FACT_GRID_CAP_SET)
            return check_grid_cap(core, &settled->grid_cap_set, now_us, answer);
        if (known == NULL)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "cap", "there is no cap with id %u",
                             settled->grid_cap_removed.cap);
        answer->id = known->id;
        return 1;
    }
    if (settled->kind == DR_FACT_WINDOW_MADE || settled->kind == DR_FACT_WINDOW_DROPPED) {
        if (!(roles & (DR_ROLE_BIT(OPERATOR) | DR_ROLE_BIT(ADMIN))))
            return dr_refuse(answer, DR_REFUSAL_DENIED, "",
                             "only operators and admins reserve nodes in advance");
        if (settled->kind == DR_FACT_WINDOW_MADE)
            return dr_check_window(core, &settled->window_made, now_us, answer);
        window = dr_window_of(core, settled->window_dropped.window);
        if (window == NULL)
            return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "reservation",
                             "there is no advance reservation with id %u",
                             settled->window_dropped.window);
        settled->window_dropped.over = 0;
        dr_copy_name(settled->window_dropped.name, window->name);
        answer->id = settled->window_dropped.window;
        return 1;
    }
    if (!(roles & DR_ROLE_BIT(ADMIN)))
        return dr_refuse(answer, DR_REFUSAL_DENIED, "", "only admins change the federation");
    /* Only declarations are commands; what happens to jobs is not to be declared. */
    if (settled->kind == DR_FACT_SETTINGS_SET)
        return check_settings(&settled->settings_set, answer);
    if (settled->kind == DR_FACT_CHIP_SET)
        return check_chip(core, &settled->chip_set, answer);
    if (settled->kind == DR_FACT_SITE_SET)
        return check_site(core, &settled->site_set, answer);
    if (settled->kind == DR_FACT_GROUP_SET)
        return check_group(core, &settled->group_set, answer);
    if (settled->kind == DR_FACT_GROUP_REMOVED)
        return check_group_removed(core, &settled->group_removed, answer);
    if (settled->kind == DR_FACT_PART_LEAVING)
        return check_leaving(core, &settled->part_leaving, answer);
    if (settled->kind == DR_FACT_POOL_SET)
        return check_pool(core, &settled->pool_set, answer);
    if (settled->kind == DR_FACT_NODES_ADDED)
        return check_nodes_added(core, &settled->nodes_added, answer);
    if (settled->kind == DR_FACT_NODE_FLAGS)
        return check_leaving_node(core, &settled->node_flags, answer);
    if (settled->kind == DR_FACT_DATA_CLASS_SET)
        return check_class(core, &settled->data_class_set, answer);
    if (settled->kind == DR_FACT_DATASET_SET)
        return check_dataset(core, &settled->dataset_set, answer);
    if (settled->kind == DR_FACT_ACCOUNT_SET)
        return check_account(core, &settled->account_set, answer);
    if (settled->kind == DR_FACT_ACCOUNT_REMOVED)
        return check_account_removed(core, &settled->account_removed, answer);
    if (settled->kind == DR_FACT_ALLOCATION_SET)
        return check_allocation(core, &settled->allocation_set, answer);
    if (settled->kind == DR_FACT_ALLOCATION_REMOVED) {
        uint32_t allocation = settled->allocation_removed.allocation;

        if (!check_known(allocation, core->allocations_count, "allocation", answer))
            return 0;
        answer->unchanged = core->allocations[allocation - 1].removed;
        return 1;
    }
    if (settled->kind == DR_FACT_ZONE_SET)
        return check_zone(core, &settled->zone_set, answer);
    if (settled->kind == DR_FACT_ZONE_REMOVED)
        return check_zone_removed(core, &settled->zone_removed, answer);
    if (settled->kind == DR_FACT_USER_SET)
        return check_user(core, &settled->user_set, answer);
    if (settled->kind == DR_FACT_CHIP_REMOVED || settled->kind == DR_FACT_SITE_REMOVED ||
        settled->kind == DR_FACT_POOL_REMOVED)
        return check_unused(core, settled, answer);
    if (settled->kind == DR_FACT_DATA_CLASS_REMOVED)
        return check_known(settled->data_class_removed.data_class, core->classes_count,
                           "data class", answer);
    if (settled->kind == DR_FACT_DATASET_REMOVED)
        return check_known(settled->dataset_removed.dataset, core->datasets_count, "dataset",
                           answer);
    if (settled->kind == DR_FACT_USER_REMOVED)
        return check_known(settled->user_removed.user, core->users_count, "user", answer);
    return dr_refuse(answer, DR_REFUSAL_INVALID, "", "this is not a declaration");
}
