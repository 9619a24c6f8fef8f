/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that leave once nothing uses them any more: marked by one fact, removed by others that
 * follow by themselves. Catches a part that goes too early, one that never goes, and one that a
 * replay would remove at another point. */
#include "test.h"

#include "world.h"

static struct dr_answer ask(struct world *w, struct dr_fact fact)
{
    struct dr_command command = {
        .kind = DR_COMMAND_DECLARE, .roles = 0xff, .body = {.declare = fact}};
    struct dr_answer answer;

    dr_admit_check(w->core, &command, w->now_us, &answer);
    return answer;
}

static struct dr_fact leaving(struct dr_fact_part_leaving part)
{
    struct dr_fact fact = {.kind = DR_FACT_PART_LEAVING};

    fact.part_leaving = part;
    return fact;
}

/* A second site with a pool of two nodes of its own chip, in the groups 4, 5 and 6. */
static struct world *two_sites(void)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");

    world_pool(w, world_site(w, "s2"), "b300", 2, 8, 0);
    CHECK_EQ(w->core->chips_count, 2);
    CHECK_EQ(w->core->groups_count, 6);
    return w;
}

static void nodes_leave(struct world *w)
{
    for (uint32_t node = 2; node <= 3; node += 1) {
        struct dr_fact fact = {.kind = DR_FACT_NODE_FLAGS};

        fact.node_flags = (struct dr_fact_node_flags){.node = node, .drained = 1, .removing = 1};
        world_declare(w, fact);
    }
}

/* Nobody is guaranteed anything in the second chip's groups. */
static void lower_root(struct world *w)
{
    struct dr_quota_limits limits[3];
    struct dr_fact fact = {.kind = DR_FACT_ACCOUNT_SET};

    for (uint32_t i = 0; i < 3; i += 1)
        limits[i] = (struct dr_quota_limits){{i + 1}, 1000000000, DR_FOREVER_US, DR_FOREVER_US};
    fact.account_set = (struct dr_fact_account_set){
        .account = 1, .name = "root", .weight = 1000, .limits = limits, .limits_count = 3};
    world_declare(w, fact);
}

