/* SPDX-License-Identifier: Apache-2.0 */
/* The live loop over a site in memory, with the real store: what clients are told, what engines are
 * told, and when. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live_world.h"
#include "test.h"

static void open_world(struct live_world *world, uint32_t nodes, uint32_t accelerators)
{
    struct dr_error error = {0};
    char line[1024];

    live_init(world, nodes, accelerators);
    if (live_open(world, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

static void open_again(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];

    live_close(world);
    if (live_open(world, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

static enum dr_job_state state_of(struct live_world *world, uint64_t job)
{
    int known;
    enum dr_job_state state = live_state(world, job, &known);

    CHECK(known);
    return state;
}

static void note_done(struct dr_request *request)
{
    *(int *)request->context = 1;
}

TEST(a_job_runs_and_ends)
{
    struct live_world world;
    uint64_t job;

    open_world(&world, 2, 4);
    job = live_submit(&world, &(struct live_job){.accelerators = 2, .run_us = 5 * DR_SECOND_US},
                      NULL, NULL);
    CHECK_EQ(job, 1);
    CHECK_EQ(live_run(&world, 2 * DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, job), DR_JOB_RUNNING);
    CHECK_EQ(live_run(&world, 5 * DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
    CHECK_EQ(world.site->starts, 1);
    CHECK(live_attempt(&world, job, 1)->forgotten);
    CHECK_EQ(dr_core_hash(dr_controller_core(world.controller)), live_hash_of_facts(&world));
    live_deinit(&world);
}

TEST(a_failing_job_fails_and_a_long_one_is_ended_at_its_limit)
{
    struct live_world world;
    uint64_t failing;
    uint64_t slow;

    open_world(&world, 1, 4);
    failing = live_submit(&world, &(struct live_job){.exit_code = 3}, NULL, NULL);
    slow =
        live_submit(&world, &(struct live_job){.run_us = DR_HOUR_US, .limit_us = 10 * DR_SECOND_US},
                    NULL, NULL);
    CHECK(live_drain(&world, DR_MINUTE_US));
    CHECK_EQ(state_of(&world, failing), DR_JOB_FAILED);
    CHECK_EQ(state_of(&world, slow), DR_JOB_TIMEOUT);
    live_deinit(&world);
}

struct durable {
    struct live_world *world;
    uint64_t seq;
    int done;
};

static void note_durable(struct dr_request *request)
{
    struct durable *durable = request->context;

    durable->seq = dr_controller_durable_seq(durable->world->controller);
    durable->done = 1;
}

/* An answer that left before its facts are kept could be lost with them. */
TEST(an_answer_comes_after_its_facts_are_durable)
{
    struct live_world world;
    struct live_request request;
    struct durable durable = {.world = &world};
    const struct dr_core *core;

    open_world(&world, 1, 4);
    live_request_fill(&request, &(struct live_job){.hold = 1});
    request.request.done = note_durable;
    request.request.context = &durable;
    dr_controller_ask(world.controller, &request.request);
    CHECK_EQ(durable.done, 0);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(durable.done, 1);
    core = dr_controller_core(world.controller);
    CHECK(durable.seq >= core->jobs[dr_job_find(core, request.answer.job).v].submit_seq);
    live_deinit(&world);
}

TEST(a_refusal_changes_nothing)
{
    struct live_world world;
    struct live_request request;
    uint64_t seq;

    open_world(&world, 1, 4);
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    seq = dr_core_seq(dr_controller_core(world.controller));
    live_request_fill(&request, &(struct live_job){0});
    request.command.body.submit.account = 1; /* not a leaf */
    dr_controller_ask(world.controller, &request.request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.request.result, DR_REQUEST_REFUSED);
    CHECK(request.answer.refused != DR_REFUSAL_NONE);
    CHECK_EQ(dr_core_seq(dr_controller_core(world.controller)), seq);
    live_deinit(&world);
}

