/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what over HTTP: tokens, every role on every route (CELLS), and what lists hold. */
#include "http_people.h"

#include "serve/routes.h"

TEST(tokens_are_shown_once_and_revoked)
{
    struct http_world *w = people_world();
    struct reply reply =
        http_ask(w, people_tokens[STUDENT], "POST", "/v1/tokens", "{\"label\":\"laptop\"}");
    char token[128];
    char path[64];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", reply_text(&reply, "token"));
    snprintf(path, sizeof path, "/v1/tokens/%d", (int)reply_number(&reply, "id"));
    reply_free(&reply);
    reply = http_ask(w, token, "GET", "/v1/me", NULL);
    CHECK_TEXT(reply_text(&reply, "user"), "student");
    CHECK_TEXT(reply_text(&reply, "via"), "token");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[LOOKER], "GET", "/v1/tokens", NULL);
    CHECK_HAS(reply.body, "laptop");
    CHECK(strstr(reply.body, token + 6) == NULL);
    reply_free(&reply);
    ASK(people_tokens[ENGINEER], "DELETE", path, NULL, 404, "UNKNOWN");
    ASK(people_tokens[STUDENT], "DELETE", path, NULL, 200, "");
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    token[strlen(token) - 1] ^= 1;
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    ASK(people_tokens[STUDENT], "POST", "/v1/tokens", "{\"user\":\"boss\"}", 403, "DENIED");
    ASK(people_tokens[STUDENT], "POST", "/v1/tokens", "{\"roles\":[\"KING\"]}", 400, "INVALID");
    ASK(people_tokens[STUDENT], "POST", "/v1/tokens", "{\"ttl_us\":0}", 400, "INVALID");
    http_world_close(w);
}

/* Also by the first request after a wait: what counts is when it is heard. */
TEST(a_token_ends_at_its_instant)
{
    struct http_world *w = people_world();
    struct reply reply =
        http_ask(w, people_tokens[STUDENT], "POST", "/v1/tokens", "{\"ttl_us\":60000000}");
    char token[128];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", reply_text(&reply, "token"));
    reply_free(&reply);
    w->ahead_us = 50 * DR_SECOND_US;
    ASK(token, "GET", "/v1/me", NULL, 200, "");
    http_world_settle(w);
    w->ahead_us = 70 * DR_SECOND_US;
    ASK(token, "GET", "/v1/me", NULL, 401, "AUTH");
    http_world_close(w);
}

/* A token with fewer roles does less than its user, and makes none that does more. */
TEST(a_token_is_cut_down_to_its_roles)
{
    struct http_world *w = people_world();
    struct reply reply =
        http_ask(w, people_tokens[BOSS], "POST", "/v1/tokens", "{\"roles\":[\"auditor\"]}");
    char token[128];

    CHECK_EQ(reply.status, 201);
    snprintf(token, sizeof token, "%s", reply_text(&reply, "token"));
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
    {"POST", "/v1/jobs/%J/lost", "{}", {409, 409, 403, 403, 403, 403, 401}},
    {"POST", "/v1/jobs/%J/checkpoint", "", {409, 403, 403, 409, 409, 404, 401}},
    {"DELETE", "/v1/jobs/%J/text", "{}", {409, 403, 403, 409, 409, 404, 401}},
    {"GET", "/v1/nodes", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/nodes/node1/drain", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node1/resume", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node4/down", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"POST", "/v1/nodes/node4/up", "{}", {200, 200, 403, 403, 403, 403, 401}},
    {"GET", "/v1/sites", NULL, {200, 200, 200, 200, 200, 200, 401}},
    {"POST", "/v1/sites/here/lost", "{}", {409, 409, 403, 403, 403, 403, 401}},
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
    {"POST", "/v1/what-if", "{}", {400, 400, 403, 403, 403, 403, 401}},
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
    struct http_world *w = people_world();
    uint64_t of_student =
        http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    uint64_t of_engineer =
        http_submit(w, people_tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
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
            reply = http_ask(w, person == PEOPLE ? "" : people_tokens[person], CELLS[k].method,
                             path, CELLS[k].body);
            if (reply.status != CELLS[k].status[person])
                fail_msg("%s: %s %s: %d, expected %d: %s",
                         person == PEOPLE ? "nobody" : PEOPLE_NAMES[person], CELLS[k].method, path,
                         reply.status, CELLS[k].status[person], reply.body);
            reply_free(&reply);
        }
    }
    http_world_close(w);
}

/* In lists, too, each sees his own, what he is admin of, or all. */
TEST(lists_hold_what_one_may_see)
{
    struct http_world *w = people_world();
    static const size_t SEEN[PEOPLE] = {2, 2, 2, 1, 1, 1};

    http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"],\"hold\":true}");
    http_submit(w, people_tokens[ENGINEER], "{\"command\":[\"true\"],\"hold\":true}");
    for (int person = 0; person < PEOPLE; person += 1) {
        struct reply jobs = http_ask(w, people_tokens[person], "GET", "/v1/jobs", NULL);
        struct reply facts =
            http_ask(w, people_tokens[person], "GET", "/v1/facts?limit=10000", NULL);
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
