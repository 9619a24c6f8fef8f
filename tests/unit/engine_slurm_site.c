/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine against an endpoint that answers as slurmrestd does on its bad days: cut off,
 * nonsense, errors that are none. What real daemons can be made to do is in tests/engine/slurm*.c.
 */
#include <stdlib.h>

#include <jansson.h>

#include "engine/slurm_token.h"
#include "slurm_endpoint.h"
#include "test.h"

/* slurmrestd 22.05 takes other forms for something else without a word, refuses what it does not
 * know, and crashes of "argv". */
TEST(what_is_submitted_has_the_forms_that_count)
{
    struct endpoint *w = endpoint_new();
    struct dr_launch order = endpoint_order(5);
    const struct dr_launch_node nodes[] = {
        {.name = "seoul1", .tasks = 2, .accelerators = 15},
        {.name = "seoul2", .tasks = 2, .accelerators = 15},
    };
    const char *const argv[] = {"train", "--fast"};
    struct dr_error error = {0};
    json_t *whole, *job;

    order.script = NULL;
    order.script_bytes = 0;
    order.argv = argv;
    order.argv_count = 2;
    order.run_every_task = 1;
    order.nodes = nodes;
    order.nodes_count = 2;
    order.tasks = 4;
    order.accelerators_per_task = 2;
    order.gres = "gpu:h200";
    order.cpus_per_task_milli = 4000;
    order.memory_mb_per_task = 1000;
    order.limit_us = 90 * DR_SECOND_US;
    order.warn_before_us = 40 * DR_SECOND_US;
    order.partition = "batch";
    order.account = "lab";
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(w->engine->operations->launch(w->engine, &order, &error), DR_OK);
    while (w->script->submits == 0)
        endpoint_step(w, 100);
    whole = json_loads(w->script->submitted, 0, NULL);
    job = json_object_get(whole, "job");
    CHECK(json_is_object(job));
    CHECK_TEXT(json_string_value(json_object_get(job, "nodes")), "2-2");
    CHECK_TEXT(json_string_value(json_object_get(job, "nodelist")), "seoul1,seoul2");
    CHECK_TEXT(json_string_value(json_object_get(job, "gpus_per_task")), "h200:2");
    CHECK_EQ(json_integer_value(json_object_get(job, "memory_per_node")), 2000);
    CHECK_EQ(json_integer_value(json_object_get(job, "time_limit")), 2); /* minutes, rounded up */
    CHECK_TEXT(json_string_value(json_object_get(job, "partition")), "batch");
    CHECK_TEXT(json_string_value(json_object_get(job, "account")), "lab");
    CHECK(json_object_get(json_object_get(job, "environment"), "PATH") != NULL);
    CHECK(json_object_get(job, "current_working_directory") != NULL);
    CHECK_TEXT(json_string_value(json_object_get(job, "open_mode")), "truncate");
    {
        static const char *const never[] = {
            "argv",           "requeue",       "signal",        "tres_per_node", "required_nodes",
            "excluded_nodes", "exclude_nodes", "minimum_nodes", "exclusive",     "hold",
            "begin_time",     "array",         "dependency",    "nice",          "deadline",
            "cpus_per_gpu",   "priority"};

        for (size_t i = 0; i < DR_COUNT_OF(never); i += 1)
            CHECK(json_object_get(job, never[i]) == NULL);
    }
    json_decref(whole);
    endpoint_free(w);
}

/* What was submitted of an order, for the caller to release; `job`: its resources. */
static json_t *submitted(struct dr_launch order, json_t **job)
{
    struct endpoint *w = endpoint_new();
    struct dr_error error = {0};
    json_t *whole;

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(w->engine->operations->launch(w->engine, &order, &error), DR_OK);
    endpoint_wait_for_submits(w, 1);
    whole = json_loads(w->script->submitted, 0, NULL);
    *job = json_object_get(whole, "job");
    CHECK(json_is_object(*job));
    endpoint_free(w);
    return whole;
}

