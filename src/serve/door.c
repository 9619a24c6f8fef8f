/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/json.h"

#define PIECE         65536u /* read at once */
#define SWEEP_US      INT64_C(250000)
#define REST_US       INT64_C(100000) /* after the system had no descriptor left */
#define LISTEN_NEXT   1024
#define LISTENERS_MAX 3 /* a unix socket, one for all users, TCP */

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
    struct listener listeners[LISTENERS_MAX];
    uint32_t listeners_count;
    uint16_t port; /* TCP; 0: none */
    struct dr_visitor *first;
    uint32_t unix_count;
    uint32_t tcp_count;
    int sweeping;
    struct dr_door_figures figures;
    uint8_t *piece; /* [piece_bytes]: what is held, and one PIECE behind it */
    size_t piece_bytes;
};

static void client_ready(void *context, uint32_t events);
static void library_ready(void *context, uint32_t events);
static void sweep(void *context);

static int64_t now_us_of(const struct dr_door *door)
{
    return dr_controller_monotonic_us(door->controller);
}

/* ---- one visitor ---- */

static void watch(struct dr_visitor *v)
{
    uint32_t client = 0;
    uint32_t library = 0;

    if (!v->client_ended && v->passed.length == 0 &&
        (v->linger_us != 0 ||
         (v->gate.state != DR_GATE_CLOSED && v->gate.state != DR_GATE_REFUSED)))
        client |= EPOLLIN;
    if (v->out.length > 0)
        client |= EPOLLOUT;
    if (v->library >= 0 && v->out.length == 0)
        library |= EPOLLIN;
    if (v->library >= 0 && v->passed.length > 0)
        library |= EPOLLOUT;
    /* Nothing to wait for but that it goes: the kernel tells EPOLLHUP and EPOLLERR unasked. */
    if (client == 0)
        client = EPOLLERR;
    if (library == 0)
        library = EPOLLERR;
    if (client != v->client_events) {
        v->client_events = client;
        dr_controller_poll(v->door->controller, v->client, client, client_ready, v);
    }
    if (v->library >= 0 && library != v->library_events) {
        v->library_events = library;
        dr_controller_poll(v->door->controller, v->library, library, library_ready, v);
    }
}

static void close_library(struct dr_visitor *v)
{
    if (v->library < 0)
        return;
    dr_controller_poll(v->door->controller, v->library, 0, NULL, NULL);
    close(v->library);
    v->library = -1;
    v->library_events = 0;
}

static void leave(struct dr_visitor *v)
{
    struct dr_door *door = v->door;

    if (v->entered != NULL)
        door->operations->gone(door->context, v->entered);
    close_library(v);
    dr_controller_poll(door->controller, v->client, 0, NULL, NULL);
    close(v->client);
    if (v->next != NULL)
        v->next->previous = v->previous;
    if (v->previous != NULL)
        v->previous->next = v->next;
    else
        door->first = v->next;
    *(v->peer.by_unix_socket ? &door->unix_count : &door->tcp_count) -= 1;
    door->figures.visitors -= 1;
    dr_buffer_deinit(&v->held);
    dr_buffer_deinit(&v->passed);
    dr_buffer_deinit(&v->out);
    free(v);
}

