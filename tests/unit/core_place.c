/* SPDX-License-Identifier: Apache-2.0 */
/* Where a gang can go (POLICY, section 4): the greedy rule, levels, law, cost, power. */
#include "core/place.h"
#include "core/power.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

static int running(const struct world *w, dr_job_id job)
{
    return world_job(w, job)->state == DR_JOB_RUNNING;
}

static dr_job_id start(struct world *w, struct job_spec spec)
{
    dr_job_id job = world_submit(w, spec);

    if (job.v == 0)
        fail_msg("refused: %s", world_refusal());
    world_run_us(w, 1);
    return job;
}

/* Small jobs fill the node that has least left over, the lowest number first. */
TEST(best_fit_node)
{
    struct world *w = world_new("1 site, 1 pool, 3 nodes x 8 h200");

    CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 5})), 0);
    CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 6})), 1);
    CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 2})), 1);
    CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 3})), 0);
    CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 1})), 2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A gang that fits on one node takes one; tasks_per_node spreads it. */
TEST(tasks_share_a_node_unless_told)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200");

    CHECK_EQ(world_nodes_of(w, start(w, (struct job_spec){.tasks = 4, .accelerators = 2})), 1);
    CHECK_EQ(
        world_nodes_of(
            w, start(w, (struct job_spec){.tasks = 2, .accelerators = 2, .tasks_per_node = 1})),
        2);
    CHECK_REPLAY(w);
    world_free(w);
}

/* The block that is left fullest, not the first one. */
TEST(best_fit_block)
{
    struct world *w = world_new("1 site, 1 pool, 8 nodes x 8 h200, blocks of 4");
    dr_job_id three = start(w, (struct job_spec){.tasks = 3, .accelerators = 8});
    dr_job_id two = start(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    dr_job_id again = start(w, (struct job_spec){.tasks = 2, .accelerators = 8});

    CHECK_EQ(world_first_node(w, three), 0);
    CHECK_EQ(world_first_node(w, two), 4);
    CHECK_EQ(world_first_node(w, again), 6);
    CHECK_REPLAY(w);
    world_free(w);
}

/* Required is required: enough is free, not in one block, and `why` says so. */
TEST(a_required_block_is_kept)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200, blocks of 2");
    dr_job_id one = start(w, (struct job_spec){.accelerators = 8});
    dr_job_id other = start(w, (struct job_spec){.tasks = 2, .accelerators = 8});
    dr_job_id third = start(w, (struct job_spec){.accelerators = 8});
    dr_job_id gang;
    struct dr_why why;

    world_end(w, other, 0);
    world_run_us(w, 1);
    CHECK_EQ(world_first_node(w, one), 0);
    CHECK_EQ(world_first_node(w, third), 1);
    (void)start(w, (struct job_spec){.accelerators = 8});
    world_end(w, one, 0);
    world_run_us(w, 1);
    gang = start(w, (struct job_spec){.tasks = 2, .accelerators = 8, .level = "required:block"});
    CHECK(!running(w, gang));
    why = world_why(w, gang);
    CHECK_EQ(why.holds[0].reason, DR_REASON_TOPOLOGY);
    CHECK_EQ(why.holds[0].has, 1);
    CHECK_EQ(why.holds[0].needs, 2);
    gang = start(
        w, (struct job_spec){
               .tasks = 2, .accelerators = 8, .level = "preferred:block", .limit_us = 10 * MINUTE});
    CHECK(running(w, gang)); /* preferred is a matter of cost */
    CHECK_REPLAY(w);
    world_free(w);
}

/* A job larger than a block is refused at once where the block is required. */
TEST(larger_than_a_block_never_fits)
{
    struct world *w = world_new("1 site, 1 pool, 4 nodes x 8 h200, blocks of 2");

    CHECK_EQ(
        world_submit(w, (struct job_spec){.tasks = 3, .accelerators = 8, .level = "required:block"})
            .v,
        0);
    CHECK_HAS(world_refusal(),
              "no block holds 3 tasks of 8 accelerators even when empty; the largest holds 2");
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 9}).v, 0);
    CHECK_EQ(world_submit(w, (struct job_spec){.cpus = 65}).v, 0);
    CHECK_EQ(world_submit(w, (struct job_spec){.memory_mb = 600000}).v, 0);
    world_free(w);
}

