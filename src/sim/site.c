/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated site: it runs what is launched as the trace says, and reports it. See internal.h;
 * read dr_sim_happen() and carry_out(). */
#include "sim/internal.h"

#include "base/assert.h"
#include "base/math.h"
#include "core/state.h"

#define NONE DR_ROW_NONE

enum event_kind { EVENT_CHECKPOINT, EVENT_END, EVENT_STOPPED };

/* ---- what the core says ---- */

static int64_t on_trace(const struct dr_sim *sim, int64_t us)
{
    return us - sim->options.jobs.base_us;
}

static struct dr_schedule_row schedule_row(const struct dr_sim *sim, uint32_t row, int64_t end_us,
                                           enum dr_schedule_outcome outcome)
{
    const struct dr_known *known = &sim->known[row];

    return (struct dr_schedule_row){
        .job = known->row_job,
        .submit_us = on_trace(sim, sim->core->jobs[row].submit_us),
        .start_us = on_trace(sim, known->start_us),
        .end_us = end_us == INT64_MIN ? INT64_MIN : on_trace(sim, end_us),
        .outcome = outcome,
    };
}

/* `sim->place` says where it ran. */
static void write_row(struct dr_sim *sim, uint32_t row, int64_t end_us,
                      enum dr_schedule_outcome outcome)
{
    struct dr_schedule_row about = schedule_row(sim, row, end_us, outcome);

    if (sim->options.schedule != NULL)
        dr_schedule_write(sim->options.schedule, sim->core, row, &about,
                          dr_buffer_text(&sim->place));
}

static void carry_out(struct dr_sim *sim, const struct dr_effect *effect);

void dr_sim_flush(struct dr_sim *sim)
{
    for (uint32_t i = 0; i < sim->fold.batch.effects_count; i += 1) {
        struct dr_effect effect = sim->fold.batch.effects[i];

        carry_out(sim, &effect);
    }
    sim->facts += sim->fold.batch.facts_count;
    if (sim->options.facts != NULL && sim->fold.batch.bytes_count > 0)
        fwrite(sim->fold.batch.bytes, 1, sim->fold.batch.bytes_count, sim->options.facts);
    dr_batch_clear(&sim->fold.batch);
}

int dr_sim_admit(struct dr_sim *sim, const struct dr_command *command, struct dr_answer *answer)
{
    return dr_admit(sim->core, command, sim->now_us, &sim->fold.batch, answer);
}

static void report(struct dr_sim *sim, enum dr_command_kind kind, const struct dr_job *job,
                   enum dr_outcome outcome, int32_t exit_code)
{
    struct dr_command command = {.kind = kind, .roles = 0xff};
    struct dr_answer answer;
    int admitted;

    command.body.attempt.job = job->id;
    command.body.attempt.attempt = dr_job_run(sim->core, job)->attempt;
    command.body.attempt.time_us = sim->now_us;
    command.body.attempt.outcome = outcome;
    command.body.attempt.exit_code = exit_code;
    admitted = dr_sim_admit(sim, &command, &answer);
    DR_ASSERT(admitted);
}

/* ---- the site ---- */

static uint32_t factor_of(const struct dr_core *core, const struct dr_job *job)
{
    uint32_t factor =
        core->shapes[job->shape].alternatives[dr_job_run(core, job)->alternative].factor;

    return factor == 0 ? 1000 : factor;
}

/* Running time that an attempt needs before its work goes on. */
static int64_t restart_us(const struct dr_sim *sim, uint32_t row)
{
    const struct dr_job *job = &sim->core->jobs[row];

    return dr_job_run(sim->core, job)->attempt > 1 ? dr_job_terms(sim->core, job)->restart_us : 0;
}

/* Running time of the attempt for what is left of the work; one that the trace says to be ended by
 * its limit is never done. */
static int64_t needs_us(const struct dr_sim *sim, uint32_t row)
{
    const struct dr_known *known = &sim->known[row];

    if (known->status == DR_TRACE_TIMEOUT)
        return DR_FOREVER_US;
    return dr_mul_div_ceil(known->runtime_us - known->kept_us,
                           factor_of(sim->core, &sim->core->jobs[row]), 1000) +
           restart_us(sim, row);
}

