/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h: what may reach the HTTP library.
 *
 * A gate looks at every byte that a client sends, before the library does. It lets a request pass
 * when its header block is of a form that has one reading only, within stated limits, and when the
 * body's length is known from one Content-Length; it counts the body, so that the next request's
 * header on the same connection is looked at as well. Everything else is refused. No I/O and no
 * clock: serve/door.c does that.
 *
 * Why: libmicrohttpd 0.9.75 takes a Content-Length beside a Transfer-Encoding, two Content-Lengths,
 * folded lines, NUL bytes, two Hosts, and has no limit for a request's whole time. */
#ifndef DR_SERVE_GATE_H
#define DR_SERVE_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "serve/limits.h"

enum dr_gate_state {
    DR_GATE_IDLE,    /* no byte of the next request is here */
    DR_GATE_HEADER,  /* some are */
    DR_GATE_BODY,    /* its header has passed, body_left bytes have not */
    DR_GATE_CLOSED,  /* the last request that this connection may make has passed */
    DR_GATE_REFUSED, /* answer with `status` and close */
};

/* May this request have a large body? `path` [path_bytes] without its query. */
typedef int dr_gate_large(const char *method, const char *path, size_t path_bytes);

struct dr_gate {
    enum dr_gate_state state;
    const struct dr_edge_limits *limits;
    dr_gate_large *large;
    uint32_t requests;  /* headers that have passed */
    uint32_t looked_at; /* bytes of an unfinished header that need no second look */
    uint64_t body_left;
    int64_t begun_us;  /* first byte of the request; IDLE: when the gate became idle */
    uint32_t status;   /* REFUSED: the HTTP status, and why */
    const char *field; /* a constant text */
    char text[80];
};

/* A new connection at `now_us`: its first header has to come within header_s. The
 * limits are borrowed. */
void dr_gate_init(struct dr_gate *gate, const struct dr_edge_limits *limits, dr_gate_large *large,
                  int64_t now_us);

/* Judge bytes [count] from the front of what has arrived and has not passed yet. Returns how many
 * may be passed on; those left are shown again, with more behind them. Call until it returns 0:
 * then either the header is not whole, or the state is CLOSED or REFUSED. Never returns more than
 * the rest of one request, and nothing of a request whose header is not whole. */
size_t dr_gate_pass(struct dr_gate *gate, const uint8_t *bytes, size_t count, int64_t now_us);

/* When this connection has waited too long; a header that has not begun is idleness. */
int64_t dr_gate_deadline_us(const struct dr_gate *gate);

/* The deadline has come. Mid-request: REFUSED with 408. Between requests: CLOSED, nothing to say.
 */
void dr_gate_expire(struct dr_gate *gate);

#endif
