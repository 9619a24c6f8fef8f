/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations: guarantees with a term. Catches one that begins or ends at another time than it
 * says, that counts twice or is forgotten when its account is declared again, and more promised
 * than there is. */
#include "core/allocate.h"
#include "test.h"

#include "world.h"

#define MINUTE DR_MINUTE_US

static struct dr_answer ask(struct world *w, struct dr_fact fact)
{
    struct dr_command command = {
        .kind = DR_COMMAND_DECLARE, .roles = 0xff, .body = {.declare = fact}};
    struct dr_answer answer;

    dr_admit_check(w->core, &command, w->now_us, &answer);
    return answer;
}

/* So many accelerators of the first chip, and a CPU each. */
static struct dr_fact allocate(struct world *w, const char *name, uint32_t account, int64_t amount,
                               int64_t from_us, int64_t until_us)
{
    static struct dr_quota_limits amounts[4][2];
    static uint32_t turn;
    struct dr_fact fact = {.kind = DR_FACT_ALLOCATION_SET};

    turn = (turn + 1) % 4;
    amounts[turn][0] = (struct dr_quota_limits){.group = {1}, .guarantee = amount * 1000};
    amounts[turn][1] = (struct dr_quota_limits){.group = {2}, .guarantee = amount * 1000};
    fact.allocation_set =
        (struct dr_fact_allocation_set){.allocation = dr_allocation_named(w->core, name),
                                        .account = account,
                                        .from_us = from_us,
                                        .until_us = until_us,
                                        .amounts = amounts[turn],
                                        .amounts_count = 2};
    dr_copy_name(fact.allocation_set.name, name);
    return fact;
}

static int64_t guarantee(const struct world *w, uint32_t account, uint32_t group)
{
    return dr_quota_at(w->core, (dr_account_id){account}, (dr_group_id){group})->guarantee;
}

/* It counts for its account and those above, not for the root, within its term alone; a job that
 * needs the guarantee starts with it and is not ended with it. */