/* CPUs are a dimension of their own: accelerators alone don't make a place. */
TEST(cpus_count_beside_accelerators)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id hog = start(w, (struct job_spec){.accelerators = 1, .cpus = 60, .memory_mb = 1});
    dr_job_id more = start(w, (struct job_spec){.accelerators = 1, .cpus = 5, .memory_mb = 1});
    dr_job_id less = start(
        w, (struct job_spec){.accelerators = 1, .cpus = 4, .memory_mb = 1, .limit_us = MINUTE});

    CHECK(running(w, hog));
    CHECK(!running(w, more));
    CHECK(running(w, less));
    CHECK_REPLAY(w);
    world_free(w);
}

/* The cheaper chip wins while both are free; the dearer one is used rather than waiting. */
TEST(the_cheaper_pool_first)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    struct dr_fact chip = {.kind = DR_FACT_CHIP_SET};
    dr_job_id first, second;

    world_pool(w, 1, "b300", 1, 8, 0);
    chip.chip_set.chip = 1;
    dr_copy_name(chip.chip_set.name, "h200");
    chip.chip_set.busy_w = 700;
    chip.chip_set.price_micro = 9000000;
    world_declare(w, chip);
    first = start(w, (struct job_spec){.accelerators = 8});
    second = start(w, (struct job_spec){.accelerators = 8});
    CHECK_EQ(world_run(w, first)->pool.v, 2);
    CHECK_EQ(world_run(w, second)->pool.v, 1);
    world_free(w);
}

/* Another way to run it is used when the first is not free. */
TEST(alternatives_are_tried)
{
    struct world *w = world_new("1 site, 1 pool, 1 node x 8 h200");
    dr_job_id job;

    world_pool(w, 1, "b300", 1, 4, 0);
    (void)start(w, (struct job_spec){.accelerators = 8, .chips = 1});
    job = start(w, (struct job_spec){.accelerators = 8,
                                     .chips = 1,
                                     .second = {.chips = 2,
                                                .tasks = 2,
                                                .accelerators_per_task = 2000,
                                                .cpus_per_task = 1000,
                                                .factor = 1500}});
    CHECK(running(w, job));
    CHECK_EQ(world_run(w, job)->alternative, 1);
    CHECK_REPLAY(w);
    world_free(w);
}

/* A site that may not host the class never gets the job; its named site decides too. */
TEST(law_and_sites)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    struct dr_fact class = {.kind = DR_FACT_DATA_CLASS_SET};
    struct dr_name abroad = {"jp"};
    dr_job_id job;

    job = start(w, (struct job_spec){.accelerators = 8, .site = "s2"});
    CHECK_EQ(world_run(w, job)->pool.v, 2);
    job = start(w, (struct job_spec){.accelerators = 8, .site = "s2"});
    CHECK(!running(w, job)); /* s1 is free, and not allowed */
    dr_copy_name(class.data_class_set.name, "defence");
    class.data_class_set.jurisdictions = &abroad;
    class.data_class_set.jurisdictions_count = 1;
    world_declare(w, class);
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 1, .data_class = 1}).v, 0);
    CHECK_HAS(world_refusal(), "data class");
    world_free(w);
}

/* A dataset binds the job to the sites that have it. */
TEST(data_decides_the_site)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    struct dr_fact data = {.kind = DR_FACT_DATASET_SET};
    dr_job_id job;

    dr_copy_name(data.dataset_set.name, "corpus");
    data.dataset_set.bytes = 1;
    dr_site_set_add(&data.dataset_set.sites, 1);
    world_declare(w, data);
    job = start(w, (struct job_spec){.accelerators = 1, .dataset = 1});
    CHECK_EQ(world_run(w, job)->pool.v, 2);
    world_free(w);
}

/* A class that shares no node gets nodes of its own, and nobody else comes near. */
TEST(exclusive_nodes)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    uint32_t b = world_account(w, "b", WORLD_ACCOUNT_ROOT, 0, -1, -1);
    struct dr_fact class = {.kind = DR_FACT_DATA_CLASS_SET};
    dr_job_id open, closed, stranger, own;

    dr_copy_name(class.data_class_set.name, "secret");
    class.data_class_set.share = DR_SHARE_BLOCK;
    world_declare(w, class);
    open = start(w, (struct job_spec){.account = b, .accelerators = 1});
    closed = start(w, (struct job_spec){.accelerators = 1, .data_class = 1});
    CHECK_EQ(world_first_node(w, open), 0);
    CHECK_EQ(world_first_node(w, closed), 1);
    stranger = start(w, (struct job_spec){.account = b, .accelerators = 8});
    CHECK(!running(w, stranger));
    own = start(w, (struct job_spec){.accelerators = 7, .limit_us = MINUTE});
    CHECK_EQ(world_first_node(w, own), 0); /* least left over */
    CHECK_REPLAY(w);
    world_free(w);
}

