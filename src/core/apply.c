/* SPDX-License-Identifier: Apache-2.0 */
/* dr_apply(): where state changes, and the only place. Read downwards: one function per fact, in
 * the order of core/fact_table.h.
 *
 * It asserts structure that every version keeps (the job was pending, the accelerator was free, the
 * id is the next one) and no policy: rules change, and tomorrow's program must still read
 * yesterday's facts. */
#include "base/math.h"
#include "core/allocate.h"
#include "core/ends.h"
#include "core/lent.h"
#include "core/mix.h"
#include "core/place.h"
#include "core/power.h"
#include "core/seats.h"
#include "core/quota.h"
#include "core/rows.h"
#include "core/timer.h"
#include "core/window.h"

static struct dr_job *job_at(struct dr_core *core, uint64_t id, uint32_t *row)
{
    *row = dr_row_map_find(&core->job_rows, id);
    DR_ASSERT(*row != DR_MAP_NONE);
    return &core->jobs[*row];
}

static void effect(struct dr_batch *batch, struct dr_effect effect)
{
    if (batch == NULL)
        return;
    DR_ASSERT(batch->effects_count < batch->effects_max);
    batch->effects[batch->effects_count] = effect;
    batch->effects_count += 1;
}

static dr_site_id site_of(const struct dr_core *core, const struct dr_job *job)
{
    return core->pools[dr_job_run(core, job)->pool.v - 1].site;
}

/* ---- the controller ---- */

static void apply_leader_took(struct dr_core *core, const struct dr_fact_leader_took *fact)
{
    DR_ASSERT(fact->epoch > core->epoch); /* I7 */
    core->epoch = fact->epoch;
}

/* Caps that were over before the instant. */
static void forget_grid_caps(struct dr_core *core, int64_t before_us)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
        if (core->grid_caps[i].until_us >= before_us) {
            core->grid_caps[kept] = core->grid_caps[i];
            kept += 1;
        }
    if (kept == core->grid_caps_count)
        return;
    core->grid_caps_count = kept;
    dr_power_schedule(core);
}

static void apply_tick(struct dr_core *core, const struct dr_fact_tick *fact, int64_t now_us)
{
    dr_quota_tick(core, now_us, fact->decay);
    core->tick_us = now_us;
    dr_place_touch_all(core);
    dr_seats_wake_all(core->seats); /* what memory has missed waits no longer than this */
    dr_mix_tick(core);
    forget_grid_caps(core, fact->forget_before_us);
    while (core->ended.first != DR_ROW_NONE &&
           dr_job_run(core, &core->jobs[core->ended.first])->ended_us < fact->forget_before_us)
        dr_rows_job_free(core, core->ended.first);
}

static void apply_settings_set(struct dr_core *core, const struct dr_fact_settings_set *fact)
{
    struct dr_settings *settings = &core->settings;

    dr_copy_name(settings->name, fact->name);
    dr_copy_name(settings->currency, fact->currency);
    settings->half_life_us = fact->half_life_us;
    settings->minimum_run_us = fact->minimum_run_us;
    if (core->power->flexible_count > 0)
        dr_power_schedule(core); /* from when on a flexible attempt may be taken */
    settings->loss_cap_us = fact->loss_cap_us;
    settings->preemption_credit_us = fact->preemption_credit_us;
    settings->default_limit_us = fact->default_limit_us;
    settings->default_grace_us = fact->default_grace_us;
    settings->retain_ended_us = fact->retain_ended_us;
    settings->span_price_micro = fact->span_price_micro;
    settings->requeue_limit = fact->requeue_limit;
    settings->reserve_depth = fact->reserve_depth;
    dr_place_depth(core);
    settings->default_jobs_max = fact->default_jobs_max;
    settings->job_uid = fact->job_uid;
    settings->job_gid = fact->job_gid;
    settings->fair_preemption = fact->fair_preemption;
    settings->fair_minimum_run_us = fact->fair_minimum_run_us;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row))
        dr_lent_update(core, row); /* by the new minimum_run */
}

/* ---- the federation ---- */

/* The row that a declaration is about; a new one is the next. */
static uint32_t declared_row(uint32_t id, uint32_t *count, uint32_t count_max)
{
    DR_ASSERT(id >= 1 && id <= *count + 1 && id <= count_max);
    if (id == *count + 1)
        *count += 1;
    return id - 1;
}

/* A part that was to leave stays, since it is declared again, or has left. */
static void leaves_no_more(struct dr_core *core, uint8_t *leaving)
{
    core->leaving_count -= *leaving;
    *leaving = 0;
}

static void apply_chip_set(struct dr_core *core, const struct dr_fact_chip_set *fact)
{
    struct dr_chip *chip = &core->chips[declared_row(fact->chip, &core->chips_count, DR_CHIPS_MAX)];

    leaves_no_more(core, &chip->leaving);
    *chip = (struct dr_chip){.memory_mb = fact->memory_mb,
                             .idle_w = fact->idle_w,
                             .busy_w = fact->busy_w,
                             .price_micro = fact->price_micro,
                             .is_virtual = fact->is_virtual};
    dr_copy_name(chip->name, fact->name);
    dr_copy_name(chip->vendor, fact->vendor);
    dr_copy_name(chip->country, fact->country);
    for (uint32_t i = 0; i < fact->stacks_count && i < DR_COUNT_OF(chip->stacks); i += 1) {
        chip->stacks[i] = fact->stacks[i];
        chip->stacks_count += 1;
    }
}

static void apply_site_set(struct dr_core *core, const struct dr_fact_site_set *fact)
{
    int is_new = fact->site == core->sites_count + 1;
    uint32_t row = declared_row(fact->site, &core->sites_count, DR_SITES_MAX);
    struct dr_site *site = &core->sites[row];

    leaves_no_more(core, &site->leaving);
    *site = (struct dr_site){.assurance = fact->assurance,
                             .power_cap_w = fact->power_cap_w,
                             .zone = {fact->zone},
                             .power_short = site->power_short,
                             .power_down = fact->power_down,
                             .pue_milli = fact->pue_milli,
                             .utc_offset_min = fact->utc_offset_min,
                             .classes = fact->classes,
                             .engine = fact->engine,
                             .isolated_network = fact->isolated_network,
                             .answers = is_new ? 1 : site->answers};
    dr_copy_name(site->name, fact->name);
    dr_copy_name(site->operator_name, fact->operator_name);
    dr_copy_name(site->region, fact->region);
    dr_copy_name(site->jurisdiction, fact->jurisdiction);
    for (uint32_t i = 0; i < fact->tariff_micro_count && i < DR_TARIFF_HOURS; i += 1)
        site->tariff_micro[i] = fact->tariff_micro[i];
}

static void apply_site_reach(struct dr_core *core, const struct dr_fact_site_reach *fact)
{
    DR_ASSERT(fact->site >= 1 && fact->site <= core->sites_count);
    core->sites[fact->site - 1].answers = fact->answers;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        struct dr_job *job = &core->jobs[row];

        if (site_of(core, job).v != fact->site)
            continue;
        if (!fact->answers && job->state != DR_JOB_UNREACHABLE) {
            dr_rows_run(core, job)->before_unreachable = job->state;
            job->state = DR_JOB_UNREACHABLE;
        } else if (fact->answers && job->state == DR_JOB_UNREACHABLE) {
            job->state = dr_job_run(core, job)->before_unreachable;
        }
        dr_rows_recount(core, job);
        dr_ends_update(core, row);
        dr_power_update(core, row);
        dr_lent_update(core, row);
    }
    dr_rows_capacity(core);
}

