/* SPDX-License-Identifier: Apache-2.0 */
/* A journal once more: of a controller that was started again in the middle, and of copies of it in
 * which one fact was changed or left out, their chain of hashes made to fit. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "sim/import.h"
#include "sim/replay.h"
#include "live_world.h"
#include "test.h"

static char journal[512]; /* of all tests here: made once */

static void add(struct live_world *world, const char *account, uint32_t tasks, int firm, int hold)
{
    struct live_job job = {.account = account,
                           .tasks = tasks,
                           .accelerators = 2,
                           .run_us = (20 + tasks) * DR_SECOND_US,
                           .limit_us = 2 * DR_MINUTE_US,
                           .firm = (uint32_t)firm,
                           .hold = (uint32_t)hold};

    CHECK(live_submit(world, &job, NULL, NULL) != 0);
}

/* One that waits for the first to end well. */
static void add_dependent(struct live_world *world)
{
    struct dr_dependency on = {.kind = DR_DEPENDENCY_AFTEROK, .job = {1}};
    struct live_request request;

    live_request_fill(&request, &(struct live_job){.account = "beta"});
    request.command.body.submit.dependencies = &on;
    request.command.body.submit.dependencies_count = 1;
    dr_controller_ask(world->controller, &request.request);
    while (!request.done)
        CHECK_EQ(DR_OK, live_turn(world));
    CHECK(request.answer.job.v != 0);
}

