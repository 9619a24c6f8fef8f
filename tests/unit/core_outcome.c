/* SPDX-License-Identifier: Apache-2.0 */
/* How attempts and jobs end, and what that does to others. */
#include "by_hand.h"

TEST(how_an_end_is_told)
{
    static const struct {
        enum dr_stop_cause cause;
        enum dr_outcome outcome;
        int exit_code;
        int saved; /* a checkpoint after the warning */
        int requeue;
        enum dr_job_state state;
    } cases[] = {
        {DR_STOP_NONE, DR_OUTCOME_EXITED, 0, 0, 1, DR_JOB_COMPLETED},
        {DR_STOP_NONE, DR_OUTCOME_EXITED, 7, 0, 1, DR_JOB_FAILED},
        {DR_STOP_NONE, DR_OUTCOME_SIGNALLED, 0, 0, 1, DR_JOB_FAILED},
        {DR_STOP_NONE, DR_OUTCOME_TIMED_OUT, 0, 0, 1, DR_JOB_TIMEOUT},
        {DR_STOP_NONE, DR_OUTCOME_OUT_OF_MEMORY, 0, 0, 1, DR_JOB_OUT_OF_MEMORY},
        {DR_STOP_NONE, DR_OUTCOME_LAUNCH_FAILED, 0, 0, 1, DR_JOB_FAILED},
        {DR_STOP_NONE, DR_OUTCOME_NODE_FAILED, 0, 0, 1, DR_JOB_PENDING},
        {DR_STOP_NONE, DR_OUTCOME_NODE_FAILED, 0, 0, 0, DR_JOB_NODE_FAIL},
        {DR_STOP_CANCEL, DR_OUTCOME_STOPPED, 0, 0, 1, DR_JOB_CANCELLED},
        {DR_STOP_CANCEL, DR_OUTCOME_EXITED, 0, 0, 1, DR_JOB_CANCELLED},
        {DR_STOP_DEADLINE, DR_OUTCOME_STOPPED, 0, 0, 1, DR_JOB_DEADLINE},
        {DR_STOP_LIMIT, DR_OUTCOME_STOPPED, 0, 0, 1, DR_JOB_TIMEOUT},
        {DR_STOP_RECLAIM, DR_OUTCOME_STOPPED, 0, 0, 1, DR_JOB_PENDING},
        {DR_STOP_RECLAIM, DR_OUTCOME_STOPPED, 0, 0, 0, DR_JOB_PREEMPTED},
        {DR_STOP_RECLAIM, DR_OUTCOME_EXITED, 0, 0, 1, DR_JOB_COMPLETED},
        {DR_STOP_RECLAIM, DR_OUTCOME_EXITED, 0, 1, 1, DR_JOB_PENDING},
        {DR_STOP_RECLAIM, DR_OUTCOME_EXITED, 1, 0, 1, DR_JOB_PENDING},
        {DR_STOP_NODE, DR_OUTCOME_STOPPED, 0, 0, 1, DR_JOB_PENDING},
        {DR_STOP_NODE, DR_OUTCOME_STOPPED, 0, 0, 0, DR_JOB_NODE_FAIL},
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_command command;
        uint64_t id;

        hand_set_up();
        command = hand_submit_of(1, 1);
        command.body.submit.requeue = (uint8_t)cases[i].requeue;
        CHECK(hand_admit_as(ANNA, command));
        id = hand.answer.job.v;
        hand_place(id, 1, 0);
        hand_report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
        hand.now_us += DR_MINUTE_US;
        if (cases[i].cause != DR_STOP_NONE)
            hand_stop(id, cases[i].cause);
        hand.now_us += DR_SECOND_US;
        if (cases[i].saved)
            hand_report(DR_COMMAND_CHECKPOINT, id, DR_OUTCOME_EXITED, 0);
        hand_report(DR_COMMAND_ENDED, id, cases[i].outcome, cases[i].exit_code);
        if (hand_job(id)->state != cases[i].state)
            fail_msg("case %u: %s, expected %s", i,
                     dr_job_state_name((enum dr_job_state)hand_job(id)->state),
                     dr_job_state_name(cases[i].state));
        CHECK_EQ(hand.core->nodes[0].busy, 0);
        CHECK_EQ(hand_quota(1)->use, 0);
        /* told again: nothing changes */
        {
            struct dr_command again = {.kind = DR_COMMAND_ENDED, .roles = 0xff};
            uint64_t seq = dr_core_seq(hand.core);

            again.body.attempt.job.v = id;
            again.body.attempt.attempt = 1;
            CHECK(hand_admit(&again));
            CHECK(hand.answer.unchanged);
            CHECK_EQ(dr_core_seq(hand.core), seq);
        }
        hand_tear_down();
    }
}

TEST(too_many_requeues_hold_the_job)
{
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 1);
    for (uint32_t round = 1; round <= 3; round += 1) {
        hand_place(id, 1, 0);
        hand_report(DR_COMMAND_ENDED, id, DR_OUTCOME_NODE_FAILED, 0);
        CHECK_EQ(hand_run_of(id)->requeues, round);
        CHECK_EQ(hand_job(id)->held, round == 3); /* the limit is 2 */
    }
    CHECK(hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_RELEASE, .body.job = {id}}));
    CHECK(!hand_job(id)->held);
    hand_tear_down();
}

