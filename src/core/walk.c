/* SPDX-License-Identifier: Apache-2.0 */
/* The state's hash, and how the state is written and read back: one walk over the primary state
 * serves all three, so that nothing can be hashed and not saved, or saved and not hashed.
 *
 * Fields go one by one, since padding is not state. Jobs are folded each by itself and summed up:
 * their rows are an accident of history, and no order of them is state. The walk's layout is
 * versioned; an older snapshot is not read but replaced by a replay of the facts. */
#include "base/hash.h"
#include "core/mix.h"
#include "core/quota.h"
#include "core/rows.h"

#define WALK_VERSION 18 /* of what is saved */
#define HASH_VERSION 1  /* of what is hashed: hashes lie beside old facts, which stay readable */

struct walk {
    enum { WALK_HASH, WALK_SAVE, WALK_LOAD } mode;
    uint64_t hash;
    dr_write_bytes *write;
    dr_read_bytes *read;
    void *context;
    enum dr_status status;
    uint32_t used; /* of the buffer */
    uint8_t buffer[65536];
};

/* ---- values ---- */

static void flush(struct walk *walk)
{
    if (walk->status == DR_OK && walk->used > 0 &&
        !walk->write(walk->context, walk->buffer, walk->used))
        walk->status = DR_E_IO;
    walk->used = 0;
}

static void word(struct walk *walk, uint64_t *value)
{
    uint8_t bytes[8];

    switch (walk->mode) {
    case WALK_HASH:
        walk->hash = dr_hash_fold(walk->hash, *value);
        return;
    case WALK_SAVE:
        if (walk->used + 8 > sizeof walk->buffer)
            flush(walk);
        for (uint32_t i = 0; i < 8; i += 1)
            walk->buffer[walk->used + i] = (uint8_t)(*value >> (8 * i));
        walk->used += 8;
        return;
    case WALK_LOAD:
        if (walk->status != DR_OK || !walk->read(walk->context, bytes, sizeof bytes)) {
            if (walk->status == DR_OK)
                walk->status = DR_E_CORRUPT;
            *value = 0;
            return;
        }
        *value = 0;
        for (uint32_t i = 0; i < 8; i += 1)
            *value |= (uint64_t)bytes[i] << (8 * i);
        return;
    }
}

/* A value of at most `max` in a field of another type. */
#define WALK_INTEGER(function, type, max)                \
    static void function(struct walk *walk, type *value) \
    {                                                    \
        uint64_t wide = (uint64_t)*value;                \
                                                         \
        word(walk, &wide);                               \
        if (walk->mode == WALK_LOAD) {                   \
            if (wide > (max))                            \
                walk->status = DR_E_CORRUPT;             \
            *value = (type)wide;                         \
        }                                                \
    }

WALK_INTEGER(u8, uint8_t, UINT8_MAX)
WALK_INTEGER(u32, uint32_t, UINT32_MAX)
WALK_INTEGER(u64, uint64_t, UINT64_MAX)
WALK_INTEGER(i64, int64_t, UINT64_MAX)

static void i32(struct walk *walk, int32_t *value)
{
    int64_t wide = *value;

    i64(walk, &wide);
    if (walk->mode == WALK_LOAD) {
        if (wide < INT32_MIN || wide > INT32_MAX)
            walk->status = DR_E_CORRUPT;
        *value = (int32_t)wide;
    }
}

/* A field that came after the first facts were written: at zero, as older facts leave it, it leaves
 * the hash as it was. Its number, never another's, keeps two such fields apart. */
static void later(struct walk *walk, uint64_t field)
{
    if (walk->mode == WALK_HASH)
        word(walk, &field);
}

static void later_u8(struct walk *walk, uint64_t field, uint8_t *value)
{
    if (walk->mode == WALK_HASH && *value == 0)
        return;
    later(walk, field);
    u8(walk, value);
}

static void later_u32(struct walk *walk, uint64_t field, uint32_t *value)
{
    if (walk->mode == WALK_HASH && *value == 0)
        return;
    later(walk, field);
    u32(walk, value);
}

static void later_i64(struct walk *walk, uint64_t field, int64_t *value)
{
    if (walk->mode == WALK_HASH && *value == 0)
        return;
    later(walk, field);
    i64(walk, value);
}

/* Bytes in whole words; `bytes` is a multiple of 8. */
static void fixed(struct walk *walk, void *data, uint32_t bytes)
{
    uint8_t *at = data;

    for (uint32_t i = 0; i < bytes; i += 8) {
        uint64_t value = 0;

        for (uint32_t k = 0; k < 8; k += 1)
            value |= (uint64_t)at[i + k] << (8 * k);
        word(walk, &value);
        if (walk->mode == WALK_LOAD)
            for (uint32_t k = 0; k < 8; k += 1)
                at[i + k] = (uint8_t)(value >> (8 * k));
    }
}

