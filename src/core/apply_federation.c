/* SPDX-License-Identifier: Apache-2.0 */
/* What facts of the federation change: its parts, who uses them, grid caps, advance reservations.
 * See apply.c. */
#include "core/apply.h"

#include "core/allocate.h"
#include "core/ends.h"
#include "core/lent.h"
#include "core/place.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/rows.h"
#include "core/seats.h"
#include "core/timer.h"
#include "core/window.h"

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

void dr_apply_chip_removed(struct dr_core *core, const struct dr_fact_chip_removed *fact)
{
    DR_ASSERT(fact->chip >= 1 && fact->chip <= core->chips_count);
    leaves_no_more(core, &core->chips[fact->chip - 1].leaving);
    core->chips[fact->chip - 1].removed = 1;
}

void dr_apply_site_removed(struct dr_core *core, const struct dr_fact_site_removed *fact)
{
    DR_ASSERT(fact->site >= 1 && fact->site <= core->sites_count);
    leaves_no_more(core, &core->sites[fact->site - 1].leaving);
    core->sites[fact->site - 1].removed = 1;
}

void dr_apply_pool_removed(struct dr_core *core, const struct dr_fact_pool_removed *fact)
{
    DR_ASSERT(fact->pool >= 1 && fact->pool <= core->pools_count);
    leaves_no_more(core, &core->pools[fact->pool - 1].leaving);
    core->pools[fact->pool - 1].removed = 1;
}

void dr_apply_chip_set(struct dr_core *core, const struct dr_fact_chip_set *fact)
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

static void copy_note(char to[DR_NOTE_BYTES], const char *note)
{
    memset(to, 0, DR_NOTE_BYTES);
    if (note != NULL)
        memcpy(to, note, strlen(note));
}

/* Pages of sites without Slurm stay untouched. */
static void apply_slurm(struct dr_site_slurm *slurm, const struct dr_fact_site_set *fact)
{
    if (fact->engine != DR_ENGINE_SLURM && slurm->url[0] == '\0')
        return;
    copy_note(slurm->url, fact->slurm_url);
    copy_note(slurm->key, fact->slurm_key);
    copy_note(slurm->user, fact->slurm_user);
    copy_note(slurm->conf, fact->slurm_conf);
    copy_note(slurm->log_command, fact->slurm_log_command);
    slurm->count_placement = fact->slurm_count_placement;
}

void dr_apply_site_set(struct dr_core *core, const struct dr_fact_site_set *fact)
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
    apply_slurm(&core->site_slurm[row], fact);
}

void dr_apply_site_reach(struct dr_core *core, const struct dr_fact_site_reach *fact,
                         int64_t now_us)
{
    DR_ASSERT(fact->site >= 1 && fact->site <= core->sites_count);
    core->sites[fact->site - 1].answers = fact->answers;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];

        if (core->pools[dr_job_run(core, job)->pool.v - 1].site.v == fact->site)
            dr_rows_reach(core, row, fact->answers, now_us);
    }
    if (!fact->answers)
        dr_window_look_again(core);
    dr_rows_capacity(core);
}

void dr_apply_group_set(struct dr_core *core, const struct dr_fact_group_set *fact)
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

void dr_apply_group_removed(struct dr_core *core, const struct dr_fact_group_removed *fact)
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

void dr_apply_pool_set(struct dr_core *core, const struct dr_fact_pool_set *fact)
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
    dr_copy_name(pool->partition, fact->partition);
    dr_copy_name(pool->gres, fact->gres);
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

void dr_apply_nodes_added(struct dr_core *core, const struct dr_fact_nodes_added *fact)
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

void dr_apply_node_flags(struct dr_core *core, const struct dr_fact_node_flags *fact, uint64_t seq,
                         const char *reason)
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
    node->site_knows = fact->site_knows;
    core->node_words += 1;
    node->flags_seq = seq;
    copy_note(core->node_notes[fact->node - 1], reason);
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

void dr_apply_data_class_set(struct dr_core *core, const struct dr_fact_data_class_set *fact)
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

void dr_apply_dataset_set(struct dr_core *core, const struct dr_fact_dataset_set *fact)
{
    struct dr_dataset *dataset = &core->datasets[declared_row(fact->dataset, &core->datasets_count,
                                                              core->limits.datasets_max)];

    *dataset = (struct dr_dataset){
        .bytes = fact->bytes, .sites = fact->sites, .data_class = {fact->data_class}};
    dr_copy_name(dataset->name, fact->name);
}

void dr_apply_account_set(struct dr_core *core, const struct dr_fact_account_set *fact)
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

void dr_apply_account_removed(struct dr_core *core, const struct dr_fact_account_removed *fact)
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

void dr_apply_allocation_set(struct dr_core *core, const struct dr_fact_allocation_set *fact)
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

void dr_apply_allocation_term(struct dr_core *core, const struct dr_fact_allocation_term *fact)
{
    struct dr_allocation *allocation;

    DR_ASSERT(fact->allocation >= 1 && fact->allocation <= core->allocations_count);
    allocation = &core->allocations[fact->allocation - 1];
    DR_ASSERT(allocation->active != fact->active && !allocation->removed);
    allocation->active = fact->active;
    count_allocation(core, allocation, fact->active ? 1 : -1);
}

void dr_apply_allocation_removed(struct dr_core *core,
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

void dr_apply_part_leaving(struct dr_core *core, const struct dr_fact_part_leaving *fact)
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

void dr_apply_zone_set(struct dr_core *core, const struct dr_fact_zone_set *fact)
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

void dr_apply_grid_cap_set(struct dr_core *core, const struct dr_fact_grid_cap_set *fact)
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

void dr_apply_grid_cap_removed(struct dr_core *core, const struct dr_fact_grid_cap_removed *fact)
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

void dr_apply_window_made(struct dr_core *core, const struct dr_fact_window_made *fact)
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
    /* Its end is an instant at which somebody may begin who found none. */
    dr_place_touch_all(core);
    dr_seats_wake_all(core->seats);
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
void dr_apply_window_dropped(struct dr_core *core, const struct dr_fact_window_dropped *fact)
{
    uint32_t place = window_place(core, fact->window);

    core->windows_count -= 1;
    for (; place < core->windows_count; place += 1)
        core->windows[place] = core->windows[place + 1];
    dr_window_index(core);
    dr_place_touch_all(core);
    dr_seats_wake_all(core->seats);
}

void dr_apply_window_held(struct dr_core *core, const struct dr_fact_window_held *fact)
{
    struct dr_window *window = &core->windows[window_place(core, fact->window)];

    core->window_index->waiting -= window->begun && window->held > 0;
    window->begun = 1;
    window->held = fact->attempts;
    core->window_index->waiting += window->held > 0;
}

void dr_apply_power_short(struct dr_core *core, const struct dr_fact_power_short *fact)
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

void dr_apply_nodes_power(struct dr_core *core, const struct dr_fact_nodes_power *fact)
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

void dr_apply_user_set(struct dr_core *core, const struct dr_fact_user_set *fact)
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

void dr_apply_token_issued(struct dr_core *core, const struct dr_fact_token_issued *fact,
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