/* Likewise what only some jobs say: `requeue` where a copy would end in the first line. */
TEST(what_is_submitted_where_it_was_said)
{
    struct dr_launch order = endpoint_order(5);
    json_t *whole, *job;

    order.requeue = 1;
    order.exclusive = 1;
    order.attempt = 2;
    order.gres = "npu";
    order.accelerators_per_task = 2;
    order.nodes = &(const struct dr_launch_node){.name = "seoul1", .tasks = 1, .accelerators = 3};
    whole = submitted(order, &job);
    CHECK(json_is_true(json_object_get(job, "requeue")));
    CHECK_TEXT(json_string_value(json_object_get(job, "exclusive")), "exclusive");
    CHECK_TEXT(json_string_value(json_object_get(job, "open_mode")), "append");
    CHECK_TEXT(json_string_value(json_object_get(job, "gres")), "npu:2");
    CHECK_TEXT(json_string_value(json_object_get(job, "name")), "daero:test:seoul:71:2:5");
    CHECK_TEXT(json_string_value(json_object_get(job, "comment")), "daero:test:seoul:71:2:5");
    json_decref(whole);

    order.script = "#!/usr/bin/python3\npass\n";
    order.script_bytes = (uint32_t)strlen(order.script);
    whole = submitted(order, &job);
    CHECK(json_object_get(job, "requeue") == NULL);
    json_decref(whole);
}

/* In its owner's name, for little longer than the request may take. */
TEST(a_submission_has_its_owners_token)
{
    struct dr_slurm_key key = {.bytes = "0123456789abcdef0123456789abcdef", .length = 32};
    struct endpoint *w = endpoint_new();
    char token[DR_SLURM_TOKEN_BYTES];
    int64_t now_s;
    int found = 0;

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, 4 * DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    endpoint_wait_for_submits(w, 1);
    CHECK_TEXT(w->script->user, "student");
    now_s = dr_clock_us() / DR_SECOND_US;
    for (int64_t at_s = now_s - 20; at_s <= now_s; at_s += 1) {
        CHECK_EQ(dr_slurm_token(&key, "student", at_s, at_s + 6, token), DR_OK);
        found |= strcmp(token, w->script->token) == 0;
    }
    CHECK(found);
    endpoint_free(w);
}

/* ---- how often it is asked ---- */

static int requests_in(struct endpoint *w, int64_t time_us)
{
    int64_t until_us = dr_monotonic_us() + time_us;
    int before = w->script->requests;

    while (dr_monotonic_us() < until_us)
        endpoint_step(w, 20);
    return w->script->requests - before;
}

/* Where nothing happens: for what has changed alone, and seldom. */
TEST(a_quiet_site_is_asked_for_changes)
{
    struct endpoint *w = endpoint_new();
    struct dr_engine_health health;
    int wholes;

    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    endpoint_look(w, 4);
    w->script->nothing_new = 1;
    wholes = w->script->wholes;
    /* jobs and nodes, each every 25 times 20 ms */
    CHECK(requests_in(w, 3 * DR_SECOND_US) <= 14);
    CHECK_EQ(w->script->wholes, wholes);
    CHECK(w->script->changes >= 2);
    w->engine->operations->health(w->engine, &health);
    CHECK_EQ(health.answers, 1);
    CHECK_EQ(w->reports_count, 1);
    endpoint_free(w);
}

/* After 0.25, 0.5, 1, 2 ... s, up to 16. */
TEST(a_site_that_fails_is_asked_ever_more_seldom)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->diag, sizeof w->script->diag, "500 {}");
    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    CHECK(requests_in(w, 3 * DR_SECOND_US) <= 4);
    endpoint_free(w);
}

TEST(a_site_that_is_away_comes)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->diag, sizeof w->script->diag,
             "500 {\"errors\": [{\"error\": \"Unspecified error\", \"error_number\": -1}]}");
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_SITE)->answers, 0);
    CHECK_HAS(w->reports[0].text, "slurmctld does not");
    CHECK_EQ(w->script->submits, 0);
    w->script->diag[0] = 0;
    CHECK_EQ(endpoint_wait(w, 1, DR_REPORT_SITE)->answers, 1);
    while (w->script->submits == 0)
        endpoint_step(w, 100);
    endpoint_free(w);
}