/* Give the client what waits for it. 0: it is gone. */
static int flush(struct dr_visitor *v)
{
    while (v->out.length > 0) {
        ssize_t sent = send(v->client, v->out.data, v->out.length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 1;
        if (sent < 0)
            return 0;
        dr_buffer_consume(&v->out, (size_t)sent);
        v->stalled_us = now_us_of(v->door);
    }
    return 1;
}

static int answer(struct dr_visitor *v, const uint8_t *bytes, size_t count)
{
    if (v->out.length == 0)
        v->stalled_us = now_us_of(v->door);
    dr_buffer_append(&v->out, bytes, count);
    return !v->out.full && flush(v);
}

static const char *status_words(uint32_t status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

static void write_refusal(struct dr_buffer *out, uint32_t status, const char *field,
                          const char *text)
{
    struct dr_buffer body;
    const char *kind = status == 408                                     ? "TIMEOUT"
                       : status == 429                                   ? "LIMIT"
                       : status == 413 || status == 414 || status == 431 ? "TOO_LARGE"
                                                                         : "INVALID";

    dr_buffer_init(&body, 4096);
    dr_put_begin(&body, NULL, '{');
    dr_put_begin(&body, "error", '{');
    dr_put_text(&body, "kind", kind);
    dr_put_text(&body, "field", field);
    dr_put_text(&body, "text", text);
    dr_put_end(&body, '}');
    dr_put_end(&body, '}');
    dr_buffer_printf(
        out,
        "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
        status, status_words(status), body.length, dr_buffer_text(&body));
    dr_buffer_deinit(&body);
}

/* Nothing more will come from the library. Say what has to be said, then wait a moment for the
 * client to close, so that what was sent is not lost with a reset. 0: the visitor is gone. */
static int part(struct dr_visitor *v)
{
    close_library(v);
    if (v->gate.state == DR_GATE_REFUSED && !v->told) {
        struct dr_buffer out;
        int there;

        v->told = 1;
        dr_buffer_init(&out, 4096);
        write_refusal(&out, v->gate.status, v->gate.field, v->gate.text);
        there = answer(v, out.data, out.length);
        dr_buffer_deinit(&out);
        if (!there) {
            leave(v);
            return 0;
        }
    }
    if (v->linger_us == 0)
        v->linger_us = now_us_of(v->door) + DR_DOOR_LINGER_US;
    if (v->out.length == 0) {
        if (v->client_ended) {
            leave(v);
            return 0;
        }
        shutdown(v->client, SHUT_WR);
    }
    watch(v);
    return 1;
}

/* Give the library what has passed. */
static int feed(struct dr_visitor *v, const uint8_t *bytes, size_t count)
{
    while (count > 0 && v->passed.length == 0) {
        ssize_t sent = send(v->library, bytes, count, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return 0;
        if (sent < 0)
            break;
        bytes += sent;
        count -= (size_t)sent;
    }
    dr_buffer_append(&v->passed, bytes, count);
    return 1;
}

static int enter(struct dr_visitor *v)
{
    int pair[2];

    if (v->library >= 0)
        return 1;
    if (v->entered != NULL)
        return 0; /* the library has closed already */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    v->entered = v->door->operations->enter(v->door->context, v, pair[1], &v->peer);
    if (v->entered == NULL) {
        close(pair[0]);
        return 0;
    }
    v->library = pair[0];
    return 1;
}

/* The gate has refused, or will let nothing more pass: the library shall finish what it has. */
static int finish_library(struct dr_visitor *v)
{
    if (v->library < 0)
        return part(v);
    if (v->passed.length == 0)
        shutdown(v->library, SHUT_WR);
    watch(v);
    return 1;
}

/* Bytes from the client: what was held, and what is new behind it. 0: the visitor is gone. */
static int judge(struct dr_visitor *v, const uint8_t *bytes, size_t count)
{
    int64_t now_us = now_us_of(v->door);
    size_t passed = 0;
    size_t taken;

    while ((taken = dr_gate_pass(&v->gate, bytes + passed, count - passed, now_us)) > 0) {
        if (!enter(v) || !feed(v, bytes + passed, taken)) {
            leave(v);
            return 0;
        }
        passed += taken;
        if (v->passed.length > 0)
            break;
    }
    if (v->gate.state == DR_GATE_REFUSED || v->gate.state == DR_GATE_CLOSED) {
        v->door->figures.refused += v->gate.state == DR_GATE_REFUSED;
        dr_buffer_deinit(&v->held);
        return finish_library(v);
    }
    if (passed < count) {
        /* `bytes` is never inside `held` */
        dr_buffer_clear(&v->held);
        dr_buffer_append(&v->held, bytes + passed, count - passed);
    } else if (v->held.data != NULL) {
        dr_buffer_deinit(&v->held);
    }
    v->held.length_max = v->door->piece_bytes;
    return 1;
}

static void read_client(struct dr_visitor *v)
{
    struct dr_door *door = v->door;
    size_t held = v->held.length;
    ssize_t got;

    if (held > 0)
        memcpy(door->piece, v->held.data, held);
    do
        got = recv(v->client, door->piece + held, door->piece_bytes - held, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (got < 0) {
        leave(v);
        return;
    }
    if (v->linger_us != 0) { /* thrown away */
        if (got == 0)
            leave(v);
        return;
    }
    if (got == 0) {
        v->client_ended = 1;
        /* Half a request is nobody's; what is being answered goes on. */
        if (v->library < 0 || v->answered == v->gate.requests) {
            leave(v);
        } else {
            if (v->passed.length == 0)
                shutdown(v->library, SHUT_WR);
            door->operations->ended(door->context, v->entered);
            watch(v);
        }
        return;
    }
    if (judge(v, door->piece, held + (size_t)got))
        watch(v);
}

static void client_ready(void *context, uint32_t events)
{
    struct dr_visitor *v = context;

    if (events & EPOLLOUT) {
        if (!flush(v)) {
            leave(v);
            return;
        }
        if (v->linger_us != 0 && v->out.length == 0) {
            part(v);
            return;
        }
        watch(v);
    }
    if (events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN))) {
        leave(v);
        return;
    }
    if (events & EPOLLIN && v->client_events & EPOLLIN)
        read_client(v);
}

static void library_ready(void *context, uint32_t events)
{
    struct dr_visitor *v = context;
    struct dr_door *door = v->door;
    ssize_t got;

    if (events & EPOLLOUT && v->passed.length > 0) {
        struct dr_buffer passed = v->passed;

        dr_buffer_init(&v->passed, passed.length_max);
        if (!feed(v, passed.data, passed.length)) {
            dr_buffer_deinit(&passed);
            leave(v);
            return;
        }
        dr_buffer_deinit(&passed);
        if (v->passed.length == 0) {
            if (v->client_ended || v->gate.state == DR_GATE_REFUSED ||
                v->gate.state == DR_GATE_CLOSED) {
                shutdown(v->library, SHUT_WR);
            } else if (v->held.length > 0) {
                size_t held = v->held.length;

                memcpy(door->piece, v->held.data, held);
                if (!judge(v, door->piece, held))
                    return;
            }
        }
        watch(v);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || v->out.length > 0 || v->library < 0)
        return;
    do
        got = recv(v->library, door->piece, PIECE, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (got <= 0) {
        part(v);
        return;
    }
    if (answer(v, door->piece, (size_t)got))
        watch(v);
    else
        leave(v);
}

void dr_door_answered(struct dr_visitor *v)
{
    v->answered += 1;
    if (v->answered == v->gate.requests && v->gate.state == DR_GATE_IDLE)
        v->gate.begun_us = now_us_of(v->door);
}

/* ---- time ---- */

/* Does it wait for us, and not we for it? */
static int being_served(const struct dr_visitor *v)
{
    return v->library >= 0 && v->answered < v->gate.requests &&
           (v->gate.state == DR_GATE_IDLE || v->gate.state == DR_GATE_CLOSED ||
            v->gate.state == DR_GATE_REFUSED);
}

static void sweep(void *context)
{
    struct dr_door *door = context;
    struct dr_visitor *next;
    int64_t now_us = now_us_of(door);

    door->sweeping = 0;
    for (struct dr_visitor *v = door->first; v != NULL; v = next) {
        next = v->next;
        if ((v->out.length > 0 && now_us >= v->stalled_us + DR_DOOR_STALL_US) ||
            (v->linger_us != 0 && now_us >= v->linger_us && v->out.length == 0)) {
            leave(v);
            continue;
        }
        if (v->linger_us != 0 || being_served(v) || now_us < dr_gate_deadline_us(&v->gate))
            continue;
        door->figures.expired += 1;
        dr_gate_expire(&v->gate);
        dr_buffer_deinit(&v->held);
        finish_library(v);
    }
    if (door->first != NULL) {
        door->sweeping = 1;
        dr_controller_at(door->controller, now_us + SWEEP_US, sweep, door);
    }
}

/* ---- accepting ---- */

/* The one that has been without a whole request for longest; NULL: all have one. */
static struct dr_visitor *who_gives_way(struct dr_door *door, int by_unix_socket,
                                        const uint8_t *address)
{
    struct dr_visitor *oldest = NULL;

    for (struct dr_visitor *v = door->first; v != NULL; v = v->next) {
        if (v->peer.by_unix_socket != by_unix_socket || being_served(v) ||
            (address != NULL && memcmp(v->address, address, 16) != 0))
            continue;
        if (oldest == NULL || v->gate.begun_us <= oldest->gate.begun_us)
            oldest = v;
    }
    return oldest;
}

static uint32_t count_of(const struct dr_door *door, int by_unix_socket, const uint8_t *address)
{
    uint32_t count = 0;

    for (const struct dr_visitor *v = door->first; v != NULL; v = v->next)
        count += v->peer.by_unix_socket == by_unix_socket && memcmp(v->address, address, 16) == 0;
    return count;
}

/* Make room for one more. 0: there is none. */
static int make_room(struct dr_door *door, int by_unix_socket, const uint8_t *address)
{
    uint32_t total = by_unix_socket ? door->unix_count : door->tcp_count;
    uint32_t total_max =
        by_unix_socket ? door->limits->socket_connections : door->limits->tcp_connections;
    struct dr_visitor *oldest = NULL;

    if (total >= door->limits->address_connections &&
        count_of(door, by_unix_socket, address) >= door->limits->address_connections)
        oldest = who_gives_way(door, by_unix_socket, address);
    else if (total >= total_max)
        oldest = who_gives_way(door, by_unix_socket, NULL);
    else
        return 1;
    if (oldest == NULL)
        return 0;
    door->figures.given_way += 1;
    leave(oldest);
    return 1;
}

static void describe_peer(int client, int by_unix_socket, const struct sockaddr_storage *from,
                          struct dr_peer *peer, uint8_t address[16])
{
    *peer = (struct dr_peer){.by_unix_socket = by_unix_socket, .uid = DR_NO_UID, .gid = DR_NO_UID};
    memset(address, 0, 16);
    if (by_unix_socket) {
        struct ucred who = {0};
        socklen_t length = sizeof who;

        if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0) {
            peer->uid = who.uid;
            peer->gid = who.gid;
            peer->pid = (uint32_t)who.pid;
        }
        memcpy(address, &peer->uid, sizeof peer->uid);
        snprintf(peer->source, sizeof peer->source, "unix:uid=%u,pid=%u", peer->uid, peer->pid);
    } else {
        char text[INET6_ADDRSTRLEN] = "?";
        uint16_t port = 0;

        if (from->ss_family == AF_INET) {
            const struct sockaddr_in *four = (const struct sockaddr_in *)from;

            memcpy(address, &four->sin_addr, 4);
            inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
            port = ntohs(four->sin_port);
        } else if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;

            memcpy(address, &six->sin6_addr, 16);
            inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
            port = ntohs(six->sin6_port);
        }
        snprintf(peer->source, sizeof peer->source, "tcp:%s:%u", text, port);
    }
}

static void admit(struct dr_door *door, int client, int by_unix_socket,
                  const struct sockaddr_storage *from)
{
    struct dr_visitor *v;
    struct dr_peer peer;
    uint8_t address[16];
    int on = 1;

    describe_peer(client, by_unix_socket, from, &peer, address);
    if (!make_room(door, by_unix_socket, address)) {
        struct dr_buffer out;

        dr_buffer_init(&out, 4096);
        write_refusal(&out, 429, "connection", "too many connections are being served");
        (void)!send(client, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        dr_buffer_deinit(&out);
        close(client);
        door->figures.turned_away += 1;
        return;
    }
    if (!by_unix_socket)
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    v = calloc(1, sizeof *v);
    DR_ASSERT(v != NULL);
    v->door = door;
    v->client = client;
    v->library = -1;
    v->peer = peer;
    memcpy(v->address, address, sizeof address);
    dr_gate_init(&v->gate, door->limits, door->large, now_us_of(door));
    dr_buffer_init(&v->held, door->piece_bytes);
    dr_buffer_init(&v->passed, 2 * PIECE);
    dr_buffer_init(&v->out, 2 * PIECE);
    v->next = door->first;
    if (door->first != NULL)
        door->first->previous = v;
    door->first = v;
    *(by_unix_socket ? &door->unix_count : &door->tcp_count) += 1;
    door->figures.visitors += 1;
    door->figures.accepted += 1;
    watch(v);
    if (!door->sweeping) {
        door->sweeping = 1;
        dr_controller_at(door->controller, now_us_of(door) + SWEEP_US, sweep, door);
    }
}

static void listener_ready(void *context, uint32_t events);

static void listen_on(struct listener *listener)
{
    dr_controller_poll(listener->door->controller, listener->descriptor, EPOLLIN, listener_ready,
                       listener);
}

static void listen_again(void *context)
{
    struct dr_door *door = context;

    for (uint32_t i = 0; i < door->listeners_count; i += 1)
        listen_on(&door->listeners[i]);
}

static void listener_ready(void *context, uint32_t events)
{
    struct listener *listener = context;
    struct dr_door *door = listener->door;
    int by_unix_socket = listener->by_unix_socket;

    (void)events;
    for (int i = 0; i < 64; i += 1) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        int client = accept4(listener->descriptor, (struct sockaddr *)&from, &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct dr_visitor *oldest;

        if (client >= 0) {
            admit(door, client, by_unix_socket, &from);
            continue;
        }
        if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
            return; /* nobody there, or gone again */
        oldest = who_gives_way(door, by_unix_socket, NULL);
        if (oldest == NULL) {
            dr_controller_poll(door->controller, listener->descriptor, 0, NULL, NULL);
            dr_controller_at(door->controller, now_us_of(door) + REST_US, listen_again, door);
            return;
        }
        door->figures.given_way += 1;
        leave(oldest);
    }
}

/* ---- listening ---- */

static struct listener *listener_add(struct dr_door *door, int by_unix_socket, int descriptor)
{
    struct listener *listener = &door->listeners[door->listeners_count];

    DR_ASSERT(door->listeners_count < LISTENERS_MAX);
    *listener =
        (struct listener){.door = door, .descriptor = descriptor, .by_unix_socket = by_unix_socket};
    door->listeners_count += 1;
    return listener;
}

enum dr_status dr_door_listen(struct dr_door *door, const char *path, struct dr_error *error)
{
    struct listener *listener;
    int descriptor;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int probe;

    if (strlen(path) >= sizeof address.sun_path) {
        dr_error_set(error, path, 0, "socket", path, "a path of at most %zu bytes",
                     sizeof address.sun_path - 1);
        return DR_E_INPUT;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0 || descriptor < 0) {
        dr_error_set(error, path, 0, "socket", strerror(errno), "a new socket");
        if (probe >= 0)
            close(probe);
        if (descriptor >= 0)
            close(descriptor);
        return DR_E_IO;
    }
    if (connect(probe, (struct sockaddr *)&address, sizeof address) == 0) {
        dr_error_set(error, path, 0, "socket", "somebody who answers on it", "a path of our own");
        close(probe);
        close(descriptor);
        return DR_E_EXISTS;
    }
    if (errno == ECONNREFUSED)
        unlink(path);
    close(probe);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0 ||
        /* Everyone may knock: who it is the kernel says. */
        chmod(path, 0666) < 0 || listen(descriptor, LISTEN_NEXT) < 0) {
        dr_error_set(error, path, 0, "socket", strerror(errno), "a path to listen on");
        close(descriptor);
        return DR_E_IO;
    }
    listener = listener_add(door, 1, descriptor);
    snprintf(listener->path, sizeof listener->path, "%s", path);
    listen_on(listener);
    return DR_OK;
}

static enum dr_status open_tcp(struct dr_door *door, const char *where, struct dr_error *error)
{
    const char *colon = strrchr(where, ':');
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    int descriptor;
    char host[64];
    size_t host_bytes;
    int on = 1;

    host_bytes = colon == NULL ? 0 : (size_t)(colon - where);
    if (host_bytes > 2 && where[0] == '[' && colon[-1] == ']')
        snprintf(host, sizeof host, "%.*s", (int)host_bytes - 2, where + 1);
    else
        snprintf(host, sizeof host, "%.*s", (int)host_bytes, where);
    if (colon == NULL || host_bytes == 0 || host_bytes >= sizeof host ||
        getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        dr_error_set(error, NULL, 0, "tcp", where, "ADDRESS:PORT, both numeric");
        return DR_E_INPUT;
    }
    descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(descriptor, found->ai_addr, found->ai_addrlen) < 0 ||
        listen(descriptor, LISTEN_NEXT) < 0 ||
        getsockname(descriptor, (struct sockaddr *)&bound, &length) < 0) {
        dr_error_set(error, NULL, 0, "tcp", where, "an address and a port to listen on (%s)",
                     strerror(errno));
        freeaddrinfo(found);
        if (descriptor >= 0)
            close(descriptor);
        return DR_E_IO;
    }
    freeaddrinfo(found);
    door->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                   : ((struct sockaddr_in *)&bound)->sin_port);
    listen_on(listener_add(door, 0, descriptor));
    return DR_OK;
}

