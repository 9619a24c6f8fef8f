/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: made once, looked into by name, and their indexes rebuilt. */
#include "core/state.h"

#include "base/math.h"
#include "core/ends.h"
#include "core/fits.h"
#include "core/gate.h"
#include "core/slack.h"
#include "core/lent.h"
#include "core/mix.h"
#include "core/place.h"
#include "core/power.h"
#include "core/seats.h"
#include "core/quota.h"
#include "core/rows.h"
#include "core/timer.h"
#include "core/vacancy.h"
#include "core/window.h"

const struct dr_limits DR_LIMITS_DEFAULT = {
    .jobs_max = 1200000,
    .nodes_max = 524288,
    .pools_max = 1024,
    .accounts_max = 16384,
    .users_max = 65536,
    .tokens_max = 65536,
    .groups_max = 192,
    .datasets_max = 4096,
    .extents_max = 4u << 20,
};

/* ---- opening ---- */

#define SCRATCH_BYTES ((size_t)256 << 20)

static enum dr_status push(struct dr_core *core, void *table, size_t count, size_t bytes)
{
    void *rows = dr_arena_push(&core->tables, count, bytes);

    if (rows == NULL)
        return DR_E_FULL;
    memcpy(table, &rows, sizeof rows);
    return DR_OK;
}

static enum dr_status push_tables(struct dr_core *core)
{
    const struct dr_limits *limits = &core->limits;
    enum dr_status status = DR_OK;

    core->edges_max = limits->jobs_max;
#define TABLE(field, count) \
    if (status == DR_OK)    \
    status = push(core, &core->field, count, sizeof core->field[0])
    TABLE(chips, DR_CHIPS_MAX);
    TABLE(sites, DR_SITES_MAX);
    TABLE(site_slurm, DR_SITES_MAX);
    TABLE(pools, limits->pools_max);
    TABLE(nodes, limits->nodes_max);
    TABLE(node_notes, limits->nodes_max);
    TABLE(device_shares, limits->nodes_max);
    TABLE(classes, DR_DATA_CLASSES_MAX);
    TABLE(datasets, limits->datasets_max);
    TABLE(groups, limits->groups_max);
    TABLE(accounts, limits->accounts_max);
    TABLE(quotas, (size_t)limits->accounts_max * limits->groups_max);
    core->quota_words = (limits->groups_max + 63) / 64;
    TABLE(quotas_used, (size_t)limits->accounts_max * core->quota_words);
    TABLE(allocations, DR_ALLOCATIONS_MAX);
    TABLE(zones, DR_ZONES_MAX);
    TABLE(grid_caps, DR_GRID_CAPS_MAX);
    TABLE(windows, DR_WINDOWS_MAX);
    TABLE(users, limits->users_max);
    TABLE(tokens, limits->tokens_max);
    TABLE(jobs, limits->jobs_max);
    TABLE(shapes, limits->jobs_max);
    TABLE(terms, limits->jobs_max);
    TABLE(runs, limits->jobs_max + (size_t)1);
    TABLE(ties, limits->jobs_max + (size_t)1);
    TABLE(extents, limits->extents_max);
    TABLE(edges, core->edges_max);
    TABLE(arrays, limits->jobs_max);
    TABLE(doomed, limits->jobs_max);
#undef TABLE
#define MAP(map, table, key)                                                                   \
    if (status == DR_OK)                                                                       \
    status = dr_row_map_init(&core->map, &core->tables, limits->jobs_max, &core->table[0].key, \
                             sizeof core->table[0].key, sizeof core->table[0])
    MAP(job_rows, jobs, id.v);
    MAP(shape_rows, shapes, hash);
    MAP(terms_rows, terms, hash);
    MAP(array_rows, arrays, array_job);
#undef MAP
    if (status == DR_OK)
        status = dr_seats_open(core);
    if (status == DR_OK)
        status = dr_fits_open(core);
    if (status == DR_OK)
        status = dr_queue_init(core);
    if (status == DR_OK)
        status = dr_mix_open(core);
    if (status == DR_OK)
        status = dr_place_open(core);
    if (status == DR_OK)
        status = dr_ends_open(core);
    if (status == DR_OK)
        status = dr_vacancy_open(core);
    if (status == DR_OK)
        status = dr_lent_open(core);
    if (status == DR_OK)
        status = dr_gate_open(core);
    if (status == DR_OK)
        status = dr_slack_open(core);
    if (status == DR_OK)
        status = dr_timer_open(core);
    if (status == DR_OK)
        status = dr_power_open(core);
    if (status == DR_OK)
        status = dr_window_open(core);
    return status;
}