TEST(an_error_that_comes_with_a_job_is_none)
{
    struct endpoint *w = endpoint_new();

    snprintf(
        w->script->submit, sizeof w->script->submit,
        "500 {\"errors\": [{\"error_code\": 2015, \"error\": \"Requested node configuration\"}], "
        "\"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "FAILED", OURS, "\"exit_code\": 768") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->exit_code, 3);
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

TEST(a_refusal_ends_the_attempt)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit,
             "500 {\"errors\": [{\"error_code\": 2000, \"error\": \"Invalid partition name\"}]}");
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_ENDED)->text, "Invalid partition name");
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* Each of Slurm's own refusals is final, and says why; an answer that is none is not. */
TEST(refusals_are_told_from_failures)
{
    static const struct {
        int number;
        const char *words;
    } refusals[] = {
        {2000, "Invalid partition name"},
        {2014, "Requested node configuration is not available"},
        {2018, "Invalid node name specified"},
        {2127, "Environment must be set"},
        {9001, "Unable to parse"},
    };
    static const char *const failures[] = {
        "500 {\"errors\": [{\"error\": \"Unspecified error\", \"error_number\": -1}]}",
        "400 not JSON",
        "401 {\"errors\": [{\"error\": \"Authentication failure\"}]}",
        "200 {}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(refusals); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->submit, sizeof w->script->submit,
                 "500 {\"errors\": [{\"error_code\": %d, \"error\": \"%s\"}]}", refusals[i].number,
                 refusals[i].words);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(endpoint_launch(w, 5), DR_OK);
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_LAUNCH_FAILED);
        CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_ENDED)->text, refusals[i].words);
        endpoint_free(w);
    }
    for (size_t i = 0; i < DR_COUNT_OF(failures); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->submit, sizeof w->script->submit, "%s", failures[i]);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(endpoint_launch(w, 5), DR_OK);
        while (w->script->submits == 0)
            endpoint_step(w, 100);
        for (uint32_t report = 0; report < w->reports_count; report += 1)
            CHECK(w->reports[report].kind != DR_REPORT_ENDED);
        /* the site's clock says that the token is over: it is sent again, and taken */
        snprintf(w->script->submit, sizeof w->script->submit,
                 "200 {\"errors\": [], \"job_id\": 9}");
        w->script->clock_ahead_s = 60;
        while (w->script->submits == 1)
            endpoint_step(w, 100);
        snprintf(w->script->jobs, sizeof w->script->jobs,
                 "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
        CHECK_EQ(w->script->submits, 2);
        endpoint_free(w);
    }
}

TEST(nothing_is_concluded_from_nonsense)
{
    static const char *const nonsense[] = {
        "502 <html>Bad Gateway</html>",
        "200 {\"jobs\": [{\"job_id\": \"one\"}]}",
        "200 {\"jobs\": [" JOB(1, "RUNNING", OURS, "\"exit_code\": 0"),
        "200 []",
        "304 ",
    };
    struct dr_engine_health health;

    for (size_t i = 0; i < DR_COUNT_OF(nonsense); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->jobs, sizeof w->script->jobs, "%s", nonsense[i]);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(endpoint_launch(w, 5), DR_OK);
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_SITE)->answers, 0);
        CHECK_EQ(w->reports_count, 1);
        CHECK_EQ(w->script->submits, 0);
        w->engine->operations->health(w->engine, &health);
        CHECK_EQ(health.answers, 0);
        CHECK(health.error[0] != 0);
        endpoint_free(w);
    }
}

/* The connection is cut once the order has arrived, and the site has it: it is found, not resent.
 */
TEST(a_submission_that_was_cut_off_is_looked_for)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* The site does not have it: not sent again before the token is over by the site's clock, and then
 * once. */
TEST(a_lost_submission_waits_for_the_end_of_its_token)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    while (w->script->submits == 0)
        endpoint_step(w, 100);
    /* many looks that do not show it prove nothing */
    endpoint_look(w, 12);
    CHECK_EQ(w->script->submits, 1);
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    while (w->script->submits == 1)
        endpoint_step(w, 100);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->exit_code, 0);
    CHECK_EQ(w->script->submits, 2);
    endpoint_free(w);
}

