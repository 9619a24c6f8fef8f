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

#include "serve/visitor.h"

#define REST_US     INT64_C(100000) /* after the system had no descriptor left */
#define LISTEN_NEXT 1024

/* ---- accepting ---- */

/* The one that has been without a whole request for longest; NULL: all have one. */
static struct dr_visitor *who_gives_way(struct dr_door *door, int by_unix_socket,
                                        const uint8_t *address)
{
    struct dr_visitor *oldest = NULL;

    for (struct dr_visitor *v = door->first; v != NULL; v = v->next) {
        if (v->peer.by_unix_socket != by_unix_socket || visitor_being_served(v) ||
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
    visitor_leave(oldest);
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
        visitor_write_refusal(&out, 429, "connection", "too many connections are being served");
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
    dr_gate_init(&v->gate, door->limits, door->large, door_now_us(door));
    dr_buffer_init(&v->held, door->piece_bytes);
    dr_buffer_init(&v->passed, 2 * DOOR_PIECE);
    dr_buffer_init(&v->out, 2 * DOOR_PIECE);
    v->next = door->first;
    if (door->first != NULL)
        door->first->previous = v;
    door->first = v;
    *(by_unix_socket ? &door->unix_count : &door->tcp_count) += 1;
    door->figures.visitors += 1;
    door->figures.accepted += 1;
    visitor_watch(v);
    if (!door->sweeping) {
        door->sweeping = 1;
        dr_controller_at(door->controller, door_now_us(door) + DOOR_SWEEP_US, door_sweep, door);
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
            dr_controller_at(door->controller, door_now_us(door) + REST_US, listen_again, door);
            return;
        }
        door->figures.given_way += 1;
        visitor_leave(oldest);
    }
}

/* ---- listening ---- */

static struct listener *listener_add(struct dr_door *door, int by_unix_socket, int descriptor)
{
    struct listener *listener = &door->listeners[door->listeners_count];

    DR_ASSERT(door->listeners_count < DOOR_LISTENERS_MAX);
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
    door->piece_bytes = DOOR_PIECE + limits->header_bytes;
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
        visitor_leave(door->first);
    dr_controller_at(door->controller, DR_FOREVER_US, door_sweep, door);
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
