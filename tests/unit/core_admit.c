/* SPDX-License-Identifier: Apache-2.0 */
/* What is admitted, what is refused and why, and what is filled in. */
#include "by_hand.h"

TEST(what_is_wrong_with_a_job_is_said)
{
    struct dr_command command;

    hand_set_up();
#define REFUSED(user, change, kind, in_field, part)       \
    do {                                                  \
        uint64_t seq = dr_core_seq(hand.core);            \
                                                          \
        command = hand_submit_of(1, 1);                   \
        change;                                           \
        CHECK(!hand_admit_as(user, command));             \
        CHECK_EQ(hand.answer.refused, DR_REFUSAL_##kind); \
        CHECK_TEXT(hand.answer.field, in_field);          \
        CHECK_HAS(hand.answer.text, part);                \
        CHECK_EQ(dr_core_seq(hand.core), seq);            \
    } while (0)
    REFUSED(ANNA, command.body.submit.account = 4, DENIED, "account",
            "may not submit to account farm");
    REFUSED(ANNA, command.body.submit.account = 2, INVALID, "account", "accounts below it");
    REFUSED(ANNA, command.body.submit.account = 99, UNKNOWN, "account", "no such account");
    REFUSED(ADMIN, (void)0, INVALID, "account", "no default account");
    REFUSED(ANNA, command.body.submit.job_user = BORA, DENIED, "user", "only operators");
    REFUSED(ANNA, hand.alternative.tasks = 0, INVALID, "tasks", "found 0 tasks");
    REFUSED(ANNA, hand.alternative.accelerators_per_task = 1500, INVALID, "accelerators",
            "whole number");
    REFUSED(ANNA, hand.alternative.accelerators_per_task = 65000, INVALID, "accelerators",
            "at most 64");
    REFUSED(ANNA, hand.alternative.cpus_per_task = 0, INVALID, "cpus", "found 0");
    REFUSED(ANNA, hand.alternative.chips = 2, UNKNOWN, "chips", "no such chip");
    REFUSED(ANNA, hand.alternative.factor = 0, INVALID, "factor", "0.001");
    REFUSED(ANNA, hand.alternative.factor = 1000001, INVALID, "factor", "to 1000");
    REFUSED(ANNA, command.body.submit.limit_us = -DR_SECOND_US, INVALID, "limit_us", "found -");
    REFUSED(ANNA, command.body.submit.warn_before_us = 2 * DR_HOUR_US, INVALID, "warn_before_us",
            "before the start");
    REFUSED(ANNA, command.body.submit.deadline_us = 5, INVALID, "deadline_us", "passed");
    REFUSED(ANNA, command.body.submit.unreachable_us = DR_HOUR_US, INVALID, "fenced",
            "may run on, beside the next one");
    REFUSED(
        ANNA,
        (command.body.submit.fenced = 1, command.body.submit.unreachable_us = 59 * DR_SECOND_US),
        INVALID, "unreachable_us", "found 59 s, expected 1 minute to");
    REFUSED(ANNA,
            (command.body.submit.fenced = 1, command.body.submit.requeue = 0,
             command.body.submit.unreachable_us = DR_HOUR_US),
            INVALID, "unreachable_us", "is not to be requeued");
    REFUSED(ANNA, command.body.submit.priority = 2000000, INVALID, "priority", "1000000");
    REFUSED(ANNA, command.body.submit.data_class = 3, UNKNOWN, "data_class", "no such");
    REFUSED(ANNA, dr_site_set_add(&command.body.submit.sites, 7), UNKNOWN, "sites", "no such");
    REFUSED(ANNA, command.body.submit.warn_signal = 99, INVALID, "warn_signal", "1 to 64");
#undef REFUSED
    hand_tear_down();
}

/* Its own, else its account's path, else its pools', else the federation's. */
TEST(a_job_without_a_limit_gets_a_default)
{
    struct dr_command command;

    hand_set_up();
    CHECK_EQ(hand_job(hand_submit(ANNA, 1, 1))->limit_us, DR_HOUR_US);
    hand.core->pools[0].default_limit_us = 2 * DR_HOUR_US;
    CHECK_EQ(hand_job(hand_submit(ANNA, 1, 1))->limit_us, 2 * DR_HOUR_US);
    hand.core->accounts[1].default_limit_us = 3 * DR_HOUR_US; /* science, above lab */
    CHECK_EQ(hand_job(hand_submit(ANNA, 1, 1))->limit_us, 3 * DR_HOUR_US);
    command = hand_submit_of(1, 1);
    command.body.submit.limit_us = 5 * DR_MINUTE_US;
    CHECK(hand_admit_as(ANNA, command));
    CHECK_EQ(hand_job(hand.answer.job.v)->limit_us, 5 * DR_MINUTE_US);
    hand_tear_down();
}

/* An attempt of a quarter of an hour, taken back at its end. */
static void a_quarter(uint64_t id, uint32_t factor)
{
    struct dr_extent extent = {{1}, 1, 1};
    struct dr_fact fact = {.kind = DR_FACT_JOB_PLACED, .time_us = hand.now_us};

    fact.job_placed = (struct dr_fact_job_placed){
        .job = id,
        .attempt = hand_run_of(id)->attempt + 1,
        .pool = 1,
        .limit_us = dr_job_next_limit_us(
            hand.core, dr_job_at(hand.core, dr_job_find(hand.core, (dr_job_id){id})), 0),
        .factor = factor,
        .extents = &extent,
        .extents_count = 1};
    dr_settle(hand.core, &fact, &hand.batch);
    hand_keep_batch();
    hand_report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
    hand.now_us += 15 * DR_MINUTE_US;
    hand_stop(id, DR_STOP_RECLAIM);
    hand_report(DR_COMMAND_ENDED, id, DR_OUTCOME_SIGNALLED, 0);
    CHECK_EQ(hand_job(id)->state, DR_JOB_PENDING);
}

/* A limit is stated for factor 1: an attempt has it times the factor, rounded up; where it counts
 * all attempts, what they ran counts as at factor 1. A record without a factor counts as it ran. */
TEST(a_limit_is_stated_for_factor_1)
{
    struct dr_command command;
    struct dr_core *again;
    uint64_t id;

    hand_set_up();
    command = hand_submit_of(1, 1);
    hand.alternative.factor = 333;
    command.body.submit.limit_us = 1001;
    CHECK(hand_admit_as(ANNA, command));
    CHECK_EQ(dr_job_next_limit_us(hand.core, hand_job(hand.answer.job.v), 0), 334);

    command = hand_submit_of(1, 1);
    hand.alternative.factor = 500;
    command.body.submit.limit_us = DR_HOUR_US;
    command.body.submit.limit_total = 1;
    CHECK(hand_admit_as(ANNA, command));
    id = hand.answer.job.v;
    CHECK_EQ(dr_job_next_limit_us(hand.core, hand_job(id), 0), 30 * DR_MINUTE_US);
    a_quarter(id, 500);
    CHECK_EQ(hand_run_of(id)->run_us, 15 * DR_MINUTE_US);
    CHECK_EQ(dr_job_spent_us(hand.core, hand_job(id)), 30 * DR_MINUTE_US);
    CHECK_EQ(dr_job_next_limit_us(hand.core, hand_job(id), 0), 15 * DR_MINUTE_US);
    a_quarter(id, 0);
    CHECK_EQ(dr_job_spent_us(hand.core, hand_job(id)), 45 * DR_MINUTE_US);
    a_quarter(id, 1000);
    CHECK_EQ(dr_job_next_limit_us(hand.core, hand_job(id), 0), DR_SECOND_US); /* used up */

    /* A warning has to come after the start in every hand.alternative. */
    command = hand_submit_of(1, 1);
    hand.alternative.factor = 500;
    command.body.submit.limit_us = DR_HOUR_US;
    command.body.submit.warn_before_us = 30 * DR_MINUTE_US;
    CHECK(!hand_admit_as(ANNA, command));
    CHECK_TEXT(hand.answer.field, "warn_before_us");
    command.body.submit.warn_before_us -= 1;
    CHECK(hand_admit_as(ANNA, command));
    again = hand_replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(hand.core));
    dr_core_close(again);
    hand_tear_down();
}

