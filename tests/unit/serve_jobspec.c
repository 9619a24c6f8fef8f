/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to commands: every member right and wrong, limits and limits + 1, arrays, batches, the text.
 */
#include "serve/jobspec.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "world.h"

static struct world *w;
static struct dr_arena arena;
static struct dr_buffer room;
static struct dr_jobspec spec;

static int read_body(const char *body, size_t bytes)
{
    if (w == NULL) {
        w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
        CHECK_EQ(dr_arena_init(&arena, 256u << 20), DR_OK);
        dr_buffer_init(&room, 2u << 20);
    }
    dr_arena_reset(&arena, 0);
    spec = (struct dr_jobspec){
        .core = w->core, .arena = &arena, .text = &room, .asker = {.user = {1}, .roles = 0xff}};
    return dr_jobspec_read(&spec, body, bytes);
}

static int read_text(const char *body)
{
    return read_body(body, strlen(body));
}

/* A job with one member more than a command. */
static int with(const char *member)
{
    char body[8192];

    snprintf(body, sizeof body, "{\"command\":[\"true\"],%s}", member);
    return read_text(body);
}

static const struct dr_fact_job_accepted *job(void)
{
    CHECK(spec.count > 0);
    return &spec.commands[0].body.submit;
}

TEST(a_short_job_has_the_defaults)
{
    CHECK(read_text("{\"command\":[\"true\"]}"));
    CHECK_EQ(spec.form, DR_JOBSPEC_ONE);
    CHECK_EQ(spec.count, 1);
    CHECK_EQ(job()->alternatives_count, 1);
    CHECK_EQ(job()->alternatives[0].tasks, 1);
    CHECK_EQ(job()->alternatives[0].cpus_per_task, 1000);
    CHECK_EQ(job()->alternatives[0].accelerators_per_task, 0);
    CHECK_EQ(job()->alternatives[0].factor, 1000);
    CHECK_EQ(job()->preemptible, 1);
    CHECK_EQ(job()->requeue, 1);
    CHECK_EQ(job()->limit_us, 0);
    CHECK_EQ(job()->text, 1);
    CHECK_TEXT(spec.texts[0], "{\"command\":[\"true\"]}");
}

TEST(elastic_tasks)
{
    CHECK(with("\"tasks\":\"8..64\""));
    CHECK_EQ(job()->tasks_min, 8);
    CHECK_EQ(job()->alternatives[0].tasks, 64);
    CHECK(with("\"tasks\":64,\"tasks_min\":8"));
    CHECK_EQ(job()->tasks_min, 8);
    CHECK_EQ(job()->alternatives[0].tasks, 64);
}

/* What is for a site's own workload manager: kept with the text, but for whole nodes and pools. */
TEST(members_for_sites_with_slurm)
{
    CHECK(with("\"partition\":\"batch,long\""));
    CHECK_TEXT(job()->partition, "batch,long");
    CHECK(!with("\"partition\":\"\""));
    CHECK(!with("\"partition\":\"two words\""));
    CHECK(with("\"warn_to\":\"steps\",\"requeue\":true"));
    CHECK_TEXT(spec.texts[0], "{\"warn_to\":\"steps\",\"command\":[\"true\"],\"requeue\":true}");
    CHECK(!with("\"warn_to\":\"me\""));
    CHECK(with("\"exclusive\":true,\"tasks\":2,\"tasks_per_node\":1,\"cpus\":2"));
    CHECK_EQ(job()->alternatives[0].cpus_per_task, w->core->pools[0].cpus);
    CHECK(!with("\"exclusive\":true,\"tasks\":2"));
    CHECK(!with("\"exclusive\":true,\"alternatives\":[{\"tasks\":2}]"));
}

