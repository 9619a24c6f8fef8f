/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine: opened, closed, and its wheel. Read slurm.h, then README.md, "Slurm"; the head
 * of slurm_internal.h says which file does what.
 *
 * One epoll descriptor has libcurl's sockets, the output of scontrol and a timer. Whatever happens,
 * slurm_turn() does everything that is due and sets the timer to what comes next. */
#include "engine/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/math.h"
#include "engine/slurm_internal.h"

#define POLL_US        (DR_SECOND_US / 5)
#define TIMEOUT_US     (10 * DR_SECOND_US)
#define TOKEN_MORE_S   2   /* a submission's token outlives its request by this */
#define MIN_JOB_AGE_S  300 /* Slurm's default, until the site has told its own */
#define LAUNCH_S       120 /* likewise, generously */
#define REOPENED_US    (120 * DR_SECOND_US)
#define EVENTS_AT_ONCE 64

/* When an engine of this process was closed with submissions whose fate was not known. */
static int64_t left_us;

/* ---- clocks ---- */

int64_t slurm_site_s(const struct slurm *slurm)
{
    return (dr_clock_us() + slurm->ahead_us) / DR_SECOND_US;
}

int64_t slurm_our_us(const struct slurm *slurm, int64_t site_s)
{
    return site_s * DR_SECOND_US - slurm->ahead_us;
}

void slurm_at(struct slurm *slurm, const struct row *row, int64_t monotonic_us)
{
    if (monotonic_us != DR_FOREVER_US)
        dr_events_push(
            &slurm->events,
            (struct dr_event){.time_us = monotonic_us, .job = row->job.v, .attempt = row->attempt});
}

/* ---- reports ---- */

struct dr_report *slurm_report(struct slurm *slurm, enum dr_report_kind kind, dr_job_id job,
                               uint32_t attempt)
{
    struct dr_report *report;

    if (slurm->reports_first + slurm->reports_count == slurm->reports_max) {
        if (slurm->reports_first > slurm->reports_max / 2) {
            memmove(slurm->reports, slurm->reports + slurm->reports_first,
                    slurm->reports_count * sizeof *slurm->reports);
        } else {
            struct dr_report *more;

            slurm->reports_max = slurm->reports_max == 0 ? 64 : slurm->reports_max * 2;
            more = calloc(slurm->reports_max, sizeof *more);
            if (more == NULL)
                abort();
            if (slurm->reports_count > 0)
                memcpy(more, slurm->reports + slurm->reports_first,
                       slurm->reports_count * sizeof *more);
            free(slurm->reports);
            slurm->reports = more;
        }
        slurm->reports_first = 0;
    }
    report = &slurm->reports[slurm->reports_first + slurm->reports_count];
    slurm->reports_count += 1;
    *report =
        (struct dr_report){.kind = kind, .job = job, .attempt = attempt, .time_us = dr_clock_us()};
    return report;
}

void slurm_warn(struct slurm *slurm, dr_job_id job, uint32_t attempt, const char *format, ...)
{
    struct dr_report *report = slurm_report(slurm, DR_REPORT_WARNING, job, attempt);
    va_list arguments;

    va_start(arguments, format);
    dr_format_list(report->text, sizeof report->text, format, arguments);
    va_end(arguments);
}

void slurm_heard(struct slurm *slurm, const struct dr_slurm_exchange *exchange)
{
    slurm->heard_us = dr_clock_us();
    slurm->lag_us = exchange->took_us;
    if (slurm->failures == 0)
        slurm->error[0] = 0;
}

/* ---- requests ---- */

struct dr_slurm_exchange *slurm_request(struct slurm *slurm, enum exchange_kind kind)
{
    struct dr_slurm_exchange *exchange = dr_slurm_http_new(&slurm->http);

    if (exchange != NULL)
        exchange->kind = kind;
    return exchange;
}

void slurm_send(struct slurm *slurm, struct dr_slurm_exchange *exchange, const char *method,
                const char *path, const char *user, int64_t end_s, char *body, size_t body_bytes)
{
    char token[DR_SLURM_TOKEN_BYTES];

    /* user names are checked where they come in */
    if (dr_slurm_token(&slurm->key, user, slurm_site_s(slurm), end_s, token) != DR_OK)
        abort();
    dr_slurm_http_send(exchange, method, path, user, token, body, body_bytes);
}

