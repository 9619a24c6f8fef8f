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
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_SITE_DOWN);
    world_node(w, 0, 0, 0);
    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, job)->attempt, 2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An array runs as many elements at a time as it allows. */
TEST(array_limits_hold)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id last = {0};

    for (uint32_t i = 1; i <= 5; i += 1)
        last = world_submit(
            w, (struct job_spec){
                   .accelerators = 1, .array_index = i, .array_limit = 2, .run_us = DR_MINUTE_US});
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(w->core->running.count, 2);
    CHECK_EQ(world_why(w, last).holds[0].reason, DR_REASON_ARRAY_LIMIT);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(w->core->running.count, 2);
    world_run_us(w, 3 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, last)->state, DR_JOB_COMPLETED);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A deadline that ends jobs ends the waiting and the running one, at its time. */
TEST(deadlines_end_jobs)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id running = world_submit(
        w,
        (struct job_spec){.accelerators = 8, .deadline_us = 10 * DR_MINUTE_US, .deadline_ends = 1});
    dr_job_id waiting = world_submit(
        w,
        (struct job_spec){.accelerators = 8, .deadline_us = 5 * DR_MINUTE_US, .deadline_ends = 1});
    dr_job_id goal =
        world_submit(w, (struct job_spec){.accelerators = 8, .deadline_us = 5 * DR_MINUTE_US});

    world_run_us(w, 4 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, waiting)->state, DR_JOB_PENDING);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, waiting)->state, DR_JOB_DEADLINE);
    CHECK_EQ(world_job(w, running)->state, DR_JOB_RUNNING);
    world_run_us(w, 6 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, running)->state, DR_JOB_DEADLINE);
    CHECK_EQ(world_job(w, goal)->state, DR_JOB_RUNNING); /* a goal ends nothing */
    CHECK_REPLAY(w);
    world_free(w);
}

/* An attempt that its site forgets to end at the limit is told to leave, limit and grace later. */
TEST(overdue_attempts_are_told)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = DR_MINUTE_US});

    world_run_us(w, 1);
    w->attempts[0].end_us = DR_FOREVER_US; /* the site is asleep */
    world_run_us(w, 90 * DR_SECOND_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(w->counts[DR_FACT_ATTEMPT_STOPPING], 1);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_TIMEOUT);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A dependency that holds lets the job go; one that can't ends it. */
TEST(dependencies_hold_and_end)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id good = world_submit(w, (struct job_spec){.accelerators = 1, .run_us = DR_MINUTE_US});
    dr_job_id bad = world_submit(w, (struct job_spec){.accelerators = 1});
    dr_job_id after_good = world_submit(w, (struct job_spec){.accelerators = 1, .after = good.v});
    dr_job_id after_bad = world_submit(w, (struct job_spec){.accelerators = 1, .after = bad.v});

    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(world_why(w, after_good).holds[0].reason, DR_REASON_DEPENDENCY);
    CHECK_EQ(world_why(w, after_good).holds[0].job.v, good.v);
    world_end(w, bad, 1);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, after_good)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, after_bad)->state, DR_JOB_CANCELLED);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Nothing has changed: a decision makes no fact. */
TEST(nothing_changed_nothing_decided)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");

    for (int i = 0; i < 20; i += 1)
        world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(w->core->dirty, 0);
    CHECK_EQ(world_decide(w), 0);
    w->core->dirty = 1;
    CHECK_EQ(world_decide(w), 0);
    world_free(w);
}

/* A batch that is full is left, appended, and gone on with: nothing is decided twice. */
TEST(a_full_batch_is_gone_on_with)
{
    struct world *w = world_new("1 site, 1 pool, 8 nodes x 8 h200");

    for (int i = 0; i < 64; i += 1)
        world_submit(w, (struct job_spec){.accelerators = 1});
    w->batch.bytes_max = 9000; /* room for a few starts at a time */
    CHECK_EQ(dr_decide(w->core, w->now_us, &w->batch), 1);
    CHECK(w->core->running.count > 0 && w->core->running.count < 64);
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(w->core->running.count, 64);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A site that does not answer keeps its attempts; nothing of them is launched again. */
TEST(a_silent_site_keeps_its_attempts)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 8, .site = "s1"});
    dr_job_id next;

    world_run_us(w, DR_MINUTE_US);
    world_site_answers(w, 1, 0);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_UNREACHABLE);
    next = world_submit(w, (struct job_spec){.accelerators = 8, .site = "s1"});
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_why(w, next).holds[0].reason, DR_REASON_SITE_DOWN);
    world_site_answers(w, 1, 1);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, job)->attempt, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job that says so, and that it is fenced, does not wait for its site for ever: its attempt is
 * given up, once, when the site has not answered for so long without a break. */