TEST(it_counts_within_its_term)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t above = world_account(w, "above", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t below = world_account(w, "below", above, 0, -1, -1);
    int64_t root = guarantee(w, 1, 1);
    int64_t begin_us = w->now_us;
    dr_job_id firm;

    world_declare(w,
                  allocate(w, "spring", below, 8, begin_us + 10 * MINUTE, begin_us + 30 * MINUTE));
    firm = world_submit(w, (struct job_spec){.account = below,
                                             .accelerators = 8,
                                             .memory_mb = 1,
                                             .firm = 1,
                                             .limit_us = 60 * MINUTE});
    CHECK_EQ(firm.v, 1);
    world_limits(w, below, 1, 0, -1, -1);
    world_run_us(w, 9 * MINUTE);
    CHECK_EQ(guarantee(w, below, 1), 0);
    CHECK_EQ(world_job(w, firm)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);

    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(w->counts[DR_FACT_ALLOCATION_TERM], 1);
    CHECK_EQ(guarantee(w, below, 1), 8000);
    CHECK_EQ(guarantee(w, below, 2), 8000);
    CHECK_EQ(guarantee(w, above, 1), 8000);
    CHECK_EQ(guarantee(w, 1, 1), root);
    CHECK_EQ(w->core->groups[0].guaranteed, 8000);
    CHECK_REPLAY(w);

    /* What an account is given by ACCOUNT_SET is beside it. */
    world_limits(w, above, 1, 4, -1, -1);
    world_limits(w, below, 1, 3, -1, -1);
    CHECK_EQ(guarantee(w, below, 1), 11000);
    CHECK_EQ(guarantee(w, above, 1), 12000);
    CHECK_EQ(dr_quota_stated(w->core, (dr_account_id){below}, (dr_group_id){1}), 3000);
    CHECK_REPLAY(w);

    world_run_us(w, 5 * MINUTE);
    CHECK_EQ(world_job(w, firm)->state, DR_JOB_RUNNING);
    world_run_us(w, 16 * MINUTE);
    CHECK_EQ(w->counts[DR_FACT_ALLOCATION_TERM], 2);
    CHECK_EQ(guarantee(w, below, 1), 3000);
    CHECK_EQ(guarantee(w, above, 1), 4000);
    CHECK_EQ(world_job(w, firm)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Changed, moved and removed while it runs. */
TEST(it_is_changed_while_it_runs)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t x = world_account(w, "x", WORLD_ACCOUNT_ROOT, 1, -1, -1);
    uint32_t y = world_account(w, "y", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    int64_t begin_us = w->now_us;
    struct dr_fact fact = {.kind = DR_FACT_ALLOCATION_REMOVED};

    world_declare(w, allocate(w, "one", x, 4, begin_us, begin_us + 60 * MINUTE));
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(guarantee(w, x, 1), 5000);
    CHECK_EQ(ask(w, allocate(w, "one", y, 4, begin_us, begin_us + 60 * MINUTE)).refused,
             DR_REFUSAL_STATE);
    world_declare(w, allocate(w, "one", x, 2, begin_us, begin_us + 60 * MINUTE));
    CHECK_EQ(guarantee(w, x, 1), 3000);
    CHECK_REPLAY(w);
    /* Moved into the future: it ends with the next tick, and begins again. */
    world_declare(w, allocate(w, "one", x, 2, begin_us + 10 * MINUTE, begin_us + 60 * MINUTE));
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(guarantee(w, x, 1), 1000);
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(guarantee(w, x, 1), 3000);

    /* Its account stays as long as it is there. */
    fact = (struct dr_fact){.kind = DR_FACT_ACCOUNT_REMOVED, .account_removed = {.account = x}};
    CHECK_TEXT(ask(w, fact).text, "allocation one is account x's");
    fact = (struct dr_fact){.kind = DR_FACT_PART_LEAVING, .part_leaving = {.account = x}};
    CHECK_TEXT(ask(w, fact).text, "allocation one is its");
    fact = (struct dr_fact){.kind = DR_FACT_ALLOCATION_REMOVED,
                            .allocation_removed = {.allocation = 1}};
    world_declare(w, fact);
    CHECK_EQ(guarantee(w, x, 1), 1000);
    CHECK_EQ(dr_allocation_named(w->core, "one"), 0);
    CHECK(ask(w, fact).unchanged);
    fact = allocate(w, "one", x, 2, begin_us, begin_us + 60 * MINUTE);
    fact.allocation_set.allocation = 1;
    CHECK_EQ(ask(w, fact).refused, DR_REFUSAL_STATE); /* an id is never used again */
    CHECK_REPLAY(w);
    world_free(w);
}

/* At no time is more promised than there is: two may follow one another, not meet. */
TEST(no_more_than_there_is)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t x = world_account(w, "x", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    uint32_t y = world_account(w, "y", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    struct dr_quota_limits limits[] = {{{1}, 8000, DR_FOREVER_US, DR_FOREVER_US},
                                       {{2}, 64000, DR_FOREVER_US, DR_FOREVER_US},
                                       {{3}, 512000, DR_FOREVER_US, DR_FOREVER_US}};
    struct dr_fact root = {.kind = DR_FACT_ACCOUNT_SET};
    struct dr_fact fact;
    int64_t at = w->now_us;

    root.account_set = (struct dr_fact_account_set){
        .account = 1, .name = "root", .weight = 1000, .limits = limits, .limits_count = 3};
    world_declare(w, root);
    CHECK_EQ(ask(w, allocate(w, "one", y, 5, at + MINUTE, at + 3 * MINUTE)).refused,
             DR_REFUSAL_LIMIT);
    world_declare(w, allocate(w, "one", y, 4, at + MINUTE, at + 3 * MINUTE));
    CHECK_EQ(ask(w, allocate(w, "two", x, 1, at + 2 * MINUTE, at + 5 * MINUTE)).refused,
             DR_REFUSAL_LIMIT);
    CHECK_EQ(ask(w, allocate(w, "two", x, 1, at, at + 2 * MINUTE)).refused, DR_REFUSAL_LIMIT);
    world_declare(w, allocate(w, "two", x, 4, at + 3 * MINUTE, at + 5 * MINUTE));
    /* Nor by a guarantee, or by less of everything. */
    limits[0].guarantee = 5000;
    fact = (struct dr_fact){.kind = DR_FACT_ACCOUNT_SET};
    fact.account_set = (struct dr_fact_account_set){.account = x,
                                                    .parent = 1,
                                                    .name = "x",
                                                    .weight = 1000,
                                                    .limits = limits,
                                                    .limits_count = 1};
    CHECK_EQ(ask(w, fact).refused, DR_REFUSAL_LIMIT);
    limits[0].guarantee = 7000;
    CHECK_EQ(ask(w, root).refused, DR_REFUSAL_LIMIT);
    /* While one runs and after both are over. */
    limits[0].guarantee = 8000;
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(guarantee(w, y, 1), 4000);
    CHECK(ask(w, root).refused == DR_REFUSAL_NONE);
    world_run_us(w, 5 * MINUTE);
    CHECK_EQ(guarantee(w, y, 1), 0);
    CHECK_EQ(guarantee(w, x, 1), 4000);
    CHECK(ask(w, fact).refused == DR_REFUSAL_NONE);
    CHECK_REPLAY(w);

    /* What is no allocation. */
    fact = allocate(w, "three", 1, 1, at, at + 1);
    CHECK_TEXT(ask(w, fact).text, "there is no such account below the root");
    fact = allocate(w, "three", x, 1, at + 1, at + 1);
    CHECK_TEXT(ask(w, fact).field, "until");
    fact = allocate(w, "three", x, 1, at, at + 1);
    fact.allocation_set.amounts_count = 0;
    CHECK_TEXT(ask(w, fact).field, "amounts");
    fact = allocate(w, "one", x, 1, at, at + 1);
    fact.allocation_set.allocation = 0;
    CHECK_TEXT(ask(w, fact).text, "another allocation is called one");
    world_free(w);
}
