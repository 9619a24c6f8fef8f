/* SPDX-License-Identifier: Apache-2.0 */
/* http.c: between the library, the door and the handlers. */
#include "serve/http.h"

#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/exchange.h"
#include "serve/json.h"
#include "serve/stream.h"

#define ARENA_BYTES      (128u << 20) /* address space of one exchange; a batch of 10,000 jobs fits */
#define ARENA_KEPT       (1u << 20)   /* more than this is given back after use */
#define LARGE_KEPT       4            /* so many exchanges keep theirs for the next large batch, */
#define LARGE_BYTES      (16u << 20) /* up to this */
#define ANSWER_BYTES_MAX (256u << 20)
#define SPARE_MAX        256u
#define BODIES_BYTES_MAX (512u << 20) /* of all requests together */
#define POOL_BYTES       20480u /* of the library, per connection, beside its header; it clears them */
#define RUNS_AT_ONCE     32
#define STREAM_BYTES     262144u
#define HEARTBEAT_US     INT64_C(15000000)
#define STREAM_TURN_US   INT64_C(250000)
#define STREAM_TURNS     4 /* streams that are told of news are looked after every so many turns */

/* One connection as the library has it. */
struct line {
    struct dr_http *http;
    struct dr_visitor *visitor; /* NULL: gone */
    struct dr_peer peer;
    struct exchange *exchange;
    uint32_t requests;
};

static void run_again(void *context);

/* ---- exchanges ---- */

static struct exchange *exchange_new(struct dr_http *http)
{
    const struct dr_edge_limits *limits = &http->limits;
    size_t body_max = limits->body_bytes > limits->large_body_bytes ? limits->body_bytes
                                                                    : limits->large_body_bytes;
    struct exchange *x = http->spare;

    if (x != NULL) {
        http->spare = x->next;
        http->spare_count -= 1;
    } else {
        x = calloc(1, sizeof *x);
        DR_ASSERT(x != NULL);
        x->http = http;
        dr_buffer_init(&x->body, body_max);
        dr_buffer_init(&x->out, ANSWER_BYTES_MAX);
        if (dr_arena_init(&x->arena, ARENA_BYTES) != DR_OK) {
            free(x);
            return NULL;
        }
    }
    x->next = http->active;
    if (http->active != NULL)
        http->active->previous = x;
    http->active = x;
    return x;
}

static void keep_little(struct dr_buffer *buffer, size_t bytes)
{
    size_t length_max = buffer->length_max;

    if (buffer->capacity > bytes) {
        dr_buffer_deinit(buffer);
        dr_buffer_init(buffer, length_max);
    }
    dr_buffer_clear(buffer);
}

static void exchange_free(struct exchange *x)
{
    struct dr_http *http = x->http;
    struct exchange clean;
    int large;

    http->bodies_bytes -= x->body.length;
    if (x->stream_operations != NULL) {
        x->stream_operations->close(x->stream);
        http->streams_count -= 1;
    }
    if (x->previous != NULL)
        x->previous->next = x->next;
    else
        http->active = x->next;
    if (x->next != NULL)
        x->next->previous = x->previous;
    /* Fresh pages cost a batch as much as storing it; but not all 256 may keep theirs. */
    large = http->spare_count < LARGE_KEPT;
    keep_little(&x->body, large ? LARGE_BYTES : 65536);
    keep_little(&x->out, large ? LARGE_BYTES : 65536);
    if (x->arena.used > (large ? LARGE_BYTES : ARENA_KEPT))
        madvise(x->arena.base, x->arena.capacity, MADV_DONTNEED);
    dr_arena_reset(&x->arena, 0);
    explicit_bzero(x->secret, sizeof x->secret);
    if (http->spare_count == SPARE_MAX) {
        dr_buffer_deinit(&x->body);
        dr_buffer_deinit(&x->out);
        dr_arena_deinit(&x->arena);
        free(x);
        return;
    }
    clean = (struct exchange){
        .http = http, .body = x->body, .out = x->out, .arena = x->arena, .next = http->spare};
    *x = clean;
    http->spare = x;
    http->spare_count += 1;
}

void *exchange_push(struct exchange *x, size_t count, size_t bytes)
{
    void *place = dr_arena_push(&x->arena, count, bytes);

    DR_ASSERT(place != NULL);
    memset(place, 0, count * bytes);
    return place;
}

