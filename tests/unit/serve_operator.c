/* SPDX-License-Identifier: Apache-2.0 */
/* What operators, auditors and admins do over HTTP: nodes, power caps, advance reservations, usage,
 * the federation, the signed head and metrics. */
#include "http_people.h"

TEST(nodes_are_drained_and_resumed)
{
    struct http_world *w = people_world();
    struct reply reply;

    ASK(people_tokens[KEEPER], "POST", "/v1/nodes/node1/drain", "{\"reason\":\"fan\"}", 200, "");
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/nodes?site=here", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "nodes")), 4);
    CHECK_HAS(reply.body, "\"state\":\"drained\",\"reason\":\"fan\"");
    CHECK_HAS(reply.body, "\"virtual\":true");
    reply_free(&reply);
    ASK(people_tokens[STUDENT], "GET", "/v1/nodes?site=there", NULL, 404, "UNKNOWN");
    ASK(people_tokens[KEEPER], "POST", "/v1/nodes/node1/resume", "", 200, "");
    ASK(people_tokens[KEEPER], "POST", "/v1/nodes/node9/resume", "", 404, "UNKNOWN");
    ASK(people_tokens[KEEPER], "POST", "/v1/nodes/node1/drain", "{\"why\":1}", 400, "INVALID");
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/sites", NULL);
    CHECK_HAS(reply.body, "\"accelerators\":8,\"accelerators_free\":8");
    reply_free(&reply);
    http_world_close(w);
}

static void noted(struct dr_request *request)
{
    *(int *)request->context = 1;
}

/* As its engine would say. */
static void site_answers(struct http_world *w, uint8_t answers)
{
    int done = 0;
    struct dr_answer answer;
    struct dr_command command = {.kind = DR_COMMAND_SITE, .roles = 0xff};
    struct dr_request request = {
        .commands = &command, .count = 1, .answers = &answer, .done = noted, .context = &done};

    command.body.site.site.v = 1;
    command.body.site.answers = answers;
    dr_controller_ask(w->controller, &request);
    http_world_settle(w);
    CHECK(done);
}

/* What is at a silent site is given up by an operator, job by job or all of it, with a reason. */
TEST(jobs_at_a_silent_site_are_given_up)
{
    struct http_world *w = people_world();
    struct reply reply;
    uint64_t jobs[3];
    char path[64];

    for (uint32_t i = 0; i < DR_COUNT_OF(jobs); i += 1)
        jobs[i] = http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"]}");
    http_world_settle(w);
    ASK(people_tokens[KEEPER], "POST", "/v1/sites/here/lost", "{}", 409, "STATE");
    site_answers(w, 0);
    snprintf(path, sizeof path, "/v1/jobs/%llu/why", (unsigned long long)jobs[0]);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_HAS(reply.body, "\"state\":\"UNREACHABLE\"");
    CHECK_HAS(reply.body, "site here does not answer; it runs on there as far as is known");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/sites", NULL);
    CHECK_HAS(reply.body, "\"answers\":false");
    CHECK_HAS(reply.body, "\"running\":3,\"unreachable\":3");
    CHECK_HAS(reply.body, "\"cpus_milli\":16000,\"cpus_free_milli\":0");
    reply_free(&reply);
    snprintf(path, sizeof path, "/v1/jobs/%llu/lost", (unsigned long long)jobs[0]);
    ASK(people_tokens[STUDENT], "POST", path, "{}", 403, "DENIED");
    ASK(people_tokens[KEEPER], "POST", path, "{\"reason\":\"flooded\"}", 200, "");
    ASK(people_tokens[KEEPER], "POST", path, "{}", 409, "STATE"); /* it waits */
    reply = http_ask(w, people_tokens[KEEPER], "POST", "/v1/sites/here/lost", "{}");
    CHECK_EQ(reply.status, 200);
    CHECK_EQ(reply_number(&reply, "given_up"), 2);
    CHECK_EQ(reply_number(&reply, "left"), 0);
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "POST", "/v1/sites/there/lost", "{}", 404, "UNKNOWN");
    snprintf(path, sizeof path, "/v1/jobs/%llu/facts", (unsigned long long)jobs[0]);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_HAS(reply.body, "\"reason\":\"flooded\"");
    CHECK_HAS(reply.body, "\"outcome\":\"NODE_FAILED\"");
    CHECK_HAS(reply.body, "\"next_state\":\"PENDING\"");
    reply_free(&reply);
    http_world_close(w);
}

/* A cap for a time is announced, changed by its name, shown with what is missing, and called off.
 */
