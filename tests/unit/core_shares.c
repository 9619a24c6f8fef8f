/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of one accelerator: where they go, what they hold, who may be beside whom. */
#include "core/place.h"
#include "core/power.h"
#include "core/victims.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

static int running(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

static dr_job_id start(struct world *w, struct job_spec spec)
{
    dr_job_id job;

    if (spec.memory_mb == 0)
        spec.memory_mb = 1; /* or it would be the share's, and be what is missing */
    job = world_submit(w, spec);
    if (job.v == 0)
        fail_msg("refused: %s", world_refusal());
    world_run_us(w, 1);
    return job;
}

static const struct dr_extent *part_of(const struct world *w, dr_job_id job, uint32_t number)
{
    uint32_t at = world_run(w, job)->extents;

    while (number > 0 && at != DR_ROW_NONE) {
        at = w->core->extents[at].next;
        number -= 1;
    }
    if (at == DR_ROW_NONE)
        fail_msg("job %llu has no such part", (unsigned long long)job.v);
    return &w->core->extents[at].extent;
}

/* Is the job's first part on this node, on these accelerators? */
static int lies(const struct world *w, dr_job_id job, uint32_t node, uint64_t accelerators)
{
    const struct dr_extent *part = part_of(w, job, 0);

    return w->core->nodes[part->node.v - 1].number == node && part->accelerators == accelerators;
}

/* The accelerator that has least left, on whatever node; a free one only where none takes it. */
TEST(shares_fill_what_is_shared_already)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 2 h200");

    CHECK(lies(w, start(w, (struct job_spec){.share = 400}), 0, 1));
    CHECK(lies(w, start(w, (struct job_spec){.share = 700}), 0, 2));
    CHECK(lies(w, start(w, (struct job_spec){.share = 500}), 0, 1)); /* 600 left there, 300 here */
    CHECK(lies(w, start(w, (struct job_spec){.share = 100}), 0, 1)); /* full */
    CHECK(lies(w, start(w, (struct job_spec){.share = 301}), 1, 1)); /* 300 are left */
    CHECK(lies(w, start(w, (struct job_spec){.share = 300}), 0, 2));
    CHECK_EQ(world_busy_accelerators(w), 3);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Whole accelerators are never those that somebody has a share of. */
TEST(a_shared_accelerator_is_not_whole)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 2 h200");
    dr_job_id share = start(w, (struct job_spec){.share = 1, .run_us = 10 * MINUTE});
    dr_job_id two = start(w, (struct job_spec){.accelerators = 2});

    CHECK(running(w, share));
    CHECK(!running(w, two));
    CHECK_EQ(world_why(w, two).holds[0].reason, DR_REASON_CAPACITY);
    CHECK_EQ(w->core->pools[0].accelerators_free, 1);
    world_run_us(w, 11 * MINUTE);
    CHECK(running(w, two));
    CHECK_EQ(world_why(w, start(w, (struct job_spec){.share = 1})).holds[0].reason,
             DR_REASON_CAPACITY);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A gang has a part for each accelerator, with as many tasks as fit there; CPUs count too. */
TEST(a_gang_of_shares)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 2 h200");
    dr_job_id job = start(w, (struct job_spec){.tasks = 5, .share = 300, .memory_mb = 1000});
    dr_job_id rest;

    CHECK(running(w, job));
    CHECK_EQ(world_nodes_of(w, job), 2); /* parts */
    CHECK_EQ(part_of(w, job, 0)->tasks, 3);
    CHECK_EQ(part_of(w, job, 1)->tasks, 2);
    CHECK_EQ(part_of(w, job, 1)->node.v, part_of(w, job, 0)->node.v);
    CHECK_EQ(w->core->nodes[0].cpus_used, 5000);
    CHECK_EQ(w->core->nodes[0].tasks, 5);
    CHECK_EQ(dr_quota_at(w->core, (dr_account_id){WORLD_ACCOUNT_A}, (dr_group_id){1})->use, 1500);
    /* 400 of the second accelerator, and 12 tasks on the other node at most */
    rest = start(w, (struct job_spec){.tasks = 8, .share = 300});
    CHECK(!running(w, rest));
    rest = start(w, (struct job_spec){.tasks = 7, .share = 300, .limit_us = MINUTE});
    CHECK(running(w, rest));
    CHECK_REPLAY(w);
    world_cancel(w, job);
    world_cancel(w, rest);
    world_run_us(w, 5 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* tasks_per_node counts over all accelerators of a node. */
TEST(shares_keep_tasks_per_node)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 4 h200");
    dr_job_id job = start(w, (struct job_spec){.tasks = 6, .share = 600, .tasks_per_node = 2});

    CHECK(running(w, job));
    CHECK_EQ(w->core->nodes[0].tasks, 2);
    CHECK_EQ(w->core->nodes[1].tasks, 2);
    CHECK_EQ(w->core->nodes[2].tasks, 2);
    CHECK_REPLAY(w);
    world_free(w);
}

static void secret(struct world *w, uint8_t share)
{
    struct dr_fact class = {.kind = DR_FACT_DATA_CLASS_SET};

    dr_copy_name(class.data_class_set.name, "secret");
    class.data_class_set.share = share;
    world_declare(w, class);
}

/* A class that shares a node and never an accelerator is beside its own account's alone. */
TEST(classes_that_share_no_accelerator)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 4 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id closed;

    secret(w, DR_SHARE_NODE);
    CHECK(lies(w, start(w, (struct job_spec){.account = b, .share = 300}), 0, 1));
    closed = start(w, (struct job_spec){.share = 300, .data_class = 1, .run_us = 10 * MINUTE});
    CHECK(lies(w, closed, 0, 2));
    CHECK(lies(w, start(w, (struct job_spec){.share = 300, .data_class = 1}), 0, 2));
    CHECK(lies(w, start(w, (struct job_spec){.account = b, .share = 200}), 0, 1));
    CHECK(lies(w, start(w, (struct job_spec){.share = 300}), 0, 2)); /* its own account */
    CHECK(lies(w, start(w, (struct job_spec){.account = b, .share = 900}), 0, 4));
    CHECK(lies(w, start(w, (struct job_spec){.account = b, .share = 300, .data_class = 1}), 0, 8));
    CHECK_REPLAY(w);
    world_free(w);
}

