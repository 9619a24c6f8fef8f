/* SPDX-License-Identifier: Apache-2.0 */
/* See ahead.h. */
#include "serve/ahead.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/math.h"

#define CPU_S_MAX 20 /* for a child that goes astray between its own looks at the clock */

#define TICKS_AFTER 2 /* an event */

enum { END, END_STOPPED }; /* kinds of events: by itself, with its grace */

static void admit_attempt(struct ahead *ahead, enum dr_command_kind kind, uint64_t job,
                          uint32_t attempt, enum dr_outcome outcome)
{
    struct dr_command command = controller_command(kind);
    struct dr_answer answer;

    command.body.attempt.job.v = job;
    command.body.attempt.attempt = attempt;
    command.body.attempt.time_us = ahead->now_us;
    command.body.attempt.outcome = outcome;
    dr_admit(ahead->core, &command, ahead->now_us, &ahead->batch, &answer);
}

static void carry_out(struct ahead *ahead, const struct dr_effect *effect)
{
    dr_job_row row = dr_job_find(ahead->core, effect->job);
    const struct dr_job *job;

    if (row.v == DR_ROW_NONE)
        return;
    job = dr_job_at(ahead->core, row);
    if (dr_job_run(ahead->core, job)->attempt != effect->attempt)
        return;
    if (effect->kind == DR_EFFECT_LAUNCH && job->state == DR_JOB_CONFIGURING) {
        if (ahead->started != NULL)
            ahead->started(ahead->context, job);
        admit_attempt(ahead, DR_COMMAND_STARTED, effect->job.v, effect->attempt, DR_OUTCOME_EXITED);
        dr_events_push(&ahead->ends,
                       (struct dr_event){.time_us = ahead->now_us +
                                                    dr_job_run(ahead->core, job)->attempt_limit_us,
                                         .job = effect->job.v,
                                         .attempt = effect->attempt});
    } else if (effect->kind == DR_EFFECT_STOP) {
        if (ahead->leaves != NULL)
            ahead->leaves(ahead->context, job);
        dr_events_push(&ahead->ends, (struct dr_event){.time_us = effect->until_us > ahead->now_us
                                                                      ? effect->until_us
                                                                      : ahead->now_us,
                                                       .job = effect->job.v,
                                                       .attempt = effect->attempt,
                                                       .kind = END_STOPPED});
    }
}

/* Effects of what was just admitted or decided; carrying them out admits more. */
static void settle_effects(struct ahead *ahead)
{
    for (uint32_t i = 0; i < ahead->batch.effects_count; i += 1) {
        struct dr_effect effect = ahead->batch.effects[i];

        carry_out(ahead, &effect);
    }
    dr_batch_clear(&ahead->batch);
}

int ahead_admit(struct ahead *ahead, const struct dr_command *command, struct dr_answer *answer)
{
    int admitted = dr_admit(ahead->core, command, ahead->now_us, &ahead->batch, answer);

    settle_effects(ahead);
    return admitted;
}

static int64_t cpu_used_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * DR_SECOND_US + used.tv_nsec / 1000;
}

/* What holds a place now: believed to end as its limit says. An attempt at a site that does not
 * answer holds its place until the site does, which nobody can foretell. */
static void push_ends(struct ahead *ahead)
{
    const struct dr_core *core = ahead->core;

    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        struct dr_event end = {.job = job->id.v, .attempt = dr_job_run(core, job)->attempt};

        if (job->id.v == 0 || (job->state != DR_JOB_CONFIGURING && job->state != DR_JOB_RUNNING &&
                               job->state != DR_JOB_COMPLETING))
            continue;
        end.time_us = dr_job_believed_end_us(core, job);
        if (job->state == DR_JOB_COMPLETING && dr_job_run(core, job)->stop_until_us < end.time_us) {
            end.time_us = dr_job_run(core, job)->stop_until_us;
            end.kind = END_STOPPED;
        }
        if (end.time_us < ahead->now_us)
            end.time_us = ahead->now_us;
        dr_events_push(&ahead->ends, end);
    }
}