static void apply_group_set(struct dr_core *core, const struct dr_fact_group_set *fact)
{
    int is_new = fact->group == core->groups_count + 1;
    uint32_t row = declared_row(fact->group, &core->groups_count, core->limits.groups_max);

    DR_ASSERT(fact->resource < DR_RESOURCE_COUNT);
    leaves_no_more(core, &core->groups[row].leaving);
    dr_copy_name(core->groups[row].name, fact->name);
    core->groups[row].resource = fact->resource;
    if (!is_new)
        return;
    /* No borrowing limit and everything lent, until an account says otherwise. */
    for (uint32_t a = 0; a < core->accounts_count; a += 1) {
        struct dr_quota *quota = &core->quotas[(size_t)a * core->limits.groups_max + row];

        quota->borrow = DR_FOREVER_US;
        quota->lend = DR_FOREVER_US;
    }
}

static void apply_group_removed(struct dr_core *core, const struct dr_fact_group_removed *fact)
{
    struct dr_group *group;

    DR_ASSERT(fact->group >= 1 && fact->group <= core->groups_count);
    group = &core->groups[fact->group - 1];
    leaves_no_more(core, &group->leaving);
    group->removed = 1;
    group->guaranteed = 0;
    for (uint32_t a = 0; a < core->accounts_count; a += 1) {
        struct dr_quota *quota =
            dr_quota_at(core, (dr_account_id){a + 1}, (dr_group_id){fact->group});

        DR_ASSERT(quota->use == 0 && quota->claim == 0); /* nothing is held where no pool is */
        *quota = (struct dr_quota){.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
    }
}

static void apply_pool_set(struct dr_core *core, const struct dr_fact_pool_set *fact)
{
    int is_new = fact->pool == core->pools_count + 1;
    struct dr_pool *pool =
        &core->pools[declared_row(fact->pool, &core->pools_count, core->limits.pools_max)];

    DR_ASSERT(fact->site >= 1 && fact->site <= core->sites_count);
    DR_ASSERT(fact->chip <= core->chips_count);
    DR_ASSERT(fact->accelerators <= DR_ACCELERATORS_MAX);
    DR_ASSERT(fact->groups_count == DR_RESOURCE_COUNT);
    if (is_new) {
        *pool = (struct dr_pool){
            .site = {fact->site}, .chip = {fact->chip}, .accelerators = fact->accelerators};
        for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
            pool->groups[i].v = fact->groups[i];
    }
    /* What never changes: running attempts hold their place and their quota by it. */
    DR_ASSERT(pool->site.v == fact->site && pool->chip.v == fact->chip);
    DR_ASSERT(pool->accelerators == fact->accelerators);
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        DR_ASSERT(fact->groups[i] >= 1 && fact->groups[i] <= core->groups_count);
        DR_ASSERT(pool->groups[i].v == fact->groups[i]);
    }
    leaves_no_more(core, &pool->leaving);
    pool->removed = 0;
    pool->owner.v = fact->owner;
    pool->cpus = fact->cpus;
    pool->memory_mb = fact->memory_mb;
    pool->node_idle_w = fact->node_idle_w;
    pool->node_first = fact->node_first;
    pool->node_digits = fact->node_digits;
    pool->default_limit_us = fact->default_limit_us;
    pool->default_memory_per_cpu_mb = fact->default_memory_per_cpu_mb;
    pool->default_memory_per_accelerator_mb = fact->default_memory_per_accelerator_mb;
    dr_copy_name(pool->name, fact->name);
    dr_copy_name(pool->node_prefix, fact->node_prefix);
    pool->levels_count = 0;
    for (uint32_t i = 0; i < fact->levels_count && i < DR_LEVELS_MAX; i += 1) {
        dr_copy_name(pool->levels[i].name, fact->levels[i].name);
        pool->levels[i].nodes = fact->levels[i].nodes;
        pool->levels_count += 1;
    }
    pool->consent_count = 0;
    for (uint32_t i = 0; i < fact->consent_count && i < DR_COUNT_OF(pool->consent); i += 1) {
        pool->consent[i] = fact->consent[i];
        pool->consent_count += 1;
    }
    dr_rows_capacity(core);
}

static void apply_nodes_added(struct dr_core *core, const struct dr_fact_nodes_added *fact)
{
    struct dr_pool *pool;

    DR_ASSERT(fact->pool >= 1 && fact->pool <= core->pools_count);
    DR_ASSERT(fact->node == core->nodes_count + 1);
    DR_ASSERT(fact->count <= core->limits.nodes_max - core->nodes_count);
    pool = &core->pools[fact->pool - 1];
    if (pool->ranges_count > 0 &&
        pool->ranges[pool->ranges_count - 1].row + pool->ranges[pool->ranges_count - 1].count ==
            core->nodes_count) {
        pool->ranges[pool->ranges_count - 1].count += fact->count;
    } else {
        DR_ASSERT(pool->ranges_count < DR_POOL_RANGES_MAX);
        pool->ranges[pool->ranges_count].row = core->nodes_count;
        pool->ranges[pool->ranges_count].count = fact->count;
        pool->ranges_count += 1;
    }
    for (uint32_t i = 0; i < fact->count; i += 1)
        core->nodes[core->nodes_count + i] =
            (struct dr_node){.pool = {fact->pool}, .number = pool->nodes_count + i};
    core->nodes_count += fact->count;
    pool->nodes_count += fact->count;
    dr_rows_capacity(core);
    if (core->windows_count > 0)
        dr_window_index(core); /* of a whole pool, or site */
}

static int job_uses_node(const struct dr_core *core, const struct dr_job *job, uint32_t node)
{
    for (uint32_t row = dr_job_run(core, job)->extents; row != DR_ROW_NONE;
         row = core->extents[row].next)
        if (core->extents[row].extent.node.v == node)
            return 1;
    return 0;
}

/* A node leaves or comes back: others may have a place, or a reservation, where its capacity
 * counts, and where what it draws does. */
static void touch_around(struct dr_core *core, dr_pool_id pool)
{
    const struct dr_pool *own = &core->pools[pool.v - 1];

    dr_place_touch(core, pool);
    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *other = &core->pools[row];
        int is_near = other->site.v == own->site.v || (core->sites[own->site.v - 1].zone.v != 0 &&
                                                       core->sites[own->site.v - 1].zone.v ==
                                                           core->sites[other->site.v - 1].zone.v);

        for (uint32_t resource = 0; resource < DR_RESOURCE_COUNT; resource += 1)
            is_near |= other->groups[resource].v == own->groups[resource].v;
        if (is_near)
            dr_place_unreserved(core, (dr_pool_id){row + 1});
    }
}

static void apply_node_flags(struct dr_core *core, const struct dr_fact_node_flags *fact,
                             uint64_t seq, const char *reason)
{
    struct dr_node *node;
    int was_up;

    DR_ASSERT(fact->node >= 1 && fact->node <= core->nodes_count);
    node = &core->nodes[fact->node - 1];
    was_up = dr_rows_node_changes(core, fact->node - 1);
    node->drained = fact->drained;
    node->down = fact->down;
    node->removing = fact->removing;
    node->removed = fact->removed;
    node->flags_seq = seq;
    memset(core->node_notes[fact->node - 1], 0, DR_NOTE_BYTES);
    if (reason != NULL)
        memcpy(core->node_notes[fact->node - 1], reason, strlen(reason));
    if (node->tasks > 0)
        for (uint32_t row = dr_place_attempts(core, node->pool); row != DR_ROW_NONE;
             row = dr_place_attempts_next(core, row))
            if (job_uses_node(core, &core->jobs[row], fact->node)) {
                dr_rows_recount(core, &core->jobs[row]);
                dr_ends_update(core, row); /* what it draws */
            }
    dr_rows_node_changed(core, fact->node - 1, was_up);
    dr_place_changed(core, fact->node - 1);
    touch_around(core, node->pool);
}