TEST(every_member_arrives)
{
    const struct dr_alternative *own;

    CHECK(read_text(
        "{\"name\":\"n\",\"account\":\"a\",\"tasks\":4,\"accelerators\":2,\"cpus\":\"0.5\","
        "\"memory_mb\":100,\"tasks_per_node\":2,\"chips\":[\"h200\"],\"level\":\"preferred:block\","
        "\"alternatives\":[{\"tasks\":8,\"accelerators\":1,\"factor\":1.5},{\"cpus\":2},{"
        "\"accelerators\":0.25},"
        "{\"accelerators\":\"0.999\"}],"
        "\"limit_us\":1000,\"limit_total\":true,\"priority\":-5,\"preemptible\":false,"
        "\"checkpoint_us\":7,\"checkpoint_on_warning\":true,\"restart_us\":8,\"warn_signal\":"
        "\"USR1\","
        "\"warn_before_us\":9,\"grace_us\":10,\"requeue\":false,\"hold\":true,"
        "\"dependencies\":[\"afterok:71\",\"afternotok:2\",\"afterany:3\",\"singleton\"],"
        "\"begin_us\":11,\"deadline_us\":12,\"deadline_ends\":true,\"sites\":[\"s1\"],"
        "\"script\":\"#!/bin/"
        "sh\\ntrue\\n\",\"command\":[\"x\",\"\"],\"environment\":{\"A\":\"b\\\"\"},"
        "\"directory\":\"/tmp\",\"output\":\"%j.o\",\"error\":\"%05j.e\",\"input\":\"i\","
        "\"open_mode\":\"append\",\"every_task\":false,\"comment\":\"\\u00e9\"}"));
    own = &job()->alternatives[0];
    CHECK_EQ(job()->account, WORLD_ACCOUNT_A);
    CHECK_EQ(own->tasks, 4);
    CHECK_EQ(own->accelerators_per_task, 2000);
    CHECK_EQ(own->cpus_per_task, 500);
    CHECK_EQ(own->memory_mb_per_task, 100);
    CHECK_EQ(own->tasks_per_node_max, 2);
    CHECK_EQ(own->chips, 1);
    CHECK_EQ(job()->alternatives_count, 5);
    CHECK_EQ(job()->alternatives[1].tasks, 8);
    CHECK_EQ(job()->alternatives[1].accelerators_per_task, 1000);
    CHECK_EQ(job()->alternatives[3].accelerators_per_task, 250);
    CHECK_EQ(job()->alternatives[4].accelerators_per_task, 999);
    CHECK_EQ(job()->alternatives[1].factor, 1500);
    CHECK_EQ(job()->alternatives[1].memory_mb_per_task, 100); /* the job's own */
    CHECK_EQ(job()->alternatives[2].cpus_per_task, 2000);
    CHECK_EQ(job()->alternatives[2].tasks, 4);
    CHECK_EQ(job()->level_kind, 1);
    CHECK_TEXT(job()->level, "block");
    CHECK_EQ(job()->limit_us, 1000);
    CHECK_EQ(job()->limit_total, 1);
    CHECK_EQ(job()->priority, -5);
    CHECK_EQ(job()->preemptible, 0);
    CHECK_EQ(job()->checkpoint_us, 7);
    CHECK_EQ(job()->checkpoint_on_warning, 1);
    CHECK_EQ(job()->restart_us, 8);
    CHECK_EQ(job()->warn_signal, 10);
    CHECK_EQ(job()->warn_before_us, 9);
    CHECK_EQ(job()->grace_us, 10);
    CHECK_EQ(job()->requeue, 0);
    CHECK_EQ(job()->held, 1);
    CHECK_EQ(job()->dependencies_count, 4);
    CHECK_EQ(job()->dependencies[0].job.v, 71);
    CHECK_EQ(job()->dependencies[1].kind, DR_DEPENDENCY_AFTERNOTOK);
    CHECK_EQ(job()->dependencies[3].kind, DR_DEPENDENCY_SINGLETON);
    CHECK_EQ(job()->begin_us, 11);
    CHECK_EQ(job()->deadline_us, 12);
    CHECK_EQ(job()->deadline_ends, 1);
    CHECK(dr_site_set_has(&job()->sites, 0));
    CHECK_TEXT(spec.texts[0],
               "{\"name\":\"n\",\"script\":\"#!/bin/sh\\ntrue\\n\",\"directory\":\"/tmp\","
               "\"output\":\"%j.o\",\"error\":\"%05j.e\",\"input\":\"i\",\"open_mode\":\"append\","
               "\"comment\":\"\xc3\xa9\",\"command\":[\"x\",\"\"],"
               "\"environment\":{\"A\":\"b\\\"\"},\"every_task\":false}");
}