static uint32_t memory_of(struct dr_command command)
{
    if (!hand_admit_as(ANNA, command))
        fail_msg("%s: %s", hand.answer.field, hand.answer.text);
    return hand.core->shapes[hand_job(hand.answer.job.v)->shape].alternatives[0].memory_mb_per_task;
}

static uint32_t memory_without(uint32_t accelerators, uint32_t cpus)
{
    struct dr_command command = hand_submit_of(1, accelerators);

    hand.alternative.cpus_per_task = cpus * 1000;
    hand.alternative.memory_mb_per_task = 0;
    return memory_of(command);
}

/* A job that states no memory has its share of the node, by CPUs or by accelerators, whichever is
 * more; of several pools the least. What is decided is in the fact, and counts in quotas. */
TEST(a_job_without_memory_gets_its_share)
{
    static const uint32_t groups[3] = {1, 2, 3};
    struct dr_fact fact = {.kind = DR_FACT_POOL_SET};
    struct dr_command command;
    struct dr_core *again;
    uint64_t placed;

    hand_set_up(); /* nodes of 8 accelerators, 64 CPUs, 512000 MB */
    CHECK_EQ(memory_of(hand_submit_of(1, 1)), 100); /* stated */
    CHECK_EQ(memory_without(1, 1), 64000);
    CHECK_EQ(memory_without(0, 1), 8000);
    CHECK_EQ(memory_without(2, 32), 256000);
    CHECK_EQ(memory_without(8, 64), 512000);
    placed = hand.answer.job.v;
    hand_place(placed, 1, 0);
    CHECK_EQ(dr_quota_at(hand.core, (dr_account_id){3}, (dr_group_id){3})->use, 512000);
    CHECK_EQ(hand.core->nodes[0].memory_mb_used, 512000);

    /* A pool with half of the memory, and no accelerators: who may run there has a share of it. */
    fact.pool_set = (struct dr_fact_pool_set){.pool = 2,
                                              .site = 1,
                                              .name = "small",
                                              .owner = 1,
                                              .cpus = 32000,
                                              .memory_mb = 128000,
                                              .node_prefix = "s",
                                              .groups = groups,
                                              .groups_count = 3};
    hand_declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_NODES_ADDED};
    fact.nodes_added = (struct dr_fact_nodes_added){.pool = 2, .count = 1};
    hand_declare(fact);
    CHECK_EQ(memory_without(0, 1), 4000);
    CHECK_EQ(memory_without(0, 33), 264000); /* more CPUs than a node has there */
    CHECK_EQ(memory_without(1, 1), 64000);
    command = hand_submit_of(1, 0);
    hand.alternative.memory_mb_per_task = 0;
    hand.alternative.chips = 1;
    CHECK_EQ(memory_of(command), 8000);

    /* A pool may say otherwise, and its consent may leave the account out. */
    fact = (struct dr_fact){.kind = DR_FACT_POOL_SET};
    fact.pool_set = (struct dr_fact_pool_set){.pool = 2,
                                              .site = 1,
                                              .name = "small",
                                              .owner = 1,
                                              .cpus = 32000,
                                              .memory_mb = 128000,
                                              .node_prefix = "s",
                                              .default_memory_per_cpu_mb = 500,
                                              .default_memory_per_accelerator_mb = 1000,
                                              .groups = groups,
                                              .groups_count = 3};
    hand_declare(fact);
    CHECK_EQ(memory_without(0, 2), 1000);
    hand.core->pools[0].default_memory_per_cpu_mb = 2000;
    hand.core->pools[0].default_memory_per_accelerator_mb = 3000;
    CHECK_EQ(memory_without(1, 1), 3000);
    CHECK_EQ(memory_without(1, 2), 4000);
    hand.core->pools[0].default_memory_per_cpu_mb = 0;
    hand.core->pools[0].default_memory_per_accelerator_mb = 0;
    fact.pool_set.consent = (uint32_t[]){5};
    fact.pool_set.consent_count = 1;
    hand_declare(fact);
    CHECK_EQ(memory_without(0, 2), 16000);
    again = hand_replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(hand.core));
    dr_core_close(again);
    hand_tear_down();
}

