/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP itself, with the real controller and store, on a unix socket and a TCP port: what is open,
 * who is there, connections, bodies and rates. Jobs are in serve_jobs.c, what operators do in
 * serve_operator.c, tokens and roles in serve_roles.c, streams in serve_streams.c. */
#include "http_people.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(health_is_open_and_the_rest_is_not)
{
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        const char *allow;
    } OTHERS[] = {
        {"PUT", "/v1/jobs", "{}", "\r\nAllow: POST, GET\r\n"},
        {"PATCH", "/v1/jobs/7", "{}", "\r\nAllow: GET, DELETE\r\n"},
        {"BREW", "/v1/jobs/7/why", NULL, "\r\nAllow: GET\r\n"},
        {"get", "/v1/nodes", NULL, "\r\nAllow: GET\r\n"},
        {"OPTIONS", "/v1/federation", NULL, "\r\nAllow: GET, POST\r\n"},
    };
    struct http_world *w = people_world();

    ASK("", "GET", "/v1/health", NULL, 200, "");
    ASK("", "GET", "/v1/jobs", NULL, 401, "AUTH");
    ASK("dr_1_00", "GET", "/v1/jobs", NULL, 401, "AUTH");
    ASK("", "GET", "/nothing", NULL, 401, "AUTH"); /* what there is is nobody's business */
    ASK(NULL, "GET", "/nothing", NULL, 404, "UNKNOWN");
    ASK(NULL, "POST", "/v1/health", "{}", 405, "INVALID");
    ASK(NULL, "PUT", "/v1/nothing", "{}", 404, "UNKNOWN");
    for (size_t i = 0; i < DR_COUNT_OF(OTHERS); i += 1) {
        struct reply reply = http_ask(w, NULL, OTHERS[i].method, OTHERS[i].path, OTHERS[i].body);

        CHECK_HAS(reply.headers, OTHERS[i].allow);
        reply_expect(&reply, 405, "INVALID");
    }
    ASK("", "PUT", "/v1/jobs", "{}", 401, "AUTH");
    ASK(NULL, "GET", "/v1/jobs?nonsense=1", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=1&limit=2", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=0", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=1001", NULL, 400, "INVALID");
    http_world_close(w);
}

/* The kernel says who is there, and a header that says otherwise changes nothing. */
TEST(the_peer_of_a_socket_is_its_uid)
{
    struct http_world *w = people_world();
    char answer[4096] = "";
    int ends[2];
    pid_t child;
    int status;

    if (geteuid() != 0)
        SKIP_TEST("not root");
    CHECK_EQ(chmod(w->directory, 0755), 0);
    CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
    child = fork();
    if (child == 0) {
        static const char request[] =
            "GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Daero-User: boss\r\n\r\n";
        struct http_world only = {0};
        int client;
        char got[4096];
        ssize_t length;

        snprintf(only.socket, sizeof only.socket, "%s", w->socket);
        if (setgid(12345) != 0 || setuid(12345) != 0)
            _exit(1);
        client = http_connect(&only, 0);
        fcntl(client, F_SETFL, 0);
        if (send(client, request, sizeof request - 1, 0) < 0)
            _exit(2);
        length = recv(client, got, sizeof got, 0);
        _exit(length > 0 && write(ends[1], got, (size_t)length) == length ? 0 : 3);
    }
    close(ends[1]);
    while (waitpid(child, &status, WNOHANG) == 0)
        http_world_settle(w);
    CHECK_EQ(status, 0);
    CHECK(read(ends[0], answer, sizeof answer - 1) > 0);
    close(ends[0]);
    CHECK_HAS(answer, "\"user\":\"student\",\"uid\":12345,\"roles\":[]");
    CHECK_HAS(answer, "\"via\":\"unix\"");
    http_world_close(w);
}

/* Where everybody looks for a controller: heard there like on its own socket, gone with it, and
 * never in a directory that others write. */
