/* SPDX-License-Identifier: Apache-2.0 */
/* Fair preemption above the guarantees (POLICY, section 3): who takes from whom, and who doesn't.
 */
#include "core/fair.h"
#include "world.h"

#define MINUTE   DR_MINUTE_US
#define HOUR     DR_HOUR_US
#define FOR_EVER (1000 * DR_HOUR_US)

static struct world *fair_world(const char *text)
{
    struct world *w = world_new(text);
    struct dr_settings settings = w->core->settings;

    settings.fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE;
    settings.fair_minimum_run_us = HOUR;
    world_settings(w, settings);
    return w;
}

static dr_job_id submit(struct world *w, uint32_t account, uint32_t accelerators)
{
    return world_submit(w, (struct job_spec){.account = account,
                                             .accelerators = accelerators,
                                             .memory_mb = 1000,
                                             .limit_us = FOR_EVER});
}

static uint32_t running(const struct world *w, uint32_t account)
{
    uint32_t units = 0;

    for (uint32_t row = 0; row < w->core->jobs_high; row += 1) {
        const struct dr_job *job = &w->core->jobs[row];
        const struct dr_run *run = dr_job_run(w->core, job);

        if (job->account.v == account && job->state == DR_JOB_RUNNING)
            units +=
                w->core->shapes[job->shape].alternatives[run->alternative].tasks *
                w->core->shapes[job->shape].alternatives[run->alternative].accelerators_per_task /
                1000;
    }
    return units;
}

/* Who came first holds all; who came later gets half, on a tick, once attempts have run an hour. */
TEST(shares_are_evened_out)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id taken = {0};

    for (int i = 0; i < 4; i += 1)
        submit(w, WORLD_ACCOUNT_A, 2);
    world_run_us(w, 30 * DR_SECOND_US);
    for (int i = 0; i < 4; i += 1)
        submit(w, b, 2);
    world_run_us(w, 59 * MINUTE);
    CHECK_EQ(running(w, b), 0);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 0);
    for (uint32_t row = 0; row < w->core->jobs_high; row += 1)
        if (w->core->jobs[row].account.v == b && w->core->jobs[row].state == DR_JOB_PENDING) {
            struct dr_why why = world_why(w, w->core->jobs[row].id);

            CHECK_HAS(why.holds[0].frees,
                      "; or, by fair share, attempts of a, which has more above "
                      "its guarantee than b would, once they have run 1h");
        }
    world_run_us(w, 30 * DR_SECOND_US); /* the tick at an hour */
    for (uint32_t row = 0; row < w->core->jobs_high; row += 1)
        if (dr_job_run(w->core, &w->core->jobs[row])->stopping != DR_STOP_NONE)
            taken = w->core->jobs[row].id;
    CHECK_EQ(world_run(w, taken)->stopping, DR_STOP_FAIR_SHARE);
    world_run_us(w, 5 * HOUR);
    CHECK_EQ(running(w, b), 4);
    CHECK_EQ(running(w, WORLD_ACCOUNT_A), 4);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 2);
    CHECK_EQ(world_run(w, taken)->preemptions, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Off, as in facts of older programs, nobody takes. */
TEST(off_takes_nothing)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);

    CHECK_EQ(w->core->settings.fair_preemption, DR_FAIR_PREEMPTION_OFF);
    for (int i = 0; i < 4; i += 1)
        submit(w, WORLD_ACCOUNT_A, 2);
    submit(w, b, 2);
    world_run_us(w, 3 * HOUR);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 0);
    world_free(w);
}

/* Between ticks nothing is taken, however long who would be has run. */
TEST(it_is_judged_at_ticks)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id job;

    for (int i = 0; i < 4; i += 1)
        submit(w, WORLD_ACCOUNT_A, 2);
    world_run_us(w, 2 * HOUR + 10 * DR_SECOND_US);
    job = submit(w, b, 2);
    world_run_us(w, 40 * DR_SECOND_US);
    CHECK(world_run(w, job)->promise == DR_ROW_NONE);
    world_run_us(w, 10 * DR_SECOND_US);
    CHECK(world_run(w, job)->promise != DR_ROW_NONE);
    CHECK_EQ(world_run(w, job)->promise_cause, DR_STOP_FAIR_SHARE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Whose loss would leave him with less than who takes then has is not taken from. */
TEST(nobody_is_left_with_less)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);

    submit(w, WORLD_ACCOUNT_A, 8);
    submit(w, b, 1);
    world_run_us(w, 3 * HOUR);
    CHECK_EQ(running(w, WORLD_ACCOUNT_A), 8);
    world_free(w);
    /* 3 of 8 for b, 5 for a: b's next one would turn that round, and a's too */
    w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    for (int i = 0; i < 5; i += 1)
        submit(w, WORLD_ACCOUNT_A, 1);
    for (int i = 0; i < 3; i += 1)
        submit(w, b, 1);
    world_run_us(w, MINUTE);
    submit(w, b, 2);
    world_run_us(w, 3 * HOUR);
    CHECK_EQ(running(w, b), 3);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 0);
    world_free(w);
}