char *exchange_copy(struct exchange *x, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = exchange_push(x, bytes, 1);

    memcpy(copy, text, bytes);
    return copy;
}

/* ---- answers ---- */

void exchange_answer_as(struct exchange *x, uint32_t status, const char *content_type)
{
    DR_ASSERT(x->state == EXCHANGE_NEW || x->state == EXCHANGE_WAITING);
    x->status = status;
    x->content_type = content_type;
    x->state = EXCHANGE_ANSWERED;
}

void exchange_header_add(struct exchange *x, const char *name, const char *value)
{
    snprintf(x->extra_name, sizeof x->extra_name, "%s", name);
    snprintf(x->extra_value, sizeof x->extra_value, "%s", value);
}

void exchange_answer(struct exchange *x, uint32_t status)
{
    exchange_answer_as(x, status, "application/json");
}

uint32_t kind_status(const char *kind)
{
    static const struct {
        const char *kind;
        uint32_t status;
    } STATUSES[] = {
        {"INVALID", 400}, {"NEVER", 400}, {"AUTH", 401},     {"DENIED", 403},
        {"UNKNOWN", 404}, {"STATE", 409}, {"CONFLICT", 409}, {"TOO_LARGE", 413},
        {"LIMIT", 429},   {"FULL", 507},  {"TIMEOUT", 408},
    };

    for (size_t i = 0; i < DR_COUNT_OF(STATUSES); i += 1) {
        if (strcmp(STATUSES[i].kind, kind) == 0)
            return STATUSES[i].status;
    }
    return 400;
}