void ahead_begin(struct ahead *ahead, const struct dr_controller *c)
{
    struct rlimit limit = {.rlim_cur = CPU_S_MAX, .rlim_max = RLIM_INFINITY};

    setrlimit(RLIMIT_CPU, &limit);
    if (nice(5) == -1)
        errno = 0;
    ahead->core = c->core;
    ahead->now_us = c->now_us;
    ahead->batch = c->batch;
    dr_batch_clear(&ahead->batch);
    ahead->batch.seq_first = dr_core_seq(c->core) + 1;
    ahead->tick_us = c->options.tick_us;
    push_ends(ahead);
}

static void pass_tick(struct ahead *ahead)
{
    struct dr_command tick = controller_command(DR_COMMAND_TICK);
    struct dr_answer answer;

    if (ahead->now_us - ahead->core->tick_us < ahead->tick_us)
        return;
    dr_admit(ahead->core, &tick, ahead->now_us, &ahead->batch, &answer);
}

/* The next tick that may change anything: those before it are left out. */
static int64_t next_tick_us(const struct ahead *ahead)
{
    int64_t every_us = ahead->tick_us;
    int64_t tick_us = dr_max_i64(ahead->core->tick_us, ahead->now_us) + every_us;
    int64_t quiet_us = dr_core_quiet_until_us(ahead->core);

    if (tick_us < quiet_us)
        tick_us += (quiet_us - tick_us + every_us - 1) / every_us * every_us;
    return tick_us;
}

/* When something happens next. Two ticks pass after every event, since some plans are made anew on
 * ticks alone; while jobs wait and others run that may be taken for them, ticks go on. */
static int64_t next_us(const struct ahead *ahead, uint32_t *ticks)
{
    const struct dr_core *core = ahead->core;
    int64_t tick_us = next_tick_us(ahead);
    int64_t time_us = dr_core_next_time_us(core);
    int ticks_help = !core->settings.no_preemption && core->running.count > 0 &&
                     core->accounts[0].jobs_live > core->running.count;

    if (time_us <= ahead->now_us) /* it could do nothing about it just now */
        time_us = ahead->now_us + ahead->tick_us;
    time_us = dr_min_i64(time_us, dr_events_next_us(&ahead->ends));
    if (time_us <= tick_us || (*ticks == 0 && !ticks_help)) {
        *ticks = TICKS_AFTER;
        return time_us;
    }
    *ticks -= *ticks > 0;
    return tick_us;
}

static void move_on(struct ahead *ahead, int64_t time_us)
{
    if (ahead->passes != NULL)
        ahead->passes(ahead->context, time_us);
    ahead->now_us = time_us;
}

static void end_attempts(struct ahead *ahead)
{
    while (dr_events_next_us(&ahead->ends) <= ahead->now_us) {
        struct dr_event end = dr_events_pop(&ahead->ends);

        /* An attempt that is over already is refused, which is right. */
        admit_attempt(ahead, DR_COMMAND_ENDED, end.job, end.attempt,
                      end.kind == END_STOPPED ? DR_OUTCOME_STOPPED : DR_OUTCOME_EXITED);
        settle_effects(ahead);
    }
}

enum ahead_end ahead_run(struct ahead *ahead, int64_t horizon_us, int64_t cpu_us)
{
    int64_t cpu_end_us = cpu_used_us() + cpu_us;
    uint32_t ticks = TICKS_AFTER;

    for (;;) {
        int64_t time_us;

        pass_tick(ahead);
        while (dr_decide(ahead->core, ahead->now_us, &ahead->batch))
            settle_effects(ahead);
        settle_effects(ahead);
        if (ahead->over != NULL && ahead->over(ahead->context))
            return AHEAD_OVER;
        time_us = next_us(ahead, &ticks);
        if (time_us > horizon_us) {
            move_on(ahead, horizon_us);
            return AHEAD_HORIZON;
        }
        if (cpu_used_us() > cpu_end_us)
            return AHEAD_CPU;
        move_on(ahead, time_us);
        end_attempts(ahead);
    }
}