static void name(struct walk *walk, char text[DR_NAME_BYTES])
{
    fixed(walk, text, DR_NAME_BYTES);
    if (walk->mode == WALK_LOAD && text[DR_NAME_BYTES - 1] != '\0')
        walk->status = DR_E_CORRUPT;
}

/* How many rows follow: at most `max`. */
static uint32_t count(struct walk *walk, uint32_t value, uint32_t max)
{
    u32(walk, &value);
    if (value > max) {
        walk->status = DR_E_CORRUPT;
        return 0;
    }
    return value;
}

/* A place in a table of `max` rows, or id up to `max`. */
static void bounded(struct walk *walk, uint32_t value, uint32_t max)
{
    if (walk->mode == WALK_LOAD && value > max)
        walk->status = DR_E_CORRUPT;
}

/* ---- the federation ---- */

static void walk_settings(struct walk *walk, struct dr_settings *settings)
{
    name(walk, settings->name);
    name(walk, settings->currency);
    i64(walk, &settings->half_life_us);
    i64(walk, &settings->minimum_run_us);
    i64(walk, &settings->loss_cap_us);
    i64(walk, &settings->preemption_credit_us);
    i64(walk, &settings->default_limit_us);
    i64(walk, &settings->default_grace_us);
    i64(walk, &settings->retain_ended_us);
    i64(walk, &settings->span_price_micro);
    u32(walk, &settings->requeue_limit);
    u32(walk, &settings->reserve_depth);
    u32(walk, &settings->job_uid);
    u32(walk, &settings->job_gid);
    later_u32(walk, 1, &settings->default_jobs_max);
    later_u8(walk, 34, &settings->fair_preemption);
    later_i64(walk, 35, &settings->fair_minimum_run_us);
    later_u8(walk, 42, &settings->ordering);
    bounded(walk, settings->ordering, DR_ORDERING_LAS);
    later_u8(walk, 43, &settings->no_backfill);
    later_u8(walk, 44, &settings->no_preemption);
    later_u8(walk, 45, &settings->placement);
    bounded(walk, settings->placement, DR_PLACEMENT_PACK);
}

static void walk_chip(struct walk *walk, struct dr_chip *chip)
{
    name(walk, chip->name);
    name(walk, chip->vendor);
    name(walk, chip->country);
    chip->stacks_count = count(walk, chip->stacks_count, DR_COUNT_OF(chip->stacks));
    for (uint32_t i = 0; i < chip->stacks_count; i += 1)
        name(walk, chip->stacks[i].text);
    i64(walk, &chip->memory_mb);
    i64(walk, &chip->idle_w);
    i64(walk, &chip->busy_w);
    i64(walk, &chip->price_micro);
    u8(walk, &chip->is_virtual);
    u8(walk, &chip->removed);
    later_u8(walk, 5, &chip->leaving);
}

/* A text with only zeros behind its end; an empty one takes a byte. */
static void later_note(struct walk *walk, uint64_t field, char text[DR_NOTE_BYTES])
{
    uint8_t noted = text[0] != '\0';

    if (walk->mode == WALK_HASH && !noted)
        return;
    later(walk, field);
    u8(walk, &noted);
    if (!noted)
        return;
    fixed(walk, text, DR_NOTE_BYTES);
    if (text[DR_NOTE_BYTES - 1] != '\0')
        walk->status = DR_E_CORRUPT;
}

static void later_name(struct walk *walk, uint64_t field, char text[DR_NAME_BYTES])
{
    if (walk->mode == WALK_HASH && text[0] == '\0')
        return;
    later(walk, field);
    name(walk, text);
}

static void walk_slurm(struct walk *walk, struct dr_site_slurm *slurm)
{
    later_note(walk, 46, slurm->url);
    later_note(walk, 47, slurm->key);
    later_note(walk, 48, slurm->user);
    later_note(walk, 49, slurm->conf);
    later_note(walk, 50, slurm->log_command);
    later_u8(walk, 51, &slurm->count_placement);
}

static void walk_short(struct walk *walk, struct dr_power_short *power_short)
{
    later_i64(walk, 25, &power_short->missing_w);
    later_i64(walk, 26, &power_short->cap_w);
    later_i64(walk, 27, &power_short->from_us);
}

