/* SPDX-License-Identifier: Apache-2.0 */
/* admit() and apply() without the policy: jobs are placed by hand here, so that each test shows one
 * arrow of the job's states, one refusal, one sum. */
#include "test.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "core/admit.h"
#include "core/quota.h"
#include "core/state.h"

#define ADMIN 1
#define ANNA  2
#define BORA  3

/* A federation of one site with one pool of 4 nodes x 8 accelerators, and the tree
 * root > science (16 guaranteed) > lab (12), farm (4); root > industry (8). */
struct fixture {
    struct dr_core *core;
    struct dr_batch batch;
    struct dr_buffer journal; /* every record so far */
    int64_t now_us;
    struct dr_answer answer;
};

static struct fixture fixture;

static const struct dr_limits small = {.jobs_max = 200,
                                       .nodes_max = 64,
                                       .pools_max = 8,
                                       .accounts_max = 16,
                                       .users_max = 8,
                                       .tokens_max = 8,
                                       .groups_max = 8,
                                       .datasets_max = 8,
                                       .extents_max = 1000};

static void keep_batch(void)
{
    dr_buffer_append(&fixture.journal, fixture.batch.bytes, fixture.batch.bytes_count);
    dr_batch_clear(&fixture.batch);
}

static int admit(const struct dr_command *command)
{
    int admitted = dr_admit(fixture.core, command, fixture.now_us, &fixture.batch, &fixture.answer);

    keep_batch();
    return admitted;
}

static int admit_as(uint32_t user, struct dr_command command)
{
    command.user.v = user;
    command.roles = 0xff;
    return admit(&command);
}

static void declare(struct dr_fact fact)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};

    command.body.declare = fact;
    if (!admit(&command))
        fail_msg("%s: %s", fixture.answer.field, fixture.answer.text);
}

static void declare_account(uint32_t id, uint32_t parent, const char *name, int64_t guarantee,
                            int64_t borrow, int64_t lend)
{
    struct dr_quota_limits limits = {{1}, guarantee * 1000, borrow, lend};
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};

    fact.account_set = (struct dr_fact_account_set){
        .account = id, .parent = parent, .weight = 1000, .limits = &limits, .limits_count = 1};
    dr_copy_name(fact.account_set.name, name);
    declare(fact);
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
    declare(fact);
}

static void set_up(void)
{
    static const int64_t tariff[24] = {[0 ... 11] = 100000000, [12 ... 23] = 200000000};
    static const uint32_t groups[3] = {1, 2, 3};
    static const char *const group_names[3] = {"chip", "cpus", "memory"};
    struct dr_level levels[] = {{"block", 2}};
    struct dr_fact fact;

    CHECK_EQ(dr_core_open(&fixture.core, &small), DR_OK);
    fixture.batch = (struct dr_batch){.bytes = malloc(1u << 20),
                                      .bytes_max = 1u << 20,
                                      .effects = malloc(1000 * sizeof(struct dr_effect)),
                                      .effects_max = 1000};
    dr_buffer_init(&fixture.journal, 64u << 20);
    fixture.now_us = 1000 * DR_DAY_US;

    fact = (struct dr_fact){.kind = DR_FACT_SETTINGS_SET};
    fact.settings_set = (struct dr_fact_settings_set){.name = "test",
                                                      .half_life_us = 7 * DR_DAY_US,
                                                      .default_limit_us = DR_HOUR_US,
                                                      .default_grace_us = 30 * DR_SECOND_US,
                                                      .retain_ended_us = 5 * DR_MINUTE_US,
                                                      .requeue_limit = 2,
                                                      .job_uid = 65534,
                                                      .job_gid = 65534};
    declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_CHIP_SET};
    fact.chip_set =
        (struct dr_fact_chip_set){.chip = 1, .name = "chip", .idle_w = 100, .busy_w = 700};
    declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_SITE_SET};
    fact.site_set = (struct dr_fact_site_set){.site = 1,
                                              .name = "here",
                                              .pue_milli = 1250,
                                              .tariff_micro = tariff,
                                              .tariff_micro_count = 24,
                                              .engine = DR_ENGINE_SIMULATED};
    declare(fact);
    for (uint32_t i = 0; i < 3; i += 1) {
        fact = (struct dr_fact){.kind = DR_FACT_GROUP_SET};
        fact.group_set = (struct dr_fact_group_set){.group = i + 1, .resource = (uint8_t)i};
        dr_copy_name(fact.group_set.name, group_names[i]);
        declare(fact);
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
    declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_NODES_ADDED};
    fact.nodes_added = (struct dr_fact_nodes_added){.pool = 1, .node = 1, .count = 4};
    declare(fact);
    declare_user(ADMIN, "admin", 1u << DR_ROLE_ADMIN, 0);
    declare_user(ANNA, "anna", 0, 3);
    declare_user(BORA, "bora", 0, 4);
}

static void tear_down(void)
{
    dr_core_close(fixture.core);
    free(fixture.batch.bytes);
    free(fixture.batch.effects);
    dr_buffer_deinit(&fixture.journal);
}

static struct dr_alternative alternative;

static struct dr_command submit_of(uint32_t tasks, uint32_t accelerators)
{
    struct dr_command command = {.kind = DR_COMMAND_SUBMIT, .roles = 0xff};

