/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <sys/un.h>

#include "base/text.h"

#define ATTEMPTS_MAX       4
#define CONNECT_S_MAX      10
#define BODY_BYTES_UNASKED (64u << 10)
#define PORT_OF_HTTP       8787 /* when the URL names none; of https it is 443, as everywhere */

struct dr_client {
    CURL *curl;
    char where[320];
    char base[320]; /* what every URL begins with: scheme, host and port */
    char *socket;   /* NULL: over TCP */
    char *token;    /* NULL: none */
    int is_started; /* the library */
    int is_seen;    /* a controller answered there before */
};

/* Copies a part of the URL, cut to fit. Returns its whole length; -1: the URL has no such part. */
static int part_of(CURLU *url, CURLUPart part, char *text, size_t text_bytes)
{
    char *found = NULL;
    int length;

    text[0] = '\0';
    if (curl_url_get(url, part, &found, 0) != CURLUE_OK)
        return -1;
    length = snprintf(text, text_bytes, "%s", found);
    curl_free(found);
    return length;
}

/* "http://127.0.0.1:8787" with 127.0.0.0/8 and "localhost" alone, or https anywhere: a token must
 * not leave the machine in the clear. */
static int take_url(struct dr_client *client, CURLU *url, const char *text)
{
    char scheme[8];
    char host[256];
    char path[2];
    char rest[2];
    char digits[8];
    struct in_addr address;
    int64_t port = PORT_OF_HTTP;
    int length;
    int is_https;

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return 0;
    part_of(url, CURLUPART_SCHEME, scheme, sizeof scheme);
    is_https = strcmp(scheme, "https") == 0;
    if (!is_https && strcmp(scheme, "http") != 0)
        return 0;
    if (part_of(url, CURLUPART_PATH, path, sizeof path) > 1 ||
        part_of(url, CURLUPART_QUERY, rest, sizeof rest) >= 0 ||
        part_of(url, CURLUPART_FRAGMENT, rest, sizeof rest) >= 0 ||
        part_of(url, CURLUPART_USER, rest, sizeof rest) >= 0 ||
        part_of(url, CURLUPART_PASSWORD, rest, sizeof rest) >= 0)
        return 0;
    length = part_of(url, CURLUPART_HOST, host, sizeof host);
    if (length <= 0 || (size_t)length >= sizeof host)
        return 0;
    if (is_https)
        port = 443;
    if (part_of(url, CURLUPART_PORT, digits, sizeof digits) >= 0 &&
        !dr_parse_i64(digits, 1, 65535, &port))
        return 0;
    if (!is_https) {
        if (strcmp(host, "localhost") == 0)
            snprintf(host, sizeof host, "127.0.0.1");
        if (inet_pton(AF_INET, host, &address) != 1 || (ntohl(address.s_addr) >> 24) != 127)
            return 0;
    }
    snprintf(client->base, sizeof client->base, "%s://%s:%lld", scheme, host, (long long)port);
    return 1;
}

enum dr_status dr_client_open(struct dr_client **client, const struct dr_client_options *options,
                              struct dr_error *error)
{
    struct dr_client *made = calloc(1, sizeof *made);

    if (made == NULL)
        return DR_E_FULL;
    if (options->token != NULL) {
        for (const char *at = options->token; *at != '\0'; at += 1) {
            if (*at <= ' ' || *at > '~') {
                dr_error_set(error, NULL, 0, "token", NULL,
                             "a token is one word of printable characters, as `daero token issue` "
                             "gave it");
                dr_client_close(made);
                return DR_E_INPUT;
            }
        }
        made->token = strdup(options->token);
    }
    if (options->socket != NULL) {
        size_t room = sizeof((struct sockaddr_un *)0)->sun_path;

        if (strlen(options->socket) >= room) {
            dr_error_set(error, NULL, 0, "socket", options->socket, "a path of at most %zu bytes",
                         room - 1);
            dr_client_close(made);
            return DR_E_INPUT;
        }
        made->socket = strdup(options->socket);
        snprintf(made->base, sizeof made->base, "http://localhost");
        snprintf(made->where, sizeof made->where, "unix socket %s", options->socket);
    } else {
        CURLU *url = curl_url();
        int is_good = url != NULL && take_url(made, url, options->url);

        curl_url_cleanup(url);
        if (!is_good) {
            dr_error_set(error, NULL, 0, "url", options->url,
                         "http://127.0.0.1:PORT or https://HOST:PORT (a token does not leave the "
                         "machine in the clear)");
            dr_client_close(made);
            return DR_E_INPUT;
        }
        snprintf(made->where, sizeof made->where, "%s", options->url);
    }
    made->is_started = curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK;
    made->curl = made->is_started ? curl_easy_init() : NULL;
    if (made->curl == NULL || (options->token != NULL && made->token == NULL) ||
        (options->socket != NULL && made->socket == NULL)) {
        dr_error_set(error, NULL, 0, "", NULL, "libcurl did not start: no memory");
        dr_client_close(made);
        return DR_E_FULL;
    }
    *client = made;
    return DR_OK;
}

