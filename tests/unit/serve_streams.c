/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of events over HTTP: what arrives and is resumed, who ends them, and how many there are.
 */
#include "http_people.h"

#include <stdlib.h>
#include <unistd.h>

TEST(events_arrive_and_are_resumed)
{
    struct http_world *w = people_world();
    static char got[1 << 18];
    static char again[1 << 18];
    char header[64];
    int client = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    int other = http_open_stream(w, people_tokens[ENGINEER], "/v1/events", "", again, sizeof again);
    uint64_t job;
    const char *at;
    unsigned long long seq;

    CHECK_HAS(got, "text/event-stream");
    job = http_submit(w, people_tokens[STUDENT], "{\"name\":\"seen\",\"command\":[\"true\"]}");
    CHECK(http_receive(w, client, got, sizeof got, "event: ATTEMPT_STARTED"));
    CHECK_HAS(got, "event: JOB_ACCEPTED");
    CHECK_HAS(got, "event: JOB_PLACED");
    at = strstr(got, "id: ");
    CHECK(at != NULL);
    seq = strtoull(at + 4, NULL, 10);
    close(client);

    /* what was missed meanwhile, and nothing twice */
    http_world_end(w, job, 0);
    snprintf(header, sizeof header, "Last-Event-ID: %llu\r\n", seq);
    client = http_open_stream(w, people_tokens[STUDENT], "/v1/events", header, got, sizeof got);
    CHECK(http_receive(w, client, got, sizeof got, "event: ATTEMPT_ENDED"));
    CHECK(strstr(got, "event: JOB_ACCEPTED") == NULL);
    CHECK_HAS(got, "event: JOB_PLACED");
    close(client);

    /* the engineer saw none of it, but sees his own */
    http_submit(w, people_tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
    CHECK(http_receive(w, other, again, sizeof again, "event: JOB_ACCEPTED"));
    CHECK(strstr(again, "JOB_PLACED") == NULL);
    close(other);
    http_world_settle(w);
    http_world_close(w);
}

TEST(events_of_one_job)
{
    struct http_world *w = people_world();
    static char got[1 << 18];
    uint64_t job = http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    char path[64];
    int client;

    ASK(NULL, "GET", "/v1/events?job=9999", NULL, 404, "UNKNOWN"); /* nothing to wait for */
    snprintf(path, sizeof path, "/v1/events?job=%llu&from=1", (unsigned long long)job);
    client = http_open_stream(w, people_tokens[LOOKER], path, "", got, sizeof got);
    http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    snprintf(path, sizeof path, "/v1/jobs/%llu/release", (unsigned long long)job);
    ASK(people_tokens[STUDENT], "POST", path, "", 200, "");
    CHECK(http_receive(w, client, got, sizeof got, "event: JOB_RELEASED"));
    CHECK(strstr(strstr(got, "JOB_ACCEPTED") + 1, "event: JOB_ACCEPTED") == NULL);
    CHECK(strstr(got, "TOKEN_ISSUED") == NULL);
    close(client);
    ASK(people_tokens[ENGINEER], "GET", "/v1/events?job=1", NULL, 404, "UNKNOWN");
    ASK(people_tokens[ENGINEER], "GET", "/v1/events?job=77", NULL, 404, "UNKNOWN");
    ASK("", "GET", "/v1/events", NULL, 401, "AUTH");
    http_world_close(w);
}

/* How a site's machines are reached is not for everybody, in what is fresh, what is read back and
 * what is listed. */
TEST(how_a_site_is_reached_is_for_operators)
{
    static const char FAR[] = "  far:\n"
                              "    engine: slurm\n"
                              "    slurm: {url: 'http://10.9.8.7:6820', key: /etc/secret-place}\n"
                              "    pools:\n"
                              "      batch: {nodes: 1, cpus: 4, memory: 2G, node_names: far1}\n";
    struct http_world *w = people_world();
    static char got[PEOPLE][1 << 18];
    int clients[PEOPLE];
    char changed[4096];
    const char *rest = strstr(PEOPLE_FEDERATION, "accounts:\n");
    struct reply reply;

    CHECK((size_t)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(rest - PEOPLE_FEDERATION),
                           PEOPLE_FEDERATION, FAR, rest) < sizeof changed);
    for (int round = 0; round < 2; round += 1) {
        const char *path = round == 0 ? "/v1/events" : "/v1/events?from=1";

        for (int i = 0; i < PEOPLE; i += 1)
            clients[i] = http_open_stream(w, people_tokens[i], path, "", got[i], sizeof got[i]);
        if (round == 0)
            ASK(people_tokens[BOSS], "POST", "/v1/federation", changed, 200, "");
        for (int i = 0; i < PEOPLE; i += 1) {
            int sees = i == BOSS || i == KEEPER || i == LOOKER;

            CHECK(http_receive(w, clients[i], got[i], sizeof got[i], "event: NODES_ADDED\n"));
            CHECK(http_receive(w, clients[i], got[i], sizeof got[i], "\"name\":\"far\""));
            CHECK(http_receive(w, clients[i], got[i], sizeof got[i], "event: POOL_SET\n"));
            CHECK_EQ(strstr(got[i], "10.9.8.7") != NULL, sees);
            CHECK_EQ(strstr(got[i], "secret-place") != NULL, sees);
            close(clients[i]);
        }
        for (int i = 0; i < 20; i += 1)
            http_world_settle(w);
    }
    for (int i = 0; i < PEOPLE; i += 1) {
        int sees = i == BOSS || i == KEEPER || i == LOOKER;

        reply = http_ask(w, people_tokens[i], "GET", "/v1/sites", NULL);
        CHECK_HAS(reply.body, "\"name\":\"here\"");
        CHECK_HAS(strstr(reply.body, "\"name\":\"far\""),
                  sees ? "\"engine_text\":\"runs nothing" : "\"engine_text\":\"\"");
        reply_free(&reply);
        reply = http_ask(w, people_tokens[i], "GET", "/v1/facts?limit=10000", NULL);
        CHECK_HAS(reply.body, "\"name\":\"far\"");
        CHECK_EQ(strstr(reply.body, "secret-place") != NULL,
                 i == BOSS || i == KEEPER || i == LOOKER);
        reply_free(&reply);
    }
    http_world_close(w);
}