static void answered(void *owner, struct dr_slurm_exchange *exchange)
{
    struct slurm *slurm = owner;

    switch ((enum exchange_kind)exchange->kind) {
    case EXCHANGE_CLOCK:
    case EXCHANGE_JOBS:
    case EXCHANGE_NODES:
        slurm_look_answered(slurm, exchange);
        break;
    case EXCHANGE_SUBMIT:
        slurm_submitted(slurm, exchange);
        break;
    case EXCHANGE_ORDER:
        slurm_order_answered(slurm, exchange);
        break;
    case EXCHANGE_LIMIT:
        slurm_limit_answered(slurm, exchange);
        break;
    case EXCHANGE_ASK:
        slurm_ask_answered(slurm, exchange);
        break;
    }
}

/* ---- the wheel ---- */

static void events_due(struct slurm *slurm)
{
    int64_t now_us = dr_monotonic_us();

    while (dr_events_next_us(&slurm->events) <= now_us) {
        struct dr_event event = dr_events_pop(&slurm->events);
        struct row *row = slurm_find(slurm, (dr_job_id){event.job}, event.attempt);

        if (row != NULL)
            slurm_advance(slurm, row);
    }
}

static void set_timer(struct slurm *slurm)
{
    int64_t due_us = dr_min_i64(slurm->http.due_us, dr_events_next_us(&slurm->events));
    int64_t wait_us;
    struct itimerspec timer = {0};

    due_us = dr_min_i64(due_us, slurm_look_due(slurm));
    due_us = dr_min_i64(due_us, slurm_scontrol_due(slurm));
    if (slurm->reports_count > 0)
        due_us = 0;
    wait_us = due_us == DR_FOREVER_US ? DR_DAY_US : due_us - dr_monotonic_us();
    wait_us = dr_min_i64(dr_max_i64(wait_us, 0), DR_DAY_US);
    timer.it_value.tv_sec = wait_us / DR_SECOND_US;
    timer.it_value.tv_nsec = wait_us % DR_SECOND_US * 1000 + 1; /* 0 would stop it */
    timerfd_settime(slurm->timer_fd, 0, &timer, NULL);
}

void slurm_turn(struct slurm *slurm)
{
    events_due(slurm);
    slurm_look(slurm, dr_monotonic_us());
    slurm_scontrol_step(slurm, dr_monotonic_us());
    slurm_submit_more(slurm);
    set_timer(slurm);
}

static uint32_t take_reports(struct slurm *slurm, struct dr_report *reports, uint32_t reports_max)
{
    uint32_t count = dr_min_u32(slurm->reports_count, reports_max);

    if (count > 0)
        memcpy(reports, slurm->reports + slurm->reports_first, count * sizeof *reports);
    slurm->reports_count -= count;
    slurm->reports_first = slurm->reports_count == 0 ? 0 : slurm->reports_first + count;
    return count;
}

static uint32_t slurm_poll(struct dr_engine *engine, struct dr_report *reports,
                           uint32_t reports_max)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(slurm->epoll_fd, events, EVENTS_AT_ONCE, 0);
    uint64_t ticks;

    for (int i = 0; i < count; i += 1) {
        int fd = (int)events[i].data.u64;

        if (fd == slurm->timer_fd) {
            if (read(slurm->timer_fd, &ticks, sizeof ticks) < 0)
                continue;
        } else if (fd == slurm->scontrol.fd && slurm->scontrol.pid != 0) {
            slurm_scontrol_ready(slurm);
        } else {
            dr_slurm_http_ready(&slurm->http, fd, events[i].events);
        }
    }
    dr_slurm_http_step(&slurm->http, dr_monotonic_us());
    events_due(slurm);
    slurm_look(slurm, dr_monotonic_us());
    slurm_scontrol_step(slurm, dr_monotonic_us());
    slurm_submit_more(slurm);
    dr_slurm_http_step(&slurm->http, dr_monotonic_us()); /* send at once what came up */
    count = (int)take_reports(slurm, reports, reports_max);
    set_timer(slurm);
    return (uint32_t)count;
}

/* ---- operations ---- */

static enum dr_status slurm_forget(struct dr_engine *engine, dr_job_id job, uint32_t attempt)
{
    struct slurm *slurm = (struct slurm *)engine;
    struct row *row = slurm_find(slurm, job, attempt);

