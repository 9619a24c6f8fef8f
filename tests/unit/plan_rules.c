/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of the check at its edge: a limit that is just kept, and one that is broken by one
 * unit, with what the limit has to be worked out here. And rows whose slack is a column of its own
 * are tight. */
#include <math.h>
#include <stdlib.h>

#include "plan_world.h"
#include "test.h"

#define MICRO DR_PLAN_MICRO

typedef __int128 wide;

static struct dr_plan_inputs *inputs;
static struct dr_plan *plan;
static struct dr_plan_verdict verdict;
static struct dr_plan_sums sums;

/* A plan made by hand: two rooms with accelerators of all three chips, an open phase begun in each,
 * work for both sectors. */
static void begin(void)
{
    free(inputs);
    free(plan);
    inputs = plan_campus();
    plan = plan_new();
    inputs->starts_max = 2;
    inputs->sectors[0].lost_micro = inputs->sectors[1].lost_micro = 0;
    inputs->sites[0].phases[0].quarter = 0;
    plan->phase[0][0] = 1;
    plan->phase[0][1] = 2;
    plan->phase[1][1] = 1;
    plan->buy[0][0][0] = 8;
    plan->buy[0][1][1] = 40;
    plan->buy[1][2][1] = 20;
    plan->buy[2][2][2] = 12;
    plan->on_milli[0][0][3] = 50000;
    plan->on_milli[0][1][3] = 40000;
    plan->on_milli[1][2][3] = 20000;
    plan->use_milli[1][0][0][3] = 30000;
    plan->use_milli[0][0][1][3] = 10000;
    plan->use_milli[0][1][2][3] = 15000;
}

static int breaks(const char *rule)
{
    dr_plan_check(inputs, plan, &verdict, &sums);
    CHECK(verdict.kept_count < 64); /* or one might not be listed */
    for (uint32_t i = 0; i < verdict.kept_count; i += 1) {
        if (strcmp(verdict.findings[i].rule, rule) == 0)
            return 1;
    }
    return 0;
}

/* `limit` is the most or the least that keeps the rule; a step further breaks it. */
static void edge(const char *rule, int64_t *limit, int64_t kept, int64_t step)
{
    *limit = kept;
    if (breaks(rule))
        fail_msg("%s: %" PRId64 " should be kept", rule, kept);
    *limit = kept + step;
    if (!breaks(rule))
        fail_msg("%s: %" PRId64 " should be broken", rule, kept + step);
    *limit = kept;
}

static void edge32(const char *rule, uint32_t *limit, uint32_t kept, int step)
{
    *limit = kept;
    if (breaks(rule))
        fail_msg("%s: %u should be kept", rule, kept);
    *limit = (uint32_t)((int)kept + step);
    if (!breaks(rule))
        fail_msg("%s: %u should be broken", rule, *limit);
    *limit = kept;
}

static int64_t ceiling(wide a, wide b)
{
    return (int64_t)((a + b - 1) / b);
}

TEST(what_is_ordered)
{
    begin();
    edge("supply", &inputs->chips[2].supply[1], 20, -1);
    edge32("least order", &inputs->chips[1].order_min, 40, 1);
    edge("whole lots", &plan->buy[0][1][1], 40, 1);
    edge("no negative order", &plan->buy[0][1][3], 0, -8);
}

TEST(what_is_there_and_what_is_on)
{
    begin();
    /* 96 from before; 8 ordered in the first quarter, there from the second on, for six. */
    edge("no more on than there", &plan->on_milli[0][0][1], 104000, 1);
    plan->on_milli[0][0][1] = 0;
    edge("no more on than there", &plan->on_milli[0][0][0], 96000, 1);
    plan->on_milli[0][0][0] = 0;
    edge("no more on than there", &plan->on_milli[0][0][6], 8000, 1);
    plan->on_milli[0][0][6] = 0;
    edge("no more on than there", &plan->on_milli[0][0][7], 0, 1);
    edge("nothing negative", &plan->on_milli[2][0][0], 0, -1);
    edge("nothing negative", &plan->use_milli[0][2][2][0], 0, -1);
    /* 95 % of 40 are available, 10 are given to the one sector. */
    edge("no more given out than available", &plan->use_milli[1][0][1][3], 28000, 1);
    plan->use_milli[1][0][1][3] = 0;
    edge("work where it may be done", &plan->use_milli[1][1][0][3], 0, 1); /* the grade */
    edge("work where it may be done", &plan->use_milli[1][0][2][3], 0, 1); /* the chip */
    inputs->sites[2].grade = 9;
    edge("work where it may be done", &plan->use_milli[1][2][0][3], 0, 1); /* the zone */
}

