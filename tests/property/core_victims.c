/* SPDX-License-Identifier: Apache-2.0 */
/* Whom reclaim takes, against every subset of whom it could take.
 *
 * One pool, one account that borrows and one that comes for its guarantee: any set of the
 * borrower's attempts may be taken, so all of them are tried. The page's procedure is greedy: it
 * must promise something whenever some subset makes room, and its loss is reported beside the least
 * possible. SEEDS=N worlds (200) from seed FIRST (1). */
#include "core/place.h"
#include "core/victims.h"
#include "world.h"

#define MINUTE DR_MINUTE_US

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((dice >> 33) % below);
}

/* Tasks that fit if the attempts in `gone` (bit = place in `rows`) were not there. */
static uint32_t tasks_without(const struct dr_core *core, const struct dr_want *want,
                              const uint32_t *rows, uint32_t count, uint32_t gone)
{
    uint32_t tasks = 0;

    for (uint32_t node = 0; node < core->nodes_count; node += 1) {
        uint64_t busy = core->nodes[node].busy | core->nodes[node].promised;
        int64_t cpus = (int64_t)core->pools[0].cpus - core->nodes[node].cpus_used;
        uint32_t here;

        for (uint32_t i = 0; i < count; i += 1)
            for (uint32_t at = dr_job_run(core, &core->jobs[rows[i]])->extents;
                 ((gone >> i) & 1) && at != DR_ROW_NONE; at = core->extents[at].next)
                if (core->extents[at].extent.node.v == node + 1) {
                    busy &= ~core->extents[at].extent.accelerators;
                    cpus += core->extents[at].extent.tasks * 1000;
                }
        here = want->tasks;
        if (want->accelerators > 0) {
            uint32_t free = core->pools[0].accelerators - (uint32_t)__builtin_popcountll(busy);

            here = free / want->accelerators;
        }
        if (here > cpus / want->cpus)
            here = (uint32_t)(cpus / want->cpus);
        if (want->tasks_per_node_max != 0 && here > want->tasks_per_node_max)
            here = want->tasks_per_node_max;
        tasks += here;
    }
    return tasks;
}

static int compare_ratios(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

TEST(victims_against_every_subset)
{
    uint64_t seeds = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 10) : 200;
    uint64_t first = getenv("FIRST") != NULL ? strtoull(getenv("FIRST"), NULL, 10) : 1;
    uint32_t tried = 0;
    uint32_t best = 0;
    double *ratios = calloc(seeds + 1, sizeof ratios[0]);
    double ratio_sum = 0;

    CHECK(ratios != NULL);
    for (uint64_t seed = first; seed < first + seeds; seed += 1) {
        char text[80];
        struct world *w;
        uint32_t owner, rows[10], count = 0;
        dr_job_id job;
        struct dr_want want;
        int64_t least = INT64_MAX;
        int64_t taken = 0;

        dice = seed * 0x9e3779b97f4a7c15ull + 7;
        snprintf(text, sizeof text, "1 site, 1 pool, %u nodes x %u h200", 1 + roll(4), 2 + roll(7));
        w = world_new(text);
        owner = world_account(w, "owner", WORLD_ACCOUNT_ROOT, 1000, -1, -1);
        for (int i = 0; i < 9; i += 1) {
            world_submit(w, (struct job_spec){.tasks = 1 + roll(3),
                                              .accelerators = 1 + roll(4),
                                              .tasks_per_node = roll(3),
                                              .limit_us = 10 * DR_HOUR_US,
                                              .restart_us = (int64_t)roll(600) * DR_SECOND_US,
                                              .checkpoint_us = (int64_t)roll(3) * 7 * MINUTE});
            world_run_us(w, (int64_t)roll(12) * MINUTE);
        }
        world_run_us(w, 6 * MINUTE);
        for (uint32_t row = w->core->running.first; row != DR_ROW_NONE && count < 10;
             row = dr_job_list_next(w->core, row))
            rows[count++] = row;
        job = world_submit(w, (struct job_spec){.account = owner,
                                                .tasks = 1 + roll(4),
                                                .accelerators = 1 + roll(6),
                                                .tasks_per_node = roll(3),
                                                .held = 1});
        if (job.v == 0) {
            world_free(w);
            continue;
        }
        want = dr_place_want(w->core, world_job(w, job), 0);
        for (uint32_t gone = 0; gone < 1u << count; gone += 1) {
            int64_t loss = 0;

            for (uint32_t i = 0; i < count; i += 1)
                if ((gone >> i) & 1)
                    loss += dr_victims_loss_us(w->core, &w->core->jobs[rows[i]], w->now_us);
            if (loss < least && tasks_without(w->core, &want, rows, count, gone) >= want.tasks)
                least = loss;
        }
        world_release(w, job);
        world_decide(w);
        if (least == INT64_MAX) {
            world_free(w);
            continue;
        }
        if (world_job(w, job)->state == DR_JOB_PENDING && world_run(w, job)->promise == DR_ROW_NONE)
            fail_msg("seed %llu: a set of attempts would make room, and nothing was promised",
                     (unsigned long long)seed);
        for (uint32_t i = 0; i < count; i += 1)
            if (dr_job_run(w->core, &w->core->jobs[rows[i]])->stopping == DR_STOP_RECLAIM)
                taken += dr_victims_loss_us(w->core, &w->core->jobs[rows[i]], w->now_us);
        if (taken < least)
            fail_msg("seed %llu: it took less than the least that makes room",
                     (unsigned long long)seed);
        if (least > 0) {
            ratios[tried] = (double)taken / (double)least;
            ratio_sum += ratios[tried];
            tried += 1;
            best += taken == least;
        }
        CHECK_REPLAY(w);
        world_free(w);
    }
    qsort(ratios, tried, sizeof ratios[0], compare_ratios);
    print_message("# %u reclaims, %u at the least loss possible; loss over the least: median %.3f, "
                  "mean %.3f, p99 %.2f, at most %.2f\n",
                  tried, best, ratios[tried / 2], ratio_sum / (tried == 0 ? 1 : tried),
                  ratios[tried * 99 / 100], tried == 0 ? 1 : ratios[tried - 1]);
    if (seeds >= 200) {
        CHECK(tried >= 50);
        CHECK(ratios[tried / 2] <= 1.0);
        CHECK(ratio_sum / tried < 1.3);
    }
    free(ratios);
}
