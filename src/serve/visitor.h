/* SPDX-License-Identifier: Apache-2.0 */
/* visitor.h: one connection between the door and the library, for door.c and visitor.c.
 *
 * door.c listens, accepts and makes room; visitor.c carries bytes: from the client through the gate
 * to the library, and back. */
#ifndef DR_SERVE_VISITOR_H
#define DR_SERVE_VISITOR_H

#include "base/buffer.h"
#include "serve/door.h"

#define DOOR_PIECE         65536u /* read at once */
#define DOOR_SWEEP_US      INT64_C(250000)
#define DOOR_LISTENERS_MAX 3 /* a unix socket, one for all users, TCP */

struct dr_visitor {
    struct dr_door *door;
    struct dr_visitor *next;
    struct dr_visitor *previous;
    int client;
    int library; /* our end of the pair; -1: none yet, or closed */
    void *entered;
    struct dr_gate gate;
    struct dr_peer peer;
    uint8_t address[16]; /* of the peer, or its uid */
    uint32_t answered;   /* requests */
    uint32_t client_events;
    uint32_t library_events;
    struct dr_buffer held;   /* from the client: not passed by the gate yet */
    struct dr_buffer passed; /* passed, but the library has not taken it yet */
    struct dr_buffer out;    /* for the client, which has not taken it yet */
    int64_t stalled_us;      /* since when `out` has not moved */
    int64_t linger_us;       /* until when what the client says is thrown away; 0: not leaving */
    uint8_t client_ended;    /* it will send nothing more */
    uint8_t told;            /* the refusal is in `out` */
};

struct listener {
    struct dr_door *door;
    int descriptor;
    int by_unix_socket;
    char path[108]; /* of a unix socket */
};

struct dr_door {
    struct dr_controller *controller;
    const struct dr_door_operations *operations;
    void *context;
    const struct dr_edge_limits *limits;
    dr_gate_large *large;
    struct listener listeners[DOOR_LISTENERS_MAX];
    uint32_t listeners_count;
    uint16_t port; /* TCP; 0: none */
    struct dr_visitor *first;
    uint32_t unix_count;
    uint32_t tcp_count;
    int sweeping;
    struct dr_door_figures figures;
    uint8_t *piece; /* [piece_bytes]: what is held, and one DOOR_PIECE behind it */
    size_t piece_bytes;
};

int64_t door_now_us(const struct dr_door *door);
/* While there are visitors, so often: deadlines of all of them. */
void door_sweep(void *context);

/* Wait for what this visitor has to be waited for. */
void visitor_watch(struct dr_visitor *v);
/* The struct goes. */
void visitor_leave(struct dr_visitor *v);
/* Does it wait for us, and not we for it? */
int visitor_being_served(const struct dr_visitor *v);
/* An answer by the door itself, after which the connection ends. */
void visitor_write_refusal(struct dr_buffer *out, uint32_t status, const char *field,
                           const char *text);

#endif