TEST(a_list_is_admitted_whole_or_not_at_all)
{
    struct live_world world;
    struct live_request jobs[3];
    struct dr_command commands[3];
    struct dr_answer answers[3];
    const char *texts[3];
    int done = 0;
    struct dr_request request = {
        .commands = commands,
        .count = 3,
        .answers = answers,
        .texts = texts,
        .texts_count = 3,
    };

    open_world(&world, 1, 4);
    for (uint32_t i = 0; i < 3; i += 1) {
        live_request_fill(&jobs[i], &(struct live_job){.hold = 1});
        commands[i] = jobs[i].command;
        commands[i].body.submit.text = i + 1;
        texts[i] = jobs[i].text;
    }
    request.done = note_done;
    request.context = &done;
    commands[2].body.submit.account = 1;
    dr_controller_ask(world.controller, &request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(done, 1);
    CHECK_EQ(request.result, DR_REQUEST_REFUSED);
    CHECK_EQ(answers[0].refused, DR_REFUSAL_NONE);
    CHECK(answers[2].refused != DR_REFUSAL_NONE);
    CHECK_EQ(dr_controller_core(world.controller)->job_id_last, 0);

    commands[2].body.submit.account = 2;
    dr_controller_ask(world.controller, &request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.result, DR_REQUEST_DONE);
    for (uint32_t i = 0; i < 3; i += 1) {
        const struct dr_core *core = dr_controller_core(world.controller);
        dr_job_row row = dr_job_find(core, answers[i].job);

        CHECK_EQ(answers[i].job.v, i + 1);
        CHECK_TEXT(dr_controller_text(world.controller, core->jobs[row.v].text), texts[i]);
    }
    live_deinit(&world);
}

/* Each of the list would pass alone; together they would take the account past its limit. */
TEST(a_list_that_would_pass_an_accounts_number_of_jobs_is_refused_whole)
{
    enum { MAX = 4 };
    struct live_world world;
    struct live_request jobs[MAX];
    struct dr_command commands[MAX];
    struct dr_answer answers[MAX];
    int done = 0;
    struct dr_request request = {
        .commands = commands, .answers = answers, .done = note_done, .context = &done};
    struct dr_core *core;

    open_world(&world, 1, 4);
    core = dr_controller_core(world.controller);
    core->settings.default_jobs_max = MAX;
    for (uint32_t i = 0; i < MAX; i += 1) {
        live_request_fill(&jobs[i], &(struct live_job){.hold = 1});
        commands[i] = jobs[i].command;
        commands[i].body.submit.text = 0;
    }
    CHECK(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL) != 0);
    for (int singleton = 0; singleton < 2; singleton += 1) { /* judged by each, and by a trial */
        struct dr_dependency alone = {DR_DEPENDENCY_SINGLETON, {0}};

        commands[1].body.submit.dependencies = &alone;
        commands[1].body.submit.dependencies_count = (uint32_t)singleton;
        memset(answers, 0xff, sizeof answers);
        request.count = MAX; /* with the one that there is: one more than the limit */
        dr_controller_ask(world.controller, &request);
        CHECK_EQ(live_turn(&world), DR_OK);
        CHECK_EQ(request.result, DR_REQUEST_REFUSED);
        CHECK_EQ(answers[0].refused, DR_REFUSAL_LIMIT);
        CHECK_TEXT(answers[0].field, "account");
        CHECK_HAS(answers[0].text, "alpha has 1 jobs that have not ended; with 4 more");
        for (uint32_t i = 1; i < MAX; i += 1)
            CHECK_EQ(answers[i].refused, DR_REFUSAL_NONE); /* said once */
        CHECK_EQ(core->job_id_last, 1);
    }
    commands[1].body.submit.dependencies_count = 0;
    request.count = MAX - 1; /* at the limit */
    dr_controller_ask(world.controller, &request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.result, DR_REQUEST_DONE);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, &answers[0], NULL), 0);
    CHECK_EQ(answers[0].refused, DR_REFUSAL_LIMIT);
    CHECK(live_submit(&world, &(struct live_job){.account = "beta", .hold = 1}, NULL, NULL) != 0);
    live_deinit(&world);
}

