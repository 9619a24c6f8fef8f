/* SPDX-License-Identifier: Apache-2.0 */
/* All futures at once: a first stage, and what none costs less than.
 *
 * Of small programs, first with the first stage alone whole and what comes behind it in fractions
 * (34 nodes and 4 s of the university's six futures, whose wholly whole program was not solved in
 * 400 s); then each future by itself at prices that make them agree (dr_joint_prices()), which
 * bounds closer. Only where that leaves too much is all of it made whole. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/search/dive.h"
#include "plan/futures/alone.h"
#include "plan/futures/crew.h"
#include "plan/futures/joint.h"
#include "plan/futures/study.h"

/* Of six futures of korea-2030 there are 103,938 rows, and the linear program alone takes longer
 * than 400 s. */
#define ROWS_MAX      40000
#define FIRST_NODES   2000 /* of the program whose first stage alone is whole */
#define APART_NODES   2000 /* of one future's at such prices: some are hard, and need no more */
#define SAFE          1e-6 /* of what is known: what tolerances may have made of it */
#define APART_PART    0.2  /* of the gap that is enough: what all of these may leave */
#define FOR(i, count) for (uint32_t i = 0; i < (count); i += 1)

/* What one future comes to by itself, at its prices. */
struct apart {
    double bound;    /* it costs at least */
    double expected; /* what its first stage costs all; DR_INFINITY: there is none for all */
    struct dr_first_stage first;
};