/* A visitor takes up to three descriptors; the usual soft limit of 1024 is soon reached. */
static void raise_descriptors(const struct dr_edge_limits *limits)
{
    const rlim_t wanted = 3 * ((rlim_t)limits->tcp_connections + limits->socket_connections) + 1024;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

enum dr_status dr_door_open(struct dr_door **result, struct dr_controller *controller,
                            const char *socket_path, const char *tcp,
                            const struct dr_edge_limits *limits, dr_gate_large *large,
                            const struct dr_door_operations *operations, void *context,
                            struct dr_error *error)
{
    struct dr_door *door = calloc(1, sizeof *door);
    enum dr_status status;

    DR_ASSERT(door != NULL);
    door->controller = controller;
    door->operations = operations;
    door->context = context;
    door->limits = limits;
    door->large = large;
    door->piece_bytes = PIECE + limits->header_bytes;
    door->piece = malloc(door->piece_bytes);
    DR_ASSERT(door->piece != NULL);
    raise_descriptors(limits);
    status = dr_door_listen(door, socket_path, error);
    if (status == DR_OK && tcp != NULL)
        status = open_tcp(door, tcp, error);
    if (status != DR_OK) {
        dr_door_close(door);
        return status;
    }
    *result = door;
    return DR_OK;
}

void dr_door_close(struct dr_door *door)
{
    if (door == NULL)
        return;
    while (door->first != NULL)
        leave(door->first);
    dr_controller_at(door->controller, DR_FOREVER_US, sweep, door);
    dr_controller_at(door->controller, DR_FOREVER_US, listen_again, door);
    for (uint32_t i = 0; i < door->listeners_count; i += 1) {
        const struct listener *listener = &door->listeners[i];

        dr_controller_poll(door->controller, listener->descriptor, 0, NULL, NULL);
        close(listener->descriptor);
        if (listener->path[0] != 0)
            unlink(listener->path);
    }
    free(door->piece);
    free(door);
}

uint16_t dr_door_port(const struct dr_door *door)
{
    return door->port;
}

const struct dr_door_figures *dr_door_figures(const struct dr_door *door)
{
    return &door->figures;
}
