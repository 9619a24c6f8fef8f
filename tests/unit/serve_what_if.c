/* SPDX-License-Identifier: Apache-2.0 */
/* What would change, and for whom: two worlds run ahead beside the one that lives. */
#include "http_people.h"

#include "core/state.h"

#define MINUTE 60e6

static struct reply what_if(struct http_world *w, const char *body)
{
    return http_ask(w, people_tokens[KEEPER], "POST", "/v1/what-if", body);
}

static const json_t *member(const struct reply *reply, const char *object)
{
    return json_object_get(reply->json, object);
}

static int64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value))
        fail_msg("%s is no number", name);
    return json_integer_value(value);
}

/* The entry of a list whose member is this; NULL: none. */
static const json_t *entry(const struct reply *reply, const char *list, const char *name,
                           const char *text)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(reply->json, list), i, item)
    {
        char found[32] = "";
        const json_t *value = json_object_get(item, name);

        if (json_is_integer(value))
            snprintf(found, sizeof found, "%lld", (long long)json_integer_value(value));
        if (strcmp(json_is_string(value) ? json_string_value(value) : found, text) == 0)
            return item;
    }
    return NULL;
}

/* Minutes from the question on. */
static double minutes(const struct reply *reply, const json_t *job, const char *name)
{
    return (double)(number(job, name) - number(reply->json, "made_us")) / MINUTE;
}

static int about(double a, double b)
{
    return a > b - 0.2 && a < b + 0.2;
}

static uint64_t submit(struct http_world *w, int who, int accelerators, int limit_minutes)
{
    char body[200];

    snprintf(body, sizeof body,
             "{\"command\":[\"true\"],\"tasks\":%d,\"accelerators\":2,\"limit_us\":%lld}",
             accelerators / 2, (long long)limit_minutes * 60000000);
    return http_submit(w, people_tokens[who], body);
}

/* All eight accelerators are the engineer's for an hour, two are guaranteed to him; the student,
 * who has a guarantee of two, waits with two jobs of two each, for a while. */
static struct http_world *full_world(void)
{
    struct http_world *w = people_world();

    for (int i = 0; i < 4; i += 1)
        submit(w, ENGINEER, 2, 60);
    http_world_settle(w);
    submit(w, STUDENT, 2, 20);
    submit(w, STUDENT, 2, 20);
    http_world_settle(w);
    return w;
}

/* As it is: the guarantee takes one job back when it has run for the five minutes that it may, by a
 * tick; the second job has what the first leaves. With a larger guarantee both come back then. */
TEST(a_guarantee_that_is_raised_helps_who_waits_and_takes_from_who_borrows)
{
    struct http_world *w = full_world();
    struct reply reply =
        what_if(w, "{\"quota\":[{\"account\":\"university\",\"change\":\"+100%\"}]}");
    const json_t *job;
    const json_t *account;

    if (reply.status != 200)
        fail_msg("%d %s", reply.status, reply.body);
    CHECK_EQ(number(reply.json, "waiting"), 2);
    CHECK_EQ(number(reply.json, "earlier"), 1);
    CHECK_EQ(number(reply.json, "later"), 0);
    CHECK_HAS(reply.body, "\"name\":\"university\",\"text\":\"guarantee virtual: 2 -> 4");
    CHECK(entry(&reply, "jobs", "job", "5") == NULL);
    job = entry(&reply, "jobs", "job", "6");
    CHECK_TEXT(json_string_value(json_object_get(job, "user")), "student");
    CHECK(minutes(&reply, job, "as_is_us") > 24 && minutes(&reply, job, "as_is_us") < 28);
    CHECK(minutes(&reply, job, "changed_us") > 4.9 && minutes(&reply, job, "changed_us") < 7);
    account = entry(&reply, "accounts", "account", "university");
    CHECK_EQ(number(account, "waiting"), 2);
    CHECK_EQ(number(account, "earlier"), 1);
    CHECK(number(json_object_get(account, "changed"), "wait_us_mean") <
          number(json_object_get(account, "as_is"), "wait_us_mean"));
    /* Two jobs of 20 minutes, two accelerators each: 4/3 hours in both. */
    CHECK(number(json_object_get(account, "as_is"), "accelerator_hours_milli") > 1330);
    CHECK(number(json_object_get(account, "as_is"), "accelerator_hours_milli") < 1340);
    CHECK_EQ(number(member(&reply, "as_is"), "taken"), 1);
    CHECK_EQ(number(member(&reply, "changed"), "taken"), 2);
    CHECK_EQ(json_array_size(member(&reply, "running")), 1);
    job = json_array_get(member(&reply, "running"), 0);
    CHECK(json_is_null(json_object_get(job, "as_is_us")));
    CHECK(minutes(&reply, job, "changed_us") > 4.9 && minutes(&reply, job, "changed_us") < 7);
    reply_free(&reply);
    http_world_close(w);
}