static void apply_data_class_set(struct dr_core *core, const struct dr_fact_data_class_set *fact)
{
    struct dr_data_class *class =
        &core->classes[declared_row(fact->data_class, &core->classes_count, DR_DATA_CLASSES_MAX)];

    *class = (struct dr_data_class){.assurance_min = fact->assurance_min, .share = fact->share};
    dr_copy_name(class->name, fact->name);
    for (uint32_t i = 0; i < fact->jurisdictions_count && i < DR_COUNT_OF(class->jurisdictions);
         i += 1) {
        class->jurisdictions[i] = fact->jurisdictions[i];
        class->jurisdictions_count += 1;
    }
}

static void apply_dataset_set(struct dr_core *core, const struct dr_fact_dataset_set *fact)
{
    struct dr_dataset *dataset = &core->datasets[declared_row(fact->dataset, &core->datasets_count,
                                                              core->limits.datasets_max)];

    *dataset = (struct dr_dataset){
        .bytes = fact->bytes, .sites = fact->sites, .data_class = {fact->data_class}};
    dr_copy_name(dataset->name, fact->name);
}

static void apply_account_set(struct dr_core *core, const struct dr_fact_account_set *fact)
{
    int is_new = fact->account == core->accounts_count + 1;
    uint32_t row = declared_row(fact->account, &core->accounts_count, core->limits.accounts_max);
    struct dr_account *account = &core->accounts[row];

    DR_ASSERT(fact->parent < fact->account); /* so that rows run from the root down */
    DR_ASSERT((fact->parent == 0) == (row == 0));
    if (is_new) {
        *account = (struct dr_account){.parent = {fact->parent}};
        dr_rows_join_parent(core, row);
        dr_seats_join(core, row);
    }
    DR_ASSERT(account->parent.v == fact->parent);
    leaves_no_more(core, &account->leaving);
    account->removed = 0;
    account->weight = fact->weight;
    dr_seats_all_changed(core->seats);
    account->preempt_below = fact->preempt_below;
    account->default_limit_us = fact->default_limit_us;
    account->jobs_max = fact->jobs_max;
    dr_copy_name(account->name, fact->name);
    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        struct dr_quota *quota = &core->quotas[(size_t)row * core->limits.groups_max + g];

        quota->guarantee = dr_allocated(core, (dr_account_id){fact->account}, (dr_group_id){g + 1});
        quota->borrow = DR_FOREVER_US;
        quota->lend = DR_FOREVER_US;
    }
    for (uint32_t i = 0; i < fact->limits_count; i += 1) {
        const struct dr_quota_limits *limits = &fact->limits[i];
        struct dr_quota *quota = dr_quota_at(core, (dr_account_id){fact->account}, limits->group);

        quota->guarantee += limits->guarantee;
        quota->borrow = limits->borrow;
        quota->lend = limits->lend;
    }
    dr_quota_refresh(core, (dr_account_id){fact->account});
}

static void apply_account_removed(struct dr_core *core, const struct dr_fact_account_removed *fact)
{
    struct dr_account *account;
    uint32_t *link;

    DR_ASSERT(fact->account >= 2 && fact->account <= core->accounts_count);
    account = &core->accounts[fact->account - 1];
    DR_ASSERT(account->jobs_live == 0 && account->first_child == DR_ROW_NONE);
    leaves_no_more(core, &account->leaving);
    account->removed = 1;
    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        struct dr_quota *quota =
            dr_quota_at(core, (dr_account_id){fact->account}, (dr_group_id){g + 1});

        quota->guarantee = 0;
        quota->lend = DR_FOREVER_US;
    }
    dr_quota_refresh(core, (dr_account_id){fact->account});
    for (link = &core->accounts[account->parent.v - 1].first_child; *link != fact->account - 1;)
        link = &core->accounts[*link].next_sibling;
    *link = account->next_sibling;
    account->next_sibling = DR_ROW_NONE;
}

/* An allocation begins, or ends, to count in the guarantees of its path. */
static void count_allocation(struct dr_core *core, const struct dr_allocation *allocation, int sign)
{
    for (dr_account_id at = allocation->account; core->accounts[at.v - 1].parent.v != 0;
         at = core->accounts[at.v - 1].parent)
        for (uint32_t i = 0; i < allocation->amounts_count; i += 1)
            dr_quota_at(core, at, allocation->amounts[i].group)->guarantee +=
                sign * allocation->amounts[i].amount;
    dr_quota_refresh(core, allocation->account);
}

static void apply_allocation_set(struct dr_core *core, const struct dr_fact_allocation_set *fact)
{
    struct dr_allocation *allocation = &core->allocations[declared_row(
        fact->allocation, &core->allocations_count, DR_ALLOCATIONS_MAX)];

    DR_ASSERT(fact->account >= 1 && fact->account <= core->accounts_count);
    DR_ASSERT(fact->amounts_count <= DR_ALLOCATION_GROUPS);
    if (allocation->active)
        count_allocation(core, allocation, -1);
    dr_copy_name(allocation->name, fact->name);
    allocation->account.v = fact->account;
    allocation->from_us = fact->from_us;
    allocation->until_us = fact->until_us;
    allocation->amounts_count = fact->amounts_count;
    for (uint32_t i = 0; i < fact->amounts_count; i += 1) {
        DR_ASSERT(fact->amounts[i].group.v >= 1 && fact->amounts[i].group.v <= core->groups_count);
        allocation->amounts[i].group = fact->amounts[i].group;
        allocation->amounts[i].amount = fact->amounts[i].guarantee;
    }
    if (allocation->active) /* a tick says when it is no more */
        count_allocation(core, allocation, 1);
}

static void apply_allocation_term(struct dr_core *core, const struct dr_fact_allocation_term *fact)
{
    struct dr_allocation *allocation;

    DR_ASSERT(fact->allocation >= 1 && fact->allocation <= core->allocations_count);
    allocation = &core->allocations[fact->allocation - 1];
    DR_ASSERT(allocation->active != fact->active && !allocation->removed);
    allocation->active = fact->active;
    count_allocation(core, allocation, fact->active ? 1 : -1);
}

static void apply_allocation_removed(struct dr_core *core,
                                     const struct dr_fact_allocation_removed *fact)
{
    struct dr_allocation *allocation;

    DR_ASSERT(fact->allocation >= 1 && fact->allocation <= core->allocations_count);
    allocation = &core->allocations[fact->allocation - 1];
    if (allocation->active)
        count_allocation(core, allocation, -1);
    allocation->active = 0;
    allocation->removed = 1;
}

static void apply_part_leaving(struct dr_core *core, const struct dr_fact_part_leaving *fact)
{
    uint8_t *leaving = NULL;

    DR_ASSERT(fact->pool <= core->pools_count && fact->site <= core->sites_count &&
              fact->chip <= core->chips_count && fact->group <= core->groups_count &&
              fact->account <= core->accounts_count);
    if (fact->pool != 0)
        leaving = &core->pools[fact->pool - 1].leaving;
    else if (fact->site != 0)
        leaving = &core->sites[fact->site - 1].leaving;
    else if (fact->chip != 0)
        leaving = &core->chips[fact->chip - 1].leaving;
    else if (fact->group != 0)
        leaving = &core->groups[fact->group - 1].leaving;
    else if (fact->account != 0)
        leaving = &core->accounts[fact->account - 1].leaving;
    DR_ASSERT(leaving != NULL);
    core->leaving_count += !*leaving;
    *leaving = 1;
}

