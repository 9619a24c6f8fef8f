/* SPDX-License-Identifier: Apache-2.0 */
/* dr_apply(): where state changes, and the only place. Read dr_apply() first: it names the function
 * of each fact. The controller's own are here, the federation's in apply_federation.c, those of
 * jobs in apply_job.c, in the order of core/fact_table.h.
 *
 * They assert structure that every version keeps (the job was pending, the accelerator was free,
 * the id is the next one) and no policy: rules change, and tomorrow's program must still read
 * yesterday's facts. */
#include "core/apply.h"

#include "base/math.h"
#include "core/ends.h"
#include "core/lent.h"
#include "core/mix.h"
#include "core/place.h"
#include "core/power.h"
#include "core/quota.h"
#include "core/rows.h"
#include "core/seats.h"
#include "core/timer.h"

/* ---- the controller ---- */

/* While no controller led, nobody listened: who has begun to hears a site out before it counts as
 * silent for as long as a job says. */
static void apply_leader_took(struct dr_core *core, const struct dr_fact_leader_took *fact,
                              int64_t now_us)
{
    DR_ASSERT(fact->epoch > core->epoch); /* I7 */
    core->epoch = fact->epoch;
    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        struct dr_run *run;

        if (dr_job_run(core, &core->jobs[row])->give_up_us == 0)
            continue;
        run = dr_rows_run(core, &core->jobs[row]);
        run->give_up_us = dr_max_i64(run->give_up_us, now_us + DR_UNREACHABLE_LEAST_US);
        dr_timer_update(core, row);
    }
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

