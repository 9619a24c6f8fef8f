/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's quarter as a federation and as jobs, what is measured of it, and the factors that come
 * of that. */
#include <math.h>
#include <stdlib.h>

#include "base/math.h"
#include "plan_world.h"
#include "rehearsal/factors.h"
#include "sim_world.h"

#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)
#define QUARTER       3

/* plan_campus() with a fleet in one quarter: rooms 0 and 1 lie in zone 0, room 2 in zone 1; `open`
 * may be anywhere, `kept` in room 0 alone, where the chip `home` can't do its work. */
struct campus {
    struct dr_plan_inputs *inputs;
    struct dr_plan *plan;
    struct dr_plan_sums *sums;
    struct dr_fleet fleet;
};

enum { OPEN, KEPT };
enum { OLD, NEW, HOME };

static void give(struct campus *campus, uint32_t sector, uint32_t site, uint32_t chip,
                 int64_t milli)
{
    campus->plan->use_milli[sector][site][chip][QUARTER] = milli;
}

static struct campus *campus_new(uint32_t scale)
{
    struct campus *campus = calloc(1, sizeof *campus);
    struct dr_error error = {0};

    CHECK(campus != NULL);
    campus->inputs = plan_campus();
    campus->plan = plan_new();
    campus->sums = calloc(1, sizeof *campus->sums);
    campus->plan->on_milli[0][OLD][QUARTER] = 96000;
    campus->plan->on_milli[0][HOME][QUARTER] = 40500;
    campus->plan->on_milli[1][OLD][QUARTER] = 30200;
    campus->plan->on_milli[1][NEW][QUARTER] = 64000;
    campus->plan->on_milli[2][OLD][QUARTER] = 10300;
    give(campus, KEPT, 0, OLD, 50125);
    give(campus, OPEN, 0, OLD, 41075);
    give(campus, OPEN, 0, HOME, 37000);
    give(campus, OPEN, 1, OLD, 28690);
    give(campus, OPEN, 1, NEW, 60800);
    /* speed * busy (80 %) * accelerators */
    campus->sums->served[OPEN][QUARTER] = 261;
    campus->sums->served[KEPT][QUARTER] = 40;
    CHECK_EQ(dr_fleet_init(&campus->fleet, campus->inputs, campus->plan, campus->sums, QUARTER,
                           scale, &error),
             DR_OK);
    return campus;
}

static void campus_free(struct campus *campus)
{
    free(campus->inputs);
    free(campus->plan);
    free(campus->sums);
    free(campus);
}

static const struct dr_fleet_group *group_of(const struct campus *campus, uint32_t chip,
                                             uint32_t sectors)
{
    FOR(g, campus->fleet.groups_count) {
        if (campus->fleet.groups[g].chip == chip && campus->fleet.groups[g].sectors == sectors)
            return &campus->fleet.groups[g];
    }
    fail_msg("no group of chip %u for sectors %u", chip, sectors);
    return NULL;
}

static int64_t pool_of(const struct campus *campus, uint32_t site, uint32_t chip)
{
    FOR(p, campus->fleet.pools_count) {
        if (campus->fleet.pools[p].site == site && campus->fleet.pools[p].chip == chip)
            return campus->fleet.pools[p].count;
    }
    return 0;
}