static void apply_zone_set(struct dr_core *core, const struct dr_fact_zone_set *fact)
{
    struct dr_zone *zone = &core->zones[declared_row(fact->zone, &core->zones_count, DR_ZONES_MAX)];

    *zone = (struct dr_zone){.power_cap_w = fact->power_cap_w, .power_short = zone->power_short};
    dr_copy_name(zone->name, fact->name);
}

/* What the schedule allows has changed for everybody who waits. */
static void reschedule(struct dr_core *core)
{
    dr_power_schedule(core);
    dr_place_touch_all(core);
    dr_seats_wake_all(core->seats);
}

static void apply_grid_cap_set(struct dr_core *core, const struct dr_fact_grid_cap_set *fact)
{
    uint32_t row = 0;

    DR_ASSERT((fact->zone == 0) != (fact->site == 0));
    DR_ASSERT(fact->zone <= core->zones_count && fact->site <= core->sites_count);
    while (row < core->grid_caps_count && core->grid_caps[row].id != fact->cap)
        row += 1;
    if (row == core->grid_caps_count) {
        DR_ASSERT(fact->cap == core->grid_cap_id_last + 1);
        DR_ASSERT(core->grid_caps_count < DR_GRID_CAPS_MAX);
        core->grid_cap_id_last = fact->cap;
        core->grid_caps_count += 1;
    }
    core->grid_caps[row] = (struct dr_grid_cap){.id = fact->cap,
                                                .zone = {fact->zone},
                                                .site = {fact->site},
                                                .from_us = fact->from_us,
                                                .until_us = fact->until_us,
                                                .power_cap_w = fact->power_cap_w,
                                                .declared = fact->declared};
    dr_copy_name(core->grid_caps[row].name, fact->name);
    reschedule(core);
}

static void apply_grid_cap_removed(struct dr_core *core,
                                   const struct dr_fact_grid_cap_removed *fact)
{
    uint32_t row = 0;

    while (row < core->grid_caps_count && core->grid_caps[row].id != fact->cap)
        row += 1;
    DR_ASSERT(row < core->grid_caps_count);
    core->grid_caps_count -= 1;
    for (; row < core->grid_caps_count; row += 1)
        core->grid_caps[row] = core->grid_caps[row + 1];
    reschedule(core);
}

static void apply_window_made(struct dr_core *core, const struct dr_fact_window_made *fact)
{
    struct dr_window *window = &core->windows[core->windows_count];

    DR_ASSERT(fact->window == core->window_id_last + 1); /* I7 */
    DR_ASSERT(core->windows_count < DR_WINDOWS_MAX);
    DR_ASSERT(fact->site <= core->sites_count && fact->pool <= core->pools_count);
    DR_ASSERT(fact->accounts_count <= DR_WINDOW_ACCOUNTS);
    DR_ASSERT(fact->runs_count % 2 == 0 && fact->runs_count / 2 <= DR_WINDOW_RUNS_MAX);
    *window = (struct dr_window){.id = fact->window,
                                 .accounts_count = fact->accounts_count,
                                 .site = {fact->site},
                                 .pool = {fact->pool},
                                 .runs_count = fact->runs_count / 2,
                                 .from_us = fact->from_us,
                                 .until_us = fact->until_us,
                                 .evict = fact->evict};
    dr_copy_name(window->name, fact->name);
    for (uint32_t i = 0; i < fact->accounts_count; i += 1) {
        DR_ASSERT(fact->accounts[i] >= 1 && fact->accounts[i] <= core->accounts_count);
        window->accounts[i].v = fact->accounts[i];
    }
    for (uint32_t i = 0; i < window->runs_count; i += 1) {
        struct dr_node_run run = {fact->runs[2 * i] - 1, fact->runs[2 * i + 1]};

        DR_ASSERT(run.row < core->nodes_count && run.count <= core->nodes_count - run.row);
        window->runs[i] = run;
    }
    core->window_id_last = fact->window;
    core->windows_count += 1;
    dr_window_index(core);
}

static uint32_t window_place(const struct dr_core *core, uint32_t id)
{
    uint32_t place = 0;

    while (place < core->windows_count && core->windows[place].id != id)
        place += 1;
    DR_ASSERT(place < core->windows_count);
    return place;
}

/* Its nodes are for everybody again. */
static void apply_window_dropped(struct dr_core *core, const struct dr_fact_window_dropped *fact)
{
    uint32_t place = window_place(core, fact->window);

    core->windows_count -= 1;
    for (; place < core->windows_count; place += 1)
        core->windows[place] = core->windows[place + 1];
    dr_window_index(core);
    dr_place_touch_all(core);
    dr_seats_wake_all(core->seats);
}

static void apply_window_held(struct dr_core *core, const struct dr_fact_window_held *fact)
{
    struct dr_window *window = &core->windows[window_place(core, fact->window)];

    core->window_index->waiting -= window->begun && window->held > 0;
    window->begun = 1;
    window->held = fact->attempts;
    core->window_index->waiting += window->held > 0;
}

static void apply_power_short(struct dr_core *core, const struct dr_fact_power_short *fact)
{
    struct dr_power_short *power_short;

    DR_ASSERT((fact->zone == 0) != (fact->site == 0));
    DR_ASSERT(fact->zone <= core->zones_count && fact->site <= core->sites_count);
    power_short = fact->zone != 0 ? &core->zones[fact->zone - 1].power_short
                                  : &core->sites[fact->site - 1].power_short;
    *power_short = (struct dr_power_short){
        .missing_w = fact->missing_w, .cap_w = fact->power_cap_w, .from_us = fact->from_us};
    if (fact->missing_w == 0)
        *power_short = (struct dr_power_short){0};
    dr_power_count_shorts(core);
}

static void apply_nodes_power(struct dr_core *core, const struct dr_fact_nodes_power *fact)
{
    for (uint32_t i = 0; i < fact->nodes_count; i += 1) {
        struct dr_node *node;
        int was_up;

        DR_ASSERT(fact->nodes[i] >= 1 && fact->nodes[i] <= core->nodes_count);
        node = &core->nodes[fact->nodes[i] - 1];
        DR_ASSERT(node->tasks == 0 && node->off != fact->off);
        core->power->off_count += fact->off ? 1 : UINT32_MAX;
        was_up = dr_rows_node_changes(core, fact->nodes[i] - 1);
        node->off = fact->off;
        dr_rows_node_changed(core, fact->nodes[i] - 1, was_up);
        dr_place_changed(core, fact->nodes[i] - 1);
        touch_around(core, node->pool);
    }
}

static void apply_user_set(struct dr_core *core, const struct dr_fact_user_set *fact)
{
    struct dr_user *user =
        &core->users[declared_row(fact->user, &core->users_count, core->limits.users_max)];

    *user = (struct dr_user){.uid = fact->uid,
                             .gid = fact->gid,
                             .roles = fact->roles,
                             .default_account = {fact->default_account}};
    dr_copy_name(user->name, fact->name);
    for (uint32_t i = 0; i < fact->memberships_count && i < DR_ROLES_MAX; i += 1) {
        user->memberships[i] = fact->memberships[i];
        user->memberships_count += 1;
    }
}

static void apply_token_issued(struct dr_core *core, const struct dr_fact_token_issued *fact,
                               int64_t now_us)
{
    struct dr_token *token =
        &core->tokens[declared_row(fact->token, &core->tokens_count, core->limits.tokens_max)];

    *token = (struct dr_token){.user = {fact->token_user},
                               .roles = fact->roles,
                               .expires_us = fact->expires_us,
                               .issued_us = now_us};
    memcpy(token->secret_hash, fact->secret_hash, sizeof token->secret_hash);
    dr_copy_name(token->label, fact->label);
}

/* ---- jobs ---- */