void dr_client_close(struct dr_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    if (client->is_started)
        curl_global_cleanup();
    if (client->token != NULL)
        explicit_bzero(client->token, strlen(client->token));
    free(client->token);
    free(client->socket);
    free(client);
}

const char *dr_client_where(const struct dr_client *client)
{
    return client->where;
}

/* ---- one request ---- */

struct exchange {
    struct dr_client *client;
    struct dr_reply *reply;
    int (*body)(void *context, const char *bytes, size_t count); /* NULL: gather all */
    void *context;
    size_t head_bytes; /* 0: nothing came back */
    int is_head_whole; /* its empty line came */
    int is_stopped;    /* `body` had enough */
};

static size_t take_head(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    long status = 0;

    exchange->head_bytes += size * count;
    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && size * count > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
        exchange->is_head_whole = 1;
    return exchange->head_bytes > DR_REPLY_HEAD_BYTES_MAX ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    long status = 0;

    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->body != NULL && status == 200) {
        exchange->is_stopped = !exchange->body(exchange->context, bytes, size * count);
        return exchange->is_stopped ? 0 : size * count;
    }
    dr_buffer_append(&exchange->reply->body, bytes, size * count);
    return exchange->reply->body.full ? 0 : size * count;
}

static void add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
}

static struct curl_slist *headers_of(const struct dr_client *client, const struct dr_call *call)
{
    struct curl_slist *list = NULL;
    struct dr_buffer line DR_CLEANUP(dr_buffer_deinit) = {0};
    const char *at = call->headers == NULL ? "" : call->headers;

    dr_buffer_init(&line, 1u << 20);
    for (size_t length; *at != '\0'; at += length + strspn(at + length, "\r\n")) {
        length = strcspn(at, "\r\n");
        dr_buffer_clear(&line);
        dr_buffer_append(&line, at, length);
        add_header(&list, dr_buffer_text(&line));
    }
    dr_buffer_clear(&line);
    /* No name without a body: the library would say that a form is sent. */
    dr_buffer_printf(&line, "Content-Type:%s%s", call->body == NULL ? "" : " ",
                     call->body == NULL           ? ""
                     : call->content_type == NULL ? "application/json"
                                                  : call->content_type);
    add_header(&list, dr_buffer_text(&line));
    /* A peer that refuses a large body may close before it has read it, and then the library does
     * not hear why: so it asks first. */
    add_header(&list, call->body_bytes > BODY_BYTES_UNASKED ? "Expect: 100-continue" : "Expect:");
    if (client->token != NULL) {
        dr_buffer_clear(&line);
        dr_buffer_printf(&line, "Authorization: Bearer %s", client->token);
        add_header(&list, dr_buffer_text(&line));
        explicit_bzero(line.data, line.length);
    }
    return list;
}

static int is_safe(const struct dr_call *call)
{
    return call->safe || strcmp(call->method, "GET") == 0;
}

static void prepare(struct exchange *exchange, const struct dr_call *call, const char *url,
                    struct curl_slist *headers)
{
    CURL *curl = exchange->client->curl;

    curl_easy_reset(curl); /* connections stay */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (exchange->client->socket != NULL)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, exchange->client->socket);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "daero");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (strcmp(call->method, "GET") != 0 || call->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body == NULL ? "" : call->body);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    }
    /* On a kept connection that turns out to be closed the library sends any request again. */
    if (!is_safe(call))
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S_MAX);
    if (exchange->body == NULL) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)DR_REPLY_SILENCE_S_MAX);
    }
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
}

/* What the library says, in our words. */
static enum dr_status judge(const struct exchange *exchange, CURLcode code, struct dr_error *error)
{
    const struct dr_client *client = exchange->client;
    long sent_bytes = 0;
    long why = 0;