enum dr_status dr_core_open(struct dr_core **core, const struct dr_limits *limits)
{
    struct dr_arena tables;
    struct dr_core *made;
    /* Address space for everything above, generously: pages are touched as they are used. */
    size_t reserve = (size_t)64 << 20;

    DR_ASSERT(limits->pools_max <= DR_POOLS_MAX);
    reserve += (size_t)limits->jobs_max *
               (sizeof(struct dr_job) + sizeof(struct dr_shape) + sizeof(struct dr_terms) +
                sizeof(struct dr_run) + sizeof(struct dr_edge) + sizeof(struct dr_array) +
                sizeof(struct dr_fit_shape) + 1024);
    reserve += (size_t)limits->nodes_max *
               (sizeof(struct dr_node) + DR_NOTE_BYTES + sizeof(*core)->device_shares[0] + 512);
    reserve += (size_t)limits->accounts_max *
               (sizeof(struct dr_account) + limits->groups_max * sizeof(struct dr_quota) + 1024);
    reserve += (size_t)limits->users_max * sizeof(struct dr_user) +
               (size_t)limits->tokens_max * sizeof(struct dr_token) +
               (size_t)limits->extents_max * sizeof(struct dr_extent_row) +
               (size_t)limits->datasets_max * sizeof(struct dr_dataset) +
               (size_t)limits->pools_max * 65536 +
               (size_t)DR_WINDOWS_MAX * (sizeof(struct dr_window) + limits->nodes_max / 8);
    if (dr_arena_init(&tables, reserve) != DR_OK)
        return DR_E_FULL;
    made = dr_arena_push(&tables, 1, sizeof *made);
    if (made == NULL) {
        dr_arena_deinit(&tables);
        return DR_E_FULL;
    }
    made->tables = tables;
    made->limits = *limits;
    if (dr_arena_init(&made->scratch, SCRATCH_BYTES) != DR_OK || push_tables(made) != DR_OK) {
        dr_core_close(made);
        return DR_E_FULL;
    }
    made->runs[0] = dr_rows_no_run();
    made->runs_high = 1;
    made->ties[0] = (struct dr_ties){DR_ROW_NONE, DR_ROW_NONE};
    made->ties_high = 1;
    dr_core_index(made);
    *core = made;
    return DR_OK;
}

void dr_core_close(struct dr_core *core)
{
    struct dr_arena tables;

    if (core == NULL)
        return;
    dr_arena_deinit(&core->scratch);
    dr_place_close(core);
    tables = core->tables; /* the core itself lies in it */
    dr_arena_deinit(&tables);
}

struct dr_fact_settings_set dr_settings_fact(const struct dr_settings *settings)
{
    struct dr_fact_settings_set fact = {
        .half_life_us = settings->half_life_us,
        .minimum_run_us = settings->minimum_run_us,
        .loss_cap_us = settings->loss_cap_us,
        .preemption_credit_us = settings->preemption_credit_us,
        .default_limit_us = settings->default_limit_us,
        .default_grace_us = settings->default_grace_us,
        .retain_ended_us = settings->retain_ended_us,
        .requeue_limit = settings->requeue_limit,
        .reserve_depth = settings->reserve_depth,
        .job_uid = settings->job_uid,
        .job_gid = settings->job_gid,
        .span_price_micro = settings->span_price_micro,
        .default_jobs_max = settings->default_jobs_max,
        .fair_preemption = settings->fair_preemption,
        .fair_minimum_run_us = settings->fair_minimum_run_us,
        .ordering = settings->ordering,
        .no_backfill = settings->no_backfill,
        .no_preemption = settings->no_preemption,
        .placement = settings->placement,
    };

    dr_copy_name(fact.name, settings->name);
    dr_copy_name(fact.currency, settings->currency);
    return fact;
}

uint64_t dr_core_seq(const struct dr_core *core)
{
    return core->seq;
}

/* ---- rebuilding the indexes ---- */

