/* SPDX-License-Identifier: Apache-2.0 */
/* door.h: the connections of clients, on a unix socket and on TCP.
 *
 * The door accepts, asks the kernel who is there, shows every byte to a gate (serve/gate.h) and
 * passes what may pass to the HTTP library over a socket pair, which is made when the first request
 * is whole; what the library answers is copied back. An idle or slow client costs one descriptor
 * and no buffer.
 *
 * At a limit the connection that has been without a whole request for longest gives way to the new
 * one, so that those who connect and say nothing can't keep out those who have something to say. */
#ifndef DR_SERVE_DOOR_H
#define DR_SERVE_DOOR_H

#include "serve/controller.h"
#include "serve/gate.h"

#define DR_DOOR_STALL_US  INT64_C(30000000) /* a client that takes nothing of its answer */
#define DR_DOOR_LINGER_US INT64_C(1000000)  /* for a refusal to arrive */

/* Who is at the other end, as the kernel says. */
struct dr_peer {
    int by_unix_socket;
    uint32_t uid; /* unix socket */
    uint32_t gid;
    uint32_t pid;
    char source[96]; /* "unix:uid=1000,pid=4711", "tcp:127.0.0.1:40112" */
};

struct dr_door;
struct dr_visitor; /* one connection */

struct dr_door_operations {
    /* A visitor's first request is whole: `socket` is the library's end, its own from now on.
     * Returns what gone() is called with; NULL: it can't take it, and has closed the socket. */
    void *(*enter)(void *context, struct dr_visitor *visitor, int socket,
                   const struct dr_peer *peer);
    /* The visitor will send nothing more; he may still listen. */
    void (*ended)(void *context, void *entered);
    /* The visitor has left, or was sent away, and its struct goes. */
    void (*gone)(void *context, void *entered);
};

/* Listen. `tcp` "ADDRESS:PORT" (port 0: any) or NULL. A file at `socket_path` that nobody listens
 * on is replaced. The limits are borrowed until the door is closed. */
DR_MUST_USE enum dr_status dr_door_open(struct dr_door **door, struct dr_controller *controller,
                                        const char *socket_path, const char *tcp,
                                        const struct dr_edge_limits *limits, dr_gate_large *large,
                                        const struct dr_door_operations *operations, void *context,
                                        struct dr_error *error);
/* Listen on one more unix socket: the path that all users of the machine know, say. As above. */
DR_MUST_USE enum dr_status dr_door_listen(struct dr_door *door, const char *path,
                                          struct dr_error *error);
/* All visitors leave. Accepts NULL. */
void dr_door_close(struct dr_door *door);

/* The library has answered one more request of this visitor. */
void dr_door_answered(struct dr_visitor *visitor);

/* The TCP port that is listened on; 0: none. */
uint16_t dr_door_port(const struct dr_door *door);

struct dr_door_figures {
    uint32_t visitors;
    uint64_t accepted;
    uint64_t refused;     /* requests, by the gate */
    uint64_t expired;     /* visitors, by a deadline */
    uint64_t given_way;   /* visitors, to a new one */
    uint64_t turned_away; /* at a limit, with nobody to give way */
};
const struct dr_door_figures *dr_door_figures(const struct dr_door *door);

#endif