/* Each passes alone, the second not after the first: only a trial of the whole list finds it. */
TEST(a_list_whose_commands_bear_on_one_another_is_tried_out_whole)
{
    struct live_world world;
    struct dr_command commands[2];
    struct dr_answer answers[2];
    int done = 0;
    struct dr_request request = {
        .commands = commands, .count = 2, .answers = answers, .done = note_done, .context = &done};
    const struct dr_core *core;
    uint64_t seq;

    open_world(&world, 1, 4);
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    core = dr_controller_core(world.controller);
    for (uint32_t i = 0; i < 2; i += 1) {
        commands[i] = (struct dr_command){.kind = DR_COMMAND_DECLARE, .roles = 0xff};
        commands[i].body.declare.kind = DR_FACT_USER_SET;
        dr_copy_name(commands[i].body.declare.user_set.name, "grace");
        commands[i].body.declare.user_set.uid = DR_NO_UID;
    }
    seq = dr_core_seq(core);
    dr_controller_ask(world.controller, &request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(done, 1);
    CHECK_EQ(request.result, DR_REQUEST_REFUSED);
    CHECK_EQ(answers[0].refused, DR_REFUSAL_NONE);
    CHECK_EQ(answers[1].refused, DR_REFUSAL_INVALID);
    CHECK_EQ(dr_core_seq(core), seq);
    CHECK_EQ(core->users_count, 1);

    dr_copy_name(commands[1].body.declare.user_set.name, "joan");
    dr_controller_ask(world.controller, &request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.result, DR_REQUEST_DONE);
    CHECK_EQ(core->users_count, 3);
    CHECK_EQ(answers[1].id, 3);
    live_deinit(&world);
}

TEST(a_text_that_is_too_large_is_refused)
{
    struct live_world world;
    struct live_request request;
    char *large = malloc((2u << 20) + 1);

    CHECK(large != NULL);
    memset(large, 'x', 2u << 20);
    large[2u << 20] = 0;
    open_world(&world, 1, 4);
    live_request_fill(&request, &(struct live_job){.hold = 1});
    request.text = large;
    dr_controller_ask(world.controller, &request.request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.request.result, DR_REQUEST_REFUSED);
    CHECK_EQ(request.answer.refused, DR_REFUSAL_LIMIT);
    CHECK_EQ(dr_controller_core(world.controller)->job_id_last, 0);
    free(large);
    live_deinit(&world);
}

TEST(a_retried_request_gets_the_same_job)
{
    struct live_world world;
    struct live_request first;
    struct live_request second;
    struct live_request other;
    struct live_job job = {.retry_key = "k1"};
    enum dr_request_result result;

    open_world(&world, 1, 4);
    /* Twice within one turn. */
    live_request_fill(&first, &job);
    live_request_fill(&second, &job);
    dr_controller_ask(world.controller, &first.request);
    dr_controller_ask(world.controller, &second.request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(first.request.result, DR_REQUEST_DONE);
    CHECK_EQ(second.request.result, DR_REQUEST_REPEATED);
    CHECK_EQ(second.answer.job.v, first.answer.job.v);
    /* Later, and after a restart. */
    CHECK_EQ(live_submit(&world, &job, NULL, &result), first.answer.job.v);
    CHECK_EQ(result, DR_REQUEST_REPEATED);
    open_again(&world);
    CHECK_EQ(live_submit(&world, &job, NULL, &result), first.answer.job.v);
    CHECK_EQ(result, DR_REQUEST_REPEATED);
    CHECK_EQ(dr_controller_core(world.controller)->job_id_last, 1);
    /* The same key with another request. */
    live_request_fill(&other, &job);
    other.request.retry_request[0] ^= 1;
    dr_controller_ask(world.controller, &other.request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(other.request.result, DR_REQUEST_CONFLICT);
    CHECK_EQ(dr_controller_core(world.controller)->job_id_last, 1);
    live_deinit(&world);
}

/* A refusal is no answer to keep: the client mends what was wrong and may use the key again. */
TEST(a_refused_request_does_not_use_its_key_up)
{
    struct live_world world;
    struct live_request request;
    enum dr_request_result result;

    open_world(&world, 1, 4);
    live_request_fill(&request, &(struct live_job){.retry_key = "k1"});
    request.command.body.submit.account = 1;
    dr_controller_ask(world.controller, &request.request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(request.request.result, DR_REQUEST_REFUSED);
    CHECK_EQ(live_submit(&world, &(struct live_job){.retry_key = "k1"}, NULL, &result), 1);
    CHECK_EQ(result, DR_REQUEST_DONE);
    live_deinit(&world);
}

TEST(a_clock_that_steps_back_is_held)
{
    struct live_world world;
    uint64_t job;
    int64_t before_us;

    open_world(&world, 1, 4);
    CHECK_EQ(live_run(&world, 10 * DR_SECOND_US), DR_OK);
    before_us = dr_controller_now_us(world.controller);
    world.site->wall_us -= DR_HOUR_US;
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK(dr_controller_now_us(world.controller) >= before_us);
    CHECK_EQ(dr_controller_figures(world.controller)->clock_steps_back, 1);
    job = live_submit(&world, &(struct live_job){.run_us = 3 * DR_SECOND_US}, NULL, NULL);
    CHECK(live_drain(&world, DR_MINUTE_US));
    CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
    /* Time has gone on, more slowly, and the facts never went back. */
    CHECK(dr_controller_now_us(world.controller) > before_us);
    open_again(&world);
    CHECK(dr_controller_now_us(world.controller) > before_us);
    live_deinit(&world);
}

TEST(a_launch_that_can_never_be_carried_out_fails_the_job)
{
    struct live_world world;
    uint64_t job;

    open_world(&world, 1, 4);
    world.site->refuse_launch = 1;
    job = live_submit(&world, &(struct live_job){0}, NULL, NULL);
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, job), DR_JOB_FAILED);
    CHECK_EQ(world.site->starts, 0);
    live_deinit(&world);
}

/* The engine says of every order that it does not know whether it was kept: it is given again. */
TEST(an_order_of_unknown_fate_is_given_again_and_carried_out_once)
{
    struct live_world world;

    open_world(&world, 2, 8);
    world.site->doubt_percent = 60;
    for (uint32_t i = 0; i < 20; i += 1)
        CHECK_EQ(live_submit(&world, &(struct live_job){.accelerators = 1}, NULL, NULL), i + 1);
    CHECK(live_drain(&world, DR_HOUR_US));
    for (uint64_t job = 1; job <= 20; job += 1) {
        CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
        CHECK(live_attempt(&world, job, 2) == NULL);
    }
    CHECK_EQ(world.site->starts, 20);
    CHECK_EQ(world.site->doubled_launches, 0);
    live_deinit(&world);
}

/* Cancelled while the launch order waits to be given again: it must never start, and it ends. */
TEST(a_job_whose_order_never_arrived_can_be_cancelled)
{
    struct live_world world;
    struct dr_command cancel;
    uint64_t job;

    open_world(&world, 1, 4);
    world.site->drop_launch = 1;
    job = live_submit(&world, &(struct live_job){0}, NULL, NULL);
    CHECK_EQ(state_of(&world, job), DR_JOB_CONFIGURING);
    cancel = live_command_of(DR_COMMAND_CANCEL, job);
    CHECK(live_command(&world, &cancel, NULL));
    world.site->drop_launch = 0;
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, job), DR_JOB_CANCELLED);
    CHECK_EQ(live_run(&world, DR_MINUTE_US), DR_OK);
    CHECK_EQ(world.site->starts, 0);
    live_deinit(&world);
}

