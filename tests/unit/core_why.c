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
    CHECK_EQ(why.holds[0].reason, DR_REASON_QUOTA);
    CHECK_EQ(why.holds[0].account.v, b);
    CHECK_EQ(why.holds[0].has, 4000);
    CHECK_EQ(why.holds[0].needs, 7000);
    CHECK_EQ(why.holds[0].limit, 6000);
    CHECK_HAS(why.holds[0].text, "account b has 4 accelerators");
    CHECK_HAS(why.holds[0].frees, "1 accelerator given back by other jobs of b");
    CHECK_EQ(why.ever, 1);
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_KEPT);
    CHECK_EQ(why.holds[0].account.v, b);
    CHECK_HAS(why.holds[0].text, "lending limits, of account b (6 accelerators)");
    world_free(w);
}

/* What is kept may be what each of several jobs with reservations would lack: one thing, not one
 * for each of them. Without either of the two the other would still be 4 accelerators short. */
TEST(kept_beside_reservations)
{
    uint32_t b;
    struct world *w = world_reserved_twice(&b);
    struct dr_why why;
    dr_job_id job = world_submit(w, (struct job_spec){.account = b,
                                                      .site = "s3",
                                                      .tasks = 3,
                                                      .accelerators = 8,
                                                      .memory_mb = 1,
                                                      .limit_us = 120 * MINUTE});

    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 1);
    CHECK_EQ(why.holds[0].reason, DR_REASON_KEPT);
    CHECK_EQ(why.holds[0].needs - why.holds[0].limit, 20000);
    CHECK_HAS(why.holds[0].text, "of account c (20 accelerators)");
    CHECK_HAS(why.holds[0].text, "with this job, beside those that hold reservations, 20 "
                                 "accelerators too many would be taken or held back");
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_GUARANTEES_OF);
    CHECK_HAS(why.holds[0].text, "guarantees of b");
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_CAPACITY);
    CHECK_EQ(why.holds[0].pool.v, 2);
    CHECK_EQ(why.holds[0].has, 2000);
    CHECK_EQ(why.holds[0].needs, 4000);
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
    CHECK_EQ(why.holds[0].reason, DR_REASON_TOPOLOGY);
    CHECK_HAS(why.holds[0].text, "not close enough together");
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
        CHECK(world_why(w, jobs[i]).holds[0].text[0] != 0);
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
    CHECK_HAS(world_why(w, job).holds[0].text, "is RUNNING");
    world_run_us(w, 2 * MINUTE);
    CHECK_HAS(world_why(w, job).holds[0].text, "has ended: COMPLETED");
    CHECK_HAS(world_why(w, (dr_job_id){99}).holds[0].text, "there is no job 99");
    world_free(w);
}

/* Two things at once: both are named, and each with the least that would take it away. */
TEST(all_of_a_least_set_is_named)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 2, 2, -1);
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.accelerators = 6});
    world_run_us(w, MINUTE);
    job = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 5, .memory_mb = 1, .held = 1});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 3);
    CHECK_EQ(why.holds[0].reason, DR_REASON_HELD);
    CHECK_EQ(why.holds[1].reason, DR_REASON_QUOTA);
    CHECK_TEXT(why.holds[1].frees, "a borrowing limit of b higher by 1 accelerator; within the one "
                                   "that stands it can never start");
    CHECK_EQ(why.holds[2].reason, DR_REASON_CAPACITY);
    CHECK_HAS(why.holds[2].frees, "3 more accelerators");
    CHECK_EQ(why.ever, 0);
    world_free(w);
}

/* Of an elastic job's sizes the least: a guarantee high enough for 6 tasks would let it start with
 * 2 without a higher borrowing limit. */
TEST(limits_are_told_for_the_least_size)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 1, 1, -1);
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.account = b, .accelerators = 2, .memory_mb = 1});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.account = b,
                                            .tasks = 6,
                                            .tasks_min = 2,
                                            .accelerators = 1,
                                            .memory_mb = 1,
                                            .firm = 1});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 2);
    CHECK(why.holds[0].firm);
    CHECK_EQ(why.holds[0].needs, 2000);
    CHECK_EQ(why.holds[1].needs, 4000);
    CHECK_EQ(why.holds[1].limit, 2000);
    world_free(w);
}

/* A place with one thing in the way comes before one with two, wherever that is. */
TEST(the_least_set_of_all_places)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 1, -1);
    dr_job_id job;
    struct dr_why why;

    world_pool(w, 1, "b300", 1, 4, 0);
    world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .chips = 1});
    world_submit(w, (struct job_spec){.accelerators = 2, .chips = 2});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 1);
    CHECK_EQ(why.holds[0].reason, DR_REASON_CAPACITY); /* b has no limit in the other group */
    CHECK_EQ(why.holds[0].pool.v, 2);
    world_free(w);
}

/* Whose reservation, and what limit would slip past it. */
TEST(a_reservation_names_its_job)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id large;
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.accelerators = 6, .limit_us = 30 * MINUTE});
    world_run_us(w, MINUTE);
    large = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.accelerators = 2});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 1);
    CHECK_EQ(why.holds[0].reason, DR_REASON_RESERVATION);
    CHECK_EQ(why.holds[0].job.v, large.v);
    CHECK_TEXT(why.holds[0].frees, "a time limit of at most 27m, or the start of job 2");
    world_free(w);
}

/* Enough accelerators are free, but what a task needs beside them is not. */
TEST(too_few_cpus_are_told_from_topology)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.accelerators = 1, .cpus = 60, .memory_mb = 1});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.accelerators = 2, .cpus = 10, .memory_mb = 1});
    world_run_us(w, MINUTE);
    why = world_why(w, job);
    CHECK_EQ(why.holds[0].reason, DR_REASON_CAPACITY);
    CHECK_HAS(why.holds[0].text, "too few CPUs are free beside them");
    world_free(w);
}

/* At submit: the demand that nothing meets, and what comes nearest, for each way. */
TEST(never_names_the_nearest_miss)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b300 = world_pool(w, 1, "b300", 1, 4, 0);

    CHECK_EQ(b300, 2);
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 16}).v, 0);
    CHECK_HAS(world_refusal(),
              "it can run nowhere: no pool has 16 accelerators a node; the largest "
              "has 8 (s1/p1)");
    CHECK_EQ(world_submit(w, (struct job_spec){.tasks = 3, .accelerators = 8}).v, 0);
    CHECK_HAS(world_refusal(), "no pool holds 3 tasks of 8 accelerators even when empty; the "
                               "largest holds 2 of them (s1/p1)");
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 8,
                                               .chips = 2,
                                               .second = {.tasks = 9,
                                                          .accelerators_per_task = 2000,
                                                          .cpus_per_task = 1000,
                                                          .factor = 1000}})
                 .v,
             0);
    CHECK_HAS(world_refusal(),
              "as 1 task of 8 accelerators: no pool has 8 accelerators a node; the largest has 4 "
              "(s1/p2). Or as 9 tasks of 2 accelerators: no pool holds 9 tasks");
    world_free(w);
}
