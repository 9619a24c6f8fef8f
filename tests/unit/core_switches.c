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

/* By LAS who has had less comes first, whatever his account, though he came later. */
TEST(las_starts_who_has_had_least)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id first, fresh;

    set_ordering(w, DR_ORDERING_LAS);
    first = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 60 * MINUTE});
    world_run_us(w, 30 * MINUTE); /* four accelerator-hours */
    world_node_down(w, 0);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, first)->state, DR_JOB_PENDING);
    fresh =
        world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .run_us = 60 * MINUTE});
    world_node(w, 0, 0, 0);
    world_run_us(w, 1);
    CHECK(runs(w, fresh));
    CHECK_REPLAY(w);
    world_free(w);
}

/* ... and takes, at a tick, from who has had more by a band at least, and comes back: not before
 * minimum_run, as often as it wants, and it does not count towards requeue_limit. */
TEST(las_takes_from_who_has_had_more)
{
    for (int returns = 0; returns < 2; returns += 1) {
        struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
        struct dr_settings settings = w->core->settings;
        dr_job_id long_one, young;

        settings.ordering = DR_ORDERING_LAS;
        settings.requeue_limit = 0;
        settings.reserve_depth = 0;
        world_settings(w, settings);
        long_one = world_submit(w, (struct job_spec){.accelerators = 8,
                                                     .run_us = 600 * MINUTE,
                                                     .limit_us = 900 * MINUTE,
                                                     .final = !returns});
        world_run_us(w, 4 * MINUTE);
        young = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 10 * MINUTE});
        /* After seven and a half minutes it has had an accelerator-hour. */
        world_run_us(w, 3 * MINUTE);
        CHECK(runs(w, long_one));
        world_run_us(w, 2 * MINUTE);
        CHECK_EQ(runs(w, young), returns);
        if (returns) {
            CHECK_EQ(world_job(w, long_one)->state, DR_JOB_PENDING);
            CHECK_EQ(world_run(w, long_one)->requeues, 0);
            CHECK_EQ(world_run(w, long_one)->preemptions, 1);
            CHECK(!world_job(w, long_one)->held);
            world_run_us(w, 10 * MINUTE); /* the young one ends; both were in one band */
            CHECK_EQ(world_job(w, young)->state, DR_JOB_COMPLETED);
            CHECK(runs(w, long_one));
        }
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Who was taken from comes after who has had less, though others come after him elsewhere. */
TEST(las_puts_nobody_first_for_having_been_taken)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_settings settings = w->core->settings;
    dr_job_id taken, next;

    settings.ordering = DR_ORDERING_LAS;
    settings.reserve_depth = 0;
    world_settings(w, settings);
    taken = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 600 * MINUTE});
    world_run_us(w, 20 * MINUTE);
    world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 4 * MINUTE});
    world_run_us(w, 2 * MINUTE);
    CHECK_EQ(world_job(w, taken)->state, DR_JOB_PENDING);
    next = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 4 * MINUTE});
    world_run_us(w, 5 * MINUTE);
    CHECK(runs(w, next));
    CHECK(!runs(w, taken));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Nobody's guarantee is touched by it. */
TEST(las_leaves_guarantees)
{
    for (int guaranteed = 0; guaranteed < 2; guaranteed += 1) {
        struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
        uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, guaranteed ? 8 : 0, -1, -1);
        dr_job_id young;

        set_ordering(w, DR_ORDERING_LAS);
        world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .run_us = 600 * MINUTE});
        world_run_us(w, 20 * MINUTE);
        young = world_submit(w, (struct job_spec){.accelerators = 8});
        world_run_us(w, 5 * MINUTE);
        CHECK_EQ(runs(w, young), !guaranteed);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* ... and who is within it does not stand in the way of taking from another one, who would lose
 * more. */
TEST(las_looks_past_who_is_within_a_guarantee)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    uint32_t c = world_account(w, "c", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id within, borrower, young;

    set_ordering(w, DR_ORDERING_LAS);
    borrower =
        world_submit(w, (struct job_spec){.account = c, .accelerators = 8, .run_us = 600 * MINUTE});
    world_run_us(w, 10 * MINUTE);
    within =
        world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .run_us = 600 * MINUTE});
    world_run_us(w, 20 * MINUTE);
    young = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 3 * MINUTE);
    CHECK(runs(w, young));
    CHECK(runs(w, within));
    CHECK_EQ(world_job(w, borrower)->state, DR_JOB_PENDING);
    CHECK_REPLAY(w);
    world_free(w);
}

static struct world *placing(enum dr_placement placement)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");
    struct dr_settings settings = w->core->settings;

    settings.placement = (uint8_t)placement;
    world_settings(w, settings);
    return w;
}

