/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that change the policy as a whole: order, backfill, preemption
 * (docs/formats/federation.md). */
#include "world.h"

#define MINUTE DR_MINUTE_US

static int runs(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

static void set_ordering(struct world *w, enum dr_ordering ordering)
{
    struct dr_settings settings = w->core->settings;

    settings.ordering = (uint8_t)ordering;
    world_settings(w, settings);
}

/* By FIFO the earliest submit starts, though another account is within its guarantee. */
TEST(fifo_knows_no_accounts)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    dr_job_id early, late;

    set_ordering(w, DR_ORDERING_FIFO);
    early = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 10 * MINUTE});
    late = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    world_run_us(w, 1);
    CHECK(runs(w, early));
    CHECK(!runs(w, late));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Jobs that wait already are put into the new order. */
TEST(sjf_starts_the_shortest_of_all_accounts)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id first = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = MINUTE});
    dr_job_id longer, shorter, shortest;
    uint64_t hash;

    world_run_us(w, 1);
    longer = world_submit(
        w, (struct job_spec){.accelerators = 8, .limit_us = 50 * MINUTE, .run_us = 2 * MINUTE});
    shorter = world_submit(
        w, (struct job_spec){.accelerators = 8, .limit_us = 40 * MINUTE, .run_us = 2 * MINUTE});
    shortest = world_submit(
        w, (struct job_spec){
               .account = b, .accelerators = 8, .limit_us = 30 * MINUTE, .run_us = 2 * MINUTE});
    hash = dr_core_hash(w->core);
    set_ordering(w, DR_ORDERING_SJF);
    CHECK(dr_core_hash(w->core) != hash); /* it is state, and saved as such */
    CHECK(runs(w, first));
    world_run_us(w, MINUTE + 1);
    CHECK(runs(w, shortest));
    world_run_us(w, 2 * MINUTE);
    CHECK(runs(w, shorter));
    world_run_us(w, 2 * MINUTE);
    CHECK(runs(w, longer));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Half of the node runs, a job for all of it waits, and a short one for the other half. */
static struct world *blocked(int no_backfill, dr_job_id *shorter)
{
    struct world *w = world_new("1 site, 2 pools, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;

    settings.no_backfill = (uint8_t)no_backfill;
    world_settings(w, settings);
    world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 60 * MINUTE, .site = "s1"});
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE, .site = "s1"});
    world_run_us(w, MINUTE);
    world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE, .site = "s1"});
    world_run_us(w, MINUTE);
    *shorter = world_submit(w, (struct job_spec){.accelerators = 4, .limit_us = 5 * MINUTE});
    world_run_us(w, MINUTE);
    return w;
}

/* Without backfill who finds no room keeps its pools from all who come after it: also from those
 * whom nothing that came free would have let start, and in decisions that come later. */
TEST(without_backfill_nobody_overtakes)
{
    dr_job_id shorter;
    struct world *w = blocked(0, &shorter);

    CHECK(runs(w, shorter));
    world_free(w);
    w = blocked(1, &shorter);
    CHECK(!runs(w, shorter));
    CHECK_EQ(w->counts[DR_FACT_RESERVATION_MADE], 0);
    world_run_us(w, 10 * MINUTE);
    CHECK(!runs(w, shorter));
    world_run_us(w, 60 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* ... but not those that it may not use, and not where a quota alone holds it. */
TEST(without_backfill_a_quota_keeps_nothing_from_others)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 2, -1);
    dr_job_id held, other;

    settings.no_backfill = 1;
    settings.ordering = DR_ORDERING_FIFO;
    world_settings(w, settings);
    held = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    other = world_submit(w, (struct job_spec){.accelerators = 4});
    world_run_us(w, 1);
    CHECK(!runs(w, held));
    CHECK(runs(w, other));
    world_free(w);
}

/* A borrower is not told to leave, neither by reclaim nor by priority. */
TEST(without_preemption_nobody_is_told_to_leave)
{
    for (int no_preemption = 0; no_preemption < 2; no_preemption += 1) {
        struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
        struct dr_settings settings = w->core->settings;
        uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
        dr_job_id asks;

        settings.no_preemption = (uint8_t)no_preemption;
        world_settings(w, settings);
        world_submit(w, (struct job_spec){.accelerators = 8, .limit_us = 60 * MINUTE});
        world_run_us(w, 10 * MINUTE);
        asks = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
        world_submit(w, (struct job_spec){.accelerators = 8, .priority = 5});
        world_run_us(w, 10 * MINUTE);
        CHECK_EQ(runs(w, asks), !no_preemption);
        CHECK_EQ(w->counts[DR_FACT_ATTEMPT_STOPPING] > 0, !no_preemption);
        CHECK_REPLAY(w);
        world_free(w);
    }
}