/* At the limit and one above: a leaf's default, its own word, and an account's above it, which
 * counts all below. What has ended counts no more. */
TEST(an_account_has_so_many_live_jobs)
{
    uint64_t first;

    hand_set_up();
    hand.core->settings.default_jobs_max = 3; /* of lab, a leaf; science above it is none */
    first = hand_submit(ANNA, 1, 1);
    hand_submit(ANNA, 1, 1);
    hand_submit(ANNA, 1, 1);
    CHECK(!hand_admit_as(ANNA, hand_submit_of(1, 1)));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_LIMIT);
    CHECK_TEXT(hand.answer.field, "account");
    CHECK_TEXT(hand.answer.text, "account lab has 3 jobs that have not ended; with 1 more it would "
                                 "pass its limit of 3 (the federation's default_jobs_max)");
    CHECK(hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {first}}));
    hand_submit(ANNA, 1, 1);
    CHECK(!hand_admit_as(ANNA, hand_submit_of(1, 1)));

    hand.core->accounts[2].jobs_max = 5;
    hand_submit(ANNA, 1, 1);
    hand_submit(ANNA, 1, 1);
    CHECK(!hand_admit_as(ANNA, hand_submit_of(1, 1)));
    CHECK_HAS(hand.answer.text, "account lab has 5 jobs");
    CHECK_HAS(hand.answer.text, "limit of 5 (its jobs_max)");

    hand.core->accounts[1].jobs_max = 6; /* science: lab and farm together */
    hand_submit(BORA, 1, 1);
    CHECK(!hand_admit_as(BORA, hand_submit_of(1, 1)));
    CHECK_HAS(hand.answer.text, "account science has 6 jobs");

    hand.core->accounts[1].jobs_max = 0;
    hand.core->settings.default_jobs_max = 0; /* no limit */
    for (int i = 0; i < 10; i += 1)
        hand_submit(BORA, 1, 1);
    hand_tear_down();
}

