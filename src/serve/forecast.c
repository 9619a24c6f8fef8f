/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.c: a forked child runs the same core ahead.
 *
 * The child owns a copy of the state as of the end of a turn, so it begins with what is durable,
 * and runs it ahead (ahead.h). It stops when every job that was pending has started, at the
 * horizon, or when its CPU time is used up, and says how far it came. */
#include "serve/forecast.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/sort.h"
#include "serve/ahead.h"

#define HORIZON_US (30 * DR_DAY_US)
#define CPU_US     (5 * DR_SECOND_US)

struct start {
    uint64_t job; /* 0 in the last record: start_us is how far the child came */
    int64_t start_us;
};

/* ---- the child ---- */

struct foreseeing {
    struct ahead ahead;
    struct dr_map waiting; /* jobs whose start is wanted: 1 */
    struct dr_arena arena;
    int pipe;
    uint32_t written_count;
    struct start written[512];
};

static void say(struct foreseeing *seen, uint64_t job, int64_t start_us)
{
    seen->written[seen->written_count] = (struct start){job, start_us};
    seen->written_count += 1;
    if (job != 0 && seen->written_count < DR_COUNT_OF(seen->written))
        return;
    if (!child_write(seen->pipe, seen->written, seen->written_count * sizeof seen->written[0]))
        _exit(1); /* nobody waits for this any more */
    seen->written_count = 0;
}

static void begin(struct foreseeing *seen)
{
    const struct dr_core *core = seen->ahead.core;
    uint32_t waiting = 0;

    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        waiting += core->jobs[row].id.v != 0 && core->jobs[row].state == DR_JOB_PENDING;
    if (dr_arena_init(&seen->arena, (size_t)(waiting + 16) * 64) != DR_OK ||
        dr_map_init(&seen->waiting, &seen->arena, waiting + 1) != DR_OK)
        _exit(1);
    for (uint32_t row = 0; row < core->jobs_high; row += 1)
        if (core->jobs[row].id.v != 0 && core->jobs[row].state == DR_JOB_PENDING)
            dr_map_insert(&seen->waiting, core->jobs[row].id.v, 1);
}

static void started(void *context, const struct dr_job *job)
{
    struct foreseeing *seen = context;

    if (dr_map_find(&seen->waiting, job->id.v) == DR_MAP_NONE)
        return;
    dr_map_remove(&seen->waiting, job->id.v);
    say(seen, job->id.v, seen->ahead.now_us);
}

static int all_started(void *context)
{
    const struct foreseeing *seen = context;

    return seen->waiting.count == 0;
}

DR_NORETURN static void foresee(const struct dr_controller *c, int pipe)
{
    struct foreseeing *seen = calloc(1, sizeof *seen);

    if (seen == NULL)
        _exit(1);
    seen->pipe = pipe;
    seen->ahead = (struct ahead){.started = started, .over = all_started, .context = seen};
    ahead_begin(&seen->ahead, c);
    begin(seen);
    (void)ahead_run(&seen->ahead, c->now_us + HORIZON_US, CPU_US);
    say(seen, 0, seen->ahead.now_us);
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
    int forked;

    forecast->begun_us = c->now_us;
    forecast->begun_seq = dr_core_seq(c->core);
    forecast->begun_job = c->core->job_id_last;
    forked = child_fork(&forecast->child);
    if (forked == 0)
        foresee(c, forecast->child.pipe);
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
