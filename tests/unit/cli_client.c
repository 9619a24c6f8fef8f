/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the API against a peer that says what a test tells it to. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/client.h"
#include "test.h"

/* ---- a peer ---- */

struct peer {
    const char *const *answers; /* [count], one a connection; "": close without a byte */
    uint32_t count;
    int keep; /* 1: the first connection stays open after its answer */
    int listener;
    struct dr_buffer seen; /* all that was asked */
    uint32_t served;       /* connections */
    pthread_t thread;
    struct sockaddr_un address;
};

/* Takes a request's head. 0: there was none. */
static int take_request(struct peer *peer, int connection)
{
    size_t from = peer->seen.length;
    char bytes[4096];

    while (strstr(dr_buffer_text(&peer->seen) + from, "\r\n\r\n") == NULL) {
        ssize_t count = recv(connection, bytes, sizeof bytes, 0);

        if (count <= 0)
            return 0;
        dr_buffer_append(&peer->seen, bytes, (size_t)count);
    }
    return 1;
}

static void *answer_all(void *context)
{
    struct peer *peer = context;
    int kept = -1;

    for (uint32_t i = 0; i < peer->count; i += 1) {
        int connection = accept(peer->listener, NULL, NULL);

        if (connection < 0)
            break;
        peer->served += 1;
        if (take_request(peer, connection)) {
            const char *answer = peer->answers[i];

            for (size_t left = strlen(answer); left > 0;) {
                ssize_t count = send(connection, answer, left, MSG_NOSIGNAL);

                if (count <= 0)
                    break;
                answer += count;
                left -= (size_t)count;
            }
        }
        if (peer->keep && i == 0) {
            struct pollfd either[] = {{.fd = connection, .events = POLLIN},
                                      {.fd = peer->listener, .events = POLLIN}};

            kept = connection;
            if (poll(either, 2, 10000) > 0 && either[0].revents != 0)
                (void)!take_request(peer, connection); /* and cut it */
            else
                continue;
            kept = -1;
        }
        close(connection);
    }
    if (kept >= 0)
        close(kept);
    return NULL;
}

static void start(struct peer *peer, struct dr_client **client, const char *const *answers,
                  uint32_t count)
{
    struct dr_error error;

    /* What the environment says of proxies is not followed. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    peer->answers = answers;
    peer->count = count;
    peer->address.sun_family = AF_UNIX;
    snprintf(peer->address.sun_path, sizeof peer->address.sun_path, "%s/peer.sock",
             test_directory());
    unlink(peer->address.sun_path);
    dr_buffer_init(&peer->seen, 64u << 20);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(peer->listener >= 0);
    CHECK_EQ(bind(peer->listener, (struct sockaddr *)&peer->address, sizeof peer->address), 0);
    CHECK_EQ(listen(peer->listener, 8), 0);
    CHECK_EQ(pthread_create(&peer->thread, NULL, answer_all, peer), 0);
    CHECK_EQ(dr_client_open(client, &(struct dr_client_options){.socket = peer->address.sun_path},
                            &error),
             DR_OK);
}

static void stop(struct peer *peer, struct dr_client *client)
{
    dr_client_close(client);
    shutdown(peer->listener, SHUT_RDWR);
    CHECK_EQ(pthread_join(peer->thread, NULL), 0);
    close(peer->listener);
}

static uint32_t times(const struct peer *peer, const char *part)
{
    uint32_t count = 0;

    for (const char *at = dr_buffer_text((struct dr_buffer *)&peer->seen);
         (at = strstr(at, part)) != NULL; at += 1)
        count += 1;
    return count;
}

/* One call on a connection of its own. */
static enum dr_status call_one(const char *answer, const struct dr_call *call,
                               struct dr_reply *reply, struct dr_error *error, struct peer *peer)
{
    struct dr_client *client;
    enum dr_status status;

    memset(peer, 0, sizeof *peer);
    start(peer, &client, (const char *const[]){answer}, 1);
    status = dr_client_call(client, call, reply, error);
    stop(peer, client);
    return status;
}

#define POST_UNSAFE                                                         \
    {                                                                       \
        .method = "POST", .path = "/v1/jobs", .body = "{}", .body_bytes = 2 \
    }

/* ---- what comes back ---- */

TEST(answers_are_framed_as_they_say)
{
    static const struct {
        const char *answer;
        int status;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", 200, "hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
         200, "hello!"},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 200, "hello"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}", 409,
         "{}"},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\n{}",
         401, "{}"},
        /* not followed */
        {"HTTP/1.1 302 Found\r\nLocation: /v1/other\r\nContent-Length: 0\r\n\r\n", 302, ""}};

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_call call = POST_UNSAFE;
        struct dr_reply reply = {0};
        struct dr_error error = {0};
        struct peer peer;

        CHECK_EQ(call_one(cases[i].answer, &call, &reply, &error, &peer), DR_OK);
        CHECK_EQ(reply.status, cases[i].status);
        CHECK_TEXT(dr_buffer_text(&reply.body), cases[i].body);
        CHECK_EQ(peer.served, 1);
        dr_buffer_deinit(&reply.body);
        dr_buffer_deinit(&peer.seen);
    }
}