static void index_accounts(struct dr_core *core)
{
    for (uint32_t row = 0; row < core->accounts_count; row += 1) {
        struct dr_account *account = &core->accounts[row];

        account->first_child = DR_ROW_NONE;
        account->next_sibling = DR_ROW_NONE;
        account->jobs_live = 0;
        account->pending = 0;
        account->running = 0;
    }
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        dr_rows_join_parent(core, row);
}

static void index_nodes(struct dr_core *core)
{
    for (uint32_t row = 0; row < core->nodes_count; row += 1) {
        struct dr_node *node = &core->nodes[row];

        if (node->shared != 0)
            memset(core->device_shares[row], 0, sizeof core->device_shares[row]);
        node->busy = 0;
        node->promised = 0;
        node->shared = 0;
        node->cpus_used = 0;
        node->memory_mb_used = 0;
        node->tasks = 0;
        node->promises = 0;
    }
    dr_rows_capacity(core);
}

static void index_jobs(struct dr_core *core)
{
    dr_row_map_clear(&core->job_rows);
    dr_row_map_clear(&core->shape_rows);
    dr_row_map_clear(&core->terms_rows);
    dr_row_map_clear(&core->array_rows);
    core->jobs_count = 0;
    core->arrays_free = DR_ROW_NONE;
    core->arrays_high = 0;
    core->running = (struct dr_job_list){DR_ROW_NONE, DR_ROW_NONE, 0};
    core->ended = (struct dr_job_list){DR_ROW_NONE, DR_ROW_NONE, 0};
    core->doomed_count = 0;
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v != 0)
            dr_row_map_insert(&core->job_rows, row);
    for (uint32_t row = 0; row < core->shapes_high; row += 1)
        if (core->shapes[row].jobs != 0)
            dr_rows_shape_link(core, row);
    for (uint32_t row = 0; row < core->terms_high; row += 1)
        if (core->terms[row].jobs != 0)
            dr_rows_terms_link(core, row);
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v != 0)
            dr_rows_index_job(core, row);
    dr_rows_sort_ended(core);
}

static void index_leaving(struct dr_core *core)
{
    core->leaving_count = 0;
    for (uint32_t row = 0; row < core->chips_count; row += 1)
        core->leaving_count += core->chips[row].leaving;
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        core->leaving_count += core->sites[row].leaving;
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        core->leaving_count += core->pools[row].leaving;
    for (uint32_t row = 0; row < core->groups_count; row += 1)
        core->leaving_count += core->groups[row].leaving;
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        core->leaving_count += core->accounts[row].leaving;
}

void dr_core_index(struct dr_core *core)
{
    dr_queue_clear(core);
    dr_place_index(core);
    dr_timer_clear(core);
    dr_ends_clear(core);
    dr_power_clear(core);
    dr_lent_clear(core);
    dr_gate_changed(core);
    dr_slack_forget(core);
    index_accounts(core);
    index_nodes(core);
    dr_quota_index(core);
    index_jobs(core);
    index_leaving(core);
    dr_window_index(core);
    core->dirty = 1;
    core->seats->rest = (struct dr_rest){.seq = 0};
}

/* ---- reading ---- */

uint32_t dr_pool_node_row(const struct dr_pool *pool, uint32_t number)
{
    DR_ASSERT(number < pool->nodes_count);
    for (uint32_t i = 0; i < pool->ranges_count; i += 1) {
        if (number < pool->ranges[i].count)
            return pool->ranges[i].row + number;
        number -= pool->ranges[i].count;
    }
    DR_ASSERT(0 && "ranges hold nodes_count nodes");
    return 0;
}

const char *dr_node_name(const struct dr_core *core, dr_node_id node, char text[DR_NAME_BYTES + 12])
{
    const struct dr_node *at = &core->nodes[node.v - 1];
    const struct dr_pool *pool = &core->pools[at->pool.v - 1];

    return dr_format(text, DR_NAME_BYTES + 12, "%s%0*u", pool->node_prefix, (int)pool->node_digits,
                     pool->node_first + at->number);
}

dr_account_id dr_account_branch(const struct dr_core *core, dr_account_id account)
{
    while (core->accounts[account.v - 1].parent.v > 1)
        account = core->accounts[account.v - 1].parent;
    return core->accounts[account.v - 1].parent.v == 1 ? account : (dr_account_id){0};
}

