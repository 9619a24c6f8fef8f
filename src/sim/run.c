/* SPDX-License-Identifier: Apache-2.0 */
/* See run.h; read dr_sim_run() at the end first. */
#include "sim/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/events.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/fold.h"
#include "sim/policy.h"

#define NONE             DR_ROW_NONE
#define TICKS_AFTER      2
#define PLACE_BYTES_MAX  (16u << 20) /* of one gang in the schedule */
#define STEPS_PER_LOOK   512         /* between two looks whether to go on */
#define POLICY_BYTES_MAX (1u << 16)  /* of what was run, as the measures say it */

/* What the site knows of a job and the core does not, by the core's row. */
struct known {
    uint64_t row_job; /* as the trace has it */
    int64_t runtime_us;
    int64_t kept_us; /* work, at factor 1 */
    int64_t first_start_us;
    int64_t start_us; /* of the attempt that runs */
    int64_t alone_us; /* run time where it ran last, had it run once */
    uint32_t attempt; /* that runs; 0: none */
    uint8_t status;   /* enum dr_trace_status */
    struct dr_asked asked;
};

enum event_kind { EVENT_CHECKPOINT, EVENT_END, EVENT_STOPPED };

struct dr_sim {
    struct dr_sim_options options;
    struct dr_fold fold;
    struct dr_core *core; /* fold's */
    struct dr_trace *trace;
    struct dr_jobs *jobs;
    struct dr_measures *measures;
    struct dr_failures *failures; /* NULL: none */
    struct dr_measures_level level;
    struct known *known; /* [jobs_max], touched as used */
    struct dr_arena arena;
    struct dr_events events;
    int64_t now_us;
    int64_t first_us;        /* the first submit */
    int64_t horizon_us;      /* DR_FOREVER_US: none */
    struct dr_trace_row row; /* the next that comes */
    int64_t row_us;
    int has_row;
    int follows; /* some row may depend on others */
    uint32_t ticks_left;
    uint64_t rows;
    uint64_t bad_rows;
    uint64_t ended;
    uint64_t held; /* that wait for somebody to release them: nobody does */
    uint64_t facts;
    uint64_t decisions;
    int interrupted;
    struct dr_buffer place; /* of the attempt that ends */
};

/* ---- what the core says ---- */

static int64_t on_trace(const struct dr_sim *sim, int64_t us)
{
    return us - sim->options.jobs.base_us;
}

static struct dr_schedule_row schedule_row(const struct dr_sim *sim, uint32_t row, int64_t end_us,
                                           enum dr_schedule_outcome outcome)
{
    const struct known *known = &sim->known[row];

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

/* Effects of what was just admitted or decided; carrying them out admits more. */
static void flush(struct dr_sim *sim)
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

static void flush_of(void *sim)
{
    flush(sim);
}

static int admit(struct dr_sim *sim, const struct dr_command *command, struct dr_answer *answer)
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
    admitted = admit(sim, &command, &answer);
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
    const struct known *known = &sim->known[row];

    if (known->status == DR_TRACE_TIMEOUT)
        return DR_FOREVER_US;
    return dr_mul_div_ceil(known->runtime_us - known->kept_us,
                           factor_of(sim->core, &sim->core->jobs[row]), 1000) +
           restart_us(sim, row);
}

