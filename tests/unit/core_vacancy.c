/* SPDX-License-Identifier: Apache-2.0 */
/* When nodes are vacant, and the reservations of whole nodes that go by it (core/vacancy.h). */
#include "world.h"

#include "core/vacancy.h"

#define MINUTE DR_MINUTE_US
#define NONE   DR_ROW_NONE

static dr_job_id submit(struct world *w, uint32_t accelerators, int64_t minutes)
{
    return world_submit(w, (struct job_spec){.accelerators = accelerators,
                                             .memory_mb = 1,
                                             .limit_us = minutes * MINUTE});
}

static int64_t end_us(const struct world *w, dr_job_id job)
{
    return dr_job_believed_end_us(w->core, world_job(w, job));
}

static int64_t soonest_us(struct world *w, uint32_t nodes)
{
    return dr_vacancy_soonest_us(w->core, (dr_pool_id){1}, nodes, NONE);
}

static int64_t when_us(struct world *w, uint32_t nodes, uint32_t level, uint32_t own_extent)
{
    return dr_vacancy_when_us(w->core, (dr_pool_id){1}, nodes, level, own_extent, DR_FOREVER_US);
}

/* Blocks of two nodes. The first is full until minutes 40 and 20; of the second one node is held by
 * two jobs, until minutes 10 and 30, and the other by nobody. */
static struct world *begin(dr_job_id jobs[4])
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200, blocks of 2");

    jobs[0] = submit(w, 8, 40);
    world_run_us(w, 1);
    jobs[1] = submit(w, 8, 20);
    world_run_us(w, 1);
    jobs[2] = submit(w, 4, 10);
    world_run_us(w, 1);
    jobs[3] = submit(w, 4, 30);
    world_run_us(w, MINUTE / 2);
    CHECK_EQ(world_first_node(w, jobs[0]), 0);
    CHECK_EQ(world_first_node(w, jobs[1]), 1);
    CHECK_EQ(world_first_node(w, jobs[2]), 2);
    CHECK_EQ(world_first_node(w, jobs[3]), 2);
    return w;
}

/* A node is vacant when the last has left it. */
TEST(nodes_are_vacant_one_after_another)
{
    dr_job_id jobs[4];
    struct world *w = begin(jobs);

    CHECK_EQ(soonest_us(w, 1), 0);
    CHECK_EQ(soonest_us(w, 2), end_us(w, jobs[1]));
    CHECK_EQ(soonest_us(w, 3), end_us(w, jobs[3]));
    CHECK_EQ(soonest_us(w, 4), end_us(w, jobs[0]));
    CHECK_EQ(soonest_us(w, 5), DR_FOREVER_US);
    world_end(w, jobs[0], 0);
    world_run_us(w, MINUTE);
    CHECK_EQ(soonest_us(w, 2), 0);
    CHECK_EQ(soonest_us(w, 4), end_us(w, jobs[3]));
    CHECK(dr_vacancy_consistent(w->core));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Within one block they have to be vacant together. */
TEST(of_one_block_they_are_vacant_later)
{
    dr_job_id jobs[4];
    struct world *w = begin(jobs);

    CHECK_EQ(when_us(w, 2, 1, NONE), end_us(w, jobs[1]));
    CHECK_EQ(when_us(w, 2, 0, NONE), end_us(w, jobs[3]));
    CHECK_EQ(when_us(w, 3, 0, NONE), DR_FOREVER_US);
    /* A node that is down is not there. */
    world_node(w, 3, 0, 1);
    CHECK_EQ(soonest_us(w, 1), 0);
    CHECK_EQ(when_us(w, 1, 1, NONE), end_us(w, jobs[1]));
    CHECK_EQ(when_us(w, 2, 0, NONE), end_us(w, jobs[0]));
    CHECK_EQ(when_us(w, 4, 1, NONE), DR_FOREVER_US);
    world_free(w);
}

/* Of whom nobody knows when he ends, no node is ever vacant. */
TEST(who_can_not_be_reached_never_ends)
{
    dr_job_id jobs[4];
    struct world *w = begin(jobs);

    world_site_answers(w, 1, 0);
    CHECK_EQ(soonest_us(w, 1), 0);
    CHECK_EQ(soonest_us(w, 2), DR_FOREVER_US);
    world_site_answers(w, 1, 1);
    CHECK_EQ(soonest_us(w, 2), end_us(w, jobs[1]));
    world_free(w);
}

/* What is reserved is for its own job alone. Who holds something else there, a node's CPUs, leaves
 * with the rest, as far as his end has come. */
TEST(what_is_reserved_is_apart)
{
    dr_job_id jobs[4];
    struct world *w = begin(jobs);
    dr_job_id gang = world_submit(
        w, (struct job_spec){.tasks = 2, .accelerators = 8, .level = "required:block"});
    uint32_t rows[8];
    uint32_t reserved;

    world_run_us(w, MINUTE);
    reserved = world_run(w, gang)->reservation;
    CHECK(reserved != NONE);
    CHECK_EQ(world_run(w, gang)->reservation_us, end_us(w, jobs[3]));
    CHECK_EQ(soonest_us(w, 1), end_us(w, jobs[1]));
    CHECK_EQ(soonest_us(w, 3), DR_FOREVER_US);
    CHECK_EQ(when_us(w, 2, 0, reserved), end_us(w, jobs[3]));
    CHECK_EQ(when_us(w, 4, 1, reserved), end_us(w, jobs[0]));
    /* Two nodes are vacant by then, the free one apart; three attempts leave them. */
    CHECK_EQ(dr_vacancy_leavers(w->core, (dr_pool_id){1}, end_us(w, jobs[3]), rows), 3);
    CHECK_EQ(w->core->jobs[rows[0]].id.v, jobs[2].v);
    CHECK_EQ(w->core->jobs[rows[1]].id.v, jobs[1].v);
    CHECK_EQ(w->core->jobs[rows[2]].id.v, jobs[3].v);
    /* The one that ends first leaves no node vacant. */
    CHECK_EQ(dr_vacancy_leavers(w->core, (dr_pool_id){1}, end_us(w, jobs[2]), rows), 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The pool whose nodes are vacant first; of two that are so at once, the one that comes first. */
TEST(the_pool_that_is_vacant_first)
{
    for (uint32_t late = 0; late < 2; late += 1) {
        struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
        dr_job_id gang;
        uint32_t pool;

        pool = world_pool(w, 1, "h200", 2, 8, 0);
        for (uint32_t i = 0; i < 4; i += 1)
            world_submit(w, (struct job_spec){.accelerators = 8,
                                              .memory_mb = 1,
                                              .limit_us = (i < 2 && late ? 30 : 20) * MINUTE});
        world_run_us(w, MINUTE);
        gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .memory_mb = 1});
        world_run_us(w, MINUTE);
        CHECK(world_run(w, gang)->reservation != NONE);
        CHECK_EQ(world_run(w, gang)->reservation_pool.v, late ? pool : 1);
        world_run_us(w, 20 * MINUTE);
        CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Once somebody leaves before his limit, who holds a reservation is given an earlier one. */
TEST(a_reservation_comes_earlier)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");
    dr_job_id longest = submit(w, 8, 60);
    dr_job_id longer, gang;
    int64_t before_us;

    longer = submit(w, 8, 50);
    submit(w, 8, 10);
    world_run_us(w, MINUTE);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .memory_mb = 1});
    world_run_us(w, MINUTE);
    before_us = world_run(w, gang)->reservation_us;
    CHECK_EQ(before_us, end_us(w, longer));
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_run(w, gang)->reservation_us, before_us);
    world_end(w, longest, 0);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Of pools that are free as early the first has it, though another one looked earlier: of that one
 * a node that is vacant is down. */
