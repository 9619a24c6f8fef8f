/* SPDX-License-Identifier: Apache-2.0 */
/* All futures at once: a first stage, and what none costs less than. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/search/dive.h"
#include "plan/futures/joint.h"
#include "plan/futures/study.h"

/* Of six futures of korea-2030 there are 103,938 rows, and the linear program alone takes longer
 * than 400 s. */
#define ROWS_MAX      40000
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

struct solving {
    const struct run *run;
    uint32_t count;
    struct dr_program *programs[DR_PLAN_FUTURES_MAX];
    struct dr_joint joint;
    struct dr_solver *solver;
    double *values; /* of the joint program */
    int64_t end_us;
};

static double left_s(const struct solving *solving)
{
    return fmax(1, (double)(solving->end_us - dr_monotonic_us()) / 1e6);
}

/* The integers that the best candidate so far has in each future. 0: there is no candidate. */
static int begin_at(const struct solving *solving, double *start)
{
    const struct dr_futures *futures = solving->run->futures;

    if (futures->chosen == futures->stages_count)
        return 0;
    FOR(i, solving->count) {
        const struct dr_program *program = solving->programs[i];
        const struct dr_plan *plan = dr_futures_plan(futures, futures->chosen, i);
        double *values = calloc(program->model.columns_count, sizeof values[0]);

        if (values == NULL)
            abort();
        dr_plan_binaries(program, plan, values);
        FOR(c, program->model.columns_count) {
            const struct dr_model_name *name = &program->model.columns[c];

            if (name->kind == DR_COLUMN_BUY)
                values[c] = (double)plan->buy[name->place[0]][name->place[1]][name->place[2]] /
                            dr_program_unit(program, name->place[1]);
        }
        dr_joint_merge(&solving->joint, i, values, start);
        free(values);
    }
    return 1;
}

/* By branch and bound: orders are whole lots. */
static int solve_whole(struct solving *solving, struct dr_joint_answer *answer)
{
    struct dr_solver_limits limits = {.gap = solving->run->options->gap,
                                      .seconds = left_s(solving)};
    double *start = calloc(solving->joint.model.columns_count, sizeof start[0]);
    struct dr_solver_answer got;

    if (start == NULL)
        abort();
    got = dr_solver_mip(solving->solver, NULL, NULL, NULL, begin_at(solving, start) ? start : NULL,
                        &limits, solving->values);
    free(start);
    answer->has_first = got.has_values;
    answer->bound = got.bound * solving->programs[0]->money_scale;
    return got.has_values && (got.result == DR_SOLVER_OPTIMAL || got.result == DR_SOLVER_FEASIBLE);
}

/* The linear program, and a dive over what the first stage begins and orders at all. */
static int solve_large(struct solving *solving, struct dr_joint_answer *answer)
{
    const struct dr_model *model = &solving->joint.model;
    size_t bytes = model->columns_count * sizeof(double);
    uint8_t *whole = calloc(model->columns_count, 1);
    struct dr_dive dive = {.solver = solving->solver,
                           .model = model,
                           .whole = whole,
                           .lower = malloc(bytes),
                           .upper = malloc(bytes),
                           .values = solving->values,
                           .end_us = solving->end_us,
                           .stop = solving->run->options->stop};

    if (whole == NULL || dive.lower == NULL || dive.upper == NULL)
        abort();
    memcpy(dive.lower, model->lower, bytes);
    memcpy(dive.upper, model->upper, bytes);
    FOR(c, solving->programs[0]->model.columns_count) {
        if (solving->programs[0]->model.integer[c] && dr_first_stage_has(solving->programs[0], c))
            whole[solving->joint.place[0][c]] = 1;
    }
    answer->has_first = dr_dive(&dive);
    answer->bound = dive.first * solving->programs[0]->money_scale;
    free(whole);
    free(dive.lower);
    free(dive.upper);
    return dive.solved;
}

/* In lots, where orders are so from the beginning. */
static void read_whole(const struct solving *solving, struct dr_first_stage *first)
{
    const struct dr_program *program = solving->programs[0];
    const struct dr_plan_inputs *inputs = program->inputs;
    const double *values = solving->values;

    memset(first, 0, sizeof *first);
    first->quarters = inputs->common_quarters;
    FOR(s, DR_PLAN_SITES_MAX) {
        FOR(p, DR_PLAN_PHASES_MAX)
            first->phase[s][p] = DR_PLAN_NEVER;
    }
    FOR(s, inputs->sites_count) {
        for (uint32_t t = first->quarters; t-- > 0;) {
            FOR(c, inputs->chips_count) {
                uint32_t column = program->buy[s][c][t];

                if (column != DR_NO_COLUMN)
                    first->buy[s][c][t] = (int64_t)round(values[solving->joint.place[0][column]]) *
                                          inputs->chips[c].lot;
            }
            FOR(p, inputs->sites[s].phases_count) {
                uint32_t column = program->phase[s][p][t];

                if (column != DR_NO_COLUMN && values[solving->joint.place[0][column]] > 0.5)
                    first->phase[s][p] = (int32_t)t;
            }
        }
    }
}

