/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define ATTEMPTS_MAX 4

struct dr_client {
    char where[320];
    char host[64];
    char *token;
    struct sockaddr_un local;
    struct sockaddr_in network;
    int is_local;
    int descriptor; /* -1: not connected */
};

/* "http://127.0.0.1:8787", with 127.0.0.0/8 and "localhost" alone: a token in the clear must not
 * leave the machine. */
static int parse_url(struct dr_client *client, const char *url)
{
    const char *rest = url + 7;
    const char *colon = strrchr(rest, ':');
    unsigned char part[4];
    int64_t port = 8787;
    char host[64];
    char digits[8];
    size_t length = strcspn(rest, "/");
    size_t host_length = length;

    if (strncmp(url, "http://", 7) != 0 || (rest[length] == '/' && rest[length + 1] != '\0'))
        return 0;
    if (colon != NULL && (size_t)(colon - rest) < length) {
        host_length = (size_t)(colon - rest);
        if (length - host_length - 1 >= sizeof digits)
            return 0;
        snprintf(digits, sizeof digits, "%.*s", (int)(length - host_length - 1), colon + 1);
        if (!dr_parse_i64(digits, 1, 65535, &port))
            return 0;
    }
    if (host_length == 0 || host_length >= sizeof host)
        return 0;
    snprintf(host, sizeof host, "%.*s", (int)host_length, rest);
    if (strcmp(host, "localhost") == 0) {
        memcpy(part, (unsigned char[4]){127, 0, 0, 1}, 4);
    } else {
        char *cursor = host;

        for (int i = 0; i < 4; i += 1) {
            char *piece = strsep(&cursor, ".");
            int64_t value;

            if (piece == NULL || !dr_parse_i64(piece, 0, 255, &value))
                return 0;
            part[i] = (unsigned char)value;
        }
        if (cursor != NULL || part[0] != 127)
            return 0;
    }
    client->network =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    memcpy(&client->network.sin_addr, part, 4);
    snprintf(client->host, sizeof client->host, "%u.%u.%u.%u:%u", part[0], part[1], part[2],
             part[3], (unsigned)port);
    return 1;
}

enum dr_status dr_client_open(struct dr_client **client, const struct dr_client_options *options,
                              struct dr_error *error)
{
    struct dr_client *made = calloc(1, sizeof *made);

    if (made == NULL)
        return DR_E_FULL;
    made->descriptor = -1;
    if (options->token != NULL) {
        for (const char *at = options->token; *at != '\0'; at += 1) {
            if (*at <= ' ' || *at > '~') {
                dr_error_set(error, NULL, 0, "token", NULL,
                             "a token is one word of printable characters, as `daero token issue` "
                             "gave it");
                free(made);
                return DR_E_INPUT;
            }
        }
        made->token = strdup(options->token);
    }
    if (options->socket != NULL) {
        size_t length = strlen(options->socket);

        made->is_local = 1;
        if (length >= sizeof made->local.sun_path) {
            dr_error_set(error, NULL, 0, "socket", options->socket, "a path of at most %zu bytes",
                         sizeof made->local.sun_path - 1);
            dr_client_close(made);
            return DR_E_INPUT;
        }
        made->local.sun_family = AF_UNIX;
        memcpy(made->local.sun_path, options->socket, length + 1);
        snprintf(made->host, sizeof made->host, "localhost");
        snprintf(made->where, sizeof made->where, "unix socket %s", options->socket);
    } else {
        if (!parse_url(made, options->url)) {
            dr_error_set(error, NULL, 0, "url", options->url,
                         "http://127.0.0.1:PORT (a token does not leave the machine in the clear; "
                         "reach another machine through an encrypted tunnel)");
            dr_client_close(made);
            return DR_E_INPUT;
        }
        snprintf(made->where, sizeof made->where, "%s", options->url);
    }
    *client = made;
    return DR_OK;
}

static void disconnect(struct dr_client *client)
{
    if (client->descriptor >= 0)
        close(client->descriptor);
    client->descriptor = -1;
}