/* What is wrong is named, with what was found and what was expected. */
static const struct {
    const char *member;
    enum dr_refusal_kind kind;
    const char *field;
    const char *part; /* of the text */
} WRONG[] = {
    {"\"comand\":1", DR_REFUSAL_INVALID, "comand", "no member"},
    {"\"tasks\":0", DR_REFUSAL_INVALID, "tasks", "found 0"},
    {"\"tasks\":65537", DR_REFUSAL_INVALID, "tasks", "65536"},
    {"\"tasks\":\"4\"", DR_REFUSAL_INVALID, "tasks", "found '4'"},
    {"\"tasks\":1.5", DR_REFUSAL_INVALID, "tasks", "found 1.5"},
    {"\"tasks\":\"8..4\"", DR_REFUSAL_INVALID, "tasks", "found '8..4', expected"},
    {"\"tasks\":\"..4\"", DR_REFUSAL_INVALID, "tasks", "found '..4'"},
    {"\"tasks_min\":0", DR_REFUSAL_INVALID, "tasks_min", "found 0"},
    {"\"alternatives\":[{\"tasks\":\"1..4\"}]", DR_REFUSAL_INVALID, "alternatives[0].tasks",
     "found '1..4'"},
    {"\"tasks\":null", DR_REFUSAL_INVALID, "tasks", "found null"},
    {"\"accelerators\":65", DR_REFUSAL_INVALID, "accelerators", "64"},
    {"\"accelerators\":-1", DR_REFUSAL_INVALID, "accelerators", "-1"},
    {"\"accelerators\":1.5", DR_REFUSAL_INVALID, "accelerators", "1.5"},
    {"\"cpus\":0", DR_REFUSAL_INVALID, "cpus", "found 0"},
    {"\"cpus\":0.0001", DR_REFUSAL_INVALID, "cpus", "0.001"},
    {"\"cpus\":4097", DR_REFUSAL_INVALID, "cpus", "4096"},
    {"\"cpus\":1e300", DR_REFUSAL_INVALID, "cpus", "4096"},
    {"\"cpus\":\"half\"", DR_REFUSAL_INVALID, "cpus", "'half'"},
    {"\"memory_mb\":67108865", DR_REFUSAL_INVALID, "memory_mb", "67108864"},
    {"\"account\":\"nowhere\"", DR_REFUSAL_UNKNOWN, "account", "'nowhere'"},
    {"\"account\":\"../etc\"", DR_REFUSAL_INVALID, "account", "name"},
    {"\"chips\":\"h200\"", DR_REFUSAL_INVALID, "chips", "list"},
    {"\"chips\":[\"h300\"]", DR_REFUSAL_UNKNOWN, "chips", "'h300'"},
    {"\"chips\":[7]", DR_REFUSAL_INVALID, "chips[0]", "found 7"},
    {"\"sites\":[\"moon\"]", DR_REFUSAL_UNKNOWN, "sites", "'moon'"},
    {"\"datasets\":[\"x\"]", DR_REFUSAL_UNKNOWN, "datasets", "'x'"},
    {"\"data_class\":\"x\"", DR_REFUSAL_UNKNOWN, "data_class", "'x'"},
    {"\"user\":\"x\"", DR_REFUSAL_UNKNOWN, "user", "'x'"},
    {"\"level\":\"wanted:block\"", DR_REFUSAL_INVALID, "level", "required:LEVEL"},
    {"\"limit_us\":0", DR_REFUSAL_INVALID, "limit_us", "1 or more"},
    {"\"limit_us\":9223372036854775807", DR_REFUSAL_INVALID, "limit_us", "9223372036854775807"},
    {"\"begin_us\":-1", DR_REFUSAL_INVALID, "begin_us", "-1"},
    {"\"priority\":1000001", DR_REFUSAL_INVALID, "priority", "1000000"},
    {"\"preemptible\":1", DR_REFUSAL_INVALID, "preemptible", "true or false"},
    {"\"warn_signal\":\"BANG\"", DR_REFUSAL_INVALID, "warn_signal", "'BANG'"},
    {"\"warn_signal\":65", DR_REFUSAL_INVALID, "warn_signal", "64"},
    {"\"dependencies\":[\"after:7\"]", DR_REFUSAL_INVALID, "dependencies[0]", "afterok:JOB"},
    {"\"dependencies\":[\"afterok:\"]", DR_REFUSAL_INVALID, "dependencies[0]", "afterok:JOB"},
    {"\"dependencies\":[\"afterok:0\"]", DR_REFUSAL_INVALID, "dependencies[0]", "afterok:JOB"},
    {"\"deadline_ends\":true", DR_REFUSAL_INVALID, "deadline_ends", "deadline_us"},
    {"\"array\":\"\"", DR_REFUSAL_INVALID, "array", "0-9%2"},
    {"\"array\":\"9-0\"", DR_REFUSAL_INVALID, "array", "0-9%2"},
    {"\"array\":\"1,,2\"", DR_REFUSAL_INVALID, "array", "0-9%2"},
    {"\"array\":\"1%0\"", DR_REFUSAL_INVALID, "array", "0-9%2"},
    {"\"array\":\"0-9:0\"", DR_REFUSAL_INVALID, "array", "0-9%2"},
    {"\"array\":\"4000001\"", DR_REFUSAL_INVALID, "array", "4000000"},
    {"\"array\":\"99999999999999999999\"", DR_REFUSAL_INVALID, "array", "4000000"},
    {"\"array\":\"0-10000\"", DR_REFUSAL_LIMIT, "array", "10000"},
    {"\"nodes\":5,\"tasks\":4", DR_REFUSAL_INVALID, "nodes", "as many nodes as tasks"},
    {"\"directory\":\"tmp\"", DR_REFUSAL_INVALID, "directory", "absolute"},
    {"\"output\":\"%q\"", DR_REFUSAL_INVALID, "output", "'%q'"},
    {"\"output\":\"100%\"", DR_REFUSAL_INVALID, "output", "percent"},
    {"\"name\":\"a\\nb\"", DR_REFUSAL_INVALID, "name", "control"},
    {"\"script\":\"echo\"", DR_REFUSAL_INVALID, "script", "#!"},
    {"\"open_mode\":\"a\"", DR_REFUSAL_INVALID, "open_mode", "append"},
    {"\"environment\":{\"A B\":\"\"}", DR_REFUSAL_INVALID, "environment.A B", "name"},
    {"\"environment\":{\"A=\":\"\"}", DR_REFUSAL_INVALID, "environment.A=", "name"},
    {"\"environment\":{\"A\":1}", DR_REFUSAL_INVALID, "environment.A", "string"},
    {"\"alternatives\":[{\"limit_us\":1}]", DR_REFUSAL_INVALID, "alternatives[0].limit_us",
     "no such"},
    {"\"alternatives\":[{},{\"tasks\":0}]", DR_REFUSAL_INVALID, "alternatives[1].tasks", "found 0"},
    {"\"alternatives\":[{\"factor\":0}]", DR_REFUSAL_INVALID, "alternatives[0].factor", "run time"},
    {"\"alternatives\":[{},{},{},{},{},{},{},{}]", DR_REFUSAL_INVALID, "alternatives", "at most 7"},
    {"\"alternatives\":[3]", DR_REFUSAL_INVALID, "alternatives[0]", "object"},
    {"\"name\":\"a\",\"name\":\"b\"", DR_REFUSAL_INVALID, "body", "duplicate"},
};