TEST(caps_are_announced_and_called_off)
{
    struct http_world *w = people_world();
    const char *cap = "{\"name\":\"peak\",\"site\":\"here\",\"power_cap_w\":600,"
                      "\"from_us\":4000000000000000,\"until_us\":4000003600000000}";
    struct reply reply;

    ASK(people_tokens[STUDENT], "POST", "/v1/power/caps", cap, 403, "DENIED");
    ASK(people_tokens[KEEPER], "POST", "/v1/power/caps", cap, 201, "");
    ASK(people_tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"name\":\"peak\",\"site\":\"here\",\"power_cap_w\":400,\"from_us\":4000000000000000,"
        "\"until_us\":4000003600000000,\"reason\":\"cold\"}",
        201, "");
    ASK(people_tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"zone\":\"capital\",\"power_cap_w\":400,\"from_us\":1,\"until_us\":2}", 404, "UNKNOWN");
    ASK(people_tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"site\":\"here\",\"power_cap_w\":400,\"from_us\":1,\"until_us\":2}", 400, "INVALID");
    ASK(people_tokens[KEEPER], "POST", "/v1/power/caps",
        "{\"site\":\"here\",\"power_cap_w\":0,\"from_us\":1,\"until_us\":4000000000000000}", 400,
        "INVALID");
    http_world_settle(w);
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/power", NULL);
    /* idle: 4 nodes of 2 x 50 W, PUE 1.25 */
    CHECK_HAS(reply.body, "\"name\":\"here\",\"zone\":null,\"power_w\":500,\"power_cap_w\":0,"
                          "\"power_cap_now_w\":0,\"missing_w\":100,\"missing_cap_w\":400,"
                          "\"missing_from_us\":4000000000000000");
    CHECK_HAS(reply.body, "\"caps\":[{\"id\":1,\"name\":\"peak\",\"zone\":null,\"site\":\"here\","
                          "\"power_cap_w\":400,\"from_us\":4000000000000000,"
                          "\"until_us\":4000003600000000,\"declared\":false}]");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "DELETE", "/v1/power/caps/peak", "{\"reason\":7}", 400, "INVALID");
    reply = http_ask(w, people_tokens[KEEPER], "DELETE", "/v1/power/caps/peak",
                     "{\"reason\":\"mild\"}");
    CHECK_EQ(reply.status, 200);
    CHECK_HAS(reply.body, "{\"id\":1,\"unchanged\":false}");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "DELETE", "/v1/power/caps/peak", "", 404, "UNKNOWN");
    http_world_close(w);
}

/* Nodes are reserved in advance for an account, or for maintenance, shown with the nodes, refused
 * where they are reserved already, and given up. */
TEST(nodes_are_reserved_in_advance)
{
    struct http_world *w = people_world();
    const char *wish = "{\"name\":\"exam\",\"accounts\":[\"university\"],\"nodes\":[\"node1\"],"
                       "\"from_us\":4000000000000000,\"until_us\":4000003600000000,"
                       "\"reason\":\"exams\"}";
    struct reply reply;

    ASK(people_tokens[STUDENT], "POST", "/v1/reservations", wish, 403, "DENIED");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations", wish, 201, "");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations", wish, 409, "STATE");
    reply = http_ask(w, people_tokens[KEEPER], "POST", "/v1/reservations",
                     "{\"maintenance\":true,\"site\":\"here\",\"from_us\":4000003000000000,"
                     "\"until_us\":4000007200000000}");
    CHECK_EQ(reply.status, 409);
    CHECK_HAS(reply.body, "node node1 is in advance reservation exam, from");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations",
        "{\"site\":\"here\",\"from_us\":4000000000000000,\"until_us\":4000003600000000}", 400,
        "INVALID");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"nodes\":[\"node9\"],\"until_us\":4000003600000000}", 404,
        "UNKNOWN");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"pool\":\"here/none\",\"until_us\":4000003600000000}", 404,
        "UNKNOWN");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"site\":\"here\",\"from_us\":1,\"until_us\":4000003600000000}", 400,
        "INVALID");
    ASK(people_tokens[KEEPER], "POST", "/v1/reservations",
        "{\"maintenance\":true,\"site\":\"here\",\"from_us\":4000003600000000,"
        "\"until_us\":4000007200000000,\"evict\":true}",
        201, "");
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/reservations", NULL);
    CHECK_HAS(reply.body,
              "\"name\":\"exam\",\"maintenance\":false,\"accounts\":[\"university\"],"
              "\"site\":null,\"pool\":null,\"nodes\":1,\"runs\":[{\"first\":\"node1\","
              "\"last\":\"node1\",\"count\":1}],\"from_us\":4000000000000000,"
              "\"until_us\":4000003600000000,\"evict\":false,\"begun\":false,\"others\":0,"
              "\"others_until_us\":0,\"jobs\":[]}");
    CHECK_HAS(reply.body, "\"name\":\"reservation-2\",\"maintenance\":true,\"accounts\":[],"
                          "\"site\":\"here\",\"pool\":null,\"nodes\":4,\"runs\":[]");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/nodes", NULL);
    CHECK_HAS(reply.body, "\"reservation\":{\"name\":\"exam\",\"accounts\":[\"university\"],");
    CHECK_HAS(reply.body, "\"reservation\":{\"name\":\"reservation-2\",\"accounts\":[],");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "DELETE", "/v1/reservations/exam", "{\"reason\":7}", 400, "INVALID");
    reply = http_ask(w, people_tokens[KEEPER], "DELETE", "/v1/reservations/exam", NULL);
    CHECK_EQ(reply.status, 200);
    CHECK_HAS(reply.body, "{\"id\":1,\"unchanged\":false}");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "DELETE", "/v1/reservations/exam", "", 404, "UNKNOWN");
    http_world_close(w);
}

