/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations and starting ahead of one's turn (POLICY, section 5). */
#include "world.h"

#define MINUTE DR_MINUTE_US

/* One node runs to its limit, one is free; a gang of two waits. What can end before may start. */
static struct world *half_full(dr_job_id *running, dr_job_id *gang)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");

    *running = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    world_run_us(w, MINUTE);
    *gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    return w;
}

/* The first blocked job gets the time at which the running one is believed to end. */
TEST(the_first_blocked_job_gets_a_time)
{
    dr_job_id running, gang;
    struct world *w = half_full(&running, &gang);

    CHECK_EQ(w->counts[DR_FACT_RESERVATION_MADE], 1);
    CHECK_EQ(world_run(w, gang)->reservation_us, world_run(w, running)->start_us + 60 * MINUTE);
    CHECK_EQ(world_why(w, gang).reserved_us, world_run(w, gang)->reservation_us);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, gang)->rule, DR_RULE_RESERVATION);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job short enough starts ahead of its turn; one that would run into the reservation does not. */
TEST(short_jobs_slip_in_long_ones_wait)
{
    dr_job_id running, gang;
    struct world *w = half_full(&running, &gang);
    dr_job_id longer =
        world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 61 * MINUTE});
    dr_job_id shorter =
        world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 50 * MINUTE});
    struct dr_why why;

    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, shorter)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, shorter)->rule, DR_RULE_BACKFILL);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_PENDING);
    why = world_why(w, longer);
    CHECK_EQ(why.holds[0].reason, DR_REASON_RESERVATION);
    CHECK_EQ(why.holds[0].job.v, gang.v);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A limit is stated for factor 1. In an alternative of factor 2 a job is believed to run for twice
 * as long, and does not slip in where its limit as it stands would have. */
TEST(a_slower_way_takes_longer)
{
    dr_job_id running, gang;
    struct world *w = half_full(&running, &gang);
    struct dr_alternative slower = {
        .tasks = 1, .accelerators_per_task = 4000, .cpus_per_task = 1000, .factor = 2000};
    dr_job_id longer = world_submit(
        w, (struct job_spec){
               .tasks = 3, .accelerators = 8, .limit_us = 31 * MINUTE, .second = slower});
    dr_job_id shorter = world_submit(
        w, (struct job_spec){
               .tasks = 3, .accelerators = 8, .limit_us = 25 * MINUTE + 1, .second = slower});
    struct dr_why why;

    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, shorter)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, shorter)->alternative, 1);
    CHECK_EQ(world_run(w, shorter)->attempt_limit_us, 50 * MINUTE + 2);
    CHECK_EQ(dr_job_believed_end_us(w->core, world_job(w, shorter)),
             world_run(w, shorter)->start_us + 50 * MINUTE + 2);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_PENDING);
    why = world_why(w, longer);
    CHECK_EQ(why.holds[0].reason, DR_REASON_RESERVATION);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, shorter)->state, DR_JOB_TIMEOUT);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A long job may take what the reservation does not need. */
TEST(what_is_not_reserved_is_free)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id running =
        world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 4, .tasks_per_node = 1});
    dr_job_id blocked, longer, too_much;

    world_run_us(w, MINUTE);
    blocked = world_submit(w, (struct job_spec){.accelerators = 6});
    longer = world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 5 * DR_HOUR_US});
    too_much = world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 5 * DR_HOUR_US});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, too_much)->state, DR_JOB_PENDING);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, running)->state, DR_JOB_TIMEOUT);
    CHECK_EQ(world_job(w, blocked)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An end before its limit brings the reservation forward, never back. */
TEST(an_early_end_brings_it_forward)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");
    dr_job_id one = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    dr_job_id two = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 120 * MINUTE});
    dr_job_id three =
        world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 180 * MINUTE});
    dr_job_id gang;
    int64_t before;

    world_run_us(w, MINUTE);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    before = world_run(w, gang)->reservation_us;
    CHECK_EQ(before, world_run(w, two)->start_us + 120 * MINUTE);
    world_end(w, three, 0);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_run(w, gang)->reservation_us, world_run(w, one)->start_us + 60 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A lost node drops the reservation, and says so. */