TEST(a_cancelled_job_is_told_to_leave_and_its_end_is_awaited)
{
    struct live_world world;
    struct dr_command cancel;
    uint64_t running;
    uint64_t held;

    open_world(&world, 1, 4);
    running = live_submit(&world, &(struct live_job){.run_us = DR_HOUR_US, .limit_us = DR_DAY_US},
                          NULL, NULL);
    held = live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL);
    CHECK_EQ(live_run(&world, 2 * DR_SECOND_US), DR_OK);
    cancel = live_command_of(DR_COMMAND_CANCEL, running);
    CHECK(live_command(&world, &cancel, NULL));
    CHECK_EQ(state_of(&world, running), DR_JOB_COMPLETING);
    cancel = live_command_of(DR_COMMAND_CANCEL, held);
    CHECK(live_command(&world, &cancel, NULL));
    CHECK_EQ(state_of(&world, held), DR_JOB_CANCELLED);
    CHECK_EQ(live_run(&world, 15 * DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, running), DR_JOB_CANCELLED);
    CHECK_EQ(live_attempt(&world, running, 1)->outcome, DR_OUTCOME_STOPPED);
    live_deinit(&world);
}

TEST(attempts_run_on_while_the_controller_is_away)
{
    struct live_world world;
    uint64_t ended;
    uint64_t running;

    open_world(&world, 2, 4);
    ended = live_submit(&world, &(struct live_job){.run_us = 5 * DR_SECOND_US}, NULL, NULL);
    running = live_submit(&world, &(struct live_job){.run_us = 60 * DR_SECOND_US}, NULL, NULL);
    CHECK_EQ(live_run(&world, 2 * DR_SECOND_US), DR_OK);
    live_close(&world);
    world.site->wall_us += 30 * DR_SECOND_US;
    world.site->monotonic_us += 30 * DR_SECOND_US;
    open_again(&world);
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, ended), DR_JOB_COMPLETED);
    CHECK_EQ(state_of(&world, running), DR_JOB_RUNNING);
    CHECK(live_drain(&world, DR_HOUR_US));
    CHECK_EQ(state_of(&world, running), DR_JOB_COMPLETED);
    CHECK_EQ(world.site->starts, 2);
    CHECK_EQ(world.site->old_epochs, 0);
    live_deinit(&world);
}