TEST(a_failed_dependency_ends_the_chain_behind_it)
{
    struct dr_dependency after = {DR_DEPENDENCY_AFTEROK, {0}};
    struct dr_command command;
    uint64_t ids[4];

    hand_set_up();
    ids[0] = hand_submit(ANNA, 1, 1);
    for (uint32_t i = 1; i < 4; i += 1) {
        command = hand_submit_of(1, 1);
        after.job.v = ids[i - 1];
        after.kind = i == 3 ? DR_DEPENDENCY_AFTERANY : DR_DEPENDENCY_AFTEROK;
        command.body.submit.dependencies = &after;
        command.body.submit.dependencies_count = 1;
        CHECK(hand_admit_as(ANNA, command));
        ids[i] = hand.answer.job.v;
    }
    hand_place(ids[0], 1, 0);
    hand_report(DR_COMMAND_ENDED, ids[0], DR_OUTCOME_EXITED, 1);
    CHECK_EQ(hand_job(ids[1])->state, DR_JOB_CANCELLED);
    CHECK_EQ(hand_job(ids[2])->state, DR_JOB_CANCELLED);
    CHECK_EQ(hand_job(ids[3])->state, DR_JOB_PENDING); /* afterany: its turn has come */
    CHECK_EQ(hand_job(ids[3])->ties, 0);
    CHECK_EQ(hand.core->edges_count, 0);
    /* one that is asked for when it can't hold any more */
    after = (struct dr_dependency){DR_DEPENDENCY_AFTEROK, {ids[0]}};
    command = hand_submit_of(1, 1);
    command.body.submit.dependencies = &after;
    command.body.submit.dependencies_count = 1;
    CHECK(!hand_admit_as(ANNA, command));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_NEVER);
    CHECK_HAS(hand.answer.text, "ended, FAILED");
    hand_tear_down();
}

TEST(a_singleton_waits_for_all_of_its_name)
{
    struct dr_dependency alone = {DR_DEPENDENCY_SINGLETON, {0}};
    struct dr_command command;
    uint64_t first;
    uint64_t second;

    hand_set_up();
    command = hand_submit_of(1, 1);
    command.body.submit.name_key = 5;
    CHECK(hand_admit_as(ANNA, command));
    first = hand.answer.job.v;
    CHECK(hand_admit_as(BORA, command)); /* another user's job of the same name */
    command.body.submit.dependencies = &alone;
    command.body.submit.dependencies_count = 1;
    CHECK(hand_admit_as(ANNA, command));
    second = hand.answer.job.v;
    CHECK_EQ(hand.core->edges_count, 1);
    CHECK(hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {first}}));
    CHECK_EQ(hand_job(second)->ties, 0);
    hand_tear_down();
}

TEST(a_lost_node_stops_its_gang)
{
    struct dr_command lost = {.kind = DR_COMMAND_NODE, .roles = 0xff, .reason = "no power"};
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 8);
    hand_place(id, 2, 0);
    lost.body.node = (struct dr_fact_node_flags){.node = 2, .down = 1};
    CHECK(hand_admit(&lost));
    CHECK_EQ(hand_job(id)->state, DR_JOB_COMPLETING);
    CHECK_EQ(hand_run_of(id)->stopping, DR_STOP_NODE);
    CHECK_TEXT(hand.core->node_notes[1], "no power");
    CHECK_EQ(hand_quota(1)->claim, 0); /* counts in Q1 alone */
    CHECK_EQ(hand_quota(1)->use, 8000);
    CHECK_EQ(hand.core->groups[0].capacity, 24000);
    hand_tear_down();
}

/* One attempt alone, at a site that answers: it may be given up, and its end may come. */
TEST(an_attempt_out_of_sight)
{
    for (uint32_t end = 0; end < 3; end += 1) {
        struct dr_command reach = {.kind = DR_COMMAND_REACH, .roles = 0xff, .reason = "a node"};
        struct dr_command lost = {.kind = DR_COMMAND_LOST, .roles = 0xff};
        uint64_t id, other;

        hand_set_up();
        id = hand_submit(ANNA, 1, 8);
        hand_place(id, 1, 0);
        other = hand_submit(ANNA, 1, 8);
        hand_place(other, 2, 0);
        hand_report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
        reach.body.attempt.job.v = id;
        reach.body.attempt.attempt = 1;
        CHECK(hand_admit(&reach));
        CHECK_EQ(hand_job(id)->state, DR_JOB_UNREACHABLE);
        CHECK_EQ(hand_job(other)->state, DR_JOB_CONFIGURING);
        CHECK_EQ(hand.core->groups[0].capacity, 32000);
        CHECK_EQ(hand_quota(1)->claim, 8000);
        if (end == 0) {
            reach.body.attempt.answers = 1;
            CHECK(hand_admit(&reach));
            CHECK_EQ(hand_job(id)->state, DR_JOB_RUNNING);
            CHECK_EQ(hand_quota(1)->claim, 16000);
        } else if (end == 1) {
            hand_report(DR_COMMAND_ENDED, id, DR_OUTCOME_NODE_FAILED, 0);
            CHECK_EQ(hand_job(id)->state, DR_JOB_PENDING);
        } else {
            lost.body.job.v = id;
            CHECK(hand_admit(&lost));
            CHECK_EQ(hand_job(id)->state, DR_JOB_PENDING);
        }
        hand_tear_down();
    }
}

TEST(a_silent_site_keeps_its_attempts)
{
    struct dr_command silent = {.kind = DR_COMMAND_SITE, .roles = 0xff};
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 8);
    hand_place(id, 1, 0);
    hand_report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
    silent.body.site.site.v = 1;
    CHECK(hand_admit(&silent));
    CHECK_EQ(hand_job(id)->state, DR_JOB_UNREACHABLE);
    CHECK_EQ(hand_quota(1)->claim, 0);
    CHECK_EQ(hand.core->groups[0].capacity, 0);
    silent.body.site.answers = 1;
    CHECK(hand_admit(&silent));
    CHECK_EQ(hand_job(id)->state, DR_JOB_RUNNING);
    CHECK_EQ(hand_quota(1)->claim, 8000);
    hand_tear_down();
}
