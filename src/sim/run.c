/* SPDX-License-Identifier: Apache-2.0 */
/* See run.h; read dr_sim_run() at the end first. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"
#include "core/state.h"
#include "sim/policy.h"

#define TICKS_AFTER      2
#define PLACE_BYTES_MAX  (16u << 20) /* of one gang in the schedule */
#define STEPS_PER_LOOK   512         /* between two looks whether to go on */
#define POLICY_BYTES_MAX (1u << 16)  /* of what was run, as the measures say it */

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
    if (!dr_sim_admit(sim, &command, &answer)) {
        dr_measures_refused(sim->measures);
        dr_error_set(&error, NULL, sim->row.line, answer.field, dr_refusal_name(answer.refused),
                     "a job that is let in: %s", answer.text);
        say(sim, &error);
        return;
    }
    row = dr_job_find(sim->core, answer.job).v;
    sim->known[row] = (struct dr_known){
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
    admitted = dr_sim_admit(sim, &command, &answer);
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

static enum dr_status step(struct dr_sim *sim, struct dr_error *error)
{
    struct dr_failure failure;

    dr_sim_happen(sim);
    while (sim->failures != NULL && dr_failures_pop(sim->failures, sim->now_us, &failure))
        dr_sim_change_node(sim, &failure);
    dr_sim_happen(sim); /* to who was on them */
    while (sim->has_row && sim->row_us <= sim->now_us) {
        enum dr_status status;

        submit(sim);
        dr_sim_flush(sim);
        status = read_row(sim, error);
        if (status != DR_OK)
            return status;
    }
    dr_sim_flush(sim);
    if (!sim->core->dirty && sim->now_us < next_tick_us(sim) &&
        sim->now_us < dr_core_next_time_us(sim->core))
        return DR_OK; /* there is nothing to decide */
    tick(sim);
    dr_sim_flush(sim);
    while (dr_decide(sim->core, sim->now_us, &sim->fold.batch))
        dr_sim_flush(sim);
    dr_sim_flush(sim);
    sim->decisions += 1;
    dr_measures_level(sim->measures, sim->now_us, &sim->level);
    return DR_OK;
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
    dr_sim_leave_off(sim);
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

static void flush_of(void *sim)
{
    dr_sim_flush(sim);
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
            dr_sim_count_capacity(sim, &sim->core->nodes[row], 1);
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