/* By weight: who counts three times gets three times as much. */
TEST(shares_are_by_weight)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);

    world_weight(w, b, 3000);
    for (int i = 0; i < 8; i += 1)
        submit(w, WORLD_ACCOUNT_A, 1);
    world_run_us(w, MINUTE);
    for (int i = 0; i < 8; i += 1)
        submit(w, b, 1);
    world_run_us(w, 70 * MINUTE);
    CHECK_EQ(running(w, b), 6);
    CHECK_EQ(running(w, WORLD_ACCOUNT_A), 2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A guarantee is nobody's to take, also where its holder has more than that too. */
TEST(nobody_is_pushed_under_his_guarantee)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, -1, -1);

    submit(w, b, 5); /* one above: all five would have to go */
    submit(w, b, 3);
    world_run_us(w, MINUTE);
    submit(w, WORLD_ACCOUNT_A, 1); /* fits in the place of the 3, which leaves 5 */
    submit(w, WORLD_ACCOUNT_A, 4);
    world_run_us(w, 3 * HOUR);
    CHECK_EQ(running(w, WORLD_ACCOUNT_A), 1);
    CHECK_EQ(running(w, b), 5);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is compared are the branches below the common account: a poor project of a rich sector takes
 * nothing from the project of another one that has more than it, but less as a sector. */
TEST(branches_are_compared)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t rich = world_account(w, "rich", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t poor = world_account(w, "poor", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t rich_1 = world_account(w, "rich-1", rich, 0, -1, -1);
    uint32_t rich_2 = world_account(w, "rich-2", rich, 0, -1, -1);
    uint32_t poor_1 = world_account(w, "poor-1", poor, 0, -1, -1);
    dr_job_id job;

    submit(w, rich_1, 4);
    submit(w, rich_1, 1);
    submit(w, poor_1, 2);
    submit(w, poor_1, 1);
    world_run_us(w, MINUTE);
    job = submit(w, rich_2, 1);
    world_run_us(w, 90 * MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_RUNNING);
    CHECK_EQ(running(w, poor_1), 3);
    CHECK_EQ(running(w, rich_1), 4);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What others have reserved stays theirs. */
TEST(reservations_are_kept)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t c = world_account(w, "c", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id all;
    dr_job_id brief;

    for (int i = 0; i < 4; i += 1)
        world_submit(w, (struct job_spec){.accelerators = 2, .limit_us = 2 * HOUR});
    world_run_us(w, MINUTE);
    all = submit(w, c, 8); /* it would be left with more, and so waits for their end */
    world_run_us(w, MINUTE);
    CHECK(world_run(w, all)->reservation != DR_ROW_NONE);
    submit(w, b, 2);
    world_run_us(w, 80 * MINUTE);
    CHECK_EQ(running(w, b), 0);
    CHECK_EQ(w->counts[DR_FACT_RESERVATION_DROPPED], 0);
    brief = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 2, .limit_us = 10 * MINUTE});
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, brief)->state, DR_JOB_RUNNING); /* it is over before that */
    world_run_us(w, 2 * HOUR);
    CHECK_EQ(world_job(w, all)->state, DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who was refused is asked again when what starts later in the same decision changes keys. */
TEST(keys_change_within_a_decision)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t c = world_account(w, "c", WORLD_ACCOUNT_ROOT, 2, -1, -1);
    dr_job_id job;

    submit(w, c, 2);
    submit(w, WORLD_ACCOUNT_A, 2);
    submit(w, WORLD_ACCOUNT_A, 2);
    submit(w, b, 1);
    world_run_us(w, 90 * MINUTE);
    job = submit(w, b, 2); /* 3 of b, and 2 of a would be left: no */
    world_run_us(w, 10 * MINUTE + 30 * DR_SECOND_US);
    CHECK(world_run(w, job)->promise == DR_ROW_NONE);
    /* On the tick a comes to 5, and would be left with 3. */
    world_submit(w, (struct job_spec){.accelerators = 1,
                                      .memory_mb = 1000,
                                      .limit_us = FOR_EVER,
                                      .begin_us = 30 * DR_SECOND_US});
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(w->now_us, w->core->tick_us);
    CHECK(world_run(w, job)->promise != DR_ROW_NONE);
    CHECK_EQ(w->undecided, 0); /* it was that decision, not the next one of the same instant */
    CHECK_REPLAY(w);
    world_free(w);
}