TEST(a_busy_pool_takes_its_site_chip_and_groups_with_it)
{
    struct world *w = two_sites();
    dr_job_id job = world_submit(
        w, (struct job_spec){.accelerators = 8, .chips = 2, .run_us = 10 * DR_MINUTE_US});

    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_run(w, job)->pool.v, 2);

    /* What still has users that stay is not marked. */
    CHECK_TEXT(ask(w, leaving((struct dr_fact_part_leaving){0})).text, "expected one part");
    CHECK_TEXT(ask(w, leaving((struct dr_fact_part_leaving){.pool = 2, .site = 2})).text,
               "expected one part");
    CHECK_EQ(ask(w, leaving((struct dr_fact_part_leaving){.pool = 3})).refused, DR_REFUSAL_UNKNOWN);
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.pool = 2})).text,
              "has nodes that stay");
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.site = 2})).text, "which stays");
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.chip = 2})).text, "which stays");
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.group = 4})).text,
              "account root is still guaranteed something");
    nodes_leave(w);
    lower_root(w);
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.group = 4})).text, "which stays");
    world_declare(w, leaving((struct dr_fact_part_leaving){.pool = 2}));
    CHECK(ask(w, leaving((struct dr_fact_part_leaving){.pool = 2})).unchanged);
    for (uint32_t group = 4; group <= 6; group += 1)
        world_declare(w, leaving((struct dr_fact_part_leaving){.group = group}));
    world_declare(w, leaving((struct dr_fact_part_leaving){.site = 2}));
    world_declare(w, leaving((struct dr_fact_part_leaving){.chip = 2}));

    /* The empty node goes, all else waits for the job; nothing new comes. */
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(w->core->nodes[1].removed + w->core->nodes[2].removed, 1);
    CHECK(!w->core->pools[1].removed && !w->core->sites[1].removed);
    CHECK(!w->core->chips[1].removed && !w->core->groups[3].removed);
    CHECK_EQ(w->core->leaving_count, 6);
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 1, .chips = 2}).v, 0);
    CHECK_EQ(ask(w, (struct dr_fact){.kind = DR_FACT_NODES_ADDED,
                                     .nodes_added = {.pool = 2, .count = 1}})
                 .refused,
             DR_REFUSAL_STATE);
    CHECK_REPLAY(w);

    world_run_us(w, 10 * DR_MINUTE_US);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_COMPLETED);
    CHECK(w->core->nodes[1].removed && w->core->nodes[2].removed);
    CHECK(w->core->pools[1].removed && w->core->sites[1].removed && w->core->chips[1].removed);
    CHECK(w->core->groups[3].removed && w->core->groups[4].removed && w->core->groups[5].removed);
    CHECK(!w->core->pools[0].removed && !w->core->sites[0].removed);
    CHECK_EQ(w->core->leaving_count, 0);
    CHECK_EQ(w->counts[DR_FACT_POOL_REMOVED], 1);
    CHECK_EQ(w->counts[DR_FACT_GROUP_REMOVED], 3);
    CHECK_EQ(w->counts[DR_FACT_SITE_REMOVED], 1);
    CHECK_EQ(w->counts[DR_FACT_CHIP_REMOVED], 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* What was to leave stays when it is declared again before. */
TEST(a_part_that_is_declared_again_stays)
{
    struct world *w = two_sites();
    dr_job_id job = world_submit(w, (struct job_spec){.accelerators = 8, .chips = 2});
    struct dr_fact fact = {.kind = DR_FACT_CHIP_SET};

    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_run(w, job)->pool.v, 2);
    nodes_leave(w);
    world_declare(w, leaving((struct dr_fact_part_leaving){.pool = 2}));
    world_declare(w, leaving((struct dr_fact_part_leaving){.chip = 2}));
    CHECK_EQ(w->core->leaving_count, 2);
    fact.chip_set = (struct dr_fact_chip_set){.chip = 2, .name = "b300", .memory_mb = 80000};
    world_declare(w, fact);
    CHECK_EQ(w->core->leaving_count, 1);
    world_end(w, job, 0);
    world_run_us(w, DR_MINUTE_US);
    CHECK(w->core->pools[1].removed);
    CHECK(!w->core->chips[1].removed);
    CHECK_EQ(w->core->leaving_count, 0);
    CHECK_REPLAY(w);
    world_free(w);
}

/* An account takes no new jobs; those that it has go on, and it leaves with the last. */
TEST(an_account_leaves_with_its_last_job)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t above = world_account(w, "above", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t below = world_account(w, "below", above, 0, -1, -1);
    dr_job_id first = world_submit(w, (struct job_spec){.account = below, .accelerators = 8});
    dr_job_id second = world_submit(w, (struct job_spec){.account = below, .accelerators = 8});

    world_run_us(w, DR_MINUTE_US);
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.account = 1})).text, "root");
    CHECK_HAS(ask(w, leaving((struct dr_fact_part_leaving){.account = above})).text,
              "account below below it stays");
    world_declare(w, leaving((struct dr_fact_part_leaving){.account = below}));
    world_declare(w, leaving((struct dr_fact_part_leaving){.account = above}));
    CHECK_EQ(world_submit(w, (struct job_spec){.account = below, .accelerators = 1}).v, 0);
    CHECK_HAS(world_refusal(), "takes no new jobs");

    world_end(w, first, 0);
    world_run_us(w, DR_MINUTE_US);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_RUNNING);
    CHECK(!w->core->accounts[below - 1].removed);
    world_end(w, second, 0);
    world_run_us(w, DR_MINUTE_US);
    CHECK(w->core->accounts[below - 1].removed);
    CHECK(w->core->accounts[above - 1].removed);
    CHECK_EQ(w->counts[DR_FACT_ACCOUNT_REMOVED], 2);
    CHECK_REPLAY(w);
    world_free(w);
}