    alternative = (struct dr_alternative){.tasks = tasks,
                                          .accelerators_per_task = accelerators * 1000,
                                          .cpus_per_task = 1000,
                                          .memory_mb_per_task = 100,
                                          .factor = 1000};
    command.body.submit = (struct dr_fact_job_accepted){
        .alternatives = &alternative, .alternatives_count = 1, .preemptible = 1, .requeue = 1};
    return command;
}

static uint64_t submit(uint32_t user, uint32_t tasks, uint32_t accelerators)
{
    if (!admit_as(user, submit_of(tasks, accelerators)))
        fail_msg("%s: %s", fixture.answer.field, fixture.answer.text);
    return fixture.answer.job.v;
}

static struct dr_job *job(uint64_t id)
{
    return dr_job_at(fixture.core, dr_job_find(fixture.core, (dr_job_id){id}));
}

static const struct dr_run *run_of(uint64_t id)
{
    return dr_job_run(fixture.core, job(id));
}

static const struct dr_terms *terms_of(uint64_t id)
{
    return dr_job_terms(fixture.core, job(id));
}

/* All tasks on one node, on the lowest accelerators from `bit` on. */
static void place(uint64_t id, uint32_t node, uint32_t bit)
{
    const struct dr_alternative *way = &fixture.core->shapes[job(id)->shape].alternatives[0];
    uint32_t count = way->tasks * way->accelerators_per_task / 1000;
    struct dr_extent extent = {{node}, way->tasks, ((UINT64_C(1) << count) - 1) << bit};
    struct dr_fact fact = {.kind = DR_FACT_JOB_PLACED, .time_us = fixture.now_us};

    fact.job_placed = (struct dr_fact_job_placed){.job = id,
                                                  .attempt = run_of(id)->attempt + 1,
                                                  .pool = 1,
                                                  .limit_us = job(id)->limit_us,
                                                  .extents = &extent,
                                                  .extents_count = 1};
    dr_settle(fixture.core, &fact, &fixture.batch);
    keep_batch();
}

static void report(enum dr_command_kind kind, uint64_t id, enum dr_outcome outcome, int exit_code)
{
    struct dr_command command = {.kind = kind, .roles = 0xff};

    command.body.attempt.job.v = id;
    command.body.attempt.attempt = run_of(id)->attempt;
    command.body.attempt.time_us = fixture.now_us;
    command.body.attempt.outcome = outcome;
    command.body.attempt.exit_code = exit_code;
    CHECK(admit(&command));
}

static void stop(uint64_t id, enum dr_stop_cause cause)
{
    struct dr_fact fact = {.kind = DR_FACT_ATTEMPT_STOPPING, .time_us = fixture.now_us};

    fact.attempt_stopping = (struct dr_fact_attempt_stopping){
        .job = id, .attempt = run_of(id)->attempt, .cause = (uint8_t)cause};
    dr_settle(fixture.core, &fact, &fixture.batch);
    keep_batch();
}

static struct dr_quota *quota(uint32_t account)
{
    return dr_quota_at(fixture.core, (dr_account_id){account}, (dr_group_id){1});
}

/* Read everything back into a fresh core. */
static struct dr_core *replay(void)
{
    struct dr_core *again;
    struct dr_arena arena;
    uint32_t at = 0;

    CHECK_EQ(dr_core_open(&again, &small), DR_OK);
    CHECK_EQ(dr_arena_init(&arena, 8u << 20), DR_OK);
    while (at < fixture.journal.length) {
        struct dr_fact fact;
        struct dr_error error;
        uint32_t taken;

        dr_arena_reset(&arena, 0);
        CHECK_EQ(dr_fact_decode(fixture.journal.data + at, (uint32_t)fixture.journal.length - at,
                                &arena, &fact, &taken, &error),
                 DR_OK);
        fact.seq = dr_core_seq(again) + 1;
        dr_apply(again, &fact, NULL);
        at += taken;
    }
    dr_arena_deinit(&arena);
    return again;
}

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
    uint64_t first = submit(ANNA, 1, 8);
    uint64_t second = submit(BORA, 2, 2);
    uint64_t third;
    struct dr_dependency after = {DR_DEPENDENCY_AFTEROK, {first}};
    struct dr_command command;

    submit(ANNA, 1, 1);
    command = submit_of(1, 1);
    command.body.submit.dependencies = &after;
    command.body.submit.dependencies_count = 1;
    CHECK(admit_as(ANNA, command));
    place(first, 1, 0);
    place(second, 2, 0);
    fixture.now_us += DR_MINUTE_US;
    report(DR_COMMAND_STARTED, first, DR_OUTCOME_EXITED, 0);
    report(DR_COMMAND_STARTED, second, DR_OUTCOME_EXITED, 0);
    third = submit(BORA, 1, 0);
    place(third, 3, 0);
    fixture.now_us += DR_MINUTE_US;
    stop(second, DR_STOP_RECLAIM);
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    fixture.now_us += DR_MINUTE_US;
    report(DR_COMMAND_ENDED, second, DR_OUTCOME_SIGNALLED, 0);
    report(DR_COMMAND_ENDED, third, DR_OUTCOME_EXITED, 3);
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
}

TEST(the_facts_alone_rebuild_the_state)
{
    struct dr_core *again;

    set_up();
    some_day();
    again = replay();
    CHECK_EQ(dr_core_seq(again), dr_core_seq(fixture.core));
    CHECK_EQ(dr_core_hash(again), dr_core_hash(fixture.core));
    dr_core_close(again);
    tear_down();
}