static void apply_job_accepted(struct dr_core *core, const struct dr_fact *fact)
{
    const struct dr_fact_job_accepted *accepted = &fact->job_accepted;
    struct dr_shape shape;
    struct dr_terms terms;
    struct dr_job *job;
    uint32_t row;

    DR_ASSERT(accepted->job == core->job_id_last + 1); /* I7 */
    DR_ASSERT(accepted->account >= 1 && accepted->account <= core->accounts_count);
    DR_ASSERT(accepted->alternatives_count >= 1 &&
              accepted->alternatives_count <= DR_ALTERNATIVES_MAX);
    core->job_id_last = accepted->job;
    row = dr_rows_job_push(core, (dr_job_id){accepted->job});
    job = &core->jobs[row];

    memset(&shape, 0, sizeof shape);
    for (uint32_t i = 0; i < accepted->alternatives_count; i += 1)
        shape.alternatives[i] = accepted->alternatives[i];
    shape.alternatives_count = accepted->alternatives_count;
    DR_ASSERT(accepted->sizes <= accepted->alternatives_count);
    shape.sizes = accepted->sizes;
    shape.level_kind = accepted->level_kind;
    memcpy(shape.level, accepted->level, sizeof shape.level);
    shape.sites = accepted->sites;
    shape.data_class.v = accepted->data_class;
    for (uint32_t i = 0; i < accepted->datasets_count && i < DR_DATASETS_OF_A_JOB; i += 1) {
        shape.datasets[i] = accepted->datasets[i];
        shape.datasets_count += 1;
    }
    job->shape = dr_rows_shape_take(core, &shape);

    job->text = accepted->text;
    job->name_key = accepted->name_key;
    job->array_index = accepted->array_index;
    job->submit_seq = fact->seq;
    job->submit_us = fact->time_us;
    job->limit_us = accepted->limit_us;
    job->account.v = accepted->account;
    job->priority = accepted->priority;
    job->state = DR_JOB_PENDING;
    job->held = accepted->held;

    memset(&terms, 0, sizeof terms);
    terms.user.v = accepted->job_user;
    terms.array_job = accepted->array_job;
    terms.array_limit = accepted->array_limit;
    terms.begin_us = accepted->begin_us;
    terms.deadline_us = accepted->deadline_us;
    terms.checkpoint_us = accepted->checkpoint_us;
    terms.restart_us = accepted->restart_us;
    terms.grace_us = accepted->grace_us;
    terms.warn_before_us = accepted->warn_before_us;
    terms.seed_runtime_us = accepted->seed_runtime_us;
    terms.warn_signal = accepted->warn_signal;
    terms.limit_total = accepted->limit_total;
    terms.deadline_ends = accepted->deadline_ends;
    terms.preemptible = accepted->preemptible;
    terms.flexible = accepted->flexible;
    terms.requeue = accepted->requeue;
    terms.checkpoint_on_warning = accepted->checkpoint_on_warning;
    job->terms = dr_rows_terms_take(core, &terms);

    for (uint32_t i = 0; i < accepted->dependencies_count; i += 1) {
        uint32_t target = dr_row_map_find(&core->job_rows, accepted->dependencies[i].job.v);

        /* What has ended or is forgotten was judged by admit. */
        if (target != DR_MAP_NONE && !dr_job_state_ended(core->jobs[target].state))
            dr_rows_edge_push(core, accepted->dependencies[i].kind, row, target);
    }
    if (terms.array_job != 0)
        dr_rows_array_join(core, terms.array_job, terms.array_limit);
    core->accounts[accepted->account - 1].pending += 1;
    dr_rows_count_live(core, job->account, 1);
    if (accepted->in_mix)
        dr_mix_add(core, &accepted->alternatives[0], accepted->limit_us);
    if (dr_rows_job_queued(core, job))
        dr_queue_add(core, (dr_job_row){row});
}

static void drop_promise(struct dr_core *core, struct dr_job *job)
{
    struct dr_run *run = &core->runs[job->run];

    if (run->promise == DR_ROW_NONE)
        return;
    dr_rows_hold_promise(core, job, -1);
    dr_rows_extents_free(core, run->promise);
    run->promise = DR_ROW_NONE;
    run->promise_pool.v = 0;
    run->promise_alternative = 0;
    run->promise_cause = 0;
    run->promise_until_us = 0;
}

static void drop_reservation(struct dr_core *core, struct dr_job *job)
{
    struct dr_run *run = &core->runs[job->run];

    if (run->reservation == DR_ROW_NONE)
        return;
    dr_place_reserve(core, (dr_job_row){(uint32_t)(job - core->jobs)}, -1);
    dr_rows_extents_free(core, run->reservation);
    dr_place_unreserved(core, run->reservation_pool);
    dr_seats_replan(core, job->account);
    run->reservation = DR_ROW_NONE;
    run->reservation_pool.v = 0;
    run->reservation_alternative = 0;
    run->reservation_us = 0;
}

static void apply_job_held(struct dr_core *core, const struct dr_fact_job_held *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);

    DR_ASSERT(job->state == DR_JOB_PENDING && !job->held);
    if (dr_rows_job_queued(core, job))
        dr_queue_remove(core, (dr_job_row){row});
    job->held = 1;
    drop_promise(core, job);
    drop_reservation(core, job);
}

static void apply_job_released(struct dr_core *core, const struct dr_fact_job_released *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);

    DR_ASSERT(job->state == DR_JOB_PENDING && job->held);
    job->held = 0;
    if (dr_rows_job_queued(core, job))
        dr_queue_add(core, (dr_job_row){row});
}

static void apply_job_promised(struct dr_core *core, const struct dr_fact_job_promised *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(job->state == DR_JOB_PENDING && run->promise == DR_ROW_NONE);
    DR_ASSERT(dr_rows_job_queued(core, job));
    DR_ASSERT(fact->alternative < core->shapes[job->shape].alternatives_count);
    dr_queue_remove(core, (dr_job_row){row});
    run->promise = dr_rows_extents_push(core, fact->extents, fact->extents_count);
    run->promise_pool.v = fact->pool;
    run->promise_alternative = (uint8_t)fact->alternative;
    run->promise_cause = fact->cause;
    run->promise_until_us = fact->until_us;
    dr_rows_hold_promise(core, job, 1);
    dr_queue_add(core, (dr_job_row){row});
}

static void apply_promise_dropped(struct dr_core *core, uint64_t id)
{
    uint32_t row;
    struct dr_job *job = job_at(core, id, &row);

    DR_ASSERT(dr_rows_job_queued(core, job));
    dr_queue_remove(core, (dr_job_row){row});
    drop_promise(core, job);
    dr_queue_add(core, (dr_job_row){row});
}

static void apply_reservation_made(struct dr_core *core,
                                   const struct dr_fact_reservation_made *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(job->state == DR_JOB_PENDING && dr_rows_job_queued(core, job));
    DR_ASSERT(fact->alternative < core->shapes[job->shape].alternatives_count);
    dr_queue_remove(core, (dr_job_row){row});
    drop_reservation(core, job);
    run->reservation = dr_rows_extents_push(core, fact->extents, fact->extents_count);
    run->reservation_pool.v = fact->pool;
    run->reservation_alternative = (uint8_t)fact->alternative;
    run->reservation_us = fact->start_us;
    run->guaranteed = 0;
    dr_place_reserve(core, (dr_job_row){row}, 1);
    dr_seats_near(core, job->account);
    dr_queue_add(core, (dr_job_row){row});
}

