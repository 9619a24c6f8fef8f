/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is (POLICY, section 2). */
#include "core/order.h"
#include "core/place.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

static int running(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

/* Within guarantee comes before everybody above his, whoever came first. */
TEST(guarantees_come_first)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    dr_job_id early = world_submit(w, (struct job_spec){.accelerators = 8});
    dr_job_id late = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});

    world_run_us(w, 1);
    CHECK(!running(w, early));
    CHECK(running(w, late));
    CHECK_EQ(world_run(w, late)->rule, DR_RULE_GUARANTEE);
    world_free(w);
}

/* Above guarantee the smaller weighted share goes first, start by start: 2 to 1. */
TEST(shares_follow_weights)
{
    struct world *w = world_new("1 site, 1 pool, 12 nodes x 1 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t of_b = 0;

    world_weight(w, b, 2000);
    for (int i = 0; i < 12; i += 1) {
        world_submit(w, (struct job_spec){.accelerators = 1});
        world_submit(w, (struct job_spec){.account = b, .accelerators = 1});
    }
    world_run_us(w, 1);
    for (uint32_t row = w->core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(w->core, row))
        of_b += w->core->jobs[row].account.v == b;
    CHECK_EQ(w->core->running.count, 12);
    CHECK_EQ(of_b, 8);
    world_free(w);
}

/* Cousins don't meet: a sector's share is one, however many accounts it has. */
TEST(a_sector_counts_as_one)
{
    struct world *w = world_new("1 site, 1 pool, 12 nodes x 1 h200");
    uint32_t sector = world_account(w, "sector", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    uint32_t x = world_account(w, "x", sector, 0, -1, -1);
    uint32_t y = world_account(w, "y", sector, 0, -1, -1);
    uint32_t of_a = 0;

    for (int i = 0; i < 12; i += 1) {
        world_submit(w, (struct job_spec){.account = x, .accelerators = 1});
        world_submit(w, (struct job_spec){.account = y, .accelerators = 1});
        world_submit(w, (struct job_spec){.accelerators = 1});
    }
    world_run_us(w, 1);
    for (uint32_t row = w->core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(w->core, row))
        of_a += w->core->jobs[row].account.v == WORLD_ACCOUNT_A;
    CHECK_EQ(of_a, 6);
    world_free(w);
}

/* Past use counts: who borrowed for long stands behind who did not. */
TEST(past_use_counts)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id old = world_submit(w, (struct job_spec){.accelerators = 8, .run_us = 30 * MINUTE});
    dr_job_id of_a, of_b;

    world_run_us(w, 20 * MINUTE);
    of_a = world_submit(w, (struct job_spec){.accelerators = 8});
    of_b = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    world_run_us(w, 15 * MINUTE);
    CHECK_EQ(world_job(w, old)->state, DR_JOB_COMPLETED);
    CHECK(!running(w, of_a));
    CHECK(running(w, of_b));
    world_free(w);
}

/* Equal keys: the earlier submit, then the lower account. */
TEST(ties_go_to_the_earlier)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    dr_job_id of_b = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
    dr_job_id of_a;

    w->now_us += 1;
    of_a = world_submit(w, (struct job_spec){.accelerators = 8});
    world_run_us(w, 1);
    CHECK(running(w, of_b));
    CHECK(!running(w, of_a));
    world_free(w);
}

/* The keys by hand: (claim + n) / G within, (claim - G) / capacity by weight above. */
TEST(keys_are_what_the_page_says)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 4, -1, -1);
    struct dr_amounts two = {{2000, 0, 0}};
    struct dr_amounts none = {{1000, 0, 0}};
    int64_t key;

    CHECK_EQ(dr_order_key(w->core, (dr_account_id){b}, (dr_pool_id){1}, &two, &key), 1);
    CHECK_EQ(key, DR_ORDER_ONE / 2);
    world_submit(w, (struct job_spec){.account = b, .accelerators = 6});
    world_run_us(w, 1);
    CHECK_EQ(dr_order_key(w->core, (dr_account_id){b}, (dr_pool_id){1}, &none, &key), 2);
    CHECK_EQ(key, DR_ORDER_ONE / 4);
    world_weight(w, b, 2000);
    CHECK_EQ(dr_order_key(w->core, (dr_account_id){b}, (dr_pool_id){1}, &none, &key), 2);
    CHECK_EQ(key, DR_ORDER_ONE / 8);
    world_free(w);
}