TEST(a_saved_state_is_loaded_as_it_was_and_goes_on_alike)
{
    struct dr_core *again;
    struct dr_buffer bytes;
    uint64_t hash;

    set_up();
    some_day();
    dr_buffer_init(&bytes, 64u << 20);
    hash = dr_core_hash(fixture.core);
    CHECK_EQ(dr_core_save(fixture.core, write_buffer, &bytes), DR_OK);
    CHECK_EQ(dr_core_open(&again, &small), DR_OK);
    CHECK_EQ(dr_core_load(again, read_buffer, &bytes), DR_OK);
    CHECK_EQ(bytes.length, 0);
    CHECK_EQ(dr_core_hash(again), hash);

    /* The same fact on both. */
    dr_core_close(fixture.core);
    fixture.core = again;
    submit(ANNA, 1, 2);
    again = replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(fixture.core));
    dr_core_close(again);
    dr_buffer_deinit(&bytes);
    tear_down();
}

TEST(a_cut_or_foreign_snapshot_is_refused)
{
    struct dr_buffer bytes;
    struct dr_buffer cut;
    struct dr_core *again;

    set_up();
    some_day();
    dr_buffer_init(&bytes, 64u << 20);
    CHECK_EQ(dr_core_save(fixture.core, write_buffer, &bytes), DR_OK);
    for (size_t length = 0; length < bytes.length; length += 997) {
        dr_buffer_init(&cut, 64u << 20);
        dr_buffer_append(&cut, bytes.data, length);
        CHECK_EQ(dr_core_open(&again, &small), DR_OK);
        CHECK_EQ(dr_core_load(again, read_buffer, &cut), DR_E_CORRUPT);
        dr_core_close(again);
        dr_buffer_deinit(&cut);
    }
    bytes.data[0] = 99;
    CHECK_EQ(dr_core_open(&again, &small), DR_OK);
    CHECK_EQ(dr_core_load(again, read_buffer, &bytes), DR_E_UNSUPPORTED);
    dr_core_close(again);
    dr_buffer_deinit(&bytes);
    tear_down();
}

/* I8 */
TEST(rebuilt_indexes_equal_those_kept_up_to_date)
{
    struct dr_quota before[5];
    uint64_t busy[4];

    set_up();
    some_day();
    for (uint32_t i = 0; i < 5; i += 1)
        before[i] = *quota(i + 1);
    for (uint32_t i = 0; i < 4; i += 1)
        busy[i] = fixture.core->nodes[i].busy;
    dr_core_index(fixture.core);
    for (uint32_t i = 0; i < 5; i += 1)
        CHECK_BYTES(&before[i], quota(i + 1), sizeof before[i]);
    for (uint32_t i = 0; i < 4; i += 1)
        CHECK_EQ(busy[i], fixture.core->nodes[i].busy);
    tear_down();
}

TEST(use_claim_and_occupied_go_up_the_path)
{
    uint64_t id;

    set_up();
    CHECK_EQ(quota(4)->occupied, 3000); /* farm keeps 4 - 1 back */
    CHECK_EQ(quota(1)->occupied, 3000);
    id = submit(ANNA, 1, 5);
    place(id, 1, 0);
    CHECK_EQ(quota(3)->use, 5000);
    CHECK_EQ(quota(2)->claim, 5000);
    CHECK_EQ(quota(1)->occupied, 8000);
    stop(id, DR_STOP_RECLAIM); /* warned: not claimed, still used */
    CHECK_EQ(quota(1)->claim, 0);
    CHECK_EQ(quota(1)->use, 5000);
    report(DR_COMMAND_ENDED, id, DR_OUTCOME_SIGNALLED, 0);
    CHECK_EQ(quota(1)->use, 0);
    CHECK_EQ(quota(1)->occupied, 3000);
    tear_down();
}

TEST(quota_says_which_account_and_how_much)
{
    struct dr_quota_verdict verdict;
    struct dr_amounts amounts = {{13000, 1000, 100}};

    set_up();
    /* farm: 4 guaranteed, 8 borrowed at the most */
    verdict = dr_quota_check(fixture.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_QUOTA);
    CHECK_EQ(verdict.account.v, 4);
    CHECK_EQ(verdict.needs, 13000);
    CHECK_EQ(verdict.limit, 12000);
    amounts.of[0] = 12000;
    verdict = dr_quota_check(fixture.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_NONE);
    /* a job that can't be taken stays within the guarantee */
    verdict = dr_quota_check(fixture.core, (dr_account_id){4}, (dr_pool_id){1}, &amounts, 1, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_QUOTA);
    CHECK_EQ(verdict.limit, 4000);
    /* industry wants all 32, but farm holds 3 back: occupied(root) would be 35 */
    amounts.of[0] = 32000;
    verdict = dr_quota_check(fixture.core, (dr_account_id){5}, (dr_pool_id){1}, &amounts, 0, NULL);
    CHECK_EQ(verdict.reason, DR_REASON_KEPT);
    CHECK_EQ(verdict.needs, 35000);
    CHECK_EQ(verdict.limit, 32000);
    tear_down();
}