/* Rounded in the future in which money goes least far: what a budget bears there it bears anywhere.
 */
static uint32_t dearest(const struct solving *solving)
{
    const struct dr_world *worlds = solving->run->worlds;
    uint32_t most = 0;

    FOR(i, solving->count)
        most = worlds[i].future.price_micro > worlds[most].future.price_micro ? i : most;
    return most;
}

/* From fractions of lots: the first stage held there, the rest of one future made whole, and all of
 * it rounded. */
static int round_large(const struct solving *solving, struct dr_first_stage *first)
{
    uint32_t future = dearest(solving);
    const struct dr_program *program = solving->programs[future];
    const struct dr_model *model = &program->model;
    size_t bytes = model->columns_count * sizeof(double);
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_dive dive = {.model = model,
                           .whole = model->integer,
                           .lower = malloc(bytes),
                           .upper = malloc(bytes),
                           .values = malloc(bytes),
                           .end_us = solving->end_us,
                           .stop = solving->run->options->stop};
    struct dr_error error = {0};
    int made = 0;

    if (plan == NULL || verdict == NULL || sums == NULL || dive.lower == NULL ||
        dive.upper == NULL || dive.values == NULL)
        abort();
    memcpy(dive.lower, model->lower, bytes);
    memcpy(dive.upper, model->upper, bytes);
    dr_joint_split(&solving->joint, future, solving->values, dive.values);
    FOR(c, model->columns_count) {
        if (dr_first_stage_has(program, c))
            dive.lower[c] = dive.upper[c] =
                model->integer[c] ? round(dive.values[c]) : fmax(0, dive.values[c]);
    }
    if (dr_solver_open(&dive.solver, model, NULL, &error) == DR_OK)
        made =
            dr_dive(&dive) && dr_plan_make(plan, program, dive.solver, dive.values, verdict, sums);
    dr_solver_close(dive.solver);
    if (made)
        dr_first_stage_of(first, program->inputs, plan);
    free(plan);
    free(verdict);
    free(sums);
    free(dive.lower);
    free(dive.upper);
    free(dive.values);
    return made;
}

static int solve(struct solving *solving, struct dr_first_stage *first,
                 struct dr_joint_answer *answer)
{
    struct dr_error error = {0};
    int good = 0;

    solving->values = calloc(solving->joint.model.columns_count, sizeof solving->values[0]);
    if (solving->values == NULL)
        abort();
    if (dr_solver_open(&solving->solver, &solving->joint.model, solving->run->options->stop,
                       &error) == DR_OK) {
        if (solving->programs[0]->whole_lots)
            good = solve_whole(solving, answer);
        else
            good = solve_large(solving, answer);
    }
    dr_solver_close(solving->solver);
    if (answer->has_first && solving->programs[0]->whole_lots)
        read_whole(solving, first);
    else if (answer->has_first)
        answer->has_first = round_large(solving, first);
    free(solving->values);
    return good;
}

int dr_joint_solve(const struct run *run, int64_t end_us, struct dr_first_stage *first,
                   struct dr_joint_answer *answer)
{
    struct solving solving = {.run = run, .count = run->futures->worlds_count, .end_us = end_us};
    double weights[DR_PLAN_FUTURES_MAX];
    uint32_t rows = 0;
    int good = 0;

    memset(answer, 0, sizeof *answer);
    FOR(i, solving.count)
        rows += run->worlds[i].rows_count;
    if (rows > ROWS_MAX)
        return 0;
    FOR(i, solving.count) {
        solving.programs[i] = calloc(1, sizeof *solving.programs[i]);
        if (solving.programs[i] == NULL)
            abort();
        dr_program_init(solving.programs[i], run->worlds[i].inputs, 0);
        weights[i] = (double)run->worlds[i].future.weight_micro / (double)DR_PLAN_MICRO;
    }
    dr_joint_init(&solving.joint, (const struct dr_program *const *)solving.programs, weights,
                  solving.count);
    good = solve(&solving, first, answer);
    dr_joint_deinit(&solving.joint);
    FOR(i, solving.count) {
        dr_program_deinit(solving.programs[i]);
        free(solving.programs[i]);
    }
    return good;
}
