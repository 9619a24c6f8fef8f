/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over HTTP: from submit to their end, arrays and batches, their logs, why they wait, and
 * their text erased. */
#include "http_people.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(a_job_from_submit_to_its_end)
{
    struct http_world *w = people_world();
    uint64_t job = http_submit(w, people_tokens[STUDENT],
                               "{\"name\":\"first\",\"command\":[\"true\"],\"accelerators\":1,"
                               "\"environment\":{\"SECRET\":\"x\"}}");
    char path[64];
    struct reply reply;

    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(reply_text(&reply, "state"), "RUNNING");
    CHECK_TEXT(reply_text(&reply, "name"), "first");
    CHECK_TEXT(reply_text(&reply, "account"), "university");
    CHECK_TEXT(reply_text(&reply, "chip"), "virtual");
    CHECK_HAS(reply.body, "\"virtual\":true");
    CHECK_HAS(reply.body, "\"SECRET\":\"x\"");
    CHECK_EQ(reply_number(&reply, "accelerators_milli"), 1000);
    reply_free(&reply);
    reply = http_ask(w, people_tokens[PROFESSOR], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK(strstr(reply.body, "SECRET") == NULL); /* the environment is the owner's */
    reply_free(&reply);

    http_world_end(w, job, 3);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_TEXT(reply_text(&reply, "state"), "FAILED");
    CHECK_EQ(reply_number(&reply, "exit_code"), 3);
    reply_free(&reply);
    snprintf(path, sizeof path, "/v1/jobs/%llu/facts", (unsigned long long)job);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
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
    struct http_world *w = people_world();

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        uint64_t job = http_submit(w, people_tokens[STUDENT], cases[i].job);
        char path[64];
        struct reply reply;

        snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
        reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
        CHECK_TEXT(reply_text(&reply, "state"), "RUNNING");
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
    struct http_world *w = people_world();
    struct reply reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                                  "{\"command\":[\"true\"],\"array\":\"0-8:2%2\",\"hold\":true}");
    uint64_t first = (uint64_t)reply_number(&reply, "job");

    CHECK_EQ(reply.status, 201);
    CHECK_EQ(reply_number(&reply, "count"), 5);
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"command\":[\"b\"],\"hold\":true}]}");
    if (reply.status != 201)
        fail_msg("%d %s", reply.status, reply.body);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 2);
    CHECK_EQ(json_integer_value(json_array_get(json_object_get(reply.json, "jobs"), 1)),
             (int64_t)first + 6);
    reply_free(&reply);
    /* all or none: the second is wrong, so the first is not there either */
    reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"command\":[\"b\"],\"account\":\"cars\"},"
                     "{\"command\":[\"b\"],\"account\":\"cars\"}]}");
    CHECK_EQ(reply.status, 403);
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(reply.json, "error"), "index")), 1);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "errors")), 1);
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                     "{\"jobs\":[{\"command\":[\"a\"]},{\"comand\":[\"b\"]}]}");
    CHECK_EQ(reply.status, 400);
    CHECK_HAS(reply.body, "comand");
    CHECK_HAS(reply.body, "\"index\":1");
    reply_free(&reply);
    reply = http_ask(w, people_tokens[STUDENT], "GET", "/v1/jobs?limit=3", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 3);
    CHECK_EQ(reply_number(&reply, "next"), (int64_t)first + 4);
    reply_free(&reply);
    reply =
        http_ask(w, people_tokens[STUDENT], "GET", "/v1/jobs?limit=3&state=PENDING&before=4", NULL);
    CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 3);
    CHECK_HAS(reply.body, "\"reason\":\"HELD\"");
    reply_free(&reply);
    {
        char body[64];

        snprintf(body, sizeof body, "{\"array\":%llu}", (unsigned long long)first);
        reply = http_ask(w, people_tokens[STUDENT], "POST", "/v1/jobs/cancel", body);
        CHECK_EQ(reply.status, 200);
        CHECK_EQ(json_array_size(json_object_get(reply.json, "jobs")), 5);
        reply_free(&reply);
        ASK(people_tokens[STUDENT], "POST", "/v1/jobs/cancel", body, 404, "UNKNOWN");
    }
    http_world_close(w);
}