/* The asker's own job is listed by itself, and so is the horizon. */
TEST(nodes_that_are_added_let_all_start)
{
    struct http_world *w = full_world();
    struct reply reply;
    const json_t *job;

    http_submit(
        w, people_tokens[BOSS],
        "{\"command\":[\"true\"],\"accelerators\":2,\"account\":\"cars\",\"limit_us\":600000000}");
    reply =
        http_ask(w, people_tokens[BOSS], "POST", "/v1/what-if",
                 "{\"add\":[{\"pool\":\"here/virtual\",\"nodes\":3}],\"horizon_us\":7200000000}");
    if (reply.status != 200)
        fail_msg("%d %s", reply.status, reply.body);
    CHECK_EQ(number(reply.json, "earlier"), 3);
    CHECK_EQ(number(reply.json, "horizon_us") - number(reply.json, "made_us"), 7200000000);
    CHECK_EQ(number(member(&reply, "as_is"), "reached_us"), number(reply.json, "horizon_us"));
    CHECK(json_is_true(json_object_get(member(&reply, "changed"), "horizon_reached")));
    CHECK_EQ(number(member(&reply, "as_is"), "accelerators_milli"), 8000);
    CHECK_EQ(number(member(&reply, "changed"), "accelerators_milli"), 14000);
    for (int id = 5; id <= 7; id += 1) {
        char text[8];

        snprintf(text, sizeof text, "%d", id);
        job = entry(&reply, "jobs", "job", text);
        CHECK(job != NULL && about(minutes(&reply, job, "changed_us"), 0));
    }
    CHECK_EQ(json_array_size(member(&reply, "own")), 1);
    CHECK_EQ(number(json_array_get(member(&reply, "own"), 0), "job"), 7);
    /* Idle 6 more accelerators of 50 W each: 300 W times the PUE of 1.25. As it is, one job is
     * taken when it has run for 5 minutes and runs them again: 2 x 350 W of 120 minutes less. */
    job = json_array_get(member(&reply, "sites"), 0);
    CHECK(number(json_object_get(job, "changed"), "power_w_mean") >=
          number(json_object_get(job, "as_is"), "power_w_mean") + 320);
    CHECK(number(json_object_get(job, "changed"), "power_w_mean") <
          number(json_object_get(job, "as_is"), "power_w_mean") + 375);
    CHECK_EQ(number(json_object_get(job, "as_is"), "power_w_most"), 8 * 400 * 125 / 100);
    reply_free(&reply);
    http_world_close(w);
}

/* What was used before is in no world's hours. */
TEST(hours_count_from_now_on)
{
    struct http_world *w = people_world();
    struct reply reply;

    submit(w, ENGINEER, 2, 60);
    http_world_settle(w);
    w->ahead_us = 30 * DR_MINUTE_US;
    http_world_settle(w);
    reply = what_if(w, "{\"drain\":[\"node4\"]}");
    CHECK_EQ(reply.status, 200);
    /* Two accelerators for the half hour that is left. */
    CHECK(number(member(&reply, "as_is"), "accelerator_hours_milli") > 990);
    CHECK(number(member(&reply, "as_is"), "accelerator_hours_milli") <= 1000);
    CHECK(number(member(&reply, "changed"), "accelerator_hours_milli") > 990);
    reply_free(&reply);
    http_world_close(w);
}

/* Who is stopped because its own deadline has passed is not taken for others. */
TEST(a_deadline_takes_nothing_from_anybody)
{
    struct http_world *w = people_world();
    char body[200];
    struct reply reply;

    snprintf(
        body, sizeof body,
        "{\"command\":[\"true\"],\"accelerators\":2,\"limit_us\":3600000000,\"deadline_ends\":true,"
        "\"deadline_us\":%lld}",
        (long long)(dr_clock_us() + 10 * DR_MINUTE_US));
    http_submit(w, people_tokens[ENGINEER], body);
    http_world_settle(w);
    reply = what_if(w, "{\"drain\":[\"node4\"]}");
    CHECK_EQ(reply.status, 200);
    CHECK(number(member(&reply, "as_is"), "accelerator_hours_milli") < 400); /* it is stopped */
    CHECK_EQ(number(member(&reply, "as_is"), "taken"), 0);
    reply_free(&reply);
    http_world_close(w);
}

