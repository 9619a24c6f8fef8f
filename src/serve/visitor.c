/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: what the client sends goes through the gate to the library, what the library
 * answers goes back, and time ends those that take too long. */
#include "serve/visitor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/json.h"

static void client_ready(void *context, uint32_t events);
static void library_ready(void *context, uint32_t events);

int64_t door_now_us(const struct dr_door *door)
{
    return dr_controller_monotonic_us(door->controller);
}

void visitor_watch(struct dr_visitor *v)
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

void visitor_leave(struct dr_visitor *v)
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
        v->stalled_us = door_now_us(v->door);
    }
    return 1;
}

static int answer(struct dr_visitor *v, const uint8_t *bytes, size_t count)
{
    if (v->out.length == 0)
        v->stalled_us = door_now_us(v->door);
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

void visitor_write_refusal(struct dr_buffer *out, uint32_t status, const char *field,
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
        visitor_write_refusal(&out, v->gate.status, v->gate.field, v->gate.text);
        there = answer(v, out.data, out.length);
        dr_buffer_deinit(&out);
        if (!there) {
            visitor_leave(v);
            return 0;
        }
    }
    if (v->linger_us == 0)
        v->linger_us = door_now_us(v->door) + DR_DOOR_LINGER_US;
    if (v->out.length == 0) {
        if (v->client_ended) {
            visitor_leave(v);
            return 0;
        }
        shutdown(v->client, SHUT_WR);
    }
    visitor_watch(v);
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
    visitor_watch(v);
    return 1;
}

/* Bytes from the client: what was held, and what is new behind it. 0: the visitor is gone. */
static int judge(struct dr_visitor *v, const uint8_t *bytes, size_t count)
{
    int64_t now_us = door_now_us(v->door);
    size_t passed = 0;
    size_t taken;

    while ((taken = dr_gate_pass(&v->gate, bytes + passed, count - passed, now_us)) > 0) {
        if (!enter(v) || !feed(v, bytes + passed, taken)) {
            visitor_leave(v);
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
        visitor_leave(v);
        return;
    }
    if (v->linger_us != 0) { /* thrown away */
        if (got == 0)
            visitor_leave(v);
        return;
    }
    if (got == 0) {
        v->client_ended = 1;
        /* Half a request is nobody's; what is being answered goes on. */
        if (v->library < 0 || v->answered == v->gate.requests) {
            visitor_leave(v);
        } else {
            if (v->passed.length == 0)
                shutdown(v->library, SHUT_WR);
            door->operations->ended(door->context, v->entered);
            visitor_watch(v);
        }
        return;
    }
    if (judge(v, door->piece, held + (size_t)got))
        visitor_watch(v);
}

static void client_ready(void *context, uint32_t events)
{
    struct dr_visitor *v = context;

    if (events & EPOLLOUT) {
        if (!flush(v)) {
            visitor_leave(v);
            return;
        }
        if (v->linger_us != 0 && v->out.length == 0) {
            part(v);
            return;
        }
        visitor_watch(v);
    }
    if (events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN))) {
        visitor_leave(v);
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
            visitor_leave(v);
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
        visitor_watch(v);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || v->out.length > 0 || v->library < 0)
        return;
    do
        got = recv(v->library, door->piece, DOOR_PIECE, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (got <= 0) {
        part(v);
        return;
    }
    if (answer(v, door->piece, (size_t)got))
        visitor_watch(v);
    else
        visitor_leave(v);
}

void dr_door_answered(struct dr_visitor *v)
{
    v->answered += 1;
    if (v->answered == v->gate.requests && v->gate.state == DR_GATE_IDLE)
        v->gate.begun_us = door_now_us(v->door);
}

/* ---- time ---- */

int visitor_being_served(const struct dr_visitor *v)
{
    return v->library >= 0 && v->answered < v->gate.requests &&
           (v->gate.state == DR_GATE_IDLE || v->gate.state == DR_GATE_CLOSED ||
            v->gate.state == DR_GATE_REFUSED);
}

void door_sweep(void *context)
{
    struct dr_door *door = context;
    struct dr_visitor *next;
    int64_t now_us = door_now_us(door);

    door->sweeping = 0;
    for (struct dr_visitor *v = door->first; v != NULL; v = next) {
        next = v->next;
        if ((v->out.length > 0 && now_us >= v->stalled_us + DR_DOOR_STALL_US) ||
            (v->linger_us != 0 && now_us >= v->linger_us && v->out.length == 0)) {
            visitor_leave(v);
            continue;
        }
        if (v->linger_us != 0 || visitor_being_served(v) || now_us < dr_gate_deadline_us(&v->gate))
            continue;
        door->figures.expired += 1;
        dr_gate_expire(&v->gate);
        dr_buffer_deinit(&v->held);
        finish_library(v);
    }
    if (door->first != NULL) {
        door->sweeping = 1;
        dr_controller_at(door->controller, now_us + DOOR_SWEEP_US, door_sweep, door);
    }
}