TEST(what_is_wrong_is_named)
{
    for (size_t i = 0; i < DR_COUNT_OF(WRONG); i += 1) {
        const struct dr_answer *answer;

        if (with(WRONG[i].member))
            fail_msg("%s was taken", WRONG[i].member);
        CHECK_EQ(spec.problems_count, 1);
        answer = &spec.problems[0].answer;
        if (answer->refused != WRONG[i].kind || strcmp(answer->field, WRONG[i].field) != 0 ||
            strstr(answer->text, WRONG[i].part) == NULL)
            fail_msg("%s: %s %s: %s", WRONG[i].member, dr_refusal_name(answer->refused),
                     answer->field, answer->text);
    }
}

/* All members that are wrong are named, not the first alone. */
TEST(every_mistake_of_a_job_is_told)
{
    CHECK(!with("\"tasks\":0,\"colour\":1,\"name\":\"good\",\"cpus\":\"many\""));
    CHECK_EQ(spec.problems_count, 3);
    CHECK_TEXT(spec.problems[0].answer.field, "tasks");
    CHECK_TEXT(spec.problems[1].answer.field, "colour");
    CHECK_TEXT(spec.problems[2].answer.field, "cpus");
    CHECK(!read_text("{\"jobs\":[{\"command\":[\"a\"]},{\"tasks\":0,\"hold\":7},{}]}"));
    CHECK_EQ(spec.problems_count, 3);
    CHECK_EQ(spec.problems[1].index, 1);
    CHECK_TEXT(spec.problems[1].answer.field, "hold");
    CHECK_EQ(spec.problems[2].index, 2);
    CHECK_TEXT(spec.problems[2].answer.field, "command");
}