static void open_again(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];

    if (live_open(world, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

/* Two lives of a controller with more to do than there is room for, a cancel and a release. */
static void run_a_day(struct live_world *world)
{
    struct dr_command command;

    open_again(world);
    for (uint32_t i = 0; i < 6; i += 1)
        add(world, i % 2 == 0 ? "alpha" : "beta", 1 + i % 4, i == 4, i == 5);
    CHECK_EQ(DR_OK, live_run(world, 3 * DR_SECOND_US));
    add_dependent(world);
    command = live_command_of(DR_COMMAND_CANCEL, 1);
    CHECK(live_command(world, &command, NULL));
    CHECK_EQ(DR_OK, live_run(world, 30 * DR_SECOND_US));
    live_close(world);
    open_again(world);
    for (uint32_t i = 0; i < 6; i += 1)
        add(world, i % 2 == 0 ? "beta" : "alpha", 1 + i % 3, 0, 0);
    command = live_command_of(DR_COMMAND_RELEASE, 6);
    CHECK(live_command(world, &command, NULL));
    CHECK(live_drain(world, DR_HOUR_US));
    CHECK_EQ(DR_OK, live_run(world, 5 * DR_MINUTE_US));
    live_close(world);
}

static const char *a_day(void)
{
    static struct live_world world;

    if (journal[0] != 0)
        return journal;
    live_init(&world, 2, 4);
    run_a_day(&world);
    snprintf(journal, sizeof journal, "%s", world.directory);
    return journal;
}

static enum dr_status replay(const char *directory, struct dr_replay_figures *figures,
                             struct dr_error *error)
{
    struct dr_replay *made;
    enum dr_status status;

    CHECK_EQ(DR_OK, dr_replay_open(&made, error));
    status = dr_replay_directory(made, directory, error);
    *figures = dr_replay_figures(made);
    dr_replay_close(made);
    return status;
}

/* ---- copies ---- */

/* Looks at a fact and may change it. 0: it is left out. `*done`: that was enough. */
typedef int change(struct dr_fact *fact, int *done);

struct copying {
    struct dr_store *store;
    change *change;
    int keeps_hashes; /* of the state */
    int done;
    uint64_t seq; /* of the fact that was changed, in the copy */
    uint8_t bytes[1 << 20];
};

static void copy_batch(struct copying *copying, const struct dr_store_read *batch,
                       struct dr_arena *arena)
{
    struct dr_store_batch to = {.seq_first = dr_store_seq(copying->store) + 1,
                                .time_us = batch->time_us,
                                .state_hash = copying->keeps_hashes ? batch->state_hash : 0,
                                .payload = copying->bytes};
    struct dr_error error;
    uint32_t at = 0;

    for (uint32_t i = 0; i < batch->facts_count; i += 1) {
        int was_done = copying->done;
        struct dr_fact fact;
        uint32_t taken;

        dr_arena_reset(arena, 0);
        CHECK_EQ(DR_OK, dr_fact_decode(batch->payload + at, batch->payload_bytes - at, arena, &fact,
                                       &taken, &error));
        at += taken;
        fact.seq = to.seq_first + to.facts_count;
        if (!was_done && !copying->change(&fact, &copying->done)) {
            copying->seq = fact.seq;
            continue;
        }
        if (!was_done && copying->done)
            copying->seq = fact.seq;
        taken = dr_fact_encode(&fact, copying->bytes + to.payload_bytes,
                               (uint32_t)sizeof copying->bytes - to.payload_bytes);
        CHECK(taken > 0);
        to.payload_bytes += taken;
        to.facts_count += 1;
    }
    if (to.facts_count > 0)
        CHECK_EQ(DR_OK, dr_store_append(copying->store, &to));
}

/* Returns the number of the fact that was changed, or would stand where one was left out. */
static uint64_t copy(char *directory, size_t bytes, change *what, int keeps_hashes)
{
    static uint32_t copies;
    static struct copying copying;
    struct dr_store *from;
    struct dr_store_reader *reader;
    struct dr_store_read batch;
    struct dr_arena arena;
    struct dr_error error;

    copying = (struct copying){.change = what, .keeps_hashes = keeps_hashes};
    copies += 1;
    snprintf(directory, bytes, "%s/copy-%u", a_day(), copies);
    CHECK_EQ(DR_OK, dr_arena_init(&arena, 16u << 20));
    CHECK_EQ(DR_OK, dr_store_open(&copying.store, directory, DR_STORE_CREATE, &error));
    CHECK_EQ(DR_OK, dr_store_open(&from, a_day(), DR_STORE_READ, &error));
    CHECK_EQ(DR_OK, dr_store_reader_open(&reader, from, 1));
    while (dr_store_reader_next(reader, &batch, &error) == DR_OK)
        copy_batch(&copying, &batch, &arena);
    dr_store_reader_close(reader);
    dr_store_close(from);
    dr_store_close(copying.store);
    dr_arena_deinit(&arena);
    CHECK(copying.done);
    return copying.seq;
}

static int nothing(struct dr_fact *fact, int *done)
{
    *done |= fact->kind == DR_FACT_TICK;
    return 1;
}

static int a_job_may_run_longer(struct dr_fact *fact, int *done)
{
    if (fact->kind != DR_FACT_JOB_ACCEPTED || fact->job_accepted.job != 8)
        return 1;
    *done = 1;
    fact->job_accepted.limit_us += DR_SECOND_US;
    return 1;
}

static int a_job_runs_somewhat_longer(struct dr_fact *fact, int *done)
{
    if (fact->kind != DR_FACT_JOB_PLACED || fact->job_placed.job != 8)
        return 1;
    *done = 1;
    fact->job_placed.limit_us += 1;
    return 1;
}

static int a_start_is_not_heard_of(struct dr_fact *fact, int *done)
{
    if (fact->kind != DR_FACT_ATTEMPT_STARTED)
        return 1;
    *done = 1;
    return 0;
}

static int a_job_is_not_heard_of(struct dr_fact *fact, int *done)
{
    if (fact->kind != DR_FACT_JOB_ACCEPTED || fact->job_accepted.job != 8)
        return 1;
    *done = 1;
    return 0;
}

/* Changes all that it meets: `done` stays 0 up to the fact that is looked for. */
static int another_policy_ran_it_longer(struct dr_fact *fact, int *done)
{
    if (fact->kind == DR_FACT_LEADER_TOOK)
        fact->leader_took.policy = DR_POLICY_VERSION - 1;
    return a_job_runs_somewhat_longer(fact, done);
}

static int an_older_program_says_less(struct dr_fact *fact, int *done)
{
    if (fact->kind == DR_FACT_LEADER_TOOK)
        fact->leader_took.facts_from = 0;
    *done |= fact->kind == DR_FACT_LEADER_TOOK && fact->leader_took.epoch == 2;
    return 1;
}

static int a_start_read_from_later_facts(struct dr_fact *fact, int *done)
{
    if (fact->kind != DR_FACT_LEADER_TOOK || fact->leader_took.epoch != 2)
        return 1;
    *done = 1;
    fact->leader_took.facts_from = 100000;
    return 1;
}

/* ---- tests ---- */

TEST(a_journal_replays_to_the_same_states_and_decisions)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char line[1024];

    if (replay(a_day(), &figures, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
    CHECK_TEXT(figures.difference.text, "");
    CHECK_TEXT(figures.other.text, "");
    CHECK_EQ(figures.leaders, 2);
    CHECK_EQ(figures.left_out, 0);
    CHECK(figures.checkpoints >= 10);
    CHECK(figures.decisions >= 30);
    CHECK(figures.decided >= 12);
    CHECK_EQ(figures.seq, figures.facts);
}

TEST(a_copy_without_hashes_of_the_state_is_compared_by_its_decisions_alone)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];

    copy(directory, sizeof directory, nothing, 0);
    CHECK_EQ(DR_OK, replay(directory, &figures, &error));
    CHECK_EQ(figures.checkpoints, 0);
    CHECK_EQ(figures.difference.seq, 0);
    CHECK(figures.decided >= 12);
}

TEST(a_changed_decision_is_found_where_it_stands)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];
    uint64_t seq = copy(directory, sizeof directory, a_job_runs_somewhat_longer, 0);

    CHECK_EQ(DR_OK, replay(directory, &figures, &error));
    CHECK_EQ(figures.difference.seq, seq);
    CHECK_HAS(figures.difference.text, "JOB_PLACED of job 8 with limit_us ");
    CHECK_EQ(figures.other.seq, 0);
}

