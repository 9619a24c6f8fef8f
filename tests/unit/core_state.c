/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, snapshots and indexes give one and the same state; its sums, and what a tick makes of
 * them.
 */
#include "by_hand.h"

static int write_buffer(void *context, const void *bytes, size_t count)
{
    dr_buffer_append(context, bytes, count);
    return 1;
}

static int read_buffer(void *context, void *bytes, size_t count)
{
    struct dr_buffer *buffer = context;

    if (buffer->length < count)
        return 0;
    memcpy(bytes, buffer->data, count);
    dr_buffer_consume(buffer, count);
    return 1;
}

/* A day with something of everything, ending with jobs in several states. */
static void some_day(void)
{
    uint64_t first = hand_submit(ANNA, 1, 8);
    uint64_t second = hand_submit(BORA, 2, 2);
    uint64_t third;
    struct dr_dependency after = {DR_DEPENDENCY_AFTEROK, {first}};
    struct dr_command command;

    hand_submit(ANNA, 1, 1);
    command = hand_submit_of(1, 1);
    command.body.submit.dependencies = &after;
    command.body.submit.dependencies_count = 1;
    CHECK(hand_admit_as(ANNA, command));
    hand_place(first, 1, 0);
    hand_place(second, 2, 0);
    hand.now_us += DR_MINUTE_US;
    hand_report(DR_COMMAND_STARTED, first, DR_OUTCOME_EXITED, 0);
    hand_report(DR_COMMAND_STARTED, second, DR_OUTCOME_EXITED, 0);
    third = hand_submit(BORA, 1, 0);
    hand_place(third, 3, 0);
    hand.now_us += DR_MINUTE_US;
    hand_stop(second, DR_STOP_RECLAIM);
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    hand.now_us += DR_MINUTE_US;
    hand_report(DR_COMMAND_ENDED, second, DR_OUTCOME_SIGNALLED, 0);
    hand_report(DR_COMMAND_ENDED, third, DR_OUTCOME_EXITED, 3);
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
}

TEST(the_facts_alone_rebuild_the_state)
{
    struct dr_core *again;

    hand_set_up();
    some_day();
    again = hand_replay();
    CHECK_EQ(dr_core_seq(again), dr_core_seq(hand.core));
    CHECK_EQ(dr_core_hash(again), dr_core_hash(hand.core));
    dr_core_close(again);
    hand_tear_down();
}

TEST(a_saved_state_is_loaded_as_it_was_and_goes_on_alike)
{
    struct dr_core *again;
    struct dr_buffer bytes;
    uint64_t hash;

    hand_set_up();
    some_day();
    dr_buffer_init(&bytes, 64u << 20);
    hash = dr_core_hash(hand.core);
    CHECK_EQ(dr_core_save(hand.core, write_buffer, &bytes), DR_OK);
    CHECK_EQ(dr_core_open(&again, &HAND_LIMITS), DR_OK);
    CHECK_EQ(dr_core_load(again, read_buffer, &bytes), DR_OK);
    CHECK_EQ(bytes.length, 0);
    CHECK_EQ(dr_core_hash(again), hash);

    /* The same fact on both. */
    dr_core_close(hand.core);
    hand.core = again;
    hand_submit(ANNA, 1, 2);
    again = hand_replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(hand.core));
    dr_core_close(again);
    dr_buffer_deinit(&bytes);
    hand_tear_down();
}

TEST(a_cut_or_foreign_snapshot_is_refused)
{
    struct dr_buffer bytes;
    struct dr_buffer cut;
    struct dr_core *again;

    hand_set_up();
    some_day();
    dr_buffer_init(&bytes, 64u << 20);
    CHECK_EQ(dr_core_save(hand.core, write_buffer, &bytes), DR_OK);
    for (size_t length = 0; length < bytes.length; length += 997) {
        dr_buffer_init(&cut, 64u << 20);
        dr_buffer_append(&cut, bytes.data, length);
        CHECK_EQ(dr_core_open(&again, &HAND_LIMITS), DR_OK);
        CHECK_EQ(dr_core_load(again, read_buffer, &cut), DR_E_CORRUPT);
        dr_core_close(again);
        dr_buffer_deinit(&cut);
    }
    bytes.data[0] = 99;
    CHECK_EQ(dr_core_open(&again, &HAND_LIMITS), DR_OK);
    CHECK_EQ(dr_core_load(again, read_buffer, &bytes), DR_E_UNSUPPORTED);
    dr_core_close(again);
    dr_buffer_deinit(&bytes);
    hand_tear_down();
}

/* I8 */
TEST(rebuilt_indexes_equal_those_kept_up_to_date)
{
    struct dr_quota before[5];
    uint64_t busy[4];

    hand_set_up();
    some_day();
    for (uint32_t i = 0; i < 5; i += 1)
        before[i] = *hand_quota(i + 1);
    for (uint32_t i = 0; i < 4; i += 1)
        busy[i] = hand.core->nodes[i].busy;
    dr_core_index(hand.core);
    for (uint32_t i = 0; i < 5; i += 1)
        CHECK_BYTES(&before[i], hand_quota(i + 1), sizeof before[i]);
    for (uint32_t i = 0; i < 4; i += 1)
        CHECK_EQ(busy[i], hand.core->nodes[i].busy);
    hand_tear_down();
}