TEST(guarantees_shrink_with_what_is_up)
{
    set_up();
    CHECK_EQ(dr_quota_guarantee(fixture.core, (dr_account_id){3}, (dr_group_id){1}), 12000);
    for (uint32_t node = 1; node <= 2; node += 1) {
        struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff};

        command.body.node = (struct dr_fact_node_flags){.node = node, .drained = 1};
        CHECK(admit(&command));
    }
    /* 16 are up, 24 are guaranteed below the root */
    CHECK_EQ(dr_quota_guarantee(fixture.core, (dr_account_id){3}, (dr_group_id){1}), 8000);
    tear_down();
}

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

        set_up();
        command = submit_of(1, 1);
        command.body.submit.requeue = (uint8_t)cases[i].requeue;
        CHECK(admit_as(ANNA, command));
        id = fixture.answer.job.v;
        place(id, 1, 0);
        report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
        fixture.now_us += DR_MINUTE_US;
        if (cases[i].cause != DR_STOP_NONE)
            stop(id, cases[i].cause);
        fixture.now_us += DR_SECOND_US;
        if (cases[i].saved)
            report(DR_COMMAND_CHECKPOINT, id, DR_OUTCOME_EXITED, 0);
        report(DR_COMMAND_ENDED, id, cases[i].outcome, cases[i].exit_code);
        if (job(id)->state != cases[i].state)
            fail_msg("case %u: %s, expected %s", i,
                     dr_job_state_name((enum dr_job_state)job(id)->state),
                     dr_job_state_name(cases[i].state));
        CHECK_EQ(fixture.core->nodes[0].busy, 0);
        CHECK_EQ(quota(1)->use, 0);
        /* told again: nothing changes */
        {
            struct dr_command again = {.kind = DR_COMMAND_ENDED, .roles = 0xff};
            uint64_t seq = dr_core_seq(fixture.core);

            again.body.attempt.job.v = id;
            again.body.attempt.attempt = 1;
            CHECK(admit(&again));
            CHECK(fixture.answer.unchanged);
            CHECK_EQ(dr_core_seq(fixture.core), seq);
        }
        tear_down();
    }
}

TEST(too_many_requeues_hold_the_job)
{
    uint64_t id;

    set_up();
    id = submit(ANNA, 1, 1);
    for (uint32_t round = 1; round <= 3; round += 1) {
        place(id, 1, 0);
        report(DR_COMMAND_ENDED, id, DR_OUTCOME_NODE_FAILED, 0);
        CHECK_EQ(run_of(id)->requeues, round);
        CHECK_EQ(job(id)->held, round == 3); /* the limit is 2 */
    }
    CHECK(admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_RELEASE, .body.job = {id}}));
    CHECK(!job(id)->held);
    tear_down();
}

TEST(a_failed_dependency_ends_the_chain_behind_it)
{
    struct dr_dependency after = {DR_DEPENDENCY_AFTEROK, {0}};
    struct dr_command command;
    uint64_t ids[4];

    set_up();
    ids[0] = submit(ANNA, 1, 1);
    for (uint32_t i = 1; i < 4; i += 1) {
        command = submit_of(1, 1);
        after.job.v = ids[i - 1];
        after.kind = i == 3 ? DR_DEPENDENCY_AFTERANY : DR_DEPENDENCY_AFTEROK;
        command.body.submit.dependencies = &after;
        command.body.submit.dependencies_count = 1;
        CHECK(admit_as(ANNA, command));
        ids[i] = fixture.answer.job.v;
    }
    place(ids[0], 1, 0);
    report(DR_COMMAND_ENDED, ids[0], DR_OUTCOME_EXITED, 1);
    CHECK_EQ(job(ids[1])->state, DR_JOB_CANCELLED);
    CHECK_EQ(job(ids[2])->state, DR_JOB_CANCELLED);
    CHECK_EQ(job(ids[3])->state, DR_JOB_PENDING); /* afterany: its turn has come */
    CHECK_EQ(job(ids[3])->ties, 0);
    CHECK_EQ(fixture.core->edges_count, 0);
    /* one that is asked for when it can't hold any more */
    after = (struct dr_dependency){DR_DEPENDENCY_AFTEROK, {ids[0]}};
    command = submit_of(1, 1);
    command.body.submit.dependencies = &after;
    command.body.submit.dependencies_count = 1;
    CHECK(!admit_as(ANNA, command));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_NEVER);
    CHECK_HAS(fixture.answer.text, "ended, FAILED");
    tear_down();
}

TEST(a_singleton_waits_for_all_of_its_name)
{
    struct dr_dependency alone = {DR_DEPENDENCY_SINGLETON, {0}};
    struct dr_command command;
    uint64_t first;
    uint64_t second;

    set_up();
    command = submit_of(1, 1);
    command.body.submit.name_key = 5;
    CHECK(admit_as(ANNA, command));
    first = fixture.answer.job.v;
    CHECK(admit_as(BORA, command)); /* another user's job of the same name */
    command.body.submit.dependencies = &alone;
    command.body.submit.dependencies_count = 1;
    CHECK(admit_as(ANNA, command));
    second = fixture.answer.job.v;
    CHECK_EQ(fixture.core->edges_count, 1);
    CHECK(admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {first}}));
    CHECK_EQ(job(second)->ties, 0);
    tear_down();
}

TEST(a_lost_node_stops_its_gang)
{
    struct dr_command lost = {.kind = DR_COMMAND_NODE, .roles = 0xff, .reason = "no power"};
    uint64_t id;

    set_up();
    id = submit(ANNA, 1, 8);
    place(id, 2, 0);
    lost.body.node = (struct dr_fact_node_flags){.node = 2, .down = 1};
    CHECK(admit(&lost));
    CHECK_EQ(job(id)->state, DR_JOB_COMPLETING);
    CHECK_EQ(run_of(id)->stopping, DR_STOP_NODE);
    CHECK_TEXT(fixture.core->node_notes[1], "no power");
    CHECK_EQ(quota(1)->claim, 0); /* counts in Q1 alone */
    CHECK_EQ(quota(1)->use, 8000);
    CHECK_EQ(fixture.core->groups[0].capacity, 24000);
    tear_down();
}

