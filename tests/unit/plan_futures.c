/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a study of futures: prices at which each future decides by itself, and rules that
 * give where a future has no plan. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/futures/alone.h"
#include "plan/futures/futures.h"
#include "plan/search/solver.h"
#include "plan_world.h"
#include "test.h"

#define MICRO DR_PLAN_MICRO

static struct dr_solver_answer solve(const struct dr_model *model, double *values, double *duals,
                                     double *reduced)
{
    struct dr_solver_limits limits = {0};
    struct dr_solver_answer answer;
    struct dr_error error = {0};
    struct dr_solver *solver;

    CHECK_EQ(dr_solver_open(&solver, model, NULL, &error), DR_OK);
    answer = dr_solver_lp(solver, NULL, NULL, NULL, &limits, values, duals, reduced);
    dr_solver_close(solver);
    return answer;
}

static double *new_values(uint32_t count)
{
    double *values = calloc(count + 1, sizeof values[0]);

    CHECK(values != NULL);
    return values;
}

/* Two futures of one scenario, their programs and the joint one. */
struct pair {
    struct dr_plan_inputs *told;
    struct dr_world worlds[2];
    struct dr_program programs[2];
    const struct dr_program *both[2];
    double weights[2];
    struct dr_joint joint;
};

static struct pair *pair_new(void)
{
    struct pair *pair = calloc(1, sizeof *pair);

    CHECK(pair != NULL);
    pair->told = plan_campus();
    pair->told->common_quarters = 3;
    pair->weights[0] = 0.7;
    pair->weights[1] = 0.3;
    for (uint32_t i = 0; i < 2; i += 1) {
        pair->worlds[i].future = dr_plan_as_told();
        pair->worlds[i].future.price_micro += i * MICRO / 5;
        pair->worlds[i].inputs = dr_plan_in_future(pair->told, &pair->worlds[i].future);
        dr_program_init(&pair->programs[i], pair->worlds[i].inputs, 0);
        pair->both[i] = &pair->programs[i];
    }
    dr_joint_init(&pair->joint, pair->both, pair->weights, 2);
    return pair;
}

static void pair_free(struct pair *pair)
{
    dr_joint_deinit(&pair->joint);
    for (uint32_t i = 0; i < 2; i += 1) {
        dr_program_deinit(&pair->programs[i]);
        dr_plan_future_close(pair->worlds[i].inputs);
    }
    free(pair->told);
    free(pair);
}

/* Whatever the futures decide, at prices they pay in sum what it costs; else their sum would be no
 * bound. */
TEST(at_prices_all_futures_pay_what_it_costs)
{
    struct pair *pair = pair_new();
    const struct dr_model *model = &pair->joint.model;
    double *values = new_values(model->columns_count), *reduced = new_values(model->columns_count);
    double *duals = new_values(model->rows_count), paid = 0, cost = 0;

    CHECK_EQ(solve(model, values, duals, reduced).result, DR_SOLVER_OPTIMAL);
    plan_dice(7);
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        values[c] = plan_roll(1000) / 100.0;
        cost += values[c] * model->cost[c];
    }
    for (uint32_t i = 0; i < 2; i += 1) {
        uint32_t columns = pair->programs[i].model.columns_count;
        double *own = new_values(columns), *prices = new_values(columns);

        dr_joint_split(&pair->joint, i, values, own);
        dr_joint_prices(&pair->joint, i, duals, reduced, prices);
        for (uint32_t c = 0; c < columns; c += 1)
            paid += own[c] * prices[c];
        free(own);
        free(prices);
    }
    CHECK(fabs(cost) > 1);
    CHECK(fabs(paid - cost) < 1e-6 * fabs(cost));
    free(values);
    free(reduced);
    free(duals);
    pair_free(pair);
}

/* In fractions they cost in sum what the joint linear program does: no less, or prices are not its
 * own; nor more, since what costs least together costs no less apart. */
