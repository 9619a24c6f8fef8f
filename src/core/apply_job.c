/* SPDX-License-Identifier: Apache-2.0 */
/* What facts of jobs and their attempts change, and what is to be done then. See apply.c. */
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

void dr_apply_job_accepted(struct dr_core *core, const struct dr_fact *fact)
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
    memcpy(shape.partition, accepted->partition, sizeof shape.partition);
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
    terms.unreachable_us = accepted->unreachable_us;
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

void dr_apply_job_held(struct dr_core *core, const struct dr_fact_job_held *fact)
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

void dr_apply_job_released(struct dr_core *core, const struct dr_fact_job_released *fact)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);

    DR_ASSERT(job->state == DR_JOB_PENDING && job->held);
    job->held = 0;
    if (dr_rows_job_queued(core, job))
        dr_queue_add(core, (dr_job_row){row});
}

void dr_apply_job_promised(struct dr_core *core, const struct dr_fact_job_promised *fact)
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
    dr_window_look_again(core);
}

void dr_apply_promise_dropped(struct dr_core *core, uint64_t id)
{
    uint32_t row;
    struct dr_job *job = job_at(core, id, &row);

    DR_ASSERT(dr_rows_job_queued(core, job));
    dr_queue_remove(core, (dr_job_row){row});
    drop_promise(core, job);
    dr_queue_add(core, (dr_job_row){row});
}

void dr_apply_reservation_made(struct dr_core *core, const struct dr_fact_reservation_made *fact)
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

void dr_apply_reservation_dropped(struct dr_core *core, uint64_t id)
{
    uint32_t row;
    struct dr_job *job = job_at(core, id, &row);

    DR_ASSERT(dr_rows_job_queued(core, job));
    dr_queue_remove(core, (dr_job_row){row});
    drop_reservation(core, job);
    dr_queue_add(core, (dr_job_row){row});
}

void dr_apply_job_placed(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch)
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

void dr_apply_attempt_started(struct dr_core *core, const struct dr_fact_attempt_started *fact)
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
    if (dr_job_believed_end_us(core, job) > believed_us)
        dr_window_look_again(core);
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

void dr_apply_attempt_reach(struct dr_core *core, const struct dr_fact_attempt_reach *fact,
                            int64_t now_us)
{
    uint32_t row;
    struct dr_job *job = job_at(core, fact->job, &row);

    DR_ASSERT(dr_job_run(core, job)->attempt == fact->attempt);
    DR_ASSERT(!dr_job_state_ended(job->state) && job->state != DR_JOB_PENDING);
    dr_rows_reach(core, row, fact->answers, now_us);
    if (!fact->answers)
        dr_window_look_again(core);
}

int dr_apply_checkpoint_seen(struct dr_core *core, const struct dr_fact_checkpoint_seen *fact)
{
    uint32_t row;
    int quiet = 1;
    struct dr_job *job = job_at(core, fact->job, &row);
    struct dr_run *run = dr_rows_run(core, job);

    DR_ASSERT(run->attempt == fact->attempt);
    if (fact->saved_us > run->saved_us) {
        run->saved_us = fact->saved_us;
        /* It is a cheaper victim: another set may do for who has hunted in vain. */
        if (dr_lent_ripe(core, row) && !core->settings.no_preemption) {
            dr_seats_stir(core, run->pool);
            quiet = 0;
        }
    }
    if (run->stopping != DR_STOP_NONE) {
        run->checkpoint_proven = 1;
        run->saved_after_warning = 1;
    }
    return quiet;
}

void dr_apply_attempt_stopping(struct dr_core *core, const struct dr_fact_attempt_stopping *fact,
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
    dr_power_ease(core);
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
    struct dr_amounts amounts = dr_job_holds(core, job);
    int64_t held_ms = (now_us - run->placed_us) / 1000;
    struct dr_energy energy = dr_job_energy(core, job, run->placed_us, now_us);

    account->accelerator_ms += amounts.of[DR_RESOURCE_ACCELERATORS] * held_ms / 1000;
    account->cpu_ms += amounts.of[DR_RESOURCE_CPUS] * held_ms / 1000;
    account->energy_j += energy.energy_j;
    account->cost_micro += energy.cost_micro;
}

void dr_apply_attempt_ended(struct dr_core *core, const struct dr_fact *fact,
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
    run->give_up_us = 0;
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
    if (dr_stop_is_preemption((enum dr_stop_cause)run->stopping)) {
        run->preemptions += 1;
        account->preempted += 1;
    }
    if (dr_job_state_ended(ended->next_state)) {
        end_job(core, row, ended->next_state, fact->time_us, batch);
        return;
    }
    DR_ASSERT(ended->next_state == DR_JOB_PENDING);
    job->state = DR_JOB_PENDING;
    run->requeues += run->stopping != DR_STOP_ATTAINED; /* to take turns is no failure */
    run->stopping = DR_STOP_NONE;
    run->stopping_for.v = 0;
    run->stop_until_us = 0;
    job->held = ended->hold;
    account->pending += 1;
    if (dr_rows_job_queued(core, job))
        dr_queue_add(core, (dr_job_row){row});
}

void dr_apply_job_ended(struct dr_core *core, const struct dr_fact *fact, struct dr_batch *batch)
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