TEST(accounts_and_usage_show_what_one_may_see)
{
    struct http_world *w = people_world();
    struct reply reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/accounts", NULL);

    CHECK_HAS(reply.body, "\"university\"");
    CHECK_HAS(reply.body, "\"academia\""); /* above: its quotas hold for him too */
    CHECK(strstr(reply.body, "\"cars\"") == NULL);
    reply_free(&reply);
    reply = http_ask(w, people_tokens[LOOKER], "GET", "/v1/accounts", NULL);
    CHECK_HAS(reply.body, "\"cars\"");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/usage", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "usage")), 1);
    CHECK_HAS(reply.body, "\"currency\":\"KRW\"");
    reply_free(&reply);
    ASK(people_tokens[STUDENT], "GET", "/v1/usage?account=cars", NULL, 404, "UNKNOWN");
    ASK(people_tokens[LOOKER], "GET", "/v1/usage?account=cars", NULL, 200, "");
    http_world_close(w);
}

TEST(the_federation_is_shown_compared_and_changed)
{
    struct http_world *w = people_world();
    struct reply shown = http_ask(w, people_tokens[LOOKER], "GET", "/v1/federation", NULL);
    struct reply reply;
    char changed[4096];
    char *at;

    CHECK_EQ(shown.status, 200);
    CHECK_HAS(shown.headers, "application/yaml");
    reply = http_ask(w, people_tokens[BOSS], "POST", "/v1/federation?dry_run=1", shown.body);
    CHECK_EQ(reply.status, 200);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "changes")), 0);
    reply_free(&reply);
    reply_free(&shown);
    CHECK((size_t)snprintf(changed, sizeof changed, "%s", PEOPLE_FEDERATION) < sizeof changed);
    at = strstr(changed, "university: {guarantees: {virtual: 2}}");
    CHECK(at != NULL);
    memcpy(at, "university: {guarantees: {virtual: 3}}", 38);
    reply = http_ask(w, people_tokens[BOSS], "POST", "/v1/federation?dry_run=1", changed);
    CHECK_HAS(reply.body, "2 -> 3");
    CHECK_HAS(reply.body, "\"applied\":false");
    reply_free(&reply);
    ASK(people_tokens[KEEPER], "POST", "/v1/federation", changed, 403, "DENIED");
    reply = http_ask_with(w, people_tokens[BOSS], "POST", "/v1/federation",
                          "X-Daero-Reason: more%20students\r\n", changed);
    CHECK_EQ(reply.status, 200);
    CHECK_HAS(reply.body, "\"applied\":true");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[LOOKER], "GET", "/v1/facts?limit=10000", NULL);
    CHECK_HAS(reply.body, "\"reason\":\"more students\"");
    CHECK_HAS(reply.body, "\"by_user_name\":\"boss\"");
    reply_free(&reply);
    reply =
        http_ask(w, people_tokens[BOSS], "POST", "/v1/federation", "federation: {name: 7}\nx: 1\n");
    CHECK_EQ(reply.status, 400);
    CHECK(json_array_size(json_object_get(reply.json, "errors")) > 0);
    reply_free(&reply);
    http_world_close(w);
}

/* The first head is signed before the first client is heard. */
TEST(a_head_is_signed_at_the_start)
{
    struct http_world *w = http_world_open(PEOPLE_FEDERATION);
    struct reply reply = http_ask(w, NULL, "GET", "/v1/audit/head", NULL);

    CHECK_HAS(reply_text(&reply, "signature"), reply_text(&reply, "hash")); /* of all there is */
    reply_free(&reply);
    http_world_close(w);
}

TEST(metrics_are_prometheus_text)
{
    struct http_world *w = people_world();
    struct reply reply;

    http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    reply = http_ask(w, people_tokens[LOOKER], "GET", "/metrics", NULL);
    CHECK_HAS(reply.headers, "text/plain; version=0.0.4");
    CHECK_HAS(reply.body, "daero_jobs{state=\"PENDING\"} 1\n");
    CHECK_HAS(reply.body, "# TYPE daero_commits_total counter\n");
    reply_free(&reply);
    http_world_close(w);
}
