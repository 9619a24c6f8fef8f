/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: asking the controller over its unix socket, loopback TCP or HTTPS, with libcurl.
 *
 * The library is not free at the start: it and the 19 shared libraries that it brings cost every
 * command 3 to 4 ms of CPU (Debian 12, medians of 20, a busy machine of two cores: `daero submit`
 * 8.2 -> 12.1 ms, with --dry-run 7.0 -> 9.4, --help 6.9 -> 10.3), against a client and parser of
 * our own. It is taken all the same: framing, connections, TLS and what peers do wrong are read and
 * mended by many, and none of it is ours to keep. Where the library would do too much (repeat an
 * unsafe request, take half a head for an answer) client.c says so and stops it.
 *
 * Read dr_client_call() first. One client is one thread's. */
#ifndef DR_CLI_CLIENT_H
#define DR_CLI_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

#define DR_REPLY_BYTES_MAX      (256u << 20) /* of an answer that is gathered whole */
#define DR_REPLY_HEAD_BYTES_MAX (64u << 10)
#define DR_REPLY_SILENCE_S_MAX  60 /* without a byte either way; a stream may be silent for ever */

struct dr_client;

struct dr_client_options {
    const char *socket; /* path of a unix socket; NULL: use url */
    const char *url;    /* "http://127.0.0.1:8787", "https://HOST" */
    const char *token;  /* bearer token; NULL: none */
};

struct dr_reply {
    int status;
    struct dr_buffer body;
};

/* Nothing is connected yet. A token goes in the clear to 127.0.0.0/8 and "localhost" alone;
 * elsewhere the URL has to be https, and the certificate has to be good for its host. Neither
 * proxies of the environment nor redirects are followed.
 *
 * DR_E_INPUT  the URL, the socket's path or the token is not one that may be used.
 * DR_E_FULL   the library could not be started. */
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
};

/* One request and its whole answer. The connection is kept for the next. Sent at most four times
 * within about three seconds when the connection is cut and the call is safe; a call that is not
 * safe gets a connection of its own and is sent once. `reply->body` is the caller's: initialise to
 * zero, dr_buffer_deinit() after.
 *
 * DR_OK         an answer came, whatever its status.
 * DR_E_MISSING  no controller listens there; nothing was sent.
 * DR_E_DENIED   the socket may not be opened by this user.
 * DR_E_CORRUPT  what answers speaks no HTTP, or its head passes DR_REPLY_HEAD_BYTES_MAX.
 * DR_E_FULL     the body passes DR_REPLY_BYTES_MAX.
 * DR_E_INPUT    the path can't stand in a URL.
 * DR_E_TIMEOUT  no byte came for DR_REPLY_SILENCE_S_MAX seconds, or
 * DR_E_IO       the connection was cut: it is unknown whether the request was carried out. */
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