static void apply_reservation_dropped(struct dr_core *core, uint64_t id)
{
    uint32_t row;
    struct dr_job *job = job_at(core, id, &row);

    DR_ASSERT(dr_rows_job_queued(core, job));
    dr_queue_remove(core, (dr_job_row){row});
    drop_reservation(core, job);
    dr_queue_add(core, (dr_job_row){row});
}

static void apply_job_placed(struct dr_core *core, const struct dr_fact *fact,
                             struct dr_batch *batch)
{
    const struct dr_fact_job_placed *placed = &fact->job_placed;
    uint32_t row;
    struct dr_job *job = job_at(core, placed->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(job->state == DR_JOB_PENDING && dr_rows_job_queued(core, job));
    DR_ASSERT(placed->attempt == run->attempt + 1); /* I7 */
    DR_ASSERT(placed->pool >= 1 && placed->pool <= core->pools_count);
    DR_ASSERT(placed->alternative < core->shapes[job->shape].alternatives_count);
    dr_queue_remove(core, (dr_job_row){row});
    drop_promise(core, job);
    drop_reservation(core, job);
    job->state = DR_JOB_CONFIGURING;
    run->attempt = placed->attempt;
    run->pool.v = placed->pool;
    run->alternative = (uint8_t)placed->alternative;
    run->rule = placed->rule;
    run->stopping = DR_STOP_NONE;
    run->stopping_for.v = 0;
    run->stop_until_us = 0;
    run->placed_us = fact->time_us;
    run->start_us = 0;
    run->saved_us = 0;
    run->saved_after_warning = 0;
    run->attempt_limit_us = placed->limit_us;
    run->attempt_factor = placed->factor;
    run->extents = dr_rows_extents_push(core, placed->extents, placed->extents_count);
    core->accounts[job->account.v - 1].pending -= 1;
    dr_rows_list_push(core, &core->running, row);
    dr_rows_hold(core, job, 1);
    dr_seats_near(core, job->account);
    effect(batch, (struct dr_effect){.kind = DR_EFFECT_LAUNCH,
                                     .job = job->id,
                                     .attempt = run->attempt,
                                     .site = site_of(core, job)});
}

/* Does a reservation begin between two instants? */
static int reserved_between(const struct dr_core *core, int64_t a_us, int64_t b_us)
{
    for (uint32_t at = dr_queue_reserved_first(core); at != DR_ROW_NONE;
         at = dr_queue_reserved_next(core, at)) {
        int64_t begins_us = dr_job_run(core, &core->jobs[at])->reservation_us;

        if (begins_us >= dr_min_i64(a_us, b_us) && begins_us <= dr_max_i64(a_us, b_us))
            return 1;
    }
    return 0;
}

static void apply_attempt_started(struct dr_core *core, const struct dr_fact_attempt_started *fact)
{
    int64_t believed_us;
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);
    struct dr_account *account = &core->accounts[job->account.v - 1];

    DR_ASSERT(run->attempt == fact->attempt && run->start_us == 0);
    DR_ASSERT(!dr_job_state_ended(job->state) && job->state != DR_JOB_PENDING);
    believed_us = dr_job_believed_end_us(core, job);
    run->start_us = fact->start_us;
    if (reserved_between(core, believed_us, dr_job_believed_end_us(core, job)))
        dr_seats_near(core, job->account);
    if (job->state == DR_JOB_CONFIGURING)
        job->state = DR_JOB_RUNNING;
    else if (job->state == DR_JOB_UNREACHABLE && run->before_unreachable == DR_JOB_CONFIGURING)
        run->before_unreachable = DR_JOB_RUNNING;
    if (run->first_start_us == 0) {
        run->first_start_us = fact->start_us;
        account->starts += 1;
        account->wait_us_sum +=
            fact->start_us > job->submit_us ? fact->start_us - job->submit_us : 0;
    }
}

static void apply_checkpoint_seen(struct dr_core *core, const struct dr_fact_checkpoint_seen *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(run->attempt == fact->attempt);
    if (fact->saved_us > run->saved_us) {
        run->saved_us = fact->saved_us;
        /* It is a cheaper victim: another set may do for who has hunted in vain. */
        if (dr_lent_ripe(core, row))
            dr_seats_stir(core, run->pool);
    }
    if (run->stopping != DR_STOP_NONE) {
        run->checkpoint_proven = 1;
        run->saved_after_warning = 1;
    }
}

static void apply_attempt_stopping(struct dr_core *core,
                                   const struct dr_fact_attempt_stopping *fact,
                                   struct dr_batch *batch)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(run->attempt == fact->attempt);
    DR_ASSERT(!dr_job_state_ended(job->state) && job->state != DR_JOB_PENDING);
    DR_ASSERT(fact->cause != DR_STOP_NONE);
    if (run->stopping == DR_STOP_NONE)
        dr_place_leaves(core, run->pool);
    run->stopping = fact->cause;
    run->stopping_for.v = fact->for_job;
    run->stop_until_us = fact->until_us;
    if (job->state == DR_JOB_UNREACHABLE)
        run->before_unreachable = DR_JOB_COMPLETING;
    else
        job->state = DR_JOB_COMPLETING;
    dr_rows_recount(core, job);
    effect(batch, (struct dr_effect){.kind = DR_EFFECT_STOP,
                                     .job = job->id,
                                     .attempt = run->attempt,
                                     .site = site_of(core, job),
                                     .signal = fact->signal,
                                     .until_us = fact->until_us});
}

/* A job that is pending or has just given its place back is over. */
static void end_job(struct dr_core *core, uint32_t row, enum dr_job_state state, int64_t now_us,
                    struct dr_batch *batch)
{
    struct dr_job *job = &core->jobs[row];
    struct dr_run *run = dr_rows_run(core, job);
    uint32_t edge;

    DR_ASSERT(dr_job_state_ended(state));
    drop_promise(core, job);
    drop_reservation(core, job);
    while (dr_job_ties(core, job)->edges != DR_ROW_NONE)
        dr_rows_edge_free(core, dr_job_ties(core, job)->edges);
    job->state = state;
    run->ended_us = now_us;
    job->doomed = 0;
    core->accounts[job->account.v - 1].ended[state] += 1;
    dr_rows_count_live(core, job->account, -1);
    if (dr_job_terms(core, job)->array_job != 0)
        dr_rows_array_leave(core, dr_job_terms(core, job)->array_job);
    dr_rows_list_push(core, &core->ended, row);
    while ((edge = dr_job_ties(core, job)->edges_to) != DR_ROW_NONE) {
        enum dr_dependency_kind kind = core->edges[edge].kind;
        uint32_t dependent = core->edges[edge].dependent.v;
        struct dr_job *waiting = &core->jobs[dependent];
        int holds = kind == DR_DEPENDENCY_AFTERANY || kind == DR_DEPENDENCY_SINGLETON ||
                    (kind == DR_DEPENDENCY_AFTEROK) == (state == DR_JOB_COMPLETED);

        dr_rows_edge_free(core, edge);
        if (!holds && !waiting->doomed) {
            waiting->doomed = 1;
            core->doomed[core->doomed_count] = dependent;
            core->doomed_count += 1;
        }
        if (dr_rows_job_queued(core, waiting))
            dr_queue_add(core, (dr_job_row){dependent});
    }
    effect(batch, (struct dr_effect){.kind = DR_EFFECT_ENDED, .job = job->id});
}

/* What an attempt used goes into its account's sums. */
static void account_attempt(struct dr_core *core, struct dr_job *job, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    struct dr_account *account = &core->accounts[job->account.v - 1];
    struct dr_amounts amounts =
        dr_alternative_amounts(&core->shapes[job->shape].alternatives[run->alternative]);
    int64_t held_ms = (now_us - run->placed_us) / 1000;
    struct dr_energy energy = dr_job_energy(core, job, run->placed_us, now_us);

    account->accelerator_ms += amounts.of[DR_RESOURCE_ACCELERATORS] * held_ms / 1000;
    account->cpu_ms += amounts.of[DR_RESOURCE_CPUS] * held_ms / 1000;
    account->energy_j += energy.energy_j;
    account->cost_micro += energy.cost_micro;
}