TEST(a_quarter_has_its_accelerators_in_groups_of_those_who_may_use_them)
{
    struct campus *campus = campus_new(1);
    const struct dr_fleet_group *shared = group_of(campus, OLD, 1 << OPEN | 1 << KEPT);
    const struct dr_fleet_group *open = group_of(campus, OLD, 1 << OPEN);

    CHECK_EQ(campus->fleet.groups_count, 4);
    /* What is on, less what is expected to be out of order: 0.95, of `home` 0.93. */
    CHECK_EQ(shared->count, 91);           /* 91.2 */
    CHECK_EQ(open->count, 38);             /* 28.69 + 9.785 */
    CHECK_EQ(pool_of(campus, 1, OLD), 28); /* the larger remainder, .785, is room 2's */
    CHECK_EQ(pool_of(campus, 2, OLD), 10);
    CHECK_EQ(pool_of(campus, 1, NEW), 61);  /* 60.8 */
    CHECK_EQ(pool_of(campus, 0, HOME), 38); /* 37.665 */
    CHECK_EQ(campus->fleet.accelerators, 91 + 38 + 61 + 38);
    /* Guarantees are what is given; where whole accelerators are fewer, that part of it. */
    CHECK_EQ(shared->guarantee_milli[KEPT], 50125 * 91 * 10 / 912);
    CHECK_EQ(shared->guarantee_milli[OPEN], 41075 * 91 * 10 / 912);
    CHECK_EQ(open->guarantee_milli[OPEN], 28690 * 38000 / 38475);
    CHECK_EQ(open->guarantee_milli[KEPT], 0);
    CHECK_EQ(group_of(campus, NEW, 1 << OPEN)->guarantee_milli[OPEN], 60800);
    campus_free(campus);
}

TEST(scaled_no_group_gains_or_loses_more_than_half_an_accelerator)
{
    static const uint32_t scales[] = {1, 3, 7, 10, 64};

    for (size_t i = 0; i < DR_COUNT_OF(scales); i += 1) {
        struct campus *campus = campus_new(scales[i]);

        FOR(g, campus->fleet.groups_count) {
            const struct dr_fleet_group *group = &campus->fleet.groups[g];
            int64_t pools = 0, guaranteed = 0;

            FOR(p, campus->fleet.pools_count) {
                if (campus->fleet.pools[p].group == g)
                    pools += campus->fleet.pools[p].count;
            }
            FOR(k, 2)
                guaranteed += group->guarantee_milli[k];
            CHECK_EQ(pools, group->count);
            CHECK(group->count >= 1);
            CHECK(group->count == 1 || llabs(group->count * 1000 - group->exact_milli) <= 500);
            CHECK(guaranteed <= group->count * 1000);
        }
        campus_free(campus);
    }
}

TEST(a_node_is_the_largest_part_of_a_lot)
{
    struct dr_plan_chip chip = {.lot = 8};

    CHECK_EQ(dr_fleet_node(&chip), 8);
    chip.lot = 72;
    CHECK_EQ(dr_fleet_node(&chip), 8);
    chip.lot = 4;
    CHECK_EQ(dr_fleet_node(&chip), 4);
    chip.lot = 12;
    CHECK_EQ(dr_fleet_node(&chip), 6);
    chip.lot = 1;
    CHECK_EQ(dr_fleet_node(&chip), 8);
}

static struct dr_federation *federation_of(const struct campus *campus, struct dr_buffer *yaml)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_federation *federation = NULL;

    dr_buffer_init(yaml, 1 << 20);
    dr_fleet_write(&campus->fleet, yaml);
    if (dr_federation_parse(&federation, "made.yaml", dr_buffer_text(yaml), yaml->length, &errors,
                            NULL) != DR_OK)
        fail_msg("line %u: %s: found %s, expected %s\n%s", errors.errors[0].line,
                 errors.errors[0].field, errors.errors[0].found, errors.errors[0].expected,
                 dr_buffer_text(yaml));
    return federation;
}

TEST(the_federation_says_law_guarantees_and_caps)
{
    struct campus *campus = campus_new(1);
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_federation *federation = federation_of(campus, &yaml);
    const char *text = dr_buffer_text(&yaml);

    CHECK_HAS(text, "  name: campus-2028-q1\n");
    CHECK_HAS(text, "  kept: {assurance: 2}\n");
    /* 500 kW of the grid, less what 2 x (on - in the pools) draw idle there. */
    CHECK_HAS(text, "  room-0:\n    assurance: 2\n    zone: zone-0\n    power_cap: ");
    CHECK_HAS(text, "    data_classes: [open, kept]\n");
    CHECK_HAS(text, "  room-1:\n    assurance: 1\n");
    CHECK_HAS(text, "    data_classes: [open]\n");
    CHECK_HAS(text, "      old:\n        chip: old\n        nodes: 11\n        accelerators: 8\n");
    CHECK_HAS(text,
              "      old-part:\n        chip: old\n        nodes: 1\n        accelerators: 3\n");
    CHECK_HAS(text, "        consent: [open, kept]\n");
    CHECK_HAS(text, "  kept:\n    guarantees:\n      old-1: 50.015\n");
    dr_federation_close(federation);
    campus_free(campus);
}