static void walk_site(struct walk *walk, struct dr_site *site)
{
    name(walk, site->name);
    name(walk, site->operator_name);
    name(walk, site->region);
    name(walk, site->jurisdiction);
    u32(walk, &site->assurance);
    i64(walk, &site->power_cap_w);
    u32(walk, &site->pue_milli);
    for (uint32_t i = 0; i < DR_TARIFF_HOURS; i += 1)
        i64(walk, &site->tariff_micro[i]);
    i32(walk, &site->utc_offset_min);
    u64(walk, &site->classes);
    u8(walk, &site->engine);
    u8(walk, &site->isolated_network);
    u8(walk, &site->answers);
    u8(walk, &site->removed);
    later_u8(walk, 6, &site->leaving);
    later_u32(walk, 20, &site->zone.v);
    walk_short(walk, &site->power_short);
    later_u8(walk, 29, &site->power_down);
    bounded(walk, site->engine, DR_ENGINE_SLURM);
}

static void walk_pool(struct walk *walk, const struct dr_core *core, struct dr_pool *pool)
{
    name(walk, pool->name);
    name(walk, pool->node_prefix);
    u32(walk, &pool->site.v);
    u32(walk, &pool->chip.v);
    u32(walk, &pool->owner.v);
    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1) {
        u32(walk, &pool->groups[i].v);
        bounded(walk, pool->groups[i].v - 1, core->groups_count - 1);
    }
    u32(walk, &pool->accelerators);
    u32(walk, &pool->cpus);
    i64(walk, &pool->memory_mb);
    i64(walk, &pool->node_idle_w);
    pool->levels_count = count(walk, pool->levels_count, DR_LEVELS_MAX);
    for (uint32_t i = 0; i < pool->levels_count; i += 1) {
        name(walk, pool->levels[i].name);
        u32(walk, &pool->levels[i].nodes);
    }
    u32(walk, &pool->node_first);
    u32(walk, &pool->node_digits);
    i64(walk, &pool->default_limit_us);
    pool->consent_count = count(walk, pool->consent_count, DR_COUNT_OF(pool->consent));
    for (uint32_t i = 0; i < pool->consent_count; i += 1)
        u32(walk, &pool->consent[i]);
    pool->ranges_count = count(walk, pool->ranges_count, DR_POOL_RANGES_MAX);
    for (uint32_t i = 0; i < pool->ranges_count; i += 1) {
        u32(walk, &pool->ranges[i].row);
        u32(walk, &pool->ranges[i].count);
    }
    u32(walk, &pool->nodes_count);
    u8(walk, &pool->removed);
    later_u8(walk, 7, &pool->leaving);
    later_i64(walk, 9, &pool->default_memory_per_cpu_mb);
    later_i64(walk, 10, &pool->default_memory_per_accelerator_mb);
    later_name(walk, 52, pool->partition);
    later_name(walk, 53, pool->gres);
    bounded(walk, pool->site.v - 1, core->sites_count - 1);
    bounded(walk, pool->chip.v, core->chips_count);
    bounded(walk, pool->accelerators, DR_ACCELERATORS_MAX);
}

static void walk_node(struct walk *walk, const struct dr_core *core, struct dr_node *node,
                      char note[DR_NOTE_BYTES])
{
    uint8_t noted = note[0] != '\0';

    u32(walk, &node->pool.v);
    u32(walk, &node->number);
    u8(walk, &node->drained);
    u8(walk, &node->down);
    u8(walk, &node->removing);
    u8(walk, &node->removed);
    later_u8(walk, 28, &node->off);
    later_u8(walk, 54, &node->site_knows);
    u64(walk, &node->flags_seq);
    u8(walk, &noted);
    if (noted)
        fixed(walk, note, DR_NOTE_BYTES);
    bounded(walk, node->pool.v - 1, core->pools_count - 1);
}

static void walk_class(struct walk *walk, struct dr_data_class *class)
{
    name(walk, class->name);
    class->jurisdictions_count =
        count(walk, class->jurisdictions_count, DR_COUNT_OF(class->jurisdictions));
    for (uint32_t i = 0; i < class->jurisdictions_count; i += 1)
        name(walk, class->jurisdictions[i].text);
    u32(walk, &class->assurance_min);
    u8(walk, &class->share);
    u8(walk, &class->removed);
}

static void walk_sites(struct walk *walk, struct dr_site_set *set)
{
    for (uint32_t i = 0; i < DR_SITES_MAX / 64; i += 1)
        u64(walk, &set->words[i]);
}