int dr_pool_in_partition(const struct dr_pool *pool, const char *partition)
{
    size_t bytes = strlen(pool->partition);

    if (partition[0] == 0)
        return 1;
    for (const char *at = partition; bytes > 0 && at != NULL; at = memchr(at, ',', strlen(at))) {
        at += *at == ',';
        if (strncmp(at, pool->partition, bytes) == 0 && (at[bytes] == ',' || at[bytes] == 0))
            return 1;
    }
    return 0;
}

int dr_account_within(const struct dr_core *core, dr_account_id account, dr_account_id above)
{
    for (; account.v != 0; account = core->accounts[account.v - 1].parent)
        if (account.v == above.v)
            return 1;
    return 0;
}

dr_account_id dr_account_common(const struct dr_core *core, dr_account_id x, dr_account_id y,
                                dr_account_id *towards_x, dr_account_id *towards_y)
{
    *towards_x = x;
    *towards_y = y;
    while (x.v != y.v) {
        /* Children have higher ids than their parents. */
        if (x.v > y.v) {
            *towards_x = x;
            x = core->accounts[x.v - 1].parent;
        } else {
            *towards_y = y;
            y = core->accounts[y.v - 1].parent;
        }
    }
    return x;
}

#define NAMED(function, id_type, table)                                                \
    id_type function(const struct dr_core *core, const char *name)                     \
    {                                                                                  \
        for (uint32_t row = 0; row < core->table##_count; row += 1)                    \
            if (!core->table[row].removed && strcmp(core->table[row].name, name) == 0) \
                return (id_type){row + 1};                                             \
        return (id_type){0};                                                           \
    }

NAMED(dr_chip_named, dr_chip_id, chips)
NAMED(dr_site_named, dr_site_id, sites)
NAMED(dr_account_named, dr_account_id, accounts)
NAMED(dr_user_named, dr_user_id, users)
NAMED(dr_class_named, dr_class_id, classes)
NAMED(dr_dataset_named, dr_dataset_id, datasets)
NAMED(dr_group_named, dr_group_id, groups)
NAMED(dr_zone_named, dr_zone_id, zones)

const struct dr_grid_cap *dr_grid_cap_named(const struct dr_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        if (strcmp(core->grid_caps[i].name, name) == 0)
            return &core->grid_caps[i];
    return NULL;
}

const struct dr_window *dr_window_named(const struct dr_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->windows_count; i += 1)
        if (strcmp(core->windows[i].name, name) == 0)
            return &core->windows[i];
    return NULL;
}

const struct dr_window *dr_window_of(const struct dr_core *core, uint32_t id)
{
    for (uint32_t i = 0; i < core->windows_count; i += 1)
        if (core->windows[i].id == id)
            return &core->windows[i];
    return NULL;
}

const struct dr_grid_cap *dr_grid_cap_of(const struct dr_core *core, uint32_t id)
{
    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        if (core->grid_caps[i].id == id)
            return &core->grid_caps[i];
    return NULL;
}

uint32_t dr_allocation_named(const struct dr_core *core, const char *name)
{
    for (uint32_t row = 0; row < core->allocations_count; row += 1)
        if (!core->allocations[row].removed && strcmp(core->allocations[row].name, name) == 0)
            return row + 1;
    return 0;
}

dr_pool_id dr_pool_named(const struct dr_core *core, dr_site_id site, const char *name)
{
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        if (!core->pools[row].removed && core->pools[row].site.v == site.v &&
            strcmp(core->pools[row].name, name) == 0)
            return (dr_pool_id){row + 1};
    return (dr_pool_id){0};
}

dr_user_id dr_user_of_uid(const struct dr_core *core, uint32_t uid)
{
    for (uint32_t row = 0; row < core->users_count && uid != DR_NO_UID; row += 1)
        if (!core->users[row].removed && core->users[row].uid == uid)
            return (dr_user_id){row + 1};
    return (dr_user_id){0};
}