/* Asking for CPUs alone doesn't slip past a guarantee in accelerators. */
TEST(a_job_without_accelerators_has_a_key_too)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 8, -1, -1);
    dr_job_id hog = world_submit(w, (struct job_spec){.cpus = 60});
    dr_job_id owner = world_submit(w, (struct job_spec){.account = b, .cpus = 60});

    world_run_us(w, 1);
    CHECK(running(w, owner));
    CHECK(!running(w, hog));
    world_free(w);
}

/* A job that can't start steps aside and blocks nobody, of its own account or of others. */
TEST(the_blocked_step_aside)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, 4, -1);
    dr_job_id over = world_submit(w, (struct job_spec){.account = b, .accelerators = 5});
    dr_job_id fits = world_submit(w, (struct job_spec){.account = b, .accelerators = 4});
    dr_job_id other = world_submit(w, (struct job_spec){.accelerators = 8});

    world_run_us(w, 1);
    CHECK(!running(w, over));
    CHECK(running(w, fits));
    CHECK(running(w, other));
    world_free(w);
}

/* The owner of a pool lets in one account alone. */
static void let_in(struct world *w, uint32_t pool, uint32_t account)
{
    const struct dr_pool *known = &w->core->pools[pool - 1];
    struct dr_fact fact = {.kind = DR_FACT_POOL_SET};
    uint32_t groups[DR_RESOURCE_COUNT];

    for (uint32_t i = 0; i < DR_RESOURCE_COUNT; i += 1)
        groups[i] = known->groups[i].v;
    fact.pool_set = (struct dr_fact_pool_set){.pool = pool,
                                              .site = known->site.v,
                                              .chip = known->chip.v,
                                              .owner = known->owner.v,
                                              .accelerators = known->accelerators,
                                              .cpus = known->cpus,
                                              .memory_mb = known->memory_mb,
                                              .node_first = known->node_first,
                                              .node_digits = known->node_digits,
                                              .groups = groups,
                                              .groups_count = DR_RESOURCE_COUNT,
                                              .consent = &account,
                                              .consent_count = 1};
    dr_copy_name(fact.pool_set.name, known->name);
    dr_copy_name(fact.pool_set.node_prefix, known->node_prefix);
    world_declare(w, fact);
}

/* A guarantee in capacity whose owner has not let the account in puts nobody before others. */
TEST(a_guarantee_counts_where_one_is_let_in)
{
    for (int is_in = 0; is_in < 2; is_in += 1) {
        struct world *w = world_new("1 site, 1 pool, 1 node x 8 h100");
        uint32_t pool = world_pool(w, 1, "h200", 1, 8, 0);
        uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
        dr_job_id early, late;

        world_limits(w, b, 2, 8, -1, -1);
        let_in(w, pool, is_in ? b : WORLD_ACCOUNT_A);
        early = world_submit(w, (struct job_spec){.accelerators = 8, .chips = 1 << 0});
        late = world_submit(w, (struct job_spec){.account = b, .accelerators = 8});
        world_run_us(w, 1);
        CHECK(running(w, early));
        CHECK_EQ(running(w, late), is_in);
        if (is_in)
            CHECK_EQ(world_run(w, late)->rule, DR_RULE_GUARANTEE);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Two accounts ask for the same; each may go where it is let in. */
TEST(groups_are_those_of_the_account)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h100");
    uint32_t pool = world_pool(w, 1, "h200", 1, 8, 0);
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    struct dr_place_group groups[DR_PLACE_GROUPS_MAX];
    dr_job_id jobs[2];

    let_in(w, pool, b);
    jobs[0] = world_submit(w, (struct job_spec){.accelerators = 8, .held = 1});
    jobs[1] = world_submit(w, (struct job_spec){.account = b, .accelerators = 8, .held = 1});
    CHECK_EQ(world_job(w, jobs[0])->shape, world_job(w, jobs[1])->shape);
    for (uint32_t i = 0; i < 4; i += 1)
        CHECK_EQ(dr_place_groups(w->core, world_job(w, jobs[i % 2]), groups), 1 + i % 2);
    world_free(w);
}
