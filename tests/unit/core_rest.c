/* SPDX-License-Identifier: Apache-2.0 */
/* When a tick need not look at everything anew (core/rest.h). */
#include "core/rest.h"
#include "core/seats.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

/* Has somebody been told to look at everybody since? By the seats' clock. */
static uint64_t woken(const struct world *w)
{
    return w->core->seats->woken;
}

/* A node that runs to its limit, and a job that waits for it. */
static struct world *waiting(void)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;

    settings.fair_preemption = DR_FAIR_PREEMPTION_OFF;
    world_settings(w, settings);
    w->asks_every = 1000000; /* else each decision is asked again, with everybody woken */
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 600 * MINUTE});
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
    world_run_us(w, 8 * MINUTE);
    return w;
}

/* Where nothing happens a tick in ten minutes looks; the others are facts, and nothing more. */
TEST(where_nothing_happens_ticks_are_quiet)
{
    struct world *w = waiting();
    uint64_t ticks = w->counts[DR_FACT_TICK];
    uint64_t before = woken(w);
    uint32_t looks = 0;

    for (int i = 0; i < 60; i += 1) {
        world_run_us(w, MINUTE);
        looks += woken(w) != before;
        before = woken(w);
    }
    CHECK_EQ(w->counts[DR_FACT_TICK] - ticks, 60);
    CHECK_EQ(looks, 6);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Where there is fair preemption, which is tried on ticks alone, the first tick after anything that
 * happened tries it, without looking at everybody. */
TEST(what_happens_ends_the_rest)
{
    struct world *w = waiting();
    struct dr_settings settings = w->core->settings;
    uint64_t all, looks;

    world_run_us(w, 4 * MINUTE); /* one in these looks at everybody */
    world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, DR_SECOND_US);
    looks = w->core->looks;
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(w->core->looks, looks);
    settings.fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE;
    world_settings(w, settings);
    world_run_us(w, 2 * MINUTE);
    world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, DR_SECOND_US);
    looks = w->core->looks;
    all = woken(w);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->looks, looks + 1);
    CHECK_EQ(woken(w), all);
    world_run_us(w, MINUTE);
    CHECK_EQ(w->core->looks, looks + 1);
    CHECK(dr_core_quiet_until_us(w->core) > w->now_us);
    world_free(w);
}

/* Where more classes wait than facts have come, everybody is looked at once in six hours. */
TEST(many_who_wait_are_looked_at_less_often)
{
    struct world *w = waiting();
    uint32_t looks = 0;
    uint64_t before;

    for (uint32_t i = 0; i < 1000; i += 1)
        world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = (60 + i) * MINUTE});
    world_run_us(w, 30 * MINUTE);
    before = woken(w);
    for (int i = 0; i < 8 * 60; i += 1) {
        world_run_us(w, MINUTE);
        looks += woken(w) != before;
        before = woken(w);
    }
    CHECK(looks == 1 || looks == 2);
    world_free(w);
}

/* An attempt that comes to where it may be taken back is told to leave by the tick after that, not
 * ten minutes later. */
TEST(an_attempt_that_may_be_taken_ends_the_rest)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id borrower, asks;

    settings.minimum_run_us = 5 * MINUTE;
    world_settings(w, settings);
    w->asks_every = 1000000;
    borrower = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 600 * MINUTE});
    world_run_us(w, MINUTE);
    asks = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 4 * MINUTE - DR_SECOND_US);
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_RUNNING);
    world_run_us(w, MINUTE + DR_SECOND_US);
    CHECK(world_run(w, borrower)->stopping == DR_STOP_RECLAIM ||
          world_job(w, asks)->state == DR_JOB_RUNNING);
    world_free(w);
}

/* ... and so by fair share. */
TEST(an_attempt_that_may_be_taken_by_fair_share_ends_the_rest)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    struct dr_settings settings = w->core->settings;
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id second;

    settings.fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE;
    settings.fair_minimum_run_us = 64 * MINUTE;
    world_settings(w, settings);
    w->asks_every = 1000000;
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 900 * MINUTE});
    second = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 900 * MINUTE});
    world_run_us(w, MINUTE);
    world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 62 * MINUTE);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_RUNNING);
    world_run_us(w, 3 * MINUTE);
    CHECK(world_job(w, second)->state != DR_JOB_RUNNING);
    world_free(w);
}

/* That an attempt which somebody may take has saved its work is something to decide about: another
 * set of victims may do. Of one that nobody may take yet it is not. */
TEST(a_checkpoint_counts_where_it_makes_a_cheaper_victim)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;
    dr_job_id job;
    uint64_t looks;

    settings.minimum_run_us = 5 * MINUTE;
    world_settings(w, settings);
    w->asks_every = 1000000;
    job = world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 600 * MINUTE});
    world_run_us(w, 2 * MINUTE + DR_SECOND_US);
    looks = w->core->looks;
    world_save(w, job);
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(w->core->looks, looks);
    world_run_us(w, 10 * MINUTE);
    looks = w->core->looks;
    world_save(w, job);
    world_run_us(w, DR_SECOND_US);
    CHECK_EQ(w->core->looks, looks + 1);
    world_free(w);
}
