/* SPDX-License-Identifier: Apache-2.0 */
/* The whole HTTP side with the real controller and store, on a unix socket and a TCP port. */
#include "http_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/state.h"
#include "serve/gate.h"
#include "serve/routes.h"

static const char FEDERATION[] = "federation:\n"
                                 "  name: test\n"
                                 "  currency: KRW\n"
                                 "  default_limit: 10m\n"
                                 "  default_grace: 5s\n"
                                 "  job_user: nobody\n"
                                 "chips:\n"
                                 "  virtual:\n"
                                 "    vendor: none\n"
                                 "    memory: 16G\n"
                                 "    idle_power: 50W\n"
                                 "    busy_power: 400W\n"
                                 "    price: 1200\n"
                                 "    virtual: yes\n"
                                 "sites:\n"
                                 "  here:\n"
                                 "    operator: this machine\n"
                                 "    region: local\n"
                                 "    jurisdiction: kr\n"
                                 "    pue: 1.25\n"
                                 "    tariff: 100\n"
                                 "    engine: local\n"
                                 "    pools:\n"
                                 "      virtual:\n"
                                 "        chip: virtual\n"
                                 "        nodes: 4\n"
                                 "        accelerators: 2\n"
                                 "        cpus: 4\n"
                                 "        memory: 2G\n"
                                 "        node_names: node1\n"
                                 "accounts:\n"
                                 "  academia:\n"
                                 "    accounts:\n"
                                 "      university: {guarantees: {virtual: 2}}\n"
                                 "  industry:\n"
                                 "    accounts:\n"
                                 "      cars: {guarantees: {virtual: 2}}\n"
                                 "users:\n"
                                 "  boss: {roles: [admin]}\n"
                                 "  keeper: {roles: [operator]}\n"
                                 "  looker: {roles: [auditor]}\n"
                                 "  student: {uid: 12345, accounts: [university]}\n"
                                 "  professor: {accounts: {university: [user, account-admin]}}\n"
                                 "  engineer: {accounts: [cars]}\n";

static char tokens[8][128];
enum { BOSS, KEEPER, LOOKER, STUDENT, PROFESSOR, ENGINEER, PEOPLE };
static const char *const NAMES[PEOPLE] = {"boss",    "keeper",    "looker",
                                          "student", "professor", "engineer"};

/* A world in which everybody has a token. */
static struct http_world *open_world_with(const struct dr_edge_limits *limits)
{
    struct http_world *w = http_world_open_with(FEDERATION, limits);

    for (int i = 0; i < PEOPLE; i += 1) {
        char body[128];
        struct reply reply;

        snprintf(body, sizeof body, "{\"user\":\"%s\",\"label\":\"of-%s\"}", NAMES[i], NAMES[i]);
        reply = http_ask(w, NULL, "POST", "/v1/tokens", body);
        if (reply.status != 201)
            fail_msg("%d %s", reply.status, reply.body);
        snprintf(tokens[i], sizeof tokens[i], "%s",
                 json_string_value(json_object_get(reply.json, "token")));
        reply_free(&reply);
    }
    return w;
}

static struct http_world *open_world(void)
{
    return open_world_with(&(struct dr_edge_limits){0});
}

static int64_t number(const struct reply *reply, const char *member)
{
    return json_integer_value(json_object_get(reply->json, member));
}

static const char *text(const struct reply *reply, const char *member)
{
    const char *value = json_string_value(json_object_get(reply->json, member));

    return value == NULL ? "(none)" : value;
}

static void expect(struct reply *reply, int status, const char *kind)
{
    if (reply->status != status || strcmp(reply_kind(reply), kind) != 0)
        fail_msg("answer %d, expected %d %s: %s", reply->status, status, kind, reply->body);
    reply_free(reply);
}

#define ASK(who, method, path, body, status, kind)                 \
    do {                                                           \
        struct reply asked = http_ask(w, who, method, path, body); \
        expect(&asked, status, kind);                              \
    } while (0)

static uint64_t submit(struct http_world *w, const char *who, const char *body)
{
    struct reply reply = http_ask(w, who, "POST", "/v1/jobs", body);
    uint64_t job;

    if (reply.status != 201)
        fail_msg("answer %d: %s", reply.status, reply.body);
    job = (uint64_t)number(&reply, "job");
    CHECK(job > 0);
    reply_free(&reply);
    return job;
}

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
    struct http_world *w = open_world();

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
        expect(&reply, 405, "INVALID");
    }
    ASK("", "PUT", "/v1/jobs", "{}", 401, "AUTH");
    ASK(NULL, "GET", "/v1/jobs?nonsense=1", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=1&limit=2", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=0", NULL, 400, "INVALID");
    ASK(NULL, "GET", "/v1/jobs?limit=1001", NULL, 400, "INVALID");
    http_world_close(w);
}