TEST(what_is_no_job_is_refused)
{
    static const char *const BODIES[] = {
        "",
        "7",
        "[]",
        "{",
        "{}",
        "null",
        "{\"jobs\":[]}",
        "{\"jobs\":7}",
        "{\"command\":[]}",
        "{\"command\":[\"a\"]} x",
        "{\"jobs\":[7]}",
        "{\"jobs\":[{}],\"x\":1}",
        "{\"command\":[\"\\u0000\"]}",
        "{\"command\":[\"\xff\"]}",
        "{\"command\":[\"\\ud800\"]}",
        "{\"tasks\":NaN}",
        "{\"jobs\":[{\"command\":[\"a\"],\"array\":\"1-2\"}]}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(BODIES); i += 1) {
        if (read_text(BODIES[i]))
            fail_msg("%s was taken", BODIES[i]);
        CHECK(spec.problems_count > 0);
        CHECK(spec.problems[0].answer.text[0] != 0);
    }
}

TEST(depth_at_the_limit_and_above)
{
    char body[400];

    for (int depth = 31; depth <= 32; depth += 1) {
        size_t length = (size_t)snprintf(body, sizeof body, "{\"comment\":");

        for (int i = 0; i < depth; i += 1)
            body[length++] = '[';
        for (int i = 0; i < depth; i += 1)
            body[length++] = ']';
        body[length++] = '}';
        CHECK(!read_body(body, length));
        /* within the limit it is the member that is wrong, above it the document */
        CHECK_TEXT(spec.problems[0].answer.field, depth == 31 ? "comment" : "body");
    }
    /* brackets in strings are text */
    CHECK(with("\"comment\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\""));
}

TEST(arrays_are_spread_out)
{
    CHECK(with("\"array\":\"7,1-3,2,0-8:4%2\""));
    CHECK_EQ(spec.form, DR_JOBSPEC_ARRAY);
    CHECK_EQ(spec.count, 7); /* 0 1 2 3 4 7 8 */
    CHECK_EQ(spec.texts_count, 1);
    for (uint32_t i = 0; i < spec.count; i += 1) {
        static const uint32_t INDEXES[] = {0, 1, 2, 3, 4, 7, 8};

        CHECK_EQ(spec.commands[i].body.submit.array_index, INDEXES[i]);
        CHECK_EQ(spec.commands[i].body.submit.array_job, i + 1);
        CHECK_EQ(spec.commands[i].body.submit.array_limit, 2);
        CHECK_EQ(spec.commands[i].body.submit.text, 1);
    }
    CHECK_HAS(spec.texts[0], "\"array\":{\"min\":0,\"max\":8,\"count\":7,\"step\":1}");
    CHECK(with("\"array\":\"0-9999\""));
    CHECK_EQ(spec.count, DR_JOBS_PER_REQUEST);
    CHECK(!with("\"array\":\"0-10000\""));
    CHECK_EQ(spec.problems[0].answer.refused, DR_REFUSAL_LIMIT);
}

