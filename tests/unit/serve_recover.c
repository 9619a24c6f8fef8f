/* SPDX-License-Identifier: Apache-2.0 */
/* The start after every kind of end: killed at each point of a turn, with snapshots, with damaged
 * ones. */
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/fault.h"
#include "store/chain.h"
#include "live_world.h"
#include "test.h"

static void open_checked(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];

    if (live_open(world, &error) != DR_OK)
        fail_msg("%s", dr_error_line(&error, line, sizeof line));
}

/* ---- killed ---- */

enum { JOBS = 12 };

/* A client in the same process: asks for JOBS jobs with retry keys, one after another, writes down
 * what it was answered, and goes on where it stopped. */
static void client_and_loop(struct live_world *world)
{
    struct dr_error error = {0};

    if (live_open(world, &error) != DR_OK)
        _exit(10);
    for (uint32_t i = 0; i < JOBS; i += 1) {
        char key[16];

        if (world->site->client[i] != 0)
            continue;
        snprintf(key, sizeof key, "job-%u", i);
        if (live_submit(world,
                        &(struct live_job){.retry_key = key,
                                           .accelerators = 1,
                                           .run_us = (1 + i % 3) * DR_SECOND_US,
                                           .slot = &world->site->client[i]},
                        NULL, NULL) == 0)
            _exit(11);
        if (live_run(world, DR_SECOND_US / 2) != DR_OK)
            _exit(12);
    }
    live_end_of_life(world);
}

static void judge(struct live_world *world)
{
    const struct live_site *site = world->site;

    for (uint32_t i = 0; i < JOBS; i += 1) {
        int known = 0;

        CHECK(site->client[i] != 0);
        for (uint32_t j = 0; j < i; j += 1)
            CHECK(site->client[j] != site->client[i]);
        CHECK_EQ(live_state(world, site->client[i], &known), DR_JOB_COMPLETED);
        CHECK(known);
    }
    /* No job beyond those that a client knows of, none run twice, none under a second attempt. */
    CHECK_EQ(dr_controller_core(world->controller)->job_id_last, JOBS);
    CHECK_EQ(site->starts, JOBS);
    CHECK_EQ(site->doubled_launches, 0);
    CHECK_EQ(site->double_booked, 0);
    CHECK_EQ(site->old_epochs, 0);
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        CHECK_EQ(site->attempts[i].attempt, 1);
        CHECK(site->attempts[i].forgotten);
    }
}

static void kill_at(const char *point)
{
    uint32_t kills = 0;

    for (uint32_t pass = 1; pass <= 7; pass += 3) {
        struct live_world world;
        char fault[64];
        int status;

        live_init(&world, 2, 2);
        snprintf(fault, sizeof fault, "%s:%u", point, pass);
        do {
            status = live_life(&world, fault, client_and_loop);
            if (WIFEXITED(status))
                CHECK_EQ(WEXITSTATUS(status), 0);
            else
                CHECK_EQ(WTERMSIG(status), SIGKILL);
            kills += WIFSIGNALED(status);
            /* Later lives get further before they die. */
            snprintf(fault, sizeof fault, "%s:%u", point, pass + 7 * kills);
        } while (WIFSIGNALED(status));
        open_checked(&world);
        judge(&world);
        live_deinit(&world);
    }
    CHECK(kills >= 3);
}

