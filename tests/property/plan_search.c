/* SPDX-License-Identifier: Apache-2.0 */
/* The search of large programs against CBC, in programs that are just large enough to be searched
 * that way and small enough for CBC to prove the best: the condensed program is the same program,
 * the plan is whole, keeps its rows and costs what CBC's does, and the bound is below it.
 * SEEDS=N worlds (3) from seed FIRST (1). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/explain/alternatives.h"
#include "plan/search/condense.h"
#include "plan_world.h"
#include "test.h"

#define KINDS 12 /* of chips: 3 sites x 12 chips x 8 quarters are too many for whole lots */
#define GAP   1e-5

/* The campus with four of each chip, and everything else rolled. */
static struct dr_plan_inputs *world(uint64_t seed)
{
    struct dr_plan_inputs *inputs = plan_campus();

    free(plan_world(seed)); /* the dice */
    inputs->sectors_count = 4;
    for (uint32_t k = 2; k < 4; k += 1) {
        inputs->sectors[k] = inputs->sectors[0];
        dr_format(inputs->sectors[k].name, DR_NAME_BYTES, "open-%u", k);
    }
    inputs->chips_count = KINDS;
    for (uint32_t c = 0; c < KINDS; c += 1) {
        struct dr_plan_chip *chip = &inputs->chips[c];
        int64_t percent = 80 + plan_roll(40);

        *chip = inputs->chips[c % 3];
        dr_format(chip->name, sizeof chip->name, "chip-%u", c);
        chip->vendor_first = c % 3 == 2 ? 2 : 0;
        chip->order_min = plan_roll(2) * 4 * chip->lot;
        chip->lead_quarters = 1 + plan_roll(2);
        chip->busy_w = chip->busy_w * percent / 100;
        for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
            chip->price[t] = chip->price[t] * (80 + plan_roll(40)) / 100;
            chip->supply[t] = chip->supply[t] / 2;
        }
        for (uint32_t k = 0; k < inputs->sectors_count; k += 1)
            inputs->sectors[k].speed_micro[c] =
                inputs->sectors[k].speed_micro[c % 3] * (90 + plan_roll(20)) / 100;
    }
    inputs->starts_max = plan_roll(3);
    inputs->zone_share_micro = plan_roll(2) * 900000;
    for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
        for (uint32_t p = 0; p < inputs->sites[s].phases_count; p += 1) {
            struct dr_plan_phase *phase = &inputs->sites[s].phases[p];

            phase->power_w = 60000 + plan_roll(25) * 10000;
            phase->cost = 400000 + plan_roll(3000000);
            phase->build_quarters = plan_roll(4);
        }
    }
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
        inputs->sectors[k].unserved = 5000 + plan_roll(15000);
        for (uint32_t t = 0; t < inputs->quarters_count; t += 1)
            inputs->sectors[k].demand[t] = 20 + plan_roll(50) + 40 * t;
    }
    return inputs;
}

static double *new_values(uint32_t count)
{
    double *values = calloc(count + 1, sizeof values[0]);

    if (values == NULL)
        abort();
    return values;
}

/* By how much a row or a bound is broken at most, or a whole number is none. */
static double broken(const struct dr_model *model, const double *values, int whole)
{
    double *sums = new_values(model->rows_count);
    double most = 0;

    dr_model_sums(model, values, sums);
    for (uint32_t r = 0; r < model->rows_count; r += 1)
        most = fmax(most, fmax(model->row_lower[r] - sums[r], sums[r] - model->row_upper[r]));
    for (uint32_t c = 0; c < model->columns_count; c += 1)
        most =
            fmax(most, fmax(fmax(model->lower[c] - values[c], values[c] - model->upper[c]),
                            model->integer[c] && whole ? fabs(values[c] - round(values[c])) : 0));
    free(sums);
    return most;
}

/* A few steps from a kept basis say no more than the program costs, and going on from it is as good
 * as beginning anew. */
static void check_steps(struct dr_solver *solver, const struct dr_model *model,
                        const double *values)
{
    double *upper = new_values(model->columns_count);
    struct dr_solver_limits from = {.iterations = 5, .from = 1}, all = {.from = 1};
    struct dr_solver_answer some, whole;

    memcpy(upper, model->upper, model->columns_count * sizeof upper[0]);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        if (model->columns[c].kind == DR_COLUMN_PHASE && values[c] > 0.5)
            upper[c] = 0;
    }
    some = dr_solver_lp(solver, NULL, upper, NULL, &from, NULL, NULL, NULL);
    whole = dr_solver_lp(solver, NULL, upper, NULL, &all, NULL, NULL, NULL);
    if (whole.result == DR_SOLVER_OPTIMAL)
        CHECK(some.cost <= whole.cost + 1e-6 * fabs(whole.cost));
    if (some.result == DR_SOLVER_OPTIMAL)
        CHECK_EQ(whole.result, DR_SOLVER_OPTIMAL);
    free(upper);
}