TEST(requests_say_what_the_call_says)
{
    struct dr_call call = {.method = "DELETE",
                           .path = "/v1/jobs/7?reason=a%20b&x=../y",
                           .headers = "Idempotency-Key: k1\r\nX-Two: 2\r\n"};
    struct dr_reply reply = {0};
    struct dr_error error;
    struct peer peer;

    CHECK_EQ(call_one("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &call, &reply, &error, &peer),
             DR_OK);
    CHECK_HAS(dr_buffer_text(&peer.seen), "DELETE /v1/jobs/7?reason=a%20b&x=../y HTTP/1.1\r\n");
    CHECK_EQ(times(&peer, "\r\nHost: localhost\r\n"), 1);
    CHECK_EQ(times(&peer, "\r\nIdempotency-Key: k1\r\n"), 1);
    CHECK_EQ(times(&peer, "\r\nX-Two: 2\r\n"), 1);
    CHECK_EQ(times(&peer, "\r\nContent-Length: 0\r\n"), 1);
    CHECK_EQ(times(&peer, "Content-Type"), 0);
    CHECK_EQ(times(&peer, "Proxy"), 0);
    dr_buffer_deinit(&peer.seen);

    call = (struct dr_call)POST_UNSAFE;
    CHECK_EQ(call_one("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &call, &reply, &error, &peer),
             DR_OK);
    CHECK_EQ(times(&peer, "\r\nContent-Type: application/json\r\n"), 1);
    dr_buffer_deinit(&peer.seen);

    call.path = "/v1/jobs HTTP/1.1\r\nX: y";
    CHECK_EQ(call_one("", &call, &reply, &error, &peer), DR_E_INPUT);
    CHECK_EQ(peer.seen.length, 0);
    dr_buffer_deinit(&peer.seen);
    dr_buffer_deinit(&reply.body);
}

TEST(what_is_no_answer)
{
    static char long_head[100 << 10];
    const struct {
        const char *answer;
        enum dr_status status;
        const char *words;
    } cases[] = {{"", DR_E_IO, "whether the request was carried out is not known"},
                 {"HTTP/1.1 200 OK\r\nContent-Le", DR_E_IO, "is not known"},
                 {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", DR_E_IO, "is not known"},
                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", DR_E_IO, "cut"},
                 {"SSH-2.0-x\r\n\r\n", DR_E_CORRUPT, "does not speak HTTP"},
                 {long_head, DR_E_CORRUPT, "does not speak HTTP"}};
    size_t at = (size_t)snprintf(long_head, sizeof long_head, "HTTP/1.1 200 OK\r\n");

    while (at < sizeof long_head - 100)
        at += (size_t)snprintf(long_head + at, sizeof long_head - at, "X-Long: %060d\r\n", 1);
    snprintf(long_head + at, sizeof long_head - at, "\r\n");
    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_call call = POST_UNSAFE;
        struct dr_reply reply = {0};
        struct dr_error error = {0};
        struct peer peer;

        CHECK_EQ(call_one(cases[i].answer, &call, &reply, &error, &peer), cases[i].status);
        CHECK_HAS(error.expected, cases[i].words);
        CHECK_EQ(times(&peer, "POST "), 1);
        dr_buffer_deinit(&reply.body);
        dr_buffer_deinit(&peer.seen);
    }
}

/* A refusal of a body that nobody reads to its end is heard all the same. */
TEST(large_bodies_are_refused_early)
{
    struct dr_call call = POST_UNSAFE;
    struct dr_reply reply = {0};
    struct dr_error error = {0};
    struct peer peer;
    char *body = malloc(8u << 20);

    CHECK(body != NULL);
    memset(body, 'x', 8u << 20);
    call.body = body;
    call.body_bytes = 8u << 20;
    CHECK_EQ(call_one("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
                      &call, &reply, &error, &peer),
             DR_OK);
    CHECK_EQ(reply.status, 413);
    CHECK_TEXT(dr_buffer_text(&reply.body), "{}");
    free(body);
    dr_buffer_deinit(&reply.body);
    dr_buffer_deinit(&peer.seen);
}

/* ---- saying it again ---- */

TEST(safe_calls_are_said_again)
{
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\nContent-Le",
                                          "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"};
    struct dr_call call = POST_UNSAFE;
    struct dr_client *client;
    struct dr_reply reply = {0};
    struct dr_error error;
    struct peer peer = {0};

    call.safe = 1;
    call.headers = "Idempotency-Key: k1\r\n";
    start(&peer, &client, answers, 3);
    CHECK_EQ(dr_client_call(client, &call, &reply, &error), DR_OK);
    stop(&peer, client);
    CHECK_EQ(reply.status, 201);
    CHECK_EQ(times(&peer, "Idempotency-Key: k1\r\n"), 3);
    dr_buffer_deinit(&reply.body);
    dr_buffer_deinit(&peer.seen);
}

/* The library repeats any request on a kept connection that turns out to be closed: it must not get
 * the chance with one that may have been carried out. */
TEST(unsafe_calls_are_said_once)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "", ""};
    struct dr_call first = {.method = "GET", .path = "/v1/me"};
    struct dr_call call = POST_UNSAFE;
    struct dr_client *client;
    struct dr_reply reply = {0};
    struct dr_error error;
    struct peer peer = {.keep = 1};

    start(&peer, &client, answers, 3);
    CHECK_EQ(dr_client_call(client, &first, &reply, &error), DR_OK);
    CHECK_EQ(dr_client_call(client, &call, &reply, &error), DR_E_IO);
    stop(&peer, client);
    CHECK_EQ(times(&peer, "POST "), 1);
    dr_buffer_deinit(&reply.body);
    dr_buffer_deinit(&peer.seen);
}