TEST(a_lost_node_drops_it)
{
    dr_job_id running, gang;
    struct world *w = half_full(&running, &gang);

    world_node_down(w, 1);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->counts[DR_FACT_RESERVATION_DROPPED], 1);
    CHECK_EQ(world_run(w, gang)->reservation, DR_ROW_NONE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job within its guarantee may displace the reservation of one that borrows. */
TEST(guarantees_displace_borrowers)
{
    dr_job_id running, gang, owner;
    struct world *w = half_full(&running, &gang);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);

    owner = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 8, .limit_us = 5 * DR_HOUR_US});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(w->counts[DR_FACT_RESERVATION_DROPPED], 1);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Quota is held too: a borrower at the account's limit may not use up what the reserved job needs.
 */
TEST(quota_is_held_with_the_nodes)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 24, -1);
    dr_job_id first, gang, sneak;

    first = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 8, .limit_us = 60 * MINUTE});
    world_run_us(w, MINUTE);
    gang = world_submit(
        w, (struct job_spec){.account = b, .tasks = 3, .accelerators = 8, .priority = 1});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_run(w, gang)->reservation_us, world_run(w, first)->start_us + 60 * MINUTE);
    sneak = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 8, .limit_us = 5 * DR_HOUR_US});
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, sneak)->state, DR_JOB_PENDING);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Beside a place that waits for its time, CPUs count as much as accelerators do. */
TEST(cpus_are_held_with_the_accelerators)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200"); /* of 64 CPUs each */
    dr_job_id gang, wide, narrow;

    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    world_run_us(w, MINUTE);
    gang = world_submit(
        w, (struct job_spec){
               .tasks = 2, .accelerators = 4, .cpus = 60, .memory_mb = 1, .tasks_per_node = 1});
    world_run_us(w, MINUTE);
    CHECK(world_run(w, gang)->reservation_us != 0);
    wide = world_submit(
        w, (struct job_spec){
               .accelerators = 4, .cpus = 5, .memory_mb = 1, .limit_us = 5 * DR_HOUR_US});
    narrow = world_submit(
        w, (struct job_spec){
               .accelerators = 4, .cpus = 4, .memory_mb = 1, .limit_us = 5 * DR_HOUR_US});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, wide)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, narrow)->state, DR_JOB_RUNNING);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What two jobs need that begin one after the other is held for both: 16 accelerators from minute
 * 30 on, 24 more from minute 60 on, 20 that c does not lend, and so 4 are left of 64 until then. */