void dr_client_close(struct dr_client *client)
{
    if (client == NULL)
        return;
    disconnect(client);
    if (client->token != NULL)
        explicit_bzero(client->token, strlen(client->token));
    free(client->token);
    free(client);
}

const char *dr_client_where(const struct dr_client *client)
{
    return client->where;
}

static enum dr_status connect_now(struct dr_client *client, struct dr_error *error)
{
    int descriptor = socket(client->is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (descriptor < 0) {
        dr_error_set(error, NULL, 0, "socket", NULL, "%s", strerror(errno));
        return DR_E_IO;
    }
    do {
        result =
            client->is_local
                ? connect(descriptor, (struct sockaddr *)&client->local, sizeof client->local)
                : connect(descriptor, (struct sockaddr *)&client->network, sizeof client->network);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        int why = errno;

        close(descriptor);
        if (why == EACCES || why == EPERM) {
            dr_error_set(error, NULL, 0, "", NULL, "%s may not be opened by this user",
                         client->where);
            return DR_E_DENIED;
        }
        dr_error_set(error, NULL, 0, "", NULL,
                     "no controller answers at %s (%s); start one with `daero serve`, or name "
                     "another with --socket or --url",
                     client->where, strerror(why));
        return DR_E_MISSING;
    }
    client->descriptor = descriptor;
    return DR_OK;
}

static int send_all(int descriptor, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(descriptor, bytes, count, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return 0;
        bytes += sent;
        count -= (size_t)sent;
    }
    return 1;
}

struct exchange {
    struct dr_response response;
    struct dr_reply *reply;
    int (*body)(void *context, const char *bytes, size_t count); /* NULL: gather all */
    void *context;
};

static int take_body(void *context, const char *bytes, size_t count)
{
    struct exchange *exchange = context;

    if (exchange->body != NULL && exchange->response.status == 200)
        return exchange->body(exchange->context, bytes, count);
    dr_buffer_append(&exchange->reply->body, bytes, count);
    return !exchange->reply->body.full;
}

/* Read one answer. DR_E_IO with `*nothing` 1: the connection ended before its first byte. */
static enum dr_status read_answer(struct dr_client *client, struct exchange *exchange,
                                  int timeout_ms, int *nothing, struct dr_error *error)
{
    static char bytes[64 << 10];

    *nothing = 1;
    for (;;) {
        struct pollfd wait = {.fd = client->descriptor, .events = POLLIN};
        int ready = poll(&wait, 1, timeout_ms);
        ssize_t count;
        size_t taken;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0) {
            dr_error_set(error, NULL, 0, "", NULL,
                         "%s gave no answer within %d s; whether the request was carried out is "
                         "not known",
                         client->where, timeout_ms / 1000);
            return DR_E_TIMEOUT;
        }
        count = recv(client->descriptor, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            if (!*nothing && dr_response_end(&exchange->response) == DR_OK)
                return DR_OK;
            dr_error_set(error, NULL, 0, "", NULL,
                         "the connection to %s was cut before the answer; whether the request was "
                         "carried out is not known",
                         client->where);
            return DR_E_IO;
        }
        *nothing = 0;
        if (dr_response_feed(&exchange->response, bytes, (size_t)count, &taken) != DR_OK) {
            dr_error_set(error, NULL, 0, "", NULL, "%s does not speak HTTP as a controller does",
                         client->where);
            return DR_E_CORRUPT;
        }
        if (exchange->response.stopped || exchange->response.done)
            return DR_OK;
    }
}