TEST(a_silent_site_keeps_its_attempts)
{
    struct dr_command silent = {.kind = DR_COMMAND_SITE, .roles = 0xff};
    uint64_t id;

    set_up();
    id = submit(ANNA, 1, 8);
    place(id, 1, 0);
    report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
    silent.body.site.site.v = 1;
    CHECK(admit(&silent));
    CHECK_EQ(job(id)->state, DR_JOB_UNREACHABLE);
    CHECK_EQ(quota(1)->claim, 0);
    CHECK_EQ(fixture.core->groups[0].capacity, 0);
    silent.body.site.answers = 1;
    CHECK(admit(&silent));
    CHECK_EQ(job(id)->state, DR_JOB_RUNNING);
    CHECK_EQ(quota(1)->claim, 8000);
    tear_down();
}

TEST(what_is_wrong_with_a_job_is_said)
{
    struct dr_command command;

    set_up();
#define REFUSED(user, change, kind, in_field, part)          \
    do {                                                     \
        uint64_t seq = dr_core_seq(fixture.core);            \
                                                             \
        command = submit_of(1, 1);                           \
        change;                                              \
        CHECK(!admit_as(user, command));                     \
        CHECK_EQ(fixture.answer.refused, DR_REFUSAL_##kind); \
        CHECK_TEXT(fixture.answer.field, in_field);          \
        CHECK_HAS(fixture.answer.text, part);                \
        CHECK_EQ(dr_core_seq(fixture.core), seq);            \
    } while (0)
    REFUSED(ANNA, command.body.submit.account = 4, DENIED, "account",
            "may not submit to account farm");
    REFUSED(ANNA, command.body.submit.account = 2, INVALID, "account", "accounts below it");
    REFUSED(ANNA, command.body.submit.account = 99, UNKNOWN, "account", "no such account");
    REFUSED(ADMIN, (void)0, INVALID, "account", "no default account");
    REFUSED(ANNA, command.body.submit.job_user = BORA, DENIED, "user", "only operators");
    REFUSED(ANNA, alternative.tasks = 0, INVALID, "tasks", "found 0 tasks");
    REFUSED(ANNA, alternative.accelerators_per_task = 1500, INVALID, "accelerators",
            "whole number");
    REFUSED(ANNA, alternative.accelerators_per_task = 65000, INVALID, "accelerators", "at most 64");
    REFUSED(ANNA, alternative.cpus_per_task = 0, INVALID, "cpus", "found 0");
    REFUSED(ANNA, alternative.chips = 2, UNKNOWN, "chips", "no such chip");
    REFUSED(ANNA, alternative.factor = 0, INVALID, "factor", "0.001");
    REFUSED(ANNA, alternative.factor = 1000001, INVALID, "factor", "to 1000");
    REFUSED(ANNA, command.body.submit.limit_us = -DR_SECOND_US, INVALID, "limit_us", "found -");
    REFUSED(ANNA, command.body.submit.warn_before_us = 2 * DR_HOUR_US, INVALID, "warn_before_us",
            "before the start");
    REFUSED(ANNA, command.body.submit.deadline_us = 5, INVALID, "deadline_us", "passed");
    REFUSED(ANNA, command.body.submit.priority = 2000000, INVALID, "priority", "1000000");
    REFUSED(ANNA, command.body.submit.data_class = 3, UNKNOWN, "data_class", "no such");
    REFUSED(ANNA, dr_site_set_add(&command.body.submit.sites, 7), UNKNOWN, "sites", "no such");
    REFUSED(ANNA, command.body.submit.warn_signal = 99, INVALID, "warn_signal", "1 to 64");
#undef REFUSED
    tear_down();
}

/* Its own, else its account's path, else its pools', else the federation's. */
TEST(a_job_without_a_limit_gets_a_default)
{
    struct dr_command command;

    set_up();
    CHECK_EQ(job(submit(ANNA, 1, 1))->limit_us, DR_HOUR_US);
    fixture.core->pools[0].default_limit_us = 2 * DR_HOUR_US;
    CHECK_EQ(job(submit(ANNA, 1, 1))->limit_us, 2 * DR_HOUR_US);
    fixture.core->accounts[1].default_limit_us = 3 * DR_HOUR_US; /* science, above lab */
    CHECK_EQ(job(submit(ANNA, 1, 1))->limit_us, 3 * DR_HOUR_US);
    command = submit_of(1, 1);
    command.body.submit.limit_us = 5 * DR_MINUTE_US;
    CHECK(admit_as(ANNA, command));
    CHECK_EQ(job(fixture.answer.job.v)->limit_us, 5 * DR_MINUTE_US);
    tear_down();
}

/* An attempt of a quarter of an hour, taken back at its end. */
static void a_quarter(uint64_t id, uint32_t factor)
{
    struct dr_extent extent = {{1}, 1, 1};
    struct dr_fact fact = {.kind = DR_FACT_JOB_PLACED, .time_us = fixture.now_us};

    fact.job_placed = (struct dr_fact_job_placed){
        .job = id,
        .attempt = run_of(id)->attempt + 1,
        .pool = 1,
        .limit_us = dr_job_next_limit_us(
            fixture.core, dr_job_at(fixture.core, dr_job_find(fixture.core, (dr_job_id){id})), 0),
        .factor = factor,
        .extents = &extent,
        .extents_count = 1};
    dr_settle(fixture.core, &fact, &fixture.batch);
    keep_batch();
    report(DR_COMMAND_STARTED, id, DR_OUTCOME_EXITED, 0);
    fixture.now_us += 15 * DR_MINUTE_US;
    stop(id, DR_STOP_RECLAIM);
    report(DR_COMMAND_ENDED, id, DR_OUTCOME_SIGNALLED, 0);
    CHECK_EQ(job(id)->state, DR_JOB_PENDING);
}

/* A limit is stated for factor 1: an attempt has it times the factor, rounded up; where it counts
 * all attempts, what they ran counts as at factor 1. A record without a factor counts as it ran. */
TEST(a_limit_is_stated_for_factor_1)
{
    struct dr_command command;
    struct dr_core *again;
    uint64_t id;

    set_up();
    command = submit_of(1, 1);
    alternative.factor = 333;
    command.body.submit.limit_us = 1001;
    CHECK(admit_as(ANNA, command));
    CHECK_EQ(dr_job_next_limit_us(fixture.core, job(fixture.answer.job.v), 0), 334);

    command = submit_of(1, 1);
    alternative.factor = 500;
    command.body.submit.limit_us = DR_HOUR_US;
    command.body.submit.limit_total = 1;
    CHECK(admit_as(ANNA, command));
    id = fixture.answer.job.v;
    CHECK_EQ(dr_job_next_limit_us(fixture.core, job(id), 0), 30 * DR_MINUTE_US);
    a_quarter(id, 500);
    CHECK_EQ(run_of(id)->run_us, 15 * DR_MINUTE_US);
    CHECK_EQ(dr_job_spent_us(fixture.core, job(id)), 30 * DR_MINUTE_US);
    CHECK_EQ(dr_job_next_limit_us(fixture.core, job(id), 0), 15 * DR_MINUTE_US);
    a_quarter(id, 0);
    CHECK_EQ(dr_job_spent_us(fixture.core, job(id)), 45 * DR_MINUTE_US);
    a_quarter(id, 1000);
    CHECK_EQ(dr_job_next_limit_us(fixture.core, job(id), 0), DR_SECOND_US); /* used up */

    /* A warning has to come after the start in every alternative. */
    command = submit_of(1, 1);
    alternative.factor = 500;
    command.body.submit.limit_us = DR_HOUR_US;
    command.body.submit.warn_before_us = 30 * DR_MINUTE_US;
    CHECK(!admit_as(ANNA, command));
    CHECK_TEXT(fixture.answer.field, "warn_before_us");
    command.body.submit.warn_before_us -= 1;
    CHECK(admit_as(ANNA, command));
    again = replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(fixture.core));
    dr_core_close(again);
    tear_down();
}