static void walk_dataset(struct walk *walk, struct dr_dataset *dataset)
{
    name(walk, dataset->name);
    i64(walk, &dataset->bytes);
    walk_sites(walk, &dataset->sites);
    u32(walk, &dataset->data_class.v);
    u8(walk, &dataset->removed);
}

static void walk_account(struct walk *walk, const struct dr_core *core, uint32_t row)
{
    struct dr_account *account = &core->accounts[row];

    name(walk, account->name);
    u32(walk, &account->parent.v);
    u32(walk, &account->weight);
    u8(walk, &account->preempt_below);
    u8(walk, &account->removed);
    later_u8(walk, 8, &account->leaving);
    i64(walk, &account->default_limit_us);
    later_u32(walk, 2, &account->jobs_max);
    i64(walk, &account->accelerator_ms);
    i64(walk, &account->cpu_ms);
    i64(walk, &account->energy_j);
    i64(walk, &account->cost_micro);
    i64(walk, &account->wait_us_sum);
    u64(walk, &account->starts);
    for (uint32_t i = 0; i < DR_COUNT_OF(account->ended); i += 1)
        u64(walk, &account->ended[i]);
    u64(walk, &account->preempted);
    bounded(walk, account->parent.v, row);
    for (uint32_t g = 0; g < core->groups_count; g += 1) {
        struct dr_quota *quota = &core->quotas[(size_t)row * core->limits.groups_max + g];

        i64(walk, &quota->guarantee);
        i64(walk, &quota->borrow);
        i64(walk, &quota->lend);
        i64(walk, &quota->past);
    }
}

static void walk_allocation(struct walk *walk, const struct dr_core *core,
                            struct dr_allocation *allocation)
{
    name(walk, allocation->name);
    u32(walk, &allocation->account.v);
    i64(walk, &allocation->from_us);
    i64(walk, &allocation->until_us);
    allocation->amounts_count = count(walk, allocation->amounts_count, DR_ALLOCATION_GROUPS);
    for (uint32_t i = 0; i < allocation->amounts_count; i += 1) {
        u32(walk, &allocation->amounts[i].group.v);
        i64(walk, &allocation->amounts[i].amount);
        bounded(walk, allocation->amounts[i].group.v - 1, core->groups_count - 1);
    }
    u8(walk, &allocation->active);
    u8(walk, &allocation->removed);
    bounded(walk, allocation->account.v - 1, core->accounts_count - 1);
}

static void walk_zone(struct walk *walk, struct dr_zone *zone)
{
    name(walk, zone->name);
    i64(walk, &zone->power_cap_w);
    walk_short(walk, &zone->power_short);
    u8(walk, &zone->removed);
}

static void walk_grid_cap(struct walk *walk, const struct dr_core *core, struct dr_grid_cap *cap)
{
    u32(walk, &cap->id);
    name(walk, cap->name);
    u32(walk, &cap->zone.v);
    u32(walk, &cap->site.v);
    i64(walk, &cap->from_us);
    i64(walk, &cap->until_us);
    i64(walk, &cap->power_cap_w);
    u8(walk, &cap->declared);
    bounded(walk, cap->zone.v, core->zones_count);
    bounded(walk, cap->site.v, core->sites_count);
    bounded(walk, (cap->zone.v == 0) == (cap->site.v == 0), 0);
}

static void walk_window(struct walk *walk, const struct dr_core *core, struct dr_window *window)
{
    u32(walk, &window->id);
    name(walk, window->name);
    u32(walk, &window->accounts_count);
    bounded(walk, window->accounts_count, DR_WINDOW_ACCOUNTS);
    for (uint32_t i = 0; i < window->accounts_count && walk->status == DR_OK; i += 1) {
        u32(walk, &window->accounts[i].v);
        bounded(walk, window->accounts[i].v - 1, core->accounts_count - 1);
    }
    u32(walk, &window->site.v);
    u32(walk, &window->pool.v);
    bounded(walk, window->site.v, core->sites_count);
    bounded(walk, window->pool.v, core->pools_count);
    u32(walk, &window->runs_count);
    bounded(walk, window->runs_count, DR_WINDOW_RUNS_MAX);
    for (uint32_t i = 0; i < window->runs_count && walk->status == DR_OK; i += 1) {
        u32(walk, &window->runs[i].row);
        u32(walk, &window->runs[i].count);
        bounded(walk, window->runs[i].row, core->nodes_count);
        bounded(walk, window->runs[i].count, core->nodes_count - window->runs[i].row);
    }
    i64(walk, &window->from_us);
    i64(walk, &window->until_us);
    u8(walk, &window->evict);
    u8(walk, &window->begun);
    u32(walk, &window->held);
}