void exchange_refuse(struct exchange *x, const char *kind, const char *field, const char *format,
                     ...)
{
    char text[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dr_buffer_clear(&x->out);
    dr_put_begin(&x->out, NULL, '{');
    dr_put_begin(&x->out, "error", '{');
    dr_put_text(&x->out, "kind", kind);
    dr_put_text(&x->out, "field", field);
    dr_put_text(&x->out, "text", text);
    dr_put_end(&x->out, '}');
    dr_put_end(&x->out, '}');
    exchange_answer(x, kind_status(kind));
}

void exchange_refuse_answer(struct exchange *x, const struct dr_answer *answer)
{
    exchange_refuse(x, dr_refusal_name(answer->refused), answer->field, "%s", answer->text);
}

/* ---- what the request says ---- */

const char *exchange_parameter(struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *exchange_header(struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

int exchange_number(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t *value)
{
    const char *text = exchange_parameter(x, name);

    if (text == NULL)
        return 1;
    if (dr_parse_i64(text, min, max, value))
        return 1;
    exchange_refuse(x, "INVALID", name, "found '%.60s', expected a whole number from %lld to %lld",
                    text, (long long)min, (long long)max);
    return 0;
}

int exchange_flag(struct exchange *x, const char *name, int *value)
{
    int64_t number = 0;

    if (!exchange_number(x, name, 0, 1, &number))
        return 0;
    *value = (int)number;
    return 1;
}

/* Is `word` among the words of `list`? */
static int listed(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; length > 0 && (at = strstr(at, word)) != NULL; at += 1) {
        if ((at == list || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
            return 1;
    }
    return 0;
}

struct json_t *exchange_object(struct exchange *x, const char *members)
{
    struct dr_error error;
    json_t *root;
    const char *name;
    json_t *value;

    if (x->body.length == 0)
        return json_object();
    root = dr_json_read((const char *)x->body.data, x->body.length, &error);
    if (root == NULL) {
        exchange_refuse(x, "INVALID", "body", "found %s, expected %s", error.found, error.expected);
        return NULL;
    }
    if (!json_is_object(root)) {
        exchange_refuse(x, "INVALID", "body", "expected a JSON object");
        json_decref(root);
        return NULL;
    }
    json_object_foreach(root, name, value)
    {
        if (!listed(members, name)) {
            exchange_refuse(x, "INVALID", name, "there is no such member here; expected: %s",
                            members[0] == 0 ? "none" : members);
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

struct parameter_check {
    struct exchange *x;
    char seen[8][32];
    uint32_t seen_count;
};

static enum MHD_Result check_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                       const char *value)
{
    struct parameter_check *check = context;
    struct exchange *x = check->x;

    (void)kind;
    (void)value;
    if (!listed(x->route->parameters, name)) {
        exchange_refuse(x, "INVALID", name, "there is no such parameter here; expected: %s",
                        x->route->parameters[0] == 0 ? "none" : x->route->parameters);
        return MHD_NO;
    }
    for (uint32_t i = 0; i < check->seen_count; i += 1) {
        if (strcmp(check->seen[i], name) == 0) {
            exchange_refuse(x, "INVALID", name, "this parameter is given twice, expected once");
            return MHD_NO;
        }
    }
    DR_ASSERT(check->seen_count < DR_COUNT_OF(check->seen));
    snprintf(check->seen[check->seen_count], sizeof check->seen[0], "%s", name);
    check->seen_count += 1;
    if (value == NULL) {
        exchange_refuse(x, "INVALID", name, "this parameter has no value");
        return MHD_NO;
    }
    return MHD_YES;
}

/* ---- asking ---- */

struct dr_command exchange_asker(struct exchange *x, const char *reason)
{
    struct dr_command command = {
        .user = x->who.user,
        .token = x->who.token,
        .roles = x->who.roles_mask,
        .source = x->line->peer.source,
        .reason = reason,
    };

    /* Root asks as the system, unless its own user may do everything anyhow. */
    if (x->who.system &&
        !(dr_user_roles(core_of(x), x->who.user, (dr_account_id){0}) & DR_ROLE(ADMIN)))
        command.user.v = 0;
    return command;
}

struct dr_command *exchange_commands(struct exchange *x, uint32_t count)
{
    struct dr_command asker = exchange_asker(x, NULL);
    struct dr_command *commands = exchange_push(x, count, sizeof *commands);

    for (uint32_t i = 0; i < count; i += 1) {
        commands[i].user = asker.user;
        commands[i].token = asker.token;
        commands[i].roles = asker.roles;
        commands[i].source = asker.source;
    }
    x->request.commands = commands;
    x->request.count = count;
    return commands;
}

/* The whole batch was refused: the first refusal, and all of them where there are several commands.
 */
static void refuse_all(struct exchange *x)
{
    const struct dr_request *request = &x->request;
    struct dr_buffer *out = &x->out;
    uint32_t first = request->count;
    uint32_t shown = 0;

    dr_buffer_clear(out);
    dr_put_begin(out, NULL, '{');
    for (uint32_t i = 0; i < request->count && shown < DR_JOBSPEC_ERRORS_MAX; i += 1) {
        const struct dr_answer *answer = &request->answers[i];

        if (answer->refused == DR_REFUSAL_NONE)
            continue;
        if (first == request->count) {
            first = i;
            dr_put_begin(out, "error", '{');
        } else {
            if (shown == 1)
                dr_put_begin(out, "errors", '[');
            dr_put_begin(out, NULL, '{');
        }
        dr_put_text(out, "kind", dr_refusal_name(answer->refused));
        dr_put_text(out, "field", answer->field);
        dr_put_text(out, "text", answer->text);
        if (request->count > 1)
            dr_put_u64(out, "index", i);
        dr_put_end(out, '}');
        shown += 1;
    }
    if (shown > 1)
        dr_put_end(out, ']');
    dr_put_end(out, '}');
    DR_ASSERT(first < request->count);
    exchange_answer(x, kind_status(dr_refusal_name(request->answers[first].refused)));
}

static void decided(struct dr_request *request)
{
    struct exchange *x = request->context;

    switch (request->result) {
    case DR_REQUEST_DONE:
    case DR_REQUEST_REPEATED:
        x->finish(x);
        break;
    case DR_REQUEST_REFUSED:
        refuse_all(x);
        break;
    case DR_REQUEST_CONFLICT:
        exchange_refuse(x, "CONFLICT", "Idempotency-Key",
                        "this key was used before with another request");
        break;
    }
    DR_ASSERT(x->state == EXCHANGE_ANSWERED);
    exchange_resume(x);
}

void exchange_wait(struct exchange *x)
{
    x->state = EXCHANGE_WAITING;
}

void exchange_resume(struct exchange *x)
{
    struct dr_http *http = x->http;

    if (!x->suspended)
        return;
    x->suspended = 0;
    MHD_resume_connection(x->connection);
    /* Its descriptor does not say so: run it once for all that are resumed in this turn. */
    if (!http->running_soon) {
        http->running_soon = 1;
        dr_controller_at(http->controller, dr_controller_monotonic_us(http->controller), run_again,
                         http);
    }
}

void exchange_ask(struct exchange *x, void (*finish)(struct exchange *x))
{
    x->finish = finish;
    x->request.answers = dr_arena_push(&x->arena, x->request.count, sizeof *x->request.answers);
    DR_ASSERT(x->request.answers != NULL);
    x->request.done = decided;
    x->request.context = x;
    exchange_wait(x);
    dr_controller_ask(x->http->controller, &x->request);
}

int exchange_sees(struct exchange *x, uint32_t owner, uint32_t account)
{
    return dr_auth_sees_job(core_of(x), &x->who, (dr_user_id){owner}, (dr_account_id){account});
}

/* ---- streams ---- */

/* While there are streams, those that have to look for news are woken; once a second all: a
 * heartbeat for those that have been silent, and an end for those whose token is no longer good. */
static void stream_turn(void *context)
{
    struct dr_http *http = context;

    http->stream_timer = 0;
    http->stream_turns += 1;
    for (struct exchange *x = http->active; x != NULL; x = x->next) {
        if (x->state == EXCHANGE_STREAMING &&
            (x->stream_operations->polls || http->stream_turns % STREAM_TURNS == 0))
            exchange_wake(x);
    }
    if (http->streams_count > 0) {
        http->stream_timer = 1;
        dr_controller_at(http->controller,
                         dr_controller_monotonic_us(http->controller) + STREAM_TURN_US, stream_turn,
                         http);
    }
}

void exchange_stream(struct exchange *x, const char *content_type,
                     const struct stream_operations *operations, void *stream)
{
    struct dr_http *http = x->http;

    x->stream_operations = operations;
    x->stream = stream;
    http->streams_count += 1;
    x->stream_said_us = dr_controller_monotonic_us(http->controller);
    x->status = 200;
    x->content_type = content_type;
    x->state = EXCHANGE_STREAMING;
    if (!http->stream_timer) {
        http->stream_timer = 1;
        dr_controller_at(http->controller,
                         dr_controller_monotonic_us(http->controller) + STREAM_TURN_US, stream_turn,
                         http);
    }
}

void exchange_wake(struct exchange *x)
{
    exchange_resume(x);
}

/* The library has room for bytes of a stream. */
static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t bytes_max)
{
    struct exchange *x = context;
    struct dr_http *http = x->http;
    int64_t now_us = dr_controller_monotonic_us(http->controller);
    size_t count;

    (void)position;
    if (x->abandoned || !dr_auth_still(core_of(x), &x->who, dr_controller_now_us(http->controller)))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (x->out.length < bytes_max && !x->stream_ending)
        x->stream_ending = (uint8_t)x->stream_operations->fill(x, x->stream, &x->out,
                                                               STREAM_BYTES - x->out.length);
    if (x->out.length == 0 && x->stream_ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (x->out.length == 0 && now_us >= x->stream_said_us + HEARTBEAT_US &&
        strcmp(x->content_type, "text/event-stream") == 0)
        dr_buffer_append_text(&x->out, ": still here\n\n");
    if (x->out.length == 0) {
        x->suspended = 1;
        MHD_suspend_connection(x->connection);
        return 0;
    }
    count = x->out.length < bytes_max ? x->out.length : bytes_max;
    memcpy(bytes, x->out.data, count);
    dr_buffer_consume(&x->out, count);
    x->stream_said_us = now_us;
    return (ssize_t)count;
}

/* ---- the library's callbacks ---- */

static enum MHD_Result send_answer(struct exchange *x)
{
    struct dr_http *http = x->http;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (x->state == EXCHANGE_STREAMING)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, stream_read, x, NULL);
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
    struct parameter_check check = {.x = x};
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
    MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &check);
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
    dr_controller_at(http->controller, dr_controller_monotonic_us(http->controller), run_again,
                     http);
}

static void run_again(void *context)
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
    dr_controller_at(http->controller, DR_FOREVER_US, run_again, http);
    dr_controller_at(http->controller, DR_FOREVER_US, stream_turn, http);
    if (http->daemon != NULL) {
        if (http->daemon_descriptor > 0)
            dr_controller_poll(http->controller, http->daemon_descriptor, 0, NULL, NULL);
        /* Nobody is there any more to be answered; the library ends with none suspended. */
        for (struct exchange *x = http->active; x != NULL; x = x->next) {
            if (x->state == EXCHANGE_WAITING)
                exchange_refuse(x, "STATE", "", "the controller has stopped");
            exchange_resume(x);
        }
        run_library(http);
        MHD_stop_daemon(http->daemon);
    }
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
