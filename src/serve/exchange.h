/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h: one HTTP request on its way, and what handlers of routes may do with it. For serve's
 * HTTP files: http.c begins and ends exchanges, exchange.c has what handlers call, routes_*.c
 * handle them.
 *
 * A handler either writes an answer (exchange_answer() or exchange_refuse()), or asks the
 * controller and names what writes the answer later (exchange_ask()), or begins a stream
 * (exchange_stream()). It does one of these exactly. */
#ifndef DR_SERVE_EXCHANGE_H
#define DR_SERVE_EXCHANGE_H

#include <microhttpd.h>

#include "base/buffer.h"
#include "serve/auth.h"
#include "serve/controller.h"
#include "serve/door.h"
#include "serve/forecast.h"
#include "serve/http.h"
#include "serve/jobspec.h"
#include "serve/routes.h"

#define EXCHANGE_REASON_BYTES_MAX 200 /* the sentences of refusals say so too */

struct json_t;
struct line;
struct exchange;
struct dr_http;
struct log_command;

/* A stream's source of bytes. */
struct stream_operations {
    /* Put what there is behind `out`, at most `bytes_max` more. Returns 1 when the stream has
     * ended, and what is in `out` is the last; 0 otherwise. Nothing new: it will be woken. */
    int (*fill)(struct exchange *x, void *stream, struct dr_buffer *out, size_t bytes_max);
    void (*close)(void *stream);
    int polls; /* nobody says when there is something new: look a few times a second */
};

struct exchange {
    struct dr_http *http;
    struct line *line;     /* the connection that it is on */
    struct exchange *next; /* in the list of those under way, or of spare ones */
    struct exchange *previous;
    struct MHD_Connection *connection;
    const struct dr_route *route;
    struct dr_identity who;
    uint64_t number;               /* {job} or {id} in the path */
    char name[DR_NAME_BYTES + 16]; /* {name} in the path */
    struct dr_buffer body;
    struct dr_arena arena; /* what has to live until the answer */
    struct dr_request request;
    void (*finish)(struct exchange *x); /* writes the answer once the request is decided */
    void (*forecast)(struct exchange *x, const struct dr_forecast_answer *answer);
    uint8_t secret[32]; /* of a token, until it has been shown */

    enum {
        EXCHANGE_NEW,
        EXCHANGE_WAITING, /* suspended until the controller has decided */
        EXCHANGE_ANSWERED,
        EXCHANGE_STREAMING,
    } state;
    uint32_t status;
    const char *content_type;
    char extra_name[24]; /* a header more; "": none */
    char extra_value[40];
    struct dr_buffer out;
    uint8_t suspended;
    uint8_t abandoned;                   /* the client is gone: answer to nobody */
    void (*dropped)(struct exchange *x); /* ... while it waits: answers; NULL: it is decided all the
                                            same */
    void *waiting;                       /* whose handler waits for what */

    const struct stream_operations *stream_operations;
    void *stream;
    int64_t stream_said_us; /* when it last sent something */
    uint8_t stream_ending;
};

struct dr_http {
    struct dr_controller *controller;
    struct dr_forecast *forecast;
    struct dr_what_if *what_if;
    struct MHD_Daemon *daemon;
    int daemon_descriptor;
    int running_soon;
    struct dr_door *door;
    struct line *entering;  /* while a connection is handed to the library */
    struct exchange *spare; /* finished ones */
    struct exchange *active;
    uint32_t spare_count;
    uint64_t bodies_bytes; /* held for requests that are not answered yet */
    uint32_t streams_count;
    int stream_timer;
    uint32_t stream_turns;
    struct dr_buffer text; /* room for handlers to work in */
    uint8_t federation[16];
    struct events *events;            /* events.c's */
    struct log_command *log_commands; /* those that run (log_command.c) */
    uint32_t log_commands_count;
    uint64_t answers[6]; /* by the status's hundreds */
    uint64_t requests;
    uint32_t own_uid;
    struct dr_edge_limits limits;
    struct dr_rate *token_rates; /* [token_rates_count], by id */
    struct dr_rate *user_rates;  /* [user_rates_count], by id: of those whom the kernel names */
    uint32_t token_rates_count;
    uint32_t user_rates_count;
    uint64_t rate_refused; /* requests */
};

/* ---- answers ---- */

/* What is in x->out is the answer, as JSON. */
void exchange_answer(struct exchange *x, uint32_t status);
/* The same with another type; a constant text. */
void exchange_answer_as(struct exchange *x, uint32_t status, const char *content_type);
/* A header beside those that every answer has; there is room for one. */
void exchange_header_add(struct exchange *x, const char *name, const char *value);
/* An error object. `kind` is one of docs/api/README.md; its HTTP status follows from it. */
void exchange_refuse(struct exchange *x, const char *kind, const char *field, const char *format,
                     ...) DR_PRINTF(4, 5);