    if (row == NULL || row->state == ROW_FORGOTTEN)
        return DR_E_MISSING;
    if (row->state == ROW_GONE) { /* given up by an operator: should it come back, it is ended */
        row->told = 1;
        row->kill_us = 0;
        return DR_OK;
    }
    if (row->state != ROW_ENDED && row->state != ROW_REFUSED)
        return DR_E_EXISTS;
    if (row->in_line) /* it is at its turn */
        return DR_OK;
    if (row->state == ROW_REFUSED || row->slurm_id == 0) {
        slurm_remove(slurm, row);
        return DR_OK;
    }
    /* Kept until the site has forgotten it too, or every look would find it anew. */
    slurm_set_state(slurm, row, ROW_FORGOTTEN);
    row->kept = slurm->look_number + 1;
    free(row->end);
    free(row->user);
    free(row->nodes);
    free(row->hosts);
    row->end = NULL;
    row->user = row->nodes = row->hosts = NULL;
    return DR_OK;
}

static enum dr_status slurm_list(struct dr_engine *engine,
                                 void (*each)(void *context,
                                              const struct dr_engine_attempt *attempt),
                                 void *context)
{
    struct slurm *slurm = (struct slurm *)engine;

    if (!slurm->complete)
        return DR_E_IO;
    for (uint32_t i = 0; i < slurm->rows_used; i += 1) {
        const struct row *row = &slurm->rows[i];
        struct dr_engine_attempt told = {.job = row->job,
                                         .attempt = row->attempt,
                                         .ended = row->state == ROW_ENDED,
                                         .waits = row->state == ROW_PENDING && row->waits};

        if (row->state >= ROW_WANTED && row->state <= ROW_ENDED)
            each(context, &told);
    }
    return DR_OK;
}

static int slurm_descriptor(const struct dr_engine *engine)
{
    return ((const struct slurm *)engine)->epoll_fd;
}

static const char *slurm_describe(const struct dr_engine *engine)
{
    return ((const struct slurm *)engine)->description;
}

static void slurm_health(const struct dr_engine *engine, struct dr_engine_health *health)
{
    const struct slurm *slurm = (const struct slurm *)engine;

    *health = (struct dr_engine_health){
        .answers = slurm->complete && slurm->failures < 2,
        .heard_us = slurm->heard_us,
        .lag_us = slurm->lag_us,
        .nodes = slurm->present,
        .usable = slurm->usable,
        .foreign = slurm->foreign,
    };
    snprintf(health->error, sizeof health->error, "%s", slurm->error);
}

static void free_options(struct dr_slurm_options *options)
{
    const char *const texts[] = {options->federation, options->site, options->url,
                                 options->key_file,   options->user, options->conf,
                                 options->sent_file};

    for (size_t i = 0; i < DR_COUNT_OF(texts); i += 1)
        free((void *)(uintptr_t)texts[i]);
}

static void slurm_close(struct dr_engine *engine)
{
    struct slurm *slurm = (struct slurm *)engine;

    if (slurm == NULL)
        return;
    if (slurm->submits > 0 || slurm->unsure > 0)
        left_us = dr_monotonic_us();
    slurm_scontrol_close(slurm);
    dr_slurm_http_close(&slurm->http);
    slurm_rows_close(slurm);
    slurm_sent_close(slurm);
    dr_buffer_deinit(&slurm->at_work);
    dr_buffer_deinit(&slurm->busy_next);
    free(slurm->busy);
    free(slurm->declared);
    free(slurm->reports);
    if (slurm->timer_fd >= 0)
        close(slurm->timer_fd);
    if (slurm->epoll_fd >= 0)
        close(slurm->epoll_fd);
    free_options(&slurm->options);
    explicit_bzero(&slurm->key, sizeof slurm->key);
    free(slurm);
}

static const struct dr_engine_operations operations = {
    .name = "slurm",
    .launch = slurm_launch,
    .stop = slurm_stop,
    .forget = slurm_forget,
    .list = slurm_list,
    .descriptor = slurm_descriptor,
    .poll = slurm_poll,
    .describe = slurm_describe,
    .close = slurm_close,
    .declare = slurm_declare,
    .drain = slurm_drain,
    .expect = slurm_expect,
    .health = slurm_health,
};

/* ---- opening ---- */

static const char *copy(const char *text)
{
    char *made = strdup(text == NULL ? "" : text);

    if (made == NULL)
        abort();
    return made;
}