TEST(nodes_at_least)
{
    static const struct {
        const char *member;
        uint32_t tasks;
        uint32_t most;
    } CASES[] = {
        {"\"nodes\":3", 3, 1},
        {"\"nodes\":3,\"tasks_per_node\":2", 6, 2},
        {"\"nodes\":3,\"tasks\":4", 4, 1},
        {"\"nodes\":3,\"tasks\":5", 5, 2},
        {"\"nodes\":1,\"tasks\":5", 5, 0},
        {"\"nodes\":2,\"tasks\":8,\"tasks_per_node\":3", 8, 3},
    };

    for (size_t i = 0; i < DR_COUNT_OF(CASES); i += 1) {
        CHECK(with(CASES[i].member));
        CHECK_EQ(job()->alternatives[0].tasks, CASES[i].tasks);
        CHECK_EQ(job()->alternatives[0].tasks_per_node_max, CASES[i].most);
    }
}

static int batch_of(uint32_t count, const char *one)
{
    struct dr_buffer body;
    int taken;

    dr_buffer_init(&body, 16u << 20);
    dr_buffer_append_text(&body, "{\"jobs\":[");
    for (uint32_t i = 0; i < count; i += 1)
        dr_buffer_printf(&body, "%s%s", i > 0 ? "," : "", one);
    dr_buffer_append_text(&body, "]}");
    taken = read_body(dr_buffer_text(&body), body.length);
    dr_buffer_deinit(&body);
    return taken;
}

TEST(batches_at_the_limit_and_above)
{
    CHECK(batch_of(DR_JOBS_PER_REQUEST, "{\"command\":[\"a\"]}"));
    CHECK_EQ(spec.form, DR_JOBSPEC_BATCH);
    CHECK_EQ(spec.count, DR_JOBS_PER_REQUEST);
    CHECK_EQ(spec.texts_count, DR_JOBS_PER_REQUEST);
    CHECK_EQ(spec.commands[9999].body.submit.text, 10000);
    CHECK(!batch_of(DR_JOBS_PER_REQUEST + 1, "{\"command\":[\"a\"]}"));
    CHECK_EQ(spec.problems[0].answer.refused, DR_REFUSAL_LIMIT);
    CHECK(!batch_of(DR_JOBSPEC_ERRORS_MAX + 5, "{}"));
    CHECK_EQ(spec.problems_count, DR_JOBSPEC_ERRORS_MAX);
    CHECK_EQ(spec.problems_more, 5);
    CHECK_EQ(spec.problems[7].index, 7);
}

TEST(singletons_find_one_another)
{
    const uint8_t salt[16] = {1};
    const uint8_t other[16] = {2};
    dr_user_id one = {1};
    dr_user_id two = {2};

    CHECK(dr_jobspec_name_key(salt, one, "a") == dr_jobspec_name_key(salt, one, "a"));
    CHECK(dr_jobspec_name_key(salt, one, "a") != dr_jobspec_name_key(salt, one, "b"));
    CHECK(dr_jobspec_name_key(salt, one, "a") != dr_jobspec_name_key(salt, two, "a"));
    CHECK(dr_jobspec_name_key(salt, one, "a") != dr_jobspec_name_key(other, one, "a"));
}

/* The text is JSON again, whatever was in it. */
TEST(the_text_parses_back)
{
    json_t *root;

    CHECK(with("\"comment\":\"\\u0001\\u001f\\u007f\\\\\\\" \xf0\x9f\x9a\x80 \xe0\xa4\x80\""));
    root = json_loads(spec.texts[0], JSON_REJECT_DUPLICATES, NULL);
    CHECK(root != NULL);
    CHECK_TEXT(json_string_value(json_object_get(root, "comment")),
               "\x01\x1f\x7f\\\" \xf0\x9f\x9a\x80 \xe0\xa4\x80");
    json_decref(root);
}