TEST(quota_is_held_for_all_who_have_begun)
{
    uint32_t b;
    struct world *w = world_reserved_twice(&b);
    dr_job_id longer, shorter;

    longer = world_submit(
        w,
        (struct job_spec){.account = b, .site = "s3", .accelerators = 8, .limit_us = 70 * MINUTE});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_PENDING);
    shorter = world_submit(
        w,
        (struct job_spec){.account = b, .site = "s3", .accelerators = 8, .limit_us = 40 * MINUTE});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_PENDING);
    CHECK_EQ(world_job(w, shorter)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who would take what a reservation counts on is met when an attempt elsewhere ends early: what is
 * occupied falls at the root, though nobody's quota refused him. */
TEST(an_early_end_leaves_room_beside_what_is_reserved)
{
    struct world *w = world_new("1 site, 1 pool, 1 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t keeper;
    dr_job_id early, waits, later;

    world_pool(w, world_site(w, "s2"), "h200", 1, 8, 0);
    world_pool(w, world_site(w, "s3"), "h200", 1, 2, 0);
    world_pool(w, world_site(w, "s4"), "h200", 1, 8, 0);
    keeper = world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 8, -1, 0);
    world_submit(w, (struct job_spec){.account = keeper,
                                      .site = "s2",
                                      .accelerators = 8,
                                      .memory_mb = 1,
                                      .limit_us = 300 * MINUTE});
    world_submit(w, (struct job_spec){
                        .site = "s1", .accelerators = 4, .memory_mb = 1, .limit_us = 300 * MINUTE});
    world_submit(w, (struct job_spec){
                        .site = "s1", .accelerators = 2, .memory_mb = 1, .limit_us = 60 * MINUTE});
    early = world_submit(
        w, (struct job_spec){
               .site = "s3", .accelerators = 2, .memory_mb = 1, .limit_us = 50 * MINUTE});
    world_run_us(w, MINUTE);
    waits = world_submit(
        w, (struct job_spec){
               .site = "s1", .accelerators = 4, .memory_mb = 1, .limit_us = 60 * MINUTE});
    world_run_us(w, MINUTE);
    later = world_submit(w, (struct job_spec){.account = b,
                                              .site = "s4",
                                              .accelerators = 7,
                                              .memory_mb = 1,
                                              .limit_us = 90 * MINUTE});
    world_run_us(w, MINUTE + 10 * DR_SECOND_US);
    CHECK(world_run(w, waits)->reservation != DR_ROW_NONE);
    CHECK_EQ(world_job(w, later)->state, DR_JOB_PENDING);
    world_end(w, early, 0);
    world_decide(w);
    CHECK(world_job(w, later)->state != DR_JOB_PENDING);
    CHECK_EQ(w->undecided, 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Another account is not blocked by a gang that waits, while it delays nothing. */
TEST(other_accounts_go_on)
{
    dr_job_id running, gang;
    struct world *w = half_full(&running, &gang);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id other = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 8, .limit_us = 20 * MINUTE});

    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, other)->state, DR_JOB_RUNNING);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Of the twelve that `b` may borrow, four are with a site that does not answer, for as long as that
 * may be: at minute 60 the gang of eight needs the rest. */
TEST(what_does_not_answer_gives_nothing_back)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 12, -1);
    uint32_t silent = world_site(w, "s2");
    dr_job_id gang, longer, shorter;
    struct job_spec of_b = {.account = b, .accelerators = 4, .memory_mb = 1};

    world_pool(w, silent, "h200", 1, 4, 0);
    world_pool(w, world_site(w, "s3"), "h200", 1, 4, 0);
    of_b.site = "s2";
    of_b.limit_us = 30 * MINUTE;
    world_submit(w, of_b);
    of_b.site = "s1";
    of_b.limit_us = 60 * MINUTE;
    world_submit(w, of_b);
    world_submit(w, (struct job_spec){
                        .site = "s1", .accelerators = 4, .memory_mb = 1, .limit_us = 60 * MINUTE});
    world_run_us(w, MINUTE);
    world_site_answers(w, silent, 0);
    of_b.accelerators = 8;
    gang = world_submit(w, of_b);
    world_run_us(w, MINUTE);
    CHECK(world_run(w, gang)->reservation != DR_ROW_NONE);
    of_b.accelerators = 4;
    of_b.site = "s3";
    of_b.limit_us = 90 * MINUTE;
    longer = world_submit(w, of_b);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_PENDING);
    of_b.limit_us = 30 * MINUTE;
    shorter = world_submit(w, of_b);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, shorter)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* By the time of a reservation three nodes are free, and two are enough: those that others leave by
 * then, so that the one that is vacant now is everybody's. */
TEST(a_reservation_leaves_what_is_vacant_to_others)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");
    dr_job_id gang, longer;

    world_submit(w, (struct job_spec){.accelerators = 8, .run_us = MINUTE}); /* node 0 */
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    world_run_us(w, 2 * MINUTE);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK(world_run(w, gang)->reservation_us > 0);
    longer = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 600 * MINUTE});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, longer)->state, DR_JOB_RUNNING);
    world_run_us(w, 60 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}