TEST(an_attempt_that_its_site_lost_runs_again)
{
    struct live_world world;
    uint64_t job;

    open_world(&world, 2, 4);
    job = live_submit(&world, &(struct live_job){.run_us = 20 * DR_SECOND_US}, NULL, NULL);
    CHECK_EQ(live_run(&world, 2 * DR_SECOND_US), DR_OK);
    live_close(&world);
    world.site->attempts[0].lost = 1;
    world.site->attempts[0].ended = 1;
    open_again(&world);
    CHECK(live_drain(&world, DR_HOUR_US));
    CHECK_EQ(state_of(&world, job), DR_JOB_COMPLETED);
    CHECK(live_attempt(&world, job, 2) != NULL);
    CHECK_EQ(world.site->starts, 2);
    live_deinit(&world);
}

TEST(an_attempt_that_nobody_knows_is_stopped)
{
    struct live_world world;
    struct live_attempt *stranger;

    open_world(&world, 2, 4);
    live_close(&world);
    stranger = &world.site->attempts[0];
    stranger->job = 4711;
    stranger->attempt = 2;
    stranger->started = 1;
    stranger->end_us = world.site->wall_us + DR_DAY_US;
    world.site->attempts_count = 1;
    open_again(&world);
    CHECK_EQ(live_run(&world, 2 * DR_SECOND_US), DR_OK);
    CHECK(stranger->ended);
    CHECK_EQ(stranger->outcome, DR_OUTCOME_STOPPED);
    CHECK(stranger->forgotten);
    live_deinit(&world);
}

TEST(an_ended_job_leaves_the_state_and_stays_in_the_history)
{
    struct live_world world;
    struct dr_store_history row;
    uint64_t job;

    open_world(&world, 1, 4);
    job = live_submit(&world, &(struct live_job){.accelerators = 2, .exit_code = 7}, NULL, NULL);
    CHECK_EQ(live_run(&world, 3 * DR_SECOND_US), DR_OK);
    CHECK_EQ(dr_store_history_find(dr_controller_store(world.controller), job, &row), DR_OK);
    CHECK_EQ(row.state, DR_JOB_FAILED);
    CHECK_EQ(row.exit_code, 7);
    CHECK_EQ(row.accelerators, 2000);
    CHECK_EQ(row.attempts, 1);
    CHECK_EQ(row.site, 1);
    CHECK(row.start_time_us >= row.submit_time_us && row.end_time_us > row.start_time_us);
    world.site->wall_us += 2 * DR_HOUR_US;
    world.site->monotonic_us += 2 * DR_HOUR_US;
    CHECK_EQ(live_run(&world, 2 * DR_MINUTE_US), DR_OK);
    CHECK_EQ(dr_job_find(dr_controller_core(world.controller), (dr_job_id){job}).v, DR_ROW_NONE);
    CHECK_EQ(state_of(&world, job), DR_JOB_FAILED);
    live_deinit(&world);
}

