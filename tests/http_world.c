/* SPDX-License-Identifier: Apache-2.0 */
#include "http_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/state.h"
#include "engine/engine.h"

#define WAIT_US (20 * DR_SECOND_US)

/* ---- the engine that runs nothing ---- */

struct still_engine {
    struct dr_engine engine;
    struct http_world *world;
};

static enum dr_status still_launch(struct dr_engine *engine, const struct dr_launch *launch,
                                   struct dr_error *error)
{
    struct http_world *w = ((struct still_engine *)engine)->world;
    uint64_t one = 1;

    (void)error;
    for (uint32_t i = 0; i < w->attempts_count; i += 1) {
        if (w->attempts[i].job == launch->job.v && w->attempts[i].attempt == launch->attempt)
            return DR_OK;
    }
    CHECK(w->attempts_count < DR_COUNT_OF(w->attempts));
    w->attempts[w->attempts_count].job = launch->job.v;
    w->attempts[w->attempts_count].attempt = launch->attempt;
    w->attempts[w->attempts_count].run_every_task = launch->run_every_task;
    w->attempts_count += 1;
    CHECK_EQ(write(w->engine_descriptor, &one, sizeof one), sizeof one);
    return DR_OK;
}

static enum dr_status still_stop(struct dr_engine *engine, dr_job_id job, uint32_t attempt,
                                 uint32_t signal, int64_t grace_us)
{
    struct http_world *w = ((struct still_engine *)engine)->world;
    uint64_t one = 1;

    (void)signal;
    (void)grace_us;
    for (uint32_t i = 0; i < w->attempts_count; i += 1) {
        if (w->attempts[i].job == job.v && w->attempts[i].attempt == attempt) {
            w->attempts[i].ended = 1;
            CHECK_EQ(write(w->engine_descriptor, &one, sizeof one), sizeof one);
            return DR_OK;
        }
    }
    return DR_E_MISSING;
}

static enum dr_status still_forget(struct dr_engine *engine, dr_job_id job, uint32_t attempt)
{
    (void)engine;
    (void)job;
    (void)attempt;
    return DR_OK;
}

static enum dr_status still_list(struct dr_engine *engine,
                                 void (*each)(void *context,
                                              const struct dr_engine_attempt *attempt),
                                 void *context)
{
    (void)engine;
    (void)each;
    (void)context;
    return DR_OK;
}

static int still_descriptor(const struct dr_engine *engine)
{
    return ((const struct still_engine *)engine)->world->engine_descriptor;
}

static uint32_t still_poll(struct dr_engine *engine, struct dr_report *reports,
                           uint32_t reports_max)
{
    struct http_world *w = ((struct still_engine *)engine)->world;
    uint64_t count;
    uint32_t taken = 0;

    (void)!read(w->engine_descriptor, &count, sizeof count);
    for (uint32_t i = 0; i < w->attempts_count && taken + 2 <= reports_max; i += 1) {
        struct dr_report report = {.job = {w->attempts[i].job},
                                   .attempt = w->attempts[i].attempt,
                                   .time_us = dr_clock_us()};

        if (!w->attempts[i].started) {
            w->attempts[i].started = 1;
            report.kind = DR_REPORT_STARTED;
            reports[taken] = report;
            taken += 1;
        }
        if (w->attempts[i].ended && !w->attempts[i].reported) {
            w->attempts[i].reported = 1;
            report.kind = DR_REPORT_ENDED;
            report.outcome = DR_OUTCOME_EXITED;
            report.exit_code = w->attempts[i].exit_code;
            reports[taken] = report;
            taken += 1;
        }
    }
    return taken;
}

static const char *still_describe(const struct dr_engine *engine)
{
    (void)engine;
    return "runs nothing, for tests";
}

static void still_close(struct dr_engine *engine)
{
    free(engine);
}

static const struct dr_engine_operations STILL = {
    .name = "still",
    .launch = still_launch,
    .stop = still_stop,
    .forget = still_forget,
    .list = still_list,
    .descriptor = still_descriptor,
    .poll = still_poll,
    .describe = still_describe,
    .close = still_close,
};

