/* SPDX-License-Identifier: Apache-2.0 */
#include "http_people.h"

#include <string.h>

const char PEOPLE_FEDERATION[] = "federation:\n"
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

char people_tokens[PEOPLE][128];
const char *const PEOPLE_NAMES[PEOPLE] = {"boss",    "keeper",    "looker",
                                          "student", "professor", "engineer"};

struct http_world *people_world_with(const struct dr_edge_limits *limits)
{
    struct http_world *w = http_world_open_with(PEOPLE_FEDERATION, limits);

    for (int i = 0; i < PEOPLE; i += 1) {
        char body[128];
        struct reply reply;

        snprintf(body, sizeof body, "{\"user\":\"%s\",\"label\":\"of-%s\"}", PEOPLE_NAMES[i],
                 PEOPLE_NAMES[i]);
        reply = http_ask(w, NULL, "POST", "/v1/tokens", body);
        if (reply.status != 201)
            fail_msg("%d %s", reply.status, reply.body);
        snprintf(people_tokens[i], sizeof people_tokens[i], "%s",
                 json_string_value(json_object_get(reply.json, "token")));
        reply_free(&reply);
    }
    return w;
}

struct http_world *people_world(void)
{
    return people_world_with(&(struct dr_edge_limits){0});
}

int64_t reply_number(const struct reply *reply, const char *member)
{
    return json_integer_value(json_object_get(reply->json, member));
}

const char *reply_text(const struct reply *reply, const char *member)
{
    const char *value = json_string_value(json_object_get(reply->json, member));

    return value == NULL ? "(none)" : value;
}

void reply_expect(struct reply *reply, int status, const char *kind)
{
    if (reply->status != status || strcmp(reply_kind(reply), kind) != 0)
        fail_msg("answer %d, expected %d %s: %s", reply->status, status, kind, reply->body);
    reply_free(reply);
}

uint64_t http_submit(struct http_world *w, const char *who, const char *body)
{
    struct reply reply = http_ask(w, who, "POST", "/v1/jobs", body);
    uint64_t job;

    if (reply.status != 201)
        fail_msg("answer %d: %s", reply.status, reply.body);
    job = (uint64_t)reply_number(&reply, "job");
    CHECK(job > 0);
    reply_free(&reply);
    return job;
}

int http_open_stream(struct http_world *w, const char *token, const char *path, const char *headers,
                     char *got, size_t got_bytes)
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