/* The linear programs cost the same, and a solution of one is one of the other. 1: there is one. */
static int compare_condensed(const struct dr_program *program)
{
    struct dr_condensed condensed;
    struct dr_solver *whole = NULL, *less = NULL;
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer first, second;
    struct dr_error error = {0};
    double *values = new_values(program->model.columns_count);
    double *few;

    dr_condensed_init(&condensed, program);
    few = new_values(condensed.model.columns_count);
    CHECK(condensed.model.columns_count < program->model.columns_count);
    CHECK_EQ(dr_solver_open(&whole, &program->model, NULL, &error), DR_OK);
    CHECK_EQ(dr_solver_open(&less, &condensed.model, NULL, &error), DR_OK);
    first = dr_solver_lp(whole, NULL, NULL, NULL, &limits, NULL, NULL, NULL);
    limits.keep = 1;
    second = dr_solver_lp(less, NULL, NULL, NULL, &limits, few, NULL, NULL);
    limits.keep = 0;
    CHECK_EQ(first.result, second.result);
    if (second.result == DR_SOLVER_OPTIMAL) {
        CHECK(fabs(first.cost - second.cost) <= 1e-7 * fabs(first.cost));
        dr_condensed_expand(&condensed, few, values);
        CHECK(broken(&program->model, values, 0) <= 1e-5);
        CHECK(fabs(dr_model_cost(&program->model, values) - first.cost) <= 1e-6 * first.cost);
        check_steps(less, &condensed.model, few);
        /* So does a limit of cost, from no basis at all. */
        limits.cutoff = first.cost * 0.9;
        dr_solver_close(less);
        CHECK_EQ(dr_solver_open(&less, &condensed.model, NULL, &error), DR_OK);
        second = dr_solver_lp(less, NULL, NULL, NULL, &limits, few, NULL, NULL);
        if (second.result == DR_SOLVER_INFEASIBLE)
            CHECK(second.cost >= limits.cutoff);
    }
    dr_solver_close(whole);
    dr_solver_close(less);
    dr_condensed_deinit(&condensed);
    free(values);
    free(few);
    return first.result == DR_SOLVER_OPTIMAL;
}

TEST(the_search_of_large_programs_finds_the_best_and_proves_it)
{
    struct test_seeds seeds = test_seeds(3);
    uint32_t plans = 0, by_search = 0;

    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
        struct dr_plan_inputs *inputs = world(seed);
        struct dr_program *program = calloc(1, sizeof *program);
        struct dr_search_options options = {.seconds = 300, .gap = GAP};
        struct dr_solver_limits limits = {.seconds = 300, .gap = GAP / 10};
        struct dr_search search;
        struct dr_solver *solver = NULL;
        struct dr_solver_answer best;
        struct dr_error error = {0};

        if (program == NULL)
            abort();
        test_seed(seed);
        dr_program_init(program, inputs, 0);
        CHECK(!program->whole_lots);
        if (compare_condensed(program)) {
            CHECK_EQ(dr_solver_open(&solver, &program->model, NULL, &error), DR_OK);
            best = dr_solver_mip(solver, NULL, NULL, NULL, NULL, &limits, NULL);
            dr_solver_close(solver);
            CHECK_EQ(dr_search_run(&search, program, &options, &error), DR_OK);
            if (best.result == DR_SOLVER_OPTIMAL) {
                double near = 2 * GAP * fabs(best.cost);

                if (!search.progress.has_values)
                    fail_msg("seed %" PRIu64 ": no plan, where CBC has one of %.6f", seed,
                             best.cost);
                if (search.progress.bound > best.cost + near / 20 ||
                    search.progress.bound > search.progress.cost ||
                    search.progress.bound < search.progress.cost - near ||
                    fabs(search.progress.cost - best.cost) > near ||
                    broken(&program->model, search.values, 1) > 1e-5)
                    fail_msg("seed %" PRIu64
                             ": found %.6f, bound %.6f, rows broken by %g; CBC has %.6f",
                             seed, search.progress.cost, search.progress.bound,
                             broken(&program->model, search.values, 1), best.cost);
                plans += 1;
                by_search += search.progress.bound_by_search != 0;
            } else {
                CHECK(!search.progress.has_values);
            }
            dr_search_deinit(&search);
        }
        dr_program_deinit(program);
        free(program);
        free(inputs);
    }
    print_message("%u programs with plans, %u bounds by branch and bound\n", plans, by_search);
    CHECK(plans > 0 && by_search > 0);
}

/* Alternatives of such programs keep the rules and the cap, and no two of all that are shown are
 * alike. What is not cut by a clock is the same in each run. */
TEST(alternatives_of_large_programs_keep_the_cap_and_differ)
{
    struct test_seeds seeds = test_seeds(2);
    struct dr_alternatives_options options = {
        .count = 3, .within = 0.05, .seconds = 600, .gap = GAP};
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    uint32_t shown = 0;

    if (verdict == NULL || sums == NULL)
        abort();
    for (uint64_t i = 0; i < seeds.count; i += 1) {
        struct dr_plan_inputs *inputs = world(seeds.first + i);
        struct dr_alternatives found[2];
        struct dr_error error = {0};

        test_seed(seeds.first + i);
        for (int run = 0; run < 2; run += 1)
            CHECK_EQ(dr_alternatives_run(&found[run], inputs, &options, &error), DR_OK);
        for (uint32_t j = 0; j < found[0].count; j += 1) {
            const struct dr_plan_alternative *one = &found[0].items[j];

            CHECK(dr_plan_check(inputs, one->plan, verdict, sums));
            CHECK(sums->cost == one->sums.cost);
            CHECK(sums->cost <= found[0].sums.cost * (1 + options.within));
            CHECK(dr_plan_difference(inputs, one->plan, found[0].plan).all >= 0.005);
            for (uint32_t k = 0; k < j; k += 1)
                CHECK(dr_plan_difference(inputs, one->plan, found[0].items[k].plan).all >= 0.005);
        }
        shown += found[0].count;
        if (!found[0].cut && !found[1].cut) {
            CHECK_EQ(found[0].count, found[1].count);
            for (uint32_t j = 0; j < found[0].count; j += 1)
                CHECK_BYTES(found[0].items[j].plan, found[1].items[j].plan,
                            sizeof *found[0].items[j].plan);
        }
        for (int run = 0; run < 2; run += 1)
            dr_alternatives_deinit(&found[run]);
        free(inputs);
    }
    print_message("%" PRIu64 " worlds, %u alternatives\n", seeds.count, shown);
    CHECK(shown > 0);
    free(verdict);
    free(sums);
}
