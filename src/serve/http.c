/* SPDX-License-Identifier: Apache-2.0 */
/* http.c: between the library, the door and the handlers. */
#include "serve/http.h"

#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/exchange.h"
#include "serve/log_command.h"
#include "serve/stream.h"
#include "serve/what_if.h"

#define BODIES_BYTES_MAX (512u << 20) /* of all requests together */
#define POOL_BYTES       20480u       /* of the library, per connection, beside the header */
#define RUNS_AT_ONCE     32

/* ---- the library's callbacks ---- */

static enum MHD_Result send_answer(struct exchange *x)
{
    struct dr_http *http = x->http;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (x->state == EXCHANGE_STREAMING)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, exchange_stream_read,
                                                     x, NULL);
    else
        response =
            MHD_create_response_from_buffer(x->out.length, x->out.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", x->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (x->extra_name[0] != 0)
        MHD_add_response_header(response, x->extra_name, x->extra_value);
    if (x->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (x->line->requests >= http->limits.connection_requests)
        MHD_add_response_header(response, "Connection", "close");
    http->answers[x->status / 100 < 6 ? x->status / 100 : 0] += 1;
    result = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The rate of one token, or of a uid's user; the arrays follow what there is. Row 0 is nobody's. */
static struct dr_rate *rate_of(struct dr_rate **rates, uint32_t *count, uint32_t id)
{
    if (id >= *count) {
        uint32_t more = id + 64;

        *rates = realloc(*rates, more * sizeof **rates);
        DR_ASSERT(*rates != NULL);
        memset(*rates + *count, 0, (more - *count) * sizeof **rates);
        *count = more;
    }
    return *rates + id;
}

/* Within the rate? Root and the controller's own user, who can stop it anyhow, have none: an
 * operator gets through whatever the others do. 0: refused. */
static int take_rate(struct exchange *x)
{
    struct dr_http *http = x->http;
    int64_t now_us = dr_controller_monotonic_us(http->controller);
    struct dr_rate *rate;
    int64_t wait_us;
    char seconds[24];

    if (x->who.system)
        return 1;
    rate = x->who.token.v != 0
               ? rate_of(&http->token_rates, &http->token_rates_count, x->who.token.v)
               : rate_of(&http->user_rates, &http->user_rates_count, x->who.user.v);
    wait_us = dr_rate_take(rate, http->limits.token_rate, http->limits.token_burst, now_us);
    if (wait_us == 0)
        return 1;
    http->rate_refused += 1;
    exchange_refuse(x, "LIMIT", "rate",
                    "more requests of this %s than %u a second, or %u at once; expected fewer, or "
                    "many jobs in one request",
                    x->who.token.v != 0 ? "token" : "user", http->limits.token_rate,
                    http->limits.token_burst);
    snprintf(seconds, sizeof seconds, "%lld",
             (long long)((wait_us + DR_SECOND_US - 1) / DR_SECOND_US));
    exchange_header_add(x, "Retry-After", seconds);
    return 0;
}

/* The headers are here: find the route, and who asks. 0: answered. */
static int begin(struct exchange *x, const char *path, const char *method)
{
    struct dr_http *http = x->http;
    struct exchange_parameters check = {.x = x};
    struct dr_route_match match;
    const char *why = "";

    dr_route_find(method, path, strlen(path), &match);
    x->route = match.route;
    x->number = match.number;
    memcpy(x->name, match.name, sizeof x->name);
    if (match.route == NULL || !match.route->open) {
        if (!dr_auth(core_of(x), &x->line->peer, exchange_header(x, "Authorization"),
                     dr_controller_now_us(http->controller), http->own_uid, &x->who, &why)) {
            exchange_refuse(x, "AUTH", "Authorization", "%s", why);
            return 0;
        }
        if (!take_rate(x))
            return 0;
    }
    if (match.route == NULL && match.allow[0] != 0) {
        exchange_refuse(x, "INVALID", "method", "found %s, expected %s", method, match.allow);
        x->status = 405;
        exchange_header_add(x, "Allow", match.allow);
        return 0;
    }
    if (match.route == NULL) {
        exchange_refuse(x, "UNKNOWN", "path", "there is nothing at this path");
        return 0;
    }
    if (!match.route->open && !dr_auth_may(&x->who, match.route->least, match.route->writes)) {
        exchange_refuse(x, "DENIED", "", "this takes the role %s%s",
                        dr_role_name(match.route->least),
                        match.route->least == DR_ROLE_USER ? "" : ", or a higher one");
        return 0;
    }
    MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, exchange_check_parameter,
                              &check);
    return x->state == EXCHANGE_NEW;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **own)
{
    struct dr_http *http = context;
    struct exchange *x = *own;

    (void)version;
    if (x == NULL) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct line *line = info->socket_context;

        x = exchange_new(http);
        if (x == NULL)
            return MHD_NO;
        *own = x;
        x->line = line;
        x->connection = connection;
        line->exchange = x;
        line->requests += 1;
        http->requests += 1;
        if (!begin(x, path, method))
            return send_answer(x);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        /* The gate has seen to each body's length; this is about all of them together. */
        if (http->bodies_bytes + *upload_bytes > BODIES_BYTES_MAX)
            return MHD_NO;
        http->bodies_bytes += *upload_bytes;
        dr_buffer_append(&x->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return x->body.full ? MHD_NO : MHD_YES;
    }
    if (x->state == EXCHANGE_NEW) {
        x->route->handle(x);
        if (x->state == EXCHANGE_WAITING) {
            x->suspended = 1;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
        DR_ASSERT(x->state != EXCHANGE_NEW);
    }
    return send_answer(x);
}

static void completed(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *own;

    (void)context;
    (void)connection;
    (void)how;
    if (x == NULL)
        return;
    *own = NULL;
    x->line->exchange = NULL;
    if (x->line->visitor != NULL)
        dr_door_answered(x->line->visitor);
    DR_ASSERT(x->state != EXCHANGE_WAITING); /* suspended: the library can't have ended it */
    exchange_free(x);
}

static void connected(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_ConnectionNotificationCode what)
{
    struct dr_http *http = context;

    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *own = http->entering;
    } else if (*own != NULL) {
        struct line *line = *own;

        if (line->visitor == NULL)
            free(line);
        else
            line->http = NULL; /* gone() frees it */
        *own = NULL;
    }
}

static void log_nothing(void *context, const char *format, va_list arguments)
{
    /* What the library has to say is about single connections: the figures tell enough. */
    (void)context;
    (void)format;
    (void)arguments;
}

/* ---- the door's callbacks ---- */

static void *enter(void *context, struct dr_visitor *visitor, int socket,
                   const struct dr_peer *peer)
{
    struct dr_http *http = context;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct line *line = calloc(1, sizeof *line);

    DR_ASSERT(line != NULL);
    line->http = http;
    line->visitor = visitor;
    line->peer = *peer;
    http->entering = line;
    if (MHD_add_connection(http->daemon, socket, (struct sockaddr *)&address, sizeof address) !=
        MHD_YES) {
        free(line); /* the library has closed the socket */
        line = NULL;
    }
    http->entering = NULL;
    return line;
}

/* What is done for a client alone is left when he goes. */
static void drop(struct exchange *x)
{
    if (x != NULL && x->state == EXCHANGE_WAITING && x->dropped != NULL)
        x->dropped(x);
}

/* Who follows a stream and closes his half has gone: without this it would show at the next
 * heartbeat. */
static void ended(void *context, void *entered)
{
    struct line *line = entered;

    (void)context;
    if (line->exchange != NULL && line->exchange->state == EXCHANGE_STREAMING) {
        line->exchange->abandoned = 1;
        exchange_wake(line->exchange);
    }
    drop(line->exchange);
}

static void gone(void *context, void *entered)
{
    struct line *line = entered;

    (void)context;
    line->visitor = NULL;
    if (line->http == NULL) {
        free(line);
        return;
    }
    if (line->exchange != NULL) {
        line->exchange->abandoned = 1;
        /* A stream that sleeps has to see it; a request that waits is decided all the same. */
        if (line->exchange->state == EXCHANGE_STREAMING)
            exchange_wake(line->exchange);
    }
    drop(line->exchange);
}

static const struct dr_door_operations DOOR = {.enter = enter, .ended = ended, .gone = gone};

/* ---- running ---- */

static void run_library(struct dr_http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 1;

    for (int i = 0; i < RUNS_AT_ONCE; i += 1) {
        MHD_run(http->daemon);
        /* It may have more to do without its descriptor saying so. */
        if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            return;
    }
    http->running_soon = 1;
    dr_controller_at(http->controller, dr_controller_monotonic_us(http->controller), http_run_again,
                     http);
}

void http_run_again(void *context)
{
    struct dr_http *http = context;

    http->running_soon = 0;
    run_library(http);
}

static void library_ready(void *context, uint32_t events)
{
    (void)events;
    run_library(context);
}

enum dr_status dr_http_open(struct dr_http **result, struct dr_controller *controller,
                            struct dr_forecast *forecast, struct dr_error *error)
{
    const struct dr_controller_options *options = dr_controller_options(controller);
    struct dr_http *http = calloc(1, sizeof *http);
    const union MHD_DaemonInfo *info;
    char path[512];
    enum dr_status status;

    DR_ASSERT(http != NULL);
    http->controller = controller;
    http->forecast = forecast;
    http->what_if = dr_what_if_open(controller);
    http->own_uid = (uint32_t)geteuid();
    http->limits = options->limits_edge;
    dr_edge_limits_fill(&http->limits);
    dr_buffer_init(&http->text, 2u << 20);
    dr_store_federation(dr_controller_store(controller), http->federation);
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle,
        http, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed,
        http, MHD_OPTION_NOTIFY_CONNECTION, connected, http, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_BYTES + http->limits.header_bytes, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(http->limits.tcp_connections + http->limits.socket_connections), MHD_OPTION_END);
    info =
        http->daemon == NULL ? NULL : MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        dr_error_set(error, NULL, 0, "http", "the library", "to start");
        dr_http_close(http);
        return DR_E_IO;
    }
    http->daemon_descriptor = info->epoll_fd;
    if (!dr_controller_poll(controller, http->daemon_descriptor, EPOLLIN, library_ready, http)) {
        dr_error_set(error, NULL, 0, "http", "no room", "a descriptor to wait on");
        dr_http_close(http);
        return DR_E_IO;
    }
    stream_open(http);
    if (options->socket != NULL)
        snprintf(path, sizeof path, "%s", options->socket);
    else
        snprintf(path, sizeof path, "%s/daero.sock", options->directory);
    status = dr_door_open(&http->door, controller, path, options->tcp, &http->limits,
                          dr_route_large, &DOOR, http, error);
    if (status != DR_OK) {
        dr_http_close(http);
        return status;
    }
    *result = http;
    return DR_OK;
}