TEST(a_retried_submit_is_one_job)
{
    struct http_world *w = people_world();
    const char *body = "{\"command\":[\"true\"],\"hold\":true}";
    struct reply one = http_ask_with(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                                     "Idempotency-Key: k1\r\n", body);
    struct reply two = http_ask_with(w, people_tokens[STUDENT], "POST", "/v1/jobs",
                                     "Idempotency-Key: k1\r\n", body);
    struct reply three =
        http_ask_with(w, people_tokens[STUDENT], "POST", "/v1/jobs", "Idempotency-Key: k1\r\n",
                      "{\"command\":[\"false\"],\"hold\":true}");
    struct reply other = http_ask_with(w, people_tokens[PROFESSOR], "POST", "/v1/jobs",
                                       "Idempotency-Key: k1\r\n", body);

    CHECK_EQ(one.status, 201);
    CHECK_EQ(two.status, 200);
    CHECK_EQ(reply_number(&one, "job"), reply_number(&two, "job"));
    CHECK_HAS(two.body, "\"repeated\":true");
    reply_expect(&three, 409, "CONFLICT");
    CHECK_EQ(other.status, 201); /* keys are each user's own */
    CHECK(reply_number(&other, "job") != reply_number(&one, "job"));
    reply_free(&one);
    reply_free(&two);
    reply_free(&other);
    http_world_close(w);
}

TEST(root_on_the_socket_submits_for_users)
{
    struct http_world *w = people_world();

    if (geteuid() != 0)
        SKIP_TEST("not root");
    ASK(NULL, "POST", "/v1/jobs", "{\"command\":[\"true\"]}", 400, "INVALID");
    ASK(NULL, "POST", "/v1/jobs", "{\"command\":[\"true\"],\"user\":\"student\"}", 201, "");
    ASK(people_tokens[KEEPER], "POST", "/v1/jobs", "{\"command\":[\"true\"],\"user\":\"student\"}",
        201, "");
    ASK(people_tokens[ENGINEER], "POST", "/v1/jobs",
        "{\"command\":[\"true\"],\"user\":\"student\"}", 403, "DENIED");
    http_world_close(w);
}

TEST(logs_are_read_and_followed)
{
    struct http_world *w = people_world();
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
    job = http_submit(w, people_tokens[STUDENT], body);
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?follow=1", (unsigned long long)job);
    client = http_open_stream(w, people_tokens[STUDENT], path, "", got, sizeof got);
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
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_TEXT(reply.body, "two\n");
    CHECK_HAS(reply.headers, "X-Daero-Offset: 8");
    reply_free(&reply);

    /* what the job's user could not read, and what is not what it seems */
    if (geteuid() == 0) {
        CHECK_EQ(chmod(file, 0600), 0);
        ASK(people_tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    }
    unlink(file);
    CHECK_EQ(symlink("/etc/passwd", file), 0);
    ASK(people_tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    unlink(file);
    CHECK_EQ(mkfifo(file, 0666), 0);
    ASK(people_tokens[STUDENT], "GET", path, NULL, 403, "DENIED");
    unlink(file);
    ASK(people_tokens[STUDENT], "GET", path, NULL, 404, "UNKNOWN");
    close(out);
    snprintf(file, sizeof file, "%s-logs", w->directory);
    rmdir(file);
    http_world_close(w);
}

TEST(a_text_is_erased)
{
    struct http_world *w = people_world();
    uint64_t job = http_submit(w, people_tokens[STUDENT],
                               "{\"name\":\"private\",\"command\":[\"true\"],\"comment\":\"x\"}");
    char path[64];
    struct reply reply;

    http_world_end(w, job, 0);
    snprintf(path, sizeof path, "/v1/jobs/%llu/text", (unsigned long long)job);
    ASK(people_tokens[ENGINEER], "DELETE", path, "{}", 404, "UNKNOWN");
    ASK(people_tokens[STUDENT], "DELETE", path, "{\"reason\":\"asked for\"}", 200, "");
    snprintf(path, sizeof path, "/v1/jobs/%llu", (unsigned long long)job);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_HAS(reply.body, "\"erased\":true");
    CHECK(strstr(reply.body, "private") == NULL);
    reply_free(&reply);
    http_world_close(w);
}

TEST(why_with_a_forecast)
{
    struct http_world *w = people_world();
    uint64_t big = http_submit(w, people_tokens[STUDENT],
                               "{\"command\":[\"a\"],\"accelerators\":2,\"tasks\":4,"
                               "\"limit_us\":60000000}");
    uint64_t job =
        http_submit(w, people_tokens[STUDENT], "{\"command\":[\"b\"],\"accelerators\":2}");
    char path[100];
    struct reply reply;

    CHECK(big < job);
    snprintf(path, sizeof path, "/v1/jobs/%llu/why?forecast=1", (unsigned long long)job);
    reply = http_ask(w, people_tokens[STUDENT], "GET", path, NULL);
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(reply_text(&reply, "state"), "PENDING");
    CHECK(strlen(reply_text(&reply, "text")) > 10);
    CHECK_TEXT(json_string_value(json_object_get(json_object_get(reply.json, "forecast"), "state")),
               "STARTS");
    reply_free(&reply);
    http_world_close(w);
}
