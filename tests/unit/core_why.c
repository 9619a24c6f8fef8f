/* SPDX-License-Identifier: Apache-2.0 */
/* Why a job waits (POLICY, section 9): the reason, its amounts, and what would free it. Reasons
 * that belong to one part are tested there (law and power in core_place.c, holds in core_queue.c,
 * ...). */
#include "world.h"

#define MINUTE DR_MINUTE_US

/* A borrowing limit: the account, what it has, what it would have, what it may. */
TEST(quota_names_account_and_amounts)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, 2, -1);
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    job = world_submit(w, (struct job_spec){.account = b, .accelerators = 3});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.reason, DR_REASON_QUOTA);
    CHECK_EQ(why.account.v, b);
    CHECK_EQ(why.has, 4000);
    CHECK_EQ(why.needs, 7000);
    CHECK_EQ(why.limit, 6000);
    CHECK_HAS(why.text, "account b has 4 accelerators");
    CHECK_HAS(why.frees, "another job of b");
    world_free(w);
}

/* What another account keeps for itself though it lies idle: whose lending limit. */
TEST(kept_names_the_keeper)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 6, -1, 0);
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 4});
    struct dr_why why;

    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.reason, DR_REASON_KEPT);
    CHECK_EQ(why.account.v, b);
    CHECK_HAS(why.text, "lending limit of account b");
    world_free(w);
}

/* All is in use within guarantees: whose. */
TEST(guarantees_are_named)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 6, -1, -1);
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.account = b, .accelerators = 6});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.accelerators = 4});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.reason, DR_REASON_GUARANTEES_OF);
    CHECK_HAS(why.text, "guarantees of b");
    CHECK(why.reserved_us > 0);
    world_free(w);
}

/* Too little is free: which pool comes nearest, and how much is missing. */
TEST(capacity_names_the_nearest_pool)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job;
    struct dr_why why;

    world_pool(w, 1, "h200", 1, 4, 0);
    world_submit(w, (struct job_spec){.accelerators = 7});
    world_submit(w, (struct job_spec){.accelerators = 2});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.accelerators = 4});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.reason, DR_REASON_CAPACITY);
    CHECK_EQ(why.pool.v, 2);
    CHECK_EQ(why.has, 2000);
    CHECK_EQ(why.needs, 4000);
    world_free(w);
}

/* Enough is free, on the wrong nodes. */
TEST(topology_is_told_from_capacity)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 4, .tasks_per_node = 1});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.reason, DR_REASON_TOPOLOGY);
    CHECK_HAS(why.text, "not close enough together");
    world_free(w);
}

/* Asking changes nothing, in any state. */
TEST(asking_changes_nothing)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id jobs[6];
    uint64_t hash;

    for (int i = 0; i < 6; i += 1)
        jobs[i] = world_submit(w, (struct job_spec){.tasks = 1 + (uint32_t)i % 2,
                                                    .accelerators = 8,
                                                    .run_us = 10 * MINUTE});
    world_run_us(w, MINUTE);
    hash = dr_core_hash(w->core);
    for (int i = 0; i < 6; i += 1)
        CHECK(world_why(w, jobs[i]).text[0] != 0);
    CHECK_EQ(dr_core_hash(w->core), hash);
    CHECK_EQ(world_decide(w), 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job that does not wait, and one that does not exist, are answered too. */
TEST(what_does_not_wait)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = MINUTE});

    world_run_us(w, 1);
    CHECK_HAS(world_why(w, job).text, "is RUNNING");
    world_run_us(w, 2 * MINUTE);
    CHECK_HAS(world_why(w, job).text, "has ended: COMPLETED");
    CHECK_HAS(world_why(w, (dr_job_id){99}).text, "there is no job 99");
    world_free(w);
}