TEST(a_job_from_submit_to_its_end)
{
    struct http_world *w = open_world();
    uint64_t job = submit(w, tokens[STUDENT],
                          "{\"name\":\"first\",\"command\":[\"true\"],\"accelerators\":1,"
                          "\"environment\":{\"SECRET\":\"x\"}}");
    char path[64];
    struct reply reply;

    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(text(&reply, "state"), "RUNNING");
    CHECK_TEXT(text(&reply, "name"), "first");
    CHECK_TEXT(text(&reply, "account"), "university");
    CHECK_TEXT(text(&reply, "chip"), "virtual");
    CHECK_HAS(reply.body, "\"virtual\":true");
    CHECK_HAS(reply.body, "\"SECRET\":\"x\"");
    CHECK_EQ(number(&reply, "accelerators_milli"), 1000);
    reply_free(&reply);
    reply = http_ask(w, tokens[PROFESSOR], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK(strstr(reply.body, "SECRET") == NULL); /* the environment is the owner's */
    reply_free(&reply);

    http_world_end(w, job, 3);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_TEXT(text(&reply, "state"), "FAILED");
    CHECK_EQ(number(&reply, "exit_code"), 3);
    reply_free(&reply);
    snprintf(path, sizeof path, "/v1/jobs/%llu/facts", (unsigned long long)job);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_HAS(reply.body, "JOB_ACCEPTED");
    CHECK_HAS(reply.body, "JOB_PLACED");
    CHECK_HAS(reply.body, "ATTEMPT_STARTED");
    CHECK_HAS(reply.body, "\"outcome\":\"EXITED\"");
    CHECK_HAS(reply.body, "\"complete\":true");
    reply_free(&reply);
    http_world_close(w);
}

/* Where nothing is said, a command runs once per task, and a script once. */
TEST(a_command_runs_once_per_task_and_a_script_once)
{
    static const struct {
        const char *job;
        uint32_t every;
    } cases[] = {
        {"{\"command\":[\"true\"],\"tasks\":2}", 1},
        {"{\"command\":[\"true\"],\"tasks\":2,\"every_task\":false}", 0},
        {"{\"script\":\"#!/bin/sh\\ntrue\\n\",\"tasks\":2}", 0},
        {"{\"script\":\"#!/bin/sh\\ntrue\\n\",\"tasks\":2,\"every_task\":true}", 1},
    };
    struct http_world *w = open_world();

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        uint64_t job = submit(w, tokens[STUDENT], cases[i].job);
        char path[64];
        struct reply reply;

        snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
        reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
        CHECK_TEXT(text(&reply, "state"), "RUNNING");
        reply_free(&reply);
        CHECK_EQ(w->attempts_count, i + 1);
        CHECK_EQ(w->attempts[i].job, job);
        CHECK_EQ(w->attempts[i].run_every_task, cases[i].every);
        http_world_end(w, job, 0);
    }
    http_world_close(w);
}

TEST(arrays_and_batches)
{
    struct http_world *w = open_world();
    struct reply reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs",
                                  "{\"command\":[\"true\"],\"array\":\"0-8:2%2\",\"hold\":true}");
    uint64_t first = (uint64_t)number(&reply, "job");

    CHECK_EQ(reply.status, 201);
    CHECK_EQ(number(&reply, "count"), 5);
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"command\":[\"b\"],\"hold\":true}]}");
    if (reply.status != 201)
        fail_msg("%d %s", reply.status, reply.body);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 2);
    CHECK_EQ(json_integer_value(json_array_get(json_object_get(reply.json, "jobs"), 1)),
             (int64_t)first + 6);
    reply_free(&reply);
    /* all or none: the second is wrong, so the first is not there either */
    reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"command\":[\"b\"],\"account\":\"cars\"},"
                     "{\"command\":[\"b\"],\"account\":\"cars\"}]}");
    CHECK_EQ(reply.status, 403);
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(reply.json, "error"), "index")), 1);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "errors")), 1);
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"comand\":[\"b\"]}]}");
    CHECK_EQ(reply.status, 400);
    CHECK_HAS(reply.body, "comand");
    CHECK_HAS(reply.body, "\"index\":1");
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/jobs?limit=3", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 3);
    CHECK_EQ(number(&reply, "next"), (int64_t)first + 4);
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/jobs?limit=3&state=PENDING&before=4", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 3);
    CHECK_HAS(reply.body, "\"reason\":\"HELD\"");
    reply_free(&reply);
    {
        char body[64];

        snprintf(body, sizeof body, "{\"array\":%llu}", (unsigned long long)first);
        reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs/cancel", body);
        CHECK_EQ(reply.status, 200);
        CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 5);
        reply_free(&reply);
        ASK(tokens[STUDENT], "POST", "/v1/jobs/cancel", body, 404, "UNKNOWN");
    }
    http_world_close(w);
}

TEST(a_retried_submit_is_one_job)
{
    struct http_world *w = open_world();
    const char *body = "{\"command\":[\"true\"],\"hold\":true}";
    struct reply one =
        http_ask_with(w, tokens[STUDENT], "POST", "/v1/jobs", "Idempotency-Key: k1\r\n", body);
    struct reply two =
        http_ask_with(w, tokens[STUDENT], "POST", "/v1/jobs", "Idempotency-Key: k1\r\n", body);
    struct reply three =
        http_ask_with(w, tokens[STUDENT], "POST", "/v1/jobs", "Idempotency-Key: k1\r\n",
                      "{\"command\":[\"false\"],\"hold\":true}");
    struct reply other =
        http_ask_with(w, tokens[PROFESSOR], "POST", "/v1/jobs", "Idempotency-Key: k1\r\n", body);

    CHECK_EQ(one.status, 201);
    CHECK_EQ(two.status, 200);
    CHECK_EQ(number(&one, "job"), number(&two, "job"));
    CHECK_HAS(two.body, "\"repeated\":true");
    expect(&three, 409, "CONFLICT");
    CHECK_EQ(other.status, 201); /* keys are each user's own */
    CHECK(number(&other, "job") != number(&one, "job"));
    reply_free(&one);
    reply_free(&two);
    reply_free(&other);
    http_world_close(w);
}

TEST(root_on_the_socket_submits_for_users)
{
    struct http_world *w = open_world();

    if (geteuid() != 0)
        SKIP_TEST("not root");
    ASK(NULL, "POST", "/v1/jobs", "{\"command\":[\"true\"]}", 400, "INVALID");
    ASK(NULL, "POST", "/v1/jobs", "{\"command\":[\"true\"],\"user\":\"student\"}", 201, "");
    ASK(tokens[KEEPER], "POST", "/v1/jobs", "{\"command\":[\"true\"],\"user\":\"student\"}", 201,
        "");
    ASK(tokens[ENGINEER], "POST", "/v1/jobs", "{\"command\":[\"true\"],\"user\":\"student\"}", 403,
        "DENIED");
    http_world_close(w);
}