/* A revoked token ends the streams that it opened, at their next word. */
TEST(a_revoked_token_ends_its_streams)
{
    struct http_world *w = people_world();
    static char got[1 << 18];
    int client = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    struct reply me = http_ask(w, people_tokens[STUDENT], "GET", "/v1/me", NULL);
    char path[64];

    snprintf(path, sizeof path, "/v1/tokens/%d", (int)reply_number(&me, "token"));
    reply_free(&me);
    ASK(people_tokens[BOSS], "DELETE", path, NULL, 200, "");
    http_submit(w, people_tokens[PROFESSOR], "{\"command\":[\"true\"],\"hold\":true}");
    CHECK(http_receive(w, client, got, sizeof got, "\r\n0\r\n\r\n")); /* its end */
    CHECK(strstr(got, "JOB_ACCEPTED") == NULL);
    close(client);
    http_world_close(w);
}

TEST(streams_of_one_user_are_limited)
{
    struct http_world *w = people_world();
    static char got[1 << 16];
    int clients[16];

    for (int i = 0; i < 16; i += 1)
        clients[i] = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    ASK(people_tokens[STUDENT], "GET", "/v1/events", NULL, 429, "LIMIT");
    close(clients[0]);
    /* gone at the door is gone from the count */
    for (int i = 0; i < 50; i += 1)
        http_world_settle(w);
    clients[0] = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    for (int i = 0; i < 16; i += 1)
        close(clients[i]);
    http_world_close(w);
}

TEST(streams_in_all_are_limited)
{
    struct http_world *w = people_world_with(&(struct dr_edge_limits){.streams = 3});
    static char got[1 << 16];
    int clients[3];

    clients[0] = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    clients[1] = http_open_stream(w, people_tokens[ENGINEER], "/v1/events", "", got, sizeof got);
    clients[2] = http_open_stream(w, people_tokens[PROFESSOR], "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    ASK(people_tokens[KEEPER], "GET", "/v1/events", NULL, 429, "LIMIT");
    for (int i = 0; i < 3; i += 1)
        close(clients[i]);
    http_world_close(w);
}

/* Two tokens of one user have their streams each. */
TEST(streams_of_one_token_are_its_own)
{
    struct http_world *w = people_world_with(&(struct dr_edge_limits){.token_streams = 1});
    static char got[1 << 16];
    struct reply reply = http_ask(w, NULL, "POST", "/v1/tokens", "{\"user\":\"student\"}");
    char second[128];
    int clients[2];

    snprintf(second, sizeof second, "%s", reply_text(&reply, "token"));
    reply_free(&reply);
    clients[0] = http_open_stream(w, people_tokens[STUDENT], "/v1/events", "", got, sizeof got);
    ASK(people_tokens[STUDENT], "GET", "/v1/events", NULL, 429, "LIMIT");
    clients[1] = http_open_stream(w, second, "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    close(clients[0]);
    close(clients[1]);
    http_world_close(w);
}