static void walk_mix(struct walk *walk, struct dr_mix *mix)
{
    later_u32(walk, 30, &mix->count);
    bounded(walk, mix->count, DR_MIX_MAX);
    for (uint32_t i = 0; i < mix->count && walk->status == DR_OK; i += 1) {
        struct dr_mix_row *row = &mix->rows[i];

        u64(walk, &row->chips);
        u32(walk, &row->accelerators);
        u32(walk, &row->cpus);
        u32(walk, &row->tasks);
        i64(walk, &row->recent);
        i64(walk, &row->used);
    }
    later_i64(walk, 31, &mix->hold_recent);
    later_i64(walk, 32, &mix->hold_used);
}

static void walk_user(struct walk *walk, const struct dr_core *core, struct dr_user *user)
{
    name(walk, user->name);
    u32(walk, &user->uid);
    u32(walk, &user->gid);
    u8(walk, &user->roles);
    user->memberships_count = count(walk, user->memberships_count, DR_ROLES_MAX);
    for (uint32_t i = 0; i < user->memberships_count; i += 1) {
        uint32_t role = (uint32_t)user->memberships[i].role;

        u32(walk, &user->memberships[i].account.v);
        u32(walk, &role);
        user->memberships[i].role = (enum dr_role)role;
        bounded(walk, role, DR_ROLE_COUNT - 1);
        bounded(walk, user->memberships[i].account.v - 1, core->accounts_count - 1);
    }
    u32(walk, &user->default_account.v);
    u8(walk, &user->removed);
    bounded(walk, user->default_account.v, core->accounts_count);
}

static void walk_token(struct walk *walk, const struct dr_core *core, struct dr_token *token)
{
    u32(walk, &token->user.v);
    u8(walk, &token->roles);
    u8(walk, &token->revoked);
    fixed(walk, token->secret_hash, sizeof token->secret_hash);
    i64(walk, &token->expires_us);
    i64(walk, &token->issued_us);
    name(walk, token->label);
    bounded(walk, token->user.v, core->users_count);
}

/* ---- jobs ---- */

static void walk_shape(struct walk *walk, const struct dr_core *core, struct dr_shape *shape)
{
    shape->alternatives_count = count(walk, shape->alternatives_count, DR_ALTERNATIVES_MAX);
    for (uint32_t i = 0; i < shape->alternatives_count; i += 1) {
        struct dr_alternative *alternative = &shape->alternatives[i];

        u64(walk, &alternative->chips);
        u32(walk, &alternative->tasks);
        u32(walk, &alternative->accelerators_per_task);
        u32(walk, &alternative->cpus_per_task);
        u32(walk, &alternative->memory_mb_per_task);
        u32(walk, &alternative->tasks_per_node_max);
        u32(walk, &alternative->factor);
    }
    later_u8(walk, 33, &shape->sizes);
    u8(walk, &shape->level_kind);
    name(walk, shape->level);
    walk_sites(walk, &shape->sites);
    later_name(walk, 57, shape->partition);
    u32(walk, &shape->data_class.v);
    shape->datasets_count = count(walk, shape->datasets_count, DR_DATASETS_OF_A_JOB);
    for (uint32_t i = 0; i < shape->datasets_count; i += 1) {
        u32(walk, &shape->datasets[i]);
        bounded(walk, shape->datasets[i] - 1, core->datasets_count - 1);
    }
    bounded(walk, shape->data_class.v, core->classes_count);
}

static void walk_extents(struct walk *walk, struct dr_core *core, uint32_t *first)
{
    uint32_t length = 0;

    for (uint32_t row = walk->mode == WALK_LOAD ? DR_ROW_NONE : *first; row != DR_ROW_NONE;
         row = core->extents[row].next)
        length += 1;
    length = count(walk, length, core->limits.extents_max - core->extents_high);
    if (walk->mode != WALK_LOAD) {
        for (uint32_t row = *first; row != DR_ROW_NONE; row = core->extents[row].next) {
            u32(walk, &core->extents[row].extent.node.v);
            u32(walk, &core->extents[row].extent.tasks);
            u64(walk, &core->extents[row].extent.accelerators);
        }
        return;
    }
    *first = DR_ROW_NONE;
    if (length > 0) {
        size_t mark = core->scratch.used;
        struct dr_extent *extents = dr_arena_push(&core->scratch, length, sizeof extents[0]);

        if (extents == NULL) {
            walk->status = DR_E_CORRUPT;
            return;
        }
        for (uint32_t i = 0; i < length; i += 1) {
            u32(walk, &extents[i].node.v);
            u32(walk, &extents[i].tasks);
            u64(walk, &extents[i].accelerators);
            bounded(walk, extents[i].node.v - 1, core->nodes_count - 1);
        }
        if (walk->status == DR_OK)
            *first = dr_rows_extents_push(core, extents, length);
        dr_arena_reset(&core->scratch, mark);
    }
}