static void push_checkpoint(struct dr_sim *sim, uint32_t row, int64_t end_us)
{
    const struct dr_job *job = &sim->core->jobs[row];
    const struct dr_known *known = &sim->known[row];
    int64_t every_us = dr_job_terms(sim->core, job)->checkpoint_us;
    int64_t from_us = known->start_us + restart_us(sim, row);
    int64_t next_us = from_us + (dr_max_i64(sim->now_us - from_us, 0) / every_us + 1) * every_us;

    if (next_us < end_us)
        dr_events_push(&sim->events,
                       (struct dr_event){next_us, job->id.v, known->attempt, EVENT_CHECKPOINT});
}

/* When the running attempt ends by itself. */
static int64_t natural_end_us(const struct dr_sim *sim, uint32_t row)
{
    const struct dr_run *run = dr_job_run(sim->core, &sim->core->jobs[row]);

    return sim->known[row].start_us + dr_min_i64(needs_us(sim, row), run->attempt_limit_us);
}

/* An attempt has come to hold its place (sign 1), or is about to give it back (-1). Returns the
 * accelerators, in thousandths. */
static int64_t count_held(struct dr_sim *sim, uint32_t row, int sign)
{
    struct dr_amounts holds = dr_job_holds(sim->core, &sim->core->jobs[row]);

    dr_measures_holds(sim->measures, sim->now_us, row, sign);
    sim->level.held_milli += sign * holds.of[DR_RESOURCE_ACCELERATORS];
    sim->level.cpus_held += sign * holds.of[DR_RESOURCE_CPUS];
    return holds.of[DR_RESOURCE_ACCELERATORS];
}

/* A job waits again (sign 1), or no more (-1). */
static void count_waits(struct dr_sim *sim, uint32_t row, int sign)
{
    dr_measures_waits(sim->measures, sim->now_us, row, sim->known[row].asked, sign);
    sim->level.pending += (uint64_t)sign;
}

static void launch(struct dr_sim *sim, uint32_t row)
{
    const struct dr_job *job = &sim->core->jobs[row];
    struct dr_known *known = &sim->known[row];
    int64_t end_us;

    report(sim, DR_COMMAND_STARTED, job, DR_OUTCOME_EXITED, 0);
    known->attempt = dr_job_run(sim->core, job)->attempt;
    known->start_us = sim->now_us;
    if (known->first_start_us == INT64_MIN)
        known->first_start_us = sim->now_us;
    known->alone_us = dr_mul_div_ceil(known->runtime_us, factor_of(sim->core, job), 1000);
    count_held(sim, row, 1);
    sim->level.running += 1;
    count_waits(sim, row, -1);
    end_us = natural_end_us(sim, row);
    dr_events_push(&sim->events, (struct dr_event){end_us, job->id.v, known->attempt, EVENT_END});
    if (dr_job_terms(sim->core, job)->checkpoint_us > 0)
        push_checkpoint(sim, row, end_us);
}

static void job_over(struct dr_sim *sim, uint32_t row, enum dr_schedule_outcome outcome,
                     int64_t held_milli)
{
    const struct dr_job *job = &sim->core->jobs[row];
    struct dr_known *known = &sim->known[row];
    int64_t deadline_us = dr_job_terms(sim->core, job)->deadline_us;

    sim->ended += 1;
    if (sim->follows)
        dr_jobs_ended(sim->jobs, known->row_job, (enum dr_job_state)job->state);
    dr_measures_job(sim->measures, &(struct dr_measures_job){
                                       .outcome = outcome,
                                       .account = job->account.v,
                                       .job_class = dr_job_class_of(sim->core, row),
                                       .asked_within = known->asked.within,
                                       .accelerators_milli = held_milli,
                                       .submit_us = job->submit_us,
                                       .first_start_us = known->first_start_us,
                                       .end_us = sim->now_us,
                                       .alone_us = known->alone_us,
                                       .deadline_us = deadline_us != 0 ? deadline_us : INT64_MIN,
                                   });
}