TEST(who_may_touch_a_job)
{
    uint64_t id;

    hand_set_up();
    id = hand_submit(ANNA, 1, 1);
    CHECK(!hand_admit_as(BORA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_DENIED);
    CHECK(hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_HOLD, .body.job = {id}}));
    CHECK(hand_job(id)->held);
    CHECK(hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_HOLD, .body.job = {id}}));
    CHECK(hand.answer.unchanged);
    CHECK(hand_admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK_EQ(hand_job(id)->state, DR_JOB_CANCELLED);
    CHECK(!hand_admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {77}}));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_UNKNOWN);
    hand_tear_down();
}

TEST(guarantees_below_an_account_stay_within_its_own)
{
    struct dr_quota_limits limits = {{1}, 13000, DR_FOREVER_US, DR_FOREVER_US};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};

    hand_set_up();
    command.body.declare.kind = DR_FACT_ACCOUNT_SET;
    command.body.declare.account_set = (struct dr_fact_account_set){.account = 3,
                                                                    .parent = 2,
                                                                    .name = "lab",
                                                                    .weight = 1000,
                                                                    .limits = &limits,
                                                                    .limits_count = 1};
    CHECK(!hand_admit(&command)); /* 13 + 4 > 16 */
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_LIMIT);
    limits.guarantee = 15000;
    command.body.declare.account_set.account = 2;
    command.body.declare.account_set.parent = 1;
    dr_copy_name(command.body.declare.account_set.name, "science");
    CHECK(!hand_admit(&command)); /* 15 < 12 + 4 */
    CHECK_HAS(hand.answer.text, "below it");
    command.body.declare.account_set.limits_count = 0; /* in a group that it does not name: 0 */
    CHECK(!hand_admit(&command));
    CHECK_HAS(hand.answer.text, "guarantee of 0 in group chip is less than the 16000");
    hand_tear_down();
}

