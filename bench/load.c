/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: an HTTP/1.1 client that keeps many connections busy, each with one request at a time.
 *
 *   load (--socket PATH | --tcp ADDRESS:PORT) --body FILE [--other FILE --each N] [--path PATH]
 *        [--connections N] [--count N] [--seconds N] [--warm N] [--header LINE]... [--keys]
 *
 * Sends POST PATH with the file's bytes until `count` requests are answered or the time is over;
 * every Nth request has the bytes of --other instead. With --keys each request has an
 * Idempotency-Key of its own. The first `warm` answers are not counted. Prints one JSON object:
 * requests, refused, seconds, per_s, p50_ms, p99_ms, max_ms, reconnects, first_us (when the first
 * request left, microseconds since 1970).
 *
 * An answer with a status other than 2xx counts as refused, and the first one is shown on standard
 * error. A connection that the server closes between requests is opened anew. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"

#define CONNECTIONS_MAX 10000
#define ANSWER_MAX      (1u << 20)
#define HEADERS_MAX     16

struct connection {
    int fd;
    uint32_t sent;
    uint32_t out_bytes;
    uint32_t in_bytes;
    int used;    /* has carried an answer: may be closed by the server at any time */
    int waiting; /* for an answer */
    int64_t sent_us;
    char head[2048];
    uint32_t head_bytes;
    const struct dr_buffer *body;
    char in[16384];
    int64_t in_total; /* of the whole answer; -1: the header is not complete */
};

static const char *socket_path, *tcp, *path = "/v1/jobs";
static const char *headers[HEADERS_MAX];
static uint32_t headers_count;
static uint32_t connections_count = 64;
static int64_t count = 1000, warm, each;
static int64_t seconds = 60;
static int keys;
static struct dr_buffer body, other;

static struct connection *connections;
static int epoll;
static int64_t begun, answered, refused, reconnects, first_us, last_us, counted_from_us;
static int64_t *latencies_us;

DR_NORETURN static void fail(const char *format, ...) DR_PRINTF(1, 2);

DR_NORETURN static void fail(const char *format, ...)
{
    va_list arguments;

    fputs("bench/load: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static void open_connection(struct connection *connection)
{
    int tries = 0;

    for (;;) {
        struct sockaddr_un local = {.sun_family = AF_UNIX};
        struct sockaddr_in remote = {.sin_family = AF_INET};
        const struct sockaddr *address = (const struct sockaddr *)&local;
        socklen_t bytes = sizeof local;
        int one = 1;

        if (socket_path != NULL) {
            if (strlen(socket_path) >= sizeof local.sun_path)
                fail("socket path too long: %s", socket_path);
            snprintf(local.sun_path, sizeof local.sun_path, "%s", socket_path);
        } else {
            char host[64];
            const char *colon = strrchr(tcp, ':');
            int64_t port = 0;

            if (colon == NULL || (size_t)(colon - tcp) >= sizeof host ||
                !dr_parse_i64(colon + 1, 1, 65535, &port))
                fail("--tcp: found %s, expected ADDRESS:PORT", tcp);
            snprintf(host, sizeof host, "%.*s", (int)(colon - tcp), tcp);
            if (inet_pton(AF_INET, host, &remote.sin_addr) != 1)
                fail("--tcp: found %s, expected an IPv4 address", host);
            remote.sin_port = htons((uint16_t)port);
            address = (const struct sockaddr *)&remote;
            bytes = sizeof remote;
        }
        connection->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection->fd < 0)
            fail("socket: %s", strerror(errno));
        if (connect(connection->fd, address, bytes) == 0) {
            if (tcp != NULL)
                setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            break;
        }
        close(connection->fd);
        tries += 1;
        if ((errno != EAGAIN && errno != ECONNREFUSED) || tries > 2000)
            fail("connect: %s", strerror(errno));
        usleep(1000); /* the server's queue of new connections is full */
    }
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->used = 0;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = connection}) != 0)
        fail("epoll: %s", strerror(errno));
}

static void close_connection(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

/* Returns 0 when the connection turned out to be closed. */
static int push_out(struct connection *connection)
{
    uint32_t total = connection->head_bytes + (uint32_t)connection->body->length;

    while (connection->sent < total) {
        const char *from = connection->sent < connection->head_bytes
                               ? connection->head + connection->sent
                               : (const char *)connection->body->data +
                                     (connection->sent - connection->head_bytes);
        uint32_t bytes = connection->sent < connection->head_bytes
                             ? connection->head_bytes - connection->sent
                             : total - connection->sent;
        ssize_t sent =
            send(connection->fd, from, bytes,
                 MSG_NOSIGNAL | (connection->sent < connection->head_bytes ? MSG_MORE : 0));

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd,
                      &(struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.ptr = connection});
            return 1;
        }
        if (sent < 0)
            return 0;
        connection->sent += (uint32_t)sent;
    }
    return 1;
}