TEST(an_erased_text_is_gone_at_once_and_after_a_restart)
{
    struct live_world world;
    struct dr_command erase = live_command_of(DR_COMMAND_ERASE, 0);
    const struct dr_core *core;
    uint64_t text;
    uint64_t job;

    open_world(&world, 1, 4);
    job = live_submit(&world, &(struct live_job){.hold = 1, .name = "secret"}, NULL, NULL);
    core = dr_controller_core(world.controller);
    text = core->jobs[dr_job_find(core, (dr_job_id){job}).v].text;
    CHECK_HAS(dr_controller_text(world.controller, text), "secret");
    erase.body.declare = (struct dr_fact){.kind = DR_FACT_TEXT_ERASED};
    erase.body.declare.text_erased.text = text;
    CHECK(live_command(&world, &erase, NULL));
    CHECK(dr_controller_text(world.controller, text) == NULL);
    open_again(&world);
    CHECK(dr_controller_text(world.controller, text) == NULL);
    /* Released, it can't be launched any more: it fails, and does not run something else. */
    erase = live_command_of(DR_COMMAND_RELEASE, job);
    CHECK(live_command(&world, &erase, NULL));
    CHECK_EQ(live_run(&world, DR_SECOND_US), DR_OK);
    CHECK_EQ(state_of(&world, job), DR_JOB_FAILED);
    CHECK_EQ(world.site->starts, 0);
    live_deinit(&world);
}

/* What the system does when it refuses to write: the process ends, nobody was told anything. */
TEST(a_store_that_can_not_write_stops_the_loop_without_an_answer)
{
    struct live_world world;
    struct dr_error error = {0};
    pid_t child;
    int status = 0;

    open_world(&world, 1, 4);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL), 1);
    live_close(&world);
    child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
        struct live_request request;

        if (live_open(&world, &error) != DR_OK)
            _exit(2);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        live_request_fill(&request, &(struct live_job){.hold = 1});
        dr_controller_ask(world.controller, &request.request);
        if (dr_controller_turn(world.controller, 0, &error) == DR_OK)
            _exit(3);
        if (request.done)
            _exit(4);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    open_again(&world);
    CHECK_EQ(dr_controller_core(world.controller)->job_id_last, 1);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL), 2);
    live_deinit(&world);
}