/* The kernel says who is there, and a header that says otherwise changes nothing. */
TEST(the_peer_of_a_socket_is_its_uid)
{
    struct http_world *w = open_world();
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

TEST(nodes_are_drained_and_resumed)
{
    struct http_world *w = open_world();
    struct reply reply;

    ASK(tokens[KEEPER], "POST", "/v1/nodes/node1/drain", "{\"reason\":\"fan\"}", 200, "");
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/nodes?site=here", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "nodes")), 4);
    CHECK_HAS(reply.body, "\"state\":\"drained\",\"reason\":\"fan\"");
    CHECK_HAS(reply.body, "\"virtual\":true");
    reply_free(&reply);
    ASK(tokens[STUDENT], "GET", "/v1/nodes?site=there", NULL, 404, "UNKNOWN");
    ASK(tokens[KEEPER], "POST", "/v1/nodes/node1/resume", "", 200, "");
    ASK(tokens[KEEPER], "POST", "/v1/nodes/node9/resume", "", 404, "UNKNOWN");
    ASK(tokens[KEEPER], "POST", "/v1/nodes/node1/drain", "{\"why\":1}", 400, "INVALID");
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/sites", NULL);
    CHECK_HAS(reply.body, "\"accelerators\":8,\"accelerators_free\":8");
    reply_free(&reply);
    http_world_close(w);
}

/* A cap for a time is announced, changed by its name, shown with what is missing, and called off.
 */
TEST(caps_are_announced_and_called_off)
{
    struct http_world *w = open_world();
    const char *cap = "{\"name\":\"peak\",\"site\":\"here\",\"power_cap_w\":600,"
                      "\"from_us\":4000000000000000,\"until_us\":4000003600000000}";
    struct reply reply;

    ASK(tokens[STUDENT], "POST", "/v1/power/caps", cap, 403, "DENIED");
    ASK(tokens[KEEPER], "POST", "/v1/power/caps", cap, 201, "");
    ASK(tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"name\":\"peak\",\"site\":\"here\",\"power_cap_w\":400,\"from_us\":4000000000000000,"
        "\"until_us\":4000003600000000,\"reason\":\"cold\"}",
        201, "");
    ASK(tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"zone\":\"capital\",\"power_cap_w\":400,\"from_us\":1,\"until_us\":2}", 404, "UNKNOWN");
    ASK(tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"site\":\"here\",\"power_cap_w\":400,\"from_us\":1,\"until_us\":2}", 400, "INVALID");
    ASK(tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"site\":\"here\",\"power_cap_w\":0,\"from_us\":1,\"until_us\":4000000000000000}", 400,
        "INVALID");
    http_world_settle(w);
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/power", NULL);
    /* idle: 4 nodes of 2 x 50 W, PUE 1.25 */
    CHECK_HAS(reply.body, "\"name\":\"here\",\"zone\":null,\"power_w\":500,\"power_cap_w\":0,"
                          "\"power_cap_now_w\":0,\"missing_w\":100,\"missing_cap_w\":400,"
                          "\"missing_from_us\":4000000000000000");
    CHECK_HAS(reply.body, "\"caps\":[{\"id\":1,\"name\":\"peak\",\"zone\":null,\"site\":\"here\","
                          "\"power_cap_w\":400,\"from_us\":4000000000000000,"
                          "\"until_us\":4000003600000000,\"declared\":false}]");
    reply_free(&reply);
    ASK(tokens[KEEPER], "DELETE", "/v1/power/caps/peak", "", 200, "");
    ASK(tokens[KEEPER], "DELETE", "/v1/power/caps/peak", "", 404, "UNKNOWN");
    http_world_close(w);
}

/* Nodes are reserved in advance for an account, or for maintenance, shown with the nodes, refused
 * where they are reserved already, and given up. */
TEST(nodes_are_reserved_in_advance)
{
    struct http_world *w = open_world();
    const char *wish = "{\"name\":\"exam\",\"accounts\":[\"university\"],\"nodes\":[\"node1\"],"
                       "\"from_us\":4000000000000000,\"until_us\":4000003600000000,"
                       "\"reason\":\"exams\"}";
    struct reply reply;

    ASK(tokens[STUDENT], "POST", "/v1/reservations", wish, 403, "DENIED");
    ASK(tokens[KEEPER], "POST", "/v1/reservations", wish, 201, "");
    ASK(tokens[KEEPER], "POST", "/v1/reservations", wish, 409, "STATE");
    reply = http_ask(w, tokens[KEEPER], "POST", "/v1/reservations",
                     "{\"maintenance\":true,\"site\":\"here\",\"from_us\":4000003000000000,"
                     "\"until_us\":4000007200000000}");
    CHECK_EQ(reply.status, 409);
    CHECK_HAS(reply.body, "node node1 is in advance reservation exam, from");
    reply_free(&reply);
    ASK(tokens[KEEPER], "POST", "/v1/reservations",
        "{\"site\":\"here\",\"from_us\":4000000000000000,\"until_us\":4000003600000000}", 400,
        "INVALID");
    ASK(tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"nodes\":[\"node9\"],\"until_us\":4000003600000000}", 404,
        "UNKNOWN");
    ASK(tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"pool\":\"here/none\",\"until_us\":4000003600000000}", 404,
        "UNKNOWN");
    ASK(tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"site\":\"here\",\"from_us\":1,\"until_us\":4000003600000000}", 400,
        "INVALID");
    ASK(tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"site\":\"here\",\"from_us\":4000003600000000,"
        "\"until_us\":4000007200000000,\"evict\":true}",
        201, "");
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/reservations", NULL);
    CHECK_HAS(reply.body,
              "\"name\":\"exam\",\"maintenance\":false,\"accounts\":[\"university\"],"
              "\"site\":null,\"pool\":null,\"nodes\":1,\"runs\":[{\"first\":\"node1\","
              "\"last\":\"node1\",\"count\":1}],\"from_us\":4000000000000000,"
              "\"until_us\":4000003600000000,\"evict\":false,\"begun\":false,\"others\":0,"
              "\"others_until_us\":0,\"jobs\":[]}");
    CHECK_HAS(reply.body, "\"name\":\"reservation-2\",\"maintenance\":true,\"accounts\":[],"
                          "\"site\":\"here\",\"pool\":null,\"nodes\":4,\"runs\":[]");
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/nodes", NULL);
    CHECK_HAS(reply.body, "\"reservation\":{\"name\":\"exam\",\"accounts\":[\"university\"],");
    CHECK_HAS(reply.body, "\"reservation\":{\"name\":\"reservation-2\",\"accounts\":[],");
    reply_free(&reply);
    ASK(tokens[KEEPER], "DELETE", "/v1/reservations/exam", "", 200, "");
    ASK(tokens[KEEPER], "DELETE", "/v1/reservations/exam", "", 404, "UNKNOWN");
    http_world_close(w);
}

TEST(accounts_and_usage_show_what_one_may_see)
{
    struct http_world *w = open_world();
    struct reply reply = http_ask(w, tokens[STUDENT], "GET", "/v1/accounts", NULL);

    CHECK_HAS(reply.body, "\"university\"");
    CHECK_HAS(reply.body, "\"academia\""); /* above: its quotas hold for him too */
    CHECK(strstr(reply.body, "\"cars\"") == NULL);
    reply_free(&reply);
    reply = http_ask(w, tokens[LOOKER], "GET", "/v1/accounts", NULL);
    CHECK_HAS(reply.body, "\"cars\"");
    reply_free(&reply);
    reply = http_ask(w, tokens[STUDENT], "GET", "/v1/usage", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "usage")), 1);
    CHECK_HAS(reply.body, "\"currency\":\"KRW\"");
    reply_free(&reply);
    ASK(tokens[STUDENT], "GET", "/v1/usage?account=cars", NULL, 404, "UNKNOWN");
    ASK(tokens[LOOKER], "GET", "/v1/usage?account=cars", NULL, 200, "");
    http_world_close(w);
}