/* A class that shares with anybody may be on one accelerator with others. */
TEST(classes_that_share_accelerators)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 4 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);

    secret(w, DR_SHARE_ACCELERATOR);
    CHECK(lies(w, start(w, (struct job_spec){.account = b, .share = 300}), 0, 1));
    CHECK(lies(w, start(w, (struct job_spec){.share = 300, .data_class = 1}), 0, 1));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Draw and energy go with the share. */
TEST(power_and_energy_by_share)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t tariff[DR_TARIFF_HOURS] = {0};
    dr_job_id job, second;

    fact.site_set.site = 1;
    dr_copy_name(fact.site_set.name, "s1");
    fact.site_set.pue_milli = 1000;
    fact.site_set.tariff_micro = tariff;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    /* idle: 500 + 8 x 100 = 1,300 W; each accelerator in use adds 600 W */
    fact.site_set.power_cap_w = 1300 + 300;
    world_declare(w, fact);
    job = start(w, (struct job_spec){.share = 250});
    CHECK_EQ(dr_power_site_w(w->core, (dr_site_id){1}), 1450);
    second = start(w, (struct job_spec){.share = 251});
    CHECK(!running(w, second));
    CHECK_EQ(world_why(w, second).holds[0].reason, DR_REASON_POWER);
    CHECK(running(w, start(w, (struct job_spec){.share = 250, .limit_us = MINUTE})));
    /* 0.25 x 700 W, and a 64th of the node's idle draw for its CPU, for 100 s */
    CHECK_EQ(dr_job_energy(w->core, world_job(w, job), w->now_us, w->now_us + 100 * DR_SECOND_US)
                 .energy_j,
             (175000 + 500000 / 64) * 100 / 1000);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account within its guarantee takes shares back, no more of them than it needs, and what it is
 * promised is kept from others. */