static uint32_t memory_of(struct dr_command command)
{
    if (!admit_as(ANNA, command))
        fail_msg("%s: %s", fixture.answer.field, fixture.answer.text);
    return fixture.core->shapes[job(fixture.answer.job.v)->shape]
        .alternatives[0]
        .memory_mb_per_task;
}

static uint32_t memory_without(uint32_t accelerators, uint32_t cpus)
{
    struct dr_command command = submit_of(1, accelerators);

    alternative.cpus_per_task = cpus * 1000;
    alternative.memory_mb_per_task = 0;
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

    set_up();                                  /* nodes of 8 accelerators, 64 CPUs, 512000 MB */
    CHECK_EQ(memory_of(submit_of(1, 1)), 100); /* stated */
    CHECK_EQ(memory_without(1, 1), 64000);
    CHECK_EQ(memory_without(0, 1), 8000);
    CHECK_EQ(memory_without(2, 32), 256000);
    CHECK_EQ(memory_without(8, 64), 512000);
    placed = fixture.answer.job.v;
    place(placed, 1, 0);
    CHECK_EQ(dr_quota_at(fixture.core, (dr_account_id){3}, (dr_group_id){3})->use, 512000);
    CHECK_EQ(fixture.core->nodes[0].memory_mb_used, 512000);

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
    declare(fact);
    fact = (struct dr_fact){.kind = DR_FACT_NODES_ADDED};
    fact.nodes_added = (struct dr_fact_nodes_added){.pool = 2, .count = 1};
    declare(fact);
    CHECK_EQ(memory_without(0, 1), 4000);
    CHECK_EQ(memory_without(0, 33), 264000); /* more CPUs than a node has there */
    CHECK_EQ(memory_without(1, 1), 64000);
    command = submit_of(1, 0);
    alternative.memory_mb_per_task = 0;
    alternative.chips = 1;
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
    declare(fact);
    CHECK_EQ(memory_without(0, 2), 1000);
    fixture.core->pools[0].default_memory_per_cpu_mb = 2000;
    fixture.core->pools[0].default_memory_per_accelerator_mb = 3000;
    CHECK_EQ(memory_without(1, 1), 3000);
    CHECK_EQ(memory_without(1, 2), 4000);
    fixture.core->pools[0].default_memory_per_cpu_mb = 0;
    fixture.core->pools[0].default_memory_per_accelerator_mb = 0;
    fact.pool_set.consent = (uint32_t[]){5};
    fact.pool_set.consent_count = 1;
    declare(fact);
    CHECK_EQ(memory_without(0, 2), 16000);
    again = replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(fixture.core));
    dr_core_close(again);
    tear_down();
}

/* At the limit and one above: a leaf's default, its own word, and an account's above it, which
 * counts all below. What has ended counts no more. */
