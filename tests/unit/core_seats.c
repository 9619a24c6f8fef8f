/* SPDX-License-Identifier: Apache-2.0 */
/* Who is met again when capacity comes back (core/seats.h). Decisions are not asked again here:
 * what is remembered of a refusal has to last. */
#include "world.h"

#define MINUTE DR_MINUTE_US

/* The last node is of another site. Who might have a reservation is met whenever nodes come and go,
 * so there is none left to have. */
static struct world *two_sites(uint32_t nodes, uint32_t reservations)
{
    struct world *w = world_new(nodes == 1 ? "1 site, 1 pool, 1 node x 4 h200"
                                           : "1 site, 1 pool, 3 nodes x 4 h200");
    struct dr_settings settings = w->core->settings;

    settings.reserve_depth = reservations;
    world_settings(w, settings);
    w->asks_every = 1000;
    w->tick_us = DR_HOUR_US;
    world_pool(w, world_site(w, "s2"), "h200", 1, 4, 0);
    return w;
}

/* It waits for what is held back, and starts as soon as another is over. */
static void starts_when_over(struct world *w, dr_job_id job, dr_job_id other)
{
    CHECK_EQ(world_job(w, other)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_KEPT);
    world_end(w, other, 0);
    world_decide(w);
    CHECK(world_job(w, job)->state != DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is kept for an account leaves nothing of what is up; a node of another site leaves enough,
 * though nothing has come free where the job waits. */
TEST(a_node_that_comes_up_relieves_whom_the_root_refused)
{
    struct world *w = two_sites(1, 0);
    dr_job_id job;

    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    world_node(w, 1, 0, 1);
    world_run_us(w, 2 * MINUTE);
    job = world_submit(w, (struct job_spec){.site = "s1", .accelerators = 4, .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_KEPT);
    world_node(w, 1, 0, 0);
    world_decide(w);
    CHECK(world_job(w, job)->state != DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The root has accelerators for the job, but no CPUs beside those that are kept: until some are
 * given back elsewhere. */
TEST(cpus_that_are_given_back_relieve_whom_the_root_refused)
{
    struct world *w = two_sites(1, 0); /* nodes of 32 CPUs */
    dr_job_id others, job;

    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    others = world_submit(w, (struct job_spec){.site = "s2", .cpus = 28, .memory_mb = 1});
    world_run_us(w, 2 * MINUTE);
    job = world_submit(
        w, (struct job_spec){.site = "s1", .accelerators = 4, .cpus = 6, .memory_mb = 1});
    world_run_us(w, MINUTE);
    starts_when_over(w, job, others);
}

/* Of the 6 that the job asks for its own account keeps 4, so that 2 more at the root are enough. */
TEST(an_account_that_keeps_some_asks_less_of_the_root)
{
    struct world *w = two_sites(3, 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    dr_job_id others, job;

    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 2, -1, 0);
    world_submit(w, (struct job_spec){.site = "s1", .tasks = 3, .accelerators = 2, .memory_mb = 1});
    world_submit(w, (struct job_spec){.site = "s2", .accelerators = 2, .memory_mb = 1});
    others = world_submit(w, (struct job_spec){.site = "s2", .accelerators = 2, .memory_mb = 1});
    world_run_us(w, 2 * MINUTE);
    job = world_submit(
        w, (struct job_spec){
               .account = b, .site = "s1", .tasks = 3, .accelerators = 2, .memory_mb = 1});
    world_run_us(w, MINUTE);
    starts_when_over(w, job, others);
}

/* An account keeps 4, with their CPUs and memory, for those below it, of whom one has them at the
 * other site. Once that is over another one needs nothing of the root, though the root has no more
 * room than before and nothing came free where he waits. */
TEST(what_an_account_keeps_is_given_back_to_those_below)
{
    struct world *w = two_sites(3, 0);
    uint32_t keeps = world_account(w, "keeps", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    uint32_t first = world_account(w, "first", keeps, 0, -1, -1);
    uint32_t second = world_account(w, "second", keeps, 0, -1, -1);
    dr_job_id others, job;

    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 4, -1, 0);
    world_submit(w, (struct job_spec){.site = "s1", .tasks = 2, .accelerators = 4, .cpus = 32});
    others = world_submit(
        w, (struct job_spec){.account = first, .site = "s2", .accelerators = 4, .cpus = 32});
    world_run_us(w, 2 * MINUTE);
    job = world_submit(
        w, (struct job_spec){.account = second, .site = "s1", .accelerators = 4, .cpus = 32});
    world_run_us(w, MINUTE);
    starts_when_over(w, job, others);
}

/* An account that keeps some, after six others were asked in vain: gangs for which two nodes would
 * have to have more free than they do. What then is offered to nobody else is offered to it. */
TEST(an_account_that_keeps_some_is_met_after_others)
{
    struct world *w = two_sites(3, 0);
    uint32_t c[6], b;
    dr_job_id others, job;

    for (uint32_t i = 0; i < 6; i += 1)
        c[i] = world_account(w, (char[]){'c', (char)('0' + i), 0}, WORLD_ACCOUNT_ROOT, 0, -1, -1);
    b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 3, -1, 0);
    world_account(w, "keeper", WORLD_ACCOUNT_ROOT, 2, -1, 0);
    world_submit(w, (struct job_spec){.site = "s1", .tasks = 3, .accelerators = 2, .memory_mb = 1});
    world_submit(w, (struct job_spec){.site = "s2", .accelerators = 1, .memory_mb = 1});
    others = world_submit(w, (struct job_spec){.site = "s2", .accelerators = 3, .memory_mb = 1});
    world_run_us(w, 2 * MINUTE);
    for (uint32_t i = 0; i < 6; i += 1)
        world_submit(w, (struct job_spec){.account = c[i],
                                          .site = "s1",
                                          .tasks = 2,
                                          .tasks_per_node = 1,
                                          .accelerators = 3,
                                          .memory_mb = 1});
    job = world_submit(
        w, (struct job_spec){
               .account = b, .site = "s1", .tasks = 3, .accelerators = 2, .memory_mb = 1});
    world_run_us(w, MINUTE);
    starts_when_over(w, job, others);
}

/* Guarantees of more than is up count in proportion: 8 of 16 for 6 while 12 are up. Once they count
 * in full, the owner is within his, and the reservation of a borrower is no longer in his way. */
TEST(guarantees_rise_with_what_is_up)
{
    struct world *w = two_sites(3, 1);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id gang, owner;

    world_account(w, "c", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    world_node(w, 3, 0, 1);
    world_submit(w, (struct job_spec){.site = "s1", .accelerators = 4});
    world_run_us(w, MINUTE);
    gang = world_submit(w, (struct job_spec){.site = "s1", .tasks = 3, .accelerators = 4});
    world_run_us(w, MINUTE);
    CHECK(world_run(w, gang)->reservation != DR_ROW_NONE);
    owner = world_submit(
        w,
        (struct job_spec){
            .account = b, .site = "s1", .tasks = 2, .accelerators = 4, .limit_us = 5 * DR_HOUR_US});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_PENDING);
    world_node(w, 3, 0, 0);
    world_decide(w);
    CHECK(world_job(w, owner)->state != DR_JOB_PENDING);
    CHECK_EQ(w->counts[DR_FACT_RESERVATION_DROPPED], 1);
    CHECK_REPLAY(w);
    world_free(w);
}
