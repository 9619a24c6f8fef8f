/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "base/assert.h"
#include "base/math.h"
#include "base/text.h"

#define CONNECT_US_MAX (3 * DR_SECOND_US)
#define CONNECTIONS    12L

/* ---- libcurl's sockets and timer ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct dr_slurm_http *http = context;
    struct epoll_event event = {.data.u64 = (uint64_t)fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if ((what & CURL_POLL_IN) != 0)
        event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        event.events |= EPOLLOUT;
    if (epoll_ctl(http->epoll_fd, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0 &&
        errno == EEXIST)
        epoll_ctl(http->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(http->multi, fd, http);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct dr_slurm_http *http = context;

    (void)multi;
    http->due_us = timeout_ms < 0 ? INT64_MAX : dr_monotonic_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct dr_slurm_exchange *exchange = context;

    dr_buffer_append(&exchange->answer, data, size * count);
    return exchange->answer.full ? 0 : size * count;
}

/* Each byte once, whatever libcurl asks for: see the head of slurm_http.h. */
static size_t give_body(char *data, size_t size, size_t count, void *context)
{
    struct dr_slurm_exchange *exchange = context;
    size_t left = exchange->body_bytes - exchange->body_given;
    size_t bytes = size * count < left ? size * count : left;

    memcpy(data, exchange->body + exchange->body_given, bytes);
    exchange->body_given += bytes;
    exchange->sent = DR_SLURM_SENT;
    return bytes;
}

static int refuse_to_rewind(void *context, curl_off_t offset, int origin)
{
    struct dr_slurm_exchange *exchange = context;

    (void)offset;
    (void)origin;
    return exchange->body_given == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* ---- opening ---- */

static int is_address(const char *host)
{
    struct in6_addr address;
    char inner[64];
    size_t length = strlen(host);

    if (strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &address) == 1)
        return 1;
    if (length < 3 || length >= sizeof inner || host[0] != '[' || host[length - 1] != ']')
        return 0;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = 0;
    return inet_pton(AF_INET6, inner, &address) == 1;
}

static int take_http_url(struct dr_slurm_http *http, const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *path = NULL, *query = NULL;
    int ok = url != NULL && strlen(text) < sizeof http->base &&
             curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
             curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
             curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
             curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK;

    ok = ok && curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY &&
         strcmp(scheme, "http") == 0 && is_address(host) && strcmp(path, "/") == 0;
    if (ok) {
        snprintf(http->base, sizeof http->base, "%s", text);
        if (http->base[strlen(http->base) - 1] == '/')
            http->base[strlen(http->base) - 1] = 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(url);
    return ok;
}

static int take_url(struct dr_slurm_http *http, const char *url)
{
    if (strncmp(url, "unix:", 5) != 0)
        return take_http_url(http, url);
    if (url[5] != '/' || strlen(url + 5) >= sizeof http->socket_path)
        return 0;
    snprintf(http->socket_path, sizeof http->socket_path, "%s", url + 5);
    snprintf(http->base, sizeof http->base, "http://localhost");
    return 1;
}

enum dr_status dr_slurm_http_open(struct dr_slurm_http *http, const char *url, int epoll_fd,
                                  int64_t timeout_us, dr_slurm_answered *answered, void *owner,
                                  struct dr_error *error)
{
    *http = (struct dr_slurm_http){.epoll_fd = epoll_fd,
                                   .due_us = INT64_MAX,
                                   .timeout_us = timeout_us,
                                   .answered = answered,
                                   .owner = owner};
    if (!take_url(http, url)) {
        dr_error_set(error, NULL, 0, "url", url,
                     "http://ADDRESS:PORT with a numeric address or localhost, or "
                     "unix:/PATH of at most %zu bytes",
                     sizeof http->socket_path - 1);
        return DR_E_INPUT;
    }
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return DR_E_IO;
    http->multi = curl_multi_init();
    if (http->multi == NULL) {
        curl_global_cleanup();
        dr_error_set(error, NULL, 0, "", NULL, "libcurl did not start: no memory");
        return DR_E_IO;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return DR_OK;
}

static void release(struct dr_slurm_exchange *exchange)
{
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    free(exchange->body);
    exchange->body = NULL;
    if (exchange->answer.capacity > 1024 * 1024)
        dr_buffer_deinit(&exchange->answer);
    exchange->next = exchange->http->idle;
    exchange->http->idle = exchange;
}

static void destroy(struct dr_slurm_exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    dr_buffer_deinit(&exchange->answer);
    free(exchange);
}

void dr_slurm_http_close(struct dr_slurm_http *http)
{
    if (http->multi == NULL)
        return;
    while (http->under_way_count > 0) {
        struct dr_slurm_exchange *exchange = http->under_way[http->under_way_count - 1];

        http->under_way_count -= 1;
        curl_multi_remove_handle(http->multi, exchange->easy);
        release(exchange);
    }
    while (http->idle != NULL) {
        struct dr_slurm_exchange *exchange = http->idle;

        http->idle = exchange->next;
        destroy(exchange);
    }
    curl_multi_cleanup(http->multi);
    http->multi = NULL;
    curl_global_cleanup();
}

/* ---- one exchange ---- */

struct dr_slurm_exchange *dr_slurm_http_new(struct dr_slurm_http *http)
{
    struct dr_slurm_exchange *exchange = http->idle;

    if (http->under_way_count == DR_COUNT_OF(http->under_way))
        return NULL;
    if (exchange != NULL) {
        struct dr_slurm_exchange kept = *exchange;

        http->idle = exchange->next;
        memset(exchange, 0, sizeof *exchange);
        exchange->http = http;
        exchange->easy = kept.easy;
        exchange->answer = kept.answer;
        dr_buffer_clear(&exchange->answer);
        exchange->answer.length_max = DR_SLURM_ANSWER_BYTES_MAX;
        return exchange;
    }
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        abort();
    exchange->http = http;
    exchange->easy = curl_easy_init();
    if (exchange->easy == NULL)
        abort();
    dr_buffer_init(&exchange->answer, DR_SLURM_ANSWER_BYTES_MAX);
    return exchange;
}

static void add_header(struct dr_slurm_exchange *exchange, const char *name, const char *value)
{
    char line[700];
    struct curl_slist *longer;

    snprintf(line, sizeof line, "%s: %s", name, value);
    longer = curl_slist_append(exchange->headers, line);
    if (longer == NULL)
        abort();
    exchange->headers = longer;
}

void dr_slurm_http_send(struct dr_slurm_exchange *exchange, const char *method, const char *path,
                        const char *user, const char *token, char *body, size_t body_bytes)
{
    struct dr_slurm_http *http = exchange->http;
    CURL *easy = exchange->easy;
    char url[sizeof http->base + DR_SLURM_PATH_BYTES];

    snprintf(url, sizeof url, "%s%s", http->base, path);
    exchange->body = body;
    exchange->body_bytes = body_bytes;
    exchange->began_us = dr_monotonic_us();
    add_header(exchange, "X-SLURM-USER-NAME", user);
    add_header(exchange, "X-SLURM-USER-TOKEN", token);
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    if (http->socket_path[0] != 0)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->socket_path);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "daero");
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->curl_error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(http->timeout_us / 1000));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(dr_min_i64(http->timeout_us, CONNECT_US_MAX) / 1000));
    if (body != NULL) {
        add_header(exchange, "Content-Type", "application/json");
        add_header(exchange, "Expect", "");
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_to_rewind);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
    } else {
        exchange->sent = DR_SLURM_SENT; /* such requests may be sent twice */
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    http->under_way[http->under_way_count] = exchange;
    http->under_way_count += 1;
    DR_ASSERT(curl_multi_add_handle(http->multi, easy) == CURLM_OK);
}