TEST(the_federation_is_shown_compared_and_changed)
{
    struct http_world *w = open_world();
    struct reply shown = http_ask(w, tokens[LOOKER], "GET", "/v1/federation", NULL);
    struct reply reply;
    char changed[sizeof FEDERATION + 64];
    char *at;

    CHECK_EQ(shown.status, 200);
    CHECK_HAS(shown.headers, "application/yaml");
    reply = http_ask(w, tokens[BOSS], "POST", "/v1/federation?dry_run=1", shown.body);
    CHECK_EQ(reply.status, 200);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "changes")), 0);
    reply_free(&reply);
    reply_free(&shown);
    memcpy(changed, FEDERATION, sizeof FEDERATION);
    at = strstr(changed, "university: {guarantees: {virtual: 2}}");
    CHECK(at != NULL);
    memcpy(at, "university: {guarantees: {virtual: 3}}", 38);
    reply = http_ask(w, tokens[BOSS], "POST", "/v1/federation?dry_run=1", changed);
    CHECK_HAS(reply.body, "2 -> 3");
    CHECK_HAS(reply.body, "\"applied\":false");
    reply_free(&reply);
    ASK(tokens[KEEPER], "POST", "/v1/federation", changed, 403, "DENIED");
    reply = http_ask_with(w, tokens[BOSS], "POST", "/v1/federation",
                          "X-Daero-Reason: more%20students\r\n", changed);
    CHECK_EQ(reply.status, 200);
    CHECK_HAS(reply.body, "\"applied\":true");
    reply_free(&reply);
    reply = http_ask(w, tokens[LOOKER], "GET", "/v1/facts?limit=10000", NULL);
    CHECK_HAS(reply.body, "\"reason\":\"more students\"");
    CHECK_HAS(reply.body, "\"by_user_name\":\"boss\"");
    reply_free(&reply);
    reply = http_ask(w, tokens[BOSS], "POST", "/v1/federation", "federation: {name: 7}\nx: 1\n");
    CHECK_EQ(reply.status, 400);
    CHECK(json_array_size(json_object_get(reply.json, "errors")) > 0);
    reply_free(&reply);
    http_world_close(w);
}

TEST(tokens_are_shown_once_and_revoked)
{
    struct http_world *w = open_world();
    struct reply reply =
        http_ask(w, tokens[STUDENT], "POST", "/v1/tokens", "{\"label\":\"laptop\"}");
    char token[128];
    char path[64];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", text(&reply, "token"));
    snprintf(path, sizeof path, "/v1/tokens/%d", (int)number(&reply, "id"));
    reply_free(&reply);
    reply = http_ask(w, token, "GET", "/v1/me", NULL);
    CHECK_TEXT(text(&reply, "user"), "student");
    CHECK_TEXT(text(&reply, "via"), "token");
    reply_free(&reply);
    reply = http_ask(w, tokens[LOOKER], "GET", "/v1/tokens", NULL);
    CHECK_HAS(reply.body, "laptop");
    CHECK(strstr(reply.body, token + 6) == NULL);
    reply_free(&reply);
    ASK(tokens[ENGINEER], "DELETE", path, NULL, 404, "UNKNOWN");
    ASK(tokens[STUDENT], "DELETE", path, NULL, 200, "");
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    token[strlen(token) - 1] ^= 1;
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    ASK(tokens[STUDENT], "POST", "/v1/tokens", "{\"user\":\"boss\"}", 403, "DENIED");
    ASK(tokens[STUDENT], "POST", "/v1/tokens", "{\"roles\":[\"KING\"]}", 400, "INVALID");
    ASK(tokens[STUDENT], "POST", "/v1/tokens", "{\"ttl_us\":0}", 400, "INVALID");
    http_world_close(w);
}