static void send_again(struct connection *connection)
{
    for (int tries = 0; tries < 100; tries += 1) {
        connection->sent = 0;
        connection->in_bytes = 0;
        connection->in_total = -1;
        if (push_out(connection))
            return;
        close_connection(connection);
        reconnects += 1;
        open_connection(connection);
    }
    fail("the server closes every connection");
}

static void send_next(struct connection *connection)
{
    int length;
    uint32_t at;

    if (begun >= count + warm)
        return;
    connection->body = each > 0 && begun % each == 0 ? &other : &body;
    length = snprintf(connection->head, sizeof connection->head,
                      "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n",
                      path, connection->body->length);
    at = (uint32_t)length;
    for (uint32_t i = 0; i < headers_count; i += 1)
        at += (uint32_t)snprintf(connection->head + at, sizeof connection->head - at, "%s\r\n",
                                 headers[i]);
    if (keys)
        at += (uint32_t)snprintf(connection->head + at, sizeof connection->head - at,
                                 "Idempotency-Key: load-%d-%lld\r\n", (int)getpid(),
                                 (long long)begun);
    if (at + 3 >= sizeof connection->head)
        fail("headers longer than %zu bytes", sizeof connection->head);
    at += (uint32_t)snprintf(connection->head + at, sizeof connection->head - at, "\r\n");
    connection->head_bytes = at;
    begun += 1;
    connection->waiting = 1;
    connection->sent_us = dr_monotonic_us();
    if (first_us == 0)
        first_us = dr_clock_us();
    send_again(connection);
}

static int closes(const char *head)
{
    const char *line = strcasestr(head, "\r\nconnection:");

    return line != NULL && strncasecmp(line + 13, " close", 6) == 0;
}

static void take_answer(struct connection *connection)
{
    int64_t now = dr_monotonic_us();
    int closing = closes(connection->in);

    if (strncmp(connection->in, "HTTP/1.1 2", 10) != 0) {
        if (refused == 0)
            fprintf(stderr, "bench/load: %.*s\n", (int)connection->in_bytes, connection->in);
        refused += 1;
    }
    if (answered == warm)
        counted_from_us = connection->sent_us < now ? connection->sent_us : now;
    if (answered >= warm && answered - warm < count)
        latencies_us[answered - warm] = now - connection->sent_us;
    answered += 1;
    last_us = now;
    connection->used = 1;
    connection->waiting = 0;
    if (closing) {
        close_connection(connection);
        reconnects += 1;
        open_connection(connection);
    }
    send_next(connection);
}

