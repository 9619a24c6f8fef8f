/* SPDX-License-Identifier: Apache-2.0 */
/* http_world.h: the real controller, store and HTTP side in this process, with an engine that runs
 * nothing: an attempt starts when it is launched, and ends when it is told to, or by
 * http_world_end().
 *
 *     struct http_world *w = http_world_open(federation_yaml);
 *     struct reply reply = http_ask(w, NULL, "GET", "/v1/health", NULL);
 *     CHECK_EQ(reply.status, 200);
 *     http_world_close(w);
 *
 * A `who` of NULL is the unix socket (this process's own uid), else a token on TCP. Every wait is
 * bounded and turns the controller's loop. */
#ifndef DR_TEST_HTTP_WORLD_H
#define DR_TEST_HTTP_WORLD_H

#include <jansson.h>

#include "serve/controller.h"
#include "serve/forecast.h"
#include "serve/http.h"
#include "test.h"

struct http_world {
    struct dr_controller *controller;
    struct dr_forecast *forecast;
    struct dr_http *http;
    char directory[128];
    char socket[160];
    int engine_descriptor;
    struct {
        uint64_t job;
        uint32_t attempt;
        int started;
        int ended;
        int reported;
        int exit_code;
        uint32_t run_every_task; /* as the launch said */
    } attempts[256];
    uint32_t attempts_count;
    int64_t ahead_us; /* of the machine's clock: a test may let time pass at once */
    int64_t still_us; /* 0, or the loop's monotonic clock stands there */
};

struct reply {
    int status; /* 0: the connection was closed without an answer */
    char *headers;
    char *body;
    json_t *json; /* NULL: the body is none */
};

struct http_world *http_world_open(const char *federation_yaml);
/* The same with other limits of clients; what is 0 has its default. */
struct http_world *http_world_open_with(const char *federation_yaml,
                                        const struct dr_edge_limits *limits);
void http_world_close(struct http_world *world);
/* The attempt of a job ends by itself. */
void http_world_end(struct http_world *world, uint64_t job, int exit_code);

/* One request on a connection of its own. */
struct reply http_ask(struct http_world *world, const char *who, const char *method,
                      const char *path, const char *body);
/* The same with more header lines, each with its CR LF. */
struct reply http_ask_with(struct http_world *world, const char *who, const char *method,
                           const char *path, const char *headers, const char *body);
void reply_free(struct reply *reply);
/* The error's kind; "" without one. */
const char *reply_kind(const struct reply *reply);

/* Raw: connect, send, read until `until` stands in what came, or the peer has closed, or time is
 * up. */
int http_connect(struct http_world *world, int tcp);
void http_send(struct http_world *world, int socket, const char *bytes, size_t count);
/* Appends to `text` [text_bytes], 0-terminated. Returns 1 when `until` (NULL: the end) was seen. */
int http_receive(struct http_world *world, int socket, char *text, size_t text_bytes,
                 const char *until);
/* Turn the loop until `count` turns did nothing. */
void http_world_settle(struct http_world *world);

#endif