TEST(a_job_says_how_long_it_waits_for_a_silent_site)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    struct job_spec spec = {.accelerators = 4,
                            .site = "s1",
                            .limit_us = DR_DAY_US,
                            .run_us = 45 * DR_MINUTE_US, /* it ends there before it is given up */
                            .fenced = 1,
                            .unreachable_us = 30 * DR_MINUTE_US};
    dr_job_id patient =
        world_submit(w, (struct job_spec){.accelerators = 4, .site = "s1", .limit_us = DR_DAY_US});
    dr_job_id job = world_submit(w, spec);

    world_run_us(w, DR_MINUTE_US);
    world_site_answers(w, 1, 0);
    world_run_us(w, 29 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_UNREACHABLE);
    world_site_answers(w, 1, 1); /* it answers for a moment: the time begins anew */
    CHECK_EQ(world_run(w, job)->give_up_us, 0);
    world_site_answers(w, 1, 0);
    world_site_answers(w, 1, 0); /* said twice: the first counts */
    world_run_us(w, 29 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_UNREACHABLE);
    world_run_us(w, 2 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING); /* it may run at s1 alone */
    CHECK_EQ(world_run(w, job)->give_up_us, 0);
    CHECK_EQ(world_run(w, job)->requeues, 1);
    CHECK_EQ(world_job(w, patient)->state, DR_JOB_UNREACHABLE);
    world_site_answers(w, 1, 1);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_run(w, job)->attempt, 2);
    CHECK_EQ(world_run(w, patient)->attempt, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Limit and deadline go on counting meanwhile, and what ended is not run again. */
TEST(what_was_over_before_it_is_given_up_is_over)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    struct job_spec spec = {.accelerators = 4,
                            .limit_us = 10 * DR_MINUTE_US,
                            .run_us = DR_HOUR_US,
                            .site = "s1",
                            .fenced = 1,
                            .unreachable_us = 30 * DR_MINUTE_US};
    dr_job_id job = world_submit(w, spec);

    world_run_us(w, DR_MINUTE_US);
    world_site_answers(w, 1, 0);
    world_run_us(w, 29 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_UNREACHABLE);
    CHECK_EQ(world_run(w, job)->stopping, DR_STOP_LIMIT);
    world_run_us(w, 2 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_TIMEOUT);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Whom a quota kept out is met again when an attempt of the account ends, also where what it leaves
 * is too small for him and his place is in another pool. */
TEST(a_relieved_quota_wakes_who_waits_for_it)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 8, -1);
    dr_job_id small;
    dr_job_id large;
    struct dr_settings settings = w->core->settings;

    settings.reserve_depth = 0; /* who holds a reservation is woken for its sake */
    world_settings(w, settings);
    world_pool(w, 1, "h200", 1, 8, 0);
    world_submit(w, (struct job_spec){.accelerators = 7});
    small = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 1, .run_us = 90 * DR_SECOND_US});
    large = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 65 * DR_SECOND_US); /* past a tick, which asks everybody */
    CHECK_EQ(world_job(w, small)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_why(w, large).holds[0].reason, DR_REASON_QUOTA);
    world_run_us(w, 30 * DR_SECOND_US); /* before the next one */
    CHECK_EQ(world_job(w, small)->state, DR_JOB_COMPLETED);
    CHECK_EQ(world_job(w, large)->state, DR_JOB_RUNNING);
    CHECK_EQ(w->undecided, 0); /* by the decision itself, not when all were asked after it */
    CHECK_REPLAY(w);
    world_free(w);
}