/* A token with fewer roles does less than its user, and makes none that does more. */
/* Also by the first request after a wait: what counts is when it is heard. */
TEST(a_token_ends_at_its_instant)
{
    struct http_world *w = open_world();
    struct reply reply =
        http_ask(w, tokens[STUDENT], "POST", "/v1/tokens", "{\"ttl_us\":60000000}");
    char token[128];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", text(&reply, "token"));
    reply_free(&reply);
    w->ahead_us = 50 * DR_SECOND_US;
    ASK(token, "GET", "/v1/me", NULL, 200, "");
    http_world_settle(w);
    w->ahead_us = 70 * DR_SECOND_US;
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    http_world_close(w);
}

TEST(a_token_is_cut_down_to_its_roles)
{
    struct http_world *w = open_world();
    struct reply reply =
        http_ask(w, tokens[BOSS], "POST", "/v1/tokens", "{\"roles\":[\"auditor\"]}");
    char token[128];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", text(&reply, "token"));
    reply_free(&reply);
    ASK(token, "POST", "/v1/nodes/node1/drain", "{}", 403, "DENIED");
    ASK(token, "POST", "/v1/tokens", "{\"user\":\"boss\",\"roles\":[\"admin\"]}", 403, "DENIED");
    http_world_close(w);
}

/* ---- role x route ---- */

/* What each person gets on each route: on the path of his own kind of job (the student's), and
 * nothing is kept between cells that could change the next one's answer. */
struct cell {
    const char *method;
    const char *path; /* %J: the student's job; %E: the engineer's */
    const char *body;
    int status[PEOPLE + 1]; /* boss, keeper, looker, student, professor, engineer; nobody */
};

