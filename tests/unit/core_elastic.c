/* SPDX-License-Identifier: Apache-2.0 */
/* Elastic jobs: from a least to a most number of tasks (docs/policy.md, section 8). */
#include "world.h"

#define MINUTE DR_MINUTE_US

static uint32_t tasks_of(const struct world *w, dr_job_id id)
{
    const struct dr_job *job = world_job(w, id);
    uint32_t tasks = 0;

    for (uint32_t at = dr_job_run(w->core, job)->extents; at != DR_ROW_NONE;
         at = w->core->extents[at].next)
        tasks += w->core->extents[at].extent.tasks;
    return tasks;
}

/* From the most to the least, falling, in steps of equal ratio; fewer tasks take longer. */
TEST(sizes_from_most_to_least)
{
    struct world *w = world_new("1 site, 1 pool, 64 nodes x 8 h200");
    dr_job_id job = world_submit(
        w, (struct job_spec){.tasks = 64, .tasks_min = 8, .accelerators = 8, .held = 1});
    const struct dr_shape *shape = &w->core->shapes[world_job(w, job)->shape];

    CHECK_EQ(shape->sizes, 8);
    CHECK_EQ(shape->alternatives_count, 8);
    CHECK_EQ(shape->alternatives[0].tasks, 64);
    CHECK_EQ(shape->alternatives[0].factor, 1000);
    CHECK_EQ(shape->alternatives[7].tasks, 8);
    CHECK_EQ(shape->alternatives[7].factor, 8000);
    for (uint32_t i = 1; i < 8; i += 1) {
        CHECK(shape->alternatives[i].tasks < shape->alternatives[i - 1].tasks);
        CHECK(shape->alternatives[i].tasks * 10 > shape->alternatives[i - 1].tasks * 6);
    }
    /* Few enough: all of them. Another way to run it comes after all sizes. */
    job = world_submit(w, (struct job_spec){.tasks = 5,
                                            .tasks_min = 2,
                                            .accelerators = 8,
                                            .held = 1,
                                            .second = {.tasks = 1,
                                                       .accelerators_per_task = 4000,
                                                       .cpus_per_task = 1000,
                                                       .factor = 9000}});
    shape = &w->core->shapes[world_job(w, job)->shape];
    CHECK_EQ(shape->sizes, 4);
    CHECK_EQ(shape->alternatives_count, 5);
    for (uint32_t i = 0; i < 4; i += 1)
        CHECK_EQ(shape->alternatives[i].tasks, 5 - i);
    CHECK_EQ(shape->alternatives[4].accelerators_per_task, 4000);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Not elastic at all, and what can't be. */
TEST(bounds_of_tasks)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.tasks = 2, .tasks_min = 2, .held = 1});

    CHECK_EQ(w->core->shapes[world_job(w, job)->shape].sizes, 0);
    CHECK_EQ(w->core->shapes[world_job(w, job)->shape].alternatives_count, 1);
    CHECK_EQ(world_submit(w, (struct job_spec){.tasks = 2, .tasks_min = 3}).v, 0);
    CHECK_HAS(world_refusal(), "tasks_min: found 3, expected at most the tasks of the job, 2");
    /* The most may be more than any pool holds; the least may not. */
    CHECK(world_submit(w, (struct job_spec){.tasks = 9, .tasks_min = 4, .accelerators = 8}).v != 0);
    CHECK_EQ(world_submit(w, (struct job_spec){.tasks = 9, .tasks_min = 5, .accelerators = 8}).v,
             0);
    CHECK_HAS(world_refusal(), "no pool holds 5 tasks of 8 accelerators even when empty; the "
                               "largest holds 4 of them (s1/p1)");
    world_free(w);
}

/* It starts with what there is, and has its limit in proportion. */
TEST(starts_with_what_is_free)
{
    struct world *w = world_new("1 site, 1 pool, 6 nodes x 8 h200");
    dr_job_id fixed = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id job;

    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.tasks = 8, .tasks_min = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(tasks_of(w, job), 5);
    CHECK_EQ(world_run(w, job)->attempt_limit_us, 96 * MINUTE); /* an hour with 8 */
    CHECK_EQ(world_job(w, fixed)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A quota limits it as room does. */
TEST(a_quota_makes_it_smaller)
{
    struct world *w = world_new("1 site, 1 pool, 6 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 16, 16, -1);
    dr_job_id job = world_submit(
        w, (struct job_spec){
               .account = b, .tasks = 6, .tasks_min = 1, .accelerators = 8, .memory_mb = 1000});

    world_run_us(w, MINUTE);
    CHECK_EQ(tasks_of(w, job), 4);
    world_free(w);
}

/* Below its least it waits: for the least, not for the most. */
TEST(below_the_least_it_waits)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    dr_job_id job;
    struct dr_why why;

    world_submit(w, (struct job_spec){.tasks = 3, .accelerators = 8, .limit_us = 30 * MINUTE});
    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.tasks = 4, .tasks_min = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK(world_run(w, job)->reservation != DR_ROW_NONE);
    why = world_why(w, job);
    CHECK_EQ(why.holds_count, 1);
    CHECK_EQ(why.holds[0].reason, DR_REASON_CAPACITY);
    CHECK_EQ(why.holds[0].needs, 16000);
    world_run_us(w, 31 * MINUTE);
    CHECK_EQ(tasks_of(w, job), 4); /* when its time has come it takes all that there is */
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who takes back takes from an elastic attempt first, though a gang would lose less; and it comes
 * back at once, with what is left. */
TEST(it_shrinks_before_a_gang_is_taken)
{
    struct world *w = world_new("1 site, 1 pool, 6 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 16, -1, -1);
    dr_job_id job;
    dr_job_id gang;
    dr_job_id owner;

    job = world_submit(w, (struct job_spec){.tasks = 4, .tasks_min = 1, .accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    world_run_us(w, 10 * MINUTE);
    CHECK_EQ(world_job(w, gang)->state, DR_JOB_RUNNING);
    owner = world_submit(w, (struct job_spec){.account = b, .tasks = 2, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, owner)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, gang)->preemptions, 0);
    CHECK_EQ(world_run(w, job)->preemptions, 1);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(tasks_of(w, job), 2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Between attempts it grows again. */
TEST(it_grows_between_attempts)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");
    dr_job_id fixed = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    dr_job_id job;

    world_run_us(w, MINUTE);
    job = world_submit(w, (struct job_spec){.tasks = 4, .tasks_min = 1, .accelerators = 8});
    world_run_us(w, MINUTE);
    CHECK_EQ(tasks_of(w, job), 2);
    world_end(w, fixed, 0);
    world_run_us(w, MINUTE);
    CHECK_EQ(tasks_of(w, job), 2); /* it runs on as it is */
    world_node_down(w, (uint32_t)world_first_node(w, job));
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(tasks_of(w, job), 3);
    CHECK_REPLAY(w);
    world_free(w);
}
