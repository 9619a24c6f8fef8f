/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: a small HTTP/1.1 client for the controller's API, over its unix socket or loopback TCP.
 *
 * libcurl was tried first and measured here (Debian 12, 100 starts): loading and initialising it
 * costs every `daero submit` 4 ms of CPU and 19 more shared libraries, as much again as the rest of
 * the program, for what two system calls and the parser below do. The API is on this machine alone,
 * so there is no TLS, no proxy, no redirect and no name to look up.
 *
 * Read dr_client_call() first. The parser of answers (struct dr_response) is separate, so that it
 * can be fuzzed. */
#ifndef DR_CLI_CLIENT_H
#define DR_CLI_CLIENT_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

#define DR_REPLY_BYTES_MAX (256u << 20) /* of an answer that is gathered whole */

/* ---- the parser ---- */

/* Takes the bytes of one answer as they come. `body` is called for each piece of the body, without
 * the framing; when it returns 0 the caller has had enough. */
struct dr_response {
    int status;          /* 0 until the head is whole */
    int64_t offset_next; /* X-Daero-Offset; -1: none */
    uint32_t keep_alive; /* 1: the connection can be used again */
    uint32_t done;       /* 1: the answer is whole */
    uint32_t stopped;    /* 1: `body` returned 0 */
    int (*body)(void *context, const char *bytes, size_t count);
    void *context;

    /* the parser's own */
    uint32_t state;
    uint32_t chunked;
    uint32_t until_close;
    uint64_t left; /* of the body or the chunk */
    struct dr_buffer head;
};

void dr_response_init(struct dr_response *response, int no_body,
                      int (*body)(void *context, const char *bytes, size_t count), void *context);
void dr_response_deinit(struct dr_response *response);
/* DR_OK: taken; look at done and stopped. DR_E_CORRUPT: this is no HTTP answer. `*taken` of `count`
 * bytes belonged to the answer. */
DR_MUST_USE enum dr_status dr_response_feed(struct dr_response *response, const char *bytes,
                                            size_t count, size_t *taken);
/* The peer closed. DR_OK: the answer was whole, or the close was its end. */
DR_MUST_USE enum dr_status dr_response_end(struct dr_response *response);

/* ---- the client ---- */

struct dr_client;

struct dr_client_options {
    const char *socket; /* path of a unix socket; NULL: use url */
    const char *url;    /* "http://127.0.0.1:8787" */
    const char *token;  /* bearer token; NULL: none */
};

struct dr_reply {
    int status;
    int64_t offset_next; /* X-Daero-Offset; -1: none */
    struct dr_buffer body;
};

/* Nothing is connected yet. DR_E_INPUT: the URL is not one that this client may use. */
DR_MUST_USE enum dr_status dr_client_open(struct dr_client **client,
                                          const struct dr_client_options *options,
                                          struct dr_error *error);
void dr_client_close(struct dr_client *client);
/* "unix socket daero-data/daero.sock", for messages. */
const char *dr_client_where(const struct dr_client *client);

struct dr_call {
    const char *method;
    const char *path;    /* with its query */
    const char *headers; /* whole lines, each ending in "\r\n"; NULL: none */
    const char *body;    /* NULL: none */
    size_t body_bytes;
    const char *content_type; /* of the body; NULL: application/json */
    uint32_t safe;            /* 1: may be sent again when the connection is cut; GET always is */
    uint32_t timeout_s;       /* without a byte from the controller; 0: 60 */
};

/* One request and its whole answer. The connection is kept for the next. Sent again, at most four
 * times within about three seconds, when the connection is cut and the call is safe. `reply->body`
 * is the caller's: initialise to zero, dr_buffer_deinit() after.
 *
 * DR_OK         an answer came, whatever its status.
 * DR_E_MISSING  no controller listens there.
 * DR_E_DENIED   the socket may not be opened by this user.
 * DR_E_TIMEOUT, DR_E_IO  it is unknown whether the request was carried out. */
DR_MUST_USE enum dr_status dr_client_call(struct dr_client *client, const struct dr_call *call,
                                          struct dr_reply *reply, struct dr_error *error);

/* The same with the body handed over as it comes, without a bound on its length or on the time
 * between two bytes; a status other than 200 is gathered into `reply` as above. `body` returns 0 to
 * stop. */
DR_MUST_USE enum dr_status dr_client_stream(struct dr_client *client, const struct dr_call *call,
                                            int (*body)(void *context, const char *bytes,
                                                        size_t count),
                                            void *context, struct dr_reply *reply,
                                            struct dr_error *error);

#endif