static const struct cell CELLS[] = {
    {"GET", "/v1/health", NULL, {200, 200, 200, 200, 200, 200, 200}},
    {"GET", "/v1/jobs", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/jobs", "{}", {400, 400, 403, 400, 400, 400, 401}},
    {"POST", "/v1/jobs/cancel", "{}", {400, 400, 403, 400, 400, 400, 401}},
    {"GET", "/v1/jobs/%J", NULL, {200, 200, 200, 200, 200, 404, 401}},
    {"GET", "/v1/jobs/%E", NULL, {200, 200, 200, 404, 404, 200, 401}},
    {"GET", "/v1/jobs/%J/why", NULL, {200, 200, 200, 200, 200, 404, 401}},
    {"GET", "/v1/jobs/%J/facts", NULL, {200, 200, 200, 200, 200, 404, 401}},
    {"GET", "/v1/jobs/%J/logs", NULL, {409, 409, 409, 409, 409, 404, 401}},
    {"POST", "/v1/jobs/%J/hold", "{}", {200, 200, 403, 200, 200, 404, 401}},
    {"POST", "/v1/jobs/%E/hold", "{}", {200, 200, 403, 404, 404, 200, 401}},
    {"POST", "/v1/jobs/%J/checkpoint", "", {409, 403, 403, 409, 409, 404, 401}},
    {"DELETE", "/v1/jobs/%J/text", "{}", {409, 403, 403, 409, 409, 404, 401}},
    {"GET", "/v1/nodes", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/nodes/node1/drain", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node1/resume", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node4/down", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node4/up", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"GET", "/v1/sites", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"GET", "/v1/power", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/power/caps", "{}", {400, 400, 403, 403, 403, 403, 401}},
    {"DELETE", "/v1/power/caps/none", "{}", {404, 404, 403, 403, 403, 403, 401}},
    {"GET", "/v1/reservations", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/reservations", "{}", {400, 400, 403, 403, 403, 403, 401}},
    {"DELETE", "/v1/reservations/none", "{}", {404, 404, 403, 403, 403, 403, 401}},
    {"GET", "/v1/accounts", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"GET", "/v1/usage", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"GET", "/v1/federation", NULL, {200, 200, 200, 403, 403, 403, 401}},
    {"POST", "/v1/federation?dry_run=1", "x", {400, 403, 403, 403, 403, 403, 401}},
    {"GET", "/v1/tokens", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/tokens", "{\"ttl_us\":1}", {400, 400, 403, 400, 400, 400, 401}},
    {"DELETE", "/v1/tokens/999", NULL, {404, 404, 403, 404, 404, 404, 401}},
    {"GET", "/v1/me", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"GET", "/v1/facts", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"GET", "/v1/audit/head", NULL, {200, 200, 200, 403, 403, 403, 401}},
    {"GET", "/metrics", NULL, {200, 200, 200, 403, 403, 403, 401}},
    /* last: they change what is asked about */
    {"POST", "/v1/jobs/%J/release", "{}", {200, 200, 403, 200, 200, 404, 401}},
    {"DELETE", "/v1/jobs/%E", NULL, {200, 200, 403, 404, 404, 200, 401}},
};

static int same_route(const struct dr_route *route, const struct cell *cell)
{
    struct dr_route_match match;
    char path[128];
    const char *mark = strchr(cell->path, '%');

    if (mark != NULL)
        snprintf(path, sizeof path, "%.*s7%s", (int)(mark - cell->path), cell->path, mark + 2);
    else
        snprintf(path, sizeof path, "%.*s", (int)strcspn(cell->path, "?"), cell->path);
    dr_route_find(cell->method, path, strlen(path), &match);
    return match.route == route;
}

TEST(every_role_on_every_route)
{
    struct http_world *w = open_world();
    uint64_t of_student = submit(w, tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    uint64_t of_engineer = submit(w, tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
    uint32_t routes_count;
    const struct dr_route *routes = dr_routes(&routes_count);

    for (uint32_t i = 0; i < routes_count; i += 1) {
        int found = strcmp(routes[i].pattern, "/v1/events") == 0; /* a stream: below */

        for (size_t k = 0; k < DR_COUNT_OF(CELLS); k += 1)
            found |= same_route(&routes[i], &CELLS[k]);
        if (!found)
            fail_msg("%s %s is not in the table of this test", routes[i].method, routes[i].pattern);
    }
    for (size_t k = 0; k < DR_COUNT_OF(CELLS); k += 1) {
        for (int person = 0; person <= PEOPLE; person += 1) {
            const char *mark = strchr(CELLS[k].path, '%');
            char path[128];
            struct reply reply;

            if (mark == NULL)
                snprintf(path, sizeof path, "%s", CELLS[k].path);
            else
                snprintf(path, sizeof path, "%.*s%llu%s", (int)(mark - CELLS[k].path),
                         CELLS[k].path,
                         (unsigned long long)(mark[1] == 'J' ? of_student : of_engineer), mark + 2);
            reply = http_ask(w, person == PEOPLE ? "" : tokens[person], CELLS[k].method, path,
                             CELLS[k].body);
            if (reply.status != CELLS[k].status[person])
                fail_msg("%s: %s %s: %d, expected %d: %s",
                         person == PEOPLE ? "nobody" : NAMES[person], CELLS[k].method, path,
                         reply.status, CELLS[k].status[person], reply.body);
            reply_free(&reply);
        }
    }
    http_world_close(w);
}

/* In lists, too, each sees his own, what he is admin of, or all. */
TEST(lists_hold_what_one_may_see)
{
    struct http_world *w = open_world();
    static const size_t SEEN[PEOPLE] = {2, 2, 2, 1, 1, 1};

    submit(w, tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    submit(w, tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
    for (int person = 0; person < PEOPLE; person += 1) {
        struct reply jobs = http_ask(w, tokens[person], "GET", "/v1/jobs", NULL);
        struct reply facts = http_ask(w, tokens[person], "GET", "/v1/facts?limit=10000", NULL);
        size_t accepted = 0;

        CHECK_EQ(json_array_size(json_object_get(jobs.json, "jobs")), SEEN[person]);
        for (const char *at = facts.body; (at = strstr(at, "JOB_ACCEPTED")) != NULL; at += 1)
            accepted += 1;
        CHECK_EQ(accepted, SEEN[person]);
        CHECK_EQ(strstr(facts.body, "TOKEN_ISSUED") != NULL, person <= LOOKER);
        CHECK(strstr(facts.body, "secret_hash") == NULL);
        reply_free(&jobs);
        reply_free(&facts);
    }
    http_world_close(w);
}

/* ---- streams ---- */

static int open_stream(struct http_world *w, const char *token, const char *path,
                       const char *headers, char *got, size_t got_bytes)
{
    int client = http_connect(w, 1);
    char head[1024];

    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n",
             path, token, headers);
    got[0] = 0;
    http_send(w, client, head, strlen(head));
    CHECK(http_receive(w, client, got, got_bytes, "\r\n\r\n"));
    return client;
}

TEST(events_arrive_and_are_resumed)
{
    struct http_world *w = open_world();
    static char got[1 << 18];
    static char again[1 << 18];
    char header[64];
    int client = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    int other = open_stream(w, tokens[ENGINEER], "/v1/events", "", again, sizeof again);
    uint64_t job;
    const char *at;
    unsigned long long seq;

    CHECK_HAS(got, "text/event-stream");
    job = submit(w, tokens[STUDENT], "{\"name\":\"seen\",\"command\":[\"true\"]}");
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
    client = open_stream(w, tokens[STUDENT], "/v1/events", header, got, sizeof got);
    CHECK(http_receive(w, client, got, sizeof got, "event: ATTEMPT_ENDED"));
    CHECK(strstr(got, "event: JOB_ACCEPTED") == NULL);
    CHECK_HAS(got, "event: JOB_PLACED");
    close(client);

    /* the engineer saw none of it, but sees his own */
    submit(w, tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
    CHECK(http_receive(w, other, again, sizeof again, "event: JOB_ACCEPTED"));
    CHECK(strstr(again, "JOB_PLACED") == NULL);
    close(other);
    http_world_settle(w);
    http_world_close(w);
}

TEST(events_of_one_job)
{
    struct http_world *w = open_world();
    static char got[1 << 18];
    uint64_t job = submit(w, tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    char path[64];
    int client;

    ASK(NULL, "GET", "/v1/events?job=9999", NULL, 404, "UNKNOWN"); /* nothing to wait for */
    snprintf(path, sizeof path, "/v1/events?job=%llu&from=1", (unsigned long long)job);
    client = open_stream(w, tokens[LOOKER], path, "", got, sizeof got);
    submit(w, tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    snprintf(path, sizeof path, "/v1/jobs/%llu/release", (unsigned long long)job);
    ASK(tokens[STUDENT], "POST", path, "", 200, "");
    CHECK(http_receive(w, client, got, sizeof got, "event: JOB_RELEASED"));
    CHECK(strstr(strstr(got, "JOB_ACCEPTED") + 1, "event: JOB_ACCEPTED") == NULL);
    CHECK(strstr(got, "TOKEN_ISSUED") == NULL);
    close(client);
    ASK(tokens[ENGINEER], "GET", "/v1/events?job=1", NULL, 404, "UNKNOWN");
    ASK(tokens[ENGINEER], "GET", "/v1/events?job=77", NULL, 404, "UNKNOWN");
    ASK("", "GET", "/v1/events", NULL, 401, "AUTH");
    http_world_close(w);
}

/* A revoked token ends the streams that it opened, at their next word. */
TEST(a_revoked_token_ends_its_streams)
{
    struct http_world *w = open_world();
    static char got[1 << 18];
    int client = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    struct reply me = http_ask(w, tokens[STUDENT], "GET", "/v1/me", NULL);
    char path[64];

    snprintf(path, sizeof path, "/v1/tokens/%d", (int)number(&me, "token"));
    reply_free(&me);
    ASK(tokens[BOSS], "DELETE", path, NULL, 200, "");
    submit(w, tokens[PROFESSOR], "{\"command\":[\"true\"],\"hold\":true}");
    CHECK(http_receive(w, client, got, sizeof got, "\r\n0\r\n\r\n")); /* its end */
    CHECK(strstr(got, "JOB_ACCEPTED") == NULL);
    close(client);
    http_world_close(w);
}

TEST(streams_of_one_user_are_limited)
{
    struct http_world *w = open_world();
    static char got[1 << 16];
    int clients[16];

    for (int i = 0; i < 16; i += 1)
        clients[i] = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    ASK(tokens[STUDENT], "GET", "/v1/events", NULL, 429, "LIMIT");
    close(clients[0]);
    /* gone at the door is gone from the count */
    for (int i = 0; i < 50; i += 1)
        http_world_settle(w);
    clients[0] = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    for (int i = 0; i < 16; i += 1)
        close(clients[i]);
    http_world_close(w);
}

TEST(streams_in_all_are_limited)
{
    struct http_world *w = open_world_with(&(struct dr_edge_limits){.streams = 3});
    static char got[1 << 16];
    int clients[3];

    clients[0] = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    clients[1] = open_stream(w, tokens[ENGINEER], "/v1/events", "", got, sizeof got);
    clients[2] = open_stream(w, tokens[PROFESSOR], "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    ASK(tokens[KEEPER], "GET", "/v1/events", NULL, 429, "LIMIT");
    for (int i = 0; i < 3; i += 1)
        close(clients[i]);
    http_world_close(w);
}

/* Two tokens of one user have their streams each. */
TEST(streams_of_one_token_are_its_own)
{
    struct http_world *w = open_world_with(&(struct dr_edge_limits){.token_streams = 1});
    static char got[1 << 16];
    struct reply reply = http_ask(w, NULL, "POST", "/v1/tokens", "{\"user\":\"student\"}");
    char second[128];
    int clients[2];

    snprintf(second, sizeof second, "%s", text(&reply, "token"));
    reply_free(&reply);
    clients[0] = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);
    ASK(tokens[STUDENT], "GET", "/v1/events", NULL, 429, "LIMIT");
    clients[1] = open_stream(w, second, "/v1/events", "", got, sizeof got);
    CHECK_HAS(got, "200 OK");
    close(clients[0]);
    close(clients[1]);
    http_world_close(w);
}

/* Where everybody looks for a controller: heard there like on its own socket, gone with it, and
 * never in a directory that others write. */
TEST(a_socket_for_all_users)
{
    struct http_world *w = open_world();
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

    w = open_world();
    CHECK_EQ(chmod(directory, 0777), 0);
    CHECK_EQ(dr_http_listen_for_all(w->http, path, &error), DR_E_DENIED);
    CHECK_HAS(error.expected, "this user alone writes");
    http_world_close(w);
}

/* The first head is signed before the first client is heard. */
TEST(a_head_is_signed_at_the_start)
{
    struct http_world *w = http_world_open(FEDERATION);
    struct reply reply = http_ask(w, NULL, "GET", "/v1/audit/head", NULL);

    CHECK_HAS(text(&reply, "signature"), text(&reply, "hash")); /* of all there is */
    reply_free(&reply);
    http_world_close(w);
}

/* ---- rates ---- */

/* At the limit and one above, on a clock that stands until it is moved; what is refused costs
 * nothing, each token has its own, and the system has none. */
TEST(a_token_has_a_rate)
{
    struct http_world *w =
        open_world_with(&(struct dr_edge_limits){.token_rate = 2, .token_burst = 3});
    struct reply reply;

    w->still_us = dr_monotonic_us();
    for (int i = 0; i < 3; i += 1)
        ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    for (int i = 0; i < 5; i += 1) {
        reply = http_ask(w, tokens[STUDENT], "POST", "/v1/jobs", "{\"command\":[\"true\"]}");
        CHECK_HAS(reply.headers, "Retry-After: 1\r\n");
        CHECK_HAS(reply.body, "2 a second");
        expect(&reply, 429, "LIMIT");
    }
    ASK(tokens[ENGINEER], "GET", "/v1/me", NULL, 200, "");
    for (int i = 0; i < 20; i += 1)
        ASK(NULL, "GET", "/v1/me", NULL, 200, "");
    ASK("", "GET", "/v1/health", NULL, 200, ""); /* nobody's */
    w->still_us += DR_SECOND_US / 2 - 1;
    ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    w->still_us += 1;
    ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    w->still_us += 60 * DR_SECOND_US; /* no more is saved up than a burst */
    for (int i = 0; i < 3; i += 1)
        ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 200, "");
    ASK(tokens[STUDENT], "GET", "/v1/me", NULL, 429, "LIMIT");
    reply = http_ask(w, NULL, "GET", "/metrics", NULL);
    CHECK_HAS(reply.body, "daero_requests_over_rate_total 8\n");
    reply_free(&reply);
    http_world_close(w);
}

/* ---- connections ---- */

/* The connection above the limit makes the one give way that has been silent for longest. */
TEST(connections_at_the_limit_and_above)
{
    static const struct dr_edge_limits BY_KIND[] = {
        {.address_connections = 3},
        {.socket_connections = 3},
    };

    for (size_t kind = 0; kind < DR_COUNT_OF(BY_KIND); kind += 1) {
        struct http_world *w = http_world_open_with(FEDERATION, &BY_KIND[kind]);
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

/* ---- logs ---- */

TEST(logs_are_read_and_followed)
{
    struct http_world *w = open_world();
    static char got[1 << 16];
    char file[200];
    char body[400];
    char path[100];
    uint64_t job;
    struct reply reply;
    int client;
    int out;

    snprintf(file, sizeof file, "%s-logs", w->directory);
    CHECK_EQ(mkdir(file, 0777), 0);
    CHECK_EQ(chmod(file, 0777), 0);
    snprintf(body, sizeof body,
             "{\"command\":[\"true\"],\"directory\":\"%s\",\"output\":\"o-%%j.txt\"}", file);
    job = submit(w, tokens[STUDENT], body);
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?follow=1", (unsigned long long)job);
    client = open_stream(w, tokens[STUDENT], path, "", got, sizeof got);
    snprintf(file, sizeof file, "%s-logs/o-%llu.txt", w->directory, (unsigned long long)job);
    out = open(file, O_CREAT | O_WRONLY, 0644);
    CHECK(out >= 0);
    CHECK_EQ(write(out, "one\n", 4), 4);
    CHECK(http_receive(w, client, got, sizeof got, "one\n"));
    CHECK_EQ(write(out, "two\n", 4), 4);
    http_world_end(w, job, 0);
    CHECK(http_receive(w, client, got, sizeof got, "\r\n0\r\n\r\n"));
    CHECK_HAS(got, "two\n");
    close(client);
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?offset=4", (unsigned long long)job);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_TEXT(reply.body, "two\n");
    CHECK_HAS(reply.headers, "X-Daero-Offset: 8");
    reply_free(&reply);

    /* what the job's user could not read, and what is not what it seems */
    if (geteuid() == 0) {
        CHECK_EQ(chmod(file, 0600), 0);
        ASK(tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    }
    unlink(file);
    CHECK_EQ(symlink("/etc/passwd", file), 0);
    ASK(tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    unlink(file);
    CHECK_EQ(mkfifo(file, 0666), 0);
    ASK(tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    unlink(file);
    ASK(tokens[STUDENT], "GET", path, NULL, 404, "UNKNOWN");
    close(out);
    snprintf(file, sizeof file, "%s-logs", w->directory);
    rmdir(file);
    http_world_close(w);
}

TEST(a_text_is_erased)
{
    struct http_world *w = open_world();
    uint64_t job = submit(w, tokens[STUDENT],
                          "{\"name\":\"private\",\"command\":[\"true\"],\"comment\":\"x\"}");
    char path[64];
    struct reply reply;

    http_world_end(w, job, 0);
    snprintf(path, sizeof path, "/v1/jobs/%llu/text", (unsigned long long)job);
    ASK(tokens[ENGINEER], "DELETE", path, "{}", 404, "UNKNOWN");
    ASK(tokens[STUDENT], "DELETE", path, "{\"reason\":\"asked for\"}", 200, "");
    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_HAS(reply.body, "\"erased\":true");
    CHECK(strstr(reply.body, "private") == NULL);
    reply_free(&reply);
    http_world_close(w);
}

/* ---- the forecast, the connection ---- */

TEST(why_with_a_forecast)
{
    struct http_world *w = open_world();
    uint64_t big = submit(w, tokens[STUDENT],
                          "{\"command\":[\"a\"],\"accelerators\":2,\"tasks\":4,"
                          "\"limit_us\":60000000}");
    uint64_t job = submit(w, tokens[STUDENT], "{\"command\":[\"b\"],\"accelerators\":2}");
    char path[100];
    struct reply reply;

    CHECK(big < job);
    snprintf(path, sizeof path, "/v1/jobs/%llu/why?forecast=1", (unsigned long long)job);
    reply = http_ask(w, tokens[STUDENT], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(text(&reply, "state"), "PENDING");
    CHECK(strlen(text(&reply, "text")) > 10);
    CHECK_TEXT(json_string_value(json_object_get(json_object_get(reply.json, "forecast"), "state")),
               "STARTS");
    reply_free(&reply);
    http_world_close(w);
}

TEST(pipelined_requests_are_answered_in_order_and_a_bad_one_last)
{
    struct http_world *w = open_world();
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
    struct http_world *w = open_world();
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
    struct http_world *w = open_world();
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
    struct http_world *w = open_world();
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

TEST(metrics_are_prometheus_text)
{
    struct http_world *w = open_world();
    struct reply reply;

    submit(w, tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    reply = http_ask(w, tokens[LOOKER], "GET", "/metrics", NULL);
    CHECK_HAS(reply.headers, "text/plain; version=0.0.4");
    CHECK_HAS(reply.body, "daero_jobs{state=\"PENDING\"} 1\n");
    CHECK_HAS(reply.body, "# TYPE daero_commits_total counter\n");
    reply_free(&reply);
    http_world_close(w);
}

/* Half a request, then nothing: the world closes with it in hand. */
TEST(closing_with_clients_in_every_state)
{
    struct http_world *w = open_world();
    static char got[1 << 16];
    int idle = http_connect(w, 0);
    int half = http_connect(w, 0);
    int body = http_connect(w, 0);
    int stream = open_stream(w, tokens[STUDENT], "/v1/events", "", got, sizeof got);

    http_send(w, half, "GET /v1/he", 10);
    http_send(w, body, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 56);
    http_world_settle(w);
    http_world_close(w);
    close(idle);
    close(half);
    close(body);
    close(stream);
}