/* No start takes a site above its cap, and `why` says how many watts are missing. */
TEST(power_caps_hold)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    struct dr_fact fact = {.kind = DR_FACT_SITE_SET};
    int64_t tariff[DR_TARIFF_HOURS] = {0};
    dr_job_id first, second;
    struct dr_why why;

    fact.site_set.site = 1;
    dr_copy_name(fact.site_set.name, "s1");
    fact.site_set.pue_milli = 1000;
    fact.site_set.tariff_micro = tariff;
    fact.site_set.tariff_micro_count = DR_TARIFF_HOURS;
    /* idle: 2 x (500 + 8 x 100) = 2,600 W; each accelerator in use adds 600 W */
    fact.site_set.power_cap_w = 2600 + 10 * 600;
    world_declare(w, fact);
    CHECK_EQ(dr_power_site_w(w->core, (dr_site_id){1}), 2600);
    first = start(w, (struct job_spec){.accelerators = 8});
    second = start(w, (struct job_spec){.accelerators = 3});
    CHECK(running(w, first));
    CHECK(!running(w, second));
    why = world_why(w, second);
    CHECK_EQ(why.holds[0].reason, DR_REASON_POWER);
    CHECK_EQ(why.holds[0].needs - why.holds[0].limit, 600);
    CHECK(running(w, start(w, (struct job_spec){.accelerators = 2, .limit_us = MINUTE})));
    CHECK_REPLAY(w);
    world_free(w);
}

/* Kept work lies where it was saved: the next attempt goes there and nowhere else. */
TEST(kept_work_binds_to_its_site)
{
    struct world *w = world_new("2 sites, 2 pools, 1 node x 8 h200");
    dr_job_id job = start(w, (struct job_spec){.accelerators = 8});
    uint32_t node = w->core->pools[world_run(w, job)->pool.v - 1].ranges[0].row;

    world_run_us(w, 10 * MINUTE);
    world_save(w, job);
    world_node_down(w, node);
    world_run_us(w, MINUTE);
    CHECK_EQ(world_job(w, job)->state, DR_JOB_PENDING);
    CHECK(world_run(w, job)->kept_us > 0);
    CHECK_EQ(world_why(w, job).holds[0].reason, DR_REASON_SITE_DOWN);
    world_node(w, node, 0, 0);
    world_run_us(w, MINUTE);
    CHECK(running(w, job));
    CHECK_REPLAY(w);
    world_free(w);
}

/* ---- against an exhaustive search ---- */

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((dice >> 33) % below);
}

/* Accelerators, or shares of one, that are free on a node, in tasks; by what attempts hold. */
static uint32_t devices_for(const struct dr_core *core, const struct dr_want *want, uint32_t row)
{
    uint32_t milli[64] = {0};
    uint32_t free = 0;
    uint32_t shares = 0;

    for (uint32_t i = 0; i < core->jobs_high; i += 1) {
        const struct dr_job *job = &core->jobs[i];
        uint32_t each = core->shapes[job->shape].alternatives[0].accelerators_per_task;

        for (uint32_t at = job->id.v == 0 ? DR_ROW_NONE : dr_job_run(core, job)->extents;
             at != DR_ROW_NONE; at = core->extents[at].next)
            for (uint32_t k = 0; core->extents[at].extent.node.v == row + 1 && k < 64; k += 1)
                if ((core->extents[at].extent.accelerators >> k) & 1)
                    milli[k] += each < 1000 ? each * core->extents[at].extent.tasks : 1000;
    }
    for (uint32_t k = 0; k < core->pools[0].accelerators; k += 1) {
        free += milli[k] == 0;
        shares += want->part == 0 ? 0 : (1000 - milli[k]) / want->part;
    }
    if (want->part != 0)
        return shares;
    return want->accelerators == 0 ? UINT32_MAX : free / want->accelerators;
}

/* Does the gang fit into the free parts of these nodes at all? Tasks are alike, so it does iff what
 * each node takes by itself adds up. */