static void walk_job(struct walk *walk, struct dr_core *core, struct dr_job *job)
{
    struct dr_shape shape;
    struct dr_terms terms;
    struct dr_run run;

    memset(&terms, 0, sizeof terms);
    if (walk->mode != WALK_LOAD)
        terms = *dr_job_terms(core, job);
    run = *dr_job_run(core, job);
    u64(walk, &job->text);
    u64(walk, &job->name_key);
    u64(walk, &terms.array_job);
    u64(walk, &job->submit_seq);
    u64(walk, &job->last_seq);
    i64(walk, &job->submit_us);
    i64(walk, &terms.begin_us);
    i64(walk, &terms.deadline_us);
    i64(walk, &job->limit_us);
    i64(walk, &terms.checkpoint_us);
    i64(walk, &terms.restart_us);
    i64(walk, &terms.grace_us);
    i64(walk, &terms.warn_before_us);
    u64(walk, &terms.seed_runtime_us);
    u32(walk, &job->account.v);
    u32(walk, &terms.user.v);
    i32(walk, &job->priority);
    u32(walk, &job->array_index);
    u32(walk, &terms.array_limit);
    u32(walk, &terms.warn_signal);
    u8(walk, &job->state);
    u8(walk, &terms.limit_total);
    u8(walk, &terms.deadline_ends);
    u8(walk, &terms.preemptible);
    later_u8(walk, 24, &terms.flexible);
    u8(walk, &terms.requeue);
    u8(walk, &job->held);
    u8(walk, &terms.checkpoint_on_warning);
    later_i64(walk, 55, &terms.unreachable_us);
    u8(walk, &run.checkpoint_proven);
    u8(walk, &job->doomed);
    u32(walk, &run.attempt);
    u32(walk, &run.pool.v);
    u8(walk, &run.alternative);
    u8(walk, &run.rule);
    u8(walk, &run.stopping);
    u8(walk, &run.before_unreachable);
    u8(walk, &run.saved_after_warning);
    i64(walk, &run.placed_us);
    i64(walk, &run.start_us);
    i64(walk, &run.stop_until_us);
    later_i64(walk, 56, &run.give_up_us);
    i64(walk, &run.attempt_limit_us);
    later_u32(walk, 11, &run.attempt_factor);
    i64(walk, &run.saved_us);
    u64(walk, &run.stopping_for.v);
    i64(walk, &run.run_us);
    i64(walk, &run.kept_us);
    later_i64(walk, 12, &run.run_factor_us);
    i64(walk, &run.first_start_us);
    u32(walk, &run.preemptions);
    u32(walk, &run.requeues);
    u32(walk, &run.promise_pool.v);
    u8(walk, &run.promise_alternative);
    u8(walk, &run.promise_cause);
    i64(walk, &run.promise_until_us);
    u32(walk, &run.reservation_pool.v);
    u8(walk, &run.reservation_alternative);
    i64(walk, &run.reservation_us);
    i64(walk, &run.ended_us);
    i64(walk, &run.end_us);
    i32(walk, &run.exit_code);
    i32(walk, &run.signal);
    i64(walk, &run.cpu_time_us);
    i64(walk, &run.memory_mb_peak);
    walk_extents(walk, core, &run.extents);
    walk_extents(walk, core, &run.promise);
    walk_extents(walk, core, &run.reservation);
    if (walk->mode != WALK_LOAD) {
        walk_shape(walk, core, &core->shapes[job->shape]);
        return;
    }
    memset(&shape, 0, sizeof shape);
    walk_shape(walk, core, &shape);
    bounded(walk, job->account.v - 1, core->accounts_count - 1);
    bounded(walk, terms.user.v, core->users_count);
    bounded(walk, run.pool.v, core->pools_count);
    bounded(walk, run.promise_pool.v, core->pools_count);
    bounded(walk, run.reservation_pool.v, core->pools_count);
    bounded(walk, job->state, DR_JOB_DEADLINE);
    bounded(walk, run.before_unreachable, DR_JOB_UNREACHABLE);
    bounded(walk, run.alternative, shape.alternatives_count - 1);
    bounded(walk, run.promise_alternative, shape.alternatives_count - 1);
    bounded(walk, run.reservation_alternative, shape.alternatives_count - 1);
    bounded(walk, (run.promise != DR_ROW_NONE) > (run.promise_pool.v != 0), 0);
    bounded(walk, (run.extents != DR_ROW_NONE) > (run.pool.v != 0), 0);
    if (walk->status == DR_OK)
        job->shape = dr_rows_shape_take(core, &shape);
    if (walk->status == DR_OK)
        job->terms = dr_rows_terms_take(core, &terms);
    if (walk->status == DR_OK && memcmp(&run, &core->runs[0], sizeof run) != 0)
        *dr_rows_run(core, job) = run;
}