TEST(shares_are_taken_back)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 1 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 1, -1, -1);
    dr_job_id old = start(w, (struct job_spec){.share = 500, .grace_us = MINUTE});
    dr_job_id young;
    dr_job_id asker;

    world_run_us(w, 10 * MINUTE);
    young = start(w, (struct job_spec){.share = 500, .grace_us = MINUTE});
    world_run_us(w, 20 * MINUTE);
    asker = start(w, (struct job_spec){.account = b, .share = 400});
    CHECK_EQ(world_job(w, young)->state, DR_JOB_COMPLETING); /* loses less */
    CHECK(running(w, old));
    CHECK(world_run(w, asker)->promise != DR_ROW_NONE);
    CHECK_EQ(w->core->device_shares[0][0].promised, 400);
    CHECK(!running(w, start(w, (struct job_spec){.share = 200})));
    CHECK_REPLAY(w);
    world_run_us(w, 2 * MINUTE);
    CHECK(running(w, asker));
    CHECK(running(w, old));
    CHECK_EQ(w->core->device_shares[0][0].held, 900);
    CHECK_EQ(dr_victims_loss_us(w->core, world_job(w, asker), w->now_us),
             (w->now_us - world_run(w, asker)->start_us) * 400 / 1000);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A whole accelerator for one, and shares of it for another: both ways. */
TEST(whole_and_shares_take_from_each_other)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 1 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 1, -1, -1);
    dr_job_id whole = start(w, (struct job_spec){.accelerators = 1, .grace_us = MINUTE});
    dr_job_id share, second;

    world_run_us(w, 10 * MINUTE);
    share = start(w, (struct job_spec){.account = b, .share = 250, .run_us = 10 * MINUTE});
    CHECK_EQ(world_job(w, whole)->state, DR_JOB_COMPLETING);
    CHECK_REPLAY(w);
    second = start(w, (struct job_spec){.account = b, .share = 250, .run_us = 10 * MINUTE});
    CHECK_REPLAY(w);
    world_run_us(w, 2 * MINUTE);
    CHECK(running(w, share));
    CHECK(running(w, second));
    CHECK(lies(w, second, 0, 1));
    CHECK_REPLAY(w);
    world_run_us(w, 10 * MINUTE);
    CHECK(running(w, whole)); /* again */
    world_run_us(w, 10 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What is reserved of an accelerator is left to the one who waits. */
TEST(reservations_of_shares)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 1 h200");
    dr_job_id long_one = start(w, (struct job_spec){.share = 600, .limit_us = 60 * MINUTE});
    dr_job_id waiting = start(w, (struct job_spec){.share = 700, .limit_us = 60 * MINUTE});
    dr_job_id late, brief;

    CHECK(world_run(w, waiting)->reservation != DR_ROW_NONE);
    late = start(w, (struct job_spec){.share = 400, .limit_us = 90 * MINUTE});
    CHECK(!running(w, late));
    brief = start(w, (struct job_spec){.share = 100, .limit_us = 30 * MINUTE});
    CHECK(running(w, brief));
    CHECK_REPLAY(w);
    world_run_us(w, 61 * MINUTE);
    CHECK(running(w, waiting));
    CHECK(world_run(w, waiting)->start_us <= world_run(w, long_one)->start_us + 60 * MINUTE);
    CHECK_REPLAY(w);
    world_free(w);
}

/* More than one accelerator is whole ones; the refusal says so. */
TEST(no_share_above_one)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 2 h200");

    CHECK_EQ(world_submit(w, (struct job_spec){.share = 1500}).v, 0);
    CHECK_TEXT(world_refusal(),
               "accelerators: found 1500 thousandths of an accelerator per task, expected a whole "
               "number of accelerators, or a share of one (less than 1)");
    CHECK_EQ(world_submit(w, (struct job_spec){.share = 999, .cpus = 17}).v, 0);
    CHECK_HAS(world_refusal(), "no pool has 17 CPUs a node; the largest has 16 (s1/p1)");
    world_free(w);
}