static void push_checkpoint(struct dr_sim *sim, uint32_t row, int64_t end_us)
{
    const struct dr_job *job = &sim->core->jobs[row];
    const struct known *known = &sim->known[row];
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
    struct known *known = &sim->known[row];
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
    struct known *known = &sim->known[row];
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

/* How the attempt ended, by what the core made of it. */
static enum dr_schedule_outcome outcome_of(const struct dr_sim *sim, uint32_t row,
                                           enum dr_stop_cause stopping)
{
    switch ((enum dr_job_state)sim->core->jobs[row].state) {
    case DR_JOB_COMPLETED:
        return DR_SCHEDULE_completed;
    case DR_JOB_FAILED:
        return sim->known[row].status == DR_TRACE_CANCELLED ? DR_SCHEDULE_cancelled
                                                            : DR_SCHEDULE_failed;
    case DR_JOB_TIMEOUT:
        return DR_SCHEDULE_timeout;
    case DR_JOB_PREEMPTED:
        return DR_SCHEDULE_preempted;
    case DR_JOB_NODE_FAIL:
        return DR_SCHEDULE_node_fail;
    case DR_JOB_PENDING:
        return stopping == DR_STOP_NODE || stopping == DR_STOP_NONE ? DR_SCHEDULE_node_fail
                                                                    : DR_SCHEDULE_preempted;
    case DR_JOB_CANCELLED:
    case DR_JOB_DEADLINE:
    case DR_JOB_OUT_OF_MEMORY:
    case DR_JOB_CONFIGURING:
    case DR_JOB_RUNNING:
    case DR_JOB_COMPLETING:
    case DR_JOB_UNREACHABLE:
        return DR_SCHEDULE_cancelled;
    }
    return DR_SCHEDULE_cancelled;
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

static void end_attempt(struct dr_sim *sim, uint32_t row, int is_stopped)
{
    const struct dr_job *job = &sim->core->jobs[row];
    const struct dr_run *run = dr_job_run(sim->core, job);
    struct known *known = &sim->known[row];
    uint32_t factor = factor_of(sim->core, job);
    int64_t ran_us = sim->now_us - known->start_us;
    int is_done = ran_us >= needs_us(sim, row);
    enum dr_stop_cause stopping = (enum dr_stop_cause)run->stopping;
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

/* ---- nodes that fail ---- */

static void count_capacity(struct dr_sim *sim, const struct dr_node *node, int sign)
{
    const struct dr_pool *pool = &sim->core->pools[node->pool.v - 1];

    sim->level.capacity_milli += sign * (int64_t)pool->accelerators * 1000;
    sim->level.cpus_capacity += sign * (int64_t)pool->cpus;
}

static void change_node(struct dr_sim *sim, const struct dr_failure *failure)
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
    admitted = admit(sim, &command, &answer);
    DR_ASSERT(admitted);
    count_capacity(sim, node, failure->is_down ? -1 : 1);
    flush(sim);
}

/* ---- jobs that come ---- */

static void say(struct dr_sim *sim, struct dr_error *error)
{
    if (error->file[0] == 0)
        dr_format(error->file, sizeof error->file, "%s", dr_lines_path(dr_trace_lines(sim->trace)));
    if (sim->options.say != NULL)
        sim->options.say(sim->options.context, error);
}

/* The next row that is right. DR_OK also where there is none: `has_row`. */
static enum dr_status read_row(struct dr_sim *sim, struct dr_error *error)
{
    for (;;) {
        enum dr_status status = dr_trace_next(sim->trace, &sim->row, error);

        sim->has_row = status == DR_OK;
        if (status == DR_E_END)
            return DR_OK;
        sim->rows += 1;
        if (status == DR_OK) {
            if (sim->jobs != NULL)
                sim->row_us = dr_jobs_submit_us(sim->jobs, &sim->row);
            return DR_OK;
        }
        sim->bad_rows += 1;
        if (status != DR_E_INPUT ||
            sim->bad_rows * 1000 > (sim->rows + 99) * sim->options.bad_row_milli)
            return status;
        say(sim, error);
    }
}

static void submit(struct dr_sim *sim)
{
    struct dr_error error = {0};
    struct dr_command command;
    struct dr_answer answer = {0};
    uint32_t row;

    if (dr_jobs_command(sim->jobs, &sim->row, &command, &error) != DR_OK) {
        dr_measures_refused(sim->measures);
        say(sim, &error);
        return;
    }
    if (!admit(sim, &command, &answer)) {
        dr_measures_refused(sim->measures);
        dr_error_set(&error, NULL, sim->row.line, answer.field, dr_refusal_name(answer.refused),
                     "a job that is let in: %s", answer.text);
        say(sim, &error);
        return;
    }
    row = dr_job_find(sim->core, answer.job).v;
    sim->known[row] = (struct known){
        .row_job = sim->row.job,
        .runtime_us = sim->row.runtime_us,
        .first_start_us = INT64_MIN,
        .status = (uint8_t)(sim->row.status == DR_TRACE_TIMEOUT && sim->row.limit_us == 0
                                ? DR_TRACE_FAILED
                                : sim->row.status),
        .asked = dr_measures_submitted(sim->measures, sim->now_us, row),
    };
    sim->level.pending += 1;
    if (sim->follows)
        dr_jobs_accepted(sim->jobs, sim->row.job, answer.job);
}

/* ---- the loop ---- */

static void tick(struct dr_sim *sim)
{
    struct dr_command command = {.kind = DR_COMMAND_TICK, .roles = 0xff};
    struct dr_answer answer;
    int admitted;

    if (sim->now_us - sim->core->tick_us < sim->options.tick_us)
        return;
    admitted = admit(sim, &command, &answer);
    DR_ASSERT(admitted);
}

/* The next tick that may change anything: those before it are left out. */
static int64_t next_tick_us(const struct dr_sim *sim)
{
    int64_t every_us = sim->options.tick_us;
    int64_t tick_us = sim->core->tick_us + every_us;
    int64_t quiet_us = dr_core_quiet_until_us(sim->core);

    if (tick_us < quiet_us)
        tick_us += (quiet_us - tick_us + every_us - 1) / every_us * every_us;
    return tick_us;
}

/* Failures go on for ever: where nobody runs or comes any more and no repair is under way, they
 * help nobody. */
static int64_t next_failure_us(const struct dr_sim *sim)
{
    if (!sim->has_row && sim->level.running == 0 && dr_failures_repairs(sim->failures) == 0)
        return DR_FOREVER_US;
    return dr_failures_next_us(sim->failures);
}

/* When something happens next; DR_FOREVER_US: nothing does. */
static int64_t next_us(struct dr_sim *sim)
{
    int64_t event_us = dr_events_next_us(&sim->events);
    int64_t core_us = dr_core_next_time_us(sim->core);
    int64_t tick_us = next_tick_us(sim);
    int ticks = sim->ticks_left > 0 || (sim->level.pending > 0 && sim->level.running > 0 &&
                                        !sim->core->settings.no_preemption);

    if (sim->has_row)
        event_us = dr_min_i64(event_us, sim->row_us);
    if (sim->failures != NULL)
        event_us = dr_min_i64(event_us, next_failure_us(sim));
    if (core_us <= sim->now_us) /* it could do nothing about it just now */
        core_us = sim->now_us + sim->options.tick_us;
    event_us = dr_min_i64(event_us, core_us);
    if (event_us > tick_us && ticks && sim->level.pending > 0 && tick_us > sim->now_us) {
        sim->ticks_left -= sim->ticks_left > 0;
        return tick_us;
    }
    sim->ticks_left = TICKS_AFTER;
    return event_us;
}

/* What happens to attempts in this instant. */
static void happen_all(struct dr_sim *sim)
{
    while (dr_events_next_us(&sim->events) <= sim->now_us) {
        struct dr_event event = dr_events_pop(&sim->events);

        happen(sim, &event);
        if (sim->fold.batch.effects_count > 0)
            flush(sim);
    }
}

static enum dr_status step(struct dr_sim *sim, struct dr_error *error)
{
    struct dr_failure failure;

    happen_all(sim);
    while (sim->failures != NULL && dr_failures_pop(sim->failures, sim->now_us, &failure))
        change_node(sim, &failure);
    happen_all(sim); /* to who was on them */
    while (sim->has_row && sim->row_us <= sim->now_us) {
        enum dr_status status;

        submit(sim);
        flush(sim);
        status = read_row(sim, error);
        if (status != DR_OK)
            return status;
    }
    tick(sim);
    flush(sim);
    while (dr_decide(sim->core, sim->now_us, &sim->fold.batch))
        flush(sim);
    flush(sim);
    sim->decisions += 1;
    dr_measures_level(sim->measures, sim->now_us, &sim->level);
    return DR_OK;
}

/* What is left when it ends: rows of those who run on, and of the rest none. */
static void leave_off(struct dr_sim *sim)
{
    for (uint32_t row = 0; row < sim->core->jobs_high; row += 1) {
        const struct dr_job *job = &sim->core->jobs[row];
        const struct known *known = &sim->known[row];
        int64_t held_milli = 0;

        if (job->id.v == 0 || dr_job_state_ended((enum dr_job_state)job->state))
            continue;
        if (known->attempt != 0) {
            held_milli = dr_job_holds(sim->core, job).of[DR_RESOURCE_ACCELERATORS];
            if (sim->options.schedule != NULL)
                dr_schedule_place(&sim->place, sim->core, row);
            write_row(sim, row, INT64_MIN, DR_SCHEDULE_unfinished);
            dr_measures_attempt(sim->measures, &(struct dr_measures_attempt){
                                                   .outcome = DR_SCHEDULE_unfinished,
                                                   .end_us = sim->now_us,
                                                   .accelerators_milli = held_milli,
                                                   .ran_us = sim->now_us - known->start_us,
                                               });
        }
        job_over(sim, row, DR_SCHEDULE_unfinished, held_milli);
    }
}

enum dr_status dr_sim_run(struct dr_sim *sim, struct dr_error *error)
{
    enum dr_status status;
    uint32_t steps = 0;

    if (sim->has_row) {
        sim->first_us = sim->row_us;
        if (sim->options.horizon_us > 0)
            sim->horizon_us = sim->first_us + sim->options.horizon_us;
        sim->measures = dr_measures_open(sim->core, sim->first_us + sim->options.warmup_us);
        sim->ticks_left = TICKS_AFTER;
    } else {
        sim->first_us = sim->now_us - sim->options.warmup_us;
        sim->measures = dr_measures_open(sim->core, sim->now_us);
    }
    if (sim->options.schedule != NULL)
        dr_schedule_header(sim->options.schedule);
    while (sim->has_row || sim->level.running > 0 || sim->level.pending > sim->held) {
        int64_t time_us = next_us(sim);

        if (time_us >= DR_FOREVER_US) /* those who wait will wait for ever */
            break;
        if (time_us > sim->horizon_us) {
            sim->now_us = sim->horizon_us;
            break;
        }
        sim->now_us = time_us;
        status = step(sim, error);
        if (status != DR_OK)
            return status;
        steps += 1;
        if (steps % STEPS_PER_LOOK == 0 && sim->options.go_on != NULL &&
            !sim->options.go_on(sim->options.context)) {
            sim->interrupted = 1;
            break;
        }
    }
    dr_measures_level(sim->measures, sim->now_us, &sim->level);
    leave_off(sim);
    if ((sim->options.schedule != NULL && ferror(sim->options.schedule)) ||
        (sim->options.facts != NULL && ferror(sim->options.facts))) {
        dr_error_set(error, "", 0, "", "a file that can't be written", "room on the disk");
        return DR_E_IO;
    }
    return DR_OK;
}

struct dr_sim_progress dr_sim_progress(const struct dr_sim *sim)
{
    const struct dr_lines *lines = dr_trace_lines(sim->trace);
    uint64_t bytes = dr_lines_bytes(lines);

    return (struct dr_sim_progress){
        .now_us = sim->now_us,
        .first_us = sim->first_us,
        .jobs = sim->rows,
        .ended = sim->ended,
        .pending = sim->level.pending,
        .running = sim->level.running,
        .read_part = bytes == 0 ? 0 : (double)dr_lines_at(lines) / (double)bytes,
    };
}

const struct dr_core *dr_sim_core(const struct dr_sim *sim)
{
    return sim->core;
}

/* ---- what came of it ---- */

static struct dr_measures_about about_run(const struct dr_sim *sim)
{
    return (struct dr_measures_about){
        .policy = "{}",
        .base_us = sim->options.jobs.base_us,
        .from_us = sim->first_us + sim->options.warmup_us,
        .until_us = sim->now_us,
        .jobs = sim->rows,
        .facts = sim->facts,
        .decisions = sim->decisions,
        .state_hash = dr_core_hash(sim->core),
        .bad_rows = sim->bad_rows,
        .interrupted = sim->interrupted,
    };
}

void dr_sim_json(struct dr_sim *sim, struct dr_buffer *out)
{
    struct dr_buffer policy DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_measures_about about = about_run(sim);

    dr_buffer_init(&policy, POLICY_BYTES_MAX);
    dr_sim_policy_json(&sim->options, sim->core, &policy);
    about.policy = dr_buffer_text(&policy);
    dr_measures_json(sim->measures, &about, out);
}

void dr_sim_measures_csv(struct dr_sim *sim, struct dr_buffer *out)
{
    struct dr_measures_about about = about_run(sim);

    dr_measures_csv(sim->measures, &about, out);
}

void dr_sim_series_csv(struct dr_sim *sim, struct dr_buffer *out)
{
    struct dr_measures_about about = about_run(sim);

    dr_measures_series_csv(sim->measures, &about, out);
}

/* ---- opening ---- */

/* The federation's settings with what the options say otherwise. */
static enum dr_status declare_switches(struct dr_sim *sim, struct dr_error *error)
{
    const struct dr_settings *from = &sim->core->settings;
    const struct dr_sim_options *options = &sim->options;
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_fact_settings_set *to = &command.body.declare.settings_set;

    if (options->ordering < 0 && options->backfill == DR_SIM_BACKFILL_AS_IS &&
        options->preemption < 0 && options->placement < 0)
        return DR_OK;
    command.body.declare.kind = DR_FACT_SETTINGS_SET;
    *to = dr_settings_fact(from);
    if (options->ordering >= 0)
        to->ordering = (uint8_t)options->ordering;
    if (options->placement >= 0)
        to->placement = (uint8_t)options->placement;
    if (options->preemption >= 0)
        to->no_preemption = !options->preemption;
    if (options->backfill != DR_SIM_BACKFILL_AS_IS)
        to->no_backfill = options->backfill == DR_SIM_BACKFILL_NONE;
    if (options->backfill == DR_SIM_BACKFILL_GREEDY)
        to->reserve_depth = 0;
    if (options->backfill == DR_SIM_BACKFILL_EASY)
        to->reserve_depth = 1;
    if (options->backfill == DR_SIM_BACKFILL_CONSERVATIVE)
        to->reserve_depth = 1000;
    return dr_fold_admit(&sim->fold, &command, "settings", error);
}

static enum dr_status begin(struct dr_sim *sim, struct dr_federation *federation,
                            struct dr_error *error)
{
    enum dr_status status = dr_trace_open(&sim->trace, sim->options.trace, error);

    if (status == DR_OK)
        status = read_row(sim, error);
    if (status != DR_OK)
        return status;
    /* The federation is there before the first job comes, also where that is before the clock's 0.
     */
    sim->fold.now_us =
        sim->options.jobs.base_us + (sim->has_row ? dr_min_i64(0, sim->row.submit_us) : 0);
    sim->fold.flush = flush_of;
    sim->fold.context = sim;
    status = dr_fold_open(&sim->fold, error);
    sim->core = sim->fold.core;
    sim->now_us = sim->fold.now_us;
    if (status != DR_OK)
        return status;
    if (dr_arena_init(&sim->arena,
                      (size_t)DR_LIMITS_DEFAULT.jobs_max * sizeof sim->known[0] + 4096) != DR_OK) {
        dr_error_set(error, NULL, 0, "", "too little address space", "room for the jobs");
        return DR_E_FULL;
    }
    sim->known = dr_arena_push(&sim->arena, DR_LIMITS_DEFAULT.jobs_max, sizeof sim->known[0]);
    status = dr_fold_federation(&sim->fold, federation, error);
    if (status == DR_OK)
        status = declare_switches(sim, error);
    if (status == DR_OK)
        status = dr_jobs_open(&sim->jobs, sim->core, &sim->options.jobs, error);
    if (status != DR_OK)
        return status;
    if (sim->has_row)
        sim->row_us = dr_jobs_submit_us(sim->jobs, &sim->row);
    sim->follows = dr_trace_has(sim->trace, DR_TRACE_depends);
    for (uint32_t row = 0; row < sim->core->nodes_count; row += 1)
        if (!sim->core->nodes[row].removed)
            count_capacity(sim, &sim->core->nodes[row], 1);
    if (sim->options.failures.rates_count > 0 || sim->options.failures.list != NULL)
        status = dr_failures_open(&sim->failures, sim->core, &sim->options.failures,
                                  sim->options.jobs.seed, sim->has_row ? sim->row_us : sim->now_us,
                                  sim->options.jobs.base_us, error);
    return status;
}

enum dr_status dr_sim_open(struct dr_sim **sim, struct dr_federation *federation,
                           const struct dr_sim_options *options, struct dr_error *error)
{
    struct dr_sim *made = calloc(1, sizeof *made);
    enum dr_status status;

    DR_ASSERT(made != NULL);
    *sim = NULL;
    made->options = *options;
    made->horizon_us = DR_FOREVER_US;
    dr_buffer_init(&made->place, PLACE_BYTES_MAX);
    status = begin(made, federation, error);
    if (status != DR_OK) {
        dr_sim_close(made);
        return status;
    }
    *sim = made;
    return DR_OK;
}

void dr_sim_close(struct dr_sim *sim)
{
    if (sim == NULL)
        return;
    dr_trace_close(sim->trace);
    dr_jobs_close(sim->jobs);
    dr_failures_close(sim->failures);
    dr_measures_close(sim->measures);
    dr_fold_close(&sim->fold);
    dr_arena_deinit(&sim->arena);
    dr_buffer_deinit(&sim->place);
    dr_events_deinit(&sim->events);
    free(sim);
}
