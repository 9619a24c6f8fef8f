/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c: what exchange.h promises to handlers: answers, what the request says, asking the
 * controller, streams. */
#include "serve/exchange.h"

#include <stdarg.h>
#include <sys/mman.h>

#include "serve/json.h"

#define ARENA_BYTES      (128u << 20) /* address space of one exchange; a batch of 10,000 jobs fits */
#define ARENA_KEPT       (1u << 20)   /* more than this is given back after use */
#define LARGE_KEPT       4            /* so many exchanges keep theirs for the next large batch, */
#define LARGE_BYTES      (16u << 20) /* up to this */
#define ANSWER_BYTES_MAX (256u << 20)
#define SPARE_MAX        256u
#define STREAM_BYTES     262144u
#define HEARTBEAT_US     INT64_C(15000000)
#define STREAM_TURN_US   INT64_C(250000)
#define STREAM_TURNS     4 /* streams that are told of news are looked after every so many turns */

/* ---- exchanges ---- */

struct exchange *exchange_new(struct dr_http *http)
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

void exchange_free(struct exchange *x)
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
        {"INVALID", 400},   {"NEVER", 400}, {"AUTH", 401},      {"DENIED", 403},
        {"UNKNOWN", 404},   {"STATE", 409}, {"ELSEWHERE", 409}, {"CONFLICT", 409},
        {"TOO_LARGE", 413}, {"LIMIT", 429}, {"FULL", 507},      {"TIMEOUT", 408},
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

int exchange_take_integer(struct exchange *x, const struct json_t *root, const char *member,
                          int64_t min, int64_t max, const char *expected, int64_t *value)
{
    const json_t *found = json_object_get(root, member);

    if (!json_is_integer(found) || json_integer_value(found) < min ||
        json_integer_value(found) > max) {
        exchange_refuse(x, "INVALID", member, "expected %s", expected);
        return 0;
    }
    *value = json_integer_value(found);
    return 1;
}

int exchange_take_text(struct exchange *x, const struct json_t *root, const char *member,
                       size_t bytes_max, const char *expected, const char **text)
{
    const json_t *found = json_object_get(root, member);

    if (found != NULL && (!json_is_string(found) || json_string_length(found) > bytes_max)) {
        exchange_refuse(x, "INVALID", member, "expected %s", expected);
        return 0;
    }
    *text = json_string_value(found);
    return 1;
}

int exchange_take_name(struct exchange *x, const struct json_t *root, const char *member,
                       const char **name)
{
    return exchange_take_text(x, root, member, DR_NAME_BYTES - 1, "a name of at most 63 bytes",
                              name);
}

int exchange_take_flag(struct exchange *x, const struct json_t *root, const char *member,
                       uint8_t *flag)
{
    const json_t *found = json_object_get(root, member);

    if (found != NULL && !json_is_boolean(found)) {
        exchange_refuse(x, "INVALID", member, "expected true or false");
        return 0;
    }
    *flag = json_is_true(found);
    return 1;
}

int exchange_take_reason(struct exchange *x, const struct json_t *root, const char **reason)
{
    const char *text;

    if (!exchange_take_text(x, root, "reason", EXCHANGE_REASON_BYTES_MAX,
                            "a string of at most 200 bytes", &text))
        return 0;
    *reason = text == NULL ? NULL : exchange_copy(x, text);
    return 1;
}

int exchange_reason(struct exchange *x, const char **reason)
{
    json_t *root = exchange_object(x, "reason");
    int good = root != NULL && exchange_take_reason(x, root, reason);

    json_decref(root);
    return good;
}

enum MHD_Result exchange_check_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                         const char *value)
{
    struct exchange_parameters *check = context;
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
        dr_controller_at(http->controller, dr_controller_monotonic_us(http->controller),
                         http_run_again, http);
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

void exchange_done(struct exchange *x)
{
    dr_put_begin(&x->out, NULL, '{');
    dr_put_u64(&x->out, "id", x->request.answers[0].id);
    dr_put_bool(&x->out, "unchanged", x->request.answers[0].unchanged != 0);
    dr_put_end(&x->out, '}');
    exchange_answer(x, 200);
}

int exchange_sees(struct exchange *x, uint32_t owner, uint32_t account)
{
    return dr_auth_sees_job(core_of(x), &x->who, (dr_user_id){owner}, (dr_account_id){account});
}

/* ---- streams ---- */

/* While there are streams, those that have to look for news are woken; once a second all: a
 * heartbeat for those that have been silent, and an end for those whose token is no longer good. */
void exchange_stream_turn(void *context)
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
                         dr_controller_monotonic_us(http->controller) + STREAM_TURN_US,
                         exchange_stream_turn, http);
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
                         dr_controller_monotonic_us(http->controller) + STREAM_TURN_US,
                         exchange_stream_turn, http);
    }
}

void exchange_wake(struct exchange *x)
{
    exchange_resume(x);
}

/* The library has room for bytes of a stream. */
ssize_t exchange_stream_read(void *context, uint64_t position, char *bytes, size_t bytes_max)
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