static struct dr_engine *open_still(void *context, const struct dr_site *site)
{
    struct still_engine *engine = calloc(1, sizeof *engine);

    (void)site;
    CHECK(engine != NULL);
    engine->engine.operations = &STILL;
    engine->world = context;
    return &engine->engine;
}

/* ---- opening ---- */

static int64_t wall_us(void *context)
{
    return dr_clock_us() + ((struct http_world *)context)->ahead_us;
}

static int64_t monotonic_us(void *context)
{
    const struct http_world *w = context;

    return w->still_us != 0 ? w->still_us : dr_monotonic_us();
}

struct http_world *http_world_open(const char *federation_yaml)
{
    return http_world_open_with(federation_yaml, &(struct dr_edge_limits){0});
}

struct http_world *http_world_open_with(const char *federation_yaml,
                                        const struct dr_edge_limits *limits)
{
    struct http_world *w = calloc(1, sizeof *w);
    struct dr_controller_options options = {.tcp = "127.0.0.1:0"};
    struct dr_error error = {0};
    char path[256];
    char line[1400];
    FILE *file;

    CHECK(w != NULL);
    snprintf(w->directory, sizeof w->directory, "%s/data", test_directory());
    snprintf(w->socket, sizeof w->socket, "%s/daero.sock", w->directory);
    snprintf(path, sizeof path, "%s.yaml", w->directory);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fputs(federation_yaml, file);
    fclose(file);
    w->engine_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    options.directory = w->directory;
    options.engine_open = open_still;
    options.engine_context = w;
    options.limits_edge = *limits;
    options.wall_us = wall_us;
    options.monotonic_us = monotonic_us;
    options.clock_context = w;
    options.limits = (struct dr_limits){.jobs_max = 40000,
                                        .nodes_max = 1000,
                                        .pools_max = 16,
                                        .accounts_max = 64,
                                        .users_max = 64,
                                        .tokens_max = 256,
                                        .groups_max = 32,
                                        .datasets_max = 16,
                                        .extents_max = 4096};
    if (dr_controller_open(&w->controller, &options, path, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    w->forecast = dr_forecast_open(w->controller);
    if (dr_http_open(&w->http, w->controller, w->forecast, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    return w;
}

void http_world_close(struct http_world *w)
{
    dr_http_close(w->http);
    dr_forecast_close(w->forecast);
    dr_controller_close(w->controller);
    close(w->engine_descriptor);
    free(w);
}

static void turn(struct http_world *w, int64_t wait_us)
{
    struct dr_error error = {0};
    char line[1400];

    if (dr_controller_turn(w->controller, wait_us, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

void http_world_settle(struct http_world *w)
{
    for (int i = 0; i < 20; i += 1)
        turn(w, 0);
}

void http_world_end(struct http_world *w, uint64_t job, int exit_code)
{
    uint64_t one = 1;
    int64_t until = dr_monotonic_us() + WAIT_US;

    for (uint32_t i = 0; i < w->attempts_count; i += 1) {
        if (w->attempts[i].job == job) {
            w->attempts[i].ended = 1;
            w->attempts[i].exit_code = exit_code;
        }
    }
    CHECK_EQ(write(w->engine_descriptor, &one, sizeof one), sizeof one);
    for (;;) {
        const struct dr_core *core = dr_controller_core(w->controller);
        dr_job_row row = dr_job_find(core, (dr_job_id){job});

        if (row.v == DR_ROW_NONE || dr_job_state_ended((enum dr_job_state)core->jobs[row.v].state))
            return;
        CHECK(dr_monotonic_us() < until);
        turn(w, 10000);
    }
}

/* ---- clients ---- */

int http_connect(struct http_world *w, int tcp)
{
    int client = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    snprintf(path.sun_path, sizeof path.sun_path, "%.100s", w->socket);
    CHECK(client >= 0);
    if (tcp) {
        address.sin_port = htons(dr_http_port(w->http));
        CHECK_EQ(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    } else {
        CHECK_EQ(connect(client, (struct sockaddr *)&path, sizeof path), 0);
    }
    fcntl(client, F_SETFL, O_NONBLOCK);
    return client;
}

void http_send(struct http_world *w, int client, const char *bytes, size_t count)
{
    int64_t until = dr_monotonic_us() + WAIT_US;

    while (count > 0) {
        ssize_t sent = send(client, bytes, count, MSG_NOSIGNAL);

        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN) {
            return; /* refused already: the answer says why */
        }
        CHECK(dr_monotonic_us() < until);
        turn(w, 0);
    }
}

int http_receive(struct http_world *w, int client, char *text, size_t text_bytes, const char *until)
{
    int64_t end = dr_monotonic_us() + WAIT_US;
    size_t length = strlen(text);

    for (;;) {
        ssize_t got = recv(client, text + length, text_bytes - 1 - length, 0);

        if (got > 0) {
            length += (size_t)got;
            text[length] = 0;
        }
        if (until != NULL && strstr(text, until) != NULL)
            return 1;
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return until == NULL;
        if (dr_monotonic_us() >= end)
            fail_msg("no '%s' within %d s; came: %s", until == NULL ? "end" : until,
                     (int)(WAIT_US / DR_SECOND_US), text);
        if (got < 0)
            turn(w, 2000);
    }
}

/* Is the whole answer in `text`? Returns where its body begins. */
static const char *whole(const char *text, size_t length)
{
    const char *body = strstr(text, "\r\n\r\n");
    const char *header = strstr(text, "Content-Length: ");

    if (body == NULL || (header != NULL && header > body))
        return NULL;
    body += 4;
    if (header == NULL)
        return NULL;
    return length - (size_t)(body - text) >= strtoull(header + 16, NULL, 10) ? body : NULL;
}

struct reply http_ask_with(struct http_world *w, const char *who, const char *method,
                           const char *path, const char *headers, const char *body)
{
    const size_t text_bytes = 8u << 20;
    struct reply reply = {0};
    char *text = calloc(1, text_bytes);
    size_t body_bytes = body == NULL ? 0 : strlen(body);
    int64_t end = dr_monotonic_us() + WAIT_US;
    int client = http_connect(w, who != NULL);
    char head[4096];
    size_t length = 0;
    const char *begin = NULL;
    int closed = 0;

    CHECK(text != NULL);
    snprintf(head, sizeof head,
             "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s%sContent-Length: %zu\r\n\r\n", method,
             path, who == NULL || who[0] == 0 ? "" : "Authorization: Bearer ",
             who == NULL ? "" : who, who == NULL || who[0] == 0 ? "" : "\r\n",
             headers == NULL ? "" : headers, body_bytes);
    http_send(w, client, head, strlen(head));
    if (body != NULL)
        http_send(w, client, body, body_bytes);
    while (begin == NULL && !closed) {
        ssize_t got = recv(client, text + length, text_bytes - 1 - length, 0);

        if (got > 0) {
            length += (size_t)got;
            text[length] = 0;
        }
        closed = got == 0 || (got < 0 && errno != EAGAIN);
        begin = whole(text, length);
        if (dr_monotonic_us() >= end)
            fail_msg("%s %s: no answer within %d s; came: %s", method, path,
                     (int)(WAIT_US / DR_SECOND_US), text);
        if (got < 0 && begin == NULL)
            turn(w, 2000);
    }
    close(client);
    http_world_settle(w);
    if (begin != NULL) {
        reply.status = (int)strtol(text + 9, NULL, 10);
        reply.body = strdup(begin);
        reply.headers = strndup(text, (size_t)(begin - text));
        reply.json = json_loads(begin, 0, NULL);
    }
    free(text);
    return reply;
}

struct reply http_ask(struct http_world *w, const char *who, const char *method, const char *path,
                      const char *body)
{
    return http_ask_with(w, who, method, path, NULL, body);
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    free(reply->headers);
    free(reply->body);
    *reply = (struct reply){0};
}

const char *reply_kind(const struct reply *reply)
{
    const char *kind =
        json_string_value(json_object_get(json_object_get(reply->json, "error"), "kind"));

    return kind == NULL ? "" : kind;
}