TEST(what_is_drained_takes_nothing_new)
{
    struct http_world *w = full_world();
    struct reply reply = what_if(w, "{\"drain\":[\"here/virtual\"]}");

    CHECK_EQ(reply.status, 200);
    CHECK_HAS(reply.body,
              "\"changes\":[{\"kind\":\"pool\",\"name\":\"here/virtual\",\"text\":\"drained\"}]");
    CHECK_EQ(number(reply.json, "later"), 2);
    CHECK_EQ(number(member(&reply, "changed"), "started"), 0);
    CHECK_EQ(number(member(&reply, "as_is"), "started"), 2);
    CHECK_EQ(number(member(&reply, "changed"), "accelerators_milli"), 0);
    CHECK(json_is_null(json_object_get(entry(&reply, "jobs", "job", "5"), "changed_us")));
    reply_free(&reply);
    reply = what_if(w, "{\"drain\":[\"node1\",\"node2\"]}");
    CHECK_EQ(reply.status, 200);
    CHECK_EQ(number(member(&reply, "changed"), "accelerators_milli"), 4000);
    reply_free(&reply);
    http_world_close(w);
}

TEST(a_cap_keeps_jobs_from_starting)
{
    struct http_world *w = full_world();
    struct reply reply = what_if(w, "{\"cap\":[{\"site\":\"here\",\"power_cap_w\":600}]}");

    CHECK_EQ(reply.status, 200);
    CHECK_EQ(number(reply.json, "later"), 2);
    CHECK_EQ(
        number(json_object_get(entry(&reply, "sites", "name", "here"), "changed"), "power_cap_w"),
        600);
    reply_free(&reply);
    http_world_close(w);
}

/* A whole file: another pool, on a site that no engine serves yet. */
TEST(another_federation_file)
{
    struct http_world *w = full_world();
    char yaml[4096];
    json_t *wish;
    char *body;
    struct reply reply;
    const char *accounts = strstr(PEOPLE_FEDERATION, "accounts:\n");

    snprintf(yaml, sizeof yaml,
             "%.*s  there:\n    jurisdiction: kr\n    engine: simulated\n    pools:\n"
             "      more: {chip: virtual, nodes: 2, accelerators: 2, cpus: 4, memory: 2G, "
             "node_names: far1, group: virtual}\n%s",
             (int)(accounts - PEOPLE_FEDERATION), PEOPLE_FEDERATION, accounts);
    wish = json_pack("{s:s}", "federation", yaml);
    body = json_dumps(wish, 0);
    reply = what_if(w, body);
    if (reply.status != 200)
        fail_msg("%d %s", reply.status, reply.body);
    CHECK_EQ(number(reply.json, "earlier"), 2);
    CHECK(json_is_null(json_object_get(entry(&reply, "sites", "name", "there"), "as_is")));
    reply_free(&reply);
    free(body);
    json_decref(wish);
    /* Mistakes of the file have its lines. */
    reply = what_if(w, "{\"federation\":\"federation: {name: x}\\nchips: 7\\n\"}");
    CHECK_EQ(reply.status, 400);
    CHECK_HAS(reply.body, "\"file\":\"body\",\"line\":2,\"field\":\"chips\",\"found\":\"7\"");
    reply_free(&reply);
    http_world_close(w);
}

/* Neither the state nor the journal nor what the federation says: whatever is asked. */
TEST(the_living_state_is_left_alone)
{
    static const char *const wishes[] = {
        "{\"add\":[{\"pool\":\"here/virtual\",\"nodes\":8}]}",
        "{\"quota\":[{\"account\":\"cars\",\"change\":\"-2\"}]}",
        "{\"drain\":[\"here/virtual\"],\"cap\":[{\"site\":\"here\",\"power_cap_w\":600}]}",
        "{\"drain\":[\"nowhere\"]}",
    };
    struct http_world *w = full_world();
    struct dr_core *core = dr_controller_core(w->controller);
    uint64_t hash = dr_core_hash(core);
    uint64_t facts = dr_controller_durable_seq(w->controller);
    struct reply before = http_ask(w, people_tokens[KEEPER], "GET", "/v1/federation", NULL);
    struct reply after;

    for (size_t i = 0; i < DR_COUNT_OF(wishes); i += 1) {
        struct reply reply = what_if(w, wishes[i]);

        CHECK(reply.status == 200 || i == 3);
        reply_free(&reply);
    }
    http_world_settle(w);
    CHECK_EQ(dr_core_hash(core), hash);
    CHECK_EQ(dr_controller_durable_seq(w->controller), facts);
    after = http_ask(w, people_tokens[KEEPER], "GET", "/v1/federation", NULL);
    CHECK_TEXT(after.body, before.body);
    CHECK_EQ(w->attempts_count, 4); /* nothing was launched */
    reply_free(&before);
    reply_free(&after);
    http_world_close(w);
}

