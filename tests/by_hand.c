/* SPDX-License-Identifier: Apache-2.0 */
#include "by_hand.h"

#include <stdlib.h>

struct hand hand;

const struct dr_limits HAND_LIMITS = {.jobs_max = 200,
                                      .nodes_max = 64,
                                      .pools_max = 8,
                                      .accounts_max = 16,
                                      .users_max = 8,
                                      .tokens_max = 8,
                                      .groups_max = 8,
                                      .datasets_max = 8,
                                      .extents_max = 1000};

void hand_keep_batch(void)
{
    dr_buffer_append(&hand.journal, hand.batch.bytes, hand.batch.bytes_count);
    dr_batch_clear(&hand.batch);
}

int hand_admit(const struct dr_command *command)
{
    int admitted = dr_admit(hand.core, command, hand.now_us, &hand.batch, &hand.answer);

    hand_keep_batch();
    return admitted;
}

int hand_admit_as(uint32_t user, struct dr_command command)
{
    command.user.v = user;
    command.roles = 0xff;
    return hand_admit(&command);
}

void hand_declare(struct dr_fact fact)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};

    command.body.declare = fact;
    if (!hand_admit(&command))
        fail_msg("%s: %s", hand.answer.field, hand.answer.text);
}

static void declare_account(uint32_t id, uint32_t parent, const char *name, int64_t guarantee,
                            int64_t borrow, int64_t lend)
{
    struct dr_quota_limits limits = {{1}, guarantee * 1000, borrow, lend};
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};

    fact.account_set = (struct dr_fact_account_set){
        .account = id, .parent = parent, .weight = 1000, .limits = &limits, .limits_count = 1};
    dr_copy_name(fact.account_set.name, name);
    hand_declare(fact);
}

static void declare_user(uint32_t id, const char *name, uint8_t roles, uint32_t account)
{
    struct dr_membership membership = {{account}, DR_ROLE_USER};
    struct dr_fact fact = {.kind = DR_FACT_USER_SET};

    fact.user_set = (struct dr_fact_user_set){.user = id,
                                              .uid = 1000 + id,
                                              .gid = 1000 + id,
                                              .roles = roles,
                                              .memberships = &membership,
                                              .memberships_count = account != 0,
                                              .default_account = account};
    dr_copy_name(fact.user_set.name, name);
    hand_declare(fact);
}

void hand_set_up(void)
{
    static const int64_t tariff[24] = {[0 ... 11] = 100000000, [12 ... 23] = 200000000};
    static const uint32_t groups[3] = {1, 2, 3};
    static const char *const group_names[3] = {"chip", "cpus", "memory"};
    struct dr_level levels[] = {{"block", 2}};
    struct dr_fact fact;

    CHECK_EQ(dr_core_open(&hand.core, &HAND_LIMITS), DR_OK);
    hand.batch = (struct dr_batch){.bytes = malloc(1u << 20),
                                   .bytes_max = 1u << 20,
                                   .effects = malloc(1000 * sizeof(struct dr_effect)),
                                   .effects_max = 1000};
    dr_buffer_init(&hand.journal, 64u << 20);
    hand.now_us = 1000 * DR_DAY_US;

    fact = (struct dr_fact){.kind = DR_FACT_SETTINGS_SET};
    fact.settings_set = (struct dr_fact_settings_set){.name = "test",
                                                      .half_life_us = 7 * DR_DAY_US,
                                                      .default_limit_us = DR_HOUR_US,
                                                      .default_grace_us = 30 * DR_SECOND_US,
                                                      .retain_ended_us = 5 * DR_MINUTE_US,
                                                      .requeue_limit = 2,
                                                      .job_uid = 65534,
                                                      .job_gid = 65534};
    hand_declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_CHIP_SET};
    fact.chip_set =
        (struct dr_fact_chip_set){.chip = 1, .name = "chip", .idle_w = 100, .busy_w = 700};
    hand_declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_SITE_SET};
    fact.site_set = (struct dr_fact_site_set){.site = 1,
                                              .name = "here",
                                              .pue_milli = 1250,
                                              .tariff_micro = tariff,
                                              .tariff_micro_count = 24,
                                              .engine = DR_ENGINE_SIMULATED};
    hand_declare(fact);
    for (uint32_t i = 0; i < 3; i += 1) {
        fact = (struct dr_fact){.kind = DR_FACT_GROUP_SET};
        fact.group_set = (struct dr_fact_group_set){.group = i + 1, .resource = (uint8_t)i};
        dr_copy_name(fact.group_set.name, group_names[i]);
        hand_declare(fact);
    }
    declare_account(1, 0, "root", 32, DR_FOREVER_US, DR_FOREVER_US);
    declare_account(2, 1, "science", 16, DR_FOREVER_US, DR_FOREVER_US);
    declare_account(3, 2, "lab", 12, DR_FOREVER_US, DR_FOREVER_US);
    declare_account(4, 2, "farm", 4, 8000, 1000);
    declare_account(5, 1, "industry", 8, DR_FOREVER_US, DR_FOREVER_US);
    fact = (struct dr_fact){.kind = DR_FACT_POOL_SET};
    fact.pool_set = (struct dr_fact_pool_set){.pool = 1,
                                              .site = 1,
                                              .name = "pool",
                                              .chip = 1,
                                              .owner = 1,
                                              .accelerators = 8,
                                              .cpus = 64000,
                                              .memory_mb = 512000,
                                              .levels = levels,
                                              .levels_count = 1,
                                              .node_prefix = "n",
                                              .node_first = 1,
                                              .node_digits = 2,
                                              .groups = groups,
                                              .groups_count = 3};
    hand_declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_NODES_ADDED};
    fact.nodes_added = (struct dr_fact_nodes_added){.pool = 1, .node = 1, .count = 4};
    hand_declare(fact);
    declare_user(ADMIN, "admin", 1u << DR_ROLE_ADMIN, 0);
    declare_user(ANNA, "anna", 0, 3);
    declare_user(BORA, "bora", 0, 4);
}