static struct dr_draw_options draw_of(int all)
{
    return (struct dr_draw_options){.all = all,
                                    .warmup_us = 2 * DR_DAY_US,
                                    .span_us = 30 * DR_DAY_US,
                                    .longest_us = 10 * DR_DAY_US,
                                    .portable_milli = 300,
                                    .seed = 5};
}

/* Of the window, in units. */
static double offered(const struct campus *campus, const struct dr_drawn *drawn,
                      const struct dr_draw_options *options, uint32_t sector)
{
    double sum = 0;

    FOR(i, drawn->count) {
        const struct dr_drawn_job *job = &drawn->jobs[i];

        if (job->sector == sector && job->submit_us >= options->warmup_us)
            sum += (double)dr_drawn_work(&campus->fleet, job);
    }
    return sum / 1e6 / (double)(options->span_us - options->warmup_us);
}

TEST(jobs_come_to_what_the_plan_promises)
{
    static const uint32_t scales[] = {1, 4};

    for (size_t s = 0; s < DR_COUNT_OF(scales); s += 1) {
        struct campus *campus = campus_new(scales[s]);
        struct dr_draw_options options = draw_of(0), all = draw_of(1);
        struct dr_drawn drawn, asked;

        dr_drawn_init(&drawn, &campus->fleet, &options);
        dr_drawn_init(&asked, &campus->fleet, &all);
        FOR(k, 2) {
            double promised = (double)campus->sums->served[k][QUARTER] / scales[s];
            double demand = (double)campus->inputs->sectors[k].demand[QUARTER] / scales[s];

            /* To a second of one job. */
            CHECK(fabs(offered(campus, &drawn, &options, k) / promised - 1) < 1e-4);
            CHECK(fabs(offered(campus, &asked, &all, k) / demand - 1) < 1e-4);
        }
        dr_drawn_deinit(&drawn);
        dr_drawn_deinit(&asked);
        campus_free(campus);
    }
}

TEST(a_job_names_what_can_do_its_work_and_has_room)
{
    struct campus *campus = campus_new(1);
    struct dr_draw_options options = draw_of(0);
    struct dr_drawn drawn, again;
    uint32_t there = 0, portable = 0;

    dr_drawn_init(&drawn, &campus->fleet, &options);
    dr_drawn_init(&again, &campus->fleet, &options);
    CHECK_EQ(drawn.count, again.count);
    CHECK(drawn.count > 500);
    FOR(i, drawn.count) {
        const struct dr_drawn_job *job = &drawn.jobs[i];
        uint32_t size = job->tasks * job->per_task;

        CHECK_EQ(job->submit_us, again.jobs[i].submit_us);
        CHECK_EQ(job->runtime_us, again.jobs[i].runtime_us);
        CHECK(job->submit_us >= 0 && job->submit_us < options.span_us);
        CHECK(i == 0 || job->submit_us >= drawn.jobs[i - 1].submit_us);
        CHECK(job->runtime_us >= DR_SECOND_US && job->runtime_us <= options.longest_us);
        FOR(c, 3) {
            if (((job->chips >> c) & 1) == 0)
                continue;
            CHECK(campus->inputs->sectors[job->sector].speed_micro[c] > 0);
            CHECK(size <= (job->sector == KEPT ? 88 : c == HOME ? 36 : c == NEW ? 56 : 88));
            CHECK_EQ(size % dr_min_u32(job->per_task, dr_fleet_node(&campus->inputs->chips[c])), 0);
        }
        /* `kept` is in room 0, where `old` alone can do its work. */
        if (job->sector == KEPT)
            CHECK_EQ(job->chips, 1u << OLD);
        else
            portable += job->home != HOME && ((job->chips >> HOME) & 1) != 0;
        there += job->submit_us == 0;
    }
    CHECK(there > 0);
    CHECK(portable > 0);
    dr_drawn_deinit(&drawn);
    dr_drawn_deinit(&again);
    campus_free(campus);
}