static void apply_attempt_ended(struct dr_core *core, const struct dr_fact *fact,
                                struct dr_batch *batch)
{
    const struct dr_fact_attempt_ended *ended = &fact->attempt_ended;
    uint32_t row;
    struct dr_job *job = job_at(core, ended->job, &row);
    struct dr_run *run = dr_rows_run(core, job);
    struct dr_account *account = &core->accounts[job->account.v - 1];

    DR_ASSERT(run->attempt == ended->attempt);
    DR_ASSERT(!dr_job_state_ended(job->state) && job->state != DR_JOB_PENDING);
    effect(batch, (struct dr_effect){.kind = DR_EFFECT_FORGET,
                                     .job = job->id,
                                     .attempt = run->attempt,
                                     .site = site_of(core, job)});
    account_attempt(core, job, fact->time_us);
    dr_rows_list_remove(core, &core->running, row);
    dr_rows_hold(core, job, -1);
    dr_rows_extents_free(core, run->extents);
    run->extents = DR_ROW_NONE;
    if (run->start_us != 0 && ended->end_us > run->start_us) {
        int64_t ran_us = ended->end_us - run->start_us;

        run->run_us += ran_us;
        if (run->attempt_factor != 0)
            run->run_factor_us += dr_mul_div_floor(ran_us, 1000, run->attempt_factor) - ran_us;
    }
    if (run->start_us != 0 && run->saved_us > run->start_us) {
        int64_t saved = run->saved_us - run->start_us;

        if (run->attempt > 1)
            saved -= dr_job_terms(core, job)->restart_us;
        run->kept_us += saved > 0 ? saved : 0;
    }
    run->end_us = ended->end_us;
    run->exit_code = ended->exit_code;
    run->signal = ended->signal;
    run->cpu_time_us += ended->cpu_time_us;
    if (ended->memory_mb_peak > run->memory_mb_peak)
        run->memory_mb_peak = ended->memory_mb_peak;
    if (run->stopping == DR_STOP_RECLAIM || run->stopping == DR_STOP_PRIORITY ||
        run->stopping == DR_STOP_POWER || run->stopping == DR_STOP_WINDOW ||
        run->stopping == DR_STOP_FAIR_SHARE) {
        run->preemptions += 1;
        account->preempted += 1;
    }
    if (dr_job_state_ended(ended->next_state)) {
        end_job(core, row, ended->next_state, fact->time_us, batch);
        return;
    }
    DR_ASSERT(ended->next_state == DR_JOB_PENDING);
    job->state = DR_JOB_PENDING;
    run->stopping = DR_STOP_NONE;
    run->stopping_for.v = 0;
    run->stop_until_us = 0;
    run->requeues += 1;
    job->held = ended->hold;
    account->pending += 1;
    if (dr_rows_job_queued(core, job))
        dr_queue_add(core, (dr_job_row){row});
}

static void apply_job_ended(struct dr_core *core, const struct dr_fact *fact,
                            struct dr_batch *batch)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job_ended.job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(job->state == DR_JOB_PENDING);
    if (dr_rows_job_queued(core, job))
        dr_queue_remove(core, (dr_job_row){row});
    core->accounts[job->account.v - 1].pending -= 1;
    if (run->end_us == 0)
        run->end_us = fact->time_us;
    end_job(core, row, fact->job_ended.state, fact->time_us, batch);
}

/* ---- the fold ---- */

uint64_t dr_fact_job(const struct dr_fact *fact)
{
    switch (fact->kind) {
    case DR_FACT_JOB_ACCEPTED:
        return fact->job_accepted.job;
    case DR_FACT_JOB_HELD:
        return fact->job_held.job;
    case DR_FACT_JOB_RELEASED:
        return fact->job_released.job;
    case DR_FACT_JOB_PROMISED:
        return fact->job_promised.job;
    case DR_FACT_PROMISE_DROPPED:
        return fact->promise_dropped.job;
    case DR_FACT_RESERVATION_MADE:
        return fact->reservation_made.job;
    case DR_FACT_RESERVATION_DROPPED:
        return fact->reservation_dropped.job;
    case DR_FACT_JOB_PLACED:
        return fact->job_placed.job;
    case DR_FACT_ATTEMPT_STARTED:
        return fact->attempt_started.job;
    case DR_FACT_CHECKPOINT_SEEN:
        return fact->checkpoint_seen.job;
    case DR_FACT_ATTEMPT_STOPPING:
        return fact->attempt_stopping.job;
    case DR_FACT_ATTEMPT_ENDED:
        return fact->attempt_ended.job;
    case DR_FACT_JOB_ENDED:
        return fact->job_ended.job;
    case DR_FACT_LEADER_TOOK:
    case DR_FACT_TICK:
    case DR_FACT_SETTINGS_SET:
    case DR_FACT_CHIP_SET:
    case DR_FACT_CHIP_REMOVED:
    case DR_FACT_SITE_SET:
    case DR_FACT_SITE_REMOVED:
    case DR_FACT_SITE_REACH:
    case DR_FACT_GROUP_SET:
    case DR_FACT_GROUP_REMOVED:
    case DR_FACT_PART_LEAVING:
    case DR_FACT_POOL_SET:
    case DR_FACT_POOL_REMOVED:
    case DR_FACT_NODES_ADDED:
    case DR_FACT_NODE_FLAGS:
    case DR_FACT_DATA_CLASS_SET:
    case DR_FACT_DATA_CLASS_REMOVED:
    case DR_FACT_DATASET_SET:
    case DR_FACT_DATASET_REMOVED:
    case DR_FACT_ACCOUNT_SET:
    case DR_FACT_ACCOUNT_REMOVED:
    case DR_FACT_ALLOCATION_SET:
    case DR_FACT_ALLOCATION_REMOVED:
    case DR_FACT_ALLOCATION_TERM:
    case DR_FACT_ZONE_SET:
    case DR_FACT_ZONE_REMOVED:
    case DR_FACT_GRID_CAP_SET:
    case DR_FACT_GRID_CAP_REMOVED:
    case DR_FACT_POWER_SHORT:
    case DR_FACT_NODES_POWER:
    case DR_FACT_WINDOW_MADE:
    case DR_FACT_WINDOW_DROPPED:
    case DR_FACT_WINDOW_HELD:
    case DR_FACT_USER_SET:
    case DR_FACT_USER_REMOVED:
    case DR_FACT_TOKEN_ISSUED:
    case DR_FACT_TOKEN_REVOKED:
    case DR_FACT_TEXT_ERASED:
        return 0;
    }
    return 0;
}