/* ---- answers ---- */

/* Why there is no answer, as who looks after the site needs it. */
static void say_why(struct dr_slurm_exchange *exchange, CURLcode code)
{
    curl_off_t connected_us = 0;
    const char *words =
        exchange->curl_error[0] != 0 ? exchange->curl_error : curl_easy_strerror(code);

    curl_easy_getinfo(exchange->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (exchange->answer.full)
        dr_format(exchange->error, sizeof exchange->error, "its answer is too long");
    else if (code == CURLE_COULDNT_CONNECT)
        dr_format(exchange->error, sizeof exchange->error,
                  "%.150s. Is slurmrestd up, and the tunnel to it, if there is one?", words);
    else if (code == CURLE_OPERATION_TIMEDOUT && connected_us > 0)
        dr_format(exchange->error, sizeof exchange->error,
                  "slurmrestd has taken the connection, and did not answer within %lld s. Does it "
                  "reach slurmctld, and is that up?",
                  (long long)(exchange->took_us / DR_SECOND_US));
    else
        dr_format(exchange->error, sizeof exchange->error, "%s", words);
}

static void finish(struct dr_slurm_http *http, struct dr_slurm_exchange *exchange, CURLcode code)
{
    uint32_t i = 0;

    curl_multi_remove_handle(http->multi, exchange->easy);
    while (http->under_way[i] != exchange)
        i += 1;
    http->under_way_count -= 1;
    http->under_way[i] = http->under_way[http->under_way_count];
    exchange->took_us = dr_monotonic_us() - exchange->began_us;
    exchange->answered = code == CURLE_OK;
    if (code == CURLE_OK)
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->status);
    else
        say_why(exchange, code);
    http->answered(http->owner, exchange);
    release(exchange);
}

static void take_messages(struct dr_slurm_http *http)
{
    int left;
    CURLMsg *message;

    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct dr_slurm_exchange *exchange = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        finish(http, exchange, code);
    }
}

void dr_slurm_http_ready(struct dr_slurm_http *http, int fd, uint32_t events)
{
    int bits = 0, running;

    if ((events & EPOLLIN) != 0)
        bits |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        bits |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        bits |= CURL_CSELECT_ERR | CURL_CSELECT_IN;
    curl_multi_socket_action(http->multi, fd, bits, &running);
}

void dr_slurm_http_step(struct dr_slurm_http *http, int64_t now_us)
{
    int running;

    /* An answer may lead to a request, which sets the timer to now: twice is enough to send it. */
    for (int i = 0; i < 2; i += 1) {
        if (http->due_us <= now_us || http->due_us <= dr_monotonic_us()) {
            http->due_us = INT64_MAX;
            curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        take_messages(http);
    }
}