static void walk_jobs(struct walk *walk, struct dr_core *core)
{
    uint32_t jobs = count(walk, core->jobs_count, core->limits.jobs_max);
    uint64_t before = walk->hash;
    uint64_t sum = 0;

    if (walk->mode == WALK_LOAD) {
        for (uint32_t i = 0; i < jobs && walk->status == DR_OK; i += 1) {
            uint64_t id = 0;

            u64(walk, &id);
            if (id == 0 || id > core->job_id_last ||
                dr_row_map_find(&core->job_rows, id) != DR_MAP_NONE) {
                walk->status = DR_E_CORRUPT;
                return;
            }
            walk_job(walk, core, &core->jobs[dr_rows_job_push(core, (dr_job_id){id})]);
        }
        return;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        struct dr_job *job = &core->jobs[row];

        if (job->id.v == 0)
            continue;
        walk->hash = 0;
        u64(walk, &job->id.v);
        walk_job(walk, core, job);
        sum += walk->hash;
    }
    walk->hash = dr_hash_fold(before, sum);
}

/* Dependencies come after all jobs, since they name them. */
static void walk_edges(struct walk *walk, struct dr_core *core)
{
    uint32_t edges = count(walk, core->edges_count, core->edges_max);
    uint64_t before = walk->hash;
    uint64_t sum = 0;

    if (walk->mode == WALK_LOAD) {
        for (uint32_t i = 0; i < edges && walk->status == DR_OK; i += 1) {
            uint64_t dependent = 0;
            uint64_t target = 0;
            uint32_t kind = 0;
            uint32_t from;
            uint32_t to;

            u64(walk, &dependent);
            u64(walk, &target);
            u32(walk, &kind);
            from = dr_row_map_find(&core->job_rows, dependent);
            to = dr_row_map_find(&core->job_rows, target);
            if (from == DR_MAP_NONE || to == DR_MAP_NONE || kind > DR_DEPENDENCY_SINGLETON) {
                walk->status = DR_E_CORRUPT;
                return;
            }
            dr_rows_edge_push(core, (enum dr_dependency_kind)kind, from, to);
        }
        return;
    }
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        if (core->jobs[row].id.v == 0)
            continue;
        for (uint32_t at = dr_job_ties(core, &core->jobs[row])->edges; at != DR_ROW_NONE;
             at = core->edges[at].next_of_dependent) {
            struct dr_edge *edge = &core->edges[at];
            uint32_t kind = (uint32_t)edge->kind;

            walk->hash = 0;
            u64(walk, &core->jobs[edge->dependent.v].id.v);
            u64(walk, &core->jobs[edge->target.v].id.v);
            u32(walk, &kind);
            sum += walk->hash;
        }
    }
    walk->hash = dr_hash_fold(before, sum);
}

/* ---- the walk ---- */

