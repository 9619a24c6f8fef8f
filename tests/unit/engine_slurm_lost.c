/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm engine against an endpoint: a site that went back to an older state and gives numbers
 * out again. What was lost is over when nothing of it can run on, and not before, whoever has its
 * number by then; README.md of src/engine, "What slurmctld forgets". */
#include "slurm_endpoint.h"
#include "test.h"

#define OTHER(state)                                                                    \
    "200 {\"jobs\": [{\"job_id\": 9, \"job_state\": \"" state "\", \"comment\": \"\", " \
    "\"name\": \"other\", \"submit_time\": 5, \"restart_cnt\": 0, \"nodes\": \"seoul2\"}]}"

/* Longer than what is killed as its node registers is given to die. */
#define KILLED_US (7 * DR_SECOND_US)

static void say_jobs(struct endpoint *w, const char *answer)
{
    snprintf(w->script->jobs, sizeof w->script->jobs, "%s", answer);
}

static void say_nodes(struct endpoint *w, const char *answer)
{
    snprintf(w->script->nodes, sizeof w->script->nodes, "%s", answer);
}

/* An attempt runs there under the number 9. */
static void run_under_9(struct endpoint *w)
{
    snprintf(w->script->submit, sizeof w->script->submit, "200 {\"errors\": [], \"job_id\": 9}");
    say_jobs(w, "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    w->script->jobs_once_submitted = 1;
    CHECK_EQ(endpoint_launch(w, 5), DR_OK);
    endpoint_wait(w, 0, DR_REPORT_STARTED);
}

static void expect_it(struct endpoint *w)
{
    static const struct dr_launch_node node = {.name = "seoul1", .tasks = 1};

    w->engine->operations->expect(w->engine, &(struct dr_engine_expected){.job = {71},
                                                                          .attempt = 1,
                                                                          .begun = 1,
                                                                          .partition = "",
                                                                          .nodes = &node,
                                                                          .nodes_count = 1});
}

static void pass(struct endpoint *w, int64_t time_us)
{
    int64_t until_us = dr_monotonic_us() + time_us;

    while (dr_monotonic_us() < until_us)
        endpoint_step(w, 50);
}

static void check_not_over(struct endpoint *w)
{
    pass(w, KILLED_US);
    CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_REACH)->text, "its number");
}

/* slurmctld spares what a node says it runs under the number of a job that has just ended. */
TEST(its_number_is_that_of_a_job_that_has_ended)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    run_under_9(w);
    say_jobs(w, OTHER("COMPLETED"));
    check_not_over(w);
    endpoint_free(w);
}

/* The next controller's engine has not seen it, and knows the number. */
TEST(its_number_is_known_after_a_restart)
{
    struct endpoint *w = endpoint_that_keeps("number", 500);

    run_under_9(w);
    say_jobs(w, OTHER("COMPLETED"));
    endpoint_reopen(w);
    w->script->nothing_new = 1; /* the other job is in no list of what has changed */
    endpoint_look(w, 4);
    expect_it(w);
    check_not_over(w);
    endpoint_free(w);
}

/* Also where it was adopted, by an engine that had not sent it. */
TEST(its_number_is_known_after_two_restarts)
{
    struct endpoint *w = endpoint_that_keeps("number2", 500);

    w->script->submits = 1;
    say_jobs(w, "200 {\"jobs\": [" JOB(9, "RUNNING", OURS, "\"exit_code\": 0") "]}");
    endpoint_reopen(w);
    endpoint_wait(w, 0, DR_REPORT_STARTED);
    say_jobs(w, OTHER("COMPLETED"));
    endpoint_reopen(w);
    expect_it(w);
    check_not_over(w);
    endpoint_free(w);
}

/* Who has the number is followed from its waiting to its end, for as long as the node is away. */
TEST(its_number_waits_and_ends_before_the_node_is_back)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    run_under_9(w);
    say_nodes(w, NODE("unknown", ""));
    say_jobs(w, OTHER("PENDING"));
    CHECK_HAS(endpoint_wait(w, 0, DR_REPORT_REACH)->text, "node seoul1 has not reported");
    say_jobs(w, OTHER("COMPLETED"));
    endpoint_look(w, 30);
    say_nodes(w, NODE("idle", ""));
    pass(w, 5 * DR_SECOND_US / 2);
    CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
    w->reports_count = 0;
    expect_it(w); /* which has it said again, in today's words */
    check_not_over(w);
    endpoint_free(w);
}

/* One that had not begun when the node registered spares nobody, whatever becomes of it. */
TEST(its_number_waits_when_the_node_is_back)
{
    struct endpoint *w = endpoint_new();

    endpoint_open(w, DR_SECOND_US);
    run_under_9(w);
    say_jobs(w, OTHER("PENDING"));
    pass(w, 5 * DR_SECOND_US / 2); /* the nodes are asked for each second */
    CHECK(!endpoint_has_report(w, DR_REPORT_ENDED));
    say_jobs(w, OTHER("COMPLETED"));
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->outcome, DR_OUTCOME_NODE_FAILED);
    endpoint_free(w);
}

/* A number that the site gives to an attempt of ours was lost by the one that had it. */
TEST(its_number_is_given_to_another_of_ours)
{
    struct endpoint *w = endpoint_new();
    struct dr_launch order = endpoint_order(5);
    struct dr_error error = {0};

    endpoint_open(w, DR_SECOND_US);
    run_under_9(w);
    w->script->nothing_new = 1; /* the next list comes after the answer */
    endpoint_look(w, 4);
    order.job.v = 72;
    CHECK_EQ(w->engine->operations->launch(w->engine, &order, &error), DR_OK);
    endpoint_wait_for_submits(w, 2);
    say_jobs(w, "200 {\"jobs\": [" JOB(9, "COMPLETED", "daero:test:seoul:72:1:5",
                                       "\"exit_code\": 0") "]}");
    w->script->nothing_new = 0;
    CHECK_EQ(endpoint_wait(w, 0, DR_REPORT_ENDED)->job.v, 72);
    w->reports_count = 0;
    check_not_over(w);
    endpoint_free(w);
}