/* What the first of an account asks for in vain says nothing of who asks for less. */
TEST(who_asks_for_less_is_asked_too)
{
    struct world *w = fair_world("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id all;
    dr_job_id some;

    for (int i = 0; i < 12; i += 1)
        submit(w, WORLD_ACCOUNT_A, 1);
    for (int i = 0; i < 4; i += 1)
        submit(w, b, 1);
    world_run_us(w, 2 * HOUR + 10 * DR_SECOND_US);
    all = world_submit(w, (struct job_spec){.account = b,
                                            .tasks = 2,
                                            .accelerators = 8,
                                            .memory_mb = 1000,
                                            .limit_us = FOR_EVER}); /* more than a has */
    some = world_submit(
        w, (struct job_spec){.account = b, .accelerators = 2, .memory_mb = 1000, .limit_us = HOUR});
    world_run_us(w, MINUTE);
    CHECK(world_run(w, all)->promise == DR_ROW_NONE);
    CHECK(world_run(w, some)->promise != DR_ROW_NONE ||
          world_job(w, some)->state == DR_JOB_RUNNING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Who has been preempted three times takes nobody; another job of the account does. */
TEST(three_times_and_no_more)
{
    struct world *w = fair_world("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    uint32_t c = world_account(w, "c", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id often = submit(w, c, 2);
    dr_job_id fresh;
    uint64_t promises;

    for (int i = 0; i < 3; i += 1) {
        dr_job_id owner;

        world_run_us(w, 10 * MINUTE);
        owner = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
        world_run_us(w, 2 * MINUTE);
        if (i == 2)
            world_hold(w, often);
        for (int k = 0; k < 4 && i == 2; k += 1)
            submit(w, WORLD_ACCOUNT_A, 2);
        world_cancel(w, owner);
        world_run_us(w, 2 * MINUTE);
    }
    CHECK_EQ(world_run(w, often)->preemptions, 3);
    CHECK_EQ(running(w, WORLD_ACCOUNT_A), 8);
    world_release(w, often);
    promises = w->counts[DR_FACT_JOB_PROMISED];
    world_run_us(w, 2 * HOUR);
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], promises);
    fresh = submit(w, c, 2);
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, fresh)->state, DR_JOB_RUNNING);
    CHECK_EQ(world_job(w, often)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

/* At most so many classes are asked at one tick, and each has its turn. */
TEST(everybody_has_his_turn)
{
    struct world *w = fair_world("1 site, 1 pool, 10 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);

    for (int i = 0; i < 80; i += 1)
        submit(w, WORLD_ACCOUNT_A, 1);
    world_run_us(w, HOUR + MINUTE);
    for (int i = 0; i < 2 * DR_FAIR_CLASSES_MAX; i += 1) /* each a class of its own */
        world_submit(w, (struct job_spec){.account = b,
                                          .accelerators = 1,
                                          .limit_us = FOR_EVER - (int64_t)i * MINUTE});
    world_run_us(w, MINUTE);
    CHECK(w->counts[DR_FACT_JOB_PROMISED] > 0);
    world_run_us(w, 5 * MINUTE);
    CHECK_EQ(running(w, b), 40);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account gives all that it has above its guarantee, to the last accelerator. */
TEST(an_account_gives_what_it_can_spare)
{
    struct world *w = fair_world("1 site, 1 pool, 3 nodes x 8 h200");
    uint32_t y = world_account(w, "y", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    uint32_t spares = world_account(w, "spares", y, 4, -1, -1);
    uint32_t other = world_account(w, "other", y, 0, -1, -1);
    uint32_t x = world_account(w, "x", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id small[2];

    small[0] = submit(w, spares, 4);
    small[1] = submit(w, spares, 4);
    submit(w, other, 8);
    submit(w, other, 8);
    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(running(w, spares), 8);
    CHECK_EQ(running(w, other), 16);
    submit(w, x, 4);
    world_run_us(w, HOUR - 30 * DR_SECOND_US); /* the tick at an hour */
    CHECK_EQ(w->counts[DR_FACT_JOB_PROMISED], 1);
    CHECK_EQ((world_run(w, small[0])->stopping == DR_STOP_FAIR_SHARE) +
                 (world_run(w, small[1])->stopping == DR_STOP_FAIR_SHARE),
             1);
    world_run_us(w, MINUTE);
    CHECK_EQ(running(w, x), 4);
    CHECK_EQ(running(w, spares), 4);
    CHECK_REPLAY(w);
    world_free(w);
}