struct solving {
    const struct run *run;
    uint32_t count;
    struct dr_program *programs[DR_PLAN_FUTURES_MAX];
    double weights[DR_PLAN_FUTURES_MAX];
    struct dr_joint joint;
    struct dr_solver *solver; /* of the joint program */
    double *values;           /* of the joint program; and of its linear one: */
    double *duals, *reduced, cost;
    struct apart *apart; /* [count, and one] shared */
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

/* What has to be whole: the first stage's, and nothing behind it. 0: there is no such thing. */
static int first_whole(const struct solving *solving, uint8_t *whole)
{
    const struct dr_program *program = solving->programs[0];
    int any = 0;

    FOR(c, program->model.columns_count) {
        uint32_t place = solving->joint.place[0][c];

        if (!program->model.integer[c] || !dr_first_stage_has(program, c))
            continue;
        whole[place] = 1;
        any |= solving->joint.model.lower[place] < solving->joint.model.upper[place];
    }
    return any;
}

/* The first stage whole. */
static void solve_first(struct solving *solving, struct dr_joint_answer *answer)
{
    struct dr_solver_limits limits = {.gap = solving->run->options->gap / 4,
                                      .nodes = FIRST_NODES,
                                      .seconds = left_s(solving) / 2};
    uint8_t *whole = calloc(solving->joint.model.columns_count, 1);
    struct dr_solver_answer got = {.result = DR_SOLVER_NONE};

    if (whole == NULL)
        abort();
    if (first_whole(solving, whole))
        got = dr_solver_mip(solving->solver, NULL, NULL, whole, NULL, &limits, solving->values);
    answer->has_first = got.has_values;
    if (got.result == DR_SOLVER_OPTIMAL || got.result == DR_SOLVER_FEASIBLE)
        answer->bound = fmax(answer->bound, got.bound * solving->programs[0]->money_scale);
    free(whole);
}

/* The linear program, with its duals. */
static int solve_linear(struct solving *solving, struct dr_joint_answer *answer)
{
    struct dr_solver_limits limits = {.seconds = left_s(solving)};
    struct dr_solver_answer got = dr_solver_lp(solving->solver, NULL, NULL, NULL, &limits,
                                               solving->values, solving->duals, solving->reduced);

    solving->cost = got.cost;
    answer->bound = got.cost * solving->programs[0]->money_scale;
    return got.result == DR_SOLVER_OPTIMAL;
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

/* The first stage of one future's solution in all futures. Weighted cost, in the joint program's
 * money; DR_INFINITY: it leaves no plan in one of them. */
static double cost_of_first(const struct solving *solving, const double *joint_values)
{
    double sum = 0;

    FOR(i, isfinite(sum) ? solving->count : 0) {
        const struct dr_model *own = &solving->programs[i]->model;
        size_t bytes = own->columns_count * sizeof(double);
        double *lower = malloc(bytes), *upper = malloc(bytes), *values = malloc(bytes);
        struct dr_solver_limits limits = {.gap = solving->run->options->gap / 2,
                                          .seconds = left_s(solving)};
        struct dr_solver_answer got = {0};
        struct dr_solver *solver;
        struct dr_error error = {0};

        if (lower == NULL || upper == NULL || values == NULL)
            abort();
        memcpy(lower, own->lower, bytes);
        memcpy(upper, own->upper, bytes);
        FOR(c, own->columns_count) {
            if (dr_first_stage_has(solving->programs[i], c))
                lower[c] = upper[c] =
                    joint_values[solving->joint.place[i][c]] * solving->joint.ratio[i][c];
        }
        if (isfinite(sum) &&
            dr_solver_open(&solver, own, solving->run->options->stop, &error) == DR_OK) {
            got = dr_solver_mip(solver, lower, upper, NULL, NULL, &limits, values);
            dr_solver_close(solver);
        }
        sum = got.has_values
                  ? sum + solving->joint.weights[i] * got.cost * solving->programs[i]->money_scale /
                              solving->programs[0]->money_scale
                  : DR_INFINITY;
        free(lower);
        free(upper);
        free(values);
    }
    return sum;
}

/* One future by itself, at its prices: the least that it costs, and what its first stage costs all.
 * In a process of its own; piece `count` is the first stage that is there already. */
static void apart_work(void *context, uint32_t piece)
{
    struct solving *solving = context;
    struct apart *apart = &solving->apart[piece];
    struct dr_solver_limits limits = {.nodes = APART_NODES, .seconds = left_s(solving)};
    struct dr_solver_answer linear, got = {0};
    struct dr_solver *solver;
    struct dr_error error = {0};
    struct dr_model model;
    double *values;

    if (piece == solving->count) {
        apart->expected = cost_of_first(solving, solving->values);
        return;
    }
    dr_alone_model(&model, &solving->joint, solving->run->worlds, piece, solving->duals,
                   solving->reduced);
    values = calloc(model.columns_count, sizeof values[0]);
    if (values == NULL)
        abort();
    if (dr_solver_open(&solver, &model, solving->run->options->stop, &error) != DR_OK)
        _Exit(1);
    linear = dr_solver_lp(solver, NULL, NULL, NULL, &limits, NULL, NULL, NULL);
    if (linear.result == DR_SOLVER_OPTIMAL) {
        apart->bound = linear.cost;
        limits.seconds = left_s(solving);
        limits.gap = APART_PART * solving->run->options->gap * fabs(solving->cost) /
                     solving->count / fmax(1e-9, fabs(linear.cost));
        got = dr_solver_mip(solver, NULL, NULL, NULL, NULL, &limits, values);
        if (got.result == DR_SOLVER_OPTIMAL || got.result == DR_SOLVER_FEASIBLE)
            apart->bound = fmax(linear.cost, got.bound);
    }
    dr_solver_close(solver);
    if (got.has_values) {
        const struct dr_joint *joint = &solving->joint;

        memset(solving->values, 0, joint->model.columns_count * sizeof solving->values[0]);
        FOR(c, joint->programs[piece]->model.columns_count) {
            if (dr_first_stage_has(joint->programs[piece], c))
                solving->values[joint->place[piece][c]] = values[c] / joint->ratio[piece][c];
        }
        apart->expected = cost_of_first(solving, solving->values);
        if (isfinite(apart->expected))
            read_whole(solving, &apart->first);
    }
    dr_model_deinit(&model);
    free(values);
}

/* A bound, and of all first stages the one that costs all least. */
static void solve_apart(struct solving *solving, struct dr_first_stage *first,
                        struct dr_joint_answer *answer)
{
    uint32_t pieces = solving->count + (answer->has_first != 0), best = pieces;
    size_t bytes = pieces * sizeof solving->apart[0];
    struct dr_crew crew = {.count = pieces,
                           .at_once = solving->run->options->at_once,
                           .work = apart_work,
                           .context = solving,
                           .stop = solving->run->options->stop};
    double sum = 0;

    solving->apart = dr_crew_memory(bytes);
    FOR(i, pieces) {
        solving->apart[i].bound = -DR_INFINITY;
        solving->apart[i].expected = DR_INFINITY;
    }
    if (answer->has_first)
        read_whole(solving, first);
    (void)dr_crew_run(&crew);
    FOR(i, pieces) {
        const struct apart *apart = &solving->apart[i];

        if (i < solving->count)
            sum += apart->bound - SAFE * fabs(apart->bound);
        if (isfinite(apart->expected) &&
            (best == pieces || apart->expected < solving->apart[best].expected))
            best = i;
    }
    if (best < solving->count) {
        *first = solving->apart[best].first;
        answer->has_first = 1;
    }
    dr_crew_release(solving->apart, bytes);
    if (isfinite(sum))
        answer->bound = fmax(answer->bound, sum * solving->programs[0]->money_scale);
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

/* A small program: its linear program, the first stage whole, and each future by itself. */
static int solve_small(struct solving *solving, struct dr_first_stage *first,
                       struct dr_joint_answer *answer)
{
    if (!solve_linear(solving, answer))
        return 0;
    solve_first(solving, answer);
    solve_apart(solving, first, answer);
    return 1;
}

static int solve(struct solving *solving, int all_whole, struct dr_first_stage *first,
                 struct dr_joint_answer *answer)
{
    int small = solving->programs[0]->whole_lots, good = 0;
    struct dr_error error = {0};

    solving->values = calloc(solving->joint.model.columns_count, sizeof solving->values[0]);
    solving->reduced = calloc(solving->joint.model.columns_count, sizeof solving->reduced[0]);
    solving->duals = calloc(solving->joint.model.rows_count, sizeof solving->duals[0]);
    if (solving->values == NULL || solving->reduced == NULL || solving->duals == NULL)
        abort();
    if (dr_solver_open(&solving->solver, &solving->joint.model, solving->run->options->stop,
                       &error) == DR_OK)
        good = !small      ? solve_large(solving, answer)
               : all_whole ? solve_whole(solving, answer)
                           : solve_small(solving, first, answer);
    dr_solver_close(solving->solver);
    if (answer->has_first && small && all_whole)
        read_whole(solving, first);
    else if (answer->has_first && !small)
        answer->has_first = round_large(solving, first);
    free(solving->values);
    free(solving->reduced);
    free(solving->duals);
    return good;
}

int dr_joint_solve(const struct run *run, int all_whole, int64_t end_us,
                   struct dr_first_stage *first, struct dr_joint_answer *answer)
{
    struct solving solving = {.run = run, .count = run->futures->worlds_count, .end_us = end_us};
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
        solving.weights[i] = (double)run->worlds[i].future.weight_micro / (double)DR_PLAN_MICRO;
    }
    dr_joint_init(&solving.joint, (const struct dr_program *const *)solving.programs,
                  solving.weights, solving.count);
    good = solve(&solving, all_whole, first, answer);
    dr_joint_deinit(&solving.joint);
    FOR(i, solving.count) {
        dr_program_deinit(solving.programs[i]);
        free(solving.programs[i]);
    }
    return good;
}