static void carry_out(struct dr_sim *sim, const struct dr_effect *effect)
{
    uint32_t row = dr_job_find(sim->core, effect->job).v;
    const struct dr_job *job;

    if (row == NONE)
        return;
    job = &sim->core->jobs[row];
    switch (effect->kind) {
    case DR_EFFECT_LAUNCH:
        launch(sim, row);
        return;
    case DR_EFFECT_STOP:
        dr_events_push(&sim->events, (struct dr_event){dr_max_i64(effect->until_us, sim->now_us),
                                                       job->id.v, effect->attempt, EVENT_STOPPED});
        return;
    case DR_EFFECT_ENDED:
        /* One that never ran, or waits for no other attempt: its dependency can't hold. */
        if (sim->known[row].attempt == 0 && job->state != DR_JOB_COMPLETED &&
            dr_job_run(sim->core, job)->attempt == 0) {
            count_waits(sim, row, -1);
            if (sim->options.schedule != NULL) {
                struct dr_schedule_row about =
                    schedule_row(sim, row, sim->now_us, DR_SCHEDULE_cancelled);

                dr_schedule_write_unstarted(sim->options.schedule, sim->core, job->account, &about);
            }
            job_over(sim, row, DR_SCHEDULE_cancelled, 0);
        }
        return;
    case DR_EFFECT_FORGET:
        return;
    }
}

/* How the attempt ended, by what the core made of it, and by what the trace says of the job. */
static enum dr_schedule_outcome outcome_of(const struct dr_sim *sim, uint32_t row,
                                           enum dr_stop_cause stopping)
{
    enum dr_job_state state = (enum dr_job_state)sim->core->jobs[row].state;

    if (state == DR_JOB_FAILED && sim->known[row].status == DR_TRACE_CANCELLED)
        return DR_SCHEDULE_cancelled;
    return dr_schedule_outcome_of(state, stopping);
}

/* Work that an attempt which did not complete leaves behind: whole checkpoints, at factor 1. */
static int64_t saved_us(const struct dr_sim *sim, uint32_t row, int64_t ran_us)
{
    const struct dr_job *job = &sim->core->jobs[row];
    int64_t every_us = dr_job_terms(sim->core, job)->checkpoint_us;
    int64_t worked_us = ran_us - restart_us(sim, row);

    if (every_us == 0 || worked_us <= 0)
        return 0;
    return dr_mul_div_floor(worked_us / every_us * every_us, 1000, factor_of(sim->core, job));
}

static void tell_ran(struct dr_sim *sim, uint32_t row, dr_pool_id pool,
                     const struct dr_measures_attempt *about)
{
    const struct dr_known *known = &sim->known[row];

    if (sim->options.ran == NULL)
        return;
    sim->options.ran(
        sim->options.context,
        &(struct dr_sim_ran){.job = known->row_job,
                             .start_us = on_trace(sim, known->start_us),
                             .end_us = on_trace(sim, about->end_us),
                             .lost_us = about->lost_us,
                             .accelerators_milli = about->accelerators_milli,
                             .pool = pool,
                             .outcome = about->outcome,
                             .waits_again = sim->core->jobs[row].state == DR_JOB_PENDING});
}

static void end_attempt(struct dr_sim *sim, uint32_t row, int is_stopped)
{
    const struct dr_job *job = &sim->core->jobs[row];
    const struct dr_run *run = dr_job_run(sim->core, job);
    struct dr_known *known = &sim->known[row];
    uint32_t factor = factor_of(sim->core, job);
    int64_t ran_us = sim->now_us - known->start_us;
    int is_done = ran_us >= needs_us(sim, row);
    enum dr_stop_cause stopping = (enum dr_stop_cause)run->stopping;
    dr_pool_id pool = run->pool;
    struct dr_measures_attempt about = {.end_us = sim->now_us, .ran_us = ran_us};

    if (sim->options.schedule != NULL)
        dr_schedule_place(&sim->place, sim->core, row);
    about.accelerators_milli = count_held(sim, row, -1);
    if (is_done)
        report(sim, DR_COMMAND_ENDED, job, DR_OUTCOME_EXITED,
               known->status == DR_TRACE_COMPLETED ? 0 : 1);
    else
        report(sim, DR_COMMAND_ENDED, job, is_stopped ? DR_OUTCOME_STOPPED : DR_OUTCOME_TIMED_OUT,
               0);
    about.outcome = outcome_of(sim, row, stopping);
    write_row(sim, row, sim->now_us, about.outcome);
    sim->level.running -= 1;
    if (about.outcome != DR_SCHEDULE_completed) {
        int64_t kept_us = job->state == DR_JOB_PENDING ? saved_us(sim, row, ran_us) : 0;

        known->kept_us += kept_us;
        about.lost_us = ran_us - dr_mul_div_floor(kept_us, factor, 1000);
    } else if (known->attempt > 1) {
        about.lost_us = dr_min_i64(ran_us, restart_us(sim, row));
    }
    known->attempt = 0;
    dr_measures_attempt(sim->measures, &about);
    tell_ran(sim, row, pool, &about);
    sim->held += job->state == DR_JOB_PENDING && job->held;
    if (job->state == DR_JOB_PENDING)
        count_waits(sim, row, 1);
    else
        job_over(sim, row, about.outcome, about.accelerators_milli);
}