static enum dr_status call_once(struct dr_client *client, const struct dr_call *call,
                                struct exchange *exchange, int timeout_ms, int *sent, int *reused,
                                int *nothing, struct dr_error *error)
{
    struct dr_buffer head DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status;

    *sent = 0;
    *nothing = 0;
    *reused = client->descriptor >= 0;
    if (!*reused) {
        status = connect_now(client, error);
        if (status != DR_OK)
            return status;
    }
    dr_buffer_init(&head, 1u << 20);
    dr_buffer_printf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: daero\r\n", call->method,
                     call->path, client->host);
    if (client->token != NULL)
        dr_buffer_printf(&head, "Authorization: Bearer %s\r\n", client->token);
    if (call->headers != NULL)
        dr_buffer_append_text(&head, call->headers);
    if (call->body != NULL)
        dr_buffer_printf(&head, "Content-Type: %s\r\n",
                         call->content_type == NULL ? "application/json" : call->content_type);
    if (call->body != NULL || strcmp(call->method, "GET") != 0)
        dr_buffer_printf(&head, "Content-Length: %zu\r\n", call->body_bytes);
    dr_buffer_append_text(&head, "\r\n");
    *sent = 1;
    /* A small body travels in the head's packet. A refusal may come while a large body is still
     * being sent, and the peer may close then: so what it said is read even if sending failed. */
    if (call->body != NULL && call->body_bytes <= (256u << 10))
        dr_buffer_append(&head, call->body, call->body_bytes);
    if (send_all(client->descriptor, dr_buffer_text(&head), head.length) && call->body != NULL &&
        call->body_bytes > (256u << 10))
        (void)!send_all(client->descriptor, call->body, call->body_bytes);
    if (client->token != NULL)
        explicit_bzero(head.data, head.length);
    status = read_answer(client, exchange, timeout_ms, nothing, error);
    if (status != DR_OK || !exchange->response.keep_alive)
        disconnect(client);
    return status;
}

static enum dr_status call_with(struct dr_client *client, const struct dr_call *call,
                                struct exchange *exchange, int timeout_ms, struct dr_error *error)
{
    int safe = call->safe || strcmp(call->method, "GET") == 0;
    struct dr_reply *reply = exchange->reply;

    for (int attempt = 1;; attempt += 1) {
        enum dr_status status;
        int sent;
        int reused;
        int nothing;

        dr_buffer_deinit(&reply->body);
        dr_buffer_init(&reply->body, DR_REPLY_BYTES_MAX);
        dr_response_init(&exchange->response, strcmp(call->method, "HEAD") == 0, take_body,
                         exchange);
        status = call_once(client, call, exchange, timeout_ms, &sent, &reused, &nothing, error);
        reply->status = exchange->response.status;
        reply->offset_next = exchange->response.offset_next;
        dr_response_deinit(&exchange->response);
        if (status == DR_OK && reply->body.full) {
            dr_error_set(error, NULL, 0, "", NULL, "the answer is larger than %u MB",
                         DR_REPLY_BYTES_MAX >> 20);
            return DR_E_FULL;
        }
        if (status == DR_OK || status == DR_E_DENIED || status == DR_E_CORRUPT ||
            status == DR_E_TIMEOUT)
            return status;
        /* A kept connection that the controller had closed meanwhile: simply connect again. */
        if (reused && nothing && attempt == 1 && safe)
            continue;
        /* Nobody listened: nothing was sent, but a controller that is being restarted will. That is
         * waited for only once it was seen to be there. */
        if (!safe || attempt >= ATTEMPTS_MAX || (status == DR_E_MISSING && attempt == 1))
            return status;
        /* A part of the stream was handed on already: the caller must resume by itself. */
        if (exchange->body != NULL && !nothing && sent)
            return status;
        poll(NULL, 0, 100 << (2 * (attempt - 1)));
    }
}

enum dr_status dr_client_call(struct dr_client *client, const struct dr_call *call,
                              struct dr_reply *reply, struct dr_error *error)
{
    struct exchange exchange = {.reply = reply};

    return call_with(client, call, &exchange,
                     (call->timeout_s == 0 ? 60 : (int)call->timeout_s) * 1000, error);
}

enum dr_status dr_client_stream(struct dr_client *client, const struct dr_call *call,
                                int (*body)(void *context, const char *bytes, size_t count),
                                void *context, struct dr_reply *reply, struct dr_error *error)
{
    struct exchange exchange = {.reply = reply, .body = body, .context = context};

    return call_with(client, call, &exchange, -1, error);
}