#define KILL_TEST(NAME, name, text) \
    TEST(killed_##name)             \
    {                               \
        kill_at(#name);             \
    }
DR_FAULTS(KILL_TEST)

TEST(a_fault_that_names_no_point_is_refused)
{
    struct dr_fault fault;
    struct dr_error error = {0};

    setenv(DR_FAULT_VARIABLE, "after_lunch:1", 1);
    CHECK_EQ(dr_fault_init(&fault, &error), DR_E_INPUT);
    setenv(DR_FAULT_VARIABLE, "after_append:0", 1);
    CHECK_EQ(dr_fault_init(&fault, &error), DR_E_INPUT);
    setenv(DR_FAULT_VARIABLE, "after_append:2", 1);
    CHECK_EQ(dr_fault_init(&fault, &error), DR_OK);
    CHECK_EQ(fault.point, DR_FAULT_AFTER_APPEND);
    CHECK_EQ(fault.left, 2);
    unsetenv(DR_FAULT_VARIABLE);
}

/* ---- snapshots ---- */

/* Look at each snapshot file; returns how many there are. */
static uint32_t snapshots(const struct live_world *world, void (*each)(const char *path))
{
    char pattern[300];
    glob_t found = {0};
    uint32_t count;

    snprintf(pattern, sizeof pattern, "%s/snapshot-*.state", world->directory);
    count = glob(pattern, 0, NULL, &found) == 0 ? (uint32_t)found.gl_pathc : 0;
    for (uint32_t i = 0; each != NULL && i < count; i += 1)
        each(found.gl_pathv[i]);
    globfree(&found);
    return count;
}

/* A world with a snapshot in the middle of its facts, closed without a second one. */
static void live_with_snapshot(struct live_world *world)
{
    int turns = 0;

    live_init(world, 2, 4);
    world->options.snapshot_facts = 40;
    open_checked(world);
    for (uint32_t i = 0; i < 10; i += 1)
        CHECK(live_submit(world, &(struct live_job){.accelerators = 1, .hold = i % 4 == 0}, NULL,
                          NULL) != 0);
    CHECK_EQ(live_run(world, 3 * DR_SECOND_US), DR_OK);
    while (snapshots(world, NULL) == 0 && turns < 500) {
        struct dr_error error = {0};

        CHECK_EQ(dr_controller_turn(world->controller, DR_SECOND_US / 100, &error), DR_OK);
        turns += 1;
    }
    CHECK(snapshots(world, NULL) > 0);
    for (uint32_t i = 0; i < 6; i += 1)
        CHECK(live_submit(world, &(struct live_job){.run_us = DR_HOUR_US}, NULL, NULL) != 0);
    CHECK_EQ(live_run(world, DR_SECOND_US), DR_OK);
    live_close(world);
}

TEST(a_snapshot_and_the_tail_give_the_state_of_the_facts)
{
    struct live_world world;
    const struct dr_core *core;
    uint64_t facts;

    live_with_snapshot(&world);
    open_checked(&world);
    core = dr_controller_core(world.controller);
    facts = dr_controller_figures(world.controller)->recovery_facts;
    CHECK(facts > 0 && facts < dr_core_seq(core) - 2); /* some, not all, were read back */
    CHECK_EQ(dr_core_hash(core), live_hash_of_facts(&world));
    live_deinit(&world);
}

static void flip_a_bit(const char *path)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    CHECK(file != NULL);
    CHECK_EQ(fseek(file, 400, SEEK_SET), 0);
    byte = fgetc(file);
    CHECK_EQ(fseek(file, 400, SEEK_SET), 0);
    fputc(byte ^ 0x40, file);
    fclose(file);
}

TEST(a_damaged_snapshot_is_not_used)
{
    struct live_world world;
    uint64_t seq;

    live_with_snapshot(&world);
    CHECK(snapshots(&world, flip_a_bit) > 0);
    open_checked(&world);
    seq = dr_core_seq(dr_controller_core(world.controller));
    /* All facts but those of this start were read back. */
    CHECK(dr_controller_figures(world.controller)->recovery_facts >= seq - 2);
    CHECK_EQ(dr_core_hash(dr_controller_core(world.controller)), live_hash_of_facts(&world));
    live_deinit(&world);
}

TEST(a_start_that_came_no_further_than_an_empty_store_is_begun_again)
{
    struct live_world world;
    int status;

    live_init(&world, 2, 2);
    status = live_life(&world, "before_append:1", client_and_loop);
    CHECK(WIFSIGNALED(status));
    open_checked(&world);
    CHECK_EQ(dr_controller_core(world.controller)->users_count, 1);
    CHECK_EQ(dr_controller_core(world.controller)->epoch, 1);
    live_deinit(&world);
}

TEST(epochs_rise_with_every_start)
{
    struct live_world world;

    live_init(&world, 2, 2);
    for (uint64_t epoch = 1; epoch <= 3; epoch += 1) {
        open_checked(&world);
        CHECK_EQ(dr_controller_core(world.controller)->epoch, epoch);
        live_close(&world);
    }
    live_deinit(&world);
}

/* Heads are signed as time goes on and at the end, and everything that the loop wrote stands the
 * proof. */
TEST(heads_are_signed_and_the_chain_stands_its_proof)
{
    struct live_world world;
    struct dr_chain_result result;
    struct dr_error error = {0};

    live_init(&world, 2, 2);
    world.options.head_us = 10 * DR_SECOND_US;
    open_checked(&world);
    for (uint32_t i = 0; i < 3; i += 1) {
        CHECK(live_submit(&world, &(struct live_job){.accelerators = 1}, NULL, NULL) != 0);
        CHECK_EQ(live_run(&world, 15 * DR_SECOND_US), DR_OK);
    }
    live_close(&world);
    CHECK_EQ(dr_chain_verify(world.directory, NULL, NULL, NULL, NULL, &result, &error), DR_OK);
    CHECK_EQ(result.problems, 0);
    CHECK(result.heads >= 3);
    CHECK_EQ(result.texts, 3);
    live_deinit(&world);
}