static uint32_t fits_in(const struct dr_core *core, const struct dr_want *want, uint32_t from,
                        uint32_t end)
{
    uint32_t tasks = 0;

    for (uint32_t row = from; row < end && row < core->nodes_count; row += 1) {
        const struct dr_node *node = &core->nodes[row];
        const struct dr_pool *pool = &core->pools[0];
        uint32_t here = 0;
        uint32_t devices = devices_for(core, want, row);

        for (;;) {
            uint32_t next = here + 1;

            if (node->down || node->drained || next > devices ||
                (int64_t)next * want->cpus > (int64_t)pool->cpus - node->cpus_used ||
                (int64_t)next * want->memory_mb > pool->memory_mb - node->memory_mb_used ||
                (want->tasks_per_node_max != 0 && next > want->tasks_per_node_max) ||
                next > want->tasks)
                break;
            here = next;
        }
        tasks += here;
    }
    return tasks;
}

/* Never refuses what fits, never finds what does not, with and without a required block. */
TEST(the_search_agrees_with_an_exhaustive_one)
{
    uint32_t found = 0;
    uint32_t refused = 0;

    for (uint64_t seed = 1; seed <= 60; seed += 1) {
        struct world *w;
        uint32_t block;
        char text[80];

        dice = seed * 0x9e3779b97f4a7c15ull;
        block = 1 + roll(4);
        snprintf(text, sizeof text, "1 site, 1 pool, %u nodes x %u h200, blocks of %u", 2 + roll(9),
                 1 + roll(8), block);
        w = world_new(text);
        for (int i = 0; i < 60; i += 1) {
            int required = roll(3) == 0;
            uint32_t share = roll(2) == 0 ? 0 : 50 + roll(950);
            dr_job_id job =
                world_submit(w, (struct job_spec){.tasks = 1 + roll(6),
                                                  .accelerators = roll(5),
                                                  .share = share,
                                                  .cpus = 1 + roll(12),
                                                  .memory_mb = roll(100000),
                                                  .tasks_per_node = roll(4),
                                                  .level = required ? "required:block" : NULL,
                                                  .held = 1});
            struct dr_want want;
            struct dr_extent extents[64];
            uint32_t count;
            uint32_t most = 0;

            if (job.v == 0)
                continue;
            want = dr_place_want(w->core, world_job(w, job), 0);
            count = dr_place_find(w->core, &want, (dr_pool_id){1}, extents);
            if (!required)
                most = fits_in(w->core, &want, 0, w->core->nodes_count);
            for (uint32_t from = 0; required && from < w->core->nodes_count; from += block) {
                uint32_t here = fits_in(w->core, &want, from, from + block);

                most = here > most ? here : most;
            }
            if ((count > 0) != (most >= want.tasks))
                fail_msg("seed %llu job %d: found %u parts, but %u of %u tasks fit",
                         (unsigned long long)seed, i, count, most, want.tasks);
            found += count > 0;
            refused += count == 0;
            if (count > 0 && roll(2) == 0) {
                world_release(w, job);
                world_decide(w);
            }
            if (roll(6) == 0)
                world_node(w, roll(w->core->nodes_count), (int)roll(2), 0);
        }
        CHECK(dr_place_consistent(w->core));
        world_free(w);
    }
    CHECK(found > 300);
    CHECK(refused > 100);
}

/* A job that names a partition runs in pools of it alone, which there have to be. */
TEST(a_job_asks_for_pools_of_a_partition)
{
    struct world *w = world_new("1 site, 2 pools, 1 nodes x 8 h200");
    dr_job_id first = world_submit(
        w, (struct job_spec){.accelerators = 8, .partition = "even", .run_us = DR_MINUTE_US});
    dr_job_id second = world_submit(
        w, (struct job_spec){.accelerators = 8, .partition = "gold,even", .run_us = DR_MINUTE_US});

    world_run_us(w, 30 * DR_SECOND_US);
    CHECK_EQ(world_job(w, first)->state, DR_JOB_RUNNING);
    CHECK_EQ(dr_job_run(w->core, world_job(w, first))->pool.v, 2);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_PENDING); /* though p1 is free */
    world_run_us(w, 60 * DR_SECOND_US);
    CHECK_EQ(world_job(w, second)->state, DR_JOB_RUNNING);
    CHECK_EQ(dr_job_run(w->core, world_job(w, second))->pool.v, 2);

    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 1, .partition = "gold"}).v, 0);
    CHECK_HAS(world_refusal(), "no pool has the partition 'gold'; known are: odd, even");
    CHECK_EQ(world_submit(w, (struct job_spec){.accelerators = 1, .partition = "eve"}).v, 0);
    CHECK_REPLAY(w);
    world_free(w);
}