TEST(an_account_has_so_many_live_jobs)
{
    uint64_t first;

    set_up();
    fixture.core->settings.default_jobs_max = 3; /* of lab, a leaf; science above it is none */
    first = submit(ANNA, 1, 1);
    submit(ANNA, 1, 1);
    submit(ANNA, 1, 1);
    CHECK(!admit_as(ANNA, submit_of(1, 1)));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_LIMIT);
    CHECK_TEXT(fixture.answer.field, "account");
    CHECK_TEXT(fixture.answer.text,
               "account lab has 3 jobs that have not ended; with 1 more it would "
               "pass its limit of 3 (the federation's default_jobs_max)");
    CHECK(admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {first}}));
    submit(ANNA, 1, 1);
    CHECK(!admit_as(ANNA, submit_of(1, 1)));

    fixture.core->accounts[2].jobs_max = 5;
    submit(ANNA, 1, 1);
    submit(ANNA, 1, 1);
    CHECK(!admit_as(ANNA, submit_of(1, 1)));
    CHECK_HAS(fixture.answer.text, "account lab has 5 jobs");
    CHECK_HAS(fixture.answer.text, "limit of 5 (its jobs_max)");

    fixture.core->accounts[1].jobs_max = 6; /* science: lab and farm together */
    submit(BORA, 1, 1);
    CHECK(!admit_as(BORA, submit_of(1, 1)));
    CHECK_HAS(fixture.answer.text, "account science has 6 jobs");

    fixture.core->accounts[1].jobs_max = 0;
    fixture.core->settings.default_jobs_max = 0; /* no limit */
    for (int i = 0; i < 10; i += 1)
        submit(BORA, 1, 1);
    tear_down();
}

/* Hashes lie beside old facts: what came to the state later leaves them alone while it is zero. */
TEST(a_field_of_later_years_changes_the_hash_only_once_it_is_used)
{
    uint64_t before;

    set_up();
    before = dr_core_hash(fixture.core);
    CHECK_EQ(before, UINT64_C(0xe71b1710d7aab95));
    fixture.core->settings.default_jobs_max = 1;
    CHECK(dr_core_hash(fixture.core) != before);
    fixture.core->settings.default_jobs_max = 0;
    fixture.core->accounts[2].jobs_max = 1;
    CHECK(dr_core_hash(fixture.core) != before);
    fixture.core->accounts[2].jobs_max = 0;
    CHECK_EQ(dr_core_hash(fixture.core), before);
    tear_down();
}

TEST(who_may_touch_a_job)
{
    uint64_t id;

    set_up();
    id = submit(ANNA, 1, 1);
    CHECK(!admit_as(BORA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_DENIED);
    CHECK(admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_HOLD, .body.job = {id}}));
    CHECK(job(id)->held);
    CHECK(admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_HOLD, .body.job = {id}}));
    CHECK(fixture.answer.unchanged);
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK_EQ(job(id)->state, DR_JOB_CANCELLED);
    CHECK(!admit_as(ANNA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {77}}));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_UNKNOWN);
    tear_down();
}

TEST(guarantees_below_an_account_stay_within_its_own)
{
    struct dr_quota_limits limits = {{1}, 13000, DR_FOREVER_US, DR_FOREVER_US};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};

    set_up();
    command.body.declare.kind = DR_FACT_ACCOUNT_SET;
    command.body.declare.account_set = (struct dr_fact_account_set){.account = 3,
                                                                    .parent = 2,
                                                                    .name = "lab",
                                                                    .weight = 1000,
                                                                    .limits = &limits,
                                                                    .limits_count = 1};
    CHECK(!admit(&command)); /* 13 + 4 > 16 */
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_LIMIT);
    limits.guarantee = 15000;
    command.body.declare.account_set.account = 2;
    command.body.declare.account_set.parent = 1;
    dr_copy_name(command.body.declare.account_set.name, "science");
    CHECK(!admit(&command)); /* 15 < 12 + 4 */
    CHECK_HAS(fixture.answer.text, "below it");
    command.body.declare.account_set.limits_count = 0; /* in a group that it does not name: 0 */
    CHECK(!admit(&command));
    CHECK_HAS(fixture.answer.text, "guarantee of 0 in group chip is less than the 16000");
    tear_down();
}

TEST(an_account_with_jobs_is_not_removed)
{
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    uint64_t id;

    set_up();
    id = submit(BORA, 1, 1);
    command.body.declare.kind = DR_FACT_ACCOUNT_REMOVED;
    command.body.declare.account_removed.account = 4;
    CHECK(!admit(&command));
    CHECK_HAS(fixture.answer.text, "1 live jobs");
    CHECK(admit_as(BORA, (struct dr_command){.kind = DR_COMMAND_CANCEL, .body.job = {id}}));
    CHECK(admit(&command));
    CHECK_EQ(dr_account_named(fixture.core, "farm").v, 0);
    CHECK_EQ(quota(1)->occupied, 0); /* what it held back is free */
    tear_down();
}

/* A group goes once no pool counts in it and nobody is guaranteed anything in it; what accounts had
 * in it goes with it, and its id with its name is not taken for another. */