TEST(what_is_built)
{
    begin();
    edge32("starts", &inputs->starts_max, 2, -1);
    CHECK(!breaks("earliest beginning"));
    inputs->sites[0].phases[0].quarter = 2;
    CHECK(breaks("earliest beginning"));
    inputs->sites[0].phases[0].quarter = 1;
    CHECK(!breaks("earliest beginning"));
    CHECK(!breaks("phases in order"));
    plan->phase[0][1] = 0;
    CHECK(breaks("phases in order"));
    plan->phase[0][1] = 1;
    CHECK(!breaks("phases in order"));
    plan->phase[0][0] = DR_PLAN_NEVER;
    CHECK(breaks("phases in order"));
    begin();
    plan->phase[1][0] = 3; /* being built already */
    CHECK(breaks("begun before"));
    begin();
    plan->phase[1][1] = 8;
    CHECK(breaks("within the plan"));
}

TEST(power_and_grid)
{
    wide busy, draw = 0;

    begin();
    busy = ((wide)50000 * 900 + (wide)40000 * 1400) * inputs->sites[0].pue_micro;
    /* Begun in the second quarter and built for two: there in the fourth. */
    inputs->sites[0].power_w = 0;
    CHECK(!breaks("power"));
    inputs->sites[0].power_w = 150000;
    plan->phase[0][0] = 2;
    edge("power", &inputs->sites[0].power_w, ceiling(busy, 1000 * MICRO), -1);
    begin();
    draw = ((wide)50000 * 300 + (wide)30000 * 600 + (wide)40000 * 400 + (wide)10000 * 1000) *
               inputs->sites[0].pue_micro +
           ((wide)20000 * 200 + (wide)15000 * 500) * inputs->sites[1].pue_micro;
    edge("grid", &inputs->zones[0].grid_w[3], ceiling(draw, 1000 * MICRO), -1);
    CHECK_EQ(sums.draw_w[3], (int64_t)(draw / 1000 / MICRO));
}

TEST(work)
{
    /* 30 of speed 1, 80 % of them busy, and 10 x 3, and 15 x 2. */
    begin();
    inputs->sectors[1].least_micro = MICRO;
    memset(inputs->sectors[1].demand, 0, sizeof inputs->sectors[1].demand);
    edge("work that has to be done", &inputs->sectors[1].demand[3], 24, 1);
    inputs->sectors[1].demand[3] = 26;
    edge("work that has to be done", &inputs->sectors[1].eased[3], 2, -1);
    begin();
    edge("no more work than asked for", &inputs->sectors[0].demand[3], 48, -1);
    CHECK_EQ(sums.served[0][3], 48);
}

TEST(money)
{
    int64_t first, second;

    begin();
    /* The plan's quarters are 2027-Q2 to 2029-Q1: three of them are of 2027. */
    first = 8 * inputs->chips[0].price[0] + 40 * inputs->chips[1].price[1] +
            20 * inputs->chips[2].price[1] + 12 * inputs->chips[2].price[2];
    first += 1500000 + 2000000 / 3 + 2000000 % 3 + 2000000 / 3 * 2 + 2000000 % 3;
    edge("budget", &inputs->budget[0], first, -1);
    /* Phases that are built for three quarters go on in 2028: three parts; a tenth of 2027's budget
     * may be kept.
     */
    second = 2000000 / 3 * 3;
    inputs->carry_micro = 100000;
    inputs->budget[0] = first * 2;
    edge("budget", &inputs->budget[1], second - first * 2 / 10, -1);
    inputs->budget[0] = first + 500000; /* no more than is left */
    edge("budget", &inputs->budget[1], second - 500000, -1);
}

TEST(shares)
{
    static const char *const rules[] = {"domestic share by value", "domestic share by units",
                                        "domestic share by compute"};
    wide all[3] = {0}, home[3] = {0};

    begin();
    inputs->domestic_count = 1;
    inputs->domestic[0].year = 0;
    for (uint32_t c = 0; c < 3; c += 1) {
        for (uint32_t s = 0; s < 3; s += 1) {
            for (uint32_t t = 0; t < 3; t += 1) {
                int64_t buy = plan->buy[s][c][t];
                const wide amounts[] = {(wide)buy * inputs->chips[c].price[t], buy,
                                        (wide)buy * inputs->chips[c].compute_micro};

                for (int m = 0; m < 3; m += 1) {
                    all[m] += amounts[m];
                    home[m] += c == 2 ? amounts[m] : 0;
                }
            }
        }
    }
    for (int m = 0; m < 3; m += 1) {
        inputs->domestic[0].measure = (enum dr_plan_measure)m;
        edge(rules[m], &inputs->domestic[0].share_micro, (int64_t)(home[m] * MICRO / all[m]), 1);
    }
    inputs->share_quarter = 0;
    edge("one vendor's share", &inputs->vendor_share_micro,
         ceiling((all[0] - home[0]) * MICRO, all[0]), -1);
    inputs->vendor_share_micro = 0;
    /* 90 of 110 accelerators are in the first room, and all in its zone. */
    inputs->share_quarter = 3;
    inputs->zone_share_micro = 0;
    edge("one site's share", &inputs->site_share_micro, ceiling((wide)90 * MICRO, 110), -1);
    inputs->site_share_micro = 0;
    edge("one zone's share", &inputs->zone_share_micro, MICRO, -1);
    inputs->share_quarter = 4; /* does not hold yet */
    inputs->zone_share_micro = MICRO / 2;
    CHECK(!breaks("one zone's share"));
}