/* A site whose lists are slow, with a job of ours on it. */
static struct endpoint *endpoint_of_many_jobs(const char *state)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {%40000s\"jobs\": [" JOB(9, "%s", OURS, "\"exit_code\": 0") "]}", "", state);
    snprintf(w->script->one, sizeof w->script->one,
             "200 {\"jobs\": [" JOB(9, "%s", OURS, "\"exit_code\": 0") "]}", state);
    w->script->jobs_once_submitted = 1;
    w->script->jobs_take_ms = 100;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    return w;
}

TEST(one_is_asked_for_alone_where_the_list_is_dear)
{
    struct endpoint *w = endpoint_of_many_jobs("RUNNING");

    snprintf(w->script->one, sizeof w->script->one,
             "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 768") "]}");
    /* the list goes on saying that it runs */
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->exit_code, 3);
    endpoint_free(w);
}

TEST(nobody_is_asked_for_alone_where_the_list_is_cheap)
{
    struct endpoint *w = endpoint_of_many_jobs("RUNNING");

    snprintf(w->script->jobs, sizeof w->script->jobs, "%s", w->script->one);
    endpoint_look(w, 6);
    w->script->ones = 0;
    endpoint_look(w, 20);
    CHECK_EQ(w->script->ones, 0);
    endpoint_free(w);
}

#define LONG_RUNS 18
#define SHORT_RUN 40

/* Jobs of hours, and one that is as old as those that have just ended. */
static void list_of_long_and_short(struct script *script)
{
    size_t used = (size_t)snprintf(script->jobs, sizeof script->jobs, "200 {\"jobs\": [");
    long long now_s = dr_clock_us() / DR_SECOND_US;

    for (int number = 1; number <= SHORT_RUN; number += 1) {
        int ended = number > LONG_RUNS && number < SHORT_RUN;
        long long age_s = number <= LONG_RUNS ? 3600 + 100 * number : 4;

        used += (size_t)snprintf(
            script->jobs + used, sizeof script->jobs - used,
            "%s{\"job_id\": %d, \"job_state\": \"%s\", \"comment\": "
            "\"daero:test:seoul:%d:1:5\", \"name\": \"x\", \"submit_time\": 1, \"restart_cnt\": 0, "
            "\"nodes\": \"seoul1\", \"start_time\": %lld, \"end_time\": %lld, \"exit_code\": 0}",
            number == 1 ? "" : ", ", number, ended ? "COMPLETED" : "RUNNING", number, now_s - age_s,
            now_s);
    }
    snprintf(script->jobs + used, sizeof script->jobs - used, "], \"x\": \"%3000000s\"}", "");
    script->by_number = 1;
}

TEST(those_that_have_likely_ended_are_asked_for_first)
{
    struct endpoint *w = endpoint_new();
    int most = 0;

    list_of_long_and_short(w->script);
    w->script->jobs_take_ms = 1000;
    endpoint_open(w, 5 * DR_SECOND_US);
    while (w->script->ones < 40)
        endpoint_step(w, 50);
    for (int number = 1; number <= LONG_RUNS; number += 1)
        most = w->script->asked[number] > most ? w->script->asked[number] : most;
    if (w->script->asked[SHORT_RUN] < 3 * most)
        fail_msg("the short one %d times, a long one %d", w->script->asked[SHORT_RUN], most);
    CHECK(most > 0);
    endpoint_free(w);
}

/* That it is not there, or nonsense, is no end: a list says so. */
TEST(what_one_answer_lacks_is_no_end)
{
    static const char *const answers[] = {
        "500 {\"errors\": [{\"error_number\": 2017, \"error\": \"Invalid job id specified\"}]}",
        "200 {\"jobs\": []}",
        "200 {\"jobs\": [" JOB(8, "COMPLETED", OURS, "\"exit_code\": 0") "]}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(answers); i += 1) {
        struct endpoint *w = endpoint_of_many_jobs("RUNNING");

        snprintf(w->script->one, sizeof w->script->one, "%s", answers[i]);
        w->script->ones = 0;
        while (w->script->ones < 3)
            endpoint_step(w, 50);
        endpoint_look(w, 3);
        CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
        endpoint_free(w);
    }
}