    /* To the library a head that is cut off is a whole answer without a body. */
    if ((code == CURLE_OK && exchange->is_head_whole) || exchange->is_stopped)
        return DR_OK;
    if (exchange->reply->body.full) {
        dr_error_set(error, NULL, 0, "", NULL, "the answer is larger than %u MB",
                     DR_REPLY_BYTES_MAX >> 20);
        return DR_E_FULL;
    }
    if (code == CURLE_URL_MALFORMAT) {
        dr_error_set(error, NULL, 0, "", NULL, "a path without spaces or control characters");
        return DR_E_INPUT;
    }
    curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    if (sent_bytes == 0) {
        curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &why);
        if (code == CURLE_COULDNT_CONNECT && (why == EACCES || why == EPERM)) {
            dr_error_set(error, NULL, 0, "", NULL, "%s may not be opened by this user",
                         client->where);
            return DR_E_DENIED;
        }
        dr_error_set(error, NULL, 0, "", NULL,
                     "no controller answers at %s (%s); start one with `daero serve`, or name "
                     "another with --socket or --url",
                     client->where,
                     code == CURLE_COULDNT_CONNECT && why != 0 ? strerror((int)why)
                                                               : curl_easy_strerror(code));
        return DR_E_MISSING;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        dr_error_set(error, NULL, 0, "", NULL,
                     "%s gave no answer within %d s; whether the request was carried out is not "
                     "known",
                     client->where, DR_REPLY_SILENCE_S_MAX);
        return DR_E_TIMEOUT;
    }
    /* A head without end, or what is no HTTP/1.1 at all. */
    if (code == CURLE_WRITE_ERROR || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_WEIRD_SERVER_REPLY) {
        dr_error_set(error, NULL, 0, "", NULL, "%s does not speak HTTP as a controller does",
                     client->where);
        return DR_E_CORRUPT;
    }
    dr_error_set(error, NULL, 0, "", NULL,
                 "the connection to %s was cut before the answer; whether the request was carried "
                 "out is not known",
                 client->where);
    return DR_E_IO;
}

static enum dr_status call_once(struct exchange *exchange, const struct dr_call *call,
                                struct dr_error *error)
{
    struct dr_client *client = exchange->client;
    struct dr_buffer url DR_CLEANUP(dr_buffer_deinit) = {0};
    struct curl_slist *headers = headers_of(client, call);
    enum dr_status status;
    long http_status = 0;

    exchange->head_bytes = 0;
    exchange->is_head_whole = 0;
    exchange->is_stopped = 0;
    dr_buffer_deinit(&exchange->reply->body);
    dr_buffer_init(&exchange->reply->body, DR_REPLY_BYTES_MAX);
    dr_buffer_init(&url, 1u << 20);
    dr_buffer_printf(&url, "%s%s", client->base, call->path);
    prepare(exchange, call, dr_buffer_text(&url), headers);
    status = judge(exchange, curl_easy_perform(client->curl), error);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
    exchange->reply->status = (int)http_status;
    client->is_seen |= exchange->head_bytes > 0;
    curl_slist_free_all(headers);
    return status;
}

static enum dr_status call_with(struct exchange *exchange, const struct dr_call *call,
                                struct dr_error *error)
{
    for (int attempt = 1;; attempt += 1) {
        enum dr_status status = call_once(exchange, call, error);

        if (status != DR_E_MISSING && status != DR_E_IO)
            return status;
        /* Nobody listened: nothing was sent, but a controller that is being restarted will. That is
         * waited for only once it was seen to be there. */
        if (!is_safe(call) || attempt >= ATTEMPTS_MAX ||
            (status == DR_E_MISSING && attempt == 1 && !exchange->client->is_seen))
            return status;
        /* A part of the stream was handed on already: the caller must resume by itself. */
        if (exchange->body != NULL && exchange->head_bytes > 0)
            return status;
        poll(NULL, 0, 100 << (2 * (attempt - 1)));
    }
}

enum dr_status dr_client_call(struct dr_client *client, const struct dr_call *call,
                              struct dr_reply *reply, struct dr_error *error)
{
    struct exchange exchange = {.client = client, .reply = reply};

    return call_with(&exchange, call, error);
}

enum dr_status dr_client_stream(struct dr_client *client, const struct dr_call *call,
                                int (*body)(void *context, const char *bytes, size_t count),
                                void *context, struct dr_reply *reply, struct dr_error *error)
{
    struct exchange exchange = {.client = client, .reply = reply, .body = body, .context = context};

    return call_with(&exchange, call, error);
}