dr_node_id dr_node_named(const struct dr_core *core, const char *name)
{
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        size_t prefix = strlen(pool->node_prefix);
        char text[DR_NAME_BYTES + 12];
        int64_t number;

        if (pool->removed || strncmp(name, pool->node_prefix, prefix) != 0 ||
            !dr_parse_i64(name + prefix, 0, UINT32_MAX, &number) || number < pool->node_first ||
            number - pool->node_first >= pool->nodes_count)
            continue;
        dr_node_id node = {dr_pool_node_row(pool, (uint32_t)number - pool->node_first) + 1};
        if (strcmp(dr_node_name(core, node, text), name) == 0 && !core->nodes[node.v - 1].removed)
            return node;
    }
    return (dr_node_id){0};
}

uint8_t dr_user_roles(const struct dr_core *core, dr_user_id user, dr_account_id account)
{
    const struct dr_user *about;
    uint8_t roles;

    if (user.v == 0 || user.v > core->users_count || core->users[user.v - 1].removed)
        return 0;
    about = &core->users[user.v - 1];
    roles = about->roles;
    if (account.v == 0)
        return roles;
    for (uint32_t i = 0; i < about->memberships_count; i += 1)
        if (dr_account_within(core, account, about->memberships[i].account))
            roles |= (uint8_t)(1u << about->memberships[i].role);
    return roles;
}

struct dr_amounts dr_alternative_amounts(const struct dr_alternative *alternative)
{
    int64_t tasks = alternative->tasks;

    return (struct dr_amounts){{
        [DR_RESOURCE_ACCELERATORS] = tasks * alternative->accelerators_per_task,
        [DR_RESOURCE_CPUS] = tasks * alternative->cpus_per_task,
        [DR_RESOURCE_MEMORY] = tasks * alternative->memory_mb_per_task,
    }};
}

int64_t dr_job_next_limit_us(const struct dr_core *core, const struct dr_job *job,
                             uint32_t alternative)
{
    const struct dr_terms *terms = dr_job_terms(core, job);
    uint32_t factor = core->shapes[job->shape].alternatives[alternative].factor;
    int64_t least_us = terms->limit_total ? DR_SECOND_US : 1;
    int64_t left_us = job->limit_us - (terms->limit_total ? dr_job_spent_us(core, job) : 0);

    return dr_max_i64(least_us, dr_mul_div_ceil(dr_max_i64(least_us, left_us),
                                                factor == 0 ? 1000 : factor, 1000));
}

/* ---- energy ---- */

#define JOULES_PER_KWH INT64_C(3600000)

struct dr_energy dr_job_energy(const struct dr_core *core, const struct dr_job *job,
                               int64_t from_us, int64_t to_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_energy energy = {0, 0};
    const struct dr_pool *pool;
    const struct dr_site *site;
    struct dr_amounts amounts;
    int64_t power_mw = 0; /* facility milliwatts */

    if (run->pool.v == 0 || to_us <= from_us)
        return energy;
    pool = &core->pools[run->pool.v - 1];
    site = &core->sites[pool->site.v - 1];
    amounts = dr_job_holds(core, job);
    if (pool->chip.v != 0) {
        const struct dr_chip *chip = &core->chips[pool->chip.v - 1];

        power_mw += amounts.of[DR_RESOURCE_ACCELERATORS] * chip->busy_w;
    }
    if (pool->cpus > 0)
        power_mw +=
            dr_mul_div_floor(pool->node_idle_w * 1000, amounts.of[DR_RESOURCE_CPUS], pool->cpus);
    power_mw = dr_mul_div_floor(power_mw, site->pue_milli, 1000);
    while (from_us < to_us) {
        /* One hour of the tariff at a time. */
        int64_t local_us = from_us + site->utc_offset_min * DR_MINUTE_US;
        int64_t into_hour_us = ((local_us % DR_HOUR_US) + DR_HOUR_US) % DR_HOUR_US;
        int64_t until_us = dr_min_i64(to_us, from_us + DR_HOUR_US - into_hour_us);
        int64_t hour = (((local_us - into_hour_us) / DR_HOUR_US) % 24 + 24) % 24;
        int64_t microjoules = dr_mul_div_floor(power_mw, until_us - from_us, 1000);

        energy.energy_j += microjoules / 1000000;
        energy.cost_micro +=
            dr_mul_div_floor(microjoules / 1000, site->tariff_micro[hour], JOULES_PER_KWH * 1000);
        from_us = until_us;
    }
    return energy;
}