TEST(a_changed_command_shows_in_what_is_decided_upon_it)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];
    uint64_t seq = copy(directory, sizeof directory, a_job_may_run_longer, 0);

    CHECK_EQ(DR_OK, replay(directory, &figures, &error));
    CHECK(figures.difference.seq >= seq);
    CHECK_HAS(figures.difference.text, "made again");
}

TEST(a_changed_fact_gives_another_state_than_the_journal_says)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];
    char place[64];
    uint64_t seq = copy(directory, sizeof directory, a_job_may_run_longer, 1);

    CHECK_EQ(replay(directory, &figures, &error), DR_E_CORRUPT);
    snprintf(place, sizeof place, "one of the facts %llu to ", (unsigned long long)seq);
    CHECK_HAS(error.expected, place);
}

TEST(a_fact_that_is_left_out_is_found)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];
    uint64_t seq = copy(directory, sizeof directory, a_start_is_not_heard_of, 1);

    CHECK_EQ(replay(directory, &figures, &error), DR_E_CORRUPT);
    CHECK(figures.seq >= seq - 1 && figures.seq <= seq + 2);
}

TEST(a_fact_that_cannot_follow_ends_the_process_and_its_number_is_known)
{
    volatile uint64_t *watched =
        mmap(NULL, sizeof *watched, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char directory[600];
    uint64_t seq = copy(directory, sizeof directory, a_job_is_not_heard_of, 1);
    int status = 0;
    pid_t child;

    CHECK(watched != MAP_FAILED);
    child = fork();
    if (child == 0) {
        struct dr_replay *made;
        struct dr_error error;

        if (freopen("/dev/null", "w", stderr) == NULL || dr_replay_open(&made, &error) != DR_OK)
            _exit(1);
        dr_replay_watch(made, watched);
        _exit(10 + (int)dr_replay_directory(made, directory, &error));
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(*watched >= seq && *watched <= seq + 1);
    /* An export says as much. */
    *watched = 0;
    child = fork();
    if (child == 0) {
        struct dr_import import = {.kind = DR_IMPORT_live,
                                   .files = {directory},
                                   .trace = fopen("/dev/null", "we"),
                                   .watched = watched};
        struct dr_error error;

        if (freopen("/dev/null", "w", stderr) == NULL || import.trace == NULL)
            _exit(1);
        _exit(10 + (int)dr_import(&import, &error));
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(*watched >= seq && *watched <= seq + 1);
    munmap((void *)watched, sizeof *watched);
}

TEST(what_another_policy_decided_may_differ)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];
    uint64_t seq = copy(directory, sizeof directory, another_policy_ran_it_longer, 0);

    CHECK_EQ(DR_OK, replay(directory, &figures, &error));
    CHECK_EQ(figures.difference.seq, 0);
    CHECK_EQ(figures.other.seq, seq);
    CHECK_EQ(figures.other.policy, DR_POLICY_VERSION - 1);
    CHECK(figures.left_out > 0);
}

TEST(a_journal_of_an_older_program_is_read_too)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];

    copy(directory, sizeof directory, an_older_program_says_less, 1);
    CHECK_EQ(DR_OK, replay(directory, &figures, &error));
    CHECK_EQ(figures.difference.seq, 0);
    CHECK(figures.decisions >= 30);
}

TEST(a_start_from_facts_that_come_later_is_refused)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};
    char directory[600];

    copy(directory, sizeof directory, a_start_read_from_later_facts, 1);
    CHECK_EQ(replay(directory, &figures, &error), DR_E_CORRUPT);
    CHECK_HAS(error.expected, "facts_from up to ");
}

TEST(a_directory_without_a_store_is_refused)
{
    struct dr_replay_figures figures;
    struct dr_error error = {0};

    CHECK_EQ(replay("/nowhere/at/all", &figures, &error), DR_E_MISSING);
}