/* A list that was begun later is the newer one, whichever arrives first. */
TEST(an_answer_that_a_list_overtook_is_dropped)
{
    struct endpoint *w = endpoint_of_many_jobs("PENDING");

    w->script->ones = 0;
    w->script->one_waits = 1;
    while (w->script->ones == 0)
        endpoint_step(w, 50);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    endpoint_wait(w, 0, DR_REPORT_STARTED);
    endpoint_look(w, 4);
    /* or the site would have gone back to before it began */
    CHECK(!endpoint_has_report(w, DR_REPORT_WARNING));
    CHECK_EQ(w->script->cancels, 0);
    endpoint_free(w);
}

/* What an earlier controller decided may be on its way: the same wait, and an adoption. */
TEST(an_order_of_an_earlier_controller_is_looked_for_first)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    CHECK_EQ(endpoint_launch(w, 4), DR_OK);
    endpoint_look(w, 6);
    CHECK_EQ(w->script->submits, 0);
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(8, "CANCELLED", "daero:other:seoul:71:1:5",
                                    "\"exit_code\": 0") "," JOB(9, "COMPLETED",
                                                                "daero:test:seoul:71:1:4",
                                                                "\"exit_code\": 0") "]}");
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(w->script->submits, 0);
    endpoint_free(w);
}

/* An order to a job that the site does not have is answered with an error; a list tells the rest.
 */
TEST(a_cancel_of_what_is_not_there)
{
    static const char *const answers[] = {
        "500 {\"errors\": [{\"error_number\": 2017, \"error\": \"Invalid job id specified\"}]}",
        "500 {\"errors\": [{\"error_number\": 2021, \"error\": \"Job/step already completing\"}]}",
    };

    for (size_t i = 0; i < DR_COUNT_OF(answers); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(w->script->submit, sizeof w->script->submit,
                 "200 {\"errors\": [], \"job_id\": 9}");
        snprintf(w->script->jobs, sizeof w->script->jobs,
                 "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
        snprintf(w->script->order, sizeof w->script->order, "%s", answers[i]);
        w->script->jobs_once_submitted = 1;
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(endpoint_launch(w, 5), DR_OK);
        endpoint_wait(w, 0, DR_REPORT_STARTED);
        CHECK_EQ(w->engine->operations->stop(w->engine, (dr_job_id){71}, 1, 0, 0), DR_OK);
        while (w->script->cancels == 0)
            endpoint_step(w, 50);
        endpoint_look(w, 4);
        CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
        if (i == 0)
            snprintf(w->script->jobs, sizeof w->script->jobs, "200 {\"jobs\": []}");
        else
            snprintf(w->script->jobs, sizeof w->script->jobs,
                     "200 {\"jobs\": [" JOB(9, "COMPLETED", OURS, "\"exit_code\": 0") "]}");
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome,
                 i == 0 ? DR_OUTCOME_STOPPED : DR_OUTCOME_EXITED);
        endpoint_free(w);
    }
}

/* Its owner can change a job's comment, or its name. */
TEST(either_mark_is_enough)
{
    static const char *const jobs[] = {
        "\"comment\": \"mine now\", \"name\": \"" OURS "\"",
        "\"comment\": \"" OURS "\", \"name\": \"mine now\"",
    };

    for (size_t i = 0; i < DR_COUNT_OF(jobs); i += 1) {
        struct endpoint *w = endpoint_new();

        snprintf(
            w->script->jobs, sizeof w->script->jobs,
            "200 {\"jobs\": [{\"job_id\": 9, \"job_state\": \"COMPLETED\", \"submit_time\": 1, "
            "\"restart_cnt\": 0, \"user_name\": \"student\", \"exit_code\": 0, %s}]}",
            jobs[i]);
        endpoint_open(w, DR_SECOND_US);
        CHECK_EQ(endpoint_launch(w, 5), DR_OK);
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_EXITED);
        CHECK_EQ(w->script->submits, 0);
        endpoint_free(w);
    }
}