void dr_http_close(struct dr_http *http)
{
    if (http == NULL)
        return;
    dr_door_close(http->door);
    dr_what_if_close(http->what_if);
    dr_controller_at(http->controller, DR_FOREVER_US, http_run_again, http);
    dr_controller_at(http->controller, DR_FOREVER_US, exchange_stream_turn, http);
    if (http->daemon != NULL) {
        if (http->daemon_descriptor > 0)
            dr_controller_poll(http->controller, http->daemon_descriptor, 0, NULL, NULL);
        /* Nobody is there any more to be answered; the library ends with none suspended. */
        for (struct exchange *x = http->active; x != NULL; x = x->next) {
            drop(x);
            if (x->state == EXCHANGE_WAITING)
                exchange_refuse(x, "STATE", "", "the controller has stopped");
            exchange_resume(x);
        }
        run_library(http);
        MHD_stop_daemon(http->daemon);
    }
    log_commands_end(http);
    stream_close(http);
    while (http->spare != NULL) {
        struct exchange *x = http->spare;

        http->spare = x->next;
        dr_buffer_deinit(&x->body);
        dr_buffer_deinit(&x->out);
        dr_arena_deinit(&x->arena);
        free(x);
    }
    dr_buffer_deinit(&http->text);
    free(http->token_rates);
    free(http->user_rates);
    free(http);
}

enum dr_status dr_http_listen_for_all(struct dr_http *http, const char *path,
                                      struct dr_error *error)
{
    const char *slash = strrchr(path, '/');
    char directory[108];
    struct stat found;

    DR_ASSERT(slash != NULL);
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    /* Whatever the mask says: it is there for all to pass, and for us alone to write. */
    if (mkdir(directory, 0755) == 0)
        (void)!chmod(directory, 0755);
    if (lstat(directory, &found) != 0 || !S_ISDIR(found.st_mode) ||
        found.st_uid != (uid_t)geteuid() || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        dr_error_set(error, directory, 0, "socket", "", "a directory that this user alone writes");
        return DR_E_DENIED;
    }
    return dr_door_listen(http->door, path, error);
}

uint16_t dr_http_port(const struct dr_http *http)
{
    return dr_door_port(http->door);
}
