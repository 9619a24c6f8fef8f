/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h: what the HTTP side lets one client, one token and all of them do, written once.
 *
 * `daero serve --limit NAME=N` sets them, docs/api/README.md lists them (a test compares); each is
 * tried at the limit and one above in tests/unit/serve_*.c. The API's own sizes (how long a string,
 * how deep JSON may be) are not here: they are part of what a job is (serve/jobspec.h, json.h). */
#ifndef DR_SERVE_LIMITS_H
#define DR_SERVE_LIMITS_H

#include <stdint.h>

#include "base/status.h"

/* X(name, default, least, most, "what is limited") */
#define DR_EDGE_LIMITS(X)                                                                    \
    X(header_bytes, 16384, 1024, 65536, "bytes of a request's line and headers")             \
    X(headers, 64, 8, 1000, "headers of a request")                                          \
    X(target_bytes, 2048, 256, 16384, "bytes of a path with its query")                      \
    X(body_bytes, 1048576, 4096, 16777216, "bytes of a body")                                \
    X(large_body_bytes, 16777216, 4096, 16777216, "bytes of jobs, and of a federation file") \
    X(header_s, 5, 1, 3600, "seconds from a request's first byte to its header's end")       \
    X(request_s, 10, 1, 3600, "seconds from a request's first byte to its last")             \
    X(idle_s, 60, 1, 86400, "seconds between two requests of a connection")                  \
    X(connection_requests, 1000, 1, 1000000, "requests on a connection")                     \
    X(tcp_connections, 2048, 1, 65536, "connections on TCP")                                 \
    X(socket_connections, 2048, 1, 65536, "connections on the unix socket")                  \
    X(address_connections, 512, 1, 65536, "connections of one address, or of one uid")       \
    X(token_rate, 10000, 1, 1000000, "requests a second of one token, or of one uid's user") \
    X(token_burst, 20000, 1, 1000000, "requests that may come at once, after a quiet while") \
    X(token_streams, 16, 1, 65536, "streams of one token, or of one uid's user")             \
    X(streams, 256, 1, 65536, "streams in all")                                              \
    X(log_commands, 16, 1, 1000, "commands of sites at once that print what jobs wrote")     \
    X(token_log_commands, 4, 1, 1000, "of them for one token, or one uid's user")            \
    X(log_command_s, 30, 1, 3600, "seconds that one of them has")                            \
    X(batch_jobs, 10000, 1, 10000, "jobs of one request, and elements of an array")

struct dr_edge_limits {
#define DR_MEMBER(name, standard, least, most, text) uint32_t name;
    DR_EDGE_LIMITS(DR_MEMBER)
#undef DR_MEMBER
};

/* What is 0 gets its default. */
void dr_edge_limits_fill(struct dr_edge_limits *limits);

/* Set one as a person writes it: "token-rate=50". DR_E_INPUT: `error` names what is wrong. */
DR_MUST_USE enum dr_status dr_edge_limits_set(struct dr_edge_limits *limits, const char *assignment,
                                              struct dr_error *error);

/* ---- rates ---- */

/* How much of a token's rate is used up, as the instant at which all of it is free again (the
 * generic cell rate algorithm: ITU-T I.371, annex A; a bucket of `burst` that fills at `per_s`).
 * Zero: a fresh one. */
struct dr_rate {
    int64_t full_ns; /* monotonic */
};

/* One more request at `now_us`, which never decreases. 0: it is within the rate. Else it is not,
 * nothing has changed, and the result is in how many microseconds one would be. */
int64_t dr_rate_take(struct dr_rate *rate, uint32_t per_s, uint32_t burst, int64_t now_us);

#endif