static void apply_tick(struct dr_core *core, const struct dr_fact_tick *fact, int64_t now_us,
                       enum dr_rest_level level)
{
    dr_quota_tick(core, now_us, fact->decay);
    core->tick_us = now_us;
    if (level == DR_REST_ALL) {
        dr_place_touch_all(core);
        dr_seats_wake_again(core->seats); /* what memory has missed waits no longer */
    }
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
    settings->no_backfill = fact->no_backfill;
    settings->no_preemption = fact->no_preemption;
    DR_ASSERT(fact->ordering <= DR_ORDERING_LAS && fact->placement <= DR_PLACEMENT_PACK);
    settings->placement = fact->placement;
    if (settings->ordering != fact->ordering) {
        settings->ordering = fact->ordering;
        dr_core_index(core); /* who waits stands in another order */
    }
    for (uint32_t row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row))
        dr_lent_update(core, row); /* by the new minimum_run */
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
    case DR_FACT_ATTEMPT_REACH:
        return fact->attempt_reach.job;
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
    case DR_FACT_DECIDED_NOTHING:
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
    int quiet = 0; /* nobody need be judged for it */
    enum dr_rest_level level;

    DR_ASSERT(fact->seq == core->seq + 1);
    switch (fact->kind) {
    case DR_FACT_LEADER_TOOK:
        apply_leader_took(core, &fact->leader_took, fact->time_us);
        break;
    case DR_FACT_TICK:
        level = dr_rest_tick(core, fact->time_us);
        apply_tick(core, &fact->tick, fact->time_us, level);
        quiet = level == DR_REST_QUIET;
        break;
    case DR_FACT_DECIDED_NOTHING:
        dr_rest_pass(core);
        quiet = 1;
        break;
    case DR_FACT_SETTINGS_SET:
        apply_settings_set(core, &fact->settings_set);
        break;
    case DR_FACT_CHIP_SET:
        dr_apply_chip_set(core, &fact->chip_set);
        core->federation_version += 1;
        break;
    case DR_FACT_CHIP_REMOVED:
        dr_apply_chip_removed(core, &fact->chip_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_SET:
        dr_apply_site_set(core, &fact->site_set);
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_REMOVED:
        dr_apply_site_removed(core, &fact->site_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_SITE_REACH:
        dr_apply_site_reach(core, &fact->site_reach, fact->time_us);
        core->federation_version += 1;
        break;
    case DR_FACT_GROUP_SET:
        dr_apply_group_set(core, &fact->group_set);
        core->federation_version += 1;
        break;
    case DR_FACT_GROUP_REMOVED:
        dr_apply_group_removed(core, &fact->group_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_PART_LEAVING:
        dr_apply_part_leaving(core, &fact->part_leaving);
        core->federation_version += 1;
        break;
    case DR_FACT_POOL_SET:
        dr_apply_pool_set(core, &fact->pool_set);
        core->federation_version += 1;
        break;
    case DR_FACT_POOL_REMOVED:
        dr_apply_pool_removed(core, &fact->pool_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_NODES_ADDED:
        dr_apply_nodes_added(core, &fact->nodes_added);
        core->federation_version += 1;
        break;
    case DR_FACT_NODE_FLAGS:
        dr_apply_node_flags(core, &fact->node_flags, fact->seq, fact->reason);
        if (fact->node_flags.removed)
            core->federation_version += 1;
        break;
    case DR_FACT_DATA_CLASS_SET:
        dr_apply_data_class_set(core, &fact->data_class_set);
        core->federation_version += 1;
        break;
    case DR_FACT_DATA_CLASS_REMOVED:
        DR_ASSERT(fact->data_class_removed.data_class >= 1 &&
                  fact->data_class_removed.data_class <= core->classes_count);
        core->classes[fact->data_class_removed.data_class - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_DATASET_SET:
        dr_apply_dataset_set(core, &fact->dataset_set);
        core->federation_version += 1;
        break;
    case DR_FACT_DATASET_REMOVED:
        DR_ASSERT(fact->dataset_removed.dataset >= 1 &&
                  fact->dataset_removed.dataset <= core->datasets_count);
        core->datasets[fact->dataset_removed.dataset - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_ACCOUNT_SET:
        dr_apply_account_set(core, &fact->account_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ACCOUNT_REMOVED:
        dr_apply_account_removed(core, &fact->account_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_SET:
        dr_apply_allocation_set(core, &fact->allocation_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_REMOVED:
        dr_apply_allocation_removed(core, &fact->allocation_removed);
        core->federation_version += 1;
        break;
    case DR_FACT_ALLOCATION_TERM:
        dr_apply_allocation_term(core, &fact->allocation_term);
        core->federation_version += 1;
        break;
    case DR_FACT_ZONE_SET:
        dr_apply_zone_set(core, &fact->zone_set);
        core->federation_version += 1;
        break;
    case DR_FACT_ZONE_REMOVED:
        DR_ASSERT(fact->zone_removed.zone >= 1 && fact->zone_removed.zone <= core->zones_count);
        core->zones[fact->zone_removed.zone - 1].removed = 1;
        core->federation_version += 1;
        break;
    case DR_FACT_GRID_CAP_SET:
        dr_apply_grid_cap_set(core, &fact->grid_cap_set);
        break;
    case DR_FACT_GRID_CAP_REMOVED:
        dr_apply_grid_cap_removed(core, &fact->grid_cap_removed);
        break;
    case DR_FACT_POWER_SHORT:
        dr_apply_power_short(core, &fact->power_short);
        break;
    case DR_FACT_NODES_POWER:
        dr_apply_nodes_power(core, &fact->nodes_power);
        core->node_words += 1;
        break;
    case DR_FACT_WINDOW_MADE:
        dr_apply_window_made(core, &fact->window_made);
        break;
    case DR_FACT_WINDOW_DROPPED:
        dr_apply_window_dropped(core, &fact->window_dropped);
        break;
    case DR_FACT_WINDOW_HELD:
        dr_apply_window_held(core, &fact->window_held);
        break;
    case DR_FACT_USER_SET:
        dr_apply_user_set(core, &fact->user_set);
        break;
    case DR_FACT_USER_REMOVED:
        DR_ASSERT(fact->user_removed.user >= 1 && fact->user_removed.user <= core->users_count);
        core->users[fact->user_removed.user - 1].removed = 1;
        break;
    case DR_FACT_TOKEN_ISSUED:
        dr_apply_token_issued(core, &fact->token_issued, fact->time_us);
        break;
    case DR_FACT_TOKEN_REVOKED:
        DR_ASSERT(fact->token_revoked.token >= 1 &&
                  fact->token_revoked.token <= core->tokens_count);
        core->tokens[fact->token_revoked.token - 1].revoked = 1;
        break;
    case DR_FACT_JOB_ACCEPTED:
        dr_apply_job_accepted(core, fact);
        break;
    case DR_FACT_JOB_HELD:
        dr_apply_job_held(core, &fact->job_held);
        break;
    case DR_FACT_JOB_RELEASED:
        dr_apply_job_released(core, &fact->job_released);
        break;
    case DR_FACT_JOB_PROMISED:
        dr_apply_job_promised(core, &fact->job_promised);
        break;
    case DR_FACT_PROMISE_DROPPED:
        dr_apply_promise_dropped(core, fact->promise_dropped.job);
        break;
    case DR_FACT_RESERVATION_MADE:
        dr_apply_reservation_made(core, &fact->reservation_made);
        break;
    case DR_FACT_RESERVATION_DROPPED:
        dr_apply_reservation_dropped(core, fact->reservation_dropped.job);
        break;
    case DR_FACT_JOB_PLACED:
        dr_apply_job_placed(core, fact, batch);
        break;
    case DR_FACT_ATTEMPT_STARTED:
        dr_apply_attempt_started(core, &fact->attempt_started);
        break;
    case DR_FACT_CHECKPOINT_SEEN:
        quiet = dr_apply_checkpoint_seen(core, &fact->checkpoint_seen);
        if (quiet)
            dr_rest_pass(core);
        break;
    case DR_FACT_ATTEMPT_REACH:
        dr_apply_attempt_reach(core, &fact->attempt_reach, fact->time_us);
        break;
    case DR_FACT_ATTEMPT_STOPPING:
        dr_apply_attempt_stopping(core, &fact->attempt_stopping, batch);
        break;
    case DR_FACT_ATTEMPT_ENDED:
        dr_apply_attempt_ended(core, fact, batch);
        break;
    case DR_FACT_JOB_ENDED:
        dr_apply_job_ended(core, fact, batch);
        break;
    case DR_FACT_TEXT_ERASED:
        break; /* the store's business; the fact says who and why */
    }
    core->seq = fact->seq;
    core->time_us = fact->time_us;
    core->dirty |= !quiet;
    if (dr_fact_job(fact) != 0) {
        uint32_t about = dr_row_map_find(&core->job_rows, dr_fact_job(fact));

        if (about != DR_MAP_NONE)
            core->jobs[about].last_seq = fact->seq;
        /* Half of all facts; none of these goes by what an attempt has saved. */
        if (about != DR_MAP_NONE && fact->kind != DR_FACT_CHECKPOINT_SEEN) {
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