TEST(an_account_with_jobs_is_not_removed)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    uint64_t id;

    hand_set_up();
    id = hand_submit(BORA, 1, 1);
    command.body.declare.kind = DR_FACT_ACCOUNT_REMOVED;
    command.body.declare.account_removed.account = 4;
    CHECK(!hand_admit(&command));
    CHECK_HAS(hand.answer.text, "1 live jobs");
    CHECK(hand_admit_as(BORA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK(hand_admit(&command));
    CHECK_EQ(dr_account_named(hand.core, "farm").v, 0);
    CHECK_EQ(hand_quota(1)->occupied, 0); /* what it held back is free */
    hand_tear_down();
}

/* A group goes once no pool counts in it and nobody is guaranteed anything in it; what accounts had
 * in it goes with it, and its id with its name is not taken for another. */
TEST(a_group_goes_when_no_pool_counts_in_it)
{
    struct dr_fact fact = {.kind = DR_FACT_GROUP_SET};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_core *again;

    hand_set_up();
    fact.group_set = (struct dr_fact_group_set){.name = "spare"};
    hand_declare(fact);
    CHECK_EQ(hand.answer.id, 4);
    fact.group_set = (struct dr_fact_group_set){.name = "spare"};
    command.body.declare = fact;
    CHECK(!hand_admit(&command)); /* the name is another's */
    CHECK_HAS(hand.answer.text, "another group is called spare");

    command.body.declare = (struct dr_fact){.kind = DR_FACT_GROUP_REMOVED};
    command.body.declare.group_removed.group = 5;
    CHECK(!hand_admit(&command));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_UNKNOWN);
    command.body.declare.group_removed.group = 1;
    CHECK(!hand_admit(&command));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_STATE);
    CHECK_TEXT(hand.answer.text, "pool pool still counts in group chip");

    fact = (struct dr_fact){.kind = DR_FACT_ACCOUNT_SET};
    fact.account_set = (struct dr_fact_account_set){.account = 1, .name = "root", .weight = 1000};
    fact.account_set.limits =
        (struct dr_quota_limits[]){{{1}, 32000, DR_FOREVER_US, DR_FOREVER_US}, {{4}, 5000, 0, 0}};
    fact.account_set.limits_count = 2;
    hand_declare(fact);
    command.body.declare = (struct dr_fact){.kind = DR_FACT_GROUP_REMOVED};
    command.body.declare.group_removed.group = 4;
    CHECK(!hand_admit(&command));
    CHECK_TEXT(hand.answer.text, "account root is still guaranteed something in group spare");
    fact.account_set.limits =
        (struct dr_quota_limits[]){{{1}, 32000, DR_FOREVER_US, DR_FOREVER_US}, {{4}, 0, 7000, 0}};
    hand_declare(fact);
    CHECK(hand_admit(&command));
    CHECK(!hand.answer.unchanged);
    CHECK_EQ(dr_group_named(hand.core, "spare").v, 0);
    CHECK_EQ(dr_quota_at(hand.core, (dr_account_id){1}, (dr_group_id){4})->borrow, DR_FOREVER_US);
    CHECK(hand_admit(&command));
    CHECK(hand.answer.unchanged);

    /* Nothing names it any more. */
    CHECK(!hand_admit_as(ADMIN,
                         (struct dr_command){.kind = DR_COMMAND_DECLARE, .body.declare = fact}));
    CHECK_TEXT(hand.answer.text, "there is no such group");
    fact = (struct dr_fact){.kind = DR_FACT_GROUP_SET};
    fact.group_set = (struct dr_fact_group_set){.group = 4, .name = "spare"};
    command.body.declare = fact;
    CHECK(!hand_admit(&command));
    CHECK_TEXT(hand.answer.text, "group 4 was removed; an id is never used again");
    fact.group_set.group = 0;
    hand_declare(fact);
    CHECK_EQ(hand.answer.id, 5);

    again = hand_replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(hand.core));
    dr_core_close(again);
    hand_tear_down();
}

TEST(elements_know_their_array)
{
    struct dr_command command;

    hand_set_up();
    hand_submit(ANNA, 1, 1);
    for (uint32_t place_in_array = 1; place_in_array <= 3; place_in_array += 1) {
        command = hand_submit_of(1, 1);
        command.body.submit.array_job = place_in_array;
        command.body.submit.array_index = 10 * place_in_array;
        command.body.submit.array_limit = 2;
        CHECK(hand_admit_as(ANNA, command));
        CHECK_EQ(hand_terms_of(hand.answer.job.v)->array_job, 2);
    }
    CHECK_EQ(hand.core->arrays[0].live, 3);
    hand_place(3, 1, 0);
    CHECK_EQ(hand.core->arrays[0].active, 1);
    hand_tear_down();
}

TEST(a_full_table_is_a_refusal)
{
    hand_set_up();
    for (uint32_t i = 0; i < HAND_LIMITS.jobs_max; i += 1)
        hand_submit(ANNA, 1, 1);
    CHECK(!hand_admit_as(ANNA, hand_submit_of(1, 1)));
    CHECK_EQ(hand.answer.refused, DR_REFUSAL_FULL);
    CHECK_HAS(hand.answer.text, "200");
    hand_tear_down();
}