static void happen(struct dr_sim *sim, const struct dr_event *event)
{
    uint32_t row = dr_job_find(sim->core, (dr_job_id){event->job}).v;

    if (row == NONE || sim->known[row].attempt != event->attempt)
        return; /* that attempt is over */
    if (event->kind == EVENT_CHECKPOINT) {
        report(sim, DR_COMMAND_CHECKPOINT, &sim->core->jobs[row], DR_OUTCOME_EXITED, 0);
        push_checkpoint(sim, row, natural_end_us(sim, row));
        return;
    }
    end_attempt(sim, row, event->kind == EVENT_STOPPED);
}

void dr_sim_happen(struct dr_sim *sim)
{
    while (dr_events_next_us(&sim->events) <= sim->now_us) {
        struct dr_event event = dr_events_pop(&sim->events);

        happen(sim, &event);
        if (sim->fold.batch.effects_count > 0)
            dr_sim_flush(sim);
    }
}

/* ---- nodes that fail ---- */

void dr_sim_count_capacity(struct dr_sim *sim, const struct dr_node *node, int sign)
{
    const struct dr_pool *pool = &sim->core->pools[node->pool.v - 1];

    sim->level.capacity_milli += sign * (int64_t)pool->accelerators * 1000;
    sim->level.cpus_capacity += sign * (int64_t)pool->cpus;
}

void dr_sim_change_node(struct dr_sim *sim, const struct dr_failure *failure)
{
    const struct dr_node *node = &sim->core->nodes[failure->node.v - 1];
    struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff};
    struct dr_answer answer;
    int admitted;

    if (node->removed || node->down == failure->is_down)
        return;
    command.body.node.node = failure->node.v;
    command.body.node.drained = node->drained;
    command.body.node.down = (uint8_t)failure->is_down;
    admitted = dr_sim_admit(sim, &command, &answer);
    DR_ASSERT(admitted);
    dr_sim_count_capacity(sim, node, failure->is_down ? -1 : 1);
    sim->level.nodes_changed += 1;
    dr_sim_flush(sim);
}

/* ---- at the end ---- */

void dr_sim_leave_off(struct dr_sim *sim)
{
    for (uint32_t row = 0; row < sim->core->jobs_high; row += 1) {
        const struct dr_job *job = &sim->core->jobs[row];
        const struct dr_known *known = &sim->known[row];
        struct dr_measures_attempt about;
        int64_t held_milli = 0;

        if (job->id.v == 0 || dr_job_state_ended((enum dr_job_state)job->state))
            continue;
        if (known->attempt != 0) {
            held_milli = dr_job_holds(sim->core, job).of[DR_RESOURCE_ACCELERATORS];
            if (sim->options.schedule != NULL)
                dr_schedule_place(&sim->place, sim->core, row);
            write_row(sim, row, INT64_MIN, DR_SCHEDULE_unfinished);
            about = (struct dr_measures_attempt){
                .outcome = DR_SCHEDULE_unfinished,
                .end_us = sim->now_us,
                .accelerators_milli = held_milli,
                .ran_us = sim->now_us - known->start_us,
            };
            dr_measures_attempt(sim->measures, &about);
            tell_ran(sim, row, dr_job_run(sim->core, job)->pool, &about);
        }
        job_over(sim, row, DR_SCHEDULE_unfinished, held_milli);
    }
}