/* A refusal by the domain; its kind and status. */
void exchange_refuse_answer(struct exchange *x, const struct dr_answer *answer);
uint32_t kind_status(const char *kind);

/* ---- what the request says ---- */

/* A query parameter; NULL: not given. */
const char *exchange_parameter(struct exchange *x, const char *name);
const char *exchange_header(struct exchange *x, const char *name);
/* A number from the query: 1 and `*value`, which keeps its content when there is none; else
 * refused. */
int exchange_number(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t *value);
/* A flag: 0 or 1 (default 0). */
int exchange_flag(struct exchange *x, const char *name, int *value);
/* The body as a JSON object with these members at most (separated by spaces); an empty body is an
 * empty object. NULL: refused. The caller gives it back with json_decref(). */
struct json_t *exchange_object(struct exchange *x, const char *members);

/* Members of that object. Each returns 1, or 0 with the refusal "expected `expected`". */

/* A whole number from min to max; it has to be there. */
int exchange_take_integer(struct exchange *x, const struct json_t *root, const char *member,
                          int64_t min, int64_t max, const char *expected, int64_t *value);
/* Text of at most bytes_max, the object's own; NULL: not there. */
int exchange_take_text(struct exchange *x, const struct json_t *root, const char *member,
                       size_t bytes_max, const char *expected, const char **text);
/* The name of a part, the object's own; NULL: not there. */
int exchange_take_name(struct exchange *x, const struct json_t *root, const char *member,
                       const char **name);
/* 0 where it is not there. */
int exchange_take_flag(struct exchange *x, const struct json_t *root, const char *member,
                       uint8_t *flag);
/* Why the person asks, kept until the answer; NULL: not there. */
int exchange_take_reason(struct exchange *x, const struct json_t *root, const char **reason);
/* The same from a body that may say nothing else; 0: refused. */
int exchange_reason(struct exchange *x, const char **reason);

/* ---- asking ---- */

/* Zeroed memory until the answer; never NULL: a full arena ends the process, and limits on requests
 * keep it from that. */
void *exchange_push(struct exchange *x, size_t count, size_t bytes);
char *exchange_copy(struct exchange *x, const char *text);

/* `count` commands with the asker filled in, in x->request. */
struct dr_command *exchange_commands(struct exchange *x, uint32_t count);
/* The asker, as commands carry it. */
struct dr_command exchange_asker(struct exchange *x, const char *reason);
/* Ask the controller; refusals are answered here, `finish` writes the rest. */
void exchange_ask(struct exchange *x, void (*finish)(struct exchange *x));
/* A `finish` for one command on a part: its id, and whether anything was to be done. */
void exchange_done(struct exchange *x);
/* Wait for something else than the controller's decision; exchange_resume() once x is ANSWERED. */
void exchange_wait(struct exchange *x);
void exchange_resume(struct exchange *x);

/* ---- streams ---- */

void exchange_stream(struct exchange *x, const char *content_type,
                     const struct stream_operations *operations, void *stream);
/* There may be something new for this stream. */
void exchange_wake(struct exchange *x);

/* ---- the core, for handlers ---- */

static inline struct dr_core *core_of(struct exchange *x)
{
    return dr_controller_core(x->http->controller);
}

/* May the asker see this job? */
int exchange_sees(struct exchange *x, uint32_t owner, uint32_t account);

/* ---- one job ---- */

struct exchange_job {
    const struct dr_job *job; /* in the state; else */
    struct dr_store_history row;
    uint32_t owner;
    uint32_t account;
};

/* The job of the path, if the asker may see it; else refused, with 0. Those that may not be seen
 * are not there. */
int exchange_find(struct exchange *x, struct exchange_job *found);

/* ---- between http.c and exchange.c ---- */

/* One connection as the library has it. */
struct line {
    struct dr_http *http;
    struct dr_visitor *visitor; /* NULL: gone */
    struct dr_peer peer;
    struct exchange *exchange;
    uint32_t requests;
};

/* NULL: no address space for one more. */
struct exchange *exchange_new(struct dr_http *http);
void exchange_free(struct exchange *x);

/* Query parameters are looked at one by one; the first that is wrong is refused, and MHD_NO. */
struct exchange_parameters {
    struct exchange *x;
    char seen[8][32];
    uint32_t seen_count;
};

enum MHD_Result exchange_check_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                         const char *value);
/* The library has room for bytes of a stream. */
ssize_t exchange_stream_read(void *context, uint64_t position, char *bytes, size_t bytes_max);
/* While there are streams: see exchange_stream(). */
void exchange_stream_turn(void *context);
/* Run the library once more in this turn of the loop. */
void http_run_again(void *context);

#endif
