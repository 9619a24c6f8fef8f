/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.c: a forked child runs the same core ahead.
 *
 * The child owns a copy of the state as of the end of a turn, so it begins with what is durable. It
 * plays the sites itself: an attempt starts the moment it is placed and ends when its limit is
 * over; one that was told to leave ends with its grace. Ticks pass with the events. It stops when
 * every job that was pending has started, at the horizon, or when its CPU time is used up, and says
 * how far it came. */
#include "serve/forecast.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/events.h"
#include "base/sort.h"
#include "serve/internal.h"

#define HORIZON_US (30 * DR_DAY_US)
#define CPU_US     (5 * DR_SECOND_US)

struct start {
    uint64_t job; /* 0 in the last record: start_us is how far the child came */
    int64_t start_us;
};

/* ---- the child ---- */

enum { END, END_STOPPED }; /* kinds of events: by itself, with its grace */

struct ahead {
    struct dr_core *core;
    struct dr_batch batch;
    int64_t now_us;
    int64_t tick_us; /* between ticks */
    struct dr_events ends;
    struct dr_map waiting; /* jobs whose start is wanted: 1 */
    struct dr_arena arena;
    int pipe;
    uint32_t written_count;
    struct start written[512];
};

static void write_all(int pipe, const void *bytes, size_t count)
{
    const char *from = bytes;

    while (count > 0) {
        ssize_t written = write(pipe, from, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) /* nobody waits for this any more */
            _exit(1);
        from += written;
        count -= (size_t)written;
    }
}

static void say(struct ahead *ahead, uint64_t job, int64_t start_us)
{
    ahead->written[ahead->written_count] = (struct start){job, start_us};
    ahead->written_count += 1;
    if (job != 0 && ahead->written_count < DR_COUNT_OF(ahead->written))
        return;
    write_all(ahead->pipe, ahead->written, ahead->written_count * sizeof ahead->written[0]);
    ahead->written_count = 0;
}

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
        if (dr_map_find(&ahead->waiting, effect->job.v) != DR_MAP_NONE) {
            dr_map_remove(&ahead->waiting, effect->job.v);
            say(ahead, effect->job.v, ahead->now_us);
        }
        admit_attempt(ahead, DR_COMMAND_STARTED, effect->job.v, effect->attempt, DR_OUTCOME_EXITED);
        dr_events_push(&ahead->ends,
                       (struct dr_event){.time_us = ahead->now_us +
                                                    dr_job_run(ahead->core, job)->attempt_limit_us,
                                         .job = effect->job.v,
                                         .attempt = effect->attempt});
    } else if (effect->kind == DR_EFFECT_STOP) {
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

static int64_t cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * DR_SECOND_US + used.tv_nsec / 1000;
}

/* What holds a place now: believed to end as its limit says. An attempt at a site that does not
 * answer holds its place until the site does, which nobody can foretell. */