/* A site that lost its state: what it had is lost once, and its numbers mean other jobs now. */
TEST(a_site_that_lost_its_state)
{
    struct endpoint *w = endpoint_new();

    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    snprintf(w->script->jobs, sizeof w->script->jobs,
             "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    w->script->jobs_once_submitted = 1;
    endpoint_open(w, DR_SECOND_US);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    endpoint_wait(w, 0, DR_REPORT_STARTED);
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("unknown", ""));
    snprintf(
        w->script->jobs, sizeof w->script->jobs,
        "200 {\"jobs\": [{\"job_id\": 9, \"job_state\": \"PENDING\", \"comment\": \"\", \"name\": "
        "\"other\", \"submit_time\": 5, \"restart_cnt\": 0}]}");
    /* it may run on there until the node has registered, and is not over before */
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_REACH)->answers, 0);
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_REACH)->text, "node seoul1 has not reported");
    endpoint_look(w, 20);
    CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_NODE_FAILED);
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_ENDED)->text, "does not know it any more");
    CHECK_EQ(w->script->submits, 1);
    endpoint_free(w);
}

/* A slurmctld that has just started knows of no node how it is: nothing new goes there, and what
 * runs there is not taken for lost. */
TEST(a_node_that_the_site_has_not_heard_of_yet_is_not_down)
{
    static const struct dr_engine_node node = {
        .name = "seoul1", .partition = "", .gres = "", .cpus_milli = 4000, .memory_mb = 1024};
    struct endpoint *w = endpoint_new();
    uint32_t from;

    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("unknown", ""));
    endpoint_open(w, DR_SECOND_US);
    w->engine->operations->declare(w->engine, &node, 1);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_NODE)->node_down, 0);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_NODE)->node_drained, 1);
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_NODE)->text, "not heard of yet");

    from = w->reports_count;
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    CHECK_EQ(endpoint_wait(w, from, DR_REPORT_NODE)->node_drained, 0);
    from = w->reports_count;
    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("down", ""));
    CHECK_EQ(endpoint_wait(w, from, DR_REPORT_NODE)->node_down, 1);
    endpoint_free(w);
}

/* What else the site says of a node: nothing new goes there, and what runs there runs on. */
TEST(a_node_with_a_flag_takes_nothing_new)
{
    static const char *const flags[] = {
        "DRAIN",         "FAIL",           "MAINTENANCE",      "REBOOT_ISSUED", "POWERED_DOWN",
        "POWERING_DOWN", "NOT_RESPONDING", "REBOOT_REQUESTED", "INVALID_REG"};
    static const struct dr_engine_node node = {
        .name = "seoul1", .partition = "", .gres = "", .cpus_milli = 4000, .memory_mb = 1024};
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    w->engine->operations->declare(w->engine, &node, 1);
    for (size_t i = 0; i < DR_COUNT_OF(flags); i += 1) {
        const struct dr_report *said;

        w->reports_count = 0;
        snprintf(w->script->nodes, sizeof w->script->nodes, NODE("mixed", "\"CLOUD\", \"%s\""),
                 flags[i]);
        said = endpoint_wait(w, 0, DR_REPORT_NODE);
        CHECK_EQ(said->node_down, 0);
        CHECK_EQ(said->node_drained, 1);
        CHECK_HAS(said->text, i == 0 ? "drained" : flags[i]);
        w->reports_count = 0;
        snprintf(w->script->nodes, sizeof w->script->nodes, NODE("mixed", "\"CLOUD\""));
        CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_NODE)->node_drained, 0);
    }
    endpoint_free(w);
}

/* Drained at the site, a controller's restart, resumed there meanwhile: the controller hears of it.
 */