/* A controller that was there and went away is waited for; the calls before it came are not. */
TEST(nobody_there)
{
    struct dr_call call = {.method = "GET", .path = "/v1/me"};
    struct dr_client *client;
    struct dr_reply reply = {0};
    struct dr_error error = {0};
    char path[200];

    snprintf(path, sizeof path, "%s/none.sock", test_directory());
    CHECK_EQ(dr_client_open(&client, &(struct dr_client_options){.socket = path}, &error), DR_OK);
    CHECK_EQ(dr_client_call(client, &call, &reply, &error), DR_E_MISSING);
    CHECK_HAS(error.expected, "no controller answers at unix socket ");
    CHECK_HAS(error.expected, "(No such file or directory)");
    dr_client_close(client);
    dr_buffer_deinit(&reply.body);
}

/* ---- streams ---- */

struct taken {
    struct dr_buffer bytes;
    size_t enough;
};

static int take(void *context, const char *bytes, size_t count)
{
    struct taken *taken = context;

    dr_buffer_append(&taken->bytes, bytes, count);
    return taken->bytes.length < taken->enough;
}

TEST(streams_end_when_the_caller_has_enough)
{
    static const struct {
        const char *answer;
        enum dr_status status;
        const char *body;
        const char *gathered;
    } cases[] = {
        /* never ended by the peer's framing */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", DR_OK, "hello", ""},
        /* cut before: the caller resumes, nothing is said again */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", DR_E_IO, "hel", ""},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n{\"a\":1", DR_OK, "", "{\"a\":1"}};

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_call call = {.method = "GET", .path = "/v1/events"};
        struct dr_client *client;
        struct dr_reply reply = {0};
        struct dr_error error;
        struct peer peer = {0};
        struct taken taken = {.enough = 5};

        dr_buffer_init(&taken.bytes, 1u << 16);
        start(&peer, &client, &cases[i].answer, 1);
        CHECK_EQ(dr_client_stream(client, &call, take, &taken, &reply, &error), cases[i].status);
        stop(&peer, client);
        CHECK_TEXT(dr_buffer_text(&taken.bytes), cases[i].body);
        CHECK_TEXT(dr_buffer_text(&reply.body), cases[i].gathered);
        CHECK_EQ(peer.served, 1);
        dr_buffer_deinit(&taken.bytes);
        dr_buffer_deinit(&reply.body);
        dr_buffer_deinit(&peer.seen);
    }
}

/* ---- where ---- */

TEST(tokens_do_not_leave_the_machine_in_the_clear)
{
    static const char *const good[] = {"http://127.0.0.1:8787",       "http://127.0.0.1",
                                       "http://localhost:1/",         "http://127.1.2.3:65535",
                                       "https://daero.example",       "https://192.0.2.1:8787/",
                                       "https://daero.example:65535", "https://[2001:db8::1]:8787"};
    static const char *const bad[] = {"http://192.0.2.1:8787",
                                      "http://:8787",
                                      "http://127.0.0.1:0",
                                      "http://127.0.0.1:65536",
                                      "http://127.0.0.1:8787/x",
                                      "127.0.0.1:8787",
                                      "http://localhost.example:80",
                                      "http://127.0.0.1.5:80",
                                      "http://127.0.0.1@192.0.2.1:80",
                                      "http://ann:x@127.0.0.1:80",
                                      "http://127.0.0.1:80?x",
                                      "http://127.0.0.1:80#x",
                                      "https://daero.example/x",
                                      "ftp://127.0.0.1",
                                      "file:///etc/passwd",
                                      ""};
    struct dr_error error;

    for (size_t i = 0; i < DR_COUNT_OF(good); i += 1) {
        struct dr_client *client = NULL;
        struct dr_client_options options = {.url = good[i]};

        CHECK_EQ(dr_client_open(&client, &options, &error), DR_OK);
        dr_client_close(client);
    }
    for (size_t i = 0; i < DR_COUNT_OF(bad); i += 1) {
        struct dr_client *client = NULL;
        struct dr_client_options options = {.url = bad[i]};

        if (dr_client_open(&client, &options, &error) != DR_E_INPUT)
            fail_msg("'%s' was taken", bad[i]);
    }
}