/* ---- through the core ---- */

struct judging {
    const struct campus *campus;
    const struct dr_drawn *drawn;
    const struct dr_core *core;
    struct dr_measuring *measuring;
    uint32_t attempts, refused;
    uint32_t of_kept;
};

static void judge(void *context, const struct dr_sim_ran *ran)
{
    struct judging *judging = context;
    const struct dr_plan_inputs *inputs = judging->campus->inputs;
    const struct dr_drawn_job *job = &judging->drawn->jobs[ran->job - 1];
    const struct dr_pool *pool = &judging->core->pools[ran->pool.v - 1];
    const char *chip_name = judging->core->chips[pool->chip.v - 1].name;
    const char *site_name = judging->core->sites[pool->site.v - 1].name;
    uint32_t chip = 0, site = 0;

    while (strcmp(inputs->chips[chip].name, chip_name) != 0)
        chip += 1;
    while (strcmp(inputs->sites[site].name, site_name) != 0)
        site += 1;
    CHECK(dr_plan_allowed(inputs, job->sector, site));
    CHECK(inputs->sectors[job->sector].speed_micro[chip] > 0);
    judging->attempts += 1;
    judging->of_kept += job->sector == KEPT;
    dr_measuring_ran(judging->measuring, chip, ran);
}

static void hear(void *context, const struct dr_error *error)
{
    struct judging *judging = context;

    (void)error;
    judging->refused += 1;
}

TEST(nobody_runs_where_law_or_the_chip_forbids_it)
{
    struct campus *campus = campus_new(1);
    struct dr_draw_options draw = draw_of(0);
    struct dr_buffer yaml DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_federation *federation = federation_of(campus, &yaml);
    struct dr_measured measured[2];
    struct dr_error error = {0};
    struct dr_drawn drawn;
    struct judging judging = {.campus = campus, .drawn = &drawn};
    const char *path = sim_file("jobs.csv", "");
    FILE *trace = fopen(path, "we");
    struct dr_sim_options options = {
        .trace = path,
        .ordering = -1,
        .placement = -1,
        .preemption = -1,
        .tick_us = DR_MINUTE_US,
        .jobs = {.base_us = 1800000000 * DR_SECOND_US, .arrival_milli = 1000},
        .horizon_us = draw.span_us,
        .warmup_us = draw.warmup_us,
        .ran = judge,
        .say = hear,
        .context = &judging};
    struct dr_sim *sim;

    dr_drawn_init(&drawn, &campus->fleet, &draw);
    dr_drawn_write(&drawn, &campus->fleet, trace);
    CHECK_EQ(fclose(trace), 0);
    judging.measuring = dr_measuring_open(&drawn, &campus->fleet, draw.warmup_us, draw.span_us);
    CHECK_EQ(dr_sim_open(&sim, federation, &options, &error), DR_OK);
    judging.core = dr_sim_core(sim);
    CHECK_EQ(dr_sim_run(sim, &error), DR_OK);
    CHECK_EQ(judging.refused, 0);
    CHECK(judging.attempts >= drawn.count * 9 / 10);
    CHECK(judging.of_kept > 20);
    dr_measuring_end(judging.measuring, measured);
    FOR(k, 2) {
        /* The plan gives enough: nearly all is done, on what was given or borrowed. */
        CHECK(fabs(measured[k].offered / (double)campus->sums->served[k][QUARTER] - 1) < 1e-4);
        CHECK(measured[k].late < (k == KEPT ? 0.4 : 0.1));
        CHECK(fabs(measured[k].done / measured[k].offered - 1) < (k == KEPT ? 0.5 : 0.2));
        CHECK(measured[k].busy > 0.4 && measured[k].busy < 1.2);
        CHECK(!measured[k].coarse);
    }
    dr_measuring_close(judging.measuring);
    dr_sim_close(sim);
    dr_drawn_deinit(&drawn);
    dr_federation_close(federation);
    campus_free(campus);
}