TEST(a_node_that_came_back_unheard_is_told)
{
    static const struct dr_engine_node node = {.name = "seoul1",
                                               .partition = "",
                                               .gres = "",
                                               .cpus_milli = 4000,
                                               .memory_mb = 1024,
                                               .drained = 1};
    struct endpoint *w = endpoint_new();

    snprintf(w->script->nodes, sizeof w->script->nodes, NODE("idle", ""));
    endpoint_open(w, DR_SECOND_US);
    w->engine->operations->declare(w->engine, &node, 1);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_NODE)->node_drained, 0);
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_NODE)->node_down, 0);
    endpoint_free(w);
}

TEST(options_that_can_not_be)
{
    static const char *const urls[] = {"https://127.0.0.1:1",
                                       "http://slurm.example:1",
                                       "http://127.0.0.1:1/slurm",
                                       "unix:relative",
                                       "127.0.0.1:1",
                                       ""};
    struct dr_engine *engine = NULL;
    struct dr_error error = {0};
    char path[256];
    FILE *key;

    snprintf(path, sizeof path, "%s/key", test_directory());
    key = fopen(path, "w");
    CHECK(key != NULL);
    fprintf(key, "k");
    fclose(key);
    for (size_t i = 0; i < DR_COUNT_OF(urls); i += 1) {
        struct dr_slurm_options options = {.federation = "a",
                                           .site = "b",
                                           .url = urls[i],
                                           .key_file = path,
                                           .user = "root",
                                           .conf = ""};

        CHECK_EQ(dr_slurm_open(&engine, &options, &error), DR_E_INPUT);
        CHECK_TEXT(error.field, "url");
        CHECK_TEXT(error.found, urls[i]);
    }
}

/* ---- engines that leave submissions behind; the next one waits for their tokens ---- */

/* A look that was asked for a second too early by the site's clock proves nothing, and another
 * follows.
 */
TEST(a_site_whose_clock_is_behind)
{
    struct endpoint *w = endpoint_new();

    w->script->clock_ahead_s = -1;
    endpoint_open(w, DR_SECOND_US);
    endpoint_wait(w, 0, DR_REPORT_SITE);
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    endpoint_wait_for_submits(w, 1);
    endpoint_wait_for_submits(w, 2);
    endpoint_free(w);
}

/* The next controller, which is given the order that the one before decided. */
static void lead_again(struct endpoint *w)
{
    endpoint_reopen(w);
    CHECK_EQ(endpoint_launch(w, 4), DR_OK);
}

TEST(what_was_not_sent_before_a_restart_is_sent_at_once)
{
    struct endpoint *w = endpoint_that_keeps("unsent", 500);

    lead_again(w);
    endpoint_wait_for_submits(w, 1);
    endpoint_free(w);
}

/* However many controllers come and go meanwhile. */
TEST(what_was_sent_waits_for_its_own_token)
{
    struct endpoint *w = endpoint_that_keeps("sent", 500);

    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    endpoint_wait_for_submits(w, 1); /* and is cut off */
    lead_again(w);
    endpoint_look(w, 12);
    CHECK_EQ(w->script->submits, 1);
    w->script->clock_ahead_s = 2000; /* the next one's first look is after the token's end */
    lead_again(w);
    endpoint_wait_for_submits(w, 2);
    endpoint_free(w);
}

TEST(an_order_from_before_the_file_waits_once)
{
    struct endpoint *w = endpoint_that_keeps("before", -100);

    lead_again(w);
    endpoint_look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    w->script->clock_ahead_s = 2000;
    lead_again(w);
    endpoint_wait_for_submits(w, 1);
    endpoint_free(w);
}

TEST(a_copied_or_cut_file_is_not_believed)
{
    struct endpoint *w = endpoint_that_keeps("copy", 500);
    char line[800];

    snprintf(line, sizeof line, "cp %s %s.2 && mv %s.2 %s", w->sent_file, w->sent_file,
             w->sent_file, w->sent_file);
    CHECK_EQ(system(line), 0);
    lead_again(w);
    endpoint_look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    snprintf(line, sizeof line, "truncate -s -1 %s", w->sent_file);
    CHECK_EQ(system(line), 0);
    lead_again(w);
    endpoint_look(w, 12);
    CHECK_EQ(w->script->submits, 0);
    endpoint_free(w);
}