/* Only the beginning of an answer is kept; the rest is counted. */
static void read_answer(struct connection *connection)
{
    for (;;) {
        char scrap[65536];
        uint32_t room = (uint32_t)sizeof connection->in - 1 - connection->in_bytes;
        int keep = connection->in_total < 0 || connection->in_bytes < 1024;
        ssize_t got =
            recv(connection->fd, keep && room > 0 ? connection->in + connection->in_bytes : scrap,
                 keep && room > 0 ? room : sizeof scrap, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            if (!connection->waiting) {
                close_connection(connection);
                return;
            }
            if (connection->in_bytes > 0)
                fail("an answer was cut off");
            /* It had been idle for too long when the request was sent. */
            if (!connection->used)
                fail("a new connection was closed without an answer");
            close_connection(connection);
            reconnects += 1;
            open_connection(connection);
            send_again(connection);
            return;
        }
        if (keep && room > 0) {
            connection->in_bytes += (uint32_t)got;
            connection->in[connection->in_bytes] = '\0';
        }
        if (connection->in_total < 0) {
            const char *end = strstr(connection->in, "\r\n\r\n");
            const char *line;
            int64_t bytes = 0;

            if (end == NULL)
                continue;
            line = strcasestr(connection->in, "\r\ncontent-length:");
            if (line == NULL || line > end)
                fail("an answer without Content-Length: %.200s", connection->in);
            bytes = strtoll(line + 17, NULL, 10);
            connection->in_total = (end + 4 - connection->in) + bytes - connection->in_bytes;
        } else {
            connection->in_total -= got;
        }
        if (connection->in_total <= 0) {
            take_answer(connection);
            return;
        }
    }
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static int64_t number(const char *name, const char *text, int64_t min, int64_t max)
{
    int64_t value = 0;

    if (text == NULL || !dr_parse_i64(text, min, max, &value))
        fail("%s: found %s, expected a number from %lld to %lld", name,
             text == NULL ? "nothing" : text, (long long)min, (long long)max);
    return value;
}

static void read_body(struct dr_buffer *to, const char *file)
{
    dr_buffer_init(to, 64u << 20);
    if (file == NULL || dr_buffer_read_file(to, file) != DR_OK)
        fail("%s can't be read", file == NULL ? "--body" : file);
}

static void read_options(int arguments_count, char **arguments)
{
    const char *body_file = NULL;
    const char *other_file = NULL;

    for (int i = 1; i < arguments_count; i += 1) {
        const char *name = arguments[i];
        const char *value = i + 1 < arguments_count ? arguments[i + 1] : NULL;

        if (strcmp(name, "--keys") == 0) {
            keys = 1;
            continue;
        }
        i += 1;
        if (value == NULL)
            fail("%s: nothing, expected a value", name);
        if (strcmp(name, "--socket") == 0)
            socket_path = value;
        else if (strcmp(name, "--tcp") == 0)
            tcp = value;
        else if (strcmp(name, "--path") == 0)
            path = value;
        else if (strcmp(name, "--body") == 0)
            body_file = value;
        else if (strcmp(name, "--other") == 0)
            other_file = value;
        else if (strcmp(name, "--each") == 0)
            each = number(name, value, 1, INT64_MAX);
        else if (strcmp(name, "--connections") == 0)
            connections_count = (uint32_t)number(name, value, 1, CONNECTIONS_MAX);
        else if (strcmp(name, "--count") == 0)
            count = number(name, value, 1, 100000000);
        else if (strcmp(name, "--warm") == 0)
            warm = number(name, value, 0, 1000000);
        else if (strcmp(name, "--seconds") == 0)
            seconds = number(name, value, 1, 3600);
        else if (strcmp(name, "--header") == 0 && headers_count < HEADERS_MAX)
            headers[headers_count++] = value;
        else
            fail("unknown option %s", name);
    }
    if ((socket_path == NULL) == (tcp == NULL))
        fail("expected --socket PATH or --tcp ADDRESS:PORT");
    if ((other_file == NULL) != (each == 0))
        fail("--other and --each go together");
    read_body(&body, body_file);
    if (other_file != NULL)
        read_body(&other, other_file);
}

int main(int arguments_count, char **arguments)
{
    struct epoll_event events[256];
    int64_t end_us;
    int64_t got;

    read_options(arguments_count, arguments);
    connections = calloc(connections_count, sizeof *connections);
    latencies_us = calloc((size_t)count, sizeof *latencies_us);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || latencies_us == NULL || epoll < 0)
        fail("no memory");
    for (uint32_t i = 0; i < connections_count; i += 1)
        open_connection(&connections[i]);
    end_us = dr_monotonic_us() + seconds * DR_SECOND_US;
    for (uint32_t i = 0; i < connections_count; i += 1)
        send_next(&connections[i]);
    while (answered < count + warm && dr_monotonic_us() < end_us) {
        int ready = epoll_wait(epoll, events, 256, 100);

        for (int i = 0; i < ready; i += 1) {
            struct connection *connection = events[i].data.ptr;

            if (events[i].events & EPOLLOUT) {
                epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd,
                          &(struct epoll_event){.events = EPOLLIN, .data.ptr = connection});
                if (!push_out(connection))
                    send_again(connection);
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_answer(connection);
        }
    }
    got = answered > warm ? answered - warm : 0;
    if (got == 0)
        fail("no answer in %lld s", (long long)seconds);
    qsort(latencies_us, (size_t)got, sizeof *latencies_us, compare);
    printf("{\"requests\": %lld, \"refused\": %lld, \"seconds\": %.3f, \"per_s\": %.1f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"reconnects\": %lld, "
           "\"first_us\": %lld}\n",
           (long long)got, (long long)refused, (double)(last_us - counted_from_us) / 1e6,
           (double)got * 1e6 / (double)(last_us - counted_from_us),
           (double)latencies_us[got / 2] / 1e3, (double)latencies_us[got * 99 / 100] / 1e3,
           (double)latencies_us[got - 1] / 1e3, (long long)reconnects, (long long)first_us);
    return refused > 0 || answered < count + warm;
}