TEST(the_first_of_those_that_are_vacant_at_once)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id gang;

    world_pool(w, 1, "h200", 3, 8, 0);
    world_node(w, 4, 0, 1);
    for (uint32_t i = 0; i < 4; i += 1)
        submit(w, 8, i < 3 ? 20 : 10);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->running.count, 4);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .memory_mb = 1});
    world_run_us(w, MINUTE);
    CHECK(world_run(w, gang)->reservation != NONE);
    CHECK_EQ(world_run(w, gang)->reservation_pool.v, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Quotas were asked for the pool that looked earliest, whose nodes are vacant last; they allow the
 * other one earlier. */
TEST(quotas_allow_another_pool_earlier)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");
    dr_job_id gang;
    dr_job_id others[2];
    dr_job_id twenty[2];

    world_pool(w, 1, "h200", 2, 8, 0);
    world_node(w, 2, 0, 1);
    others[0] = submit(w, 8, 10);
    others[1] = submit(w, 8, 40);
    twenty[0] = submit(w, 8, 20);
    twenty[1] = submit(w, 8, 20);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->running.count, 4);
    for (uint32_t i = 0; i < 2; i += 1) {
        CHECK_EQ(world_run(w, others[i])->pool.v, 1);
        CHECK_EQ(world_run(w, twenty[i])->pool.v, 2);
    }
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .memory_mb = 1});
    world_run_us(w, 1); /* before a tick that would give it an earlier one */
    CHECK(world_run(w, gang)->reservation != NONE);
    CHECK_EQ(world_run(w, gang)->reservation_us, end_us(w, twenty[1]));
    CHECK_EQ(world_run(w, gang)->reservation_pool.v, 2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A gang leaves all of its nodes, whichever of them somebody holds for longer. */
TEST(a_gang_leaves_all_its_nodes)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id gang = world_submit(w, (struct job_spec){.tasks = 2,
                                                       .accelerators = 4,
                                                       .tasks_per_node = 1,
                                                       .memory_mb = 1,
                                                       .limit_us = 20 * MINUTE});
    uint32_t rows[4];

    world_run_us(w, 1);
    submit(w, 4, 30);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->running.count, 2);
    CHECK_EQ(dr_vacancy_leavers(w->core, (dr_pool_id){1}, end_us(w, gang), rows), 1);
    CHECK_EQ(w->core->jobs[rows[0]].id.v, gang.v);
    world_free(w);
}
