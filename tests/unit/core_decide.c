/* SPDX-License-Identifier: Apache-2.0 */
/* dr_decide() as a whole: each test names what it would catch. */
#include "world.h"

/* A job that fits starts, and ends. */
TEST(a_job_starts_and_ends)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id job =
        world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8, .run_us = DR_MINUTE_US});

    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_busy_accelerators(w), 16);
    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_COMPLETED);
    CHECK_EQ(world_busy_accelerators(w), 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Losing one node ends the whole gang, once, and gives everything back. */
TEST(node_down_requeues_the_gang)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});

    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    world_node_down(w, 0); /* one node is left, too few for the gang */
    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK_EQ(world_busy_accelerators(w), 0);
    CHECK_EQ(world_why(w, job).reason, DR_REASON_SITE_DOWN);
    world_node(w, 0, 0, 0);
    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, job)->attempt, 2);
    CHECK_REPLAY(w);
    world_free(w);
}