TEST(a_socket_for_all_users)
{
    struct http_world *w = people_world();
    struct dr_error error = {0};
    char directory[160], path[200], own[sizeof w->socket];
    struct stat found;
    mode_t mask;

    snprintf(own, sizeof own, "%s", w->socket);
    snprintf(directory, sizeof directory, "%s/run", test_directory());
    snprintf(path, sizeof path, "%s/daero.sock", directory);
    mask = umask(077);
    CHECK_EQ(dr_http_listen_for_all(w->http, path, &error), DR_OK);
    umask(mask);
    CHECK_EQ(stat(directory, &found), 0);
    CHECK_EQ(found.st_mode & 0777, 0755);
    CHECK_EQ(stat(path, &found), 0);
    CHECK_EQ(found.st_mode & 0777, 0666);
    snprintf(w->socket, sizeof w->socket, "%.150s", path);
    ASK(NULL, "GET", "/v1/me", NULL, 200, "");
    snprintf(w->socket, sizeof w->socket, "%s", own);
    ASK(NULL, "GET", "/v1/me", NULL, 200, "");
    CHECK_EQ(dr_http_listen_for_all(w->http, own, &error),
             DR_E_EXISTS); /* somebody answers there */
    http_world_close(w);
    CHECK_EQ(stat(path, &found), -1);

    w = people_world();
    CHECK_EQ(chmod(directory, 0777), 0);
    CHECK_EQ(dr_http_listen_for_all(w->http, path, &error), DR_E_DENIED);
    CHECK_HAS(error.expected, "this user alone writes");
    http_world_close(w);
}

/* At the limit and one above, on a clock that stands until it is moved; what is refused costs
 * nothing, each token has its own, and the system has none. */