TEST(a_quarter_is_the_same_twice)
{
    struct campus *campus = campus_new(2);
    struct dr_quarter_options options = {.quarter = QUARTER,
                                         .scale = 2,
                                         .warmup_us = 2 * DR_DAY_US,
                                         .window_us = 7 * DR_DAY_US,
                                         .longest_us = 7 * DR_DAY_US,
                                         .portable_milli = 200,
                                         .seed = 3};
    struct dr_quarter one, two, other;
    struct dr_error error = {0};

    CHECK_EQ(dr_quarter_run(&one, campus->inputs, campus->plan, campus->sums, &options, &error),
             DR_OK);
    CHECK_EQ(dr_quarter_run(&two, campus->inputs, campus->plan, campus->sums, &options, &error),
             DR_OK);
    options.seed = 4;
    CHECK_EQ(dr_quarter_run(&other, campus->inputs, campus->plan, campus->sums, &options, &error),
             DR_OK);
    CHECK(one.state_hash != 0);
    CHECK_EQ(one.state_hash, two.state_hash);
    CHECK(one.state_hash != other.state_hash);
    CHECK_EQ(one.jobs, two.jobs);
    CHECK(one.sectors[OPEN].wait_mean_s == two.sectors[OPEN].wait_mean_s);
    campus_free(campus);
}

/* ---- measures, by hand ---- */