TEST(at_prices_futures_by_themselves_cost_no_less_than_together)
{
    struct pair *pair = pair_new();
    const struct dr_model *model = &pair->joint.model;
    double *values = new_values(model->columns_count), *reduced = new_values(model->columns_count);
    double *duals = new_values(model->rows_count), apart = 0;
    struct dr_solver_answer together = solve(model, values, duals, reduced);

    CHECK_EQ(together.result, DR_SOLVER_OPTIMAL);
    for (uint32_t i = 0; i < 2; i += 1) {
        struct dr_model own;
        struct dr_solver_answer answer;

        dr_alone_model(&own, &pair->joint, pair->worlds, i, duals, reduced);
        CHECK(own.rows_count > pair->programs[i].model.rows_count); /* the other's means */
        answer = solve(&own, NULL, NULL, NULL);
        CHECK_EQ(answer.result, DR_SOLVER_OPTIMAL);
        apart += answer.cost;
        dr_model_deinit(&own);
    }
    CHECK(apart > together.cost - 1e-6 * fabs(together.cost));
    /* In sum it is still a bound of what is in fractions. */
    CHECK(apart < together.cost + 1e-6 * fabs(together.cost));
    free(values);
    free(reduced);
    free(duals);
    pair_free(pair);
}

/* What can be done with a zone lost gives too, by no more than it has to and the margin. */
TEST(work_with_a_zone_lost_gives_where_there_is_no_plan)
{
    struct dr_plan_inputs *inputs = plan_campus();
    struct dr_relaxed relaxed[DR_RELAXED_MAX];
    struct dr_program *program = calloc(1, sizeof *program);
    uint32_t count, lost = 0;
    char words[400];

    CHECK(program != NULL);
    inputs->relax_count = 1;
    inputs->relax[0] = DR_PLAN_RELAX_LOST;
    inputs->sectors[0].lost_micro = inputs->sectors[1].lost_micro = 1000 * MICRO;
    count = dr_relaxed_find(inputs, NULL, 0.01, relaxed);
    CHECK(count > 0);
    dr_program_init(program, inputs, 0);
    CHECK_EQ(solve(&program->model, NULL, NULL, NULL).result, DR_SOLVER_INFEASIBLE);
    for (uint32_t i = 0; i < count; i += 1) {
        lost += relaxed[i].row.kind == DR_ROW_LOST_LEAST;
        CHECK_EQ(relaxed[i].before, 1000 * MICRO);
        CHECK(relaxed[i].value >= 0 && relaxed[i].value < relaxed[i].before);
        CHECK(strstr(dr_relaxed_words(program, &relaxed[i], words), "(was 100000.00)") != NULL);
        CHECK(dr_relaxed_apply(inputs, &relaxed[i]));
    }
    CHECK_EQ(lost, count);
    dr_program_deinit(program);
    dr_program_init(program, inputs, 0);
    CHECK_EQ(solve(&program->model, NULL, NULL, NULL).result, DR_SOLVER_OPTIMAL);
    dr_program_deinit(program);
    free(program);
    free(inputs);
}

/* What the check needs of a plan comes over from the process that made it. */
TEST(plans_of_a_study_can_be_checked_again)
{
    struct dr_plan_inputs *inputs = plan_world_lost(7);
    struct dr_futures_options options = {.seconds = 60, .gap = 0.001, .at_once = 2};
    struct dr_futures *futures = calloc(1, sizeof *futures);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_error error = {0};

    CHECK(futures != NULL && verdict != NULL && sums != NULL);
    inputs->common_quarters = 1;
    inputs->futures_count = 2;
    for (uint32_t i = 0; i < 2; i += 1) {
        inputs->futures[i] = dr_plan_as_told();
        snprintf(inputs->futures[i].name, sizeof inputs->futures[i].name, "f%u", i);
        inputs->futures[i].weight_micro = MICRO / 2;
        inputs->futures[i].price_micro += i * MICRO / 10;
    }
    CHECK_EQ(dr_futures_run(futures, inputs, &options, &error), DR_OK);
    CHECK(futures->chosen < futures->stages_count);
    for (uint32_t w = 0; w < 2; w += 1) {
        const struct dr_plan *plan = dr_futures_plan(futures, futures->chosen, w);

        CHECK(plan->lost_count > 0);
        if (!dr_plan_check(futures->worlds[w].inputs, plan, verdict, sums))
            fail_msg("%s: %s, %s", futures->worlds[w].future.name, verdict->findings[0].rule,
                     verdict->findings[0].where);
    }
    dr_futures_deinit(futures);
    free(futures);
    free(verdict);
    free(sums);
    free(inputs);
}