static void take_options(struct slurm *slurm, const struct dr_slurm_options *options)
{
    struct dr_slurm_options *own = &slurm->options;

    *own = *options;
    own->federation = copy(options->federation);
    own->site = copy(options->site);
    own->url = copy(options->url);
    own->key_file = copy(options->key_file);
    own->user = copy(options->user);
    own->conf = copy(options->conf);
    own->sent_file = copy(options->sent_file);
    if (own->poll_us <= 0)
        own->poll_us = POLL_US;
    if (own->timeout_us <= 0)
        own->timeout_us = TIMEOUT_US;
    slurm->life_s = own->timeout_us / DR_SECOND_US + TOKEN_MORE_S;
    snprintf(slurm->prefix, sizeof slurm->prefix, "daero:%s:%s:", own->federation, own->site);
    snprintf(slurm->description, sizeof slurm->description,
             "Slurm by slurmrestd at %s as %s; %s; no checkpoint directory, no record of processor "
             "time and memory",
             own->url, own->user,
             own->count_placement ? "nodes by count: the site chooses which" : "nodes by name");
}

static enum dr_status check_options(const struct slurm *slurm, struct dr_error *error)
{
    const struct dr_slurm_options *options = &slurm->options;

    if (!dr_name_valid(options->federation) || !dr_name_valid(options->site)) {
        dr_error_set(error, NULL, 0, dr_name_valid(options->federation) ? "site" : "federation",
                     dr_name_valid(options->federation) ? options->site : options->federation,
                     "a name: lower-case letters, digits and '-'");
        return DR_E_INPUT;
    }
    if (!dr_slurm_user_valid(options->user)) {
        dr_error_set(error, NULL, 0, "user", options->user, "a user name, like root or slurm");
        return DR_E_INPUT;
    }
    if (strlen(options->conf) > 400 || strlen(options->url) > 250 ||
        strlen(options->sent_file) >= SENT_PATH_BYTES) {
        dr_error_set(error, NULL, 0, "conf", options->conf, "a path of at most 400 bytes");
        return DR_E_INPUT;
    }
    return DR_OK;
}

static enum dr_status open_all(struct slurm *slurm, struct dr_error *error)
{
    struct epoll_event event = {.events = EPOLLIN};
    enum dr_status status = check_options(slurm, error);

    if (status == DR_OK)
        status = dr_slurm_key_read(&slurm->key, slurm->options.key_file, error);
    if (status != DR_OK)
        return status;
    slurm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    slurm->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    event.data.u64 = (uint64_t)slurm->timer_fd;
    if (slurm->epoll_fd < 0 || slurm->timer_fd < 0 ||
        epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, slurm->timer_fd, &event) != 0) {
        dr_error_set(error, NULL, 0, "", NULL, "descriptors: %s", strerror(errno));
        return DR_E_IO;
    }
    return dr_slurm_http_open(&slurm->http, slurm->options.url, slurm->epoll_fd,
                              slurm->options.timeout_us, answered, slurm, error);
}

enum dr_status dr_slurm_open(struct dr_engine **engine, const struct dr_slurm_options *options,
                             struct dr_error *error)
{
    struct slurm *slurm = calloc(1, sizeof *slurm);
    enum dr_status status;

    if (slurm == NULL)
        abort();
    slurm->engine.operations = &operations;
    slurm->epoll_fd = slurm->timer_fd = slurm->scontrol.fd = slurm->sent_fd = -1;
    slurm->answers = -1;
    slurm->min_job_age_s = MIN_JOB_AGE_S;
    slurm->launch_s = LAUNCH_S;
    slurm->reopened = left_us != 0 && dr_monotonic_us() - left_us < REOPENED_US;
    snprintf(slurm->error, sizeof slurm->error, "it has not been looked at yet");
    dr_buffer_init(&slurm->busy_next, 16u * 1024 * 1024);
    dr_buffer_init(&slurm->at_work, 16u * 1024 * 1024);
    dr_buffer_init(&slurm->scontrol.output, 1024u * 1024);
    slurm_ask_open(slurm);
    take_options(slurm, options);
    status = slurm_rows_open(slurm);
    if (status == DR_OK)
        status = open_all(slurm, error);
    if (status != DR_OK) {
        slurm_close(&slurm->engine);
        return status;
    }
    slurm_sent_open(slurm);
    set_timer(slurm); /* the first look is due at once */
    *engine = &slurm->engine;
    return DR_OK;
}