void dr_apply(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch)
{
    DR_ASSERT(fact->seq == core->seq + 1);
    switch (fact->kind) {
    case DR_FACT_LEADER_TOOK:
        apply_leader_took(core, &fact->leader_took);
        break;
    case DR_FACT_TICK:
        apply_tick(core, &fact->tick, fact->time_us);
        break;
    case DR_FACT_SETTINGS_SET:
        apply_settings_set(core, &fact->settings_set);
        break;
    case DR_FACT_CHIP_SET:
        apply_chip_set(core, &fact->chip_set);
        core->federation_version += 1;
        break;
    case DR_FACT_CHIP_REMOVED:
        DR_ASSERT(fact->chip_removed.chip >= 1 && fact->chip_removed.chip <= core->chips_count);
        leaves_no_more(core, &core->chips[fact->chip_removed.chip - 1].leaving);
        core->chips[fact->chip_removed.chip - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_SET:
        apply_site_set(core, &fact->site_set);
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_REMOVED:
        DR_ASSERT(fact->site_removed.site >= 1 && fact->site_removed.site <= core->sites_count);
        leaves_no_more(core, &core->sites[fact->site_removed.site - 1].leaving);
        core->sites[fact->site_removed.site - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_REACH:
        apply_site_reach(core, &fact->site_reach);
        core->federation_version += 1;
        break;
    case DR_FACT_GROUP_SET:
        apply_group_set(core, &fact->group_set);
        core->federation_version += 1;
        break;
    case DR_FACT_GROUP_REMOVED:
        apply_group_removed(core, &fact->group_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_PART_LEAVING:
        apply_part_leaving(core, &fact->part_leaving);
        core->federation_version += 1;
        break;
    case DR_FACT_POOL_SET:
        apply_pool_set(core, &fact->pool_set);
        core->federation_version += 1;
        break;
    case DR_FACT_POOL_REMOVED:
        DR_ASSERT(fact->pool_removed.pool >= 1 && fact->pool_removed.pool <= core->pools_count);
        leaves_no_more(core, &core->pools[fact->pool_removed.pool - 1].leaving);
        core->pools[fact->pool_removed.pool - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_NODES_ADDED:
        apply_nodes_added(core, &fact->nodes_added);
        core->federation_version += 1;
        break;
    case DR_FACT_NODE_FLAGS:
        apply_node_flags(core, &fact->node_flags, fact->seq, fact->reason);
        if (fact->node_flags.removed)
            core->federation_version += 1;
        break;
    case DR_FACT_DATA_CLASS_SET:
        apply_data_class_set(core, &fact->data_class_set);
        core->federation_version += 1;
        break;
    case DR_FACT_DATA_CLASS_REMOVED:
        DR_ASSERT(fact->data_class_removed.data_class >= 1 &&
                  fact->data_class_removed.data_class <= core->classes_count);
        core->classes[fact->data_class_removed.data_class - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_DATASET_SET:
        apply_dataset_set(core, &fact->dataset_set);
        core->federation_version += 1;
        break;
    case DR_FACT_DATASET_REMOVED:
        DR_ASSERT(fact->dataset_removed.dataset >= 1 &&
                  fact->dataset_removed.dataset <= core->datasets_count);
        core->datasets[fact->dataset_removed.dataset - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_ACCOUNT_SET:
        apply_account_set(core, &fact->account_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ACCOUNT_REMOVED:
        apply_account_removed(core, &fact->account_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_SET:
        apply_allocation_set(core, &fact->allocation_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_REMOVED:
        apply_allocation_removed(core, &fact->allocation_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_TERM:
        apply_allocation_term(core, &fact->allocation_term);
        core->federation_version += 1;
        break;
    case DR_FACT_ZONE_SET:
        apply_zone_set(core, &fact->zone_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ZONE_REMOVED:
        DR_ASSERT(fact->zone_removed.zone >= 1 && fact->zone_removed.zone <= core->zones_count);
        core->zones[fact->zone_removed.zone - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_GRID_CAP_SET:
        apply_grid_cap_set(core, &fact->grid_cap_set);
        break;
    case DR_FACT_GRID_CAP_REMOVED:
        apply_grid_cap_removed(core, &fact->grid_cap_removed);
        break;
    case DR_FACT_POWER_SHORT:
        apply_power_short(core, &fact->power_short);
        break;
    case DR_FACT_NODES_POWER:
        apply_nodes_power(core, &fact->nodes_power);
        break;
    case DR_FACT_WINDOW_MADE:
        apply_window_made(core, &fact->window_made);
        break;
    case DR_FACT_WINDOW_DROPPED:
        apply_window_dropped(core, &fact->window_dropped);
        break;
    case DR_FACT_WINDOW_HELD:
        apply_window_held(core, &fact->window_held);
        break;
    case DR_FACT_USER_SET:
        apply_user_set(core, &fact->user_set);
        break;
    case DR_FACT_USER_REMOVED:
        DR_ASSERT(fact->user_removed.user >= 1 && fact->user_removed.user <= core->users_count);
        core->users[fact->user_removed.user - 1].removed = 1;
        break;
    case DR_FACT_TOKEN_ISSUED:
        apply_token_issued(core, &fact->token_issued, fact->time_us);
        break;
    case DR_FACT_TOKEN_REVOKED:
        DR_ASSERT(fact->token_revoked.token >= 1 &&
                  fact->token_revoked.token <= core->tokens_count);
        core->tokens[fact->token_revoked.token - 1].revoked = 1;
        break;
    case DR_FACT_JOB_ACCEPTED:
        apply_job_accepted(core, fact);
        break;
    case DR_FACT_JOB_HELD:
        apply_job_held(core, &fact->job_held);
        break;
    case DR_FACT_JOB_RELEASED:
        apply_job_released(core, &fact->job_released);
        break;
    case DR_FACT_JOB_PROMISED:
        apply_job_promised(core, &fact->job_promised);
        break;
    case DR_FACT_PROMISE_DROPPED:
        apply_promise_dropped(core, fact->promise_dropped.job);
        break;
    case DR_FACT_RESERVATION_MADE:
        apply_reservation_made(core, &fact->reservation_made);
        break;
    case DR_FACT_RESERVATION_DROPPED:
        apply_reservation_dropped(core, fact->reservation_dropped.job);
        break;
    case DR_FACT_JOB_PLACED:
        apply_job_placed(core, fact, batch);
        break;
    case DR_FACT_ATTEMPT_STARTED:
        apply_attempt_started(core, &fact->attempt_started);
        break;
    case DR_FACT_CHECKPOINT_SEEN:
        apply_checkpoint_seen(core, &fact->checkpoint_seen);
        break;
    case DR_FACT_ATTEMPT_STOPPING:
        apply_attempt_stopping(core, &fact->attempt_stopping, batch);
        break;
    case DR_FACT_ATTEMPT_ENDED:
        apply_attempt_ended(core, fact, batch);
        break;
    case DR_FACT_JOB_ENDED:
        apply_job_ended(core, fact, batch);
        break;
    case DR_FACT_TEXT_ERASED:
        break; /* the store's business; the fact says who and why */
    }
    core->seq = fact->seq;
    core->time_us = fact->time_us;
    core->dirty = 1;
    if (dr_fact_job(fact) != 0) {
        uint32_t about = dr_row_map_find(&core->job_rows, dr_fact_job(fact));

        if (about != DR_MAP_NONE) {
            core->jobs[about].last_seq = fact->seq;
            dr_timer_update(core, about);
            dr_ends_update(core, about);
            dr_power_update(core, about);
            dr_lent_update(core, about);
        }
    }
}

void dr_settle(struct dr_core *core, struct dr_fact *fact, struct dr_batch *batch)
{
    uint32_t bytes;

    fact->seq = core->seq + 1;
    if (batch->facts_count == 0)
        batch->seq_first = fact->seq;
    bytes = dr_fact_encode(fact, batch->bytes + batch->bytes_count,
                           batch->bytes_max - batch->bytes_count);
    DR_ASSERT(bytes > 0); /* dr_batch_room() said so */
    dr_apply(core, fact, batch);
    batch->bytes_count += bytes;
    batch->facts_count += 1;
}

int dr_batch_room(const struct dr_batch *batch, uint32_t extents)
{
    /* A header with its two notes, the largest fixed fields, and 16 bytes a part. */
    return batch->bytes_max - batch->bytes_count >= 8192 + 16 * extents &&
           batch->effects_max - batch->effects_count >= 4;
}