TEST(wishes_that_can_not_be_are_refused)
{
    static const struct {
        const char *body;
        const char *said;
    } wrong[] = {
        {"{}", "expected a change: federation, add, quota, cap or drain"},
        {"{\"ad\":[]}", "there is no such member here; expected: federation add quota cap drain"},
        {"{\"add\":7}", "expected an array of at most 100"},
        {"{\"add\":[{\"pool\":\"here/virtual\"}]}",
         "expected objects with pool (SITE/POOL) and nodes"},
        {"{\"add\":[{\"pool\":\"here/virtul\",\"nodes\":1}]}",
         "add: found 'here/virtul', expected SITE/POOL, a pool of the federation; did you mean "
         "here/virtual?"},
        {"{\"add\":[{\"pool\":\"here/virtual\",\"nodes\":0}]}",
         "add: found '0', expected a number of nodes, 1 to 1048576"},
        {"{\"add\":[{\"pool\":\"here/virtual\",\"nodes\":10000}]}", "at most"},
        {"{\"quota\":[{\"account\":\"cars\"}]}", "expected objects with account, change"},
        {"{\"quota\":[{\"account\":\"cars\",\"change\":5}]}",
         "expected objects with account, change"},
        {"{\"quota\":[{\"account\":\"planes\",\"change\":\"+10%\"}]}",
         "quota: found 'planes', expected an account below the root of the federation"},
        {"{\"quota\":[{\"account\":\"cars\",\"change\":\"more\"}]}",
         "quota: found 'more', expected"},
        {"{\"quota\":[{\"account\":\"cars\",\"change\":\"+7\"}]}",
         "accounts: found '11 guaranteed in group virtual (academia 2, industry 9)', expected at "
         "most 8, the group's declared capacity"},
        {"{\"cap\":[{\"site\":\"here\",\"power_cap_w\":\"3MW\"}]}",
         "expected objects with site and power_cap_w"},
        {"{\"cap\":[{\"site\":\"there\",\"power_cap_w\":5}]}",
         "cap: found 'there', expected a site"},
        {"{\"cap\":[{\"site\":\"here\",\"power_cap_w\":-5}]}", "cap: found '-5', expected power"},
        {"{\"drain\":[7]}", "expected names of nodes, or SITE/POOL"},
        {"{\"drain\":[\"node9\"]}",
         "drain: found 'node9', expected a node, or SITE/POOL, of the federation"},
        {"{\"drain\":[\"node1\"],\"horizon_us\":5}", "expected microseconds, a minute to 30 days"},
        {"{\"federation\":7}", "expected a federation file"},
    };
    struct http_world *w = people_world();

    for (size_t i = 0; i < DR_COUNT_OF(wrong); i += 1) {
        struct reply reply = what_if(w, wrong[i].body);

        if (reply.status != 400)
            fail_msg("%s: %d %s", wrong[i].body, reply.status, reply.body);
        CHECK_HAS(reply.body, wrong[i].said);
        /* The living federation was written down to be changed: its lines are nobody's. */
        CHECK(strstr(reply.body, "body:") == NULL);
        reply_free(&reply);
    }
    http_world_close(w);
}

/* One at a time: who comes while it runs is told so, and the first has its answer. */
TEST(one_what_if_at_a_time)
{
    static const char ask[] = "POST /v1/what-if HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                              "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n"
                              "{\"drain\":[\"node1\"]}";
    struct http_world *w = full_world();
    char request[512];
    char answer[65536] = "";
    int sockets[2];

    snprintf(request, sizeof request, ask, people_tokens[KEEPER]);
    for (int i = 0; i < 2; i += 1) {
        sockets[i] = http_connect(w, 1);
        http_send(w, sockets[i], request, strlen(request));
    }
    CHECK(http_receive(w, sockets[1], answer, sizeof answer, "\r\n\r\n"));
    CHECK_HAS(answer, " 429 ");
    CHECK_HAS(answer, "Retry-After: 10\r\n");
    answer[0] = '\0';
    CHECK(http_receive(w, sockets[0], answer, sizeof answer, "\r\n\r\n"));
    CHECK_HAS(answer, " 200 ");
    http_world_close(w);
}

/* The controller ends while a child is at work. */
TEST(a_what_if_may_be_left_at_any_time)
{
    static const char ask[] = "POST /v1/what-if HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                              "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n"
                              "{\"drain\":[\"node1\"]}";
    struct http_world *w = full_world();
    char request[512];
    int socket = http_connect(w, 1);

    snprintf(request, sizeof request, ask, people_tokens[KEEPER]);
    http_send(w, socket, request, strlen(request));
    http_world_close(w);
}