TEST(what_waits_at_the_end_and_did_not_at_the_beginning_is_late)
{
    struct campus *campus = campus_new(1);
    /* Of `kept` on `old`, speed 1: each 10 accelerators for 10 h, 100 unit-hours. */
    struct dr_drawn_job jobs[4] = {
        {.submit_us = 0,
         .runtime_us = 10 * DR_HOUR_US,
         .limit_us = DR_DAY_US,
         .tasks = 2,
         .per_task = 5,
         .sector = KEPT,
         .home = OLD},
    };
    struct dr_drawn drawn = {.jobs = jobs, .count = 4};
    struct dr_measured measured[2];
    struct dr_measuring *measuring;

    jobs[1] = jobs[2] = jobs[3] = jobs[0];
    jobs[1].submit_us = 25 * DR_HOUR_US;
    jobs[2].submit_us = 30 * DR_HOUR_US;
    jobs[3].submit_us = 40 * DR_HOUR_US;
    /* A window of 80 h from hour 20 on; its quarters have 20 h. */
    measuring = dr_measuring_open(&drawn, &campus->fleet, 20 * DR_HOUR_US, 100 * DR_HOUR_US);
    /* The first waits from 0 to 30, ten hours of that in the first quarter, and is done at 40. */
    dr_measuring_ran(measuring, OLD,
                     &(struct dr_sim_ran){.job = 1,
                                          .start_us = 30 * DR_HOUR_US,
                                          .end_us = 40 * DR_HOUR_US,
                                          .accelerators_milli = 10000,
                                          .outcome = DR_SCHEDULE_completed});
    /* The second begins at once, is taken after six hours, of which it keeps four, and goes on at
     * 90 without an end. */
    dr_measuring_ran(measuring, OLD,
                     &(struct dr_sim_ran){.job = 2,
                                          .start_us = 25 * DR_HOUR_US,
                                          .end_us = 31 * DR_HOUR_US,
                                          .lost_us = 2 * DR_HOUR_US,
                                          .accelerators_milli = 10000,
                                          .outcome = DR_SCHEDULE_preempted,
                                          .waits_again = 1});
    dr_measuring_ran(measuring, OLD,
                     &(struct dr_sim_ran){.job = 2,
                                          .start_us = 90 * DR_HOUR_US,
                                          .end_us = 100 * DR_HOUR_US,
                                          .accelerators_milli = 10000,
                                          .outcome = DR_SCHEDULE_unfinished});
    /* The third fails after five hours: it has done what it was going to do. The fourth never
     * starts. */
    dr_measuring_ran(measuring, OLD,
                     &(struct dr_sim_ran){.job = 3,
                                          .start_us = 30 * DR_HOUR_US,
                                          .end_us = 35 * DR_HOUR_US,
                                          .lost_us = 5 * DR_HOUR_US,
                                          .accelerators_milli = 10000,
                                          .outcome = DR_SCHEDULE_failed});
    dr_measuring_end(measuring, measured);
    /* First quarter, 20 to 40: 100 units for 10 h, 60 for 9 h, none of the fourth. Last, 80 to 100:
     * 60 for 10 h, 100 for 20 h. */
    CHECK(fabs(measured[KEPT].waiting_before - (100 * 10 + 60 * 9) / 20.0) < 1e-6);
    CHECK(fabs(measured[KEPT].waiting_after - (60 * 10 + 100 * 20) / 20.0) < 1e-6);
    /* It has grown by 53 unit-hours; three quarters of what came, 300, are 225. */
    CHECK(fabs(measured[KEPT].late - 53 / 225.0) < 1e-6);
    CHECK(fabs(measured[KEPT].offered - 300 / 80.0) < 1e-6);
    CHECK(fabs(measured[KEPT].done - (100 + 40 + 100 + 50) / 80.0) < 1e-6);
    CHECK(fabs(measured[KEPT].lost - 2 / (10 + 6 + 10 + 5.0)) < 1e-6);
    CHECK(fabs(measured[KEPT].busy - 310 / 80.0 / 50.125) < 1e-6);
    /* The first came before the window; the others waited 0, 0 and 60 h. */
    CHECK_EQ(measured[KEPT].jobs, 3);
    CHECK_EQ(measured[KEPT].unstarted, 1);
    CHECK(fabs(measured[KEPT].wait_mean_s - 20 * 3600) < 1e-6);
    CHECK(measured[KEPT].wait_p50_s == 0);
    CHECK_EQ(measured[OPEN].jobs, 0);
    dr_measuring_close(measuring);
    campus_free(campus);
}

/* ---- factors ---- */

TEST(factors_settle_where_waits_are_what_they_may_be)
{
    static const double steep[] = {1000, 5000, 20000, 60000};

    for (size_t i = 0; i < DR_COUNT_OF(steep); i += 1) {
        double goal_s = 4 * 3600, busy = 0.85;
        uint32_t factor = DR_FACTOR_ONE, before = 0, rounds = 0;

        /* A made-up world: a plan under a factor gives so much that jobs keep busy * factor of it
         * busy, and they wait as in one queue. */
        while (rounds == 0 || fabs((double)factor / before - 1) >= 0.02) {
            double used = busy * factor / DR_FACTOR_ONE;
            struct dr_seen seen = {
                .busy = used, .wait_s = steep[i] * used / (1 - used), .offered = 1, .jobs = 100};

            before = factor;
            factor = dr_factor_next(factor, &seen, goal_s);
            rounds += 1;
            CHECK(rounds <= 10);
        }
        if (steep[i] * busy / (1 - busy) <= goal_s) {
            CHECK_EQ(factor, DR_FACTOR_ONE);
        } else {
            double used = busy * factor / DR_FACTOR_ONE;

            CHECK(steep[i] * used / (1 - used) <= goal_s * 1.1);
            CHECK(steep[i] * used / (1 - used) >= goal_s * 0.8);
        }
    }
}