TEST(a_second_controller_on_the_directory_is_refused)
{
    struct live_world world;
    struct dr_error error = {0};
    pid_t child;
    int status = 0;

    open_world(&world, 1, 4);
    child = fork();
    if (child == 0) {
        world.controller = NULL;
        _exit(live_open(&world, &error) == DR_E_LEASE ? 0 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(live_submit(&world, &(struct live_job){.hold = 1}, NULL, NULL), 1);
    live_deinit(&world);
}

TEST(a_federation_file_for_an_existing_directory_is_refused)
{
    struct live_world world;
    struct dr_controller *controller = NULL;
    struct dr_error error = {0};

    open_world(&world, 1, 4);
    live_close(&world);
    CHECK_EQ(dr_controller_open(&controller, &world.options, "federation.yaml", &error),
             DR_E_EXISTS);
    CHECK_HAS(error.expected, "daero apply");
    live_deinit(&world);
}

TEST(who_was_heard_before_the_end_is_answered)
{
    struct live_world world;
    struct dr_error error = {0};
    struct live_request request;

    open_world(&world, 1, 4);
    live_request_fill(&request, &(struct live_job){.hold = 1});
    dr_controller_ask(world.controller, &request.request);
    dr_controller_stop(world.controller);
    CHECK_EQ(dr_controller_run(world.controller, &error), DR_OK);
    CHECK_EQ(request.done, 1);
    CHECK_EQ(request.answer.job.v, 1);
    live_deinit(&world);
}

enum { LIST = 1000, LISTS = 18 };

struct list {
    struct dr_command commands[LIST];
    struct dr_answer answers[LIST];
    struct dr_request request;
    int done;
};

static void fill_list(struct list *list, const struct live_request *one)
{
    for (uint32_t i = 0; i < LIST; i += 1)
        list->commands[i] = one->command;
    list->done = 0;
    list->request = (struct dr_request){
        .commands = list->commands,
        .count = LIST,
        .answers = list->answers,
        .texts = &one->text,
        .texts_count = 1,
        .done = note_done,
        .context = &list->done,
    };
}

/* More than one transaction may hold: cut between requests, all in one turn; and a list that the
 * table has no room for is refused whole. */
TEST(a_turn_with_too_much_to_do_is_cut_into_several_transactions)
{
    struct live_world world;
    struct live_request one;
    struct list *lists = calloc(LISTS + 2, sizeof *lists);
    const struct dr_core *core;
    uint64_t commits;

    CHECK(lists != NULL);
    open_world(&world, 1, 4);
    CHECK_EQ(live_turn(&world), DR_OK);
    core = dr_controller_core(world.controller);
    commits = dr_controller_figures(world.controller)->commits;
    live_request_fill(&one, &(struct live_job){.hold = 1});
    for (uint32_t i = 0; i < LISTS; i += 1) {
        fill_list(&lists[i], &one);
        dr_controller_ask(world.controller, &lists[i].request);
    }
    CHECK_EQ(live_turn(&world), DR_OK);
    for (uint32_t i = 0; i < LISTS; i += 1) {
        CHECK_EQ(lists[i].done, 1);
        CHECK_EQ(lists[i].request.result, DR_REQUEST_DONE);
        CHECK_EQ(lists[i].answers[LIST - 1].job.v, (i + 1) * LIST);
    }
    CHECK(dr_controller_figures(world.controller)->commits >= commits + 2);
    /* One text, since the list shares one. */
    CHECK_EQ(core->jobs[dr_job_find(core, (dr_job_id){1}).v].text,
             core->jobs[dr_job_find(core, (dr_job_id){LIST}).v].text);

    fill_list(&lists[0], &one);
    fill_list(&lists[1], &one);
    fill_list(&lists[2], &one);
    for (uint32_t i = 0; i < 3; i += 1)
        dr_controller_ask(world.controller, &lists[i].request);
    CHECK_EQ(live_turn(&world), DR_OK);
    CHECK_EQ(lists[1].request.result, DR_REQUEST_DONE);
    CHECK_EQ(lists[2].request.result, DR_REQUEST_REFUSED);
    CHECK_EQ(lists[2].answers[0].refused, DR_REFUSAL_FULL);
    CHECK_EQ(core->job_id_last, (LISTS + 2) * LIST);
    free(lists);
    live_deinit(&world);
}

static void stop_soon(void *context)
{
    kill(getpid(), *(int *)context);
}

/* SIGTERM ends the loop in order; what runs, runs on. */
TEST(a_signal_ends_the_loop_and_jobs_run_on)
{
    struct live_world world;
    struct dr_error error = {0};
    int number = SIGTERM;
    uint64_t job;

    open_world(&world, 1, 4);
    job = live_submit(&world, &(struct live_job){.run_us = 60 * DR_SECOND_US}, NULL, NULL);
    dr_controller_at(world.controller, 0, stop_soon, &number);
    CHECK_EQ(dr_controller_run(world.controller, &error), DR_OK);
    live_close(&world);
    CHECK_EQ(world.site->attempts[0].ended, 0);
    open_again(&world);
    CHECK_EQ(state_of(&world, job), DR_JOB_RUNNING);
    live_deinit(&world);
}
