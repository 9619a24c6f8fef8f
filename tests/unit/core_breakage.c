/* SPDX-License-Identifier: Apache-2.0 */
/* What a place breaks, by what was asked for lately (core/mix.h, core/breakage.h). */
#include "core/mix.h"
#include "core/place.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

static dr_job_id start(struct world *w, struct job_spec spec)
{
    dr_job_id job;

    if (spec.memory_mb == 0)
        spec.memory_mb = 1;
    job = world_submit(w, spec);
    if (job.v == 0)
        fail_msg("refused: %s", world_refusal());
    world_run_us(w, 1);
    return job;
}

/* So many jobs alike are asked for and wait; the next tick has them in the mix. */
static void ask_for(struct world *w, uint32_t count, struct job_spec spec)
{
    spec.held = 1;
    for (uint32_t i = 0; i < count; i += 1)
        start(w, spec);
    world_run_us(w, MINUTE);
}

static uint32_t pool_of(const struct world *w, dr_job_id job)
{
    return world_run(w, job)->pool.v;
}

/* Accelerators without CPUs are of no use to those who come: who needs no CPUs goes there, though
 * less is left over elsewhere. */
TEST(a_small_job_goes_where_others_can_not)
{
    for (int known = 0; known < 2; known += 1) {
        struct world *w = world_new("1 site, 1 pool, 2 nodes x 4 h200");

        CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.cpus = 28})), 0);
        CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 1, .cpus = 8})), 1);
        if (known)
            ask_for(w, 20, (struct job_spec){.accelerators = 1, .cpus = 8});
        CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 1})),
                 known ? 0 : 1);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* Who takes any chip leaves the one that others must have. */
TEST(scarce_chips_are_spared)
{
    for (int known = 0; known < 2; known += 1) {
        struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
        uint32_t other = world_pool(w, 1, "b300", 2, 8, 0);

        if (known) {
            ask_for(w, 10, (struct job_spec){.accelerators = 1, .chips = 1});
            ask_for(w, 10, (struct job_spec){.accelerators = 1});
        }
        CHECK_EQ(pool_of(w, start(w, (struct job_spec){.accelerators = 1})), known ? other : 1);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* A block that holds gangs whole is kept whole: one that holds none any more is broken first. */
TEST(blocks_are_kept_whole)
{
    for (int known = 0; known < 2; known += 1) {
        struct world *w = world_new("1 site, 1 pool, 4 nodes x 4 h200, blocks of 2");

        for (int i = 0; i < 2; i += 1)
            start(w, (struct job_spec){.accelerators = 4, .run_us = MINUTE / 2});
        CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 4})), 2);
        world_run_us(w, MINUTE / 2);
        if (known)
            ask_for(w, 20, (struct job_spec){.tasks = 2, .accelerators = 4});
        CHECK_EQ(world_first_node(w, start(w, (struct job_spec){.accelerators = 1})),
                 known ? 3 : 0);
        CHECK_REPLAY(w);
        world_free(w);
    }
}

/* What was asked for decays, and is forgotten; nobody who asks for no accelerator is counted. */
TEST(the_mix_decays)
{
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    const struct dr_mix *mix = w->core->mix;
    int64_t first;

    ask_for(w, 3, (struct job_spec){.cpus = 4});
    CHECK_EQ(mix->count, 0);
    CHECK(!dr_place_mixed(w->core));
    start(w, (struct job_spec){.tasks = 5, .share = 333, .held = 1, .limit_us = 2 * DR_HOUR_US});
    CHECK_EQ(mix->count, 1);
    CHECK_EQ(mix->rows[0].accelerators, 340);
    CHECK_EQ(mix->rows[0].tasks, 6);
    CHECK_EQ(mix->rows[0].recent, 5 * 16384);
    CHECK_EQ(mix->rows[0].used, 0); /* from the next tick on */
    CHECK_EQ(mix->hold_recent, 5 * 16384 * 120);
    world_run_us(w, MINUTE);
    CHECK_EQ(mix->rows[0].used, mix->rows[0].recent);
    first = mix->rows[0].used;
    CHECK(first > 5 * 16000 && first < 5 * 16384);
    world_run_us(w, DR_MIX_HALF_TICKS * MINUTE);
    CHECK(mix->rows[0].used > first * 45 / 100 && mix->rows[0].used < first * 51 / 100);
    world_run_us(w, 20 * DR_MIX_HALF_TICKS * MINUTE);
    CHECK_EQ(mix->count, 0);
    CHECK_EQ(mix->hold_used, 0);
    CHECK(!dr_place_mixed(w->core));
    CHECK_REPLAY(w);
    world_free(w);
}

/* More likes than there are rows: the heavy ones stay. */
TEST(the_mix_keeps_the_heavy)
{
    struct dr_alternative way = {.tasks = 1, .cpus_per_task = 1};
    struct world *w = world_new("1 site, 1 pool, 2 nodes x 8 h200");
    struct dr_mix *mix = w->core->mix;
    int found = 0;

    way.accelerators_per_task = 7000;
    dr_mix_add(w->core, &way, DR_HOUR_US);
    dr_mix_add(w->core, &way, DR_HOUR_US);
    for (uint32_t i = 0; i < 2 * DR_MIX_MAX; i += 1) {
        way.accelerators_per_task = 1000;
        way.cpus_per_task = 64 + i % 64 + (64 + i % 64) * (i / 64);
        way.chips = 1 + i;
        dr_mix_add(w->core, &way, DR_HOUR_US);
    }
    CHECK_EQ(mix->count, DR_MIX_MAX);
    dr_mix_tick(w->core);
    CHECK_EQ(mix->count, DR_MIX_MAX / 4 * 3);
    for (uint32_t i = 0; i < mix->count; i += 1)
        found |= mix->rows[i].accelerators == 7000;
    CHECK(found);
    world_free(w);
}