TEST(what_is_late_lowers_a_factor_and_idleness_raises_none_above_one)
{
    struct dr_seen late = {.late = 0.1, .busy = 0.7, .wait_s = 60, .offered = 1, .jobs = 9};
    struct dr_seen idle = {.busy = 0.3, .wait_s = 0, .offered = 1, .jobs = 9};
    struct dr_seen worst = {.late = 1, .busy = 1.4, .wait_s = 1e7, .offered = 1, .jobs = 9};
    struct dr_seen nothing = {0};

    CHECK_EQ(dr_factor_next(1000, &late, 3600), 920);
    CHECK_EQ(dr_factor_next(1000, &idle, 3600), 1000);
    CHECK_EQ(dr_factor_next(800, &idle, 3600), 960);
    CHECK_EQ(dr_factor_next(1000, &worst, 3600), 800);
    CHECK_EQ(dr_factor_next(DR_FACTOR_LEAST, &worst, 3600), DR_FACTOR_LEAST);
    CHECK_EQ(dr_factor_next(700, &nothing, 3600), 700);
}

TEST(a_factor_is_of_what_is_not_coarse)
{
    struct campus *campus = campus_new(1); /* 2027-Q2 to 2029-Q1 */
    struct dr_quarter quarters[2] = {{.quarter = 0}, {.quarter = 2}};
    struct dr_seen seen;

    quarters[0].sectors[0] = (struct dr_measured){.offered = 10,
                                                  .late = 0.5,
                                                  .given = 10,
                                                  .busy = 0.9,
                                                  .wait_mean_s = 9999,
                                                  .jobs = 3,
                                                  .coarse = 1};
    quarters[1].sectors[0] = (struct dr_measured){
        .offered = 100, .late = 0.02, .given = 200, .busy = 0.5, .wait_mean_s = 60, .jobs = 50};
    seen = dr_seen_of(campus->inputs, quarters, 2, 0, 0);
    CHECK_EQ(seen.jobs, 50);
    CHECK(fabs(seen.late - 0.02) < 1e-12 && fabs(seen.busy - 0.5) < 1e-12);
    CHECK(fabs(seen.wait_s - 60) < 1e-9);
    CHECK_EQ(dr_seen_of(campus->inputs, quarters, 2, 0, 1).jobs, 0);
    campus_free(campus);
}

/* A year of which nothing is known goes with its nearest, the later of two. */
TEST(each_year_has_a_factor_of_its_own)
{
    static const struct dr_measured bad = {
        .offered = 1, .late = 0.1, .given = 10, .busy = 0.7, .wait_mean_s = 60, .jobs = 9};
    static const struct dr_measured good = {
        .offered = 1, .given = 10, .busy = 0.7, .wait_mean_s = 2000, .jobs = 9};
    struct campus *campus = campus_new(1);
    struct dr_quarter quarters[2] = {{.quarter = 1}, {.quarter = 7}};
    struct dr_factors factors, next;

    CHECK_EQ(campus->inputs->years_count, 3);
    FOR(y, 3) {
        factors.of[OPEN][y] = 1000;
        factors.of[KEPT][y] = y == 1 ? 500 : 1000;
    }
    quarters[0].sectors[OPEN] = good;
    quarters[1].sectors[OPEN] = bad;
    quarters[0].sectors[KEPT] = bad;
    dr_factors_next(&next, &factors, campus->inputs, quarters, 2, 3600);
    CHECK_EQ(next.of[OPEN][0], 1000);
    CHECK_EQ(next.of[OPEN][1], 920);
    CHECK_EQ(next.of[OPEN][2], 920);
    CHECK_EQ(next.of[KEPT][0], 920);
    CHECK_EQ(next.of[KEPT][1], 460);
    CHECK_EQ(next.of[KEPT][2], 920);
    CHECK(fabs(dr_factors_change(campus->inputs, &factors, &next) - 0.08) < 1e-12);
    /* Nothing is known at all: nothing changes. */
    quarters[0].sectors[KEPT] = (struct dr_measured){0};
    dr_factors_next(&next, &factors, campus->inputs, quarters, 2, 3600);
    CHECK_EQ(next.of[KEPT][1], 500);
    campus_free(campus);
}