void hand_tear_down(void)
{
    dr_core_close(hand.core);
    free(hand.batch.bytes);
    free(hand.batch.effects);
    dr_buffer_deinit(&hand.journal);
}

struct dr_command hand_submit_of(uint32_t tasks, uint32_t accelerators)
{
    struct dr_command command = {.kind = DR_COMMAND_SUBMIT, .roles = 0xff};

    hand.alternative = (struct dr_alternative){.tasks = tasks,
                                               .accelerators_per_task = accelerators * 1000,
                                               .cpus_per_task = 1000,
                                               .memory_mb_per_task = 100,
                                               .factor = 1000};
    command.body.submit = (struct dr_fact_job_accepted){
        .alternatives = &hand.alternative, .alternatives_count = 1, .preemptible = 1, .requeue = 1};
    return command;
}

uint64_t hand_submit(uint32_t user, uint32_t tasks, uint32_t accelerators)
{
    if (!hand_admit_as(user, hand_submit_of(tasks, accelerators)))
        fail_msg("%s: %s", hand.answer.field, hand.answer.text);
    return hand.answer.job.v;
}

struct dr_job *hand_job(uint64_t id)
{
    return dr_job_at(hand.core, dr_job_find(hand.core, (dr_job_id){id}));
}

const struct dr_run *hand_run_of(uint64_t id)
{
    return dr_job_run(hand.core, hand_job(id));
}

const struct dr_terms *hand_terms_of(uint64_t id)
{
    return dr_job_terms(hand.core, hand_job(id));
}

void hand_place(uint64_t id, uint32_t node, uint32_t bit)
{
    const struct dr_alternative *way = &hand.core->shapes[hand_job(id)->shape].alternatives[0];
    uint32_t count = way->tasks * way->accelerators_per_task / 1000;
    struct dr_extent extent = {{node}, way->tasks, ((UINT64_C(1) << count) - 1) << bit};
    struct dr_fact fact = {.kind = DR_FACT_JOB_PLACED, .time_us = hand.now_us};

    fact.job_placed = (struct dr_fact_job_placed){.job = id,
                                                  .attempt = hand_run_of(id)->attempt + 1,
                                                  .pool = 1,
                                                  .limit_us = hand_job(id)->limit_us,
                                                  .extents = &extent,
                                                  .extents_count = 1};
    dr_settle(hand.core, &fact, &hand.batch);
    hand_keep_batch();
}

void hand_report(enum dr_command_kind kind, uint64_t id, enum dr_outcome outcome, int exit_code)
{
    struct dr_command command = {.kind = kind, .roles = 0xff};

    command.body.attempt.job.v = id;
    command.body.attempt.attempt = hand_run_of(id)->attempt;
    command.body.attempt.time_us = hand.now_us;
    command.body.attempt.outcome = outcome;
    command.body.attempt.exit_code = exit_code;
    CHECK(hand_admit(&command));
}

void hand_stop(uint64_t id, enum dr_stop_cause cause)
{
    struct dr_fact fact = {.kind = DR_FACT_ATTEMPT_STOPPING, .time_us = hand.now_us};

    fact.attempt_stopping = (struct dr_fact_attempt_stopping){
        .job = id, .attempt = hand_run_of(id)->attempt, .cause = (uint8_t)cause};
    dr_settle(hand.core, &fact, &hand.batch);
    hand_keep_batch();
}

struct dr_quota *hand_quota(uint32_t account)
{
    return dr_quota_at(hand.core, (dr_account_id){account}, (dr_group_id){1});
}

struct dr_core *hand_replay(void)
{
    struct dr_core *again;
    struct dr_arena arena;
    uint32_t at = 0;

    CHECK_EQ(dr_core_open(&again, &HAND_LIMITS), DR_OK);
    CHECK_EQ(dr_arena_init(&arena, 8u << 20), DR_OK);
    while (at < hand.journal.length) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&arena, 0);
        CHECK_EQ(dr_fact_decode(hand.journal.data + at, (uint32_t)hand.journal.length - at, &arena,
                                &fact, &taken, &error),
                 DR_OK);
        fact.seq = dr_core_seq(again) + 1;
        dr_apply(again, &fact, NULL);
        at += taken;
    }
    dr_arena_deinit(&arena);
    return again;
}