static void begin(struct ahead *ahead)
{
    struct dr_core *core = ahead->core;
    uint32_t waiting = 0;

    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        waiting += core->jobs[row].id.v != 0 && core->jobs[row].state == DR_JOB_PENDING;
    if (dr_arena_init(&ahead->arena, (size_t)(waiting + 16) * 64) != DR_OK ||
        dr_map_init(&ahead->waiting, &ahead->arena, waiting + 1) != DR_OK)
        _exit(1);
    for (uint32_t row = 0; row < core->jobs_high; row += 1) {
        const struct dr_job *job = &core->jobs[row];
        struct dr_event end = {.job = job->id.v, .attempt = dr_job_run(ahead->core, job)->attempt};

        if (job->id.v == 0)
            continue;
        if (job->state == DR_JOB_PENDING)
            dr_map_insert(&ahead->waiting, job->id.v, 1);
        if (job->state != DR_JOB_CONFIGURING && job->state != DR_JOB_RUNNING &&
            job->state != DR_JOB_COMPLETING)
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

static void pass_tick(struct ahead *ahead)
{
    struct dr_command tick = controller_command(DR_COMMAND_TICK);
    struct dr_answer answer;

    if (ahead->now_us - ahead->core->tick_us < ahead->tick_us)
        return;
    dr_admit(ahead->core, &tick, ahead->now_us, &ahead->batch, &answer);
}

DR_NORETURN static void run_ahead(struct ahead *ahead)
{
    int64_t horizon_us = ahead->now_us + HORIZON_US;
    int64_t cpu_end_us = cpu_us() + CPU_US;
    uint32_t ticks = 2;

    begin(ahead);
    for (;;) {
        int64_t next_us;
        int64_t event_us;

        pass_tick(ahead);
        while (dr_decide(ahead->core, ahead->now_us, &ahead->batch))
            settle_effects(ahead);
        settle_effects(ahead);
        if (ahead->waiting.count == 0)
            break;
        event_us = dr_events_next_us(&ahead->ends);
        next_us = dr_core_next_time_us(ahead->core);
        if (next_us <= ahead->now_us) /* it could do nothing about it just now */
            next_us = ahead->now_us + ahead->tick_us;
        if (event_us < next_us)
            next_us = event_us;
        /* Some plans are made anew on ticks alone: two of them pass after every event. */
        if (ticks > 0 && next_us > ahead->now_us + ahead->tick_us) {
            next_us = ahead->now_us + ahead->tick_us;
            ticks -= 1;
        } else {
            ticks = 2;
        }
        if (next_us > horizon_us || cpu_us() > cpu_end_us) {
            if (next_us > horizon_us)
                ahead->now_us = horizon_us;
            break;
        }
        ahead->now_us = next_us;
        while (dr_events_next_us(&ahead->ends) <= ahead->now_us) {
            struct dr_event end = dr_events_pop(&ahead->ends);

            /* An attempt that is over already is refused, which is right. */
            admit_attempt(ahead, DR_COMMAND_ENDED, end.job, end.attempt,
                          end.kind == END_STOPPED ? DR_OUTCOME_STOPPED : DR_OUTCOME_EXITED);
            settle_effects(ahead);
        }
    }
    say(ahead, 0, ahead->now_us);
    _exit(0);
}

/* ---- the parent ---- */

struct asker {
    dr_job_id job;
    void (*answered)(void *context, const struct dr_forecast_answer *answer);
    void *context;
};

struct dr_forecast {
    struct dr_controller *controller;
    struct child child;
    /* of the running child */
    DR_LIST(struct asker) askers;
    DR_LIST(struct asker) later; /* who need a younger one than the running child's */
    struct dr_buffer coming;
    int64_t begun_us;
    uint64_t begun_seq;
    uint64_t begun_job; /* the last job id that the child knows */
    /* the last whole answer, by job id */
    struct start *starts;
    uint32_t starts_count;
    int64_t made_us; /* 0: none yet */
    uint64_t made_seq;
    uint64_t made_job;
    int64_t horizon_us;
    int64_t failed_monotonic_us;
};

static int compare_starts(const void *a, const void *b, const void *context)
{
    const struct start *left = a;
    const struct start *right = b;

    (void)context;
    return left->job < right->job ? -1 : left->job > right->job;
}

static struct dr_forecast_answer answer_of(const struct dr_forecast *forecast, dr_job_id job)
{
    struct dr_forecast_answer answer = {
        .state = DR_FORECAST_NONE,
        .made_us = forecast->made_us,
        .horizon_us = forecast->horizon_us,
        .seq = forecast->made_seq,
    };
    uint32_t low = 0;
    uint32_t high = forecast->starts_count;

    if (forecast->made_us == 0 || job.v > forecast->made_job)
        return answer;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (forecast->starts[middle].job == job.v) {
            answer.state = DR_FORECAST_STARTS;
            answer.start_us = forecast->starts[middle].start_us;
            return answer;
        }
        if (forecast->starts[middle].job < job.v)
            low = middle + 1;
        else
            high = middle;
    }
    answer.state = DR_FORECAST_BEYOND;
    return answer;
}

static void answer_all(struct dr_forecast *forecast)
{
    /* An asker may ask again from within its answer. */
    uint32_t count = forecast->askers.count;
    struct asker *askers = forecast->askers.items;

    memset(&forecast->askers, 0, sizeof forecast->askers);
    for (uint32_t i = 0; i < count; i += 1) {
        struct dr_forecast_answer answer = answer_of(forecast, askers[i].job);

        askers[i].answered(askers[i].context, &answer);
    }
    free(askers);
}

static void start_child(struct dr_forecast *forecast);

static void take_answer(struct dr_forecast *forecast, int status)
{
    size_t count = forecast->coming.length / sizeof(struct start);
    const struct start *starts = (const struct start *)(const void *)forecast->coming.data;

    if (status != 0 || count == 0 || forecast->coming.length % sizeof(struct start) != 0 ||
        starts[count - 1].job != 0) {
        controller_log(forecast->controller, "a forecast failed with status %d", status);
        return;
    }
    free(forecast->starts);
    forecast->starts_count = (uint32_t)count - 1;
    forecast->horizon_us = starts[count - 1].start_us - forecast->begun_us;
    forecast->starts = malloc(count * sizeof *starts);
    DR_ASSERT(forecast->starts != NULL);
    memcpy(forecast->starts, starts, count * sizeof *starts);
    dr_sort(forecast->starts, forecast->starts_count, sizeof *starts, compare_starts, NULL);
    forecast->made_us = forecast->begun_us;
    forecast->made_seq = forecast->begun_seq;
    forecast->made_job = forecast->begun_job;
}

static void child_ready(void *context, uint32_t events)
{
    struct dr_forecast *forecast = context;
    uint8_t bytes[65536];
    ssize_t count;

    (void)events;
    for (;;) {
        count = read(forecast->child.pipe, bytes, sizeof bytes);
        if (count <= 0)
            break;
        dr_buffer_append(&forecast->coming, bytes, (size_t)count);
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    dr_controller_poll(forecast->controller, forecast->child.pipe, 0, NULL, NULL);
    take_answer(forecast, child_collect(&forecast->child));
    dr_buffer_deinit(&forecast->coming);
    answer_all(forecast);
    /* Those who came too late for this child get the next one. */
    if (forecast->later.count > 0) {
        for (uint32_t i = 0; i < forecast->later.count; i += 1)
            DR_LIST_PUSH(&forecast->askers, forecast->later.items[i]);
        forecast->later.count = 0;
        if (forecast->child.pid == 0)
            start_child(forecast);
    }
}

static void start_child(struct dr_forecast *forecast)
{
    struct dr_controller *c = forecast->controller;
    struct rlimit limit = {.rlim_cur = CPU_US / DR_SECOND_US + 2, .rlim_max = RLIM_INFINITY};
    struct ahead *ahead;
    int forked;

    forecast->begun_us = c->now_us;
    forecast->begun_seq = dr_core_seq(c->core);
    forecast->begun_job = c->core->job_id_last;
    forked = child_fork(&forecast->child);
    if (forked == 0) {
        /* The limit is only for a child that goes astray between its own looks at the clock. */
        setrlimit(RLIMIT_CPU, &limit);
        if (nice(5) == -1)
            errno = 0;
        ahead = calloc(1, sizeof *ahead);
        if (ahead == NULL)
            _exit(1);
        ahead->core = c->core;
        ahead->batch = c->batch;
        dr_batch_clear(&ahead->batch);
        ahead->batch.seq_first = dr_core_seq(c->core) + 1;
        ahead->now_us = c->now_us;
        ahead->tick_us = c->options.tick_us;
        ahead->pipe = forecast->child.pipe;
        run_ahead(ahead);
    }
    dr_buffer_init(&forecast->coming, (size_t)(c->core->jobs_high + 1) * sizeof(struct start));
    if (forked > 0 && dr_controller_poll(c, forecast->child.pipe, EPOLLIN, child_ready, forecast))
        return;
    controller_log(c, "a forecast can't be started: %s", strerror(errno));
    if (forked > 0)
        child_end(&forecast->child);
    answer_all(forecast);
}

struct dr_forecast *dr_forecast_open(struct dr_controller *controller)
{
    struct dr_forecast *forecast = calloc(1, sizeof *forecast);

    DR_ASSERT(forecast != NULL);
    forecast->controller = controller;
    forecast->child.pipe = -1;
    return forecast;
}

void dr_forecast_close(struct dr_forecast *forecast)
{
    if (forecast == NULL)
        return;
    if (forecast->child.pid != 0) {
        dr_controller_poll(forecast->controller, forecast->child.pipe, 0, NULL, NULL);
        child_end(&forecast->child);
    }
    dr_buffer_deinit(&forecast->coming);
    free(forecast->askers.items);
    free(forecast->later.items);
    free(forecast->starts);
    free(forecast);
}

void dr_forecast_ask(struct dr_forecast *forecast, dr_job_id job, int64_t age_us_max,
                     void (*answered)(void *context, const struct dr_forecast_answer *answer),
                     void *context)
{
    struct asker asker = {job, answered, context};
    int64_t now_us = forecast->controller->now_us;

    if (forecast->made_us != 0 && now_us - forecast->made_us <= age_us_max &&
        job.v <= forecast->made_job) {
        struct dr_forecast_answer answer = answer_of(forecast, job);

        answered(context, &answer);
        return;
    }
    if (forecast->child.pid != 0 &&
        (now_us - forecast->begun_us > age_us_max || job.v > forecast->begun_job)) {
        DR_LIST_PUSH(&forecast->later, asker);
        return;
    }
    DR_LIST_PUSH(&forecast->askers, asker);
    if (forecast->child.pid == 0)
        start_child(forecast);
}