TEST(use_claim_and_occupied_go_up_the_path)
{
    uint64_t id;

    hand_set_up();
    CHECK_EQ(hand_quota(4)->occupied, 3000); /* farm keeps 4 - 1 back */
    CHECK_EQ(hand_quota(1)->occupied, 3000);
    id = hand_submit(ANNA, 1, 5);
    hand_place(id, 1, 0);
    CHECK_EQ(hand_quota(3)->use, 5000);
    CHECK_EQ(hand_quota(2)->claim, 5000);
    CHECK_EQ(hand_quota(1)->occupied, 8000);
    hand_stop(id, DR_STOP_RECLAIM); /* warned: not claimed, still used */
    CHECK_EQ(hand_quota(1)->claim, 0);
    CHECK_EQ(hand_quota(1)->use, 5000);
    hand_report(DR_COMMAND_ENDED, id, DR_OUTCOME_SIGNALLED, 0);
    CHECK_EQ(hand_quota(1)->use, 0);
    CHECK_EQ(hand_quota(1)->occupied, 3000);
    hand_tear_down();
}

TEST(quota_says_which_account_and_how_much)
{
    struct dr_quota_verdict verdict;
    struct dr_amounts amounts = {{13000, 1000, 100}};

    hand_set_up();
    /* farm: 4 guaranteed, 8 borrowed at the most */
    verdict = dr_quota_check(hand.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_QUOTA);
    CHECK_EQ(verdict.account.v, 4);
    CHECK_EQ(verdict.needs, 13000);
    CHECK_EQ(verdict.limit, 12000);
    amounts.of[0] = 12000;
    verdict = dr_quota_check(hand.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_NONE);
    /* a job that can't be taken stays within the guarantee */
    verdict = dr_quota_check(hand.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 1, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_QUOTA);
    CHECK_EQ(verdict.limit, 4000);
    /* industry wants all 32, but farm holds 3 back: occupied(root) would be 35 */
    amounts.of[0] = 32000;
    verdict = dr_quota_check(hand.core, (dr_account_id){5}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_KEPT);
    CHECK_EQ(verdict.needs, 35000);
    CHECK_EQ(verdict.limit, 32000);
    hand_tear_down();
}

TEST(guarantees_shrink_with_what_is_up)
{
    hand_set_up();
    CHECK_EQ(dr_quota_guarantee(hand.core, (dr_account_id){3}, (dr_group_id){1}), 12000);
    for (uint32_t node = 1; node <= 2; node += 1) {
        struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff};

        command.body.node = (struct dr_fact_node_flags){.node = node, .drained = 1};
        CHECK(hand_admit(&command));
    }
    /* 16 are up, 24 are guaranteed below the root */
    CHECK_EQ(dr_quota_guarantee(hand.core, (dr_account_id){3}, (dr_group_id){1}), 8000);
    hand_tear_down();
}

/* Hashes lie beside old facts: what came to the state later leaves them alone while it is zero. */
TEST(a_field_of_later_years_changes_the_hash_only_once_it_is_used)
{
    uint64_t before;

    hand_set_up();
    before = dr_core_hash(hand.core);
    CHECK_EQ(before, UINT64_C(0xe71b1710d7aab95));
    hand.core->settings.default_jobs_max = 1;
    CHECK(dr_core_hash(hand.core) != before);
    hand.core->settings.default_jobs_max = 0;
    hand.core->accounts[2].jobs_max = 1;
    CHECK(dr_core_hash(hand.core) != before);
    hand.core->accounts[2].jobs_max = 0;
    CHECK_EQ(dr_core_hash(hand.core), before);
    hand_tear_down();
}

TEST(a_tick_decays_and_forgets)
{
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 8);
    hand_place(id, 1, 0);
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    hand.now_us += DR_MINUTE_US;
    hand_report(DR_COMMAND_ENDED, id, DR_OUTCOME_EXITED, 0);
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    CHECK(dr_job_find(hand.core, (dr_job_id){id}).v != DR_ROW_NONE);
    hand.now_us += 6 * DR_MINUTE_US; /* more than retain_ended_us */
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    CHECK_EQ(dr_job_find(hand.core, (dr_job_id){id}).v, DR_ROW_NONE);
    CHECK_EQ(hand.core->shapes_count, 0);
    CHECK_EQ(hand.core->extents_count, 0);
    hand_tear_down();
}

TEST(decay_halves_in_a_half_life)
{
    CHECK_EQ(dr_decay(0, DR_DAY_US), UINT32_MAX);
    CHECK_EQ(dr_decay(DR_DAY_US, DR_DAY_US), UINT32_MAX / 2);
    CHECK_EQ(dr_decay(3 * DR_DAY_US, DR_DAY_US), UINT32_MAX / 8);
    CHECK_EQ(dr_decay(40 * DR_DAY_US, DR_DAY_US), 0);
    /* 2^-0.25 = 0.840896415 */
    CHECK(dr_decay(DR_DAY_US / 4, DR_DAY_US) / 429 == 3611622602u / 429);
    /* many small steps come to the same as one large one, to a few parts in ten million */
    {
        uint64_t steps = UINT32_MAX;

        for (int minute = 0; minute < 24 * 60; minute += 1)
            steps = steps * dr_decay(DR_MINUTE_US, DR_DAY_US) >> 32;
        CHECK(steps > UINT32_MAX / 2 - 4000 && steps <= UINT32_MAX / 2);
    }
}

/* 8 accelerators at 700 W for an hour before noon and one after it, PUE 1.25, no other draw. */
TEST(energy_follows_the_tariff_hour_by_hour)
{
    struct dr_energy energy;
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 8);
    hand.now_us = 1001 * DR_DAY_US + 11 * DR_HOUR_US;
    hand_place(id, 1, 0);
    energy = dr_job_energy(hand.core, hand_job(id), hand.now_us, hand.now_us + 2 * DR_HOUR_US);
    CHECK_EQ(energy.energy_j, 2 * 7000 * 3600); /* 5.6 kW x 1.25 = 7 kW */
    CHECK_EQ(energy.cost_micro, 7 * INT64_C(100000000) + 7 * INT64_C(200000000));
    hand_tear_down();
}