TEST(targets)
{
    begin();
    inputs->targets_count = 1;
    inputs->targets[0] = (struct dr_plan_target){.quarter = 3};
    edge("target", &inputs->targets[0].accelerators, 110, 1);
    edge("target", &plan->on_milli[0][0][3], 50000, -1);
    inputs->targets[0].accelerators = 0;
    edge("target by compute", &inputs->targets[0].compute_micro, (50 + 120 + 40) * MICRO, 1);
}

static struct dr_plan_lost *with_lost(uint32_t zone, uint32_t sector, uint32_t site, int64_t milli)
{
    struct dr_plan_lost *lost = &plan->lost[plan->lost_count];

    *lost = (struct dr_plan_lost){.quarter = 3,
                                  .zone = (uint8_t)zone,
                                  .sector = (uint8_t)sector,
                                  .site = (uint8_t)site,
                                  .chip = 2,
                                  .use_milli = milli};
    plan->lost_count += 1;
    return lost;
}

TEST(a_zone_lost)
{
    static const char work[] = "critical work, a zone lost";
    static const char where[] = "work where it may be done, a zone lost";
    struct dr_plan_lost *here, *there;
    wide draw;

    begin();
    inputs->lost_quarter = 3;
    for (uint32_t t = 0; t < 8; t += 1)
        inputs->sectors[0].demand[t] = t == 3 ? 100 : 0;
    plan->on_milli[2][2][3] = 12000;
    /* 93 % of 12 and of 20 are available; 2 units each, 80 % of them busy. */
    there = with_lost(0, 0, 2, 11160);
    here = with_lost(1, 0, 1, 12000);
    edge(work, &inputs->sectors[0].lost_micro, 178560, 1);
    edge(work, &there->use_milli, 11160, -1);
    edge("no more given out than available, a zone lost", &there->use_milli, 11160, 1);
    edge("no more given out than available, a zone lost", &here->use_milli, 18600, 1);
    edge("nothing negative", &with_lost(1, 0, 0, 0)->use_milli, 0, -1);
    edge(where, &with_lost(1, 0, 2, 0)->use_milli, 0, 1); /* it is lost itself */
    edge(where, &with_lost(1, 1, 0, 0)->use_milli, 0, 1); /* the chip, and not critical */
    here->use_milli = 12000;
    draw = ((wide)50000 * 300 + (wide)40000 * 400) * inputs->sites[0].pue_micro +
           ((wide)20000 * 200 + (wide)12000 * 500) * inputs->sites[1].pue_micro;
    edge("grid, another zone lost", &inputs->zones[0].grid_w[3], ceiling(draw, 1000 * MICRO), -1);
    inputs->sectors[0].lost_micro = MICRO;
    CHECK(breaks(work));
    inputs->lost_quarter = 4; /* does not hold yet */
    CHECK(!breaks(work));
    inputs->lost_quarter = 3;
    inputs->sectors[0].zones = 1; /* no other place */
    CHECK(!breaks(work));
}

/* ---- rows that a column makes room in ---- */

/* Of all rows of a kind: is one broken for these values? */
static int row_broken(const struct dr_program *program, const double *values, enum dr_plan_row kind)
{
    const struct dr_model *model = &program->model;
    double *row = calloc(model->rows_count, sizeof row[0]);
    int broken = 0;

    dr_model_sums(model, values, row);
    for (uint32_t r = 0; r < model->rows_count; r += 1)
        broken |= model->rows[r].kind == kind &&
                  (row[r] > model->row_upper[r] + 1e-9 || row[r] < model->row_lower[r] - 1e-9);
    free(row);
    return broken;
}

TEST(swings_peaks_and_what_is_kept_are_counted_from_their_edge_on)
{
    struct dr_program *program = calloc(1, sizeof *program);
    double *values;

    begin();
    dr_program_init(program, inputs, 0);
    values = calloc(program->model.columns_count, sizeof values[0]);
    for (uint32_t t = 0; t < 8; t += 1)
        values[program->spend[t]] = 4;
    CHECK(!row_broken(program, values, DR_ROW_STEADY_UP));
    values[program->spend[3]] = 9; /* a quarter of 4 is free, and of 9 */
    values[program->rise[3]] = 4;
    values[program->fall[4]] = 2.75;
    CHECK(!row_broken(program, values, DR_ROW_STEADY_UP));
    CHECK(!row_broken(program, values, DR_ROW_STEADY_DOWN));
    values[program->rise[3]] = 3.99;
    values[program->fall[4]] = 2.74;
    CHECK(row_broken(program, values, DR_ROW_STEADY_UP));
    CHECK(row_broken(program, values, DR_ROW_STEADY_DOWN));
    values[program->draw[0][2]] = 7;
    values[program->peak[0][0]] = 7;
    CHECK(!row_broken(program, values, DR_ROW_HIGHEST));
    values[program->peak[0][0]] = 6.99;
    CHECK(row_broken(program, values, DR_ROW_HIGHEST));
    dr_program_deinit(program);
    free(program);
    free(values);
}