TEST(a_token_has_a_rate)
{
    struct http_world *w =
        people_world_with(&(struct dr_edge_limits){.token_rate = 2, .token_burst = 3});
    struct reply reply;

    w->still_us = dr_monotonic_us();
    for (int i = 0; i < 3; i += 1)
        ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    for (int i = 0; i < 5; i += 1) {
        reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs", "{\"command\":[\"true\"]}");
        CHECK_HAS(reply.headers, "Retry-After: 1\r\n");
        CHECK_HAS(reply.body, "2 a second");
        reply_expect(&reply, 429, "LIMIT");
    }
    ASK(people_tokens[ENGINEER], "GET", "/v1/me", NULL, 200, "");
    for (int i = 0; i < 20; i += 1)
        ASK(NULL, "GET", "/v1/me", NULL, 200, "");
    ASK("", "GET", "/v1/health", NULL, 200, ""); /* nobody's */
    w->still_us += DR_SECOND_US / 2 - 1;
    ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    w->still_us += 1;
    ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    w->still_us += 60 * DR_SECOND_US; /* no more is saved up than a burst */
    for (int i = 0; i < 3; i += 1)
        ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    ASK(people_tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    reply = http_ask(w, NULL, "GET", "/metrics", NULL);
    CHECK_HAS(reply.body, "daero_requests_over_rate_total 8\n");
    reply_free(&reply);
    http_world_close(w);
}

/* The connection above the limit makes the one give way that has been silent for longest. */
TEST(connections_at_the_limit_and_above)
{
    static const struct dr_edge_limits BY_KIND[] = {
        {.address_connections = 3},
        {.socket_connections = 3},
    };

    for (size_t kind = 0; kind < DR_COUNT_OF(BY_KIND); kind += 1) {
        struct http_world *w = http_world_open_with(PEOPLE_FEDERATION, &BY_KIND[kind]);
        static char got[1 << 16];
        static const char request[] = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
        int clients[4];
        char byte;

        for (int i = 0; i < 4; i += 1) {
            clients[i] = http_connect(w, 0);
            http_world_settle(w);
            CHECK_EQ(recv(clients[0], &byte, 1, 0), i < 3 ? -1 : 0); /* open, then closed */
        }
        for (int i = 1; i < 4; i += 1) {
            got[0] = 0;
            http_send(w, clients[i], request, sizeof request - 1);
            CHECK(http_receive(w, clients[i], got, sizeof got, "}"));
            CHECK_HAS(got, "200 OK");
        }
        for (int i = 0; i < 4; i += 1)
            close(clients[i]);
        http_world_close(w);
    }
}

TEST(pipelined_requests_are_answered_in_order_and_a_bad_one_last)
{
    struct http_world *w = people_world();
    static char got[1 << 16];
    static const char bytes[] = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                                "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n{}"
                                "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
    int client = http_connect(w, 0);
    const char *ok;
    const char *missing;
    const char *refused;

    got[0] = 0;
    http_send(w, client, bytes, sizeof bytes - 1);
    CHECK(http_receive(w, client, got, sizeof got, NULL)); /* it is closed */
    ok = strstr(got, "HTTP/1.1 200");
    missing = strstr(got, "HTTP/1.1 404");
    refused = strstr(got, "HTTP/1.1 501");
    CHECK(ok != NULL && missing != NULL && refused != NULL);
    CHECK(ok < missing && missing < refused);
    CHECK(strstr(refused + 1, "HTTP/1.1") == NULL);
    close(client);
    http_world_close(w);
}

TEST(a_connection_ends_after_its_last_request)
{
    struct http_world *w = people_world();
    static char got[1 << 20];
    static const char request[] = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
    int client = http_connect(w, 0);
    size_t length = 0;
    struct dr_edge_limits limits = {0};
    uint32_t requests_max;

    dr_edge_limits_fill(&limits);
    requests_max = limits.connection_requests;
    for (uint32_t i = 0; i < requests_max; i += 1) {
        got[0] = 0;
        http_send(w, client, request, sizeof request - 1);
        CHECK(http_receive(w, client, got, sizeof got, "}"));
        length += strlen(got);
        CHECK_EQ(strstr(got, "Connection: close") != NULL, i + 1 == requests_max);
    }
    CHECK(length > requests_max);
    http_send(w, client, request, sizeof request - 1);
    got[0] = 0;
    CHECK(http_receive(w, client, got, sizeof got, NULL));
    CHECK(strstr(got, "HTTP/1.1") == NULL);
    close(client);
    http_world_close(w);
}

TEST(a_body_above_the_limit_is_refused_before_it_is_sent)
{
    struct http_world *w = people_world();
    static char got[1 << 16];
    static const char request[] =
        "POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n";
    int client = http_connect(w, 0);

    got[0] = 0;
    http_send(w, client, request, sizeof request - 1);
    CHECK(http_receive(w, client, got, sizeof got, NULL));
    CHECK_HAS(got, "HTTP/1.1 413");
    close(client);
    http_world_close(w);
}

/* Whoever may not is told so by the header alone: his body is not taken. */
TEST(nobody_is_refused_before_his_body)
{
    struct http_world *w = people_world();
    static char got[1 << 16];
    static const char request[] =
        "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n";
    int client = http_connect(w, 1);

    got[0] = 0;
    http_send(w, client, request, sizeof request - 1);
    CHECK(http_receive(w, client, got, sizeof got, "AUTH"));
    CHECK_HAS(got, "HTTP/1.1 401");
    close(client);
    http_world_close(w);
}

/* Half a request, then nothing: the world closes with it in hand. */
TEST(closing_with_clients_in_every_state)
{
    struct http_world *w = people_world();
    static char got[1 << 16];
    int idle = http_connect(w, 0);
    int half = http_connect(w, 0);
    int body = http_connect(w, 0);
    int stream = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);

    http_send(w, half, "GET /v1/he", 10);
    http_send(w, body, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 56);
    http_world_settle(w);
    http_world_close(w);
    close(idle);
    close(half);
    close(body);
    close(stream);
}