/* A node that is nearly full, after one that is empty. */
TEST(nodes_by_number_or_the_fullest_first)
{
    for (uint32_t placement = 0; placement <= DR_PLACEMENT_PACK; placement += 1) {
        int is_first = placement == DR_PLACEMENT_FIRST_FIT;
        int is_simple = is_first || placement == DR_PLACEMENT_BEST_FIT;
        struct world *w = placing((enum dr_placement)placement);
        dr_job_id gang, one;

        world_submit(w, (struct job_spec){.accelerators = 8, .run_us = MINUTE});
        world_run_us(w, 1);
        world_submit(w, (struct job_spec){.accelerators = 6});
        world_run_us(w, 2 * MINUTE);
        one = world_submit(w, (struct job_spec){.accelerators = 2});
        world_run_us(w, 1);
        CHECK_EQ(world_first_node(w, one), is_first ? 0 : 1);
        /* 6 and 8 are free, or 8 and 8: by levels one node that takes the gang, in order those that
         * take a task. */
        gang = world_submit(w, (struct job_spec){.tasks = 4, .accelerators = 2});
        world_run_us(w, 1);
        CHECK_EQ(world_nodes_of(w, gang), is_first ? 2 : 1);
        CHECK_EQ(world_first_node(w, gang), 0);
        CHECK(is_simple || world_nodes_of(w, gang) == 1);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Task by task the fullest node that takes one, though another would take them all. */
TEST(best_fit_fills_what_is_nearly_full)
{
    struct world *w = placing(DR_PLACEMENT_BEST_FIT);
    dr_job_id gang;

    world_submit(w, (struct job_spec){.accelerators = 6});
    world_run_us(w, 1);
    gang = world_submit(w, (struct job_spec){.tasks = 2, .accelerators = 2});
    world_run_us(w, 1);
    CHECK_EQ(world_first_node(w, gang), 0);
    CHECK_EQ(world_nodes_of(w, gang), 2);
    CHECK_REPLAY(w);
    world_free(w);
}

static void make_dear(struct world *w, const char *chip)
{
    struct dr_fact fact = {.kind = DR_FACT_CHIP_SET};

    fact.chip_set = (struct dr_fact_chip_set){.chip = dr_chip_named(w->core, chip).v,
                                              .memory_mb = 80000,
                                              .idle_w = 100,
                                              .busy_w = 700,
                                              .price_micro = 9000000};
    dr_copy_name(fact.chip_set.name, chip);
    world_declare(w, fact);
}

/* The first pool, the fullest one, or the cheapest. */
TEST(pools_by_id_or_the_fullest_or_the_cheapest)
{
    static const uint32_t goes_to[] = {1, 1, 2, 1};

    for (uint32_t placement = 0; placement <= DR_PLACEMENT_PACK; placement += 1) {
        struct world *w = placing((enum dr_placement)placement);
        dr_job_id job;

        world_pool(w, 1, "b300", 1, 8, 0);
        make_dear(w, "b300");
        job = world_submit(w, (struct job_spec){.accelerators = 2});
        world_run_us(w, 1);
        CHECK_EQ(world_run(w, job)->pool.v, goes_to[placement]);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Within a level that is required: the first domain that holds it, or the one with least free. */
TEST(orders_keep_required_levels)
{
    for (int is_first = 0; is_first < 2; is_first += 1) {
        struct world *w = world_new("1 site, 1 pool, 6 nodes x 8 h200, blocks of 2");
        struct dr_settings settings = w->core->settings;
        dr_job_id gang;

        settings.placement = is_first ? DR_PLACEMENT_FIRST_FIT : DR_PLACEMENT_BEST_FIT;
        world_settings(w, settings);
        for (int i = 0; i < 4; i += 1)
            world_submit(w, (struct job_spec){.accelerators = 8, .run_us = MINUTE});
        world_run_us(w, 1);
        world_submit(w, (struct job_spec){.accelerators = 2}); /* node 4 */
        world_run_us(w, 2 * MINUTE);
        gang = world_submit(
            w, (struct job_spec){.tasks = 3, .accelerators = 4, .level = "required:block"});
        world_run_us(w, 1);
        CHECK_EQ(world_first_node(w, gang), is_first ? 0 : 4);
        CHECK_EQ(world_nodes_of(w, gang), 2);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* With pack it does not count that others could not use the accelerators that are left where CPUs
 * are short. */
TEST(pack_does_not_look_at_what_it_breaks)
{
    for (int packs = 0; packs < 2; packs += 1) {
        struct world *w = world_new("1 site, 1 pool, 2 nodes x 4 h200");
        struct dr_settings settings = w->core->settings;
        dr_job_id job;

        settings.placement = packs ? DR_PLACEMENT_PACK : DR_PLACEMENT_DAERO;
        world_settings(w, settings);
        world_submit(w, (struct job_spec){.cpus = 28, .memory_mb = 1});
        world_run_us(w, 1);
        world_submit(w, (struct job_spec){.accelerators = 1, .cpus = 8, .memory_mb = 1});
        world_run_us(w, 1);
        for (int i = 0; i < 20; i += 1)
            world_submit(
                w, (struct job_spec){.accelerators = 1, .cpus = 8, .memory_mb = 1, .held = 1});
        world_run_us(w, MINUTE);
        job = world_submit(w, (struct job_spec){.accelerators = 1, .memory_mb = 1});
        world_run_us(w, 1);
        CHECK_EQ(world_first_node(w, job), packs ? 1 : 0);
        CHECK_REPLAY(w);
        world_free(w);
    }
}