static void walk_core(struct walk *walk, struct dr_core *core)
{
    uint32_t version = walk->mode == WALK_HASH ? HASH_VERSION : WALK_VERSION;

    u32(walk, &version);
    if (walk->mode == WALK_LOAD && walk->status == DR_OK && version != WALK_VERSION) {
        walk->status = DR_E_UNSUPPORTED;
        return;
    }
    u64(walk, &core->seq);
    u64(walk, &core->epoch);
    u64(walk, &core->job_id_last);
    i64(walk, &core->time_us);
    i64(walk, &core->tick_us);
    walk_settings(walk, &core->settings);
#define ROWS(table, max) core->table##_count = count(walk, core->table##_count, max)
    ROWS(chips, DR_CHIPS_MAX);
    ROWS(sites, DR_SITES_MAX);
    ROWS(groups, core->limits.groups_max);
    ROWS(pools, core->limits.pools_max);
    ROWS(nodes, core->limits.nodes_max);
    ROWS(classes, DR_DATA_CLASSES_MAX);
    ROWS(datasets, core->limits.datasets_max);
    ROWS(accounts, core->limits.accounts_max);
    ROWS(users, core->limits.users_max);
    ROWS(tokens, core->limits.tokens_max);
#undef ROWS
    for (uint32_t row = 0; row < core->chips_count; row += 1)
        walk_chip(walk, &core->chips[row]);
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        walk_site(walk, &core->sites[row]);
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        walk_slurm(walk, &core->site_slurm[row]);
    for (uint32_t row = 0; row < core->groups_count; row += 1) {
        name(walk, core->groups[row].name);
        u8(walk, &core->groups[row].resource);
        later_u8(walk, 3, &core->groups[row].removed);
        later_u8(walk, 4, &core->groups[row].leaving);
        bounded(walk, core->groups[row].resource, DR_RESOURCE_COUNT - 1);
    }
    for (uint32_t row = 0; row < core->pools_count; row += 1)
        walk_pool(walk, core, &core->pools[row]);
    for (uint32_t row = 0; row < core->nodes_count; row += 1)
        walk_node(walk, core, &core->nodes[row], core->node_notes[row]);
    for (uint32_t row = 0; row < core->classes_count; row += 1)
        walk_class(walk, &core->classes[row]);
    for (uint32_t row = 0; row < core->datasets_count; row += 1)
        walk_dataset(walk, &core->datasets[row]);
    for (uint32_t row = 0; row < core->accounts_count; row += 1)
        walk_account(walk, core, row);
    later_u32(walk, 13, &core->allocations_count);
    bounded(walk, core->allocations_count, DR_ALLOCATIONS_MAX);
    for (uint32_t row = 0; row < core->allocations_count && walk->status == DR_OK; row += 1)
        walk_allocation(walk, core, &core->allocations[row]);
    later_u32(walk, 21, &core->zones_count);
    bounded(walk, core->zones_count, DR_ZONES_MAX);
    for (uint32_t row = 0; row < core->zones_count && walk->status == DR_OK; row += 1)
        walk_zone(walk, &core->zones[row]);
    for (uint32_t row = 0; row < core->sites_count; row += 1)
        bounded(walk, core->sites[row].zone.v, core->zones_count);
    later_u32(walk, 22, &core->grid_cap_id_last);
    later_u32(walk, 23, &core->grid_caps_count);
    bounded(walk, core->grid_caps_count, DR_GRID_CAPS_MAX);
    for (uint32_t row = 0; row < core->grid_caps_count && walk->status == DR_OK; row += 1)
        walk_grid_cap(walk, core, &core->grid_caps[row]);
    later_u32(walk, 40, &core->window_id_last);
    later_u32(walk, 41, &core->windows_count);
    bounded(walk, core->windows_count, DR_WINDOWS_MAX);
    for (uint32_t row = 0; row < core->windows_count && walk->status == DR_OK; row += 1)
        walk_window(walk, core, &core->windows[row]);
    walk_mix(walk, core->mix);
    for (uint32_t row = 0; row < core->users_count; row += 1)
        walk_user(walk, core, &core->users[row]);
    for (uint32_t row = 0; row < core->tokens_count; row += 1)
        walk_token(walk, core, &core->tokens[row]);
    if (walk->status != DR_OK)
        return; /* jobs refer to all of these */
    walk_jobs(walk, core);
    if (walk->status == DR_OK)
        walk_edges(walk, core);
}

uint64_t dr_core_hash(const struct dr_core *core)
{
    struct walk walk;

    walk.mode = WALK_HASH;
    walk.hash = 0;
    walk.status = DR_OK;
    walk_core(&walk, (struct dr_core *)core); /* this mode writes nothing */
    DR_ASSERT(walk.status == DR_OK);
    return walk.hash;
}

enum dr_status dr_core_save(const struct dr_core *core, dr_write_bytes *write, void *context)
{
    struct walk walk;

    walk.mode = WALK_SAVE;
    walk.hash = 0;
    walk.write = write;
    walk.context = context;
    walk.status = DR_OK;
    walk.used = 0;
    walk_core(&walk, (struct dr_core *)core); /* this mode writes nothing */
    flush(&walk);
    return walk.status;
}

enum dr_status dr_core_load(struct dr_core *core, dr_read_bytes *read, void *context)
{
    struct walk walk;

    DR_ASSERT(core->seq == 0 && core->jobs_count == 0);
    walk.mode = WALK_LOAD;
    walk.hash = 0;
    walk.read = read;
    walk.context = context;
    walk.status = DR_OK;
    walk_core(&walk, core);
    if (walk.status == DR_OK)
        dr_core_index(core);
    return walk.status;
}