TEST(a_group_goes_when_no_pool_counts_in_it)
{
    struct dr_fact fact = {.kind = DR_FACT_GROUP_SET};
    struct dr_command command = {.kind = DR_COMMAND_DECLARE, .roles = 0xff};
    struct dr_core *again;

    set_up();
    fact.group_set = (struct dr_fact_group_set){.name = "spare"};
    declare(fact);
    CHECK_EQ(fixture.answer.id, 4);
    fact.group_set = (struct dr_fact_group_set){.name = "spare"};
    command.body.declare = fact;
    CHECK(!admit(&command)); /* the name is another's */
    CHECK_HAS(fixture.answer.text, "another group is called spare");

    command.body.declare = (struct dr_fact){.kind = DR_FACT_GROUP_REMOVED};
    command.body.declare.group_removed.group = 5;
    CHECK(!admit(&command));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_UNKNOWN);
    command.body.declare.group_removed.group = 1;
    CHECK(!admit(&command));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_STATE);
    CHECK_TEXT(fixture.answer.text, "pool pool still counts in group chip");

    fact = (struct dr_fact){.kind = DR_FACT_ACCOUNT_SET};
    fact.account_set = (struct dr_fact_account_set){.account = 1, .name = "root", .weight = 1000};
    fact.account_set.limits =
        (struct dr_quota_limits[]){{{1}, 32000, DR_FOREVER_US, DR_FOREVER_US}, {{4}, 5000, 0, 0}};
    fact.account_set.limits_count = 2;
    declare(fact);
    command.body.declare = (struct dr_fact){.kind = DR_FACT_GROUP_REMOVED};
    command.body.declare.group_removed.group = 4;
    CHECK(!admit(&command));
    CHECK_TEXT(fixture.answer.text, "account root is still guaranteed something in group spare");
    fact.account_set.limits =
        (struct dr_quota_limits[]){{{1}, 32000, DR_FOREVER_US, DR_FOREVER_US}, {{4}, 0, 7000, 0}};
    declare(fact);
    CHECK(admit(&command));
    CHECK(!fixture.answer.unchanged);
    CHECK_EQ(dr_group_named(fixture.core, "spare").v, 0);
    CHECK_EQ(dr_quota_at(fixture.core, (dr_account_id){1}, (dr_group_id){4})->borrow,
             DR_FOREVER_US);
    CHECK(admit(&command));
    CHECK(fixture.answer.unchanged);

    /* Nothing names it any more. */
    CHECK(!admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_DECLARE, .body.declare = fact}));
    CHECK_TEXT(fixture.answer.text, "there is no such group");
    fact = (struct dr_fact){.kind = DR_FACT_GROUP_SET};
    fact.group_set = (struct dr_fact_group_set){.group = 4, .name = "spare"};
    command.body.declare = fact;
    CHECK(!admit(&command));
    CHECK_TEXT(fixture.answer.text, "group 4 was removed; an id is never used again");
    fact.group_set.group = 0;
    declare(fact);
    CHECK_EQ(fixture.answer.id, 5);

    again = replay();
    CHECK_EQ(dr_core_hash(again), dr_core_hash(fixture.core));
    dr_core_close(again);
    tear_down();
}

TEST(a_tick_decays_and_forgets)
{
    uint64_t id;

    set_up();
    id = submit(ANNA, 1, 8);
    place(id, 1, 0);
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    fixture.now_us += DR_MINUTE_US;
    report(DR_COMMAND_ENDED, id, DR_OUTCOME_EXITED, 0);
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    CHECK(dr_job_find(fixture.core, (dr_job_id){id}).v != DR_ROW_NONE);
    fixture.now_us += 6 * DR_MINUTE_US; /* more than retain_ended_us */
    CHECK(admit_as(ADMIN, (struct dr_command){.kind = DR_COMMAND_TICK}));
    CHECK_EQ(dr_job_find(fixture.core, (dr_job_id){id}).v, DR_ROW_NONE);
    CHECK_EQ(fixture.core->shapes_count, 0);
    CHECK_EQ(fixture.core->extents_count, 0);
    tear_down();
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

    set_up();
    id = submit(ANNA, 1, 8);
    fixture.now_us = 1001 * DR_DAY_US + 11 * DR_HOUR_US;
    place(id, 1, 0);
    energy = dr_job_energy(fixture.core, job(id), fixture.now_us, fixture.now_us + 2 * DR_HOUR_US);
    CHECK_EQ(energy.energy_j, 2 * 7000 * 3600); /* 5.6 kW x 1.25 = 7 kW */
    CHECK_EQ(energy.cost_micro, 7 * INT64_C(100000000) + 7 * INT64_C(200000000));
    tear_down();
}

TEST(elements_know_their_array)
{
    struct dr_command command;

    set_up();
    submit(ANNA, 1, 1);
    for (uint32_t place_in_array = 1; place_in_array <= 3; place_in_array += 1) {
        command = submit_of(1, 1);
        command.body.submit.array_job = place_in_array;
        command.body.submit.array_index = 10 * place_in_array;
        command.body.submit.array_limit = 2;
        CHECK(admit_as(ANNA, command));
        CHECK_EQ(terms_of(fixture.answer.job.v)->array_job, 2);
    }
    CHECK_EQ(fixture.core->arrays[0].live, 3);
    place(3, 1, 0);
    CHECK_EQ(fixture.core->arrays[0].active, 1);
    tear_down();
}

TEST(a_full_table_is_a_refusal)
{
    set_up();
    for (uint32_t i = 0; i < small.jobs_max; i += 1)
        submit(ANNA, 1, 1);
    CHECK(!admit_as(ANNA, submit_of(1, 1)));
    CHECK_EQ(fixture.answer.refused, DR_REFUSAL_FULL);
    CHECK_HAS(fixture.answer.text, "200");
    tear_down();
}
